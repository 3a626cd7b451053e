//! Budgets: who sets and reads them, what was spent of them so far, and that others are told.

mod spending;
mod telling;

use domain::authorization::Scope;
use domain::books::{Books, BudgetRecord, BudgetRefused};
use domain::budget::{Budget, BudgetName, BudgetOf};
use domain::chain::{Account, Buyer, Link, Seller};
use domain::ids::{PartnerId, SubscriptionId};
use domain::money::Money;
use domain::time::Period;

use super::terms::reads_account;
use crate::access::{Caller, View, agents_only, authorization_failed, operators_only, view_of, view_within};
use crate::accounts::{Created, subscription_not_found};
use crate::bills::reads_charges;
use crate::{App, Error, Kind};

pub use telling::BudgetWatch;

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
    /// Sets a budget: a new one, or another amount, other thresholds or another first month of one that is there. An act
    /// of the agents of who sells and of who buys; of a subscription also of those who may write budgets there and read
    /// what it is charged.
    ///
    /// # Errors
    /// `AccountNotFound` or `SubscriptionNotFound` if the caller does not read what it is of, `AuthorizationFailed`,
    /// `BudgetNameTaken`, [`BudgetRefused`], or as the store.
    pub async fn set_budget(&self, caller: &Caller, budget: Budget) -> Result<(Created, BudgetView), Error> {
        let created = self
            .change(caller, |books| {
                let view = view_of(books, caller);
                if !reads(books, &view, budget.of) || is_gone(books, budget.of) {
                    return Err(not_read(budget.of));
                }
                demand_writing(books, caller, budget.of)?;
                let known = books.budgets().get(&budget.name);
                if known.is_some_and(|known| !reads(books, &view, known.budget.of)) {
                    let message = format!("The name '{}' is taken. Choose another one.", budget.name);
                    return Err(Error::new(Kind::Conflict, "BudgetNameTaken", message).about("name"));
                }
                let created = Created::from(known.is_none());
                let entry = books.set_budget(&budget)?;
                Ok((entry.into_iter().collect(), created))
            })
            .await?;
        Ok((created, self.budget(caller, &budget.name).await?))
    }

    /// Removes a budget, with what was reached of it. For those who may set it.
    ///
    /// # Errors
    /// `BudgetNotFound`, `AuthorizationFailed`, or as the store.
    pub async fn remove_budget(&self, caller: &Caller, name: &BudgetName) -> Result<(), Error> {
        self.change(caller, |books| {
            let known = known(books, caller, name)?;
            demand_writing(books, caller, known.budget.of)?;
            Ok((vec![books.remove_budget(name)?], ()))
        })
        .await
    }

    /// A budget and how far it is. For those who read what it is of.
    ///
    /// # Errors
    /// `BudgetNotFound`, or as the store.
    pub async fn budget(&self, caller: &Caller, name: &BudgetName) -> Result<BudgetView, Error> {
        let record = self.read(|books| known(books, caller, name).cloned())?;
        let view = self.viewed(vec![record]).await?.pop();
        view.ok_or_else(|| BudgetRefused::Unknown(name.clone()).into())
    }

    /// The budgets of what the caller reads, by name, and how far they are: those after `after`, `limit` at the most.
    /// What was spent of others is not reckoned.
    ///
    /// # Errors
    /// As the store.
    pub async fn budgets(
        &self,
        caller: &Caller,
        after: Option<&BudgetName>,
        limit: usize,
    ) -> Result<Vec<BudgetView>, Error> {
        let records = self.read(|books| {
            let view = view_of(books, caller);
            let all = books.budgets().all();
            let after = all.filter(|record| after.is_none_or(|after| record.budget.name > *after));
            let read = after.filter(|record| reads(books, &view, record.budget.of));
            read.take(limit).cloned().collect()
        });
        self.viewed(records).await
    }

    /// The first month of a budget that the caller reads, and the running month where there is none.
    #[must_use]
    pub fn first_month_of_budget(&self, caller: &Caller, name: &BudgetName) -> Period {
        let from = self.read(|books| known(books, caller, name).map(|record| record.budget.from));
        from.unwrap_or_else(|_| self.this_hour().period())
    }

    async fn viewed(&self, records: Vec<BudgetRecord>) -> Result<Vec<BudgetView>, Error> {
        let period = self.this_hour().period();
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let inputs = self.inputs_so_far().await?;
        let budgets: Vec<Budget> = records.iter().map(|record| record.budget.clone()).collect();
        let spent = self.spent(&inputs, period, &budgets).await?;
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

fn known<'b>(books: &'b Books, caller: &Caller, name: &BudgetName) -> Result<&'b BudgetRecord, Error> {
    let view = view_of(books, caller);
    let known = books.budgets().get(name);
    let known = known.filter(|record| reads(books, &view, record.budget.of));
    known.ok_or_else(|| BudgetRefused::Unknown(name.clone()).into())
}

/// The last sale of a subscription's chain: whoever buys there pays for it in the end.
fn last_sale(books: &Books, subscription: SubscriptionId) -> Option<Link> {
    let subscription = books.subscription_ever(subscription)?;
    books.chain_of(subscription).last().copied()
}

fn sale(books: &Books, of: BudgetOf) -> Option<Link> {
    match of {
        BudgetOf::Sale(link) => Some(link),
        BudgetOf::Subscription(subscription) => last_sale(books, subscription),
    }
}

/// The account that a budget is of, and the subscription if it is of one alone.
fn account_of(books: &Books, budget: &Budget) -> Option<(Account, Option<SubscriptionId>)> {
    let account = Account::new(sale(books, budget.of)?, budget.amount.currency());
    match budget.of {
        BudgetOf::Sale(_) => Some((account, None)),
        BudgetOf::Subscription(subscription) => Some((account, Some(subscription))),
    }
}

/// The partner whose business a budget is: that buys, and otherwise that sells. Its webhooks are told.
fn partner_of(books: &Books, of: BudgetOf) -> Option<PartnerId> {
    let link = sale(books, of)?;
    match (link.buyer, link.seller) {
        (Buyer::Partner(partner), _) | (_, Seller::Partner(partner)) => Some(partner),
        (Buyer::Subscription(_), Seller::Platform) => None,
    }
}

/// Whether whoever has this view reads what a budget of this would be of.
fn reads(books: &Books, view: &View, of: BudgetOf) -> bool {
    let by_itself = match of {
        BudgetOf::Sale(_) => false,
        BudgetOf::Subscription(subscription) => reads_charges(books, view, subscription),
    };
    let no_currency = domain::money::Currency::NONE;
    let reads_sale = |link| reads_account(books, view, Account::new(link, no_currency));
    view.everything || by_itself || sale(books, of).is_some_and(reads_sale)
}

/// Whether it is of a subscription that is not there, or not any more.
fn is_gone(books: &Books, of: BudgetOf) -> bool {
    matches!(of, BudgetOf::Subscription(id) if books.subscription(id).is_none())
}

/// What somebody is told who sets a budget of what they do not read, or what is not there.
fn not_read(of: BudgetOf) -> Error {
    match of {
        BudgetOf::Subscription(id) => subscription_not_found(&id.to_string()),
        BudgetOf::Sale(Link { seller, buyer }) => {
            let message = format!(
                "There are no bills of {seller} to {buyer} for you to read. Name a seller and a buyer of your invoices."
            );
            Error::not_found("AccountNotFound", message).about("buyer")
        }
    }
}

/// Nothing, if the caller sets budgets of this.
fn demand_writing(books: &Books, caller: &Caller, of: BudgetOf) -> Result<(), Error> {
    let principal = match caller {
        Caller::Operator { .. } => return Ok(()),
        Caller::Stack { .. } => return Err(not_read(of)),
        Caller::Principal(principal) => principal,
    };
    let view = view_of(books, caller);
    let link = sale(books, of);
    let acts = |partner: PartnerId| view.acts_for(partner);
    let trades = link.is_some_and(|link| {
        matches!(link.seller, Seller::Partner(seller) if acts(seller))
            || matches!(link.buyer, Buyer::Partner(buyer) if acts(buyer))
    });
    if view.everything || trades {
        return Ok(());
    }
    let subscription = match (of, link.map(|link| link.buyer)) {
        (BudgetOf::Subscription(id), _) | (_, Some(Buyer::Subscription(id))) => id,
        (_, Some(Buyer::Partner(_))) => return Err(agents_only(principal)),
        (_, None) => return Err(operators_only(principal)),
    };
    let scope = Scope::Subscription(subscription);
    let known = books.subscription(subscription);
    if view_within(books, caller, subscription).allows(WRITE_BUDGETS, &scope, known) {
        return Ok(());
    }
    Err(authorization_failed(principal, WRITE_BUDGETS, &scope))
}
