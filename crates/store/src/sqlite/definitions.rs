//! What the files of a store are made of, and what the migrations make.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::migrations::{BOOKS, Migrations, USAGE};
use crate::error::StoreError;
use crate::transaction::{Definition, Definitions};

/// Those of the files of usage and of books, as far as both are on this connection.
pub(super) fn definitions(connection: &Connection) -> Result<Definitions, StoreError> {
    let mut all = Definitions::default();
    for (schema, migrations) in [("main", USAGE), ("books", BOOKS)] {
        all.expected.extend(made_by(&migrations)?);
        all.found.extend(of(connection, schema)?);
    }
    Ok(all)
}

/// What the migrations make of a file that was empty.
fn made_by(migrations: &Migrations<'_>) -> Result<BTreeMap<Definition, String>, StoreError> {
    let mut empty = Connection::open_in_memory()?;
    migrations.apply(&mut empty)?;
    of(&empty, "main")
}

/// Everything but what SQLite makes by itself.
fn of(connection: &Connection, schema: &str) -> Result<BTreeMap<Definition, String>, StoreError> {
    let sql = format!(
        "SELECT tbl_name, type || iif(name = tbl_name, '', ' ' || name), coalesce(sql, '') FROM {schema}.sqlite_schema
         WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([], |row| {
        let (table, what) = (row.get(0)?, row.get(1)?);
        let text: String = row.get(2)?;
        Ok((Definition { table, what }, in_one_line(&text)))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
