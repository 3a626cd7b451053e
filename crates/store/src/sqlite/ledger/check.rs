//! Reads everything there is and compares it with itself.

use std::collections::HashSet;

use domain::ids::CloudId;
use domain::time::{Day, Hour, HourInterval};
use rusqlite::{Connection, Row, Transaction};

use super::columns;
use super::history;
use super::ids::{BlockId, SLOTS, SeriesId};
use super::lookups;
use super::observations::{self, Saying};
use super::receipts;
use super::sheet::{DayEntry, DaySheet, HoursOfDay, stored_hour};
use super::sums;
use super::total::Total;
use crate::error::StoreError;
use crate::usage::{Audit, LedgerCounts, Slicing};

/// Receipts read at one time.
const RECEIPTS_PAGE: usize = 1000;

/// The ledger as this transaction sees it.
pub(super) fn audit(
    connection: &Transaction<'_>,
    interval: HourInterval,
    slices: Slicing,
) -> Result<Audit, StoreError> {
    let slices = slices(&lookups::with_records(connection, None, interval)?);
    Ok(Audit {
        problems: problems(connection)?,
        counts: counts(connection)?,
        meter_totals: sums::meter_totals(connection, interval)?,
        sums: sums::sums(connection, &slices)?,
    })
}

/// One sentence for everything that is wrong.
fn problems(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut findings = Vec::new();
    database(connection, &mut findings)?;
    totals(connection, &mut findings)?;
    sayings(connection, &mut findings)?;
    for stack in lookups::stacks(connection)? {
        chain(connection, stack, &mut findings)?;
    }
    Ok(findings)
}

/// What became of all records: those that count and those superseded by counting them, the others by receipts.
fn counts(connection: &Connection) -> Result<LedgerCounts, StoreError> {
    let of_receipts = |row: &Row<'_>| {
        Ok(LedgerCounts {
            received: row.get(0)?,
            duplicate: row.get(1)?,
            ..LedgerCounts::default()
        })
    };
    let mut counts = connection
        .prepare_cached("SELECT coalesce(sum(received), 0), coalesce(sum(duplicate), 0) FROM batch")?
        .query_row([], of_receipts)?;
    counts.quarantined = connection
        .prepare_cached("SELECT count(*) FROM quarantine")?
        .query_row([], |row| row.get(0))?;
    counts.superseded = connection
        .prepare_cached("SELECT count(*) FROM observation WHERE again = 0")?
        .query_row([], |row| row.get(0))?;
    let mut statement = connection.prepare_cached("SELECT body FROM day_sheet")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let sheet = DaySheet::from_row(row, 0)?;
        counts.counted += sheet
            .entries()
            .map(|(_, entry)| u64::from(entry.hours.count()))
            .sum::<u64>();
    }
    Ok(counts)
}

fn database(connection: &Connection, findings: &mut Vec<String>) -> Result<(), StoreError> {
    let mut statement = connection.prepare("PRAGMA quick_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let finding: String = row.get(0)?;
        if finding != "ok" {
            findings.push(format!("the database file is damaged: {finding}"));
        }
    }
    Ok(())
}

/// The totals of every day are the sums of its hours.
fn totals(connection: &Connection, findings: &mut Vec<String>) -> Result<(), StoreError> {
    let mut checker = Totals {
        connection,
        seen: HashSet::new(),
        findings,
    };
    let mut hour_sheets: u64 = 0;
    let mut statement = connection.prepare("SELECT body, day, block FROM day_sheet ORDER BY day, block")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (day, block) = (Day::from_epoch_days(row.get(1)?), row.get(2)?);
        hour_sheets += checker.day(day, block, &DaySheet::from_row(row, 0)?)?;
    }
    let stored: u64 = connection.query_row("SELECT count(*) FROM hour_sheet", [], |row| row.get(0))?;
    if stored != hour_sheets {
        findings.push(format!(
            "{stored} sheets of records are stored, but only {hour_sheets} have their day's totals"
        ));
    }
    Ok(())
}

struct Totals<'c> {
    connection: &'c Connection,
    /// The series of the days before.
    seen: HashSet<SeriesId>,
    findings: &'c mut Vec<String>,
}

impl Totals<'_> {
    /// Compares a day's totals with its records; returns how many sheets these have.
    fn day(&mut self, day: Day, block: BlockId, totals: &DaySheet) -> Result<u64, StoreError> {
        let mut hour_sheets = 0;
        let mut sums = DaySheet::empty();
        for of_day in 0..24 {
            let hour = day.first_hour().plus(of_day);
            let Some(sheet) = stored_hour(self.connection, hour, block)? else {
                continue;
            };
            hour_sheets += 1;
            for (slot, cell) in sheet.entries() {
                self.attributes(block.series(slot), hour)?;
                let (granularity, hours) = (cell.granularity, HoursOfDay::default());
                let sum = sums.entry_mut(slot).get_or_insert(DayEntry {
                    granularity,
                    hours,
                    total: Total::ZERO,
                });
                sum.hours.insert(day, hour);
                sum.total.add_quantity(cell.quantity);
                if sum.granularity != granularity {
                    let series = block.series(slot).0;
                    self.findings.push(format!(
                        "series {series} has two granularities on the day of {hour}"
                    ));
                }
            }
        }
        let parts = |entry: &DayEntry| (entry.granularity, entry.hours, entry.total.to_sum());
        for slot in 0..SLOTS {
            if totals.entry(slot).map(parts) != sums.entry(slot).map(parts) {
                let (series, day) = (block.series(slot).0, day.first_hour());
                self.findings.push(format!(
                    "the total of series {series} is not the sum of its records on {day}"
                ));
            }
        }
        Ok(hour_sheets)
    }

    /// A series has attributes from its first record on.
    fn attributes(&mut self, series: SeriesId, hour: Hour) -> Result<(), StoreError> {
        if self.seen.insert(series) && history::in_force(self.connection, series, hour)?.is_none() {
            self.findings.push(format!(
                "the first record of series {}, at {hour}, has no attributes",
                series.0
            ));
        }
        Ok(())
    }
}

/// Of several sayings about a key the right one counts.
fn sayings(connection: &Connection, findings: &mut Vec<String>) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT DISTINCT series, hour FROM observation")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (series, hour): (SeriesId, Hour) = (row.get(0)?, columns::hour(row.get(1)?)?);
        let sheet = stored_hour(connection, hour, series.block())?;
        let Some(cell) = sheet.as_ref().and_then(|sheet| sheet.entry(series.slot())) else {
            findings.push(format!(
                "of what was said about series {} at {hour}, nothing counts",
                series.0
            ));
            continue;
        };
        let reported = connection
            .prepare_cached("SELECT reported_start FROM batch WHERE id = ?1")?
            .query_row([cell.batch], |row| row.get(0))?;
        let counting = Saying::new(cell.quantity, columns::hour(reported)?, cell.batch);
        let mut all = observations::others(connection, series, hour)?;
        all.push(counting);
        if observations::counting(&all) != Some(counting) {
            findings.push(format!(
                "series {} at {hour}: {} should not count",
                series.0, cell.quantity
            ));
        }
    }
    Ok(())
}

/// The receipts of a stack are numbered without a gap, each linked to the one before, and each adds up.
fn chain(connection: &Connection, stack: CloudId, findings: &mut Vec<String>) -> Result<(), StoreError> {
    let (mut sequence, mut chain) = (0, [0; 32]);
    loop {
        let page = receipts::after(connection, stack, sequence, RECEIPTS_PAGE)?;
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
    let last: (u64, [u8; 32]) = connection.query_row(
        "SELECT sequence, chain FROM stack WHERE cloud_id = ?1",
        [stack.as_bytes()],
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
