//! Users, applications with their credentials, and groups.

use domain::books::{DirectoryEntry, Loss};
use domain::identity::{Application, ClientCertificate, Group, User, UserName};
use domain::ids::{ApplicationId, CredentialId, ObjectId, TenantId};
use domain::time::Timestamp;

use super::secret::NewSecret;
use super::{managed, managed_application, managed_group, managed_user, native, password};
use crate::access::Caller;
use crate::accounts::Created;
use crate::{App, Error};

/// A user to be created. Not shown in any output, because it holds the password.
#[derive(Clone)]
pub struct NewUser {
    /// The directory.
    pub directory: TenantId,
    /// The name it will sign in with.
    pub name: UserName,
    /// Its name, for people.
    pub display_name: String,
    /// Its first password.
    pub password: String,
}

/// An application to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApplication {
    /// The directory.
    pub directory: TenantId,
    /// Its name, for people.
    pub name: String,
    /// Its id, if scripts know it by one already.
    pub id: Option<ApplicationId>,
}

impl App {
    /// Creates a user, who may sign in at once.
    ///
    /// # Errors
    /// `InvalidPassword`, [`domain::books::DirectoryRefused`], or as the store.
    pub async fn create_user(&self, caller: &Caller, new: NewUser) -> Result<User, Error> {
        self.read(|books| managed(books, caller, new.directory).map(|_| ()))?;
        let NewUser {
            directory,
            name,
            display_name,
            password,
        } = new;
        let user = User {
            id: ObjectId::from_uuid(self.random.uuid()),
            directory,
            name,
            display_name,
            password: self.hash(password).await?,
            enabled: true,
        };
        self.change(caller, |books| {
            managed(books, caller, directory)?;
            Ok((vec![books.create_user(user.clone())?], user.clone()))
        })
        .await
    }

    /// Gives a user another password. Where it was signed in before, it has to sign in again.
    ///
    /// # Errors
    /// `UserNotFound`, `InvalidPassword`, or as the store.
    pub async fn set_password(&self, caller: &Caller, user: ObjectId, password: String) -> Result<(), Error> {
        self.read(|books| managed_user(books, caller, user).map(|_| ()))?;
        let password = self.hash(password).await?;
        self.change(caller, |books| {
            managed_user(books, caller, user)?;
            let password = password.clone();
            Ok((vec![DirectoryEntry::PasswordSet { user, password }.into()], ()))
        })
        .await?;
        self.forget_void_sessions_of(user).await;
        Ok(())
    }

    pub(super) async fn hash(&self, password: String) -> Result<domain::identity::PasswordHash, Error> {
        password::check(&password)?;
        let mut salt = [0; password::SALT_BYTES];
        self.random.fill(&mut salt);
        self.sign_ins.hashing.hash(password, salt).await
    }

    /// Lets a user sign in, or keeps it from that: at once, with what it was given before, too.
    ///
    /// # Errors
    /// `UserNotFound`, `LastPlatformOperator`, or as the store.
    pub async fn set_user_enabled(
        &self,
        caller: &Caller,
        user: ObjectId,
        enabled: bool,
    ) -> Result<User, Error> {
        let now = self.clock.now();
        let changed = self.change(caller, |books| {
            let known = managed_user(books, caller, user)?;
            if !enabled {
                books.check_operated_without(Loss::Object(user), now)?;
            }
            let entry =
                (known.enabled != enabled).then(|| DirectoryEntry::UserEnabledSet { user, enabled }.into());
            Ok((
                entry.into_iter().collect(),
                User {
                    enabled,
                    ..known.clone()
                },
            ))
        });
        let changed = changed.await?;
        self.forget_void_sessions_of(user).await;
        Ok(changed)
    }

    /// A user of a directory that the caller manages.
    ///
    /// # Errors
    /// `UserNotFound`.
    pub fn user(&self, caller: &Caller, id: ObjectId) -> Result<User, Error> {
        self.read(|books| managed_user(books, caller, id).cloned())
    }

    /// The users of a directory by name: those after `after`, `limit` at the most.
    ///
    /// # Errors
    /// `DirectoryNotFound`.
    pub fn users(
        &self,
        caller: &Caller,
        directory: TenantId,
        after: Option<&UserName>,
        limit: usize,
    ) -> Result<Vec<User>, Error> {
        self.read(|books| {
            managed(books, caller, directory)?;
            let users = books.directories().users(directory);
            let rest = users.filter(|user| after.is_none_or(|after| user.name > *after));
            Ok(rest.take(limit).cloned().collect())
        })
    }

    /// Creates an application. It has no credentials yet.
    ///
    /// # Errors
    /// `ReservedApplicationId`, `ReservedApplicationName`, [`domain::books::DirectoryRefused`], or as the store.
    pub async fn create_application(
        &self,
        caller: &Caller,
        new: NewApplication,
    ) -> Result<Application, Error> {
        let id = new
            .id
            .unwrap_or_else(|| ApplicationId::from_uuid(self.random.uuid()));
        let service_principal = ObjectId::from_uuid(self.random.uuid());
        self.change(caller, |books| {
            managed(books, caller, new.directory)?;
            native::check(id, &new.name)?;
            let entry = books.create_application(id, service_principal, new.directory, &new.name)?;
            let application = Application {
                id,
                service_principal,
                directory: new.directory,
                name: new.name.clone(),
                secrets: Vec::new(),
                certificates: Vec::new(),
                enabled: true,
            };
            Ok((vec![entry], application))
        })
        .await
    }

    /// Lets an application sign in, or keeps it from that: at once, with what it and the people who use it were given before,
    /// too.
    ///
    /// # Errors
    /// `ApplicationNotFound`, `LastPlatformOperator`, or as the store.
    pub async fn set_application_enabled(
        &self,
        caller: &Caller,
        application: ApplicationId,
        enabled: bool,
    ) -> Result<Application, Error> {
        let now = self.clock.now();
        let changed = self.change(caller, |books| {
            let known = managed_application(books, caller, application)?;
            if !enabled {
                books.check_operated_without(Loss::Object(known.service_principal), now)?;
            }
            let entry = DirectoryEntry::ApplicationEnabledSet { application, enabled };
            let entry = (known.enabled != enabled).then(|| entry.into());
            Ok((
                entry.into_iter().collect(),
                Application {
                    enabled,
                    ..known.clone()
                },
            ))
        });
        let changed = changed.await?;
        self.forget_void_sessions_with(application).await;
        Ok(changed)
    }

    /// An application of a directory that the caller manages.
    ///
    /// # Errors
    /// `ApplicationNotFound`.
    pub fn application(&self, caller: &Caller, id: ApplicationId) -> Result<Application, Error> {
        self.read(|books| managed_application(books, caller, id).cloned())
    }

    /// The applications of a directory by id: those after `after`, `limit` at the most.
    ///
    /// # Errors
    /// `DirectoryNotFound`.
    pub fn applications(
        &self,
        caller: &Caller,
        directory: TenantId,
        after: Option<ApplicationId>,
        limit: usize,
    ) -> Result<Vec<Application>, Error> {
        self.read(|books| {
            managed(books, caller, directory)?;
            let applications = books.directories().applications(directory);
            let rest = applications.filter(|it| after.is_none_or(|after| it.id > after));
            Ok(rest.take(limit).cloned().collect())
        })
    }

    /// Adds a secret to an application. Its text is in the answer and nowhere else: it cannot be asked for again.
    ///
    /// # Errors
    /// `ApplicationNotFound`, `InvalidExpiry`, `TooManyCredentials`, or as the store.
    pub async fn add_secret(
        &self,
        caller: &Caller,
        application: ApplicationId,
        expires: Timestamp,
    ) -> Result<NewSecret, Error> {
        let now = self.clock.now();
        let (new, kept) = NewSecret::draw(&*self.random, expires);
        self.change(caller, |books| {
            managed_application(books, caller, application)?;
            Ok((vec![books.add_secret(application, kept.clone(), now)?], ()))
        })
        .await?;
        Ok(new)
    }

    /// Adds a certificate to an application. Its own id is not looked at: it gets one.
    ///
    /// # Errors
    /// `ApplicationNotFound`, `InvalidExpiry`, `TooManyCredentials`, `AlreadyExists`, or as the store.
    pub async fn add_certificate(
        &self,
        caller: &Caller,
        application: ApplicationId,
        certificate: ClientCertificate,
    ) -> Result<ClientCertificate, Error> {
        let now = self.clock.now();
        let id = CredentialId::from_uuid(self.random.uuid());
        let certificate = ClientCertificate { id, ..certificate };
        self.change(caller, |books| {
            managed_application(books, caller, application)?;
            let entry = books.add_certificate(application, certificate.clone(), now)?;
            Ok((vec![entry], certificate.clone()))
        })
        .await
    }

    /// Removes a secret or a certificate of an application: it is not accepted any longer.
    ///
    /// # Errors
    /// `ApplicationNotFound`, `CredentialNotFound`, `LastPlatformOperator`, or as the store.
    pub async fn remove_credential(
        &self,
        caller: &Caller,
        application: ApplicationId,
        credential: CredentialId,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        self.change(caller, |books| {
            managed_application(books, caller, application)?;
            let entry = books.remove_credential(application, credential, now)?;
            Ok((vec![entry], ()))
        })
        .await
    }

    /// Creates a group. Nobody is in it yet.
    ///
    /// # Errors
    /// [`domain::books::DirectoryRefused`], or as the store.
    pub async fn create_group(
        &self,
        caller: &Caller,
        directory: TenantId,
        name: &str,
    ) -> Result<Group, Error> {
        let id = ObjectId::from_uuid(self.random.uuid());
        self.change(caller, |books| {
            managed(books, caller, directory)?;
            let entry = books.create_group(id, directory, name)?;
            let (name, members) = (name.to_owned(), std::collections::BTreeSet::new());
            Ok((
                vec![entry],
                Group {
                    id,
                    directory,
                    name,
                    members,
                },
            ))
        })
        .await
    }

    /// Adds a user or service principal to a group. Tells whether it was not in it.
    ///
    /// # Errors
    /// `GroupNotFound`, `InvalidGroupMember`, `TooManyMembers`, or as the store.
    pub async fn add_member(
        &self,
        caller: &Caller,
        group: ObjectId,
        member: ObjectId,
    ) -> Result<Created, Error> {
        self.change(caller, |books| {
            managed_group(books, caller, group)?;
            let entry = books.add_member(group, member)?;
            let created = entry.is_some().into();
            Ok((entry.into_iter().collect(), created))
        })
        .await
    }

    /// Removes a member from a group. Tells whether it was in it.
    ///
    /// # Errors
    /// `GroupNotFound`, `LastPlatformOperator`, or as the store.
    pub async fn remove_member(
        &self,
        caller: &Caller,
        group: ObjectId,
        member: ObjectId,
    ) -> Result<bool, Error> {
        let now = self.clock.now();
        self.change(caller, |books| {
            managed_group(books, caller, group)?;
            let entry = books.remove_member(group, member, now)?;
            let removed = entry.is_some();
            Ok((entry.into_iter().collect(), removed))
        })
        .await
    }

    /// A group of a directory that the caller manages.
    ///
    /// # Errors
    /// `GroupNotFound`.
    pub fn group(&self, caller: &Caller, id: ObjectId) -> Result<Group, Error> {
        self.read(|books| managed_group(books, caller, id).cloned())
    }

    /// The groups of a directory by id: those after `after`, `limit` at the most.
    ///
    /// # Errors
    /// `DirectoryNotFound`.
    pub fn groups(
        &self,
        caller: &Caller,
        directory: TenantId,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<Group>, Error> {
        self.read(|books| {
            managed(books, caller, directory)?;
            let groups = books.directories().groups(directory);
            let rest = groups.filter(|it| after.is_none_or(|after| it.id > after));
            Ok(rest.take(limit).cloned().collect())
        })
    }
}
