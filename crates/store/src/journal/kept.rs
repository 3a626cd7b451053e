//! The journal, whatever database is behind it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::ids::ObjectId;
use domain::time::Timestamp;

use super::{Journal, JournalAppended, StoredEntry};
use crate::error::StoreError;
use crate::transaction::{Columns, Readers, Transaction, Writer, values};

/// The journal on connections of a back end.
pub(crate) struct KeptJournal<R: Readers, W: Writer> {
    readers: R,
    writer: Arc<Mutex<W>>,
    /// The number of the last entry, as far as this process has read or appended to the end; 0 if it has not.
    last: Arc<AtomicU64>,
}

impl<R: Readers, W: Writer> KeptJournal<R, W> {
    pub(crate) fn new(readers: R, writer: W) -> Self {
        Self {
            readers,
            writer: Arc::new(Mutex::new(writer)),
            last: Arc::default(),
        }
    }
}

impl<R: Readers, W: Writer> Drop for KeptJournal<R, W> {
    fn drop(&mut self) {
        self.readers.close_idle();
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).close();
    }
}

#[async_trait]
impl<R: Readers, W: Writer> Journal for KeptJournal<R, W> {
    async fn read_after(&self, sequence: u64, limit: usize) -> Result<Vec<StoredEntry>, StoreError> {
        // Who writes alone knows when there is nothing new: it is asked before each request.
        if R::ALONE && sequence > 0 && sequence == self.last.load(Ordering::Acquire) {
            return Ok(Vec::new());
        }
        let entries = self
            .readers
            .read(move |transaction| read_after(transaction, sequence, limit))
            .await?;
        if entries.len() < limit {
            let last = entries.last().map_or(sequence, |entry| entry.sequence);
            self.last.fetch_max(last, Ordering::Release);
        }
        Ok(entries)
    }

    async fn append(
        &self,
        expected: u64,
        entries: Vec<Vec<u8>>,
        recorded_at: Timestamp,
        by: ObjectId,
    ) -> Result<JournalAppended, StoreError> {
        let (writer, known) = (Arc::clone(&self.writer), Arc::clone(&self.last));
        let work = move || {
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            let appended =
                writer.write(|transaction| append(transaction, expected, &entries, (recorded_at, by)))?;
            // Before the next one appends: what is known is never ahead of what is told of.
            let (JournalAppended::Appended { last } | JournalAppended::Conflict { last }) = appended;
            known.fetch_max(last, Ordering::Release);
            Ok(appended)
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(StoreError::unavailable)?
    }
}

fn read_after(
    transaction: &dyn Transaction,
    sequence: u64,
    limit: usize,
) -> Result<Vec<StoredEntry>, StoreError> {
    let mut previous = chain_at(transaction, sequence)?;
    let entries = transaction.rows(
        "SELECT sequence, recorded_at, actor, body, chain FROM entry WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
        &values![sequence, limit],
        entry,
    )?;
    for (expected, entry) in (sequence + 1..).zip(&entries) {
        if entry.sequence != expected || entry.chained_after(&previous) != entry.chain {
            return Err(StoreError::corrupt(format!(
                "the journal is not what was written: its chain breaks at entry {expected}"
            )));
        }
        previous = entry.chain;
    }
    Ok(entries)
}

/// The chain value of an entry; before the first entry it is zero.
fn chain_at(transaction: &dyn Transaction, sequence: u64) -> Result<[u8; 32], StoreError> {
    if sequence == 0 {
        return Ok([0; 32]);
    }
    let sql = "SELECT chain FROM entry WHERE sequence = ?1";
    let chain = transaction.row(sql, &values![sequence], |row| row.get(0))?;
    chain.ok_or_else(|| StoreError::corrupt(format!("the journal has no entry {sequence}")))
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

fn append(
    transaction: &dyn Transaction,
    expected: u64,
    bodies: &[Vec<u8>],
    (recorded_at, by): (Timestamp, ObjectId),
) -> Result<JournalAppended, StoreError> {
    let sql = "SELECT coalesce(max(sequence), 0) FROM entry";
    let last: u64 = transaction.the_row(sql, &[], |row| row.get(0))?;
    if last < expected || (last > expected && !transaction.again()) {
        return Ok(JournalAppended::Conflict { last });
    }
    let mut chain = chain_at(transaction, expected)?;
    let mut entries = Vec::with_capacity(bodies.len());
    for (sequence, body) in (expected + 1..).zip(bodies) {
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
    }
    let appended = expected + u64::try_from(entries.len()).unwrap_or(u64::MAX);
    if last > expected {
        // Somebody has appended: this very unit of work, if what it appends is there.
        let ours = last >= appended && chain_at(transaction, appended)? == chain;
        return Ok(if ours {
            JournalAppended::Appended { last: appended }
        } else {
            JournalAppended::Conflict { last }
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
    Ok(JournalAppended::Appended { last: appended })
}
