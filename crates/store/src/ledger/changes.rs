//! What has changed lately of what a delivery relies on: the attributes that it left out, and the numbers that it has its
//! series by.

use std::collections::HashMap;

use domain::ids::CloudId;

use super::cache::SeriesCache;
use super::delivery::Delivery;
use super::ids::{SeriesId, StackRow};
use super::stacks::{Stack, Stacks, chains};
use crate::error::StoreError;
use crate::receipt::Link;
use crate::transaction::{Transaction, values};

/// The most series remembered: 3 MiB.
const SERIES_MAX: usize = 100_000;

/// The changes of attributes that were committed, numbered as by [`super::cache::SeriesCache::attribute_changes`].
#[derive(Default)]
pub(super) struct Changes {
    /// The last change of a series.
    last: HashMap<SeriesId, u64>,
    /// The changes up to this one are not remembered.
    forgotten: u64,
    newest: u64,
    /// The stacks met so far, as this process left them or found them last.
    stacks: HashMap<CloudId, OfStack>,
    /// [`SeriesCache::forgotten`].
    cache_forgotten: u64,
}

struct OfStack {
    /// All that is known of its series was so when this was its last batch.
    last: Link,
    /// The number of its batch that changed attributes last.
    attributes_sequence: u64,
    /// The last such change that somebody else made.
    by_others: u64,
}

impl Changes {
    /// Remembers that the attributes of these series were changed by the change with this number.
    pub(super) fn remember(&mut self, series: Vec<SeriesId>, number: u64) {
        if self.last.len() + series.len() > SERIES_MAX {
            self.last.clear();
            self.forgotten = self.newest;
        }
        self.newest = number;
        self.last
            .extend(series.into_iter().map(|series| (series, number)));
    }

    /// Compares stacks that are locked now with what is known of them here.
    pub(super) fn meet(
        &mut self,
        transaction: &dyn Transaction,
        stacks: &Stacks,
        cache: &SeriesCache,
    ) -> Result<(), StoreError> {
        if let Some((stack, known)) = self.lost(transaction, stacks)? {
            tracing::error!(
                %stack,
                receipt = known.sequence,
                "the database went back to an earlier state: this receipt, and what was acknowledged with it, is no longer \
                 there; have stacks deliver again what they delivered since",
            );
            self.stacks.clear();
            self.cache_forgotten = cache.forget();
        }
        for (id, stack) in stacks.iter() {
            self.meet_one(id, stack, cache);
        }
        Ok(())
    }

    /// One of the stacks whose history does not lead on from the last batch that is known here: the database was restored, or
    /// a standby that lacked something took over, and numbers of series may have been given out again since.
    fn lost(
        &self,
        transaction: &dyn Transaction,
        stacks: &Stacks,
    ) -> Result<Option<(CloudId, Link)>, StoreError> {
        // Where nobody else writes there are none.
        let moved = |(id, stack): (CloudId, &Stack)| {
            let known = self.stacks.get(&id)?.last;
            (known != stack.last() && known.sequence > 0).then_some((id, stack.row, known))
        };
        let moved: Vec<(CloudId, StackRow, Link)> = stacks.iter().filter_map(moved).collect();
        let asked: Vec<_> = moved
            .iter()
            .map(|(_, row, known)| values![*row, known.sequence])
            .collect();
        let chains = chains(transaction, &asked)?;
        let mut compared = moved.into_iter().zip(chains);
        let lost = compared.find(|((_, _, known), chain)| *chain != Some(known.chain));
        Ok(lost.map(|((id, _, known), _)| (id, known)))
    }

    fn meet_one(&mut self, id: CloudId, stack: &Stack, cache: &SeriesCache) {
        let mut by_others = 0;
        // If it is not known, nothing that could be wrong is known of its series.
        if let Some(known) = self.stacks.get(&id) {
            by_others = known.by_others;
            if known.attributes_sequence != stack.attributes_sequence {
                by_others = cache.attributes_changed_by_others(id);
                self.newest = by_others;
            }
        }
        let met = OfStack {
            last: stack.last(),
            attributes_sequence: stack.attributes_sequence,
            by_others,
        };
        self.stacks.insert(id, met);
    }

    /// Remembers how a transaction that was committed left stacks that it had met.
    pub(super) fn left(&mut self, stacks: &Stacks) {
        for (id, stack) in stacks.iter() {
            if let Some(known) = self.stacks.get_mut(&id) {
                known.last = stack.last();
                known.attributes_sequence = stack.attributes_sequence;
            }
        }
    }

    /// Whether a delivery relies on what may be no longer so: numbers of series, or attributes that it left out.
    pub(super) fn outdate(&self, delivery: &Delivery) -> bool {
        if delivery.forgotten_before != self.cache_forgotten && !delivery.rows.is_empty() {
            return true;
        }
        let Some(looked_up_at) = delivery.looked_up_at else {
            return false;
        };
        if looked_up_at == self.newest {
            return false;
        }
        let by_others = self
            .stacks
            .get(&delivery.stack)
            .map_or(0, |stack| stack.by_others);
        let mut left_out = delivery.rows.iter().filter(|row| row.said.attributes.is_none());
        left_out.any(|row| looked_up_at < by_others || self.changed(row.series, looked_up_at))
    }

    /// Whether the attributes of a series may have changed after the change with this number.
    fn changed(&self, series: SeriesId, number: u64) -> bool {
        number < self.forgotten || self.last.get(&series).is_some_and(|last| *last > number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_counts_as_changed() {
        let mut changes = Changes::default();
        let (a, b) = (SeriesId(1), SeriesId(2));
        changes.remember(vec![a], 1);
        changes.remember(vec![b], 2);
        let both = |changes: &Changes, number| (changes.changed(a, number), changes.changed(b, number));
        assert_eq!(both(&changes, 0), (true, true));
        assert_eq!(both(&changes, 1), (false, true));
        assert_eq!(both(&changes, 2), (false, false));
        changes.remember((10..10 + SERIES_MAX as u64).map(SeriesId).collect(), 3);
        assert_eq!(both(&changes, 1), (true, true));
        assert_eq!(both(&changes, 2), (false, false));
    }
}
