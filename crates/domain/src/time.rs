//! Usage time: UTC hours, half-open intervals, and calendar months with their hours.
//!
//! Usage, reported and received time are three different things. Usage time is always an [`Hour`] or an
//! [`HourInterval`]; an instant of recording or receiving is a [`Timestamp`].

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use jiff::tz::TimeZone;

/// An instant, for recorded and received times.
pub use jiff::Timestamp;

const SECONDS_PER_HOUR: i64 = 3600;
const HOURS_PER_DAY: i32 = 24;

/// A text that does not say the time it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    /// Not a date and time of ISO 8601.
    #[error("expected a date and time such as 2026-10-01T13:00:00Z")]
    NotATime,
    /// A time inside an hour where the start of one is needed.
    #[error("expected the start of an hour, such as 2026-10-01T13:00:00Z")]
    NotAWholeHour,
    /// Before the year 1970 or after the year 9999.
    #[error("expected a time between the years 1970 and 9999")]
    OutOfRange,
    /// Not a calendar month.
    #[error("expected a calendar month such as 2026-10")]
    NotAPeriod,
}

/// Reads an instant as clients send it: with `Z`, with an offset, or without a zone, which then means UTC; fractions
/// of any length; a blank where a raw `+` of an offset was decoded as one.
///
/// # Errors
/// [`InvalidTime::NotATime`] for any other text.
pub fn parse_timestamp(text: &str) -> Result<Timestamp, InvalidTime> {
    let text = text.trim();
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp);
    }
    if let Some((before, offset)) = text.rsplit_once(' ')
        && before.contains(['T', 't'])
    {
        return format!("{before}+{offset}")
            .parse()
            .map_err(|_| InvalidTime::NotATime);
    }
    text.parse::<civil::DateTime>()
        .ok()
        .and_then(|local| local.to_zoned(TimeZone::UTC).ok())
        .map(|zoned| zoned.timestamp())
        .ok_or(InvalidTime::NotATime)
}

/// One UTC hour, named by its start. Counted from 1970-01-01T00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(i32);

impl Hour {
    /// Before every hour of usage: the start of an interval without one.
    pub const MIN: Self = Self(0);
    /// After every hour of usage (10000-01-01T00:00Z): the end of an interval without one.
    pub const MAX: Self = Self(70_389_528);

    /// The hour this many hours after 1970-01-01T00:00Z, if usage can lie in it.
    #[must_use]
    pub fn from_epoch_hours(hours: i32) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0)
            .contains(&hours)
            .then_some(Self(hours))
    }

    /// Hours since 1970-01-01T00:00Z.
    #[must_use]
    pub const fn epoch_hours(self) -> i32 {
        self.0
    }

    /// The hour in which an instant lies.
    #[must_use]
    pub fn containing(instant: Timestamp) -> Self {
        let hours = instant.as_second().div_euclid(SECONDS_PER_HOUR);
        let hours = i32::try_from(hours).unwrap_or(Self::MIN.0);
        Self(hours.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// The instant at which this hour starts.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::from_second(i64::from(self.0) * SECONDS_PER_HOUR).unwrap_or(Timestamp::MAX)
    }

    /// The day in which this hour lies.
    #[must_use]
    pub const fn day(self) -> Day {
        Day(self.0.div_euclid(HOURS_PER_DAY))
    }

    /// The calendar month in which this hour lies.
    #[must_use]
    pub fn period(self) -> Period {
        let date = self.start().to_zoned(TimeZone::UTC).date();
        Period {
            year: date.year(),
            month: date.month(),
        }
    }

    /// The hour this many hours later (or earlier), kept between [`Hour::MIN`] and [`Hour::MAX`].
    #[must_use]
    pub fn plus(self, hours: i32) -> Self {
        Self(self.0.saturating_add(hours).clamp(Self::MIN.0, Self::MAX.0))
    }
}

impl FromStr for Hour {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let instant = parse_timestamp(text)?;
        if instant.as_second() % SECONDS_PER_HOUR != 0 || instant.subsec_nanosecond() != 0 {
            return Err(InvalidTime::NotAWholeHour);
        }
        i32::try_from(instant.as_second() / SECONDS_PER_HOUR)
            .ok()
            .and_then(Self::from_epoch_hours)
            .ok_or(InvalidTime::OutOfRange)
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::MAX {
            // The library's instants end a few hours before.
            return f.write_str("10000-01-01T00:00:00Z");
        }
        fmt::Display::fmt(&self.start(), f)
    }
}

impl fmt::Debug for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One UTC day. Counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

impl Day {
    /// The day this many days after 1970-01-01.
    #[must_use]
    pub const fn from_epoch_days(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn epoch_days(self) -> i32 {
        self.0
    }

    /// The first hour of the day.
    #[must_use]
    pub fn first_hour(self) -> Hour {
        Hour::MIN.plus(self.0.saturating_mul(HOURS_PER_DAY))
    }

    /// The day's 24 hours.
    #[must_use]
    pub fn interval(self) -> HourInterval {
        let start = self.first_hour();
        HourInterval {
            start,
            end: start.plus(HOURS_PER_DAY),
        }
    }
}

impl fmt::Display for Day {
    /// As a date of ISO 8601: `2026-10-31`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first_hour = self.first_hour().to_string();
        f.pad(first_hour.split('T').next().unwrap_or_default())
    }
}

impl FromStr for Day {
    type Err = InvalidTime;

    /// Reads a date of ISO 8601.
    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let date: civil::Date = text.trim().parse().map_err(|_| InvalidTime::NotATime)?;
        let midnight = date.at(0, 0, 0, 0).to_zoned(TimeZone::UTC);
        let midnight = midnight.map_err(|_| InvalidTime::OutOfRange)?;
        Ok(Hour::containing(midnight.timestamp()).day())
    }
}

/// Hours from `start` on and before `end`: `[start, end)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HourInterval {
    start: Hour,
    end: Hour,
}

impl HourInterval {
    /// All time.
    pub const ALWAYS: Self = Self {
        start: Hour::MIN,
        end: Hour::MAX,
    };

    /// `[start, end)`, or nothing when it would hold no hour.
    #[must_use]
    pub fn new(start: Hour, end: Hour) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// From `start` on, without an end. [`Hour::MAX`] has no hour after it and gives the last hour instead.
    #[must_use]
    pub fn from(start: Hour) -> Self {
        Self {
            start: start.min(Hour::MAX.plus(-1)),
            end: Hour::MAX,
        }
    }

    /// The first hour inside.
    #[must_use]
    pub const fn start(self) -> Hour {
        self.start
    }

    /// The first hour after.
    #[must_use]
    pub const fn end(self) -> Hour {
        self.end
    }

    /// How many hours lie inside; never 0.
    #[must_use]
    pub const fn hours(self) -> i32 {
        self.end.0 - self.start.0
    }

    /// Whether an hour lies inside.
    #[must_use]
    pub fn contains(self, hour: Hour) -> bool {
        self.start <= hour && hour < self.end
    }

    /// The hours inside both.
    #[must_use]
    pub fn intersect(self, other: Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }

    /// The parts of this interval between those of the given hours that lie inside it.
    #[must_use]
    pub fn split_at(self, hours: impl IntoIterator<Item = Hour>) -> Vec<Self> {
        let mut cuts: Vec<Hour> = hours.into_iter().filter(|hour| self.contains(*hour)).collect();
        cuts.extend([self.start, self.end]);
        cuts.sort_unstable();
        cuts.dedup();
        cuts.windows(2)
            .filter_map(|pair| Self::new(pair[0], pair[1]))
            .collect()
    }
}

impl fmt::Display for HourInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start, self.end)
    }
}

impl fmt::Debug for HourInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A billing period: one calendar month, UTC. Written `2026-10`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    year: i16,
    month: i8,
}

impl Period {
    /// The period's hours.
    #[must_use]
    pub fn interval(self) -> HourInterval {
        let first = |year: i16, month: i8| {
            let months = civil::date(1970, 1, 1).until((jiff::Unit::Day, civil::date(year, month, 1)));
            months.map_or(Hour::MAX, |span| Day(span.get_days()).first_hour())
        };
        let start = first(self.year, self.month);
        let end = match (self.year, self.month) {
            (9999, 12) => Hour::MAX,
            (year, 12) => first(year + 1, 1),
            (year, month) => first(year, month + 1),
        };
        HourInterval { start, end }
    }

    /// How many hours the month has: 672 to 744.
    #[must_use]
    pub fn hours(self) -> i32 {
        self.interval().hours()
    }

    /// The month after this one; the last month that there is has none.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        match (self.year, self.month) {
            (9999, 12) => None,
            (year, 12) => Some(Self {
                year: year + 1,
                month: 1,
            }),
            (year, month) => Some(Self {
                year,
                month: month + 1,
            }),
        }
    }

    /// How many days the year has that the month is in: 365 or 366.
    #[must_use]
    pub fn days_of_year(self) -> i16 {
        civil::date(self.year, 1, 1).days_in_year()
    }

    /// The month before; none before 1970-01.
    #[must_use]
    pub fn previous(self) -> Option<Self> {
        match (self.year, self.month) {
            (1970, 1) => None,
            (year, 1) => Some(Self {
                year: year - 1,
                month: 12,
            }),
            (year, month) => Some(Self {
                year,
                month: month - 1,
            }),
        }
    }
}

impl FromStr for Period {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let (year, month) = text.split_once('-').ok_or(InvalidTime::NotAPeriod)?;
        if year.len() != 4 || month.len() != 2 || !text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
            return Err(InvalidTime::NotAPeriod);
        }
        let year: i16 = year.parse().map_err(|_| InvalidTime::NotAPeriod)?;
        let month: i8 = month.parse().map_err(|_| InvalidTime::NotAPeriod)?;
        if !(1..=12).contains(&month) {
            return Err(InvalidTime::NotAPeriod);
        }
        if year < 1970 {
            return Err(InvalidTime::OutOfRange);
        }
        Ok(Self { year, month })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(text: &str) -> Hour {
        text.parse().unwrap()
    }

    #[test]
    fn every_spelling_of_an_hour_that_clients_send_is_read() {
        for text in [
            "2026-11-01T00:00:00Z",
            "2026-11-01T00:00:00.000Z",
            "2026-11-01T00:00:00+00:00",
            "2026-11-01T00:00:00 00:00",
            "2026-11-01T00:00:00.0000000",
            "2026-11-01T00:00:00.0000000+00:00",
            "2026-10-31T17:00:00-07:00",
            " 2026-11-01T00:00:00 ",
        ] {
            assert_eq!(text.parse(), Ok(hour("2026-11-01T00:00:00Z")), "{text}");
        }
    }

    #[test]
    fn a_time_that_is_no_hour_is_refused_and_says_why() {
        assert_eq!(
            "2026-11-01T00:30:00Z".parse::<Hour>(),
            Err(InvalidTime::NotAWholeHour)
        );
        assert_eq!(
            "2026-11-01T00:00:00.001Z".parse::<Hour>(),
            Err(InvalidTime::NotAWholeHour)
        );
        assert_eq!(
            "2026-11-01T00:00:00.0000000+00:30".parse::<Hour>(),
            Err(InvalidTime::NotAWholeHour)
        );
        assert_eq!(
            "1969-12-31T23:00:00Z".parse::<Hour>(),
            Err(InvalidTime::OutOfRange)
        );
        for text in [
            "",
            "yesterday",
            "2026-13-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "1572652800",
        ] {
            assert_eq!(text.parse::<Hour>(), Err(InvalidTime::NotATime), "{text}");
        }
    }

    #[test]
    fn months_have_their_own_hours() {
        for (period, hours) in [
            ("2026-10", 744),
            ("2026-11", 720),
            ("2026-02", 672),
            ("2028-02", 696),
        ] {
            let period: Period = period.parse().unwrap();
            assert_eq!(period.hours(), hours, "{period}");
            assert_eq!(period.interval().start().period(), period);
            assert_eq!(period.interval().end().plus(-1).period(), period);
            assert_ne!(period.interval().end().period(), period);
        }
        assert_eq!("9999-12".parse::<Period>().unwrap().hours(), 744);
        let period = |text: &str| text.parse::<Period>().unwrap();
        assert_eq!(period("2026-12").next(), Some(period("2027-01")));
        assert_eq!(period("2026-01").next(), Some(period("2026-02")));
        assert_eq!(period("9999-12").next(), None);
        assert_eq!(period("2026-12").days_of_year(), 365);
        assert_eq!(period("2028-01").days_of_year(), 366);
        assert_eq!(
            "2026-01"
                .parse::<Period>()
                .unwrap()
                .previous()
                .unwrap()
                .to_string(),
            "2025-12"
        );
    }

    #[test]
    fn periods_are_written_in_one_way_only() {
        for text in [
            "2026-1",
            "2026-13",
            "2026-00",
            "26-10",
            "2026-10-01",
            "2026/10",
            "+026-10",
            "",
        ] {
            assert_eq!(text.parse::<Period>(), Err(InvalidTime::NotAPeriod), "{text}");
        }
    }

    #[test]
    fn intervals_are_half_open() {
        let interval = HourInterval::new(hour("2026-10-01T00:00:00Z"), hour("2026-10-01T02:00:00Z")).unwrap();
        assert!(interval.contains(hour("2026-10-01T01:00:00Z")));
        assert!(!interval.contains(interval.end()));
        assert_eq!(interval.hours(), 2);
        assert_eq!(HourInterval::new(interval.start(), interval.start()), None);
        let parts = interval.split_at([interval.start(), hour("2026-10-01T01:00:00Z"), interval.end()]);
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].end(), parts[1].start());
    }

    #[test]
    fn an_hour_prints_as_the_instant_at_which_it_starts() {
        assert_eq!(hour("2026-10-01T13:00:00Z").to_string(), "2026-10-01T13:00:00Z");
        assert_eq!(Hour::MIN.to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Hour::MAX.to_string(), "10000-01-01T00:00:00Z");
        assert_eq!(Hour::MAX.plus(1), Hour::MAX);
    }
}
