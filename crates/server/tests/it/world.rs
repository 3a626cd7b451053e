//! Partners, customers, subscriptions and stacks to test with.

use base64::Engine as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{Answer, House, id};

pub(crate) const API_VERSION: &str = "2022-06-01";

/// Ids that the tests agree on.
pub(crate) fn partner() -> String {
    id('a', 1)
}
pub(crate) fn other_partner() -> String {
    id('a', 2)
}
pub(crate) fn customer() -> String {
    id('b', 1)
}
pub(crate) fn tenant() -> String {
    id('c', 1)
}
pub(crate) fn customer_subscription() -> String {
    id('d', 1)
}
pub(crate) fn others_subscription() -> String {
    id('d', 2)
}
pub(crate) fn enterprise_subscription() -> String {
    id('d', 3)
}
pub(crate) fn default_subscription() -> String {
    id('d', 9)
}
pub(crate) fn stack() -> String {
    id('5', 1)
}

/// What a stack says of itself.
pub(crate) fn token(cloud_id: &str, billing_model: &str) -> String {
    let claims = json!({
        "billingModel": billing_model, "cloudId": cloud_id, "agreementNumber": "4711",
        "regionNames": ["north"], "issuer": "tests", "version": "1.0",
    });
    base64::engine::general_purpose::STANDARD.encode(claims.to_string())
}

pub(crate) fn registration_body(cloud_id: &str, billing_model: &str) -> Value {
    json!({ "location": "global", "properties": { "registrationToken": token(cloud_id, billing_model) } })
}

/// The path of a registration in the default subscription.
pub(crate) fn registration(name: &str) -> String {
    let subscription = default_subscription();
    format!(
        "/subscriptions/{subscription}/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/{name}"
    )
}

pub(crate) fn at(path: &str) -> String {
    format!("{path}?api-version={API_VERSION}")
}

pub(crate) fn mapping(name: &str, subscription: &str) -> String {
    at(&format!(
        "{}/customerSubscriptions/{subscription}",
        registration(name)
    ))
}

impl House {
    /// A direct partner with a customer, its CSP subscription, and a shared services subscription with a resource
    /// group; another partner with a customer and a CSP subscription; an Enterprise Agreement subscription.
    pub(crate) async fn open_accounts(&self) {
        for (partner, name) in [(partner(), "Contoso"), (other_partner(), "Fabrikam")] {
            let body = json!({ "id": partner, "name": name, "kind": "directBill" });
            self.post("/api/v1/partners", &body).await.expect(201);
        }
        for (customer, partner, tenant) in [
            (customer(), partner(), tenant()),
            (id('b', 2), other_partner(), id('c', 2)),
        ] {
            let body =
                json!({ "id": customer, "partnerId": partner, "name": "Customer", "tenantIds": [tenant] });
            self.post("/api/v1/customers", &body).await.expect(201);
        }
        for body in [
            json!({ "id": customer_subscription(), "name": "Web", "kind": "csp", "tenantId": tenant(),
                "ownerPartnerId": partner(), "customerId": customer() }),
            json!({ "id": others_subscription(), "name": "Web", "kind": "csp", "tenantId": id('c', 2),
                "ownerPartnerId": other_partner(), "customerId": id('b', 2) }),
            json!({ "id": enterprise_subscription(), "name": "Own", "kind": "enterpriseAgreement", "tenantId": id('c', 3) }),
            json!({ "id": default_subscription(), "name": "Shared", "kind": "partnerSharedServices",
                "tenantId": id('c', 9), "ownerPartnerId": partner() }),
        ] {
            self.post("/api/v1/subscriptions", &body).await.expect(201);
        }
        let group = format!(
            "/subscriptions/{}/resourceGroups/azurestack?api-version=2024-11-01",
            default_subscription()
        );
        self.put(&group, &json!({ "location": "westcentralus" }))
            .await
            .expect(201);
    }

    /// The same, and a stack that is registered as `north`.
    pub(crate) async fn register(&self) {
        self.open_accounts().await;
        let body = registration_body(&stack(), "PayAsYouUse");
        self.put(&at(&registration("north")), &body).await.expect(201);
    }

    /// The activation key of a registration.
    pub(crate) async fn activation_key(&self, name: &str) -> String {
        let path = at(&format!("{}/getActivationKey", registration(name)));
        let answer = self.send(self.request(Method::POST, &path)).await.expect(200);
        answer.body["activationKey"].as_str().unwrap().to_owned()
    }

    /// A delivery of the stack, as a request that can still be changed.
    pub(crate) async fn delivery(&self, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
        let key = self.activation_key("north").await;
        self.client
            .post(self.url(&format!("/api/v1/stacks/{}/usage", stack())))
            .bearer_auth(key)
            .header("Content-Type", "application/json")
            .body(body)
    }

    pub(crate) async fn deliver(&self, body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.delivery(body).await).await
    }
}

/// A page of usage: one record for each quantity, of one VM in the hours from midnight on of a day.
pub(crate) fn usage(day: &str, quantities: &[&str]) -> String {
    let records: Vec<String> = quantities
        .iter()
        .enumerate()
        .map(|(hour, quantity)| {
            record(
                &format!("{day}T{hour:02}:00:00Z"),
                &format!("{day}T{:02}:00:00Z", hour + 1),
                quantity,
            )
        })
        .collect();
    format!(r#"{{"value":[{}]}}"#, records.join(","))
}

/// One record of the base VM size meter.
pub(crate) fn record(start: &str, end: &str, quantity: &str) -> String {
    let local_subscription = id('e', 1);
    let instance = json!({ "Microsoft.Resources": {
        "resourceUri": format!("/subscriptions/{local_subscription}/resourceGroups/web/providers/Microsoft.Compute/virtualMachines/vm1"),
        "location": "north", "tags": "null", "additionalInfo": "{}",
    }});
    format!(
        r#"{{"id":"x","name":"x","type":"Microsoft.Commerce/UsageAggregate","properties":{{
            "subscriptionId":"{local_subscription}","usageStartTime":"{start}","usageEndTime":"{end}",
            "instanceData":{},"quantity":{quantity},"meterId":"fab6eb84-500b-4a09-a8ca-7358f8bbaea5"}}}}"#,
        Value::String(instance.to_string())
    )
}

/// A stack's directory that lists the local subscription of [`record`] under a tenant.
pub(crate) fn directory(tenant: &str) -> Value {
    json!({ "value": [{ "subscriptionId": id('e', 1), "displayName": "web", "owner": "o@x", "tenantId": tenant, "state": "Enabled" }] })
}
