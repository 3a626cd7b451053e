//! What tokens can be asked for and are accepted for: one list.

use serde::{Deserialize, Serialize};

/// The audiences of this server, without slashes at their ends.
pub(super) struct Audiences {
    /// The first is this server's own, which is meant where none is named.
    known: Vec<String>,
}

/// Words that OpenID Connect defines: what else shall be given with the token.
const OPENID_WORDS: [&str; 5] = ["openid", "profile", "email", "offline_access", "address"];

/// The most bytes of a scope: it is kept while somebody signs in, and repeated in tokens.
pub(super) const SCOPE_BYTES_MAX: usize = 2048;

/// What a `scope` or `resource` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    /// The audience, as it is listed.
    pub(super) audience: String,
    /// The scope, to be repeated in the answer: clients file the token under it.
    pub(super) scope: String,
    /// Whether an `id_token` is wanted.
    pub(super) openid: bool,
}

/// Why nothing is given for a `scope` or `resource`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unasked {
    /// The audience is not listed.
    Unknown(String),
    /// More than one audience.
    Several,
    /// More than anybody needs.
    TooLong,
    /// A word that is neither of OpenID Connect nor an audience with a permission.
    Word(String),
}

impl Audiences {
    /// The list: the server under its public URL, what it announces, and what the operator added.
    pub(super) fn new(own: impl IntoIterator<Item = String>) -> Self {
        let trimmed = own.into_iter().map(|text| bare(&text).to_owned());
        Self {
            known: trimmed.filter(|text| !text.is_empty()).collect(),
        }
    }

    /// The audience as it is listed: it is the same in any case, and with or without a slash at its end.
    pub(super) fn find(&self, text: &str) -> Option<&str> {
        let mut known = self.known.iter().map(String::as_str);
        known.find(|known| known.eq_ignore_ascii_case(bare(text)))
    }

    /// Reads what was asked for, as the second form of the protocol has it (`scope`) or the first (`resource`).
    pub(super) fn read(&self, scope: Option<&str>, resource: Option<&str>) -> Result<Asked, Unasked> {
        let scope = scope.unwrap_or_default();
        if scope.len() > SCOPE_BYTES_MAX {
            return Err(Unasked::TooLong);
        }
        let (words, permissions): (Vec<&str>, Vec<&str>) =
            scope.split_whitespace().partition(|word| is_openid(word));
        let mut wanted = resource.map(bare);
        for permission in permissions {
            let audience = of_permission(permission).ok_or_else(|| Unasked::Word(permission.to_owned()))?;
            match wanted {
                Some(other) if !other.eq_ignore_ascii_case(audience) => return Err(Unasked::Several),
                _ => wanted = Some(audience),
            }
        }
        let audience = match wanted {
            Some(wanted) => self
                .find(wanted)
                .ok_or_else(|| Unasked::Unknown(wanted.to_owned()))?,
            None => self.known.first().map(String::as_str).unwrap_or_default(),
        };
        Ok(Asked {
            audience: audience.to_owned(),
            scope: if scope.is_empty() {
                format!("{audience}/.default")
            } else {
                scope.to_owned()
            },
            // The first form of the protocol gives one to every user.
            openid: words.iter().any(|word| word.eq_ignore_ascii_case("openid")) || resource.is_some(),
        })
    }
}

fn bare(audience: &str) -> &str {
    audience.trim_end_matches('/')
}

fn is_openid(word: &str) -> bool {
    OPENID_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// The audience of `<audience>/<permission>`. Only the permissions that mean everything exist here: what may be done is
/// decided by roles.
fn of_permission(text: &str) -> Option<&str> {
    let (audience, permission) = text.rsplit_once('/')?;
    let everything = [".default", "user_impersonation"];
    let known = everything
        .iter()
        .any(|known| permission.eq_ignore_ascii_case(known));
    known
        .then(|| bare(audience))
        .filter(|audience| !audience.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audiences() -> Audiences {
        Audiences::new(["https://bills.example:8443/", "https://management.azure.com/"].map(str::to_owned))
    }

    #[test]
    fn one_audience_is_found_however_it_is_asked_for() {
        let own = "https://bills.example:8443";
        let azure = "https://management.azure.com";
        for (scope, resource, audience, openid) in [
            (Some("https://bills.example:8443/.default"), None, own, false),
            (
                Some("https://bills.example:8443//.default offline_access openid profile"),
                None,
                own,
                true,
            ),
            (
                Some("openid https://MANAGEMENT.azure.com/user_impersonation"),
                None,
                azure,
                true,
            ),
            (None, Some("https://management.azure.com/"), azure, true),
            (Some("openid"), Some("https://management.azure.com"), azure, true),
            (
                Some("https://management.azure.com/.default"),
                Some("https://management.azure.com/"),
                azure,
                true,
            ),
            (None, None, own, false),
        ] {
            let asked = audiences().read(scope, resource).unwrap();
            assert_eq!(
                (&*asked.audience, asked.openid),
                (audience, openid),
                "{scope:?} {resource:?}"
            );
        }
    }

    #[test]
    fn what_is_not_listed_or_not_one_is_not_given() {
        let unknown = |text: &str| Err(Unasked::Unknown(text.to_owned()));
        let word = |text: &str| Err(Unasked::Word(text.to_owned()));
        for (scope, resource, refused) in [
            (
                Some("https://vault.azure.net/.default"),
                None,
                unknown("https://vault.azure.net"),
            ),
            (
                None,
                Some("https://bills.example"),
                unknown("https://bills.example"),
            ),
            (
                Some("https://bills.example:8443/.default https://management.azure.com/.default"),
                None,
                Err(Unasked::Several),
            ),
            (Some("User.Read"), None, word("User.Read")),
            (
                Some("https://bills.example:8443/read"),
                None,
                word("https://bills.example:8443/read"),
            ),
            (Some("/.default"), None, word("/.default")),
            (Some(&"openid ".repeat(300)), None, Err(Unasked::TooLong)),
        ] {
            assert_eq!(
                audiences().read(scope, resource),
                refused,
                "{scope:?} {resource:?}"
            );
        }
    }
}
