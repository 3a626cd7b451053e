//! Laws 2 and 3: every payer is charged with its usage and no other, and what it is charged adds up.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::LocalMeterId;
use domain::quantity::{Quantity, QuantitySum};
use domain::time::Timestamp;
use serde_json::Value;
use simulator::Stack;

use super::assert_same;
use crate::faults::furnishing::{Paid, who_pays};
use crate::faults::platform::Platform;

/// How much of each local meter.
type Used = BTreeMap<LocalMeterId, QuantitySum>;

/// Panics unless everybody has the statement that the truth asks for. Gives all of them.
pub(super) fn are_the_truth(platform: &Platform, stack: &Stack, now: Timestamp) -> Vec<Value> {
    let statements = statements(platform, stack, now);
    let charged: BTreeSet<&str> = statements.iter().map(|it| text(it, "subscriptionId")).collect();
    let paid = who_pays(stack);
    assert_eq!(charged, paid.iter().map(|it| it.payer).collect());
    let period = stack.spec().month.to_string();
    for (statement, paid) in statements.iter().filter_map(|it| Some((it, payment(&paid, it)?))) {
        assert_same(&used(statement), &truly_used(stack, paid), paid.payer);
        adds_up(statement, paid);
        let alone = platform.json(now, "statement show", &[paid.payer, "--period", &period]);
        assert_eq!(alone, *statement, "the list says the same as the statement");
    }
    unmapped_is_the_truth(platform, stack, now);
    statements
}

/// All statements of the month.
pub(super) fn statements(platform: &Platform, stack: &Stack, now: Timestamp) -> Vec<Value> {
    let period = stack.spec().month.to_string();
    let listed = platform.json(now, "statement list", &["--period", &period]);
    listed.as_array().unwrap().clone()
}

fn payment<'a>(all: &'a [Paid], statement: &Value) -> Option<&'a Paid> {
    all.iter().find(|it| it.payer == statement["subscriptionId"])
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().unwrap()
}

fn add(used: &mut Used, it: &Value) {
    let quantity: Quantity = text(it, "quantity").parse().unwrap();
    let sum = used.entry(text(it, "localMeterId").parse().unwrap()).or_default();
    sum.add(&quantity.into());
}

/// What is on a statement, in the units of what stacks measure: on its lines, and what is not charged.
fn used(statement: &Value) -> Used {
    let measured = items(statement, "lines")
        .iter()
        .flat_map(|line| items(line, "measured"));
    let mut used = Used::new();
    measured
        .chain(items(statement, "notCharged"))
        .for_each(|it| add(&mut used, it));
    used
}

fn truly_used(stack: &Stack, paid: &Paid) -> Used {
    let mut used = Used::new();
    for ((of, meter), quantity) in stack.true_sums(paid.hours) {
        if paid.includes(stack, of) {
            used.entry(meter).or_default().add(&quantity);
        }
    }
    used
}

/// Shares sum to their line and lines to the total, and there is something to be paid, for the right reason.
fn adds_up(statement: &Value, paid: &Paid) {
    let lines = items(statement, "lines");
    for line in lines {
        let shares = items(line, "shares");
        assert_eq!(sum(shares, "amount"), amount(line, "amount"), "{line:#}");
        assert!(shares.iter().all(|it| it["reason"] == paid.reason), "{line:#}");
    }
    let total = amount(statement, "total");
    assert_eq!(sum(lines, "amount"), total, "{statement:#}");
    assert!(total != QuantitySum::default(), "{statement:#}");
}

fn amount(of: &Value, name: &str) -> QuantitySum {
    text(of, name).parse::<Quantity>().unwrap().into()
}

fn sum(of: &[Value], name: &str) -> QuantitySum {
    let mut sum = QuantitySum::default();
    of.iter().for_each(|it| sum.add(&amount(it, name)));
    sum
}

/// What no mapping claims is listed, and nothing else.
fn unmapped_is_the_truth(platform: &Platform, stack: &Stack, now: Timestamp) {
    let period = stack.spec().month.to_string();
    let listed = platform.json(now, "usage unmapped", &["--period", &period]);
    let (mut listed_of, mut true_of) = (BTreeMap::new(), BTreeMap::new());
    for group in listed.as_array().unwrap() {
        let of = text(group, "localSubscriptionId").parse().unwrap();
        assert_eq!(group["reason"], "tenantNotMapped", "{group:#}");
        let used: &mut Used = listed_of.entry(of).or_default();
        items(group, "used").iter().for_each(|it| add(used, it));
    }
    let paid = who_pays(stack);
    for unmapped in paid.iter().filter(|it| it.reason == "tenantNotMapped") {
        for ((of, meter), quantity) in stack.true_sums(unmapped.hours) {
            if unmapped.includes(stack, of) {
                let used: &mut Used = true_of.entry(of).or_default();
                used.insert(meter, quantity);
            }
        }
    }
    assert_same(&listed_of, &true_of, "listed as not mapped, and truly not");
}
