//! The days on which a stack was paid for by its cores.

use std::collections::BTreeMap;

use crate::attribution::StackHistory;
use crate::ids::{CloudId, SubscriptionId};
use crate::registration::BillingModel;
use crate::time::{HourInterval, Period};
use crate::timeline::Timeline;

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
    let Some(within) = period.interval().intersect(known) else {
        return payers;
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
            .find_map(|(hours, terms)| Some((hours.intersect(day)?.start(), terms)));
        if let Some((hour, terms)) = first {
            let stated = stated.and_then(|stated| stated.at(hour)?.value);
            let used = payers
                .entry(terms.default_subscription)
                .or_insert_with(|| CapacityUse {
                    stack,
                    days: BTreeMap::new(),
                });
            *used.days.entry(stated.or(terms.cores)).or_default() += 1;
        }
        if day.end() <= day.start() {
            break;
        }
        day = day.end().day().interval();
    }
    payers
}
