//! The journal on SQLite.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::ids::ObjectId;
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::pool::ReadPool;
use super::{bound, migrations};
use crate::error::StoreError;
use crate::journal::{Journal, JournalAppended, StoredEntry};

pub(super) struct SqliteJournal {
    writer: Arc<Mutex<Connection>>,
    readers: ReadPool,
    _lock: Arc<File>,
}

impl SqliteJournal {
    pub(super) fn open(path: &Path, lock: Arc<File>) -> Result<Self, StoreError> {
        let writer = super::open_for_writing(path, &migrations::BOOKS)?;
        Ok(Self {
            writer: Arc::new(Mutex::new(writer)),
            readers: ReadPool::new(path),
            _lock: lock,
        })
    }
}

impl Drop for SqliteJournal {
    /// Leaves everything in the one file.
    fn drop(&mut self) {
        self.readers.close_idle();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        super::checkpoint(&writer, "the books");
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn read_after(&self, sequence: u64, limit: usize) -> Result<Vec<StoredEntry>, StoreError> {
        self.readers
            .read(move |connection| read_after(connection, sequence, limit))
            .await
    }

    async fn append(
        &self,
        expected: u64,
        entries: Vec<Vec<u8>>,
        recorded_at: Timestamp,
        by: ObjectId,
    ) -> Result<JournalAppended, StoreError> {
        let writer = Arc::clone(&self.writer);
        let work = move || {
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            append(&mut writer, expected, entries, recorded_at, by)
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(StoreError::unavailable)?
    }
}

fn read_after(connection: &Connection, sequence: u64, limit: usize) -> Result<Vec<StoredEntry>, StoreError> {
    let mut previous = chain_at(connection, sequence)?;
    let mut statement = connection.prepare_cached(
        "SELECT sequence, recorded_at, actor, body, chain FROM entry WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
    )?;
    let mut rows = statement.query(params![bound(sequence), bound(limit)])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let entry = entry(row)?;
        let expected = sequence + 1 + u64::try_from(entries.len()).unwrap_or(u64::MAX);
        if entry.sequence != expected || entry.chained_after(&previous) != entry.chain {
            return Err(StoreError::corrupt(format!(
                "the journal is not what was written: its chain breaks at entry {expected}"
            )));
        }
        previous = entry.chain;
        entries.push(entry);
    }
    Ok(entries)
}

/// The chain value of an entry; before the first entry it is zero.
fn chain_at(connection: &Connection, sequence: u64) -> Result<[u8; 32], StoreError> {
    if sequence == 0 {
        return Ok([0; 32]);
    }
    let mut statement = connection.prepare_cached("SELECT chain FROM entry WHERE sequence = ?1")?;
    let chain = statement.query_row([sequence], |row| row.get(0)).optional()?;
    chain.ok_or_else(|| StoreError::corrupt(format!("the journal has no entry {sequence}")))
}

fn entry(row: &Row<'_>) -> Result<StoredEntry, StoreError> {
    let recorded_at: String = row.get(1)?;
    Ok(StoredEntry {
        sequence: row.get(0)?,
        recorded_at: recorded_at.parse().map_err(|_| {
            StoreError::corrupt(format!(
                "the journal says that an entry was recorded at {recorded_at:?}"
            ))
        })?,
        by: ObjectId::from_bytes(row.get(2)?),
        body: row.get(3)?,
        chain: row.get(4)?,
    })
}

fn append(
    connection: &mut Connection,
    expected: u64,
    bodies: Vec<Vec<u8>>,
    recorded_at: Timestamp,
    by: ObjectId,
) -> Result<JournalAppended, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut last: u64 = transaction
        .prepare_cached("SELECT coalesce(max(sequence), 0) FROM entry")?
        .query_row([], |row| row.get(0))?;
    if last != expected {
        return Ok(JournalAppended::Conflict { last });
    }
    let mut chain = chain_at(&transaction, last)?;
    {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO entry (sequence, recorded_at, actor, body, chain) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for body in bodies {
            last += 1;
            let mut entry = StoredEntry {
                sequence: last,
                recorded_at,
                by,
                body,
                chain,
            };
            chain = entry.chained_after(&chain);
            entry.chain = chain;
            insert.execute(params![
                entry.sequence,
                entry.recorded_at.to_string(),
                entry.by.as_bytes(),
                entry.body,
                entry.chain
            ])?;
        }
    }
    transaction.commit()?;
    Ok(JournalAppended::Appended { last })
}
