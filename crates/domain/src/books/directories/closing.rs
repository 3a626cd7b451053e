//! Closing directories: which directories, users, applications and groups may be deleted, and what stays of them.

use super::super::{Books, DeletionRefused, Entry, Loss, Remaining};
use super::{Directories, DirectoryEntry, FormerObject};
use crate::identity::{Application, Directory, Group, User};
use crate::ids::{ObjectId, TenantId};
use crate::time::Timestamp;

impl Directories {
    /// Takes in that something was deleted. Answers with the object that is gone by it.
    pub(super) fn delete(&mut self, entry: &DirectoryEntry) -> Result<Option<ObjectId>, &'static str> {
        match entry {
            DirectoryEntry::DirectoryDeleted { directory } => {
                let deleted = self.directories.remove(directory);
                let deleted = deleted.ok_or("the directory is unknown")?;
                self.by_domain.remove(&deleted.domain);
                self.inside.remove(directory);
                Ok(None)
            }
            DirectoryEntry::UserDeleted { user } => {
                let user = self.users.remove(user).ok_or("the user is unknown")?;
                self.by_name.remove(&user.name);
                if let Some(inside) = self.inside.get_mut(&user.directory) {
                    inside.users.remove(&user.name);
                }
                self.keep_name(user.id, user.directory, user.name.to_string())
            }
            DirectoryEntry::ApplicationDeleted { application } => {
                let application = self.applications.remove(application);
                let application = application.ok_or("the application is unknown")?;
                self.by_service_principal.remove(&application.service_principal);
                self.former_applications.insert(application.id);
                if let Some(inside) = self.inside.get_mut(&application.directory) {
                    inside.applications.remove(&application.id);
                }
                self.keep_name(
                    application.service_principal,
                    application.directory,
                    application.name,
                )
            }
            DirectoryEntry::GroupDeleted { group } => {
                let group = self.groups.remove(group).ok_or("the group is unknown")?;
                for member in &group.members {
                    if let Some(groups) = self.groups_of.get_mut(member) {
                        groups.remove(&group.id);
                    }
                }
                if let Some(inside) = self.inside.get_mut(&group.directory) {
                    inside.groups.remove(&group.id);
                }
                self.keep_name(group.id, group.directory, group.name)
            }
            _ => Ok(None),
        }
    }

    /// An object is gone: it is in no group any more, and what is kept of it is its name.
    fn keep_name(
        &mut self,
        object: ObjectId,
        directory: TenantId,
        name: String,
    ) -> Result<Option<ObjectId>, &'static str> {
        let directory = self
            .directories
            .get(&directory)
            .ok_or("the directory is unknown")?;
        let owner = directory.owner;
        for group in self.groups_of.remove(&object).into_iter().flatten() {
            if let Some(group) = self.groups.get_mut(&group) {
                group.members.remove(&object);
            }
        }
        self.sign_ins_since.remove(&object);
        self.former.insert(object, FormerObject { name, owner });
        Ok(Some(object))
    }
}

/// What may be deleted. It has to be there.
impl Books {
    /// Deletes a directory.
    ///
    /// # Errors
    /// [`DeletionRefused`] as long as somebody or something is in it.
    pub fn delete_directory(&self, directory: &Directory) -> Result<Entry, DeletionRefused> {
        let (id, what, all) = (directory.id, "directory", &self.directories);
        let users = all.users(id).map(|it| Some(it.name.to_string()));
        Remaining::Users.refuse(what, users)?;
        let applications = all.applications(id).map(|it| Some(it.id.to_string()));
        Remaining::Applications.refuse(what, applications)?;
        let groups = all.groups(id).map(|it| Some(it.id.to_string()));
        Remaining::Groups.refuse(what, groups)?;
        Ok(DirectoryEntry::DirectoryDeleted { directory: id }.into())
    }

    /// Deletes a user, with what was given to it.
    ///
    /// # Errors
    /// [`DeletionRefused::LastOperator`].
    pub fn delete_user(&self, user: &User, now: Timestamp) -> Result<Entry, DeletionRefused> {
        self.check_operated_without(Loss::Object(user.id), now)?;
        Ok(DirectoryEntry::UserDeleted { user: user.id }.into())
    }

    /// Deletes an application, with its secrets and certificates and what was given to it.
    ///
    /// # Errors
    /// [`DeletionRefused::LastOperator`].
    pub fn delete_application(
        &self,
        application: &Application,
        now: Timestamp,
    ) -> Result<Entry, DeletionRefused> {
        self.check_operated_without(Loss::Object(application.service_principal), now)?;
        let application = application.id;
        Ok(DirectoryEntry::ApplicationDeleted { application }.into())
    }

    /// Deletes a group, with what was given to it. Its members stay.
    ///
    /// # Errors
    /// [`DeletionRefused::LastOperator`].
    pub fn delete_group(&self, group: &Group, now: Timestamp) -> Result<Entry, DeletionRefused> {
        self.check_operated_without(Loss::Object(group.id), now)?;
        Ok(DirectoryEntry::GroupDeleted { group: group.id }.into())
    }
}
