//! Locks: what even those who may do it are kept from.

use super::Scope;
use crate::resource_id::ResourceName;

/// What a lock keeps everybody from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LockLevel {
    /// Deleting.
    CanNotDelete,
    /// Deleting and changing.
    ReadOnly,
}

impl LockLevel {
    /// The level as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CanNotDelete => "CanNotDelete",
            Self::ReadOnly => "ReadOnly",
        }
    }

    /// The level written so, in any case.
    #[must_use]
    pub fn from_name(text: &str) -> Option<Self> {
        [Self::CanNotDelete, Self::ReadOnly]
            .into_iter()
            .find(|level| level.as_str().eq_ignore_ascii_case(text))
    }
}

/// What a lock can stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Creating or changing.
    Write,
    /// Deleting.
    Delete,
}

/// A lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// What is locked, with everything below.
    pub scope: Scope,
    /// Its name, unique at its scope.
    pub name: ResourceName,
    /// What it keeps everybody from.
    pub level: LockLevel,
    /// Why, for people.
    pub notes: Option<String>,
}

impl Lock {
    /// Whether the lock stops a deed at a scope. What is deleted takes everything below with it, so a lock below stops
    /// a deletion, too.
    #[must_use]
    pub fn stops(&self, deed: Deed, scope: &Scope) -> bool {
        match deed {
            Deed::Write => self.level == LockLevel::ReadOnly && self.scope.contains(scope),
            Deed::Delete => self.scope.contains(scope) || scope.contains(&self.scope),
        }
    }
}

/// Locks stop a deed. The text is the documented one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "The scope '{scope}' cannot perform {} operation because following scope(s) are locked: '{}'. Please remove the \
     lock and try again.",
    match .deed { Deed::Write => "write", Deed::Delete => "delete" },
    .locked.iter().map(ToString::to_string).collect::<Vec<_>>().join("','")
)]
pub struct ScopeLocked {
    /// What was to be done.
    pub deed: Deed,
    /// Where.
    pub scope: Scope,
    /// The locked scopes, each once.
    pub locked: Vec<Scope>,
}

impl ScopeLocked {
    /// The stable code of this refusal.
    pub const CODE: &'static str = "ScopeLocked";

    /// Whether these locks let a deed at a scope happen.
    ///
    /// # Errors
    /// Itself, if not.
    pub fn check<'a>(locks: impl Iterator<Item = &'a Lock>, deed: Deed, scope: &Scope) -> Result<(), Self> {
        let mut locked: Vec<Scope> = locks
            .filter(|lock| lock.stops(deed, scope))
            .map(|lock| lock.scope.clone())
            .collect();
        locked.sort();
        locked.dedup();
        if locked.is_empty() {
            return Ok(());
        }
        Err(Self {
            deed,
            scope: scope.clone(),
            locked,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "/subscriptions/06000000-0000-4000-8000-000000000001/resourceGroups/g";

    fn below(text: &str) -> Scope {
        format!("{GROUP}{text}").parse().unwrap()
    }

    fn check(level: LockLevel, deed: Deed, at: &str) -> Result<(), ScopeLocked> {
        let lock = Lock {
            scope: below("/providers/Microsoft.AzureStack/registrations/n"),
            name: "RegistrationResourceLock".parse().unwrap(),
            level,
            notes: None,
        };
        ScopeLocked::check([&lock, &lock].into_iter(), deed, &below(at))
    }

    #[test]
    fn a_lock_stops_deletion_at_below_and_above_and_read_only_stops_changes_below() {
        use Deed::{Delete, Write};
        use LockLevel::{CanNotDelete, ReadOnly};
        let (above, at) = ("", "/providers/Microsoft.AzureStack/registrations/N");
        let child = "/providers/Microsoft.AzureStack/registrations/n/customerSubscriptions/c";
        let beside = "/providers/Microsoft.AzureStack/registrations/other";
        for (level, deed, scope, stopped) in [
            (CanNotDelete, Delete, above, true),
            (CanNotDelete, Delete, at, true),
            (CanNotDelete, Delete, child, true),
            (CanNotDelete, Delete, beside, false),
            (CanNotDelete, Write, at, false),
            (ReadOnly, Write, above, false),
            (ReadOnly, Write, at, true),
            (ReadOnly, Write, child, true),
            (ReadOnly, Write, beside, false),
            (ReadOnly, Delete, child, true),
        ] {
            assert_eq!(
                check(level, deed, scope).is_err(),
                stopped,
                "{level:?} {deed:?} {scope}"
            );
        }
    }

    #[test]
    fn the_text_is_the_one_that_scripts_look_for() {
        let at = "/providers/Microsoft.AzureStack/registrations/n";
        let refused = check(LockLevel::CanNotDelete, Deed::Delete, at).unwrap_err();
        let expected = format!(
            "The scope '{GROUP}{at}' cannot perform delete operation because following scope(s) are locked: \
             '{GROUP}{at}'. Please remove the lock and try again."
        );
        assert_eq!(refused.to_string(), expected);
    }
}
