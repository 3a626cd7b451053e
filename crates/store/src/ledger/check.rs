//! Reads everything there is and compares it with itself.

use std::collections::HashSet;

use domain::ids::CloudId;
use domain::time::{Day, Hour, HourInterval};

use super::history;
use super::ids::{BlockId, Place, SLOTS, SeriesId};
use super::lookups;
use super::observations::{self, Key, Saying};
use super::receipts;
use super::sheet::{Cell, DayEntry, DaySheet};
use super::sums;
use crate::error::StoreError;
use crate::transaction::{Columns, Transaction, values};
use crate::usage::{Audit, LedgerCounts, Slicing};

/// Receipts read at one time.
const RECEIPTS_PAGE: usize = 1000;
/// Days of blocks read at one time, with their hours.
const DAYS_PAGE: usize = 64;
/// Keys about which several things were said, read at one time.
const KEYS_PAGE: usize = 1000;
const HOURS_PER_DAY: i32 = 24;

/// The ledger as this transaction sees it.
pub(super) fn audit(
    transaction: &dyn Transaction,
    interval: HourInterval,
    slices: Slicing,
) -> Result<Audit, StoreError> {
    let slices = slices(&lookups::with_records(transaction, None, interval)?);
    let (problems, counts) = laws(transaction)?;
    Ok(Audit {
        problems,
        counts,
        meter_totals: sums::meter_totals(transaction, interval)?,
        sums: sums::sums(transaction, &slices)?,
    })
}

/// Where the ledger contradicts itself, and what became of all records.
pub(crate) fn laws(transaction: &dyn Transaction) -> Result<(Vec<String>, LedgerCounts), StoreError> {
    let mut problems = transaction.damage()?;
    let mut counts = counts(transaction)?;
    counts.counted = totals(transaction, &mut problems)?;
    sayings(transaction, &mut problems)?;
    for stack in lookups::stacks(transaction)? {
        chain(transaction, stack, &mut problems)?;
    }
    Ok((problems, counts))
}

/// What became of the records that do not count: those superseded by counting them, the others by receipts.
fn counts(transaction: &dyn Transaction) -> Result<LedgerCounts, StoreError> {
    let of_receipts = |row: &dyn Columns| {
        Ok(LedgerCounts {
            received: row.get(0)?,
            duplicate: row.get(1)?,
            ..LedgerCounts::default()
        })
    };
    let counts = transaction.the_row(
        "SELECT CAST(coalesce(sum(received), 0) AS bigint), CAST(coalesce(sum(duplicate), 0) AS bigint) FROM batch",
        &[],
        of_receipts,
    )?;
    let count = |sql| transaction.the_row(sql, &[], |row| row.get(0));
    Ok(LedgerCounts {
        quarantined: count("SELECT count(*) FROM quarantine")?,
        superseded: count("SELECT count(*) FROM observation WHERE again = 0")?,
        ..counts
    })
}

/// The totals of every day are the sums of its hours. Returns how many records these are.
fn totals(transaction: &dyn Transaction, findings: &mut Vec<String>) -> Result<u64, StoreError> {
    let mut checker = Totals {
        transaction,
        seen: HashSet::new(),
        hour_sheets: 0,
        records: 0,
        findings,
    };
    let mut after = None;
    loop {
        let page = transaction.day_sheets_after(after, DAYS_PAGE)?;
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        checker.page(&page)?;
    }
    let Totals {
        hour_sheets, records, ..
    } = checker;
    let stored: u64 = transaction.the_row("SELECT count(*) FROM hour_sheet", &[], |row| row.get(0))?;
    if stored != hour_sheets {
        findings.push(format!(
            "{stored} sheets of records are stored, but only {hour_sheets} have their day's totals"
        ));
    }
    Ok(records)
}

struct Totals<'c> {
    transaction: &'c dyn Transaction,
    /// The series of the days before.
    seen: HashSet<SeriesId>,
    hour_sheets: u64,
    records: u64,
    findings: &'c mut Vec<String>,
}

impl Totals<'_> {
    /// Compares some days' totals with their records.
    fn page(&mut self, page: &[(Place<Day>, DaySheet)]) -> Result<(), StoreError> {
        let of_day = |(day, block): Place<Day>| {
            (0..HOURS_PER_DAY).map(move |hour| (day.first_hour().plus(hour), block))
        };
        let places: Vec<Place<Hour>> = page.iter().flat_map(|(place, _)| of_day(*place)).collect();
        let hours_per_day = usize::try_from(HOURS_PER_DAY).unwrap_or(1);
        let mut sums = vec![DaySheet::empty(); page.len()];
        let mut first_records = Vec::new();
        self.transaction.hour_sheets(&places, &mut |place, sheet| {
            self.hour_sheets += 1;
            let (hour, block) = places[place];
            for (slot, cell) in sheet.entries() {
                let series = block.series(slot);
                if self.seen.insert(series) {
                    first_records.push((series, hour));
                }
                if !add(&mut sums[place / hours_per_day], slot, hour, cell) {
                    self.findings.push(format!(
                        "series {} has two granularities on the day of {hour}",
                        series.0
                    ));
                }
            }
        })?;
        for (((day, block), totals), sums) in page.iter().zip(&sums) {
            self.compare((*day, *block), totals, sums);
        }
        self.attributes(first_records)
    }

    fn compare(&mut self, (day, block): (Day, BlockId), totals: &DaySheet, sums: &DaySheet) {
        let records = totals.entries().map(|(_, entry)| u64::from(entry.hours.count()));
        self.records += records.sum::<u64>();
        for slot in 0..SLOTS {
            if totals.entry(slot) != sums.entry(slot) {
                let (series, day) = (block.series(slot).0, day.first_hour());
                self.findings.push(format!(
                    "the total of series {series} is not the sum of its records on {day}"
                ));
            }
        }
    }

    /// A series has attributes from its first record on.
    fn attributes(&mut self, mut first: Vec<Key>) -> Result<(), StoreError> {
        // The hours of a page come in any order.
        first.sort_unstable();
        first.dedup_by_key(|(series, _)| *series);
        let in_force = history::in_force(self.transaction, first.iter().copied())?;
        for ((series, hour), in_force) in first.into_iter().zip(in_force) {
            if in_force.is_none() {
                self.findings.push(format!(
                    "the first record of series {}, at {hour}, has no attributes",
                    series.0
                ));
            }
        }
        Ok(())
    }
}

/// Adds a record to its day. Returns whether its granularity is that of the day.
fn add(sums: &mut DaySheet, slot: usize, hour: Hour, cell: &Cell) -> bool {
    let sum = sums
        .entry_mut(slot)
        .get_or_insert(DayEntry::empty(cell.granularity));
    sum.hours.insert(hour.day(), hour);
    sum.total.add_quantity(cell.quantity);
    sum.granularity == cell.granularity
}

/// Of several sayings about a key the right one counts.
fn sayings(transaction: &dyn Transaction, findings: &mut Vec<String>) -> Result<(), StoreError> {
    let mut after: Option<Key> = None;
    loop {
        let page = keys_after(transaction, after)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(*last);
        let counting = counting(transaction, &page)?;
        for ((key, counting), mut all) in page
            .iter()
            .zip(counting)
            .zip(observations::others(transaction, &page)?)
        {
            let (series, hour) = (key.0.0, key.1);
            let Some(counting) = counting else {
                findings.push(format!(
                    "of what was said about series {series} at {hour}, nothing counts"
                ));
                continue;
            };
            all.push(counting);
            if observations::that_of_all_counts(&all) != Some(counting) {
                let quantity = counting.observation.quantity;
                findings.push(format!("series {series} at {hour}: {quantity} should not count"));
            }
        }
    }
}

/// The keys about which several things were said, after one, in order.
fn keys_after(transaction: &dyn Transaction, after: Option<Key>) -> Result<Vec<Key>, StoreError> {
    let read = |row: &dyn Columns| Ok((row.get(0)?, row.get(1)?));
    match after {
        None => transaction.rows(
            "SELECT DISTINCT series, hour FROM observation ORDER BY series, hour LIMIT ?1",
            &values![KEYS_PAGE],
            read,
        ),
        Some((series, hour)) => transaction.rows(
            "SELECT DISTINCT series, hour FROM observation WHERE (series, hour) > (?1, ?2)
             ORDER BY series, hour LIMIT ?3",
            &values![series, hour, KEYS_PAGE],
            read,
        ),
    }
}

/// What counts of each of some keys.
fn counting(transaction: &dyn Transaction, keys: &[Key]) -> Result<Vec<Option<Saying>>, StoreError> {
    let places: Vec<Place<Hour>> = keys
        .iter()
        .map(|(series, hour)| (*hour, series.block()))
        .collect();
    let mut cells = vec![None; keys.len()];
    transaction.hour_sheets(&places, &mut |place, sheet| {
        cells[place] = sheet.entry(keys[place].0.slot()).copied();
    })?;
    let batches: Vec<_> = cells
        .iter()
        .flatten()
        .map(|cell: &Cell| values![cell.batch])
        .collect();
    let sql = "SELECT reported_start FROM batch WHERE id = ?1";
    let reported: Vec<Option<Hour>> = transaction.row_each(sql, &batches, |row| row.get(0))?;
    let mut reported = reported.into_iter();
    let saying = |cell: Option<Cell>| {
        let cell = cell?;
        Some(Saying::new(cell.quantity, reported.next()??, cell.batch))
    };
    Ok(cells.into_iter().map(saying).collect())
}

/// The receipts of a stack are numbered without a gap, each linked to the one before, and each adds up.
fn chain(
    transaction: &dyn Transaction,
    stack: CloudId,
    findings: &mut Vec<String>,
) -> Result<(), StoreError> {
    let (mut sequence, mut chain) = (0, [0; 32]);
    loop {
        let page = receipts::after(transaction, stack, sequence, RECEIPTS_PAGE)?;
        if page.is_empty() {
            break;
        }
        for receipt in page {
            sequence += 1;
            if receipt.sequence != sequence || receipt.chained_after(&chain) != receipt.chain {
                findings.push(format!(
                    "stack {stack}: the chain of receipts breaks at number {sequence}"
                ));
                return Ok(());
            }
            if !receipt.counts.add_up() {
                findings.push(format!(
                    "stack {stack}: the counts of receipt {sequence} do not add up"
                ));
            }
            chain = receipt.chain;
        }
    }
    let last: (u64, [u8; 32]) = transaction.the_row(
        "SELECT sequence, chain FROM stack WHERE cloud_id = ?1",
        &values![stack.as_bytes()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if last != (sequence, chain) {
        findings.push(format!(
            "stack {stack}: the last receipt is number {sequence}, not {}",
            last.0
        ));
    }
    Ok(())
}
