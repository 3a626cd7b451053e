//! Bodies: read whole, within limits of bytes and time, and as what they should be.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Door;
use crate::error::Failure;
use crate::limits::{DELIVERY_BYTES_MIN, FORM_BYTES_MAX, JSON_BODY_BYTES_MAX, LARGE_JSON_BODY_BYTES_MAX};

/// How a body may be compressed.
const ENCODINGS: [&str; 3] = ["identity", "gzip", "zstd"];

/// What deliveries may hold in memory together.
#[derive(Clone)]
pub(crate) struct Memory {
    /// Bytes, in units of [`DELIVERY_BYTES_MIN`].
    units: Arc<Semaphore>,
}

impl Memory {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            units: Arc::new(Semaphore::new(units(bytes_max))),
        }
    }
}

/// How many units that many bytes are; never none.
const fn units(bytes: usize) -> usize {
    let units = bytes.div_ceil(DELIVERY_BYTES_MIN);
    if units == 0 { 1 } else { units }
}

/// A body in memory that counts against the [`Memory`] until it is dropped.
pub(crate) struct Held {
    bytes: Vec<u8>,
    _units: OwnedSemaphorePermit,
}

impl std::ops::Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a body whole: at most `bytes_max`, within the time for it, and only as long as there is memory.
async fn hold(door: &Door, request: Request, bytes_max: usize) -> Result<Held, Failure> {
    let (memory, timeout) = (&door.memory, door.limits.body_timeout);
    // The length of a compressed body was taken away with its encoding: it says nothing about the length that counts.
    let declared = declared_length(request.headers(), bytes_max)?;
    let mut held = memory.acquire(declared.unwrap_or(0))?;
    let mut bytes = Vec::with_capacity(declared.unwrap_or(0));
    let reading = async {
        let mut body = request.into_body();
        while let Some(data) = next_data(&mut body).await? {
            if bytes.len() + data.len() > bytes_max {
                return Err(Failure::payload_too_large(bytes_max));
            }
            bytes.extend_from_slice(&data);
            let missing = units(bytes.len()).saturating_sub(held.num_permits());
            if missing > 0 {
                held.merge(memory.acquire(missing * DELIVERY_BYTES_MIN)?);
            }
        }
        Ok(())
    };
    tokio::time::timeout(timeout, reading)
        .await
        .unwrap_or_else(|_| Err(too_slow(timeout)))?;
    Ok(Held { bytes, _units: held })
}

impl Memory {
    /// Memory for so many bytes, or the answer that there is none left. It never waits: a body that was partly read
    /// would wait for others that wait for it.
    fn acquire(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Failure> {
        let units = u32::try_from(units(bytes)).map_err(|_| Failure::too_many_deliveries())?;
        Arc::clone(&self.units)
            .try_acquire_many_owned(units)
            .map_err(|_| Failure::too_many_deliveries())
    }
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
    hold(door, request, door.limits.body_bytes_max).await
}

/// Reads the body of a delivery that is JSON of one shape. It may be large, so it is parsed where it holds nobody up.
pub(crate) async fn json_delivery<T>(door: &Door, request: Request) -> Result<T, Failure>
where
    T: DeserializeOwned + Send + 'static,
{
    is_json(request.headers())?;
    let bytes = delivery(door, request).await?;
    let read = tokio::task::spawn_blocking(move || json(&bytes)).await;
    read.unwrap_or_else(|error| Err(Failure::internal(format!("a body was not read: {error}"))))
}

/// Reads the body of a form.
pub(crate) async fn form(door: &Door, request: Request) -> Result<Held, Failure> {
    if !media_type(request.headers())
        .is_some_and(|given| given.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
    {
        let message = "Expected a body with Content-Type application/x-www-form-urlencoded.";
        return Err(Failure::unsupported_media_type(message));
    }
    hold(door, request, FORM_BYTES_MAX).await
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
        read_json(door, request, JSON_BODY_BYTES_MAX).await.map(Self)
    }
}

/// A JSON body that may be left out.
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<Arc<Door>> for OptionalJson<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, door: &Arc<Door>) -> Result<Self, Failure> {
        let is_json = is_json(request.headers());
        let bytes = hold(door, request, JSON_BODY_BYTES_MAX).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        is_json?;
        json(&bytes).map(Self)
    }
}

/// A JSON body that may be larger: a price list.
pub(crate) struct LargeJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Door>> for LargeJson<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, door: &Arc<Door>) -> Result<Self, Failure> {
        read_json(door, request, LARGE_JSON_BODY_BYTES_MAX)
            .await
            .map(Self)
    }
}

async fn read_json<T: DeserializeOwned>(
    door: &Door,
    request: Request,
    bytes_max: usize,
) -> Result<T, Failure> {
    is_json(request.headers())?;
    json(&hold(door, request, bytes_max).await?)
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
}
