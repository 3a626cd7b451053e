//! Figures as people read them. Decimals are texts and stay exact: nothing is rounded here.

use std::cmp::Ordering;

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
            .map_or(0, |(_, fraction)| fraction.len() + 1)
    };
    let widest = decimals.clone().map(places).max().unwrap_or_default();
    let fill = |decimal: &str| format!("{decimal}{:1$}", "", widest - places(decimal));
    decimals.map(fill).collect()
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
    fn sizes_are_compared_and_not_texts() {
        let mut decimals = ["100", "0", "50", "0.5", "5.25", "5", "1000.5"];
        decimals.sort_by(|a, b| by_size(a, b));
        assert_eq!(decimals, ["0", "0.5", "5", "5.25", "50", "100", "1000.5"]);
    }
}
