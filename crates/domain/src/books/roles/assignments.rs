//! Role assignments, found by whom they are given to, where, and of which role, without looking at the others.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::authorization::{RoleAssignment, Scope};
use crate::ids::{ObjectId, RoleAssignmentId, RoleDefinitionId, SubscriptionId};

const FIRST: RoleAssignmentId = RoleAssignmentId::from_bytes([0; 16]);
const LAST: RoleAssignmentId = RoleAssignmentId::from_bytes([0xff; 16]);
const LAST_SUBSCRIPTION: SubscriptionId = SubscriptionId::from_bytes([0xff; 16]);

/// The subscription that an assignment lies in; none for one at the root scope.
type Within = Option<SubscriptionId>;

/// Every role that is given to somebody.
#[derive(Debug, Clone, Default)]
pub(super) struct Assignments {
    by_id: BTreeMap<RoleAssignmentId, RoleAssignment>,
    by_principal: BTreeSet<(ObjectId, Within, RoleAssignmentId)>,
    by_subscription: BTreeSet<(Within, RoleAssignmentId)>,
    by_role: BTreeSet<(RoleDefinitionId, RoleAssignmentId)>,
}

impl Assignments {
    pub(super) fn get(&self, id: RoleAssignmentId) -> Option<&RoleAssignment> {
        self.by_id.get(&id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &RoleAssignment> {
        self.by_id.values()
    }

    /// Those of one principal itself.
    pub(super) fn of(&self, principal: ObjectId) -> impl Iterator<Item = &RoleAssignment> {
        self.of_principal((principal, None, FIRST)..=(principal, Some(LAST_SUBSCRIPTION), LAST))
    }

    /// Those of one principal itself in a subscription, or at the root scope.
    pub(super) fn of_within(
        &self,
        principal: ObjectId,
        within: Within,
    ) -> impl Iterator<Item = &RoleAssignment> {
        self.of_principal((principal, within, FIRST)..=(principal, within, LAST))
    }

    fn of_principal(
        &self,
        range: RangeInclusive<(ObjectId, Within, RoleAssignmentId)>,
    ) -> impl Iterator<Item = &RoleAssignment> {
        let found = self.by_principal.range(range);
        found.filter_map(|(_, _, id)| self.by_id.get(id))
    }

    /// Those at and below a subscription, or at the root scope, by id.
    pub(super) fn within(&self, within: Within) -> impl Iterator<Item = &RoleAssignment> {
        let found = self.by_subscription.range((within, FIRST)..=(within, LAST));
        found.filter_map(|(_, id)| self.by_id.get(id))
    }

    /// Those of one role, by id.
    pub(super) fn of_role(&self, role: RoleDefinitionId) -> impl Iterator<Item = &RoleAssignment> {
        let found = self.by_role.range((role, FIRST)..=(role, LAST));
        found.filter_map(|(_, id)| self.by_id.get(id))
    }

    pub(super) fn insert(&mut self, assignment: RoleAssignment) {
        let (id, within) = (assignment.id, assignment.scope.subscription());
        self.by_principal.insert((assignment.principal, within, id));
        self.by_subscription.insert((within, id));
        self.by_role.insert((assignment.role, id));
        self.by_id.insert(id, assignment);
    }

    pub(super) fn remove(&mut self, id: RoleAssignmentId) -> Option<RoleAssignment> {
        let removed = self.by_id.remove(&id)?;
        let within = removed.scope.subscription();
        self.by_principal.remove(&(removed.principal, within, id));
        self.by_subscription.remove(&(within, id));
        self.by_role.remove(&(removed.role, id));
        Some(removed)
    }

    /// Removes those at a scope and below it.
    pub(super) fn forget_at(&mut self, gone: &Scope) {
        let inside = self.within(gone.subscription());
        let inside = inside.filter(|it| gone.contains(&it.scope)).map(|it| it.id);
        self.remove_all(inside.collect());
    }

    /// Removes those of one principal.
    pub(super) fn forget_of(&mut self, principal: ObjectId) {
        self.remove_all(self.of(principal).map(|it| it.id).collect());
    }

    fn remove_all(&mut self, ids: Vec<RoleAssignmentId>) {
        for id in ids {
            self.remove(id);
        }
    }
}
