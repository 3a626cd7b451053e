//! Texts of the command line that are looked at before anything is sent.

/// A GUID with its dashes, in lower case.
pub(super) fn guid(text: &str) -> Result<String, String> {
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

/// A calendar month.
pub(super) fn period(text: &str) -> Result<String, String> {
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let month = |text: &str| digits(text, 2) && ("01"..="12").contains(&text);
    match text.split_once('-') {
        Some((year, rest)) if digits(year, 4) && month(rest) => Ok(text.to_owned()),
        _ => Err("expected a calendar month such as 2026-10".into()),
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
    fn a_tag_has_a_name() {
        assert_eq!(
            tag("operatedBy=endUser"),
            Ok(("operatedBy".into(), "endUser".into()))
        );
        assert_eq!(tag("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(tag("=x").is_err() && tag("x").is_err());
    }
}
