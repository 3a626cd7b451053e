//! Whether statements are what the second opinion says.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero as _;
use wire::api::{Line, PriceSource, Reason, Share, Statement};

use super::differs;
use crate::demo::decimal::{cents, decimal, dollars, shown, shows};
use crate::demo::oracle::{Bill, BillLine, CURRENCY, User};
use crate::statement::reason_in_words;

/// Whether everything that a payer is charged for, and is shown without a charge, is what it should be: which meters,
/// how much of each, by whom and why.
pub(in crate::demo) fn attribution(statement: &Statement, bill: &Bill) -> Vec<String> {
    let id = &statement.subscription_id;
    let mut left: BTreeMap<Key, &BillLine> = bill.lines.iter().map(|line| (key(line), line)).collect();
    let mut differences = Vec::new();
    for line in &statement.lines {
        let of = format!("{id}, {}", line.meter_name);
        match left.remove(&key_shown(line)) {
            Some(expected) => {
                let total = expected.quantity();
                let found = (&*line.quantity, line.quantity_is_exact);
                differences.extend(quantity(&of, found, &total));
                differences.extend(measured(&of, line, expected));
                differences.extend(shares(&of, line, expected));
            }
            None => differences.push(format!("{of}: charged, not at all")),
        }
    }
    differences.extend(left.into_keys().map(|(meter, since)| {
        let since = since.as_deref().unwrap_or("never");
        format!("{id}, billing meter {meter} at its price since {since}: missing")
    }));
    differences.extend(not_charged(statement, bill));
    differences
}

/// What lines are told apart by: the billing meter, and since when its price is what it is.
type Key = (String, Option<String>);

fn key(line: &BillLine) -> Key {
    (line.meter.to_string(), Some(line.since.to_string()))
}

fn key_shown(line: &Line) -> Key {
    (line.meter_id.clone(), line.price_since.clone())
}

/// What was measured of which local meter, and how it was converted: all to the last digit.
fn measured(of: &str, line: &Line, expected: &BillLine) -> Vec<String> {
    let mut left: BTreeMap<String, _> = expected
        .measured
        .iter()
        .map(|(meter, measured)| (meter.to_string(), measured))
        .collect();
    let mut differences = Vec::new();
    for found in &line.measured {
        let of = format!("{of}, measured of local meter {}", found.local_meter_id);
        let Some(expected) = left.remove(&found.local_meter_id) else {
            differences.push(format!("{of}: {}, not at all", found.quantity));
            continue;
        };
        if decimal(&found.quantity).as_ref() != Some(&expected.quantity) {
            let expected = shown(&expected.quantity);
            differences.push(format!("{of}: {}, not {expected}", found.quantity));
        }
        if found.factor.parse().as_ref() != Ok(&expected.factor) {
            differences.push(format!("{of}: factor {}, not {}", found.factor, expected.factor));
        }
    }
    differences.extend(
        left.into_keys()
            .map(|meter| format!("{of}, measured of local meter {meter}: missing")),
    );
    differences
}

/// Who used a share, as it is shown.
type Shown = (String, Option<String>, Reason);

fn user_of((stack, tenant, why): &User) -> Shown {
    let tenant = tenant.map(|tenant| tenant.to_string());
    (stack.to_string(), tenant, Reason::from(*why))
}

fn user_shown(share: &Share) -> Shown {
    (share.cloud_id.clone(), share.tenant_id.clone(), share.reason)
}

fn shares(of: &str, line: &Line, expected: &BillLine) -> Vec<String> {
    let expected = expected.shares.iter();
    let mut left: BTreeMap<_, _> = expected
        .map(|(user, share)| (user_of(user), &share.quantity))
        .collect();
    let mut differences = Vec::new();
    for share in &line.shares {
        let user = user_shown(share);
        let of = format!("{of}, {}", told(&user));
        match left.remove(&user) {
            Some(expected) => {
                let found = (&*share.quantity, share.quantity_is_exact);
                differences.extend(quantity(&of, found, expected));
            }
            None => differences.push(format!("{of}: charged with {}, not at all", share.quantity)),
        }
    }
    differences.extend(left.keys().map(|user| format!("{of}, {}: missing", told(user))));
    differences
}

fn told((stack, tenant, reason): &Shown) -> String {
    let tenant = tenant.as_deref().unwrap_or("somebody");
    format!("{tenant} of {stack} ({})", reason_in_words(*reason))
}

fn not_charged(statement: &Statement, bill: &Bill) -> Vec<String> {
    let id = &statement.subscription_id;
    let mut left: BTreeMap<String, &BigRational> = bill
        .not_charged
        .iter()
        .map(|(meter, quantity)| (meter.to_string(), quantity))
        .collect();
    let mut differences = Vec::new();
    for shown_apart in &statement.not_charged {
        let of = format!("{id}, not charged, local meter {}", shown_apart.local_meter_id);
        match left.remove(&shown_apart.local_meter_id) {
            Some(expected) if decimal(&shown_apart.quantity).as_ref() == Some(expected) => {}
            Some(expected) => {
                differences.push(format!("{of}: {}, not {}", shown_apart.quantity, shown(expected)));
            }
            None => differences.push(format!("{of}: {}, not at all", shown_apart.quantity)),
        }
    }
    differences.extend(
        left.into_keys()
            .map(|meter| format!("{id}, not charged, local meter {meter}: missing")),
    );
    differences
}

/// A number as it is shown, and whether that is said to be exact.
fn quantity(of: &str, (found, is_exact): (&str, bool), expected: &BigRational) -> Option<String> {
    if !shows(found, expected) {
        return Some(format!("{of}: {found}, not {}", shown(expected)));
    }
    let is_really = decimal(found).as_ref() == Some(expected);
    differs(
        format_args!("{of}: whether {found} is exact"),
        is_exact,
        is_really,
    )
}

/// Whether every price, every amount and the total are what they should be.
pub(in crate::demo) fn amounts(statement: &Statement, bill: &Bill) -> Vec<String> {
    let id = &statement.subscription_id;
    let mut differences = Vec::new();
    if statement.currency != CURRENCY {
        differences.push(format!("{id}: in {}, not {CURRENCY}", statement.currency));
    }
    if statement.price_lists != bill.price_lists {
        let [found, expected] = [&statement.price_lists, &bill.price_lists].map(|lists| lists.join(", "));
        differences.push(format!("{id}: price lists {found}, not {expected}"));
    }
    let expected: BTreeMap<Key, &BillLine> = bill.lines.iter().map(|line| (key(line), line)).collect();
    for line in &statement.lines {
        let of = format!("{id}, {}", line.meter_name);
        let Some(expected) = expected.get(&key_shown(line)) else {
            continue;
        };
        differences.extend(price(&of, line, expected));
        differences.extend(begins(&of, line, expected));
        differences.extend(amount(&of, &line.amount, &expected.amount));
        differences.extend(share_amounts(&of, line, expected));
    }
    differences.extend(amount(&format!("{id}, total"), &statement.total, &bill.total()));
    differences
}

fn amount(of: &str, found: &str, expected: &BigInt) -> Option<String> {
    (cents(found).as_ref() != Some(expected))
        .then(|| format!("{of}: amount {found}, not {}", dollars(expected)))
}

/// Whether each share costs what the largest remainders leave it with. Who has a share at all is compared elsewhere.
fn share_amounts(of: &str, line: &Line, expected: &BillLine) -> Vec<String> {
    let expected = expected.shares.iter();
    let expected: BTreeMap<_, _> = expected
        .map(|(user, share)| (user_of(user), &share.amount))
        .collect();
    let shares = line.shares.iter().filter_map(|share| {
        let user = user_shown(share);
        let expected = expected.get(&user)?;
        amount(&format!("{of}, {}", told(&user)), &share.amount, expected)
    });
    shares.collect()
}

/// How much was used before the line, and where in the steps of its price it begins: each shown only if that is not
/// nothing.
fn begins(of: &str, line: &Line, expected: &BillLine) -> Vec<String> {
    let BillLine {
        price, used_before, ..
    } = expected;
    let position = (used_before - &price.included).max(BigRational::zero());
    let is_graduated = price.tiers.len() > 1;
    let position = if is_graduated {
        position
    } else {
        BigRational::zero()
    };
    let before = (line.used_before.as_deref(), line.used_before_is_exact);
    let place = (line.tier_position.as_deref(), line.tier_position_is_exact);
    [
        ("used before", before, used_before),
        ("place in the steps", place, &position),
    ]
    .into_iter()
    .filter_map(|(what, (found, is_exact), expected)| {
        let of = format!("{of}, {what}");
        match found {
            None if expected.is_zero() => None,
            None => Some(format!("{of}: missing, not {}", shown(expected))),
            Some(found) if expected.is_zero() => Some(format!("{of}: {found}, not at all")),
            Some(found) => quantity(&of, (found, is_exact), expected),
        }
    })
    .collect()
}

const fn source_in_words(source: Option<PriceSource>) -> &'static str {
    match source {
        Some(PriceSource::Published) => "published",
        Some(PriceSource::Sample) => "sample",
        None => "nowhere",
    }
}

/// What is included, the price of a unit or, of a graduated price, how much fell into each step that was reached.
fn price(of: &str, line: &Line, expected: &BillLine) -> Vec<String> {
    let mut differences = Vec::new();
    let included = &expected.spread.included;
    let charged = expected.quantity() - included;
    for (what, found, is_exact, expected) in [
        (
            "included",
            &line.included_quantity,
            line.included_quantity_is_exact,
            included,
        ),
        (
            "priced",
            &line.charged_quantity,
            line.charged_quantity_is_exact,
            &charged,
        ),
        (
            "included in the month",
            &line.price_included_quantity,
            true,
            &expected.price.included,
        ),
    ] {
        differences.extend(quantity(&format!("{of}, {what}"), (found, is_exact), expected));
    }
    if line.price_source != expected.source {
        let [found, expected] = [line.price_source, expected.source].map(source_in_words);
        differences.push(format!("{of}: the price is from {found}, not {expected}"));
    }
    let steps = expected.price.tiers.iter().zip(&expected.spread.steps);
    if let [(_, only)] = expected.price.tiers.as_slice() {
        let found = line.unit_price.as_deref().unwrap_or("none");
        if decimal(found).as_ref() != Some(only) {
            differences.push(format!("{of}: unit price {found}, not {}", shown(only)));
        }
        return differences;
    }
    let expected: Vec<_> = steps.filter(|(_, quantity)| !quantity.is_zero()).collect();
    let found = line.tiers.as_deref().unwrap_or_default();
    differences.extend(differs(format_args!("{of}: steps"), found.len(), expected.len()));
    for (step, ((from, unit_price), in_step)) in found.iter().zip(expected) {
        let of = format!("{of}, step from {}", step.tier.from);
        if decimal(&step.tier.from).as_ref() != Some(from) {
            differences.push(format!("{of}: not from {}", shown(from)));
        }
        if decimal(&step.tier.unit_price).as_ref() != Some(unit_price) {
            let expected = shown(unit_price);
            differences.push(format!(
                "{of}: unit price {}, not {expected}",
                step.tier.unit_price
            ));
        }
        differences.extend(quantity(&of, (&step.quantity, step.quantity_is_exact), in_step));
        let of = format!("{of}, amount");
        let found = (&*step.amount, step.amount_is_exact);
        differences.extend(quantity(&of, found, &(in_step * unit_price)));
    }
    differences
}

/// Whether shares sum to their line and lines to the total, as they are printed.
pub(in crate::demo) fn sums(statement: &Statement) -> Vec<String> {
    let id = &statement.subscription_id;
    let sum = |amounts: &mut dyn Iterator<Item = &String>| -> Option<BigInt> {
        amounts.map(|amount| cents(amount)).sum()
    };
    let agrees = |sum: Option<BigInt>, whole: &str| sum.is_some() && sum == cents(whole);
    let lines = statement.lines.iter().filter(|line| {
        !agrees(
            sum(&mut line.shares.iter().map(|share| &share.amount)),
            &line.amount,
        )
    });
    let mut differences: Vec<String> = lines
        .map(|line| format!("{id}, {}: the shares do not sum to the line", line.meter_name))
        .collect();
    if !agrees(
        sum(&mut statement.lines.iter().map(|line| &line.amount)),
        &statement.total,
    ) {
        differences.push(format!("{id}: the lines do not sum to the total"));
    }
    differences
}

/// What some statements charge, added up from what they show.
pub(in crate::demo) struct ChargedInAll {
    shares: Side,
    lines: Side,
    /// The sum of their totals.
    pub(in crate::demo) total: String,
}

/// How many amounts there are, and what they sum to.
#[derive(Default)]
struct Side(usize, BigInt);

impl Side {
    fn add(&mut self, amount: &str) {
        self.0 += 1;
        // An amount that cannot be read is a difference of its own.
        self.1 += cents(amount).unwrap_or_default();
    }
}

/// Adds up statements.
pub(in crate::demo) fn charged(statements: &[Statement]) -> ChargedInAll {
    let [mut shares, mut lines, mut totals] = [(); 3].map(|()| Side::default());
    for statement in statements {
        totals.add(&statement.total);
        for line in &statement.lines {
            lines.add(&line.amount);
            line.shares.iter().for_each(|share| shares.add(&share.amount));
        }
    }
    let total = dollars(&totals.1);
    ChargedInAll { shares, lines, total }
}

/// The sides of law 3.
pub(in crate::demo) fn law_3(statements: &[Statement]) -> String {
    let ChargedInAll { shares, lines, total } = charged(statements);
    format!(
        "{} shares {} = {} lines {} = {} totals {total}",
        shares.0,
        dollars(&shares.1),
        lines.0,
        dollars(&lines.1),
        statements.len()
    )
}

#[cfg(test)]
mod tests;
