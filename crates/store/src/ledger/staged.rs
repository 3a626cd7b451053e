//! The sheets that one transaction works on, in memory until they are written.

use std::collections::BTreeMap;

use domain::quantity::Quantity;
use domain::time::{Day, Hour};

use super::delivery::Row;
use super::ids::{BatchRow, BlockId, Place};
use super::sheet::{Cell, DayEntry, DaySheet, HourSheet, Sheet};
use crate::error::StoreError;
use crate::transaction::Transaction;

/// The most sheets held at one time: about 16 MiB. Over it they are written and forgotten.
const SHEETS_MAX: usize = 4096;
/// The most hours of blocks read at one time.
const READ_MAX: usize = 1024;

/// A sheet, and whether it differs from what is stored.
struct Staged<T> {
    sheet: Sheet<T>,
    changed: bool,
}

type OfPlaces<At, T> = BTreeMap<Place<At>, Staged<T>>;

/// One hour of a block. All changes of records go through here, so that totals are never out of step.
pub(super) struct HourOfBlock<'s> {
    hour: Hour,
    records: &'s mut Staged<Cell>,
    totals: &'s mut Staged<DayEntry>,
}

impl HourOfBlock<'_> {
    /// The record of a slot.
    pub(super) fn cell(&self, slot: usize) -> Option<Cell> {
        self.records.sheet.entry(slot).copied()
    }

    /// Puts a record where none is.
    pub(super) fn add(&mut self, slot: usize, cell: Cell) {
        *self.records.sheet.entry_mut(slot) = Some(cell);
        let entry = self.totals.sheet.entry_mut(slot);
        let entry = entry.get_or_insert(DayEntry::empty(cell.granularity));
        entry.hours.insert(self.hour.day(), self.hour);
        entry.total.add_quantity(cell.quantity);
        (self.records.changed, self.totals.changed) = (true, true);
    }

    /// Says that another saying of the record's key counts: this quantity, from this batch.
    pub(super) fn replace(
        &mut self,
        slot: usize,
        quantity: Quantity,
        batch: BatchRow,
    ) -> Result<(), StoreError> {
        let cell = self.records.sheet.entry_mut(slot).as_mut().ok_or_else(missing)?;
        let before = cell.quantity;
        (cell.quantity, cell.batch) = (quantity, batch);
        self.records.changed = true;
        if before != quantity {
            let entry = self.totals.sheet.entry_mut(slot).as_mut().ok_or_else(missing)?;
            entry.total.subtract_quantity(before)?;
            entry.total.add_quantity(quantity);
            self.totals.changed = true;
        }
        Ok(())
    }
}

/// The sheets of a transaction. Read ahead, many at one time, and written in the order of their places.
#[derive(Default)]
pub(super) struct Sheets {
    hours: OfPlaces<Hour, Cell>,
    days: OfPlaces<Day, DayEntry>,
}

impl Sheets {
    /// The totals of the first row's day. `rows` are those to be asked for from here on.
    pub(super) fn day(
        &mut self,
        transaction: &dyn Transaction,
        rows: &[Row],
    ) -> Result<&DaySheet, StoreError> {
        let place = self.place(transaction, rows)?;
        Ok(&place.totals.sheet)
    }

    /// The records of the first row's hour, with the totals of its day. `rows` are those to be asked for from here on.
    pub(super) fn place(
        &mut self,
        transaction: &dyn Transaction,
        rows: &[Row],
    ) -> Result<HourOfBlock<'_>, StoreError> {
        let row = rows.first().ok_or_else(missing)?;
        let (hour, block) = (row.said.start, row.series.block());
        if !self.hours.contains_key(&(hour, block)) {
            self.read(transaction, rows.iter())?;
        }
        Ok(HourOfBlock {
            hour,
            records: self.hours.get_mut(&(hour, block)).ok_or_else(missing)?,
            totals: self.days.get_mut(&(hour.day(), block)).ok_or_else(missing)?,
        })
    }

    /// Reads the sheets of the first rows that are not here.
    pub(super) fn read<'r>(
        &mut self,
        transaction: &dyn Transaction,
        rows: impl Iterator<Item = &'r Row>,
    ) -> Result<(), StoreError> {
        let mut hours = Vec::new();
        for row in rows {
            let place = (row.said.start, row.series.block());
            if hours.last() != Some(&place) && !self.hours.contains_key(&place) {
                hours.push(place);
                if hours.len() == READ_MAX {
                    break;
                }
            }
        }
        hours.sort_unstable();
        hours.dedup();
        if self.hours.len() + self.days.len() + 2 * hours.len() > SHEETS_MAX {
            self.write(transaction)?;
        }
        let mut days: Vec<Place<Day>> = hours.iter().map(|(hour, block)| (hour.day(), *block)).collect();
        days.sort_unstable();
        days.dedup();
        days.retain(|place| !self.days.contains_key(place));
        transaction.hour_sheets(&hours, &mut |at, sheet| hold(&mut self.hours, hours[at], sheet))?;
        transaction.day_sheets(&days, &mut |at, sheet| hold(&mut self.days, days[at], sheet))?;
        for place in hours {
            self.hours.entry(place).or_insert_with(nothing_stored);
        }
        for place in days {
            self.days.entry(place).or_insert_with(nothing_stored);
        }
        Ok(())
    }

    /// Writes what has changed, and forgets all.
    pub(super) fn write(&mut self, transaction: &dyn Transaction) -> Result<(), StoreError> {
        let hours: Vec<(Place<Hour>, &HourSheet)> = changed(&self.hours).collect();
        transaction.put_hour_sheets(&hours)?;
        let days: Vec<(Place<Day>, &DaySheet)> = changed(&self.days).collect();
        transaction.put_day_sheets(&days)?;
        *self = Self::default();
        Ok(())
    }
}

fn changed<At: Copy, T>(sheets: &OfPlaces<At, T>) -> impl Iterator<Item = ((At, BlockId), &Sheet<T>)> {
    let changed = sheets.iter().filter(|(_, staged)| staged.changed);
    changed.map(|(place, staged)| (*place, &staged.sheet))
}

fn hold<At: Ord, T>(sheets: &mut OfPlaces<At, T>, place: Place<At>, sheet: Sheet<T>) {
    let changed = false;
    sheets.insert(place, Staged { sheet, changed });
}

fn nothing_stored<T>() -> Staged<T> {
    Staged {
        sheet: Sheet::empty(),
        changed: false,
    }
}

fn missing() -> StoreError {
    StoreError::corrupt("a sheet that was read is not there")
}
