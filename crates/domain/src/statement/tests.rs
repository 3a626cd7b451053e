mod properties;

use super::*;
use crate::catalog::{BillingMeter, Conversion, LocalMeter, Prices, TariffPart, Tier};
use crate::laws::{UsageByMeter, Violation, nothing_off_the_bill};
use crate::quantity::Quantity;

const PAYER: SubscriptionId = SubscriptionId::from_bytes([0xaa; 16]);
const VCPU: BillingMeterId = BillingMeterId::from_bytes([0xb1; 16]);
const BLOB: BillingMeterId = BillingMeterId::from_bytes([0xb2; 16]);
const BASE_VM: LocalMeterId = LocalMeterId::from_bytes([1; 16]);
const PAGE_BLOB: LocalMeterId = LocalMeterId::from_bytes([2; 16]);
const BLOCK_BLOB: LocalMeterId = LocalMeterId::from_bytes([3; 16]);
const VM_COUNT: LocalMeterId = LocalMeterId::from_bytes([4; 16]);
const UNKNOWN: LocalMeterId = LocalMeterId::from_bytes([5; 16]);
const BOOSTED_VM: LocalMeterId = LocalMeterId::from_bytes([6; 16]);

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
            local(
                BOOSTED_VM,
                Billing::Charged {
                    meter: VCPU,
                    conversion: Conversion::by_factor(BigRational::new(1.into(), 1024.into())).unwrap(),
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
    let before: Vec<String> = statement
        .lines
        .iter()
        .map(|line| line.used_before.to_string())
        .collect();
    assert_eq!(
        before,
        ["0", "80"],
        "the second line says where in the tiers it begins"
    );
}

#[test]
fn each_line_says_what_was_measured_so_that_its_quantity_can_be_checked_by_hand() {
    let mut tariff = Tariff::default();
    publish(&mut tariff, "2026-01-01T00:00:00Z", &[(BLOB, flat("0.006"))]);
    publish(&mut tariff, "2026-10-16T00:00:00Z", &[(BLOB, flat("0.007"))]);
    let early = |usage| between(usage, "2026-10-01T00:00:00Z", "2026-10-16T00:00:00Z");
    let late = |usage| between(usage, "2026-10-16T00:00:00Z", "2026-11-01T00:00:00Z");
    let usage = [
        early(used(PAGE_BLOB, "744")),
        early(used(BLOCK_BLOB, "1")),
        early(used(PAGE_BLOB, "0.5")),
        late(used(PAGE_BLOB, "7")),
    ];
    let statement = drawn_up(&tariff, &usage);
    let measured: Vec<Vec<(LocalMeterId, String, String)>> = statement
        .lines
        .iter()
        .map(|line| {
            let each = line.measured.iter();
            each.map(|it| (it.local_meter, it.quantity.to_string(), it.factor.to_string()))
                .collect()
        })
        .collect();
    let of = |meter, quantity: &str| (meter, quantity.to_owned(), "1/744".to_owned());
    assert_eq!(
        measured,
        [
            vec![of(PAGE_BLOB, "744.5"), of(BLOCK_BLOB, "1")],
            vec![of(PAGE_BLOB, "7")]
        ]
    );
}

#[test]
fn lines_stand_in_the_order_in_which_a_bill_is_read() {
    let meter = |id: BillingMeterId, category: &str, name: &str| BillingMeter {
        id,
        name: name.to_owned(),
        category: category.to_owned(),
        unit: String::new(),
    };
    let catalog = Catalog::new(
        catalog().local_meters().cloned(),
        [
            meter(VCPU, "Virtual Machines", "Base"),
            meter(BLOB, "Storage", "Blob"),
        ],
    )
    .unwrap();
    let mut tariff = Tariff::default();
    let prices = [(VCPU, flat("1")), (BLOB, flat("1"))];
    publish(&mut tariff, "2026-01-01T00:00:00Z", &prices);
    let usage = [used(BASE_VM, "1"), used(PAGE_BLOB, "1")];
    let statement = draw_up(PAYER, october(), &catalog, &tariff, Currency::USD, &usage).unwrap();
    let meters: Vec<BillingMeterId> = statement.lines.iter().map(|line| line.meter).collect();
    assert_eq!(
        meters,
        [BLOB, VCPU],
        "storage before virtual machines, whatever their ids are"
    );
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

#[test]
fn a_line_that_a_sample_prices_in_part_is_not_sold_as_published() {
    let from = |source| flat("0.008").from_source(source);
    let (sample, published) = (Some(PriceSource::Sample), Some(PriceSource::Published));
    for (early, late, shown) in [
        (published, sample, sample),
        (sample, published, sample),
        (None, sample, sample),
        (published, published, published),
        (published, None, None),
        (None, None, None),
    ] {
        let mut tariff = Tariff::default();
        publish(&mut tariff, "2026-01-01T00:00:00Z", &[(VCPU, from(early))]);
        publish(&mut tariff, "2026-10-16T00:00:00Z", &[(VCPU, from(late))]);
        let first = between(used(BASE_VM, "1"), "2026-10-01T00:00:00Z", "2026-10-16T00:00:00Z");
        let second = between(used(BASE_VM, "1"), "2026-10-16T00:00:00Z", "2026-11-01T00:00:00Z");
        let statement = drawn_up(&tariff, &[first, second]);
        assert_eq!(statement.lines.len(), 1);
        assert_eq!(
            statement.lines[0].price_source(),
            shown,
            "{early:?} then {late:?}"
        );
    }
}

#[test]
fn usage_that_fell_off_a_bill_or_was_billed_twice_is_noticed() {
    let mut tariff = Tariff::default();
    publish(&mut tariff, "2026-01-01T00:00:00Z", &[(VCPU, flat("1"))]);
    let usage = [used(BASE_VM, "2.5"), used(PAGE_BLOB, "3"), used(UNKNOWN, "4")];
    let attributed = attributed(&usage);
    let whole = drawn_up(&tariff, &usage);
    assert_eq!(nothing_off_the_bill(&attributed, &whole), Ok(()));
    let mut broken = vec![whole.clone(); 4];
    broken[0].lines.clear();
    broken[1].lines[0].measured[0]
        .quantity
        .add(&"1e-20".parse::<Quantity>().unwrap().into());
    broken[2].not_charged.pop();
    let twice = broken[3].not_charged[0].clone();
    broken[3].not_charged.push(twice);
    for (index, broken) in broken.iter().enumerate() {
        let found = nothing_off_the_bill(&attributed, broken);
        assert!(
            matches!(found, Err(Violation::BillDisagrees { .. })),
            "{index}: {found:?}"
        );
    }
}

/// What a payer used, by local meter.
fn attributed(usage: &[ChargedUsage]) -> UsageByMeter {
    let mut attributed = UsageByMeter::new();
    for used in usage {
        attributed
            .entry(used.local_meter)
            .or_default()
            .add(&used.quantity);
    }
    attributed
}
