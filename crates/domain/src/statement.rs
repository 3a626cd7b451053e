//! Statements: what one subscription owes for one period, line by line, at any moment.
//!
//! A line is (payer, billing meter, price version, period). Amounts are exact until the line is complete, then
//! rounded once; a line's shares are split from the rounded amount, and the total is the sum of the lines. So shares
//! sum to lines and lines to the total, always.

mod names;
mod pieces;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use num_rational::BigRational;
use num_traits::Zero;

use crate::attribution::Reason;
use crate::catalog::{Billing, Catalog, Conversion, Price, PriceListName, PriceSource, Tariff};
use crate::ids::{BillingMeterId, CloudId, LocalMeterId, LocalSubscriptionId, SubscriptionId, TenantId};
use crate::money::{self, Currency, Money, MoneyError};
use crate::quantity::{Quantity, QuantitySum};
use crate::rating::{Rated, rate};
use crate::registration::BillingModel;
use crate::time::{Hour, HourInterval, Period};

pub use names::{Names, Party};
pub use pieces::{Piece, amounts_of, pieces_of};

/// Usage of one local meter that one payer is charged for, for one reason, under one price version.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// What a stack measured of one local meter, and what one unit of it is in units of the billing meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// The local meter.
    pub local_meter: LocalMeterId,
    /// How much, in the local meter's unit.
    pub quantity: QuantitySum,
    /// The factor of conversion in this period, exact.
    pub factor: BigRational,
}

/// One line of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What is charged.
    pub meter: BillingMeterId,
    /// At which price.
    pub pricing: Pricing,
    /// Where the price comes from: what the versions say that priced its hours, those that say nothing among them.
    pub sources: BTreeSet<Option<PriceSource>>,
    /// What was measured: each quantity times its factor sums to [`Line::quantity`], exactly.
    pub measured: Vec<Measured>,
    /// How much of the meter was used in the period before this price held. The included quantity and the tiers count
    /// from the start of the period; see [`Line::tier_position`].
    pub used_before: BigRational,
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
    /// Where the price of the line comes from: a sample if that of any part of it is one, and otherwise what all parts
    /// say.
    #[must_use]
    pub fn price_source(&self) -> Option<PriceSource> {
        let sample = Some(PriceSource::Sample);
        if self.sources.contains(&sample) {
            return sample;
        }
        match self.sources.first() {
            Some(first) if self.sources.len() == 1 => *first,
            _ => None,
        }
    }

    /// What its price includes in each period, whichever lines take it.
    #[must_use]
    pub fn price_included(&self) -> Quantity {
        match &self.pricing {
            Pricing::Development => Quantity::ZERO,
            Pricing::Price { price, .. } => price.included(),
        }
    }

    /// How much of it was priced: all but what was included.
    #[must_use]
    pub fn charged(&self) -> BigRational {
        &self.quantity - &self.rated.included
    }

    /// The place in the tiers at which it begins: what was used before this price held, less what the price includes.
    #[must_use]
    pub fn tier_position(&self) -> BigRational {
        let past_included = &self.used_before - self.price_included().to_rational();
        past_included.max(BigRational::zero())
    }

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
    /// The lines, by category and name of their meter and then by the time of their price.
    pub lines: Vec<Line>,
    /// What was used and is not charged.
    pub not_charged: Vec<NotCharged>,
    /// The sum of the lines.
    pub total: Money,
}

/// Who uses a line: the key of a share.
type User = (CloudId, Option<TenantId>, Reason);

/// A line in the making: what was measured, added up as it was measured. Fractions come in with the factors, once the line is
/// complete.
struct Draft<'a> {
    priced: Priced<'a>,
    sources: BTreeSet<Option<PriceSource>>,
    measured: BTreeMap<LocalMeterId, Measured>,
    users: BTreeMap<User, BTreeMap<LocalMeterId, QuantitySum>>,
}

/// What usage is priced by, as [`Pricing`] says it.
#[derive(Clone, Copy)]
enum Priced<'a> {
    Development,
    At { price: &'a Price, since: Hour },
}

impl Priced<'_> {
    /// As [`Pricing::since`].
    const fn since(self) -> Hour {
        match self {
            Self::Development => Hour::MAX,
            Self::At { since, .. } => since,
        }
    }
}

impl<'a> Draft<'a> {
    fn new(priced: Priced<'a>) -> Self {
        Self {
            priced,
            sources: BTreeSet::new(),
            measured: BTreeMap::new(),
            users: BTreeMap::new(),
        }
    }

    fn add(&mut self, used: &ChargedUsage, priced: Priced<'_>, conversion: &Conversion, period: Period) {
        if let Priced::At { price, .. } = priced {
            self.sources.insert(price.source());
        }
        let measured = self.measured.entry(used.local_meter).or_insert_with(|| Measured {
            local_meter: used.local_meter,
            quantity: QuantitySum::default(),
            factor: conversion.ratio(period),
        });
        measured.quantity.add(&used.quantity);
        let of_user = self.users.entry(user(used)).or_default();
        of_user.entry(used.local_meter).or_default().add(&used.quantity);
    }

    /// The line, of a meter of which so much was used before in the period, and how much is used after it.
    fn into_line(
        self,
        meter: BillingMeterId,
        position: &mut BigRational,
        currency: Currency,
        catalog: &Catalog,
    ) -> Result<Line, MoneyError> {
        let measured = &self.measured;
        let converted = |(local_meter, quantity): (&LocalMeterId, &QuantitySum)| {
            let factor = &measured.get(local_meter)?.factor;
            Some(quantity.to_rational() * factor)
        };
        let of_user = |quantities: &BTreeMap<LocalMeterId, QuantitySum>| -> BigRational {
            let quantities = quantities.iter().filter_map(converted);
            quantities
                .reduce(|sum, quantity| sum + quantity)
                .unwrap_or_default()
        };
        let quantities: Vec<BigRational> = self.users.values().map(of_user).collect();
        let in_all = measured
            .iter()
            .map(|(local_meter, of)| (local_meter, &of.quantity));
        let quantity = match quantities.as_slice() {
            [all] => all.clone(),
            _ => in_all
                .filter_map(converted)
                .reduce(|sum, quantity| sum + quantity)
                .unwrap_or_default(),
        };
        let (pricing, used_before, rated) = match self.priced {
            Priced::Development => (Pricing::Development, BigRational::zero(), Rated::default()),
            Priced::At { price, since } => {
                let rated = rate(price, position, &quantity);
                let after = &*position + &quantity;
                let price = price.clone();
                (
                    Pricing::Price { price, since },
                    mem::replace(position, after),
                    rated,
                )
            }
        };
        let amount = money::round(&rated.amount(), currency)?;
        let amounts = amount.split(&quantities)?;
        let shares = self.users.into_keys().zip(quantities).zip(amounts);
        let shares = shares
            .map(|(((stack, tenant, reason), quantity), amount)| Share {
                stack,
                tenant,
                reason,
                quantity,
                amount,
            })
            .collect();
        let mut measured: Vec<Measured> = self.measured.into_values().collect();
        measured.sort_by_cached_key(|measured| local_place(measured.local_meter, catalog));
        Ok(Line {
            meter,
            pricing,
            sources: self.sources,
            measured,
            used_before,
            quantity,
            rated,
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
    let mut meters: BTreeMap<BillingMeterId, Vec<Draft<'_>>> = BTreeMap::new();
    let mut in_order: Vec<&ChargedUsage> = usage
        .iter()
        .filter(|usage| period.interval().contains(usage.interval.start()))
        .collect();
    in_order.sort_by_key(|usage| usage.interval.start());
    for used in in_order {
        match price_for(used, catalog, tariff, period) {
            Ok((meter, conversion, priced)) => {
                let draft = draft_for(meters.entry(meter).or_default(), priced);
                draft.add(used, priced, conversion, period);
            }
            Err(because) => {
                let quantity = not_charged.entry((used.local_meter, because)).or_default();
                quantity.add(&used.quantity);
            }
        }
    }

    let mut lines = Vec::new();
    for (meter, drafts) in meters {
        // In the order of their hours: what is rated in parts costs what it does at once, so each draft is rated as a whole.
        let mut position = BigRational::zero();
        for draft in drafts {
            lines.push(draft.into_line(meter, &mut position, currency, catalog)?);
        }
    }
    lines.sort_by_cached_key(|line| place(line, catalog));
    let total = Money::checked_sum(currency, lines.iter().map(|line| line.amount))?;
    let mut price_lists: Vec<PriceListName> = tariff.parts().iter().map(|part| part.list.clone()).collect();
    price_lists.dedup();
    let mut not_charged: Vec<NotCharged> = not_charged
        .into_iter()
        .map(|((local_meter, because), quantity)| NotCharged {
            local_meter,
            because,
            quantity,
        })
        .collect();
    not_charged.sort_by_cached_key(|it| (local_place(it.local_meter, catalog), it.because));
    Ok(Statement {
        subscription,
        period,
        price_lists,
        lines,
        not_charged,
        total,
    })
}

fn user(used: &ChargedUsage) -> User {
    (used.stack, used.tenant, used.reason)
}

/// The place of a line among the others.
fn place(line: &Line, catalog: &Catalog) -> (Option<(String, String)>, BillingMeterId, Hour) {
    let meter = catalog.billing_meter(line.meter);
    let read_as = meter.map(|meter| (meter.category.clone(), meter.name.clone()));
    (read_as, line.meter, line.pricing.since())
}

/// The place of a local meter among others: by name, those that nobody knows at the end.
fn local_place(meter: LocalMeterId, catalog: &Catalog) -> (bool, Option<String>, LocalMeterId) {
    let known = catalog.local_meter(meter);
    (known.is_none(), known.map(|known| known.name.clone()), meter)
}

/// The draft of this price. Prices of one meter are told apart by the hour from which they hold.
fn draft_for<'d, 'a>(drafts: &'d mut Vec<Draft<'a>>, priced: Priced<'a>) -> &'d mut Draft<'a> {
    let same = |draft: &Draft<'_>| draft.priced.since() == priced.since();
    let index = drafts.iter().position(same).unwrap_or_else(|| {
        drafts.push(Draft::new(priced));
        drafts.len() - 1
    });
    &mut drafts[index]
}

/// The billing meter, the conversion and the price that apply, or why the usage is not charged.
fn price_for<'a>(
    used: &ChargedUsage,
    catalog: &'a Catalog,
    tariff: &'a Tariff,
    period: Period,
) -> Result<(BillingMeterId, &'a Conversion, Priced<'a>), NotChargedBecause> {
    let local = catalog
        .local_meter(used.local_meter)
        .ok_or(NotChargedBecause::UnknownLocalMeter)?;
    let (meter, conversion) = match &local.billing {
        Billing::Charged { meter, conversion } => (*meter, conversion),
        Billing::Informational { .. } => return Err(NotChargedBecause::Informational),
    };
    let priced = match used.billing_model {
        BillingModel::Capacity => return Err(NotChargedBecause::Capacity),
        BillingModel::Development => Priced::Development,
        BillingModel::PayAsYouUse | BillingModel::Custom | BillingModel::Ruggedized => {
            let (price, since) = tariff
                .price(meter, used.interval.start())
                .ok_or(NotChargedBecause::NoPrice)?;
            let since = since.max(period.interval().start());
            Priced::At { price, since }
        }
    };
    Ok((meter, conversion, priced))
}

#[cfg(test)]
mod tests;
