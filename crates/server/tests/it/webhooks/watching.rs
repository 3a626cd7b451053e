//! From a stack that says nothing to a receiver that is told: by the server itself, while nobody asks.

use std::time::Duration;

use serde_json::{Value, json};
use server::{Pace, WebhooksConfig};

use super::receiver::{Came, Does, Receiver};
use super::{house_in, quick};
use crate::fixture::DataDirectory;
use crate::world::{record, stack};

/// As quick, and looks at the stacks again and again.
pub(super) fn watchful() -> WebhooksConfig {
    WebhooksConfig {
        pace: Pace {
            watch: Duration::from_millis(50),
            ..quick().pace
        },
        ..quick()
    }
}

pub(super) fn data(came: &Came) -> Value {
    let body: Value = serde_json::from_str(&came.body).unwrap();
    body["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_says_nothing_for_a_night_would_be_found_by_its_bill() {
    let house = house_in(DataDirectory::new(), watchful()).await;
    let receiver = Receiver::that([Does::Takes]).await;
    let only = json!({ "url": receiver.url, "kinds": ["stack.behind", "stack.reappeared"] });
    house.put("/api/v1/webhooks/night", &only).await.expect(201);
    house.register().await;
    let backdate = format!("/api/v1/registrations/{}/backdate", stack());
    let since = json!({ "validFrom": "2026-11-02T00:00:00Z" });
    house.post(&backdate, &since).await.expect(200);

    let came = receiver.has(1).await;
    assert_eq!(came[0].kind(), "stack.behind");
    came[0].verify(&house.public_key().await);
    let began = data(&came[0]);
    assert_eq!(
        (&began["cloudId"], &began["finding"], &began["since"]),
        (
            &json!(stack()),
            &json!("FellBehind"),
            &json!("2026-11-02T00:00:00Z")
        )
    );

    let page = record("2026-11-02T08:00:00Z", "2026-11-02T09:00:00Z", "1");
    let delivery = house.delivery(format!(r#"{{"value":[{page}]}}"#)).await;
    let through = [("reportedThrough", "2026-11-02T10:00:00Z")];
    house.send(delivery.query(&through)).await.expect(200);
    let came = receiver.has_heard(2).await;
    assert_eq!(came[1].kind(), "stack.reappeared");
    came[1].verify(&house.public_key().await);
    assert_eq!(data(&came[1])["began"], came[0].id);
    assert_eq!(house.ended("night").await.len(), 2);
}
