//! The admin API of a stack over HTTP, as far as usage and its attribution need it: usage aggregates of all
//! subscribers, the list of local subscriptions, the list of directory tenants.

mod query;
mod refusal;
mod usage;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::ids::SubscriptionId;
use domain::time::Timestamp;

use self::query::Query;
use self::refusal::Refusal;
use crate::stack::Stack;

/// The version of the usage API.
const USAGE_VERSION: &str = "2015-06-01-preview";
/// The version of the API of subscriptions and directory tenants.
const SUBSCRIPTIONS_VERSION: &str = "2015-11-01";

/// A stack's admin API, to be mounted by whoever serves it.
#[derive(Clone)]
pub struct AdminApi {
    /// The stack that answers.
    pub stack: Arc<Stack>,
    /// How clients reach the API, for links: `https://adminmanagement.west.example`, without a slash at its end.
    pub base_url: String,
    /// The token that callers must bear; without one everybody may call.
    pub bearer: Option<String>,
    /// The time: what is not over yet cannot be asked for.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// The most records of a page, at least 1. Real stacks give 1,000.
    pub page_size: usize,
    /// Every n-th usage request is answered that the service is busy.
    pub busy_every: Option<NonZeroU32>,
}

impl std::fmt::Debug for AdminApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The stack is long and the token secret.
        f.debug_struct("AdminApi")
            .field("base_url", &self.base_url)
            .field("page_size", &self.page_size)
            .finish_non_exhaustive()
    }
}

/// What the handler knows.
struct Door {
    api: AdminApi,
    usage_requests: AtomicU32,
}

impl AdminApi {
    /// The routes. Paths and query keys are compared without regard to case.
    pub fn router(self) -> Router {
        let door = Door {
            api: self,
            usage_requests: AtomicU32::new(0),
        };
        Router::new().fallback(handle).with_state(Arc::new(door))
    }
}

async fn handle(State(door): State<Arc<Door>>, request: Request) -> Response {
    match door.answer(&request) {
        Ok(body) => (
            StatusCode::OK,
            [(header::CONTENT_TYPE, "application/json; charset=utf-8")],
            body,
        )
            .into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

impl Door {
    fn answer(&self, request: &Request) -> Result<String, Refusal> {
        self.check_bearer(request)?;
        let path = request.uri().path().to_ascii_lowercase();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let query = Query::of(request.uri())?;
        match (request.method(), segments.as_slice()) {
            (method, _) if method != Method::GET => Err(Refusal::method_not_allowed(method)),
            (
                _,
                [
                    "providers",
                    "microsoft.commerce.admin",
                    "subscriberusageaggregates",
                ],
            ) => Err(Refusal::subscription_missing()),
            (
                _,
                [
                    "subscriptions",
                    caller,
                    "providers",
                    "microsoft.commerce.admin",
                    "subscriberusageaggregates",
                ],
            ) => {
                query.check_version(USAGE_VERSION)?;
                self.check_caller(caller)?;
                self.check_busy()?;
                usage::answer(&self.api, request.uri().path(), &query)
            }
            (
                _,
                [
                    "subscriptions",
                    caller,
                    "providers",
                    "microsoft.subscriptions.admin",
                    "subscriptions",
                ],
            ) => {
                query.check_version(SUBSCRIPTIONS_VERSION)?;
                self.check_caller(caller)?;
                Ok(self.api.stack.subscriptions_json())
            }
            (
                _,
                [
                    "subscriptions",
                    caller,
                    "resourcegroups",
                    _,
                    "providers",
                    "microsoft.subscriptions.admin",
                    "directorytenants",
                ],
            ) => {
                query.check_version(SUBSCRIPTIONS_VERSION)?;
                self.check_caller(caller)?;
                Ok(self.api.stack.directory_tenants_json())
            }
            _ => Err(Refusal::not_found(request.uri().path())),
        }
    }

    fn check_bearer(&self, request: &Request) -> Result<(), Refusal> {
        let Some(wanted) = &self.api.bearer else {
            return Ok(());
        };
        let given = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let token = given
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        match token {
            Some((_, token)) if token == wanted => Ok(()),
            _ => Err(Refusal::not_authenticated()),
        }
    }

    /// Only the stack's operator may ask.
    fn check_caller(&self, caller: &str) -> Result<(), Refusal> {
        match caller.parse::<SubscriptionId>() {
            Ok(caller) if caller == self.api.stack.provider_subscription() => Ok(()),
            _ if caller.is_empty() => Err(Refusal::subscription_missing()),
            _ => Err(Refusal::subscription_not_found(caller)),
        }
    }

    fn check_busy(&self) -> Result<(), Refusal> {
        let Some(every) = self.api.busy_every else {
            return Ok(());
        };
        let number = self
            .usage_requests
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_add(1);
        if number.is_multiple_of(every.get()) {
            Err(Refusal::busy())
        } else {
            Ok(())
        }
    }
}
