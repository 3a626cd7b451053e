//! How deliveries of one transaction, and of several processes, get along.

use std::borrow::Cow;

use domain::ids::{BatchId, CloudId, LocalMeterId, LocalSubscriptionId};
use domain::time::Timestamp;
use domain::usage::UsageRecord;

use super::*;
use crate::sqlite::in_tests::{SqliteWriter, writer};
use crate::transaction::Writer as _;
use crate::usage::{Batch, DeliveredRecord, ReportedWindow};

fn hour(number: i32) -> Hour {
    Hour::from_epoch_hours(500_000 + number).unwrap()
}

/// A delivery of one record of one series, prepared with what the cache knows now.
fn delivery(cache: &SeriesCache, number: u8, start: i32, quantity: &str, tags: &str) -> Delivery {
    let record = UsageRecord {
        local_subscription: LocalSubscriptionId::from_bytes([1; 16]),
        local_meter: LocalMeterId::from_bytes([1; 16]),
        resource_uri: Cow::Borrowed("/vm"),
        location: Cow::Borrowed(""),
        tags: Cow::Borrowed(tags),
        additional_info: Cow::Borrowed(""),
        start: hour(start),
        granularity: Granularity::Hour,
        quantity: quantity.parse().unwrap(),
    };
    let batch = Batch {
        id: BatchId::from_bytes([number; 16]),
        stack: CloudId::from_bytes([1; 16]),
        received_at: Timestamp::UNIX_EPOCH,
        window: ReportedWindow {
            start: hour(50),
            end: None,
            through: None,
        },
        idempotency_key: None,
        known_receipts: &[],
        digest: [0; 32],
        records: &[DeliveredRecord { index: 0, record }],
        quarantined: &[],
        raw: &|_| String::new(),
    };
    Delivery::prepare(&batch, cache, &Wanted::default())
}

struct Ledger {
    _directory: tempfile::TempDir,
    writer: SqliteWriter,
    cache: SeriesCache,
    changes: Changes,
}

impl Ledger {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            writer: writer(directory.path()),
            _directory: directory,
            cache: SeriesCache::new(100),
            changes: Changes::default(),
        }
    }

    /// Stores deliveries in one transaction.
    fn store(&mut self, deliveries: &[Delivery]) -> Vec<Outcome> {
        let deliveries: Vec<&Delivery> = deliveries.iter().collect();
        let (cache, changes) = (&self.cache, &mut self.changes);
        let stored = self
            .writer
            .write(|transaction| apply(transaction, &deliveries, cache, changes));
        let (outcomes, news) = stored.unwrap();
        news.publish(cache, changes);
        outcomes
    }

    fn batches(&mut self) -> u64 {
        let count = |transaction: &dyn Transaction| {
            transaction.the_row("SELECT count(*) FROM batch", &[], |row| row.get(0))
        };
        self.writer.write(count).unwrap()
    }

    fn tags(&mut self, start: i32) -> String {
        let tags = |transaction: &dyn Transaction| {
            let sql = "SELECT id FROM series WHERE resource_uri = '/vm'";
            let series = transaction.the_row(sql, &[], |row| row.get(0))?;
            let in_force = history::in_force(transaction, std::iter::once((series, hour(start))))?;
            Ok(history::texts(transaction, &[in_force[0].unwrap()])?
                .remove(0)
                .tags)
        };
        self.writer.write(tags).unwrap()
    }

    /// Does what another process would have done.
    fn elsewhere(&mut self, deliveries: &[Delivery]) {
        let other = (SeriesCache::new(100), Changes::default());
        let own = (
            std::mem::replace(&mut self.cache, other.0),
            std::mem::replace(&mut self.changes, other.1),
        );
        self.store(deliveries);
        (self.cache, self.changes) = own;
    }
}

#[test]
fn of_two_deliveries_in_one_transaction_the_record_that_counts_gives_its_attributes() {
    for (first, second) in [("other", "known"), ("known", "other"), ("other", "another")] {
        let mut ledger = Ledger::new();
        ledger.store(&[delivery(&ledger.cache, 0, 0, "1", "known")]);
        let both = [
            delivery(&ledger.cache, 1, 5, "1", first),
            delivery(&ledger.cache, 2, 5, "2", second),
        ];
        assert!(
            ledger
                .store(&both)
                .iter()
                .all(|outcome| matches!(outcome, Outcome::Done(_)))
        );
        assert_eq!(
            (ledger.tags(0).as_str(), ledger.tags(5).as_str()),
            ("known", second)
        );
    }
}

#[test]
fn a_delivery_that_relied_on_attributes_changed_since_has_to_bring_them() {
    let mut ledger = Ledger::new();
    ledger.store(&[delivery(&ledger.cache, 0, 0, "1", "known")]);
    let relying = delivery(&ledger.cache, 1, 5, "1", "known");
    ledger.store(&[delivery(&ledger.cache, 2, 4, "1", "changed")]);
    let outcomes = ledger.store(&[relying]);
    assert!(matches!(
        &outcomes[..],
        [Outcome::Again(Wanted {
            all_attributes: true,
            ..
        })]
    ));
    assert_eq!(ledger.batches(), 2, "nothing of it is stored");
    ledger.store(&[delivery(&ledger.cache, 1, 5, "1", "known")]);
    assert_eq!(
        (ledger.tags(4).as_str(), ledger.tags(5).as_str()),
        ("changed", "known")
    );
}

#[test]
fn attributes_that_another_process_has_changed_are_not_taken_for_those_known_here() {
    let mut ledger = Ledger::new();
    ledger.store(&[delivery(&ledger.cache, 0, 0, "1", "known")]);
    ledger.elsewhere(&[delivery(&SeriesCache::new(100), 1, 4, "1", "changed")]);
    let outcomes = ledger.store(&[delivery(&ledger.cache, 2, 5, "1", "known")]);
    let [Outcome::Again(wanted)] = &outcomes[..] else {
        panic!("it relied on what had changed");
    };
    assert!(wanted.all_attributes);
    // What comes next brings them by itself, and what is known from then on is good again.
    ledger.store(&[delivery(&ledger.cache, 2, 5, "1", "known")]);
    ledger.store(&[delivery(&ledger.cache, 3, 6, "1", "known")]);
    let tags: Vec<String> = [0, 4, 5, 6].map(|start| ledger.tags(start)).into();
    assert_eq!(tags, ["known", "changed", "known", "known"]);
}
