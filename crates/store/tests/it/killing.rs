//! PostgreSQL killed in the middle of things, again and again.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::time::HourInterval;
use store::{Appended, Store, StoreError};

use crate::fixtures::*;
use crate::postgres::{Database, start};

const KILLS: u32 = 50;
const DELIVERERS: usize = 4;
const RECORDS: i32 = 20;
/// How long deliveries come in between two kills, at most; it differs each time.
const BETWEEN_KILLS: Duration = Duration::from_millis(97);

/// The delivery with this number: its records are its own, its key is its number.
fn delivery(number: i32) -> Delivery {
    let records = (0..RECORDS).map(|vm| {
        let quantity = if number % 3 == 0 { "0.25" } else { "0.75" };
        tagged(
            &(number % 5).to_string(),
            record(&format!("/vm/{vm}"), number, quantity),
        )
    });
    let key: &'static str = Box::leak(number.to_string().into_boxed_str());
    Delivery::new(records).with_key(key, 1)
}

struct Progress {
    next: AtomicI32,
    acknowledged: Mutex<BTreeSet<i32>>,
    refused: AtomicU32,
    stop: AtomicBool,
}

/// Delivers until it is told to stop: each delivery until it is acknowledged, as a stack's bridge would.
async fn deliver(store: Store, progress: Arc<Progress>) {
    while !progress.stop.load(Ordering::Relaxed) {
        let number = progress.next.fetch_add(1, Ordering::Relaxed);
        loop {
            match delivery(number).try_to(&store).await {
                Ok(Appended::New(_) | Appended::Repeated(_)) => break,
                Ok(other) => panic!("delivery {number}: {other:?}"),
                Err(StoreError::Unavailable { .. } | StoreError::Uncertain { .. } | StoreError::Busy) => {
                    progress.refused.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => panic!("delivery {number}: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        progress.acknowledged.lock().unwrap().insert(number);
    }
}

/// Waits until one more delivery was refused than before.
async fn refuses(progress: &Progress) {
    let before = progress.refused.load(Ordering::Relaxed);
    let refused = async {
        while progress.refused.load(Ordering::Relaxed) == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_of_postgresql_lose_nothing_that_was_acknowledged_and_double_nothing() {
    let Some(server) = start() else { return };
    let database = Database::on(&server);
    let store = store::open(&database.config()).unwrap();
    let progress = Arc::new(Progress {
        next: AtomicI32::new(0),
        acknowledged: Mutex::default(),
        refused: AtomicU32::new(0),
        stop: AtomicBool::new(false),
    });
    let deliverers: Vec<_> = (0..DELIVERERS)
        .map(|_| tokio::spawn(deliver(store.clone(), Arc::clone(&progress))))
        .collect();
    for number in 0..KILLS {
        tokio::time::sleep(BETWEEN_KILLS * (number % 7) / 7).await;
        tokio::task::block_in_place(|| server.kill_and_restart()).unwrap();
    }
    // Once at least somebody has to find it gone.
    server.kill().unwrap();
    refuses(&progress).await;
    tokio::task::block_in_place(|| server.run_server()).unwrap();
    // It heals by itself.
    assert_gets_ready(&store).await;
    progress.stop.store(true, Ordering::Relaxed);
    for deliverer in deliverers {
        tokio::time::timeout(PATIENCE, deliverer).await.unwrap().unwrap();
    }
    let acknowledged = progress.acknowledged.lock().unwrap().clone();
    let last = progress.next.load(Ordering::Relaxed);
    assert_eq!(
        acknowledged,
        (0..last).collect(),
        "everybody delivered until they were told"
    );

    let everything = slice(subscription(1, 1), HourInterval::ALWAYS);
    let sums = store.usage.sums(&[everything]).await.unwrap();
    let thirds = (0..last).filter(|number| number % 3 == 0).count() as i64;
    let quarters = i64::from(RECORDS) * (3 * i64::from(last) - 2 * thirds);
    let expected: domain::quantity::Quantity = format!("{}.{:02}", quarters / 4, quarters % 4 * 25)
        .parse()
        .unwrap();
    assert_eq!(sums[0].quantity, expected.into());
    assert_eq!(sums[0].records, u64::from((last * RECORDS).unsigned_abs()));
    let counts = audit(&store).await.counts;
    assert_eq!(counts.received, counts.counted, "no delivery was stored twice");
    assert_eq!(counts.counted, sums[0].records);
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_does_not_wait_for_ever_for_somebody_who_has_locked_the_database() {
    let Some(server) = start() else { return };
    let database = Database::on(&server);
    let store = store::open(&database.config()).unwrap();
    delivery(0).to(&store).await;
    let waiting = async {
        tokio::time::timeout(PATIENCE, delivery(1).try_to(&store))
            .await
            .unwrap()
    };
    let answer = database.while_locked("stack", waiting);
    assert!(matches!(answer, Err(StoreError::Busy)), "{answer:?}");
    delivery(1).to(&store).await;
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_refuses_at_once_and_one_that_is_back_is_used() {
    let Some(server) = start() else { return };
    let database = Database::on(&server);
    let store = store::open(&database.config()).unwrap();
    delivery(0).to(&store).await;
    server.kill().unwrap();
    let away = |error| matches!(error, StoreError::Unavailable { .. });
    assert!(away(delivery(1).try_to(&store).await.unwrap_err()));
    assert!(away(store.usage.stacks().await.unwrap_err()));
    assert!(away(store.usage.ready().await.unwrap_err()));
    server.run_server().unwrap();
    assert_gets_ready(&store).await;
    assert_eq!(store.usage.stacks().await.unwrap(), [stack(1)]);
    delivery(1).to(&store).await;
    assert_sound(&store).await;
}
