//! What cannot be seen from outside: how the ledger takes a defect of its own.

use std::time::Duration;

use domain::ids::{BatchId, CloudId, LocalMeterId, LocalSubscriptionId};
use domain::quantity::Quantity;
use domain::time::{Hour, Timestamp};
use domain::usage::{Granularity, UsageRecord};

use super::Ledger;
use super::apply::Outcome;
use super::delivery::{Delivery, Wanted};
use crate::error::StoreError;
use crate::sqlite::in_tests::ledger;
use crate::transaction::Readers;
use crate::usage::{Appended, Batch, DeliveredRecord, ReportedWindow, UsageLedger};

/// Two records of one resource on their way to the writer.
fn two_records(ledger: &Ledger<impl Readers>) -> Delivery {
    let record = |index: u32, hours: i32| DeliveredRecord {
        index,
        record: UsageRecord {
            local_subscription: LocalSubscriptionId::from_bytes([1; 16]),
            local_meter: LocalMeterId::from_bytes([2; 16]),
            resource_uri: "/vm/a".into(),
            location: "here".into(),
            tags: "".into(),
            additional_info: "".into(),
            start: Hour::MIN.plus(hours),
            granularity: Granularity::Hour,
            quantity: Quantity::ONE,
        },
    };
    let batch = Batch {
        id: BatchId::from_bytes([3; 16]),
        stack: CloudId::from_bytes([4; 16]),
        received_at: Timestamp::UNIX_EPOCH,
        window: ReportedWindow {
            start: Hour::MIN,
            end: None,
            through: None,
        },
        idempotency_key: None,
        digest: [0; 32],
        records: &[record(0, 0), record(1, 1)],
        quarantined: &[],
        raw: &|_| String::new(),
    };
    Delivery::prepare(&batch, &ledger.cache, &Wanted::default())
}

async fn stored(ledger: &Ledger<impl Readers>, delivery: Delivery) -> Result<Outcome, StoreError> {
    ledger.queue.put(delivery).unwrap().await.unwrap()
}

#[tokio::test]
async fn a_record_lost_or_doubled_on_its_way_to_the_writer_is_noticed_and_nothing_is_stored() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = ledger(directory.path());
    let mut lost = two_records(&ledger);
    lost.unknown[0].records.pop();
    let mut doubled = two_records(&ledger);
    let said = doubled.unknown[0].records[0];
    doubled.unknown[0].records.push(said);
    for delivery in [lost, doubled] {
        let refused = stored(&ledger, delivery).await;
        assert!(matches!(refused, Err(StoreError::Corrupt { .. })));
    }
    assert_eq!(ledger.stacks().await.unwrap(), []);
    let whole = stored(&ledger, two_records(&ledger)).await;
    let Ok(Outcome::Done(Appended::New(receipt))) = whole else {
        panic!("the next delivery is stored");
    };
    assert_eq!((receipt.sequence, receipt.counts.received), (1, 2));
    ledger.ready().await.unwrap();
}

#[tokio::test]
async fn the_writer_recovers_by_itself_and_is_not_ready_when_it_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = ledger(directory.path());
    let mut lost = two_records(&ledger);
    lost.unknown.clear();
    assert!(stored(&ledger, lost).await.is_err());
    let mut tries = 0;
    while ledger.ready().await.is_err() {
        tries += 1;
        assert!(tries < 200, "it does not try again by itself");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ledger.queue.close();
    assert!(matches!(
        ledger.ready().await,
        Err(StoreError::Unavailable { .. })
    ));
}
