//! From usage that reaches a budget's threshold to a receiver that is told: by the server itself, while nobody asks.

use std::sync::Arc;

use app::App;
use domain::budget::{BudgetAsked, BudgetOf, Tag, Thresholds};
use domain::money::{Currency, Money};
use serde_json::{Value, json};
use server::ServerConfig;
use store::Store;
use tokio::sync::mpsc::unbounded_channel;

use super::receiver::{Came, Does, Receiver, eventually_so};
use super::standing::Standing;
use super::watching::{data, watchful};
use super::{house_in, operator};
use crate::fixture::{DataDirectory, House, TestClock, TestRandom};
use crate::world::{default_subscription, partner, record, stack};

const BUDGET: &str = "/api/v1/budgets/contoso";

async fn uses(house: &House, hour: u32, quantity: &str) {
    let (start, end) = (
        format!("2026-11-02T{hour:02}:00:00Z"),
        format!("2026-11-02T{:02}:00:00Z", hour + 1),
    );
    let page = format!(r#"{{"value":[{}]}}"#, record(&start, &end, quantity));
    house.deliver(page).await.expect(200);
}

/// The thresholds that came, each with the id of its notice.
fn thresholds(came: &[Came]) -> Vec<(String, String)> {
    let shown = came.iter().map(|it| {
        assert_eq!(it.kind(), "budget.reached");
        (data(it)["threshold"].as_str().unwrap().to_owned(), it.id.clone())
    });
    shown.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_would_be_told_of_a_threshold_twice_or_of_the_budget_by_which_it_is_watched() {
    let house = house_in(DataDirectory::new(), watchful()).await;
    let (receiver, watched) = (
        Receiver::that([Does::Takes]).await,
        Receiver::that([Does::Takes]).await,
    );
    house.register().await;
    let set = json!({ "url": &receiver.url, "kinds": ["budget.reached"] });
    house.put("/api/v1/webhooks/budgets", &set).await.expect(201);
    let set = json!({ "url": &watched.url, "kinds": ["budget.reached"], "partnerId": partner() });
    house.put("/api/v1/webhooks/watched", &set).await.expect(201);
    let backdate = format!("/api/v1/registrations/{}/backdate", stack());
    let since = json!({ "validFrom": "2026-11-02T00:00:00Z" });
    house.post(&backdate, &since).await.expect(200);

    // What 1,000 hours of it cost is what the budget is.
    uses(&house, 5, "1000").await;
    let bill = "/api/v1/periods/2026-11/running/statement";
    let bill = format!("{bill}?seller=platform&buyer=partner:{}&currency=USD", partner());
    let bill = house.get(&bill).await.expect(200).body;
    let amount = bill["bill"]["subtotal"].as_str().unwrap().to_owned();
    let budget = json!({ "buyer": { "kind": "partner", "id": partner() }, "thresholds": [100, 50, 150],
        "amount": { "amount": amount, "currency": "USD" } });
    house.put(BUDGET, &budget).await.expect(201);

    let came = receiver.has(2).await;
    came[0].verify(&house.public_key().await);
    let first: Vec<String> = thresholds(&came).into_iter().map(|(it, _)| it).collect();
    assert_eq!(first, ["50", "100"]);
    let told = data(&came[1]);
    assert_eq!(
        (
            &told["budget"],
            &told["owner"],
            &told["period"],
            &told["spent"],
            &told["amount"],
            &told["currency"]
        ),
        (
            &json!("contoso"),
            &json!("platform"),
            &json!("2026-11"),
            &json!(amount),
            &json!(amount),
            &json!("USD")
        )
    );
    assert_eq!(
        (&told["seller"], &told["buyer"]),
        (&json!("platform"), &json!(format!("partner:{}", partner())))
    );
    let text = told["text"].as_str().unwrap();
    assert!(text.starts_with("Budget contoso: Contoso ("), "{text}");

    uses(&house, 6, "1000").await;
    receiver.has(3).await;
    let ended = house.ended("budgets").await;
    assert_eq!(ended.len(), 3, "each threshold once: {ended:?}");
    let mut heard = thresholds(&receiver.came());
    heard.dedup();
    let shown: Vec<&str> = heard.iter().map(|(it, _)| it.as_str()).collect();
    assert_eq!(shown, ["50", "100", "150"]);
    let shown = eventually_so(async || {
        let shown = house.get(BUDGET).await.expect(200).body;
        (shown["reached"].as_array()?.len() == 3).then_some(shown)
    })
    .await;
    let reached: Vec<&Value> = shown["reached"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["threshold"])
        .collect();
    assert_eq!(reached, [50, 100, 150]);

    // Whoever looks after a change of the amount tells nothing again.
    let mut less = budget.clone();
    less["amount"]["amount"] = json!("0.01");
    less["thresholds"] = json!([50, 100, 150, 1_000]);
    house.put(BUDGET, &less).await.expect(200);
    receiver.has(4).await;
    let ended = house.ended("budgets").await;
    assert_eq!(ended.len(), 4, "{ended:?}");
    assert_eq!(
        watched.came().len(),
        0,
        "who spends is not told by what it is watched"
    );
    assert_eq!(house.deliveries("watched").await, [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_falls_behind_would_wait_for_budgets_that_take_long_to_reckon() {
    let (asked, mut looks) = unbounded_channel();
    let directory = DataDirectory::new();
    let store = store::open(&directory.store()).unwrap();
    let ledger = Standing {
        ledger: Arc::clone(&store.usage),
        asked,
    };
    let store = Store {
        usage: Arc::new(ledger),
        ..store
    };
    let clock = TestClock::at("2026-11-02T10:30:00Z");
    let meters = wire::catalog::meters().unwrap();
    let app = App::open(store, meters, clock.clone(), Arc::new(TestRandom)).await;
    let house = House::start_as(directory, clock, app.unwrap(), |config| ServerConfig {
        webhooks: watchful(),
        ..config
    })
    .await;
    house.register().await;
    // Nobody will ever know what was spent of it.
    let budget = BudgetAsked {
        owner: None,
        name: "web".parse().unwrap(),
        of: BudgetOf::Subscription(default_subscription().parse().unwrap()),
        tag: Some(Tag {
            name: "env".to_owned(),
            value: "prod".to_owned(),
        }),
        amount: Money::from_minor_units(100, Currency::USD),
        thresholds: Thresholds::new(&[100]).unwrap(),
        from: None,
    };
    let app = house.app.clone();
    let setting = tokio::spawn(async move { app.set_budget(&operator(), budget).await.map(drop) });
    // Whoever set it looks, and then whoever looks after budgets.
    for _ in 0..2 {
        looks.recv().await.unwrap();
    }
    setting.abort();
    let receiver = Receiver::that([Does::Takes]).await;
    let only = json!({ "url": receiver.url, "kinds": ["stack.behind"] });
    house.put("/api/v1/webhooks/night", &only).await.expect(201);
    let backdate = format!("/api/v1/registrations/{}/backdate", stack());
    let since = json!({ "validFrom": "2026-11-02T00:00:00Z" });
    house.post(&backdate, &since).await.expect(200);
    assert_eq!(receiver.has(1).await[0].kind(), "stack.behind");
    // And it stops, although the look has not come to its end.
    house.running.shutdown().await.unwrap();
}
