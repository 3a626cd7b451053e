//! The tests of the use-cases and of the door once more, with what they keep in PostgreSQL.
//!
//! The programs are those that have just run: Cargo, asked for some crates only, would build them anew with fewer
//! features of their dependencies. Each starts a private server, and each of its tests has a database of its own there.

use std::path::Path;

use crate::process;
use crate::test_report::TestReport;
use crate::tools::Tool;

/// The crates whose tests in `tests/` are run again.
const CRATES: [&str; 2] = ["app", "server"];

/// How the programs are told, as the crate `private-postgres` reads it.
const STORE_OF_TESTS: (&str, &str) = ("METERBRIDGE_STORE_OF_TESTS", "postgres");

/// What is not run again: tests with this in their names, and why.
const NOT_AGAIN: [(&str, &str); 4] = [
    ("concurrent_billing::", "on PostgreSQL in the first place"),
    ("database_away::", "on PostgreSQL in the first place"),
    ("several_servers::", "on PostgreSQL in the first place"),
    ("two_servers::", "on PostgreSQL in the first place"),
];

/// Runs them again, after the first time was reported. Without PostgreSQL it is told that they were not.
///
/// # Errors
/// A sentence for the first crate whose tests failed.
pub(crate) fn run_again(report: &mut TestReport) -> Result<(), String> {
    if !Tool::Postgres.is_there() {
        let crates = CRATES.join(" and ");
        report.notice(&format!(
            "NOT RUN: the tests of {crates} on PostgreSQL: it is not installed. {}",
            Tool::Postgres.advice()
        ));
        return Ok(());
    }
    for (tests, why) in NOT_AGAIN {
        println!("not run again on PostgreSQL: {tests}*: {why}");
    }
    // All of them, whatever comes of the first.
    let outcomes = CRATES.map(|name| run_tests_of(name, report));
    outcomes.into_iter().collect()
}

fn run_tests_of(name: &str, report: &mut TestReport) -> Result<(), String> {
    let Some(binary) = report.binary(name) else {
        return Err(format!(
            "the tests of {name} were not run on PostgreSQL, as they had not run before"
        ));
    };
    let binary = process::root().join(binary);
    let skipped = NOT_AGAIN.map(|(tests, _)| format!("--skip {tests}")).join(" ");
    let arguments = format!("--show-output {skipped}");
    let mut program = process::program(&binary.to_string_lossy(), &arguments);
    let (variable, value) = STORE_OF_TESTS;
    // Where Cargo would have started it.
    program
        .current_dir(process::root().join(Path::new("crates").join(name)))
        .env(variable, value);
    report.program(format!("{name}, tests on PostgreSQL"));
    process::run_and_read(&mut program, |line| report.read(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_are_told_in_words_that_they_understand() {
        let understood = (
            private_postgres::STORE_OF_TESTS,
            private_postgres::STORE_OF_TESTS_POSTGRES,
        );
        assert_eq!(STORE_OF_TESTS, understood);
    }

    #[test]
    fn what_is_not_run_again_is_there() {
        for (tests, _) in NOT_AGAIN {
            let file = format!("tests/it/{}.rs", tests.trim_end_matches("::"));
            let mut of_crates = CRATES
                .iter()
                .map(|name| process::root().join("crates").join(name));
            assert!(of_crates.any(|path| path.join(&file).exists()), "{file}");
        }
    }
}
