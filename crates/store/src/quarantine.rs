//! The quarantine, as it is asked for and worked with.

use domain::ids::{BatchId, CloudId, QuarantineActId};
use domain::time::{Hour, HourInterval, Timestamp};
use domain::usage::{Observation, QuarantineCode, UsageRecord};

use crate::receipt::Receipt;

/// Which records in quarantine are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuarantineFilter {
    /// Those of this stack.
    pub stack: Option<CloudId>,
    /// Those in this state.
    pub state: QuarantineState,
    /// Those that cannot be counted for this reason, by the last attempt.
    pub code: Option<QuarantineCode>,
    /// Those of this batch.
    pub batch: Option<BatchId>,
    /// Those received in these hours.
    pub received: Option<HourInterval>,
    /// Those with this text, exactly so, in what is wrong or in what was sent.
    pub containing: Option<String>,
}

impl QuarantineFilter {
    /// The records that wait, of one stack or of all.
    #[must_use]
    pub fn waiting(stack: Option<CloudId>) -> Self {
        Self {
            stack,
            ..Self::default()
        }
    }
}

/// What has become of a record in quarantine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum QuarantineState {
    /// It cannot be counted, and waits for somebody who does something about it.
    #[default]
    Waiting,
    /// It was counted after all.
    Released,
    /// Its text was removed; it will never be counted.
    Purged,
}

impl QuarantineState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Released, Self::Purged];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Released => "released",
            Self::Purged => "purged",
        }
    }
}

/// A record that is or was in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedRecord {
    /// Its place in the quarantine: rises with every record put there.
    pub position: u64,
    /// The stack that delivered it.
    pub stack: CloudId,
    /// The batch it came in.
    pub batch: BatchId,
    /// When that was received.
    pub received_at: Timestamp,
    /// The reported time of that.
    pub reported: Hour,
    /// Its place in the batch, from 0.
    pub index: u32,
    /// Why it cannot be counted, by the last attempt.
    pub code: QuarantineCode,
    /// What is wrong and what would be right, likewise.
    pub message: String,
    /// Why it could not be counted when it came.
    pub first_code: QuarantineCode,
    /// Its text as sent, or the beginning of it; empty if it was purged.
    pub raw: String,
    /// How many bytes its text had, if no more than the beginning was kept of it, being longer than
    /// [`domain::quarantine::RECORD_TEXT_BYTES_MAX`]: then it cannot be counted by that.
    pub raw_bytes: Option<u64>,
    /// BLAKE3 of its text as sent, all of it. Always there if it was purged.
    pub raw_digest: Option<[u8; 32]>,
    /// The text it was counted by, if that is another one.
    pub mended: Option<String>,
    /// What released or purged it, if anything did.
    pub act: Option<QuarantineActId>,
    /// The batch by which it was released, if it was.
    pub released_by: Option<BatchId>,
}

impl QuarantinedRecord {
    /// What has become of it.
    #[must_use]
    pub const fn state(&self) -> QuarantineState {
        match (self.act, self.released_by) {
            (None, _) => QuarantineState::Waiting,
            (Some(_), Some(_)) => QuarantineState::Released,
            (Some(_), None) => QuarantineState::Purged,
        }
    }
}

/// Some of the records that are asked for: fewer than fit, if their texts are long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuarantinePage {
    /// The records, by position.
    pub records: Vec<QuarantinedRecord>,
    /// Whether there are more after them.
    pub more: bool,
}

/// How many records of a stack wait for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineCount {
    /// The stack.
    pub stack: CloudId,
    /// The reason.
    pub code: QuarantineCode,
    /// How many.
    pub records: u64,
    /// When the first of them was received.
    pub first_received: Timestamp,
    /// When the last of them was received.
    pub last_received: Timestamp,
}

/// Records to be released from quarantine, all at one time.
pub struct Release<'a> {
    /// The act, by which the ledger recognises what it has done for it.
    pub act: QuarantineActId,
    /// When it is done.
    pub released_at: Timestamp,
    /// The records that can be read now, those of each stack and reported time in a batch of their own.
    pub batches: &'a [ReleasedBatch<'a>],
    /// The records that still cannot be read.
    pub refused: &'a [RefusedAgain],
    /// Whether nothing of it is to be stored: the answer is what it would be.
    pub rehearsal: bool,
}

/// Records of one stack that were reported at one time.
pub struct ReleasedBatch<'a> {
    /// Its id, new for every release that may be stored.
    pub id: BatchId,
    /// The stack that delivered them.
    pub stack: CloudId,
    /// The reported time of the batches they came in: they count as if they had been delivered rightly then.
    pub reported: Hour,
    /// The records, by position.
    pub records: &'a [ReleasedRecord<'a>],
}

/// A record to be released.
pub struct ReleasedRecord<'a> {
    /// Its position in the quarantine.
    pub position: u64,
    /// The text it was read from, if that is not the one that was sent.
    pub mended: Option<&'a str>,
    /// BLAKE3 of the text it was read from.
    pub text_digest: [u8; 32],
    /// What it says.
    pub record: UsageRecord<'a>,
}

/// A record that still cannot be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedAgain {
    /// Its position in the quarantine.
    pub position: u64,
    /// Why.
    pub code: QuarantineCode,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A record that was released, and of whose hour another quantity counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotCounting {
    /// Its position in the quarantine.
    pub position: u64,
    /// What counts.
    pub counts: Observation,
}

/// What came of a release. All of it is durable, unless it was a rehearsal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Released {
    /// The receipts of the batches by which records were released: none of a batch all of whose records stay.
    pub receipts: Vec<Receipt>,
    /// The released records, by position, whose quantities do not count. Where the database did not say that it had
    /// committed and the unit of work was done again, only the receipts tell, and only how many revisions.
    pub not_counting: Vec<NotCounting>,
    /// The records that wait as before, with the reason that was found now.
    pub refused: Vec<RefusedAgain>,
    /// The records that do not wait any more: somebody else released or purged them, or there are none.
    pub gone: Vec<u64>,
}

/// What came of a purge. All of it is durable, unless it was a rehearsal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purged {
    /// The records whose texts are removed.
    pub purged: Vec<u64>,
    /// The records that did not wait any more.
    pub gone: Vec<u64>,
}

/// What an act came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActOutcome {
    /// How many records it released or purged.
    pub records: u64,
    /// The batches by which it released them.
    pub batches: Vec<BatchId>,
}
