//! The contract of Azure Resource Manager, as its clients use it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{House, id};
use crate::world::{
    at, customer_subscription, default_subscription, directory, enterprise_subscription, mapping,
    others_subscription, registration, registration_body, stack, tenant, token,
};

const VERSIONS: [&str; 3] = ["2017-06-01", "2020-06-01-preview", "2022-06-01"];
/// In the oldest there are no tenants.
const OLDEST: &str = "2016-01-01";

async fn approve(house: &House) {
    let path = format!("/api/v1/registrations/{}/approve-multi-tenancy", stack());
    house.post(&path, &json!({})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_lives_in_every_api_version() {
    let house = House::start().await;
    house.open_accounts().await;
    for version in VERSIONS.iter().chain([&OLDEST]) {
        let name = "AzureStack-North";
        let path = format!("{}?api-version={version}", registration(name));
        let created = house
            .put(&path, &registration_body(&stack(), "PayAsYouUse"))
            .await
            .expect(201)
            .body;
        assert_eq!(created["id"], registration(name));
        assert_eq!(created["type"], "Microsoft.AzureStack/registrations");
        assert_eq!(
            created["properties"],
            json!({ "cloudId": stack(), "billingModel": "PayAsYouUse" })
        );
        let etag = created["etag"].as_str().unwrap();
        assert!(
            etag.starts_with('"') && etag.ends_with('"') && etag.len() > 2,
            "{etag}"
        );

        assert_eq!(house.get(&path).await.expect(200).body, created);
        let tagged = house
            .patch(&path, &json!({ "tags": { "room": "2" } }))
            .await
            .expect(200)
            .body;
        assert_eq!(tagged["tags"], json!({ "room": "2" }));
        assert_ne!(tagged["etag"], created["etag"]);
        // Some clients send no location.
        let again = json!({ "properties": { "registrationToken": token(&stack(), "Development") } });
        assert_eq!(
            house.put(&path, &again).await.expect(200).body["properties"]["billingModel"],
            "Development"
        );

        let group = registration("");
        for list in [
            group.trim_end_matches('/'),
            &format!(
                "/subscriptions/{}/providers/Microsoft.AzureStack/registrations",
                default_subscription()
            ),
        ] {
            let listed = house
                .get(&format!("{list}?api-version={version}"))
                .await
                .expect(200)
                .body;
            assert_eq!(listed["value"].as_array().unwrap().len(), 1, "{list}");
        }
        let key = format!("{}/GetActivationKey?api-version={version}", registration(name));
        let key = house
            .send(house.request(Method::POST, &key))
            .await
            .expect(200)
            .body;
        assert_eq!(key["activationKey"].as_str().unwrap().split('.').count(), 3);

        house.delete(&path).await.expect(200);
        house.delete(&path).await.expect(204);
        house.get(&path).await.refused(404, "ResourceNotFound");
        house
            .patch(&path, &json!({ "tags": {} }))
            .await
            .refused(404, "ResourceNotFound");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_added_and_removed_in_every_api_version() {
    let house = House::start().await;
    house.register().await;
    approve(&house).await;
    for version in VERSIONS {
        let path = format!(
            "{}/customerSubscriptions/{}?api-version={version}",
            registration("north"),
            customer_subscription().to_uppercase()
        );
        // Without a body the tenant is the subscription's own.
        let added = house
            .send(house.request(Method::PUT, &path))
            .await
            .expect(200)
            .body;
        let etag = &added["etag"];
        assert!(etag.as_str().unwrap().starts_with('"'), "{added}");
        let expected = json!({
            "etag": etag,
            "id": format!("{}/customerSubscriptions/{}", registration("north"), customer_subscription()),
            "name": format!("north/{}", customer_subscription()),
            "type": "Microsoft.AzureStack/registrations/customerSubscriptions",
            "properties": { "tenantId": tenant() },
        });
        assert_eq!(added, expected);
        assert_eq!(
            house
                .put(&path, &json!({ "properties": { "tenantId": tenant() } }))
                .await
                .expect(200)
                .body,
            expected
        );
        assert_eq!(house.get(&path).await.expect(200).body, expected);
        let list = format!(
            "{}/customerSubscriptions?api-version={version}",
            registration("north")
        );
        assert_eq!(
            house.get(&list).await.expect(200).body,
            json!({ "value": [expected] })
        );
        house.delete(&path).await.expect(200);
        house.delete(&path).await.expect(204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_query_keys_are_the_same_in_any_case() {
    let house = House::start().await;
    house.register().await;
    let s = default_subscription();
    for path in [
        format!(
            "/SUBSCRIPTIONS/{}/RESOURCEGROUPS/AZURESTACK/PROVIDERS/MICROSOFT.AZURESTACK/REGISTRATIONS/NORTH?API-VERSION=2017-06-01",
            s.to_uppercase()
        ),
        format!(
            "/subscriptions/{s}/resourcegroups/azureStack/providers/microsoft.azurestack/Registrations/North?Api-Version=2017-06-01"
        ),
        format!(
            "//subscriptions/{s}/resourceGroups/azurestack//providers/Microsoft.AzureStack/registrations/north/?api-version=2017-06-01"
        ),
    ] {
        let url = format!("{}{path}", house.running.url().trim_end_matches('/'));
        let found = house
            .send(house.client.get(url).bearer_auth(&house.operator))
            .await
            .expect(200)
            .body;
        assert_eq!(found["name"], "north", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_refusal_has_its_code_and_status() {
    let house = House::start().await;
    house.register().await;
    let csp = customer_subscription();
    let put = async |name: &str, subscription: &str| {
        house
            .put(
                &mapping(name, subscription),
                &json!({ "properties": { "tenantId": tenant() } }),
            )
            .await
    };
    put("nowhere", &csp).await.refused(404, "RegistrationNotFound");
    let refused = put("north", &csp)
        .await
        .refused(403, "UnauthorizedCspRegistration");
    assert!(!refused.header("x-meterbridge-hint").is_empty());
    let members: Vec<&String> = refused.body["error"].as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        ["code", "message"],
        "strict clients refuse members they do not know"
    );
    approve(&house).await;
    put("north", "contoso")
        .await
        .refused(400, "InvalidCustomerSubscriptionId");
    put("north", &id('d', 77))
        .await
        .refused(400, "InvalidCustomerSubscriptionId");
    put("north", &enterprise_subscription())
        .await
        .refused(400, "InvalidCSPSubscription");
    put("north", &others_subscription())
        .await
        .refused(403, "BadCustomerSubscriptionId");
    house
        .get(&mapping("north", &csp))
        .await
        .refused(404, "CustomerSubscriptionNotFound");
    put("north", &csp).await.expect(200);
    let capacity = registration_body(&stack(), "Capacity");
    let kept = house
        .put(&at(&registration("north")), &capacity)
        .await
        .expect(200);
    assert!(
        kept.header("x-meterbridge-warning")
            .starts_with("MappingsNotCharged: "),
        "{kept:?}"
    );
    put("north", &csp)
        .await
        .refused(409, "CustomerSubscriptionsNotAllowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_has_one_registration_and_the_refusal_names_it() {
    let house = House::start().await;
    house.register().await;
    let refused = house
        .put(
            &at(&registration("other")),
            &registration_body(&stack(), "PayAsYouUse"),
        )
        .await;
    let refused = refused.refused(409, "StackAlreadyRegistered");
    assert!(
        refused.body["error"]["message"]
            .as_str()
            .unwrap()
            .contains(&registration("north"))
    );
    let other_stack = house
        .put(
            &at(&registration("north")),
            &registration_body(&id('5', 2), "PayAsYouUse"),
        )
        .await;
    other_stack.refused(409, "CloudIdMismatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_deletes_a_registration_or_its_group_is_told_that_the_stack_is_charged_to_nobody() {
    let house = House::start().await;
    house.register().await;
    let north = registration("north");
    let group = north.split("/providers/").next().unwrap();
    let group = format!("{group}?api-version=2021-04-01");
    for (path, status) in [(at(&north), 200), (group, 202)] {
        let body = registration_body(&stack(), "PayAsYouUse");
        house.put(&at(&north), &body).await;
        let deleted = house.delete(&path).await.expect(status);
        assert!(
            deleted
                .header("x-meterbridge-warning")
                .starts_with("StackLeftUnregistered: "),
            "{path}: {deleted:?}"
        );
    }
    let gone = house.delete(&at(&north)).await;
    assert!(!gone.headers.contains_key("x-meterbridge-warning"), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_against_the_advice_is_followed_and_warned_of() {
    let house = House::start().await;
    house.open_accounts().await;
    let mut body = registration_body(&stack(), "PayAsYouUse");
    body["tags"] = json!({ "operatedBy": "reseller" });
    let created = house.put(&at(&registration("north")), &body).await.expect(201);
    assert!(
        created
            .header("x-meterbridge-warning")
            .starts_with("SubscriptionKindNotAdvised: ")
    );
    let advice = house
        .get("/api/v1/registration-advice?operatedBy=reseller")
        .await
        .expect(200)
        .body;
    assert_eq!(advice["subscriptionKind"], "csp");
    let path = format!("/api/v1/stacks/{}/subscriptions", stack());
    house.put(&path, &directory(&tenant())).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_changes_hands_between_customers_is_said_to_whoever_put_it() {
    let house = House::start().await;
    house.register().await;
    approve(&house).await;
    let path = mapping("north", &customer_subscription());
    let own = house.put(&path, &json!({})).await.expect(200);
    assert!(!own.headers.contains_key("x-meterbridge-warning"));
    let nobodys = json!({ "properties": { "tenantId": id('d', 77) } });
    let put = house.put(&path, &nobodys).await.expect(200);
    let warnings = put.headers.get_all("x-meterbridge-warning").iter();
    let warnings: Vec<&str> = warnings.map(|it| it.to_str().unwrap()).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings[0].starts_with("TenantLosesMapping: ") && warnings[0].contains(&tenant()),
        "{warnings:?}"
    );
    assert!(
        warnings[1].starts_with("TenantOfAnotherCustomer: "),
        "{warnings:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn resource_groups_come_and_go_with_whatever_version_a_client_knows() {
    let house = House::start().await;
    house.open_accounts().await;
    let group = |name: &str, version: &str| {
        format!(
            "/subscriptions/{}/resourcegroups/{name}?api-version={version}",
            default_subscription()
        )
    };
    let body = json!({ "location": "West Central US", "tags": { "a": "b" } });
    let created = house
        .put(&group("Rg", "2021-04-01"), &body)
        .await
        .expect(201)
        .body;
    assert_eq!(created["location"], "westcentralus");
    assert_eq!(created["properties"]["provisioningState"], "Succeeded");
    assert_eq!(
        house
            .put(&group("rg", "2016-09-01"), &body)
            .await
            .expect(200)
            .body["name"],
        "Rg"
    );
    assert_eq!(
        house.get(&group("RG", "2024-11-01")).await.expect(200).body,
        created
    );
    for (name, status) in [("rg", 204), ("none", 404)] {
        let head = house
            .request(Method::HEAD, &group(name, "2024-11-01"))
            .send()
            .await
            .unwrap();
        assert_eq!(head.status(), status, "{name}");
    }
    let first = house
        .get(&format!("{}&$top=1", group("", "2024-11-01").replace("/?", "?")))
        .await
        .expect(200)
        .body;
    assert_eq!(first["value"][0]["name"], "azurestack");
    let next = first["nextLink"]
        .as_str()
        .unwrap()
        .replace(house.running.url(), "/");
    assert_eq!(
        house.get(&next).await.expect(200).body,
        json!({ "value": [created] })
    );
    let moved = json!({ "location": "eastus" });
    house
        .put(&group("rg", "2024-11-01"), &moved)
        .await
        .refused(409, "InvalidResourceGroupLocation");
    house
        .put(&group("new", "2024-11-01"), &json!({}))
        .await
        .refused(400, "LocationRequired");
    house.delete(&group("rg", "2024-11-01")).await.expect(202);
    house
        .delete(&group("rg", "2024-11-01"))
        .await
        .refused(404, "ResourceGroupNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_has_no_member_that_the_contract_does_not_know() {
    let house = House::start().await;
    house.register().await;
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/contracts/azurestack/2022-06-01/AzureStack.json"
    );
    let known = match std::fs::read_to_string(path) {
        Ok(text) => {
            let swagger: Value = serde_json::from_str(&text).unwrap();
            let details = swagger["definitions"]["ErrorDetails"]["properties"]
                .as_object()
                .unwrap();
            details.keys().cloned().collect()
        }
        Err(_) => {
            eprintln!(
                "RUN IN PART: {path} is missing, so refusals were compared with what is known of it only"
            );
            ["code", "message", "target"].map(str::to_owned).to_vec()
        }
    };
    let group = registration("north")
        .split("/providers")
        .next()
        .unwrap()
        .to_owned();
    for answer in [
        house.get(&at(&registration("nowhere"))).await,
        house.get(&registration("north")).await,
        house.get(&format!("{group}?api-version=1999-01-01")).await,
        house.put(&at(&registration("south")), &json!({})).await,
        house.put(&mapping("north", "contoso"), &json!({})).await,
        house
            .put(&mapping("north", &customer_subscription()), &json!({}))
            .await,
        house.get("/subscriptions/x/nothing").await,
    ] {
        assert!(answer.status.is_client_error(), "{answer:?}");
        assert_eq!(answer.body.as_object().unwrap().len(), 1, "{answer:?}");
        for member in answer.body["error"].as_object().unwrap().keys() {
            assert!(known.contains(member), "{member} in {answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_the_headers_that_arms_clients_look_for() {
    let house = House::start().await;
    house.open_accounts().await;
    let correlation = id('f', 1);
    let request = house
        .request(Method::GET, &at(&registration("north")))
        .header("x-ms-client-request-id", "mine")
        .header("x-ms-return-client-request-id", "True")
        .header("x-ms-correlation-request-id", &correlation);
    let answer = house.send(request).await.refused(404, "ResourceNotFound");
    let what_to_do = answer.header("x-meterbridge-hint");
    assert!(what_to_do.contains("AzureStack-"), "{what_to_do}");
    assert_eq!(answer.header("x-ms-request-id").len(), 36);
    assert_eq!(answer.header("x-ms-correlation-request-id"), correlation);
    let routing = format!("LOCAL:20261102T103000Z:{}", answer.header("x-ms-request-id"));
    assert_eq!(answer.header("x-ms-routing-request-id"), routing);
    assert_eq!(answer.header("x-ms-client-request-id"), "mine");
    for (name, value) in [
        ("cache-control", "no-cache"),
        ("pragma", "no-cache"),
        ("expires", "-1"),
        ("x-content-type-options", "nosniff"),
        ("x-ms-failure-cause", "gateway"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert!(answer.header("strict-transport-security").starts_with("max-age="));
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_that_are_not_spoken_are_refused_in_arms_words() {
    let house = House::start().await;
    let path = registration("north");
    house.get(&path).await.refused(400, "MissingApiVersionParameter");
    house
        .get(&format!("{path}?api-version=x"))
        .await
        .refused(400, "InvalidApiVersionParameter");
    let refused = house
        .get(&format!("{path}?api-version=2015-01-01"))
        .await
        .refused(400, "NoRegisteredProviderFound");
    assert!(
        refused.body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("2022-06-01, 2020-06-01-preview, 2017-06-01, 2016-01-01")
    );
    let unknown = at(&path.replace("registrations", "edgeDevices"));
    let refused = house.get(&unknown).await.refused(404, "InvalidResourceType");
    assert!(
        refused.body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("edgeDevices/north'"),
        "what is wrong with the path is at its end: {refused:?}"
    );
    let nothing: Value = house.get("/api/v1/nothing").await.refused(404, "NotFound").body;
    assert!(
        nothing["error"]["message"]
            .as_str()
            .unwrap()
            .contains("/api/v1/nothing")
    );
}
