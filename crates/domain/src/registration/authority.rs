//! Who may write registrations on a subscription.
//!
//! The roles are those of the account that registers, in the directory of the *subscription*. The account that
//! operates the stack is another one, most often in another directory; nothing here asks for it.

use super::RefusalKind;

/// What a custom role must allow for registering a stack; `*` stands for any text.
///
/// Source: *Create a registration role for Azure Stack*.
pub const ACTIONS_NEEDED: [&str; 8] = [
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Resources/subscriptions/resourceGroups/write",
    "Microsoft.AzureStack/registrations/*",
    "Microsoft.AzureStack/register/action",
    "Microsoft.Authorization/roleAssignments/read",
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Authorization/roleAssignments/delete",
    "Microsoft.Authorization/permissions/read",
];

/// A role that the caller holds on the subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Owner,
    /// Enough for registering, although it does not assign roles.
    Contributor,
    /// What its actions say, without what its excluded actions say. In both, `*` stands for any text, and case
    /// makes no difference.
    Custom {
        /// The actions it allows.
        actions: Vec<String>,
        /// The actions it leaves out of these. Leaving out is no denial: another role may still allow them.
        not_actions: Vec<String>,
    },
}

impl Role {
    /// Whether the role allows all that a needed action stands for.
    fn allows(&self, needed: &str) -> bool {
        match self {
            Self::Owner | Self::Contributor => true,
            Self::Custom { actions, not_actions } => {
                actions.iter().any(|action| covers(action, needed))
                    && !not_actions.iter().any(|left_out| overlaps(left_out, needed))
            }
        }
    }
}

/// The caller may not write registrations on the subscription.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "The caller may not register stacks with this subscription: none of its roles on the subscription allows {}. \
     Ask the owner of the subscription for the role Owner or Contributor, or for a custom role with these actions.",
    .missing.join(", ")
)]
pub struct NotAuthorized {
    /// The needed actions that no role of the caller allows.
    pub missing: Vec<&'static str>,
}

impl NotAuthorized {
    /// The stable code of this refusal.
    pub const CODE: &'static str = "AuthorizationFailed";

    /// What sort of refusal it is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        RefusalKind::Forbidden
    }
}

/// Whether a caller with these roles on a subscription may write registrations there. Each needed action must be
/// allowed as a whole by one of the roles.
///
/// # Errors
/// [`NotAuthorized`] with the actions that are missing.
pub fn may_register(roles: &[Role]) -> Result<(), NotAuthorized> {
    let missing: Vec<&'static str> = ACTIONS_NEEDED
        .into_iter()
        .filter(|needed| !roles.iter().any(|role| role.allows(needed)))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(NotAuthorized { missing })
    }
}

/// Whether everything that `needed` stands for matches `pattern`. A `*` of `needed` is any text, so only a `*` of the
/// pattern can take it: it is compared as a letter that occurs nowhere else.
fn covers(pattern: &str, needed: &str) -> bool {
    meet(pattern, needed, false)
}

/// Whether some text matches both patterns.
fn overlaps(pattern: &str, other: &str) -> bool {
    meet(pattern, other, true)
}

fn meet(pattern: &str, other: &str, star_in_other: bool) -> bool {
    let other = other.as_bytes();
    let is_star = |byte: u8| star_in_other && byte == b'*';
    // `row[n]`: the part of the pattern read so far and the first `n` bytes of the other can be the same text.
    let mut row = vec![true];
    for &byte in other {
        row.push(row.last() == Some(&true) && is_star(byte));
    }
    for letter in pattern.bytes() {
        let mut next = vec![row[0] && letter == b'*'];
        for (n, &byte) in other.iter().enumerate() {
            next.push(if letter == b'*' || is_star(byte) {
                // A star is nothing here, or takes one more.
                row[n + 1] || next[n]
            } else {
                row[n] && letter.eq_ignore_ascii_case(&byte)
            });
        }
        row = next;
    }
    row.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn custom(actions: &[&str], not_actions: &[&str]) -> Role {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        Role::Custom {
            actions: owned(actions),
            not_actions: owned(not_actions),
        }
    }

    fn missing(roles: &[Role]) -> Vec<&'static str> {
        may_register(roles)
            .err()
            .map(|refusal| refusal.missing)
            .unwrap_or_default()
    }

    #[test]
    fn owners_contributors_and_custom_roles_with_the_documented_actions_may_register() {
        for roles in [
            vec![Role::Owner],
            vec![Role::Contributor],
            vec![custom(&ACTIONS_NEEDED, &[])],
            vec![custom(&["*"], &[])],
            vec![custom(&["Microsoft.*"], &["Microsoft.Compute/*"])],
            vec![custom(&["MICROSOFT.*/READ", "microsoft.*"], &[])],
            vec![
                custom(&ACTIONS_NEEDED[..4], &[]),
                custom(&ACTIONS_NEEDED[4..], &[]),
            ],
            vec![
                custom(&["*"], &["Microsoft.AzureStack/*"]),
                custom(&["Microsoft.AzureStack/*"], &[]),
            ],
        ] {
            assert_eq!(may_register(&roles), Ok(()), "{roles:?}");
        }
    }

    #[test]
    fn what_a_caller_lacks_is_named() {
        let writes_of_roles = [
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
        ];
        for (role, lacks) in [
            (custom(&[], &[]), &ACTIONS_NEEDED[..]),
            (custom(&["*"], &["*"]), &ACTIONS_NEEDED[..]),
            (
                custom(&["*"], &["microsoft.azurestack/register/ACTION"]),
                &ACTIONS_NEEDED[3..4],
            ),
            (
                custom(
                    &["*"],
                    &[
                        "Microsoft.Authorization/*/Write",
                        "Microsoft.Authorization/*/Delete",
                    ],
                ),
                &writes_of_roles,
            ),
            // Some of the registrations' operations are not all of them,
            (
                custom(&["*"], &["Microsoft.AzureStack/registrations/delete"]),
                &ACTIONS_NEEDED[2..3],
            ),
            (
                custom(&["*"], &["*/delete"]),
                &["Microsoft.AzureStack/registrations/*", writes_of_roles[1]][..],
            ),
            // and allowing some is not allowing all.
            (
                custom(
                    &[
                        "Microsoft.AzureStack/registrations/*/read",
                        "Microsoft.AzureStack/register/*",
                        "Microsoft.Resources/*",
                        "Microsoft.Authorization/*",
                    ],
                    &[],
                ),
                &ACTIONS_NEEDED[2..3],
            ),
        ] {
            assert_eq!(missing(std::slice::from_ref(&role)), lacks, "{role:?}");
        }
    }

    #[test]
    fn the_refusal_says_what_to_ask_for() {
        let refusal = may_register(&[]).unwrap_err();
        assert_eq!(
            (NotAuthorized::CODE, refusal.kind()),
            ("AuthorizationFailed", RefusalKind::Forbidden)
        );
        let text = refusal.to_string();
        for part in ACTIONS_NEEDED
            .iter()
            .chain(&["Owner", "Contributor", "custom role"])
        {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    /// The same questions answered by reading the definitions aloud; takes exponential time.
    fn meet_slowly(pattern: &[u8], other: &[u8], star_in_other: bool) -> bool {
        match (pattern, other) {
            ([], []) => true,
            ([b'*', rest @ ..], _) if meet_slowly(rest, other, star_in_other) => true,
            ([b'*', ..], [_, rest @ ..]) if meet_slowly(pattern, rest, star_in_other) => true,
            (_, [b'*', rest @ ..]) if star_in_other && meet_slowly(pattern, rest, true) => true,
            ([_, rest @ ..], [b'*', ..]) if star_in_other => meet_slowly(rest, other, true),
            ([a, before @ ..], [b, after @ ..]) if a == b => meet_slowly(before, after, star_in_other),
            _ => false,
        }
    }

    fn any_role() -> impl Strategy<Value = Role> {
        let pattern = || {
            let needed = prop::sample::select(&ACTIONS_NEEDED[..]).prop_map(str::to_owned);
            prop_oneof![
                needed,
                "[*a]",
                "Microsoft\\.(AzureStack|Resources|Authorization)/\\*",
                "\\*/(read|delete)"
            ]
        };
        let patterns = || prop::collection::vec(pattern(), 0..6);
        (patterns(), patterns()).prop_map(|(actions, not_actions)| Role::Custom { actions, not_actions })
    }

    proptest! {
        #[test]
        fn wildcards_match_as_defined(pattern in "[ab*]{0,7}", other in "[ab*]{0,7}", star in any::<bool>()) {
            let slowly = meet_slowly(pattern.as_bytes(), other.as_bytes(), star);
            prop_assert_eq!(meet(&pattern, &other, star), slowly);
            prop_assert_eq!(meet(&pattern.to_uppercase(), &other, star), slowly);
        }

        #[test]
        fn a_pattern_that_covers_overlaps_and_overlapping_is_mutual(one in "[ab*]{0,7}", other in "[ab*]{0,7}") {
            prop_assert!(!covers(&one, &other) || overlaps(&one, &other));
            prop_assert_eq!(overlaps(&one, &other), overlaps(&other, &one));
        }

        #[test]
        fn another_role_never_takes_anything_away(roles in prop::collection::vec(any_role(), 0..4), more in any_role()) {
            let before = missing(&roles);
            let after = missing(&[&roles[..], &[more]].concat());
            prop_assert!(after.iter().all(|action| before.contains(action)));
        }
    }
}
