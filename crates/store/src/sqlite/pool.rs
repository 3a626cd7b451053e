//! A few connections that only read, used off the asynchronous threads.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::damage::Damage;
use super::open_for_reading;
use super::transaction::SqliteTransaction;
use crate::error::StoreError;
use crate::transaction::{Readers, Transaction};

/// The most reads at one time; more wait.
const READERS_MAX: usize = 4;
/// The page cache of one connection, in KiB.
const READER_CACHE_KIB: i64 = 8 * 1024;
/// After how many steps of SQLite's machine a read looks whether somebody waits for it still.
const STEPS_BETWEEN_LOOKS: i32 = 1000;
/// Statements kept prepared per connection.
const STATEMENTS_KEPT: usize = 32;

pub(super) struct ReadPool {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    damage: Arc<Damage>,
}

impl ReadPool {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Arc::default(),
            permits: Arc::new(Semaphore::new(READERS_MAX)),
            damage: Arc::default(),
        }
    }
}

impl Readers for ReadPool {
    const ALONE: bool = true;

    fn close_idle(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Transaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(StoreError::unavailable)?;
        let (path, idle) = (self.path.clone(), Arc::clone(&self.idle));
        let damage = Arc::clone(&self.damage);
        let waiting = Waiting::default();
        let abandoned = Arc::clone(&waiting.over);
        let work = move |path: &Path| {
            let _permit = permit;
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut connection = kept.map_or_else(|| open_reader(path), Ok)?;
            let look = move || abandoned.load(Ordering::Relaxed);
            connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(look))?;
            let transaction = connection.transaction()?;
            let answer = read(&SqliteTransaction(&transaction));
            transaction.finish()?;
            idle.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
            answer
        };
        tokio::task::spawn_blocking(move || work(&path).map_err(|error| damage.told(&path, error)))
            .await
            .map_err(StoreError::unavailable)?
    }
}

/// Somebody waits for a read, until this is dropped.
#[derive(Default)]
struct Waiting {
    over: Arc<AtomicBool>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = open_for_reading(path)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_read_that_nobody_waits_for_any_more_ends() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("some.db");
        Connection::open(&path).unwrap();
        let pool = ReadPool::new(&path);
        let (ended, wait) = tokio::sync::oneshot::channel();
        let endless =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        let reading = pool.read(move |transaction| {
            let counted: Result<Option<u64>, _> = transaction.row(endless, &[], |row| row.get(0));
            let _ = ended.send(counted.is_err());
            Ok(())
        });
        tokio::time::timeout(Duration::from_millis(50), reading)
            .await
            .unwrap_err();
        let interrupted = tokio::time::timeout(Duration::from_secs(30), wait).await;
        assert!(interrupted.unwrap().unwrap());
        let next: Option<u64> = pool
            .read(|transaction| transaction.row("SELECT 7", &[], |row| row.get(0)))
            .await
            .unwrap();
        assert_eq!(next, Some(7));
    }
}
