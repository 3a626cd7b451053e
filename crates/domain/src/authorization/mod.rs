//! Who may do what, where: roles given at scopes, partner roles, and locks.
//!
//! The meaning is Azure's: a role allows the actions that it lists without those that it leaves out, a role given at a
//! scope holds at everything below it, and nothing is ever denied, only not allowed. Beside the roles that are given
//! one by one there are *partner roles* *(ours)*, by which a partner's people and a customer's people reach what is
//! theirs without an assignment on each subscription. [`View`] is what all of it adds up to for one caller; it is the
//! only place that decides.

mod action;
mod lock;
mod partner_role;
mod role;
mod scope;
mod view;

pub use action::{ActionPattern, InvalidActionPattern};
pub use lock::{Deed, Lock, LockLevel, ScopeLocked};
pub use partner_role::{PartnerRole, PartnerRoleAssignment};
pub use role::{InvalidRole, RoleAssignment, RoleDefinition, built_in};
pub use scope::{InvalidScope, ResourcePath, Scope};
pub use view::{Grant, READ_REGISTRATION, READ_USAGE, View};

/// What kind of object a role is given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalKind {
    /// A person.
    User,
    /// The members of a group.
    Group,
    /// A program.
    ServicePrincipal,
}

impl PrincipalKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::User, Self::Group, Self::ServicePrincipal];

    /// The kind as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::ServicePrincipal => "ServicePrincipal",
        }
    }

    /// The kind written so, in any case.
    #[must_use]
    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }
}
