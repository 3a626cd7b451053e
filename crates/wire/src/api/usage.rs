//! Deliveries of usage and what became of them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ListValue, Reason, Warning, WhyNot};

/// A record of a delivery that could not be counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Its place in the delivery, from 0.
    pub index: u32,
    /// A stable code.
    pub code: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// The answer to a delivery: everything it counts is durable. What is delivered again under its idempotency key has the
/// batch, counts and problems of the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryReceipt {
    /// The batch.
    pub batch_id: String,
    /// Its number among the stack's batches, from 1. Not in the answers of earlier versions, nor is its chain value.
    #[serde(default)]
    pub sequence: u64,
    /// BLAKE3 over the stack's receipts up to this one, in hex: with its number it is what later deliveries may name as a known
    /// receipt.
    #[serde(default)]
    pub chain: String,
    /// Records that are new.
    pub accepted: u32,
    /// Records that were there already.
    pub duplicate: u32,
    /// Records that say another quantity for what was there already.
    pub revised: u32,
    /// Of the records that say another quantity, those that do not count: of the same record another quantity does, which
    /// was reported later, or at the same time and is larger. Not in an answer that an earlier
    /// version gave first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revised_not_counting: Option<u32>,
    /// Records that could not be counted.
    pub quarantined: u32,
    /// Of the records that were there already, those that cannot be counted: they wait in quarantine since an earlier
    /// delivery.
    #[serde(default)]
    pub still_quarantined: u32,
    /// What is wrong with those that were put into quarantine now.
    pub problems: Vec<Problem>,
    /// Of the records taken in (new, known or revised), those whose usage began in an hour for which the stack has no
    /// registration, as of now: they are kept and charged to nobody. 0 is usual.
    #[serde(default)]
    pub unregistered: u32,
    /// What the deliverer should know; mostly nothing.
    #[serde(default)]
    pub warnings: Vec<Warning>,
}

/// The receipt of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The batch.
    pub batch_id: String,
    /// Its number among the stack's batches, from 1.
    pub sequence: u64,
    /// When it was received.
    pub received_at: String,
    /// The start of the reported-time window it was read from: the records' reported time.
    pub reported_start: String,
    /// The end of that window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reported_end: Option<String>,
    /// The stack had reported completely up to here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reported_through: Option<String>,
    /// Records in it.
    pub received: u32,
    /// Records that were new.
    pub accepted: u32,
    /// Records that were there already.
    pub duplicate: u32,
    /// Records that said another quantity.
    pub revised: u32,
    /// Of the records that said another quantity, those that did not count when it was taken in: of the same record another
    /// quantity did, which was reported later, or at the same time and is larger. Not in receipts of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revised_not_counting: Option<u32>,
    /// Records that could not be counted.
    pub quarantined: u32,
    /// Of the records that were there already, those that waited in quarantine then, since an earlier delivery.
    #[serde(default)]
    pub still_quarantined: u32,
    /// Whether its records had been received before, and were released from quarantine by it.
    #[serde(default)]
    pub released: bool,
    /// BLAKE3 of the body as delivered, followed by a line feed and `name=hour` for each of `reportedStart`,
    /// `reportedEnd` and `reportedThrough` that came with it; in hex.
    pub digest: String,
    /// How many of its records are kept as they were said: new ones, those that said another quantity, and some of those
    /// that were there already but were reported earlier now. Not in receipts of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<u32>,
    /// BLAKE3 of these, of the batch's idempotency key and of the texts of its records in quarantine, in hex: `meterbridge
    /// audit verify` compares it with what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_digest: Option<String>,
    /// BLAKE3 over the stack's receipts up to this one, in hex.
    pub chain: String,
}

/// How much of a local meter was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsedQuantity {
    /// The local meter.
    pub local_meter_id: String,
    /// Its name, if the catalog knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_meter_name: Option<String>,
    /// Its unit, if the catalog knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How much, exact.
    pub quantity: String,
}

/// What a stack measured in a period, whoever pays for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeasuredUsage {
    /// The stack.
    pub cloud_id: String,
    /// How many records count.
    pub records: u64,
    /// What they sum to.
    #[serde(flatten)]
    pub used: UsedQuantity,
}

/// How much of a local meter was used that no tenant mapping claims, and what that costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnmappedQuantity {
    /// The local meter.
    pub local_meter_id: String,
    /// Its name, if the catalog knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_meter_name: Option<String>,
    /// Its unit, if the catalog knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How much, exact.
    pub quantity: String,
    /// What it costs the subscription that pays for now: its part of the shares of that statement. None where it is not
    /// charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
}

/// Usage that no tenant mapping claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnmappedUsage {
    /// The stack.
    pub cloud_id: String,
    /// The name of the stack's registration, if it ever had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_name: Option<String>,
    /// The local subscription.
    pub local_subscription_id: String,
    /// Its directory tenant, if the stack's directory lists it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The customer that the directory tenant belongs to, if the books know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
    /// Why no mapping claims it.
    pub reason: Reason,
    /// The subscription that pays for now; none where the stack was not registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charged_to: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charged_to_name: Option<String>,
    /// The first hour in which something was used.
    pub from: String,
    /// The end of the last hour in which something was used.
    pub to: String,
    /// Hours since `from`: how long it has been waiting for somebody to claim it.
    pub age_hours: i64,
    /// Hours since the last hour in which something was used began: how long ago that went on.
    #[serde(default)]
    pub newest_age_hours: i64,
    /// How many records.
    pub records: u64,
    /// How much.
    pub used: Vec<UnmappedQuantity>,
    /// What it costs the subscription that pays for now: the sum of the amounts. None where nothing has a price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// Why nobody can say what it costs: the subscription that pays for now has no statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<WhyNot>,
    /// The currency of every amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// What all of it is worth at list price, whoever pays for now and by whose prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_value: Option<ListValue>,
    /// Why it is not said what it is worth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_list_value: Option<WhyNot>,
}

/// A usage record as it counts now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageRecord {
    /// The local subscription.
    pub local_subscription_id: String,
    /// The local meter.
    pub local_meter_id: String,
    /// The resource, in the case first seen.
    pub resource_uri: String,
    /// Where it was.
    pub location: String,
    /// Its tags, as sent.
    pub tags: String,
    /// What its provider added, as sent.
    pub additional_info: String,
    /// The usage start.
    pub usage_start: String,
    /// The usage end.
    pub usage_end: String,
    /// How much, exact.
    pub quantity: String,
    /// The reported time.
    pub reported: String,
    /// The batch it came in.
    pub batch_id: String,
}
