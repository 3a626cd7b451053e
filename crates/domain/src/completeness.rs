//! Completeness: what is missing of a stack's usage, hour by hour.
//!
//! Everything follows from values: how far the stack says that it has reported, how many records of each hour count, when
//! it was registered, and what time it is. So the order in which records came changes nothing, and late ones heal.
//!
//! *(ours)*, all of it:
//!
//! - **What is usual for an hour** is the median of the same hour of the day over the last [`COMPARABLE_DAYS`] earlier days
//!   on which the stack reported anything, no older than [`LOOK_BACK_DAYS`]. Days on which nothing came are not compared
//!   with, so that an outage does not become usual. With fewer than [`COMPARABLE_DAYS_MIN`] such days nothing is usual yet.
//! - **When it has to be there.** A stack reports the usage of an hour in the hour after it, and that of a day after the
//!   day. So an hour is due when the stack has declared, or shown by later usage, that it has got [`REPORTED_AFTER_HOURS`]
//!   beyond its end.
//! - **A gap** is a due hour without any record where something is usual.
//! - **A drop** is a due hour with less than one [`RANGE_FACTOR`]th of what is usual, and less than in any of the hours it
//!   is compared with; **a jump** is more than [`RANGE_FACTOR`] times as much, and more than in any of them. A difference
//!   of fewer than [`RANGE_RECORDS_MIN`] records is neither.

mod finding;
mod records;
mod silence;
#[cfg(test)]
mod tests;
mod usual;

pub use finding::{
    FELL_BEHIND_AFTER_HOURS, Finding, FindingId, FindingKind, NEWS_HOURS, SILENT_TOGETHER_MIN, findings,
};
pub use records::{Records, RecordsOfDay};
pub use silence::{RHYTHM_DAYS, Rhythm, SILENT_AFTER_HOURS, Silence, SilentSeries};
pub use usual::Usual;

use crate::ids::CloudId;
use crate::time::{Hour, HourInterval, Timestamp};

/// The most days that an hour is compared with.
pub const COMPARABLE_DAYS: usize = 14;
/// The fewest days that tell what is usual.
pub const COMPARABLE_DAYS_MIN: usize = 3;
/// How many days back those may lie.
pub const LOOK_BACK_DAYS: i32 = 42;
/// Hours after its end within which the usage of an hour, or of a day, is reported.
pub const REPORTED_AFTER_HOURS: i32 = 1;
/// How many times more or less than usual is outside of the usual range.
pub const RANGE_FACTOR: u64 = 2;
/// The fewest records by which an hour leaves the usual range.
pub const RANGE_RECORDS_MIN: u64 = 10;

/// Whether a registered stack has to report its usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// It reports.
    Reports,
    /// Usage reporting is switched off, as it is by default under Capacity: what comes is kept, what does not is not
    /// missed.
    NotAsked,
}

/// What is known of a stack.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The stack.
    pub stack: CloudId,
    /// The hours in which it was registered, in order; in others it had no registration.
    pub duties: Vec<(HourInterval, Duty)>,
    /// How far it says that it has reported everything, by reported time.
    pub reported_through: Option<Hour>,
    /// How many records count, from [`LOOK_BACK_DAYS`] before the first hour asked about.
    pub records: Records,
}

/// How it is with one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HourState {
    /// The stack has declared it, and nothing that is usual is missing altogether.
    Complete,
    /// Records are here, and the stack has not declared that these are all.
    Received,
    /// No record is here though it is due, and comparable hours had some.
    Gap,
    /// No record is here, and none has to be yet.
    NotYetDue,
    /// The stack is registered without having to report usage.
    NotAsked,
    /// The stack had no registration.
    NotRegistered,
}

/// One hour of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourReport {
    /// The hour.
    pub hour: Hour,
    /// How it is with it.
    pub state: HourState,
    /// The records that count and cover it.
    pub received: u64,
    /// What is usual, if enough is known and the stack has to report.
    pub usual: Option<Usual>,
    /// How many of the usual records have to be here by now.
    pub due: u64,
}

impl Facts {
    /// The hour up to which something was heard of the stack: what it declared, or the end of the last hour with usage.
    #[must_use]
    pub fn heard_through(&self, now: Timestamp) -> Option<Hour> {
        let shown = self
            .records
            .covered_through()
            .map(|end| end.min(Hour::containing(now)));
        self.reported_through.max(shown)
    }

    /// How many hours the stack is behind, if it has to report now: since it was heard of last, or since it had to.
    #[must_use]
    pub fn behind(&self, now: Timestamp) -> Option<HourInterval> {
        let this_hour = Hour::containing(now);
        let due = self.duty_of(this_hour)?;
        if due.1 == Duty::NotAsked {
            return None;
        }
        let heard = self.heard_through(now).unwrap_or(Hour::MIN);
        HourInterval::new(heard.max(due.0.start()), this_hour)
    }

    /// The hours of an interval, in order.
    #[must_use]
    pub fn hours(&self, within: HourInterval) -> Vec<HourReport> {
        let progress = Progress::of(self);
        let hours = (0..within.hours()).map(|after| within.start().plus(after));
        hours.map(|hour| self.hour(hour, progress)).collect()
    }

    fn hour(&self, hour: Hour, progress: Progress) -> HourReport {
        let received = self.records.at(hour).total();
        let report = HourReport {
            hour,
            state: HourState::NotRegistered,
            received,
            usual: None,
            due: 0,
        };
        match self.duty_of(hour) {
            None => report,
            Some((_, Duty::NotAsked)) => HourReport {
                state: HourState::NotAsked,
                ..report
            },
            Some((_, Duty::Reports)) => {
                let usual = Usual::of(&self.records, hour);
                let due = usual.map_or(0, |usual| progress.due(hour, &usual));
                HourReport {
                    state: progress.state(hour, received, due),
                    usual,
                    due,
                    ..report
                }
            }
        }
    }

    fn duty_of(&self, hour: Hour) -> Option<(HourInterval, Duty)> {
        let next = self.duties.partition_point(|(hours, _)| hours.end() <= hour);
        self.duties
            .get(next)
            .filter(|(hours, _)| hours.contains(hour))
            .copied()
    }
}

/// How far a stack has got.
#[derive(Debug, Clone, Copy)]
struct Progress {
    declared: Hour,
    /// Declared, or shown by later usage.
    reached: Hour,
}

impl Progress {
    fn of(facts: &Facts) -> Self {
        let declared = facts.reported_through.unwrap_or(Hour::MIN);
        Self {
            declared,
            reached: facts
                .records
                .last_start()
                .map_or(declared, |last| last.max(declared)),
        }
    }

    /// How many of the usual records of an hour have to be here.
    fn due(self, hour: Hour, usual: &Usual) -> u64 {
        let over = |end: Hour| end.plus(REPORTED_AFTER_HOURS) <= self.reached;
        let of_hour = if over(hour.plus(1)) { usual.of_hour } else { 0 };
        let of_day = if over(hour.day().interval().end()) {
            usual.of_day
        } else {
            0
        };
        of_hour + of_day
    }

    fn state(self, hour: Hour, received: u64, due: u64) -> HourState {
        let end = hour.plus(1);
        if received > 0 && end <= self.declared {
            HourState::Complete
        } else if received > 0 {
            HourState::Received
        } else if due > 0 {
            HourState::Gap
        } else if end.plus(REPORTED_AFTER_HOURS) <= self.declared {
            HourState::Complete
        } else {
            HourState::NotYetDue
        }
    }
}

/// Whether nothing of these hours is missing or still to come, as far as anybody can tell.
#[must_use]
pub fn are_complete(hours: &[HourReport]) -> bool {
    hours.iter().all(|it| match it.state {
        HourState::Complete | HourState::NotAsked | HourState::NotRegistered => true,
        HourState::Received | HourState::Gap | HourState::NotYetDue => false,
    })
}
