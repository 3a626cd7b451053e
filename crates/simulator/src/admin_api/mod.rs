//! The admin API of a stack over HTTP, as far as a reader of its usage needs it: where to sign in and the authority for
//! that, usage aggregates of all subscribers, the local subscriptions, the guest directories, and the activation.

mod authority;
mod faulty;
mod guests;
mod query;
mod refusal;
mod usage;

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::ids::{SubscriptionId, TenantId};
use domain::time::Timestamp;
use serde_json::json;

pub use self::authority::Account;
use self::authority::{Authority, TokenRequest};
use self::guests::Guests;
use self::query::Query;
use self::refusal::Refusal;
use self::usage::UsagePage;
use crate::service_faults::{Asked, Place, ServiceFault, ServiceFaults};
use crate::stack::Stack;

/// The version of the usage API.
const USAGE_VERSION: &str = "2015-06-01-preview";
/// The version of the API of subscriptions and directory tenants.
const SUBSCRIPTIONS_VERSION: &str = "2015-11-01";
/// The version of the API of activations.
const ACTIVATION_VERSION: &str = "2016-01-01";
/// The most bytes of a request.
const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// A stack's admin API, to be mounted by whoever serves it.
#[derive(Clone)]
pub struct AdminApi {
    /// The stack that answers.
    pub stack: Arc<Stack>,
    /// How clients reach the API, for links: `https://adminmanagement.west.example`, without a slash at its end.
    pub base_url: String,
    /// The account that may ask; without one everybody may.
    pub account: Option<Account>,
    /// The resource id of the registration that the stack was activated with, if it was.
    pub registration: Option<String>,
    /// The time by the stack's clock: what is not over yet cannot be asked for.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// The most records of a page, at least 1. Real stacks give 1,000.
    pub page_size: usize,
    /// What goes wrong.
    pub faults: Arc<ServiceFaults>,
}

impl std::fmt::Debug for AdminApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The stack is long.
        f.debug_struct("AdminApi")
            .field("base_url", &self.base_url)
            .field("page_size", &self.page_size)
            .finish_non_exhaustive()
    }
}

impl AdminApi {
    /// The routes. Paths and query keys are compared without regard to case.
    pub fn router(self) -> Router {
        let account = self.account.clone();
        let door = Door {
            authority: account.map(|account| Authority::new(account, &self.base_url, self.stack.spec().seed)),
            guests: Guests::of(&self.stack),
            api: self,
        };
        Router::new().fallback(handle).with_state(Arc::new(door))
    }
}

/// What the handler knows.
struct Door {
    api: AdminApi,
    authority: Option<Authority>,
    guests: Guests,
}

/// What there is to answer, if nothing goes wrong.
#[derive(Debug)]
enum Answer {
    Body(StatusCode, String),
    Page(UsagePage),
    Nothing(StatusCode),
    Refused(Refusal),
}

impl From<Result<String, Refusal>> for Answer {
    fn from(outcome: Result<String, Refusal>) -> Self {
        outcome.map_or_else(Self::Refused, |body| Self::Body(StatusCode::OK, body))
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Body(status, body) => (status, ok(body)).into_response(),
            Self::Page(page) => ok(page.close()),
            Self::Nothing(status) => status.into_response(),
            Self::Refused(refusal) => refusal.into_response(),
        }
    }
}

fn ok(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}

async fn handle(State(door): State<Arc<Door>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, REQUEST_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let path = parts.uri.path().to_ascii_lowercase();
    if path.ends_with("/oauth2/token") {
        return door.respond(&parts, door.token(&TokenRequest::read(&body)));
    }
    door.respond(&parts, door.answer(&parts, &path, &body))
}

impl Door {
    /// Answers, with whatever goes wrong now.
    fn respond(&self, parts: &Parts, answer: Answer) -> Response {
        let is_later = || Query::of(&parts.uri).is_ok_and(|query| usage::is_later_page(&query));
        let (page, has_next_page) = match &answer {
            Answer::Page(page) => {
                let place = if is_later() { Place::Later } else { Place::First };
                (Some(place), page.next_link.is_some())
            }
            _ => (None, false),
        };
        let fault = self.api.faults.meet(&Asked {
            target: &parts.uri.to_string(),
            bears_token: self.authority.is_some() && parts.headers.contains_key(header::AUTHORIZATION),
            page,
            has_next_page,
        });
        let Some(fault) = fault else {
            return answer.into_response();
        };
        if fault == ServiceFault::TokensExpired
            && let Some(authority) = &self.authority
        {
            authority.forget_tokens();
        }
        faulty::answer(fault, answer, &self.api.faults, || self.usage(parts, true))
    }

    fn answer(&self, parts: &Parts, path: &str, body: &[u8]) -> Answer {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        if let Some(known) = self.anonymously(&segments) {
            return known;
        }
        if let Err(refusal) = self.check_bearer(parts) {
            return Answer::Refused(refusal);
        }
        match segments.as_slice() {
            [
                "subscriptions",
                caller,
                "resourcegroups",
                _,
                "providers",
                "microsoft.subscriptions.admin",
                "directorytenants",
                domain,
            ] => match self.check(parts, caller, SUBSCRIPTIONS_VERSION) {
                Ok(()) => self.guest(&parts.method, path, domain, body),
                Err(refusal) => Answer::Refused(refusal),
            },
            _ if parts.method != Method::GET => Answer::Refused(Refusal::method_not_allowed(&parts.method)),
            [
                "subscriptions",
                caller,
                "providers",
                "microsoft.commerce.admin",
                "subscriberusageaggregates",
            ] => match self.check(parts, caller, USAGE_VERSION) {
                Ok(()) => self.usage(parts, false),
                Err(refusal) => Answer::Refused(refusal),
            },
            _ => self.read(parts, &segments).into(),
        }
    }

    /// What is told to everybody.
    fn anonymously(&self, segments: &[&str]) -> Option<Answer> {
        let base = &self.api.base_url;
        match segments {
            ["metadata", "endpoints"] => Some(Ok(authority::endpoints_json(base)).into()),
            [name, ".well-known", "openid-configuration"] => {
                let tenant = self.tenant_called(name).ok_or_else(|| Refusal::no_tenant(name));
                Some(tenant.map(|it| authority::directory_json(base, &it)).into())
            }
            _ => None,
        }
    }

    /// The tenant that a directory is found as, by its domain or by its id. One of a domain elsewhere, to which nobody on
    /// this stack belongs yet, is known as well; what is neither an id that there is nor a domain is nobody's.
    fn tenant_called(&self, name: &str) -> Option<String> {
        let spec = self.api.stack.spec();
        if let Ok(id) = name.parse::<TenantId>() {
            let is_there = spec.tenants.iter().any(|tenant| tenant.id == id) || self.guests.has(id);
            return is_there.then(|| id.to_string());
        }
        let mut named = spec
            .tenants
            .iter()
            .filter(|it| it.domain.eq_ignore_ascii_case(name));
        match named.next() {
            Some(tenant) => Some(tenant.id.to_string()),
            None => authority::is_domain(name).then(|| authority::tenant_elsewhere(name)),
        }
    }

    /// Everything else that is only read.
    fn read(&self, parts: &Parts, segments: &[&str]) -> Result<String, Refusal> {
        match segments {
            ["subscriptions"] => Ok(self.api.stack.visible_subscriptions_json()),
            [
                "providers",
                "microsoft.commerce.admin",
                "subscriberusageaggregates",
            ] => Err(Refusal::subscription_missing()),
            [
                "subscriptions",
                caller,
                "providers",
                "microsoft.subscriptions.admin",
                list,
            ] => {
                self.check(parts, caller, SUBSCRIPTIONS_VERSION)?;
                match *list {
                    "subscriptions" => Ok(self.api.stack.subscriptions_json()),
                    "locations" => Ok(self.api.stack.locations_json()),
                    _ => Err(Refusal::not_found(parts.uri.path())),
                }
            }
            [
                "subscriptions",
                caller,
                "resourcegroups",
                _,
                "providers",
                "microsoft.subscriptions.admin",
                "directorytenants",
            ] => {
                self.check(parts, caller, SUBSCRIPTIONS_VERSION)?;
                Ok(self.guests.list())
            }
            [
                "subscriptions",
                caller,
                "resourcegroups",
                "azurestack-activation",
                "providers",
                "microsoft.azurebridge.admin",
                "activations",
                "default",
            ] => {
                self.check(parts, caller, ACTIVATION_VERSION)?;
                let registration = self.api.registration.as_deref();
                let registration = registration.ok_or_else(|| Refusal::not_found(parts.uri.path()))?;
                Ok(self.api.stack.activation_json(registration))
            }
            _ => Err(Refusal::not_found(parts.uri.path())),
        }
    }

    fn usage(&self, parts: &Parts, first_page: bool) -> Answer {
        let page = Query::of(&parts.uri)
            .and_then(|query| usage::answer(&self.api, parts.uri.path(), &query, first_page));
        page.map_or_else(Answer::Refused, Answer::Page)
    }

    fn guest(&self, method: &Method, path: &str, domain: &str, body: &[u8]) -> Answer {
        match *method {
            Method::GET => self
                .guests
                .get(domain)
                .ok_or_else(|| Refusal::not_found(path))
                .into(),
            Method::PUT => match self.guests.put(domain, body) {
                Ok((true, item)) => Answer::Body(StatusCode::CREATED, item),
                Ok((false, item)) => Answer::Body(StatusCode::OK, item),
                Err(refusal) => Answer::Refused(refusal),
            },
            Method::DELETE if self.guests.delete(domain) => Answer::Nothing(StatusCode::OK),
            Method::DELETE => Answer::Nothing(StatusCode::NO_CONTENT),
            _ => Answer::Refused(Refusal::method_not_allowed(method)),
        }
    }

    fn token(&self, asked: &TokenRequest) -> Answer {
        let Some(authority) = &self.authority else {
            return Answer::Refused(Refusal::not_found("/adfs/oauth2/token"));
        };
        match authority.token(asked, (self.api.now)()) {
            Ok(body) => Answer::Body(StatusCode::OK, body),
            Err(no) => {
                let body = json!({ "error": no.error, "error_description": no.description });
                Answer::Body(StatusCode::BAD_REQUEST, body.to_string())
            }
        }
    }

    fn check_bearer(&self, parts: &Parts) -> Result<(), Refusal> {
        let Some(authority) = &self.authority else {
            return Ok(());
        };
        let given = parts.headers.get(header::AUTHORIZATION);
        let token = given
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        match token {
            Some((_, token)) if authority.is_good(token, (self.api.now)()) => Ok(()),
            _ => Err(Refusal::not_authenticated()),
        }
    }

    /// Only the stack's operator may ask, and only in the version that is known here.
    fn check(&self, parts: &Parts, caller: &str, version: &str) -> Result<(), Refusal> {
        Query::of(&parts.uri)?.check_version(version)?;
        match caller.parse::<SubscriptionId>() {
            Ok(caller) if caller == self.api.stack.provider_subscription() => Ok(()),
            _ if caller.is_empty() => Err(Refusal::subscription_missing()),
            _ => Err(Refusal::subscription_not_found(caller)),
        }
    }
}
