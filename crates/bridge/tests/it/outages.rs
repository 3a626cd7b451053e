//! Servers that are away, disks that are full, and bridges that are killed.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bridge::{Appender, Disk, LocalDisk};

use crate::server_stub::Fault;
use crate::stack_stub::FAULTS;
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_of_the_server_costs_a_record_or_makes_it_count_twice() {
    for fault in [Fault::Busy, Fault::AnswerLost, Fault::BadGateway] {
        let mut world = World::new().await;
        world.report_hours(6, 9);
        let faults = (0..12).map(|number| (number % 3 != 2).then_some(fault));
        world.server.state.lock().unwrap().faults = faults.collect();
        world.start_bridge().await;
        world.until_reported(6).await;
        world.assert_kept();
        // Under the same key each time, every one was answered as the first time: as new.
        world
            .until("everything is counted", |world| {
                world.status().stacks[0].delivered.accepted == 54
            })
            .await;
        assert_eq!(world.status().stacks[0].delivered.duplicate, 0, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_away_the_spool_fills_to_its_limit_and_nothing_is_dropped() {
    let mut world = World::new().await;
    world.config.spool_bytes_max = 6_000;
    world.report_hours(60, 8);
    world.server.state.lock().unwrap().refusing = Some((503, "Unavailable"));
    world.start_bridge().await;
    world
        .until("the spool is full", |world| {
            world.troubles().contains(&"SpoolFull".to_owned())
        })
        .await;
    let status = world.status().stacks[0].clone();
    assert!(status.spool_bytes <= 6_000, "{}", status.spool_bytes);
    assert!(status.read_through.unwrap() < world.hour(60).to_string());
    world.server.state.lock().unwrap().refusing = None;
    world.until_reported(60).await;
    world.assert_kept();
    world
        .until("trouble is over", |world| world.troubles().is_empty())
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_that_is_larger_than_the_spool_is_said_to_be() {
    let mut world = World::new().await;
    world.config.spool_bytes_max = 600;
    world.report_hours(3, 40);
    world.start_bridge().await;
    world
        .until("it is said", |world| {
            world.troubles().contains(&"SpoolTooSmall".to_owned())
        })
        .await;
    assert_eq!(world.server.state.lock().unwrap().through, None);
}

/// A disk that is full when it is told to be.
#[derive(Clone, Default)]
struct FullDisk(Arc<AtomicBool>);

impl FullDisk {
    fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

struct FullAppender(FullDisk, Box<dyn Appender>);

impl Appender for FullAppender {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.0.check() {
            self.1.append(&bytes[..bytes.len() / 3])?;
            return Err(error);
        }
        self.1.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.check()?;
        self.1.sync()
    }
}

impl Disk for FullDisk {
    fn make_directory(&self, path: &Path) -> io::Result<()> {
        LocalDisk.make_directory(path)
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        LocalDisk.names(directory)
    }

    fn length(&self, path: &Path) -> io::Result<Option<u64>> {
        LocalDisk.length(path)
    }

    fn read(&self, path: &Path, from: u64, length: usize) -> io::Result<Vec<u8>> {
        LocalDisk.read(path, from, length)
    }

    fn append_to(&self, path: &Path) -> io::Result<Box<dyn Appender>> {
        Ok(Box::new(FullAppender(self.clone(), LocalDisk.append_to(path)?)))
    }

    fn truncate(&self, path: &Path, length: u64) -> io::Result<()> {
        LocalDisk.truncate(path, length)
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.check()?;
        LocalDisk.replace(path, content)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove(path)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_for_a_while_costs_nothing() {
    let disk = FullDisk::default();
    let mut world = World::with(Arc::new(disk.clone()), None).await;
    world.report_hours(30, 9);
    world.start_bridge().await;
    for hours in [3, 9, 15] {
        world.until_reported(hours).await;
        disk.0.store(true, Ordering::SeqCst);
        world
            .until("it is said", |world| {
                world.troubles().contains(&"DiskFailed".to_owned())
            })
            .await;
        disk.0.store(false, Ordering::SeqCst);
    }
    world.until_reported(30).await;
    world.assert_kept();
}

/// Numbers that follow from a seed.
pub(crate) struct Draws(pub(crate) u64);

impl Draws {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bridge_that_is_killed_again_and_again_between_a_bad_stack_and_a_bad_server_keeps_its_promise() {
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut draws = Draws(seed);
    let mut world = World::new().await;
    world.report_hours(48, 9);
    for _ in 0..400 {
        let fault = usize::try_from(draws.below(40)).unwrap();
        // The link of a page may be lost once, not twice in a row: that is found by looking back only.
        let fault = FAULTS
            .get(fault)
            .copied()
            .filter(|it| *it != crate::stack_stub::Fault::LinkLost);
        world.stack.state.lock().unwrap().faults.push_back(fault);
        let fault = match draws.below(20) {
            0 => Some(Fault::Busy),
            1 => Some(Fault::BadGateway),
            _ => None,
        };
        world.server.state.lock().unwrap().faults.push_back(fault);
    }
    for _ in 0..40 {
        world.start_bridge().await;
        tokio::time::sleep(Duration::from_millis(draws.below(60))).await;
        world.kill_bridge().await;
    }
    world.start_bridge().await;
    world.until_reported(48).await;
    world.assert_kept();
}
