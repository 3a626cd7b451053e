//! Documents that have to be there, and what has to be in them.

use crate::repository::{File, assert_none, files};

const DECISIONS: &str = "docs/decisions/";

/// What a decision answers, as headings.
const SECTIONS_OF_A_DECISION: [&str; 4] =
    ["## Question", "## Decision", "## Alternatives", "## Consequences"];

fn decisions(files: &[File]) -> Vec<String> {
    let index_path = format!("{DECISIONS}README.md");
    let Some(index) = files.iter().find(|file| file.path == index_path) else {
        return vec![format!("{index_path} is not there")];
    };
    let mut findings = Vec::new();
    let mut number = 0;
    for file in files {
        let Some(name) = file
            .path
            .strip_prefix(DECISIONS)
            .filter(|name| *name != "README.md")
        else {
            continue;
        };
        number += 1;
        if !name.starts_with(&format!("{number:04}-")) {
            findings.push(format!("{}: its number should be {number:04}", file.path));
        }
        if !index.text.contains(&format!("]({name})")) {
            findings.push(format!("{index_path}: {name} is not linked"));
        }
        for section in SECTIONS_OF_A_DECISION {
            if !file.text.lines().any(|line| line == section) {
                findings.push(format!("{}: has no section \"{section}\"", file.path));
            }
        }
    }
    findings
}

fn changelog(files: &[File]) -> Vec<String> {
    let unreleased = |file: &File| file.path == "CHANGELOG.md" && file.text.contains("\n## [Unreleased]\n");
    if files.iter().any(unreleased) {
        return Vec::new();
    }
    vec!["CHANGELOG.md: there is no section \"## [Unreleased]\" to write changes into".to_owned()]
}

/// Every crate says what it is for, and what it is not for, in more than a word.
fn crate_documentation(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for manifest in files
        .iter()
        .filter(|file| file.crate_name().is_some() && file.path.ends_with("/Cargo.toml"))
    {
        let folder = manifest.path.trim_end_matches("Cargo.toml");
        let roots = [
            format!("{folder}src/lib.rs"),
            format!("{folder}src/main.rs"),
            format!("{folder}README.md"),
        ];
        let documented = files
            .iter()
            .filter(|file| roots.contains(&file.path))
            .any(|file| {
                let lines = file.text.lines();
                let docs: Vec<&str> = if file.is_rust() {
                    lines.map_while(|line| line.strip_prefix("//!")).collect()
                } else {
                    lines.collect()
                };
                docs.concat().split_whitespace().count() >= 12
            });
        if !documented {
            findings.push(format!(
                "{folder}: neither a README.md nor documentation at the top of the crate"
            ));
        }
    }
    findings
}

#[test]
fn decisions_are_numbered_listed_and_weigh_alternatives() {
    assert_none(&decisions(files()));
}

#[test]
fn changes_have_a_place_to_be_written_down() {
    assert_none(&changelog(files()));
}

#[test]
fn every_crate_says_what_it_is_for() {
    assert_none(&crate_documentation(files()));
}

#[test]
fn a_decision_without_alternatives_or_link_is_found() {
    let full = SECTIONS_OF_A_DECISION.join("\n");
    let findings = decisions(&[
        File::new("docs/decisions/0001-a.md", &full),
        File::new("docs/decisions/0003-b.md", &full.replace("## Alternatives", "")),
        File::new("docs/decisions/README.md", "[1](0001-a.md)"),
    ]);
    assert_eq!(
        findings,
        [
            "docs/decisions/0003-b.md: its number should be 0002",
            "docs/decisions/README.md: 0003-b.md is not linked",
            "docs/decisions/0003-b.md: has no section \"## Alternatives\"",
        ]
    );
    assert_eq!(decisions(&[]), ["docs/decisions/README.md is not there"]);
}

#[test]
fn a_changelog_without_room_is_found() {
    assert_eq!(
        changelog(&[File::new("CHANGELOG.md", "# Changelog\n\n## [0.1.0]\n")]).len(),
        1
    );
    assert_eq!(changelog(&[]).len(), 1);
}

#[test]
fn a_crate_without_documentation_is_found() {
    let documented =
        "//! The rooms of the attic, and who may enter them:\n//! nobody, as long as it is dark.\n";
    let findings = crate_documentation(&[
        File::new("crates/a/Cargo.toml", ""),
        File::new("crates/a/src/lib.rs", documented),
        File::new("crates/b/Cargo.toml", ""),
        File::new("crates/b/src/lib.rs", "//! Placeholder.\n"),
    ]);
    assert_eq!(
        findings,
        ["crates/b/: neither a README.md nor documentation at the top of the crate"]
    );
}
