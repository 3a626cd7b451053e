//! That somebody operates the platform, whatever is taken away: by a credential, or by a role that an account has which
//! can sign in. Accounts of directories kept elsewhere count.

use super::DeletionRefused;
use crate::authorization::PartnerRole;
use crate::books::{Books, DirectoryObject};
use crate::identity::{Application, Validity};
use crate::ids::{ApplicationId, CredentialId, ObjectId};
use crate::time::Timestamp;

/// Something that somebody may operate the platform by, and that is to be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// A user or a service principal that signs in no more, or a group that is there no more.
    Object(ObjectId),
    /// The role of a platform operator that a user, service principal or group has itself.
    OperatorRole(ObjectId),
    /// What somebody has by belonging to a group.
    Membership {
        /// The group.
        group: ObjectId,
        /// The user or service principal.
        member: ObjectId,
    },
    /// A secret or a certificate.
    Credential {
        /// The application.
        application: ApplicationId,
        /// The secret or certificate.
        credential: CredentialId,
    },
}

impl Books {
    /// Whether somebody still operates the platform after a loss. Where nobody does before it, it is no loss.
    ///
    /// # Errors
    /// [`DeletionRefused::LastOperator`] if not.
    pub fn check_operated_without(&self, loss: Loss, now: Timestamp) -> Result<(), DeletionRefused> {
        if self.is_operated(Some(loss), now) || !self.is_operated(None, now) {
            Ok(())
        } else {
            Err(DeletionRefused::LastOperator)
        }
    }

    fn is_operated(&self, lost: Option<Loss>, now: Timestamp) -> bool {
        let holders = self.roles.holders(PartnerRole::PlatformOperator);
        let mut left = holders.filter(|holder| lost != Some(Loss::OperatorRole(*holder)));
        self.operators().any(|it| !it.revoked) || left.any(|holder| self.is_used(holder, lost, now))
    }

    /// Whether somebody can sign in who has what was given to this user, service principal or group.
    fn is_used(&self, holder: ObjectId, lost: Option<Loss>, now: Timestamp) -> bool {
        let Some(group) = self.directories.group(holder) else {
            return self.can_sign_in(holder, lost, now);
        };
        let mut members = group.members.iter().copied().filter(|member| {
            let (group, member) = (holder, *member);
            lost != Some(Loss::Membership { group, member })
        });
        lost != Some(Loss::Object(holder)) && members.any(|member| self.can_sign_in(member, lost, now))
    }

    fn can_sign_in(&self, id: ObjectId, lost: Option<Loss>, now: Timestamp) -> bool {
        if lost == Some(Loss::Object(id)) {
            return false;
        }
        match self.directories.object(id) {
            Some(DirectoryObject::User(user)) => user.enabled,
            Some(DirectoryObject::ServicePrincipal(application)) => {
                application.enabled && has_credential(application, lost, now)
            }
            Some(DirectoryObject::Group(_)) => false,
            None => self.directories.former_object(id).is_none(),
        }
    }
}

/// Whether an application has a secret or a certificate that is good now.
fn has_credential(application: &Application, lost: Option<Loss>, now: Timestamp) -> bool {
    let secrets = application.secrets.iter().map(|it| (it.id, it.validity(now)));
    let certificates = application
        .certificates
        .iter()
        .map(|it| (it.id, it.validity(now)));
    let mut good = secrets
        .chain(certificates)
        .filter(|(_, validity)| *validity == Validity::Now);
    let application = application.id;
    good.any(|(credential, _)| {
        lost != Some(Loss::Credential {
            application,
            credential,
        })
    })
}

#[cfg(test)]
mod tests;
