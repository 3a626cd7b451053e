//! Laws 3 and 6 over random histories: usage, revisions, mappings, prices, terms and cores that become known in any order,
//! before a month is closed or after, and what is billed in the end.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::attribution::Reason;
use crate::catalog::{Price, Prices, Tier};
use crate::chain::{Account, Link};
use crate::ids::LocalSubscriptionId;
use crate::invoice::{Inputs, InvoiceNumber, billed};
use crate::quantity::Quantity;
use crate::reckoning::fixture::{
    BLOB, ONE, OTHER, PAGE_BLOB, SMALL_VM, UNKNOWN, VCPU, VM, WHOLESALE, capacity, catalog, fee, period,
    retail, tariff, tax,
};
use crate::reckoning::{Basis, Cause, Compared, Section, Side, Used, UsedTotals, correct, margins, reckon};
use crate::registration::BillingModel;
use crate::statement::ChargedUsage;
use crate::terms::Terms;
use crate::time::{Hour, HourInterval};

/// The months that are closed, each when the next has begun. In the last nothing is used.
const MONTHS: [&str; 4] = ["2026-10", "2026-11", "2026-12", "2027-01"];
/// The hours in which something is used.
const HOURS: i32 = (31 + 30 + 31) * 24;

/// Something with the close before which it became known.
type Told<T> = (usize, T);

#[derive(Debug, Clone)]
struct Record {
    hour: i32,
    local_subscription: u8,
    local_meter: LocalMeterId,
    quantity: u32,
    billing_model: BillingModel,
    /// Another quantity, told later.
    revised: Option<Told<u32>>,
}

#[derive(Debug, Clone)]
struct Mapped {
    local_subscription: u8,
    from: i32,
    payer: SubscriptionId,
}

#[derive(Debug, Clone)]
struct Published {
    by_partner: bool,
    from: i32,
    prices: Prices,
}

#[derive(Debug, Clone)]
struct Agreed {
    link: Link,
    from: Period,
    terms: Terms,
}

#[derive(Debug, Clone)]
struct Cores {
    month: Period,
    payer: SubscriptionId,
    days: Vec<(Option<u32>, u32)>,
}

#[derive(Debug, Clone)]
struct History {
    currency: Currency,
    records: Vec<Told<Record>>,
    mappings: Vec<Told<Mapped>>,
    prices: Vec<Told<Published>>,
    terms: Vec<Told<Agreed>>,
    cores: Vec<Told<Cores>>,
}

fn hour(hours: i32) -> Hour {
    period(MONTHS[0]).interval().start().plus(hours)
}

fn known<T>(told: &[Told<T>], close: usize) -> impl Iterator<Item = &T> {
    // What is told later is recorded later.
    let mut known: Vec<&Told<T>> = told.iter().filter(|(at, _)| *at <= close).collect();
    known.sort_by_key(|(at, _)| *at);
    known.into_iter().map(|(_, what)| what)
}

impl History {
    fn payer(&self, record: &Record, close: usize) -> (SubscriptionId, Reason) {
        let says =
            |it: &&Mapped| it.local_subscription == record.local_subscription && it.from <= record.hour;
        let mapped = known(&self.mappings, close).filter(says).last();
        mapped.map_or((ONE, Reason::TenantNotMapped), |it| {
            (it.payer, Reason::TenantMapping)
        })
    }

    fn quantity(record: &Record, close: usize) -> (u32, u64) {
        match record.revised {
            Some((at, quantity)) if at <= close => (quantity, 1),
            _ => (record.quantity, 0),
        }
    }

    fn of_month(&self, month: Period, close: usize) -> impl Iterator<Item = &Record> {
        let is_of = move |record: &&Record| hour(record.hour).period() == month;
        known(&self.records, close).filter(is_of)
    }

    fn used(&self, month: Period, close: usize) -> UsedTotals {
        let mut totals = UsedTotals::new();
        for record in self.of_month(month, close) {
            let (quantity, revisions) = Self::quantity(record, close);
            let local = LocalSubscriptionId::from_bytes([record.local_subscription; 16]);
            let used: &mut Used = totals.entry((stack(), local, record.local_meter)).or_default();
            used.quantity
                .add(&Quantity::new(quantity.into(), 2).unwrap().into());
            used.records += 1;
            used.revisions += revisions;
        }
        totals
    }

    fn basis(&self, link: Link, month: Period, close: usize) -> Basis {
        let mut basis = Basis::nothing(Account::new(link, self.currency), month);
        let of_link = |published: &&Published| published.by_partner == (link != WHOLESALE);
        let versions: BTreeMap<Hour, Prices> = known(&self.prices, close)
            .filter(of_link)
            .map(|it| (hour(it.from), it.prices.clone()))
            .collect();
        let tariff = tariff(self.currency, versions);
        let section = || Section {
            tariff: tariff.clone(),
            ..Section::default()
        };
        let is_on = |payer| link == WHOLESALE || link == retail(payer);
        for record in self.of_month(month, close) {
            let (payer, reason) = self.payer(record, close);
            if is_on(payer) {
                let section = basis.sections.entry(payer).or_insert_with(section);
                let (quantity, _) = Self::quantity(record, close);
                section.usage.push(ChargedUsage {
                    stack: stack(),
                    local_subscription: LocalSubscriptionId::from_bytes([record.local_subscription; 16]),
                    tenant: None,
                    reason,
                    billing_model: record.billing_model,
                    interval: HourInterval::new(hour(record.hour), hour(record.hour + 1)).unwrap(),
                    local_meter: record.local_meter,
                    quantity: Quantity::new(quantity.into(), 2).unwrap().into(),
                });
            }
        }
        if let Some(cores) = known(&self.cores, close).filter(|it| it.month == month).last()
            && is_on(cores.payer)
        {
            basis.sections.entry(cores.payer).or_insert_with(section).capacity = capacity(&cores.days);
        }
        let agreed = |it: &&Agreed| it.link == link && it.from <= month;
        // The latest month decides, and of two for one month the one told last.
        let terms: BTreeMap<Period, &Terms> = known(&self.terms, close)
            .filter(agreed)
            .map(|it| (it.from, &it.terms))
            .collect();
        basis.terms = terms
            .last_key_value()
            .map(|(_, terms)| (*terms).clone())
            .unwrap_or_default();
        basis
    }
}

fn stack() -> crate::ids::CloudId {
    crate::reckoning::fixture::STACK
}

/// All invoices that an account gets if each month is closed when the next has begun. Before each, all laws are asked.
fn close_month_by_month(history: &History, link: Link) -> Vec<Invoice> {
    let catalog = catalog();
    let mut invoices: Vec<Invoice> = Vec::new();
    for (close, month) in MONTHS.iter().enumerate() {
        let mut corrections = Vec::new();
        for earlier in &MONTHS[..close] {
            let earlier = period(earlier);
            let (was, is) = (
                history.basis(link, earlier, close - 1),
                history.basis(link, earlier, close),
            );
            let (used_then, used_now) = (history.used(earlier, close - 1), history.used(earlier, close));
            let side = |basis, used| Side {
                basis,
                catalog: &catalog,
                used,
            };
            let compared = Compared::new(side(&was, &used_then), side(&is, &used_now));
            let now = reckon(&is, &catalog).unwrap();
            let so_far = billed(earlier, &invoices).unwrap();
            corrections.extend(correct(&now, &so_far, &compared).unwrap());
        }
        let reckoning = reckon(&history.basis(link, period(month), close), &catalog).unwrap();
        let number = InvoiceNumber {
            seller: link.seller,
            sequence: u64::try_from(invoices.len()).unwrap() + 1,
        };
        let inputs = Inputs {
            catalog: [0; 32],
            marks: [0; 32],
        };
        invoices.extend(Invoice::draw_up(number, reckoning, corrections, inputs).unwrap());
    }
    invoices
}

fn any_price() -> impl Strategy<Value = Price> {
    let steps = prop::collection::btree_map(1u32..60, 0u32..90, 0..3);
    (steps, 0u32..90, prop::option::of(0u32..40)).prop_map(|(steps, first, included)| {
        let tier = |(from, price): (u32, u32)| Tier {
            from: Quantity::new(from.into(), 0).unwrap(),
            unit_price: format!("{}.{price:03}", price % 3).parse().unwrap(),
        };
        let tiers = steps.into_iter().chain([(0, first)]).map(tier).collect();
        Price::new(
            tiers,
            Quantity::new(included.unwrap_or_default().into(), 0).unwrap(),
        )
        .unwrap()
    })
}

fn told<S: Strategy>(what: S) -> impl Strategy<Value = Told<S::Value>> {
    (0usize..MONTHS.len(), what)
}

fn any_payer() -> impl Strategy<Value = SubscriptionId> {
    prop::sample::select(vec![ONE, OTHER])
}

fn any_month() -> impl Strategy<Value = Period> {
    (0usize..3).prop_map(|month| period(MONTHS[month]))
}

fn any_record() -> impl Strategy<Value = Record> {
    let meters = vec![VM, SMALL_VM, PAGE_BLOB, UNKNOWN];
    let models = vec![
        BillingModel::PayAsYouUse,
        BillingModel::PayAsYouUse,
        BillingModel::PayAsYouUse,
        BillingModel::Development,
        BillingModel::Capacity,
    ];
    let revised = prop::option::of(told(0u32..9000));
    let (meter, model) = (prop::sample::select(meters), prop::sample::select(models));
    (0..HOURS, 0u8..3, meter, 0u32..9000, model, revised).prop_map(
        |(hour, local_subscription, local_meter, quantity, billing_model, revised)| Record {
            hour,
            local_subscription,
            local_meter,
            quantity,
            billing_model,
            revised,
        },
    )
}

fn any_terms(currency: Currency) -> impl Strategy<Value = Terms> {
    let amount = || prop::option::of((0i128..9000).prop_map(move |it| Money::from_minor_units(it, currency)));
    let rate = prop::option::of((0u32..300).prop_map(|it| tax(&format!("{}.{}", it / 10, it % 10)).unwrap()));
    (amount(), amount(), rate, any::<bool>()).prop_map(move |(minimum_commitment, credit, tax, fees)| Terms {
        minimum_commitment,
        credit,
        tax,
        capacity_fee: fees.then(|| fee("144.5", currency)).flatten(),
    })
}

fn any_history() -> impl Strategy<Value = History> {
    let currencies = ["USD", "JPY", "KWD"].map(|code| code.parse::<Currency>().unwrap());
    prop::sample::select(currencies.to_vec()).prop_flat_map(|currency| {
        let mapping = (0u8..3, 0..HOURS, any_payer()).prop_map(|(local_subscription, from, payer)| Mapped {
            local_subscription,
            from,
            payer,
        });
        let prices = || {
            (any_price(), prop::option::of(any_price())).prop_map(|(vcpu, blob)| {
                let blob = blob.map(|price| (BLOB, price));
                [(VCPU, vcpu)].into_iter().chain(blob).collect::<Prices>()
            })
        };
        let at_first = |by_partner| {
            prices().prop_map(move |prices| {
                let from = -24;
                let published = Published {
                    by_partner,
                    from,
                    prices,
                };
                (0, published)
            })
        };
        let first = (at_first(false), at_first(true));
        let published =
            (any::<bool>(), -24..HOURS, prices()).prop_map(|(by_partner, from, prices)| Published {
                by_partner,
                from,
                prices,
            });
        let links = vec![WHOLESALE, retail(ONE), retail(OTHER)];
        let agreed = (prop::sample::select(links), any_month(), any_terms(currency))
            .prop_map(|(link, from, terms)| Agreed { link, from, terms });
        let days = prop::collection::vec((prop::option::of(1u32..200), 1u32..16), 1..3);
        let cores =
            (any_month(), any_payer(), days).prop_map(|(month, payer, days)| Cores { month, payer, days });
        (
            prop::collection::vec(told(any_record()), 0..25),
            prop::collection::vec(told(mapping), 0..5),
            (first, prop::collection::vec(told(published), 0..4)),
            prop::collection::vec(told(agreed), 0..6),
            prop::collection::vec(told(cores), 0..4),
        )
            .prop_map(move |(records, mappings, (first, later), terms, cores)| History {
                currency,
                records,
                mappings,
                prices: [first.0, first.1].into_iter().chain(later).collect(),
                terms,
                cores,
            })
    })
}

fn all_at_once<T>(told: &mut [Told<T>]) {
    told.iter_mut().for_each(|(at, _)| *at = 0);
}

impl History {
    /// The history in which all but one kind of thing was known from the start, and what then is the cause of corrections.
    fn late_only(mut self, kind: usize) -> (Self, Cause) {
        let causes = [
            Cause::LateUsage,
            Cause::Revision,
            Cause::Attribution,
            Cause::Prices,
            Cause::Terms,
            Cause::Attribution,
        ];
        if kind != 0 {
            all_at_once(&mut self.records);
        }
        if kind != 1 {
            self.records
                .iter_mut()
                .for_each(|(_, record)| record.revised = None);
        }
        if kind != 2 {
            all_at_once(&mut self.mappings);
        }
        if kind != 3 {
            all_at_once(&mut self.prices);
        }
        if kind != 4 {
            all_at_once(&mut self.terms);
        }
        if kind != 5 {
            all_at_once(&mut self.cores);
        }
        (self, causes[kind])
    }
}

/// What is owed for a month by what is known in the end, without lines that come to nothing.
fn due(history: &History, link: Link, month: Period) -> Billed {
    let now = reckon(&history.basis(link, month, MONTHS.len()), &catalog()).unwrap();
    not_nothing(now.amounts())
}

fn not_nothing(mut billed: Billed) -> Billed {
    billed.retain(|_, amount| amount.minor_units() != 0);
    billed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Law 6, and law 3 of everything that is issued on the way.
    #[test]
    fn closing_and_correcting_bills_what_closing_later_would_have_billed(history in any_history()) {
        for link in [WHOLESALE, retail(ONE), retail(OTHER)] {
            let invoices = close_month_by_month(&history, link);
            for invoice in &invoices {
                prop_assert_eq!(invoice_adds_up(invoice), Ok(()));
                prop_assert!(!invoice.lines.is_empty() || !invoice.corrections.is_empty());
            }
            for month in MONTHS.map(period) {
                let in_all = billed(month, &invoices).unwrap();
                prop_assert_eq!(not_nothing(in_all.clone()), due(&history, link, month));
                let now = reckon(&history.basis(link, month, MONTHS.len()), &catalog()).unwrap();
                prop_assert_eq!(billed_is_due(&in_all, &now), Ok(()));
            }
        }
    }

    /// A finance department looks where a correction says that something changed.
    #[test]
    fn a_correction_blames_nothing_that_did_not_change(history in any_history(), kind in 0usize..6) {
        let (history, expected) = history.late_only(kind);
        for link in [WHOLESALE, retail(ONE), retail(OTHER)] {
            for invoice in close_month_by_month(&history, link) {
                for correction in &invoice.corrections {
                    prop_assert_eq!(correction.cause, expected, "{:?}", correction);
                }
            }
        }
    }

    /// The links of a chain are rated from the same usage: none is sold that was not bought.
    #[test]
    fn margins_sum_to_what_is_sold_less_what_is_bought(history in any_history()) {
        for month in MONTHS.map(period) {
            let reckoned = |link| reckon(&history.basis(link, month, MONTHS.len()), &catalog()).unwrap();
            let (buying, one, other) = (reckoned(WHOLESALE), reckoned(retail(ONE)), reckoned(retail(OTHER)));
            let kept = margins(&[&one, &other], &[&buying], history.currency, |_| None).unwrap();
            let lines = |reckoning: &Reckoning| {
                let lines = reckoning.lines.iter().filter(|(key, _)| key.subscription().is_some());
                lines.map(|(_, line)| line.amount.minor_units()).sum::<i128>()
            };
            let keeps: i128 = kept.values().map(|margin| margin.keeps.minor_units()).sum();
            prop_assert_eq!(keeps, lines(&one) + lines(&other) - lines(&buying));
            for margin in kept.values() {
                prop_assert_eq!(margin.buys.checked_add(margin.keeps).unwrap(), margin.sells);
            }
            let measured = |reckonings: &[&Reckoning]| {
                let mut measured = UsageByMeter::new();
                for reckoning in reckonings {
                    let shown = reckoning.lines.values().filter_map(|line| match &line.made {
                        Made::Usage(line) => Some(&line.measured),
                        _ => None,
                    });
                    let charged = shown.flatten().map(|it| (it.local_meter, &it.quantity));
                    let not = reckoning.not_charged.values().flatten().map(|it| (it.local_meter, &it.quantity));
                    for (meter, quantity) in charged.chain(not) {
                        measured.entry(meter).or_default().add(quantity);
                    }
                }
                measured
            };
            prop_assert_eq!(measured(&[&one, &other]), measured(&[&buying]));
        }
    }
}
