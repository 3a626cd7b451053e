//! A few connections that read, used off the asynchronous threads.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::link::{Connector, Link};
use super::partitions::Partitions;
use super::transaction::{Left, PostgresTransaction};
use crate::error::StoreError;
use crate::transaction::{Readers, Transaction};

/// How long a read waits for its turn.
const TURN_WAIT: Duration = Duration::from_secs(5);
/// How long what is asked at a glance may take.
const GLANCE: Duration = Duration::from_secs(5);
/// How long a statement may take that reads everything there is.
const PATIENCE: Duration = Duration::from_secs(60 * 60);
/// A read sees one state of the database, as it was committed last.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

#[derive(Clone)]
pub(super) struct ReadPool {
    connector: Connector,
    idle: Arc<Mutex<Vec<Link>>>,
    permits: Arc<Semaphore>,
}

impl ReadPool {
    /// So many read at one time at the most; more wait.
    pub(super) fn new(connector: Connector, readers_max: usize) -> Self {
        Self {
            connector,
            idle: Arc::default(),
            permits: Arc::new(Semaphore::new(readers_max)),
        }
    }

    fn take(&self) -> Option<Link> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put_back(&self, link: Link) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(link);
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let turn = Arc::clone(&self.permits).acquire_owned();
        tokio::time::timeout(TURN_WAIT, turn)
            .await
            .map_err(|_| StoreError::Busy)?
            .map_err(StoreError::unavailable)
    }

    /// Runs what reads on a thread that may wait; statements may take this long, or as long as usual.
    async fn run<T: Send + 'static>(
        &self,
        patience: Option<Duration>,
        read: impl FnOnce(&dyn Transaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.turn().await?;
        let pool = self.clone();
        let (_waiting, abandoned) = oneshot::channel();
        let work = move || {
            let _permit = permit;
            pool.run_here(patience, abandoned, read)
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(StoreError::unavailable)?
    }

    fn run_here<T>(
        &self,
        patience: Option<Duration>,
        abandoned: oneshot::Receiver<()>,
        read: impl FnOnce(&dyn Transaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut link = self.connector.begin(self.take(), BEGIN)?;
        if let Some(patience) = patience {
            link.be_patient(patience)?;
        }
        link.abandon_with(Some(abandoned));
        // Nothing is put anywhere here.
        let partitions = Partitions::default();
        let transaction = PostgresTransaction::new(link, &partitions, false);
        let answer = read(&transaction);
        let mut link = transaction.end().link;
        link.abandon_with(None);
        link.be_usual();
        if link.execute("ROLLBACK").is_ok() {
            self.put_back(link);
        }
        answer
    }

    /// Asks on a connection that is there, and on a new one if there is none or it turns out to be lost. Who does not answer
    /// in time is not asked again.
    fn glance_here<T>(
        &self,
        read: impl Fn(&dyn Transaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(link) = self.take() {
            let began = Instant::now();
            let (answer, lost) = self.look(link, &read);
            if !lost || began.elapsed() >= GLANCE {
                return answer;
            }
            tracing::info!("connecting to PostgreSQL anew");
        }
        self.look(self.connector.connect()?, &read).0
    }

    /// What was answered, and whether the connection was lost over it.
    fn look<T>(
        &self,
        mut link: Link,
        read: impl Fn(&dyn Transaction) -> Result<T, StoreError>,
    ) -> (Result<T, StoreError>, bool) {
        link.be_quick(GLANCE);
        let partitions = Partitions::default();
        let transaction = PostgresTransaction::new(link, &partitions, false);
        let answer = read(&transaction);
        let Left { mut link, .. } = transaction.end();
        link.be_usual();
        let lost = link.is_broken();
        if !lost {
            self.put_back(link);
        }
        (answer, lost)
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
        self.run(None, read).await
    }

    async fn read_all<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Transaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(Some(PATIENCE), read).await
    }

    async fn glance<T: Send + 'static>(
        &self,
        read: impl Fn(&dyn Transaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.turn().await?;
        let pool = self.clone();
        let work = move || {
            let _permit = permit;
            pool.glance_here(read)
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(StoreError::unavailable)?
    }
}
