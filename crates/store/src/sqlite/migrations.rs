//! Brings the schema of a database file up to date: numbered SQL files, each applied once, in one transaction.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::error::StoreError;

/// The migrations of one database file, in order; the first has version 1.
pub(super) struct Migrations<'a>(&'a [&'a str]);

pub(super) const BOOKS: Migrations<'static> = Migrations(&[
    include_str!("../../migrations/sqlite/books/0001_journal.sql"),
    include_str!("../../migrations/sqlite/books/0002_unfinished_copy.sql"),
    include_str!("../../migrations/sqlite/books/0003_bills.sql"),
]);
pub(super) const USAGE: Migrations<'static> = Migrations(&[
    include_str!("../../migrations/sqlite/usage/0001_ledger.sql"),
    include_str!("../../migrations/sqlite/usage/0002_attributes_sequence.sql"),
    include_str!("../../migrations/sqlite/usage/0003_quarantine_acts.sql"),
    include_str!("../../migrations/sqlite/usage/0004_kept.sql"),
    include_str!("../../migrations/sqlite/usage/0005_repeated_in_quarantine.sql"),
    include_str!("../../migrations/sqlite/usage/0006_declared.sql"),
    include_str!("../../migrations/sqlite/usage/0007_revised_not_counting.sql"),
    include_str!("../../migrations/sqlite/usage/0008_long_texts.sql"),
    include_str!("../../migrations/sqlite/usage/0009_folded_keys.sql"),
    include_str!("../../migrations/sqlite/usage/0010_found_again.sql"),
    include_str!("../../migrations/sqlite/usage/0011_late_days.sql"),
]);
pub(super) const SESSIONS: Migrations<'static> = Migrations(&[
    include_str!("../../migrations/sqlite/sessions/0001_sessions.sql"),
    include_str!("../../migrations/sqlite/sessions/0002_sessions_of_users.sql"),
]);
pub(super) const CODES: Migrations<'static> =
    Migrations(&[include_str!("../../migrations/sqlite/codes/0001_codes.sql")]);

const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY) STRICT;";

/// How many migrations were applied to one of the files of a connection; 0 if it has no table at all.
pub(super) fn applied(connection: &Connection, schema: &str) -> Result<i64, StoreError> {
    let sql = format!("SELECT 1 FROM {schema}.sqlite_schema LIMIT 1");
    if connection.query_row(&sql, [], |_| Ok(())).optional()?.is_none() {
        return Ok(0);
    }
    let sql = format!("SELECT coalesce(max(version), 0) FROM {schema}.schema_version");
    Ok(connection.query_row(&sql, [], |row| row.get(0))?)
}

impl Migrations<'_> {
    /// The version of a schema to which all of them were applied.
    pub(super) fn version(&self) -> i64 {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX)
    }

    /// Applies what has not been applied yet: all of it or nothing.
    pub(super) fn apply(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(VERSIONS)?;
        let found = applied(&transaction, "main")?;
        let known = self.version();
        if found > known {
            return Err(StoreError::NewerSchema { found, known });
        }
        for (version, sql) in (1i64..).zip(self.0).filter(|(version, _)| *version > found) {
            transaction.execute_batch(sql)?;
            transaction.execute("INSERT INTO schema_version (version) VALUES (?1)", [version])?;
            tracing::info!(version, "schema migrated");
        }
        transaction.commit()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(connection: &Connection) -> i64 {
        connection
            .query_row(
                "SELECT count(*) FROM sqlite_schema WHERE name IN ('a', 'b')",
                [],
                |row| row.get(0),
            )
            .unwrap()
    }

    #[test]
    fn each_migration_is_applied_once_and_a_failing_one_leaves_nothing_behind() {
        let mut connection = Connection::open_in_memory().unwrap();
        let first = "CREATE TABLE a (x INTEGER) STRICT;";
        Migrations(&[first]).apply(&mut connection).unwrap();
        Migrations(&[first]).apply(&mut connection).unwrap();
        let failing = Migrations(&[
            first,
            "CREATE TABLE b (x INTEGER) STRICT; INSERT INTO missing VALUES (1);",
        ]);
        assert!(matches!(
            failing.apply(&mut connection),
            Err(StoreError::Unavailable { .. })
        ));
        assert_eq!(tables(&connection), 1);
        Migrations(&[first, "CREATE TABLE b (x INTEGER) STRICT;"])
            .apply(&mut connection)
            .unwrap();
        assert_eq!(tables(&connection), 2);
    }

    #[test]
    fn a_schema_of_a_newer_program_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        Migrations(&["SELECT 1;", "SELECT 1;"])
            .apply(&mut connection)
            .unwrap();
        let error = Migrations(&["SELECT 1;"]).apply(&mut connection).unwrap_err();
        assert!(matches!(error, StoreError::NewerSchema { found: 2, known: 1 }));
    }
}
