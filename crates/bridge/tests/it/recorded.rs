//! What a real stack sent goes through as it came.

use std::path::Path;

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_a_real_stack_sent_is_delivered_byte_for_byte() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/real/subscriber-usage-hour.json");
    let Ok(page) = std::fs::read(&path) else {
        eprintln!("NOT RUN: {} is not there", path.display());
        return;
    };
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
