//! Looking at everything at one moment.

use std::collections::BTreeMap;
use std::sync::mpsc;

use domain::ids::LocalMeterId;
use domain::quantity::QuantitySum;
use store::{Audit, LocalSubscriptionKey, Slicing, Store, StoreError};

use crate::fixtures::*;

const HOURS: i32 = 40;

/// Cuts everybody's usage in the middle of a day.
fn in_two() -> Slicing {
    Box::new(|users| {
        let parts = |of: &LocalSubscriptionKey| [slice(*of, hours(0, 29)), slice(*of, hours(29, HOURS))];
        users.iter().flat_map(parts).collect()
    })
}

fn assert_nothing_lost(audit: &Audit) {
    assert_eq!(audit.problems, Vec::<String>::new());
    assert!(add_up(audit.counts), "{:?}", audit.counts);
    let mut whole: BTreeMap<LocalMeterId, QuantitySum> = BTreeMap::new();
    for total in &audit.meter_totals {
        whole.entry(total.local_meter).or_default().add(&total.quantity);
    }
    let mut parts: BTreeMap<LocalMeterId, QuantitySum> = BTreeMap::new();
    for sum in &audit.sums {
        parts.entry(sum.local_meter).or_default().add(&sum.quantity);
    }
    assert_eq!(whole, parts);
}

async fn deliver_without_a_pause(store: Store, number: u8) {
    for start in 0..HOURS {
        // Every record comes again with the next delivery, revised.
        let records = [start, (start + 1) % HOURS].map(|start_of| {
            let vm = format!("/vm/{}", start_of % 5);
            of(number, number, record(&vm, start_of, &(start + 1).to_string()))
        });
        Delivery::new(records)
            .reported(100 + start)
            .of_stack(number)
            .to(&store)
            .await;
    }
}

pub(crate) async fn an_audit_while_usage_is_delivered_sees_one_moment(backend: &dyn Backend) {
    let store = backend.open();
    let deliverers: Vec<_> = (1..4)
        .map(|number| tokio::spawn(deliver_without_a_pause(store.clone(), number)))
        .collect();
    let mut moments = Vec::new();
    while !deliverers.iter().all(tokio::task::JoinHandle::is_finished) {
        let audit = store.usage.audit(hours(0, HOURS), in_two()).await.unwrap();
        assert_nothing_lost(&audit);
        moments.push(audit.counts.received);
    }
    for deliverer in deliverers {
        deliverer.await.unwrap();
    }
    assert!(moments.is_sorted(), "{moments:?}");
    let last = store.usage.audit(hours(0, HOURS), in_two()).await.unwrap();
    assert_nothing_lost(&last);
    assert_eq!(last.counts.received, 3 * 2 * HOURS as u64);
}

pub(crate) async fn a_second_audit_at_the_same_time_is_refused_at_once(backend: &dyn Backend) {
    let store = backend.open();
    let (started, has_started) = tokio::sync::oneshot::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let slow: Slicing = Box::new(move |_| {
        started.send(()).unwrap();
        may_go_on.recv().unwrap();
        Vec::new()
    });
    let first = tokio::spawn({
        let store = store.clone();
        async move { store.usage.audit(hours(0, 1), slow).await }
    });
    has_started.await.unwrap();
    let second = store.usage.audit(hours(0, 1), in_two()).await;
    assert!(matches!(second, Err(StoreError::Busy)), "{second:?}");
    store.usage.ready().await.unwrap();
    go_on.send(()).unwrap();
    first.await.unwrap().unwrap();
    assert_sound(&store).await;
}

pub(crate) async fn a_store_that_is_open_is_ready(backend: &dyn Backend) {
    let store = backend.open();
    store.usage.ready().await.unwrap();
    Delivery::new([record("/vm/a", 0, "1")]).to(&store).await;
    store.usage.ready().await.unwrap();
}
