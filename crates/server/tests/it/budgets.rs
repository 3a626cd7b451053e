//! Budgets over HTTPS: set, read with what was spent, changed, removed.

use serde_json::{Value, json};

use crate::fixture::House;
use crate::world::{customer_subscription, partner, stack, usage};

const WEB: &str = "/api/v1/budgets/web";

fn of_partner(amount: &str) -> Value {
    json!({ "buyer": { "kind": "partner", "id": partner() }, "amount": { "amount": amount, "currency": "USD" } })
}

/// A stack that was registered for the whole of the day, whose usage the partner pays for.
async fn registered() -> House {
    let house = House::start().await;
    house.register().await;
    let backdate = format!("/api/v1/registrations/{}/backdate", stack());
    let since = json!({ "validFrom": "2026-11-02T00:00:00Z" });
    house.post(&backdate, &since).await.expect(200);
    house
}

/// What the partner's bill comes to before tax.
async fn subtotal(house: &House) -> String {
    let bill = "/api/v1/periods/2026-11/running/statement";
    let bill = format!("{bill}?seller=platform&buyer=partner:{}&currency=USD", partner());
    let bill = house.get(&bill).await.expect(200).body;
    bill["bill"]["subtotal"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_what_was_set_and_says_what_was_spent_of_it() {
    let house = registered().await;
    house.get(WEB).await.refused(404, "BudgetNotFound");
    house.deliver(usage("2026-11-02", &["1000"])).await.expect(200);
    let subtotal_now = subtotal(&house).await;
    assert_ne!(subtotal_now, "0.00");

    let set = house.put(WEB, &of_partner(&subtotal_now)).await.expect(201).body;
    assert_eq!(
        (&set["spent"], &set["percent"]),
        (&json!(subtotal_now), &json!("100")),
        "{set}"
    );
    assert_eq!(
        (&set["period"], &set["from"]),
        (&json!("2026-11"), &json!("2026-11"))
    );
    assert_eq!(set["thresholds"], json!([50, 80, 100]));
    assert_eq!((&set["owner"], set.get("ownerName")), (&json!("platform"), None));
    house
        .get(&format!("{WEB}?owner=partner:{}", partner()))
        .await
        .refused(404, "BudgetNotFound");
    let named = house.get(&format!("{WEB}?owner=platform")).await.expect(200);
    assert_eq!(named.body["name"], "web");
    assert_eq!(set["seller"], json!({ "kind": "platform" }));
    assert_eq!(set["buyer"]["name"], "Contoso");
    assert_eq!((&set["reached"], &set["problem"]), (&json!([]), &Value::Null));

    // Another amount; its first month stays what it was.
    let mut other = of_partner("1000000");
    other["thresholds"] = json!([150, 7]);
    other["from"] = json!("2026-08");
    house.put(WEB, &other).await.expect(200);
    other.as_object_mut().unwrap().remove("from");
    let changed = house.put(WEB, &other).await.expect(200).body;
    assert_eq!(
        (&changed["from"], &changed["thresholds"]),
        (&json!("2026-08"), &json!([7, 150]))
    );
    assert_eq!(
        changed["amount"],
        json!({ "amount": "1000000.00", "currency": "USD" })
    );

    let tagged = json!({ "subscriptionId": customer_subscription(), "tag": { "name": "env", "value": "prod" },
        "amount": { "amount": "5", "currency": "USD" } });
    let tagged = house.put("/api/v1/budgets/a-tag", &tagged).await.expect(201).body;
    assert_eq!(
        (&tagged["spent"], &tagged["percent"]),
        (&json!("0.00"), &json!("0")),
        "{tagged}"
    );
    assert_eq!(
        (&tagged["subscriptionId"], &tagged["subscriptionName"]),
        (&json!(customer_subscription()), &json!("Web"))
    );
    assert_eq!(tagged["tag"], json!({ "name": "env", "value": "prod" }));
    house
        .deliver(usage("2026-11-02", &["1000", "1000"]))
        .await
        .expect(200);
    let listed = house.get("/api/v1/budgets?top=1").await.expect(200).body;
    assert_eq!(listed["value"], json!([tagged]));
    let next = listed["nextLink"].as_str().unwrap();
    let next = &next[next.find("/api/").unwrap()..];
    let rest = house.get(next).await.expect(200).body;
    assert_eq!(rest["value"], json!([house.get(WEB).await.expect(200).body]));
    assert_eq!(rest.get("nextLink"), None);
    let all = house.get("/api/v1/budgets").await.expect(200).body;
    let names: Vec<&Value> = all["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["name"])
        .collect();
    assert_eq!(names, ["a-tag", "web"]);
    let more = subtotal(&house).await;
    assert_ne!(more, subtotal_now);
    assert_eq!(all["value"][1]["spent"], json!(more), "more was used since");

    house.delete(WEB).await.expect(204);
    house.delete(WEB).await.refused(404, "BudgetNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_budget_is_of_is_not_changed_under_its_name() {
    let house = House::start().await;
    house.open_accounts().await;
    house.put(WEB, &of_partner("10")).await.expect(201);
    let mut euro = of_partner("10");
    euro["amount"]["currency"] = json!("EUR");
    house.put(WEB, &euro).await.refused(409, "BudgetOfSomethingElse");
    let subscription = json!({ "subscriptionId": customer_subscription(),
        "amount": { "amount": "10", "currency": "USD" } });
    house
        .put(WEB, &subscription)
        .await
        .refused(409, "BudgetOfSomethingElse");
    house.delete(WEB).await.expect(204);
    house.put(WEB, &subscription).await.expect(201);
}
