//! A statement holds everything that it takes to compute it again.

use std::collections::BTreeMap;

use domain::attribution::Reason;
use domain::catalog::{Price, Prices, Tariff, TariffPart, Tier};
use domain::ids::{CloudId, LocalSubscriptionId, SubscriptionId};
use domain::money::Currency;
use domain::quantity::{Quantity, QuantitySum, Rational};
use domain::registration::BillingModel;
use domain::statement::{ChargedUsage, Names, draw_up};
use domain::time::{Hour, HourInterval};
use wire::api::{Line, Statement};

const WINDOWS_VM: &str = "9cd92d4c-bafd-4492-b278-bedc2de8232a";
const BASE_VM: &str = "fab6eb84-500b-4a09-a8ca-7358f8bbaea5";
const BLOCK_BLOB: &str = "09f8879e-87e9-4305-a572-4b7be209f857";

fn hour(day: i32) -> Hour {
    let first: Hour = "2026-10-01T00:00:00Z".parse().unwrap();
    first.plus(24 * (day - 1))
}

fn used(local_meter: &str, (from, to): (i32, i32), quantity: &str) -> ChargedUsage {
    ChargedUsage {
        stack: CloudId::from_bytes([1; 16]),
        local_subscription: LocalSubscriptionId::from_bytes([2; 16]),
        tenant: None,
        reason: Reason::LocalSubscriptionUnknown,
        billing_model: BillingModel::PayAsYouUse,
        interval: HourInterval::new(hour(from), hour(to)).unwrap(),
        local_meter: local_meter.parse().unwrap(),
        quantity: QuantitySum::from(quantity.parse::<Quantity>().unwrap()),
    }
}

fn price(tiers: &[(&str, &str)], included: &str) -> Price {
    let tier = |(from, unit_price): &(&str, &str)| Tier {
        from: from.parse().unwrap(),
        unit_price: unit_price.parse().unwrap(),
    };
    Price::new(tiers.iter().map(tier).collect(), included.parse().unwrap()).unwrap()
}

/// Prices that change twice in the month: included quantities that are taken up, in part and not at all, steps that are
/// reached before and after, quantities without an end, and a stack for development.
fn rich() -> Statement {
    let catalog = wire::catalog::meters().unwrap();
    let meter = |name: &str| catalog.billing_meters().find(|it| it.name == name).unwrap().id;
    let (windows, base) = (meter("Windows VM vCPU"), meter("Base VM vCPU"));
    let blob = meter("Blob capacity");
    let part = |from, to, prices: Prices| TariffPart {
        hours: HourInterval::new(hour(from), hour(to)).unwrap(),
        list: format!("list-{from}").parse().unwrap(),
        currency: Currency::USD,
        prices,
    };
    let steps = price(&[("0", "0.052"), ("500", "0.049"), ("1000", "0.04")], "100");
    let tariff = Tariff::new(vec![
        part(
            1,
            10,
            [
                (windows, price(&[("0", "0.046")], "0")),
                (base, price(&[("0", "0.05")], "100")),
                (blob, price(&[("0", "0.006"), ("1", "0.005")], "0.5")),
            ]
            .into(),
        ),
        part(
            10,
            20,
            [
                (windows, steps.clone()),
                (base, price(&[("0", "0.06")], "200")),
                (blob, price(&[("0", "0.007"), ("1", "0.004")], "0.5")),
            ]
            .into(),
        ),
        part(
            20,
            32,
            [
                (windows, price(&[("0", "0.03")], "5000")),
                (base, price(&[("0", "0.06")], "200")),
                (blob, price(&[("0", "0.001")], "0")),
            ]
            .into(),
        ),
    ]);
    let development = ChargedUsage {
        billing_model: BillingModel::Development,
        ..used(WINDOWS_VM, (1, 10), "77")
    };
    let usage = [
        development,
        used(WINDOWS_VM, (1, 10), "896"),
        used(WINDOWS_VM, (10, 20), "772"),
        used(WINDOWS_VM, (20, 32), "30.5"),
        used(BASE_VM, (1, 10), "60"),
        used(BASE_VM, (10, 20), "3221"),
        used(BASE_VM, (20, 32), "1"),
        used(BLOCK_BLOB, (1, 10), "301"),
        used(BLOCK_BLOB, (10, 20), "900.000001"),
        used(BLOCK_BLOB, (20, 32), "1"),
    ];
    let payer = SubscriptionId::from_bytes([4; 16]);
    let period = "2026-10".parse().unwrap();
    let statement = draw_up(payer, period, &catalog, &tariff, Currency::USD, &usage).unwrap();
    let json = serde_json::to_string(&Statement::of(&statement, &catalog, &Names::default())).unwrap();
    serde_json::from_str(&json).unwrap()
}

fn number(text: &str) -> Rational {
    text.parse::<Quantity>().unwrap().to_rational()
}

fn zero() -> Rational {
    Rational::default()
}

/// What was measured, exactly.
fn measured(line: &Line) -> Rational {
    let parts = line
        .measured
        .iter()
        .map(|it| number(&it.quantity) * it.factor.parse::<Rational>().unwrap());
    parts.sum()
}

/// A number as it is shown: the exact one, or not further from it than showing takes it.
#[track_caller]
fn assert_shown(shown: &str, is_exact: bool, exact: &Rational) {
    let off = number(shown) - exact;
    let off = if off < zero() { -off } else { off };
    let limit = if is_exact { zero() } else { number("1e-12") };
    assert!(off <= limit, "{shown} is {exact}, exact: {is_exact}");
}

fn cents(amount: &Rational) -> Rational {
    (amount * number("100") + number("0.5")).floor() / number("100")
}

/// What a line costs before it is rounded, from what it says of its price and from where it begins.
fn computed(line: &Line, before: &Rational) -> Rational {
    let quantity = measured(line);
    assert_shown(&line.quantity, line.quantity_is_exact, &quantity);
    let includes = number(&line.price_included_quantity);
    let left = (&includes - before).max(zero());
    let included = left.min(quantity.clone());
    assert_shown(
        &line.included_quantity,
        line.included_quantity_is_exact,
        &included,
    );
    let charged = &quantity - included;
    assert_shown(&line.charged_quantity, line.charged_quantity_is_exact, &charged);
    let Some(tiers) = &line.tiers else {
        assert_eq!(line.tier_position, None, "{line:?}");
        return charged * number(line.unit_price.as_deref().unwrap());
    };
    let position = (before - includes).max(zero());
    let shown = line.tier_position.as_deref().unwrap_or("0");
    assert_shown(shown, line.tier_position_is_exact, &position);
    let end = &position + charged;
    let mut amount = zero();
    for (index, step) in tiers.iter().enumerate() {
        let from = number(&step.tier.from).max(position.clone());
        let until = tiers.get(index + 1).map(|next| number(&next.tier.from));
        let quantity = until.unwrap_or_else(|| end.clone()) - from;
        assert_shown(&step.quantity, step.quantity_is_exact, &quantity);
        let costs = quantity * number(&step.tier.unit_price);
        assert_shown(&step.amount, step.amount_is_exact, &costs);
        amount += costs;
    }
    amount
}

#[test]
fn every_line_of_a_rich_statement_can_be_computed_again_from_its_json_alone() {
    let statement = rich();
    let mut before: BTreeMap<&str, Rational> = BTreeMap::new();
    let mut total = zero();
    for line in &statement.lines {
        let before = before.entry(&line.meter_id).or_default();
        if line.price_since.is_some() {
            let shown = line.used_before.as_deref().unwrap_or("0");
            assert_shown(shown, line.used_before_is_exact, before);
        }
        let amount = cents(&computed(line, before));
        assert_eq!(number(&line.amount), amount, "{line:#?}");
        total += amount;
        // Development has no price and no place among the prices.
        if line.price_since.is_some() {
            *before += measured(line);
        }
    }
    assert_eq!(number(&statement.total), total);
    assert_eq!(statement.lines.len(), 9, "two base stretches are one price");
}

#[test]
fn a_price_change_says_what_is_included_how_much_of_it_was_left_and_where_the_steps_go_on() {
    let statement = rich();
    let line = |name: &str, since: &str| {
        let since = format!("2026-10-{since}T00:00:00Z");
        let found = statement
            .lines
            .iter()
            .find(|line| line.meter_name == name && line.price_since.as_ref() == Some(&since));
        found.unwrap().clone()
    };
    let steps = line("Windows VM vCPU", "10");
    assert_eq!(
        (
            &*steps.price_included_quantity,
            &*steps.included_quantity,
            steps.used_before.as_deref(),
            steps.tier_position.as_deref(),
            &*steps.charged_quantity
        ),
        ("100", "0", Some("896"), Some("796"), "772")
    );
    let half_left = line("Base VM vCPU", "10");
    assert_eq!(
        (
            &*half_left.price_included_quantity,
            &*half_left.included_quantity,
            &*half_left.quantity,
            &*half_left.charged_quantity
        ),
        ("200", "140", "3222", "3082")
    );
}
