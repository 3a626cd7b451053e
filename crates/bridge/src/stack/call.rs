//! One request to a stack or its authority, and what its answer means.

use std::time::Duration;

use client::is_loopback;
use domain::time::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Certificate, RequestBuilder, Response, Url};
use serde::Deserialize;

use crate::environment::Environment;
use crate::patience::HELD_WAIT;
use crate::status::Reporter;
use crate::trouble::{PASSES, Trouble};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long an answer may take to begin, and between its bytes. The gateway of a stack gives up after four minutes.
const READ_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// The most bytes of an answer: as many as the server takes of a delivery.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What is done where nobody answers. It may be restarting; a wrong name looks the same.
const NOT_REACHED: &str = "The bridge asks again until it is answered. If it stays so, see that `endpoint` of [[stack]] is \
                           right, and that this machine may reach it and where it has its tokens from.";
/// The code of a stack whose certificate is not trusted.
pub(super) const NOT_TRUSTED: &str = "StackNotTrusted";
/// The code of a stack that is not reached.
const UNREACHABLE: &str = "StackUnreachable";
/// How many characters are shown of an answer that nobody expected.
const EXCERPT_CHARS: usize = 200;

/// Why a request was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// What was asked for is not there yet.
    NotReady(Trouble),
    /// The same request may be answered later; perhaps it was said when.
    Temporary(Trouble, Option<Duration>),
    /// A page behind the first is refused: its continuation may be forgotten, or the stack has trouble with the page. The
    /// window has to be begun again.
    RefusedMidway(Trouble),
    /// The token is not accepted.
    Unauthorized(Trouble),
    /// The same request will be refused again, until somebody does something about it.
    Refused(Trouble),
}

/// The codes of what is about the question that was asked.
const OF_THE_QUESTION: [&str; 2] = ["StackRefused", "PageTooLarge"];

impl Failure {
    /// What to tell whoever operates the bridge.
    pub(crate) fn into_trouble(self) -> Trouble {
        match self {
            Self::NotReady(trouble)
            | Self::Temporary(trouble, _)
            | Self::RefusedMidway(trouble)
            | Self::Unauthorized(trouble)
            | Self::Refused(trouble) => trouble,
        }
    }

    /// Why what was asked for is refused, if it is that and not whoever asks: anything else may be answered.
    pub(crate) fn of_the_question(&self) -> Option<&Trouble> {
        match self {
            Self::Refused(trouble) if OF_THE_QUESTION.contains(&&*trouble.code) => Some(trouble),
            _ => None,
        }
    }

    /// Whether it may be answered by another connection: with the authority that is in the file now, to where the stack's
    /// tokens come from now.
    pub(crate) fn may_be_the_connection(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Unauthorized(_) => true,
            Self::Temporary(trouble, _) => [NOT_TRUSTED, UNREACHABLE].contains(&&*trouble.code),
            Self::NotReady(_) | Self::RefusedMidway(_) => false,
        }
    }

    /// Whether it lasts until somebody does something about it.
    const fn is_held(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Unauthorized(_))
    }

    /// How long to wait before it is tried again, where that does not follow from how often it was tried.
    const fn wait(&self) -> Option<Duration> {
        match self {
            Self::Refused(_) | Self::Unauthorized(_) => Some(HELD_WAIT),
            Self::Temporary(_, asked) => *asked,
            Self::NotReady(_) | Self::RefusedMidway(_) => None,
        }
    }

    /// Tells how often in a row it failed. Answers how long to wait before it is tried again.
    pub(crate) fn report(self, reporter: &Reporter, failures: u32, environment: &Environment) -> Duration {
        let wait = environment.wait_after(failures, self.wait());
        if self.is_held() {
            reporter.held(&self.into_trouble(), failures, wait);
        } else {
            reporter.failed(&self.into_trouble(), failures, wait);
        }
        wait
    }

    pub(crate) fn temporary(code: &'static str, message: String) -> Self {
        Self::Temporary(Trouble::new(code, message, PASSES), None)
    }
}

/// What was answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

/// A client for one kind of host.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
}

/// Whose certificates are trusted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trust<'a> {
    /// These and those of the operating system.
    Also(&'a [Certificate]),
    /// These and no others; those of the operating system if there are none.
    Only(&'a [Certificate]),
}

impl Http {
    /// A client for hosts with such certificates; `direct` goes through no proxy.
    pub(crate) fn new(trust: Trust<'_>, direct: bool) -> Result<Self, Trouble> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("meterbridge-bridge/", env!("CARGO_PKG_VERSION")));
        if direct {
            builder = builder.no_proxy();
        }
        builder = match trust {
            Trust::Only(certificates) if !certificates.is_empty() => {
                builder.tls_certs_only(certificates.iter().cloned())
            }
            Trust::Also(certificates) => builder.tls_certs_merge(certificates.iter().cloned()),
            Trust::Only(_) => builder,
        };
        let client = builder.build().map_err(|error| {
            Trouble::new(
                "InvalidSettings",
                format!("The client for the stack cannot be built: {error}."),
                "See that `ca` names a file with certificates in PEM.",
            )
        })?;
        Ok(Self { client })
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends a request once.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        now: Timestamp,
        whom: &str,
    ) -> Result<Answer, Failure> {
        let unreachable = |error: reqwest::Error| unreachable(whom, &error);
        let response = request.send().await.map_err(unreachable)?;
        let (status, retry_after) = (response.status().as_u16(), retry_after(response.headers(), now));
        let body = whole(response).await.map_err(unreachable)?;
        let body = body.ok_or_else(|| {
            Failure::Refused(Trouble::new(
                "AnswerTooLarge",
                format!("The answer of {whom} has more than {ANSWER_BYTES_MAX} bytes."),
                "Report it to the makers of the bridge: no page of a stack is that long.",
            ))
        })?;
        Ok(Answer {
            status,
            retry_after,
            body,
        })
    }
}

/// The whole body; none if it is too long.
async fn whole(mut response: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

fn unreachable(whom: &str, error: &reqwest::Error) -> Failure {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let cause = cause.to_string();
    if error.is_timeout() {
        let message = format!("{whom} did not answer in time.");
        return Failure::Temporary(Trouble::new("StackTimedOut", message, NOT_REACHED), None);
    }
    if cause.contains("certificate") {
        let trouble = Trouble::new(
            NOT_TRUSTED,
            format!("The certificate of {whom} is not trusted: {cause}."),
            "Set `ca` of the stack to the certificate of the authority that made it, in PEM. A bridge that runs reads the file \
             again with its next attempt, an export when it is begun again.",
        );
        return Failure::Temporary(trouble, None);
    }
    let message = format!("{whom} cannot be reached, or broke off: {cause}.");
    Failure::Temporary(Trouble::new(UNREACHABLE, message, NOT_REACHED), None)
}

/// What an answer means: it is one, or why not.
pub(crate) fn judge(answer: &Answer, whom: &str) -> Result<(), Failure> {
    let Answer {
        status, retry_after, ..
    } = answer;
    if *status == 200 || *status == 201 {
        return Ok(());
    }
    let said = Said::of(answer);
    let message = format!("{whom} answered {status} {}: {}", said.code, said.message);
    let temporary = || Failure::Temporary(Trouble::new("StackBusy", &message, PASSES), *retry_after);
    Err(match *status {
        202 => Failure::NotReady(Trouble::new("DataNotReady", &message, PASSES)),
        400 if said.is_about_the_future() => {
            let advice = "Nothing has to be done: the hour is read when the stack says that it is over. If it stays so, \
                          see whether the clocks of the stack and of this machine agree.";
            Failure::NotReady(Trouble::new("HourNotOver", &message, advice))
        }
        401 => Failure::Unauthorized(Trouble::new(
            "StackSignInRefused",
            &message,
            "See that `client-id` and the secret or certificate of the stack are right and not expired.",
        )),
        403 => Failure::Refused(Trouble::new(
            "StackAccessRefused",
            &message,
            "Give the account the role Reader on the stack's default provider subscription, or set \
             `provider-subscription` to one that it may read.",
        )),
        408 | 429 | 500..=599 => temporary(),
        _ => Failure::Refused(Trouble::new(
            "StackRefused",
            &message,
            "See that `endpoint` is the stack's admin endpoint of Azure Resource Manager and that \
             `provider-subscription` is right.",
        )),
    })
}

/// What an error answer says.
struct Said {
    code: String,
    message: String,
}

impl Said {
    fn of(answer: &Answer) -> Self {
        #[derive(Deserialize)]
        struct Envelope {
            error: Body,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Body {
            code: String,
            message: String,
        }
        if let Ok(Envelope { error }) = serde_json::from_slice(&answer.body) {
            return Self {
                code: error.code,
                message: error.message,
            };
        }
        let text = String::from_utf8_lossy(&answer.body);
        Self {
            code: String::new(),
            message: text.trim().chars().take(EXCERPT_CHARS).collect(),
        }
    }

    fn is_about_the_future(&self) -> bool {
        self.code.eq_ignore_ascii_case("RequestEndTimeIsInFuture")
            || self.code.eq_ignore_ascii_case("ProcessingNotCompleted")
            || self
                .message
                .to_ascii_lowercase()
                .contains("processing not complete")
    }
}

/// How long `Retry-After` asks to wait, in seconds or as a date (RFC 9110).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(at.duration_since(now).try_into().unwrap_or(Duration::ZERO))
}

/// A URL to which credentials may be sent: `https`, or `http` on this machine.
pub(crate) fn safe_url(text: &str) -> Result<Url, String> {
    if !text.contains("://") {
        return Err(format!("'{text}' is no URL: expected https://{}", text.trim()));
    }
    let url: Url = text
        .trim()
        .parse()
        .map_err(|error| format!("'{text}' is no URL: {error}"))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(format!(
            "'{text}' is not https, and without TLS credentials would travel in the clear"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn judged(status: u16, body: &str) -> Option<&'static str> {
        let answer = Answer {
            status,
            retry_after: Some(Duration::from_secs(7)),
            body: body.as_bytes().to_vec(),
        };
        match judge(&answer, "the stack").err()? {
            Failure::NotReady(_) => Some("not ready"),
            Failure::Temporary(_, asked) => {
                assert_eq!(asked, Some(Duration::from_secs(7)));
                Some("temporary")
            }
            Failure::Unauthorized(_) => Some("unauthorized"),
            Failure::Refused(_) | Failure::RefusedMidway(_) => Some("refused"),
        }
    }

    #[test]
    fn every_answer_of_a_stack_means_what_the_documents_say() {
        let error = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#);
        for (status, body, meaning) in [
            (200, r#"{"value":[]}"#.to_owned(), None),
            (202, error("ProcessingNotCompleted"), Some("not ready")),
            (202, String::new(), Some("not ready")),
            (400, error("RequestEndTimeIsInFuture"), Some("not ready")),
            (
                400,
                r#"{"error":{"code":"InvalidInput","message":"Processing not complete."}}"#.to_owned(),
                Some("not ready"),
            ),
            (400, error("InvalidProperty"), Some("refused")),
            (401, error("ExpiredAuthenticationToken"), Some("unauthorized")),
            (403, error("AuthorizationFailed"), Some("refused")),
            (404, error("SubscriptionNotFound"), Some("refused")),
            (408, String::new(), Some("temporary")),
            (429, error("TooManyRequests"), Some("temporary")),
            (500, "<html>".to_owned(), Some("temporary")),
            (502, String::new(), Some("temporary")),
            (503, error("ServiceUnavailable"), Some("temporary")),
            (504, error("GatewayTimeout"), Some("temporary")),
            (302, String::new(), Some("refused")),
            (204, String::new(), Some("refused")),
        ] {
            assert_eq!(judged(status, &body), meaning, "{status} {body}");
        }
    }

    #[test]
    fn both_forms_of_retry_after_are_understood() {
        let now: Timestamp = "2026-10-21T07:28:00Z".parse().unwrap();
        for (text, seconds) in [
            ("3", Some(3)),
            (" 0 ", Some(0)),
            ("Wed, 21 Oct 2026 07:30:00 GMT", Some(120)),
            ("Wed, 21 Oct 2026 07:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
            assert_eq!(
                retry_after(&headers, now),
                seconds.map(Duration::from_secs),
                "{text}"
            );
        }
    }

    #[test]
    fn credentials_never_travel_in_the_clear() {
        for (url, good) in [
            ("https://adminmanagement.local.azurestack.external", true),
            ("http://127.0.0.1:1", true),
            ("http://localhost", true),
            ("http://adminmanagement.local.azurestack.external", false),
            ("ftp://localhost", false),
            ("adminmanagement", false),
        ] {
            assert_eq!(safe_url(url).is_ok(), good, "{url}");
        }
        let told = safe_url("meterbridge.example:8443").unwrap_err();
        assert!(
            told.ends_with("expected https://meterbridge.example:8443"),
            "{told}"
        );
    }
}
