use super::*;
use crate::books::tests::{DIRECT, PROVIDER, RESELLER, STACK, SUBSCRIPTION, books, enter, registered, sold};
use crate::books::{Books, Contradiction, PeriodRefused};
use crate::ids::PartnerId;
use crate::money::Money;
use crate::profile::InvalidProfile;
use crate::reckoning::capacity_of;
use crate::registration::{BillingModel, HardwareNode};
use crate::terms::{InvalidTerms, Tax};

fn period(text: &str) -> Period {
    text.parse().unwrap()
}

fn hour(text: &str) -> Hour {
    text.parse().unwrap()
}

fn usd(minor_units: i128) -> Option<Money> {
    Some(Money::from_minor_units(minor_units, Currency::USD))
}

fn committed(minor_units: i128) -> Terms {
    Terms {
        minimum_commitment: usd(minor_units),
        ..Terms::default()
    }
}

fn taxed(percent: &str) -> Terms {
    Terms {
        tax: Some(Tax {
            percent: percent.parse().unwrap(),
            label: "VAT".to_owned(),
        }),
        ..Terms::default()
    }
}

const TO_CUSTOMER: Link = Link {
    seller: Seller::Partner(DIRECT),
    buyer: Buyer::Subscription(SUBSCRIPTION),
};
const TO_PARTNER: Link = Link {
    seller: Seller::Platform,
    buyer: Buyer::Partner(DIRECT),
};

fn set(books: &mut Books, link: Link, for_all: bool, terms: Terms, from: &str) {
    let buyer = (!for_all).then_some(link.buyer);
    let entry = books.set_terms(link.seller, buyer, terms, period(from)).unwrap();
    enter(books, &entry.unwrap()).unwrap();
}

#[test]
fn terms_hold_from_their_month_until_others_do() {
    let mut books = sold();
    set(&mut books, TO_PARTNER, false, committed(100), "2026-10");
    set(&mut books, TO_PARTNER, false, committed(300), "2026-12");
    set(&mut books, TO_PARTNER, false, committed(200), "2026-11");
    set(&mut books, TO_PARTNER, false, committed(150), "2026-10");
    set(&mut books, TO_PARTNER, true, taxed("25"), "2026-11");
    for (month, expected, tax) in [
        ("2026-09", None, false),
        ("2026-10", usd(150), false),
        ("2026-11", usd(200), true),
        ("2026-12", usd(300), true),
        ("2027-06", usd(300), true),
    ] {
        let terms = books.periods().terms_on(TO_PARTNER, period(month));
        assert_eq!(terms.minimum_commitment, expected, "{month}");
        assert_eq!(
            terms.tax.is_some(),
            tax,
            "{month}: the seller's terms for everybody"
        );
        let committed: Vec<Account> = books.periods().committed(period(month)).collect();
        let accounts = expected.map(|it| Account::new(TO_PARTNER, it.currency()));
        assert_eq!(committed, accounts.into_iter().collect::<Vec<_>>(), "{month}");
        let other = books.periods().terms_on(TO_CUSTOMER, period(month));
        assert_eq!(other, Terms::default(), "{month}: another seller's");
    }
    assert_eq!(books.periods().terms().count(), 4);
}

#[test]
fn each_member_of_terms_is_decided_by_the_buyers_own_or_by_those_for_everybody() {
    let mut books = sold();
    set(&mut books, TO_CUSTOMER, true, taxed("25"), "2026-09");
    set(&mut books, TO_CUSTOMER, false, committed(100), "2026-10");
    set(&mut books, TO_CUSTOMER, false, taxed("0"), "2026-12");
    set(&mut books, TO_CUSTOMER, true, taxed("20"), "2027-01");
    set(&mut books, TO_CUSTOMER, false, Terms::default(), "2027-03");
    type Says = fn(&Terms) -> bool;
    let (tax, commitment): (Says, Says) = (|it| it.tax.is_some(), |it| it.minimum_commitment.is_some());
    let own = Some(TO_CUSTOMER.buyer);
    for (says, month, expected) in [
        (tax, "2026-08", None),
        // The buyer's own say nothing of it until December, and nothing again from March on.
        (tax, "2026-11", Some((None, "2026-09", Some("2026-12")))),
        (tax, "2027-02", Some((own, "2026-12", Some("2027-03")))),
        (tax, "2027-03", Some((None, "2027-01", None))),
        (commitment, "2026-10", Some((own, "2026-10", Some("2026-12")))),
        (commitment, "2026-12", None),
    ] {
        let deciding = books
            .periods()
            .terms_deciding(TO_CUSTOMER, period(month), says)
            .map(|it| (it.buyer, it.from, it.until));
        let expected = expected
            .map(|(buyer, from, until): (_, &str, Option<&str>)| (buyer, period(from), until.map(period)));
        assert_eq!(deciding, expected, "{month}");
    }
}

#[test]
fn terms_that_are_set_already_enter_nothing() {
    let mut books = sold();
    set(&mut books, TO_CUSTOMER, false, committed(100), "2026-10");
    let again = |books: &Books, terms, from| {
        let buyer = Some(TO_CUSTOMER.buyer);
        books
            .set_terms(TO_CUSTOMER.seller, buyer, terms, period(from))
            .unwrap()
            .is_some()
    };
    assert!(!again(&books, committed(100), "2026-10"));
    assert!(again(&books, committed(101), "2026-10"));
    assert!(
        again(&books, committed(100), "2026-11"),
        "a later change of October's would not change November's"
    );
}

#[test]
fn terms_are_agreed_on_by_those_who_deal_with_each_other() {
    let books = sold();
    let platform = Seller::Platform;
    let by = Seller::Partner;
    let (partner, subscription) = (Buyer::Partner, Buyer::Subscription(SUBSCRIPTION));
    let nobody = PartnerId::from_bytes([99; 16]);
    for (seller, buyer, is_sold) in [
        (platform, partner(DIRECT), true),
        (platform, partner(PROVIDER), true),
        (platform, partner(RESELLER), false),
        (by(PROVIDER), partner(RESELLER), true),
        (by(DIRECT), partner(RESELLER), false),
        (by(PROVIDER), partner(PROVIDER), false),
        (by(DIRECT), subscription, true),
        (by(RESELLER), subscription, false),
        (platform, subscription, false),
        (platform, partner(nobody), false),
    ] {
        let set = books.set_terms(seller, Some(buyer), committed(1), period("2026-10"));
        let expected = PeriodRefused::NoSuchSale { seller, buyer };
        match set {
            Ok(entry) => assert!(is_sold && entry.is_some(), "{seller} to {buyer}"),
            Err(refused) => assert_eq!((is_sold, refused), (false, expected), "{seller} to {buyer}"),
        }
    }
    let unknown = books.set_terms(by(nobody), None, taxed("25"), period("2026-10"));
    assert_eq!(unknown, Err(PeriodRefused::UnknownSeller(by(nobody))));
    let for_all = books.set_terms(platform, None, committed(1), period("2026-10"));
    assert_eq!(for_all, Err(PeriodRefused::Terms(InvalidTerms::WithNobody)));
}

fn begun(books: &Books, month: &str, now: &str) -> Result<Entry, PeriodRefused> {
    let marks = vec![Mark {
        stack: STACK,
        sequence: 7,
    }];
    books.begin_closing(period(month), hour(now), marks, [0xca; 32])
}

fn finished(books: &Books, month: &str, last: u64) -> Result<Option<Entry>, PeriodRefused> {
    books.finish_closing(period(month), [0xd1; 32], 1, [(Seller::Platform, last)].into())
}

fn close(books: &mut Books, month: &str, now: &str, last: u64) {
    let entry = begun(books, month, now).unwrap();
    enter(books, &entry).unwrap();
    let entry = finished(books, month, last).unwrap().unwrap();
    enter(books, &entry).unwrap();
}

#[test]
fn a_month_closes_in_two_entries_and_once() {
    let mut books = sold();
    let entry = begun(&books, "2026-10", "2026-11-01T01:00:00Z").unwrap();
    enter(&mut books, &entry).unwrap();
    let closing = books.periods().closing().unwrap().clone();
    assert_eq!(
        closing.begun.entry,
        books.entries(),
        "the books are those of this entry"
    );
    assert_eq!((closing.marks.len(), closing.catalog), (1, [0xca; 32]));
    assert_eq!(books.periods().closed(period("2026-10")), None);
    let again = begun(&books, "2026-10", "2026-11-01T02:00:00Z");
    assert_eq!(again, Err(PeriodRefused::IsClosing(period("2026-10"))));
    let entry = finished(&books, "2026-10", 3).unwrap().unwrap();
    enter(&mut books, &entry).unwrap();
    assert_eq!(books.periods().closing(), None);
    let closed = books.periods().closed(period("2026-10")).unwrap();
    assert_eq!(
        (&closed.closing, closed.digest, closed.invoices),
        (&closing, [0xd1; 32], 1)
    );
    assert_eq!(books.periods().last_number(Seller::Platform), 3);
    assert_eq!(books.periods().last_number(Seller::Partner(DIRECT)), 0);
    assert_eq!(
        finished(&books, "2026-10", 3),
        Ok(None),
        "closing twice is one close"
    );
    let twice = begun(&books, "2026-10", "2026-12-01T00:00:00Z");
    assert_eq!(twice, Err(PeriodRefused::IsClosed(period("2026-10"))));
}

#[test]
fn months_close_in_order_and_when_they_are_over() {
    let mut books = sold();
    let too_early = |month: &str, from: &str| {
        let (period, from) = (period(month), hour(from));
        Err(PeriodRefused::TooEarly { period, from })
    };
    let early = begun(&books, "2026-10", "2026-11-01T00:00:00Z");
    assert_eq!(early, too_early("2026-10", "2026-11-01T01:00:00Z"));
    close(&mut books, "2026-10", "2026-11-01T01:00:00Z", 1);
    assert_eq!(books.periods().next_to_close(), Some(period("2026-11")));
    for other in ["2026-09", "2026-12"] {
        let refused = begun(&books, other, "2027-02-01T00:00:00Z");
        let next = period("2026-11");
        assert_eq!(refused, Err(PeriodRefused::NotTheNext { next }), "{other}");
    }
    assert_eq!(
        finished(&books, "2026-11", 2),
        Err(PeriodRefused::NotBegun(period("2026-11")))
    );
    close(&mut books, "2026-11", "2026-12-01T01:00:00Z", 2);
    assert_eq!(books.periods().all_closed().count(), 2);
}

#[test]
fn entries_that_cannot_follow_are_reported() {
    let mut books = sold();
    let begin = |month: &str| -> Entry {
        BillEntry::ClosingBegun {
            period: period(month),
            marks: Vec::new(),
            catalog: [0; 32],
        }
        .into()
    };
    let end = |month: &str, last| -> Entry {
        BillEntry::PeriodClosed {
            period: period(month),
            digest: [0; 32],
            invoices: 1,
            numbers: [(Seller::Platform, last)].into(),
        }
        .into()
    };
    let because = |entered: Result<(), Contradiction>| entered.unwrap_err().because;
    assert_eq!(
        because(enter(&mut books, &end("2026-10", 1))),
        "closing the period was not begun"
    );
    enter(&mut books, &begin("2026-10")).unwrap();
    assert_eq!(
        because(enter(&mut books, &begin("2026-11"))),
        "another period is being closed"
    );
    assert_eq!(
        because(enter(&mut books, &end("2026-11", 1))),
        "closing the period was not begun"
    );
    enter(&mut books, &end("2026-10", 1)).unwrap();
    assert_eq!(
        because(enter(&mut books, &begin("2026-12"))),
        "the period is not the next one to be closed"
    );
    enter(&mut books, &begin("2026-11")).unwrap();
    assert_eq!(
        because(enter(&mut books, &end("2026-11", 1))),
        "a number of an invoice would be given twice"
    );
    enter(&mut books, &end("2026-11", 2)).unwrap();
}

#[test]
fn a_stack_is_waived_by_name_and_reason_while_the_month_is_open() {
    let month = period("2026-10");
    let after = hour("2026-11-01T00:00:00Z");
    let mut books = sold();
    let refused = books.waive(month, after, STACK, "scrapped");
    assert_eq!(refused, Err(PeriodRefused::UnknownStack(STACK)));
    enter(&mut books, &registered(1, "AzureStack", "2026-10-01T00:00:00Z")).unwrap();
    for reason in ["", "  ", &"x".repeat(501)] {
        assert_eq!(
            books.waive(month, after, STACK, reason),
            Err(PeriodRefused::InvalidReason)
        );
    }
    assert_eq!(
        books.waive(month, after.plus(-1), STACK, "scrapped"),
        Err(PeriodRefused::NotEnded(month)),
        "it may still report all of it"
    );
    let entry = books.waive(month, after, STACK, " scrapped ").unwrap();
    enter(&mut books, &entry).unwrap();
    let waiver = books.periods().waiver(month, STACK).unwrap();
    assert_eq!(
        (waiver.reason.as_str(), waiver.recorded.entry),
        ("scrapped", books.entries())
    );
    assert_eq!(books.periods().waivers(month).count(), 1);
    assert_eq!(books.periods().waiver(period("2026-11"), STACK), None);
    let entry = begun(&books, "2026-10", "2026-11-02T00:00:00Z").unwrap();
    enter(&mut books, &entry).unwrap();
    assert_eq!(
        books.waive(month, after, STACK, "late"),
        Err(PeriodRefused::IsClosing(month))
    );
    let entry = finished(&books, "2026-10", 1).unwrap().unwrap();
    enter(&mut books, &entry).unwrap();
    assert_eq!(
        books.waive(month, after, STACK, "late"),
        Err(PeriodRefused::IsClosed(month))
    );
}

#[test]
fn cores_and_rates_are_stated_for_hours() {
    let mut books = books(&[]);
    let from = |text| HourInterval::from(hour(text));
    let october = from("2026-10-01T00:00:00Z");
    let refused = books.state_cores(STACK, Some(96), october);
    assert_eq!(refused, Err(PeriodRefused::UnknownStack(STACK)));
    books = sold();
    enter(&mut books, &registered(1, "AzureStack", "2026-10-01T00:00:00Z")).unwrap();
    assert_eq!(
        books.state_cores(STACK, Some(0), october),
        Err(PeriodRefused::NoCores)
    );
    for (cores, from) in [(Some(96), october), (None, from("2026-12-01T00:00:00Z"))] {
        let entry = books.state_cores(STACK, cores, from).unwrap();
        enter(&mut books, &entry).unwrap();
    }
    let stated = |at: &str| {
        let timeline = books.periods().stated_cores(STACK).unwrap();
        timeline.at(hour(at)).and_then(|assertion| assertion.value)
    };
    assert_eq!(stated("2026-11-30T23:00:00Z"), Some(96));
    assert_eq!(stated("2026-12-01T00:00:00Z"), None);

    let crown: Currency = "NOK".parse().unwrap();
    let rate = |text: &str| text.parse::<Quantity>().unwrap();
    for (from, to, said) in [(crown, crown, "1"), (Currency::USD, crown, "0")] {
        let set = books.set_rate(from, to, rate(said), hour("2026-10-01T00:00:00Z"));
        assert_eq!(set, Err(PeriodRefused::InvalidRate));
    }
    for (said, since) in [
        ("10.5", "2026-11-01T00:00:00Z"),
        ("10.25", "2026-10-01T00:00:00Z"),
    ] {
        let entry = books
            .set_rate(Currency::USD, crown, rate(said), hour(since))
            .unwrap();
        enter(&mut books, &entry).unwrap();
    }
    for (at, expected) in [
        ("2026-09-30T23:00:00Z", None),
        ("2026-10-31T23:00:00Z", Some("10.25")),
        ("2026-11-01T00:00:00Z", Some("10.5")),
    ] {
        let found = books.periods().rate(Currency::USD, crown, hour(at));
        assert_eq!(found.map(|found| found.rate), expected.map(rate), "{at}");
        assert_eq!(
            books.periods().rate(crown, Currency::USD, hour(at)),
            None,
            "the other way is another rate"
        );
    }
}

#[test]
fn new_hardware_costs_its_fee_from_its_own_hours_on() {
    let first = "2026-10-10T00:00:00Z";
    let Entry::Registered { mut token, id, .. } = registered(1, "AzureStack", first) else {
        panic!("not a registration");
    };
    let node = |cores| HardwareNode {
        name: String::new(),
        uuid: String::new(),
        cores,
        parts: BTreeMap::new(),
    };
    token.hardware = vec![node(24), node(24)];
    token.billing_model = BillingModel::Capacity;
    let mut books = sold();
    for entry in [
        registered(1, "AzureStack", first),
        Entry::Reregistered {
            registration: id,
            token,
            tags: BTreeMap::new(),
            from: hour("2026-10-20T00:00:00Z"),
        },
    ] {
        enter(&mut books, &entry).unwrap();
    }
    let history = books.stack(STACK).unwrap();
    let payers = capacity_of(STACK, history, None, period("2026-10"), HourInterval::ALWAYS);
    let days: Vec<_> = payers[&SUBSCRIPTION].days.iter().collect();
    assert_eq!(days, [(&Some(48), &12)]);
}

#[test]
fn a_profile_is_what_was_set_last_and_setting_it_again_enters_nothing() {
    let mut books = sold();
    let profile = |name: &str| Profile {
        legal_name: name.to_owned(),
        ..Profile::default()
    };
    for of in [
        Trader::Platform,
        Trader::Partner(DIRECT),
        Trader::Subscription(SUBSCRIPTION),
    ] {
        for name in ["Contoso", "Contoso Ltd"] {
            let entry = books.set_profile(of, profile(name)).unwrap().unwrap();
            enter(&mut books, &entry).unwrap();
            assert_eq!(books.set_profile(of, profile(name)), Ok(None));
        }
        assert_eq!(
            books.periods().profile(of).unwrap().profile,
            profile("Contoso Ltd")
        );
    }
    let nobody = Trader::Partner(PartnerId::from_bytes([99; 16]));
    assert_eq!(
        books.set_profile(nobody, profile("Contoso")),
        Err(PeriodRefused::UnknownTrader(nobody))
    );
    assert_eq!(
        books.set_profile(Trader::Platform, profile("")),
        Err(PeriodRefused::Profile(InvalidProfile::Line("a legal name")))
    );
}
