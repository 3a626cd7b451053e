//! Exact decimals: what a record says was consumed, and sums of it.
//!
//! A quantity is read from the text as sent (`16.461425899527967`, `6.36465847492218e-06`, `2.4000000000`) and never
//! passes through a binary float. It has at most 28 significant digits; a text with more is an error, never rounded.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// An exact fraction.
pub use num_rational::BigRational as Rational;

/// The most significant digits a quantity or a price may have.
pub const SIGNIFICANT_DIGITS_MAX: u32 = 28;
/// The most decimal places a quantity or a price may have, once trailing zeros are gone.
pub const SCALE_MAX: u8 = 37;

/// A text that is not a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuantity {
    /// Not a decimal number.
    #[error("expected a decimal number such as 16.461425899527967 or 6.36465847492218e-06")]
    NotANumber,
    /// Below zero.
    #[error("expected a quantity of zero or more")]
    Negative,
    /// More digits than can be kept.
    #[error("expected at most {SIGNIFICANT_DIGITS_MAX} significant digits")]
    TooManyDigits,
    /// Too large or too small to be kept.
    #[error("expected a number below 10^{SIGNIFICANT_DIGITS_MAX} with at most {SCALE_MAX} decimal places")]
    OutOfRange,
}

/// `10^exponent`.
fn power_of_ten(exponent: u32) -> BigInt {
    BigInt::from(10u8).pow(exponent)
}

/// An exact decimal of zero or more: `coefficient / 10^scale`, without trailing zeros, so that equal numbers are
/// equal values.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quantity {
    coefficient: u128,
    scale: u8,
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self {
        coefficient: 0,
        scale: 0,
    };
    /// One unit.
    pub const ONE: Self = Self {
        coefficient: 1,
        scale: 0,
    };

    /// `coefficient / 10^scale`.
    ///
    /// # Errors
    /// [`InvalidQuantity::TooManyDigits`] or [`InvalidQuantity::OutOfRange`] if it cannot be kept.
    pub fn new(coefficient: u128, scale: u8) -> Result<Self, InvalidQuantity> {
        let (mut coefficient, mut scale) = (coefficient, scale);
        if coefficient == 0 {
            return Ok(Self::ZERO);
        }
        while scale > 0 && coefficient.is_multiple_of(10) {
            coefficient /= 10;
            scale -= 1;
        }
        if coefficient.ilog10() >= SIGNIFICANT_DIGITS_MAX {
            return Err(InvalidQuantity::TooManyDigits);
        }
        if scale > SCALE_MAX {
            return Err(InvalidQuantity::OutOfRange);
        }
        Ok(Self { coefficient, scale })
    }

    /// The digits without the point.
    #[must_use]
    pub const fn coefficient(self) -> u128 {
        self.coefficient
    }

    /// How many of the digits stand behind the point.
    #[must_use]
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// The same number as a fraction.
    #[must_use]
    pub fn to_rational(self) -> BigRational {
        QuantitySum::from(self).to_rational()
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.scale == other.scale {
            return self.coefficient.cmp(&other.coefficient);
        }
        self.to_rational().cmp(&other.to_rational())
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Quantity {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let (negative, digits) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let mut coefficient: u128 = 0;
        let mut significant: u32 = 0;
        // Zeros are held back until a later digit proves that they count.
        let mut zeros_held: u32 = 0;
        let mut whole_digits = 0usize;
        let mut fraction_digits = 0usize;
        let mut in_fraction = false;
        let mut exponent: i32 = 0;
        let mut rest = digits.iter();
        while let Some(&byte) = rest.next() {
            match byte {
                b'0'..=b'9' => {
                    if in_fraction {
                        fraction_digits += 1;
                    } else {
                        whole_digits += 1;
                    }
                    let digit = u32::from(byte - b'0');
                    if digit == 0 {
                        zeros_held += u32::from(significant > 0);
                        continue;
                    }
                    significant += zeros_held + 1;
                    if significant > SIGNIFICANT_DIGITS_MAX {
                        return Err(InvalidQuantity::TooManyDigits);
                    }
                    coefficient = coefficient * 10u128.pow(zeros_held + 1) + u128::from(digit);
                    zeros_held = 0;
                }
                b'.' if !in_fraction && whole_digits > 0 => in_fraction = true,
                b'e' | b'E' => {
                    exponent = parse_exponent(rest.as_slice())?;
                    break;
                }
                _ => return Err(InvalidQuantity::NotANumber),
            }
        }
        if whole_digits == 0 || (in_fraction && fraction_digits == 0) {
            return Err(InvalidQuantity::NotANumber);
        }
        if coefficient == 0 {
            return Ok(Self::ZERO);
        }
        if negative {
            return Err(InvalidQuantity::Negative);
        }
        // The value is coefficient * 10^power.
        let fraction_digits = i32::try_from(fraction_digits).map_err(|_| InvalidQuantity::OutOfRange)?;
        let zeros_held = i32::try_from(zeros_held).map_err(|_| InvalidQuantity::OutOfRange)?;
        let power = exponent + zeros_held - fraction_digits;
        if power <= 0 {
            let scale = u8::try_from(power.unsigned_abs()).map_err(|_| InvalidQuantity::OutOfRange)?;
            return Self::new(coefficient, scale);
        }
        let power = power.unsigned_abs();
        if power + significant > SIGNIFICANT_DIGITS_MAX {
            return Err(InvalidQuantity::OutOfRange);
        }
        Self::new(coefficient * 10u128.pow(power), 0)
    }
}

fn parse_exponent(text: &[u8]) -> Result<i32, InvalidQuantity> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(InvalidQuantity::NotANumber);
    }
    let mut exponent: i32 = 0;
    for digit in digits {
        // Far beyond what can be kept; held there so that no exponent overflows.
        exponent = (exponent * 10 + i32::from(digit - b'0')).min(10_000);
    }
    Ok(if negative { -exponent } else { exponent })
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, false, &self.coefficient.to_string(), usize::from(self.scale))
    }
}

impl fmt::Debug for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quantity({self})")
    }
}

fn write_decimal(f: &mut fmt::Formatter<'_>, negative: bool, digits: &str, scale: usize) -> fmt::Result {
    let sign = if negative { "-" } else { "" };
    if scale == 0 {
        return f.pad_integral(true, "", &format!("{sign}{digits}"));
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    f.pad(&format!("{sign}{whole}.{fraction}"))
}

/// A sum of quantities, exact whatever is added to it.
#[derive(Clone, Default)]
pub struct QuantitySum {
    coefficient: BigInt,
    scale: u32,
}

impl QuantitySum {
    /// `coefficient / 10^scale`.
    #[must_use]
    pub fn new(coefficient: BigInt, scale: u32) -> Self {
        Self { coefficient, scale }
    }

    /// The digits without the point. Trailing zeros may be among them.
    #[must_use]
    pub const fn coefficient(&self) -> &BigInt {
        &self.coefficient
    }

    /// How many of the digits stand behind the point.
    #[must_use]
    pub const fn scale(&self) -> u32 {
        self.scale
    }

    /// Adds another sum.
    pub fn add(&mut self, other: &Self) {
        if other.scale > self.scale {
            self.coefficient *= power_of_ten(other.scale - self.scale);
            self.scale = other.scale;
        }
        if other.scale == self.scale {
            self.coefficient += &other.coefficient;
        } else {
            self.coefficient += &other.coefficient * power_of_ten(self.scale - other.scale);
        }
    }

    /// Takes another sum away.
    pub fn subtract(&mut self, other: &Self) {
        self.add(&Self {
            coefficient: -&other.coefficient,
            scale: other.scale,
        });
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.coefficient.is_zero()
    }

    /// The same number as a fraction.
    #[must_use]
    pub fn to_rational(&self) -> BigRational {
        BigRational::new(self.coefficient.clone(), power_of_ten(self.scale))
    }
}

impl From<Quantity> for QuantitySum {
    fn from(quantity: Quantity) -> Self {
        Self {
            coefficient: BigInt::from(quantity.coefficient),
            scale: u32::from(quantity.scale),
        }
    }
}

impl PartialEq for QuantitySum {
    fn eq(&self, other: &Self) -> bool {
        if self.scale == other.scale {
            return self.coefficient == other.coefficient;
        }
        let mut difference = self.clone();
        difference.subtract(other);
        difference.is_zero()
    }
}

impl Eq for QuantitySum {}

impl<'a> std::iter::Sum<&'a Self> for QuantitySum {
    fn sum<I: Iterator<Item = &'a Self>>(quantities: I) -> Self {
        quantities.fold(Self::default(), |mut sum, quantity| {
            sum.add(quantity);
            sum
        })
    }
}

impl fmt::Display for QuantitySum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.coefficient.abs().to_string();
        let scale = self.scale.to_usize().unwrap_or(usize::MAX);
        let zeros = digits.len() - digits.trim_end_matches('0').len();
        let drop = zeros.min(scale);
        if self.is_zero() {
            return f.pad("0");
        }
        write_decimal(
            f,
            self.coefficient.is_negative(),
            &digits[..digits.len() - drop],
            scale - drop,
        )
    }
}

/// A text that is no sum of quantities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a decimal number, such as 16.25")]
pub struct InvalidQuantitySum;

impl FromStr for QuantitySum {
    type Err = InvalidQuantitySum;

    /// Reads what is written of a sum: digits, perhaps with a point among them and a minus before them.
    fn from_str(text: &str) -> Result<Self, InvalidQuantitySum> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let ends_bare = unsigned.ends_with('.');
        if whole.is_empty() || ends_bare || !digits(whole) || !digits(fraction) {
            return Err(InvalidQuantitySum);
        }
        let sign = if unsigned.len() < text.len() { "-" } else { "" };
        let coefficient = format!("{sign}{whole}{fraction}").parse();
        let scale = u32::try_from(fraction.len());
        match (coefficient, scale) {
            (Ok(coefficient), Ok(scale)) => Ok(Self { coefficient, scale }),
            _ => Err(InvalidQuantitySum),
        }
    }
}

impl fmt::Debug for QuantitySum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QuantitySum({self})")
    }
}

/// Writes a fraction as a decimal: in full where it ends, and rounded half away from zero to this many places where it
/// does not. The second value says whether the text is the exact number. Money is never made from the text: see
/// [`crate::money::round`].
#[must_use]
pub fn decimal_text(number: &BigRational, places_of_endless: u32) -> (String, bool) {
    let in_full = decimal_places(number);
    let places = in_full.unwrap_or(places_of_endless);
    let units = (number * power_of_ten(places)).round().to_integer();
    (QuantitySum::new(units, places).to_string(), in_full.is_some())
}

/// How many places a fraction has as a decimal; none if it never ends. It ends if its denominator, in lowest terms, is a
/// product of twos and fives.
fn decimal_places(number: &BigRational) -> Option<u32> {
    let (two, five) = (BigInt::from(2), BigInt::from(5));
    let (mut rest, mut twos, mut fives) = (number.denom().clone(), 0, 0);
    for (prime, count) in [(&two, &mut twos), (&five, &mut fives)] {
        while (&rest % prime).is_zero() {
            rest /= prime;
            *count += 1;
        }
    }
    rest.is_one().then(|| twos.max(fives))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quantity(text: &str) -> Quantity {
        text.parse().unwrap()
    }

    #[test]
    fn the_texts_that_real_stacks_send_are_read_exactly() {
        for (text, coefficient, scale) in [
            ("16.461425899527967", 16_461_425_899_527_967, 15),
            ("6.36465847492218e-06", 636_465_847_492_218, 20),
            ("2.4000000000", 24, 1),
            ("0.000186920166015625", 186_920_166_015_625, 18),
            ("1.0", 1, 0),
            ("1e3", 1000, 0),
            ("1.50E+2", 150, 0),
            ("0", 0, 0),
            ("-0.00", 0, 0),
            ("0e-99", 0, 0),
            ("1000", 1000, 0),
            ("100.10", 1001, 1),
            ("1e-37", 1, 37),
            (
                "9999999999999999999999999999",
                9_999_999_999_999_999_999_999_999_999,
                0,
            ),
            ("1.00000000000000000000000000000000000000000000000", 1, 0),
            (
                "0.0000000001234567890123456789012345678",
                1_234_567_890_123_456_789_012_345_678,
                37,
            ),
        ] {
            let read = quantity(text);
            assert_eq!((read.coefficient(), read.scale()), (coefficient, scale), "{text}");
        }
    }

    #[test]
    fn a_text_that_cannot_be_kept_exactly_is_refused_never_rounded() {
        for (text, error) in [
            ("1.00000000000000000000000000001", InvalidQuantity::TooManyDigits),
            ("12345678901234567890123456789", InvalidQuantity::TooManyDigits),
            ("1e28", InvalidQuantity::OutOfRange),
            ("10000000000000000000000000000", InvalidQuantity::OutOfRange),
            ("1e-38", InvalidQuantity::OutOfRange),
            ("1e99999999999", InvalidQuantity::OutOfRange),
            ("-1", InvalidQuantity::Negative),
            ("-1e-9", InvalidQuantity::Negative),
        ] {
            assert_eq!(text.parse::<Quantity>(), Err(error), "{text}");
        }
        for text in [
            "", "-", ".", ".5", "5.", "1,5", "1e", "1e+", "NaN", "Infinity", "0x10", "1 ", "+1", "1.2.3",
        ] {
            assert_eq!(
                text.parse::<Quantity>(),
                Err(InvalidQuantity::NotANumber),
                "{text}"
            );
        }
    }

    #[test]
    fn sums_keep_every_digit() {
        let mut sum = QuantitySum::from(quantity("1e27"));
        sum.add(&quantity("1e-37").into());
        assert_eq!(
            sum.to_string(),
            "1000000000000000000000000000.0000000000000000000000000000000000001"
        );
        sum.subtract(&quantity("1e27").into());
        assert_eq!(sum, QuantitySum::from(quantity("1e-37")));
        sum.subtract(&quantity("3e-37").into());
        assert_eq!(sum.to_string(), "-0.0000000000000000000000000000000000002");
    }

    #[test]
    fn a_fraction_is_shown_rounded_and_says_so() {
        let third = BigRational::new(1.into(), 3.into());
        assert_eq!(decimal_text(&third, 4), ("0.3333".to_owned(), false));
        let two_thirds = BigRational::new((-2).into(), 300.into());
        assert_eq!(decimal_text(&two_thirds, 3), ("-0.007".to_owned(), false));
    }

    #[test]
    fn a_fraction_that_ends_is_shown_to_its_end() {
        for (numerator, denominator, text) in [
            (-5, 1000, "-0.005"),
            (1, 1024, "0.0009765625"),
            (1, 1 << 20, "0.00000095367431640625"),
            (372, 744, "0.5"),
            (0, 7, "0"),
            (1200, 1, "1200"),
        ] {
            let number = BigRational::new(numerator.into(), denominator.into());
            assert_eq!(decimal_text(&number, 2), (text.to_owned(), true));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_the_same_quantity(
            coefficient in 0..10u128.pow(28), scale in 0..=SCALE_MAX,
        ) {
            let written = Quantity::new(coefficient, scale).unwrap();
            prop_assert_eq!(written.to_string().parse(), Ok(written));
        }

        #[test]
        fn no_text_makes_parsing_panic(text in "[-+0-9.eE]{0,60}") {
            if let Ok(quantity) = text.parse::<Quantity>() {
                prop_assert_eq!(quantity.to_string().parse(), Ok(quantity));
            }
        }

        #[test]
        fn the_order_of_adding_changes_nothing(
            parts in prop::collection::vec((0..10u128.pow(28), 0..=SCALE_MAX), 0..20),
        ) {
            let parts: Vec<QuantitySum> =
                parts.into_iter().map(|(c, s)| Quantity::new(c, s).unwrap().into()).collect();
            let forward: QuantitySum = parts.iter().sum();
            let backward: QuantitySum = parts.iter().rev().sum();
            prop_assert_eq!(&forward, &backward);
            let exact = parts.iter().fold(BigRational::zero(), |sum, part| sum + part.to_rational());
            prop_assert_eq!(forward.to_rational(), exact);
        }
    }
}
