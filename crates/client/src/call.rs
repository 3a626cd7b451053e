//! One request and its answer: sent, repeated where that does no harm, and read.

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MATCH};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::arm::{ErrorBody, ErrorEnvelope};

use crate::renewal::Renewal;
use crate::retry::{Patience, is_temporary, retry_after};
use crate::{Client, ClientError, Credential, Refusal};

/// The most bytes an answer may have.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How much of an answer that is not of the expected shape is shown.
const EXCERPT_CHARS: usize = 200;
const REQUEST_ID: &str = "x-ms-request-id";
const WARNING: &str = "x-meterbridge-warning";
const HINT: &str = "x-meterbridge-hint";
const REPEATED: &str = "x-meterbridge-repeated";
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const KNOWN_RECEIPTS: HeaderName = HeaderName::from_static("x-meterbridge-known-receipts");

/// A request in the making.
pub(crate) struct Call {
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    raw_query: Option<String>,
    headers: HeaderMap,
    body: Bytes,
    repeatable: bool,
    persistent: bool,
}

/// What was answered.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Call {
    /// A request of this method to the path of these segments, which may hold any text.
    pub(crate) fn new<'a>(method: Method, path: impl IntoIterator<Item = &'a str>) -> Self {
        let repeatable = matches!(method, Method::GET | Method::PUT | Method::DELETE);
        let path = path.into_iter().map(str::to_owned).collect();
        let (query, headers, body) = (Vec::new(), HeaderMap::new(), Bytes::new());
        Self {
            method,
            path,
            query,
            raw_query: None,
            headers,
            body,
            repeatable,
            persistent: false,
        }
    }

    pub(crate) fn query(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_owned())));
        self
    }

    /// The whole query, as the server wrote it.
    pub(crate) fn raw_query(self, query: String) -> Self {
        Self {
            raw_query: Some(query),
            ..self
        }
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// Names the request, so that repeating it does no harm; it is also sent again when the connection is lost.
    pub(crate) fn idempotency_key(mut self, key: &str) -> Result<Self, ClientError> {
        let value = HeaderValue::from_str(key)
            .map_err(|_| ClientError::Settings("The idempotency key holds a control character.".into()))?;
        self.headers.insert(IDEMPOTENCY_KEY, value);
        (self.repeatable, self.persistent) = (true, true);
        Ok(self)
    }

    /// Asks for a change only of what the caller has seen.
    pub(crate) fn if_match(mut self, etag: &str) -> Result<Self, ClientError> {
        let value = HeaderValue::from_str(etag)
            .map_err(|_| ClientError::Settings("The etag holds a control character.".into()))?;
        self.headers.insert(IF_MATCH, value);
        Ok(self)
    }

    /// Names receipts without which nothing is to be stored.
    pub(crate) fn known_receipts(mut self, known: &str) -> Result<Self, ClientError> {
        let value = HeaderValue::from_str(known)
            .map_err(|_| ClientError::Settings("A known receipt holds a control character.".into()))?;
        self.headers.insert(KNOWN_RECEIPTS, value);
        Ok(self)
    }

    /// The request may be repeated although its method does not say so.
    pub(crate) const fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Method and path, for a message about it.
    fn shown(&self) -> String {
        format!("{} /{}", self.method, self.path.join("/"))
    }

    pub(crate) fn body(self, content_type: &'static str, body: Bytes) -> Self {
        Self {
            body,
            ..self.header(CONTENT_TYPE, content_type)
        }
    }

    pub(crate) fn json(self, body: &impl Serialize) -> Result<Self, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| {
            ClientError::Settings(format!("The request cannot be written as JSON: {error}"))
        })?;
        Ok(self.body("application/json", body.into()))
    }
}

/// An answer, with what the server wants the caller to know about what was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<T> {
    /// The answer.
    pub value: T,
    /// Whether something is there now that was not there before.
    pub created: bool,
    /// Warnings, each `Code: text`.
    pub warnings: Vec<String>,
    /// Whether it is the answer of the first time that the same was asked for, and nothing was done now.
    pub repeated: bool,
}

impl Answer {
    fn with<T>(&self, value: T) -> Answered<T> {
        let texts = self.headers.get_all(WARNING).iter();
        let warnings = texts
            .map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned())
            .collect();
        Answered {
            value,
            created: self.status == StatusCode::CREATED,
            warnings,
            repeated: self.headers.contains_key(REPEATED),
        }
    }
}

impl Client {
    /// Sends a request and reads the answer.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, ClientError> {
        let request = call.shown();
        let answer = self.send(call).await?;
        self.read(&request, &answer)
    }

    /// The same, with the warnings beside the answer.
    pub(crate) async fn ask_with_warnings<T: DeserializeOwned>(
        &self,
        call: Call,
    ) -> Result<Answered<T>, ClientError> {
        let request = call.shown();
        let answer = self.send(call).await?;
        Ok(answer.with(self.read(&request, &answer)?))
    }

    /// Sends a request whose answer is a document, and not JSON.
    pub(crate) async fn fetch(&self, call: Call) -> Result<Vec<u8>, ClientError> {
        self.send(call).await.map(|answer| answer.body)
    }

    /// Sends a request whose answer says nothing more than that it was done.
    pub(crate) async fn tell(&self, call: Call) -> Result<(), ClientError> {
        self.send(call).await.map(|_| ())
    }

    /// Removes something. Says whether it was there: Azure Resource Manager answers 200 if it was and 204 if not.
    pub(crate) async fn remove(&self, call: Call) -> Result<bool, ClientError> {
        let answer = self.send(call).await?;
        Ok(answer.status != StatusCode::NO_CONTENT)
    }

    /// The same, with the warnings beside whether it was there.
    pub(crate) async fn remove_with_warnings(&self, call: Call) -> Result<Answered<bool>, ClientError> {
        let answer = self.send(call).await?;
        Ok(answer.with(answer.status != StatusCode::NO_CONTENT))
    }

    fn read<T: DeserializeOwned>(&self, request: &str, answer: &Answer) -> Result<T, ClientError> {
        serde_json::from_slice(&answer.body).map_err(|error| ClientError::Unintelligible {
            server: self.server().to_owned(),
            request: request.to_owned(),
            cause: error.to_string(),
        })
    }

    /// Sends a request, again where that may help and does no harm.
    async fn send(&self, call: Call) -> Result<Answer, ClientError> {
        let url = self.url(&call);
        let mut authorization = self.authorization()?;
        let mut patience = Patience::default();
        loop {
            let outcome = self.send_once(&url, &call, authorization.as_ref()).await;
            if outcome
                .as_ref()
                .is_ok_and(|answer| answer.status == StatusCode::UNAUTHORIZED)
            {
                let before = authorization;
                authorization = self.renewed_authorization().await?;
                if authorization.is_some() && authorization != before {
                    continue;
                }
                return outcome.and_then(accepted);
            }
            let asked = match &outcome {
                Ok(answer) if is_temporary(answer.status) => retry_after(&answer.headers),
                Err(ClientError::Unreachable { .. }) if call.persistent && !self.asks_once => None,
                _ => return outcome.and_then(accepted),
            };
            let wait = if call.repeatable {
                patience.next_wait(asked)
            } else {
                None
            };
            let Some(wait) = wait else {
                return outcome.and_then(accepted);
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn send_once(
        &self,
        url: &Url,
        call: &Call,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, ClientError> {
        let mut request = self
            .http
            .request(call.method.clone(), url.clone())
            .headers(call.headers.clone());
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if !call.body.is_empty() {
            request = request.body(call.body.clone());
        }
        let of_transport = |error| ClientError::of_transport(self.server(), &error);
        let mut response = request.send().await.map_err(of_transport)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let body = body(&mut response).await.map_err(of_transport)?;
        let body = body.ok_or_else(|| ClientError::Unintelligible {
            server: self.server().to_owned(),
            request: format!("{} {}", call.method, url.path()),
            cause: format!("it has more than {ANSWER_BYTES_MAX} bytes"),
        })?;
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    fn url(&self, call: &Call) -> Url {
        let mut url = self.server.clone();
        // An https or http URL always has a path to add to.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(&call.path);
        }
        if let Some(query) = &call.raw_query {
            url.set_query(Some(query));
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        url
    }

    fn authorization(&self) -> Result<Option<HeaderValue>, ClientError> {
        let renewed = self.renewal.as_ref().and_then(Renewal::known);
        let credential = renewed.or(self.credential.as_ref());
        credential.map(bearer).transpose()
    }

    /// The same once the credential was refused, if another one can be got.
    async fn renewed_authorization(&self) -> Result<Option<HeaderValue>, ClientError> {
        let Some(renewal) = &self.renewal else {
            return Ok(None);
        };
        renewal.get().await.map(bearer).transpose()
    }
}

fn bearer(credential: &Credential) -> Result<HeaderValue, ClientError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", credential.text())).map_err(|_| {
        ClientError::Settings("The credential holds a control character; it is one line of text.".into())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The whole body; nothing if it is longer than it may be.
async fn body(response: &mut Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// An answer that says yes, or the refusal.
fn accepted(answer: Answer) -> Result<Answer, ClientError> {
    if answer.status.is_success() {
        Ok(answer)
    } else {
        Err(ClientError::Refused(Box::new(refusal(&answer))))
    }
}

fn refusal(answer: &Answer) -> Refusal {
    let status = answer.status;
    let header = |name| Some(answer.headers.get(name)?.to_str().ok()?.to_owned());
    let (hint, request_id) = (header(HINT), header(REQUEST_ID));
    if let Ok(ErrorEnvelope { error }) = serde_json::from_slice(&answer.body) {
        let ErrorBody {
            code,
            message,
            target,
        } = error;
        return Refusal {
            status,
            code,
            message,
            target,
            hint,
            request_id,
        };
    }
    if let Some((code, message)) = crate::sign_in::refusal(status, &answer.body) {
        return Refusal {
            status,
            code,
            message,
            target: None,
            hint,
            request_id,
        };
    }
    // Not our server's words, but of something between it and here.
    let text = String::from_utf8_lossy(&answer.body);
    let excerpt: String = text.trim().chars().take(EXCERPT_CHARS).collect();
    let message = format!("The answer was {status} without a reason: {excerpt}");
    Refusal {
        status,
        code: format!("Http{}", status.as_u16()),
        message,
        target: None,
        hint,
        request_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static("7f3a"));
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let body = r#"{"error":{"code":"InvalidPeriod","message":"Expected a month.","target":"period"}}"#;
        let ClientError::Refused(refusal) = accepted(answer(400, body)).err().unwrap() else {
            panic!()
        };
        assert_eq!(
            (
                refusal.code.as_str(),
                refusal.message.as_str(),
                refusal.target.as_deref()
            ),
            ("InvalidPeriod", "Expected a month.", Some("period"))
        );
        assert_eq!(refusal.request_id.as_deref(), Some("7f3a"));
    }

    #[test]
    fn a_refusal_of_somebody_in_between_is_shown_as_it_is() {
        let ClientError::Refused(refusal) = accepted(answer(502, "<html>Bad gateway</html>")).err().unwrap()
        else {
            panic!()
        };
        assert_eq!(refusal.code, "Http502");
        assert!(
            refusal.message.contains("<html>Bad gateway"),
            "{}",
            refusal.message
        );
    }

    #[test]
    fn any_text_can_be_a_segment_of_a_path_or_a_value_of_a_query() {
        let client = Client::builder("https://localhost/prefix/").build().unwrap();
        let call =
            Call::new(Method::GET, ["api", "v1", "price-lists", "a/b ?ü"]).query("after", Some("a&b=+"));
        assert_eq!(
            client.url(&call.query("limit", None)).as_str(),
            "https://localhost/prefix/api/v1/price-lists/a%2Fb%20%3F%C3%BC?after=a%26b%3D%2B"
        );
    }
}
