//! Statements: what one subscription owes for one period, line by line, at any moment.
//!
//! A line is (payer, billing meter, price version, period). Amounts are exact until the line is complete, then
//! rounded once; a line's shares are split from the rounded amount, and the total is the sum of the lines. So shares
//! sum to lines and lines to the total, always.

use std::collections::BTreeMap;

use num_rational::BigRational;
use num_traits::Zero;

use crate::attribution::Reason;
use crate::catalog::{Billing, Catalog, Price, PriceListName, Tariff};
use crate::ids::{BillingMeterId, CloudId, LocalMeterId, LocalSubscriptionId, SubscriptionId, TenantId};
use crate::money::{self, Currency, Money, MoneyError};
use crate::quantity::QuantitySum;
use crate::rating::{Rated, rate};
use crate::registration::BillingModel;
use crate::time::{Hour, HourInterval, Period};

/// Usage of one local meter that one payer is charged for, for one reason, under one price version.
#[derive(Debug, Clone)]
pub struct ChargedUsage {
    /// The stack it was used on.
    pub stack: CloudId,
    /// The local subscription it was emitted under.
    pub local_subscription: LocalSubscriptionId,
    /// The directory tenant of the local subscription, where known.
    pub tenant: Option<TenantId>,
    /// Why this payer is charged.
    pub reason: Reason,
    /// How the stack was paid for.
    pub billing_model: BillingModel,
    /// The hours it was used in. They lie in the period and between two of [`Tariff::changes`].
    pub interval: HourInterval,
    /// What was measured.
    pub local_meter: LocalMeterId,
    /// How much, in the local meter's unit.
    pub quantity: QuantitySum,
}

/// What a line is priced by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pricing {
    /// The stack is registered for development: rated at 0.00.
    Development,
    /// A price, and the hour from which it was this one without a break (at the earliest, the start of the period). A
    /// meter that returns to a former price has a line of its own for each stretch.
    Price {
        /// The price.
        price: Price,
        /// From when.
        since: Hour,
    },
}

impl Pricing {
    /// From when it was this price; of no hour, and after every other, for development.
    fn since(&self) -> Hour {
        match self {
            Self::Development => Hour::MAX,
            Self::Price { since, .. } => *since,
        }
    }
}

/// The part of a line that one stack's tenant used, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The stack.
    pub stack: CloudId,
    /// The directory tenant, where known.
    pub tenant: Option<TenantId>,
    /// Why the payer is charged for it.
    pub reason: Reason,
    /// How much, in the billing meter's unit, exact.
    pub quantity: BigRational,
    /// Its part of the line's amount.
    pub amount: Money,
}

/// One line of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What is charged.
    pub meter: BillingMeterId,
    /// At which price.
    pub pricing: Pricing,
    /// How much, in the billing meter's unit, exact.
    pub quantity: BigRational,
    /// How the price applies to it, exact.
    pub rated: Rated,
    /// What it costs: rounded once.
    pub amount: Money,
    /// Who used it; their amounts sum to the line's.
    pub shares: Vec<Share>,
}

impl Line {
    /// The reason for all of the line, if there is but one.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        let first = self.shares.first()?.reason;
        self.shares
            .iter()
            .all(|share| share.reason == first)
            .then_some(first)
    }
}

/// Why usage is shown without being charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotChargedBecause {
    /// The local meter is informational.
    Informational,
    /// The catalog does not have the local meter.
    UnknownLocalMeter,
    /// The price list has no price for the billing meter in these hours.
    NoPrice,
    /// The stack is paid for by capacity.
    Capacity,
}

/// Usage that is kept and shown, and not charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotCharged {
    /// What was measured.
    pub local_meter: LocalMeterId,
    /// Why it is not charged.
    pub because: NotChargedBecause,
    /// How much, in the local meter's unit.
    pub quantity: QuantitySum,
}

/// The running bill of one subscription for one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The payer.
    pub subscription: SubscriptionId,
    /// The billing period.
    pub period: Period,
    /// The price lists that applied, in the order of their hours.
    pub price_lists: Vec<PriceListName>,
    /// The lines, by meter and then by the time of their price.
    pub lines: Vec<Line>,
    /// What was used and is not charged.
    pub not_charged: Vec<NotCharged>,
    /// The sum of the lines.
    pub total: Money,
}

/// Who uses a line: the key of a share.
type User = (CloudId, Option<TenantId>, Reason);

/// A line in the making.
struct Draft {
    pricing: Pricing,
    quantity: BigRational,
    rated: Rated,
    users: BTreeMap<User, BigRational>,
}

impl Draft {
    fn new(pricing: Pricing) -> Self {
        Self {
            pricing,
            quantity: BigRational::zero(),
            rated: Rated::default(),
            users: BTreeMap::new(),
        }
    }

    fn into_line(self, meter: BillingMeterId, currency: Currency) -> Result<Line, MoneyError> {
        let amount = money::round(&self.rated.amount(), currency)?;
        let (users, quantities): (Vec<User>, Vec<BigRational>) = self.users.into_iter().unzip();
        let amounts = amount.split(&quantities)?;
        let shares = users.into_iter().zip(quantities).zip(amounts);
        let shares = shares
            .map(|(((stack, tenant, reason), quantity), amount)| Share {
                stack,
                tenant,
                reason,
                quantity,
                amount,
            })
            .collect();
        Ok(Line {
            meter,
            pricing: self.pricing,
            quantity: self.quantity,
            rated: self.rated,
            amount,
            shares,
        })
    }
}

/// Draws up a payer's statement from what it is charged for.
///
/// The order of `usage` changes nothing. Usage outside the period is left out.
///
/// # Errors
/// [`MoneyError::Overflow`] if an amount is more than can be kept.
pub fn draw_up(
    subscription: SubscriptionId,
    period: Period,
    catalog: &Catalog,
    tariff: &Tariff,
    currency: Currency,
    usage: &[ChargedUsage],
) -> Result<Statement, MoneyError> {
    let mut not_charged: BTreeMap<(LocalMeterId, NotChargedBecause), QuantitySum> = BTreeMap::new();
    let mut meters: BTreeMap<BillingMeterId, Vec<Draft>> = BTreeMap::new();
    let mut positions: BTreeMap<BillingMeterId, BigRational> = BTreeMap::new();

    let mut in_order: Vec<&ChargedUsage> = usage
        .iter()
        .filter(|usage| period.interval().contains(usage.interval.start()))
        .collect();
    in_order.sort_by_key(|usage| usage.interval.start());
    for used in in_order {
        let priced = price_for(used, catalog, tariff, period);
        let (meter, ratio, pricing) = match priced {
            Ok(priced) => priced,
            Err(because) => {
                not_charged
                    .entry((used.local_meter, because))
                    .or_default()
                    .add(&used.quantity);
                continue;
            }
        };
        let quantity = used.quantity.to_rational() * ratio;
        let rated = match &pricing {
            Pricing::Development => Rated::default(),
            Pricing::Price { price, .. } => {
                let position = positions.entry(meter).or_default();
                let rated = rate(price, position, &quantity);
                *position += &quantity;
                rated
            }
        };
        let draft = draft_for(meters.entry(meter).or_default(), pricing);
        draft.rated.add(rated);
        *draft
            .users
            .entry((used.stack, used.tenant, used.reason))
            .or_default() += &quantity;
        draft.quantity += quantity;
    }

    let mut lines = Vec::new();
    for (meter, mut drafts) in meters {
        drafts.sort_by_key(|draft| draft.pricing.since());
        for draft in drafts {
            lines.push(draft.into_line(meter, currency)?);
        }
    }
    let total = Money::checked_sum(currency, lines.iter().map(|line| line.amount))?;
    let mut price_lists: Vec<PriceListName> = tariff.parts().iter().map(|part| part.list.clone()).collect();
    price_lists.dedup();
    let not_charged = not_charged
        .into_iter()
        .map(|((local_meter, because), quantity)| NotCharged {
            local_meter,
            because,
            quantity,
        })
        .collect();
    Ok(Statement {
        subscription,
        period,
        price_lists,
        lines,
        not_charged,
        total,
    })
}

/// The draft of this price. Prices of one meter are told apart by the hour from which they hold.
fn draft_for(drafts: &mut Vec<Draft>, pricing: Pricing) -> &mut Draft {
    let same = |draft: &Draft| draft.pricing.since() == pricing.since();
    let index = drafts.iter().position(same).unwrap_or_else(|| {
        drafts.push(Draft::new(pricing));
        drafts.len() - 1
    });
    &mut drafts[index]
}

/// The billing meter, the conversion and the price that apply, or why the usage is not charged.
fn price_for(
    used: &ChargedUsage,
    catalog: &Catalog,
    tariff: &Tariff,
    period: Period,
) -> Result<(BillingMeterId, BigRational, Pricing), NotChargedBecause> {
    let local = catalog
        .local_meter(used.local_meter)
        .ok_or(NotChargedBecause::UnknownLocalMeter)?;
    let (meter, conversion) = match &local.billing {
        Billing::Charged { meter, conversion } => (*meter, conversion),
        Billing::Informational { .. } => return Err(NotChargedBecause::Informational),
    };
    let pricing = match used.billing_model {
        BillingModel::Capacity => return Err(NotChargedBecause::Capacity),
        BillingModel::Development => Pricing::Development,
        BillingModel::PayAsYouUse | BillingModel::Custom | BillingModel::Ruggedized => {
            let (price, since) = tariff
                .price(meter, used.interval.start())
                .ok_or(NotChargedBecause::NoPrice)?;
            let (price, since) = (price.clone(), since.max(period.interval().start()));
            Pricing::Price { price, since }
        }
    };
    Ok((meter, conversion.ratio(period), pricing))
}

#[cfg(test)]
mod tests;
