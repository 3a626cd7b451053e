//! What each day and each resource was charged, of the usage that an invoice charges.
//!
//! A piece of usage has no price of its own, since tiers and rounding belong to its line: the amount of a line is
//! split in proportion to quantities, as it is between its shares (`domain::statement::amounts_of`), so that days sum
//! to the usage lines, exactly, and resources do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::ids::CloudId;
use domain::invoice::Invoice;
use domain::money::{Money, MoneyError};
use domain::quantity::QuantitySum;
use domain::reckoning::{Basis, Section};
use domain::statement::{ChargedUsage, amounts_of, draw_up};
use domain::time::{Hour, HourInterval, Period};
use paper::Resource;
use store::{LocalSubscriptionKey, ResourceSum, Slice};

use crate::bills::stack_name;
use crate::periods::gathering::{Inputs, Wanted};
use crate::{App, Error};

/// How many of the largest resources are shown.
const RESOURCES_SHOWN: usize = 10;
/// The most local subscriptions with usage, in stretches of one payer, that charts are made for. A bill of more is one
/// of a whole platform, whose largest resource says nothing; its charts would take longer than the bill.
const STRETCHES_MAX: usize = 5_000;

/// What charts are drawn of; nothing where that is not known.
#[derive(Default)]
pub(super) struct Charts {
    pub(super) days: Vec<Money>,
    pub(super) resources: Vec<Resource>,
}

/// Some hours of a local subscription, and what its usage in them is charged as.
pub(in crate::periods) struct Stretch {
    subscription: domain::ids::SubscriptionId,
    pub(in crate::periods) used: ChargedUsage,
}

pub(in crate::periods) type Stretches = BTreeMap<(LocalSubscriptionKey, Hour, Hour), Stretch>;

impl App {
    pub(super) async fn charts(&self, inputs: &Inputs, invoice: &Invoice) -> Result<Charts, Error> {
        let (account, period) = (invoice.account, invoice.period);
        let wanted = Wanted::named(BTreeSet::from([account]));
        let basis = self.gather(inputs, period, &wanted).await?.remove(&account);
        let Some(basis) = basis else {
            return Ok(Charts::default());
        };
        let stretches = stretches(&basis);
        if stretches.len() > STRETCHES_MAX {
            return Ok(Charts::default());
        }
        let whole: Vec<&Stretch> = stretches.values().collect();
        let by_resource = slices(whole.iter().map(|it| (*it, it.used.interval)));
        let days = whole.iter().flat_map(|it| {
            let interval = it.used.interval;
            let days = interval.split_at(days_of(interval)).into_iter();
            days.map(move |day| (*it, day))
        });
        let days: Vec<(&Stretch, HourInterval)> = days.collect();
        let by_day = slices(days.iter().copied());
        let resource_sums = self.usage.resource_sums_at(&by_resource, &inputs.marks).await?;
        let day_sums = self.usage.sums_at(&by_day, &inputs.marks).await?;

        let cut_by_day = day_sums.into_iter().filter_map(|sum| {
            let (stretch, interval) = days.get(sum.slice)?;
            Some(piece(
                stretch,
                *interval,
                sum.local_meter,
                sum.quantity,
                interval.start().day(),
            ))
        });
        let cut_by_day: Vec<_> = cut_by_day.collect();
        let cut_by_resource = resource_sums.into_iter().filter_map(|sum: ResourceSum| {
            let stretch = whole.get(sum.slice)?;
            let of = (stretch.used.stack, sum.resource_uri);
            Some(piece(
                stretch,
                stretch.used.interval,
                sum.local_meter,
                sum.quantity,
                of,
            ))
        });
        let cut_by_resource: Vec<_> = cut_by_resource.collect();
        let (inputs, invoice) = (inputs.clone(), invoice.clone());
        self.compute(move |_| {
            let by_day = charged(&basis, &inputs, cut_by_day)?;
            let by_resource = charged(&basis, &inputs, cut_by_resource)?;
            Ok(Charts {
                days: in_full(period, &by_day, &invoice),
                resources: largest(&inputs, by_resource),
            })
        })
        .await?
    }
}

/// The usage of a basis without its meters: those of one local subscription and interval are charged alike.
pub(in crate::periods) fn stretches(basis: &Basis) -> Stretches {
    let mut stretches = Stretches::new();
    for (subscription, Section { usage, .. }) in &basis.sections {
        for used in usage {
            let of = LocalSubscriptionKey {
                stack: used.stack,
                local_subscription: used.local_subscription,
            };
            let stretch = || Stretch {
                subscription: *subscription,
                used: used.clone(),
            };
            let key = (of, used.interval.start(), used.interval.end());
            stretches.entry(key).or_insert_with(stretch);
        }
    }
    stretches
}

pub(in crate::periods) fn slices<'a>(of: impl Iterator<Item = (&'a Stretch, HourInterval)>) -> Vec<Slice> {
    let slice = |(stretch, interval): (&Stretch, HourInterval)| Slice {
        of: LocalSubscriptionKey {
            stack: stretch.used.stack,
            local_subscription: stretch.used.local_subscription,
        },
        interval,
    };
    of.map(slice).collect()
}

/// The hours in which days begin, in an interval.
fn days_of(interval: HourInterval) -> Vec<Hour> {
    let mut days = Vec::new();
    let mut day = interval.start().day().interval().end();
    while day < interval.end() {
        days.push(day);
        day = day.day().interval().end();
    }
    days
}

/// A part of what is charged, and what it is told apart by.
pub(in crate::periods) type Piece<K> = (domain::ids::SubscriptionId, ChargedUsage, K);

pub(in crate::periods) fn piece<K>(
    stretch: &Stretch,
    interval: HourInterval,
    local_meter: domain::ids::LocalMeterId,
    quantity: QuantitySum,
    of: K,
) -> Piece<K> {
    let used = ChargedUsage {
        interval,
        local_meter,
        quantity,
        ..stretch.used.clone()
    };
    (stretch.subscription, used, of)
}

/// What the pieces are charged, added up by what they are told apart by.
pub(in crate::periods) fn charged<K: Ord>(
    basis: &Basis,
    inputs: &Inputs,
    pieces: Vec<Piece<K>>,
) -> Result<BTreeMap<K, Money>, MoneyError> {
    let mut by_section: BTreeMap<_, (Vec<ChargedUsage>, Vec<K>)> = BTreeMap::new();
    for (subscription, used, of) in pieces {
        let (usage, keys) = by_section.entry(subscription).or_default();
        usage.push(used);
        keys.push(of);
    }
    let (currency, catalog) = (basis.account.currency, &*inputs.catalog);
    let mut charged: BTreeMap<K, Money> = BTreeMap::new();
    for (subscription, (usage, keys)) in by_section {
        let Some(section) = basis.sections.get(&subscription) else {
            continue;
        };
        let statement = draw_up(
            subscription,
            basis.period,
            catalog,
            &section.tariff,
            currency,
            &usage,
        )?;
        let amounts = amounts_of(&statement, catalog, &section.tariff, &usage)?;
        for (of, amount) in keys.into_iter().zip(amounts) {
            let Some(amount) = amount else { continue };
            let sum = charged.entry(of).or_insert(Money::zero(currency));
            *sum = sum.checked_add(amount)?;
        }
    }
    Ok(charged)
}

/// The amounts of all days of a period; of none if nothing was charged for usage.
fn in_full(period: Period, by_day: &BTreeMap<domain::time::Day, Money>, invoice: &Invoice) -> Vec<Money> {
    if by_day.is_empty() {
        return Vec::new();
    }
    let nothing = Money::zero(invoice.account.currency);
    let interval = period.interval();
    let firsts = std::iter::once(interval.start()).chain(days_of(interval));
    let days = firsts.map(|first| by_day.get(&first.day()).copied().unwrap_or(nothing));
    days.collect()
}

/// The resources that most was charged for, whatever the letter case of their ids.
fn largest(inputs: &Inputs, charged: BTreeMap<(CloudId, Arc<str>), Money>) -> Vec<Resource> {
    let mut resources: BTreeMap<(CloudId, String), (Arc<str>, Money)> = BTreeMap::new();
    for ((stack, uri), amount) in charged {
        let key = (stack, uri.to_ascii_lowercase());
        let known = resources
            .entry(key)
            .or_insert_with(|| (uri, Money::zero(amount.currency())));
        if let Ok(sum) = known.1.checked_add(amount) {
            known.1 = sum;
        }
    }
    let mut largest: Vec<_> = resources
        .into_iter()
        .filter(|(_, (_, amount))| amount.minor_units() > 0)
        .collect();
    largest.sort_by(|(a, (_, one)), (b, (_, other))| {
        other.minor_units().cmp(&one.minor_units()).then_with(|| a.cmp(b))
    });
    largest.truncate(RESOURCES_SHOWN);
    let resource = |((stack, _), (uri, amount)): ((CloudId, String), (Arc<str>, Money))| {
        let stack = stack_name(&inputs.books, stack).unwrap_or_else(|| stack.to_string());
        let (name, group) = read(&uri);
        let group = group.map_or_else(String::new, |group| format!(", resource group {group}"));
        Resource {
            name: name.to_owned(),
            place: format!("{stack}{group}"),
            amount,
        }
    };
    largest.into_iter().map(resource).collect()
}

/// The name of a resource and of its resource group, as far as its id tells.
fn read(uri: &str) -> (&str, Option<&str>) {
    let parts: Vec<&str> = uri.split('/').filter(|part| !part.is_empty()).collect();
    let name = parts.last().copied().unwrap_or(uri);
    let group = parts
        .windows(2)
        .find(|pair| pair[0].eq_ignore_ascii_case("resourceGroups"));
    (name, group.map(|pair| pair[1]))
}
