//! What is left in the directory of a store that was closed.

use std::path::Path;

use domain::ids::ObjectId;
use domain::time::Timestamp;
use store::{JournalAppended, Store, StoreConfig};

use crate::fixtures::*;

fn open(directory: &Path) -> Store {
    let directory = directory.to_owned();
    store::open(&StoreConfig::Sqlite { directory }).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_two_databases_of_a_closed_store_has_lost_neither_books_nor_usage() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let by = ObjectId::from_bytes([5; 16]);
    let appended = store
        .journal
        .append(0, vec![b"a".to_vec()], Timestamp::UNIX_EPOCH, by);
    assert_eq!(appended.await.unwrap(), JournalAppended::Appended { last: 1 });
    Delivery::new([record("/vm/1", 0, "0.25")]).to(&store).await;
    // A connection that only reads, and would be the last to be closed.
    assert_eq!(store.journal.read_after(0, 10).await.unwrap().len(), 1);
    assert_eq!(store.usage.stacks().await.unwrap(), [stack(1)]);
    drop(store);

    let copy = tempfile::tempdir().unwrap();
    for file in ["books.db", "usage.db"] {
        let wal = directory.path().join(format!("{file}-wal"));
        assert!(!wal.exists(), "{} is left", wal.display());
        std::fs::copy(directory.path().join(file), copy.path().join(file)).unwrap();
    }
    let store = open(copy.path());
    assert_eq!(store.journal.read_after(0, 10).await.unwrap().len(), 1);
    assert_eq!(store.usage.stacks().await.unwrap(), [stack(1)]);
}
