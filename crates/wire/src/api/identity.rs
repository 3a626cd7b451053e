//! Directories with their users, applications and groups.

use std::fmt::Write as _;

use domain::identity::{self, DirectoryOwner, DomainName, UserName};
use domain::ids::{ApplicationId, TenantId};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{InvalidMember, member, name, optional};

/// A directory to be created. Without an owner it is the platform's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewDirectory {
    /// Its id, which is its tenant id; operators alone choose it. Without one it is the first tenant of the customer that owns
    /// it, or a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// The domain that its users' names end in, such as `contoso.example`.
    pub domain: String,
    /// The partner that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_partner_id: Option<String>,
    /// The customer that it belongs to. It is then one of the customer's tenants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_customer_id: Option<String>,
}

impl NewDirectory {
    /// The directory's id if there is one, its name, its domain and its owner.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn parts(self) -> Result<(Option<TenantId>, String, DomainName, DirectoryOwner), InvalidMember> {
        let partner = optional("ownerPartnerId", self.owner_partner_id.as_deref())?;
        let customer = optional("ownerCustomerId", self.owner_customer_id.as_deref())?;
        let owner = match (partner, customer) {
            (None, None) => DirectoryOwner::Platform,
            (Some(partner), None) => DirectoryOwner::Partner(partner),
            (None, Some(customer)) => DirectoryOwner::Customer(customer),
            (Some(_), Some(_)) => {
                let message = "expected one owner: a partner or a customer";
                return Err(InvalidMember::new("ownerCustomerId", message));
            }
        };
        let id = optional("id", self.id.as_deref())?;
        Ok((
            id,
            name("name", self.name)?,
            member("domain", &self.domain)?,
            owner,
        ))
    }
}

/// A directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    /// Its id, which is its tenant id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The domain that its users' names end in.
    pub domain: String,
    /// The partner that it belongs to. Without this and without a customer it is the platform's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_partner_id: Option<String>,
    /// The customer that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_customer_id: Option<String>,
}

impl From<&identity::Directory> for Directory {
    fn from(directory: &identity::Directory) -> Self {
        let (partner, customer) = match directory.owner {
            DirectoryOwner::Platform => (None, None),
            DirectoryOwner::Partner(partner) => (Some(partner), None),
            DirectoryOwner::Customer(customer) => (None, Some(customer)),
        };
        Self {
            id: directory.id.to_string(),
            name: directory.name.clone(),
            domain: directory.domain.to_string(),
            owner_partner_id: partner.map(|partner| partner.to_string()),
            owner_customer_id: customer.map(|customer| customer.to_string()),
        }
    }
}

/// A user to be created. Not shown in any output, because it holds the password.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUser {
    /// The name that it will sign in with, such as `anna@contoso.example`. It ends in the directory's domain.
    pub name: String,
    /// Its name for people; without one, the name that it signs in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Its first password.
    pub password: String,
}

impl NewUser {
    /// The user's name, its name for people, and its password.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn parts(self) -> Result<(UserName, String, String), InvalidMember> {
        let user_name: UserName = member("name", &self.name)?;
        let display_name = self.display_name.unwrap_or_else(|| user_name.to_string());
        Ok((user_name, name("displayName", display_name)?, self.password))
    }
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Its object id: what roles are given to.
    pub id: String,
    /// The directory.
    pub directory_id: String,
    /// The name that it signs in with.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// Whether it may sign in.
    pub enabled: bool,
}

impl From<&identity::User> for User {
    fn from(user: &identity::User) -> Self {
        Self {
            id: user.id.to_string(),
            directory_id: user.directory.to_string(),
            name: user.name.to_string(),
            display_name: user.display_name.clone(),
            enabled: user.enabled,
        }
    }
}

/// Another password. Not shown in any output.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetPassword {
    /// The password.
    pub password: String,
}

/// Another password of the caller's own. Not shown in any output.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePassword {
    /// The password that it is now.
    pub old_password: String,
    /// The password that it is to be.
    pub new_password: String,
}

/// An application to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewApplication {
    /// Its id, if scripts know it by one already; without one, the server chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name.
    pub name: String,
}

impl NewApplication {
    /// The application's id if there is one, and its name.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn parts(self) -> Result<(Option<ApplicationId>, String), InvalidMember> {
        Ok((optional("id", self.id.as_deref())?, name("name", self.name)?))
    }
}

/// An application: a program that signs in with secrets or certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Its id, which it signs in with.
    pub id: String,
    /// The object id of its service principal: what roles are given to.
    pub service_principal_id: String,
    /// The directory.
    pub directory_id: String,
    /// Its name.
    pub name: String,
    /// Whether it may sign in.
    pub enabled: bool,
    /// Its secrets, the oldest first.
    pub secrets: Vec<SecretKept>,
    /// Its certificates, the oldest first.
    pub certificates: Vec<Certificate>,
}

impl From<&identity::Application> for Application {
    fn from(application: &identity::Application) -> Self {
        let secrets = application.secrets.iter().map(|secret| SecretKept {
            id: secret.id.to_string(),
            expires: secret.expires.to_string(),
        });
        Self {
            id: application.id.to_string(),
            service_principal_id: application.service_principal.to_string(),
            directory_id: application.directory.to_string(),
            name: application.name.clone(),
            enabled: application.enabled,
            secrets: secrets.collect(),
            certificates: application.certificates.iter().map(Certificate::from).collect(),
        }
    }
}

/// What is shown of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKept {
    /// Its id: what it is removed by.
    pub id: String,
    /// From when on it is no longer accepted.
    pub expires: String,
}

/// A secret to be added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSecret {
    /// From when on it shall no longer be accepted, as in `2027-06-30T00:00:00Z`; without it, in a year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

impl NewSecret {
    /// From when on it shall no longer be accepted, if that is said.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn expires(&self) -> Result<Option<Timestamp>, InvalidMember> {
        optional("expires", self.expires.as_deref())
    }
}

/// A secret that was added. Its text is shown this once. Not shown in any output.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// Its id: what it is removed by.
    pub id: String,
    /// The secret itself. It cannot be asked for again.
    pub text: String,
    /// From when on it is no longer accepted.
    pub expires: String,
}

/// A certificate to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewCertificate {
    /// The certificate in PEM form, without its private key.
    pub pem: String,
}

/// A certificate of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// Its id: what it is removed by.
    pub id: String,
    /// Its SHA-1 thumbprint, in upper-case hexadecimal digits: how tools name it.
    pub sha1_thumbprint: String,
    /// Its SHA-256 thumbprint.
    pub sha256_thumbprint: String,
    /// From when on it is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// From when on it is no longer accepted.
    pub expires: String,
}

impl From<&identity::ClientCertificate> for Certificate {
    fn from(certificate: &identity::ClientCertificate) -> Self {
        Self {
            id: certificate.id.to_string(),
            sha1_thumbprint: hexadecimal(&certificate.sha1),
            sha256_thumbprint: hexadecimal(&certificate.sha256),
            not_before: certificate.not_before.map(|it| it.to_string()),
            expires: certificate.expires.to_string(),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text never fails.
        let _ = write!(text, "{byte:02X}");
        text
    })
}

/// A group to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewGroup {
    /// Its name.
    pub name: String,
}

impl NewGroup {
    /// The group's name.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn name(self) -> Result<String, InvalidMember> {
        name("name", self.name)
    }
}

/// A group: users and service principals of one directory that are given roles together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Its object id: what roles are given to.
    pub id: String,
    /// The directory.
    pub directory_id: String,
    /// Its name.
    pub name: String,
    /// The object ids of those in it.
    pub members: Vec<String>,
}

impl From<&identity::Group> for Group {
    fn from(group: &identity::Group) -> Self {
        Self {
            id: group.id.to_string(),
            directory_id: group.directory.to_string(),
            name: group.name.clone(),
            members: group.members.iter().map(ToString::to_string).collect(),
        }
    }
}
