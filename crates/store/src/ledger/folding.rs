//! Series that were stored when letter cases were folded in another way, by rules that look at neighbours: a `Σ` at the end of a
//! word became `ς`, and elsewhere `σ`.
//!
//! The key of a series is bound into the receipts of its batches, so it stays what it was. Beside it stands the key under which
//! the series is found now. Without that, what is read again of such a resource would be another series, and counted twice.

use domain::ids::{CloudId, LocalMeterId, LocalSubscriptionId};

use super::delivery::{identify, series_key};
use super::ids::{SeriesId, SeriesKey};
use crate::error::StoreError;
use crate::transaction::{Columns, Transaction, values};
use crate::usage::LocalSubscriptionKey;

/// Series looked at one time.
const PAGE: usize = 1000;

/// A series that has both keys still the same.
struct Pending {
    series: SeriesId,
    key: SeriesKey,
    key_now: SeriesKey,
}

impl Pending {
    fn from_row(row: &dyn Columns) -> Result<Self, StoreError> {
        let of = LocalSubscriptionKey {
            stack: row.get::<CloudId>(5)?,
            local_subscription: row.get::<LocalSubscriptionId>(4)?,
        };
        let (meter, resource_uri): (LocalMeterId, std::sync::Arc<str>) = (row.get(3)?, row.get(2)?);
        let mut identity = Vec::new();
        identify(of, meter, &resource_uri, &mut identity);
        Ok(Self {
            series: row.get(0)?,
            key: row.get(1)?,
            key_now: series_key(&identity),
        })
    }
}

/// Gives series of an earlier version the keys under which they are found now. Of two that were told apart by letter case alone the
/// other one stays what it is, and whoever verifies the store is told of it: what was counted is not taken back in silence.
pub(super) fn find_again(transaction: &dyn Transaction) -> Result<(), StoreError> {
    let mut after = SeriesId(0);
    loop {
        let pending = transaction.rows(
            "SELECT series.id, series.key, resource_uri, meter_id, subscription_id, cloud_id FROM series
             JOIN local_meter ON local_meter.id = series.local_meter JOIN block ON block.id = series.id / 64
             JOIN local_subscription ON local_subscription.id = block.local_subscription
             JOIN stack ON stack.id = local_subscription.stack
             WHERE folded_key IS NOT NULL AND folded_key = series.key AND series.id > ?1 ORDER BY series.id LIMIT ?2",
            &values![after, PAGE],
            Pending::from_row,
        )?;
        let Some(last) = pending.last() else { return Ok(()) };
        after = last.series;
        for it in &pending {
            settle(transaction, it)?;
        }
    }
}

fn settle(transaction: &dyn Transaction, pending: &Pending) -> Result<(), StoreError> {
    let Pending { series, key, key_now } = pending;
    if key == key_now {
        let sql = "UPDATE series SET folded_key = NULL WHERE id = ?1";
        return transaction.execute_each(sql, &[values![*series]]);
    }
    if let Some(other) = found_under(transaction, key_now)? {
        tracing::warn!(
            series = series.0,
            other = other.0,
            "two series measure one resource, in two letter cases: `meterbridge audit verify` names it"
        );
        return Ok(());
    }
    let sql = "UPDATE series SET folded_key = ?2 WHERE id = ?1";
    transaction.execute_each(sql, &[values![*series, key_now]])
}

/// The series that is found under a key.
pub(super) fn found_under(
    transaction: &dyn Transaction,
    key: &SeriesKey,
) -> Result<Option<SeriesId>, StoreError> {
    let sql = "SELECT id FROM series WHERE key = ?1 OR folded_key = ?1 ORDER BY id LIMIT 1";
    transaction.row(sql, &values![key], |row| row.get(0))
}

/// The key that an earlier version made.
pub(super) fn former_key(
    of: LocalSubscriptionKey,
    local_meter: LocalMeterId,
    resource_uri: &str,
) -> SeriesKey {
    let mut identity = Vec::new();
    identify(of, local_meter, "", &mut identity);
    identity.extend_from_slice(resource_uri.to_lowercase().as_bytes());
    series_key(&identity)
}
