//! What is true of every statement, over usage and prices of all kinds.

use proptest::prelude::*;

use super::*;

/// Everything that can differ: who, why, under which model, of which meter, and how much.
fn any_usage() -> impl Strategy<Value = ChargedUsage> {
    let who = (0u8..3, prop::option::of(0u8..3), any::<bool>(), 0usize..5);
    (who, 1u8..7, 0i32..744, 1i32..60, 0u128..10_000_000, 0u8..6).prop_map(
        |((stack, tenant, mapped, model), meter, hour, hours, units, scale)| {
            let start = october().interval().start().plus(hour);
            let interval = HourInterval::new(start, start.plus(hours)).unwrap();
            ChargedUsage {
                stack: CloudId::from_bytes([stack; 16]),
                local_subscription: LocalSubscriptionId::from_bytes([stack; 16]),
                tenant: tenant.map(|tenant| TenantId::from_bytes([tenant; 16])),
                reason: if mapped {
                    Reason::TenantMapping
                } else {
                    Reason::TenantNotMapped
                },
                billing_model: BillingModel::ALL[model],
                interval: interval.intersect(october().interval()).unwrap(),
                local_meter: LocalMeterId::from_bytes([meter; 16]),
                quantity: Quantity::new(units, scale).unwrap().into(),
            }
        },
    )
}

/// Flat or graduated, with or without an included quantity, published, a sample, or neither.
fn any_price() -> impl Strategy<Value = Price> {
    let steps = prop::collection::btree_map(1u32..2000, 0u32..50, 0..3);
    (steps, 0u32..50, prop::option::of(0u32..500), 0usize..3).prop_map(|(steps, first, included, source)| {
        let tier = |(from, price): (u32, u32)| Tier {
            from: Quantity::new(from.into(), 0).unwrap(),
            unit_price: format!("0.{price:03}").parse().unwrap(),
        };
        let tiers = steps.into_iter().chain([(0, first)]).map(tier).collect();
        let included = Quantity::new(included.unwrap_or_default().into(), 0).unwrap();
        let sources = [None, Some(PriceSource::Published), Some(PriceSource::Sample)];
        Price::new(tiers, included).unwrap().from_source(sources[source])
    })
}

/// Versions from any hours on, also inside days, each with a price for some of the meters.
fn any_tariff() -> impl Strategy<Value = Tariff> {
    let versions = prop::collection::btree_map(
        -24i32..744,
        (prop::option::of(any_price()), prop::option::of(any_price())),
        1..6,
    );
    versions.prop_map(|versions| {
        let mut tariff = Tariff::default();
        for (hour, (vcpu, blob)) in versions {
            let prices: Vec<(BillingMeterId, Price)> = vcpu
                .map(|it| (VCPU, it))
                .into_iter()
                .chain(blob.map(|it| (BLOB, it)))
                .collect();
            let from = october().interval().start().plus(hour);
            publish(&mut tariff, &from.to_string(), &prices);
        }
        tariff
    })
}

/// The same usage, each time as much again in every piece into which changes of price cut it.
fn cut(tariff: &Tariff, usage: Vec<ChargedUsage>) -> Vec<ChargedUsage> {
    let changes: Vec<Hour> = tariff.changes().collect();
    let pieces = usage.into_iter().flat_map(|used| {
        let intervals = used.interval.split_at(changes.iter().copied());
        intervals.into_iter().map(move |interval| ChargedUsage {
            interval,
            ..used.clone()
        })
    });
    pieces.collect()
}

proptest! {
    #[test]
    fn the_statement_depends_on_what_was_used_and_not_on_the_order_of_telling(
        tariff in any_tariff(), usage in prop::collection::vec(any_usage(), 0..30),
    ) {
        let usage = cut(&tariff, usage);
        let statement = drawn_up(&tariff, &usage);
        let mut other_order = usage.clone();
        other_order.reverse();
        prop_assert_eq!(&drawn_up(&tariff, &other_order), &statement);
        prop_assert_eq!(nothing_off_the_bill(&attributed(&usage), &statement), Ok(()));
        let pieces = amounts_of(&statement, &catalog(), &tariff, &usage).unwrap();
        for line in &statement.lines {
            for share in &line.shares {
                let of = (line, share);
                let of_share = pieces_of(of, statement.period, &catalog(), &tariff, &usage).unwrap();
                let quantity: BigRational = of_share.iter().map(|piece| &piece.quantity).sum();
                prop_assert_eq!(&quantity, &share.quantity, "the pieces of a share sum to it");
                for piece in of_share {
                    prop_assert_eq!(Some(piece.amount), pieces[piece.index]);
                }
            }
        }
        let pieces = Money::checked_sum(Currency::USD, pieces.into_iter().flatten()).unwrap();
        prop_assert_eq!(pieces, statement.total, "the pieces of a bill sum to it");
        prop_assert_eq!(usage.is_empty(), statement.lines.is_empty() && statement.not_charged.is_empty());
    }

    /// Stated once more, without positions and drafts: all of a meter's units in the order of their hours, each at the
    /// price of its own hour, and of that at the step in which its place from the start of the month lies.
    #[test]
    fn every_unit_costs_what_its_hour_and_its_place_in_the_month_say(
        tariff in any_tariff(), usage in prop::collection::vec(any_usage(), 0..20),
    ) {
        let usage = cut(&tariff, usage);
        let statement = drawn_up(&tariff, &usage);
        let mut exact: BTreeMap<(BillingMeterId, Hour), BigRational> = BTreeMap::new();
        for meter in [VCPU, BLOB] {
            let mut at = BigRational::zero();
            let mut in_order: Vec<&ChargedUsage> = usage.iter().filter(|used| {
                let free = [BillingModel::Capacity, BillingModel::Development];
                let locals: &[LocalMeterId] =
                    if meter == VCPU { &[BASE_VM, BOOSTED_VM] } else { &[PAGE_BLOB, BLOCK_BLOB] };
                locals.contains(&used.local_meter) && !free.contains(&used.billing_model)
            }).collect();
            in_order.sort_by_key(|used| used.interval.start());
            for used in in_order {
                let Some((price, since)) = tariff.price(meter, used.interval.start()) else {
                    continue;
                };
                let factor = match used.local_meter {
                    BASE_VM => BigRational::from_integer(1.into()),
                    BOOSTED_VM => BigRational::new(1.into(), 1024.into()),
                    _ => BigRational::new(1.into(), 744.into()),
                };
                let until = &at + used.quantity.to_rational() * factor;
                let since = since.max(october().interval().start());
                *exact.entry((meter, since)).or_default() += cost(price, &until) - cost(price, &at);
                at = until;
            }
        }
        let priced = statement.lines.iter().filter_map(|line| match &line.pricing {
            Pricing::Price { since, .. } => Some(((line.meter, *since), line.amount)),
            Pricing::Development => None,
        });
        let expected = exact.into_iter().map(|(key, exact)| (key, money::round(&exact, Currency::USD).unwrap()));
        let (priced, expected): (BTreeMap<_, _>, BTreeMap<_, _>) = (priced.collect(), expected.collect());
        prop_assert_eq!(priced, expected);
    }
}

/// What the first units of a month cost at a price.
fn cost(price: &Price, units: &BigRational) -> BigRational {
    let beyond = |from: &BigRational| (units - from).max(BigRational::zero());
    let mut cost = BigRational::zero();
    let mut before = BigRational::zero();
    for tier in price.tiers() {
        let from = price.included().to_rational() + tier.from.to_rational();
        let unit_price = tier.unit_price.to_rational();
        cost += beyond(&from) * (&unit_price - &before);
        before = unit_price;
    }
    cost
}
