//! What the ledger's own numbers mean, for whoever is told where something was found.

use domain::ids::BatchId;
use domain::time::Timestamp;

use crate::audit::FoundAt;
use crate::error::StoreError;
use crate::ledger::ids::{BatchRow, BlockId, SeriesId};
use crate::transaction::{Columns, Transaction, values};

/// What a series measures, as far as that can be found.
pub(super) fn of_series(transaction: &dyn Transaction, series: SeriesId) -> Result<FoundAt, StoreError> {
    let named = |row: &dyn Columns| {
        Ok(FoundAt {
            stack: row.optional(0)?,
            local_subscription: row.optional(1)?,
            local_meter: row.optional(2)?,
            resource_uri: row.optional(3)?,
            ..FoundAt::default()
        })
    };
    let found = transaction.row(
        "SELECT cloud_id, subscription_id, meter_id, resource_uri FROM series
         LEFT JOIN local_meter ON local_meter.id = series.local_meter LEFT JOIN block ON block.id = series.id / 64
         LEFT JOIN local_subscription ON local_subscription.id = block.local_subscription
         LEFT JOIN stack ON stack.id = local_subscription.stack WHERE series.id = ?1",
        &values![series],
        named,
    );
    named_or_row(found, || format!("`series` {}", series.0))
}

/// Whose usage a block is of, as far as that can be found.
pub(super) fn of_block(transaction: &dyn Transaction, block: BlockId) -> Result<FoundAt, StoreError> {
    let named = |row: &dyn Columns| {
        Ok(FoundAt {
            stack: row.optional(0)?,
            local_subscription: row.optional(1)?,
            ..FoundAt::default()
        })
    };
    let found = transaction.row(
        "SELECT cloud_id, subscription_id FROM block
         LEFT JOIN local_subscription ON local_subscription.id = block.local_subscription
         LEFT JOIN stack ON stack.id = local_subscription.stack WHERE block.id = ?1",
        &values![block],
        named,
    );
    named_or_row(found, || format!("`block` {}", block.0))
}

/// Which batch has a number.
pub(super) fn of_batch(transaction: &dyn Transaction, batch: BatchRow) -> Result<FoundAt, StoreError> {
    let named = |row: &dyn Columns| {
        let received_at: Result<Option<Timestamp>, _> = row.optional(3);
        let batch: BatchId = row.get(2)?;
        Ok(FoundAt {
            stack: row.optional(0)?,
            receipt: Some(row.get(1)?),
            batch: Some(batch),
            // What cannot be read is told with the receipts.
            received_at: received_at.unwrap_or_default(),
            ..FoundAt::default()
        })
    };
    let found = transaction.row(
        "SELECT cloud_id, batch.sequence, batch_id, received_at FROM batch LEFT JOIN stack ON stack.id = batch.stack
         WHERE batch.id = ?1",
        &values![batch],
        named,
    );
    named_or_row(found, || format!("`batch` {}", batch.0))
}

/// What was found, or the row it would be, if there is nothing or it cannot be read.
fn named_or_row(
    found: Result<Option<FoundAt>, StoreError>,
    row: impl FnOnce() -> String,
) -> Result<FoundAt, StoreError> {
    match found {
        Ok(Some(at)) => Ok(at),
        Ok(None) | Err(StoreError::Corrupt { .. }) => Ok(FoundAt {
            row: Some(row()),
            ..FoundAt::default()
        }),
        Err(error) => Err(error),
    }
}
