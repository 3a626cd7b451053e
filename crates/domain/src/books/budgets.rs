//! The part of the books that says what somebody means to spend, and which thresholds were reached.
//!
//! A threshold is reached once in a month, whatever becomes of the budget's amount: the entry that says so is made
//! together with the notice that tells it. Another amount is compared with what was spent only for thresholds that were
//! not reached yet.

use std::collections::BTreeMap;

use super::{Books, Entry, Limit, LimitReached};
use crate::budget::{Budget, BudgetName, BudgetOf, InvalidBudget, Threshold, crossed};
use crate::money::Money;
use crate::time::Period;
use crate::timeline::Recorded;

/// One fact about budgets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BudgetEntry {
    /// A budget was set: a new one, or another amount, other thresholds or another first month of one that was there.
    Set(Budget),
    /// A budget was removed, with what was reached of it.
    Removed {
        /// The budget.
        budget: BudgetName,
    },
    /// What was spent in a month has reached a threshold.
    Reached {
        /// The budget.
        budget: BudgetName,
        /// The month.
        period: Period,
        /// The threshold.
        threshold: Threshold,
        /// What was spent by then.
        spent: Money,
    },
}

impl From<BudgetEntry> for Entry {
    fn from(entry: BudgetEntry) -> Self {
        Self::Budget(entry)
    }
}

/// That a threshold was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// What was spent by then.
    pub spent: Money,
    /// What the budget was then.
    pub amount: Money,
    /// When that was found.
    pub recorded: Recorded,
}

/// A budget with what was reached of it.
#[derive(Debug, Clone)]
pub struct BudgetRecord {
    /// The budget.
    pub budget: Budget,
    /// When it was set first: one that is set after another of its name was removed is another one.
    pub created: Recorded,
    /// When it was set last, and by whom.
    pub set: Recorded,
    reached: BTreeMap<(Period, Threshold), Reached>,
}

impl BudgetRecord {
    /// What was reached in a month, the lowest threshold first; thresholds that it has no more are among it.
    pub fn reached(&self, period: Period) -> impl Iterator<Item = (Threshold, &Reached)> {
        let all = self.reached.iter();
        all.filter(move |((of, _), _)| *of == period)
            .map(|((_, threshold), reached)| (*threshold, reached))
    }

    /// Whether it is for a month, and has a threshold that was not reached in it yet.
    #[must_use]
    pub fn is_pending(&self, period: Period) -> bool {
        let open = |threshold| !self.reached.contains_key(&(period, threshold));
        self.budget.from <= period && self.budget.thresholds.iter().any(open)
    }

    /// The thresholds that are reached with what was spent in a month and that were not reached in it before.
    #[must_use]
    pub fn newly_reached(&self, period: Period, spent: Money) -> Vec<Threshold> {
        if !self.is_pending(period) {
            return Vec::new();
        }
        let mut new = crossed(spent, self.budget.amount, &self.budget.thresholds);
        new.retain(|threshold| !self.reached.contains_key(&(period, *threshold)));
        new
    }
}

/// What is meant to be spent.
#[derive(Debug, Clone, Default)]
pub struct Budgets {
    budgets: BTreeMap<BudgetName, BudgetRecord>,
}

impl Budgets {
    /// Every budget, by name.
    pub fn all(&self) -> impl Iterator<Item = &BudgetRecord> {
        self.budgets.values()
    }

    /// A budget.
    #[must_use]
    pub fn get(&self, name: &BudgetName) -> Option<&BudgetRecord> {
        self.budgets.get(name)
    }

    pub(super) fn take_in(&mut self, entry: &BudgetEntry, recorded: Recorded) -> Result<(), &'static str> {
        const UNKNOWN: &str = "the budget is unknown";
        match entry {
            BudgetEntry::Set(budget) => {
                if let Some(known) = self.budgets.get_mut(&budget.name) {
                    if !known.budget.is_about_the_same_as(budget) {
                        return Err("the budget is about something else");
                    }
                    (known.budget, known.set) = (budget.clone(), recorded);
                    return Ok(());
                }
                let record = BudgetRecord {
                    budget: budget.clone(),
                    created: recorded,
                    set: recorded,
                    reached: BTreeMap::new(),
                };
                self.budgets.insert(budget.name.clone(), record);
            }
            BudgetEntry::Removed { budget } => {
                self.budgets.remove(budget).ok_or(UNKNOWN)?;
            }
            BudgetEntry::Reached {
                budget,
                period,
                threshold,
                spent,
            } => {
                let known = self.budgets.get_mut(budget).ok_or(UNKNOWN)?;
                let reached = Reached {
                    spent: *spent,
                    amount: known.budget.amount,
                    recorded,
                };
                if known.reached.insert((*period, *threshold), reached).is_some() {
                    return Err("the threshold was reached before");
                }
            }
        }
        Ok(())
    }
}

/// Why nothing is entered about a budget. The text says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BudgetRefused {
    /// It says nothing.
    #[error(transparent)]
    Invalid(#[from] InvalidBudget),
    /// There is none of this name.
    #[error("there is no budget '{0}'; list those that there are")]
    Unknown(BudgetName),
    /// One of this name is about something else.
    #[error(
        "budget '{0}' is there already and is of something else: whose it is, its tag and its currency stay as they \
         are. Remove it first, or choose another name"
    )]
    OfSomethingElse(BudgetName),
    /// Nobody sells so.
    #[error(
        "nobody sells or buys so; expected a seller and one of its buyers, or a subscription that there is"
    )]
    NoSuchSale,
    /// There are too many.
    #[error("{0}")]
    TooMany(LimitReached),
}

impl BudgetRefused {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "InvalidBudget",
            Self::Unknown(_) => "BudgetNotFound",
            Self::OfSomethingElse(_) => "BudgetOfSomethingElse",
            Self::NoSuchSale => "NoSuchSale",
            Self::TooMany(reached) => reached.0.code(),
        }
    }
}

impl From<LimitReached> for BudgetRefused {
    fn from(reached: LimitReached) -> Self {
        Self::TooMany(reached)
    }
}

impl Books {
    /// Sets a budget. None if it is as it should be already.
    ///
    /// # Errors
    /// [`BudgetRefused`].
    pub fn set_budget(&self, budget: &Budget) -> Result<Option<Entry>, BudgetRefused> {
        budget.check()?;
        match self.budgets.get(&budget.name) {
            Some(known) if known.budget == *budget => return Ok(None),
            Some(known) if !known.budget.is_about_the_same_as(budget) => {
                return Err(BudgetRefused::OfSomethingElse(budget.name.clone()));
            }
            Some(_) => {}
            None => {
                let there_is = match budget.of {
                    BudgetOf::Sale(link) => self.sells(link),
                    BudgetOf::Subscription(subscription) => self.subscription(subscription).is_some(),
                };
                if !there_is {
                    return Err(BudgetRefused::NoSuchSale);
                }
                let of_same = self.budgets.all().filter(|known| known.budget.of == budget.of);
                Limit::BudgetsOfOne.admits_one_more(of_same.count())?;
            }
        }
        Ok(Some(BudgetEntry::Set(budget.clone()).into()))
    }

    /// Removes a budget.
    ///
    /// # Errors
    /// [`BudgetRefused::Unknown`].
    pub fn remove_budget(&self, name: &BudgetName) -> Result<Entry, BudgetRefused> {
        let known = self.budgets.get(name);
        known.ok_or_else(|| BudgetRefused::Unknown(name.clone()))?;
        let budget = name.clone();
        Ok(BudgetEntry::Removed { budget }.into())
    }
}

#[cfg(test)]
mod tests;
