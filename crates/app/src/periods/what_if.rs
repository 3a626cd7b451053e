//! What a month would have cost with the prices of a draft.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::books::{Books, PriceDraft};
use domain::catalog::PriceListName;
use domain::chain::{Account, Seller};
use domain::money::{Currency, Money, MoneyError};
use domain::reckoning::{Basis, Reckoning, reckon};
use domain::time::{Hour, HourInterval, Period};
use domain::timeline::Recorded;

use super::gathering::{Inputs, Wanted};
use super::parts::{BillPart, Parts, parts};
use crate::access::{Caller, view_of};
use crate::error::internal;
use crate::prices::KeptDraft;
use crate::{App, Error, Kind};

/// The most accounts that are named one by one, those that change most; the others are in the totals.
pub const ACCOUNTS_COMPARED_MAX: usize = 1_000;

/// What a month costs as it is, and what it would with the prices of a draft. Corrections of closed months are not part
/// of it; of a closed month it is what that would cost today.
#[derive(Debug, Clone)]
pub struct WhatIf {
    /// The draft.
    pub kept: KeptDraft,
    /// The month.
    pub period: Period,
    /// The first hour that the draft's prices are supposed to hold in.
    pub supposed_from: Hour,
    /// Whether it is an earlier one than the draft's own: this begins after the month.
    pub is_moved: bool,
    /// Whether the month is over.
    pub is_over: bool,
    /// The accounts that change, by the size of the difference, at most [`ACCOUNTS_COMPARED_MAX`].
    pub accounts: Vec<AccountChange>,
    /// How many more change.
    pub left_out: usize,
    /// How many do not.
    pub unchanged: usize,
    /// What all that each seller sells in each currency comes to before tax, unchanged accounts among it.
    pub by_seller: BTreeMap<(Seller, Currency), Change>,
    /// What all of it comes to before tax in each currency: the sales of one chain each for itself.
    pub totals: BTreeMap<Currency, Change>,
}

/// What becomes of an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// What it is.
    pub before: Money,
    /// What it would be.
    pub after: Money,
}

impl Change {
    const fn nothing(currency: Currency) -> Self {
        let nothing = Money::zero(currency);
        Self {
            before: nothing,
            after: nothing,
        }
    }

    /// The one less the other.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] if that is more than can be kept.
    pub fn difference(&self) -> Result<Money, MoneyError> {
        let (after, before) = (self.after.minor_units(), self.before.minor_units());
        let difference = after.checked_sub(before).ok_or(MoneyError::Overflow)?;
        Ok(Money::from_minor_units(difference, self.after.currency()))
    }

    fn size(&self) -> u128 {
        self.after.minor_units().abs_diff(self.before.minor_units())
    }

    fn add(&mut self, other: Self) -> Result<(), MoneyError> {
        self.before = self.before.checked_add(other.before)?;
        self.after = self.after.checked_add(other.after)?;
        Ok(())
    }
}

/// What becomes of one bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountChange {
    /// Who sells to whom.
    pub account: Account,
    /// All of it before tax.
    pub total: Change,
    /// The parts that change, the tax among them, by the size of the difference.
    pub parts: Vec<(BillPart, Change)>,
}

impl App {
    /// What a month comes to for all accounts that the caller reads, and what it would with the draft of a price list
    /// published as it is. A draft that begins after the month is supposed to hold in all of it, whatever versions of
    /// its list hold there *(ours)*: whoever asks wants to know what its prices come to, and as drafted they come to
    /// nothing. Nothing is entered or changed. For whoever reads the draft.
    ///
    /// # Errors
    /// `PriceListDraftNotFound`, `PeriodNotBegun`, as publishing the draft,
    /// `TooManyReckonings` while too many wait for theirs, or as the store.
    pub async fn what_if(
        &self,
        caller: &Caller,
        draft: &PriceListName,
        period: Period,
    ) -> Result<WhatIf, Error> {
        let kept = self.price_draft(caller, draft)?;
        let now = self.this_hour();
        demand_begun(period, now)?;
        let month = period.interval();
        let is_moved = kept.draft.from >= month.end();
        let supposed_from = if is_moved { month.start() } else { kept.draft.from };
        let app = &self.place_to_reckon(caller).await?;
        let known = HourInterval::new(Hour::MIN, now.plus(1)).unwrap_or(HourInterval::ALWAYS);
        let inputs = app.inputs_now(known).await?;
        let books = app.with_draft(
            &inputs.books,
            caller,
            &kept.draft,
            supposed_from,
            is_moved.then_some(month),
        )?;
        let wanted = Wanted::read_with(&inputs.books, view_of(&inputs.books, caller));
        let then = Inputs {
            books: Arc::new(books),
            ..inputs.clone()
        };
        let mut compared: BTreeMap<Account, (Parts, Parts)> = BTreeMap::new();
        for (account, parts) in app.parts_of(&inputs, period, &wanted).await? {
            compared.entry(account).or_default().0 = parts;
        }
        for (account, parts) in app.parts_of(&then, period, &wanted).await? {
            compared.entry(account).or_default().1 = parts;
        }
        let mut what_if = WhatIf {
            kept,
            period,
            supposed_from,
            is_moved,
            is_over: month.end() <= now,
            accounts: Vec::new(),
            left_out: 0,
            unchanged: 0,
            by_seller: BTreeMap::new(),
            totals: BTreeMap::new(),
        };
        for (account, (before, after)) in compared {
            what_if.add(account, &before, &after)?;
        }
        what_if
            .accounts
            .sort_by_key(|it| (Reverse(it.total.size()), it.account));
        what_if.left_out = what_if.accounts.len().saturating_sub(ACCOUNTS_COMPARED_MAX);
        what_if.accounts.truncate(ACCOUNTS_COMPARED_MAX);
        Ok(what_if)
    }

    /// The books as if a draft were published from an hour on, and in place of each version that begins in these hours.
    fn with_draft(
        &self,
        books: &Books,
        caller: &Caller,
        draft: &PriceDraft,
        from: Hour,
        instead_in: Option<HourInterval>,
    ) -> Result<Books, Error> {
        let mut starts = BTreeSet::from([from]);
        if let Some(hours) = instead_in {
            let list = books.price_list(&draft.list.name);
            let versions = list.into_iter().flat_map(|it| it.versions.assertions());
            let of_versions = versions.map(|version| version.valid.start());
            starts.extend(of_versions.filter(|start| hours.contains(*start)));
        }
        let mut supposed = books.clone();
        for from in starts {
            let (list, pricing) = (draft.list.clone(), draft.pricing.clone());
            let Some(entry) = supposed.publish_price_list(list, pricing, from)? else {
                continue;
            };
            let recorded = Recorded {
                entry: supposed.entries() + 1,
                at: self.clock.now(),
                by: caller.id(),
            };
            supposed.apply(&entry, recorded).map_err(|contradiction| Error {
                detail: Some(contradiction.to_string()),
                ..internal("What this draft would come to contradicts the books; nothing was entered.")
            })?;
        }
        Ok(supposed)
    }

    /// What the parts of bills of a month come to, without what sets right earlier ones.
    async fn parts_of(
        &self,
        inputs: &Inputs,
        period: Period,
        wanted: &Wanted,
    ) -> Result<Vec<(Account, Parts)>, Error> {
        let bases = self.gather(inputs, period, wanted).await?;
        let catalog = Arc::clone(&inputs.catalog);
        self.compute(move |_| {
            let of = |(account, basis): (Account, Basis)| {
                let reckoning: Reckoning = reckon(&basis, &catalog)?;
                Ok((account, parts(&reckoning)?))
            };
            bases.into_iter().map(of).collect()
        })
        .await?
    }
}

impl WhatIf {
    fn add(&mut self, account: Account, before: &Parts, after: &Parts) -> Result<(), Error> {
        let currency = account.currency;
        let mut total = Change::nothing(currency);
        let mut changed = Vec::new();
        let all: BTreeSet<&BillPart> = before.keys().chain(after.keys()).collect();
        for part in all {
            let of = |parts: &Parts| parts.get(part).copied().unwrap_or(Money::zero(currency));
            let change = Change {
                before: of(before),
                after: of(after),
            };
            if part.is_before_tax() {
                total.add(change)?;
            }
            if change.size() > 0 {
                changed.push((*part, change));
            }
        }
        let of_seller = self.by_seller.entry((account.seller, currency));
        of_seller.or_insert(Change::nothing(currency)).add(total)?;
        let of_all = self.totals.entry(currency);
        of_all.or_insert(Change::nothing(currency)).add(total)?;
        if changed.is_empty() {
            self.unchanged += 1;
            return Ok(());
        }
        changed.sort_by_key(|(part, change)| (Reverse(change.size()), *part));
        self.accounts.push(AccountChange {
            account,
            total,
            parts: changed,
        });
        Ok(())
    }
}

/// Nothing can be said of a month in which nothing can have been used yet.
pub(super) fn demand_begun(period: Period, now: Hour) -> Result<(), Error> {
    if period.interval().start() <= now {
        return Ok(());
    }
    let message = format!("{period} has not begun. Ask for the running month or an earlier one.");
    Err(Error::new(Kind::Invalid, "PeriodNotBegun", message).about("period"))
}
