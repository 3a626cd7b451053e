//! What has to hold in the end, against what the stack knows that it truly used: laws 1 to 5 of the domain, as far as they
//! can be broken by what happens on the way. Law 6 is of periods that are closed, which nothing does yet.
//!
//! 1. Records received are counted, superseded, duplicate or quarantined, as many of each as the stack foretells, and every
//!    record that counts is the truth. That what is kept of days and records agrees is audited with no server running.
//! 2. Every payer is charged with its usage of each meter and no other, exactly ([`bills`]).
//! 3. Shares sum to lines, lines to totals, and all ways of asking for a statement answer the same ([`bills`]).
//! 4. Batches that are delivered again, under the same key or another, change no statement by a byte ([`again`]).
//! 5. Another server, which nothing went wrong with, was told the same in another order and in other batches, and has the
//!    same records and statements ([`another`]).

mod again;
mod another;
mod bills;
mod receipts;

use std::collections::BTreeMap;

use domain::ids::{LocalMeterId, LocalSubscriptionId};
use domain::quantity::Quantity;
use domain::time::Hour;
use serde_json::Value;
use simulator::Stack;

use super::furnishing;
use super::platform::Platform;
use super::run::Run;

/// What was measured when: a local subscription, a local meter, a resource in small letters, and an hour.
type Key = (LocalSubscriptionId, LocalMeterId, String, Hour);

/// A record that counts: how much, and the hour in which it was reported.
type Counts = (Quantity, String);

/// Panics if anything was lost, counted twice, or does not add up.
pub(super) fn hold(run: &Run<'_>) {
    let (house, now) = (&run.house, run.end());
    let (platform, stack) = (&house.platform, &*house.stack);
    assert_eq!(house.panics(), [""; 0]);
    furnishing::backdate(platform, stack, now);
    let check = checked(platform, stack, now);
    // Looking back delivers again what is there already.
    let (duplicates, expected) = (&check["records"]["duplicate"], stack.expected().duplicates);
    assert!(duplicates.as_u64() >= Some(expected), "{check}");
    let records = records(platform, stack);
    records_are_the_truth(&records, stack);
    quarantine_is_what_was_malformed(run);
    receipts::are_complete(run, check["records"]["received"].as_u64().unwrap());
    let statements = bills::are_the_truth(platform, stack, now);
    another::has_the_same(run, &records, &statements);
    again::changes_nothing(run, &check, &statements);
    assert_eq!(house.panics(), [""; 0]);
}

/// What the server says of the laws itself, and whether it counted what it should have.
fn checked(platform: &Platform, stack: &Stack, now: domain::time::Timestamp) -> Value {
    let period = stack.spec().month.to_string();
    let check = platform.json(now, "check", &["--period", &period]);
    assert_eq!(check["holds"], true, "{check:#}");
    let (records, expected) = (&check["records"], stack.expected());
    let count = |name: &str| records[name].as_u64().unwrap();
    assert_eq!(count("counted"), expected.counted, "{records}");
    assert_eq!(count("superseded"), expected.superseded, "{records}");
    let parts = ["counted", "superseded", "duplicate", "quarantined"];
    let parts: u64 = parts.map(count).iter().sum();
    assert_eq!(parts, count("received"), "{records}");
    check
}

/// Every record that counts.
fn records(platform: &Platform, stack: &Stack) -> BTreeMap<Key, Counts> {
    let cloud = stack.spec().cloud_id;
    let mut records = BTreeMap::new();
    for of in stack.local_subscriptions() {
        let path = format!("/api/v1/stacks/{cloud}/usage?localSubscriptionId={}", of.id);
        for record in platform.list(&path) {
            let text = |name: &str| record[name].as_str().unwrap();
            let hour: Hour = text("usageStart").parse().unwrap();
            assert_eq!(text("usageEnd"), hour.plus(1).to_string());
            let resource = text("resourceUri").to_ascii_lowercase();
            let key = (of.id, text("localMeterId").parse().unwrap(), resource, hour);
            let counts = (text("quantity").parse().unwrap(), text("reported").to_owned());
            assert_eq!(records.insert(key, counts), None, "there twice: {record}");
        }
    }
    records
}

/// Every record is there and says what was truly used, to the last digit, and so do all sums of them: of days and months.
fn records_are_the_truth(records: &BTreeMap<Key, Counts>, stack: &Stack) {
    let truth = stack.truth(stack.month()).map(|it| {
        let resource = it.resource_uri.to_ascii_lowercase();
        (
            (it.local_subscription, it.local_meter, resource, it.hour),
            it.quantity,
        )
    });
    let counted = records
        .iter()
        .map(|(key, (quantity, _))| (key.clone(), *quantity));
    assert_same(&counted.collect(), &truth.collect(), "counted, and true");
}

/// Panics with what is different alone.
#[track_caller]
fn assert_same<K: Ord + Clone + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    one: &BTreeMap<K, V>,
    other: &BTreeMap<K, V>,
    what: &str,
) {
    let keys = one
        .keys()
        .chain(other.keys().filter(|key| !one.contains_key(key)));
    let different = keys.filter(|key| one.get(key) != other.get(key));
    let different = different.map(|key| (key, one.get(key), other.get(key)));
    assert_eq!(different.collect::<Vec<_>>(), [], "{what}");
}

/// Every malformed record is there, once for each form in which it was sent: one that was delivered again in another form may
/// be there twice, since nobody can tell what it is.
fn quarantine_is_what_was_malformed(run: &Run<'_>) {
    let listed = run.house.platform.json(run.end(), "usage quarantine", &[]);
    let mut distinct = BTreeMap::<String, Value>::new();
    let mut texts = BTreeMap::<String, String>::new();
    for record in listed.as_array().unwrap() {
        let raw = record["raw"].as_str().unwrap();
        // Only what turned out to have been reported earlier is there again in the same form.
        let reported = record["reported"].as_str().unwrap();
        let known = texts.insert(raw.to_owned(), reported.to_owned());
        assert!(
            known.is_none_or(|known| *reported < *known),
            "{raw} is there twice"
        );
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
    let house = &mut run.house;
    let (receipts, cloud) = ("stack receipts --output json", house.cloud_id());
    let receipts = house.platform.command(now, receipts, &[&cloud]);
    let kept = house.path("receipts.json");
    std::fs::write(&kept, receipts.done()).unwrap();
    house.kill_bridge();
    house.platform.kill();
    let audited = house.platform.audit(now, &kept);
    assert_eq!(audited.code, Some(0), "{}\n{}", audited.data, audited.notes);
}
