//! The part of the books that says who signs in.

mod closing;
mod opening;

use std::collections::{BTreeMap, BTreeSet};

use crate::authorization::PrincipalKind;
use crate::identity::{
    Application, ClientCertificate, ClientSecret, Directory, DirectoryOwner, DomainName, Group, PasswordHash,
    User, UserName,
};
use crate::ids::{ApplicationId, CredentialId, ObjectId, TenantId};
use crate::timeline::Recorded;

pub use opening::DirectoryRefused;

/// One fact about who signs in, as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryEntry {
    /// A directory was created.
    DirectoryCreated(Directory),
    /// A user was created.
    UserCreated(User),
    /// A user got another password.
    PasswordSet {
        /// The user.
        user: ObjectId,
        /// What is kept of the password.
        password: PasswordHash,
    },
    /// A user may sign in from now on, or may not.
    UserEnabledSet {
        /// The user.
        user: ObjectId,
        /// Whether it may.
        enabled: bool,
    },
    /// An application was created, without credentials yet.
    ApplicationCreated {
        /// Its id.
        id: ApplicationId,
        /// The object that it acts as.
        service_principal: ObjectId,
        /// The directory.
        directory: TenantId,
        /// Its name, for people.
        name: String,
    },
    /// An application may sign in from now on, or may not.
    ApplicationEnabledSet {
        /// The application.
        application: ApplicationId,
        /// Whether it may.
        enabled: bool,
    },
    /// An application got a secret.
    SecretAdded {
        /// The application.
        application: ApplicationId,
        /// What is kept of the secret.
        secret: ClientSecret,
    },
    /// An application got a certificate.
    CertificateAdded {
        /// The application.
        application: ApplicationId,
        /// The certificate.
        certificate: ClientCertificate,
    },
    /// A secret or certificate of an application is no longer accepted.
    CredentialRemoved {
        /// The application.
        application: ApplicationId,
        /// The secret or certificate.
        credential: CredentialId,
    },
    /// A group was created, without members yet.
    GroupCreated {
        /// Its id.
        id: ObjectId,
        /// The directory.
        directory: TenantId,
        /// Its name, for people.
        name: String,
    },
    /// Somebody belongs to a group.
    MemberAdded {
        /// The group.
        group: ObjectId,
        /// The user or service principal.
        member: ObjectId,
    },
    /// Somebody belongs to a group no longer.
    MemberRemoved {
        /// The group.
        group: ObjectId,
        /// The user or service principal.
        member: ObjectId,
    },
    /// A directory was deleted. Nobody was in it any more.
    DirectoryDeleted {
        /// The directory.
        directory: TenantId,
    },
    /// A user was deleted, with what was given to it.
    UserDeleted {
        /// The user.
        user: ObjectId,
    },
    /// An application was deleted, with what was given to it.
    ApplicationDeleted {
        /// The application.
        application: ApplicationId,
    },
    /// A group was deleted, with what was given to it. Its members stay.
    GroupDeleted {
        /// The group.
        group: ObjectId,
    },
}

/// Who signs in.
#[derive(Debug, Clone, Default)]
pub struct Directories {
    directories: BTreeMap<TenantId, Directory>,
    by_domain: BTreeMap<DomainName, TenantId>,
    users: BTreeMap<ObjectId, User>,
    by_name: BTreeMap<UserName, ObjectId>,
    inside: BTreeMap<TenantId, Inside>,
    /// The entry since which a user's or a service principal's sign-ins are good.
    sign_ins_since: BTreeMap<ObjectId, u64>,
    applications: BTreeMap<ApplicationId, Application>,
    by_service_principal: BTreeMap<ObjectId, ApplicationId>,
    groups: BTreeMap<ObjectId, Group>,
    groups_of: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    former: BTreeMap<ObjectId, FormerObject>,
    former_applications: BTreeSet<ApplicationId>,
}

/// Who and what is in a directory.
#[derive(Debug, Clone, Default)]
struct Inside {
    users: BTreeMap<UserName, ObjectId>,
    applications: BTreeSet<ApplicationId>,
    groups: BTreeSet<ObjectId>,
}

/// What is kept of a user, service principal or group that was deleted: whoever reads what it did reads its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerObject {
    /// Its name, as it was last.
    pub name: String,
    /// Whose its directory was.
    pub owner: DirectoryOwner,
}

/// An object of a directory.
#[derive(Debug, Clone, Copy)]
pub enum DirectoryObject<'a> {
    /// A person.
    User(&'a User),
    /// What an application acts as.
    ServicePrincipal(&'a Application),
    /// A group.
    Group(&'a Group),
}

impl DirectoryObject<'_> {
    /// The directory that it is in.
    #[must_use]
    pub const fn directory(&self) -> TenantId {
        match self {
            Self::User(user) => user.directory,
            Self::ServicePrincipal(application) => application.directory,
            Self::Group(group) => group.directory,
        }
    }

    /// What kind of object it is.
    #[must_use]
    pub const fn kind(&self) -> PrincipalKind {
        match self {
            Self::User(_) => PrincipalKind::User,
            Self::ServicePrincipal(_) => PrincipalKind::ServicePrincipal,
            Self::Group(_) => PrincipalKind::Group,
        }
    }
}

impl Directories {
    /// A directory.
    #[must_use]
    pub fn directory(&self, id: TenantId) -> Option<&Directory> {
        self.directories.get(&id)
    }

    /// The directory whose users' names end in this domain.
    #[must_use]
    pub fn directory_by_domain(&self, domain: &DomainName) -> Option<&Directory> {
        self.directories.get(self.by_domain.get(domain)?)
    }

    /// Every directory, by id.
    pub fn all(&self) -> impl Iterator<Item = &Directory> {
        self.directories.values()
    }

    /// A user.
    #[must_use]
    pub fn user(&self, id: ObjectId) -> Option<&User> {
        self.users.get(&id)
    }

    /// The user of this name.
    #[must_use]
    pub fn user_by_name(&self, name: &UserName) -> Option<&User> {
        self.users.get(self.by_name.get(name)?)
    }

    /// The users of a directory, by name.
    pub fn users(&self, directory: TenantId) -> impl Iterator<Item = &User> {
        let inside = self.inside.get(&directory).into_iter();
        let ids = inside.flat_map(|inside| inside.users.values());
        ids.filter_map(|id| self.users.get(id))
    }

    /// The number of the entry since which the sign-ins of a user or a service principal are good: of its creation, or of
    /// the last change of its password or of whether it may sign in. What somebody was given before it is void.
    #[must_use]
    pub fn sign_ins_since(&self, object: ObjectId) -> Option<u64> {
        self.sign_ins_since.get(&object).copied()
    }

    /// An application.
    #[must_use]
    pub fn application(&self, id: ApplicationId) -> Option<&Application> {
        self.applications.get(&id)
    }

    /// The applications of a directory, by id.
    pub fn applications(&self, directory: TenantId) -> impl Iterator<Item = &Application> {
        let inside = self.inside.get(&directory).into_iter();
        let ids = inside.flat_map(|inside| &inside.applications);
        ids.filter_map(|id| self.applications.get(id))
    }

    /// A group.
    #[must_use]
    pub fn group(&self, id: ObjectId) -> Option<&Group> {
        self.groups.get(&id)
    }

    /// The groups of a directory, by id.
    pub fn groups(&self, directory: TenantId) -> impl Iterator<Item = &Group> {
        let inside = self.inside.get(&directory).into_iter();
        let ids = inside.flat_map(|inside| &inside.groups);
        ids.filter_map(|id| self.groups.get(id))
    }

    /// The groups that somebody belongs to.
    #[must_use]
    pub fn groups_of(&self, member: ObjectId) -> BTreeSet<ObjectId> {
        self.groups_of.get(&member).cloned().unwrap_or_default()
    }

    /// The user, service principal or group with this id.
    #[must_use]
    pub fn object(&self, id: ObjectId) -> Option<DirectoryObject<'_>> {
        if let Some(user) = self.users.get(&id) {
            return Some(DirectoryObject::User(user));
        }
        if let Some(group) = self.groups.get(&id) {
            return Some(DirectoryObject::Group(group));
        }
        let application = self.by_service_principal.get(&id)?;
        self.applications
            .get(application)
            .map(DirectoryObject::ServicePrincipal)
    }

    /// The user, service principal or group with this id that was deleted.
    #[must_use]
    pub fn former_object(&self, id: ObjectId) -> Option<&FormerObject> {
        self.former.get(&id)
    }

    /// Takes an entry in. Answers with the object that is gone by it.
    pub(super) fn take_in(
        &mut self,
        entry: &DirectoryEntry,
        recorded: Recorded,
    ) -> Result<Option<ObjectId>, &'static str> {
        match entry {
            DirectoryEntry::DirectoryCreated(directory) => self.add_directory(directory)?,
            DirectoryEntry::UserCreated(user) => self.add_user(user, recorded)?,
            DirectoryEntry::PasswordSet { user, password } => {
                self.user_mut(*user)?.password = password.clone();
                self.sign_ins_since.insert(*user, recorded.entry);
            }
            DirectoryEntry::UserEnabledSet { user, enabled } => {
                self.user_mut(*user)?.enabled = *enabled;
                self.sign_ins_since.insert(*user, recorded.entry);
            }
            DirectoryEntry::ApplicationCreated {
                id,
                service_principal,
                directory,
                name,
            } => {
                self.add_application(&Application {
                    id: *id,
                    service_principal: *service_principal,
                    directory: *directory,
                    name: name.clone(),
                    secrets: Vec::new(),
                    certificates: Vec::new(),
                    enabled: true,
                })?;
                self.sign_ins_since.insert(*service_principal, recorded.entry);
            }
            DirectoryEntry::ApplicationEnabledSet { application, enabled } => {
                let application = self.application_mut(*application)?;
                application.enabled = *enabled;
                let service_principal = application.service_principal;
                self.sign_ins_since.insert(service_principal, recorded.entry);
            }
            DirectoryEntry::SecretAdded { application, secret } => {
                self.application_mut(*application)?.secrets.push(secret.clone());
            }
            DirectoryEntry::CertificateAdded {
                application,
                certificate,
            } => {
                let application = self.application_mut(*application)?;
                application.certificates.push(certificate.clone());
            }
            DirectoryEntry::CredentialRemoved {
                application,
                credential,
            } => {
                let application = self.application_mut(*application)?;
                application.secrets.retain(|secret| secret.id != *credential);
                application
                    .certificates
                    .retain(|certificate| certificate.id != *credential);
            }
            DirectoryEntry::GroupCreated { id, directory, name } => self.add_group(Group {
                id: *id,
                directory: *directory,
                name: name.clone(),
                members: BTreeSet::new(),
            })?,
            DirectoryEntry::MemberAdded { group, member } => {
                self.group_mut(*group)?.members.insert(*member);
                self.groups_of.entry(*member).or_default().insert(*group);
            }
            DirectoryEntry::MemberRemoved { group, member } => {
                self.group_mut(*group)?.members.remove(member);
                if let Some(groups) = self.groups_of.get_mut(member) {
                    groups.remove(group);
                }
            }
            DirectoryEntry::DirectoryDeleted { .. }
            | DirectoryEntry::UserDeleted { .. }
            | DirectoryEntry::ApplicationDeleted { .. }
            | DirectoryEntry::GroupDeleted { .. } => return self.delete(entry),
        }
        Ok(None)
    }

    fn add_directory(&mut self, directory: &Directory) -> Result<(), &'static str> {
        if self.directories.contains_key(&directory.id) || self.by_domain.contains_key(&directory.domain) {
            return Err("the directory's id or domain was used before");
        }
        self.by_domain.insert(directory.domain.clone(), directory.id);
        self.directories.insert(directory.id, directory.clone());
        Ok(())
    }

    fn add_user(&mut self, user: &User, recorded: Recorded) -> Result<(), &'static str> {
        self.check_new_object(user.id, user.directory)?;
        if self.by_name.contains_key(&user.name) {
            return Err("the user's name was used before");
        }
        self.by_name.insert(user.name.clone(), user.id);
        let inside = self.inside.entry(user.directory).or_default();
        inside.users.insert(user.name.clone(), user.id);
        self.sign_ins_since.insert(user.id, recorded.entry);
        self.users.insert(user.id, user.clone());
        Ok(())
    }

    fn add_application(&mut self, application: &Application) -> Result<(), &'static str> {
        self.check_new_object(application.service_principal, application.directory)?;
        if self.applications.contains_key(&application.id)
            || self.former_applications.contains(&application.id)
        {
            return Err("the application's id was used before");
        }
        let inside = self.inside.entry(application.directory).or_default();
        inside.applications.insert(application.id);
        self.by_service_principal
            .insert(application.service_principal, application.id);
        self.applications.insert(application.id, application.clone());
        Ok(())
    }

    fn add_group(&mut self, group: Group) -> Result<(), &'static str> {
        self.check_new_object(group.id, group.directory)?;
        let inside = self.inside.entry(group.directory).or_default();
        inside.groups.insert(group.id);
        self.groups.insert(group.id, group);
        Ok(())
    }

    fn check_new_object(&self, id: ObjectId, directory: TenantId) -> Result<(), &'static str> {
        if !self.directories.contains_key(&directory) {
            return Err("the directory is unknown");
        }
        if self.object(id).is_some() || self.former.contains_key(&id) {
            return Err("the object's id was used before");
        }
        Ok(())
    }

    fn user_mut(&mut self, id: ObjectId) -> Result<&mut User, &'static str> {
        self.users.get_mut(&id).ok_or("the user is unknown")
    }

    fn application_mut(&mut self, id: ApplicationId) -> Result<&mut Application, &'static str> {
        self.applications.get_mut(&id).ok_or("the application is unknown")
    }

    fn group_mut(&mut self, id: ObjectId) -> Result<&mut Group, &'static str> {
        self.groups.get_mut(&id).ok_or("the group is unknown")
    }
}

#[cfg(test)]
mod tests;
