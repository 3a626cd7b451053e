//! What the lines of a file tell of the zone of its times.

use jiff::Timestamp;
use jiff::civil::Time;

use super::super::times::{DateOrder, Witness, Written, is_day, is_hour, is_interval, is_midnight};
use super::{Proof, UTC, Zone, ZoneError, Zones};

const MINUTES_PER_HOUR: i32 = 60;
const MINUTES_PER_DAY: i32 = 24 * MINUTES_PER_HOUR;
const BEFORE_MIDNIGHT: i32 = MINUTES_PER_DAY - MINUTES_PER_HOUR;
/// No zone is further ahead of UTC.
const AHEAD_MAX: i32 = 14 * MINUTES_PER_HOUR;
/// Where clocks show UTC for a part of the year: those of the first are an hour ahead of it for the other part, and
/// those of the second an hour behind it.
const AHEAD_AT_TIMES: &str = "Europe/London";
const BEHIND_AT_TIMES: &str = "Atlantic/Azores";

/// What the lines of a file say about the zone of its times: about the one that was said, or UTC.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct ZoneEvidence {
    given: Option<Zone>,
    names_none: bool,
    /// A time is another one in UTC than in that zone.
    differs: bool,
    /// The first day, and the time of day that it begins at.
    first_day: Option<(Time, Witness)>,
    /// The first day of UTC both in that zone and in UTC.
    in_both: Option<Witness>,
    /// What is an hour or a day of UTC only in that zone.
    in_zone: Lines,
    /// What is one only in UTC.
    in_utc: Lines,
    /// The first day that begins an hour before or after midnight, and where days of UTC do at times.
    beside_midnight: Option<(Witness, &'static str)>,
}

/// Lines that say the same.
#[derive(Debug, Clone, Default)]
struct Lines {
    count: u64,
    /// The first of them, and whether it is a day.
    first: Option<(Witness, bool)>,
}

/// What the times of a line are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Span {
    Hour,
    /// A day that begins at midnight UTC.
    Day,
}

impl Span {
    fn of(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<Self> {
        if is_hour(from, to) {
            Some(Self::Hour)
        } else {
            (is_day(from, to) && from.is_some_and(is_midnight)).then_some(Self::Day)
        }
    }

    /// The same of times that may be two each.
    fn of_any(from: [Option<Timestamp>; 2], to: [Option<Timestamp>; 2]) -> Option<Self> {
        let pairs = from.into_iter().flat_map(|from| to.map(|to| (from, to)));
        pairs.filter_map(|(from, to)| Self::of(from, to)).next()
    }
}

impl ZoneEvidence {
    /// What lines will say about the zone that was said.
    pub(in super::super) fn about(given: Option<Zone>) -> Self {
        Self {
            given,
            ..Self::default()
        }
    }

    /// Takes the times of the next line.
    pub(in super::super) fn add(&mut self, line: u64, start: &str, end: &str) {
        let (Some(from), Some(to)) = (Written::of(start), Written::of(end)) else {
            return;
        };
        if from.names_zone() && to.names_zone() {
            return;
        }
        self.names_none = true;
        if from.names_zone() || to.names_zone() {
            return;
        }
        let witness = || Witness {
            line,
            text: format!("{start} to {end}"),
        };
        let orders = [DateOrder::DayFirst, DateOrder::MonthFirst].map(Some);
        let [day_first, month_first] = orders.map(|order| (order, (from.read(order), to.read(order))));
        let is_clear = day_first.1 == month_first.1;
        // In the wrong order an hour may be one in which clocks were put forward: it tells nothing.
        let is_ambiguous = !is_clear
            && [day_first, month_first]
                .iter()
                .all(|(_, (from, to))| is_interval(*from, *to));
        for (order, in_utc) in [day_first, month_first].into_iter().skip(usize::from(is_clear)) {
            if is_day(in_utc.0, in_utc.1) {
                self.first_day.get_or_insert_with(|| (from.clock(), witness()));
                let such_as = match minutes(from.clock()) {
                    MINUTES_PER_HOUR => Some(AHEAD_AT_TIMES),
                    BEFORE_MIDNIGHT => Some(BEHIND_AT_TIMES),
                    _ => None,
                };
                if let Some(such_as) = such_as {
                    self.beside_midnight.get_or_insert_with(|| (witness(), such_as));
                }
            }
            let zone = self.given.as_ref().map_or(&UTC, Zone::zone);
            let read_in = |time: Written| time.read_in(order, zone).unwrap_or_default();
            let in_zone = (read_in(from), read_in(to));
            let as_utc = Span::of(in_utc.0, in_utc.1);
            let as_given = Span::of_any(in_zone.0, in_zone.1);
            if as_utc.is_some() || as_given.is_some() {
                self.differs |= !in_zone.0.contains(&in_utc.0) || !in_zone.1.contains(&in_utc.1);
            }
            match (as_utc, as_given) {
                (Some(Span::Day), Some(Span::Day)) => {
                    self.in_both.get_or_insert_with(witness);
                }
                (Some(span), None) if !is_ambiguous => self.in_utc.add(witness(), span),
                (None, Some(span)) => self.in_zone.add(witness(), span),
                _ => {}
            }
        }
    }

    /// What follows from all lines, or was said. Where only some lines speak for it, those are wrong that do not, as long as
    /// they are not more of them.
    pub(in super::super) fn conclusion(self) -> Result<Zones, ZoneError> {
        match self.given {
            None => match (self.in_both, self.beside_midnight, self.first_day) {
                (Some(at_midnight), Some((by, such_as)), _) => Err(ZoneError::ClocksChanged {
                    by,
                    at_midnight,
                    such_as,
                }),
                (Some(by), None, _) => Ok(Zones::Proven { by }),
                (None, _, Some((time, by))) => Err(ZoneError::NotUtc {
                    by,
                    ahead: ahead_of_utc(time),
                }),
                (None, _, None) if self.names_none => Ok(Zones::Assumed),
                (None, _, None) => Ok(Zones::Named),
            },
            Some(zone) => {
                let is_refuted = self.in_utc.count > self.in_zone.count;
                let is_utc = zone.is_utc();
                let proof = match (
                    self.in_zone.first,
                    self.in_utc.first,
                    self.in_both,
                    self.first_day,
                ) {
                    (_, Some((by, is_day)), ..) if is_refuted => return Err(not_in(zone, by, is_day)),
                    (Some((by, _)), ..) => Proof::Proven { by },
                    (None, _, Some(by), _) if is_utc => Proof::Proven { by },
                    (None, _, None, Some((time, by))) => {
                        return Err(ZoneError::Refuted {
                            by,
                            given: zone,
                            ahead: ahead_of_utc(time),
                        });
                    }
                    _ if self.differs || is_utc => Proof::Nothing,
                    _ => Proof::SameAsUtc,
                };
                Ok(Zones::Given { zone, proof })
            }
        }
    }
}

impl Lines {
    fn add(&mut self, line: Witness, span: Span) {
        self.count += 1;
        self.first.get_or_insert((line, span == Span::Day));
    }
}

/// What a line says that is an hour or a day of UTC, and none in the zone that was said.
fn not_in(given: Zone, by: Witness, is_day: bool) -> ZoneError {
    if is_day {
        let ahead = ahead_of_utc(Time::midnight());
        ZoneError::Refuted { by, given, ahead }
    } else {
        ZoneError::NeverShown { by, given }
    }
}

fn minutes(time: Time) -> i32 {
    i32::from(time.hour()) * 60 + i32::from(time.minute())
}

/// How far a zone is ahead of UTC in which days of UTC begin at this time of day. In the middle of the day there are
/// two: by its clocks alone thirteen hours ahead is eleven behind, with another date.
fn ahead_of_utc(beginning: Time) -> String {
    let minutes = minutes(beginning);
    let signed = |sign: char, away: i32| format!("{sign}{:02}:{:02}", away / 60, away % 60);
    let (ahead, behind) = (signed('+', minutes), signed('-', MINUTES_PER_DAY - minutes));
    if minutes < MINUTES_PER_DAY / 2 {
        ahead
    } else if minutes <= AHEAD_MAX {
        format!("{ahead} or {behind}")
    } else {
        behind
    }
}
