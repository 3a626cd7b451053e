//! What somebody finds in lists: what is theirs, and nothing of anybody else.

use reqwest::Method;
use serde_json::{Value, json};

use crate::access_world::{CALLERS, OTHER, PROVIDER, RESELLER, World};
use crate::fixture::id;
use crate::world::{stack, token, usage};

/// What a list shows to somebody: of each item, one member.
async fn listed(world: &World, caller: &str, path: &str, member: &str) -> Vec<String> {
    let page = world.get(caller, path).await.expect(200).body;
    let items = page["value"].as_array().unwrap().iter();
    items
        .map(|item| {
            item.pointer(member)
                .and_then(Value::as_str)
                .unwrap_or("none")
                .to_owned()
        })
        .collect()
}

fn ids(kind: char, numbers: &[u32]) -> Vec<String> {
    numbers.iter().map(|number| id(kind, *number)).collect()
}

/// What the callers see that see anything of it: everybody else sees an empty list.
async fn only(world: &World, path: &str, member: &str, seen: &[(&str, Vec<String>)]) {
    for caller in CALLERS.iter().skip(3) {
        let expected = seen.iter().find(|(who, _)| who == caller);
        let expected = expected.map(|(_, seen)| seen.clone()).unwrap_or_default();
        assert_eq!(
            listed(world, caller, path, member).await,
            expected,
            "{path} as {caller}"
        );
    }
}

const AT_THE_SUBSCRIPTION: [&str; 4] = ["Owner", "Contributor", "Reader", "User Access Administrator"];

#[tokio::test(flavor = "multi_thread")]
async fn lists_show_what_is_the_callers_own_and_nothing_of_others() {
    let world = World::build().await;
    let (reseller, other) = ([RESELLER], [OTHER]);
    only(
        &world,
        "/api/v1/partners",
        "/id",
        &[
            ("platform operator", ids('a', &[RESELLER, OTHER, PROVIDER])),
            ("own agent", ids('a', &reseller)),
            ("other agent", ids('a', &other)),
            ("provider's agent", ids('a', &[RESELLER, PROVIDER])),
        ],
    )
    .await;
    only(
        &world,
        "/api/v1/customers",
        "/id",
        &[
            ("platform operator", ids('b', &[RESELLER, OTHER])),
            ("own agent", ids('b', &reseller)),
            ("other agent", ids('b', &other)),
            ("provider's agent", ids('b', &reseller)),
            ("customer's user", ids('b', &reseller)),
            ("other customer's user", ids('b', &other)),
        ],
    )
    .await;
    let mut seen = vec![
        ("platform operator", ids('d', &[1, 2, 9])),
        ("own agent", ids('d', &[1, 9])),
        ("other agent", ids('d', &[2])),
        ("provider's agent", ids('d', &[1, 9])),
        ("customer's user", ids('d', &[1, 9])),
        ("other customer's user", ids('d', &[2])),
        ("Registration Owner", ids('d', &[9])),
    ];
    seen.extend(AT_THE_SUBSCRIPTION.map(|who| (who, ids('d', &[9]))));
    only(&world, "/api/v1/subscriptions", "/id", &seen).await;
    let mut seen: Vec<(&str, Vec<String>)> = [
        "platform operator",
        "own agent",
        "provider's agent",
        "customer's user",
    ]
    .map(|who| (who, vec![stack()]))
    .into();
    seen.extend(AT_THE_SUBSCRIPTION.map(|who| (who, vec![stack()])));
    seen.push(("Registration Owner", vec![stack()]));
    only(&world, "/api/v1/stacks", "/cloudId", &seen).await;
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let all = listed(&world, "operator credential", "/api/v1/price-lists", "/name").await;
    let platforms = all
        .iter()
        .find(|name| !name.starts_with("list-"))
        .unwrap()
        .as_str();
    only(
        &world,
        "/api/v1/price-lists",
        "/name",
        &[
            ("platform operator", names(&["list-1", "list-2", platforms])),
            ("own agent", names(&["list-1", platforms])),
            ("other agent", names(&["list-2", platforms])),
            ("provider's agent", names(&[platforms])),
        ],
    )
    .await;
    let directories = |names: &[&str]| {
        names
            .iter()
            .map(|name| format!("{name}.example"))
            .collect::<Vec<_>>()
    };
    let mut all = listed(&world, "platform operator", "/api/v1/directories", "/domain").await;
    all.sort_unstable();
    assert_eq!(all, directories(&["platform", "reseller"]));
    let seen = listed(&world, "own agent", "/api/v1/directories", "/domain").await;
    assert_eq!(seen, directories(&["reseller"]));
    for caller in [
        "provider's agent",
        "other agent",
        "customer's user",
        "Owner",
        "no role",
    ] {
        let seen = listed(&world, caller, "/api/v1/directories", "/domain").await;
        assert_eq!(seen, directories(&[]), "{caller}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_told_of_their_own_roles_and_agents_of_those_that_they_give() {
    let world = World::build().await;
    let roles = async |caller| {
        let mut roles = listed(&world, caller, "/api/v1/partner-roles", "/role").await;
        roles.sort_unstable();
        roles
    };
    assert_eq!(roles("platform operator").await.len(), 6);
    assert_eq!(roles("own agent").await, ["adminAgent", "customerUser"]);
    assert_eq!(roles("provider's agent").await, ["adminAgent"]);
    assert_eq!(roles("customer's user").await, ["customerUser"]);
    assert_eq!(roles("Owner").await, <[String; 0]>::default());

    let me = world.get("own agent", "/api/v1/me").await.expect(200).body;
    assert_eq!(
        (&me["kind"], &me["name"]),
        (&json!("servicePrincipal"), &json!("own agent"))
    );
    assert_eq!(me["id"], json!(world.programs["own agent"].object));
    assert_eq!(me["directoryDomain"], "platform.example");
    let expected =
        json!({ "role": "adminAgent", "partnerId": id('a', RESELLER), "partnerName": "Partner 1" });
    assert_eq!(me["partnerRoles"], json!([expected]));
    let me = world.get("Reader", "/api/v1/me").await.expect(200).body;
    assert_eq!(me["roleAssignments"][0]["roleName"], "Reader");
    assert_eq!(
        me["roleAssignments"][0]["scope"],
        format!("/subscriptions/{}", id('d', 9))
    );
    let me = world
        .get("operator credential", "/api/v1/me")
        .await
        .expect(200)
        .body;
    assert_eq!((&me["kind"], &me["name"]), (&json!("operator"), &json!("tests")));
}

const PERIOD: &str = "period=2026-11";

#[tokio::test(flavor = "multi_thread")]
async fn usage_and_charges_are_read_by_who_pays_and_who_sells() {
    let world = World::build().await;
    let path = format!("/api/v1/stacks/{}/usage", stack());
    let request = world
        .house
        .client
        .post(world.house.url(&path))
        .bearer_auth(world.token("stack key").unwrap());
    let request = request
        .header("Content-Type", "application/json")
        .body(usage("2026-11-02", &["1"]));
    assert_eq!(
        world.house.send(request).await.expect(200).body["unregistered"],
        1
    );
    let delivered = world
        .house
        .get(&format!("/api/v1/stacks/{}/receipts", stack()))
        .await
        .expect(200)
        .body;
    assert_eq!(delivered["value"].as_array().unwrap().len(), 1);
    let unmapped = format!("/api/v1/usage/unmapped?{PERIOD}");

    // Usage from before the registration is nobody's: operators alone see it, until the registration is backdated.
    only(
        &world,
        &unmapped,
        "/reason",
        &[("platform operator", vec!["unregistered".to_owned()])],
    )
    .await;
    let backdate = format!("/api/v1/registrations/{}/backdate", stack());
    let from = json!({ "validFrom": "2026-10-01T00:00:00Z" });
    for caller in ["own agent", "provider's agent", "Owner"] {
        let claimed = world.send(caller, Method::POST, &backdate, Some(&from)).await;
        claimed.refused(403, "AuthorizationFailed");
    }
    let backdated = world
        .send("platform operator", Method::POST, &backdate, Some(&from))
        .await
        .expect(200);
    assert_eq!(backdated.body["validFrom"], from["validFrom"]);

    let mut payers: Vec<&str> = vec![
        "platform operator",
        "own agent",
        "provider's agent",
        "customer's user",
    ];
    payers.extend(AT_THE_SUBSCRIPTION);
    let each = |what: String| {
        payers
            .iter()
            .map(|who| (*who, vec![what.clone()]))
            .collect::<Vec<_>>()
    };
    only(&world, &unmapped, "/chargedTo", &each(id('d', 9))).await;
    // The reseller's charges are none of its provider's business.
    let mut bills = each(id('d', 9));
    bills.retain(|(who, _)| *who != "provider's agent");
    let statements = format!("/api/v1/statements?{PERIOD}");
    only(&world, &statements, "/subscriptionId", &bills).await;
    let local = world.house.get(&unmapped).await.expect(200).body["value"][0]["localSubscriptionId"].clone();
    let records = format!("{path}?localSubscriptionId={}", local.as_str().unwrap());
    for caller in CALLERS.iter().skip(3) {
        let answer = world.get(caller, &records).await;
        if payers.contains(caller) {
            assert_eq!(
                answer.expect(200).body["value"].as_array().unwrap().len(),
                1,
                "{caller}"
            );
        } else {
            answer.refused(404, "LocalSubscriptionNotFound");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_named_in_a_body_is_found_by_those_alone_who_see_it() {
    let world = World::build().await;
    let post =
        async |path: &str, body: Value| world.send("other agent", Method::POST, path, Some(&body)).await;
    let own = json!({ "name": "New", "kind": "csp", "tenantId": id('c', RESELLER), "ownerPartnerId": id('a', OTHER),
        "customerId": id('b', RESELLER) });
    let refused = post("/api/v1/subscriptions", own)
        .await
        .refused(400, "CustomerNotFound");
    assert!(
        !refused.body.to_string().contains(&id('a', RESELLER)),
        "who sells to it is told: {refused:?}"
    );
    let nobodys = json!({ "name": "New", "kind": "payAsYouGo", "tenantId": id('c', 77) });
    post("/api/v1/subscriptions", nobodys)
        .await
        .refused(403, "AuthorizationFailed");
    let list = json!({ "currency": "EUR", "seller": id('a', OTHER), "buyer": id('d', 9),
        "effectiveFrom": "2026-11-01T00:00:00Z", "prices": [] });
    let put = async |name: &str, body: &Value| {
        world
            .send(
                "other agent",
                Method::PUT,
                &format!("/api/v1/price-lists/{name}"),
                Some(body),
            )
            .await
    };
    put("for-one", &list).await.refused(400, "SubscriptionNotFound");
    let platforms = json!({ "currency": "EUR", "effectiveFrom": "2026-11-01T00:00:00Z", "prices": [] });
    put("mine-now", &platforms)
        .await
        .refused(403, "AuthorizationFailed");
    let sent = json!({ "location": "global", "properties": { "registrationToken": token(&stack(), "PayAsYouUse") } });
    let registration = crate::world::at(&crate::world::registration("north"));
    let refused = world
        .send("other agent", Method::PUT, &registration, Some(&sent))
        .await;
    refused.refused(404, "SubscriptionNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_suspended_cannot_undo_it() {
    let world = World::build().await;
    let path = |act: &str| format!("/api/v1/subscriptions/{}/{act}", id('d', 9));
    world
        .send("own agent", Method::POST, &path("suspend"), None)
        .await
        .expect(200);
    for caller in ["Owner", "Contributor", "customer's user"] {
        let refused = world.send(caller, Method::POST, &path("activate"), None).await;
        refused.refused(403, "AuthorizationFailed");
    }
    let shown = world.get("Owner", &path("")).await;
    assert_eq!(shown.status, 404, "a slash at the end is another path");
    let shown = world
        .get("Owner", path("").trim_end_matches('/'))
        .await
        .expect(200);
    assert_eq!(shown.body["state"], "suspended");
    world
        .send("provider's agent", Method::POST, &path("activate"), None)
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_a_subscription_does_not_make_what_it_uses_free() {
    let world = World::build().await;
    let registration = crate::world::at(&crate::world::registration("north"));
    let sent = json!({ "properties": { "registrationToken": token(&stack(), "Development") } });
    let put = async |caller, method: Method| world.send(caller, method, &registration, Some(&sent)).await;
    for caller in ["Owner", "Contributor"] {
        for method in [Method::PUT, Method::PATCH] {
            let refused = put(caller, method)
                .await
                .refused(403, "BillingModelChangeNotApproved");
            assert!(refused.body.to_string().contains("admin agents"), "{refused:?}");
        }
    }
    world
        .send("Owner", Method::DELETE, &registration, None)
        .await
        .expect(200);
    put("Owner", Method::PUT)
        .await
        .refused(403, "BillingModelChangeNotApproved");
    for caller in ["provider's agent", "own agent"] {
        let answer = put(caller, Method::PUT).await;
        assert!(answer.status.is_success(), "{caller}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_with_a_stack_of_its_own_cannot_have_its_usage_charged_to_another_customer() {
    let world = World::build().await;
    let customer = json!({ "id": id('b', 3), "partnerId": id('a', RESELLER), "name": "Neighbour", "tenantIds": [id('c', 3)] });
    world.house.post("/api/v1/customers", &customer).await.expect(201);
    let subscription = json!({ "id": id('d', 3), "name": "Neighbour", "kind": "csp", "tenantId": id('c', 3),
        "ownerPartnerId": id('a', RESELLER), "customerId": id('b', 3) });
    world
        .house
        .post("/api/v1/subscriptions", &subscription)
        .await
        .expect(201);
    let neighbour = crate::world::mapping("north", &id('d', 3));
    let unknown = crate::world::mapping("north", &id('d', 99));
    let put = async |caller, path: &str| world.send(caller, Method::PUT, path, Some(&json!({}))).await;
    for caller in ["Owner", "Contributor"] {
        let hidden = put(caller, &neighbour)
            .await
            .refused(400, "InvalidCustomerSubscriptionId");
        let missing = put(caller, &unknown)
            .await
            .refused(400, "InvalidCustomerSubscriptionId");
        assert_eq!(
            hidden.body.to_string().replace(&id('d', 3), &id('d', 99)),
            missing.body.to_string()
        );
        assert_eq!(
            hidden.header("x-meterbridge-hint"),
            missing.header("x-meterbridge-hint")
        );
        let history = format!("/api/v1/registrations/{}/tenant-mappings", stack());
        let map = json!({ "tenantId": id('c', RESELLER), "subscriptionId": id('d', 3), "validFrom": "2026-10-01T00:00:00Z" });
        let mapped = world.send(caller, Method::POST, &history, Some(&map)).await;
        mapped.refused(400, "InvalidCustomerSubscriptionId");
    }
    put("own agent", &neighbour).await.expect(200);
}
