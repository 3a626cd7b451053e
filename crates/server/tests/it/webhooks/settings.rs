//! What can be set, and what not.

use serde_json::{Value, json};

use super::house;
use super::receiver::{Does, Receiver};
use crate::fixture::House;
use crate::world::partner;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sets_a_webhook_reads_what_is_wrong_with_it() {
    let house = House::start().await;
    let path = "/api/v1/webhooks/ops";
    let good = "https://receiver.example/hook";
    for (target, body) in [
        ("url", json!({ "url": "http://receiver.example/" })),
        ("url", json!({ "url": "receiver" })),
        ("url", json!({ "url": "https://u:p@receiver.example/" })),
        ("url", json!({ "url": "https://receiver.example/#part" })),
        ("url", json!({ "url": "https://127.0.0.1/" })),
        ("url", json!({ "url": "https://[::ffff:10.0.0.1]/" })),
        ("url", json!({ "url": "http://localhost:8080/" })),
        ("url", json!({ "url": "https://169.254.169.254/latest" })),
        ("kinds[0]", json!({ "url": good, "kinds": ["stack.lost"] })),
        ("cloudId", json!({ "url": good, "cloudId": "north" })),
        ("partnerId", json!({ "url": good, "partnerId": "north" })),
    ] {
        let refused = house.put(path, &body).await.refused(400, "InvalidProperty");
        assert_eq!(refused.target(), target, "{body}");
    }
    let unknown = json!({ "url": good, "partnerId": partner() });
    house.put(path, &unknown).await.refused(400, "PartnerNotFound");
    let named = house
        .put("/api/v1/webhooks/Night%20shift", &json!({ "url": good }))
        .await;
    named.refused(400, "InvalidWebhookName");
    assert_eq!(
        house.get("/api/v1/webhooks").await.expect(200).body["value"],
        json!([])
    );
    for (method, path) in [
        (reqwest::Method::DELETE, "/api/v1/webhooks/none"),
        (reqwest::Method::POST, "/api/v1/webhooks/none/test"),
        (reqwest::Method::GET, "/api/v1/webhooks/none/deliveries"),
    ] {
        let answer = house.send(house.request(method, path)).await;
        answer.refused(404, "WebhookNotFound");
    }
    house.put(path, &json!({ "url": good })).await.expect(201);
    let again = "/api/v1/webhooks/ops/deliveries/14000000-0000-4000-8000-000000000001/redeliver";
    house.post(again, &json!({})).await.refused(404, "NoticeNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_set_is_listed_by_whom_and_is_gone_when_it_is_removed() {
    let house = House::start().await;
    let put =
        json!({ "url": "https://receiver.example/hook?token=x", "kinds": ["usage.unusual", "stack.behind"] });
    house.put("/api/v1/webhooks/ops", &put).await.expect(201);
    house.put("/api/v1/webhooks/ops", &put).await.expect(200);
    let listed = house.listed("ops").await;
    assert_eq!(listed["kinds"], json!(["stack.behind", "usage.unusual"]));
    assert_eq!(
        (&listed["url"], &listed["setByName"]),
        (&put["url"], &json!("tests"))
    );
    assert_eq!(
        (&listed["waiting"], &listed["failing"]),
        (&json!(0), &Value::Null)
    );
    house.delete("/api/v1/webhooks/ops").await.expect(204);
    assert_eq!(
        house.get("/api/v1/webhooks").await.expect(200).body["value"],
        json!([])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_webhook_that_is_removed_is_not_sent_to_the_next_one_of_its_name() {
    let house = house().await;
    let (old, new) = (
        Receiver::that([Does::Answers(500)]).await,
        Receiver::that([Does::Takes]).await,
    );
    house.webhook("ops", &old.url).await;
    house.try_out("ops").await;
    old.has(1).await;
    house.delete("/api/v1/webhooks/ops").await.expect(204);
    house.webhook("ops", &new.url).await;
    let id = house.try_out("ops").await;
    house.ended("ops").await;
    assert_eq!(new.heard(), [id]);
}
