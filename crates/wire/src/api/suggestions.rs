//! Tenants whose usage no mapping claims.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::statements::WhyNot;

/// What usage is worth at the platform's list prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListValue {
    /// What a statement with nothing else on it would come to, exact to the currency's minor unit.
    pub amount: String,
    /// Its currency.
    pub currency: String,
    /// The local meters that would be charged if they had a list price: they are worth nothing in the amount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without_price: Vec<String>,
}

/// A tenant that used a stack in hours for which no tenant mapping names it: all of them, or those before somebody added it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantSuggestion {
    /// The stack.
    pub cloud_id: String,
    /// The name of its registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_name: Option<String>,
    /// The tenant.
    pub tenant_id: String,
    /// The customer that the tenant belongs to, if the books know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
    /// The subscription that pays for now.
    pub default_subscription_id: String,
    /// The partner that sells to the customer; where no customer is known, that of the default subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner_id: Option<String>,
    /// Under which local subscriptions it used something.
    pub local_subscription_ids: Vec<String>,
    /// The subscription that the tenant is mapped to now, if only earlier hours are to be assigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapped_to: Option<String>,
    /// The hours for which a mapping would claim what it used, each from the first hour in which it used something.
    #[serde(default)]
    pub unclaimed: Vec<UnclaimedHours>,
    /// The first hour in which it used something that no mapping claims.
    pub from: String,
    /// The end of the last such hour.
    pub to: String,
    /// Hours since `from`.
    pub age_hours: i64,
    /// How many records that are.
    pub records: u64,
    /// What that is worth at list price: what a mapping from `from` on would move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_value: Option<ListValue>,
    /// Why it is not said what it is worth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_list_value: Option<WhyNot>,
    /// The customer's CSP subscriptions: each could pay.
    pub subscriptions: Vec<SuggestedSubscription>,
    /// Why no tenant at all can be added to the registration as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<WhyNot>,
}

/// Hours for which a tenant has no mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnclaimedHours {
    /// The first hour.
    pub from: String,
    /// The first hour after; nothing if it has no mapping in any later hour either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// A subscription that could pay for a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuggestedSubscription {
    /// The subscription.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Why it would be refused now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<WhyNot>,
    /// What should be known before it is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}
