//! The catalog: what stacks measure, what price lists price, how one becomes the other, and what it costs.

mod derivation;
mod difference;
mod prices;

use std::collections::{BTreeSet, HashMap};

use num_rational::BigRational;
use num_traits::Signed;

use crate::ids::{BillingMeterId, LocalMeterId};
use crate::time::Period;

pub use derivation::{
    DERIVATION_DEPTH_MAX, Derivation, InvalidPercentage, PERCENTAGE_MAX, PERCENTAGE_PLACES_MAX, Percentage,
    Pricing, TooManyDigits,
};
pub use difference::{MeterDifference, TierDifference, differences};
pub use prices::{
    InvalidPriceListName, InvalidTiers, Price, PriceList, PriceListName, PriceListScope, PriceSource, Prices,
    Tariff, TariffPart, Tier, TwoCurrencies, UnitPrice,
};

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

impl BillingMeter {
    /// Its place among others where people read them: by category, then by name.
    #[must_use]
    pub fn place(&self) -> (&str, &str, BillingMeterId) {
        (&self.category, &self.name, self.id)
    }
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

    /// The billing meters that usage can be charged as and that have no price among these, by category and name.
    #[must_use]
    pub fn without_price(&self, prices: &Prices) -> Vec<&BillingMeter> {
        let charged: BTreeSet<BillingMeterId> = self
            .local
            .values()
            .filter_map(|local| match local.billing {
                Billing::Charged { meter, .. } => Some(meter),
                Billing::Informational { .. } => None,
            })
            .collect();
        let mut missing: Vec<&BillingMeter> = charged
            .iter()
            .filter(|meter| !prices.contains_key(meter))
            .filter_map(|meter| self.billing.get(meter))
            .collect();
        missing.sort_by_key(|meter| meter.place());
        missing
    }

    /// Every billing meter, in no order.
    pub fn billing_meters(&self) -> impl Iterator<Item = &BillingMeter> {
        self.billing.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_list_that_leaves_out_what_can_be_charged_is_told_which_meters() {
        let billing = |id, category: &str, name: &str| BillingMeter {
            id: BillingMeterId::from_bytes([id; 16]),
            name: name.to_owned(),
            category: category.to_owned(),
            unit: String::new(),
        };
        let local = |id, billing| LocalMeter {
            id: LocalMeterId::from_bytes([id; 16]),
            name: String::new(),
            unit: String::new(),
            meaning: String::new(),
            billing,
        };
        let charged = |meter| Billing::Charged {
            meter: BillingMeterId::from_bytes([meter; 16]),
            conversion: Conversion::by_factor(BigRational::from_integer(1.into())).unwrap(),
        };
        let because = String::new();
        let catalog = Catalog::new(
            [
                local(1, charged(1)),
                local(2, charged(2)),
                local(3, charged(2)),
                local(4, charged(3)),
                local(5, Billing::Informational { because }),
            ],
            [
                billing(1, "Storage", "Blob"),
                billing(2, "Network", "Static address"),
                billing(3, "Compute", "Machine"),
                billing(4, "Compute", "Nothing is charged as this"),
            ],
        )
        .unwrap();
        let names = |prices: &Prices| -> Vec<String> {
            let missing = catalog.without_price(prices);
            missing.into_iter().map(|meter| meter.name.clone()).collect()
        };
        assert_eq!(names(&Prices::new()), ["Machine", "Static address", "Blob"]);
        let machine = [(BillingMeterId::from_bytes([3; 16]), Price::flat(UnitPrice::ZERO))];
        assert_eq!(names(&machine.into()), ["Static address", "Blob"]);
    }
}
