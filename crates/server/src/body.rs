//! Bodies: read whole, within limits of bytes and time, and as what they should be.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use app::access::Caller;
use app::network::single_network;
use app::shares::{Share, Shares};
use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequest, Request, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::Response;
use domain::bundle::Digest;
use domain::ids::ObjectId;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Door;
use crate::error::Failure;
use crate::limits::{
    BUSY_RETRY_AFTER_SECONDS, DELIVERY_BYTES_MIN, FORM_BYTES_MAX, JSON_BODY_BYTES_MAX,
    LARGE_JSON_BODY_BYTES_MAX, Limits, SMALL_BODY_BYTES_MIN,
};

/// How a body may be compressed.
const ENCODINGS: [&str; 3] = ["identity", "gzip", "zstd"];

/// What bodies may hold in memory.
pub(crate) struct Memories {
    /// Deliveries, and price lists.
    large: Memory,
    /// Sign-in forms, which anybody may send, and all other JSON.
    small: Memory,
}

impl Memories {
    pub(crate) fn new(limits: &Limits) -> Self {
        let large = Room {
            bytes_max: limits.delivery_bytes_in_memory_max,
            bytes_of_one_max: limits.delivery_bytes_in_memory_per_caller_max,
            unit_bytes: DELIVERY_BYTES_MIN,
            timeout: limits.body_timeout,
            full: Failure::too_many_deliveries,
        };
        let small = Room {
            bytes_max: limits.small_body_bytes_in_memory_max,
            bytes_of_one_max: limits.small_body_bytes_in_memory_per_caller_max,
            unit_bytes: SMALL_BODY_BYTES_MIN,
            timeout: limits.small_body_timeout,
            full: too_many_small,
        };
        Self {
            large: Memory::new(large),
            small: Memory::new(small),
        }
    }
}

/// How much memory there is for bodies of one kind, and for how long they may take it while they arrive.
#[derive(Clone, Copy)]
struct Room {
    bytes_max: usize,
    /// The most that one holder may have.
    bytes_of_one_max: usize,
    /// What is counted: whatever a body holds is a whole number of these.
    unit_bytes: usize,
    timeout: Duration,
    /// The answer where there is none left.
    full: fn() -> Failure,
}

/// What bodies of one kind may hold in memory together.
#[derive(Clone)]
struct Memory {
    room: Room,
    units: Arc<Semaphore>,
    shares: Shares<Holder>,
}

/// Whose body it is.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Holder {
    Caller(ObjectId),
    /// Nobody knows yet who calls.
    Network(IpAddr),
}

impl Holder {
    /// Nothing for somebody unknown on this machine.
    fn of(request: &Request) -> Option<Self> {
        let extensions = request.extensions();
        if let Some(caller) = extensions.get::<Caller>() {
            return Some(Self::Caller(caller.id()));
        }
        let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
        single_network(peer.ip()).map(Self::Network)
    }
}

impl Memory {
    fn new(room: Room) -> Self {
        Self {
            room,
            units: Arc::new(Semaphore::new(room.bytes_max.div_ceil(room.unit_bytes))),
            shares: Shares::new(room.bytes_of_one_max.div_ceil(room.unit_bytes)),
        }
    }

    /// A body of which nothing has arrived.
    fn empty(&self, holder: Option<Holder>) -> Held {
        Held {
            bytes: Vec::new(),
            memory: self.clone(),
            share: self.shares.empty(holder),
            permit: None,
        }
    }
}

/// A body in memory that counts against the [`Memory`] until it is dropped.
pub(crate) struct Held {
    bytes: Vec<u8>,
    memory: Memory,
    share: Share<Holder>,
    permit: Option<OwnedSemaphorePermit>,
}

impl std::ops::Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Held {
    /// Adds what has arrived of a body that has so many bytes in the end, at the most. Room is made as bytes come: who only
    /// announces them holds nothing.
    fn append(&mut self, data: &[u8], bytes_expected: usize) -> Result<(), Failure> {
        let needed = self.bytes.len() + data.len();
        if needed > self.bytes.capacity() {
            let twice = self.bytes.capacity().saturating_mul(2).min(bytes_expected);
            self.make_room(needed.max(twice))?;
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// Makes room for so many bytes, or answers that there is none left. It never waits: a body that was partly read would
    /// wait for others that wait for it.
    fn make_room(&mut self, bytes: usize) -> Result<(), Failure> {
        let Room { unit_bytes, full, .. } = self.memory.room;
        let units = bytes.div_ceil(unit_bytes);
        let held = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = units.saturating_sub(held);
        if !self.share.grow(missing) {
            return Err(full());
        }
        let more = u32::try_from(missing).map_err(|_| full())?;
        let more = Arc::clone(&self.memory.units).try_acquire_many_owned(more);
        let more = more.map_err(|_| full())?;
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            none => *none = Some(more),
        }
        self.bytes.reserve_exact(units * unit_bytes - self.bytes.len());
        Ok(())
    }
}

/// Reads a body whole: at most `bytes_max`, within the time for it, and only as long as there is memory.
async fn hold(memory: &Memory, request: Request, bytes_max: usize) -> Result<Held, Failure> {
    // The length of a compressed body was taken away with its encoding: it says nothing about the length that counts.
    let declared = declared_length(request.headers(), bytes_max)?;
    let expected = declared.unwrap_or(bytes_max);
    let mut held = memory.empty(Holder::of(&request));
    let reading = async {
        let mut body = request.into_body();
        while let Some(data) = next_data(&mut body).await? {
            if held.len() + data.len() > bytes_max {
                return Err(Failure::payload_too_large(bytes_max));
            }
            held.append(&data, expected)?;
        }
        Ok(())
    };
    let timeout = memory.room.timeout;
    tokio::time::timeout(timeout, reading)
        .await
        .unwrap_or_else(|_| Err(too_slow(timeout)))?;
    Ok(held)
}

fn too_many_small() -> Failure {
    let message =
        "Too many requests are being read at this moment. Nothing of this one was done. Send it again later.";
    Failure::too_many_requests(message, BUSY_RETRY_AFTER_SECONDS)
}

/// Refuses what is not read here before any of it is: an unknown encoding, or more than the most of all routes.
pub(crate) async fn admit(
    State(door): State<Arc<Door>>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    declared_length(request.headers(), door.limits.body_bytes_max)?;
    if let Some(encoding) = request.headers().get(CONTENT_ENCODING)
        && !ENCODINGS
            .iter()
            .any(|known| encoding.as_bytes().eq_ignore_ascii_case(known.as_bytes()))
    {
        let message = "Expected a body with Content-Encoding gzip or zstd, or without one.";
        return Err(Failure::unsupported_media_type(message).about("Content-Encoding"));
    }
    Ok(next.run(request).await)
}

/// Reads the body of a delivery.
pub(crate) async fn delivery(door: &Door, request: Request) -> Result<Held, Failure> {
    hold(&door.memory.large, request, door.limits.body_bytes_max).await
}

/// Reads the body of a delivery that is JSON of one shape. It may be large, so it is parsed where it holds nobody up.
pub(crate) async fn json_delivery<T>(door: &Door, request: Request) -> Result<T, Failure>
where
    T: DeserializeOwned + Send + 'static,
{
    let (read, _) = json_delivery_with_digest(door, request).await?;
    Ok(read)
}

/// The same, with what the body was: BLAKE3 of its text.
pub(crate) async fn json_delivery_with_digest<T>(
    door: &Door,
    request: Request,
) -> Result<(T, Digest), Failure>
where
    T: DeserializeOwned + Send + 'static,
{
    is_json(request.headers())?;
    let bytes = delivery(door, request).await?;
    let read = move || Ok((json(&bytes)?, Digest::from_bytes(blake3::hash(&bytes).into())));
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|error| Err(Failure::internal(format!("a body was not read: {error}"))))
}

/// Reads the body of a price list, which may be larger than other JSON.
pub(crate) async fn price_list<T: DeserializeOwned>(door: &Door, request: Request) -> Result<T, Failure> {
    is_json(request.headers())?;
    json(&hold(&door.memory.large, request, LARGE_JSON_BODY_BYTES_MAX).await?)
}

/// Reads the body of prices in somebody else's form, which is text of whatever kind.
pub(crate) async fn prices(door: &Door, request: Request) -> Result<Held, Failure> {
    hold(&door.memory.large, request, LARGE_JSON_BODY_BYTES_MAX).await
}

/// Reads the body of a form.
pub(crate) async fn form(door: &Door, request: Request) -> Result<Held, Failure> {
    if !media_type(request.headers())
        .is_some_and(|given| given.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
    {
        let message = "Expected a body with Content-Type application/x-www-form-urlencoded.";
        return Err(Failure::unsupported_media_type(message));
    }
    hold(&door.memory.small, request, FORM_BYTES_MAX).await
}

/// What `Content-Length` says; refused before anything is read if that is too much.
fn declared_length(headers: &HeaderMap, bytes_max: usize) -> Result<Option<usize>, Failure> {
    let declared: Option<usize> = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    if declared.is_some_and(|declared| declared > bytes_max) {
        return Err(Failure::payload_too_large(bytes_max));
    }
    Ok(declared)
}

async fn next_data(body: &mut Body) -> Result<Option<bytes::Bytes>, Failure> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let message = "The body ended early or cannot be decompressed. Send it again, whole.";
            Failure::invalid("UnreadableBody", message).because(error.to_string())
        })?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

fn too_slow(timeout: Duration) -> Failure {
    let message = format!(
        "The body did not arrive within {} seconds. Send it again.",
        timeout.as_secs()
    );
    Failure::new(axum::http::StatusCode::REQUEST_TIMEOUT, "RequestTimeout", message)
}

/// The media type of a body, without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or(value).trim())
}

/// A JSON body of one of our own or ARM's requests.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Door>> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, door: &Arc<Door>) -> Result<Self, Failure> {
        is_json(request.headers())?;
        json(&hold(&door.memory.small, request, JSON_BODY_BYTES_MAX).await?).map(Self)
    }
}

/// A JSON body that may be left out.
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<Arc<Door>> for OptionalJson<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, door: &Arc<Door>) -> Result<Self, Failure> {
        let is_json = is_json(request.headers());
        let bytes = hold(&door.memory.small, request, JSON_BODY_BYTES_MAX).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        is_json?;
        json(&bytes).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> Result<(), Failure> {
    match media_type(headers) {
        Some(given) if given.eq_ignore_ascii_case("application/json") => Ok(()),
        _ => Err(Failure::unsupported_media_type(
            "Expected a body with Content-Type application/json.",
        )),
    }
}

/// Reads JSON, naming the member at fault if it is something else than expected.
fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let failure = not_as_expected(error.inner());
        match member(error.path()) {
            Some(member) => failure.about(member),
            None => failure,
        }
    })?;
    deserializer.end().map_err(|error| not_as_expected(&error))?;
    Ok(value)
}

/// The member at fault, as far as it has a name: inside of what can have several shapes, nobody knows which was meant.
fn member(path: &serde_path_to_error::Path) -> Option<String> {
    let known = path.to_string();
    let known = known
        .split(['?'])
        .next()
        .unwrap_or_default()
        .trim_end_matches('.');
    (!known.is_empty()).then(|| known.to_owned())
}

fn not_as_expected(error: &serde_json::Error) -> Failure {
    match error.classify() {
        serde_json::error::Category::Data => Failure::invalid(
            "InvalidRequestContent",
            format!(
                "The body is not as expected: {}.",
                in_words_of_json(&error.to_string())
            ),
        ),
        _ => Failure::invalid("InvalidJson", format!("The body is not JSON: {error}.")),
    }
}

/// What the parser says, without the names that things have in here: a sender knows objects and members.
fn in_words_of_json(said: &str) -> String {
    const EXPECTED: [(&str, &str); 7] = [
        ("expected struct ", "expected an object"),
        ("expected internally tagged enum ", "expected an object"),
        ("expected adjacently tagged enum ", "expected an object"),
        ("expected enum ", "expected one of the names that are allowed"),
        ("expected unit ", "expected null"),
        ("expected tuple struct ", "expected an array"),
        (
            "did not match any variant of untagged enum ",
            "is of none of the shapes that are allowed",
        ),
    ];
    let told = said
        .replace("a map", "an object")
        .replace("a sequence", "an array");
    for (inner, word) in EXPECTED {
        let Some((before, after)) = told.split_once(inner) else {
            continue;
        };
        let name_ends = after.find(|c: char| !(c.is_alphanumeric() || "_:<>".contains(c)));
        let after = name_ends.map_or("", |end| &after[end..]);
        let after = after.strip_prefix(" with 1 element").unwrap_or(after);
        return format!("{before}{word}{after}");
    }
    told
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Inner {
        #[expect(dead_code, reason = "it is only read")]
        kind: Kind,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    enum Kind {
        Csp,
    }

    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(#[expect(dead_code, reason = "it is only read")] String),
        Inner(Inner),
    }

    #[test]
    fn a_body_of_another_shape_is_refused_without_a_name_that_only_this_program_knows() {
        let said = [
            json::<Inner>(b"[1]").unwrap_err(),
            json::<Inner>(b"7").unwrap_err(),
            json::<Inner>(br#"{"kind": 7}"#).unwrap_err(),
            json::<Inner>(br#"{"kind": "other"}"#).unwrap_err(),
            json::<Either>(b"7").unwrap_err(),
            json::<Vec<Either>>(b"[7]").unwrap_err(),
        ];
        for failure in said {
            let said = format!("{failure:?}");
            for inner in [
                "struct",
                "enum",
                "Inner",
                "Kind",
                "Either",
                "variant of",
                "target: Some(\"?",
            ] {
                assert!(!said.contains(inner), "{inner} in {said}");
            }
        }
    }

    #[test]
    fn the_member_at_fault_is_named() {
        let failure = json::<Vec<Inner>>(br#"[{"kind": 7}]"#).unwrap_err();
        assert!(format!("{failure:?}").contains("[0].kind"), "{failure:?}");
    }

    const UNIT: usize = 4;

    fn memory(bytes_max: usize, bytes_of_one_max: usize) -> Memory {
        Memory::new(Room {
            bytes_max,
            bytes_of_one_max,
            unit_bytes: UNIT,
            timeout: Duration::from_secs(1),
            full: too_many_small,
        })
    }

    #[test]
    fn one_caller_cannot_hold_all_memory_so_that_others_are_sent_away() {
        let memory = memory(8 * UNIT, 2 * UNIT);
        let caller = |number| Some(Holder::Caller(ObjectId::from_bytes([number; 16])));
        let (mut first, mut second) = (memory.empty(caller(1)), memory.empty(caller(1)));
        first.append(b"12345", 5).unwrap();
        assert!(second.append(b"1", 1).is_err(), "it has its share already");
        memory.empty(caller(2)).append(b"1", 1).unwrap();
        drop((first, second));
        memory.empty(caller(1)).append(b"12345678", 8).unwrap();
    }

    #[test]
    fn a_body_counts_for_what_has_arrived_and_never_for_less_than_it_takes() {
        let memory = memory(8 * UNIT, 8 * UNIT);
        let mut held = memory.empty(None);
        assert_eq!(memory.units.available_permits(), 8, "nothing has arrived");
        for byte in b"12345" {
            held.append(&[*byte], 32).unwrap();
        }
        assert_eq!(&held[..], b"12345");
        assert!(held.bytes.capacity() <= 2 * UNIT, "{}", held.bytes.capacity());
        assert_eq!(memory.units.available_permits(), 6);
        drop(held);
        assert_eq!(memory.units.available_permits(), 8);
    }
}
