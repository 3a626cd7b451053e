//! What was spent of budgets in a month.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::books::BudgetRecord;
use domain::budget::{self, Tag};
use domain::chain::Account;
use domain::ids::SubscriptionId;
use domain::money::Money;
use domain::reckoning::{Basis, reckon};
use domain::time::{Hour, HourInterval, Period};

use super::account_of;
use super::sides::not_read;
use crate::periods::gathering::{Bases, Inputs, Wanted};
use crate::{App, Error};

/// All that an account is charged, or what is charged in it for one subscription.
type Spender = (Account, Option<SubscriptionId>);

impl App {
    /// Everything as it is now, with what is known up to now.
    pub(super) async fn inputs_so_far(&self) -> Result<Inputs, Error> {
        let so_far = HourInterval::new(Hour::MIN, self.this_hour().plus(1));
        self.inputs_now(so_far.unwrap_or(HourInterval::ALWAYS)).await
    }

    /// What was spent of each of some budgets in a month, in their order: nothing of one that begins later. What keeps
    /// one from being reckoned is in its place, and so is that its owner has nothing to do any more with what it is of.
    ///
    /// # Errors
    /// As the store.
    pub(super) async fn spent(
        &self,
        inputs: &Inputs,
        period: Period,
        records: &[BudgetRecord],
    ) -> Result<Vec<Result<Money, Error>>, Error> {
        let is_owners = |record: &BudgetRecord| inputs.books.is_budget_of(record.owner, record.budget.of);
        let of: Vec<Option<Spender>> = records
            .iter()
            .map(|record| {
                let account = account_of(&inputs.books, &record.budget);
                account.filter(|_| record.budget.from <= period && is_owners(record))
            })
            .collect();
        let accounts: BTreeSet<Account> = of.iter().flatten().map(|(account, _)| *account).collect();
        let bases = if accounts.is_empty() {
            BTreeMap::new()
        } else {
            self.gather(inputs, period, &Wanted::named(accounts)).await?
        };
        let bases = Arc::new(bases);
        let (gathered, catalog) = (Arc::clone(&bases), Arc::clone(&inputs.catalog));
        let reckoned = self
            .compute(move |_| {
                let reckoned = gathered.iter();
                let reckoned = reckoned.map(|(account, basis)| (*account, reckon(basis, &catalog)));
                reckoned.collect::<BTreeMap<_, _>>()
            })
            .await?;
        let on_tags = self.spent_on_tags(inputs, &bases, records, &of).await;
        let spent = records.iter().zip(of).map(|(record, of)| {
            let nothing = Money::zero(record.budget.amount.currency());
            if !is_owners(record) {
                return Err(not_read(record.budget.of));
            }
            let Some((account, only)) = of else {
                return Ok(nothing);
            };
            match (&record.budget.tag, reckoned.get(&account)) {
                (Some(tag), _) => {
                    let known = on_tags.get(&(account, only)).and_then(|tags| tags.get(tag));
                    known.cloned().unwrap_or(Ok(nothing))
                }
                (None, None) => Ok(nothing),
                (None, Some(Ok(reckoning))) => budget::spent(reckoning, only).map_err(Error::from),
                (None, Some(Err(error))) => Err(Error::from(*error)),
            }
        });
        Ok(spent.collect())
    }

    /// What each spender has spent on each of the tags that its budgets have. The usage of one is read once for all of
    /// its tags, however many budgets there are.
    async fn spent_on_tags(
        &self,
        inputs: &Inputs,
        bases: &Bases,
        records: &[BudgetRecord],
        of: &[Option<Spender>],
    ) -> BTreeMap<Spender, BTreeMap<Tag, Result<Money, Error>>> {
        let mut asked: BTreeMap<Spender, BTreeSet<Tag>> = BTreeMap::new();
        for (record, of) in records.iter().zip(of) {
            if let (Some(spender), Some(tag)) = (of, &record.budget.tag) {
                asked.entry(*spender).or_default().insert(tag.clone());
            }
        }
        let mut spent = BTreeMap::new();
        for (spender, tags) in asked {
            let Some(basis) = bases.get(&spender.0) else {
                continue;
            };
            let tags: Vec<Tag> = tags.into_iter().collect();
            let amounts = self.spent_on(inputs, usage_of(basis, spender.1), &tags).await;
            let amounts = amounts.unwrap_or_else(|error| vec![Err(error); tags.len()]);
            spent.insert(spender, tags.into_iter().zip(amounts).collect());
        }
        spent
    }
}

/// A basis with the usage that one subscription pays for, or with all of it.
fn usage_of(basis: &Basis, only: Option<SubscriptionId>) -> Basis {
    let mut usage = Basis::nothing(basis.account, basis.period);
    let sections = basis.sections.iter();
    let wanted = sections.filter(|(subscription, _)| only.is_none_or(|only| only == **subscription));
    usage.sections = wanted
        .map(|(subscription, section)| (*subscription, section.clone()))
        .collect();
    usage
}
