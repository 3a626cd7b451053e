//! Sheets as rows: arrays with a place for each slot, in the form in which PostgreSQL sends and takes them.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use domain::time::{Day, Hour};
use domain::usage::Granularity;
use tokio_postgres::Row;
use tokio_postgres::types::{IsNull, Kind, ToSql, Type, to_sql_checked};

use super::numeric;
use super::values::{Integer, Raw, column};
use crate::error::StoreError;
use crate::ledger::{BatchRow, Cell, DayEntry, DaySheet, HourSheet, HoursOfDay, Place, SLOTS, Sheet};

/// A sheet at its place, as one row of its table.
pub(super) trait SheetRow {
    /// How many columns the row has.
    const COLUMNS: i32;

    /// Writes the columns, each with its type and length.
    fn put(&self, out: &mut Vec<u8>);
}

impl SheetRow for (Place<Hour>, &HourSheet) {
    const COLUMNS: i32 = 6;

    fn put(&self, out: &mut Vec<u8>) {
        let ((hour, block), sheet) = self;
        let batches = sheet.batches();
        put(out, &Type::INT4, |out| out.put_i32(hour.epoch_hours()));
        put(out, &Type::INT8, |out| out.put_u64(block.0));
        put(out, &Type::NUMERIC_ARRAY, |out| {
            put_slots(out, &Type::NUMERIC, sheet, |cell, out| {
                numeric::put_quantity(cell.quantity, out);
            });
        });
        put(out, &Type::INT8, |out| {
            out.put_u64(sheet.mask(|cell| of_day(cell.granularity)));
        });
        put(out, &Type::INT8_ARRAY, |out| {
            let batches = batches.iter().map(Some);
            put_array(out, &Type::INT8, batches, |batch, out| out.put_u64(batch.0));
        });
        if batches.len() > 1 {
            put(out, &Type::BYTEA, |out| {
                for slot in 0..SLOTS {
                    let of_slot = sheet.entry(slot).map(|cell| cell.batch);
                    let place = batches.iter().position(|batch| Some(*batch) == of_slot);
                    // There are no more batches than slots.
                    out.push(place.and_then(|it| u8::try_from(it).ok()).unwrap_or_default());
                }
            });
        } else {
            put_null(out, &Type::BYTEA);
        }
    }
}

impl SheetRow for (Place<Day>, &DaySheet) {
    const COLUMNS: i32 = 5;

    fn put(&self, out: &mut Vec<u8>) {
        let ((day, block), sheet) = self;
        put(out, &Type::INT4, |out| out.put_i32(day.epoch_days()));
        put(out, &Type::INT8, |out| out.put_u64(block.0));
        put(out, &Type::INT4_ARRAY, |out| {
            put_slots(out, &Type::INT4, sheet, |entry, out| {
                out.put_u32(entry.hours.bits());
            });
        });
        put(out, &Type::INT8, |out| {
            out.put_u64(sheet.mask(|entry| of_day(entry.granularity)));
        });
        put(out, &Type::NUMERIC_ARRAY, |out| {
            put_slots(out, &Type::NUMERIC, sheet, |entry, out| {
                numeric::put_total(&entry.total, out);
            });
        });
    }
}

fn of_day(granularity: Granularity) -> bool {
    granularity == Granularity::Day
}

const fn granularity(mask: u64, slot: usize) -> Granularity {
    if mask & 1 << slot == 0 {
        Granularity::Hour
    } else {
        Granularity::Day
    }
}

/// Writes the type of a column of a row, its length and its content.
fn put(out: &mut Vec<u8>, ty: &Type, content: impl FnOnce(&mut Vec<u8>)) {
    out.put_u32(ty.oid());
    put_sized(out, content);
}

fn put_null(out: &mut Vec<u8>, ty: &Type) {
    out.put_u32(ty.oid());
    out.put_i32(-1);
}

fn put_sized(out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.put_i32(0);
    content(out);
    let length = i32::try_from(out.len() - start - 4).unwrap_or(i32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// Writes an array up to the last slot taken.
fn put_slots<T>(out: &mut Vec<u8>, ty: &Type, sheet: &Sheet<T>, content: impl Fn(&T, &mut Vec<u8>)) {
    let slots = sheet.entries().last().map_or(0, |(last, _)| last + 1);
    put_array(out, ty, (0..slots).map(|slot| sheet.entry(slot)), content);
}

/// Writes an array of one dimension.
fn put_array<'e, T: 'e>(
    out: &mut Vec<u8>,
    ty: &Type,
    elements: impl ExactSizeIterator<Item = Option<&'e T>>,
    content: impl Fn(&T, &mut Vec<u8>),
) {
    let length = i32::try_from(elements.len()).unwrap_or(i32::MAX);
    out.put_i32(i32::from(length > 0));
    // Whether there are nulls: PostgreSQL looks for itself.
    out.put_i32(1);
    out.put_u32(ty.oid());
    if length > 0 {
        out.put_i32(length);
        out.put_i32(1);
    }
    for element in elements {
        match element {
            Some(element) => put_sized(out, |out| content(element, out)),
            None => out.put_i32(-1),
        }
    }
}

/// Many rows as one value: an array of the table's row type.
#[derive(Debug)]
pub(super) struct Rows<'r, R>(pub(super) &'r [R]);

impl<R: SheetRow + std::fmt::Debug> ToSql for Rows<'_, R> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Kind::Array(row) = ty.kind() else {
            return Err(format!("{ty} is no array").into());
        };
        let mut rows = Vec::with_capacity(self.0.len() * 1024);
        put_array(&mut rows, row, self.0.iter().map(Some), |row, out| {
            out.put_i32(R::COLUMNS);
            row.put(out);
        });
        out.put_slice(&rows);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(ty.kind(), Kind::Array(row) if matches!(row.kind(), Kind::Composite(_)))
    }

    to_sql_checked!();
}

/// Elements of an array that is being read.
struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    fn of(mut bytes: &'a [u8]) -> Option<Self> {
        let dimensions = take(&mut bytes)?;
        let (_, _) = (take(&mut bytes)?, take(&mut bytes)?);
        if dimensions > 0 {
            let (_, first) = (take(&mut bytes)?, take(&mut bytes)?);
            if dimensions > 1 || first != 1 {
                return None;
            }
        }
        Some(Self(bytes))
    }

    /// The next element; nothing within if it is null, and nothing at all after the last.
    fn next(&mut self) -> Option<Option<&'a [u8]>> {
        let Ok(length) = usize::try_from(take(&mut self.0)?) else {
            return Some(None);
        };
        let (element, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Some(element))
    }
}

fn take(bytes: &mut &[u8]) -> Option<i32> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(i32::from_be_bytes(*number))
}

fn damaged() -> StoreError {
    StoreError::corrupt("a sheet of records or totals cannot be read")
}

fn raw(row: &Row, at: usize) -> Result<&[u8], StoreError> {
    column(row, at)?.map(|Raw(bytes)| bytes).ok_or_else(damaged)
}

fn mask(row: &Row, at: usize) -> Result<u64, StoreError> {
    let mask: Option<i64> = column(row, at)?;
    mask.map(i64::cast_unsigned).ok_or_else(damaged)
}

/// Reads a sheet of records from the columns from `first` on: quantity, of_day, batch, batch_place.
pub(super) fn hour_sheet(row: &Row, first: usize) -> Result<HourSheet, StoreError> {
    let batches: Option<Vec<i64>> = column(row, first + 2)?;
    let batches: Vec<BatchRow> = batches
        .ok_or_else(damaged)?
        .into_iter()
        .map(|batch| BatchRow(batch.cast_unsigned()))
        .collect();
    let places: Option<&[u8]> = column(row, first + 3)?;
    let of_day = mask(row, first + 1)?;
    let mut elements = Elements::of(raw(row, first)?).ok_or_else(damaged)?;
    let mut sheet = HourSheet::empty();
    for slot in 0..=SLOTS {
        let Some(element) = elements.next() else { break };
        let Some(element) = element else { continue };
        let place = places.map_or(Some(&0), |places| places.get(slot));
        let batch = place.and_then(|place| batches.get(usize::from(*place)));
        let (Some(batch), true) = (batch, slot < SLOTS) else {
            return Err(damaged());
        };
        *sheet.entry_mut(slot) = Some(Cell {
            quantity: numeric::quantity(element).ok_or_else(damaged)?,
            granularity: granularity(of_day, slot),
            batch: *batch,
        });
    }
    Ok(sheet)
}

/// Reads a sheet of totals from the columns from `first` on: hours, of_day, total.
pub(super) fn day_sheet(row: &Row, first: usize) -> Result<DaySheet, StoreError> {
    let of_day = mask(row, first + 1)?;
    let mut hours = Elements::of(raw(row, first)?).ok_or_else(damaged)?;
    let mut totals = Elements::of(raw(row, first + 2)?).ok_or_else(damaged)?;
    let mut sheet = DaySheet::empty();
    for slot in 0..=SLOTS {
        let (hours, total) = (hours.next(), totals.next());
        let (hours, total) = match (hours, total) {
            (None, None) => break,
            (Some(None), Some(None)) => continue,
            (Some(Some(hours)), Some(Some(total))) if slot < SLOTS => (hours, total),
            _ => return Err(damaged()),
        };
        let hours = <[u8; 4]>::try_from(hours).ok().map(u32::from_be_bytes);
        *sheet.entry_mut(slot) = Some(DayEntry {
            granularity: granularity(of_day, slot),
            hours: hours.and_then(HoursOfDay::from_bits).ok_or_else(damaged)?,
            total: numeric::total(total).ok_or_else(damaged)?,
        });
    }
    Ok(sheet)
}

/// The number of what was asked for, which the database counts from 1.
pub(super) fn number(row: &Row, at: usize) -> Result<usize, StoreError> {
    let number: Option<Integer> = column(row, at)?;
    let number = number.and_then(|Integer(number)| usize::try_from(number - 1).ok());
    number.ok_or_else(damaged)
}
