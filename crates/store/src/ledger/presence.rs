//! In which hours a stack has records, as its sheets of totals tell: they know the hours of each series' day, so that no
//! sheet of records has to be read.

use std::collections::BTreeMap;

use domain::completeness::{
    Arrivals, Declared, RHYTHM_DAYS, Records, Rhythm, Silence, SilentSeries, declared_hours,
};
use domain::ids::CloudId;
use domain::time::{Day, Hour, HourInterval, Timestamp};
use domain::usage::Granularity;

use super::ids::{BlockId, MeterRow, SLOTS, SeriesId};
use super::lookups::{self, Meters};
use super::sheet::{DayEntry, DaySheet};
use crate::error::StoreError;
use crate::transaction::{Columns, Transaction, Which, values};
use crate::usage::{LocalSubscriptionKey, StackProgress};

/// The blocks whose sheets are asked for at one time.
const AT_ONE_TIME: usize = 64;
const HOURS_OF_DAY: usize = 24;
/// Of the declarations before the hour that is asked about so many of the last are looked at for their rhythm.
const ARRIVALS_BEFORE: u32 = 64;

/// What a stack declared, as the index on it has it.
macro_rules! declared_where {
    ($condition:literal) => {
        concat!(
            "SELECT batch.reported_through, batch.received_at, batch.reported_start, batch.reported_end
             FROM batch JOIN stack ON stack.id = batch.stack WHERE cloud_id = ?1 AND batch.reported_through ",
            $condition
        )
    };
}
const DECLARED_FROM: &str = declared_where!(">= ?2");
const DECLARED_BEFORE: &str = declared_where!("< ?2 ORDER BY batch.reported_through DESC LIMIT ?3");

/// How far each stack that has delivered has got, in order.
pub(super) fn progress(transaction: &dyn Transaction) -> Result<Vec<StackProgress>, StoreError> {
    let sql = "SELECT cloud_id, sequence FROM stack WHERE sequence > 0 ORDER BY cloud_id";
    transaction.rows(sql, &[], |row| {
        Ok(StackProgress {
            stack: row.get(0)?,
            sequence: row.get(1)?,
        })
    })
}

/// Which hours a stack has declared, from an hour of reported time on, and when, as its receipts tell; the furthest in any
/// case. When it declared something before that hour is told of the last times, so that the rhythm of whoever comes once a month
/// is known.
pub(super) fn declared(
    transaction: &dyn Transaction,
    stack: CloudId,
    from: Hour,
) -> Result<(Declared, Arrivals), StoreError> {
    let Some(furthest) = lookups::watermark(transaction, stack)? else {
        return Ok((Declared::default(), Arrivals::default()));
    };
    let from = from.min(furthest);
    let receipts = transaction.rows(DECLARED_FROM, &values![stack.as_bytes(), from], |row| {
        let (start, end): (Hour, Option<Hour>) = (row.get(2)?, row.optional(3)?);
        let window = end.and_then(|end| HourInterval::new(start, end));
        Ok((declared_hours(window, row.get(0)?), arrival(row)?))
    })?;
    let before = values![stack.as_bytes(), from, ARRIVALS_BEFORE];
    let before = transaction.rows(DECLARED_BEFORE, &before, arrival)?;
    let arrivals = receipts.iter().map(|(_, arrival)| *arrival).chain(before);
    Ok((
        receipts.iter().filter_map(|(hours, _)| *hours).collect(),
        arrivals.collect(),
    ))
}

/// When a declaration was received, and up to which hour it goes.
fn arrival(row: &dyn Columns) -> Result<(Hour, Hour), StoreError> {
    let received: Timestamp = row.get(1)?;
    Ok((Hour::containing(received), row.get(0)?))
}

/// How many records of a stack start in each hour of an interval.
pub(super) fn records_by_hour(
    transaction: &dyn Transaction,
    stack: CloudId,
    interval: HourInterval,
) -> Result<Records, StoreError> {
    let blocks: Vec<BlockId> = of_stack(transaction, stack)?
        .into_iter()
        .map(|(_, block)| block)
        .collect();
    let mut records = Records::default();
    for blocks in blocks.chunks(AT_ONE_TIME) {
        let days = lookups::days_of(interval);
        transaction.day_sheets_of(blocks, days, Which::All, &mut |_, day, sheet| {
            count(&sheet, day, &mut records);
            Ok(())
        })?;
    }
    Ok(records.only(|start| interval.contains(start)))
}

/// Counts what a sheet has of its day: by hour first, since most hours have as many records as there are series.
fn count(sheet: &DaySheet, day: Day, records: &mut Records) {
    let mut of_hours = [0u64; HOURS_OF_DAY];
    let mut of_day = 0;
    for (_, entry) in sheet.entries() {
        match entry.granularity {
            Granularity::Day => of_day += u64::from(entry.hours.count()),
            Granularity::Hour => {
                for (hour, count) in of_hours.iter_mut().enumerate() {
                    *count += u64::from(entry.hours.bits() >> hour & 1);
                }
            }
        }
    }
    for (hour, count) in (0i32..).zip(of_hours).filter(|(_, count)| *count > 0) {
        records.add(day.first_hour().plus(hour), Granularity::Hour, count);
    }
    if of_day > 0 {
        records.add(day.first_hour(), Granularity::Day, of_day);
    }
}

/// The series of a stack that used to report and say nothing in its last hours, up to `latest`; `limit` of them are listed.
pub(super) fn silence(
    transaction: &dyn Transaction,
    stack: CloudId,
    latest: Hour,
    limit: usize,
) -> Result<Silence, StoreError> {
    let first = Day::from_epoch_days(latest.day().epoch_days() - RHYTHM_DAYS);
    let blocks = of_stack(transaction, stack)?;
    let mut silent: Vec<Silent> = Vec::new();
    for part in blocks.chunks(AT_ONE_TIME) {
        let ids: Vec<BlockId> = part.iter().map(|(_, block)| *block).collect();
        let mut rhythms = vec![[const { None }; SLOTS]; part.len()];
        transaction.day_sheets_of(
            &ids,
            (first, latest.day()),
            Which::All,
            &mut |place, day, sheet| {
                for (slot, entry) in sheet.entries() {
                    go_on(&mut rhythms[place][slot], day, entry);
                }
                Ok(())
            },
        )?;
        for ((of, block), rhythms) in part.iter().zip(rhythms) {
            let known = rhythms
                .into_iter()
                .enumerate()
                .filter_map(|(slot, it)| Some((slot, it?)));
            silent.extend(
                known
                    .filter(|(_, rhythm): &(_, Rhythm)| rhythm.is_silent(latest))
                    .map(|(slot, rhythm)| Silent {
                        of: *of,
                        series: block.series(slot),
                        rhythm,
                    }),
            );
        }
    }
    let mut by_last_hour = BTreeMap::new();
    for it in &silent {
        *by_last_hour.entry(it.rhythm.last).or_default() += 1;
    }
    silent.sort_unstable_by_key(|it| (std::cmp::Reverse(it.rhythm.last), it.series));
    silent.truncate(limit);
    Ok(Silence {
        series: named(transaction, silent)?,
        by_last_hour,
    })
}

/// A series that is silent.
struct Silent {
    of: LocalSubscriptionKey,
    series: SeriesId,
    rhythm: Rhythm,
}

/// Goes on with the next day on which a series has records.
fn go_on(rhythm: &mut Option<Rhythm>, day: Day, entry: &DayEntry) {
    let covered = entry.granularity.hours();
    let starts = || entry.hours.iter(day);
    let (Some(first), Some(last)) = (starts().next(), starts().next_back()) else {
        return;
    };
    let hours = match entry.granularity {
        Granularity::Hour => entry.hours.count(),
        Granularity::Day => covered.unsigned_abs(),
    };
    let rhythm = rhythm.get_or_insert(Rhythm {
        first,
        last,
        hours: 0,
    });
    rhythm.last = last.plus(covered - 1);
    rhythm.hours += hours;
}

/// What is measured by each of some series.
fn named(transaction: &dyn Transaction, silent: Vec<Silent>) -> Result<Vec<SilentSeries>, StoreError> {
    let keys: Vec<_> = silent.iter().map(|it| values![it.series]).collect();
    let sql = "SELECT local_meter, resource_uri FROM series WHERE id = ?1";
    let rows: Vec<Option<(MeterRow, String)>> =
        transaction.row_each(sql, &keys, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut meters = Meters::new(transaction);
    meters.look_up(rows.iter().flatten().map(|(meter, _)| *meter))?;
    let named = silent.into_iter().zip(rows).map(|(it, row)| {
        let (meter, resource_uri) = row.ok_or_else(|| StoreError::corrupt("a total belongs to no series"))?;
        Ok(SilentSeries {
            local_subscription: it.of.local_subscription,
            local_meter: meters.known(meter)?,
            resource_uri,
            rhythm: it.rhythm,
        })
    });
    named.collect()
}

fn of_stack(
    transaction: &dyn Transaction,
    stack: CloudId,
) -> Result<Vec<(LocalSubscriptionKey, BlockId)>, StoreError> {
    lookups::all_blocks(transaction, Some(stack))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::in_tests::ledger;

    #[test]
    fn every_look_at_what_is_missing_would_read_the_receipts_of_years_one_by_one() {
        let directory = tempfile::tempdir().unwrap();
        drop(ledger(directory.path()));
        let connection = rusqlite::Connection::open(directory.path().join("usage.db")).unwrap();
        for sql in [DECLARED_FROM, DECLARED_BEFORE] {
            let plan = format!("EXPLAIN QUERY PLAN {sql}");
            let mut statement = connection.prepare(&plan).unwrap();
            let lines = statement.raw_query().mapped(|row| row.get(3));
            let lines: Vec<String> = lines.map(Result::unwrap).collect();
            let by_index =
                |line: &String| line.contains("COVERING INDEX batch_declared (stack=? AND reported_through");
            assert!(lines.iter().any(by_index), "{lines:?}");
        }
    }
}
