//! Resource ids: compared without regard to case, kept in the case first seen.

use std::borrow::Cow;

/// The most bytes a resource URI may have.
pub const RESOURCE_URI_BYTES_MAX: usize = 4096;

/// The form of a resource id, a resource group's or a registration's name by which it is compared: lower case.
///
/// Azure compares resource ids without regard to case, and real usage holds `resourcegroups` beside
/// `resourceGroups`.
#[must_use]
pub fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.to_lowercase())
}

/// Appends the [`folded`] form of a text to bytes, without any other memory.
pub fn append_folded(text: &str, bytes: &mut Vec<u8>) {
    if text.is_ascii() {
        let start = bytes.len();
        bytes.extend_from_slice(text.as_bytes());
        bytes[start..].make_ascii_lowercase();
    } else {
        bytes.extend_from_slice(text.to_lowercase().as_bytes());
    }
}

/// A name that is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 90 letters, digits, '-', '_', '.', '(' or ')', not ending in '.'")]
pub struct InvalidName;

/// The name of a resource group or a registration, in the case it was given; compared without regard to case.
#[derive(Debug, Clone)]
pub struct ResourceName {
    given: Box<str>,
    folded: Box<str>,
}

impl ResourceName {
    /// The name as it was given.
    #[must_use]
    pub fn as_given(&self) -> &str {
        &self.given
    }
}

impl std::str::FromStr for ResourceName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let legal = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '(' | ')');
        if !(1..=90).contains(&text.chars().count()) || !text.chars().all(legal) || text.ends_with('.') {
            return Err(InvalidName);
        }
        Ok(Self {
            given: text.into(),
            folded: folded(text).into(),
        })
    }
}

impl PartialEq for ResourceName {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for ResourceName {}

impl PartialOrd for ResourceName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourceName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded.cmp(&other.folded)
    }
}

impl std::hash::Hash for ResourceName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

impl std::fmt::Display for ResourceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_differ_in_case_fold_to_one() {
        assert_eq!(
            folded("/subscriptions/x/resourcegroups/RG"),
            folded("/subscriptions/x/resourceGroups/rg")
        );
        assert_eq!(folded("/ÄÖ"), folded("/äö"));
        assert!(matches!(folded("/already/lower"), Cow::Borrowed(_)));
    }

    #[test]
    fn both_ways_of_folding_are_one() {
        for text in [
            "",
            "/subscriptions/x/resourceGroups/RG",
            "/already/lower",
            "/ÄÖ/İ/ẞ/A",
        ] {
            let mut bytes = b"before ".to_vec();
            append_folded(text, &mut bytes);
            assert_eq!(bytes, format!("before {}", folded(text)).into_bytes());
        }
    }

    #[test]
    fn names_keep_their_case_and_compare_without_it() {
        let one: ResourceName = "AzureStack-5BF8".parse().unwrap();
        let other: ResourceName = "azurestack-5bf8".parse().unwrap();
        assert_eq!(one, other);
        assert_eq!(one.to_string(), "AzureStack-5BF8");
    }

    #[test]
    fn illegal_names_are_refused() {
        for text in ["", "a/b", "a b", "ends.", "a%20b", &"x".repeat(91)] {
            assert_eq!(text.parse::<ResourceName>(), Err(InvalidName), "{text}");
        }
    }
}
