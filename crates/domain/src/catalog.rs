//! The catalog: what stacks measure, what price lists price, how one becomes the other, and what it costs.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;

use num_rational::BigRational;
use num_traits::Signed;

use crate::ids::{BillingMeterId, LocalMeterId, PartnerId, SubscriptionId};
use crate::money::Currency;
use crate::quantity::{InvalidQuantity, Quantity};
use crate::time::{Hour, HourInterval, Period};

/// How a quantity of a local meter becomes one of a billing meter: exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    factor: BigRational,
    per_hours_in_month: bool,
}

/// The conversion would lose the quantity or change its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a conversion factor above zero")]
pub struct InvalidConversion;

impl Conversion {
    /// By a rational factor.
    ///
    /// # Errors
    /// [`InvalidConversion`] for a factor of zero or less.
    pub fn by_factor(factor: BigRational) -> Result<Self, InvalidConversion> {
        if !factor.is_positive() {
            return Err(InvalidConversion);
        }
        Ok(Self {
            factor,
            per_hours_in_month: false,
        })
    }

    /// By the factor, then divided by the hours of the calendar month: GB\*hours become GB and month.
    #[must_use]
    pub fn per_hours_in_month(self) -> Self {
        Self {
            per_hours_in_month: true,
            ..self
        }
    }

    /// The factor.
    #[must_use]
    pub const fn factor(&self) -> &BigRational {
        &self.factor
    }

    /// Whether quantities are divided by the hours of the calendar month, too.
    #[must_use]
    pub const fn is_per_hours_in_month(&self) -> bool {
        self.per_hours_in_month
    }

    /// What one unit of the local meter is in units of the billing meter, in this period.
    #[must_use]
    pub fn ratio(&self, period: Period) -> BigRational {
        if self.per_hours_in_month {
            return &self.factor / BigRational::from_integer(period.hours().into());
        }
        self.factor.clone()
    }
}

/// What becomes of a local meter's usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Billing {
    /// It is charged as usage of a billing meter.
    Charged {
        /// The billing meter.
        meter: BillingMeterId,
        /// How quantities are converted.
        conversion: Conversion,
    },
    /// It is kept and shown, and never charged.
    Informational {
        /// Why.
        because: String,
    },
}

/// What a stack measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalMeter {
    /// Its id.
    pub id: LocalMeterId,
    /// Its name as Azure Stack documents it.
    pub name: String,
    /// The unit of its quantities.
    pub unit: String,
    /// What it counts, for people.
    pub meaning: String,
    /// What becomes of its usage.
    pub billing: Billing,
}

/// What a price list prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingMeter {
    /// Its id.
    pub id: BillingMeterId,
    /// Its name.
    pub name: String,
    /// Its category, such as `Virtual Machines`.
    pub category: String,
    /// Its unit, which prices are per.
    pub unit: String,
}

/// A local meter is charged as a billing meter that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("local meter {local} is charged as billing meter {billing}, which the catalog does not have")]
pub struct UnknownBillingMeter {
    /// The local meter.
    pub local: LocalMeterId,
    /// The billing meter it names.
    pub billing: BillingMeterId,
}

/// All meters.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    local: HashMap<LocalMeterId, LocalMeter>,
    billing: HashMap<BillingMeterId, BillingMeter>,
}

impl Catalog {
    /// The catalog of these meters.
    ///
    /// # Errors
    /// [`UnknownBillingMeter`] if a local meter names one that is not among them.
    pub fn new(
        local: impl IntoIterator<Item = LocalMeter>,
        billing: impl IntoIterator<Item = BillingMeter>,
    ) -> Result<Self, UnknownBillingMeter> {
        let billing: HashMap<_, _> = billing.into_iter().map(|meter| (meter.id, meter)).collect();
        let local: HashMap<_, _> = local.into_iter().map(|meter| (meter.id, meter)).collect();
        for meter in local.values() {
            if let Billing::Charged { meter: named, .. } = meter.billing
                && !billing.contains_key(&named)
            {
                return Err(UnknownBillingMeter {
                    local: meter.id,
                    billing: named,
                });
            }
        }
        Ok(Self { local, billing })
    }

    /// A local meter, if it is known.
    #[must_use]
    pub fn local_meter(&self, id: LocalMeterId) -> Option<&LocalMeter> {
        self.local.get(&id)
    }

    /// A billing meter, if it is known.
    #[must_use]
    pub fn billing_meter(&self, id: BillingMeterId) -> Option<&BillingMeter> {
        self.billing.get(&id)
    }

    /// Every local meter, in no order.
    pub fn local_meters(&self) -> impl Iterator<Item = &LocalMeter> {
        self.local.values()
    }

    /// Every billing meter, in no order.
    pub fn billing_meters(&self) -> impl Iterator<Item = &BillingMeter> {
        self.billing.values()
    }
}

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

/// What a billing meter costs: graduated tiers above an included quantity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Price {
    tiers: Vec<Tier>,
    included: Quantity,
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
        Ok(Self { tiers, included })
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
    "price lists '{0}' and '{1}' apply in one period and have different currencies; a list in another currency begins \
     with a month"
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
            if earlier.hours.end() != since || earlier.prices.get(&meter) != Some(price) {
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
    fn a_gigabyte_hour_is_a_744th_of_a_gigabyte_month_in_october_and_a_672nd_in_february() {
        let one = BigRational::from_integer(1.into());
        let conversion = Conversion::by_factor(one).unwrap().per_hours_in_month();
        for (period, hours) in [("2026-10", 744), ("2026-02", 672), ("2026-11", 720)] {
            let ratio = conversion.ratio(period.parse().unwrap());
            assert_eq!(ratio, BigRational::new(1.into(), hours.into()), "{period}");
        }
    }

    #[test]
    fn a_conversion_never_loses_usage() {
        for factor in [0, -1] {
            let factor = BigRational::from_integer(factor.into());
            assert_eq!(Conversion::by_factor(factor), Err(InvalidConversion));
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
    fn a_meter_cannot_be_charged_as_one_that_does_not_exist() {
        let one = BigRational::from_integer(1.into());
        let meter = LocalMeter {
            id: LocalMeterId::from_bytes([1; 16]),
            name: "Base VM Size Hours".to_owned(),
            unit: "vCPU hours".to_owned(),
            meaning: String::new(),
            billing: Billing::Charged {
                meter: BillingMeterId::from_bytes([2; 16]),
                conversion: Conversion::by_factor(one).unwrap(),
            },
        };
        assert!(Catalog::new([meter], []).is_err());
    }

    #[test]
    fn price_list_names_are_plain() {
        assert!("pay-as-you-use-usd".parse::<PriceListName>().is_ok());
        for text in ["", "-x", "Usd", "a b", "a/b", &"x".repeat(65)] {
            assert_eq!(text.parse::<PriceListName>(), Err(InvalidPriceListName), "{text}");
        }
    }
}
