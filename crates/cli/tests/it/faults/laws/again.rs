//! Law 4: what is delivered again changes nothing.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::{bills, checked};
use crate::faults::network::Delivered;
use crate::faults::run::Run;

const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// How many batches are delivered again.
const BATCHES: usize = 60;

/// Panics if batches that are delivered again change a statement, or are answered otherwise than before.
pub(super) fn changes_nothing(run: &Run<'_>, before: &Value, statements: &[Value]) {
    let (house, now) = (&run.house, run.end());
    let (platform, stack) = (&house.platform, &*house.stack);
    let delivered = house.to_server.delivered();
    let batches = batches(&delivered);
    let some = batches.iter().step_by((batches.len() / BATCHES).max(1));
    let mut received = before["records"]["received"].as_u64().unwrap();
    for (number, (key, batch)) in some.enumerate() {
        let again = |headers: &HeaderMap| platform.post(&batch.target, headers.clone(), batch.body.clone());
        let (first, mut headers) = (batch.receipt(), batch.headers.clone());
        assert_eq!(again(&headers), first, "{key}: the first answer");
        let other = HeaderValue::from_str(&format!("{key}-{number}")).unwrap();
        headers.insert(IDEMPOTENCY_KEY, other);
        let renamed = again(&headers);
        let count = |of: &Value, name: &str| of[name].as_u64().unwrap();
        assert_eq!(
            count(&renamed, "accepted") + count(&renamed, "revised"),
            0,
            "{renamed}"
        );
        let parts = ["accepted", "revised", "duplicate", "quarantined"];
        let parts = |of: &Value| parts.iter().map(|part| count(of, part)).sum::<u64>();
        assert_eq!(parts(&renamed), parts(&first), "{renamed}");
        assert!(
            count(&renamed, "quarantined") <= count(&first, "quarantined"),
            "{renamed}"
        );
        received += parts(&renamed);
    }
    let after = checked(platform, stack, now);
    assert_eq!(after["records"]["received"].as_u64(), Some(received), "{after}");
    assert_eq!(bills::statements(platform, stack, now), statements);
}

/// What was delivered under each key. However often that was, it got the same answer.
fn batches(delivered: &[Delivered]) -> BTreeMap<&str, &Delivered> {
    let mut batches = BTreeMap::<&str, &Delivered>::new();
    for batch in delivered {
        let key = batch.headers[IDEMPOTENCY_KEY].to_str().unwrap();
        let first = batches.entry(key).or_insert(batch);
        assert_eq!(first.receipt(), batch.receipt(), "{key}");
        assert_eq!(first.body, batch.body, "{key}");
    }
    assert!(!batches.is_empty());
    batches
}
