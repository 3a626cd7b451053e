//! Which api-version a request speaks.

use wire::azure_stack::API_VERSIONS;

use crate::error::Failure;
use crate::query::{Query, excerpt};

/// Checks the version of a request about a resource type of `Microsoft.AzureStack`.
pub(crate) fn azure_stack(query: &Query, resource_type: &str) -> Result<(), Failure> {
    let version = given(query)?;
    if API_VERSIONS
        .iter()
        .any(|known| version.eq_ignore_ascii_case(known))
    {
        return Ok(());
    }
    let version = excerpt(version);
    let supported = API_VERSIONS.join(", ");
    if !is_a_version(version) {
        let message =
            format!("The api-version '{version}' is invalid. The supported versions are '{supported}'.");
        return Err(Failure::invalid("InvalidApiVersionParameter", message).about("api-version"));
    }
    let message = format!(
        "No registered resource provider found for location 'global' and API version '{version}' for type \
         '{resource_type}'. The supported api-versions are '{supported}'. The supported locations are 'global'."
    );
    Err(Failure::invalid("NoRegisteredProviderFound", message).about("api-version"))
}

/// Checks the version of a request about ARM's own resources. They have looked the same in every version, and clients
/// ask with whichever they know.
pub(crate) fn resource_manager(query: &Query) -> Result<(), Failure> {
    let version = given(query)?;
    if is_a_version(version) {
        return Ok(());
    }
    let message = format!(
        "The api-version '{}' is invalid. Expected a date such as 2024-11-01, with -preview or without.",
        excerpt(version)
    );
    Err(Failure::invalid("InvalidApiVersionParameter", message).about("api-version"))
}

fn given(query: &Query) -> Result<&str, Failure> {
    query.text("api-version")?.ok_or_else(|| {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        Failure::invalid("MissingApiVersionParameter", message).about("api-version")
    })
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
    use super::*;
    use axum::http::Uri;

    #[test]
    fn versions_are_told_apart() {
        for (text, azure_stack_ok, resource_manager_ok) in [
            ("api-version=2017-06-01", true, true),
            ("API-VERSION=2020-06-01-PREVIEW", true, true),
            ("Api-Version=2022-06-01", true, true),
            ("api-version=2016-01-01", false, true),
            ("api-version=2024-11-01", false, true),
            ("api-version=1999-01-01", false, false),
            ("api-version=latest", false, false),
            ("api-version=", false, false),
            ("", false, false),
        ] {
            let query = Query::of(&format!("/x?{text}").parse::<Uri>().unwrap()).unwrap();
            assert_eq!(
                azure_stack(&query, "registrations").is_ok(),
                azure_stack_ok,
                "{text}"
            );
            assert_eq!(resource_manager(&query).is_ok(), resource_manager_ok, "{text}");
        }
    }
}
