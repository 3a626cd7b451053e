//! A usage ledger in which looking for tags never comes to an end.

use std::sync::Arc;

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
use tokio::sync::mpsc::UnboundedSender;

/// The same as another ledger otherwise.
pub(super) struct Standing {
    pub(super) ledger: Arc<dyn UsageLedger>,
    /// Told whenever somebody begins to look for tags.
    pub(super) asked: UnboundedSender<()>,
}

#[async_trait]
impl UsageLedger for Standing {
    async fn append(&self, batch: Batch<'_>) -> Result<Appended, StoreError> {
        self.ledger.append(batch).await
    }
    async fn sums(&self, slices: &[Slice]) -> Result<Vec<SliceSum>, StoreError> {
        self.ledger.sums(slices).await
    }
    async fn sums_at(&self, slices: &[Slice], marks: &[(CloudId, u64)]) -> Result<Vec<SliceSum>, StoreError> {
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
    async fn tagged_hours(&self, _: &[Slice], _: &[Tag]) -> Result<Vec<TaggedHours>, StoreError> {
        let _ = self.asked.send(());
        std::future::pending().await
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
        self.ledger.quarantined_at(positions).await
    }
    async fn quarantine_counts(&self, stack: Option<CloudId>) -> Result<Vec<QuarantineCount>, StoreError> {
        self.ledger.quarantine_counts(stack).await
    }
    async fn release(&self, release: Release<'_>) -> Result<Released, StoreError> {
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
