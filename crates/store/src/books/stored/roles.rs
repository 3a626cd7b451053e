//! The stored form of entries about who may do what.

use domain::authorization::{
    ActionPattern, Lock, LockLevel, PartnerRole, PrincipalKind, RoleDefinition, Scope,
};
use domain::books::RoleEntry;
use domain::ids::{CustomerId, ObjectId, PartnerId, RoleAssignmentId, RoleDefinitionId};
use domain::resource_id::ResourceName;
use serde::{Deserialize, Serialize};

use super::parts::Text;

/// An entry about who may do what, version 1. Variants and members are those of [`RoleEntry`].
#[derive(Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum StoredRoleEntry {
    RoleDefined {
        id: Text<RoleDefinitionId>,
        name: String,
        description: String,
        actions: Vec<Text<ActionPattern>>,
        not_actions: Vec<Text<ActionPattern>>,
        assignable: Vec<Text<Scope>>,
    },
    RoleDefinitionDeleted {
        role: Text<RoleDefinitionId>,
    },
    RoleAssigned {
        id: Text<RoleAssignmentId>,
        scope: Text<Scope>,
        role: Text<RoleDefinitionId>,
        principal: Text<ObjectId>,
        principal_kind: StoredPrincipalKind,
    },
    RoleUnassigned {
        assignment: Text<RoleAssignmentId>,
    },
    PartnerRoleAssigned {
        role: StoredPartnerRole,
        principal: Text<ObjectId>,
        principal_kind: StoredPrincipalKind,
    },
    PartnerRoleUnassigned {
        role: StoredPartnerRole,
        principal: Text<ObjectId>,
    },
    Locked {
        scope: Text<Scope>,
        name: Text<ResourceName>,
        level: StoredLockLevel,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        notes: Option<String>,
    },
    Unlocked {
        scope: Text<Scope>,
        name: Text<ResourceName>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum StoredPrincipalKind {
    User,
    Group,
    ServicePrincipal,
}

impl From<PrincipalKind> for StoredPrincipalKind {
    fn from(kind: PrincipalKind) -> Self {
        match kind {
            PrincipalKind::User => Self::User,
            PrincipalKind::Group => Self::Group,
            PrincipalKind::ServicePrincipal => Self::ServicePrincipal,
        }
    }
}

impl From<StoredPrincipalKind> for PrincipalKind {
    fn from(stored: StoredPrincipalKind) -> Self {
        match stored {
            StoredPrincipalKind::User => Self::User,
            StoredPrincipalKind::Group => Self::Group,
            StoredPrincipalKind::ServicePrincipal => Self::ServicePrincipal,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum StoredPartnerRole {
    PlatformOperator,
    AdminAgent(Text<PartnerId>),
    CustomerUser(Text<CustomerId>),
}

impl From<PartnerRole> for StoredPartnerRole {
    fn from(role: PartnerRole) -> Self {
        match role {
            PartnerRole::PlatformOperator => Self::PlatformOperator,
            PartnerRole::AdminAgent(partner) => Self::AdminAgent(Text(partner)),
            PartnerRole::CustomerUser(customer) => Self::CustomerUser(Text(customer)),
        }
    }
}

impl From<StoredPartnerRole> for PartnerRole {
    fn from(stored: StoredPartnerRole) -> Self {
        match stored {
            StoredPartnerRole::PlatformOperator => Self::PlatformOperator,
            StoredPartnerRole::AdminAgent(partner) => Self::AdminAgent(partner.0),
            StoredPartnerRole::CustomerUser(customer) => Self::CustomerUser(customer.0),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum StoredLockLevel {
    CanNotDelete,
    ReadOnly,
}

impl From<LockLevel> for StoredLockLevel {
    fn from(level: LockLevel) -> Self {
        match level {
            LockLevel::CanNotDelete => Self::CanNotDelete,
            LockLevel::ReadOnly => Self::ReadOnly,
        }
    }
}

impl From<StoredLockLevel> for LockLevel {
    fn from(stored: StoredLockLevel) -> Self {
        match stored {
            StoredLockLevel::CanNotDelete => Self::CanNotDelete,
            StoredLockLevel::ReadOnly => Self::ReadOnly,
        }
    }
}

fn texts<T: Clone>(values: &[T]) -> Vec<Text<T>> {
    values.iter().cloned().map(Text).collect()
}

fn values<T>(texts: Vec<Text<T>>) -> Vec<T> {
    texts.into_iter().map(|text| text.0).collect()
}

impl From<&RoleEntry> for StoredRoleEntry {
    fn from(entry: &RoleEntry) -> Self {
        match entry {
            RoleEntry::RoleDefined(role) => Self::RoleDefined {
                id: Text(role.id),
                name: role.name.clone(),
                description: role.description.clone(),
                actions: texts(&role.actions),
                not_actions: texts(&role.not_actions),
                assignable: texts(&role.assignable),
            },
            RoleEntry::RoleDefinitionDeleted { role } => Self::RoleDefinitionDeleted { role: Text(*role) },
            RoleEntry::RoleAssigned {
                id,
                scope,
                role,
                principal,
                principal_kind,
            } => Self::RoleAssigned {
                id: Text(*id),
                scope: Text(scope.clone()),
                role: Text(*role),
                principal: Text(*principal),
                principal_kind: (*principal_kind).into(),
            },
            RoleEntry::RoleUnassigned { assignment } => Self::RoleUnassigned {
                assignment: Text(*assignment),
            },
            RoleEntry::PartnerRoleAssigned {
                role,
                principal,
                principal_kind,
            } => Self::PartnerRoleAssigned {
                role: (*role).into(),
                principal: Text(*principal),
                principal_kind: (*principal_kind).into(),
            },
            RoleEntry::PartnerRoleUnassigned { role, principal } => Self::PartnerRoleUnassigned {
                role: (*role).into(),
                principal: Text(*principal),
            },
            RoleEntry::Locked(lock) => Self::Locked {
                scope: Text(lock.scope.clone()),
                name: Text(lock.name.clone()),
                level: lock.level.into(),
                notes: lock.notes.clone(),
            },
            RoleEntry::Unlocked { scope, name } => Self::Unlocked {
                scope: Text(scope.clone()),
                name: Text(name.clone()),
            },
        }
    }
}

impl From<StoredRoleEntry> for RoleEntry {
    fn from(stored: StoredRoleEntry) -> Self {
        match stored {
            StoredRoleEntry::RoleDefined {
                id,
                name,
                description,
                actions,
                not_actions,
                assignable,
            } => Self::RoleDefined(RoleDefinition {
                id: id.0,
                name,
                description,
                actions: values(actions),
                not_actions: values(not_actions),
                assignable: values(assignable),
                custom: true,
            }),
            StoredRoleEntry::RoleDefinitionDeleted { role } => Self::RoleDefinitionDeleted { role: role.0 },
            StoredRoleEntry::RoleAssigned {
                id,
                scope,
                role,
                principal,
                principal_kind,
            } => Self::RoleAssigned {
                id: id.0,
                scope: scope.0,
                role: role.0,
                principal: principal.0,
                principal_kind: principal_kind.into(),
            },
            StoredRoleEntry::RoleUnassigned { assignment } => Self::RoleUnassigned {
                assignment: assignment.0,
            },
            StoredRoleEntry::PartnerRoleAssigned {
                role,
                principal,
                principal_kind,
            } => Self::PartnerRoleAssigned {
                role: role.into(),
                principal: principal.0,
                principal_kind: principal_kind.into(),
            },
            StoredRoleEntry::PartnerRoleUnassigned { role, principal } => Self::PartnerRoleUnassigned {
                role: role.into(),
                principal: principal.0,
            },
            StoredRoleEntry::Locked {
                scope,
                name,
                level,
                notes,
            } => Self::Locked(Lock {
                scope: scope.0,
                name: name.0,
                level: level.into(),
                notes,
            }),
            StoredRoleEntry::Unlocked { scope, name } => Self::Unlocked {
                scope: scope.0,
                name: name.0,
            },
        }
    }
}
