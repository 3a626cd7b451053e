//! Things that are remembered for a short while: so many at the most, each until its time.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use domain::time::Timestamp;

/// A table that forgets.
#[derive(Debug)]
pub(super) struct Expiring<K, V> {
    entries: HashMap<K, (Timestamp, V)>,
    entries_max: usize,
}

/// There is no room for more until something is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl<K: Eq + Hash, V> Expiring<K, V> {
    pub(super) fn new(entries_max: usize) -> Self {
        Self {
            entries: HashMap::new(),
            entries_max,
        }
    }

    /// Remembers something for so long.
    pub(super) fn insert(&mut self, key: K, value: V, now: Timestamp, life: Duration) -> Result<(), Full> {
        if self.entries.len() >= self.entries_max {
            self.entries.retain(|_, (until, _)| *until > now);
        }
        if self.entries.len() >= self.entries_max {
            return Err(Full);
        }
        let until = now.checked_add(life).unwrap_or(Timestamp::MAX);
        self.entries.insert(key, (until, value));
        Ok(())
    }

    pub(super) fn get_mut(&mut self, key: &K, now: Timestamp) -> Option<&mut V> {
        let entry = self.entries.get_mut(key);
        entry.filter(|(until, _)| *until > now).map(|(_, value)| value)
    }

    pub(super) fn take(&mut self, key: &K, now: Timestamp) -> Option<V> {
        let entry = self.entries.remove(key);
        entry.filter(|(until, _)| *until > now).map(|(_, value)| value)
    }

    /// Those that are not over, with their keys.
    pub(super) fn entries(&self, now: Timestamp) -> impl Iterator<Item = (&K, &V)> {
        let alive = self.entries.iter().filter(move |(_, (until, _))| *until > now);
        alive.map(|(key, (_, value))| (key, value))
    }

    /// Those that are not over.
    pub(super) fn values_mut(&mut self, now: Timestamp) -> impl Iterator<Item = &mut V> {
        let alive = self.entries.values_mut().filter(move |(until, _)| *until > now);
        alive.map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_makes_room_and_is_not_found_any_more() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let minute = Duration::from_secs(60);
        let mut table = Expiring::new(2);
        table.insert("a", 1, at(0), minute).unwrap();
        table.insert("b", 2, at(30), minute).unwrap();
        assert_eq!(table.insert("c", 3, at(59), minute), Err(Full));
        assert_eq!(table.get_mut(&"a", at(59)), Some(&mut 1));
        assert_eq!(table.get_mut(&"a", at(60)), None);
        assert_eq!(table.values_mut(at(60)).count(), 1);
        assert_eq!(table.entries(at(60)).collect::<Vec<_>>(), [(&"b", &2)]);
        table.insert("c", 3, at(60), minute).unwrap();
        assert_eq!(table.take(&"b", at(61)), Some(2));
        assert_eq!(table.take(&"b", at(61)), None);
    }
}
