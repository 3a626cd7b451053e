//! What mapping a tenant for past hours would move and cost.

use domain::money::Money;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::UsedQuantity;
use super::sales::BillAccount;

/// What mapping a tenant for stated hours would change about the usage that there is, up to the present hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MappingPreview {
    /// The usage that somebody else would pay for, by month and by who pays.
    pub moved: Vec<MovedUsage>,
    /// The bills that would change, by month and by who sells to whom.
    pub differences: Vec<BillDifference>,
    /// Whether there is more of either that the caller does not read.
    pub withheld: bool,
}

/// Usage of a month that somebody else would pay for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MovedUsage {
    /// The calendar month.
    pub period: String,
    /// The subscription that pays.
    pub from_subscription_id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_subscription_name: Option<String>,
    /// The subscription that would pay.
    pub to_subscription_id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_subscription_name: Option<String>,
    /// How many records it is, of those that count.
    pub records: u64,
    /// How much of each local meter.
    pub used: Vec<UsedQuantity>,
}

/// A bill that would change: all that a seller sells to a buyer in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BillDifference {
    /// The calendar month whose usage it is.
    pub period: String,
    /// Where it is settled.
    pub settled: SettledBy,
    /// Who sells to whom, in which currency.
    #[serde(flatten)]
    pub account: BillAccount,
    /// What the month costs as things are.
    pub before: String,
    /// What it would cost.
    pub after: String,
    /// What it would cost less what it costs; zero where lines change and their sum does not.
    pub difference: String,
}

/// Where a change of a month's bill is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SettledBy {
    /// The month's own bill, which is still open.
    RunningBill,
    /// Corrections on the bill of the open month: the month is closed, and its invoices stay as they were issued.
    Corrections,
    /// Nothing: the month is before the first that was closed, and was never billed.
    Nothing,
}

impl BillDifference {
    /// A bill of a month with what it costs, what it would cost, and the one less the other.
    #[must_use]
    pub fn of(period: String, settled: SettledBy, account: BillAccount, amounts: [Money; 3]) -> Self {
        let [before, after, difference] = amounts.map(|amount| amount.to_string());
        Self {
            period,
            settled,
            account,
            before,
            after,
            difference,
        }
    }
}
