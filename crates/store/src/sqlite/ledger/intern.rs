//! Gives what records refer to its number: finds it, or adds it.

use domain::ids::{CloudId, LocalMeterId, LocalSubscriptionId};
use rusqlite::{Connection, OptionalExtension, Params, params};

use super::delivery::UnknownSeries;
use super::ids::{AttributesRow, BlockId, LocalSubscriptionRow, MeterRow, SLOTS, SeriesId, StackRow};
use crate::error::StoreError;
use crate::usage::Attributes;

/// The number of a stack.
pub(super) fn stack(connection: &Connection, cloud_id: CloudId) -> Result<StackRow, StoreError> {
    let cloud_id = cloud_id.as_bytes();
    if let Some(row) = find(connection, "SELECT id FROM stack WHERE cloud_id = ?1", [cloud_id])? {
        return Ok(StackRow(row));
    }
    let sql = "INSERT INTO stack (cloud_id, sequence, chain) VALUES (?1, 0, zeroblob(32))";
    add(connection, sql, [cloud_id]).map(StackRow)
}

/// The number of a series, and whether it is new.
pub(super) fn series(
    connection: &Connection,
    stack: StackRow,
    unknown: &UnknownSeries,
) -> Result<(SeriesId, bool), StoreError> {
    if let Some(row) = find(connection, "SELECT id FROM series WHERE key = ?1", [unknown.key])? {
        return Ok((SeriesId(row), false));
    }
    let subscription = local_subscription(connection, stack, unknown.local_subscription)?;
    let series = free_slot(connection, subscription)?;
    let meter = local_meter(connection, unknown.local_meter)?;
    add(
        connection,
        "INSERT INTO series (id, local_meter, resource_uri, key) VALUES (?1, ?2, ?3, ?4)",
        params![series, meter, unknown.resource_uri, unknown.key],
    )?;
    Ok((series, true))
}

/// The slot after the last one taken of a local subscription's series.
fn free_slot(connection: &Connection, subscription: LocalSubscriptionRow) -> Result<SeriesId, StoreError> {
    let sql = "SELECT id FROM block WHERE local_subscription = ?1 ORDER BY id DESC LIMIT 1";
    if let Some(block) = find(connection, sql, [subscription])?.map(BlockId) {
        let (first, last) = (block.first_series(), block.series(SLOTS - 1));
        let sql = "SELECT id FROM series WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT 1";
        match find(connection, sql, params![first, last])? {
            Some(taken) if taken < last.0 => return Ok(SeriesId(taken + 1)),
            Some(_) => {}
            None => return Ok(first),
        }
    }
    let block = add(
        connection,
        "INSERT INTO block (local_subscription) VALUES (?1)",
        [subscription],
    )?;
    Ok(BlockId(block).first_series())
}

fn local_subscription(
    connection: &Connection,
    stack: StackRow,
    subscription: LocalSubscriptionId,
) -> Result<LocalSubscriptionRow, StoreError> {
    let key = params![stack, subscription.as_bytes()];
    let sql = "SELECT id FROM local_subscription WHERE stack = ?1 AND subscription_id = ?2";
    if let Some(row) = find(connection, sql, key)? {
        return Ok(LocalSubscriptionRow(row));
    }
    let sql = "INSERT INTO local_subscription (stack, subscription_id) VALUES (?1, ?2)";
    add(connection, sql, key).map(LocalSubscriptionRow)
}

fn local_meter(connection: &Connection, meter: LocalMeterId) -> Result<MeterRow, StoreError> {
    if let Some(row) = find(
        connection,
        "SELECT id FROM local_meter WHERE meter_id = ?1",
        [meter.as_bytes()],
    )? {
        return Ok(MeterRow(row));
    }
    add(
        connection,
        "INSERT INTO local_meter (meter_id) VALUES (?1)",
        [meter.as_bytes()],
    )
    .map(MeterRow)
}

/// The number of a set of attributes.
pub(super) fn attributes(
    connection: &Connection,
    attributes: &Attributes,
) -> Result<AttributesRow, StoreError> {
    let Attributes {
        location,
        tags,
        additional_info,
    } = attributes;
    let mut hasher = blake3::Hasher::new();
    for text in [location, tags, additional_info] {
        hasher
            .update(&(text.len() as u64).to_be_bytes())
            .update(text.as_bytes());
    }
    let mut key = [0u8; 16];
    hasher.finalize_xof().fill(&mut key);
    if let Some(row) = find(connection, "SELECT id FROM attributes WHERE key = ?1", [key])? {
        return Ok(AttributesRow(row));
    }
    let sql = "INSERT INTO attributes (location, tags, additional_info, key) VALUES (?1, ?2, ?3, ?4)";
    add(connection, sql, params![location, tags, additional_info, key]).map(AttributesRow)
}

fn find(connection: &Connection, sql: &str, key: impl Params) -> Result<Option<u64>, StoreError> {
    Ok(connection
        .prepare_cached(sql)?
        .query_row(key, |row| row.get(0))
        .optional()?)
}

fn add(connection: &Connection, sql: &str, values: impl Params) -> Result<u64, StoreError> {
    let id = connection.prepare_cached(sql)?.insert(values)?;
    u64::try_from(id).map_err(|_| StoreError::corrupt(format!("a row got the number {id}")))
}
