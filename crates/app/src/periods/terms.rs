//! What sellers and buyers agree on beside prices, and what else bills are reckoned by.

use domain::books::{Books, ExchangeRate, TermsVersion};
use domain::chain::{Account, Buyer, Seller};
use domain::ids::{CloudId, ObjectId};
use domain::money::Currency;
use domain::partner::Subscription;
use domain::quantity::Quantity;
use domain::terms::Terms;
use domain::time::{Hour, HourInterval, Period};

use crate::access::{Caller, Right, View, agents_only, view_of};
use crate::bills::reads_charges;
use crate::{App, Error};

/// Terms, and whose they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreedTerms {
    /// Who sells.
    pub seller: Seller,
    /// Who buys; none for all who buy.
    pub buyer: Option<Buyer>,
    /// The first period.
    pub from: Period,
    /// The terms, who entered them, and when.
    pub version: TermsVersion,
    /// Who entered them, for those who act for the seller: a buyer deals with the seller, and not with its people.
    pub set_by: Option<ObjectId>,
}

impl App {
    /// Sets what a seller and a buyer, or all its buyers, agreed on, from a period on. Of closed periods, what changes
    /// becomes corrections. An act of the seller's agents; of the platform's operators for all.
    ///
    /// # Errors
    /// `AuthorizationFailed`, [`PeriodRefused`](domain::books::PeriodRefused), or as the store.
    pub async fn set_terms(
        &self,
        caller: &Caller,
        seller: Seller,
        buyer: Option<Buyer>,
        terms: Terms,
        from: Period,
    ) -> Result<(), Error> {
        self.change(caller, |books| {
            self.demand_seller(books, caller, seller)?;
            let entry = books.set_terms(seller, buyer, terms.clone(), from)?;
            Ok((entry.into_iter().collect(), ()))
        })
        .await
    }

    /// Nothing, if the caller acts for a seller.
    pub(super) fn demand_seller(&self, books: &Books, caller: &Caller, seller: Seller) -> Result<(), Error> {
        match (seller, caller) {
            (Seller::Platform, _) => self.authorize(caller, Right::Operate),
            (Seller::Partner(partner), _) if view_of(books, caller).acts_for(partner) => Ok(()),
            (Seller::Partner(_), Caller::Principal(principal)) => Err(agents_only(principal)),
            (Seller::Partner(_), _) => self.authorize(caller, Right::SignedIn),
        }
    }

    /// The terms that the caller reads, by seller, buyer and first period: those of its sales and of what it buys.
    /// Terms for all buyers are read by their seller alone.
    #[must_use]
    pub fn terms(&self, caller: &Caller) -> Vec<AgreedTerms> {
        self.read(|books| {
            let view = view_of(books, caller);
            let all = books.periods().terms();
            let read = all.filter(|(seller, buyer, ..)| reads(books, &view, *seller, *buyer));
            let shown = read.map(|(seller, buyer, from, version)| AgreedTerms {
                seller,
                buyer,
                from,
                version: version.clone(),
                set_by: acts_for(&view, seller).then_some(version.recorded.by),
            });
            shown.collect()
        })
    }

    /// States how many cores a stack has in some hours, whatever its token says; none to go by the token again. An act
    /// of the platform's operators.
    ///
    /// # Errors
    /// `AuthorizationFailed`, [`PeriodRefused`](domain::books::PeriodRefused), or as the store.
    pub async fn state_cores(
        &self,
        caller: &Caller,
        stack: CloudId,
        cores: Option<u32>,
        valid: HourInterval,
    ) -> Result<(), Error> {
        self.authorize(caller, Right::Operate)?;
        self.change(caller, |books| {
            Ok((vec![books.state_cores(stack, cores, valid)?], ()))
        })
        .await
    }

    /// Sets what one unit of a currency is in another from an hour on. An act of the platform's operators.
    ///
    /// # Errors
    /// `AuthorizationFailed`, [`PeriodRefused`](domain::books::PeriodRefused), or as the store.
    pub async fn set_rate(
        &self,
        caller: &Caller,
        from: Currency,
        to: Currency,
        rate: Quantity,
        since: Hour,
    ) -> Result<(), Error> {
        self.authorize(caller, Right::Operate)?;
        self.change(caller, |books| {
            Ok((vec![books.set_rate(from, to, rate, since)?], ()))
        })
        .await
    }

    /// What units of currencies are in others, by currencies and first hour. For the platform's operators.
    ///
    /// # Errors
    /// `AuthorizationFailed`.
    pub fn rates(&self, caller: &Caller) -> Result<Vec<(Currency, Currency, ExchangeRate)>, Error> {
        self.authorize(caller, Right::Operate)?;
        Ok(self.read(|books| books.periods().rates().collect()))
    }
}

/// Whether whoever has this view acts for a seller.
pub(super) fn acts_for(view: &View, seller: Seller) -> bool {
    match seller {
        Seller::Platform => view.everything,
        Seller::Partner(partner) => view.acts_for(partner),
    }
}

fn reads(books: &Books, view: &View, seller: Seller, buyer: Option<Buyer>) -> bool {
    view.everything || acts_for(view, seller) || buyer.is_some_and(|buyer| buys(books, view, buyer))
}

/// Whether whoever has this view reads what somebody buys.
fn buys(books: &Books, view: &View, buyer: Buyer) -> bool {
    match buyer {
        Buyer::Partner(partner) => view.acts_for(partner),
        Buyer::Subscription(subscription) => reads_charges(books, view, subscription),
    }
}

impl App {
    /// Whether there is anybody whose bills the caller reads.
    pub(super) fn reads_any_bill(&self, caller: &Caller) -> bool {
        self.read(|books| {
            let view = view_of(books, caller);
            // Who acts for a partner reads what it sells and buys, also to and of what is not there any more.
            let reads = |subscription: &Subscription| reads_charges(books, &view, subscription.id);
            view.everything || !view.agent_of.is_empty() || books.subscriptions().any(reads)
        })
    }
}

/// Whether whoever has this view reads the bills of an account: who sells and who buys do, and the platform's
/// operators.
pub(super) fn reads_account(books: &Books, view: &View, account: Account) -> bool {
    reads(books, view, account.seller, Some(account.buyer))
}
