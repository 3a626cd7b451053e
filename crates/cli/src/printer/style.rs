//! Colours and weights, on terminals.

/// Marks up text, or leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    enabled: bool,
}

impl Style {
    pub(crate) const fn new(enabled: bool) -> Self {
        Self { enabled }
    }

    /// What matters.
    pub(crate) fn bold(self, text: &str) -> String {
        self.marked("1", text)
    }

    /// What is there for completeness.
    pub(crate) fn subdued(self, text: &str) -> String {
        self.marked("2", text)
    }

    /// What is as it should be.
    pub(crate) fn good(self, text: &str) -> String {
        self.marked("32", text)
    }

    /// What needs attention.
    pub(crate) fn caution(self, text: &str) -> String {
        self.marked("33", text)
    }

    /// What is wrong.
    pub(crate) fn bad(self, text: &str) -> String {
        self.marked("31", text)
    }

    fn marked(self, code: &str, text: &str) -> String {
        if self.enabled {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_marked_up_on_terminals_only() {
        assert_eq!(Style::new(false).bold("total"), "total");
        assert_eq!(Style::new(true).bold("total"), "\x1b[1mtotal\x1b[0m");
    }
}
