use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const KNOWN: Known<'_> = Known {
    subscription: &|id| id != STRANGER,
    meter: &|id| id != UNKNOWN_METER,
};
const PAYER: SubscriptionId = SubscriptionId::from_bytes([1; 16]);
const OTHER: SubscriptionId = SubscriptionId::from_bytes([2; 16]);
const STRANGER: SubscriptionId = SubscriptionId::from_bytes([9; 16]);
const METER: BillingMeterId = BillingMeterId::from_bytes([3; 16]);
const UNKNOWN_METER: BillingMeterId = BillingMeterId::from_bytes([8; 16]);

fn month() -> Period {
    "2026-10".parse().unwrap()
}

/// A day of October 2026, from 1; 0 is the last of September.
fn day(number: i32) -> Day {
    let first = Days::of(month()).first;
    Day::from_epoch_days(first.epoch_days() + number - 1)
}

fn thousandths(number: i64) -> BigRational {
    BigRational::new(number.into(), 1000.into())
}

fn dollars(cents: i64) -> Charge {
    Charge {
        currency: Currency::USD,
        amount: BigRational::new(cents.into(), 100.into()),
    }
}

fn ours(number: i32, quantity: i64, cents: i64) -> Ours {
    Ours {
        subscription: PAYER,
        meter: METER,
        day: day(number),
        quantity: thousandths(quantity),
        amount: Money::from_minor_units(cents.into(), Currency::USD),
    }
}

fn theirs(number: i32, quantity: i64, cents: i64) -> Theirs {
    Theirs {
        subscription: PAYER,
        meter: METER,
        days: Days::one(day(number)),
        quantity: thousandths(quantity),
        charge: Some(dollars(cents)),
    }
}

/// Classes, days and codes of causes of what differs.
fn told(ours: &[Ours], theirs: &[Theirs]) -> Vec<(Class, String, &'static str)> {
    let found = reconcile(month(), ours, theirs, &KNOWN);
    assert!(found.adds_up(), "{found:?}");
    let told = found.differences.iter();
    told.map(|it| (it.class, it.days.to_string(), it.cause.code()))
        .collect()
}

fn one(class: Class, days: &str, cause: &'static str) -> Vec<(Class, String, &'static str)> {
    vec![(class, days.to_owned(), cause)]
}

#[test]
fn each_difference_is_of_one_class_with_its_cause() {
    let of = |subscription, line: Theirs| Theirs { subscription, ..line };
    let metered = |meter, line: Theirs| Theirs { meter, ..line };
    let october = "2026-10-05";
    let usual = || vec![ours(5, 8_000, 80)];
    for (name, ours, theirs, expected) in [
        ("the same", usual(), vec![theirs(5, 8_000, 80)], vec![]),
        (
            "not in the books",
            vec![],
            vec![of(STRANGER, theirs(5, 8_000, 80))],
            one(Class::MissingHere, october, "UnknownSubscription"),
        ),
        (
            "not in the catalog",
            vec![],
            vec![metered(UNKNOWN_METER, theirs(5, 8_000, 80))],
            one(Class::MissingHere, october, "UnknownMeter"),
        ),
        (
            "another month",
            vec![],
            vec![theirs(-3, 8_000, 80)],
            one(Class::MissingHere, "2026-09-27", "OtherMonth"),
        ),
        (
            "never used",
            vec![],
            vec![theirs(5, 8_000, 80)],
            one(Class::MissingHere, october, "NeverUsedHere"),
        ),
        (
            "another day was used",
            vec![ours(9, 1_000, 10)],
            vec![theirs(5, 8_000, 80), theirs(9, 1_000, 10)],
            one(Class::MissingHere, october, "NotUsedHereThatDay"),
        ),
        (
            "a credit",
            vec![],
            vec![theirs(5, 0, -80)],
            one(Class::MissingHere, october, "GivenBack"),
        ),
        (
            "never charged there",
            usual(),
            vec![],
            one(Class::MissingThere, october, "NeverChargedThere"),
        ),
        (
            "free here, and left out there",
            vec![ours(5, 8_000, 0)],
            vec![],
            one(Class::MissingThere, october, "Free"),
        ),
        (
            "more there",
            usual(),
            vec![theirs(5, 9_000, 90)],
            one(Class::Quantity, october, "MoreThere"),
        ),
        (
            "less there",
            usual(),
            vec![theirs(5, 7_000, 70)],
            one(Class::Quantity, october, "LessThere"),
        ),
        (
            "another price",
            usual(),
            vec![theirs(5, 8_000, 96)],
            one(Class::Price, october, "UnitPrice"),
        ),
        (
            "a cent",
            usual(),
            vec![theirs(5, 8_000, 81)],
            one(Class::Rounding, october, "Rounded"),
        ),
        (
            "a cent for each of two lines",
            usual(),
            vec![theirs(5, 4_000, 41), theirs(5, 4_000, 41)],
            one(Class::Rounding, october, "Rounded"),
        ),
        (
            "two cents in one line are no rounding",
            usual(),
            vec![theirs(5, 8_000, 82)],
            one(Class::Price, october, "UnitPrice"),
        ),
        (
            "corrected to the same",
            usual(),
            vec![theirs(5, 9_000, 90), theirs(5, -1_000, -10)],
            vec![],
        ),
        (
            "charged and taken back",
            vec![],
            vec![theirs(5, 9_000, 90), theirs(5, -9_000, -90)],
            vec![],
        ),
    ] {
        assert_eq!(told(&ours, &theirs), expected, "{name}");
    }
}

#[test]
fn a_price_that_is_a_little_higher_hides_behind_a_cent_for_each_hour() {
    let mut hours = Vec::new();
    for _ in 0..4 {
        let mut hour = theirs(5, 2_000, 20);
        // 20.5 cents: nobody rounded it.
        hour.charge.as_mut().unwrap().amount = BigRational::new(205.into(), 1_000.into());
        hours.push(hour);
    }
    assert_eq!(
        told(&[ours(5, 8_000, 80)], &hours),
        [(Class::Price, "2026-10-05".to_owned(), "UnitPrice")]
    );
}

#[test]
fn a_tenant_mapped_to_another_subscription_is_told_on_both_sides() {
    let elsewhere = Theirs {
        subscription: OTHER,
        ..theirs(5, 8_000, 80)
    };
    assert_eq!(
        told(&[ours(5, 8_000, 80)], &[elsewhere]),
        [
            (Class::MissingThere, "2026-10-05".to_owned(), "OtherSubscription"),
            (Class::MissingHere, "2026-10-05".to_owned(), "OtherSubscription"),
        ]
    );
}

#[test]
fn amounts_in_two_currencies_are_never_compared() {
    let euro: Currency = "EUR".parse().unwrap();
    let mut in_euro = theirs(5, 8_000, 80);
    in_euro.charge.as_mut().unwrap().currency = euro;
    let (ours, theirs) = ([ours(5, 8_000, 80)], [in_euro]);
    let found = reconcile(month(), &ours, &theirs, &KNOWN);
    assert!(found.adds_up());
    let causes: Vec<&Cause> = found.differences.iter().map(|it| &it.cause).collect();
    assert_eq!(
        causes,
        [&Cause::OtherCurrency(Currency::USD), &Cause::OtherCurrency(euro)]
    );
    assert_eq!(found.by_currency.len(), 2);
}

#[test]
fn a_day_shift_is_not_counted_as_two_missing_days() {
    let used =
        |days: &[(i32, i64)]| -> Vec<Ours> { days.iter().map(|(at, it)| ours(*at, *it, it / 100)).collect() };
    let charged = |days: &[(i32, i64)]| -> Vec<Theirs> {
        days.iter().map(|(at, it)| theirs(*at, *it, it / 100)).collect()
    };
    let shifted = |days: &str| one(Class::ShiftedDay, days, "Shifted");
    for (name, ours, theirs, expected) in [
        (
            "a single day, later",
            used(&[(5, 8_000)]),
            charged(&[(6, 8_000)]),
            shifted("2026-10-05 to 2026-10-06"),
        ),
        (
            "a single day, earlier",
            used(&[(5, 8_000)]),
            charged(&[(4, 8_000)]),
            shifted("2026-10-04 to 2026-10-05"),
        ),
        (
            "some hours",
            used(&[(5, 8_000), (6, 8_000)]),
            charged(&[(5, 6_000), (6, 10_000)]),
            shifted("2026-10-05 to 2026-10-06"),
        ),
        (
            "all days of different usage",
            used(&[(5, 5_000), (6, 7_000), (7, 9_000)]),
            charged(&[(6, 5_000), (7, 7_000), (8, 9_000)]),
            shifted("2026-10-05 to 2026-10-08"),
        ),
        (
            "all days of steady usage",
            used(&[(5, 5_000), (6, 5_000), (7, 5_000)]),
            charged(&[(6, 5_000), (7, 5_000), (8, 5_000)]),
            shifted("2026-10-05 to 2026-10-08"),
        ),
        (
            "over the end of the month",
            used(&[(1, 5_000)]),
            charged(&[(0, 5_000)]),
            shifted("2026-09-30 to 2026-10-01"),
        ),
        (
            "two shifts",
            used(&[(5, 5_000), (9, 4_000)]),
            charged(&[(6, 5_000), (8, 4_000)]),
            [
                shifted("2026-10-05 to 2026-10-06"),
                shifted("2026-10-08 to 2026-10-09"),
            ]
            .concat(),
        ),
        (
            "two days away is no shift",
            used(&[(5, 8_000)]),
            charged(&[(7, 8_000)]),
            vec![
                (
                    Class::MissingThere,
                    "2026-10-05".to_owned(),
                    "NotChargedThereThatDay",
                ),
                (Class::MissingHere, "2026-10-07".to_owned(), "NotUsedHereThatDay"),
            ],
        ),
        (
            "two days away is no shift, though there is a little in between",
            used(&[(5, 8_000), (6, 1_000)]),
            charged(&[(6, 1_000), (7, 8_000)]),
            vec![
                (
                    Class::MissingThere,
                    "2026-10-05".to_owned(),
                    "NotChargedThereThatDay",
                ),
                (Class::MissingHere, "2026-10-07".to_owned(), "NotUsedHereThatDay"),
            ],
        ),
    ] {
        assert_eq!(told(&ours, &theirs), expected, "{name}");
    }
    let later = reconcile(month(), &used(&[(5, 8_000)]), &charged(&[(6, 8_000)]), &KNOWN);
    assert!(
        later.differences[0]
            .cause
            .to_string()
            .starts_with("They have it a day later")
    );
    let earlier = reconcile(month(), &used(&[(5, 8_000)]), &charged(&[(4, 8_000)]), &KNOWN);
    assert!(
        earlier.differences[0]
            .cause
            .to_string()
            .starts_with("They have it a day earlier")
    );
}

#[test]
fn a_line_of_theirs_for_the_whole_month_is_compared_with_all_of_its_days() {
    let whole = Theirs {
        days: Days::of(month()),
        ..theirs(1, 9_000, 90)
    };
    let days = [ours(1, 4_000, 40), ours(17, 5_000, 50)];
    assert_eq!(told(&days, std::slice::from_ref(&whole)), []);
    let more = [&days[..], &[ours(31, 1_000, 10)]].concat();
    let month = "2026-10-01 to 2026-10-31";
    assert_eq!(told(&more, &[whole]), one(Class::Quantity, month, "LessThere"));
    let half = Theirs {
        days: Days::new(day(1), day(16)).unwrap(),
        ..theirs(1, 4_000, 40)
    };
    assert_eq!(
        told(&days, &[half]),
        one(Class::MissingThere, "2026-10-17", "NotChargedThereThatDay")
    );
}

#[test]
fn tiers_that_are_laid_on_other_days_are_told_from_another_price() {
    let used = [ours(1, 5_000, 40), ours(2, 5_000, 40)];
    let charged = [theirs(1, 5_000, 50), theirs(2, 5_000, 30)];
    let causes = told(&used, &charged);
    assert_eq!(causes.len(), 2);
    assert!(
        causes
            .iter()
            .all(|(class, _, cause)| *class == Class::Price && *cause == "TiersOnOtherDays")
    );
}

#[test]
fn lines_without_amounts_are_compared_by_their_quantities_alone() {
    let unpriced = |number, quantity| Theirs {
        charge: None,
        ..theirs(number, quantity, 0)
    };
    let used = [ours(1, 5_000, 40), ours(2, 5_000, 40)];
    assert_eq!(
        told(&used, &[unpriced(1, 5_000), unpriced(2, 6_000)]),
        one(Class::Quantity, "2026-10-02", "MoreThere")
    );
    let found = reconcile(month(), &used, &[unpriced(1, 5_000)], &KNOWN);
    let of_dollars = &found.by_currency[&Some(Currency::USD)];
    assert_eq!((of_dollars.theirs.unpriced, of_dollars.matched.count), (1, 1));
}

#[test]
fn a_quantity_that_was_cut_off_somewhere_is_the_same_quantity() {
    let exact = |quantity| Ours {
        quantity,
        ..ours(1, 0, 40)
    };
    let third = BigRational::new(1.into(), 3.into());
    let written = Theirs {
        quantity: BigRational::new(333_333.into(), 1_000_000.into()),
        ..theirs(1, 0, 40)
    };
    assert_eq!(told(&[exact(third.clone())], std::slice::from_ref(&written)), []);
    let less = third - BigRational::new(2.into(), 1_000_000.into());
    assert_eq!(
        told(&[exact(less)], &[written]),
        one(Class::Quantity, "2026-10-01", "MoreThere")
    );
}

fn any_ours() -> impl Strategy<Value = Vec<Ours>> {
    let one = (1u8..4, 1u8..3, 1i32..8, 0i64..6, 0i64..6);
    let one = one.prop_map(|(subscription, meter, number, quantity, cents)| Ours {
        subscription: SubscriptionId::from_bytes([subscription; 16]),
        meter: BillingMeterId::from_bytes([meter; 16]),
        ..ours(number, quantity * 500, cents)
    });
    prop::collection::vec(one, 0..24)
}

fn any_theirs() -> impl Strategy<Value = Vec<Theirs>> {
    let one = (1u8..4, 1u8..3, 0i32..9, 0i32..20, -2i64..6, -2i64..6, 0u8..8);
    let one = one.prop_map(|(subscription, meter, number, more, quantity, cents, kind)| {
        let last = if more > 17 { number + more } else { number };
        Theirs {
            subscription: SubscriptionId::from_bytes([subscription; 16]),
            meter: BillingMeterId::from_bytes([meter; 16]),
            days: Days::new(day(number), day(last)).unwrap(),
            quantity: thousandths(quantity * 500),
            charge: (kind > 0).then(|| dollars(cents)),
        }
    });
    prop::collection::vec(one, 0..24)
}

fn as_theirs(ours: &[Ours]) -> Vec<Theirs> {
    let line = |it: &Ours| Theirs {
        subscription: it.subscription,
        meter: it.meter,
        days: Days::one(it.day),
        quantity: it.quantity.clone(),
        charge: Some(Charge {
            currency: it.amount.currency(),
            amount: it.amount.to_rational(),
        }),
    };
    ours.iter().map(line).collect()
}

proptest! {
    #[test]
    fn what_matches_and_what_differs_sum_to_both_totals(used in any_ours(), charged in any_theirs()) {
        let found = reconcile(month(), &used, &charged, &KNOWN);
        prop_assert!(found.adds_up(), "{:?}", found);
        let quantity: BigRational = found.by_meter.values().map(|it| &it.theirs.quantity).sum();
        prop_assert_eq!(quantity, charged.iter().map(|it| &it.quantity).sum::<BigRational>());
        let amount: BigRational = found.by_currency.values().map(|it| &it.ours.amount).sum();
        prop_assert_eq!(amount, used.iter().map(|it| it.amount.to_rational()).sum::<BigRational>());
        let (mut differing, mut told) = (0, 0);
        for totals in found.by_currency.values() {
            differing += totals.classes.values().map(|it| it.count).sum::<u64>();
            for both in totals.classes.values() {
                told += both.ours.lines + both.theirs.lines;
            }
            told += totals.matched.ours.lines + totals.matched.theirs.lines;
        }
        prop_assert_eq!(differing, found.differences.len() as u64);
        prop_assert_eq!(told, (used.len() + charged.len()) as u64, "no line is lost or told twice");
    }

    #[test]
    fn the_same_on_both_sides_differs_nowhere(used in any_ours()) {
        let found = reconcile(month(), &used, &as_theirs(&used), &KNOWN);
        prop_assert_eq!(found.differences, vec![]);
    }

    #[test]
    fn the_order_of_lines_changes_nothing(used in any_ours(), charged in any_theirs(), turn in 0usize..24) {
        let found = reconcile(month(), &used, &charged, &KNOWN);
        let (mut used, mut charged) = (used, charged);
        used.reverse();
        let turn = turn.min(charged.len());
        charged.rotate_left(turn);
        prop_assert_eq!(reconcile(month(), &used, &charged, &KNOWN), found);
    }

    #[test]
    fn rounding_is_no_more_than_half_a_minor_unit_for_each_line_and_one_for_ours(used in any_ours(), charged in any_theirs()) {
        for difference in reconcile(month(), &used, &charged, &KNOWN).differences {
            if difference.class == Class::Rounding {
                let halves = places(difference.theirs.lines + 2, 2);
                prop_assert!(difference.amount().abs() <= halves / BigInt::from(2));
            }
        }
    }

    /// Whatever was used, each day of it a day later or a day earlier is told as shifted, and nothing as missing.
    #[test]
    fn usage_that_is_a_day_off_is_never_missing(used in any_ours(), later in any::<bool>()) {
        let step = if later { 1 } else { -1 };
        let used: Vec<Ours> = used.into_iter().filter(|it| it.quantity > BigRational::zero()).collect();
        let mut charged = as_theirs(&used);
        for line in &mut charged {
            line.days = Days::one(Day::from_epoch_days(line.days.first.epoch_days() + step));
        }
        let found = reconcile(month(), &used, &charged, &KNOWN);
        let classes: BTreeSet<Class> = found.differences.iter().map(|it| it.class).collect();
        prop_assert!(
            !classes.contains(&Class::MissingHere) && !classes.contains(&Class::MissingThere),
            "{:?}", found.differences
        );
    }
}
