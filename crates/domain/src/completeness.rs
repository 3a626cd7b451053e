//! Completeness: what is missing of a stack's usage, hour by hour.
//!
//! Everything follows from values: which hours the stack says that it has reported, how many records of each hour count,
//! when it was registered, and what time it is. So the order in which records came changes nothing, and late ones heal.
//!
//! *(ours)*, all of it:
//!
//! - **What is usual for an hour** is the median of the same hour of the day over the last [`COMPARABLE_DAYS`] earlier days
//!   on which the stack reported anything, or said that there was nothing, no older than [`LOOK_BACK_DAYS`]. Days of which
//!   nothing came and nothing was said are not compared with, so that an outage does not become usual. With fewer than
//!   [`COMPARABLE_DAYS_MIN`] such days nothing is usual yet.
//! - **When it has to be there.** A stack reports the usage of an hour in the hour after it, and that of a day after the
//!   day; some of them regularly some hours later. So an hour is due when the stack has declared, or shown by later usage,
//!   that it has got [`MISSED_AFTER_HOURS`] beyond its end. Of the hours in which it had to report, if that is over, it has
//!   got far enough with [`REPORTED_AFTER_HOURS`]: nothing is said of what comes after.
//! - **Not read** is an hour that nobody declared though a later one was: the window in which its usage was reported was
//!   never read, or not completely. So a stack that began to be read in the middle of a month has not got that month.
//! - **A gap** is a due hour without any record where something is usual. If the stack says that there was nothing, that is
//!   believed where it can well be: where the same hour of the week before was empty as well, and where fewer than
//!   [`RANGE_RECORDS_MIN`] records are usual and one of the comparable hours had none.
//! - **A drop** is a due hour with less than one [`RANGE_FACTOR`]th of what is usual, and less than in any of the hours it
//!   is compared with; **a jump** is more than [`RANGE_FACTOR`] times as much, and more than in any of them. A difference
//!   of fewer than [`RANGE_RECORDS_MIN`] records is neither. What was not read is no drop, and no silence of a series.

mod arrivals;
mod behind;
mod bundles;
mod declared;
mod finding;
mod records;
mod silence;
#[cfg(test)]
mod tests;
mod told;
mod usual;

pub use arrivals::Arrivals;
pub use behind::{CAUGHT_UP_WITHIN_HOURS, FELL_BEHIND_AFTER_HOURS};
pub use bundles::BundleRhythm;
pub use declared::{Declared, DeclaredOutside, declared_hours, may_declare};
pub use finding::{Finding, FindingId, FindingKind, NEWS_HOURS, SILENT_TOGETHER_MIN, findings};
pub use records::{Records, RecordsOfDay};
pub use silence::{RHYTHM_DAYS, Rhythm, SILENT_AFTER_HOURS, Silence, SilentSeries};
pub use told::told_since;
pub use usual::Usual;

use crate::ids::CloudId;
use crate::time::{Day, Hour, HourInterval};

/// The most days that an hour is compared with.
pub const COMPARABLE_DAYS: usize = 14;
/// The fewest days that tell what is usual.
pub const COMPARABLE_DAYS_MIN: usize = 3;
/// How many days back those may lie.
pub const LOOK_BACK_DAYS: i32 = 42;
/// Hours after its end within which the usage of an hour, or of a day, is reported.
pub const REPORTED_AFTER_HOURS: i32 = 1;
/// Hours after its end from which on the usage of an hour, or of a day, is missed: where it always comes a few hours late,
/// nobody is to be told so every hour.
pub const MISSED_AFTER_HOURS: i32 = 6;
/// How many times more or less than usual is outside of the usual range.
pub const RANGE_FACTOR: u64 = 2;
/// The fewest records by which an hour leaves the usual range.
pub const RANGE_RECORDS_MIN: u64 = 10;
const HOURS_OF_WEEK: i32 = 7 * 24;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The stack.
    pub stack: CloudId,
    /// The hours in which it was registered, in order; in others it had no registration.
    pub duties: Vec<(HourInterval, Duty)>,
    /// Of which hours it says that it has reported everything, by reported time.
    pub declared: Declared,
    /// When it said so.
    pub arrivals: Arrivals,
    /// How many records count, from [`LOOK_BACK_DAYS`] before the first hour asked about.
    pub records: Records,
    /// How often it delivers by bundle, if it does.
    pub bundles: Option<BundleRhythm>,
}

/// How it is with one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HourState {
    /// The stack has declared it, and nothing that is usual is missing altogether.
    Complete,
    /// Records are here, and the stack has not declared that these are all.
    Received,
    /// It was never read completely, though later hours were.
    NotRead,
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

impl HourReport {
    /// How many records are usual.
    fn expected(&self) -> u64 {
        self.usual.map_or(0, |usual| usual.expected())
    }
}

impl Facts {
    /// Only what there is to know for those who had the stack in the hours of these duties, and have these bundles of it.
    #[must_use]
    pub fn only(&self, duties: Vec<(HourInterval, Duty)>, bundles: Option<BundleRhythm>) -> Self {
        let hours = || duties.iter().map(|(hours, _)| *hours);
        Self {
            stack: self.stack,
            declared: self.declared.only(hours()),
            arrivals: self.arrivals.only(&hours()),
            records: self.records.only(|hour| hours().any(|it| it.contains(hour))),
            bundles,
            duties,
        }
    }

    /// The hours of an interval, in order.
    #[must_use]
    pub fn hours(&self, within: HourInterval) -> Vec<HourReport> {
        let reached = self.records.last_start().max(self.declared.through());
        let reached = reached.unwrap_or(Hour::MIN);
        let hours = (0..within.hours()).map(|after| within.start().plus(after));
        hours.map(|hour| self.hour(hour, reached)).collect()
    }

    /// One hour, where the stack has declared, or shown by later usage, that it has `reached` an hour.
    fn hour(&self, hour: Hour, reached: Hour) -> HourReport {
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
            Some((duty, Duty::Reports)) => {
                let usual = Usual::of(self, hour);
                let missed_after = if duty.end() <= reached {
                    REPORTED_AFTER_HOURS
                } else {
                    MISSED_AFTER_HOURS
                };
                let over = reached.plus(-missed_after);
                let report = HourReport {
                    due: usual.map_or(0, |usual| due(over, hour, &usual)),
                    usual,
                    ..report
                };
                HourReport {
                    state: self.state(&report),
                    ..report
                }
            }
        }
    }

    fn state(&self, it: &HourReport) -> HourState {
        let (through, end) = (self.declared.through(), it.hour.plus(1));
        let is_read = self.is_read(it.hour);
        // The last hour that was declared may be reported in the next one: what came of it is believed meanwhile.
        if it.received > 0 && (is_read || through == Some(end)) {
            HourState::Complete
        } else if !is_read && through.is_some_and(|through| end < through) {
            HourState::NotRead
        } else if it.received > 0 {
            HourState::Received
        } else if it.due > 0 && !(is_read && self.may_be_empty(it, it.due)) {
            HourState::Gap
        } else if self.is_declared_last(it.hour)
            || (is_read && (it.expected() == 0 || self.may_be_empty(it, it.expected())))
        {
            HourState::Complete
        } else {
            HourState::NotYetDue
        }
    }

    /// Whether the hour was declared in which the usage of this one is reported.
    fn is_read(&self, hour: Hour) -> bool {
        self.declared.contains(hour.plus(REPORTED_AFTER_HOURS))
    }

    /// Whether series of which `last` was the last hour with usage have said nothing for [`SILENT_AFTER_HOURS`] that were
    /// read, up to the last usage before `end`. Of hours that were not read nobody knows what was said in them.
    #[must_use]
    pub fn is_silence(&self, last: Hour, end: Hour) -> bool {
        let latest = end.plus(-1);
        let latest = self.records.last_start().map_or(latest, |it| it.min(latest));
        let passed_over = |hour: Hour| {
            let was_read_later = self
                .declared
                .through()
                .is_some_and(|through| hour.plus(1) < through);
            self.has_to_report(hour) && !self.is_read(hour) && was_read_later
        };
        let after = 1..=latest.epoch_hours() - last.epoch_hours();
        let heard = after.filter(|after| !passed_over(last.plus(*after)));
        (1..).zip(heard).any(|(hours, _)| hours == SILENT_AFTER_HOURS)
    }

    /// Whether the hour was declared and is the last of its duty: the one in which its usage is reported is not declared any
    /// more, or not by those who had the stack.
    fn is_declared_last(&self, hour: Hour) -> bool {
        let is_last = self
            .duty_of(hour)
            .is_some_and(|(hours, _)| hours.end() == hour.plus(1));
        is_last && self.declared.contains(hour)
    }

    /// Whether it can well be that there was nothing where so many records are usual, if the stack says so.
    fn may_be_empty(&self, it: &HourReport, usual: u64) -> bool {
        let week_before = it.hour.plus(-HOURS_OF_WEEK);
        let was_empty = self.has_to_report(week_before)
            && self.is_read(week_before)
            && self.records.at(week_before).total() == 0;
        was_empty || (usual < RANGE_RECORDS_MIN && it.usual.is_some_and(|usual| !usual.always))
    }

    /// Whether the stack had to report all of a day, and says that it did.
    fn said_all_of(&self, day: Day) -> bool {
        let hours = day.interval();
        let reported = hours.start().plus(REPORTED_AFTER_HOURS);
        let reported = HourInterval::new(reported, hours.end().plus(REPORTED_AFTER_HOURS));
        let had_to = self
            .duties
            .iter()
            .any(|(duty, what)| *what == Duty::Reports && duty.intersect(hours) == Some(hours));
        had_to && reported.is_some_and(|reported| self.declared.covers(reported))
    }

    /// Whether the stack was registered in none of the hours from one on up to another.
    fn has_no_duty(&self, from: Hour, to: Hour) -> bool {
        let within = HourInterval::new(from, to);
        within.is_none_or(|within| {
            self.duties
                .iter()
                .all(|(duty, _)| duty.intersect(within).is_none())
        })
    }

    fn has_to_report(&self, hour: Hour) -> bool {
        self.duty_of(hour).is_some_and(|(_, duty)| duty == Duty::Reports)
    }

    fn duty_of(&self, hour: Hour) -> Option<(HourInterval, Duty)> {
        let next = self.duties.partition_point(|(hours, _)| hours.end() <= hour);
        self.duties
            .get(next)
            .filter(|(hours, _)| hours.contains(hour))
            .copied()
    }
}

/// How many of the usual records of an hour have to be here, where all that was used up to `over` has to be.
fn due(over: Hour, hour: Hour, usual: &Usual) -> u64 {
    let of_hour = if hour < over { usual.of_hour } else { 0 };
    let of_day = if hour.day().interval().end() <= over {
        usual.of_day
    } else {
        0
    };
    of_hour + of_day
}

/// Whether nothing of these hours is missing or still to come, as far as anybody can tell.
#[must_use]
pub fn are_complete(hours: &[HourReport]) -> bool {
    hours.iter().all(|it| match it.state {
        HourState::Complete | HourState::NotAsked | HourState::NotRegistered => true,
        HourState::Received | HourState::NotRead | HourState::Gap | HourState::NotYetDue => false,
    })
}
