//! What mapping a tenant for past hours would move and cost, before it is done; and that it comes to that.

use std::collections::BTreeMap;

use app::Kind;
use app::periods::{Backdating, MONTHS_MOVED_MAX, Settled};
use domain::authorization::{PartnerRole, RoleDefinition, Scope};
use domain::chain::Account;
use domain::ids::SubscriptionId;
use domain::registration::{BillingModel, Warning};
use domain::time::{Hour, HourInterval};

use super::{OTHER, WHOLESALE, corrected, month, october, retail};
use crate::house::{CSP, CUSTOMER, House, PARTNER, SHARED, STACK, TENANT, VCPU, operator};
use crate::people::refusal;

fn hours(from: &str, until: Option<&str>) -> HourInterval {
    let until = until.map_or(Hour::MAX, |until| until.parse().unwrap());
    HourInterval::new(from.parse().unwrap(), until).unwrap()
}

/// October is closed with 10 hours before the 15th and 4 after it; November has 6 so far.
async fn two_months() -> House {
    let house = october().await;
    let usage = [("2026-10-10T11:00:00Z", "10"), ("2026-10-20T11:00:00Z", "4")];
    house.hears("2026-10-20T12:00:00Z", &usage).await;
    house.october_is_closed().await;
    let usage = [("2026-11-02T11:00:00Z", "5"), ("2026-11-03T11:00:00Z", "1")];
    house.hears("2026-11-04T12:00:00Z", &usage).await;
    house
}

async fn preview(house: &House, to: Option<SubscriptionId>, valid: HourInterval) -> Backdating {
    let app = house.app();
    app.preview_mapping(&operator(), STACK, TENANT, to, valid)
        .await
        .unwrap()
}

/// From whom to whom in which month, how many records and how much.
fn moved(preview: &Backdating) -> Vec<(String, SubscriptionId, SubscriptionId, u64, String)> {
    let moved = preview.moved.iter().map(|it| {
        let quantity = it.quantities[&VCPU].to_string();
        assert_eq!(it.quantities.len(), 1);
        (it.period.to_string(), it.from, it.to, it.records, quantity)
    });
    moved.collect()
}

fn costs(preview: &Backdating) -> Vec<(String, Settled, Account, String)> {
    let costs = preview.differences.iter().map(|it| {
        let text = format!("{} -> {}: {}", it.before, it.after, it.difference);
        (it.period.to_string(), it.settled, it.account, text)
    });
    costs.collect()
}

/// What an account's bill of the open month says: its lines, and its corrections of October, in cents.
async fn running(house: &House, account: Account) -> (i128, i128) {
    let app = house.app();
    let running = app.running(&operator(), account, month("2026-11")).await.unwrap();
    let sum = |of: &str| {
        let amounts = running.invoice.amounts();
        let of = amounts.filter(|(period, ..)| *period == month(of));
        of.map(|(.., amount)| amount.minor_units()).sum()
    };
    (sum("2026-11"), sum("2026-10"))
}

#[tokio::test]
async fn what_backdating_moves_and_costs_is_known_before_it_is_done_and_is_what_the_next_close_charges() {
    let house = two_months().await;
    let valid = hours("2026-10-15T00:00:00Z", None);
    let entered = house.app().mapping_history(&operator(), STACK).unwrap();
    let expected = preview(&house, Some(OTHER), valid).await;
    assert_eq!(
        house.app().mapping_history(&operator(), STACK).unwrap(),
        entered,
        "a preview enters nothing"
    );
    let in_month =
        |month: &str, records, quantity: &str| (month.to_owned(), CSP, OTHER, records, quantity.to_owned());
    assert_eq!(
        moved(&expected),
        [in_month("2026-10", 1, "4"), in_month("2026-11", 2, "6")]
    );
    assert_eq!(
        expected.moved[0].to_name,
        Some(house.app().subscription(OTHER).unwrap().name)
    );
    let of =
        |month: &str, settled, account, text: &str| (month.to_owned(), settled, account, text.to_owned());
    let (corrections, running_bill) = (Settled::Corrections, Settled::RunningBill);
    assert_eq!(
        costs(&expected),
        [
            of("2026-10", corrections, WHOLESALE, "14.00 -> 14.00: 0.00"),
            of("2026-10", corrections, retail(CSP), "21.00 -> 15.00: -6.00"),
            of("2026-10", corrections, retail(OTHER), "0.00 -> 6.00: 6.00"),
            of("2026-11", running_bill, WHOLESALE, "6.00 -> 6.00: 0.00"),
            of("2026-11", running_bill, retail(CSP), "9.00 -> 0.00: -9.00"),
            of("2026-11", running_bill, retail(OTHER), "0.00 -> 9.00: 9.00"),
        ]
    );
    assert_eq!((expected.withheld, &expected.warnings[..]), (false, &[][..]));
    let accounts = [WHOLESALE, retail(CSP), retail(OTHER)];
    let mut before = BTreeMap::new();
    for account in accounts {
        before.insert(account, running(&house, account).await);
    }

    let app = house.app();
    app.map_tenant(&operator(), STACK, TENANT, Some(OTHER), valid)
        .await
        .unwrap();
    for account in accounts {
        let of_month = |of: &str| {
            let of = expected
                .differences
                .iter()
                .filter(|it| it.account == account && it.period == month(of));
            of.map(|it| it.difference.minor_units()).sum::<i128>()
        };
        let (lines, corrections) = before[&account];
        let is = running(&house, account).await;
        assert_eq!(
            is,
            (lines + of_month("2026-11"), corrections + of_month("2026-10")),
            "{account:?}"
        );
    }
    house.november_is_closed().await;
    for it in expected.differences.iter().filter(|it| it.settled == corrections) {
        let issued = house.invoice_of("2026-11", it.account).await.unwrap();
        let charged: i128 = issued.corrections.iter().map(|it| it.amount.minor_units()).sum();
        assert_eq!(charged, it.difference.minor_units(), "{:?}", corrected(&issued));
    }
    let again = preview(&house, Some(OTHER), valid).await;
    assert_eq!((moved(&again), costs(&again)), (vec![], vec![]));
    assert_eq!(again.warnings, [Warning::MappingUnchanged { tenant: TENANT }]);
}

#[tokio::test]
async fn where_prices_are_equal_backdating_costs_nobody_anything_in_sum() {
    let house = two_months().await;
    for (from, until) in [
        ("2026-10-01T00:00:00Z", None),
        ("2026-10-20T11:00:00Z", Some("2026-11-02T12:00:00Z")),
        ("2026-11-03T00:00:00Z", Some("2026-11-04T00:00:00Z")),
    ] {
        let preview = preview(&house, Some(OTHER), hours(from, until)).await;
        assert!(!preview.moved.is_empty(), "{from}");
        let differences = preview.differences.iter();
        let (of_partner, of_buyers): (Vec<_>, Vec<_>) = differences.partition(|it| it.account == WHOLESALE);
        let sum = |of: &[&app::periods::BillDifference]| -> i128 {
            of.iter().map(|it| it.difference.minor_units()).sum()
        };
        assert_eq!((sum(&of_partner), sum(&of_buyers)), (0, 0), "{from}");
        let given = of_buyers.iter().filter(|it| it.account == retail(CSP));
        assert!(
            given.map(|it| it.difference.minor_units()).sum::<i128>() < 0,
            "{from}"
        );
    }
}

#[tokio::test]
async fn a_partner_that_takes_a_tenant_back_sees_what_it_does_not_sell_any_more() {
    let house = two_months().await;
    let preview = preview(
        &house,
        None,
        hours("2026-10-15T00:00:00Z", Some("2026-11-01T00:00:00Z")),
    )
    .await;
    let payers: Vec<_> = preview.moved.iter().map(|it| (it.from, it.to)).collect();
    assert_eq!(payers, [(CSP, SHARED)]);
    let costs = costs(&preview);
    let texts: Vec<_> = costs
        .iter()
        .map(|(_, _, account, text)| (*account, text.as_str()))
        .collect();
    assert_eq!(
        texts,
        [
            (WHOLESALE, "14.00 -> 14.00: 0.00"),
            (retail(CSP), "21.00 -> 15.00: -6.00")
        ],
        "the partner buys it all the same, and uses it itself"
    );
}

#[tokio::test]
async fn a_month_before_the_first_close_is_not_said_to_be_corrected() {
    let house = october().await;
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T11:00:00Z", "10")])
        .await;
    house.november_is_closed().await;
    let preview = preview(&house, Some(OTHER), hours("2026-10-15T00:00:00Z", None)).await;
    let settled: Vec<_> = preview.differences.iter().map(|it| it.settled).collect();
    assert_eq!(settled, [Settled::Nowhere; 3]);
    house
        .maps(Some(OTHER), "2026-10-15T00:00:00Z", "2027-01-01T00:00:00Z")
        .await;
    let december = house
        .app()
        .running(&operator(), retail(OTHER), month("2026-12"))
        .await;
    assert_eq!(december.unwrap().invoice.total.minor_units(), 0);
}

#[tokio::test]
async fn usage_that_is_still_to_come_is_not_counted_and_a_mapping_from_now_on_moves_nothing() {
    let house = two_months().await;
    house.it_is("2026-11-05T00:00:00Z");
    let preview = preview(&house, Some(OTHER), hours("2026-11-05T00:00:00Z", None)).await;
    assert_eq!((moved(&preview), costs(&preview)), (vec![], vec![]));
}

#[tokio::test]
async fn a_preview_shows_no_bill_and_no_payer_to_whoever_does_not_read_them() {
    let house = two_months().await;
    let app = house.app();
    let valid = hours("2026-10-15T00:00:00Z", None);
    let (seller, customer) = (house.program("seller").await, house.program("customer").await);
    house
        .give_partner_role(&seller, PartnerRole::AdminAgent(PARTNER))
        .await;
    house
        .give_partner_role(&customer, PartnerRole::CustomerUser(CUSTOMER))
        .await;
    let sees = app
        .preview_mapping(&seller, STACK, TENANT, Some(OTHER), valid)
        .await;
    assert_eq!(sees.unwrap(), preview(&house, Some(OTHER), valid).await);
    // Who may do it without reading the bills of either side learns that there is more, and no more than that.
    let clerk = house.program("clerk").await;
    house
        .give(&clerk, RoleDefinition::CONTRIBUTOR, &Scope::Subscription(SHARED))
        .await;
    let sees = app
        .preview_mapping(&clerk, STACK, TENANT, None, valid)
        .await
        .unwrap();
    assert!(sees.differences.is_empty() && sees.withheld, "{sees:?}");
    for moved in &sees.moved {
        let names = (&moved.from_name, moved.to_name.is_some());
        assert_eq!(names, (&None, true), "{moved:?}");
    }
    let unread = app
        .preview_mapping(&customer, STACK, TENANT, Some(OTHER), valid)
        .await;
    let may_not = app.map_tenant(&customer, STACK, TENANT, Some(OTHER), valid).await;
    assert_eq!(refusal(unread), refusal(may_not));
    let nobody = house.program("nobody").await;
    let unread = app
        .preview_mapping(&nobody, STACK, TENANT, Some(OTHER), valid)
        .await;
    assert_eq!(refusal(unread), (Kind::NotFound, "RegistrationNotFound"));
}

#[tokio::test]
async fn a_mapping_that_moves_the_usage_of_many_years_does_not_hold_up_the_server() {
    let house = House::built_at("2020-01-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    let months = (2020..2025).flat_map(|year| (1..=12).map(move |month| (year, month)));
    let months = months.chain([(2025, 1)]);
    let used: Vec<String> = months
        .map(|(year, month)| format!("{year}-{month:02}-10T11:00:00Z"))
        .collect();
    let usage: Vec<(&str, &str)> = used.iter().map(|hour| (hour.as_str(), "1")).collect();
    house.hears("2025-02-01T12:00:00Z", &usage).await;
    let all = hours("2020-01-01T00:00:00Z", None);
    let app = house.app();
    let refused = app
        .preview_mapping(&operator(), STACK, TENANT, Some(CSP), all)
        .await;
    assert_eq!(refusal(refused), (Kind::Conflict, "TooManyMonthsMoved"));
    let all_but_one = hours("2020-01-01T00:00:00Z", Some("2025-01-01T00:00:00Z"));
    let moved = preview(&house, Some(CSP), all_but_one).await.moved;
    assert_eq!(moved.len(), MONTHS_MOVED_MAX);
}
