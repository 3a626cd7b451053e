//! Servers that lose what they acknowledged: restored from a backup, or replaced by one that had not got all of it.

use std::time::Duration;

use domain::time::{Hour, HourInterval};

use crate::outages::Draws;
use crate::server_stub::{Backup, Fault, ServerState};
use crate::world::World;

/// An hour of these has seven pages.
const RECORDS: usize = 25;

/// Waits until the server has everything again, each hour declared, and the bridge has nothing left to do.
async fn until_whole(world: &World, hours: impl Iterator<Item = i32> + Clone) {
    world
        .until("everything is here and declared", |world| {
            let declared = world.server.state.lock().unwrap().declared.clone();
            hours.clone().all(|hour| declared.contains(&world.hour(hour)))
                && world.missing().is_empty()
                && world.status().stacks[0].lost.is_empty()
        })
        .await;
    world.assert_kept();
}

/// A server that is backed up before one delivery and restored before another.
async fn restored(backup: usize, restore: usize) {
    let mut world = World::new().await;
    world.report_hours(5, RECORDS);
    world.server.state.lock().unwrap().restore = Some((backup, restore));
    world.start_bridge().await;
    world
        .until("it is restored", |world| {
            world.server.state.lock().unwrap().restored == 1
        })
        .await;
    until_whole(&world, 0..5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_whose_first_pages_a_restore_lost_would_be_declared_and_billed_as_complete() {
    // Seven deliveries are an hour. The backup is of the beginning, the middle and the end of one; and so is what is lost.
    for backup in [1, 2, 8, 11, 14, 15, 16] {
        for lost in [1, 3, 6, 7, 12] {
            restored(backup, backup + lost).await;
        }
    }
}

/// A server with some hours.
async fn world_with_hours() -> World {
    let mut world = World::new().await;
    world.report_hours(40, 3);
    world.start_bridge().await;
    world.until_reported(6).await;
    world
}

/// The server loses everything, and the stack gives nothing of the third hour any more.
fn lose_everything(world: &World) {
    world.stack.state.lock().unwrap().unanswered = Some(world.hour(2));
    let empty = ServerState::default().backup();
    world.server.state.lock().unwrap().restore(&empty);
}

fn is_declared(world: &World, hours: impl IntoIterator<Item = i32>) -> bool {
    let server = world.server.state.lock().unwrap();
    hours
        .into_iter()
        .all(|hour| server.declared.contains(&world.hour(hour)))
}

/// Waits until all but the third hour was read again, a range as well, and new hours are read as before.
async fn until_all_but_one_is_read(world: &World) {
    let range = HourInterval::new(world.hour(-20), world.hour(-10)).unwrap();
    bridge::request_backfill(&world.path("spool"), "north", range).unwrap();
    world
        .until("all others are declared", |world| {
            is_declared(world, [0, 1, 3, 4, 5].into_iter().chain(-20..-10))
        })
        .await;
    let read = world.status().stacks[0].read_through.clone().unwrap();
    let through = read.parse::<Hour>().unwrap();
    world
        .until_reported(through.epoch_hours() - world.start.epoch_hours() + 5)
        .await;
    assert!(!is_declared(world, [2]), "nobody has read it");
    assert!(!world.status().stacks[0].lost.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_hour_that_never_answers_would_have_kept_late_usage_and_every_other_lost_hour_from_being_read()
{
    let world = world_with_hours().await;
    lose_everything(&world);
    until_all_but_one_is_read(&world).await;
    world.stack.state.lock().unwrap().unanswered = None;
    until_whole(&world, 0..40).await;
}

/// Has the bridge remember as many hours as it can that the stack refused.
fn refuse_a_month(world: &World) {
    let path = world.path("spool/stacks/north/cursor");
    let kept = std::fs::read_to_string(&path).unwrap();
    let mut cursor: serde_json::Value = serde_json::from_str(kept.lines().next().unwrap()).unwrap();
    let hours = (-2000..-1256).map(|hour| world.hour(hour).to_string());
    cursor["refused"] = hours.collect();
    let cursor = cursor.to_string();
    let digest = blake3::hash(cursor.as_bytes());
    std::fs::write(&path, format!("{cursor}\n{digest}\n")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_hours_that_the_stack_refuses_would_have_kept_those_that_it_has_from_being_read() {
    let mut world = world_with_hours().await;
    world.stop_bridge().await;
    refuse_a_month(&world);
    world.stack.state.lock().unwrap().refused = [world.hour(2)].into();
    world.start_bridge().await;
    let empty = ServerState::default().backup();
    world.server.state.lock().unwrap().restore(&empty);
    world
        .until("all others are declared", |world| {
            is_declared(world, [0, 1, 3, 4, 5])
        })
        .await;
    assert!(!is_declared(&world, [2]), "nobody has read it");
    let status = world.status().stacks[0].clone();
    assert!(!status.lost.is_empty(), "it is not forgotten: {status:?}");
    world.stack.state.lock().unwrap().refused.remove(&world.hour(2));
    until_whole(&world, 0..40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_hours_that_nobody_has_any_more_could_not_have_been_given_up() {
    let mut world = world_with_hours().await;
    lose_everything(&world);
    until_all_but_one_is_read(&world).await;
    let spool = world.path("spool");
    // The one that is shown: others may have been lost since.
    let shown = world.status().stacks[0].read_by_itself();
    bridge::give_up_lost(&spool, "north", &shown).unwrap();
    let given_up = |world: &World| {
        let status = world.status().stacks[0].clone();
        (
            status.lost.is_empty(),
            status
                .given_up
                .iter()
                .map(|it| it.from.clone())
                .collect::<Vec<_>>(),
        )
    };
    let expected = (true, vec![world.hour(2).to_string()]);
    world
        .until("it is given up", |world| given_up(world) == expected)
        .await;
    world
        .until("the request is gone", |_| {
            !bridge::waiting_to_give_up(&spool, "north")
        })
        .await;
    // It is remembered until somebody has it read after all.
    world.kill_bridge().await;
    world.start_bridge().await;
    world
        .until("it is remembered", |world| given_up(world) == expected)
        .await;
    assert!(!is_declared(&world, [2]));
    world.stack.state.lock().unwrap().unanswered = None;
    let range = HourInterval::new(world.hour(2), world.hour(3)).unwrap();
    bridge::request_backfill(&spool, "north", range).unwrap();
    world
        .until("it is read", |world| {
            is_declared(world, [2]) && given_up(world) == (true, Vec::new())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_hour_that_the_stack_refused_would_be_forgotten_when_a_range_is_taken_back() {
    let world = world_with_hours().await;
    world.stack.state.lock().unwrap().refused = [world.hour(2)].into();
    let empty = ServerState::default().backup();
    world.server.state.lock().unwrap().restore(&empty);
    let lost = HourInterval::new(world.hour(2), world.hour(3)).unwrap();
    world
        .until("all others were read", |world| {
            world.status().stacks[0].read_by_itself() == [lost]
        })
        .await;
    let spool = world.path("spool");
    bridge::withdraw_backfills(&spool, "north").unwrap();
    world
        .until("what was asked for is taken back", |world| {
            world.status().stacks[0].withdrawals == 1
        })
        .await;
    let stack = world.status().stacks[0].clone();
    assert_eq!(stack.refused_hours, [world.hour(2).to_string()], "{stack:?}");
    assert_eq!(stack.read_by_itself(), [lost]);
    assert!(!is_declared(&world, [2]));
    world
        .until("the request is gone", |_| {
            !bridge::waiting_withdrawal(&spool, "north")
        })
        .await;
    bridge::give_up_lost(&spool, "north", &[lost]).unwrap();
    world
        .until("it is given up", |world| {
            let stack = &world.status().stacks[0];
            stack.given_up_of(&[lost]) == [lost] && stack.read_by_itself().is_empty()
        })
        .await;
    assert_eq!(world.status().stacks[0].refused_hours, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hours_before_the_start_that_never_answer_could_not_have_been_given_up() {
    let mut world = world_with_hours().await;
    world.stop_bridge().await;
    let through = world.server.state.lock().unwrap().through.unwrap();
    std::fs::remove_dir_all(world.config.spool_directory.join("stacks")).unwrap();
    world.stack.state.lock().unwrap().unanswered = Some(through.plus(-2));
    world.config.stacks[0].start = Some(through);
    world.config.stacks[0].lookback_hours = 4;
    world.start_bridge().await;
    let left = HourInterval::new(through.plus(-2), through).unwrap();
    world
        .until("it is read up to that hour", |world| {
            world.status().stacks[0].read_by_itself() == [left]
        })
        .await;
    let spool = world.path("spool");
    bridge::give_up_lost(&spool, "north", &[left]).unwrap();
    world
        .until("it is given up", |world| {
            let stack = &world.status().stacks[0];
            stack.backfills.is_empty() && stack.given_up_of(&[left]) == [left]
        })
        .await;
    world
        .until("nothing is in the way any more", |world| {
            world.troubles().is_empty()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_that_were_asked_for_would_be_lost_with_the_backup_they_are_not_in() {
    let mut world = World::new().await;
    world.report_hours(8, RECORDS);
    for hour in -30..-20 {
        world.report(hour, 1);
    }
    world.start_bridge().await;
    world.until_reported(8).await;
    let backup = world.server.state.lock().unwrap().backup();
    let range = HourInterval::new(world.hour(-30), world.hour(-20)).unwrap();
    bridge::request_backfill(&world.path("spool"), "north", range).unwrap();
    world
        .until("all of it came", |world| world.missing().is_empty())
        .await;
    world.server.state.lock().unwrap().restore(&backup);
    until_whole(&world, (-30..-20).chain(0..8)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_restored_again_and_again_while_the_bridge_is_killed_has_everything_in_the_end() {
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut draws = Draws(seed);
    let mut world = World::new().await;
    world.report_hours(24, RECORDS);
    for _ in 0..300 {
        let fault = match draws.below(16) {
            0 => Some(Fault::AnswerLost),
            1 => Some(Fault::BadGateway),
            _ => None,
        };
        world.server.state.lock().unwrap().faults.push_back(fault);
    }
    let mut backups: Vec<Backup> = vec![world.server.state.lock().unwrap().backup()];
    for _ in 0..40 {
        world.start_bridge().await;
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(draws.below(30))).await;
            let mut server = world.server.state.lock().unwrap();
            match draws.below(4) {
                0 => {
                    let backup = usize::try_from(draws.below(backups.len() as u64)).unwrap();
                    server.restore(&backups[backup]);
                }
                _ => backups.push(server.backup()),
            }
        }
        world.kill_bridge().await;
    }
    world.start_bridge().await;
    until_whole(&world, 0..24).await;
}
