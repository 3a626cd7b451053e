//! Sets of attributes make their keys, and change from one to another where there is a record.

use domain::time::{Day, Hour};

use super::names;
use crate::audit::{AuditStep, Checked, Difference, Finding, FoundAt, Read, Watch, read_all};
use crate::error::StoreError;
use crate::ledger::delivery::attributes_key;
use crate::ledger::ids::{AttributesRow, Place, SeriesId};
use crate::ledger::observations::Key;
use crate::transaction::{Columns, Transaction, values};
use crate::usage::Attributes;

/// Rows read at one time. The longest set of attributes takes a few hundred KiB.
const SETS_PAGE: usize = 100;
const CHANGES_PAGE: usize = 1000;

pub(super) fn check(
    transaction: &dyn Transaction,
    checked: &mut Checked,
    watch: Watch<'_>,
) -> Result<(), StoreError> {
    sets(transaction, checked, watch)?;
    changes(transaction, checked, watch)
}

type Set = (AttributesRow, [u8; 16], Attributes);

fn set(row: &dyn Columns) -> Result<Set, StoreError> {
    let texts = Attributes {
        location: row.get(2)?,
        tags: row.get(3)?,
        additional_info: row.get(4)?,
    };
    Ok((row.get(0)?, row.get(1)?, texts))
}

fn sets(transaction: &dyn Transaction, checked: &mut Checked, watch: Watch<'_>) -> Result<(), StoreError> {
    let at = |row: AttributesRow| FoundAt {
        row: Some(format!("`attributes` {}", row.0)),
        ..FoundAt::default()
    };
    read_all(
        SETS_PAGE,
        |after, limit| {
            let sql = "SELECT id, key, location, tags, additional_info FROM attributes WHERE id > ?1 ORDER BY id LIMIT ?2";
            let after = after.copied().unwrap_or(AttributesRow(0));
            transaction.rows(sql, &values![after, limit], set)
        },
        |after| {
            let sql = "SELECT id FROM attributes WHERE id > ?1 ORDER BY id LIMIT 1";
            let after = after.copied().unwrap_or(AttributesRow(0));
            transaction.row(sql, &values![after], |row| row.get(0))
        },
        |(row, ..)| *row,
        |read| {
            match read {
                Read::Rows(page) => {
                    watch(AuditStep::Done(page.len() as u64));
                    for (row, key, texts) in page {
                        checked.examined += 1;
                        let expected = attributes_key(&texts);
                        if expected != key {
                            let [expected, found] = [expected, key].map(hex::encode);
                            let finding = Finding::new(Difference::AttributesKey, at(row));
                            checked.add(finding.but(expected, found));
                        }
                    }
                }
                Read::Unreadable(row, error) => checked.add_unreadable(at(row), &error),
            }
            Ok(())
        },
    )
}

/// A change of a series' attributes.
struct Change {
    key: Key,
    attributes: AttributesRow,
    has_series: bool,
    has_attributes: bool,
}

impl Change {
    fn from_row(row: &dyn Columns) -> Result<Self, StoreError> {
        Ok(Self {
            key: (row.get(0)?, row.get(1)?),
            attributes: row.get(2)?,
            has_series: row.integer(3)?.is_some(),
            has_attributes: row.integer(4)?.is_some(),
        })
    }
}

fn changes(transaction: &dyn Transaction, checked: &mut Checked, watch: Watch<'_>) -> Result<(), StoreError> {
    let mut last: Option<(SeriesId, AttributesRow)> = None;
    let start =
        |after: Option<&Key>| after.map_or((0, i32::MIN), |(series, hour)| (series.0, hour.epoch_hours()));
    read_all(
        CHANGES_PAGE,
        |after, limit| {
            let (series, hour) = start(after);
            transaction.rows(
                "SELECT series, from_hour, attributes, series.id, attributes.id FROM series_attributes
                 LEFT JOIN series ON series.id = series LEFT JOIN attributes ON attributes.id = attributes
                 WHERE (series, from_hour) > (?1, ?2) ORDER BY series, from_hour LIMIT ?3",
                &values![series, hour, limit],
                Change::from_row,
            )
        },
        |after| {
            let (series, hour) = start(after);
            let sql = "SELECT series, from_hour FROM series_attributes WHERE (series, from_hour) > (?1, ?2)
                       ORDER BY series, from_hour LIMIT 1";
            transaction.row(sql, &values![series, hour], |row| Ok((row.get(0)?, row.get(1)?)))
        },
        |change: &Change| change.key,
        |read| {
            let page = match read {
                Read::Rows(page) => page,
                Read::Unreadable(key, error) => {
                    checked.add_unreadable(at(transaction, key)?, &error);
                    return Ok(());
                }
            };
            watch(AuditStep::Done(page.len() as u64));
            let with_record = with_records(transaction, &page)?;
            for (change, with_record) in page.iter().zip(with_record) {
                checked.examined += 1;
                let now = (change.key.0, change.attributes);
                let difference = if !(change.has_series && change.has_attributes && with_record) {
                    Difference::AttributesWithout
                } else if last == Some(now) {
                    Difference::AttributesRepeated
                } else {
                    last = Some(now);
                    continue;
                };
                last = Some(now);
                let finding = Finding::new(difference, at(transaction, change.key)?);
                let missing = [
                    (change.has_series, "the series is not there"),
                    (change.has_attributes, "the set of attributes is not there"),
                    (with_record, "there is no record in this hour"),
                ];
                let missing = missing.into_iter().find(|(there, _)| !there);
                checked.add(Finding {
                    found: missing.map(|(_, words)| words.to_owned()),
                    ..finding
                });
            }
            Ok(())
        },
    )
}

fn at(transaction: &dyn Transaction, (series, hour): Key) -> Result<FoundAt, StoreError> {
    Ok(FoundAt {
        hour: Some(hour),
        ..names::of_series(transaction, series)?
    })
}

/// Of each change, whether its series has a record then. What cannot be read is told with the totals.
fn with_records(transaction: &dyn Transaction, changes: &[Change]) -> Result<Vec<bool>, StoreError> {
    let places: Vec<Place<Day>> = changes
        .iter()
        .map(|change| (change.key.1.day(), change.key.0.block()))
        .collect();
    let mut with_record = vec![false; changes.len()];
    let starts = |(series, hour): Key, sheet: &crate::ledger::sheet::DaySheet| {
        let entry = sheet.entry(series.slot());
        entry.is_some_and(|entry| entry.hours.iter(hour.day()).any(|other: Hour| other == hour))
    };
    let read = transaction.day_sheets(&places, &mut |place, sheet| {
        with_record[place] = starts(changes[place].key, &sheet);
    });
    match read {
        Err(StoreError::Corrupt { .. }) => Ok(vec![true; changes.len()]),
        read => read.map(|()| with_record),
    }
}
