//! How sheets are written down.
//!
//! A sheet begins with a mask of 8 bytes, least significant first, whose bits tell the slots taken. In an hour sheet
//! the row numbers of its batches follow. Then come the entries in the order of the slots. Numbers are written as
//! [`super::bytes`] writes them.

use domain::quantity::{Quantity, QuantitySum};
use domain::usage::Granularity;
use num_bigint::{BigInt, Sign};

use super::bytes::{Input, from_be_bytes, put_bytes, put_number, trimmed};
use crate::error::StoreError;
use crate::ledger::{BatchRow, Cell, DayEntry, DaySheet, HourSheet, HoursOfDay, SLOTS, Sheet, Small, Total};

/// What a sheet can be made of.
pub(crate) trait Entry: Sized {
    fn encode(sheet: &Sheet<Self>, out: &mut Vec<u8>);

    /// The sheet of these bytes, or nothing if no sheet was ever written so.
    fn decode(bytes: &[u8]) -> Option<Sheet<Self>>;
}

/// The sheet of these bytes.
pub(crate) fn sheet<T: Entry>(bytes: &[u8]) -> Result<Sheet<T>, StoreError> {
    T::decode(bytes).ok_or_else(|| StoreError::corrupt("a sheet of records or totals cannot be read"))
}

fn put_mask<T>(sheet: &Sheet<T>, out: &mut Vec<u8>) {
    out.extend_from_slice(&sheet.mask(|_| true).to_le_bytes());
}

fn read<T>(mask: u64, mut entry: impl FnMut() -> Option<T>) -> Option<Sheet<T>> {
    let mut sheet = Sheet::empty();
    let taken = |slot: &usize| mask & 1 << slot != 0;
    for slot in (0..SLOTS).filter(taken) {
        *sheet.entry_mut(slot) = Some(entry()?);
    }
    Some(sheet)
}

// The first byte of a cell: its scale, and
const OF_DAY: u8 = 0x80;
const OTHER_BATCH: u8 = 0x40;
const SCALE_MASK: u8 = 0x3f;

impl Entry for Cell {
    fn encode(sheet: &HourSheet, out: &mut Vec<u8>) {
        put_mask(sheet, out);
        let batches = sheet.batches();
        put_number(out, batches.len() as u64);
        batches.iter().for_each(|batch| put_number(out, batch.0));
        for (_, cell) in sheet.entries() {
            let place = batches.iter().position(|batch| *batch == cell.batch);
            let place = place.unwrap_or_default();
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
        let sheet = read(mask, || {
            let first = input.byte()?;
            let granularity = granularity(first & OF_DAY != 0);
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

const fn granularity(of_day: bool) -> Granularity {
    if of_day {
        Granularity::Day
    } else {
        Granularity::Hour
    }
}

impl Entry for DayEntry {
    fn encode(sheet: &DaySheet, out: &mut Vec<u8>) {
        put_mask(sheet, out);
        for (_, entry) in sheet.entries() {
            let of_day = u32::from(entry.granularity == Granularity::Day);
            put_number(out, u64::from(entry.hours.bits() << 1 | of_day));
            put_total(&entry.total, out);
        }
    }

    fn decode(bytes: &[u8]) -> Option<DaySheet> {
        let mut input = Input::new(bytes);
        let mask = u64::from_le_bytes(input.array()?);
        let sheet = read(mask, || {
            let number = u32::try_from(input.number()?).ok()?;
            Some(DayEntry {
                granularity: granularity(number & 1 != 0),
                hours: HoursOfDay::from_bits(number >> 1)?,
                total: total(&mut input)?,
            })
        })?;
        input.is_empty().then_some(sheet)
    }
}

/// Scale, number of bytes, coefficient (most significant byte first).
fn put_total(total: &Total, out: &mut Vec<u8>) {
    match total {
        Total::Small(small) => {
            put_number(out, u64::from(small.scale));
            put_bytes(out, trimmed(&small.coefficient.to_be_bytes()));
        }
        Total::Large(large) => {
            put_number(out, u64::from(large.scale()));
            put_bytes(out, trimmed(&large.coefficient().to_bytes_be().1));
        }
    }
}

fn total(input: &mut Input<'_>) -> Option<Total> {
    let scale = u32::try_from(input.number()?).ok()?;
    let bytes = input.bytes()?;
    Some(match (u8::try_from(scale), from_be_bytes(bytes)) {
        (Ok(scale), Some(coefficient)) => Total::Small(Small { coefficient, scale }),
        _ => Total::Large(QuantitySum::new(BigInt::from_bytes_be(Sign::Plus, bytes), scale)),
    })
}

/// A quantity as one value: its scale, then its coefficient, most significant byte first.
pub(super) fn quantity_bytes(quantity: Quantity) -> Vec<u8> {
    let mut bytes = vec![quantity.scale()];
    bytes.extend_from_slice(trimmed(&quantity.coefficient().to_be_bytes()));
    bytes
}

/// The quantity of these bytes.
pub(super) fn quantity(bytes: &[u8]) -> Result<Quantity, StoreError> {
    let read = bytes
        .split_first()
        .and_then(|(scale, rest)| Quantity::new(from_be_bytes(rest)?, *scale).ok());
    read.ok_or_else(|| StoreError::corrupt("the quantity of an observation cannot be read"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::made_up::sheets;

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
        fn records_and_totals_read_back((records, totals) in sheets()) {
            prop_assert_eq!(sheet::<Cell>(&bytes_of(&records)).unwrap(), records);
            prop_assert_eq!(sheet::<DayEntry>(&bytes_of(&totals)).unwrap(), totals);
        }

        #[test]
        fn damaged_bytes_are_refused_without_a_panic((records, _) in sheets(), cut in 0usize..900, flip in 0usize..900) {
            let mut bytes = bytes_of(&records);
            prop_assert!(sheet::<Cell>(&bytes[..cut.min(bytes.len() - 1)]).is_err());
            let place = flip % bytes.len();
            bytes[place] ^= 0x55;
            let _ = (sheet::<Cell>(&bytes), sheet::<DayEntry>(&bytes));
        }
    }
}
