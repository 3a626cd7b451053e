//! Stacks that answer as the recordings show: late, twice, cut off, or not at all.

use std::time::Duration;

use crate::stack_stub::{FAULTS, Fault};
use crate::world::World;

/// A stack that does the same thing wrong with these requests, counted from the first.
async fn survived(fault: Fault, at: &[usize]) {
    let mut world = World::new().await;
    world.report_hours(8, 11);
    {
        let mut state = world.stack.state.lock().unwrap();
        let last = at.iter().max().unwrap();
        state.faults = (0..=*last)
            .map(|number| at.contains(&number).then_some(fault))
            .collect();
    }
    world.start_bridge().await;
    world.until_reported(8).await;
    world.assert_kept();
    assert!(world.stack.state.lock().unwrap().faults.is_empty(), "{fault:?}");
    assert_eq!(world.missing(), [], "{fault:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_of_a_stack_costs_a_record_or_makes_it_count_twice() {
    for fault in FAULTS {
        survived(fault, &[0, 4, 8]).await;
        survived(fault, &[1, 6, 7]).await;
        survived(fault, &[2, 5]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_that_is_busy_for_a_long_time_is_waited_for_and_said_to_be() {
    let mut world = World::new().await;
    world.report_hours(4, 3);
    world.stack.state.lock().unwrap().faults = vec![Some(Fault::GatewayTimeout); 30].into();
    world.start_bridge().await;
    world
        .until("trouble is shown", |world| {
            world.troubles().contains(&"StackBusy".to_owned())
        })
        .await;
    let status = world.status();
    assert!(!status.stacks[0].troubles[0].held);
    world.until_reported(4).await;
    world
        .until("trouble is over", |world| world.troubles().is_empty())
        .await;
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_whose_pages_never_add_up_is_never_declared() {
    let mut world = World::new().await;
    world.report_hours(6, 3);
    for number in 3..9 {
        world.report(2, number);
    }
    // Each page of the third hour but the first is the first again, for ever.
    {
        let mut state = world.stack.state.lock().unwrap();
        state.stuck = Some(world.hour(2));
    }
    world.start_bridge().await;
    world.until_reported(2).await;
    world
        .until("the trouble is shown", |world| {
            world.troubles().contains(&"PagesBroken".to_owned())
        })
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.server.state.lock().unwrap().through, Some(world.hour(2)));
    // When the stack recovers it is read as if nothing had been.
    world.stack.state.lock().unwrap().stuck = None;
    world.until_reported(6).await;
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_whose_clock_is_behind_is_waited_for_and_nobody_is_called() {
    let mut world = World::new().await;
    world.report_hours(5, 6);
    world.stack.state.lock().unwrap().behind = Duration::from_secs(40 * 60);
    world.start_bridge().await;
    world.until_reported(5).await;
    world.assert_kept();
    let status = world.status();
    assert!(status.stacks[0].troubles.iter().all(|it| !it.held), "{status:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_hour_that_the_stack_never_answers_would_have_kept_every_new_one_from_being_read() {
    let mut world = World::new().await;
    world.report_hours(40, 5);
    world.stack.state.lock().unwrap().unanswered = Some(world.hour(-5));
    world.start_bridge().await;
    world.until_reported(2).await;
    let range = domain::time::HourInterval::new(world.hour(-6), world.hour(-3)).unwrap();
    bridge::request_backfill(&world.config.spool_directory, "north", range).unwrap();
    let stuck_at = world.hour(-5).to_string();
    world
        .until("the range is read up to that hour", |world| {
            let status = world.status();
            status.stacks[0]
                .backfills
                .first()
                .is_some_and(|it| it.next == stuck_at)
                && world.troubles().contains(&"StackBusy".to_owned())
        })
        .await;
    let through = world.server.state.lock().unwrap().through.unwrap();
    let further = through.epoch_hours() - world.start.epoch_hours() + 5;
    world.until_reported(further.max(40)).await;
    // And what was asked for is read when the stack can give it.
    world.stack.state.lock().unwrap().unanswered = None;
    world
        .until("the range is read", |world| {
            world.status().stacks[0].backfills.is_empty()
        })
        .await;
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_continuation_that_the_stack_has_lost_would_have_ended_the_reading_for_good() {
    let mut world = World::new().await;
    world.report_hours(8, 11);
    world.stack.state.lock().unwrap().forgotten = Some(world.hour(4));
    world.start_bridge().await;
    world.until_reported(8).await;
    world.assert_kept();
    assert!(world.stack.state.lock().unwrap().forgotten_asked > 5);
}
