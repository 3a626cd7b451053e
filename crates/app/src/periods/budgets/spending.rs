//! What was spent of budgets in a month.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use domain::books::BudgetRecord;
use domain::budget::{self, Tag};
use domain::chain::Account;
use domain::ids::{LocalMeterId, SubscriptionId};
use domain::money::Money;
use domain::quantity::QuantitySum;
use domain::reckoning::{Basis, reckon};
use domain::time::{Hour, HourInterval, Period};

use super::account_of;
use super::sides::not_read;
use crate::periods::gathering::{Inputs, Wanted};
use crate::periods::papers::charts::{Stretch, charged, piece, slices, stretches};
use crate::{App, Error, Kind};

/// The most pieces into which usage is cut where resources get a tag or lose it. Nobody sets tags so often.
const PIECES_MAX: usize = 100_000;

/// The hours in which a resource carries a tag, by the place of its stretch, its meter and its id.
type Carried = HashMap<(usize, LocalMeterId, Arc<str>), Vec<HourInterval>>;

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
        let of: Vec<Option<(Account, Option<SubscriptionId>)>> = records
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
        let mut spent = Vec::new();
        for (record, of) in records.iter().zip(of) {
            let budget = &record.budget;
            if !is_owners(record) {
                spent.push(Err(not_read(budget.of)));
                continue;
            }
            let known = of.and_then(|(account, only)| {
                let basis = bases.get(&account)?;
                Some((basis, reckoned.get(&account)?, only))
            });
            spent.push(match (known, &budget.tag) {
                (None, _) => Ok(Money::zero(budget.amount.currency())),
                (Some((_, reckoning, only)), None) => match reckoning {
                    Ok(reckoning) => budget::spent(reckoning, only).map_err(Error::from),
                    Err(error) => Err(Error::from(*error)),
                },
                (Some((basis, _, only)), Some(tag)) => self.spent_on(inputs, basis, only, tag).await,
            });
        }
        Ok(spent)
    }

    /// What of the usage of an account, or of one subscription in it, is charged for resources with a tag: the amounts
    /// of its lines are split between what carries the tag and what does not in proportion to quantities, so that both
    /// sum to the lines.
    async fn spent_on(
        &self,
        inputs: &Inputs,
        basis: &Basis,
        only: Option<SubscriptionId>,
        tag: &Tag,
    ) -> Result<Money, Error> {
        let mut basis = basis.clone();
        basis
            .sections
            .retain(|subscription, _| only.is_none_or(|only| only == *subscription));
        let stretches = stretches(&basis);
        let whole: Vec<&Stretch> = stretches.values().collect();
        let asked = slices(whole.iter().map(|it| (*it, it.used.interval)));
        let mut cuts: Vec<BTreeSet<Hour>> = vec![BTreeSet::new(); whole.len()];
        let mut carried = Carried::new();
        for tagged in self.usage.tagged_hours(&asked, tag).await? {
            if let Some(cuts) = cuts.get_mut(tagged.slice) {
                cuts.extend([tagged.hours.start(), tagged.hours.end()]);
            }
            let series = (tagged.slice, tagged.local_meter, tagged.resource_uri);
            carried.entry(series).or_default().push(tagged.hours);
        }
        if carried.is_empty() {
            return Ok(Money::zero(basis.account.currency));
        }
        let parts: Vec<(usize, HourInterval)> = whole
            .iter()
            .zip(&cuts)
            .enumerate()
            .flat_map(|(place, (stretch, cuts))| {
                let parts = stretch.used.interval.split_at(cuts.iter().copied());
                parts.into_iter().map(move |interval| (place, interval))
            })
            .collect();
        if parts.len() > PIECES_MAX {
            let message = format!(
                "Resources get the tag {tag} or lose it so often that their usage would be cut into {} pieces; \
                 {PIECES_MAX} are the most. Choose a tag that stays, or a budget of one subscription.",
                parts.len()
            );
            return Err(Error::new(Kind::Conflict, "BudgetTagScattered", message));
        }
        let of_part = parts
            .iter()
            .filter_map(|(place, interval)| Some((*whole.get(*place)?, *interval)));
        let sums = self
            .usage
            .resource_sums_at(&slices(of_part), &inputs.marks)
            .await?;
        let mut split: BTreeMap<(usize, LocalMeterId, bool), QuantitySum> = BTreeMap::new();
        for sum in sums {
            let Some((place, interval)) = parts.get(sum.slice).copied() else {
                continue;
            };
            let hours = carried.get(&(place, sum.local_meter, sum.resource_uri));
            let carries = hours.is_some_and(|hours| hours.iter().any(|it| it.contains(interval.start())));
            let quantity = split.entry((sum.slice, sum.local_meter, carries)).or_default();
            quantity.add(&sum.quantity);
        }
        let pieces = split
            .into_iter()
            .filter_map(|((part, meter, carries), quantity)| {
                let (place, interval) = parts.get(part)?;
                Some(piece(whole.get(*place)?, *interval, meter, quantity, carries))
            });
        let pieces: Vec<_> = pieces.collect();
        let inputs = inputs.clone();
        self.compute(move |_| {
            let nothing = Money::zero(basis.account.currency);
            let amounts = charged(&basis, &inputs, pieces)?;
            Ok(amounts.get(&true).copied().unwrap_or(nothing))
        })
        .await?
    }
}
