//! Lines of invoices, opened down to what each batch said.

use std::collections::BTreeSet;

use app::periods::{Explained, Level, Opened, PartIs, Side};
use domain::invoice::Invoice;
use domain::money::Money;
use domain::reckoning::LineKey;
use domain::time::Period;

use super::{OTHER, WHOLESALE, october, retail};
use crate::house::{CSP, House, operator};

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

    /// Opens everything below a part; how many records that is, and what they come to. What was billed is taken off.
    async fn records_below(&self, invoice: &Invoice, line: OfLine, opened: Opened) -> (usize, Money) {
        let mut waiting = vec![opened];
        let (mut records, mut amount) = (0, Money::zero(invoice.account.currency));
        while let Some(opened) = waiting.pop() {
            let level = self.opens(invoice, line, opened).await;
            assert_eq!(level.parts.len(), level.of, "all on one page");
            for part in level.parts {
                match part.opens {
                    Some(below) => waiting.push(below),
                    None if matches!(part.what, PartIs::Now | PartIs::Billed) => {
                        assert_eq!(part.amount.minor_units(), 0);
                    }
                    None => {
                        assert!(matches!(part.what, PartIs::Record(_)));
                        let sign = if opened.side == Side::Billed { -1 } else { 1 };
                        let units = part.amount.minor_units() * sign;
                        let signed = Money::from_minor_units(units, part.amount.currency());
                        amount = amount.checked_add(signed).unwrap();
                        records += 1;
                    }
                }
            }
        }
        (records, amount)
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
    let (valid, recorded) = stretch.mapping.unwrap();
    assert!(valid.contains("2026-10-20T10:00:00Z".parse().unwrap()));
    assert!(stretch.registration.is_some() && recorded.entry > 0);
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
