//! The connection that writes one of the files.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};

use super::checkpoint;
use super::damage::Damage;
use super::transaction::SqliteTransaction;
use crate::error::StoreError;
use crate::transaction::{Readers, Transaction, Writer};
use crate::turns::Turns;

pub(crate) struct SqliteWriter {
    connection: Connection,
    /// What is in the file, for the log.
    what: &'static str,
    damage: Damage,
    _lock: Arc<File>,
}

impl SqliteWriter {
    pub(super) fn new(connection: Connection, what: &'static str, lock: &Arc<File>) -> Self {
        Self {
            connection,
            what,
            damage: Damage::default(),
            _lock: Arc::clone(lock),
        }
    }

    fn read<T>(
        &mut self,
        read: impl FnOnce(&dyn Transaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let transaction = self.connection.transaction()?;
        let answer = read(&SqliteTransaction(&transaction));
        transaction.finish()?;
        answer
    }

    fn write_here<T>(
        &mut self,
        work: &mut impl FnMut(&dyn Transaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&SqliteTransaction(&transaction))?;
        transaction.commit()?;
        Ok(done)
    }
}

/// Reads on the connection that writes: no other one sees a database that is in memory, and none of what is done there waits
/// for a disk.
impl Readers for Arc<Turns<SqliteWriter>> {
    const ALONE: bool = true;

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Transaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.with(move |writer| writer.read(read)).await
    }

    /// There is none that nobody writes with.
    fn close_idle(&self) {}
}

impl Writer for SqliteWriter {
    fn write<T>(
        &mut self,
        mut work: impl FnMut(&dyn Transaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let written = self.write_here(&mut work);
        written.map_err(|error| match self.connection.path() {
            Some(path) if !path.is_empty() => self.damage.told(Path::new(path), error),
            _ => error,
        })
    }

    fn probe(&mut self) -> Result<(), StoreError> {
        Ok(self.connection.pragma_update(None, "user_version", 0)?)
    }

    /// Leaves everything in the one file.
    fn close(&mut self) {
        checkpoint(&self.connection, self.what);
    }
}
