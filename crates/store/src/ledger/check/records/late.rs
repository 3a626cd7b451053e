//! The days about which batches came late, with what is written down of that: whoever changes it changes what a closed month is
//! said to have been reckoned from.

use std::collections::{BTreeMap, BTreeSet};

use domain::time::{Day, Hour};

use crate::audit::{Checked, Difference, Finding, FoundAt};
use crate::error::StoreError;
use crate::ledger::check::names;
use crate::ledger::ids::{BatchRow, BlockId, Place};
use crate::transaction::{Columns, Transaction, values};

/// Whose late days, of which block.
type Late = (BlockId, BatchRow);

/// The late days that were read.
pub(super) struct LateDays {
    /// By day.
    read: BTreeMap<Day, BTreeSet<Late>>,
    /// Of these not everything could be read.
    unreadable: BTreeSet<Day>,
    /// The days before this one are compared.
    compared: Day,
}

impl Default for LateDays {
    fn default() -> Self {
        Self {
            read: BTreeMap::new(),
            unreadable: BTreeSet::new(),
            compared: Day::from_epoch_days(i32::MIN),
        }
    }
}

impl LateDays {
    /// Takes in that a batch said something, of which what is about days before `late_before` is late.
    pub(super) fn say(&mut self, (hour, block): Place<Hour>, batch: BatchRow, late_before: Day) {
        let day = hour.day();
        if day < late_before {
            self.read.entry(day).or_default().insert((block, batch));
        }
    }

    /// Takes in that something of a day cannot be read.
    pub(super) fn unreadable(&mut self, day: Day) {
        self.unreadable.insert(day);
    }

    /// Compares the days before this one, of which everything was read.
    pub(super) fn compare(
        &mut self,
        transaction: &dyn Transaction,
        before: Day,
        checked: &mut Checked,
    ) -> Result<(), StoreError> {
        if before <= self.compared {
            return Ok(());
        }
        let written = |row: &dyn Columns| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)));
        let written: Vec<(Day, Late)> = transaction.rows(
            "SELECT day, block, batch FROM late_day WHERE day >= ?1 AND day < ?2 ORDER BY day, block, batch",
            &values![self.compared, before],
            written,
        )?;
        self.compared = before;
        let mut of_days = std::mem::take(&mut self.read);
        self.read = of_days.split_off(&before);
        // Whether it is written down, for each that is in one of the two and not in both.
        let mut different: BTreeMap<(Day, BatchRow), bool> = BTreeMap::new();
        for (day, late) in written {
            if !of_days.get_mut(&day).is_some_and(|of_day| of_day.remove(&late)) {
                different.insert((day, late.1), true);
            }
        }
        for (day, of_day) in of_days {
            different.extend(of_day.into_iter().map(|(_, batch)| ((day, batch), false)));
        }
        different.retain(|(day, _), _| !self.unreadable.contains(day));
        for ((day, batch), is_written) in different {
            let at = FoundAt {
                day: Some(day),
                ..names::of_batch(transaction, batch)?
            };
            let [expected, found] = if is_written {
                ["nothing about this day", "it written down"]
            } else {
                ["it written down", "nothing about this day"]
            };
            checked.add(Finding::new(Difference::LateDay, at).but(expected, found));
        }
        Ok(())
    }

    /// Compares the rest, and how many late days each batch is said to have.
    pub(super) fn end(
        mut self,
        transaction: &dyn Transaction,
        checked: &mut Checked,
    ) -> Result<(), StoreError> {
        self.compare(transaction, Day::from_epoch_days(i32::MAX), checked)?;
        let sql = "SELECT batch.id, late_days, coalesce(late.days, 0) FROM batch
                   LEFT JOIN (SELECT batch, count(*) AS days FROM late_day GROUP BY batch) AS late ON late.batch = batch.id
                   WHERE late_days <> coalesce(late.days, 0) ORDER BY batch.id";
        let other = |row: &dyn Columns| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let others: Vec<(BatchRow, i64, i64)> = transaction.rows(sql, &[], other)?;
        for (batch, said, written) in others {
            let finding = Finding::new(Difference::LateDay, names::of_batch(transaction, batch)?);
            checked.add(finding.but(format!("{said} of them"), written));
        }
        Ok(())
    }
}
