//! Batches and their receipts, quarantine, and the last link of each stack's chain.

use domain::ids::{BatchId, CloudId};
use rusqlite::{Connection, Params, Row, params};

use super::columns;
use super::delivery::{Delivery, Refused};
use super::ids::{BatchRow, StackRow};
use crate::error::StoreError;
use crate::receipt::{BatchCounts, Problem, Receipt};
use crate::sqlite::bound;
use crate::usage::{QuarantinedRecord, ReportedWindow};

/// The last batch of a stack.
struct Last {
    sequence: u64,
    chain: [u8; 32],
}

/// The number that the next batch to be stored gets.
pub(super) fn next_batch(connection: &Connection) -> Result<BatchRow, StoreError> {
    let mut statement = connection.prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM batch")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Stores the batch, what of it is in quarantine, and how far the stack declares to have reported.
pub(super) fn store(
    connection: &Connection,
    (batch, stack): (BatchRow, StackRow),
    delivery: &Delivery,
    counts: BatchCounts,
    refused: &[Refused],
) -> Result<Receipt, StoreError> {
    let last = connection
        .prepare_cached("SELECT sequence, chain FROM stack WHERE id = ?1")?
        .query_row([stack], |row| {
            Ok(Last {
                sequence: row.get(0)?,
                chain: row.get(1)?,
            })
        })?;
    let problems = refused.iter().map(|it| Problem {
        index: it.index,
        code: it.code,
        message: it.message.clone(),
    });
    let mut receipt = Receipt {
        batch: delivery.id,
        stack: delivery.stack,
        sequence: last.sequence + 1,
        received_at: delivery.received_at,
        window: delivery.window,
        digest: delivery.digest,
        counts,
        problems: problems.collect(),
        chain: [0; 32],
    };
    receipt.chain = receipt.chained_after(&last.chain);
    insert_batch(
        connection,
        batch,
        stack,
        delivery.idempotency_key.as_deref(),
        &receipt,
    )?;
    insert_refused(connection, batch, stack, refused)?;
    let through = receipt.window.through.map(domain::time::Hour::epoch_hours);
    connection
        .prepare_cached(
            "UPDATE stack SET sequence = ?2, chain = ?3,
             reported_through = nullif(max(coalesce(reported_through, -1), coalesce(?4, -1)), -1) WHERE id = ?1",
        )?
        .execute(params![stack, receipt.sequence, receipt.chain, through])?;
    Ok(receipt)
}

fn insert_batch(
    connection: &Connection,
    batch: BatchRow,
    stack: StackRow,
    idempotency_key: Option<&str>,
    receipt: &Receipt,
) -> Result<(), StoreError> {
    let ReportedWindow { start, end, through } = receipt.window;
    let BatchCounts {
        received,
        accepted,
        duplicate,
        revised,
        quarantined,
    } = receipt.counts;
    connection
        .prepare_cached(
            "INSERT INTO batch (id, batch_id, stack, sequence, received_at, reported_start, reported_end,
             reported_through, idempotency_key, digest, received, accepted, duplicate, revised, quarantined, chain)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        )?
        .execute(params![
            batch,
            receipt.batch.as_bytes(),
            stack,
            receipt.sequence,
            receipt.received_at.to_string(),
            start.epoch_hours(),
            end.map(domain::time::Hour::epoch_hours),
            through.map(domain::time::Hour::epoch_hours),
            idempotency_key,
            receipt.digest,
            received,
            accepted,
            duplicate,
            revised,
            quarantined,
            receipt.chain,
        ])?;
    Ok(())
}

fn insert_refused(
    connection: &Connection,
    batch: BatchRow,
    stack: StackRow,
    refused: &[Refused],
) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO quarantine (stack, batch, place, code, message, raw) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for it in refused {
        insert.execute(params![
            stack,
            batch,
            it.index,
            it.code.as_str(),
            it.message,
            it.raw
        ])?;
    }
    Ok(())
}

const COLUMNS: &str =
    "batch.id, batch_id, cloud_id, batch.sequence, received_at, reported_start, reported_end,
    batch.reported_through, digest, received, accepted, duplicate, revised, quarantined, batch.chain";

/// The receipt of the batch that a stack delivered under an idempotency key.
pub(super) fn by_key(
    connection: &Connection,
    stack: StackRow,
    key: &str,
) -> Result<Option<Receipt>, StoreError> {
    let mut found = select(
        connection,
        "batch.stack = ?1 AND idempotency_key = ?2",
        params![stack, key],
    )?;
    Ok(found.pop())
}

/// The receipt of a batch.
pub(super) fn by_batch(connection: &Connection, batch: BatchId) -> Result<Option<Receipt>, StoreError> {
    Ok(select(connection, "batch_id = ?1", [batch.as_bytes()])?.pop())
}

/// The receipts of a stack after a number, in order.
pub(super) fn after(
    connection: &Connection,
    stack: CloudId,
    after: u64,
    limit: usize,
) -> Result<Vec<Receipt>, StoreError> {
    let condition = "cloud_id = ?1 AND batch.sequence > ?2 ORDER BY batch.sequence LIMIT ?3";
    select(
        connection,
        condition,
        params![stack.as_bytes(), bound(after), bound(limit)],
    )
}

fn select(connection: &Connection, condition: &str, values: impl Params) -> Result<Vec<Receipt>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM batch JOIN stack ON stack.id = batch.stack WHERE {condition}");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(values)?;
    let mut receipts = Vec::new();
    while let Some(row) = rows.next()? {
        receipts.push(receipt(connection, row)?);
    }
    Ok(receipts)
}

fn receipt(connection: &Connection, row: &Row<'_>) -> Result<Receipt, StoreError> {
    let hour = |column| row.get::<_, Option<i32>>(column)?.map(columns::hour).transpose();
    let received_at: String = row.get(4)?;
    Ok(Receipt {
        batch: BatchId::from_bytes(row.get(1)?),
        stack: CloudId::from_bytes(row.get(2)?),
        sequence: row.get(3)?,
        received_at: columns::instant(&received_at)?,
        window: ReportedWindow {
            start: columns::hour(row.get(5)?)?,
            end: hour(6)?,
            through: hour(7)?,
        },
        digest: row.get(8)?,
        counts: BatchCounts {
            received: row.get(9)?,
            accepted: row.get(10)?,
            duplicate: row.get(11)?,
            revised: row.get(12)?,
            quarantined: row.get(13)?,
        },
        problems: problems(connection, row.get(0)?)?,
        chain: row.get(14)?,
    })
}

fn problems(connection: &Connection, batch: BatchRow) -> Result<Vec<Problem>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT place, code, message FROM quarantine WHERE batch = ?1 ORDER BY position")?;
    let mut rows = statement.query([batch])?;
    let mut problems = Vec::new();
    while let Some(row) = rows.next()? {
        let code: String = row.get(1)?;
        let code = columns::quarantine_code(&code)?;
        problems.push(Problem {
            index: row.get(0)?,
            code,
            message: row.get(2)?,
        });
    }
    Ok(problems)
}

/// The records in quarantine after a position, in order.
pub(super) fn quarantine(
    connection: &Connection,
    stack: Option<CloudId>,
    after: u64,
    limit: usize,
) -> Result<Vec<QuarantinedRecord>, StoreError> {
    // Two statements, so that each has its index.
    let condition = if stack.is_some() {
        "quarantine.stack = (SELECT id FROM stack WHERE cloud_id = ?3)"
    } else {
        "?3 IS NULL"
    };
    let sql = format!(
        "SELECT position, cloud_id, batch_id, received_at, place, code, message, raw
         FROM quarantine JOIN batch ON batch.id = quarantine.batch JOIN stack ON stack.id = quarantine.stack
         WHERE {condition} AND position > ?1 ORDER BY position LIMIT ?2"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![
        bound(after),
        bound(limit),
        stack.as_ref().map(CloudId::as_bytes)
    ])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let (received_at, code): (String, String) = (row.get(3)?, row.get(5)?);
        records.push(QuarantinedRecord {
            position: row.get(0)?,
            stack: CloudId::from_bytes(row.get(1)?),
            batch: BatchId::from_bytes(row.get(2)?),
            received_at: columns::instant(&received_at)?,
            index: row.get(4)?,
            code: columns::quarantine_code(&code)?,
            message: row.get(6)?,
            raw: row.get(7)?,
        });
    }
    Ok(records)
}
