//! Lines of invoices, opened one level at a time.

use domain::money::Money;
use domain::quantity::Rational;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::invoices::{InvoiceCorrection, InvoiceLine};
use super::statements::{Reason, shown};

/// What a part of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PartKind {
    /// The line itself.
    Line,
    /// A correction.
    Correction,
    /// What was billed so far for the line that it sets right: taken off.
    Billed,
    /// What that line costs as of the invoice.
    Now,
    /// What one tenant of a stack used, for one reason.
    Share,
    /// Usage of one local meter by one local subscription, in hours in which it was charged alike.
    Stretch,
    /// A day of it.
    Day,
    /// A resource.
    Resource,
    /// A record: everything that was said about it until the period was closed.
    Record,
}

/// Something that was set and that a line is made by, or by which its payer pays; with who set it and when, where the caller
/// reads that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decided {
    /// The price list, of a version of prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_list: Option<String>,
    /// How many, of the cores that were stated for a stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
    /// The number of the entry in the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// When it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_at: Option<String>,
    /// Who set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_by: Option<String>,
    /// The first hour for which it holds.
    pub valid_from: String,
    /// The hour after the last; without an end there is none, or none that the caller reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<String>,
}

/// Usage of one local meter by one local subscription, and why it is charged to this payer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StretchOfUsage {
    /// The local subscription.
    pub local_subscription_id: String,
    /// The local meter.
    pub local_meter_id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_meter_name: Option<String>,
    /// Its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_unit: Option<String>,
    /// The first hour.
    pub from: String,
    /// The hour after the last.
    pub to: String,
    /// What one unit of the local meter is in units of the billing meter: an exact fraction such as `1/744`, or a whole
    /// number.
    pub factor: String,
    /// The registration that was valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_id: Option<String>,
    /// The tenant mapping that decided, where one did (or its removal).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<Decided>,
}

/// What a batch said about a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SaidByBatch {
    /// How much, in the local meter's unit.
    pub quantity: String,
    /// The reported time of the batch.
    pub reported: String,
    /// The batch.
    pub batch_id: String,
    /// The number of its receipt among those of the stack.
    pub receipt: u64,
    /// Whether it is the one that counts.
    pub counts: bool,
}

/// A part of a line: one of those that sum to what was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinePart {
    /// What it is.
    pub kind: PartKind,
    /// How to open it; a record is not opened further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<String>,
    /// What it adds to what is opened from the top. What was billed so far is taken off, and so is all that it is made of: below
    /// zero, where what was billed is above.
    pub amount: String,
    /// How much was used, whatever the sign of the amount, in the billing meter's unit: all of it where that is a decimal with an end, and otherwise rounded to 12
    /// places for showing. None of a line that is made of no usage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<String>,
    /// Whether `quantity` is the exact number.
    #[serde(default = "super::statements::exact")]
    pub quantity_is_exact: bool,
    /// How much it is in the local meter's unit, exact; of a stretch and what it is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_quantity: Option<String>,
    /// The stack, of a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_id: Option<String>,
    /// The name of the stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_name: Option<String>,
    /// The directory tenant, of a share, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The customer that the tenant belongs to, if the books know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
    /// Why the payer is charged, of a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Of a stretch: whose usage it is, and who decided that this payer is charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stretch: Option<StretchOfUsage>,
    /// The day, of a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// The resource, of a resource, in the case first seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_uri: Option<String>,
    /// The usage start, of a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Everything that was said about a record, in the order in which it came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<SaidByBatch>,
}

impl LinePart {
    /// A part of which nothing is told but what it adds to the line.
    #[must_use]
    pub fn of(kind: PartKind, amount: Money, quantity: Option<&Rational>) -> Self {
        let quantity = quantity.map(shown);
        Self {
            kind,
            open: None,
            amount: amount.to_string(),
            quantity_is_exact: quantity.as_ref().is_none_or(|(_, exact)| *exact),
            quantity: quantity.map(|(text, _)| text),
            local_quantity: None,
            cloud_id: None,
            stack_name: None,
            tenant_id: None,
            customer_name: None,
            reason: None,
            stretch: None,
            day: None,
            resource_uri: None,
            start: None,
            said: Vec::new(),
        }
    }
}

/// One level of a line, opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineExplained {
    /// The invoice.
    pub number: String,
    /// The currency of every amount.
    pub currency: String,
    /// The line: its price, tiers, conversion, or whatever else it is made by. None of a correction of which no side is
    /// opened. Of what was billed so far it is the line as it was billed, before it is taken off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<InvoiceLine>,
    /// The correction, if it is one that is opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<InvoiceCorrection>,
    /// The version of prices that the line is made by, and of those lists that it follows; or the terms that say it, and the
    /// cores that were stated. Of lists that the caller does not read there is the line's own alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decided>,
    /// What is opened.
    pub is: LinePart,
    /// What that is made of: their amounts sum to its own, exactly, and their quantities do.
    pub parts: Vec<LinePart>,
    /// How many parts there are.
    pub parts_in_all: u64,
    /// From which part on to ask for more, if there are more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}
