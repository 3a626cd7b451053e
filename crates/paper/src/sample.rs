//! Bills for tests.

use domain::ids::SubscriptionId;
use domain::money::{Currency, Money};
use domain::profile::Locale;
use domain::quantity::{Quantity, Rational};
use domain::reckoning::Cause;

use crate::{Correction, Detail, Item, Kind, Line, LineKind, Paper, Resource, Step, Subscription, Trader};

pub(crate) fn usd(cents: i128) -> Money {
    Money::from_minor_units(cents, Currency::USD)
}

fn number(text: &str) -> Rational {
    text.parse::<Quantity>().unwrap().to_rational()
}

fn subscription(last: u8) -> SubscriptionId {
    format!("11111111-2222-4333-8444-5555555555{last:02}")
        .parse()
        .unwrap()
}

fn text(text: &str) -> Detail {
    Detail::Text(text.to_owned())
}

fn item(kind: LineKind, subscription: Option<SubscriptionId>, name: &str, detail: Detail) -> Item {
    Item {
        kind,
        subscription,
        name: name.to_owned(),
        detail,
        of: subscription.map(|_| "f271a8a3-88c4-4d93-956a-063e1d2fa80b".to_owned()),
    }
}

fn usage(of: u8, name: &str, quantity: &str, unit: &str, price: &str, cents: i128) -> Line {
    Line {
        item: item(
            LineKind::Usage,
            Some(subscription(of)),
            name,
            text("Virtual Machines"),
        ),
        quantity: Some(number(quantity)),
        unit: unit.to_owned(),
        included: None,
        steps: vec![Step {
            quantity: number(quantity),
            unit_price: number(price),
        }],
        amount: usd(cents),
    }
}

/// An invoice of every kind of line.
pub(crate) fn invoice() -> Paper {
    let mut graduated = usage(
        1,
        "Standard page blob",
        "15000.123456789",
        "GB/month",
        "0.05",
        50_000,
    );
    graduated.item.detail = text("Storage");
    graduated.included = Some(number("1000"));
    graduated.steps = vec![
        Step {
            quantity: number("10000"),
            unit_price: number("0.0375"),
        },
        Step {
            quantity: number("4000.123456789"),
            unit_price: number("0.03125"),
        },
    ];
    let fee = Line {
        item: item(
            LineKind::CapacityFee,
            Some(subscription(2)),
            "Capacity fee of Linz-West",
            Detail::Cores {
                days: vec![(96, 31)],
                fee: number("144"),
                days_of_year: 365,
            },
        ),
        quantity: None,
        unit: String::new(),
        included: None,
        steps: Vec::new(),
        amount: usd(117_402),
    };
    let of_account = |kind, name: &str, detail, cents| Line {
        item: item(kind, None, name, detail),
        quantity: None,
        unit: String::new(),
        included: None,
        steps: Vec::new(),
        amount: usd(cents),
    };
    let lines = vec![
        usage(1, "A0 VM, Windows", "744", "1 hour", "0.02", 1_488),
        usage(
            1,
            "Bs-series VM, Λειτουργία и Ёлка",
            "12345.5",
            "1 hour",
            "0.01",
            123_450,
        ),
        graduated,
        usage(
            2,
            "Static IP address",
            "1488.000000123456",
            "1 hour",
            "0.004",
            595,
        ),
        fee,
        of_account(LineKind::Credit, "Credit", Detail::Granted(usd(10_000)), -10_000),
        of_account(
            LineKind::Tax,
            "VAT",
            Detail::Taxed {
                percent: number("20"),
                on: usd(282_935),
            },
            56_587,
        ),
    ];
    let corrections = vec![
        Correction {
            period: "2026-08".parse().unwrap(),
            item: item(
                LineKind::Usage,
                Some(subscription(1)),
                "A0 VM, Windows",
                text("Virtual Machines"),
            ),
            billed: usd(10_000),
            now: usd(9_000),
            amount: usd(-1_000),
            cause: Cause::Attribution,
        },
        Correction {
            period: "2026-09".parse().unwrap(),
            item: item(
                LineKind::Usage,
                Some(subscription(2)),
                "Static IP address",
                text("Networking"),
            ),
            billed: usd(500),
            now: usd(1_500),
            amount: usd(1_000),
            cause: Cause::LateUsage,
        },
    ];
    let days = (0..31).map(|day: i128| usd(4_000 + (day * 797) % 3_100 + if day == 17 { 4_000 } else { 0 }));
    let resource = |name: &str, cents| Resource {
        name: name.to_owned(),
        place: "Linz-West, resource group production-workloads".to_owned(),
        amount: usd(cents),
    };
    Paper {
        kind: Kind::Invoice,
        number: Some("MB-000042".to_owned()),
        locale: Locale::DeAt,
        seller: Trader {
            name: "Fabrikam Cloud Österreich GmbH".to_owned(),
            address: vec![
                "Landstraße 1".to_owned(),
                "4020 Linz".to_owned(),
                "Austria".to_owned(),
            ],
            tax_number: Some("ATU12345678".to_owned()),
        },
        buyer: Trader {
            name: "Contoso Ελλάς & Ко".to_owned(),
            address: vec!["Ερμού 15".to_owned(), "105 63 Αθήνα".to_owned()],
            tax_number: Some("EL123456789".to_owned()),
        },
        period: "2026-10".parse().unwrap(),
        dated: "2026-11-05T08:30:00Z".parse().unwrap(),
        currency: Currency::USD,
        subscriptions: vec![
            Subscription {
                id: subscription(1),
                name: "Contoso production".to_owned(),
            },
            Subscription {
                id: subscription(2),
                name: "Contoso test".to_owned(),
            },
        ],
        lines,
        corrections,
        subtotal: usd(282_935),
        tax: usd(56_587),
        total: usd(339_522),
        days: days.collect(),
        resources: vec![
            resource("sql-cluster-01", 80_120),
            resource("web-frontend-0", 31_044),
            resource("архив-2026", 12_345),
        ],
        digest: Some("3f1a9c0e".repeat(8)),
    }
}

/// What the running month comes to so far.
pub(crate) fn statement() -> Paper {
    Paper {
        kind: Kind::RunningStatement,
        number: None,
        digest: None,
        dated: "2026-10-20T08:00:00Z".parse().unwrap(),
        ..invoice()
    }
}

/// A bill by which the seller owes the buyer.
pub(crate) fn credit_note() -> Paper {
    let mut paper = invoice();
    paper.kind = Kind::CreditNote;
    paper.number = Some("MB-000043".to_owned());
    paper.lines.clear();
    paper.corrections.truncate(1);
    (paper.subtotal, paper.tax, paper.total) = (usd(-1_000), usd(0), usd(-1_000));
    (paper.days, paper.resources) = (Vec::new(), Vec::new());
    paper
}

/// A bill of many pages.
pub(crate) fn long_invoice() -> Paper {
    let mut paper = invoice();
    let line = paper.lines[0].clone();
    for number in 0..200 {
        let mut line = line.clone();
        line.item.name = format!("Meter number {number}");
        paper.lines.insert(0, line);
    }
    paper.subtotal = usd(282_935 + 200 * 1_488);
    paper.total = usd(339_522 + 200 * 1_488);
    paper
}

#[test]
fn the_samples_add_up() {
    for paper in [invoice(), credit_note(), long_invoice()] {
        let lines = paper.lines.iter().map(|it| it.amount);
        let all = lines.chain(paper.corrections.iter().map(|it| it.amount));
        assert_eq!(Money::checked_sum(Currency::USD, all).unwrap(), paper.total);
        assert_eq!(paper.subtotal.checked_add(paper.tax).unwrap(), paper.total);
    }
}
