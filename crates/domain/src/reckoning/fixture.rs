//! Meters, prices and usage for tests of what is billed.

use num_rational::BigRational;

use super::{Basis, CapacityUse, LineKey, Reckoning, Section, Used, UsedTotals, reckon};
use crate::attribution::Reason;
use crate::catalog::{
    Billing, BillingMeter, Catalog, Conversion, LocalMeter, Price, Prices, Tariff, TariffPart, Tier,
};
use crate::chain::{Account, Buyer, Link, Seller};
use crate::ids::{BillingMeterId, CloudId, LocalMeterId, LocalSubscriptionId, PartnerId, SubscriptionId};
use crate::money::{Currency, Money};
use crate::quantity::Quantity;
use crate::registration::BillingModel;
use crate::statement::ChargedUsage;
use crate::terms::{CapacityFee, Tax};
use crate::time::{Hour, HourInterval, Period};

pub(crate) const PARTNER: PartnerId = PartnerId::from_bytes([0x9a; 16]);
pub(crate) const ONE: SubscriptionId = SubscriptionId::from_bytes([0xa1; 16]);
pub(crate) const OTHER: SubscriptionId = SubscriptionId::from_bytes([0xa2; 16]);
pub(crate) const STACK: CloudId = CloudId::from_bytes([0x51; 16]);
pub(crate) const VCPU: BillingMeterId = BillingMeterId::from_bytes([0xb1; 16]);
pub(crate) const BLOB: BillingMeterId = BillingMeterId::from_bytes([0xb2; 16]);
pub(crate) const VM: LocalMeterId = LocalMeterId::from_bytes([1; 16]);
pub(crate) const SMALL_VM: LocalMeterId = LocalMeterId::from_bytes([2; 16]);
pub(crate) const PAGE_BLOB: LocalMeterId = LocalMeterId::from_bytes([3; 16]);
pub(crate) const UNKNOWN: LocalMeterId = LocalMeterId::from_bytes([4; 16]);

pub(crate) const WHOLESALE: Link = Link {
    seller: Seller::Platform,
    buyer: Buyer::Partner(PARTNER),
};

/// The partner's sale to a customer.
pub(crate) fn retail(subscription: SubscriptionId) -> Link {
    Link {
        seller: Seller::Partner(PARTNER),
        buyer: Buyer::Subscription(subscription),
    }
}

pub(crate) fn period(text: &str) -> Period {
    text.parse().unwrap()
}

/// Two local meters of one billing meter, and one that is billed by the month. A virtual machine counts `vm` times.
pub(crate) fn catalog_with(vm: u32) -> Catalog {
    let by = |numerator: u32, denominator: u32| {
        Conversion::by_factor(BigRational::new(numerator.into(), denominator.into())).unwrap()
    };
    let local = |id, meter, conversion| LocalMeter {
        id,
        name: String::new(),
        unit: String::new(),
        meaning: String::new(),
        billing: Billing::Charged { meter, conversion },
    };
    let billing = |id| BillingMeter {
        id,
        name: String::new(),
        category: String::new(),
        unit: String::new(),
    };
    Catalog::new(
        [
            local(VM, VCPU, by(vm, 1)),
            local(SMALL_VM, VCPU, by(1, 3)),
            local(PAGE_BLOB, BLOB, by(1, 1).per_hours_in_month()),
        ],
        [billing(VCPU), billing(BLOB)],
    )
    .unwrap()
}

pub(crate) fn catalog() -> Catalog {
    catalog_with(1)
}

pub(crate) fn price(tiers: &[(&str, &str)], included: &str) -> Price {
    let tier = |(from, price): &(&str, &str)| Tier {
        from: from.parse().unwrap(),
        unit_price: price.parse().unwrap(),
    };
    Price::new(tiers.iter().map(tier).collect(), included.parse().unwrap()).unwrap()
}

/// Versions of one list, each from its hour to the next.
pub(crate) fn tariff(currency: Currency, versions: impl IntoIterator<Item = (Hour, Prices)>) -> Tariff {
    let versions: Vec<(Hour, Prices)> = versions.into_iter().collect();
    let ends: Vec<Hour> = versions
        .iter()
        .skip(1)
        .map(|(from, _)| *from)
        .chain([Hour::MAX])
        .collect();
    let parts = versions
        .into_iter()
        .zip(ends)
        .map(|((from, prices), end)| TariffPart {
            hours: HourInterval::new(from, end).unwrap(),
            list: "list".parse().unwrap(),
            currency,
            prices,
        });
    Tariff::new(parts.collect())
}

/// One price for each unit of a virtual machine's hours, always.
pub(crate) fn flat(unit_price: &str) -> Tariff {
    let prices = [(VCPU, Price::flat(unit_price.parse().unwrap()))];
    tariff(Currency::USD, [(Hour::MIN, prices.into())])
}

/// Usage in the first hour of a month.
pub(crate) fn used(month: &str, local_meter: LocalMeterId, quantity: &str) -> ChargedUsage {
    let start = period(month).interval().start();
    ChargedUsage {
        stack: STACK,
        local_subscription: LocalSubscriptionId::from_bytes([0x10; 16]),
        tenant: None,
        reason: Reason::TenantMapping,
        billing_model: BillingModel::PayAsYouUse,
        interval: HourInterval::new(start, start.plus(1)).unwrap(),
        local_meter,
        quantity: quantity.parse::<Quantity>().unwrap().into(),
    }
}

pub(crate) fn usd(minor_units: i128) -> Money {
    Money::from_minor_units(minor_units, Currency::USD)
}

pub(crate) fn tax(percent: &str) -> Option<Tax> {
    Some(Tax {
        percent: percent.parse().unwrap(),
        label: "VAT".to_owned(),
    })
}

pub(crate) fn fee(per_core_and_year: &str, currency: Currency) -> Option<CapacityFee> {
    Some(CapacityFee {
        per_core_and_year: per_core_and_year.parse().unwrap(),
        currency,
    })
}

pub(crate) fn capacity(days: &[(Option<u32>, u32)]) -> Vec<CapacityUse> {
    vec![CapacityUse {
        stack: STACK,
        days: days.iter().copied().collect(),
    }]
}

/// What a partner buys in October 2026 for one subscription.
pub(crate) fn basis(tariff: Tariff, usage: Vec<ChargedUsage>) -> Basis {
    let section = Section {
        tariff,
        usage,
        capacity: Vec::new(),
    };
    let mut basis = Basis::nothing(Account::new(WHOLESALE, Currency::USD), period("2026-10"));
    basis.sections.insert(ONE, section);
    basis
}

/// All usage of these sections, without revisions.
pub(crate) fn totals<'a>(bases: impl IntoIterator<Item = &'a Basis>) -> UsedTotals {
    let mut totals = UsedTotals::new();
    let sections = bases.into_iter().flat_map(|basis| basis.sections.values());
    for used in sections.flat_map(|section| &section.usage) {
        let slice = (used.stack, used.local_subscription, used.local_meter);
        let total: &mut Used = totals.entry(slice).or_default();
        total.quantity.add(&used.quantity);
    }
    totals
}

pub(crate) fn reckoned(basis: &Basis) -> Reckoning {
    reckon(basis, &catalog()).unwrap()
}

/// The lines as they read, without ids.
pub(crate) fn shown(reckoning: &Reckoning) -> Vec<(&'static str, String)> {
    let lines = reckoning.lines.iter();
    lines
        .map(|(key, line)| (name(key), line.amount.to_string()))
        .collect()
}

pub(crate) const fn name(key: &LineKey) -> &'static str {
    match key {
        LineKey::Usage { .. } => "usage",
        LineKey::CapacityFee { .. } => "fee",
        LineKey::MinimumCommitment => "commitment",
        LineKey::Credit => "credit",
        LineKey::Tax => "tax",
    }
}
