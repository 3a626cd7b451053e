//! A few connections that read, used off the asynchronous threads.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use super::link::{Connector, Link};
use super::partitions::Partitions;
use super::transaction::PostgresTransaction;
use crate::error::StoreError;
use crate::transaction::{Readers, Transaction};

/// The most reads at one time; more wait.
const READERS_MAX: usize = 8;
/// How long a read waits for its turn.
const TURN_WAIT: Duration = Duration::from_secs(5);
/// A read sees one state of the database, as it was committed last.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

#[derive(Clone)]
pub(super) struct ReadPool {
    connector: Connector,
    idle: Arc<Mutex<Vec<Link>>>,
    permits: Arc<Semaphore>,
}

impl ReadPool {
    pub(super) fn new(connector: Connector) -> Self {
        Self {
            connector,
            idle: Arc::default(),
            permits: Arc::new(Semaphore::new(READERS_MAX)),
        }
    }

    fn run<T>(
        &self,
        abandoned: oneshot::Receiver<()>,
        read: impl FnOnce(&dyn Transaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut link = self.connector.begin(kept, BEGIN)?;
        link.abandon_with(Some(abandoned));
        // Nothing is put anywhere here.
        let partitions = Partitions::default();
        let transaction = PostgresTransaction::new(link, &partitions, false);
        let answer = read(&transaction);
        let mut link = transaction.end().link;
        link.abandon_with(None);
        if link.execute("ROLLBACK").is_ok() {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(link);
        }
        answer
    }
}

impl Readers for ReadPool {
    const ALONE: bool = false;

    fn close_idle(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Transaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = Arc::clone(&self.permits).acquire_owned();
        let permit = tokio::time::timeout(TURN_WAIT, turn)
            .await
            .map_err(|_| StoreError::Busy)?
            .map_err(StoreError::unavailable)?;
        let pool = self.clone();
        let (_waiting, abandoned) = oneshot::channel();
        let work = move || {
            let _permit = permit;
            pool.run(abandoned, read)
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(StoreError::unavailable)?
    }
}
