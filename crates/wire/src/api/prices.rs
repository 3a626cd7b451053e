//! Meters and price lists.

use std::collections::BTreeMap;

use domain::books;
use domain::catalog::{self, Billing, Catalog, PriceListScope, Prices, Pricing, Tier, UnitPrice};
use domain::quantity::{InvalidQuantity, Quantity};
use domain::time::Hour;
use domain::timeline::Assertion;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::price_drafts::DerivedFrom;
use super::{InvalidMember, member, optional, shortened};

/// What becomes of a local meter's usage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeterBilling {
    /// The billing meter it is charged as.
    pub billing_meter_id: String,
    /// That meter's name.
    pub billing_meter_name: String,
    /// That meter's unit, which prices are per.
    pub billing_unit: String,
    /// What one unit of the local meter is in units of the billing meter, as an exact fraction such as `1/1024`.
    pub factor: String,
    /// Whether it is then divided by the hours of the calendar month.
    pub per_hours_in_month: bool,
}

/// A local meter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Meter {
    /// Its id.
    pub local_meter_id: String,
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// What it counts.
    pub meaning: String,
    /// What it is charged as; nothing for an informational one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing: Option<MeterBilling>,
    /// Why it is not charged; nothing for one that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub informational: Option<String>,
}

impl Meter {
    /// A local meter of a catalog.
    #[must_use]
    pub fn of(meter: &catalog::LocalMeter, catalog: &Catalog) -> Self {
        let (billing, informational) = match &meter.billing {
            Billing::Charged { meter, conversion } => {
                let billing = catalog.billing_meter(*meter).map(|billing| MeterBilling {
                    billing_meter_id: billing.id.to_string(),
                    billing_meter_name: billing.name.clone(),
                    billing_unit: billing.unit.clone(),
                    factor: conversion.factor().to_string(),
                    per_hours_in_month: conversion.is_per_hours_in_month(),
                });
                (billing, None)
            }
            Billing::Informational { because } => (None, Some(because.clone())),
        };
        Self {
            local_meter_id: meter.id.to_string(),
            name: meter.name.clone(),
            unit: meter.unit.clone(),
            meaning: meter.meaning.clone(),
            billing,
            informational,
        }
    }
}

/// Where a price comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PriceSource {
    /// Whoever sells has published it.
    Published,
    /// It was made up for trying out.
    Sample,
}

impl From<catalog::PriceSource> for PriceSource {
    fn from(source: catalog::PriceSource) -> Self {
        match source {
            catalog::PriceSource::Published => Self::Published,
            catalog::PriceSource::Sample => Self::Sample,
        }
    }
}

impl From<PriceSource> for catalog::PriceSource {
    fn from(source: PriceSource) -> Self {
        match source {
            PriceSource::Published => Self::Published,
            PriceSource::Sample => Self::Sample,
        }
    }
}

/// What a billing meter costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MeterPrice {
    /// The billing meter.
    pub meter_id: String,
    /// The meter's name: for whoever reads the list. It is not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_name: Option<String>,
    /// Graduated rates for one unit, by the lower bound from which they hold, as in `{"0": "0.05", "100": "0.04"}`.
    pub rates: BTreeMap<String, String>,
    /// What is free in each period. The lower bounds count from its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub included_quantity: Option<String>,
    /// Where the price comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<PriceSource>,
}

/// A version of a price list to be published. From `effectiveFrom` on, until the next version that there is already, it
/// prices all hours with exactly these prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishPriceList {
    /// The currency of every price, as in ISO 4217.
    pub currency: String,
    /// The partner whose prices these are; without one, the platform's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<String>,
    /// The one subscription that they are for; without one, everything the seller sells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer: Option<String>,
    /// The first hour they are for.
    pub effective_from: String,
    /// The list that they follow; without one they stand for themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived_from: Option<DerivedFrom>,
    /// The prices: all of them, or those that are to hold instead of the base's.
    pub prices: Vec<MeterPrice>,
}

impl PublishPriceList {
    /// The most prices in one list.
    pub const PRICES_MAX: usize = 10_000;
    /// The most rates in one price.
    pub const RATES_MAX: usize = 100;

    /// The list of this name, its prices, and from when they hold.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn into_domain(self, list_name: &str) -> Result<(catalog::PriceList, Pricing, Hour), InvalidMember> {
        let seller = optional("seller", self.seller.as_deref())?;
        let buyer = optional("buyer", self.buyer.as_deref())?;
        let scope = match (seller, buyer) {
            (None, None) => PriceListScope::Platform,
            (Some(seller), None) => PriceListScope::Seller(seller),
            (Some(seller), Some(buyer)) => PriceListScope::Buyer(seller, buyer),
            (None, Some(_)) => {
                return Err(InvalidMember::new(
                    "seller",
                    "expected the partner that sells to the buyer",
                ));
            }
        };
        if self.prices.len() > Self::PRICES_MAX {
            let message = format!("expected at most {} prices", Self::PRICES_MAX);
            return Err(InvalidMember::new("prices", message));
        }
        let list = catalog::PriceList {
            name: member("name", list_name)?,
            scope,
            currency: member("currency", &self.currency)?,
        };
        let mut prices = Prices::new();
        for (index, price) in self.prices.iter().enumerate() {
            let at = |member: &str| format!("prices[{index}].{member}");
            let meter = member(&at("meterId"), &price.meter_id)?;
            if prices.insert(meter, price.price(&at)?).is_some() {
                return Err(InvalidMember::new(
                    at("meterId"),
                    format!("expected each meter once; {meter} is repeated"),
                ));
            }
        }
        let pricing = match self.derived_from {
            None => Pricing::Own(prices),
            Some(derived) => Pricing::Derived(derived.into_domain(prices)?),
        };
        Ok((list, pricing, member("effectiveFrom", &self.effective_from)?))
    }
}

impl MeterPrice {
    fn price(&self, at: &impl Fn(&str) -> String) -> Result<catalog::Price, InvalidMember> {
        if self.rates.len() > PublishPriceList::RATES_MAX {
            let message = format!("expected at most {} rates", PublishPriceList::RATES_MAX);
            return Err(InvalidMember::new(at("rates"), message));
        }
        let tiers = self.rates.iter().map(|(from, price)| {
            Ok(Tier {
                from: member(&at("rates"), from)?,
                unit_price: unit_price(&at(&format!("rates['{}']", shortened(from))), price)?,
            })
        });
        let tiers = tiers.collect::<Result<_, InvalidMember>>()?;
        let included = optional(&at("includedQuantity"), self.included_quantity.as_deref())?;
        catalog::Price::new(tiers, included.unwrap_or(Quantity::ZERO))
            .map(|price| price.from_source(self.source.map(Into::into)))
            .map_err(|error| InvalidMember::new(at("rates"), error.to_string()))
    }
}

/// Reads the price of a unit. It is written as quantities are, but whoever sends it is told of a price.
pub(super) fn unit_price(target: &str, text: &str) -> Result<UnitPrice, InvalidMember> {
    if text.parse::<Quantity>() == Err(InvalidQuantity::Negative) {
        let message = format!("expected a price of zero or more; got '{}'", shortened(text));
        return Err(InvalidMember::new(target, message));
    }
    member(target, text)
}

/// One step of a graduated price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceTier {
    /// The lower bound, counted from the end of the included quantity.
    pub from: String,
    /// The price of each unit in this step.
    pub unit_price: String,
}

/// When a version of a price list prices usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum VersionStatus {
    /// Now.
    Current,
    /// From a later hour on.
    Scheduled,
    /// Earlier hours only: another version has followed.
    Former,
    /// No hour: another version was published later for the same ones.
    Replaced,
}

/// A version of a price list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceListVersion {
    /// The first hour it prices; it does until the version that is next in time, if there is one.
    pub effective_from: String,
    /// The first hour it does not price any more. None for the last version, and for one that was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_to: Option<String>,
    /// Whether that is now, later, in the past, or never.
    pub status: VersionStatus,
    /// When it was published.
    pub published_at: String,
    /// The list that it follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived_from: Option<DerivedFrom>,
    /// Its prices; those that it has instead of its base's, if it follows one.
    pub prices: Vec<MeterPrice>,
}

/// A price list with all its versions by the hours they price, those for the same hours in the order of publishing. Each
/// prices the hours from its `effectiveFrom` to that of the next; of two with the same one, the version published last
/// does, and the other is marked as replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceList {
    /// Its name.
    pub name: String,
    /// The currency of every price.
    pub currency: String,
    /// The partner whose prices these are; without one, the platform's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller: Option<String>,
    /// The one subscription that they are for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buyer: Option<String>,
    /// Its versions.
    pub versions: Vec<PriceListVersion>,
    /// What the current version comes to in this hour, where it follows another list: all of its prices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub current_prices: Vec<MeterPrice>,
}

/// What statements come to in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CurrencyTotal {
    /// The currency.
    pub currency: String,
    /// The sum of their totals.
    pub total: String,
}

/// A month whose statements a version of a price list changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepricedMonth {
    /// The calendar month.
    pub period: String,
    /// Whether it is over.
    pub is_over: bool,
    /// How many subscriptions' statements change.
    pub subscriptions: u64,
    /// What these statements come to without the version.
    pub before: Vec<CurrencyTotal>,
    /// What they come to with it.
    pub after: Vec<CurrencyTotal>,
}

/// A price list with the version that was published, or would be, and what that changes about usage that there is
/// already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishedPriceList {
    /// The list.
    #[serde(flatten)]
    pub list: PriceList,
    /// The months whose statements change, the newest first. The newest 12 months with usage are compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repriced: Vec<RepricedMonth>,
    /// The first month that was compared, where months before it have usage, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared_from: Option<String>,
}

impl PriceList {
    /// A price list as it is in this hour.
    #[must_use]
    pub fn of(published: &books::PublishedPriceList, now: Hour) -> Self {
        let (seller, buyer) = match published.list.scope {
            PriceListScope::Platform => (None, None),
            PriceListScope::Seller(seller) => (Some(seller), None),
            PriceListScope::Buyer(seller, buyer) => (Some(seller), Some(buyer)),
        };
        let mut versions: Vec<&Assertion<Pricing>> = published.versions.assertions().iter().collect();
        // Stable: those for the same hours stay in the order of publishing.
        versions.sort_by_key(|version| version.valid.start());
        let next: Vec<Option<Hour>> = (1..=versions.len())
            .map(|next| versions.get(next).map(|version| version.valid.start()))
            .collect();
        let versions = versions.into_iter().zip(next);
        let versions = versions.map(|(version, next)| PriceListVersion::of(version, next, now));
        Self {
            name: published.list.name.to_string(),
            currency: published.list.currency.to_string(),
            seller: seller.map(|seller| seller.to_string()),
            buyer: buyer.map(|buyer| buyer.to_string()),
            versions: versions.collect(),
            current_prices: Vec::new(),
        }
    }

    /// The same, with what its current version comes to, if that follows another list.
    #[must_use]
    pub fn with_current_prices(mut self, prices: Option<&Prices>) -> Self {
        let follows =
            |it: &PriceListVersion| it.status == VersionStatus::Current && it.derived_from.is_some();
        if self.versions.iter().any(follows) {
            self.current_prices = prices.map(MeterPrice::all).unwrap_or_default();
        }
        self
    }
}

impl PriceListVersion {
    /// A version, with the first hour of the one after it.
    fn of(version: &Assertion<Pricing>, next: Option<Hour>, now: Hour) -> Self {
        let from = version.valid.start();
        let status = if next == Some(from) {
            VersionStatus::Replaced
        } else if from > now {
            VersionStatus::Scheduled
        } else if next.is_some_and(|next| next <= now) {
            VersionStatus::Former
        } else {
            VersionStatus::Current
        };
        let ends = next.filter(|_| status != VersionStatus::Replaced);
        Self {
            effective_from: from.to_string(),
            effective_to: ends.map(|next| next.to_string()),
            status,
            published_at: version.recorded.at.to_string(),
            derived_from: version.value.derivation().map(DerivedFrom::from),
            prices: MeterPrice::all(version.value.given()),
        }
    }
}

impl MeterPrice {
    /// All of these prices.
    pub(super) fn all(prices: &Prices) -> Vec<Self> {
        let prices = prices.iter();
        prices.map(|(meter, price)| Self::of(*meter, price)).collect()
    }

    fn of(meter: domain::ids::BillingMeterId, price: &catalog::Price) -> Self {
        let included = price.included();
        Self {
            meter_id: meter.to_string(),
            meter_name: None,
            rates: price
                .tiers()
                .iter()
                .map(|it| (it.from.to_string(), it.unit_price.to_string()))
                .collect(),
            included_quantity: (included != Quantity::ZERO).then(|| included.to_string()),
            source: price.source().map(PriceSource::from),
        }
    }
}
