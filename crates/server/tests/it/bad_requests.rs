//! Whatever is wrong in a request is refused with a stable code that names it.

mod bills;
mod budgets;

use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{House, id};
use crate::world::{at, default_subscription, partner, registration, stack, tenant, token};

/// One wrong request: method, path, body, and what it is refused with.
struct Wrong {
    method: Method,
    path: String,
    body: Option<Value>,
    refused: (u16, &'static str, &'static str),
}

fn get(path: impl Into<String>, refused: (u16, &'static str, &'static str)) -> Wrong {
    Wrong {
        method: Method::GET,
        path: path.into(),
        body: None,
        refused,
    }
}

fn post(path: impl Into<String>, body: Value, refused: (u16, &'static str, &'static str)) -> Wrong {
    Wrong {
        method: Method::POST,
        path: path.into(),
        body: Some(body),
        refused,
    }
}

fn put(path: impl Into<String>, body: Value, refused: (u16, &'static str, &'static str)) -> Wrong {
    Wrong {
        method: Method::PUT,
        path: path.into(),
        body: Some(body),
        refused,
    }
}

fn accounts() -> Vec<Wrong> {
    let new = |change: &[(&str, Value)]| {
        let mut body = json!({ "name": "Contoso", "kind": "directBill" });
        change
            .iter()
            .for_each(|(member, value)| body[member] = value.clone());
        body
    };
    vec![
        post(
            "/api/v1/partners",
            new(&[("id", json!("x"))]),
            (400, "InvalidProperty", "id"),
        ),
        post(
            "/api/v1/partners",
            new(&[("name", json!(" "))]),
            (400, "InvalidProperty", "name"),
        ),
        post(
            "/api/v1/partners",
            new(&[("name", json!(1))]),
            (400, "InvalidRequestContent", "name"),
        ),
        post(
            "/api/v1/partners",
            new(&[("kind", json!("friend"))]),
            (400, "InvalidRequestContent", "kind"),
        ),
        post(
            "/api/v1/partners",
            new(&[("nmae", json!("x"))]),
            (400, "InvalidRequestContent", "nmae"),
        ),
        post(
            "/api/v1/partners",
            new(&[("provider", json!(partner()))]),
            (400, "InvalidProperty", "provider"),
        ),
        post("/api/v1/partners", json!({}), (400, "InvalidRequestContent", "")),
        post("/api/v1/partners", json!([]), (400, "InvalidRequestContent", "")),
        post(
            "/api/v1/customers",
            json!({ "partnerId": partner(), "name": "C", "tenantIds": ["x"] }),
            (400, "InvalidProperty", "tenantIds[0]"),
        ),
        post(
            "/api/v1/customers",
            json!({ "partnerId": partner(), "name": "C", "tenantIds": [] }),
            (400, "CustomerTenantMissing", "tenantIds"),
        ),
        post(
            "/api/v1/customers",
            json!({ "partnerId": id('a', 99), "name": "C", "tenantIds": [id('c', 50)] }),
            (400, "PartnerNotFound", "partnerId"),
        ),
        get("/api/v1/partners/x", (400, "InvalidPartnerId", "partnerId")),
        get("/api/v1/customers/x", (400, "InvalidCustomerId", "customerId")),
        get("/api/v1/subscriptions/%FF", (400, "InvalidPath", "")),
        get("/api/v1/partners?top=0", (400, "InvalidTop", "top")),
        get("/api/v1/partners?top=many", (400, "InvalidTop", "top")),
        get(
            "/api/v1/partners?skipToken=%21",
            (400, "InvalidSkipToken", "skipToken"),
        ),
        get("/api/v1/partners?tpo=1", (400, "UnknownQueryParameter", "tpo")),
        get(
            "/api/v1/partners?top=1&TOP=2",
            (400, "DuplicateQueryParameter", "top"),
        ),
        post(
            "/api/v1/partners?dryRun=true",
            new(&[]),
            (400, "UnknownQueryParameter", "dryRun"),
        ),
    ]
}

fn stacks() -> Vec<Wrong> {
    let (stack_path, registration_path) = (
        format!("/api/v1/stacks/{}", stack()),
        format!("/api/v1/registrations/{}", stack()),
    );
    let map = |change: &[(&str, Value)]| {
        let mut body =
            json!({ "tenantId": tenant(), "subscriptionId": null, "validFrom": "2026-10-01T00:00:00Z" });
        change
            .iter()
            .for_each(|(member, value)| body[member] = value.clone());
        body
    };
    vec![
        get(
            "/api/v1/registration-advice",
            (400, "InvalidStackOperator", "operatedBy"),
        ),
        get(
            "/api/v1/registration-advice?operatedBy=nobody",
            (400, "InvalidStackOperator", "operatedBy"),
        ),
        get("/api/v1/quarantine?cloudId=x", (400, "InvalidCloudId", "cloudId")),
        get(
            "/api/v1/quarantine?state=x",
            (400, "InvalidQuarantineState", "state"),
        ),
        get(
            "/api/v1/quarantine?code=x",
            (400, "InvalidQuarantineCode", "code"),
        ),
        get("/api/v1/quarantine?batchId=x", (400, "InvalidBatchId", "batchId")),
        get(
            "/api/v1/quarantine?position=x",
            (400, "InvalidPosition", "position"),
        ),
        get(
            format!("/api/v1/quarantine?containing={}", "x".repeat(201)),
            (400, "InvalidSearchText", "containing"),
        ),
        post(
            "/api/v1/quarantine/release",
            json!({ "records": {}, "reason": "x" }),
            (400, "InvalidProperty", "records"),
        ),
        post(
            "/api/v1/quarantine/purge",
            json!({ "records": { "positions": [1] }, "reason": " " }),
            (400, "InvalidProperty", "reason"),
        ),
        post(
            "/api/v1/quarantine/purge",
            json!({ "records": { "filter": { "code": "x" } }, "reason": "x" }),
            (400, "InvalidProperty", "records.filter.code"),
        ),
        get("/api/v1/stacks/x/receipts", (400, "InvalidCloudId", "cloudId")),
        get(
            format!("{stack_path}/usage"),
            (400, "InvalidLocalSubscriptionId", "localSubscriptionId"),
        ),
        get(
            format!("{stack_path}/usage?localSubscriptionId={}&from=x", id('e', 1)),
            (400, "InvalidTime", "from"),
        ),
        get(
            format!(
                "{stack_path}/usage?localSubscriptionId={0}&from=2026-10-02T00:00:00Z&to=2026-10-01T00:00:00Z",
                id('e', 1)
            ),
            (400, "InvalidTime", "to"),
        ),
        put(
            format!("{stack_path}/subscriptions"),
            json!({ "value": [{ "subscriptionId": "x", "tenantId": tenant() }] }),
            (400, "InvalidProperty", "value[0].subscriptionId"),
        ),
        put(
            format!("{stack_path}/subscriptions"),
            json!({ "value": [{ "subscriptionId": id('e', 1), "tenantId": tenant(), "owner": "o".repeat(257) }] }),
            (400, "InvalidProperty", "value[0].owner"),
        ),
        put(
            format!("{stack_path}/subscriptions"),
            json!({ "value": 1 }),
            (400, "InvalidRequestContent", "value"),
        ),
        put(
            "/api/v1/stacks/x/subscriptions",
            json!({ "value": [] }),
            (400, "InvalidCloudId", "cloudId"),
        ),
        post(
            format!("{registration_path}/backdate"),
            json!({ "validFrom": "soon" }),
            (400, "InvalidProperty", "validFrom"),
        ),
        post(
            format!("{registration_path}/backdate"),
            json!({ "validFrom": "2026-12-01T00:00:00Z" }),
            (400, "InvalidValidFrom", "validFrom"),
        ),
        post(
            format!("{registration_path}/tenant-mappings"),
            map(&[("tenantId", json!("x"))]),
            (400, "InvalidProperty", "tenantId"),
        ),
        post(
            format!("{registration_path}/tenant-mappings"),
            map(&[("validTo", json!("2026-09-01T00:00:00Z"))]),
            (400, "InvalidProperty", "validTo"),
        ),
        post(
            format!("{registration_path}/tenant-mappings/preview"),
            map(&[("subscriptionId", json!("x"))]),
            (400, "InvalidProperty", "subscriptionId"),
        ),
        post(
            format!("{registration_path}/tenant-mappings/preview?dryRun=true"),
            map(&[]),
            (400, "UnknownQueryParameter", "dryRun"),
        ),
        post(
            format!("/api/v1/registrations/{}/approve-multi-tenancy", id('5', 9)),
            json!({}),
            (404, "RegistrationNotFound", "cloudId"),
        ),
        post(
            format!("/api/v1/registrations/{}/revoke-activation-keys", id('5', 9)),
            json!({}),
            (404, "RegistrationNotFound", "cloudId"),
        ),
        post(
            "/api/v1/registrations/x/revoke-activation-keys",
            json!({}),
            (400, "InvalidCloudId", "cloudId"),
        ),
    ]
}

fn arm() -> Vec<Wrong> {
    const TOKEN: &str = "properties.registrationToken";
    let north = at(&registration("new"));
    let with_token =
        |token: &str| json!({ "location": "global", "properties": { "registrationToken": token } });
    vec![
        put(
            &north,
            json!({ "location": "global" }),
            (400, "RegistrationTokenRequired", TOKEN),
        ),
        put(&north, with_token("!"), (400, "InvalidRegistrationToken", TOKEN)),
        put(
            &north,
            with_token("bm90IGpzb24="),
            (400, "InvalidRegistrationToken", TOKEN),
        ),
        put(
            &north,
            with_token(&token("x", "PayAsYouUse")),
            (400, "InvalidRegistrationToken", TOKEN),
        ),
        put(
            &north,
            with_token(&token(&id('5', 3), "Free")),
            (400, "InvalidRegistrationToken", TOKEN),
        ),
        put(
            &north,
            json!({ "tags": { "operatedBy": "nobody" }, "properties": {} }),
            (400, "InvalidStackOperator", "tags.operatedBy"),
        ),
        put(
            &north,
            json!({ "tags": { "": "x" } }),
            (400, "InvalidTags", "tags"),
        ),
        put(
            &north,
            json!({ "location": "glo\u{7}bal", "properties": {} }),
            (400, "InvalidLocation", "location"),
        ),
        put(
            format!(
                "/subscriptions/{}/resourceGroups/long?api-version=2024-11-01",
                default_subscription()
            ),
            json!({ "location": "x".repeat(200_000) }),
            (400, "InvalidLocation", "location"),
        ),
        put(
            &north,
            json!({ "tags": 1 }),
            (400, "InvalidRequestContent", "tags"),
        ),
        put(
            north.replace(&default_subscription(), "x"),
            with_token(""),
            (400, "InvalidSubscriptionId", "subscriptionId"),
        ),
        put(
            north.replace(&default_subscription(), &id('d', 99)),
            with_token(&token(&id('5', 3), "PayAsYouUse")),
            (404, "SubscriptionNotFound", "subscriptionId"),
        ),
        put(
            north.replace("azurestack/", "none/"),
            with_token(&token(&id('5', 3), "PayAsYouUse")),
            (404, "ResourceGroupNotFound", ""),
        ),
        put(
            north.replace("azurestack/", "bad%20name/"),
            with_token(""),
            (400, "InvalidResourceGroupName", "resourceGroupName"),
        ),
        put(
            north.replace("/new", "/ends."),
            with_token(""),
            (400, "InvalidRegistrationName", "registrationName"),
        ),
        put(
            at(&format!(
                "{}/customerSubscriptions/{}",
                registration("north"),
                id('d', 1)
            )),
            json!({ "properties": { "tenantId": "x" } }),
            (400, "InvalidTenantId", "properties.tenantId"),
        ),
        get(
            format!("{}&$skipToken=%21", at(registration("").trim_end_matches('/'))),
            (400, "InvalidSkipToken", "$skipToken"),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_request_is_refused_by_name() {
    let house = House::start().await;
    house.register().await;
    let of_bills = [
        bills::statements(),
        bills::periods(),
        bills::terms(),
        bills::drafts(),
        budgets::budgets(),
    ];
    let all = [accounts(), stacks(), arm()].into_iter().chain(of_bills);
    for wrong in all.flatten() {
        let mut request = house.request(wrong.method.clone(), &wrong.path);
        if let Some(body) = &wrong.body {
            request = request.json(body);
        }
        let answer = house.send(request).await;
        let given = (answer.status.as_u16(), answer.code(), answer.target());
        assert_eq!(
            given, wrong.refused,
            "{} {} {:?}: {answer:?}",
            wrong.method, wrong.path, wrong.body
        );
    }
}
