//! What is said beside an answer, in headers of our own: the contracts' bodies have no room for it, and checkers refuse
//! members that a contract does not know.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use domain::registration::Warning;

/// What was done as asked and is still worth knowing: `code: text`, one header for each.
const WARNING: HeaderName = HeaderName::from_static("x-meterbridge-warning");
/// What would help, where the message is a documented text that does not say it. The envelope says it too; this is for
/// those who look at headers only.
const HINT: HeaderName = HeaderName::from_static("x-meterbridge-hint");

/// The headers for these warnings.
pub(crate) fn warnings(warnings: &[Warning]) -> HeaderMap {
    let headers = warnings
        .iter()
        .map(|warning| (WARNING, ascii(&format!("{}: {warning}", warning.code()))));
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.append(name, value);
    }
    all
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
