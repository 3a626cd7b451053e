//! The journal, whatever database is behind it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::ids::ObjectId;
use domain::time::Timestamp;

use super::{Journal, JournalAppended, StoredEntry};
use crate::error::StoreError;
use crate::transaction::{Columns, Readers, Transaction, Writer, values};
use crate::turns::Turns;

/// A page ends with the entry whose body reaches so many bytes: it is answered within seconds, however much entries say.
const PAGE_BYTES: u64 = 1024 * 1024;

/// The journal on connections of a back end.
pub(crate) struct KeptJournal<R: Readers, W: Writer> {
    readers: R,
    writer: Arc<Turns<W>>,
    known: Arc<Mutex<Known>>,
}

/// What this process knows of the journal. Whatever is read or appended has to go on from there: else the database went back
/// to an earlier state, and may have gone on from that in another way.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// The last entry read or appended here.
    last: Link,
    /// Whether it was the journal's last one then.
    is_end: bool,
}

/// An entry by the chain up to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Link {
    /// 0 before the first one.
    sequence: u64,
    chain: [u8; 32],
}

impl<R: Readers, W: Writer> KeptJournal<R, W> {
    pub(crate) fn new(readers: R, writer: Arc<Turns<W>>) -> Self {
        Self {
            readers,
            writer,
            known: Arc::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Readers, W: Writer> Drop for KeptJournal<R, W> {
    fn drop(&mut self) {
        self.readers.close_idle();
    }
}

#[async_trait]
impl<R: Readers, W: Writer> Journal for KeptJournal<R, W> {
    fn is_known_to_end_at(&self, sequence: u64) -> bool {
        let Known { last, is_end } = *self.known();
        R::ALONE && is_end && sequence > 0 && sequence == last.sequence
    }

    async fn read_after(&self, sequence: u64, limit: usize) -> Result<Vec<StoredEntry>, StoreError> {
        let known = self.known().last;
        let page = self
            .readers
            .glance(move |transaction| page(transaction, sequence, limit))
            .await?;
        let page = known.leads_to(page)?;
        self.known().read(&page);
        Ok(page.entries)
    }

    async fn append(
        &self,
        expected: u64,
        entries: Vec<Vec<u8>>,
        recorded_at: Timestamp,
        by: ObjectId,
    ) -> Result<JournalAppended, StoreError> {
        let known = Arc::clone(&self.known);
        let work = move |writer: &mut W| {
            let known = || known.lock().unwrap_or_else(PoisonError::into_inner);
            let last = known().last;
            let appended =
                writer.write(|transaction| append(transaction, last, expected, &entries, (recorded_at, by)));
            // Before the next one appends: what is known is never ahead of what is told of.
            match appended {
                Ok(Ok(last)) => {
                    known().reach(last, true);
                    let last = last.sequence;
                    Ok(JournalAppended::Appended { last })
                }
                Ok(Err(Conflict { last })) => {
                    known().is_end = false;
                    Ok(JournalAppended::Conflict { last })
                }
                Err(error) => {
                    known().is_end = false;
                    Err(error)
                }
            }
        };
        self.writer.with(work).await
    }
}

impl Known {
    /// Takes in what was read.
    fn read(&mut self, page: &Page) {
        self.reach(page.last(), page.entries.is_empty());
    }

    /// Takes in that there is an entry, and whether it is the last one. Somebody else may have gone further meanwhile.
    fn reach(&mut self, last: Link, is_end: bool) {
        if last.sequence > self.last.sequence {
            *self = Self { last, is_end };
        } else if last.sequence == self.last.sequence {
            self.is_end |= is_end;
        }
    }
}

impl Link {
    /// The page, if it goes on from this entry, as far as it tells.
    fn leads_to(self, page: Page) -> Result<Page, StoreError> {
        let Page { after, before, .. } = page;
        let chain = match before {
            Some(chain) if after == self.sequence => Some(chain),
            Some(_) if page.entries.is_empty() && after < self.sequence => None,
            Some(_) => page.chain_at(self.sequence).or(Some(self.chain)),
            None if after > self.sequence => return Err(no_entry(after)),
            None => None,
        };
        if chain == Some(self.chain) {
            Ok(page)
        } else {
            Err(self.went_back())
        }
    }

    fn went_back(self) -> StoreError {
        let entry = self.sequence;
        StoreError::WentBack { entry }
    }
}

/// Some entries, one after the other.
struct Page {
    /// The number of the entry before them, or 0.
    after: u64,
    /// The chain value of that; nothing if it is not there.
    before: Option<[u8; 32]>,
    entries: Vec<StoredEntry>,
}

impl Page {
    fn chain_at(&self, sequence: u64) -> Option<[u8; 32]> {
        let found = self.entries.iter().find(|entry| entry.sequence == sequence);
        found.map(|entry| entry.chain)
    }

    /// Its last entry, or the one before it if it is empty.
    fn last(&self) -> Link {
        match self.entries.last() {
            Some(StoredEntry { sequence, chain, .. }) => Link {
                sequence: *sequence,
                chain: *chain,
            },
            None => Link {
                sequence: self.after,
                chain: self.before.unwrap_or_default(),
            },
        }
    }
}

/// The entries numbered above `sequence`, as [`Journal::read_after`], whatever is known of them.
pub(crate) fn read_after(
    transaction: &dyn Transaction,
    sequence: u64,
    limit: usize,
) -> Result<Vec<StoredEntry>, StoreError> {
    let page = page(transaction, sequence, limit)?;
    page.before.ok_or_else(|| no_entry(sequence))?;
    Ok(page.entries)
}

/// Looks with one statement, so that nothing more than an answer is waited for where there is nothing new: the entry that is
/// known comes along, and how long the next ones are. Then reads as many of these as make a page; they are still the same
/// ones, or their chain breaks.
fn page(transaction: &dyn Transaction, after: u64, limit: usize) -> Result<Page, StoreError> {
    let known = usize::from(after > 0);
    let ahead: Vec<Ahead> = transaction.rows(
        "SELECT sequence, chain, length(body) FROM entry WHERE sequence >= ?1 ORDER BY sequence LIMIT ?2",
        &values![after, limit.saturating_add(known)],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let (before, next) = match ahead.split_first() {
        _ if after == 0 => (Some([0; 32]), ahead.as_slice()),
        Some(((sequence, chain, _), next)) if *sequence == after => (Some(*chain), next),
        _ => (None, ahead.as_slice()),
    };
    let entries = match (before, end_of_page(next)) {
        (Some(before), Some(last)) => chained_entries(transaction, (after, before), last)?,
        _ => Vec::new(),
    };
    Ok(Page {
        after,
        before,
        entries,
    })
}

/// Number and chain value of an entry, and the bytes of its body.
type Ahead = (u64, [u8; 32], u64);

/// The last of the next entries that goes into a page, if there is one.
fn end_of_page(next: &[Ahead]) -> Option<u64> {
    let mut bytes = 0;
    let full = |(_, _, length): &&Ahead| {
        bytes += length;
        bytes >= PAGE_BYTES
    };
    let end = next.iter().find(full).or(next.last());
    end.map(|(sequence, ..)| *sequence)
}

/// The entries after one with this chain value up to another one, each checked against the one before.
fn chained_entries(
    transaction: &dyn Transaction,
    (after, mut previous): (u64, [u8; 32]),
    last: u64,
) -> Result<Vec<StoredEntry>, StoreError> {
    let entries = transaction.rows(
        "SELECT sequence, recorded_at, actor, body, chain FROM entry WHERE sequence > ?1 AND sequence <= ?2
         ORDER BY sequence",
        &values![after, last],
        entry,
    )?;
    for (expected, entry) in (after + 1..).zip(&entries) {
        if entry.sequence != expected || entry.chained_after(&previous) != entry.chain {
            return Err(StoreError::corrupt(format!(
                "the journal is not what was written: its chain breaks at entry {expected}"
            )));
        }
        previous = entry.chain;
    }
    Ok(entries)
}

/// The next entries, whatever they are linked to.
pub(crate) fn entries_after(
    transaction: &dyn Transaction,
    sequence: u64,
    limit: usize,
) -> Result<Vec<StoredEntry>, StoreError> {
    transaction.rows(
        "SELECT sequence, recorded_at, actor, body, chain FROM entry WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
        &values![sequence, limit],
        entry,
    )
}

/// The chain value of an entry, if it is there; before the first entry it is zero.
fn chain_at(transaction: &dyn Transaction, sequence: u64) -> Result<Option<[u8; 32]>, StoreError> {
    if sequence == 0 {
        return Ok(Some([0; 32]));
    }
    let sql = "SELECT chain FROM entry WHERE sequence = ?1";
    transaction.row(sql, &values![sequence], |row| row.get(0))
}

fn no_entry(sequence: u64) -> StoreError {
    StoreError::corrupt(format!("the journal has no entry {sequence}"))
}

fn entry(row: &dyn Columns) -> Result<StoredEntry, StoreError> {
    Ok(StoredEntry {
        sequence: row.get(0)?,
        recorded_at: row.get(1)?,
        by: row.get(2)?,
        body: row.get(3)?,
        chain: row.get(4)?,
    })
}

/// Somebody else has appended in the meantime, up to this entry.
struct Conflict {
    last: u64,
}

/// Appends after `expected`, where `known` is what this process knows for sure. Returns the last entry then.
fn append(
    transaction: &dyn Transaction,
    known: Link,
    expected: u64,
    bodies: &[Vec<u8>],
    (recorded_at, by): (Timestamp, ObjectId),
) -> Result<Result<Link, Conflict>, StoreError> {
    let sql = "SELECT coalesce(max(sequence), 0) FROM entry";
    let last: u64 = transaction.the_row(sql, &[], |row| row.get(0))?;
    if chain_at(transaction, known.sequence)? != Some(known.chain) {
        return Err(known.went_back());
    }
    if last < expected || (last > expected && !transaction.again()) {
        return Ok(Err(Conflict { last }));
    }
    let before = if expected == known.sequence {
        known.chain
    } else {
        chain_at(transaction, expected)?.ok_or_else(|| no_entry(expected))?
    };
    let (entries, appended) = chained(expected, before, bodies, (recorded_at, by));
    if last > expected {
        // Somebody has appended: this very unit of work, if what it appends is there.
        let ours = chain_at(transaction, appended.sequence)? == Some(appended.chain);
        return Ok(if ours {
            Ok(appended)
        } else {
            Err(Conflict { last })
        });
    }
    let recorded_at = recorded_at.to_string();
    let rows: Vec<_> = entries
        .iter()
        .map(|it| values![it.sequence, &recorded_at, it.by.as_bytes(), &it.body, &it.chain])
        .collect();
    transaction.execute_each(
        "INSERT INTO entry (sequence, recorded_at, actor, body, chain) VALUES (?1, ?2, ?3, ?4, ?5)",
        &rows,
    )?;
    Ok(Ok(appended))
}

/// Entries with these bodies after the one with this number and chain value, and the last of them.
fn chained(
    after: u64,
    mut chain: [u8; 32],
    bodies: &[Vec<u8>],
    (recorded_at, by): (Timestamp, ObjectId),
) -> (Vec<StoredEntry>, Link) {
    let mut entries = Vec::with_capacity(bodies.len());
    let mut last = after;
    for (sequence, body) in (after + 1..).zip(bodies) {
        let mut entry = StoredEntry {
            sequence,
            recorded_at,
            by,
            body: body.clone(),
            chain,
        };
        chain = entry.chained_after(&chain);
        entry.chain = chain;
        entries.push(entry);
        last = sequence;
    }
    let sequence = last;
    (entries, Link { sequence, chain })
}
