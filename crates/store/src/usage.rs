//! The port of the usage ledger: batches in; sums, records and receipts out.

use std::sync::Arc;

use async_trait::async_trait;
use domain::budget::Tag;
use domain::completeness::{Arrivals, Declared, Records, Silence};
use domain::ids::{BatchId, CloudId, LocalMeterId, LocalSubscriptionId, QuarantineActId};
use domain::quantity::{Quantity, QuantitySum};
use domain::time::{Hour, HourInterval, Timestamp};
use domain::usage::{Granularity, Quarantined, UsageRecord};

use crate::error::StoreError;
use crate::quarantine::{
    ActOutcome, Purged, QuarantineCount, QuarantineFilter, QuarantinePage, Release, Released,
};
use crate::receipt::{Link, Receipt};

/// The reported-time window a delivery was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportedWindow {
    /// Its start: the reported time of the delivery's records. Where the delivery does not name it, the hour in
    /// which the delivery was received.
    pub start: Hour,
    /// Its end, if the delivery names it.
    pub end: Option<Hour>,
    /// The hour up to which the stack declares to have reported everything, if it does.
    pub through: Option<Hour>,
}

/// One record of a delivery.
#[derive(Debug, Clone)]
pub struct DeliveredRecord<'a> {
    /// Its place in the delivery, from 0.
    pub index: u32,
    /// What it says.
    pub record: UsageRecord<'a>,
}

/// One delivery of usage records.
pub struct Batch<'a> {
    /// Its id, new for every delivery that may be stored.
    pub id: BatchId,
    /// The stack that delivers.
    pub stack: CloudId,
    /// When it came in.
    pub received_at: Timestamp,
    /// The window it was read from.
    pub window: ReportedWindow,
    /// The deliverer's own name for the delivery: delivered again under this name it is answered, not stored again.
    pub idempotency_key: Option<&'a str>,
    /// Receipts of the stack that the deliverer relies on: if one of them is not here, nothing is stored.
    pub known_receipts: &'a [Link],
    /// BLAKE3 of the body as delivered and of the parameters that came with it.
    pub digest: [u8; 32],
    /// The records that could be read.
    pub records: &'a [DeliveredRecord<'a>],
    /// The records that could not.
    pub quarantined: &'a [Quarantined<'a>],
    /// The text of the record at an index. Asked only for a record that the ledger itself has to refuse.
    pub raw: &'a (dyn Fn(u32) -> String + Sync),
}

impl Batch<'_> {
    /// How many records it brings, readable or not. More than are counted in 32 bits are too many for any ledger.
    pub(crate) fn received(&self) -> u32 {
        u32::try_from(self.records.len() + self.quarantined.len()).unwrap_or(u32::MAX)
    }
}

/// What came of a delivery. All of it is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// It was stored.
    New(Receipt),
    /// The same delivery was stored before under its idempotency key; this is its receipt.
    Repeated(Receipt),
    /// Another delivery was stored under its idempotency key. Nothing of this one was stored.
    KeyReused {
        /// The batch that has the key.
        first: BatchId,
    },
    /// A receipt that the deliverer relies on is not here. Nothing of this delivery was stored, whatever its key.
    ReceiptNotKnown {
        /// The receipt.
        missing: Link,
        /// The number of the stack's last receipt; 0 if it has none.
        last: u64,
        /// The furthest hour up to which the stack ever declared to have reported everything.
        reported_through: Option<Hour>,
    },
}

/// A local subscription of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalSubscriptionKey {
    /// The stack.
    pub stack: CloudId,
    /// The local subscription.
    pub local_subscription: LocalSubscriptionId,
}

/// Some hours of a local subscription's usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// Whose usage.
    pub of: LocalSubscriptionKey,
    /// Which hours. A record belongs to the interval that holds its usage start.
    pub interval: HourInterval,
}

/// What was consumed of one meter in one slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceSum {
    /// The slice, by its place among those asked for.
    pub slice: usize,
    /// The meter.
    pub local_meter: LocalMeterId,
    /// The exact sum of the records that count.
    pub quantity: QuantitySum,
    /// How many records that is.
    pub records: u64,
}

/// How many records of one meter in one slice count with another quantity than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revised {
    /// The slice, by its place among those asked for.
    pub slice: usize,
    /// The meter.
    pub local_meter: LocalMeterId,
    /// How many records.
    pub records: u64,
}

/// What one resource consumed of one meter in one slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceSum {
    /// The slice, by its place among those asked for.
    pub slice: usize,
    /// The meter.
    pub local_meter: LocalMeterId,
    /// The resource, in the case first seen.
    pub resource_uri: Arc<str>,
    /// The exact sum of the records that count.
    pub quantity: QuantitySum,
}

/// What measures one local meter on one resource: its records are told apart by their hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesKey {
    /// Who used it.
    pub of: LocalSubscriptionKey,
    /// The meter.
    pub local_meter: LocalMeterId,
    /// The resource, in the case first seen: as [`ResourceSum::resource_uri`].
    pub resource_uri: Arc<str>,
}

/// Everything that was said about one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSaid {
    /// The usage start.
    pub start: Hour,
    /// How long it lasted.
    pub granularity: Granularity,
    /// What was said, in the order in which it came: the same quantity more than once only where it was said at an earlier
    /// reported time later. What only repeats is not kept.
    pub sayings: Vec<Said>,
    /// The place of the one among them that counts ([`domain::usage::that_counts`]).
    pub counts: usize,
}

/// What a batch said about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// How much.
    pub quantity: Quantity,
    /// The reported time of the batch.
    pub reported: Hour,
    /// The batch.
    pub batch: BatchId,
    /// The number of its receipt among those of the stack.
    pub receipt: u64,
}

/// Hours of one slice in which the records of one resource and meter carry a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedHours {
    /// The tag, by its place among those asked for.
    pub tag: usize,
    /// The slice, by its place among those asked for.
    pub slice: usize,
    /// The meter.
    pub local_meter: LocalMeterId,
    /// The resource, in the case first seen.
    pub resource_uri: Arc<str>,
    /// The hours; a record carries what was sent with it, by its usage start.
    pub hours: HourInterval,
}

/// What was consumed of one meter on one stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterTotal {
    /// The stack.
    pub stack: CloudId,
    /// The meter.
    pub local_meter: LocalMeterId,
    /// The exact sum of the records that count.
    pub quantity: QuantitySum,
    /// How many records that is.
    pub records: u64,
}

/// How far a stack has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackProgress {
    /// The stack.
    pub stack: CloudId,
    /// The number of its last batch: while it stays, nothing that is known of the stack's usage changes.
    pub sequence: u64,
}

/// Told the local subscriptions with usage in an interval, in order, says how to slice their usage up.
pub type Slicing = Box<dyn FnOnce(&[LocalSubscriptionKey]) -> Vec<Slice> + Send>;

/// The ledger at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Where the ledger contradicts itself: totals and records, records and revisions, receipts and their chain. One
    /// sentence for everything wrong; none if all is sound.
    pub problems: Vec<String>,
    /// What became of all records ever received. Whether that adds up is for the reader to tell.
    pub counts: LedgerCounts,
    /// As [`UsageLedger::meter_totals`], for the interval.
    pub meter_totals: Vec<MeterTotal>,
    /// As [`UsageLedger::sums`], for the slices.
    pub sums: Vec<SliceSum>,
}

/// What became of all records ever received: `received = counted + superseded + duplicate + quarantined`, unless some
/// were lost. Those received and the duplicates are counted by receipts, the others where they are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerCounts {
    /// Records delivered.
    pub received: u64,
    /// Records that count.
    pub counted: u64,
    /// Records whose quantity lost against another one for the same key.
    pub superseded: u64,
    /// Records that said again what was known.
    pub duplicate: u64,
    /// Records in quarantine, those that were purged among them.
    pub quarantined: u64,
}

impl LedgerCounts {
    /// Whether every record received became something.
    pub(crate) const fn add_up(&self) -> bool {
        self.received == self.counted + self.superseded + self.duplicate + self.quarantined
    }
}

/// The attributes of a series in some hour, as sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Attributes {
    /// Where the resource is.
    pub location: String,
    /// Its tags.
    pub tags: String,
    /// What the resource provider adds.
    pub additional_info: String,
}

/// A place among the records of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordCursor {
    /// The usage start.
    pub start: Hour,
    /// The series, by its number in the ledger.
    pub series: u64,
}

/// A record that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its place: ask for what comes after it to get the next page.
    pub cursor: RecordCursor,
    /// The usage start.
    pub start: Hour,
    /// How long it lasted.
    pub granularity: Granularity,
    /// What was measured.
    pub local_meter: LocalMeterId,
    /// The resource, in the case first seen.
    pub resource_uri: Arc<str>,
    /// The attributes that came with it.
    pub attributes: Arc<Attributes>,
    /// How much.
    pub quantity: Quantity,
    /// The batch that said so first (at the earliest reported time).
    pub batch: BatchId,
    /// The reported time of that batch.
    pub reported: Hour,
}

/// Usage records by the hundred million, and what became of every delivery.
///
/// Reading sees everything acknowledged before it began.
#[async_trait]
pub trait UsageLedger: Send + Sync {
    /// Takes a delivery in, as a whole or not at all. Once this returns `Ok` it is durable; records known already
    /// are recognised, revisions are kept, and which of them counts is decided by [`domain::usage::that_counts`].
    ///
    /// # Errors
    /// [`StoreError::Busy`] or [`StoreError::Unavailable`]; nothing of the delivery is stored then. With
    /// [`StoreError::Uncertain`] all of it may be: delivered again, it is counted once all the same.
    async fn append(&self, batch: Batch<'_>) -> Result<Appended, StoreError>;

    /// What was consumed in each of the slices: one entry per slice and meter with records, in this order.
    async fn sums(&self, slices: &[Slice]) -> Result<Vec<SliceSum>, StoreError>;

    /// As [`UsageLedger::sums`], of what counted when each stack had the receipts numbered up to its mark and no others: of a
    /// stack that is not named nothing did. Which saying counts is decided by [`domain::usage::that_counts`] among those of
    /// these receipts, so whatever comes later changes nothing of the answer. A release from quarantine is a receipt of its
    /// own. A mark beyond a stack's last receipt is as that receipt.
    ///
    /// Where nothing came after the mark the totals of days are added up. Everywhere else they are, too, if all that came
    /// after the mark was received in the last hour of a day's month or later, except for the days that it was about.
    async fn sums_at(&self, slices: &[Slice], marks: &[(CloudId, u64)]) -> Result<Vec<SliceSum>, StoreError>;

    /// How many records counted with one quantity up to the marks of `then` and with another up to those of `now`: one entry per
    /// slice and meter with such records, in this order. Records of which nothing counted then came late and are not among
    /// them. Only days about which something came after the marks of `then` are read, hour by hour.
    async fn revised_between(
        &self,
        slices: &[Slice],
        then: &[(CloudId, u64)],
        now: &[(CloudId, u64)],
    ) -> Result<Vec<Revised>, StoreError>;

    /// As [`UsageLedger::sums_at`], told apart by resource: those of one slice and meter sum to its entry there.
    async fn resource_sums_at(
        &self,
        slices: &[Slice],
        marks: &[(CloudId, u64)],
    ) -> Result<Vec<ResourceSum>, StoreError>;

    /// What was said about the records of a series that start in an interval, in order, up to the marks of stacks: as
    /// [`UsageLedger::sums_at`]. Those that count sum to its [`ResourceSum`] in that interval. Every hour is looked at: ask
    /// for a day.
    async fn sayings_at(
        &self,
        of: SeriesKey,
        interval: HourInterval,
        marks: &[(CloudId, u64)],
    ) -> Result<Vec<RecordSaid>, StoreError>;

    /// The hours of each slice in which its records carry one of these tags, by tag, slice, resource with meter, and hour;
    /// nothing of those that carry none. Names of tags are the same in whatever case, values to the letter. It goes by the
    /// attributes that are known now, and reads them once however many tags are asked for.
    async fn tagged_hours(&self, slices: &[Slice], tags: &[Tag]) -> Result<Vec<TaggedHours>, StoreError>;

    /// For each of the slices, from the first hour in which it has usage to the end of the last; nothing for one
    /// without records.
    async fn used_hours(&self, slices: &[Slice]) -> Result<Vec<Option<HourInterval>>, StoreError>;

    /// The local subscriptions (of one stack, or of all) with usage in an interval, in order.
    async fn local_subscriptions(
        &self,
        stack: Option<CloudId>,
        interval: HourInterval,
    ) -> Result<Vec<LocalSubscriptionKey>, StoreError>;

    /// The local subscriptions with usage in an interval, in order, when each stack had the receipts numbered up to its mark:
    /// as [`UsageLedger::sums_at`].
    async fn local_subscriptions_at(
        &self,
        interval: HourInterval,
        marks: &[(CloudId, u64)],
    ) -> Result<Vec<LocalSubscriptionKey>, StoreError>;

    /// The local subscriptions with usage in an interval about which anything may have been said after the marks of stacks, in
    /// order; of a stack that is not named, all of them. None is left out whose [`UsageLedger::sums_at`] these marks in the
    /// interval are others than its sums now. One is named without that where what was said changed nothing, or where it is
    /// not written down which days it was about.
    async fn local_subscriptions_after(
        &self,
        interval: HourInterval,
        marks: &[(CloudId, u64)],
    ) -> Result<Vec<LocalSubscriptionKey>, StoreError>;

    /// The stacks that have ever delivered, in order.
    async fn stacks(&self) -> Result<Vec<CloudId>, StoreError>;

    /// What was consumed in an interval: one entry per stack and meter with records, in this order.
    async fn meter_totals(&self, interval: HourInterval) -> Result<Vec<MeterTotal>, StoreError>;

    /// The receipts of a stack numbered above `after`, in order, `limit` at most: without their problems, of which there are
    /// many.
    async fn receipts(&self, stack: CloudId, after: u64, limit: usize) -> Result<Vec<Receipt>, StoreError>;

    /// The receipt of a batch.
    async fn receipt(&self, batch: BatchId) -> Result<Option<Receipt>, StoreError>;

    /// The receipts of what a stack delivered under these idempotency keys, in their order, without their problems; none
    /// where nothing was.
    async fn receipts_under(
        &self,
        stack: CloudId,
        keys: Vec<String>,
    ) -> Result<Vec<Option<Receipt>>, StoreError>;

    /// The records that are or were in quarantine and fit a filter, positioned above `after`, in order, `limit` at most,
    /// and no more than fit easily into memory.
    async fn quarantine(
        &self,
        filter: &QuarantineFilter,
        after: u64,
        limit: usize,
    ) -> Result<QuarantinePage, StoreError>;

    /// The records that are or were in quarantine at some positions, in order, as far as there are any: the first of them, as
    /// many as fit easily into memory.
    async fn quarantined_at(&self, positions: &[u64]) -> Result<QuarantinePage, StoreError>;

    /// How many records wait in quarantine, by stack and reason, in order.
    async fn quarantine_counts(&self, stack: Option<CloudId>) -> Result<Vec<QuarantineCount>, StoreError>;

    /// Releases records from quarantine: all of it or nothing. A record that waits still, and can be counted, counts as if
    /// it had been delivered at its batch's reported time; one that cannot waits on, with the reason that was found.
    /// Done again it changes nothing.
    ///
    /// # Errors
    /// As [`UsageLedger::append`]. What may be stored all the same can be asked for by its act.
    async fn release(&self, release: Release<'_>) -> Result<Released, StoreError>;

    /// Removes the texts of records that wait in quarantine: all of it or nothing. They stay there without them.
    /// A rehearsal only says which these are.
    ///
    /// # Errors
    /// As [`UsageLedger::append`].
    async fn purge(
        &self,
        act: QuarantineActId,
        positions: &[u64],
        rehearsal: bool,
    ) -> Result<Purged, StoreError>;

    /// What acts have come to, for each of them.
    async fn acts(&self, acts: &[QuarantineActId]) -> Result<Vec<ActOutcome>, StoreError>;

    /// The furthest hour up to which a stack has ever declared to have reported everything.
    async fn watermark(&self, stack: CloudId) -> Result<Option<Hour>, StoreError>;

    /// How far each stack that has ever delivered has got, in order.
    async fn progress(&self) -> Result<Vec<StackProgress>, StoreError>;

    /// Which hours a stack has declared to have reported everything of, from an hour of reported time on, and when it did:
    /// what was declared further back may be missing, but neither how far it has ever got nor when it did so the last times.
    async fn declared(&self, stack: CloudId, from: Hour) -> Result<(Declared, Arrivals), StoreError>;

    /// How many records of a stack count, by the hour in which they start, of those that start in an interval.
    async fn records_by_hour(&self, stack: CloudId, interval: HourInterval) -> Result<Records, StoreError>;

    /// The series of a stack that used to report and do so no longer, where its last usage is of hour `latest`, as
    /// [`domain::completeness::Rhythm::is_silent`] says; `limit` of them are listed.
    async fn silence(&self, stack: CloudId, latest: Hour, limit: usize) -> Result<Silence, StoreError>;

    /// The records of a slice that count, by usage start, from the place after `after` on, `limit` at most.
    async fn records(
        &self,
        slice: Slice,
        after: Option<RecordCursor>,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, StoreError>;

    /// Reads everything as it was at one moment, compares it with itself, and sums what was consumed in an interval
    /// and in the slices that `slices` makes of it.
    ///
    /// # Errors
    /// [`StoreError::Busy`] at once if another audit is still running.
    async fn audit(&self, interval: HourInterval, slices: Slicing) -> Result<Audit, StoreError>;

    /// Whether it can be read and, as far as is known, written: as its last attempt to write went. While that is a
    /// failed one it tries again by itself, at most once a second. Costs next to nothing. What only some need may be damaged.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if not, and [`StoreError::Corrupt`] while what every delivery needs cannot be read.
    async fn ready(&self) -> Result<(), StoreError>;
}
