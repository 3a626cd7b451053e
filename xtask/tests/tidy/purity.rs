//! What may stand only in some rooms: floats, SQL, printing, and the world outside of `domain`.

use crate::repository::{File, assert_none, files, line_of, word_positions};
use crate::rust_text::{Kind, only};

/// Crates through which quantities and money pass.
const EXACT_CRATES: [&str; 4] = ["domain", "wire", "store", "app"];

/// Crates that speak SQL: the store, and the benchmark that measures against a peer.
const SQL_CRATES: [&str; 3] = ["store", "bench", "private-postgres"];

/// Crates whose output is for a terminal.
const PRINTING_CRATES: [&str; 4] = ["cli", "bench", "private-postgres", "xtask"];

/// What a pure, synchronous crate without a clock cannot say.
const OUTSIDE_WORLD: [&str; 10] = [
    "async",
    "await",
    "std::time",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "std::process",
    "std::io",
    "unsafe",
];

fn within(file: &File, crates: &[&str]) -> bool {
    file.crate_name().is_some_and(|name| crates.contains(&name))
}

fn words_found(file: &File, code: &str, words: &[&str], why: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for word in words {
        for at in word_positions(code, word) {
            findings.push(format!("{}:{}: `{word}` {why}", file.path, line_of(code, at)));
        }
    }
    findings
}

fn floats(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.is_rust() && within(file, &EXACT_CRATES))
    {
        // An example may print records per second.
        if file.path.contains("/examples/") {
            continue;
        }
        findings.extend(words_found(
            file,
            &file.code(),
            &["f32", "f64"],
            "is inexact, and a bill passes here",
        ));
        let code = file.shipped_code();
        for at in float_literals(&code) {
            findings.push(format!(
                "{}:{}: a float literal, and a bill passes here",
                file.path,
                line_of(&code, at)
            ));
        }
    }
    findings
}

/// Where a number with a fraction begins: digits, a point, digits; not the `.0.1` of a tuple's tuple.
fn float_literals(code: &str) -> Vec<usize> {
    let bytes = code.as_bytes();
    let part_of_name = |at: usize| bytes[at].is_ascii_alphanumeric() || matches!(bytes[at], b'_' | b'.');
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let starts = (0..bytes.len()).filter(|&at| digit(at) && (at == 0 || !part_of_name(at - 1)));
    let fraction_follows = |at: &usize| {
        let whole = bytes[*at..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit() || **byte == b'_')
            .count();
        bytes.get(at + whole) == Some(&b'.') && digit(at + whole + 1)
    };
    starts.filter(fraction_follows).collect()
}

fn sql(files: &[File]) -> Vec<String> {
    let statements: [&[&str]; 8] = [
        &["SELECT ", " FROM "],
        &["INSERT ", "INTO "],
        &["UPDATE ", " SET "],
        &["DELETE FROM "],
        &["CREATE TABLE "],
        &["CREATE INDEX "],
        &["ALTER TABLE "],
        &["PRAGMA "],
    ];
    let mut findings = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.path.starts_with("crates/") && !within(file, &SQL_CRATES))
    {
        if file.path.ends_with(".sql") {
            findings.push(format!("{}: SQL outside of {SQL_CRATES:?}", file.path));
        }
        if !file.is_rust() {
            continue;
        }
        let literals = only(Kind::Literal, &file.text);
        for (line, text) in crate::repository::numbered(&literals) {
            if statements
                .iter()
                .any(|words| words.iter().all(|word| text.contains(word)))
            {
                findings.push(format!("{}:{line}: SQL outside of {SQL_CRATES:?}", file.path));
            }
        }
    }
    findings
}

/// What names a back end, and the files beside the store that may: where it is opened, and where the embedded one is
/// copied.
const BACK_END_NAMES: [&str; 3] = ["Sqlite", "Postgres", "PostgresConfig"];
const OPENING: [&str; 2] = ["crates/server/src/house.rs", "crates/server/src/backup"];

fn back_ends(files: &[File]) -> Vec<String> {
    let above = files
        .iter()
        .filter(|file| {
            file.is_rust()
                && file.path.starts_with("crates/")
                && file.path.contains("/src/")
                && !within(file, &SQL_CRATES)
        })
        .filter(|file| !OPENING.iter().any(|path| file.path.starts_with(path)));
    above
        .flat_map(|file| {
            words_found(
                file,
                &file.shipped_code(),
                &BACK_END_NAMES,
                "belongs to where the store is opened: nobody else knows which back end it is",
            )
        })
        .collect()
}

fn printing(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.is_rust() && !within(file, &PRINTING_CRATES))
    {
        if file.path.contains("/examples/") {
            continue;
        }
        let code = file.shipped_code();
        let macros = ["println", "print", "eprintln", "eprint", "dbg"];
        findings.extend(words_found(
            file,
            &code,
            &macros,
            "belongs to `cli`: only it prints",
        ));
    }
    findings
}

fn outside_world(files: &[File]) -> Vec<String> {
    let domain = files
        .iter()
        .filter(|file| file.is_rust() && within(file, &["domain"]));
    domain
        .flat_map(|file| {
            words_found(
                file,
                &file.shipped_code(),
                &OUTSIDE_WORLD,
                "has no place in `domain`",
            )
        })
        .collect()
}

#[test]
fn no_float_where_a_bill_passes() {
    assert_none(&floats(files()));
}

#[test]
fn only_the_store_speaks_sql() {
    assert_none(&sql(files()));
}

#[test]
fn nobody_above_the_store_knows_which_database_is_behind_it() {
    assert_none(&back_ends(files()));
    let asking = |path: &str| {
        File::new(
            path,
            "fn f(it: &StoreConfig) -> bool { matches!(it, StoreConfig::Postgres(_)) }",
        )
    };
    let found = back_ends(&[
        asking("crates/app/src/usage.rs"),
        asking("crates/server/src/house.rs"),
        asking("crates/store/src/lib.rs"),
    ]);
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn only_the_command_line_prints() {
    assert_none(&printing(files()));
}

#[test]
fn the_domain_knows_no_outside_world() {
    assert_none(&outside_world(files()));
}

#[test]
fn a_float_is_found_in_code_and_not_in_prose() {
    let text = "// f64 and 1.5\nfn f(x: f64, y: &str) { g(1.5, x.0.1, 0..5, \"2.5 f32\", 1_0.2) }\n";
    assert_eq!(
        floats(
            &[
                "crates/wire/src/x.rs",
                "crates/wire/examples/x.rs",
                "crates/server/src/x.rs"
            ]
            .map(|path| File::new(path, text))
        ),
        [
            "crates/wire/src/x.rs:2: `f64` is inexact, and a bill passes here",
            "crates/wire/src/x.rs:2: a float literal, and a bill passes here",
            "crates/wire/src/x.rs:2: a float literal, and a bill passes here",
        ]
    );
}

#[test]
fn sql_is_found_in_literals_and_not_in_prose() {
    let text = "/// SELECT x FROM y\nconst A: &str = \"SELECT x FROM y\";\nconst B: &str = \"select from the list\";\n";
    assert_eq!(
        sql(&[
            File::new("crates/app/src/x.rs", text),
            File::new("crates/store/src/x.rs", text),
            File::new("crates/app/x.sql", "")
        ]),
        [
            "crates/app/src/x.rs:2: SQL outside of [\"store\", \"bench\", \"private-postgres\"]",
            "crates/app/x.sql: SQL outside of [\"store\", \"bench\", \"private-postgres\"]",
        ]
    );
}

#[test]
fn printing_is_found_outside_of_tests() {
    let text = "fn f() { println!(\"x\") }\n#[cfg(test)]\nmod tests { fn g() { println!(\"x\") } }\n";
    assert_eq!(
        printing(&[
            File::new("crates/app/src/x.rs", text),
            File::new("crates/app/tests/it/main.rs", text),
            File::new("crates/cli/src/main.rs", text)
        ]),
        ["crates/app/src/x.rs:1: `println` belongs to `cli`: only it prints"]
    );
}

#[test]
fn a_clock_in_the_domain_is_found() {
    let text = "use std::time::Instant;\nasync fn f() {}\n";
    assert_eq!(
        outside_world(&[
            File::new("crates/domain/src/x.rs", text),
            File::new("crates/app/src/x.rs", text)
        ]),
        [
            "crates/domain/src/x.rs:2: `async` has no place in `domain`",
            "crates/domain/src/x.rs:1: `std::time` has no place in `domain`",
        ]
    );
}
