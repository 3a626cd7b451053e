//! Statements in smaller pieces than shares: what each piece of usage adds to the bill.

use std::collections::BTreeMap;

use num_rational::BigRational;

use super::{ChargedUsage, Statement, User, price_for, user};
use crate::catalog::{Catalog, Tariff};
use crate::ids::BillingMeterId;
use crate::money::{Money, MoneyError};
use crate::time::Hour;

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
            && let Ok((meter, ratio, pricing)) = price_for(used, catalog, tariff, statement.period)
        {
            let piece = (index, used.quantity.to_rational() * ratio);
            let share = (meter, pricing.since(), user(used));
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
