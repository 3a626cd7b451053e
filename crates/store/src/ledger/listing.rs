//! Records one by one, with everything that is known of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use domain::ids::BatchId;
use domain::time::{Day, Hour, HourInterval};

use super::history;
use super::ids::{AttributesRow, BatchRow, BlockId, MeterRow, Place, SeriesId};
use super::lookups::{self, Meters};
use super::sheet::{Cell, HoursOfDay};
use crate::error::StoreError;
use crate::transaction::{Transaction, values};
use crate::usage::{Attributes, RecordCursor, Slice, StoredRecord};

/// A record that counts, as the sheets tell it.
type Found = (RecordCursor, Cell);

/// The records of a slice that count, by usage start and series, after a place, `limit` at most.
pub(super) fn records(
    transaction: &dyn Transaction,
    slice: Slice,
    after: Option<RecordCursor>,
    limit: usize,
) -> Result<Vec<StoredRecord>, StoreError> {
    let start = after.map_or(slice.interval.start(), |after| {
        after.start.max(slice.interval.start())
    });
    let Some(interval) = HourInterval::new(start, slice.interval.end()) else {
        return Ok(Vec::new());
    };
    let blocks = lookups::blocks_of(transaction, &[slice.of])?.concat();
    let mut found = Vec::new();
    for day in days_with_records(transaction, &blocks, interval)? {
        for of_hour in
            places_with_records(transaction, &blocks, day, interval)?.chunk_by(|one, other| one.0 == other.0)
        {
            if found.len() < limit {
                find(transaction, of_hour, after, &mut found)?;
            }
        }
        if found.len() >= limit {
            break;
        }
    }
    found.truncate(limit);
    with_all_that_is_known(transaction, &found)
}

fn days_with_records(
    transaction: &dyn Transaction,
    blocks: &[BlockId],
    interval: HourInterval,
) -> Result<BTreeSet<Day>, StoreError> {
    let (first, last) = lookups::days_of(interval);
    let asked: Vec<_> = blocks.iter().map(|block| values![*block, first, last]).collect();
    let mut days = BTreeSet::new();
    transaction.each(
        "SELECT day FROM day_sheet WHERE block = ?1 AND day BETWEEN ?2 AND ?3",
        &asked,
        &mut |_, row| {
            days.insert(row.get(0)?);
            Ok(())
        },
    )?;
    Ok(days)
}

/// The hours of a day that lie in an interval and in which blocks have records, in order.
fn places_with_records(
    transaction: &dyn Transaction,
    blocks: &[BlockId],
    day: Day,
    interval: HourInterval,
) -> Result<Vec<Place<Hour>>, StoreError> {
    let days: Vec<Place<Day>> = blocks.iter().map(|block| (day, *block)).collect();
    let mut places = Vec::new();
    transaction.day_sheets(&days, &mut |place, totals| {
        let mut hours = HoursOfDay::default();
        totals.entries().for_each(|(_, entry)| hours.union(entry.hours));
        let hours = hours.iter(day).filter(|hour| interval.contains(*hour));
        places.extend(hours.map(|hour| (hour, blocks[place])));
    })?;
    places.sort_unstable();
    Ok(places)
}

/// Finds the records after a place in an hour of blocks, in order.
fn find(
    transaction: &dyn Transaction,
    of_hour: &[Place<Hour>],
    after: Option<RecordCursor>,
    found: &mut Vec<Found>,
) -> Result<(), StoreError> {
    let first = found.len();
    transaction.hour_sheets(of_hour, &mut |place, sheet| {
        let (start, block) = of_hour[place];
        for (slot, cell) in sheet.entries() {
            let series = block.series(slot).0;
            let cursor = RecordCursor { start, series };
            if after.is_none_or(|after| after < cursor) {
                found.push((cursor, *cell));
            }
        }
    })?;
    found[first..].sort_unstable_by_key(|(cursor, _)| *cursor);
    Ok(())
}

fn with_all_that_is_known(
    transaction: &dyn Transaction,
    found: &[Found],
) -> Result<Vec<StoredRecord>, StoreError> {
    let series = series_of(transaction, found)?;
    let batches = batches_of(transaction, found)?;
    let mut meters = Meters::new(transaction);
    meters.look_up(series.values().map(|(meter, _)| *meter))?;
    let attributes = attributes_of(transaction, found)?;
    let gone = || StoreError::corrupt("a record's series or batch is not there");
    found
        .iter()
        .zip(attributes)
        .map(|((cursor, cell), attributes)| {
            let (meter, resource_uri) = series.get(&SeriesId(cursor.series)).ok_or_else(gone)?;
            let (batch, reported) = batches.get(&cell.batch).ok_or_else(gone)?;
            Ok(StoredRecord {
                cursor: *cursor,
                start: cursor.start,
                granularity: cell.granularity,
                local_meter: meters.known(*meter)?,
                resource_uri: Arc::clone(resource_uri),
                attributes,
                quantity: cell.quantity,
                batch: *batch,
                reported: *reported,
            })
        })
        .collect()
}

fn series_of(
    transaction: &dyn Transaction,
    found: &[Found],
) -> Result<HashMap<SeriesId, (MeterRow, Arc<str>)>, StoreError> {
    let series: BTreeSet<SeriesId> = found.iter().map(|(cursor, _)| SeriesId(cursor.series)).collect();
    let keys: Vec<_> = series.iter().map(|series| values![*series]).collect();
    let sql = "SELECT local_meter, resource_uri FROM series WHERE id = ?1";
    let rows = transaction.row_each(sql, &keys, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(series
        .into_iter()
        .zip(rows)
        .filter_map(|(series, row)| Some((series, row?)))
        .collect())
}

fn batches_of(
    transaction: &dyn Transaction,
    found: &[Found],
) -> Result<HashMap<BatchRow, (BatchId, Hour)>, StoreError> {
    let batches: BTreeSet<BatchRow> = found.iter().map(|(_, cell)| cell.batch).collect();
    let keys: Vec<_> = batches.iter().map(|batch| values![*batch]).collect();
    let sql = "SELECT batch_id, reported_start FROM batch WHERE id = ?1";
    let rows = transaction.row_each(sql, &keys, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(batches
        .into_iter()
        .zip(rows)
        .filter_map(|(batch, row)| Some((batch, row?)))
        .collect())
}

/// The attributes of each record.
fn attributes_of(transaction: &dyn Transaction, found: &[Found]) -> Result<Vec<Arc<Attributes>>, StoreError> {
    let records = found
        .iter()
        .map(|(cursor, _)| (SeriesId(cursor.series), cursor.start));
    let in_force: Vec<AttributesRow> = history::in_force(transaction, records.clone())?
        .into_iter()
        .zip(records)
        .map(|(row, (series, hour))| {
            let text = || format!("the record of series {} at {hour} has no attributes", series.0);
            row.ok_or_else(|| StoreError::corrupt(text()))
        })
        .collect::<Result<_, _>>()?;
    let distinct: Vec<AttributesRow> = BTreeSet::from_iter(in_force.iter().copied())
        .into_iter()
        .collect();
    let texts = history::texts(transaction, &distinct)?.into_iter().map(Arc::new);
    let texts: HashMap<AttributesRow, Arc<Attributes>> = distinct.iter().copied().zip(texts).collect();
    Ok(in_force
        .iter()
        .filter_map(|row| texts.get(row).map(Arc::clone))
        .collect())
}
