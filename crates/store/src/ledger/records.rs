//! The records of a batch on their way into the sheets.

use std::collections::{BTreeSet, HashMap};

use domain::quantity::Quantity;
use domain::time::{Day, Hour};
use domain::usage::Observation;

use super::delivery::{Row, Said};
use super::ids::{BatchRow, Place};
use super::kept::KeptSayings;
use super::observations::{Observations, Saying};
use super::sheet::Cell;
use super::staged::{HourOfBlock, Sheets};
use crate::error::StoreError;
use crate::receipt::BatchCounts;
use crate::transaction::{Transaction, values};

/// The reported times of batches: those of this transaction, and those looked up for it.
#[derive(Default)]
pub(super) struct Reported(HashMap<BatchRow, Hour>);

impl Reported {
    pub(super) fn of(&mut self, transaction: &dyn Transaction, batch: BatchRow) -> Result<Hour, StoreError> {
        if let Some(reported) = self.0.get(&batch) {
            return Ok(*reported);
        }
        let sql = "SELECT reported_start FROM batch WHERE id = ?1";
        let reported = transaction.the_row(sql, &values![batch], |row| row.get(0))?;
        self.0.insert(batch, reported);
        Ok(reported)
    }
}

/// What records are recorded in: all of it in memory until it is written.
#[derive(Default)]
pub(super) struct Recorded {
    pub(super) sheets: Sheets,
    observations: Observations,
    reported: Reported,
}

impl Recorded {
    /// Writes what is not written yet.
    pub(super) fn write(&mut self, transaction: &dyn Transaction) -> Result<(), StoreError> {
        self.sheets.write(transaction)?;
        self.observations.write(transaction)
    }

    /// What counts now of a row's key.
    pub(super) fn counting(
        &mut self,
        transaction: &dyn Transaction,
        row: &Row,
    ) -> Result<Option<Observation>, StoreError> {
        let place = self.sheets.place(transaction, std::slice::from_ref(row))?;
        let counts = saying(transaction, &mut self.reported, &place, row)?;
        Ok(counts.map(|it| it.observation))
    }
}

/// What became of the records of one batch.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) counts: BatchCounts,
    /// How many of its revisions do not count.
    pub(super) revised_not_counting: u32,
    /// What of them is kept.
    pub(super) kept: KeptSayings,
    /// The days about which something is kept that came late.
    pub(super) late_days: BTreeSet<Place<Day>>,
}

/// Records one batch.
pub(super) struct Recorder<'g> {
    transaction: &'g dyn Transaction,
    recorded: &'g mut Recorded,
    batch: BatchRow,
    /// The reported time of its records.
    at: Hour,
    /// What it says about days before this one is late.
    late_before: Day,
    /// What became of them so far.
    pub(super) tally: Tally,
}

impl<'g> Recorder<'g> {
    pub(super) fn new(
        transaction: &'g dyn Transaction,
        recorded: &'g mut Recorded,
        (batch, at): (BatchRow, Hour),
        late_before: Day,
    ) -> Self {
        recorded.reported.0.insert(batch, at);
        Self {
            transaction,
            recorded,
            batch,
            at,
            late_before,
            tally: Tally::default(),
        }
    }

    /// Records rows of one sheet, and calls `counting` for each that counts now and did not before. `here` are those
    /// rows and what follows them in the batch.
    pub(super) fn record<'r>(
        &mut self,
        of_sheet: impl Iterator<Item = &'r Row> + Clone,
        here: &[Row],
        mut counting: impl FnMut(&Row),
    ) -> Result<(), StoreError> {
        let (batch, at) = (self.batch, self.at);
        let said = |row: &Row| Saying::new(row.said.quantity, at, batch);
        let Recorded {
            sheets,
            observations,
            reported,
        } = &mut *self.recorded;
        let mut place = sheets.place(self.transaction, here)?;
        let mut revised = Vec::new();
        for row in of_sheet.clone() {
            if let Some(before) = saying(self.transaction, reported, &place, row)?
                && !before.covers(&said(row))
            {
                revised.push((row.series, row.said.start));
            }
        }
        observations.read(self.transaction, revised.into_iter())?;
        let Tally {
            counts,
            revised_not_counting,
            kept,
            late_days,
        } = &mut self.tally;
        let kept_before = kept.count();
        let mut revisions = Vec::new();
        for row in of_sheet {
            let Said {
                quantity,
                granularity,
                ..
            } = row.said;
            let (slot, said) = (row.series.slot(), said(row));
            let key = (row.series, row.said.start);
            let Some(before) = saying(self.transaction, reported, &place, row)? else {
                place.add(
                    slot,
                    Cell {
                        quantity,
                        granularity,
                        batch,
                    },
                );
                counts.accepted += 1;
                kept.add(key, &row.key, granularity, quantity);
                counting(row);
                continue;
            };
            let heard = observations.hear(self.transaction, key, before, said)?;
            if heard.kept {
                kept.add(key, &row.key, granularity, quantity);
            }
            if heard.known {
                counts.duplicate += 1;
            } else {
                counts.revised += 1;
                revisions.push((slot, quantity));
            }
            if heard.counts != before {
                place.replace(slot, heard.counts.observation.quantity, heard.counts.batch)?;
                if heard.counts == said {
                    counting(row);
                }
            }
        }
        // Only now: another record of the same batch may say more about the same hour.
        let counts_not = |(slot, quantity): &(usize, Quantity)| {
            place.cell(*slot).is_none_or(|cell| cell.quantity != *quantity)
        };
        let not_counting = revisions.iter().filter(|it| counts_not(it)).count();
        let not_counting = u32::try_from(not_counting).unwrap_or(u32::MAX);
        *revised_not_counting = revised_not_counting.saturating_add(not_counting);
        if let Some(row) = here.first()
            && kept.count() > kept_before
            && row.said.start.day() < self.late_before
        {
            late_days.insert((row.said.start.day(), row.series.block()));
        }
        Ok(())
    }
}

/// What counts of a row's key so far.
fn saying(
    transaction: &dyn Transaction,
    reported: &mut Reported,
    place: &HourOfBlock<'_>,
    row: &Row,
) -> Result<Option<Saying>, StoreError> {
    let Some(cell) = place.cell(row.series.slot()) else {
        return Ok(None);
    };
    let reported = reported.of(transaction, cell.batch)?;
    Ok(Some(Saying::new(cell.quantity, reported, cell.batch)))
}
