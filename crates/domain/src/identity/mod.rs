//! Who signs in: directories with their users, applications and groups.
//!
//! A client that signs in may say nothing but the id of its application or the name of its user, so these are unique
//! over all directories, and the directory is found from them. Accounts of directories that are kept elsewhere are not
//! in here: they are known by their object ids alone.

mod name;
mod session;

use std::collections::BTreeSet;
use std::fmt;

pub use name::{DomainName, InvalidDomainName, InvalidUserName, UserName};
pub use session::{REPEAT_GRACE, SESSION_LIFETIME_MAX, Session, Shown};

use crate::ids::{ApplicationId, CredentialId, CustomerId, ObjectId, PartnerId, TenantId};
use crate::time::Timestamp;

/// Whose directory it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DirectoryOwner {
    /// The platform's own.
    Platform,
    /// A partner's.
    Partner(PartnerId),
    /// A customer's; the directory is one of its tenants.
    Customer(CustomerId),
}

/// A directory whose accounts are kept here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Its id.
    pub id: TenantId,
    /// Its name, for people.
    pub name: String,
    /// The domain that its users' names end in.
    pub domain: DomainName,
    /// Whose it is.
    pub owner: DirectoryOwner,
}

/// What is kept of a password: an argon2id hash with its parameters, as PHC text. It is not shown in any output.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The hash with this PHC text.
    #[must_use]
    pub const fn from_phc(text: String) -> Self {
        Self(text)
    }

    /// The hash as PHC text.
    #[must_use]
    pub fn as_phc(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A person in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its object in the directory.
    pub id: ObjectId,
    /// The directory.
    pub directory: TenantId,
    /// The name it signs in with; its domain is the directory's.
    pub name: UserName,
    /// Its name, for people.
    pub display_name: String,
    /// What is kept of its password.
    pub password: PasswordHash,
    /// Whether it may sign in.
    pub enabled: bool,
}

/// A program with credentials of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Its id, under which it signs in.
    pub id: ApplicationId,
    /// The object in the directory that it acts as: what roles are given to.
    pub service_principal: ObjectId,
    /// The directory.
    pub directory: TenantId,
    /// Its name, for people.
    pub name: String,
    /// Its secrets, the oldest first.
    pub secrets: Vec<ClientSecret>,
    /// Its certificates, the oldest first.
    pub certificates: Vec<ClientCertificate>,
    /// Whether it may sign in.
    pub enabled: bool,
}

/// What is kept of a secret that an application proves itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSecret {
    /// Its id: what it is removed by.
    pub id: CredentialId,
    /// The digest of its text. The text holds 256 random bits, so it needs no salt and no slow function.
    pub digest: [u8; 32],
    /// The moment from which on it is no longer accepted.
    pub expires: Timestamp,
}

/// A certificate whose private key an application proves itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its id: what it is removed by.
    pub id: CredentialId,
    /// The SHA-256 digest of its DER form, by which some clients name it.
    pub sha256: [u8; 32],
    /// The SHA-1 digest of its DER form, by which the others do. It only names; nothing rests on its strength.
    pub sha1: [u8; 20],
    /// Its public RSA key: the DER form of SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// The moment from which on it is accepted; none of certificates that were added when only their end was kept.
    pub not_before: Option<Timestamp>,
    /// The moment from which on it is no longer accepted.
    pub expires: Timestamp,
}

/// How a client names the certificate that it signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thumbprint {
    /// The SHA-1 digest of the certificate.
    Sha1([u8; 20]),
    /// The SHA-256 digest of the certificate.
    Sha256([u8; 32]),
}

/// Whether something is valid at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Not yet.
    ToCome,
    /// It is.
    Now,
    /// Not any more.
    Over,
}

/// How many seconds a certificate may come too early: the clock of whoever made it need not be ours *(ours)*. Its end is
/// its end.
const EARLY_SECONDS_MAX: i64 = 5 * 60;

impl ClientSecret {
    /// Whether it is valid at a moment.
    #[must_use]
    pub fn validity(&self, at: Timestamp) -> Validity {
        if at < self.expires {
            Validity::Now
        } else {
            Validity::Over
        }
    }
}

impl ClientCertificate {
    /// Whether it is valid at a moment.
    #[must_use]
    pub fn validity(&self, at: Timestamp) -> Validity {
        let early = |from: Timestamp| from.as_second().saturating_sub(at.as_second());
        if at >= self.expires {
            Validity::Over
        } else if self
            .not_before
            .is_some_and(|from| early(from) > EARLY_SECONDS_MAX)
        {
            Validity::ToCome
        } else {
            Validity::Now
        }
    }

    /// Whether a client that gives this thumbprint means this certificate.
    #[must_use]
    pub fn is_named_by(&self, thumbprint: &Thumbprint) -> bool {
        match thumbprint {
            Thumbprint::Sha1(digest) => self.sha1 == *digest,
            Thumbprint::Sha256(digest) => self.sha256 == *digest,
        }
    }
}

/// Users and service principals of one directory that are given roles together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its object in the directory.
    pub id: ObjectId,
    /// The directory.
    pub directory: TenantId,
    /// Its name, for people.
    pub name: String,
    /// The users and service principals in it. A group is never in another one *(ours)*.
    pub members: BTreeSet<ObjectId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_valid_from_its_beginning_on_but_for_other_clocks_and_to_its_very_end() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let certificate = |not_before| ClientCertificate {
            id: CredentialId::from_bytes([0; 16]),
            sha256: [0; 32],
            sha1: [0; 20],
            public_key: Vec::new(),
            not_before,
            expires: at(2000),
        };
        for (not_before, moment, validity) in [
            (Some(1000), 699, Validity::ToCome),
            (Some(1000), 700, Validity::Now),
            (Some(1000), 1000, Validity::Now),
            (Some(1000), 1999, Validity::Now),
            (Some(1000), 2000, Validity::Over),
            (Some(3000), 2000, Validity::Over),
            (None, 0, Validity::Now),
            (None, 2000, Validity::Over),
        ] {
            let found = certificate(not_before.map(at)).validity(at(moment));
            assert_eq!(found, validity, "{not_before:?} at {moment}");
        }
    }
}
