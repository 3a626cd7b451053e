//! What real stacks sent goes through as it came.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::server_stub::keys;
use crate::stack_stub::{CLOUD, FAULTS};
use crate::world::{World, activation_key};

const USAGE: &str = "real/subscriber-usage-hour.json";
const ACTIVATION: &str =
    "contracts/azsadmin/Microsoft.AzureBridge.Admin/preview/2016-01-01/examples/Activation/Get.json";
const SUBSCRIPTIONS: &str =
    "contracts/azsadmin/Microsoft.Subscriptions.Admin/preview/2015-11-01/examples/Subscriptions/List.json";
const EMPTY_USAGE: &str =
    "contracts/commerce-admin/2015-06-01-preview/examples/SubscriberUsageAggregates/List.json";

/// What was recorded, if it is here; where it is not, that is said.
#[expect(clippy::print_stderr, reason = "what did not run is told")]
fn recorded(name: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared")
        .join(name);
    let read = std::fs::read(&path).ok();
    if read.is_none() {
        eprintln!(
            "NOT RUN: a test with recorded answers: {} is not there",
            path.display()
        );
    }
    read
}

/// The body of a recorded answer with 200.
fn answered(name: &str) -> Option<Value> {
    let example: Value = serde_json::from_slice(&recorded(name)?).unwrap();
    Some(example["responses"]["200"]["body"].clone())
}

/// The records of a page, as they are written.
fn records(page: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Page<'a> {
        #[serde(borrow)]
        value: Vec<&'a RawValue>,
    }
    let page: Page<'_> = serde_json::from_slice(page).unwrap();
    page.value.iter().map(|it| it.get().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_a_real_stack_sent_is_delivered_byte_for_byte() {
    let Some(page) = recorded(USAGE) else { return };
    let mut world = World::new().await;
    world
        .stack
        .state
        .lock()
        .unwrap()
        .recorded
        .insert(world.hour(1), page.clone());
    world.start_bridge().await;
    world.until_reported(3).await;
    let state = world.server.state.lock().unwrap();
    assert!(state.bodies.contains(&page));
    // Three usage hours in one reported hour, all of them counted.
    assert_eq!(state.records.len(), 236);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_real_record_is_lost_between_its_pages_whatever_is_wrong_with_them() {
    let Some(page) = recorded(USAGE) else { return };
    let (records, mut world) = (records(&page), World::new().await);
    for record in &records {
        world.stack.report(world.hour(1), record.clone());
    }
    {
        let mut state = world.stack.state.lock().unwrap();
        state.page_size = 20;
        // Each fault once, with an answer between them that is right.
        state.faults = FAULTS.into_iter().flat_map(|fault| [None, Some(fault)]).collect();
    }
    world.start_bridge().await;
    world.until_reported(3).await;
    world.assert_kept();
    let (state, sent) = (world.server.state.lock().unwrap(), keys(&records));
    assert_eq!(state.records.len(), sent.iter().collect::<BTreeSet<_>>().len());
    let delivered: Vec<String> = state.bodies.iter().flat_map(|body| self::records(body)).collect();
    assert!(
        records.iter().all(|record| delivered.contains(record)),
        "a record was not delivered as it came"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_window_without_usage_is_declared_as_read() {
    let Some(page) = answered(EMPTY_USAGE) else { return };
    let mut world = World::new().await;
    for hour in 0..3 {
        let page = page.to_string().into_bytes();
        let hour = world.hour(hour);
        world.stack.state.lock().unwrap().recorded.insert(hour, page);
    }
    world.start_bridge().await;
    world.until_reported(3).await;
    assert_eq!(world.server.state.lock().unwrap().records.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_recorded_activation_of_another_stack_keeps_the_usage_of_two_apart() {
    let Some(activation) = answered(ACTIVATION) else {
        return;
    };
    let registration = activation["properties"]["azureRegistrationResourceIdentifier"]
        .as_str()
        .unwrap();
    let cloud = &registration[registration.len() - 36..];
    let mut world = World::new().await;
    world.report_hours(3, 4);
    world.stack.state.lock().unwrap().registration = Some(registration.to_owned());
    assert_ne!(cloud, CLOUD);
    world.start_bridge().await;
    world
        .until("it is refused", |world| {
            world.troubles().contains(&"ForeignStack".to_owned())
        })
        .await;
    assert_eq!(world.server.state.lock().unwrap().deliveries, 0);
    // With the key for it, and a spool in which nothing of another stack is, it is read.
    world.kill_bridge().await;
    world.config.spool_directory = world.path("another spool");
    std::fs::write(world.path("key"), activation_key(cloud, "one")).unwrap();
    world.start_bridge().await;
    world.until_reported(3).await;
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_local_subscriptions_reach_the_server_with_their_tenants() {
    let Some(listed) = answered(SUBSCRIPTIONS) else {
        return;
    };
    let listed = listed["value"].as_array().unwrap();
    let mut world = World::new().await;
    let texts: Vec<String> = listed.iter().map(ToString::to_string).collect();
    world.stack.state.lock().unwrap().local_subscriptions = texts.join(",");
    world.start_bridge().await;
    world
        .until("the directory has come", |world| {
            !world.server.state.lock().unwrap().directories.is_empty()
        })
        .await;
    let state = world.server.state.lock().unwrap();
    let told: Value = serde_json::from_str(&state.directories[0]).unwrap();
    let whose = |list: &[Value]| -> Vec<(Value, Value)> {
        let whose = list
            .iter()
            .map(|it| (it["subscriptionId"].clone(), it["tenantId"].clone()));
        whose.collect()
    };
    assert_eq!(whose(told["value"].as_array().unwrap()), whose(listed));
    assert!(listed.len() > 1);
}
