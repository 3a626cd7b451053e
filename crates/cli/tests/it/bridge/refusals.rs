//! What cannot be done, and what is said then.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::process::{Outcome, meterbridge, run};

use super::process::RunningBridge;
use super::world::PATIENCE;

const CLOUD: &str = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";

const CONFIGURATION: &str = r#"
[server]
url = "https://meterbridge.example:8443"
[spool]
directory = "spool"
[[stack]]
name = "north"
endpoint = "https://adminmanagement.north.example"
client-id = "bridge"
secret-file = "north.secret"
activation-key-file = "north.key"
"#;

fn bridge(directory: &Path, arguments: &[&str]) -> Outcome {
    run(meterbridge().current_dir(directory).arg("bridge").args(arguments))
}

#[track_caller]
fn assert_refused(outcome: &Outcome, code: i32, expected: &[&str]) {
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    assert_eq!(outcome.data, "", "an error is no data: {outcome:?}");
    for expected in expected {
        assert!(outcome.notes.contains(expected), "{expected}: {}", outcome.notes);
    }
}

/// An activation key, as far as a bridge reads it.
fn activation_key(cloud_id: &str) -> String {
    let claims = serde_json::json!({
        "cloudId": cloud_id, "subscriptionId": "s", "resourceGroupName": "g", "registrationName": "r",
        "registrationId": "i", "usageEndpoint": "u", "marketplaceEndpoint": "m", "usageResourceUri": "u",
        "marketplaceResourceUri": "m", "expires": "never", "billingModel": "PayAsYouUse", "regionNames": ["north"],
        "usageReportingEnabled": true, "marketplaceSyndicationEnabled": true, "issuer": "x", "version": "1",
    });
    let part = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("e30.{part}.c2lnbmF0dXJl\n")
}

#[test]
fn a_bridge_that_is_told_too_little_or_nonsense_says_what_would_be_right() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    assert_refused(
        &bridge(at, &["run"]),
        2,
        &["Nothing says which bridge is meant.", "--config FILE"],
    );
    assert_refused(
        &bridge(at, &["run", "--config", "bridge.toml"]),
        1,
        &["bridge.toml cannot be used.", "No such file"],
    );
    let complete = [
        "--spool",
        "s",
        "--stack-endpoint",
        "https://a.example",
        "--stack-client-id",
        "c",
    ];
    let with = |more: &[&'static str]| [&["run"], &complete[..], more].concat();
    for (arguments, expected) in [
        (
            with(&["--stack-secret-file", "f", "--activation-key-file", "k"]),
            [
                "`server.url` is missing",
                "Set it with --server-url, or as `url` of [server]",
            ],
        ),
        (
            with(&["--server-url", "https://b.example", "--activation-key-file", "k"]),
            [
                "either `secret-file`, or `certificate-file`",
                "Set it with --stack-secret-file",
            ],
        ),
        (
            with(&[
                "--server-url",
                "https://b.example",
                "--activation-key-file",
                "k",
                "--stack-key-file",
                "f",
            ]),
            ["either `secret-file`", "`secret-file` of [[stack]]"],
        ),
        (
            with(&[
                "--server-url",
                "http://b.example",
                "--stack-secret-file",
                "f",
                "--activation-key-file",
                "k",
            ]),
            ["`server.url`: 'http://b.example' is not https", "--server-url"],
        ),
        (
            vec!["run", "--server-url", "https://b.example", "--spool", "s"],
            ["expected 1 to 256 [[stack]]", "--stack-endpoint"],
        ),
        (
            with(&[
                "--stack-secret-file",
                "f",
                "--lookback",
                "745",
                "--activation-key-file",
                "k",
                "--server-url",
                "https://b.example",
            ]),
            ["expected at most 744", "--lookback"],
        ),
    ] {
        assert_refused(&bridge(at, &arguments), 2, &expected);
    }
    assert_refused(
        &bridge(at, &["run", "--listen", "9465"]),
        2,
        &["write 127.0.0.1:9465"],
    );
}

#[test]
fn a_configuration_is_refused_with_the_line_or_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    for (text, expected) in [
        (
            format!("{CONFIGURATION}retries = 3\n"),
            [
                "line 12: unknown field `retries`, expected one of `name`",
                "[[stack]] for each stack",
            ],
        ),
        (
            CONFIGURATION.replace("[[stack]]", "[stack]"),
            ["line 6: expected [[stack]] with two brackets", "[[stack]]"],
        ),
        (
            CONFIGURATION.replace("client-id", "tenant"),
            [
                "`client-id` of stack `north` is missing",
                "Set it with --stack-client-id",
            ],
        ),
        (
            format!("{CONFIGURATION}start = \"2026-10-01T00:30:00Z\"\n"),
            [
                "`start` of stack `north`: expected the start of an hour",
                "--start",
            ],
        ),
    ] {
        fs::write(at.join("bridge.toml"), text).unwrap();
        let outcome = bridge(at, &["run", "--config", "bridge.toml"]);
        assert_refused(&outcome, 1, &expected);
        assert!(
            outcome.notes.contains("bridge.toml cannot be used."),
            "{outcome:?}"
        );
    }
}

#[test]
fn two_sections_for_the_same_stack_are_refused_by_their_names() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let second = CONFIGURATION
        .split("[[stack]]")
        .nth(1)
        .unwrap()
        .replace("\"north", "\"south");
    fs::write(
        at.join("bridge.toml"),
        format!("{CONFIGURATION}[[stack]]{second}"),
    )
    .unwrap();
    for key in ["north.key", "south.key"] {
        fs::write(at.join(key), activation_key(CLOUD)).unwrap();
    }
    for command in ["run", "check"] {
        let outcome = bridge(at, &[command, "--config", "bridge.toml"]);
        assert_refused(&outcome, 1, &["`north` and `south`", CLOUD, "Remove one of them"]);
    }
    // What is said of one of several stacks has to name it.
    let outcome = bridge(at, &["check", "--config", "bridge.toml", "--stack-ca", "ca.pem"]);
    assert_refused(
        &outcome,
        1,
        &["several stacks: expected one of `north`, `south`", "--stack"],
    );
    let admit = [
        "admit-directory",
        "fabrikam.example",
        "--yes",
        "--config",
        "bridge.toml",
    ];
    assert_refused(
        &bridge(at, &admit),
        2,
        &["several stacks", "--stack: north, south"],
    );
    let outcome = bridge(at, &[&admit[..], &["--stack", "west"]].concat());
    assert_refused(
        &outcome,
        1,
        &["there is no stack `west`: expected one of `north`, `south`"],
    );
}

#[test]
fn who_mistypes_the_name_of_a_stack_would_have_been_told_of_a_file_that_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    fs::write(at.join("bridge.toml"), CONFIGURATION).unwrap();
    let asked = [
        "backfill",
        "nroth",
        "--from",
        "2026-10-01",
        "--to",
        "2026-10-02",
        "--config",
        "bridge.toml",
    ];
    assert_refused(
        &bridge(at, &asked),
        1,
        &["The bridge has no stack nroth.", "It has: "],
    );
}

#[test]
fn a_start_that_lies_ahead_would_have_passed_the_check_and_read_nothing_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let text = format!("{CONFIGURATION}start = \"2062-01-01T00:00:00Z\"\n");
    fs::write(at.join("bridge.toml"), text).unwrap();
    for command in ["run", "check"] {
        let outcome = bridge(at, &[command, "--config", "bridge.toml", "--output", "json"]);
        assert_refused(
            &outcome,
            1,
            &["StartInFuture", "`north`", "2062-01-01T00:00:00Z", "Set `start`"],
        );
    }
}

#[test]
fn a_bridge_that_never_ran_has_nothing_to_show_and_nobody_to_ask() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    fs::write(at.join("bridge.toml"), CONFIGURATION).unwrap();
    let never = ["The bridge has not run yet", "meterbridge bridge run"];
    assert_refused(&bridge(at, &["status", "--config", "bridge.toml"]), 1, &never);
    let range = ["--from", "2026-10-01", "--to", "2026-10-02", "--spool", "spool"];
    assert_refused(
        &bridge(at, &[&["backfill", "north"], &range[..]].concat()),
        1,
        &never,
    );
    let outcome = bridge(at, &["status", "--output", "json", "--spool", "spool"]);
    let error: serde_json::Value = serde_json::from_str(outcome.notes.trim()).unwrap();
    assert_eq!(error["error"]["code"], "NoStatus");
    assert_refused(
        &bridge(at, &["status"]),
        2,
        &["Nothing says which bridge is meant."],
    );
}

#[test]
fn a_bridge_that_ended_is_said_not_to_run_whatever_it_said_last() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    fs::create_dir(at.join("spool")).unwrap();
    let said = r#"{"at":"2026-01-01T00:00:00Z","stacks":[{"name":"north","cloudId":null,"readThrough":null,
        "acknowledgedThrough":null,"lagHours":null,"spoolBytes":0,"spoolBytesMax":1,"backfills":[],"troubles":[],
        "delivered":{"batches":0,"accepted":0,"duplicate":0,"revised":0,"quarantined":0}}]}"#;
    fs::write(at.join("spool/status.json"), said).unwrap();
    let outcome = bridge(at, &["status", "--spool", "spool", "--output", "json"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let shown: serde_json::Value = serde_json::from_str(&outcome.data).unwrap();
    assert_eq!(
        (&shown["runs"], &shown["stacks"][0]["state"]),
        (&false.into(), &"stopped".into())
    );
    assert!(
        outcome.notes.contains("\"code\":\"BridgeNotRunning\""),
        "{outcome:?}"
    );
    let range = [
        "backfill",
        "north",
        "--from",
        "2026-10-01",
        "--to",
        "2026-10-02",
        "--spool",
        "spool",
    ];
    assert_refused(&bridge(at, &range), 1, &["does not run", "2026-01-01T00:00:00Z"]);
    let outcome = bridge(at, &["status", "--spool", "spool", "--stack", "west"]);
    assert_refused(&outcome, 1, &["The bridge has no stack west.", "north"]);
    // Nobody is asked to give up what nobody could.
    let outcome = bridge(at, &["backfill", "north", "--give-up-lost", "--spool", "spool"]);
    assert_refused(&outcome, 1, &["does not run"]);
    for wrong in [
        ["--give-up-lost", "--stop"],
        ["--stop", "--yes"],
        ["--from", "2026-10-01"],
    ] {
        let outcome = bridge(
            at,
            &[&["backfill", "north", "--spool", "spool"], &wrong[..]].concat(),
        );
        assert_eq!(outcome.code, Some(2), "{wrong:?}: {outcome:?}");
    }
}

#[test]
fn who_reads_the_log_of_a_bridge_line_by_line_would_have_stumbled_over_what_is_no_json() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    fs::write(at.join("bridge.toml"), CONFIGURATION).unwrap();
    fs::write(at.join("north.secret"), "secret").unwrap();
    fs::write(at.join("north.key"), activation_key(CLOUD)).unwrap();
    let run = ["bridge", "run", "--config", "bridge.toml", "--log-format", "json"];
    let running = RunningBridge::start(meterbridge().current_dir(at).args(run));
    let began = Instant::now();
    while !running.said().contains("Stop it with Ctrl-C.") {
        assert!(began.elapsed() < PATIENCE, "{}", running.said());
        std::thread::sleep(Duration::from_millis(50));
    }
    // Another one that cannot have the spool ends with why.
    let another = bridge(at, &run[1..]);
    assert_refused(&another, 1, &["SpoolInUse"]);
    let said = running.stop();
    assert!(said.contains("Stopped."), "{said}");
    for line in said.lines().chain(another.notes.lines()) {
        let json: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(json.is_ok_and(|it| it.is_object()), "{line}");
    }
}
