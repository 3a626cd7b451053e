//! The usage ledger on SQLite.
//!
//! A batch's way in: [`delivery`] looks its series up in the [`cache`] and hands it to the [`queue`]; the one
//! [`writer`] thread takes what waits and [`apply`]s it in one transaction, in which [`intern`] numbers what is new,
//! [`records`] and [`observations`] decide what counts, [`staged`] [`sheet`]s hold records and [`total`]s,
//! [`history`] keeps attributes and [`receipts`] say what became of it.
//!
//! The way out: [`sums`] and [`listing`] read on connections of their own, [`check`] reads everything.
//!
//! Memory: the cache of series (32 MiB at most), deliveries that wait (32 MiB), the sheets of a transaction (16 MiB),
//! and the page caches (64 MiB for the writer, 8 MiB for each of 4 readers).

mod apply;
mod bytes;
mod cache;
mod changes;
mod check;
mod columns;
mod delivery;
mod history;
mod ids;
mod intern;
mod listing;
mod lookups;
mod observations;
mod queue;
mod receipts;
mod records;
mod sheet;
mod staged;
mod sums;
#[cfg(test)]
mod tests;
mod total;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use domain::ids::{BatchId, CloudId};
use domain::time::{Hour, HourInterval};
use rusqlite::{Connection, Transaction};
use tokio::sync::Semaphore;

use self::apply::Outcome;
use self::cache::SeriesCache;
use self::delivery::{Delivery, Wanted};
use self::queue::Queue;
use super::migrations;
use super::pool::ReadPool;
use crate::error::StoreError;
use crate::receipt::Receipt;
use crate::usage::{
    Appended, Audit, Batch, LocalSubscriptionKey, MeterTotal, QuarantinedRecord, RecordCursor, Slice,
    SliceSum, Slicing, StoredRecord, UsageLedger,
};

/// The writer's page cache, in KiB: the sheets of the hours and days now being reported.
const WRITER_CACHE_KIB: i64 = 64 * 1024;
/// Pages in the write-ahead log after which it is copied into the database.
const CHECKPOINT_PAGES: i64 = 4000;
const STATEMENTS_KEPT: usize = 64;
/// The series whose records need no look-up: 32 MiB.
const SERIES_REMEMBERED: usize = 512 * 1024;

pub(super) struct SqliteLedger {
    readers: ReadPool,
    cache: Arc<SeriesCache>,
    queue: Arc<Queue>,
    /// One permit: an audit reads everything.
    audits: Arc<Semaphore>,
    writer: Option<JoinHandle<()>>,
    _lock: Arc<File>,
}

impl SqliteLedger {
    pub(super) fn open(path: &Path, lock: Arc<File>) -> Result<Self, StoreError> {
        let connection = super::open_for_writing(path, &migrations::USAGE)?;
        connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        Self::start(path, connection, lock)
    }

    fn start(path: &Path, connection: Connection, lock: Arc<File>) -> Result<Self, StoreError> {
        let (cache, queue) = (
            Arc::new(SeriesCache::new(SERIES_REMEMBERED)),
            Arc::new(Queue::default()),
        );
        let writer = writer::start(connection, Arc::clone(&queue), Arc::clone(&cache))?;
        Ok(Self {
            readers: ReadPool::new(path),
            cache,
            queue,
            audits: Arc::new(Semaphore::new(1)),
            writer: Some(writer),
            _lock: lock,
        })
    }
}

impl Drop for SqliteLedger {
    /// Waits until what was handed in is stored, all of it in the one file.
    fn drop(&mut self) {
        self.readers.close_idle();
        self.queue.close();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the writer of the usage ledger has panicked");
        }
    }
}

#[async_trait]
impl UsageLedger for SqliteLedger {
    async fn append(&self, batch: Batch<'_>) -> Result<Appended, StoreError> {
        let mut wanted = Wanted::default();
        loop {
            let delivery = Delivery::prepare(&batch, &self.cache, &wanted);
            let answer = self.queue.put(delivery)?;
            match answer.await.map_err(|_| queue::closed())?? {
                Outcome::Done(appended) => return Ok(appended),
                Outcome::Again(more) => wanted.add(more),
            }
        }
    }

    async fn sums(&self, slices: &[Slice]) -> Result<Vec<SliceSum>, StoreError> {
        let slices = slices.to_vec();
        self.readers
            .read(move |connection| sums::sums(connection, &slices))
            .await
    }

    async fn used_hours(&self, slices: &[Slice]) -> Result<Vec<Option<HourInterval>>, StoreError> {
        let slices = slices.to_vec();
        self.readers
            .read(move |connection| {
                let hours = |slice: &Slice| lookups::used_hours(connection, *slice);
                slices.iter().map(hours).collect()
            })
            .await
    }

    async fn local_subscriptions(
        &self,
        stack: Option<CloudId>,
        interval: HourInterval,
    ) -> Result<Vec<LocalSubscriptionKey>, StoreError> {
        self.readers
            .read(move |connection| lookups::with_records(connection, stack, interval))
            .await
    }

    async fn stacks(&self) -> Result<Vec<CloudId>, StoreError> {
        self.readers.read(|connection| lookups::stacks(connection)).await
    }

    async fn meter_totals(&self, interval: HourInterval) -> Result<Vec<MeterTotal>, StoreError> {
        self.readers
            .read(move |connection| sums::meter_totals(connection, interval))
            .await
    }

    async fn receipts(&self, stack: CloudId, after: u64, limit: usize) -> Result<Vec<Receipt>, StoreError> {
        self.readers
            .read(move |connection| receipts::after(connection, stack, after, limit))
            .await
    }

    async fn receipt(&self, batch: BatchId) -> Result<Option<Receipt>, StoreError> {
        self.readers
            .read(move |connection| receipts::by_batch(connection, batch))
            .await
    }

    async fn quarantine(
        &self,
        stack: Option<CloudId>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<QuarantinedRecord>, StoreError> {
        self.readers
            .read(move |connection| receipts::quarantine(connection, stack, after, limit))
            .await
    }

    async fn watermark(&self, stack: CloudId) -> Result<Option<Hour>, StoreError> {
        self.readers
            .read(move |connection| lookups::watermark(connection, stack))
            .await
    }

    async fn records(
        &self,
        slice: Slice,
        after: Option<RecordCursor>,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        self.readers
            .read(move |connection| listing::records(connection, slice, after, limit))
            .await
    }

    async fn audit(&self, interval: HourInterval, slices: Slicing) -> Result<Audit, StoreError> {
        let running = Arc::clone(&self.audits)
            .try_acquire_owned()
            .map_err(|_| StoreError::Busy)?;
        self.readers
            .read(move |transaction| {
                // Until it has ended, whether or not somebody waits for it still.
                let _running = running;
                check::audit(transaction, interval, slices)
            })
            .await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.queue.writable()?;
        let first = |connection: &Transaction<'_>| {
            let mut statement = connection.prepare_cached("SELECT count(*) FROM sqlite_schema")?;
            Ok(statement.query_row([], |row| row.get::<_, u64>(0))?)
        };
        self.readers.read(first).await?;
        Ok(())
    }
}
