//! Custom roles: which may be defined and deleted, and how they are found by where they can be given, without looking at
//! the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::{Books, Entry, Limit, LimitReached};
use super::{RoleEntry, RoleRefused};
use crate::authorization::{RoleDefinition, Scope, built_in};
use crate::ids::{RoleDefinitionId, SubscriptionId, TenantId};
use crate::resource_id::folded;

const FIRST: RoleDefinitionId = RoleDefinitionId::from_bytes([0; 16]);
const LAST: RoleDefinitionId = RoleDefinitionId::from_bytes([0xff; 16]);

/// Every custom role.
#[derive(Debug, Clone, Default)]
pub(super) struct CustomRoles {
    by_id: BTreeMap<RoleDefinitionId, Arc<RoleDefinition>>,
    by_subscription: BTreeSet<(SubscriptionId, RoleDefinitionId)>,
}

impl CustomRoles {
    pub(super) fn get(&self, id: RoleDefinitionId) -> Option<&Arc<RoleDefinition>> {
        self.by_id.get(&id)
    }

    /// All of them, by id.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<RoleDefinition>> {
        self.by_id.values()
    }

    /// Those that can be given in a subscription, or somewhere in it, by id.
    fn of(&self, subscription: SubscriptionId) -> impl Iterator<Item = &RoleDefinition> {
        let found = self
            .by_subscription
            .range((subscription, FIRST)..=(subscription, LAST));
        found.filter_map(|(_, id)| self.by_id.get(id)).map(|role| &**role)
    }

    pub(super) fn insert(&mut self, role: &RoleDefinition) {
        self.remove(role.id);
        let places = subscriptions_of(role).into_iter().map(|it| (it, role.id));
        self.by_subscription.extend(places);
        self.by_id.insert(role.id, Arc::new(role.clone()));
    }

    pub(super) fn remove(&mut self, id: RoleDefinitionId) -> Option<Arc<RoleDefinition>> {
        let removed = self.by_id.remove(&id)?;
        for subscription in subscriptions_of(&removed) {
            self.by_subscription.remove(&(subscription, id));
        }
        Some(removed)
    }
}

/// The subscriptions in which, or somewhere in which, a role can be given.
fn subscriptions_of(role: &RoleDefinition) -> BTreeSet<SubscriptionId> {
    role.assignable.iter().filter_map(Scope::subscription).collect()
}

impl Books {
    /// Defines a custom role, or defines one anew. Defining the same one again enters nothing.
    ///
    /// # Errors
    /// [`RoleRefused`] if it cannot be one, its id or name is taken, or it is given where it then could not be.
    pub fn define_role(&self, role: RoleDefinition) -> Result<Option<Entry>, RoleRefused> {
        if let Some(known) = built_in().iter().find(|known| known.id == role.id) {
            return Err(RoleRefused::BuiltIn(known.name.clone()));
        }
        role.check()?;
        if self.has_another_of_its_name(&role) {
            return Err(RoleRefused::NameTaken(role.name));
        }
        for scope in &role.assignable {
            self.check_scope(scope)?;
        }
        let mut given = self.roles.assignments.of_role(role.id);
        if let Some(outside) = given.find(|it| !role.is_assignable_at(&it.scope)) {
            let scope = outside.scope.clone();
            return Err(RoleRefused::AssignedOutside {
                name: role.name,
                scope,
            });
        }
        if self
            .roles
            .definition(role.id)
            .is_some_and(|known| **known == role)
        {
            return Ok(None);
        }
        self.check_custom_roles(&role)?;
        Ok(Some(RoleEntry::RoleDefined(role).into()))
    }

    /// Whether a role of the same name can be given somewhere where this one can.
    fn has_another_of_its_name(&self, role: &RoleDefinition) -> bool {
        let name = folded(&role.name);
        let same = |other: &RoleDefinition| {
            other.id != role.id && folded(&other.name) == name && meet(&other.assignable, &role.assignable)
        };
        let places = subscriptions_of(role);
        let mut near = places.iter().flat_map(|it| self.roles.custom.of(*it));
        built_in().iter().any(|other| same(other)) || near.any(same)
    }

    /// Whether each directory in whose subscriptions a role can be given has room for it.
    fn check_custom_roles(&self, role: &RoleDefinition) -> Result<(), LimitReached> {
        let places = subscriptions_of(role);
        let subscriptions = places.iter().filter_map(|id| self.subscription(*id));
        let directories: BTreeSet<TenantId> = subscriptions.map(|it| it.tenant).collect();
        directories.into_iter().try_for_each(|directory| {
            let inside = self.accounts.subscriptions_in(directory);
            let ids = inside.flat_map(|it| self.roles.custom.of(it)).map(|it| it.id);
            let others: BTreeSet<RoleDefinitionId> = ids.filter(|id| *id != role.id).collect();
            Limit::CustomRolesOfDirectory.admits_one_more(others.len())
        })
    }

    /// The custom roles that can be given in this subscription, and in no other one that is there.
    pub(in crate::books) fn roles_for_nothing_but(
        &self,
        id: SubscriptionId,
    ) -> impl Iterator<Item = RoleDefinitionId> {
        let is_gone = move |it: SubscriptionId| it == id || self.subscription(it).is_none();
        let here = self.roles.custom.of(id);
        here.filter(move |role| subscriptions_of(role).into_iter().all(is_gone))
            .map(|role| role.id)
    }

    /// Deletes a custom role. Deleting what is not there enters nothing.
    ///
    /// # Errors
    /// [`RoleRefused`] if it is built in or given to somebody.
    pub fn delete_role(&self, id: RoleDefinitionId) -> Result<Option<Entry>, RoleRefused> {
        let Some(role) = self.roles.definition(id) else {
            return Ok(None);
        };
        if !role.custom {
            return Err(RoleRefused::BuiltIn(role.name.clone()));
        }
        if self.roles.assignments.of_role(id).next().is_some() {
            return Err(RoleRefused::RoleInUse(role.name.clone()));
        }
        Ok(Some(RoleEntry::RoleDefinitionDeleted { role: id }.into()))
    }
}

/// Whether there is a scope in which two roles can be given. Where there is none, nobody sees both, and they may have
/// one name.
fn meet(some: &[Scope], others: &[Scope]) -> bool {
    let mut pairs = some
        .iter()
        .flat_map(|one| others.iter().map(move |other| (one, other)));
    pairs.any(|(one, other)| one.contains(other) || other.contains(one))
}
