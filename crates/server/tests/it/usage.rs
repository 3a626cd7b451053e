//! Usage in, statements out.

use reqwest::Method;
use serde_json::{Value, json};
use std::io::Write as _;

use crate::fixture::{House, id};
use crate::world::{
    customer_subscription, default_subscription, directory, mapping, record, registration, stack, tenant,
    usage,
};

/// Used so that usage of an earlier month is charged: the registration was made in November.
async fn backdate(house: &House) {
    let path = format!("/api/v1/registrations/{}/backdate", stack());
    house
        .post(&path, &json!({ "validFrom": "2026-10-01T00:00:00Z" }))
        .await
        .expect(200);
}

fn counts(body: &Value) -> [u64; 4] {
    ["accepted", "duplicate", "revised", "quarantined"].map(|name| body[name].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_becomes_a_statement_of_the_default_subscription_and_then_of_the_tenants_own() {
    let house = House::start().await;
    house.register().await;
    backdate(&house).await;
    let answer = house
        .deliver(usage("2026-10-01", &["2", "2.50", "0.125"]))
        .await
        .expect(200);
    assert_eq!(counts(&answer.body), [3, 0, 0, 0]);

    let path = format!("/api/v1/statements/{}?period=2026-10", default_subscription());
    let statement = house.get(&path).await.expect(200).body;
    // 4.625 vCPU hours at 0.008.
    assert_eq!(
        (&statement["total"], &statement["currency"]),
        (&json!("0.04"), &json!("USD"))
    );
    assert_eq!(statement["lines"][0]["quantity"], "4.625");
    assert_eq!(statement["lines"][0]["reason"], "localSubscriptionUnknown");
    let unmapped = house
        .get("/api/v1/usage/unmapped?period=2026-10")
        .await
        .expect(200)
        .body;
    assert_eq!(unmapped["value"][0]["records"], 3);

    let listed = house
        .put(
            &format!("/api/v1/stacks/{}/subscriptions", stack()),
            &directory(&tenant()),
        )
        .await
        .expect(200);
    assert_eq!(listed.body, json!({ "listed": 1, "added": 1, "changed": 0 }));
    let approve = format!("/api/v1/registrations/{}/approve-multi-tenancy", stack());
    house.post(&approve, &json!({})).await.expect(200);
    let map = json!({ "tenantId": tenant(), "subscriptionId": customer_subscription(), "validFrom": "2026-10-01T01:00:00Z" });
    let mapped = house
        .post(
            &format!("/api/v1/registrations/{}/tenant-mappings", stack()),
            &map,
        )
        .await
        .expect(200);
    assert_eq!(mapped.body["validFrom"], "2026-10-01T01:00:00Z");

    let all = house
        .get("/api/v1/statements?period=2026-10")
        .await
        .expect(200)
        .body;
    let quantities: Vec<(&Value, &Value)> = all["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (&it["subscriptionId"], &it["lines"][0]["quantity"]))
        .collect();
    let (own, default) = (json!(customer_subscription()), json!(default_subscription()));
    assert_eq!(quantities, [(&own, &json!("2.625")), (&default, &json!("2"))]);
    let check = house.get("/api/v1/periods/2026-10/check").await.expect(200).body;
    assert_eq!(
        (&check["holds"], &check["violations"]),
        (&json!(true), &json!([]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_sent_again_changes_nothing() {
    let house = House::start().await;
    house.register().await;
    let first = house
        .send(
            house
                .delivery(usage("2026-10-01", &["1"]))
                .await
                .header("Idempotency-Key", "k"),
        )
        .await
        .expect(200);
    let again = house
        .send(
            house
                .delivery(usage("2026-10-01", &["1"]))
                .await
                .header("Idempotency-Key", "k"),
        )
        .await
        .expect(200);
    assert_eq!(first.body, again.body);
    let other = house
        .send(
            house
                .delivery(usage("2026-10-02", &["1"]))
                .await
                .header("Idempotency-Key", "k"),
        )
        .await;
    other.refused(409, "IdempotencyKeyReused");
    let unnamed = house.deliver(usage("2026-10-01", &["1"])).await.expect(200);
    assert_eq!(counts(&unnamed.body), [0, 1, 0, 0]);
    let revised = house.deliver(usage("2026-10-01", &["3"])).await.expect(200);
    assert_eq!(counts(&revised.body), [0, 0, 1, 0]);
    let receipts = house
        .get(&format!("/api/v1/stacks/{}/receipts?top=2", stack()))
        .await
        .expect(200)
        .body;
    assert_eq!(receipts["value"].as_array().unwrap().len(), 2);
    let next = house
        .send(
            house
                .client
                .get(receipts["nextLink"].as_str().unwrap())
                .bearer_auth(&house.operator),
        )
        .await;
    assert_eq!(next.expect(200).body["value"][0]["sequence"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_record_costs_its_neighbours_nothing_and_can_be_read_in_quarantine() {
    let house = House::start().await;
    house.register().await;
    let good = record("2026-10-01T00:00:00Z", "2026-10-01T01:00:00Z", "1");
    let bad = record("2026-10-01T00:30:00Z", "2026-10-01T01:30:00Z", "1");
    let answer = house
        .deliver(format!(r#"{{"value":[{bad},{good}]}}"#))
        .await
        .expect(200);
    assert_eq!(counts(&answer.body), [1, 0, 0, 1]);
    assert_eq!(answer.body["problems"][0]["code"], "InvalidUsageTime");
    let quarantine = house
        .get(&format!("/api/v1/quarantine?cloudId={}", stack()))
        .await
        .expect(200)
        .body;
    assert_eq!(quarantine["value"][0]["raw"], bad);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_and_compressed_bodies_are_the_same_usage() {
    let house = House::start().await;
    house.register().await;
    let page = usage("2026-10-01", &["1"]);
    assert_eq!(
        counts(&house.deliver(page.clone()).await.expect(200).body),
        [1, 0, 0, 0]
    );
    let line = record("2026-10-01T00:00:00Z", "2026-10-01T01:00:00Z", "1").replace('\n', "");
    let lines = house
        .delivery(format!("{line}\n{line}\n"))
        .await
        .header("Content-Type", "application/x-ndjson");
    let mut lines = lines.build().unwrap();
    lines.headers_mut().insert(
        "Content-Type",
        "application/x-ndjson; charset=utf-8".parse().unwrap(),
    );
    let answer = crate::fixture::Answer::of(house.client.execute(lines).await.unwrap())
        .await
        .expect(200);
    assert_eq!(counts(&answer.body), [0, 2, 0, 0]);

    let zstd = zstd::encode_all(page.as_bytes(), 3).unwrap();
    let answer = house
        .send(house.delivery(zstd).await.header("Content-Encoding", "zstd"))
        .await
        .expect(200);
    assert_eq!(counts(&answer.body), [0, 1, 0, 0]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(page.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let answer = house
        .send(house.delivery(gzip).await.header("Content-Encoding", "gzip"))
        .await
        .expect(200);
    assert_eq!(counts(&answer.body), [0, 1, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_page_is_taken_in_whole_and_the_second_time_all_of_it_is_duplicate() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/real/subscriber-usage-hour.json"
    );
    let Ok(page) = std::fs::read_to_string(path) else {
        eprintln!("NOT RUN: {path} is missing, so no real usage was delivered");
        return;
    };
    let house = House::start().await;
    house.register().await;
    let first = house.deliver(page.clone()).await.expect(200);
    assert_eq!(counts(&first.body), [236, 0, 0, 0], "{}", first.body["problems"]);
    let second = house.deliver(page).await.expect(200);
    assert_eq!(counts(&second.body), [0, 236, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_reported_is_shown_with_its_window_and_page_by_page() {
    let house = House::start().await;
    house.register().await;
    let window = [
        ("reportedStart", "2026-10-01T05:00:00Z"),
        ("reportedEnd", "2026-10-01T06:00:00Z"),
        ("reportedThrough", "2026-10-01T06:00:00Z"),
    ];
    let delivery = house
        .delivery(usage("2026-10-01", &["1", "2", "3"]))
        .await
        .query(&window);
    house.send(delivery).await.expect(200);
    let stacks = house.get("/api/v1/stacks").await.expect(200).body;
    assert_eq!(stacks["value"][0]["reportedThrough"], "2026-10-01T06:00:00Z");
    assert_eq!(stacks["value"][0]["registrationId"], registration("north"));

    let mut path = format!(
        "/api/v1/stacks/{}/usage?localSubscriptionId={}&top=2",
        stack(),
        id('e', 1)
    );
    let mut quantities = Vec::new();
    loop {
        let page = house.get(&path).await.expect(200).body;
        quantities.extend(
            page["value"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["quantity"].as_str().unwrap().to_owned()),
        );
        assert_eq!(page["value"][0]["reported"], "2026-10-01T05:00:00Z");
        let Some(next) = page["nextLink"].as_str() else {
            break;
        };
        path = next.replace(house.running.url(), "/");
    }
    assert_eq!(quantities, ["1", "2", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activation_key_ends_with_its_registration() {
    let house = House::start().await;
    house.register().await;
    let delivery = house.delivery(usage("2026-10-01", &["1"])).await;
    house
        .delete(&crate::world::at(&registration("north")))
        .await
        .expect(200);
    house
        .send(delivery.try_clone().unwrap())
        .await
        .refused(401, "ActivationKeyRevoked");
    let body = crate::world::registration_body(&stack(), "PayAsYouUse");
    house
        .put(&crate::world::at(&registration("north")), &body)
        .await
        .expect(201);
    house.send(delivery).await.refused(401, "ActivationKeyRevoked");
    house.deliver(usage("2026-10-01", &["1"])).await.expect(200);
    let unmapped = house.request(Method::GET, &mapping("north", &customer_subscription()));
    house
        .send(unmapped)
        .await
        .refused(404, "CustomerSubscriptionNotFound");
}
