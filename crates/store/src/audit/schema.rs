//! Tables, indexes, triggers and rules with what the program makes: one of somebody else's may change what is stored, or keep it
//! from being stored, while everything that is stored agrees with itself.

use super::{Checked, Difference, Finding, FoundAt};
use crate::error::StoreError;
use crate::transaction::{Definition, Definitions, Transaction};

/// So much of a definition is told.
const CHARS_TOLD: usize = 200;
/// So much before the place where it differs.
const CHARS_BEFORE: usize = 30;

pub(super) fn check(transaction: &dyn Transaction, checked: &mut Checked) -> Result<(), StoreError> {
    let Definitions { expected, found } = transaction.definitions()?;
    checked.examined = expected.len() as u64;
    for (of, expected) in &expected {
        match found.get(of) {
            None => checked.add(Finding {
                expected: Some(told(of, expected, 0)),
                ..finding(Difference::SchemaMissing)
            }),
            Some(found) if found == expected => {}
            Some(found) => {
                let same = expected
                    .chars()
                    .zip(found.chars())
                    .take_while(|(one, other)| one == other);
                let from = same.count().saturating_sub(CHARS_BEFORE);
                let [expected, found] = [expected, found].map(|it| told(of, it, from));
                checked.add(finding(Difference::SchemaChanged).but(expected, found));
            }
        }
    }
    for (of, found) in found.iter().filter(|(of, _)| !expected.contains_key(*of)) {
        checked.add(Finding {
            found: Some(told(of, found, 0)),
            ..finding(Difference::SchemaForeign)
        });
    }
    Ok(())
}

fn finding(difference: Difference) -> Finding {
    Finding::new(difference, FoundAt::default())
}

/// A definition, with its text from a character on.
fn told(Definition { table, what }: &Definition, text: &str, from: usize) -> String {
    let of = if what.contains(' ') { " of" } else { "" };
    let cut = if from > 0 { "\u{2026}" } else { "" };
    let text: String = text.chars().skip(from).take(CHARS_TOLD).collect();
    match &*text {
        "" => format!("{what}{of} {table}"),
        text => format!("{what}{of} {table}: {cut}{text}"),
    }
}
