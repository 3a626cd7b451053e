//! Statements in smaller pieces than shares: what each piece of usage adds to the bill.

use std::collections::BTreeMap;

use num_rational::BigRational;

use super::{ChargedUsage, Line, Share, Statement, User, price_for, user};
use crate::catalog::{Catalog, Tariff};
use crate::ids::BillingMeterId;
use crate::money::{Money, MoneyError};
use crate::time::{Hour, Period};

/// What each piece of usage adds to the statement that was drawn up from all of it; nothing for what is not charged.
///
/// A piece has no price of its own, since tiers and rounding belong to its line. So the amount of each share is split
/// once more in proportion to the quantities: the pieces of a share sum to it *(ours)*.
///
/// # Errors
/// [`MoneyError::Overflow`] if an amount is more than can be kept.
pub fn amounts_of(
    statement: &Statement,
    catalog: &Catalog,
    tariff: &Tariff,
    usage: &[ChargedUsage],
) -> Result<Vec<Option<Money>>, MoneyError> {
    type Piece = (usize, BigRational);
    let mut shares: BTreeMap<(BillingMeterId, Hour, User), Vec<Piece>> = BTreeMap::new();
    let within = statement.period.interval();
    for (index, used) in usage.iter().enumerate() {
        if within.contains(used.interval.start())
            && let Ok((meter, conversion, priced)) = price_for(used, catalog, tariff, statement.period)
        {
            let factor = conversion.ratio(statement.period);
            let piece = (index, used.quantity.to_rational() * factor);
            let share = (meter, priced.since(), user(used));
            shares.entry(share).or_default().push(piece);
        }
    }
    let mut amounts = vec![None; usage.len()];
    for line in &statement.lines {
        for share in &line.shares {
            let user = (share.stack, share.tenant, share.reason);
            let pieces = shares.remove(&(line.meter, line.pricing.since(), user));
            let (indices, quantities): (Vec<usize>, Vec<BigRational>) =
                pieces.unwrap_or_default().into_iter().unzip();
            for (index, amount) in indices.into_iter().zip(share.amount.split(&quantities)?) {
                amounts[index] = Some(amount);
            }
        }
    }
    Ok(amounts)
}

/// A piece of usage in a share of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its place among all usage.
    pub index: usize,
    /// How much, in the billing meter's unit, exact.
    pub quantity: BigRational,
    /// What one unit of the local meter is in units of the billing meter.
    pub factor: BigRational,
    /// Its part of the share's amount.
    pub amount: Money,
}

/// The pieces of usage that a share of a line was made of, in their order: their quantities sum to the share's, and so do
/// their amounts, which are split as [`amounts_of`] does.
///
/// # Errors
/// [`MoneyError::Overflow`] if an amount is more than can be kept.
pub fn pieces_of(
    (line, share): (&Line, &Share),
    period: Period,
    catalog: &Catalog,
    tariff: &Tariff,
    usage: &[ChargedUsage],
) -> Result<Vec<Piece>, MoneyError> {
    let (mut found, mut quantities) = (Vec::new(), Vec::new());
    for (index, used) in usage.iter().enumerate() {
        if user(used) != (share.stack, share.tenant, share.reason)
            || !period.interval().contains(used.interval.start())
        {
            continue;
        }
        let Ok((meter, conversion, priced)) = price_for(used, catalog, tariff, period) else {
            continue;
        };
        if (meter, priced.since()) == (line.meter, line.pricing.since()) {
            let factor = conversion.ratio(period);
            quantities.push(used.quantity.to_rational() * &factor);
            found.push((index, factor));
        }
    }
    let amounts = share.amount.split(&quantities)?;
    let pieces = found.into_iter().zip(quantities).zip(amounts);
    let piece = |(((index, factor), quantity), amount)| Piece {
        index,
        quantity,
        factor,
        amount,
    };
    Ok(pieces.map(piece).collect())
}
