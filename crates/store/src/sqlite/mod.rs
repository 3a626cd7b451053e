//! The embedded back end: SQLite, in three files of one directory.
//!
//! `books.db` holds the journal and bills, `usage.db` the ledger and `sessions.db` what lasts of sign-ins. They are apart so that a
//! decision about the books never waits for a long delivery of usage: SQLite has one writer per file. Codes that are out
//! for minutes are in memory.

mod as_it_is;
pub mod backup;
mod bytes;
mod damage;
mod definitions;
#[cfg(test)]
pub(crate) mod in_tests;
mod migrations;
mod parts;
mod pool;
mod private;
pub(crate) mod sheets;
mod transaction;
mod whole;
mod writer;

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

pub(crate) use self::as_it_is::read_as_it_is;
use self::damage::Damage;
use self::migrations::Migrations;
use self::parts::Parts;
pub(crate) use self::parts::is_there;
use self::pool::ReadPool;
use self::transaction::SqliteTransaction;
pub(crate) use self::whole::open_whole;
use self::writer::SqliteWriter;
use crate::Store;
use crate::bills::KeptBills;
use crate::codes::KeptCodes;
use crate::copy;
use crate::error::StoreError;
use crate::journal::KeptJournal;
use crate::ledger::Ledger;
use crate::sessions::KeptSessions;
use crate::turns::Turns;

/// How long a statement waits for a lock. Only the start of a process ever has to.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// The page cache of the ledger's writer, in KiB: the sheets of the hours and days now being reported.
const WRITER_CACHE_KIB: i64 = 64 * 1024;
/// Pages in the ledger's write-ahead log after which it is copied into the database.
const CHECKPOINT_PAGES: i64 = 4000;
/// Statements kept prepared for the ledger's writer.
const STATEMENTS_KEPT: usize = 64;

pub(crate) fn open(directory: &Path) -> Result<Store, StoreError> {
    private::directory(directory)?;
    let lock = Arc::new(lock(directory)?);
    let parts = Parts::of(directory);
    let [books, usage] = parts.open()?;
    // Both are in one file, which has one writer.
    let writer = books_writer(books, &lock)?;
    let journal = KeptJournal::new(ReadPool::new(&parts.books), Arc::clone(&writer));
    let bills = KeptBills::new(ReadPool::new(&parts.books), writer);
    let usage = ledger(&parts.usage, usage, &lock)?;
    let sessions = sessions(&directory.join("sessions.db"), &lock)?;
    let codes = codes(&lock)?;
    Ok(Store {
        journal: Arc::new(journal),
        usage: Arc::new(usage),
        bills: Arc::new(bills),
        sessions: Arc::new(sessions),
        codes: Arc::new(codes),
    })
}

/// What writes the books.
fn books_writer(connection: Connection, lock: &Arc<File>) -> Result<Arc<Turns<SqliteWriter>>, StoreError> {
    copy::refuse_unfinished(&SqliteTransaction(&connection))?;
    let writer = SqliteWriter::new(connection, "the books", lock);
    Ok(Arc::new(Turns::new(writer)))
}

/// What lasts of sign-ins.
fn sessions(path: &Path, lock: &Arc<File>) -> Result<KeptSessions<ReadPool, SqliteWriter>, StoreError> {
    let writer = SqliteWriter::new(
        open_for_writing(path, &migrations::SESSIONS, true)?,
        "the sessions",
        lock,
    );
    Ok(KeptSessions::new(ReadPool::new(path), writer))
}

/// Codes that are out, in no file: everybody may ask for one, so giving one out writes nothing to the disk.
fn codes(lock: &Arc<File>) -> Result<KeptCodes<Arc<Turns<SqliteWriter>>, SqliteWriter>, StoreError> {
    let mut connection = Connection::open_in_memory()?;
    migrations::CODES.apply(&mut connection)?;
    let writer = Arc::new(Turns::new(SqliteWriter::new(connection, "the codes", lock)));
    Ok(KeptCodes::new(Arc::clone(&writer), writer))
}

/// The ledger of usage. Its page caches hold 64 MiB for the writer and 8 MiB for each of 4 readers.
fn ledger(path: &Path, connection: Connection, lock: &Arc<File>) -> Result<Ledger<ReadPool>, StoreError> {
    let writer = ledger_writer(connection, lock)?;
    Ledger::start(ReadPool::new(path), writer)
}

fn ledger_writer(connection: Connection, lock: &Arc<File>) -> Result<SqliteWriter, StoreError> {
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(SqliteWriter::new(connection, "the usage ledger", lock))
}

/// How often the lock is tried before it is said to be somebody else's. Who held it may just be ending; and whatever program
/// that process is just starting holds it, too, until it has become that program.
const LOCK_ATTEMPTS: u32 = 20;
const BETWEEN_LOCK_ATTEMPTS: Duration = Duration::from_millis(50);

/// A lock that goes with the process, however it ends.
fn lock(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join("lock");
    private::file(&path)?;
    let unavailable = |error| {
        StoreError::unavailable(format_args!(
            "the file {} cannot be locked: {error}",
            path.display()
        ))
    };
    let file = File::options().write(true).open(&path).map_err(unavailable)?;
    for _ in 1..LOCK_ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN_LOCK_ATTEMPTS),
            Err(TryLockError::Error(error)) => return Err(unavailable(error)),
        }
    }
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            directory: directory.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(unavailable(error)),
    }
}

/// A connection that may write, on a database that is up to date; on a new one, if it may be new.
fn open_for_writing(
    path: &Path,
    migrations: &Migrations<'_>,
    may_be_new: bool,
) -> Result<Connection, StoreError> {
    private::database(path)?;
    open_or_make(path, migrations, may_be_new).map_err(|error| Damage::default().told(path, error))
}

fn open_or_make(
    path: &Path,
    migrations: &Migrations<'_>,
    may_be_new: bool,
) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path)?;
    configure(&connection)?;
    if !may_be_new && migrations::applied(&connection, "main")? == 0 {
        return Err(StoreError::FileEmpty {
            file: path.to_owned(),
        });
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit is on the disk before it is acknowledged.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    migrations.apply(&mut connection)?;
    Ok(connection)
}

fn open_for_reading(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(LOCK_WAIT)?;
    // One plan per statement: without it SQLite plans anew for every value bound in a range.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Copies the write-ahead log into the database, before its last connection is closed: afterwards the file alone holds
/// everything. SQLite would do so only if a connection that may write was closed last.
fn checkpoint(connection: &Connection, what: &str) {
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    match busy {
        Ok(false) => {}
        Ok(true) => {
            tracing::warn!("{what}: somebody reads still, so what was written last stays in the -wal file");
        }
        Err(error) => tracing::warn!(%error, "{what}: what was written last stays in the -wal file"),
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let damaged = matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        ) || matches!(
            error,
            rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::QueryReturnedNoRows
        );
        if damaged {
            Self::corrupt(error.to_string())
        } else {
            Self::unavailable(error)
        }
    }
}
