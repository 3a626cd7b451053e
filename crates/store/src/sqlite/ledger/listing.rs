//! Records one by one, with everything that is known of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use domain::ids::BatchId;
use domain::time::{Day, Hour, HourInterval};
use rusqlite::{Connection, params};

use super::columns;
use super::history;
use super::ids::{AttributesRow, BlockId, MeterRow, SeriesId};
use super::lookups::{self, Meters};
use super::sheet::{Cell, HoursOfDay, stored_day, stored_hour};
use crate::error::StoreError;
use crate::usage::{Attributes, RecordCursor, Slice, StoredRecord};

/// The records of a slice that count, by usage start and series, after a place, `limit` at most.
pub(super) fn records(
    connection: &Connection,
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
    let blocks = lookups::blocks_of(connection, slice.of)?;
    let mut page = Page {
        connection,
        meters: Meters::new(connection),
        attributes: HashMap::new(),
        records: Vec::new(),
    };
    for day in days_with_records(connection, &blocks, interval)? {
        for hour in hours_with_records(connection, &blocks, day)?
            .iter(day)
            .filter(|hour| interval.contains(*hour))
        {
            for block in &blocks {
                page.read(hour, *block, after, limit)?;
            }
            if page.records.len() >= limit {
                return Ok(page.records);
            }
        }
    }
    Ok(page.records)
}

fn days_with_records(
    connection: &Connection,
    blocks: &[BlockId],
    interval: HourInterval,
) -> Result<BTreeSet<Day>, StoreError> {
    let (first, last) = (interval.start().day(), interval.end().plus(-1).day());
    let mut days = BTreeSet::new();
    let mut statement = connection.prepare_cached(
        "SELECT day FROM day_sheet INDEXED BY day_sheet_of_block WHERE block = ?1 AND day BETWEEN ?2 AND ?3",
    )?;
    for block in blocks {
        let of_block = statement.query_map(params![block, first.epoch_days(), last.epoch_days()], |row| {
            row.get(0).map(Day::from_epoch_days)
        })?;
        for day in of_block {
            days.insert(day?);
        }
    }
    Ok(days)
}

fn hours_with_records(
    connection: &Connection,
    blocks: &[BlockId],
    day: Day,
) -> Result<HoursOfDay, StoreError> {
    let mut hours = HoursOfDay::default();
    for block in blocks {
        if let Some(sheet) = stored_day(connection, day, *block)? {
            sheet.entries().for_each(|(_, entry)| hours.union(entry.hours));
        }
    }
    Ok(hours)
}

/// A page being filled, and what it has looked up.
struct Page<'c> {
    connection: &'c Connection,
    meters: Meters<'c>,
    attributes: HashMap<AttributesRow, Arc<Attributes>>,
    records: Vec<StoredRecord>,
}

impl Page<'_> {
    /// Adds the records of a block that start in an hour, until the page is full.
    fn read(
        &mut self,
        hour: Hour,
        block: BlockId,
        after: Option<RecordCursor>,
        limit: usize,
    ) -> Result<(), StoreError> {
        let Some(sheet) = stored_hour(self.connection, hour, block)? else {
            return Ok(());
        };
        for (slot, cell) in sheet.entries() {
            let cursor = RecordCursor {
                start: hour,
                series: block.series(slot).0,
            };
            if self.records.len() < limit && after.is_none_or(|after| after < cursor) {
                let record = self.record(cursor, cell)?;
                self.records.push(record);
            }
        }
        Ok(())
    }

    fn record(&mut self, cursor: RecordCursor, cell: &Cell) -> Result<StoredRecord, StoreError> {
        let series = SeriesId(cursor.series);
        let (meter, resource_uri): (MeterRow, Arc<str>) = self
            .connection
            .prepare_cached("SELECT local_meter, resource_uri FROM series WHERE id = ?1")?
            .query_row([series], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (batch, reported) = self
            .connection
            .prepare_cached("SELECT batch_id, reported_start FROM batch WHERE id = ?1")?
            .query_row([cell.batch], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(StoredRecord {
            cursor,
            start: cursor.start,
            granularity: cell.granularity,
            local_meter: self.meters.get(meter)?,
            resource_uri,
            attributes: self.attributes(series, cursor.start)?,
            quantity: cell.quantity,
            batch: BatchId::from_bytes(batch),
            reported: columns::hour(reported)?,
        })
    }

    fn attributes(&mut self, series: SeriesId, hour: Hour) -> Result<Arc<Attributes>, StoreError> {
        let row = history::in_force(self.connection, series, hour)?.ok_or_else(|| {
            StoreError::corrupt(format!(
                "the record of series {} at {hour} has no attributes",
                series.0
            ))
        })?;
        if let Some(attributes) = self.attributes.get(&row) {
            return Ok(Arc::clone(attributes));
        }
        let attributes = Arc::new(history::texts(self.connection, row)?);
        self.attributes.insert(row, Arc::clone(&attributes));
        Ok(attributes)
    }
}
