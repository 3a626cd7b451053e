//! The documented refusals, with their documented codes and texts.

use crate::ids::SubscriptionId;
use crate::partner::SubscriptionKind;
use crate::registration::{BillingModel, RefusalKind, RegistrationNotFound, RegistrationPath};

/// Why a customer subscription cannot be used although its id was understood, or why it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotUsable {
    /// The text is no GUID.
    NotAGuid,
    /// No subscription has this id.
    Unknown,
    /// Nothing new may be mapped to it.
    Suspended,
}

/// Why a tenant is not added, or a tenant mapping not found.
///
/// `Display` is the documented text with the values filled in, for the caller. What it leaves out, such as whom to
/// ask on *this* platform, is the [`hint`](Self::hint).
///
/// Source: *Tenant registration error messages in Azure Stack Hub*; [`Self::SubscriptionSuspended`] is ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TenantRefusal {
    /// There is no registration at the path.
    #[error(transparent)]
    RegistrationNotFound(#[from] RegistrationNotFound),
    /// The platform operator has not approved the registration for multi-tenancy, or it is for a single tenant.
    #[error(
        "The provided {} is not approved to use multi-tenancy. Send an email to azstCSP@microsoft.com and include \
         your registration name, resource group, and the subscription identifier used in the registration.",
        .registration.name
    )]
    UnauthorizedCspRegistration {
        /// The registration.
        registration: RegistrationPath,
        /// The kind of its default subscription.
        registered_with: SubscriptionKind,
    },
    /// The registration is not paid for by usage.
    #[error(
        "Customer subscription operations are not supported for disconnected customers. In order to use this \
         feature, re-register with Pay As You Use licensing."
    )]
    CustomerSubscriptionsNotAllowed {
        /// Its billing model.
        billing_model: BillingModel,
    },
    /// Not the id of a subscription that may be used.
    #[error("The {given} is not valid. Make sure a valid Azure subscription is provided.")]
    InvalidCustomerSubscriptionId {
        /// The id as the caller wrote it.
        given: String,
        /// What is wrong with it.
        because: NotUsable,
    },
    /// A subscription that no Cloud Solution Provider sold.
    #[error(
        "The provided {given} is not a valid CSP subscription. Make sure a valid Azure subscription is provided."
    )]
    InvalidCspSubscription {
        /// The id as the caller wrote it.
        given: String,
        /// The kind of the subscription.
        kind: SubscriptionKind,
    },
    /// The subscription and the registration's own roll up to different partners.
    #[error(
        "The provided {given} and the {registration} subscription identifier are not owned by the same Microsoft \
         CSP. Check that the customer subscription identifier is correct. If the problem persists, contact support."
    )]
    BadCustomerSubscriptionId {
        /// The customer subscription's id as the caller wrote it.
        given: String,
        /// The registration's name.
        registration: String,
        /// The subscription it was registered with.
        registered_with: SubscriptionId,
    },
    /// The registration's own subscription takes nothing new.
    #[error(
        "Subscription {0}, with which the stack is registered, is suspended, and no tenant can be added to its \
         registration. Have it reactivated first."
    )]
    SubscriptionSuspended(SubscriptionId),
    /// The directory of subscriptions could not be asked.
    #[error(
        "One of the upstream servers returned an unexpected error. Try again later. If the problem persists, contact \
         support."
    )]
    MetadataResolverBadGateway,
    /// The registration has no entry for this subscription.
    #[error(
        "{given} was not found under {registration}. Make sure a valid Azure subscription is being used and that the \
         subscription ID was added to the registration using the PUT operation."
    )]
    CustomerSubscriptionNotFound {
        /// The id as the caller wrote it.
        given: String,
        /// The registration's name.
        registration: String,
    },
}

impl TenantRefusal {
    /// The documented code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RegistrationNotFound(_) => RegistrationNotFound::CODE,
            Self::UnauthorizedCspRegistration { .. } => "UnauthorizedCspRegistration",
            Self::CustomerSubscriptionsNotAllowed { .. } => "CustomerSubscriptionsNotAllowed",
            Self::InvalidCustomerSubscriptionId { .. } => "InvalidCustomerSubscriptionId",
            Self::InvalidCspSubscription { .. } => "InvalidCSPSubscription",
            Self::BadCustomerSubscriptionId { .. } => "BadCustomerSubscriptionId",
            Self::SubscriptionSuspended(_) => "SubscriptionSuspended",
            Self::MetadataResolverBadGateway => "MetadataResolverBadGatewayError",
            Self::CustomerSubscriptionNotFound { .. } => "CustomerSubscriptionNotFound",
        }
    }

    /// What sort of refusal it is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        match self {
            Self::RegistrationNotFound(_) | Self::CustomerSubscriptionNotFound { .. } => {
                RefusalKind::NotFound
            }
            Self::UnauthorizedCspRegistration { .. } | Self::BadCustomerSubscriptionId { .. } => {
                RefusalKind::Forbidden
            }
            Self::CustomerSubscriptionsNotAllowed { .. } | Self::SubscriptionSuspended(_) => {
                RefusalKind::Conflict
            }
            Self::InvalidCustomerSubscriptionId { .. } | Self::InvalidCspSubscription { .. } => {
                RefusalKind::Invalid
            }
            Self::MetadataResolverBadGateway => RefusalKind::UpstreamFailed,
        }
    }

    /// What would help here: our own words beside the documented ones, which know neither the state of things nor
    /// whom to ask.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::RegistrationNotFound(refusal) => refusal.hint(),
            Self::UnauthorizedCspRegistration { registration, registered_with } => {
                hint_unauthorized(registration, *registered_with)
            }
            Self::CustomerSubscriptionsNotAllowed { billing_model } => format!(
                "The stack is registered with billingModel {billing_model}. Make a token with billingModel \
                 PayAsYouUse on the stack and put the registration again with it."
            ),
            Self::InvalidCustomerSubscriptionId { because, .. } => match because {
                NotUsable::NotAGuid => "The last part of the path is the id of the customer's CSP subscription: a \
                                        GUID such as 5bf881b2-6be7-42a1-9f47-d6fcb6737747."
                    .into(),
                NotUsable::Unknown => "No subscription with this id is known. A local subscription of the stack \
                                       cannot be used: create a CSP subscription for the customer and add that."
                    .into(),
                NotUsable::Suspended => "The subscription is suspended, and nothing new can be charged to it. Have \
                                         it reactivated, or add another one."
                    .into(),
            },
            Self::InvalidCspSubscription { kind, .. } => format!(
                "The subscription is of kind {kind}. Tenants are charged to subscriptions that a CSP partner sold to their \
                 customer: create one and add that."
            ),
            Self::BadCustomerSubscriptionId { registered_with, .. } => format!(
                "The stack is registered with subscription {registered_with}. Only customers of the same partner, or \
                 of resellers of the same provider, can be added."
            ),
            Self::SubscriptionSuspended(_) => {
                "Tenants that were added stay, and may be removed. The operator of this platform, or the partner that \
                 the subscription belongs to, makes it active again."
                    .into()
            }
            Self::MetadataResolverBadGateway => {
                "The directory in which subscriptions are looked up did not answer. Nothing was changed.".into()
            }
            Self::CustomerSubscriptionNotFound { registration, .. } => {
                format!("List the customerSubscriptions of {registration} to see which subscriptions it has.")
            }
        }
    }
}

fn hint_unauthorized(registration: &RegistrationPath, registered_with: SubscriptionKind) -> String {
    if !crate::registration::advice::serves_several_tenants(registered_with) {
        return format!(
            "The stack is registered with a subscription of kind {registered_with}, with which it serves a single \
             tenant. Delete the registration and register with a CSP or partner shared services subscription."
        );
    }
    let RegistrationPath {
        subscription,
        resource_group,
        name,
    } = registration;
    format!(
        "Approval is given by the operator of this platform, not by mail to Microsoft: ask for it and name \
         registration {name}, resource group {resource_group} and subscription {subscription}."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registration::fixture::subscription_id;
    use SubscriptionKind::{Csp, PayAsYouGo};

    /// Every refusal once, with these values in its text.
    fn refusals(path: RegistrationPath, given: &str, not_found: &str) -> [TenantRefusal; 8] {
        let (given, name) = (given.to_owned(), path.name.clone());
        [
            TenantRefusal::RegistrationNotFound(RegistrationNotFound(path.clone())),
            TenantRefusal::UnauthorizedCspRegistration {
                registration: path,
                registered_with: Csp,
            },
            TenantRefusal::CustomerSubscriptionsNotAllowed {
                billing_model: BillingModel::Capacity,
            },
            TenantRefusal::InvalidCustomerSubscriptionId {
                given: given.clone(),
                because: NotUsable::Unknown,
            },
            TenantRefusal::InvalidCspSubscription {
                given: given.clone(),
                kind: PayAsYouGo,
            },
            TenantRefusal::BadCustomerSubscriptionId {
                given,
                registration: name.clone(),
                registered_with: subscription_id(1),
            },
            TenantRefusal::MetadataResolverBadGateway,
            TenantRefusal::CustomerSubscriptionNotFound {
                given: not_found.to_owned(),
                registration: name,
            },
        ]
    }

    #[test]
    fn each_refusal_has_its_code_and_its_text_with_the_values_filled_in() {
        let path = RegistrationPath {
            subscription: "sub-1".to_owned(),
            resource_group: "harbour".to_owned(),
            name: "north".to_owned(),
        };
        let expected = [
            (
                "RegistrationNotFound",
                "The provided registration was not found. Make sure the following information was provided \
                 correctly: 1. Subscription identifier (value provided: sub-1), 2. Resource group (value provided: \
                 harbour), 3. Registration name (value provided: north).",
            ),
            (
                "UnauthorizedCspRegistration",
                "The provided north is not approved to use multi-tenancy. Send an email to azstCSP@microsoft.com \
                 and include your registration name, resource group, and the subscription identifier used in the \
                 registration.",
            ),
            (
                "CustomerSubscriptionsNotAllowed",
                "Customer subscription operations are not supported for disconnected customers. In order to use \
                 this feature, re-register with Pay As You Use licensing.",
            ),
            (
                "InvalidCustomerSubscriptionId",
                "The Sub-2 is not valid. Make sure a valid Azure subscription is provided.",
            ),
            (
                "InvalidCSPSubscription",
                "The provided Sub-2 is not a valid CSP subscription. Make sure a valid Azure subscription is \
                 provided.",
            ),
            (
                "BadCustomerSubscriptionId",
                "The provided Sub-2 and the north subscription identifier are not owned by the same Microsoft CSP. \
                 Check that the customer subscription identifier is correct. If the problem persists, contact \
                 support.",
            ),
            (
                "MetadataResolverBadGatewayError",
                "One of the upstream servers returned an unexpected error. Try again later. If the problem \
                 persists, contact support.",
            ),
            (
                "CustomerSubscriptionNotFound",
                "Sub-3 was not found under north. Make sure a valid Azure subscription is being used and that the \
                 subscription ID was added to the registration using the PUT operation.",
            ),
        ];
        let said = refusals(path, "Sub-2", "Sub-3").map(|it| (it.code(), it.to_string()));
        let said = said.each_ref().map(|(code, text)| (*code, text.as_str()));
        assert_eq!(said, expected);
    }

    #[test]
    fn codes_and_texts_are_the_documented_ones() {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/contracts/azurestack/registration-errors.json"
        );
        let Ok(documented) = std::fs::read_to_string(file) else {
            eprintln!("NOT RUN: codes_and_texts_are_the_documented_ones: {file} cannot be read");
            return;
        };
        // The values are the placeholders themselves, so that the texts come out as documented.
        let placeholder = |name: &str| format!("**{name}**");
        let path = RegistrationPath {
            subscription: placeholder("subscription identifier"),
            resource_group: placeholder("resource group"),
            name: placeholder("registration name"),
        };
        let given = placeholder("customer subscription identifier");
        let refusals = refusals(path, &given, &placeholder("Customer subscription identifier"));
        for refusal in &refusals {
            let entry = format!("\"code\": \"{}\",\n   \"message\": \"{refusal}\"", refusal.code());
            assert!(documented.contains(&entry), "not documented so: {entry}");
        }
        assert_eq!(documented.matches("\"code\":").count(), refusals.len());
    }
}
