//! The query of a request, its keys compared without regard to case.

use axum::http::Uri;
use domain::time::Hour;

use super::refusal::Refusal;

/// Keys and values, decoded.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(uri: &Uri) -> Result<Self, Refusal> {
        axum::extract::Query::try_from_uri(uri)
            .map(|axum::extract::Query(pairs)| Self(pairs))
            .map_err(|_| Refusal::property("query", "it cannot be decoded"))
    }

    /// The value of a key, unless it is missing or empty.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(given, _)| given.eq_ignore_ascii_case(key))?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// The hour that a key must give.
    pub(super) fn hour(&self, key: &str) -> Result<Hour, Refusal> {
        let text = self
            .get(key)
            .ok_or_else(|| Refusal::property(key, "it must be given"))?;
        text.parse().map_err(|error| Refusal::property(key, error))
    }

    pub(super) fn check_version(&self, supported: &str) -> Result<(), Refusal> {
        match self.get("api-version") {
            None => Err(Refusal::version_missing(supported)),
            Some(given) if given.eq_ignore_ascii_case(supported) => Ok(()),
            Some(given) => Err(Refusal::version_unknown(given, supported)),
        }
    }
}
