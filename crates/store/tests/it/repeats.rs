//! Records that cannot be counted and are delivered again: a look-back over one bad record must not fill the quarantine.

use std::collections::{BTreeMap, HashMap};

use domain::time::HourInterval;
use domain::usage::{Quarantined, UsageRecord};
use proptest::prelude::*;
use store::{QuarantineFilter, QuarantineState, Store};

use crate::fixtures::*;
use crate::model::{Model, assert_agrees, check, deliveries, intervals, listed};
use crate::quarantine::{Releasing, found, new_act, positions, released_counts, unread, unreadable, waiting};

pub(crate) async fn a_record_in_quarantine_is_not_put_there_again_however_often_it_is_delivered(
    backend: &dyn Backend,
) {
    let store = backend.open();
    let mixed = [record("/vm/a", 3, "1"), of_day(record("/vm/a", 0, "24"))];
    let bad = Delivery {
        quarantined: vec![unread(2, "a"), unread(3, "b")],
        ..Delivery::new(mixed)
    };
    let first = bad.to(&store).await;
    assert_eq!((counts(&first), first.still_quarantined), ([1, 0, 0, 3], 0));
    let all = waiting(&store).await;
    // As often as a stack is looked back at, through a restart.
    let mut last = first;
    for reported in [100, 100, 101, 130] {
        last = bad.clone().reported(reported).to(&store).await;
        assert_eq!((counts(&last), last.still_quarantined), ([0, 4, 0, 0], 3));
        assert_eq!(last.problems, []);
    }
    drop(store);
    let store = backend.open();
    assert_eq!(store.usage.receipt(last.batch).await.unwrap(), Some(last));
    assert_eq!(counts(&bad.to(&store).await), [0, 4, 0, 0]);
    // One that is new beside those that are not.
    let receipt = unreadable(&["b", "c"]).to(&store).await;
    assert_eq!((counts(&receipt), receipt.still_quarantined), ([0, 1, 0, 1], 1));
    assert_eq!(receipt.problems[0].index, 1);
    let now = waiting(&store).await;
    assert_eq!((now.len(), &now[..3]), (4, &all[..]));
    let counts = audit(&store).await.counts;
    assert_eq!(
        (counts.received, counts.duplicate, counts.quarantined),
        (26, 21, 4)
    );
    assert_sound(&store).await;
}

pub(crate) async fn of_two_records_of_one_delivery_with_one_text_one_is_kept(backend: &dyn Backend) {
    let store = backend.open();
    let receipt = unreadable(&["a", "b", "a"]).to(&store).await;
    assert_eq!(counts(&receipt), [0, 1, 0, 2]);
    // Also where several deliveries are stored in one transaction.
    let deliver = |_| {
        let store = store.clone();
        tokio::spawn(async move { unreadable(&["c", "a"]).to(&store).await })
    };
    for task in (0..20).map(deliver).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let texts: Vec<String> = waiting(&store).await.into_iter().map(|it| it.raw).collect();
    assert_eq!(texts, ["a", "b", "c"]);
    assert_sound(&store).await;
}

pub(crate) async fn a_twin_in_one_delivery_is_not_told_to_wait_since_an_earlier_one_that_never_was(
    backend: &dyn Backend,
) {
    let store = backend.open();
    let receipt = unreadable(&["a", "b", "a"]).to(&store).await;
    assert_eq!((counts(&receipt), receipt.still_quarantined), ([0, 1, 0, 2], 0));
    // From then on it does, and so does its twin.
    let receipt = unreadable(&["a", "c", "c", "a"]).to(&store).await;
    assert_eq!((counts(&receipt), receipt.still_quarantined), ([0, 3, 0, 1], 2));
    // Reported earlier than was known it is kept once more, and what it waits since is the first delivery.
    let receipt = unreadable(&["b", "b"]).reported(50).to(&store).await;
    assert_eq!((counts(&receipt), receipt.still_quarantined), ([0, 1, 0, 1], 1));
    // Of deliveries that may be stored in one transaction, all but the first repeat what an earlier one brought.
    let deliver = |_| {
        let store = store.clone();
        tokio::spawn(async move { unreadable(&["d", "d"]).to(&store).await })
    };
    let mut told = Vec::new();
    for task in (0..20).map(deliver).collect::<Vec<_>>() {
        let receipt = task.await.unwrap();
        told.push((counts(&receipt), receipt.still_quarantined));
    }
    told.sort_unstable();
    assert_eq!(told[0], ([0, 1, 0, 1], 0));
    assert_eq!(told[1..], [([0, 2, 0, 0], 2); 19]);
    assert_sound(&store).await;
}

pub(crate) async fn what_was_released_or_purged_does_not_come_back_into_quarantine(backend: &dyn Backend) {
    let store = backend.open();
    let bad = unreadable(&["released", "purged"]);
    bad.to(&store).await;
    let all = waiting(&store).await;
    Releasing::new(&all[..1], |_| record("/vm/a", 0, "5"))
        .to(&store)
        .await;
    let purged = positions(&all[1..]);
    store.usage.purge(new_act(), &purged, false).await.unwrap();
    for reported in [100, 101] {
        let receipt = bad.clone().reported(reported).to(&store).await;
        assert_eq!((counts(&receipt), receipt.still_quarantined), ([0, 2, 0, 0], 0));
    }
    // What was purged is never counted, whenever it was reported.
    let earlier = unreadable(&["purged"]).reported(50).to(&store).await;
    assert_eq!(counts(&earlier), [0, 1, 0, 0]);
    assert_eq!(waiting(&store).await, []);
    let filter = QuarantineFilter {
        state: QuarantineState::Purged,
        ..QuarantineFilter::default()
    };
    assert_eq!(found(&store, &filter).await.len(), 1);
    assert_eq!(sum(&store, slice(subscription(1, 1), hours(0, 1))).await, "5");
    assert_sound(&store).await;
}

pub(crate) async fn a_record_that_was_reported_earlier_than_anybody_knew_is_kept_once_more(
    backend: &dyn Backend,
) {
    let store = backend.open();
    // The correction between the two reports of the record wins, whichever of them came first.
    Delivery::new([record("/vm/a", 0, "7")])
        .reported(101)
        .to(&store)
        .await;
    for (reported, expected) in [(102, [0, 0, 0, 1]), (100, [0, 0, 0, 1]), (101, [0, 1, 0, 0])] {
        let receipt = unreadable(&["a"]).reported(reported).to(&store).await;
        assert_eq!(counts(&receipt), expected, "{reported}");
    }
    let all = waiting(&store).await;
    let released = Releasing::new(&all, |_| record("/vm/a", 0, "5")).to(&store).await;
    let [accepted, duplicate, revised] = released_counts(&released);
    assert_eq!((accepted, duplicate + revised), (0, 2));
    assert_eq!(sum(&store, slice(subscription(1, 1), hours(0, 1))).await, "7");
    assert_sound(&store).await;
}

pub(crate) async fn the_same_text_of_another_stack_is_another_record(backend: &dyn Backend) {
    let store = backend.open();
    unreadable(&["a"]).to(&store).await;
    let receipt = unreadable(&["a"]).of_stack(2).to(&store).await;
    assert_eq!(counts(&receipt), [0, 0, 0, 1]);
    assert_eq!(waiting(&store).await.len(), 2);
    assert_sound(&store).await;
}

/// Deliveries, whether each of their records could be read when it came, and the order in which they come, each twice.
type Again = (Vec<Delivery>, Vec<Vec<bool>>, Vec<usize>);

fn again() -> impl Strategy<Value = Again> {
    deliveries(false).prop_flat_map(|deliveries| {
        let readable: Vec<_> = deliveries
            .iter()
            .map(|delivery| prop::collection::vec(any::<bool>(), delivery.records.len()))
            .collect();
        let order: Vec<usize> = (0..deliveries.len()).chain(0..deliveries.len()).collect();
        (Just(deliveries), readable, Just(order).prop_shuffle())
    })
}

/// A delivery as it came: what could not be read is in quarantine with what it says as its text.
fn as_it_came(delivery: &Delivery, readable: &[bool]) -> Delivery {
    let (mut records, mut quarantined) = (Vec::new(), Vec::new());
    for (record, readable) in delivery.records.iter().zip(readable) {
        if *readable {
            records.push(record.clone());
        } else {
            let index = u32::try_from(quarantined.len() + delivery.records.len()).unwrap();
            let raw = raw_text(record).into();
            quarantined.push(Quarantined {
                raw,
                ..unread(index, "x")
            });
        }
    }
    Delivery {
        records,
        quarantined,
        ..delivery.clone()
    }
}

pub(crate) async fn a_record_delivered_again_and_again_before_it_is_released_changes_no_bill(
    backend: &dyn Backend,
) {
    check(
        16,
        (again(), intervals()),
        async |((deliveries, readable, order), intervals): (Again, Vec<HourInterval>)| {
            let (backend, mut model) = (backend.another(), Model::default());
            let store = backend.open();
            let mut says = HashMap::<String, UsageRecord<'static>>::new();
            for delivery in &deliveries {
                model.take(delivery);
                says.extend(delivery.records.iter().map(|it| (raw_text(it), it.clone())));
            }
            let release = async |store: &Store, half: bool| {
                let now = waiting(store).await;
                let some = &now[if half { now.len() / 2 } else { 0 }..];
                Releasing::new(some, |raw| says[raw].clone()).to(store).await;
            };
            for number in order {
                let came = as_it_came(&deliveries[number], &readable[number]);
                came.to(&store).await;
                release(&store, true).await;
            }
            release(&store, false).await;
            assert_agrees(&store, &model, &intervals).await;
            let told = |(key, (observation, _))| (key, observation);
            let listed: BTreeMap<_, _> = listed(&store).await.into_iter().map(told).collect();
            assert_eq!(listed, model.observations().collect::<BTreeMap<_, _>>());
        },
    )
    .await;
}
