//! Query parameters: keys in any case, each once, and what is wrong with them said by name.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use domain::time::{Hour, Period};

use crate::error::Failure;

/// The parameters of a query.
#[derive(Debug, Default)]
pub(crate) struct Query {
    parameters: Vec<(String, String)>,
}

impl Query {
    /// The parameter of this name, in any case; none if it is not there or empty.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, Failure> {
        let mut found = self
            .parameters
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| value.as_str());
        if found.next().is_some() {
            let message = format!("The query parameter {name} is given more than once. Expected it once.");
            return Err(Failure::invalid("DuplicateQueryParameter", message).about(name));
        }
        Ok(value.filter(|value| !value.is_empty()))
    }

    /// The parameter of this name, read as what it should be.
    pub(crate) fn read<T>(&self, name: &'static str, code: &'static str) -> Result<Option<T>, Failure>
    where
        T: FromStr<Err: std::fmt::Display>,
    {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let read = text.parse().map(Some);
        read.map_err(|error| {
            Failure::invalid(
                code,
                format!("The query parameter {name} is '{}': {error}.", excerpt(text)),
            )
            .about(name)
        })
    }

    /// An hour.
    pub(crate) fn hour(&self, name: &'static str) -> Result<Option<Hour>, Failure> {
        self.read(name, "InvalidTime")
    }

    /// The billing period that is asked for.
    pub(crate) fn period(&self) -> Result<Period, Failure> {
        self.read("period", "InvalidPeriod")?.ok_or_else(|| {
            let message = "The query parameter period is missing. Expected a calendar month such as 2026-10.";
            Failure::invalid("MissingPeriod", message).about("period")
        })
    }

    /// Refuses parameters that mean nothing here: a misspelt one must not be passed over in silence.
    pub(crate) fn only(&self, names: &[&'static str]) -> Result<(), Failure> {
        let known = |key: &str| names.iter().any(|name| key.eq_ignore_ascii_case(name));
        let Some((unknown, _)) = self.parameters.iter().find(|(key, _)| !known(key)) else {
            return Ok(());
        };
        let expected = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        let unknown = excerpt(unknown).to_owned();
        let message = format!("The query parameter '{unknown}' means nothing here. Expected: {expected}.");
        Err(Failure::invalid("UnknownQueryParameter", message).about(unknown))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Self::of(&parts.uri)
    }
}

impl Query {
    pub(crate) fn of(uri: &Uri) -> Result<Self, Failure> {
        let parameters = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
        let axum::extract::Query(parameters) = parameters.map_err(|error| {
            let message = "The query of the URL cannot be read. Expected name=value pairs, joined by & and percent-encoded.";
            Failure::invalid("InvalidQuery", message).because(error.to_string())
        })?;
        Ok(Self { parameters })
    }
}

/// The beginning of a text, for a message about it.
pub(crate) fn excerpt(text: &str) -> &str {
    const CHARS_MAX: usize = 80;
    beginning(text, CHARS_MAX)
}

/// So many characters of a text at the most.
pub(crate) fn beginning(text: &str, chars_max: usize) -> &str {
    text.char_indices()
        .nth(chars_max)
        .map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::of(&format!("/x?{text}").parse().unwrap()).unwrap()
    }

    #[test]
    fn keys_are_found_in_any_case_and_a_raw_plus_of_an_offset_is_understood() {
        let query = query("reportedstartTime=2026-10-01T00:00:00+00:00&API-Version=2017-06-01");
        assert_eq!(query.text("api-version").unwrap(), Some("2017-06-01"));
        let hour = query.hour("reportedStartTime").unwrap().unwrap();
        assert_eq!(hour.to_string(), "2026-10-01T00:00:00Z");
    }

    #[test]
    fn whatever_is_wrong_is_refused() {
        assert!(query("period=2026-10&Period=2026-11").period().is_err());
        assert!(query("").period().is_err());
        assert!(query("period=").period().is_err());
        assert!(query("period=2026-13").period().is_err());
        assert!(query("perod=2026-10").only(&["period"]).is_err());
        assert!(query("PERIOD=2026-10").only(&["period"]).is_ok());
    }
}
