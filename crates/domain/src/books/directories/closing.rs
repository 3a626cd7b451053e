//! Closing directories: which directories, users, applications and groups may be deleted, and what stays of them.

use super::super::{Books, DeletionRefused, Entry, Remaining};
use super::{Directories, DirectoryEntry, FormerObject};
use crate::identity::{Application, Directory, Group, User};
use crate::ids::{ObjectId, TenantId};

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
        let (id, all) = (directory.id, &self.directories);
        let refuse = |remaining, example| DeletionRefused::still_needed("directory", remaining, example);
        if let Some(user) = all.users(id).next() {
            return Err(refuse(Remaining::Users, user.name.to_string()));
        }
        if let Some(application) = all.applications(id).next() {
            return Err(refuse(Remaining::Applications, application.id.to_string()));
        }
        if let Some(group) = all.groups(id).next() {
            return Err(refuse(Remaining::Groups, group.id.to_string()));
        }
        Ok(DirectoryEntry::DirectoryDeleted { directory: id }.into())
    }

    /// Deletes a user, with what was given to it.
    ///
    /// # Errors
    /// [`DeletionRefused::LastOperator`].
    pub fn delete_user(&self, user: &User) -> Result<Entry, DeletionRefused> {
        self.check_operated_without(user.id)?;
        Ok(DirectoryEntry::UserDeleted { user: user.id }.into())
    }

    /// Deletes an application, with its secrets and certificates and what was given to it.
    ///
    /// # Errors
    /// [`DeletionRefused::LastOperator`].
    pub fn delete_application(&self, application: &Application) -> Result<Entry, DeletionRefused> {
        self.check_operated_without(application.service_principal)?;
        let application = application.id;
        Ok(DirectoryEntry::ApplicationDeleted { application }.into())
    }

    /// Deletes a group, with what was given to it. Its members stay.
    ///
    /// # Errors
    /// [`DeletionRefused::LastOperator`].
    pub fn delete_group(&self, group: &Group) -> Result<Entry, DeletionRefused> {
        self.check_operated_without(group.id)?;
        Ok(DirectoryEntry::GroupDeleted { group: group.id }.into())
    }
}
