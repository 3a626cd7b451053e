//! The tables of PostgreSQL: the same as those of the embedded store, and quantities in them that are what was sent.

use std::collections::BTreeSet;

use domain::quantity::Quantity;
use domain::time::{Hour, HourInterval};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use rusqlite::Connection;
use store::{StoreConfig, StoreError};

use crate::fixtures::*;
use crate::postgres::{Database, Postgres, start};

/// What only the embedded store has: sheets in an encoding of its own.
const ONLY_SQLITE: [&str; 3] = [
    "day_sheet has body: bytes",
    "hour_sheet has body: bytes",
    "observation has quantity: bytes",
];
/// What only PostgreSQL has: sheets that can be read with SQL.
const ONLY_POSTGRES: [&str; 8] = [
    "day_sheet has hours: integer[]",
    "day_sheet has of_day: number",
    "day_sheet has total: numeric[]",
    "hour_sheet has batch: bigint[]",
    "hour_sheet has batch_place: bytes or nothing",
    "hour_sheet has of_day: number",
    "hour_sheet has quantity: numeric[]",
    "observation has quantity: numeric",
];

/// The tables of the embedded store that are in no file.
const IN_MEMORY: &str = include_str!("../../migrations/sqlite/codes/0001_codes.sql");

/// Tables, columns, keys and what refers to what, a sentence each.
fn of_sqlite(connection: &Connection) -> Vec<String> {
    let rows = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let tables = "(SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%') AS t";
    let columns = format!(
        "SELECT t.name || ' has ' || c.name || ': '
             || CASE c.type WHEN 'INTEGER' THEN 'number' WHEN 'BLOB' THEN 'bytes' ELSE lower(c.type) END
             || iif(c.\"notnull\" OR c.pk > 0, '', ' or nothing')
         FROM {tables}, pragma_table_info(t.name) AS c"
    );
    let keys = format!(
        "SELECT t.name || ' key (' || group_concat(c.name, ', ' ORDER BY c.pk) || ')'
         FROM {tables}, pragma_table_info(t.name) AS c WHERE c.pk > 0 GROUP BY t.name"
    );
    let indexes = format!(
        "SELECT t.name || iif(i.\"unique\", ' unique (', ' index (')
             || (SELECT group_concat(name, ', ' ORDER BY seqno) FROM pragma_index_info(i.name)) || ')'
         FROM {tables}, pragma_index_list(t.name) AS i WHERE i.origin <> 'pk'"
    );
    let references = format!(
        "SELECT t.name || ' refers by ' || f.\"from\" || ' to ' || f.\"table\"
         FROM {tables}, pragma_foreign_key_list(t.name) AS f"
    );
    [columns, keys, indexes, references]
        .iter()
        .flat_map(|sql| rows(sql))
        .collect()
}

fn of_postgres(database: &Database<'_>) -> Vec<String> {
    let tables = "(SELECT oid, relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace
                   AND relkind IN ('r', 'p') AND NOT relispartition) AS t";
    let names = "SELECT string_agg(a.attname, ', ' ORDER BY k.place)
                 FROM unnest(of.columns) WITH ORDINALITY AS k (number, place)
                 JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.number";
    let columns = format!(
        "SELECT t.name || ' has ' || a.attname || ': '
             || CASE format_type(a.atttypid, NULL) WHEN 'bigint' THEN 'number' WHEN 'integer' THEN 'number'
                WHEN 'uuid' THEN 'bytes' WHEN 'bytea' THEN 'bytes' ELSE format_type(a.atttypid, NULL) END
             || CASE WHEN a.attnotnull THEN '' ELSE ' or nothing' END
         FROM {tables} JOIN pg_attribute AS a ON a.attrelid = t.oid WHERE a.attnum > 0 AND NOT a.attisdropped"
    );
    let constraints = format!(
        "SELECT t.name || CASE of.contype WHEN 'p' THEN ' key (' || ({names}) || ')'
             WHEN 'u' THEN ' unique (' || ({names}) || ')'
             ELSE ' refers by ' || ({names}) || ' to ' || of.confrelid::regclass END
         FROM {tables} JOIN (SELECT *, conkey AS columns FROM pg_constraint) AS of ON of.conrelid = t.oid
         WHERE of.contype IN ('p', 'u', 'f')"
    );
    let indexes = format!(
        "SELECT t.name || ' index (' || ({names}) || ')'
         FROM {tables} JOIN (SELECT *, indkey::smallint[] AS columns FROM pg_index) AS of ON of.indrelid = t.oid
         WHERE NOT of.indisunique"
    );
    let answers = [columns, constraints, indexes].map(|sql| database.execute(&sql));
    answers
        .iter()
        .flat_map(|answer| answer.lines())
        .map(str::to_owned)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_back_ends_have_the_same_tables_but_for_how_sheets_are_written() {
    let Some(backend) = Postgres::new() else { return };
    let directory = tempfile::tempdir().unwrap();
    drop(
        store::open(&StoreConfig::Sqlite {
            directory: directory.path().to_owned(),
        })
        .unwrap(),
    );
    let files = ["books.db", "usage.db", "sessions.db"];
    let opened = |file| Connection::open(directory.path().join(file)).unwrap();
    let in_memory = Connection::open_in_memory().unwrap();
    in_memory.execute_batch(IN_MEMORY).unwrap();
    let connections = files.map(opened).into_iter().chain([in_memory]);
    let sqlite: BTreeSet<String> = connections
        .flat_map(|connection| of_sqlite(&connection))
        .collect();
    let postgres: BTreeSet<String> = of_postgres(&backend).into_iter().collect();
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| -> Vec<String> {
        one.difference(other).cloned().collect()
    };
    assert_eq!(only(&sqlite, &postgres), ONLY_SQLITE);
    assert_eq!(only(&postgres, &sqlite), ONLY_POSTGRES);
    assert!(
        sqlite.contains("batch unique (stack, idempotency_key)"),
        "{sqlite:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_a_migration_changes_would_be_told_as_somebody_elses_work() {
    let Some(backend) = Postgres::new() else { return };
    drop(backend.open());
    let made = backend.execute(include_str!("../../src/postgres/definitions.sql"));
    let made: BTreeSet<&str> = made.lines().collect();
    let written: Vec<&str> = include_str!("../../src/postgres/definitions.txt")
        .lines()
        .collect();
    let lines = made.iter().copied().collect::<Vec<_>>();
    assert!(
        lines == written,
        "definitions.txt has to be:\n{}\n",
        lines.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_lost_half_of_its_tables_would_be_served_as_if_nothing_had_been_used() {
    let Some(backend) = Postgres::new() else { return };
    drop(backend.open());
    backend.execute("DROP TABLE hour_sheet CASCADE; DROP TABLE entry");
    let refused = store::open(&backend.config()).map(|_| ());
    let Err(StoreError::TablesMissing { tables }) = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!(*tables, ["entry", "hour_sheet"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn quantities_are_for_postgresql_the_numbers_that_were_sent_and_the_other_way_round() {
    let Some(backend) = Postgres::new() else { return };
    let store = backend.open();
    let numbers = prop::collection::vec((0..10u128.pow(28), 0u8..=37, 0u32..28), 600);
    let mut runner = TestRunner::default();
    let numbers = numbers.new_tree(&mut runner).unwrap().current();
    let quantity = |(coefficient, scale, shorter): (u128, u8, u32)| {
        Quantity::new(coefficient / 10u128.pow(shorter), scale).unwrap()
    };
    let quantities: Vec<Quantity> = numbers.into_iter().map(quantity).collect();
    let records = (0..).zip(&quantities).map(|(number, quantity)| {
        record(
            &format!("/vm/{:03}", number % 100),
            number / 100,
            &quantity.to_string(),
        )
    });
    Delivery::new(records).to(&store).await;
    let texts = |answer: String| answer.lines().map(str::to_owned).collect::<Vec<_>>();
    let sent: Vec<String> = quantities.iter().map(Quantity::to_string).collect();
    assert_eq!(
        texts(backend.execute("SELECT quantity FROM record ORDER BY hour, series")),
        sent
    );
    // PostgreSQL adds up what we have added up.
    let differing = "SELECT count(*) FROM (SELECT series, hour / 24 AS day, sum(quantity), count(*) FROM record
                     GROUP BY 1, 2) AS r FULL JOIN (SELECT series, day, total AS sum, records AS count FROM day_total) AS d
                     USING (series, day, sum, count) WHERE r.* IS NULL OR d.* IS NULL";
    assert_eq!(backend.execute(differing).trim(), "0");
    let everything = slice(subscription(1, 1), HourInterval::ALWAYS);
    let before = store.usage.records(everything, None, 1000).await.unwrap();
    backend.execute(
        "UPDATE hour_sheet SET quantity = (SELECT array_agg(number::text::numeric ORDER BY slot)
             FROM unnest(quantity) WITH ORDINALITY AS u (number, slot));
         UPDATE day_sheet SET total = (SELECT array_agg(number::text::numeric ORDER BY slot)
             FROM unnest(total) WITH ORDINALITY AS u (number, slot))",
    );
    assert_eq!(store.usage.records(everything, None, 1000).await.unwrap(), before);
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_any_hour_find_their_month_and_a_wrong_clock_makes_no_tables() {
    let Some(backend) = Postgres::new() else { return };
    let store = backend.open();
    let other = backend.open();
    let places = [
        ("1970-01-01T00:00:00Z", "hour_sheet_before_2015"),
        ("2014-12-31T23:00:00Z", "hour_sheet_before_2015"),
        ("2015-01-01T00:00:00Z", "hour_sheet_2015_01"),
        ("2024-02-29T23:00:00Z", "hour_sheet_2024_02"),
        ("2024-03-01T00:00:00Z", "hour_sheet_2024_03"),
        ("2099-12-31T23:00:00Z", "hour_sheet_2099_12"),
        ("2100-01-01T00:00:00Z", "hour_sheet_from_2100"),
        ("9999-12-30T00:00:00Z", "hour_sheet_from_2100"),
    ];
    let at = |text: &str| Hour::containing(text.parse().unwrap());
    let records = places.map(|(text, _)| domain::usage::UsageRecord {
        start: at(text),
        ..record("/vm/a", 0, "1")
    });
    Delivery::new(records.clone()).to(&store).await;
    Delivery::new(records).reported(101).to(&other).await;
    let found = backend.execute("SELECT hour, tableoid::regclass FROM hour_sheet ORDER BY hour");
    let expected: Vec<String> = places
        .iter()
        .map(|(text, table)| format!("{}|{table}", at(text).epoch_hours()))
        .collect();
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_that_are_written_anew_each_hour_leave_no_litter_behind() {
    // On a server of its own: whoever reads for long on the same server, in whatever database, keeps litter from going.
    let Some(server) = start() else { return };
    let backend = Database::on(&server);
    let store = store::open(&backend.config()).unwrap();
    for hour in 0..24 {
        let records = (0..640).map(|number| record(&format!("/vm/{number:03}"), hour, "1.234567890123456"));
        Delivery::new(records).to(&store).await;
    }
    let written = "SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree('day_sheet') WHERE isleaf";
    let bytes: u64 = backend.execute(written).trim().parse().unwrap();
    assert!(
        (1..=100_000).contains(&bytes),
        "ten sheets of a day take {bytes} bytes"
    );
    let without_room = "SELECT relid FROM pg_partition_tree('day_sheet') JOIN pg_class ON oid = relid
                        WHERE isleaf AND reloptions @> '{fillfactor=50}' IS NOT true";
    assert_eq!(backend.execute(without_room), "");
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_at_once_on_an_empty_database_make_its_tables_once() {
    let Some(backend) = Postgres::new() else { return };
    let empty = backend.empty();
    let starting: Vec<_> = (0..4)
        .map(|_| {
            let config = empty.config();
            tokio::task::spawn_blocking(move || store::open(&config))
        })
        .collect();
    for start in starting {
        start.await.unwrap().unwrap();
    }
    let numbered = "SELECT min(version), count(*) = max(version) FROM schema_version";
    assert_eq!(empty.execute(numbered).trim(), "1|t");
    let ahead = "SELECT count(*) >= 4 FROM pg_class WHERE relname ~ '^day_sheet_2[0-9]{3}_[0-9]{2}$'";
    assert_eq!(
        empty.execute(ahead).trim(),
        "t",
        "this month and the next ones have their places"
    );
    empty.execute("INSERT INTO schema_version VALUES (99)");
    let opened = store::open(&empty.config()).map(|_| ());
    assert!(
        matches!(opened, Err(StoreError::NewerSchema { found: 99, .. })),
        "{opened:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_keep_every_text_is_not_used() {
    let Some(backend) = Postgres::new() else { return };
    let latin = backend.made_with("TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    let refused = store::open(&latin.config()).map(|_| ()).unwrap_err().to_string();
    assert!(
        refused.contains("LATIN1") && refused.contains("UTF8"),
        "{refused}"
    );
}
