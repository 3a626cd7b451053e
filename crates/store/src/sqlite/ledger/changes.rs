//! Which series' attributes have changed lately: what a delivery relied on when it left attributes out may have
//! changed while it waited.

use std::collections::HashMap;

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

    /// Whether a delivery left out attributes of which it cannot know that they are still in force.
    pub(super) fn outdate(&self, delivery: &Delivery) -> bool {
        let Some(looked_up_at) = delivery.looked_up_at else {
            return false;
        };
        let left_out = delivery.rows.iter().filter(|row| row.said.attributes.is_none());
        looked_up_at != self.newest
            && left_out
                .map(|row| row.series)
                .any(|series| self.changed(series, looked_up_at))
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
