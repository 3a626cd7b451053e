//! Law 6 over random histories: closing month by month, whatever becomes known in between and in whatever order, comes
//! to what closing once at the end does.

use std::collections::BTreeMap;

use app::directory::Carried;
use domain::attribution::LocalSubscription;
use domain::bundle::Digest;
use domain::chain::Account;
use domain::ids::TenantId;
use domain::money::{Currency, Money};
use domain::reckoning::LineKey;
use domain::terms::Terms;
use domain::time::Period;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{OTHER, all_replay, month, october, retail};
use crate::house::{CSP, House, LOCAL, STACK, TENANT, operator};

const MONTHS: [&str; 3] = ["2026-10", "2026-11", "2026-12"];
const NOT_ADDED: TenantId = TenantId::from_bytes([0x77; 16]);

/// Something that becomes known.
#[derive(Debug, Clone)]
enum Told {
    /// So much in an hour of October or November.
    Used(u32, u32),
    /// The tenant is somebody's from a day of these months on.
    Mapped(u32, bool),
    /// A price of the partner, in cents, from a day on.
    Price(u32, u32),
    /// The partner's customer commits to so many cents, from a month on.
    Agreed(usize, i128),
    /// The stack's directory listed the local subscription as the customer's tenant's, or as one's that nobody added, on a
    /// day.
    Listed(u32, bool),
}

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![
        4 => (0u32..60 * 24, 1u32..40).prop_map(|(hour, quantity)| Told::Used(hour, quantity)),
        1 => (0u32..60, any::<bool>()).prop_map(|(day, other)| Told::Mapped(day, other)),
        1 => (0u32..60, 1u32..300).prop_map(|(day, cents)| Told::Price(day, cents)),
        1 => (0usize..2, 0i128..20_000).prop_map(|(month, cents)| Told::Agreed(month, cents)),
        1 => (1u32..60, any::<bool>()).prop_map(|(day, other)| Told::Listed(day, other)),
    ]
}

fn hour(hours: u32) -> String {
    let first: domain::time::Hour = "2026-10-01T00:00:00Z".parse().unwrap();
    first.plus(i32::try_from(hours).unwrap()).to_string()
}

async fn tell(house: &House, told: &Told, reported: u32) {
    match told {
        Told::Used(at, quantity) => {
            let (at, quantity) = (hour(*at), quantity.to_string());
            let usage = [(at.as_str(), quantity.as_str())];
            house.deliver(&hour(60 * 24 + reported), &usage).await.unwrap();
        }
        Told::Mapped(day, other) => {
            let to = if *other { OTHER } else { CSP };
            house
                .maps(Some(to), &hour(day * 24), "2026-12-01T00:00:00Z")
                .await;
        }
        Told::Price(day, cents) => {
            let price = format!("{}.{:02}", cents / 100, cents % 100);
            // An hour that has a version already keeps it.
            let _ = house.sells_for(&price, &hour(day * 24)).await;
        }
        Told::Agreed(from, cents) => {
            let (account, from) = (retail(CSP), MONTHS[*from]);
            let terms = Terms {
                minimum_commitment: Some(Money::from_minor_units(*cents, Currency::USD)),
                ..Terms::default()
            };
            let app = house.app();
            app.set_terms(
                &operator(),
                account.seller,
                Some(account.buyer),
                terms,
                month(from),
            )
            .await
            .unwrap();
        }
        Told::Listed(day, other) => {
            let listed = LocalSubscription {
                tenant: if *other { NOT_ADDED } else { TENANT },
                name: "web".to_owned(),
                owner: String::new(),
                state: "Enabled".to_owned(),
            };
            let carried = Carried {
                made_at: hour(day * 24).parse().unwrap(),
                digest: Digest::from_bytes([u8::try_from(reported).unwrap(); 32]),
            };
            let app = house.app();
            app.take_directory(&operator(), STACK, &[(LOCAL, listed)], Some(carried))
                .await
                .unwrap();
        }
    }
}

/// What was billed in the end, line by line.
async fn billed(house: &House) -> BTreeMap<(Account, Period, LineKey), i128> {
    let mut billed = BTreeMap::new();
    for invoice in house.invoices(None).await {
        for (period, key, amount) in invoice.amounts() {
            *billed.entry((invoice.account, period, key)).or_default() += amount.minor_units();
        }
    }
    billed.retain(|_, amount| *amount != 0);
    billed
}

async fn close_all(house: &House, until: &str) {
    house.it_is("2027-01-02T00:00:00Z");
    house.declares("2027-01-01T00:00:00Z").await;
    for period in MONTHS {
        house.closes(period).await;
        if period == until {
            return;
        }
    }
}

/// A platform at the end of these months whose stack may be heard of in files, so that its listings may come late.
async fn two_months() -> House {
    let house = october().await;
    let app = house.app();
    app.register_bundle_key(&operator(), STACK, [9; 32])
        .await
        .unwrap();
    house.it_is("2027-01-01T02:00:00Z");
    house
}

/// Everything in order, then all closes; and the same with closes in between, usage in another order.
async fn comes_to_the_same(history: &[(Told, usize)], swap: bool) {
    let at_the_end = two_months().await;
    for (at, (told, _)) in (0..).zip(history) {
        tell(&at_the_end, told, at).await;
    }
    close_all(&at_the_end, "2026-12").await;
    let step_by_step = two_months().await;
    for (close, until) in MONTHS.into_iter().enumerate() {
        let mut known: Vec<(u32, &Told)> = (0..)
            .zip(history)
            .filter(|(_, (_, known))| *known == close)
            .map(|(at, (told, _))| (at, told))
            .collect();
        if swap {
            // What is said of usage counts by its reported time and not by when it gets here; decisions by their order.
            let (mut usage, rest): (Vec<_>, Vec<_>) = known
                .into_iter()
                .partition(|(_, told)| matches!(told, Told::Used(..)));
            usage.reverse();
            known = usage.into_iter().chain(rest).collect();
        }
        for (at, told) in known {
            tell(&step_by_step, told, at).await;
        }
        close_all(&step_by_step, until).await;
    }
    assert_eq!(
        billed(&step_by_step).await,
        billed(&at_the_end).await,
        "{history:?}"
    );
    for period in MONTHS {
        if !step_by_step.invoices(Some(period)).await.is_empty() {
            all_replay(&step_by_step, period).await;
        }
    }
}

#[test]
fn closing_then_correcting_costs_what_closing_later_would_have_cost_line_by_line() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    };
    // Decisions are recorded in the order in which they become known: they are known in the order of the history.
    let history = prop::collection::vec((told(), 0usize..3), 1..12).prop_map(|mut history| {
        history.sort_by_key(|(_, known)| *known);
        history
    });
    let outcome = TestRunner::new(config).run(&(history, any::<bool>()), |(history, swap)| {
        runtime.block_on(comes_to_the_same(&history, swap));
        Ok(())
    });
    outcome.unwrap();
}
