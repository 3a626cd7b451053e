//! The one place where a failure becomes an answer: a status, and the envelope that ARM and our own API share,
//! `{"error": {"code", "message", "target"?}}`. What would help, where the message is a documented text that does not
//! say it, is in a header: see [`notes`].
//!
//! Which error type to use where: use-cases fail with [`app::Error`]; the door's own refusals (authentication, limits,
//! shapes) are [`Failure`]s, and every other error becomes one here. What callers may read is in the envelope; what
//! only an operator should read is logged with the request's id and goes nowhere else.

use std::borrow::Cow;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use app::Kind;
use wire::api::InvalidMember;
use wire::arm::{ErrorBody, ErrorEnvelope};

use crate::limits::BUSY_RETRY_AFTER_SECONDS;
use crate::notes;

/// The code of a delivery that is asked to come later, here or by the store.
pub(crate) const TOO_MANY_DELIVERIES: &str = "TooManyDeliveries";

/// The code of whatever cannot be answered because what is stored is damaged.
pub(crate) const STORE_DAMAGED: &str = "StoreDamaged";

/// An answer that says no.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    target: Option<Box<str>>,
    detail: Option<Box<str>>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What the log says of a failure. Travels with the response.
#[derive(Debug, Clone)]
pub(crate) struct Logged {
    pub(crate) code: &'static str,
    pub(crate) detail: Option<String>,
}

impl Logged {
    /// Of a use-case that failed when a part was done, which is answered.
    pub(crate) fn of(error: &app::Error) -> Self {
        Self {
            code: error.code,
            detail: error.detail.clone(),
        }
    }
}

impl Failure {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            target: None,
            detail: None,
            headers: Vec::new(),
        }
    }

    /// The request is not right: 400.
    pub(crate) fn invalid(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// Nobody knows who calls: 401, with the hint where to sign in that ARM clients look for.
    pub(crate) fn unauthenticated(
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
        authorization_uri: &str,
    ) -> Self {
        let message = message.into();
        let challenge = format!(
            "Bearer authorization_uri=\"{authorization_uri}\", error=\"invalid_token\", error_description=\"{}\"",
            message.replace(['"', '\\'], "'")
        );
        let failure = Self::new(StatusCode::UNAUTHORIZED, code, message);
        match HeaderValue::from_str(&challenge) {
            Ok(challenge) => failure.with(WWW_AUTHENTICATE, challenge),
            Err(_) => failure.with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
        }
    }

    /// Too many requests: 429.
    pub(crate) fn too_many_requests(message: impl Into<Cow<'static, str>>, retry_after_seconds: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message)
            .with(RETRY_AFTER, retry_after_seconds.into())
    }

    /// It cannot be done now: 503.
    pub(crate) fn unavailable(
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
        retry_after_seconds: u64,
    ) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
            .with(RETRY_AFTER, retry_after_seconds.into())
    }

    /// Too many deliveries at once: 503.
    pub(crate) fn too_many_deliveries() -> Self {
        let message =
            "Too many deliveries are being taken in. Nothing of this one was stored. Send it again later.";
        Self::unavailable(TOO_MANY_DELIVERIES, message, BUSY_RETRY_AFTER_SECONDS)
    }

    /// The body is larger than allowed: 413.
    pub(crate) fn payload_too_large(bytes_max: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "PayloadTooLarge",
            format!(
                "The body has more than {bytes_max} bytes, counted after decompression: that is the most. What holds \
                 several things can be sent in several parts."
            ),
        )
    }

    /// The body is not of a kind that is read here: 415.
    pub(crate) fn unsupported_media_type(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            message,
        )
        .about("Content-Type")
    }

    /// The path exists, but not for this method: 405.
    pub(crate) fn method_not_allowed(method: &Method) -> Self {
        let message = format!("{method} is not possible here. The header Allow says what is.");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }

    /// A defect of ours: 500.
    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        let message = "Something went wrong here. The operator's log has more under the id of this request.";
        Self {
            detail: Some(detail.into().into_boxed_str()),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message)
        }
    }

    /// The status, what a caller may read, what only the log says, and after how many seconds to come again, for those who say
    /// it in another form.
    pub(crate) fn into_parts(self) -> (StatusCode, Cow<'static, str>, Option<Box<str>>, Option<u64>) {
        let retry_after = self.headers.iter().find(|(name, _)| *name == RETRY_AFTER);
        let seconds = retry_after.and_then(|(_, value)| value.to_str().ok()?.parse().ok());
        (self.status, self.message, self.detail, seconds)
    }

    /// The same, naming the member, parameter or header at fault.
    pub(crate) fn about(self, target: impl Into<Cow<'static, str>>) -> Self {
        Self {
            target: Some(Box::from(&*target.into())),
            ..self
        }
    }

    /// The same, with something for the log.
    pub(crate) fn because(self, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into().into_boxed_str()),
            ..self
        }
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// The status of each kind of failure.
const fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Kind::Busy | Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::UpstreamFailed => StatusCode::BAD_GATEWAY,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<app::Error> for Failure {
    fn from(error: app::Error) -> Self {
        let app::Error {
            kind,
            code,
            message,
            target,
            hint,
            detail,
        } = error;
        let failure = Self {
            target: target.map(Box::from),
            detail: detail.map(String::into_boxed_str),
            headers: hint.as_deref().map(notes::hint).into_iter().collect(),
            ..Self::new(status(kind), code, message)
        };
        match kind {
            Kind::Busy | Kind::Unavailable => failure.with(RETRY_AFTER, BUSY_RETRY_AFTER_SECONDS.into()),
            _ => failure,
        }
    }
}

impl From<InvalidMember> for Failure {
    fn from(invalid: InvalidMember) -> Self {
        let message = invalid.to_string();
        Self::invalid(InvalidMember::CODE, message).about(invalid.target)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self {
            status,
            code,
            message,
            target,
            detail,
            headers,
        } = self;
        let error = ErrorBody {
            code: code.to_owned(),
            message: message.into_owned(),
            target: target.map(str::into_string),
        };
        let mut response = (status, Json(ErrorEnvelope { error })).into_response();
        response.headers_mut().extend(headers);
        response.extensions_mut().insert(Logged {
            code,
            detail: detail.map(str::into_string),
        });
        response
    }
}
