//! Who sells and who buys: partners, customers and the subscriptions that can be charged.

use std::fmt;

use crate::ids::{CustomerId, PartnerId, SubscriptionId, TenantId};

/// How a partner takes part in the Cloud Solution Provider programme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartnerKind {
    /// Sells to customers and is billed by the platform.
    DirectBill,
    /// A distributor: billed by the platform, sells through resellers.
    IndirectProvider,
    /// Sells to customers, and is billed by its provider.
    IndirectReseller {
        /// The distributor it buys from.
        provider: PartnerId,
    },
}

/// A Cloud Solution Provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// Its id.
    pub id: PartnerId,
    /// Its name, for people.
    pub name: String,
    /// How it takes part.
    pub kind: PartnerKind,
}

impl Partner {
    /// The partner whose agreement with the platform covers what this one sells: an indirect reseller's provider,
    /// else itself. Subscriptions are owned by the same CSP when these are the same.
    #[must_use]
    pub const fn rolls_up_to(&self) -> PartnerId {
        match self.kind {
            PartnerKind::DirectBill | PartnerKind::IndirectProvider => self.id,
            PartnerKind::IndirectReseller { provider } => provider,
        }
    }
}

/// An end customer of a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
    /// The partner that sells to it.
    pub partner: PartnerId,
    /// Its name, for people.
    pub name: String,
    /// Its directory tenants: at least one, the first of them where its subscriptions live by default.
    pub tenants: Vec<TenantId>,
}

/// What kind of agreement a subscription is charged under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubscriptionKind {
    /// A customer's, sold by a Cloud Solution Provider.
    Csp,
    /// A partner's own (CSPSS, newer name APSS), in its shared services tenant.
    PartnerSharedServices,
    /// Under an Enterprise Agreement.
    EnterpriseAgreement,
    /// Paid by card, without an agreement.
    PayAsYouGo,
    /// For development and test.
    DevTest,
}

impl fmt::Display for SubscriptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Csp => "CSP",
            Self::PartnerSharedServices => "partner shared services",
            Self::EnterpriseAgreement => "Enterprise Agreement",
            Self::PayAsYouGo => "pay-as-you-go",
            Self::DevTest => "dev/test",
        })
    }
}

/// Whether a subscription may be used for something new. Usage is charged to it in every state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubscriptionState {
    /// In use.
    Active,
    /// Nothing new may be registered with or mapped to it; what is registered with it keeps its billing model and takes
    /// no new tenants.
    Suspended,
}

/// A subscription that can be charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Its name, for people.
    pub name: String,
    /// The agreement it is charged under.
    pub kind: SubscriptionKind,
    /// The directory it lives in.
    pub tenant: TenantId,
    /// The partner it belongs to: for CSP the one that sells it, for shared services the one that uses it.
    pub owner: Option<PartnerId>,
    /// The customer it was sold to; CSP only.
    pub customer: Option<CustomerId>,
    /// Whether it may be used for something new.
    pub state: SubscriptionState,
}
