//! What accounts owe: for a period, and to set right those that were closed before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::books::Closing;
use domain::chain::Account;
use domain::invoice::{Invoice, billed, issue};
use domain::laws::{billed_is_due, invoice_adds_up};
use domain::reckoning::{Basis, Billed, Compared, Correction, Reckoning, Side, correct, reckon};
use domain::time::Period;
use store::{BillFilter, BillKey, BillKind, DocumentKey, StoreError, bill_forms};

use super::all_cores::on_all_cores;
use super::gathering::{Bases, Inputs, Wanted, users};
use crate::error::internal;
use crate::{App, Error};

/// What an account owes.
pub(super) struct Owed {
    /// What it is reckoned from.
    pub(super) basis: Basis,
    /// What it owes for the period.
    pub(super) reckoning: Reckoning,
    /// What sets right earlier ones.
    pub(super) corrections: Vec<Correction>,
}

/// How many bills are listed at a time.
pub(super) const BILLS_PER_PAGE: usize = 1_000;

impl App {
    /// What accounts owe for a period; with what sets right the periods that were closed before, if it is the one that
    /// these corrections belong to.
    ///
    /// # Errors
    /// `InternalError` if an amount is more than can be kept or a law does not hold, or as the store.
    pub(super) async fn owed(
        &self,
        inputs: &Inputs,
        period: Period,
        wanted: &Wanted,
    ) -> Result<Vec<Owed>, Error> {
        let bases = self.gather(inputs, period, wanted).await?;
        let mut corrections = self.corrections(inputs, period, wanted).await?;
        let catalog = Arc::clone(&inputs.catalog);
        self.compute(move |_| {
            let mut bases = bases;
            for account in corrections.keys() {
                let nothing = || Basis::nothing(*account, period);
                bases.entry(*account).or_insert_with(nothing);
            }
            let with_corrections =
                |(account, basis)| (basis, corrections.remove(&account).unwrap_or_default());
            let accounts: Vec<(Basis, Vec<Correction>)> = bases.into_iter().map(with_corrections).collect();
            let owed = on_all_cores(accounts, |(basis, corrections)| {
                Ok(Owed {
                    reckoning: reckon(&basis, &catalog)?,
                    basis,
                    corrections,
                })
            });
            owed.into_iter().collect()
        })
        .await?
    }

    async fn corrections(
        &self,
        inputs: &Inputs,
        period: Period,
        wanted: &Wanted,
    ) -> Result<BTreeMap<Account, Vec<Correction>>, Error> {
        let mut corrections: BTreeMap<Account, Vec<Correction>> = BTreeMap::new();
        let periods = inputs.books.periods();
        let closed: Vec<&Closing> = periods.all_closed().map(|closed| &closed.closing).collect();
        let ([first, ..], [.., last], true) = (
            closed.as_slice(),
            closed.as_slice(),
            periods.next_to_close() == Some(period),
        ) else {
            return Ok(corrections);
        };
        let since = self.since(inputs, first, last).await?;
        for (at, closing) in closed.iter().enumerate() {
            let earlier = closing.period;
            let Some(wanted) = self.touched(inputs, &since, earlier, wanted).await? else {
                continue;
            };
            let of_period = self.changed(inputs, &closed[at..], &wanted).await?;
            if of_period.is_empty() {
                continue;
            }
            let then = self.inputs_of(last).await?;
            for (account, correction) in self.compared(inputs, &then, earlier, of_period).await? {
                corrections.entry(account).or_default().extend(correction);
            }
        }
        Ok(corrections)
    }

    /// The accounts for which a closed period, the first of those that are `closed`, costs something else now than what was
    /// billed for it in these.
    async fn changed(
        &self,
        inputs: &Inputs,
        closed: &[&Closing],
        wanted: &Wanted,
    ) -> Result<Vec<Changed>, Error> {
        let Some(period) = closed.first().map(|closing| closing.period) else {
            return Ok(Vec::new());
        };
        let mut bases = self.gather(inputs, period, wanted).await?;
        let mut so_far = self.billed_for(period, closed, wanted).await?;
        let not_gathered: BTreeSet<Account> = so_far
            .keys()
            .filter(|account| !bases.contains_key(account))
            .copied()
            .collect();
        if !not_gathered.is_empty() {
            // Nothing was used any more that is charged there; terms may say otherwise.
            bases.extend(self.gather(inputs, period, &Wanted::named(not_gathered)).await?);
        }
        let catalog = Arc::clone(&inputs.catalog);
        self.compute(move |_| {
            let with_billed = |(account, basis)| (basis, so_far.remove(&account).unwrap_or_default());
            let accounts: Vec<(Basis, Billed)> = bases.into_iter().map(with_billed).collect();
            let compared = on_all_cores(accounts, |(basis, billed)| {
                let now = reckon(&basis, &catalog)?;
                let is_changed = billed_is_due(&billed, &now).is_err();
                Ok(is_changed.then_some(Changed { basis, now, billed }))
            });
            compared.into_iter().filter_map(Result::transpose).collect()
        })
        .await?
    }

    /// The corrections of accounts, with their causes.
    async fn compared(
        &self,
        now: &Inputs,
        then: &Inputs,
        period: Period,
        changed: Vec<Changed>,
    ) -> Result<Vec<(Account, Vec<Correction>)>, Error> {
        let accounts: BTreeSet<Account> = changed.iter().map(|it| it.basis.account).collect();
        let before = self.gather(then, period, &Wanted::named(accounts)).await?;
        let bases = changed.iter().map(|it| &it.basis).chain(before.values());
        let users = users(bases);
        let (used_then, used_now) = self.used_then_and_now((then, now), period, &users).await?;
        let catalogs = (Arc::clone(&then.catalog), Arc::clone(&now.catalog));
        self.compute(move |_| {
            let mut corrections = Vec::new();
            for Changed { basis, now, billed } in &changed {
                let Some(before) = before.get(&basis.account) else {
                    continue;
                };
                let side = |basis, catalog, used| Side { basis, catalog, used };
                let compared = Compared::new(
                    side(before, &catalogs.0, &used_then),
                    side(basis, &catalogs.1, &used_now),
                );
                corrections.push((basis.account, correct(now, billed, &compared)?));
            }
            Ok(corrections)
        })
        .await?
    }

    /// What was billed for a period to the accounts that are wanted, in invoices of periods that were closed.
    async fn billed_for(
        &self,
        period: Period,
        closed: &[&Closing],
        wanted: &Wanted,
    ) -> Result<BTreeMap<Account, Billed>, Error> {
        let mut accounts: BTreeSet<Account> = wanted.by_name().collect();
        if accounts.is_empty() {
            for closing in closed {
                accounts.extend(self.invoiced(closing.period).await?);
            }
            accounts.retain(|account| wanted.has(account));
        }
        let mut so_far = BTreeMap::new();
        for account in accounts {
            let mut invoices = Vec::new();
            for closing in closed {
                invoices.extend(self.stored_invoice(closing.period, account).await?);
            }
            let billed = billed(period, &invoices)?;
            if !billed.is_empty() {
                so_far.insert(account, billed);
            }
        }
        Ok(so_far)
    }

    /// The accounts that have an invoice for a period, in order.
    pub(super) async fn invoiced(&self, period: Period) -> Result<Vec<Account>, Error> {
        let filter = BillFilter {
            period: Some(period),
            ..BillFilter::all(BillKind::Invoice)
        };
        let mut accounts = Vec::new();
        let mut after: Option<BillKey> = None;
        loop {
            let page = self.bills.list(filter, after, BILLS_PER_PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(accounts);
            };
            after = Some(last.key);
            accounts.extend(page.iter().map(|bill| bill.key.account));
        }
    }

    /// The invoice of an account for a period, if it was written.
    pub(super) async fn stored_invoice(
        &self,
        period: Period,
        account: Account,
    ) -> Result<Option<Invoice>, Error> {
        let key = DocumentKey::invoice(period, account);
        let bytes = self.bills.get(key).await?;
        Ok(bytes
            .map(|bytes| bill_forms::decode_invoice(&bytes))
            .transpose()?)
    }

    /// The invoices of a period with what each was reckoned from, from what the accounts owe.
    ///
    /// # Errors
    /// `InternalError` if an amount is more than can be kept, or a law does not hold.
    pub(super) async fn drawn_up(
        &self,
        inputs: &Inputs,
        period: Period,
        owed: Vec<Owed>,
    ) -> Result<(Vec<Invoice>, Bases), Error> {
        let inputs = inputs.clone();
        self.compute(move |_| {
            let mut bases = Bases::new();
            let mut accounts = Vec::new();
            let mut due: BTreeMap<Account, Reckoning> = BTreeMap::new();
            for owed in owed {
                let account = owed.basis.account;
                bases.insert(account, owed.basis);
                due.insert(account, owed.reckoning.clone());
                accounts.push((owed.reckoning, owed.corrections));
            }
            let last_number = |seller| inputs.books.periods().last_number(seller);
            let invoices = issue(accounts, last_number, inputs.digests())?;
            let obey = on_all_cores(invoices.iter().collect(), |invoice: &Invoice| {
                let of_period = billed(period, [invoice])?;
                let is_due = due
                    .get(&invoice.account)
                    .map(|due| billed_is_due(&of_period, due));
                let laws = [invoice_adds_up(invoice), is_due.unwrap_or(Ok(()))];
                match laws.into_iter().find_map(Result::err) {
                    Some(broken) => Err(law_broken(&invoice.account, &broken.to_string())),
                    None => Ok(()),
                }
            });
            obey.into_iter().collect::<Result<(), Error>>()?;
            let invoiced: BTreeSet<Account> = invoices.iter().map(|invoice| invoice.account).collect();
            bases.retain(|account, _| invoiced.contains(account));
            Ok((invoices, bases))
        })
        .await?
    }
}

/// An account for which a closed period costs something else now.
struct Changed {
    basis: Basis,
    now: Reckoning,
    billed: Billed,
}

fn law_broken(account: &Account, broken: &str) -> Error {
    let Account {
        seller,
        buyer,
        currency,
    } = account;
    Error {
        detail: Some(format!("{seller} to {buyer} in {currency}: {broken}")),
        ..internal(
            "A bill contradicts a law that every bill obeys; nothing was issued. The operator's log says which.",
        )
    }
}

/// A document that has to be there and is not.
pub(super) fn missing(key: DocumentKey) -> Error {
    let detail = format!("{key} is not there");
    StoreError::Corrupt { detail }.into()
}
