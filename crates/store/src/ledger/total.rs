//! Sums of quantities as they are kept: zero or more, exact, and in 128 bits for as long as they fit.

use domain::quantity::{Quantity, QuantitySum};
use num_bigint::{BigInt, Sign};

use crate::error::StoreError;

/// `10^n` at index `n`: every power that 128 bits hold.
const POWERS_OF_TEN: [u128; 39] = {
    let mut powers = [1; 39];
    let mut n = 1;
    while n < powers.len() {
        powers[n] = powers[n - 1] * 10;
        n += 1;
    }
    powers
};

/// `coefficient / 10^scale`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Small {
    pub(crate) coefficient: u128,
    pub(crate) scale: u8,
}

impl Small {
    /// Both coefficients at the larger of the two scales, if they fit.
    fn aligned(self, other: Self) -> Option<(u128, u128, u8)> {
        let scale = self.scale.max(other.scale);
        let at_scale = |it: Self| {
            it.coefficient
                .checked_mul(*POWERS_OF_TEN.get(usize::from(scale - it.scale))?)
        };
        Some((at_scale(self)?, at_scale(other)?, scale))
    }

    fn plus(self, other: Self) -> Option<Self> {
        let (a, b, scale) = self.aligned(other)?;
        Some(Self {
            coefficient: a.checked_add(b)?,
            scale,
        })
    }

    fn minus(self, other: Self) -> Option<Self> {
        let (a, b, scale) = self.aligned(other)?;
        Some(Self {
            coefficient: a.checked_sub(b)?,
            scale,
        })
    }

    fn into_sum(self) -> QuantitySum {
        QuantitySum::new(BigInt::from(self.coefficient), u32::from(self.scale))
    }
}

impl From<Quantity> for Small {
    fn from(quantity: Quantity) -> Self {
        Self {
            coefficient: quantity.coefficient(),
            scale: quantity.scale(),
        }
    }
}

/// A sum of quantities.
#[derive(Debug, Clone)]
pub(crate) enum Total {
    /// One that fits.
    Small(Small),
    /// One that did not fit, or does not.
    Large(QuantitySum),
}

impl Total {
    pub(crate) const ZERO: Self = Self::Small(Small {
        coefficient: 0,
        scale: 0,
    });

    pub(crate) fn add_quantity(&mut self, quantity: Quantity) {
        self.add_small(quantity.into());
    }

    pub(crate) fn add(&mut self, other: &Self) {
        match other {
            Self::Small(small) => self.add_small(*small),
            Self::Large(large) => self.add_large(large),
        }
    }

    fn add_small(&mut self, other: Small) {
        if let Self::Small(own) = self
            && let Some(sum) = own.plus(other)
        {
            *own = sum;
            return;
        }
        self.add_large(&other.into_sum());
    }

    fn add_large(&mut self, other: &QuantitySum) {
        let mut sum = self.to_sum();
        sum.add(other);
        *self = Self::Large(sum);
    }

    /// Takes away a quantity that was added before.
    pub(crate) fn subtract_quantity(&mut self, quantity: Quantity) -> Result<(), StoreError> {
        if let Self::Small(own) = self
            && let Some(difference) = own.minus(quantity.into())
        {
            *own = difference;
            return Ok(());
        }
        let mut sum = self.to_sum();
        sum.subtract(&quantity.into());
        if sum.coefficient().sign() == Sign::Minus {
            return Err(StoreError::corrupt(format!(
                "a total is less than {quantity}, which is part of it"
            )));
        }
        *self = Self::Large(sum);
        Ok(())
    }

    pub(crate) fn to_sum(&self) -> QuantitySum {
        match self {
            Self::Small(small) => small.into_sum(),
            Self::Large(large) => large.clone(),
        }
    }
}

impl PartialEq for Total {
    fn eq(&self, other: &Self) -> bool {
        self.to_sum() == other.to_sum()
    }
}

#[cfg(test)]
mod tests {
    use domain::quantity::SCALE_MAX;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn taking_away_more_than_was_added_is_noticed() {
        let mut total = Total::ZERO;
        total.add_quantity(Quantity::ONE);
        assert!(matches!(
            total.subtract_quantity("1.5".parse().unwrap()),
            Err(StoreError::Corrupt { .. })
        ));
    }

    proptest! {
        #[test]
        fn totals_are_the_exact_sums_however_large(
            parts in prop::collection::vec((0..10u128.pow(28), 0..=SCALE_MAX), 0..30), gone in 0usize..30,
        ) {
            let parts: Vec<Quantity> = parts.into_iter().map(|(c, s)| Quantity::new(c, s).unwrap()).collect();
            let gone = gone.min(parts.len());
            let (mut halves, mut total) = ([Total::ZERO, Total::ZERO], Total::ZERO);
            for (number, part) in parts.iter().enumerate() {
                halves[number % 2].add_quantity(*part);
            }
            total.add(&halves[0]);
            total.add(&halves[1]);
            for part in &parts[..gone] {
                total.subtract_quantity(*part).unwrap();
            }
            let exact: QuantitySum = parts[gone..].iter().map(|part| QuantitySum::from(*part)).collect::<Vec<_>>().iter().sum();
            prop_assert_eq!(total.to_sum(), exact);
        }
    }
}
