//! One value is changed.

mod bills;
mod table;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use rusqlite::Connection;

use self::Sql::{Both, Each, Postgres as OnPostgres, Sqlite as OnSqlite};
use super::*;

/// A column, how it is changed in the one back end and the other, what is found, and a part of what is told of it.
type Change = (&'static str, Sql, &'static [&'static str], &'static str);

enum Sql {
    /// In both alike.
    Both(&'static str),
    /// In the embedded store, and on PostgreSQL.
    Each(&'static str, &'static str),
    /// Only in the embedded store: PostgreSQL does not take such a value.
    Sqlite(&'static str),
    /// Only on PostgreSQL.
    Postgres(&'static str),
}

/// Columns of which no change is found, or not each, and why.
const NOT_COVERED: &[(&str, &str)] = &[
    (
        "quarantine.code_now",
        "what the last attempt to release found; the next one finds it anew",
    ),
    ("quarantine.message_now", "likewise"),
    (
        "series_attributes.attributes",
        "to another set that is there: the table is written anew with each late record",
    ),
    (
        "series.resource_uri",
        "its letter case, which no comparison regards",
    ),
    (
        "batch.late_days",
        "to nothing: what came after it is looked for in every hour then, as with a batch of an earlier version",
    ),
    (
        "schema_version.version",
        "with another number the store is not read at all",
    ),
    (
        "unfinished_copy.copied_from",
        "with a row in it the store is not read at all",
    ),
];
/// Sign-ins are nothing that was taken in.
const SIGN_INS: [&str; 3] = ["session", "operator_seen", "code"];

/// All changes.
fn changes() -> impl Iterator<Item = &'static Change> {
    table::CHANGES.iter().chain(bills::CHANGES)
}

/// Compares what is found with what should be; every difference is told.
fn differences(change: &Change, report: &AuditReport, told: &mut String) {
    let (column, _, expected, part) = change;
    let found: Vec<&str> = codes(report).into_iter().collect();
    let sentences = sentences(report);
    if found.is_empty() || found != *expected || !sentences.iter().any(|it| it.contains(part)) {
        writeln!(told, "{column}: {found:?}\n    {}", sentences.join("\n    ")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_changed_in_the_embedded_store_is_found_where_it_is() {
    let (whole, mut told) = (filled().await, String::new());
    for change in changes() {
        let (Both(sql) | Each(sql, _) | OnSqlite(sql)) = change.1 else {
            continue;
        };
        let changed = copy_of(whole.path());
        execute(changed.path(), sql);
        differences(change, &audited(&embedded(changed.path())), &mut told);
    }
    assert!(told.is_empty(), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_changed_on_postgresql_is_found_where_it_is() {
    let (Some(database), mut told) = (filled_database().await, String::new()) else {
        return;
    };
    for change in changes() {
        let (Each(_, sql) | OnPostgres(sql)) = change.1 else {
            continue;
        };
        let changed = copy_of_database(&database);
        let changes = changed.execute(&format!(
            "SET session_replication_role = replica; WITH changed AS ({sql} RETURNING 1) SELECT count(*) FROM changed"
        ));
        assert_ne!(changes.trim(), "0", "nothing to change: {sql}");
        differences(change, &audited(&changed.config()), &mut told);
    }
    assert!(told.is_empty(), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_column_was_forgotten() {
    let directory = filled().await;
    let mut forgotten = BTreeSet::new();
    for file in ["usage.db", "books.db", "sessions.db"] {
        let connection = Connection::open(directory.path().join(file)).unwrap();
        let sql = "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
                   WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'";
        let mut statement = connection.prepare(sql).unwrap();
        let columns = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
        for column in columns.unwrap() {
            let (table, column) = column.unwrap();
            let name = format!("{table}.{column}");
            let changed = changes().any(|(column, ..)| *column == name);
            let not_covered = NOT_COVERED.iter().any(|(column, _)| *column == name);
            if !changed && !not_covered && !SIGN_INS.contains(&table.as_str()) {
                forgotten.insert(name);
            }
        }
    }
    assert_eq!(forgotten, BTreeSet::new());
}
