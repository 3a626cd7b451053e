//! Of law 1, what the receipts tell: nothing that was acknowledged is missing, and no hour is declared before it is complete.

use std::collections::{BTreeMap, BTreeSet};

use domain::time::{Hour, HourInterval};
use serde_json::Value;
use simulator::Stack;

use crate::faults::run::Run;

const PAGE_SIZE: usize = 1000;

/// No receipt is missing, each holds what it says, and in the end all is declared that was ever reported.
pub(super) fn are_complete(run: &Run<'_>, received: u64) {
    let (house, now) = (&run.house, run.end());
    let receipts = house.platform.json(now, "stack receipts", &[&house.cloud_id()]);
    let receipts = receipts.as_array().unwrap();
    let mut sum = 0;
    for (place, receipt) in receipts.iter().enumerate() {
        assert_eq!(number(receipt, "sequence"), place as u64 + 1);
        let parts = ["accepted", "duplicate", "revised", "quarantined"];
        let parts: u64 = parts.iter().map(|part| number(receipt, part)).sum();
        assert_eq!(parts, number(receipt, "received"), "{receipt}");
        sum += parts;
    }
    assert_eq!(sum, received);
    what_was_acknowledged_is_there(run, receipts);
    hours_are_declared_when_they_are_complete(&house.stack, receipts);
    let declared: Vec<_> = receipts
        .iter()
        .filter_map(|it| it["reportedThrough"].as_str())
        .collect();
    // What a restored server lacks is declared after newer hours.
    assert!(run.restored() > 0 || declared.is_sorted(), "{declared:?}");
    let stacks = house.platform.json(now, "stack list", &[]);
    let through = stacks[0]["reportedThrough"].as_str().unwrap();
    let reported = house.stack.reported_interval().end().to_string();
    assert!(through >= &*reported, "{stacks}");
}

fn number(receipt: &Value, name: &str) -> u64 {
    receipt[name].as_u64().unwrap()
}

/// Each delivery that was acknowledged, but for those that a restored server lacks, has its receipt still.
fn what_was_acknowledged_is_there(run: &Run<'_>, receipts: &[Value]) {
    let there: BTreeMap<u64, &Value> = receipts
        .iter()
        .map(|receipt| (number(receipt, "sequence"), &receipt["chain"]))
        .collect();
    for delivered in run.house.to_server.delivered() {
        let receipt = delivered.receipt();
        let chain = there.get(&number(&receipt, "sequence"));
        assert_eq!(chain, Some(&&receipt["chain"]), "{receipt}");
    }
}

/// What declares an hour comes after everything that the stack reported in it, and no hour is left out.
fn hours_are_declared_when_they_are_complete(stack: &Stack, receipts: &[Value]) {
    let mut received = BTreeMap::<Hour, u64>::new();
    let mut declared = BTreeSet::new();
    for receipt in receipts {
        let hour: Hour = receipt["reportedStart"].as_str().unwrap().parse().unwrap();
        let so_far = received.entry(hour).or_default();
        *so_far += number(receipt, "received");
        if receipt["reportedThrough"].is_null() {
            continue;
        }
        assert_eq!(receipt["reportedThrough"], hour.plus(1).to_string(), "{receipt}");
        let window = HourInterval::new(hour, hour.plus(1)).unwrap();
        let pages = stack.reported_pages(window, PAGE_SIZE);
        let reported: u64 = pages.map(|page| page.records as u64).sum();
        assert!(*so_far >= reported, "{so_far} of {reported} records: {receipt}");
        declared.insert(hour);
    }
    let (start, end) = (stack.month().start(), stack.reported_interval().end());
    let all = HourInterval::new(start, end).unwrap();
    let all = (0..all.hours()).map(|hour| start.plus(hour));
    let left_out: Vec<Hour> = all.filter(|hour| !declared.contains(hour)).collect();
    assert_eq!(left_out, [], "never declared");
}
