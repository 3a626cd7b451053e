//! Whoever changes the files of the embedded store, or the tables on PostgreSQL, behind its back is found out.

use std::path::Path;

use rusqlite::Connection;
use store::{LocalSubscriptionKey, Store, StoreConfig, StoreError};
use tempfile::TempDir;

use crate::fixtures::*;
use crate::postgres::Postgres;

/// Puts a bit of everything into a store.
async fn fill(store: &Store) {
    for number in 0..3 {
        let quantity = (number + 1).to_string();
        let records = [
            record("/vm/a", 0, &quantity),
            record("/vm/b", number, "1"),
            record("/vm/c", 30 + number, "2"),
        ];
        let mixed = of_day(record("/vm/a", 0, "24"));
        Delivery::new(records.into_iter().chain([mixed]))
            .reported(100 - number)
            .to(store)
            .await;
    }
    assert_sound(store).await;
    let by = domain::ids::ObjectId::from_bytes([1; 16]);
    let entries = vec![b"first".to_vec(), b"second".to_vec(), b"third".to_vec()];
    store
        .journal
        .append(0, entries, domain::time::Timestamp::UNIX_EPOCH, by)
        .await
        .unwrap();
}

/// A filled store that is opened after statements were run on one of its files.
async fn after(directory: &TempDir, file: &str, statement: &str) -> Store {
    reopened_after(directory, file, statement).await.unwrap()
}

async fn reopened_after(directory: &TempDir, file: &str, statement: &str) -> Result<Store, StoreError> {
    fill(&open(directory.path())).await;
    let connection = Connection::open(directory.path().join(file)).unwrap();
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    connection.execute_batch(statement).unwrap();
    assert!(connection.changes() > 0, "nothing to change: {statement}");
    drop(connection);
    let directory = directory.path().to_owned();
    store::open(&StoreConfig::Sqlite { directory })
}

fn open(directory: &Path) -> Store {
    let directory = directory.to_owned();
    store::open(&StoreConfig::Sqlite { directory }).unwrap()
}

async fn assert_found_out(store: &Store, statement: &str) {
    let slices = Box::new(|_: &[LocalSubscriptionKey]| Vec::new());
    match store.usage.audit(hours(0, 1), slices).await {
        Ok(audit) => assert!(!audit.problems.is_empty() || !add_up(audit.counts), "{statement}"),
        Err(error) => assert!(
            matches!(error, StoreError::Corrupt { .. }),
            "{statement}: {error}"
        ),
    }
}

/// Writes over the root page of a table, which some other page is, too, in a file without a log.
fn destroy(file: &Path, table: &str) -> u64 {
    use std::io::{Seek as _, Write as _};
    let connection = Connection::open(file).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    let page: u64 = connection.query_row(sql, [table], |row| row.get(0)).unwrap();
    drop(connection);
    let mut file = std::fs::File::options().write(true).open(file).unwrap();
    file.seek(std::io::SeekFrom::Start((page - 1) * 4096)).unwrap();
    file.write_all(&[0xa5; 4096]).unwrap();
    page
}

/// It is told which file is damaged, and what SQLite finds in it.
fn assert_told(told: &StoreError, file: &Path, page: u64) {
    let told = told.to_string();
    let parts = [
        file.display().to_string(),
        "is malformed".to_owned(),
        format!("page {page}"),
    ];
    assert!(parts.iter().all(|part| told.contains(part.as_str())), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_a_damaged_page_is_told_the_file_and_what_sqlite_finds_in_it() {
    let directory = tempfile::tempdir().unwrap();
    fill(&open(directory.path())).await;
    let usage = directory.path().join("usage.db");
    let page = destroy(&usage, "batch");
    let store = open(directory.path());
    for _ in 0..2 {
        let told = store.usage.receipts(stack(1), 0, 10).await.unwrap_err();
        assert_told(&told, &usage, page);
    }
    drop(store);
    let books = directory.path().join("books.db");
    let page = destroy(&books, "schema_version");
    let refused = store::open(&StoreConfig::Sqlite {
        directory: directory.path().to_owned(),
    });
    assert_told(&refused.err().unwrap(), &books, page);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_page_that_only_deliveries_meet_is_looked_for_by_sqlite_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    fill(&open(directory.path())).await;
    let usage = directory.path().join("usage.db");
    let page = destroy(&usage, "batch");
    let store = open(directory.path());
    for number in 0..2 {
        let told = Delivery::new([record("/vm/z", number, "1")]).try_to(&store).await;
        assert_told(&told.unwrap_err(), &usage, page);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_of_the_ledger_finds_what_was_changed() {
    for statement in [
        "UPDATE batch SET accepted = accepted + 1, duplicate = duplicate - 1 WHERE sequence = 3",
        "UPDATE batch SET received_at = '2026-01-01T00:00:00Z' WHERE sequence = 1",
        "UPDATE batch SET chain = zeroblob(32) WHERE sequence = 3",
        "UPDATE batch SET reported_start = reported_start + 50 WHERE sequence = 3",
        "DELETE FROM batch WHERE sequence = 1",
        "UPDATE quarantine SET message = 'fine' WHERE position = 1",
        "DELETE FROM quarantine WHERE position = 2",
        "DELETE FROM hour_sheet WHERE hour = (SELECT min(hour) FROM hour_sheet)",
        "DELETE FROM day_sheet WHERE day = (SELECT max(day) FROM day_sheet)",
        "UPDATE hour_sheet SET body = (SELECT body FROM hour_sheet ORDER BY hour LIMIT 1)",
        "UPDATE day_sheet SET body = (SELECT body FROM day_sheet ORDER BY day LIMIT 1)",
        "UPDATE hour_sheet SET body = substr(body, 1, length(body) - 1)",
        "UPDATE observation SET reported = reported + 100",
        "DELETE FROM observation",
        "DELETE FROM series_attributes",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let store = after(&directory, "usage.db", statement).await;
        assert_found_out(&store, statement).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_whose_last_receipt_is_gone_would_number_the_next_one_over_it() {
    let directory = tempfile::tempdir().unwrap();
    let gone = "DELETE FROM batch WHERE sequence = 3";
    let refused = reopened_after(&directory, "usage.db", gone).await.err();
    assert!(
        matches!(&refused, Some(StoreError::Corrupt { detail }) if detail.contains("the last receipt")),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_of_the_ledger_finds_what_was_changed_on_postgresql() {
    let Some(backend) = Postgres::new() else { return };
    for statement in [
        "UPDATE batch SET accepted = accepted + 1, duplicate = duplicate - 1 WHERE sequence = 3",
        "UPDATE batch SET reported_start = reported_start + 50 WHERE sequence = 3",
        "UPDATE batch SET chain = digest WHERE sequence = 3",
        "UPDATE quarantine SET message = 'fine' WHERE position = (SELECT min(position) FROM quarantine)",
        "DELETE FROM quarantine WHERE position = (SELECT max(position) FROM quarantine)",
        "DELETE FROM hour_sheet WHERE hour = (SELECT min(hour) FROM hour_sheet)",
        "DELETE FROM day_sheet WHERE day = (SELECT max(day) FROM day_sheet)",
        "UPDATE hour_sheet SET quantity[1] = quantity[1] + 0.000000001 WHERE quantity[1] IS NOT NULL",
        "UPDATE hour_sheet SET quantity[1] = - quantity[1] WHERE quantity[1] IS NOT NULL",
        "UPDATE hour_sheet SET quantity[1] = 'NaN' WHERE quantity[1] IS NOT NULL",
        "UPDATE hour_sheet SET quantity[65] = 1",
        "UPDATE hour_sheet SET of_day = 1 - of_day",
        "UPDATE hour_sheet SET batch = '{}'",
        "UPDATE day_sheet SET total[1] = total[1] + 1 WHERE total[1] IS NOT NULL",
        "UPDATE day_sheet SET hours[1] = hours[1] # 2 WHERE hours[1] IS NOT NULL",
        "UPDATE day_sheet SET hours[1] = NULL WHERE hours[1] IS NOT NULL",
        "UPDATE observation SET reported = reported + 100",
        "DELETE FROM observation",
        "DELETE FROM series_attributes",
    ] {
        let database = backend.again();
        fill(&database.open()).await;
        let changed = database.execute(&format!(
            "SET session_replication_role = replica; WITH changed AS ({statement} RETURNING 1) SELECT count(*) FROM changed"
        ));
        assert_ne!(changed.trim(), "0", "nothing to change: {statement}");
        assert_found_out(&database.open(), statement).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_vanished_together_with_their_totals_are_missed() {
    let directory = tempfile::tempdir().unwrap();
    let vanish = "DELETE FROM hour_sheet WHERE hour >= 24 * (SELECT max(day) FROM day_sheet);
                  DELETE FROM day_sheet WHERE day = (SELECT max(day) FROM day_sheet)";
    let store = after(&directory, "usage.db", vanish).await;
    let audit = audit(&store).await;
    let of_batches = |it: &String| it.contains("batch") || it.contains("attributes");
    assert!(
        !audit.problems.is_empty() && audit.problems.iter().all(of_batches),
        "what is left agrees with itself: {:?}",
        audit.problems
    );
    assert!(!add_up(audit.counts), "{:?}", audit.counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_that_one_report_needs_would_take_every_server_out_of_the_balancer() {
    let directory = tempfile::tempdir().unwrap();
    let damage =
        "UPDATE day_sheet SET body = x'00'; UPDATE batch SET received_at = 'never' WHERE sequence = 1";
    let store = after(&directory, "usage.db", damage).await;
    let read = store.usage.receipts(stack(1), 0, 10).await;
    assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{read:?}");
    store.usage.ready().await.unwrap();
    // What every delivery needs is another matter, until it is as it was.
    let connection = Connection::open(directory.path().join("usage.db")).unwrap();
    let write = |chain: &[u8]| {
        connection
            .execute("UPDATE stack SET chain = ?1", [chain])
            .unwrap()
    };
    let chain: Vec<u8> = connection
        .query_row("SELECT chain FROM stack", [], |row| row.get(0))
        .unwrap();
    write(&[1, 2, 3]);
    let ready = store.usage.ready().await;
    assert!(matches!(ready, Err(StoreError::Corrupt { .. })), "{ready:?}");
    write(&chain);
    store.usage.ready().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_was_changed_is_not_read() {
    for statement in [
        "UPDATE entry SET body = x'00' WHERE sequence = 2",
        "UPDATE entry SET actor = zeroblob(16) WHERE sequence = 1",
        "UPDATE entry SET recorded_at = '2026-01-01T00:00:00Z' WHERE sequence = 3",
        "DELETE FROM entry WHERE sequence = 2",
        "UPDATE entry SET sequence = sequence + 10 WHERE sequence = 1",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let store = after(&directory, "books.db", statement).await;
        let read = store.journal.read_after(0, 10).await;
        assert!(
            matches!(read, Err(StoreError::Corrupt { .. })),
            "{statement}: {read:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_a_newer_program_is_not_opened() {
    let directory = tempfile::tempdir().unwrap();
    fill(&open(directory.path())).await;
    let connection = Connection::open(directory.path().join("usage.db")).unwrap();
    connection
        .execute("INSERT INTO schema_version (version) VALUES (99)", [])
        .unwrap();
    drop(connection);
    let opened = store::open(&StoreConfig::Sqlite {
        directory: directory.path().to_owned(),
    });
    assert!(matches!(opened, Err(StoreError::NewerSchema { found: 99, .. })));
}
