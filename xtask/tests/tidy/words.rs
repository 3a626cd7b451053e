//! Words that are not committed.

use crate::repository::{File, assert_none, files, line_of, numbered, word_positions};
use crate::rust_text::{Kind, only};

/// Marks of unfinished work. Written in two halves, so that this file does not find itself.
fn marks() -> [String; 4] {
    [["TO", "DO"], ["FIX", "ME"], ["XX", "X"], ["HA", "CK"]].map(|halves| halves.concat())
}

/// Beginnings of paths that exist on one developer's machine only, and of temporary files that nobody removes (tests
/// take a temporary directory from the `tempfile` crate).
fn machine_paths() -> [String; 5] {
    ["home", "root", "Users", "work", "tmp"].map(|folder| format!("/{folder}/"))
}

/// In Rust only comments are searched: one of the marks is also the code for "no currency" in ISO 4217.
fn unfinished(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !file.path.ends_with(".lock")) {
        let text = if file.is_rust() {
            only(Kind::Comment, &file.text)
        } else {
            file.text.clone()
        };
        for mark in marks() {
            for at in word_positions(&text, &mark) {
                let line = line_of(&text, at);
                findings.push(format!("{}:{line}: {mark}: do it, or open an issue", file.path));
            }
        }
    }
    findings
}

fn machine_traces(files: &[File]) -> Vec<String> {
    // A path begins where no path was before: `…/resourceGroups/plant/providers` is a resource id.
    let begins = |before: &str| !before.ends_with(|c: char| c.is_alphanumeric() || "/_-.}>~".contains(c));
    let mut findings = Vec::new();
    for file in files {
        for (line, text) in numbered(&file.text) {
            for path in machine_paths() {
                if text.match_indices(&path).any(|(at, _)| begins(&text[..at])) {
                    findings.push(format!(
                        "{}:{line}: {path} is a folder of somebody's machine",
                        file.path
                    ));
                }
            }
        }
    }
    findings
}

/// `allow` hides a warning for ever; `expect` with a reason says so when the warning is gone.
fn allowances(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let code = file.code();
        for at in word_positions(&code, "allow") {
            let attribute =
                code[..at].trim_end().ends_with(['[', ',']) && code[at + "allow".len()..].starts_with('(');
            if attribute {
                let line = line_of(&code, at);
                findings.push(format!(
                    "{}:{line}: take #[expect(…, reason = \"…\")] instead",
                    file.path
                ));
            }
        }
    }
    findings
}

#[test]
fn nothing_is_left_unfinished() {
    assert_none(&unfinished(files()));
}

#[test]
fn the_project_speaks_of_itself_alone() {
    assert_none(&machine_traces(files()));
}

#[test]
fn warnings_are_expected_with_a_reason_or_mended() {
    assert_none(&allowances(files()));
}

#[test]
fn a_mark_of_unfinished_work_is_found() {
    let [todo, _, none, _] = marks();
    let findings = unfinished(&[
        File::new("a.rs", &format!("// {todo}: x\nconst CODE: &str = \"{none}\";\n")),
        File::new("b.md", &format!("one\n{todo} two {todo}S\n")),
    ]);
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(
        findings[0].starts_with("a.rs:1: ") && findings[1].starts_with("b.md:2: "),
        "{findings:?}"
    );
}

#[test]
fn a_path_of_a_machine_is_found() {
    let [home, .., work, _] = machine_paths();
    let findings = machine_traces(&[
        File::new("a.md", &format!("see `{home}somebody/x`\n")),
        File::new(
            "b.rs",
            &format!("\"/subscriptions/x/resourceGroups{work}providers\"\n"),
        ),
    ]);
    assert_eq!(
        findings,
        [format!("a.md:1: {home} is a folder of somebody's machine")]
    );
}

#[test]
fn an_allowance_is_found() {
    let text = "#[allow(dead_code)]\n#![cfg_attr(x, allow(y))]\nfn f() { allow(1); }\n// #[allow(z)]\n";
    let findings = allowances(&[File::new("a.rs", text)]);
    assert_eq!(
        findings,
        [
            "a.rs:1: take #[expect(…, reason = \"…\")] instead",
            "a.rs:2: take #[expect(…, reason = \"…\")] instead"
        ]
    );
}
