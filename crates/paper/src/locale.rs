//! How numbers, amounts and dates are written.
//!
//! A table of eleven locales after the Unicode CLDR (release 46): the separators of amounts, from how many digits on
//! they are grouped, the order of a date, and on which side the currency stands. Digits are ASCII in all of them, and
//! a minus is the ASCII hyphen as CLDR has it there, so that what is copied from paper is a number again.

use domain::money::{Currency, Money};
use domain::profile::Locale;
use domain::time::Timestamp;
use jiff::tz::TimeZone;

const NO_BREAK_SPACE: &str = "\u{a0}";
const NARROW_NO_BREAK_SPACE: &str = "\u{202f}";
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// How a locale writes.
struct Style {
    decimal: &'static str,
    group: &'static str,
    /// The separator of groups in amounts, where it is another one.
    group_of_money: Option<&'static str>,
    /// How many digits have to stand before the last three for these to be set apart.
    least_grouped: usize,
    date: DateStyle,
    currency_first: bool,
}

#[derive(Clone, Copy)]
enum DateStyle {
    /// `2026-10-31`, with this between the parts.
    YearFirst(&'static str),
    /// `31.10.2026`, with this between the parts.
    DayFirst(&'static str),
    /// `Oct 31, 2026`.
    American,
    /// `31 Oct 2026`.
    British,
}

const fn style(locale: Locale) -> Style {
    let neutral = Style {
        decimal: ".",
        group: NARROW_NO_BREAK_SPACE,
        group_of_money: None,
        least_grouped: 1,
        date: DateStyle::YearFirst("-"),
        currency_first: true,
    };
    let german = Style {
        decimal: ",",
        group: ".",
        date: DateStyle::DayFirst("."),
        currency_first: false,
        ..neutral
    };
    match locale {
        Locale::Neutral => neutral,
        Locale::EnUs => Style {
            group: ",",
            date: DateStyle::American,
            ..neutral
        },
        Locale::EnGb => Style {
            group: ",",
            date: DateStyle::British,
            ..neutral
        },
        Locale::DeDe => german,
        Locale::DeAt => Style {
            group: NO_BREAK_SPACE,
            group_of_money: Some("."),
            currency_first: true,
            ..german
        },
        Locale::DeCh => Style {
            group: "\u{2019}",
            date: DateStyle::DayFirst("."),
            ..neutral
        },
        Locale::FrFr => Style {
            group: NARROW_NO_BREAK_SPACE,
            date: DateStyle::DayFirst("/"),
            ..german
        },
        Locale::NlNl => Style {
            date: DateStyle::DayFirst("-"),
            currency_first: true,
            ..german
        },
        Locale::EsEs | Locale::ItIt => Style {
            least_grouped: 2,
            date: DateStyle::DayFirst("/"),
            ..german
        },
        Locale::JaJp => Style {
            group: ",",
            date: DateStyle::YearFirst("/"),
            ..neutral
        },
    }
}

fn written(decimal: &str, group: &str, style: &Style) -> String {
    let (sign, digits) = match decimal.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", decimal),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut text = sign.to_owned();
    let is_grouped = whole.len() >= 3 + style.least_grouped;
    for (place, digit) in whole.chars().enumerate() {
        if is_grouped && place > 0 && (whole.len() - place) % 3 == 0 {
            text.push_str(group);
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push_str(style.decimal);
        text.push_str(fraction);
    }
    text
}

/// A decimal number, written as the locale does. `decimal` is plain: a minus if it is below zero, digits, and a point.
pub(crate) fn number(locale: Locale, decimal: &str) -> String {
    let style = style(locale);
    written(decimal, style.group, &style)
}

/// An amount without its currency.
pub(crate) fn amount(locale: Locale, money: Money) -> String {
    let style = style(locale);
    let group = style.group_of_money.unwrap_or(style.group);
    written(&money.to_string(), group, &style)
}

/// An amount with the code of its currency.
pub(crate) fn amount_with_currency(locale: Locale, money: Money) -> String {
    let currency: Currency = money.currency();
    let amount = amount(locale, money);
    if style(locale).currency_first {
        format!("{currency}{NO_BREAK_SPACE}{amount}")
    } else {
        format!("{amount}{NO_BREAK_SPACE}{currency}")
    }
}

/// The UTC day of an instant.
pub(crate) fn date(locale: Locale, instant: Timestamp) -> String {
    let date = instant.to_zoned(TimeZone::UTC).date();
    let (year, month, day) = (date.year(), date.month(), date.day());
    let name = month_name(month);
    let short = name.get(..3).unwrap_or(name);
    match style(locale).date {
        DateStyle::YearFirst(between) => format!("{year:04}{between}{month:02}{between}{day:02}"),
        DateStyle::DayFirst(between) => format!("{day:02}{between}{month:02}{between}{year:04}"),
        DateStyle::American => format!("{short} {day}, {year}"),
        DateStyle::British => format!("{day} {short} {year}"),
    }
}

/// The name of a month, from 1.
pub(crate) fn month_name(month: i8) -> &'static str {
    let index = usize::try_from(month - 1).unwrap_or_default();
    MONTHS.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_dates_are_written_as_in_the_sellers_country() {
        let (small, large) = (
            Money::from_minor_units(-123_450, Currency::USD),
            Money::from_minor_units(1_234_567_890, Currency::USD),
        );
        let instant: Timestamp = "2026-11-03T23:59:59Z".parse().unwrap();
        let expected = [
            (
                Locale::Neutral,
                "-1\u{202f}234.50",
                "USD\u{a0}12\u{202f}345\u{202f}678.90",
                "2026-11-03",
            ),
            (Locale::EnUs, "-1,234.50", "USD\u{a0}12,345,678.90", "Nov 3, 2026"),
            (Locale::EnGb, "-1,234.50", "USD\u{a0}12,345,678.90", "3 Nov 2026"),
            (Locale::DeDe, "-1.234,50", "12.345.678,90\u{a0}USD", "03.11.2026"),
            (Locale::DeAt, "-1.234,50", "USD\u{a0}12.345.678,90", "03.11.2026"),
            (Locale::DeCh, "-1’234.50", "USD\u{a0}12’345’678.90", "03.11.2026"),
            (
                Locale::FrFr,
                "-1\u{202f}234,50",
                "12\u{202f}345\u{202f}678,90\u{a0}USD",
                "03/11/2026",
            ),
            (Locale::NlNl, "-1.234,50", "USD\u{a0}12.345.678,90", "03-11-2026"),
            (Locale::EsEs, "-1234,50", "12.345.678,90\u{a0}USD", "03/11/2026"),
            (Locale::ItIt, "-1234,50", "12.345.678,90\u{a0}USD", "03/11/2026"),
            (Locale::JaJp, "-1,234.50", "USD\u{a0}12,345,678.90", "2026/11/03"),
        ];
        assert_eq!(expected.map(|(locale, ..)| locale), Locale::ALL);
        for (locale, without, with, day) in expected {
            assert_eq!(amount(locale, small), without, "{locale}");
            assert_eq!(amount_with_currency(locale, large), with, "{locale}");
            assert_eq!(date(locale, instant), day, "{locale}");
        }
    }

    #[test]
    fn quantities_keep_every_digit_whatever_separates_them() {
        for (locale, written) in [
            (Locale::DeAt, "12\u{a0}345,000678"),
            (Locale::DeDe, "12.345,000678"),
            (Locale::EnUs, "12,345.000678"),
        ] {
            assert_eq!(number(locale, "12345.000678"), written, "{locale}");
        }
        assert_eq!(number(Locale::EnUs, "999"), "999");
        assert_eq!(number(Locale::EsEs, "1234"), "1234");
        assert_eq!(number(Locale::EsEs, "12345"), "12.345");
    }

    #[test]
    fn a_currency_without_a_minor_unit_has_no_decimals_and_one_with_three_has_three() {
        let money = |units, code: &str| Money::from_minor_units(units, code.parse().unwrap());
        assert_eq!(
            amount_with_currency(Locale::JaJp, money(1_234_567, "JPY")),
            "JPY\u{a0}1,234,567"
        );
        assert_eq!(
            amount_with_currency(Locale::DeDe, money(1_234_567, "KWD")),
            "1.234,567\u{a0}KWD"
        );
    }
}
