//! What happens around every request: an id, a time limit, one line in the log, counters, and headers.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use app::access::Caller;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CACHE_CONTROL, EXPIRES, PRAGMA, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::oneshot;
use tokio::task::JoinError;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use crate::Door;
use crate::arm::path::is_arm;
use crate::error::{Failure, Logged, STORE_DAMAGED, TOO_MANY_DELIVERIES};
use crate::limits::BUSY_RETRY_AFTER_SECONDS;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");
const RETURN_CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-return-client-request-id");
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-ms-correlation-request-id");
const ROUTING_ID: HeaderName = HeaderName::from_static("x-ms-routing-request-id");
const FAILURE_CAUSE: HeaderName = HeaderName::from_static("x-ms-failure-cause");
const REMAINING_READS: HeaderName = HeaderName::from_static("x-ms-ratelimit-remaining-subscription-reads");
const REMAINING_WRITES: HeaderName = HeaderName::from_static("x-ms-ratelimit-remaining-subscription-writes");

/// The most characters of a client's own id that are sent back.
const CLIENT_REQUEST_ID_CHARS_MAX: usize = 128;

/// The id of a request, for answers that name it in their body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId(pub(crate) Uuid);

/// What is found out about a request on its way, for the log.
#[derive(Debug, Default)]
pub(crate) struct Story {
    route: OnceLock<&'static str>,
    caller: OnceLock<String>,
    remaining: OnceLock<u32>,
}

impl Story {
    /// The request goes to this route.
    pub(crate) fn on_route(&self, path: &'static str) {
        let _ = self.route.set(path);
    }

    /// The caller may send this many more at once.
    pub(crate) fn may_send(&self, remaining: u32) {
        let _ = self.remaining.set(remaining);
    }

    /// The request is somebody's.
    pub(crate) fn by(&self, caller: &Caller) {
        let _ = self.caller.set(match caller {
            Caller::Operator { name, .. } => format!("operator {name}"),
            Caller::Stack { cloud_id, .. } => format!("stack {cloud_id}"),
            Caller::Principal(principal) => format!("principal {}", principal.id),
        });
    }
}

/// Surrounds every request.
///
/// It runs on a task of its own: a client that goes away neither leaves a request half done nor without its line in the
/// log. What only reads ends when nobody waits for it any more.
pub(crate) async fn observe(
    State(door): State<Arc<Door>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    // The sender goes when this does, and this goes with the client.
    let (_waiting, gone) = oneshot::channel();
    let observed = tokio::spawn(observed(door, peer, request, next, gone));
    observed.await.unwrap_or_else(|error| broken_off(&error))
}

async fn observed(
    door: Arc<Door>,
    peer: SocketAddr,
    mut request: Request,
    next: Next,
    gone: oneshot::Receiver<Infallible>,
) -> Response {
    let began = Instant::now();
    let id = door.app.random().uuid();
    let story = Arc::new(Story::default());
    request.extensions_mut().insert(Arc::clone(&story));
    request.extensions_mut().insert(RequestId(id));
    let (method, sent) = (request.method().clone(), request.headers().clone());
    let arm = is_arm(request.uri().path());
    let span = tracing::info_span!("request", %id, %method, path = request.uri().path());
    let _in_flight = door.metrics.in_flight();
    let mut response = answer(&door, request, next, span.clone(), gone).await;
    let failed = response.status().is_client_error() || response.status().is_server_error();
    let headers = response.headers_mut();
    add_headers(headers, id, &sent);
    if arm {
        add_arm_headers(headers, &door, id, &sent);
        add_remaining(headers, &story, &method);
        if failed {
            headers.insert(FAILURE_CAUSE, HeaderValue::from_static("gateway"));
        }
    }
    let route = story.route.get().copied().unwrap_or("none");
    door.metrics
        .count_request(route, method_label(&method), response.status(), began.elapsed());
    match response.extensions().get::<Logged>() {
        Some(logged) if logged.code == TOO_MANY_DELIVERIES => door.metrics.count_busy(),
        Some(logged) if logged.code == STORE_DAMAGED => door.metrics.count_damaged(),
        _ => {}
    }
    span.in_scope(|| log(&response, &story, peer, began));
    response
}

/// The answer, or that it took too long, or that there is a defect. What is given up goes on all the same, unless it
/// only reads.
async fn answer(
    door: &Door,
    request: Request,
    next: Next,
    span: Span,
    gone: oneshot::Receiver<Infallible>,
) -> Response {
    let only_reads = request.method().is_safe();
    let mut answering = tokio::spawn(next.run(request).instrument(span));
    let given_up = tokio::select! {
        answer = &mut answering => return answer.unwrap_or_else(|error| broken_off(&error)),
        () = tokio::time::sleep(door.limits.request_timeout) => too_long(),
        _ = gone, if only_reads => client_gone(),
    };
    if only_reads {
        answering.abort();
    }
    given_up.into_response()
}

/// The answer where a handler panicked.
fn broken_off(error: &JoinError) -> Response {
    Failure::internal(format!("a request was broken off: {error}")).into_response()
}

/// What the log says of it: nobody else will read this.
fn client_gone() -> Failure {
    let message = "The client went away before the answer.";
    Failure::new(StatusCode::REQUEST_TIMEOUT, "ClientGone", message)
}

fn too_long() -> Failure {
    Failure::unavailable(
        "ServerTimeout",
        "The answer took too long and was given up. What was asked for may have been done: ask again to see.",
        BUSY_RETRY_AFTER_SECONDS,
    )
}

/// One line per request that can be read alone. Neither queries nor headers are in it: they may hold secrets.
fn log(response: &Response, story: &Story, peer: SocketAddr, began: Instant) {
    let status = response.status().as_u16();
    let caller = story.caller.get().map_or("nobody", String::as_str);
    let route = story.route.get().copied().unwrap_or("none");
    let (code, detail) = match response.extensions().get::<Logged>() {
        Some(Logged { code, detail }) => (*code, detail.as_deref().unwrap_or_default()),
        None => ("", ""),
    };
    let took_ms = began.elapsed().as_millis();
    if response.status().is_server_error() {
        tracing::error!(status, code, detail, route, caller, %peer, took_ms, "answered");
    } else {
        tracing::info!(status, code, detail, route, caller, %peer, took_ms, "answered");
    }
}

/// A method as a label: whatever a client invents is one label, not many.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

fn add_headers(headers: &mut HeaderMap, id: Uuid, sent: &HeaderMap) {
    set(headers, REQUEST_ID, &id.to_string());
    headers.insert(
        STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=31536000; includeSubDomains"),
    );
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache"));
    let wants_it_back = sent
        .get(RETURN_CLIENT_REQUEST_ID)
        .is_some_and(|value| value.to_str().is_ok_and(|text| text.eq_ignore_ascii_case("true")));
    let client_id = sent
        .get(CLIENT_REQUEST_ID)
        .filter(|id| id.len() <= CLIENT_REQUEST_ID_CHARS_MAX);
    if let Some(client_id) = client_id.filter(|_| wants_it_back) {
        headers.insert(CLIENT_REQUEST_ID, client_id.clone());
    }
}

fn add_arm_headers(headers: &mut HeaderMap, door: &Door, id: Uuid, sent: &HeaderMap) {
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(EXPIRES, HeaderValue::from_static("-1"));
    let correlation = sent
        .get(CORRELATION_ID)
        .and_then(|value| Uuid::try_parse(value.to_str().ok()?).ok())
        .unwrap_or(id);
    set(headers, CORRELATION_ID, &correlation.to_string());
    let seconds = door.app.clock().now().to_string();
    let seconds: String = seconds
        .split('.')
        .next()
        .unwrap_or_default()
        .replace(['-', ':', 'Z'], "");
    set(headers, ROUTING_ID, &format!("LOCAL:{seconds}Z:{id}"));
}

/// How many more requests the caller may send at once. Azure counts reads and writes apart; here one limit is for both.
fn add_remaining(headers: &mut HeaderMap, story: &Story, method: &Method) {
    if let Some(remaining) = story.remaining.get() {
        let name = if method.is_safe() {
            REMAINING_READS
        } else {
            REMAINING_WRITES
        };
        headers.insert(name, (*remaining).into());
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// The answer where the path exists, but not for the method.
pub(crate) async fn method_not_allowed(request: Request) -> Failure {
    Failure::method_not_allowed(request.method())
}
