//! The sheets that one transaction works on, in memory until they are written.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Spot;

use domain::time::{Day, Hour};
use rusqlite::{Connection, params};

use super::ids::BlockId;
use super::sheet::{Cell, DayEntry, DaySheet, Entry, HoursOfDay, Sheet, stored_day, stored_hour};
use super::total::Total;
use crate::error::StoreError;

/// The most sheets held at one time: about 16 MiB. Over it they are written and forgotten.
const SHEETS_MAX: usize = 4096;

/// A sheet, and whether it differs from what is stored.
struct Staged<T> {
    sheet: Sheet<T>,
    changed: bool,
}

/// One hour of a block. All changes of records go through here, so that totals are never out of step.
pub(super) struct Place<'s> {
    hour: Hour,
    records: &'s mut Staged<Cell>,
    totals: &'s mut Staged<DayEntry>,
}

impl Place<'_> {
    /// The record of a slot.
    pub(super) fn cell(&self, slot: usize) -> Option<Cell> {
        self.records.sheet.entry(slot).copied()
    }

    /// Puts a record where none is.
    pub(super) fn add(&mut self, slot: usize, cell: Cell) {
        let Cell {
            granularity,
            quantity,
            ..
        } = cell;
        *self.records.sheet.entry_mut(slot) = Some(cell);
        let empty = DayEntry {
            granularity,
            hours: HoursOfDay::default(),
            total: Total::ZERO,
        };
        let entry = self.totals.sheet.entry_mut(slot).get_or_insert(empty);
        entry.hours.insert(self.hour.day(), self.hour);
        entry.total.add_quantity(quantity);
        (self.records.changed, self.totals.changed) = (true, true);
    }

    /// Puts another record of the same key in the place of the one that is there.
    pub(super) fn replace(&mut self, slot: usize, cell: Cell) -> Result<(), StoreError> {
        let before = self.records.sheet.entry_mut(slot).replace(cell);
        self.records.changed = true;
        if let (Some(before), Some(entry)) = (before, self.totals.sheet.entry_mut(slot))
            && before.quantity != cell.quantity
        {
            entry.total.subtract_quantity(before.quantity)?;
            entry.total.add_quantity(cell.quantity);
            self.totals.changed = true;
        }
        Ok(())
    }
}

/// The sheets of a transaction. Written in the order of their keys.
#[derive(Default)]
pub(super) struct Sheets {
    hours: BTreeMap<(i32, BlockId), Staged<Cell>>,
    days: BTreeMap<(i32, BlockId), Staged<DayEntry>>,
}

impl Sheets {
    /// The totals of a day.
    pub(super) fn day(
        &mut self,
        connection: &Connection,
        day: Day,
        block: BlockId,
    ) -> Result<&DaySheet, StoreError> {
        self.make_room(connection)?;
        Ok(&staged(&mut self.days, (day.epoch_days(), block), || {
            stored_day(connection, day, block)
        })?
        .sheet)
    }

    /// The records of an hour, with the totals of its day.
    pub(super) fn at(
        &mut self,
        connection: &Connection,
        hour: Hour,
        block: BlockId,
    ) -> Result<Place<'_>, StoreError> {
        self.make_room(connection)?;
        let day_key = (hour.day().epoch_days(), block);
        Ok(Place {
            hour,
            records: staged(&mut self.hours, (hour.epoch_hours(), block), || {
                stored_hour(connection, hour, block)
            })?,
            totals: staged(&mut self.days, day_key, || {
                stored_day(connection, hour.day(), block)
            })?,
        })
    }

    fn make_room(&mut self, connection: &Connection) -> Result<(), StoreError> {
        if self.hours.len() + self.days.len() < SHEETS_MAX {
            Ok(())
        } else {
            self.write(connection)
        }
    }

    /// Writes what has changed, and forgets all.
    pub(super) fn write(&mut self, connection: &Connection) -> Result<(), StoreError> {
        write(
            connection,
            &mut self.hours,
            "INSERT INTO hour_sheet (hour, block, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (hour, block) DO UPDATE SET body = excluded.body",
        )?;
        write(
            connection,
            &mut self.days,
            "INSERT INTO day_sheet (day, block, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (day, block) DO UPDATE SET body = excluded.body",
        )
    }
}

fn staged<T: Entry>(
    sheets: &mut BTreeMap<(i32, BlockId), Staged<T>>,
    key: (i32, BlockId),
    read: impl FnOnce() -> Result<Option<Sheet<T>>, StoreError>,
) -> Result<&mut Staged<T>, StoreError> {
    match sheets.entry(key) {
        Spot::Occupied(spot) => Ok(spot.into_mut()),
        Spot::Vacant(spot) => {
            let sheet = read()?.unwrap_or_else(Sheet::empty);
            Ok(spot.insert(Staged {
                sheet,
                changed: false,
            }))
        }
    }
}

fn write<T: Entry>(
    connection: &Connection,
    sheets: &mut BTreeMap<(i32, BlockId), Staged<T>>,
    sql: &str,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut body = Vec::new();
    while let Some(((time, block), staged)) = sheets.pop_first() {
        if staged.changed {
            body.clear();
            T::encode(&staged.sheet, &mut body);
            statement.execute(params![time, block, body])?;
        }
    }
    Ok(())
}
