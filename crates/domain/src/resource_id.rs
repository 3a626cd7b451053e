//! Resource ids: compared without regard to case, kept in the case first seen.

mod folding;

use std::borrow::Cow;

/// The most bytes a resource URI may have.
pub const RESOURCE_URI_BYTES_MAX: usize = 4096;

/// The form of a resource id, a resource group's or a registration's name by which it is compared: letter by letter, whatever
/// is around it, small letters. It is the same for all letter cases of a text, and never changes: usage is stored by it.
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
    Cow::Owned(text.chars().map(folded_char).collect())
}

/// Appends the [`folded`] form of a text to bytes, without any other memory.
pub fn append_folded(text: &str, bytes: &mut Vec<u8>) {
    if text.is_ascii() {
        let start = bytes.len();
        bytes.extend_from_slice(text.as_bytes());
        bytes[start..].make_ascii_lowercase();
    } else {
        for letter in text.chars().map(folded_char) {
            bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

fn folded_char(letter: char) -> char {
    if letter.is_ascii() {
        letter.to_ascii_lowercase()
    } else {
        folding::folded(letter)
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
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

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
    fn a_resource_that_one_provider_names_in_capitals_and_another_in_small_letters_would_be_paid_twice() {
        let same = [
            ["ΝΊΚΟΣ", "νίκος", "νίκοσ"],
            ["ΝΊΚΟΣ-VM", "νίκος-vm", "Νίκοσ-Vm"],
            ["STRAẞE", "straße", "Straße"],
            ["ΜM", "µm", "μm"],
            ["ǄEP", "ǆep", "ǅep"],
            ["ÅNGSTRÖM", "ångström", "Ångström"],
            ["ДОМ", "дом", "Дом"],
            ["𐐀", "𐐨", "𐐨"],
        ];
        for [one, other, third] in same {
            assert_eq!(folded(one), folded(other), "{one}");
            assert_eq!(folded(one), folded(third), "{one}");
        }
        for [one, other] in [
            ["İzmir", "izmir"],
            ["ılık", "Ilik"],
            ["ſ", "s"],
            ["straße", "strasse"],
        ] {
            assert_ne!(folded(one), folded(other), "these are two names, {one}");
        }
    }

    proptest! {
        #[test]
        fn no_mixture_of_capitals_and_small_letters_is_another_resource(
            letters in vec((prop_oneof![any::<char>(), select(KNOWN)], 0..3u8), 0..20),
        ) {
            let text: String = letters.iter().map(|(letter, _)| letter).collect();
            let mixed: String = letters.iter().map(|(letter, case)| in_case(*letter, *case)).collect();
            prop_assert_eq!(folded(&text), folded(&mixed));
            let mut bytes = Vec::new();
            append_folded(&mixed, &mut bytes);
            let form = folded(&text);
            prop_assert_eq!(&*bytes, form.as_bytes());
            prop_assert_eq!(&folded(&form), &form);
        }
    }

    const KNOWN: &[char] = &[
        'Σ', 'σ', 'ς', 'ß', 'ẞ', 'İ', 'ı', 'ſ', '\u{212a}', 'k', 'ǅ', 'Ä', 'µ', 'i', 'S', ' ', '.', 'ͅ',
    ];

    /// A letter in small or capital letters, where that is one letter and no other one's.
    fn in_case(letter: char, case: u8) -> char {
        let mapped: Vec<char> = match case {
            1 => letter.to_lowercase().collect(),
            2 => letter.to_uppercase().collect(),
            _ => vec![letter],
        };
        match mapped[..] {
            [other] if !['ı', 'ſ'].contains(&letter) => other,
            _ => letter,
        }
    }

    #[test]
    fn both_ways_of_folding_are_one() {
        for text in [
            "",
            "/subscriptions/x/resourceGroups/RG",
            "/already/lower",
            "/ÄÖ/İ/ẞ/A/ΝΊΚΟΣ",
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
