//! Who calls, and what they may do. The one place that decides it.
//!
//! Three kinds of callers: an operator's credential, which may do everything but deliver usage; a stack's activation
//! key, which is good for delivering that stack's usage and its directory, and only while its registration is live; and
//! whoever signed in to a directory, who may do what roles allow. What roles allow is decided by
//! [`domain::authorization::View`] alone.

use std::collections::BTreeSet;

use domain::authorization::{PrincipalKind, READ_REGISTRATION, Scope};
use domain::books::{Books, Entry, Operator};
use domain::ids::{ApplicationId, CloudId, ObjectId, OperatorId, RegistrationId, SubscriptionId, TenantId};
use domain::registration::Registration;

use crate::accounts::subscription_not_found;
use crate::registrations::stack_not_registered;
use crate::{App, Error, Kind};

pub use domain::authorization::View;

/// Somebody who signed in to a directory, here or elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The object in the directory: what roles are given to.
    pub id: ObjectId,
    /// What kind of object it is: a person or a program.
    pub kind: PrincipalKind,
    /// The application that it is, or that a person uses.
    pub application: Option<ApplicationId>,
    /// The directory.
    pub tenant: TenantId,
    /// Its name: a person's user name, a program's name.
    pub name: String,
    /// The groups that it belongs to.
    pub groups: BTreeSet<ObjectId>,
}

impl Principal {
    /// What documented texts call it by: a program's application id, a person's user name.
    #[must_use]
    pub fn client(&self) -> String {
        match (self.kind, self.application) {
            (PrincipalKind::ServicePrincipal, Some(application)) => application.to_string(),
            _ => self.name.clone(),
        }
    }
}

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
    /// Somebody who signed in to a directory.
    Principal(Principal),
}

impl Caller {
    /// The id under which what they do is recorded.
    #[must_use]
    pub const fn id(&self) -> ObjectId {
        match self {
            Self::Operator { id, .. } => ObjectId::from_uuid(id.as_uuid()),
            Self::Stack { registration, .. } => ObjectId::from_uuid(registration.as_uuid()),
            Self::Principal(principal) => principal.id,
        }
    }
}

/// What a caller wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Run the platform: everything but delivering usage.
    Operate,
    /// Ask for what one may see, and change what one manages: the use-case shows nothing else.
    SignedIn,
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

    /// The stack whose activation key names this registration, and this generation of its keys.
    ///
    /// # Errors
    /// [`Kind::Unauthenticated`] if the registration has ended, or its keys were revoked, since the key was made.
    pub fn registered_stack(
        &self,
        cloud_id: CloudId,
        registration: RegistrationId,
        key_generation: u32,
    ) -> Result<Caller, Error> {
        let refused = |why: &str, what_to_do: &str| {
            let message = format!("The activation key is good no more: {why}. {what_to_do}");
            Err(Error::new(Kind::Unauthenticated, "ActivationKeyRevoked", message))
        };
        let revoked = |why: &str| {
            let present = "Get the one that is good now, with POST …/registrations/{name}/getActivationKey, and activate the \
                           stack with it.";
            refused(why, present)
        };
        let now = |books: &Books| {
            let live = books.registration_of_stack(cloud_id)?;
            Some((live.id, live.key_generation))
        };
        match self.read(now) {
            Some((live, good)) if live == registration && good == key_generation => Ok(Caller::Stack {
                cloud_id,
                registration,
            }),
            Some((live, _)) if live == registration => {
                revoked("the keys of its registration were revoked since it was made")
            }
            Some(_) => revoked("the stack was registered anew since it was made"),
            None => refused(
                "it is of a registration that was deleted, or that this server was not told of before the backup that it was \
                 restored from",
                "If the stack shall be registered still, register it anew, have the registration backdated to when the former \
                 one began, or those hours are charged to nobody, and activate the stack with the new key. A stack that \
                 delivers by bundle has its bundle key registered anew, too, and exports anew.",
            ),
        }
    }

    /// Whether a caller may do what they want to.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] if not.
    pub fn authorize(&self, caller: &Caller, right: Right) -> Result<(), Error> {
        match (caller, right) {
            (Caller::Operator { .. }, Right::Operate | Right::SignedIn | Right::DeliverDirectory(_))
            | (Caller::Principal(_), Right::SignedIn) => Ok(()),
            (Caller::Principal(principal), Right::Operate | Right::DeliverDirectory(_)) => {
                if self.view(caller).everything {
                    Ok(())
                } else {
                    Err(operators_only(principal))
                }
            }
            (Caller::Stack { cloud_id, .. }, Right::DeliverUsage(of) | Right::DeliverDirectory(of))
                if *cloud_id == of =>
            {
                Ok(())
            }
            (Caller::Operator { .. } | Caller::Principal(_), Right::DeliverUsage(_)) => Err(Error::new(
                Kind::Forbidden,
                "ActivationKeyRequired",
                "Usage is delivered with the activation key of the stack's registration, and with nothing else. \
                 Get it with POST …/registrations/{name}/getActivationKey.",
            )),
            (Caller::Stack { cloud_id, .. }, _) => Err(usage_only(*cloud_id)),
        }
    }

    /// Whether a caller may do something at a scope.
    ///
    /// # Errors
    /// `SubscriptionNotFound`, exactly as for one that does not exist, if the caller sees nothing of the subscription;
    /// else `AuthorizationFailed`.
    pub fn may(&self, caller: &Caller, action: &str, scope: &Scope) -> Result<(), Error> {
        self.read(|books| demand(books, caller, action, scope))
    }

    /// Whether a caller may do something with a stack: at its registration, or at its last one where that was deleted.
    /// A stack that was never registered is the platform's operators' business.
    ///
    /// # Errors
    /// `RegistrationNotFound`, exactly as for a stack that is not registered, if the caller sees nothing of the
    /// subscription; else `AuthorizationFailed`.
    pub fn may_with_stack(&self, caller: &Caller, action: &str, stack: CloudId) -> Result<(), Error> {
        self.read(|books| {
            let view = view_of(books, caller);
            let hidden = || {
                if view.everything {
                    Ok(())
                } else {
                    Err(stack_not_registered(stack))
                }
            };
            let Some(scope) = scope_of_stack(books, stack) else {
                return hidden();
            };
            let allowed = demand(books, caller, action, &scope);
            allowed.or_else(|error| {
                if error.kind == Kind::NotFound {
                    hidden()
                } else {
                    Err(error)
                }
            })
        })
    }

    /// What a caller may see and change.
    #[must_use]
    pub fn view(&self, caller: &Caller) -> View {
        self.read(|books| view_of(books, caller))
    }

    /// Admits an operator. The caller keeps the credential; only its digest is stored.
    ///
    /// # Errors
    /// As the store.
    pub async fn admit_operator(&self, name: &str, digest: CredentialDigest) -> Result<OperatorId, Error> {
        let operator = self.new_operator(name, digest);
        let by = ObjectId::from_uuid(operator.id.as_uuid());
        self.enter(by, |_| Ok((vec![Entry::OperatorAdmitted(operator.clone())], ())))
            .await?;
        Ok(operator.id)
    }

    /// The same, unless somebody was ever admitted: of two who begin with one store at once, one is told no (`false`), and
    /// nothing is entered for it.
    ///
    /// # Errors
    /// As the store.
    pub async fn admit_first_operator(&self, name: &str, digest: CredentialDigest) -> Result<bool, Error> {
        let operator = self.new_operator(name, digest);
        let by = ObjectId::from_uuid(operator.id.as_uuid());
        self.enter(by, |books| {
            let is_first = books.operators().next().is_none();
            let admitted = is_first.then(|| Entry::OperatorAdmitted(operator.clone()));
            Ok((admitted.into_iter().collect(), is_first))
        })
        .await
    }

    fn new_operator(&self, name: &str, digest: CredentialDigest) -> Operator {
        Operator {
            id: OperatorId::from_uuid(self.random.uuid()),
            name: name.to_owned(),
            credential_digest: digest,
        }
    }
}

/// What a caller may see and change.
pub(crate) fn view_of(books: &Books, caller: &Caller) -> View {
    match caller {
        Caller::Operator { .. } => View::of_operator(),
        Caller::Stack { .. } => View::default(),
        Caller::Principal(principal) => books.view(principal.id, &principal.groups),
    }
}

/// What a caller may see and change in a subscription.
pub(crate) fn view_within(books: &Books, caller: &Caller, subscription: SubscriptionId) -> View {
    match caller {
        Caller::Principal(principal) => {
            books.view_within(principal.id, &principal.groups, Some(subscription))
        }
        Caller::Operator { .. } | Caller::Stack { .. } => view_of(books, caller),
    }
}

/// Whether a caller may do something at a scope, by these books; see [`App::may`].
pub(crate) fn demand(books: &Books, caller: &Caller, action: &str, scope: &Scope) -> Result<(), Error> {
    let principal = match caller {
        Caller::Operator { .. } => return Ok(()),
        Caller::Stack { cloud_id, .. } => return Err(usage_only(*cloud_id)),
        Caller::Principal(principal) => principal,
    };
    let view = books.view_within(principal.id, &principal.groups, scope.subscription());
    let subscription = scope.subscription().and_then(|id| books.subscription(id));
    if view.allows(action, scope, subscription) {
        return Ok(());
    }
    match scope.subscription() {
        Some(id) if !subscription.is_some_and(|it| view.sees_subscription(it)) => {
            Err(subscription_not_found(&id.to_string()))
        }
        _ => Err(authorization_failed(principal, action, scope)),
    }
}

/// What roles with regard to a stack are about: its registration, or its last one.
pub(crate) fn scope_of_stack(books: &Books, stack: CloudId) -> Option<Scope> {
    let last = || {
        let terms = books.stack(stack)?.registration.assertions().iter().rev();
        let registration = terms
            .filter_map(|it| it.value)
            .map(|terms| terms.registration)
            .next()?;
        books.registration_by_id(registration)
    };
    let registration = books.registration_of_stack(stack).or_else(last)?;
    let Registration {
        subscription,
        resource_group,
        name,
        ..
    } = registration;
    Some(Scope::registration(*subscription, resource_group, name))
}

/// Whether a caller sees a stack: it reads its registration.
pub(crate) fn sees_stack(books: &Books, view: &View, stack: CloudId) -> bool {
    let scope = scope_of_stack(books, stack);
    let subscription = scope
        .as_ref()
        .and_then(Scope::subscription)
        .and_then(|id| books.subscription(id));
    view.everything || scope.is_some_and(|scope| view.allows(READ_REGISTRATION, &scope, subscription))
}

/// ARM's own text.
pub(crate) fn authorization_failed(principal: &Principal, action: &str, scope: &Scope) -> Error {
    let message = format!(
        "The client '{}' with object id '{}' does not have authorization to perform action '{action}' over scope \
         '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
        principal.client(),
        principal.id
    );
    Error::new(Kind::Forbidden, "AuthorizationFailed", message)
}

pub(crate) fn operators_only(principal: &Principal) -> Error {
    let message = format!(
        "The client '{}' with object id '{}' does not operate the platform. Send an operator's credential, or have an \
         operator give it the role of one.",
        principal.client(),
        principal.id
    );
    Error::new(Kind::Forbidden, "AuthorizationFailed", message)
}

/// What the agents of a partner alone do, its provider's not among them.
pub(crate) fn agents_only(principal: &Principal) -> Error {
    let message = format!(
        "The client '{}' with object id '{}' does not act for the partner whose business this is. Have one of that \
         partner's agents do this.",
        principal.client(),
        principal.id
    );
    Error::new(Kind::Forbidden, "AuthorizationFailed", message)
}

pub(crate) fn publishers_only(principal: &Principal) -> Error {
    let message = format!(
        "The client '{}' with object id '{}' acts for no partner, and price lists are published by those who sell. Have \
         one of the seller's agents do this.",
        principal.client(),
        principal.id
    );
    Error::new(Kind::Forbidden, "AuthorizationFailed", message)
}

/// What is the platform's operators' to choose.
pub(crate) fn chosen_by_operators(principal: &Principal, what: &str) -> Error {
    let message = format!(
        "The client '{}' with object id '{}' does not operate the platform, and {what}",
        principal.client(),
        principal.id
    );
    Error::new(Kind::Forbidden, "AuthorizationFailed", message)
}

fn usage_only(stack: CloudId) -> Error {
    let message = format!("The activation key of stack {stack} is good for delivering its own usage only.");
    Error::new(Kind::Forbidden, "AuthorizationFailed", message)
}
