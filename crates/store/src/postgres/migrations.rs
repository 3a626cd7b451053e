//! Brings the schema of the database up to date: numbered SQL files, each applied once, all new ones in one transaction
//! and by one process at a time.

use std::time::Duration;

use super::definitions;
use super::failure::Failure;
use super::link::Link;
use crate::error::StoreError;

/// Held while tables are made: a number that nothing else in the database has.
pub(super) const SCHEMA_LOCK: i64 = 0x6d62_7363_6865_0001;

/// How long a migration of a full database may take, and another server's may be waited for.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// The migrations in order; the first has version 1.
const MIGRATIONS: [&str; 14] = [
    include_str!("../../migrations/postgres/0001_memory.sql"),
    include_str!("../../migrations/postgres/0002_room_in_day_sheets.sql"),
    include_str!("../../migrations/postgres/0003_sign_ins.sql"),
    include_str!("../../migrations/postgres/0004_unfinished_copy.sql"),
    include_str!("../../migrations/postgres/0005_quarantine_acts.sql"),
    include_str!("../../migrations/postgres/0006_kept.sql"),
    include_str!("../../migrations/postgres/0007_repeated_in_quarantine.sql"),
    include_str!("../../migrations/postgres/0008_declared.sql"),
    include_str!("../../migrations/postgres/0009_revised_not_counting.sql"),
    include_str!("../../migrations/postgres/0010_long_texts.sql"),
    include_str!("../../migrations/postgres/0011_folded_keys.sql"),
    include_str!("../../migrations/postgres/0012_found_again.sql"),
    include_str!("../../migrations/postgres/0013_late_days.sql"),
    include_str!("../../migrations/postgres/0014_bills.sql"),
];

/// Applies what has not been applied yet: all of it or nothing.
pub(super) fn apply(link: &mut Link) -> Result<(), StoreError> {
    link.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")?;
    let applied = within(link);
    link.be_usual();
    match applied {
        Ok(()) => Ok(link.execute("COMMIT")?),
        Err(error) => {
            if let Err(failure) = link.execute("ROLLBACK") {
                tracing::warn!(%failure, "the migration could not be taken back by hand");
            }
            Err(error)
        }
    }
}

fn within(link: &mut Link) -> Result<(), StoreError> {
    link.be_patient(PATIENCE)?;
    // A lock first, and only then a look at what is there.
    link.execute(&format!("SELECT pg_advisory_xact_lock({SCHEMA_LOCK})"))?;
    let (_, most_are_there) = definitions::missing_tables(link)?;
    if !most_are_there {
        refuse_of_others(link)?;
    }
    link.execute("CREATE TABLE IF NOT EXISTS schema_version (version bigint PRIMARY KEY)")?;
    let found = version(link)?;
    let known = known();
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    for (version, sql) in (1i64..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        link.execute(sql)?;
        link.execute(&format!(
            "INSERT INTO schema_version (version) VALUES ({version})"
        ))?;
        tracing::info!(version, "schema migrated");
    }
    match definitions::missing_tables(link)? {
        (tables, _) if tables.is_empty() => Ok(()),
        // Whatever was made here is taken back.
        (tables, _) => Err(StoreError::TablesMissing { tables }),
    }
}

/// Whether all that is in the schema was made by these migrations: else it is left alone, as is a `schema_version` that
/// counts the migrations of another program. What belongs to an extension is in nobody's way.
fn refuse_of_others(link: &mut Link) -> Result<(), StoreError> {
    let found: Option<String> = link.ask(async |client| {
        let sql = "WITH here AS (
                       SELECT relname, relkind FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                       WHERE nspname = current_schema() AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
                         AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass
                                         AND objid = pg_class.oid AND deptype = 'e'))
                   SELECT format('%I.%I', current_schema(), relname) FROM here
                   WHERE (SELECT count(*) FROM here WHERE relname IN ('schema_version', 'entry', 'hour_sheet')) < 3
                   ORDER BY relkind = 'S', relname LIMIT 1";
        let row = client.query_opt(sql, &[]).await?;
        row.map(|row| row.try_get(0)).transpose()
    })?;
    found.map_or(Ok(()), |relation| Err(StoreError::OfOthers { relation }))
}

/// The version of a schema to which all of them were applied.
pub(super) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Whether any of them was applied to this schema.
pub(super) fn are_begun(link: &mut Link) -> Result<bool, Failure> {
    link.ask(async |client| {
        let sql = "SELECT EXISTS (SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                                  WHERE nspname = current_schema() AND relname = 'schema_version')";
        client.query_one(sql, &[]).await?.try_get(0)
    })
}

pub(super) fn version(link: &mut Link) -> Result<i64, Failure> {
    link.ask(async |client| {
        let sql = "SELECT coalesce(max(version), 0) FROM schema_version";
        client.query_one(sql, &[]).await?.try_get(0)
    })
}
