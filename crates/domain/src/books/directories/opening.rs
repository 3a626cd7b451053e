//! Opening directories: which directories, users, applications and groups may be entered.

use super::super::{Books, DeletionRefused, Entry, Limit, LimitReached, Loss};
use super::DirectoryEntry;
use crate::authorization::View;
use crate::identity::{Application, ClientCertificate, ClientSecret, Directory, DirectoryOwner, Group, User};
use crate::ids::{ApplicationId, CredentialId, ObjectId, PartnerId, TenantId};
use crate::time::Timestamp;

/// The most characters of a name for people.
const NAME_CHARS_MAX: usize = 256;

/// Why an entry about a directory is not made. The text says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryRefused {
    /// A name for people is empty or too long.
    #[error("expected a name of 1 to {NAME_CHARS_MAX} characters")]
    Name(&'static str),
    /// The directory is not there.
    #[error("Directory {0} does not exist.")]
    UnknownDirectory(TenantId),
    /// The user is not there.
    #[error("User {0} does not exist.")]
    UnknownUser(ObjectId),
    /// The application is not there.
    #[error("Application {0} does not exist.")]
    UnknownApplication(ApplicationId),
    /// The group is not there.
    #[error("Group {0} does not exist.")]
    UnknownGroup(ObjectId),
    /// The application has no such secret or certificate.
    #[error("the application has no secret or certificate {0}")]
    UnknownCredential(CredentialId),
    /// The id is taken.
    #[error("an object with id {0} exists already; ids are given once")]
    IdTaken(String),
    /// The application has the certificate already.
    #[error(
        "the application has this certificate already, as credential {id} with the SHA-1 thumbprint {thumbprint}"
    )]
    CertificateKnown {
        /// Its id.
        id: CredentialId,
        /// Its SHA-1 digest, in hexadecimal.
        thumbprint: String,
    },
    /// The domain is another directory's.
    #[error("domain {0} belongs to another directory; choose another one")]
    DomainTaken(String),
    /// The name is another user's.
    #[error("a user with the name {0} exists already; choose another one")]
    UserNameTaken(String),
    /// The user's name ends in something else than the directory's domain.
    #[error("the names of this directory's users end in @{0}")]
    DomainDiffers(String),
    /// The owner of a directory is not there.
    #[error("the directory's owner does not exist; create the partner or the customer first")]
    UnknownOwner,
    /// A customer's directory that is not one of its tenants, or the other way round.
    #[error("directory {0} belongs to a customer when and only when it is one of its tenants")]
    OwnerIsNotTenant(TenantId),
    /// The member is no user or service principal of the group's directory.
    #[error("{0} is no user or service principal of the group's directory; a group has no other members")]
    NotAMember(ObjectId),
    /// The credential has expired already.
    #[error("expected a moment in the future at which it expires")]
    Expired,
    /// The id was of something that was deleted.
    #[error("an object with id {0} was deleted; ids are given once: choose another one")]
    IdWasUsed(String),
    /// There are too many already.
    #[error(transparent)]
    TooMany(#[from] LimitReached),
    /// Nobody could operate the platform.
    #[error(transparent)]
    LastOperator(#[from] DeletionRefused),
}

impl DirectoryRefused {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name(_) => "InvalidName",
            Self::UnknownDirectory(_) => "DirectoryNotFound",
            Self::UnknownUser(_) => "UserNotFound",
            Self::UnknownApplication(_) => "ApplicationNotFound",
            Self::UnknownGroup(_) => "GroupNotFound",
            Self::UnknownCredential(_) => "CredentialNotFound",
            Self::IdTaken(_) | Self::CertificateKnown { .. } => "AlreadyExists",
            Self::DomainTaken(_) => "DomainTaken",
            Self::UserNameTaken(_) => "UserNameTaken",
            Self::DomainDiffers(_) => "UserNameOutsideDomain",
            Self::UnknownOwner => "DirectoryOwnerNotFound",
            Self::OwnerIsNotTenant(_) => "DirectoryOwnerIsNotTenant",
            Self::NotAMember(_) => "InvalidGroupMember",
            Self::Expired => "InvalidExpiry",
            Self::IdWasUsed(_) => "IdWasUsed",
            Self::TooMany(LimitReached(limit)) => limit.code(),
            Self::LastOperator(refused) => refused.code(),
        }
    }

    /// The member of the request that is at fault.
    #[must_use]
    pub const fn target(&self) -> Option<&'static str> {
        Some(match self {
            Self::Name(member) => member,
            Self::UnknownDirectory(_) => "directoryId",
            Self::UnknownUser(_) => "userId",
            Self::UnknownApplication(_) | Self::TooMany(LimitReached(Limit::CredentialsOfApplication)) => {
                "applicationId"
            }
            Self::UnknownGroup(_) | Self::TooMany(LimitReached(Limit::MembersOfGroup)) => "groupId",
            Self::TooMany(LimitReached(Limit::DirectoriesOfOwner)) => "owner",
            Self::TooMany(_) => "directoryId",
            Self::UnknownCredential(_) => "credentialId",
            Self::IdTaken(_) | Self::IdWasUsed(_) => "id",
            Self::CertificateKnown { .. } => "pem",
            Self::DomainTaken(_) => "domain",
            Self::UserNameTaken(_) | Self::DomainDiffers(_) => "name",
            Self::UnknownOwner | Self::OwnerIsNotTenant(_) => "owner",
            Self::NotAMember(_) => "memberId",
            Self::Expired => "expires",
            Self::LastOperator(_) => return None,
        })
    }
}

fn check_name(name: &str, member: &'static str) -> Result<(), DirectoryRefused> {
    if (1..=NAME_CHARS_MAX).contains(&name.trim().chars().count()) {
        Ok(())
    } else {
        Err(DirectoryRefused::Name(member))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02X}"))
}

/// What can be entered about directories. Deciding is pure; the ids were drawn before.
impl Books {
    /// The partner that a directory's owner is or is sold to by; none for the platform.
    #[must_use]
    pub fn partner_of(&self, owner: DirectoryOwner) -> Option<PartnerId> {
        match owner {
            DirectoryOwner::Platform => None,
            DirectoryOwner::Partner(partner) => Some(partner),
            DirectoryOwner::Customer(customer) => self.customer(customer).map(|customer| customer.partner),
        }
    }

    /// Whether somebody manages what belongs to an owner.
    #[must_use]
    pub fn manages(&self, view: &View, owner: DirectoryOwner) -> bool {
        let partner = self.partner_of(owner);
        view.everything || partner.is_some_and(|partner| view.acts_for(partner))
    }

    /// A directory that has to be there.
    ///
    /// # Errors
    /// [`DirectoryRefused::UnknownDirectory`].
    pub fn known_directory(&self, id: TenantId) -> Result<&Directory, DirectoryRefused> {
        let known = self.directories.directory(id);
        known.ok_or(DirectoryRefused::UnknownDirectory(id))
    }

    /// A user that has to be there.
    ///
    /// # Errors
    /// [`DirectoryRefused::UnknownUser`].
    pub fn known_user(&self, id: ObjectId) -> Result<&User, DirectoryRefused> {
        self.directories.user(id).ok_or(DirectoryRefused::UnknownUser(id))
    }

    /// An application that has to be there.
    ///
    /// # Errors
    /// [`DirectoryRefused::UnknownApplication`].
    pub fn known_application(&self, id: ApplicationId) -> Result<&Application, DirectoryRefused> {
        let known = self.directories.application(id);
        known.ok_or(DirectoryRefused::UnknownApplication(id))
    }

    /// A group that has to be there.
    ///
    /// # Errors
    /// [`DirectoryRefused::UnknownGroup`].
    pub fn known_group(&self, id: ObjectId) -> Result<&Group, DirectoryRefused> {
        self.directories
            .group(id)
            .ok_or(DirectoryRefused::UnknownGroup(id))
    }

    /// Creates a directory.
    ///
    /// # Errors
    /// [`DirectoryRefused`] if its name, id or domain is not free, its owner does not go with its id, or the owner has too
    /// many. The id of one that was deleted may be used again: it is that of a tenant.
    pub fn create_directory(&self, directory: Directory) -> Result<Entry, DirectoryRefused> {
        check_name(&directory.name, "name")?;
        if self.directories.directory(directory.id).is_some() {
            return Err(DirectoryRefused::IdTaken(directory.id.to_string()));
        }
        if self.directories.directory_by_domain(&directory.domain).is_some() {
            return Err(DirectoryRefused::DomainTaken(directory.domain.to_string()));
        }
        let known = match directory.owner {
            DirectoryOwner::Platform => true,
            DirectoryOwner::Partner(partner) => self.partner(partner).is_some(),
            DirectoryOwner::Customer(customer) => self.customer(customer).is_some(),
        };
        if !known {
            return Err(DirectoryRefused::UnknownOwner);
        }
        let tenant_of = self
            .customer_of_tenant(directory.id)
            .map(|customer| DirectoryOwner::Customer(customer.id));
        let is_customers = matches!(directory.owner, DirectoryOwner::Customer(_));
        if (tenant_of.is_some() || is_customers) && tenant_of != Some(directory.owner) {
            return Err(DirectoryRefused::OwnerIsNotTenant(directory.id));
        }
        let others = self.directories.all().filter(|it| it.owner == directory.owner);
        Limit::DirectoriesOfOwner.admits_one_more(others.count())?;
        Ok(DirectoryEntry::DirectoryCreated(directory).into())
    }

    /// Creates a user.
    ///
    /// # Errors
    /// [`DirectoryRefused`] if its name is not free or not of its directory's domain.
    pub fn create_user(&self, user: User) -> Result<Entry, DirectoryRefused> {
        check_name(&user.display_name, "displayName")?;
        let directory = self.known_directory(user.directory)?;
        if *user.name.domain() != directory.domain {
            return Err(DirectoryRefused::DomainDiffers(directory.domain.to_string()));
        }
        if self.directories.user_by_name(&user.name).is_some() {
            return Err(DirectoryRefused::UserNameTaken(user.name.to_string()));
        }
        self.check_free(user.id)?;
        Limit::UsersOfDirectory.admits_one_more(self.directories.users(user.directory).count())?;
        Ok(DirectoryEntry::UserCreated(user).into())
    }

    /// Creates an application, without credentials.
    ///
    /// # Errors
    /// [`DirectoryRefused`] if its id is taken or its directory is not there.
    pub fn create_application(
        &self,
        id: ApplicationId,
        service_principal: ObjectId,
        directory: TenantId,
        name: &str,
    ) -> Result<Entry, DirectoryRefused> {
        check_name(name, "name")?;
        self.known_directory(directory)?;
        if self.directories.application(id).is_some() {
            return Err(DirectoryRefused::IdTaken(id.to_string()));
        }
        if self.directories.former_applications.contains(&id) {
            return Err(DirectoryRefused::IdWasUsed(id.to_string()));
        }
        self.check_free(service_principal)?;
        Limit::ApplicationsOfDirectory.admits_one_more(self.directories.applications(directory).count())?;
        let name = name.to_owned();
        Ok(DirectoryEntry::ApplicationCreated {
            id,
            service_principal,
            directory,
            name,
        }
        .into())
    }

    /// Creates a group, without members.
    ///
    /// # Errors
    /// [`DirectoryRefused`] if its directory is not there.
    pub fn create_group(
        &self,
        id: ObjectId,
        directory: TenantId,
        name: &str,
    ) -> Result<Entry, DirectoryRefused> {
        check_name(name, "name")?;
        self.known_directory(directory)?;
        self.check_free(id)?;
        Limit::GroupsOfDirectory.admits_one_more(self.directories.groups(directory).count())?;
        let name = name.to_owned();
        Ok(DirectoryEntry::GroupCreated { id, directory, name }.into())
    }

    fn check_free(&self, id: ObjectId) -> Result<(), DirectoryRefused> {
        if self.directories.object(id).is_some() {
            return Err(DirectoryRefused::IdTaken(id.to_string()));
        }
        match self.directories.former_object(id) {
            Some(_) => Err(DirectoryRefused::IdWasUsed(id.to_string())),
            None => Ok(()),
        }
    }

    /// Adds a secret to an application.
    ///
    /// # Errors
    /// [`DirectoryRefused`] if it has expired, or there are too many.
    pub fn add_secret(
        &self,
        application: ApplicationId,
        secret: ClientSecret,
        now: Timestamp,
    ) -> Result<Entry, DirectoryRefused> {
        self.check_credential(application, secret.expires, now)?;
        Ok(DirectoryEntry::SecretAdded { application, secret }.into())
    }

    /// Adds a certificate to an application.
    ///
    /// # Errors
    /// [`DirectoryRefused`] if it has expired, or there are too many.
    pub fn add_certificate(
        &self,
        application: ApplicationId,
        certificate: ClientCertificate,
        now: Timestamp,
    ) -> Result<Entry, DirectoryRefused> {
        let known = self.check_credential(application, certificate.expires, now)?;
        let mut others = known.certificates.iter();
        if let Some(same) = others.find(|it| it.sha256 == certificate.sha256) {
            return Err(DirectoryRefused::CertificateKnown {
                id: same.id,
                thumbprint: hexadecimal(&same.sha1),
            });
        }
        Ok(DirectoryEntry::CertificateAdded {
            application,
            certificate,
        }
        .into())
    }

    fn check_credential(
        &self,
        application: ApplicationId,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<&Application, DirectoryRefused> {
        let known = self.known_application(application)?;
        if expires <= now {
            return Err(DirectoryRefused::Expired);
        }
        Limit::CredentialsOfApplication.admits_one_more(known.secrets.len() + known.certificates.len())?;
        Ok(known)
    }

    /// Removes a secret or a certificate of an application.
    ///
    /// # Errors
    /// [`DirectoryRefused`] if it is not there, or nobody could operate the platform without it.
    pub fn remove_credential(
        &self,
        application: ApplicationId,
        credential: CredentialId,
        now: Timestamp,
    ) -> Result<Entry, DirectoryRefused> {
        let known = self.known_application(application)?;
        let mut ids = known
            .secrets
            .iter()
            .map(|it| it.id)
            .chain(known.certificates.iter().map(|it| it.id));
        if !ids.any(|id| id == credential) {
            return Err(DirectoryRefused::UnknownCredential(credential));
        }
        let loss = Loss::Credential {
            application,
            credential,
        };
        self.check_operated_without(loss, now)?;
        Ok(DirectoryEntry::CredentialRemoved {
            application,
            credential,
        }
        .into())
    }

    /// Adds a user or service principal to a group of its directory. Adding it again enters nothing.
    ///
    /// # Errors
    /// [`DirectoryRefused`] if it is something else, or there are too many.
    pub fn add_member(&self, group: ObjectId, member: ObjectId) -> Result<Option<Entry>, DirectoryRefused> {
        let known = self.known_group(group)?;
        let object = self.directories.object(member);
        let fits = object
            .is_some_and(|it| it.kind() != super::PrincipalKind::Group && it.directory() == known.directory);
        if !fits {
            return Err(DirectoryRefused::NotAMember(member));
        }
        if known.members.contains(&member) {
            return Ok(None);
        }
        Limit::MembersOfGroup.admits_one_more(known.members.len())?;
        Ok(Some(DirectoryEntry::MemberAdded { group, member }.into()))
    }

    /// Removes a member from a group. Removing who is not in it enters nothing.
    ///
    /// # Errors
    /// [`DirectoryRefused`] if the group is not there, or nobody could operate the platform without the member.
    pub fn remove_member(
        &self,
        group: ObjectId,
        member: ObjectId,
        now: Timestamp,
    ) -> Result<Option<Entry>, DirectoryRefused> {
        if !self.known_group(group)?.members.contains(&member) {
            return Ok(None);
        }
        self.check_operated_without(Loss::Membership { group, member }, now)?;
        Ok(Some(DirectoryEntry::MemberRemoved { group, member }.into()))
    }
}
