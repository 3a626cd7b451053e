//! Copies of a store that is in use.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use domain::ids::{CloudId, ObjectId};
use domain::time::Timestamp;
use store::backup::{self, DATABASES, Heads};
use store::{JournalAppended, Store, StoreConfig};

use crate::fixtures::*;

fn open(directory: &Path) -> Store {
    let directory = directory.to_owned();
    store::open(&StoreConfig::Sqlite { directory }).unwrap()
}

fn copy(directory: &Path) -> tempfile::TempDir {
    let into = tempfile::tempdir().unwrap();
    let mut copied = 0;
    backup::copy(directory, into.path(), &mut |bytes| copied += bytes).unwrap();
    assert_eq!(copied, backup::size(into.path()).unwrap());
    into
}

async fn enter(store: &Store, expected: u64, body: &[u8]) {
    let by = ObjectId::from_bytes([5; 16]);
    let appended = store
        .journal
        .append(expected, vec![body.to_vec()], Timestamp::UNIX_EPOCH, by);
    let last = expected + 1;
    assert_eq!(appended.await.unwrap(), JournalAppended::Appended { last });
}

/// What was acknowledged so far.
#[derive(Default)]
struct Acknowledged {
    stacks: AtomicU64,
    receipts: AtomicU64,
}

/// Registers stack after stack, as far as the journal is concerned, and delivers for each as soon as it is registered.
async fn work(store: Store, so_far: Arc<Acknowledged>, stop: Arc<AtomicBool>) {
    for number in 0u8..200 {
        enter(&store, number.into(), &[number]).await;
        so_far.stacks.fetch_add(1, Ordering::SeqCst);
        for start in 0..5 {
            let records =
                (0..40).map(|vm| record(&format!("/vm/{number}/{vm}/{}", "x".repeat(300)), start, "1"));
            Delivery::new(records).of_stack(number).to(&store).await;
            so_far.receipts.fetch_add(1, Ordering::SeqCst);
        }
        if stop.load(Ordering::SeqCst) {
            return;
        }
    }
}

fn receipts(heads: &Heads) -> u64 {
    heads.stacks.values().map(|link| link.sequence).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_under_load_has_all_that_was_acknowledged_and_books_for_all_of_its_usage() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let (so_far, stop) = (
        Arc::new(Acknowledged::default()),
        Arc::new(AtomicBool::new(false)),
    );
    let working = tokio::spawn(work(store.clone(), Arc::clone(&so_far), Arc::clone(&stop)));
    let mut last = 0;
    for _ in 0..6 {
        while so_far.receipts.load(Ordering::SeqCst) < last + 3 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let acknowledged = so_far.receipts.load(Ordering::SeqCst);
        let registered = so_far.stacks.load(Ordering::SeqCst);
        let path = directory.path().to_owned();
        let copied = tokio::task::spawn_blocking(move || copy(&path)).await.unwrap();
        last = so_far.receipts.load(Ordering::SeqCst);

        for name in DATABASES {
            assert_eq!(backup::findings(&copied.path().join(name)).unwrap(), [""; 0]);
        }
        let heads = backup::heads(copied.path()).unwrap();
        assert!(
            receipts(&heads) >= acknowledged,
            "{} < {acknowledged}",
            receipts(&heads)
        );
        assert!(heads.journal.sequence >= registered);
        let copied_store = open(copied.path());
        assert_sound(&copied_store).await;
        let entries = copied_store.journal.read_after(0, 1000).await.unwrap();
        assert_eq!(entries.last().unwrap().chain, heads.journal.chain);
        let registered: BTreeSet<CloudId> = entries.iter().map(|entry| stack(entry.body[0])).collect();
        for with_usage in copied_store.usage.stacks().await.unwrap() {
            assert!(
                registered.contains(&with_usage),
                "{with_usage} has usage and no registration"
            );
        }
    }
    stop.store(true, Ordering::SeqCst);
    working.await.unwrap();
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copying_a_store_that_nobody_has_open_leaves_it_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    enter(&store, 0, b"a").await;
    Delivery::new([record("/vm/1", 0, "0.25")]).to(&store).await;
    drop(store);
    let read = || {
        let entries = fs::read_dir(directory.path())
            .unwrap()
            .map(|it| it.unwrap().path());
        let mut files: Vec<_> = entries
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = read();
    let copied = copy(directory.path());
    assert_eq!(read(), before);
    let mut names: Vec<_> = fs::read_dir(copied.path())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["books.db", "usage.db"], "sign-ins are not copied");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_left_in_its_write_ahead_log_is_in_the_copy() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    enter(&store, 0, b"a").await;
    Delivery::new([record("/vm/1", 0, "0.25")]).to(&store).await;
    // As it would be found if the process ended now.
    let killed = tempfile::tempdir().unwrap();
    for name in ["books.db", "books.db-wal", "usage.db", "usage.db-wal"] {
        fs::copy(directory.path().join(name), killed.path().join(name)).unwrap();
    }
    let expected = backup::heads(copy(directory.path()).path()).unwrap();
    let found = backup::heads(copy(killed.path()).path()).unwrap();
    assert_eq!((found.journal.sequence, receipts(&found)), (1, 1));
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_inside_of_a_database_is_found_in_a_copy() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let records = (0..200).map(|vm| record(&format!("/vm/{vm}/{}", "x".repeat(300)), 0, "1"));
    Delivery::new(records).to(&store).await;
    drop(store);
    let copied = copy(directory.path());
    let usage = copied.path().join("usage.db");
    let mut bytes = fs::read(&usage).unwrap();
    // Every page but the first, in the middle.
    for page in bytes.chunks_mut(4096).skip(1) {
        page[2000..2100].fill(0xff);
    }
    fs::write(&usage, bytes).unwrap();
    assert_ne!(backup::findings(&usage).unwrap(), [""; 0]);
    let books = copied.path().join("books.db");
    fs::write(&books, "no database").unwrap();
    assert_ne!(backup::findings(&books).unwrap(), [""; 0]);
}
