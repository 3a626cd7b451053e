//! Locks.

use domain::authorization::Lock;
use domain::resource_id::ResourceName;

use super::{App, Caller, Created, Error, Scope, demand};

const READ: &str = "Microsoft.Authorization/locks/read";
const WRITE: &str = "Microsoft.Authorization/locks/write";
const DELETE: &str = "Microsoft.Authorization/locks/delete";

impl App {
    /// Sets a lock, or changes one.
    ///
    /// # Errors
    /// As [`App::may`], [`domain::books::RoleRefused`], or as the store.
    pub async fn put_lock(&self, caller: &Caller, lock: &Lock) -> Result<(Lock, Created), Error> {
        self.change(caller, |books| {
            demand(books, caller, WRITE, &lock.scope)?;
            let known = books.roles().lock(&lock.scope, &lock.name);
            let name = known.map_or(&lock.name, |known| &known.name).clone();
            let lock = Lock { name, ..lock.clone() };
            let entry = books.put_lock(lock.clone())?;
            Ok((entry.into_iter().collect(), (lock, known.is_none().into())))
        })
        .await
    }

    /// A lock.
    ///
    /// # Errors
    /// As [`App::may`], or `LockNotFound`.
    pub fn lock(&self, caller: &Caller, scope: &Scope, name: &ResourceName) -> Result<Lock, Error> {
        self.read(|books| {
            demand(books, caller, READ, scope)?;
            let known = books.roles().lock(scope, name).cloned();
            known.ok_or_else(|| {
                Error::not_found("LockNotFound", format!("The lock '{name}' could not be found."))
            })
        })
    }

    /// The locks at a scope and below it, by subscription, scope and name.
    ///
    /// # Errors
    /// As [`App::may`].
    pub fn locks(&self, caller: &Caller, scope: &Scope) -> Result<Vec<Lock>, Error> {
        self.read(|books| {
            demand(books, caller, READ, scope)?;
            let roles = books.roles();
            if *scope == Scope::Root {
                return Ok(roles.locks().cloned().collect());
            }
            let locks = roles.locks_in(scope.subscription());
            Ok(locks
                .filter(|lock| scope.contains(&lock.scope))
                .cloned()
                .collect())
        })
    }

    /// Removes a lock. Answers with it, if there was one. No lock keeps a lock from being removed.
    ///
    /// # Errors
    /// As [`App::may`], or as the store.
    pub async fn delete_lock(
        &self,
        caller: &Caller,
        scope: &Scope,
        name: &ResourceName,
    ) -> Result<Option<Lock>, Error> {
        self.change(caller, |books| {
            demand(books, caller, DELETE, scope)?;
            let known = books.roles().lock(scope, name).cloned();
            let entry = books.remove_lock(scope, name);
            Ok((entry.into_iter().collect(), known))
        })
        .await
    }
}
