//! Partners, customers and subscriptions.

use domain::ids::{CustomerId, PartnerId, SubscriptionId};
use domain::partner;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{InvalidMember, member, name, optional};

/// How a partner takes part in the Cloud Solution Provider programme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PartnerKind {
    /// Sells to customers and is billed by the platform.
    DirectBill,
    /// A distributor: sells through resellers.
    IndirectProvider,
    /// Sells to customers and is billed by its provider.
    IndirectReseller,
}

/// A partner to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPartner {
    /// Its id; without one, the server chooses. With one, the request can be repeated safely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// How it takes part.
    pub kind: PartnerKind,
    /// The id of the indirect provider that an indirect reseller buys from; only for that kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}

impl NewPartner {
    /// The partner that this asks for.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn into_domain(self, new_id: impl FnOnce() -> PartnerId) -> Result<partner::Partner, InvalidMember> {
        let provider = optional("provider", self.provider.as_deref())?;
        let kind = match (self.kind, provider) {
            (PartnerKind::DirectBill, None) => partner::PartnerKind::DirectBill,
            (PartnerKind::IndirectProvider, None) => partner::PartnerKind::IndirectProvider,
            (PartnerKind::IndirectReseller, Some(provider)) => {
                partner::PartnerKind::IndirectReseller { provider }
            }
            (PartnerKind::IndirectReseller, None) => {
                let message = "expected the id of the indirect provider that the reseller buys from";
                return Err(InvalidMember::new("provider", message));
            }
            (_, Some(_)) => {
                let message = "expected none: only an indirect reseller has a provider";
                return Err(InvalidMember::new("provider", message));
            }
        };
        let id = optional("id", self.id.as_deref())?.unwrap_or_else(new_id);
        Ok(partner::Partner {
            id,
            name: name("name", self.name)?,
            kind,
        })
    }
}

/// A partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Partner {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How it takes part.
    pub kind: PartnerKind,
    /// The indirect provider that an indirect reseller buys from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}

impl From<&partner::Partner> for Partner {
    fn from(partner: &partner::Partner) -> Self {
        let (kind, provider) = match partner.kind {
            partner::PartnerKind::DirectBill => (PartnerKind::DirectBill, None),
            partner::PartnerKind::IndirectProvider => (PartnerKind::IndirectProvider, None),
            partner::PartnerKind::IndirectReseller { provider } => {
                (PartnerKind::IndirectReseller, Some(provider))
            }
        };
        let provider = provider.map(|provider| provider.to_string());
        Self {
            id: partner.id.to_string(),
            name: partner.name.clone(),
            kind,
            provider,
        }
    }
}

/// A customer to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewCustomer {
    /// Its id; without one, the server chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The partner that sells to it.
    pub partner_id: String,
    /// Its name.
    pub name: String,
    /// Its directory tenants: at least one.
    pub tenant_ids: Vec<String>,
}

impl NewCustomer {
    /// The most directory tenants a customer may have.
    pub const TENANTS_MAX: usize = 100;

    /// The customer that this asks for.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn into_domain(
        self,
        new_id: impl FnOnce() -> CustomerId,
    ) -> Result<partner::Customer, InvalidMember> {
        if self.tenant_ids.len() > Self::TENANTS_MAX {
            let message = format!("expected at most {} directory tenants", Self::TENANTS_MAX);
            return Err(InvalidMember::new("tenantIds", message));
        }
        let tenants = self.tenant_ids.iter().enumerate();
        let tenants = tenants.map(|(index, text)| member(&format!("tenantIds[{index}]"), text));
        Ok(partner::Customer {
            id: optional("id", self.id.as_deref())?.unwrap_or_else(new_id),
            partner: member("partnerId", &self.partner_id)?,
            tenants: tenants.collect::<Result<_, _>>()?,
            name: name("name", self.name)?,
        })
    }
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// Its id.
    pub id: String,
    /// The partner that sells to it.
    pub partner_id: String,
    /// Its name.
    pub name: String,
    /// Its directory tenants.
    pub tenant_ids: Vec<String>,
}

impl From<&partner::Customer> for Customer {
    fn from(customer: &partner::Customer) -> Self {
        Self {
            id: customer.id.to_string(),
            partner_id: customer.partner.to_string(),
            name: customer.name.clone(),
            tenant_ids: customer.tenants.iter().map(ToString::to_string).collect(),
        }
    }
}

/// What kind of agreement a subscription is charged under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SubscriptionKind {
    /// A customer's, sold by a Cloud Solution Provider.
    Csp,
    /// A partner's own.
    PartnerSharedServices,
    /// Under an Enterprise Agreement.
    EnterpriseAgreement,
    /// Paid by card.
    PayAsYouGo,
    /// For development and test.
    DevTest,
}

impl From<SubscriptionKind> for partner::SubscriptionKind {
    fn from(kind: SubscriptionKind) -> Self {
        match kind {
            SubscriptionKind::Csp => Self::Csp,
            SubscriptionKind::PartnerSharedServices => Self::PartnerSharedServices,
            SubscriptionKind::EnterpriseAgreement => Self::EnterpriseAgreement,
            SubscriptionKind::PayAsYouGo => Self::PayAsYouGo,
            SubscriptionKind::DevTest => Self::DevTest,
        }
    }
}

impl From<partner::SubscriptionKind> for SubscriptionKind {
    fn from(kind: partner::SubscriptionKind) -> Self {
        match kind {
            partner::SubscriptionKind::Csp => Self::Csp,
            partner::SubscriptionKind::PartnerSharedServices => Self::PartnerSharedServices,
            partner::SubscriptionKind::EnterpriseAgreement => Self::EnterpriseAgreement,
            partner::SubscriptionKind::PayAsYouGo => Self::PayAsYouGo,
            partner::SubscriptionKind::DevTest => Self::DevTest,
        }
    }
}

/// Whether a subscription may be used for something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SubscriptionState {
    /// In use.
    Active,
    /// Nothing new may be registered with or mapped to it; what is, goes on being charged.
    Suspended,
}

/// A subscription to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSubscription {
    /// Its id; without one, the server chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// The agreement it is charged under.
    pub kind: SubscriptionKind,
    /// The directory tenant it lives in.
    pub tenant_id: String,
    /// The partner it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_partner_id: Option<String>,
    /// The customer it is sold to; for `csp` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
}

impl NewSubscription {
    /// The subscription that this asks for.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn into_domain(
        self,
        new_id: impl FnOnce() -> SubscriptionId,
    ) -> Result<partner::Subscription, InvalidMember> {
        Ok(partner::Subscription {
            id: optional("id", self.id.as_deref())?.unwrap_or_else(new_id),
            kind: self.kind.into(),
            tenant: member("tenantId", &self.tenant_id)?,
            owner: optional("ownerPartnerId", self.owner_partner_id.as_deref())?,
            customer: optional("customerId", self.customer_id.as_deref())?,
            state: partner::SubscriptionState::Active,
            name: name("name", self.name)?,
        })
    }
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The agreement it is charged under.
    pub kind: SubscriptionKind,
    /// The directory tenant it lives in.
    pub tenant_id: String,
    /// The partner it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_partner_id: Option<String>,
    /// The customer it was sold to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// Whether it may be used for something new.
    pub state: SubscriptionState,
}

impl From<&partner::Subscription> for Subscription {
    fn from(subscription: &partner::Subscription) -> Self {
        Self {
            id: subscription.id.to_string(),
            name: subscription.name.clone(),
            kind: subscription.kind.into(),
            tenant_id: subscription.tenant.to_string(),
            owner_partner_id: subscription.owner.map(|owner| owner.to_string()),
            customer_id: subscription.customer.map(|customer| customer.to_string()),
            state: match subscription.state {
                partner::SubscriptionState::Active => SubscriptionState::Active,
                partner::SubscriptionState::Suspended => SubscriptionState::Suspended,
            },
        }
    }
}
