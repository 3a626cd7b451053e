//! Corrections: what sets right a period that was billed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cause, Compared, LineKey, Reckoning};
use crate::money::{Money, MoneyError};
use crate::time::Period;

/// What was billed for a period so far, line by line: in its invoice, and in the corrections of it since.
pub type Billed = BTreeMap<LineKey, Money>;

/// A charge in a later period that sets right a line of a closed one. `FOCUS` marks it `ChargeClass = Correction`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The closed period.
    pub period: Period,
    /// The line.
    pub key: LineKey,
    /// What the line was billed with so far; nothing if it is new.
    pub billed: Money,
    /// What it would cost now; nothing if it is gone.
    pub now: Money,
    /// The one less the other.
    pub amount: Money,
    /// What changed.
    pub cause: Cause,
}

/// What sets right what was billed: what the period would cost now, less what was billed for it so far, per line, those
/// that do not change left out.
///
/// Billing these, what was billed for the period is what it costs now: line by line, exactly.
///
/// # Errors
/// [`MoneyError`] if an amount is more than can be kept, or billed in another currency.
pub fn correct(
    now: &Reckoning,
    billed: &Billed,
    compared: &Compared<'_>,
) -> Result<Vec<Correction>, MoneyError> {
    let nothing = Money::zero(now.account.currency);
    let keys: BTreeSet<LineKey> = now.lines.keys().chain(billed.keys()).copied().collect();
    let mut corrections = Vec::new();
    // Those of the lines before: commitment, credit and tax are reckoned from these, in this order.
    let mut causes: BTreeSet<Cause> = BTreeSet::new();
    for key in keys {
        let is = now.lines.get(&key).map_or(nothing, |line| line.amount);
        let was = billed.get(&key).copied().unwrap_or(nothing);
        let minus = was.minor_units().checked_neg().ok_or(MoneyError::Overflow)?;
        let amount = is.checked_add(Money::from_minor_units(minus, was.currency()))?;
        if amount.minor_units() == 0 {
            continue;
        }
        let mut of_line = compared.causes(&key);
        if key.subscription().is_none() {
            of_line.extend(&causes);
        }
        causes.extend(&of_line);
        corrections.push(Correction {
            period: now.period,
            key,
            billed: was,
            now: is,
            amount,
            cause: Cause::of(&of_line),
        });
    }
    Ok(corrections)
}
