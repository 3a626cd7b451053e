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
    ] {
        assert_refused(&run(meterbridge().args(arguments)), 2, &["error:", expected]);
    }
}

#[test]
fn without_a_credential_nothing_is_asked() {
    let outcome = run(meterbridge().args(["partner", "list"]));
    assert_refused(
        &outcome,
        2,
        &[
            "error: There is no operator's credential.\n",
            "\nhint: ",
            "meterbridge init",
        ],
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
    assert_refused(&outcome, 2, &["in the clear"]);
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
fn usage_of_nobody_in_particular_is_not_delivered() {
    let outcome = run(meterbridge().args(["usage", "import", "page.json"]));
    assert_refused(&outcome, 2, &["which stack", "--cloud-id"]);
}
