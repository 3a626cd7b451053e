//! Which answers are worth asking again for, and when.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// How often a request is sent at the most.
pub const ATTEMPTS_MAX: u32 = 6;
/// How long a request waits between attempts at the most, in all.
pub const WAITING_MAX: Duration = Duration::from_secs(60);
/// The first wait, where the server names none; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// The waits of one request.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    attempts: u32,
    waited: Duration,
}

impl Patience {
    /// How long to wait before the next attempt; nothing when there shall be none. `asked` is how long the server
    /// wants to be left alone.
    pub(crate) fn next_wait(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.attempts += 1;
        let wait = asked.unwrap_or(FIRST_WAIT * 2u32.pow(self.attempts.min(ATTEMPTS_MAX) - 1));
        if self.attempts >= ATTEMPTS_MAX || self.waited + wait > WAITING_MAX {
            return None;
        }
        self.waited += wait;
        Some(wait)
    }
}

/// Whether the server says that the same request may succeed later.
pub(crate) fn is_temporary(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    )
}

/// How long the server wants to be left alone: `Retry-After` in seconds, the only form our server sends.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let mut patience = Patience::default();
        let waits: Vec<u128> = std::iter::from_fn(|| patience.next_wait(None))
            .map(|it| it.as_millis())
            .collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000]);
    }

    #[test]
    fn the_server_is_left_alone_as_long_as_it_asks_but_not_for_ever() {
        let mut patience = Patience::default();
        let asked = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(patience.next_wait(asked(40)), asked(40));
        assert_eq!(patience.next_wait(asked(21)), None);
        assert_eq!(Patience::default().next_wait(asked(3600)), None);
    }

    #[test]
    fn only_seconds_are_understood() {
        for (text, expected) in [
            ("3", Some(3)),
            (" 0 ", Some(0)),
            ("Wed, 21 Oct 2026 07:28:00 GMT", None),
            ("-1", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{text}");
        }
    }
}
