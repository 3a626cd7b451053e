//! The days on which a stack was paid for by its cores.

use std::collections::BTreeMap;

use crate::attribution::{RegistrationTerms, StackHistory};
use crate::ids::{CloudId, SubscriptionId};
use crate::registration::BillingModel;
use crate::time::{Hour, HourInterval, Period};
use crate::timeline::{Recorded, Timeline};

/// The days of a period on which a stack paid by capacity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapacityUse {
    /// The stack.
    pub stack: CloudId,
    /// How many days it was registered with how many cores; with none where nobody stated them.
    pub days: BTreeMap<Option<u32>, u32>,
}

/// Which subscriptions pay for the cores of a stack in a period, and for which days: those on which it was registered
/// under Capacity for an hour at least. A day belongs to the first such hour of it: to the default subscription and to
/// the cores of then *(ours)*.
///
/// Cores are those `stated` for the stack, or else those of its registration token. Only days that begin before the end
/// of `known` count: those of the running month that are over or have begun.
#[must_use]
pub fn capacity_of(
    stack: CloudId,
    history: &StackHistory,
    stated: Option<&Timeline<Option<u32>>>,
    period: Period,
    known: HourInterval,
) -> BTreeMap<SubscriptionId, CapacityUse> {
    let mut payers: BTreeMap<SubscriptionId, CapacityUse> = BTreeMap::new();
    for (hour, terms) in days_under_capacity(history, period, known) {
        let stated = stated.and_then(|stated| stated.at(hour)?.value);
        let used = payers
            .entry(terms.default_subscription)
            .or_insert_with(|| CapacityUse {
                stack,
                days: BTreeMap::new(),
            });
        *used.days.entry(stated.or(terms.cores)).or_default() += 1;
    }
    payers
}

/// Cores that were stated for a stack, in hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatedCores {
    /// How many.
    pub cores: u32,
    /// The hours in which that holds.
    pub hours: HourInterval,
    /// Who stated it, and when.
    pub recorded: Recorded,
}

/// What was stated of the cores of a stack and decides what a subscription pays for them in a period, in the order of the
/// days that [`capacity_of`] counts by it; nothing where the registration's token decides.
#[must_use]
pub fn cores_deciding(
    history: &StackHistory,
    stated: &Timeline<Option<u32>>,
    period: Period,
    known: HourInterval,
    payer: SubscriptionId,
) -> Vec<StatedCores> {
    let mut found: Vec<StatedCores> = Vec::new();
    for (hour, terms) in days_under_capacity(history, period, known) {
        let decides = stated.at(hour).filter(|_| terms.default_subscription == payer);
        let Some((assertion, cores)) = decides.and_then(|it| Some((it, it.value?))) else {
            continue;
        };
        let is_known = |it: &StatedCores| it.recorded == assertion.recorded && it.hours.contains(hour);
        if !found.iter().any(is_known) {
            let held = stated.segments(assertion.valid).into_iter();
            let mut held = held.map(|(hours, _)| hours).filter(|hours| hours.contains(hour));
            found.push(StatedCores {
                cores,
                hours: held.next().unwrap_or(assertion.valid),
                recorded: assertion.recorded,
            });
        }
    }
    found
}

/// The days of a period on which a stack was registered under Capacity, each by the first such hour of it and what it was
/// registered as then.
fn days_under_capacity(
    history: &StackHistory,
    period: Period,
    known: HourInterval,
) -> Vec<(Hour, RegistrationTerms)> {
    let mut days = Vec::new();
    let Some(within) = period.interval().intersect(known) else {
        return days;
    };
    let under_capacity: Vec<_> = history
        .registration
        .segments(within)
        .into_iter()
        .filter_map(|(hours, assertion)| Some((hours, assertion?.value?)))
        .filter(|(_, terms)| terms.billing_model == BillingModel::Capacity)
        .collect();
    let mut day = within.start().day().interval();
    while !under_capacity.is_empty() && day.start() < within.end() {
        let first = under_capacity
            .iter()
            .find_map(|(hours, terms)| Some((hours.intersect(day)?.start(), *terms)));
        days.extend(first);
        if day.end() <= day.start() {
            break;
        }
        day = day.end().day().interval();
    }
    days
}
