//! Who may come in where: every route of the table is tried.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use reqwest::Method;
use serde_json::Value;
use server::{Limits, Needs, RouteLine, route_table};

use crate::fixture::{Answer, House, id};
use crate::world::{at, registration, registration_body, stack};

/// The path of a route with something in the place of every parameter.
pub(crate) fn filled(path: &str) -> String {
    let values = [
        ("{cloudId}", stack()),
        ("{period}", "2026-10".to_owned()),
        ("{name}", "list".to_owned()),
        ("{resourceGroupName}", "azurestack".to_owned()),
        ("{registrationName}", "north".to_owned()),
        ("{customerSubscriptionName}", id('d', 1)),
        ("{subscriptionId}", id('d', 9)),
        ("{partnerId}", id('a', 1)),
        ("{customerId}", id('b', 1)),
        ("{authority}", "adfs".to_owned()),
        ("{resourceProviderNamespace}", "Microsoft.AzureStack".to_owned()),
        ("{operationId}", id('f', 2)),
        ("{productName}", "product".to_owned()),
        ("{linkedSubscriptionName}", "linked".to_owned()),
        ("{verificationVersion}", "latest".to_owned()),
        ("{roleDefinitionId}", id('f', 3)),
        ("{roleAssignmentId}", id('f', 4)),
        ("{lockName}", "lock".to_owned()),
        ("{directoryId}", id('e', 1)),
        ("{userId}", id('e', 2)),
        ("{applicationId}", id('e', 3)),
        ("{credentialId}", id('e', 4)),
        ("{operatorId}", id('e', 8)),
        ("{groupId}", id('e', 5)),
        ("{memberId}", id('e', 6)),
        ("{principalId}", id('e', 7)),
        ("{directoryId}", id('c', 1)),
        ("{userId}", id('f', 5)),
        ("{applicationId}", id('f', 6)),
        ("{groupId}", id('f', 7)),
        ("{memberId}", id('f', 5)),
        ("{principalId}", id('f', 5)),
        ("{credentialId}", id('f', 8)),
        ("{digest}", "0".repeat(64)),
        ("{webhook}", "night".to_owned()),
        ("{budget}", "web".to_owned()),
        ("{noticeId}", id('f', 9)),
        ("{number}", "MB-000001".to_owned()),
        ("{lineId}", "MB-000001.2026-10.tax".to_owned()),
        ("{seller}", id('a', 1)),
        ("{buyer}", format!("partner:{}", id('a', 1))),
    ];
    let path = values
        .iter()
        .fold(path.to_owned(), |path, (name, value)| path.replace(name, value));
    assert!(!path.contains('{'), "{path}: say what to put there");
    path
}

async fn try_route(house: &House, route: &RouteLine, token: Option<&str>) -> Answer {
    let method: Method = route.method.parse().unwrap();
    let mut request = house.client.request(method, house.url(&filled(route.path)));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    if route.method == "HEAD" || route.needs == Needs::SignIn {
        // An answer to HEAD has no body to look into, and one to a sign-in a shape of its own.
        let (status, headers) = (response.status(), response.headers().clone());
        return Answer {
            status,
            headers,
            body: Value::Null,
        };
    }
    Answer::of(response).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_lets_anybody_in_who_should_stay_out() {
    let limits = Limits {
        failed_authentications_per_minute_max: NonZeroU32::MAX,
        ..Limits::default()
    };
    let house = House::start_with(limits).await;
    house.register().await;
    let body = registration_body(&id('5', 2), "PayAsYouUse");
    house.put(&at(&registration("south")), &body).await.expect(201);
    let other_stack = house.activation_key("south").await;
    let unknown_credential = format!("mbo_{}", "x".repeat(43));

    for route in route_table() {
        let name = format!("{} {}", route.method, route.path);
        let nobody = try_route(&house, &route, None).await;
        if route.needs == Needs::SignIn {
            assert!(
                matches!(nobody.status.as_u16(), 200 | 400 | 415),
                "{name}: {nobody:?}"
            );
            continue;
        }
        if route.needs == Needs::Nothing {
            assert_eq!(nobody.status, 200, "{name}: {nobody:?}");
            continue;
        }
        assert_eq!(nobody.status, 401, "{name} without a credential: {nobody:?}");
        assert!(
            nobody
                .header("www-authenticate")
                .starts_with("Bearer authorization_uri=\"https://"),
            "{name}"
        );
        for token in ["garbage", &unknown_credential, "a.b.c", ""] {
            assert_eq!(
                try_route(&house, &route, Some(token)).await.status,
                401,
                "{name} with '{token}'"
            );
        }
        let wrong = try_route(&house, &route, Some(&other_stack)).await;
        assert_eq!(wrong.status, 403, "{name} with another stack's key: {wrong:?}");
        let operator = try_route(&house, &route, Some(&house.operator)).await.status;
        match route.needs {
            Needs::UsageOfStack => assert_eq!(operator, 403, "{name} with an operator's credential"),
            _ => assert!(
                operator != 401 && operator != 403,
                "{name} with an operator's credential: {operator}"
            ),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stacks_own_key_is_good_for_its_usage_and_directory_and_nothing_else() {
    let house = House::start().await;
    house.register().await;
    let key = house.activation_key("north").await;
    for route in route_table()
        .iter()
        .filter(|route| !matches!(route.needs, Needs::Nothing | Needs::SignIn))
    {
        let status = try_route(&house, route, Some(&key)).await.status;
        let may = matches!(route.needs, Needs::UsageOfStack | Needs::DirectoryOfStack);
        assert_eq!(status == 403, !may, "{} {}: {status}", route.method, route.path);
    }
}

#[test]
fn the_openapi_document_has_every_route_of_our_own_api_and_no_other() {
    let served: BTreeSet<String> = route_table()
        .iter()
        .filter(|route| route.path.starts_with("/api/"))
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let document = serde_json::to_value(server::openapi_document("https://localhost/")).unwrap();
    let documented: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .keys()
                .map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    assert_eq!(served, documented);
}

#[test]
fn no_route_is_in_the_table_twice() {
    let table = route_table();
    let distinct: BTreeSet<_> = table.iter().map(|route| (route.method, route.path)).collect();
    assert_eq!(distinct.len(), table.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_authentications_are_held_back_and_good_credentials_go_on() {
    let limits = Limits {
        failed_authentications_per_minute_max: NonZeroU32::new(3).unwrap(),
        ..Limits::default()
    };
    let house = House::start_with(limits).await;
    let fail = || {
        house.send(
            house
                .client
                .get(house.url("/api/v1/partners"))
                .bearer_auth("garbage"),
        )
    };
    for _ in 0..3 {
        fail().await.refused(401, "AuthenticationFailed");
    }
    let held_back = fail().await.refused(429, "TooManyRequests");
    assert!(held_back.header("retry-after").parse::<u32>().unwrap() > 0);
    house.get("/api/v1/partners").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_anybody_may_ask_for_is_not_asked_for_without_end() {
    let limits = Limits {
        anonymous_requests_per_second_max: NonZeroU32::MIN,
        ..Limits::default()
    };
    let house = House::start_with(limits).await;
    let ask = || house.send(house.client.get(house.url("/healthz")));
    ask().await.expect(200);
    ask().await.refused(429, "TooManyRequests");
    house.get("/api/v1/partners").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_sends_too_much_is_asked_to_wait() {
    let limits = Limits {
        requests_per_second_max: NonZeroU32::MIN,
        ..Limits::default()
    };
    let house = House::start_with(limits).await;
    house.get("/api/v1/partners").await.expect(200);
    let held_back = house
        .get("/api/v1/partners")
        .await
        .refused(429, "TooManyRequests");
    assert!(!held_back.header("retry-after").is_empty());
}
