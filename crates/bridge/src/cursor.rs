//! How far a stack was read and delivered: what the bridge remembers through anything.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::ids::CloudId;
use domain::time::{Hour, HourInterval};
use serde::{Deserialize, Serialize};

use crate::range::{Backfill, StoredBackfill, take_out};
use crate::waypoints::{Hours, StoredWaypoint, Waypoints};

/// The newest version of the form on disk. What is written has the lowest that can hold what is there, so that an older
/// bridge reads it, or says that it was written by a newer one.
const VERSION: u32 = 3;
/// The form of what was read and delivered, before more was remembered of it.
const FIRST_FORM: u32 = 1;
/// With receipts and what was lost, and with hours that were refused and ranges that were taken back.
const FORM_WITH_RECEIPTS: u32 = 2;
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
    /// What is to be read on command, and before the start.
    pub(crate) backfills: Vec<Backfill>,
    /// Which old hours the stack refused: they were left out, and are not declared as read.
    pub(crate) refused: BTreeSet<Hour>,
    /// Which hours the stack refused that were to be read by themselves: the server lost them, or they lie before the
    /// start. Nobody asked for them, so they are not taken back: they stay until they were read, or given up.
    pub(crate) refused_unasked: Hours,
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
    /// What of that, or of what lies before the start, somebody gave up, and was not read since: it is not declared.
    pub(crate) given_up: Hours,
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused_unasked: Vec<(String, String)>,
    seen: BTreeMap<String, Vec<String>>,
    totals: Totals,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    waypoints: Vec<StoredWaypoint>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lost: Vec<StoredBackfill>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    given_up: Vec<(String, String)>,
    #[serde(default = "first", skip_serializing_if = "is_first")]
    undeclared: Position,
}

const fn first() -> Position {
    Position::FIRST
}

fn is_first(position: &Position) -> bool {
    *position == Position::FIRST
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
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
            refused_unasked: Hours::default(),
            withdrawals: 0,
            seen: BTreeMap::new(),
            totals: Totals::default(),
            waypoints: Waypoints::default(),
            lost: Vec::new(),
            given_up: Hours::default(),
            undeclared: Position::FIRST,
        }
    }

    /// Whether nothing was read, delivered or asked for since it was made.
    pub(crate) fn is_untouched(&self) -> bool {
        *self == Self::new(self.cloud_id, self.start)
    }

    /// The server knew the stack before this spool did: whoever read the hours before the start may have gone before the last
    /// of their usage came, so as many of them as are looked back at are read again.
    pub(crate) fn look_before_start(&mut self, lookback: i32) {
        let range = HourInterval::new(self.start.plus(-lookback), self.start);
        self.backfills.extend(range.map(|range| Backfill {
            is_before_start: true,
            ..Backfill::whole(range)
        }));
    }

    /// What somebody asked for is not read any more. What nobody asked for is lost still where it was refused, also
    /// where it was asked for again since.
    pub(crate) fn withdraw_backfills(&mut self) {
        self.backfills.retain(|it| it.is_before_start);
        self.refused = self.refused_unasked.each().collect();
        self.withdrawals = self.withdrawals.wrapping_add(1);
    }

    /// An old hour was left out that the stack refused.
    pub(crate) fn refuse(&mut self, hour: Hour, is_asked_for: bool) {
        self.refused.insert(hour);
        if !is_asked_for {
            let hour = HourInterval::new(hour, hour.plus(1));
            hour.into_iter().for_each(|it| self.refused_unasked.add(it));
        }
    }

    /// Whether there is no room to remember that this hour was refused, too.
    pub(crate) fn cannot_remember_refused(&self, hour: Hour) -> bool {
        let is_remembered = self.refused.contains(&hour) || self.refused_unasked.contains(hour);
        !is_remembered && self.refused.len().max(self.refused_unasked.number()) >= REFUSED_HOURS_MAX
    }

    /// An hour was read completely, and is declared.
    pub(crate) fn was_read(&mut self, hour: Hour) {
        if let Some(hour) = HourInterval::new(hour, hour.plus(1)) {
            self.given_up.remove(hour);
            self.refused_unasked.remove(hour);
        }
    }

    /// What was shown of what is read by itself is not any more: what the server lost, what lies before the start, and
    /// what the stack refused of these. What turned out to be lost since stays lost. Answers what was given up.
    pub(crate) fn give_up_lost(&mut self, shown: &Hours) -> Hours {
        let mut given_up = take_out(&mut self.lost, shown, |_| true);
        given_up.add_all(&take_out(&mut self.backfills, shown, |it| it.is_before_start));
        for refused in shown.intervals().map(|it| self.refused_unasked.of(it)) {
            given_up.add_all(&refused);
        }
        self.refused_unasked.remove_all(&given_up);
        self.refused.retain(|hour| !given_up.contains(*hour));
        self.given_up.add_all(&given_up);
        given_up
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
        self.lost
            .iter()
            .filter_map(Backfill::left)
            .for_each(|left| all.add(left));
        self.lost = all.intervals().map(Backfill::whole).collect();
        all.intervals().for_each(|it| self.given_up.remove(it));
        lost
    }

    /// The lowest form that can hold what is there.
    fn form(&self) -> u32 {
        let is_newest = !self.given_up.is_empty()
            || !self.refused_unasked.is_empty()
            || self.backfills.iter().any(|it| it.is_before_start);
        let has_receipts = !self.waypoints.is_empty()
            || !self.lost.is_empty()
            || self.undeclared != Position::FIRST
            || !self.refused.is_empty()
            || self.withdrawals > 0;
        match (is_newest, has_receipts) {
            (true, _) => VERSION,
            (false, true) => FORM_WITH_RECEIPTS,
            (false, false) => FIRST_FORM,
        }
    }

    /// The text that is kept: a line of JSON, and a line with its BLAKE3.
    pub(crate) fn encode(&self) -> Result<String, InvalidCursor> {
        let seen = self.seen.iter().map(|(hour, pages)| {
            let pages = pages.iter().map(|digest| format!("{digest:?}"));
            (hour.to_string(), pages.collect())
        });
        let stored = Stored {
            version: self.form(),
            cloud_id: self.cloud_id.to_string(),
            start: self.start.to_string(),
            read_through: self.read_through.to_string(),
            acknowledged_through: self.acknowledged_through.map(|hour| hour.to_string()),
            committed: self.committed,
            acknowledged: self.acknowledged,
            backfills: self.backfills.iter().map(StoredBackfill::of).collect(),
            refused: self.refused.iter().map(Hour::to_string).collect(),
            withdrawals: self.withdrawals,
            refused_unasked: self.refused_unasked.stored(),
            seen: seen.collect(),
            totals: self.totals,
            waypoints: self.waypoints.stored(),
            lost: self.lost.iter().map(StoredBackfill::of).collect(),
            given_up: self.given_up.stored(),
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
            refused_unasked: Hours::read(&self.refused_unasked)?,
            seen: seen.collect::<Result<_, InvalidCursor>>()?,
            totals: self.totals,
            waypoints: Waypoints::read(self.waypoints)?,
            lost: lost.collect::<Result<_, InvalidCursor>>()?,
            given_up: Hours::read(&self.given_up)?,
            undeclared: self.undeclared,
        })
    }
}

pub(crate) fn hour(text: &str) -> Result<Hour, InvalidCursor> {
    text.parse()
        .map_err(|error| InvalidCursor::Content(format!("{text}: {error}")))
}
