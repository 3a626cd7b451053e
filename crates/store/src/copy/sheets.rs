//! Sheets, which each back end keeps in its own way: a record is a sheet, written down as the embedded store does, the
//! same sheet always in the same bytes.

use domain::time::{Day, Hour};

use super::record::Record;
use super::tables::Table;
use crate::error::StoreError;
use crate::ledger::{BlockId, Cell, DayEntry, Place, Sheet};
use crate::sqlite::sheets::{self, Entry};
use crate::transaction::{Transaction, Value};

/// Sheets read, and written in one transaction: 2 MiB.
const PAGE: usize = 500;

type After<At, T> =
    fn(&dyn Transaction, Option<Place<At>>, usize) -> Result<Vec<(Place<At>, Sheet<T>)>, StoreError>;
type Put<At, T> = fn(&dyn Transaction, &[(Place<At>, &Sheet<T>)]) -> Result<(), StoreError>;

/// A table of sheets, by hour or by day.
pub(super) struct Sheets<At: 'static, T: 'static> {
    name: &'static str,
    count: &'static str,
    remove: &'static str,
    after: After<At, T>,
    put: Put<At, T>,
    at: fn(i32) -> Option<At>,
}

/// The records that count.
pub(super) const OF_HOURS: Sheets<Hour, Cell> = Sheets {
    name: "hour_sheet",
    count: "SELECT count(*) FROM hour_sheet",
    remove: "DELETE FROM hour_sheet WHERE hour = ?1 AND block = ?2",
    after: |transaction, after, limit| transaction.hour_sheets_after(after, limit),
    put: |transaction, sheets| transaction.put_hour_sheets(sheets),
    at: Hour::from_epoch_hours,
};

/// Their totals.
pub(super) const OF_DAYS: Sheets<Day, DayEntry> = Sheets {
    name: "day_sheet",
    count: "SELECT count(*) FROM day_sheet",
    remove: "DELETE FROM day_sheet WHERE day = ?1 AND block = ?2",
    after: |transaction, after, limit| transaction.day_sheets_after(after, limit),
    put: |transaction, sheets| transaction.put_day_sheets(sheets),
    at: |days| Some(Day::from_epoch_days(days)),
};

impl<At: Copy + Into<Value<'static>>, T: Entry> Sheets<At, T> {
    fn record((at, block): Place<At>, sheet: &Sheet<T>) -> Record {
        let mut body = Vec::new();
        T::encode(sheet, &mut body);
        let mut record = Record::new();
        record.put(at.into());
        record.put(block.into());
        record.end_key();
        record.put(Value::Bytes(&body));
        record
    }

    fn place(&self, record: &Record) -> Result<Place<At>, StoreError> {
        let place = match record.key_values()?[..] {
            [Value::Integer(at), Value::Integer(block)] => i32::try_from(at)
                .ok()
                .and_then(self.at)
                .zip(u64::try_from(block).ok().map(BlockId)),
            _ => None,
        };
        place.ok_or_else(|| StoreError::corrupt(format!("there is no place {record} for a sheet")))
    }

    fn sheet(record: &Record) -> Result<Sheet<T>, StoreError> {
        match record.values()?[..] {
            [.., Value::Bytes(body)] => sheets::sheet(body),
            _ => Err(StoreError::corrupt(format!("the sheet {record} has no body"))),
        }
    }
}

impl<At: Copy + Into<Value<'static>>, T: Entry> Table for Sheets<At, T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn of_facts(&self) -> bool {
        false
    }

    fn count(&'static self, transaction: &dyn Transaction) -> Result<u64, StoreError> {
        transaction.the_row(self.count, &[], |row| row.get(0))
    }

    fn page(
        &'static self,
        transaction: &dyn Transaction,
        after: Option<&Record>,
    ) -> Result<Vec<Record>, StoreError> {
        let after = after.map(|record| self.place(record)).transpose()?;
        let sheets = (self.after)(transaction, after, PAGE)?;
        Ok(sheets
            .iter()
            .map(|(place, sheet)| Self::record(*place, sheet))
            .collect())
    }

    fn put(&'static self, transaction: &dyn Transaction, records: &[&Record]) -> Result<(), StoreError> {
        let mut sheets = Vec::with_capacity(records.len());
        for record in records {
            sheets.push((self.place(record)?, Self::sheet(record)?));
        }
        let sheets: Vec<_> = sheets.iter().map(|(place, sheet)| (*place, sheet)).collect();
        (self.put)(transaction, &sheets)
    }

    fn remove(&'static self, transaction: &dyn Transaction, records: &[&Record]) -> Result<(), StoreError> {
        let mut keys = Vec::with_capacity(records.len() * 2);
        for record in records {
            keys.extend(record.key_values()?);
        }
        transaction.run(self.remove, records.len(), &keys, &mut |_, _| Ok(()))
    }
}
