//! Ends of chains that were cut off, which only whoever noted elsewhere where they were finds.

use store::backup::Heads;

use super::*;

/// A history of so many entries of the journal and of so many batches.
async fn history(store: &Store, entries: u8, batches: u8) {
    let books = Books::load(store.journal.clone()).await.unwrap();
    register(store, 1).await;
    for number in 1..entries {
        enter(&books, operator(number)).await;
    }
    for number in 1..=batches {
        let delivery = Delivery::new([record("/vm/a", number.into(), "1")]);
        deliver(store, &delivery, number).await;
    }
}

fn compared(config: &StoreConfig, noted: &Heads) -> AuditReport {
    let elsewhere = Elsewhere {
        heads: vec![noted.clone()],
        ..Elsewhere::default()
    };
    store::verify(config, &elsewhere, &mut |_| ()).unwrap()
}

/// What a history is found to be that agrees with itself, by whoever noted where the whole one ended.
fn assert_found(whole: &StoreConfig, shorter: &StoreConfig) {
    let noted = audited(whole).heads.unwrap();
    let report = compared(whole, &noted);
    assert_eq!(sentences(&report), [""; 0]);
    let compared_heads = report.checks.iter().find(|it| it.kind == store::CheckKind::Heads);
    assert_eq!(compared_heads.unwrap().examined, 2);

    assert_eq!(sentences(&audited(shorter)), [""; 0], "it agrees with itself");
    let told = sentences(&compared(shorter, &noted));
    let [journal, receipts] = &told[..] else {
        panic!("{told:?}")
    };
    for (told, parts) in [
        (
            journal,
            [
                "entry 5: this was the end of its chain once",
                "entries 3 to 5 are missing",
            ],
        ),
        (
            receipts,
            [
                "receipt 4: this was the end of its chain",
                "receipts 2 to 4 are missing",
            ],
        ),
    ] {
        assert!(parts.iter().all(|part| told.contains(part)), "{told}");
    }
    // What was added since then is no difference.
    let earlier = audited(shorter).heads.unwrap();
    assert_eq!(sentences(&compared(whole, &earlier)), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_and_batches_cut_off_the_end_are_found_by_whoever_noted_where_it_was() {
    let (whole, shorter) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let [whole, shorter] = [&whole, &shorter].map(|directory| embedded(directory.path()));
    history(&store::open(&whole).unwrap(), 5, 4).await;
    history(&store::open(&shorter).unwrap(), 2, 1).await;
    assert_found(&whole, &shorter);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_and_batches_cut_off_a_database_are_found_by_whoever_noted_where_it_ended() {
    let (Some(whole), Some(shorter)) = (Postgres::new(), Postgres::new()) else {
        return;
    };
    history(&Backend::open(&whole), 5, 4).await;
    history(&Backend::open(&shorter), 2, 1).await;
    tokio::task::block_in_place(|| assert_found(&whole.config(), &shorter.config()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_written_anew_from_its_middle_has_another_chain_value_than_was_noted() {
    let (whole, anew) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    history(&store::open(&embedded(whole.path())).unwrap(), 1, 2).await;
    let store = store::open(&embedded(anew.path())).unwrap();
    history(&store, 1, 1).await;
    deliver(&store, &Delivery::new([record("/vm/a", 2, "2")]), 2).await;
    drop(store);
    let noted = audited(&embedded(whole.path())).heads.unwrap();
    let report = compared(&embedded(anew.path()), &noted);
    assert_eq!(codes(&report), BTreeSet::from(["HeadDiffers"]));
    assert!(sentences(&report)[0].contains("receipt 2"), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_receipt_in_the_middle_is_told_as_itself_and_not_as_all_after_it() {
    let directory = tempfile::tempdir().unwrap();
    history(&store::open(&embedded(directory.path())).unwrap(), 1, 3).await;
    let noted = audited(&embedded(directory.path())).heads.unwrap();
    let store = store::open(&embedded(directory.path())).unwrap();
    deliver(&store, &Delivery::new([]), 4).await;
    drop(store);
    execute(directory.path(), "DELETE FROM batch WHERE sequence = 3");
    let report = compared(&embedded(directory.path()), &noted);
    let told = sentences(&report);
    assert!(
        told.iter().any(|it| it.contains("receipt 3 is missing")),
        "{told:?}"
    );
}

/// Makes the last entry of five one that cannot be read.
const LAST_UNREADABLE: &str = "UPDATE entry SET recorded_at = 'once' WHERE sequence = 5";

/// What is said of a journal of five entries that can be read, then of one of which the last cannot.
fn assert_proves_nothing(whole: &AuditReport, unreadable: &AuditReport) {
    assert_eq!(whole.heads.as_ref().unwrap().journal.sequence, 5);
    assert_eq!(codes(unreadable), BTreeSet::from(["Unreadable"]));
    assert_eq!(unreadable.heads, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_cannot_be_read_is_not_noted_as_one_that_would_prove_nothing_later() {
    let directory = tempfile::tempdir().unwrap();
    let config = embedded(directory.path());
    history(&store::open(&config).unwrap(), 5, 1).await;
    let whole = audited(&config);
    execute(directory.path(), LAST_UNREADABLE);
    assert_proves_nothing(&whole, &audited(&config));

    // Nor where nothing at all can be read any more.
    std::fs::write(directory.path().join("books.db"), [0xa5; 4096]).unwrap();
    assert_eq!(audited(&config).heads, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_in_a_database_that_cannot_be_read_is_not_noted_either() {
    let Some(database) = Postgres::new() else {
        return;
    };
    history(&Backend::open(&database), 5, 1).await;
    tokio::task::block_in_place(|| {
        let whole = audited(&database.config());
        database.execute(LAST_UNREADABLE);
        assert_proves_nothing(&whole, &audited(&database.config()));
    });
}
