//! What counted when each stack had the receipts up to some number and no others.
//!
//! Sayings never vanish: one that counts no more is an observation, and which batch said something is kept with it. So of any
//! hour can be told what was said up to a batch, and which of that counted. What was said again and not kept was covered by
//! something that came before it, so it is missed by nobody.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::ids::CloudId;
use domain::quantity::Quantity;
use domain::time::{Day, Hour};

use super::ids::{BatchRow, BlockId, Place, SLOTS, SeriesId, StackRow};
use super::late;
use super::observations::{Saying, that_of_all_counts};
use super::records::Reported;
use super::sheet::{HourSheet, HoursOfDay};
use crate::error::StoreError;
use crate::transaction::{Transaction, values};

/// The days of blocks whose hours are looked at at one time: 3 MiB of sheets.
const DAYS_AT_ONE_TIME: usize = 32;

/// Which of a stack's receipts are asked about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Upto {
    /// None: it had not delivered yet.
    Nothing,
    /// All there are.
    Everything,
    /// Those up to one, after which others came.
    Batch(Limit),
}

/// The last receipt of a stack that is asked about, and what is known of those after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    batch: BatchRow,
    /// Of days before this one it is written down which of them those after it were about.
    noted_before: Day,
    /// Whether any of them was late.
    any_late: bool,
}

impl Limit {
    /// The batch of that receipt.
    pub(super) const fn batch(&self) -> BatchRow {
        self.batch
    }

    /// Whether nothing after it was about any day up to `last`.
    pub(super) fn nothing_until(&self, last: Day) -> bool {
        !self.any_late && !self.may_be_about(last)
    }

    /// Whether those after it may have been about this day without its being written down.
    fn may_be_about(&self, day: Day) -> bool {
        day >= self.noted_before
    }
}

/// Finds the marks of stacks among their batches. A stack that is not named has none.
pub(super) fn upto(
    transaction: &dyn Transaction,
    marks: &[(CloudId, u64)],
) -> Result<BTreeMap<CloudId, Upto>, StoreError> {
    let mut upto: BTreeMap<CloudId, Upto> = marks.iter().map(|(stack, _)| (*stack, Upto::Nothing)).collect();
    let stacks: Vec<_> = marks.iter().map(|(stack, _)| values![stack.as_bytes()]).collect();
    let sql = "SELECT id, sequence FROM stack WHERE cloud_id = ?1";
    let found: Vec<Option<(StackRow, u64)>> =
        transaction.row_each(sql, &stacks, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut limited: Vec<(CloudId, StackRow, u64)> = Vec::new();
    for ((stack, mark), found) in marks.iter().zip(found) {
        match found {
            Some((_, last)) if *mark >= last => {
                upto.insert(*stack, Upto::Everything);
            }
            Some((row, _)) if *mark > 0 => limited.push((*stack, row, *mark)),
            _ => {}
        }
    }
    for ((stack, ..), limit) in limited.iter().zip(limits(transaction, &limited)?) {
        upto.insert(*stack, Upto::Batch(limit));
    }
    Ok(upto)
}

/// Looks up the batches of stacks with these numbers, and what came after them.
fn limits(
    transaction: &dyn Transaction,
    limited: &[(CloudId, StackRow, u64)],
) -> Result<Vec<Limit>, StoreError> {
    let keys: Vec<_> = limited
        .iter()
        .map(|(_, row, mark)| values![*row, *mark])
        .collect();
    let sql = "SELECT id FROM batch WHERE stack = ?1 AND sequence = ?2";
    let batches: Vec<Option<BatchRow>> = transaction.row_each(sql, &keys, |row| row.get(0))?;
    // Of an instant so much that texts are in the order of the hours they name.
    let sql = "SELECT count(*) - count(late_days), CAST(coalesce(sum(late_days), 0) AS bigint),
               min(substr(received_at, 1, 13)) FROM batch WHERE stack = ?1 AND sequence > ?2";
    let after = transaction.row_each(sql, &keys, |row| {
        let (not_noted, late): (u64, u64) = (row.get(0)?, row.get(1)?);
        let received: Option<String> = row.optional(2)?;
        Ok((not_noted == 0, late > 0, received))
    })?;
    let mut limits = Vec::with_capacity(limited.len());
    for (((stack, _, mark), batch), after) in limited.iter().zip(batches).zip(after) {
        let (Some(batch), Some((all_noted, any_late, received))) = (batch, after) else {
            let gone = format!("receipt {mark} of stack {stack} is not there");
            return Err(StoreError::corrupt(gone));
        };
        let received: Option<Hour> = received.and_then(|hour| format!("{hour}:00:00Z").parse().ok());
        let noted_before = received.filter(|_| all_noted).map(late::before_by_hour);
        limits.push(Limit {
            batch,
            noted_before: noted_before.unwrap_or(Hour::MIN.day()),
            any_late,
        });
    }
    Ok(limits)
}

/// The days of some blocks, of which nothing can be told by totals.
pub(super) struct Changed {
    limits: Vec<Option<Limit>>,
    /// The days about which something came late.
    late: Vec<BTreeSet<Day>>,
}

impl Changed {
    /// Of blocks with their limits, if they have any; of the days from `first` to `last`.
    pub(super) fn read(
        transaction: &dyn Transaction,
        blocks: impl Iterator<Item = (BlockId, Option<Limit>)>,
        days: (Day, Day),
    ) -> Result<Self, StoreError> {
        let blocks: Vec<(BlockId, Option<Limit>)> = blocks.collect();
        let mut late = vec![BTreeSet::new(); blocks.len()];
        let (mut places, mut asked) = (Vec::new(), Vec::new());
        for (place, (block, limit)) in blocks.iter().enumerate() {
            if let Some(limit) = limit.filter(|it| it.any_late) {
                places.push(place);
                asked.push((*block, limit.batch));
            }
        }
        for (place, found) in places.iter().zip(late::days_after(transaction, &asked, days)?) {
            late[*place] = found;
        }
        let limits = blocks.into_iter().map(|(_, limit)| limit).collect();
        Ok(Self { limits, late })
    }

    /// The limit of a block, if something that came after it may have changed this day.
    pub(super) fn limit_on(&self, place: usize, day: Day) -> Option<Limit> {
        self.limits[place].filter(|limit| limit.may_be_about(day) || self.late[place].contains(&day))
    }

    /// Whether nothing came after the limit of a block about any of the days up to `last`.
    pub(super) fn nothing_until(&self, place: usize, last: Day) -> bool {
        self.late[place].is_empty() && self.limits[place].is_none_or(|limit| !limit.may_be_about(last))
    }
}

/// Hours of one day of a block of which is asked what counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Whatever the block is known by to who asks.
    pub(super) place: usize,
    pub(super) block: BlockId,
    pub(super) day: Day,
    pub(super) hours: HoursOfDay,
    pub(super) limit: Limit,
}

/// Which quantities counted: `each` gets the place, the slot and the quantity.
pub(super) fn counting(
    transaction: &dyn Transaction,
    asked: &[Asked],
    each: &mut dyn FnMut(usize, usize, Quantity),
) -> Result<(), StoreError> {
    let mut reported = Reported::default();
    for part in asked.chunks(DAYS_AT_ONE_TIME) {
        let hours = part
            .iter()
            .flat_map(|it| it.hours.iter(it.day).map(move |hour| (*it, hour)));
        counting_in(transaction, &hours.collect::<Vec<_>>(), &mut reported, each)?;
    }
    Ok(())
}

fn counting_in(
    transaction: &dyn Transaction,
    hours: &[(Asked, Hour)],
    reported: &mut Reported,
    each: &mut dyn FnMut(usize, usize, Quantity),
) -> Result<(), StoreError> {
    let places: Vec<Place<Hour>> = hours.iter().map(|(of, hour)| (*hour, of.block)).collect();
    let mut sheets: Vec<Option<HourSheet>> = vec![None; hours.len()];
    transaction.hour_sheets(&places, &mut |at, sheet| sheets[at] = Some(sheet))?;
    let mut others = others_up_to(transaction, hours)?;
    for (at, (sheet, (of, _))) in sheets.iter().zip(hours).enumerate() {
        for (slot, cell) in sheet.iter().flat_map(HourSheet::entries) {
            let mut said = others.remove(&(at, slot)).unwrap_or_default();
            let cell_said = cell.batch <= of.limit.batch;
            if said.is_empty() {
                if cell_said {
                    each(of.place, slot, cell.quantity);
                }
                continue;
            }
            if cell_said {
                let reported = reported.of(transaction, cell.batch)?;
                said.push(Saying::new(cell.quantity, reported, cell.batch));
            }
            if let Some(counts) = that_of_all_counts(&said) {
                each(of.place, slot, counts.observation.quantity);
            }
        }
    }
    Ok(())
}

/// What was said up to the limits beside what counts now, by the hour's place among these and by slot.
fn others_up_to(
    transaction: &dyn Transaction,
    hours: &[(Asked, Hour)],
) -> Result<HashMap<(usize, usize), Vec<Saying>>, StoreError> {
    let keys: Vec<_> = hours
        .iter()
        .map(|(of, hour)| {
            let (first, last) = (of.block.first_series(), of.block.series(SLOTS - 1));
            values![*hour, first, last, of.limit.batch]
        })
        .collect();
    let mut others: HashMap<(usize, usize), Vec<Saying>> = HashMap::new();
    transaction.each(
        "SELECT series, quantity, reported, batch FROM observation
         WHERE hour = ?1 AND series BETWEEN ?2 AND ?3 AND batch <= ?4",
        &keys,
        &mut |at, row| {
            let series: SeriesId = row.get(0)?;
            let saying = Saying::new(row.get(1)?, row.get(2)?, row.get(3)?);
            others.entry((at, series.slot())).or_default().push(saying);
            Ok(())
        },
    )?;
    Ok(others)
}
