//! The embedded back end: SQLite, in two files of one directory.
//!
//! `books.db` holds the journal and `usage.db` the ledger. They are apart so that a decision about the books never
//! waits for a long delivery of usage: SQLite has one writer per file.

mod journal;
mod ledger;
mod migrations;
mod pool;
mod private;

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use self::journal::SqliteJournal;
use self::ledger::SqliteLedger;
use self::migrations::Migrations;
use crate::Store;
use crate::error::StoreError;

/// How long a statement waits for a lock. Only the start of a process ever has to.
const LOCK_WAIT: Duration = Duration::from_secs(5);

pub(crate) fn open(directory: &Path) -> Result<Store, StoreError> {
    private::directory(directory)?;
    let lock = Arc::new(lock(directory)?);
    let journal = SqliteJournal::open(&directory.join("books.db"), Arc::clone(&lock))?;
    let usage = SqliteLedger::open(&directory.join("usage.db"), lock)?;
    Ok(Store {
        journal: Arc::new(journal),
        usage: Arc::new(usage),
    })
}

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
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            directory: directory.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(unavailable(error)),
    }
}

/// A connection that may write, on a database that is up to date.
fn open_for_writing(path: &Path, migrations: &Migrations<'_>) -> Result<Connection, StoreError> {
    private::database(path)?;
    let mut connection = Connection::open(path)?;
    configure(&connection)?;
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

/// A limit or a position as SQLite takes it.
fn bound(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
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
