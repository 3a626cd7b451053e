//! The repository as the checks see it: every text file that is not ignored by git.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::rust_text::{self, Kind};

/// One text file.
pub(crate) struct File {
    /// Relative to the root of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The crate (the folder under `crates/`) that the file belongs to; `xtask` is one too.
    pub(crate) fn crate_name(&self) -> Option<&str> {
        let mut parts = self.path.split('/');
        match parts.next()? {
            "crates" => parts.next(),
            "xtask" => Some("xtask"),
            _ => None,
        }
    }

    /// Whether the whole file is compiled for tests only.
    pub(crate) fn is_test(&self) -> bool {
        self.path
            .split('/')
            .any(|part| matches!(part, "tests" | "tests.rs"))
    }

    /// The file's code, comments and literals blanked.
    pub(crate) fn code(&self) -> String {
        rust_text::only(Kind::Code, &self.text)
    }

    /// The file's code without what is compiled for tests only.
    pub(crate) fn shipped_code(&self) -> String {
        if self.is_test() {
            String::new()
        } else {
            rust_text::without_tests(&self.code())
        }
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every text file of the repository, in the order of their paths.
pub(crate) fn files() -> &'static [File] {
    static FILES: OnceLock<Vec<File>> = OnceLock::new();
    FILES.get_or_init(|| {
        let ignored = fs::read_to_string(root().join(".gitignore")).unwrap();
        let ignored: Vec<&str> = ignored.lines().map(|line| line.trim_matches('/')).collect();
        let mut files = Vec::new();
        collect(&root(), "", &ignored, &mut files);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    })
}

fn collect(folder: &Path, prefix: &str, ignored: &[&str], files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{prefix}{name}");
        if name == ".git" || ignored.contains(&name.as_str()) || ignored.contains(&path.as_str()) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{path}/"), ignored, files);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            files.push(File { path, text });
        }
    }
}

/// Fails with all findings, if there are any.
pub(crate) fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// The lines of a text with their numbers, from 1.
pub(crate) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// Where a word stands in a text, not counting places where it is a part of a longer one.
pub(crate) fn word_positions<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        !text[..at].ends_with(part_of_word) && !text[at + word.len()..].starts_with(part_of_word)
    })
}

/// The number of the line, from 1, in which a byte of a text stands.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

#[test]
fn the_checks_see_the_repository_and_not_what_is_built_from_it() {
    let has = |path: &str| files().iter().any(|file| file.path == path);
    assert!(has("Cargo.toml") && has("crates/domain/src/lib.rs") && has(".ci/run"));
    assert!(
        !files()
            .iter()
            .any(|file| file.path.starts_with("target/") || file.path.starts_with(".git/"))
    );
}

#[test]
fn a_word_is_found_only_where_it_stands_alone() {
    let found: Vec<usize> = word_positions("f64 f64x xf64 visit_f64 (f64)", "f64").collect();
    assert_eq!(found, [0, 25]);
}
