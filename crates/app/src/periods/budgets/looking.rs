//! Looking which thresholds were reached: of some accounts at a time, on from where the last look left off, and not again
//! where nothing has changed.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use domain::books::{Books, BudgetRecord};
use domain::chain::Account;
use domain::ids::CloudId;
use domain::time::{Hour, Period};

use super::account_of;
use crate::periods::gathering::Inputs;
use crate::{App, Error};

/// The most months that are looked at, the running one among them, where nobody closes any.
const MONTHS_LOOKED_AT: usize = 12;
/// Of how many accounts and months what was spent is reckoned with one look. *(ours)*
const RECKONED_AT_A_LOOK: usize = 1_000;
/// How many accounts of one month are reckoned together; between them others may go on.
const RECKONED_TOGETHER: usize = 100;

/// An account in a month. The running month comes first, and then those before it.
type Unit = (Reverse<Period>, Account);

/// What looks after budgets have in mind: where the last one left off, and from what each account was reckoned last.
/// Nothing of it has to last: without it everything is looked at once more, and told no more than once.
#[derive(Debug)]
pub struct BudgetWatch {
    at_a_look: usize,
    seen: BTreeMap<Unit, Seen>,
    left_off: Option<Unit>,
}

impl Default for BudgetWatch {
    fn default() -> Self {
        Self::of_accounts(RECKONED_AT_A_LOOK)
    }
}

impl BudgetWatch {
    /// That reckons so many accounts and months with one look, and at least one.
    #[must_use]
    pub fn of_accounts(at_a_look: usize) -> Self {
        Self {
            at_a_look: at_a_look.max(1),
            seen: BTreeMap::new(),
            left_off: None,
        }
    }

    /// What is to be reckoned with this look, and whether that is all that there is.
    fn turn(&self, pending: &BTreeMap<Unit, Vec<BudgetRecord>>, now: &Moment) -> (Vec<Unit>, bool) {
        let is_new = |unit: &&Unit| self.seen.get(*unit) != Some(&now.of(unit.0.0));
        let later = pending
            .keys()
            .filter(|unit| self.left_off.is_none_or(|left| **unit > left));
        let before = pending
            .keys()
            .filter(|unit| self.left_off.is_some_and(|left| **unit <= left));
        let mut turn: Vec<Unit> = later
            .chain(before)
            .filter(is_new)
            .take(self.at_a_look + 1)
            .copied()
            .collect();
        let is_all = turn.len() <= self.at_a_look;
        turn.truncate(self.at_a_look);
        (turn, is_all)
    }
}

/// What an account was reckoned from in a month: the entries of the books, the deliveries of each stack, and in the
/// running month the hour.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    entries: u64,
    marks: Arc<[(CloudId, u64)]>,
    hour: Option<Hour>,
}

/// What is known now.
struct Moment {
    entries: u64,
    marks: Arc<[(CloudId, u64)]>,
    hour: Hour,
}

impl Moment {
    fn of(&self, month: Period) -> Seen {
        Seen {
            entries: self.entries,
            marks: Arc::clone(&self.marks),
            hour: (self.hour.period() == month).then_some(self.hour),
        }
    }
}

impl App {
    /// Looks which thresholds of budgets were reached in the running month, and in those before it that are not closed
    /// yet, and raises a notice for each. To be called every few minutes, by one server at a time, and it ends early when
    /// that one `may_go_on` no more. How many notices were raised. What cannot be reckoned of one budget is in the log, and
    /// keeps no other one from being told.
    ///
    /// # Errors
    /// As the store; what could not be raised is with the next look.
    pub async fn look_after_budgets(
        &self,
        watch: &mut BudgetWatch,
        may_go_on: impl Fn() -> bool + Send + Sync,
    ) -> Result<usize, Error> {
        self.catch_up().await?;
        let pending = self.read(|books| pending(books, self.this_hour().period()));
        watch.seen.retain(|unit, _| pending.contains_key(unit));
        if watch.turn(&pending, &self.moment().await?).0.is_empty() {
            return Ok(0);
        }
        let inputs = self.inputs_so_far().await?;
        let now = Moment {
            entries: inputs.books.entries(),
            marks: Arc::clone(&inputs.marks),
            hour: self.this_hour(),
        };
        let (turn, is_all) = watch.turn(&pending, &now);
        let mut raised = 0;
        for of_month in turn.chunk_by(|one, other| one.0 == other.0) {
            for together in of_month.chunks(RECKONED_TOGETHER) {
                if !may_go_on() {
                    return Ok(raised);
                }
                raised += self
                    .look_at(&inputs, together, &pending, &now, &mut watch.seen)
                    .await?;
                watch.left_off = together.last().copied();
            }
        }
        if is_all {
            watch.left_off = None;
        }
        Ok(raised)
    }

    /// What is known now, without a copy of the books.
    async fn moment(&self) -> Result<Moment, Error> {
        let progress = self.usage.progress().await?.into_iter();
        let mut marks: Vec<(CloudId, u64)> = progress.map(|it| (it.stack, it.sequence)).collect();
        marks.sort_unstable();
        Ok(Moment {
            entries: self.read(Books::entries),
            marks: marks.into(),
            hour: self.this_hour(),
        })
    }

    /// Looks at some accounts of one month. Those of which everything could be reckoned are seen then.
    async fn look_at(
        &self,
        inputs: &Inputs,
        units: &[Unit],
        pending: &BTreeMap<Unit, Vec<BudgetRecord>>,
        now: &Moment,
        seen: &mut BTreeMap<Unit, Seen>,
    ) -> Result<usize, Error> {
        let Some((Reverse(period), _)) = units.first().copied() else {
            return Ok(0);
        };
        let of_unit = |unit: &Unit| pending.get(unit).into_iter().flatten();
        let records: Vec<(Unit, BudgetRecord)> = units
            .iter()
            .flat_map(|unit| of_unit(unit).map(|record| (*unit, record.clone())))
            .collect();
        let (of, records): (Vec<Unit>, Vec<BudgetRecord>) = records.into_iter().unzip();
        let spent = match self.spent(inputs, period, &records).await {
            Ok(spent) => spent,
            Err(error) => {
                tracing::error!(%error, %period, "what was spent of budgets was not reckoned");
                return Ok(0);
            }
        };
        seen.extend(units.iter().map(|unit| (*unit, now.of(period))));
        let mut reached = Vec::new();
        for ((unit, record), spent) in of.into_iter().zip(records).zip(spent) {
            match spent {
                Ok(spent) if !record.newly_reached(period, spent).is_empty() => reached.push((record, spent)),
                Ok(_) => {}
                Err(error) => {
                    let budget = record.key();
                    tracing::error!(%error, %period, %budget, "what was spent of a budget was not reckoned");
                    seen.remove(&unit);
                }
            }
        }
        let raised = self.raise_reached(period, reached).await;
        raised.inspect_err(|_| units.iter().for_each(|unit| drop(seen.remove(unit))))
    }
}

/// Whether what is used of a month still counts for budgets: it was not closed, is not being closed, and none after it
/// was. Of one that is being closed everything is fixed already.
pub(super) fn is_open(books: &Books, month: Period) -> bool {
    let periods = books.periods();
    let being_closed = periods.closing().map(|closing| closing.period);
    let first = periods.next_to_close().or(being_closed);
    being_closed != Some(month) && first.is_none_or(|first| first <= month)
}

/// The budgets with a threshold that was not reached yet, by month and account: of the running month, and of those before
/// it that are open still.
fn pending(books: &Books, this_month: Period) -> BTreeMap<Unit, Vec<BudgetRecord>> {
    let months = std::iter::successors(Some(this_month), |month| month.previous());
    let open = months
        .take(MONTHS_LOOKED_AT)
        .filter(|month| is_open(books, *month));
    let open: Vec<Period> = open.collect();
    let mut pending: BTreeMap<Unit, Vec<BudgetRecord>> = BTreeMap::new();
    for record in books.budgets().all() {
        let account = account_of(books, &record.budget);
        let theirs = account.filter(|_| books.is_budget_of(record.owner, record.budget.of));
        let Some((account, _)) = theirs else { continue };
        for month in open.iter().filter(|month| record.is_pending(**month)) {
            let unit = (Reverse(*month), account);
            pending.entry(unit).or_default().push(record.clone());
        }
    }
    pending
}
