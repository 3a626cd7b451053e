//! What can be seen of a bridge: as a file, as metrics, and as a word on its health.

mod file;
mod listener;
mod metrics;
mod pace;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::time::{Hour, HourInterval, Timestamp};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

pub(crate) use self::file::StatusFile;
pub use self::file::read_status;
pub(crate) use self::listener::listen;
use self::pace::Pace;
use crate::config::StackConfig;
use crate::cursor::Cursor;
pub use crate::cursor::Totals;
use crate::environment::Clock;
use crate::range::Backfill;
use crate::trouble::Trouble;
use crate::waypoints::Hours;

/// So many hours are due now and then while everything works: the one that was over last.
const HOURS_DUE_USUALLY: i32 = 1;
/// A bridge that has not written the file for this long does not run: a disk may be slow for a while.
const RUNS_IF_WRITTEN_WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// How a bridge is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BridgeStatus {
    /// When that was so: a bridge that runs says it every few seconds.
    pub at: String,
    /// Whether it was stopped then: this is the last that it says.
    #[serde(default)]
    pub stopped: bool,
    /// Each stack.
    pub stacks: Vec<StackStatus>,
    /// Whether nobody uses the spool any more: the bridge that wrote this was killed.
    #[serde(skip)]
    pub abandoned: bool,
}

impl BridgeStatus {
    /// Whether the bridge that wrote this runs, by the clock of the same machine.
    #[must_use]
    pub fn is_of_a_running_bridge(&self, now: Timestamp) -> bool {
        let at = self.at.parse::<Timestamp>();
        let is_written = at.is_ok_and(|at| now.duration_since(at) < RUNS_IF_WRITTEN_WITHIN);
        is_written && !self.stopped && !self.abandoned
    }

    /// How it goes with one of its stacks, in a word, by the clock of the same machine.
    #[must_use]
    pub fn state_of(&self, stack: &StackStatus, now: Timestamp) -> StackState {
        if self.is_of_a_running_bridge(now) {
            stack.state()
        } else {
            StackState::Stopped
        }
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
    /// How many hours are over for as long as the configuration wants, and not completely with the server. 1 is usual for
    /// as long as it takes to read and deliver one.
    #[serde(default)]
    pub due_hours: Option<i32>,
    /// In how many seconds none is due any more, if it goes on as it does, while the bridge catches up.
    #[serde(default)]
    pub seconds_left: Option<u64>,
    /// Bytes that wait to be delivered.
    pub spool_bytes: u64,
    /// The most of them.
    pub spool_bytes_max: u64,
    /// What became of everything that was delivered so far.
    pub delivered: Totals,
    /// What is being read on command.
    pub backfills: Vec<BackfillStatus>,
    /// What is being read again because the server does not have it any more, though it had acknowledged it: it was restored
    /// from a backup, say.
    #[serde(default)]
    pub lost: Vec<BackfillStatus>,
    /// What of that, or of what lies before the start, somebody gave up: it is not read again by itself, and not
    /// declared. Until somebody has it read.
    #[serde(default)]
    pub given_up: Vec<HoursStatus>,
    /// Which hours of what was read on command the stack refused: they were left out, and are not declared as read. Until
    /// they are read, or asked for again.
    #[serde(default)]
    pub refused_hours: Vec<String>,
    /// Which hours the stack refused that nobody had asked for: the server lost them, or they lie before the start.
    /// Until they are read, or given up.
    #[serde(default)]
    pub refused_unasked: Vec<HoursStatus>,
    /// How often all that was to be read on command was taken back.
    #[serde(default)]
    pub withdrawals: u32,
    /// Which local subscriptions the stack listed last in a way that nobody can read, and why: they are left out of
    /// what the server is told, which keeps what it knows of them. Until the stack lists them otherwise. Of many the first,
    /// and how many more there are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlisted: Vec<String>,
    /// What does not work now.
    pub troubles: Vec<Ongoing>,
}

/// How many local subscriptions that nobody can read are named.
const UNLISTED_MAX: usize = 50;

/// How it goes with a stack, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StackState {
    /// Nothing is known of it yet.
    Starting,
    /// Everything works, and there is more to be read and delivered than the hour that was over last, or something again that
    /// the server lost.
    CatchingUp,
    /// Everything works.
    Working,
    /// Something does not work, and is tried again until it does.
    Retrying,
    /// Something does not work until somebody sets it right.
    Held,
    /// The bridge does not run.
    Stopped,
}

impl StackStatus {
    /// How it goes, in a word, while the bridge runs.
    #[must_use]
    pub fn state(&self) -> StackState {
        match &self.troubles[..] {
            [] if self.cloud_id.is_none() => StackState::Starting,
            [] if self.is_behind() => StackState::CatchingUp,
            [] => StackState::Working,
            troubles if troubles.iter().any(|it| it.held) => StackState::Held,
            _ => StackState::Retrying,
        }
    }

    /// What is to be read though nobody asked for it, in order: what the server lost, what lies before the start, and
    /// what the stack refused of these. It can be given up ([`crate::give_up_lost`]).
    #[must_use]
    pub fn read_by_itself(&self) -> Vec<HourInterval> {
        let before_start = self.backfills.iter().filter(|it| it.before_start);
        let read = self.lost.iter().chain(before_start);
        let read = read.filter_map(|it| interval(&it.next, &it.to));
        let refused = self.refused_unasked.iter().filter_map(HoursStatus::interval);
        let all: Hours = read.chain(refused).collect();
        all.intervals().collect()
    }

    /// Which of these hours were given up, and not read since.
    #[must_use]
    pub fn given_up_of(&self, hours: &[HourInterval]) -> Vec<HourInterval> {
        let given_up: Hours = self.given_up.iter().filter_map(HoursStatus::interval).collect();
        let of = hours
            .iter()
            .flat_map(|it| given_up.of(*it).intervals().collect::<Vec<_>>());
        of.collect()
    }

    fn is_behind(&self) -> bool {
        self.due_hours > Some(HOURS_DUE_USUALLY) || !self.lost.is_empty()
    }
}

/// How far a range that is read on command, or because it was lost, was read.
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
    /// Whether it lies before the first hour that the bridge was to read, and is read by itself: the server knew the stack
    /// already.
    #[serde(default)]
    pub before_start: bool,
}

/// Hours of reported time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoursStatus {
    /// The first of them.
    pub from: String,
    /// The first after them.
    pub to: String,
    /// How many there are.
    pub hours: i32,
}

fn interval(from: &str, to: &str) -> Option<HourInterval> {
    HourInterval::new(from.parse().ok()?, to.parse().ok()?)
}

impl HoursStatus {
    fn interval(&self) -> Option<HourInterval> {
        interval(&self.from, &self.to)
    }
}

impl From<HourInterval> for HoursStatus {
    fn from(interval: HourInterval) -> Self {
        Self {
            from: interval.start().to_string(),
            to: interval.end().to_string(),
            hours: interval.hours(),
        }
    }
}

impl BackfillStatus {
    fn of(backfill: &Backfill) -> Self {
        let Backfill {
            range,
            next,
            is_before_start: before_start,
        } = *backfill;
        Self {
            from: range.start().to_string(),
            to: range.end().to_string(),
            next: next.to_string(),
            hours: range.hours(),
            hours_read: between(range.start(), next),
            before_start,
        }
    }
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
    /// Taking up what is to be read on command.
    Backfill,
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
            Self::Backfill => "backfill",
            Self::Delivering => "delivering",
            Self::Directory => "directory",
        }
    }
}

/// Who is told what does not work, beside the log: whenever it is something else.
pub type Watcher = Arc<dyn Fn(&Trouble) + Send + Sync>;

/// What is known of one stack, written by those who work for it.
pub(crate) struct Board {
    clock: Arc<dyn Clock>,
    watcher: Option<Watcher>,
    /// How long an hour has to be over before it is due.
    margin: Duration,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    status: StackStatus,
    /// Of what the server has everything.
    through: Option<Hour>,
    /// While it catches up and nothing is wrong.
    pace: Option<Pace>,
}

impl Board {
    /// One for work that somebody waits for.
    pub(crate) fn watched(clock: Arc<dyn Clock>, name: &str, watcher: Option<Watcher>) -> Arc<Self> {
        Arc::new(Self {
            watcher,
            ..Self::of(clock, name, 0, Duration::ZERO)
        })
    }

    /// One for a stack that is read as it is configured.
    pub(crate) fn for_stack(clock: Arc<dyn Clock>, stack: &StackConfig, spool_bytes_max: u64) -> Arc<Self> {
        Arc::new(Self::of(clock, &stack.name, spool_bytes_max, stack.margin))
    }

    fn of(clock: Arc<dyn Clock>, name: &str, spool_bytes_max: u64, margin: Duration) -> Self {
        let status = StackStatus {
            name: name.to_owned(),
            spool_bytes_max,
            ..StackStatus::default()
        };
        Self {
            clock,
            watcher: None,
            margin,
            known: Mutex::new(Known {
                status,
                ..Known::default()
            }),
        }
    }

    /// How the stack is now.
    pub(crate) fn read(&self) -> StackStatus {
        let now = self.clock.now();
        let known = self.lock();
        let mut status = known.status.clone();
        if let Some(through) = known.through {
            let due = self.due(now, through);
            status.lag_hours = Some(between(through, Hour::containing(now).plus(1)));
            status.due_hours = Some(due);
            status.seconds_left = known
                .pace
                .filter(|_| due > HOURS_DUE_USUALLY)
                .and_then(|pace| pace.seconds_left(now, through, due));
        }
        status
    }

    /// How many hours are due of those from this one on.
    fn due(&self, now: Timestamp, through: Hour) -> i32 {
        let margin = SignedDuration::try_from(self.margin).unwrap_or(SignedDuration::ZERO);
        let over = now.saturating_sub(margin).unwrap_or(now);
        between(through, Hour::containing(over)).max(0)
    }

    /// Takes note of how far the stack was read and delivered.
    pub(crate) fn note(&self, cursor: &Cursor, bytes: u64) {
        let now = self.clock.now();
        let mut known = self.lock();
        // What was never declared has not been delivered: it lags from the start on.
        let acknowledged = cursor.acknowledged_through.unwrap_or(cursor.start);
        known.through = Some(acknowledged);
        known.pace = match known.pace {
            _ if self.due(now, acknowledged) <= HOURS_DUE_USUALLY => None,
            None if known.status.troubles.is_empty() => Some(Pace {
                since: now,
                from: acknowledged,
            }),
            pace => pace,
        };
        let status = &mut known.status;
        status.cloud_id = Some(cursor.cloud_id.to_string());
        status.read_through = Some(cursor.read_through.to_string());
        status.acknowledged_through = Some(acknowledged.to_string());
        status.spool_bytes = bytes;
        status.delivered = cursor.totals;
        status.backfills = cursor.backfills.iter().map(BackfillStatus::of).collect();
        status.lost = cursor.lost.iter().map(BackfillStatus::of).collect();
        status.given_up = cursor.given_up.intervals().map(HoursStatus::from).collect();
        status.refused_hours = cursor.refused.iter().map(Hour::to_string).collect();
        let unasked = cursor.refused_unasked.intervals();
        status.refused_unasked = unasked.map(HoursStatus::from).collect();
        status.withdrawals = cursor.withdrawals;
    }

    /// Those who work for the stack write through this.
    pub(crate) fn reporter(self: &Arc<Self>, part: Part) -> Reporter {
        Reporter {
            board: Some(Arc::clone(self)),
            part,
            failures_max: u32::MAX,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many hours it is from one to another.
fn between(from: Hour, to: Hour) -> i32 {
    to.epoch_hours() - from.epoch_hours()
}

/// Tells how one part of the work goes.
pub(crate) struct Reporter {
    board: Option<Arc<Board>>,
    part: Part,
    /// After how many failures in a row the same is not tried again.
    failures_max: u32,
}

impl Reporter {
    /// One for somebody who waits for the answer: there is no board to look at meanwhile, and nothing is tried again.
    pub(crate) const fn impatient() -> Self {
        Self {
            board: None,
            part: Part::Start,
            failures_max: 0,
        }
    }

    /// The same for somebody who has other things to do when one does not work so often in a row.
    pub(crate) fn giving_up_after(&self, failures_max: u32) -> Self {
        Self {
            board: self.board.clone(),
            part: self.part,
            failures_max,
        }
    }

    /// Whether what has failed so often before, and now again, may be tried again.
    pub(crate) const fn is_patient(&self, failures: u32) -> bool {
        failures < self.failures_max
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
        let mut known = board.lock();
        let status = &mut known.status;
        let before = status.troubles.len();
        status.troubles.retain(|it| it.part != self.part);
        if status.troubles.len() < before {
            tracing::info!(stack = status.name, part = self.part.name(), "works again");
        }
    }

    /// These local subscriptions were listed in a way that nobody can read.
    pub(crate) fn unlisted(&self, mut unlisted: Vec<String>) {
        let Some(board) = &self.board else { return };
        if let Some(more) = unlisted.len().checked_sub(UNLISTED_MAX).filter(|more| *more > 0) {
            unlisted.truncate(UNLISTED_MAX);
            unlisted.push(format!("and {more} more"));
        }
        let mut known = board.lock();
        let status = &mut known.status;
        if status.unlisted != unlisted && !unlisted.is_empty() {
            let (stack, entries) = (&status.name, unlisted.join(", "));
            tracing::warn!(
                stack,
                "left out of the stack's directory, as nobody can read them: {entries}"
            );
        }
        status.unlisted = unlisted;
    }

    fn put(&self, trouble: &Trouble, failures: u32, wait: Duration, held: bool) {
        let Some(board) = &self.board else { return };
        let now = board.clock.now();
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::ZERO);
        let mut known = board.lock();
        // How fast it went before says nothing of how fast it goes when this is over.
        known.pace = None;
        let status = &mut known.status;
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
            if let Some(tell) = &board.watcher {
                tell(trouble);
            }
        }
        status.troubles.retain(|it| it.part != self.part);
        status.troubles.push(ongoing);
    }
}

fn shown(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// How the bridge is now, while it runs.
pub(crate) fn of_all(clock: &dyn Clock, boards: &[Arc<Board>]) -> BridgeStatus {
    BridgeStatus {
        at: shown(clock.now()),
        stopped: false,
        stacks: boards.iter().map(|board| board.read()).collect(),
        abandoned: false,
    }
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
        let board = Board::watched(Arc::new(At("2026-10-01T05:30:00Z")), "north", None);
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
            stopped: false,
            stacks: Vec::new(),
            abandoned: false,
        };
        for (now, runs) in [
            ("2026-10-01T05:30:30Z", true),
            ("2026-10-01T05:31:00Z", false),
            // The clock was set back.
            ("2026-10-01T05:00:00Z", true),
        ] {
            assert_eq!(status.is_of_a_running_bridge(now.parse().unwrap()), runs, "{now}");
        }
        let stopped = BridgeStatus {
            stopped: true,
            ..status
        };
        assert!(!stopped.is_of_a_running_bridge("2026-10-01T05:30:01Z".parse().unwrap()));
        let killed = BridgeStatus {
            stopped: false,
            abandoned: true,
            ..stopped
        };
        let now = "2026-10-01T05:30:01Z".parse().unwrap();
        assert!(!killed.is_of_a_running_bridge(now));
        assert_eq!(killed.state_of(&StackStatus::default(), now), StackState::Stopped);
    }

    #[test]
    fn lag_counts_the_hours_that_the_server_does_not_have() {
        let board = Board::watched(Arc::new(At("2026-10-01T05:30:00Z")), "north", None);
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

    #[test]
    fn a_bridge_that_is_far_behind_is_not_said_to_be_where_it_should_be() {
        let board = Board::of(
            Arc::new(At("2026-10-01T05:14:00Z")),
            "north",
            1,
            Duration::from_secs(15 * 60),
        );
        let board = Arc::new(board);
        let start: Hour = "2026-10-01T00:00:00Z".parse().unwrap();
        let cloud_id = "5bf881b2-6be7-42a1-9f47-d6fcb6737747".parse().unwrap();
        let mut cursor = Cursor::new(cloud_id, start);
        // The hour from 4 to 5 is not yet over for long enough.
        for (through, due, state) in [
            (0, 4, StackState::CatchingUp),
            (2, 2, StackState::CatchingUp),
            (3, 1, StackState::Working),
            (4, 0, StackState::Working),
            (5, 0, StackState::Working),
        ] {
            cursor.acknowledged_through = Some(start.plus(through));
            board.note(&cursor, 0);
            let status = board.read();
            assert_eq!(
                (status.due_hours, status.state()),
                (Some(due), state),
                "{through}"
            );
        }
        let reporter = board.reporter(Part::Delivering);
        cursor.acknowledged_through = Some(start);
        board.note(&cursor, 0);
        reporter.failed(&Trouble::new("ServerUnreachable", "m", "a"), 1, Duration::ZERO);
        assert_eq!(board.read().state(), StackState::Retrying);
    }
}
