//! The records of a batch on their way into the sheets.

use std::collections::HashMap;

use domain::time::Hour;
use rusqlite::Connection;

use super::columns;
use super::delivery::{Row, Said};
use super::ids::BatchRow;
use super::observations::{self, Saying};
use super::sheet::Cell;
use super::staged::Sheets;
use crate::error::StoreError;
use crate::receipt::BatchCounts;

/// The reported times of batches: those of this transaction, and those looked up for it.
#[derive(Default)]
pub(super) struct Reported(HashMap<BatchRow, Hour>);

impl Reported {
    fn of(&mut self, connection: &Connection, batch: BatchRow) -> Result<Hour, StoreError> {
        if let Some(reported) = self.0.get(&batch) {
            return Ok(*reported);
        }
        let reported = connection
            .prepare_cached("SELECT reported_start FROM batch WHERE id = ?1")?
            .query_row([batch], |row| row.get(0))?;
        let reported = columns::hour(reported)?;
        self.0.insert(batch, reported);
        Ok(reported)
    }
}

/// Records one batch.
pub(super) struct Recorder<'g> {
    connection: &'g Connection,
    sheets: &'g mut Sheets,
    reported: &'g mut Reported,
    batch: BatchRow,
    /// The reported time of its records.
    at: Hour,
    /// What became of them so far.
    pub(super) counts: BatchCounts,
}

impl<'g> Recorder<'g> {
    pub(super) fn new(
        connection: &'g Connection,
        sheets: &'g mut Sheets,
        reported: &'g mut Reported,
        (batch, at): (BatchRow, Hour),
    ) -> Self {
        reported.0.insert(batch, at);
        Self {
            connection,
            sheets,
            reported,
            batch,
            at,
            counts: BatchCounts::default(),
        }
    }

    /// Records rows of one sheet, and calls `counting` for each that counts now and did not before.
    pub(super) fn record<'r>(
        &mut self,
        run: impl Iterator<Item = &'r Row>,
        mut counting: impl FnMut(&Row),
    ) -> Result<(), StoreError> {
        let mut run = run.peekable();
        let Some(first) = run.peek() else { return Ok(()) };
        let mut place = self
            .sheets
            .at(self.connection, first.said.start, first.series.block())?;
        for row in run {
            let Said {
                start,
                quantity,
                granularity,
                ..
            } = row.said;
            let slot = row.series.slot();
            let Some(cell) = place.cell(slot) else {
                place.add(
                    slot,
                    Cell {
                        quantity,
                        granularity,
                        batch: self.batch,
                    },
                );
                self.counts.accepted += 1;
                counting(row);
                continue;
            };
            let before = Saying::new(
                cell.quantity,
                self.reported.of(self.connection, cell.batch)?,
                cell.batch,
            );
            let said = Saying::new(quantity, self.at, self.batch);
            let heard = observations::hear(self.connection, (row.series, start), before, said)?;
            let count = if heard.known {
                &mut self.counts.duplicate
            } else {
                &mut self.counts.revised
            };
            *count += 1;
            if heard.counts != before {
                let Saying { observation, batch } = heard.counts;
                place.replace(
                    slot,
                    Cell {
                        quantity: observation.quantity,
                        batch,
                        ..cell
                    },
                )?;
                if heard.counts == said {
                    counting(row);
                }
            }
        }
        Ok(())
    }
}
