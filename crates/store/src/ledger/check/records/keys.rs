//! The keys of series, a block at a time.

use std::collections::{BTreeSet, HashMap};

use crate::error::StoreError;
use crate::ledger::ids::{BlockId, SLOTS, SeriesId, SeriesKey};
use crate::transaction::{Transaction, values};

/// The blocks whose keys are remembered: 16 MiB.
const BLOCKS_MAX: usize = 16 * 1024;
/// What stands for the key of a series that is not there.
const NO_KEY: SeriesKey = [0; 16];

#[derive(Default)]
pub(super) struct SeriesKeys {
    of_blocks: HashMap<BlockId, Box<[Option<SeriesKey>; SLOTS]>>,
    /// Series that were asked for and are not there, all of them and those that nobody was told of.
    unknown: BTreeSet<SeriesId>,
    untold: Vec<SeriesId>,
}

impl SeriesKeys {
    /// Reads those that are not known.
    pub(super) fn read(
        &mut self,
        transaction: &dyn Transaction,
        series: impl Iterator<Item = SeriesId>,
    ) -> Result<(), StoreError> {
        let mut last = None;
        let mut wanted = BTreeSet::new();
        for block in series.map(SeriesId::block) {
            if last != Some(block) {
                wanted.insert(block);
                last = Some(block);
            }
        }
        let known = self.of_blocks.len() + wanted.len() <= BLOCKS_MAX;
        if known {
            wanted.retain(|block| !self.of_blocks.contains_key(block));
        } else {
            self.of_blocks.clear();
        }
        let wanted: Vec<BlockId> = wanted.into_iter().collect();
        let bounds: Vec<_> = wanted
            .iter()
            .map(|block| values![block.first_series(), block.series(SLOTS - 1)])
            .collect();
        let mut found: Vec<Box<[Option<SeriesKey>; SLOTS]>> =
            wanted.iter().map(|_| Box::new([None; SLOTS])).collect();
        let sql = "SELECT id, key FROM series WHERE id BETWEEN ?1 AND ?2";
        transaction.each(sql, &bounds, &mut |place, row| {
            let series: SeriesId = row.get(0)?;
            // A key that is none is told with the series.
            let key = row.bytes(1)?.and_then(|key| SeriesKey::try_from(key).ok());
            found[place][series.slot()] = Some(key.unwrap_or(NO_KEY));
            Ok(())
        })?;
        self.of_blocks.extend(wanted.into_iter().zip(found));
        Ok(())
    }

    /// The key of a series that was read.
    pub(super) fn of(&mut self, series: SeriesId) -> SeriesKey {
        let keys = self.of_blocks.get(&series.block());
        let key = keys.and_then(|keys| keys[series.slot()]);
        key.unwrap_or_else(|| {
            if self.unknown.insert(series) {
                self.untold.push(series);
            }
            NO_KEY
        })
    }

    /// The series that were asked for and are not there, each once.
    pub(super) fn take_unknown(&mut self) -> Vec<SeriesId> {
        std::mem::take(&mut self.untold)
    }
}
