//! What has to hold in the end, against what the stack knows that it truly used.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{LocalMeterId, LocalSubscriptionId};
use domain::quantity::{Quantity, QuantitySum};
use serde_json::Value;

use super::run::Run;

/// Panics if anything was lost, counted twice, or does not add up.
pub(super) fn hold(run: &Run<'_>) {
    let (house, now) = (&run.house, run.end());
    assert_eq!(house.panics(), [""; 0]);
    let stack = &house.stack;
    let period = stack.spec().month.to_string();
    let check = house.json(now, "check", &["--period", &period]);
    assert_eq!(check["holds"], true, "{check:#}");
    usage_is_the_truth(run, &period);
    let records = &check["records"];
    let count = |name: &str| records[name].as_u64().unwrap();
    let expected = stack.expected();
    assert_eq!(count("counted"), expected.counted, "{records}");
    assert_eq!(count("superseded"), expected.superseded, "{records}");
    // Looking back delivers again what is there already.
    assert!(count("duplicate") >= expected.duplicates, "{records}");
    quarantine_is_what_was_malformed(run);
    receipts_are_complete(run, count("received"));
    let stacks = house.json(now, "stack list", &[]);
    let through = stacks[0]["reportedThrough"].as_str().unwrap();
    assert!(
        through >= &*stack.reported_interval().end().to_string(),
        "{stacks}"
    );
}

/// What each local subscription used of each local meter, to the last digit.
fn usage_is_the_truth(run: &Run<'_>, period: &str) {
    let unmapped = run.house.json(run.end(), "usage unmapped", &["--period", period]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut served = BTreeMap::<(LocalSubscriptionId, LocalMeterId), QuantitySum>::new();
    for group in unmapped.as_array().unwrap() {
        let subscription = text(&group["localSubscriptionId"]).parse().unwrap();
        for line in group["used"].as_array().unwrap() {
            let meter = text(&line["localMeterId"]).parse().unwrap();
            let quantity: Quantity = text(&line["quantity"]).parse().unwrap();
            let sum = served.entry((subscription, meter)).or_default();
            sum.add(&quantity.into());
        }
    }
    let stack = &run.house.stack;
    let truth = stack.true_sums(stack.month());
    let keys: BTreeSet<_> = served.keys().chain(truth.keys()).collect();
    let different = keys.into_iter().filter(|key| served.get(key) != truth.get(key));
    let different = different.map(|key| (key, served.get(key), truth.get(key)));
    assert_eq!(different.collect::<Vec<_>>(), [], "served, and true");
}

/// Every malformed record is there. One that was delivered again may be there twice: nobody can tell what it is.
fn quarantine_is_what_was_malformed(run: &Run<'_>) {
    let listed = run.house.json(run.end(), "usage quarantine", &[]);
    let mut distinct = BTreeMap::<String, Value>::new();
    for record in listed.as_array().unwrap() {
        let raw = record["raw"].as_str().unwrap();
        distinct.insert(with_times_alike(raw), record["code"].clone());
    }
    let mut by_code = BTreeMap::<String, u64>::new();
    for code in distinct.into_values() {
        *by_code.entry(code.as_str().unwrap().to_owned()).or_default() += 1;
    }
    let expected = run.house.stack.expected().quarantined.into_iter();
    let expected: BTreeMap<String, u64> = expected
        .map(|(code, count)| (code.as_str().to_owned(), count))
        .collect();
    assert_eq!(by_code, expected);
}

/// A record that comes again may come with its times in another form ([`simulator::ServiceFault::OtherTimes`]).
fn with_times_alike(raw: &str) -> String {
    let forms = [".0000000+00:00\"", ".0000000Z\"", ".0000000\"", "Z\""];
    forms
        .iter()
        .fold(raw.to_owned(), |raw, form| raw.replace(form, "+00:00\""))
}

/// With no server running, everything that is stored agrees with everything else, and with the receipts as they were shown.
pub(super) fn hold_at_rest(run: &mut Run<'_>) {
    let now = run.end();
    let receipts = run
        .house
        .command(now, "stack receipts --output json", &[&run.house.cloud_id()]);
    let kept = run.house.path("receipts.json");
    std::fs::write(&kept, receipts.done()).unwrap();
    run.house.kill_bridge();
    run.house.kill_server();
    let audited = run.house.audit(now, &kept);
    assert_eq!(audited.code, Some(0), "{}\n{}", audited.data, audited.notes);
}

/// No receipt is missing, each holds what it says, and none declares less than the one before.
fn receipts_are_complete(run: &Run<'_>, received: u64) {
    let receipts = run
        .house
        .json(run.end(), "stack receipts", &[&run.house.cloud_id()]);
    let receipts = receipts.as_array().unwrap();
    let number = |receipt: &Value, name: &str| receipt[name].as_u64().unwrap();
    let mut sum = 0;
    for (place, receipt) in receipts.iter().enumerate() {
        assert_eq!(number(receipt, "sequence"), place as u64 + 1);
        let parts = ["accepted", "duplicate", "revised", "quarantined"];
        let parts: u64 = parts.iter().map(|part| number(receipt, part)).sum();
        assert_eq!(parts, number(receipt, "received"), "{receipt}");
        sum += parts;
    }
    assert_eq!(sum, received);
    let declared: Vec<_> = receipts
        .iter()
        .filter_map(|it| it["reportedThrough"].as_str())
        .collect();
    assert!(declared.is_sorted(), "{declared:?}");
}
