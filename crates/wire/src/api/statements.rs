//! Statements, and the check of the laws.

use domain::attribution;
use domain::catalog::Catalog;
use domain::laws;
use domain::quantity::{Quantity, Rational, decimal_text};
use domain::statement::{self, Pricing};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PriceTier;

/// The most decimal places in which a quantity or an exact amount is shown. What is longer is rounded for showing
/// only: amounts are made from the exact numbers.
const PLACES_MAX: u32 = 12;

fn shown(number: &Rational) -> String {
    decimal_text(number, PLACES_MAX).0
}

/// What a quantity is where nothing is said of it.
const fn exact() -> bool {
    true
}

/// Whether a period can still change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum StatementStatus {
    /// It can: usage may still come.
    Open,
}

/// Why a payer pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// The tenant is mapped to this subscription.
    TenantMapping,
    /// The default subscription pays, because nobody added the tenant.
    TenantNotMapped,
    /// The default subscription pays, because the stack's directory does not list the local subscription.
    LocalSubscriptionUnknown,
    /// Nobody pays, because the stack was not registered.
    Unregistered,
    /// More than one of these; see the shares.
    Several,
}

impl From<attribution::Reason> for Reason {
    fn from(reason: attribution::Reason) -> Self {
        match reason {
            attribution::Reason::TenantMapping => Self::TenantMapping,
            attribution::Reason::TenantNotMapped => Self::TenantNotMapped,
            attribution::Reason::LocalSubscriptionUnknown => Self::LocalSubscriptionUnknown,
        }
    }
}

/// What was charged in one step of a graduated price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TierCharge {
    /// The step.
    #[serde(flatten)]
    pub tier: PriceTier,
    /// How much fell into it.
    pub quantity: String,
    /// What that costs, before rounding.
    pub amount: String,
}

/// The part of a line that one stack's tenant used, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// The stack.
    pub cloud_id: String,
    /// The directory tenant, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Why the payer is charged for it.
    pub reason: Reason,
    /// How much.
    pub quantity: String,
    /// Its part of the line's amount.
    pub amount: String,
}

/// One line of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The billing meter.
    pub meter_id: String,
    /// Its name.
    pub meter_name: String,
    /// Its category.
    pub category: String,
    /// Its unit.
    pub unit: String,
    /// How much was used, in 12 decimal places at the most. Amounts are made from the exact numbers, never from this
    /// text.
    pub quantity: String,
    /// Whether `quantity` is the exact number, and not one that was rounded for showing.
    #[serde(default = "exact")]
    pub quantity_is_exact: bool,
    /// How much of it was free because it is included.
    pub included_quantity: String,
    /// The price of one unit, where there is but one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<String>,
    /// The steps of a graduated price that were reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiers: Option<Vec<TierCharge>>,
    /// The first hour from which this price held; none for a stack registered for development.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_since: Option<String>,
    /// What the line costs: rounded once.
    pub amount: String,
    /// Why the payer pays.
    pub reason: Reason,
    /// Who used it; their amounts sum to the line's.
    pub shares: Vec<Share>,
}

/// Why usage is shown without being charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum NotChargedBecause {
    /// The local meter is informational.
    Informational,
    /// The catalog does not have the local meter.
    UnknownLocalMeter,
    /// The price list has no price.
    NoPrice,
    /// The stack is paid for by capacity.
    Capacity,
}

/// Usage that is shown and not charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotCharged {
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
    /// Why it is not charged.
    pub because: NotChargedBecause,
}

/// The running bill of a subscription for a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// The payer.
    pub subscription_id: String,
    /// The calendar month.
    pub period: String,
    /// Whether it can still change.
    pub status: StatementStatus,
    /// The price lists that applied, in the order of their hours.
    pub price_lists: Vec<String>,
    /// The currency of every amount.
    pub currency: String,
    /// The sum of the lines.
    pub total: String,
    /// The lines.
    pub lines: Vec<Line>,
    /// What was used and is not charged.
    pub not_charged: Vec<NotCharged>,
}

impl Statement {
    /// A statement, with the names and units of the catalog.
    #[must_use]
    pub fn of(statement: &statement::Statement, catalog: &Catalog) -> Self {
        Self {
            subscription_id: statement.subscription.to_string(),
            period: statement.period.to_string(),
            status: StatementStatus::Open,
            price_lists: statement.price_lists.iter().map(ToString::to_string).collect(),
            currency: statement.total.currency().to_string(),
            total: statement.total.to_string(),
            lines: statement
                .lines
                .iter()
                .map(|line| Line::of(line, catalog))
                .collect(),
            not_charged: statement
                .not_charged
                .iter()
                .map(|it| NotCharged::of(it, catalog))
                .collect(),
        }
    }
}

impl Line {
    fn of(line: &statement::Line, catalog: &Catalog) -> Self {
        let meter = catalog.billing_meter(line.meter);
        let text =
            |of: fn(&domain::catalog::BillingMeter) -> &String| meter.map(of).cloned().unwrap_or_default();
        let (unit_price, tiers, price_since) = match &line.pricing {
            Pricing::Development => (Some(Quantity::ZERO.to_string()), None, None),
            Pricing::Price { price, since } => match price.tiers() {
                [only] => (Some(only.unit_price.to_string()), None, Some(since.to_string())),
                _ => (
                    None,
                    Some(line.rated.tiers.iter().map(TierCharge::from).collect()),
                    Some(since.to_string()),
                ),
            },
        };
        let (quantity, quantity_is_exact) = decimal_text(&line.quantity, PLACES_MAX);
        Self {
            meter_id: line.meter.to_string(),
            meter_name: text(|meter| &meter.name),
            category: text(|meter| &meter.category),
            unit: text(|meter| &meter.unit),
            quantity,
            quantity_is_exact,
            included_quantity: shown(&line.rated.included),
            unit_price,
            tiers,
            price_since,
            amount: line.amount.to_string(),
            reason: line.reason().map_or(Reason::Several, Reason::from),
            shares: line.shares.iter().map(Share::from).collect(),
        }
    }
}

impl From<&domain::rating::TierCharge> for TierCharge {
    fn from(charge: &domain::rating::TierCharge) -> Self {
        let tier = PriceTier {
            from: charge.from.to_string(),
            unit_price: charge.unit_price.to_string(),
        };
        Self {
            tier,
            quantity: shown(&charge.quantity),
            amount: shown(&charge.amount),
        }
    }
}

impl From<&statement::Share> for Share {
    fn from(share: &statement::Share) -> Self {
        Self {
            cloud_id: share.stack.to_string(),
            tenant_id: share.tenant.map(|tenant| tenant.to_string()),
            reason: share.reason.into(),
            quantity: shown(&share.quantity),
            amount: share.amount.to_string(),
        }
    }
}

impl NotCharged {
    fn of(not_charged: &statement::NotCharged, catalog: &Catalog) -> Self {
        let meter = catalog.local_meter(not_charged.local_meter);
        Self {
            local_meter_id: not_charged.local_meter.to_string(),
            local_meter_name: meter.map(|meter| meter.name.clone()),
            unit: meter.map(|meter| meter.unit.clone()),
            quantity: not_charged.quantity.to_string(),
            because: match not_charged.because {
                statement::NotChargedBecause::Informational => NotChargedBecause::Informational,
                statement::NotChargedBecause::UnknownLocalMeter => NotChargedBecause::UnknownLocalMeter,
                statement::NotChargedBecause::NoPrice => NotChargedBecause::NoPrice,
                statement::NotChargedBecause::Capacity => NotChargedBecause::Capacity,
            },
        }
    }
}

/// What became of all records ever received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordCounts {
    /// Records received.
    pub received: u64,
    /// Records that count.
    pub counted: u64,
    /// Records superseded by a revision.
    pub superseded: u64,
    /// Duplicates.
    pub duplicate: u64,
    /// Records in quarantine.
    pub quarantined: u64,
}

impl From<laws::RecordCounts> for RecordCounts {
    fn from(counts: laws::RecordCounts) -> Self {
        let laws::RecordCounts {
            received,
            counted,
            superseded,
            duplicate,
            quarantined,
        } = counts;
        Self {
            received,
            counted,
            superseded,
            duplicate,
            quarantined,
        }
    }
}

/// What a check of the laws found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LawCheck {
    /// The period whose usage and statements were checked.
    pub period: String,
    /// Whether every law holds.
    pub holds: bool,
    /// What became of all records ever received.
    pub records: RecordCounts,
    /// How many statements were drawn up.
    pub statements: usize,
    /// What does not hold.
    pub violations: Vec<String>,
}
