//! Prices: what billing meters cost, in which list, for whom and from when.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use num_rational::BigRational;

use crate::ids::{BillingMeterId, PartnerId, SubscriptionId};
use crate::money::Currency;
use crate::quantity::{InvalidQuantity, Quantity};
use crate::time::{Hour, HourInterval};

/// What one unit costs, in the major unit of the list's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitPrice(Quantity);

impl UnitPrice {
    /// Nothing.
    pub const ZERO: Self = Self(Quantity::ZERO);

    /// The price as a fraction.
    #[must_use]
    pub fn to_rational(self) -> BigRational {
        self.0.to_rational()
    }
}

impl FromStr for UnitPrice {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        text.parse().map(Self)
    }
}

impl fmt::Display for UnitPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One step of a graduated price: from this quantity on, until the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tier {
    /// The lower bound, counted from the end of the included quantity.
    pub from: Quantity,
    /// The price of each unit in this step.
    pub unit_price: UnitPrice,
}

/// Tiers that leave a quantity without a price, or with two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTiers {
    /// No tier at lower bound 0.
    #[error("expected a rate for lower bound 0, from which the first unit is priced")]
    NoFirstTier,
    /// One lower bound twice.
    #[error("expected each lower bound once; {0} is given twice")]
    LowerBoundTwice(Quantity),
}

/// Where a price comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PriceSource {
    /// Whoever sells has published it.
    Published,
    /// It was made up for trying out: nobody ever asked that price.
    Sample,
}

/// What a billing meter costs: graduated tiers above an included quantity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Price {
    tiers: Vec<Tier>,
    included: Quantity,
    source: Option<PriceSource>,
}

impl Price {
    /// A price with these tiers, in any order, above an included quantity that is free.
    ///
    /// # Errors
    /// [`InvalidTiers`] unless the lower bounds are distinct and one of them is 0.
    pub fn new(mut tiers: Vec<Tier>, included: Quantity) -> Result<Self, InvalidTiers> {
        tiers.sort_by_key(|tier| tier.from);
        if tiers.first().is_none_or(|tier| tier.from != Quantity::ZERO) {
            return Err(InvalidTiers::NoFirstTier);
        }
        if let Some(pair) = tiers.windows(2).find(|pair| pair[0].from == pair[1].from) {
            return Err(InvalidTiers::LowerBoundTwice(pair[0].from));
        }
        let source = None;
        Ok(Self {
            tiers,
            included,
            source,
        })
    }

    /// The same price, said to come from somewhere.
    #[must_use]
    pub fn from_source(self, source: Option<PriceSource>) -> Self {
        Self { source, ..self }
    }

    /// One price for every unit.
    #[must_use]
    pub fn flat(unit_price: UnitPrice) -> Self {
        Self {
            tiers: vec![Tier {
                from: Quantity::ZERO,
                unit_price,
            }],
            included: Quantity::ZERO,
            source: None,
        }
    }

    /// The tiers by rising lower bound; the first is 0.
    #[must_use]
    pub fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// What is free in each period, in the billing meter's unit. Tiers count from its end.
    #[must_use]
    pub const fn included(&self) -> Quantity {
        self.included
    }

    /// Whether it is the same to whoever pays it, wherever either is said to come from.
    pub(super) fn costs_as(&self, other: &Self) -> bool {
        (&self.tiers, self.included) == (&other.tiers, other.included)
    }

    /// Where it comes from, if the list says so.
    #[must_use]
    pub const fn source(&self) -> Option<PriceSource> {
        self.source
    }
}

/// A name that a price list cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 64 lower-case letters, digits and hyphens, beginning with a letter or a digit")]
pub struct InvalidPriceListName;

/// The name of a price list, such as `pay-as-you-use-usd`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PriceListName(Box<str>);

impl PriceListName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PriceListName {
    type Err = InvalidPriceListName;

    fn from_str(text: &str) -> Result<Self, InvalidPriceListName> {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || text.len() > 64 || text.starts_with('-') || !text.bytes().all(legal) {
            return Err(InvalidPriceListName);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for PriceListName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whose prices a list holds, and for whom. In each hour the most particular list applies that has a version for it:
/// the seller's for this buyer, then the seller's, then the platform's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PriceListScope {
    /// Applies to every payer without a more particular list.
    Platform,
    /// A partner's prices for everything it sells.
    Seller(PartnerId),
    /// A partner's prices for one subscription.
    Buyer(PartnerId, SubscriptionId),
}

/// What stays the same in all versions of a price list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceList {
    /// Its name.
    pub name: PriceListName,
    /// Whose prices, and for whom.
    pub scope: PriceListScope,
    /// The currency of every price in it.
    pub currency: Currency,
}

/// The prices of one version of a price list.
pub type Prices = BTreeMap<BillingMeterId, Price>;

/// Some hours in which one version of one price list applies to a payer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TariffPart {
    /// The hours.
    pub hours: HourInterval,
    /// The list.
    pub list: PriceListName,
    /// The currency of its prices.
    pub currency: Currency,
    /// Its prices.
    pub prices: Prices,
}

/// The prices that apply to a payer, hour by hour: those of the most particular list that has a version for the hour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tariff {
    parts: Vec<TariffPart>,
}

/// Two price lists of different currencies apply to one payer in one period, so that its lines have no sum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "price lists '{0}' and '{1}' apply in one period and have different currencies; publish a version of '{1}' that \
     begins with that month"
)]
pub struct TwoCurrencies(pub PriceListName, pub PriceListName);

impl Tariff {
    /// The tariff of these parts, which are in order and do not overlap.
    #[must_use]
    pub const fn new(parts: Vec<TariffPart>) -> Self {
        Self { parts }
    }

    /// The parts, in order. Hours in none of them have no prices.
    #[must_use]
    pub fn parts(&self) -> &[TariffPart] {
        &self.parts
    }

    /// The one currency of all parts; none of a tariff without parts.
    ///
    /// # Errors
    /// [`TwoCurrencies`].
    pub fn currency(&self) -> Result<Option<Currency>, TwoCurrencies> {
        let Some(first) = self.parts.first() else {
            return Ok(None);
        };
        match self.parts.iter().find(|part| part.currency != first.currency) {
            None => Ok(Some(first.currency)),
            Some(other) => Err(TwoCurrencies(first.list.clone(), other.list.clone())),
        }
    }

    /// The hours inside the tariff at which prices may change: usage is summed between them.
    pub fn changes(&self) -> impl Iterator<Item = Hour> {
        self.parts
            .iter()
            .flat_map(|part| [part.hours.start(), part.hours.end()])
    }

    /// What a billing meter costs in an hour, and the first hour from which it has cost that without a break.
    #[must_use]
    pub fn price(&self, meter: BillingMeterId, hour: Hour) -> Option<(&Price, Hour)> {
        let index = self.parts.iter().position(|part| part.hours.contains(hour))?;
        let price = self.parts[index].prices.get(&meter)?;
        let mut since = self.parts[index].hours.start();
        for earlier in self.parts[..index].iter().rev() {
            let unchanged = earlier.prices.get(&meter).is_some_and(|it| it.costs_as(price));
            if earlier.hours.end() != since || !unchanged {
                break;
            }
            since = earlier.hours.start();
        }
        Some((price, since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(from: &str, unit_price: &str) -> Tier {
        Tier {
            from: from.parse().unwrap(),
            unit_price: unit_price.parse().unwrap(),
        }
    }

    #[test]
    fn every_quantity_has_exactly_one_price() {
        let price = Price::new(vec![tier("100", "0.04"), tier("0", "0.05")], Quantity::ZERO).unwrap();
        assert_eq!(price.tiers(), [tier("0", "0.05"), tier("100", "0.04")]);
        assert_eq!(Price::new(vec![], Quantity::ZERO), Err(InvalidTiers::NoFirstTier));
        assert_eq!(
            Price::new(vec![tier("1", "1")], Quantity::ZERO),
            Err(InvalidTiers::NoFirstTier)
        );
        let twice = Price::new(
            vec![tier("0", "1"), tier("5", "1"), tier("5.0", "2")],
            Quantity::ZERO,
        );
        assert_eq!(twice, Err(InvalidTiers::LowerBoundTwice("5".parse().unwrap())));
    }

    #[test]
    fn a_price_goes_on_unbroken_when_another_list_says_that_it_comes_from_elsewhere() {
        let meter = BillingMeterId::from_bytes([1; 16]);
        let hour = |day: i32| "2026-10-01T00:00:00Z".parse::<Hour>().unwrap().plus(24 * day);
        let part = |from, to, list: &str, source| TariffPart {
            hours: HourInterval::new(hour(from), hour(to)).unwrap(),
            list: list.parse().unwrap(),
            currency: Currency::USD,
            prices: [(meter, Price::flat("0.03".parse().unwrap()).from_source(source))].into(),
        };
        let tariff = Tariff::new(vec![
            part(0, 10, "platform", Some(PriceSource::Sample)),
            part(10, 31, "seller", None),
        ]);
        let (_, since) = tariff.price(meter, hour(20)).unwrap();
        assert_eq!(since, hour(0), "one line, rounded once");
    }

    #[test]
    fn price_list_names_are_plain() {
        assert!("pay-as-you-use-usd".parse::<PriceListName>().is_ok());
        for text in ["", "-x", "Usd", "a b", "a/b", &"x".repeat(65)] {
            assert_eq!(text.parse::<PriceListName>(), Err(InvalidPriceListName), "{text}");
        }
    }
}
