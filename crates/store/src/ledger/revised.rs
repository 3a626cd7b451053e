//! Which records counted with another quantity when more receipts had come.

use std::collections::{BTreeMap, HashMap};

use domain::ids::{CloudId, LocalMeterId};
use domain::quantity::Quantity;
use domain::time::{Day, Hour, HourInterval};

use super::as_of::{self, Asked, Changed, Limit, Upto};
use super::ids::{BlockId, Place};
use super::lookups::{self, Meters};
use super::sheet::HoursOfDay;
use crate::error::StoreError;
use crate::transaction::{Transaction, Which};
use crate::usage::{Revised, Slice};

/// The slices, and the blocks of one, that are looked at at one time.
const AT_ONE_TIME: usize = 64;

/// A block of a slice, and up to where its records are asked for on both sides.
#[derive(Clone, Copy)]
struct Wanted {
    slice: usize,
    block: BlockId,
    then: Limit,
    now: Upto,
}

/// One hour of a block.
#[derive(Clone, Copy)]
struct OfHour {
    wanted: Wanted,
    hour: Hour,
}

/// How many records of each slice, by meter, counted with one quantity up to the marks of `then` and with another up to those of
/// `now`, where any did. Only the days are read about which something came after `then`.
pub(super) fn revised_between(
    transaction: &dyn Transaction,
    slices: &[Slice],
    then: &[(CloudId, u64)],
    now: &[(CloudId, u64)],
) -> Result<Vec<Revised>, StoreError> {
    let (then, now) = (as_of::upto(transaction, then)?, as_of::upto(transaction, now)?);
    let mut meters = Meters::new(transaction);
    let mut revised: BTreeMap<(usize, LocalMeterId), u64> = BTreeMap::new();
    for (number, part) in slices.chunks(AT_ONE_TIME).enumerate() {
        let of: Vec<_> = part.iter().map(|slice| slice.of).collect();
        let mut by_interval: BTreeMap<(Hour, Hour), Vec<Wanted>> = BTreeMap::new();
        for ((at, slice), blocks) in part.iter().enumerate().zip(lookups::blocks_of(transaction, &of)?) {
            // Of a stack of which nothing was known then nothing is revised, nor where nothing came after it.
            let (Some(Upto::Batch(then)), Some(now)) = (then.get(&slice.of.stack), now.get(&slice.of.stack))
            else {
                continue;
            };
            let (slice, interval) = (number * AT_ONE_TIME + at, slice.interval);
            let wanted = blocks.into_iter().map(|block| Wanted {
                slice,
                block,
                then: *then,
                now: *now,
            });
            let of_interval = by_interval.entry((interval.start(), interval.end())).or_default();
            of_interval.extend(wanted);
        }
        for ((start, end), wanted) in by_interval {
            let Some(interval) = HourInterval::new(start, end) else {
                continue;
            };
            for wanted in wanted.chunks(AT_ONE_TIME) {
                in_blocks(transaction, wanted, interval, &mut meters, &mut revised)?;
            }
        }
    }
    let of_slice = |((slice, local_meter), records)| Revised {
        slice,
        local_meter,
        records,
    };
    Ok(revised.into_iter().map(of_slice).collect())
}

fn in_blocks(
    transaction: &dyn Transaction,
    wanted: &[Wanted],
    interval: HourInterval,
    meters: &mut Meters<'_>,
    revised: &mut BTreeMap<(usize, LocalMeterId), u64>,
) -> Result<(), StoreError> {
    let (first, last) = lookups::days_of(interval);
    let with_limits = wanted.iter().map(|it| (it.block, Some(it.then)));
    let changed = Changed::read(transaction, with_limits, (first, last))?;
    let ids: Vec<BlockId> = wanted.iter().map(|it| it.block).collect();
    let mut hours: Vec<OfHour> = Vec::new();
    transaction.day_sheets_of(&ids, (first, last), Which::All, &mut |place, day, sheet| {
        if changed.limit_on(place, day).is_some() {
            let mut used = HoursOfDay::default();
            sheet.entries().for_each(|(_, entry)| used.union(entry.hours));
            let used = used.iter(day).filter(|hour| interval.contains(*hour));
            let wanted = wanted[place];
            hours.extend(used.map(|hour| OfHour { wanted, hour }));
        }
        Ok(())
    })?;
    if hours.is_empty() {
        return Ok(());
    }
    let mut before: HashMap<(usize, usize), Quantity> = HashMap::new();
    let then = hours
        .iter()
        .enumerate()
        .map(|(place, it)| asked(place, it, it.wanted.then));
    as_of::counting(
        transaction,
        &then.collect::<Vec<_>>(),
        &mut |place, slot, quantity| {
            before.insert((place, slot), quantity);
        },
    )?;
    let meters: HashMap<BlockId, _> = ids.iter().copied().zip(meters.of_blocks(&ids)?).collect();
    let mut without_meter = false;
    let mut compare = |place: usize, slot: usize, quantity: Quantity| {
        if before
            .get(&(place, slot))
            .is_none_or(|before| *before == quantity)
        {
            return;
        }
        let of: Wanted = hours[place].wanted;
        match meters.get(&of.block).and_then(|meters| meters[slot]) {
            Some(meter) => *revised.entry((of.slice, meter)).or_default() += 1,
            None => without_meter = true,
        }
    };
    let (mut limited, mut sheets, mut places): (Vec<Asked>, Vec<Place<Hour>>, Vec<usize>) =
        Default::default();
    for (place, it) in hours.iter().enumerate() {
        match it.wanted.now {
            Upto::Nothing => {}
            Upto::Batch(limit) => limited.push(asked(place, it, limit)),
            Upto::Everything => {
                sheets.push((it.hour, it.wanted.block));
                places.push(place);
            }
        }
    }
    as_of::counting(transaction, &limited, &mut compare)?;
    transaction.hour_sheets(&sheets, &mut |at, sheet| {
        for (slot, cell) in sheet.entries() {
            compare(places[at], slot, cell.quantity);
        }
    })?;
    if without_meter {
        return Err(StoreError::corrupt("a record belongs to no series"));
    }
    Ok(())
}

fn asked(place: usize, of: &OfHour, limit: Limit) -> Asked {
    let day: Day = of.hour.day();
    let mut hours = HoursOfDay::default();
    hours.insert(day, of.hour);
    Asked {
        place,
        block: of.wanted.block,
        day,
        hours,
        limit,
    }
}
