//! Roles, the people they are given to, and locks.
//!
//! Each use-case asks itself whether the caller may, inside of the decision: a role that is taken away at the same
//! moment is not used any more.

mod locks;
mod partner_roles;
mod roles;

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::authorization::{ActionPattern, RoleAssignment, RoleDefinition, Scope};
use domain::books::{AssignRole, Books, RoleRefused};
use domain::ids::{ObjectId, RoleAssignmentId};

use crate::access::{Caller, View, demand, view_of};
use crate::accounts::{Created, subscription_not_found};
use crate::resource_groups::resource_group_not_found;
use crate::{App, Error};

const READ_ASSIGNMENTS: &str = "Microsoft.Authorization/roleAssignments/read";
const WRITE_ASSIGNMENTS: &str = "Microsoft.Authorization/roleAssignments/write";
const DELETE_ASSIGNMENTS: &str = "Microsoft.Authorization/roleAssignments/delete";
const READ_PERMISSIONS: &str = "Microsoft.Authorization/permissions/read";

impl From<RoleRefused> for Error {
    fn from(refused: RoleRefused) -> Self {
        if let RoleRefused::UnknownScope(scope) = &refused {
            return scope_not_found(scope, &refused);
        }
        Self {
            target: refused.target(),
            ..Self::new(refused.kind().into(), refused.code(), refused.to_string())
        }
    }
}

/// What is not there answers as everywhere.
fn scope_not_found(scope: &Scope, refused: &RoleRefused) -> Error {
    match scope {
        Scope::Subscription(id) => subscription_not_found(&id.to_string()),
        Scope::ResourceGroup(_, group) => resource_group_not_found(group),
        Scope::Resource(_, group, path) => {
            let message = format!("The Resource '{path}' under resource group '{group}' was not found.");
            Error::not_found(refused.code(), message)
        }
        Scope::Root => Error::not_found(refused.code(), refused.to_string()),
    }
}

/// Which role assignments are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AssignmentFilter {
    /// Only those that hold at the scope, given there or above; else those below it as well.
    pub at_scope: bool,
    /// Only those of somebody.
    pub to: Option<AssignedTo>,
}

/// To whom a role is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssignedTo {
    /// To this principal itself.
    Principal(ObjectId),
    /// To this principal, or to a group that it belongs to.
    PrincipalOrGroups(ObjectId),
}

impl AssignmentFilter {
    /// The groups of whom it is asked for, as far as the caller may know: its own, and those of directories that it
    /// manages. Who belongs to anybody else's group is not told by what the group was given *(ours)*.
    fn groups(&self, books: &Books, caller: &Caller) -> BTreeSet<ObjectId> {
        let Some(AssignedTo::PrincipalOrGroups(id)) = self.to else {
            return BTreeSet::new();
        };
        if let Caller::Principal(principal) = caller
            && principal.id == id
        {
            return principal.groups.clone();
        }
        let (view, directories) = (view_of(books, caller), books.directories());
        let known = |group: &ObjectId| {
            let directory = directories.object(*group).map(|it| it.directory());
            let directory = directory.and_then(|id| directories.directory(id));
            directory.is_some_and(|it| books.manages(&view, it.owner))
        };
        let mut groups = directories.groups_of(id);
        groups.retain(known);
        groups
    }

    fn admits(&self, groups: &BTreeSet<ObjectId>, scope: &Scope, assignment: &RoleAssignment) -> bool {
        let there = assignment.scope.contains(scope) || (!self.at_scope && scope.contains(&assignment.scope));
        let principal = assignment.principal;
        there
            && match self.to {
                None => true,
                Some(AssignedTo::Principal(id)) => principal == id,
                Some(AssignedTo::PrincipalOrGroups(id)) => principal == id || groups.contains(&principal),
            }
    }
}

/// What a role allows somebody at a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// The actions that it allows.
    pub actions: Vec<ActionPattern>,
    /// The actions that it leaves out of these.
    pub not_actions: Vec<ActionPattern>,
}

impl App {
    /// Gives a role to somebody.
    ///
    /// # Errors
    /// As [`App::may`], [`RoleRefused`], or as the store.
    pub async fn assign_role(
        &self,
        caller: &Caller,
        request: &AssignRole,
    ) -> Result<(RoleAssignment, Created), Error> {
        let created = self
            .change(caller, |books| {
                demand(books, caller, WRITE_ASSIGNMENTS, &request.scope)?;
                let entry = books.assign_role(request)?;
                let created = entry.is_some().into();
                Ok((entry.into_iter().collect(), created))
            })
            .await?;
        let assigned = self.read(|books| books.roles().assignment(request.id).cloned());
        let assigned = assigned.ok_or_else(|| assignment_not_found(request.id))?;
        Ok((assigned, created))
    }

    /// Takes a role away. Answers with the assignment, if there was one at this scope.
    ///
    /// # Errors
    /// As [`App::may`], `ScopeLocked`, or as the store.
    pub async fn unassign_role(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: RoleAssignmentId,
    ) -> Result<Option<RoleAssignment>, Error> {
        self.change(caller, |books| {
            demand(books, caller, DELETE_ASSIGNMENTS, scope)?;
            let known = books.roles().assignment(id).filter(|known| known.scope == *scope);
            let Some(known) = known else {
                return Ok((Vec::new(), None));
            };
            Ok((vec![books.unassign_role(known)?], Some(known.clone())))
        })
        .await
    }

    /// A role given to somebody at this scope.
    ///
    /// # Errors
    /// As [`App::may`], or `RoleAssignmentNotFound`.
    pub fn role_assignment(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: RoleAssignmentId,
    ) -> Result<RoleAssignment, Error> {
        self.read(|books| {
            demand(books, caller, READ_ASSIGNMENTS, scope)?;
            let known = books.roles().assignment(id).filter(|known| known.scope == *scope);
            known.cloned().ok_or_else(|| assignment_not_found(id))
        })
    }

    /// The roles given to somebody at a scope, above it and below it, by id: those after `after`, `limit` at the most.
    ///
    /// # Errors
    /// As [`App::may`].
    pub fn role_assignments(
        &self,
        caller: &Caller,
        scope: &Scope,
        filter: &AssignmentFilter,
        after: Option<RoleAssignmentId>,
        limit: usize,
    ) -> Result<Vec<RoleAssignment>, Error> {
        self.read(|books| {
            demand(books, caller, READ_ASSIGNMENTS, scope)?;
            let groups = filter.groups(books, caller);
            let rest = |it: &&RoleAssignment| after.is_none_or(|after| it.id > after);
            let asked = |it: &&RoleAssignment| rest(it) && filter.admits(&groups, scope, it);
            let roles = books.roles();
            if *scope == Scope::Root {
                return Ok(roles.assignments().filter(asked).take(limit).cloned().collect());
            }
            // What is given in other subscriptions is not even looked at.
            let at_root = roles.assignments_in(None).filter(asked);
            let inside = roles.assignments_in(scope.subscription()).filter(asked);
            let mut found: Vec<_> = at_root.take(limit).chain(inside.take(limit)).cloned().collect();
            found.sort_by_key(|it| it.id);
            found.truncate(limit);
            Ok(found)
        })
    }

    /// What the caller's roles allow at a scope, each role once.
    ///
    /// # Errors
    /// As [`App::may`].
    pub fn permissions(&self, caller: &Caller, scope: &Scope) -> Result<Vec<Permission>, Error> {
        self.read(|books| {
            demand(books, caller, READ_PERMISSIONS, scope)?;
            let view = view_of(books, caller);
            let subscription = scope.subscription().and_then(|id| books.subscription(id));
            let mut permissions: Vec<Permission> = Vec::new();
            for role in view.roles_at(scope, subscription) {
                let RoleDefinition {
                    actions, not_actions, ..
                } = role.clone();
                let permission = Permission { actions, not_actions };
                if !permissions.contains(&permission) {
                    permissions.push(permission);
                }
            }
            Ok(permissions)
        })
    }
}

fn assignment_not_found(id: RoleAssignmentId) -> Error {
    Error::not_found(
        "RoleAssignmentNotFound",
        format!("The role assignment '{id}' is not found."),
    )
}
