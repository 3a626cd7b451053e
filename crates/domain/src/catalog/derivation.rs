//! Prices that follow another list: its prices with a percentage, some of them replaced.

use std::fmt;
use std::str::FromStr;

use num_rational::BigRational;
use num_traits::{Signed, Zero};

use super::{Price, PriceListName, PriceSource, Prices, Tier, UnitPrice};
use crate::ids::BillingMeterId;
use crate::quantity::{Quantity, decimal_text};

/// The most decimal places of a percentage.
pub const PERCENTAGE_PLACES_MAX: u8 = 4;
/// The highest percentage.
pub const PERCENTAGE_MAX: u16 = 10_000;
/// The most lists that follow one another, the one with its own prices left out.
pub const DERIVATION_DEPTH_MAX: usize = 8;

/// A text that is not a percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a percentage of -100 to {PERCENTAGE_MAX} with at most {PERCENTAGE_PLACES_MAX} decimal places, such as \
     12.5 or -7"
)]
pub struct InvalidPercentage;

/// By how much prices are higher than others, or lower if it is negative: an exact decimal. Nothing is sold for less than
/// nothing, so it is -100 or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Percentage {
    lowers: bool,
    size: Quantity,
}

impl Percentage {
    /// As a fraction: 12.5 % is one eighth.
    #[must_use]
    pub fn to_rational(self) -> BigRational {
        let size = self.size.to_rational() / BigRational::from_integer(100.into());
        if self.lowers { -size } else { size }
    }
}

impl FromStr for Percentage {
    type Err = InvalidPercentage;

    fn from_str(text: &str) -> Result<Self, InvalidPercentage> {
        let (lowers, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if digits.starts_with(['-', '+']) {
            return Err(InvalidPercentage);
        }
        let size: Quantity = digits.parse().map_err(|_| InvalidPercentage)?;
        let most = if lowers { 100 } else { PERCENTAGE_MAX };
        let most = Quantity::new(most.into(), 0).map_err(|_| InvalidPercentage)?;
        if size.scale() > PERCENTAGE_PLACES_MAX || size > most {
            return Err(InvalidPercentage);
        }
        let lowers = lowers && size != Quantity::ZERO;
        Ok(Self { lowers, size })
    }
}

impl fmt::Display for Percentage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.lowers { "-" } else { "" }, self.size)
    }
}

/// How the prices of a version follow those of another list, hour by hour.
///
/// A unit price changes by the percentage, by no less than the minimum and no more than the maximum, and never to less
/// than nothing. With 0 % nothing changes, and what costs nothing in the base costs nothing *(ours)*: a minimum is of a
/// change, and there is none. Included quantities and the bounds of tiers are the base's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derivation {
    /// The list it follows, of the same currency.
    pub base: PriceListName,
    /// By how much its unit prices change.
    pub percentage: Percentage,
    /// The least by which a unit price changes, in the currency's major unit.
    pub minimum_change: Option<UnitPrice>,
    /// The most by which a unit price changes, in the currency's major unit.
    pub maximum_change: Option<UnitPrice>,
    /// Whole prices instead of the base's, and of meters that the base has no price for.
    pub overrides: Prices,
}

/// A derived unit price has more digits than a price may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the price of billing meter {meter} would have more digits than can be kept; give it a price of its own"
)]
pub struct TooManyDigits {
    /// Whose price.
    pub meter: BillingMeterId,
}

impl Derivation {
    /// The prices that follow from the base's, exactly.
    ///
    /// # Errors
    /// [`TooManyDigits`]: nothing is rounded.
    pub fn prices(&self, base: &Prices) -> Result<Prices, TooManyDigits> {
        let mut prices = self.overrides.clone();
        for (meter, price) in base {
            if !prices.contains_key(meter) {
                let price = self.price(price).ok_or(TooManyDigits { meter: *meter })?;
                prices.insert(*meter, price);
            }
        }
        Ok(prices)
    }

    fn price(&self, base: &Price) -> Option<Price> {
        let tiers: Option<Vec<Tier>> = base
            .tiers()
            .iter()
            .map(|tier| {
                let unit_price = self.unit_price(tier.unit_price)?;
                Some(Tier { unit_price, ..*tier })
            })
            .collect();
        // What follows made-up prices is made up; what follows published ones was published by somebody else.
        let source = base.source().filter(|source| *source == PriceSource::Sample);
        Some(Price::new(tiers?, base.included()).ok()?.from_source(source))
    }

    fn unit_price(&self, base: UnitPrice) -> Option<UnitPrice> {
        let was = base.to_rational();
        let change = &was * self.percentage.to_rational();
        if change.is_zero() {
            return Some(base);
        }
        let mut size = change.abs();
        if let Some(least) = self.minimum_change {
            size = size.max(least.to_rational());
        }
        if let Some(most) = self.maximum_change {
            size = size.min(most.to_rational());
        }
        let price = if change.is_negative() {
            was - size
        } else {
            was + size
        };
        let (text, _) = decimal_text(&price.max(BigRational::zero()), 0);
        text.parse().ok()
    }
}

/// What a version of a price list says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pricing {
    /// Its own prices, all of them.
    Own(Prices),
    /// Those of another list, changed.
    Derived(Derivation),
}

impl Pricing {
    /// The prices that are given in the version itself: its own, or those that it has instead of its base's.
    #[must_use]
    pub const fn given(&self) -> &Prices {
        match self {
            Self::Own(prices) => prices,
            Self::Derived(derivation) => &derivation.overrides,
        }
    }

    /// How it follows another list, if it does.
    #[must_use]
    pub const fn derivation(&self) -> Option<&Derivation> {
        match self {
            Self::Own(_) => None,
            Self::Derived(derivation) => Some(derivation),
        }
    }
}

impl From<Prices> for Pricing {
    fn from(prices: Prices) -> Self {
        Self::Own(prices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const METER: BillingMeterId = BillingMeterId::from_bytes([1; 16]);

    fn derivation(percentage: &str, least: &str, most: &str) -> Derivation {
        let change = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
        Derivation {
            base: "base".parse().unwrap(),
            percentage: percentage.parse().unwrap(),
            minimum_change: change(least),
            maximum_change: change(most),
            overrides: Prices::new(),
        }
    }

    fn flat(unit_price: &str) -> Price {
        Price::flat(unit_price.parse().unwrap())
    }

    #[test]
    fn a_unit_price_and_what_follows_from_it() {
        for (base, percentage, least, most, expected) in [
            ("0.008", "0", "", "", "0.008"),
            ("0.008", "12.5", "", "", "0.009"),
            ("0.008", "-12.5", "", "", "0.007"),
            ("0.0000000000000001", "0.0001", "", "", "0.0000000000000001000001"),
            ("3", "33.3333", "", "", "3.999999"),
            ("0.008", "-100", "", "", "0"),
            ("0.008", "1", "0.002", "", "0.01"),
            ("0.008", "-1", "0.002", "", "0.006"),
            ("0.001", "-1", "0.002", "", "0"),
            ("100", "10", "", "5", "105"),
            ("100", "-10", "", "5", "95"),
            ("100", "10", "1", "20", "110"),
            ("0", "10", "1", "", "0"),
            ("5", "0", "1", "", "5"),
            ("100", "10000", "", "", "10100"),
        ] {
            let name = format!("{base} with {percentage} %, {least} to {most}");
            let derived = derivation(percentage, least, most).unit_price(base.parse().unwrap());
            assert_eq!(derived, Some(expected.parse().unwrap()), "{name}");
        }
    }

    #[test]
    fn tiers_and_what_is_included_are_the_bases_and_an_override_is_whole() {
        let tier = |from: &str, unit_price: &str| Tier {
            from: from.parse().unwrap(),
            unit_price: unit_price.parse().unwrap(),
        };
        let included = "5".parse().unwrap();
        let other = BillingMeterId::from_bytes([2; 16]);
        let third = BillingMeterId::from_bytes([3; 16]);
        let tiered = Price::new(vec![tier("0", "0.1"), tier("10", "0.05")], included).unwrap();
        let base: Prices = [(METER, tiered), (other, flat("1"))].into();
        let mut derivation = derivation("20", "", "");
        derivation.overrides = [(other, flat("7")), (third, flat("9"))].into();
        let expected = Price::new(vec![tier("0", "0.12"), tier("10", "0.06")], included).unwrap();
        let expected: Prices = [(METER, expected), (other, flat("7")), (third, flat("9"))].into();
        assert_eq!(derivation.prices(&base), Ok(expected));
    }

    #[test]
    fn what_follows_made_up_prices_is_made_up_and_nobody_elses_publication_is_ones_own() {
        for (source, expected) in [
            (Some(PriceSource::Sample), Some(PriceSource::Sample)),
            (Some(PriceSource::Published), None),
        ] {
            let base: Prices = [(METER, flat("1").from_source(source))].into();
            let derived = derivation("5", "", "").prices(&base).unwrap();
            assert_eq!(derived[&METER].source(), expected);
        }
    }

    #[test]
    fn a_price_that_cannot_be_written_exactly_is_refused_and_not_rounded() {
        let base: Prices = [(METER, flat("1.234567890123456789012345678"))].into();
        let refused = derivation("0.0001", "", "").prices(&base);
        assert_eq!(refused, Err(TooManyDigits { meter: METER }));
    }

    #[test]
    fn percentages_are_exact_and_have_bounds() {
        for text in ["0", "12.5", "-100", "0.0001", "10000", "-7"] {
            assert_eq!(text.parse::<Percentage>().unwrap().to_string(), text);
        }
        assert_eq!("-0".parse::<Percentage>(), "0".parse());
        for text in [
            "", "-", "--1", "-+1", "+1", "-100.1", "10000.5", "0.00001", "5%", "x",
        ] {
            assert_eq!(text.parse::<Percentage>(), Err(InvalidPercentage), "{text}");
        }
    }

    fn cents(units: u32) -> UnitPrice {
        decimal_text(&BigRational::new(units.into(), 100.into()), 2)
            .0
            .parse()
            .unwrap()
    }

    fn any_derivation() -> impl Strategy<Value = Derivation> {
        let change = || prop::option::of((0u32..50).prop_map(cents));
        (-1000i32..3000, change(), change()).prop_map(|(tenths, minimum_change, maximum_change)| Derivation {
            percentage: format!(
                "{}{}.{}",
                if tenths < 0 { "-" } else { "" },
                tenths.abs() / 10,
                tenths.abs() % 10
            )
            .parse()
            .unwrap(),
            minimum_change,
            maximum_change,
            ..derivation("0", "", "")
        })
    }

    proptest! {
        #[test]
        fn with_no_percentage_the_prices_are_the_bases(price in 0u32..10_000, derivation in any_derivation()) {
            let none = Derivation { percentage: "0".parse().unwrap(), ..derivation };
            let base: Prices = [(METER, Price::flat(cents(price)))].into();
            prop_assert_eq!(none.prices(&base), Ok(base));
        }

        #[test]
        fn what_costs_more_in_the_base_never_costs_less_in_what_follows_it(
            less in 0u32..10_000, more in 0u32..10_000, derivation in any_derivation(),
        ) {
            let of = |units| derivation.unit_price(cents(units)).unwrap();
            prop_assert!(of(less) <= of(less + more));
        }

        #[test]
        fn a_higher_percentage_is_never_a_lower_price(
            price in 0u32..10_000, low in 0u32..5000, more in 0u32..5000, derivation in any_derivation(),
        ) {
            let at = |percent: u32| {
                let percentage = percent.to_string().parse().unwrap();
                Derivation { percentage, ..derivation.clone() }.unit_price(cents(price)).unwrap()
            };
            let bounds = (derivation.minimum_change, derivation.maximum_change);
            prop_assume!(!matches!(bounds, (Some(least), Some(most)) if least > most));
            prop_assert!(at(low) <= at(low + more));
        }
    }
}
