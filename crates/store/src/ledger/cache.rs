//! What the ledger remembers of series it has seen lately, so that a record of a known series costs no look-up in the
//! database and no text on its way to the writer.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use domain::ids::CloudId;
use domain::time::Hour;
use siphasher::sip128::SipHasher13;

use super::ids::{SeriesId, SeriesKey};
use crate::usage::Attributes;

const SHARDS: usize = 16;

/// 128 bits that stand for a text. Keyed by numbers drawn at start: nobody who does not know them can make two texts
/// with one fingerprint, and it means nothing outside this process. What is stored is keyed by BLAKE3, which would cost
/// three times as much for every record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint {
    high: u64,
    low: u64,
}

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.low);
    }
}

/// What is remembered of a series.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownSeries {
    pub(super) series: SeriesId,
    /// What it is stored under.
    pub(super) key: SeriesKey,
    /// The attributes from the last hour at which they changed.
    pub(super) attributes: Fingerprint,
    /// That hour.
    pub(super) since: Hour,
    /// The number of the last change of attributes when this was so.
    pub(super) as_of: u64,
}

pub(super) struct SeriesCache {
    hasher: SipHasher13,
    shards: [Mutex<Shard>; SHARDS],
    /// The most series in one generation of a shard.
    generation_max: usize,
    /// How often everything was forgotten.
    forgotten: AtomicU64,
    attribute_changes: AtomicU64,
    /// Stacks whose series' attributes somebody else has changed: what is known of them is good only if it was so after
    /// this change.
    changed_by_others: RwLock<HashMap<CloudId, u64>>,
}

type Generation = HashMap<Fingerprint, KnownSeries, BuildHasherDefault<AlreadyHashed>>;

/// Two generations: what is found in the old one moves to the young one; when that is full it becomes the old one.
#[derive(Default)]
struct Shard {
    young: Generation,
    old: Generation,
}

impl SeriesCache {
    /// A cache of at most so many series, about 80 bytes each. When it is full, the half that was not asked for lately
    /// is forgotten.
    pub(super) fn new(series_max: usize) -> Self {
        Self {
            hasher: SipHasher13::new_with_keys(random_key(), random_key()),
            shards: std::array::from_fn(|_| Mutex::default()),
            generation_max: series_max / SHARDS / 2,
            forgotten: AtomicU64::new(0),
            attribute_changes: AtomicU64::new(0),
            changed_by_others: RwLock::default(),
        }
    }

    /// What stands for these attributes. `scratch` is overwritten.
    pub(super) fn attributes(
        &self,
        location: &str,
        tags: &str,
        additional_info: &str,
        scratch: &mut Vec<u8>,
    ) -> Fingerprint {
        scratch.clear();
        for text in [location, tags, additional_info] {
            scratch.extend_from_slice(&text.len().to_le_bytes());
            scratch.extend_from_slice(text.as_bytes());
        }
        self.fingerprint(scratch)
    }

    /// What stands for these attributes.
    pub(super) fn attributes_of(&self, attributes: &Attributes) -> Fingerprint {
        let Attributes {
            location,
            tags,
            additional_info,
        } = attributes;
        self.attributes(location, tags, additional_info, &mut Vec::new())
    }

    pub(super) fn fingerprint(&self, bytes: &[u8]) -> Fingerprint {
        let hash = self.hasher.hash(bytes);
        Fingerprint {
            high: hash.h1,
            low: hash.h2,
        }
    }

    pub(super) fn get(&self, series: Fingerprint) -> Option<KnownSeries> {
        let mut shard = self.shard(series);
        if let Some(known) = shard.young.get(&series) {
            return Some(*known);
        }
        let known = shard.old.remove(&series)?;
        shard.insert(series, known, self.generation_max);
        Some(known)
    }

    /// Remembers what has been committed, and that it is so now.
    pub(super) fn insert(&self, series: Fingerprint, known: KnownSeries) {
        let as_of = self.attribute_changes();
        let known = KnownSeries { as_of, ..known };
        self.shard(series).insert(series, known, self.generation_max);
    }

    /// Forgets every series, and returns how often that was done.
    pub(super) fn forget(&self) -> u64 {
        for shard in &self.shards {
            *shard.lock().unwrap_or_else(PoisonError::into_inner) = Shard::default();
        }
        // Whoever reads this number finds nothing any more of what was known before.
        self.forgotten.fetch_add(1, Ordering::Release) + 1
    }

    /// How often everything was forgotten. To be read before looking series up: what is found was learned since.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Acquire)
    }

    /// The number of the last change of attributes of series that were known before. To be read before looking series
    /// up: what is found is not older.
    pub(super) fn attribute_changes(&self) -> u64 {
        self.attribute_changes.load(Ordering::Acquire)
    }

    /// Numbers a change whose series have been inserted.
    pub(super) fn attributes_changed(&self) -> u64 {
        self.attribute_changes.fetch_add(1, Ordering::Release) + 1
    }

    /// Numbers a change by somebody else: nobody here knows which of the stack's series it was about.
    pub(super) fn attributes_changed_by_others(&self, stack: CloudId) -> u64 {
        let mut changed = self
            .changed_by_others
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let number = self.attributes_changed();
        changed.insert(stack, number);
        number
    }

    /// The last such change of a stack; 0 if there was none.
    pub(super) fn last_change_by_others(&self, stack: CloudId) -> u64 {
        let changed = self
            .changed_by_others
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        changed.get(&stack).copied().unwrap_or_default()
    }

    fn shard(&self, series: Fingerprint) -> MutexGuard<'_, Shard> {
        let [first, ..] = series.high.to_be_bytes();
        self.shards[usize::from(first) % SHARDS]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn insert(&mut self, series: Fingerprint, known: KnownSeries, generation_max: usize) {
        if self.young.len() >= generation_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(series, known);
    }
}

/// A number that the standard library draws for its own hash maps.
fn random_key() -> u64 {
    RandomState::new().hash_one(())
}

/// Takes a fingerprint for its own hash.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes
            .iter()
            .fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(series: u64) -> KnownSeries {
        let since = Hour::MIN;
        KnownSeries {
            series: SeriesId(series),
            key: [0; 16],
            attributes: Fingerprint { high: 0, low: 0 },
            since,
            as_of: 0,
        }
    }

    #[test]
    fn attributes_that_would_run_together_are_told_apart() {
        let cache = SeriesCache::new(100);
        let mut scratch = Vec::new();
        let mut of = |location, tags, info| cache.attributes(location, tags, info, &mut scratch);
        assert_ne!(of("ab", "c", ""), of("a", "bc", ""));
        assert_ne!(of("a", "", "b"), of("a", "b", ""));
        assert_eq!(of("a", "b", "c"), of("a", "b", "c"));
    }

    #[test]
    fn a_full_cache_forgets_what_was_not_asked_for_lately() {
        let series_max = 10_000;
        let cache = SeriesCache::new(series_max);
        let fingerprint = |number: usize| cache.fingerprint(&number.to_le_bytes());
        for number in 0..2 * series_max {
            cache.insert(fingerprint(number), known(number as u64));
            assert!(cache.get(fingerprint(0)).is_some(), "asked for all the time");
        }
        let kept = (0..2 * series_max)
            .filter(|number| cache.get(fingerprint(*number)).is_some())
            .count();
        assert!((series_max / 4..=series_max).contains(&kept), "{kept}");
    }
}
