//! Sheets: what is kept of 64 series of one local subscription for one hour, or for one day.
//!
//! Neighbouring series are delivered together and billed together, so they are kept together: one row of the
//! database for up to 64 records, with a third of the bytes and a fraction of the work of a row each.
//!
//! A sheet begins with a mask of 8 bytes, least significant first, whose bits tell the slots taken. In an hour sheet
//! the row numbers of its batches follow. Then come the entries in the order of the slots. Numbers are written as
//! [`super::bytes`] writes them.

use domain::quantity::Quantity;
use domain::time::{Day, Hour};
use domain::usage::Granularity;
use rusqlite::{Connection, Row, params};

use super::bytes::{Input, from_be_bytes, put_bytes, put_number, trimmed};
use super::ids::{BatchRow, BlockId, SLOTS};
use super::total::Total;
use crate::error::StoreError;

/// An entry per slot, where there is one.
pub(super) struct Sheet<T>(Box<[Option<T>; SLOTS]>);

impl<T> Sheet<T> {
    pub(super) fn empty() -> Self {
        Self(Box::new([const { None }; SLOTS]))
    }

    pub(super) fn entry(&self, slot: usize) -> Option<&T> {
        self.0[slot].as_ref()
    }

    pub(super) fn entry_mut(&mut self, slot: usize) -> &mut Option<T> {
        &mut self.0[slot]
    }

    /// The entries there are, with their slots.
    pub(super) fn entries(&self) -> impl Iterator<Item = (usize, &T)> {
        self.0
            .iter()
            .enumerate()
            .filter_map(|(slot, entry)| Some((slot, entry.as_ref()?)))
    }

    fn put_mask(&self, out: &mut Vec<u8>) {
        let mask = self.entries().fold(0u64, |mask, (slot, _)| mask | 1 << slot);
        out.extend_from_slice(&mask.to_le_bytes());
    }

    fn read(mask: u64, mut entry: impl FnMut() -> Option<T>) -> Option<Self> {
        let mut sheet = Self::empty();
        let taken = |slot: &usize| mask & 1 << slot != 0;
        for slot in (0..SLOTS).filter(taken) {
            sheet.0[slot] = Some(entry()?);
        }
        Some(sheet)
    }
}

/// What a sheet can be made of.
pub(super) trait Entry: Sized {
    fn encode(sheet: &Sheet<Self>, out: &mut Vec<u8>);

    /// The sheet of these bytes, or nothing if no sheet was ever written so.
    fn decode(bytes: &[u8]) -> Option<Sheet<Self>>;
}

impl<T: Entry> Sheet<T> {
    /// The sheet in a column of a row.
    pub(super) fn from_row(row: &Row<'_>, column: usize) -> Result<Self, StoreError> {
        let body = row
            .get_ref(column)?
            .as_blob()
            .map_err(|error| StoreError::corrupt(error.to_string()))?;
        Self::from_bytes(body)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        T::decode(bytes).ok_or_else(|| StoreError::corrupt("a sheet of records or totals cannot be read"))
    }
}

/// The record of a series that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) quantity: Quantity,
    pub(super) granularity: Granularity,
    /// The batch that said so at the earliest reported time.
    pub(super) batch: BatchRow,
}

/// Records by their usage start.
pub(super) type HourSheet = Sheet<Cell>;

// The first byte of a cell: its scale, and
const OF_DAY: u8 = 0x80;
const OTHER_BATCH: u8 = 0x40;
const SCALE_MASK: u8 = 0x3f;

impl Entry for Cell {
    fn encode(sheet: &HourSheet, out: &mut Vec<u8>) {
        sheet.put_mask(out);
        let mut batches: Vec<BatchRow> = Vec::new();
        for (_, cell) in sheet.entries() {
            if !batches.contains(&cell.batch) {
                batches.push(cell.batch);
            }
        }
        put_number(out, batches.len() as u64);
        batches.iter().for_each(|batch| put_number(out, batch.0));
        for (_, cell) in sheet.entries() {
            let place = batches
                .iter()
                .position(|batch| *batch == cell.batch)
                .unwrap_or_default();
            let of_day = if cell.granularity == Granularity::Day {
                OF_DAY
            } else {
                0
            };
            let other_batch = if place > 0 { OTHER_BATCH } else { 0 };
            out.push(cell.quantity.scale() | of_day | other_batch);
            if place > 0 {
                put_number(out, place as u64);
            }
            put_bytes(out, trimmed(&cell.quantity.coefficient().to_be_bytes()));
        }
    }

    fn decode(bytes: &[u8]) -> Option<HourSheet> {
        let mut input = Input::new(bytes);
        let mask = u64::from_le_bytes(input.array()?);
        let count = input.number()?;
        let batches: Vec<BatchRow> = (0..count)
            .map(|_| input.number().map(BatchRow))
            .collect::<Option<_>>()?;
        let sheet = HourSheet::read(mask, || {
            let first = input.byte()?;
            let granularity = if first & OF_DAY == 0 {
                Granularity::Hour
            } else {
                Granularity::Day
            };
            let place = if first & OTHER_BATCH == 0 {
                0
            } else {
                usize::try_from(input.number()?).ok()?
            };
            let quantity = Quantity::new(from_be_bytes(input.bytes()?)?, first & SCALE_MASK).ok()?;
            Some(Cell {
                quantity,
                granularity,
                batch: *batches.get(place)?,
            })
        })?;
        input.is_empty().then_some(sheet)
    }
}

/// Some of the 24 hours of a day, a bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct HoursOfDay(u32);

impl HoursOfDay {
    const ALL: u32 = 0x00ff_ffff;

    fn bit(day: Day, hour: Hour) -> u32 {
        match u32::try_from(hour.epoch_hours() - day.first_hour().epoch_hours()) {
            Ok(of_day @ 0..24) => 1 << of_day,
            _ => 0,
        }
    }

    pub(super) fn insert(&mut self, day: Day, hour: Hour) {
        self.0 |= Self::bit(day, hour);
    }

    pub(super) fn union(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(super) const fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// The hours of a day, in order.
    pub(super) fn iter(self, day: Day) -> impl DoubleEndedIterator<Item = Hour> {
        let hours = (0..24).map(move |of_day| day.first_hour().plus(of_day));
        hours.filter(move |hour| self.0 & Self::bit(day, *hour) != 0)
    }
}

/// What a series has of one day.
#[derive(Clone)]
pub(super) struct DayEntry {
    pub(super) granularity: Granularity,
    /// The hours in which its records start.
    pub(super) hours: HoursOfDay,
    pub(super) total: Total,
}

/// Totals by day.
pub(super) type DaySheet = Sheet<DayEntry>;

impl Entry for DayEntry {
    fn encode(sheet: &DaySheet, out: &mut Vec<u8>) {
        sheet.put_mask(out);
        for (_, entry) in sheet.entries() {
            put_number(
                out,
                u64::from(entry.hours.0 << 1 | u32::from(entry.granularity == Granularity::Day)),
            );
            entry.total.encode(out);
        }
    }

    fn decode(bytes: &[u8]) -> Option<DaySheet> {
        let mut input = Input::new(bytes);
        let mask = u64::from_le_bytes(input.array()?);
        let sheet = DaySheet::read(mask, || {
            let number = u32::try_from(input.number()?).ok()?;
            let granularity = if number & 1 == 0 {
                Granularity::Hour
            } else {
                Granularity::Day
            };
            let hours = HoursOfDay(number >> 1);
            let total = Total::decode(&mut input)?;
            (hours.0 & !HoursOfDay::ALL == 0).then_some(DayEntry {
                granularity,
                hours,
                total,
            })
        })?;
        input.is_empty().then_some(sheet)
    }
}

/// The records of an hour as they are stored.
pub(super) fn stored_hour(
    connection: &Connection,
    hour: Hour,
    block: BlockId,
) -> Result<Option<HourSheet>, StoreError> {
    stored(
        connection,
        "SELECT body FROM hour_sheet WHERE hour = ?1 AND block = ?2",
        hour.epoch_hours(),
        block,
    )
}

/// The totals of a day as they are stored.
pub(super) fn stored_day(
    connection: &Connection,
    day: Day,
    block: BlockId,
) -> Result<Option<DaySheet>, StoreError> {
    stored(
        connection,
        "SELECT body FROM day_sheet WHERE day = ?1 AND block = ?2",
        day.epoch_days(),
        block,
    )
}

fn stored<T: Entry>(
    connection: &Connection,
    sql: &str,
    time: i32,
    block: BlockId,
) -> Result<Option<Sheet<T>>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![time, block])?;
    rows.next()?.map(|row| Sheet::from_row(row, 0)).transpose()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cells() -> impl Strategy<Value = Vec<(usize, Cell)>> {
        let cell = (0..10u128.pow(28), 0u8..=37, any::<bool>(), 1u64..5).prop_map(
            |(coefficient, scale, of_day, batch)| {
                let granularity = if of_day {
                    Granularity::Day
                } else {
                    Granularity::Hour
                };
                let batch = BatchRow(batch * 1_000_000);
                Cell {
                    quantity: Quantity::new(coefficient, scale).unwrap(),
                    granularity,
                    batch,
                }
            },
        );
        prop::collection::vec((0..SLOTS, cell), 0..100)
    }

    fn bytes_of<T: Entry>(sheet: &Sheet<T>) -> Vec<u8> {
        let mut bytes = Vec::new();
        T::encode(sheet, &mut bytes);
        bytes
    }

    #[test]
    fn a_full_sheet_of_usual_records_takes_eleven_bytes_a_record() {
        let mut sheet = HourSheet::empty();
        for slot in 0..SLOTS {
            let quantity = "16.461425899527967".parse().unwrap();
            *sheet.entry_mut(slot) = Some(Cell {
                quantity,
                granularity: Granularity::Hour,
                batch: BatchRow(70_000),
            });
        }
        assert!(bytes_of(&sheet).len() <= 11 * SLOTS, "{}", bytes_of(&sheet).len());
    }

    proptest! {
        #[test]
        fn records_and_totals_read_back(cells in cells(), start in 0i32..24) {
            let day = Day::from_epoch_days(20_000);
            let (mut records, mut totals) = (HourSheet::empty(), DaySheet::empty());
            for (slot, cell) in cells {
                *records.entry_mut(slot) = Some(cell);
                let mut entry =
                    DayEntry { granularity: cell.granularity, hours: HoursOfDay::default(), total: Total::ZERO };
                entry.total.add_quantity(cell.quantity);
                entry.hours.insert(day, day.first_hour().plus(start));
                *totals.entry_mut(slot) = Some(entry);
            }
            let records_read = HourSheet::from_bytes(&bytes_of(&records)).unwrap();
            prop_assert!(records_read.entries().eq(records.entries()));
            let totals_read = DaySheet::from_bytes(&bytes_of(&totals)).unwrap();
            for slot in 0..SLOTS {
                let parts = |entry: &DayEntry| (entry.granularity, entry.hours, entry.total.to_sum());
                prop_assert_eq!(totals_read.entry(slot).map(parts), totals.entry(slot).map(parts));
            }
            let hours: Vec<Hour> = totals_read.entries().flat_map(|(_, entry)| entry.hours.iter(day)).collect();
            prop_assert!(hours.iter().all(|hour| *hour == day.first_hour().plus(start)));
        }

        #[test]
        fn damaged_bytes_are_refused_without_a_panic(cells in cells(), cut in 0usize..900, flip in 0usize..900) {
            let mut sheet = HourSheet::empty();
            cells.into_iter().for_each(|(slot, cell)| *sheet.entry_mut(slot) = Some(cell));
            let mut bytes = bytes_of(&sheet);
            prop_assert!(HourSheet::from_bytes(&bytes[..cut.min(bytes.len() - 1)]).is_err());
            let place = flip % bytes.len();
            bytes[place] ^= 0x55;
            let _ = (HourSheet::from_bytes(&bytes), DaySheet::from_bytes(&bytes));
        }
    }
}
