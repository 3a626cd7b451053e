//! The one thread that writes: it takes the deliveries that wait and commits them together, so that a disk that syncs
//! a few hundred times a second takes in far more deliveries than that.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::apply::{Outcome, apply};
use super::cache::SeriesCache;
use super::changes::Changes;
use super::delivery::Delivery;
use super::errand::{Answer, Answered, Errand, Purge};
use super::quarantine;
use super::queue::{Job, Next, Queue, Storage};
use super::release::{Came, Prepared};
use crate::error::StoreError;
use crate::quarantine::Purged;
use crate::transaction::Writer;

/// How long the writer waits for deliveries before it tries by itself whether a failing storage works again.
const BETWEEN_PROBES: Duration = Duration::from_secs(1);

/// Starts the thread. It ends when the queue is closed and empty.
pub(super) fn start(
    storage: impl Writer,
    queue: Arc<Queue>,
    cache: Arc<SeriesCache>,
) -> Result<JoinHandle<()>, StoreError> {
    let writer = GroupWriter {
        storage,
        queue,
        cache,
        changes: Changes::default(),
    };
    std::thread::Builder::new()
        .name("usage-writer".to_owned())
        .spawn(move || writer.run())
        .map_err(StoreError::unavailable)
}

struct GroupWriter<W> {
    storage: W,
    queue: Arc<Queue>,
    cache: Arc<SeriesCache>,
    changes: Changes,
}

impl<W: Writer> GroupWriter<W> {
    fn run(mut self) {
        // However this thread ends, nobody shall wait for it.
        let _abandoning = Abandoning(Arc::clone(&self.queue));
        loop {
            match self.queue.take(BETWEEN_PROBES) {
                None => return self.storage.close(),
                // Only after a failure does the queue tell that nothing has come.
                Some(Next::Nothing) => {
                    self.probe();
                }
                Some(Next::Deliveries(jobs)) => self.store(jobs),
                Some(Next::Errand(errand)) => self.run_errand(errand),
            }
        }
    }

    /// Stores deliveries in one transaction. If that fails and there are several, each is tried by itself, so that
    /// none suffers from its neighbours: unless nothing can be written at all.
    fn store(&mut self, jobs: Vec<Job>) {
        match self.commit(&jobs) {
            Ok(outcomes) => {
                self.queue.found(Storage::Works);
                for (job, outcome) in jobs.into_iter().zip(outcomes) {
                    // Whoever has stopped waiting will deliver again, and find it stored.
                    let _ = job.answer.send(Ok(outcome));
                }
            }
            Err(error) => self.not_stored(jobs, error),
        }
    }

    fn not_stored(&mut self, jobs: Vec<Job>, error: StoreError) {
        let several = jobs.len() > 1 && may_be_one_of_them(&error);
        if several && self.probe() {
            tracing::warn!(%error, deliveries = jobs.len(), "storing each delivery by itself");
            return jobs.into_iter().for_each(|job| self.store(vec![job]));
        }
        tracing::error!(%error, deliveries = jobs.len(), "deliveries could not be stored");
        if several {
            return refuse(jobs, error);
        }
        self.queue.found(Storage::Failed);
        refuse(jobs, error);
        // Whether it was due to them: those who come next have to know, and these need not wait for it.
        self.probe();
    }

    /// Tries whether anything can be written.
    fn probe(&mut self) -> bool {
        let works = self.storage.probe().is_ok();
        self.queue
            .found(if works { Storage::Works } else { Storage::Away });
        works
    }

    fn run_errand(&mut self, errand: Errand) {
        match errand {
            Errand::Release(release, answer) => {
                let done = self.release(&release);
                self.answer(done, answer);
            }
            Errand::Purge(purge, answer) => {
                let done = self.purge(&purge);
                self.answer(done, answer);
            }
        }
    }

    fn answer<T>(&mut self, done: Result<T, StoreError>, answer: Answer<T>) {
        let failed = done.as_ref().err().map(ToString::to_string);
        if let Some(error) = &failed {
            tracing::error!(error, "work with the quarantine could not be stored");
        }
        self.queue.found(if failed.is_none() {
            Storage::Works
        } else {
            Storage::Failed
        });
        // Whoever has stopped waiting will ask again.
        drop(answer.send(done));
        if failed.is_some() {
            self.probe();
        }
    }

    fn release(&mut self, release: &Prepared) -> Result<Answered, StoreError> {
        let (cache, changes) = (&self.cache, &mut self.changes);
        let came = self.storage.write_if(
            |transaction| release.apply(transaction, cache, changes),
            |came| !release.rehearsal && matches!(came, Came::Done(..)),
        )?;
        Ok(match came {
            Came::Done(released, news) => {
                if !release.rehearsal {
                    news.publish(cache, changes);
                }
                Answered::Done(released)
            }
            Came::Again(wanted) => Answered::Again(wanted),
        })
    }

    fn purge(&mut self, purge: &Purge) -> Result<Purged, StoreError> {
        self.storage.write_if(
            |transaction| quarantine::purge(transaction, purge.act, &purge.positions),
            |_| !purge.rehearsal,
        )
    }

    fn commit(&mut self, jobs: &[Job]) -> Result<Vec<Outcome>, StoreError> {
        let deliveries: Vec<&Delivery> = jobs.iter().map(|job| &job.delivery).collect();
        let (cache, changes) = (&self.cache, &mut self.changes);
        let (outcomes, news) = self
            .storage
            .write(|transaction| apply(transaction, &deliveries, cache, changes))?;
        news.publish(cache, changes);
        Ok(outcomes)
    }
}

/// Whether one delivery by itself may have been the reason: not if all may have been stored.
const fn may_be_one_of_them(error: &StoreError) -> bool {
    !matches!(error, StoreError::Uncertain { .. })
}

/// Tells everybody why, the last one in the words it was told.
fn refuse(mut jobs: Vec<Job>, error: StoreError) {
    let last = jobs.pop();
    for job in jobs {
        let told = match &error {
            StoreError::Uncertain { .. } => error.clone(),
            _ => StoreError::unavailable(&error),
        };
        let _ = job.answer.send(Err(told));
    }
    if let Some(job) = last {
        let _ = job.answer.send(Err(error));
    }
}

struct Abandoning(Arc<Queue>);

impl Drop for Abandoning {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
