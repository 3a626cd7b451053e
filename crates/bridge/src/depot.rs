//! The spool of one stack, used by its reader and its deliverer at once.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::cursor::Cursor;
use crate::frame::{Frame, compress};
use crate::spool::{Spool, SpoolError};
use crate::status::Board;

/// The spool of one stack, and who waits for something to happen in it.
pub(crate) struct Depot {
    spool: Mutex<Spool>,
    /// The cursor after the last work: who asks for it does not wait for the disk.
    cursor: Mutex<Arc<Cursor>>,
    board: Arc<Board>,
    /// A window was committed.
    pub(crate) committed: Notify,
    /// Something was acknowledged.
    pub(crate) acknowledged: Notify,
    /// The server was found to have lost something.
    pub(crate) went_back: Notify,
    /// Nobody else uses the directory, as long as any work on it goes on.
    _lock: Arc<File>,
}

impl Depot {
    pub(crate) fn new(spool: Spool, board: Arc<Board>, lock: Arc<File>) -> Arc<Self> {
        board.note(spool.cursor(), spool.bytes());
        Arc::new(Self {
            cursor: Mutex::new(Arc::new(spool.cursor().clone())),
            spool: Mutex::new(spool),
            board,
            committed: Notify::new(),
            acknowledged: Notify::new(),
            went_back: Notify::new(),
            _lock: lock,
        })
    }

    /// How far the stack was read and delivered.
    pub(crate) fn cursor(&self) -> Arc<Cursor> {
        let cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&cursor)
    }

    /// Shows everybody how far the stack is now.
    fn show(&self, spool: &Spool) {
        self.board.note(spool.cursor(), spool.bytes());
        let mut cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        if **cursor != *spool.cursor() {
            *cursor = Arc::new(spool.cursor().clone());
        }
    }

    /// Works on the spool where nobody is held up. Work that has begun is done to its end, even if nobody waits for it
    /// any more.
    pub(crate) async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Spool) -> Result<T, SpoolError> + Send + 'static,
    ) -> Result<T, SpoolError> {
        let depot = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let mut spool = depot.spool.lock().unwrap_or_else(PoisonError::into_inner);
            let outcome = work(&mut spool);
            depot.show(&spool);
            outcome
        });
        done.await
            .unwrap_or_else(|error| Err(SpoolError::BrokenOff(error.to_string())))
    }

    /// Compresses a page, and waits with what is known of it until it is appended.
    pub(crate) async fn compressed(page: Vec<u8>, frame: Frame) -> Result<Frame, SpoolError> {
        let work = move || compress(&page).map(|page| Frame { page, ..frame });
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(frame)) => Ok(frame),
            Ok(Err(_)) => Err(SpoolError::TooLarge),
            Err(error) => Err(SpoolError::BrokenOff(error.to_string())),
        }
    }
}
