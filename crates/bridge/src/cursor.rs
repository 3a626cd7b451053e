//! How far a stack was read and delivered: what the bridge remembers through anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::ids::CloudId;
use domain::time::{Hour, HourInterval};
use serde::{Deserialize, Serialize};

/// The version of the form on disk.
const VERSION: u32 = 1;
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
        }
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

impl Stored {
    fn read(self) -> Result<Cursor, InvalidCursor> {
        let cloud_id = self.cloud_id.parse();
        let backfills = self.backfills.iter().map(|it| {
            let range = HourInterval::new(hour(&it.from)?, hour(&it.to)?);
            Ok(Backfill {
                range: range
                    .ok_or_else(|| InvalidCursor::Content("a range ends before it begins".to_owned()))?,
                next: hour(&it.next)?,
            })
        });
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
        })
    }
}

fn hour(text: &str) -> Result<Hour, InvalidCursor> {
    text.parse()
        .map_err(|error| InvalidCursor::Content(format!("{text}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor() -> Cursor {
        let hour = |text: &str| text.parse::<Hour>().unwrap();
        let cloud_id = "5bf881b2-6be7-42a1-9f47-d6fcb6737747".parse().unwrap();
        let start = hour("2026-10-01T00:00:00Z");
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
            .replace("\"version\":1", "\"version\":2,\"new\":1");
        let text = format!("{json}\n{}\n", blake3::hash(json.as_bytes()));
        assert_eq!(Cursor::decode(text.as_bytes()), Err(InvalidCursor::Newer(2)));
    }
}
