//! What can be seen of a bridge: as a file, as metrics, and as a word on its health.

mod listener;
mod metrics;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::time::{Hour, Timestamp};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

pub(crate) use self::listener::listen;
use crate::cursor::Cursor;
pub use crate::cursor::Totals;
use crate::environment::{Clock, Environment};
use crate::trouble::Trouble;

/// The name of the file that says how the bridge is, in the directory of the spool.
const FILE: &str = "status.json";
/// How often the file is written.
const FILE_WRITTEN_EVERY: Duration = Duration::from_secs(5);
/// A bridge that has not written the file for this long does not run: a disk may be slow for a while.
const RUNS_IF_WRITTEN_WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// How a bridge is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BridgeStatus {
    /// When that was so: a bridge that runs says it every few seconds.
    pub at: String,
    /// Each stack.
    pub stacks: Vec<StackStatus>,
}

impl BridgeStatus {
    /// Whether the bridge that wrote this runs, by the clock of the same machine.
    #[must_use]
    pub fn is_of_a_running_bridge(&self, now: Timestamp) -> bool {
        let at = self.at.parse::<Timestamp>();
        at.is_ok_and(|at| now.duration_since(at) < RUNS_IF_WRITTEN_WITHIN)
    }
}

/// How a bridge is with one stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackStatus {
    /// The stack's name in the configuration.
    pub name: String,
    /// The stack, once its activation key was read.
    pub cloud_id: Option<String>,
    /// Every reported hour up to here was read completely.
    pub read_through: Option<String>,
    /// Every reported hour up to here was read completely, and acknowledged by the server.
    pub acknowledged_through: Option<String>,
    /// How many hours that have begun the server does not have completely. 1 is usual: the present one.
    pub lag_hours: Option<i32>,
    /// Bytes that wait to be delivered.
    pub spool_bytes: u64,
    /// The most of them.
    pub spool_bytes_max: u64,
    /// What became of everything that was delivered so far.
    pub delivered: Totals,
    /// What is being read on command.
    pub backfills: Vec<BackfillStatus>,
    /// What does not work now.
    pub troubles: Vec<Ongoing>,
}

/// How it goes with a stack, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StackState {
    /// Nothing is known of it yet.
    Starting,
    /// Everything works.
    Working,
    /// Something does not work, and is tried again until it does.
    Retrying,
    /// Something does not work until somebody sets it right.
    Held,
}

impl StackStatus {
    /// How it goes, in a word.
    #[must_use]
    pub fn state(&self) -> StackState {
        match &self.troubles[..] {
            [] if self.cloud_id.is_none() => StackState::Starting,
            [] => StackState::Working,
            troubles if troubles.iter().any(|it| it.held) => StackState::Held,
            _ => StackState::Retrying,
        }
    }
}

/// How far a range that is read on command was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackfillStatus {
    /// Its first hour.
    pub from: String,
    /// Its end.
    pub to: String,
    /// The first hour that was not yet read.
    pub next: String,
    /// How many hours it has.
    pub hours: i32,
    /// How many of them were read.
    pub hours_read: i32,
}

/// Trouble that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ongoing {
    /// What does not work.
    pub part: Part,
    /// Since when.
    pub since: String,
    /// How often it was tried in a row.
    pub failures: u32,
    /// When it is tried again.
    pub next_attempt: String,
    /// Whether somebody has to do something: it will not pass by itself.
    pub held: bool,
    /// What it is.
    #[serde(flatten)]
    pub trouble: Trouble,
}

/// What a bridge does for a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// Everything that has to be there before.
    Start,
    /// Reading usage.
    Reading,
    /// Delivering it.
    Delivering,
    /// Reading and delivering who is on the stack.
    Directory,
}

impl Part {
    /// Its name in metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Reading => "reading",
            Self::Delivering => "delivering",
            Self::Directory => "directory",
        }
    }
}

/// What is known of one stack, written by those who work for it.
pub(crate) struct Board {
    clock: Arc<dyn Clock>,
    status: Mutex<StackStatus>,
}

impl Board {
    pub(crate) fn new(clock: Arc<dyn Clock>, name: &str, spool_bytes_max: u64) -> Arc<Self> {
        let status = StackStatus {
            name: name.to_owned(),
            spool_bytes_max,
            ..StackStatus::default()
        };
        Arc::new(Self {
            clock,
            status: Mutex::new(status),
        })
    }

    /// How the stack is now.
    pub(crate) fn read(&self) -> StackStatus {
        let mut status = self.lock().clone();
        let now = Hour::containing(self.clock.now()).plus(1);
        let through = status.acknowledged_through.as_ref();
        let through = through.and_then(|text| text.parse::<Hour>().ok());
        status.lag_hours = through.map(|through| now.epoch_hours() - through.epoch_hours());
        status
    }

    /// Takes note of how far the stack was read and delivered.
    pub(crate) fn note(&self, cursor: &Cursor, bytes: u64) {
        let backfills = cursor.backfills.iter().map(|it| BackfillStatus {
            from: it.range.start().to_string(),
            to: it.range.end().to_string(),
            next: it.next.to_string(),
            hours: it.range.hours(),
            hours_read: it.next.epoch_hours() - it.range.start().epoch_hours(),
        });
        let mut status = self.lock();
        status.cloud_id = Some(cursor.cloud_id.to_string());
        status.read_through = Some(cursor.read_through.to_string());
        // What was never declared has not been delivered: it lags from the start on.
        let acknowledged = cursor.acknowledged_through.unwrap_or(cursor.start);
        status.acknowledged_through = Some(acknowledged.to_string());
        status.spool_bytes = bytes;
        status.delivered = cursor.totals;
        status.backfills = backfills.collect();
    }

    /// Those who work for the stack write through this.
    pub(crate) fn reporter(self: &Arc<Self>, part: Part) -> Reporter {
        Reporter {
            board: Some(Arc::clone(self)),
            part,
        }
    }

    fn lock(&self) -> MutexGuard<'_, StackStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells how one part of the work goes.
pub(crate) struct Reporter {
    board: Option<Arc<Board>>,
    part: Part,
}

impl Reporter {
    /// One for somebody who waits for the answer: there is no board to look at meanwhile, and nothing is tried again.
    pub(crate) const fn impatient() -> Self {
        Self {
            board: None,
            part: Part::Start,
        }
    }

    /// Whether what fails may be tried again.
    pub(crate) const fn is_patient(&self) -> bool {
        self.board.is_some()
    }

    /// It did not work, for this many times in a row; it is tried again after a wait.
    pub(crate) fn failed(&self, trouble: &Trouble, failures: u32, wait: Duration) {
        self.put(trouble, failures, wait, false);
    }

    /// It did not work, and somebody has to do something.
    pub(crate) fn held(&self, trouble: &Trouble, failures: u32, wait: Duration) {
        self.put(trouble, failures, wait, true);
    }

    /// It works.
    pub(crate) fn well(&self) {
        let Some(board) = &self.board else { return };
        let mut status = board.lock();
        let before = status.troubles.len();
        status.troubles.retain(|it| it.part != self.part);
        if status.troubles.len() < before {
            tracing::info!(stack = status.name, part = self.part.name(), "works again");
        }
    }

    fn put(&self, trouble: &Trouble, failures: u32, wait: Duration, held: bool) {
        let Some(board) = &self.board else { return };
        let now = board.clock.now();
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::ZERO);
        let mut status = board.lock();
        let before = status.troubles.iter().find(|it| it.part == self.part);
        let is_news = before.is_none_or(|before| before.trouble.code != trouble.code);
        let ongoing = Ongoing {
            part: self.part,
            since: before.map_or_else(|| shown(now), |before| before.since.clone()),
            failures,
            next_attempt: shown(now.saturating_add(wait).unwrap_or(now)),
            held,
            trouble: trouble.clone(),
        };
        if is_news {
            let (stack, part) = (&status.name, self.part.name());
            tracing::warn!(stack, part, code = %trouble.code, held, "{} {}", trouble.message, trouble.advice);
        }
        status.troubles.retain(|it| it.part != self.part);
        status.troubles.push(ongoing);
    }
}

fn shown(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// How the bridge is now.
pub(crate) fn of_all(clock: &dyn Clock, boards: &[Arc<Board>]) -> BridgeStatus {
    BridgeStatus {
        at: shown(clock.now()),
        stacks: boards.iter().map(|board| board.read()).collect(),
    }
}

/// Writes the file again and again.
pub(crate) async fn keep_file(environment: &Environment, directory: &Path, boards: &[Arc<Board>]) {
    let path = directory.join(FILE);
    loop {
        let status = of_all(&*environment.clock, boards);
        if let Ok(json) = serde_json::to_vec_pretty(&status) {
            let (disk, path) = (Arc::clone(&environment.disk), path.clone());
            // It is written again in a moment; a disk that fails is reported by those who need it.
            let _ = tokio::task::spawn_blocking(move || disk.replace(&path, &json)).await;
        }
        environment.timer.pause(FILE_WRITTEN_EVERY).await;
    }
}

/// What the bridge with this spool directory last wrote about itself.
///
/// # Errors
/// [`Trouble`] if it never wrote anything there, or it cannot be read.
pub fn read_status(spool_directory: &Path) -> Result<BridgeStatus, Trouble> {
    let path = spool_directory.join(FILE);
    let refuse = |why: String| {
        Trouble::new(
            "NoStatus",
            format!("{} cannot be read: {why}.", path.display()),
            "Name the configuration of the bridge, and see that it runs: `meterbridge bridge run`.",
        )
    };
    let text = std::fs::read(&path).map_err(|error| refuse(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| refuse(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(&'static str);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            self.0.parse().unwrap()
        }
    }

    #[test]
    fn trouble_is_shown_since_it_began_and_until_it_is_over() {
        let board = Board::new(Arc::new(At("2026-10-01T05:30:00Z")), "north", 1);
        let reporter = board.reporter(Part::Reading);
        for failures in 1..3 {
            reporter.failed(
                &Trouble::new("StackBusy", "m", "a"),
                failures,
                Duration::from_secs(60),
            );
        }
        board
            .reporter(Part::Delivering)
            .held(&Trouble::new("X", "m", "a"), 1, Duration::ZERO);
        let troubles = board.read().troubles;
        assert_eq!(troubles.len(), 2);
        assert_eq!(
            (troubles[0].failures, troubles[0].next_attempt.as_str()),
            (2, "2026-10-01T05:31:00Z")
        );
        reporter.well();
        assert_eq!(board.read().troubles.len(), 1);
    }

    #[test]
    fn a_bridge_that_says_nothing_any_more_does_not_run() {
        let status = BridgeStatus {
            at: "2026-10-01T05:30:00Z".to_owned(),
            stacks: Vec::new(),
        };
        for (now, runs) in [
            ("2026-10-01T05:30:30Z", true),
            ("2026-10-01T05:31:00Z", false),
            // The clock was set back.
            ("2026-10-01T05:00:00Z", true),
        ] {
            assert_eq!(status.is_of_a_running_bridge(now.parse().unwrap()), runs, "{now}");
        }
    }

    #[test]
    fn lag_counts_the_hours_that_the_server_does_not_have() {
        let board = Board::new(Arc::new(At("2026-10-01T05:30:00Z")), "north", 1);
        assert_eq!(board.read().lag_hours, None);
        let start: Hour = "2026-10-01T00:00:00Z".parse().unwrap();
        let cloud_id = "5bf881b2-6be7-42a1-9f47-d6fcb6737747".parse().unwrap();
        let mut cursor = Cursor::new(cloud_id, start);
        for (through, lag) in [(None, 6), (Some(start.plus(5)), 1)] {
            cursor.acknowledged_through = through;
            board.note(&cursor, 0);
            assert_eq!(board.read().lag_hours, Some(lag));
        }
    }
}
