//! A transaction on a connection to PostgreSQL.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::pin::pin;

use domain::ids::CloudId;
use domain::time::{Day, Hour, Period};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::definitions;
use super::failure::{Failure, Remedy};
use super::link::Link;
use super::partitions::Partitions;
use super::sheets::{self, Rows, SheetRow};
use crate::error::StoreError;
use crate::ledger::{BatchRow, BlockId, DaySheet, HourSheet, Place, SeriesId, Stack, stack_columns};
use crate::transaction::{Columns, Definitions, Each, Transaction, Value, Which, values};

/// How many runs of a statement are on their way at one time.
const ON_THE_WAY: usize = 256;
/// Makes that nobody else puts anything into quarantine: a number that nothing else in the database has.
const QUARANTINE_LOCK: i64 = 0x6d62_7175_6172_0001;

/// The sheets of totals of blocks: of each by itself, by the index that begins with the block.
macro_rules! of_blocks {
    ($order:literal) => {
        concat!(
            "SELECT wanted.number, sheet.day, sheet.hours, sheet.of_day, sheet.total
             FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted (block, number)
             CROSS JOIN LATERAL (
                 SELECT * FROM day_sheet WHERE day_sheet.block = wanted.block AND day_sheet.day BETWEEN $2 AND $3
                 ORDER BY day_sheet.day ",
            $order,
            " LIMIT $4
             ) AS sheet"
        )
    };
}

/// The transaction that a connection is in.
pub(super) struct PostgresTransaction<'p> {
    link: RefCell<Link>,
    partitions: &'p Partitions,
    /// The months without partitions that were asked for.
    missing: RefCell<BTreeSet<Period>>,
    /// What to do about the last failure.
    remedy: Cell<Remedy>,
    again: bool,
}

/// What is left when a transaction is over.
pub(super) struct Left {
    pub(super) link: Link,
    pub(super) missing: BTreeSet<Period>,
    pub(super) remedy: Remedy,
}

impl<'p> PostgresTransaction<'p> {
    /// The one that this connection has begun; `again` as [`Transaction::again`].
    pub(super) fn new(link: Link, partitions: &'p Partitions, again: bool) -> Self {
        Self {
            link: RefCell::new(link),
            partitions,
            missing: RefCell::default(),
            remedy: Cell::new(Remedy::None),
            again,
        }
    }

    /// Gives the connection back.
    pub(super) fn end(self) -> Left {
        Left {
            link: self.link.into_inner(),
            missing: self.missing.into_inner(),
            remedy: self.remedy.get(),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Link) -> Result<T, Failure>) -> Result<T, StoreError> {
        let mut link = self
            .link
            .try_borrow_mut()
            .map_err(|_| StoreError::corrupt("something was asked while an answer was being read"))?;
        work(&mut link).map_err(|failure| {
            self.remedy.set(failure.remedy());
            failure.into()
        })
    }

    /// Runs a statement and takes its rows as they come.
    fn query(
        &self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
        mut each: impl FnMut(&Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut taken = Ok(());
        self.with(|link| {
            let statement = link.prepared(sql)?;
            link.ask(async |client| {
                let rows = client.query_raw(&statement, values.iter().copied()).await?;
                let mut rows = pin!(rows);
                while let Some(row) = rows.try_next().await? {
                    if taken.is_ok() {
                        taken = each(&row);
                    }
                }
                Ok(())
            })
        })?;
        taken
    }

    fn put<R: SheetRow + std::fmt::Debug + Sync>(
        &self,
        sql: &'static str,
        sheets: &[R],
        hour: impl Fn(&R) -> Hour,
    ) -> Result<(), StoreError> {
        if sheets.is_empty() {
            return Ok(());
        }
        let missing = self.partitions.missing(sheets.iter().map(hour));
        if !missing.is_empty() {
            self.missing.borrow_mut().extend(missing);
            return Err(StoreError::unavailable("a month has no place to be kept yet"));
        }
        self.query(sql, &[&Rows(sheets)], |_| Ok(()))
    }
}

impl Transaction for PostgresTransaction<'_> {
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
        let mut taken = Ok(());
        self.with(|link| {
            let statement = &link.prepared(sql)?;
            link.ask(async |client| {
                let run = async |place: usize| {
                    let values = &values[place * width..][..width];
                    let rows = client.query_raw(statement, values).await?;
                    rows.try_collect::<Vec<Row>>().await
                };
                let mut answers = pin!(stream::iter(0..times).map(run).buffered(ON_THE_WAY).enumerate());
                while let Some((place, rows)) = answers.next().await {
                    for row in rows? {
                        if taken.is_ok() {
                            taken = each(place, &row);
                        }
                    }
                }
                Ok(())
            })
        })?;
        taken
    }

    fn again(&self) -> bool {
        self.again
    }

    /// The server looks after its files by itself, if it was set up with checksums.
    fn damage(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    fn definitions(&self) -> Result<Definitions, StoreError> {
        definitions::definitions(self)
    }

    fn lock_stacks(&self, stacks: &[CloudId]) -> Result<Vec<Stack>, StoreError> {
        let transaction: &dyn Transaction = self;
        let sql = concat!(
            "SELECT ",
            stack_columns!(),
            " FROM stack WHERE cloud_id = ?1 FOR UPDATE"
        );
        let keys: Vec<_> = stacks.iter().map(|id| values![id.as_bytes()]).collect();
        let locked = transaction.row_each(sql, &keys, Stack::from_row)?;
        if locked.iter().all(Option::is_some) {
            return Ok(locked.into_iter().flatten().collect());
        }
        let new: Vec<_> = keys.iter().map(|[id]| [*id, Value::Bytes(&[0; 32])]).collect();
        transaction.execute_each(
            "INSERT INTO stack (cloud_id, sequence, chain) VALUES (?1, 0, ?2) ON CONFLICT DO NOTHING",
            &new,
        )?;
        let locked = transaction.row_each(sql, &keys, Stack::from_row)?;
        Ok(locked.into_iter().flatten().collect())
    }

    fn lock_quarantine(&self) -> Result<(), StoreError> {
        self.query(
            "SELECT pg_advisory_xact_lock($1)",
            &[&QUARANTINE_LOCK],
            |_| Ok(()),
        )
    }

    fn batch_numbers(&self, count: usize) -> Result<Vec<BatchRow>, StoreError> {
        let transaction: &dyn Transaction = self;
        let sql = "SELECT nextval('batch_number') FROM generate_series(1::bigint, ?1)";
        transaction.rows(sql, &values![count], |row| row.get(0))
    }

    fn hour_sheets(
        &self,
        places: &[Place<Hour>],
        each: &mut dyn FnMut(usize, HourSheet),
    ) -> Result<(), StoreError> {
        if places.is_empty() {
            return Ok(());
        }
        let hours: Vec<i32> = places.iter().map(|(hour, _)| hour.epoch_hours()).collect();
        let blocks: Vec<i64> = places.iter().map(|(_, block)| block.0.cast_signed()).collect();
        // The first and the last hour are said by themselves: by them the server leaves out months before it opens, and
        // locks, their indexes. Of five years there are hundreds.
        self.query(
            "SELECT wanted.number, sheet.quantity, sheet.of_day, sheet.batch, sheet.batch_place
             FROM unnest($1::integer[], $2::bigint[]) WITH ORDINALITY AS wanted (hour, block, number)
             CROSS JOIN LATERAL (
                 SELECT * FROM hour_sheet WHERE hour_sheet.hour = wanted.hour AND hour_sheet.block = wanted.block
                 AND hour_sheet.hour BETWEEN $3 AND $4 LIMIT 1
             ) AS sheet ORDER BY wanted.number",
            &[&hours, &blocks, &hours.iter().min(), &hours.iter().max()],
            |row| {
                each(sheets::number(row, 0)?, sheets::hour_sheet(row, 1)?);
                Ok(())
            },
        )
    }

    fn day_sheets(
        &self,
        places: &[Place<Day>],
        each: &mut dyn FnMut(usize, DaySheet),
    ) -> Result<(), StoreError> {
        if places.is_empty() {
            return Ok(());
        }
        let days: Vec<i32> = places.iter().map(|(day, _)| day.epoch_days()).collect();
        let blocks: Vec<i64> = places.iter().map(|(_, block)| block.0.cast_signed()).collect();
        self.query(
            "SELECT wanted.number, sheet.hours, sheet.of_day, sheet.total
             FROM unnest($1::integer[], $2::bigint[]) WITH ORDINALITY AS wanted (day, block, number)
             CROSS JOIN LATERAL (
                 SELECT * FROM day_sheet WHERE day_sheet.day = wanted.day AND day_sheet.block = wanted.block
                 AND day_sheet.day BETWEEN $3 AND $4 LIMIT 1
             ) AS sheet ORDER BY wanted.number",
            &[&days, &blocks, &days.iter().min(), &days.iter().max()],
            |row| {
                each(sheets::number(row, 0)?, sheets::day_sheet(row, 1)?);
                Ok(())
            },
        )
    }

    fn day_sheets_of(
        &self,
        blocks: &[BlockId],
        (first, last): (Day, Day),
        which: Which,
        each: &mut dyn FnMut(usize, Day, DaySheet) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if blocks.is_empty() {
            return Ok(());
        }
        let (sql, limit) = match which {
            Which::All => (of_blocks!("ASC"), None),
            Which::First(limit) => (of_blocks!("ASC"), Some(i64::from(limit))),
            Which::Last(limit) => (of_blocks!("DESC"), Some(i64::from(limit))),
        };
        let blocks: Vec<i64> = blocks.iter().map(|block| block.0.cast_signed()).collect();
        let values: [&(dyn ToSql + Sync); 4] = [&blocks, &first.epoch_days(), &last.epoch_days(), &limit];
        self.query(sql, &values, |row| {
            let day = Day::from_epoch_days(row.get(1));
            each(sheets::number(row, 0)?, day, sheets::day_sheet(row, 2)?)
        })
    }

    fn day_sheets_after(
        &self,
        after: Option<Place<Day>>,
        limit: usize,
    ) -> Result<Vec<(Place<Day>, DaySheet)>, StoreError> {
        let (day, block) = after.map_or((i32::MIN, 0), |(day, block)| {
            (day.epoch_days(), block.0.cast_signed())
        });
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut found = Vec::new();
        self.query(
            "SELECT day, block, hours, of_day, total FROM day_sheet
             WHERE day >= $1 AND (day, block) > ($1, $2) ORDER BY day, block LIMIT $3",
            &[&day, &block, &limit],
            |row| {
                let block: i64 = row.get(1);
                let place = (Day::from_epoch_days(row.get(0)), BlockId(block.cast_unsigned()));
                found.push((place, sheets::day_sheet(row, 2)?));
                Ok(())
            },
        )?;
        Ok(found)
    }

    fn hour_sheets_after(
        &self,
        after: Option<Place<Hour>>,
        limit: usize,
    ) -> Result<Vec<(Place<Hour>, HourSheet)>, StoreError> {
        let (hour, block) = after.map_or((i32::MIN, 0), |(hour, block)| {
            (hour.epoch_hours(), block.0.cast_signed())
        });
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut found = Vec::new();
        self.query(
            "SELECT hour, block, quantity, of_day, batch, batch_place FROM hour_sheet
             WHERE hour >= $1 AND (hour, block) > ($1, $2) ORDER BY hour, block LIMIT $3",
            &[&hour, &block, &limit],
            |row| {
                let columns: &dyn Columns = row;
                let place = (columns.get(0)?, columns.get(1)?);
                found.push((place, sheets::hour_sheet(row, 2)?));
                Ok(())
            },
        )?;
        Ok(found)
    }

    fn next_records(&self, of: &[(SeriesId, Hour)]) -> Result<Vec<Option<Hour>>, StoreError> {
        let transaction: &dyn Transaction = self;
        let asked: Vec<_> = of
            .iter()
            .map(|(series, hour)| {
                let slot = series.slot() + 1;
                values![series.block(), slot, hour.day(), later_that_day(*hour)]
            })
            .collect();
        let found: Vec<Option<(Day, u32)>> = transaction.row_each(
            "SELECT day, hours[?2] FROM day_sheet WHERE block = ?1 AND day >= ?3
             AND (hours[?2] & CASE day WHEN ?3 THEN ?4 ELSE -1 END) <> 0 ORDER BY day LIMIT 1",
            &asked,
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let hour = |((_, hour), found): (&(SeriesId, Hour), Option<(Day, u32)>)| {
            let (day, hours) = found?;
            let hours = if day == hour.day() {
                hours & later_that_day(*hour)
            } else {
                hours
            };
            let of_day = i32::try_from(hours.trailing_zeros()).ok()?;
            Some(day.first_hour().plus(of_day))
        };
        Ok(of.iter().zip(found).map(hour).collect())
    }

    fn put_hour_sheets(&self, sheets: &[(Place<Hour>, &HourSheet)]) -> Result<(), StoreError> {
        self.put(
            "INSERT INTO hour_sheet SELECT * FROM unnest($1::hour_sheet[]) ON CONFLICT (hour, block) DO UPDATE
             SET quantity = excluded.quantity, of_day = excluded.of_day, batch = excluded.batch,
                 batch_place = excluded.batch_place",
            sheets,
            |((hour, _), _)| *hour,
        )
    }

    fn put_day_sheets(&self, sheets: &[(Place<Day>, &DaySheet)]) -> Result<(), StoreError> {
        self.put(
            "INSERT INTO day_sheet SELECT * FROM unnest($1::day_sheet[]) ON CONFLICT (day, block) DO UPDATE
             SET hours = excluded.hours, of_day = excluded.of_day, total = excluded.total",
            sheets,
            |((day, _), _)| day.first_hour(),
        )
    }

    fn settle(&self) -> Result<(), StoreError> {
        let of_tables = "SELECT setval(pg_get_serial_sequence(counted.name, counted.number), counted.next, false)
             FROM (SELECT 'stack' AS name, 'id' AS number, coalesce(max(id), 0) + 1 AS next FROM stack
                   UNION ALL SELECT 'local_subscription', 'id', coalesce(max(id), 0) + 1 FROM local_subscription
                   UNION ALL SELECT 'local_meter', 'id', coalesce(max(id), 0) + 1 FROM local_meter
                   UNION ALL SELECT 'block', 'id', coalesce(max(id), 0) + 1 FROM block
                   UNION ALL SELECT 'attributes', 'id', coalesce(max(id), 0) + 1 FROM attributes
                   UNION ALL SELECT 'quarantine', 'position', coalesce(max(position), 0) + 1 FROM quarantine) AS counted";
        let of_batches = "SELECT setval('batch_number', coalesce(max(id), 0) + 1, false) FROM batch";
        for sql in [of_tables, of_batches] {
            self.query(sql, &[], |_| Ok(()))?;
        }
        Ok(())
    }
}

/// The hours of an hour's day that are after it, a bit each.
fn later_that_day(hour: Hour) -> u32 {
    let of_day = hour.epoch_hours() - hour.day().first_hour().epoch_hours();
    let up_to = u32::try_from(of_day).map_or(u32::MAX, |of_day| (2 << of_day) - 1);
    !up_to & 0x00ff_ffff
}
