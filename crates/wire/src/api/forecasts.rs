//! What a month comes to at its end, and what it would with other prices.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PriceListDraft;
use super::sales::{BillAccount, BillSeller};

/// What a part of a bill is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum BillPartKind {
    /// Usage of a meter, by all subscriptions that the bill charges and at all its prices.
    Usage,
    /// Fees for the cores of stacks.
    CapacityFee,
    /// What usage and fees fall short of the commitment.
    MinimumCommitment,
    /// What is not charged.
    Credit,
    /// The tax.
    Tax,
    /// What sets right earlier bills.
    Corrections,
}

/// A part of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BillPart {
    /// What it is.
    pub kind: BillPartKind,
    /// The meter, of usage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_id: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_name: Option<String>,
}

/// What becomes of an amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AmountChange {
    /// What it is.
    pub before: String,
    /// What it would be.
    pub after: String,
    /// The one less the other.
    pub difference: String,
}

/// What becomes of a part of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartChange {
    /// Which.
    #[serde(flatten)]
    pub part: BillPart,
    /// What becomes of it.
    #[serde(flatten)]
    pub change: AmountChange,
}

/// What becomes of one bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountChange {
    /// Who sells to whom.
    #[serde(flatten)]
    pub account: BillAccount,
    /// All of it before tax.
    #[serde(flatten)]
    pub total: AmountChange,
    /// The parts that change, by the size of the difference; the tax is one of them, and in no total.
    pub parts: Vec<PartChange>,
}

/// What becomes of all that a seller sells, or of everything, in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TotalChange {
    /// Who sells; none for everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<BillSeller>,
    /// The currency of these amounts.
    pub currency: String,
    /// What becomes of it.
    #[serde(flatten)]
    pub change: AmountChange,
}

/// What a month costs, and what it would with the prices of a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhatIf {
    /// The calendar month.
    pub period: String,
    /// Whether it is over.
    pub is_over: bool,
    /// The draft.
    pub draft: PriceListDraft,
    /// The first hour that its prices are supposed to hold in.
    pub supposed_from: String,
    /// Whether that is not the draft's own: it begins after the month, and is supposed to hold in all of it.
    pub is_moved: bool,
    /// The bills that change, by the size of the difference; a thousand at most.
    pub accounts: Vec<AccountChange>,
    /// How many more change.
    pub left_out: u64,
    /// How many do not.
    pub unchanged: u64,
    /// By seller and currency, before tax, bills that do not change among it.
    pub by_seller: Vec<TotalChange>,
    /// By currency, before tax. A chain of sale is in it with each of its sales.
    pub totals: Vec<TotalChange>,
}

/// How a month is projected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ForecastMethod {
    /// Each hour that is not complete is taken to be like the mean of the month's complete days, of each local
    /// subscription and meter; what was reported of these hours is part of it. The quantities are reckoned as for a
    /// bill.
    DailyMean,
}

/// What a part of a bill comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartForecast {
    /// Which.
    #[serde(flatten)]
    pub part: BillPart,
    /// So far.
    pub so_far: String,
    /// At the end of the month; none if that would be a guess.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projected: Option<String>,
}

/// How far the usage of a stack is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StackForecast {
    /// The stack.
    pub cloud_id: String,
    /// The name of its registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_name: Option<String>,
    /// How far it says that it has reported everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_through: Option<String>,
    /// How many days of the month are complete: what the mean is of.
    pub days_counted: u32,
    /// The first hour that is not complete; none if the month is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete_from: Option<String>,
    /// Whether these are enough days to project the rest.
    pub is_enough: bool,
}

/// What one bill comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountForecast {
    /// Who sells to whom.
    #[serde(flatten)]
    pub account: BillAccount,
    /// What it comes to so far, with corrections, before tax.
    pub so_far: String,
    /// What it comes to at the end of the month, before tax; none where a stack has too few complete days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projected: Option<String>,
    /// What it is made of; the tax is a part, and in no sum.
    pub parts: Vec<PartForecast>,
    /// The stacks whose usage is on it.
    pub stacks: Vec<StackForecast>,
}

/// What the bills of an open month come to at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Forecast {
    /// The calendar month.
    pub period: String,
    /// The hour in which it was made.
    pub as_of: String,
    /// How it is projected.
    pub method: ForecastMethod,
    /// The fewest complete days that are projected from.
    pub days_needed: u32,
    /// The bills, those that come to most first and those without a projection last; a thousand at most.
    pub accounts: Vec<AccountForecast>,
    /// How many more there are.
    pub left_out: u64,
}
