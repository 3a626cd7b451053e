//! The printed bill holds everything that it takes to compute it again by hand.

use std::collections::BTreeMap;

use domain::attribution::Reason;
use domain::catalog::{Price, Prices, Tariff, TariffPart, Tier};
use domain::ids::{CloudId, LocalSubscriptionId, SubscriptionId};
use domain::money::Currency;
use domain::quantity::{Quantity, QuantitySum, Rational};
use domain::registration::BillingModel;
use domain::statement::{ChargedUsage, Names, draw_up};
use domain::time::{Hour, HourInterval};

use super::*;

const WINDOWS_VM: &str = "9cd92d4c-bafd-4492-b278-bedc2de8232a";
const BASE_VM: &str = "fab6eb84-500b-4a09-a8ca-7358f8bbaea5";
const BLOCK_BLOB: &str = "09f8879e-87e9-4305-a572-4b7be209f857";

fn hour(day: i32) -> Hour {
    let first: Hour = "2026-10-01T00:00:00Z".parse().unwrap();
    first.plus(24 * (day - 1))
}

fn price(tiers: &[(&str, &str)], included: &str) -> Price {
    let tier = |(from, unit_price): &(&str, &str)| Tier {
        from: from.parse().unwrap(),
        unit_price: unit_price.parse().unwrap(),
    };
    Price::new(tiers.iter().map(tier).collect(), included.parse().unwrap()).unwrap()
}

/// A bill of a month in which all prices change: what is included is taken up before, in part, or after, steps go on,
/// and quantities have no end.
fn printed() -> String {
    let catalog = wire::catalog::meters().unwrap();
    let meter = |name: &str| catalog.billing_meters().find(|it| it.name == name).unwrap().id;
    let part = |(from, to), [windows, base, blob]: [Price; 3]| TariffPart {
        hours: HourInterval::new(hour(from), hour(to)).unwrap(),
        list: format!("list-{from}").parse().unwrap(),
        currency: Currency::USD,
        prices: Prices::from([
            (meter("Windows VM vCPU"), windows),
            (meter("Base VM vCPU"), base),
            (meter("Blob capacity"), blob),
        ]),
    };
    let before = [
        price(&[("0", "0.046")], "0"),
        price(&[("0", "0.05")], "100"),
        price(&[("0", "0.006"), ("1", "0.005")], "0.5"),
    ];
    let after = [
        price(&[("0", "0.052"), ("500", "0.049"), ("1000", "0.04")], "100"),
        price(&[("0", "0.06")], "200"),
        price(&[("0", "0.007"), ("1", "0.004")], "0.5"),
    ];
    let tariff = Tariff::new(vec![part((1, 10), before), part((10, 32), after)]);
    let used = |local_meter: &str, (from, to), quantity: &str| ChargedUsage {
        stack: CloudId::from_bytes([1; 16]),
        local_subscription: LocalSubscriptionId::from_bytes([2; 16]),
        tenant: None,
        reason: Reason::LocalSubscriptionUnknown,
        billing_model: BillingModel::PayAsYouUse,
        interval: HourInterval::new(hour(from), hour(to)).unwrap(),
        local_meter: local_meter.parse().unwrap(),
        quantity: QuantitySum::from(quantity.parse::<Quantity>().unwrap()),
    };
    let usage = [
        used(WINDOWS_VM, (1, 10), "896"),
        used(WINDOWS_VM, (10, 32), "772"),
        used(BASE_VM, (1, 10), "60"),
        used(BASE_VM, (10, 32), "3221"),
        used(BLOCK_BLOB, (1, 10), "301"),
        used(BLOCK_BLOB, (10, 32), "900.000001"),
    ];
    let (payer, period) = (SubscriptionId::from_bytes([4; 16]), "2026-10".parse().unwrap());
    let statement = draw_up(payer, period, &catalog, &tariff, Currency::USD, &usage).unwrap();
    let statement = Statement::of(&statement, &catalog, &Names::default());
    render(&statement, None, Style::new(false))
}

/// A row that begins a line, and those about it.
#[derive(Debug, Default)]
struct Rows {
    first: Vec<String>,
    about: Vec<Vec<String>>,
}

impl Rows {
    /// The cells after a label, if it is there.
    fn after(&self, label: &str) -> Option<&[String]> {
        let row = self.about.iter().find(|row| row[0] == label)?;
        Some(&row[1..])
    }
}

/// The table that follows a heading of columns.
fn table(text: &str, occurrence: usize) -> Vec<Rows> {
    let mut lines = text.lines();
    for _ in 0..=occurrence {
        lines.by_ref().find(|line| line.starts_with("METER ")).unwrap();
    }
    let mut rows: Vec<Rows> = Vec::new();
    for line in lines.take_while(|line| !line.is_empty() && !line.ends_with('.')) {
        let cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        let cells: Vec<String> = cells.map(str::to_owned).collect();
        match rows.last_mut() {
            Some(last) if line.starts_with("  ") => last.about.push(cells),
            _ => rows.push(Rows {
                first: cells,
                about: Vec::new(),
            }),
        }
    }
    rows
}

fn number(text: &str) -> Rational {
    let digits = text.replace([',', '…'], "");
    digits.parse::<Quantity>().unwrap().to_rational()
}

fn zero() -> Rational {
    Rational::default()
}

#[track_caller]
fn assert_shown(shown: &str, exact: &Rational) {
    let off = number(shown) - exact;
    let off = if off < zero() { -off } else { off };
    let limit = if shown.contains('…') {
        number("1e-6")
    } else {
        zero()
    };
    assert!(off <= limit, "{shown} is {exact}");
}

/// What a line costs, by what is printed of it.
fn computed(line: &Rows, measured: &Rows, before: &mut Rational) -> Rational {
    let parts = measured.about.iter().filter(|row| row.len() == 4);
    let quantity: Rational = parts
        .map(|row| number(&row[1]) * row[3].trim_start_matches("x ").parse::<Rational>().unwrap())
        .sum();
    assert_shown(&line.first[1], &quantity);
    let began = before.clone();
    *before += &quantity;
    let Some(includes) = line.after("the price includes") else {
        return quantity * number(&line.first[3]);
    };
    let shown = line.after("used before it").map_or("0", |cells| &cells[0]);
    assert_shown(shown, &began);
    let includes = number(&includes[0]);
    let included = (&includes - &began).max(zero()).min(quantity.clone());
    assert_shown(&line.after("of it included").unwrap()[0], &included);
    let charged = quantity - included;
    let shown = line.after("of it charged").unwrap();
    assert_shown(&shown[0], &charged);
    if let Some(price) = shown.get(2) {
        return charged * number(price);
    }
    let position = (began - includes).max(zero());
    let shown = line.after("steps begin after").map_or("0", |cells| &cells[0]);
    assert_shown(shown, &position);
    let from = |row: &[String]| {
        let from = row[0].strip_prefix("of it from ")?.strip_suffix(" on")?;
        Some(number(from))
    };
    let steps: Vec<_> = line.about.iter().filter(|row| from(row).is_some()).collect();
    let end = &position + charged;
    let mut amount = zero();
    for (index, step) in steps.iter().enumerate() {
        let until = steps.get(index + 1).and_then(|next| from(next));
        let begins = from(step).unwrap().max(position.clone());
        let quantity = until.unwrap_or_else(|| end.clone()) - begins;
        assert_shown(&step[1], &quantity);
        amount += quantity * number(&step[3]);
    }
    amount
}

#[test]
fn every_line_of_a_bill_with_a_price_change_can_be_computed_again_from_what_is_printed() {
    let text = printed();
    let (lines, measured) = (table(&text, 0), table(&text, 1));
    assert_eq!(
        (lines.len(), measured.len()),
        (7, 6),
        "six lines and a total:\n{text}"
    );
    let mut before: BTreeMap<&str, Rational> = BTreeMap::new();
    let mut total = zero();
    for (line, measured) in lines.iter().zip(&measured) {
        let exact = computed(line, measured, before.entry(&line.first[0]).or_default());
        let cents = (exact * number("100") + number("0.5")).floor() / number("100");
        assert_eq!(number(line.first.last().unwrap()), cents, "{line:?}\n{text}");
        total += cents;
    }
    assert_eq!(number(lines[6].first.last().unwrap()), total, "{text}");
    insta::assert_snapshot!("bill_with_a_price_change", text);
}
