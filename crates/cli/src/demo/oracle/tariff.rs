//! What meters mean and what they cost, as the served API says.

use std::collections::{BTreeMap, HashMap};

use domain::ids::{BillingMeterId, LocalMeterId};
use domain::time::{Hour, Period};
use num_rational::BigRational;
use num_traits::Zero;
use wire::api::{Meter, MeterPrice, PriceList, PriceListVersion};

use crate::demo::decimal::decimal;

/// What becomes of a local meter's usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// One unit of it is so many units of the billing meter.
    Charged(BillingMeterId, BigRational),
    /// It is never charged.
    Informational,
}

/// A graduated price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::demo) struct Price {
    /// What is free.
    pub(in crate::demo) included: BigRational,
    /// From which quantity on a unit costs what, by rising quantity; the first is 0 and counts from what is free.
    pub(in crate::demo) tiers: Vec<(BigRational, BigRational)>,
}

/// The prices from an hour on.
#[derive(Debug, Clone)]
pub(super) struct PriceVersion {
    pub(super) from: Hour,
    pub(super) prices: BTreeMap<BillingMeterId, Price>,
}

/// All meters of one month and all prices.
#[derive(Debug, Clone)]
pub(in crate::demo) struct Tariff {
    pub(super) month: Period,
    /// The local meters that are known.
    pub(super) meters: HashMap<LocalMeterId, Meaning>,
    /// The versions of the price list, in order of time.
    pub(super) versions: Vec<PriceVersion>,
    /// The digits of the currency's minor unit.
    pub(in crate::demo) minor_digits: u32,
}

impl Tariff {
    /// Reads what the API served; nothing if it cannot be read.
    pub(in crate::demo) fn read(month: Period, meters: &[Meter], list: &PriceList) -> Option<Self> {
        // The demonstration is in dollars.
        let minor_digits = (list.currency == "USD").then_some(2)?;
        let meters = meters
            .iter()
            .map(|meter| Some((meter.local_meter_id.parse().ok()?, meaning(meter, month)?)));
        // Of two for the same hour the one published last holds.
        let versions = list
            .versions
            .iter()
            .map(version)
            .collect::<Option<BTreeMap<Hour, _>>>()?;
        let versions = versions
            .into_iter()
            .map(|(from, prices)| PriceVersion { from, prices });
        Some(Self {
            month,
            meters: meters.collect::<Option<_>>()?,
            versions: versions.collect(),
            minor_digits,
        })
    }

    /// The price of a meter in a version, and the hour of the month from which it was this one without a break.
    pub(super) fn price(&self, version: usize, meter: BillingMeterId) -> Option<(&Price, Hour)> {
        let up_to = self.versions.get(..=version)?;
        let price = up_to.last()?.prices.get(&meter)?;
        let unbroken = up_to
            .iter()
            .rev()
            .take_while(|version| version.prices.get(&meter) == Some(price));
        let since = unbroken.last()?.from.max(self.month.interval().start());
        Some((price, since))
    }

    /// The place of the version that prices an hour.
    pub(super) fn version_at(&self, hour: Hour) -> Option<usize> {
        self.versions.iter().rposition(|version| version.from <= hour)
    }
}

fn meaning(meter: &Meter, month: Period) -> Option<Meaning> {
    let Some(billing) = &meter.billing else {
        return Some(Meaning::Informational);
    };
    let factor: BigRational = billing.factor.parse().ok()?;
    let hours = if billing.per_hours_in_month {
        month.hours()
    } else {
        1
    };
    let factor = factor / BigRational::from_integer(hours.into());
    Some(Meaning::Charged(billing.billing_meter_id.parse().ok()?, factor))
}

fn version(version: &PriceListVersion) -> Option<(Hour, BTreeMap<BillingMeterId, Price>)> {
    let prices = version
        .prices
        .iter()
        .map(|it| Some((it.meter_id.parse().ok()?, price(it)?)));
    Some((
        version.effective_from.parse().ok()?,
        prices.collect::<Option<_>>()?,
    ))
}

fn price(price: &MeterPrice) -> Option<Price> {
    let included = price
        .included_quantity
        .as_deref()
        .map_or(Some(BigRational::zero()), decimal)?;
    let tiers = price
        .rates
        .iter()
        .map(|(from, rate)| Some((decimal(from)?, decimal(rate)?)));
    let mut tiers = tiers.collect::<Option<Vec<_>>>()?;
    tiers.sort();
    Some(Price { included, tiers })
}
