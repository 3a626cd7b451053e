//! Servers that lose what they acknowledged: restored from a backup, or replaced by one that had not got all of it.

use std::time::Duration;

use domain::time::HourInterval;

use crate::outages::Draws;
use crate::server_stub::{Backup, Fault};
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
