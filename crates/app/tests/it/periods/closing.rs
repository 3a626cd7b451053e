//! The act of closing: what it waits for, and that it is one act whatever happens in the middle of it.

use app::Kind;
use app::periods::{PeriodState, Waiting};
use domain::books::{BillEntry, Mark};
use domain::chain::{Account, Buyer};
use domain::ids::PartnerId;
use domain::invoice::Invoice;
use domain::registration::BillingModel;

use super::{WHOLESALE, all_replay, corrected, month, october, retail};
use crate::house::{CSP, House, STACK, operator};
use crate::people::refusal;
use crate::tearing::Tear;

/// October with 10 hours in it, over and reported.
async fn reported() -> House {
    let house = october().await;
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T11:00:00Z", "10")])
        .await;
    house.it_is("2026-11-01T02:00:00Z");
    house.declares("2026-11-01T00:00:00Z").await;
    house
}

async fn october_of(house: &House) -> PeriodState {
    let view = house.app().period(&operator(), month("2026-10")).await.unwrap();
    view.state
}

#[tokio::test]
async fn closing_twice_is_one_close() {
    let house = reported().await;
    let closed = house.closes("2026-10").await;
    let PeriodState::Closed { invoices, .. } = closed.state else {
        panic!("{closed:?}")
    };
    assert_eq!(invoices, 2);
    let written = house.bills.written();
    house.it_is("2026-11-05T02:00:00Z");
    assert_eq!(house.closes("2026-10").await, closed);
    assert_eq!(house.bills.written(), written, "nothing is written again");
    assert_eq!(house.app().resume_closing().await.unwrap(), None);
    let house = house.restarted().await;
    assert_eq!(house.closes("2026-10").await, closed);
}

#[tokio::test]
async fn a_crash_at_any_step_of_a_close_resumes_to_the_same_bytes() {
    let whole = reported().await;
    let closed = whole.closes("2026-10").await;
    let invoices = whole.invoices(None).await;
    let documents = whole.bills.written();
    assert_eq!(
        documents, 5,
        "the catalog, two invoices, and what each was reckoned from"
    );
    for after in 0..=documents {
        let house = reported().await;
        house.bills.tears(Tear::After(after));
        let died = house
            .app()
            .close_period(&operator(), month("2026-10"), true)
            .await;
        assert_eq!(
            refusal(died),
            (Kind::Unavailable, "StorageUnavailable"),
            "after {after}"
        );
        let begun = after > 1;
        let expected = if begun {
            PeriodState::Closing
        } else {
            PeriodState::Open
        };
        assert_eq!(october_of(&house).await, expected, "after {after}");
        let shown = house.invoices(None).await;
        assert_eq!(
            shown,
            [],
            "documents are shown when the period is closed, not before"
        );
        let house = house.restarted().await;
        // What comes in between is no part of what was fixed.
        let late = [("2026-10-21T11:00:00Z", "2")];
        if begun {
            house.hears("2026-11-04T12:00:00Z", &late).await;
            house
                .maps(None, "2026-10-05T00:00:00Z", "2026-10-21T00:00:00Z")
                .await;
            house.it_is("2026-11-01T02:00:00Z");
        }
        let resumed = house.app().resume_closing().await.unwrap();
        assert_eq!(resumed.is_some(), begun, "after {after}");
        let by_asking = house.closes("2026-10").await;
        assert_eq!(by_asking, closed, "after {after}");
        assert_eq!(house.invoices(None).await, invoices, "after {after}");
        all_replay(&house, "2026-10").await;
    }
}

#[tokio::test]
async fn the_gate_names_who_is_late_and_opens_by_name_and_reason_alone() {
    let house = october().await;
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T11:00:00Z", "10")])
        .await;
    let (app, october) = (house.app(), month("2026-10"));
    house.it_is("2026-11-01T00:59:59Z");
    let early = app.close_period(&operator(), october, true).await;
    assert_eq!(refusal(early), (Kind::Conflict, "PeriodNotOver"));
    house.it_is("2026-11-01T01:00:00Z");
    house.declares("2026-10-31T23:00:00Z").await;
    let incomplete = app.close_period(&operator(), october, true).await.unwrap_err();
    assert_eq!(
        (incomplete.kind, incomplete.code),
        (Kind::Conflict, "PeriodIncomplete")
    );
    assert!(incomplete.message.contains(&STACK.to_string()), "{incomplete}");
    let waits = app.period(&operator(), october).await.unwrap().gate;
    let [Waiting { waived: None, .. }] = &waits[..] else {
        panic!("{waits:?}")
    };
    let no_reason = app.waive(&operator(), october, STACK, " ").await;
    assert_eq!(refusal(no_reason), (Kind::Invalid, "InvalidReason"));
    let view = app
        .waive(&operator(), october, STACK, "burnt down")
        .await
        .unwrap();
    let waiver = view.gate[0].waived.as_ref().unwrap();
    assert_eq!(
        (waiver.reason.as_str(), waiver.recorded.by),
        ("burnt down", operator().id())
    );
    house.closes("2026-10").await;
    assert_eq!(house.invoices(None).await.len(), 2);
    let too_late = app.waive(&operator(), october, STACK, "burnt down").await;
    assert_eq!(refusal(too_late), (Kind::Conflict, "PeriodClosed"));
}

#[tokio::test]
async fn periods_are_closed_in_order_and_none_is_left_out() {
    let house = reported().await;
    house.closes("2026-10").await;
    house.it_is("2027-01-05T00:00:00Z");
    house.declares("2027-01-05T00:00:00Z").await;
    let left_out = house
        .app()
        .close_period(&operator(), month("2026-12"), true)
        .await;
    assert_eq!(refusal(left_out), (Kind::Conflict, "PeriodNotNext"));
    house.closes("2026-11").await;
    house.closes("2026-12").await;
    let periods = house.app().periods(&operator()).unwrap();
    let shown: Vec<(String, bool)> = periods
        .iter()
        .map(|it| (it.period.to_string(), it.state == PeriodState::Open))
        .collect();
    let shown: Vec<(&str, bool)> = shown
        .iter()
        .map(|(period, open)| (period.as_str(), *open))
        .collect();
    assert_eq!(
        shown,
        [
            ("2026-10", false),
            ("2026-11", false),
            ("2026-12", false),
            ("2027-01", true)
        ]
    );
}

#[tokio::test]
async fn numbers_have_no_gap_within_a_seller_and_none_is_given_twice() {
    let house = reported().await;
    house.closes("2026-10").await;
    house
        .hears("2026-11-04T12:00:00Z", &[("2026-11-03T11:00:00Z", "4")])
        .await;
    house.november_is_closed().await;
    let numbers: Vec<(String, u64)> = house
        .invoices(None)
        .await
        .iter()
        .map(|it: &std::sync::Arc<Invoice>| (it.period.to_string(), it.number.sequence))
        .collect();
    let of = |period: &str, sequence| (period.to_owned(), sequence);
    assert_eq!(
        numbers,
        [
            of("2026-10", 1),
            of("2026-10", 1),
            of("2026-11", 2),
            of("2026-11", 2)
        ]
    );
    let app = house.app();
    for invoice in house.invoices(None).await {
        let number = app.invoice_number(&invoice.number.to_string()).unwrap();
        assert_eq!(app.invoice(&operator(), number).await.unwrap(), invoice);
    }
    for unknown in ["MB-000003", "MB-0", "XX-000001", "none"] {
        let unknown = app.invoice_number(unknown);
        assert_eq!(refusal(unknown), (Kind::NotFound, "InvoiceNotFound"));
    }
}

#[tokio::test]
async fn two_servers_that_close_at_once_make_one_close() {
    let Some(house) = House::shared_at("2026-10-01T00:00:00Z").await else {
        return;
    };
    house.register(BillingModel::PayAsYouUse).await;
    house.add_tenant(CSP, None).await.unwrap();
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T11:00:00Z", "10")])
        .await;
    house.it_is("2026-11-01T02:00:00Z");
    house.declares("2026-11-01T00:00:00Z").await;
    let (one, other) = (house.server(1).await, house.server(2).await);
    let (by, period) = (operator(), month("2026-10"));
    let (first, second) = tokio::join!(
        one.app.close_period(&by, period, true),
        other.app.close_period(&by, period, true)
    );
    let first = first.unwrap();
    assert_eq!(first, second.unwrap());
    house.app().catch_up().await.unwrap();
    let issued = house.invoices(None).await;
    assert_eq!(issued.len(), 2);
    assert!(issued.iter().all(|it| it.number.sequence == 1), "{issued:?}");
    all_replay(&house, "2026-10").await;
}

#[tokio::test]
async fn usage_that_has_no_price_would_be_given_away_at_the_close_without_a_word() {
    let house = House::without_prices_at("2026-10-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.add_tenant(CSP, None).await.unwrap();
    house.sells_for("1.5", "2026-10-15T00:00:00Z").await.unwrap();
    let unpriced = async || {
        let accounts = house.app().running_accounts(&operator(), month("2026-10")).await;
        let of_each = accounts.unwrap().into_iter();
        of_each.map(|it| (it.account, it.unpriced)).collect::<Vec<_>>()
    };
    let priced = [("2026-10-20T11:00:00Z", "1")];
    house.hears("2026-10-20T12:00:00Z", &priced).await;
    assert_eq!(unpriced().await, [(retail(CSP), [].into())]);
    let before_any_price = [("2026-10-10T11:00:00Z", "10")];
    house.hears("2026-10-20T13:00:00Z", &before_any_price).await;
    assert_eq!(unpriced().await, [(retail(CSP), ["vCPU".to_owned()].into())]);
}

#[tokio::test]
async fn the_running_month_is_what_its_invoice_will_be() {
    let house = reported().await;
    let (app, october) = (house.app(), month("2026-10"));
    let accounts = app.running_accounts(&operator(), october).await.unwrap();
    let named: Vec<_> = accounts.iter().map(|it| it.account).collect();
    assert_eq!(named, [WHOLESALE, retail(CSP)]);
    let mut running = Vec::new();
    for it in accounts {
        let so_far = app
            .running(&operator(), it.account, october)
            .await
            .unwrap()
            .invoice;
        assert_eq!(
            (it.subtotal, it.tax, it.total),
            (so_far.subtotal, so_far.tax, so_far.total)
        );
        assert_eq!(so_far.number.sequence, 0, "numbers are given at the close");
        running.push(so_far);
    }
    house.closes("2026-10").await;
    for mut expected in running {
        let issued = house.invoice_of("2026-10", expected.account).await.unwrap();
        expected.number = issued.number;
        assert_eq!(expected, *issued);
        let closed = app.running(&operator(), expected.account, october).await;
        assert_eq!(refusal(closed), (Kind::Conflict, "PeriodClosed"));
    }
    let closed = app.running_accounts(&operator(), october).await;
    assert_eq!(refusal(closed), (Kind::Conflict, "PeriodClosed"));
    // What changes in the closed month shows in the running one at once.
    house
        .hears("2026-11-04T12:00:00Z", &[("2026-10-21T11:00:00Z", "2")])
        .await;
    let november = app
        .running(&operator(), retail(CSP), month("2026-11"))
        .await
        .unwrap();
    assert_eq!(
        corrected(&november.invoice),
        ["2026-10 15.00 -> 18.00: 3.00 (LateUsage)"]
    );
    let december = app
        .running(&operator(), retail(CSP), month("2026-12"))
        .await
        .unwrap();
    assert_eq!(corrected(&december.invoice), [""; 0], "it is corrected once");
}

#[tokio::test]
async fn a_memory_older_than_the_close_would_reckon_another_bill_and_call_it_the_same() {
    let house = reported().await;
    house.closes("2026-10").await;
    house
        .hears("2026-11-04T12:00:00Z", &[("2026-11-03T11:00:00Z", "4")])
        .await;
    house.it_is("2026-12-01T02:00:00Z");
    let october = house.app().period(&operator(), month("2026-10")).await.unwrap();
    let begun = |sequence| {
        let catalog = blake3::hash(&store::bill_forms::encode_catalog(house.app().catalog()).unwrap());
        BillEntry::ClosingBegun {
            period: month("2026-11"),
            marks: vec![Mark {
                stack: STACK,
                sequence,
            }],
            catalog: *catalog.as_bytes(),
        }
    };
    // Two deliveries and a declaration came.
    let ahead = begun(4).into();
    let house = house.with_entry(Some(ahead)).await;
    let older = (Kind::Conflict, "UsageOlderThanClose");
    let app = house.app();
    assert_eq!(refusal(app.resume_closing().await), older);
    let asked = app
        .close_period(&operator(), month("2026-11"), true)
        .await
        .unwrap_err();
    assert_eq!((asked.kind, asked.code), older);
    for said in [&*STACK.to_string(), "number 4", "number 3", "2026-11"] {
        assert!(asked.message.contains(said), "{said}: {asked}");
    }
    assert_eq!(
        app.period(&operator(), month("2026-10")).await.unwrap(),
        october,
        "what was closed before stays closed"
    );
    all_replay(&house, "2026-10").await;
    // What is missing comes back.
    house
        .hears("2026-12-01T02:00:00Z", &[("2026-11-05T11:00:00Z", "1")])
        .await;
    let closed = house.app().resume_closing().await.unwrap().unwrap();
    assert_eq!(closed.period, month("2026-11"));
    all_replay(&house, "2026-11").await;
}

#[tokio::test]
async fn replays_that_are_asked_for_again_and_again_do_not_take_all_of_the_server() {
    let house = reported().await;
    house.closes("2026-10").await;
    let (app, by, october) = (house.app(), operator(), month("2026-10"));
    let (first, second) = tokio::join!(app.replay_period(&by, october), app.replay_period(&by, october));
    assert!(first.unwrap().iter().all(|replay| replay.same));
    assert_eq!(refusal(second), (Kind::Busy, "ReplayRunning"));
    all_replay(&house, "2026-10").await;
    let open = app.replay_period(&by, month("2026-11")).await;
    assert_eq!(refusal(open), (Kind::Conflict, "PeriodNotClosed"));
}

#[tokio::test]
async fn a_first_month_closed_by_a_slip_leaves_those_before_it_without_invoices_for_ever() {
    let house = reported().await;
    let (app, by, october) = (house.app(), operator(), month("2026-10"));
    let slip = app.close_period(&by, october, false).await.unwrap_err();
    assert_eq!((slip.kind, slip.code), (Kind::Conflict, "FirstPeriod"));
    for said in [
        "2026-10 would be the first month",
        "\"first\": true",
        "an earlier month",
    ] {
        assert!(slip.message.contains(said), "{said}: {slip}");
    }
    assert_eq!(october_of(&house).await, PeriodState::Open, "nothing was begun");
    // It is taken up again without being said once more, and no later one is the first.
    house.bills.tears(Tear::After(2));
    let died = app.close_period(&by, october, true).await;
    assert_eq!(refusal(died), (Kind::Unavailable, "StorageUnavailable"));
    drop(app);
    let house = house.restarted().await;
    let closed = house.app().close_period(&by, october, false).await.unwrap();
    assert_eq!(house.closes("2026-10").await, closed);
    house.it_is("2026-12-01T02:00:00Z");
    house.declares("2026-12-01T00:00:00Z").await;
    let next = house.app().close_period(&by, month("2026-11"), false).await;
    assert!(next.is_ok(), "{next:?}");
}

#[tokio::test]
async fn nobody_has_a_running_bill_who_was_never_there() {
    let house = october().await;
    let nobody = Account {
        buyer: Buyer::Partner(PartnerId::from_bytes([0x99; 16])),
        ..WHOLESALE
    };
    let running = house.app().running(&operator(), nobody, month("2026-10")).await;
    assert_eq!(refusal(running), (Kind::NotFound, "AccountNotFound"));
}
