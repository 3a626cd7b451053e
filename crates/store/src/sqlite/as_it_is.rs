//! A store that is read without a trace: no file of its directory is made, changed or removed.
//!
//! SQLite makes a file beside a database with a write-ahead log even where it only reads. A database whose log is empty is
//! therefore opened as one that nobody changes, for which it needs none; the lock of the directory makes that true. Where
//! a server ended without putting its log away, the log has to be read: with the database locked for this connection
//! alone, the index of the log is kept in memory.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::damage;
use super::migrations::{self, Migrations};
use super::transaction::SqliteTransaction;
use crate::audit::AuditError;
use crate::error::StoreError;
use crate::transaction::Transaction;

/// The page cache of each file, in KiB.
const CACHE_KIB: i64 = 64 * 1024;
/// Statements kept prepared.
const STATEMENTS_KEPT: usize = 64;

/// Reads the books and the usage of a store that nobody else has open.
pub(crate) fn read_as_it_is(
    directory: &Path,
    read: &mut dyn FnMut(&dyn Transaction) -> Result<(), StoreError>,
) -> Result<(), AuditError> {
    if !super::is_there(directory)? {
        return Err(AuditError::NoStore);
    }
    let _lock = lock(directory)?;
    let [usage, books] = ["usage.db", "books.db"].map(|name| directory.join(name));
    let mut connection = open_both(&usage, &books).map_err(|(file, error)| told(&file, error))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    let transaction = connection.transaction().map_err(StoreError::from)?;
    read(&SqliteTransaction(&transaction))?;
    Ok(())
}

/// Keeps servers from opening it, but not others who only read. A backup has no lock: nobody opens it.
fn lock(directory: &Path) -> Result<Option<File>, StoreError> {
    let path = directory.join("lock");
    let unavailable = |error: std::io::Error| {
        StoreError::unavailable(format_args!(
            "the file {} cannot be locked: {error}",
            path.display()
        ))
    };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unavailable(error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            directory: directory.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(unavailable(error)),
    }
}

/// Opens both files, if they are of this version. Else tells which one is not, or cannot be read.
fn open_both(usage: &Path, books: &Path) -> Result<Connection, (PathBuf, AuditError)> {
    let of_usage = |error| (usage.to_owned(), error);
    let of_books = |error| (books.to_owned(), error);
    let connection = open(usage).map_err(|error| of_usage(error.into()))?;
    attach(&connection, books).map_err(|error| of_books(error.into()))?;
    is_of_this_version(&connection, ("main", usage), &migrations::USAGE).map_err(of_usage)?;
    is_of_this_version(&connection, ("books", books), &migrations::BOOKS).map_err(of_books)?;
    Ok(connection)
}

fn open(database: &Path) -> Result<Connection, StoreError> {
    let access = if has_log(database)? {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    } else {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    };
    let flags = access | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri(database)?, flags)?;
    super::configure(&connection)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // Also of what is attached.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(connection)
}

fn attach(connection: &Connection, books: &Path) -> Result<(), StoreError> {
    connection.execute("ATTACH DATABASE ?1 AS books", [uri(books)?])?;
    Ok(())
}

/// Whether there is something in the write-ahead log of a database.
fn has_log(database: &Path) -> Result<bool, StoreError> {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    match fs::metadata(PathBuf::from(log)) {
        Ok(log) => Ok(log.len() > 0),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::unavailable(format_args!(
            "{}: {error}",
            database.display()
        ))),
    }
}

/// A database by a name that says how it is opened.
fn uri(database: &Path) -> Result<String, StoreError> {
    let path = database.to_str();
    let path = path
        .ok_or_else(|| StoreError::unavailable(format_args!("the path {} is no text", database.display())))?;
    let mut uri = "file:".to_owned();
    for character in path.chars() {
        match character {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            other => uri.push(other),
        }
    }
    if !has_log(database)? {
        uri.push_str("?immutable=1&mode=ro");
    }
    Ok(uri)
}

fn is_of_this_version(
    connection: &Connection,
    (schema, file): (&str, &Path),
    migrations: &Migrations<'_>,
) -> Result<(), AuditError> {
    let found = migrations::applied(connection, schema)?;
    if found == 0 {
        return Err(StoreError::FileEmpty {
            file: file.to_owned(),
        }
        .into());
    }
    AuditError::unless_of_version(found, migrations.version())
}

/// What is wrong with a file that nobody has open any more, so that its owner knows which, and what SQLite finds in it.
fn told(file: &Path, error: AuditError) -> AuditError {
    let AuditError::Store(error) = error else {
        return error;
    };
    let error = damage::named(file, error);
    AuditError::Store(match error {
        StoreError::Corrupt { detail } => {
            StoreError::corrupt(format!("{detail}{}", damage::found(open(file))))
        }
        other => other,
    })
}
