//! Path parameters: ids and names, read as what they should be.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::Uri;
use axum::http::request::Parts;
use domain::ids::CloudId;

use crate::error::Failure;
use crate::query::{beginning, excerpt};

/// The parameters of a path, percent-decoded.
#[derive(Debug)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// The parameter of this name, if the path has it.
    pub(crate) fn find(&self, name: &'static str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The parameter of this name as text.
    pub(crate) fn text(&self, name: &'static str) -> Result<&str, Failure> {
        self.find(name)
            .ok_or_else(|| Failure::internal(format!("the path has no parameter {name}")))
    }

    /// The parameter of this name, read as what it should be.
    pub(crate) fn read<T>(&self, name: &'static str, code: &'static str) -> Result<T, Failure>
    where
        T: FromStr<Err: Display>,
    {
        read(self.text(name)?, name, code)
    }

    /// The stack in the path.
    pub(crate) fn cloud_id(&self) -> Result<CloudId, Failure> {
        self.read("cloudId", "InvalidCloudId")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let raw = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|error| unreadable(&error))?;
        Ok(Self(
            raw.iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        ))
    }
}

/// The stack in a path, for the guard.
pub(crate) fn cloud_id(path: &RawPathParams) -> Result<CloudId, Failure> {
    let text = path
        .iter()
        .find(|(name, _)| *name == "cloudId")
        .map(|(_, value)| value);
    read(text.unwrap_or_default(), "cloudId", "InvalidCloudId")
}

pub(crate) fn read<T>(text: &str, name: &'static str, code: &'static str) -> Result<T, Failure>
where
    T: FromStr<Err: Display>,
{
    text.parse().map_err(|error| {
        Failure::invalid(
            code,
            format!("In the path, {name} is '{}': {error}.", excerpt(text)),
        )
        .about(name)
    })
}

/// A path with something in it that is no text.
pub(crate) fn unreadable(error: &dyn Display) -> Failure {
    let message = "The path of the URL cannot be read. Expected UTF-8, percent-encoded.";
    Failure::invalid("InvalidPath", message).because(error.to_string())
}

/// A path, for a message about it. What is wrong with an ARM path mostly stands at its end, so a usual one is shown
/// whole.
pub(crate) fn shown(uri: &Uri) -> &str {
    const CHARS_MAX: usize = 300;
    beginning(uri.path(), CHARS_MAX)
}
