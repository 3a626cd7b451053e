//! What a request to register a stack comes to.

use std::collections::BTreeMap;

use super::advice::{self, StackOperator, UnfitSubscription};
use super::between::Between;
use super::billing_change::{BillingChange, BillingModelChangeNotApproved, sells_to};
use super::{
    BillingModel, DirectoryUse, RefusalKind, Registration, RegistrationPath, RegistrationToken, Warning,
};
use crate::authorization::View;
use crate::ids::{CloudId, RegistrationId, SubscriptionId};
use crate::partner::{Subscription, SubscriptionKind, SubscriptionState};
use crate::resource_id::ResourceName;
use crate::time::HourInterval;

/// The location of a registration for which none was sent.
pub const LOCATION_DEFAULT: &str = "global";

/// A request to put a registration where its path says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutRegistration {
    /// The registration's name.
    pub name: ResourceName,
    /// Where it lies. Fixed at creation and not looked at again: a later request may spell it differently.
    pub location: Option<String>,
    /// The tags it shall have; nothing keeps those it has.
    pub tags: Option<BTreeMap<String, String>>,
    /// What the stack says of itself.
    pub token: Option<RegistrationToken>,
}

/// What holds while the request is decided.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The subscription in the path.
    pub subscription: &'a Subscription,
    /// Who operates the stack, if anybody said so.
    pub operated_by: Option<StackOperator>,
    /// What else the subscription's directory is used for.
    pub directory_uses: &'a [DirectoryUse],
    /// The live registration at the path.
    pub existing: Option<&'a Registration>,
    /// How many tenant mappings the existing one has now.
    pub mappings: usize,
    /// The live registration of the token's stack, wherever it is.
    pub live_for_stack: Option<&'a Registration>,
    /// The subscription that the token's stack was registered with last, live or not.
    pub last_subscription: Option<SubscriptionId>,
    /// Whether the caller may register stacks with that one, too.
    pub registers_with_last: bool,
    /// The hours since the token's stack was registered last, if it ever was and is not now.
    pub between: Option<Between>,
    /// The subscriptions that the token's stack was ever registered with to be paid for by usage.
    pub sold_to: &'a [&'a Subscription],
    /// What the caller may do.
    pub asked_by: &'a View,
}

/// What a request comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What is to be recorded.
    pub change: Change,
    /// The hours before the present one in which a new registration holds as well.
    pub between: Option<HourInterval>,
    /// What the caller should know.
    pub warnings: Vec<Warning>,
}

/// What a request changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new registration.
    Create {
        /// What the stack says of itself.
        token: RegistrationToken,
        /// Its location.
        location: String,
        /// Its tags.
        tags: BTreeMap<String, String>,
    },
    /// The existing registration gets a new token and with it a new billing model. Its id, its creation, its approval
    /// for multi-tenancy and its tenant mappings stay.
    ReRegister {
        /// What the stack says of itself now.
        token: RegistrationToken,
        /// Its tags.
        tags: BTreeMap<String, String>,
    },
    /// The existing registration gets these tags.
    SetTags {
        /// All of its tags.
        tags: BTreeMap<String, String>,
    },
    /// Everything already is as asked: a client tried again.
    Nothing,
}

/// Why a stack is not registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing exists that could do without a token.
    #[error(
        "Registration {name} does not exist, and the request has no properties.registrationToken to create it from. \
         Make a token on the stack and send it."
    )]
    TokenRequired {
        /// The registration.
        name: ResourceName,
    },
    /// The token is another stack's.
    #[error(
        "Registration {name} belongs to stack {registered}, and the token is of stack {sent}. A registration is for \
         one stack: register stack {sent} under a name of its own, such as AzureStack-{sent}, or delete this \
         registration first."
    )]
    CloudIdMismatch {
        /// The registration.
        name: ResourceName,
        /// Its stack.
        registered: CloudId,
        /// The token's stack.
        sent: CloudId,
    },
    /// The stack has a live registration at another path.
    #[error("{}", already_registered(*.stack, .registered_as.as_ref()))]
    StackAlreadyRegistered {
        /// The stack.
        stack: CloudId,
        /// Where its registration is, where the caller may know it.
        registered_as: Option<RegistrationPath>,
    },
    /// The stack was another subscription's, and the caller does not register stacks with that one.
    #[error(
        "Stack {stack} was registered with another subscription before, and only those who may register stacks with \
         both of them, and the operators of this platform, register it with this one. Check the cloud id. If it is \
         this stack's, ask an operator to register it."
    )]
    StackOfAnotherSubscription {
        /// The stack.
        stack: CloudId,
    },
    /// Nothing new may be registered with the subscription, and nothing under other terms.
    #[error(
        "Subscription {subscription} is suspended: nothing new can be registered with it, and what is registered keeps \
         its billing model. Have it reactivated, or register with another subscription."
    )]
    SubscriptionSuspended {
        /// The subscription.
        subscription: SubscriptionId,
    },
    /// Stacks cannot be registered with such a subscription.
    #[error(transparent)]
    Unfit(#[from] UnfitSubscription),
    /// The stack is paid for by usage, and nobody who sells it said that it shall not be any more.
    #[error(transparent)]
    BillingModelChangeNotApproved(#[from] BillingModelChangeNotApproved),
    /// Multi-tenancy cannot be approved for a registration with such a subscription.
    #[error(
        "The stack is registered with {kind} subscription {subscription}, with which it serves a single tenant. \
         Multi-tenancy needs a CSP or partner shared services subscription: delete the registration and register \
         with one of these."
    )]
    SingleTenantSubscription {
        /// The default subscription.
        subscription: SubscriptionId,
        /// Its kind.
        kind: SubscriptionKind,
    },
}

fn already_registered(stack: CloudId, registered_as: Option<&RegistrationPath>) -> String {
    match registered_as {
        Some(path) => format!(
            "Stack {stack} is already registered as {path}, and a stack has one registration at a time. Update that \
             one, or delete it and register again."
        ),
        None => format!(
            "Stack {stack} is already registered by somebody else, and a stack has one registration at a time. Check \
             the cloud id. If it is this stack's, have whoever registered it delete that registration, or ask the \
             operator of this platform."
        ),
    }
}

impl Refusal {
    /// The stable code of this refusal.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TokenRequired { .. } => "RegistrationTokenRequired",
            Self::CloudIdMismatch { .. } => "CloudIdMismatch",
            Self::StackAlreadyRegistered { .. } => "StackAlreadyRegistered",
            Self::StackOfAnotherSubscription { .. } => "StackOfAnotherSubscription",
            Self::SubscriptionSuspended { .. } => "SubscriptionSuspended",
            Self::Unfit(unfit) => unfit.code(),
            Self::BillingModelChangeNotApproved(_) => BillingModelChangeNotApproved::CODE,
            Self::SingleTenantSubscription { .. } => "SingleTenantSubscription",
        }
    }

    /// What sort of refusal it is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        match self {
            Self::TokenRequired { .. } => RefusalKind::Invalid,
            Self::CloudIdMismatch { .. }
            | Self::StackAlreadyRegistered { .. }
            | Self::StackOfAnotherSubscription { .. }
            | Self::SubscriptionSuspended { .. }
            | Self::SingleTenantSubscription { .. } => RefusalKind::Conflict,
            Self::Unfit(unfit) => unfit.kind(),
            Self::BillingModelChangeNotApproved(refusal) => refusal.kind(),
        }
    }
}

/// Decides what a request to put a registration comes to.
///
/// With a token it creates, or re-registers what exists; without one it only changes the tags of what exists. The
/// same request again changes nothing. A suspended subscription keeps what is registered with it, under the billing
/// model that it has *(ours)*. A cloud id is no secret, so naming one is not enough to have the stack of another
/// subscription, nor is it after that one's registration was deleted *(ours)*.
///
/// # Errors
/// [`Refusal`], for the first of these that is the case: no token and nothing there, another stack's token, a stack
/// that is registered elsewhere, one that was another subscription's, a suspended subscription, an unfit one, a billing
/// model that nobody approved who sells the stack's usage.
pub fn put(request: &PutRegistration, surroundings: &Surroundings<'_>) -> Result<Decision, Refusal> {
    let &Surroundings {
        subscription,
        operated_by,
        directory_uses,
        existing,
        live_for_stack,
        ..
    } = surroundings;
    let Some(token) = &request.token else {
        let existing = existing.ok_or_else(|| Refusal::TokenRequired {
            name: request.name.clone(),
        })?;
        return Ok(Decision {
            change: set_tags(existing, request),
            between: None,
            warnings: vec![],
        });
    };
    check_stack(token, existing, live_for_stack)?;
    if existing.is_none() {
        check_last(token, surroundings)?;
    }
    let same_terms = existing.is_some_and(|it| it.token.billing_model == token.billing_model);
    if !same_terms && subscription.state == SubscriptionState::Suspended {
        return Err(Refusal::SubscriptionSuspended {
            subscription: subscription.id,
        });
    }
    let mut warnings = advice::assess(subscription, operated_by, directory_uses)?;
    if !same_terms {
        let change = BillingChange {
            stack: token.cloud_id,
            sold_to: surroundings.sold_to,
            to: token.billing_model,
            payer: subscription,
            asked_by: surroundings.asked_by,
        };
        change.check()?;
        let model = token.billing_model;
        if !model.charges_usage() && !sells_to(surroundings.asked_by, subscription) {
            warnings.push(Warning::UsageNotCharged { model });
        }
    }
    let between = surroundings.between.filter(|_| existing.is_none());
    let (between, warned) = between.map_or((None, None), |between| {
        between.belongs_to(subscription.id, token.billing_model, surroundings.asked_by)
    });
    warnings.extend(warned);
    let change = match existing {
        None => Change::Create {
            token: token.clone(),
            location: request
                .location
                .clone()
                .unwrap_or_else(|| LOCATION_DEFAULT.into()),
            tags: request.tags.clone().unwrap_or_default(),
        },
        Some(existing) if existing.token == *token => set_tags(existing, request),
        Some(existing) => Change::ReRegister {
            token: token.clone(),
            tags: request.tags.as_ref().unwrap_or(&existing.tags).clone(),
        },
    };
    if surroundings.mappings > 0 && token.billing_model != BillingModel::PayAsYouUse {
        let (mappings, model) = (surroundings.mappings, token.billing_model);
        warnings.push(Warning::MappingsNotCharged { mappings, model });
    }
    Ok(Decision {
        change,
        between,
        warnings,
    })
}

fn set_tags(existing: &Registration, request: &PutRegistration) -> Change {
    match &request.tags {
        Some(tags) if *tags != existing.tags => Change::SetTags { tags: tags.clone() },
        _ => Change::Nothing,
    }
}

/// A registration is for one stack, and a stack has one live registration.
fn check_stack(
    token: &RegistrationToken,
    existing: Option<&Registration>,
    live_for_stack: Option<&Registration>,
) -> Result<(), Refusal> {
    let sent = token.cloud_id;
    if let Some(existing) = existing
        && existing.cloud_id() != sent
    {
        let (name, registered) = (existing.name.clone(), existing.cloud_id());
        return Err(Refusal::CloudIdMismatch {
            name,
            registered,
            sent,
        });
    }
    match live_for_stack {
        Some(live) if Some(live.id) != existing.map(|existing| existing.id) => {
            Err(Refusal::StackAlreadyRegistered {
                stack: sent,
                registered_as: Some(live.path()),
            })
        }
        _ => Ok(()),
    }
}

/// A stack that was another subscription's is taken over by those alone who register stacks with that one, too.
fn check_last(token: &RegistrationToken, surroundings: &Surroundings<'_>) -> Result<(), Refusal> {
    let others = surroundings
        .last_subscription
        .is_some_and(|last| last != surroundings.subscription.id);
    if others && !surroundings.registers_with_last {
        return Err(Refusal::StackOfAnotherSubscription {
            stack: token.cloud_id,
        });
    }
    Ok(())
}

/// The end of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// This life of it.
    pub registration: RegistrationId,
    /// What the caller should know: that what the stack uses is charged to nobody, where it was charged.
    pub warning: Option<Warning>,
}

/// What deleting a registration comes to.
///
/// With the registration end its tenant mappings and its approval. Usage of later hours is *unregistered* until the
/// stack is registered again, under whatever name; nothing of the former life comes back then. Whose the hours between
/// are is said in [`super::between`].
#[must_use]
pub fn delete(existing: &Registration) -> Deletion {
    let stack = existing.cloud_id();
    let charged = existing.token.billing_model.charges_usage();
    Deletion {
        registration: existing.id,
        warning: charged.then_some(Warning::StackLeftUnregistered { stack }),
    }
}

/// Decides whether the platform operator may approve a registration with this default subscription for multi-tenancy.
/// Approval may come before the registration pays by usage; tenants cannot be added until it does.
///
/// # Errors
/// [`Refusal::SingleTenantSubscription`].
pub fn approve_multi_tenancy(default_subscription: &Subscription) -> Result<(), Refusal> {
    let Subscription {
        id: subscription,
        kind,
        ..
    } = *default_subscription;
    if advice::serves_several_tenants(kind) {
        Ok(())
    } else {
        Err(Refusal::SingleTenantSubscription { subscription, kind })
    }
}

#[cfg(test)]
mod tests;
