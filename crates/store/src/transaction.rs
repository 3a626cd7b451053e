//! How the journal and the ledger speak to a database: in transactions, synchronously, in SQL that every back end
//! understands. What they do not understand alike is a method of its own.

mod columns;

use std::collections::BTreeMap;
use std::future::Future;

use domain::ids::CloudId;
use domain::quantity::Quantity;
use domain::time::{Day, Hour};

pub(crate) use self::columns::{Columns, FromColumn};
use crate::error::StoreError;
use crate::ledger::{BatchRow, BlockId, DaySheet, HourSheet, Place, SeriesId, Stack};

/// A value on its way into a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    /// Nothing.
    Null,
    /// A number, a count, an hour, a day.
    Integer(i64),
    /// An id of 16 bytes, a hash, a body.
    Bytes(&'a [u8]),
    /// A text, whatever characters it has.
    Text(&'a str),
    /// An exact decimal.
    Quantity(Quantity),
}

impl From<i32> for Value<'_> {
    fn from(number: i32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u64> for Value<'_> {
    /// As large as it can be: a limit or a position beyond all there are.
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Value<'_> {
    /// As for [`u64`].
    fn from(number: usize) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<Hour> for Value<'_> {
    fn from(hour: Hour) -> Self {
        hour.epoch_hours().into()
    }
}

impl From<Day> for Value<'_> {
    fn from(day: Day) -> Self {
        day.epoch_days().into()
    }
}

impl From<Quantity> for Value<'_> {
    fn from(quantity: Quantity) -> Self {
        Self::Quantity(quantity)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The values of a statement: whatever can be one, in a row.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::transaction::Value::from($value)),*] };
}
pub(crate) use values;

/// Takes a row, with the place of what it answers. It must not ask the transaction: the answer is still being read.
pub(crate) type Each<'e> = &'e mut dyn FnMut(usize, &dyn Columns) -> Result<(), StoreError>;

/// Which sheets of a block's days are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// All of them, in order.
    All,
    /// So many of the first, in order.
    First(u32),
    /// So many of the last, in reverse order.
    Last(u32),
}

/// One transaction, as one thread speaks to it.
///
/// SQL is a constant, so that it is prepared once; its values are `?1`, `?2` and so on.
pub(crate) trait Transaction {
    /// Runs a statement `times` times, each time with as many of the values, in order, and takes the rows of the
    /// answers in the same order.
    fn run(
        &self,
        sql: &'static str,
        times: usize,
        values: &[Value<'_>],
        each: Each<'_>,
    ) -> Result<(), StoreError>;

    /// Whether this unit of work was perhaps done before: a commit was asked for and no answer came. What is there now may
    /// be somebody else's all the same, so its own has to be recognisable.
    fn again(&self) -> bool;

    /// What the database itself finds wrong with what it keeps.
    fn damage(&self) -> Result<Vec<String>, StoreError>;

    /// What its tables are made of, and what the migrations make.
    fn definitions(&self) -> Result<Definitions, StoreError>;

    // Of usage:

    /// Finds stacks, or adds them, and lets nobody else write about them until this transaction ends. In the order
    /// asked for, which is that of their ids.
    fn lock_stacks(&self, stacks: &[CloudId]) -> Result<Vec<Stack>, StoreError>;

    /// Lets nobody else put anything into quarantine until this transaction ends, so that whoever has read up to a
    /// position misses nothing that comes later.
    fn lock_quarantine(&self) -> Result<(), StoreError>;

    /// Numbers for batches, larger than those of every batch of the stacks that are locked.
    fn batch_numbers(&self, count: usize) -> Result<Vec<BatchRow>, StoreError>;

    /// The sheets of records at some places, as far as there are any. `each` gets the number of the place among those
    /// asked for.
    fn hour_sheets(
        &self,
        places: &[Place<Hour>],
        each: &mut dyn FnMut(usize, HourSheet),
    ) -> Result<(), StoreError>;

    /// The sheets of totals at some places, likewise.
    fn day_sheets(
        &self,
        places: &[Place<Day>],
        each: &mut dyn FnMut(usize, DaySheet),
    ) -> Result<(), StoreError>;

    /// The sheets of totals of blocks on the days from `first` to `last`, block by block. `each` gets the number of the
    /// block among those asked for.
    fn day_sheets_of(
        &self,
        blocks: &[BlockId],
        days: (Day, Day),
        which: Which,
        each: &mut dyn FnMut(usize, Day, DaySheet) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// The sheets of totals after a place, in the order of places, `limit` at most.
    fn day_sheets_after(
        &self,
        after: Option<Place<Day>>,
        limit: usize,
    ) -> Result<Vec<(Place<Day>, DaySheet)>, StoreError>;

    /// The sheets of records after a place, likewise.
    fn hour_sheets_after(
        &self,
        after: Option<Place<Hour>>,
        limit: usize,
    ) -> Result<Vec<(Place<Hour>, HourSheet)>, StoreError>;

    /// For each of some hours of series, the hour of the series' first record after it.
    fn next_records(&self, of: &[(SeriesId, Hour)]) -> Result<Vec<Option<Hour>>, StoreError>;

    /// Puts sheets at their places, instead of those that may be there.
    fn put_hour_sheets(&self, sheets: &[(Place<Hour>, &HourSheet)]) -> Result<(), StoreError>;

    /// Puts sheets at their places, instead of those that may be there.
    fn put_day_sheets(&self, sheets: &[(Place<Day>, &DaySheet)]) -> Result<(), StoreError>;

    /// After everything was put here with the numbers it has elsewhere: makes the next numbers larger than these.
    fn settle(&self) -> Result<(), StoreError>;
}

impl dyn Transaction + '_ {
    /// Runs a statement that answers nothing, for each of many values.
    pub(crate) fn execute_each<const N: usize>(
        &self,
        sql: &'static str,
        values: &[[Value<'_>; N]],
    ) -> Result<(), StoreError> {
        self.each(sql, values, &mut |_, _| Ok(()))
    }

    /// As [`Transaction::run`], for each of many values.
    pub(crate) fn each<const N: usize>(
        &self,
        sql: &'static str,
        values: &[[Value<'_>; N]],
        each: Each<'_>,
    ) -> Result<(), StoreError> {
        self.run(sql, values.len(), values.as_flattened(), each)
    }

    /// All rows of an answer.
    pub(crate) fn rows<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl Fn(&dyn Columns) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut rows = Vec::new();
        self.run(sql, 1, values, &mut |_, row| {
            rows.push(read(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// The first row of an answer, if it has one.
    pub(crate) fn row<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl Fn(&dyn Columns) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(sql, values, read)?.into_iter().next())
    }

    /// The first row of an answer that cannot be empty.
    pub(crate) fn the_row<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl Fn(&dyn Columns) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let row = self.row(sql, values, read)?;
        row.ok_or_else(|| StoreError::corrupt("a row that another one refers to is not there"))
    }

    /// For each of many values the last row of the answer, if it has one: there is one at most, as a rule.
    pub(crate) fn row_each<T: Clone, const N: usize>(
        &self,
        sql: &'static str,
        values: &[[Value<'_>; N]],
        read: impl Fn(&dyn Columns) -> Result<T, StoreError>,
    ) -> Result<Vec<Option<T>>, StoreError> {
        let mut rows = vec![None; values.len()];
        self.each(sql, values, &mut |place, row| {
            rows[place] = Some(read(row)?);
            Ok(())
        })?;
        Ok(rows)
    }
}

/// Connections that read.
pub(crate) trait Readers: Send + Sync + 'static {
    /// Whether no other process writes while they are open.
    const ALONE: bool;

    /// Runs `read` on one state of the database, as it was committed last. When nobody waits for the answer any more,
    /// what runs is interrupted.
    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Transaction) -> Result<T, StoreError> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send;

    /// As [`Readers::read`] for what reads everything there is, for as long as that takes.
    fn read_all<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Transaction) -> Result<T, StoreError> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        self.read(read)
    }

    /// As [`Readers::read`] for what is asked with one statement before requests of people who wait, or with few that may see
    /// what others did between them: nothing is around it that would cost another answer of the database. It may be run more than once, and ends by itself soon.
    fn glance<T: Send + 'static>(
        &self,
        read: impl Fn(&dyn Transaction) -> Result<T, StoreError> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        self.read(read)
    }

    /// Closes the connections that nobody reads with.
    fn close_idle(&self);
}

/// One of the things that a database is made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Definition {
    /// Of which table.
    pub(crate) table: String,
    /// Its kind and name: `index batch_declared`.
    pub(crate) what: String,
}

/// What a database is made of, with its texts.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    /// By the migrations.
    pub(crate) expected: BTreeMap<Definition, String>,
    /// As it is.
    pub(crate) found: BTreeMap<Definition, String>,
}

/// A connection that writes.
pub(crate) trait Writer: Send + 'static {
    /// Runs a unit of work in a transaction and commits it. It may be run more than once: only what the last run did is
    /// in the database.
    fn write<T>(
        &mut self,
        work: impl FnMut(&dyn Transaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError>;

    /// As [`Writer::write`], but what was done is taken back, and only told, where it is not to stay.
    fn write_if<T>(
        &mut self,
        mut work: impl FnMut(&dyn Transaction) -> Result<T, StoreError>,
        stays: impl Fn(&T) -> bool,
    ) -> Result<T, StoreError> {
        let mut told = None;
        let written = self.write(|transaction| {
            told = None;
            let done = work(transaction)?;
            if stays(&done) {
                return Ok(done);
            }
            told = Some(done);
            // Whatever the error is: with one nothing stays.
            Err(StoreError::Busy)
        });
        told.map_or(written, Ok)
    }

    /// Writes something that means nothing, all the way to the disk.
    fn probe(&mut self) -> Result<(), StoreError>;

    /// The last thing to do with it.
    fn close(&mut self);
}

/// What a memory is opened for as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// To be copied from. It must be there.
    Source,
    /// To be copied to. It is made if it is not there.
    Target,
}

/// A memory as one thread has it, all of it: the books, the usage and the sign-ins.
pub(crate) trait Whole {
    /// Runs `read` on one state of it, as it was committed last, for as long as it takes.
    fn read(
        &mut self,
        read: &mut dyn FnMut(&dyn Transaction) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// As [`Writer::write`].
    fn write(
        &mut self,
        work: &mut dyn FnMut(&dyn Transaction) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// Lets the database look at how much there is, where it plans by that, for as long as it takes. Nothing
    /// of the memory depends on it.
    fn look_over(&mut self) -> Result<(), StoreError>;
}
