//! Reads two memories side by side, record by record.

use std::cmp::Ordering;
use std::vec::IntoIter;

use super::record::Record;
use super::tables::Table;
use super::{CopiedTable, CopyError, Digest};
use crate::error::StoreError;
use crate::transaction::Transaction;

/// How many differences are worth being told.
const DIFFERENCES_MAX: usize = 20;

/// Where two memories differ.
#[derive(Default)]
pub(super) struct Differences {
    /// The first of them, a sentence each.
    pub(super) first: Vec<String>,
    /// How many there are.
    pub(super) count: u64,
}

impl Differences {
    fn add(&mut self, table: &'static dyn Table, record: &Record, how: &str) {
        self.count += 1;
        if self.first.len() < DIFFERENCES_MAX {
            self.first.push(format!("{} {how}", super::named(table, record)));
        }
    }
}

/// Compares one table. `done` is told of every further rows that were read.
pub(super) fn compare(
    table: &'static dyn Table,
    source: &dyn Transaction,
    target: &dyn Transaction,
    differences: &mut Differences,
    done: &mut dyn FnMut(u64),
) -> Result<CopiedTable, CopyError> {
    let mut source = Reading::new(table, source, CopyError::Source);
    let mut target = Reading::new(table, target, CopyError::Target);
    let (mut one, mut other) = (source.next()?, target.next()?);
    let mut told = 0;
    loop {
        let order = match (&one, &other) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one.key().cmp(other.key()),
        };
        match (&one, &other) {
            (Some(record), _) if order.is_lt() => differences.add(table, record, "is missing"),
            (_, Some(record)) if order.is_gt() => differences.add(table, record, "is not in the source"),
            (Some(one), Some(other)) if one.bytes() != other.bytes() => {
                differences.add(table, one, "is not what it is in the source");
            }
            _ => {}
        }
        if order.is_le() {
            one = source.next()?;
            if source.page.as_slice().is_empty() {
                done(source.rows - told);
                told = source.rows;
            }
        }
        if order.is_ge() {
            other = target.next()?;
        }
    }
    Ok(CopiedTable {
        name: table.name(),
        rows: source.rows,
        in_source: Digest::of(&source.digest),
        in_target: Digest::of(&target.digest),
    })
}

/// The digest of a whole table.
pub(super) fn digest(table: &'static dyn Table, transaction: &dyn Transaction) -> Result<Digest, StoreError> {
    let mut reading = Reading::new(table, transaction, |error| error);
    while reading.next()?.is_some() {}
    Ok(Digest::of(&reading.digest))
}

/// A table that is being read from its beginning to its end.
struct Reading<'t, E> {
    table: &'static dyn Table,
    transaction: &'t dyn Transaction,
    page: IntoIter<Record>,
    last: Option<Record>,
    /// Of every record read so far, each after its length.
    digest: blake3::Hasher,
    rows: u64,
    failed: fn(StoreError) -> E,
}

impl<'t, E> Reading<'t, E> {
    fn new(table: &'static dyn Table, transaction: &'t dyn Transaction, failed: fn(StoreError) -> E) -> Self {
        Self {
            table,
            transaction,
            page: Vec::new().into_iter(),
            last: None,
            digest: blake3::Hasher::new(),
            rows: 0,
            failed,
        }
    }

    fn next(&mut self) -> Result<Option<Record>, E> {
        if self.page.as_slice().is_empty() {
            let page = self
                .table
                .page(self.transaction, self.last.as_ref())
                .map_err(self.failed)?;
            if let Some(last) = page.last() {
                self.last = Some(last.clone());
            }
            self.page = page.into_iter();
        }
        let record = self.page.next();
        if let Some(record) = &record {
            let length = u64::try_from(record.bytes().len()).unwrap_or(u64::MAX);
            self.digest.update(&length.to_be_bytes()).update(record.bytes());
            self.rows += record.rows;
        }
        Ok(record)
    }
}
