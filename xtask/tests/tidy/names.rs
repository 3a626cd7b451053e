//! Names that say nothing, and files that say too much.

use crate::repository::{File, assert_none, files, line_of, word_positions};

/// A file with more lines is a question whether two things share it.
const LINES_MAX: usize = 700;

/// Names under which anything can be put, so that in the end everything is.
const EMPTY_NAMES: [&str; 10] = [
    "common",
    "helper",
    "helpers",
    "misc",
    "shared",
    "stuff",
    "types",
    "util",
    "utilities",
    "utils",
];

fn length(files: &[File]) -> Vec<String> {
    let long = files
        .iter()
        .filter(|file| file.is_rust() && file.text.lines().count() > LINES_MAX);
    long.map(|file| {
        format!(
            "{}: {} lines, more than {LINES_MAX}",
            file.path,
            file.text.lines().count()
        )
    })
    .collect()
}

fn empty_names(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.crate_name().is_some()) {
        for part in file.path.split('/') {
            let name = part.split('.').next().unwrap_or(part);
            if EMPTY_NAMES.contains(&name) {
                findings.push(format!("{}: `{name}` does not say what is in it", file.path));
            }
        }
        if !file.is_rust() {
            continue;
        }
        let code = file.code();
        for name in EMPTY_NAMES {
            let declared = word_positions(&code, name).filter(|&at| code[..at].trim_end().ends_with(" mod"));
            for at in declared {
                let line = line_of(&code, at);
                findings.push(format!(
                    "{}:{line}: `mod {name}` does not say what is in it",
                    file.path
                ));
            }
        }
    }
    findings
}

/// Each program of tests costs a link of everything it tests: a crate has one, with modules.
fn test_programs(files: &[File]) -> Vec<String> {
    let program = |path: &str| {
        let (krate, name) = path.split_once("/tests/")?;
        let root = name
            .strip_suffix("/main.rs")
            .or_else(|| name.strip_suffix(".rs"))?;
        (!root.contains('/')).then(|| krate.to_owned())
    };
    let mut crates: Vec<String> = files.iter().filter_map(|file| program(&file.path)).collect();
    crates.sort_unstable();
    let several = crates
        .chunk_by(|a, b| a == b)
        .filter(|programs| programs.len() > 1);
    several
        .map(|programs| {
            format!(
                "{}/tests: {} programs where one will do",
                programs[0],
                programs.len()
            )
        })
        .collect()
}

#[test]
fn the_tests_of_a_crate_are_one_program() {
    assert_none(&test_programs(files()));
}

#[test]
fn a_second_program_of_tests_is_found() {
    let files = [
        "crates/a/tests/it/main.rs",
        "crates/a/tests/it/one.rs",
        "crates/b/tests/one.rs",
        "crates/b/tests/it/main.rs",
    ];
    let findings = test_programs(&files.map(|path| File::new(path, "")));
    assert_eq!(findings, ["crates/b/tests: 2 programs where one will do"]);
}

#[test]
fn files_are_short_enough_to_be_read() {
    assert_none(&length(files()));
}

#[test]
fn files_and_modules_say_what_is_in_them() {
    assert_none(&empty_names(files()));
}

#[test]
fn a_long_file_is_found() {
    let (long, short) = ("x\n".repeat(701), "x\n".repeat(700));
    let findings = length(&[
        File::new("a.rs", &long),
        File::new("b.rs", &short),
        File::new("c.json", &long),
    ]);
    assert_eq!(findings, ["a.rs: 701 lines, more than 700"]);
}

#[test]
fn an_empty_name_is_found() {
    let findings = empty_names(&[
        File::new("crates/app/src/utils.rs", ""),
        File::new("crates/app/tests/it/common/mod.rs", ""),
        File::new(
            "crates/app/src/lib.rs",
            "pub mod types {}\n// a mod helpers;\nuse x::utils;\n",
        ),
        File::new("docs/types.md", ""),
    ]);
    assert_eq!(
        findings,
        [
            "crates/app/src/utils.rs: `utils` does not say what is in it",
            "crates/app/tests/it/common/mod.rs: `common` does not say what is in it",
            "crates/app/src/lib.rs:1: `mod types` does not say what is in it",
        ]
    );
}
