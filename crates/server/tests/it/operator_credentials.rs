//! Operators' credentials: several, with names, each revoked by itself.

use reqwest::Method;
use serde_json::json;

use crate::fixture::{Answer, House, id};

const PATH: &str = "/api/v1/operator-credentials";

impl House {
    async fn as_operator(&self, credential: &str) -> Answer {
        let request = self.client.get(self.url(PATH)).bearer_auth(credential);
        self.send(request).await
    }

    async fn make_credential(&self, name: &str) -> (String, String) {
        let request = self.request(Method::POST, PATH).json(&json!({ "name": name }));
        let made = self.send(request).await.expect(201);
        assert_eq!(made.header("cache-control"), "no-store");
        let member = |name: &str| made.body[name].as_str().unwrap().to_owned();
        (member("id"), member("text"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_leaked_is_revoked_without_taking_everybody_elses_away() {
    let house = House::start().await;
    let (night_id, night) = house.make_credential("Night shift").await;
    let (_, metrics) = house.make_credential("Metrics").await;
    let listed = house.as_operator(&night).await.expect(200);
    let names: Vec<_> = listed.body["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["name"])
        .collect();
    assert_eq!(names.len(), 3, "{listed:?}");
    for name in ["tests", "Night shift", "Metrics"] {
        assert!(names.contains(&&json!(name)), "{name} in {names:?}");
    }
    let of = |name: &str| {
        let all = listed.body["value"].as_array().unwrap();
        all.iter().find(|it| it["name"] == name).unwrap().clone()
    };
    assert_eq!(of("Night shift")["lastUsed"], "2026-11-02T10:30:00Z");
    assert_eq!(of("Metrics").get("lastUsed"), None, "it was never used");
    let shown = listed.body.to_string();
    assert!(!shown.contains("mbo_") && !shown.contains("igest"), "{shown}");

    let revoke = async |id: &str| {
        let request = house.request(Method::DELETE, &format!("{PATH}/{id}"));
        house.send(request).await
    };
    revoke(&night_id).await.expect(204);
    house
        .as_operator(&night)
        .await
        .refused(401, "AuthenticationFailed");
    house.as_operator(&metrics).await.expect(200);
    house.as_operator(&house.operator).await.expect(200);
    revoke(&night_id).await.refused(404, "OperatorCredentialNotFound");
    revoke(&id('e', 1))
        .await
        .refused(404, "OperatorCredentialNotFound");
    revoke("night").await.refused(400, "InvalidOperatorId");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_did_stays_theirs_after_their_credential_was_revoked() {
    let house = House::start().await;
    let (id, text) = house.make_credential("Night shift").await;
    let request = house.client.post(house.url(PATH)).bearer_auth(&text);
    house
        .send(request.json(&json!({ "name": "Mine" })))
        .await
        .expect(201);
    house
        .send(house.request(Method::DELETE, &format!("{PATH}/{id}")))
        .await
        .expect(204);
    let operator = house
        .app
        .operator_credentials(&crate::identity::operator())
        .await
        .unwrap();
    assert!(operator.iter().all(|it| it.id.to_string() != id));
    let named = house
        .app
        .name_of(&crate::identity::operator(), id.parse().unwrap());
    assert_eq!(named.as_deref(), Some("Night shift"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_made_a_credential_that_nobody_knows_of_can_be_found_out() {
    let house = House::start().await;
    let (night_id, night) = house.make_credential("Night shift").await;
    let request = house.client.post(house.url(PATH)).bearer_auth(&night);
    let made = house.send(request.json(&json!({ "name": "Backdoor" }))).await;
    made.expect(201);
    let revoked = house.request(Method::DELETE, &format!("{PATH}/{night_id}"));
    house.send(revoked).await.expect(204);
    let listed = house.as_operator(&house.operator).await.expect(200);
    let of = |name: &str| {
        let all = listed.body["value"].as_array().unwrap();
        all.iter().find(|it| it["name"] == name).unwrap().clone()
    };
    assert_eq!(of("Backdoor")["createdBy"], night_id);
    assert_eq!(of("Backdoor")["createdByName"], "Night shift");
    let first = of("tests");
    assert_eq!(
        (first.get("createdBy"), first.get("createdByName")),
        (None, None),
        "it was made at the machine"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_not_endless_credentials_that_open_everything() {
    let house = House::start().await;
    for number in 1..app::operators::OPERATOR_CREDENTIALS_MAX {
        house.make_credential(&number.to_string()).await;
    }
    let request = || house.request(Method::POST, PATH).json(&json!({ "name": "more" }));
    house
        .send(request())
        .await
        .refused(409, "TooManyOperatorCredentials");
    let (status, name) = (400, json!({ "name": " " }));
    let nameless = house.request(Method::POST, PATH).json(&name);
    house.send(nameless).await.expect(status);
}
