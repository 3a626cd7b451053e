//! The part of the books that says who may do what.

mod decisions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Books;
use crate::authorization::{
    Grant, Lock, PartnerRole, PartnerRoleAssignment, PrincipalKind, RoleAssignment, RoleDefinition, Scope,
    View, built_in,
};
use crate::ids::{ObjectId, PartnerId, RoleAssignmentId, RoleDefinitionId};
use crate::partner::PartnerKind;
use crate::resource_id::ResourceName;
use crate::timeline::Recorded;

pub use decisions::{AssignRole, RoleRefused};

/// One fact about who may do what, as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleEntry {
    /// A custom role was defined, or defined anew.
    RoleDefined(RoleDefinition),
    /// A custom role was deleted.
    RoleDefinitionDeleted {
        /// The role.
        role: RoleDefinitionId,
    },
    /// A role was given to somebody.
    RoleAssigned {
        /// The assignment.
        id: RoleAssignmentId,
        /// Where the role holds.
        scope: Scope,
        /// The role.
        role: RoleDefinitionId,
        /// Who has it.
        principal: ObjectId,
        /// What kind of object that is.
        principal_kind: PrincipalKind,
    },
    /// A role was taken away.
    RoleUnassigned {
        /// The assignment.
        assignment: RoleAssignmentId,
    },
    /// A partner role was given to somebody.
    PartnerRoleAssigned {
        /// The role.
        role: PartnerRole,
        /// Who has it.
        principal: ObjectId,
        /// What kind of object that is.
        principal_kind: PrincipalKind,
    },
    /// A partner role was taken away.
    PartnerRoleUnassigned {
        /// The role.
        role: PartnerRole,
        /// Who had it.
        principal: ObjectId,
    },
    /// Something was locked, or its lock was changed.
    Locked(Lock),
    /// A lock was removed.
    Unlocked {
        /// What was locked.
        scope: Scope,
        /// The lock.
        name: ResourceName,
    },
}

/// Who may do what.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    custom: BTreeMap<RoleDefinitionId, Arc<RoleDefinition>>,
    assignments: BTreeMap<RoleAssignmentId, RoleAssignment>,
    assignments_of: BTreeMap<ObjectId, BTreeSet<RoleAssignmentId>>,
    partner_roles: BTreeMap<(ObjectId, PartnerRole), PartnerRoleAssignment>,
    locks: BTreeMap<(Scope, ResourceName), Lock>,
}

impl Roles {
    /// A role, built in or custom.
    #[must_use]
    pub fn definition(&self, id: RoleDefinitionId) -> Option<&Arc<RoleDefinition>> {
        let built_in = built_in().iter().find(|role| role.id == id);
        built_in.or_else(|| self.custom.get(&id))
    }

    /// Every role: those that are built in, then the custom ones by id.
    pub fn definitions(&self) -> impl Iterator<Item = &Arc<RoleDefinition>> {
        built_in().iter().chain(self.custom.values())
    }

    /// A role given to somebody.
    #[must_use]
    pub fn assignment(&self, id: RoleAssignmentId) -> Option<&RoleAssignment> {
        self.assignments.get(&id)
    }

    /// Every role given to somebody, by id.
    pub fn assignments(&self) -> impl Iterator<Item = &RoleAssignment> {
        self.assignments.values()
    }

    /// The roles given to one principal itself.
    pub fn assignments_of(&self, principal: ObjectId) -> impl Iterator<Item = &RoleAssignment> {
        let ids = self.assignments_of.get(&principal).into_iter().flatten();
        ids.filter_map(|id| self.assignments.get(id))
    }

    /// Every partner role given to somebody, by principal.
    pub fn partner_roles(&self) -> impl Iterator<Item = &PartnerRoleAssignment> {
        self.partner_roles.values()
    }

    /// The partner roles given to one principal itself.
    pub fn partner_roles_of(&self, principal: ObjectId) -> impl Iterator<Item = &PartnerRoleAssignment> {
        // The first of all roles in their order.
        let from = (principal, PartnerRole::PlatformOperator);
        let own = self
            .partner_roles
            .range(from..)
            .take_while(move |((of, _), _)| *of == principal);
        own.map(|(_, assignment)| assignment)
    }

    /// A lock.
    #[must_use]
    pub fn lock(&self, scope: &Scope, name: &ResourceName) -> Option<&Lock> {
        self.locks.get(&(scope.clone(), name.clone()))
    }

    /// Every lock, by scope and name.
    pub fn locks(&self) -> impl Iterator<Item = &Lock> {
        self.locks.values()
    }

    pub(super) fn take_in(&mut self, entry: &RoleEntry, recorded: Recorded) -> Result<(), &'static str> {
        match entry {
            RoleEntry::RoleDefined(role) => {
                if built_in().iter().any(|it| it.id == role.id) {
                    return Err("the role is built in");
                }
                self.custom.insert(role.id, Arc::new(role.clone()));
            }
            RoleEntry::RoleDefinitionDeleted { role } => {
                self.custom.remove(role).ok_or("the role is unknown")?;
            }
            RoleEntry::RoleAssigned {
                id,
                scope,
                role,
                principal,
                principal_kind,
            } => self.assign(RoleAssignment {
                id: *id,
                scope: scope.clone(),
                role: *role,
                principal: *principal,
                principal_kind: *principal_kind,
                assigned: recorded,
            })?,
            RoleEntry::RoleUnassigned { assignment } => {
                self.unassign(*assignment)
                    .ok_or("the role assignment is unknown")?;
            }
            RoleEntry::PartnerRoleAssigned {
                role,
                principal,
                principal_kind,
            } => {
                let assignment = PartnerRoleAssignment {
                    role: *role,
                    principal: *principal,
                    principal_kind: *principal_kind,
                    assigned: recorded,
                };
                self.partner_roles.insert((*principal, *role), assignment);
            }
            RoleEntry::PartnerRoleUnassigned { role, principal } => {
                let removed = self.partner_roles.remove(&(*principal, *role));
                removed.ok_or("the partner role was not given")?;
            }
            RoleEntry::Locked(lock) => {
                self.locks
                    .insert((lock.scope.clone(), lock.name.clone()), lock.clone());
            }
            RoleEntry::Unlocked { scope, name } => {
                let removed = self.locks.remove(&(scope.clone(), name.clone()));
                removed.ok_or("the lock is unknown")?;
            }
        }
        Ok(())
    }

    fn assign(&mut self, assignment: RoleAssignment) -> Result<(), &'static str> {
        if self.definition(assignment.role).is_none() {
            return Err("the role is unknown");
        }
        if self.assignments.contains_key(&assignment.id) {
            return Err("the role assignment's id is taken");
        }
        let of = self.assignments_of.entry(assignment.principal).or_default();
        of.insert(assignment.id);
        self.assignments.insert(assignment.id, assignment);
        Ok(())
    }

    fn unassign(&mut self, id: RoleAssignmentId) -> Option<()> {
        let removed = self.assignments.remove(&id)?;
        if let Some(of) = self.assignments_of.get_mut(&removed.principal) {
            of.remove(&id);
        }
        Some(())
    }

    /// Something is gone: roles and locks at it and below go with it, so that what comes later under the same name
    /// does not find them.
    pub(super) fn forget(&mut self, gone: &Scope) {
        let inside = self.assignments.values().filter(|it| gone.contains(&it.scope));
        let inside: Vec<RoleAssignmentId> = inside.map(|it| it.id).collect();
        for id in inside {
            self.unassign(id);
        }
        self.locks.retain(|(scope, _), _| !gone.contains(scope));
    }
}

impl Books {
    /// What a principal may see and change that belongs to these groups.
    #[must_use]
    pub fn view(&self, principal: ObjectId, groups: &BTreeSet<ObjectId>) -> View {
        let mut view = View::default();
        for id in groups.iter().chain([&principal]) {
            for given in self.roles.partner_roles_of(*id) {
                match given.role {
                    PartnerRole::PlatformOperator => view.everything = true,
                    PartnerRole::AdminAgent(partner) => {
                        view.agent_of.insert(partner);
                        view.resellers.extend(self.resellers(partner));
                    }
                    PartnerRole::CustomerUser(customer) => {
                        view.user_of.insert(customer);
                    }
                }
            }
            for given in self.roles.assignments_of(*id) {
                let role = self.roles.definition(given.role);
                view.grants.extend(role.map(|role| Grant {
                    scope: given.scope.clone(),
                    role: Arc::clone(role),
                }));
            }
        }
        view
    }

    /// The partners that buy from a provider.
    fn resellers(&self, provider: PartnerId) -> impl Iterator<Item = PartnerId> + '_ {
        let resellers = self.partners().filter(move |partner| {
            matches!(partner.kind, PartnerKind::IndirectReseller { provider: of } if of == provider)
        });
        resellers.map(|partner| partner.id)
    }
}

#[cfg(test)]
mod tests;
