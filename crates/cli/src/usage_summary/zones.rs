//! In which time zone times are that name none.
//!
//! The API says UTC. Windows PowerShell keeps the API's texts or its UTC; PowerShell 7 makes local times of them before the
//! script sees them, and writes those. An hour does not tell which it was, unless clocks were put forward or back in it. A day
//! does: it begins at midnight UTC. Where a zone is not ahead of UTC, as London in winter, both are the same.

mod evidence;

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use jiff::tz::{Offset, TimeZone};
use serde::{Serialize, Serializer};

pub(super) use self::evidence::ZoneEvidence;
use super::times::{Witness, offset};

/// Where systems keep what they know of time zones.
const ZONES: &str = "/usr/share/zoneinfo";

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

    /// Whether it is UTC itself, by whatever name.
    fn is_utc(&self) -> bool {
        self.zone
            .to_fixed_offset()
            .is_ok_and(|offset| offset == Offset::UTC)
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
    Given {
        zone: Zone,
        #[serde(flatten)]
        proof: Proof,
    },
    /// In UTC, as the API has them: nothing speaks against it, and nothing for it.
    Assumed,
}

/// What the file itself says of the zone that was said, where it does not speak against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "proof")]
pub(crate) enum Proof {
    /// A line is an hour or a day only so.
    Proven { by: Witness },
    /// Nothing, and it makes no difference: all times of the file are the same in UTC.
    SameAsUtc,
    /// Nothing, though some of its times are others in UTC.
    Nothing,
}

impl Zones {
    /// The zone.
    pub(crate) fn zone(&self) -> &TimeZone {
        match self {
            Self::Given { zone, .. } => zone.zone(),
            Self::Named | Self::Proven { .. } | Self::Assumed => &UTC,
        }
    }

    /// What was said.
    pub(crate) const fn given(&self) -> Option<&Zone> {
        match self {
            Self::Given { zone, .. } => Some(zone),
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
    /// Some days begin at midnight, and others an hour before or after it: clocks were put forward or back between them.
    #[error(
        "line {}: {} is a day, and so is line {}: {}. Days begin at midnight UTC: these times are not in UTC, but of a zone \
         where clocks were put forward or back between them",
        .by.line, .by.text, .at_midnight.line, .at_midnight.text
    )]
    ClocksChanged {
        /// The first day that does not begin at midnight.
        by: Witness,
        /// The first one that does.
        at_midnight: Witness,
        /// The name of a zone in which days of UTC begin at both.
        such_as: &'static str,
    },
    /// In the zone that was said, an hour of the file never was.
    #[error("line {}: {} is no hour that clocks showed in {given}: these times are not in {given}", .by.line, .by.text)]
    NeverShown {
        /// The first such line.
        by: Witness,
        /// What was said.
        given: Zone,
    },
    /// In the zone that was said, no day begins at midnight UTC, or none of those does that would tell it from UTC.
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

#[cfg(test)]
mod tests;
