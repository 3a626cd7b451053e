//! What the tables of a database are made of, and what the migrations make.
//!
//! That cannot be found out beside a database that nobody may write to, so it is written down. A test compares it with what the
//! migrations make of an empty one.

use std::collections::{BTreeMap, BTreeSet};

use super::failure::Failure;
use super::link::Link;
use crate::error::StoreError;
use crate::transaction::{Columns, Definition, Definitions, Transaction};

const FOUND: &str = include_str!("definitions.sql");
/// A line for each: the table, what of it, and its text, with bars between.
const EXPECTED: &str = include_str!("definitions.txt");

/// Those of our tables. Whatever else somebody keeps beside them is in nobody's way.
pub(super) fn definitions(transaction: &dyn Transaction) -> Result<Definitions, StoreError> {
    let expected: BTreeMap<Definition, String> = expected().collect();
    let ours: BTreeSet<&str> = expected.keys().map(|it| &*it.table).collect();
    let read = |row: &dyn Columns| {
        let (table, what) = (row.get(0)?, row.get(1)?);
        Ok((Definition { table, what }, row.get::<String>(2)?))
    };
    let mut found = transaction.rows(FOUND, &[], read)?;
    found.retain(|(of, _)| ours.contains(&*of.table));
    let found = found.into_iter().collect();
    Ok(Definitions { expected, found })
}

fn expected() -> impl Iterator<Item = (Definition, String)> {
    EXPECTED.lines().filter_map(|line| {
        let mut parts = line.splitn(3, '|').map(str::to_owned);
        let (table, what) = (parts.next()?, parts.next()?);
        Some((Definition { table, what }, parts.next()?))
    })
}

/// Our tables that are not there, and whether more than half of them are.
pub(super) fn missing_tables(link: &mut Link) -> Result<(Vec<String>, bool), Failure> {
    let tables: Vec<String> = expected()
        .filter(|(of, _)| of.what == "table")
        .map(|(of, _)| of.table)
        .collect();
    let missing: Vec<String> = link.ask(async |client| {
        let sql = "SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(quote_ident(name)) IS NULL ORDER BY name";
        let rows = client.query(sql, &[&tables]).await?;
        rows.iter().map(|row| row.try_get(0)).collect()
    })?;
    let most_are_there = missing.len() * 2 < tables.len();
    Ok((missing, most_are_there))
}
