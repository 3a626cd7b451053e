//! Invoices: the bill of a closed period. An issued invoice never changes; what it got wrong is set right by corrections in
//! a later one.

mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::catalog::PriceListName;
use crate::chain::{Account, Seller};
use crate::money::{Money, MoneyError};
use crate::reckoning::{Billed, Correction, LineKey, ReckonedLine, Reckoning};
use crate::time::Period;

pub use names::{AccountNames, BillNames};

/// The number of an invoice: those of one seller are counted from 1 without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InvoiceNumber {
    /// Who sells.
    pub seller: Seller,
    /// Its place in the sequence.
    pub sequence: u64,
}

impl fmt::Display for InvoiceNumber {
    /// `MB-000042` for the platform; for a partner with twelve digits that are made of all of its id in place of the letters:
    /// ids that somebody chose often begin and end alike *(ours)*.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sequence = self.sequence;
        match self.seller {
            Seller::Platform => write!(f, "MB-{sequence:06}"),
            Seller::Partner(partner) => {
                let digits = fnv_1a(partner.as_uuid().as_bytes()) >> 16;
                write!(f, "{digits:012X}-{sequence:06}")
            }
        }
    }
}

/// The hash of Fowler, Noll and Vo, in the form 1a, of 64 bits. It stands in numbers that were given out: it never changes.
fn fnv_1a(bytes: &[u8]) -> u64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
    bytes.iter().fold(OFFSET_BASIS, mix)
}

/// What fixes all that the invoices of a period were reckoned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inputs {
    /// The digest of the catalog.
    pub catalog: [u8; 32],
    /// The digest of the marks: up to which delivery of each stack usage counts.
    pub marks: [u8; 32],
}

/// The bill of one account for one closed period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// Its number.
    pub number: InvoiceNumber,
    /// Who sells to whom, in which currency.
    pub account: Account,
    /// The period that it closes.
    pub period: Period,
    /// The lines of that period.
    pub lines: BTreeMap<LineKey, ReckonedLine>,
    /// What sets right earlier periods, by period and line.
    pub corrections: Vec<Correction>,
    /// The sum of all lines and corrections but those of tax.
    pub subtotal: Money,
    /// The sum of the lines and corrections of tax.
    pub tax: Money,
    /// The one and the other.
    pub total: Money,
    /// The price lists that applied, by name.
    pub price_lists: BTreeSet<PriceListName>,
    /// What it was reckoned from.
    pub inputs: Inputs,
}

impl Invoice {
    /// Draws up an invoice; nothing if there is nothing to say: neither a line nor a correction.
    ///
    /// # Errors
    /// [`MoneyError`] if an amount is more than can be kept, or a correction has another currency.
    pub fn draw_up(
        number: InvoiceNumber,
        reckoning: Reckoning,
        mut corrections: Vec<Correction>,
        inputs: Inputs,
    ) -> Result<Option<Self>, MoneyError> {
        let Reckoning {
            account,
            period,
            lines,
            price_lists,
            ..
        } = reckoning;
        if lines.is_empty() && corrections.is_empty() {
            return Ok(None);
        }
        corrections.sort_by_key(|correction| (correction.period, correction.key));
        let mut invoice = Self {
            number,
            account,
            period,
            lines,
            corrections,
            subtotal: Money::zero(account.currency),
            tax: Money::zero(account.currency),
            total: Money::zero(account.currency),
            price_lists,
            inputs,
        };
        (invoice.subtotal, invoice.tax) = invoice.sums()?;
        invoice.total = invoice.subtotal.checked_add(invoice.tax)?;
        Ok(Some(invoice))
    }

    /// The amounts of all lines and corrections, with the line and the period that each is for.
    pub fn amounts(&self) -> impl Iterator<Item = (Period, LineKey, Money)> {
        let lines = self
            .lines
            .iter()
            .map(|(key, line)| (self.period, *key, line.amount));
        let corrections = self.corrections.iter().map(|it| (it.period, it.key, it.amount));
        lines.chain(corrections)
    }

    /// The sum of all lines and corrections but those of tax, and the sum of those, reckoned anew.
    ///
    /// # Errors
    /// As [`Money::checked_add`].
    pub fn sums(&self) -> Result<(Money, Money), MoneyError> {
        let sum = |of_tax: bool| {
            let amounts = self
                .amounts()
                .filter(|(_, key, _)| (*key == LineKey::Tax) == of_tax);
            Money::checked_sum(self.account.currency, amounts.map(|(.., amount)| amount))
        };
        Ok((sum(false)?, sum(true)?))
    }

    /// Whether the seller owes the buyer: the invoice is then called a credit note.
    #[must_use]
    pub const fn is_credit_note(&self) -> bool {
        self.total.minor_units() < 0
    }
}

/// The invoices of a period: those of each seller numbered on from its last in the order of buyer and currency, of all
/// accounts for which there is something to say. They depend on what the accounts owe, and not on the order in which these
/// are given.
///
/// # Errors
/// As [`Invoice::draw_up`].
pub fn issue(
    mut accounts: Vec<(Reckoning, Vec<Correction>)>,
    last_number: impl Fn(Seller) -> u64,
    inputs: Inputs,
) -> Result<Vec<Invoice>, MoneyError> {
    accounts.sort_by_key(|(reckoning, _)| reckoning.account);
    let mut last: BTreeMap<Seller, u64> = BTreeMap::new();
    let mut invoices = Vec::new();
    for (reckoning, corrections) in accounts {
        let seller = reckoning.account.seller;
        let last = last.entry(seller).or_insert_with(|| last_number(seller));
        let number = InvoiceNumber {
            seller,
            sequence: *last + 1,
        };
        if let Some(invoice) = Invoice::draw_up(number, reckoning, corrections, inputs)? {
            *last += 1;
            invoices.push(invoice);
        }
    }
    Ok(invoices)
}

/// The last number that each seller gave one of these invoices.
#[must_use]
pub fn last_numbers(invoices: &[Invoice]) -> BTreeMap<Seller, u64> {
    let mut last = BTreeMap::new();
    for number in invoices.iter().map(|invoice| invoice.number) {
        let known = last.entry(number.seller).or_insert(number.sequence);
        *known = number.sequence.max(*known);
    }
    last
}

/// What was billed for a period so far by the invoices of one account: by its own, and by corrections in later ones.
///
/// # Errors
/// [`MoneyError`] if they are of several currencies, or come to more than can be kept.
pub fn billed<'a>(
    period: Period,
    invoices: impl IntoIterator<Item = &'a Invoice>,
) -> Result<Billed, MoneyError> {
    let mut billed = Billed::new();
    for invoice in invoices {
        for (_, key, amount) in invoice.amounts().filter(|(of, ..)| *of == period) {
            let known = billed.entry(key).or_insert(Money::zero(amount.currency()));
            *known = known.checked_add(amount)?;
        }
    }
    Ok(billed)
}

#[cfg(test)]
mod tests;
