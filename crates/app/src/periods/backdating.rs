//! What mapping a tenant for past hours would move, before it is done: whose usage, from whom to whom, and what that
//! costs each side.
//!
//! Bills are reckoned twice from the same usage and the same catalog, by the books as they are and by the books as they
//! would be. The one less the other is what the mapping costs: for a month that is closed, these are the corrections that
//! the open month gets by it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::chain::Account;
use domain::ids::{CloudId, LocalMeterId, SubscriptionId, TenantId};
use domain::money::Money;
use domain::quantity::QuantitySum;
use domain::reckoning::{Reckoning, reckon};
use domain::registration::{Registration, Warning};
use domain::time::{Hour, HourInterval, Period};
use domain::timeline::Recorded;
use store::{LocalSubscriptionKey, Slice};

use super::gathering::{Inputs, Wanted, accounts_of};
use super::terms::reads_account;
use crate::access::{Caller, View, view_of};
use crate::bills::{attributions, reads_usage};
use crate::error::internal;
use crate::mappings::{MappingDecision, decide_mapping, lives, payer_name};
use crate::tenants::shows;
use crate::{App, Error, Kind, State};

/// The most months in which one mapping is shown to move usage. *(ours)*
pub const MONTHS_MOVED_MAX: usize = 60;

/// What mapping a tenant for stated hours would change about usage that there is already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backdating {
    /// The usage that somebody else would pay for, by month and by who pays.
    pub moved: Vec<MovedUsage>,
    /// The bills that would change, by month and account.
    pub differences: Vec<BillDifference>,
    /// Whether there is more of either that the caller does not read.
    pub withheld: bool,
    /// What whoever maps the tenant should know.
    pub warnings: Vec<Warning>,
}

/// Usage of a month that somebody else would pay for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedUsage {
    /// The month.
    pub period: Period,
    /// Who pays.
    pub from: SubscriptionId,
    /// Its name.
    pub from_name: Option<String>,
    /// Who would pay.
    pub to: SubscriptionId,
    /// Its name.
    pub to_name: Option<String>,
    /// How many records it is, of those that count.
    pub records: u64,
    /// How much of each meter.
    pub quantities: BTreeMap<LocalMeterId, QuantitySum>,
}

/// A bill that would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillDifference {
    /// The month whose usage it is.
    pub period: Period,
    /// Where it is settled.
    pub settled: Settled,
    /// Who sells to whom, in which currency.
    pub account: Account,
    /// What the month costs by the books as they are.
    pub before: Money,
    /// What it would cost.
    pub after: Money,
    /// What it would cost less what it costs. Zero where lines change and their sum does not.
    pub difference: Money,
}

/// Where a change of a month's bill is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Settled {
    /// In the month's own bill, which is still open.
    RunningBill,
    /// In corrections on the bill of the open month: the month is closed, or being closed, and what was issued stays.
    Corrections,
    /// Nowhere: the month is before the first that was closed, and was never billed.
    Nowhere,
}

impl Settled {
    fn of(books: &State, period: Period) -> Self {
        let periods = books.periods();
        let is_closing = periods.closing().is_some_and(|closing| closing.period == period);
        if is_closing || periods.closed(period).is_some() {
            return Self::Corrections;
        }
        match periods.all_closed().next() {
            Some(first) if period < first.closing.period => Self::Nowhere,
            _ => Self::RunningBill,
        }
    }
}

/// Who pays, and who would.
type Between = (SubscriptionId, SubscriptionId);

/// What is moved between them.
#[derive(Default)]
struct Moved {
    records: u64,
    quantities: BTreeMap<LocalMeterId, QuantitySum>,
}

/// The books as they are and as they would be, with the same usage and the same catalog.
struct Supposed {
    now: Inputs,
    then: Inputs,
}

impl App {
    /// What [`App::map_tenant`] would move with the same arguments, and what that would cost whom; nothing is entered. It
    /// is about the usage that there is, up to the present hour. Whoever may map the tenant is shown the bills that they
    /// read, and usage of which they read one of both sides.
    ///
    /// # Errors
    /// As [`App::map_tenant`]; `TooManyMonthsMoved` over [`MONTHS_MOVED_MAX`]; or as the store.
    pub async fn preview_mapping(
        &self,
        caller: &Caller,
        stack: CloudId,
        tenant: TenantId,
        subscription: Option<SubscriptionId>,
        valid: HourInterval,
    ) -> Result<Backdating, Error> {
        let hour = self.this_hour();
        let so_far = HourInterval::new(Hour::MIN, hour.plus(1)).unwrap_or(HourInterval::ALWAYS);
        let now = self.inputs_now(so_far).await?;
        let charged = (tenant, subscription);
        let MappingDecision {
            registration,
            entry,
            warnings,
        } = decide_mapping(&now.books, caller, stack, charged, valid, hour)?;
        let mut preview = Backdating {
            warnings,
            ..Backdating::default()
        };
        let registration = now.books.registration_by_id(registration).cloned();
        let (Some(entry), Some(registration)) = (entry, registration) else {
            return Ok(preview);
        };
        let mut then = State::clone(&now.books);
        let recorded = Recorded {
            entry: then.entries() + 1,
            at: self.clock.now(),
            by: caller.id(),
        };
        then.apply(&entry, recorded).map_err(|contradiction| Error {
            detail: Some(contradiction.to_string()),
            ..internal("What this mapping would come to contradicts the books; nothing was entered.")
        })?;
        let then = Inputs {
            books: Arc::new(then),
            ..now.clone()
        };
        let supposed = Arc::new(Supposed { now, then });
        let view = view_of(&supposed.now.books, caller);
        let mut months = 0;
        for hours in hours_by_month(&supposed.now.books, stack, valid.intersect(so_far)) {
            let moved = self.moved(&supposed, stack, hours).await?;
            if moved.is_empty() {
                continue;
            }
            months += 1;
            if months > MONTHS_MOVED_MAX {
                return Err(too_many_months());
            }
            let period = hours.start().period();
            let differences = self.differences(&supposed, period, moved.keys()).await?;
            let shown_to = (&*supposed.now.books, &view);
            preview.add_moved(shown_to, &registration, period, moved);
            preview.add_differences(shown_to, differences);
        }
        Ok(preview)
    }

    /// The usage of some hours of a stack that somebody else would pay for.
    async fn moved(
        &self,
        supposed: &Arc<Supposed>,
        stack: CloudId,
        hours: HourInterval,
    ) -> Result<BTreeMap<Between, Moved>, Error> {
        let users = self.usage.local_subscriptions(Some(stack), hours).await?;
        let books = Arc::clone(supposed);
        let stretches = self.compute(move |_| stretches(&books, &users, hours)).await?;
        let slices: Vec<Slice> = stretches.iter().map(|(slice, _)| *slice).collect();
        let mut moved: BTreeMap<Between, Moved> = BTreeMap::new();
        for sum in self.usage.sums_at(&slices, &supposed.now.marks).await? {
            if let Some((_, between)) = stretches.get(sum.slice) {
                let moved = moved.entry(*between).or_default();
                moved.records += sum.records;
                let quantity = moved.quantities.entry(sum.local_meter).or_default();
                quantity.add(&sum.quantity);
            }
        }
        Ok(moved)
    }

    /// What becomes different about the bills of a month along the chains of sale of these payers.
    async fn differences(
        &self,
        supposed: &Arc<Supposed>,
        period: Period,
        between: impl Iterator<Item = &Between>,
    ) -> Result<Vec<BillDifference>, Error> {
        let mut accounts: BTreeSet<Account> = BTreeSet::new();
        for payer in between.flat_map(|(from, to)| [*from, *to]) {
            accounts.extend(accounts_of(&supposed.now.books, payer, period));
        }
        let wanted = Wanted::named(accounts);
        let before = self.gather(&supposed.now, period, &wanted).await?;
        let mut after = self.gather(&supposed.then, period, &wanted).await?;
        let supposed = Arc::clone(supposed);
        self.compute(move |_| {
            let (books, catalog) = (&supposed.now.books, &supposed.now.catalog);
            let mut differences = Vec::new();
            for (account, before) in before {
                // What is wanted by name is gathered from both.
                let Some(after) = after.remove(&account) else {
                    continue;
                };
                let (before, after) = (reckon(&before, catalog)?, reckon(&after, catalog)?);
                if before.amounts() != after.amounts() {
                    differences.push(difference(Settled::of(books, period), &before, &after)?);
                }
            }
            Ok(differences)
        })
        .await?
    }
}

impl Backdating {
    fn add_moved(
        &mut self,
        (books, view): (&State, &View),
        registration: &Registration,
        period: Period,
        moved: BTreeMap<Between, Moved>,
    ) {
        for ((from, to), moved) in moved {
            let is_shown = |payer| shows(books, view, registration, payer);
            let is_read = |payer| reads_usage(books, view, payer);
            if !(is_shown(from) && is_shown(to) && (is_read(from) || is_read(to))) {
                self.withheld = true;
                continue;
            }
            let Moved { records, quantities } = moved;
            self.moved.push(MovedUsage {
                period,
                from,
                from_name: payer_name(books, view, from),
                to,
                to_name: payer_name(books, view, to),
                records,
                quantities,
            });
        }
    }

    fn add_differences(&mut self, (books, view): (&State, &View), differences: Vec<BillDifference>) {
        let (shown, others): (Vec<_>, Vec<_>) = differences
            .into_iter()
            .partition(|it| reads_account(books, view, it.account));
        self.withheld |= !others.is_empty();
        self.differences.extend(shown);
    }
}

fn difference(settled: Settled, before: &Reckoning, after: &Reckoning) -> Result<BillDifference, Error> {
    let (was, is) = (before.total()?, after.total()?);
    let less = Money::from_minor_units(-was.minor_units(), was.currency());
    Ok(BillDifference {
        period: before.period,
        settled,
        account: before.account,
        before: was,
        after: is,
        difference: is.checked_add(less)?,
    })
}

/// The hours of these, month by month, in which the stack was registered: in no others can a mapping move anything.
fn hours_by_month(books: &State, stack: CloudId, hours: Option<HourInterval>) -> Vec<HourInterval> {
    let mut parts = Vec::new();
    let Some(hours) = hours else { return parts };
    for registered in lives(books, stack)
        .into_iter()
        .filter_map(|life| life.hours.intersect(hours))
    {
        let mut month = Some(registered.start().period());
        while let Some(period) = month
            && let Some(part) = period.interval().intersect(registered)
        {
            parts.push(part);
            month = period.next();
        }
    }
    parts
}

/// The stretches of usage whose payer would be another one.
fn stretches(
    supposed: &Supposed,
    users: &[LocalSubscriptionKey],
    hours: HourInterval,
) -> Vec<(Slice, Between)> {
    let mut stretches = Vec::new();
    for user in users {
        for (slice, now) in attributions(&supposed.now.books, *user, hours) {
            for (slice, then) in attributions(&supposed.then.books, *user, slice.interval) {
                if let (Some(now), Some(then)) = (now.charge, then.charge)
                    && now.payer != then.payer
                {
                    stretches.push((slice, (now.payer, then.payer)));
                }
            }
        }
    }
    stretches
}

fn too_many_months() -> Error {
    let message = format!(
        "This mapping moves usage of more than {MONTHS_MOVED_MAX} months. Name an earlier end or a later beginning, and \
         preview the rest by itself."
    );
    Error::new(Kind::Conflict, "TooManyMonthsMoved", message).about("validFrom")
}
