//! A store as the version left it that folded letter cases by rules which look at neighbours: what it counted counts once, in
//! whatever letter case it comes again.
//!
//! `old_store/*.sql` are its files. It had taken in, of one local subscription and meter:
//!
//! | reported in hour | resource | hour | quantity |
//! |---|---|---|---|
//! | 100 | `/rg/plain/vm` | 0 | 1 |
//! | 100 | `/rg/ΝΊΚΟΣ/vm` | 0 and 1 | 2 and 3 |
//! | 100 | `/rg/ΟΔΟΣ/vm` | 0 | 4 |
//! | 100 | `/rg/straße/vm` | 0 | 5 |
//! | 100 | `/rg/i̇stanbul/vm`, with a dot of its own above the i | 0 | 6 |
//! | 101 | `/rg/νίκοσ/vm`, which it took for another resource | 1 and 2 | 3 and 7 |
//! | 102 | `/rg/ΟΔΟΣ/vm` | 0 | 8 |

use std::path::Path;

use domain::ids::QuarantineActId;
use domain::time::HourInterval;
use domain::usage::UsageRecord;
use rusqlite::Connection;
use store::{AuditReport, CheckKind, Elsewhere, QuarantineFilter, Store, StoreConfig};
use tempfile::TempDir;

use crate::fixtures::*;
use crate::postgres::Postgres;

const FILES: [(&str, &str); 2] = [
    ("usage.db", include_str!("old_store/usage.sql")),
    ("books.db", include_str!("old_store/books.sql")),
];
/// What it had counted: of hour 1 of one resource twice.
const COUNTED: &str = "35";
const LOWER: &str = "/rg/νίκοσ/vm";
const UPPER: &str = "/RG/ΝΊΚΟΣ/VM";

/// Its directory.
fn old() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (file, made_of) in FILES {
        let connection = Connection::open(directory.path().join(file)).unwrap();
        connection.execute_batch(made_of).unwrap();
    }
    directory
}

fn embedded(directory: &Path) -> StoreConfig {
    StoreConfig::in_folder(directory.to_owned())
}

fn verified(config: &StoreConfig) -> AuditReport {
    store::verify(config, &Elsewhere::default(), &mut |_| ()).unwrap()
}

/// It differs in nothing, and one resource is said to have two series.
fn assert_noted(config: &StoreConfig) {
    let report = verified(config);
    // Of its books there was nothing but the tables.
    let of_usage = report
        .checks
        .iter()
        .filter(|it| it.kind != CheckKind::Registrations);
    assert_eq!(of_usage.map(|it| it.found).sum::<u64>(), 0, "{report:#?}");
    let notes = report.checks.iter().flat_map(|check| &check.notes);
    let notes: Vec<String> = notes.map(ToString::to_string).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("another series measures the same"), "{notes:?}");
    assert!(notes[0].contains("`series` 6"), "{notes:?}");
}

/// It, and a copy of it on PostgreSQL, each opened by the version of now.
fn on_both(test: &impl AsyncFn(&StoreConfig)) {
    let run = |config: &StoreConfig| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(test(config));
    };
    let directory = old();
    let postgres = Postgres::new();
    if let Some(database) = &postgres {
        store::copy(&embedded(directory.path()), &database.config(), &mut |_| ()).unwrap();
        run(&database.config());
    }
    run(&embedded(directory.path()));
}

/// Delivers a record again that was delivered, and tells what became of it.
async fn delivered(store: &Store, uri: &str, start: i32, quantity: &str) -> [u32; 4] {
    let delivery = Delivery::new([record(uri, start, quantity)]).reported(103);
    counts(&delivery.to(store).await)
}

async fn total(store: &Store) -> String {
    sum(store, slice(subscription(1, 1), HourInterval::ALWAYS)).await
}

const DUPLICATE: [u32; 4] = [0, 1, 0, 0];

#[test]
fn usage_of_before_the_update_would_be_paid_twice_by_whoever_it_is_read_again_for() {
    let again = [
        ("/rg/plain/vm", 0, "1"),
        ("/rg/ΝΊΚΟΣ/vm", 0, "2"),
        (LOWER, 1, "3"),
        (UPPER, 1, "3"),
        (LOWER, 2, "7"),
        // In the letter case of the other series.
        (LOWER, 0, "2"),
        ("/rg/ΝΊΚΟΣ/vm", 2, "7"),
        ("/rg/Νίκος/vm", 0, "2"),
        ("/rg/Νίκος/vm", 2, "7"),
        ("/rg/οδοσ/vm", 0, "4"),
        ("/rg/οδος/vm", 0, "8"),
        ("/RG/STRAẞE/VM", 0, "5"),
        ("/rg/İstanbul/vm", 0, "6"),
        ("/rg/i\u{307}stanbul/vm", 0, "6"),
    ];
    on_both(&async |config| {
        // Of all of them each is the first once.
        for first in 0..again.len() {
            let store = store::open(config).unwrap();
            let (before, after) = again.split_at(first);
            for (uri, start, quantity) in after.iter().chain(before) {
                let became = delivered(&store, uri, *start, quantity).await;
                assert_eq!(became, DUPLICATE, "{uri} in hour {start}, from {first} on");
            }
            assert_eq!(total(&store).await, COUNTED);
        }
        let store = store::open(config).unwrap();
        let all = again.map(|(uri, start, quantity)| record(uri, start, quantity));
        let at_once = Delivery::new(all).reported(103).to(&store).await;
        assert_eq!(counts(&at_once), [0, 14, 0, 0]);
        assert_sound(&store).await;
        drop(store);
        assert_noted(config);
    });
}

#[test]
fn a_new_hour_of_a_resource_with_two_series_would_count_once_for_each_spelling() {
    on_both(&async |config| {
        let store = store::open(config).unwrap();
        for (hour, one, other) in [(3, LOWER, UPPER), (4, UPPER, LOWER), (5, "/rg/Νίκος/vm", UPPER)] {
            assert_eq!(delivered(&store, one, hour, "1").await, [1, 0, 0, 0]);
            assert_eq!(delivered(&store, other, hour, "1").await, DUPLICATE, "{other}");
        }
        let both = [
            record(LOWER, 6, "1"),
            record(UPPER, 6, "1"),
            record(LOWER, 7, "1"),
        ];
        assert_eq!(
            counts(&Delivery::new(both).reported(103).to(&store).await),
            [2, 1, 0, 0]
        );
        // A day as a whole, of which one of the two has hours.
        let day = UsageRecord {
            granularity: domain::usage::Granularity::Day,
            ..record(LOWER, 0, "24")
        };
        assert_eq!(
            counts(&Delivery::new([day]).reported(103).to(&store).await),
            [0, 0, 0, 1]
        );
        assert_eq!(total(&store).await, "40");
        drop(store);
        assert_noted(config);
    });
}

#[test]
fn a_month_closed_after_an_update_would_be_reckoned_from_what_came_before_it() {
    on_both(&async |config| {
        let store = store::open(config).unwrap();
        let late = Delivery::new([record("/rg/plain/vm", 0, "10")]).reported(103);
        late.days_later(20).to(&store).await;
        let all = slice(subscription(1, 1), HourInterval::ALWAYS);
        for (mark, counted) in [(0, "0"), (1, "21"), (2, "31"), (3, COUNTED), (4, "44")] {
            let sums = store.usage.sums_at(&[all], &[(stack(1), mark)]).await.unwrap();
            let sum: domain::quantity::QuantitySum = sums.iter().map(|it| &it.quantity).sum();
            assert_eq!(sum.to_string(), counted, "{mark}");
        }
        assert_sound(&store).await;
    });
}

#[test]
fn a_store_with_two_spellings_from_before_an_update_could_be_neither_restored_nor_moved() {
    let (directory, backup) = (old(), tempfile::tempdir().unwrap());
    // A backup of what no server of now has opened yet.
    store::backup::copy(directory.path(), backup.path(), &mut |_| ()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let restored = |path: &Path| {
        let store = store::open(&embedded(path)).unwrap();
        runtime.block_on(assert_sound(&store));
        assert_eq!(runtime.block_on(total(&store)), COUNTED);
    };
    restored(backup.path());
    assert_noted(&embedded(backup.path()));
    let again = tempfile::tempdir().unwrap();
    store::backup::copy(backup.path(), again.path(), &mut |_| ()).unwrap();
    restored(again.path());
    // Moved before and after the first start, to the same back end, to the other, and back.
    for from in [directory.path(), backup.path()] {
        let moved = tempfile::tempdir().unwrap();
        store::copy(&embedded(from), &embedded(moved.path()), &mut |_| ()).unwrap();
        restored(moved.path());
        assert_noted(&embedded(moved.path()));
        let Some(database) = Postgres::new() else { continue };
        let back = tempfile::tempdir().unwrap();
        store::copy(&embedded(from), &database.config(), &mut |_| ()).unwrap();
        drop(database.open());
        assert_noted(&database.config());
        store::copy(&database.config(), &embedded(back.path()), &mut |_| ()).unwrap();
        restored(back.path());
    }
}

#[test]
fn a_copy_that_was_cut_off_before_the_first_start_would_be_taken_for_that_of_another_store() {
    let (from, to) = (old(), tempfile::tempdir().unwrap());
    let copy = || store::copy(&embedded(from.path()), &embedded(to.path()), &mut |_| ());
    copy().unwrap();
    let books = Connection::open(to.path().join("books.db")).unwrap();
    let cut_off = "INSERT INTO unfinished_copy (copied_from) VALUES ('another directory')";
    books.execute(cut_off, []).unwrap();
    drop(books);
    drop(store::open(&embedded(from.path())).unwrap());
    copy().unwrap();
    assert_noted(&embedded(to.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_taken_in_by_a_server_of_before_would_count_twice_beside_one_of_now() {
    let Some(database) = Postgres::new() else { return };
    let [stored, reads] = [Backend::open(&database), Backend::open(&database)];
    Delivery::new([record(UPPER, 0, "2"), record("/rg/plain/vm", 0, "1")])
        .to(&stored)
        .await;
    drop(stored);
    database.execute(&format!(
        "UPDATE series SET key = decode('{}', 'hex') WHERE resource_uri = '{UPPER}';
         UPDATE series SET folded_key = DEFAULT",
        former_key(UPPER)
    ));
    assert_eq!(delivered(&reads, LOWER, 0, "2").await, DUPLICATE);
    assert_eq!(delivered(&reads, UPPER, 0, "2").await, DUPLICATE);
    assert_eq!(delivered(&reads, "/rg/plain/vm", 0, "1").await, DUPLICATE);
    assert_eq!(not_looked_at(&database), ["/rg/plain/vm"]);
    drop(reads);
    drop(Backend::open(&database));
    assert_eq!(not_looked_at(&database), [""; 0]);
}

/// The key of a resource of stack 1 as a server of before makes it, in hexadecimal digits.
fn former_key(uri: &str) -> String {
    let (of, of_meter, folded) = (subscription(1, 1), meter(1), uri.to_lowercase());
    let identity = [
        of.stack.as_bytes().as_slice(),
        of.local_subscription.as_bytes(),
        of_meter.as_bytes(),
        folded.as_bytes(),
    ];
    hex::encode(&blake3::hash(&identity.concat()).as_bytes()[..16])
}

/// What a server of before has stored and none of now has looked at.
fn not_looked_at(database: &Postgres) -> Vec<String> {
    let sql = "SELECT resource_uri FROM series WHERE folded_key = '\\x00000000000000000000000000000000' ORDER BY id";
    database.execute(sql).lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_delivery_would_hold_up_all_others_with_what_a_server_of_before_stored_of_any_stack() {
    let Some(database) = Postgres::new() else { return };
    let (stored, unread) = (Backend::open(&database), "/rg/ά/unread");
    let of_before = [UPPER, unread, "/rg/plain/vm", "/rg/ä/vm"];
    for number in [1, 2] {
        let records = of_before.map(|uri| record(uri, 0, "2"));
        Delivery::new(records).of_stack(number).to(&stored).await;
    }
    drop(stored);
    let reads = Backend::open(&database);
    // The first name is one that nobody wrote so and nobody can read.
    database.execute(&format!(
        "UPDATE series SET key = decode('{}', 'hex') WHERE id = (SELECT min(id) FROM series WHERE resource_uri = '{UPPER}');
         UPDATE series SET resource_uri = '/\u{241b}b' WHERE resource_uri = '{unread}';
         UPDATE series SET folded_key = DEFAULT",
        former_key(UPPER)
    ));
    assert_eq!(delivered(&reads, LOWER, 0, "2").await, DUPLICATE);
    assert_eq!(not_looked_at(&database).len(), 7, "one was wanted");
    drop(reads);
    drop(Backend::open(&database));
    assert_eq!(not_looked_at(&database), ["/\u{241b}b"; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_name_that_cannot_be_read_would_keep_the_server_from_starting() {
    let directory = old();
    drop(store::open(&embedded(directory.path())).unwrap());
    let connection = Connection::open(directory.path().join("usage.db")).unwrap();
    let damage = "UPDATE series SET resource_uri = CAST(x'ff' AS TEXT) WHERE resource_uri LIKE '%stanbul%';
                  UPDATE series SET folded_key = key WHERE folded_key IS NOT NULL";
    connection.execute_batch(damage).unwrap();
    drop(connection);
    let store = store::open(&embedded(directory.path())).unwrap();
    store.usage.ready().await.unwrap();
    assert_eq!(delivered(&store, "/rg/ΝΊΚΟΣ/vm", 0, "2").await, DUPLICATE);
    assert_eq!(delivered(&store, LOWER, 2, "7").await, DUPLICATE);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_stored_behind_one_damaged_name_would_count_twice_in_another_spelling() {
    let directory = old();
    let connection = Connection::open(directory.path().join("usage.db")).unwrap();
    // In front of all others, and no ASCII.
    let damage =
        "UPDATE series SET resource_uri = CAST(x'ffceb1' AS TEXT) WHERE resource_uri = '/rg/plain/vm'";
    assert_eq!(connection.execute(damage, []).unwrap(), 1);
    drop(connection);
    let store = store::open(&embedded(directory.path())).unwrap();
    for (uri, start, quantity) in [
        ("/rg/Νίκοσ/vm", 0, "2"),
        ("/RG/νίκος/VM", 2, "7"),
        ("/rg/οδοσ/vm", 0, "4"),
        ("/RG/STRAẞE/VM", 0, "5"),
    ] {
        assert_eq!(delivered(&store, uri, start, quantity).await, DUPLICATE, "{uri}");
    }
    assert_eq!(total(&store).await, COUNTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn purging_long_texts_of_before_would_lose_what_they_were_or_take_the_memory_of_all() {
    let directory = tempfile::tempdir().unwrap();
    let store = store::open(&embedded(directory.path())).unwrap();
    // More than are read at one time by their bytes.
    let texts: Vec<String> = (0..80).map(|it| format!("{it}{}", "x".repeat(250_000))).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    crate::quarantine::unreadable(&texts).to(&store).await;
    let connection = Connection::open(directory.path().join("usage.db")).unwrap();
    connection
        .execute("UPDATE quarantine SET raw_digest = NULL", [])
        .unwrap();
    let positions: Vec<u64> = (1..=80).collect();
    let act = QuarantineActId::from_bytes([7; 16]);
    let purged = store.usage.purge(act, &positions, false).await.unwrap();
    assert_eq!(purged.purged, positions);
    let filter = QuarantineFilter {
        state: store::QuarantineState::Purged,
        ..QuarantineFilter::default()
    };
    let kept = store.usage.quarantine(&filter, 0, 1000).await.unwrap().records;
    let digests: Vec<_> = kept.iter().map(|it| it.raw_digest.unwrap()).collect();
    let expected: Vec<_> = texts
        .iter()
        .map(|it| *blake3::hash(it.as_bytes()).as_bytes())
        .collect();
    assert_eq!(digests, expected);
}
