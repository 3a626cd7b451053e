//! What is different between two versions of a price list.

use std::collections::BTreeSet;

use num_rational::BigRational;
use num_traits::Zero;

use super::{Price, Prices, UnitPrice};
use crate::ids::BillingMeterId;
use crate::quantity::Quantity;

/// A unit price for the quantities from a lower bound on, in two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierDifference {
    /// The lower bound, counted from the end of the included quantity: one of a tier of either version.
    pub from: Quantity,
    /// What a unit costs there in the one version.
    pub now: Option<UnitPrice>,
    /// What it costs in the other.
    pub then: Option<UnitPrice>,
}

impl TierDifference {
    /// By how much the unit price changes, exactly; none if there is none in one of the versions.
    #[must_use]
    pub fn change(&self) -> Option<BigRational> {
        Some(self.then?.to_rational() - self.now?.to_rational())
    }

    /// By how many percent it changes, exactly; none of a price of zero, of which nothing is a percentage.
    #[must_use]
    pub fn percent(&self) -> Option<BigRational> {
        let now = self.now?.to_rational();
        let hundred = BigRational::from_integer(100.into());
        (!now.is_zero()).then_some(())?;
        Some(self.change()? * hundred / now)
    }
}

/// A meter whose price is different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterDifference {
    /// The meter.
    pub meter: BillingMeterId,
    /// What is included in the one version; none if it has no price there: the meter is added.
    pub included_now: Option<Quantity>,
    /// What is included in the other; none if it has no price there: the meter is dropped.
    pub included_then: Option<Quantity>,
    /// The unit prices by rising lower bound, those that stay among them.
    pub tiers: Vec<TierDifference>,
}

/// The meters that cost something else, by id.
#[must_use]
pub fn differences(now: &Prices, then: &Prices) -> Vec<MeterDifference> {
    let meters: BTreeSet<&BillingMeterId> = now.keys().chain(then.keys()).collect();
    let differences = meters.into_iter().filter_map(|meter| {
        let (now, then) = (now.get(meter), then.get(meter));
        if let (Some(now), Some(then)) = (now, then)
            && now.costs_as(then)
        {
            return None;
        }
        let both = || now.into_iter().chain(then);
        let bounds: BTreeSet<Quantity> = both().flat_map(Price::tiers).map(|tier| tier.from).collect();
        let tiers = bounds.into_iter().map(|from| TierDifference {
            from,
            now: now.and_then(|price| unit_price_at(price, from)),
            then: then.and_then(|price| unit_price_at(price, from)),
        });
        Some(MeterDifference {
            meter: *meter,
            included_now: now.map(Price::included),
            included_then: then.map(Price::included),
            tiers: tiers.collect(),
        })
    });
    differences.collect()
}

fn unit_price_at(price: &Price, from: Quantity) -> Option<UnitPrice> {
    let reached = price.tiers().iter().rev().find(|tier| tier.from <= from);
    reached.map(|tier| tier.unit_price)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Tier;
    use crate::quantity::decimal_text;

    const ONE: BillingMeterId = BillingMeterId::from_bytes([1; 16]);
    const TWO: BillingMeterId = BillingMeterId::from_bytes([2; 16]);
    const THREE: BillingMeterId = BillingMeterId::from_bytes([3; 16]);
    const FOUR: BillingMeterId = BillingMeterId::from_bytes([4; 16]);

    fn price(tiers: &[(&str, &str)], included: &str) -> Price {
        let tier = |(from, unit_price): &(&str, &str)| Tier {
            from: from.parse().unwrap(),
            unit_price: unit_price.parse().unwrap(),
        };
        Price::new(tiers.iter().map(tier).collect(), included.parse().unwrap()).unwrap()
    }

    #[test]
    fn each_step_of_either_version_is_compared_and_what_stays_is_left_out() {
        let now: Prices = [
            (ONE, price(&[("0", "0.10"), ("10", "0.05")], "0")),
            (TWO, price(&[("0", "1")], "0")),
            (THREE, price(&[("0", "0")], "0")),
        ]
        .into();
        let then: Prices = [
            (ONE, price(&[("0", "0.12"), ("20", "0.04")], "5")),
            (TWO, price(&[("0", "1.00")], "0")),
            (FOUR, price(&[("0", "3")], "0")),
        ]
        .into();
        let text = |number: Option<BigRational>| number.map(|number| decimal_text(&number, 2).0);
        let shown: Vec<_> = differences(&now, &then)
            .into_iter()
            .flat_map(|it| it.tiers.into_iter().map(move |tier| (it.meter, tier)))
            .map(|(meter, tier)| {
                (
                    meter,
                    tier.from.to_string(),
                    text(tier.change()),
                    text(tier.percent()),
                )
            })
            .collect();
        let some = |text: &str| Some(text.to_owned());
        let expected = [
            (ONE, "0", some("0.02"), some("20")),
            (ONE, "10", some("0.07"), some("140")),
            (ONE, "20", some("-0.01"), some("-20")),
            (THREE, "0", None, None),
            (FOUR, "0", None, None),
        ]
        .map(|(meter, from, change, percent)| (meter, from.to_owned(), change, percent));
        assert_eq!(shown, expected);
        let of_one = &differences(&now, &then)[0];
        assert_eq!(of_one.included_then, Some("5".parse().unwrap()));
    }

    #[test]
    fn nothing_is_a_percentage_of_what_was_free() {
        let free: Prices = [(ONE, price(&[("0", "0")], "0"))].into();
        let paid: Prices = [(ONE, price(&[("0", "2")], "0"))].into();
        let tier = &differences(&free, &paid)[0].tiers[0];
        assert_eq!(tier.percent(), None);
        assert_eq!(tier.change(), Some(BigRational::from_integer(2.into())));
    }
}
