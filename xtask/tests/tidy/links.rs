//! What the documents point to is there.

use std::path::{Component, Path, PathBuf};

use crate::repository::{File, assert_none, files, numbered, root};

/// Where a path that is written in prose begins.
const FOLDERS: [&str; 6] = ["crates/", "xtask/", "docs/", "catalog/", ".ci/", ".cargo/"];

/// Lines of a document that are not inside a fenced block, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    numbered(text).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fence && !fenced
    })
}

/// The targets of `[text](target)` on a line, code spans left out.
fn link_targets(line: &str) -> Vec<&str> {
    let outside_code = line.split('`').step_by(2);
    outside_code
        .flat_map(|part| part.split("](").skip(1).filter_map(|rest| rest.split(')').next()))
        .collect()
}

/// The anchor that a heading gets: lower case, blanks as dashes, punctuation dropped.
fn anchor(heading: &str) -> String {
    let kept = heading
        .trim()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() })
        .collect()
}

fn has_anchor(document: &str, wanted: &str) -> bool {
    let headings = prose(document).filter_map(|(_, line)| line.strip_prefix('#'));
    headings
        .map(|heading| anchor(heading.trim_start_matches('#')))
        .any(|anchor| anchor == wanted)
}

/// `docs/a/../b` is `docs/b`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

fn broken_links(files: &[File], exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, text) in prose(&file.text) {
            for target in link_targets(text)
                .into_iter()
                .filter(|target| !target.contains("://"))
            {
                let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
                let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
                let path = if path.is_empty() {
                    PathBuf::from(&file.path)
                } else {
                    normal(&folder.join(path))
                };
                if !exists(&path) {
                    findings.push(format!("{}:{line}: {target} is not there", file.path));
                    continue;
                }
                let document = files.iter().find(|other| Path::new(&other.path) == path);
                if !fragment.is_empty() && !document.is_some_and(|it| has_anchor(&it.text, fragment)) {
                    findings.push(format!(
                        "{}:{line}: {target}: there is no such heading",
                        file.path
                    ));
                }
            }
        }
    }
    findings
}

/// The paths that a text names: words that begin with one of our folders, a pattern as far as it is fixed.
fn named_paths(text: &str) -> Vec<&str> {
    let part_of_path = |c: char| c.is_alphanumeric() || "/_-.*".contains(c);
    let words = text.split(|c: char| !part_of_path(c) && c != '<' && c != '{' && c != '…');
    words
        .filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)))
        .map(|word| match word.find(['*', '<', '{', '…']) {
            Some(end) => word[..end].rfind('/').map_or("", |slash| &word[..slash]),
            None => word.trim_end_matches(['.', '/']),
        })
        .collect()
}

fn missing_paths(files: &[File], exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        // In code a path is relative to something; in documents and settings it starts at the root.
        let searched =
            file.path.ends_with(".md") || (file.path.ends_with(".toml") && !file.path.contains('/'));
        if !searched {
            continue;
        }
        for (line, text) in prose(&file.text) {
            // A link is relative to its document and has its own check.
            let targets = link_targets(text);
            for path in named_paths(text)
                .into_iter()
                .filter(|path| !targets.contains(path))
            {
                if !exists(Path::new(path)) {
                    findings.push(format!("{}:{line}: {path} is not there", file.path));
                }
            }
        }
    }
    findings
}

fn in_repository(path: &Path) -> bool {
    root().join(path).exists()
}

#[test]
fn every_link_leads_somewhere() {
    assert_none(&broken_links(files(), in_repository));
}

#[test]
fn every_path_that_is_named_exists() {
    assert_none(&missing_paths(files(), in_repository));
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let document = "# One thing\n[a](b.md) [c](../README.md#two-things) [C](../README.md#two-thing) [d](#one-thing) [e](https://x.example/y)\n\
                    [f](#nothing) `[g](h.md)`\n```\n[i](j.md)\n```\n";
    let files = [
        File::new("docs/a.md", document),
        File::new("README.md", "## Two: things\n"),
    ];
    let findings = broken_links(&files, |path| {
        path == Path::new("README.md") || path == Path::new("docs/a.md")
    });
    assert_eq!(
        findings,
        [
            "docs/a.md:2: b.md is not there",
            "docs/a.md:2: ../README.md#two-thing: there is no such heading",
            "docs/a.md:3: #nothing: there is no such heading",
        ]
    );
}

#[test]
fn a_path_that_does_not_exist_is_found() {
    let document =
        "See `crates/domain/src/lib.rs`, crates/store/src/*.rs, `crates/<name>/x`, docs/gone.md.\n";
    let files = [
        File::new("ARCHITECTURE.md", document),
        File::new("crates/app/src/lib.rs", document),
    ];
    let findings = missing_paths(&files, |path| !path.ends_with("gone.md"));
    assert_eq!(findings, ["ARCHITECTURE.md:1: docs/gone.md is not there"]);
    let findings = missing_paths(&files, |path| {
        path.ends_with("crates") || path.ends_with("gone.md")
    });
    assert_eq!(
        findings,
        [
            "ARCHITECTURE.md:1: crates/domain/src/lib.rs is not there",
            "ARCHITECTURE.md:1: crates/store/src is not there"
        ]
    );
}
