//! The quarantine, worked with through the door.

use serde_json::{Value, json};

use crate::fixture::House;
use crate::world::{record, stack};

const DAY: &str = "2026-10-01T00:00:00Z";

/// A house whose stack delivered two records with a comma for a point, one that is no record, and a good one.
async fn house_with_three_waiting() -> House {
    let house = House::start().await;
    house.register().await;
    let bad = |hour: u32| {
        let (start, end) = (
            format!("2026-10-01T0{hour}:00:00Z"),
            format!("2026-10-01T0{}:00:00Z", hour + 1),
        );
        record(&start, &end, "\"1,5\"")
    };
    let good = record("2026-10-01T05:00:00Z", "2026-10-01T06:00:00Z", "1");
    let page = format!(r#"{{"value":[{},{},{{"a":"b"}},{good}]}}"#, bad(1), bad(2));
    let delivery = house.delivery(page).await.query(&[("reportedStart", DAY)]);
    let answer = house.send(delivery).await.expect(200);
    assert_eq!(answer.body["quarantined"], 3);
    house
}

async fn waiting(house: &House, query: &str) -> Vec<Value> {
    let body = house
        .get(&format!("/api/v1/quarantine?{query}"))
        .await
        .expect(200)
        .body;
    body["value"].as_array().unwrap().clone()
}

/// What is answered to an act that is done: `release` or `purge`.
async fn act(house: &House, what: &str, request: &Value) -> Value {
    let path = format!("/api/v1/quarantine/{what}");
    house.post(&path, request).await.expect(200).body
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_since_an_hour_is_nothing_for_who_does_not_say_until_when() {
    let house = house_with_three_waiting().await;
    assert_eq!(
        waiting(&house, "receivedFrom=2026-01-01T00:00:00Z").await.len(),
        3
    );
    assert_eq!(waiting(&house, "receivedTo=9000-01-01T00:00:00Z").await.len(), 3);
    assert_eq!(
        waiting(&house, "receivedFrom=9000-01-01T00:00:00Z").await.len(),
        0
    );
    let purge = json!({
        "records": { "filter": { "receivedFrom": "2026-01-01T00:00:00Z" }, "expectedCount": 3 },
        "reason": "a test",
    });
    let purged = act(&house, "purge", &purge).await;
    assert_eq!(purged["purged"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_garbage_record_of_megabytes_is_listed_by_its_beginning_and_released_as_a_whole_only() {
    let house = House::start().await;
    house.register().await;
    let garbage = "a".repeat(3_000_000);
    let delivery = house.delivery(format!(r#"{{"value":["{garbage}"]}}"#)).await;
    let answer = house
        .send(delivery.query(&[("reportedStart", DAY)]))
        .await
        .expect(200);
    assert_eq!(answer.body["problems"][0]["code"], "MalformedRecord");
    let listed = waiting(&house, "").await;
    assert_eq!(listed[0]["rawBytes"], 3_000_002);
    assert_eq!(listed[0]["raw"].as_str().unwrap().len(), 256 * 1024);
    let position = &listed[0]["position"];
    let mut request = json!({ "records": { "positions": [position] }, "reason": "a test" });
    let still = act(&house, "release", &request).await;
    assert_eq!(
        (&still["released"], &still["waiting"][0]["code"]),
        (&json!(0), &json!("MalformedRecord"))
    );
    let message = still["waiting"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("release it with its whole text mended"),
        "{message}"
    );
    let whole = record("2026-10-01T05:00:00Z", "2026-10-01T06:00:00Z", "1");
    request["mended"] =
        json!([{ "position": position, "record": format!("{whole}{}", " ".repeat(300_000)) }]);
    let too_long = house.post("/api/v1/quarantine/release", &request).await;
    too_long.refused(400, "MendedRecordNotCountable");
    request["mended"][0]["record"] = json!(whole);
    let released = act(&house, "release", &request).await;
    assert_eq!(
        (&released["released"], released.get("warnings")),
        (&json!(1), None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_mended_to_one_subscription_with_the_resource_of_another_is_warned_of() {
    let house = house_with_three_waiting().await;
    let listed = waiting(&house, "code=InvalidQuantity").await;
    let (position, raw) = (&listed[0]["position"], listed[0]["raw"].as_str().unwrap());
    let at = raw.find("/subscriptions/").unwrap() + "/subscriptions/".len();
    let end = at + raw[at..].find('/').unwrap();
    let mended = format!("{}not-a-guid{}", &raw[..at], &raw[end..]).replace("\"1,5\"", "1.5");
    let request = json!({
        "records": { "positions": [position] }, "reason": "a test", "dryRun": true,
        "mended": [{ "position": position, "record": mended }],
    });
    let would = act(&house, "release", &request).await;
    assert_eq!(would["warnings"][0]["code"], "SubscriptionMismatch", "{would}");
    assert!(
        would["warnings"][0]["message"]
            .as_str()
            .unwrap()
            .contains("not-a-guid")
    );
}

/// They are counted beside, so that no scrape takes as long as counting does.
async fn is_told_by_metrics(house: &House, line: &str) {
    let begun = std::time::Instant::now();
    loop {
        let metrics = house.get("/metrics").await.expect(200).body.to_string();
        if metrics.contains(line) {
            return;
        }
        assert!(begun.elapsed().as_secs() < 300, "{metrics}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_quarantine_is_counted_found_mended_released_and_purged_and_all_of_it_is_told() {
    let house = house_with_three_waiting().await;
    let summary = house.get("/api/v1/quarantine/summary").await.expect(200).body;
    let told = |code: &str, records: u32| json!([code, records]);
    let counts: Vec<Value> = summary["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| json!([it["code"], it["records"]]))
        .collect();
    assert_eq!(counts, [told("InvalidQuantity", 2), told("MissingProperty", 1)]);
    is_told_by_metrics(
        &house,
        r#"meterbridge_quarantine_records{code=\"InvalidQuantity\"} 2"#,
    )
    .await;

    let invalid = waiting(&house, "code=InvalidQuantity&containing=1,5").await;
    let position = invalid[0]["position"].as_u64().unwrap();
    assert_eq!((invalid.len(), &invalid[0]["reported"]), (2, &json!(DAY)));
    let raw = invalid[0]["raw"].as_str().unwrap();
    let request = json!({
        "records": { "positions": [position] },
        "mended": [{ "position": position, "record": raw.replace("\"1,5\"", "1.5") }],
        "reason": "a comma for a point", "dryRun": true,
    });
    let would = act(&house, "release", &request).await;
    assert_eq!(
        (&would["released"], &would["dryRun"], would.get("actId")),
        (&json!(1), &json!(true), None)
    );
    assert_eq!(waiting(&house, "").await.len(), 3);
    let mut request = request;
    request["dryRun"] = json!(false);
    let released = act(&house, "release", &request).await;
    assert_eq!(
        (&released["released"], &released["waiting"]),
        (&json!(1), &json!([]))
    );
    assert_eq!(
        (
            &released["batches"][0]["accepted"],
            &released["batches"][0]["reported"]
        ),
        (&json!(1), &json!(DAY))
    );
    // Whoever did not get the answer asks again.
    let again = act(&house, "release", &request).await;
    assert_eq!(
        (&again["released"], &again["gone"], again.get("actId")),
        (&json!(0), &json!([position]), None)
    );
    let mut of_another = request.clone();
    of_another["mended"][0]["position"] = json!(position + 1);
    let refused = house.post("/api/v1/quarantine/release", &of_another).await;
    refused.refused(400, "MendedRecordNotNamed");
    let kept = &waiting(&house, &format!("position={position}")).await[0];
    assert_eq!((&kept["state"], &kept["raw"]), (&json!("released"), &json!(raw)));
    assert_eq!(kept["releasedBy"], released["batches"][0]["batchId"]);
    let receipts = house
        .get(&format!("/api/v1/stacks/{}/receipts", stack()))
        .await
        .expect(200)
        .body;
    assert_eq!(receipts["value"][1]["released"], true);

    let all =
        json!({ "records": { "filter": { "cloudId": stack() }, "expectedCount": 2 }, "reason": "once more" });
    let still = act(&house, "release", &all).await;
    assert_eq!(
        (&still["released"], &still["waiting"][0]["code"]),
        (&json!(0), &json!("InvalidQuantity"))
    );
    let wrong = json!({ "records": { "filter": {}, "expectedCount": 3 }, "reason": "a test" });
    house
        .post("/api/v1/quarantine/purge", &wrong)
        .await
        .refused(409, "QuarantineCountDiffers");
    let rest = json!({ "records": { "filter": {}, "expectedCount": 2 }, "reason": "a test" });
    let purged = act(&house, "purge", &rest).await;
    assert_eq!(purged["purged"].as_array().unwrap().len(), 2);
    assert_eq!(waiting(&house, "").await.len(), 0);
    let kept = &waiting(&house, "state=purged").await[0];
    assert_eq!(
        (&kept["raw"], &kept["code"]),
        (&json!(""), &json!("InvalidQuantity"))
    );
    let sent = invalid[1]["raw"].as_str().unwrap();
    assert_eq!(kept["rawDigest"], blake3::hash(sent.as_bytes()).to_string());

    let history = house.get("/api/v1/quarantine/history").await.expect(200).body;
    let acts: Vec<_> = history["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| json!([it["act"], it["done"], it["named"], it["reason"]]))
        .collect();
    let expected = [
        json!(["release", 1, 1, "a comma for a point"]),
        json!(["release", 0, 2, "once more"]),
        json!(["purge", 2, 2, "a test"]),
    ];
    assert_eq!(acts, expected);
    let check = house.get("/api/v1/periods/2026-10/check").await.expect(200).body;
    let records = &check["records"];
    assert_eq!(
        (&records["received"], &records["counted"], &records["quarantined"]),
        (&json!(4), &json!(2), &json!(2)),
        "{check}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sum_of_the_hours_would_be_released_and_the_wrong_day_be_charged_for() {
    let house = House::start().await;
    house.register().await;
    let day = |quantity| record(DAY, "2026-10-02T00:00:00Z", quantity);
    let hour = record(DAY, "2026-10-01T01:00:00Z", "2");
    let mut delivered = Vec::new();
    for one in [day("99"), hour] {
        let delivery = house.delivery(format!(r#"{{"value":[{one}]}}"#)).await;
        let delivery = delivery.query(&[("reportedStart", "2026-10-02T00:00:00Z")]);
        delivered.push(house.send(delivery).await.expect(200).body);
    }
    assert_eq!(delivered[1]["problems"][0]["code"], "GranularityConflict");
    let position = waiting(&house, "").await[0]["position"].as_u64().unwrap();
    let mut request = json!({
        "records": { "positions": [position] },
        "mended": [{ "position": position, "record": day("36.5") }],
        "reason": "the sum of the hours", "dryRun": true,
    });
    for dry_run in [true, false] {
        request["dryRun"] = json!(dry_run);
        let released = act(&house, "release", &request).await;
        let batch = &released["batches"][0];
        assert_eq!(
            (&batch["revised"], &batch["revisedNotCounting"]),
            (&json!(1), &json!(1))
        );
        let wrong = json!({ "position": position, "counts": "99", "reported": "2026-10-02T00:00:00Z" });
        assert_eq!(released["notCounting"], json!([wrong]), "dry run: {dry_run}");
    }
}
