//! What Azure's clients ask around registrations: metadata, providers, lists, tags and etags.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{Answer, House, id};
use crate::world::{
    at, customer_subscription, default_subscription, mapping, registration, registration_body, stack, tenant,
};

const V: &str = "api-version=2024-11-01";

fn below(rest: &str) -> String {
    format!("/subscriptions/{}{rest}", default_subscription())
}

async fn post(house: &House, path: &str, body: &Value) -> Answer {
    house.post(path, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_finds_out_where_to_sign_in_in_every_version() {
    let house = House::start().await;
    let base = house.running.url().trim_end_matches('/').to_owned();
    let ask = async |version: &str| {
        let url = house.url(&format!("/Metadata/endpoints?api-version={version}"));
        house.send(house.client.get(url)).await
    };
    for version in ["2018-05-01", "2020-06-01", "2022-09-01"] {
        let told = ask(version).await.expect(200).body;
        assert_eq!(told["name"], "Meterbridge");
        assert_eq!(told["resourceManager"], base);
        let sign_in = &told["authentication"];
        assert_eq!(sign_in["loginEndpoint"], format!("{base}/adfs"));
        assert_eq!(
            sign_in["audiences"][0], base,
            "without a slash at its end, which clients add"
        );
        assert!(told["microsoftGraphResourceId"].is_string(), "{told}");
    }
    assert_eq!(ask("2019-05-01").await.expect(200).body[0]["name"], "Meterbridge");
    for version in ["1.0", "2015-01-01"] {
        let told = ask(version).await.expect(200).body;
        for member in ["galleryEndpoint", "graphEndpoint", "portalEndpoint"] {
            assert!(told[member].is_string(), "{version} {member}");
        }
        assert_eq!(told["authentication"]["loginEndpoint"], format!("{base}/adfs"));
    }
    ask("2000-01-01").await.refused(400, "InvalidApiVersionParameter");
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_and_providers_are_told_as_clients_need_them() {
    let house = House::start().await;
    house.open_accounts().await;
    let all = house
        .get(&format!("/subscriptions?{V}&$top=2"))
        .await
        .expect(200)
        .body;
    let first = &all["value"][0];
    assert_eq!(first["subscriptionId"], customer_subscription());
    assert_eq!(
        (&first["tenantId"], &first["state"], &first["managedByTenants"]),
        (&json!(tenant()), &json!("Enabled"), &json!([]))
    );
    let next = all["nextLink"]
        .as_str()
        .unwrap()
        .replace(house.running.url(), "/");
    assert_eq!(
        house.get(&next).await.expect(200).body["value"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let suspend = format!("/api/v1/subscriptions/{}/suspend", customer_subscription());
    post(&house, &suspend, &json!({})).await.expect(200);
    let one = house
        .get(&format!("/subscriptions/{}?{V}", customer_subscription()))
        .await
        .expect(200)
        .body;
    assert_eq!(one["state"], "Disabled");
    house
        .get(&format!("/subscriptions/{}?{V}", id('d', 77)))
        .await
        .refused(404, "SubscriptionNotFound");
    house
        .get(&format!("/subscriptions/contoso?{V}"))
        .await
        .refused(400, "InvalidSubscriptionId");
    house.get(&format!("/tenants?{V}")).await.expect(200);

    let provider = house
        .get(&format!("{}?{V}", below("/providers/microsoft.azurestack")))
        .await
        .expect(200)
        .body;
    let versions = |kind: &str| {
        let types = provider["resourceTypes"].as_array().unwrap();
        let found = types.iter().find(|it| it["resourceType"] == kind);
        found.unwrap_or_else(|| panic!("{kind} is missing"))["apiVersions"].clone()
    };
    // A client that names no version takes the newest that is no preview.
    assert_eq!(versions("registrations")[0], "2022-06-01");
    assert_eq!(versions("registrations/customerSubscriptions")[0], "2022-06-01");
    let listed = house
        .get(&format!("{}?{V}", below("/providers")))
        .await
        .expect(200)
        .body;
    let names: Vec<&str> = listed["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["namespace"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "Microsoft.Authorization",
            "Microsoft.AzureStack",
            "Microsoft.Commerce",
            "Microsoft.Resources"
        ]
    );
    house.get(&format!("/providers?{V}")).await.expect(200);
    house
        .get(&format!("{}?{V}", below("/providers/Microsoft.Compute")))
        .await
        .refused(404, "InvalidResourceNamespace");
    let unregister = format!("{}?{V}", below("/providers/Microsoft.AzureStack/unregister"));
    house
        .send(house.request(Method::POST, &unregister))
        .await
        .refused(409, "ProviderAlwaysRegistered");
    let operations = "/providers/Microsoft.Authorization/providerOperations/microsoft.azurestack?api-version=2022-04-01&$expand=resourceTypes";
    let operations = house.get(operations).await.expect(200).body;
    assert!(
        operations
            .to_string()
            .contains("Microsoft.AzureStack/registrations/getActivationKey/action"),
        "{operations}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_what_somebody_else_changed_meanwhile_is_refused() {
    let house = House::start().await;
    house.register().await;
    let approval = format!("/api/v1/registrations/{}/approve-multi-tenancy", stack());
    post(&house, &approval, &json!({})).await.expect(200);
    let csp = customer_subscription();
    house.put(&mapping("north", &csp), &json!({})).await.expect(200);
    for path in [at(&registration("north")), mapping("north", &csp)] {
        let with = |method: Method, etag: &str| house.request(method, &path).header("If-Match", etag);
        let etag = house.get(&path).await.expect(200).body["etag"]
            .as_str()
            .unwrap()
            .to_owned();
        for stale in [
            "\"00000001-0000-0000-0000-000000000000\"",
            "\"0e00ab2b-0000-0000-0000-5a82517f0000\"",
            "x",
        ] {
            let put = with(Method::PUT, stale).json(&json!({}));
            house.send(put).await.refused(412, "PreconditionFailed");
            house
                .send(with(Method::DELETE, stale))
                .await
                .refused(412, "PreconditionFailed");
        }
        for current in [&*etag, "*", etag.trim_matches('"'), &format!("\"x\", {etag}")] {
            house
                .send(with(Method::PUT, current).json(&json!({})))
                .await
                .expect(200);
        }
    }
    let etag = house.get(&at(&registration("north"))).await.expect(200).body["etag"]
        .as_str()
        .unwrap()
        .to_owned();
    let tags = house
        .request(Method::PATCH, &at(&registration("north")))
        .header("If-Match", &etag);
    let tagged = house
        .send(tags.json(&json!({ "tags": { "a": "b" } })))
        .await
        .expect(200);
    assert_ne!(tagged.body["etag"], etag);
    let nowhere = house
        .request(Method::PUT, &at(&registration("south")))
        .header("If-Match", "*");
    let body = registration_body(&id('5', 2), "PayAsYouUse");
    house
        .send(nowhere.json(&body))
        .await
        .refused(412, "PreconditionFailed");
    let delete = house
        .request(Method::DELETE, &mapping("north", &csp))
        .header("If-Match", "*");
    house.send(delete).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_are_listed_by_type_group_name_and_tag() {
    let house = House::start().await;
    house.register().await;
    house
        .patch(&at(&registration("north")), &json!({ "tags": { "Room": "2" } }))
        .await
        .expect(200);
    let found = async |filter: &str| {
        let path = format!(
            "{}?$filter={filter}&$expand=createdTime,provisioningState&{V}",
            below("/resources")
        );
        house.get(&path).await.expect(200).body["value"]
            .as_array()
            .unwrap()
            .clone()
    };
    for (filter, count) in [
        ("", 1),
        ("resourceGroup eq 'AzureStack'", 1),
        (
            "resourceGroup eq 'azurestack' and resourceType eq 'microsoft.azurestack/registrations'",
            1,
        ),
        ("name eq 'NORTH'", 1),
        ("tagName eq 'room' and tagValue eq '2'", 1),
        ("tagName eq 'room' and tagValue eq '3'", 0),
        ("tagName eq 'rack'", 0),
        ("resourceType eq 'Microsoft.Compute/virtualMachines'", 0),
    ] {
        assert_eq!(found(filter).await.len(), count, "{filter}");
    }
    let one = &found("").await[0];
    assert_eq!(one["location"], "global");
    assert_eq!(one["provisioningState"], "Succeeded");
    assert!(
        one["createdTime"].is_string() && one.get("changedTime").is_none(),
        "{one}"
    );
    let group = format!("{}?{V}", below("/resourceGroups/azurestack/resources"));
    assert_eq!(
        house.get(&group).await.expect(200).body["value"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let unread = format!("{}?$filter=name ne 'x'&{V}", below("/resources"));
    house
        .get(&unread)
        .await
        .refused(400, "InvalidFilterInQueryString");
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_a_resource_of_their_own_and_a_put_without_a_token_changes_nothing_else() {
    let house = House::start().await;
    house.register().await;
    let group = below("/resourceGroups/azurestack");
    for resource in [group.clone(), registration("north")] {
        let path = format!("{resource}/providers/Microsoft.Resources/tags/default?{V}");
        let merge = json!({ "operation": "Merge", "properties": { "tags": { "a": "1", "b": "2" } } });
        let tagged = house.patch(&path, &merge).await.expect(200).body;
        assert_eq!(
            tagged["id"],
            format!("{resource}/providers/Microsoft.Resources/tags/default")
        );
        let remove = json!({ "operation": "Delete", "properties": { "tags": { "A": "1" } } });
        house.patch(&path, &remove).await.expect(200);
        assert_eq!(
            house.get(&path).await.expect(200).body["properties"]["tags"],
            json!({ "b": "2" })
        );
        house
            .put(&path, &json!({ "properties": { "tags": { "c": "3" } } }))
            .await
            .expect(200);
        let other = json!({ "operation": "Add", "properties": {} });
        house
            .patch(&path, &other)
            .await
            .refused(400, "InvalidTagOperation");
        let version = if resource == group {
            format!("{resource}?{V}")
        } else {
            at(&resource)
        };
        assert_eq!(
            house.get(&version).await.expect(200).body["tags"],
            json!({ "c": "3" })
        );
        house.delete(&path).await.expect(200);
        assert_eq!(house.get(&version).await.expect(200).body.get("tags"), None);
    }
    // As the command line tags a resource: everything it was told, and no token.
    let whole = json!({
        "location": "westcentralus", "tags": { "x": "y" },
        "properties": { "cloudId": stack(), "billingModel": "Development", "objectId": null },
    });
    let kept = house
        .put(&at(&registration("north")), &whole)
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&kept["location"], &kept["properties"]["billingModel"]),
        (&json!("global"), &json!("PayAsYouUse"))
    );
    assert_eq!(kept["tags"], json!({ "x": "y" }));
    let patch = json!({ "tags": { "g": "h" } });
    let patched = house
        .patch(&format!("{group}?{V}"), &patch)
        .await
        .expect(200)
        .body;
    assert_eq!(patched["tags"], json!({ "g": "h" }));
    let nowhere = format!("{}?{V}", below("/resourceGroups/none"));
    house
        .patch(&nowhere, &patch)
        .await
        .refused(404, "ResourceGroupNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_that_headers_tell_of_is_the_one_that_holds() {
    let limits = server::Limits {
        requests_per_second_max: std::num::NonZeroU32::new(3).unwrap(),
        ..server::Limits::default()
    };
    let house = House::start_with(limits).await;
    let path = format!("/subscriptions?{V}");
    let answers = [
        house.get(&path).await,
        house.get(&path).await,
        house.get(&path).await,
    ];
    let told: Vec<&str> = answers
        .iter()
        .map(|it| it.header("x-ms-ratelimit-remaining-subscription-reads"))
        .collect();
    assert_eq!(told, ["2", "1", "0"]);
    house.get(&path).await.refused(429, "TooManyRequests");
    let written = house.request(Method::POST, &format!("/nothing?{V}"));
    assert_eq!(
        house
            .send(written)
            .await
            .header("x-ms-ratelimit-remaining-subscription-writes"),
        ""
    );
}
