//! Finds what the ledger has, for those who read.

use std::collections::HashMap;

use domain::ids::{CloudId, LocalMeterId, LocalSubscriptionId};
use domain::time::{Day, Hour, HourInterval};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns;
use super::ids::{BlockId, MeterRow, SLOTS, SeriesId};
use super::sheet::DaySheet;
use crate::error::StoreError;
use crate::usage::{LocalSubscriptionKey, Slice};

/// The stacks that have delivered, in order.
pub(super) fn stacks(connection: &Connection) -> Result<Vec<CloudId>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT cloud_id FROM stack WHERE sequence > 0 ORDER BY cloud_id")?;
    let stacks = statement.query_map([], |row| row.get(0).map(CloudId::from_bytes))?;
    Ok(stacks.collect::<Result<_, _>>()?)
}

/// The furthest hour up to which a stack has declared to have reported everything.
pub(super) fn watermark(connection: &Connection, stack: CloudId) -> Result<Option<Hour>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT reported_through FROM stack WHERE cloud_id = ?1")?;
    let through: Option<i32> = statement
        .query_row([stack.as_bytes()], |row| row.get(0))
        .optional()?
        .flatten();
    through.map(columns::hour).transpose()
}

/// The local subscriptions of one stack, or of all, in order.
pub(super) fn local_subscriptions(
    connection: &Connection,
    stack: Option<CloudId>,
) -> Result<Vec<LocalSubscriptionKey>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT cloud_id, subscription_id FROM local_subscription JOIN stack ON stack.id = local_subscription.stack
         WHERE ?1 IS NULL OR cloud_id = ?1 ORDER BY cloud_id, subscription_id",
    )?;
    let key = |row: &Row<'_>| {
        Ok(LocalSubscriptionKey {
            stack: CloudId::from_bytes(row.get(0)?),
            local_subscription: LocalSubscriptionId::from_bytes(row.get(1)?),
        })
    };
    let keys = statement.query_map([stack.as_ref().map(CloudId::as_bytes)], key)?;
    Ok(keys.collect::<Result<_, _>>()?)
}

/// The blocks of a local subscription, in order; none if it is unknown.
pub(super) fn blocks_of(
    connection: &Connection,
    of: LocalSubscriptionKey,
) -> Result<Vec<BlockId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT block.id FROM block
         JOIN local_subscription ON local_subscription.id = block.local_subscription
         JOIN stack ON stack.id = local_subscription.stack
         WHERE cloud_id = ?1 AND subscription_id = ?2 ORDER BY block.id",
    )?;
    let blocks = statement.query_map(
        params![of.stack.as_bytes(), of.local_subscription.as_bytes()],
        |row| row.get(0),
    )?;
    Ok(blocks.collect::<Result<_, _>>()?)
}

/// The local subscriptions of one stack, or of all, with a record that starts in the interval, in order.
pub(super) fn with_records(
    connection: &Connection,
    stack: Option<CloudId>,
    interval: HourInterval,
) -> Result<Vec<LocalSubscriptionKey>, StoreError> {
    let mut found = Vec::new();
    for of in local_subscriptions(connection, stack)? {
        for block in blocks_of(connection, of)? {
            if has_records(connection, block, interval)? {
                found.push(of);
                break;
            }
        }
    }
    Ok(found)
}

/// Whether a record of the block starts in the interval.
fn has_records(connection: &Connection, block: BlockId, interval: HourInterval) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT body, day FROM day_sheet INDEXED BY day_sheet_of_block
         WHERE block = ?1 AND day BETWEEN ?2 AND ?3 ORDER BY day",
    )?;
    let last = interval.end().plus(-1).day();
    let mut rows = statement.query(params![
        block,
        interval.start().day().epoch_days(),
        last.epoch_days()
    ])?;
    while let Some(row) = rows.next()? {
        let day = Day::from_epoch_days(row.get(1)?);
        let sheet = DaySheet::from_row(row, 0)?;
        if sheet
            .entries()
            .any(|(_, entry)| entry.hours.iter(day).any(|hour| interval.contains(hour)))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// From the first hour in which a slice has records to the end of its last; nothing without records.
pub(super) fn used_hours(connection: &Connection, slice: Slice) -> Result<Option<HourInterval>, StoreError> {
    let mut used: Option<HourInterval> = None;
    for block in blocks_of(connection, slice.of)? {
        let Some(first) = end_of_records(connection, block, slice.interval, End::First)? else {
            continue;
        };
        let last = end_of_records(connection, block, slice.interval, End::Last)?.unwrap_or(first);
        let hull = used.map_or((first.start(), last.end()), |used| {
            (used.start().min(first.start()), used.end().max(last.end()))
        });
        used = HourInterval::new(hull.0, hull.1);
    }
    Ok(used)
}

/// Which end of the records is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    First,
    Last,
}

/// The hours of the record of a block that starts first of those in an interval, or of the one that ends last.
fn end_of_records(
    connection: &Connection,
    block: BlockId,
    interval: HourInterval,
    end: End,
) -> Result<Option<HourInterval>, StoreError> {
    let mut statement = connection.prepare_cached(match end {
        End::First => {
            "SELECT body, day FROM day_sheet INDEXED BY day_sheet_of_block
             WHERE block = ?1 AND day BETWEEN ?2 AND ?3 ORDER BY day"
        }
        End::Last => {
            "SELECT body, day FROM day_sheet INDEXED BY day_sheet_of_block
             WHERE block = ?1 AND day BETWEEN ?2 AND ?3 ORDER BY day DESC"
        }
    })?;
    let last_day = interval.end().plus(-1).day();
    let mut rows = statement.query(params![
        block,
        interval.start().day().epoch_days(),
        last_day.epoch_days()
    ])?;
    while let Some(row) = rows.next()? {
        let day = Day::from_epoch_days(row.get(1)?);
        let sheet = DaySheet::from_row(row, 0)?;
        let records = sheet.entries().flat_map(|(_, entry)| {
            let starts = entry.hours.iter(day).filter(|hour| interval.contains(*hour));
            starts.filter_map(|start| HourInterval::new(start, start.plus(entry.granularity.hours())))
        });
        let found = match end {
            End::First => records.min_by_key(|record| record.start()),
            End::Last => records.max_by_key(|record| record.end()),
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Which meters series measure. Remembers those it has looked up.
pub(super) struct Meters<'c> {
    connection: &'c Connection,
    known: HashMap<MeterRow, LocalMeterId>,
}

impl<'c> Meters<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            known: HashMap::new(),
        }
    }

    /// The meters of a block's series, by slot.
    pub(super) fn of_block(&mut self, block: BlockId) -> Result<[Option<LocalMeterId>; SLOTS], StoreError> {
        let mut meters = [None; SLOTS];
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, local_meter FROM series WHERE id BETWEEN ?1 AND ?2")?;
        let mut rows = statement.query(params![block.series(0), block.series(SLOTS - 1)])?;
        while let Some(row) = rows.next()? {
            let series: SeriesId = row.get(0)?;
            meters[series.slot()] = Some(self.get(row.get(1)?)?);
        }
        Ok(meters)
    }

    pub(super) fn get(&mut self, row: MeterRow) -> Result<LocalMeterId, StoreError> {
        if let Some(meter) = self.known.get(&row) {
            return Ok(*meter);
        }
        let mut statement = self
            .connection
            .prepare_cached("SELECT meter_id FROM local_meter WHERE id = ?1")?;
        let meter = LocalMeterId::from_bytes(statement.query_row([row], |row| row.get(0))?);
        self.known.insert(row, meter);
        Ok(meter)
    }
}
