//! In which time zone times are that name none.
//!
//! The API says UTC. Windows PowerShell keeps the API's texts or its UTC; PowerShell 7 makes local times of them before the
//! script sees them, and writes those. An hour does not tell which it was. A day does: it begins at midnight UTC.

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use jiff::civil::Time;
use jiff::tz::{Offset, TimeZone};
use serde::{Serialize, Serializer};

use super::times::{DateOrder, Witness, Written, is_day, is_midnight, offset};

/// Where systems keep what they know of time zones.
const ZONES: &str = "/usr/share/zoneinfo";
const MINUTES_PER_DAY: i32 = 24 * 60;

/// A time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Zone {
    /// As it was said.
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// Its rules.
    pub(super) const fn zone(&self) -> &TimeZone {
        &self.zone
    }
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let zone = if text.eq_ignore_ascii_case("UTC") {
            Some(TimeZone::UTC)
        } else if text.starts_with(['+', '-']) {
            fixed(text)
        } else {
            named(text)
        };
        let name = text.to_owned();
        zone.map(|zone| Self { name, zone }).ok_or_else(|| {
            format!(
                "expected how far it is ahead of UTC, such as +02:00, or a name such as Europe/Berlin, which is looked for in \
                 {ZONES}"
            )
        })
    }
}

fn fixed(text: &str) -> Option<TimeZone> {
    let seconds = i32::try_from(offset(text)?.as_secs()).ok()?;
    Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
}

fn named(name: &str) -> Option<TimeZone> {
    let part = |part: &str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte);
        !part.is_empty() && part.bytes().all(letter)
    };
    if !name.split('/').all(part) {
        return None;
    }
    let rules = fs::read(Path::new(ZONES).join(name)).ok()?;
    TimeZone::tzif(name, &rules).ok()
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.name.serialize(to)
    }
}

/// In which zone times are that name none, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "known")]
pub(crate) enum Zones {
    /// Each names its own.
    Named,
    /// In UTC: a day begins at midnight.
    Proven { by: Witness },
    /// It was said.
    Given { zone: Zone },
    /// In UTC, as the API has them: nothing speaks against it, and nothing for it.
    Assumed,
}

impl Zones {
    /// The zone.
    pub(crate) fn zone(&self) -> &TimeZone {
        match self {
            Self::Given { zone } => zone.zone(),
            Self::Named | Self::Proven { .. } | Self::Assumed => &UTC,
        }
    }

    /// What was said.
    pub(crate) const fn given(&self) -> Option<&Zone> {
        match self {
            Self::Given { zone } => Some(zone),
            Self::Named | Self::Proven { .. } | Self::Assumed => None,
        }
    }
}

static UTC: TimeZone = TimeZone::UTC;

/// Why the zone of times that name none is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ZoneError {
    /// No day begins at midnight.
    #[error("line {}: {} is a day, and days begin at midnight UTC: these times are not in UTC", .by.line, .by.text)]
    NotUtc {
        /// The first day.
        by: Witness,
        /// How far a zone is ahead of UTC in which it begins then.
        ahead: String,
    },
    /// In the zone that was said, no day begins at midnight UTC.
    #[error("line {}: {} is a day, and days begin at midnight UTC: these times are not in {given}", .by.line, .by.text)]
    Refuted {
        /// The first day.
        by: Witness,
        /// What was said.
        given: Zone,
        /// How far a zone is ahead of UTC in which it begins then.
        ahead: String,
    },
}

/// What the lines of a file say about the zone of its times: about the one that was said, or UTC.
#[derive(Debug, Clone, Default)]
pub(super) struct ZoneEvidence {
    given: Option<Zone>,
    names_none: bool,
    /// The first day, and the time of day that it begins at.
    first_day: Option<(Time, Witness)>,
    /// The first day that begins at midnight UTC if it is of that zone.
    day_of_utc: Option<Witness>,
}

impl ZoneEvidence {
    /// What lines will say about the zone that was said.
    pub(super) fn about(given: Option<Zone>) -> Self {
        Self {
            given,
            ..Self::default()
        }
    }

    /// Takes the times of the next line.
    pub(super) fn add(&mut self, line: u64, start: &str, end: &str) {
        let (Some(from), Some(to)) = (Written::of(start), Written::of(end)) else {
            return;
        };
        if from.names_zone() && to.names_zone() {
            return;
        }
        self.names_none = true;
        if from.names_zone() || self.day_of_utc.is_some() {
            return;
        }
        let zone = self.given.as_ref().map_or(&UTC, Zone::zone);
        for order in [DateOrder::DayFirst, DateOrder::MonthFirst].map(Some) {
            if !is_day(from.read(order), to.read(order)) {
                continue;
            }
            let day = || Witness {
                line,
                text: format!("{start} to {end}"),
            };
            let mut begins = from.read_in(order, zone).into_iter().flatten().flatten();
            if begins.any(is_midnight) {
                self.day_of_utc.get_or_insert_with(day);
            }
            self.first_day.get_or_insert_with(|| (from.clock(), day()));
        }
    }

    /// What follows from all lines, or was said. Where only some days begin at midnight UTC, the others are wrong.
    pub(super) fn conclusion(self) -> Result<Zones, ZoneError> {
        match (self.given, self.day_of_utc, self.first_day) {
            (Some(given), None, Some((time, by))) => Err(ZoneError::Refuted {
                by,
                given,
                ahead: ahead_of_utc(time),
            }),
            (None, None, Some((time, by))) => Err(ZoneError::NotUtc {
                by,
                ahead: ahead_of_utc(time),
            }),
            (Some(zone), ..) => Ok(Zones::Given { zone }),
            (None, Some(by), _) => Ok(Zones::Proven { by }),
            (None, None, None) if self.names_none => Ok(Zones::Assumed),
            (None, None, None) => Ok(Zones::Named),
        }
    }
}

fn minutes(time: Time) -> i32 {
    i32::from(time.hour()) * 60 + i32::from(time.minute())
}

/// How far a zone is ahead of UTC in which days of UTC begin at this time of day.
fn ahead_of_utc(beginning: Time) -> String {
    let minutes = minutes(beginning);
    let (sign, away) = if minutes <= MINUTES_PER_DAY / 2 {
        ('+', minutes)
    } else {
        ('-', MINUTES_PER_DAY - minutes)
    };
    format!("{sign}{:02}:{:02}", away / 60, away % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conclusion(lines: &[(&str, &str)], given: Option<&str>) -> Result<Zones, ZoneError> {
        concluded(lines, given.map(|it| it.parse().unwrap()))
    }

    fn concluded(lines: &[(&str, &str)], given: Option<Zone>) -> Result<Zones, ZoneError> {
        let mut evidence = ZoneEvidence::about(given);
        for (line, (start, end)) in (2..).zip(lines) {
            evidence.add(line, start, end);
        }
        evidence.conclusion()
    }

    /// Where clocks are put forward and back, as in Berlin.
    fn berlin() -> Zone {
        Zone {
            name: "Europe/Berlin".to_owned(),
            zone: TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap(),
        }
    }

    const HOUR: (&str, &str) = ("01/10/2026 13:00:00", "01/10/2026 14:00:00");
    const NAMED: (&str, &str) = ("2026-10-01T13:00:00Z", "2026-10-01T14:00:00Z");
    const DAY: (&str, &str) = ("01/10/2026 00:00:00", "02/10/2026 00:00:00");
    const DAY_OF_BERLIN: (&str, &str) = ("02.10.2026 02:00:00", "03.10.2026 02:00:00");
    const DAY_OF_NEW_YORK: (&str, &str) = ("10/1/2026 8:00:00 PM", "10/2/2026 8:00:00 PM");

    #[test]
    fn the_zone_of_times_is_proven_by_a_day_said_or_assumed_and_told_apart() {
        let by = Witness {
            line: 3,
            text: "01/10/2026 00:00:00 to 02/10/2026 00:00:00".to_owned(),
        };
        let given = |zone: &str| Zones::Given {
            zone: zone.parse().unwrap(),
        };
        for (lines, said, expected) in [
            (&[NAMED][..], None, Zones::Named),
            (&[NAMED, HOUR], None, Zones::Assumed),
            (&[HOUR, DAY], None, Zones::Proven { by: by.clone() }),
            (&[DAY_OF_BERLIN, DAY], None, Zones::Proven { by }),
            (&[HOUR], Some("+02:00"), given("+02:00")),
            (&[DAY_OF_BERLIN], Some("+02:00"), given("+02:00")),
            (&[DAY_OF_NEW_YORK], Some("-04:00"), given("-04:00")),
            (&[DAY], Some("UTC"), given("UTC")),
        ] {
            assert_eq!(conclusion(lines, said), Ok(expected), "{lines:?} {said:?}");
        }
    }

    #[test]
    fn local_times_would_be_charged_in_other_hours_though_a_day_proves_the_zone() {
        for (lines, given, said, suggested) in [
            (&[HOUR, DAY_OF_BERLIN][..], None, "not in UTC", "+02:00"),
            (&[DAY_OF_NEW_YORK], None, "not in UTC", "-04:00"),
            (&[DAY_OF_BERLIN], Some("+01:00"), "not in +01:00", "+02:00"),
            (&[DAY], Some("-05:00"), "not in -05:00", "+00:00"),
        ] {
            let error = conclusion(lines, given).unwrap_err();
            let (ZoneError::NotUtc { ahead, .. } | ZoneError::Refuted { ahead, .. }) = &error;
            assert_eq!(ahead, suggested, "{error}");
            assert!(error.to_string().ends_with(said), "{error}");
        }
    }

    #[test]
    fn hours_of_utc_would_be_on_the_wrong_bill_because_somebody_named_a_zone() {
        let refused = concluded(&[HOUR, DAY], Some(berlin())).unwrap_err();
        assert!(matches!(&refused, ZoneError::Refuted { ahead, .. } if ahead == "+00:00"));
        assert!(refused.to_string().ends_with("not in Europe/Berlin"), "{refused}");
        // Its own days begin at one or at two, as its clocks show then.
        let in_winter = ("05.11.2026 01:00:00", "06.11.2026 01:00:00");
        let in_summer = ("05.11.2026 02:00:00", "06.11.2026 02:00:00");
        for (day, is_right) in [(DAY_OF_BERLIN, true), (in_winter, true), (in_summer, false)] {
            assert_eq!(concluded(&[day], Some(berlin())).is_ok(), is_right, "{day:?}");
        }
        // One line that is wrong proves nothing beside one that is right, and hours prove nothing at all.
        for lines in [&[DAY, DAY_OF_BERLIN][..], &[HOUR], &[NAMED]] {
            let expected = Zones::Given { zone: berlin() };
            assert_eq!(concluded(lines, Some(berlin())), Ok(expected), "{lines:?}");
        }
    }

    #[test]
    fn a_zone_is_an_offset_or_a_name_and_no_file_of_the_machine() {
        for text in [
            "",
            "+2",
            "+15:00",
            "+02:60",
            "++2:00",
            "CEST",
            "../etc/passwd",
            "/etc/passwd",
            "Europe/Nowhere",
        ] {
            assert!(text.parse::<Zone>().is_err(), "{text}");
        }
        let offset = |zone: Zone| zone.zone().to_fixed_offset().ok().map(Offset::seconds);
        assert_eq!(offset("-05:30".parse().unwrap()), Some(-330 * 60));
        if Path::new(ZONES).join("Europe/Berlin").exists() {
            let berlin: Zone = "Europe/Berlin".parse().unwrap();
            assert_eq!(berlin.to_string(), "Europe/Berlin");
            assert_eq!(offset(berlin), None);
        } else {
            eprintln!("\n*** RUN IN PART: a_zone_is_an_offset_or_a_name: {ZONES} is not there ***\n");
        }
    }
}
