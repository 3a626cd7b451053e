//! Subscriptions, directories and locations, as Azure Resource Manager lists them.

use domain::partner::{self, SubscriptionKind, SubscriptionState};
use serde::Serialize;

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// Its resource id.
    pub id: String,
    /// How the caller comes to see it: always `RoleBased`.
    pub authorization_source: &'static str,
    /// The directories it is managed from beside its own: none.
    pub managed_by_tenants: [(); 0],
    /// Its id.
    pub subscription_id: String,
    /// Its directory.
    pub tenant_id: String,
    /// Its name.
    pub display_name: String,
    /// `Enabled` or `Disabled`.
    pub state: &'static str,
    /// Under which offer it was bought.
    pub subscription_policies: Policies,
}

/// Under which offer a subscription was bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Policies {
    /// Always `Public_2014-09-01`.
    pub location_placement_id: &'static str,
    /// The offer, as Azure calls those of each kind.
    pub quota_id: &'static str,
    /// Always `Off`.
    pub spending_limit: &'static str,
}

impl From<&partner::Subscription> for Subscription {
    fn from(subscription: &partner::Subscription) -> Self {
        Self {
            id: format!("/subscriptions/{}", subscription.id),
            authorization_source: "RoleBased",
            managed_by_tenants: [],
            subscription_id: subscription.id.to_string(),
            tenant_id: subscription.tenant.to_string(),
            display_name: subscription.name.clone(),
            state: match subscription.state {
                SubscriptionState::Active => "Enabled",
                SubscriptionState::Suspended => "Disabled",
            },
            subscription_policies: Policies {
                location_placement_id: "Public_2014-09-01",
                quota_id: quota_id(subscription.kind),
                spending_limit: "Off",
            },
        }
    }
}

const fn quota_id(kind: SubscriptionKind) -> &'static str {
    match kind {
        SubscriptionKind::Csp => "CSP_2015-05-01",
        SubscriptionKind::PartnerSharedServices => "CSPSS_2018-05-01",
        SubscriptionKind::EnterpriseAgreement => "EnterpriseAgreement_2014-09-01",
        SubscriptionKind::PayAsYouGo => "PayAsYouGo_2014-09-01",
        SubscriptionKind::DevTest => "MSDNDevTest_2014-09-01",
    }
}

/// A directory that the caller can sign in to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Its resource id.
    pub id: String,
    /// Its id.
    pub tenant_id: String,
    /// Its name.
    pub display_name: String,
    /// Its domain.
    pub default_domain: String,
    /// Always `Home`.
    pub tenant_category: &'static str,
}

impl Tenant {
    /// The directory with this id, name and domain.
    #[must_use]
    pub fn new(id: String, display_name: String, default_domain: String) -> Self {
        Self {
            id: format!("/tenants/{id}"),
            tenant_id: id,
            display_name,
            default_domain,
            tenant_category: "Home",
        }
    }
}

/// A location for resource groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// Its resource id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Always `Region`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its name, for people.
    pub display_name: String,
    /// The same.
    pub regional_display_name: String,
    /// What sort of region it is.
    pub metadata: LocationMetadata,
}

/// What sort of region a location is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LocationMetadata {
    /// Always `Physical`.
    pub region_type: &'static str,
    /// Always `Recommended`.
    pub region_category: &'static str,
}

impl Location {
    /// A location of a subscription.
    #[must_use]
    pub fn of(subscription: &str, name: &str, display_name: &str) -> Self {
        Self {
            id: format!("/subscriptions/{subscription}/locations/{name}"),
            name: name.to_owned(),
            kind: "Region",
            display_name: display_name.to_owned(),
            regional_display_name: display_name.to_owned(),
            metadata: LocationMetadata {
                region_type: "Physical",
                region_category: "Recommended",
            },
        }
    }
}
