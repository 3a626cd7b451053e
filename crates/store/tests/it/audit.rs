//! An audit finds whatever anybody has changed, and says where.
//!
//! [`CHANGES`] has every column of every table: what changing it alone is found as. [`NOT_COVERED`] has those of which some
//! changes are found by nothing, and why.

mod changes;
mod heads;
mod schema;
mod together;
mod untouched;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use domain::books::{Entry, Operator};
use domain::ids::{BatchId, ObjectId, OperatorId, QuarantineActId, RegistrationId, SubscriptionId};
use domain::quarantine::{Positions, QuarantineAct, QuarantineActKind};
use domain::registration::{BillingModel, RegistrationToken};
use domain::time::Timestamp;
use domain::usage::{QuarantineCode, Quarantined};
use rusqlite::Connection;
use store::{
    Appended, AuditReport, Books, Elsewhere, Release, ReleasedBatch, ReleasedRecord, Store, StoreConfig,
};
use tempfile::TempDir;

use crate::fixtures::*;
use crate::postgres::Postgres;

/// A store with something in every column of every table that is audited.
async fn fill(store: &Store) {
    let books = Books::load(store.journal.clone()).await.unwrap();
    for number in 1..3 {
        enter(&books, operator(number)).await;
    }
    deliver(store, &first(), 1).await;
    let second = Delivery::new([
        record("/vm/a", 0, "5"),
        tagged("blue", record("/vm/b", 0, "2")),
        record("/vm/d", 1, "4"),
    ]);
    deliver(store, &second.reported(101).through(60), 2).await;
    // Of this one a duplicate is kept, because it was reported earlier.
    let earlier = Delivery::new([record("/vm/a", 0, "1"), tagged("red", record("/vm/b", 1, "7"))]);
    deliver(store, &earlier.reported(99), 3).await;
    deliver(store, &Delivery::new([]).with_key("nothing", 7), 4).await;
    let other = Delivery::new([of(2, 3, record("/disk/e", 0, "10"))]);
    // When the month is over.
    deliver(store, &other.of_stack(2).days_later(20), 5).await;
    crate::bills::put_some(store).await;
    let purged = act(1, QuarantineActKind::Purge, [2], []);
    enter(&books, Entry::QuarantineActed(purged.clone())).await;
    store.usage.purge(purged.id, &[2], false).await.unwrap();
    let released = act(2, QuarantineActKind::Release, [3], [3]);
    enter(&books, Entry::QuarantineActed(released.clone())).await;
    release(store, released.id).await;
}

fn first() -> Delivery {
    let delivery = Delivery::new([
        record("/vm/a", 0, "1"),
        tagged("green", record("/vm/b", 0, "2")),
        of(2, 2, of_day(record("/vm/c", 24, "3.5"))),
    ]);
    let refused = [
        (5, "{\"quantity\": -1}"),
        (7, "not JSON"),
        (9, "{\"quantity\": \"many\"}"),
    ];
    let quarantined = refused.into_iter().map(|(index, raw)| Quarantined {
        index,
        code: QuarantineCode::InvalidQuantity,
        message: format!("quantity: expected a decimal number in {index}"),
        raw: raw.into(),
    });
    Delivery {
        quarantined: quarantined.collect(),
        ..delivery.with_key("monday", 1).through(50)
    }
}

impl Delivery {
    fn through(self, through: i32) -> Self {
        Self {
            through: Some(through),
            ..self
        }
    }
}

/// Delivers as the batch with this number, for a stack that is registered.
async fn deliver(store: &Store, delivery: &Delivery, number: u8) {
    register(store, delivery.stack).await;
    let appended = delivery.try_as(batch(number), store).await.unwrap();
    assert!(matches!(appended, Appended::New(_)), "{appended:?}");
}

/// Registers a stack that is not yet.
async fn register(store: &Store, number: u8) {
    let books = Books::load(store.journal.clone()).await.unwrap();
    if books.read(|it| !it.registrations_ever_of(stack(number)).is_empty()) {
        return;
    }
    let token = RegistrationToken {
        cloud_id: stack(number),
        object_id: None,
        billing_model: BillingModel::PayAsYouUse,
        marketplace_syndication_enabled: true,
        usage_reporting_enabled: true,
        agreement_number: None,
        asset_tag: None,
        region_names: Vec::new(),
        hardware: Vec::new(),
        issuer: String::new(),
        version: "1.0".to_owned(),
    };
    let registered = Entry::Registered {
        id: RegistrationId::from_bytes([number; 16]),
        subscription: SubscriptionId::from_bytes([1; 16]),
        resource_group: "azurestack".parse().unwrap(),
        name: format!("stack-{number}").parse().unwrap(),
        location: "global".to_owned(),
        tags: BTreeMap::new(),
        token,
        from: hour(0),
    };
    enter(&books, registered).await;
}

fn batch(number: u8) -> BatchId {
    BatchId::from_bytes([number; 16])
}

fn operator(number: u8) -> Entry {
    Entry::OperatorAdmitted(Operator {
        id: OperatorId::from_bytes([number; 16]),
        name: format!("operator {number}"),
        credential_digest: [number; 32],
    })
}

fn act<const N: usize, const M: usize>(
    number: u8,
    kind: QuarantineActKind,
    records: [u64; N],
    mended: [u64; M],
) -> QuarantineAct {
    QuarantineAct {
        id: QuarantineActId::from_bytes([number; 16]),
        kind,
        records: Positions::from_iter(records),
        mended: Positions::from_iter(mended),
        reason: "it was a typing error".parse().unwrap(),
    }
}

async fn enter(books: &Books, entry: Entry) {
    let by = ObjectId::from_bytes([9; 16]);
    let entries = vec![entry];
    let entered = books.change(Timestamp::UNIX_EPOCH, by, |_| {
        Ok::<_, std::convert::Infallible>((entries.clone(), ()))
    });
    entered.await.unwrap();
}

async fn release(store: &Store, act: QuarantineActId) {
    let mended = "{\"quantity\": \"12\"}";
    let record = ReleasedRecord {
        position: 3,
        mended: Some(mended),
        text_digest: *blake3::hash(mended.as_bytes()).as_bytes(),
        record: record("/vm/f", 2, "12"),
    };
    let of_batch = ReleasedBatch {
        id: batch(6),
        stack: stack(1),
        reported: hour(100),
        records: &[record],
    };
    let release = Release {
        act,
        released_at: Timestamp::UNIX_EPOCH,
        batches: &[of_batch],
        refused: &[],
        rehearsal: false,
    };
    let released = store.usage.release(release).await.unwrap();
    assert_eq!(released.receipts.len(), 1);
}

fn audited(config: &StoreConfig) -> AuditReport {
    store::verify(config, &Elsewhere::default(), &mut |_| ()).unwrap()
}

/// The codes of all findings, each once.
fn codes(report: &AuditReport) -> BTreeSet<&'static str> {
    let findings = report.checks.iter().flat_map(|check| &check.findings);
    findings.map(|finding| finding.difference.code()).collect()
}

/// All findings, a sentence each.
fn sentences(report: &AuditReport) -> Vec<String> {
    let findings = report.checks.iter().flat_map(|check| &check.findings);
    findings.map(ToString::to_string).collect()
}

fn embedded(directory: &Path) -> StoreConfig {
    StoreConfig::in_folder(directory.to_owned())
}

/// A filled store in a directory, closed.
async fn filled() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fill(&store::open(&embedded(directory.path())).unwrap()).await;
    directory
}

/// A copy of a closed store.
fn copy_of(directory: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(directory).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    copy
}

/// Runs statements on a store behind its back.
fn execute(directory: &Path, statements: &str) {
    let connection = Connection::open(directory.join("usage.db")).unwrap();
    let books = directory.join("books.db");
    connection
        .execute("ATTACH DATABASE ?1 AS books", [books.to_str().unwrap()])
        .unwrap();
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    connection.pragma_update(None, "synchronous", "OFF").unwrap();
    connection.execute_batch(statements).unwrap();
    assert!(connection.changes() > 0, "nothing to change: {statements}");
}

/// A copy of a database that nobody has open.
fn copy_of_database(database: &Postgres) -> Postgres {
    let url = database.url();
    let name = url.rsplit('/').next().unwrap().split('?').next().unwrap();
    database.made_with(&format!("TEMPLATE {name} STRATEGY file_copy"))
}

/// A database with what [`fill`] puts there.
async fn filled_database() -> Option<Postgres> {
    let database = Postgres::new()?;
    fill(&Backend::open(&database)).await;
    Some(database)
}
