//! The attributes of a series through time: a row where a record's attributes differ from those of the record before
//! it, so that the last row at or before a record's hour has that record's attributes, in whatever order the records
//! came.

use domain::time::{Day, Hour};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns;
use super::ids::{AttributesRow, SeriesId};
use super::sheet::{DayEntry, DaySheet};
use crate::error::StoreError;
use crate::usage::Attributes;

/// Says that the record of `series` starting at `hour` has these attributes; the attributes of its other records stay
/// what they are. The sheets must hold all records. Returns whether that changed anything.
pub(super) fn set(
    connection: &Connection,
    series: SeriesId,
    hour: Hour,
    attributes: AttributesRow,
) -> Result<bool, StoreError> {
    if in_force(connection, series, hour)? == Some(attributes) {
        return Ok(false);
    }
    if newest(connection, series)?.is_none() {
        insert(connection, series, hour, attributes)?;
        return Ok(true);
    }
    let next = next_record(connection, series, hour)?;
    let of_next = next
        .map(|next| in_force(connection, series, next))
        .transpose()?
        .flatten();
    for changed in [Some(hour), next].into_iter().flatten() {
        connection
            .prepare_cached("DELETE FROM series_attributes WHERE series = ?1 AND from_hour = ?2")?
            .execute(params![series, changed.epoch_hours()])?;
    }
    if in_force(connection, series, hour)? != Some(attributes) {
        insert(connection, series, hour, attributes)?;
    }
    if let (Some(next), Some(of_next)) = (next, of_next)
        && of_next != attributes
    {
        insert(connection, series, next, of_next)?;
    }
    Ok(true)
}

fn insert(
    connection: &Connection,
    series: SeriesId,
    from: Hour,
    attributes: AttributesRow,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO series_attributes (series, from_hour, attributes) VALUES (?1, ?2, ?3)")?
        .execute(params![series, from.epoch_hours(), attributes])?;
    Ok(())
}

/// The attributes that a record in this hour has.
pub(super) fn in_force(
    connection: &Connection,
    series: SeriesId,
    hour: Hour,
) -> Result<Option<AttributesRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT attributes FROM series_attributes WHERE series = ?1 AND from_hour <= ?2
         ORDER BY from_hour DESC LIMIT 1",
    )?;
    Ok(statement
        .query_row(params![series, hour.epoch_hours()], |row| row.get(0))
        .optional()?)
}

/// The hour of the first record of a series after `hour`.
fn next_record(connection: &Connection, series: SeriesId, hour: Hour) -> Result<Option<Hour>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT body, day FROM day_sheet INDEXED BY day_sheet_of_block WHERE block = ?1 AND day >= ?2 ORDER BY day",
    )?;
    let mut rows = statement.query(params![series.block(), hour.day().epoch_days()])?;
    while let Some(row) = rows.next()? {
        let sheet = DaySheet::from_row(row, 0)?;
        let day = Day::from_epoch_days(row.get(1)?);
        let later = |entry: &DayEntry| entry.hours.iter(day).find(|other| *other > hour);
        if let Some(next) = sheet.entry(series.slot()).and_then(later) {
            return Ok(Some(next));
        }
    }
    Ok(None)
}

/// The last change of a series' attributes: since when, and to what.
pub(super) fn newest(
    connection: &Connection,
    series: SeriesId,
) -> Result<Option<(Hour, AttributesRow)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT from_hour, attributes FROM series_attributes WHERE series = ?1 ORDER BY from_hour DESC LIMIT 1",
    )?;
    let newest = statement
        .query_row([series], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    newest
        .map(|(since, attributes)| Ok((columns::hour(since)?, attributes)))
        .transpose()
}

/// The texts of a set of attributes.
pub(super) fn texts(connection: &Connection, attributes: AttributesRow) -> Result<Attributes, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT location, tags, additional_info FROM attributes WHERE id = ?1")?;
    let texts = |row: &Row<'_>| {
        Ok(Attributes {
            location: row.get(0)?,
            tags: row.get(1)?,
            additional_info: row.get(2)?,
        })
    };
    Ok(statement.query_row([attributes], texts)?)
}
