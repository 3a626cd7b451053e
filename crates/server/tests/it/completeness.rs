//! What is missing of the stacks' usage, through the door.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fixture::{House, id};
use crate::world::{record, stack};

/// How long the figures of stacks may take: they are found out behind whoever asks for them.
const PATIENCE: Duration = Duration::from_secs(180);

/// A page with a record for each hour of October up to a day, but for some hours of its last one.
fn october(days: u32, missing: std::ops::Range<u32>) -> String {
    let hours = (1..=days).flat_map(|day| (0..24).map(move |hour| (day, hour)));
    let records: Vec<String> = hours
        .filter(|(day, hour)| *day != days || !missing.contains(hour))
        .map(|(day, hour)| {
            let end = if hour == 23 { (day + 1, 0) } else { (day, hour + 1) };
            record(
                &format!("2026-10-{day:02}T{hour:02}:00:00Z"),
                &format!("2026-10-{:02}T{:02}:00:00Z", end.0, end.1),
                "1",
            )
        })
        .collect();
    format!(r#"{{"value":[{}]}}"#, records.join(","))
}

/// A stack that has reported October up to the 6th, but for three hours.
async fn house() -> House {
    let house = House::start().await;
    house.register().await;
    let backdate = format!("/api/v1/registrations/{}/backdate", stack());
    let since = json!({ "validFrom": "2026-10-01T00:00:00Z" });
    house.post(&backdate, &since).await.expect(200);
    let delivery = house.delivery(october(6, 9..12)).await;
    let through = [("reportedThrough", "2026-10-07T01:00:00Z")];
    house.send(delivery.query(&through)).await.expect(200);
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_is_told_hour_by_hour_with_what_is_missing_and_what_to_do() {
    let house = house().await;
    let path = format!("/api/v1/stacks/{}/completeness?period=2026-10", stack());
    let month = house.get(&path).await.expect(200).body;
    assert_eq!(month["period"], "2026-10");
    assert_eq!(month["stackName"], "north");
    assert_eq!(month["reportedThrough"], "2026-10-07T01:00:00Z");
    assert_eq!(month["behindSince"], "2026-10-07T01:00:00Z");
    assert_eq!(month["complete"], false);
    assert_eq!(
        month["hourCounts"],
        json!({ "complete": 141, "received": 0, "notRead": 0, "gap": 3, "notYetDue": 600, "notAsked": 0, "notRegistered": 0 })
    );
    assert_eq!(
        (&month["received"], month["hours"].as_array().unwrap().len()),
        (&json!(141), 744)
    );
    assert_eq!(
        month["hours"][24 * 5 + 10],
        json!({ "hour": "2026-10-06T10:00:00Z", "state": "gap", "received": 0, "expected": 1 })
    );
    let findings = month["findings"].as_array().unwrap();
    let codes: Vec<&Value> = findings.iter().map(|it| &it["code"]).collect();
    assert_eq!(codes, ["FellBehind", "Gap"]);
    let gap = &findings[1];
    assert_eq!(gap["id"], format!("{}/Gap/2026-10-06T09:00:00Z", stack()));
    assert_eq!(
        (&gap["since"], &gap["until"]),
        (&json!("2026-10-06T09:00:00Z"), &json!("2026-10-06T12:00:00Z"))
    );
    assert_eq!(
        (&gap["expected"], &gap["received"], &gap["missingUsage"]),
        (&json!(3), &json!(0), &json!(true))
    );
    assert!(gap["message"].as_str().unwrap().contains("3 hours") && gap["advice"].is_string());

    let listed = house
        .get("/api/v1/completeness?period=2026-10")
        .await
        .expect(200)
        .body;
    let [of_list] = listed["value"].as_array().unwrap().as_slice() else {
        panic!("{listed}");
    };
    for member in [
        "cloudId",
        "hourCounts",
        "findings",
        "behindHours",
        "received",
        "expected",
    ] {
        assert_eq!(of_list[member], month[member], "{member}");
    }
    assert!(of_list.get("hours").is_none());
    // This month, unless another one is named: it has 720 hours.
    let path = format!("/api/v1/stacks/{}/completeness", stack());
    let now = house.get(&path).await.expect(200).body;
    assert_eq!(
        (&now["period"], now["hours"].as_array().unwrap().len()),
        (&json!("2026-11"), 720)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_is_none_and_a_stack_that_is_not_there_are_refused() {
    let house = house().await;
    for (path, status, code) in [
        (
            format!("stacks/{}/completeness?period=october", stack()),
            400,
            "InvalidPeriod",
        ),
        ("completeness?period=2026-13".to_owned(), 400, "InvalidPeriod"),
        (
            "completeness?month=2026-10".to_owned(),
            400,
            "UnknownQueryParameter",
        ),
        ("stacks/north/completeness".to_owned(), 400, "InvalidCloudId"),
        (
            format!("stacks/{}/completeness", id('0', 99)),
            404,
            "RegistrationNotFound",
        ),
    ] {
        house.get(&format!("/api/v1/{path}")).await.refused(status, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_watches_the_server_sees_which_stack_is_behind_without_waiting_for_it() {
    let house = house().await;
    let begun = Instant::now();
    let text = loop {
        let text = house
            .get("/metrics")
            .await
            .expect(200)
            .body
            .as_str()
            .unwrap()
            .to_owned();
        if text.contains("meterbridge_stack_findings") {
            break text;
        }
        assert!(begun.elapsed() < PATIENCE, "{text}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let of_stack = format!(r#"{{stack="{}"}}"#, stack());
    // 2026-10-07T01:00:00Z; and from then to 2026-11-02T10:00:00Z, 633 hours.
    for line in [
        format!("meterbridge_stack_reported_through_seconds{of_stack} 1791334800"),
        format!("meterbridge_stack_behind_seconds{of_stack} {}", 633 * 3600),
        format!("meterbridge_stack_gap_hours{of_stack} 3"),
        format!(
            r#"meterbridge_stack_findings{{stack="{}",code="Gap"}} 1"#,
            stack()
        ),
        format!(
            r#"meterbridge_stack_findings{{stack="{}",code="Jump"}} 0"#,
            stack()
        ),
        "meterbridge_stacks_evaluated_timestamp_seconds 1793615400".to_owned(),
    ] {
        assert!(text.lines().any(|it| it == line), "{line}\n{text}");
    }
}
