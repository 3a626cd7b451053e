//! What a correction says of itself.

use super::super::fixture::{OTHER, VCPU, catalog_with, name, period, price, retail, tariff, totals};
use super::*;
use crate::attribution::Reason;
use crate::catalog::Price;
use crate::chain::Account;

/// What a partner is billed with, corrected: each line with its amount and cause.
fn corrected(then: &Basis, now: &Basis, used: [&UsedTotals; 2], vm: u32) -> Vec<(String, String, Cause)> {
    let (was, is) = (catalog(), catalog_with(vm));
    let compared = Compared::new(
        Side {
            basis: then,
            catalog: &was,
            used: used[0],
        },
        Side {
            basis: now,
            catalog: &is,
            used: used[1],
        },
    );
    let billed = reckon(then, &was).unwrap().amounts();
    let corrections = correct(&reckon(now, &is).unwrap(), &billed, &compared).unwrap();
    let shown = corrections.into_iter().map(|it| {
        assert_eq!(it.period, period("2026-10"));
        (name(&it.key).to_owned(), it.amount.to_string(), it.cause)
    });
    shown.collect()
}

fn line(name: &str, amount: &str, cause: Cause) -> (String, String, Cause) {
    (name.to_owned(), amount.to_owned(), cause)
}

/// 100 hours at 0.10.
fn billed_once() -> Basis {
    basis(flat("0.10"), vec![used("2026-10", VM, "100")])
}

fn section(basis: &mut Basis) -> &mut Section {
    basis.sections.get_mut(&ONE).unwrap()
}

#[test]
fn a_correction_names_what_changed() {
    let then = billed_once();
    let with = |change: &dyn Fn(&mut Basis)| {
        let mut now = billed_once();
        change(&mut now);
        now
    };
    let late = with(&|now| section(now).usage.push(used("2026-10", VM, "20")));
    let less = with(&|now| section(now).usage = vec![used("2026-10", VM, "70")]);
    let gone = with(&|now| now.sections.clear());
    let dearer = with(&|now| section(now).tariff = flat("0.11"));
    let dearer_and_late = with(&|now| {
        section(now).tariff = flat("0.11");
        section(now).usage.push(used("2026-10", VM, "20"));
    });
    let new_line = with(&|now| {
        let mid_month = "2026-10-16T00:00:00Z".parse().unwrap();
        let prices = |unit_price: &str| [(VCPU, Price::flat(unit_price.parse().unwrap()))].into();
        section(now).tariff = tariff(
            Currency::USD,
            [(Hour::MIN, prices("0.10")), (mid_month, prices("0.2"))],
        );
        let mut used = used("2026-10", VM, "10");
        used.interval = HourInterval::new(mid_month, mid_month.plus(1)).unwrap();
        section(now).usage.push(used);
    });
    // What everybody used stays the same where usage moved, whoever pays for it.
    for (what, now, used_now, vm, expected) in [
        ("nothing", with(&|_| {}), None, 1, vec![]),
        (
            "late usage",
            late.clone(),
            None,
            1,
            vec![line("usage", "2.00", Cause::LateUsage)],
        ),
        (
            "a revision",
            less.clone(),
            None,
            1,
            vec![line("usage", "-3.00", Cause::Revision)],
        ),
        (
            "a mapping",
            gone,
            Some(totals([&then])),
            1,
            vec![line("usage", "-10.00", Cause::Attribution)],
        ),
        (
            "a mapping of a part",
            less,
            Some(totals([&then])),
            1,
            vec![line("usage", "-3.00", Cause::Attribution)],
        ),
        (
            "more than came in",
            late.clone(),
            Some(totals([&with(&|now| {
                section(now).usage.push(used("2026-10", VM, "5"));
            })])),
            1,
            vec![line("usage", "2.00", Cause::Several)],
        ),
        (
            "a price",
            dearer,
            None,
            1,
            vec![line("usage", "1.00", Cause::Prices)],
        ),
        (
            "a price and late usage",
            dearer_and_late,
            None,
            1,
            vec![line("usage", "3.20", Cause::Several)],
        ),
        (
            "a price from mid-month on, with late usage in its hours",
            new_line,
            None,
            1,
            vec![line("usage", "2.00", Cause::Several)],
        ),
        (
            "the catalog",
            with(&|_| {}),
            None,
            2,
            vec![line("usage", "10.00", Cause::Catalog)],
        ),
    ] {
        let used_now = used_now.unwrap_or_else(|| totals([&now]));
        assert_eq!(
            corrected(&then, &now, [&totals([&then]), &used_now], vm),
            expected,
            "{what}"
        );
    }
}

#[test]
fn a_record_that_was_reported_anew_with_more_is_a_revision_and_not_late() {
    let (then, mut now) = (billed_once(), billed_once());
    section(&mut now).usage = vec![used("2026-10", VM, "120")];
    let mut used_now = totals([&now]);
    used_now.values_mut().for_each(|used| used.revisions = 1);
    let corrections = corrected(&then, &now, [&totals([&then]), &used_now], 1);
    assert_eq!(corrections, [line("usage", "2.00", Cause::Revision)]);
    used_now.values_mut().for_each(|used| used.records = 1);
    let corrections = corrected(&then, &now, [&totals([&then]), &used_now], 1);
    assert_eq!(
        corrections,
        [line("usage", "2.00", Cause::Several)],
        "another record came in beside it"
    );
}

#[test]
fn a_customer_who_gets_the_usage_of_another_is_told_that_it_was_attributed_anew() {
    let account = Account::new(retail(OTHER), Currency::USD);
    let then = Basis::nothing(account, period("2026-10"));
    let mut now = then.clone();
    let mut moved = used("2026-10", VM, "100");
    moved.reason = Reason::TenantMapping;
    now.sections.insert(
        OTHER,
        Section {
            tariff: flat("0.10"),
            usage: vec![moved],
            capacity: Vec::new(),
        },
    );
    let used = totals([&now]);
    let corrections = corrected(&then, &now, [&used, &used], 1);
    assert_eq!(corrections, [line("usage", "10.00", Cause::Attribution)]);
}

#[test]
fn what_follows_from_a_line_has_its_cause() {
    let agreed = |basis: &mut Basis| {
        basis.terms = Terms {
            minimum_commitment: Some(usd(2000)),
            credit: Some(usd(500)),
            tax: tax("25"),
            capacity_fee: None,
        };
    };
    let (mut then, mut late) = (billed_once(), billed_once());
    agreed(&mut then);
    agreed(&mut late);
    section(&mut late).usage.push(used("2026-10", VM, "20"));
    // 10.00 and 10.00 to the commitment, less 5.00: late usage of 2.00 is within the commitment, and costs nothing.
    let within = [&totals([&then]), &totals([&late])];
    assert_eq!(
        corrected(&then, &late, within, 1),
        [
            line("usage", "2.00", Cause::LateUsage),
            line("commitment", "-2.00", Cause::LateUsage)
        ],
        "late usage within the commitment costs nothing more"
    );
    section(&mut late).usage = vec![used("2026-10", VM, "300")];
    let now = [&totals([&then]), &totals([&late])];
    assert_eq!(
        corrected(&then, &late, now, 1),
        [
            line("usage", "20.00", Cause::LateUsage),
            line("commitment", "-10.00", Cause::LateUsage),
            line("tax", "2.50", Cause::LateUsage),
        ]
    );
}

#[test]
fn terms_that_are_agreed_on_later_for_a_closed_month_are_a_cause_of_their_own() {
    let then = billed_once();
    let mut now = billed_once();
    now.terms.credit = Some(usd(400));
    now.terms.tax = tax("10");
    let used = totals([&then]);
    assert_eq!(
        corrected(&then, &now, [&used, &used], 1),
        [
            line("credit", "-4.00", Cause::Terms),
            line("tax", "0.60", Cause::Terms)
        ]
    );
    section(&mut now).capacity = capacity(&[(Some(10), 31)]);
    now.terms = Terms::default();
    let mut with_fee = now.clone();
    with_fee.terms.capacity_fee = fee("36.5", Currency::USD);
    assert_eq!(
        corrected(&now, &with_fee, [&used, &used], 1),
        [line("fee", "31.00", Cause::Terms)]
    );
    let mut shorter = with_fee.clone();
    section(&mut shorter).capacity = capacity(&[(Some(10), 30)]);
    assert_eq!(
        corrected(&with_fee, &shorter, [&used, &used], 1),
        [line("fee", "-1.00", Cause::Attribution)]
    );
}

#[test]
fn late_usage_does_not_start_the_tiers_of_its_month_anew() {
    let tiers = price(&[("0", "1"), ("100", "0.5")], "10");
    let tariff = tariff(Currency::USD, [(Hour::MIN, [(VCPU, tiers)].into())]);
    let then = basis(tariff.clone(), vec![used("2026-10", VM, "105")]);
    let mut late = then.clone();
    section(&mut late).usage.push(used("2026-10", VM, "10"));
    // 10 included and 95 at 1.00; then 5 more at 1.00 and 5 at 0.50.
    let used = [&totals([&then]), &totals([&late])];
    assert_eq!(
        corrected(&then, &late, used, 1),
        [line("usage", "7.50", Cause::LateUsage)]
    );
}

#[test]
fn a_sum_in_another_currency_is_never_corrected_away() {
    let then = billed_once();
    let mut now = billed_once();
    now.account.currency = "EUR".parse().unwrap();
    section(&mut now).tariff = Tariff::default();
    let billed = reckoned(&then).amounts();
    let (catalog, used) = (catalog(), totals([&then]));
    let side = |basis| Side {
        basis,
        catalog: &catalog,
        used: &used,
    };
    let corrections = correct(&reckoned(&now), &billed, &Compared::new(side(&then), side(&now)));
    assert!(matches!(corrections, Err(MoneyError::MixedCurrencies(..))));
}

#[test]
fn causes_are_written_and_read_by_their_names() {
    for cause in Cause::ALL {
        assert_eq!(Cause::from_name(cause.as_str()), Some(cause));
    }
    assert_eq!(Cause::from_name("lateUsage"), None);
}
