//! Bodies that are too large, of another kind, or no delivery.

use std::io::Write as _;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use server::Limits;

use crate::access_world::World;
use crate::fixture::{Answer, House};
use crate::world::{stack, usage};

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_none_is_refused_whole() {
    let house = House::start().await;
    house.register().await;
    for (body, code) in [
        ("", "InvalidJson"),
        ("{", "InvalidJson"),
        ("[]", "MissingValue"),
        ("{}", "MissingValue"),
        ("{\"value\":1}", "MissingValue"),
    ] {
        house.deliver(body).await.refused(400, code);
    }
    for (query, code, target) in [
        (("reportedStart", "x"), "InvalidTime", "reportedStart"),
        (
            ("reportedEnd", "2026-10-01T00:00:00Z"),
            "InvalidReportedWindow",
            "reportedEnd",
        ),
        (
            ("reportedThrough", "2027-01-01T00:00:00Z"),
            "ReportedTimeInFuture",
            "reportedThrough",
        ),
        (("reported", "x"), "UnknownQueryParameter", "reported"),
    ] {
        let refused = house
            .send(house.delivery(usage("2026-10-01", &["1"])).await.query(&[query]))
            .await
            .refused(400, code);
        assert_eq!(refused.target(), target);
    }
    for key in ["", &"k".repeat(257)] {
        let delivery = house
            .delivery(usage("2026-10-01", &["1"]))
            .await
            .header("Idempotency-Key", key);
        let refused = house.send(delivery).await.refused(400, "InvalidIdempotencyKey");
        assert_eq!(refused.target(), "Idempotency-Key");
    }
    let receipts = house
        .get(&format!("/api/v1/stacks/{}/receipts", stack()))
        .await
        .expect(200);
    assert_eq!(receipts.body["value"], json!([]), "nothing of all this is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_another_kind_are_refused() {
    let house = House::start().await;
    house.register().await;
    let partners = |kind: &str| {
        house
            .request(Method::POST, "/api/v1/partners")
            .header("Content-Type", kind)
            .body("{}")
    };
    house
        .send(partners("text/plain"))
        .await
        .refused(415, "UnsupportedMediaType");
    house
        .send(partners("application/json; charset=utf-8"))
        .await
        .refused(400, "InvalidRequestContent");
    house
        .send(partners("application/json").body("{"))
        .await
        .refused(400, "InvalidJson");
    house
        .send(partners("application/json").body(r#"{"name":"x","kind":"directBill"} {}"#))
        .await
        .refused(400, "InvalidJson");
    house
        .send(partners("application/json").header("Content-Encoding", "br"))
        .await
        .refused(415, "UnsupportedMediaType");
    let mut delivery = house.delivery("").await.build().unwrap();
    delivery
        .headers_mut()
        .insert("Content-Type", "text/csv".parse().unwrap());
    Answer::of(house.client.execute(delivery).await.unwrap())
        .await
        .refused(415, "UnsupportedMediaType");
    let broken = house
        .delivery(vec![0x1f, 0x8b, 0])
        .await
        .header("Content-Encoding", "gzip");
    house.send(broken).await.refused(400, "UnreadableBody");
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_that_are_not_there_are_refused_and_never_an_error_of_ours() {
    let house = House::start().await;
    for (method, path) in [
        ("DELETE", "/api/v1/partners"),
        ("TRACE", "/api/v1/partners"),
        ("WAT", "/healthz"),
        ("PUT", "/subscriptions/x/resourceGroups?api-version=2024-11-01"),
    ] {
        let refused = house
            .send(house.request(method.parse().unwrap(), path))
            .await
            .refused(405, "MethodNotAllowed");
        assert!(!refused.header("allow").is_empty(), "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_however_it_comes() {
    const LIMIT: usize = 256 * 1024;
    let house = House::start_with(Limits {
        body_bytes_max: LIMIT,
        ..Limits::default()
    })
    .await;
    house.register().await;
    let blanks = || " ".repeat(LIMIT + 1);
    house.deliver(blanks()).await.refused(413, "PayloadTooLarge");
    let pieces: Vec<Result<String, std::io::Error>> =
        (0..=LIMIT / 1024).map(|_| Ok(" ".repeat(1024))).collect();
    let unannounced = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    house.deliver(unannounced).await.refused(413, "PayloadTooLarge");
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b' '; 64 * 1024 * 1024]).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < LIMIT);
    house
        .send(house.delivery(bomb).await.header("Content-Encoding", "gzip"))
        .await
        .refused(413, "PayloadTooLarge");
    let bomb = zstd::encode_all(&*vec![b' '; 64 * 1024 * 1024], 19).unwrap();
    house
        .send(house.delivery(bomb).await.header("Content-Encoding", "zstd"))
        .await
        .refused(413, "PayloadTooLarge");
    house.deliver(usage("2026-10-01", &["1"])).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let house = House::start().await;
    house.register().await;
    // Only the headers are sent; whoever waits for the body would wait for ever.
    let (_sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let never = futures_util::stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|item| (item, receiver))
    });
    let delivery = house
        .delivery(reqwest::Body::wrap_stream(never))
        .await
        .header("Content-Length", 10_u64.pow(12));
    house.send(delivery).await.refused(413, "PayloadTooLarge");
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_that_do_not_fit_into_memory_are_asked_to_come_later() {
    let limits = Limits {
        delivery_bytes_in_memory_max: 64 * 1024,
        ..Limits::default()
    };
    let house = House::start_with(limits).await;
    house.register().await;
    let refused = house
        .deliver(" ".repeat(128 * 1024))
        .await
        .refused(503, "TooManyDeliveries");
    assert_eq!(refused.header("retry-after"), "1");
    house.deliver(usage("2026-10-01", &["1"])).await.expect(200);
}

/// A body of which nothing comes for as long as the sender is kept.
fn stalled() -> (
    tokio::sync::mpsc::Sender<Result<Vec<u8>, std::io::Error>>,
    reqwest::Body,
) {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let never = futures_util::stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|item| (item, receiver))
    });
    (sender, reqwest::Body::wrap_stream(never))
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_and_announced_deliveries_that_never_come_cost_no_delivery_of_usage() {
    let limits = Limits {
        delivery_bytes_in_memory_max: 64 * 1024,
        ..Limits::default()
    };
    let house = House::start_with(limits).await;
    house.register().await;
    let mut waiting = Vec::new();
    for path in ["/adfs/oauth2/token", "/api/v1/partners"] {
        let (sender, body) = stalled();
        let kind = if path.starts_with("/api") {
            "application/json"
        } else {
            "application/x-www-form-urlencoded"
        };
        let request = house.request(Method::POST, path).header("Content-Type", kind);
        sender.send(Ok(b"x".to_vec())).await.unwrap();
        waiting.push((sender, tokio::spawn(request.body(body).send())));
    }
    let (sender, body) = stalled();
    let announced = house.delivery(body).await.header("Content-Length", 64 * 1024);
    waiting.push((sender, tokio::spawn(announced.send())));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(waiting.iter().all(|(_, sent)| !sent.is_finished()));
    house.deliver(usage("2026-10-01", &["1"])).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_does_not_arrive_is_not_waited_for_as_long_as_a_delivery() {
    let limits = Limits {
        small_body_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let house = House::start_with(limits).await;
    let (_sender, body) = stalled();
    let form = house
        .request(Method::POST, "/adfs/oauth2/token")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body)
        .timeout(Duration::from_secs(5));
    assert_eq!(form.send().await.unwrap().status(), 408);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_list_of_somebody_who_sells_nothing_is_refused_before_it_takes_any_memory() {
    let world = World::build().await;
    let (_sender, body) = stalled();
    let list = world
        .house
        .client
        .put(world.house.url("/api/v1/price-lists/mine"))
        .bearer_auth(world.token("no role").unwrap())
        .header("Content-Type", "application/json")
        .body(body)
        .timeout(Duration::from_secs(5));
    Answer::of(list.send().await.unwrap())
        .await
        .refused(403, "AuthorizationFailed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typing_error_in_what_is_declared_would_call_everything_there_ever_was_complete() {
    let house = House::start().await;
    house.register().await;
    let start = ("reportedStart", "2026-10-01T10:00:00Z");
    let end = ("reportedEnd", "2026-10-01T12:00:00Z");
    let window = [start, end];
    for (window, through, expected) in [
        (
            &window[..],
            "2026-10-01T09:00:00Z",
            "an hour after the start of the window",
        ),
        (
            &window[..],
            "2026-10-01T10:00:00Z",
            "an hour after the start of the window",
        ),
        (
            &window[..1],
            "2026-10-01T10:00:00Z",
            "an hour after the start of the window",
        ),
        (&window[..], "2026-10-01T13:00:00Z", "the end of the window"),
    ] {
        let delivery = house.delivery(usage("2026-10-01", &["1"])).await.query(window);
        let refused = house.send(delivery.query(&[("reportedThrough", through)])).await;
        let refused = refused.refused(400, "InvalidReportedThrough");
        assert_eq!(refused.target(), "reportedThrough");
        let message = refused.body["error"]["message"].as_str().unwrap();
        assert!(
            message.contains(expected) && message.contains(through),
            "{message}"
        );
    }
    let delivery = house.delivery(usage("2026-10-01", &["1"])).await.query(&window);
    let taken = house
        .send(delivery.query(&[("reportedThrough", "2026-10-01T11:00:00Z")]))
        .await;
    assert_eq!(taken.expect(200).body["sequence"], 1);
}
