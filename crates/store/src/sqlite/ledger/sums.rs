//! What was consumed: whole days from their totals, and records only where an interval cuts a day.

use std::collections::BTreeMap;
use std::ops::Range;

use domain::ids::{CloudId, LocalMeterId};
use domain::time::{Hour, HourInterval};
use rusqlite::{Connection, params};

use super::ids::{BlockId, SLOTS};
use super::lookups::{self, Meters};
use super::sheet::{DaySheet, stored_hour};
use super::total::Total;
use crate::error::StoreError;
use crate::usage::{LocalSubscriptionKey, MeterTotal, Slice, SliceSum};

/// What was consumed in each of the slices.
pub(super) fn sums(connection: &Connection, slices: &[Slice]) -> Result<Vec<SliceSum>, StoreError> {
    let mut adder = Adder::new(connection);
    let mut sums = Vec::new();
    for (slice, Slice { of, interval }) in slices.iter().enumerate() {
        let by_meter = adder.by_meter(*of, *interval)?;
        sums.extend(
            by_meter
                .into_iter()
                .map(|(local_meter, (total, records))| SliceSum {
                    slice,
                    local_meter,
                    quantity: total.to_sum(),
                    records,
                }),
        );
    }
    Ok(sums)
}

/// What was consumed in an interval, by stack and meter.
pub(super) fn meter_totals(
    connection: &Connection,
    interval: HourInterval,
) -> Result<Vec<MeterTotal>, StoreError> {
    let mut adder = Adder::new(connection);
    let mut totals: BTreeMap<(CloudId, LocalMeterId), (Total, u64)> = BTreeMap::new();
    for of in lookups::local_subscriptions(connection, None)? {
        for (local_meter, (total, records)) in adder.by_meter(of, interval)? {
            let sum = totals.entry((of.stack, local_meter)).or_insert((Total::ZERO, 0));
            sum.0.add(&total);
            sum.1 += records;
        }
    }
    let total =
        |((stack, local_meter), (total, records)): ((CloudId, LocalMeterId), (Total, u64))| MeterTotal {
            stack,
            local_meter,
            quantity: total.to_sum(),
            records,
        };
    Ok(totals.into_iter().map(total).collect())
}

type ByMeter = BTreeMap<LocalMeterId, (Total, u64)>;

struct Adder<'c> {
    connection: &'c Connection,
    meters: Meters<'c>,
    /// The blocks asked for last: slices of one local subscription come together.
    blocks: Option<(LocalSubscriptionKey, Vec<Block>)>,
}

struct Block {
    id: BlockId,
    meters: [Option<LocalMeterId>; SLOTS],
}

impl<'c> Adder<'c> {
    fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            meters: Meters::new(connection),
            blocks: None,
        }
    }

    fn by_meter(&mut self, of: LocalSubscriptionKey, interval: HourInterval) -> Result<ByMeter, StoreError> {
        let blocks = match self.blocks.take() {
            Some((same, blocks)) if same == of => blocks,
            _ => self.blocks_of(of)?,
        };
        let mut sums = ByMeter::new();
        for block in &blocks {
            for (slot, (total, records)) in block_sums(self.connection, block.id, interval)? {
                let meter =
                    block.meters[slot].ok_or_else(|| StoreError::corrupt("a record belongs to no series"))?;
                let sum = sums.entry(meter).or_insert((Total::ZERO, 0));
                sum.0.add(&total);
                sum.1 += records;
            }
        }
        self.blocks = Some((of, blocks));
        Ok(sums)
    }

    fn blocks_of(&mut self, of: LocalSubscriptionKey) -> Result<Vec<Block>, StoreError> {
        let ids = lookups::blocks_of(self.connection, of)?;
        ids.into_iter()
            .map(|id| {
                Ok(Block {
                    id,
                    meters: self.meters.of_block(id)?,
                })
            })
            .collect()
    }
}

/// Sums and numbers of records by slot, of the slots that have any.
fn block_sums(
    connection: &Connection,
    block: BlockId,
    interval: HourInterval,
) -> Result<impl Iterator<Item = (usize, (Total, u64))>, StoreError> {
    let mut slots: [Option<(Total, u64)>; SLOTS] = [const { None }; SLOTS];
    let (days, hours) = whole_days_and_hours(interval);
    let mut statement = connection.prepare_cached(
        "SELECT body FROM day_sheet INDEXED BY day_sheet_of_block WHERE block = ?1 AND day >= ?2 AND day < ?3",
    )?;
    let mut rows = statement.query(params![block, days.start, days.end])?;
    while let Some(row) = rows.next()? {
        for (slot, entry) in DaySheet::from_row(row, 0)?.entries() {
            let sum = slots[slot].get_or_insert((Total::ZERO, 0));
            sum.0.add(&entry.total);
            sum.1 += u64::from(entry.hours.count());
        }
    }
    for hour in hours {
        let Some(sheet) = stored_hour(connection, hour, block)? else {
            continue;
        };
        for (slot, cell) in sheet.entries() {
            let sum = slots[slot].get_or_insert((Total::ZERO, 0));
            sum.0.add_quantity(cell.quantity);
            sum.1 += 1;
        }
    }
    Ok(slots
        .into_iter()
        .enumerate()
        .filter_map(|(slot, sum)| Some((slot, sum?))))
}

/// The days that lie in an interval as a whole, by number, and the other hours.
fn whole_days_and_hours(interval: HourInterval) -> (Range<i32>, impl Iterator<Item = Hour>) {
    let (start, end) = (interval.start(), interval.end());
    let first = start.plus(23).day();
    let (from, until) = if first < end.day() {
        (first.first_hour(), end.day().first_hour())
    } else {
        (end, end)
    };
    let hours = (start.epoch_hours()..from.epoch_hours()).chain(until.epoch_hours()..end.epoch_hours());
    (
        from.day().epoch_days()..until.day().epoch_days(),
        hours.filter_map(Hour::from_epoch_hours),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_hour_of_an_interval_lies_in_one_whole_day_or_stands_alone(start in 0i32..100, length in 1i32..120) {
            let hour = |hours| Hour::from_epoch_hours(hours).unwrap();
            let interval = HourInterval::new(hour(start), hour(start + length)).unwrap();
            let (days, hours) = whole_days_and_hours(interval);
            let mut all: Vec<i32> = hours.map(Hour::epoch_hours).collect();
            prop_assert!(all.len() < 47, "the rest of a day before, and of a day after");
            all.extend(days.flat_map(|day| 24 * day..24 * (day + 1)));
            all.sort_unstable();
            prop_assert_eq!(all, (start..start + length).collect::<Vec<_>>());
        }
    }

    #[test]
    fn all_time_is_whole_days() {
        let (days, hours) = whole_days_and_hours(HourInterval::ALWAYS);
        assert_eq!((hours.count(), days), (0, 0..2_932_897));
    }
}
