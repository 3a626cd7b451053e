//! What is wrong with a database file, for whoever has to put it right: which file it is, and what SQLite itself finds.

use std::collections::BTreeMap;
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
    if findings.is_empty() {
        return String::new();
    }
    format!("; SQLite's own check says: {}", findings.join("; "))
}

fn quick_check(connection: &mut Connection) -> rusqlite::Result<Vec<String>> {
    let began = Instant::now();
    connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || began.elapsed() > LOOK))?;
    // Nothing if it takes too long.
    Ok(findings(connection, "main", "quick_check(3)").unwrap_or_default())
}

/// What a check of SQLite's finds in one of the files of a connection, each finding in a line; nothing if that is sound. It ends
/// where it can read no further, and what it has found by then says where that is.
///
/// # Errors
/// If it can read nothing.
pub(super) fn findings(
    connection: &Connection,
    schema: &str,
    check: &str,
) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare(&format!("PRAGMA {schema}.{check}"))?;
    let mut rows = statement.query([])?;
    let mut findings: Vec<String> = Vec::new();
    loop {
        match rows.next() {
            Ok(Some(row)) => findings.push(row.get(0)?),
            Err(error) if findings.is_empty() => return Err(error.into()),
            Ok(None) | Err(_) => break,
        }
    }
    findings.retain(|finding| finding != "ok");
    let trees = if findings.is_empty() {
        BTreeMap::new()
    } else {
        trees(connection, schema).unwrap_or_default()
    };
    Ok(findings
        .iter()
        .map(|finding| in_one_line(finding, &trees))
        .collect())
}

/// The tables and indexes of a file by the page that each begins with.
fn trees(connection: &Connection, schema: &str) -> rusqlite::Result<BTreeMap<u64, String>> {
    let sql = format!("SELECT rootpage, name FROM {schema}.sqlite_master WHERE rootpage > 0");
    let mut statement = connection.prepare(&sql)?;
    let trees = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    trees.collect()
}

/// A finding of SQLite's, which has a headline and a line for each page, as one line: pages of which the same is said are told
/// together, and tables and indexes by their names.
fn in_one_line(finding: &str, trees: &BTreeMap<u64, String>) -> String {
    let mut told: Vec<(String, Vec<u64>, String)> = Vec::new();
    for line in finding.lines().filter(|line| !line.starts_with("***")) {
        let (before, page, after) = around_page(line.trim()).unwrap_or((line.trim(), None, ""));
        let before = with_name(before, trees);
        let same = told
            .iter_mut()
            .find(|it| page.is_some() && (&*it.0, &*it.2) == (&*before, after));
        match same {
            Some((_, pages, _)) => pages.extend(page),
            None => told.push((before, page.into_iter().collect(), after.to_owned())),
        }
    }
    let lines = told.into_iter().map(|(before, pages, after)| match &pages[..] {
        [] => before,
        [page] => format!("{before}page {page}{after}"),
        pages => format!(
            "{before}pages {}{}",
            ranges(pages),
            after.replace(" is ", " are ")
        ),
    });
    lines.collect::<Vec<_>>().join("; ")
}

/// The number of the page that a line is about, and what stands before and after it.
fn around_page(line: &str) -> Option<(&str, Option<u64>, &str)> {
    const WORD: &str = "page ";
    let at = line.to_ascii_lowercase().find(WORD)?;
    let (before, rest) = (line.get(..at)?, line.get(at + WORD.len()..)?);
    let end = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
    let (page, after) = rest.split_at_checked(end)?;
    Some((before, Some(page.parse().ok()?), after))
}

/// `Tree 16 ` as `Tree 16 (batch) `.
fn with_name(before: &str, trees: &BTreeMap<u64, String>) -> String {
    let root = before
        .strip_prefix("Tree ")
        .and_then(|it| it.trim_end().parse().ok());
    match root.and_then(|root: u64| trees.get(&root)) {
        Some(name) => format!("{before}({name}) "),
        None => before.to_owned(),
    }
}

/// Numbers as `39 to 42, 45`.
fn ranges(numbers: &[u64]) -> String {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    let runs = numbers.chunk_by(|one, next| one + 1 >= *next);
    let runs = runs.filter_map(|run| match (run.first()?, run.last()?) {
        (first, last) if first == last => Some(first.to_string()),
        (first, last) => Some(format!("{first} to {last}")),
    });
    runs.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_reads_of_a_damaged_page_a_hundred_times_would_not_see_which_ones_they_are() {
        let trees = BTreeMap::from([(16, "batch".to_owned())]);
        let said = "*** in database main ***\nTree 16 page 297: btreeInitPage() returns error code 11\n\
                    Tree 16 page 296: btreeInitPage() returns error code 11\nPage 39 is never used\n\
                    Page 41 is never used\nPage 40: never used\nrow 7 missing from index batch_by_id";
        assert_eq!(
            in_one_line(said, &trees),
            "Tree 16 (batch) pages 296 to 297: btreeInitPage() returns error code 11; pages 39, 41 are never used; \
             page 40: never used; row 7 missing from index batch_by_id"
        );
    }
}
