//! What meters mean and what they cost, as the served API says.

use std::collections::{BTreeMap, HashMap};

use domain::ids::{BillingMeterId, LocalMeterId};
use domain::time::Hour;
use num_rational::BigRational;

/// What becomes of a local meter's usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::demo) enum Meaning {
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
pub(in crate::demo) struct PriceVersion {
    /// The hour.
    pub(in crate::demo) from: Hour,
    /// The price of each billing meter.
    pub(in crate::demo) prices: BTreeMap<BillingMeterId, Price>,
}

/// All meters of one month and all prices.
#[derive(Debug, Clone)]
pub(in crate::demo) struct Tariff {
    /// The local meters that are known.
    pub(in crate::demo) meters: HashMap<LocalMeterId, Meaning>,
    /// The versions of the price list, in order of time.
    pub(in crate::demo) versions: Vec<PriceVersion>,
    /// The digits of the currency's minor unit.
    pub(in crate::demo) minor_digits: u32,
}

impl Tariff {
    /// The place of the version that prices an hour.
    pub(super) fn version_at(&self, hour: Hour) -> Option<usize> {
        self.versions.iter().rposition(|version| version.from <= hour)
    }
}
