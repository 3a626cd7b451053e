//! The part of the books that says who may do what.

mod assignments;
mod custom;
mod decisions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Books;
use crate::authorization::{
    Grant, Lock, PartnerRole, PartnerRoleAssignment, PrincipalKind, RoleAssignment, RoleDefinition, Scope,
    View, built_in,
};
use crate::ids::{ObjectId, RoleAssignmentId, RoleDefinitionId, SubscriptionId};
use crate::resource_id::ResourceName;
use crate::timeline::Recorded;

use assignments::Assignments;
use custom::CustomRoles;
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
    custom: CustomRoles,
    assignments: Assignments,
    partner_roles: BTreeMap<(ObjectId, PartnerRole), PartnerRoleAssignment>,
    holders: BTreeMap<PartnerRole, BTreeSet<ObjectId>>,
    /// By the subscription that is locked or that what is locked lies in.
    locks: BTreeMap<Option<SubscriptionId>, BTreeMap<(Scope, ResourceName), Lock>>,
}

impl Roles {
    /// A role, built in or custom.
    #[must_use]
    pub fn definition(&self, id: RoleDefinitionId) -> Option<&Arc<RoleDefinition>> {
        let built_in = built_in().iter().find(|role| role.id == id);
        built_in.or_else(|| self.custom.get(id))
    }

    /// Every role: those that are built in, then the custom ones by id.
    pub fn definitions(&self) -> impl Iterator<Item = &Arc<RoleDefinition>> {
        built_in().iter().chain(self.custom.all())
    }

    /// A role given to somebody.
    #[must_use]
    pub fn assignment(&self, id: RoleAssignmentId) -> Option<&RoleAssignment> {
        self.assignments.get(id)
    }

    /// Every role given to somebody, by id.
    pub fn assignments(&self) -> impl Iterator<Item = &RoleAssignment> {
        self.assignments.all()
    }

    /// The roles given to one principal itself.
    pub fn assignments_of(&self, principal: ObjectId) -> impl Iterator<Item = &RoleAssignment> {
        self.assignments.of(principal)
    }

    /// The roles given at and below a subscription, or else at the root scope, by id.
    pub fn assignments_in(
        &self,
        subscription: Option<SubscriptionId>,
    ) -> impl Iterator<Item = &RoleAssignment> {
        self.assignments.within(subscription)
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

    /// Those who have a partner role themselves.
    pub(super) fn holders(&self, role: PartnerRole) -> impl Iterator<Item = ObjectId> {
        self.holders.get(&role).into_iter().flatten().copied()
    }

    /// A lock.
    #[must_use]
    pub fn lock(&self, scope: &Scope, name: &ResourceName) -> Option<&Lock> {
        let locks = self.locks.get(&scope.subscription())?;
        locks.get(&(scope.clone(), name.clone()))
    }

    /// Every lock, by subscription, scope and name.
    pub fn locks(&self) -> impl Iterator<Item = &Lock> {
        self.locks.values().flat_map(BTreeMap::values)
    }

    /// The locks of a subscription and of what is in it, by scope and name.
    pub fn locks_in(&self, subscription: Option<SubscriptionId>) -> impl Iterator<Item = &Lock> {
        let locks = self.locks.get(&subscription).into_iter();
        locks.flat_map(BTreeMap::values)
    }

    pub(super) fn take_in(&mut self, entry: &RoleEntry, recorded: Recorded) -> Result<(), &'static str> {
        match entry {
            RoleEntry::RoleDefined(role) => {
                if built_in().iter().any(|it| it.id == role.id) {
                    return Err("the role is built in");
                }
                self.custom.insert(role);
            }
            RoleEntry::RoleDefinitionDeleted { role } => {
                self.custom.remove(*role).ok_or("the role is unknown")?;
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
                let removed = self.assignments.remove(*assignment);
                removed.ok_or("the role assignment is unknown")?;
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
                self.holders.entry(*role).or_default().insert(*principal);
            }
            RoleEntry::PartnerRoleUnassigned { role, principal } => {
                let removed = self.take_partner_role(*principal, *role);
                removed.ok_or("the partner role was not given")?;
            }
            RoleEntry::Locked(lock) => {
                let locks = self.locks.entry(lock.scope.subscription()).or_default();
                locks.insert((lock.scope.clone(), lock.name.clone()), lock.clone());
            }
            // There may be none: of two locks of one name at a tenant mapping whose id earlier versions took for two
            // scopes, because it was written with and without dashes, one replaced the other.
            RoleEntry::Unlocked { scope, name } => {
                if let Some(locks) = self.locks.get_mut(&scope.subscription()) {
                    locks.remove(&(scope.clone(), name.clone()));
                }
            }
        }
        Ok(())
    }

    fn assign(&mut self, assignment: RoleAssignment) -> Result<(), &'static str> {
        if self.definition(assignment.role).is_none() {
            return Err("the role is unknown");
        }
        if self.assignments.get(assignment.id).is_some() {
            return Err("the role assignment's id is taken");
        }
        self.assignments.insert(assignment);
        Ok(())
    }

    fn take_partner_role(&mut self, principal: ObjectId, role: PartnerRole) -> Option<PartnerRoleAssignment> {
        if let Some(holders) = self.holders.get_mut(&role) {
            holders.remove(&principal);
        }
        self.partner_roles.remove(&(principal, role))
    }

    /// Something is gone: roles and locks at it and below go with it, so that what comes later under the same name
    /// does not find them.
    pub(super) fn forget(&mut self, gone: &Scope) {
        self.assignments.forget_at(gone);
        if let Some(locks) = self.locks.get_mut(&gone.subscription()) {
            locks.retain(|(scope, _), _| !gone.contains(scope));
        }
    }

    /// A user, service principal or group is gone: what was given to it goes with it.
    pub(super) fn forget_principal(&mut self, gone: ObjectId) {
        self.assignments.forget_of(gone);
        let roles: Vec<PartnerRole> = self.partner_roles_of(gone).map(|it| it.role).collect();
        for role in roles {
            self.take_partner_role(gone, role);
        }
    }

    /// The partner or customer of a role is gone: nobody has the role any more.
    pub(super) fn forget_role(&mut self, gone: PartnerRole) {
        for principal in self.holders.remove(&gone).into_iter().flatten() {
            self.partner_roles.remove(&(principal, gone));
        }
    }
}

impl Books {
    /// What a principal may see and change that belongs to these groups.
    #[must_use]
    pub fn view(&self, principal: ObjectId, groups: &BTreeSet<ObjectId>) -> View {
        self.view_of(principal, groups, |id| self.roles.assignments.of(id))
    }

    /// The same, without the roles that it was given in other subscriptions than this one: for deciding about a scope in it.
    /// Without a subscription, for deciding about the root scope.
    #[must_use]
    pub fn view_within(
        &self,
        principal: ObjectId,
        groups: &BTreeSet<ObjectId>,
        subscription: Option<SubscriptionId>,
    ) -> View {
        self.view_of(principal, groups, |id| {
            let inside = subscription
                .is_some()
                .then(|| self.roles.assignments.of_within(id, subscription));
            let at_root = self.roles.assignments.of_within(id, None);
            at_root.chain(inside.into_iter().flatten())
        })
    }

    fn view_of<'a, A: Iterator<Item = &'a RoleAssignment>>(
        &'a self,
        principal: ObjectId,
        groups: &BTreeSet<ObjectId>,
        assignments_of: impl Fn(ObjectId) -> A,
    ) -> View {
        let mut view = View::default();
        for id in groups.iter().chain([&principal]) {
            for given in self.roles.partner_roles_of(*id) {
                match given.role {
                    PartnerRole::PlatformOperator => view.everything = true,
                    PartnerRole::AdminAgent(partner) => {
                        view.agent_of.insert(partner);
                        view.resellers.extend(self.accounts.resellers(partner));
                    }
                    PartnerRole::CustomerUser(customer) => {
                        view.user_of.insert(customer);
                    }
                }
            }
            for given in assignments_of(*id) {
                let role = self.roles.definition(given.role);
                view.grants.extend(role.map(|role| Grant {
                    scope: given.scope.clone(),
                    role: Arc::clone(role),
                }));
            }
        }
        view
    }
}

#[cfg(test)]
mod tests;
