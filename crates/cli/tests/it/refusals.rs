use crate::process::{Outcome, meterbridge, run};

const STACK: &str = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";

#[track_caller]
fn assert_refused(outcome: &Outcome, code: i32, expected: &[&str]) {
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    assert_eq!(outcome.data, "", "an error is no data: {outcome:?}");
    for expected in expected {
        assert!(outcome.notes.contains(expected), "{expected}: {}", outcome.notes);
    }
}

/// What a failed command says to programs: one line, in the envelope of the API's errors.
#[track_caller]
fn only_error(outcome: &Outcome) -> serde_json::Value {
    assert_eq!(outcome.data, "", "an error is no data: {outcome:?}");
    let last = outcome.notes.lines().last().unwrap();
    let mut envelope: serde_json::Value = serde_json::from_str(last).unwrap();
    envelope["error"].take()
}

#[test]
fn a_command_line_that_is_not_understood_leaves_with_2() {
    for (arguments, expected) in [
        (vec!["statment"], "unrecognized subcommand"),
        (vec!["statement", "show", "north"], "expected a GUID"),
        (
            vec!["statement", "list", "--period", "october"],
            "expected a calendar month",
        ),
        (
            vec!["partner", "create", "--name", "n", "--kind", "indirect-reseller"],
            "--provider",
        ),
        (
            vec!["registration", "register", "--subscription", STACK],
            "--token",
        ),
        (
            vec!["tenant", "map", STACK, "--tenant", STACK, "--from", "2026-10-01"],
            "--subscription",
        ),
        (vec!["serve", "--data", "d", "--tls-cert", "c"], "--tls-key"),
        (
            vec!["serve", "--data", "d", "--listen", "9447"],
            "write 127.0.0.1:9447",
        ),
    ] {
        assert_refused(&run(meterbridge().args(&arguments)), 2, &["error:", expected]);
        let outcome = run(meterbridge().args(arguments).arg("--output=json"));
        let error = only_error(&outcome);
        assert_eq!((outcome.code, &error["code"]), (Some(2), &"WrongUsage".into()));
        assert!(error["message"].as_str().unwrap().contains(expected), "{error}");
    }
}

#[test]
fn what_the_environment_supplies_is_not_said_to_be_missing_from_the_command_line() {
    for arguments in [&["statement", "show"][..], &["statement", "show", STACK, "more"]] {
        let mut command = meterbridge();
        command
            .env("METERBRIDGE_URL", "https://localhost:1")
            .env("METERBRIDGE_CREDENTIAL", "c");
        let outcome = run(command.args(arguments));
        let usage = "\nUsage: meterbridge statement show [OPTIONS] <SUBSCRIPTION-ID>\n";
        assert_refused(&outcome, 2, &[usage]);
    }
}

#[test]
fn without_a_sign_in_or_a_credential_nothing_is_asked() {
    let outcome = run(meterbridge().args(["partner", "list"]));
    assert_refused(
        &outcome,
        1,
        &[
            "error: Nobody is signed in to https://localhost:8443.\n",
            "hint: Sign in with `meterbridge login`",
            "meterbridge init",
        ],
    );
    let outcome = run(meterbridge().args(["partner", "list", "--output", "json"]));
    let error = only_error(&outcome);
    assert_eq!((outcome.code, &error["code"]), (Some(1), &"NoCredential".into()));
    assert!(
        error["hint"].as_str().unwrap().contains("meterbridge init"),
        "{error}"
    );
}

#[test]
fn a_server_that_is_not_there_is_named_with_what_to_do() {
    let arguments = [
        "partner",
        "list",
        "--credential",
        "mbo_secret",
        "--url",
        "https://127.0.0.1:1",
    ];
    let outcome = run(meterbridge().args(arguments));
    assert_refused(
        &outcome,
        1,
        &[
            "error: https://127.0.0.1:1 cannot be reached.\n  ",
            "\nhint: Is the server running?",
        ],
    );
    assert!(!outcome.notes.contains("mbo_secret"));
}

#[test]
fn plain_http_to_another_machine_is_refused() {
    let arguments = [
        "meter",
        "list",
        "--credential",
        "mbo_secret",
        "--url",
        "http://meterbridge.example",
    ];
    let outcome = run(meterbridge().args(arguments));
    assert_refused(
        &outcome,
        2,
        &[
            "in the clear",
            "hint: The server speaks HTTPS only. Try --url https://meterbridge.example.\n",
        ],
    );
    assert!(!outcome.notes.contains("mbo_secret"));
}

#[test]
fn a_directory_that_is_not_initialised_is_not_served() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    for arguments in [["serve", "--data"], ["init", "--new-credential"]] {
        let mut command = meterbridge();
        command.args(arguments);
        if arguments[0] == "init" {
            command.arg("--data");
        }
        assert_refused(
            &run(command.arg(&data)),
            1,
            &["is not initialised", "hint: Make it with `meterbridge init"],
        );
        assert!(!data.exists());
    }
}

#[test]
fn a_platform_that_cannot_be_seen_would_be_made_anew_by_whoever_is_told_that_there_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let (data, to) = (file.join("data"), directory.path().join("backup"));
    for arguments in [
        &["serve"][..],
        &["backup", "--to"],
        &["signing-key", "rotate"],
        &["init"],
    ] {
        let mut command = meterbridge();
        command.args(arguments);
        if arguments.contains(&"--to") {
            command.arg(&to);
        }
        let refused = run(command.arg("--data").arg(&data));
        assert_refused(&refused, 1, &["data cannot be read", "Not a directory"]);
        assert!(!refused.notes.contains("initialised"), "{refused:?}");
    }
}

#[test]
fn whoever_makes_a_platform_twice_would_not_know_whether_the_first_one_is_still_there() {
    let directory = tempfile::tempdir().unwrap();
    let init = || {
        let mut init = meterbridge();
        init.args(["init", "--output", "json", "--data"]);
        run(init.arg(directory.path().join("data")))
    };
    init().done();
    let error = only_error(&init());
    assert_eq!(error["code"], "AlreadyInitialised");
    let hint = error["hint"].as_str().unwrap();
    assert!(
        hint.contains("meterbridge serve --data") && hint.contains("--new-credential"),
        "{hint}"
    );
}

#[test]
fn usage_of_nobody_in_particular_is_not_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.json");
    std::fs::write(&page, r#"{"value":[]}"#).unwrap();
    let outcome = run(meterbridge().args(["usage", "import"]).arg(page));
    assert_refused(&outcome, 2, &["which stack", "--cloud-id"]);
}

#[test]
fn a_ca_that_is_no_certificate_is_a_failure_and_no_misunderstanding() {
    let arguments = [
        "meter",
        "list",
        "--credential",
        "mbo_secret",
        "--ca",
        "Cargo.toml",
    ];
    assert_refused(&run(meterbridge().args(arguments)), 1, &["BEGIN CERTIFICATE"]);
}

#[test]
fn a_shell_is_taught_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(meterbridge().args(["completions", shell])).done();
        assert!(
            script.contains("backdate") && script.contains("fail-on-quarantine"),
            "{shell}"
        );
    }
    let told = run(meterbridge().args(["completions", "fish", "-o", "json"])).json();
    assert_eq!(told["shell"], "fish");
}
