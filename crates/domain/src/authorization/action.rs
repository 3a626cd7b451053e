//! Actions, and the patterns of them that roles are made of.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The most characters of a pattern *(ours)*.
const PATTERN_CHARS_MAX: usize = 256;

/// The text is no pattern of actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected an action such as Microsoft.AzureStack/registrations/read, of letters, digits, '.', '-', '_' and '/', \
     where '*' stands for any text"
)]
pub struct InvalidActionPattern;

/// A pattern of actions, `Microsoft.AzureStack/registrations/*`: each `*`, wherever it is, stands for any text, the
/// empty one included. Case makes no difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionPattern(Cow<'static, str>);

impl ActionPattern {
    pub(super) const fn built_in(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// The pattern as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the pattern stands for this action.
    #[must_use]
    pub fn matches(&self, action: &str) -> bool {
        let (pattern, action) = (self.0.as_bytes(), action.as_bytes());
        let (mut p, mut a) = (0, 0);
        // Where the last star is, and the end of what it has taken so far. When the rest does not fit, it takes one more.
        let mut star: Option<(usize, usize)> = None;
        while a < action.len() {
            match pattern.get(p) {
                Some(b'*') => {
                    star = Some((p, a));
                    p += 1;
                }
                Some(letter) if letter.eq_ignore_ascii_case(&action[a]) => {
                    p += 1;
                    a += 1;
                }
                _ => {
                    let Some((at, taken)) = star else { return false };
                    star = Some((at, taken + 1));
                    p = at + 1;
                    a = taken + 1;
                }
            }
        }
        pattern[p..].iter().all(|letter| *letter == b'*')
    }
}

impl FromStr for ActionPattern {
    type Err = InvalidActionPattern;

    fn from_str(text: &str) -> Result<Self, InvalidActionPattern> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"./-_*".contains(&byte);
        if !(1..=PATTERN_CHARS_MAX).contains(&text.len()) || !text.bytes().all(legal) {
            return Err(InvalidActionPattern);
        }
        Ok(Self(Cow::Owned(text.to_owned())))
    }
}

impl fmt::Display for ActionPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, action: &str) -> bool {
        pattern.parse::<ActionPattern>().unwrap().matches(action)
    }

    #[test]
    fn a_star_stands_for_any_text_wherever_it_is() {
        for (pattern, action, expected) in [
            ("*", "Microsoft.AzureStack/registrations/read", true),
            ("*/read", "Microsoft.AzureStack/registrations/read", true),
            (
                "*/read",
                "Microsoft.AzureStack/registrations/readers/write",
                false,
            ),
            (
                "microsoft.azurestack/REGISTRATIONS/*",
                "Microsoft.AzureStack/registrations/write",
                true,
            ),
            (
                "Microsoft.AzureStack/registrations/*",
                "Microsoft.AzureStack/registrations/customerSubscriptions/delete",
                true,
            ),
            (
                "Microsoft.AzureStack/registrations/*",
                "Microsoft.AzureStack/register/action",
                false,
            ),
            (
                "Microsoft.Authorization/*/Write",
                "Microsoft.Authorization/roleAssignments/write",
                true,
            ),
            (
                "Microsoft.Authorization/*/Write",
                "Microsoft.Authorization/write",
                false,
            ),
            (
                "Microsoft.AzureStack/registrations/products/*/action",
                "Microsoft.AzureStack/registrations/products/listDetails/action",
                true,
            ),
            (
                "Microsoft.AzureStack/registrations/read",
                "Microsoft.AzureStack/registrations/read",
                true,
            ),
            (
                "Microsoft.AzureStack/registrations/read",
                "Microsoft.AzureStack/registrations/readx",
                false,
            ),
            ("*a*b*", "xxabyybx", true),
            ("*ab", "aab", true),
        ] {
            assert_eq!(matches(pattern, action), expected, "{pattern} {action}");
        }
    }

    #[test]
    fn texts_that_no_action_has_are_refused() {
        for text in [
            "",
            "a b",
            "Microsoft.AzureStack/registrations?",
            "ä",
            &"x".repeat(257),
        ] {
            assert_eq!(text.parse::<ActionPattern>(), Err(InvalidActionPattern), "{text}");
        }
    }

    /// The definition, word for word.
    fn matches_slowly(pattern: &[u8], action: &[u8]) -> bool {
        match (pattern, action) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => (0..=action.len()).any(|taken| matches_slowly(rest, &action[taken..])),
            ([a, pattern @ ..], [b, action @ ..]) => a == b && matches_slowly(pattern, action),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn patterns_match_as_defined(pattern in "[ab*]{1,8}", action in "[ab]{0,8}") {
            let slowly = matches_slowly(pattern.as_bytes(), action.as_bytes());
            prop_assert_eq!(matches(&pattern, &action), slowly);
            prop_assert_eq!(matches(&pattern.to_uppercase(), &action), slowly);
            prop_assert_eq!(matches(&pattern, &action.to_uppercase()), slowly);
        }
    }
}
