//! The names of webhooks.

use std::fmt;
use std::str::FromStr;

/// The most characters of a name.
const CHARACTERS_MAX: usize = 40;

/// The name of a webhook: lower-case letters, digits and dashes, so that it can stand in a path, a metric and a log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebhookName(String);

/// The text is no name of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected 1 to {CHARACTERS_MAX} lower-case letters, digits and dashes, with a letter or digit at both ends, such as \
     night-shift"
)]
pub struct InvalidWebhookName;

impl WebhookName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WebhookName {
    type Err = InvalidWebhookName;

    fn from_str(text: &str) -> Result<Self, InvalidWebhookName> {
        let legal = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let whole = !text.is_empty() && text.len() <= CHARACTERS_MAX && text.bytes().all(legal);
        if whole && !text.starts_with('-') && !text.ends_with('-') {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidWebhookName)
        }
    }
}

impl fmt::Display for WebhookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_needs_no_quotes_wherever_it_stands() {
        let longest = "a".repeat(CHARACTERS_MAX);
        for text in ["a", "7", "night-shift", &*longest] {
            assert_eq!(text.parse::<WebhookName>().unwrap().to_string(), text);
        }
        let too_long = "a".repeat(CHARACTERS_MAX + 1);
        for text in ["", "-", "-a", "a-", "A", "a b", "a/b", "ä", "a_b", &*too_long] {
            assert_eq!(text.parse::<WebhookName>(), Err(InvalidWebhookName), "{text}");
        }
    }
}
