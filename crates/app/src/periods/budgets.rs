//! Budgets: who sets and reads them, what was spent of them so far, and that others are told.

mod looking;
mod sides;
mod spending;
mod tagged;
mod telling;

use domain::books::{Books, BudgetRecord, BudgetRefused};
use domain::budget::{Budget, BudgetAsked, BudgetKey, BudgetName, BudgetOf, BudgetOwner};
use domain::chain::Account;
use domain::ids::SubscriptionId;
use domain::money::Money;
use domain::time::Period;

use self::sides::Sides;
use crate::access::Caller;
use crate::accounts::Created;
use crate::{App, Error};

pub use looking::BudgetWatch;
pub(crate) use tagged::PIECES_MAX;

/// What lets somebody set and remove the budgets of a subscription: Azure's own action for that, which Owners and
/// Contributors have.
pub const WRITE_BUDGETS: &str = "Microsoft.Consumption/budgets/write";

/// A budget and how far it is in the running month.
#[derive(Debug, Clone)]
pub struct BudgetView {
    /// The budget, with what was reached of it.
    pub record: BudgetRecord,
    /// The running month.
    pub period: Period,
    /// What was spent in it so far, or why that cannot be said: that of one budget keeps nobody else's back.
    pub spent: Result<Money, Error>,
}

impl App {
    /// Sets a budget of the caller's side: a new one, or another amount, other thresholds or another first month of one
    /// that is there. An act of the agents of who sells and of who buys, for their partner; for a subscription, of those
    /// who may write budgets there and read what it is charged; for the platform, of its operators.
    ///
    /// # Errors
    /// `AccountNotFound` or `SubscriptionNotFound` if the caller does not read what it is of, `AuthorizationFailed`,
    /// `BudgetOwnerRequired` if the caller is on several sides and names none, [`BudgetRefused`], or as the store. Of a
    /// budget that was set, what keeps it from being reckoned is in the view.
    pub async fn set_budget(
        &self,
        caller: &Caller,
        asked: BudgetAsked,
    ) -> Result<(Created, BudgetView), Error> {
        let this_month = self.this_hour().period();
        let (created, key) = self
            .change(caller, |books| {
                let owner = Sides::of(books, caller).that_sets(books, &asked)?;
                let key = BudgetKey {
                    name: asked.name.clone(),
                    owner,
                };
                let known = books.budgets().get(&key);
                let budget = asked.from_month(known.map_or(this_month, |known| known.budget.from));
                let entry = books.set_budget(owner, &budget)?;
                Ok((
                    entry.into_iter().collect(),
                    (Created::from(known.is_none()), key.clone()),
                ))
            })
            .await?;
        let record = self.read(|books| books.budgets().get(&key).cloned());
        let record = record.ok_or(BudgetRefused::Unknown(key.name))?;
        // It is set, whatever keeps it from being reckoned.
        let view = self.viewed(caller, vec![record.clone()]).await;
        let spent = view.map(|mut views| views.pop().map(|view| view.spent));
        let nothing = Money::zero(record.budget.amount.currency());
        let view = BudgetView {
            spent: spent.and_then(|spent| spent.unwrap_or(Ok(nothing))),
            period: this_month,
            record,
        };
        Ok((created, view))
    }

    /// Removes a budget, with what was reached of it. For those who may set it; the platform's operators remove others',
    /// too, if they say whose: of an owner that is gone nobody else could.
    ///
    /// # Errors
    /// `BudgetNotFound`, `BudgetOwnerRequired`, `AuthorizationFailed`, or as the store.
    pub async fn remove_budget(
        &self,
        caller: &Caller,
        name: &BudgetName,
        owner: Option<BudgetOwner>,
    ) -> Result<(), Error> {
        self.change(caller, |books| {
            let sides = Sides::of(books, caller);
            let known = sides.known(books, name, owner)?;
            sides.demand_removing(books, known, owner)?;
            Ok((vec![books.remove_budget(&known.key())?], ()))
        })
        .await
    }

    /// A budget and how far it is. For those on its owner's side, and for the platform's operators. Without an owner it is
    /// the only one of this name on a side of the caller's.
    ///
    /// # Errors
    /// `BudgetNotFound`, `BudgetOwnerRequired`, `TooManyReckonings`, or as the store.
    pub async fn budget(
        &self,
        caller: &Caller,
        name: &BudgetName,
        owner: Option<BudgetOwner>,
    ) -> Result<BudgetView, Error> {
        let record = self.read(|books| Sides::of(books, caller).known(books, name, owner).cloned())?;
        let view = self.viewed(caller, vec![record]).await?.pop();
        view.ok_or_else(|| BudgetRefused::Unknown(name.clone()).into())
    }

    /// The budgets of the caller's sides, by name and then by owner, and how far they are: those after `after`, `limit` at
    /// the most. What was spent of others is not reckoned.
    ///
    /// # Errors
    /// `TooManyReckonings`, or as the store.
    pub async fn budgets(
        &self,
        caller: &Caller,
        after: Option<&BudgetKey>,
        limit: usize,
    ) -> Result<Vec<BudgetView>, Error> {
        let records = self.read(|books| {
            let sides = Sides::of(books, caller);
            let after = books.budgets().after(after);
            let read = after.filter(|record| sides.read(books, record.owner));
            read.take(limit).cloned().collect()
        });
        self.viewed(caller, records).await
    }

    /// The name of the partner or the subscription whose budgets these are.
    #[must_use]
    pub fn budget_owner_name(&self, owner: BudgetOwner) -> Option<String> {
        self.read(|books| match owner {
            BudgetOwner::Platform => None,
            BudgetOwner::Partner(id) => books.partner_ever(id).map(|it| it.name.clone()),
            BudgetOwner::Subscription(id) => books.subscription_ever(id).map(|it| it.name.clone()),
        })
    }

    async fn viewed(&self, caller: &Caller, records: Vec<BudgetRecord>) -> Result<Vec<BudgetView>, Error> {
        let period = self.this_hour().period();
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let app = self.place_to_reckon(caller).await?;
        let inputs = app.inputs_so_far().await?;
        let spent = app.spent(&inputs, period, &records).await?;
        let views = records.into_iter().zip(spent);
        Ok(views
            .map(|(record, spent)| BudgetView {
                record,
                period,
                spent,
            })
            .collect())
    }
}

/// The account that a budget is of, and the subscription if it is of one alone.
fn account_of(books: &Books, budget: &Budget) -> Option<(Account, Option<SubscriptionId>)> {
    let account = Account::new(books.budgeted_sale(budget.of)?, budget.amount.currency());
    match budget.of {
        BudgetOf::Sale(_) => Some((account, None)),
        BudgetOf::Subscription(subscription) => Some((account, Some(subscription))),
    }
}
