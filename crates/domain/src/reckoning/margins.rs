//! Margins: what a seller keeps of what it sells.

use std::collections::BTreeMap;

use super::{LineKey, Made, Reckoning};
use crate::ids::{BillingMeterId, CloudId, SubscriptionId};
use crate::money::{Money, MoneyError};

/// What was sold on and can be told apart on every link, whatever the prices are and whenever they change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sold {
    /// The subscription that it was sold for.
    pub subscription: SubscriptionId,
    /// The stack it was used on.
    pub stack: CloudId,
    /// What is charged; none for the fee for the stack's cores.
    pub meter: Option<BillingMeterId>,
}

/// What a seller sells something for, and what it buys it for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Margin {
    /// What it sells it for.
    pub sells: Money,
    /// What it buys it for.
    pub buys: Money,
    /// The one less the other.
    pub keeps: Money,
}

/// What a seller keeps, line by line and stack by stack: of the accounts in which it sells, and of those in which it buys.
/// A line is split by its stacks as its shares are, so that margins sum to what is sold less what is bought. Commitments,
/// credits and taxes belong to no line.
///
/// # Errors
/// [`MoneyError::MixedCurrencies`] if the accounts have several currencies: amounts have to be converted first, by a rate
/// that somebody stated. [`MoneyError::Overflow`] if an amount is more than can be kept.
pub fn margins(selling: &[&Reckoning], buying: &[&Reckoning]) -> Result<BTreeMap<Sold, Margin>, MoneyError> {
    let mut margins: BTreeMap<Sold, Margin> = BTreeMap::new();
    let sides = [(selling, true), (buying, false)];
    for (reckoning, sells) in sides
        .into_iter()
        .flat_map(|(side, sells)| side.iter().map(move |reckoning| (reckoning, sells)))
    {
        for (sold, amount) in amounts(reckoning) {
            let nothing = Money::zero(amount.currency());
            let margin = margins.entry(sold).or_insert(Margin {
                sells: nothing,
                buys: nothing,
                keeps: nothing,
            });
            let minus = amount.minor_units().checked_neg().ok_or(MoneyError::Overflow)?;
            let (side, kept) = if sells {
                (&mut margin.sells, amount)
            } else {
                (
                    &mut margin.buys,
                    Money::from_minor_units(minus, amount.currency()),
                )
            };
            *side = side.checked_add(amount)?;
            margin.keeps = margin.keeps.checked_add(kept)?;
        }
    }
    Ok(margins)
}

fn amounts(reckoning: &Reckoning) -> Vec<(Sold, Money)> {
    let mut amounts = Vec::new();
    for (key, line) in &reckoning.lines {
        match (key, &line.made) {
            (LineKey::Usage { subscription, .. }, Made::Usage(made)) => {
                let shares = made.shares.iter().map(|share| {
                    let sold = Sold {
                        subscription: *subscription,
                        stack: share.stack,
                        meter: Some(made.meter),
                    };
                    (sold, share.amount)
                });
                amounts.extend(shares);
            }
            (LineKey::CapacityFee { subscription, stack }, _) => {
                let sold = Sold {
                    subscription: *subscription,
                    stack: *stack,
                    meter: None,
                };
                amounts.push((sold, line.amount));
            }
            _ => {}
        }
    }
    amounts
}
