//! Deliveries and errands waiting for the writer: a queue with a limit.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::apply::Outcome;
use super::delivery::Delivery;
use super::errand::{Answer, Errand};
use crate::error::StoreError;

/// The most memory of deliveries that wait: 350,000 records of known series. One may wait whatever its size.
const WAITING_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The most memory of deliveries in one transaction: 43,000 records of known series. One is stored whatever its size.
const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A delivery, and where its answer goes.
pub(super) struct Job {
    pub(super) delivery: Delivery,
    bytes: usize,
    pub(super) answer: oneshot::Sender<Result<Outcome, StoreError>>,
}

/// What waits for the writer.
#[expect(clippy::large_enum_variant, reason = "nearly all that waits is deliveries")]
enum Waits {
    Delivery(Job),
    Errand(Errand, usize),
}

impl Waits {
    const fn bytes(&self) -> usize {
        match self {
            Self::Delivery(job) => job.bytes,
            Self::Errand(_, bytes) => *bytes,
        }
    }

    fn refuse(self, error: StoreError) {
        match self {
            Self::Delivery(job) => drop(job.answer.send(Err(error))),
            Self::Errand(errand, _) => errand.refuse(error),
        }
    }
}

/// What the writer has to do next.
pub(super) enum Next {
    /// Nothing has come: which is told only while the storage is failing.
    Nothing,
    /// Deliveries that belong into one transaction, in the order they came.
    Deliveries(Vec<Job>),
    /// Something in a transaction of its own.
    Errand(Errand),
}

#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Waits>,
    bytes: usize,
    closed: bool,
    storage: Storage,
}

/// What is known of the storage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Storage {
    /// The last attempt to write succeeded.
    #[default]
    Works,
    /// It failed, which may have been due to what was written.
    Failed,
    /// Not even what means nothing can be written.
    Away,
}

impl Waiting {
    /// An errand, if it is the first that waits; else as many deliveries as belong into one transaction.
    fn next(&mut self) -> Next {
        let mut group = Vec::new();
        let mut bytes = 0;
        while let Some(first) = self.jobs.pop_front() {
            let fits = group.is_empty() || bytes + first.bytes() <= GROUP_BYTES_MAX;
            match first {
                Waits::Delivery(job) if fits => {
                    bytes += job.bytes;
                    group.push(job);
                }
                Waits::Errand(errand, its_bytes) if group.is_empty() => {
                    self.bytes -= its_bytes;
                    return Next::Errand(errand);
                }
                later => {
                    self.jobs.push_front(later);
                    break;
                }
            }
        }
        self.bytes -= bytes;
        if group.is_empty() {
            Next::Nothing
        } else {
            Next::Deliveries(group)
        }
    }
}

impl Queue {
    /// Puts a delivery into the queue; its answer will arrive in the receiver.
    pub(super) fn put(
        &self,
        delivery: Delivery,
    ) -> Result<oneshot::Receiver<Result<Outcome, StoreError>>, StoreError> {
        let bytes = delivery.bytes();
        let (answer, receiver) = oneshot::channel();
        self.wait(Waits::Delivery(Job {
            delivery,
            bytes,
            answer,
        }))?;
        Ok(receiver)
    }

    /// Puts an errand into the queue that is made with where its answer goes; it will arrive in the receiver.
    pub(super) fn put_errand<T>(
        &self,
        errand: impl FnOnce(Answer<T>) -> Errand,
    ) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError> {
        let (answer, receiver) = oneshot::channel();
        let errand = errand(answer);
        let bytes = errand.bytes();
        self.wait(Waits::Errand(errand, bytes))?;
        Ok(receiver)
    }

    fn wait(&self, what: Waits) -> Result<(), StoreError> {
        let bytes = what.bytes();
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(closed());
        }
        if waiting.storage == Storage::Away {
            return Err(failing());
        }
        if !waiting.jobs.is_empty() && waiting.bytes + bytes > WAITING_BYTES_MAX {
            return Err(StoreError::Busy);
        }
        waiting.bytes += bytes;
        waiting.jobs.push_back(what);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for something to do, while the storage is failing no longer than `patience`. Nothing once the queue is closed
    /// and empty.
    pub(super) fn take(&self, patience: Duration) -> Option<Next> {
        let waiting = self.lock();
        let idle = |waiting: &mut Waiting| waiting.jobs.is_empty() && !waiting.closed;
        let mut waiting = if waiting.storage == Storage::Works {
            let waited = self.changed.wait_while(waiting, idle);
            waited.unwrap_or_else(PoisonError::into_inner)
        } else {
            let waited = self.changed.wait_timeout_while(waiting, patience, idle);
            waited.unwrap_or_else(PoisonError::into_inner).0
        };
        if waiting.closed && waiting.jobs.is_empty() {
            return None;
        }
        Some(waiting.next())
    }

    /// Remembers how the last attempt to write went. While the storage is away nobody waits for it: who does is told so.
    pub(super) fn found(&self, storage: Storage) {
        let mut waiting = self.lock();
        waiting.storage = storage;
        if storage == Storage::Away {
            waiting.bytes = 0;
            for what in waiting.jobs.drain(..) {
                what.refuse(failing());
            }
        }
    }

    /// Whether what is put here has a chance to be stored.
    pub(super) fn writable(&self) -> Result<(), StoreError> {
        let waiting = self.lock();
        if waiting.closed {
            return Err(closed());
        }
        if waiting.storage != Storage::Works {
            return Err(failing());
        }
        Ok(())
    }

    /// Lets nothing more in.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Lets nothing more in, and leaves what waits without an answer.
    pub(super) fn abandon(&self) {
        self.close();
        self.lock().jobs.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to whoever comes when nothing can be written.
fn failing() -> StoreError {
    StoreError::unavailable("the last attempt to write failed")
}

/// The answer to whoever comes when the writer is gone.
pub(super) fn closed() -> StoreError {
    StoreError::unavailable("the usage ledger is being closed")
}
