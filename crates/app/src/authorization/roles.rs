//! Role definitions.

use super::{App, Arc, Caller, Created, Error, RoleDefinition, Scope, demand};
use crate::Kind;
use domain::books::{Books, RoleRefused};
use domain::ids::RoleDefinitionId;

const READ: &str = "Microsoft.Authorization/roleDefinitions/read";
const WRITE: &str = "Microsoft.Authorization/roleDefinitions/write";
const DELETE: &str = "Microsoft.Authorization/roleDefinitions/delete";

/// Whether a role has to do with a scope: it can be given there, or somewhere below.
fn concerns(role: &RoleDefinition, scope: &Scope) -> bool {
    role.is_assignable_at(scope)
        || role
            .assignable
            .iter()
            .any(|assignable| scope.contains(assignable))
}

/// Whether the caller may have a role that can be given in these scopes: in each of them.
fn demand_everywhere<'a>(
    books: &Books,
    caller: &Caller,
    action: &str,
    mut scopes: impl Iterator<Item = &'a Scope>,
) -> Result<(), Error> {
    scopes.try_for_each(|scope| demand(books, caller, action, scope))
}

/// Where a role can still be given. Nobody is left to ask about a subscription that was deleted.
fn left_of<'a>(books: &Books, role: &'a RoleDefinition) -> impl Iterator<Item = &'a Scope> {
    let is_there = |scope: &&Scope| {
        scope
            .subscription()
            .is_none_or(|id| books.subscription(id).is_some())
    };
    role.assignable.iter().filter(is_there)
}

fn not_yours(id: RoleDefinitionId) -> Error {
    let message = format!(
        "A role definition with id '{id}' exists already and can be given where you may not change it. Choose another id."
    );
    Error::new(Kind::Conflict, "RoleDefinitionExists", message)
}

impl App {
    /// The roles that have to do with a scope: those that are built in, then the custom ones by id.
    ///
    /// # Errors
    /// As [`App::may`].
    pub fn role_definitions(
        &self,
        caller: &Caller,
        scope: &Scope,
    ) -> Result<Vec<Arc<RoleDefinition>>, Error> {
        self.read(|books| {
            demand(books, caller, READ, scope)?;
            let concerned = books.roles().definitions().filter(|role| concerns(role, scope));
            Ok(concerned.cloned().collect())
        })
    }

    /// A role that has to do with a scope.
    ///
    /// # Errors
    /// As [`App::may`], or `RoleDefinitionDoesNotExist`.
    pub fn role_definition(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: RoleDefinitionId,
    ) -> Result<Arc<RoleDefinition>, Error> {
        self.read(|books| {
            demand(books, caller, READ, scope)?;
            let known = books.roles().definition(id).filter(|role| concerns(role, scope));
            known.cloned().ok_or_else(|| {
                let refused = RoleRefused::UnknownRole(id);
                Error::not_found(refused.code(), refused.to_string())
            })
        })
    }

    /// Defines a custom role, or defines one anew. The caller has to be allowed to wherever it can be given, before
    /// and after.
    ///
    /// # Errors
    /// As [`App::may`], [`RoleRefused`], or as the store.
    pub async fn put_role_definition(
        &self,
        caller: &Caller,
        role: &RoleDefinition,
    ) -> Result<(RoleDefinition, Created), Error> {
        self.change(caller, |books| {
            let known = books.roles().definition(role.id);
            demand_everywhere(books, caller, WRITE, role.assignable.iter())?;
            if let Some(known) = known.filter(|known| known.custom) {
                // Where else it can be given is none of the business of who may not change it there.
                let allowed = demand_everywhere(books, caller, WRITE, left_of(books, known));
                allowed.map_err(|_| not_yours(role.id))?;
            }
            let role = RoleDefinition {
                custom: true,
                ..role.clone()
            };
            let entry = books.define_role(role.clone())?;
            let created = known.is_none().into();
            Ok((entry.into_iter().collect(), (role, created)))
        })
        .await
    }

    /// Deletes a custom role. Answers with it, if there was one.
    ///
    /// # Errors
    /// As [`App::may`], [`RoleRefused`], or as the store.
    pub async fn delete_role_definition(
        &self,
        caller: &Caller,
        scope: &Scope,
        id: RoleDefinitionId,
    ) -> Result<Option<Arc<RoleDefinition>>, Error> {
        self.change(caller, |books| {
            demand(books, caller, DELETE, scope)?;
            let known = books.roles().definition(id).filter(|role| concerns(role, scope));
            let Some(known) = known else {
                return Ok((Vec::new(), None));
            };
            let entry = if known.custom {
                demand_everywhere(books, caller, DELETE, left_of(books, known))?;
                books.delete_role(id)?
            } else {
                return Err(RoleRefused::BuiltIn(known.name.clone()).into());
            };
            Ok((entry.into_iter().collect(), Some(Arc::clone(known))))
        })
        .await
    }
}
