mod correcting;

use num_rational::BigRational;

use super::fixture::{
    ONE, SMALL_VM, STACK, UNKNOWN, VM, basis, capacity, catalog, fee, flat, reckoned, shown, tax, usd, used,
};
use super::*;
use crate::attribution::{RegistrationTerms, StackHistory};
use crate::ids::{ObjectId, RegistrationId};
use crate::money::Currency;
use crate::registration::BillingModel;
use crate::time::{HourInterval, Timestamp};
use crate::timeline::{Assertion, Recorded, Timeline};

fn euro(minor_units: i128) -> Money {
    Money::from_minor_units(minor_units, "EUR".parse().unwrap())
}

#[test]
fn commitment_credit_and_tax_are_reckoned_in_this_order() {
    let none = Terms::default();
    let committed = |amount| Terms {
        minimum_commitment: Some(amount),
        ..none.clone()
    };
    let credit = |amount| Terms {
        credit: Some(amount),
        ..none.clone()
    };
    let taxed = |terms: Terms| Terms {
        tax: tax("25"),
        ..terms
    };
    let both = Terms {
        credit: Some(usd(1500)),
        ..committed(usd(2000))
    };
    // 100 hours at 0.10.
    for (what, terms, expected) in [
        ("usage alone", none.clone(), vec![("usage", "10.00")]),
        (
            "less than committed",
            committed(usd(1200)),
            vec![("usage", "10.00"), ("commitment", "2.00")],
        ),
        (
            "as much as committed",
            committed(usd(1000)),
            vec![("usage", "10.00")],
        ),
        (
            "more than committed",
            committed(usd(999)),
            vec![("usage", "10.00")],
        ),
        (
            "a commitment in another currency",
            committed(euro(9999)),
            vec![("usage", "10.00")],
        ),
        (
            "some credit",
            credit(usd(300)),
            vec![("usage", "10.00"), ("credit", "-3.00")],
        ),
        (
            "more credit than there is to charge",
            credit(usd(1001)),
            vec![("usage", "10.00"), ("credit", "-10.00")],
        ),
        (
            "credit in another currency",
            credit(euro(300)),
            vec![("usage", "10.00")],
        ),
        (
            "tax",
            taxed(none.clone()),
            vec![("usage", "10.00"), ("tax", "2.50")],
        ),
        (
            "tax on what credit leaves of the commitment",
            taxed(both),
            vec![
                ("usage", "10.00"),
                ("commitment", "10.00"),
                ("credit", "-15.00"),
                ("tax", "1.25"),
            ],
        ),
        (
            "no tax on nothing",
            taxed(credit(usd(1000))),
            vec![("usage", "10.00"), ("credit", "-10.00")],
        ),
    ] {
        let mut basis = basis(flat("0.10"), vec![used("2026-10", VM, "100")]);
        basis.terms = terms;
        let shown = shown(&reckoned(&basis));
        let shown: Vec<(&str, &str)> = shown
            .iter()
            .map(|(name, amount)| (*name, amount.as_str()))
            .collect();
        assert_eq!(shown, expected, "{what}");
    }
}

#[test]
fn a_buyer_who_used_nothing_owes_the_commitment() {
    let mut nothing = Basis::nothing(basis(flat("1"), Vec::new()).account, "2026-10".parse().unwrap());
    assert_eq!(shown(&reckoned(&nothing)), []);
    nothing.terms.minimum_commitment = Some(usd(5000));
    assert_eq!(shown(&reckoned(&nothing)), [("commitment", "50.00".to_owned())]);
}

#[test]
fn tax_is_rounded_once_on_the_sum_and_not_on_each_line() {
    // Three lines of 0.02: 10 percent of each would round to nothing, and of the sum to a cent.
    let mut three = basis(flat("0.02"), vec![used("2026-10", VM, "1")]);
    let section = three.sections[&ONE].clone();
    for subscription in [1, 2].map(|id| SubscriptionId::from_bytes([id; 16])) {
        three.sections.insert(subscription, section.clone());
    }
    three.terms.tax = tax("10");
    let reckoning = reckoned(&three);
    assert_eq!(reckoning.lines[&LineKey::Tax].amount, usd(1));
    assert_eq!(reckoning.total().unwrap(), usd(7));
}

#[test]
fn cores_are_charged_by_days_of_the_year_and_rounded_once() {
    for (what, month, per_year, currency, days, expected) in [
        (
            "a month",
            "2026-10",
            "144",
            "USD",
            vec![(Some(96), 31)],
            "1174.09",
        ),
        (
            "a leap year",
            "2028-02",
            "144",
            "USD",
            vec![(Some(96), 29)],
            "1095.34",
        ),
        (
            "ten days",
            "2026-10",
            "144",
            "USD",
            vec![(Some(96), 10)],
            "378.74",
        ),
        (
            "more cores from some day on",
            "2026-10",
            "144",
            "USD",
            vec![(Some(48), 10), (Some(96), 21)],
            "984.72",
        ),
        (
            "without a minor unit",
            "2026-10",
            "144",
            "JPY",
            vec![(Some(96), 31)],
            "1174",
        ),
        (
            "with three digits",
            "2026-10",
            "144",
            "KWD",
            vec![(Some(96), 31)],
            "1174.093",
        ),
    ] {
        let currency: Currency = currency.parse().unwrap();
        let mut basis = basis(Tariff::default(), Vec::new());
        basis.account.currency = currency;
        basis.period = month.parse().unwrap();
        basis.sections.get_mut(&ONE).unwrap().capacity = capacity(&days);
        basis.terms.capacity_fee = fee(per_year, currency);
        let reckoning = reckoned(&basis);
        assert_eq!(shown(&reckoning), [("fee", expected.to_owned())], "{what}");
        assert_eq!(reckoning.without_fee, [], "{what}");
    }
    // 144 a year for 96 cores: 10 days of 48 and 21 of 96 are 2,496 core days.
    let exact = BigRational::new((2496 * 144).into(), 365.into());
    assert_eq!(money::round(&exact, Currency::USD).unwrap().to_string(), "984.72");
}

#[test]
fn days_without_a_fee_are_named_and_not_forgotten() {
    let without = |days, because| WithoutFee {
        subscription: ONE,
        stack: STACK,
        days,
        because,
    };
    for (what, fee, days, lines, expected) in [
        (
            "no fee",
            None,
            vec![(Some(96), 31)],
            0,
            vec![without(31, NoFeeBecause::NoFeeAgreed)],
        ),
        (
            "a fee in another currency",
            fee("144", "EUR".parse().unwrap()),
            vec![(Some(96), 31)],
            0,
            vec![without(31, NoFeeBecause::NoFeeAgreed)],
        ),
        (
            "no cores",
            fee("144", Currency::USD),
            vec![(None, 31)],
            0,
            vec![without(31, NoFeeBecause::CoresUnknown)],
        ),
        (
            "no cores at first",
            fee("144", Currency::USD),
            vec![(None, 11), (Some(96), 20)],
            1,
            vec![without(11, NoFeeBecause::CoresUnknown)],
        ),
    ] {
        let mut basis = basis(Tariff::default(), Vec::new());
        basis.sections.get_mut(&ONE).unwrap().capacity = capacity(&days);
        basis.terms.capacity_fee = fee;
        let reckoning = reckoned(&basis);
        assert_eq!(reckoning.without_fee, expected, "{what}");
        assert_eq!(reckoning.lines.len(), lines, "{what}");
    }
}

#[test]
fn development_is_a_line_at_nothing_and_what_is_not_charged_is_shown() {
    let developed = ChargedUsage {
        billing_model: BillingModel::Development,
        ..used("2026-10", VM, "5")
    };
    let capacity = ChargedUsage {
        billing_model: BillingModel::Capacity,
        ..used("2026-10", VM, "5")
    };
    let usage = vec![
        developed,
        capacity,
        used("2026-10", UNKNOWN, "7"),
        used("2026-10", SMALL_VM, "30"),
    ];
    let reckoning = reckoned(&basis(flat("0.10"), usage));
    assert_eq!(
        shown(&reckoning),
        [("usage", "0.00".to_owned()), ("usage", "1.00".to_owned())]
    );
    assert_eq!(reckoning.not_charged[&ONE].len(), 2);
    assert!(
        reckoning
            .lines
            .keys()
            .any(|key| matches!(key, LineKey::Usage { since: None, .. }))
    );
}

/// How a stack was paid for, by whom, and its cores.
type Spell = (BillingModel, u8, Option<u32>);

/// The terms of a registration in these hours of October, and then those of later entries over them.
fn registered(spells: &[(i32, i32, Option<Spell>)]) -> StackHistory {
    let mut history = StackHistory::default();
    let first = "2026-10-01T00:00:00Z".parse::<Hour>().unwrap();
    for (entry, (from, to, terms)) in (1..).zip(spells) {
        let terms = terms.map(|(billing_model, payer, cores)| RegistrationTerms {
            registration: RegistrationId::from_bytes([1; 16]),
            default_subscription: SubscriptionId::from_bytes([payer; 16]),
            billing_model,
            cores,
        });
        history.registration.assert(Assertion {
            valid: HourInterval::new(first.plus(*from), first.plus(*to)).unwrap(),
            recorded: recorded(entry),
            value: terms,
        });
    }
    history
}

fn recorded(entry: u64) -> Recorded {
    Recorded {
        entry,
        at: Timestamp::UNIX_EPOCH,
        by: ObjectId::from_bytes([0; 16]),
    }
}

#[test]
fn a_day_under_capacity_is_charged_once_and_to_one_payer() {
    const MONTH: i32 = 31 * 24;
    let capacity = |payer, cores| Some((BillingModel::Capacity, payer, cores));
    let by_usage = Some((BillingModel::PayAsYouUse, 1, Some(96)));
    let always = HourInterval::ALWAYS;
    let until = |day: i32| {
        let first = "2026-10-01T00:00:00Z".parse::<Hour>().unwrap();
        HourInterval::new(Hour::MIN, first.plus(24 * day)).unwrap()
    };
    type Days = Vec<(u8, Vec<(Option<u32>, u32)>)>;
    let cases: [(&str, StackHistory, HourInterval, Days); 8] = [
        ("never registered", StackHistory::default(), always, vec![]),
        ("by usage", registered(&[(0, MONTH, by_usage)]), always, vec![]),
        (
            "since before and on",
            registered(&[(-500, 9000, capacity(1, Some(96)))]),
            always,
            vec![(1, vec![(Some(96), 31)])],
        ),
        (
            "from one afternoon on",
            registered(&[(0, 40, by_usage), (40, 9000, capacity(1, Some(96)))]),
            always,
            vec![(1, vec![(Some(96), 30)])],
        ),
        (
            "deregistered in the first hour of the third day",
            registered(&[(0, 9000, capacity(1, Some(96))), (49, 9000, None)]),
            always,
            vec![(1, vec![(Some(96), 3)])],
        ),
        (
            "moved at noon: the day is the former payer's",
            registered(&[
                (0, 9000, capacity(1, Some(96))),
                (36, 9000, capacity(2, Some(96))),
            ]),
            always,
            vec![(1, vec![(Some(96), 2)]), (2, vec![(Some(96), 29)])],
        ),
        (
            "registered again with other hardware",
            registered(&[(0, 9000, capacity(1, None)), (48, 9000, capacity(1, Some(64)))]),
            always,
            vec![(1, vec![(None, 2), (Some(64), 29)])],
        ),
        (
            "a month that is not over",
            registered(&[(0, 9000, capacity(1, Some(96)))]),
            until(7),
            vec![(1, vec![(Some(96), 7)])],
        ),
    ];
    for (what, history, known, expected) in cases {
        let payers = capacity_of(STACK, &history, None, "2026-10".parse().unwrap(), known);
        let payers: Days = payers
            .into_iter()
            .map(|(payer, used)| (payer.as_bytes()[0], used.days.into_iter().collect()))
            .collect();
        assert_eq!(payers, expected, "{what}");
    }
}

#[test]
fn stated_cores_count_before_those_of_the_token() {
    let history = registered(&[(0, 9000, Some((BillingModel::Capacity, 1, Some(96))))]);
    let mut stated = Timeline::default();
    let says = |day: i32, entry, value| Assertion {
        valid: HourInterval::from("2026-10-01T00:00:00Z".parse::<Hour>().unwrap().plus(24 * day)),
        recorded: recorded(entry),
        value,
    };
    stated.assert(says(10, 1, Some(48)));
    stated.assert(says(25, 2, None));
    let period: Period = "2026-10".parse().unwrap();
    let payers = capacity_of(STACK, &history, Some(&stated), period, HourInterval::ALWAYS);
    let days: Vec<_> = payers.into_values().next().unwrap().days.into_iter().collect();
    assert_eq!(days, [(Some(48), 15), (Some(96), 16)]);
    // From the 26th on the token decides again, so nothing that was stated does.
    let payer = |number| SubscriptionId::from_bytes([number; 16]);
    let deciding = |payer| cores_deciding(&history, &stated, period, HourInterval::ALWAYS, payer);
    let first = says(10, 1, Some(48)).valid.start();
    let fifteen_days = HourInterval::new(first, first.plus(24 * 15)).unwrap();
    let of_48 = StatedCores {
        cores: 48,
        hours: fifteen_days,
        recorded: recorded(1),
    };
    assert_eq!(deciding(payer(1)), [of_48]);
    assert_eq!(deciding(payer(2)), [], "another one pays");
}

#[test]
fn the_same_basis_is_reckoned_to_the_same() {
    let mut basis = basis(
        flat("0.10"),
        vec![used("2026-10", VM, "1"), used("2026-10", SMALL_VM, "2")],
    );
    let first = reckoned(&basis);
    basis.sections.get_mut(&ONE).unwrap().usage.reverse();
    assert_eq!(reckon(&basis, &catalog()).unwrap(), first);
}

#[test]
fn prices_in_another_currency_are_never_taken_for_the_accounts_own() {
    let mut basis = basis(flat("0.10"), vec![used("2026-10", VM, "1")]);
    basis.account.currency = "EUR".parse().unwrap();
    let refused = reckon(&basis, &catalog());
    assert!(matches!(refused, Err(MoneyError::MixedCurrencies(..))));
}
