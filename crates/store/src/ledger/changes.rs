//! Which series' attributes have changed lately: what a delivery relied on when it left attributes out may have
//! changed while it waited.

use std::collections::HashMap;

use domain::ids::CloudId;

use super::cache::SeriesCache;
use super::delivery::Delivery;
use super::ids::SeriesId;

/// The most series remembered: 3 MiB.
const SERIES_MAX: usize = 100_000;

/// The changes of attributes that were committed, numbered as by [`super::cache::SeriesCache::attribute_changes`].
#[derive(Default)]
pub(super) struct AttributeChanges {
    /// The last change of a series.
    last: HashMap<SeriesId, u64>,
    /// The changes up to this one are not remembered.
    forgotten: u64,
    newest: u64,
    /// Of each stack met so far, the last change of its attributes as this process knows it, and the last one that
    /// somebody else made.
    stacks: HashMap<CloudId, OfStack>,
}

#[derive(Default)]
struct OfStack {
    /// The number of the batch that made it, among those of the stack.
    sequence: u64,
    by_others: u64,
}

impl AttributeChanges {
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

    /// Compares what a stack that is locked now says of its last change with what is known here.
    pub(super) fn meet(&mut self, stack: CloudId, sequence: u64, cache: &SeriesCache) {
        let Some(known) = self.stacks.get_mut(&stack) else {
            // Nothing that could be wrong is known of its series.
            let by_others = 0;
            self.stacks.insert(stack, OfStack { sequence, by_others });
            return;
        };
        if known.sequence != sequence {
            *known = OfStack {
                sequence,
                by_others: cache.attributes_changed_by_others(stack),
            };
            self.newest = known.by_others;
        }
    }

    /// Remembers the change that a batch committed here has made.
    pub(super) fn made(&mut self, stack: CloudId, sequence: u64) {
        self.stacks.entry(stack).or_default().sequence = sequence;
    }

    /// Whether a delivery left out attributes of which it cannot know that they are still in force.
    pub(super) fn outdate(&self, delivery: &Delivery) -> bool {
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
        let mut changes = AttributeChanges::default();
        let (a, b) = (SeriesId(1), SeriesId(2));
        changes.remember(vec![a], 1);
        changes.remember(vec![b], 2);
        let both =
            |changes: &AttributeChanges, number| (changes.changed(a, number), changes.changed(b, number));
        assert_eq!(both(&changes, 0), (true, true));
        assert_eq!(both(&changes, 1), (false, true));
        assert_eq!(both(&changes, 2), (false, false));
        changes.remember((10..10 + SERIES_MAX as u64).map(SeriesId).collect(), 3);
        assert_eq!(both(&changes, 1), (true, true));
        assert_eq!(both(&changes, 2), (false, false));
    }
}
