//! Stacks that answer as the recordings show: late, twice, cut off, or not at all.

use std::time::Duration;

use domain::time::{Hour, HourInterval};

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
    let range = HourInterval::new(world.hour(-6), world.hour(-3)).unwrap();
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

/// Asks the bridge to read these hours again.
fn ask(world: &World, from: i32, to: i32) {
    let range = HourInterval::new(world.hour(from), world.hour(to)).unwrap();
    bridge::request_backfill(&world.config.spool_directory, "north", range).unwrap();
}

/// Waits until all that was asked for was read, or left out.
async fn until_read_again(world: &World) {
    let spool = world.config.spool_directory.clone();
    world
        .until("all that was asked for is read", |world| {
            bridge::waiting_backfill(&spool, "north").is_none()
                && world.status().stacks[0].backfills.is_empty()
        })
        .await;
}

/// Asks for a range with an hour that is refused, and for one after it: both are read, and that hour is told.
async fn ranges_go_on_without(world: &World, refused: Hour) {
    ask(world, -6, -3);
    until_read_again(world).await;
    ask(world, -9, -7);
    until_read_again(world).await;
    let status = world.status().stacks[0].clone();
    assert_eq!(status.refused_hours, [refused.to_string()]);
    assert!(status.troubles.iter().all(|it| !it.held), "{status:?}");
}

/// Asks for that range again when the stack refuses nothing more: then no hour is told, and everything is there.
async fn is_read_when_it_is_given(world: &World) {
    ask(world, -6, -3);
    until_read_again(world).await;
    assert_eq!(world.status().stacks[0].refused_hours, [""; 0]);
    world.until_reported(6).await;
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_that_the_stack_refuses_would_have_held_up_every_range_for_good() {
    let mut world = World::new().await;
    world.report_hours(6, 5);
    let refused = world.hour(-5);
    world.stack.state.lock().unwrap().refused = [refused].into();
    world.start_bridge().await;
    world.until_reported(2).await;
    ranges_go_on_without(&world, refused).await;
    let declared = |hour| {
        let server = world.server.state.lock().unwrap();
        server.declared.contains(&world.hour(hour))
    };
    world
        .until("the hours beside it are declared", |_| {
            [-9, -8, -6, -4].into_iter().all(declared)
        })
        .await;
    assert!(!declared(-5), "nobody has read it");
    // It is remembered through a restart, until it is read.
    world.kill_bridge().await;
    world.start_bridge().await;
    world
        .until("its spool is read", |world| {
            world.status().stacks[0].cloud_id.is_some()
        })
        .await;
    assert_eq!(world.status().stacks[0].refused_hours, [refused.to_string()]);
    world.stack.state.lock().unwrap().refused.clear();
    is_read_when_it_is_given(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_whose_second_page_is_refused_would_have_been_begun_again_for_ever_and_held_up_every_range() {
    let mut world = World::new().await;
    world.report_hours(6, 9);
    for number in 0..9 {
        world.report(-5, number);
    }
    let refused = world.hour(-5);
    world.stack.state.lock().unwrap().refused_midway = [refused].into();
    world.start_bridge().await;
    world.until_reported(2).await;
    ranges_go_on_without(&world, refused).await;
    let begun = |world: &World| {
        let state = world.stack.state.lock().unwrap();
        let firsts = state.asked.iter();
        firsts
            .filter(|(hour, token)| *hour == refused && token.is_none())
            .count()
    };
    assert!(begun(&world) > 1, "a continuation may be forgotten once");
    let declared = world.server.state.lock().unwrap().declared.contains(&refused);
    assert!(!declared, "nobody has read it");
    world.stack.state.lock().unwrap().refused_midway.clear();
    is_read_when_it_is_given(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_hour_whose_second_page_is_refused_is_said_to_be_and_waited_for() {
    let mut world = World::new().await;
    world.report_hours(6, 9);
    world.stack.state.lock().unwrap().refused_midway = [world.hour(3)].into();
    world.start_bridge().await;
    world
        .until("it is held", |world| {
            let status = world.status();
            let mut troubles = status.stacks[0].troubles.iter();
            troubles.any(|it| it.held && it.trouble.code == "StackRefused")
        })
        .await;
    assert!(world.server.state.lock().unwrap().through <= Some(world.hour(3)));
    world.stack.state.lock().unwrap().refused_midway.clear();
    world.until_reported(6).await;
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hours_that_are_refused_when_they_are_looked_back_at_would_have_held_up_every_range() {
    let mut world = World::new().await;
    world.report_hours(6, 3);
    world.stack.state.lock().unwrap().refuses_again = true;
    world.start_bridge().await;
    world.until_reported(6).await;
    ask(&world, -6, -3);
    until_read_again(&world).await;
    let status = world.status().stacks[0].clone();
    // They were read: what was to be read on command is what is remembered.
    assert_eq!(status.refused_hours, [""; 0]);
    assert!(status.troubles.iter().all(|it| !it.held), "{status:?}");
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_that_refused_everything_for_seconds_would_have_lost_all_of_a_range_for_good() {
    let mut world = World::new().await;
    world.report_hours(6, 3);
    world.start_bridge().await;
    world.until_reported(6).await;
    let refuse = |is_refused| world.stack.state.lock().unwrap().refuses_everything = is_refused;
    refuse(true);
    ask(&world, -40, -3);
    let asked = |world: &World| world.stack.state.lock().unwrap().asked.len();
    let before = asked(&world);
    world
        .until("it is refused a few times", |world| asked(world) > before + 6)
        .await;
    refuse(false);
    until_read_again(&world).await;
    assert_eq!(world.status().stacks[0].refused_hours, [""; 0]);
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_hour_that_is_refused_is_waited_for_and_never_left_out() {
    let mut world = World::new().await;
    world.report_hours(6, 3);
    world.stack.state.lock().unwrap().refused = [world.hour(3)].into();
    world.start_bridge().await;
    world
        .until("it is held", |world| {
            world.status().stacks[0].troubles.iter().any(|it| it.held)
        })
        .await;
    assert!(world.server.state.lock().unwrap().through <= Some(world.hour(3)));
    world.stack.state.lock().unwrap().refused.clear();
    world.until_reported(6).await;
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_that_the_stack_never_answers_could_not_have_been_taken_back() {
    let mut world = World::new().await;
    world.report_hours(6, 5);
    world.stack.state.lock().unwrap().unanswered = Some(world.hour(-5));
    world.start_bridge().await;
    world.until_reported(2).await;
    ask(&world, -6, -3);
    let spool = world.config.spool_directory.clone();
    world
        .until("it is taken up", |_| {
            bridge::waiting_backfill(&spool, "north").is_none()
        })
        .await;
    // And one behind it.
    ask(&world, -9, -7);
    world
        .until("both are taken up", |world| {
            bridge::waiting_backfill(&spool, "north").is_none()
                && world.status().stacks[0].backfills.len() == 2
        })
        .await;
    bridge::withdraw_backfills(&spool, "north").unwrap();
    world
        .until("it is taken back", |world| {
            let status = &world.status().stacks[0];
            status.withdrawals > 0 && status.backfills.is_empty()
        })
        .await;
    world
        .until("the request is gone", |_| {
            !bridge::waiting_withdrawal(&spool, "north")
        })
        .await;
    assert_eq!(bridge::waiting_backfill(&spool, "north"), None);
    // What is asked for afterwards is read.
    ask(&world, -4, -2);
    until_read_again(&world).await;
    world.until_reported(6).await;
    world.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_in_the_place_of_a_request_would_have_ended_the_reading_of_new_usage() {
    let mut world = World::new().await;
    world.report_hours(40, 3);
    world.start_bridge().await;
    world.until_reported(2).await;
    let request = world.config.spool_directory.join("stacks/north/backfill.request");
    std::fs::create_dir(&request).unwrap();
    world
        .until("it is said", |world| {
            world.troubles().contains(&"BackfillRequestUnreadable".to_owned())
        })
        .await;
    let through = world.server.state.lock().unwrap().through.unwrap();
    let further = through.epoch_hours() - world.start.epoch_hours() + 5;
    world.until_reported(further).await;
    assert!(world.troubles().contains(&"BackfillRequestUnreadable".to_owned()));
    std::fs::remove_dir(&request).unwrap();
    ask(&world, -3, -1);
    until_read_again(&world).await;
    world
        .until("trouble is over", |world| world.troubles().is_empty())
        .await;
    world.until_reported(40).await;
    world.assert_kept();
}
