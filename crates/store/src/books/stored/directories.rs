//! The stored form of entries about who signs in.

use domain::books::DirectoryEntry;
use domain::identity::{
    ClientCertificate, ClientSecret, Directory, DirectoryOwner, DomainName, PasswordHash, User, UserName,
};
use domain::ids::{ApplicationId, CredentialId, CustomerId, ObjectId, PartnerId, TenantId};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Unreadable;
use super::parts::{Bytes, Text};

/// An entry about who signs in, version 1. Variants and members are those of [`DirectoryEntry`].
#[derive(Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum StoredDirectoryEntry {
    DirectoryCreated {
        id: Text<TenantId>,
        name: String,
        domain: Text<DomainName>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partner: Option<Text<PartnerId>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        customer: Option<Text<CustomerId>>,
    },
    UserCreated {
        id: Text<ObjectId>,
        directory: Text<TenantId>,
        name: Text<UserName>,
        display_name: String,
        password: String,
        enabled: bool,
    },
    PasswordSet {
        user: Text<ObjectId>,
        password: String,
    },
    UserEnabledSet {
        user: Text<ObjectId>,
        enabled: bool,
    },
    ApplicationCreated {
        id: Text<ApplicationId>,
        service_principal: Text<ObjectId>,
        directory: Text<TenantId>,
        name: String,
    },
    ApplicationEnabledSet {
        application: Text<ApplicationId>,
        enabled: bool,
    },
    SecretAdded {
        application: Text<ApplicationId>,
        id: Text<CredentialId>,
        digest: Bytes<32>,
        expires: Text<Timestamp>,
    },
    CertificateAdded {
        application: Text<ApplicationId>,
        id: Text<CredentialId>,
        sha256: Bytes<32>,
        sha1: Bytes<20>,
        public_key: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_before: Option<Text<Timestamp>>,
        expires: Text<Timestamp>,
    },
    CredentialRemoved {
        application: Text<ApplicationId>,
        credential: Text<CredentialId>,
    },
    GroupCreated {
        id: Text<ObjectId>,
        directory: Text<TenantId>,
        name: String,
    },
    MemberAdded {
        group: Text<ObjectId>,
        member: Text<ObjectId>,
    },
    MemberRemoved {
        group: Text<ObjectId>,
        member: Text<ObjectId>,
    },
    DirectoryDeleted {
        directory: Text<TenantId>,
    },
    UserDeleted {
        user: Text<ObjectId>,
    },
    ApplicationDeleted {
        application: Text<ApplicationId>,
    },
    GroupDeleted {
        group: Text<ObjectId>,
    },
}

impl From<&DirectoryEntry> for StoredDirectoryEntry {
    fn from(entry: &DirectoryEntry) -> Self {
        match entry {
            DirectoryEntry::DirectoryCreated(directory) => stored_directory(directory),
            DirectoryEntry::UserCreated(user) => stored_user(user),
            DirectoryEntry::PasswordSet { user, password } => Self::PasswordSet {
                user: Text(*user),
                password: password.as_phc().to_owned(),
            },
            DirectoryEntry::UserEnabledSet { user, enabled } => Self::UserEnabledSet {
                user: Text(*user),
                enabled: *enabled,
            },
            DirectoryEntry::ApplicationCreated {
                id,
                service_principal,
                directory,
                name,
            } => Self::ApplicationCreated {
                id: Text(*id),
                service_principal: Text(*service_principal),
                directory: Text(*directory),
                name: name.clone(),
            },
            DirectoryEntry::ApplicationEnabledSet { application, enabled } => Self::ApplicationEnabledSet {
                application: Text(*application),
                enabled: *enabled,
            },
            DirectoryEntry::SecretAdded { application, secret } => Self::SecretAdded {
                application: Text(*application),
                id: Text(secret.id),
                digest: Bytes(secret.digest),
                expires: Text(secret.expires),
            },
            DirectoryEntry::CertificateAdded {
                application,
                certificate,
            } => Self::CertificateAdded {
                application: Text(*application),
                id: Text(certificate.id),
                sha256: Bytes(certificate.sha256),
                sha1: Bytes(certificate.sha1),
                public_key: hex::encode(&certificate.public_key),
                not_before: certificate.not_before.map(Text),
                expires: Text(certificate.expires),
            },
            DirectoryEntry::CredentialRemoved {
                application,
                credential,
            } => Self::CredentialRemoved {
                application: Text(*application),
                credential: Text(*credential),
            },
            DirectoryEntry::GroupCreated { id, directory, name } => Self::GroupCreated {
                id: Text(*id),
                directory: Text(*directory),
                name: name.clone(),
            },
            DirectoryEntry::MemberAdded { group, member } => Self::MemberAdded {
                group: Text(*group),
                member: Text(*member),
            },
            DirectoryEntry::MemberRemoved { group, member } => Self::MemberRemoved {
                group: Text(*group),
                member: Text(*member),
            },
            DirectoryEntry::DirectoryDeleted { directory } => Self::DirectoryDeleted {
                directory: Text(*directory),
            },
            DirectoryEntry::UserDeleted { user } => Self::UserDeleted { user: Text(*user) },
            DirectoryEntry::ApplicationDeleted { application } => Self::ApplicationDeleted {
                application: Text(*application),
            },
            DirectoryEntry::GroupDeleted { group } => Self::GroupDeleted { group: Text(*group) },
        }
    }
}

fn stored_directory(directory: &Directory) -> StoredDirectoryEntry {
    let (partner, customer) = match directory.owner {
        DirectoryOwner::Platform => (None, None),
        DirectoryOwner::Partner(partner) => (Some(Text(partner)), None),
        DirectoryOwner::Customer(customer) => (None, Some(Text(customer))),
    };
    StoredDirectoryEntry::DirectoryCreated {
        id: Text(directory.id),
        name: directory.name.clone(),
        domain: Text(directory.domain.clone()),
        partner,
        customer,
    }
}

fn stored_user(user: &User) -> StoredDirectoryEntry {
    StoredDirectoryEntry::UserCreated {
        id: Text(user.id),
        directory: Text(user.directory),
        name: Text(user.name.clone()),
        display_name: user.display_name.clone(),
        password: user.password.as_phc().to_owned(),
        enabled: user.enabled,
    }
}

impl TryFrom<StoredDirectoryEntry> for DirectoryEntry {
    type Error = Unreadable;

    fn try_from(stored: StoredDirectoryEntry) -> Result<Self, Unreadable> {
        use StoredDirectoryEntry as Stored;
        Ok(match stored {
            Stored::DirectoryCreated {
                id,
                name,
                domain,
                partner,
                customer,
            } => Self::DirectoryCreated(Directory {
                id: id.0,
                name,
                domain: domain.0,
                owner: owner(partner, customer)?,
            }),
            Stored::UserCreated {
                id,
                directory,
                name,
                display_name,
                password,
                enabled,
            } => Self::UserCreated(User {
                id: id.0,
                directory: directory.0,
                name: name.0,
                display_name,
                password: PasswordHash::from_phc(password),
                enabled,
            }),
            Stored::PasswordSet { user, password } => Self::PasswordSet {
                user: user.0,
                password: PasswordHash::from_phc(password),
            },
            Stored::UserEnabledSet { user, enabled } => Self::UserEnabledSet {
                user: user.0,
                enabled,
            },
            Stored::ApplicationCreated {
                id,
                service_principal,
                directory,
                name,
            } => Self::ApplicationCreated {
                id: id.0,
                service_principal: service_principal.0,
                directory: directory.0,
                name,
            },
            Stored::ApplicationEnabledSet { application, enabled } => Self::ApplicationEnabledSet {
                application: application.0,
                enabled,
            },
            Stored::SecretAdded {
                application,
                id,
                digest,
                expires,
            } => Self::SecretAdded {
                application: application.0,
                secret: ClientSecret {
                    id: id.0,
                    digest: digest.0,
                    expires: expires.0,
                },
            },
            Stored::CertificateAdded {
                application,
                id,
                sha256,
                sha1,
                public_key,
                not_before,
                expires,
            } => Self::CertificateAdded {
                application: application.0,
                certificate: ClientCertificate {
                    id: id.0,
                    sha256: sha256.0,
                    sha1: sha1.0,
                    public_key: hex::decode(public_key)
                        .map_err(|error| Unreadable::Value(error.to_string()))?,
                    not_before: not_before.map(|it| it.0),
                    expires: expires.0,
                },
            },
            Stored::CredentialRemoved {
                application,
                credential,
            } => Self::CredentialRemoved {
                application: application.0,
                credential: credential.0,
            },
            Stored::GroupCreated { id, directory, name } => Self::GroupCreated {
                id: id.0,
                directory: directory.0,
                name,
            },
            Stored::MemberAdded { group, member } => Self::MemberAdded {
                group: group.0,
                member: member.0,
            },
            Stored::MemberRemoved { group, member } => Self::MemberRemoved {
                group: group.0,
                member: member.0,
            },
            Stored::DirectoryDeleted { directory } => Self::DirectoryDeleted {
                directory: directory.0,
            },
            Stored::UserDeleted { user } => Self::UserDeleted { user: user.0 },
            Stored::ApplicationDeleted { application } => Self::ApplicationDeleted {
                application: application.0,
            },
            Stored::GroupDeleted { group } => Self::GroupDeleted { group: group.0 },
        })
    }
}

fn owner(
    partner: Option<Text<PartnerId>>,
    customer: Option<Text<CustomerId>>,
) -> Result<DirectoryOwner, Unreadable> {
    match (partner, customer) {
        (None, None) => Ok(DirectoryOwner::Platform),
        (Some(partner), None) => Ok(DirectoryOwner::Partner(partner.0)),
        (None, Some(customer)) => Ok(DirectoryOwner::Customer(customer.0)),
        (Some(_), Some(_)) => Err(Unreadable::Value("a directory with two owners".to_owned())),
    }
}
