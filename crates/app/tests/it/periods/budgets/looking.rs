//! Looking after budgets: how much with one look, of which months, and who waits for whom.

use app::Kind;
use app::accounts::Created;
use app::periods::BudgetWatch;
use domain::budget::{Budget, BudgetOf};

use super::{budget, heard, listens, look, names, sale, set, usd};
use crate::house::{CSP, House, operator};
use crate::people::refusal;
use crate::periods::{WHOLESALE, month, october, retail};
use crate::tearing::Tear;

/// Usage of 10 hours on the 20th, and three budgets of two accounts that it reaches.
async fn three_reached() -> House {
    let house = october().await;
    listens(&house, "ops", None).await;
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T11:00:00Z", "10")])
        .await;
    for (name, of) in [
        ("retail", sale(retail(CSP))),
        ("wholesale", sale(WHOLESALE)),
        ("again", BudgetOf::Subscription(CSP)),
    ] {
        set(&house, &budget(name, of, 1_000, &[100])).await;
    }
    house
}

#[tokio::test]
async fn more_accounts_than_fit_into_one_look_would_never_be_looked_at() {
    let house = three_reached().await;
    let mut watch = BudgetWatch::of_accounts(1);
    let mut raised = Vec::new();
    for _ in 0..2 {
        raised.push(look(&house, &mut watch).await);
    }
    // Two budgets are of one account, which is reckoned once for both.
    raised.sort_unstable();
    assert_eq!(raised, [1, 2]);
    assert_eq!(names(&house), ["again", "retail", "wholesale"]);
    for _ in 0..4 {
        assert_eq!(look(&house, &mut watch).await, 0);
    }
}

#[tokio::test]
async fn what_has_not_changed_would_be_reckoned_with_every_look() {
    let house = october().await;
    set(&house, &budget("retail", sale(retail(CSP)), 1_000, &[100])).await;
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T11:00:00Z", "1")])
        .await;
    let mut watch = BudgetWatch::default();
    house.usage.take_summed();
    assert_eq!(look(&house, &mut watch).await, 0);
    assert!(!house.usage.take_summed().is_empty());
    assert_eq!(look(&house, &mut watch).await, 0);
    assert!(house.usage.take_summed().is_empty(), "nothing came since");
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T10:00:00Z", "1")])
        .await;
    assert_eq!(look(&house, &mut watch).await, 0);
    assert!(!house.usage.take_summed().is_empty());
    // Another amount is another question.
    set(&house, &budget("retail", sale(retail(CSP)), 2_000, &[100])).await;
    assert_eq!(look(&house, &mut watch).await, 0);
    assert!(!house.usage.take_summed().is_empty());
}

#[tokio::test]
async fn a_server_that_has_lost_the_duty_would_go_on_for_as_long_as_there_is_something_to_reckon() {
    let house = three_reached().await;
    let mut watch = BudgetWatch::default();
    house.usage.take_summed();
    let looked = house.app().look_after_budgets(&mut watch, || false).await;
    assert_eq!(looked, Ok(0));
    assert!(house.usage.take_summed().is_empty());
    assert_eq!(look(&house, &mut watch).await, 3, "with the duty again");
}

#[tokio::test]
async fn late_usage_of_the_last_eleven_months_is_told_where_nobody_closes_any() {
    let house = october().await;
    listens(&house, "ops", None).await;
    set(&house, &budget("contoso", sale(retail(CSP)), 1_000, &[50, 100])).await;
    let later = Budget {
        from: month("2026-11"),
        ..budget("later", sale(retail(CSP)), 1_000, &[50])
    };
    set(&house, &later).await;
    house
        .hears("2027-09-20T12:00:00Z", &[("2026-10-30T11:00:00Z", "4")])
        .await;
    let mut watch = BudgetWatch::default();
    assert_eq!(look(&house, &mut watch).await, 1);
    assert_eq!(heard(&house, "ops"), ["contoso 2026-10 50: 6.00"]);
    house
        .hears("2027-10-20T12:00:00Z", &[("2026-10-30T12:00:00Z", "40")])
        .await;
    assert_eq!(look(&house, &mut watch).await, 0, "that is twelve months ago");
}

#[tokio::test]
async fn what_is_fixed_by_a_close_that_was_begun_is_not_told_as_spent() {
    let house = october().await;
    listens(&house, "ops", None).await;
    set(&house, &budget("contoso", sale(retail(CSP)), 1_000, &[50])).await;
    house
        .hears("2026-10-20T12:00:00Z", &[("2026-10-20T11:00:00Z", "1")])
        .await;
    house.it_is("2026-11-01T02:00:00Z");
    house.declares("2026-11-01T00:00:00Z").await;
    house.bills.tears(Tear::After(2));
    let torn = house
        .app()
        .close_period(&operator(), month("2026-10"), true)
        .await;
    assert!(torn.is_err());
    house.bills.tears(Tear::Nowhere);
    house
        .hears("2026-11-01T03:00:00Z", &[("2026-10-30T11:00:00Z", "40")])
        .await;
    assert_eq!(look(&house, &mut BudgetWatch::default()).await, 0);
}

#[tokio::test]
async fn reading_budgets_waits_its_turn_with_everybody_who_has_much_reckoned() {
    let house = october().await;
    let contoso = budget("contoso", sale(retail(CSP)), 1_000, &[100]);
    set(&house, &contoso).await;
    let gate = house.usage.stand_still().await;
    let most = app::periods::RECKONINGS_AT_ONCE_MAX + app::periods::RECKONINGS_WAITING_MAX;
    let mut reading = tokio::task::JoinSet::new();
    for _ in 0..=most {
        let (app, name) = (house.app(), contoso.name.clone());
        reading.spawn(async move { app.budget(&operator(), &name, None).await });
    }
    // One of them is one too many, and is told so while the others stand still.
    let refused = reading.join_next().await.unwrap().unwrap();
    assert_eq!(refusal(refused), (Kind::Busy, "TooManyReckonings"));
    // What is set is set all the same.
    let more = Budget {
        amount: usd(2_000),
        ..contoso.clone()
    };
    let (created, view) = house
        .app()
        .set_budget(&operator(), more.clone().into())
        .await
        .unwrap();
    assert_eq!((created, view.record.budget), (Created::Existing, more));
    assert_eq!(view.spent.unwrap_err().code, "TooManyReckonings");
    drop(gate);
    while let Some(read) = reading.join_next().await {
        assert_eq!(read.unwrap().unwrap().spent, Ok(usd(0)));
    }
}
