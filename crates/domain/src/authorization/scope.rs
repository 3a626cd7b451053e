//! Scopes: where a role or a lock holds.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::ids::SubscriptionId;
use crate::resource_id::{ResourceName, folded};

/// The most names in a resource's path below its resource group: enough for a registration's children, and a limit to
/// what a caller can make us keep.
const PATH_SEGMENTS_MAX: usize = 9;
/// What is before a registration's name in its path.
const REGISTRATIONS: &str = "Microsoft.AzureStack/registrations/";
/// The type, below a registration, whose names are ids of subscriptions.
const TENANT_MAPPINGS: &str = "customerSubscriptions";
/// Where the name of a tenant mapping stands in its path: after namespace, type, registration and type.
const MAPPING_NAME_AT: usize = 4;

/// The text is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a scope: '/', /subscriptions/{{id}}, /subscriptions/{{id}}/resourceGroups/{{name}}, or a resource below it, \
     /providers/{{namespace}}/{{type}}/{{name}}"
)]
pub struct InvalidScope;

/// What is after `/providers/` in a resource's id: a namespace, then types and names in turns,
/// `Microsoft.AzureStack/registrations/AzureStack-North`. Compared without regard to case.
#[derive(Debug, Clone)]
pub struct ResourcePath {
    given: Box<str>,
    folded: Box<str>,
}

impl ResourcePath {
    fn new(given: String) -> Self {
        Self {
            folded: folded(&given).into(),
            given: given.into(),
        }
    }

    /// The registration that the path is of or below.
    #[must_use]
    pub fn registration(&self) -> Option<ResourceName> {
        // Not by the length of what is before it: some letters are longer in one case than in the other.
        let name = self.given.split('/').nth(2)?;
        let below_registrations = self.folded.starts_with(&*folded(REGISTRATIONS));
        below_registrations.then(|| name.parse().ok()).flatten()
    }

    fn contains(&self, other: &Self) -> bool {
        let rest = other.folded.strip_prefix(&*self.folded);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for ResourcePath {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let names: Vec<&str> = segments(text).collect();
        let legal = |name: &&str| name.parse::<ResourceName>().is_ok();
        // A namespace, and then pairs of a type and a name.
        let paired = names.len() >= 3 && names.len() % 2 == 1;
        if !paired || names.len() > PATH_SEGMENTS_MAX || !names.iter().all(legal) {
            return Err(InvalidScope);
        }
        Ok(Self::new(canonical(&names)))
    }
}

/// The path of these names, with the id of a tenant mapping's subscription in its usual form: whoever writes it without
/// dashes means the same mapping, and what is locked there is locked.
fn canonical(names: &[&str]) -> String {
    let mut names = names.to_vec();
    let mapping = match names[..] {
        [namespace, registrations, _, kind, id, ..]
            if format!("{namespace}/{registrations}/").eq_ignore_ascii_case(REGISTRATIONS)
                && kind.eq_ignore_ascii_case(TENANT_MAPPINGS) =>
        {
            id.parse::<SubscriptionId>().ok()
        }
        _ => None,
    };
    let id = mapping.map(|id| id.to_string());
    if let (Some(id), Some(named)) = (&id, names.get_mut(MAPPING_NAME_AT)) {
        *named = id;
    }
    names.join("/")
}

impl PartialEq for ResourcePath {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for ResourcePath {}

impl PartialOrd for ResourcePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourcePath {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded.cmp(&other.folded)
    }
}

impl fmt::Display for ResourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.given)
    }
}

/// Where a role or a lock holds: there and at everything below. Written as ARM writes ids, compared without regard to
/// case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everything.
    Root,
    /// A subscription.
    Subscription(SubscriptionId),
    /// A resource group of a subscription.
    ResourceGroup(SubscriptionId, ResourceName),
    /// A resource in a resource group of a subscription.
    Resource(SubscriptionId, ResourceName, ResourcePath),
}

impl Scope {
    /// A registration.
    #[must_use]
    pub fn registration(subscription: SubscriptionId, group: &ResourceName, name: &ResourceName) -> Self {
        let path = ResourcePath::new(format!("{REGISTRATIONS}{name}"));
        Self::Resource(subscription, group.clone(), path)
    }

    /// The subscription that the scope is or lies in.
    #[must_use]
    pub const fn subscription(&self) -> Option<SubscriptionId> {
        match self {
            Self::Root => None,
            Self::Subscription(id) | Self::ResourceGroup(id, _) | Self::Resource(id, _, _) => Some(*id),
        }
    }

    /// Whether this is the other scope or above it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Root, _) => true,
            (Self::Subscription(id), _) => other.subscription() == Some(*id),
            (Self::ResourceGroup(id, group), Self::ResourceGroup(of, name) | Self::Resource(of, name, _)) => {
                id == of && group == name
            }
            (Self::Resource(id, group, path), Self::Resource(of, name, other)) => {
                id == of && group == name && path.contains(other)
            }
            _ => false,
        }
    }
}

/// Names between slashes. Clients put two slashes where one belongs, and leave out or add one at the ends.
fn segments(text: &str) -> impl Iterator<Item = &str> {
    text.split('/').filter(|segment| !segment.is_empty())
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let parts: Vec<&str> = segments(text).collect();
        let is = |at: usize, word: &str| parts[at].eq_ignore_ascii_case(word);
        if parts.is_empty() {
            return if text.is_empty() {
                Err(InvalidScope)
            } else {
                Ok(Self::Root)
            };
        }
        if parts.len() < 2 || !is(0, "subscriptions") {
            return Err(InvalidScope);
        }
        let subscription = parts[1].parse().map_err(|_| InvalidScope)?;
        if parts.len() == 2 {
            return Ok(Self::Subscription(subscription));
        }
        if parts.len() < 4 || !is(2, "resourceGroups") {
            return Err(InvalidScope);
        }
        let group = parts[3].parse().map_err(|_| InvalidScope)?;
        if parts.len() == 4 {
            return Ok(Self::ResourceGroup(subscription, group));
        }
        if !is(4, "providers") {
            return Err(InvalidScope);
        }
        Ok(Self::Resource(subscription, group, parts[5..].join("/").parse()?))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("/"),
            Self::Subscription(id) => write!(f, "/subscriptions/{id}"),
            Self::ResourceGroup(id, group) => write!(f, "/subscriptions/{id}/resourceGroups/{group}"),
            Self::Resource(id, group, path) => {
                write!(f, "/subscriptions/{id}/resourceGroups/{group}/providers/{path}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "06000000-0000-4000-8000-000000000001";

    fn scope(text: &str) -> Scope {
        text.replace("{id}", ID)
            .parse()
            .unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn spellings_that_clients_send_are_one_scope() {
        let canonical = "/subscriptions/{id}/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/North";
        for text in [
            "/SUBSCRIPTIONS/{id}/resourcegroups/AzureStack/Providers/microsoft.azurestack/Registrations/north",
            "/subscriptions/{id}/resourceGroups/azurestack/providers/Microsoft.AzureStack//registrations/North",
            "subscriptions/{id}/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/North/",
        ] {
            assert_eq!(scope(text), scope(canonical), "{text}");
        }
        for text in [
            "/",
            "/subscriptions/{id}",
            "/subscriptions/{id}/resourceGroups/azurestack",
            canonical,
        ] {
            assert_eq!(scope(text).to_string(), text.replace("{id}", ID));
        }
    }

    #[test]
    fn a_lock_at_a_tenant_mapping_protects_it_however_its_subscription_is_written() {
        let mapping = "/subscriptions/{id}/resourceGroups/a/providers/Microsoft.AzureStack/registrations/n/customerSubscriptions/";
        let dashless = ID.replace('-', "").to_uppercase();
        let canonical = scope(&format!("{mapping}{ID}"));
        assert_eq!(scope(&format!("{mapping}{dashless}")), canonical);
        assert!(scope(&format!("{mapping}{dashless}")).contains(&canonical));
        assert_eq!(
            scope(&format!("{mapping}{dashless}/x/y")),
            scope(&format!("{mapping}{ID}/x/y"))
        );
        let registration = |name: &str| {
            scope(&format!(
                "/subscriptions/{{id}}/resourceGroups/a/providers/Microsoft.AzureStack/registrations/{name}"
            ))
        };
        assert_ne!(
            registration(&dashless),
            registration(ID),
            "a registration's name is a name"
        );
        assert_eq!(
            scope(&format!("/subscriptions/{dashless}")),
            scope("/subscriptions/{id}")
        );
    }

    #[test]
    fn a_name_that_is_longer_in_lower_case_is_read_as_it_was_given() {
        let registration =
            "/subscriptions/{id}/resourceGroups/a/providers/Microsoft.AzureStack/registrations/";
        let Scope::Resource(_, _, path) = scope(&format!("{registration}İİİ")) else {
            panic!("a resource");
        };
        assert_eq!(path.registration(), Some("İİİ".parse().unwrap()));
        let kelvin =
            "/subscriptions/{id}/resourceGroups/a/providers/Microsoft.AzureStac\u{212a}/registrations/é";
        let Scope::Resource(_, _, path) = scope(kelvin) else {
            panic!("a resource");
        };
        assert_eq!(path.registration(), Some("é".parse().unwrap()));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "/subscriptions",
            "/subscriptions/x",
            "/subscriptions/{id}/resourceGroups",
            "/subscriptions/{id}/groups/g",
            "/subscriptions/{id}/resourceGroups/g/providers",
            "/subscriptions/{id}/resourceGroups/g/providers/Microsoft.AzureStack",
            "/subscriptions/{id}/resourceGroups/g/providers/Microsoft.AzureStack/registrations",
            "/subscriptions/{id}/resourceGroups/g/providers/Microsoft.AzureStack/registrations/a/b",
            "/subscriptions/{id}/resourceGroups/g/providers/a/b/c/b/c/b/c/b/c/b/c",
            "/providers/Microsoft.Management/managementGroups/all",
        ] {
            assert_eq!(
                text.replace("{id}", ID).parse::<Scope>(),
                Err(InvalidScope),
                "{text}"
            );
        }
    }

    #[test]
    fn a_scope_contains_itself_and_what_is_below_and_nothing_beside() {
        let other = "/subscriptions/07000000-0000-4000-8000-000000000001";
        let chain = [
            "/",
            "/subscriptions/{id}",
            "/subscriptions/{id}/resourceGroups/a",
            "/subscriptions/{id}/resourceGroups/A/providers/Microsoft.AzureStack/registrations/n",
            "/subscriptions/{id}/resourceGroups/a/providers/microsoft.azurestack/registrations/N/customerSubscriptions/c",
        ];
        for (above, outer) in chain.iter().enumerate() {
            for (below, inner) in chain.iter().enumerate() {
                assert_eq!(
                    scope(outer).contains(&scope(inner)),
                    above <= below,
                    "{outer} {inner}"
                );
            }
        }
        for beside in [
            "/subscriptions/{id}/resourceGroups/ab",
            "/subscriptions/{id}/resourceGroups/b/providers/Microsoft.AzureStack/registrations/n",
            other,
        ] {
            assert!(!scope(chain[2]).contains(&scope(beside)), "{beside}");
        }
        let longer = "/subscriptions/{id}/resourceGroups/a/providers/Microsoft.AzureStack/registrations/nn";
        assert!(!scope(chain[3]).contains(&scope(longer)));
    }

    proptest! {
        #[test]
        fn a_scope_reads_back_as_it_was_written(id in any::<[u8; 16]>(), depth in 0..4_usize, name in "[a-zA-Z0-9-]{1,9}") {
            let id = SubscriptionId::from_bytes(id);
            let group: ResourceName = name.parse().unwrap();
            let scope = match depth {
                0 => Scope::Root,
                1 => Scope::Subscription(id),
                2 => Scope::ResourceGroup(id, group.clone()),
                _ => Scope::registration(id, &group, &group),
            };
            if let Scope::Resource(_, _, path) = &scope {
                prop_assert_eq!(path.registration(), Some(group));
            }
            prop_assert_eq!(scope.to_string().parse::<Scope>(), Ok(scope));
        }
    }
}
