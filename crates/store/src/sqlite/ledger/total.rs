//! Sums of quantities as they are kept: zero or more, exact, and in 128 bits for as long as they fit.

use domain::quantity::{Quantity, QuantitySum};
use num_bigint::{BigInt, Sign};

use super::bytes::{Input, from_be_bytes, put_bytes, put_number, trimmed};
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
#[derive(Clone, Copy)]
struct Small {
    coefficient: u128,
    scale: u8,
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
#[derive(Clone)]
pub(super) struct Total(Form);

#[derive(Clone)]
enum Form {
    Small(Small),
    Large(QuantitySum),
}

impl Total {
    pub(super) const ZERO: Self = Self(Form::Small(Small {
        coefficient: 0,
        scale: 0,
    }));

    pub(super) fn add_quantity(&mut self, quantity: Quantity) {
        self.add_small(quantity.into());
    }

    pub(super) fn add(&mut self, other: &Self) {
        match &other.0 {
            Form::Small(small) => self.add_small(*small),
            Form::Large(large) => self.add_large(large),
        }
    }

    fn add_small(&mut self, other: Small) {
        if let Form::Small(own) = &mut self.0
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
        self.0 = Form::Large(sum);
    }

    /// Takes away a quantity that was added before.
    pub(super) fn subtract_quantity(&mut self, quantity: Quantity) -> Result<(), StoreError> {
        if let Form::Small(own) = &mut self.0
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
        self.0 = Form::Large(sum);
        Ok(())
    }

    pub(super) fn to_sum(&self) -> QuantitySum {
        match &self.0 {
            Form::Small(small) => small.into_sum(),
            Form::Large(large) => large.clone(),
        }
    }

    /// Scale, number of bytes, coefficient (most significant byte first).
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Form::Small(small) => {
                put_number(out, u64::from(small.scale));
                put_bytes(out, trimmed(&small.coefficient.to_be_bytes()));
            }
            Form::Large(large) => {
                put_number(out, u64::from(large.scale()));
                put_bytes(out, trimmed(&large.coefficient().to_bytes_be().1));
            }
        }
    }

    pub(super) fn decode(input: &mut Input<'_>) -> Option<Self> {
        let scale = u32::try_from(input.number()?).ok()?;
        let bytes = input.bytes()?;
        Some(Self(match (u8::try_from(scale), from_be_bytes(bytes)) {
            (Ok(scale), Some(coefficient)) => Form::Small(Small { coefficient, scale }),
            _ => Form::Large(QuantitySum::new(BigInt::from_bytes_be(Sign::Plus, bytes), scale)),
        }))
    }
}

#[cfg(test)]
mod tests {
    use domain::quantity::SCALE_MAX;
    use proptest::prelude::*;

    use super::*;

    fn read_back(total: &Total) -> Total {
        let mut bytes = Vec::new();
        total.encode(&mut bytes);
        let mut input = Input::new(&bytes);
        let total = Total::decode(&mut input).unwrap();
        assert!(input.is_empty());
        total
    }

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
        fn totals_are_the_exact_sums_however_large_and_however_they_are_written(
            parts in prop::collection::vec((0..10u128.pow(28), 0..=SCALE_MAX), 0..30), gone in 0usize..30,
        ) {
            let parts: Vec<Quantity> = parts.into_iter().map(|(c, s)| Quantity::new(c, s).unwrap()).collect();
            let gone = gone.min(parts.len());
            let (mut halves, mut total) = ([Total::ZERO, Total::ZERO], Total::ZERO);
            for (number, part) in parts.iter().enumerate() {
                halves[number % 2].add_quantity(*part);
            }
            total.add(&read_back(&halves[0]));
            total.add(&halves[1]);
            for part in &parts[..gone] {
                total.subtract_quantity(*part).unwrap();
            }
            let exact: QuantitySum = parts[gone..].iter().map(|part| QuantitySum::from(*part)).collect::<Vec<_>>().iter().sum();
            prop_assert_eq!(total.to_sum(), exact.clone());
            prop_assert_eq!(read_back(&total).to_sum(), exact);
        }
    }
}
