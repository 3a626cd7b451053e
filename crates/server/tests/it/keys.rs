//! Activation keys, revoked while their registration lives on.

use reqwest::Method;
use serde_json::json;

use crate::fixture::House;
use crate::world::{stack, usage};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_leaked_is_refused_once_it_is_revoked_and_the_next_one_delivers() {
    let house = House::start().await;
    house.register().await;
    let leaked = house.activation_key("north").await;
    assert_eq!(
        house.activation_key("north").await,
        leaked,
        "asked for again it is the same"
    );
    let deliver = async |key: &str| {
        let path = format!("/api/v1/stacks/{}/usage", stack());
        let request = house.client.post(house.url(&path)).bearer_auth(key);
        let request = request.header("Content-Type", "application/json");
        house.send(request.body(usage("2026-10-01", &["1"]))).await
    };
    deliver(&leaked).await.expect(200);

    let revoke = format!("/api/v1/registrations/{}/revoke-activation-keys", stack());
    let revoked = house.send(house.request(Method::POST, &revoke)).await.expect(200);
    assert_eq!(
        revoked.body,
        json!({ "cloudId": stack(), "registrationName": "north", "revokedAt": "2026-11-02T10:30:00Z" })
    );
    let refused = deliver(&leaked).await.refused(401, "ActivationKeyRevoked");
    assert!(
        refused.body.to_string().contains("getActivationKey"),
        "{refused:?}"
    );
    let directory = house
        .client
        .put(house.url(&format!("/api/v1/stacks/{}/subscriptions", stack())))
        .bearer_auth(&leaked)
        .json(&json!({ "value": [] }));
    house.send(directory).await.refused(401, "ActivationKeyRevoked");
    let next = house.activation_key("north").await;
    assert_ne!(next, leaked);
    deliver(&next).await.expect(200);
}
