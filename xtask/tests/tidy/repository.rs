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
    /// Whether another file declares this one as a module for tests only.
    declared_for_tests: bool,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            declared_for_tests: false,
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
        self.declared_for_tests
            || self
                .path
                .split('/')
                .any(|part| matches!(part, "tests" | "tests.rs"))
    }

    /// The beginnings of the paths of the modules that this file declares for tests only.
    fn modules_for_tests(&self) -> Vec<String> {
        let (folder, name) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let folder = match name {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            name => format!("{folder}/{}", name.trim_end_matches(".rs")),
        };
        let code = self.code();
        let items = code.split("#[cfg(test)]").skip(1);
        let modules = items.filter_map(|item| item.trim_start().strip_prefix("mod ")?.split_once(';'));
        let modules = modules.filter(|(name, _)| !name.contains(['{', ' ']));
        modules.map(|(name, _)| format!("{folder}/{name}")).collect()
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
        mark_modules_for_tests(&mut files);
        files
    })
}

fn mark_modules_for_tests(files: &mut [File]) {
    let modules: Vec<String> = files
        .iter()
        .filter(|file| file.is_rust())
        .flat_map(File::modules_for_tests)
        .collect();
    for file in files {
        let rest = modules
            .iter()
            .filter_map(|module| file.path.strip_prefix(module.as_str()));
        file.declared_for_tests = rest
            .into_iter()
            .any(|rest| rest == ".rs" || rest.starts_with('/'));
    }
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
            files.push(File::new(&path, &text));
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
fn a_module_for_tests_only_is_a_test_with_all_that_is_in_it() {
    let mut files = [
        File::new(
            "crates/a/src/lib.rs",
            "#[cfg(test)]\nmod fixture;\nmod real;\n#[cfg(test)]\nmod tests { mod x; }\n",
        ),
        File::new("crates/a/src/fixture.rs", ""),
        File::new("crates/a/src/fixture/deep.rs", ""),
        File::new("crates/a/src/fixtures.rs", ""),
        File::new("crates/a/src/real.rs", "#[cfg(test)]\nmod agreement;\n"),
        File::new("crates/a/src/real/agreement.rs", ""),
    ];
    mark_modules_for_tests(&mut files);
    assert_eq!(
        files.map(|file| file.is_test()),
        [false, true, true, false, false, true]
    );
}

#[test]
fn a_word_is_found_only_where_it_stands_alone() {
    let found: Vec<usize> = word_positions("f64 f64x xf64 visit_f64 (f64)", "f64").collect();
    assert_eq!(found, [0, 25]);
}
