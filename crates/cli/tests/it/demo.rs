//! The demonstration, from outside: it leaves with 0 only if every law and every check held, so that alone says much.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::process::{meterbridge, run};

fn demo(seed: &str) -> Value {
    run(meterbridge().args([
        "demo",
        "--records",
        "20000",
        "--seed",
        seed,
        "--output",
        "json",
        "--quiet",
    ]))
    .json()
}

fn texts<'a>(list: &'a Value, member: &str) -> BTreeSet<&'a str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|item| item[member].as_str().unwrap())
        .collect()
}

/// A subscription's statement, by a part of its id.
fn statement<'a>(report: &'a Value, id: &str) -> &'a Value {
    let mut statements = report["statements"].as_array().unwrap().iter();
    statements
        .find(|it| it["subscriptionId"].as_str().unwrap().starts_with(id))
        .unwrap()
}

#[test]
fn the_whole_job_is_done_and_every_check_holds() {
    let seeds = ["1", "2026", "1"];
    let running = seeds.map(|seed| std::thread::spawn(move || demo(seed)));
    let [first, second, first_again] = running.map(|demo| demo.join().unwrap());
    check(&first);
    check(&second);
    assert_eq!(
        first["statements"], first_again["statements"],
        "the same seed gives the same bills"
    );
    assert_ne!(
        first["statements"], second["statements"],
        "another seed gives others"
    );
}

fn check(report: &Value) {
    assert_eq!(report["held"], true);
    let checks = report["checks"].as_array().unwrap();
    assert!(
        checks.len() >= 15 && checks.iter().all(|check| check["held"] == true),
        "{checks:?}"
    );

    let records = |member: &str| report["records"][member].as_u64().unwrap();
    let parts = ["counted", "superseded", "duplicate", "quarantined"];
    assert_eq!(
        records("received"),
        parts.iter().map(|part| records(part)).sum::<u64>()
    );
    assert!(records("counted") >= 20_000);
    for met in ["superseded", "duplicate", "quarantined", "late", "deliveredAgain"] {
        assert!(records(met) > 0, "no record was {met}");
    }

    let stacks = report["stacks"].as_array().unwrap();
    let kinds: Vec<&str> = stacks
        .iter()
        .map(|stack| stack["chosen"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["partnerSharedServices", "csp", "csp"]);

    let reasons = ["localSubscriptionUnknown", "tenantNotMapped", "unregistered"];
    assert_eq!(texts(&report["unmapped"], "reason"), BTreeSet::from(reasons));

    let on_two_stacks = statement(report, "24ad71b5-");
    let lines = on_two_stacks["lines"].as_array().unwrap();
    let charged: BTreeSet<&str> = lines
        .iter()
        .flat_map(|line| texts(&line["shares"], "cloudId"))
        .collect();
    assert_eq!(charged.len(), 2, "{on_two_stacks:#}");
    let never_added = statement(report, "3a03d8cf-");
    assert_eq!(
        (&never_added["total"], &never_added["lines"]),
        (&"0.00".into(), &Value::Array(Vec::new()))
    );
}

#[test]
fn a_directory_with_something_in_it_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("keep"), "me").unwrap();
    let outcome = run(meterbridge()
        .args(["demo", "--records", "1", "--data"])
        .arg(directory.path()));
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.notes.contains("is not empty"), "{}", outcome.notes);
}
