//! What was consumed: whole days from their totals, and records only where an interval cuts a day.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use domain::ids::{CloudId, LocalMeterId};
use domain::quantity::{Quantity, QuantitySum};
use domain::time::{Day, Hour, HourInterval};

use super::as_of::{self, Asked, Changed, Limit, Upto};
use super::ids::{BlockId, Place, SLOTS, SeriesId};
use super::lookups::{self, Meters};
use super::sheet::HoursOfDay;
use super::total::Total;
use crate::error::StoreError;
use crate::transaction::{Transaction, Which, values};
use crate::usage::{LocalSubscriptionKey, MeterTotal, ResourceSum, Slice, SliceSum};

/// The local subscriptions whose usage is summed at one time.
const AT_ONE_TIME: usize = 64;

/// What was consumed in each of the slices.
pub(super) fn sums(transaction: &dyn Transaction, slices: &[Slice]) -> Result<Vec<SliceSum>, StoreError> {
    sums_by(Adder::new(transaction), slices)
}

/// What was consumed in each of the slices when stacks had the receipts up to their marks.
pub(super) fn sums_at(
    transaction: &dyn Transaction,
    slices: &[Slice],
    marks: &[(CloudId, u64)],
) -> Result<Vec<SliceSum>, StoreError> {
    sums_by(Adder::of(transaction, slices, marks)?, slices)
}

/// What each resource consumed in each of the slices when stacks had the receipts up to their marks.
pub(super) fn resource_sums_at(
    transaction: &dyn Transaction,
    slices: &[Slice],
    marks: &[(CloudId, u64)],
) -> Result<Vec<ResourceSum>, StoreError> {
    let mut adder = Adder::of(transaction, slices, marks)?;
    let mut sums = Vec::new();
    for (number, part) in slices.chunks(AT_ONE_TIME).enumerate() {
        let mut by_series: BTreeMap<(usize, SeriesId), (LocalMeterId, Sum)> = BTreeMap::new();
        adder.add_up(part, &mut |slice, series, local_meter, sum| {
            let nothing = || (local_meter, Sum::default());
            by_series
                .entry((slice, series))
                .or_insert_with(nothing)
                .1
                .add(sum);
        })?;
        let keys: Vec<_> = by_series.keys().map(|(_, series)| values![*series]).collect();
        let sql = "SELECT resource_uri FROM series WHERE id = ?1";
        let resources: Vec<Option<String>> = transaction.row_each(sql, &keys, |row| row.get(0))?;
        for (((slice, _), (local_meter, sum)), resource) in by_series.into_iter().zip(resources) {
            let resource = resource.ok_or_else(|| StoreError::corrupt("a record belongs to no series"))?;
            sums.push(ResourceSum {
                slice: number * AT_ONE_TIME + slice,
                local_meter,
                resource_uri: Arc::from(resource),
                quantity: sum.quantity(),
            });
        }
    }
    Ok(sums)
}

fn sums_by(mut adder: Adder<'_>, slices: &[Slice]) -> Result<Vec<SliceSum>, StoreError> {
    let mut sums = Vec::new();
    for (number, part) in slices.chunks(AT_ONE_TIME).enumerate() {
        for (place, by_meter) in adder.sums(part)?.into_iter().enumerate() {
            let slice = number * AT_ONE_TIME + place;
            let sum = |(local_meter, sum): (LocalMeterId, Sum)| SliceSum {
                slice,
                local_meter,
                quantity: sum.quantity(),
                records: sum.records,
            };
            sums.extend(by_meter.into_iter().map(sum));
        }
    }
    Ok(sums)
}

/// The local subscriptions with a record that starts in an interval, in order, when stacks had the receipts up to their marks.
pub(super) fn local_subscriptions_at(
    transaction: &dyn Transaction,
    interval: HourInterval,
    marks: &[(CloudId, u64)],
) -> Result<Vec<LocalSubscriptionKey>, StoreError> {
    let mut adder = Adder::at(transaction, as_of::upto(transaction, marks)?);
    let mut found = lookups::with_records(transaction, None, interval)?;
    found.retain(|of| !matches!(adder.upto(of), Upto::Nothing));
    let mut without = BTreeSet::new();
    for part in found.chunks(AT_ONE_TIME) {
        let changed = adder.changed_in(part, interval)?;
        let slices: Vec<Slice> = changed.iter().map(|of| Slice { of: *of, interval }).collect();
        let sums = adder.sums(&slices)?;
        let none = changed.iter().zip(sums).filter(|(_, sums)| sums.is_empty());
        without.extend(none.map(|(of, _)| *of));
    }
    found.retain(|of| !without.contains(of));
    Ok(found)
}

/// The local subscriptions with a record that starts in an interval about which anything may have been said after the marks of
/// stacks, in order.
pub(super) fn local_subscriptions_after(
    transaction: &dyn Transaction,
    interval: HourInterval,
    marks: &[(CloudId, u64)],
) -> Result<Vec<LocalSubscriptionKey>, StoreError> {
    let upto = as_of::upto(transaction, marks)?;
    let (_, last) = lookups::days_of(interval);
    let is_silent = |stack: &CloudId| match upto.get(stack) {
        Some(Upto::Everything) => true,
        Some(Upto::Batch(limit)) => limit.nothing_until(last),
        Some(Upto::Nothing) | None => false,
    };
    // Mostly nothing is late, and then no block is looked at.
    if lookups::stacks(transaction)?.iter().all(is_silent) {
        return Ok(Vec::new());
    }
    let adder = Adder::at(transaction, upto);
    let found = lookups::with_records(transaction, None, interval)?;
    let mut after = BTreeSet::new();
    for part in found.chunks(AT_ONE_TIME) {
        after.extend(adder.changed_in(part, interval)?);
    }
    let is_after = |of: &LocalSubscriptionKey| matches!(adder.upto(of), Upto::Nothing) || after.contains(of);
    Ok(found.into_iter().filter(is_after).collect())
}

/// What was consumed in an interval, by stack and meter.
pub(super) fn meter_totals(
    transaction: &dyn Transaction,
    interval: HourInterval,
) -> Result<Vec<MeterTotal>, StoreError> {
    let mut adder = Adder::new(transaction);
    let mut totals: BTreeMap<(CloudId, LocalMeterId), Sum> = BTreeMap::new();
    for part in lookups::local_subscriptions(transaction)?.chunks(AT_ONE_TIME) {
        let slices: Vec<Slice> = part.iter().map(|of| Slice { of: *of, interval }).collect();
        for (of, by_meter) in part.iter().zip(adder.sums(&slices)?) {
            for (local_meter, sum) in by_meter {
                totals.entry((of.stack, local_meter)).or_default().add(&sum);
            }
        }
    }
    let total = |((stack, local_meter), sum): ((CloudId, LocalMeterId), Sum)| MeterTotal {
        stack,
        local_meter,
        quantity: sum.quantity(),
        records: sum.records,
    };
    Ok(totals.into_iter().map(total).collect())
}

/// A sum, and of how many records.
#[derive(Clone)]
struct Sum {
    total: Total,
    records: u64,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            total: Total::ZERO,
            records: 0,
        }
    }
}

impl Sum {
    fn add(&mut self, other: &Self) {
        self.total.add(&other.total);
        self.records += other.records;
    }

    fn quantity(&self) -> QuantitySum {
        self.total.to_sum()
    }
}

type ByMeter = BTreeMap<LocalMeterId, Sum>;
/// Sums by slot of one block.
type BySlot = [Option<Sum>; SLOTS];

struct Block {
    id: BlockId,
    meters: [Option<LocalMeterId>; SLOTS],
}

struct Adder<'t> {
    transaction: &'t dyn Transaction,
    meters: Meters<'t>,
    /// The blocks asked for last: slices of one local subscription come together.
    blocks: BTreeMap<LocalSubscriptionKey, Vec<Block>>,
    /// Which receipts of each stack are asked about, if not all are.
    upto: Option<BTreeMap<CloudId, Upto>>,
}

/// A block of a slice, by the place of that, and up to where its records are asked for.
#[derive(Clone, Copy)]
struct Wanted<'b> {
    slice: usize,
    block: &'b Block,
    limit: Option<Limit>,
}

impl<'t> Adder<'t> {
    fn new(transaction: &'t dyn Transaction) -> Self {
        Self {
            transaction,
            meters: Meters::new(transaction),
            blocks: BTreeMap::new(),
            upto: None,
        }
    }

    /// Of what was consumed in some slices when stacks had the receipts up to their marks.
    fn of(
        transaction: &'t dyn Transaction,
        slices: &[Slice],
        marks: &[(CloudId, u64)],
    ) -> Result<Self, StoreError> {
        let stacks: BTreeSet<CloudId> = slices.iter().map(|slice| slice.of.stack).collect();
        let marks = marks.iter().filter(|(stack, _)| stacks.contains(stack));
        let marks: Vec<(CloudId, u64)> = marks.copied().collect();
        Ok(Self::at(transaction, as_of::upto(transaction, &marks)?))
    }

    fn at(transaction: &'t dyn Transaction, upto: BTreeMap<CloudId, Upto>) -> Self {
        Self {
            upto: Some(upto),
            ..Self::new(transaction)
        }
    }

    /// Which receipts of the stack of a local subscription are asked about.
    fn upto(&self, of: &LocalSubscriptionKey) -> Upto {
        match &self.upto {
            None => Upto::Everything,
            Some(upto) => upto.get(&of.stack).copied().unwrap_or(Upto::Nothing),
        }
    }

    /// Those of some local subscriptions about whose days in an interval something came after what is asked about.
    fn changed_in(
        &self,
        of: &[LocalSubscriptionKey],
        interval: HourInterval,
    ) -> Result<Vec<LocalSubscriptionKey>, StoreError> {
        let limited = of.iter().filter_map(|of| match self.upto(of) {
            Upto::Batch(limit) => Some((*of, limit)),
            Upto::Nothing | Upto::Everything => None,
        });
        let (limited, limits): (Vec<LocalSubscriptionKey>, Vec<Limit>) = limited.unzip();
        let blocks = lookups::blocks_of(self.transaction, &limited)?;
        let blocks = blocks
            .iter()
            .enumerate()
            .flat_map(|(place, blocks)| blocks.iter().map(move |block| (place, *block)));
        let blocks: Vec<(usize, BlockId)> = blocks.collect();
        let with_limits = blocks.iter().map(|(place, block)| (*block, Some(limits[*place])));
        let days = lookups::days_of(interval);
        let changed = Changed::read(self.transaction, with_limits, days)?;
        let changed = blocks
            .iter()
            .enumerate()
            .filter(|(at, _)| !changed.nothing_until(*at, days.1));
        let places: BTreeSet<usize> = changed.map(|(_, (place, _))| *place).collect();
        Ok(places.into_iter().map(|place| limited[place]).collect())
    }

    /// What was consumed in each of a few slices.
    fn sums(&mut self, slices: &[Slice]) -> Result<Vec<ByMeter>, StoreError> {
        let mut sums = vec![ByMeter::new(); slices.len()];
        self.add_up(slices, &mut |slice, _, meter, sum| {
            sums[slice].entry(meter).or_default().add(sum);
        })?;
        Ok(sums)
    }

    /// Adds up what was consumed in each of a few slices, series by series.
    fn add_up(&mut self, slices: &[Slice], each: &mut Each<'_>) -> Result<(), StoreError> {
        self.look_up_blocks(slices)?;
        let mut by_interval: BTreeMap<(Hour, Hour), Vec<Wanted<'_>>> = BTreeMap::new();
        for (slice, Slice { of, interval }) in slices.iter().enumerate() {
            let limit = match self.upto(of) {
                Upto::Nothing => continue,
                Upto::Everything => None,
                Upto::Batch(limit) => Some(limit),
            };
            let blocks = self.blocks.get(of).into_iter().flatten();
            by_interval
                .entry((interval.start(), interval.end()))
                .or_default()
                .extend(blocks.map(|block| Wanted { slice, block, limit }));
        }
        for ((start, end), blocks) in by_interval {
            for blocks in blocks.chunks(AT_ONE_TIME) {
                add(self.transaction, blocks, start..end, each)?;
            }
        }
        Ok(())
    }

    fn look_up_blocks(&mut self, slices: &[Slice]) -> Result<(), StoreError> {
        let mut wanted: Vec<LocalSubscriptionKey> = slices.iter().map(|slice| slice.of).collect();
        wanted.sort_unstable();
        wanted.dedup();
        self.blocks.retain(|of, _| wanted.binary_search(of).is_ok());
        wanted.retain(|of| !self.blocks.contains_key(of));
        let ids = lookups::blocks_of(self.transaction, &wanted)?;
        let mut meters = self.meters.of_blocks(&ids.concat())?.into_iter();
        for (of, ids) in wanted.into_iter().zip(ids) {
            let blocks = ids
                .into_iter()
                .zip(&mut meters)
                .map(|(id, meters)| Block { id, meters });
            self.blocks.insert(of, blocks.collect());
        }
        Ok(())
    }
}

/// What takes in what a series consumed in a slice.
type Each<'e> = dyn FnMut(usize, SeriesId, LocalMeterId, &Sum) + 'e;

/// Adds up what blocks have in an interval, for the slices they belong to.
fn add(
    transaction: &dyn Transaction,
    blocks: &[Wanted<'_>],
    interval: Range<Hour>,
    each: &mut Each<'_>,
) -> Result<(), StoreError> {
    let of_interval = (interval.start.day(), interval.end.plus(-1).day());
    let with_limits = blocks.iter().map(|it| (it.block.id, it.limit));
    let changed = Changed::read(transaction, with_limits, of_interval)?;
    // Where other sayings may have counted.
    let mut asked: Vec<Asked> = Vec::new();
    let (days, hours) = whole_days_and_hours(interval);
    let mut by_block: Vec<BySlot> = vec![[const { None }; SLOTS]; blocks.len()];
    let ids: Vec<BlockId> = blocks.iter().map(|it| it.block.id).collect();
    if let Some((first, last)) = days {
        transaction.day_sheets_of(&ids, (first, last), Which::All, &mut |place, day, sheet| {
            if let Some(limit) = changed.limit_on(place, day) {
                let mut hours = HoursOfDay::default();
                sheet.entries().for_each(|(_, entry)| hours.union(entry.hours));
                let block = ids[place];
                asked.push(Asked {
                    place,
                    block,
                    day,
                    hours,
                    limit,
                });
                return Ok(());
            }
            for (slot, entry) in sheet.entries() {
                let sum = by_block[place][slot].get_or_insert_default();
                sum.total.add(&entry.total);
                sum.records += u64::from(entry.hours.count());
            }
            Ok(())
        })?;
    }
    let (mut hours_of_blocks, mut places): (Vec<Place<Hour>>, Vec<usize>) = (Vec::new(), Vec::new());
    for hour in hours {
        for (place, block) in ids.iter().enumerate() {
            if let Some(limit) = changed.limit_on(place, hour.day()) {
                let mut hours = HoursOfDay::default();
                hours.insert(hour.day(), hour);
                asked.push(Asked {
                    place,
                    block: *block,
                    day: hour.day(),
                    hours,
                    limit,
                });
            } else {
                hours_of_blocks.push((hour, *block));
                places.push(place);
            }
        }
    }
    let mut add_record = |place: usize, slot: usize, quantity: Quantity| {
        let sum: &mut Sum = by_block[place][slot].get_or_insert_default();
        sum.total.add_quantity(quantity);
        sum.records += 1;
    };
    transaction.hour_sheets(&hours_of_blocks, &mut |at, sheet| {
        for (slot, cell) in sheet.entries() {
            add_record(places[at], slot, cell.quantity);
        }
    })?;
    as_of::counting(transaction, &asked, &mut add_record)?;
    for (Wanted { slice, block, .. }, by_slot) in blocks.iter().zip(by_block) {
        for (slot, sum) in by_slot.iter().enumerate() {
            let Some(sum) = sum else { continue };
            let meter =
                block.meters[slot].ok_or_else(|| StoreError::corrupt("a record belongs to no series"))?;
            each(*slice, block.id.series(slot), meter, sum);
        }
    }
    Ok(())
}

/// The days that lie in an interval as a whole, the first and the last of them, and the other hours.
pub(super) fn whole_days_and_hours(
    interval: Range<Hour>,
) -> (Option<(Day, Day)>, impl Iterator<Item = Hour>) {
    let (start, end) = (interval.start, interval.end);
    let first = start.plus(23).day();
    let (from, until) = if first < end.day() {
        (first.first_hour(), end.day().first_hour())
    } else {
        (end, end)
    };
    let hours = (start.epoch_hours()..from.epoch_hours()).chain(until.epoch_hours()..end.epoch_hours());
    let days = (from < until).then(|| (from.day(), Day::from_epoch_days(until.day().epoch_days() - 1)));
    (days, hours.filter_map(Hour::from_epoch_hours))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_hour_of_an_interval_lies_in_one_whole_day_or_stands_alone(start in 0i32..100, length in 1i32..120) {
            let hour = |hours| Hour::from_epoch_hours(hours).unwrap();
            let (days, hours) = whole_days_and_hours(hour(start)..hour(start + length));
            let mut all: Vec<i32> = hours.map(Hour::epoch_hours).collect();
            prop_assert!(all.len() < 47, "the rest of a day before, and of a day after");
            if let Some((first, last)) = days {
                prop_assert!(first <= last);
                all.extend(24 * first.epoch_days()..24 * (last.epoch_days() + 1));
            }
            all.sort_unstable();
            prop_assert_eq!(all, (start..start + length).collect::<Vec<_>>());
        }
    }

    #[test]
    fn all_time_is_whole_days() {
        let always = HourInterval::ALWAYS;
        let (days, hours) = whole_days_and_hours(always.start()..always.end());
        let (first, last) = days.unwrap();
        assert_eq!(
            (hours.count(), first.epoch_days(), last.epoch_days()),
            (0, 0, 2_932_896)
        );
    }
}
