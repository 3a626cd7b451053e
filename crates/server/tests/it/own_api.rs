//! Our own API: accounts, prices, and what everybody may see.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{House, id};
use crate::world::{
    customer, customer_subscription, default_subscription, partner, registration, stack, tenant,
};

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_created_once_and_found_again() {
    let house = House::start().await;
    house.open_accounts().await;
    let body = json!({ "id": partner(), "name": "Contoso", "kind": "directBill" });
    assert_eq!(house.post("/api/v1/partners", &body).await.expect(200).body, body);
    let other = json!({ "id": partner(), "name": "Other", "kind": "directBill" });
    house
        .post("/api/v1/partners", &other)
        .await
        .refused(409, "AlreadyExists");
    let reseller = json!({ "name": "Reseller", "kind": "indirectReseller", "provider": partner() });
    let refused = house
        .post("/api/v1/partners", &reseller)
        .await
        .refused(400, "NotAnIndirectProvider");
    assert_eq!(refused.target(), "provider");

    for (path, name) in [
        (format!("/api/v1/partners/{}", partner()), "Contoso"),
        (format!("/api/v1/customers/{}", customer()), "Customer"),
        (
            format!("/api/v1/subscriptions/{}", customer_subscription()),
            "Web",
        ),
    ] {
        assert_eq!(house.get(&path).await.expect(200).body["name"], name, "{path}");
    }
    for (path, code) in [
        ("partners", "PartnerNotFound"),
        ("customers", "CustomerNotFound"),
        ("subscriptions", "SubscriptionNotFound"),
    ] {
        house
            .get(&format!("/api/v1/{path}/{}", id('0', 0)))
            .await
            .refused(404, code);
        let mut seen = Vec::new();
        let mut next = format!("/api/v1/{path}?top=1");
        loop {
            let page = house.get(&next).await.expect(200).body;
            seen.extend(
                page["value"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|it| it["id"].as_str().unwrap().to_owned()),
            );
            let Some(link) = page["nextLink"].as_str() else {
                break;
            };
            next = link.replace(house.running.url(), "/");
        }
        assert!(seen.is_sorted() && seen.len() >= 2, "{path}: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_subscription_takes_on_nothing_new() {
    let house = House::start().await;
    house.open_accounts().await;
    let path = |act: &str| format!("/api/v1/subscriptions/{}/{act}", default_subscription());
    let suspended = house
        .send(house.request(Method::POST, &path("suspend")))
        .await
        .expect(200);
    assert_eq!(suspended.body["state"], "suspended");
    let body = crate::world::registration_body(&stack(), "PayAsYouUse");
    let at = crate::world::at(&registration("north"));
    house.put(&at, &body).await.refused(409, "SubscriptionSuspended");
    house
        .send(house.request(Method::POST, &path("activate")))
        .await
        .expect(200);
    house.put(&at, &body).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_lock_keeps_even_operators_from_suspending_a_subscription() {
    let house = House::start().await;
    house.open_accounts().await;
    let id = default_subscription();
    let set = |act: &str| {
        let path = format!("/api/v1/subscriptions/{id}/{act}");
        house.send(house.request(Method::POST, &path))
    };
    let locks = format!("/subscriptions/{id}/providers/Microsoft.Authorization/locks");
    let lock = |name: &str| format!("{locks}/{name}?api-version=2020-05-01");
    let level = |level: &str| json!({ "properties": { "level": level } });
    house.put(&lock("kept"), &level("CanNotDelete")).await.expect(201);
    set("suspend").await.expect(200);
    house.put(&lock("still"), &level("ReadOnly")).await.expect(201);
    set("activate").await.refused(409, "ScopeLocked");
    // It is so already: nothing would change.
    set("suspend").await.expect(200);
    house.delete(&lock("still")).await.expect(200);
    set("activate").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_list_is_published_in_versions() {
    let house = House::start().await;
    house.open_accounts().await;
    let meters = house.get("/api/v1/meters").await.expect(200).body;
    let charged = meters["value"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["billing"].is_object())
        .unwrap();
    let meter = &charged["billing"]["billingMeterId"];
    let version = json!({ "currency": "EUR", "seller": partner(), "effectiveFrom": "2026-10-01T00:00:00Z",
        "prices": [{ "meterId": meter, "rates": { "0": "0.05", "100": "0.04" }, "includedQuantity": "10",
            "source": "published" }] });
    let published = house
        .put("/api/v1/price-lists/contoso-eur", &version)
        .await
        .expect(201);
    let warning = published.header("x-meterbridge-warning");
    assert!(
        warning.starts_with("MetersWithoutPrice: ") && warning.contains("Blob capacity"),
        "{warning}"
    );
    let published = published.body;
    assert_eq!(published["versions"][0]["prices"], version["prices"]);
    assert_eq!(published["versions"][0]["status"], "current");
    house
        .put("/api/v1/price-lists/contoso-eur", &version)
        .await
        .expect(200);
    assert_eq!(
        house
            .get("/api/v1/price-lists/contoso-eur")
            .await
            .expect(200)
            .body,
        published
    );
    assert_eq!(
        house.get("/api/v1/price-lists").await.expect(200).body["value"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    house
        .get("/api/v1/price-lists/none")
        .await
        .refused(404, "PriceListNotFound");

    let mut other = version.clone();
    other["prices"] = json!([]);
    other["effectiveFrom"] = json!("2099-01-01T00:00:00Z");
    let empty = house
        .put("/api/v1/price-lists/contoso-eur", &other)
        .await
        .expect(201);
    assert!(
        empty
            .header("x-meterbridge-warning")
            .starts_with("PriceListEmpty: ")
    );
    let versions = &empty.body["versions"];
    assert_eq!(
        (&versions[0]["effectiveTo"], &versions[1]["status"]),
        (&json!("2099-01-01T00:00:00Z"), &json!("scheduled"))
    );

    other = version.clone();
    other["currency"] = json!("USD");
    house
        .put("/api/v1/price-lists/contoso-eur", &other)
        .await
        .refused(409, "PriceListDiffers");
    other = version.clone();
    other["prices"][0]["meterId"] = json!(id('1', 1));
    house
        .put("/api/v1/price-lists/contoso-eur", &other)
        .await
        .refused(400, "UnknownBillingMeter");
    house
        .put("/api/v1/price-lists/second", &version)
        .await
        .refused(409, "PriceListScopeTaken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_has_a_history() {
    let house = House::start().await;
    house.register().await;
    house
        .post(
            &format!("/api/v1/registrations/{}/approve-multi-tenancy", stack()),
            &json!({}),
        )
        .await
        .expect(200);
    let path = format!("/api/v1/registrations/{}/tenant-mappings", stack());
    house
        .put(
            &crate::world::mapping("north", &customer_subscription()),
            &json!({}),
        )
        .await
        .expect(200);
    let removal = json!({ "tenantId": tenant(), "subscriptionId": null, "validFrom": "2026-11-02T10:00:00Z", "validTo": "2026-11-02T12:00:00Z" });
    let recorded = house.post(&path, &removal).await.expect(200).body;
    let history = house.get(&path).await.expect(200).body;
    let versions = history["value"].as_array().unwrap();
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[0]["subscriptionId"], json!(customer_subscription()));
    assert_eq!(versions[1], recorded);
    assert_eq!(recorded["validTo"], "2026-11-02T12:00:00Z");
    let unknown = format!("/api/v1/registrations/{}/tenant-mappings", id('5', 9));
    house.get(&unknown).await.refused(404, "RegistrationNotFound");
    house
        .post(&unknown, &removal)
        .await
        .refused(404, "RegistrationNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_the_document_are_for_everybody_and_the_counters_are_not() {
    let house = House::start().await;
    house.register().await;
    house
        .deliver(crate::world::usage("2026-10-01", &["1", "2"]))
        .await
        .expect(200);
    let get = async |path: &str| house.send(house.client.get(house.url(path))).await;
    assert_eq!(get("/healthz").await.expect(200).body, "ok\n");
    assert_eq!(get("/readyz").await.expect(200).body, "ready\n");
    let document = get("/api/v1/openapi.json").await.expect(200).body;
    assert_eq!(document["openapi"].as_str().unwrap().split('.').next(), Some("3"));
    let operations = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values());
    for operation in operations {
        assert!(operation["responses"]["default"].is_object(), "{operation}");
        assert!(operation["summary"].is_string(), "{operation}");
    }
    assert_eq!(
        document["servers"][0]["url"],
        house.running.url().trim_end_matches('/')
    );
    let schema_of = |method: &str, path: &str| {
        let body = &document["paths"][path][method]["requestBody"]["content"]["application/json"];
        let name = body["schema"]["$ref"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap();
        document["components"]["schemas"][name]["properties"].clone()
    };
    let page = schema_of("post", "/api/v1/stacks/{cloudId}/usage");
    assert!(page["value"]["items"]["$ref"].is_string(), "{page}");
    let quantity = &document["components"]["schemas"]["UsageProperties"]["properties"]["quantity"];
    assert_eq!(quantity["type"], "number");
    let directory = schema_of("put", "/api/v1/stacks/{cloudId}/subscriptions");
    assert!(directory["value"]["items"]["$ref"].is_string(), "{directory}");
    let busy = &document["paths"]["/api/v1/periods/{period}/check"]["get"]["responses"]["503"];
    assert!(
        busy["description"].as_str().unwrap().contains("CheckRunning"),
        "{busy}"
    );
    get("/metrics").await.refused(401, "AuthenticationFailed");
    let text = house.get("/metrics").await.expect(200).body;
    let text = text.as_str().unwrap();
    for line in [
        r#"meterbridge_usage_records_total{outcome="accepted"} 2"#,
        "meterbridge_usage_batches_total 1",
        r#"meterbridge_http_requests_total{route="/api/v1/stacks/{cloudId}/usage",method="POST",status="2xx"} 1"#,
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_of_http_are_spoken() {
    let house = House::start().await;
    let (one, two) = (
        crate::fixture::client(&house.running).http1_only(),
        crate::fixture::client(&house.running),
    );
    for (builder, version) in [(one, reqwest::Version::HTTP_11), (two, reqwest::Version::HTTP_2)] {
        let answer = builder
            .build()
            .unwrap()
            .get(house.url("/healthz"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.version(), version);
    }
    let _: Value = house.get("/api/v1/stacks").await.expect(200).body;
}
