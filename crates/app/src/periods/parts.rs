//! The parts of a bill that are compared: its meters, whoever pays for them, and what belongs to the whole account.

use std::collections::BTreeMap;

use domain::ids::BillingMeterId;
use domain::money::{Money, MoneyError};
use domain::reckoning::{LineKey, Reckoning};

/// A part of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BillPart {
    /// Usage of a meter, by all subscriptions that the bill charges and at all its prices.
    Meter(BillingMeterId),
    /// Fees for the cores of stacks.
    CapacityFee,
    /// What usage and fees fall short of the commitment.
    MinimumCommitment,
    /// What is not charged.
    Credit,
    /// The tax.
    Tax,
    /// What sets right earlier bills.
    Corrections,
}

impl From<LineKey> for BillPart {
    fn from(key: LineKey) -> Self {
        match key {
            LineKey::Usage { meter, .. } => Self::Meter(meter),
            LineKey::CapacityFee { .. } => Self::CapacityFee,
            LineKey::MinimumCommitment => Self::MinimumCommitment,
            LineKey::Credit => Self::Credit,
            LineKey::Tax => Self::Tax,
        }
    }
}

impl BillPart {
    /// Whether it is among what a bill comes to before tax, as totals of bills are told.
    pub(super) const fn is_before_tax(self) -> bool {
        !matches!(self, Self::Tax)
    }
}

/// What the parts of a bill come to.
pub(super) type Parts = BTreeMap<BillPart, Money>;

pub(super) fn parts(reckoning: &Reckoning) -> Result<Parts, MoneyError> {
    let mut parts = Parts::new();
    for (key, line) in &reckoning.lines {
        let part = parts.entry(BillPart::from(*key));
        let so_far = part.or_insert(Money::zero(line.amount.currency()));
        *so_far = so_far.checked_add(line.amount)?;
    }
    Ok(parts)
}
