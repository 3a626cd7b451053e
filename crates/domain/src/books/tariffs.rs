//! Which price lists apply to whom, one after the other, and that their currency changes with a month only.

use std::fmt;

use super::{Books, PublishedPriceList};
use crate::catalog::{PriceList, PriceListName, PriceListScope, Tariff, TariffPart, TwoCurrencies};
use crate::chain::{Account, Link, Seller, chain_of};
use crate::ids::SubscriptionId;
use crate::money::Currency;
use crate::partner::Subscription;
use crate::time::{Hour, HourInterval, Period};

/// A price list would follow one of another currency inside a month: the lines of that month would have no sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrencyChange {
    /// The list that would be published.
    pub published: PriceListName,
    /// The list that applies before, and its currency.
    pub former: (PriceListName, Currency),
    /// The list that applies after, and its currency.
    pub later: (PriceListName, Currency),
    /// The hour between them.
    pub at: Hour,
}

impl fmt::Display for CurrencyChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            published,
            former: (former, before),
            later: (later, after),
            at,
        } = self;
        let month = at.period().interval();
        write!(
            f,
            "at {at}, inside a month, price list '{later}' in {after} would follow '{former}' in {before} for the same \
             payers; all prices of a month are in one currency. "
        )?;
        if later == published {
            write!(
                f,
                "Expected an effectiveFrom at the start of a month, such as {} or {}",
                month.start(),
                month.end()
            )
        } else {
            write!(
                f,
                "Publish a version of '{later}' from {} on first",
                month.start()
            )
        }
    }
}

impl Books {
    /// The prices that apply to a payer in some hours: in each the most particular list that has a version for it; see
    /// [`PriceListScope`].
    #[must_use]
    pub fn tariff_for(&self, payer: &Subscription, within: HourInterval) -> Tariff {
        let seller = Self::seller_of(payer).map_or(Seller::Platform, Seller::Partner);
        self.tariff_of(scopes_of(seller, payer.id).into_iter(), within)
    }

    /// The prices of a link of the chain of sale for what a subscription is charged for: of the seller's list for that
    /// subscription, else of the seller's, else of the platform's. The platform sells at its own.
    #[must_use]
    pub fn tariff_on(&self, link: Link, subscription: SubscriptionId, within: HourInterval) -> Tariff {
        self.tariff_of(scopes_of(link.seller, subscription).into_iter(), within)
    }

    /// The chain of sale of a subscription that is there or was, the platform's link first; see
    /// [`chain_of`].
    #[must_use]
    pub fn chain_of(&self, subscription: &Subscription) -> Vec<Link> {
        let owner = subscription.owner.and_then(|owner| self.partner_ever(owner));
        chain_of(subscription, owner)
    }

    /// The account that what a subscription is charged for belongs to on a link in a period; none if nothing has a price.
    ///
    /// # Errors
    /// [`TwoCurrencies`] if there are prices in more than one currency.
    pub fn account_on(
        &self,
        link: Link,
        subscription: SubscriptionId,
        period: Period,
    ) -> Result<Option<Account>, TwoCurrencies> {
        let currency = self.tariff_on(link, subscription, period.interval()).currency()?;
        Ok(currency.map(|currency| Account::new(link, currency)))
    }

    /// List prices in some hours: the platform's own, whatever anybody sells for.
    #[must_use]
    pub fn list_prices(&self, within: HourInterval) -> Tariff {
        self.tariff_of([PriceListScope::Platform].into_iter(), within)
    }

    /// In each hour the prices of the first of these scopes that has a version for it.
    fn tariff_of(&self, scopes: impl Iterator<Item = PriceListScope>, within: HourInterval) -> Tariff {
        let lists: Vec<&PublishedPriceList> = scopes
            .filter_map(|scope| {
                self.price_lists
                    .values()
                    .find(|published| published.list.scope == scope)
            })
            .collect();
        let cuts = lists.iter().flat_map(|it| self.price_changes(&it.list.name));
        let parts = within.split_at(cuts).into_iter().filter_map(|hours| {
            let applies = |published: &&PublishedPriceList| published.versions.at(hours.start()).is_some();
            let published = lists.iter().copied().find(applies)?;
            Some(TariffPart {
                hours,
                list: published.list.name.clone(),
                currency: published.list.currency,
                prices: self.prices_of(&published.list.name, hours.start())?,
            })
        });
        let mut merged: Vec<TariffPart> = Vec::new();
        for part in parts {
            match merged.last_mut() {
                Some(last)
                    if last.hours.end() == part.hours.start()
                        && last.list == part.list
                        && last.prices == part.prices =>
                {
                    last.hours =
                        HourInterval::new(last.hours.start(), part.hours.end()).unwrap_or(last.hours);
                }
                _ => merged.push(part),
            }
        }
        Tariff::new(merged)
    }

    /// The first change of currency inside a month that there would be if a list had a version from an hour on, and
    /// that there is not already.
    pub(super) fn currency_change(&self, published: &PriceList, from: Hour) -> Option<CurrencyChange> {
        let others = self.price_lists().map(|it| &it.list);
        let all = others.filter(|it| it.name != published.name).chain([published]);
        let before = |list: &PriceList| self.price_list(&list.name).and_then(first_hour);
        let after = |list: &PriceList| {
            let known = before(list);
            if list.name == published.name {
                Some(known.map_or(from, |known| known.min(from)))
            } else {
                known
            }
        };
        let all: Vec<&PriceList> = all.collect();
        // Whoever pays does by the lists of one of these chains: the most particular of its lists, and those behind it.
        let chains = all.iter().map(|list| chain(list.scope, &all));
        let changes = chains.flat_map(|chain| {
            let known = changes_in_months(&chain, before);
            let mut would_be = changes_in_months(&chain, after);
            would_be.retain(|change| !known.contains(change));
            would_be
        });
        let (former, later, at) = changes.min_by_key(|(_, _, at)| *at)?;
        Some(CurrencyChange {
            published: published.name.clone(),
            former: (former.name.clone(), former.currency),
            later: (later.name.clone(), later.currency),
            at,
        })
    }
}

/// Whose lists price what is sold for a subscription, the most particular first.
fn scopes_of(seller: Seller, subscription: SubscriptionId) -> Vec<PriceListScope> {
    match seller {
        Seller::Platform => vec![PriceListScope::Platform],
        Seller::Partner(seller) => vec![
            PriceListScope::Buyer(seller, subscription),
            PriceListScope::Seller(seller),
            PriceListScope::Platform,
        ],
    }
}

/// The first hour that a list prices. It prices all later ones, too: a version holds until the next.
fn first_hour(list: &PublishedPriceList) -> Option<Hour> {
    let versions = list.versions.assertions().iter();
    versions.map(|version| version.valid.start()).min()
}

/// The list of this scope, and those that apply where it has no version, in order.
fn chain<'a>(scope: PriceListScope, all: &[&'a PriceList]) -> Vec<&'a PriceList> {
    let scopes = match scope {
        PriceListScope::Platform => vec![scope],
        PriceListScope::Seller(_) => vec![scope, PriceListScope::Platform],
        PriceListScope::Buyer(seller, _) => {
            vec![scope, PriceListScope::Seller(seller), PriceListScope::Platform]
        }
    };
    let of = |scope| all.iter().copied().find(|list| list.scope == scope);
    scopes.into_iter().filter_map(of).collect()
}

/// Where, inside a month, one list of a chain follows another one of another currency.
fn changes_in_months<'a>(
    chain: &[&'a PriceList],
    first_hour: impl Fn(&PriceList) -> Option<Hour>,
) -> Vec<(&'a PriceList, &'a PriceList, Hour)> {
    let applies = |hour: Hour| {
        let has_version = |list: &&PriceList| first_hour(list).is_some_and(|first| first <= hour);
        chain.iter().copied().find(has_version)
    };
    let starts = chain.iter().filter_map(|list| first_hour(list));
    let inside = starts.filter(|at| at.period().interval().start() != *at);
    let changes = inside.filter_map(|at| Some((applies(at.plus(-1))?, applies(at)?, at)));
    changes
        .filter(|(former, later, _)| former.currency != later.currency)
        .collect()
}

#[cfg(test)]
mod tests;
