//! What counted when stacks had fewer receipts than they have now.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::ids::{CloudId, LocalMeterId};
use domain::quantity::{Quantity, QuantitySum};
use domain::time::{Hour, HourInterval, Timestamp};
use domain::usage::UsageRecord;
use proptest::prelude::*;
use rusqlite::Connection;
use store::{
    LocalSubscriptionKey, Release, ReleasedBatch, ReleasedRecord, ResourceSum, SeriesKey, Slice, SliceSum,
    Store, StoreConfig, StoreError,
};

use crate::fixtures::*;
use crate::model::{check, deliveries};
use crate::quarantine::{new_act, unread, waiting};

/// The records of a property begin so many hours after those of others: on the last day of a month and the first of the next.
const LAST_OF_MONTH: i32 = 24 * 5;
/// Days after the usual receipt: three in the month, three late about its last day, the last one late about the next month too.
const DAYS_LATER: [i64; 6] = [0, 1, 9, 10, 20, 41];

/// What happens next.
#[derive(Debug, Clone)]
struct Step {
    delivery: Delivery,
    /// What the texts say that could not be read.
    unread: Vec<UsageRecord<'static>>,
    /// How many days after the usual they are released, and all that waited before, if they are.
    released: Option<i64>,
}

fn moved(record: UsageRecord<'static>) -> UsageRecord<'static> {
    UsageRecord {
        start: record.start.plus(LAST_OF_MONTH),
        ..record
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let days = || prop::sample::select(DAYS_LATER.to_vec());
    let more = (0..3usize, days(), prop::option::of(days()));
    (deliveries(true), prop::collection::vec(more, 8)).prop_map(|(deliveries, more)| {
        let step = |(delivery, (unread, days_later, released)): (Delivery, (usize, i64, Option<i64>))| {
            let mut records: Vec<_> = delivery.records.into_iter().map(moved).collect();
            let unread = records.split_off(records.len().saturating_sub(unread));
            Step {
                delivery: Delivery {
                    records,
                    days_later,
                    ..delivery
                },
                unread,
                released,
            }
        };
        deliveries.into_iter().zip(more).map(step).collect()
    })
}

fn days_after(days: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + 86_400 * days).unwrap()
}

/// Releases what waits and can be read now.
async fn release(store: &Store, texts: &HashMap<String, UsageRecord<'static>>, days_later: i64) {
    let waiting = waiting(store).await;
    let readable = waiting.iter().filter(|it| texts.contains_key(&it.raw));
    let records: Vec<_> = readable
        .map(|it| {
            let record = ReleasedRecord {
                position: it.position,
                mended: None,
                text_digest: *blake3::hash(it.raw.as_bytes()).as_bytes(),
                record: texts[&it.raw].clone(),
            };
            ((it.stack, it.reported), [record])
        })
        .collect();
    // A batch for each of them, so that some have several receipts.
    let batches: Vec<_> = records
        .iter()
        .map(|((stack, reported), records)| ReleasedBatch {
            id: Delivery::new_id(),
            stack: *stack,
            reported: *reported,
            records,
        })
        .collect();
    let release = Release {
        act: new_act(),
        released_at: days_after(days_later),
        batches: &batches,
        refused: &[],
        rehearsal: false,
    };
    store.usage.release(release).await.unwrap();
}

/// What a ledger says when it has so many receipts and no others.
struct Then {
    marks: Vec<(CloudId, u64)>,
    sums: Vec<SliceSum>,
    using: Vec<Vec<LocalSubscriptionKey>>,
}

async fn marks(store: &Store) -> Vec<(CloudId, u64)> {
    let progress = store.usage.progress().await.unwrap();
    progress.into_iter().map(|it| (it.stack, it.sequence)).collect()
}

async fn now(store: &Store, slices: &[Slice], intervals: &[HourInterval]) -> Then {
    let mut using = Vec::new();
    for interval in intervals {
        using.push(store.usage.local_subscriptions(None, *interval).await.unwrap());
    }
    Then {
        marks: marks(store).await,
        sums: store.usage.sums(slices).await.unwrap(),
        using,
    }
}

fn slices_of(intervals: &[HourInterval]) -> Vec<Slice> {
    let subscriptions = [(1, 1), (1, 2), (2, 1), (2, 2)].map(|(stack, number)| subscription(stack, number));
    let of = |of| intervals.iter().map(move |interval| slice(of, *interval));
    subscriptions.into_iter().flat_map(of).collect()
}

fn moved_intervals() -> impl Strategy<Value = Vec<HourInterval>> {
    let one = (0..72, 1..=72).prop_map(|(start, length)| {
        let start = start + LAST_OF_MONTH;
        hours(start, start + length)
    });
    prop::collection::vec(one, 3)
}

pub(crate) async fn whatever_comes_after_a_receipt_changes_nothing_of_what_counted_then(
    backend: &dyn Backend,
) {
    check(
        48,
        (steps(), moved_intervals()),
        async |(steps, mut intervals): (Vec<Step>, Vec<HourInterval>)| {
            intervals.push(HourInterval::ALWAYS);
            let slices = slices_of(&intervals);
            let backend = backend.another();
            let store = backend.open();
            let mut texts = HashMap::new();
            let mut then = vec![now(&store, &slices, &intervals).await];
            for (number, step) in steps.iter().enumerate() {
                let names: Vec<String> = (0..step.unread.len())
                    .map(|it| format!("{number}-{it}"))
                    .collect();
                let quarantined = (1000..).zip(&names).map(|(index, name)| unread(index, name));
                let delivery = Delivery {
                    quarantined: quarantined.collect(),
                    ..step.delivery.clone()
                };
                delivery.to(&store).await;
                then.push(now(&store, &slices, &intervals).await);
                texts.extend(names.into_iter().zip(step.unread.iter().cloned()));
                if let Some(days_later) = step.released {
                    release(&store, &texts, days_later).await;
                    then.push(now(&store, &slices, &intervals).await);
                }
            }
            for Then { marks, sums, using } in &then {
                assert_eq!(
                    &store.usage.sums_at(&slices, marks).await.unwrap(),
                    sums,
                    "{marks:?}"
                );
                assert_eq!(&by_resource(&store, &slices, marks).await, sums, "{marks:?}");
                for (interval, using) in intervals.iter().zip(using) {
                    let found = store.usage.local_subscriptions_at(*interval, marks).await;
                    assert_eq!(&found.unwrap(), using, "{interval} {marks:?}");
                }
                whoever_uses_something_else_is_named(&store, &intervals, marks).await;
            }
            let (half, last) = (&then[then.len() / 2].marks, &then[then.len() - 1].marks);
            for slice in &slices {
                what_was_revised_is_counted(&store, *slice, half, last).await;
            }
            // Each stack goes by its own mark.
            for (one, other) in then.iter().zip(then.iter().rev()) {
                let of = |then: &Then, number| {
                    let mark = then.marks.iter().find(|(of, _)| *of == stack(number));
                    let of_stack = |it: &&SliceSum| slices[it.slice].of.stack == stack(number);
                    let sums = then.sums.iter().filter(of_stack).cloned();
                    (mark.copied(), sums.collect::<Vec<_>>())
                };
                let ((first, mut sums), (second, rest)) = (of(one, 1), of(other, 2));
                sums.extend(rest);
                let marks: Vec<_> = first.into_iter().chain(second).collect();
                assert_eq!(
                    store.usage.sums_at(&slices, &marks).await.unwrap(),
                    sums,
                    "{marks:?}"
                );
            }
            assert_sound(&store).await;
        },
    )
    .await;
}

/// As counting, record by record, what was said of it on both sides.
async fn what_was_revised_is_counted(
    store: &Store,
    slice: Slice,
    then: &[(CloudId, u64)],
    now: &[(CloudId, u64)],
) {
    let mut expected: BTreeMap<LocalMeterId, u64> = BTreeMap::new();
    for sum in store.usage.resource_sums_at(&[slice], then).await.unwrap() {
        let of = SeriesKey {
            of: slice.of,
            local_meter: sum.local_meter,
            resource_uri: sum.resource_uri.clone(),
        };
        let mut counted = Vec::new();
        for marks in [then, now] {
            let said = store.usage.sayings_at(of.clone(), slice.interval, marks).await;
            let said = said.unwrap().into_iter();
            let counts = said.map(|record| (record.start, record.sayings[record.counts].quantity));
            counted.push(counts.collect::<BTreeMap<_, _>>());
        }
        let is_other =
            |(start, before): &(&Hour, &Quantity)| counted[1].get(*start).is_some_and(|now| now != *before);
        let revised = counted[0].iter().filter(is_other).count() as u64;
        if revised > 0 {
            *expected.entry(sum.local_meter).or_default() += revised;
        }
    }
    let found = store.usage.revised_between(&[slice], then, now).await.unwrap();
    let found = found.into_iter().map(|it| (it.local_meter, it.records));
    assert_eq!(
        found.collect::<BTreeMap<_, _>>(),
        expected,
        "{slice:?} {then:?} {now:?}"
    );
}

/// Of whom nothing was said after these marks, the sums are what they were.
async fn whoever_uses_something_else_is_named(
    store: &Store,
    intervals: &[HourInterval],
    marks: &[(CloudId, u64)],
) {
    for interval in intervals {
        let using = store.usage.local_subscriptions(None, *interval).await.unwrap();
        let named = store
            .usage
            .local_subscriptions_after(*interval, marks)
            .await
            .unwrap();
        assert!(
            named.is_sorted() && named.iter().all(|of| using.contains(of)),
            "{named:?}"
        );
        let others = using.iter().filter(|of| !named.contains(of));
        let others = others.map(|of| Slice {
            of: *of,
            interval: *interval,
        });
        let others: Vec<Slice> = others.collect();
        assert_eq!(
            store.usage.sums_at(&others, marks).await.unwrap(),
            store.usage.sums(&others).await.unwrap(),
            "{interval} {marks:?}"
        );
    }
}

/// What the resources of each slice consumed when stacks had these receipts, put together again. Records are not counted by
/// resource: that is taken from the sums.
async fn by_resource(store: &Store, slices: &[Slice], marks: &[(CloudId, u64)]) -> Vec<SliceSum> {
    let sums = store.usage.sums_at(slices, marks).await.unwrap();
    let mut seen = HashSet::new();
    let mut added: HashMap<(usize, LocalMeterId), QuantitySum> = HashMap::new();
    for sum in store.usage.resource_sums_at(slices, marks).await.unwrap() {
        let is_new = seen.insert((sum.slice, sum.local_meter, sum.resource_uri.to_lowercase()));
        assert!(is_new, "each resource once: {sum:?}");
        assert_eq!(
            by_saying(store, slices[sum.slice], &sum, marks).await,
            sum.quantity
        );
        added
            .entry((sum.slice, sum.local_meter))
            .or_default()
            .add(&sum.quantity);
    }
    assert_eq!(added.len(), sums.len(), "nothing but what was summed");
    let again = sums.into_iter().map(|sum| SliceSum {
        quantity: added.remove(&(sum.slice, sum.local_meter)).unwrap_or_default(),
        ..sum
    });
    again.collect()
}

/// What a resource consumed in a slice, put together from what was said about each of its records.
async fn by_saying(store: &Store, slice: Slice, sum: &ResourceSum, marks: &[(CloudId, u64)]) -> QuantitySum {
    let of = SeriesKey {
        of: slice.of,
        local_meter: sum.local_meter,
        resource_uri: sum.resource_uri.clone(),
    };
    let said = store.usage.sayings_at(of, slice.interval, marks).await.unwrap();
    let mark = marks.iter().find(|(stack, _)| *stack == slice.of.stack);
    let mut quantity = QuantitySum::default();
    for record in said {
        let receipts: Vec<u64> = record.sayings.iter().map(|it| it.receipt).collect();
        assert!(
            receipts.is_sorted() && receipts.last().copied() <= mark.map(|(_, mark)| *mark),
            "{record:?}"
        );
        quantity.add(&record.sayings[record.counts].quantity.into());
    }
    quantity
}

/// The sum over all meters of a slice when stack 1 had so many receipts, as text.
async fn sum_at(store: &Store, slice: Slice, mark: u64) -> String {
    let sums = store.usage.sums_at(&[slice], &[(stack(1), mark)]).await.unwrap();
    let quantities: Vec<_> = sums.into_iter().map(|sum| sum.quantity).collect();
    quantities.iter().sum::<QuantitySum>().to_string()
}

pub(crate) async fn an_older_report_that_was_confirmed_later_would_count_in_a_month_closed_before(
    backend: &dyn Backend,
) {
    let store = backend.open();
    let all = slice(subscription(1, 1), HourInterval::ALWAYS);
    let said = |quantity, reported| Delivery::new([record("/vm/a", 0, quantity)]).reported(reported);
    for (delivery, counts) in [
        (said("2", 10), "2"),
        (said("1", 7), "2"),
        // 2 was said at 5 already, so it is the older saying of the two.
        (said("2", 5), "1"),
        (said("3", 6), "1"),
        (said("4", 8), "4"),
    ] {
        let receipt = delivery.days_later(30).to(&store).await;
        assert_eq!(sum(&store, all).await, counts, "{}", receipt.sequence);
    }
    for (mark, counts) in [
        (0, "0"),
        (1, "2"),
        (2, "2"),
        (3, "1"),
        (4, "1"),
        (5, "4"),
        (99, "4"),
    ] {
        assert_eq!(sum_at(&store, all, mark).await, counts, "{mark}");
    }
    assert_eq!(
        store.usage.sums_at(&[all], &[]).await.unwrap(),
        [],
        "a stack that is not named"
    );
    assert_eq!(store.usage.sums_at(&[all], &[(stack(2), 9)]).await.unwrap(), []);
    let empty = store
        .usage
        .local_subscriptions_at(HourInterval::ALWAYS, &[])
        .await;
    assert_eq!(empty.unwrap(), []);
}

pub(crate) async fn a_closed_month_would_be_reckoned_again_for_everybody_because_of_one_late_record(
    backend: &dyn Backend,
) {
    let store = backend.open();
    let month = hours(0, 48);
    let after = async |interval, mark: u64| {
        let marks = [(stack(1), mark)];
        let named = store.usage.local_subscriptions_after(interval, &marks).await;
        named.unwrap()
    };
    let (one, other, new) = (subscription(1, 1), subscription(1, 2), subscription(2, 1));
    let of_both = [record("/vm/a", 0, "1"), of(2, 1, record("/vm/b", 0, "1"))];
    let closed = Delivery::new(of_both).to(&store).await.sequence;
    assert_eq!(after(month, closed).await, []);
    assert_eq!(after(month, 0).await, [one, other], "nothing had come");
    // What comes in the next month about that month is about nobody in this one.
    let next = Delivery::new([record("/vm/a", 24 * 20, "1")]).days_later(20);
    next.to(&store).await;
    assert_eq!(after(month, closed).await, []);
    let late = Delivery::new([of(2, 1, record("/vm/b", 30, "1"))]).days_later(20);
    let late = late.to(&store).await.sequence;
    assert_eq!(after(month, closed).await, [other]);
    assert_eq!(after(hours(0, 24), closed).await, [], "another day");
    assert_eq!(after(month, late).await, []);
    // A stack that nobody had heard of.
    let unheard_of = Delivery::new([record("/vm/c", 1, "1")])
        .of_stack(2)
        .days_later(20);
    unheard_of.to(&store).await;
    assert_eq!(after(month, late).await, [new]);
}

/// Two whole days of a resource, an hour each in a delivery of its own; of the second an hour is revised when the month is over.
async fn closed_and_revised(store: &Store) -> u64 {
    for hour in 0..48 {
        Delivery::new([record("/vm/a", hour, "1")]).to(store).await;
    }
    let closed = Delivery::new([record("/vm/b", 0, "1")]).to(store).await.sequence;
    let late = Delivery::new([record("/vm/a", 30, "5"), record("/vm/b", 0, "1")]).reported(101);
    late.days_later(20).to(store).await;
    closed
}

fn behind_its_back(directory: &std::path::Path, statement: &str) {
    let connection = Connection::open(directory.join("usage.db")).unwrap();
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    connection.execute_batch(statement).unwrap();
    assert!(connection.changes() > 0, "nothing to change: {statement}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_month_would_be_read_hour_by_hour_for_one_hour_that_was_revised() {
    let directory = tempfile::tempdir().unwrap();
    let config = StoreConfig::in_folder(directory.path().to_owned());
    let closed = {
        let store = store::open(&config).unwrap();
        closed_and_revised(&store).await
    };
    let all = slice(subscription(1, 1), hours(0, 48));
    // Whoever reads an hour of the first day now misses it.
    let first_day = format!("DELETE FROM hour_sheet WHERE hour < {}", EPOCH + 24);
    behind_its_back(directory.path(), &first_day);
    let store = store::open(&config).unwrap();
    assert_eq!(sum_at(&store, all, closed).await, "49");
    assert_eq!(sum(&store, all).await, "53");
    drop(store);
    // As an earlier version stores what it takes in: nobody knows what that was about, so all hours have to be read.
    let earlier = format!(
        "UPDATE batch SET late_days = NULL WHERE sequence = {}",
        closed + 1
    );
    behind_its_back(directory.path(), &earlier);
    let store = store::open(&config).unwrap();
    assert_eq!(sum_at(&store, all, closed).await, "24");
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_of_the_running_month_would_be_written_down_as_late() {
    let directory = tempfile::tempdir().unwrap();
    let store = store::open(&StoreConfig::in_folder(directory.path().to_owned())).unwrap();
    closed_and_revised(&store).await;
    // What says nothing new is about no day.
    let again = Delivery::new([record("/vm/a", 3, "1")]).reported(101);
    again.days_later(20).to(&store).await;
    let connection = Connection::open(directory.path().join("usage.db")).unwrap();
    let rows = |sql: &str| -> Vec<(i64, i64)> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().map(Result::unwrap).collect()
    };
    let late = rows("SELECT day - 20721, sequence FROM late_day JOIN batch ON batch.id = late_day.batch");
    assert_eq!(late, [(1, 50)]);
    let said = rows("SELECT late_days, count(*) FROM batch GROUP BY 1 ORDER BY 1");
    assert_eq!(said, [(0, 50), (1, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_would_be_reckoned_from_other_receipts_than_those_it_was_closed_with() {
    let directory = tempfile::tempdir().unwrap();
    let config = StoreConfig::in_folder(directory.path().to_owned());
    closed_and_revised(&store::open(&config).unwrap()).await;
    behind_its_back(directory.path(), "DELETE FROM batch WHERE sequence = 7");
    let store = store::open(&config).unwrap();
    let all = slice(subscription(1, 1), hours(0, 48));
    let refused = store.usage.sums_at(&[all], &[(stack(1), 7)]).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
}
