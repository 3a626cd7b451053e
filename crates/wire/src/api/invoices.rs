//! Invoices of closed periods, and what the bill of an open one comes to so far.

use domain::bundle::Digest;
use domain::catalog::Catalog;
use domain::invoice::{self, BillNames, InvoiceNumber};
use domain::money::Money;
use domain::reckoning::{self, Cause, LineKey, Made, NoFeeBecause, ReckonedLine};
use domain::time::Period;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::line_id::{LineId, LineOf};
use super::sales::BillAccount;
use super::statements::{Line, NotCharged, exact, shown};

/// Whether a bill can still change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum InvoiceStatus {
    /// It can: its period is open, and it has no number.
    Open,
    /// It never does.
    Issued,
}

/// What a line is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum LineKind {
    /// Usage of a meter at one price.
    Usage,
    /// The fee for the cores of a stack.
    CapacityFee,
    /// What usage and fees fall short of the commitment.
    MinimumCommitment,
    /// What is not charged.
    Credit,
    /// Tax on the lines before.
    Tax,
}

impl From<LineKey> for LineKind {
    fn from(key: LineKey) -> Self {
        match key {
            LineKey::Usage { .. } => Self::Usage,
            LineKey::CapacityFee { .. } => Self::CapacityFee,
            LineKey::MinimumCommitment => Self::MinimumCommitment,
            LineKey::Credit => Self::Credit,
            LineKey::Tax => Self::Tax,
        }
    }
}

/// Days on which a stack had so many cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoreDays {
    /// The cores.
    pub cores: u32,
    /// The days.
    pub days: u32,
}

/// What the fee for a stack is made of: cores times days times the fee of a year, by the days of the year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapacityCharge {
    /// The stack.
    pub cloud_id: String,
    /// The name of its registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_name: Option<String>,
    /// What one core costs in a year.
    pub per_core_and_year: String,
    /// On how many days of the period the stack had how many cores.
    pub core_days: Vec<CoreDays>,
    /// How many days the year has.
    pub days_of_year: i16,
    /// What that costs before it is rounded to the line's amount.
    pub exact_amount: String,
    /// Whether `exactAmount` is the exact number, and not one that was rounded to 12 places for showing.
    #[serde(default = "exact")]
    pub exact_amount_is_exact: bool,
}

/// What a minimum commitment is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommitmentCharge {
    /// What was agreed on.
    pub commitment: String,
    /// What usage and fees came to.
    pub reached: String,
}

/// What a credit is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreditGranted {
    /// All of it; the line takes no more than there was to charge.
    pub granted: String,
}

/// What a tax is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaxCharge {
    /// What it is called.
    pub label: String,
    /// Its rate in percent.
    pub percent: String,
    /// The amount that it is on: the sum of the lines before.
    pub on: String,
}

/// A line of a bill. Of what it was made the member of its kind says; the others are absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceLine {
    /// Finds it again, among the lines of all bills.
    pub id: String,
    /// What it is of.
    pub kind: LineKind,
    /// The subscription that pays; none for lines that belong to the whole bill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_name: Option<String>,
    /// What it costs: rounded once.
    pub amount: String,
    /// Of usage: what a statement says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Box<Line>>,
    /// Of the fee for a stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_fee: Option<CapacityCharge>,
    /// Of what was missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_commitment: Option<CommitmentCharge>,
    /// Of what was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<CreditGranted>,
    /// Of the lines before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<TaxCharge>,
}

/// What changed since a line was billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum CorrectionCause {
    /// Usage came in.
    LateUsage,
    /// Usage was reported anew with another quantity, or taken out.
    Revision,
    /// Somebody else pays, or for another reason: a mapping, a registration or a directory was set right.
    Attribution,
    /// Prices were published for these hours.
    Prices,
    /// Seller and buyer agreed on something else.
    Terms,
    /// The catalog converts a local meter in another way.
    Catalog,
    /// More than one of these, or none that can be told.
    Several,
}

impl From<Cause> for CorrectionCause {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::LateUsage => Self::LateUsage,
            Cause::Revision => Self::Revision,
            Cause::Attribution => Self::Attribution,
            Cause::Prices => Self::Prices,
            Cause::Terms => Self::Terms,
            Cause::Catalog => Self::Catalog,
            Cause::Several => Self::Several,
        }
    }
}

/// What sets right a line of a period that was closed before: what it would cost now, less what was billed for it so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceCorrection {
    /// Finds it again, among the lines of all bills.
    pub id: String,
    /// The closed period.
    pub period: String,
    /// What the line is of.
    pub kind: LineKind,
    /// The subscription that pays; none for lines that belong to the whole bill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_name: Option<String>,
    /// Of usage: the billing meter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_id: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_name: Option<String>,
    /// Of usage: the first hour from which the price of the line held; none for a stack registered for development.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_since: Option<String>,
    /// Of the fee for a stack: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_id: Option<String>,
    /// The name of its registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_name: Option<String>,
    /// What the line was billed with so far.
    pub billed: String,
    /// What it would cost now.
    pub now: String,
    /// The one less the other: what is charged.
    pub amount: String,
    /// What changed.
    pub cause: CorrectionCause,
}

/// The bill of one account for one period: all that a seller sells to a buyer in one currency. That of a closed period
/// never changes; what it got wrong is set right by corrections in a later one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invoice {
    /// Its number, such as `MB-000042`; none as long as its period is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Whether it can still change.
    pub status: InvoiceStatus,
    /// Whether the seller owes the buyer.
    pub is_credit_note: bool,
    /// Who sells to whom, in which currency.
    #[serde(flatten)]
    pub account: BillAccount,
    /// The calendar month.
    pub period: String,
    /// When it was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<String>,
    /// The lines of the period.
    pub lines: Vec<InvoiceLine>,
    /// What sets right earlier periods.
    pub corrections: Vec<InvoiceCorrection>,
    /// The sum of all lines and corrections but those of tax.
    pub subtotal: String,
    /// The sum of the lines and corrections of tax.
    pub tax: String,
    /// The one and the other.
    pub total: String,
    /// The price lists that applied, by name.
    pub price_lists: Vec<String>,
    /// The digest of the catalog it was reckoned with.
    pub catalog_digest: String,
    /// The digest of up to which delivery of each stack usage counts.
    pub marks_digest: String,
}

/// An invoice in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceSummary {
    /// Its number.
    pub number: String,
    /// Whether the seller owes the buyer.
    pub is_credit_note: bool,
    /// Who sells to whom, in which currency.
    #[serde(flatten)]
    pub account: BillAccount,
    /// The calendar month.
    pub period: String,
    /// How many lines it has.
    pub lines: u64,
    /// How many corrections it has.
    pub corrections: u64,
    /// The sum of all lines and corrections but those of tax.
    pub subtotal: String,
    /// The sum of the lines and corrections of tax.
    pub tax: String,
    /// The one and the other.
    pub total: String,
}

impl InvoiceSummary {
    /// An invoice in a list, with the names of its parties.
    #[must_use]
    pub fn of(invoice: &invoice::Invoice, names: &BillNames) -> Self {
        Self {
            number: invoice.number.to_string(),
            is_credit_note: invoice.is_credit_note(),
            account: BillAccount::of(invoice.account, &names.account),
            period: invoice.period.to_string(),
            lines: invoice.lines.len() as u64,
            corrections: invoice.corrections.len() as u64,
            subtotal: invoice.subtotal.to_string(),
            tax: invoice.tax.to_string(),
            total: invoice.total.to_string(),
        }
    }
}

impl Invoice {
    /// An invoice that was issued at a time, with the names and units of the catalog and the names of its parties.
    #[must_use]
    pub fn issued(
        invoice: &invoice::Invoice,
        issued_at: Option<String>,
        catalog: &Catalog,
        names: &BillNames,
    ) -> Self {
        let of = LineOf::from(invoice.number);
        Self {
            number: Some(invoice.number.to_string()),
            status: InvoiceStatus::Issued,
            issued_at,
            ..Self::of(invoice, &of, catalog, names)
        }
    }

    /// What the bill of an open period comes to so far.
    #[must_use]
    pub fn running(invoice: &invoice::Invoice, catalog: &Catalog, names: &BillNames) -> Self {
        let (period, account) = (invoice.period, invoice.account);
        Self::of(invoice, &LineOf::Running { period, account }, catalog, names)
    }

    fn of(invoice: &invoice::Invoice, of: &LineOf, catalog: &Catalog, names: &BillNames) -> Self {
        let lines = invoice.lines.iter();
        let lines = lines.map(|(key, line)| {
            let id = id(of, invoice.period, *key);
            InvoiceLine::of(id, *key, line, catalog, names)
        });
        let corrections = invoice.corrections.iter();
        let corrections = corrections.map(|it| {
            let id = id(of, it.period, it.key);
            InvoiceCorrection::of(id, it, catalog, names)
        });
        Self {
            number: None,
            status: InvoiceStatus::Open,
            is_credit_note: invoice.is_credit_note(),
            account: BillAccount::of(invoice.account, &names.account),
            period: invoice.period.to_string(),
            issued_at: None,
            lines: lines.collect(),
            corrections: corrections.collect(),
            subtotal: invoice.subtotal.to_string(),
            tax: invoice.tax.to_string(),
            total: invoice.total.to_string(),
            price_lists: invoice.price_lists.iter().map(ToString::to_string).collect(),
            catalog_digest: digest(invoice.inputs.catalog),
            marks_digest: digest(invoice.inputs.marks),
        }
    }
}

fn id(of: &LineOf, period: Period, key: LineKey) -> String {
    let of = of.clone();
    LineId { of, period, key }.to_string()
}

/// A digest as it is written: hexadecimal digits.
pub(super) fn digest(bytes: [u8; 32]) -> String {
    Digest::from_bytes(bytes).to_string()
}

fn subscription(key: LineKey, names: &BillNames) -> (Option<String>, Option<String>) {
    let subscription = key.subscription();
    let name = subscription.and_then(|id| names.subscriptions.get(&id).cloned());
    (subscription.map(|id| id.to_string()), name)
}

impl InvoiceLine {
    /// A line, under the id of it.
    #[must_use]
    pub fn of(id: String, key: LineKey, line: &ReckonedLine, catalog: &Catalog, names: &BillNames) -> Self {
        let (subscription_id, subscription_name) = subscription(key, names);
        let mut shown = Self {
            id,
            kind: key.into(),
            subscription_id,
            subscription_name,
            amount: line.amount.to_string(),
            usage: None,
            capacity_fee: None,
            minimum_commitment: None,
            credit: None,
            tax: None,
        };
        let text = |money: &Money| money.to_string();
        match &line.made {
            Made::Usage(made) => shown.usage = Some(Box::new(Line::of(made, catalog, &names.users))),
            Made::CapacityFee(charge) => shown.capacity_fee = CapacityCharge::of(key, charge, names),
            Made::MinimumCommitment { commitment, reached } => {
                shown.minimum_commitment = Some(CommitmentCharge {
                    commitment: text(commitment),
                    reached: text(reached),
                });
            }
            Made::Credit { granted } => {
                shown.credit = Some(CreditGranted {
                    granted: text(granted),
                });
            }
            Made::Tax { tax, on } => {
                shown.tax = Some(TaxCharge {
                    label: tax.label.clone(),
                    percent: tax.percent.to_string(),
                    on: text(on),
                });
            }
        }
        shown
    }
}

impl CapacityCharge {
    fn of(key: LineKey, charge: &reckoning::CapacityCharge, names: &BillNames) -> Option<Self> {
        let LineKey::CapacityFee { stack, .. } = key else {
            return None;
        };
        let (exact_amount, exact_amount_is_exact) = shown(&charge.exact);
        let days = charge.days.iter();
        let days = days.map(|(cores, days)| CoreDays {
            cores: *cores,
            days: *days,
        });
        Some(Self {
            cloud_id: stack.to_string(),
            stack_name: names.users.stacks.get(&stack).cloned(),
            per_core_and_year: charge.fee.per_core_and_year.to_string(),
            core_days: days.collect(),
            days_of_year: charge.days_of_year,
            exact_amount,
            exact_amount_is_exact,
        })
    }
}

impl InvoiceCorrection {
    /// A correction, shown.
    #[must_use]
    pub fn of(id: String, correction: &reckoning::Correction, catalog: &Catalog, names: &BillNames) -> Self {
        let (subscription_id, subscription_name) = subscription(correction.key, names);
        let (mut meter, mut since, mut stack) = (None, None, None);
        match correction.key {
            LineKey::Usage {
                meter: of, since: at, ..
            } => (meter, since) = (Some(of), at),
            LineKey::CapacityFee { stack: of, .. } => stack = Some(of),
            LineKey::MinimumCommitment | LineKey::Credit | LineKey::Tax => {}
        }
        let known = meter.and_then(|meter| catalog.billing_meter(meter));
        Self {
            id,
            period: correction.period.to_string(),
            kind: correction.key.into(),
            subscription_id,
            subscription_name,
            meter_id: meter.map(|meter| meter.to_string()),
            meter_name: known.map(|meter| meter.name.clone()),
            price_since: since.map(|since| since.to_string()),
            cloud_id: stack.map(|stack| stack.to_string()),
            stack_name: stack.and_then(|stack| names.users.stacks.get(&stack).cloned()),
            billed: correction.billed.to_string(),
            now: correction.now.to_string(),
            amount: correction.amount.to_string(),
            cause: correction.cause.into(),
        }
    }
}

/// What one subscription used that is not charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionNotCharged {
    /// The subscription that would pay.
    pub subscription_id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_name: Option<String>,
    /// What is not charged.
    pub not_charged: Vec<NotCharged>,
}

/// Why days of a stack that pays by capacity have no fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum WithoutFeeBecause {
    /// Its token does not state its cores, and nobody did.
    CoresUnknown,
    /// Seller and buyer did not agree on a fee in this currency.
    NoFeeAgreed,
}

/// Days of a stack that pays by capacity, for which no fee is charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StackWithoutFee {
    /// The subscription that would pay.
    pub subscription_id: String,
    /// The stack.
    pub cloud_id: String,
    /// The name of its registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_name: Option<String>,
    /// How many days.
    pub days: u32,
    /// Why.
    pub because: WithoutFeeBecause,
}

/// What the bill of an account for an open period comes to so far, with what sets right closed ones if it is the next to be
/// closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunningStatement {
    /// What the invoice would say. Its status is `open` and it has no number.
    pub bill: Invoice,
    /// What was used and is not charged, by who would pay.
    pub not_charged: Vec<SubscriptionNotCharged>,
    /// Stacks that no fee could be reckoned for.
    pub without_fee: Vec<StackWithoutFee>,
}

impl SubscriptionNotCharged {
    /// What is not charged of a subscription.
    #[must_use]
    pub fn of(
        subscription: domain::ids::SubscriptionId,
        not_charged: &[domain::statement::NotCharged],
        catalog: &Catalog,
        names: &BillNames,
    ) -> Self {
        let not_charged = not_charged.iter().map(|it| NotCharged::of(it, catalog));
        Self {
            subscription_id: subscription.to_string(),
            subscription_name: names.subscriptions.get(&subscription).cloned(),
            not_charged: not_charged.collect(),
        }
    }
}

impl StackWithoutFee {
    /// Days without a fee.
    #[must_use]
    pub fn of(without_fee: &reckoning::WithoutFee, names: &BillNames) -> Self {
        Self {
            subscription_id: without_fee.subscription.to_string(),
            cloud_id: without_fee.stack.to_string(),
            stack_name: names.users.stacks.get(&without_fee.stack).cloned(),
            days: without_fee.days,
            because: match without_fee.because {
                NoFeeBecause::CoresUnknown => WithoutFeeBecause::CoresUnknown,
                NoFeeBecause::NoFeeAgreed => WithoutFeeBecause::NoFeeAgreed,
            },
        }
    }
}

/// What reckoning an invoice again came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceReplay {
    /// The invoice.
    pub number: String,
    /// Whether it is the same as what was issued, byte for byte.
    pub same: bool,
    /// The BLAKE3 digest of what was issued.
    pub stored_digest: String,
    /// The digest of what is reckoned now; none if no such invoice is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed_digest: Option<String>,
    /// Where they differ first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
}

impl InvoiceReplay {
    /// Of this invoice, with these digests.
    #[must_use]
    pub fn of(
        number: InvoiceNumber,
        stored: [u8; 32],
        computed: Option<[u8; 32]>,
        same: bool,
        difference: Option<String>,
    ) -> Self {
        Self {
            number: number.to_string(),
            same,
            stored_digest: digest(stored),
            computed_digest: computed.map(digest),
            difference,
        }
    }
}

/// What reckoning all invoices of a closed period again came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeriodReplay {
    /// The calendar month.
    pub period: String,
    /// Whether all of them are the same as what was issued, byte for byte.
    pub same: bool,
    /// Each of them, by seller, buyer and currency.
    pub invoices: Vec<InvoiceReplay>,
}
