//! What the bills of an open month come to at its end, if its rest is like its complete days.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use domain::chain::Account;
use domain::forecast::{Known, registered_within, spread, still_to_come};
use domain::ids::{CloudId, LocalMeterId};
use domain::money::{Money, MoneyError};
use domain::quantity::QuantitySum;
use domain::reckoning::{Basis, LineKey, reckon};
use domain::time::{Hour, HourInterval, Period};
use store::{LocalSubscriptionKey, Slice};

use super::gathering::{Bases, Inputs, Wanted, charge, cut_up};
use super::parts::{BillPart, Parts, parts};
use super::reckoning::Owed;
use super::what_if::demand_begun;
use crate::access::{Caller, view_of};
use crate::bills::stack_name;
use crate::{App, Error, Kind};

/// The most accounts that are forecast at a time, those that come to most.
pub const ACCOUNTS_FORECAST_MAX: usize = 1_000;

/// What the bills of an open month come to at its end, by the method of [`domain::forecast`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// The month.
    pub period: Period,
    /// The hour in which this was asked.
    pub as_of: Hour,
    /// The accounts that the caller reads, those that come to most first and those without a projection last, at most
    /// [`ACCOUNTS_FORECAST_MAX`].
    pub accounts: Vec<AccountForecast>,
    /// How many more there are.
    pub left_out: usize,
}

/// What one bill comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountForecast {
    /// Who sells to whom.
    pub account: Account,
    /// What it comes to so far, before tax.
    pub so_far: Money,
    /// What it comes to at the end of the month, before tax; none if that would be a guess.
    pub projected: Option<Money>,
    /// Its parts, the tax among them: so far, and at the end.
    pub parts: Vec<(BillPart, PartForecast)>,
    /// The stacks whose usage is on it, by id.
    pub stacks: Vec<StackForecast>,
}

/// What a part of a bill comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartForecast {
    /// So far.
    pub so_far: Money,
    /// At the end of the month; none if that would be a guess.
    pub projected: Option<Money>,
}

/// How far the usage of a stack is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackForecast {
    /// The stack.
    pub stack: CloudId,
    /// The name of its registration.
    pub stack_name: Option<String>,
    /// How far it says that it has reported everything.
    pub reported_through: Option<Hour>,
    /// How far, and what is not complete.
    pub known: Known,
}

/// What is known of stacks that are paid for by usage.
type Stacks = BTreeMap<CloudId, (Option<Hour>, Known)>;

/// What a local subscription used of a meter on complete days, and what was reported of the rest.
type Used = BTreeMap<LocalMeterId, (QuantitySum, QuantitySum)>;

impl App {
    /// What the bills of an open month come to at its end, of the accounts that the caller reads. Quantities are
    /// projected, then reckoned as for a bill, with prices, mappings, registrations and terms as the books have them
    /// for the rest of the month.
    ///
    /// # Errors
    /// `PeriodNotBegun`; `PeriodClosed` if the month has its invoices; `TooManyReckonings` while too many wait for theirs;
    /// or as the store.
    pub async fn forecast(&self, caller: &Caller, period: Period) -> Result<Forecast, Error> {
        let now = self.this_hour();
        demand_begun(period, now)?;
        if self.read(|books| books.periods().closed(period).is_some()) {
            let message =
                format!("{period} is closed. Ask for its invoices: GET /api/v1/invoices?period={period}.");
            return Err(Error::new(Kind::Conflict, "PeriodClosed", message));
        }
        if !self.reads_any_bill(caller) {
            return Ok(Forecast {
                period,
                as_of: now,
                accounts: Vec::new(),
                left_out: 0,
            });
        }
        let app = &self.place_to_reckon(caller).await?;
        let known = HourInterval::new(Hour::MIN, now.plus(1)).unwrap_or(HourInterval::ALWAYS);
        let inputs = app.inputs_now(known).await?;
        let wanted = Wanted::read_with(&inputs.books, view_of(&inputs.books, caller));
        let so_far = app.owed(&inputs, period, &wanted).await?;
        let whole_month = Inputs {
            known: HourInterval::ALWAYS,
            ..inputs.clone()
        };
        let projected = app.gather(&whole_month, period, &wanted).await?;
        let users = app.users_lately(&inputs, period, &wanted).await?;
        let stacks = app.known_stacks(&inputs, period, &users, now).await?;
        let used = app.used_by_days(&inputs, users, &stacks).await?;
        let mut accounts = app
            .compute(move |_| {
                let projection = project(&inputs, period, &stacks, &used, projected, &wanted);
                let mut drawn = draw(&inputs, so_far, &projection, &stacks, period)?;
                for stack in drawn.iter_mut().flat_map(|it| &mut it.stacks) {
                    stack.stack_name = stack_name(&inputs.books, stack.stack);
                }
                Ok::<_, Error>(drawn)
            })
            .await??;
        let size = |money: Money| money.minor_units();
        accounts.sort_by_key(|it| {
            (
                Reverse(it.projected.map(size)),
                Reverse(size(it.so_far)),
                it.account,
            )
        });
        let left_out = accounts.len().saturating_sub(ACCOUNTS_FORECAST_MAX);
        accounts.truncate(ACCOUNTS_FORECAST_MAX);
        Ok(Forecast {
            period,
            as_of: now,
            accounts,
            left_out,
        })
    }

    /// Who used anything in this month or the one before and is on the bills that are wanted in any hour of this.
    async fn users_lately(
        &self,
        inputs: &Inputs,
        period: Period,
        wanted: &Wanted,
    ) -> Result<BTreeSet<LocalSubscriptionKey>, Error> {
        let from = period.previous().unwrap_or(period).interval().start();
        let since_then = HourInterval::new(from, period.interval().end()).unwrap_or(period.interval());
        let users = self
            .usage
            .local_subscriptions_at(since_then, &inputs.marks)
            .await?;
        let (inputs, wanted) = (inputs.clone(), wanted.clone());
        self.compute(move |_| {
            let pieces = cut_up(&inputs, &users, period, period.interval(), &wanted);
            pieces.iter().map(|piece| piece.slice.of).collect()
        })
        .await
    }

    /// How far the usage of those stacks is known that somebody of these used.
    async fn known_stacks(
        &self,
        inputs: &Inputs,
        period: Period,
        users: &BTreeSet<LocalSubscriptionKey>,
        now: Hour,
    ) -> Result<Stacks, Error> {
        let used: BTreeSet<CloudId> = users.iter().map(|user| user.stack).collect();
        let mut registered: Vec<(CloudId, HourInterval)> = Vec::new();
        for (stack, history) in inputs.books.stacks() {
            if !used.contains(&stack) {
                continue;
            }
            let segments = history.registration.segments(period.interval()).into_iter();
            let charged = segments.filter(|(_, terms)| {
                let terms = terms.and_then(|terms| terms.value);
                terms.is_some_and(|terms| terms.billing_model.charges_usage())
            });
            let hours: Vec<HourInterval> = charged.map(|(hours, _)| hours).collect();
            registered.extend(registered_within(period, &hours).map(|hours| (stack, hours)));
        }
        let mut stacks = Stacks::new();
        for (stack, hours) in registered {
            let reported = self.usage.watermark(stack).await?;
            stacks.insert(stack, (reported, Known::of(hours, reported, now)));
        }
        Ok(stacks)
    }

    /// What each of these used of each meter in this month; nothing of those who did not use anything in it.
    async fn used_by_days(
        &self,
        inputs: &Inputs,
        users: BTreeSet<LocalSubscriptionKey>,
        stacks: &Stacks,
    ) -> Result<BTreeMap<LocalSubscriptionKey, Used>, Error> {
        let (mut slices, mut is_complete) = (Vec::new(), Vec::new());
        let mut all: BTreeMap<LocalSubscriptionKey, Used> = BTreeMap::new();
        for of in users {
            let Some((_, known)) = stacks.get(&of.stack) else {
                continue;
            };
            all.insert(of, Used::new());
            for (interval, complete) in [(known.complete, true), (known.rest, false)] {
                if let Some(interval) = interval {
                    slices.push(Slice { of, interval });
                    is_complete.push(complete);
                }
            }
        }
        for sum in self.usage.sums_at(&slices, &inputs.marks).await? {
            let Some((slice, complete)) = slices.get(sum.slice).zip(is_complete.get(sum.slice)) else {
                continue;
            };
            let of_user = all.entry(slice.of).or_default();
            let used = of_user.entry(sum.local_meter).or_default();
            let side = if *complete { &mut used.0 } else { &mut used.1 };
            side.add(&sum.quantity);
        }
        Ok(all)
    }
}

/// What accounts are reckoned from at the end of a month, and the stacks that each depends on.
struct Projection {
    bases: Bases,
    stacks: BTreeMap<Account, BTreeSet<CloudId>>,
}

/// Adds what is still to come to what was used, in the hours that are not complete: evenly, to whoever pays in them.
fn project(
    inputs: &Inputs,
    period: Period,
    stacks: &Stacks,
    used: &BTreeMap<LocalSubscriptionKey, Used>,
    bases: Bases,
    wanted: &Wanted,
) -> Projection {
    let mut projection = Projection {
        bases,
        stacks: BTreeMap::new(),
    };
    for (account, basis) in &projection.bases {
        let usage = basis.sections.values().flat_map(|section| &section.usage);
        let on = usage
            .map(|used| used.stack)
            .filter(|stack| stacks.contains_key(stack));
        projection.stacks.entry(*account).or_default().extend(on);
    }
    for (user, meters) in used {
        let Some((_, known)) = stacks.get(&user.stack) else {
            continue;
        };
        let Some(rest) = known.rest else { continue };
        // With the hours that others pay for: what is to come is spread over these, too, whoever asks.
        let pieces = cut_up(inputs, &[*user], period, rest, &Wanted::All);
        let accounts = pieces.iter().flat_map(super::gathering::Piece::accounts);
        for account in accounts.filter(|account| wanted.has(account)) {
            projection.stacks.entry(account).or_default().insert(user.stack);
            projection
                .bases
                .entry(account)
                .or_insert_with(|| Basis::nothing(account, period));
        }
        if !known.is_enough() {
            continue;
        }
        let mut hours: Vec<i32> = pieces.iter().map(|piece| piece.slice.interval.hours()).collect();
        // Nobody pays in these: what is used then is on no bill.
        hours.push(rest.hours() - hours.iter().sum::<i32>());
        for (meter, (complete, reported)) in meters {
            let to_come = still_to_come(known, complete, reported);
            for (piece, part) in pieces.iter().zip(spread(&to_come, &hours)) {
                if !part.is_zero() {
                    charge(&mut projection.bases, piece, period, wanted, *meter, &part);
                }
            }
        }
    }
    for basis in projection.bases.values_mut() {
        basis.terms = inputs.books.periods().terms_on(basis.account.link(), period);
    }
    projection
}

fn draw(
    inputs: &Inputs,
    so_far: Vec<Owed>,
    projection: &Projection,
    stacks: &Stacks,
    period: Period,
) -> Result<Vec<AccountForecast>, Error> {
    let mut owed: BTreeMap<Account, Parts> = BTreeMap::new();
    let mut corrected_taxes: BTreeMap<Account, Money> = BTreeMap::new();
    for it in so_far {
        let mut parts = parts(&it.reckoning)?;
        if !it.corrections.is_empty() {
            let currency = it.reckoning.account.currency;
            // Taxes of earlier months stand with the tax, as on an invoice.
            let (taxes, others): (Vec<_>, Vec<_>) = (it.corrections.iter())
                .map(|correction| (correction.key, correction.amount))
                .partition(|(key, _)| *key == LineKey::Tax);
            let sum = |of: Vec<(LineKey, Money)>| {
                Money::checked_sum(currency, of.into_iter().map(|(_, amount)| amount))
            };
            parts.insert(BillPart::Corrections, sum(others)?);
            let taxes = sum(taxes)?;
            add_tax(&mut parts, taxes)?;
            corrected_taxes.insert(it.reckoning.account, taxes);
        }
        owed.insert(it.reckoning.account, parts);
    }
    let accounts: BTreeSet<Account> = owed.keys().chain(projection.bases.keys()).copied().collect();
    let nothing = Parts::new();
    let drawn = accounts.into_iter().map(|account| {
        let now = owed.get(&account).unwrap_or(&nothing);
        let mut then = match projection.bases.get(&account) {
            Some(basis) => parts(&reckon(basis, &inputs.catalog)?)?,
            None => parts(&reckon(&Basis::nothing(account, period), &inputs.catalog)?)?,
        };
        // Whatever is used in this month, earlier ones are set right by the same.
        let corrections = now.get(&BillPart::Corrections);
        then.extend(corrections.map(|amount| (BillPart::Corrections, *amount)));
        if let Some(taxes) = corrected_taxes.get(&account) {
            add_tax(&mut then, *taxes)?;
        }
        let on: Vec<StackForecast> = projection
            .stacks
            .get(&account)
            .into_iter()
            .flatten()
            .filter_map(|stack| {
                let (reported_through, known) = stacks.get(stack)?;
                Some(StackForecast {
                    stack: *stack,
                    stack_name: None,
                    reported_through: *reported_through,
                    known: *known,
                })
            })
            .collect();
        let is_enough = on.iter().all(|stack| stack.known.is_enough());
        Ok(AccountForecast::of(account, now, &then, is_enough, on)?)
    });
    drawn.collect()
}

fn add_tax(parts: &mut Parts, more: Money) -> Result<(), MoneyError> {
    if more != Money::zero(more.currency()) {
        let tax = parts.entry(BillPart::Tax).or_insert(Money::zero(more.currency()));
        *tax = tax.checked_add(more)?;
    }
    Ok(())
}

impl AccountForecast {
    fn of(
        account: Account,
        now: &Parts,
        then: &Parts,
        is_enough: bool,
        stacks: Vec<StackForecast>,
    ) -> Result<Self, MoneyError> {
        let currency = account.currency;
        let sum = |parts: &Parts| {
            let before_tax = parts.iter().filter(|(part, _)| part.is_before_tax());
            Money::checked_sum(currency, before_tax.map(|(_, amount)| *amount))
        };
        let all: BTreeSet<&BillPart> = now.keys().chain(then.keys()).collect();
        let of = |parts: &Parts, part: &BillPart| parts.get(part).copied().unwrap_or(Money::zero(currency));
        let part = |part: &BillPart| {
            let amounts = PartForecast {
                so_far: of(now, part),
                projected: is_enough.then(|| of(then, part)),
            };
            (*part, amounts)
        };
        Ok(Self {
            account,
            so_far: sum(now)?,
            projected: is_enough.then(|| sum(then)).transpose()?,
            parts: all.into_iter().map(part).collect(),
            stacks,
        })
    }
}
