//! What is said beside an answer, in headers of our own: the contracts' bodies have no room for it, and checkers refuse
//! members that a contract does not know.

use std::fmt::Display;

use app::prices::PriceListWarning;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use domain::registration::Warning;

/// What was done as asked and is still worth knowing: `code: text`, one header for each.
const WARNING: HeaderName = HeaderName::from_static("x-meterbridge-warning");
/// What would help, where the message is a documented text that does not say it. Said here only, for ARM and our own API
/// alike.
const HINT: HeaderName = HeaderName::from_static("x-meterbridge-hint");

/// The headers for these warnings.
pub(crate) fn warnings(warnings: &[Warning]) -> HeaderMap {
    let mut all = HeaderMap::new();
    for said in warnings {
        all.append(WARNING, warning(said.code(), said));
    }
    all
}

/// The headers for what is worth knowing about prices.
pub(crate) fn price_list_warnings(all: &[PriceListWarning]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for said in all {
        headers.append(WARNING, warning(said.code(), said));
    }
    headers
}

fn warning(code: &str, text: &dyn Display) -> HeaderValue {
    ascii(&format!("{code}: {text}"))
}

/// The header for a hint.
pub(crate) fn hint(text: &str) -> (HeaderName, HeaderValue) {
    (HINT, ascii(text))
}

/// A text as headers can carry it.
fn ascii(text: &str) -> HeaderValue {
    let plain = |c: char| match c {
        ' '..='~' => c,
        '…' => '.',
        _ => '?',
    };
    HeaderValue::from_str(&text.chars().map(plain).collect::<String>())
        .unwrap_or_else(|_| HeaderValue::from_static("?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_never_breaks_whatever_the_text_says() {
        assert_eq!(ascii("Contoso\r\nx: y"), "Contoso??x: y");
        assert_eq!(ascii("Ökostrom"), "?kostrom");
    }
}
