//! Issued invoices, and who reads which.

use std::sync::Arc;

use domain::books::Books;
use domain::chain::{Account, Buyer, Seller};
use domain::ids::SubscriptionId;
use domain::invoice::{Invoice, InvoiceNumber};
use domain::reckoning::LineKey;
use domain::time::{Period, Timestamp};
use store::{BillFilter, BillKey, BillKind, DocumentKey};

use super::reckoning::{BILLS_PER_PAGE, missing};
use super::terms::reads_account;
use crate::access::{Caller, view_of};
use crate::{App, Error};

/// Which invoices are asked for: those to which all that is named applies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InvoiceFilter {
    /// The period that was closed.
    pub period: Option<Period>,
    /// Who sells.
    pub seller: Option<Seller>,
    /// Who buys.
    pub buyer: Option<Buyer>,
    /// A subscription that is charged by a line or a correction, or that buys.
    pub subscription: Option<SubscriptionId>,
}

impl App {
    /// The invoices that the caller reads, after one of them, `limit` at most: by period, seller, buyer and currency.
    /// Who sells and who buys reads an invoice, and the platform's operators read all of them.
    ///
    /// # Errors
    /// `InvoiceNotFound` if `after` is none that the caller reads, or as the store.
    pub async fn invoices(
        &self,
        caller: &Caller,
        filter: InvoiceFilter,
        after: Option<InvoiceNumber>,
        limit: usize,
    ) -> Result<Vec<Arc<Invoice>>, Error> {
        let view = self.view(caller);
        let mut after = match after {
            Some(number) => Some(self.key_of(caller, number).await?),
            None => None,
        };
        let listed = BillFilter {
            kind: BillKind::Invoice,
            period: filter.period,
            seller: filter.seller,
            buyer: filter.buyer,
        };
        let mut invoices = Vec::new();
        while invoices.len() < limit {
            let page = self.bills.list(listed, after, BILLS_PER_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            for BillKey { period, account, .. } in page.iter().map(|bill| bill.key) {
                let is_shown = self.read(|books| {
                    // Written ones are issued when the period is closed.
                    books.periods().closed(period).is_some() && reads_account(books, &view, account)
                });
                if is_shown && invoices.len() < limit {
                    let invoice = self.issued_invoice(period, account).await?;
                    if filter.subscription.is_none_or(|id| is_about(&invoice, id)) {
                        invoices.push(Arc::new(invoice));
                    }
                }
            }
        }
        Ok(invoices)
    }

    /// An invoice, if the caller reads it.
    ///
    /// # Errors
    /// `InvoiceNotFound`, or as the store.
    pub async fn invoice(&self, caller: &Caller, number: InvoiceNumber) -> Result<Arc<Invoice>, Error> {
        let key = self.key_of(caller, number).await?;
        let invoice = self.issued_invoice(key.period, key.account).await?;
        Ok(Arc::new(invoice))
    }

    /// The number that is written so, in any case.
    ///
    /// # Errors
    /// `InvoiceNotFound` if nobody ever gave it.
    pub fn invoice_number(&self, text: &str) -> Result<InvoiceNumber, Error> {
        let given = text
            .rsplit_once('-')
            .and_then(|(_, sequence)| sequence.parse::<u64>().ok());
        let known = given.and_then(|sequence| {
            self.read(|books| {
                let partners = books
                    .periods()
                    .all_closed()
                    .flat_map(|closed| closed.numbers.keys());
                let numbers = partners.map(|seller| InvoiceNumber {
                    seller: *seller,
                    sequence,
                });
                let mut same = numbers.filter(|number| number.to_string().eq_ignore_ascii_case(text));
                same.next().filter(|number| period_of(books, *number).is_some())
            })
        });
        // Told as the number of an invoice that the caller does not read is.
        known.ok_or_else(|| invoice_not_found(&text.to_ascii_uppercase()))
    }

    /// When an invoice was issued: with all others of its period.
    #[must_use]
    pub fn issued_at(&self, invoice: &Invoice) -> Option<Timestamp> {
        self.read(|books| Some(books.periods().closed(invoice.period)?.recorded.at))
    }

    /// What an invoice is found by, if the caller reads it.
    pub(super) async fn key_of(&self, caller: &Caller, number: InvoiceNumber) -> Result<BillKey, Error> {
        let not_found = || invoice_not_found(&number.to_string());
        let (period, before) = self
            .read(|books| period_of(books, number))
            .ok_or_else(not_found)?;
        let filter = BillFilter {
            period: Some(period),
            seller: Some(number.seller),
            ..BillFilter::all(BillKind::Invoice)
        };
        // They are numbered in the order in which they are listed.
        let mut place = number.sequence.saturating_sub(before);
        let mut after = None;
        let key = loop {
            let page = self.bills.list(filter, after, BILLS_PER_PAGE).await?;
            let index = usize::try_from(place).ok().and_then(|place| place.checked_sub(1));
            if let Some(bill) = index.and_then(|index| page.get(index)) {
                break bill.key;
            }
            let Some(last) = page.last() else {
                return Err(not_found());
            };
            after = Some(last.key);
            place = place.saturating_sub(page.len() as u64);
        };
        let is_read = self.read(|books| reads_account(books, &view_of(books, caller), key.account));
        if is_read { Ok(key) } else { Err(not_found()) }
    }

    async fn issued_invoice(&self, period: Period, account: Account) -> Result<Invoice, Error> {
        let invoice = self.stored_invoice(period, account).await?;
        invoice.ok_or_else(|| missing(DocumentKey::invoice(period, account)))
    }
}

/// The closed period in which a number was given, and the last number that its seller had given before.
pub(super) fn period_of(books: &Books, number: InvoiceNumber) -> Option<(Period, u64)> {
    let mut before = 0;
    for closed in books.periods().all_closed() {
        if let Some(last) = closed.numbers.get(&number.seller) {
            if (before + 1..=*last).contains(&number.sequence) {
                return Some((closed.closing.period, before));
            }
            before = *last;
        }
    }
    None
}

fn is_about(invoice: &Invoice, subscription: SubscriptionId) -> bool {
    let is_of = |key: LineKey| key.subscription() == Some(subscription);
    invoice.account.buyer == Buyer::Subscription(subscription)
        || invoice.amounts().any(|(_, key, _)| is_of(key))
}

pub(super) fn invoice_not_found(number: &str) -> Error {
    let message = format!(
        "There is no invoice {number}. GET /api/v1/invoices lists those that there are; the bill of a period that is \
         not closed yet has no number."
    );
    Error::not_found("InvoiceNotFound", message)
}
