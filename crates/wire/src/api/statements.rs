//! Statements, and the check of the laws.

use domain::attribution;
use domain::catalog::Catalog;
use domain::laws;
use domain::quantity::{Quantity, Rational, decimal_text};
use domain::statement::{self, Names, Pricing};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PriceSource, PriceTier};

/// The decimal places in which a number is shown that has no end, such as a 744th. It is rounded for showing only:
/// amounts are made from the exact numbers.
const PLACES_OF_ENDLESS: u32 = 12;

/// A number, and whether the text is exactly that.
pub(super) fn shown(number: &Rational) -> (String, bool) {
    decimal_text(number, PLACES_OF_ENDLESS)
}

/// What a number is where nothing is said of it.
pub(super) const fn exact() -> bool {
    true
}

/// What a price includes where nothing is said of it.
fn nothing() -> String {
    Quantity::ZERO.to_string()
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
    /// How much of the line fell into it.
    pub quantity: String,
    /// Whether `quantity` is the exact number.
    #[serde(default = "exact")]
    pub quantity_is_exact: bool,
    /// Quantity times price: what that costs, before the line is rounded to its amount. The exact numbers of all steps
    /// sum to what is rounded; these texts do where each of them is exact.
    pub amount: String,
    /// Whether `amount` is the exact number.
    #[serde(default = "exact")]
    pub amount_is_exact: bool,
}

/// The part of a line that one stack's tenant used, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// The stack.
    pub cloud_id: String,
    /// The name of the stack's registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_name: Option<String>,
    /// The directory tenant, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The customer that the directory tenant belongs to, if the books know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
    /// Why the payer is charged for it.
    pub reason: Reason,
    /// How much.
    pub quantity: String,
    /// Whether `quantity` is the exact number.
    #[serde(default = "exact")]
    pub quantity_is_exact: bool,
    /// Its part of the line's amount.
    pub amount: String,
}

/// What stacks measured of one local meter for a line. Each quantity times its factor, summed, is the quantity of the
/// line: exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// The local meter.
    pub local_meter_id: String,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_meter_name: Option<String>,
    /// Its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How much, in that unit, exact.
    pub quantity: String,
    /// What one unit of it is in units of the billing meter, in this period: an exact fraction such as `1/744`, or a
    /// whole number.
    pub factor: String,
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
    /// How much was used: all of it where that is a decimal with an end, and otherwise rounded to 12 places for showing.
    /// Amounts are made from the exact numbers, never from this text.
    pub quantity: String,
    /// Whether `quantity` is the exact number, and not one that was rounded for showing. The same is said of every other
    /// number of a statement that could have no end.
    #[serde(default = "exact")]
    pub quantity_is_exact: bool,
    /// What was measured of which local meter, and how it became the quantity.
    #[serde(default)]
    pub measured: Vec<Measured>,
    /// How much of it was free: what this line took of the quantity that its price includes. `quantity` is this and
    /// `chargedQuantity`.
    pub included_quantity: String,
    /// Whether `includedQuantity` is the exact number.
    #[serde(default = "exact")]
    pub included_quantity_is_exact: bool,
    /// What the price includes in the whole month, as price lists say it in their `includedQuantity`. Lines of the same
    /// meter before this one may have taken of it; see `usedBefore`.
    #[serde(default = "nothing")]
    pub price_included_quantity: String,
    /// How much was priced: what the steps of a graduated price divide, or what is multiplied by the one price.
    pub charged_quantity: String,
    /// Whether `chargedQuantity` is the exact number.
    #[serde(default = "exact")]
    pub charged_quantity_is_exact: bool,
    /// The price of one unit, where there is but one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<String>,
    /// Where the price comes from, if the price lists say so: a sample, if for any of the line's hours it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_source: Option<PriceSource>,
    /// How much of the meter was used in the period before this price held, if there was any: on the lines of the same
    /// meter with an earlier `priceSince`. The included quantity counts from the start of the period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_before: Option<String>,
    /// Whether `usedBefore` is the exact number.
    #[serde(default = "exact")]
    pub used_before_is_exact: bool,
    /// The place in the steps of a graduated price at which the line begins, if that is not their beginning: `usedBefore`
    /// less `priceIncludedQuantity`, since the lower bounds of the steps count from the end of what is included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier_position: Option<String>,
    /// Whether `tierPosition` is the exact number.
    #[serde(default = "exact")]
    pub tier_position_is_exact: bool,
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

/// Somebody on a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Party {
    /// Who.
    pub id: String,
    /// The name.
    pub name: String,
}

impl<Id: ToString> From<&statement::Party<Id>> for Party {
    fn from(party: &statement::Party<Id>) -> Self {
        Self {
            id: party.id.to_string(),
            name: party.name.clone(),
        }
    }
}

/// The running bill of a subscription for a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// The payer.
    pub subscription_id: String,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_name: Option<String>,
    /// Whether it was deleted since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub subscription_deleted: bool,
    /// The customer it is sold to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<Party>,
    /// The partner it belongs to, where there is no customer: who pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Party>,
    /// The partner that sells it; without one, the platform does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller: Option<Party>,
    /// The calendar month.
    pub period: String,
    /// Whether it can still change.
    pub status: StatementStatus,
    /// The price lists that applied, in the order of their hours.
    pub price_lists: Vec<String>,
    /// The currency of every amount. Where no price list has prices for the period, that of the next prices there are;
    /// without any, ISO 4217's code for no currency.
    pub currency: String,
    /// The sum of the lines.
    pub total: String,
    /// The lines, by category and name of their meter and then by the time of their price.
    pub lines: Vec<Line>,
    /// What was used and is not charged.
    pub not_charged: Vec<NotCharged>,
}

impl Statement {
    /// A statement, with the names and units of the catalog and the names of its parties.
    #[must_use]
    pub fn of(statement: &statement::Statement, catalog: &Catalog, names: &Names) -> Self {
        Self {
            subscription_id: statement.subscription.to_string(),
            subscription_name: names.subscription.clone(),
            subscription_deleted: names.subscription_deleted,
            customer: names.customer.as_ref().map(Party::from),
            owner: names.owner.as_ref().map(Party::from),
            seller: names.seller.as_ref().map(Party::from),
            period: statement.period.to_string(),
            status: StatementStatus::Open,
            price_lists: statement.price_lists.iter().map(ToString::to_string).collect(),
            currency: statement.total.currency().to_string(),
            total: statement.total.to_string(),
            lines: statement
                .lines
                .iter()
                .map(|line| Line::of(line, catalog, names))
                .collect(),
            not_charged: statement
                .not_charged
                .iter()
                .map(|it| NotCharged::of(it, catalog))
                .collect(),
        }
    }
}

/// That a subscription has no statement for a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum NoStatementStatus {
    /// Its statement cannot be drawn up.
    NotDrawnUp,
}

/// Why something cannot be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhyNot {
    /// A stable code.
    pub code: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// In a list of statements, a subscription that is charged and has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NoStatement {
    /// The payer.
    pub subscription_id: String,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_name: Option<String>,
    /// The calendar month.
    pub period: String,
    /// That there is none.
    pub status: NoStatementStatus,
    /// Why.
    pub problem: WhyNot,
}

/// An entry of a list of statements. What keeps one subscription from having a statement keeps nobody else's back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ListedStatement {
    /// The statement.
    Statement(Box<Statement>),
    /// Why there is none: its `status` is `notDrawnUp`.
    NoStatement(NoStatement),
}

impl ListedStatement {
    /// The statement, if there is one.
    #[must_use]
    pub fn statement(self) -> Option<Statement> {
        match self {
            Self::Statement(statement) => Some(*statement),
            Self::NoStatement(_) => None,
        }
    }
}

impl Line {
    /// A line, with the names and units of the catalog.
    pub(super) fn of(line: &statement::Line, catalog: &Catalog, names: &Names) -> Self {
        let meter = catalog.billing_meter(line.meter);
        let text =
            |of: fn(&domain::catalog::BillingMeter) -> &String| meter.map(of).cloned().unwrap_or_default();
        let (unit_price, tiers) = match &line.pricing {
            Pricing::Development => (Some(Quantity::ZERO.to_string()), None),
            Pricing::Price { price, .. } => match price.tiers() {
                [only] => (Some(only.unit_price.to_string()), None),
                _ => (
                    None,
                    Some(line.rated.tiers.iter().map(TierCharge::from).collect()),
                ),
            },
        };
        let price_since = match &line.pricing {
            Pricing::Development => None,
            Pricing::Price { since, .. } => Some(since.to_string()),
        };
        let (quantity, quantity_is_exact) = shown(&line.quantity);
        let (included_quantity, included_quantity_is_exact) = shown(&line.rated.included);
        let (used_before, used_before_is_exact) = shown(&line.used_before);
        let (charged_quantity, charged_quantity_is_exact) = shown(&line.charged());
        let position = tiers.as_ref().map(|_| line.tier_position());
        let position = position.filter(|position| *position != Rational::default());
        let (tier_position, tier_position_is_exact) = position.map(|position| shown(&position)).unzip();
        Self {
            meter_id: line.meter.to_string(),
            meter_name: text(|meter| &meter.name),
            category: text(|meter| &meter.category),
            unit: text(|meter| &meter.unit),
            quantity,
            quantity_is_exact,
            measured: line
                .measured
                .iter()
                .map(|measured| Measured::of(measured, catalog))
                .collect(),
            included_quantity,
            included_quantity_is_exact,
            price_included_quantity: line.price_included().to_string(),
            charged_quantity,
            charged_quantity_is_exact,
            unit_price,
            price_source: line.price_source().map(PriceSource::from),
            used_before: (line.used_before != Rational::default()).then_some(used_before),
            used_before_is_exact,
            tier_position,
            tier_position_is_exact: tier_position_is_exact.unwrap_or_else(exact),
            tiers,
            price_since,
            amount: line.amount.to_string(),
            reason: line.reason().map_or(Reason::Several, Reason::from),
            shares: line.shares.iter().map(|share| Share::of(share, names)).collect(),
        }
    }
}

impl Measured {
    fn of(measured: &statement::Measured, catalog: &Catalog) -> Self {
        let meter = catalog.local_meter(measured.local_meter);
        Self {
            local_meter_id: measured.local_meter.to_string(),
            local_meter_name: meter.map(|meter| meter.name.clone()),
            unit: meter.map(|meter| meter.unit.clone()),
            quantity: measured.quantity.to_string(),
            factor: measured.factor.to_string(),
        }
    }
}

impl From<&domain::rating::TierCharge> for TierCharge {
    fn from(charge: &domain::rating::TierCharge) -> Self {
        let tier = PriceTier {
            from: charge.from.to_string(),
            unit_price: charge.unit_price.to_string(),
        };
        let (quantity, quantity_is_exact) = shown(&charge.quantity);
        let (amount, amount_is_exact) = shown(&charge.amount);
        Self {
            tier,
            quantity,
            quantity_is_exact,
            amount,
            amount_is_exact,
        }
    }
}

impl Share {
    fn of(share: &statement::Share, names: &Names) -> Self {
        let customer = share.tenant.and_then(|tenant| names.tenants.get(&tenant));
        let (quantity, quantity_is_exact) = shown(&share.quantity);
        Self {
            cloud_id: share.stack.to_string(),
            stack_name: names.stacks.get(&share.stack).cloned(),
            tenant_id: share.tenant.map(|tenant| tenant.to_string()),
            customer_name: customer.cloned(),
            reason: share.reason.into(),
            quantity,
            quantity_is_exact,
            amount: share.amount.to_string(),
        }
    }
}

impl NotCharged {
    /// What is not charged, with the names and units of the catalog.
    pub(super) fn of(not_charged: &statement::NotCharged, catalog: &Catalog) -> Self {
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
    /// What does not hold, and which subscriptions are charged and have no statement.
    pub violations: Vec<String>,
}
