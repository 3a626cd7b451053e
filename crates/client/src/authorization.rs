//! `Microsoft.Authorization`: roles at a scope, whom they are given to, and locks.
//!
//! A scope is a text as Azure Resource Manager writes it: `/`, `/subscriptions/{id}`,
//! `/subscriptions/{id}/resourceGroups/{name}`, or a resource id.

use reqwest::Method;
use wire::arm::authorization::{
    Lock, PutLock, PutRoleAssignment, PutRoleDefinition, RoleAssignment, RoleDefinition,
};

use crate::call::{Answered, Call};
use crate::{Client, ClientError};

const API_VERSION: &str = "api-version";
const ROLES: &str = "2022-04-01";
const LOCKS: &str = "2020-05-01";

/// The path of something that exists at every scope.
fn at<'a>(scope: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let scope = scope.split('/').filter(|segment| !segment.is_empty());
    let provider = ["providers", "Microsoft.Authorization"];
    scope.chain(provider).chain(rest.iter().copied()).collect()
}

fn call(method: Method, scope: &str, rest: &[&str], version: &str) -> Call {
    Call::new(method, at(scope, rest)).query(API_VERSION, Some(version))
}

impl Client {
    /// The roles that can be given at a scope.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn role_definitions(&self, scope: &str) -> Result<Vec<RoleDefinition>, ClientError> {
        self.list(&at(scope, &["roleDefinitions"]), &[(API_VERSION, Some(ROLES))])
            .await
    }

    /// Defines a custom role, or defines it anew.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_role_definition(
        &self,
        scope: &str,
        id: &str,
        role: &PutRoleDefinition,
    ) -> Result<RoleDefinition, ClientError> {
        self.ask(call(Method::PUT, scope, &["roleDefinitions", id], ROLES).json(role)?)
            .await
    }

    /// Deletes a custom role. Says whether there was one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_role_definition(&self, scope: &str, id: &str) -> Result<bool, ClientError> {
        self.remove(call(Method::DELETE, scope, &["roleDefinitions", id], ROLES))
            .await
    }

    /// The roles that are given at a scope, above it and below it; of one principal only, if one is named.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn role_assignments(
        &self,
        scope: &str,
        principal: Option<&str>,
    ) -> Result<Vec<RoleAssignment>, ClientError> {
        let filter = principal.map(|id| format!("principalId eq '{id}'"));
        let query = [(API_VERSION, Some(ROLES)), ("$filter", filter.as_deref())];
        self.list(&at(scope, &["roleAssignments"]), &query).await
    }

    /// Gives a role to somebody, under a new id of the caller's choice.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_role_assignment(
        &self,
        scope: &str,
        id: &str,
        assignment: &PutRoleAssignment,
    ) -> Result<RoleAssignment, ClientError> {
        self.ask(call(Method::PUT, scope, &["roleAssignments", id], ROLES).json(assignment)?)
            .await
    }

    /// Takes a role away that was given at this scope. Says whether it was given.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_role_assignment(&self, scope: &str, id: &str) -> Result<bool, ClientError> {
        self.remove(call(Method::DELETE, scope, &["roleAssignments", id], ROLES))
            .await
    }

    /// The locks at a scope and below it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn locks(&self, scope: &str) -> Result<Vec<Lock>, ClientError> {
        self.list(&at(scope, &["locks"]), &[(API_VERSION, Some(LOCKS))])
            .await
    }

    /// Sets a lock, or changes it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_lock(
        &self,
        scope: &str,
        name: &str,
        lock: &PutLock,
    ) -> Result<Answered<Lock>, ClientError> {
        self.ask_with_warnings(call(Method::PUT, scope, &["locks", name], LOCKS).json(lock)?)
            .await
    }

    /// Removes a lock. Says whether there was one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_lock(&self, scope: &str, name: &str) -> Result<bool, ClientError> {
        self.remove(call(Method::DELETE, scope, &["locks", name], LOCKS))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_has_its_path() {
        for (scope, path) in [
            ("/", "providers/Microsoft.Authorization/locks"),
            (
                "/subscriptions/s",
                "subscriptions/s/providers/Microsoft.Authorization/locks",
            ),
            (
                "/subscriptions/s/resourceGroups/g",
                "subscriptions/s/resourceGroups/g/providers/Microsoft.Authorization/locks",
            ),
        ] {
            assert_eq!(at(scope, &["locks"]).join("/"), path);
        }
    }
}
