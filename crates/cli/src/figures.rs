//! Figures as people read them. Decimals are texts and stay exact: nothing is rounded here.

use std::cmp::Ordering;

use num_bigint::BigInt;

/// A decimal with its thousands apart: `1234567.5` becomes `1,234,567.5`. What is no plain decimal stays as it is.
pub(crate) fn grouped(decimal: &str) -> String {
    let (sign, digits) = decimal
        .strip_prefix('-')
        .map_or(("", decimal), |digits| ("-", digits));
    let (whole, fraction) = digits
        .split_once('.')
        .map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !fraction.is_none_or(plain) {
        return decimal.to_owned();
    }
    let mut text = String::with_capacity(decimal.len() + decimal.len() / 3);
    text.push_str(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// A count with its thousands apart.
pub(crate) fn count(count: u64) -> String {
    grouped(&count.to_string())
}

/// A count of things, of which one is a `thing` and several are `things`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{} {thing}{end}", count(number))
}

/// Decimals filled up to the right, so that their points stand below each other when the texts end together.
pub(crate) fn aligned<'a>(decimals: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    // A point with nothing after it is no place for one.
    let places = |decimal: &str| {
        decimal
            .split_once('.')
            .map_or(0, |(_, fraction)| fraction.chars().count() + 1)
    };
    let widest = decimals.clone().map(places).max().unwrap_or_default();
    let fill = |decimal: &str| format!("{decimal}{:1$}", "", widest - places(decimal));
    decimals.map(fill).collect()
}

/// The sum of decimals, exact, with as many places as the one that has most; nothing if a text is no plain decimal.
pub(crate) fn sum<'a>(decimals: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut sum = BigInt::ZERO;
    let mut places = 0;
    for decimal in decimals {
        let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
        let digits: BigInt = format!("{whole}{fraction}").parse().ok()?;
        let own = u32::try_from(fraction.len()).ok()?;
        let power = |places| BigInt::from(10).pow(places);
        sum = sum * power(own.saturating_sub(places)) + digits * power(places.saturating_sub(own));
        places = places.max(own);
    }
    let (sign, digits) = match sum.to_string().strip_prefix('-') {
        Some(digits) => ("-", digits.to_owned()),
        None => ("", sum.to_string()),
    };
    let places = usize::try_from(places).ok()?;
    let digits = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

/// Orders decimals of zero or more, written without an exponent, by their size.
pub(crate) fn by_size(a: &str, b: &str) -> Ordering {
    let whole = |decimal: &str| {
        decimal
            .split('.')
            .next()
            .unwrap_or_default()
            .trim_start_matches('0')
            .len()
    };
    let digits = |decimal: &str| decimal.trim_start_matches('0').to_owned();
    whole(a).cmp(&whole(b)).then_with(|| digits(a).cmp(&digits(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_kept_apart_and_nothing_is_rounded() {
        for (decimal, expected) in [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-1234567.5", "-1,234,567.5"),
            ("100000.00", "100,000.00"),
            ("16461.425899527967", "16,461.425899527967"),
            ("1/3", "1/3"),
            ("1e-7", "1e-7"),
            ("1.", "1."),
            ("", ""),
        ] {
            assert_eq!(grouped(decimal), expected);
        }
        assert_eq!(count(1_000_000), "1,000,000");
        assert_eq!(
            ["0 records", "1 record", "1,000 records"],
            [0, 1, 1000].map(|it| counted(it, "record"))
        );
    }

    #[test]
    fn points_stand_below_each_other() {
        assert_eq!(
            aligned(["1.50", "", "10", "0.125"].into_iter()),
            ["1.50 ", "    ", "10    ", "0.125"]
        );
        assert_eq!(aligned(["1", "10"].into_iter()), ["1", "10"]);
    }

    #[test]
    fn sums_are_exact() {
        for (decimals, expected) in [
            (vec![], Some("0")),
            (vec!["1.10", "2.2"], Some("3.30")),
            (vec!["0.05", "-0.07"], Some("-0.02")),
            (
                vec!["1", "0.000000000000000000000000000001"],
                Some("1.000000000000000000000000000001"),
            ),
            (vec!["744", "16"], Some("760")),
            (vec!["1", "about 2"], None),
        ] {
            assert_eq!(sum(decimals.iter().copied()).as_deref(), expected, "{decimals:?}");
        }
    }

    #[test]
    fn sizes_are_compared_and_not_texts() {
        let mut decimals = ["100", "0", "50", "0.5", "5.25", "5", "1000.5"];
        decimals.sort_by(|a, b| by_size(a, b));
        assert_eq!(decimals, ["0", "0.5", "5", "5.25", "50", "100", "1000.5"]);
    }
}
