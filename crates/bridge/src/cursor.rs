//! How far a stack was read and delivered: what the bridge remembers through anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::ids::CloudId;
use domain::time::{Hour, HourInterval};
use serde::{Deserialize, Serialize};

use crate::waypoints::{Hours, StoredWaypoint, Waypoints};

/// The version of the form on disk.
const VERSION: u32 = 2;
/// The most ranges that wait to be read again.
pub(crate) const BACKFILLS_MAX: usize = 32;
/// The most hours that are remembered as refused: a month. A stack that refuses more does not refuse this hour or that.
pub(crate) const REFUSED_HOURS_MAX: usize = 744;

/// A place in the spool: everything before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    /// The number of a segment, from 1.
    pub(crate) segment: u64,
    /// Bytes from its beginning.
    pub(crate) offset: u64,
}

impl Position {
    pub(crate) const FIRST: Self = Self {
        segment: 1,
        offset: 0,
    };
}

/// What tells a page from others: a part of its BLAKE3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PageDigest(u128);

impl PageDigest {
    pub(crate) fn of(page: &[u8]) -> Self {
        let mut bytes = [0; 16];
        blake3::Hasher::new().update(page).finalize_xof().fill(&mut bytes);
        Self(u128::from_le_bytes(bytes))
    }
}

impl fmt::Debug for PageDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A range of reported time that is read on command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backfill {
    /// All of it.
    pub(crate) range: HourInterval,
    /// The first hour that was not yet read.
    pub(crate) next: Hour,
}

/// What became of the records that were delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Totals {
    /// Deliveries that were acknowledged.
    pub batches: u64,
    /// Records that were new.
    pub accepted: u64,
    /// Records that were there already.
    pub duplicate: u64,
    /// Records that said another quantity.
    pub revised: u64,
    /// Records that could not be counted and are kept for somebody to look at.
    pub quarantined: u64,
}

/// How far a stack was read and delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The stack: a spool never holds the usage of two.
    pub(crate) cloud_id: CloudId,
    /// The hour of reported time with which reading began.
    pub(crate) start: Hour,
    /// Every hour from the start to here was read completely, in order.
    pub(crate) read_through: Hour,
    /// The same of what the server has acknowledged.
    pub(crate) acknowledged_through: Option<Hour>,
    /// Everything in the spool up to here is durable, and of windows that were read completely.
    pub(crate) committed: Position,
    /// Everything in the spool up to here was acknowledged.
    pub(crate) acknowledged: Position,
    /// What is to be read on command.
    pub(crate) backfills: Vec<Backfill>,
    /// Which hours of what was to be read on command the stack refused: they were left out, and are not declared as read.
    pub(crate) refused: BTreeSet<Hour>,
    /// How often all that was to be read on command was taken back.
    pub(crate) withdrawals: u32,
    /// The pages that were put into the spool, of the hours that are still looked back at.
    pub(crate) seen: BTreeMap<Hour, Vec<PageDigest>>,
    /// What became of what was delivered.
    pub(crate) totals: Totals,
    /// By which receipts the server acknowledged what.
    pub(crate) waypoints: Waypoints,
    /// What is to be read again because the server lost what it had acknowledged.
    pub(crate) lost: Vec<Backfill>,
    /// Nothing in the spool up to here declares an hour: the server has lost a part of it.
    pub(crate) undeclared: Position,
}

/// A text that is no cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidCursor {
    #[error("its checksum is not right")]
    Checksum,
    #[error("it was written by a newer version (form {0}, and this one knows {VERSION})")]
    Newer(u32),
    #[error("{0}")]
    Content(String),
}

impl InvalidCursor {
    pub(crate) fn backwards() -> Self {
        Self::Content("a range ends before it begins".to_owned())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stored {
    version: u32,
    cloud_id: String,
    start: String,
    read_through: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged_through: Option<String>,
    committed: Position,
    acknowledged: Position,
    backfills: Vec<StoredBackfill>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused: Vec<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    withdrawals: u32,
    seen: BTreeMap<String, Vec<String>>,
    totals: Totals,
    #[serde(default)]
    waypoints: Vec<StoredWaypoint>,
    #[serde(default)]
    lost: Vec<StoredBackfill>,
    #[serde(default = "first")]
    undeclared: Position,
}

const fn first() -> Position {
    Position::FIRST
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredBackfill {
    from: String,
    to: String,
    next: String,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Cursor {
    /// The cursor of a stack of which nothing was read.
    pub(crate) fn new(cloud_id: CloudId, start: Hour) -> Self {
        Self {
            cloud_id,
            start,
            read_through: start,
            acknowledged_through: None,
            committed: Position::FIRST,
            acknowledged: Position::FIRST,
            backfills: Vec::new(),
            refused: BTreeSet::new(),
            withdrawals: 0,
            seen: BTreeMap::new(),
            totals: Totals::default(),
            waypoints: Waypoints::default(),
            lost: Vec::new(),
            undeclared: Position::FIRST,
        }
    }

    /// The server knew the stack before this spool did: whoever read the hours before the start may have gone before the last
    /// of their usage came, so as many of them as are looked back at are read again.
    pub(crate) fn look_before_start(&mut self, lookback: i32) {
        let range = HourInterval::new(self.start.plus(-lookback), self.start);
        self.backfills.extend(range.map(|range| Backfill {
            range,
            next: range.start(),
        }));
    }

    /// The server does not have the newest receipts any more: what it had acknowledged with them is to be read again, under
    /// new keys. `declaring` is the first window of which the spool holds the end, and where that ends: if the server has
    /// lost a part of it, it is not complete with what is delivered still. Answers what is to be read again because of that.
    pub(crate) fn go_back(&mut self, declaring: Option<(Hour, Position)>) -> Hours {
        let mut lost = self.waypoints.forget_newest();
        if self.waypoints.is_empty() {
            // It has nothing of what is remembered; what was acknowledged before that may be lost as well.
            let all = HourInterval::new(self.start, self.acknowledged_through.unwrap_or(self.start));
            all.into_iter().for_each(|all| lost.add(all));
        }
        if let Some((_, end)) = declaring.filter(|(window, _)| lost.contains(*window)) {
            self.undeclared = self.undeclared.max(end);
        }
        self.seen.retain(|hour, _| !lost.contains(*hour));
        let mut all = lost.clone();
        let left = self
            .lost
            .iter()
            .filter_map(|it| HourInterval::new(it.next, it.range.end()));
        left.for_each(|left| all.add(left));
        let whole = |range: HourInterval| Backfill {
            range,
            next: range.start(),
        };
        self.lost = all.intervals().map(whole).collect();
        lost
    }

    /// The text that is kept: a line of JSON, and a line with its BLAKE3.
    pub(crate) fn encode(&self) -> Result<String, InvalidCursor> {
        let seen = self.seen.iter().map(|(hour, pages)| {
            let pages = pages.iter().map(|digest| format!("{digest:?}"));
            (hour.to_string(), pages.collect())
        });
        let stored = Stored {
            version: VERSION,
            cloud_id: self.cloud_id.to_string(),
            start: self.start.to_string(),
            read_through: self.read_through.to_string(),
            acknowledged_through: self.acknowledged_through.map(|hour| hour.to_string()),
            committed: self.committed,
            acknowledged: self.acknowledged,
            backfills: self.backfills.iter().map(stored_backfill).collect(),
            refused: self.refused.iter().map(Hour::to_string).collect(),
            withdrawals: self.withdrawals,
            seen: seen.collect(),
            totals: self.totals,
            waypoints: self.waypoints.stored(),
            lost: self.lost.iter().map(stored_backfill).collect(),
            undeclared: self.undeclared,
        };
        let json =
            serde_json::to_string(&stored).map_err(|error| InvalidCursor::Content(error.to_string()))?;
        let digest = blake3::hash(json.as_bytes());
        Ok(format!("{json}\n{digest}\n"))
    }

    /// Reads what [`Self::encode`] wrote.
    pub(crate) fn decode(text: &[u8]) -> Result<Self, InvalidCursor> {
        let text = std::str::from_utf8(text).map_err(|_| InvalidCursor::Checksum)?;
        let (json, digest) = text.trim_end().split_once('\n').ok_or(InvalidCursor::Checksum)?;
        if *digest != *blake3::hash(json.as_bytes()).to_hex() {
            return Err(InvalidCursor::Checksum);
        }
        let content = |error: &dyn fmt::Display| InvalidCursor::Content(error.to_string());
        let Versioned { version } = serde_json::from_str(json).map_err(|error| content(&error))?;
        if version > VERSION {
            return Err(InvalidCursor::Newer(version));
        }
        let stored: Stored = serde_json::from_str(json).map_err(|error| content(&error))?;
        stored.read()
    }
}

fn stored_backfill(Backfill { range, next }: &Backfill) -> StoredBackfill {
    StoredBackfill {
        from: range.start().to_string(),
        to: range.end().to_string(),
        next: next.to_string(),
    }
}

impl StoredBackfill {
    fn read(&self) -> Result<Backfill, InvalidCursor> {
        let range = HourInterval::new(hour(&self.from)?, hour(&self.to)?);
        Ok(Backfill {
            range: range.ok_or_else(InvalidCursor::backwards)?,
            next: hour(&self.next)?,
        })
    }
}

impl Stored {
    fn read(self) -> Result<Cursor, InvalidCursor> {
        let cloud_id = self.cloud_id.parse();
        let backfills = self.backfills.iter().map(StoredBackfill::read);
        let lost = self.lost.iter().map(StoredBackfill::read);
        let seen = self.seen.iter().map(|(at, pages)| {
            let pages: Option<Vec<PageDigest>> = pages
                .iter()
                .map(|digest| u128::from_str_radix(digest, 16).ok().map(PageDigest))
                .collect();
            let pages = pages.ok_or_else(|| InvalidCursor::Content("a digest is none".to_owned()))?;
            Ok((hour(at)?, pages))
        });
        Ok(Cursor {
            cloud_id: cloud_id.map_err(|_| InvalidCursor::Content("the cloud id is none".to_owned()))?,
            start: hour(&self.start)?,
            read_through: hour(&self.read_through)?,
            acknowledged_through: self.acknowledged_through.as_deref().map(hour).transpose()?,
            committed: self.committed,
            acknowledged: self.acknowledged,
            backfills: backfills.collect::<Result<_, InvalidCursor>>()?,
            refused: self
                .refused
                .iter()
                .map(|at| hour(at))
                .collect::<Result<_, InvalidCursor>>()?,
            withdrawals: self.withdrawals,
            seen: seen.collect::<Result<_, InvalidCursor>>()?,
            totals: self.totals,
            waypoints: Waypoints::read(self.waypoints)?,
            lost: lost.collect::<Result<_, InvalidCursor>>()?,
            undeclared: self.undeclared,
        })
    }
}

pub(crate) fn hour(text: &str) -> Result<Hour, InvalidCursor> {
    text.parse()
        .map_err(|error| InvalidCursor::Content(format!("{text}: {error}")))
}

#[cfg(test)]
mod tests {
    use wire::api::KnownReceipt;

    use super::*;

    fn receipt(sequence: u64) -> KnownReceipt {
        KnownReceipt {
            sequence,
            chain: [7; 32],
        }
    }

    fn cursor() -> Cursor {
        let hour = |text: &str| text.parse::<Hour>().unwrap();
        let cloud_id = "5bf881b2-6be7-42a1-9f47-d6fcb6737747".parse().unwrap();
        let start = hour("2026-10-01T00:00:00Z");
        let mut waypoints = Waypoints::default();
        waypoints.acknowledged(
            &[receipt(3), receipt(4)],
            [start, start.plus(3)].into_iter(),
            true,
        );
        waypoints.acknowledged(&[receipt(5)], [start.plus(4)].into_iter(), false);
        Cursor {
            read_through: start.plus(7),
            acknowledged_through: Some(start.plus(5)),
            committed: Position {
                segment: 3,
                offset: 77,
            },
            backfills: vec![Backfill {
                range: HourInterval::new(start.plus(-48), start).unwrap(),
                next: start.plus(-3),
            }],
            refused: [start.plus(-30), start.plus(-29)].into(),
            withdrawals: 2,
            seen: [(start.plus(6), vec![PageDigest::of(b"a"), PageDigest::of(b"b")])].into(),
            totals: Totals {
                accepted: 4,
                ..Totals::default()
            },
            waypoints,
            lost: vec![Backfill {
                range: HourInterval::new(start.plus(-9), start.plus(-4)).unwrap(),
                next: start.plus(-7),
            }],
            undeclared: Position {
                segment: 2,
                offset: 9,
            },
            ..Cursor::new(cloud_id, start)
        }
    }

    #[test]
    fn a_cursor_reads_back_as_it_was_written() {
        let text = cursor().encode().unwrap();
        assert_eq!(Cursor::decode(text.as_bytes()), Ok(cursor()));
    }

    #[test]
    fn a_cursor_of_before_hours_could_be_refused_would_have_cost_the_spool() {
        let before = Cursor {
            refused: BTreeSet::new(),
            withdrawals: 0,
            ..cursor()
        };
        let text = before.encode().unwrap();
        // Where nothing was refused or taken back, an older bridge reads it too.
        assert!(
            !text.contains("refused") && !text.contains("withdrawals"),
            "{text}"
        );
        assert_eq!(Cursor::decode(text.as_bytes()), Ok(before));
    }

    #[test]
    fn a_cursor_that_anything_happened_to_is_refused() {
        let text = cursor().encode().unwrap().into_bytes();
        for at in 0..text.len() - 1 {
            let mut damaged = text.clone();
            damaged[at] ^= 1;
            assert!(Cursor::decode(&damaged).is_err(), "byte {at}");
            assert!(Cursor::decode(&text[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_cursor_of_a_newer_version_is_not_guessed_at() {
        let json = cursor().encode().unwrap();
        let json = json
            .lines()
            .next()
            .unwrap()
            .replace("\"version\":2", "\"version\":3,\"new\":1");
        let text = format!("{json}\n{}\n", blake3::hash(json.as_bytes()));
        assert_eq!(Cursor::decode(text.as_bytes()), Err(InvalidCursor::Newer(3)));
    }

    #[test]
    fn a_cursor_of_before_receipts_were_remembered_would_have_cost_the_spool() {
        let json = cursor().encode().unwrap();
        let mut json: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
        let fields = json.as_object_mut().unwrap();
        for new in ["waypoints", "lost", "undeclared"] {
            fields.remove(new).unwrap();
        }
        fields.insert("version".to_owned(), 1.into());
        let json = json.to_string();
        let text = format!("{json}\n{}\n", blake3::hash(json.as_bytes()));
        let mut read = Cursor::decode(text.as_bytes()).unwrap();
        let before = Cursor {
            waypoints: Waypoints::default(),
            lost: Vec::new(),
            undeclared: Position::FIRST,
            ..cursor()
        };
        assert_eq!(read, before);
        // What it delivered before is not known by receipts: if the first that is known is lost, all of it may be.
        let start = read.start;
        read.waypoints
            .acknowledged(&[receipt(90)], [start.plus(6)].into_iter(), true);
        let lost: Vec<_> = read.go_back(None).intervals().collect();
        let whole = HourInterval::new(start, start.plus(5)).unwrap();
        assert_eq!(
            lost,
            [whole, HourInterval::new(start.plus(6), start.plus(7)).unwrap()]
        );
    }

    #[test]
    fn an_hour_whose_first_pages_are_lost_would_be_declared_by_its_last_one() {
        let end = |offset| Position { segment: 3, offset };
        for (window, is_declared) in [(4, false), (5, true)] {
            let mut cursor = cursor();
            let window = cursor.start.plus(window);
            cursor.go_back(Some((window, end(40))));
            let undeclared = if is_declared { 9 } else { 40 };
            assert_eq!(cursor.undeclared.offset, undeclared, "{window}");
        }
    }

    #[test]
    fn what_is_to_be_read_again_is_kept_when_more_turns_out_to_be_lost() {
        let mut cursor = cursor();
        let start = cursor.start;
        let ranges = |cursor: &Cursor| -> Vec<_> {
            let hours = |it: &Backfill| (it.next.epoch_hours() - start.epoch_hours(), it.range.hours());
            cursor.lost.iter().map(hours).collect()
        };
        cursor.go_back(None);
        assert_eq!(ranges(&cursor), [(-7, 3), (4, 1)]);
        cursor.go_back(None);
        assert_eq!(ranges(&cursor), [(-7, 3), (0, 5)], "everything from the start on");
        assert_eq!(cursor.backfills.len(), 1, "what somebody asked for goes on");
        assert!(cursor.waypoints.newest().is_empty());
    }
}
