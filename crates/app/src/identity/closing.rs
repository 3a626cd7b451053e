//! Deleting directories, and users, applications and groups in them. Who was deleted signs in no more, what it was given
//! before is void, and nobody gets its id again; what it did keeps its name.

use domain::books::Entry;
use domain::ids::{ApplicationId, ObjectId, TenantId};

use super::{managed, managed_application, managed_group, managed_user};
use crate::access::Caller;
use crate::{App, Error};

fn deleted(entry: Entry) -> (Vec<Entry>, ()) {
    (vec![entry], ())
}

impl App {
    /// Deletes a directory that nobody is in any more.
    ///
    /// # Errors
    /// `DirectoryNotFound`, [`domain::books::DeletionRefused`], or as the store.
    pub async fn delete_directory(&self, caller: &Caller, id: TenantId) -> Result<(), Error> {
        self.change(caller, |books| {
            let directory = managed(books, caller, id)?;
            Ok(deleted(books.delete_directory(directory)?))
        })
        .await
    }

    /// Deletes a user.
    ///
    /// # Errors
    /// `UserNotFound`, `LastPlatformOperator`, or as the store.
    pub async fn delete_user(&self, caller: &Caller, id: ObjectId) -> Result<(), Error> {
        let now = self.clock.now();
        self.change(caller, |books| {
            let user = managed_user(books, caller, id)?;
            Ok(deleted(books.delete_user(user, now)?))
        })
        .await?;
        self.forget_void_sessions_of(id).await;
        Ok(())
    }

    /// Deletes an application.
    ///
    /// # Errors
    /// `ApplicationNotFound`, `LastPlatformOperator`, or as the store.
    pub async fn delete_application(&self, caller: &Caller, id: ApplicationId) -> Result<(), Error> {
        let now = self.clock.now();
        self.change(caller, |books| {
            let application = managed_application(books, caller, id)?;
            Ok(deleted(books.delete_application(application, now)?))
        })
        .await?;
        self.forget_void_sessions_with(id).await;
        Ok(())
    }

    /// Deletes a group. Its members stay.
    ///
    /// # Errors
    /// `GroupNotFound`, `LastPlatformOperator`, or as the store.
    pub async fn delete_group(&self, caller: &Caller, id: ObjectId) -> Result<(), Error> {
        let now = self.clock.now();
        self.change(caller, |books| {
            let group = managed_group(books, caller, id)?;
            Ok(deleted(books.delete_group(group, now)?))
        })
        .await
    }
}
