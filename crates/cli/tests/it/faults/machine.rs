//! The machine that a process runs on: with a clock that is off, syncs that fail and lose what they could not write, and a
//! disk that is full for a while. What of that is possible where is said at the head of `machine.c`.
//!
//! PostgreSQL is no such process: it is killed, and its disk is sound.

use std::fmt;
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
    directory: PathBuf,
}

/// Which process runs on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runs {
    Server,
    Bridge,
    /// A command of somebody who operates the platform: it has nothing that could be lost.
    Command,
}

/// What a machine did to one of its processes.
#[derive(Debug, Clone, Copy)]
pub(super) struct MachineFaults {
    /// Writes that found the disk full.
    pub(super) disk_full: usize,
    /// Syncs that failed.
    pub(super) sync_failed: usize,
    /// Those of them that lost something.
    pub(super) sync_lost: usize,
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
            .args(["-ldl", "-lpthread"])
            .output()
            .unwrap();
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        Self {
            preloaded,
            directory: directory.to_owned(),
        }
    }

    /// Lets a process run on it.
    pub(super) fn run(&self, command: &mut Command, runs: Runs, weather: &Weather) {
        #[expect(
            clippy::disallowed_methods,
            reason = "what the clock of this machine says is what is changed"
        )]
        let ahead = weather.clock.as_second() - Timestamp::now().as_second();
        command
            .env("LD_PRELOAD", &self.preloaded)
            .env("FAULTS_MET", self.met(runs))
            .env("FAULTS_CLOCK", ahead.to_string())
            .env("FAULTS_SYNC", weather.sync_per_mille.to_string())
            .env("FAULTS_SEED", weather.seed.to_string());
        if let Some((bytes, writes)) = weather.disk {
            command.env("FAULTS_DISK", format!("{bytes},{writes}"));
        }
    }

    /// What all lives of a process met.
    pub(super) fn faults(&self, runs: Runs) -> MachineFaults {
        let met = std::fs::read(self.met(runs)).unwrap_or_default();
        let count = |letter| met.iter().filter(|it| **it == letter).count();
        MachineFaults {
            disk_full: count(b'd'),
            sync_failed: count(b's'),
            sync_lost: count(b'l'),
        }
    }

    fn met(&self, runs: Runs) -> PathBuf {
        self.directory.join(format!("met-{runs:?}"))
    }
}

impl MachineFaults {
    /// How many there were.
    pub(super) const fn count(&self) -> u64 {
        (self.disk_full + self.sync_failed) as u64
    }

    /// The kinds that were not met.
    pub(super) fn not_met(&self) -> impl Iterator<Item = &'static str> {
        let kinds = [
            (self.disk_full, "a full disk"),
            (self.sync_failed, "a sync that failed"),
            (self.sync_lost, "a sync that lost what was written"),
        ];
        kinds
            .into_iter()
            .filter(|(met, _)| *met == 0)
            .map(|(_, kind)| kind)
    }
}

impl fmt::Display for MachineFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the disk was full {} times, {} syncs failed, {} of them lost what was written",
            self.disk_full, self.sync_failed, self.sync_lost
        )
    }
}

/// Writes over the beginning of a file, and syncs that: whether it was said to have failed, and what there is then.
fn written_over(machine: &Machine, file: &Path, weather: &Weather) -> (bool, String) {
    std::fs::write(file, "what was there").unwrap();
    let new = file.with_extension("new");
    std::fs::write(&new, "WRITTEN OVER IT, AND MORE OF IT").unwrap();
    let mut write = Command::new("dd");
    write
        .arg(format!("if={}", new.display()))
        .arg(format!("of={}", file.display()))
        .args(["bs=4", "conv=notrunc,fsync", "status=none"]);
    machine.run(&mut write, Runs::Command, weather);
    let failed = !write.output().unwrap().status.success();
    (failed, std::fs::read_to_string(file).unwrap())
}

#[test]
fn a_sync_that_fails_and_keeps_everything_would_show_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::build(directory.path());
    let file = directory.path().join("file");
    let now = "2026-10-01T00:00:00Z".parse().unwrap();
    let (whole, none) = ("WRITTEN OVER IT, AND MORE OF IT", "what was there");
    let fine = written_over(&machine, &file, &Weather::fine(now));
    assert_eq!(fine, (false, whole.to_owned()));
    let (mut kept, mut lost, mut torn) = (0, 0, 0);
    for seed in 0..100 {
        let failing = Weather {
            sync_per_mille: 1000,
            seed,
            ..Weather::fine(now)
        };
        let (failed, content) = written_over(&machine, &file, &failing);
        assert!(failed);
        // Blocks of four, the last ones of which may be missing; behind them is what was there.
        let written = (0..=8).rev().find(|blocks| {
            let end = (4 * blocks).min(whole.len());
            content == format!("{}{}", &whole[..end], none.get(end..).unwrap_or_default())
        });
        match written {
            Some(8) => kept += 1,
            Some(0) => lost += 1,
            Some(_) => torn += 1,
            None => panic!("{content:?}"),
        }
    }
    assert!(kept > 0 && lost > 0 && torn > 0, "{kept}, {lost}, {torn}");
    let met = machine.faults(Runs::Command);
    assert_eq!((met.sync_failed, met.sync_lost), (100, lost + torn));
}
