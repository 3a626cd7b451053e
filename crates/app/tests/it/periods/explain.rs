//! Lines of invoices, opened down to what each batch said.

use std::collections::BTreeSet;

use app::access::Caller;
use app::periods::{Decided, Decision, Explained, Level, Opened, PartIs, Side};
use domain::authorization::PartnerRole;
use domain::chain::Seller;
use domain::invoice::Invoice;
use domain::money::{Currency, Money};
use domain::quantity::Rational;
use domain::reckoning::LineKey;
use domain::registration::BillingModel;
use domain::statement::ChargedUsage;
use domain::terms::{CapacityFee, Tax, Terms};
use domain::time::{Hour, HourInterval, Period};
use store::{Bills, DocumentKey, bill_forms};

use super::{OTHER, WHOLESALE, month, october, retail};
use crate::house::{CSP, CUSTOMER, House, PARTNER, STACK, operator};

const fn issued(level: Level) -> Opened {
    Opened {
        side: Side::Issued,
        level,
    }
}

/// A line of an invoice, by the period that it is of.
type OfLine = (Period, LineKey);

impl House {
    async fn opens(&self, invoice: &Invoice, line: OfLine, opened: Opened) -> Explained {
        self.app()
            .explain(&operator(), invoice.number, line, opened, 0)
            .await
            .unwrap()
    }

    /// Opens everything below a part; how many records that is, and what they come to. Each part is what it is as a whole.
    async fn records_below(&self, invoice: &Invoice, line: OfLine, opened: Opened) -> (usize, Money) {
        let mut waiting = vec![(opened, None)];
        let (mut records, mut amount) = (0, Money::zero(invoice.account.currency));
        while let Some((opened, of_part)) = waiting.pop() {
            let level = self.opens(invoice, line, opened).await;
            assert_eq!(level.parts.len(), level.of, "all on one page");
            assert_eq!(level.is.amount, of_part.unwrap_or(level.is.amount), "{opened:?}");
            for part in level.parts {
                match part.opens {
                    Some(below) => waiting.push((below, Some(part.amount))),
                    None if matches!(part.what, PartIs::Now | PartIs::Billed) => {
                        assert_eq!(part.amount.minor_units(), 0);
                    }
                    None => {
                        assert!(matches!(part.what, PartIs::Record(_)));
                        amount = amount.checked_add(part.amount).unwrap();
                        records += 1;
                    }
                }
            }
        }
        (records, amount)
    }

    /// What a caller is told of what a line of an invoice is made by.
    async fn decided(&self, caller: &Caller, invoice: &Invoice, key: LineKey) -> Vec<Decision> {
        let line = (invoice.period, key);
        let opened = self
            .app()
            .explain(caller, invoice.number, line, Opened::LINE, 0)
            .await;
        opened.unwrap().decisions
    }

    /// What the invoice of October to a customer was reckoned from is changed where it is kept.
    async fn somebody_changes(&self, change: impl Fn(&mut ChargedUsage)) {
        let key = DocumentKey::basis(month("2026-10"), retail(CSP));
        let kept = self.bills.get(key).await.unwrap().unwrap();
        let mut basis = bill_forms::decode_basis(&kept).unwrap();
        basis
            .sections
            .get_mut(&CSP)
            .unwrap()
            .usage
            .iter_mut()
            .for_each(change);
        let changed = bill_forms::encode_basis(&basis).unwrap();
        assert_ne!(changed, kept);
        self.bills.change(key, changed);
    }
}

#[tokio::test]
async fn every_cent_of_a_line_is_found_in_the_records_it_was_made_of() {
    let house = october().await;
    let usage = [
        ("2026-10-05T03:00:00Z", "0.333333"),
        ("2026-10-05T04:00:00Z", "0.1"),
        ("2026-10-20T11:00:00Z", "2.7"),
        ("2026-10-31T23:00:00Z", "1"),
    ];
    house.hears("2026-11-01T00:00:00Z", &usage).await;
    // Said again and otherwise at another time: the later counts.
    house
        .hears("2026-11-01T01:00:00Z", &[("2026-10-20T11:00:00Z", "2.9")])
        .await;
    house.october_is_closed().await;
    let issued = house.invoices(Some("2026-10")).await;
    assert_eq!(issued.len(), 2);
    // What comes later explains nothing of what was issued.
    house
        .hears(
            "2026-11-04T12:00:00Z",
            &[("2026-10-20T11:00:00Z", "7"), ("2026-10-06T00:00:00Z", "1")],
        )
        .await;
    for invoice in &issued {
        for (key, line) in &invoice.lines {
            let (records, amount) = house
                .records_below(invoice, (invoice.period, *key), Opened::LINE)
                .await;
            assert_eq!((records, amount), (4, line.amount), "{key:?}");
        }
    }
}

#[tokio::test]
async fn a_line_says_who_decided_that_this_customer_pays_and_what_each_batch_said() {
    let house = october().await;
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T10:00:00Z", "4")])
        .await;
    house
        .hears("2026-10-20T13:00:00Z", &[("2026-10-20T10:00:00Z", "5")])
        .await;
    house.october_is_closed().await;
    let invoice = house.invoice_of("2026-10", retail(CSP)).await.unwrap();
    let (key, _) = invoice.lines.first_key_value().unwrap();
    let level = house
        .opens(&invoice, (invoice.period, *key), issued(Level::Share(0)))
        .await;
    let PartIs::Stretch(stretch) = &level.parts[0].what else {
        panic!("{level:?}")
    };
    let mapping = stretch.mapping.as_ref().unwrap();
    assert!(mapping.from <= "2026-10-20T10:00:00Z".parse().unwrap() && mapping.until.is_none());
    assert!(stretch.registration.is_some() && mapping.recorded.unwrap().entry > 0);
    let day = issued(Level::Resource(0, 0, "2026-10-20".parse().unwrap(), 0));
    let level = house.opens(&invoice, (invoice.period, *key), day).await;
    let [part] = level.parts.as_slice() else {
        panic!("{level:?}")
    };
    let PartIs::Record(record) = &part.what else {
        panic!("{part:?}")
    };
    let said: Vec<(String, u64)> = record
        .sayings
        .iter()
        .map(|it| (it.quantity.to_string(), it.receipt))
        .collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(record.sayings[record.counts].quantity.to_string(), "5");
}

#[tokio::test]
async fn whoever_does_not_read_an_invoice_opens_no_line_of_it_and_there_is_no_other_line() {
    let house = october().await;
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T10:00:00Z", "4")])
        .await;
    house.october_is_closed().await;
    let invoice = house.invoice_of("2026-10", WHOLESALE).await.unwrap();
    let (key, _) = invoice.lines.first_key_value().unwrap();
    let app = house.app();
    let line = (invoice.period, *key);
    let stranger = house.program("stranger").await;
    let refused = app
        .explain(&stranger, invoice.number, line, Opened::LINE, 0)
        .await;
    assert_eq!(refused.unwrap_err().code, "InvoiceNotFound");
    let LineKey::Usage { meter, since, .. } = *key else {
        panic!("{key:?}")
    };
    let other = LineKey::Usage {
        subscription: OTHER,
        meter,
        since,
    };
    for (line, opened) in [
        ((invoice.period, other), Opened::LINE),
        ((invoice.period.next().unwrap(), *key), Opened::LINE),
        (line, issued(Level::Share(7))),
        (line, issued(Level::Stretch(0, 9))),
        (line, issued(Level::Day(0, 0, "2026-10-21".parse().unwrap()))),
        (
            line,
            issued(Level::Resource(0, 0, "2026-10-20".parse().unwrap(), 3)),
        ),
        // It sets nothing right.
        (
            line,
            Opened {
                side: Side::Now,
                level: Level::Line,
            },
        ),
    ] {
        let refused = app.explain(&operator(), invoice.number, line, opened, 0).await;
        assert_eq!(refused.unwrap_err().code, "LineNotFound", "{opened:?}");
    }
}

#[tokio::test]
async fn a_correction_opens_to_what_was_billed_and_to_what_it_costs_now() {
    let house = october().await;
    house
        .hears(
            "2026-10-20T12:00:00Z",
            &[("2026-10-20T10:00:00Z", "4"), ("2026-10-20T11:00:00Z", "6")],
        )
        .await;
    house.october_is_closed().await;
    // One record is said anew, and one comes late.
    house
        .hears(
            "2026-11-03T12:00:00Z",
            &[("2026-10-20T11:00:00Z", "5"), ("2026-10-21T00:00:00Z", "3")],
        )
        .await;
    house.november_is_closed().await;
    let invoices = house.invoices(Some("2026-11")).await;
    assert_eq!(invoices.len(), 2);
    for invoice in &invoices {
        let [correction] = invoice.corrections.as_slice() else {
            panic!("{invoice:?}")
        };
        let line = (correction.period, correction.key);
        let top = house.opens(invoice, line, Opened::LINE).await;
        assert_eq!(top.correction.as_ref(), Some(correction));
        let amounts: Vec<Money> = top.parts.iter().map(|part| part.amount).collect();
        assert_eq!(amounts[0], correction.now);
        assert_eq!(amounts[1].minor_units(), -correction.billed.minor_units());
        let side = |side| Opened {
            side,
            level: Level::Line,
        };
        let (records, now) = house.records_below(invoice, line, side(Side::Now)).await;
        assert_eq!((records, now), (3, correction.now));
        let (records, billed) = house.records_below(invoice, line, side(Side::Billed)).await;
        assert_eq!((records, billed), (2, amounts[1]));
        let (_, all) = house.records_below(invoice, line, Opened::LINE).await;
        assert_eq!(all, correction.amount);
        // What was billed is taken off all the way down; the line itself is as it was billed.
        let below = house.opens(invoice, line, side(Side::Billed)).await;
        assert_eq!((below.is.amount, below.parts[0].amount), (amounts[1], amounts[1]));
        assert_eq!(below.line.unwrap().amount, correction.billed);
        assert_eq!(below.is.quantity, below.parts[0].quantity);
        assert!(
            below.is.quantity.unwrap() > Rational::from_integer(0.into()),
            "used all the same"
        );
        // Who published the prices is told.
        let now = house.opens(invoice, line, side(Side::Now)).await;
        assert_eq!(now.decisions.len(), 1, "{:?}", now.decisions);
    }
}

#[tokio::test]
async fn a_correction_of_usage_that_went_to_somebody_else_has_one_side_only() {
    let house = october().await;
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T10:00:00Z", "4")])
        .await;
    house.october_is_closed().await;
    house
        .maps(Some(OTHER), "2026-10-15T00:00:00Z", "2026-11-01T00:00:00Z")
        .await;
    house.november_is_closed().await;
    let mut sides = BTreeSet::new();
    for invoice in house.invoices(Some("2026-11")).await {
        for correction in &invoice.corrections {
            let line = (correction.period, correction.key);
            let (_, all) = house.records_below(&invoice, line, Opened::LINE).await;
            assert_eq!(all, correction.amount, "{correction:?}");
            let top = house.opens(&invoice, line, Opened::LINE).await;
            sides.extend(top.parts.iter().map(|part| part.opens.map(|it| it.side)));
        }
    }
    let all = [None, Some(Side::Billed), Some(Side::Now)];
    assert_eq!(sides, BTreeSet::from(all));
}

fn tax(percent: &str) -> Terms {
    Terms {
        tax: Some(Tax {
            percent: percent.parse().unwrap(),
            label: "VAT".to_owned(),
        }),
        ..Terms::default()
    }
}

/// Who acts for the seller of a customer, and a user of the customer.
async fn seller_and_customer(house: &House) -> (Caller, Caller) {
    let (seller, customer) = (house.program("seller").await, house.program("customer").await);
    for (who, role) in [
        (&seller, PartnerRole::AdminAgent(PARTNER)),
        (&customer, PartnerRole::CustomerUser(CUSTOMER)),
    ] {
        house.give_partner_role(who, role).await;
    }
    (seller, customer)
}

#[tokio::test]
async fn a_line_names_the_terms_that_made_it_and_a_buyer_never_learns_which_of_the_sellers_people_set_them() {
    let house = october().await;
    let (seller, customer) = seller_and_customer(&house).await;
    let account = retail(CSP);
    let own = |cents| Terms {
        minimum_commitment: Some(Money::from_minor_units(cents, Currency::USD)),
        credit: Some(Money::from_minor_units(100, Currency::USD)),
        ..Terms::default()
    };
    for (buyer, terms, from) in [
        (None, tax("25"), "2026-09"),
        (Some(account.buyer), own(2_000), "2026-10"),
        (Some(account.buyer), own(3_000), "2026-11"),
        (None, tax("20"), "2026-12"),
    ] {
        let app = house.app();
        app.set_terms(&operator(), account.seller, buyer, terms, month(from))
            .await
            .unwrap();
    }
    // The terms themselves are told to the customer, without who set them.
    for (who, number, knows_who) in [(&seller, 4, true), (&customer, 2, false)] {
        let terms = house.app().terms(who);
        assert_eq!(terms.len(), number);
        assert!(
            terms.iter().all(|it| it.set_by.is_some() == knows_who),
            "{terms:?}"
        );
    }
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T10:00:00Z", "4")])
        .await;
    house.october_is_closed().await;
    let invoice = house.invoice_of("2026-10", account).await.unwrap();
    let first = |text: &str| month(text).interval().start();
    let (own, for_all) = (Some(account.buyer), None);
    for (key, of, from, until, of_others) in [
        (
            LineKey::MinimumCommitment,
            own,
            "2026-10",
            "2026-11",
            Some("2026-11"),
        ),
        (LineKey::Credit, own, "2026-10", "2026-11", Some("2026-11")),
        // What the seller sets for everybody from December on is not on this bill.
        (LineKey::Tax, for_all, "2026-09", "2026-12", None),
    ] {
        for (who, is_seller) in [(&operator(), true), (&seller, true), (&customer, false)] {
            let told = house.decided(who, &invoice, key).await;
            let [decision] = told.as_slice() else {
                panic!("{key:?}: {told:?}")
            };
            assert_eq!(decision.what, Decided::Terms(account.seller, of), "{key:?}");
            assert_eq!(decision.from, first(from), "{key:?}");
            let until = if is_seller { Some(until) } else { of_others };
            assert_eq!(decision.until, until.map(first), "{key:?}");
            assert_eq!(decision.recorded.is_some(), is_seller, "{key:?}: {decision:?}");
        }
    }
}

#[tokio::test]
async fn a_customer_is_told_that_a_mapping_holds_and_not_who_set_it_in_a_registration_it_does_not_read() {
    let house = october().await;
    let (seller, customer) = seller_and_customer(&house).await;
    for subscription in [OTHER, CSP] {
        house
            .maps(Some(subscription), "2026-10-02T00:00:00Z", "2026-12-01T00:00:00Z")
            .await;
    }
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T10:00:00Z", "4")])
        .await;
    house.october_is_closed().await;
    let invoice = house.invoice_of("2026-10", retail(CSP)).await.unwrap();
    let (key, _) = invoice.lines.first_key_value().unwrap();
    let line = (invoice.period, *key);
    let hour = |text: &str| -> Hour { text.parse().unwrap() };
    let app = house.app();
    for (who, until) in [(&seller, Some(hour("2026-12-01T00:00:00Z"))), (&customer, None)] {
        let history = app.mapping_history(who, STACK);
        let level = app
            .explain(who, invoice.number, line, issued(Level::Share(0)), 0)
            .await
            .unwrap();
        let below = app
            .explain(who, invoice.number, line, issued(Level::Stretch(0, 0)), 0)
            .await
            .unwrap();
        for part in [&level.parts[0], &below.is] {
            let PartIs::Stretch(stretch) = &part.what else {
                panic!("{part:?}")
            };
            let mapping = stretch.mapping.as_ref().unwrap();
            assert_eq!(mapping.from, hour("2026-10-02T00:00:00Z"));
            assert_eq!(mapping.until, until, "what is after the month is not on the bill");
            assert_eq!(
                mapping.recorded.is_some(),
                history.is_ok(),
                "as in the history of mappings"
            );
        }
        assert_eq!(history.is_ok(), until.is_some());
    }
}

#[tokio::test]
async fn a_fee_for_cores_names_the_cores_that_were_stated_and_their_operator_to_operators_alone() {
    let house = House::built_at("2026-10-30T00:00:00Z").await;
    house.register(BillingModel::Capacity).await;
    let app = house.app();
    app.state_cores(&operator(), STACK, Some(36), HourInterval::ALWAYS)
        .await
        .unwrap();
    let fee = Terms {
        capacity_fee: Some(CapacityFee {
            per_core_and_year: "146".parse().unwrap(),
            currency: Currency::USD,
        }),
        ..Terms::default()
    };
    app.set_terms(&operator(), Seller::Platform, None, fee, month("2026-10"))
        .await
        .unwrap();
    house.it_is("2026-11-01T02:00:00Z");
    house.closes("2026-10").await;
    let invoice = house.invoice_of("2026-10", WHOLESALE).await.unwrap();
    let (key, _) = invoice.lines.first_key_value().unwrap();
    let (buyer, _) = seller_and_customer(&house).await;
    for (who, is_told) in [(&operator(), true), (&buyer, false)] {
        let told = house.decided(who, &invoice, *key).await;
        let what: Vec<&Decided> = told.iter().map(|it| &it.what).collect();
        assert_eq!(
            what,
            [&Decided::Terms(Seller::Platform, None), &Decided::Cores(36)]
        );
        assert!(told.iter().all(|it| it.recorded.is_some() == is_told), "{told:?}");
    }
}

#[tokio::test]
async fn a_line_is_not_explained_by_a_basis_that_somebody_changed() {
    let house = october().await;
    let usage = [("2026-10-20T10:00:00Z", "4"), ("2026-10-22T10:00:00Z", "6")];
    house.hears("2026-10-22T12:00:00Z", &usage).await;
    house.october_is_closed().await;
    let invoice = house.invoice_of("2026-10", retail(CSP)).await.unwrap();
    let (key, _) = invoice.lines.first_key_value().unwrap();
    let line = (invoice.period, *key);
    let app = house.app();
    let day = "2026-10-20".parse().unwrap();
    let all = [
        Level::Line,
        Level::Share(0),
        Level::Stretch(0, 0),
        Level::Day(0, 0, day),
        Level::Resource(0, 0, day, 0),
    ];
    let refused = async || {
        // It has everything read anew that was kept in memory.
        app.replay(&operator(), invoice.number).await.unwrap();
        let mut refused = Vec::new();
        for level in all {
            let opened = app
                .explain(&operator(), invoice.number, line, issued(level), 0)
                .await;
            if let Err(error) = opened {
                assert_eq!(error.code, "StoreDamaged", "{level:?}");
                refused.push(level);
            }
        }
        refused
    };
    assert_eq!(refused().await, []);
    // The same amounts, of other hours: only what was used says that it is wrong.
    let until = "2026-10-21T00:00:00Z".parse().unwrap();
    house
        .somebody_changes(|used| used.interval = HourInterval::new(used.interval.start(), until).unwrap())
        .await;
    assert_eq!(refused().await, all[2..]);
    // Another quantity is another line.
    house
        .somebody_changes(|used| used.quantity = "11".parse().unwrap())
        .await;
    assert_eq!(refused().await, all);
}
