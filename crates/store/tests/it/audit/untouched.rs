//! What is whole is found to be, and nothing that is audited changes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use store::{AuditError, CheckKind, StoreError};

use super::*;

/// Every file of a directory: its content, and when it was written last.
fn files(directory: &Path) -> BTreeMap<String, (blake3::Hash, std::time::SystemTime)> {
    let file = |file: fs::DirEntry| {
        let path = file.path();
        let written = file.metadata().unwrap().modified().unwrap();
        let name = file.file_name().into_string().unwrap();
        (name, (blake3::hash(&fs::read(path).unwrap()), written))
    };
    let files = fs::read_dir(directory).unwrap();
    files.map(|it| file(it.unwrap())).collect()
}

fn assert_sound_and_untouched(directory: &Path) {
    let before = files(directory);
    let report = audited(&embedded(directory));
    assert_eq!(sentences(&report), [""; 0]);
    assert_eq!(files(directory), before);
    assert_eq!(report.counts.received, 12);
    for check in report.checks {
        assert!(check.examined > 0, "{check:?}");
        assert_eq!(check.not_covered, 0, "{check:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_nobody_changed_is_sound_and_stays_byte_for_byte_what_it_is() {
    assert_sound_and_untouched(filled().await.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_whose_server_was_killed_is_read_with_its_log_and_stays_what_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let store = store::open(&embedded(directory.path())).unwrap();
    fill(&store).await;
    let killed = copy_of(directory.path());
    drop(store);
    fs::remove_file(killed.path().join("usage.db-shm")).unwrap();
    let log = fs::metadata(killed.path().join("usage.db-wal")).unwrap();
    assert!(log.len() > 0, "what was written last is in the log");
    assert_sound_and_untouched(killed.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_audited_as_it_is() {
    let (directory, backup) = (filled().await, tempfile::tempdir().unwrap());
    store::backup::copy(directory.path(), backup.path(), &mut |_| ()).unwrap();
    assert_sound_and_untouched(backup.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_on_postgresql_is_sound_and_may_be_in_use() {
    let Some(database) = filled_database().await else {
        return;
    };
    let _in_use = Backend::open(&database);
    let report = audited(&database.config());
    assert_eq!(sentences(&report), [""; 0]);
    assert_eq!(report.counts.received, 12);
    let heads = report.heads.unwrap();
    assert_eq!((heads.journal.sequence, heads.stacks.len()), (6, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_store_that_a_server_has_open_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let _server = store::open(&embedded(directory.path())).unwrap();
    let refused = store::verify(&embedded(directory.path()), &Elsewhere::default(), &mut |_| ());
    assert!(
        matches!(refused, Err(AuditError::Store(StoreError::InUse { .. }))),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_where_no_store_is_and_no_schema_is_changed() {
    let empty = tempfile::tempdir().unwrap();
    let refused = store::verify(&embedded(empty.path()), &Elsewhere::default(), &mut |_| ());
    assert!(matches!(refused, Err(AuditError::NoStore)), "{refused:?}");
    assert_eq!(files(empty.path()).len(), 0);

    let half = filled().await;
    fs::remove_file(half.path().join("books.db")).unwrap();
    let refused = store::verify(&embedded(half.path()), &Elsewhere::default(), &mut |_| ());
    let Err(AuditError::Store(StoreError::FileMissing { file })) = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!(*file, half.path().join("books.db"));

    let emptied = filled().await;
    let usage = emptied.path().join("usage.db");
    fs::write(&usage, "").unwrap();
    let refused = store::verify(&embedded(emptied.path()), &Elsewhere::default(), &mut |_| ());
    let Err(AuditError::Store(StoreError::FileEmpty { file })) = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!(*file, usage);

    let older = filled().await;
    execute(older.path(), "DELETE FROM main.schema_version WHERE version > 1");
    let before = files(older.path());
    let refused = store::verify(&embedded(older.path()), &Elsewhere::default(), &mut |_| ());
    assert!(
        matches!(refused, Err(AuditError::OlderSchema { found: 1, .. })),
        "{refused:?}"
    );
    assert_eq!(files(older.path()), before);
}

/// The kinds of comparisons that found something, after a file was damaged.
fn damaged(directory: &Path, damage: impl FnOnce(&mut fs::File)) -> Vec<CheckKind> {
    let path = directory.join("usage.db");
    damage(&mut fs::File::options().write(true).read(true).open(path).unwrap());
    let before = files(directory);
    let report = audited(&embedded(directory));
    assert_eq!(files(directory), before);
    let found = report.checks.iter().filter(|check| check.found > 0);
    found.map(|check| check.kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_a_finding_and_what_can_be_read_is_compared_still() {
    let whole = filled().await;
    let length = fs::metadata(whole.path().join("usage.db")).unwrap().len();
    let page = 4096;

    let cut = copy_of(whole.path());
    let found = damaged(cut.path(), |file| file.set_len(length - page).unwrap());
    assert_eq!(found.first(), Some(&CheckKind::Database), "{found:?}");

    for number in (1..length / page).step_by(6) {
        let one_page = copy_of(whole.path());
        let found = damaged(one_page.path(), |file| {
            file.seek(SeekFrom::Start(number * page)).unwrap();
            file.write_all(&[0xa5; 4096]).unwrap();
        });
        assert_eq!(
            found.first(),
            Some(&CheckKind::Database),
            "page {number}: {found:?}"
        );
    }

    // Whoever has to put it right is told which file it is, and where in it.
    let of_books = copy_of(whole.path());
    let path = of_books.path().join("books.db");
    let mut file = fs::File::options().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(page)).unwrap();
    file.write_all(&[0xa5; 4096]).unwrap();
    let told = sentences(&audited(&embedded(of_books.path())));
    let name = path.to_str().unwrap();
    assert!(told[0].contains(name) && told[0].contains("page 2"), "{told:?}");

    // Receipts share pages: what is on one of them is told once, and which one it is.
    let of_receipts = copy_of(whole.path());
    let path = of_receipts.path().join("usage.db");
    let root: u64 = Connection::open(&path)
        .unwrap()
        .query_row(
            "SELECT rootpage FROM sqlite_master WHERE name = 'batch'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let mut file = fs::File::options().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start((root - 1) * page)).unwrap();
    file.write_all(&[0xa5; 4096]).unwrap();
    let told = sentences(&audited(&embedded(of_receipts.path())));
    assert!(told[0].contains(&format!("(batch) page {root}: ")), "{told:?}");

    let no_database = copy_of(whole.path());
    let found = damaged(no_database.path(), |file| file.write_all(&[0; 100]).unwrap());
    assert_eq!(found, [CheckKind::Database]);
}
