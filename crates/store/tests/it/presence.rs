//! In which hours a stack has records, told without reading them.

use std::collections::BTreeMap;

use domain::completeness::{Arrivals, Declared, Records};
use domain::ids::CloudId;
use domain::time::{Hour, HourInterval};
use domain::usage::Granularity;
use store::{StackProgress, Store};

use crate::fixtures::*;
use crate::model::{Model, check, deliveries};

async fn counted(store: &Store, of: CloudId, interval: HourInterval) -> Records {
    store.usage.records_by_hour(of, interval).await.unwrap()
}

pub(crate) async fn the_records_of_each_hour_are_those_that_were_delivered(backend: &dyn Backend) {
    let intervals = [
        HourInterval::ALWAYS,
        hours(0, 24),
        hours(5, 50),
        hours(23, 24),
        hours(90, 95),
    ];
    check(24, deliveries(true), async |deliveries: Vec<Delivery>| {
        let (backend, mut model) = (backend.another(), Model::default());
        let store = backend.open();
        for delivery in &deliveries {
            delivery.to(&store).await;
            model.take(delivery);
        }
        for number in 1..=3 {
            for interval in intervals {
                let mut expected = Records::default();
                for (start, granularity) in model.starts_of(stack(number)) {
                    if interval.contains(start) {
                        expected.add(start, granularity, 1);
                    }
                }
                assert_eq!(
                    counted(&store, stack(number), interval).await,
                    expected,
                    "{number} {interval}"
                );
            }
        }
    })
    .await;
}

pub(crate) async fn revisions_and_duplicates_are_no_further_records(backend: &dyn Backend) {
    let store = backend.open();
    for (reported, quantity) in [(100, "1"), (101, "2"), (102, "2")] {
        Delivery::new([record("/vm/a", 7, quantity)])
            .reported(reported)
            .to(&store)
            .await;
    }
    let mut expected = Records::default();
    expected.add(hour(7), Granularity::Hour, 1);
    assert_eq!(counted(&store, stack(1), HourInterval::ALWAYS).await, expected);
}

pub(crate) async fn a_series_that_fell_silent_is_named_and_its_neighbours_are_not(backend: &dyn Backend) {
    let store = backend.open();
    // More series than a sheet has room for; ten of them end early, and so does one that reports by days.
    for start in 0..72 {
        let still = (0..100).filter(|series| start < 40 || *series >= 10);
        let records = still.map(|series| of(1, 1, record(&format!("/vm/{series}"), start, "1")));
        Delivery::new(records.clone()).to(&store).await;
        if start < 3 {
            Delivery::new(records.take(5)).of_stack(2).to(&store).await;
        }
    }
    let days = [0, 24].map(|start| of(2, 3, of_day(record("/disk/Z", start, "24"))));
    Delivery::new(days).to(&store).await;

    let silence = store.usage.silence(stack(1), hour(71), 4).await.unwrap();
    assert_eq!(
        silence.by_last_hour,
        BTreeMap::from([(hour(39), 10), (hour(47), 1)])
    );
    assert_eq!(silence.total(), 11);
    assert_eq!(silence.series.len(), 4, "no more than asked for");
    let by_days = &silence.series[0];
    assert_eq!(by_days.local_subscription, subscription(1, 2).local_subscription);
    assert_eq!(
        (by_days.local_meter, by_days.resource_uri.as_str()),
        (meter(3), "/disk/Z")
    );
    assert_eq!(
        (by_days.rhythm.first, by_days.rhythm.last, by_days.rhythm.hours),
        (hour(0), hour(47), 48)
    );
    for series in &silence.series[1..] {
        assert_eq!((series.rhythm.last, series.rhythm.hours), (hour(39), 40));
        assert!(series.resource_uri.starts_with("/vm/"), "{}", series.resource_uri);
    }
    // Nothing is long silent yet, three hours after; and of the other stack nothing was ever a habit.
    let early = store.usage.silence(stack(1), hour(42), 100).await.unwrap();
    assert_eq!(early.total(), 0);
    assert_eq!(
        store
            .usage
            .silence(stack(2), hour(71), 100)
            .await
            .unwrap()
            .total(),
        0
    );
}

pub(crate) async fn how_far_each_stack_got_is_told_of_all_at_once(backend: &dyn Backend) {
    let store = backend.open();
    assert_eq!(store.usage.progress().await.unwrap(), []);
    let through = |through| Delivery {
        through,
        ..Delivery::new([])
    };
    through(Some(20)).of_stack(2).to(&store).await;
    through(Some(10)).of_stack(2).to(&store).await;
    through(None).of_stack(1).to(&store).await;
    let expected = [(1, 1), (2, 2)].map(|(number, sequence)| StackProgress {
        stack: stack(number),
        sequence,
    });
    assert_eq!(store.usage.progress().await.unwrap(), expected);
}

/// Of which hours a stack has declared to have reported everything, by windows in whatever order they were read.
pub(crate) async fn what_was_never_read_is_not_declared_by_what_was_read_later(backend: &dyn Backend) {
    let store = backend.open();
    let read = |from, until, through| Delivery {
        until: Some(until),
        through,
        ..Delivery::new([]).reported(from)
    };
    for (from, until) in [(50, 51), (52, 60), (51, 52), (20, 30)] {
        read(from, until, Some(until)).to(&store).await;
    }
    // A page of a window that has others, and what is looked back at, declare nothing.
    read(10, 11, None).to(&store).await;
    read(70, 80, Some(80)).of_stack(2).to(&store).await;
    let declared = async |number, from| store.usage.declared(stack(number), hour(from)).await.unwrap().0;
    let expected: Declared = [hours(20, 30), hours(50, 60)].into_iter().collect();
    assert_eq!(declared(1, 0).await, expected);
    assert_eq!(declared(1, 40).await, [hours(50, 60)].into_iter().collect());
    // How far it got is told however long ago that was.
    assert_eq!(declared(1, 500).await.through(), Some(hour(60)));
    assert_eq!(declared(3, 0).await, Declared::default());

    Delivery {
        through: Some(40),
        ..Delivery::new([])
    }
    .to(&store)
    .await;
    let all = declared(1, 0).await;
    assert!(
        all.contains(hour(0)) && all.contains(hour(39)) && !all.contains(hour(40)),
        "{all:?}"
    );
}

/// When a stack declared something is told of more days than which hours it declared.
pub(crate) async fn who_comes_once_a_month_would_be_missed_every_month(backend: &dyn Backend) {
    let store = backend.open();
    let mut expected = Vec::new();
    for month in 0..6 {
        let (from, through) = (720 * month, 720 * month + 700);
        let delivery = Delivery {
            until: Some(through),
            through: Some(through),
            days_later: i64::from(30 * month),
            ..Delivery::new([]).reported(from)
        };
        let received = Hour::containing(delivery.to(&store).await.received_at);
        expected.push((received, hour(through)));
    }
    let (declared, arrivals) = store.usage.declared(stack(1), hour(720 * 4)).await.unwrap();
    assert_eq!(arrivals, expected.into_iter().collect::<Arrivals>());
    let of_two_months = [hours(720 * 4, 720 * 4 + 700), hours(720 * 5, 720 * 5 + 700)];
    assert_eq!(declared, of_two_months.into_iter().collect());
}
