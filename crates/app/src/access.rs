//! Who calls, and what they may do. The one place that decides it.
//!
//! There are two kinds of credentials: an operator's, which may do everything, and a stack's activation key, which is
//! good for delivering that stack's usage and its directory, and only while its registration is live. Directories
//! of users, and roles, find their place here.

use domain::books::Entry;
use domain::ids::{CloudId, ObjectId, OperatorId, RegistrationId};

use crate::{App, Error, Kind};

/// Somebody who proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// An operator of the platform.
    Operator {
        /// The account.
        id: OperatorId,
        /// Its name.
        name: String,
    },
    /// A registered stack.
    Stack {
        /// The stack.
        cloud_id: CloudId,
        /// Its registration.
        registration: RegistrationId,
    },
}

impl Caller {
    /// The id under which what they do is recorded.
    #[must_use]
    pub const fn id(&self) -> ObjectId {
        match self {
            Self::Operator { id, .. } => ObjectId::from_uuid(id.as_uuid()),
            Self::Stack { registration, .. } => ObjectId::from_uuid(registration.as_uuid()),
        }
    }
}

/// What a caller wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Run the platform: everything but delivering usage.
    Operate,
    /// Deliver usage of this stack.
    DeliverUsage(CloudId),
    /// Deliver the directory of this stack.
    DeliverDirectory(CloudId),
}

/// The digest under which an operator's credential is kept.
pub type CredentialDigest = [u8; 32];

impl App {
    /// The operator whose credential has this digest.
    ///
    /// # Errors
    /// [`Kind::Unauthenticated`] if there is none.
    pub fn operator(&self, digest: &CredentialDigest) -> Result<Caller, Error> {
        self.read(|books| {
            books
                .operator_by_credential(digest)
                .map(|operator| Caller::Operator { id: operator.id, name: operator.name.clone() })
        })
        .ok_or_else(|| {
            Error::new(
                Kind::Unauthenticated,
                "AuthenticationFailed",
                "The credential is not known. Send an operator's credential or a stack's activation key as bearer \
                 token.",
            )
        })
    }

    /// The stack whose activation key names this registration.
    ///
    /// # Errors
    /// [`Kind::Unauthenticated`] if the registration has ended since the key was made.
    pub fn registered_stack(&self, cloud_id: CloudId, registration: RegistrationId) -> Result<Caller, Error> {
        let live = self.read(|books| books.registration_of_stack(cloud_id).map(|live| live.id));
        if live == Some(registration) {
            return Ok(Caller::Stack {
                cloud_id,
                registration,
            });
        }
        Err(Error::new(
            Kind::Unauthenticated,
            "ActivationKeyRevoked",
            "The activation key is of a registration that was deleted. Get the key of the live registration and \
             activate the stack with it.",
        ))
    }

    /// Whether a caller may do what they want to.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] if not.
    pub fn authorize(&self, caller: &Caller, right: Right) -> Result<(), Error> {
        match (caller, right) {
            (Caller::Operator { .. }, Right::Operate | Right::DeliverDirectory(_)) => Ok(()),
            (Caller::Stack { cloud_id, .. }, Right::DeliverUsage(of) | Right::DeliverDirectory(of))
                if *cloud_id == of =>
            {
                Ok(())
            }
            (Caller::Operator { .. }, Right::DeliverUsage(_)) => Err(Error::new(
                Kind::Forbidden,
                "ActivationKeyRequired",
                "Usage is delivered with the activation key of the stack's registration, and with nothing else. \
                 Get it with POST …/registrations/{name}/getActivationKey.",
            )),
            (Caller::Stack { cloud_id, .. }, _) => Err(Error::new(
                Kind::Forbidden,
                "AuthorizationFailed",
                format!("The activation key of stack {cloud_id} is good for delivering its own usage only."),
            )),
        }
    }

    /// Admits an operator. The caller keeps the credential; only its digest is stored.
    ///
    /// # Errors
    /// As the store.
    pub async fn admit_operator(&self, name: &str, digest: CredentialDigest) -> Result<OperatorId, Error> {
        let id = OperatorId::from_uuid(self.random.uuid());
        let operator = domain::books::Operator {
            id,
            name: name.to_owned(),
            credential_digest: digest,
        };
        let by = ObjectId::from_uuid(id.as_uuid());
        self.enter(by, |_| Ok((vec![Entry::OperatorAdmitted(operator.clone())], ())))
            .await?;
        Ok(id)
    }

    /// Whether anybody operates the platform yet.
    #[must_use]
    pub fn has_operators(&self) -> bool {
        self.read(|books| books.operators().next().is_some())
    }
}
