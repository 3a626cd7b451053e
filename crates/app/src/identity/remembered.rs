//! What is remembered about many for a while, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;

use domain::time::Timestamp;

/// Something that is remembered until it means nothing any more.
pub(super) trait Remembered {
    /// How much it matters: what matters least is forgotten first when there is no room.
    type Weight: Ord;

    fn weight(&self) -> Self::Weight;

    /// Whether it means nothing any more.
    fn is_over(&self, now: Timestamp) -> bool;
}

/// A table with so many entries at the most.
///
/// Whoever fills it with entries that hardly matter pushes out such entries, and not those that matter.
pub(super) struct Table<K, V> {
    entries: HashMap<K, V>,
    entries_max: usize,
}

impl<K: Hash + Eq + Clone, V: Remembered> Table<K, V> {
    pub(super) fn new(entries_max: usize) -> Self {
        Self {
            entries: HashMap::new(),
            entries_max,
        }
    }

    /// What is remembered of somebody, if it still means something.
    pub(super) fn get(&self, key: &K, now: Timestamp) -> Option<&V> {
        self.entries.get(key).filter(|value| !value.is_over(now))
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    /// What is remembered of somebody; `new` if it is nothing, or nothing that still means something.
    pub(super) fn entry(&mut self, key: K, new: V, now: Timestamp) -> &mut V {
        if self.get(&key, now).is_none() {
            self.entries.remove(&key);
        }
        if self.entries.len() >= self.entries_max && !self.entries.contains_key(&key) {
            self.make_room(now);
        }
        self.entries.entry(key).or_insert(new)
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.entries.remove(key);
    }

    fn make_room(&mut self, now: Timestamp) {
        self.entries.retain(|_, value| !value.is_over(now));
        if self.entries.len() < self.entries_max {
            return;
        }
        let least = self.entries.iter().min_by_key(|(_, value)| value.weight());
        if let Some(key) = least.map(|(key, _)| key.clone()) {
            self.entries.remove(&key);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
