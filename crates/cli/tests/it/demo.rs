//! The demonstration, from outside: it leaves with 0 only if every law and every check held, so that alone says much.

use std::collections::BTreeSet;
use std::ops::Range;
use std::process::Command;

use serde_json::{Value, json};

use crate::process::{meterbridge, run};
use crate::store_elsewhere::{assert_refused, database};

/// Everything that is held against the truth, in order: a check that is dropped or renamed is dropped or renamed here,
/// too, where somebody sees it.
const CHECKS: [&str; 28] = [
    "every stack was registered with the advised kind of subscription",
    "law 1: no record was lost",
    "records were counted as the simulator foretold",
    "the answers to all deliveries add up to that",
    "malformed records are in quarantine, each under its code",
    "each stack's usage of each meter is the truth, exactly",
    "law 2: no usage was lost",
    "every local meter means what the catalog's files say",
    "every price list says what was published in it, and the platform's what the catalog's file says",
    "law 2: every payer is charged with its usage and no other, for the right reason",
    "every price, amount, share and total is what the second opinion says",
    "law 3: shares sum to lines, and lines to totals",
    "law 3: the list of statements says the same as each one",
    "everybody who is charged has a statement here",
    "all usage that no mapping claims is listed, and no other",
    "what no mapping claims costs its payer its part of that bill's shares",
    "the server's own check finds every law to hold",
    "a delivery under its old name gets its old answer; under a new one it is all duplicates",
    "law 4: delivering everything again, in another order, changed no statement by a byte",
    "law 1 holds for what was delivered again, too",
    "law 5: a server that is told of stacks basel and kai in no order draws up the same statements of who pays for \
     nothing else",
    "law 3: every invoice says what the statements said when the month was closed",
    "closing the month again changed nothing",
    "an issued invoice never changes, whatever comes later",
    "law 6: invoices and corrections together are what the month costs as it is known now",
    "late usage and a mapping for past hours are corrections, each with its cause",
    "every invoice, reckoned again from the log, comes to the same bytes",
    "the largest line of the invoices opens to its records, and each level sums to the one above",
];

fn demo(records: &str, seed: &str) -> Value {
    run(&mut demo_told(records, seed)).json()
}

fn demo_told(records: &str, seed: &str) -> Command {
    let mut command = meterbridge();
    command
        .args(["demo", "--output", "json", "--quiet"])
        .args(["--records", records, "--seed", seed]);
    command
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
    let runs = [("20000", "1"), ("1000", "1"), ("1000", "1"), ("1000", "2026")];
    let running = runs.map(|(records, seed)| std::thread::spawn(move || demo(records, seed)));
    let [many, few, few_again, few_others] = running.map(|demo| demo.join().unwrap());
    check(&many, 20_000..60_000);
    check(&few, 1_000..3_000);
    check(&few_others, 1_000..3_000);
    let statements = |report: &Value| report["statements"].clone();
    assert_eq!(
        statements(&few),
        statements(&few_again),
        "the same seed gives the same bills"
    );
    assert_ne!(
        statements(&few),
        statements(&few_others),
        "another seed gives others"
    );
}

#[test]
fn the_bills_are_the_same_where_the_month_is_kept_in_postgresql_and_a_second_month_is_not_added_to_it() {
    let Some(database) = database() else { return };
    let on_postgres = || {
        let mut command = demo_told("1000", "1");
        run(command.args(["--store", &database.url()]))
    };
    let kept = on_postgres().json();
    check(&kept, 1_000..3_000);
    assert_eq!(kept["statements"], demo("1000", "1")["statements"]);
    // One more came when the month was closed.
    assert_eq!(
        database.rows_of("record"),
        records(&kept, "delivered")("accepted") + 1
    );
    assert_refused(&on_postgres(), "StoreInUse", "made for it");
}

fn records<'a>(report: &'a Value, delivered: &'a str) -> impl Fn(&str) -> u64 + 'a {
    move |member| report["records"][delivered][member].as_u64().unwrap()
}

fn check(report: &Value, asked: Range<u64>) {
    assert_eq!(report["held"], true);
    let checks = report["checks"].as_array().unwrap();
    let told: Vec<&str> = checks
        .iter()
        .map(|check| check["what"].as_str().unwrap())
        .collect();
    assert_eq!(told, CHECKS);
    for check in checks {
        assert_eq!(
            (&check["held"], &check["differences"]),
            (&json!(true), &json!([])),
            "{check:#}"
        );
    }

    let again = records(report, "deliveredAgain");
    let of = records(report, "delivered");
    assert!(
        asked.contains(&of("accepted")),
        "{} were accepted",
        of("accepted")
    );
    for delivered in [&of, &again] {
        let parts = ["accepted", "duplicate", "revised", "quarantined"];
        assert_eq!(
            delivered("records"),
            parts.iter().map(|part| delivered(part)).sum::<u64>()
        );
    }
    for met in ["duplicate", "revised", "quarantined"] {
        assert!(of(met) > 0, "no record was {met}");
    }
    assert!(report["records"]["late"].as_u64() > Some(0));
    assert_eq!(again("records"), of("records"), "all of it is delivered again");
    assert_eq!(again("accepted") + again("revised"), 0, "nothing of it is new");

    let stacks = report["stacks"].as_array().unwrap();
    let kinds: Vec<&str> = stacks
        .iter()
        .map(|stack| stack["chosen"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["partnerSharedServices", "csp", "csp"]);

    let reasons = ["localSubscriptionUnknown", "tenantNotMapped", "unregistered"];
    assert_eq!(texts(&report["unmapped"], "reason"), BTreeSet::from(reasons));

    let closing = &report["closing"];
    assert_eq!(closing["closed"]["state"], "closed");
    let invoices = closing["invoices"].as_array().unwrap().len();
    assert!(invoices > 5, "each partner's and each customer's: {closing:#}");
    assert_eq!(closing["replayed"], invoices);
    let causes: BTreeSet<&str> = closing["corrections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["correction"]["cause"].as_str().unwrap())
        .collect();
    assert_eq!(causes, BTreeSet::from(["lateUsage", "attribution"]));

    let on_two_stacks = statement(report, "24ad71b5-");
    let lines = on_two_stacks["lines"].as_array().unwrap();
    let charged: BTreeSet<&str> = lines
        .iter()
        .flat_map(|line| texts(&line["shares"], "cloudId"))
        .collect();
    assert_eq!(charged.len(), 2, "{on_two_stacks:#}");
    let resold = statement(report, "50b1ac96-");
    assert_eq!(resold["priceLists"], json!(["pay-as-you-use-usd", "talweg-usd"]));
    let added_late = statement(report, "2f98e35a-");
    assert_ne!(added_late["total"], "0.00");
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
        .args(["demo", "--records", "1000", "--data"])
        .arg(directory.path()));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.notes.contains("is not empty"), "{}", outcome.notes);
}

#[test]
fn too_few_records_are_refused_with_the_fewest_there_can_be() {
    for records in ["0", "999", "-1", "many"] {
        let outcome = run(meterbridge().arg("demo").arg(format!("--records={records}")));
        assert_eq!(outcome.code, Some(2), "{records}: {outcome:?}");
        assert!(
            outcome.notes.contains("from 1000 to"),
            "{records}: {}",
            outcome.notes
        );
    }
}
