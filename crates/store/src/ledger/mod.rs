//! The usage ledger, whatever database is behind it.
//!
//! A batch's way in: [`delivery`] looks its series up in the [`cache`] and hands it to the [`queue`]; the one
//! [`writer`] thread takes what waits and [`apply`]s it in one transaction, in which [`stacks`] are locked, [`intern`]
//! numbers what is new, [`records`] and [`observations`] decide what counts, [`staged`] [`sheet`]s hold records and
//! [`total`]s, [`history`] keeps attributes, [`repeats`] are not put into quarantine again, and [`receipts`] say what
//! became of it.
//!
//! Series that an earlier version stored are found again by [`folding`].
//!
//! What is done with the [`quarantine`] is an [`errand`] of the writer's between deliveries: a [`release`] is applied as a
//! delivery is.
//!
//! The way out: [`sums`], [`presence`] and [`listing`] read on connections of their own, [`check`] reads everything. What counted
//! when fewer receipts were made out than are now is found by [`as_of`], for which days that changed [`late`] are written down.
//!
//! Memory: the cache of series (40 MiB at most), deliveries that wait (32 MiB), the sheets of a transaction (16 MiB) and
//! its observations (4 MiB).

mod apply;
mod as_of;
mod cache;
mod changes;
mod check;
mod delivery;
mod errand;
mod folding;
mod history;
mod ids;
mod intern;
mod kept;
mod late;
mod listing;
mod lookups;
mod observations;
mod presence;
mod quarantine;
mod queue;
mod receipts;
mod records;
mod release;
mod repeats;
mod revised;
mod sayings;
mod sheet;
mod stacks;
mod staged;
mod sums;
mod tags;
#[cfg(test)]
mod tests;
mod total;
mod writer;

use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use domain::budget::Tag;
use domain::completeness::{Arrivals, Declared, Records, Silence};
use domain::ids::{BatchId, CloudId, QuarantineActId};
use domain::time::{Hour, HourInterval};
use tokio::sync::Semaphore;

use self::apply::Outcome;
use self::cache::SeriesCache;
use self::delivery::{Delivery, Wanted};
use self::errand::{Answered, Errand, Purge};
use self::queue::Queue;
use self::release::Prepared;
use crate::error::StoreError;
use crate::quarantine::{
    ActOutcome, Purged, QuarantineCount, QuarantineFilter, QuarantinePage, Release, Released,
};
use crate::receipt::Receipt;
use crate::transaction::{Readers, Writer};
use crate::usage::{
    Appended, Audit, Batch, LocalSubscriptionKey, MeterTotal, RecordCursor, RecordSaid, ResourceSum, Revised,
    SeriesKey, Slice, SliceSum, Slicing, StackProgress, StoredRecord, TaggedHours, UsageLedger,
};

#[cfg(test)]
pub(crate) use self::sheet::made_up;
pub(crate) use self::{
    check::{compare, laws},
    ids::{BatchRow, BlockId, Place, SLOTS, SeriesId},
    receipts::by_batches,
    sheet::{Cell, DayEntry, DaySheet, HourSheet, HoursOfDay, Sheet},
    stacks::{Stack, stack_columns},
    total::{Small, Total},
};

/// The series whose records need no look-up: 40 MiB.
const SERIES_REMEMBERED: usize = 512 * 1024;

/// The ledger on connections of a back end.
pub(crate) struct Ledger<R: Readers> {
    readers: R,
    cache: Arc<SeriesCache>,
    queue: Arc<Queue>,
    /// One permit: an audit reads everything.
    audits: Arc<Semaphore>,
    writer: Option<JoinHandle<()>>,
}

impl<R: Readers> Ledger<R> {
    /// Starts the thread that writes.
    pub(crate) fn start(readers: R, mut writer: impl Writer) -> Result<Self, StoreError> {
        stacks::refuse_half(&mut writer)?;
        folding::find_again(&mut writer)?;
        let (cache, queue) = (
            Arc::new(SeriesCache::new(SERIES_REMEMBERED)),
            Arc::new(Queue::default()),
        );
        let writer = writer::start(writer, Arc::clone(&queue), Arc::clone(&cache))?;
        Ok(Self {
            readers,
            cache,
            queue,
            audits: Arc::new(Semaphore::new(1)),
            writer: Some(writer),
        })
    }
}

impl<R: Readers> Drop for Ledger<R> {
    /// Waits until what was handed in is stored.
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
impl<R: Readers> UsageLedger for Ledger<R> {
    async fn append(&self, batch: Batch<'_>) -> Result<Appended, StoreError> {
        let mut wanted = Wanted::default();
        loop {
            let delivery = Delivery::prepare(&batch, &self.cache, &wanted);
            let answer = self.queue.put(delivery)?;
            match answer.await.map_err(|_| queue::closed())?? {
                Outcome::Done(appended) => return Ok(appended),
                Outcome::Nothing => return Err(StoreError::corrupt("a delivery was taken for a release")),
                Outcome::Again(more) => wanted.add(more),
            }
        }
    }

    async fn sums(&self, slices: &[Slice]) -> Result<Vec<SliceSum>, StoreError> {
        let slices = slices.to_vec();
        self.readers
            .read(move |transaction| sums::sums(transaction, &slices))
            .await
    }

    async fn sums_at(&self, slices: &[Slice], marks: &[(CloudId, u64)]) -> Result<Vec<SliceSum>, StoreError> {
        let (slices, marks) = (slices.to_vec(), marks.to_vec());
        self.readers
            .read(move |transaction| sums::sums_at(transaction, &slices, &marks))
            .await
    }

    async fn resource_sums_at(
        &self,
        slices: &[Slice],
        marks: &[(CloudId, u64)],
    ) -> Result<Vec<ResourceSum>, StoreError> {
        let (slices, marks) = (slices.to_vec(), marks.to_vec());
        self.readers
            .read(move |transaction| sums::resource_sums_at(transaction, &slices, &marks))
            .await
    }

    async fn revised_between(
        &self,
        slices: &[Slice],
        then: &[(CloudId, u64)],
        now: &[(CloudId, u64)],
    ) -> Result<Vec<Revised>, StoreError> {
        let (slices, then, now) = (slices.to_vec(), then.to_vec(), now.to_vec());
        self.readers
            .read(move |transaction| revised::revised_between(transaction, &slices, &then, &now))
            .await
    }

    async fn sayings_at(
        &self,
        of: SeriesKey,
        interval: HourInterval,
        marks: &[(CloudId, u64)],
    ) -> Result<Vec<RecordSaid>, StoreError> {
        let marks = marks.to_vec();
        self.readers
            .read(move |transaction| sayings::sayings_at(transaction, &of, interval, &marks))
            .await
    }

    async fn tagged_hours(&self, slices: &[Slice], tags: &[Tag]) -> Result<Vec<TaggedHours>, StoreError> {
        let (slices, tags) = (slices.to_vec(), tags.to_vec());
        self.readers
            .read(move |transaction| tags::tagged_hours(transaction, &slices, &tags))
            .await
    }

    async fn used_hours(&self, slices: &[Slice]) -> Result<Vec<Option<HourInterval>>, StoreError> {
        let slices = slices.to_vec();
        self.readers
            .read(move |transaction| lookups::used_hours(transaction, &slices))
            .await
    }

    async fn local_subscriptions(
        &self,
        stack: Option<CloudId>,
        interval: HourInterval,
    ) -> Result<Vec<LocalSubscriptionKey>, StoreError> {
        self.readers
            .read(move |transaction| lookups::with_records(transaction, stack, interval))
            .await
    }

    async fn local_subscriptions_at(
        &self,
        interval: HourInterval,
        marks: &[(CloudId, u64)],
    ) -> Result<Vec<LocalSubscriptionKey>, StoreError> {
        let marks = marks.to_vec();
        self.readers
            .read(move |transaction| sums::local_subscriptions_at(transaction, interval, &marks))
            .await
    }

    async fn local_subscriptions_after(
        &self,
        interval: HourInterval,
        marks: &[(CloudId, u64)],
    ) -> Result<Vec<LocalSubscriptionKey>, StoreError> {
        let marks = marks.to_vec();
        self.readers
            .read(move |transaction| sums::local_subscriptions_after(transaction, interval, &marks))
            .await
    }

    async fn stacks(&self) -> Result<Vec<CloudId>, StoreError> {
        self.readers.read(lookups::stacks).await
    }

    async fn meter_totals(&self, interval: HourInterval) -> Result<Vec<MeterTotal>, StoreError> {
        self.readers
            .read(move |transaction| sums::meter_totals(transaction, interval))
            .await
    }

    async fn receipts(&self, stack: CloudId, after: u64, limit: usize) -> Result<Vec<Receipt>, StoreError> {
        self.readers
            .read(move |transaction| receipts::after(transaction, stack, after, limit))
            .await
    }

    async fn receipt(&self, batch: BatchId) -> Result<Option<Receipt>, StoreError> {
        self.readers
            .read(move |transaction| Ok(receipts::of_batches(transaction, &[batch])?.pop().flatten()))
            .await
    }

    async fn receipts_under(
        &self,
        stack: CloudId,
        keys: Vec<String>,
    ) -> Result<Vec<Option<Receipt>>, StoreError> {
        self.readers
            .read(move |transaction| receipts::under_keys(transaction, stack, &keys))
            .await
    }

    async fn quarantine(
        &self,
        filter: &QuarantineFilter,
        after: u64,
        limit: usize,
    ) -> Result<QuarantinePage, StoreError> {
        let filter = filter.clone();
        self.readers
            .read(move |transaction| quarantine::list(transaction, &filter, after, limit))
            .await
    }

    async fn quarantined_at(&self, positions: &[u64]) -> Result<QuarantinePage, StoreError> {
        let positions = positions.to_vec();
        self.readers
            .read(move |transaction| quarantine::at(transaction, &positions))
            .await
    }

    async fn quarantine_counts(&self, stack: Option<CloudId>) -> Result<Vec<QuarantineCount>, StoreError> {
        self.readers
            .read(move |transaction| quarantine::counts(transaction, stack))
            .await
    }

    async fn release(&self, release: Release<'_>) -> Result<Released, StoreError> {
        let mut wanted = Wanted::default();
        loop {
            let prepared = Prepared::new(&release, &self.cache, &wanted);
            let answer = self
                .queue
                .put_errand(|answer| Errand::Release(prepared, answer))?;
            match answer.await.map_err(|_| queue::closed())?? {
                Answered::Done(released) => return Ok(released),
                Answered::Again(more) => wanted.add(more),
            }
        }
    }

    async fn purge(
        &self,
        act: QuarantineActId,
        positions: &[u64],
        rehearsal: bool,
    ) -> Result<Purged, StoreError> {
        let purge = Purge {
            act,
            positions: positions.to_vec(),
            rehearsal,
        };
        let answer = self.queue.put_errand(|answer| Errand::Purge(purge, answer))?;
        answer.await.map_err(|_| queue::closed())?
    }

    async fn acts(&self, acts: &[QuarantineActId]) -> Result<Vec<ActOutcome>, StoreError> {
        let acts = acts.to_vec();
        self.readers
            .read(move |transaction| quarantine::acts(transaction, &acts))
            .await
    }

    async fn watermark(&self, stack: CloudId) -> Result<Option<Hour>, StoreError> {
        self.readers
            .read(move |transaction| lookups::watermark(transaction, stack))
            .await
    }

    async fn progress(&self) -> Result<Vec<StackProgress>, StoreError> {
        self.readers.read(presence::progress).await
    }

    async fn declared(&self, stack: CloudId, from: Hour) -> Result<(Declared, Arrivals), StoreError> {
        self.readers
            .read(move |transaction| presence::declared(transaction, stack, from))
            .await
    }

    async fn records_by_hour(&self, stack: CloudId, interval: HourInterval) -> Result<Records, StoreError> {
        self.readers
            .read(move |transaction| presence::records_by_hour(transaction, stack, interval))
            .await
    }

    async fn silence(&self, stack: CloudId, latest: Hour, limit: usize) -> Result<Silence, StoreError> {
        self.readers
            .read(move |transaction| presence::silence(transaction, stack, latest, limit))
            .await
    }

    async fn records(
        &self,
        slice: Slice,
        after: Option<RecordCursor>,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        self.readers
            .read(move |transaction| listing::records(transaction, slice, after, limit))
            .await
    }

    async fn audit(&self, interval: HourInterval, slices: Slicing) -> Result<Audit, StoreError> {
        let running = Arc::clone(&self.audits)
            .try_acquire_owned()
            .map_err(|_| StoreError::Busy)?;
        self.readers
            .read_all(move |transaction| {
                // Until it has ended, whether or not somebody waits for it still.
                let _running = running;
                check::audit(transaction, interval, slices)
            })
            .await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.queue.writable()?;
        self.readers.read(lookups::what_every_delivery_needs).await
    }
}
