//! Deliveries in few words.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::ids::{BatchId, CloudId, LocalMeterId, LocalSubscriptionId};
use domain::time::{Hour, HourInterval, Timestamp};
use domain::usage::{Granularity, Quarantined, UsageRecord};
use store::{
    Appended, Audit, Batch, DeliveredRecord, LedgerCounts, Link, LocalSubscriptionKey, Receipt,
    ReportedWindow, Slice, Store, StoreConfig, StoreError,
};
use tempfile::TempDir;

/// Opens one store of a back end, again and again.
pub(crate) trait Backend: Send + Sync {
    /// Another one, empty.
    fn another(&self) -> Box<dyn Backend>;

    fn open(&self) -> Store;
}

pub(crate) struct Sqlite(TempDir);

impl Sqlite {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Backend for Sqlite {
    fn another(&self) -> Box<dyn Backend> {
        Box::new(Self::new())
    }

    fn open(&self) -> Store {
        store::open(&StoreConfig::Sqlite {
            directory: self.0.path().to_owned(),
        })
        .unwrap()
    }
}

/// Hours are counted from the first hour of a day.
pub(crate) const EPOCH: i32 = 497_304;

pub(crate) fn hour(number: i32) -> Hour {
    Hour::from_epoch_hours(EPOCH + number).unwrap()
}

pub(crate) fn hours(start: i32, end: i32) -> HourInterval {
    HourInterval::new(hour(start), hour(end)).unwrap()
}

pub(crate) fn stack(number: u8) -> CloudId {
    CloudId::from_bytes([number; 16])
}

pub(crate) fn meter(number: u8) -> LocalMeterId {
    LocalMeterId::from_bytes([number; 16])
}

pub(crate) fn subscription(stack_number: u8, number: u8) -> LocalSubscriptionKey {
    LocalSubscriptionKey {
        stack: stack(stack_number),
        local_subscription: LocalSubscriptionId::from_bytes([number; 16]),
    }
}

pub(crate) fn slice(of: LocalSubscriptionKey, interval: HourInterval) -> Slice {
    Slice { of, interval }
}

/// A record of one hour of local subscription 1, meter 1.
pub(crate) fn record(uri: &str, start: i32, quantity: &str) -> UsageRecord<'static> {
    UsageRecord {
        local_subscription: LocalSubscriptionId::from_bytes([1; 16]),
        local_meter: meter(1),
        resource_uri: uri.to_owned().into(),
        location: "here".into(),
        tags: "".into(),
        additional_info: "null".into(),
        start: hour(start),
        granularity: Granularity::Hour,
        quantity: quantity.parse().unwrap(),
    }
}

pub(crate) fn of_day(record: UsageRecord<'static>) -> UsageRecord<'static> {
    UsageRecord {
        granularity: Granularity::Day,
        ..record
    }
}

pub(crate) fn of(subscription: u8, meter_number: u8, record: UsageRecord<'static>) -> UsageRecord<'static> {
    let local_subscription = LocalSubscriptionId::from_bytes([subscription; 16]);
    UsageRecord {
        local_subscription,
        local_meter: meter(meter_number),
        ..record
    }
}

pub(crate) fn tagged(tags: &str, record: UsageRecord<'static>) -> UsageRecord<'static> {
    UsageRecord {
        tags: tags.to_owned().into(),
        ..record
    }
}

/// A delivery of stack 1, reported in hour 100, unless said otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) stack: u8,
    pub(crate) reported: i32,
    /// So many days after the usual it is received.
    pub(crate) days_later: i64,
    /// The end of the window that it was read from, if it names one.
    pub(crate) until: Option<i32>,
    pub(crate) through: Option<i32>,
    pub(crate) key: Option<&'static str>,
    /// The receipts that the deliverer relies on.
    pub(crate) known: Vec<Link>,
    pub(crate) digest: u8,
    pub(crate) records: Vec<UsageRecord<'static>>,
    pub(crate) quarantined: Vec<Quarantined<'static>>,
}

/// The text of a record as it was sent: the same whenever the same is said.
pub(crate) fn raw_text(record: &UsageRecord<'_>) -> String {
    format!("raw text of {record:?}").replace('_', "-")
}

static BATCHES: AtomicU64 = AtomicU64::new(1);

impl Delivery {
    pub(crate) fn new(records: impl IntoIterator<Item = UsageRecord<'static>>) -> Self {
        Self {
            stack: 1,
            reported: 100,
            days_later: 0,
            until: None,
            through: None,
            key: None,
            known: Vec::new(),
            digest: 0,
            records: records.into_iter().collect(),
            quarantined: Vec::new(),
        }
    }

    pub(crate) fn reported(self, reported: i32) -> Self {
        Self { reported, ..self }
    }

    pub(crate) fn days_later(self, days_later: i64) -> Self {
        Self { days_later, ..self }
    }

    pub(crate) fn of_stack(self, stack: u8) -> Self {
        Self { stack, ..self }
    }

    pub(crate) fn with_key(self, key: &'static str, digest: u8) -> Self {
        Self {
            key: Some(key),
            digest,
            ..self
        }
    }

    pub(crate) async fn try_to(&self, store: &Store) -> Result<Appended, StoreError> {
        self.try_as(Self::new_id(), store).await
    }

    /// An id that no batch of any test has.
    pub(crate) fn new_id() -> BatchId {
        let number =
            u128::from(BATCHES.fetch_add(1, Ordering::Relaxed)) | u128::from(std::process::id()) << 64;
        BatchId::from_bytes(number.to_be_bytes())
    }

    /// Delivers it as the batch with this id.
    pub(crate) async fn try_as(&self, id: BatchId, store: &Store) -> Result<Appended, StoreError> {
        let delivered = |(index, record): (u32, &UsageRecord<'static>)| DeliveredRecord {
            index,
            record: record.clone(),
        };
        let records: Vec<_> = (0u32..).zip(&self.records).map(delivered).collect();
        let batch = Batch {
            id,
            stack: stack(self.stack),
            received_at: Timestamp::from_nanosecond(
                i128::from(1_790_000_000 + 86_400 * self.days_later) * 1_000_000_000 + 123_456_789,
            )
            .unwrap(),
            window: ReportedWindow {
                start: hour(self.reported),
                end: self.until.map(hour),
                through: self.through.map(hour),
            },
            idempotency_key: self.key,
            known_receipts: &self.known,
            digest: [self.digest; 32],
            records: &records,
            quarantined: &self.quarantined,
            raw: &|index| raw_text(&self.records[usize::try_from(index).unwrap()]),
        };
        store.usage.append(batch).await
    }

    pub(crate) async fn answered_by(&self, store: &Store) -> Appended {
        self.try_to(store).await.unwrap()
    }

    /// Delivers what has not been delivered under its key before.
    pub(crate) async fn to(&self, store: &Store) -> Receipt {
        match self.answered_by(store).await {
            Appended::New(receipt) => receipt,
            other => panic!("expected a new batch, got {other:?}"),
        }
    }
}

/// The delivery with this number: one record, of the hour with this number, under a key of its own.
pub(crate) fn numbered_delivery(number: i32) -> Delivery {
    let key: &'static str = Box::leak(number.to_string().into_boxed_str());
    Delivery::new([record("/vm/a", number, "1")]).with_key(key, 1)
}

/// Delivers the first numbered delivery and those that follow it. Tells which one was refused, and how.
pub(crate) async fn deliver_until_refused(store: &Store) -> (i32, StoreError) {
    let began = Instant::now();
    for number in 1.. {
        if let Err(refused) = numbered_delivery(number).try_to(store).await {
            return (number, refused);
        }
        assert!(began.elapsed() < PATIENCE, "nothing is refused");
    }
    unreachable!()
}

/// accepted, duplicate, revised, quarantined
pub(crate) fn counts(receipt: &Receipt) -> [u32; 4] {
    let counts = receipt.counts;
    let parts = [
        counts.accepted,
        counts.duplicate,
        counts.revised,
        counts.quarantined,
    ];
    assert_eq!(counts.received, parts.iter().sum::<u32>());
    parts
}

/// The sum over all meters of a slice, as text.
pub(crate) async fn sum(store: &Store, slice: Slice) -> String {
    let sums = store.usage.sums(&[slice]).await.unwrap();
    let quantities: Vec<_> = sums.into_iter().map(|sum| sum.quantity).collect();
    quantities
        .iter()
        .sum::<domain::quantity::QuantitySum>()
        .to_string()
}

pub(crate) async fn assert_sound(store: &Store) {
    let Audit { problems, counts, .. } = audit(store).await;
    assert_eq!(problems, Vec::<String>::new());
    assert!(add_up(counts), "{counts:?}");
}

/// An audit that is not about usage.
pub(crate) async fn audit(store: &Store) -> Audit {
    let slices = Box::new(|_: &[LocalSubscriptionKey]| Vec::new());
    store.usage.audit(hours(0, 1), slices).await.unwrap()
}

/// How long what has to come is waited for: as long as a machine may take that has much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// It is ready, or will be.
pub(crate) async fn assert_gets_ready(store: &Store) {
    let began = Instant::now();
    while let Err(error) = store.usage.ready().await {
        assert!(began.elapsed() < PATIENCE, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whether no record was lost.
pub(crate) fn add_up(counts: LedgerCounts) -> bool {
    counts.received == counts.counted + counts.superseded + counts.duplicate + counts.quarantined
}
