//! What a seller keeps of what it sold in a month.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Party;
use super::sales::BillSeller;

/// What something is sold for, what it is bought for, and what is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Margin {
    /// What it is sold for.
    pub sells: String,
    /// What it is bought for; the platform buys nothing.
    pub buys: String,
    /// The one less the other.
    pub keeps: String,
}

impl From<&domain::reckoning::Margin> for Margin {
    fn from(margin: &domain::reckoning::Margin) -> Self {
        Self {
            sells: margin.sells.to_string(),
            buys: margin.buys.to_string(),
            keeps: margin.keeps.to_string(),
        }
    }
}

/// What a seller keeps of the usage of one meter on one stack that one subscription pays for, or of the fee for its cores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MarginLine {
    /// The subscription that it was sold for.
    pub subscription_id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_name: Option<String>,
    /// The customer that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Party>,
    /// The stack it was used on.
    pub cloud_id: String,
    /// The name of the stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_name: Option<String>,
    /// The meter; none for the fee for the stack's cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_id: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_name: Option<String>,
    /// What it is sold and bought for.
    #[serde(flatten)]
    pub margin: Margin,
}

/// By what amounts in another currency were converted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MarginRate {
    /// The other currency.
    pub currency: String,
    /// What one unit of it comes to.
    pub rate: String,
}

/// What a seller keeps of what it sold in a month, as far as that is known now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Margins {
    /// Who sells.
    pub seller: BillSeller,
    /// The calendar month.
    pub period: String,
    /// The currency of every amount.
    pub currency: String,
    /// By what amounts in other currencies were converted: the rates of the last hour of the month that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<MarginRate>,
    /// By subscription, stack and meter.
    pub lines: Vec<MarginLine>,
    /// All lines together.
    pub total: Margin,
}
