//! Documents that are torn off in the middle of being written, or changed afterwards, when a test says so.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use store::{BillFilter, BillKey, Bills, Document, DocumentKey, ListedBill, PutError, StoreError};

/// Where writing stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tear {
    /// After so many more documents.
    After(usize),
    /// Never.
    Nowhere,
}

pub(crate) struct Tearing {
    bills: Arc<dyn Bills>,
    tear: Mutex<Tear>,
    written: AtomicUsize,
    /// What is there instead of what was written.
    changed: Mutex<Vec<(DocumentKey, Vec<u8>)>>,
}

impl Tearing {
    pub(crate) fn of(bills: Arc<dyn Bills>) -> Arc<Self> {
        Arc::new(Self {
            bills,
            tear: Mutex::new(Tear::Nowhere),
            written: AtomicUsize::new(0),
            changed: Mutex::default(),
        })
    }

    /// From now on a document is another: somebody changed it, and its digest as well.
    pub(crate) fn change(&self, key: DocumentKey, bytes: Vec<u8>) {
        let mut changed = self.changed.lock().unwrap();
        changed.retain(|(of, _)| *of != key);
        changed.push((key, bytes));
    }

    pub(crate) fn tears(&self, tear: Tear) {
        *self.tear.lock().unwrap() = tear;
    }

    /// How many of some documents are written, and whether it stops there: the answer to the last of them never
    /// arrives.
    fn fitting(&self, documents: usize) -> (usize, bool) {
        let mut tear = self.tear.lock().unwrap();
        let Tear::After(left) = *tear else {
            return (documents, false);
        };
        let fits = left.min(documents);
        *tear = Tear::After(left - fits);
        (fits, left <= documents)
    }

    /// How many documents were written.
    pub(crate) fn written(&self) -> usize {
        self.written.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Bills for Tearing {
    async fn put_all(&self, documents: Vec<Document>) -> Result<(), PutError> {
        let (fits, is_torn) = self.fitting(documents.len());
        self.written.fetch_add(fits, Ordering::SeqCst);
        let some = documents.into_iter().take(fits).collect();
        self.bills.put_all(some).await?;
        if is_torn { Err(gone()) } else { Ok(()) }
    }

    async fn get(&self, key: DocumentKey) -> Result<Option<Vec<u8>>, StoreError> {
        let changed = self
            .changed
            .lock()
            .unwrap()
            .iter()
            .find(|(of, _)| *of == key)
            .cloned();
        match changed {
            Some((_, bytes)) => Ok(Some(bytes)),
            None => self.bills.get(key).await,
        }
    }

    async fn list(
        &self,
        filter: BillFilter,
        after: Option<BillKey>,
        limit: usize,
    ) -> Result<Vec<ListedBill>, StoreError> {
        self.bills.list(filter, after, limit).await
    }
}

fn gone() -> PutError {
    let detail = "the process is gone".to_owned();
    StoreError::Unavailable { detail }.into()
}
