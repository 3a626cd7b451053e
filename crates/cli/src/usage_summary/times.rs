//! Times as PowerShell writes them: in the form of the culture of whoever ran the script, and without a zone.
//!
//! `01/10/2026` is the first of October or the tenth of January, and nothing about the file says which culture wrote
//! it. But a record covers one hour or one day. Where only one order makes that of a line, the line proves it; where
//! nothing does, whoever imports is asked.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

const SECONDS_PER_HOUR: i64 = 3600;
const SECONDS_PER_DAY: i64 = 24 * SECONDS_PER_HOUR;
/// No zone is further from UTC.
const HOURS_AHEAD_MAX: i64 = 14;

/// Which number of a date comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "camelCase")]
pub(crate) enum DateOrder {
    /// 31/10/2026
    DayFirst,
    /// 10/31/2026
    MonthFirst,
}

/// A time as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    date: WrittenDate,
    time: Time,
    /// How far the zone that it names is ahead of UTC.
    ahead: Option<SignedDuration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WrittenDate {
    /// There is one way to read it.
    Clear(Date),
    /// Two numbers and a year, and one of the numbers is the month.
    Ordered { first: i8, second: i8, year: i16 },
}

impl Written {
    /// Reads a time; nothing if it is in no form that is known.
    pub(super) fn of(text: &str) -> Option<Self> {
        // PowerShell 7 puts a narrow space before AM and PM.
        let text = text.trim().replace(['\u{a0}', '\u{202f}', '\u{2009}'], " ");
        if let Ok(instant) = text.parse::<Timestamp>() {
            let utc = instant.to_zoned(TimeZone::UTC).datetime();
            return Some(Self::clear(utc, Some(SignedDuration::ZERO)));
        }
        if let Ok(local) = text.parse::<DateTime>() {
            return Some(Self::clear(local, None));
        }
        let (date, time) = text.split_once(' ').unwrap_or((&text, ""));
        let [a, b, c] = numbers(date)?;
        let (time, ahead) = clock(time)?;
        let written = |date| Self { date, time, ahead };
        if a > 31 {
            let date = Date::new(a, month_or_day(b)?, month_or_day(c)?).ok()?;
            return Some(written(WrittenDate::Clear(date)));
        }
        let (first, second) = (month_or_day(a)?, month_or_day(b)?);
        let [day_first, month_first] =
            [DateOrder::DayFirst, DateOrder::MonthFirst].map(|order| ordered(order, first, second, c));
        // Full stops separate dates only where the day comes first.
        if date.contains('.') || day_first == month_first {
            return day_first.map(|date| written(WrittenDate::Clear(date)));
        }
        let year = c;
        Some(written(WrittenDate::Ordered { first, second, year }))
    }

    fn clear(at: DateTime, ahead: Option<SignedDuration>) -> Self {
        Self {
            date: WrittenDate::Clear(at.date()),
            time: at.time(),
            ahead,
        }
    }

    /// What stands there, if dates are written in this order.
    fn local(self, order: Option<DateOrder>) -> Option<DateTime> {
        let date = match self.date {
            WrittenDate::Clear(date) => date,
            WrittenDate::Ordered { first, second, year } => ordered(order?, first, second, year)?,
        };
        Some(DateTime::from_parts(date, self.time))
    }

    /// The instant that it is, if dates are written in this order and it is in UTC where it names no zone.
    pub(super) fn read(self, order: Option<DateOrder>) -> Option<Timestamp> {
        let as_utc = Offset::UTC.to_timestamp(self.local(order)?).ok()?;
        as_utc.checked_sub(self.ahead.unwrap_or_default()).ok()
    }

    /// The instants that it may be, if it is in this zone where it names none: one; two in the hour by which clocks are put
    /// back; none in the hour by which they are put forward.
    pub(super) fn read_in(self, order: Option<DateOrder>, zone: &TimeZone) -> Option<[Option<Timestamp>; 2]> {
        if self.ahead.is_some() {
            return self.read(order).map(|instant| [Some(instant), None]);
        }
        let local = self.local(order)?;
        let at = |offset: Offset| offset.to_timestamp(local).ok();
        Some(match zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => [Some(at(offset)?), None],
            AmbiguousOffset::Fold { before, after } => [Some(at(before)?), Some(at(after)?)],
            AmbiguousOffset::Gap { .. } => [None, None],
        })
    }

    pub(super) const fn names_zone(self) -> bool {
        self.ahead.is_some()
    }

    /// The time of day.
    pub(super) const fn clock(self) -> Time {
        self.time
    }
}

fn ordered(order: DateOrder, first: i8, second: i8, year: i16) -> Option<Date> {
    let (day, month) = match order {
        DateOrder::DayFirst => (first, second),
        DateOrder::MonthFirst => (second, first),
    };
    // A year of two digits is a guess.
    (year >= 1000).then(|| Date::new(year, month, day).ok()).flatten()
}

fn month_or_day(number: i16) -> Option<i8> {
    i8::try_from(number).ok()
}

/// The three numbers of a date, whatever separates them.
fn numbers(date: &str) -> Option<[i16; 3]> {
    let separator = ['/', '.', '-'].into_iter().find(|it| date.contains(*it))?;
    let mut numbers = date.split(separator).map(|part| {
        let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse().ok()).flatten()
    });
    let found = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(found)
}

/// A time of day with or without AM or PM, midnight if nothing is said; and how far the zone that it names is ahead of UTC.
fn clock(text: &str) -> Option<(Time, Option<SignedDuration>)> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let named = words.last().filter(|word| word.starts_with(['+', '-']));
    let offset = match named {
        Some(named) => Some(offset(named)?),
        None => None,
    };
    if offset.is_some() {
        words.pop();
    }
    let Some((digits, half)) = words.split_first() else {
        return Some((Time::midnight(), offset));
    };
    let half: String = half.concat().chars().filter(|letter| *letter != '.').collect();
    let mut parts = digits.split([':', '.']).map(|part| part.parse::<i8>().ok());
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    let hour = match (half.to_ascii_uppercase().as_str(), hour) {
        ("", hour) => hour,
        ("AM", 12) => 0,
        ("AM", 1..12) | ("PM", 12) => hour,
        ("PM", 1..12) => hour + 12,
        _ => return None,
    };
    Some((Time::new(hour, minute, second, 0).ok()?, offset))
}

/// How far a zone such as `+02:00` is ahead of UTC.
pub(super) fn offset(text: &str) -> Option<SignedDuration> {
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let number = |text: &str, max| {
        let plain = text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        plain
            .then(|| text.parse::<i64>().ok())
            .flatten()
            .filter(|it| *it <= max)
    };
    let minutes = number(hours, HOURS_AHEAD_MAX)? * 60 + number(minutes, 59)?;
    let duration = SignedDuration::from_mins(minutes);
    Some(if text.starts_with('-') {
        -duration
    } else {
        duration
    })
}

impl DateOrder {
    /// What comes first.
    pub(crate) const fn first(self) -> &'static str {
        match self {
            Self::DayFirst => "day",
            Self::MonthFirst => "month",
        }
    }
}

/// A line that proves something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Witness {
    pub(crate) line: u64,
    /// What stands there.
    pub(crate) text: String,
}

/// What the lines of a file say about the order of its dates.
#[derive(Debug, Clone, Default)]
pub(super) struct DateEvidence {
    day_first: Option<Witness>,
    month_first: Option<Witness>,
    either: Option<Witness>,
}

/// Why the order of dates is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DateError {
    /// Every line can be read in both ways.
    #[error("line {}: whether {} has the day or the month first cannot be told, nor from any other line", .0.line, .0.text)]
    Ambiguous(Witness),
    /// Different lines prove different things.
    #[error(
        "line {}: {} has the day first, and line {}: {} has the month first",
        .day_first.line, .day_first.text, .month_first.line, .month_first.text
    )]
    Contradictory {
        day_first: Witness,
        month_first: Witness,
    },
    /// It was said, and the file proves the opposite.
    #[error("line {}: {} has the {} first, and no line has it otherwise", .by.line, .by.text, .proven.first())]
    Refuted { proven: DateOrder, by: Witness },
}

/// In which order dates are, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "known")]
pub(crate) enum Dates {
    /// No date can be read in two ways.
    Clear,
    /// A line can be read in this way only.
    Proven { order: DateOrder, by: Witness },
    /// It was said.
    Given { order: DateOrder },
}

impl Dates {
    pub(crate) const fn order(&self) -> Option<DateOrder> {
        match self {
            Self::Clear => None,
            Self::Proven { order, .. } | Self::Given { order } => Some(*order),
        }
    }
}

impl DateEvidence {
    /// Takes the times of the next line.
    pub(super) fn add(&mut self, line: u64, start: &str, end: &str) {
        let (Some(from), Some(to)) = (Written::of(start), Written::of(end)) else {
            return;
        };
        if matches!(
            (from.date, to.date),
            (WrittenDate::Clear(_), WrittenDate::Clear(_))
        ) {
            return;
        }
        let fits = |order| is_interval(from.read(Some(order)), to.read(Some(order)));
        let proof = match (fits(DateOrder::DayFirst), fits(DateOrder::MonthFirst)) {
            (true, false) => &mut self.day_first,
            (false, true) => &mut self.month_first,
            (true, true) => &mut self.either,
            (false, false) => return,
        };
        proof.get_or_insert_with(|| Witness {
            line,
            text: format!("{start} to {end}"),
        });
    }

    /// What follows from all lines, or was said. Where lines prove different things, those are wrong that do not fit what was
    /// said.
    pub(super) fn conclusion(self, given: Option<DateOrder>) -> Result<Dates, DateError> {
        let (order, by) = match (self.day_first, self.month_first) {
            (Some(day_first), Some(month_first)) => {
                let contradictory = DateError::Contradictory {
                    day_first,
                    month_first,
                };
                return given.map_or(Err(contradictory), |order| Ok(Dates::Given { order }));
            }
            (Some(by), None) => (DateOrder::DayFirst, by),
            (None, Some(by)) => (DateOrder::MonthFirst, by),
            (None, None) => {
                return match (given, self.either) {
                    (Some(order), _) => Ok(Dates::Given { order }),
                    (None, Some(either)) => Err(DateError::Ambiguous(either)),
                    (None, None) => Ok(Dates::Clear),
                };
            }
        };
        if given.is_some_and(|given| given != order) {
            return Err(DateError::Refuted { proven: order, by });
        }
        Ok(Dates::Proven { order, by })
    }
}

/// Whether from one time to the other is an hour or a day.
pub(super) fn is_interval(from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
    let seconds = seconds_between(from, to);
    seconds.is_some_and(|it| it == SECONDS_PER_HOUR || it == SECONDS_PER_DAY)
}

/// Whether from one time to the other is an hour.
pub(super) fn is_hour(from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
    seconds_between(from, to) == Some(SECONDS_PER_HOUR)
}

/// Whether from one time to the other is a day.
pub(super) fn is_day(from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
    seconds_between(from, to) == Some(SECONDS_PER_DAY)
}

/// Whether a day of UTC begins.
pub(super) fn is_midnight(instant: Timestamp) -> bool {
    instant.as_second().rem_euclid(SECONDS_PER_DAY) == 0
}

fn seconds_between(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<i64> {
    Some(to?.as_second() - from?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_culture_are_read() {
        use DateOrder::{DayFirst, MonthFirst};
        for (text, order, expected) in [
            ("10/1/2026 1:00:00 PM", Some(MonthFirst), "2026-10-01T13:00:00Z"),
            (
                "10/1/2026 12:00:00\u{202f}AM",
                Some(MonthFirst),
                "2026-10-01T00:00:00Z",
            ),
            ("1/10/2026 12:00:00 p. m.", Some(DayFirst), "2026-10-01T12:00:00Z"),
            ("10/01/2026 13:00:00", Some(MonthFirst), "2026-10-01T13:00:00Z"),
            ("01/10/2026 13:00:00", Some(DayFirst), "2026-10-01T13:00:00Z"),
            ("1-10-2026 13:00:00", Some(DayFirst), "2026-10-01T13:00:00Z"),
            ("01.10.2026 13:00:00", None, "2026-10-01T13:00:00Z"),
            ("1.10.2026 13.00.00", None, "2026-10-01T13:00:00Z"),
            ("01.10.2026 13:00", None, "2026-10-01T13:00:00Z"),
            ("01.10.2026", None, "2026-10-01T00:00:00Z"),
            ("10/10/2026 13:00:00", None, "2026-10-10T13:00:00Z"),
            ("2026-10-01 13:00:00", None, "2026-10-01T13:00:00Z"),
            ("2026/10/01 13:00:00", None, "2026-10-01T13:00:00Z"),
            ("2026/10/1 1:00:00", None, "2026-10-01T01:00:00Z"),
            ("2026-10-01T13:00:00Z", None, "2026-10-01T13:00:00Z"),
            ("2026-10-01T13:00:00.0000000", None, "2026-10-01T13:00:00Z"),
            ("2026-10-01T15:00:00+02:00", None, "2026-10-01T13:00:00Z"),
            (
                "10/1/2026 3:00:00 PM +02:00",
                Some(MonthFirst),
                "2026-10-01T13:00:00Z",
            ),
        ] {
            let read = Written::of(text).and_then(|it| it.read(order));
            assert_eq!(read.map(|it| it.to_string()).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_not_made_one() {
        for text in [
            "",
            "yesterday",
            "31/31/2026 00:00:00",
            "2026-13-01 00:00:00",
            "01.10.26 00:00:00",
            "10/1/2026 13:00:00 PM",
            "10/1/2026 25:00:00",
            "10/1/2026 1:00:00 XM",
            "1/10/2026/1 00:00:00",
            "٠١/١٠/٢٠٢٦ ٠٠:٠٠:٠٠",
        ] {
            assert_eq!(Written::of(text), None, "{text}");
        }
        // 31 October, whatever is said.
        let written = Written::of("31/10/2026 00:00:00").unwrap();
        assert_eq!(written.read(Some(DateOrder::MonthFirst)), None);
    }

    fn conclusion(lines: &[(&str, &str)], given: Option<DateOrder>) -> Result<Dates, DateError> {
        let mut evidence = DateEvidence::default();
        for (line, (start, end)) in (2..).zip(lines) {
            evidence.add(line, start, end);
        }
        evidence.conclusion(given)
    }

    const HOUR: (&str, &str) = ("01/10/2026 13:00:00", "01/10/2026 14:00:00");
    const DAY_OF_OCTOBER: (&str, &str) = ("01/10/2026 00:00:00", "02/10/2026 00:00:00");
    const DAY_OF_AMERICA: (&str, &str) = ("10/1/2026 12:00:00 AM", "10/2/2026 12:00:00 AM");
    const LATE: (&str, &str) = ("31/10/2026 13:00:00", "31/10/2026 14:00:00");

    #[test]
    fn the_order_of_dates_is_proven_by_a_line_or_asked_for() {
        let proven = |order, line, (start, end): (&str, &str)| Dates::Proven {
            order,
            by: Witness {
                line,
                text: format!("{start} to {end}"),
            },
        };
        // One day, not a month.
        assert_eq!(
            conclusion(&[HOUR, DAY_OF_OCTOBER], None),
            Ok(proven(DateOrder::DayFirst, 3, DAY_OF_OCTOBER))
        );
        assert_eq!(
            conclusion(&[DAY_OF_AMERICA], None),
            Ok(proven(DateOrder::MonthFirst, 2, DAY_OF_AMERICA))
        );
        assert_eq!(
            conclusion(&[HOUR, LATE], None),
            Ok(proven(DateOrder::DayFirst, 3, LATE))
        );
        assert_eq!(
            conclusion(&[("2026-10-01 00:00:00", "2026-10-02 00:00:00")], None),
            Ok(Dates::Clear)
        );
        let asked = conclusion(&[HOUR, HOUR], None).unwrap_err();
        assert!(
            matches!(&asked, DateError::Ambiguous(Witness { line: 2, .. })),
            "{asked}"
        );
        let torn = conclusion(&[DAY_OF_AMERICA, LATE], None).unwrap_err();
        assert!(matches!(torn, DateError::Contradictory { .. }), "{torn}");
        let order = DateOrder::MonthFirst;
        for lines in [&[HOUR][..], &[DAY_OF_AMERICA, LATE]] {
            assert_eq!(conclusion(lines, Some(order)), Ok(Dates::Given { order }));
        }
        assert_eq!(
            conclusion(&[HOUR, DAY_OF_AMERICA], Some(order)),
            Ok(proven(order, 3, DAY_OF_AMERICA))
        );
    }

    #[test]
    fn what_is_said_of_dates_against_the_files_own_proof_would_charge_other_days() {
        for (lines, given, said) in [
            (
                &[HOUR, LATE][..],
                DateOrder::MonthFirst,
                "line 3: 31/10/2026 13:00:00 to 31/10/2026 14:00:00 has the day first, and no line has it otherwise",
            ),
            (
                &[DAY_OF_AMERICA],
                DateOrder::DayFirst,
                "line 2: 10/1/2026 12:00:00 AM to 10/2/2026 12:00:00 AM has the month first, and no line has it otherwise",
            ),
        ] {
            let refused = conclusion(lines, Some(given)).unwrap_err();
            assert!(matches!(refused, DateError::Refuted { .. }), "{refused}");
            assert_eq!(refused.to_string(), said);
        }
    }

    #[test]
    fn a_time_that_no_clock_showed_is_no_time_and_one_that_was_shown_twice_is_two() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        for (text, expected) in [
            ("29.03.2026 01:00", &["2026-03-29T00:00:00Z"][..]),
            ("29.03.2026 02:30", &[]),
            ("29.03.2026 03:00", &["2026-03-29T01:00:00Z"]),
            (
                "25.10.2026 02:00",
                &["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"],
            ),
            (
                "2026-10-25T02:00:00",
                &["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"],
            ),
            ("2026-10-25T02:00:00Z", &["2026-10-25T02:00:00Z"]),
            ("25.10.2026 02:00 +02:00", &["2026-10-25T00:00:00Z"]),
        ] {
            let read = Written::of(text).unwrap().read_in(None, &berlin).unwrap();
            let read: Vec<String> = read.into_iter().flatten().map(|it| it.to_string()).collect();
            assert_eq!(read, expected, "{text}");
        }
    }
}
