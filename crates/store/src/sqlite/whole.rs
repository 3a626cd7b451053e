//! All files of a store on one connection.

use std::fs::File;
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::parts::Parts;
use super::transaction::SqliteTransaction;
use super::{checkpoint, lock, migrations, open_for_writing, private};
use crate::copy::refuse_unfinished;
use crate::error::StoreError;
use crate::transaction::{Role, Transaction, Whole};

/// The page cache of each file, in KiB.
const CACHE_KIB: i64 = 64 * 1024;
/// Pages in a write-ahead log after which it is copied into its database.
const CHECKPOINT_PAGES: i64 = 4000;
/// Statements kept prepared.
const STATEMENTS_KEPT: usize = 64;

pub(crate) struct SqliteWhole {
    connection: Connection,
    _lock: File,
}

/// Opens a store for nobody else.
pub(crate) fn open_whole(directory: &Path, role: Role) -> Result<SqliteWhole, StoreError> {
    private::directory(directory)?;
    let lock = lock(directory)?;
    let parts = Parts::of(directory);
    let [_, connection] = parts.open()?;
    let sessions = directory.join("sessions.db");
    drop(open_for_writing(&sessions, &migrations::SESSIONS, true)?);
    for (path, name) in [(&parts.books, "books"), (&sessions, "sessions")] {
        let path = path
            .to_str()
            .ok_or_else(|| StoreError::unavailable(format_args!("the path {} is no text", path.display())))?;
        connection.execute(&format!("ATTACH DATABASE ?1 AS {name}"), [path])?;
    }
    for name in ["main", "books", "sessions"] {
        // A transaction is on the disk before the next one begins.
        connection.pragma_update(Some(name), "synchronous", "FULL")?;
        connection.pragma_update(Some(name), "cache_size", -CACHE_KIB)?;
    }
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    if role == Role::Source {
        refuse_unfinished(&SqliteTransaction(&connection))?;
    }
    Ok(SqliteWhole {
        connection,
        _lock: lock,
    })
}

impl Whole for SqliteWhole {
    fn read(
        &mut self,
        read: &mut dyn FnMut(&dyn Transaction) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        let answer = read(&SqliteTransaction(&transaction));
        transaction.finish()?;
        answer
    }

    fn write(
        &mut self,
        work: &mut dyn FnMut(&dyn Transaction) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        work(&SqliteTransaction(&transaction))?;
        Ok(transaction.commit()?)
    }

    /// It plans the same way however much there is.
    fn look_over(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Drop for SqliteWhole {
    /// Leaves everything in the files themselves.
    fn drop(&mut self) {
        checkpoint(&self.connection, "the store");
    }
}
