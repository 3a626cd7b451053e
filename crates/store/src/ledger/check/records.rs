//! What is kept of each batch is what its receipt says; of several sayings about a key the right one counts.
//!
//! Everything that was ever said about usage is read once, by hour and series: sheets, and beside them the observations.
//! That is the order in which each batch was recorded, so of a batch no more than a digest that is not finished has to be
//! kept in mind, and that only until its last saying has come.

mod batches;
mod keys;
mod late;

use domain::time::Hour;
use domain::usage::Granularity;

use self::batches::Batches;
use self::keys::SeriesKeys;
use self::late::LateDays;
use super::names;
use crate::audit::{AuditStep, Checked, Difference, Finding, FoundAt, Read, Watch, read_all};
use crate::error::StoreError;
use crate::ledger::ids::{BatchRow, Place, SLOTS, SeriesId};
use crate::ledger::observations::{self, Between, Saying};
use crate::ledger::sheet::{Cell, HourSheet};
use crate::transaction::{Columns, Transaction, Value, values};

/// Sheets read at one time: 1.5 MiB.
const SHEETS_PAGE: usize = 500;

pub(super) fn check(
    transaction: &dyn Transaction,
    checked: &mut Checked,
    watch: Watch<'_>,
) -> Result<(), StoreError> {
    let mut records = Records {
        transaction,
        after: None,
        keys: SeriesKeys::default(),
        batches: Batches::default(),
        late: LateDays::default(),
        checked,
    };
    read_all(
        SHEETS_PAGE,
        |after, limit| transaction.hour_sheets_after(after.copied(), limit),
        |after| next_place(transaction, after.copied()),
        |(place, _)| *place,
        |read| match read {
            Read::Rows(page) => {
                records.page(&page)?;
                watch(AuditStep::Done(page.len() as u64));
                Ok(())
            }
            Read::Unreadable(place, error) => records.unreadable(place, &error),
        },
    )?;
    records.end(watch)
}

fn next_place(
    transaction: &dyn Transaction,
    after: Option<Place<Hour>>,
) -> Result<Option<Place<Hour>>, StoreError> {
    let (hour, block) = after.map_or((i32::MIN, 0), |(hour, block)| (hour.epoch_hours(), block.0));
    let sql =
        "SELECT hour, block FROM hour_sheet WHERE (hour, block) > (?1, ?2) ORDER BY hour, block LIMIT 1";
    transaction.row(sql, &values![hour, block], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// An hour and a series, in the order in which everything is read.
type Moment = (Hour, SeriesId);

/// A saying that does not stand in a sheet.
#[derive(Clone, Copy)]
struct Observed {
    at: Moment,
    saying: Saying,
    /// Whether its quantity is said to have been said before.
    again: bool,
}

struct Records<'c> {
    transaction: &'c dyn Transaction,
    /// The last place read.
    after: Option<Place<Hour>>,
    keys: SeriesKeys,
    batches: Batches,
    late: LateDays,
    checked: &'c mut Checked,
}

impl Records<'_> {
    fn page(&mut self, page: &[(Place<Hour>, HourSheet)]) -> Result<(), StoreError> {
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        let observed = self.observed(Some(*last))?;
        self.after = Some(*last);
        let cells = page.iter().flat_map(|((hour, block), sheet)| {
            let cells = sheet.entries();
            cells.map(move |(slot, cell)| ((*hour, block.series(slot)), *cell))
        });
        self.take(cells, &observed)
    }

    /// Takes in cells and observations, each in order.
    fn take(
        &mut self,
        cells: impl Iterator<Item = (Moment, Cell)> + Clone,
        observed: &[Observed],
    ) -> Result<(), StoreError> {
        let of_cells = cells.clone().map(|(_, cell)| cell.batch);
        let of_observed = observed.iter().map(|it| it.saying.batch);
        self.batches.meet(self.transaction, of_cells.chain(of_observed))?;
        let of_cells = cells.clone().map(|((_, series), _)| series);
        let of_observed = observed.iter().map(|it| it.at.1);
        self.keys.read(self.transaction, of_cells.chain(of_observed))?;
        let mut findings = Vec::new();
        let mut rest = observed;
        for (at, cell) in cells {
            let before = rest.partition_point(|it| it.at < at);
            let (none_counts, from_here) = rest.split_at(before);
            self.without_a_cell(none_counts, &mut findings);
            let here = from_here.partition_point(|it| it.at == at);
            let (others, after) = from_here.split_at(here);
            rest = after;
            self.say(at, &cell, others);
            if !others.is_empty() {
                self.which_counts(at, &cell, others, &mut findings);
            }
        }
        self.without_a_cell(rest, &mut findings);
        for (at, finding) in findings {
            self.tell(at, finding)?;
        }
        self.batches.settle(self.transaction, self.checked)?;
        if let Some((hour, _)) = self.after {
            self.late.compare(self.transaction, hour.day(), self.checked)?;
        }
        self.unknown_series()
    }

    /// Counts what was said about a key for the batches that said it.
    fn say(&mut self, at: Moment, cell: &Cell, others: &[Observed]) {
        let key = self.keys.of(at.1);
        let key_of_saying = (at.1, at.0);
        let (granularity, batches) = (cell.granularity, &mut self.batches);
        batches.say(cell.batch, key_of_saying, key, granularity, cell.quantity);
        for other in others {
            let quantity = other.saying.observation.quantity;
            batches.say(other.saying.batch, key_of_saying, key, granularity, quantity);
        }
        self.late(at, cell.batch);
        others.iter().for_each(|other| self.late(at, other.saying.batch));
    }

    /// Takes in the day on which a batch said something, if that was late.
    fn late(&mut self, (hour, series): Moment, batch: BatchRow) {
        if let Some(late_before) = self.batches.late_before(batch) {
            self.late.say((hour, series.block()), batch, late_before);
        }
    }

    fn without_a_cell(&mut self, observed: &[Observed], findings: &mut Vec<(Moment, Finding)>) {
        for it in observed {
            let (key, said) = (self.keys.of(it.at.1), (it.at.1, it.at.0));
            let quantity = it.saying.observation.quantity;
            self.late(it.at, it.saying.batch);
            self.batches
                .say(it.saying.batch, said, key, Granularity::Hour, quantity);
            // Whether it counted once nobody can tell any more.
            self.batches
                .not_counting(it.saying.batch, Between { least: 0, most: 1 });
            let finding = Finding::new(Difference::NothingCounts, FoundAt::default());
            findings.push((
                it.at,
                Finding {
                    found: Some(quantity.to_string()),
                    ..finding
                },
            ));
        }
    }

    /// The right one of several counts, and each is told as what it is.
    fn which_counts(
        &mut self,
        at: Moment,
        cell: &Cell,
        others: &[Observed],
        findings: &mut Vec<(Moment, Finding)>,
    ) {
        let mut add = |difference, expected: String, found: String| {
            let finding = Finding::new(difference, FoundAt::default());
            findings.push((at, finding.but(expected, found)));
        };
        self.not_counting(cell, others);
        // A batch that is not there is told by itself.
        let Some(reported) = self.batches.reported(cell.batch) else {
            return;
        };
        let counting = Saying::new(cell.quantity, reported, cell.batch);
        let all: Vec<Saying> = others.iter().map(|it| it.saying).chain([counting]).collect();
        if let Some(counts) = observations::that_of_all_counts(&all)
            && counts != counting
        {
            let told = |it: Saying| {
                let quantity = it.observation.quantity;
                format!("{quantity}, reported at {}", it.observation.reported)
            };
            add(Difference::OtherCounts, told(counts), told(counting));
        }
        for other in others {
            let told = other.saying.observation;
            if let Some(reported) = self.batches.reported(other.saying.batch)
                && reported != told.reported
            {
                add(
                    Difference::ReportedTime,
                    reported.to_string(),
                    told.reported.to_string(),
                );
            }
            let again = all.iter().any(|earlier| other.saying.repeats(earlier));
            if again != other.again {
                let [expected, found] = [again, other.again].map(|again| {
                    let word = if again { "said before" } else { "said first" };
                    format!("{} {word}", told.quantity)
                });
                add(Difference::Repetition, expected, found);
            }
        }
    }

    /// Counts the revisions that did not count when they came, for the batches that brought them.
    fn not_counting(&mut self, cell: &Cell, others: &[Observed]) {
        let said = others
            .iter()
            .map(|it| (it.saying.observation.quantity, it.saying.batch));
        let said = said.chain([(cell.quantity, cell.batch)]);
        let dated = said.filter_map(|(quantity, batch)| {
            let reported = self.batches.reported(batch)?;
            Some(Saying::new(quantity, reported, batch))
        });
        for (batch, revisions) in observations::not_counting(dated.collect()) {
            self.batches.not_counting(batch, revisions);
        }
    }

    fn tell(&mut self, (hour, series): Moment, finding: Finding) -> Result<(), StoreError> {
        let mut at = FoundAt::default();
        if self.checked.has_room() {
            at = names::of_series(self.transaction, series)?;
            at.hour = Some(hour);
        }
        self.checked.add(Finding { at, ..finding });
        Ok(())
    }

    fn unknown_series(&mut self) -> Result<(), StoreError> {
        for series in self.keys.take_unknown() {
            let mut at = names::of_block(self.transaction, series.block())?;
            at.row = Some(format!("`series` {}", series.0));
            self.checked.add(Finding::new(Difference::UnknownSeries, at));
        }
        Ok(())
    }

    fn unreadable(&mut self, place: Place<Hour>, error: &StoreError) -> Result<(), StoreError> {
        let observed = self.observed(Some(place))?;
        self.after = Some(place);
        let (hour, block) = place;
        self.late.unreadable(hour.day());
        let at = FoundAt {
            hour: Some(hour),
            row: Some(format!("`hour_sheet` {}, {}", hour.epoch_hours(), block.0)),
            ..names::of_block(self.transaction, block)?
        };
        self.checked.add_unreadable(at, error);
        // What counts is not known: only what else was said is counted.
        let (mut others, mut of_sheet) = (Vec::new(), Vec::new());
        for it in observed {
            let here = it.at.0 == hour && it.at.1.block() == block;
            if here { &mut of_sheet } else { &mut others }.push(it);
        }
        self.take(std::iter::empty(), &others)?;
        let batches = of_sheet.iter().map(|it| it.saying.batch);
        self.batches.meet(self.transaction, batches)
    }

    /// The observations after the last place, up to another one or to the end.
    fn observed(&mut self, upto: Option<Place<Hour>>) -> Result<Vec<Observed>, StoreError> {
        let last_of = |place: Option<Place<Hour>>, otherwise: (i32, u64)| {
            place.map_or(otherwise, |(hour, block)| {
                (hour.epoch_hours(), block.series(SLOTS - 1).0)
            })
        };
        let after = last_of(self.after, (i32::MIN, 0));
        let upto = last_of(upto, (i32::MAX, 0));
        let range = values![after.0, after.1, upto.0, upto.1];
        let sql = "SELECT hour, series, batch, reported, again, quantity FROM observation
                   WHERE (hour, series) > (?1, ?2) AND (hour, series) <= (?3, ?4) ORDER BY hour, series, batch";
        match self.transaction.rows(sql, &range, observed) {
            Err(StoreError::Corrupt { .. }) => self.observed_one_by_one(&range),
            read => read,
        }
    }

    /// The observations of a range, past those that cannot be read.
    fn observed_one_by_one(&mut self, range: &[Value<'_>]) -> Result<Vec<Observed>, StoreError> {
        let sql = "SELECT DISTINCT hour, series FROM observation
                   WHERE (hour, series) > (?1, ?2) AND (hour, series) <= (?3, ?4) ORDER BY hour, series";
        let moments: Vec<Moment> = self
            .transaction
            .rows(sql, range, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut all = Vec::new();
        for (hour, series) in moments {
            let sql = "SELECT hour, series, batch, reported, again, quantity FROM observation
                       WHERE hour = ?1 AND series = ?2 ORDER BY batch";
            match self.transaction.rows(sql, &values![hour, series], observed) {
                Ok(read) => all.extend(read),
                Err(error @ StoreError::Corrupt { .. }) => {
                    let at = FoundAt {
                        hour: Some(hour),
                        ..names::of_series(self.transaction, series)?
                    };
                    self.late.unreadable(hour.day());
                    self.checked.add_unreadable(at, &error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    fn end(mut self, watch: Watch<'_>) -> Result<(), StoreError> {
        let observed = self.observed(None)?;
        self.take(std::iter::empty(), &observed)?;
        self.late.end(self.transaction, self.checked)?;
        self.batches.end(self.transaction, self.checked, watch)
    }
}

fn observed(row: &dyn Columns) -> Result<Observed, StoreError> {
    let batch: BatchRow = row.get(2)?;
    let again: i64 = row.get(4)?;
    Ok(Observed {
        at: (row.get(0)?, row.get(1)?),
        saying: Saying::new(row.get(5)?, row.get(3)?, batch),
        again: again != 0,
    })
}
