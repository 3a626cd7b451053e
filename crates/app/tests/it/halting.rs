//! A usage ledger that stops in the middle of what it is asked for, when a test says so.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::budget::Tag;
use domain::completeness::{Arrivals, Declared, Records, Silence};
use domain::ids::{BatchId, CloudId, QuarantineActId};
use domain::time::{Hour, HourInterval};
use store::{
    ActOutcome, Appended, Audit, Batch, LocalSubscriptionKey, MeterTotal, Purged, QuarantineCount,
    QuarantineFilter, QuarantinePage, Receipt, RecordCursor, RecordSaid, Release, Released, ResourceSum,
    Revised, SeriesKey, Slice, SliceSum, Slicing, StackProgress, StoreError, StoredRecord, TaggedHours,
    UsageLedger,
};

pub(crate) struct Halting {
    ledger: Arc<dyn UsageLedger>,
    one_at_a_time: AtomicBool,
    releases: AtomicUsize,
    receipts_asked: AtomicUsize,
    /// What sums were asked for.
    summed: Mutex<Vec<Slice>>,
    /// What tags were asked for.
    tags_asked: Mutex<Vec<Vec<Tag>>>,
    tags_are_lost: AtomicBool,
    /// Whoever asks for sums, or for who used something, waits as long as a test holds this.
    gate: tokio::sync::Mutex<()>,
}

impl Halting {
    pub(crate) fn of(ledger: Arc<dyn UsageLedger>) -> Arc<Self> {
        Arc::new(Self {
            ledger,
            one_at_a_time: AtomicBool::new(false),
            releases: AtomicUsize::new(usize::MAX),
            receipts_asked: AtomicUsize::new(0),
            summed: Mutex::default(),
            tags_asked: Mutex::default(),
            tags_are_lost: AtomicBool::new(false),
            gate: tokio::sync::Mutex::default(),
        })
    }

    /// As long as this is held, no bill is reckoned to its end.
    pub(crate) async fn stand_still(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.gate.lock().await
    }

    /// What sums were asked for since this was last called.
    pub(crate) fn take_summed(&self) -> Vec<Slice> {
        std::mem::take(&mut *self.summed.lock().unwrap())
    }

    /// The tags that were asked for together since this was last called.
    pub(crate) fn take_tags_asked(&self) -> Vec<Vec<Tag>> {
        std::mem::take(&mut *self.tags_asked.lock().unwrap())
    }

    /// Whether tags cannot be read from now on.
    pub(crate) fn lose_tags(&self, lost: bool) {
        self.tags_are_lost.store(lost, Ordering::SeqCst);
    }

    /// How often receipts were asked for.
    pub(crate) fn receipts_asked(&self) -> usize {
        self.receipts_asked.load(Ordering::SeqCst)
    }

    /// From now on no two records fit into memory together, and so many releases succeed.
    pub(crate) fn releases_one_by_one(&self, releases: usize) {
        self.one_at_a_time.store(true, Ordering::SeqCst);
        self.releases.store(releases, Ordering::SeqCst);
    }
}

#[async_trait]
impl UsageLedger for Halting {
    async fn append(&self, batch: Batch<'_>) -> Result<Appended, StoreError> {
        self.ledger.append(batch).await
    }
    async fn sums(&self, slices: &[Slice]) -> Result<Vec<SliceSum>, StoreError> {
        self.ledger.sums(slices).await
    }
    async fn sums_at(&self, slices: &[Slice], marks: &[(CloudId, u64)]) -> Result<Vec<SliceSum>, StoreError> {
        drop(self.gate.lock().await);
        self.summed.lock().unwrap().extend_from_slice(slices);
        self.ledger.sums_at(slices, marks).await
    }
    async fn resource_sums_at(
        &self,
        slices: &[Slice],
        marks: &[(CloudId, u64)],
    ) -> Result<Vec<ResourceSum>, StoreError> {
        self.ledger.resource_sums_at(slices, marks).await
    }
    async fn revised_between(
        &self,
        slices: &[Slice],
        then: &[(CloudId, u64)],
        now: &[(CloudId, u64)],
    ) -> Result<Vec<Revised>, StoreError> {
        self.ledger.revised_between(slices, then, now).await
    }
    async fn sayings_at(
        &self,
        of: SeriesKey,
        interval: HourInterval,
        marks: &[(CloudId, u64)],
    ) -> Result<Vec<RecordSaid>, StoreError> {
        self.ledger.sayings_at(of, interval, marks).await
    }
    async fn tagged_hours(&self, slices: &[Slice], tags: &[Tag]) -> Result<Vec<TaggedHours>, StoreError> {
        self.tags_asked.lock().unwrap().push(tags.to_vec());
        if self.tags_are_lost.load(Ordering::SeqCst) {
            let detail = "the tags are lost".to_owned();
            return Err(StoreError::Unavailable { detail });
        }
        self.ledger.tagged_hours(slices, tags).await
    }
    async fn used_hours(&self, slices: &[Slice]) -> Result<Vec<Option<HourInterval>>, StoreError> {
        self.ledger.used_hours(slices).await
    }
    async fn local_subscriptions(
        &self,
        stack: Option<CloudId>,
        interval: HourInterval,
    ) -> Result<Vec<LocalSubscriptionKey>, StoreError> {
        self.ledger.local_subscriptions(stack, interval).await
    }
    async fn local_subscriptions_at(
        &self,
        interval: HourInterval,
        marks: &[(CloudId, u64)],
    ) -> Result<Vec<LocalSubscriptionKey>, StoreError> {
        drop(self.gate.lock().await);
        self.ledger.local_subscriptions_at(interval, marks).await
    }
    async fn local_subscriptions_after(
        &self,
        interval: HourInterval,
        marks: &[(CloudId, u64)],
    ) -> Result<Vec<LocalSubscriptionKey>, StoreError> {
        self.ledger.local_subscriptions_after(interval, marks).await
    }
    async fn stacks(&self) -> Result<Vec<CloudId>, StoreError> {
        self.ledger.stacks().await
    }
    async fn meter_totals(&self, interval: HourInterval) -> Result<Vec<MeterTotal>, StoreError> {
        self.ledger.meter_totals(interval).await
    }
    async fn receipts(&self, stack: CloudId, after: u64, limit: usize) -> Result<Vec<Receipt>, StoreError> {
        self.receipts_asked.fetch_add(1, Ordering::SeqCst);
        self.ledger.receipts(stack, after, limit).await
    }
    async fn receipt(&self, batch: BatchId) -> Result<Option<Receipt>, StoreError> {
        self.ledger.receipt(batch).await
    }
    async fn receipts_under(
        &self,
        stack: CloudId,
        keys: Vec<String>,
    ) -> Result<Vec<Option<Receipt>>, StoreError> {
        self.ledger.receipts_under(stack, keys).await
    }
    async fn quarantine(
        &self,
        filter: &QuarantineFilter,
        after: u64,
        limit: usize,
    ) -> Result<QuarantinePage, StoreError> {
        self.ledger.quarantine(filter, after, limit).await
    }
    async fn quarantined_at(&self, positions: &[u64]) -> Result<QuarantinePage, StoreError> {
        let mut page = self.ledger.quarantined_at(positions).await?;
        if self.one_at_a_time.load(Ordering::SeqCst) && page.records.len() > 1 {
            page.records.truncate(1);
            page.more = true;
        }
        Ok(page)
    }
    async fn quarantine_counts(&self, stack: Option<CloudId>) -> Result<Vec<QuarantineCount>, StoreError> {
        self.ledger.quarantine_counts(stack).await
    }
    async fn release(&self, release: Release<'_>) -> Result<Released, StoreError> {
        let left = self.releases.load(Ordering::SeqCst);
        let Some(left) = left.checked_sub(1) else {
            let detail = "the disk is full".to_owned();
            return Err(StoreError::Unavailable { detail });
        };
        self.releases.store(left, Ordering::SeqCst);
        self.ledger.release(release).await
    }
    async fn purge(
        &self,
        act: QuarantineActId,
        positions: &[u64],
        rehearsal: bool,
    ) -> Result<Purged, StoreError> {
        self.ledger.purge(act, positions, rehearsal).await
    }
    async fn acts(&self, acts: &[QuarantineActId]) -> Result<Vec<ActOutcome>, StoreError> {
        self.ledger.acts(acts).await
    }
    async fn watermark(&self, stack: CloudId) -> Result<Option<Hour>, StoreError> {
        self.ledger.watermark(stack).await
    }
    async fn progress(&self) -> Result<Vec<StackProgress>, StoreError> {
        self.ledger.progress().await
    }
    async fn declared(&self, stack: CloudId, from: Hour) -> Result<(Declared, Arrivals), StoreError> {
        self.ledger.declared(stack, from).await
    }
    async fn records_by_hour(&self, stack: CloudId, interval: HourInterval) -> Result<Records, StoreError> {
        self.ledger.records_by_hour(stack, interval).await
    }
    async fn silence(&self, stack: CloudId, latest: Hour, limit: usize) -> Result<Silence, StoreError> {
        self.ledger.silence(stack, latest, limit).await
    }
    async fn records(
        &self,
        slice: Slice,
        after: Option<RecordCursor>,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        self.ledger.records(slice, after, limit).await
    }
    async fn audit(&self, interval: HourInterval, slices: Slicing) -> Result<Audit, StoreError> {
        self.ledger.audit(interval, slices).await
    }
    async fn ready(&self) -> Result<(), StoreError> {
        self.ledger.ready().await
    }
}
