//! A stack's admin API and its AD FS on this machine, with faults on demand.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::time::{Hour, Timestamp};
use futures_util::stream;

use crate::server_stub::Key;
use crate::world::FastClock;

pub(crate) const PROVIDER: &str = "39c82aed-b2b7-4a66-abdb-611de00bf11e";
pub(crate) const CLOUD: &str = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";
pub(crate) const SECRET: &str = "s3cret";
const USAGE: &str = "microsoft.commerce.admin/subscriberusageaggregates";

/// What the stack does wrong with one usage request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    GatewayTimeout,
    Busy,
    BusyFor,
    TooMany,
    NotReady,
    /// The link to the next page, twice in one.
    DoubledLink,
    /// The first page, whichever was asked for.
    FirstPageAgain,
    /// The link is left out.
    LinkLost,
    /// JSON that ends in the middle.
    CutJson,
    /// A connection that ends in the middle.
    CutConnection,
    /// The token is not good any more.
    TokenExpired,
    /// The hour is not over by the stack's clock.
    InFuture,
    Html,
    /// The continuation token is not known any more.
    TokenForgotten,
}

pub(crate) const FAULTS: [Fault; 14] = [
    Fault::GatewayTimeout,
    Fault::Busy,
    Fault::BusyFor,
    Fault::TooMany,
    Fault::NotReady,
    Fault::DoubledLink,
    Fault::FirstPageAgain,
    Fault::LinkLost,
    Fault::CutJson,
    Fault::CutConnection,
    Fault::TokenExpired,
    Fault::InFuture,
    Fault::Html,
    Fault::TokenForgotten,
];

/// What the stack is, and what it was asked.
pub(crate) struct StackState {
    pub(crate) reports: BTreeMap<Hour, Vec<String>>,
    pub(crate) page_size: usize,
    /// One for each usage request to come.
    pub(crate) faults: VecDeque<Option<Fault>>,
    pub(crate) registration: Option<String>,
    pub(crate) local_subscriptions: String,
    pub(crate) directory_tenants: BTreeMap<String, String>,
    /// Pages given instead of reports, as they are.
    pub(crate) recorded: BTreeMap<Hour, Vec<u8>>,
    /// An hour of which the first page is all that is ever given.
    pub(crate) stuck: Option<Hour>,
    /// An hour that is never answered.
    pub(crate) unanswered: Option<Hour>,
    /// Hours that are refused by themselves.
    pub(crate) refused: BTreeSet<Hour>,
    /// Whether every hour is refused for a while.
    pub(crate) refuses_everything: bool,
    /// Hours of which each page behind the first is refused.
    pub(crate) refused_midway: BTreeSet<Hour>,
    /// Whether an hour that was answered is refused from then on.
    pub(crate) refuses_again: bool,
    /// An hour whose continuations are never answered, until its first page is asked for again.
    pub(crate) forgotten: Option<Hour>,
    /// How often one of them was asked for.
    pub(crate) forgotten_asked: u32,
    /// How much the stack's clock is behind.
    pub(crate) behind: Duration,
    /// The keys of what was reported in an hour that may have been read already.
    pub(crate) late: BTreeSet<Key>,
    /// The reported hour and the token of each usage request.
    pub(crate) asked: Vec<(Hour, Option<String>)>,
    pub(crate) tokens_given: u32,
    /// How often somebody has connected: each asks first where tokens come from.
    pub(crate) connected: usize,
    /// How often the local subscriptions were listed.
    pub(crate) listed: usize,
    /// Whether the account may not list them.
    pub(crate) hides_directory: bool,
}

impl StackState {
    /// Whether a page is one whose continuation was forgotten; it is remembered again with the first page.
    fn has_forgotten(&mut self, hour: Hour, goes_on: bool) -> bool {
        if self.forgotten != Some(hour) {
            return false;
        }
        if goes_on {
            self.forgotten_asked += 1;
        } else if self.forgotten_asked > 0 {
            self.forgotten = None;
        }
        goes_on
    }
}

#[derive(Clone)]
pub(crate) struct StackStub {
    pub(crate) url: String,
    pub(crate) state: Arc<Mutex<StackState>>,
    port: u16,
    router: Router,
    /// Of the server with the present certificate.
    serving: Handle<SocketAddr>,
}

#[derive(Clone)]
struct Door {
    state: Arc<Mutex<StackState>>,
    clock: Arc<FastClock>,
    url: String,
}

impl StackStub {
    /// Starts it: with TLS, if it has a certificate and its key.
    pub(crate) async fn start(clock: Arc<FastClock>, tls: Option<(Vec<u8>, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://localhost:{port}");
        let registration = format!(
            "/subscriptions/x/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/AzureStack-{CLOUD}"
        );
        let state = Arc::new(Mutex::new(StackState {
            reports: BTreeMap::new(),
            page_size: 4,
            faults: VecDeque::new(),
            registration: Some(registration),
            local_subscriptions: local_subscription("web"),
            directory_tenants: BTreeMap::new(),
            recorded: BTreeMap::new(),
            stuck: None,
            unanswered: None,
            refused: BTreeSet::new(),
            refuses_everything: false,
            refused_midway: BTreeSet::new(),
            refuses_again: false,
            forgotten: None,
            forgotten_asked: 0,
            behind: Duration::ZERO,
            late: BTreeSet::new(),
            asked: Vec::new(),
            tokens_given: 0,
            connected: 0,
            listed: 0,
            hides_directory: false,
        }));
        let door = Door {
            state: Arc::clone(&state),
            clock,
            url: url.clone(),
        };
        let router = Router::new().fallback(handle).with_state(door);
        let stub = Self {
            url,
            state,
            port,
            router: router.clone(),
            serving: Handle::new(),
        };
        if let Some(tls) = tls {
            stub.serve_tls(listener, tls).await;
        } else {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        }
        stub
    }

    async fn serve_tls(&self, listener: TcpListener, (certificate, key): (Vec<u8>, Vec<u8>)) {
        let tls = RustlsConfig::from_pem(certificate, key).await.unwrap();
        let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
        let (server, router) = (server.handle(self.serving.clone()), self.router.clone());
        tokio::spawn(async move { server.serve(router.into_make_service()).await.unwrap() });
    }

    /// Goes on at the same place with another certificate and its key.
    pub(crate) async fn rotate(&mut self, tls: (Vec<u8>, Vec<u8>)) {
        self.serving.shutdown();
        self.serving = Handle::new();
        let listener = loop {
            // The one before is not gone at once.
            match TcpListener::bind(("127.0.0.1", self.port)) {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        listener.set_nonblocking(true).unwrap();
        self.serve_tls(listener, tls).await;
    }

    pub(crate) fn report(&self, hour: Hour, record: String) {
        self.state
            .lock()
            .unwrap()
            .reports
            .entry(hour)
            .or_default()
            .push(record);
    }
}

pub(crate) fn local_subscription(name: &str) -> String {
    format!(
        r#"{{"subscriptionId":"5144634d-7e4d-443b-a304-d27e44220fc6","displayName":"{name}","owner":"o",
        "tenantId":"d9b782d5-d098-4374-8f2c-3907cc34611c","state":"Enabled"}}"#
    )
}

/// A usage record of the stack.
pub(crate) fn record(usage: Hour, number: usize) -> String {
    let instance = format!(
        r#"{{\"Microsoft.Resources\":{{\"resourceUri\":\"/subscriptions/s/resourcegroups/g/providers/p/t/vm{number}\",\"location\":\"north\",\"tags\":\"\",\"additionalInfo\":\"\"}}}}"#
    );
    format!(
        r#"{{"id":"i","name":"n","type":"Microsoft.Commerce/UsageAggregate","properties":{{"subscriptionId":"5144634d-7e4d-443b-a304-d27e44220fc6","usageStartTime":"{usage}","usageEndTime":"{}","instanceData":"{instance}","quantity":{number}.2400000000,"meterId":"F271A8A388C44D93956A063E1D2FA80B"}}}}"#,
        usage.plus(1)
    )
}

async fn handle(State(door): State<Door>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let path = parts.uri.path().to_ascii_lowercase();
    let query: Vec<(String, String)> =
        form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    if path == "/metadata/endpoints" {
        door.state.lock().unwrap().connected += 1;
        return json(format!(
            r#"{{"galleryEndpoint":"","graphEndpoint":"","portalEndpoint":"","authentication":{{"loginEndpoint":"{}/adfs","audiences":["https://admin.stack.example/1"]}}}}"#,
            door.url
        ));
    }
    if path.ends_with("/.well-known/openid-configuration") {
        // Whichever id it is asked for.
        let is_known = path.starts_with("/fabrikam.example/") || !path.contains(".example/");
        return if is_known {
            json(format!(
                r#"{{"token_endpoint":"{}/eb90516e-65d7-4bf6-8537-8322e9172832/oauth2/token"}}"#,
                door.url
            ))
        } else {
            error(400, "invalid_tenant")
        };
    }
    if path == "/adfs/oauth2/token" {
        return door.token(&body);
    }
    let bearer = parts.headers.get(header::AUTHORIZATION);
    let expected = format!("Bearer token-{}", door.state.lock().unwrap().tokens_given);
    if bearer.and_then(|it| it.to_str().ok()) != Some(&expected) {
        return error(401, "ExpiredAuthenticationToken");
    }
    if path.ends_with(USAGE) {
        assert!(path.starts_with(&format!("/subscriptions/{PROVIDER}/")), "{path}");
        return door.usage(&query, &path);
    }
    door.other(&parts.method, &path, &body)
}

impl Door {
    fn token(&self, body: &[u8]) -> Response {
        let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
        let proved = form.get("client_secret").map(String::as_str) == Some(SECRET)
            || form.get("client_assertion").is_some_and(|it| self.is_signed(it));
        if !proved || form.get("resource").map(String::as_str) != Some("https://admin.stack.example/1") {
            return json_of(
                401,
                r#"{"error":"invalid_client","error_description":"MSIS9607: no."}"#.to_owned(),
            );
        }
        let mut state = self.state.lock().unwrap();
        state.tokens_given += 1;
        json(format!(
            r#"{{"access_token":"token-{}","token_type":"bearer","expires_in":"3600"}}"#,
            state.tokens_given
        ))
    }

    /// Whether an assertion is meant for this authority and names a certificate as AD FS expects it; the signature is
    /// checked where the real authority is tested.
    fn is_signed(&self, assertion: &str) -> bool {
        let part = |number: usize| {
            let text = assertion.split('.').nth(number).unwrap();
            serde_json::from_slice::<serde_json::Value>(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
        };
        let (header, claims) = (part(0), part(1));
        let thumbprint = header["x5t"].as_str().unwrap_or_default();
        header["alg"] == "RS256"
            && URL_SAFE_NO_PAD.decode(thumbprint).unwrap().len() == 20
            && claims["aud"] == format!("{}/adfs/oauth2/token", self.url)
            && claims["iss"] == "bridge"
    }

    fn usage(&self, query: &[(String, String)], path: &str) -> Response {
        let get = |name: &str| {
            query
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
        };
        let start: Hour = get("reportedStartTime").unwrap().parse().unwrap();
        let end: Hour = get("reportedEndTime").unwrap().parse().unwrap();
        assert_eq!(
            (end, get("aggregationGranularity").as_deref()),
            (start.plus(1), Some("Hourly"))
        );
        let token = get("continuationToken");
        let mut state = self.state.lock().unwrap();
        state.asked.push((start, token.clone()));
        let fault = state.faults.pop_front().flatten();
        if end.start() > self.clock.now_at() - state.behind || fault == Some(Fault::InFuture) {
            return error(400, "RequestEndTimeIsInFuture");
        }
        if state.unanswered == Some(start) || state.has_forgotten(start, token.is_some()) {
            return error(504, "GatewayTimeout");
        }
        let refused = match token {
            Some(_) => &state.refused_midway,
            None => &state.refused,
        };
        if state.refuses_everything || refused.contains(&start) {
            return error(404, "ResourceNotFound");
        }
        match fault {
            Some(Fault::GatewayTimeout) => return error(504, "GatewayTimeout"),
            Some(Fault::Busy) => return error(503, "ServiceUnavailable"),
            Some(Fault::BusyFor) => {
                return ([(header::RETRY_AFTER, "7")], error(503, "ServiceUnavailable")).into_response();
            }
            Some(Fault::TooMany) => {
                return ([(header::RETRY_AFTER, "0")], error(429, "TooManyRequests")).into_response();
            }
            Some(Fault::NotReady) => return error(202, "ProcessingNotCompleted"),
            Some(Fault::TokenExpired) => {
                state.tokens_given += 1;
                return error(401, "ExpiredAuthenticationToken");
            }
            Some(Fault::Html) => return "<html>Gateway</html>".into_response(),
            Some(Fault::TokenForgotten) if token.is_some() => return error(400, "InvalidProperty"),
            _ => {}
        }
        if let Some(page) = state.recorded.get(&start) {
            return json(String::from_utf8(page.clone()).unwrap());
        }
        let asked: usize = token.map_or(0, |token| {
            token
                .strip_prefix("a+/")
                .unwrap()
                .trim_end_matches('=')
                .parse()
                .unwrap()
        });
        if state.refuses_again {
            state.refused.insert(start);
        }
        let is_first = fault == Some(Fault::FirstPageAgain) || state.stuck == Some(start);
        let from = if is_first { 0 } else { asked };
        let body = page(
            &state,
            start,
            from,
            fault,
            &format!("{}{path}?api-version=2015-06-01-preview", self.url),
        );
        match fault {
            Some(Fault::CutJson) => json(body[..body.len() / 2].to_owned()),
            Some(Fault::CutConnection) => cut_off(&body),
            _ => json(body),
        }
    }

    fn other(&self, method: &Method, path: &str, body: &[u8]) -> Response {
        let mut state = self.state.lock().unwrap();
        let provider = format!("/subscriptions/{PROVIDER}");
        if path == "/subscriptions" {
            return json(format!(
                r#"{{"value":[{{"subscriptionId":"other","displayName":"Metering"}},{{"subscriptionId":"{PROVIDER}","displayName":"Default Provider Subscription"}}]}}"#
            ));
        }
        let Some(rest) = path.strip_prefix(&provider) else {
            return error(404, "SubscriptionNotFound");
        };
        match rest {
            "/resourcegroups/azurestack-activation/providers/microsoft.azurebridge.admin/activations/default" => {
                match &state.registration {
                    Some(id) => json(format!(
                        r#"{{"location":"north","properties":{{"azureRegistrationResourceIdentifier":"{id}"}}}}"#
                    )),
                    None => error(404, "ResourceNotFound"),
                }
            }
            "/providers/microsoft.subscriptions.admin/subscriptions" if state.hides_directory => {
                error(403, "AuthorizationFailed")
            }
            "/providers/microsoft.subscriptions.admin/subscriptions" => {
                state.listed += 1;
                json(format!(r#"{{"value":[{}]}}"#, state.local_subscriptions))
            }
            "/providers/microsoft.subscriptions.admin/locations" => {
                json(r#"{"value":[{"name":"north"}]}"#.to_owned())
            }
            _ => {
                let collection =
                    "/resourcegroups/system.north/providers/microsoft.subscriptions.admin/directorytenants";
                let Some(name) = rest.strip_prefix(collection) else {
                    return error(404, "ResourceNotFound");
                };
                directory_tenants(&mut state, method, name.trim_start_matches('/'), body)
            }
        }
    }
}

fn directory_tenants(state: &mut StackState, method: &Method, name: &str, body: &[u8]) -> Response {
    match (method, name) {
        (&Method::GET, "") => {
            let listed = state.directory_tenants.iter().map(|(name, tenant)| {
                format!(
                    r#"{{"id":"i","name":"{name}","type":"t","location":"north","properties":{{"tenantId":"{tenant}"}}}}"#
                )
            });
            json(format!(
                r#"{{"value":[{}]}}"#,
                listed.collect::<Vec<_>>().join(",")
            ))
        }
        (&Method::PUT, name) => {
            let body: serde_json::Value = serde_json::from_slice(body).unwrap();
            assert_eq!(body["location"], "north");
            let tenant = body["properties"]["tenantId"].as_str().unwrap().to_owned();
            state.directory_tenants.insert(name.to_owned(), tenant);
            json_of(201, "{}".to_owned())
        }
        (&Method::DELETE, name) => match state.directory_tenants.remove(name) {
            Some(_) => json("{}".to_owned()),
            None => StatusCode::NO_CONTENT.into_response(),
        },
        _ => error(405, "MethodNotAllowed"),
    }
}

fn page(state: &StackState, hour: Hour, from: usize, fault: Option<Fault>, base: &str) -> String {
    let all = state.reports.get(&hour).map_or(&[][..], Vec::as_slice);
    let end = (from + state.page_size).min(all.len());
    let records = all[from.min(end)..end].join(",");
    // Only a full page shows that its link was lost.
    if end >= all.len() || (fault == Some(Fault::LinkLost) && from > 0) {
        return format!(r#"{{"value":[{records}]}}"#);
    }
    let link = format!("{base}&continuationToken=a%2B%2F{end}%3D");
    let link = if fault == Some(Fault::DoubledLink) {
        format!("{link}{link}")
    } else {
        link
    };
    format!(r#"{{"value":[{records}],"nextLink":"{link}"}}"#)
}

fn json(body: String) -> Response {
    json_of(200, body)
}

fn json_of(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn error(status: u16, code: &str) -> Response {
    json_of(
        status,
        format!(r#"{{"error":{{"code":"{code}","message":"It is so."}}}}"#),
    )
}

/// An answer of which the connection breaks in the middle.
pub(crate) fn cut_off(body: &str) -> Response {
    let half = Bytes::copy_from_slice(&body.as_bytes()[..body.len() / 2]);
    let broken = io::Error::from(io::ErrorKind::ConnectionReset);
    Response::builder()
        .header(header::CONTENT_LENGTH, body.len())
        .body(Body::from_stream(stream::iter([Ok(half), Err(broken)])))
        .unwrap()
}

impl FastClock {
    fn now_at(&self) -> Timestamp {
        bridge::Clock::now(self)
    }
}
