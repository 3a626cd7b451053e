//! Names that are compared without regard to case, and therefore kept in lower case.

use std::fmt;
use std::str::FromStr;

/// The most characters of a domain's name (RFC 1035).
const DOMAIN_CHARS_MAX: usize = 253;
/// The most characters between two dots of it.
const LABEL_CHARS_MAX: usize = 63;
/// The most characters of a user's name before the `@` (RFC 5321).
const LOCAL_CHARS_MAX: usize = 64;

/// The text is no domain's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a domain such as contoso.example: letters, digits and '-', in two or more parts between dots"
)]
pub struct InvalidDomainName;

/// The name of a directory's domain, `contoso.example`. It names the directory and is never looked up anywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(Box<str>);

impl DomainName {
    /// The name, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DomainName {
    type Err = InvalidDomainName;

    fn from_str(text: &str) -> Result<Self, InvalidDomainName> {
        let label = |label: &str| {
            (1..=LABEL_CHARS_MAX).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.len() > DOMAIN_CHARS_MAX || !text.contains('.') || !text.split('.').all(label) {
            return Err(InvalidDomainName);
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The text is no user's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a name such as anna@contoso.example: letters, digits, '.', '_', '-', '+' or ''', then '@' and a domain"
)]
pub struct InvalidUserName;

/// The name that a user signs in with, `anna@contoso.example`. The domain says in which directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName {
    text: Box<str>,
    domain: DomainName,
}

impl UserName {
    /// The name, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What is after the `@`.
    #[must_use]
    pub const fn domain(&self) -> &DomainName {
        &self.domain
    }
}

impl FromStr for UserName {
    type Err = InvalidUserName;

    fn from_str(text: &str) -> Result<Self, InvalidUserName> {
        let (local, domain) = text.split_once('@').ok_or(InvalidUserName)?;
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+'".contains(&byte);
        if !(1..=LOCAL_CHARS_MAX).contains(&local.len()) || !local.bytes().all(legal) {
            return Err(InvalidUserName);
        }
        let domain: DomainName = domain.parse().map_err(|_| InvalidUserName)?;
        Ok(Self {
            text: format!("{}@{domain}", local.to_ascii_lowercase()).into(),
            domain,
        })
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_are_one() {
        let one: UserName = "Anna@Contoso.Example".parse().unwrap();
        assert_eq!(Ok(&one), "anna@contoso.example".parse().as_ref());
        assert_eq!(one.to_string(), "anna@contoso.example");
        assert_eq!(Ok(one.domain()), "CONTOSO.example".parse().as_ref());
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "contoso",
            ".example",
            "contoso.",
            "-a.example",
            "a-.example",
            "a b.example",
            "ä.example",
            "a..b",
        ] {
            assert_eq!(text.parse::<DomainName>(), Err(InvalidDomainName), "{text}");
        }
        assert!(
            format!("{}.example", "a".repeat(64))
                .parse::<DomainName>()
                .is_err()
        );
        assert!(["abcdefg"; 32].join(".").parse::<DomainName>().is_err());
        for text in [
            "",
            "anna",
            "@contoso.example",
            "anna@",
            "anna@contoso",
            "an na@contoso.example",
            "a@b@contoso.example",
        ] {
            assert_eq!(text.parse::<UserName>(), Err(InvalidUserName), "{text}");
        }
        assert!(
            format!("{}@contoso.example", "a".repeat(65))
                .parse::<UserName>()
                .is_err()
        );
    }
}
