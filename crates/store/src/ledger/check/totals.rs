//! The totals of every day are the sums of its hours.

use std::collections::HashSet;

use domain::time::{Day, Hour};
use domain::usage::Granularity;

use super::names;
use crate::audit::{AuditStep, Checked, Difference, Finding, FoundAt, Read, Watch, read_all};
use crate::error::StoreError;
use crate::ledger::history;
use crate::ledger::ids::{BlockId, Place, SLOTS, SeriesId};
use crate::ledger::observations::Key;
use crate::ledger::sheet::{Cell, DayEntry, DaySheet, HourSheet};
use crate::transaction::{Transaction, values};

/// Days of blocks read at one time, with their hours.
const DAYS_PAGE: usize = 64;
const HOURS_PER_DAY: usize = 24;

/// Returns how many records count, if all totals can be read.
pub(super) fn check(
    transaction: &dyn Transaction,
    checked: &mut Checked,
    watch: Watch<'_>,
) -> Result<Option<u64>, StoreError> {
    let mut totals = Totals {
        transaction,
        seen: HashSet::new(),
        records: 0,
        whole: true,
        checked,
    };
    read_all(
        DAYS_PAGE,
        |after, limit| transaction.day_sheets_after(after.copied(), limit),
        |after| next_place(transaction, after.copied()),
        |(place, _)| *place,
        |read| match read {
            Read::Rows(page) => {
                totals.page(&page)?;
                watch(AuditStep::Done(page.len() as u64));
                Ok(())
            }
            Read::Unreadable((day, block), error) => totals.unreadable(day, block, &error),
        },
    )?;
    totals.hours_without()?;
    Ok(totals.whole.then_some(totals.records))
}

fn next_place(
    transaction: &dyn Transaction,
    after: Option<Place<Day>>,
) -> Result<Option<Place<Day>>, StoreError> {
    let (day, block) = after.map_or((i32::MIN, 0), |(day, block)| (day.epoch_days(), block.0));
    let sql = "SELECT day, block FROM day_sheet WHERE (day, block) > (?1, ?2) ORDER BY day, block LIMIT 1";
    transaction.row(sql, &values![day, block], |row| Ok((row.get(0)?, row.get(1)?)))
}

struct Totals<'c> {
    transaction: &'c dyn Transaction,
    /// The series of the days before.
    seen: HashSet<SeriesId>,
    records: u64,
    /// Whether all totals could be read.
    whole: bool,
    checked: &'c mut Checked,
}

impl Totals<'_> {
    /// Compares some days' totals with their records.
    fn page(&mut self, page: &[(Place<Day>, DaySheet)]) -> Result<(), StoreError> {
        let mut hours = vec![Vec::new(); page.len()];
        let unreadable = self.read_hours(page, &mut hours)?;
        let mut first_records = Vec::new();
        for ((((day, block), totals), hours), unreadable) in page.iter().zip(&hours).zip(unreadable) {
            let mut sums = DaySheet::empty();
            let mut mixed = None;
            for (hour, sheet) in hours {
                for (slot, cell) in sheet.entries() {
                    let series = block.series(slot);
                    if self.seen.insert(series) {
                        first_records.push((series, *hour));
                    }
                    if !add(&mut sums, slot, *hour, cell) {
                        mixed = Some(series);
                    }
                }
            }
            let records = totals.entries().map(|(_, entry)| u64::from(entry.hours.count()));
            self.records += records.sum::<u64>();
            // Hours that cannot be read are told with the records.
            if !unreadable {
                self.compare((*day, *block), totals, &sums)?;
            }
            if let Some(series) = mixed {
                self.add(Difference::TwoGranularities, series, *day, None)?;
            }
        }
        self.attributes(first_records)
    }

    /// Reads the hours of days. Tells of each day whether some of them cannot be read.
    fn read_hours(
        &self,
        page: &[(Place<Day>, DaySheet)],
        hours: &mut [Vec<(Hour, HourSheet)>],
    ) -> Result<Vec<bool>, StoreError> {
        let of_day = |(day, block): Place<Day>| (0..24).map(move |hour| (day.first_hour().plus(hour), block));
        let places: Vec<Place<Hour>> = page.iter().flat_map(|(place, _)| of_day(*place)).collect();
        let mut unreadable = vec![false; page.len()];
        let read = |places: &[Place<Hour>], first: usize, hours: &mut [Vec<(Hour, HourSheet)>]| {
            self.transaction.hour_sheets(places, &mut |place, sheet| {
                hours[(first + place) / HOURS_PER_DAY].push((places[place].0, sheet));
            })
        };
        match read(&places, 0, hours) {
            Err(StoreError::Corrupt { .. }) => hours.iter_mut().for_each(Vec::clear),
            done => return done.map(|()| unreadable),
        }
        for (number, place) in places.iter().enumerate() {
            match read(&[*place], number, hours) {
                Err(StoreError::Corrupt { .. }) => unreadable[number / HOURS_PER_DAY] = true,
                done => done?,
            }
        }
        Ok(unreadable)
    }

    fn compare(
        &mut self,
        (day, block): Place<Day>,
        totals: &DaySheet,
        sums: &DaySheet,
    ) -> Result<(), StoreError> {
        for slot in 0..SLOTS {
            let (total, sum) = (totals.entry(slot), sums.entry(slot));
            self.checked.examined += u64::from(total.is_some());
            if total != sum {
                let but = (told(day, sum), told(day, total));
                self.add(Difference::DayTotal, block.series(slot), day, Some(but))?;
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        difference: Difference,
        series: SeriesId,
        day: Day,
        but: Option<(String, String)>,
    ) -> Result<(), StoreError> {
        let mut at = FoundAt::default();
        if self.checked.has_room() {
            at = names::of_series(self.transaction, series)?;
            at.day = Some(day);
        }
        let finding = Finding::new(difference, at);
        self.checked.add(match but {
            Some((expected, found)) => finding.but(expected, found),
            None => finding,
        });
        Ok(())
    }

    fn unreadable(&mut self, day: Day, block: BlockId, error: &StoreError) -> Result<(), StoreError> {
        let at = FoundAt {
            day: Some(day),
            row: Some(format!("`day_sheet` {}, {}", day.epoch_days(), block.0)),
            ..names::of_block(self.transaction, block)?
        };
        self.checked.add_unreadable(at, error);
        self.whole = false;
        Ok(())
    }

    /// Sheets of records of a day that has no totals.
    fn hours_without(&mut self) -> Result<(), StoreError> {
        let without: Vec<Place<Hour>> = self.transaction.rows(
            "SELECT hour, block FROM hour_sheet WHERE NOT EXISTS (
                 SELECT 1 FROM day_sheet WHERE day_sheet.day = hour_sheet.hour / 24 AND day_sheet.block = hour_sheet.block)
             ORDER BY hour, block",
            &[],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        for (hour, block) in without {
            let mut at = FoundAt::default();
            if self.checked.has_room() {
                at = names::of_block(self.transaction, block)?;
                at.hour = Some(hour);
            }
            self.checked.add(Finding::new(Difference::HourWithoutTotal, at));
        }
        Ok(())
    }

    /// A series has attributes from its first record on.
    fn attributes(&mut self, mut first: Vec<Key>) -> Result<(), StoreError> {
        // The hours of a page come in any order.
        first.sort_unstable();
        first.dedup_by_key(|(series, _)| *series);
        let in_force = history::in_force(self.transaction, first.iter().copied())?;
        for ((series, hour), in_force) in first.into_iter().zip(in_force) {
            if in_force.is_none() {
                self.add(Difference::AttributesMissing, series, hour.day(), None)?;
            }
        }
        Ok(())
    }
}

/// A total in words.
fn told(day: Day, entry: Option<&DayEntry>) -> String {
    let Some(entry) = entry else {
        return "nothing".to_owned();
    };
    let of_day = |hour: Hour| (hour.epoch_hours() - day.first_hour().epoch_hours()).to_string();
    let hours: Vec<String> = entry.hours.iter(day).map(of_day).collect();
    let (sum, records, hours) = (entry.total.to_sum(), hours.len(), hours.join(", "));
    match entry.granularity {
        Granularity::Hour => format!("{sum} in {records} records, of hours {hours}"),
        Granularity::Day => format!("{sum} in {records} records of the whole day"),
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
