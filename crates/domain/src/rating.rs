//! Rating: what usage costs, exactly. Nothing here is rounded.

use num_rational::BigRational;
use num_traits::Zero;

use crate::catalog::{Price, UnitPrice};
use crate::quantity::Quantity;

/// What was charged in one tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierCharge {
    /// The tier's lower bound, counted from the end of the included quantity.
    pub from: Quantity,
    /// The tier's price for each unit.
    pub unit_price: UnitPrice,
    /// How much fell into the tier, in the billing meter's unit.
    pub quantity: BigRational,
    /// Quantity times price, exact.
    pub amount: BigRational,
}

/// What a stretch of usage costs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rated {
    /// How much of it was free because it was included.
    pub included: BigRational,
    /// The tiers it fell into, by rising lower bound; a tier that got nothing is left out.
    pub tiers: Vec<TierCharge>,
}

impl Rated {
    /// The exact amount, in the currency's major unit.
    #[must_use]
    pub fn amount(&self) -> BigRational {
        self.tiers.iter().map(|tier| &tier.amount).sum()
    }

    /// Adds what a later stretch under the same price costs.
    pub fn add(&mut self, later: Self) {
        self.included += later.included;
        for tier in later.tiers {
            match self.tiers.iter_mut().find(|known| known.from == tier.from) {
                Some(known) => {
                    known.quantity += tier.quantity;
                    known.amount += tier.amount;
                }
                None => self.tiers.push(tier),
            }
        }
        self.tiers.sort_by_key(|tier| tier.from);
    }
}

/// What usage costs that begins after `position` units of the same meter, payer and period have been used and goes
/// on for `quantity` units.
///
/// The first units up to the included quantity are free; graduated tiers count from there. When a price changes
/// inside a period, each version prices its own hours and the position carries over.
#[must_use]
pub fn rate(price: &Price, position: &BigRational, quantity: &BigRational) -> Rated {
    let zero = BigRational::zero();
    let included = price.included().to_rational();
    let start = position - &included;
    let end = &start + quantity;
    let mut rated = Rated {
        included: overlap(&start, &end, None, Some(&zero)),
        tiers: Vec::new(),
    };
    for (index, tier) in price.tiers().iter().enumerate() {
        let from = tier.from.to_rational();
        let until = price.tiers().get(index + 1).map(|next| next.from.to_rational());
        let quantity = overlap(&start, &end, Some(&from), until.as_ref());
        if !quantity.is_zero() {
            let amount = &quantity * tier.unit_price.to_rational();
            rated.tiers.push(TierCharge {
                from: tier.from,
                unit_price: tier.unit_price,
                quantity,
                amount,
            });
        }
    }
    rated
}

/// How much of `[start, end)` lies in `[from, until)`.
fn overlap(
    start: &BigRational,
    end: &BigRational,
    from: Option<&BigRational>,
    until: Option<&BigRational>,
) -> BigRational {
    let low = from.map_or(start, |from| from.max(start));
    let high = until.map_or(end, |until| until.min(end));
    if low < high {
        high - low
    } else {
        BigRational::zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Tier;
    use proptest::prelude::*;

    fn ratio(text: &str) -> BigRational {
        text.parse::<Quantity>().unwrap().to_rational()
    }

    fn price(tiers: &[(&str, &str)], included: &str) -> Price {
        let tiers = tiers
            .iter()
            .map(|(from, unit_price)| Tier {
                from: from.parse().unwrap(),
                unit_price: unit_price.parse().unwrap(),
            })
            .collect();
        Price::new(tiers, included.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_price_list_and_a_usage_table() {
        let flat = price(&[("0", "0.008")], "0");
        let tiered = price(&[("0", "0.05"), ("100", "0.04"), ("1000", "0.03")], "0");
        let with_included = price(&[("0", "0.10"), ("10", "0.05")], "5");
        for (name, price, position, quantity, included, amount) in [
            ("nothing", &flat, "0", "0", "0", "0"),
            ("flat", &flat, "0", "744", "0", "5.952"),
            (
                "flat, exact to the last digit",
                &flat,
                "0",
                "0.000000000000000001",
                "0",
                "0.000000000000000000008",
            ),
            ("inside the first tier", &tiered, "0", "100", "0", "5"),
            ("over one edge", &tiered, "0", "101", "0", "5.04"),
            ("over two edges", &tiered, "0", "1100", "0", "44"),
            ("starting in the second tier", &tiered, "100", "10", "0", "0.4"),
            ("starting before an edge", &tiered, "99", "2", "0", "0.09"),
            ("all included", &with_included, "0", "5", "5", "0"),
            ("past what is included", &with_included, "0", "6", "5", "0.1"),
            (
                "tiers count from the end of what is included",
                &with_included,
                "0",
                "20",
                "5",
                "1.25",
            ),
            (
                "the rest of what is included",
                &with_included,
                "3",
                "4",
                "2",
                "0.2",
            ),
        ] {
            let rated = rate(price, &ratio(position), &ratio(quantity));
            assert_eq!(rated.amount(), ratio(amount), "{name}: amount");
            assert_eq!(rated.included, ratio(included), "{name}: included");
            let charged: BigRational = rated.tiers.iter().map(|tier| &tier.quantity).sum();
            assert_eq!(
                charged + rated.included,
                ratio(quantity),
                "{name}: every unit is priced once"
            );
        }
    }

    fn any_price() -> impl Strategy<Value = Price> {
        (
            prop::collection::btree_map(1u32..100, 0u32..50, 0..4),
            0u32..50,
            0u32..20,
        )
            .prop_map(|(steps, first, included)| {
                let quantity = |units: u32| Quantity::new(u128::from(units), 0).unwrap();
                let tier = |from, cents: u32| Tier {
                    from: quantity(from),
                    unit_price: Quantity::new(u128::from(cents), 2)
                        .unwrap()
                        .to_string()
                        .parse()
                        .unwrap(),
                };
                let tiers = steps
                    .into_iter()
                    .map(|(from, cents)| tier(from, cents))
                    .chain([tier(0, first)]);
                Price::new(tiers.collect(), quantity(included)).unwrap()
            })
    }

    proptest! {
        /// So a bill does not depend on where usage is cut: by day, by stack or by price version.
        #[test]
        fn rating_in_parts_costs_what_rating_at_once_does(
            price in any_price(), position in 0u32..100, parts in prop::collection::vec(0u32..1000, 1..6),
        ) {
            let part = |units: u32| BigRational::new(units.into(), 7.into());
            let mut at = part(position);
            let mut summed = Rated::default();
            for units in &parts {
                summed.add(rate(&price, &at, &part(*units)));
                at += part(*units);
            }
            let whole = rate(&price, &part(position), &part(parts.iter().sum()));
            prop_assert_eq!(summed, whole);
        }

        #[test]
        fn more_usage_never_costs_less(price in any_price(), less in 0u32..2000, more in 0u32..2000) {
            let cost = |units: u32| rate(&price, &BigRational::zero(), &BigRational::from_integer(units.into()));
            prop_assert!(cost(less).amount() <= cost(less + more).amount());
        }
    }
}
