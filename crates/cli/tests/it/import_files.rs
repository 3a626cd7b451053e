//! What stands in files that are imported, good and bad, and what an operator is told of it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;

use crate::process::{Outcome, run, run_with};
use crate::server::Server;

const STACK: &str = "3a4a1c1e-0f4b-4f0a-9d55-6a3b0f2c7d11";
const PAGE: &str = include_str!("fixtures/usage-page.json");
const NOTHING: &str = "{\"value\":[]}";

/// A server with a stack that is registered since now, and a folder of files.
struct Desk {
    server: Server,
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let server = Server::start();
        let tenant = "b1e0c1b8-5a3f-4e52-8a44-0d7f8b3f5e21";
        let partner = server.json("partner create --kind direct-bill --name Northwind", &[]);
        let own = ["--tenant", tenant, "--partner", partner["id"].as_str().unwrap()];
        let subscription = server.json(
            "subscription create --kind partner-shared-services --name Stacks",
            &own,
        );
        let registered = [
            "--subscription",
            subscription["id"].as_str().unwrap(),
            "--cloud-id",
            STACK,
        ];
        server.run("registration register", &registered).done();
        let folder = tempfile::tempdir().unwrap();
        Self { server, folder }
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn import(&self, options: &str, files: &[&Path]) -> Outcome {
        let command =
            format!("usage import --reported-start 2024-03-05T14:00:00Z --cloud-id {STACK} {options}");
        run(self.server.command(&command, &[]).args(files))
    }
}

#[track_caller]
fn assert_told(outcome: &Outcome, code: i32, expected: &[&str]) {
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    for expected in expected {
        assert!(outcome.notes.contains(expected), "{expected}: {}", outcome.notes);
    }
}

#[test]
fn what_is_no_usage_is_not_delivered_and_said_to_be_what_it_is() {
    let desk = Desk::new();
    let error = r#"{"error":{"code":"AuthorizationFailed","message":"The client may not read usage."}}"#;
    for (name, content, expected) in [
        ("empty.json", "", ["it is empty", "{\"value\":[]}"]),
        (
            "error.json",
            error,
            [
                "error answer of the stack, not usage: AuthorizationFailed",
                "ask it again",
            ],
        ),
        ("page.html", "<html>Sign in</html>", ["it is not JSON", "--help"]),
        (
            "powershell.json",
            "{\0}\0",
            ["it is UTF-16 text", "Save it as UTF-8"],
        ),
        ("pages.zip", "PK\x03\x04", ["it is a zip archive", "Unpack it"]),
        ("status.json", r#"{"status":"ok"}"#, ["neither a page", "--help"]),
        (
            "directory.json",
            "{\n\"subscriptions\": []\n}",
            ["neither a page", "--help"],
        ),
    ] {
        let outcome = desk.import("", &[&desk.file(name, content)]);
        assert_told(
            &outcome,
            1,
            &[&format!("{name} cannot be imported."), expected[0], expected[1]],
        );
        assert_eq!(outcome.data, "", "{name}");
    }
    // What was cut off on its way is taken for no page, which somebody would ask the stack for again.
    for (name, content, why) in [
        ("empty.mbz", "", "is empty: nothing of a bundle is in it"),
        ("short.mbz", "mani", "the file ends before it: it was cut off"),
        (
            "renamed",
            "manifest.json\0\0\0",
            "the file ends before it: it was cut off",
        ),
    ] {
        let mut import = desk.server.command("usage import", &["--cloud-id", STACK]);
        let outcome = run(import.arg(desk.file(name, content)));
        assert_told(
            &outcome,
            1,
            &[why, "Copy the file again", "Nothing of it was delivered."],
        );
    }
    let missing = desk.folder.path().join("missing.json");
    let folder = desk.folder.path().to_owned();
    for path in [missing, folder] {
        let outcome = desk.import("", &[&desk.file("page.json", PAGE), &path]);
        assert_told(&outcome, 1, &["cannot be used.", "hint: Nothing was delivered."]);
    }
    let mut nothing = desk.server.command("usage import -", &["--cloud-id", STACK]);
    assert_told(
        &run_with(&mut nothing, "\n"),
        1,
        &["standard input cannot be imported.", "it is empty"],
    );
    assert_eq!(
        desk.server
            .json("stack receipts", &[STACK])
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn compressed_files_are_imported_as_they_are() {
    let desk = Desk::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(PAGE.as_bytes()).unwrap();
    let gzip = desk.file("page.json.gz", gzip.finish().unwrap());
    let zstd = desk.file("page.zst", zstd::bulk::compress(PAGE.as_bytes(), 1).unwrap());
    assert_eq!(
        desk.import("", &[&gzip, &zstd]).done(),
        "10 records: 4 accepted, 5 duplicate, 0 revised, 1 quarantined\n"
    );
}

#[test]
fn pages_that_are_missing_are_missed() {
    let desk = Desk::new();
    let more = desk.file(
        "1.json",
        r#"{"value":[],"nextLink":"https://stack.example/usage?continuationToken=2"}"#,
    );
    let last = desk.file("2.json", NOTHING);
    let outcome = desk.import("", &[&more]);
    assert_told(
        &outcome,
        0,
        &[
            "warning: There are more pages: 1 file (the first is ",
            "1.json) with a nextLink on the last page",
        ],
    );
    for pages in [[&*more, &*last], [&*last, &*more]] {
        let outcome = desk.import("", &pages);
        assert!(!outcome.notes.contains("nextLink"), "{}", outcome.notes);
        outcome.done();
    }
}

#[test]
fn a_month_is_not_closed_without_the_usage_on_pages_that_are_missing_or_in_quarantine() {
    let desk = Desk::new();
    let more = desk.file(
        "1.json",
        r#"{"value":[],"nextLink":"https://stack.example/usage?token=2"}"#,
    );
    let last = desk.file("2.json", NOTHING);
    let page = desk.file("page.json", PAGE);
    let declared = || {
        let stacks = desk.server.json("stack list", &[]);
        stacks[0]["reportedThrough"].as_str().map(str::to_owned)
    };
    let through = "--reported-through 2024-03-05T15:00:00Z";
    let outcome = desk.import(&format!("{through} -o json"), &[&more]);
    assert_told(
        &outcome,
        1,
        &[
            "\"NotDeclared\"",
            "not declared that the stack has reported completely up to 2024-03-05T15:00:00Z",
            "There are more pages",
        ],
    );
    assert!(outcome.data.contains("\"deliveries\""), "{}", outcome.data);
    let outcome = desk.import(&format!("{through} --fail-on-quarantine"), &[&page]);
    assert_told(
        &outcome,
        1,
        &["1 record in quarantine.", "nothing was declared complete"],
    );
    assert_eq!(declared(), None);

    desk.import(through, &[&last, &more]).done();
    assert_eq!(declared().as_deref(), Some("2024-03-05T15:00:00Z"));
}

#[test]
fn what_is_quarantined_or_charged_to_nobody_is_told_and_can_be_a_failure() {
    let desk = Desk::new();
    let page = desk.file("page.json", PAGE);
    let outcome = desk.import("", &[&page]);
    let problem = "page.json, index 4: ";
    let nobody = "warning: 4 records of hours in which the stack was not registered";
    assert_told(&outcome, 0, &[problem, nobody, "registration backdate"]);

    let outcome = desk.import("--fail-on-quarantine", &[&page]);
    // It is not put there a second time, and is no record that counts all the same.
    let still = "warning: 1 record of the duplicates cannot be counted";
    assert_told(
        &outcome,
        1,
        &[still, "error: 1 record in quarantine.", "--fail-on-quarantine"],
    );
    assert_eq!(
        outcome.data,
        "5 records: 0 accepted, 5 duplicate, 0 revised, 0 quarantined\n"
    );
    let good = desk.file("nothing.json", NOTHING);
    desk.import("--fail-on-quarantine", &[&good]).done();

    let outcome = desk.import("--fail-on-quarantine -o json", &[&page]);
    let imported: serde_json::Value = serde_json::from_str(&outcome.data).unwrap();
    assert_eq!(
        (&imported["stillQuarantined"], &imported["unregistered"]),
        (&1.into(), &4.into())
    );
    assert_eq!(imported["warnings"][0]["code"], "UnregisteredUsage");
    let error: serde_json::Value = serde_json::from_str(outcome.notes.lines().last().unwrap()).unwrap();
    assert_eq!(
        (outcome.code, &error["error"]["code"]),
        (Some(1), &"Quarantined".into())
    );

    let listed = desk.server.run("usage quarantine", &[]).done();
    let quarantined = desk.server.json("usage quarantine", &[]);
    assert_eq!(quarantined.as_array().unwrap().len(), 1, "{quarantined}");
    let quarantined = &quarantined[0];
    assert_eq!(quarantined["index"], 4);
    let (header, row) = listed.split_once('\n').unwrap();
    assert!(header.contains("INDEX") && header.ends_with("RECORD"), "{header}");
    let beginning: String = quarantined["raw"].as_str().unwrap().chars().take(20).collect();
    assert!(
        row.contains("  4  InvalidQuantity ") && row.contains(&beginning),
        "{row}"
    );
}

#[test]
fn an_import_that_was_cut_off_can_be_repeated_without_fear() {
    let desk = Desk::new();
    let page = desk.file("page.json", PAGE);
    let key = desk.server.run("registration activation-key", &[STACK]).done();
    let key = desk.file("stack.key", key);
    let Desk { server, folder } = desk;
    let ca = folder.path().join("ca.pem");
    fs::copy(server.ca(), &ca).unwrap();
    let mut command = server.command("usage import --activation-key-file", &[key.to_str().unwrap()]);
    command.env("METERBRIDGE_CA", ca).arg(&page);
    server.stop();
    let outcome = run(&mut command);
    assert_told(
        &outcome,
        1,
        &[
            "cannot be reached.",
            "safe to repeat the same command",
            "counts as duplicates",
        ],
    );
}

#[test]
fn an_activation_key_that_is_not_accepted_is_not_taken_for_an_operators_credential() {
    let desk = Desk::new();
    let page = desk.file("page.json", PAGE);
    let claims = "eyJjbG91ZElkIjoiM2E0YTFjMWUtMGY0Yi00ZjBhLTlkNTUtNmEzYjBmMmM3ZDExIn0";
    let key = desk.file("stack.key", format!("e30.{claims}.c2ln\n"));
    let outcome = desk.import(&format!("--activation-key-file {}", key.display()), &[&page]);
    assert_told(&outcome, 1, &["registration activation-key 3a4a1c1e"]);
    assert!(!outcome.notes.contains("--credential-file"), "{}", outcome.notes);
}

/// A page with one record of a resource, from the beginning of a day.
fn page_of_one(end: &str, quantity: &str) -> String {
    let subscription = "0a1b2c3d-0000-4000-8000-000000000001";
    let resource = format!("/subscriptions/{subscription}/resourceGroups/g/providers/p/t/vm");
    let instance = json!({"Microsoft.Resources": {"resourceUri": resource, "location": "here"}});
    let properties = json!({
        "subscriptionId": subscription, "usageStartTime": "2024-03-05T00:00:00Z", "usageEndTime": end,
        "meterId": "f271a8a3-88c4-4d93-956a-063e1d2fa80b", "quantity": quantity, "instanceData": instance.to_string(),
    });
    json!({"value": [{"properties": properties}]}).to_string()
}

#[test]
fn a_correction_to_less_would_be_taken_for_one_that_counts() {
    let desk = Desk::new();
    let import = |quantity: &str, options: &str| {
        let page = page_of_one("2024-03-05T01:00:00Z", quantity);
        desk.import(options, &[&desk.file(&format!("{quantity}.json"), page)])
    };
    let hint = "hint: What does not count is kept";
    import("5", "").done();
    let more = import("7", "");
    assert_eq!(
        more.data,
        "1 record: 0 accepted, 0 duplicate, 1 revised, 0 quarantined\n"
    );
    assert!(!more.notes.contains(hint), "{}", more.notes);
    let less = import("6", "");
    assert_eq!(
        less.data,
        "1 record: 0 accepted, 0 duplicate, 1 revised (1 does not count), 0 quarantined\n"
    );
    assert_told(&less, 0, &[hint, "with an earlier --reported-start"]);
    assert_eq!(import("4", "--output json").json()["revisedNotCounting"], 1);
    let receipts = desk.server.json("stack receipts", &[STACK]);
    let told: Vec<_> = (0..4)
        .map(|place: usize| &receipts[place]["revisedNotCounting"])
        .collect();
    assert_eq!(told, [0, 0, 1, 1]);
    let listed = desk.server.run("stack receipts", &[STACK]).done();
    assert!(listed.contains("REVISED  NOT COUNTING  QUARANTINED"), "{listed}");
}

#[test]
fn the_sum_of_the_hours_would_be_released_and_the_wrong_day_be_charged_for() {
    let desk = Desk::new();
    let day = "2024-03-06T00:00:00Z";
    for (name, end, quantity) in [("day", day, "99"), ("hour", "2024-03-05T01:00:00Z", "2")] {
        let page = page_of_one(end, quantity);
        desk.import("", &[&desk.file(name, page)]).done();
    }
    let position = desk.server.json("usage quarantine", &[])[0]["position"].to_string();
    let end = format!("properties.usageEndTime={day}");
    let sum = [
        &*position,
        "--set",
        &end,
        "--set",
        "properties.quantity=36.5",
        "--reason",
        "the sum",
    ];
    for how in ["--dry-run", "--yes"] {
        let outcome = desk
            .server
            .run("usage quarantine release", &[&sum[..], &[how]].concat());
        let expected = format!(
            "1 revised (1 does not count)\n  {position} does not count: 99 does, reported at 2024-03-05T14:00:00Z\n"
        );
        assert!(outcome.data.ends_with(&expected), "{how}: {}", outcome.data);
        assert_told(
            &outcome,
            0,
            &["hint: What is released counts as", "earlier --reported-start"],
        );
    }
}

#[test]
fn what_is_in_quarantine_is_mended_and_released_or_purged_and_nobody_does_so_by_accident() {
    let desk = Desk::new();
    let page = desk.file("page.json", PAGE);
    let other = desk.file("other.json", PAGE.replace("many", "too many"));
    for page in [&page, &other, &page] {
        desk.import("", &[page]).done();
    }
    let server = &desk.server;
    let summary = server.json("usage quarantine summary", &["--stack", STACK]);
    assert_eq!(
        (&summary[0]["code"], &summary[0]["records"]),
        (&"InvalidQuantity".into(), &2.into())
    );
    let listed = server.json("usage quarantine", &["--containing", "many"]);
    let [first, second] = [0, 1].map(|place: usize| listed[place]["position"].to_string());
    let release = |more: &[&str]| {
        let given = ["--reason", "a word for a number"];
        server.run("usage quarantine release", &[more, &given].concat())
    };

    let outcome = release(&["--all"]);
    let expected = "0 records would be released";
    assert_told(&outcome, 1, &[expected, "waits on, InvalidQuantity", "--yes"]);
    assert_told(
        &release(&["--all", "--expect", "3", "--yes"]),
        1,
        &["it is 2 records, not 3"],
    );
    assert_told(&release(&[]), 2, &["which records are meant"]);
    assert_told(&release(&["999", "--yes"]), 1, &["404 QuarantinedRecordNotFound"]);
    assert_eq!(release(&[&first, "--yes"]).code, Some(3), "it waits on");
    assert_eq!(release(&[&first, "--dry-run"]).code, Some(3), "it would wait on");
    let misspelt = release(&[&*first, "--set", "quantity=2.5", "--yes"]);
    assert_told(
        &misspelt,
        1,
        &["no member quantity", "Is it properties.quantity?"],
    );

    let set = [&*first, "--set", "properties.quantity=2.5"];
    let told = release(&[&set[..], &["--dry-run"]].concat()).done();
    assert_eq!(
        told,
        "1 record would be released: 1 accepted, 0 duplicate, 0 revised\n"
    );
    release(&[&set[..], &["--yes"]].concat()).done();
    let again = release(&[&set[..], &["--yes"]].concat()).done();
    assert!(again.contains("had been released or purged before"), "{again}");
    let purge = [&*second, "--reason", "it came twice", "--yes", "-o", "json"];
    let purged = server.run("usage quarantine purge", &purge).json();
    assert_eq!(purged[0]["purged"][0].to_string(), second);

    assert_eq!(server.json("usage quarantine", &[]), serde_json::json!([]));
    let state = |state| server.json("usage quarantine", &["--state", state]);
    assert!(state("released")[0]["mended"].as_str().unwrap().contains("2.5"));
    assert_eq!(state("purged")[0]["raw"], "");
    let history = server.run("usage quarantine history", &[]).done();
    for told in ["0 of 1", "1 of 1", "a word for a number", "purge"] {
        assert!(history.contains(told), "{told}: {history}");
    }
}

#[test]
fn more_records_than_one_request_takes_are_released_and_purged_by_what_they_have_in_common() {
    let desk = Desk::new();
    let line = |number: usize| json!({ "properties": { "meterId": format!("meter-{number}") } }).to_string();
    let lines: Vec<String> = (0..1_500).map(line).collect();
    desk.import("", &[&desk.file("lines.ndjson", lines.join("\n"))])
        .done();
    let server = &desk.server;
    let act = |act: &str, more: &[&str]| {
        let given = ["--code", "MissingProperty", "--reason", "a test"];
        server.run(&format!("usage quarantine {act}"), &[&given[..], more].concat())
    };
    let waiting = act("release", &["--yes"]);
    assert_told(&waiting, 3, &["1,500 records still cannot be counted"]);
    assert!(waiting.data.contains("and so on, 1,400 more"), "{waiting:?}");
    assert_told(
        &act("purge", &["--expect", "1000", "--yes"]),
        1,
        &["it is 1,500 records, not 1000"],
    );
    assert_told(&act("purge", &[]), 1, &["1,500 records would be purged", "--yes"]);
    let purged = act("purge", &["--expect", "1500", "--yes", "-o", "json"]).json();
    let parts: Vec<usize> = purged
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["purged"].as_array().unwrap().len())
        .collect();
    assert_eq!(parts, [1_000, 500]);
    assert_eq!(server.json("usage quarantine", &[]), json!([]));
}

#[test]
fn records_of_one_reason_that_begin_alike_cannot_be_told_apart_by_their_beginnings() {
    let desk = Desk::new();
    desk.import("", &[&desk.file("page.json", PAGE)]).done();
    let listed = desk.server.run("usage quarantine", &[]).done();
    let raw = &desk.server.json("usage quarantine", &[])[0];
    for column in ["HOUR", "RESOURCE", "METER"] {
        assert!(listed.contains(column), "{listed}");
    }
    assert!(
        listed.contains(raw["raw"].as_str().unwrap()),
        "nothing is cut in a pipe: {listed}"
    );
}
