//! Law 5: what was paid does not depend on the order of delivery. A server that nothing goes wrong with is told what the
//! stack reported, the last hours first, several deliveries at once, in other batches than a bridge makes, and has its
//! store in files, wherever the other one has it.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::time::HourInterval;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;
use simulator::Stack;

use super::{Counts, Key, assert_same, bills, checked, records};
use crate::faults::furnishing;
use crate::faults::platform::Platform;
use crate::faults::run::Run;

/// How many records are delivered at a time.
const BATCH_SIZE: usize = 17;

/// Panics if another server does not have the same records and the same statements.
pub(super) fn has_the_same(run: &Run<'_>, counted: &BTreeMap<Key, Counts>, statements: &[Value]) {
    let (house, stack, now) = (&run.house, &*run.house.stack, run.end());
    let (platform, key) = house.another_platform(run.start(), now);
    let directory = house.path("directory.json");
    std::fs::write(&directory, stack.subscriptions_json()).unwrap();
    let directory = [&*house.cloud_id(), directory.to_str().unwrap()];
    platform.command(now, "stack directory", &directory).done();
    deliver_backwards(&platform, stack, key.trim());
    furnishing::backdate(&platform, stack, now);
    let check = checked(&platform, stack, now);
    let (duplicates, expected) = (&check["records"]["duplicate"], stack.expected().duplicates);
    assert_eq!(duplicates.as_u64(), Some(expected), "{check}");
    assert_same(counted, &records(&platform, stack), "counted here, and there");
    let others = bills::statements(&platform, stack, now);
    assert_eq!(statements, others, "statements here, and there");
}

fn deliver_backwards(platform: &Platform, stack: &Stack, key: &str) {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(AUTHORIZATION, format!("Bearer {key}").parse().unwrap());
    let cloud = stack.spec().cloud_id;
    let all = stack.reported_interval();
    let hours = (0..all.hours()).rev().map(|hour| all.start().plus(hour));
    let deliveries = hours.flat_map(|start| {
        let end = start.plus(1);
        let path = format!("/api/v1/stacks/{cloud}/usage?reportedStart={start}&reportedEnd={end}");
        let pages = stack.reported_pages(HourInterval::new(start, end).unwrap(), BATCH_SIZE);
        pages
            .filter(|page| page.records > 0)
            .map(move |page| (path.clone(), Bytes::from(page.body)))
    });
    let answers = platform.post_all(deliveries.map(|(path, body)| (path, headers.clone(), body)));
    assert!(!answers.is_empty());
}
