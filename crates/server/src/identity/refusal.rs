//! How sign-in is refused: as OAuth 2.0 says (RFC 6749, section 5.2), with the numbers and members that Azure's clients
//! look for.

use std::borrow::Cow;
use std::sync::Arc;

use app::access::{Caller, Principal};
use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::header::{CACHE_CONTROL, PRAGMA, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::time::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::Door;
use crate::error::{Failure, Logged};
use crate::limits::BUSY_RETRY_AFTER_SECONDS;
use crate::observe::{RequestId, Story};

/// Why somebody is not signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    /// What OAuth calls it.
    pub(super) error: &'static str,
    /// What Azure's documents number it.
    number: u32,
    /// What happened and what would be right, for people.
    text: Cow<'static, str>,
    retry_after_seconds: Option<u64>,
    detail: Option<String>,
}

impl Refusal {
    pub(super) fn new(error: &'static str, number: u32, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            number,
            text: text.into(),
            retry_after_seconds: None,
            detail: None,
        }
    }

    /// A client that did not prove who it is: 401.
    pub(super) fn client(number: u32, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..Self::new("invalid_client", number, text)
        }
    }

    /// What was presented is not good, or not any more.
    pub(super) fn grant(number: u32, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new("invalid_grant", number, text)
    }

    /// The request is not as it should be.
    pub(super) fn request(number: u32, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new("invalid_request", number, text)
    }

    /// A field is missing.
    pub(super) fn missing(field: &str) -> Self {
        Self::request(
            900_144,
            format!("The form has no field '{field}'. Send it, once and not empty."),
        )
    }

    /// It cannot be done now.
    pub(super) fn later(text: impl Into<Cow<'static, str>>, retry_after_seconds: u64) -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            retry_after_seconds: Some(retry_after_seconds),
            ..Self::new("temporarily_unavailable", 90_033, text)
        }
    }

    /// Something behind the server does not answer: 503, with what the log says of it.
    pub(super) fn unavailable(text: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            detail: Some(detail.into()),
            ..Self::later(text, BUSY_RETRY_AFTER_SECONDS)
        }
    }

    /// A defect of ours.
    pub(super) fn internal(detail: impl Into<String>) -> Self {
        let text = "Something went wrong here. The operator's log has more under the trace_id.";
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            detail: Some(detail.into()),
            ..Self::new("server_error", 90_020, text)
        }
    }

    /// What the door refuses before it is looked at who signs in: too many requests, or a body that cannot be read. Clients of
    /// token endpoints read no other form than OAuth's.
    fn of_door(failure: Failure) -> Self {
        let (status, text, detail, retry_after_seconds) = failure.into_parts();
        let refusal = match retry_after_seconds {
            Some(seconds) => Self::later(text, seconds),
            None if status.is_server_error() => Self::internal(text.clone()),
            None => Self::request(90_013, text),
        };
        Self {
            status,
            detail: detail.map(String::from).or(refusal.detail),
            ..refusal
        }
    }

    /// The text with its number, as clients show it.
    pub(super) fn description(&self) -> String {
        format!("AADSTS{}: {}", self.number, self.text)
    }

    /// The answer to a program.
    pub(super) fn answer(&self, asked: &Circumstances) -> Response {
        let body = Body {
            error: self.error,
            error_description: self.description(),
            error_codes: [self.number],
            timestamp: asked.now.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            trace_id: asked.trace_id.to_string(),
            correlation_id: asked.correlation_id.to_string(),
        };
        self.mark((self.status, Json(body)).into_response())
    }

    /// Marks an answer, whatever it looks like, with what the log says of it.
    pub(super) fn mark(&self, mut response: Response) -> Response {
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(Logged {
            code: self.error,
            detail: Some(self.detail.clone().unwrap_or_else(|| self.description())),
        });
        never_stored(response)
    }

    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }
}

/// The answer, kept by nobody on its way: it holds a secret, or says why there is none.
pub(super) fn never_stored(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

#[derive(Serialize)]
struct Body {
    error: &'static str,
    error_description: String,
    error_codes: [u32; 1],
    timestamp: String,
    trace_id: String,
    correlation_id: String,
}

/// Under which ids, and when, something was asked.
#[derive(Debug)]
pub(crate) struct Circumstances {
    trace_id: Uuid,
    correlation_id: Uuid,
    pub(super) now: Timestamp,
    story: Arc<Story>,
}

impl Circumstances {
    /// Somebody proved who they are, for the log.
    pub(super) fn signed_in(&self, principal: &Principal) {
        self.story.by(&Caller::Principal(principal.clone()));
    }
}

impl Circumstances {
    pub(crate) fn of(headers: &HeaderMap, extensions: &Extensions, door: &Door) -> Self {
        let trace_id = extensions.get::<RequestId>().map_or_else(Uuid::nil, |id| id.0);
        Self {
            trace_id,
            correlation_id: clients_id(headers).unwrap_or(trace_id),
            now: door.identity.now(),
            story: extensions.get::<Arc<Story>>().cloned().unwrap_or_default(),
        }
    }

    /// The answer to whoever would sign in and is refused by the door.
    pub(crate) fn refuse(&self, failure: Failure) -> Response {
        Refusal::of_door(failure).answer(self)
    }
}

impl FromRequestParts<Arc<Door>> for Circumstances {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers, &parts.extensions, door))
    }
}

fn clients_id(headers: &HeaderMap) -> Option<Uuid> {
    Uuid::try_parse(headers.get("client-request-id")?.to_str().ok()?).ok()
}
