//! Everything arrives, once.

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stack_reports_arrives_completely_and_in_order() {
    let mut world = World::new().await;
    world.report_hours(30, 11);
    world.start_bridge().await;
    world.until_reported(30).await;
    world.assert_kept();
    // The hours, each read first in order.
    let asked = world.stack.state.lock().unwrap().asked.clone();
    let mut first: Vec<_> = Vec::new();
    for (hour, token) in &asked {
        if token.is_none() && !first.contains(hour) {
            first.push(*hour);
        }
    }
    assert!(first.is_sorted(), "{first:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_reported_late_is_found_by_looking_back_and_the_rest_is_not_delivered_again() {
    let mut world = World::new().await;
    // However long this test is kept waiting, what is late is still looked back at.
    world.config.stacks[0].lookback_hours = 24 * 365;
    world.report_hours(40, 6);
    world.start_bridge().await;
    world.until_reported(10).await;
    let read = world.server.state.lock().unwrap().through.unwrap();
    let hour = read.epoch_hours() - world.start.epoch_hours() - 1;
    world.report_late(hour, 99);
    world
        .until("what was late has come", |world| {
            let state = world.server.state.lock().unwrap();
            state.records.keys().any(|(what, _)| what.ends_with("vm99"))
        })
        .await;
    world.until_reported(40).await;
    world.assert_kept();
    let state = world.server.state.lock().unwrap();
    let (deliveries, reported) = (state.deliveries, state.through.unwrap());
    // Two pages an hour with usage, one declaration for each that was reported, and the pages of one hour that changed.
    let hours = usize::try_from(reported.epoch_hours() - world.start.epoch_hours()).unwrap();
    assert!(deliveries < 2 * 40 + hours + 20, "{deliveries} of {hours} hours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hours_without_usage_are_reported_through_too() {
    let mut world = World::new().await;
    world.report(5, 1);
    world.start_bridge().await;
    world.until_reported(8).await;
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_is_read_again_on_command() {
    let mut world = World::new().await;
    world.report_hours(6, 5);
    // Before the start: nobody has read it yet.
    world.report(-20, 1);
    world.report(-19, 1);
    world.start_bridge().await;
    world.until_reported(3).await;
    let old = |world: &World| {
        let missing = world.missing();
        missing
            .iter()
            .filter(|(_, usage)| *usage < world.hour(-1))
            .count()
    };
    assert_eq!(old(&world), 2);
    let range = domain::time::HourInterval::new(world.hour(-24), world.hour(-10)).unwrap();
    let spool = world.config.spool_directory.clone();
    let error = bridge::request_backfill(&spool, "south", range).unwrap_err();
    assert_eq!(error.code, "NoSuchStack");
    bridge::request_backfill(&spool, "north", range).unwrap();
    world.until("the range was read", |world| old(world) == 0).await;
    world
        .until("nothing is left to be read", |world| {
            world.status().stacks[0].backfills.is_empty()
        })
        .await;
    world.until_reported(6).await;
    world
        .until(
            "all of the range is declared, the hours without usage too",
            |world| {
                let declared = &world.server.state.lock().unwrap().declared;
                (-24..-10).all(|hour| declared.contains(&world.hour(hour)))
            },
        )
        .await;
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_late_for_the_hours_before_a_new_spool_would_never_have_been_read() {
    let mut world = World::new().await;
    world.report_hours(40, 4);
    world.start_bridge().await;
    world.until_reported(6).await;
    world.stop_bridge().await;
    let through = world.server.state.lock().unwrap().through.unwrap();
    let hours = through.epoch_hours() - world.start.epoch_hours();
    // The spool is lost, and what is late comes while nobody reads.
    std::fs::remove_dir_all(world.config.spool_directory.join("stacks")).unwrap();
    world.report_late(hours - 3, 77);
    world.report_late(hours - 1, 78);
    world.config.stacks[0].start = Some(through);
    world.start_bridge().await;
    world
        .until("what was late has come", |world| {
            world
                .missing()
                .iter()
                .all(|(_, usage)| *usage >= through.plus(-1))
        })
        .await;
    world.until_reported(40).await;
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_bridge_of_a_stack_reads_nothing_before_the_hour_it_is_told_to_begin_with() {
    let mut world = World::new().await;
    world.report_hours(4, 4);
    world.report(-1, 9);
    world.start_bridge().await;
    world.until_reported(6).await;
    let asked = world.stack.state.lock().unwrap().asked.clone();
    assert!(asked.iter().all(|(hour, _)| *hour >= world.start), "{asked:?}");
    assert_eq!(world.status().stacks[0].backfills, []);
}
