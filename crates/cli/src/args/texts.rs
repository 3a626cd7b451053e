//! Texts of the command line that are looked at before anything is sent.

use std::net::SocketAddr;
use std::time::Duration;

use domain::authorization::Scope;
use domain::money::Currency;

/// A GUID with its dashes, in lower case.
pub(crate) fn guid(text: &str) -> Result<String, String> {
    let text = text.trim();
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let hex = groups
        .iter()
        .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if hex && lengths == [8, 4, 4, 4, 12] {
        return Ok(text.to_ascii_lowercase());
    }
    Err("expected a GUID such as 5bf881b2-6be7-42a1-9f47-d6fcb6737747".into())
}

/// Who somebody is, and not what stands for it in a command that was to be filled in: no name is changed later.
pub(super) fn name(text: &str) -> Result<String, String> {
    if text.starts_with('[') && text.ends_with(']') {
        return Err(format!("put in who they are for {text}"));
    }
    Ok(text.to_owned())
}

/// A calendar month.
pub(super) fn period(text: &str) -> Result<String, String> {
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let month = |text: &str| digits(text, 2) && ("01"..="12").contains(&text);
    match text.split_once('-') {
        Some((year, rest)) if digits(year, 4) && month(rest) => Ok(text.to_owned()),
        _ => Err("expected a calendar month such as 2026-10".into()),
    }
}

/// A currency as ISO 4217 names it.
pub(super) fn currency(text: &str) -> Result<String, String> {
    let currency: Currency = text
        .to_ascii_uppercase()
        .parse()
        .map_err(|error| format!("{error}"))?;
    Ok(currency.to_string())
}

/// A decimal as the API writes it, such as an amount of money or an exchange rate.
pub(super) fn decimal(text: &str) -> Result<String, String> {
    is_decimal(text).then(|| text.to_owned()).ok_or_else(|| {
        "expected a number such as 19.5: digits, with a point before decimal places".to_owned()
    })
}

/// A rate in percent.
pub(super) fn percent(text: &str) -> Result<String, String> {
    is_decimal(text)
        .then(|| text.to_owned())
        .ok_or_else(|| "expected a number such as 19.5: digits with a point, without %".to_owned())
}

/// How many cores.
pub(super) fn cores(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| "expected a whole number of cores, such as 96".to_owned())
}

/// Whether it may be a decimal. What is below zero the server refuses with what it is for.
fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.strip_prefix('-').unwrap_or(text).split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(text.strip_prefix('-').unwrap_or(text)),
    }
}

/// The start of an hour, or of a day (`2026-10-01`).
pub(super) fn hour(text: &str) -> Result<String, String> {
    let refuse = || {
        "expected the start of an hour such as 2026-10-01T13:00:00Z, or a day such as 2026-10-01".to_owned()
    };
    let instant = if text.contains(['T', 't']) {
        text.to_owned()
    } else {
        format!("{text}T00:00:00Z")
    };
    let instant: jiff::Timestamp = instant.parse().map_err(|_| refuse())?;
    if instant.as_second() % 3600 != 0 || instant.subsec_nanosecond() != 0 {
        return Err(refuse());
    }
    Ok(instant.to_string())
}

/// An address to listen on, with its port.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        let expected = "expected an address with a port, such as 127.0.0.1:8443 or [::1]:8443";
        match (text.parse::<u16>(), text.strip_prefix("localhost:")) {
            (Ok(port), _) => {
                format!("{expected}: write 127.0.0.1:{port}, or 0.0.0.0:{port} for every address")
            }
            (_, Some(port)) => format!("{expected}: write 127.0.0.1:{port} instead of the name"),
            _ => format!("{expected}; 0.0.0.0 is every address"),
        }
    })
}

/// Where a role or a lock holds, as it is written everywhere.
pub(super) fn scope(text: &str) -> Result<String, String> {
    let scope: Scope = text.parse().map_err(|error| format!("{error}"))?;
    Ok(scope.to_string())
}

/// The shortest and the longest time for which an access token may be good.
const ACCESS_TOKEN_MINUTES: std::ops::RangeInclusive<u64> = 5..=24 * 60;
/// The shortest and the longest time for which a refresh token may be good.
const REFRESH_TOKEN_MINUTES: std::ops::RangeInclusive<u64> = 60..=90 * 24 * 60;

/// How long an access token is good.
pub(crate) fn access_token_lifetime(text: &str) -> Result<Duration, String> {
    let minutes = minutes(text).filter(|minutes| ACCESS_TOKEN_MINUTES.contains(minutes));
    let expected = || "expected a time from 5m to 24h, such as 90m or 1h".to_owned();
    minutes.map(of_minutes).ok_or_else(expected)
}

/// How long a refresh token is good.
pub(crate) fn refresh_token_lifetime(text: &str) -> Result<Duration, String> {
    let minutes = minutes(text).filter(|minutes| REFRESH_TOKEN_MINUTES.contains(minutes));
    let expected = || "expected a time from 1h to 90d, such as 12h or 14d".to_owned();
    minutes.map(of_minutes).ok_or_else(expected)
}

/// A number of minutes, hours or days: `90m`, `12h`, `14d`.
fn minutes(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(minutes)
}

const fn of_minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// A tag: `name=value`.
pub(super) fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected name=value".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_are_understood_in_any_case() {
        let lower = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";
        assert_eq!(guid(&lower.to_uppercase()).as_deref(), Ok(lower));
        for text in [
            "",
            "north",
            "5bf881b26be742a19f47d6fcb6737747",
            "5bf881b2-6be7-42a1-9f47-d6fcb673774g",
            "----",
        ] {
            assert!(guid(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_customer_would_be_called_name_for_ever() {
        assert!(name("[NAME]").unwrap_err().contains("for [NAME]"));
        for good in ["Fjordbank", "Fjordbank [north]"] {
            assert_eq!(name(good).unwrap(), good);
        }
    }

    #[test]
    fn a_period_is_a_month() {
        assert_eq!(period("2026-10").as_deref(), Ok("2026-10"));
        for text in [
            "2026-13",
            "2026-00",
            "2026-1",
            "26-10",
            "2026-10-01",
            "october",
            "",
        ] {
            assert!(period(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_currency_has_three_letters_in_any_case() {
        assert_eq!(currency("usd").as_deref(), Ok("USD"));
        for text in ["", "US", "dollars", "$"] {
            assert!(currency(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_comma_or_a_percent_sign_is_told_the_right_form_and_not_guessed_at() {
        for good in ["19.5", "0", "1.0825", "-1"] {
            assert_eq!(decimal(good).as_deref(), Ok(good));
            assert_eq!(percent(good).as_deref(), Ok(good));
        }
        for text in ["19,5", "19.5%", "1.000,00", ".5", "5.", "", "1e3", "+1", "ten"] {
            assert!(decimal(text).unwrap_err().contains("such as 19.5"), "{text}");
            assert!(percent(text).unwrap_err().contains("without %"), "{text}");
        }
        assert_eq!(cores("96"), Ok(96));
        for text in ["96.5", "many", "-1", ""] {
            assert!(cores(text).unwrap_err().contains("such as 96"), "{text}");
        }
    }

    #[test]
    fn an_hour_can_be_given_as_a_day() {
        for (text, expected) in [
            ("2026-10-01", "2026-10-01T00:00:00Z"),
            ("2026-10-01T13:00:00Z", "2026-10-01T13:00:00Z"),
            ("2026-10-01T13:00:00+02:00", "2026-10-01T11:00:00Z"),
        ] {
            assert_eq!(hour(text).as_deref(), Ok(expected));
        }
        for text in ["2026-10-01T13:30:00Z", "2026-10-01T13:00:00", "yesterday", ""] {
            assert!(hour(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_without_its_port_or_a_port_without_its_address_is_told_what_is_missing() {
        assert_eq!(address("[::1]:0").map(|it| it.port()), Ok(0));
        for (text, told) in [
            ("9447", "write 127.0.0.1:9447"),
            ("localhost:9447", "write 127.0.0.1:9447"),
            ("127.0.0.1", "an address with a port"),
            (":9447", "an address with a port"),
            ("", "an address with a port"),
        ] {
            let error = address(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn lifetimes_have_a_unit_and_bounds() {
        let hours = |hours: u64| Ok(Duration::from_secs(hours * 60 * 60));
        for (text, expected) in [("60m", hours(1)), ("24h", hours(24)), ("1d", hours(24))] {
            assert_eq!(access_token_lifetime(text), expected, "{text}");
        }
        assert_eq!(refresh_token_lifetime("14d"), hours(14 * 24));
        for text in [
            "",
            "1",
            "h",
            "4m",
            "25h",
            "1w",
            "-1h",
            "1.5h",
            "99999999999999999999d",
            "1ü",
        ] {
            assert!(access_token_lifetime(text).is_err(), "{text}");
        }
        assert!(refresh_token_lifetime("59m").is_err() && refresh_token_lifetime("91d").is_err());
    }

    #[test]
    fn a_scope_is_written_in_one_way() {
        let id = "06000000-0000-4000-8000-000000000001";
        let written = scope(&format!("/SUBSCRIPTIONS/{id}//resourcegroups/azurestack/"));
        assert_eq!(
            written,
            Ok(format!("/subscriptions/{id}/resourceGroups/azurestack"))
        );
        assert_eq!(scope("/").as_deref(), Ok("/"));
        assert!(scope("/subscriptions/north").is_err());
    }

    #[test]
    fn a_tag_has_a_name() {
        assert_eq!(
            tag("operatedBy=endUser"),
            Ok(("operatedBy".into(), "endUser".into()))
        );
        assert_eq!(tag("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(tag("=x").is_err() && tag("x").is_err());
    }
}
