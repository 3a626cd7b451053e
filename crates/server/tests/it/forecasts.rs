//! What months come to at their end, and what they would with other prices, over HTTPS.

use serde_json::{Value, json};

use crate::fixture::House;
use crate::periods::{OCTOBER, closed, october};
use crate::world::customer_subscription;

/// The running month is November: the stack was heard of in October alone.
const NOVEMBER: &str = "/api/v1/periods/2026-11";

#[tokio::test(flavor = "multi_thread")]
async fn a_month_with_too_few_days_is_shown_so_far_and_never_guessed() {
    let house = House::start().await;
    october(&house).await;
    let forecast = house.get(&format!("{OCTOBER}/forecast")).await.expect(200).body;
    assert_eq!(forecast["method"], "dailyMean", "{forecast:#}");
    assert_eq!(forecast["daysNeeded"], 3);
    let accounts = forecast["accounts"].as_array().unwrap();
    assert!(!accounts.is_empty());
    for it in accounts {
        assert!(it["soFar"].is_string(), "{it:#}");
        assert_eq!(it["projected"], Value::Null, "{it:#}");
        assert_eq!(it["stacks"][0]["isEnough"], false, "{it:#}");
        assert_eq!(it["stacks"][0]["daysCounted"], 0, "{it:#}");
    }
    closed(&house).await;
    house
        .get(&format!("{OCTOBER}/forecast"))
        .await
        .refused(409, "PeriodClosed");
    // Who used the stack in October is known, and what becomes of it in November is not.
    let november = house.get(&format!("{NOVEMBER}/forecast")).await.expect(200).body;
    let accounts = november["accounts"].as_array().unwrap();
    assert!(!accounts.is_empty(), "{november:#}");
    assert!(
        accounts.iter().all(|it| it["projected"].is_null()),
        "{november:#}"
    );
    house
        .get("/api/v1/periods/2026-12/forecast")
        .await
        .refused(400, "PeriodNotBegun");
    house
        .get("/api/v1/periods/soon/forecast")
        .await
        .refused(400, "InvalidPeriod");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_of_next_year_says_to_the_cent_what_october_would_have_cost() {
    let house = House::start().await;
    october(&house).await;
    let lists = house.get("/api/v1/price-lists").await.expect(200).body;
    let list = &lists["value"][0];
    let name = list["name"].as_str().unwrap();
    let draft =
        json!({ "currency": list["currency"], "effectiveFrom": "2027-01-01T00:00:00Z", "prices": [] });
    let path = format!("/api/v1/price-list-drafts/{name}");
    house.put(&path, &draft).await.expect(201);
    let asked = format!("{OCTOBER}/what-if?draft={name}");
    let compared = house.get(&asked).await.expect(200).body;
    assert_eq!(compared["isMoved"], true, "{compared:#}");
    assert_eq!(compared["supposedFrom"], "2026-10-01T00:00:00Z");
    assert_eq!(compared["draft"]["effectiveFrom"], "2027-01-01T00:00:00Z");
    // A draft without prices gives everything away.
    let total = &compared["totals"][0];
    assert_eq!(total["after"], "0.00", "{compared:#}");
    assert_eq!(
        total["difference"],
        format!("-{}", total["before"].as_str().unwrap())
    );
    let accounts = compared["accounts"].as_array().unwrap();
    let is_customer = |it: &&Value| it["buyer"]["id"] == customer_subscription();
    let customer = accounts.iter().find(is_customer).unwrap();
    assert_eq!(customer["parts"][0]["kind"], "usage");
    assert_eq!(customer["parts"][0]["difference"], customer["difference"]);
    assert_eq!(
        house.get(&asked).await.expect(200).body,
        compared,
        "asking changes nothing"
    );

    let what_if = format!("{OCTOBER}/what-if");
    house.get(&what_if).await.refused(400, "InvalidQuery");
    house
        .get(&format!("{what_if}?draft=nobody"))
        .await
        .refused(404, "PriceListDraftNotFound");
    house
        .get(&format!("/api/v1/periods/2026-12/what-if?draft={name}"))
        .await
        .refused(400, "PeriodNotBegun");
    house
        .get(&format!("{asked}&period=2026-10"))
        .await
        .refused(400, "UnknownQueryParameter");
}
