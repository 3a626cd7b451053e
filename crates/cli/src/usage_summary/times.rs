//! Times as PowerShell writes them: in the form of the culture of whoever ran the script, without a zone, in UTC.
//!
//! `01/10/2026` is the first of October or the tenth of January, and nothing about the file says which culture wrote
//! it. But a record covers one hour or one day. Where only one order makes that of a line, the line proves it; where
//! nothing does, whoever imports is asked.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

const SECONDS_PER_HOUR: i64 = 3600;
const SECONDS_PER_DAY: i64 = 24 * SECONDS_PER_HOUR;

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
pub(super) enum Written {
    /// There is one way to read it.
    Clear(Timestamp),
    /// Two numbers and a year, and one of the numbers is the month.
    Ordered {
        first: i8,
        second: i8,
        year: i16,
        time: Time,
        /// How far its zone is ahead of UTC.
        ahead: SignedDuration,
    },
}

impl Written {
    /// Reads a time; nothing if it is in no form that is known.
    pub(super) fn of(text: &str) -> Option<Self> {
        // PowerShell 7 puts a narrow space before AM and PM.
        let text = text.trim().replace(['\u{a0}', '\u{202f}', '\u{2009}'], " ");
        if let Ok(instant) = domain::time::parse_timestamp(&text) {
            return Some(Self::Clear(instant));
        }
        let (date, time) = text.split_once(' ').unwrap_or((&text, ""));
        let [a, b, c] = numbers(date)?;
        let (time, ahead) = clock(time)?;
        if a > 31 {
            let date = Date::new(a, month_or_day(b)?, month_or_day(c)?).ok()?;
            return instant(date, time, ahead).map(Self::Clear);
        }
        let (first, second) = (month_or_day(a)?, month_or_day(b)?);
        let written = Self::Ordered {
            first,
            second,
            year: c,
            time,
            ahead,
        };
        let [day_first, month_first] =
            [DateOrder::DayFirst, DateOrder::MonthFirst].map(|order| written.read(Some(order)));
        // Full stops separate dates only where the day comes first.
        if date.contains('.') || day_first == month_first {
            return day_first.map(Self::Clear);
        }
        Some(written)
    }

    /// The instant that it is, if dates are written in this order.
    pub(super) fn read(self, order: Option<DateOrder>) -> Option<Timestamp> {
        match self {
            Self::Clear(instant) => Some(instant),
            Self::Ordered {
                first,
                second,
                year,
                time,
                ahead,
            } => instant(ordered(order?, first, second, year)?, time, ahead),
        }
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

fn instant(date: Date, time: Time, ahead: SignedDuration) -> Option<Timestamp> {
    let local = DateTime::from_parts(date, time);
    let read_as_utc = local.to_zoned(TimeZone::UTC).ok()?.timestamp();
    read_as_utc.checked_sub(ahead).ok()
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

/// A time of day with or without AM or PM, and how far its zone is ahead of UTC; midnight if nothing is said.
fn clock(text: &str) -> Option<(Time, SignedDuration)> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let offset = words
        .last()
        .filter(|word| word.starts_with(['+', '-']))
        .map(|it| offset(it));
    if offset.is_some() {
        words.pop();
    }
    let offset = offset.unwrap_or(Some(SignedDuration::ZERO))?;
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

fn offset(text: &str) -> Option<SignedDuration> {
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
    let duration = SignedDuration::from_mins(minutes);
    Some(if text.starts_with('-') {
        -duration
    } else {
        duration
    })
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
        if matches!((from, to), (Written::Clear(_), Written::Clear(_))) {
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

    /// What follows from all lines, or was said.
    pub(super) fn conclusion(self, given: Option<DateOrder>) -> Result<Dates, DateError> {
        match (given, self.day_first, self.month_first) {
            (Some(order), ..) => Ok(Dates::Given { order }),
            (None, Some(day_first), Some(month_first)) => Err(DateError::Contradictory {
                day_first,
                month_first,
            }),
            (None, Some(by), None) => Ok(Dates::Proven {
                order: DateOrder::DayFirst,
                by,
            }),
            (None, None, Some(by)) => Ok(Dates::Proven {
                order: DateOrder::MonthFirst,
                by,
            }),
            (None, None, None) => self
                .either
                .map_or(Ok(Dates::Clear), |it| Err(DateError::Ambiguous(it))),
        }
    }
}

/// Whether from one time to the other is an hour or a day.
fn is_interval(from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
    from.zip(to).is_some_and(|(from, to)| {
        let seconds = to.as_second() - from.as_second();
        seconds == SECONDS_PER_HOUR || seconds == SECONDS_PER_DAY
    })
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
    }
}
