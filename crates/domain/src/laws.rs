//! The laws that every bill obeys, as checks: asserted in tests, in the demonstration and at every close.
//!
//! Source: the domain's list of laws. Here are those that can be told from a set of values; that redelivery and
//! order change nothing (laws 4 and 5) is shown by doing it.

use std::collections::BTreeMap;

use crate::ids::{BillingMeterId, LocalMeterId, SubscriptionId};
use crate::invoice::Invoice;
use crate::money::{Currency, Money, MoneyError};
use crate::quantity::{QuantitySum, Rational};
use crate::reckoning::{Billed, LineKey, Made, Reckoning};
use crate::statement::{Line, Statement};
use crate::time::Period;

/// A law does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Law 1.
    #[error(
        "law 1: {received} records received, but {counted} counted + {superseded} superseded + {duplicate} \
         duplicate + {quarantined} quarantined"
    )]
    RecordsLost {
        /// Records received.
        received: u64,
        /// Records that count.
        counted: u64,
        /// Records superseded by a revision.
        superseded: u64,
        /// Duplicates.
        duplicate: u64,
        /// Records in quarantine.
        quarantined: u64,
    },
    /// Law 2.
    #[error("law 2: of local meter {meter} {used} was used, but {attributed} attributed or unregistered")]
    UsageLost {
        /// The local meter.
        meter: LocalMeterId,
        /// What came in.
        used: QuantitySum,
        /// What went out.
        attributed: QuantitySum,
    },
    /// Law 2, as far as a bill.
    #[error(
        "law 2: of local meter {meter} {attributed} was attributed to subscription {payer}, but its statement shows \
         {shown}"
    )]
    BillDisagrees {
        /// Who pays.
        payer: SubscriptionId,
        /// The local meter.
        meter: LocalMeterId,
        /// What was attributed to it.
        attributed: QuantitySum,
        /// What its statement measures in lines and shows without charging.
        shown: QuantitySum,
    },
    /// Law 3.
    #[error("law 3: {what} sum to {sum}, not to {whole}")]
    SumsDisagree {
        /// Which parts.
        what: &'static str,
        /// Their sum.
        sum: Money,
        /// What they should sum to.
        whole: Money,
    },
    /// Law 3, of quantities.
    #[error("law 3: what was measured of billing meter {meter} converts to {converted}, not to {quantity}")]
    MeasuredDisagrees {
        /// The billing meter of the line.
        meter: BillingMeterId,
        /// What was measured, each quantity times its factor.
        converted: Box<Rational>,
        /// The quantity of the line.
        quantity: Box<Rational>,
    },
    /// Law 6.
    #[error("law 6: {key:?} of {period} was billed with {billed} in all, and costs {now}")]
    BilledOtherwise {
        /// The period.
        period: Period,
        /// The line.
        key: Box<LineKey>,
        /// What was billed for it, corrections included.
        billed: Money,
        /// What it costs.
        now: Money,
    },
    /// Law 3, where a sum cannot even be had.
    #[error("law 3: {0}")]
    NoSum(#[from] MoneyError),
}

/// What became of all records received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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

/// Law 1: records received = counted + superseded by a revision + duplicates + quarantined.
///
/// # Errors
/// [`Violation::RecordsLost`].
pub fn no_record_lost(counts: RecordCounts) -> Result<(), Violation> {
    let RecordCounts {
        received,
        counted,
        superseded,
        duplicate,
        quarantined,
    } = counts;
    if received == counted + superseded + duplicate + quarantined {
        return Ok(());
    }
    Err(Violation::RecordsLost {
        received,
        counted,
        superseded,
        duplicate,
        quarantined,
    })
}

/// Usage in each local meter's own unit.
pub type UsageByMeter = BTreeMap<LocalMeterId, QuantitySum>;

/// Law 2: usage in = attributed to mappings + attributed to defaults + unregistered, per meter, exactly.
///
/// # Errors
/// [`Violation::UsageLost`] naming the first meter for which it does not hold.
pub fn no_usage_lost(
    used: &UsageByMeter,
    mapped: &UsageByMeter,
    defaulted: &UsageByMeter,
    unregistered: &UsageByMeter,
) -> Result<(), Violation> {
    let parts = [mapped, defaulted, unregistered];
    let meters = parts.iter().flat_map(|part| part.keys()).chain(used.keys());
    for meter in meters {
        let used = used.get(meter).cloned().unwrap_or_default();
        let attributed: QuantitySum = parts.iter().filter_map(|part| part.get(meter)).sum();
        if used != attributed {
            return Err(Violation::UsageLost {
                meter: *meter,
                used,
                attributed,
            });
        }
    }
    Ok(())
}

/// Law 2, carried on to the bill: what was attributed to a payer is what its statement measures in lines and what it
/// shows without charging, per local meter, exactly.
///
/// # Errors
/// [`Violation::BillDisagrees`] naming the first meter for which it does not hold.
pub fn nothing_off_the_bill(attributed: &UsageByMeter, statement: &Statement) -> Result<(), Violation> {
    let mut shown = UsageByMeter::new();
    let measured = statement.lines.iter().flat_map(|line| &line.measured);
    let measured = measured.map(|it| (it.local_meter, &it.quantity));
    let not_charged = statement
        .not_charged
        .iter()
        .map(|it| (it.local_meter, &it.quantity));
    for (meter, quantity) in measured.chain(not_charged) {
        shown.entry(meter).or_default().add(quantity);
    }
    for meter in attributed.keys().chain(shown.keys()) {
        let of = |usage: &UsageByMeter| usage.get(meter).cloned().unwrap_or_default();
        let (attributed, shown) = (of(attributed), of(&shown));
        if attributed != shown {
            return Err(Violation::BillDisagrees {
                payer: statement.subscription,
                meter: *meter,
                attributed,
                shown,
            });
        }
    }
    Ok(())
}

/// Law 3, as far as a statement alone can show it: what was measured converts to its line's quantity, shares sum to
/// their line, and lines to the total.
///
/// # Errors
/// [`Violation::MeasuredDisagrees`] or [`Violation::SumsDisagree`] naming what does not sum up.
pub fn sums_agree(statement: &Statement) -> Result<(), Violation> {
    let currency = statement.total.currency();
    for line in &statement.lines {
        parts_sum_to(line, currency)?;
    }
    let lines = Money::checked_sum(currency, statement.lines.iter().map(|line| line.amount))?;
    agree("the lines of a statement", lines, statement.total)
}

fn agree(what: &'static str, sum: Money, whole: Money) -> Result<(), Violation> {
    if sum == whole {
        Ok(())
    } else {
        Err(Violation::SumsDisagree { what, sum, whole })
    }
}

fn parts_sum_to(line: &Line, currency: Currency) -> Result<(), Violation> {
    let shares = Money::checked_sum(currency, line.shares.iter().map(|share| share.amount))?;
    agree("the shares of a line", shares, line.amount)?;
    let converted = line
        .measured
        .iter()
        .map(|it| it.quantity.to_rational() * &it.factor);
    let converted: Rational = converted.sum();
    if converted != line.quantity {
        return Err(Violation::MeasuredDisagrees {
            meter: line.meter,
            converted: Box::new(converted),
            quantity: Box::new(line.quantity.clone()),
        });
    }
    Ok(())
}

/// Law 3 of an invoice: shares sum to their line, what a correction was billed with and adds to what the line costs now,
/// and lines and corrections to subtotal, tax and total.
///
/// # Errors
/// As [`sums_agree`].
pub fn invoice_adds_up(invoice: &Invoice) -> Result<(), Violation> {
    let currency = invoice.account.currency;
    for line in invoice.lines.values() {
        if let Made::Usage(made) = &line.made {
            parts_sum_to(made, currency)?;
            agree("the usage of a line", made.amount, line.amount)?;
        }
    }
    for correction in &invoice.corrections {
        let corrected = correction.billed.checked_add(correction.amount)?;
        agree("what was billed and its correction", corrected, correction.now)?;
    }
    let (subtotal, tax) = invoice.sums()?;
    agree("the lines of an invoice", subtotal, invoice.subtotal)?;
    agree("the taxes of an invoice", tax, invoice.tax)?;
    let total = invoice.subtotal.checked_add(invoice.tax)?;
    agree("subtotal and tax of an invoice", total, invoice.total)
}

/// Law 6: what was billed for a period so far, corrections included, is what it costs now, line by line, exactly. It holds
/// at the end of every close, for the period that closed and for all before it.
///
/// # Errors
/// [`Violation::BilledOtherwise`] naming the first line for which it does not hold.
pub fn billed_is_due(billed: &Billed, now: &Reckoning) -> Result<(), Violation> {
    let nothing = Money::zero(now.account.currency);
    for key in billed.keys().chain(now.lines.keys()) {
        let billed = billed.get(key).copied().unwrap_or(nothing);
        let now_costs = now.lines.get(key).map_or(nothing, |line| line.amount);
        if billed != now_costs {
            return Err(Violation::BilledOtherwise {
                period: now.period,
                key: Box::new(*key),
                billed,
                now: now_costs,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod closing;
#[cfg(test)]
mod tests {
    use super::*;

    fn usage(entries: &[(u8, &str)]) -> UsageByMeter {
        let quantity = |text: &str| text.parse::<crate::quantity::Quantity>().unwrap().into();
        entries
            .iter()
            .map(|(meter, text)| (LocalMeterId::from_bytes([*meter; 16]), quantity(text)))
            .collect()
    }

    #[test]
    fn a_record_that_vanished_is_noticed() {
        let whole = RecordCounts {
            received: 10,
            counted: 6,
            superseded: 1,
            duplicate: 2,
            quarantined: 1,
        };
        assert_eq!(no_record_lost(whole), Ok(()));
        assert!(no_record_lost(RecordCounts { counted: 5, ..whole }).is_err());
    }

    #[test]
    fn usage_that_vanished_or_appeared_is_noticed() {
        let used = usage(&[(1, "3.5"), (2, "1e-20")]);
        let (mapped, defaulted) = (usage(&[(1, "3")]), usage(&[(1, "0.25"), (2, "1e-20")]));
        assert_eq!(
            no_usage_lost(&used, &mapped, &defaulted, &usage(&[(1, "0.25")])),
            Ok(())
        );
        let lost = no_usage_lost(&used, &mapped, &defaulted, &usage(&[]));
        assert!(matches!(lost, Err(Violation::UsageLost { .. })));
        let appeared = usage(&[(1, "0.25"), (3, "1")]);
        assert!(no_usage_lost(&used, &mapped, &defaulted, &appeared).is_err());
    }

    #[test]
    fn a_correction_that_was_forgotten_is_noticed() {
        use crate::reckoning::fixture::{VM, basis, flat, reckoned, usd, used};
        let now = reckoned(&basis(flat("0.10"), vec![used("2026-10", VM, "100")]));
        let billed = now.amounts();
        assert_eq!(billed_is_due(&billed, &now), Ok(()));
        assert!(billed_is_due(&Billed::new(), &now).is_err(), "nothing was billed");
        let mut otherwise = billed.clone();
        otherwise.values_mut().for_each(|amount| *amount = usd(999));
        assert!(billed_is_due(&otherwise, &now).is_err());
        let mut too_much = billed;
        too_much.insert(LineKey::Tax, usd(1));
        assert!(billed_is_due(&too_much, &now).is_err(), "a line that nobody owes");
    }
}
