//! What is reckoned for whom, and how much of that at a time.

use std::pin::pin;
use std::task::Poll;

use app::access::Caller;
use app::periods::{
    Account, RECKONINGS_AT_ONCE_MAX, RECKONINGS_OF_A_DIRECTORY_MAX, RECKONINGS_WAITING_MAX, RunningAccount,
};
use app::{Error, Kind};
use domain::authorization::{PartnerRole, RoleDefinition, Scope};
use domain::ids::PartnerId;
use domain::money::Currency;
use domain::partner::{Partner, PartnerKind};
use domain::time::Hour;
use store::Slice;
use tokio::task::JoinSet;

use super::{OTHER, WHOLESALE, all_replay, month, october, retail};
use crate::house::{CSP, House, PARTNER, operator};
use crate::people::refusal;

const LITWARE: PartnerId = PartnerId::from_bytes([0xb1; 16]);

/// From the fifteenth of October on the customer's tenant is the other subscription's.
async fn two_buyers() -> House {
    let house = october().await;
    house
        .maps(Some(OTHER), "2026-10-15T00:00:00Z", "2027-01-01T00:00:00Z")
        .await;
    let usage = [("2026-10-10T11:00:00Z", "10"), ("2026-10-20T11:00:00Z", "4")];
    house.hears("2026-10-20T12:00:00Z", &usage).await;
    house
}

async fn agent_of(house: &House, partner: PartnerId, name: &str) -> Caller {
    let agent = house.program(name).await;
    let role = PartnerRole::AdminAgent(partner);
    house.give_partner_role(&agent, role).await;
    agent
}

async fn rival(house: &House) -> Caller {
    let litware = Partner {
        id: LITWARE,
        name: "Litware".to_owned(),
        kind: PartnerKind::DirectBill,
    };
    house.app().create_partner(&operator(), litware).await.unwrap();
    agent_of(house, LITWARE, "rival").await
}

async fn running(house: &House, caller: &Caller, period: &str) -> Vec<Account> {
    let accounts = house.app().running_accounts(caller, month(period)).await;
    let accounts = accounts.unwrap().into_iter();
    accounts.map(|it| it.account).collect()
}

#[tokio::test]
async fn a_reader_of_one_subscription_has_the_whole_platform_reckoned() {
    let house = two_buyers().await;
    let (reader, nobody) = (house.program("reader").await, house.program("nobody").await);
    house
        .give(&reader, RoleDefinition::READER, &Scope::Subscription(OTHER))
        .await;
    let rival = rival(&house).await;
    let mapped: Hour = "2026-10-15T00:00:00Z".parse().unwrap();
    // What a local subscription used in all of a month, whoever pays, is asked for the cause of a correction.
    let in_all = month("2026-10").interval();
    let is_others = |slice: &Slice| slice.interval.start() < mapped && slice.interval != in_all;
    house.usage.take_summed();
    let all = [WHOLESALE, retail(CSP), retail(OTHER)];
    assert_eq!(running(&house, &operator(), "2026-10").await, all);
    let summed = house.usage.take_summed();
    assert!(summed.iter().any(is_others));
    for period in ["2026-10", "2026-11"] {
        if period == "2026-11" {
            house.october_is_closed().await;
            // Both closed and open months are different for both now.
            let late = [("2026-10-11T11:00:00Z", "1"), ("2026-10-21T11:00:00Z", "1")];
            house.hears("2026-11-02T12:00:00Z", &late).await;
            assert_eq!(running(&house, &operator(), period).await, all);
        }
        house.usage.take_summed();
        assert_eq!(running(&house, &reader, period).await, [retail(OTHER)]);
        let summed = house.usage.take_summed();
        assert!(!summed.is_empty());
        for slice in summed {
            assert!(!is_others(&slice), "{period}: {slice:?}");
        }
        let app = house.app();
        for who in [&nobody, &rival] {
            assert_eq!(running(&house, who, period).await, []);
            let forecast = app.forecast(who, month(period)).await.unwrap();
            assert_eq!(forecast.accounts, []);
        }
        let forecast = app.forecast(&reader, month(period)).await.unwrap();
        let forecast: Vec<Account> = forecast.accounts.iter().map(|it| it.account).collect();
        assert_eq!(forecast, [retail(OTHER)]);
        house.usage.take_summed();
        for who in [&nobody, &rival] {
            running(&house, who, period).await;
            app.forecast(who, month(period)).await.unwrap();
        }
        let theirs = domain::chain::Seller::Partner(LITWARE);
        let margins = app.margins(&rival, theirs, month(period), Currency::USD).await;
        assert_eq!(margins.unwrap().rows, []);
        assert_eq!(house.usage.take_summed(), [], "{period}");
    }
}

/// Whether something waits for something else, as soon as it was begun.
async fn waits<T>(work: &mut (impl Future<Output = T> + Unpin)) -> bool {
    std::future::poll_fn(|context| Poll::Ready(std::pin::Pin::new(&mut *work).poll(context).is_pending()))
        .await
}

/// Somebody who reads the same bills and is of another directory.
fn elsewhere(agent: &Caller, directory: u8) -> Caller {
    let mut other = agent.clone();
    if let Caller::Principal(principal) = &mut other {
        principal.tenant = domain::ids::TenantId::from_bytes([directory; 16]);
    }
    other
}

#[tokio::test]
async fn bills_that_partners_have_reckoned_again_and_again_leave_the_operators_their_places() {
    let house = two_buyers().await;
    let agent = agent_of(&house, PARTNER, "seller").await;
    let still = house.usage.stand_still().await;
    let mut asked: JoinSet<Result<Vec<RunningAccount>, Error>> = JoinSet::new();
    for directory in 0..=RECKONINGS_AT_ONCE_MAX + RECKONINGS_WAITING_MAX {
        let (app, agent) = (house.app(), elsewhere(&agent, u8::try_from(directory).unwrap()));
        asked.spawn(async move { app.running_accounts(&agent, month("2026-10")).await });
    }
    let first = asked.join_next().await.unwrap().unwrap();
    assert_eq!(refusal(first), (Kind::Busy, "TooManyReckonings"));
    let (app, agents, by) = (house.app(), house.app(), operator());
    let forecast = agents.forecast(&agent, month("2026-10")).await;
    assert_eq!(refusal(forecast), (Kind::Busy, "TooManyReckonings"));
    let margins = agents.margins(&agent, retail(CSP).seller, month("2026-10"), Currency::USD);
    assert_eq!(refusal(margins.await), (Kind::Busy, "TooManyReckonings"));
    let mut operators = pin!(app.running_accounts(&by, month("2026-10")));
    assert!(waits(&mut operators).await, "and it is not refused");
    drop(still);
    assert_eq!(operators.await.unwrap().len(), 3);
    while let Some(answer) = asked.join_next().await {
        assert_eq!(answer.unwrap().unwrap().len(), 3);
    }
    assert_eq!(
        running(&house, &agent, "2026-10").await.len(),
        3,
        "places are given back"
    );
}

#[tokio::test]
async fn one_partner_who_asks_again_and_again_keeps_all_others_from_their_bills() {
    let house = two_buyers().await;
    let agent = agent_of(&house, PARTNER, "seller").await;
    let still = house.usage.stand_still().await;
    let mut asked: JoinSet<Result<Vec<RunningAccount>, Error>> = JoinSet::new();
    for _ in 0..=RECKONINGS_OF_A_DIRECTORY_MAX {
        let (app, agent) = (house.app(), agent.clone());
        asked.spawn(async move { app.running_accounts(&agent, month("2026-10")).await });
    }
    let first = asked.join_next().await.unwrap().unwrap();
    assert_eq!(refusal(first), (Kind::Busy, "TooManyReckonings"));
    let (app, other) = (house.app(), elsewhere(&agent, 7));
    let mut others = pin!(app.forecast(&other, month("2026-10")));
    assert!(waits(&mut others).await, "and it is not refused");
    drop(still);
    assert_eq!(others.await.unwrap().accounts.len(), 3);
    while let Some(answer) = asked.join_next().await {
        assert_eq!(answer.unwrap().unwrap().len(), 3);
    }
    assert_eq!(running(&house, &agent, "2026-10").await.len(), 3);
}

#[tokio::test]
async fn a_reader_who_replays_again_and_again_keeps_the_operators_from_it() {
    let house = two_buyers().await;
    house.october_is_closed().await;
    let agent = agent_of(&house, PARTNER, "seller").await;
    let number = house.invoice_of("2026-10", WHOLESALE).await.unwrap().number;
    let still = house.usage.stand_still().await;
    let mut asked = JoinSet::new();
    for _ in 0..2 {
        let (app, agent) = (house.app(), agent.clone());
        asked.spawn(async move { app.replay(&agent, number).await });
    }
    let second = asked.join_next().await.unwrap().unwrap();
    assert_eq!(refusal(second), (Kind::Busy, "ReplayRunning"));
    let (app, by) = (house.app(), operator());
    let mut operators = pin!(app.replay_period(&by, month("2026-10")));
    assert!(waits(&mut operators).await, "and it is not refused");
    drop(still);
    assert!(operators.await.unwrap().iter().all(|replay| replay.same));
    assert!(asked.join_next().await.unwrap().unwrap().unwrap().same);
    all_replay(&house, "2026-10").await;
}
