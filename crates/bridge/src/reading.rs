//! Reading a stack's usage into the spool: window by window, each completely or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::time::{Hour, Timestamp};
use jiff::SignedDuration;

use crate::connection::Connection;
use crate::cursor::{Cursor, PageDigest, REFUSED_HOURS_MAX};
use crate::depot::Depot;
use crate::environment::Environment;
use crate::frame::Frame;
use crate::patience::WAIT_MAX;
use crate::range::{Backfill, put_off_hour, put_off_range, read_on};
use crate::schedule::{Known, Next, Purpose, Schedule, Window};
use crate::spool::{Spool, SpoolError};
use crate::stack::{Failure, Stack, UsageReading};
use crate::status::{Board, Part, Reporter};
use crate::trouble::Trouble;

/// How often it is looked whether there is something to read again.
const LOOKED_AFTER: Duration = Duration::from_secs(5);
/// A stack that does not have an hour ready is left alone as if it had failed this often more: half a minute at first.
const NOT_READY_FAILURES: u32 = 6;
/// From which time in a row on it is said that the newest hour is not ready: before that it is the usual thing.
const NOT_READY_SAID_FROM: u32 = 4;
/// How often in a row a page of a new hour is asked for before the hour is begun again: a continuation that the stack has
/// lost may never be answered. With the waits in between that is a quarter of an hour and more: real stacks are busy for
/// minutes.
const FAILURES_OF_A_NEW_PAGE_MAX: u32 = 12;
/// The same of an hour that was read before: new hours do not wait for what the stack cannot give.
const FAILURES_OF_AN_OLD_PAGE_MAX: u32 = 4;
/// How often in a row a window is begun again that is refused in its middle. A continuation that was forgotten comes anew with
/// the first page; a page that the stack does not give never comes.
const REFUSALS_MIDWAY_MAX: u32 = 6;
/// The most pages of an hour that are remembered. Those of larger ones are delivered again when they are looked back at,
/// which costs nothing but time.
const SEEN_PAGES_MAX: usize = 256;

/// Reads one stack.
pub(crate) struct Reader {
    connection: Arc<Connection>,
    depot: Arc<Depot>,
    environment: Environment,
    reporter: Reporter,
    schedule: Schedule,
    not_before: Option<Timestamp>,
    /// How often in a row a new hour did not work, or the disk.
    failures: u32,
    /// How often in a row there was no connection to the stack.
    unconnected: u32,
    /// It was said that the clock was set back.
    is_set_back: bool,
    /// The hours that were refused in their middle last, and how often in a row.
    refused_midway: BTreeMap<Hour, u32>,
}

/// Why a window was not read.
enum Ended {
    Stack(Failure),
    Spool(SpoolError),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Stack(failure)
    }
}

impl From<SpoolError> for Ended {
    fn from(error: SpoolError) -> Self {
        Self::Spool(error)
    }
}

impl Reader {
    pub(crate) fn new(
        connection: Arc<Connection>,
        depot: Arc<Depot>,
        schedule: Schedule,
        board: &Arc<Board>,
    ) -> Self {
        Self {
            environment: connection.environment().clone(),
            connection,
            depot,
            reporter: board.reporter(Part::Reading),
            schedule,
            not_before: None,
            failures: 0,
            unconnected: 0,
            is_set_back: false,
            refused_midway: BTreeMap::new(),
        }
    }

    /// Reads until the spool cannot be used any more.
    pub(crate) async fn run(mut self) -> SpoolError {
        loop {
            if let Err(error) = self.step().await {
                if !error.passes() {
                    return error;
                }
                self.failed_to_write(&error).await;
            }
        }
    }

    /// Reads one window, or waits for one.
    async fn step(&mut self) -> Result<(), SpoolError> {
        let Some(stack) = self.connected().await else {
            return Ok(());
        };
        let cursor = self.depot.cursor();
        let known = Known {
            now: self.environment.clock.now(),
            start: cursor.start,
            read_through: cursor.read_through,
            lost: &cursor.lost,
            backfills: &cursor.backfills,
            not_before: self.not_before,
        };
        self.forget_what_is_over(&known);
        let window = match self.schedule.next(&known) {
            Next::Wait(wait) => {
                self.look_at_clock(cursor.read_through);
                self.environment.timer.pause(wait.min(LOOKED_AFTER)).await;
                return Ok(());
            }
            Next::Read(window) => window,
        };
        match self.read(&stack, window).await {
            Ok(read_through) => {
                self.is_done_with(window, read_through);
                if window.purpose == Purpose::New {
                    self.not_before = None;
                }
                Ok(())
            }
            Err(Ended::Spool(error)) => Err(error),
            Err(Ended::Stack(failure)) => {
                let failure = self.believed(window, failure);
                if self.skipped(&stack, window, &failure, &cursor).await? {
                    return Ok(());
                }
                self.connection.failed(&stack, &failure);
                self.not_answered(window, failure, cursor.read_through).await
            }
        }
    }

    /// What did not work may have been an hour of a range that was taken back: then nothing is in the way any more.
    fn forget_what_is_over(&mut self, known: &Known<'_>) {
        let was_in_trouble = self.schedule.is_in_trouble();
        self.schedule.forget_what_is_over(known);
        if was_in_trouble && !self.schedule.is_in_trouble() {
            self.reporter.well();
        }
    }

    /// A window was read, or left out for good.
    fn is_done_with(&mut self, window: Window, read_through: Hour) {
        self.schedule.was_read(window, read_through);
        self.failures = 0;
        self.refused_midway.remove(&window.hour);
        if !self.schedule.is_in_trouble() {
            self.reporter.well();
        }
    }

    /// The stack. Where it is not reached, or is not the one that is to be read, that is said and nobody is asked for a
    /// while.
    async fn connected(&mut self) -> Option<Arc<Stack>> {
        if let Some(stack) = self.connection.present() {
            return Some(stack);
        }
        let reporter = self.reporter.giving_up_after(FAILURES_OF_A_NEW_PAGE_MAX);
        match self.connection.make(&reporter).await {
            Ok(stack) => {
                self.unconnected = 0;
                // What failed with the connection before may fail with this one.
                if self.failures == 0 && !self.schedule.is_in_trouble() {
                    self.reporter.well();
                }
                Some(stack)
            }
            Err(failure) => {
                self.unconnected += 1;
                let wait = failure.report(&self.reporter, self.unconnected, &self.environment);
                self.environment.timer.pause(wait).await;
                None
            }
        }
    }

    /// Whoever reads nothing because the clock was set back says so, and does not pass for somebody who has read everything.
    fn look_at_clock(&mut self, read_through: Hour) {
        let now = self.environment.clock.now();
        let newest = read_through.plus(-1);
        // An hour that was read was over then.
        if newest.start() > now {
            self.is_set_back = true;
            self.reporter
                .failed(&clock_set_back(now, newest), 1, LOOKED_AFTER);
        } else if std::mem::take(&mut self.is_set_back) {
            self.reporter.well();
        }
    }

    /// Reads a window completely into the spool. Answers how far the stack was read then.
    async fn read(&self, stack: &Stack, window: Window) -> Result<Hour, Ended> {
        self.depot.work(Spool::begin).await?;
        let known = match window.purpose {
            Purpose::LookBack => self.depot.cursor().seen.get(&window.hour).cloned(),
            Purpose::New | Purpose::Lost | Purpose::Backfill => None,
        };
        let mut seen = known.unwrap_or_default();
        let reporter = self.reporter.giving_up_after(match window.purpose {
            Purpose::New => FAILURES_OF_A_NEW_PAGE_MAX,
            Purpose::LookBack | Purpose::Lost | Purpose::Backfill => FAILURES_OF_AN_OLD_PAGE_MAX,
        });
        let mut reading = UsageReading::new(stack, &reporter, window.hour);
        while let Some(page) = reading.next().await? {
            let is_known = seen.contains(&page.digest);
            if !is_known {
                seen.push(page.digest);
            }
            let is_new = window.purpose == Purpose::New;
            // An hour that is only looked back at was declared when it was read first.
            let declares = page.is_last && window.purpose != Purpose::LookBack;
            if !is_new && !declares && (is_known || page.records == 0) {
                continue;
            }
            let frame = Frame {
                window: window.hour,
                through: declares.then(|| window.hour.plus(1)),
                key: self.environment.uuid(),
                records: page.records,
                page: Bytes::new(),
            };
            self.append(Depot::compressed(page.body, frame).await?).await?;
        }
        let read_through = self.commit(window, seen).await?;
        Ok(read_through)
    }

    /// Appends a frame when there is room for it.
    async fn append(&self, frame: Frame) -> Result<(), SpoolError> {
        let frame = Arc::new(frame);
        loop {
            let appended = Arc::clone(&frame);
            match self.depot.work(move |spool| spool.append(&appended)).await {
                Err(full @ SpoolError::Full { alone: false, .. }) => {
                    self.reporter.failed(&full.trouble(), 1, Duration::ZERO);
                    self.depot.acknowledged.notified().await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn commit(&self, window: Window, seen: Vec<PageDigest>) -> Result<Hour, SpoolError> {
        let schedule = self.schedule;
        let work = move |spool: &mut Spool| {
            spool.commit(|cursor| move_on(cursor, window, seen, &schedule))?;
            Ok(spool.cursor().read_through)
        };
        let read_through = self.depot.work(work).await?;
        self.depot.committed.notify_one();
        Ok(read_through)
    }

    /// What to make of a failure: a window that is refused in its middle again and again is refused, as one that is with its
    /// first page.
    fn believed(&mut self, window: Window, failure: Failure) -> Failure {
        let Failure::RefusedMidway(trouble) = failure else {
            return failure;
        };
        if self.refused_midway.len() >= REFUSED_HOURS_MAX {
            // They are counted anew.
            self.refused_midway.clear();
        }
        let times = self.refused_midway.entry(window.hour).or_default();
        *times = times.saturating_add(1);
        if *times < REFUSALS_MIDWAY_MAX {
            Failure::Temporary(trouble, None)
        } else {
            Failure::Refused(trouble)
        }
    }

    /// Leaves an old hour out that the stack refuses by itself: asked again it would be refused again, and all that waits
    /// would wait for it. One that is looked back at comes again with the next new hour; one that somebody asked for is
    /// remembered, and not declared. Says whether it was left out.
    ///
    /// A stack that refuses everything for a while, such as one that is updated, says nothing of an hour: whatever it was
    /// asked for meanwhile would be left out for good.
    async fn skipped(
        &mut self,
        stack: &Stack,
        window: Window,
        failure: &Failure,
        cursor: &Cursor,
    ) -> Result<bool, SpoolError> {
        let Some(trouble) = failure.of_the_question() else {
            return Ok(false);
        };
        let read_through = cursor.read_through;
        match window.purpose {
            Purpose::New => return Ok(false),
            Purpose::LookBack => {}
            Purpose::Lost | Purpose::Backfill if self.depot.cursor().cannot_remember_refused(window.hour) => {
                return Ok(false);
            }
            Purpose::Lost | Purpose::Backfill if !self.still_answers(stack, cursor).await => {
                return Ok(false);
            }
            Purpose::Lost | Purpose::Backfill => {
                let work = move |spool: &mut Spool| {
                    spool.begin()?;
                    spool.commit(|cursor| {
                        let range = ranges_of(cursor, window.purpose).and_then(|it| it.first());
                        let is_by_itself = range.is_some_and(|it| it.is_before_start);
                        let is_asked_for = window.purpose == Purpose::Backfill && !is_by_itself;
                        // Nobody wants it any more that was taken back meanwhile.
                        if ranges_of(cursor, window.purpose).is_some_and(|it| read_on(it, window.hour)) {
                            cursor.refuse(window.hour, is_asked_for);
                        }
                    })
                };
                self.depot.work(work).await?;
            }
        }
        let (hour, stack, Trouble { code, message, .. }) = (window.hour, self.connection.name(), trouble);
        tracing::warn!(stack, %code, "The hour {hour} of reported time is left out and not declared as read: {message}");
        self.is_done_with(window, read_through);
        Ok(true)
    }

    /// Whether the stack answers for the newest hour that it has answered for before.
    async fn still_answers(&self, stack: &Stack, cursor: &Cursor) -> bool {
        if cursor.read_through <= cursor.start {
            return false;
        }
        let reporter = self.reporter.giving_up_after(FAILURES_OF_AN_OLD_PAGE_MAX);
        let newest = cursor.read_through.plus(-1);
        UsageReading::new(stack, &reporter, newest).next().await.is_ok()
    }

    /// The stack did not give a window: leaves it alone for a while.
    async fn not_answered(
        &mut self,
        window: Window,
        failure: Failure,
        read_through: Hour,
    ) -> Result<(), SpoolError> {
        match (window.purpose, failure) {
            (Purpose::New, Failure::NotReady(trouble)) => self.not_ready(&trouble),
            (Purpose::New, failure) => {
                self.failures += 1;
                let wait = failure.report(&self.reporter, self.failures, &self.environment);
                self.environment.timer.pause(wait).await;
            }
            // It is looked back at again with the next hour.
            (Purpose::LookBack, Failure::NotReady(_)) => self.schedule.was_read(window, read_through),
            (_, failure) => return self.put_off(window, failure).await,
        }
        Ok(())
    }

    /// The newest hour is not ready: older ones can be read meanwhile.
    fn not_ready(&mut self, trouble: &Trouble) {
        self.failures += 1;
        let failures = self.failures + NOT_READY_FAILURES;
        let wait = self.environment.wait_after(failures, None);
        self.not_before = self.after(wait);
        if self.failures >= NOT_READY_SAID_FROM {
            self.reporter.failed(trouble, self.failures, wait);
        }
    }

    /// An old hour did not work: whatever else there is to be read comes first.
    async fn put_off(&mut self, window: Window, failure: Failure) -> Result<(), SpoolError> {
        let failures = self.schedule.failures_of(window.purpose) + 1;
        let failure = match failure {
            Failure::NotReady(trouble) => {
                let wait = self.environment.wait_after(failures + NOT_READY_FAILURES, None);
                Failure::Temporary(trouble, Some(wait))
            }
            // Of what was lost others may be answered, however many are refused.
            failure if window.purpose == Purpose::Lost && failure.of_the_question().is_some() => {
                Failure::Temporary(failure.into_trouble(), None)
            }
            failure => failure,
        };
        let wait = failure.report(&self.reporter, failures, &self.environment);
        self.schedule.did_not_work(window, self.after(wait));
        let put_off = move |cursor: &mut Cursor| match window.purpose {
            Purpose::Lost => put_off_hour(&mut cursor.lost, window.hour),
            Purpose::Backfill => put_off_range(&mut cursor.backfills, window.hour),
            Purpose::New | Purpose::LookBack => {}
        };
        self.depot.work(move |spool| spool.change(put_off)).await
    }

    /// The moment after a wait, which is never longer than anybody waits.
    fn after(&self, wait: Duration) -> Option<Timestamp> {
        let wait = SignedDuration::try_from(wait.min(WAIT_MAX)).unwrap_or(SignedDuration::ZERO);
        self.environment.clock.now().saturating_add(wait).ok()
    }

    async fn failed_to_write(&mut self, error: &SpoolError) {
        self.failures += 1;
        let wait = self.environment.wait_after(self.failures, None);
        self.reporter.failed(&error.trouble(), self.failures, wait);
        self.environment.timer.pause(wait).await;
    }
}

/// The ranges that are read for a reason.
fn ranges_of(cursor: &mut Cursor, purpose: Purpose) -> Option<&mut Vec<Backfill>> {
    match purpose {
        Purpose::New | Purpose::LookBack => None,
        Purpose::Lost => Some(&mut cursor.lost),
        Purpose::Backfill => Some(&mut cursor.backfills),
    }
}

/// What a window that was read completely changes in the cursor.
fn move_on(cursor: &mut Cursor, window: Window, seen: Vec<PageDigest>, schedule: &Schedule) {
    if window.purpose == Purpose::New {
        cursor.read_through = window.hour.plus(1);
    }
    if let Some(ranges) = ranges_of(cursor, window.purpose) {
        read_on(ranges, window.hour);
    }
    // An hour that was given up, or is lost and was refused, stays so until it is declared, which looking back does
    // not do.
    if window.purpose != Purpose::LookBack {
        cursor.was_read(window.hour);
    }
    if !cursor.refused_unasked.contains(window.hour) {
        cursor.refused.remove(&window.hour);
    }
    if seen.len() <= SEEN_PAGES_MAX {
        cursor.seen.insert(window.hour, seen);
    } else {
        cursor.seen.remove(&window.hour);
    }
    let oldest = schedule.oldest_looked_at(cursor.start, cursor.read_through);
    cursor.seen.retain(|hour, _| *hour >= oldest);
}

/// The clock says that an hour has not begun that was read because it was over.
fn clock_set_back(now: Timestamp, newest: Hour) -> Trouble {
    Trouble::new(
        "ClockSetBack",
        format!(
            "By the clock of this machine it is {now:.0}, and the hour {newest} of reported time, which was over when it was \
             read, has not begun: the clock was set back."
        ),
        "Set the clock of this machine right. New hours are read when they are over by it; nothing is lost meanwhile.",
    )
}
