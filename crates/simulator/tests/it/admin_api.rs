//! The admin API, asked as a client asks it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use domain::quantity::QuantitySum;
use domain::time::{Hour, HourInterval, Timestamp};
use http_body_util::BodyExt as _;
use serde_json::Value;
use simulator::{AdminApi, Faults, ServiceFaults, Stack};
use tower::ServiceExt as _;

use crate::support::{body, many_faults, stack};

pub(crate) const BASE: &str = "https://adminmanagement.north.example";

/// The API of a stack at which everybody may ask.
pub(crate) fn api(stack: Stack) -> AdminApi {
    AdminApi {
        stack: Arc::new(stack),
        base_url: BASE.to_owned(),
        account: None,
        registration: None,
        now: Arc::new(|| "2026-11-21T10:00:00Z".parse::<Timestamp>().unwrap()),
        page_size: 1000,
        faults: Arc::new(ServiceFaults::new(1, 0)),
    }
}

async fn get(router: &Router, target: &str) -> (StatusCode, String) {
    answer(router, Request::get(target).body(Body::empty()).unwrap()).await
}

pub(crate) async fn answer(router: &Router, request: Request<Body>) -> (StatusCode, String) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

pub(crate) fn code(body: &str) -> String {
    serde_json::from_str::<Value>(body).unwrap()["error"]["code"]
        .as_str()
        .unwrap()
        .to_owned()
}

pub(crate) fn usage_path(stack: &Stack) -> String {
    let provider = stack.provider_subscription();
    format!("/subscriptions/{provider}/providers/Microsoft.Commerce.Admin/subscriberUsageAggregates")
}

/// All records of a query, from the first page to the last, as texts of their own.
async fn all(router: &Router, target: String) -> Vec<String> {
    let mut records = Vec::new();
    let mut next = Some(target);
    while let Some(target) = next {
        let (status, text) = get(router, &target).await;
        assert_eq!(status, StatusCode::OK, "{target}: {text}");
        let page: Value = serde_json::from_str(&text).unwrap();
        let before = records.len();
        records.extend(page["value"].as_array().unwrap().iter().map(ToString::to_string));
        next = page["nextLink"]
            .as_str()
            .map(|link| link.strip_prefix(BASE).unwrap().to_owned());
        assert!(
            next.is_none() || records.len() > before,
            "a page before the last is empty"
        );
    }
    records
}

#[tokio::test]
async fn pages_lead_through_every_record_once_whatever_their_size() {
    let stack = stack(many_faults());
    let start = stack.month().start().plus(100);
    let window = HourInterval::new(start, start.plus(5)).unwrap();
    let mut expected = Vec::new();
    for page in stack.reported_pages(window, 1000) {
        let page: Value = serde_json::from_str(&page.body).unwrap();
        expected.extend(page["value"].as_array().unwrap().iter().map(ToString::to_string));
    }
    let path = usage_path(&stack);
    let target = format!(
        "{path}?api-version=2015-06-01-preview&reportedStartTime={start}&reportedEndTime={}&aggregationGranularity=Hourly",
        window.end()
    );
    let api = api(stack);
    for page_size in [1, 7, 100, 1_000_000] {
        let router = AdminApi {
            page_size,
            ..api.clone()
        }
        .router();
        assert_eq!(
            all(&router, target.clone()).await,
            expected,
            "{page_size} on a page"
        );
    }
}

#[tokio::test]
async fn keys_paths_and_times_are_read_in_every_spelling_clients_use() {
    let stack = stack(Faults::none());
    let path = usage_path(&stack);
    let router = api(stack).router();
    let usual = "api-version=2015-06-01-preview&reportedStartTime=2026-10-05T03:00:00Z&reportedEndTime=2026-10-05T04:00:00Z&aggregationGranularity=Hourly";
    let records = all(&router, format!("{path}?{usual}")).await;
    assert!(!records.is_empty());
    for (path, query) in [
        (
            path.clone(),
            "API-Version=2015-06-01-Preview&reportedstartTime=2026-10-05T03:00:00.0000000&REPORTEDENDTIME=2026-10-05T04:00:00.0000000%2B00:00&aggregationgranularity=hourly&subscriberId=&continuationToken=",
        ),
        (
            path.to_lowercase(),
            "api-version=2015-06-01-preview&reportedStartTime=2026-10-05T03%3A00%3A00.000Z&reportedEndTime=2026-10-05T04:00:00+00:00&aggregationGranularity=HOURLY",
        ),
    ] {
        assert_eq!(all(&router, format!("{path}?{query}")).await, records, "{query}");
    }
}

#[tokio::test]
async fn one_subscriber_sees_only_itself() {
    let stack = stack(many_faults());
    let subscribers: Vec<_> = stack
        .local_subscriptions()
        .iter()
        .map(|subscription| subscription.id)
        .collect();
    let target = usage_path(&stack)
        + "?api-version=2015-06-01-preview&reportedStartTime=2026-10-05T03:00:00Z&reportedEndTime=2026-10-05T09:00:00Z&aggregationGranularity=Hourly";
    let router = AdminApi {
        page_size: 50,
        ..api(stack)
    }
    .router();
    let everything: BTreeSet<String> = all(&router, target.clone()).await.into_iter().collect();
    let mut together = BTreeSet::new();
    for subscriber in subscribers {
        let own = all(&router, format!("{target}&subscriberId={subscriber}")).await;
        assert!(
            own.iter()
                .all(|record| record.to_lowercase().contains(&subscriber.to_string()))
        );
        together.extend(own);
    }
    assert_eq!(together, everything);
}

#[tokio::test]
async fn days_are_the_sums_of_their_true_hours() {
    let stack = stack(many_faults());
    let path = usage_path(&stack);
    let day = HourInterval::new(hour("2026-10-04T00:00:00Z"), hour("2026-10-05T00:00:00Z")).unwrap();
    let sums = stack.true_sums(day);
    let router = AdminApi {
        page_size: 20,
        ..api(stack)
    }
    .router();
    // The reported day after, and no granularity, which means days.
    let query = "api-version=2015-06-01-preview&reportedStartTime=2026-10-05T00:00:00Z&reportedEndTime=2026-10-06T00:00:00Z";
    let mut next = Some(format!("{path}?{query}"));
    let mut read = std::collections::BTreeMap::<_, QuantitySum>::new();
    while let Some(target) = next {
        let page = body(&get(&router, &target).await.1);
        for item in &page.value {
            assert_eq!(item.properties.usage_end_time, "2026-10-05T00:00:00+00:00");
            let ((subscription, meter, _, start), quantity) = item.read().unwrap();
            assert_eq!(start, day.start());
            read.entry((subscription, meter))
                .or_default()
                .add(&quantity.into());
        }
        next = page
            .next_link
            .map(|link| link.strip_prefix(BASE).unwrap().to_owned());
    }
    assert_eq!(read, sums);
}

fn hour(text: &str) -> Hour {
    text.parse().unwrap()
}

#[tokio::test]
async fn questions_that_cannot_be_answered_get_the_documented_codes() {
    let stack = stack(Faults::none());
    let path = usage_path(&stack);
    let router = api(stack).router();
    let version = "api-version=2015-06-01-preview";
    let start = "reportedStartTime=2026-10-05T03:00:00Z";
    let end = "reportedEndTime=2026-10-05T04:00:00Z";
    let other = path.replacen(|c: char| c.is_ascii_digit(), "x", 1);
    let unknown = "/subscriptions/0c9e0b47-36a7-4c4e-9d6b-000000000000/providers/Microsoft.Subscriptions.Admin/subscriptions";
    for (target, status, wanted) in [
        (format!("{path}?{start}&{end}"), 400, "NoApiVersion"),
        (
            format!("{path}?api-version=2020-01-01&{start}&{end}"),
            400,
            "InvalidApiVersionParameter",
        ),
        (format!("{path}?{version}&{end}"), 400, "InvalidProperty"),
        (format!("{path}?{version}&{start}"), 400, "InvalidProperty"),
        (
            format!("{path}?{version}&{start}&reportedEndTime=tomorrow"),
            400,
            "InvalidProperty",
        ),
        (
            format!("{path}?{version}&{start}&reportedEndTime=2026-10-05T04:30:00Z"),
            400,
            "InvalidProperty",
        ),
        (
            format!("{path}?{version}&{start}&reportedEndTime=2026-10-05T03:00:00Z"),
            400,
            "InvalidProperty",
        ),
        (format!("{path}?{version}&{start}&{end}"), 400, "InvalidProperty"),
        (
            format!("{path}?{version}&{start}&{end}&aggregationGranularity=Hourly&continuationToken=eA"),
            400,
            "InvalidProperty",
        ),
        (
            format!(
                "{path}?{version}&{start}&reportedEndTime=2026-11-21T11:00:00Z&aggregationGranularity=Hourly"
            ),
            400,
            "RequestEndTimeIsInFuture",
        ),
        (
            format!("{path}?{version}&{start}&{end}&aggregationGranularity=Monthly"),
            400,
            "InvalidAggregationGranularity",
        ),
        (
            format!("{path}?{version}&{start}&{end}&aggregationGranularity=Hourly&subscriberId=me"),
            400,
            "SubscriberIdIsNotDirectTenant",
        ),
        (
            format!(
                "{path}?{version}&{start}&{end}&aggregationGranularity=Hourly&subscriberId=3f1a7a0e-9a52-4f58-8a51-0c7d1b6f2e01"
            ),
            400,
            "SubscriberIdIsNotDirectTenant",
        ),
        (
            format!("/providers/Microsoft.Commerce.Admin/subscriberUsageAggregates?{version}&{start}&{end}"),
            400,
            "SubscriptionIdMissingInRequest",
        ),
        (
            format!("{other}?{version}&{start}&{end}"),
            404,
            "SubscriptionNotFound",
        ),
        (
            format!("{unknown}?api-version=2015-11-01"),
            404,
            "SubscriptionNotFound",
        ),
        ("/resources".to_owned(), 404, "ResourceNotFound"),
    ] {
        let (given, body) = get(&router, &target).await;
        assert_eq!(
            (given.as_u16(), code(&body).as_str()),
            (status, wanted),
            "{target}: {body}"
        );
    }
}

#[tokio::test]
async fn what_can_only_be_read_cannot_be_written() {
    let stack = stack(Faults::none());
    let target = usage_path(&stack);
    let router = api(stack).router();
    let request = Request::put(&target).body(Body::empty()).unwrap();
    let (status, body) = answer(&router, request).await;
    assert_eq!((status.as_u16(), code(&body).as_str()), (405, "MethodNotAllowed"));
}

#[tokio::test]
async fn subscriptions_and_directories_are_listed_as_the_contract_says() {
    let stack = stack(Faults::none());
    let (local, tenants) = (stack.local_subscriptions().to_vec(), stack.spec().tenants.clone());
    let provider = stack.provider_subscription();
    let router = api(stack).router();
    let target = format!(
        "/subscriptions/{provider}/providers/Microsoft.Subscriptions.Admin/subscriptions?api-version=2015-11-01"
    );
    let list: Value = serde_json::from_str(&get(&router, &target).await.1).unwrap();
    let pairs = list["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["subscriptionId"].clone(), it["tenantId"].clone()));
    let expected = local
        .iter()
        .map(|it| (it.id.to_string().into(), it.tenant.to_string().into()));
    assert!(pairs.eq(expected));

    let target = format!(
        "/subscriptions/{provider}/resourcegroups/system.north/providers/Microsoft.Subscriptions.Admin/directoryTenants?api-version=2015-11-01"
    );
    let list: Value = serde_json::from_str(&get(&router, &target).await.1).unwrap();
    let pairs = list["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["name"].clone(), it["properties"]["tenantId"].clone()));
    let expected = tenants
        .iter()
        .map(|it| (it.domain.clone().into(), it.id.to_string().into()));
    assert!(pairs.eq(expected));
}
