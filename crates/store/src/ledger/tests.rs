//! What cannot be seen from outside: how the ledger takes a defect of its own.

use std::time::Duration;

use domain::ids::{BatchId, CloudId, LocalMeterId, LocalSubscriptionId};
use domain::quantity::Quantity;
use domain::time::{Hour, HourInterval, Timestamp};
use domain::usage::{Granularity, UsageRecord};

use super::Ledger;
use super::apply::Outcome;
use super::delivery::{Delivery, Wanted};
use crate::audit::{Checked, Finding};
use crate::error::StoreError;
use crate::sqlite::in_tests::ledger;
use crate::transaction::Readers;
use crate::usage::{Appended, Batch, DeliveredRecord, ReportedWindow, UsageLedger};

const STACK: CloudId = CloudId::from_bytes([4; 16]);

/// The batch with this number on its way to the writer, with records of resources in hours.
fn prepared(ledger: &Ledger<impl Readers>, number: u8, records: &[(&'static str, i32)]) -> Delivery {
    let record = |(index, (uri, hour)): (u32, &(&'static str, i32))| DeliveredRecord {
        index,
        record: UsageRecord {
            local_subscription: LocalSubscriptionId::from_bytes([1; 16]),
            local_meter: LocalMeterId::from_bytes([2; 16]),
            resource_uri: (*uri).into(),
            location: "here".into(),
            tags: "".into(),
            additional_info: "".into(),
            start: Hour::MIN.plus(*hour),
            granularity: Granularity::Hour,
            quantity: Quantity::ONE,
        },
    };
    let records: Vec<_> = (0..).zip(records).map(record).collect();
    let batch = Batch {
        id: BatchId::from_bytes([number; 16]),
        stack: STACK,
        received_at: Timestamp::UNIX_EPOCH,
        window: ReportedWindow {
            start: Hour::MIN,
            end: None,
            through: None,
        },
        idempotency_key: None,
        known_receipts: &[],
        digest: [0; 32],
        records: &records,
        quarantined: &[],
        raw: &|_| String::new(),
    };
    Delivery::prepare(&batch, &ledger.cache, &Wanted::default())
}

/// Two records of one resource.
fn two_records(ledger: &Ledger<impl Readers>) -> Delivery {
    prepared(ledger, 3, &[("/vm/a", 0), ("/vm/a", 1)])
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

/// What was delivered before letter cases were folded as they are now.
fn delivered_before(ledger: &Ledger<impl Readers>, batch: u8, uri: &'static str, hour: i32) -> Delivery {
    let mut delivery = prepared(ledger, batch, &[(uri, hour)]);
    let unknown = &mut delivery.unknown[0];
    // It knew no other one.
    if let Some(former) = unknown.former_key.take() {
        unknown.key = former;
    }
    delivery
}

/// The same directory, as the migration leaves it that finds texts which are not ASCII.
fn opened_after_the_update(directory: &std::path::Path) -> Ledger<impl Readers + use<>> {
    let connection = rusqlite::Connection::open(directory.join("usage.db")).unwrap();
    connection
        .execute("UPDATE series SET folded_key = key", [])
        .unwrap();
    drop(connection);
    ledger(directory)
}

/// The codes of what differs, and of what is noted.
async fn told(ledger: &Ledger<impl Readers>) -> [Vec<&'static str>; 2] {
    let compared = ledger
        .readers
        .read(|transaction| super::compare(transaction, &mut |_| ()));
    let (checks, _) = compared.await.unwrap();
    let codes = |of: fn(&Checked) -> &[Finding]| {
        let findings = checks.iter().flat_map(of);
        findings.map(|it| it.difference.code()).collect()
    };
    [codes(|it| &it.findings), codes(|it| &it.notes)]
}

async fn differences(ledger: &Ledger<impl Readers>) -> Vec<&'static str> {
    let [differences, notes] = told(ledger).await;
    assert_eq!(notes, [""; 0]);
    differences
}

async fn counts(ledger: &Ledger<impl Readers>, delivery: Delivery) -> crate::receipt::BatchCounts {
    match stored(ledger, delivery).await.unwrap() {
        Outcome::Done(Appended::New(receipt)) => receipt.counts,
        _ => panic!("it was new"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_read_again_after_the_update_would_be_counted_twice_where_a_name_ends_in_sigma() {
    let directory = tempfile::tempdir().unwrap();
    let old = ledger(directory.path());
    let before = [(1, "/rg/ΝΊΚΟΣ/vm", 0), (2, "/rg/straße/vm", 0), (3, "/rg/vm", 0)];
    for (batch, uri, hour) in before {
        let delivery = delivered_before(&old, batch, uri, hour);
        assert_eq!(counts(&old, delivery).await.accepted, 1);
    }
    drop(old);
    let ledger = opened_after_the_update(directory.path());
    assert_eq!(differences(&ledger).await, [""; 0]);
    let again = [
        "/rg/ΝΊΚΟΣ/vm",
        "/RG/νίκος/VM",
        "/rg/νίκοσ/vm",
        "/RG/STRAẞE/VM",
        "/RG/VM",
    ];
    for (batch, uri) in (11..).zip(again) {
        let counts = counts(&ledger, prepared(&ledger, batch, &[(uri, 0)])).await;
        assert_eq!((counts.accepted, counts.duplicate), (0, 1), "{uri}");
    }
    let next = prepared(&ledger, 20, &[("/rg/νίκοσ/vm", 1)]);
    assert_eq!(counts(&ledger, next).await.accepted, 1);
    assert_eq!(
        differences(&ledger).await,
        [""; 0],
        "receipts are bound to the keys of before"
    );
}

/// What an earlier version counted twice: the same hour in two spellings, told apart by a sigma.
async fn of_two_spellings(directory: &std::path::Path) -> Ledger<impl Readers + use<>> {
    let old = ledger(directory);
    for (batch, uri) in [(1, "/rg/ΝΊΚΟΣ/vm"), (2, "/rg/νίκοσ/vm")] {
        let mut delivery = delivered_before(&old, batch, uri, 0);
        // Two fingerprints, as two keys.
        delivery.unknown[0].fingerprint = old.cache.fingerprint(uri.as_bytes());
        assert_eq!(counts(&old, delivery).await.accepted, 1);
    }
    drop(old);
    opened_after_the_update(directory)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_version_counted_twice_would_stay_so_with_nobody_told() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = of_two_spellings(directory.path()).await;
    assert_eq!(told(&ledger).await, [vec![], vec!["SeriesTwice"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_two_spellings_would_be_refused_by_whoever_restores_or_copies_it() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = of_two_spellings(directory.path()).await;
    let slices = Box::new(|_: &[crate::usage::LocalSubscriptionKey]| Vec::new());
    let audited = ledger.audit(HourInterval::ALWAYS, slices).await.unwrap();
    assert_eq!(audited.problems, [""; 0]);
}
