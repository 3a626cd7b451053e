//! `If-Match`: a change only of what the client saw.

use app::precondition::Precondition;
use axum::extract::FromRequestParts;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use wire::azure_stack::etag;

use crate::error::Failure;

/// What the header `If-Match` asks for.
pub(crate) struct IfMatch(pub(crate) Precondition);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let mut texts = Vec::new();
        for value in parts.headers.get_all(IF_MATCH) {
            let text = value.to_str().map_err(|_| {
                Failure::invalid(
                    "InvalidIfMatch",
                    "Expected If-Match to be '*' or the etag of the resource.",
                )
                .about("If-Match")
            })?;
            texts.extend(text.split(',').map(str::trim));
        }
        Ok(Self(if texts.is_empty() {
            Precondition::None
        } else if texts.contains(&"*") {
            Precondition::Exists
        } else {
            // A tag that is none of ours is of no revision there ever was: it never matches.
            Precondition::OneOf(texts.into_iter().filter_map(etag::revision).collect())
        }))
    }
}
