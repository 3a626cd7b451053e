//! Series that were stored when letter cases were folded in another way, by rules that look at neighbours: a `Σ` at the end of a
//! word became `ς`, and elsewhere `σ`.
//!
//! The key of a series is bound into the receipts of its batches, so it stays what it was. Beside it stands the key under which
//! the series is found now. Without that, what is read again of such a resource would be another series, and counted twice.
//!
//! Some may have been told apart by letter case alone: both are found then, and each record belongs to the one that has its hour
//! already.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::ids::{CloudId, LocalMeterId, LocalSubscriptionId};

use super::delivery::{UnknownSeries, identify, series_key};
use super::ids::{SeriesId, SeriesKey, StackRow};
use super::intern::Named;
use crate::error::StoreError;
use crate::transaction::{Columns, Transaction, Value, Writer, values};
use crate::usage::LocalSubscriptionKey;

/// Series looked at one time.
const PAGE: usize = 1000;

/// What the database itself writes in place of the key of now: a server of an earlier version, which knows nothing of it, has
/// stored the series beside this one.
pub(super) const NOT_LOOKED_AT: SeriesKey = [0; 16];

/// Whether what stands beside the key of a series is still to be looked at.
pub(super) fn is_pending(key: &SeriesKey, folded_key: &SeriesKey) -> bool {
    [key, &NOT_LOOKED_AT].contains(&folded_key)
}

/// Series after one, with all that they are, that fit a condition.
macro_rules! pending_where {
    ($condition:literal) => {
        concat!(
            "SELECT series.id, series.key, folded_key, resource_uri, meter_id, subscription_id, cloud_id FROM series
             JOIN local_meter ON local_meter.id = series.local_meter JOIN block ON block.id = series.id / 64
             JOIN local_subscription ON local_subscription.id = block.local_subscription
             JOIN stack ON stack.id = local_subscription.stack
             WHERE ",
            $condition,
            " AND series.id > ?1 ORDER BY series.id LIMIT ?2"
        )
    };
}
const ALL_PENDING: &str =
    pending_where!("folded_key IS NOT NULL AND (folded_key = series.key OR folded_key = ?3)");
/// Those of a stack that are not ASCII, of a server of an earlier version.
const NEW_ONES_OF_STACK: &str = pending_where!(
    "folded_key = ?3 AND octet_length(resource_uri) <> length(resource_uri) AND stack.id = ?4"
);

/// A series that is to be looked at.
struct Pending {
    series: SeriesId,
    folded_key: SeriesKey,
    /// Under which it is found now; nothing if every version finds it under its own.
    folded_now: Option<SeriesKey>,
}

impl Pending {
    fn from_row(row: &dyn Columns) -> Result<Self, StoreError> {
        let of = LocalSubscriptionKey {
            stack: row.get::<CloudId>(6)?,
            local_subscription: row.get::<LocalSubscriptionId>(5)?,
        };
        let (meter, resource_uri): (LocalMeterId, std::sync::Arc<str>) = (row.get(4)?, row.get(3)?);
        let mut identity = Vec::new();
        identify(of, meter, &resource_uri, &mut identity);
        Ok(Self {
            series: row.get(0)?,
            folded_key: row.get(2)?,
            folded_now: (!resource_uri.is_ascii()).then(|| series_key(&identity)),
        })
    }
}

/// Gives series of earlier versions the keys under which they are found now, a page at a time: what is done stays done. What
/// cannot be read is no reason not to start: texts are found in the letter case of before all the same.
pub(super) fn find_again(storage: &mut impl Writer) -> Result<(), StoreError> {
    let mut after = SeriesId(0);
    loop {
        let page = storage.write(|transaction| {
            let page = page(transaction, ALL_PENDING, &values![after, PAGE, &NOT_LOOKED_AT])?;
            let Some((pending, last)) = page else {
                return Ok(None);
            };
            settle(transaction, pending.iter())?;
            Ok(Some(last))
        });
        match page {
            Ok(Some(last)) => after = last,
            Ok(None) => return Ok(()),
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(%error, "series of an earlier version cannot be read: verify the store");
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}

/// The same for those that a server of an earlier version has stored since, as far as they are wanted. All others are left to the
/// next start: their stacks may not be locked, and whoever delivers does not wait for what it has no use for.
fn find_new_ones(transaction: &dyn Transaction, wanted: &[Wanted]) -> Result<(), StoreError> {
    let stacks: BTreeSet<StackRow> = wanted.iter().map(|it| it.stack).collect();
    let keys: HashSet<SeriesKey> = wanted.iter().map(|it| it.key).collect();
    let is_wanted = |it: &&Pending| it.folded_now.is_some_and(|key| keys.contains(&key));
    for stack in stacks {
        let mut after = SeriesId(0);
        loop {
            let of_stack = values![after, PAGE, &NOT_LOOKED_AT, stack];
            let Some((pending, last)) = page(transaction, NEW_ONES_OF_STACK, &of_stack)? else {
                break;
            };
            settle(transaction, pending.iter().filter(is_wanted))?;
            after = last;
        }
    }
    Ok(())
}

/// A page of series that are to be looked at, and which was the last. One that cannot be read is left out, and nothing behind it.
fn page(
    transaction: &dyn Transaction,
    sql: &'static str,
    values: &[Value<'_>],
) -> Result<Option<(Vec<Pending>, SeriesId)>, StoreError> {
    let rows = transaction.rows(sql, values, |row| Ok((row.get(0)?, Pending::from_row(row))))?;
    let last = rows.last().map(|(series, _)| *series);
    let mut all = Vec::with_capacity(rows.len());
    for (SeriesId(series), pending) in rows {
        match pending {
            Ok(pending) => all.push(pending),
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(series, %error, "the name of a series cannot be read: verify the store");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(last.map(|last| (all, last)))
}

/// Gives series the keys under which they are found now.
fn settle<'p>(
    transaction: &dyn Transaction,
    pending: impl Iterator<Item = &'p Pending>,
) -> Result<(), StoreError> {
    let changed: Vec<&Pending> = pending
        .filter(|it| it.folded_now != Some(it.folded_key))
        .collect();
    let keys: Vec<_> = changed
        .iter()
        .map(|it| values![it.series, it.folded_now.as_ref()])
        .collect();
    transaction.execute_each("UPDATE series SET folded_key = ?2 WHERE id = ?1", &keys)?;
    let named = |it: &&Pending| Some((it.folded_now?, it.series));
    let changed: Vec<(SeriesKey, SeriesId)> = changed.iter().filter_map(named).collect();
    for ((_, series), other) in changed.iter().zip(others(transaction, &changed)?) {
        if let Some(other) = other {
            tracing::warn!(
                series = series.0,
                other = other.0,
                "two series of an earlier version measure one resource, in two letter cases: `meterbridge audit verify` names it"
            );
        }
    }
    Ok(())
}

/// For each series by the key under which it is found now, another one that is found under it: of two that are found beside their
/// own keys the first one has none.
pub(super) fn others(
    transaction: &dyn Transaction,
    of: &[(SeriesKey, SeriesId)],
) -> Result<Vec<Option<SeriesId>>, StoreError> {
    let asked: Vec<_> = of.iter().map(|(key, series)| values![key, *series]).collect();
    let sql = "SELECT id FROM series WHERE key = ?1 AND id <> ?2
               UNION SELECT id FROM series WHERE folded_key = ?1 AND id < ?2";
    transaction.row_each(sql, &asked, |row| row.get(0))
}

/// What may have been stored by an earlier version under another key.
struct Wanted {
    stack: StackRow,
    key: SeriesKey,
    former: SeriesKey,
}

/// Of those that are not ASCII, by key, all series that they may be: found under the key of now or, in the letter case in which
/// they come, under that of an earlier version. Which was stored under that comes first. Their stacks are locked.
pub(super) fn candidates(
    transaction: &dyn Transaction,
    wanted: &[&(StackRow, &UnknownSeries)],
) -> Result<HashMap<SeriesKey, Vec<Named>>, StoreError> {
    let with_former = |(stack, it): &&(StackRow, &UnknownSeries)| {
        Some(Wanted {
            stack: *stack,
            key: it.key,
            former: it.former_key?,
        })
    };
    let wanted: Vec<Wanted> = wanted.iter().filter_map(with_former).collect();
    find_new_ones(transaction, &wanted)?;
    let asked: Vec<_> = wanted.iter().map(|it| values![&it.key, &it.former]).collect();
    let sql =
        "SELECT id, key FROM series WHERE key = ?1 UNION SELECT id, key FROM series WHERE folded_key = ?1
               UNION SELECT id, key FROM series WHERE key = ?2 AND folded_key IS NOT NULL ORDER BY id";
    let mut found = vec![Vec::new(); wanted.len()];
    transaction.each(sql, &asked, &mut |place, row| {
        let (series, key) = (row.get(0)?, row.get(1)?);
        found[place].push(Named { series, key });
        Ok(())
    })?;
    for (wanted, found) in wanted.iter().zip(&mut found) {
        found.sort_by_key(|it: &Named| it.key != wanted.former);
    }
    Ok(wanted.into_iter().map(|it| it.key).zip(found).collect())
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
