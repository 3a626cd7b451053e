//! Why the admin API answers with an error, in the shape and with the codes of the documents.

use axum::Json;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error answer.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// For how many seconds it asks to be left alone.
    retry_after: Option<u64>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// The same, asking to be left alone for so long.
    pub(super) const fn for_seconds(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    pub(super) fn version_missing(supported: &str) -> Self {
        Self::bad_request(
            "NoApiVersion",
            format!("The query has no 'api-version': add api-version={supported}."),
        )
    }

    pub(super) fn version_unknown(given: &str, supported: &str) -> Self {
        let message = format!("The api-version '{given}' is not known here: use '{supported}'.");
        Self::bad_request("InvalidApiVersionParameter", message)
    }

    /// There is no directory of that name.
    pub(super) fn no_tenant(name: &str) -> Self {
        Self::bad_request("invalid_tenant", format!("There is no tenant '{name}'."))
    }

    pub(super) fn property(name: &str, expected: impl std::fmt::Display) -> Self {
        Self::bad_request(
            "InvalidProperty",
            format!("The property '{name}' is missing or wrong: {expected}."),
        )
    }

    pub(super) fn end_in_future(end: impl std::fmt::Display) -> Self {
        let message = format!("The reportedEndTime {end} is not over yet: ask for hours that are.");
        Self::bad_request("RequestEndTimeIsInFuture", message)
    }

    pub(super) fn not_a_subscriber(given: &str) -> Self {
        let message = format!("The subscriberId '{given}' is not a subscription of this stack.");
        Self::bad_request("SubscriberIdIsNotDirectTenant", message)
    }

    pub(super) fn subscription_missing() -> Self {
        let message =
            "The path names no subscription of the caller: it should start with /subscriptions/{id}.";
        Self::bad_request("SubscriptionIdMissingInRequest", message)
    }

    pub(super) fn granularity(given: &str) -> Self {
        let message = format!("The aggregationGranularity '{given}' is neither 'Daily' nor 'Hourly'.");
        Self::bad_request("InvalidAggregationGranularity", message)
    }

    pub(super) fn busy() -> Self {
        let message = "The service is busy: ask again in a while.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
    }

    pub(super) fn gateway_timeout() -> Self {
        let message = "The gateway did not receive a response from the service in time.";
        Self::new(StatusCode::GATEWAY_TIMEOUT, "GatewayTimeout", message)
    }

    pub(super) fn too_many() -> Self {
        let message = "There were too many requests: ask more slowly.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message)
    }

    pub(super) fn not_ready() -> Self {
        let message = "What was reported in this window is still being put together: ask again later.";
        Self::new(StatusCode::ACCEPTED, "ProcessingNotCompleted", message)
    }

    pub(super) fn not_authenticated() -> Self {
        let message =
            "The 'Authorization' header is missing or bears a token that is not good, or not any more.";
        Self::new(StatusCode::UNAUTHORIZED, "AuthenticationFailed", message)
    }

    pub(super) fn subscription_not_found(caller: &str) -> Self {
        let message = format!("The subscription '{caller}' could not be found.");
        Self::new(StatusCode::NOT_FOUND, "SubscriptionNotFound", message)
    }

    pub(super) fn not_found(path: &str) -> Self {
        let message = format!("The resource '{path}' was not found.");
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFound", message)
    }

    pub(super) fn continuation() -> Self {
        Self::property("continuationToken", "expected one from a link of this query")
    }

    pub(super) fn method_not_allowed(method: &Method) -> Self {
        let message = format!("The method {method} is not allowed here: use GET.");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": { "code": self.code, "message": self.message } }));
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                let challenge = header::HeaderValue::from_static(r#"Bearer error="invalid_token""#);
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(header::ALLOW, header::HeaderValue::from_static("GET"));
            }
            _ => {}
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
