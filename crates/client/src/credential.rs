//! What a caller proves itself with.

use std::fmt;

/// An access token, an operator's credential, or a stack's activation key. Its text goes into requests and nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential(String);

impl Credential {
    /// A credential from its text; white space around it is not part of it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_cannot_be_printed() {
        let credential = Credential::new(" mbo_secret\n");
        assert_eq!(credential.text(), "mbo_secret");
        assert!(!format!("{credential:?} {:?}", Some(&credential)).contains("secret"));
    }
}
