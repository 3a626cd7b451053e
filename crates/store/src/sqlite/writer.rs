//! The connection that writes one of the files.

use std::fs::File;
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};

use super::checkpoint;
use super::transaction::SqliteTransaction;
use crate::error::StoreError;
use crate::transaction::{Transaction, Writer};

pub(crate) struct SqliteWriter {
    connection: Connection,
    /// What is in the file, for the log.
    what: &'static str,
    _lock: Arc<File>,
}

impl SqliteWriter {
    pub(super) fn new(connection: Connection, what: &'static str, lock: &Arc<File>) -> Self {
        Self {
            connection,
            what,
            _lock: Arc::clone(lock),
        }
    }
}

impl Writer for SqliteWriter {
    fn write<T>(
        &mut self,
        mut work: impl FnMut(&dyn Transaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&SqliteTransaction(&transaction))?;
        transaction.commit()?;
        Ok(done)
    }

    fn probe(&mut self) -> Result<(), StoreError> {
        Ok(self.connection.pragma_update(None, "user_version", 0)?)
    }

    /// Leaves everything in the one file.
    fn close(&mut self) {
        checkpoint(&self.connection, self.what);
    }
}
