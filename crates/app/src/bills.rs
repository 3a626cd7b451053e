//! Statements at any moment, and the check that every law holds.

mod charged;
mod check;
mod names;

use std::collections::BTreeMap;

use domain::attribution::StackHistory;
use domain::authorization::{READ_USAGE, Scope};
use domain::books::Books;
use domain::ids::SubscriptionId;
use domain::money::Money;
use domain::statement::{ChargedUsage, Statement, amounts_of};
use domain::time::Period;
use domain::timeline::Timeline;
use store::{Slice, SliceSum};

use crate::access::{Caller, View, demand, view_of};
use crate::accounts::subscription_not_found;
use crate::{App, Error, Kind};

use charged::{Charged, Payer, charged_usage};
pub(crate) use charged::{TWO_CURRENCIES, attributions};
pub use check::LawCheck;
pub(crate) use names::{customer_name, stack_name};

/// The statement of a subscription that is charged in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedStatement {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// Its statement, or why none can be drawn up: that of one payer keeps nobody else's back.
    pub statement: Result<Statement, Error>,
}

impl App {
    /// The statement of a subscription for a period, as of now.
    ///
    /// # Errors
    /// `SubscriptionNotFound`, `AuthorizationFailed`, `StatementOfReseller`, `PriceListsInTwoCurrencies`, or as the store.
    pub async fn statement(
        &self,
        caller: &Caller,
        subscription: SubscriptionId,
        period: Period,
    ) -> Result<Statement, Error> {
        self.read(|books| demand_charges(books, caller, subscription))?;
        let (payer, usage) = self.charged_to(subscription, period).await?;
        self.compute(move |app| payer.draw_up(&app.catalog, period, &usage))
            .await?
    }

    /// What a subscription pays with, and everything it is charged for in a period.
    async fn charged_to(
        &self,
        subscription: SubscriptionId,
        period: Period,
    ) -> Result<(Payer, Vec<ChargedUsage>), Error> {
        let within = period.interval();
        let (payer, stacks) = self.read(|books| {
            let payer = books
                .subscription_ever(subscription)
                .ok_or_else(|| subscription_not_found(&subscription.to_string()))?;
            let charged = books
                .stacks()
                .filter(|(_, history)| may_charge(history, subscription));
            let stacks: Vec<_> = charged.map(|(stack, _)| stack).collect();
            Ok::<_, Error>((Payer::of(books, payer, period), stacks))
        })?;
        let mut users = Vec::new();
        for stack in stacks {
            users.extend(self.usage.local_subscriptions(Some(stack), within).await?);
        }
        let (payer, charged) = self
            .compute(move |app| {
                let mut by_payer = app.charges(&users, within, |_, id| id == subscription);
                let charged = by_payer.remove(&subscription).unwrap_or_default();
                let charged = payer.cut(charged);
                (payer, charged)
            })
            .await?;
        let sums = self.sums(&charged).await?;
        let usage = sums
            .iter()
            .filter_map(|sum| charged_usage(charged.get(sum.slice)?, sum));
        Ok((payer, usage.collect()))
    }

    /// The statements that the caller may read of the subscriptions that are charged in a period, by subscription: those
    /// after `after`, `limit` at the most. Only these are rated.
    ///
    /// # Errors
    /// As the store. That no statement can be drawn up for a subscription is no error but in its place.
    pub async fn statements(
        &self,
        caller: &Caller,
        period: Period,
        after: Option<SubscriptionId>,
        limit: usize,
    ) -> Result<Vec<ListedStatement>, Error> {
        let within = period.interval();
        let view = self.view(caller);
        let users = self.usage.local_subscriptions(None, within).await?;
        let wanted = move |books: &Books, payer: SubscriptionId| {
            after.is_none_or(|after| payer > after) && reads_charges(books, &view, payer)
        };
        let by_payer = self
            .compute(move |app| app.charges(&users, within, wanted))
            .await?;
        let mut later = by_payer.into_iter();
        let mut statements = Vec::new();
        // Not everybody who might be charged used anything: it can take more of them than fit on a page.
        while statements.len() < limit {
            let some: Vec<_> = later.by_ref().take(limit).collect();
            if some.is_empty() {
                break;
            }
            statements.extend(self.statements_of(some, period).await?);
        }
        statements.truncate(limit);
        Ok(statements)
    }

    /// The statements of those of some payers, in order, that used anything.
    async fn statements_of(
        &self,
        payers: Vec<(SubscriptionId, Vec<Charged>)>,
        period: Period,
    ) -> Result<Vec<ListedStatement>, Error> {
        let (payers, charged) = self.compute(move |app| app.cut_by_payer(payers, period)).await?;
        let sums = self.sums(&charged).await?;
        self.compute(move |app| {
            let mut usage: BTreeMap<SubscriptionId, Vec<ChargedUsage>> = BTreeMap::new();
            for sum in &sums {
                if let Some(charged) = charged.get(sum.slice) {
                    let of_payer = usage.entry(charged.payer).or_default();
                    of_payer.extend(charged_usage(charged, sum));
                }
            }
            let payers = payers
                .iter()
                .filter_map(|payer| Some((payer, usage.get(&payer.subscription)?)));
            let statements = payers.map(|(payer, usage)| ListedStatement {
                subscription: payer.subscription,
                statement: payer.draw_up(&app.catalog, period, usage),
            });
            statements.collect()
        })
        .await
    }

    /// These payers with their prices, and what they are charged for, cut where their prices change.
    fn cut_by_payer(
        &self,
        payers: Vec<(SubscriptionId, Vec<Charged>)>,
        period: Period,
    ) -> (Vec<Payer>, Vec<Charged>) {
        let (mut known, mut cut) = (Vec::new(), Vec::new());
        for (id, charged) in payers {
            let payer = self.read(|books| Some(Payer::of(books, books.subscription_ever(id)?, period)));
            if let Some(payer) = payer {
                cut.extend(payer.cut(charged));
                known.push(payer);
            }
        }
        (known, cut)
    }

    /// What each piece of a subscription's usage in a period adds to its statement: nothing where it is not charged.
    ///
    /// # Errors
    /// As [`App::statement`].
    pub(crate) async fn charges_of(
        &self,
        subscription: SubscriptionId,
        period: Period,
    ) -> Result<Vec<(ChargedUsage, Option<Money>)>, Error> {
        let (payer, usage) = self.charged_to(subscription, period).await?;
        self.compute(move |app| {
            let statement = payer.draw_up(&app.catalog, period, &usage)?;
            let amounts = amounts_of(&statement, &app.catalog, &payer.tariff, &usage)?;
            Ok(usage.into_iter().zip(amounts).collect())
        })
        .await?
    }

    async fn sums(&self, charged: &[Charged]) -> Result<Vec<SliceSum>, Error> {
        let slices: Vec<Slice> = charged.iter().map(|charged| charged.slice).collect();
        Ok(self.usage.sums(&slices).await?)
    }
}

/// Whether whoever has this view reads what a subscription used.
pub(crate) fn reads_usage(books: &Books, view: &View, payer: SubscriptionId) -> bool {
    match books.subscription(payer) {
        Some(payer) => view.reads_usage(payer),
        None => reads_former(books, view, payer),
    }
}

/// Whether whoever has this view reads what a subscription is charged.
pub(crate) fn reads_charges(books: &Books, view: &View, payer: SubscriptionId) -> bool {
    match books.subscription(payer) {
        Some(payer) => view.reads_charges(payer),
        None => reads_former(books, view, payer),
    }
}

fn reads_former(books: &Books, view: &View, payer: SubscriptionId) -> bool {
    let former = books.subscription_ever(payer);
    former.is_some_and(|payer| view.reads_former(payer))
}

/// Whether the caller reads the statements of a subscription.
fn demand_charges(books: &Books, caller: &Caller, id: SubscriptionId) -> Result<(), Error> {
    let view = view_of(books, caller);
    if reads_charges(books, &view, id) {
        return Ok(());
    }
    demand(books, caller, READ_USAGE, &Scope::Subscription(id))?;
    match books.subscription(id) {
        Some(_) => Err(statement_of_reseller(id)),
        None => Err(subscription_not_found(&id.to_string())),
    }
}

/// What a provider is told who asks for what its reseller charges.
pub(crate) fn statement_of_reseller(id: SubscriptionId) -> Error {
    let message = format!(
        "What subscription {id} is charged is between the reseller that sells it and the customer that buys it. You act \
         for the reseller's provider, and read what was used: GET \
         /api/v1/stacks/{{cloudId}}/usage?localSubscriptionId={{id}}, for each local subscription of the stack that is \
         charged to it."
    );
    Error::new(Kind::Forbidden, "StatementOfReseller", message)
}

/// Whether a stack's usage was ever charged to a subscription.
fn may_charge(history: &StackHistory, subscription: SubscriptionId) -> bool {
    let registrations = history.registration.assertions().iter().filter_map(|it| it.value);
    let mappings = history.mappings.values().flat_map(Timeline::assertions);
    registrations
        .map(|terms| terms.default_subscription)
        .any(|it| it == subscription)
        || mappings.filter_map(|it| it.value).any(|it| it == subscription)
}
