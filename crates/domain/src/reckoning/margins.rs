//! Margins: what a seller keeps of what it sells.

use std::collections::BTreeMap;

use super::{LineKey, Made, Reckoning};
use crate::ids::{BillingMeterId, CloudId, SubscriptionId};
use crate::money::{Currency, Money, MoneyError, round};
use crate::quantity::Quantity;

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

impl Margin {
    /// That nothing is sold and nothing bought.
    #[must_use]
    pub const fn nothing(currency: Currency) -> Self {
        let nothing = Money::zero(currency);
        Self {
            sells: nothing,
            buys: nothing,
            keeps: nothing,
        }
    }

    /// Both together.
    ///
    /// # Errors
    /// As [`Money::checked_add`].
    pub fn plus(&self, other: &Self) -> Result<Self, MoneyError> {
        Ok(Self {
            sells: self.sells.checked_add(other.sells)?,
            buys: self.buys.checked_add(other.buys)?,
            keeps: self.keeps.checked_add(other.keeps)?,
        })
    }
}

/// Why margins cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MarginRefused {
    /// Amounts are never converted by a rate that nobody stated.
    #[error("there is no rate from {from} to {to}")]
    NoRate {
        /// The currency of an amount.
        from: Currency,
        /// That in which margins are told.
        to: Currency,
    },
    /// An amount is more than can be kept.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// What a seller keeps in one currency, line by line and stack by stack: of the accounts in which it sells, and of those in
/// which it buys. A line is split by its stacks as its shares are, so that margins sum to what is sold less what is bought.
/// Commitments, credits and taxes belong to no line. An amount in another currency is converted by what `rate` says one unit
/// of that comes to, and rounded once, for each meter and stack.
///
/// # Errors
/// [`MarginRefused`].
pub fn margins(
    selling: &[&Reckoning],
    buying: &[&Reckoning],
    currency: Currency,
    rate: impl Fn(Currency) -> Option<Quantity>,
) -> Result<BTreeMap<Sold, Margin>, MarginRefused> {
    let mut sums: BTreeMap<(Sold, bool, Currency), Money> = BTreeMap::new();
    for (side, sells) in [(selling, true), (buying, false)] {
        for (sold, amount) in side.iter().flat_map(|reckoning| amounts(reckoning)) {
            let of = amount.currency();
            let sum = sums.entry((sold, sells, of)).or_insert(Money::zero(of));
            *sum = sum.checked_add(amount)?;
        }
    }
    let mut margins: BTreeMap<Sold, Margin> = BTreeMap::new();
    for ((sold, sells, _), sum) in sums {
        let amount = converted(sum, currency, &rate)?;
        let minus = amount.minor_units().checked_neg().ok_or(MoneyError::Overflow)?;
        let nothing = Margin::nothing(currency);
        let side = if sells {
            Margin {
                sells: amount,
                keeps: amount,
                ..nothing
            }
        } else {
            Margin {
                buys: amount,
                keeps: Money::from_minor_units(minus, currency),
                ..nothing
            }
        };
        let margin = margins.entry(sold).or_insert(nothing);
        *margin = margin.plus(&side)?;
    }
    Ok(margins)
}

fn converted(
    amount: Money,
    to: Currency,
    rate: impl Fn(Currency) -> Option<Quantity>,
) -> Result<Money, MarginRefused> {
    let from = amount.currency();
    if from == to {
        return Ok(amount);
    }
    let rate = rate(from).ok_or(MarginRefused::NoRate { from, to })?;
    Ok(round(&(amount.to_rational() * rate.to_rational()), to)?)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Price;
    use crate::chain::{Account, Link};
    use crate::reckoning::fixture::{ONE, STACK, VCPU, VM, WHOLESALE, basis, catalog, retail, tariff, used};
    use crate::reckoning::reckon;
    use crate::time::Hour;

    fn sold(price: &str, currency: Currency, link: Link) -> Reckoning {
        let prices = [(VCPU, Price::flat(price.parse().unwrap()))];
        let tariff = tariff(currency, [(Hour::MIN, prices.into())]);
        let mut basis = basis(tariff, vec![used("2026-10", VM, "3")]);
        basis.account = Account::new(link, currency);
        reckon(&basis, &catalog()).unwrap()
    }

    #[test]
    fn a_partner_that_buys_in_dollars_and_sells_in_yen_would_be_told_a_margin_of_nothing() {
        let yen: Currency = "JPY".parse().unwrap();
        let (selling, buying) = (
            sold("50", yen, retail(ONE)),
            sold("0.335", Currency::USD, WHOLESALE),
        );
        let rate = |from: Currency| (from == Currency::USD).then(|| "149.5".parse().unwrap());
        let kept = margins(&[&selling], &[&buying], yen, rate).unwrap();
        let (sold, margin) = kept.first_key_value().unwrap();
        assert_eq!((sold.subscription, sold.stack), (ONE, STACK));
        // 1.01 dollars (1.005, rounded once) are 150.995 yen, rounded once.
        let told = [margin.sells, margin.buys, margin.keeps].map(|it| it.to_string());
        assert_eq!(told, ["150", "151", "-1"]);
        let refused = margins(&[&selling], &[&buying], yen, |_| None);
        let no_rate = MarginRefused::NoRate {
            from: Currency::USD,
            to: yen,
        };
        assert_eq!(refused, Err(no_rate));
    }
}
