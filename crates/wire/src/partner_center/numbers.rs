//! Numbers, with a decimal point or a decimal comma.

use std::str::FromStr;

use domain::quantity::{Quantity, Rational};

use super::UnreadableLineItems;

/// What stands before decimal places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalMark {
    /// `1234.5`
    Point,
    /// `1234,5`
    Comma,
}

impl FromStr for DecimalMark {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "point" => Ok(Self::Point),
            "comma" => Ok(Self::Comma),
            _ => Err("expected point or comma"),
        }
    }
}

const NOT_A_NUMBER: &str = "expected a decimal number such as -16.25";

/// What all numbers of a file say about the decimal mark; none if only numbers like `1,234` would tell, and `1.234`
/// is a
/// decimal unless something says otherwise.
pub(super) fn conclusion<'a>(
    numbers: impl Iterator<Item = &'a str>,
) -> Result<Option<DecimalMark>, UnreadableLineItems> {
    let (mut point, mut comma, mut is_open) = (None, None, false);
    for number in numbers {
        match evidence(number) {
            Evidence::Of(DecimalMark::Point) => point = point.or(Some(number)),
            Evidence::Of(DecimalMark::Comma) => comma = comma.or(Some(number)),
            Evidence::Open => is_open = true,
            Evidence::None => {}
        }
    }
    match (point, comma) {
        (Some(point), Some(comma)) => Err(UnreadableLineItems::new(format!(
            "some numbers have a decimal point ('{point}') and some a decimal comma ('{comma}'): say with \
             decimalMark which it is"
        ))),
        (None, Some(_)) => Ok(Some(DecimalMark::Comma)),
        (Some(_), None) => Ok(Some(DecimalMark::Point)),
        (None, None) if is_open => Ok(None),
        (None, None) => Ok(Some(DecimalMark::Point)),
    }
}

enum Evidence {
    Of(DecimalMark),
    /// `1,234`: a decimal or thousands.
    Open,
    None,
}

fn evidence(number: &str) -> Evidence {
    let points = number.matches('.').count();
    let commas = number.matches(',').count();
    match (points, commas) {
        (0, 0) => Evidence::None,
        (_, 0) if points > 1 => Evidence::Of(DecimalMark::Comma),
        // A single point with three digits may separate thousands where another number says that there are commas.
        (1, 0) if is_group(number, '.') => Evidence::None,
        (_, 0) => Evidence::Of(DecimalMark::Point),
        (0, _) if commas > 1 => Evidence::Of(DecimalMark::Point),
        (0, _) if is_group(number, ',') => Evidence::Open,
        (0, _) => Evidence::Of(DecimalMark::Comma),
        _ if number.rfind('.') > number.rfind(',') => Evidence::Of(DecimalMark::Point),
        _ => Evidence::Of(DecimalMark::Comma),
    }
}

/// Whether what stands around a mark could be thousands: one to three digits, not just a zero, and three after it.
fn is_group(number: &str, mark: char) -> bool {
    let unsigned = number.trim_start_matches(['-', '(']).trim_end_matches(')');
    let Some((before, after)) = unsigned.split_once(mark) else {
        return false;
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (1..=3).contains(&before.len())
        && after.len() == 3
        && digits(before)
        && digits(after)
        && !before.starts_with('0')
}

/// Reads a number; one in parentheses is below zero, as in accounts.
pub(super) fn read(text: &str, mark: Option<DecimalMark>) -> Result<Rational, String> {
    let unparenthesised = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let (is_negative, digits) = match (unparenthesised, text.strip_prefix('-')) {
        (Some(digits), _) | (None, Some(digits)) => (true, digits),
        (None, None) => (false, text),
    };
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(NOT_A_NUMBER.to_owned());
    }
    let Some(mark) = mark.or(match evidence(text) {
        Evidence::Open => None,
        Evidence::Of(_) | Evidence::None => Some(DecimalMark::Point),
    }) else {
        return Err(
            "the comma may separate thousands or decimals: say with decimalMark which it is".to_owned(),
        );
    };
    let (decimal, thousands) = match mark {
        DecimalMark::Point => ('.', ','),
        DecimalMark::Comma => (',', '.'),
    };
    let (whole, fraction) = match digits.split_once(decimal) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let whole = without_groups(whole, thousands).ok_or_else(|| NOT_A_NUMBER.to_owned())?;
    let number = match fraction {
        Some(fraction) => format!("{whole}.{fraction}"),
        None => whole,
    };
    let number: Quantity = number.parse().map_err(|error| format!("{error}"))?;
    let number = number.to_rational();
    Ok(if is_negative { -number } else { number })
}

/// The digits without what separates thousands, if it separates all of them.
fn without_groups(whole: &str, thousands: char) -> Option<String> {
    let mut groups = whole.split(thousands);
    let first = groups.next()?;
    let mut joined = first.to_owned();
    for group in groups {
        if group.len() != 3 || !(1..=3).contains(&first.len()) {
            return None;
        }
        joined.push_str(group);
    }
    Some(joined)
}
