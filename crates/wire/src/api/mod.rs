//! Our own API, `/api/v1`: JSON with camelCase members. Decimals are strings, ids are GUIDs in lower case, times are
//! UTC.
//!
//! A request with a member that it should not have is refused, since a misspelt member would otherwise be lost in
//! silence. Responses may gain members.

mod accounts;
mod backdating;
mod budgets;
mod completeness;
mod explain;
mod forecasts;
mod identity;
mod invoices;
mod known_receipts;
mod line_id;
mod margins;
mod operators;
mod periods;
mod price_drafts;
mod prices;
mod profiles;
mod quarantine;
mod reconciliations;
mod registrations;
mod roles;
mod sales;
mod statements;
mod suggestions;
mod usage;
mod webhooks;

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use accounts::{
    Customer, NewCustomer, NewPartner, NewSubscription, Partner, PartnerKind, Subscription, SubscriptionKind,
    SubscriptionState,
};
pub use backdating::{BillDifference, MappingPreview, MovedUsage, SettledBy};
pub use budgets::{Budget, BudgetNames, BudgetReached, BudgetTag, SetBudget};
pub use completeness::{
    CompletenessFinding, HourCompleteness, HourCounts, HourState, SilentSeries, StackCompleteness,
    StackCompletenessByHour,
};
pub use explain::{Decided, LineExplained, LinePart, PartKind, SaidByBatch, StretchOfUsage};
pub use forecasts::{
    AccountChange, AccountForecast, AmountChange, BillPart, BillPartKind, Forecast, ForecastMethod,
    PartChange, PartForecast, StackForecast, TotalChange, WhatIf,
};
pub use identity::{
    Application, Certificate, ChangePassword, Directory, Group, NewApplication, NewCertificate, NewDirectory,
    NewGroup, NewSecret, NewUser, Secret, SecretKept, SetPassword, User,
};
pub use invoices::{
    CapacityCharge, CommitmentCharge, CoreDays, CorrectionCause, CreditGranted, Invoice, InvoiceCorrection,
    InvoiceLine, InvoiceReplay, InvoiceStatus, InvoiceSummary, LineKind, PeriodReplay, RunningStatement,
    StackWithoutFee, SubscriptionNotCharged, TaxCharge, WithoutFeeBecause,
};
pub use known_receipts::{
    InvalidKnownReceipts, KNOWN_RECEIPTS, KNOWN_RECEIPTS_MAX, KnownReceipt, KnownReceipts,
};
pub use line_id::{InvalidLineId, LineId, LineOf};
pub use margins::{Margin, MarginLine, MarginRate, Margins};
pub use operators::{MadeOperatorCredential, NewOperatorCredential, OperatorCredential};
pub use periods::{
    AgreedTerms, Amount, BillingPeriod, ClosePeriod, ExchangeRate, PeriodState, PeriodWaiver,
    SetExchangeRate, SetTerms, StateCores, StatedCores, TermsCapacityFee, TermsOfSale, TermsTax,
    WaitingStack, WaiveStack,
};
pub use price_drafts::{
    DerivedFrom, MeterChange, MeterDifference, PriceImport, PriceListDiff, PriceListDraft, RejectedRow,
    TierDifference, UnknownMeter,
};
pub use prices::{
    CurrencyTotal, Meter, MeterBilling, MeterPrice, PriceList, PriceListVersion, PriceSource, PriceTier,
    PublishPriceList, PublishedPriceList, RepricedMonth, VersionStatus,
};
pub use profiles::{Profile, SetProfile};
pub use quarantine::{
    MendedRecord, PurgeQuarantined, QuarantineAct, QuarantineCount, QuarantineFilter, QuarantinePurged,
    QuarantineReleased, QuarantineSelection, QuarantinedRecord, ReleaseQuarantined, ReleaseStopped,
    ReleaseWarning, ReleasedBatch, ReleasedNotCounting, StillWaiting,
};
pub use reconciliations::{
    Compared, ComparedClass, DifferenceClass, LineItemKind, ReconciledAmounts, ReconciledDifference,
    ReconciledQuantities, ReconciledSide, Reconciliation, RejectedLineItem, UnderstoodFile,
};
pub use registrations::{
    ActivationKeysRevoked, Advice, BackdateRegistration, DirectoryTaken, MapTenant, MappingVersion,
    MultiTenancyApproval, RegisteredHours, Stack, Warning,
};
pub use roles::{
    AssignPartnerRole, CallerKind, Me, MyGroup, MyRole, PartnerRole, PartnerRoleAssignment, PartnerRoleName,
    PrincipalKind,
};
pub use sales::{
    AccountText, BillAccount, BillBuyer, BillSeller, BuyerKind, BuyerText, InvalidParty, NamedBuyer,
    RunningAccount, SellerKind, SellerText,
};
pub use statements::{
    LawCheck, Line, ListedStatement, Measured, NoStatement, NoStatementStatus, NotCharged, NotChargedBecause,
    Party, Reason, RecordCounts, Share, Statement, StatementStatus, TierCharge, WhyNot,
};
pub use suggestions::{ListValue, SuggestedSubscription, TenantSuggestion, UnclaimedHours};
pub use usage::{
    DeliveryReceipt, MeasuredUsage, Problem, Receipt, UnmappedQuantity, UnmappedUsage, UsageRecord,
    UsedQuantity,
};
pub use webhooks::{
    DeliveryStatus, NoticeAsked, NoticeBody, PutWebhook, Trouble, Webhook, WebhookDelivery, WebhookKey,
};

/// A part of a list. `nextLink` is there when there is more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items.
    pub value: Vec<T>,
    /// Where to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_link: Option<String>,
}

/// A member of a request that cannot be what it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{target}: {message}")]
pub struct InvalidMember {
    /// The member, as in `customerId` or `prices[3].rates`.
    pub target: String,
    /// What would be right.
    pub message: String,
}

impl InvalidMember {
    /// The stable code.
    pub const CODE: &'static str = "InvalidProperty";

    pub(crate) fn new(target: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            message: message.into(),
        }
    }
}

/// Reads a member.
fn member<T: FromStr<Err: std::fmt::Display>>(target: &str, text: &str) -> Result<T, InvalidMember> {
    text.parse()
        .map_err(|error: T::Err| InvalidMember::new(target, format!("{error}; got '{}'", shortened(text))))
}

fn optional<T: FromStr<Err: std::fmt::Display>>(
    target: &str,
    text: Option<&str>,
) -> Result<Option<T>, InvalidMember> {
    text.map(|text| member(target, text)).transpose()
}

/// Names are for people: something readable of a reasonable length.
fn name(target: &str, text: String) -> Result<String, InvalidMember> {
    const CHARACTERS_MAX: usize = 200;
    if text.trim().is_empty() || text.chars().count() > CHARACTERS_MAX || text.chars().any(char::is_control) {
        let message =
            format!("expected a name of 1 to {CHARACTERS_MAX} characters without control characters");
        return Err(InvalidMember::new(target, message));
    }
    Ok(text)
}

/// What a caller sent, short enough to be sent back.
fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 80;
    let mut shortened: String = text.chars().take(CHARACTERS_MAX).collect();
    if shortened.len() < text.len() {
        shortened.push('…');
    }
    shortened
}
