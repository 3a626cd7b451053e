//! The one thread that writes: it takes the deliveries that wait and commits them together, so that a disk that syncs
//! a few hundred times a second takes in far more deliveries than that.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::apply::{Group, Outcome};
use super::cache::SeriesCache;
use super::changes::AttributeChanges;
use super::queue::{Job, Queue};
use crate::error::StoreError;
use crate::sqlite::checkpoint;

/// How long the writer waits for deliveries before it tries by itself whether a failing storage works again.
const BETWEEN_PROBES: Duration = Duration::from_secs(1);

/// Starts the thread. It ends when the queue is closed and empty.
pub(super) fn start(
    connection: Connection,
    queue: Arc<Queue>,
    cache: Arc<SeriesCache>,
) -> Result<JoinHandle<()>, StoreError> {
    let writer = Writer {
        connection,
        queue,
        cache,
        changes: AttributeChanges::default(),
    };
    std::thread::Builder::new()
        .name("usage-writer".to_owned())
        .spawn(move || writer.run())
        .map_err(StoreError::unavailable)
}

struct Writer {
    connection: Connection,
    queue: Arc<Queue>,
    cache: Arc<SeriesCache>,
    changes: AttributeChanges,
}

impl Writer {
    fn run(mut self) {
        // However this thread ends, nobody shall wait for it.
        let _abandoning = Abandoning(Arc::clone(&self.queue));
        loop {
            match self.queue.take(BETWEEN_PROBES) {
                None => return checkpoint(&self.connection, "the usage ledger"),
                // Only after a failure does the queue tell that nothing has come.
                Some(jobs) if jobs.is_empty() => self.queue.wrote(self.probe().is_ok()),
                Some(jobs) => self.store(jobs),
            }
        }
    }

    /// Writes something that means nothing, all the way to the disk.
    fn probe(&self) -> Result<(), StoreError> {
        Ok(self.connection.pragma_update(None, "user_version", 0)?)
    }

    /// Stores deliveries in one transaction. If that fails and there are several, each is tried by itself, so that
    /// none suffers from its neighbours.
    fn store(&mut self, jobs: Vec<Job>) {
        let stored = self.commit(&jobs);
        self.queue.wrote(stored.is_ok());
        match stored {
            Ok(outcomes) => {
                for (job, outcome) in jobs.into_iter().zip(outcomes) {
                    // Whoever has stopped waiting will deliver again, and find it stored.
                    let _ = job.answer.send(Ok(outcome));
                }
            }
            Err(error) => self.store_singly(jobs, error),
        }
    }

    fn store_singly(&mut self, mut jobs: Vec<Job>, error: StoreError) {
        if jobs.len() > 1 {
            tracing::warn!(%error, deliveries = jobs.len(), "storing each delivery by itself");
            jobs.into_iter().for_each(|job| self.store(vec![job]));
        } else if let Some(job) = jobs.pop() {
            tracing::error!(%error, "a delivery could not be stored");
            let _ = job.answer.send(Err(error));
        }
    }

    fn commit(&mut self, jobs: &[Job]) -> Result<Vec<Outcome>, StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut group = Group::new(&transaction);
        let outcomes = jobs.iter().map(|job| group.apply(&job.delivery, &self.changes));
        let outcomes = outcomes.collect::<Result<Vec<_>, _>>()?;
        let news = group.write(&self.cache)?;
        transaction.commit()?;
        news.publish(&self.cache, &mut self.changes);
        Ok(outcomes)
    }
}

struct Abandoning(Arc<Queue>);

impl Drop for Abandoning {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
