//! The ledger against a model of it that is too simple to be wrong: a list of everything that was said.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::ids::{CloudId, LocalMeterId, LocalSubscriptionId};
use domain::quantity::QuantitySum;
use domain::resource_id::folded;
use domain::time::{Day, Hour, HourInterval};
use domain::usage::{Granularity, Observation, UsageRecord, that_counts};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{BatchCounts, LedgerCounts, LocalSubscriptionKey, Slice, Store};

use crate::fixtures::*;

const HOURS: i32 = 72;
const STACKS: u8 = 2;
const SUBSCRIPTIONS: u8 = 2;

pub(crate) type Series = (CloudId, LocalSubscriptionId, LocalMeterId, String);

#[derive(Default)]
pub(crate) struct Model {
    said: BTreeMap<(Series, Hour), Vec<Observation>>,
    tags: HashMap<(Series, Hour), String>,
    granularities: HashMap<(Series, Day), Granularity>,
    /// The texts in quarantine, and the earliest reported time of each.
    quarantine: HashMap<(CloudId, String), Hour>,
    counts: LedgerCounts,
}

impl Model {
    /// What becomes of a delivery, and how many of its revisions do not count then.
    pub(crate) fn take(&mut self, delivery: &Delivery) -> (BatchCounts, Option<u32>) {
        let mut counts = BatchCounts::default();
        let mut revisions = Vec::new();
        let reported = hour(delivery.reported);
        for record in &delivery.records {
            counts.received += 1;
            let series = series_of(delivery, record);
            let day = (series.clone(), record.start.day());
            if *self.granularities.entry(day).or_insert(record.granularity) != record.granularity {
                let text = (stack(delivery.stack), raw_text(record));
                let since = self.quarantine.entry(text).or_insert(Hour::MAX);
                if reported < *since {
                    *since = reported;
                    counts.quarantined += 1;
                } else {
                    counts.duplicate += 1;
                }
                continue;
            }
            let key = (series, record.start);
            let said = self.said.entry(key.clone()).or_default();
            let before = (that_counts(said), said.len());
            let known = said.iter().any(|other| other.quantity == record.quantity);
            said.push(Observation {
                quantity: record.quantity,
                reported,
            });
            match (before.1, known) {
                (0, _) => counts.accepted += 1,
                (_, true) => counts.duplicate += 1,
                (_, false) => {
                    counts.revised += 1;
                    revisions.push((key.clone(), record.quantity));
                }
            }
            let counts_now = that_counts(said);
            if counts_now != before.0 && counts_now.is_some_and(|it| it.quantity == record.quantity) {
                self.tags.insert(key, record.tags.to_string());
            }
        }
        self.counts.received += u64::from(counts.received);
        self.counts.duplicate += u64::from(counts.duplicate);
        self.counts.quarantined += u64::from(counts.quarantined);
        self.counts.superseded += u64::from(counts.revised);
        self.counts.counted += u64::from(counts.accepted);
        revisions.retain(|(key, quantity)| that_counts(&self.said[key]).unwrap().quantity != *quantity);
        (counts, Some(u32::try_from(revisions.len()).unwrap()))
    }

    /// What became of everything delivered.
    pub(crate) const fn counts(&self) -> LedgerCounts {
        self.counts
    }

    /// What counts of every hour of a series.
    pub(crate) fn observations(&self) -> impl Iterator<Item = ((Series, Hour), Observation)> {
        self.counting()
            .map(|(series, start, counts)| ((series.clone(), start), counts))
    }

    fn counting(&self) -> impl Iterator<Item = (&Series, Hour, Observation)> {
        self.said
            .iter()
            .map(|((series, start), said)| (series, *start, that_counts(said).unwrap()))
    }

    /// The records of a stack that count: when they start, and how long they are.
    pub(crate) fn starts_of(&self, of: CloudId) -> impl Iterator<Item = (Hour, Granularity)> {
        let of_stack = self.counting().filter(move |(series, ..)| series.0 == of);
        of_stack.map(|(series, start, _)| (start, self.granularities[&(series.clone(), start.day())]))
    }

    fn sums(&self, slice: Slice) -> BTreeMap<LocalMeterId, (QuantitySum, u64)> {
        let mut sums = BTreeMap::new();
        for ((stack, subscription, meter, _), start, counts) in self.counting() {
            if (*stack, *subscription) == (slice.of.stack, slice.of.local_subscription)
                && slice.interval.contains(start)
            {
                let sum = sums.entry(*meter).or_insert((QuantitySum::default(), 0));
                sum.0.add(&counts.quantity.into());
                sum.1 += 1;
            }
        }
        sums
    }
}

fn series_of(delivery: &Delivery, record: &UsageRecord<'_>) -> Series {
    let uri = folded(&record.resource_uri).into_owned();
    (
        stack(delivery.stack),
        record.local_subscription,
        record.local_meter,
        uri,
    )
}

fn records(granularities: bool) -> impl Strategy<Value = Vec<UsageRecord<'static>>> {
    let uris = prop::sample::select(vec!["/VM/a", "/vm/A", "/vm/b", "/vm/c"]);
    let quantities = prop::sample::select(vec!["0", "1", "1.0", "2.5", "1e27", "3e-37"]);
    let tags = prop::sample::select(vec!["", "null", "x"]);
    let one = (
        1..=SUBSCRIPTIONS,
        1..=2u8,
        uris,
        0..HOURS,
        quantities,
        tags,
        0..8u8,
    );
    let one = one.prop_map(
        move |(subscription, meter, uri, start, quantity, tags, whole_day)| {
            let record = tagged(tags, of(subscription, meter, record(uri, start, quantity)));
            let midnight = hour(start - start % 24);
            if granularities && whole_day == 0 {
                of_day(UsageRecord {
                    start: midnight,
                    ..record
                })
            } else {
                record
            }
        },
    );
    prop::collection::vec(one, 0..40)
}

pub(crate) fn deliveries(granularities: bool) -> impl Strategy<Value = Vec<Delivery>> {
    let one = (1..=STACKS, 0..4i32, records(granularities))
        .prop_map(|(stack, reported, records)| Delivery::new(records).reported(reported).of_stack(stack));
    prop::collection::vec(one, 1..8)
}

pub(crate) fn intervals() -> impl Strategy<Value = Vec<HourInterval>> {
    let one = (0..HOURS, 1..=HOURS).prop_map(|(start, length)| hours(start, start + length));
    prop::collection::vec(one, 4)
}

fn every_slice(intervals: &[HourInterval]) -> Vec<Slice> {
    let subscriptions =
        (1..=STACKS).flat_map(|stack| (1..=SUBSCRIPTIONS).map(move |number| subscription(stack, number)));
    subscriptions
        .flat_map(|of| intervals.iter().map(move |interval| slice(of, *interval)))
        .collect()
}

pub(crate) async fn assert_agrees(store: &Store, model: &Model, intervals: &[HourInterval]) {
    let slices = every_slice(intervals);
    let mut sums = vec![BTreeMap::new(); slices.len()];
    for sum in store.usage.sums(&slices).await.unwrap() {
        sums[sum.slice].insert(sum.local_meter, (sum.quantity, sum.records));
    }
    for (slice, sums) in slices.iter().zip(sums) {
        assert_eq!(sums, model.sums(*slice), "{slice:?}");
    }
    for interval in intervals {
        let expected = model.counting().filter(|(_, start, _)| interval.contains(*start));
        let expected: BTreeSet<LocalSubscriptionKey> = expected
            .map(|((stack, local_subscription, ..), ..)| LocalSubscriptionKey {
                stack: *stack,
                local_subscription: *local_subscription,
            })
            .collect();
        let found = store.usage.local_subscriptions(None, *interval).await.unwrap();
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{interval}");
    }
    assert_sound(store).await;
}

/// Every record that counts, with what is told of it.
pub(crate) async fn listed(store: &Store) -> BTreeMap<(Series, Hour), (Observation, String)> {
    let mut listed = BTreeMap::new();
    for slice in every_slice(&[HourInterval::ALWAYS]) {
        for record in store.usage.records(slice, None, usize::MAX).await.unwrap() {
            let uri = folded(&record.resource_uri).into_owned();
            let series = (
                slice.of.stack,
                slice.of.local_subscription,
                record.local_meter,
                uri,
            );
            let observation = Observation {
                quantity: record.quantity,
                reported: record.reported,
            };
            listed.insert(
                (series, record.start),
                (observation, record.attributes.tags.clone()),
            );
        }
    }
    listed
}

/// Runs a property on new stores of a back end.
pub(crate) async fn check<T: std::fmt::Debug>(
    cases: u32,
    strategy: impl Strategy<Value = T>,
    property: impl AsyncFn(T),
) {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        let config = Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        };
        let run = |input| {
            runtime.block_on(property(input));
            Ok(())
        };
        TestRunner::new(config).run(&strategy, run).unwrap();
    });
}

pub(crate) async fn whatever_is_delivered_the_ledger_says_what_the_model_says(backend: &dyn Backend) {
    check(
        48,
        (deliveries(true), intervals()),
        async |(deliveries, intervals): (Vec<_>, Vec<_>)| {
            let (backend, mut model) = (backend.another(), Model::default());
            let store = backend.open();
            for delivery in &deliveries {
                let receipt = delivery.to(&store).await;
                let told = (receipt.counts, receipt.revised_not_counting);
                assert_eq!(told, model.take(delivery));
            }
            assert_agrees(&store, &model, &intervals).await;
            assert_eq!(audit(&store).await.counts, model.counts);
            let expected = model.counting().map(|(series, start, counts)| {
                let key = (series.clone(), start);
                let tags = model.tags[&key].clone();
                (key, (counts, tags))
            });
            assert_eq!(listed(&store).await, expected.collect());
        },
    )
    .await;
}

pub(crate) async fn the_order_of_deliveries_and_their_repetition_change_no_bill(backend: &dyn Backend) {
    let shuffled = deliveries(false).prop_flat_map(|deliveries| {
        let twice = [deliveries.clone(), deliveries.clone()].concat();
        (Just(deliveries), Just(twice).prop_shuffle(), intervals())
    });
    check(
        32,
        shuffled,
        async |(deliveries, shuffled, intervals): (Vec<_>, Vec<_>, Vec<_>)| {
            let (backend, mut model) = (backend.another(), Model::default());
            let store = backend.open();
            for delivery in &deliveries {
                model.take(delivery);
            }
            // Half of them one after the other, half of them at once.
            let (first, rest) = shuffled.split_at(shuffled.len() / 2);
            for delivery in first {
                delivery.to(&store).await;
            }
            let deliver = |delivery: &Delivery| {
                let (delivery, store) = (delivery.clone(), store.clone());
                tokio::spawn(async move { delivery.to(&store).await })
            };
            for task in rest.iter().map(deliver).collect::<Vec<_>>() {
                task.await.unwrap();
            }
            assert_agrees(&store, &model, &intervals).await;
            let observations = |(key, (observation, _))| (key, observation);
            let expected = model.observations();
            let listed: BTreeMap<_, _> = listed(&store).await.into_iter().map(observations).collect();
            assert_eq!(listed, expected.collect());
        },
    )
    .await;
}
