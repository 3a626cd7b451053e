//! The attributes of a series through time: a row where a record's attributes differ from those of the record before
//! it, so that the last row at or before a record's hour has that record's attributes, in whatever order the records
//! came.

use std::collections::BTreeMap;

use domain::time::Hour;

use super::ids::{AttributesRow, SeriesId};
use crate::error::StoreError;
use crate::transaction::{Columns, Transaction, values};
use crate::usage::Attributes;

/// That the record of a series starting at an hour has these attributes.
#[derive(Clone, Copy)]
struct Change {
    series: SeriesId,
    hour: Hour,
    attributes: AttributesRow,
}

/// Says what attributes records have; those of all other records stay what they are. The sheets must hold all records.
/// Returns the series for which that changed anything.
pub(super) fn set(
    transaction: &dyn Transaction,
    attributes: &BTreeMap<(SeriesId, Hour), AttributesRow>,
) -> Result<Vec<SeriesId>, StoreError> {
    let changes: Vec<Change> = attributes
        .iter()
        .map(|((series, hour), attributes)| Change {
            series: *series,
            hour: *hour,
            attributes: *attributes,
        })
        .collect();
    let changes = those_that_differ(transaction, changes)?;
    let mut changed: Vec<SeriesId> = changes.iter().map(|change| change.series).collect();
    changed.dedup();
    let new = of_new_series(transaction, &changes, &changed)?;
    let (first, rest): (Vec<Change>, Vec<Change>) =
        changes.into_iter().partition(|it| new.contains(&it.series));
    insert_first(transaction, &first)?;
    // One change of a series depends on how the one before was written, so that each series gives one to a round.
    let mut rest: Vec<&[Change]> = rest.chunk_by(|one, other| one.series == other.series).collect();
    while !rest.is_empty() {
        let round: Vec<Change> = rest
            .iter()
            .filter_map(|of_series| of_series.first().copied())
            .collect();
        insert_between(transaction, &round)?;
        rest.retain_mut(|of_series| {
            *of_series = &of_series[1..];
            !of_series.is_empty()
        });
    }
    Ok(changed)
}

fn those_that_differ(transaction: &dyn Transaction, changes: Vec<Change>) -> Result<Vec<Change>, StoreError> {
    let in_force = in_force(transaction, changes.iter().map(|it| (it.series, it.hour)))?;
    let differing = changes.into_iter().zip(in_force);
    Ok(differing
        .filter(|(change, in_force)| Some(change.attributes) != *in_force)
        .map(|(change, _)| change)
        .collect())
}

/// The series without any attributes, in order. All records of such a series are among the changes.
fn of_new_series(
    transaction: &dyn Transaction,
    changes: &[Change],
    changed: &[SeriesId],
) -> Result<Vec<SeriesId>, StoreError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let newest = newest(transaction, changed)?;
    let new = changed.iter().zip(newest).filter(|(_, newest)| newest.is_none());
    Ok(new.map(|(series, _)| *series).collect())
}

/// Writes all attributes of series that have none, in the order of their hours.
fn insert_first(transaction: &dyn Transaction, changes: &[Change]) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    for of_series in changes.chunk_by(|one, other| one.series == other.series) {
        let different = of_series.chunk_by(|one, other| one.attributes == other.attributes);
        rows.extend(different.filter_map(|same| same.first().copied()));
    }
    insert(transaction, &rows)
}

/// Writes changes of series that have attributes, one of each: before the change the attributes in force stay, and the
/// record after it keeps its own.
fn insert_between(transaction: &dyn Transaction, changes: &[Change]) -> Result<(), StoreError> {
    let hours: Vec<_> = changes.iter().map(|it| (it.series, it.hour)).collect();
    let next = transaction.next_records(&hours)?;
    let next: Vec<(Change, Hour)> = changes
        .iter()
        .zip(next)
        .filter_map(|(change, next)| Some((*change, next?)))
        .collect();
    let of_next = in_force(transaction, next.iter().map(|(it, next)| (it.series, *next)))?;
    let both = hours
        .iter()
        .copied()
        .chain(next.iter().map(|(it, next)| (it.series, *next)));
    let both: Vec<_> = both.map(|(series, hour)| values![series, hour]).collect();
    transaction.execute_each(
        "DELETE FROM series_attributes WHERE series = ?1 AND from_hour = ?2",
        &both,
    )?;
    let mut rows = those_that_differ(transaction, changes.to_vec())?;
    for ((change, hour), of_next) in next.into_iter().zip(of_next) {
        if let Some(attributes) = of_next.filter(|of_next| *of_next != change.attributes) {
            rows.push(Change {
                series: change.series,
                hour,
                attributes,
            });
        }
    }
    insert(transaction, &rows)
}

fn insert(transaction: &dyn Transaction, rows: &[Change]) -> Result<(), StoreError> {
    let rows: Vec<_> = rows
        .iter()
        .map(|it| values![it.series, it.hour, it.attributes])
        .collect();
    transaction.execute_each(
        "INSERT INTO series_attributes (series, from_hour, attributes) VALUES (?1, ?2, ?3)",
        &rows,
    )
}

/// The attributes that records of series have in some hours.
pub(super) fn in_force(
    transaction: &dyn Transaction,
    of: impl Iterator<Item = (SeriesId, Hour)>,
) -> Result<Vec<Option<AttributesRow>>, StoreError> {
    let of: Vec<_> = of.map(|(series, hour)| values![series, hour]).collect();
    transaction.row_each(
        "SELECT attributes FROM series_attributes WHERE series = ?1 AND from_hour <= ?2
         ORDER BY from_hour DESC LIMIT 1",
        &of,
        |row| row.get(0),
    )
}

/// The last change of each series' attributes: since when, and to what.
pub(super) fn newest(
    transaction: &dyn Transaction,
    series: &[SeriesId],
) -> Result<Vec<Option<(Hour, AttributesRow)>>, StoreError> {
    let series: Vec<_> = series.iter().map(|series| values![*series]).collect();
    transaction.row_each(
        "SELECT from_hour, attributes FROM series_attributes WHERE series = ?1 ORDER BY from_hour DESC LIMIT 1",
        &series,
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The texts of sets of attributes.
pub(super) fn texts(
    transaction: &dyn Transaction,
    attributes: &[AttributesRow],
) -> Result<Vec<Attributes>, StoreError> {
    let keys: Vec<_> = attributes.iter().map(|row| values![*row]).collect();
    let texts = |row: &dyn Columns| {
        Ok(Attributes {
            location: row.get(0)?,
            tags: row.get(1)?,
            additional_info: row.get(2)?,
        })
    };
    let found = transaction.row_each(
        "SELECT location, tags, additional_info FROM attributes WHERE id = ?1",
        &keys,
        texts,
    )?;
    let there = |(texts, row): (Option<Attributes>, &AttributesRow)| {
        texts.ok_or_else(|| StoreError::corrupt(format!("attributes {} are not there", row.0)))
    };
    found.into_iter().zip(attributes).map(there).collect()
}
