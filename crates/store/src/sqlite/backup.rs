//! Copying the embedded store while it may be in use, and looking into a copy.
//!
//! SQLite's online backup under one read transaction for each file: the copy is the state of one moment, writers never
//! wait for it, and pages can be taken in small steps with pauses between them. `VACUUM INTO` would give one moment too,
//! but builds every table and index anew in one go. Without the transaction each commit between two steps would begin the
//! backup again, so under load it would never end. The price: the write-ahead log is not used again from its beginning
//! until the copy is done, and grows by what is written meanwhile.
//!
//! Sign-ins are not copied. A sign-out that came after the copy would be undone by it, and the price of leaving them out
//! is that people sign in again.

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use domain::ids::CloudId;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction};

use super::transaction::SqliteTransaction;
use super::{damage, private};
use crate::error::StoreError;

/// The files of a copy, in the order of their moments. Whatever usage relies on was in the books before it was delivered,
/// so books that are a little newer have all of it, and books that are a little older would not.
pub const DATABASES: [&str; 2] = ["usage.db", "books.db"];

/// Pages taken at one time: 1 MiB.
const PAGES_PER_STEP: c_int = 256;
/// Steps after which the copy is written to the disk: what a disk has to write at once delays whoever commits.
const STEPS_PER_SYNC: u32 = 16;
/// The longest pause after a step. Usually it is as long as the step was, so that at least half of the machine's time is
/// left to whoever delivers.
const PAUSE_MAX: Duration = Duration::from_millis(250);
/// How many findings about one file are worth being told.
const FINDINGS_MAX: u32 = 100;

/// The last link of a chain: who has it knows whether anything before it is missing or was changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Link {
    /// Its number; 0 where there is none yet.
    pub sequence: u64,
    /// Its chain value.
    pub chain: [u8; 32],
}

/// Where the chains of a store end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heads {
    /// The last entry of the journal.
    pub journal: Link,
    /// The last receipt of each stack.
    pub stacks: BTreeMap<CloudId, Link>,
}

/// How many bytes there are to copy, as far as is known before it begins. What is in write-ahead logs may come on top.
///
/// # Errors
/// [`StoreError::Unavailable`] if a file is not there or cannot be looked at.
pub fn size(directory: &Path) -> Result<u64, StoreError> {
    let size = |name: &str| {
        let path = directory.join(name);
        let looked = std::fs::metadata(&path);
        looked.map_err(|error| StoreError::unavailable(format_args!("{}: {error}", path.display())))
    };
    DATABASES.iter().map(|name| Ok(size(name)?.len())).sum()
}

/// Copies the databases of a store's directory, which another process may have open, into another directory, where they
/// must not be yet. `watch` is told of every further bytes that are there. The copy is durable. Blocks.
///
/// # Errors
/// [`StoreError::Unavailable`] if the store cannot be read or the copy cannot be written.
pub fn copy(directory: &Path, into: &Path, watch: &mut dyn FnMut(u64)) -> Result<(), StoreError> {
    copy_around(directory, into, || (), watch)
}

/// Copies, and does something between the moment of the usage and that of the books. They are as close as can be: each may
/// take long to copy.
fn copy_around(
    directory: &Path,
    into: &Path,
    between: impl FnOnce(),
    watch: &mut dyn FnMut(u64),
) -> Result<(), StoreError> {
    let [usage, books] = DATABASES.map(|name| open(&directory.join(name)));
    let (usage, books) = (usage?, books?);
    let usage = of_this_moment(&usage)?;
    between();
    let books = of_this_moment(&books)?;
    for (snapshot, name) in [usage, books].iter().zip(DATABASES) {
        copy_database(snapshot, &into.join(name), watch)?;
    }
    Ok(())
}

/// Where the chains end in a directory that nobody else has open.
///
/// # Errors
/// [`StoreError::Corrupt`] or [`StoreError::Unavailable`] if it cannot be read.
pub fn heads(directory: &Path) -> Result<Heads, StoreError> {
    let [usage, books] = DATABASES.map(|name| open(&directory.join(name)));
    let (usage, books) = (usage?, books?);
    let link = |row: &rusqlite::Row<'_>| {
        Ok(Link {
            sequence: row.get(0)?,
            chain: row.get(1)?,
        })
    };
    let last = "SELECT sequence, chain FROM entry ORDER BY sequence DESC LIMIT 1";
    let journal = books.query_row(last, [], link).optional()?;
    let mut stacks = BTreeMap::new();
    let mut statement = usage.prepare("SELECT sequence, chain, cloud_id FROM stack")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        stacks.insert(CloudId::from_bytes(row.get(2)?), link(row)?);
    }
    Ok(Heads {
        journal: journal.unwrap_or_default(),
        stacks,
    })
}

/// Refuses a directory that holds less than a store: a copy of another one that is not done, as `copy` has not brought all of
/// it, or one of which a file is missing.
///
/// # Errors
/// [`StoreError::Unfinished`], [`StoreError::FileMissing`] or [`StoreError::FileEmpty`]; or [`StoreError::Unavailable`] or [`StoreError::Corrupt`] if it cannot be read.
pub fn refuse_unfinished(directory: &Path) -> Result<(), StoreError> {
    super::is_there(directory)?;
    let books = open(&directory.join("books.db"))?;
    // Books that were not opened since before there were copies have no place for the mark.
    let sql = "SELECT 1 FROM sqlite_schema WHERE name = 'unfinished_copy'";
    if books.query_row(sql, [], |_| Ok(())).optional()?.is_none() {
        return Ok(());
    }
    crate::copy::refuse_unfinished(&SqliteTransaction(&books))
}

/// What SQLite finds wrong with a database file that nobody else has open: pages, cells, indexes and constraints. Nothing if
/// all is sound.
///
/// # Errors
/// [`StoreError::Unavailable`] if it cannot be read at all.
pub fn findings(database: &Path) -> Result<Vec<String>, StoreError> {
    match integrity(database) {
        // So damaged that not even the check can be run.
        Err(StoreError::Corrupt { detail }) => Ok(vec![detail]),
        checked => checked,
    }
}

fn integrity(database: &Path) -> Result<Vec<String>, StoreError> {
    let check = format!("integrity_check({FINDINGS_MAX})");
    damage::findings(&open(database)?, "main", &check)
}

/// A connection that writes nothing. It may, so that whoever is the last to close a database leaves all of it in one file.
fn open(database: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).map_err(|error| named(database, &error))?;
    super::configure(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// What was committed last. A transaction that is only begun has no moment yet: reading gives it one.
fn of_this_moment(connection: &Connection) -> Result<Transaction<'_>, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(transaction)
}

fn copy_database(
    snapshot: &Transaction<'_>,
    path: &Path,
    watch: &mut dyn FnMut(u64),
) -> Result<(), StoreError> {
    private::file(path)?;
    // Held until SQLite has closed its own: closing any handle of a file ends the locks on it.
    let file = File::open(path).map_err(|error| named(path, &error))?;
    let mut copy = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // A copy that is cut off is thrown away, so it needs no journal; it is written to the disk by us.
    copy.pragma_update(None, "journal_mode", "OFF")?;
    copy.pragma_update(None, "synchronous", "OFF")?;
    step_through(snapshot, &mut copy, &file, watch).map_err(|error| named(path, &error))?;
    copy.close().map_err(|(_, error)| named(path, &error))?;
    file.sync_all().map_err(|error| named(path, &error))
}

fn step_through(
    snapshot: &Transaction<'_>,
    copy: &mut Connection,
    file: &File,
    watch: &mut dyn FnMut(u64),
) -> Result<(), Box<dyn std::error::Error>> {
    let page_bytes: u64 = snapshot.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let backup = Backup::new(snapshot, copy)?;
    let mut pages = 0;
    for step in 1u32.. {
        let began = Instant::now();
        let stepped = backup.step(PAGES_PER_STEP)?;
        let progress = backup.progress();
        let there = u64::try_from(progress.pagecount.saturating_sub(progress.remaining))?;
        watch(there.saturating_sub(pages) * page_bytes);
        pages = there;
        match stepped {
            StepResult::Done => break,
            StepResult::More => {}
            _ => return Err(rusqlite::Error::SqliteFailure(busy(), None).into()),
        }
        if step.is_multiple_of(STEPS_PER_SYNC) {
            file.sync_data()?;
        }
        thread::sleep(began.elapsed().min(PAUSE_MAX));
    }
    Ok(())
}

/// Nobody writes to a snapshot, and nobody else knows of the copy.
fn busy() -> rusqlite::ffi::Error {
    rusqlite::ffi::Error {
        code: ErrorCode::DatabaseBusy,
        extended_code: rusqlite::ffi::SQLITE_BUSY,
    }
}

fn named(path: &Path, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::unavailable(format_args!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use domain::ids::{BatchId, ObjectId};
    use domain::time::{Hour, Timestamp};
    use tokio::runtime::Runtime;

    use super::*;
    use crate::usage::{Batch, ReportedWindow};
    use crate::{Store, StoreConfig};

    /// What a stack does that is registered and delivers at once.
    async fn register_and_deliver(store: &Store, number: u8) {
        let (known, by) = (u64::from(number) - 1, ObjectId::from_bytes([9; 16]));
        let entered = store
            .journal
            .append(known, vec![vec![number]], Timestamp::UNIX_EPOCH, by);
        entered.await.unwrap();
        let batch = Batch {
            id: BatchId::from_bytes([number; 16]),
            stack: CloudId::from_bytes([number; 16]),
            received_at: Timestamp::UNIX_EPOCH,
            window: ReportedWindow {
                start: Hour::MIN,
                end: None,
                through: None,
            },
            idempotency_key: None,
            known_receipts: &[],
            digest: [0; 32],
            records: &[],
            quarantined: &[],
            raw: &|_| String::new(),
        };
        store.usage.append(batch).await.unwrap();
    }

    #[test]
    fn what_is_registered_and_delivered_between_the_two_moments_is_in_the_books_and_not_in_usage() {
        let (directory, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let runtime = Runtime::new().unwrap();
        let config = StoreConfig::Sqlite {
            directory: directory.path().to_owned(),
        };
        let store = crate::open(&config).unwrap();
        runtime.block_on(register_and_deliver(&store, 1));
        let between = || runtime.block_on(register_and_deliver(&store, 2));
        copy_around(directory.path(), into.path(), between, &mut |_| ()).unwrap();
        runtime.block_on(register_and_deliver(&store, 3));
        let heads = heads(into.path()).unwrap();
        assert_eq!(heads.journal.sequence, 2);
        let stacks: Vec<CloudId> = heads.stacks.into_keys().collect();
        assert_eq!(stacks, [CloudId::from_bytes([1; 16])]);
    }
}
