//! How fast usage is taken in: through the door, and the parts of the way alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use client::{Delivery, Format};
use domain::ids::{BatchId, CloudId};
use domain::time::{Hour, Timestamp};
use store::{Batch, DeliveredRecord, ReportedWindow, StoreConfig};
use wire::usage::{ParsedDelivery, parse_delivery};

use crate::served::{CLOUD_ID, Served};
use crate::workload::{RECORDS_PER_BATCH, Template};

/// Deliveries under way at once.
pub const IN_FLIGHT: usize = 6;

/// Delivers the usage of these hours through HTTPS. The clock runs from the first byte sent to the last receipt.
pub async fn deliver(served: &Served, templates: &Arc<Vec<Template>>, hours: Vec<Hour>) -> Duration {
    let total = hours.len() * templates.len();
    let (hours, next) = (Arc::new(hours), Arc::new(AtomicUsize::new(0)));
    let started = Instant::now();
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (templates, hours, next, stack) = (
            templates.clone(),
            hours.clone(),
            next.clone(),
            served.stack.clone(),
        );
        senders.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= total {
                    return;
                }
                let hour = hours[number / templates.len()];
                let body = Bytes::from(templates[number % templates.len()].at(hour));
                let reported = hour.plus(1).to_string();
                let delivery = Delivery {
                    body,
                    format: Format::Json,
                    encoding: None,
                    reported_start: Some(&reported),
                    reported_end: None,
                    reported_through: None,
                    idempotency_key: None,
                    known_receipts: None,
                };
                let receipt = stack.deliver_usage(CLOUD_ID, delivery).await.expect("a receipt");
                assert_eq!(
                    receipt.accepted as usize, RECORDS_PER_BATCH,
                    "every record is new"
                );
            }
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender.expect("a sender does not fail");
    }
    started.elapsed()
}

/// What the halves of the way reach alone, in this process, and together.
pub struct Parts {
    /// Reading bodies.
    pub parse: Duration,
    /// Storing what was read before: interning, writing, committing.
    pub store: Duration,
    /// Both, as the server does it.
    pub both: Duration,
}

/// Measures the halves. `store` and `both` use a store each, in directories of their own.
pub async fn parts(templates: &[Template], hours: &[Hour]) -> Parts {
    let bodies: Vec<Vec<u8>> = hours
        .iter()
        .flat_map(|hour| templates.iter().map(|template| template.at(*hour)))
        .collect();
    let started = Instant::now();
    for body in &bodies {
        std::hint::black_box(parse(body));
    }
    let parse_alone = started.elapsed();

    let parsed: Vec<ParsedDelivery<'_>> = bodies.iter().map(|body| parse(body)).collect();
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(&directory);
    let started = Instant::now();
    append_all(&store, &parsed).await;
    let store_alone = started.elapsed();
    drop((parsed, store, directory));

    let directory = tempfile::tempdir().expect("a directory");
    let store = open(&directory);
    let bodies = Arc::new(bodies);
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (bodies, next, store) = (bodies.clone(), next.clone(), store.clone());
        workers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(body) = bodies.get(number) else { return };
                let parsed = parse(body);
                append(&store, &parsed, number).await;
            }
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker.expect("a worker does not fail");
    }
    Parts {
        parse: parse_alone,
        store: store_alone,
        both: started.elapsed(),
    }
}

fn parse(body: &[u8]) -> ParsedDelivery<'_> {
    let parsed = parse_delivery(body, wire::usage::Format::Json).expect("a delivery");
    assert_eq!(parsed.records.len(), RECORDS_PER_BATCH);
    parsed
}

fn open(directory: &tempfile::TempDir) -> store::Store {
    store::open(&StoreConfig::Sqlite {
        directory: directory.path().to_owned(),
    })
    .expect("a store")
}

/// Appends batches that are waiting all the time, as several deliveries at once keep the writer busy.
async fn append_all(store: &store::Store, parsed: &[ParsedDelivery<'_>]) {
    let next = AtomicUsize::new(0);
    let worker = || async {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(parsed) = parsed.get(number) else { return };
            append(store, parsed, number).await;
        }
    };
    tokio::join!(worker(), worker(), worker(), worker(), worker(), worker());
}

async fn append(store: &store::Store, parsed: &ParsedDelivery<'_>, number: usize) {
    let records: Vec<DeliveredRecord<'_>> = parsed
        .records
        .iter()
        .map(|it| DeliveredRecord {
            index: it.index,
            record: it.record.clone(),
        })
        .collect();
    let received_at = Timestamp::from_second(1_790_000_000).expect("a time");
    let stack: CloudId = CLOUD_ID.parse().expect("a cloud id");
    let batch = Batch {
        id: BatchId::from_uuid(uuid::Uuid::from_u128(number as u128 + 1)),
        stack,
        received_at,
        window: ReportedWindow {
            start: Hour::containing(received_at),
            end: None,
            through: None,
        },
        idempotency_key: None,
        known_receipts: &[],
        digest: *blake3::hash(&number.to_be_bytes()).as_bytes(),
        records: &records,
        quarantined: &parsed.quarantined,
        raw: &|_| String::new(),
    };
    store.usage.append(batch).await.expect("an appended batch");
}
