//! How somebody calls a directory: by a domain of it, or by the id of its tenant.

use std::fmt;

use domain::ids::TenantId;
use wire::stack_admin::DirectoryTenant;

use crate::trouble::Trouble;

/// The most characters of a domain (RFC 1035), and of each of its labels.
const DOMAIN_CHARACTERS_MAX: usize = 253;
const LABEL_CHARACTERS_MAX: usize = 63;

/// What a directory is called by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryName {
    /// The id of its tenant: it is this one and no other.
    Tenant(TenantId),
    /// A domain of it.
    Domain(String),
}

impl DirectoryName {
    /// Reads what somebody wrote.
    ///
    /// # Errors
    /// [`Trouble`] if it is neither.
    pub fn read(text: &str) -> Result<Self, Trouble> {
        let text = text.trim();
        if let Ok(tenant) = text.parse() {
            return Ok(Self::Tenant(tenant));
        }
        if is_domain(text) {
            return Ok(Self::Domain(text.to_owned()));
        }
        Err(Trouble::new(
            "InvalidDirectoryName",
            format!("{text:?} is neither a domain nor the id of a tenant."),
            "Give a domain of the directory, such as fabrikam.onmicrosoft.com, or the id of its tenant.",
        ))
    }
}

impl fmt::Display for DirectoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(tenant) => tenant.fmt(f),
            Self::Domain(domain) => f.write_str(domain),
        }
    }
}

/// Labels of letters, digits and hyphens with points between them; the last one is no number, or it would be an address.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL_CHARACTERS_MAX).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit_once('.').map(|(_, last)| last);
    text.len() <= DOMAIN_CHARACTERS_MAX
        && text.split('.').all(is_label)
        && last.is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether two texts are the same tenant's id, in whatever form and case.
pub(super) fn is_same_tenant(one: &str, other: &str) -> bool {
    let id = |text: &str| text.trim().parse::<TenantId>().ok();
    id(one).is_some_and(|one| Some(one) == id(other))
}

/// Which of the directories that are admitted has this name.
pub(super) fn named<'a>(admitted: &'a [DirectoryTenant], name: &str) -> Option<&'a DirectoryTenant> {
    admitted
        .iter()
        .find(|it| it.name.eq_ignore_ascii_case(name.trim()))
}

/// Which of the directories that are admitted is the tenant's, under whatever name.
pub(super) fn of_tenant(admitted: &[DirectoryTenant], tenant: TenantId) -> Option<&DirectoryTenant> {
    let is_it = |it: &&DirectoryTenant| it.properties.tenant_id.trim().parse() == Ok(tenant);
    admitted.iter().find(is_it)
}

/// The authority takes the id for another tenant's.
pub(super) fn other_tenant(asked: TenantId, found: TenantId) -> Trouble {
    Trouble::new(
        "DirectoryDiffers",
        format!(
            "The authority of the stack answers with tenant {found} where it was asked for tenant {asked}."
        ),
        "Nothing was changed. Give a domain of the directory instead, and see which tenant is shown before you agree.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_domain_would_have_been_admitted_as_one() {
        let id = "EB90516E-65d7-4bf6-8537-8322e9172832";
        assert_eq!(
            DirectoryName::read(&format!(" {id}")),
            Ok(DirectoryName::Tenant(id.parse().unwrap()))
        );
        for good in [
            "fabrikam.onmicrosoft.com",
            " Fabrikam.Example",
            "xn--bcher-kva.example",
            "3.example",
        ] {
            assert_eq!(
                DirectoryName::read(good),
                Ok(DirectoryName::Domain(good.trim().to_owned()))
            );
        }
        let long = format!("{}.example", "a".repeat(64));
        for bad in [
            "",
            "fabrikam",
            "not a domain",
            "a..example",
            ".example",
            "example.",
            "-a.example",
            "a-.example",
            "10.0.0.1",
            "a/b.example",
            "a%2f.example",
            "..",
            "eb90516e-65d7-4bf6-8537",
            "b\u{fc}cher.example",
            &long,
        ] {
            assert_eq!(
                DirectoryName::read(bad).unwrap_err().code,
                "InvalidDirectoryName",
                "{bad}"
            );
        }
    }
}
