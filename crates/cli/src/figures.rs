//! Figures as people read them. Decimals are texts and stay exact: nothing is rounded here.

/// A decimal with its thousands apart: `1234567.5` becomes `1,234,567.5`. What is no plain decimal stays as it is.
pub(crate) fn grouped(decimal: &str) -> String {
    let (sign, digits) = decimal.strip_prefix('-').map_or(("", decimal), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
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
    }
}
