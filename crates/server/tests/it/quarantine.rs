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
    let metrics = house.get("/metrics").await.expect(200).body.to_string();
    assert!(
        metrics.contains(r#"meterbridge_quarantine_records{code=\"InvalidQuantity\"} 2"#),
        "{metrics}"
    );

    let invalid = waiting(&house, "code=InvalidQuantity&containing=1,5").await;
    let position = invalid[0]["position"].as_u64().unwrap();
    assert_eq!((invalid.len(), &invalid[0]["reported"]), (2, &json!(DAY)));
    let raw = invalid[0]["raw"].as_str().unwrap();
    let request = json!({
        "records": { "positions": [position] },
        "mended": [{ "position": position, "record": raw.replace("\"1,5\"", "1.5") }],
        "reason": "a comma for a point", "dryRun": true,
    });
    let would = house
        .post("/api/v1/quarantine/release", &request)
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&would["released"], &would["dryRun"], would.get("actId")),
        (&json!(1), &json!(true), None)
    );
    assert_eq!(waiting(&house, "").await.len(), 3);
    let mut request = request;
    request["dryRun"] = json!(false);
    let released = house
        .post("/api/v1/quarantine/release", &request)
        .await
        .expect(200)
        .body;
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
    let again = house
        .post("/api/v1/quarantine/release", &request)
        .await
        .expect(200)
        .body;
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
    let still = house
        .post("/api/v1/quarantine/release", &all)
        .await
        .expect(200)
        .body;
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
    let purged = house
        .post("/api/v1/quarantine/purge", &rest)
        .await
        .expect(200)
        .body;
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
