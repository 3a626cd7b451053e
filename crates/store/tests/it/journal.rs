//! The journal of the books.

use domain::ids::ObjectId;
use domain::time::Timestamp;
use store::{JournalAppended, Store, StoreError};

use crate::fixtures::Backend;

async fn append(store: &Store, expected: u64, bodies: &[&str]) -> JournalAppended {
    let entries = bodies.iter().map(|body| body.as_bytes().to_vec()).collect();
    let at = Timestamp::from_nanosecond(1_790_000_000_123_456_789).unwrap();
    store
        .journal
        .append(expected, entries, at, ObjectId::from_bytes([5; 16]))
        .await
        .unwrap()
}

async fn bodies(store: &Store, after: u64, limit: usize) -> Vec<(u64, String)> {
    let entries = store.journal.read_after(after, limit).await.unwrap();
    entries
        .into_iter()
        .map(|entry| (entry.sequence, String::from_utf8(entry.body).unwrap()))
        .collect()
}

pub(crate) async fn entries_are_numbered_and_chained(backend: &dyn Backend) {
    let store = backend.open();
    assert_eq!(
        append(&store, 0, &["a", "b"]).await,
        JournalAppended::Appended { last: 2 }
    );
    assert_eq!(
        append(&store, 2, &["c"]).await,
        JournalAppended::Appended { last: 3 }
    );
    let entries = store.journal.read_after(0, 10).await.unwrap();
    let mut chain = [0; 32];
    for (entry, (sequence, body)) in entries.iter().zip([(1, "a"), (2, "b"), (3, "c")]) {
        assert_eq!(
            (entry.sequence, entry.body.as_slice()),
            (sequence, body.as_bytes())
        );
        assert_eq!(entry.by, ObjectId::from_bytes([5; 16]));
        assert_eq!(
            entry.recorded_at,
            Timestamp::from_nanosecond(1_790_000_000_123_456_789).unwrap()
        );
        assert_eq!(entry.chain, entry.chained_after(&chain));
        chain = entry.chain;
    }
    assert_eq!(bodies(&store, 1, 1).await, [(2, "b".to_owned())]);
    assert_eq!(bodies(&store, 3, 10).await, []);
}

pub(crate) async fn whoever_decided_on_an_older_state_is_told_so(backend: &dyn Backend) {
    let store = backend.open();
    append(&store, 0, &["a"]).await;
    assert_eq!(
        append(&store, 0, &["b"]).await,
        JournalAppended::Conflict { last: 1 }
    );
    assert_eq!(
        append(&store, 2, &["b"]).await,
        JournalAppended::Conflict { last: 1 }
    );
    assert_eq!(bodies(&store, 0, 10).await, [(1, "a".to_owned())]);
}

pub(crate) async fn several_entries_are_appended_together_or_not_at_all(backend: &dyn Backend) {
    let store = backend.open();
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let store = store.clone();
            let entries = [format!("{number} first"), format!("{number} second")];
            tokio::spawn(async move {
                loop {
                    let last = store.journal.read_after(0, 1000).await.unwrap().len() as u64;
                    let bodies = [entries[0].as_str(), entries[1].as_str()];
                    if let JournalAppended::Appended { .. } = append(&store, last, &bodies).await {
                        break;
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let all = bodies(&store, 0, 1000).await;
    assert_eq!(all.len(), 40);
    for pair in all.chunks(2) {
        assert_eq!(pair[0].1.split(' ').next(), pair[1].1.split(' ').next());
    }
}

pub(crate) async fn entries_are_there_after_reopening(backend: &dyn Backend) {
    let store = backend.open();
    append(&store, 0, &["a", "b"]).await;
    drop(store);
    let store = backend.open();
    let both = [(1, "a".to_owned()), (2, "b".to_owned())];
    assert_eq!(bodies(&store, 0, 1).await, both[..1]);
    assert_eq!(
        bodies(&store, 1, 1).await,
        both[1..],
        "the first page was not all"
    );
    assert_eq!(bodies(&store, 2, 1).await, []);
    assert_eq!(bodies(&store, 0, 10).await, both);
    assert_eq!(
        append(&store, 2, &["c"]).await,
        JournalAppended::Appended { last: 3 }
    );
    assert_eq!(bodies(&store, 2, 10).await, [(3, "c".to_owned())]);
}

pub(crate) async fn a_journal_that_ends_before_what_is_known_of_it_is_damaged(backend: &dyn Backend) {
    let store = backend.open();
    append(&store, 0, &["a", "b"]).await;
    for known in [3, 4] {
        let read = store.journal.read_after(known, 10).await;
        assert!(
            matches!(read, Err(StoreError::Corrupt { .. })),
            "{known}: {read:?}"
        );
    }
}

pub(crate) async fn a_journal_of_large_entries_would_be_too_much_for_one_answer(backend: &dyn Backend) {
    let store = backend.open();
    let sizes = [
        3_000_000, 10, 500_000, 500_000, 500_000, 10, 2_000_000, 2_000_000, 10,
    ];
    for (known, size) in (0..).zip(sizes) {
        append(&store, known, &["x".repeat(size).as_str()]).await;
    }
    drop(store);
    let store = backend.open();
    let (mut pages, mut last) = (Vec::new(), 0);
    loop {
        let page = bodies(&store, last, 1000).await;
        let Some((sequence, _)) = page.last() else { break };
        last = *sequence;
        pages.push(page.iter().map(|(_, body)| body.len()).collect::<Vec<_>>());
    }
    assert_eq!(pages.concat(), sizes);
    let page_bytes = |page: &Vec<usize>| page.iter().sum::<usize>();
    assert!(pages.iter().all(|page| page_bytes(page) < 3_100_000), "{pages:?}");
    assert!(pages.len() > 3, "{pages:?}");
    assert_eq!(bodies(&store, 4, 1).await.len(), 1);
    assert_eq!(
        append(&store, 9, &["more"]).await,
        JournalAppended::Appended { last: 10 }
    );
}
