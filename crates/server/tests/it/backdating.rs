//! What mapping a tenant for past hours would move and cost, asked before it is done.

use serde_json::json;

use crate::fixture::{House, id};
use crate::world::{customer_subscription, default_subscription, directory, stack, tenant, usage};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_mapping_would_move_is_shown_before_anything_is_entered() {
    let house = House::start().await;
    house.register().await;
    let of_registration = format!("/api/v1/registrations/{}", stack());
    for (what, body) in [
        ("approve-multi-tenancy", json!({})),
        ("backdate", json!({ "validFrom": "2026-10-01T00:00:00Z" })),
    ] {
        house
            .post(&format!("{of_registration}/{what}"), &body)
            .await
            .expect(200);
    }
    let listed = format!("/api/v1/stacks/{}/subscriptions", stack());
    house.put(&listed, &directory(&tenant())).await.expect(200);
    house
        .deliver(usage("2026-10-01", &["1000", "2000"]))
        .await
        .expect(200);
    let path = format!("{of_registration}/tenant-mappings");
    let mapping = json!({ "tenantId": tenant(), "subscriptionId": customer_subscription(), "validFrom": "2026-10-01T01:00:00Z" });
    let preview = house
        .post(&format!("{path}/preview"), &mapping)
        .await
        .expect(200)
        .body;
    let moved = json!([{
        "period": "2026-10", "records": 1,
        "fromSubscriptionId": default_subscription(), "fromSubscriptionName": preview["moved"][0]["fromSubscriptionName"],
        "toSubscriptionId": customer_subscription(), "toSubscriptionName": "Web",
        "used": [{ "localMeterId": preview["moved"][0]["used"][0]["localMeterId"], "localMeterName": "Base VM Size Hours",
            "unit": preview["moved"][0]["used"][0]["unit"], "quantity": "2000" }],
    }]);
    assert_eq!(preview["moved"], moved);
    assert_eq!(preview["withheld"], json!(false));
    // 3000 vCPU hours at 0.008 before; the platform sells all of them still, and the partner sells 2000 to its customer.
    let shown: Vec<_> = preview["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            json!([
                it["period"],
                it["settled"],
                it["seller"]["kind"],
                it["buyer"]["name"],
                it["before"],
                it["after"],
                it["difference"]
            ])
        })
        .collect();
    assert_eq!(
        json!(shown),
        json!([
            [
                "2026-10",
                "runningBill",
                "platform",
                "Contoso",
                "24.00",
                "24.00",
                "0.00"
            ],
            [
                "2026-10",
                "runningBill",
                "partner",
                "Web",
                "0.00",
                "16.00",
                "16.00"
            ],
        ])
    );
    let history = house.get(&path).await.expect(200).body;
    assert_eq!(history["value"], json!([]), "a preview enters nothing");
    house.post(&path, &mapping).await.expect(200);
    let again = house.post(&format!("{path}/preview"), &mapping).await.expect(200);
    assert_eq!(
        again.body,
        json!({ "moved": [], "differences": [], "withheld": false })
    );
    let warning = again.header("x-meterbridge-warning");
    assert!(warning.starts_with("MappingUnchanged: "), "{warning}");
    let unknown = format!("/api/v1/registrations/{}/tenant-mappings/preview", id('5', 9));
    house
        .post(&unknown, &mapping)
        .await
        .refused(404, "RegistrationNotFound");
}
