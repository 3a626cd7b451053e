//! Reckoning: what a buyer owes a seller for one period, line by line.
//!
//! A reckoning is a function of its [`Basis`] and of the catalog, and of nothing else: made again from the same it is the
//! same. What a closed period would cost today is a reckoning too, so that commitments, credits and taxes are set right as
//! exactly as usage is.
//!
//! Amounts are exact until a line is complete, then rounded once.

mod capacity;
mod causes;
mod correction;
#[cfg(test)]
pub(crate) mod fixture;
mod margins;

use std::collections::{BTreeMap, BTreeSet};

use num_rational::BigRational;

use crate::catalog::{Catalog, PriceListName, Tariff};
use crate::chain::Account;
use crate::ids::{BillingMeterId, CloudId, SubscriptionId};
use crate::money::{self, Money, MoneyError};
use crate::statement::{ChargedUsage, Line, NotCharged, Pricing, draw_up};
use crate::terms::{CapacityFee, Tax, Terms};
use crate::time::{Hour, Period};

pub use capacity::{CapacityUse, StatedCores, capacity_of, cores_deciding};
pub use causes::{Cause, Compared, Side, Used, UsedTotals};
pub use correction::{Billed, Correction, correct};
pub use margins::{Margin, MarginRefused, Sold, margins};

/// What one payer subscription is charged by on a link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// The prices of the link.
    pub tariff: Tariff,
    /// What it is charged for, cut at the tariff's changes.
    pub usage: Vec<ChargedUsage>,
    /// The stacks that are registered with it and pay by capacity, each once.
    pub capacity: Vec<CapacityUse>,
}

/// Everything that an account is reckoned from, apart from the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// Who sells to whom, in which currency.
    pub account: Account,
    /// The billing period.
    pub period: Period,
    /// By the subscription that pays.
    pub sections: BTreeMap<SubscriptionId, Section>,
    /// What seller and buyer agreed on for the period.
    pub terms: Terms,
}

impl Basis {
    /// That nothing was sold.
    #[must_use]
    pub fn nothing(account: Account, period: Period) -> Self {
        Self {
            account,
            period,
            sections: BTreeMap::new(),
            terms: Terms::default(),
        }
    }
}

/// Which line it is, among all of an account and a period. A line that is reckoned again has the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LineKey {
    /// Usage.
    Usage {
        /// Who pays.
        subscription: SubscriptionId,
        /// What is charged.
        meter: BillingMeterId,
        /// From when its price has been this one; none for development, which has no price.
        since: Option<Hour>,
    },
    /// The fee for the cores of a stack.
    CapacityFee {
        /// Who pays.
        subscription: SubscriptionId,
        /// The stack.
        stack: CloudId,
    },
    /// What usage and fees fall short of the commitment.
    MinimumCommitment,
    /// What is not charged.
    Credit,
    /// The tax on all lines before.
    Tax,
}

impl LineKey {
    /// The subscription that pays; of the lines that belong to the whole account, none.
    #[must_use]
    pub const fn subscription(&self) -> Option<SubscriptionId> {
        match self {
            Self::Usage { subscription, .. } | Self::CapacityFee { subscription, .. } => Some(*subscription),
            Self::MinimumCommitment | Self::Credit | Self::Tax => None,
        }
    }
}

/// The fee for a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapacityCharge {
    /// What a core costs.
    pub fee: CapacityFee,
    /// On how many days the stack was registered with how many cores.
    pub days: BTreeMap<u32, u32>,
    /// How many days the year has.
    pub days_of_year: i16,
    /// Cores times days times the fee, by the days of the year: exact.
    pub exact: BigRational,
}

/// What a line was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// Of usage: the line of the section's statement.
    Usage(Box<Line>),
    /// Of cores and days.
    CapacityFee(CapacityCharge),
    /// Of what was missing.
    MinimumCommitment {
        /// What was agreed on.
        commitment: Money,
        /// What usage and fees came to.
        reached: Money,
    },
    /// Of what was granted.
    Credit {
        /// All of it; the line takes no more than there was to charge.
        granted: Money,
    },
    /// Of the lines before.
    Tax {
        /// The tax.
        tax: Tax,
        /// The amount that it is on.
        on: Money,
    },
}

/// A line with what it was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReckonedLine {
    /// What it costs: rounded once.
    pub amount: Money,
    /// What it was made of.
    pub made: Made,
}

/// Why days of a stack that pays by capacity have no fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoFeeBecause {
    /// Its token does not state its cores, and nobody did.
    CoresUnknown,
    /// Seller and buyer did not agree on a fee in the account's currency.
    NoFeeAgreed,
}

/// Days of a stack that pays by capacity, for which no fee is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithoutFee {
    /// Who would pay.
    pub subscription: SubscriptionId,
    /// The stack.
    pub stack: CloudId,
    /// How many days.
    pub days: u32,
    /// Why.
    pub because: NoFeeBecause,
}

/// What a buyer owes a seller for one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reckoning {
    /// Who sells to whom, in which currency.
    pub account: Account,
    /// The billing period.
    pub period: Period,
    /// The lines. Lines for the whole account come after those of subscriptions, tax is the last.
    pub lines: BTreeMap<LineKey, ReckonedLine>,
    /// What was used and is not charged, by who would pay.
    pub not_charged: BTreeMap<SubscriptionId, Vec<NotCharged>>,
    /// Stacks that no fee could be reckoned for.
    pub without_fee: Vec<WithoutFee>,
    /// The price lists that applied, by name.
    pub price_lists: BTreeSet<PriceListName>,
}

impl Reckoning {
    /// The amounts, line by line.
    #[must_use]
    pub fn amounts(&self) -> Billed {
        self.lines.iter().map(|(key, line)| (*key, line.amount)).collect()
    }

    /// The sum of the lines.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn total(&self) -> Result<Money, MoneyError> {
        Money::checked_sum(self.account.currency, self.lines.values().map(|line| line.amount))
    }
}

/// Reckons what an account owes.
///
/// The order is usage and fees; what these fall short of the commitment; credit, as far as there is something to charge;
/// tax on all of that. Lines of the whole account that come to nothing are left out; those of usage are shown.
///
/// # Errors
/// [`MoneyError::MixedCurrencies`] if prices of a section are not in the account's currency; [`MoneyError::Overflow`] if an
/// amount is more than can be kept.
pub fn reckon(basis: &Basis, catalog: &Catalog) -> Result<Reckoning, MoneyError> {
    let (account, period) = (basis.account, basis.period);
    let mut reckoning = Reckoning {
        account,
        period,
        lines: BTreeMap::new(),
        not_charged: BTreeMap::new(),
        without_fee: Vec::new(),
        price_lists: BTreeSet::new(),
    };
    for (subscription, section) in &basis.sections {
        charge_usage(&mut reckoning, *subscription, section, catalog)?;
        for used in &section.capacity {
            charge_capacity(&mut reckoning, *subscription, used, &basis.terms)?;
        }
    }
    let of_account = |amount: Option<Money>| amount.filter(|amount| amount.currency() == account.currency);
    let money = |minor_units| Money::from_minor_units(minor_units, account.currency);
    if let Some(commitment) = of_account(basis.terms.minimum_commitment) {
        let reached = reckoning.total()?;
        let missing = commitment.minor_units().checked_sub(reached.minor_units());
        let missing = money(missing.ok_or(MoneyError::Overflow)?);
        let made = Made::MinimumCommitment { commitment, reached };
        if missing.minor_units() > 0 {
            reckoning.add(LineKey::MinimumCommitment, missing, made);
        }
    }
    if let Some(granted) = of_account(basis.terms.credit) {
        let to_charge = reckoning.total()?;
        let taken = granted.minor_units().min(to_charge.minor_units());
        if taken > 0 {
            reckoning.add(LineKey::Credit, money(-taken), Made::Credit { granted });
        }
    }
    if let Some(tax) = &basis.terms.tax {
        let on = reckoning.total()?;
        let amount = tax_on(tax, on)?;
        if amount.minor_units() != 0 {
            let tax = tax.clone();
            reckoning.add(LineKey::Tax, amount, Made::Tax { tax, on });
        }
    }
    Ok(reckoning)
}

impl Reckoning {
    fn add(&mut self, key: LineKey, amount: Money, made: Made) {
        self.lines.insert(key, ReckonedLine { amount, made });
    }
}

fn charge_usage(
    reckoning: &mut Reckoning,
    subscription: SubscriptionId,
    section: &Section,
    catalog: &Catalog,
) -> Result<(), MoneyError> {
    let (period, currency) = (reckoning.period, reckoning.account.currency);
    // A price in another currency would be taken for one in this: nothing converts but a rate that somebody stated.
    let mut parts = section.tariff.parts().iter();
    if let Some(other) = parts.find(|part| part.currency != currency) {
        return Err(MoneyError::MixedCurrencies(currency, other.currency));
    }
    let statement = draw_up(
        subscription,
        period,
        catalog,
        &section.tariff,
        currency,
        &section.usage,
    )?;
    for line in statement.lines {
        let key = LineKey::Usage {
            subscription,
            meter: line.meter,
            since: match &line.pricing {
                Pricing::Development => None,
                Pricing::Price { since, .. } => Some(*since),
            },
        };
        reckoning.add(key, line.amount, Made::Usage(Box::new(line)));
    }
    if !statement.not_charged.is_empty() {
        reckoning.not_charged.insert(subscription, statement.not_charged);
    }
    reckoning.price_lists.extend(statement.price_lists);
    Ok(())
}

fn charge_capacity(
    reckoning: &mut Reckoning,
    subscription: SubscriptionId,
    used: &CapacityUse,
    terms: &Terms,
) -> Result<(), MoneyError> {
    let currency = reckoning.account.currency;
    let without_fee = |days, because| WithoutFee {
        subscription,
        stack: used.stack,
        days,
        because,
    };
    let fee = terms.capacity_fee.filter(|fee| fee.currency == currency);
    let Some(fee) = fee else {
        let days = used.days.values().sum();
        let because = NoFeeBecause::NoFeeAgreed;
        reckoning.without_fee.push(without_fee(days, because));
        return Ok(());
    };
    if let Some(days) = used.days.get(&None) {
        let because = NoFeeBecause::CoresUnknown;
        reckoning.without_fee.push(without_fee(*days, because));
    }
    let days: BTreeMap<u32, u32> = used
        .days
        .iter()
        .filter_map(|(cores, days)| Some(((*cores)?, *days)))
        .collect();
    if days.is_empty() {
        return Ok(());
    }
    let days_of_year = reckoning.period.days_of_year();
    let whole = |number: u64| BigRational::from_integer(number.into());
    let core_days: BigRational = days
        .iter()
        .map(|(cores, days)| whole((*cores).into()) * whole((*days).into()))
        .sum();
    let exact =
        core_days * fee.per_core_and_year.to_rational() / BigRational::from_integer(days_of_year.into());
    let amount = money::round(&exact, currency)?;
    let key = LineKey::CapacityFee {
        subscription,
        stack: used.stack,
    };
    let charge = CapacityCharge {
        fee,
        days,
        days_of_year,
        exact,
    };
    reckoning.add(key, amount, Made::CapacityFee(charge));
    Ok(())
}

/// The tax on an amount: rounded once.
fn tax_on(tax: &Tax, on: Money) -> Result<Money, MoneyError> {
    money::round(&(on.to_rational() * tax.rate()), on.currency())
}

#[cfg(test)]
mod tests;
