//! What was said about the records of one series: which batch said what, and which of it counted.

use std::collections::{BTreeSet, HashMap};

use domain::ids::{BatchId, CloudId};
use domain::time::{Hour, HourInterval};

use super::as_of::{self, Upto};
use super::ids::{BatchRow, BlockId, Place, SLOTS, SeriesId};
use super::lookups::{self, Meters};
use super::observations::{Saying, that_of_all_counts};
use super::records::Reported;
use super::sheet::HourSheet;
use crate::error::StoreError;
use crate::transaction::{Transaction, values};
use crate::usage::{RecordSaid, Said, SeriesKey, Slice};

/// What was said about the records of a series that start in an interval, in order, when stacks had the receipts up to their
/// marks.
pub(super) fn sayings_at(
    transaction: &dyn Transaction,
    of: &SeriesKey,
    interval: HourInterval,
    marks: &[(CloudId, u64)],
) -> Result<Vec<RecordSaid>, StoreError> {
    let marks: Vec<(CloudId, u64)> = marks
        .iter()
        .copied()
        .filter(|(stack, _)| *stack == of.of.stack)
        .collect();
    let upto = as_of::upto(transaction, &marks)?;
    let last = match upto.get(&of.of.stack).copied().unwrap_or(Upto::Nothing) {
        Upto::Nothing => return Ok(Vec::new()),
        Upto::Everything => BatchRow(i64::MAX.unsigned_abs()),
        Upto::Batch(limit) => limit.batch(),
    };
    let Some(series) = series_of(transaction, of)? else {
        return Ok(Vec::new());
    };
    let slice = Slice { of: of.of, interval };
    let used = lookups::used_hours(transaction, &[slice])?.into_iter().flatten();
    // A record counts by the hour in which it starts, and may end after the interval.
    let Some(interval) = used.last().and_then(|used| used.intersect(interval)) else {
        return Ok(Vec::new());
    };
    let mut said: Vec<(Hour, domain::usage::Granularity, Vec<Saying>)> = Vec::new();
    let mut reported = Reported::default();
    for (hour, cell, mut sayings) in cells(transaction, series, interval, last)? {
        if cell.batch <= last {
            let reported = reported.of(transaction, cell.batch)?;
            sayings.push(Saying::new(cell.quantity, reported, cell.batch));
        }
        if !sayings.is_empty() {
            sayings.sort_unstable_by_key(|it| it.batch);
            said.push((hour, cell.granularity, sayings));
        }
    }
    let batches = said
        .iter()
        .flat_map(|(_, _, sayings)| sayings.iter().map(|it| it.batch));
    let batches = batches_of(transaction, batches.collect())?;
    let gone = || StoreError::corrupt("the batch of a record is not there");
    said.into_iter()
        .map(|(start, granularity, sayings)| {
            let counting = that_of_all_counts(&sayings);
            let counts = counting.and_then(|it| sayings.iter().position(|saying| *saying == it));
            let told = sayings.iter().map(|saying| {
                let (batch, receipt) = batches.get(&saying.batch).ok_or_else(gone)?;
                Ok(Said {
                    quantity: saying.observation.quantity,
                    reported: saying.observation.reported,
                    batch: *batch,
                    receipt: *receipt,
                })
            });
            Ok(RecordSaid {
                start,
                granularity,
                sayings: told.collect::<Result<_, StoreError>>()?,
                counts: counts
                    .ok_or_else(|| StoreError::corrupt("nothing counts of what was said about a record"))?,
            })
        })
        .collect()
}

/// The series that measures one local meter on one resource.
fn series_of(transaction: &dyn Transaction, of: &SeriesKey) -> Result<Option<SeriesId>, StoreError> {
    let blocks = lookups::blocks_of(transaction, &[of.of])?.concat();
    let meters = Meters::new(transaction).of_blocks(&blocks)?;
    let bounds: Vec<_> = blocks
        .iter()
        .map(|block| values![block.first_series(), block.series(SLOTS - 1), &*of.resource_uri])
        .collect();
    let mut found = None;
    let sql = "SELECT id FROM series WHERE id BETWEEN ?1 AND ?2 AND resource_uri = ?3";
    transaction.each(sql, &bounds, &mut |place, row| {
        let series: SeriesId = row.get(0)?;
        if meters[place][series.slot()] == Some(of.local_meter) {
            found = found.or(Some(series));
        }
        Ok(())
    })?;
    Ok(found)
}

type OfHour = (Hour, super::sheet::Cell, Vec<Saying>);

/// What the sheets have of a series in an interval, with what else was said about each up to a batch.
fn cells(
    transaction: &dyn Transaction,
    series: SeriesId,
    interval: HourInterval,
    last: BatchRow,
) -> Result<Vec<OfHour>, StoreError> {
    let block: BlockId = series.block();
    let hours = interval.start().epoch_hours()..interval.end().epoch_hours();
    let places: Vec<Place<Hour>> = hours
        .filter_map(Hour::from_epoch_hours)
        .map(|hour| (hour, block))
        .collect();
    let mut found: Vec<OfHour> = Vec::new();
    transaction.hour_sheets(&places, &mut |place, sheet: HourSheet| {
        let mut entries = sheet.entries();
        if let Some((_, cell)) = entries.find(|(slot, _)| *slot == series.slot()) {
            found.push((places[place].0, *cell, Vec::new()));
        }
    })?;
    found.sort_unstable_by_key(|(hour, ..)| *hour);
    let keys: Vec<_> = found
        .iter()
        .map(|(hour, ..)| values![series, *hour, last])
        .collect();
    let sql =
        "SELECT quantity, reported, batch FROM observation WHERE series = ?1 AND hour = ?2 AND batch <= ?3";
    let mut others: Vec<(usize, Saying)> = Vec::new();
    transaction.each(sql, &keys, &mut |place, row| {
        others.push((place, Saying::new(row.get(0)?, row.get(1)?, row.get(2)?)));
        Ok(())
    })?;
    for (place, saying) in others {
        found[place].2.push(saying);
    }
    Ok(found)
}

/// The id of each batch, and the number of its receipt.
fn batches_of(
    transaction: &dyn Transaction,
    batches: BTreeSet<BatchRow>,
) -> Result<HashMap<BatchRow, (BatchId, u64)>, StoreError> {
    let keys: Vec<_> = batches.iter().map(|batch| values![*batch]).collect();
    let sql = "SELECT batch_id, sequence FROM batch WHERE id = ?1";
    let rows = transaction.row_each(sql, &keys, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let known = batches.into_iter().zip(rows);
    Ok(known.filter_map(|(batch, row)| Some((batch, row?))).collect())
}
