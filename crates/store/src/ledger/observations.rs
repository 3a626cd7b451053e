//! Several sayings about one key: all that matter are kept, and one of them counts.
//!
//! The one that counts stands in the hour sheet, as said at its earliest reported time; every other quantity, and
//! every later saying that was once taken for the earliest, is a row of `observation`.

use std::collections::BTreeMap;

use domain::quantity::Quantity;
use domain::time::Hour;
use domain::usage::{Observation, that_counts};

use super::ids::{BatchRow, SeriesId};
use crate::error::StoreError;
use crate::transaction::{Transaction, values};

/// The most keys whose sayings one transaction holds: about 4 MiB. Over it they are written and forgotten.
const KEYS_MAX: usize = 16 * 1024;

/// What is said about: one hour of a series.
pub(super) type Key = (SeriesId, Hour);

/// What a batch said about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Saying {
    pub(super) observation: Observation,
    pub(super) batch: BatchRow,
}

impl Saying {
    pub(super) fn new(quantity: Quantity, reported: Hour, batch: BatchRow) -> Self {
        Self {
            observation: Observation { quantity, reported },
            batch,
        }
    }

    /// Whether its quantity was said at an earlier reported time by this one.
    pub(super) fn repeats(&self, earlier: &Self) -> bool {
        let when = |it: &Self| (it.observation.reported, it.batch);
        self.observation.quantity == earlier.observation.quantity && when(earlier) < when(self)
    }

    /// Whether it says what `said` says, and not later.
    pub(super) fn covers(&self, said: &Self) -> bool {
        self.observation.quantity == said.observation.quantity
            && self.observation.reported <= said.observation.reported
    }
}

/// What came of one more saying about a known key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heard {
    /// Whether its quantity had been said before.
    pub(super) known: bool,
    /// Whether it is kept.
    pub(super) kept: bool,
    /// What counts now.
    pub(super) counts: Saying,
}

/// The sayings about a key beside the one that counts.
struct Others {
    sayings: Vec<Saying>,
    /// The one that counts, if they differ from what is stored.
    counts: Option<Saying>,
}

/// The observations that one transaction works on, in memory until they are written.
#[derive(Default)]
pub(super) struct Observations(BTreeMap<Key, Others>);

impl Observations {
    /// Reads what is stored about keys, as far as it is not here.
    pub(super) fn read(
        &mut self,
        transaction: &dyn Transaction,
        keys: impl Iterator<Item = Key>,
    ) -> Result<(), StoreError> {
        let mut keys: Vec<Key> = keys.filter(|key| !self.0.contains_key(key)).collect();
        keys.dedup();
        if keys.is_empty() {
            return Ok(());
        }
        if self.0.len() + keys.len() > KEYS_MAX {
            self.write(transaction)?;
        }
        for (key, sayings) in keys.iter().zip(others(transaction, &keys)?) {
            let counts = None;
            self.0.insert(*key, Others { sayings, counts });
        }
        Ok(())
    }

    /// Takes in a saying about a key of which `counting` has counted so far.
    pub(super) fn hear(
        &mut self,
        transaction: &dyn Transaction,
        key: Key,
        counting: Saying,
        said: Saying,
    ) -> Result<Heard, StoreError> {
        if counting.covers(&said) {
            return Ok(Heard {
                known: true,
                kept: false,
                counts: counting,
            });
        }
        self.read(transaction, std::iter::once(key))?;
        let others = self.0.get_mut(&key).ok_or_else(|| nothing_counts(key))?;
        let mut all = others.sayings.clone();
        all.push(counting);
        let same = |known: &Saying| known.observation.quantity == said.observation.quantity;
        let known = all.iter().any(same);
        if all.iter().any(|known| known.covers(&said)) {
            return Ok(Heard {
                known,
                kept: false,
                counts: counting,
            });
        }
        all.push(said);
        let counts = that_of_all_counts(&all).ok_or_else(|| nothing_counts(key))?;
        all.retain(|saying| *saying != counts);
        *others = Others {
            sayings: all,
            counts: Some(counts),
        };
        Ok(Heard {
            known,
            kept: true,
            counts,
        })
    }

    /// Writes what has changed, and forgets all.
    pub(super) fn write(&mut self, transaction: &dyn Transaction) -> Result<(), StoreError> {
        let (mut keys, mut rows) = (Vec::new(), Vec::new());
        for ((series, hour), Others { sayings, counts }) in &self.0 {
            let Some(counts) = counts else { continue };
            keys.push(values![*series, *hour]);
            for saying in sayings {
                let Observation { quantity, reported } = saying.observation;
                let mut all = sayings.iter().chain([counts]);
                let again = u32::from(all.any(|earlier| saying.repeats(earlier)));
                rows.push(values![*series, *hour, quantity, saying.batch, reported, again]);
            }
        }
        transaction.execute_each("DELETE FROM observation WHERE series = ?1 AND hour = ?2", &keys)?;
        transaction.execute_each(
            "INSERT INTO observation (series, hour, quantity, batch, reported, again) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            &rows,
        )?;
        self.0.clear();
        Ok(())
    }
}

fn nothing_counts((series, hour): Key) -> StoreError {
    StoreError::corrupt(format!("no quantity of series {} counts at {hour}", series.0))
}

/// The saying that counts: of the quantity that counts, the earliest.
pub(super) fn that_of_all_counts(all: &[Saying]) -> Option<Saying> {
    let observations: Vec<Observation> = all.iter().map(|saying| saying.observation).collect();
    let counts = that_counts(&observations)?;
    let of_quantity = all
        .iter()
        .filter(|saying| saying.observation.quantity == counts.quantity);
    of_quantity
        .min_by_key(|saying| (saying.observation.reported, saying.batch))
        .copied()
}

/// A number that is not known exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Between {
    pub(super) least: u32,
    pub(super) most: u32,
}

/// How many of the revisions that each batch brought about a key did not count once it was taken in, from all that was ever
/// said about it. Of several quantities that one batch was the first to say anything with, the first was new and no
/// revision, and which one that was is not kept.
pub(super) fn not_counting(mut all: Vec<Saying>) -> Vec<(BatchRow, Between)> {
    all.sort_unstable_by_key(|it| it.batch);
    let mut before = 0;
    let of_batch = |of_batch: &[Saying]| {
        let known = &all[..before];
        before += of_batch.len();
        let new = |quantity: Quantity| known.iter().all(|it| it.observation.quantity != quantity);
        let revisions = of_batch.iter().filter(|it| new(it.observation.quantity)).count();
        let one_counts = that_of_all_counts(&all[..before]).is_some_and(|it| new(it.observation.quantity));
        let [least, most] = if known.is_empty() {
            [revisions.saturating_sub(2), revisions.saturating_sub(1)]
        } else {
            [revisions - usize::from(one_counts); 2]
        };
        let [least, most] = [least, most].map(|it| u32::try_from(it).unwrap_or(u32::MAX));
        of_batch.first().map(|it| (it.batch, Between { least, most }))
    };
    all.chunk_by(|one, other| one.batch == other.batch)
        .filter_map(of_batch)
        .collect()
}

/// For each of some keys, the sayings stored beside the one that counts.
pub(super) fn others(transaction: &dyn Transaction, keys: &[Key]) -> Result<Vec<Vec<Saying>>, StoreError> {
    let mut sayings = vec![Vec::new(); keys.len()];
    let keys: Vec<_> = keys
        .iter()
        .map(|(series, hour)| values![*series, *hour])
        .collect();
    transaction.each(
        "SELECT quantity, reported, batch FROM observation WHERE series = ?1 AND hour = ?2",
        &keys,
        &mut |place, row| {
            sayings[place].push(Saying::new(row.get(0)?, row.get(1)?, row.get(2)?));
            Ok(())
        },
    )?;
    Ok(sayings)
}
