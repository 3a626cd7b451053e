//! Sending one notice once, in the form of Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature).

use std::time::Duration;

use app::webhooks::Due;
use domain::time::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use wire::api::NoticeBody;

use super::Webhooks;
use super::destination::Reach;
use super::keys::WebhookKeys;
use crate::query::excerpt;

/// How long reaching the receiver may take, of the time that the whole attempt may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The most bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 1024;

/// How an attempt went.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The receiver has taken the notice.
    Taken { answer: String },
    /// It wants no more notices.
    Gone,
    /// It has not taken it; perhaps it said when to come again.
    NotTaken {
        because: String,
        come_again: Option<Duration>,
    },
}

/// A client that follows no redirects, goes through no proxy, since that would look names up where nobody judges what they
/// mean, and keeps no connection open for the next notice.
pub(super) fn client(reach: Reach, timeout: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .dns_resolver(reach)
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .timeout(timeout)
        .pool_max_idle_per_host(0)
        .user_agent(concat!("meterbridge/", env!("CARGO_PKG_VERSION")))
        .build()
}

impl Webhooks {
    /// Tries once to send what is due.
    pub(super) async fn attempt(&self, due: &Due) -> Attempt {
        match self.sent(due).await {
            Ok(answer) => judge(answer, self.wall_clock.now()).await,
            Err(because) => Attempt::NotTaken {
                because,
                come_again: None,
            },
        }
    }

    async fn sent(&self, due: &Due) -> Result<Response, String> {
        let url = self
            .reach
            .url(&due.webhook.url)
            .map_err(|bad| format!("{bad}."))?;
        let body =
            serde_json::to_string(&NoticeBody::from(&due.notice)).map_err(|error| error.to_string())?;
        // The receiver compares it with its own clock.
        let timestamp = self.wall_clock.now().as_second();
        let signed = format!("{}.{timestamp}.{body}", due.notice.id);
        let signature = self.sign(signed).await?;
        let request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", due.notice.id.to_string())
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body);
        request.send().await.map_err(|error| self.in_words(error))
    }

    async fn sign(&self, text: String) -> Result<String, String> {
        let directory = self.data_directory.clone();
        let keys = tokio::task::spawn_blocking(move || WebhookKeys::read(&directory)).await;
        let keys = keys.map_err(|error| error.to_string())?;
        let keys = keys.map_err(|error| format!("It cannot be signed: {error}."))?;
        if keys.is_empty() {
            return Err("It cannot be signed: the data directory holds no key in keys/webhooks.".to_owned());
        }
        Ok(keys.sign(text.as_bytes()))
    }

    /// What went wrong, without the URL, which may hold what only the receiver should know.
    fn in_words(&self, error: reqwest::Error) -> String {
        let error = error.without_url();
        if error.is_timeout() {
            return format!(
                "It did not answer within {} seconds.",
                self.pace.attempt.as_secs()
            );
        }
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        format!("It could not be reached: {}.", excerpt(&cause.to_string()))
    }
}

async fn judge(answer: Response, now: Timestamp) -> Attempt {
    let status = answer.status();
    if status.is_success() {
        let answer = format!("It answered {status}.");
        return Attempt::Taken { answer };
    }
    if status == StatusCode::GONE {
        return Attempt::Gone;
    }
    let come_again = answer.headers().get(RETRY_AFTER);
    let come_again = come_again.and_then(|text| come_again_in(text.to_str().ok()?, now));
    let because = if status.is_redirection() {
        format!("It answered {status}. Redirects are not followed: set the webhook to where it leads.")
    } else {
        let text = beginning(answer).await;
        let text = text.trim();
        match text {
            "" => format!("It answered {status}."),
            _ => format!("It answered {status}: {}", excerpt(text)),
        }
    };
    Attempt::NotTaken { because, come_again }
}

/// The beginning of an answer, for people.
async fn beginning(mut answer: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_BYTES_MAX {
        match answer.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX)]),
            _ => break,
        }
    }
    bytes.truncate(ANSWER_BYTES_MAX);
    let text = String::from_utf8_lossy(&bytes);
    text.chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

/// In what time a receiver wants to be asked again, by what `Retry-After` holds: seconds, or a date (RFC 9110, section
/// 10.2.3). Of a date that is over it is at once.
fn come_again_in(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(at.duration_since(now).try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_that_says_when_to_come_again_would_be_asked_before() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let seconds = |text| come_again_in(text, now).map(|it| it.as_secs());
        for (expected, text) in [
            (Some(0), "0"),
            (Some(90), " 90 "),
            (Some(90), "Sun, 22 Nov 2026 10:01:30 GMT"),
            (Some(0), "Sun, 22 Nov 2026 09:00:00 GMT"),
            (None, "soon"),
            (None, "-1"),
            (None, ""),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
