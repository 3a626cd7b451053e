//! On which sides of a sale somebody is: whose budgets they read, set and remove.
//!
//! Whoever sells a subscription has Azure's rights on it, too. What its buyer sets there is the buyer's all the same: on a
//! subscription's side is who has something to say there by itself, and not for acting for who sells.

use std::collections::BTreeSet;

use domain::authorization::Scope;
use domain::books::{Books, BudgetRecord, BudgetRefused};
use domain::budget::{BudgetAsked, BudgetName, BudgetOf, BudgetOwner};
use domain::chain::{Account, Buyer, Link, Seller};
use domain::ids::SubscriptionId;
use domain::money::Currency;

use super::WRITE_BUDGETS;
use crate::access::{Caller, View, agents_only, authorization_failed, operators_only, view_of, view_within};
use crate::accounts::subscription_not_found;
use crate::bills::reads_charges;
use crate::periods::terms::reads_account;
use crate::{Error, Kind};

/// The sides that a caller is on.
pub(super) struct Sides<'a> {
    caller: &'a Caller,
    view: View,
    /// What the caller sees without acting for any partner.
    by_itself: View,
}

impl<'a> Sides<'a> {
    pub(super) fn of(books: &Books, caller: &'a Caller) -> Self {
        let view = view_of(books, caller);
        let by_itself = by_itself(view.clone());
        Self {
            caller,
            view,
            by_itself,
        }
    }

    /// Whether the caller reads the budgets of an owner: its own side's, and an operator everybody's.
    pub(super) fn read(&self, books: &Books, owner: BudgetOwner) -> bool {
        self.view.everything || self.include(books, owner)
    }

    fn include(&self, books: &Books, owner: BudgetOwner) -> bool {
        match owner {
            BudgetOwner::Platform => self.view.everything,
            BudgetOwner::Partner(partner) => self.view.agent_of.contains(&partner),
            BudgetOwner::Subscription(subscription) => reads_charges(books, &self.by_itself, subscription),
        }
    }

    /// Whether the caller sets budgets for an owner.
    fn set_for(&self, books: &Books, owner: BudgetOwner) -> bool {
        let BudgetOwner::Subscription(subscription) = owner else {
            return self.include(books, owner);
        };
        let within = by_itself(view_within(books, self.caller, subscription));
        let known = books.subscription(subscription);
        let scope = Scope::Subscription(subscription);
        self.include(books, owner) && within.allows(WRITE_BUDGETS, &scope, known)
    }

    /// For whom the caller sets a budget: for the owner that it names, or else for the only side that it is on.
    pub(super) fn that_sets(&self, books: &Books, asked: &BudgetAsked) -> Result<BudgetOwner, Error> {
        let of = asked.of;
        if !self.read_what_it_is_of(books, of) || is_gone(books, of) {
            return Err(not_read(of));
        }
        let sides: Vec<BudgetOwner> = sides_of(books, of)
            .into_iter()
            .filter(|side| self.set_for(books, *side))
            .collect();
        match (asked.owner, &*sides) {
            (_, []) => Err(self.refusal(books, of)),
            (None, [side]) => Ok(*side),
            (None, several) => Err(owner_required(&asked.name, several.iter().copied())),
            (Some(owner), several) if several.contains(&owner) => Ok(owner),
            (Some(owner), several) => {
                let message = format!(
                    "You set no budgets of this for {owner}. Name as its owner: {}.",
                    listed(several.iter().copied())
                );
                Err(Error::new(Kind::Forbidden, "AuthorizationFailed", message).about("owner"))
            }
        }
    }

    /// The budget of a name: of the owner that is named, or else the only one on the caller's sides. An operator's own
    /// comes before others'.
    pub(super) fn known<'b>(
        &self,
        books: &'b Books,
        name: &BudgetName,
        owner: Option<BudgetOwner>,
    ) -> Result<&'b BudgetRecord, Error> {
        let named = books.budgets().named(name);
        let asked = named.filter(|record| owner.is_none_or(|owner| record.owner == owner));
        let read: Vec<&BudgetRecord> = asked.filter(|record| self.read(books, record.owner)).collect();
        let theirs = read.iter().filter(|record| self.include(books, record.owner));
        let theirs: Vec<&BudgetRecord> = theirs.copied().collect();
        match (&*theirs, &*read) {
            (&[one], _) | (&[], &[one]) => Ok(one),
            (&[], &[]) => Err(BudgetRefused::Unknown(name.clone()).into()),
            (&[], several) | (several, _) => {
                Err(owner_required(name, several.iter().map(|record| record.owner)))
            }
        }
    }

    /// Nothing, if the caller removes a budget that it reads, having named this owner.
    pub(super) fn demand_removing(
        &self,
        books: &Books,
        known: &BudgetRecord,
        named: Option<BudgetOwner>,
    ) -> Result<(), Error> {
        if self.set_for(books, known.owner) || (self.view.everything && named.is_some()) {
            return Ok(());
        }
        match (self.caller, known.owner) {
            (Caller::Principal(principal), BudgetOwner::Subscription(subscription))
                if !self.view.everything =>
            {
                let scope = Scope::Subscription(subscription);
                Err(authorization_failed(principal, WRITE_BUDGETS, &scope))
            }
            // What somebody else's budget is called is not enough to remove it.
            (_, owner) => Err(owner_required(&known.budget.name, [owner].into_iter())),
        }
    }

    fn read_what_it_is_of(&self, books: &Books, of: BudgetOf) -> bool {
        let alone = match of {
            BudgetOf::Sale(_) => false,
            BudgetOf::Subscription(subscription) => reads_charges(books, &self.view, subscription),
        };
        let sale = |link| reads_account(books, &self.view, Account::new(link, Currency::NONE));
        self.view.everything || alone || books.budgeted_sale(of).is_some_and(sale)
    }

    /// What somebody is told who reads what a budget would be of, and sets none.
    fn refusal(&self, books: &Books, of: BudgetOf) -> Error {
        let Caller::Principal(principal) = self.caller else {
            return not_read(of);
        };
        match buyer_of(books, of) {
            (Some(subscription), _) => {
                authorization_failed(principal, WRITE_BUDGETS, &Scope::Subscription(subscription))
            }
            (None, Some(_)) => agents_only(principal),
            (None, None) => operators_only(principal),
        }
    }
}

/// The same without acting for anybody.
fn by_itself(view: View) -> View {
    View {
        everything: false,
        agent_of: BTreeSet::new(),
        resellers: BTreeSet::new(),
        ..view
    }
}

/// The subscription that buys what a budget is of or that it is of, if any, and the sale.
fn buyer_of(books: &Books, of: BudgetOf) -> (Option<SubscriptionId>, Option<Link>) {
    let sale = books.budgeted_sale(of);
    let subscription = match (of, sale.map(|sale| sale.buyer)) {
        (BudgetOf::Subscription(id), _) | (_, Some(Buyer::Subscription(id))) => Some(id),
        _ => None,
    };
    (subscription, sale)
}

/// Everybody who may have a budget of this.
fn sides_of(books: &Books, of: BudgetOf) -> BTreeSet<BudgetOwner> {
    let (subscription, sale) = buyer_of(books, of);
    let seller = sale.and_then(|sale| match sale.seller {
        Seller::Platform => None,
        Seller::Partner(partner) => Some(BudgetOwner::Partner(partner)),
    });
    let buyer = sale.map(|sale| BudgetOwner::from(sale.buyer));
    let subscription = subscription.map(BudgetOwner::Subscription);
    let sides = [Some(BudgetOwner::Platform), seller, buyer, subscription];
    sides.into_iter().flatten().collect()
}

fn listed(owners: impl Iterator<Item = BudgetOwner>) -> String {
    let owners: Vec<String> = owners.map(|owner| owner.to_string()).collect();
    owners.join(", ")
}

/// What somebody is told who would have to say whose budget is meant.
fn owner_required(name: &BudgetName, owners: impl Iterator<Item = BudgetOwner>) -> Error {
    let message = format!("Say whose budget '{name}' is meant (owner): {}.", listed(owners));
    Error::new(Kind::Invalid, "BudgetOwnerRequired", message).about("owner")
}

/// Whether it is of a subscription that is not there, or not any more.
fn is_gone(books: &Books, of: BudgetOf) -> bool {
    matches!(of, BudgetOf::Subscription(id) if books.subscription(id).is_none())
}

/// What somebody is told who sets a budget of what they do not read, or what is not there.
pub(super) fn not_read(of: BudgetOf) -> Error {
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
