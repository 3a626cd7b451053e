//! Records in quarantine: found, released, purged, and counted once whatever happens.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::ids::{CloudId, QuarantineActId};
use domain::time::{Hour, Timestamp};
use domain::usage::{QuarantineCode, Quarantined, UsageRecord};
use proptest::prelude::*;
use store::{
    QuarantineFilter, QuarantineState, QuarantinedRecord, RefusedAgain, Release, Released, ReleasedBatch,
    ReleasedRecord, Store, StoreError,
};

use crate::fixtures::*;
use crate::model::{Model, assert_agrees, check, deliveries, intervals, listed};
use crate::postgres::{Database, Postgres, start};

static ACTS: AtomicU64 = AtomicU64::new(1);

pub(crate) fn new_act() -> QuarantineActId {
    let number = u128::from(ACTS.fetch_add(1, Ordering::Relaxed)) | u128::from(std::process::id()) << 64;
    QuarantineActId::from_bytes(number.to_be_bytes())
}

fn at() -> Timestamp {
    Timestamp::from_second(1_790_100_000).unwrap()
}

/// A record that could not be read, whose text is only its name.
pub(crate) fn unread(index: u32, raw: &str) -> Quarantined<'static> {
    Quarantined {
        index,
        code: QuarantineCode::InvalidQuantity,
        message: format!("properties.quantity is {raw}"),
        raw: raw.to_owned().into(),
    }
}

/// A delivery of nothing but records that could not be read.
pub(crate) fn unreadable(raw: &[&str]) -> Delivery {
    Delivery {
        quarantined: (0..).zip(raw).map(|(index, raw)| unread(index, raw)).collect(),
        ..Delivery::new([])
    }
}

/// The records that wait.
pub(crate) async fn waiting(store: &Store) -> Vec<QuarantinedRecord> {
    found(store, &QuarantineFilter::default()).await
}

pub(crate) async fn found(store: &Store, filter: &QuarantineFilter) -> Vec<QuarantinedRecord> {
    store.usage.quarantine(filter, 0, 1000).await.unwrap().records
}

pub(crate) fn positions(records: &[QuarantinedRecord]) -> Vec<u64> {
    records.iter().map(|it| it.position).collect()
}

/// The position of a record, its text, and what that says now.
type Readable = (u64, String, UsageRecord<'static>);

/// A release of records that say now what is told of them, each from its own text.
pub(crate) struct Releasing {
    act: QuarantineActId,
    readable: BTreeMap<(CloudId, Hour), Vec<Readable>>,
    refused: Vec<RefusedAgain>,
    pub(crate) mended: bool,
}

impl Releasing {
    pub(crate) fn new(records: &[QuarantinedRecord], read: impl Fn(&str) -> UsageRecord<'static>) -> Self {
        let mut readable: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for it in records {
            let record = (it.position, it.raw.clone(), read(&it.raw));
            readable.entry((it.stack, it.reported)).or_default().push(record);
        }
        Self {
            act: new_act(),
            readable,
            refused: Vec::new(),
            mended: false,
        }
    }

    pub(crate) async fn to(&self, store: &Store) -> Released {
        self.try_to(store, false).await.unwrap()
    }

    async fn try_to(&self, store: &Store, rehearsal: bool) -> Result<Released, StoreError> {
        let released = |(position, text, record): &'_ Readable| ReleasedRecord {
            position: *position,
            mended: None,
            text_digest: *blake3::hash(text.as_bytes()).as_bytes(),
            record: record.clone(),
        };
        let mut records: Vec<Vec<ReleasedRecord<'_>>> = self
            .readable
            .values()
            .map(|of_batch| of_batch.iter().map(released).collect())
            .collect();
        if self.mended {
            for it in records.iter_mut().flatten() {
                it.mended = Some("as it should have been");
                it.text_digest = *blake3::hash(b"as it should have been").as_bytes();
            }
        }
        let batches: Vec<ReleasedBatch<'_>> = self
            .readable
            .keys()
            .zip(&records)
            .map(|((stack, reported), records)| ReleasedBatch {
                id: Delivery::new_id(),
                stack: *stack,
                reported: *reported,
                records,
            })
            .collect();
        let release = Release {
            act: self.act,
            released_at: at(),
            batches: &batches,
            refused: &self.refused,
            rehearsal,
        };
        store.usage.release(release).await
    }
}

/// accepted, duplicate, revised of all batches of a release
pub(crate) fn released_counts(released: &Released) -> [u32; 3] {
    let mut sums = [0; 3];
    for receipt in &released.receipts {
        assert!(receipt.released);
        let [accepted, duplicate, revised, quarantined] = counts(receipt);
        assert_eq!(quarantined, 0);
        for (sum, count) in sums.iter_mut().zip([accepted, duplicate, revised]) {
            *sum += count;
        }
    }
    sums
}

pub(crate) async fn a_record_released_counts_at_the_reported_time_of_its_delivery(backend: &dyn Backend) {
    let store = backend.open();
    unreadable(&["a", "b"]).reported(100).to(&store).await;
    // A correction came before the record that it corrects was released.
    Delivery::new([record("/vm/a", 0, "7")])
        .reported(101)
        .to(&store)
        .await;
    let releasing = Releasing::new(&waiting(&store).await, |raw| {
        record(&format!("/vm/{raw}"), 0, "5")
    });
    let released = releasing.to(&store).await;
    assert_eq!(released_counts(&released), [1, 0, 1]);
    assert_eq!((released.refused, released.gone), (vec![], vec![]));
    let receipt = &released.receipts[0];
    assert_eq!((receipt.window.start, receipt.received_at), (hour(100), at()));
    assert_eq!(sum(&store, slice(subscription(1, 1), hours(0, 1))).await, "12");
    assert_eq!(waiting(&store).await, []);
    let audit = audit(&store).await;
    assert_eq!((audit.counts.received, audit.counts.quarantined), (3, 0));
    let receipts = store.usage.receipts(stack(1), 0, 10).await.unwrap();
    assert_eq!(
        receipts.iter().map(|it| it.released).collect::<Vec<_>>(),
        [false, false, true]
    );
    let first = store.usage.receipt(receipts[0].batch).await.unwrap().unwrap();
    assert_eq!(
        (first.problems.len(), receipts[0].problems.len()),
        (2, 0),
        "lists do without"
    );
    drop(store);
    let store = backend.open();
    assert_sound(&store).await;
    let filter = QuarantineFilter {
        state: QuarantineState::Released,
        ..QuarantineFilter::default()
    };
    let now = found(&store, &filter).await;
    assert!(
        now.iter()
            .all(|it| it.released_by == Some(receipt.batch) && it.act == Some(releasing.act))
    );
    let came_to = store.usage.acts(&[releasing.act, new_act()]).await.unwrap();
    assert_eq!(
        (came_to[0].records, &came_to[0].batches[..]),
        (2, &[receipt.batch][..])
    );
    assert_eq!(came_to[1].records, 0);
}

pub(crate) async fn a_value_that_does_not_count_would_be_released_as_if_it_did(backend: &dyn Backend) {
    let store = backend.open();
    let told = |released: &Released| -> Vec<_> {
        let told = released.not_counting.iter();
        told.map(|it| (it.position, it.counts.quantity.to_string(), it.counts.reported))
            .collect()
    };
    let not_counting = |released: &Released| -> Vec<_> {
        let receipts = released.receipts.iter();
        receipts.map(|it| it.revised_not_counting).collect()
    };
    let read = |raw: &str| {
        let (uri, quantity) = raw.split_once('=').unwrap();
        record(&format!("/vm/{uri}"), 0, quantity)
    };
    // /vm/b was reported as 9 later, /vm/c as more at the same time; /vm/d says what was superseded; /vm/a is new.
    let known = Delivery::new([record("/vm/c", 0, "5"), record("/vm/d", 0, "1")]);
    known.to(&store).await;
    let later = Delivery::new([record("/vm/b", 0, "9"), record("/vm/d", 0, "2")]);
    later.reported(101).to(&store).await;
    unreadable(&["a=1", "b=4", "c=3", "d=1"]).to(&store).await;
    let of_a = unreadable(&["a=8"]).reported(102);
    of_a.to(&store).await;
    let all = waiting(&store).await;
    let releasing = Releasing::new(&all, read);
    let rehearsed = releasing.try_to(&store, true).await.unwrap();
    let released = releasing.to(&store).await;
    assert_eq!(released_counts(&released), [1, 1, 3]);
    let expected = [
        // What the other batch of the same release says counts.
        (all[0].position, "8".to_owned(), hour(102)),
        (all[1].position, "9".to_owned(), hour(101)),
        (all[2].position, "5".to_owned(), hour(100)),
        (all[3].position, "2".to_owned(), hour(101)),
    ];
    assert_eq!(told(&released), expected);
    assert_eq!(not_counting(&released), [Some(2), Some(0)]);
    assert_eq!(told(&rehearsed), expected);
    assert_eq!(not_counting(&rehearsed), not_counting(&released));
    assert_sound(&store).await;
}

pub(crate) async fn releasing_twice_is_nothing(backend: &dyn Backend) {
    let store = backend.open();
    unreadable(&["a", "b", "c"]).to(&store).await;
    let all = waiting(&store).await;
    let read = |raw: &str| record(&format!("/vm/{raw}"), 0, "1");
    Releasing::new(&all[..2], read).to(&store).await;
    let again = Releasing::new(&all, read).to(&store).await;
    assert_eq!(
        (released_counts(&again), again.gone),
        ([1, 0, 0], positions(&all[..2]))
    );
    let nothing = Releasing::new(&all, read).to(&store).await;
    assert_eq!((nothing.receipts, nothing.gone), (vec![], positions(&all)));
    assert_eq!(sum(&store, slice(subscription(1, 1), hours(0, 1))).await, "3");
    assert_eq!(store.usage.receipts(stack(1), 0, 10).await.unwrap().len(), 3);
    assert_sound(&store).await;
}

pub(crate) async fn what_still_cannot_be_counted_waits_on_with_its_new_reason(backend: &dyn Backend) {
    let store = backend.open();
    Delivery::new([record("/vm/a", 3, "1")]).to(&store).await;
    unreadable(&["a", "b", "c"]).to(&store).await;
    let all = waiting(&store).await;
    let mut releasing = Releasing::new(&all[..2], |raw| of_day(record(&format!("/vm/{raw}"), 0, "24")));
    let (code, message) = (QuarantineCode::UsageInFuture, "it has not come".to_owned());
    let position = all[2].position;
    releasing.refused.push(RefusedAgain {
        position,
        code,
        message,
    });
    let released = releasing.to(&store).await;
    assert_eq!(released_counts(&released), [1, 0, 0]);
    let refused: Vec<_> = released.refused.iter().map(|it| (it.position, it.code)).collect();
    let expected = [
        (all[0].position, QuarantineCode::GranularityConflict),
        (all[2].position, QuarantineCode::UsageInFuture),
    ];
    assert_eq!(refused, expected);
    let now = waiting(&store).await;
    assert_eq!(
        now.iter().map(|it| (it.position, it.code)).collect::<Vec<_>>(),
        expected
    );
    assert!(now[0].message.contains("by the hour"), "{}", now[0].message);
    assert!(
        now.iter()
            .all(|it| it.first_code == QuarantineCode::InvalidQuantity)
    );
    let of_code = QuarantineFilter {
        code: Some(QuarantineCode::UsageInFuture),
        ..QuarantineFilter::default()
    };
    assert_eq!(found(&store, &of_code).await, now[1..]);
    // Refused for the first reason again, it is as it was.
    let mut back = Releasing::new(&[], |raw| record(raw, 0, "1"));
    back.refused.push(RefusedAgain {
        position,
        code: all[2].code,
        message: all[2].message.clone(),
    });
    assert_eq!(back.to(&store).await.receipts, []);
    assert_eq!(waiting(&store).await[1], all[2]);
    assert_sound(&store).await;
}

pub(crate) async fn a_mended_text_is_kept_beside_what_was_sent(backend: &dyn Backend) {
    let store = backend.open();
    unreadable(&["a"]).to(&store).await;
    let releasing = Releasing {
        mended: true,
        ..Releasing::new(&waiting(&store).await, |_| record("/vm/a", 0, "1"))
    };
    releasing.to(&store).await;
    let filter = QuarantineFilter {
        state: QuarantineState::Released,
        ..QuarantineFilter::default()
    };
    let kept = &found(&store, &filter).await[0];
    assert_eq!(
        (kept.raw.as_str(), kept.mended.as_deref()),
        ("a", Some("as it should have been"))
    );
    assert_sound(&store).await;
}

pub(crate) async fn a_rehearsal_tells_what_would_come_and_leaves_nothing(backend: &dyn Backend) {
    let store = backend.open();
    Delivery::new([record("/vm/a", 3, "1"), record("/vm/b", 0, "1")])
        .to(&store)
        .await;
    unreadable(&["a", "b", "c"]).to(&store).await;
    let all = waiting(&store).await;
    let before = audit(&store).await;
    let releasing = Releasing::new(&all, |raw| match raw {
        "a" => of_day(record("/vm/a", 0, "24")),
        raw => record(&format!("/vm/{raw}"), 0, "1"),
    });
    let rehearsed = releasing.try_to(&store, true).await.unwrap();
    let purge = store
        .usage
        .purge(new_act(), &positions(&all), true)
        .await
        .unwrap();
    assert_eq!(purge.purged, positions(&all));
    assert_eq!(waiting(&store).await, all);
    assert_eq!(audit(&store).await, before);
    assert_eq!(store.usage.receipts(stack(1), 0, 10).await.unwrap().len(), 2);
    let released = releasing.to(&store).await;
    assert_eq!(released_counts(&rehearsed), [1, 1, 0]);
    assert_eq!(released_counts(&released), released_counts(&rehearsed));
    assert_eq!(
        (released.refused, released.gone),
        (rehearsed.refused, rehearsed.gone)
    );
    // What was learnt in a rehearsal is forgotten with it: the cache knows no series that is not there.
    Delivery::new([record("/vm/c", 1, "1")]).to(&store).await;
    assert_sound(&store).await;
}

pub(crate) async fn what_is_purged_is_gone_and_that_it_was_there_stays(backend: &dyn Backend) {
    let store = backend.open();
    let receipt = unreadable(&["a secret", "b"]).to(&store).await;
    let all = waiting(&store).await;
    let act = new_act();
    let purged = store.usage.purge(act, &[all[0].position], false).await.unwrap();
    assert_eq!((purged.purged, purged.gone), (vec![all[0].position], vec![]));
    let filter = QuarantineFilter {
        state: QuarantineState::Purged,
        ..QuarantineFilter::default()
    };
    let kept = found(&store, &filter).await;
    let expected = QuarantinedRecord {
        raw: String::new(),
        raw_digest: Some(*blake3::hash(b"a secret").as_bytes()),
        act: Some(act),
        ..all[0].clone()
    };
    assert_eq!(kept, [expected]);
    assert_eq!(positions(&waiting(&store).await), [all[1].position]);
    let releasing = Releasing::new(&all, |raw| record(&format!("/vm/{raw}"), 0, "1"));
    let released = releasing.to(&store).await;
    assert_eq!(
        (released_counts(&released), released.gone),
        ([1, 0, 0], vec![all[0].position])
    );
    let both = positions(&all);
    assert_eq!(
        store.usage.purge(new_act(), &both, false).await.unwrap().gone,
        both
    );
    assert_eq!(store.usage.acts(&[act]).await.unwrap()[0].records, 1);
    let counts = audit(&store).await.counts;
    assert_eq!((counts.received, counts.counted, counts.quarantined), (2, 1, 1));
    assert_eq!(store.usage.receipt(receipt.batch).await.unwrap(), Some(receipt));
    assert_sound(&store).await;
}

pub(crate) async fn records_are_found_by_what_they_have_in_common(backend: &dyn Backend) {
    let store = backend.open();
    let first = unreadable(&["100%", "1000", "y\u{0}ü"]).to(&store).await;
    unreadable(&["it's", "a_b"]).of_stack(2).to(&store).await;
    let mixed = [record("/vm/a", 3, "1"), of_day(record("/vm/a", 0, "24"))];
    Delivery::new(mixed).to(&store).await;
    let all = waiting(&store).await;
    let all_of = async |filter: QuarantineFilter| positions(&found(&store, &filter).await);
    let some = |places: &[usize]| -> Vec<u64> { places.iter().map(|place| all[*place].position).collect() };
    let any = QuarantineFilter::default;
    for (filter, expected) in [
        (any(), some(&[0, 1, 2, 3, 4, 5])),
        (QuarantineFilter::waiting(Some(stack(2))), some(&[3, 4])),
        (
            QuarantineFilter {
                code: Some(QuarantineCode::GranularityConflict),
                ..any()
            },
            some(&[5]),
        ),
        (
            QuarantineFilter {
                batch: Some(first.batch),
                ..any()
            },
            some(&[0, 1, 2]),
        ),
        (
            QuarantineFilter {
                batch: Some(first.batch),
                stack: Some(stack(2)),
                ..any()
            },
            vec![],
        ),
        (
            QuarantineFilter {
                state: QuarantineState::Purged,
                ..any()
            },
            vec![],
        ),
    ] {
        assert_eq!(all_of(filter.clone()).await, expected, "{filter:?}");
    }
    for (text, expected) in [
        ("100%", some(&[0])),
        ("quantity is 1", some(&[0, 1])),
        ("ü", some(&[2])),
        ("it's", some(&[3])),
        ("_", some(&[4])),
        ("raw text of", some(&[5])),
        ("RAW", vec![]),
    ] {
        let filter = QuarantineFilter {
            containing: Some(text.to_owned()),
            ..any()
        };
        assert_eq!(all_of(filter).await, expected, "{text}");
    }
    let received = Hour::containing(all[0].received_at);
    for (from, to, expected) in [(0, 1, 6), (-1, 0, 0), (1, 2, 0), (-5, 5, 6)] {
        let interval = domain::time::HourInterval::new(received.plus(from), received.plus(to));
        let filter = QuarantineFilter {
            received: interval,
            ..any()
        };
        assert_eq!(all_of(filter).await.len(), expected, "{from} to {to}");
    }
    let since = QuarantineFilter {
        received: domain::time::HourInterval::new(received, Hour::MAX),
        ..any()
    };
    assert_eq!(all_of(since).await.len(), 6, "all since an hour");
    let second = store.usage.quarantine(&any(), all[1].position, 2).await.unwrap();
    assert_eq!((&second.records[..], second.more), (&all[2..4], true));
    let at = [all[4].position, all[0].position, 0, u64::MAX >> 2];
    assert_eq!(
        positions(&store.usage.quarantined_at(&at).await.unwrap().records),
        some(&[0, 4])
    );

    let counts = async |of| {
        let counts = store.usage.quarantine_counts(of).await.unwrap();
        let told = counts.iter().map(|it| (it.stack, it.code, it.records));
        told.collect::<Vec<_>>()
    };
    let invalid = QuarantineCode::InvalidQuantity;
    let conflict = (stack(1), QuarantineCode::GranularityConflict, 1);
    assert_eq!(counts(Some(stack(2))).await, [(stack(2), invalid, 2)]);
    assert_eq!(
        counts(None).await,
        [conflict, (stack(1), invalid, 3), (stack(2), invalid, 2)]
    );
}

pub(crate) async fn of_all_who_release_or_purge_a_record_at_once_one_does(backend: &dyn Backend) {
    let store = backend.open();
    race(&[store.clone(), store.clone(), store], 30).await;
}

/// Everybody releases all records, and somebody purges every third.
async fn race(stores: &[Store], records: usize) {
    let names: Vec<String> = (0..records).map(|number| format!("{number:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let store = &stores[0];
    for number in 1..=2 {
        let delivery = unreadable(&names).of_stack(number).reported(i32::from(number));
        delivery.to(store).await;
    }
    let all = waiting(store).await;
    let releases = stores.iter().map(|store| {
        let (store, all) = (store.clone(), all.clone());
        tokio::spawn(async move {
            let mut counted = 0;
            for some in all.chunks(7) {
                let read = |raw: &str| record(&format!("/vm/{raw}"), 0, "1");
                counted += released_counts(&Releasing::new(some, read).to(&store).await)[0];
            }
            counted
        })
    });
    let releases: Vec<_> = releases.collect();
    let third: Vec<u64> = positions(&all).into_iter().step_by(3).collect();
    let purged = stores[stores.len() - 1]
        .usage
        .purge(new_act(), &third, false)
        .await
        .unwrap();
    let mut released = 0;
    for release in releases {
        released += release.await.unwrap() as usize;
    }
    assert_eq!(released + purged.purged.len(), all.len());
    let counts = audit(store).await.counts;
    assert_eq!(counts.counted, released as u64);
    assert_eq!(counts.quarantined, purged.purged.len() as u64);
    assert_eq!(waiting(store).await, []);
    assert_sound(store).await;
}

/// Deliveries of which some records could not be read when they came, whether each may be read in the end, and in which
/// order all of them are released.
type Faulty = (Vec<Delivery>, Vec<Vec<bool>>, Vec<usize>);

fn faulty() -> impl Strategy<Value = Faulty> {
    deliveries(false).prop_flat_map(|deliveries| {
        let readable: Vec<_> = deliveries
            .iter()
            .map(|delivery| prop::collection::vec(prop::bool::weighted(0.7), delivery.records.len()))
            .collect();
        let order: Vec<usize> = (0..deliveries.len()).collect();
        (Just(deliveries), readable, Just(order).prop_shuffle())
    })
}

/// A delivery as it came: what could not be read has the name of its place instead of its text.
fn as_it_came(number: usize, delivery: &Delivery, readable: &[bool]) -> Delivery {
    let (mut records, mut quarantined) = (Vec::new(), Vec::new());
    for (place, (record, readable)) in delivery.records.iter().zip(readable).enumerate() {
        if *readable {
            records.push(record.clone());
        } else {
            let index = u32::try_from(place + delivery.records.len()).unwrap();
            quarantined.push(unread(index, &format!("{number}.{place}")));
        }
    }
    Delivery {
        records,
        quarantined,
        ..delivery.clone()
    }
}

pub(crate) async fn a_record_released_has_the_effect_of_one_that_was_delivered_rightly(
    backend: &dyn Backend,
) {
    check(
        16,
        (faulty(), intervals()),
        async |((deliveries, readable, order), intervals): (Faulty, Vec<_>)| {
            let (backend, mut model) = (backend.another(), Model::default());
            let store = backend.open();
            for delivery in &deliveries {
                model.take(delivery);
            }
            let named = |raw: &str| {
                let (number, place) = raw.split_once('.').unwrap();
                let of: &Delivery = &deliveries[number.parse::<usize>().unwrap()];
                of.records[place.parse::<usize>().unwrap()].clone()
            };
            // Half of what was delivered so far is released before the next delivery comes.
            for number in order {
                let came = as_it_came(number, &deliveries[number], &readable[number]);
                came.to(&store).await;
                let now = waiting(&store).await;
                Releasing::new(&now[now.len() / 2..], named).to(&store).await;
            }
            Releasing::new(&waiting(&store).await, named).to(&store).await;
            assert_agrees(&store, &model, &intervals).await;
            assert_eq!(audit(&store).await.counts, model.counts());
            let expected: BTreeMap<_, _> = model.observations().collect();
            let told = |(key, (observation, _))| (key, observation);
            assert_eq!(
                listed(&store)
                    .await
                    .into_iter()
                    .map(told)
                    .collect::<BTreeMap<_, _>>(),
                expected
            );
        },
    )
    .await;
}

pub(crate) async fn a_day_whose_wrong_granularity_came_first_is_set_right_by_one_mended_record(
    backend: &dyn Backend,
) {
    let store = backend.open();
    // The day came wrong, and its hours later.
    Delivery::new([of_day(record("/vm/a", 0, "99"))]).to(&store).await;
    let hours_of_day = (0..3).map(|hour| record("/vm/a", hour, "2"));
    Delivery::new(hours_of_day).reported(101).to(&store).await;
    let all = waiting(&store).await;
    assert_eq!(all.len(), 3);
    let as_they_are = Releasing::new(&all, |_| record("/vm/a", 0, "2"));
    assert_eq!(as_they_are.to(&store).await.receipts, []);
    let mended = Releasing {
        mended: true,
        ..Releasing::new(&all[..1], |_| of_day(record("/vm/a", 0, "6")))
    };
    assert_eq!(released_counts(&mended.to(&store).await), [0, 0, 1]);
    let rest = positions(&all[1..]);
    store.usage.purge(new_act(), &rest, false).await.unwrap();
    assert_eq!(sum(&store, slice(subscription(1, 1), hours(0, 24))).await, "6");
    assert_eq!(waiting(&store).await, []);
    // Reading back over it changes nothing any more.
    let again = Delivery::new((0..3).map(|hour| record("/vm/a", hour, "2"))).reported(101);
    assert_eq!(counts(&again.to(&store).await), [0, 3, 0, 0]);
    assert_eq!(waiting(&store).await, []);
    assert_sound(&store).await;
}

/// Releases one record that waits, and purges another.
pub(crate) async fn release_and_purge(store: &Store) {
    let now = waiting(store).await;
    let releasing = Releasing {
        mended: true,
        ..Releasing::new(&now[..1], |_| record("/vm/released", 1, "2.5"))
    };
    releasing.to(store).await;
    let mut refused = Releasing::new(&[], |raw| record(raw, 0, "1"));
    refused.refused.push(RefusedAgain {
        position: now[2].position,
        code: QuarantineCode::UsageInFuture,
        message: "it has not \0 come".to_owned(),
    });
    refused.to(store).await;
    store
        .usage
        .purge(new_act(), &[now[1].position], false)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_servers_that_release_or_purge_a_record_at_once_one_does() {
    let Some(backend) = Postgres::new() else { return };
    race(&[backend.open(), backend.open(), backend.open()], 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_cut_off_by_the_end_of_the_database_is_done_once_when_it_is_done_again() {
    let Some(server) = start() else { return };
    let database = Database::on(&server);
    let store = store::open(&database.config()).unwrap();
    let names: Vec<String> = (0..400).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    unreadable(&names).to(&store).await;
    let all = waiting(&store).await;
    let task = {
        let (store, all) = (store.clone(), all.clone());
        tokio::spawn(async move {
            for some in all.chunks(4) {
                let read = |raw: &str| record(&format!("/vm/{raw}"), 0, "1");
                let releasing = Releasing::new(some, read);
                // Until it is acknowledged, as whoever wants it done.
                while let Err(error) = releasing.try_to(&store, false).await {
                    assert!(!matches!(error, StoreError::Corrupt { .. }), "{error}");
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            }
        })
    };
    for _ in 0..5 {
        tokio::task::block_in_place(|| server.kill_and_restart()).unwrap();
    }
    tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap();
    assert_eq!(waiting(&store).await, []);
    assert_eq!(sum(&store, slice(subscription(1, 1), hours(0, 1))).await, "400");
    let counts = audit(&store).await.counts;
    assert_eq!((counts.received, counts.counted, counts.duplicate), (400, 400, 0));
    assert_sound(&store).await;
}
