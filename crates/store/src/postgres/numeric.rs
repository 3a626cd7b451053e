//! NUMERIC as PostgreSQL sends and takes it: groups of four decimal digits, exact at any length.

use domain::quantity::{Quantity, QuantitySum};
use num_bigint::{BigInt, BigUint};

use crate::ledger::{Small, Total};

/// What one digit of a NUMERIC counts to.
const BASE: u16 = 10_000;
/// The decimal digits of one.
const DECIMALS: u32 = 4;
const POSITIVE: u16 = 0;
/// Four digits of a NUMERIC: as many as 64 bits take at one time.
const FOUR: u128 = 10_000_000_000_000_000;

/// Writes `coefficient / 10^scale`.
fn put(digits: impl FnOnce(u32, &mut Vec<u16>), scale: u32, out: &mut Vec<u8>) {
    let mut groups = Vec::with_capacity(12);
    // The digits behind the point that do not fill a group.
    let odd = scale % DECIMALS;
    digits(odd, &mut groups);
    let behind = i32::try_from(scale.div_ceil(DECIMALS)).unwrap_or(i32::MAX);
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let weight = i32::try_from(groups.len()).unwrap_or(i32::MAX) - behind - 1;
    let zeros = groups.iter().take_while(|group| **group == 0).count();
    let groups = &groups[zeros..];
    let weight = if groups.is_empty() { 0 } else { weight };
    out.extend_from_slice(&u16::try_from(groups.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(&i16::try_from(weight).unwrap_or(i16::MAX).to_be_bytes());
    out.extend_from_slice(&POSITIVE.to_be_bytes());
    out.extend_from_slice(&u16::try_from(scale).unwrap_or(u16::MAX).to_be_bytes());
    for group in groups.iter().rev() {
        out.extend_from_slice(&group.to_be_bytes());
    }
}

/// The groups of a number, the least significant first, whose last `odd` decimal digits stand alone.
fn groups_of(mut number: u128, odd: u32, groups: &mut Vec<u16>) {
    if odd > 0 {
        let power = 10u128.pow(odd);
        groups.push(group(number % power) * 10u16.pow(DECIMALS - odd));
        number /= power;
    }
    while number > 0 {
        // In 64 bits: a division of 128 takes many times as long.
        let (rest, four) = match u64::try_from(number) {
            Ok(all) => (0, all),
            Err(_) => (number / FOUR, u64::try_from(number % FOUR).unwrap_or_default()),
        };
        let mut part = four;
        for _ in 0..DECIMALS {
            if rest == 0 && part == 0 {
                break;
            }
            groups.push(group(u128::from(part % u64::from(BASE))));
            part /= u64::from(BASE);
        }
        number = if rest == 0 { u128::from(part) } else { rest };
    }
}

fn group(number: u128) -> u16 {
    u16::try_from(number).unwrap_or_default()
}

/// Writes a quantity.
pub(super) fn put_quantity(quantity: Quantity, out: &mut Vec<u8>) {
    let coefficient = quantity.coefficient();
    let scale = u32::from(quantity.scale());
    put(|odd, groups| groups_of(coefficient, odd, groups), scale, out);
}

/// Writes a total.
pub(super) fn put_total(total: &Total, out: &mut Vec<u8>) {
    match total {
        Total::Small(Small { coefficient, scale }) => {
            let scale = u32::from(*scale);
            put(|odd, groups| groups_of(*coefficient, odd, groups), scale, out);
        }
        Total::Large(sum) => {
            let large = |odd: u32, groups: &mut Vec<u16>| {
                let aligned = sum.coefficient().magnitude() * 10u32.pow((DECIMALS - odd) % DECIMALS);
                let mut rest = aligned;
                while rest > BigUint::ZERO {
                    let low = &rest % BASE;
                    groups.push(u16::try_from(low).unwrap_or_default());
                    rest /= BASE;
                }
            };
            put(large, sum.scale(), out);
        }
    }
}

/// What was read: `digits * 10^power`, to be told with `scale` digits behind the point.
struct Read<'b> {
    digits: &'b [[u8; 2]],
    power: i32,
    scale: u32,
}

fn read(bytes: &[u8]) -> Option<Read<'_>> {
    let (header, digits) = bytes.split_first_chunk::<8>()?;
    let [count, weight, sign, scale] =
        [0, 2, 4, 6].map(|at| u16::from_be_bytes([header[at], header[at + 1]]));
    let (digits, rest) = digits.as_chunks::<2>();
    if usize::from(count) != digits.len() || !rest.is_empty() || sign != POSITIVE {
        return None;
    }
    let weight = i32::from(weight.cast_signed());
    Some(Read {
        digits,
        power: (weight - i32::from(count) + 1) * 4,
        scale: u32::from(scale),
    })
}

impl Read<'_> {
    fn digits(&self) -> impl Iterator<Item = u16> {
        self.digits.iter().map(|digit| u16::from_be_bytes(*digit))
    }

    /// The coefficient at `scale`, if 128 bits hold it.
    fn small(&self) -> Option<u128> {
        let mut coefficient: u128 = 0;
        for digit in self.digits() {
            coefficient = coefficient.checked_mul(BASE.into())?.checked_add(digit.into())?;
        }
        let power = self.power + i32::try_from(self.scale).ok()?;
        let factor = 10u128.checked_pow(power.unsigned_abs())?;
        if power >= 0 {
            coefficient.checked_mul(factor)
        } else {
            coefficient.is_multiple_of(factor).then(|| coefficient / factor)
        }
    }

    fn large(&self) -> Option<QuantitySum> {
        let mut coefficient = BigInt::ZERO;
        for digit in self.digits() {
            coefficient = coefficient * BASE + digit;
        }
        let power = self.power + i32::try_from(self.scale).ok()?;
        let factor = BigInt::from(10u8).pow(power.unsigned_abs());
        if power >= 0 {
            coefficient *= factor;
        } else if (&coefficient % &factor) == BigInt::ZERO {
            coefficient /= factor;
        } else {
            return None;
        }
        Some(QuantitySum::new(coefficient, self.scale))
    }
}

/// The quantity of these bytes, if they are one.
pub(super) fn quantity(bytes: &[u8]) -> Option<Quantity> {
    let read = read(bytes)?;
    Quantity::new(read.small()?, u8::try_from(read.scale).ok()?).ok()
}

/// The total of these bytes, if they are one.
pub(super) fn total(bytes: &[u8]) -> Option<Total> {
    let read = read(bytes)?;
    match (read.small(), u8::try_from(read.scale)) {
        (Some(coefficient), Ok(scale)) => Some(Total::Small(Small { coefficient, scale })),
        _ => read.large().map(Total::Large),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_written_as_postgresql_writes_them() {
        // count, weight, sign, scale, digits
        for (text, expected) in [
            ("0", &[0u16, 0, 0, 0][..]),
            ("1", &[1, 0, 0, 0, 1]),
            ("10000", &[1, 1, 0, 0, 1]),
            ("0.0001", &[1, 0xffff, 0, 4, 1]),
            ("0.00001", &[1, 0xfffe, 0, 5, 1000]),
            ("16.461425899527967", &[5, 0, 0, 15, 16, 4614, 2589, 9527, 9670]),
            (
                "9999999999999999999999999999",
                &[7, 6, 0, 0, 9999, 9999, 9999, 9999, 9999, 9999, 9999],
            ),
        ] {
            let mut bytes = Vec::new();
            put_quantity(text.parse().unwrap(), &mut bytes);
            let words: Vec<u16> = bytes
                .as_chunks::<2>()
                .0
                .iter()
                .map(|word| u16::from_be_bytes(*word))
                .collect();
            assert_eq!(words, expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        let words = |words: &[u16]| {
            words
                .iter()
                .flat_map(|word| word.to_be_bytes())
                .collect::<Vec<u8>>()
        };
        for (what, bytes) in [
            ("negative", words(&[1, 0, 0x4000, 0, 1])),
            ("not a number", words(&[0, 0, 0xc000, 0])),
            ("fewer digits than said", words(&[2, 0, 0, 0, 1])),
            ("cut", words(&[1, 0, 0])),
            ("more decimals than said", words(&[2, 0, 0, 0, 1, 5])),
            ("too large for a quantity", words(&[1, 12, 0, 0, 1])),
        ] {
            assert_eq!(quantity(&bytes), None, "{what}");
        }
    }

    proptest! {
        #[test]
        fn quantities_and_totals_read_back(
            parts in prop::collection::vec((0..10u128.pow(28), 0u8..=37), 1..20),
        ) {
            let mut sum = Total::ZERO;
            for (coefficient, scale) in parts {
                let one = Quantity::new(coefficient, scale).unwrap();
                let mut bytes = Vec::new();
                put_quantity(one, &mut bytes);
                prop_assert_eq!(quantity(&bytes), Some(one));
                sum.add_quantity(one);
                bytes.clear();
                put_total(&sum, &mut bytes);
                prop_assert_eq!(total(&bytes), Some(sum.clone()));
                // However it is held.
                let mut large = Vec::new();
                put_total(&Total::Large(sum.to_sum()), &mut large);
                prop_assert_eq!(large, bytes);
            }
        }
    }
}
