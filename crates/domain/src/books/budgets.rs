//! The part of the books that says what somebody means to spend, and which thresholds were reached.
//!
//! A threshold is reached once in a month, whatever becomes of the budget's amount: the entry that says so is made
//! together with the notice that tells it. Another amount is compared with what was spent only for thresholds that were
//! not reached yet.
//!
//! A budget is its owner's: names and limits are counted for each owner. Entries from before there were owners name none;
//! what they are about is the buyer's.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{Books, Entry, Limit, LimitReached};
use crate::budget::{
    Budget, BudgetKey, BudgetName, BudgetOf, BudgetOwner, InvalidBudget, Threshold, crossed,
};
use crate::chain::{Buyer, Link, Seller};
use crate::money::Money;
use crate::time::Period;
use crate::timeline::Recorded;

const UNKNOWN: &str = "the budget is unknown";

/// One fact about budgets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BudgetEntry {
    /// A budget was set: a new one, or another amount, other thresholds or another first month of one that was there.
    Set {
        /// Whose it is; none in an entry from before budgets had owners.
        owner: Option<BudgetOwner>,
        /// The budget.
        budget: Budget,
    },
    /// A budget was removed, with what was reached of it.
    Removed {
        /// Whose it was; none in an entry from before budgets had owners.
        owner: Option<BudgetOwner>,
        /// The budget.
        budget: BudgetName,
    },
    /// What was spent in a month has reached a threshold.
    Reached {
        /// Whose it is; none in an entry from before budgets had owners.
        owner: Option<BudgetOwner>,
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
    /// Whose it is.
    pub owner: BudgetOwner,
    /// The budget.
    pub budget: Budget,
    /// When it was set first: one that is set after another of its name was removed is another one.
    pub created: Recorded,
    /// When it was set last, and by whom.
    pub set: Recorded,
    reached: BTreeMap<(Period, Threshold), Reached>,
}

impl BudgetRecord {
    /// What tells it apart.
    #[must_use]
    pub fn key(&self) -> BudgetKey {
        BudgetKey {
            name: self.budget.name.clone(),
            owner: self.owner,
        }
    }

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
    budgets: BTreeMap<BudgetKey, BudgetRecord>,
}

impl Budgets {
    /// Every budget, by name and then by owner.
    pub fn all(&self) -> impl Iterator<Item = &BudgetRecord> {
        self.budgets.values()
    }

    /// Those after one, by name and then by owner; all without one.
    pub fn after(&self, after: Option<&BudgetKey>) -> impl Iterator<Item = &BudgetRecord> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let later = self.budgets.range::<BudgetKey, _>((from, Bound::Unbounded));
        later.map(|(_, record)| record)
    }

    /// Those of one name, by owner.
    pub fn named(&self, name: &BudgetName) -> impl Iterator<Item = &BudgetRecord> {
        let from = BudgetKey {
            name: name.clone(),
            owner: BudgetOwner::Platform,
        };
        let from = self.budgets.range(from..);
        from.map(|(_, record)| record)
            .take_while(move |record| record.budget.name == *name)
    }

    /// A budget.
    #[must_use]
    pub fn get(&self, key: &BudgetKey) -> Option<&BudgetRecord> {
        self.budgets.get(key)
    }

    fn take_in(
        &mut self,
        owner: BudgetOwner,
        entry: &BudgetEntry,
        recorded: Recorded,
    ) -> Result<(), &'static str> {
        let key = |name: &BudgetName| BudgetKey {
            name: name.clone(),
            owner,
        };
        match entry {
            BudgetEntry::Set { budget, .. } => {
                if let Some(known) = self.budgets.get_mut(&key(&budget.name)) {
                    if !known.budget.is_about_the_same_as(budget) {
                        return Err("the budget is about something else");
                    }
                    (known.budget, known.set) = (budget.clone(), recorded);
                    return Ok(());
                }
                let record = BudgetRecord {
                    owner,
                    budget: budget.clone(),
                    created: recorded,
                    set: recorded,
                    reached: BTreeMap::new(),
                };
                self.budgets.insert(record.key(), record);
            }
            BudgetEntry::Removed { budget, .. } => {
                self.budgets.remove(&key(budget)).ok_or(UNKNOWN)?;
            }
            BudgetEntry::Reached {
                budget,
                period,
                threshold,
                spent,
                ..
            } => {
                let known = self.budgets.get_mut(&key(budget)).ok_or(UNKNOWN)?;
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
    /// The sale that a budget is of: of a subscription the last one of its chain, where whoever pays in the end buys.
    #[must_use]
    pub fn budgeted_sale(&self, of: BudgetOf) -> Option<Link> {
        match of {
            BudgetOf::Sale(link) => Some(link),
            BudgetOf::Subscription(subscription) => {
                let subscription = self.subscription_ever(subscription)?;
                self.chain_of(subscription).last().copied()
            }
        }
    }

    /// Whether what a budget is of is a side's business: it sells or buys there. All of it is the platform's.
    #[must_use]
    pub fn is_budget_of(&self, owner: BudgetOwner, of: BudgetOf) -> bool {
        let sale = self.budgeted_sale(of);
        match owner {
            BudgetOwner::Platform => true,
            BudgetOwner::Partner(partner) => sale.is_some_and(|sale| {
                sale.seller == Seller::Partner(partner) || sale.buyer == Buyer::Partner(partner)
            }),
            BudgetOwner::Subscription(subscription) => {
                of == BudgetOf::Subscription(subscription)
                    || sale.is_some_and(|sale| sale.buyer == Buyer::Subscription(subscription))
            }
        }
    }

    /// Takes in an entry. One without an owner is about the budget of its name that there was then, or a new one of the
    /// buyer's.
    pub(super) fn take_in_budget(
        &mut self,
        entry: &BudgetEntry,
        recorded: Recorded,
    ) -> Result<(), &'static str> {
        let (owner, name, of) = match entry {
            BudgetEntry::Set { owner, budget } => (owner, &budget.name, Some(budget.of)),
            BudgetEntry::Removed { owner, budget } | BudgetEntry::Reached { owner, budget, .. } => {
                (owner, budget, None)
            }
        };
        let known = || self.budgets.named(name).next().map(|record| record.owner);
        let buyer = || {
            let sale = self.budgeted_sale(of?);
            match (sale, of?) {
                (Some(sale), _) => Some(sale.buyer.into()),
                (None, BudgetOf::Subscription(id)) => Some(BudgetOwner::Subscription(id)),
                (None, BudgetOf::Sale(link)) => Some(link.buyer.into()),
            }
        };
        let owner = owner.or_else(known).or_else(buyer).ok_or(UNKNOWN)?;
        self.budgets.take_in(owner, entry, recorded)
    }

    /// Sets a budget of an owner. None if it is as it should be already.
    ///
    /// # Errors
    /// [`BudgetRefused`].
    pub fn set_budget(&self, owner: BudgetOwner, budget: &Budget) -> Result<Option<Entry>, BudgetRefused> {
        budget.check()?;
        let name = budget.name.clone();
        match self.budgets.get(&BudgetKey { name, owner }) {
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
                if !there_is || !self.is_budget_of(owner, budget.of) {
                    return Err(BudgetRefused::NoSuchSale);
                }
                let theirs = || self.budgets.all().filter(|known| known.owner == owner);
                let of_same = theirs().filter(|known| known.budget.of == budget.of);
                Limit::BudgetsOfOne.admits_one_more(of_same.count())?;
                Limit::BudgetsOfOwner.admits_one_more(theirs().count())?;
            }
        }
        let set = BudgetEntry::Set {
            owner: Some(owner),
            budget: budget.clone(),
        };
        Ok(Some(set.into()))
    }

    /// Removes a budget.
    ///
    /// # Errors
    /// [`BudgetRefused::Unknown`].
    pub fn remove_budget(&self, key: &BudgetKey) -> Result<Entry, BudgetRefused> {
        let known = self.budgets.get(key);
        known.ok_or_else(|| BudgetRefused::Unknown(key.name.clone()))?;
        let removed = BudgetEntry::Removed {
            owner: Some(key.owner),
            budget: key.name.clone(),
        };
        Ok(removed.into())
    }
}

#[cfg(test)]
mod tests;
