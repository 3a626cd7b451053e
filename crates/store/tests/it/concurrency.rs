//! Several servers that write the same memory at the same time.

use std::collections::BTreeMap;

use domain::ids::{LocalMeterId, ObjectId};
use domain::quantity::QuantitySum;
use domain::time::{HourInterval, Timestamp};
use domain::usage::{Observation, that_counts};
use proptest::prelude::*;
use store::{JournalAppended, LocalSubscriptionKey, QuarantineFilter, Store};

use crate::fixtures::*;
use crate::model::check;
use crate::postgres::Postgres;

const SERVERS: usize = 4;
const HOURS: i32 = 30;
const STACKS: u8 = 2;

/// What is said about one hour of a resource: by whom, of which hour, how much, with which tags, reported when.
type Said = (u8, u8, i32, &'static str, &'static str, i32);

fn said() -> impl Strategy<Value = Said> {
    let vm = 0..3u8;
    let quantity = prop::sample::select(vec!["1", "2", "2.50", "1e-37"]);
    let tags = prop::sample::select(vec!["", "a", "b"]);
    (1..=STACKS, vm, 0..HOURS, quantity, tags, 0..4i32)
}

/// Deliveries of one server after the other: few keys, so that each is said again and revised by all of them.
fn deliveries() -> impl Strategy<Value = Vec<Vec<Said>>> {
    prop::collection::vec(prop::collection::vec(said(), 1..12), SERVERS * 3..SERVERS * 6)
}

fn to_deliveries(said: &[Said]) -> Vec<Delivery> {
    let mut by_window: BTreeMap<(u8, i32), Vec<_>> = BTreeMap::new();
    for (stack, vm, start, quantity, tags, reported) in said {
        let record = tagged(tags, of(*vm, *vm, record(&format!("/vm/{vm}"), *start, quantity)));
        by_window.entry((*stack, *reported)).or_default().push(record);
    }
    by_window
        .into_iter()
        .map(|((stack, reported), records)| Delivery::new(records).of_stack(stack).reported(reported))
        .collect()
}

/// What is billed for everything that was said, by local subscription and meter.
fn billed(said: &[Said]) -> BTreeMap<(LocalSubscriptionKey, LocalMeterId), (QuantitySum, u64)> {
    let mut by_key: BTreeMap<(u8, u8, i32), Vec<Observation>> = BTreeMap::new();
    for (stack, vm, start, quantity, _, reported) in said {
        let (quantity, reported) = (quantity.parse().unwrap(), hour(*reported));
        by_key
            .entry((*stack, *vm, *start))
            .or_default()
            .push(Observation { quantity, reported });
    }
    let mut billed = BTreeMap::new();
    for ((stack, vm, _), observations) in by_key {
        let sum = billed
            .entry((subscription(stack, vm), meter(vm)))
            .or_insert((QuantitySum::default(), 0));
        sum.0.add(&that_counts(&observations).unwrap().quantity.into());
        sum.1 += 1;
    }
    billed
}

async fn assert_bills(store: &Store, said: &[Said]) {
    let expected = billed(said);
    let mut found = BTreeMap::new();
    for of in store
        .usage
        .local_subscriptions(None, HourInterval::ALWAYS)
        .await
        .unwrap()
    {
        for sum in store
            .usage
            .sums(&[slice(of, HourInterval::ALWAYS)])
            .await
            .unwrap()
        {
            found.insert((of, sum.local_meter), (sum.quantity, sum.records));
        }
    }
    assert_eq!(found, expected);
    assert_sound(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_servers_that_deliver_the_same_hours_at_once_bill_what_one_would_have_billed() {
    let Some(backend) = Postgres::new() else { return };
    check(12, deliveries(), async |deliveries: Vec<Vec<Said>>| {
        let backend = backend.another();
        let stores: Vec<Store> = (0..SERVERS).map(|_| backend.open()).collect();
        let all: Vec<Said> = deliveries.concat();
        let deliver = |number: usize| {
            let (store, said) = (stores[number].clone(), deliveries.clone());
            // Everybody delivers everything, each beginning somewhere else.
            let from = number * said.len() / SERVERS;
            tokio::spawn(async move {
                for part in said.iter().cycle().skip(from).take(said.len()) {
                    for delivery in to_deliveries(part) {
                        delivery.to(&store).await;
                    }
                }
            })
        };
        for task in (0..SERVERS).map(deliver).collect::<Vec<_>>() {
            task.await.unwrap();
        }
        for store in &stores {
            assert_bills(store, &all).await;
        }
        let counts = audit(&stores[0]).await.counts;
        assert_eq!(counts.received, (SERVERS * all.len()) as u64);
    })
    .await;
}

/// The tags of the records of a resource, by hour.
async fn tags(store: &Store) -> Vec<String> {
    let everything = slice(subscription(1, 1), HourInterval::ALWAYS);
    let records = store.usage.records(everything, None, 10_000).await.unwrap();
    records.iter().map(|it| it.attributes.tags.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_that_one_server_changes_are_not_remembered_otherwise_by_the_others() {
    let Some(backend) = Postgres::new() else { return };
    let stores: Vec<Store> = (0..SERVERS).map(|_| backend.open()).collect();
    let of_hour = |hour: usize| ["a", "a", "b", "a", "c", "c"][hour % 6].to_owned();
    for hour in 0..60 {
        // By turns, so that nobody has seen the hour before but whoever was asked then.
        let start = i32::try_from(hour).unwrap();
        Delivery::new([tagged(&of_hour(hour), record("/vm/a", start, "1"))])
            .to(&stores[hour % SERVERS])
            .await;
    }
    for store in &stores {
        assert_eq!(tags(store).await, (0..60).map(of_hour).collect::<Vec<_>>());
        assert_sound(store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_two_servers_get_at_once_under_one_key_is_stored_once() {
    let Some(backend) = Postgres::new() else { return };
    let stores: Vec<Store> = (0..SERVERS).map(|_| backend.open()).collect();
    for (number, key) in ["0", "1", "2", "3", "4", "5", "6", "7"].into_iter().enumerate() {
        let start = i32::try_from(number).unwrap();
        let delivery = Delivery::new([record("/vm/a", start, "1")]).with_key(key, 1);
        let deliver = |store: &Store| {
            let (store, delivery) = (store.clone(), delivery.clone());
            tokio::spawn(async move { delivery.answered_by(&store).await })
        };
        let mut new = 0;
        for task in stores.iter().map(deliver).collect::<Vec<_>>() {
            new += usize::from(matches!(task.await.unwrap(), store::Appended::New(_)));
        }
        assert_eq!(new, 1, "delivery {key}");
    }
    assert_eq!(audit(&stores[0]).await.counts.received, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_quarantine_by_position_while_four_servers_write_misses_nothing() {
    let Some(backend) = Postgres::new() else { return };
    let stores: Vec<Store> = (0..SERVERS).map(|_| backend.open()).collect();
    let each = 25;
    let tasks: Vec<_> = (0..SERVERS)
        .map(|number| {
            let store = stores[number].clone();
            tokio::spawn(async move {
                for text in 0..each {
                    let refused = domain::usage::Quarantined {
                        index: 0,
                        code: domain::usage::QuarantineCode::InvalidQuantity,
                        message: "quantity: expected a number".to_owned(),
                        // A text that came before is not put there again.
                        raw: text.to_string().into(),
                    };
                    let delivery = Delivery {
                        quarantined: vec![refused],
                        ..Delivery::new([])
                    };
                    delivery.of_stack(u8::try_from(number).unwrap()).to(&store).await;
                }
            })
        })
        .collect();
    let (mut position, mut seen) = (0, 0);
    loop {
        let done = tasks.iter().all(tokio::task::JoinHandle::is_finished);
        let page = stores[0]
            .usage
            .quarantine(&QuarantineFilter::waiting(None), position, 7)
            .await
            .unwrap()
            .records;
        seen += page.len();
        match page.last() {
            Some(last) => position = last.position,
            None if done => break,
            None => {}
        }
    }
    assert_eq!(seen, SERVERS * each);
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_entries_of_four_servers_are_numbered_without_a_gap_and_each_was_decided_on_all_before() {
    let Some(backend) = Postgres::new() else { return };
    let each = 20;
    let tasks: Vec<_> = (0..SERVERS)
        .map(|number| {
            let store = backend.open();
            tokio::spawn(async move {
                let by = ObjectId::from_bytes([u8::try_from(number).unwrap(); 16]);
                let (mut known, mut appended) = (0, 0);
                while appended < each {
                    let body = format!("{number} after {known}").into_bytes();
                    let answer = store.journal.append(known, vec![body], Timestamp::UNIX_EPOCH, by);
                    match answer.await.unwrap() {
                        JournalAppended::Appended { last } => (known, appended) = (last, appended + 1),
                        JournalAppended::Conflict { last } => known = last,
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let entries = backend.open().journal.read_after(0, 1000).await.unwrap();
    assert_eq!(entries.len(), SERVERS * each);
    for (before, entry) in (0..).zip(&entries) {
        let body = String::from_utf8(entry.body.clone()).unwrap();
        assert!(body.ends_with(&format!(" after {before}")), "{body}");
    }
}

/// PostgreSQL can attach a partition while others read, but whoever opens the table at that moment may go by the partitions
/// as they were for as long as the connection lives: a bill would lack a month.
#[tokio::test(flavor = "multi_thread")]
async fn no_month_begins_behind_the_back_of_a_reader_who_would_leave_it_out_of_a_bill() {
    let Some(backend) = Postgres::new() else { return };
    let store = backend.open();
    // Long ago: of no month that is made ahead.
    let old = Delivery::new([record("/vm/a", -50_000, "1")]);
    let refused = backend.while_locked("day_sheet IN ACCESS SHARE MODE", old.try_to(&store));
    assert!(matches!(refused, Err(store::StoreError::Busy)), "{refused:?}");
    // Another server tries it at once: this one has learned to wait.
    old.to(&backend.open()).await;
    assert_sound(&store).await;
}
