//! What is wrong with a database file, for whoever has to put it right: which file it is, and what SQLite itself finds.

use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::open_for_reading;
use crate::error::StoreError;

/// How long SQLite looks for what is damaged before whoever waits is told what it has found so far.
const LOOK: Duration = Duration::from_secs(10);
/// After how many steps of SQLite's machine it is looked at the clock.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;

/// The same error, with the file's name.
pub(super) fn named(path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Corrupt { detail } => StoreError::corrupt(format!("{}: {detail}", path.display())),
        StoreError::Unavailable { detail } => {
            StoreError::unavailable(format_args!("{}: {detail}", path.display()))
        }
        other => other,
    }
}

/// What SQLite finds damaged in a file. It looks once: a file does not get better, and may be large.
#[derive(Default)]
pub(super) struct Damage(OnceLock<String>);

impl Damage {
    /// The same error, with the file's name and, if what is stored there is damaged, with what SQLite finds.
    pub(super) fn told(&self, path: &Path, error: StoreError) -> StoreError {
        match named(path, error) {
            StoreError::Corrupt { detail } => {
                let found = self.0.get_or_init(|| found(open_for_reading(path)));
                StoreError::corrupt(format!("{detail}{found}"))
            }
            other => other,
        }
    }
}

/// What SQLite finds in a file that was opened for it, as the end of a sentence: nothing where it finds nothing.
pub(super) fn found(opened: Result<Connection, StoreError>) -> String {
    let findings = opened.and_then(|mut connection| Ok(quick_check(&mut connection)?));
    let findings = findings.unwrap_or_else(|error| vec![error.to_string()]);
    match &findings[..] {
        [] => String::new(),
        [ok] if ok == "ok" => String::new(),
        findings => format!("; SQLite's own check says: {}", findings.join("; ")),
    }
}

fn quick_check(connection: &mut Connection) -> rusqlite::Result<Vec<String>> {
    let began = Instant::now();
    connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || began.elapsed() > LOOK))?;
    let mut findings = Vec::new();
    let mut statement = connection.prepare("PRAGMA quick_check(3)")?;
    let mut rows = statement.query([])?;
    // Not to its end if it takes too long.
    while let Ok(Some(row)) = rows.next() {
        let finding: String = row.get(0)?;
        findings.push(in_one_line(&finding));
    }
    Ok(findings)
}

/// A finding of SQLite's, which has a headline, as one line.
pub(super) fn in_one_line(finding: &str) -> String {
    let lines = finding.lines().filter(|line| !line.starts_with("***"));
    lines.map(str::trim).collect::<Vec<_>>().join("; ")
}
