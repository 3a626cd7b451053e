//! A transaction on a connection of SQLite.

use std::borrow::Cow;
use std::path::Path;

use domain::ids::CloudId;
use domain::quantity::Quantity;
use domain::time::{Day, Hour};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, ToSql, params, params_from_iter};

use super::sheets::{self, Entry};
use super::{damage, definitions};
use crate::error::StoreError;
use crate::ledger::{
    BatchRow, BlockId, DayEntry, DaySheet, HourSheet, Place, SeriesId, Sheet, Stack, stack_columns,
};
use crate::transaction::{Columns, Definitions, Each, Transaction, Value, Which, values};

/// The sheets of totals of one block. The index is named: the primary key begins with the day.
macro_rules! of_block {
    ($order:literal) => {
        concat!(
            "SELECT day, body FROM day_sheet INDEXED BY day_sheet_of_block
             WHERE block = ?1 AND day BETWEEN ?2 AND ?3 ORDER BY day ",
            $order,
            " LIMIT ?4"
        )
    };
}
/// Sheets with their places.
type Placed<At, T> = Vec<(Place<At>, Sheet<T>)>;

/// The files of a store, by the names under which they may be open.
const CHECKED: [&str; 3] = ["main", "books", "sessions"];

/// The transaction that a connection is in.
pub(super) struct SqliteTransaction<'c>(pub(super) &'c Connection);

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Quantity(quantity) => {
                return Ok(ToSqlOutput::Owned(sheets::quantity_bytes(*quantity).into()));
            }
        }))
    }
}

impl Columns for Row<'_> {
    fn integer(&self, column: usize) -> Result<Option<i64>, StoreError> {
        Ok(self.get(column)?)
    }

    fn bytes(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        let bytes = self.get_ref(column)?.as_blob_or_null();
        bytes.map_err(|error| StoreError::corrupt(error.to_string()))
    }

    fn text(&self, column: usize) -> Result<Option<Cow<'_, str>>, StoreError> {
        let text = self.get_ref(column)?.as_str_or_null();
        let text = text.map_err(|error| StoreError::corrupt(error.to_string()))?;
        Ok(text.map(Cow::Borrowed))
    }

    fn quantity(&self, column: usize) -> Result<Option<Quantity>, StoreError> {
        self.bytes(column)?.map(sheets::quantity).transpose()
    }
}

impl Transaction for SqliteTransaction<'_> {
    fn run(
        &self,
        sql: &'static str,
        times: usize,
        values: &[Value<'_>],
        each: Each<'_>,
    ) -> Result<(), StoreError> {
        let Some(width) = values.len().checked_div(times) else {
            return Ok(());
        };
        let mut statement = self.0.prepare_cached(sql)?;
        for place in 0..times {
            let values = &values[place * width..][..width];
            let mut rows = statement.query(params_from_iter(values))?;
            while let Some(row) = rows.next()? {
                each(place, row)?;
            }
        }
        Ok(())
    }

    /// A commit that fails leaves nothing.
    fn again(&self) -> bool {
        false
    }

    fn damage(&self) -> Result<Vec<String>, StoreError> {
        let transaction: &dyn Transaction = self;
        let files = |row: &dyn Columns| Ok((row.get::<String>(1)?, row.get::<String>(2)?));
        let files: Vec<(String, String)> = transaction.rows("PRAGMA database_list", &[], files)?;
        let mut damage = Vec::new();
        for schema in CHECKED {
            let Some((_, file)) = files.iter().find(|(name, _)| name == schema) else {
                continue;
            };
            let found = damage::findings(self.0, schema, "integrity_check");
            let found = found.map_err(|error| damage::named(Path::new(file), error))?;
            let damaged = |finding: &String| format!("{file} is damaged, SQLite says: {finding}");
            damage.extend(found.iter().map(damaged));
        }
        Ok(damage)
    }

    fn definitions(&self) -> Result<Definitions, StoreError> {
        definitions::definitions(self.0)
    }

    /// There is one writer: nobody has to be kept away.
    fn lock_stacks(&self, stacks: &[CloudId]) -> Result<Vec<Stack>, StoreError> {
        let transaction: &dyn Transaction = self;
        let keys: Vec<_> = stacks.iter().map(|id| values![id.as_bytes()]).collect();
        let new: Vec<_> = keys.iter().map(|[id]| [*id, Value::Bytes(&[0; 32])]).collect();
        transaction.execute_each(
            "INSERT INTO stack (cloud_id, sequence, chain) VALUES (?1, 0, ?2) ON CONFLICT DO NOTHING",
            &new,
        )?;
        let sql = concat!("SELECT ", stack_columns!(), " FROM stack WHERE cloud_id = ?1");
        let stacks = transaction.row_each(sql, &keys, Stack::from_row)?;
        Ok(stacks.into_iter().flatten().collect())
    }

    fn lock_quarantine(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn batch_numbers(&self, count: usize) -> Result<Vec<BatchRow>, StoreError> {
        let transaction: &dyn Transaction = self;
        let last: u64 =
            transaction.the_row("SELECT coalesce(max(id), 0) FROM batch", &[], |row| row.get(0))?;
        Ok((last + 1..).take(count).map(BatchRow).collect())
    }

    fn hour_sheets(
        &self,
        places: &[Place<Hour>],
        each: &mut dyn FnMut(usize, HourSheet),
    ) -> Result<(), StoreError> {
        let sql = "SELECT body FROM hour_sheet WHERE hour = ?1 AND block = ?2";
        self.sheets(
            sql,
            places.iter().map(|(hour, block)| (hour.epoch_hours(), *block)),
            each,
        )
    }

    fn day_sheets(
        &self,
        places: &[Place<Day>],
        each: &mut dyn FnMut(usize, DaySheet),
    ) -> Result<(), StoreError> {
        let sql = "SELECT body FROM day_sheet WHERE day = ?1 AND block = ?2";
        self.sheets(
            sql,
            places.iter().map(|(day, block)| (day.epoch_days(), *block)),
            each,
        )
    }

    fn day_sheets_of(
        &self,
        blocks: &[BlockId],
        (first, last): (Day, Day),
        which: Which,
        each: &mut dyn FnMut(usize, Day, DaySheet) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (sql, limit) = match which {
            Which::All => (of_block!("ASC"), u32::MAX),
            Which::First(limit) => (of_block!("ASC"), limit),
            Which::Last(limit) => (of_block!("DESC"), limit),
        };
        let mut statement = self.0.prepare_cached(sql)?;
        for (place, block) in blocks.iter().enumerate() {
            let mut rows = statement.query(params![block.0, first.epoch_days(), last.epoch_days(), limit])?;
            while let Some(row) = rows.next()? {
                each(place, Day::from_epoch_days(row.get(0)?), sheet_of(row, 1)?)?;
            }
        }
        Ok(())
    }

    fn day_sheets_after(
        &self,
        after: Option<Place<Day>>,
        limit: usize,
    ) -> Result<Vec<(Place<Day>, DaySheet)>, StoreError> {
        let sql = "SELECT day, block, body FROM day_sheet WHERE (day, block) > (?1, ?2) ORDER BY day, block LIMIT ?3";
        let after = after.map(|(day, block)| (day.epoch_days().into(), block.0));
        self.sheets_after(sql, after, limit, |row| row.get(0))
    }

    fn hour_sheets_after(
        &self,
        after: Option<Place<Hour>>,
        limit: usize,
    ) -> Result<Vec<(Place<Hour>, HourSheet)>, StoreError> {
        let sql = "SELECT hour, block, body FROM hour_sheet WHERE (hour, block) > (?1, ?2) ORDER BY hour, block LIMIT ?3";
        let after = after.map(|(hour, block)| (hour.epoch_hours().into(), block.0));
        self.sheets_after(sql, after, limit, |row| row.get(0))
    }

    fn next_records(&self, of: &[(SeriesId, Hour)]) -> Result<Vec<Option<Hour>>, StoreError> {
        of.iter()
            .map(|(series, hour)| self.next_record(*series, *hour))
            .collect()
    }

    fn put_hour_sheets(&self, sheets: &[(Place<Hour>, &HourSheet)]) -> Result<(), StoreError> {
        self.put(
            "INSERT INTO hour_sheet (hour, block, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (hour, block) DO UPDATE SET body = excluded.body",
            sheets
                .iter()
                .map(|((hour, block), sheet)| (hour.epoch_hours(), *block, *sheet)),
        )
    }

    fn put_day_sheets(&self, sheets: &[(Place<Day>, &DaySheet)]) -> Result<(), StoreError> {
        self.put(
            "INSERT INTO day_sheet (day, block, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (day, block) DO UPDATE SET body = excluded.body",
            sheets
                .iter()
                .map(|((day, block), sheet)| (day.epoch_days(), *block, *sheet)),
        )
    }

    /// There are no counters but those of the rows.
    fn settle(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl SqliteTransaction<'_> {
    fn sheets<T: Entry>(
        &self,
        sql: &str,
        places: impl Iterator<Item = (i32, BlockId)>,
        each: &mut dyn FnMut(usize, Sheet<T>),
    ) -> Result<(), StoreError> {
        let mut statement = self.0.prepare_cached(sql)?;
        for (place, (time, block)) in places.enumerate() {
            let mut rows = statement.query(params![time, block.0])?;
            if let Some(row) = rows.next()? {
                each(place, sheet_of(row, 0)?);
            }
        }
        Ok(())
    }

    fn sheets_after<At, T: Entry>(
        &self,
        sql: &str,
        after: Option<(i64, u64)>,
        limit: usize,
        at: impl Fn(&dyn Columns) -> Result<At, StoreError>,
    ) -> Result<Placed<At, T>, StoreError> {
        let (time, block) = after.unwrap_or((i64::MIN, 0));
        let mut statement = self.0.prepare_cached(sql)?;
        let values = [Value::Integer(time), block.into(), limit.into()];
        let mut rows = statement.query(params_from_iter(values))?;
        let mut sheets = Vec::new();
        while let Some(row) = rows.next()? {
            sheets.push(((at(row)?, BlockId(row.get(1)?)), sheet_of(row, 2)?));
        }
        Ok(sheets)
    }

    fn put<'s, T: Entry + 's>(
        &self,
        sql: &str,
        sheets: impl Iterator<Item = (i32, BlockId, &'s Sheet<T>)>,
    ) -> Result<(), StoreError> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut body = Vec::new();
        for (time, block, sheet) in sheets {
            body.clear();
            T::encode(sheet, &mut body);
            statement.execute(params![time, block.0, body])?;
        }
        Ok(())
    }

    fn next_record(&self, series: SeriesId, hour: Hour) -> Result<Option<Hour>, StoreError> {
        let mut statement = self.0.prepare_cached(of_block!("ASC"))?;
        let mut rows = statement.query(params![
            series.block().0,
            hour.day().epoch_days(),
            i32::MAX,
            u32::MAX
        ])?;
        while let Some(row) = rows.next()? {
            let day = Day::from_epoch_days(row.get(0)?);
            let sheet: DaySheet = sheet_of(row, 1)?;
            let later = |entry: &DayEntry| entry.hours.iter(day).find(|other| *other > hour);
            if let Some(next) = sheet.entry(series.slot()).and_then(later) {
                return Ok(Some(next));
            }
        }
        Ok(None)
    }
}

fn sheet_of<T: Entry>(row: &Row<'_>, column: usize) -> Result<Sheet<T>, StoreError> {
    let body = row.bytes(column)?;
    sheets::sheet(body.ok_or_else(|| StoreError::corrupt("a sheet has no body"))?)
}
