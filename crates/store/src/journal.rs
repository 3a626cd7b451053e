//! The port of the journal: numbered entries, appended only where the writer knew all entries before.

mod kept;

use async_trait::async_trait;
use domain::ids::ObjectId;
use domain::time::Timestamp;

pub(crate) use self::kept::{KeptJournal, entries_after, read_after};
use crate::error::StoreError;

/// One entry of the journal as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its number: from 1, without a gap.
    pub sequence: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Who asked for it.
    pub by: ObjectId,
    /// What it says. The journal does not look into it.
    pub body: Vec<u8>,
    /// BLAKE3 of the chain value of the entry before (32 zero bytes before the first) and of this entry's content.
    pub chain: [u8; 32],
}

impl StoredEntry {
    /// What [`StoredEntry::chain`] has to be after the given chain value.
    #[must_use]
    pub fn chained_after(&self, previous: &[u8; 32]) -> [u8; 32] {
        let recorded_at = self.recorded_at.to_string();
        let length = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes();
        let mut hasher = blake3::Hasher::new();
        hasher.update(previous);
        hasher.update(&self.sequence.to_be_bytes());
        hasher
            .update(&length(recorded_at.as_bytes()))
            .update(recorded_at.as_bytes());
        hasher.update(self.by.as_bytes());
        hasher.update(&length(&self.body)).update(&self.body);
        *hasher.finalize().as_bytes()
    }
}

/// What came of appending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalAppended {
    /// The entries are durable.
    Appended {
        /// The number of the last one.
        last: u64,
    },
    /// Somebody else has appended in the meantime; nothing was appended. Catch up and decide again.
    Conflict {
        /// The number of the last entry there is.
        last: u64,
    },
}

/// An append-only sequence of entries.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Whether it is known, without looking, that no entry is numbered above `sequence`: nobody else writes the journal,
    /// and this process has read or appended it to its end. Costs next to nothing.
    fn is_known_to_end_at(&self, sequence: u64) -> bool;

    /// The next entries numbered above `sequence`, in order: `limit` at most, and fewer where they are large, but one at
    /// least if there is one. Each is checked against the chain.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`] where numbering or chain is broken, and
    /// [`StoreError::WentBack`] where entries that this process has read or appended are not there any more.
    async fn read_after(&self, sequence: u64, limit: usize) -> Result<Vec<StoredEntry>, StoreError>;

    /// Appends all of the entries, or none: they were decided by somebody who knew the entries up to number
    /// `expected`. Once this returns [`JournalAppended::Appended`] they are durable.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] or [`StoreError::Busy`]: nothing of it is there. [`StoreError::Uncertain`]: the entries
    /// may be there; whoever decides next is told so by a [`JournalAppended::Conflict`]. [`StoreError::WentBack`] as when
    /// reading.
    async fn append(
        &self,
        expected: u64,
        entries: Vec<Vec<u8>>,
        recorded_at: Timestamp,
        by: ObjectId,
    ) -> Result<JournalAppended, StoreError>;
}
