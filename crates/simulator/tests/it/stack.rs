//! What a stack is made from and what it has.

use std::collections::BTreeSet;
use std::num::NonZeroU16;

use base64::Engine as _;
use domain::registration::BillingModel;
use domain::time::{Hour, HourInterval};
use serde_json::Value;
use simulator::{Faults, InvalidSpec, RECORDS_MIN_MAX, Stack, StackSpec, TenantSpec, TrueRecord};

use crate::support::{many_faults, spec, stack};

fn bytes(stack: &Stack) -> Vec<String> {
    let pages = stack
        .reported_pages(stack.reported_interval(), 1000)
        .map(|page| page.body);
    [
        stack.subscriptions_json(),
        stack.registration_token(BillingModel::PayAsYouUse),
    ]
    .into_iter()
    .chain(pages)
    .collect()
}

#[test]
fn the_same_specification_gives_the_same_bytes_and_another_seed_or_cloud_others() {
    let one = bytes(&stack(many_faults()));
    assert_eq!(one, bytes(&stack(many_faults())));
    let other_seed = StackSpec {
        seed: 8,
        ..spec(many_faults())
    };
    let other_cloud = StackSpec {
        cloud_id: "0c9e0b47-36a7-4c4e-9d6b-2f8a5f6f8a12".parse().unwrap(),
        ..spec(many_faults())
    };
    for other in [other_seed, other_cloud] {
        let other = bytes(&Stack::new(other).unwrap());
        assert!(
            one.iter().zip(&other).filter(|(a, b)| a == b).count() <= 1,
            "only the tenants may be the same"
        );
    }
}

#[test]
fn faults_change_what_is_reported_and_not_what_is_true() {
    let (none, many) = (stack(Faults::none()), stack(many_faults()));
    assert!(
        none.truth(HourInterval::ALWAYS)
            .eq(many.truth(HourInterval::ALWAYS))
    );
}

#[test]
fn a_stack_has_the_records_asked_for_and_uses_every_local_subscription() {
    for records_min in [0, 10_000, 50_000] {
        let stack = Stack::new(StackSpec {
            records_min,
            ..spec(Faults::none())
        })
        .unwrap();
        let records = stack.truth(HourInterval::ALWAYS).count() as u64;
        assert!(
            (records_min..records_min + 20_000).contains(&records),
            "{records_min} asked for, {records} given"
        );
        let used: BTreeSet<_> = stack
            .truth(HourInterval::ALWAYS)
            .map(|record| record.local_subscription)
            .collect();
        assert_eq!(
            used,
            stack
                .local_subscriptions()
                .iter()
                .map(|subscription| subscription.id)
                .collect()
        );
    }
}

#[test]
fn a_stack_that_is_measured_seldom_has_all_it_has_and_few_records() {
    let stack = Stack::new(StackSpec {
        records_min: 0,
        hours_apart: NonZeroU16::new(43).unwrap(),
        ..spec(Faults::usual())
    })
    .unwrap();
    let start = stack.month().start();
    let records: Vec<TrueRecord<'_>> = stack.truth(HourInterval::ALWAYS).collect();
    let users: BTreeSet<_> = records.iter().map(|record| record.local_subscription).collect();
    assert_eq!(users.len(), stack.local_subscriptions().len());
    assert!(records.len() < 500, "{} records", records.len());
    let hours: BTreeSet<i32> = records
        .iter()
        .map(|record| record.hour.epoch_hours() - start.epoch_hours())
        .collect();
    assert_eq!(
        hours.first(),
        Some(&0),
        "the first hour of the month is one of them"
    );
    assert_eq!(hours.last(), Some(&(43 * 17)));
    assert!(hours.iter().all(|hour| hour % 43 == 0), "{hours:?}");
}

#[test]
fn the_truth_of_an_interval_is_the_part_of_the_month_inside_it() {
    let stack = stack(Faults::usual());
    let (month, noon) = (stack.month(), stack.month().start().plus(300));
    let (first, second) = (
        HourInterval::new(month.start(), noon).unwrap(),
        HourInterval::from(noon),
    );
    assert!(
        stack
            .truth(first)
            .chain(stack.truth(second))
            .eq(stack.truth(HourInterval::ALWAYS))
    );
    assert!(stack.truth(HourInterval::from(month.end())).next().is_none());
}

#[test]
fn machines_disks_and_everything_else_come_change_and_go() {
    let stack = Stack::new(StackSpec {
        records_min: 250_000,
        ..spec(Faults::none())
    })
    .unwrap();
    let records: Vec<TrueRecord<'_>> = stack.truth(HourInterval::ALWAYS).collect();
    let meters: BTreeSet<String> = records
        .iter()
        .map(|record| record.local_meter.to_string())
        .collect();
    for (what, meter) in [
        ("base VM", "fab6eb84-500b-4a09-a8ca-7358f8bbaea5"),
        ("Windows VM", "9cd92d4c-bafd-4492-b278-bedc2de8232a"),
        ("VM hours", "6dab500f-a4fd-49c4-956d-229bb9c8c793"),
        ("S10", "d5f7731b-f639-404a-89d0-e46186e22c8d"),
        ("standard disk size", "7ba084ec-ef9c-4d64-a179-7732c6cb5e28"),
        ("page blobs", "b5c15376-6c94-4fdd-b655-1a69d138aca3"),
        ("block blobs", "09f8879e-87e9-4305-a572-4b7be209f857"),
        ("tables", "b4438d5d-453b-4ee1-b42a-dc72e377f1e4"),
        ("queues", "b03c6ae7-b080-4bfa-84a3-22c800f315c6"),
        ("blob transactions", "43daf82b-4618-444a-b994-40c23f7cd438"),
        ("static addresses", "f271a8a3-88c4-4d93-956a-063e1d2fa80b"),
        ("SQL", "cbcfef9a-b91f-4597-a4d3-01fe334bed82"),
        ("MySQL", "e6d8cfcd-7734-495e-b1cc-5ab0b9c24bd3"),
        ("Key Vault", "ebf13b9f-b3ea-46fe-bf54-396e93d48ab4"),
        ("an undocumented one", "5d0f6f0e-8a7c-4c0b-9d2a-7f3f6b1c2e41"),
    ] {
        assert!(meters.contains(meter), "no usage of {what}");
    }

    let cores = "fab6eb84-500b-4a09-a8ca-7358f8bbaea5".parse().unwrap();
    let machines = || records.iter().filter(|record| record.local_meter == cores);
    let (first, last) = (stack.month().start(), stack.month().end().plus(-1));
    let all: BTreeSet<&str> = machines().map(|record| record.resource_uri).collect();
    let at = |hour: Hour| machines().filter(|record| record.hour == hour).count();
    let sizes: BTreeSet<_> = machines()
        .map(|record| (record.resource_uri, record.quantity.coefficient()))
        .collect();
    assert!(at(first) < all.len(), "none is created");
    assert!(at(last) < all.len(), "none is deleted");
    assert!(sizes.len() > all.len(), "none is resized");
}

#[test]
fn a_specification_that_makes_no_stack_is_refused() {
    let good = spec(Faults::none());
    let nobody = TenantSpec {
        local_subscriptions: 0,
        ..good.tenants[0].clone()
    };
    for (spec, error) in [
        (
            StackSpec {
                tenants: vec![],
                ..good.clone()
            },
            InvalidSpec::NoLocalSubscription,
        ),
        (
            StackSpec {
                tenants: vec![nobody],
                ..good.clone()
            },
            InvalidSpec::NoLocalSubscription,
        ),
        (
            StackSpec {
                records_min: RECORDS_MIN_MAX + 1,
                ..good.clone()
            },
            InvalidSpec::TooManyRecords(RECORDS_MIN_MAX + 1),
        ),
        (
            StackSpec {
                faults: Faults {
                    late_per_mille: 1001,
                    ..Faults::none()
                },
                ..good
            },
            InvalidSpec::NotAShare {
                name: "late_per_mille",
                per_mille: 1001,
            },
        ),
    ] {
        assert_eq!(Stack::new(spec).unwrap_err(), error);
    }
}

#[test]
fn the_token_says_what_each_billing_model_needs() {
    let stack = stack(Faults::none());
    for (model, reports_usage, member) in [
        (BillingModel::PayAsYouUse, true, None),
        (BillingModel::Capacity, false, Some("agreementNumber")),
        (BillingModel::Development, true, None),
        (BillingModel::Custom, true, Some("msAssetTag")),
        (BillingModel::Ruggedized, true, None),
    ] {
        let json = base64::engine::general_purpose::STANDARD
            .decode(stack.registration_token(model))
            .unwrap();
        let token: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(token["billingModel"], model.as_str());
        assert_eq!(token["cloudId"], stack.spec().cloud_id.to_string());
        assert_eq!(token["usageReportingEnabled"], reports_usage, "{model}");
        for name in ["agreementNumber", "msAssetTag"] {
            assert_eq!(token[name].is_string(), member == Some(name), "{model} {name}");
        }
    }
}
