//! Finds what the ledger has, for those who read.

use std::collections::{BTreeSet, HashMap};

use domain::ids::{CloudId, LocalMeterId};
use domain::time::{Day, Hour, HourInterval};

use super::ids::{BlockId, MeterRow, SLOTS, SeriesId};
use super::sheet::{DayEntry, DaySheet};
use super::stacks::{Stack, stack_columns};
use super::sums::whole_days_and_hours;
use crate::error::StoreError;
use crate::transaction::{Columns, Transaction, Which, values};
use crate::usage::{LocalSubscriptionKey, Slice};

/// Of the sheets of totals in an interval only those of its first and last day can be without a record in it, so that
/// two of them tell where the records begin or end.
const FOR_AN_END: u32 = 2;

/// The stacks that have delivered, in order.
pub(super) fn stacks(transaction: &dyn Transaction) -> Result<Vec<CloudId>, StoreError> {
    let sql = "SELECT cloud_id FROM stack WHERE sequence > 0 ORDER BY cloud_id";
    transaction.rows(sql, &[], |row| row.get(0))
}

/// Reads what no delivery can do without: all stacks, and the end of whatever is added to.
///
/// # Errors
/// If it cannot be read. What else may be damaged keeps those from being answered who need it, and nobody else.
pub(super) fn what_every_delivery_needs(transaction: &dyn Transaction) -> Result<(), StoreError> {
    let stack = concat!("SELECT ", stack_columns!(), " FROM stack");
    transaction.rows(stack, &[], Stack::from_row)?;
    let ends = [
        "SELECT max(version) FROM schema_version",
        "SELECT max(id) FROM batch",
        "SELECT max(id) FROM series",
        "SELECT max(position) FROM quarantine",
    ];
    let end = |row: &dyn Columns| row.optional::<u64>(0);
    ends.iter()
        .try_for_each(|sql| transaction.rows(sql, &[], end).map(drop))
}

/// The furthest hour up to which a stack has declared to have reported everything.
pub(super) fn watermark(transaction: &dyn Transaction, stack: CloudId) -> Result<Option<Hour>, StoreError> {
    let sql = "SELECT reported_through FROM stack WHERE cloud_id = ?1";
    let through = transaction.row(sql, &values![stack.as_bytes()], |row| row.optional(0))?;
    Ok(through.flatten())
}

/// All local subscriptions, in order.
pub(super) fn local_subscriptions(
    transaction: &dyn Transaction,
) -> Result<Vec<LocalSubscriptionKey>, StoreError> {
    let sql = "SELECT cloud_id, subscription_id FROM local_subscription
         JOIN stack ON stack.id = local_subscription.stack ORDER BY cloud_id, subscription_id";
    transaction.rows(sql, &[], key)
}

fn key(row: &dyn Columns) -> Result<LocalSubscriptionKey, StoreError> {
    Ok(LocalSubscriptionKey {
        stack: row.get(0)?,
        local_subscription: row.get(1)?,
    })
}

/// The blocks of each of some local subscriptions, in order; none of one that is unknown.
pub(super) fn blocks_of(
    transaction: &dyn Transaction,
    of: &[LocalSubscriptionKey],
) -> Result<Vec<Vec<BlockId>>, StoreError> {
    let keys: Vec<_> = of
        .iter()
        .map(|of| values![of.stack.as_bytes(), of.local_subscription.as_bytes()])
        .collect();
    let mut blocks = vec![Vec::new(); of.len()];
    transaction.each(
        "SELECT block.id FROM block
         JOIN local_subscription ON local_subscription.id = block.local_subscription
         JOIN stack ON stack.id = local_subscription.stack
         WHERE cloud_id = ?1 AND subscription_id = ?2 ORDER BY block.id",
        &keys,
        &mut |place, row| {
            blocks[place].push(row.get(0)?);
            Ok(())
        },
    )?;
    Ok(blocks)
}

/// What is known of the blocks of one stack, or of all, in the order of the local subscriptions they belong to.
macro_rules! blocks {
    ($column:expr, $condition:literal) => {
        concat!(
            "SELECT cloud_id, subscription_id, ",
            $column,
            " FROM block
             JOIN local_subscription ON local_subscription.id = block.local_subscription
             JOIN stack ON stack.id = local_subscription.stack ",
            $condition,
            " ORDER BY cloud_id, subscription_id, block.id"
        )
    };
}

/// The blocks of one stack, or of all, with the local subscriptions they belong to.
pub(super) fn all_blocks(
    transaction: &dyn Transaction,
    stack: Option<CloudId>,
) -> Result<Vec<(LocalSubscriptionKey, BlockId)>, StoreError> {
    let block = |row: &dyn Columns| Ok((key(row)?, row.get(2)?));
    match stack {
        Some(stack) => transaction.rows(
            blocks!("block.id", "WHERE cloud_id = ?1"),
            &values![stack.as_bytes()],
            block,
        ),
        None => transaction.rows(blocks!("block.id", ""), &[], block),
    }
}

/// The local subscriptions of one stack, or of all, with a record that starts on one of the days from `first` to `last`.
/// There is no sheet without a record, so that none has to be read.
fn with_sheets(
    transaction: &dyn Transaction,
    stack: Option<CloudId>,
    (first, last): (Day, Day),
) -> Result<BTreeSet<LocalSubscriptionKey>, StoreError> {
    macro_rules! one_day {
        () => {
            "(SELECT day FROM day_sheet WHERE day_sheet.block = block.id AND day BETWEEN ?1 AND ?2 LIMIT 1)"
        };
    }
    let block = |row: &dyn Columns| {
        let day: Option<Day> = row.optional(2)?;
        day.map(|_| key(row)).transpose()
    };
    let found = match stack {
        Some(stack) => transaction.rows(
            blocks!(one_day!(), "WHERE cloud_id = ?3"),
            &values![first, last, stack.as_bytes()],
            block,
        ),
        None => transaction.rows(blocks!(one_day!(), ""), &values![first, last], block),
    };
    Ok(found?.into_iter().flatten().collect())
}

/// The local subscriptions of one stack, or of all, with a record that starts in the interval, in order.
pub(super) fn with_records(
    transaction: &dyn Transaction,
    stack: Option<CloudId>,
    interval: HourInterval,
) -> Result<Vec<LocalSubscriptionKey>, StoreError> {
    let (days, hours) = whole_days_and_hours(interval.start()..interval.end());
    let mut found = match days {
        Some(days) => with_sheets(transaction, stack, days)?,
        None => BTreeSet::new(),
    };
    // The days of which the interval has a part.
    let cut: BTreeSet<Day> = hours.map(Hour::day).collect();
    if !cut.is_empty() {
        let mut blocks = all_blocks(transaction, stack)?;
        blocks.retain(|(of, _)| !found.contains(of));
        let (keys, blocks): (Vec<_>, Vec<_>) = blocks.into_iter().unzip();
        for day in cut {
            transaction.day_sheets_of(&blocks, (day, day), Which::All, &mut |place, day, sheet| {
                if records_in(&sheet, day, interval).next().is_some() {
                    found.insert(keys[place]);
                }
                Ok(())
            })?;
        }
    }
    Ok(found.into_iter().collect())
}

/// The first and the last day of an interval.
pub(super) fn days_of(interval: HourInterval) -> (Day, Day) {
    (interval.start().day(), interval.end().plus(-1).day())
}

/// The hours of a day's records, of those that start in an interval.
fn records_in(sheet: &DaySheet, day: Day, interval: HourInterval) -> impl Iterator<Item = HourInterval> {
    let of_entry = move |entry: &DayEntry| {
        let starts = entry.hours.iter(day).filter(move |hour| interval.contains(*hour));
        let hours = entry.granularity.hours();
        starts.filter_map(move |start| HourInterval::new(start, start.plus(hours)))
    };
    sheet.entries().flat_map(move |(_, entry)| of_entry(entry))
}

/// For each of some slices, from the first hour in which it has records to the end of its last; nothing without records.
pub(super) fn used_hours(
    transaction: &dyn Transaction,
    slices: &[Slice],
) -> Result<Vec<Option<HourInterval>>, StoreError> {
    let of: Vec<_> = slices.iter().map(|slice| slice.of).collect();
    let blocks = blocks_of(transaction, &of)?;
    let mut used = vec![None; slices.len()];
    for ((slice, blocks), used) in slices.iter().zip(&blocks).zip(&mut used) {
        let days = days_of(slice.interval);
        for which in [Which::First(FOR_AN_END), Which::Last(FOR_AN_END)] {
            transaction.day_sheets_of(blocks, days, which, &mut |_, day, sheet| {
                for record in records_in(&sheet, day, slice.interval) {
                    *used = hull(*used, record);
                }
                Ok(())
            })?;
        }
    }
    Ok(used)
}

fn hull(one: Option<HourInterval>, other: HourInterval) -> Option<HourInterval> {
    let Some(one) = one else { return Some(other) };
    HourInterval::new(one.start().min(other.start()), one.end().max(other.end()))
}

/// Which meters series measure. Remembers those it has looked up.
pub(super) struct Meters<'t> {
    transaction: &'t dyn Transaction,
    known: HashMap<MeterRow, LocalMeterId>,
}

impl<'t> Meters<'t> {
    pub(super) fn new(transaction: &'t dyn Transaction) -> Self {
        Self {
            transaction,
            known: HashMap::new(),
        }
    }

    /// The meters of the series of blocks, by slot.
    pub(super) fn of_blocks(
        &mut self,
        blocks: &[BlockId],
    ) -> Result<Vec<[Option<LocalMeterId>; SLOTS]>, StoreError> {
        let bounds: Vec<_> = blocks
            .iter()
            .map(|block| values![block.first_series(), block.series(SLOTS - 1)])
            .collect();
        let mut found: Vec<(usize, SeriesId, MeterRow)> = Vec::new();
        self.transaction.each(
            "SELECT id, local_meter FROM series WHERE id BETWEEN ?1 AND ?2",
            &bounds,
            &mut |place, row| {
                found.push((place, row.get(0)?, row.get(1)?));
                Ok(())
            },
        )?;
        self.look_up(found.iter().map(|(_, _, meter)| *meter))?;
        let mut meters = vec![[None; SLOTS]; blocks.len()];
        for (place, series, meter) in found {
            meters[place][series.slot()] = Some(self.known(meter)?);
        }
        Ok(meters)
    }

    /// Looks up those it does not remember.
    pub(super) fn look_up(&mut self, meters: impl Iterator<Item = MeterRow>) -> Result<(), StoreError> {
        let meters: BTreeSet<MeterRow> = meters.filter(|row| !self.known.contains_key(row)).collect();
        let keys: Vec<_> = meters.iter().map(|row| values![*row]).collect();
        let sql = "SELECT meter_id FROM local_meter WHERE id = ?1";
        let ids: Vec<Option<LocalMeterId>> = self.transaction.row_each(sql, &keys, |row| row.get(0))?;
        let found = meters
            .into_iter()
            .zip(ids)
            .filter_map(|(row, id)| Some((row, id?)));
        self.known.extend(found);
        Ok(())
    }

    /// One that was looked up.
    pub(super) fn known(&self, meter: MeterRow) -> Result<LocalMeterId, StoreError> {
        let known = self.known.get(&meter).copied();
        known.ok_or_else(|| StoreError::corrupt(format!("meter {} is not there", meter.0)))
    }
}
