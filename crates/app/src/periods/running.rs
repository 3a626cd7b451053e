//! What the bill of an open period comes to so far.

use std::collections::{BTreeMap, BTreeSet};

use domain::books::Books;
use domain::catalog::Catalog;
use domain::chain::{Account, Buyer, Seller};
use domain::ids::SubscriptionId;
use domain::invoice::{Invoice, InvoiceNumber};
use domain::money::{Money, MoneyError};
use domain::reckoning::{Basis, LineKey, Reckoning, WithoutFee, reckon};
use domain::statement::{NotCharged, NotChargedBecause};
use domain::time::{HourInterval, Period};

use super::gathering::{Inputs, Wanted};
use super::reckoning::Owed;
use super::terms::reads_account;
use crate::access::{Caller, view_of};
use crate::{App, Error, Kind};

/// The bill of an open period, as it would be if nothing more came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// What the invoice would say. It has the number 0: numbers are given at the close.
    pub invoice: Invoice,
    /// What was used and is not charged, by who would pay.
    pub not_charged: BTreeMap<SubscriptionId, Vec<NotCharged>>,
    /// Stacks that no fee could be reckoned for.
    pub without_fee: Vec<WithoutFee>,
}

/// An account of an open period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningAccount {
    /// Who sells to whom.
    pub account: Account,
    /// What its lines and corrections come to so far, before tax.
    pub subtotal: Money,
    /// The tax on them.
    pub tax: Money,
    /// Both.
    pub total: Money,
    /// The meters, by name, of which something was used that is charged to nobody on this bill, because no list that applies
    /// has a price for them; those that nobody knows by their id.
    pub unpriced: BTreeSet<String>,
}

impl RunningAccount {
    fn of(owed: &Owed, catalog: &Catalog) -> Result<Self, MoneyError> {
        let account = owed.reckoning.account;
        let lines = owed.reckoning.lines.iter().map(|(key, line)| (*key, line.amount));
        let corrections = owed.corrections.iter().map(|it| (it.key, it.amount));
        let nothing = Money::zero(account.currency);
        let (mut subtotal, mut tax) = (nothing, nothing);
        for (key, amount) in lines.chain(corrections) {
            let sum = if key == LineKey::Tax {
                &mut tax
            } else {
                &mut subtotal
            };
            *sum = sum.checked_add(amount)?;
        }
        Ok(Self {
            account,
            subtotal,
            tax,
            total: subtotal.checked_add(tax)?,
            unpriced: unpriced(&owed.reckoning, catalog),
        })
    }
}

impl App {
    /// What the bill of an account for an open period comes to so far, with what sets right closed periods if it is the
    /// next to be closed. For all who will read its invoice.
    ///
    /// # Errors
    /// `AccountNotFound` if the caller does not read the account's bills; `PeriodClosed` if the period has its invoice;
    /// or as the store.
    pub async fn running(&self, caller: &Caller, account: Account, period: Period) -> Result<Running, Error> {
        let (running, _) = self.running_by(caller, account, period).await?;
        Ok(running)
    }

    /// The same, with what it was reckoned from.
    pub(super) async fn running_by(
        &self,
        caller: &Caller,
        account: Account,
        period: Period,
    ) -> Result<(Running, Inputs), Error> {
        let (is_read, is_closed) = self.read(|books| {
            let is_read = reads_account(books, &view_of(books, caller), account);
            (
                is_read && is_known(books, account),
                books.periods().closed(period).is_some(),
            )
        });
        if !is_read {
            let message = format!(
                "There are no bills of {} to {} in {} for you to read. Name a seller, a buyer and a currency of your \
                 invoices.",
                account.seller, account.buyer, account.currency
            );
            return Err(Error::not_found("AccountNotFound", message));
        }
        if is_closed {
            return Err(has_invoices(period));
        }
        let so_far = HourInterval::new(domain::time::Hour::MIN, self.this_hour().plus(1));
        let inputs = self.inputs_now(so_far.unwrap_or(HourInterval::ALWAYS)).await?;
        let wanted = Wanted::named(BTreeSet::from([account]));
        let mut owed = self.owed(&inputs, period, &wanted).await?;
        let Owed {
            reckoning,
            corrections,
            ..
        } = match owed.pop() {
            Some(owed) => owed,
            None => {
                let basis = Basis::nothing(account, period);
                Owed {
                    reckoning: reckon(&basis, &inputs.catalog)?,
                    basis,
                    corrections: Vec::new(),
                }
            }
        };
        let (not_charged, without_fee) = (reckoning.not_charged.clone(), reckoning.without_fee.clone());
        let number = InvoiceNumber {
            seller: account.seller,
            sequence: 0,
        };
        let nothing = Money::zero(account.currency);
        let empty = Invoice {
            number,
            account,
            period,
            lines: BTreeMap::new(),
            corrections: Vec::new(),
            subtotal: nothing,
            tax: nothing,
            total: nothing,
            price_lists: reckoning.price_lists.clone(),
            inputs: inputs.digests(),
        };
        let drawn = Invoice::draw_up(number, reckoning, corrections, inputs.digests())?;
        let running = Running {
            invoice: drawn.unwrap_or(empty),
            not_charged,
            without_fee,
        };
        Ok((running, inputs))
    }

    /// The accounts of an open period so far whose bills the caller reads, in order, with what these come to: those with
    /// something to invoice or that something was used on.
    ///
    /// # Errors
    /// `PeriodClosed` if the period has its invoices; `TooManyReckonings` while too many wait for theirs; or as the store.
    pub async fn running_accounts(
        &self,
        caller: &Caller,
        period: Period,
    ) -> Result<Vec<RunningAccount>, Error> {
        if self.read(|books| books.periods().closed(period).is_some()) {
            return Err(has_invoices(period));
        }
        if !self.reads_any_bill(caller) {
            return Ok(Vec::new());
        }
        let app = &self.place_to_reckon(caller).await?;
        let so_far = HourInterval::new(domain::time::Hour::MIN, app.this_hour().plus(1));
        let inputs = app.inputs_now(so_far.unwrap_or(HourInterval::ALWAYS)).await?;
        // An account of which closed periods alone are set right has an invoice, too.
        let wanted = Wanted::read_with(&inputs.books, view_of(&inputs.books, caller));
        let owed = app.owed(&inputs, period, &wanted).await?;
        let accounts = owed.iter().map(|owed| RunningAccount::of(owed, &inputs.catalog));
        Ok(accounts.collect::<Result<_, _>>()?)
    }
}

fn unpriced(reckoning: &Reckoning, catalog: &Catalog) -> BTreeSet<String> {
    let not_charged = reckoning.not_charged.values().flatten();
    let unpriced = not_charged.filter(|it| match it.because {
        NotChargedBecause::NoPrice | NotChargedBecause::UnknownLocalMeter => true,
        NotChargedBecause::Informational | NotChargedBecause::Capacity => false,
    });
    let name = |it: &NotCharged| match catalog.local_meter(it.local_meter) {
        Some(meter) => meter.name.clone(),
        None => it.local_meter.to_string(),
    };
    unpriced.map(name).collect()
}

fn has_invoices(period: Period) -> Error {
    let message = format!("{period} is closed. Ask for its invoices: GET /api/v1/invoices?period={period}.");
    Error::new(Kind::Conflict, "PeriodClosed", message)
}

/// Whether the books ever knew who sells and who buys.
fn is_known(books: &Books, account: Account) -> bool {
    let seller = match account.seller {
        Seller::Platform => true,
        Seller::Partner(partner) => books.partner_ever(partner).is_some(),
    };
    seller
        && match account.buyer {
            Buyer::Partner(partner) => books.partner_ever(partner).is_some(),
            Buyer::Subscription(subscription) => books.subscription_ever(subscription).is_some(),
        }
}
