use std::fmt::Write as _;

use crate::process::{meterbridge, run};

/// Every command but the demonstration, whose help is its own.
const COMMANDS: &[&str] = &[
    "",
    "init",
    "serve",
    "login",
    "logout",
    "whoami",
    "audit verify",
    "backup",
    "backup verify",
    "restore",
    "store copy",
    "check",
    "completions",
    "partner create",
    "partner show",
    "partner delete",
    "partner list",
    "customer create",
    "customer show",
    "customer delete",
    "customer list",
    "subscription create",
    "subscription show",
    "subscription delete",
    "subscription list",
    "subscription suspend",
    "subscription activate",
    "registration advise",
    "registration register",
    "registration show",
    "registration list",
    "registration delete",
    "registration approve",
    "registration activation-key",
    "registration revoke-activation-keys",
    "registration backdate",
    "tenant add",
    "tenant show",
    "tenant remove",
    "tenant list",
    "tenant map",
    "tenant history",
    "stack list",
    "stack directory",
    "stack receipts",
    "bridge run",
    "simulator serve",
    "bridge check",
    "bridge status",
    "bridge backfill",
    "bridge admit-directory",
    "bridge remove-directory",
    "price-list put",
    "price-list show",
    "price-list list",
    "usage import",
    "usage unmapped",
    "usage quarantine",
    "usage quarantine summary",
    "usage quarantine release",
    "usage quarantine purge",
    "usage quarantine history",
    "statement show",
    "bill periods",
    "bill period",
    "bill close",
    "bill waive",
    "bill list",
    "bill show",
    "bill replay",
    "bill margins",
    "bill what-if",
    "bill forecast",
    "bill terms",
    "bill set-terms",
    "bill set-cores",
    "bill rates",
    "bill set-rate",
    "bill running",
    "directory create",
    "directory show",
    "directory delete",
    "directory list",
    "user create",
    "user show",
    "user delete",
    "user list",
    "user password",
    "user change-password",
    "user disable",
    "user enable",
    "application create",
    "application show",
    "application delete",
    "application list",
    "application disable",
    "application enable",
    "application add-secret",
    "application add-certificate",
    "application remove-credential",
    "group create",
    "group show",
    "group delete",
    "group list",
    "group add-member",
    "group remove-member",
    "role create",
    "role show",
    "role list",
    "role delete",
    "role assign",
    "role unassign",
    "role assignments",
    "role partner-roles",
    "lock create",
    "lock list",
    "lock delete",
];

#[test]
fn what_can_be_said_and_how_is_as_it_was() {
    let mut all = String::new();
    for command in COMMANDS {
        let shown = run(meterbridge().args(command.split_whitespace()).arg("--help")).done();
        // Options that every command has are shown once.
        let own = if command.is_empty() || *command == "check" {
            shown
        } else {
            without_shared(&shown)
        };
        writeln!(all, "$ meterbridge {command} --help\n{own}").unwrap();
    }
    insta::assert_snapshot!("help", all);
}

fn without_shared(help: &str) -> String {
    let mut own = String::new();
    let mut shared = false;
    for line in help.lines() {
        if !line.is_empty() && !line.starts_with(' ') {
            shared = line == "Server:" || line == "Output:";
        }
        if !shared {
            own.push_str(line);
            own.push('\n');
        }
    }
    own
}

#[test]
fn help_is_a_word_too() {
    for (words, option) in [("help", "--help"), ("help role assign", "role assign --help")] {
        let said = |words: &str| run(meterbridge().args(words.split_whitespace())).done();
        assert_eq!(said(words), said(option), "{words}");
    }
}

#[test]
fn the_version_is_told() {
    assert_eq!(
        run(meterbridge().arg("--version")).done(),
        concat!("meterbridge ", env!("CARGO_PKG_VERSION"), "\n")
    );
}
