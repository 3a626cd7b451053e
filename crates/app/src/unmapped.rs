//! Usage that no tenant mapping claims: what it is, how long it has been waiting, and whom it costs what.

use std::collections::{BTreeMap, BTreeSet};

use domain::attribution::{Attribution, Charge, Reason};
use domain::books::Books;
use domain::ids::{CloudId, LocalMeterId, LocalSubscriptionId, SubscriptionId};
use domain::money::Money;
use domain::quantity::QuantitySum;
use domain::registration::billing_change::sells_to;
use domain::time::{Hour, HourInterval, Period};
use store::{LocalSubscriptionKey, Slice};

use crate::access::{Caller, View, sees_stack};
use crate::bills::{
    TWO_CURRENCIES, attributions, customer_name, reads_charges, reads_usage, stack_name,
    statement_of_reseller,
};
use crate::list_price::ListValue;
use crate::{App, Error, Kind};

/// A place among usage that no mapping claims: stack, local subscription, first hour.
pub type Place = (CloudId, LocalSubscriptionId, Hour);

/// Usage that no tenant mapping claims.
#[derive(Debug, Clone)]
pub struct Unmapped {
    /// The stack.
    pub stack: CloudId,
    /// The name of its registration, if it ever had one that the caller may know.
    pub stack_name: Option<String>,
    /// The local subscription.
    pub local_subscription: LocalSubscriptionId,
    /// The hours, inside the period asked for, in which the answer is this.
    pub interval: HourInterval,
    /// The hours of these in which something was used: from the first to the end of the last.
    pub used_in: HourInterval,
    /// Who pays for now and why; nobody where the stack was not registered.
    pub charge: Option<Charge>,
    /// The name of who pays for now.
    pub payer_name: Option<String>,
    /// The name of the customer that the directory tenant belongs to.
    pub customer_name: Option<String>,
    /// What was used.
    pub used: Vec<UnmappedMeter>,
    /// What all of it costs; nothing where nothing is charged.
    pub amount: Option<Money>,
    /// Why it is not said what it costs: no statement can be drawn up of who pays for now, or the caller does not read it.
    pub problem: Option<Error>,
    /// What all of it is worth at list price, or why that cannot be said.
    pub list_value: Option<Result<ListValue, Error>>,
    /// How many records that are.
    pub records: u64,
}

/// What was used of one local meter.
#[derive(Debug, Clone)]
pub struct UnmappedMeter {
    /// The local meter.
    pub local_meter: LocalMeterId,
    /// How much, in the local meter's unit.
    pub quantity: QuantitySum,
    /// What it adds to the statement of who pays for now; nothing where it is not charged.
    pub amount: Option<Money>,
}

impl Unmapped {
    fn new(slice: &Slice, charge: Option<Charge>) -> Self {
        Self {
            stack: slice.of.stack,
            stack_name: None,
            local_subscription: slice.of.local_subscription,
            interval: slice.interval,
            used_in: slice.interval,
            charge,
            payer_name: None,
            customer_name: None,
            used: Vec::new(),
            amount: None,
            problem: None,
            list_value: None,
            records: 0,
        }
    }

    /// Its hours of its local subscription.
    pub(crate) const fn slice(&self) -> Slice {
        Slice {
            of: LocalSubscriptionKey {
                stack: self.stack,
                local_subscription: self.local_subscription,
            },
            interval: self.interval,
        }
    }

    /// Its place among the others.
    #[must_use]
    pub const fn place(&self) -> Place {
        (self.stack, self.local_subscription, self.interval.start())
    }

    fn add(&mut self, meter: LocalMeterId, amount: Money) -> Result<(), Error> {
        let used = self.used.iter_mut().find(|used| used.local_meter == meter);
        for sum in used
            .map(|used| &mut used.amount)
            .into_iter()
            .chain([&mut self.amount])
        {
            *sum = Some(sum.map_or(Ok(amount), |sum| sum.checked_add(amount))?);
        }
        Ok(())
    }
}

impl App {
    /// Usage in a period that no tenant mapping claims, as far as the caller reads the usage of who pays for it, or sold what
    /// the stack used before it had no registration any more, by place: what comes after `after`, `limit` at the most. It is
    /// charged to default subscriptions, or to nobody. Only what is answered
    /// is summed, and only those who pay for it are rated, as far as the caller reads their statements.
    ///
    /// # Errors
    /// As the store.
    pub async fn unmapped_usage(
        &self,
        caller: &Caller,
        period: Period,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<Unmapped>, Error> {
        let within = period.interval();
        let users = self.usage.local_subscriptions(None, within).await?;
        let view = self.view(caller);
        let (view, mut waiting) = self
            .compute(move |app| {
                let mut found = Vec::new();
                app.read_in_parts(&users, |books, user| {
                    found.extend(waiting_for_somebody(books, &view, *user, within));
                });
                (view, found)
            })
            .await?;
        waiting.retain(|it| after.is_none_or(|after| it.place() > after));
        waiting.sort_by_key(Unmapped::place);
        let mut found = Vec::new();
        // A local subscription did not use something in all hours that no mapping claims.
        while !waiting.is_empty() && found.len() < limit {
            let later = waiting.split_off(waiting.len().min(limit));
            found.extend(self.summed(waiting).await?);
            waiting = later;
        }
        found.truncate(limit);
        self.rate_unmapped(&view, &mut found, period).await?;
        let slices: Vec<Vec<Slice>> = found.iter().map(|it| vec![it.slice()]).collect();
        let values = self.list_values(&view, &slices, period).await?;
        for (unmapped, value) in found.iter_mut().zip(values) {
            unmapped.list_value = Some(value);
        }
        self.read(|books| {
            for unmapped in &mut found {
                name(unmapped, books, &view);
            }
        });
        Ok(found)
    }

    /// Those with records, with what was used.
    pub(crate) async fn summed(&self, mut unmapped: Vec<Unmapped>) -> Result<Vec<Unmapped>, Error> {
        let slices: Vec<Slice> = unmapped.iter().map(Unmapped::slice).collect();
        for sum in self.usage.sums(&slices).await? {
            if let Some(unmapped) = unmapped.get_mut(sum.slice) {
                unmapped.used.push(UnmappedMeter {
                    local_meter: sum.local_meter,
                    quantity: sum.quantity,
                    amount: None,
                });
                unmapped.records += sum.records;
            }
        }
        unmapped.retain(|unmapped| unmapped.records > 0);
        let slices: Vec<Slice> = unmapped.iter().map(Unmapped::slice).collect();
        let hours = self.usage.used_hours(&slices).await?;
        for (unmapped, hours) in unmapped.iter_mut().zip(hours) {
            unmapped.used_in = hours.unwrap_or(unmapped.interval);
        }
        Ok(unmapped)
    }

    /// Says what each costs who pays for now.
    async fn rate_unmapped(
        &self,
        view: &View,
        unmapped: &mut [Unmapped],
        period: Period,
    ) -> Result<(), Error> {
        let payer = |it: &Unmapped| it.charge.map(|charge| charge.payer);
        let payers: BTreeSet<SubscriptionId> = unmapped.iter().filter_map(payer).collect();
        let mut by_user: BTreeMap<(CloudId, LocalSubscriptionId), Vec<&mut Unmapped>> = BTreeMap::new();
        for unmapped in unmapped {
            let user = (unmapped.stack, unmapped.local_subscription);
            by_user.entry(user).or_default().push(unmapped);
        }
        for payer in payers {
            let charges = if self.read(|books| reads_charges(books, view, payer)) {
                self.charges_of(payer, period).await
            } else {
                Err(statement_of_reseller(payer))
            };
            let charges = match charges {
                Err(error) if error.code == TWO_CURRENCIES || error.kind == Kind::Forbidden => {
                    let of_payer = by_user.values_mut().flatten();
                    for unmapped in of_payer.filter(|it| it.charge.is_some_and(|it| it.payer == payer)) {
                        unmapped.problem = Some(error.clone());
                    }
                    continue;
                }
                charges => charges?,
            };
            for (used, amount) in charges {
                let user = (used.stack, used.local_subscription);
                let claimed_by_nobody = by_user.get_mut(&user).into_iter().flatten();
                let of_these_hours = claimed_by_nobody
                    .filter(|it| it.interval.contains(used.interval.start()))
                    .find(|it| it.charge.is_some_and(|charge| charge.payer == payer));
                if let (Some(unmapped), Some(amount)) = (of_these_hours, amount) {
                    unmapped.add(used.local_meter, amount)?;
                }
            }
        }
        Ok(())
    }
}

/// Whether usage of a stack in some hours is shown to whoever has this view: to those who read what the payer uses, and
/// where nobody is charged for it to operators and to those who sold what the stack used before by usage. These are they
/// whom a registration that was deleted costs something.
pub(crate) fn is_read(
    books: &Books,
    view: &View,
    stack: CloudId,
    hours: HourInterval,
    charge: Option<Charge>,
) -> bool {
    let sold_before = || {
        let (_, terms) = books.stack(stack)?.registered_before(hours.start())?;
        let payer = books.subscription_ever(terms.default_subscription)?;
        Some(terms.billing_model.charges_usage() && sells_to(view, payer))
    };
    match charge {
        Some(charge) => reads_usage(books, view, charge.payer),
        None => view.everything || sold_before().unwrap_or(false),
    }
}

/// Where usage of a local subscription would be claimed by no mapping, as far as it is shown to whoever has this view.
pub(crate) fn waiting_for_somebody<'a>(
    books: &'a Books,
    view: &'a View,
    user: LocalSubscriptionKey,
    within: HourInterval,
) -> impl Iterator<Item = Unmapped> + 'a {
    let answers = attributions(books, user, within).into_iter();
    let claimed = |answer: &Attribution| {
        let reason = answer.charge.map(|charge| charge.reason);
        reason == Some(Reason::TenantMapping)
    };
    answers
        .filter(move |(_, answer)| !claimed(answer))
        .map(|(slice, answer)| Unmapped::new(&slice, answer.charge))
        .filter(|it| is_read(books, view, it.stack, it.interval, it.charge))
}

fn name(unmapped: &mut Unmapped, books: &Books, view: &View) {
    // What the stack is registered as now may be the business of others than of those who had it before.
    if unmapped.charge.is_some() || sees_stack(books, view, unmapped.stack) {
        unmapped.stack_name = stack_name(books, unmapped.stack);
    }
    if let Some(charge) = unmapped.charge {
        let payer = books.subscription_ever(charge.payer);
        unmapped.payer_name = payer.map(|payer| payer.name.clone());
        unmapped.customer_name = charge
            .tenant
            .and_then(|tenant| customer_name(books, view, tenant));
    }
}
