//! Gives what records refer to its number: finds it, or adds it; all that some deliveries refer to at one time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use domain::ids::{LocalMeterId, LocalSubscriptionId};

use super::delivery::{KeyedAttributes, UnknownSeries};
use super::folding;
use super::ids::{
    AttributesRow, BlockId, LocalSubscriptionRow, MeterRow, SLOTS, SeriesId, SeriesKey, StackRow,
};
use crate::error::StoreError;
use crate::transaction::{FromColumn, Transaction, Value, values};

/// A local subscription by its stack's number.
type SubscriptionKey = (StackRow, LocalSubscriptionId);

/// A series that is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    pub(super) series: SeriesId,
    /// What it is stored under, and receipts are bound to.
    pub(super) key: SeriesKey,
}

/// What a key stands for.
#[derive(Clone)]
pub(super) enum Interned {
    /// A series that was added.
    New(Named),
    /// One that was there.
    Known(Named),
    /// Several, which an earlier version told apart by letter case alone.
    Several(Box<[Named]>),
}

/// The numbers of series, by key. New ones are numbered in the order given, so that neighbours stay neighbours.
pub(super) fn series(
    transaction: &dyn Transaction,
    wanted: &[(StackRow, &UnknownSeries)],
) -> Result<HashMap<SeriesKey, Interned>, StoreError> {
    let mut seen = HashSet::new();
    let wanted: Vec<_> = wanted.iter().filter(|(_, it)| seen.insert(it.key)).collect();
    let keys: Vec<_> = wanted.iter().map(|(_, it)| values![&it.key]).collect();
    let found: Vec<Option<SeriesId>> = find(transaction, "SELECT id FROM series WHERE key = ?1", &keys)?;
    let mut candidates = folding::candidates(transaction, &wanted)?;
    let mut interned = HashMap::with_capacity(wanted.len());
    let mut new = Vec::new();
    for ((stack, unknown), found) in wanted.into_iter().zip(found) {
        let key = unknown.key;
        let known = match (candidates.remove(&key).as_deref(), found) {
            (Some([]), _) | (None, None) => None,
            (Some([one]), _) => Some(Interned::Known(*one)),
            (Some(several), _) => Some(Interned::Several(several.into())),
            (None, Some(series)) => Some(Interned::Known(Named { series, key })),
        };
        match known {
            Some(known) => drop(interned.insert(key, known)),
            None => new.push(((*stack, unknown.local_subscription), *unknown)),
        }
    }
    for ((_, unknown), series) in new.iter().zip(create(transaction, &new)?) {
        let key = unknown.key;
        interned.insert(key, Interned::New(Named { series, key }));
    }
    Ok(interned)
}

/// Adds series that are not there.
fn create(
    transaction: &dyn Transaction,
    new: &[(SubscriptionKey, &UnknownSeries)],
) -> Result<Vec<SeriesId>, StoreError> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let subscriptions = local_subscriptions(transaction, new.iter().map(|(subscription, _)| *subscription))?;
    let rows: Vec<_> = new
        .iter()
        .map(|(subscription, _)| subscriptions[subscription])
        .collect();
    let ids = free_slots(transaction, &rows)?;
    let meters = local_meters(transaction, new.iter().map(|(_, it)| it.local_meter))?;
    let added: Vec<_> = new
        .iter()
        .zip(&ids)
        .map(|((_, it), id)| values![*id, meters[&it.local_meter], &*it.resource_uri, &it.key])
        .collect();
    // That it is found under its own key is said: what says nothing of it is taken for an earlier version's.
    transaction.execute_each(
        "INSERT INTO series (id, local_meter, resource_uri, key, folded_key) VALUES (?1, ?2, ?3, ?4, NULL)",
        &added,
    )?;
    Ok(ids)
}

/// For each of some series, by its local subscription, the slot after the last one taken.
fn free_slots(
    transaction: &dyn Transaction,
    of: &[LocalSubscriptionRow],
) -> Result<Vec<SeriesId>, StoreError> {
    let subscriptions: Vec<_> = BTreeSet::from_iter(of).into_iter().copied().collect();
    let keys: Vec<_> = subscriptions.iter().map(|it| values![*it]).collect();
    let blocks: Vec<Option<BlockId>> = find(
        transaction,
        "SELECT id FROM block WHERE local_subscription = ?1 ORDER BY id DESC LIMIT 1",
        &keys,
    )?;
    let bounds: Vec<_> = blocks
        .iter()
        .flatten()
        .map(|block| values![block.first_series(), block.series(SLOTS - 1)])
        .collect();
    let taken: Vec<Option<SeriesId>> = find(
        transaction,
        "SELECT id FROM series WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT 1",
        &bounds,
    )?;
    let mut taken = taken.into_iter();
    let mut free: HashMap<LocalSubscriptionRow, Free> = HashMap::new();
    for (subscription, block) in subscriptions.iter().zip(blocks) {
        let next = block.map(|block| match taken.next().flatten() {
            Some(taken) => SeriesId(taken.0 + 1),
            None => block.first_series(),
        });
        free.insert(*subscription, Free { block, next });
    }
    of.iter()
        .map(|subscription| match free.get_mut(subscription) {
            Some(free) => free.take(transaction, *subscription),
            None => Err(StoreError::corrupt("a local subscription has no number")),
        })
        .collect()
}

/// Where the next series of a local subscription goes.
struct Free {
    block: Option<BlockId>,
    next: Option<SeriesId>,
}

impl Free {
    fn take(
        &mut self,
        transaction: &dyn Transaction,
        of: LocalSubscriptionRow,
    ) -> Result<SeriesId, StoreError> {
        let free = match self.next {
            Some(next) if Some(next.block()) == self.block => next,
            _ => {
                let sql = "INSERT INTO block (local_subscription) VALUES (?1) RETURNING id";
                let block: BlockId = transaction.the_row(sql, &values![of], |row| row.get(0))?;
                self.block = Some(block);
                block.first_series()
            }
        };
        self.next = Some(SeriesId(free.0 + 1));
        Ok(free)
    }
}

/// The numbers of local subscriptions. Those of one stack are added under its lock, by one at a time.
fn local_subscriptions(
    transaction: &dyn Transaction,
    wanted: impl Iterator<Item = SubscriptionKey>,
) -> Result<HashMap<SubscriptionKey, LocalSubscriptionRow>, StoreError> {
    let wanted: BTreeSet<SubscriptionKey> = wanted.collect();
    let keys: Vec<_> = wanted
        .iter()
        .map(|(stack, id)| values![*stack, id.as_bytes()])
        .collect();
    let rows = intern(
        transaction,
        "SELECT id FROM local_subscription WHERE stack = ?1 AND subscription_id = ?2",
        "INSERT INTO local_subscription (stack, subscription_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING RETURNING id",
        &keys,
        &keys,
    )?;
    Ok(wanted.into_iter().zip(rows).collect())
}

/// The numbers of local meters, which all stacks have in common.
fn local_meters(
    transaction: &dyn Transaction,
    wanted: impl Iterator<Item = LocalMeterId>,
) -> Result<HashMap<LocalMeterId, MeterRow>, StoreError> {
    let wanted: BTreeSet<LocalMeterId> = wanted.collect();
    let keys: Vec<_> = wanted.iter().map(|id| values![id.as_bytes()]).collect();
    let rows = intern(
        transaction,
        "SELECT id FROM local_meter WHERE meter_id = ?1",
        "INSERT INTO local_meter (meter_id) VALUES (?1) ON CONFLICT DO NOTHING RETURNING id",
        &keys,
        &keys,
    )?;
    Ok(wanted.into_iter().zip(rows).collect())
}

/// The numbers of sets of attributes by key, which all stacks have in common.
pub(super) fn attributes<'d>(
    transaction: &dyn Transaction,
    wanted: impl Iterator<Item = &'d KeyedAttributes>,
) -> Result<HashMap<[u8; 16], AttributesRow>, StoreError> {
    let wanted: BTreeMap<[u8; 16], &KeyedAttributes> = wanted.map(|it| (it.key, it)).collect();
    let keys: Vec<_> = wanted.keys().map(|key| values![key]).collect();
    let rows: Vec<_> = wanted
        .values()
        .map(|it| {
            let texts = &it.texts;
            values![&texts.location, &texts.tags, &texts.additional_info, &it.key]
        })
        .collect();
    let rows = intern(
        transaction,
        "SELECT id FROM attributes WHERE key = ?1",
        "INSERT INTO attributes (location, tags, additional_info, key) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING RETURNING id",
        &keys,
        &rows,
    )?;
    Ok(wanted.keys().copied().zip(rows).collect())
}

/// The numbers of rows: found by their keys, or added. Somebody else may be adding the same: whoever is second waits for
/// the first and finds what that one added. All go in the order of the keys, so that nobody waits in a circle.
fn intern<T: FromColumn + Copy, const K: usize, const R: usize>(
    transaction: &dyn Transaction,
    find_by_key: &'static str,
    add: &'static str,
    keys: &[[Value<'_>; K]],
    rows: &[[Value<'_>; R]],
) -> Result<Vec<T>, StoreError> {
    let mut found = find(transaction, find_by_key, keys)?;
    fill(&mut found, |missing| {
        find(transaction, add, &picked(rows, missing))
    })?;
    fill(&mut found, |missing| {
        find(transaction, find_by_key, &picked(keys, missing))
    })?;
    let number = |it: Option<T>| it.ok_or_else(|| StoreError::corrupt("a row that was added is not there"));
    found.into_iter().map(number).collect()
}

/// Asks for what is still missing, if anything is.
fn fill<T>(
    found: &mut [Option<T>],
    ask: impl FnOnce(&[usize]) -> Result<Vec<Option<T>>, StoreError>,
) -> Result<(), StoreError> {
    let missing: Vec<usize> = (0..found.len()).filter(|place| found[*place].is_none()).collect();
    if !missing.is_empty() {
        for (place, answer) in missing.iter().zip(ask(&missing)?) {
            found[*place] = answer;
        }
    }
    Ok(())
}

fn picked<T: Copy>(all: &[T], places: &[usize]) -> Vec<T> {
    places.iter().map(|place| all[*place]).collect()
}

fn find<T: FromColumn + Copy, const N: usize>(
    transaction: &dyn Transaction,
    sql: &'static str,
    keys: &[[Value<'_>; N]],
) -> Result<Vec<Option<T>>, StoreError> {
    transaction.row_each(sql, keys, |row| row.get(0))
}
