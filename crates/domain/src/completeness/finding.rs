//! What is worth telling somebody about a stack.

use std::fmt;

use super::behind::{FELL_BEHIND_AFTER_HOURS, behind};
use super::silence::{SILENT_AFTER_HOURS, Silence};
use super::{Facts, HourReport, HourState, REPORTED_AFTER_HOURS};
use crate::ids::CloudId;
use crate::time::{Hour, HourInterval, Timestamp};

/// For how many hours after its end something is worth telling that asks nobody to do anything.
pub const NEWS_HOURS: i32 = 7 * 24;
/// For how many hours after a gap the usage of its hours may have been reported.
const HOURS_OF_LATENESS: i32 = 24;
/// How many series have to fall silent in the same hour to be worth telling. Single ones are listed only: resources are
/// deleted every day.
pub const SILENT_TOGETHER_MIN: u64 = 10;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// Nothing was heard of the stack for more than [`FELL_BEHIND_AFTER_HOURS`], and for longer than its rhythm explains.
    FellBehind,
    /// Usage goes on coming, and of more hours than that the stack has not declared that it is all.
    NotDeclared,
    /// Hours that were never read completely, though later ones were.
    NotRead,
    /// Hours without a record that are due, where there usually are some.
    Gap,
    /// Hours with far fewer records than usual.
    Drop,
    /// Hours with far more records than usual.
    Jump,
    /// Series that used to report fell silent together, while the stack goes on.
    Silent,
    /// The first hour with usage after a long gap, which is still there.
    Reappeared,
    /// Usage of hours in which the stack had no registration: it is charged to nobody.
    NotRegistered,
}

impl FindingKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::FellBehind,
        Self::NotDeclared,
        Self::NotRead,
        Self::Gap,
        Self::Drop,
        Self::Jump,
        Self::Silent,
        Self::Reappeared,
        Self::NotRegistered,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::FellBehind => "FellBehind",
            Self::NotDeclared => "NotDeclared",
            Self::NotRead => "NotRead",
            Self::Gap => "Gap",
            Self::Drop => "Drop",
            Self::Jump => "Jump",
            Self::Silent => "Silent",
            Self::Reappeared => "Reappeared",
            Self::NotRegistered => "NotRegistered",
        }
    }

    /// Whether it says that usage is missing, until somebody brings it.
    #[must_use]
    pub const fn is_missing_usage(self) -> bool {
        matches!(
            self,
            Self::FellBehind | Self::NotDeclared | Self::NotRead | Self::Gap
        )
    }

    /// What somebody may do about it, whichever hours it is about.
    const fn advice(self) -> &'static str {
        match self {
            Self::FellBehind => {
                "Look on the stack's side whether its bridge runs, what it says last, and whether it reaches this \
                 server. What a stack keeps of its usage is not lost: the bridge takes it up where it stopped."
            }
            Self::NotDeclared => {
                "If a bridge reads the stack, see `meterbridge bridge status` there for what it waits for. If files are \
                 imported, say with the last one that these are all: `meterbridge usage import --reported-through HOUR`."
            }
            Self::NotRead => {
                "If this server was restored from a backup, the stack's bridge reads them again by itself: `meterbridge bridge \
                 status` there says so. Else have these hours of reported time, and the one after them, read on the stack's \
                 side, where STACK is its name in the bridge's configuration:"
            }
            Self::Gap => {
                "Have these hours read from the stack again, on its side, where STACK is its name in the bridge's \
                 configuration, or import a file of them. What is here already is not counted twice."
            }
            Self::Drop => {
                "Compare with the stack itself. Where it shows more, have these hours read again; where resources were \
                 deleted or stopped, nothing has to be done."
            }
            Self::Jump => {
                "Find out whether somebody began to use more. If not, look which local subscription and meter it is, \
                 before the bill is sent."
            }
            Self::Silent => {
                "Usual where resources were deleted. If they were not, look at their resource provider on the stack: \
                 what it does not report cannot be charged."
            }
            Self::Reappeared => {
                "Nothing has to be done about what comes now. The hours before are still missing: have them read from \
                 the stack again."
            }
            Self::NotRegistered => {
                "If somebody else paid for these hours, nothing has to be done. If the stack's registration shall pay for \
                 them, have an operator say from when on it holds:"
            }
        }
    }
}

/// Something about a stack that is worth telling. As text it says what was expected and what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// The stack.
    pub stack: CloudId,
    /// What was found.
    pub kind: FindingKind,
    /// The hours that it is about. For what goes on still they end with the last hour that is known.
    pub hours: HourInterval,
    /// What is usual in these hours, as far as it is known: records; of [`FindingKind::Silent`] the series that used to
    /// report; of [`FindingKind::Reappeared`] nothing.
    pub expected: u64,
    /// What is here of these hours, likewise; of [`FindingKind::Reappeared`] the records of the first hour.
    pub received: u64,
    /// By when the next bundle was expected, of a stack that delivers by bundle and fell behind.
    pub next_bundle_by: Option<Hour>,
    /// Whether it is so now. If not, it is only not over: whoever was told of it before hears nothing yet, and whoever was
    /// not is not told.
    pub begins: bool,
}

/// What a finding is recognised by: found again, it has the same.
///
/// It is the stack, the kind and the first hour. Of a stack that fell behind it is the day instead: one that limps along
/// at a constant distance is listed under the same for a day, and not for an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingId {
    stack: CloudId,
    kind: FindingKind,
    first: Hour,
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.stack, self.kind.code(), self.first)
    }
}

impl Finding {
    /// What it is recognised by.
    #[must_use]
    pub fn id(&self) -> FindingId {
        let first = match self.kind {
            FindingKind::FellBehind | FindingKind::NotDeclared => self.since().day().first_hour(),
            _ => self.since(),
        };
        FindingId {
            stack: self.stack,
            kind: self.kind,
            first,
        }
    }

    /// What somebody may do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        let advice = self.kind.advice();
        let (since, until) = (self.since(), self.until().plus(REPORTED_AFTER_HOURS));
        match self.kind {
            FindingKind::FellBehind if self.next_bundle_by.is_some() => {
                "Ask on the stack's side for its next bundle: `meterbridge bridge export` there, `meterbridge usage \
                 import` here."
                    .to_owned()
            }
            FindingKind::NotRead => format!(
                "{advice} `meterbridge bridge backfill STACK --from {since} --to {}`. Or import a file of all of them \
                 with `meterbridge usage import --reported-start {since} --reported-end {until} --reported-through {until}`. \
                 The next bundle of a stack that delivers by bundle brings them with `meterbridge bridge export --again \
                 {since}`.",
                // Of the window after the last that is missing a part may be missing, too: its beginning.
                until.plus(1)
            ),
            FindingKind::Gap => {
                let until = self.until().plus(HOURS_OF_LATENESS);
                format!(
                    "{advice} `meterbridge bridge backfill STACK --from {since} --to {until}`. The next bundle of a stack that \
                     delivers by bundle brings them with `meterbridge bridge export --again {since}`."
                )
            }
            FindingKind::NotRegistered => format!(
                "{advice} `meterbridge registration backdate {} --from {since}`.",
                self.stack
            ),
            _ => advice.to_owned(),
        }
    }

    /// The first hour that it is about.
    #[must_use]
    pub const fn since(&self) -> Hour {
        self.hours.start()
    }

    /// The first hour after those that it is about.
    #[must_use]
    pub const fn until(&self) -> Hour {
        self.hours.end()
    }

    /// Whether it is worth telling at a moment: what asks nobody to do anything is so for [`NEWS_HOURS`].
    #[must_use]
    pub fn is_news(&self, now: Timestamp) -> bool {
        self.kind.is_missing_usage() || self.until().plus(NEWS_HOURS) > Hour::containing(now)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            hours,
            expected,
            received,
            ..
        } = self;
        let (since, until, count) = (hours.start(), hours.end(), InHours(hours.hours()));
        match kind {
            FindingKind::FellBehind => {
                write!(
                    f,
                    "Nothing was heard of the stack about the {count} since {since}"
                )?;
                match expected {
                    0 => f.write_str("."),
                    _ => write!(f, ", in which {expected} records are usual."),
                }?;
                match self.next_bundle_by {
                    Some(by) => write!(f, " Its next bundle was expected by {by}."),
                    None => Ok(()),
                }
            }
            FindingKind::NotDeclared => write!(
                f,
                "Usage goes on coming, and of the {count} since {since} the stack has not declared that it is all."
            ),
            FindingKind::NotRead => {
                write!(
                    f,
                    "The {count} from {since} to {until} were never read completely from the stack, though later ones were; \
                     {} {} here",
                    InRecords(*received),
                    if *received == 1 { "is" } else { "are" }
                )?;
                match expected {
                    0 => f.write_str("."),
                    _ => write!(f, ", {expected} are usual."),
                }
            }
            FindingKind::Gap => write!(
                f,
                "No usage came for the {count} from {since} to {until}; {expected} records are usual."
            ),
            FindingKind::Drop => write!(
                f,
                "Only {} came for the {count} from {since} to {until}; {expected} are usual.",
                InRecords(*received)
            ),
            FindingKind::Jump => write!(
                f,
                "{} came for the {count} from {since} to {until}; {expected} are usual.",
                InRecords(*received)
            ),
            FindingKind::Silent => write!(
                f,
                "{expected} series that used to report have said nothing since {since}, for {SILENT_AFTER_HOURS} hours or \
                 more, while the stack goes on."
            ),
            FindingKind::Reappeared => write!(
                f,
                "Usage comes again from {until} on, after {count} without any since {since}."
            ),
            FindingKind::NotRegistered => write!(
                f,
                "{} came of the {count} from {since} to {until}, in which the stack was not registered: \
                 they are kept, and charged to nobody.",
                InRecords(*received)
            ),
        }
    }
}

/// A number of hours.
struct InHours(i32);

impl fmt::Display for InHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("hour"),
            count => write!(f, "{count} hours"),
        }
    }
}

/// A number of records.
struct InRecords(u64);

impl fmt::Display for InRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 record"),
            count => write!(f, "{count} records"),
        }
    }
}

/// Whether something is to be said of an hour.
type IsOfHour = fn(&HourReport) -> bool;

/// What is worth telling of some hours of a stack, and what is not over ([`Finding::begins`]): by kind, then by hour.
#[must_use]
pub fn findings(facts: &Facts, hours: &[HourReport], silence: &Silence, now: Timestamp) -> Vec<Finding> {
    let finding = |kind, hours, expected, received| Finding {
        stack: facts.stack,
        kind,
        hours,
        expected,
        received,
        next_bundle_by: None,
        begins: true,
    };
    let mut found: Vec<Finding> = behind(facts, hours, now).collect();
    let of_hours: [(FindingKind, IsOfHour); 4] = [
        (FindingKind::NotRead, is_not_read),
        (FindingKind::Gap, is_gap),
        (FindingKind::Drop, is_drop),
        (FindingKind::Jump, is_jump),
    ];
    for (kind, is) in of_hours {
        found.extend(runs(hours, is).map(|run| finding(kind, run.hours, run.expected, run.received)));
    }
    let end = hours.last().map(|it| it.hour.plus(1));
    for (last, series) in &silence.by_last_hour {
        let since = last.plus(1);
        if let Some(hours) = HourInterval::new(since, since.plus(SILENT_AFTER_HOURS))
            && *series >= SILENT_TOGETHER_MIN
            && end.is_none_or(|end| facts.is_silence(*last, end))
        {
            found.push(finding(FindingKind::Silent, hours, *series, 0));
        }
    }
    for gap in runs(hours, is_gap).filter(|gap| gap.hours.hours() > FELL_BEHIND_AFTER_HOURS) {
        let again = hours
            .iter()
            .find(|it| it.hour >= gap.hours.end() && it.received > 0);
        if let Some(again) = again {
            let without = HourInterval::new(gap.hours.start(), again.hour).unwrap_or(gap.hours);
            found.push(finding(FindingKind::Reappeared, without, 0, again.received));
        }
    }
    let unregistered = hours.chunk_by(|one, other| is_not_registered(one) == is_not_registered(other));
    for run in unregistered.filter(|run| run.first().is_some_and(is_not_registered)) {
        if let Some((of, received)) = of_nobody(facts, run) {
            found.push(finding(FindingKind::NotRegistered, of, 0, received));
        }
    }
    found
}

/// From the first hour with usage to the last of a run of hours without a registration, and the records of them. What goes on
/// backwards from there, before the hours asked about, belongs to it: the registration has to be backdated over all of it.
fn of_nobody(facts: &Facts, run: &[HourReport]) -> Option<(HourInterval, u64)> {
    let (asked, last) = (run.first()?.hour, run.iter().rfind(|it| it.received > 0)?.hour);
    let before = facts.records.starts_before(asked).rev();
    let before = before.take_while(|(hour, _)| facts.has_no_duty(*hour, asked));
    let of_run = run.iter().rev().map(|it| (it.hour, it.received));
    let all = of_run.chain(before).filter(|(_, received)| *received > 0);
    let (first, received) = all.fold((last, 0), |(_, sum), (hour, records)| (hour, sum + records));
    Some((HourInterval::new(first, last.plus(1))?, received))
}

fn is_not_read(hour: &HourReport) -> bool {
    hour.state == HourState::NotRead
}

fn is_gap(hour: &HourReport) -> bool {
    hour.state == HourState::Gap
}

fn is_not_registered(hour: &HourReport) -> bool {
    hour.state == HourState::NotRegistered
}

fn is_drop(hour: &HourReport) -> bool {
    hour.received > 0
        && !is_not_read(hour)
        && hour
            .usual
            .is_some_and(|usual| usual.is_drop(hour.received, hour.due))
}

fn is_jump(hour: &HourReport) -> bool {
    hour.usual.is_some_and(|usual| usual.is_jump(hour.received))
}

/// Hours one after the other.
struct Run {
    hours: HourInterval,
    expected: u64,
    received: u64,
}

/// The longest runs of hours that are all like this.
fn runs(hours: &[HourReport], is: fn(&HourReport) -> bool) -> impl Iterator<Item = Run> {
    let alike = hours.chunk_by(move |one, other| is(one) == is(other));
    alike.filter_map(move |run| {
        let (first, last) = (run.first().filter(|it| is(it))?, run.last()?);
        Some(Run {
            hours: HourInterval::new(first.hour, last.hour.plus(1))?,
            expected: run.iter().map(HourReport::expected).sum(),
            received: run.iter().map(|it| it.received).sum(),
        })
    })
}
