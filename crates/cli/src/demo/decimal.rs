//! Decimals as texts, read exactly.

use num_bigint::BigInt;
use num_rational::BigRational;

use crate::figures::grouped;

/// The places to which the API shows quantities that are longer.
const SHOWN_PLACES: u32 = 12;

/// A plain decimal such as `-12.50`.
pub(super) fn decimal(text: &str) -> Option<BigRational> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if text.ends_with('.') || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: BigInt = format!("{whole}{fraction}").parse().ok()?;
    Some(BigRational::new(
        digits,
        BigInt::from(10).pow(u32::try_from(fraction.len()).ok()?),
    ))
}

/// Whether a text shows a number: exactly, or rounded to the places that the API shows.
pub(super) fn shows(text: &str, number: &BigRational) -> bool {
    let half_a_place = BigRational::new(1.into(), BigInt::from(2) * BigInt::from(10).pow(SHOWN_PLACES));
    let apart = |shown: BigRational| {
        if shown > *number {
            shown - number
        } else {
            number - shown
        }
    };
    decimal(text).is_some_and(|shown| apart(shown) <= half_a_place)
}

/// A number as the API shows it.
pub(super) fn shown(number: &BigRational) -> String {
    to_places(number, SHOWN_PLACES)
}

/// An amount of money in dollars and cents, with its thousands apart.
pub(super) fn dollars(cents: &BigInt) -> String {
    let amount = to_places(&BigRational::new(cents.clone(), 100.into()), 2);
    let (whole, fraction) = amount.split_once('.').unwrap_or((&amount, ""));
    grouped(&format!("{whole}.{fraction:0<2}"))
}

/// The cents of an amount in dollars.
pub(super) fn cents(amount: &str) -> Option<BigInt> {
    let cents = decimal(amount)? * BigInt::from(100);
    cents.is_integer().then(|| cents.to_integer())
}

/// A number, rounded to so many places for showing, without zeros at its end.
pub(super) fn to_places(number: &BigRational, places: u32) -> String {
    let one = BigInt::from(10).pow(places);
    let rounded = (number * &one).round().to_integer();
    let (sign, digits) = if rounded < BigInt::from(0) {
        ("-", -rounded)
    } else {
        ("", rounded)
    };
    let places = usize::try_from(places).unwrap_or(0);
    let text = format!("{}.{:0>places$}", &digits / &one, (&digits % &one).to_string());
    format!("{sign}{}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly_and_nothing_else_is() {
        let ratio =
            |numerator: i64, denominator: i64| Some(BigRational::new(numerator.into(), denominator.into()));
        for (text, number) in [
            ("0", ratio(0, 1)),
            ("12.50", ratio(25, 2)),
            ("-0.125", ratio(-1, 8)),
            ("0.000000000000000001", ratio(1, 1_000_000_000_000_000_000)),
            ("1.", None),
            ("", None),
            ("1e3", None),
            ("1.-5", None),
            ("many", None),
        ] {
            assert_eq!(decimal(text), number, "{text}");
        }
    }

    #[test]
    fn dollars_have_two_places_and_nothing_smaller_is_read_as_one() {
        for (amount, number) in [
            ("0.00", 0),
            ("0.05", 5),
            ("12.50", 1250),
            ("1234567.89", 123_456_789),
        ] {
            assert_eq!(cents(amount), Some(number.into()), "{amount}");
            assert_eq!(dollars(&number.into()).replace(',', ""), amount);
        }
        assert_eq!(dollars(&(-123_450).into()), "-1,234.50");
        assert_eq!(cents("0.005"), None);
    }

    #[test]
    fn a_shown_number_is_the_exact_one_to_the_twelfth_place() {
        let third = BigRational::new(1.into(), 3.into());
        assert_eq!(shown(&third), "0.333333333333");
        assert_eq!(shown(&BigRational::new((-5).into(), 2.into())), "-2.5");
        assert!(shows("0.333333333333", &third));
        assert!(!shows("0.333333333332", &third) && !shows("0.33333333333", &third));
    }
}
