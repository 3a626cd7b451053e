//! Which api-version a request speaks.

use super::resource_types::{ResourceType, Versions};
use crate::error::Failure;
use crate::query::{Query, excerpt};

/// Checks the version of a request about a type of resources, and says which it is.
pub(crate) fn speaks<'a>(query: &'a Query, kind: &ResourceType) -> Result<&'a str, Failure> {
    let version = query.text("api-version")?.ok_or_else(|| {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        Failure::invalid("MissingApiVersionParameter", message).about("api-version")
    })?;
    check(version, kind).map(|()| version)
}

/// The same, where a client may leave the version out.
pub(crate) fn speaks_if_said(query: &Query, kind: &ResourceType) -> Result<(), Failure> {
    query
        .text("api-version")?
        .map_or(Ok(()), |version| check(version, kind))
}

fn check(version: &str, kind: &ResourceType) -> Result<(), Failure> {
    let told = kind.versions.told();
    let served = match kind.versions {
        Versions::These(_) => told.iter().any(|known| version.eq_ignore_ascii_case(known)),
        Versions::Any(_) => is_a_version(version),
    };
    if served {
        return Ok(());
    }
    let (version, supported) = (excerpt(version), told.join(", "));
    if !is_a_version(version) {
        let message =
            format!("The api-version '{version}' is invalid. The supported versions are '{supported}'.");
        return Err(Failure::invalid("InvalidApiVersionParameter", message).about("api-version"));
    }
    let message = format!(
        "No registered resource provider found for location 'global' and API version '{version}' for type '{}'. The \
         supported api-versions are '{supported}'. The supported locations are 'global'.",
        kind.name
    );
    Err(Failure::invalid("NoRegisteredProviderFound", message).about("api-version"))
}

/// Whether a text is a date since the year 2000, with `-preview` or without.
fn is_a_version(text: &str) -> bool {
    let (date, suffix) = text.as_bytes().split_at(text.len().min(10));
    (suffix.is_empty() || suffix.eq_ignore_ascii_case(b"-preview"))
        && date.len() == 10
        && date.starts_with(b"20")
        && date.iter().enumerate().all(|(place, byte)| match place {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::super::resource_types::{
        CUSTOMER_SUBSCRIPTIONS, LINKED_SUBSCRIPTIONS, REGISTRATIONS, RESOURCE_GROUPS,
    };
    use super::*;
    use axum::http::Uri;

    #[test]
    fn versions_are_told_apart() {
        for (text, registrations, customers, linked, groups) in [
            ("api-version=2017-06-01", true, true, false, true),
            ("API-VERSION=2020-06-01-PREVIEW", true, true, true, true),
            ("Api-Version=2022-06-01", true, true, false, true),
            ("api-version=2016-01-01", true, false, false, true),
            ("api-version=2024-11-01", false, false, false, true),
            ("api-version=1999-01-01", false, false, false, false),
            ("api-version=latest", false, false, false, false),
            ("api-version=", false, false, false, false),
            ("", false, false, false, false),
        ] {
            let query = Query::of(&format!("/x?{text}").parse::<Uri>().unwrap()).unwrap();
            for (kind, served) in [
                (&REGISTRATIONS, registrations),
                (&CUSTOMER_SUBSCRIPTIONS, customers),
                (&LINKED_SUBSCRIPTIONS, linked),
                (&RESOURCE_GROUPS, groups),
            ] {
                assert_eq!(speaks(&query, kind).is_ok(), served, "{text} {}", kind.name);
            }
        }
    }
}
