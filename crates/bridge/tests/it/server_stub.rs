//! The server on this machine: it takes deliveries as the real one does, and holds the bridge to its promise.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use domain::time::{Hour, Timestamp, parse_timestamp};
use domain::usage::UsageRecord;
use wire::api::{KNOWN_RECEIPTS, KnownReceipts};
use wire::usage::{Format, parse_delivery};

use crate::stack_stub::{StackState, cut_off};

/// What the server does wrong with one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It takes nothing in.
    Busy,
    /// It takes the delivery in, and the answer is lost.
    AnswerLost,
    /// It takes the delivery in, and somebody in between says that it does not answer.
    BadGateway,
}

/// What tells one record from all others: whose, by which meter, of what; and when.
pub(crate) type Key = (String, Hour);

#[derive(Default)]
pub(crate) struct ServerState {
    pub(crate) faults: VecDeque<Option<Fault>>,
    /// What was delivered under each idempotency key, and the answer.
    first: BTreeMap<String, (Vec<u8>, String, String)>,
    /// Every record, with the reported hours it came with.
    pub(crate) records: BTreeMap<Key, BTreeSet<Hour>>,
    pub(crate) bodies: Vec<Vec<u8>>,
    pub(crate) through: Option<Hour>,
    /// The hours that were declared by what was read of them.
    pub(crate) declared: BTreeSet<Hour>,
    pub(crate) directories: Vec<String>,
    /// When each of these had been listed, as it was said.
    pub(crate) as_of: Vec<Timestamp>,
    /// Refuses listings in which this is for what they say.
    pub(crate) refuses_listing: Option<&'static str>,
    /// Knows no listings but those of just now, as an earlier version that has no bundle key.
    pub(crate) places_no_listing: bool,
    /// How often the stack had listed them when each of these came.
    pub(crate) listed: Vec<usize>,
    pub(crate) deliveries: usize,
    /// Answers everything with this.
    pub(crate) refusing: Option<(u16, &'static str)>,
    /// The only key that is good, if not every one is.
    pub(crate) key: Option<String>,
    /// Where the bridge broke its promise.
    pub(crate) broken: Vec<String>,
    /// The chain values of its receipts.
    chain: Vec<String>,
    /// How many receipts it ever gave: of those that it has lost no one comes again.
    receipts: usize,
    /// Before which delivery it is backed up, and before which one restored.
    pub(crate) restore: Option<(usize, usize)>,
    backup: Option<Backup>,
    /// How often it was restored.
    pub(crate) restored: usize,
}

/// What a server has at one moment.
#[derive(Clone)]
pub(crate) struct Backup {
    first: BTreeMap<String, (Vec<u8>, String, String)>,
    records: BTreeMap<Key, BTreeSet<Hour>>,
    through: Option<Hour>,
    declared: BTreeSet<Hour>,
    chain: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct ServerStub {
    pub(crate) url: String,
    pub(crate) state: Arc<Mutex<ServerState>>,
}

#[derive(Clone)]
struct Door {
    state: Arc<Mutex<ServerState>>,
    stack: Arc<Mutex<StackState>>,
    start: Hour,
}

impl ServerStub {
    /// A server that knows what the stack has reported since this hour.
    pub(crate) async fn start(stack: Arc<Mutex<StackState>>, start: Hour) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(ServerState::default()));
        let door = Door {
            state: Arc::clone(&state),
            stack,
            start,
        };
        let router = Router::new().fallback(handle).with_state(door);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state }
    }
}

async fn handle(State(door): State<Door>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, 1 << 26).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if parts.uri.path() == "/metadata/endpoints" {
        return who_it_is(&parts.headers);
    }
    if let Some(refusal) = door.refusal(&parts.headers) {
        return refusal;
    }
    if parts.uri.path().ends_with("/subscriptions") {
        let listed = door.stack.lock().unwrap().listed;
        let mut state = door.state.lock().unwrap();
        let text = String::from_utf8_lossy(&body);
        if state
            .refuses_listing
            .is_some_and(|refused| text.contains(refused))
        {
            return error(400, "InvalidProperty");
        }
        let as_of = parts.uri.query().and_then(|query| query.strip_prefix("asOf="));
        if as_of.is_some() && state.places_no_listing {
            return error(409, "BundleKeyNotRegistered");
        }
        let as_of = as_of.map(|text| parse_timestamp(&text.replace("%3A", ":")).unwrap());
        state.as_of.extend(as_of);
        state.directories.push(String::from_utf8(body.to_vec()).unwrap());
        state.listed.push(listed);
        return r#"{"listed":1,"added":0,"changed":0}"#.into_response();
    }
    door.take_in(&parts.headers, parts.uri.query().unwrap_or_default(), &body)
}

impl Door {
    fn refusal(&self, headers: &HeaderMap) -> Option<Response> {
        let state = self.state.lock().unwrap();
        let (status, code) = match (&state.refusing, &state.key) {
            (Some(refusing), _) => *refusing,
            (None, Some(key)) if headers[header::AUTHORIZATION] != format!("Bearer {key}") => {
                (401, "AuthenticationFailed")
            }
            _ => return None,
        };
        Some(error(status, code))
    }

    fn take_in(&self, headers: &HeaderMap, query: &str, body: &Bytes) -> Response {
        // The stack's lock first, always: its own handler takes no other.
        let stack = self.stack.lock().unwrap();
        let mut state = self.state.lock().unwrap();
        state.deliveries += 1;
        state.restore_when_it_is_time();
        let fault = state.faults.pop_front().flatten();
        if fault == Some(Fault::Busy) {
            return ([(header::RETRY_AFTER, "0")], error(503, "TooManyDeliveries")).into_response();
        }
        if !state.has_known(headers) {
            return error(409, "ReceiptNotKnown");
        }
        let answer = state.answer(&stack, self.start, headers, query, body);
        match fault {
            Some(Fault::AnswerLost) => cut_off(&answer),
            Some(Fault::BadGateway) => error(502, "BadGateway"),
            _ => answer.into_response(),
        }
    }
}

impl ServerState {
    pub(crate) fn backup(&self) -> Backup {
        Backup {
            first: self.first.clone(),
            records: self.records.clone(),
            through: self.through,
            declared: self.declared.clone(),
            chain: self.chain.clone(),
        }
    }

    /// What came since then is lost.
    pub(crate) fn restore(&mut self, backup: &Backup) {
        let Backup {
            first,
            records,
            through,
            declared,
            chain,
        } = backup.clone();
        (self.first, self.records, self.through) = (first, records, through);
        (self.declared, self.chain) = (declared, chain);
        self.restored += 1;
    }

    fn restore_when_it_is_time(&mut self) {
        let Some((backup, restore)) = self.restore else {
            return;
        };
        if self.deliveries == backup {
            self.backup = Some(self.backup());
        }
        if self.deliveries == restore
            && let Some(backup) = self.backup.take()
        {
            self.restore(&backup);
        }
    }

    /// Whether it has the receipts that a delivery relies on.
    fn has_known(&self, headers: &HeaderMap) -> bool {
        let Some(known) = headers.get(KNOWN_RECEIPTS) else {
            return true;
        };
        let known: KnownReceipts = known.to_str().unwrap().parse().unwrap();
        known.0.iter().all(|it| {
            let place = usize::try_from(it.sequence).unwrap() - 1;
            self.chain
                .get(place)
                .is_some_and(|chain| it.to_string().ends_with(chain))
        })
    }

    fn answer(
        &mut self,
        stack: &StackState,
        start: Hour,
        headers: &HeaderMap,
        query: &str,
        body: &Bytes,
    ) -> String {
        let key = headers["idempotency-key"].to_str().unwrap().to_owned();
        if let Some((first_body, first_query, answer)) = self.first.get(&key) {
            if first_body != &body[..] || first_query != query {
                self.broken.push(format!("key {key} came with another delivery"));
            }
            return answer.clone();
        }
        assert_eq!(headers[header::CONTENT_ENCODING], "zstd");
        let page = zstd::decode_all(&body[..]).unwrap();
        let parsed = parse_delivery(&page, Format::Json).unwrap();
        let query_of = |name: &str| {
            let pairs: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            pairs.get(name).map(|text| text.parse::<Hour>().unwrap())
        };
        let reported = query_of("reportedStart").unwrap();
        assert_eq!(query_of("reportedEnd"), Some(reported.plus(1)));
        let (mut accepted, mut duplicate) = (0, 0);
        for it in &parsed.records {
            let key = key_of(&it.record);
            let known = self.records.entry(key).or_default();
            if known.is_empty() {
                accepted += 1;
            } else {
                duplicate += 1;
            }
            known.insert(reported);
        }
        self.bodies.push(page.clone());
        if let Some(through) = query_of("reportedThrough") {
            // What was lost is declared by itself when it is read again, and what is new meanwhile.
            let from = if self.restored > 0 {
                reported
            } else {
                start.min(reported)
            };
            self.hold_to(stack, from, through);
            self.declared.insert(reported);
        }
        self.receipts += 1;
        let chain = format!("{:064x}", self.receipts);
        self.chain.push(chain.clone());
        let sequence = self.chain.len();
        let answer = format!(
            r#"{{"batchId":"b","sequence":{sequence},"chain":"{chain}","accepted":{accepted},"duplicate":{duplicate},"revised":0,"quarantined":{},"problems":[]}}"#,
            parsed.quarantined.len()
        );
        self.first
            .insert(key, (body.to_vec(), query.to_owned(), answer.clone()));
        answer
    }

    /// What is declared must be so: everything that was reported before must have come, and no hour was left out.
    fn hold_to(&mut self, stack: &StackState, start: Hour, through: Hour) {
        let expected = self.through.unwrap_or(start).plus(1);
        if through > expected && self.restored == 0 {
            self.broken
                .push(format!("{through} was declared before {expected}"));
        }
        self.through = self.through.max(Some(through));
        for (hour, reports) in stack.reports.range(start..through) {
            for key in keys(reports) {
                if !self.records.contains_key(&key) && !stack.late.contains(&key) {
                    self.broken
                        .push(format!("{through} was declared without {key:?} of {hour}"));
                }
            }
        }
    }
}

/// The keys of reports.
pub(crate) fn keys(reports: &[String]) -> Vec<Key> {
    let page = format!(r#"{{"value":[{}]}}"#, reports.join(","));
    let parsed = parse_delivery(page.as_bytes(), Format::Json).unwrap();
    let records = parsed.records.iter();
    records.map(|it| key_of(&it.record)).collect()
}

fn key_of(record: &UsageRecord<'_>) -> Key {
    let UsageRecord {
        local_subscription,
        local_meter,
        resource_uri,
        ..
    } = record;
    (
        format!("{local_subscription} {local_meter} {resource_uri}"),
        record.start,
    )
}

/// Anybody may ask who it is.
fn who_it_is(headers: &HeaderMap) -> Response {
    let host = headers[header::HOST].to_str().unwrap();
    let said = format!(
        r#"{{"name":"Meterbridge","authentication":{{"loginEndpoint":"http://{host}/adfs","audiences":["http://{host}"]}}}}"#
    );
    said.into_response()
}

fn error(status: u16, code: &str) -> Response {
    let body = format!(r#"{{"error":{{"code":"{code}","message":"It is so."}}}}"#);
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}
