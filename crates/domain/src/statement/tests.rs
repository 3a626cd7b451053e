use proptest::prelude::*;

use super::*;
use crate::catalog::{BillingMeter, Conversion, LocalMeter, Prices, TariffPart, Tier};
use crate::quantity::Quantity;

const PAYER: SubscriptionId = SubscriptionId::from_bytes([0xaa; 16]);
const VCPU: BillingMeterId = BillingMeterId::from_bytes([0xb1; 16]);
const BLOB: BillingMeterId = BillingMeterId::from_bytes([0xb2; 16]);
const BASE_VM: LocalMeterId = LocalMeterId::from_bytes([1; 16]);
const PAGE_BLOB: LocalMeterId = LocalMeterId::from_bytes([2; 16]);
const BLOCK_BLOB: LocalMeterId = LocalMeterId::from_bytes([3; 16]);
const VM_COUNT: LocalMeterId = LocalMeterId::from_bytes([4; 16]);
const UNKNOWN: LocalMeterId = LocalMeterId::from_bytes([5; 16]);

fn october() -> Period {
    "2026-10".parse().unwrap()
}

fn catalog() -> Catalog {
    let one = || Conversion::by_factor(BigRational::from_integer(1.into())).unwrap();
    let local = |id, billing| LocalMeter {
        id,
        name: String::new(),
        unit: String::new(),
        meaning: String::new(),
        billing,
    };
    let billing = |id| BillingMeter {
        id,
        name: String::new(),
        category: String::new(),
        unit: String::new(),
    };
    let per_month = || Billing::Charged {
        meter: BLOB,
        conversion: one().per_hours_in_month(),
    };
    Catalog::new(
        [
            local(
                BASE_VM,
                Billing::Charged {
                    meter: VCPU,
                    conversion: one(),
                },
            ),
            local(PAGE_BLOB, per_month()),
            local(BLOCK_BLOB, per_month()),
            local(
                VM_COUNT,
                Billing::Informational {
                    because: "vCPU hours are billed".to_owned(),
                },
            ),
        ],
        [billing(VCPU), billing(BLOB)],
    )
    .unwrap()
}

/// Prices from this hour on, after those published before.
fn publish(tariff: &mut Tariff, from: &str, prices: &[(BillingMeterId, Price)]) {
    let from: Hour = from.parse().unwrap();
    let mut parts = tariff.parts().to_vec();
    if let Some(last) = parts.last_mut() {
        last.hours = HourInterval::new(last.hours.start(), from).unwrap();
    }
    let prices: Prices = prices.iter().cloned().collect();
    let (hours, list) = (HourInterval::from(from), "sample".parse().unwrap());
    parts.push(TariffPart {
        hours,
        list,
        currency: Currency::USD,
        prices,
    });
    *tariff = Tariff::new(parts);
}

fn flat(price: &str) -> Price {
    Price::flat(price.parse().unwrap())
}

fn tiered(tiers: &[(&str, &str)], included: &str) -> Price {
    let tier = |(from, price): &(&str, &str)| Tier {
        from: from.parse().unwrap(),
        unit_price: price.parse().unwrap(),
    };
    Price::new(tiers.iter().map(tier).collect(), included.parse().unwrap()).unwrap()
}

fn used(meter: LocalMeterId, quantity: &str) -> ChargedUsage {
    ChargedUsage {
        stack: CloudId::from_bytes([0x51; 16]),
        local_subscription: LocalSubscriptionId::from_bytes([0x10; 16]),
        tenant: Some(TenantId::from_bytes([0x7e; 16])),
        reason: Reason::TenantMapping,
        billing_model: BillingModel::PayAsYouUse,
        interval: october().interval(),
        local_meter: meter,
        quantity: quantity.parse::<Quantity>().unwrap().into(),
    }
}

fn between(usage: ChargedUsage, start: &str, end: &str) -> ChargedUsage {
    let interval = HourInterval::new(start.parse().unwrap(), end.parse().unwrap()).unwrap();
    ChargedUsage { interval, ..usage }
}

fn drawn_up(tariff: &Tariff, usage: &[ChargedUsage]) -> Statement {
    let statement = draw_up(PAYER, october(), &catalog(), tariff, Currency::USD, usage).unwrap();
    crate::laws::sums_agree(&statement).unwrap();
    statement
}

fn amounts(statement: &Statement) -> Vec<String> {
    statement
        .lines
        .iter()
        .map(|line| line.amount.to_string())
        .collect()
}

#[test]
fn a_month_of_usage_at_list_price() {
    let mut tariff = Tariff::default();
    publish(
        &mut tariff,
        "2026-01-01T00:00:00Z",
        &[(VCPU, flat("0.008")), (BLOB, flat("0.006"))],
    );
    // 2 vCPUs for 744 hours; 1,000 GB for 744 hours as page blobs and 500 as block blobs: one billing meter.
    let usage = [
        used(BASE_VM, "1488"),
        used(PAGE_BLOB, "744000"),
        used(BLOCK_BLOB, "372000"),
    ];
    let statement = drawn_up(&tariff, &usage);
    assert_eq!(amounts(&statement), ["11.90", "9.00"]);
    assert_eq!(statement.total.to_string(), "20.90");
    assert_eq!(
        statement.lines[1].quantity,
        BigRational::from_integer(1500.into())
    );
    assert_eq!(statement.lines[0].reason(), Some(Reason::TenantMapping));
}

#[test]
fn a_line_is_rounded_once_not_once_for_each_of_its_parts() {
    let mut tariff = Tariff::default();
    publish(&mut tariff, "2026-01-01T00:00:00Z", &[(VCPU, flat("0.004"))]);
    let on = |stack: u8| ChargedUsage {
        stack: CloudId::from_bytes([stack; 16]),
        ..used(BASE_VM, "1")
    };
    let statement = drawn_up(&tariff, &[on(1), on(2), on(3)]);
    assert_eq!(
        amounts(&statement),
        ["0.01"],
        "0.012, where three parts rounded alone would make 0.00"
    );
    let shares: Vec<String> = statement.lines[0]
        .shares
        .iter()
        .map(|share| share.amount.to_string())
        .collect();
    assert_eq!(shares, ["0.01", "0.00", "0.00"]);
}

#[test]
fn each_price_version_prices_its_own_hours_and_the_tier_position_carries_over() {
    let mut tariff = Tariff::default();
    publish(
        &mut tariff,
        "2026-01-01T00:00:00Z",
        &[(VCPU, tiered(&[("0", "0.10"), ("100", "0.05")], "0"))],
    );
    publish(
        &mut tariff,
        "2026-10-16T00:00:00Z",
        &[(VCPU, tiered(&[("0", "0.20"), ("100", "0.10")], "0"))],
    );
    assert!(
        tariff
            .changes()
            .any(|hour| hour == "2026-10-16T00:00:00Z".parse().unwrap())
    );
    let first = between(
        used(BASE_VM, "80"),
        "2026-10-01T00:00:00Z",
        "2026-10-16T00:00:00Z",
    );
    let second = between(
        used(BASE_VM, "40"),
        "2026-10-16T00:00:00Z",
        "2026-11-01T00:00:00Z",
    );
    // 80 at 0.10; then 20 more to the edge at 0.20 and 20 beyond it at 0.10.
    let statement = drawn_up(&tariff, &[second, first]);
    assert_eq!(amounts(&statement), ["8.00", "6.00"]);
}

#[test]
fn a_new_version_with_the_same_price_does_not_split_the_line() {
    let mut tariff = Tariff::default();
    publish(&mut tariff, "2026-01-01T00:00:00Z", &[(VCPU, flat("0.005"))]);
    publish(
        &mut tariff,
        "2026-10-16T00:00:00Z",
        &[(VCPU, flat("0.005")), (BLOB, flat("1"))],
    );
    let first = between(used(BASE_VM, "1"), "2026-10-01T00:00:00Z", "2026-10-16T00:00:00Z");
    let second = between(used(BASE_VM, "1"), "2026-10-16T00:00:00Z", "2026-11-01T00:00:00Z");
    assert_eq!(amounts(&drawn_up(&tariff, &[first, second])), ["0.01"]);
}

#[test]
fn a_meter_that_returns_to_a_former_price_has_a_line_for_each_stretch() {
    let mut tariff = Tariff::default();
    publish(&mut tariff, "2026-01-01T00:00:00Z", &[(VCPU, flat("0.005"))]);
    publish(&mut tariff, "2026-10-11T00:00:00Z", &[(VCPU, flat("0.01"))]);
    publish(&mut tariff, "2026-10-21T00:00:00Z", &[(VCPU, flat("0.005"))]);
    let usage = [
        between(used(BASE_VM, "1"), "2026-10-01T00:00:00Z", "2026-10-11T00:00:00Z"),
        between(used(BASE_VM, "1"), "2026-10-11T00:00:00Z", "2026-10-21T00:00:00Z"),
        between(used(BASE_VM, "1"), "2026-10-21T00:00:00Z", "2026-11-01T00:00:00Z"),
    ];
    let statement = drawn_up(&tariff, &usage);
    assert_eq!(amounts(&statement), ["0.01", "0.01", "0.01"]);
    let since: Vec<String> = statement
        .lines
        .iter()
        .map(|line| match &line.pricing {
            Pricing::Price { since, .. } => since.to_string(),
            Pricing::Development => String::new(),
        })
        .collect();
    assert_eq!(
        since,
        [
            "2026-10-01T00:00:00Z",
            "2026-10-11T00:00:00Z",
            "2026-10-21T00:00:00Z"
        ]
    );
}

#[test]
fn what_is_not_charged_is_shown_with_the_reason() {
    let mut tariff = Tariff::default();
    publish(&mut tariff, "2026-10-02T00:00:00Z", &[(VCPU, flat("0.008"))]);
    let capacity = ChargedUsage {
        billing_model: BillingModel::Capacity,
        ..between(used(BASE_VM, "5"), "2026-10-02T00:00:00Z", "2026-10-03T00:00:00Z")
    };
    let before_any_price = between(used(BASE_VM, "7"), "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z");
    let usage = [
        used(VM_COUNT, "1"),
        used(VM_COUNT, "2"),
        used(UNKNOWN, "3"),
        used(PAGE_BLOB, "4"),
        capacity,
        before_any_price,
    ];
    let statement = drawn_up(&tariff, &usage);
    assert_eq!(statement.lines, []);
    assert_eq!(statement.total, Money::zero(Currency::USD));
    let shown: Vec<_> = statement
        .not_charged
        .iter()
        .map(|it| (it.local_meter, it.because, it.quantity.to_string()))
        .collect();
    assert_eq!(
        shown,
        [
            (BASE_VM, NotChargedBecause::NoPrice, "7".to_owned()),
            (BASE_VM, NotChargedBecause::Capacity, "5".to_owned()),
            (PAGE_BLOB, NotChargedBecause::NoPrice, "4".to_owned()),
            (VM_COUNT, NotChargedBecause::Informational, "3".to_owned()),
            (UNKNOWN, NotChargedBecause::UnknownLocalMeter, "3".to_owned()),
        ]
    );
}

#[test]
fn development_is_rated_at_nothing_and_uses_up_no_included_quantity() {
    let mut tariff = Tariff::default();
    publish(
        &mut tariff,
        "2026-01-01T00:00:00Z",
        &[(VCPU, tiered(&[("0", "1")], "10"))],
    );
    let development = ChargedUsage {
        billing_model: BillingModel::Development,
        ..used(BASE_VM, "100")
    };
    let statement = drawn_up(&tariff, &[development, used(BASE_VM, "11")]);
    assert_eq!(amounts(&statement), ["1.00", "0.00"]);
    assert_eq!(statement.lines[1].pricing, Pricing::Development);
    assert_eq!(
        statement.lines[0].rated.included,
        BigRational::from_integer(10.into())
    );
}

#[test]
fn a_line_with_several_reasons_shows_each() {
    let mut tariff = Tariff::default();
    publish(&mut tariff, "2026-01-01T00:00:00Z", &[(VCPU, flat("1"))]);
    let unmapped = ChargedUsage {
        reason: Reason::TenantNotMapped,
        ..used(BASE_VM, "2")
    };
    let statement = drawn_up(&tariff, &[used(BASE_VM, "1"), unmapped]);
    assert_eq!(statement.lines[0].reason(), None);
    let shares: Vec<_> = statement.lines[0]
        .shares
        .iter()
        .map(|share| (share.reason, share.amount.to_string()))
        .collect();
    assert_eq!(
        shares,
        [
            (Reason::TenantMapping, "1.00".to_owned()),
            (Reason::TenantNotMapped, "2.00".to_owned())
        ]
    );
}

prop_compose! {
    fn any_usage()(
        stack in 0u8..3, tenant in prop::option::of(0u8..3), meter in 1u8..6, day in 0i32..31,
        units in 0u128..10_000_000, scale in 0u8..6, mapped in any::<bool>(), model in 0usize..5,
    ) -> ChargedUsage {
        let start = october().interval().start().plus(day * 24);
        ChargedUsage {
            stack: CloudId::from_bytes([stack; 16]),
            local_subscription: LocalSubscriptionId::from_bytes([stack; 16]),
            tenant: tenant.map(|tenant| TenantId::from_bytes([tenant; 16])),
            reason: if mapped { Reason::TenantMapping } else { Reason::TenantNotMapped },
            billing_model: BillingModel::ALL[model],
            interval: start.day().interval(),
            local_meter: LocalMeterId::from_bytes([meter; 16]),
            quantity: Quantity::new(units, scale).unwrap().into(),
        }
    }
}

proptest! {
    #[test]
    fn the_statement_depends_on_what_was_used_and_not_on_the_order_of_telling(
        usage in prop::collection::vec(any_usage(), 0..30),
    ) {
        let mut tariff = Tariff::default();
        publish(&mut tariff, "2026-01-01T00:00:00Z", &[(VCPU, tiered(&[("0", "0.008"), ("50", "0.007")], "3"))]);
        publish(&mut tariff, "2026-10-11T00:00:00Z", &[(VCPU, flat("0.009")), (BLOB, flat("0.006"))]);
        publish(&mut tariff, "2026-10-21T00:00:00Z", &[(VCPU, tiered(&[("0", "0.01"), ("9", "0.02")], "1"))]);
        let statement = drawn_up(&tariff, &usage);
        let mut other_order = usage.clone();
        other_order.reverse();
        prop_assert_eq!(&drawn_up(&tariff, &other_order), &statement);
        prop_assert_eq!(usage.is_empty(), statement.lines.is_empty() && statement.not_charged.is_empty());
    }
}
