//! What meters mean, as the reviewed data files say, and what they cost, as was published.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::ids::{BillingMeterId, LocalMeterId, PartnerId, SubscriptionId};
use domain::partner::{Subscription, SubscriptionKind};
use domain::time::{Hour, Period};
use num_rational::BigRational;
use num_traits::Zero;
use wire::api::{Meter, MeterPrice, PriceSource};

use crate::demo::decimal::decimal;
use crate::demo::scenario::Published;

/// What becomes of a local meter's usage.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    /// One unit of it is so many units of the billing meter.
    Charged(BillingMeterId, BigRational),
    /// It is never charged.
    Informational,
}

/// A graduated price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::demo) struct Price {
    /// What is free.
    pub(in crate::demo) included: BigRational,
    /// From which quantity on a unit costs what, by rising quantity; the first is 0 and counts from what is free.
    pub(in crate::demo) tiers: Vec<(BigRational, BigRational)>,
    /// Where it is said to come from.
    pub(in crate::demo) source: Option<PriceSource>,
}

impl Price {
    /// Whether everything costs the same at another price, wherever the two come from.
    fn asks_the_same_as(&self, other: &Self) -> bool {
        (&self.included, &self.tiers) == (&other.included, &other.tiers)
    }
}

/// What a local meter's usage is charged as.
#[derive(Debug, Clone, Copy)]
pub(super) struct Priced<'a> {
    /// The billing meter.
    pub(super) meter: BillingMeterId,
    /// What one unit of the local meter is in its unit.
    pub(super) factor: &'a BigRational,
    /// What it costs.
    pub(super) price: &'a Price,
    /// From which hour of the month on it cost that, without a break.
    pub(super) since: Hour,
}

/// The prices of one version of a list.
type Prices = BTreeMap<BillingMeterId, Price>;

/// A price list.
#[derive(Debug, Clone)]
struct List {
    name: String,
    /// The partner that asks these prices; none is the platform.
    seller: Option<PartnerId>,
    /// The one subscription that they are for.
    buyer: Option<SubscriptionId>,
    /// Its prices, each from an hour on.
    versions: BTreeMap<Hour, Prices>,
}

/// A version of a list by which somebody buys.
struct Asked<'a> {
    list: &'a List,
    from: Hour,
    prices: &'a Prices,
}

/// All meters of one month and all prices.
#[derive(Debug, Clone)]
pub(in crate::demo) struct Tariff {
    /// The local meters that are known.
    meters: HashMap<LocalMeterId, Meaning>,
    lists: Vec<List>,
    /// The first hour of the month, and every hour of it in which any list changes.
    stretches: Vec<Hour>,
}

impl Tariff {
    /// Reads what meters mean and what was published of prices, in the order of publishing; nothing if it cannot be
    /// read.
    pub(in crate::demo) fn read(month: Period, meters: &[Meter], published: &[Published]) -> Option<Self> {
        let meters = meters
            .iter()
            .map(|meter| Some((meter.local_meter_id.parse().ok()?, meaning(meter, month)?)));
        let mut lists = Vec::<List>::new();
        for it in published {
            let (from, prices) = version(it)?;
            // Of two for the same hour the one published last holds.
            match lists.iter_mut().find(|list| list.name == it.list) {
                Some(list) => drop(list.versions.insert(from, prices)),
                None => lists.push(List {
                    name: it.list.clone(),
                    seller: parsed(it.version.seller.as_deref())?,
                    buyer: parsed(it.version.buyer.as_deref())?,
                    versions: BTreeMap::from([(from, prices)]),
                }),
            }
        }
        let hours = month.interval();
        let changes = lists.iter().flat_map(|list| list.versions.keys().copied());
        let stretches: BTreeSet<Hour> = changes
            .filter(|hour| hours.contains(*hour))
            .chain([hours.start()])
            .collect();
        Some(Self {
            meters: meters.collect::<Option<_>>()?,
            lists,
            stretches: stretches.into_iter().collect(),
        })
    }

    /// The stretch of the month in which an hour lies: no price changes inside of one.
    pub(super) fn stretch(&self, hour: Hour) -> usize {
        self.stretches
            .partition_point(|start| *start <= hour)
            .saturating_sub(1)
    }

    /// What a payer is charged for a local meter's usage in a stretch; nothing if it is not charged.
    pub(super) fn priced(
        &self,
        payer: &Subscription,
        stretch: usize,
        local_meter: LocalMeterId,
    ) -> Option<Priced<'_>> {
        let Meaning::Charged(meter, factor) = self.meters.get(&local_meter)? else {
            return None;
        };
        let (price, since) = self.price(payer, stretch, *meter)?;
        Some(Priced {
            meter: *meter,
            factor,
            price,
            since,
        })
    }

    /// What a meter costs a payer in a stretch, and the hour of the month from which it cost that without a break.
    fn price(&self, payer: &Subscription, stretch: usize, meter: BillingMeterId) -> Option<(&Price, Hour)> {
        let asked = |stretch: usize| self.asked(payer, stretch)?.prices.get(&meter);
        let price = asked(stretch)?;
        let unbroken = (0..=stretch)
            .rev()
            .take_while(|stretch| asked(*stretch).is_some_and(|earlier| earlier.asks_the_same_as(price)));
        Some((price, *self.stretches.get(unbroken.last()?)?))
    }

    /// The first stretch of those in which a payer buys by the same version of the same list as in this one.
    pub(super) fn same_version(&self, payer: &Subscription, stretch: usize) -> usize {
        let version = |stretch: usize| {
            let asked = self.asked(payer, stretch);
            asked.map(|asked| (&asked.list.name, asked.from))
        };
        let same = (0..=stretch)
            .rev()
            .take_while(|earlier| version(*earlier) == version(stretch));
        same.last().unwrap_or(stretch)
    }

    /// The names of the lists that a payer buys at in the month, in order of time.
    pub(super) fn lists_of(&self, payer: &Subscription) -> Vec<String> {
        let asked = (0..self.stretches.len()).filter_map(|stretch| self.asked(payer, stretch));
        let mut names: Vec<String> = asked.map(|asked| asked.list.name.clone()).collect();
        names.dedup();
        names
    }

    /// What a payer is asked in a stretch: by its seller's list for it alone, else by its seller's list, else by the
    /// platform's, each from its first version on. Only CSP subscriptions are sold by a partner.
    fn asked(&self, payer: &Subscription, stretch: usize) -> Option<Asked<'_>> {
        let hour = *self.stretches.get(stretch)?;
        let seller = payer.owner.filter(|_| payer.kind == SubscriptionKind::Csp);
        let of = |seller: Option<PartnerId>, buyer: Option<SubscriptionId>| {
            let list = self
                .lists
                .iter()
                .find(|list| (list.seller, list.buyer) == (seller, buyer))?;
            let (from, prices) = list.versions.range(..=hour).next_back()?;
            Some(Asked {
                list,
                from: *from,
                prices,
            })
        };
        of(seller, Some(payer.id))
            .or_else(|| of(seller, None))
            .or_else(|| of(None, None))
    }
}

/// Reads an id, if there is one; nothing if it cannot be read.
fn parsed<T: std::str::FromStr>(id: Option<&str>) -> Option<Option<T>> {
    id.map(|id| id.parse().ok()).map_or(Some(None), |id| id.map(Some))
}

fn meaning(meter: &Meter, month: Period) -> Option<Meaning> {
    let Some(billing) = &meter.billing else {
        return Some(Meaning::Informational);
    };
    let factor: BigRational = billing.factor.parse().ok()?;
    let hours = if billing.per_hours_in_month {
        month.hours()
    } else {
        1
    };
    let factor = factor / BigRational::from_integer(hours.into());
    Some(Meaning::Charged(billing.billing_meter_id.parse().ok()?, factor))
}

fn version(published: &Published) -> Option<(Hour, Prices)> {
    let prices = published
        .version
        .prices
        .iter()
        .map(|it| Some((it.meter_id.parse().ok()?, price(it)?)));
    Some((
        published.version.effective_from.parse().ok()?,
        prices.collect::<Option<_>>()?,
    ))
}

fn price(price: &MeterPrice) -> Option<Price> {
    let included = price
        .included_quantity
        .as_deref()
        .map_or(Some(BigRational::zero()), decimal)?;
    let tiers = price
        .rates
        .iter()
        .map(|(from, rate)| Some((decimal(from)?, decimal(rate)?)));
    let mut tiers = tiers.collect::<Option<Vec<_>>>()?;
    tiers.sort();
    Some(Price {
        included,
        tiers,
        source: price.source,
    })
}

#[cfg(test)]
mod tests {
    use wire::api::PublishPriceList;

    use super::*;
    use crate::demo::cast as id;
    use crate::demo::scenario::Scenario;

    const METER: &str = "55145beb-3b9b-5948-b933-6254ff045dd9";

    fn published(
        list: &str,
        seller: Option<PartnerId>,
        buyer: Option<SubscriptionId>,
        from: &str,
        rate: &str,
    ) -> Published {
        let price = serde_json::json!({ "meterId": METER, "rates": { "0": rate } });
        Published {
            list: list.to_owned(),
            version: PublishPriceList {
                currency: "USD".to_owned(),
                seller: seller.map(|it| it.to_string()),
                buyer: buyer.map(|it| it.to_string()),
                effective_from: format!("{from}:00:00Z"),
                derived_from: None,
                prices: vec![serde_json::from_value(price).unwrap()],
            },
        }
    }

    #[test]
    fn every_payer_is_asked_the_most_particular_price_there_is_yet() {
        let month: Period = "2026-10".parse().unwrap();
        let talweg = Some(id::TALWEG);
        let tariff = Tariff::read(
            month,
            &[],
            &[
                published("platform", None, None, "2016-01-01T00", "1"),
                published("talweg", talweg, None, "2026-10-10T08", "2"),
                published("platform", None, None, "2026-10-16T06", "3"),
                published("alone", talweg, Some(id::GLETSCHER), "2026-10-22T11", "2"),
            ],
        )
        .unwrap();
        let scenario = Scenario::in_month(month);
        for (payer, hour, rate, since, lists) in [
            (id::FJORDBANK, "01T00", 1, "01T00", vec!["platform"]),
            (id::FJORDBANK, "16T05", 1, "01T00", vec!["platform"]),
            (id::FJORDBANK, "16T06", 3, "16T06", vec!["platform"]),
            // A partner's own subscription is sold by the platform.
            (id::NORDLYS_SHARED_SERVICES, "31T23", 3, "16T06", vec!["platform"]),
            (id::BRENNER, "10T07", 1, "01T00", vec!["platform", "talweg"]),
            (id::BRENNER, "31T23", 2, "10T08", vec!["platform", "talweg"]),
            // The same price on another list is no break.
            (
                id::GLETSCHER,
                "31T23",
                2,
                "10T08",
                vec!["platform", "talweg", "alone"],
            ),
        ] {
            let payer = scenario.subscription(payer).unwrap();
            let at = |hour: &str| format!("2026-10-{hour}:00:00Z").parse::<Hour>().unwrap();
            let stretch = tariff.stretch(at(hour));
            let (price, found) = tariff.price(payer, stretch, METER.parse().unwrap()).unwrap();
            let tiers = vec![(BigRational::zero(), BigRational::from_integer(rate.into()))];
            assert_eq!(
                (&price.tiers, found),
                (&tiers, at(since)),
                "{} at {hour}",
                payer.name
            );
            assert_eq!(tariff.lists_of(payer), lists, "{}", payer.name);
        }
    }
}
