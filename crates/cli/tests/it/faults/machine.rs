//! The machine that a process runs on: with a clock that is off, syncs that fail, and a disk that is full for a while.

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{SignedDuration, Timestamp};

use super::chance::Chance;

const SOURCE: &str = include_str!("machine.c");
/// The most that a clock is off.
const CLOCK_OFF_MAX: SignedDuration = SignedDuration::from_mins(9);

/// What can be preloaded into a process, and how often it met what.
pub(super) struct Machine {
    preloaded: PathBuf,
    met: PathBuf,
}

/// What a machine did to its processes.
#[derive(Debug, Clone, Copy)]
pub(super) struct MachineFaults {
    pub(super) disk_full: usize,
    pub(super) sync_failed: usize,
}

/// What is wrong with the machine in one life of a process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    /// What the wall clock says when it begins.
    pub(super) clock: Timestamp,
    sync_per_mille: u64,
    /// After so many bytes, so many writes find the disk full.
    disk: Option<(u64, u64)>,
    seed: u64,
}

impl Weather {
    /// A machine without faults.
    pub(super) const fn fine(clock: Timestamp) -> Self {
        Self {
            clock,
            sync_per_mille: 0,
            disk: None,
            seed: 0,
        }
    }

    /// By chance, at a time.
    pub(super) fn drawn(now: Timestamp, chance: &Chance) -> Self {
        let off = CLOCK_OFF_MAX.as_secs().unsigned_abs();
        let off = i64::try_from(chance.between(0, 2 * off)).unwrap() - CLOCK_OFF_MAX.as_secs();
        Self {
            clock: now + SignedDuration::from_secs(off),
            sync_per_mille: if chance.happens(250) {
                chance.between(10, 300)
            } else {
                0
            },
            disk: chance
                .happens(250)
                .then(|| (chance.between(0, 100_000), chance.between(1, 30))),
            // As it goes through the environment as a signed number.
            seed: chance.next() >> 1,
        }
    }
}

impl Machine {
    /// Builds the library, with the compiler that the embedded store is built with as well.
    pub(super) fn build(directory: &Path) -> Self {
        let (source, preloaded) = (directory.join("machine.c"), directory.join("machine.so"));
        std::fs::write(&source, SOURCE).unwrap();
        let built = Command::new("cc")
            .args(["-O1", "-shared", "-fPIC", "-o"])
            .args([&preloaded, &source])
            .arg("-ldl")
            .output()
            .unwrap();
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        Self {
            preloaded,
            met: directory.join("met"),
        }
    }

    /// Lets a process run on it.
    pub(super) fn run(&self, command: &mut Command, weather: &Weather) {
        #[expect(
            clippy::disallowed_methods,
            reason = "what the clock of this machine says is what is changed"
        )]
        let ahead = weather.clock.as_second() - Timestamp::now().as_second();
        command
            .env("LD_PRELOAD", &self.preloaded)
            .env("FAULTS_MET", &self.met)
            .env("FAULTS_CLOCK", ahead.to_string())
            .env("FAULTS_SYNC", weather.sync_per_mille.to_string())
            .env("FAULTS_SEED", weather.seed.to_string());
        if let Some((bytes, writes)) = weather.disk {
            command.env("FAULTS_DISK", format!("{bytes},{writes}"));
        }
    }

    pub(super) fn faults(&self) -> MachineFaults {
        let met = std::fs::read(&self.met).unwrap_or_default();
        let count = |letter| met.iter().filter(|it| **it == letter).count();
        MachineFaults {
            disk_full: count(b'd'),
            sync_failed: count(b's'),
        }
    }
}
