//! The quarantine, and what is done with records in it.

use std::collections::BTreeMap;

use domain::ids::{BatchId, CloudId};
use domain::quarantine::{Positions, RECORDS_PER_ACT_MAX, Reason, SearchText};
use domain::time::{Hour, HourInterval};
use domain::usage::QuarantineCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{InvalidMember, member, optional};

/// A record that is or was in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuarantinedRecord {
    /// Its position in the quarantine.
    pub position: u64,
    /// The stack.
    pub cloud_id: String,
    /// The batch it came in.
    pub batch_id: String,
    /// When that was received.
    pub received_at: String,
    /// The reported time of that: released, the record counts as reported then.
    pub reported: String,
    /// Its place in the delivery, from 0.
    pub index: u32,
    /// What has become of it: `waiting`, `released` or `purged`.
    pub state: String,
    /// Why it cannot be counted, by the last attempt: a stable code.
    pub code: String,
    /// What is wrong and what would be right.
    pub message: String,
    /// Why it could not be counted when it came, if that was another reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_code: Option<String>,
    /// The record as it was sent, or the beginning of it; empty if it was purged.
    pub raw: String,
    /// How many bytes the record had, if no more than the beginning was kept: then it is released with its whole text
    /// mended only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_bytes: Option<u64>,
    /// BLAKE3 of the record as it was sent, all of it, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_digest: Option<String>,
    /// The text it was counted by, if that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mended: Option<String>,
    /// What released or purged it, if anything did: `GET /api/v1/quarantine/history` says more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act_id: Option<String>,
    /// The batch by which it was released, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_by: Option<String>,
}

/// How many records of a stack wait for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuarantineCount {
    /// The stack.
    pub cloud_id: String,
    /// The reason: a stable code.
    pub code: String,
    /// How many.
    pub records: u64,
    /// When the first of them was received.
    pub first_received: String,
    /// When the last of them was received.
    pub last_received: String,
}

/// Records that wait in quarantine, by what they have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuarantineFilter {
    /// Their stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_id: Option<String>,
    /// Why they cannot be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The batch they came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<String>,
    /// The first hour in which they were received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_from: Option<String>,
    /// The first hour in which they were not received any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_to: Option<String>,
    /// A text in what is wrong or in what was sent, exactly so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containing: Option<String>,
}

impl QuarantineFilter {
    /// Their stack.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn cloud_id(&self) -> Result<Option<CloudId>, InvalidMember> {
        optional("records.filter.cloudId", self.cloud_id.as_deref())
    }

    /// Why they cannot be counted.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn code(&self) -> Result<Option<QuarantineCode>, InvalidMember> {
        optional("records.filter.code", self.code.as_deref())
    }

    /// The batch they came in.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn batch_id(&self) -> Result<Option<BatchId>, InvalidMember> {
        optional("records.filter.batchId", self.batch_id.as_deref())
    }

    /// The hours in which they were received.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn received(&self) -> Result<Option<HourInterval>, InvalidMember> {
        let from = optional("records.filter.receivedFrom", self.received_from.as_deref())?;
        let to = optional("records.filter.receivedTo", self.received_to.as_deref())?;
        if from.is_none() && to.is_none() {
            return Ok(None);
        }
        let hours = HourInterval::new(from.unwrap_or(Hour::MIN), to.unwrap_or(Hour::MAX));
        let later = || InvalidMember::new("records.filter.receivedTo", "expected an hour after receivedFrom");
        hours.ok_or_else(later).map(Some)
    }

    /// A text in what is wrong or in what was sent.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn containing(&self) -> Result<Option<SearchText>, InvalidMember> {
        optional("records.filter.containing", self.containing.as_deref())
    }
}

/// Which records something is done with: those at `positions`, or those that fit a `filter`, of which there must be as
/// many as expected. 1,000 at the most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuarantineSelection {
    /// Their positions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub positions: Vec<u64>,
    /// What they have in common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<QuarantineFilter>,
    /// How many records fit the filter. Without it only a dry run is possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_count: Option<u64>,
}

impl QuarantineSelection {
    /// Their positions, if they are named.
    ///
    /// # Errors
    /// [`InvalidMember`] if there are both positions and a filter, or neither, or too many.
    pub fn positions(&self) -> Result<Option<Positions>, InvalidMember> {
        match (&self.positions[..], &self.filter) {
            ([], Some(_)) => Ok(None),
            ([_, ..], None) if self.positions.len() <= RECORDS_PER_ACT_MAX => {
                Ok(Some(self.positions.iter().copied().collect()))
            }
            ([_, ..], None) => Err(InvalidMember::new(
                "records.positions",
                format!(
                    "expected {RECORDS_PER_ACT_MAX} positions at the most; do the others in another request"
                ),
            )),
            _ => Err(InvalidMember::new(
                "records",
                "expected either positions or a filter",
            )),
        }
    }
}

/// A text to read a record from instead of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MendedRecord {
    /// The position of the record.
    pub position: u64,
    /// The whole record as it should have been sent: JSON, as a string.
    pub record: String,
}

/// Has records read again, and counted if they can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseQuarantined {
    /// Which.
    pub records: QuarantineSelection,
    /// Records to be read from another text than their own, which is kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mended: Vec<MendedRecord>,
    /// Why: for the books.
    pub reason: String,
    /// Only say what would come of it.
    #[serde(default)]
    pub dry_run: bool,
}

impl ReleaseQuarantined {
    /// Why.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn reason(&self) -> Result<Reason, InvalidMember> {
        member("reason", &self.reason)
    }

    /// The texts by the positions of their records.
    ///
    /// # Errors
    /// [`InvalidMember`] if there are two for one record.
    pub fn mended(&self) -> Result<BTreeMap<u64, String>, InvalidMember> {
        let mut mended = BTreeMap::new();
        for MendedRecord { position, record } in &self.mended {
            if mended.insert(*position, record.clone()).is_some() {
                let message = format!("expected one text for the record at position {position}");
                return Err(InvalidMember::new("mended", message));
            }
        }
        Ok(mended)
    }
}

/// Has the texts of records removed for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PurgeQuarantined {
    /// Which.
    pub records: QuarantineSelection,
    /// Why: for the books.
    pub reason: String,
    /// Only say what would come of it.
    #[serde(default)]
    pub dry_run: bool,
}

impl PurgeQuarantined {
    /// Why.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn reason(&self) -> Result<Reason, InvalidMember> {
        member("reason", &self.reason)
    }
}

/// A batch of released records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleasedBatch {
    /// The batch: its receipt is among those of the stack.
    pub batch_id: String,
    /// The stack.
    pub cloud_id: String,
    /// The reported time of its records: that of the deliveries they came in.
    pub reported: String,
    /// Records that are new.
    pub accepted: u32,
    /// Records that were there already.
    pub duplicate: u32,
    /// Records that say another quantity for what was there already.
    pub revised: u32,
    /// Of these, those that do not count, as of this batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revised_not_counting: Option<u32>,
}

/// A record that was released and does not count: of the same record another quantity does, which was reported later, or
/// at the same time and is larger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleasedNotCounting {
    /// Its position in the quarantine.
    pub position: u64,
    /// The quantity that counts.
    pub counts: String,
    /// The reported time of that.
    pub reported: String,
}

/// A record that still cannot be counted, and waits on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StillWaiting {
    /// Its position in the quarantine.
    pub position: u64,
    /// Why: a stable code.
    pub code: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A record that was released, and may not be what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseWarning {
    /// Its position in the quarantine.
    pub position: u64,
    /// What may be wrong: a stable code.
    pub code: String,
    /// The same as a sentence.
    pub message: String,
}

/// Why a release did not come to its last record. What the same answer says of the others was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseStopped {
    /// Why: a stable code.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
    /// The positions of the records that it did not come to.
    pub left: Vec<u64>,
}

/// What came of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuarantineReleased {
    /// Under which it is in the history. None of a dry run, and none where nothing waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act_id: Option<String>,
    /// Whether nothing of it was done.
    pub dry_run: bool,
    /// Records released.
    pub released: u32,
    /// The batches by which they were, one for each stack and reported time. A dry run's are never stored.
    pub batches: Vec<ReleasedBatch>,
    /// Those of the released records that do not count now, revised or known.
    #[serde(default)]
    pub not_counting: Vec<ReleasedNotCounting>,
    /// What is worth a look at mended records before they are released.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<ReleaseWarning>,
    /// The records that wait on.
    pub waiting: Vec<StillWaiting>,
    /// The positions of records that had been released or purged before.
    pub gone: Vec<u64>,
    /// The positions at which no record ever was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<u64>,
    /// Why it did not come to the last record, where that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<ReleaseStopped>,
}

/// What came of a purge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuarantinePurged {
    /// Under which it is in the history. None of a dry run, and none where nothing waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act_id: Option<String>,
    /// Whether nothing of it was done.
    pub dry_run: bool,
    /// The positions of the records whose texts are removed.
    pub purged: Vec<u64>,
    /// The positions of records that had been released or purged before.
    pub gone: Vec<u64>,
    /// The positions at which no record ever was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<u64>,
}

/// What somebody did with records in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuarantineAct {
    /// The number of its entry in the books.
    pub entry: u64,
    /// Its id.
    pub act_id: String,
    /// When.
    pub at: String,
    /// Who.
    pub by: String,
    /// The name of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_name: Option<String>,
    /// What: `release` or `purge`.
    pub act: String,
    /// The positions of the records, as in `3-7,9`.
    pub positions: String,
    /// Of those, the ones that were read from another text than their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mended: Option<String>,
    /// Why.
    pub reason: String,
    /// How many records were named.
    pub named: u64,
    /// How many of them it released or purged.
    pub done: u64,
    /// The batches by which it released them.
    pub batches: Vec<String>,
}
