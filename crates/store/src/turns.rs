//! A connection that writes, and those who wait for their turn at it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::error::StoreError;
use crate::transaction::{Transaction, Writer};

/// How long whoever writes waits for those who came before.
const TURN_WAIT: Duration = Duration::from_secs(5);

/// Who waits holds no thread: however many come while the database does not answer, others find one to read with.
pub(crate) struct Turns<W: Writer> {
    writer: Arc<Mutex<W>>,
    /// One permit, held by the work and not by who waits for it: it goes on when that one is gone.
    turn: Arc<Semaphore>,
}

impl<W: Writer> Turns<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self {
            writer: Arc::new(Mutex::new(writer)),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// As [`Writer::write`], off the asynchronous threads.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&dyn Transaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.with(move |writer| writer.write(work)).await
    }

    /// Works with the writer.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut W) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = Arc::clone(&self.turn).acquire_owned();
        let turn = tokio::time::timeout(TURN_WAIT, turn)
            .await
            .map_err(|_| StoreError::Busy)?
            .map_err(StoreError::unavailable)?;
        let writer = Arc::clone(&self.writer);
        let work = move || {
            let _turn = turn;
            work(&mut writer.lock().unwrap_or_else(PoisonError::into_inner))
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(StoreError::unavailable)?
    }
}

impl<W: Writer> Drop for Turns<W> {
    fn drop(&mut self) {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).close();
    }
}
