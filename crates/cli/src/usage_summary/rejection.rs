//! Why a line is not taken.

/// A line that cannot be taken: a stable code, and what is wrong and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) code: &'static str,
    pub(crate) reason: String,
}

impl Rejection {
    pub(super) fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    pub(super) fn line_too_long(bytes_max: usize) -> Self {
        Self::new(
            "LineTooLong",
            format!(
                "the line has more than {bytes_max} bytes, of which the beginning is kept: expected a record of a few \
                 hundred"
            ),
        )
    }

    pub(super) fn unclosed_quote() -> Self {
        Self::new(
            "UnclosedQuote",
            "a quote is opened and not closed where it should be: expected each field as \"…\", with quotes inside of it \
             doubled, and no line of more than 64 fields",
        )
    }
}
