//! Usage in, statements out.

use reqwest::Method;
use serde_json::{Value, json};
use std::io::Write as _;

use crate::fixture::{Answer, House, id};
use crate::world::{
    customer_subscription, default_subscription, directory, mapping, record, registration, stack, tenant,
    usage,
};

/// Used so that usage of an earlier month is charged: the registration was made in November.
async fn backdate(house: &House) {
    let path = format!("/api/v1/registrations/{}/backdate", stack());
    house
        .post(&path, &json!({ "validFrom": "2026-10-01T00:00:00Z" }))
        .await
        .expect(200);
}

fn counts(body: &Value) -> [u64; 4] {
    ["accepted", "duplicate", "revised", "quarantined"].map(|name| body[name].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_for_hours_that_passed_name_the_bills_they_change_and_a_dry_run_changes_none() {
    let house = House::start().await;
    house.register().await;
    backdate(&house).await;
    house
        .deliver(usage("2026-10-01", &["2", "2.50", "0.5"]))
        .await
        .expect(200);
    let statement = format!("/api/v1/statements/{}?period=2026-10", default_subscription());
    let before = house.get(&statement).await.expect(200).body;
    assert_eq!(before["total"], "0.04");
    let list = "/api/v1/price-lists/pay-as-you-use-usd";
    let version = json!({ "currency": "USD", "effectiveFrom": "2026-10-01T00:00:00Z", "prices": [
        { "meterId": before["lines"][0]["meterId"], "meterName": "not looked at", "rates": { "0": "1" } }] });
    house
        .put(&format!("{list}?dryRun=perhaps"), &version)
        .await
        .refused(400, "InvalidQuery");
    for (path, status) in [(format!("{list}?dryRun=true"), 200), (list.to_owned(), 201)] {
        let answer = house.put(&path, &version).await.expect(status);
        let [repriced] = answer.body["repriced"].as_array().unwrap().as_slice() else {
            panic!("{}", answer.body);
        };
        assert_eq!(
            (&repriced["period"], &repriced["subscriptions"]),
            (&json!("2026-10"), &json!(1))
        );
        assert_eq!(
            (&repriced["before"], &repriced["after"]),
            (
                &json!([{ "currency": "USD", "total": "0.04" }]),
                &json!([{ "currency": "USD", "total": "5.00" }])
            )
        );
        let mut warnings = answer.headers.get_all("x-meterbridge-warning").iter();
        let repriced = |said: &str| said.starts_with("UsageRepriced: ") && said.contains("2026-10");
        assert!(warnings.any(|it| repriced(it.to_str().unwrap())), "{answer:?}");
        let after = house.get(&statement).await.expect(200).body;
        assert_eq!(after["total"], if status == 200 { "0.04" } else { "5.00" });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_becomes_a_statement_of_the_default_subscription_and_then_of_the_tenants_own() {
    let house = House::start().await;
    house.register().await;
    backdate(&house).await;
    let answer = house
        .deliver(usage("2026-10-01", &["2", "2.50", "0.125"]))
        .await
        .expect(200);
    assert_eq!(counts(&answer.body), [3, 0, 0, 0]);

    let path = format!("/api/v1/statements/{}?period=2026-10", default_subscription());
    let statement = house.get(&path).await.expect(200).body;
    // 4.625 vCPU hours at 0.008.
    assert_eq!(
        (&statement["total"], &statement["currency"]),
        (&json!("0.04"), &json!("USD"))
    );
    assert_eq!(statement["lines"][0]["quantity"], "4.625");
    assert_eq!(statement["lines"][0]["reason"], "localSubscriptionUnknown");
    let unmapped = house
        .get("/api/v1/usage/unmapped?period=2026-10")
        .await
        .expect(200)
        .body;
    assert_eq!(unmapped["value"][0]["records"], 3);
    assert_eq!(
        (&unmapped["value"][0]["from"], &unmapped["value"][0]["to"]),
        (&json!("2026-10-01T00:00:00Z"), &json!("2026-10-01T03:00:00Z")),
        "the hours used, not those of the month"
    );
    assert_eq!(
        (&unmapped["value"][0]["amount"], &unmapped["value"][0]["currency"]),
        (&json!("0.04"), &json!("USD")),
        "it costs what the default subscription pays"
    );
    assert_eq!(
        unmapped["value"][0]["listValue"],
        json!({ "amount": "0.04", "currency": "USD" })
    );
    assert_eq!(statement["lines"][0]["shares"][0]["stackName"], "north");

    let listed = house
        .put(
            &format!("/api/v1/stacks/{}/subscriptions", stack()),
            &directory(&tenant()),
        )
        .await
        .expect(200);
    let counts = ["listed", "added", "changed"].map(|it| listed.body[it].as_u64().unwrap());
    assert_eq!(counts, [1, 1, 0]);
    let suggestions = "/api/v1/tenant-suggestions?period=2026-10";
    let suggested = house.get(suggestions).await.expect(200).body["value"][0].clone();
    assert_eq!(
        (
            &suggested["cloudId"],
            &suggested["tenantId"],
            &suggested["listValue"]["amount"]
        ),
        (&json!(stack()), &json!(tenant()), &json!("0.04"))
    );
    assert_eq!(
        suggested["subscriptions"][0]["id"],
        json!(customer_subscription())
    );
    assert_eq!(suggested["refused"]["code"], "UnauthorizedCspRegistration");
    let approve = format!("/api/v1/registrations/{}/approve-multi-tenancy", stack());
    house.post(&approve, &json!({})).await.expect(200);
    let suggested = house.get(suggestions).await.expect(200).body["value"][0].clone();
    assert_eq!(
        (&suggested["refused"], &suggested["subscriptions"][0]["refused"]),
        (&Value::Null, &Value::Null)
    );
    let map = json!({ "tenantId": tenant(), "subscriptionId": customer_subscription(), "validFrom": "2026-10-01T01:00:00Z" });
    let mapped = house
        .post(
            &format!("/api/v1/registrations/{}/tenant-mappings", stack()),
            &map,
        )
        .await
        .expect(200);
    assert_eq!(mapped.body["validFrom"], "2026-10-01T01:00:00Z");
    let suggested = house.get(suggestions).await.expect(200).body;
    let before = json!([{ "from": "2026-10-01T00:00:00Z", "to": "2026-10-01T01:00:00Z" }]);
    assert_eq!(
        (
            &suggested["value"][0]["mappedTo"],
            &suggested["value"][0]["unclaimed"]
        ),
        (&json!(customer_subscription()), &before),
        "the tenant has a mapping now, and had none in its first hour"
    );

    let all = house
        .get("/api/v1/statements?period=2026-10")
        .await
        .expect(200)
        .body;
    let quantities: Vec<(&Value, &Value)> = all["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (&it["subscriptionId"], &it["lines"][0]["quantity"]))
        .collect();
    let (own, default) = (json!(customer_subscription()), json!(default_subscription()));
    assert_eq!(quantities, [(&own, &json!("2.625")), (&default, &json!("2"))]);
    assert_eq!(all["value"][0]["subscriptionName"], "Web");
    assert_eq!(all["value"][0]["customer"]["name"], "Customer");
    assert_eq!(all["value"][0]["seller"]["name"], "Contoso");
    let mut one_by_one = Vec::new();
    for list in ["statements", "usage/unmapped"] {
        let mut next = Some(format!("/api/v1/{list}?period=2026-10&top=1"));
        while let Some(path) = next {
            let page = house.get(&path).await.expect(200).body;
            one_by_one.extend(page["value"].as_array().unwrap().clone());
            let link = page["nextLink"].as_str();
            next = link.map(|link| link.replace(house.running.url(), "/"));
        }
        let all = house
            .get(&format!("/api/v1/{list}?period=2026-10"))
            .await
            .expect(200)
            .body;
        assert_eq!(json!(std::mem::take(&mut one_by_one)), all["value"], "{list}");
    }
    let check = house.get("/api/v1/periods/2026-10/check").await.expect(200).body;
    assert_eq!(
        (&check["holds"], &check["violations"]),
        (&json!(true), &json!([]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_sent_again_changes_nothing() {
    let house = House::start().await;
    house.register().await;
    let first = house
        .send(
            house
                .delivery(usage("2026-10-01", &["1"]))
                .await
                .header("Idempotency-Key", "k"),
        )
        .await
        .expect(200);
    let again = house
        .send(
            house
                .delivery(usage("2026-10-01", &["1"]))
                .await
                .header("Idempotency-Key", "k"),
        )
        .await
        .expect(200);
    assert_eq!(first.body, again.body);
    // Nobody takes it for usage that counts once more.
    let told = [&first, &again].map(|it| it.header("x-meterbridge-repeated"));
    assert_eq!(told, ["", "true"]);
    let other = house
        .send(
            house
                .delivery(usage("2026-10-02", &["1"]))
                .await
                .header("Idempotency-Key", "k"),
        )
        .await;
    other.refused(409, "IdempotencyKeyReused");
    let unnamed = house.deliver(usage("2026-10-01", &["1"])).await.expect(200);
    assert_eq!(counts(&unnamed.body), [0, 1, 0, 0]);
    assert_eq!(unnamed.header("x-meterbridge-repeated"), "");
    let revised = house.deliver(usage("2026-10-01", &["3"])).await.expect(200);
    assert_eq!(counts(&revised.body), [0, 0, 1, 0]);
    let receipts = house
        .get(&format!("/api/v1/stacks/{}/receipts?top=2", stack()))
        .await
        .expect(200)
        .body;
    assert_eq!(receipts["value"].as_array().unwrap().len(), 2);
    let next = house
        .send(
            house
                .client
                .get(receipts["nextLink"].as_str().unwrap())
                .bearer_auth(&house.operator),
        )
        .await;
    assert_eq!(next.expect(200).body["value"][0]["sequence"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restored_server_does_not_have_would_never_be_delivered_again() {
    let house = House::start().await;
    house.register().await;
    let deliver = async |day: &str, known: &str| {
        let delivery = house.delivery(usage(day, &["1"])).await;
        let delivery = delivery.query(&[("reportedThrough", "2026-10-03T00:00:00Z")]);
        house
            .send(delivery.header("x-meterbridge-known-receipts", known))
            .await
    };
    let first = house.deliver(usage("2026-10-01", &["1"])).await.expect(200).body;
    let known = |receipt: &Value| format!("{}:{}", receipt["sequence"], receipt["chain"].as_str().unwrap());
    let second = deliver("2026-10-02", &known(&first)).await.expect(200).body;
    assert_eq!(second["sequence"], 2);
    let listed = house
        .get(&format!("/api/v1/stacks/{}/receipts", stack()))
        .await
        .expect(200)
        .body;
    assert_eq!(listed["value"][1]["chain"], second["chain"]);

    // As a deliverer asks to whom another server, or this one before it was restored, gave these.
    let later = known(&second).replacen("2:", "3:", 1);
    let other = format!("{},2:{}", known(&first), "0".repeat(64));
    for lost in [&later, &other] {
        let refused = deliver("2026-10-03", lost).await.refused(409, "ReceiptNotKnown");
        assert_eq!(refused.target(), "x-meterbridge-known-receipts");
        let message = refused.body["error"]["message"].as_str().unwrap();
        for part in [
            "restored from a backup",
            "The last receipt that it has of this stack is 2",
            "2026-10-03T00",
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
    for wrong in ["", "2", "x:y"] {
        let refused = deliver("2026-10-03", wrong)
            .await
            .refused(400, "InvalidKnownReceipts");
        assert_eq!(refused.target(), "x-meterbridge-known-receipts");
    }
    let both = format!("{}, {}", known(&first), known(&second));
    let third = deliver("2026-10-03", &both).await.expect(200).body;
    assert_eq!(third["sequence"], 3, "nothing of all this was stored");
    // What stands in a second line is relied on as well.
    let in_lines = |last: String| {
        let (house, first) = (&house, known(&first));
        async move {
            let delivery = house.delivery(usage("2026-10-03", &["2"])).await;
            let delivery = delivery.header("x-meterbridge-known-receipts", first);
            house
                .send(delivery.header("x-meterbridge-known-receipts", last))
                .await
        }
    };
    in_lines(later.replacen("3:", "9:", 1))
        .await
        .refused(409, "ReceiptNotKnown");
    in_lines("x:y".to_owned())
        .await
        .refused(400, "InvalidKnownReceipts");
    in_lines(known(&second)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_to_less_would_be_answered_as_if_it_counted() {
    let house = House::start().await;
    house.register().await;
    let deliver = async |quantities: &[&str], reported: &str, key: &str| {
        let delivery = house.delivery(usage("2026-10-01", quantities)).await;
        let delivery = delivery.query(&[("reportedStart", reported)]);
        house
            .send(delivery.header("Idempotency-Key", key))
            .await
            .expect(200)
            .body
    };
    let (window, later) = ("2026-10-02T00:00:00Z", "2026-10-02T01:00:00Z");
    let first = deliver(&["5", "5"], window, "whole").await;
    assert_eq!(first["revisedNotCounting"], 0);
    // Of two in the same window the larger counts.
    let less = deliver(&["3", "7"], window, "in the same window").await;
    assert_eq!(counts(&less), [0, 0, 2, 0]);
    assert_eq!(less["revisedNotCounting"], 1);
    let corrected = deliver(&["2", "1"], later, "in a later one").await;
    assert_eq!(counts(&corrected), [0, 0, 2, 0]);
    assert_eq!(corrected["revisedNotCounting"], 0);
    assert_eq!(deliver(&["3", "7"], window, "in the same window").await, less);
    let path = format!("/api/v1/stacks/{}/receipts", stack());
    let receipts = house.get(&path).await.expect(200).body;
    let receipts = receipts["value"].as_array().unwrap();
    let told: Vec<_> = receipts.iter().map(|it| &it["revisedNotCounting"]).collect();
    assert_eq!(told, [0, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_record_costs_its_neighbours_nothing_and_can_be_read_in_quarantine() {
    let house = House::start().await;
    house.register().await;
    let good = record("2026-10-01T00:00:00Z", "2026-10-01T01:00:00Z", "1");
    let bad = record("2026-10-01T00:30:00Z", "2026-10-01T01:30:00Z", "1");
    let answer = house
        .deliver(format!(r#"{{"value":[{bad},{good}]}}"#))
        .await
        .expect(200);
    assert_eq!(counts(&answer.body), [1, 0, 0, 1]);
    assert_eq!(answer.body["problems"][0]["code"], "InvalidUsageTime");
    let quarantine = house
        .get(&format!("/api/v1/quarantine?cloudId={}", stack()))
        .await
        .expect(200)
        .body;
    assert_eq!(quarantine["value"][0]["raw"], bad);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_and_compressed_bodies_are_the_same_usage() {
    let house = House::start().await;
    house.register().await;
    let page = usage("2026-10-01", &["1"]);
    assert_eq!(
        counts(&house.deliver(page.clone()).await.expect(200).body),
        [1, 0, 0, 0]
    );
    let line = record("2026-10-01T00:00:00Z", "2026-10-01T01:00:00Z", "1").replace('\n', "");
    let lines = house
        .delivery(format!("{line}\n{line}\n"))
        .await
        .header("Content-Type", "application/x-ndjson");
    let mut lines = lines.build().unwrap();
    lines.headers_mut().insert(
        "Content-Type",
        "application/x-ndjson; charset=utf-8".parse().unwrap(),
    );
    let answer = Answer::of(house.client.execute(lines).await.unwrap())
        .await
        .expect(200);
    assert_eq!(counts(&answer.body), [0, 2, 0, 0]);

    let zstd = zstd::encode_all(page.as_bytes(), 3).unwrap();
    let answer = house
        .send(house.delivery(zstd).await.header("Content-Encoding", "zstd"))
        .await
        .expect(200);
    assert_eq!(counts(&answer.body), [0, 1, 0, 0]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(page.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let answer = house
        .send(house.delivery(gzip).await.header("Content-Encoding", "gzip"))
        .await
        .expect(200);
    assert_eq!(counts(&answer.body), [0, 1, 0, 0]);
}

/// A page as stacks write them: of three hours, ids in mixed case or without dashes, tags and additional info in every
/// form that occurs, ids that are not unique.
fn page_of_a_stack() -> (String, usize) {
    const TAGS: [&str; 3] = ["", "null", r#"{"costCentre":"47"}"#];
    const ADDITIONAL: [&str; 3] = [
        "",
        r#"{"ServiceType":"Standard_D2_v2"}"#,
        r#"{"a":"{\"b\":\"c \\\\ d\"}"}"#,
    ];
    const METERS: [&str; 3] = [
        "F271A8A388C44D93956A063E1D2FA80B",
        "b5c15376-6c94-4fdd-b655-1a69d138aca3",
        "9CD92D4C-BAFD-4492-B278-BEDC2DE8232A",
    ];
    const QUANTITIES: [&str; 3] = ["16.461425899527967", "6.36465847492218e-06", "2.4000000000"];
    let mut records = Vec::new();
    for number in 0..36 {
        let (turn, subscription) = (number % 3, id('e', number as u32 / 9));
        let groups = ["resourceGroups", "resourcegroups"][number % 2];
        let uri = format!(
            "/subscriptions/{subscription}/{groups}/Web/providers/Microsoft.Storage/storageAccounts/a{number}"
        );
        let instance = json!({ "Microsoft.Resources": {
            "resourceUri": uri, "location": "north", "tags": TAGS[turn], "additionalInfo": ADDITIONAL[number / 3 % 3],
        }});
        let (instance, hour) = (Value::String(instance.to_string()), number / 12);
        let (subscription, meter, quantity) = (subscription.to_uppercase(), METERS[turn], QUANTITIES[turn]);
        records.push(format!(
            r#"{{"id":"/subscriptions/p/providers/Microsoft.Commerce.Admin/UsageAggregate/x","name":"x",
            "type":"Microsoft.Commerce.Admin/UsageAggregate","properties":{{"subscriptionId":"{subscription}",
            "usageStartTime":"2026-10-01T{hour:02}:00:00+00:00","usageEndTime":"2026-10-01T{:02}:00:00+00:00",
            "instanceData":{instance},"quantity":{quantity},"meterId":"{meter}","name":"x"}}}}"#,
            hour + 1
        ));
    }
    (format!(r#"{{"value":[{}]}}"#, records.join(",")), records.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_as_stacks_write_it_is_taken_in_whole_and_the_second_time_all_of_it_is_duplicate() {
    let house = House::start().await;
    house.register().await;
    let (page, records) = page_of_a_stack();
    let records = u64::try_from(records).unwrap();
    let first = house.deliver(page.clone()).await.expect(200);
    assert_eq!(
        counts(&first.body),
        [records, 0, 0, 0],
        "{}",
        first.body["problems"]
    );
    let respelt = page
        .replace("resourcegroups", "RESOURCEGROUPS")
        .replace("B5C15376", "b5c15376");
    let second = house.deliver(respelt).await.expect(200);
    assert_eq!(counts(&second.body), [0, records, 0, 0]);
    let measured = house
        .get("/api/v1/usage/measured?period=2026-10")
        .await
        .expect(200)
        .body;
    let measured = measured["value"].as_array().unwrap();
    let quantities: Vec<&str> = measured
        .iter()
        .map(|it| it["quantity"].as_str().unwrap())
        .collect();
    for exact in ["197.537110794335604", "0.00007637590169906616", "28.8"] {
        assert!(quantities.contains(&exact), "{exact} in {quantities:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_sent_as_lines_would_have_been_lost_under_its_key_when_it_was_sent_as_a_page() {
    let house = House::start().await;
    house.register().await;
    let deliver = async |page: &str, key: &str, content_type: &str| {
        let delivery = house.delivery(page.to_owned()).await;
        let mut delivery = delivery.header("Idempotency-Key", key).build().unwrap();
        let headers = delivery.headers_mut();
        headers.insert("Content-Type", content_type.parse().unwrap());
        Answer::of(house.client.execute(delivery).await.unwrap()).await
    };
    let (lines, page) = ("application/x-ndjson", "application/json");
    let one_line = usage("2026-10-01", &["1"]).replace('\n', "");
    let told = deliver(&one_line, "k1", lines).await.refused(400, "PageInLines");
    let message = told.body["error"]["message"].as_str().unwrap();
    assert!(message.contains(page), "{message}");
    let answer = deliver(&one_line, "k1", page).await.expect(200);
    assert_eq!(counts(&answer.body), [1, 0, 0, 0]);
    // One that is spread over lines cannot be told from bad ones, and is entered under its key.
    let spread = usage("2026-10-02", &["1"])
        .replacen('{', "{\n\n", 1)
        .replacen('[', "[\n", 1);
    let answer = deliver(&spread, "k2", lines).await.expect(200);
    assert_eq!(answer.body["accepted"], 0);
    deliver(&spread, "k2", page)
        .await
        .refused(409, "IdempotencyKeyReused");
    deliver(&spread, "k2", lines).await.expect(200);
    let answer = deliver(&spread, "k3", page).await.expect(200);
    assert_eq!(counts(&answer.body), [1, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_or_a_completeness_that_comes_under_a_used_key_is_not_swallowed() {
    let house = House::start().await;
    house.register().await;
    let deliver = async |parameters: &[(&str, &str)]| {
        let delivery = house.delivery(usage("2026-10-01", &["1"])).await;
        let delivery = delivery.query(parameters).header("Idempotency-Key", "k");
        house.send(delivery).await
    };
    let first = [
        ("reportedStart", "2026-10-01T13:00:00Z"),
        ("reportedEnd", "2026-10-01T14:00:00Z"),
    ];
    deliver(&first).await.expect(200);
    deliver(&first).await.expect(200);
    let other_start = [("reportedStart", "2026-10-01T12:00:00Z"), first[1]];
    let other_end = [first[0], ("reportedEnd", "2026-10-01T15:00:00Z")];
    let through = [first[0], first[1], ("reportedThrough", "2026-10-01T14:00:00Z")];
    for other in [&other_start[..], &other_end, &through, &first[..1], &[]] {
        let refused = deliver(other).await.refused(409, "IdempotencyKeyReused");
        assert_eq!(refused.target(), "Idempotency-Key", "{other:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_that_has_not_happened_yet_is_not_charged() {
    let house = House::start().await;
    house.register().await;
    let past = record("2026-11-02T09:00:00Z", "2026-11-02T10:00:00Z", "1");
    let future = record("2026-11-02T12:00:00Z", "2026-11-02T13:00:00Z", "1");
    let next_year = record("2027-11-02T00:00:00Z", "2027-11-03T00:00:00Z", "1");
    let answer = house
        .deliver(format!(r#"{{"value":[{future},{past},{next_year}]}}"#))
        .await
        .expect(200);
    assert_eq!(counts(&answer.body), [1, 0, 0, 2]);
    let problem = &answer.body["problems"][0];
    assert_eq!(
        (&problem["index"], &problem["code"]),
        (&json!(0), &json!("UsageInFuture"))
    );
    let message = problem["message"].as_str().unwrap();
    assert!(
        message.contains("usageStartTime") && message.contains("2026-11-02T11:00:00Z"),
        "{message}"
    );
    let quarantine = house.get("/api/v1/quarantine").await.expect(200).body;
    assert_eq!(quarantine["value"][1]["raw"], next_year);

    for (name, start) in [
        ("reportedEnd", "2026-11-02T10:00:00Z"),
        ("reportedThrough", ""),
        ("reportedStart", ""),
    ] {
        let window = [("reportedStart", start), (name, "2026-11-02T12:00:00Z")];
        let window: Vec<_> = window.into_iter().filter(|(_, hour)| !hour.is_empty()).collect();
        let delivery = house.delivery(usage("2026-10-01", &["1"])).await.query(&window);
        let refused = house.send(delivery).await.refused(400, "ReportedTimeInFuture");
        assert_eq!(refused.target(), name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_of_usage_that_nobody_will_pay_for_says_so() {
    let house = House::start().await;
    house.register().await;
    let page = usage("2026-10-01", &["1", "2"]);
    let answer = house.deliver(page.clone()).await.expect(200);
    assert_eq!(answer.body["unregistered"], 2);
    let warning = &answer.body["warnings"][0];
    assert_eq!(warning["code"], "UnregisteredUsage");
    let message = warning["message"].as_str().unwrap();
    assert!(
        message.contains("2026-10-01T00:00:00Z") && message.contains("backdate"),
        "{message}"
    );
    backdate(&house).await;
    let again = house.deliver(page).await.expect(200);
    assert_eq!(
        (&again.body["unregistered"], &again.body["warnings"]),
        (&json!(0), &json!([]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_page_is_taken_in_whole_and_the_second_time_all_of_it_is_duplicate() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/real/subscriber-usage-hour.json"
    );
    let Ok(page) = std::fs::read_to_string(path) else {
        eprintln!("NOT RUN: {path} is missing, so no real usage was delivered");
        return;
    };
    let house = House::start().await;
    house.register().await;
    let first = house.deliver(page.clone()).await.expect(200);
    assert_eq!(counts(&first.body), [236, 0, 0, 0], "{}", first.body["problems"]);
    let second = house.deliver(page).await.expect(200);
    assert_eq!(counts(&second.body), [0, 236, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_reported_is_shown_with_its_window_and_page_by_page() {
    let house = House::start().await;
    house.register().await;
    let window = [
        ("reportedStart", "2026-10-01T05:00:00Z"),
        ("reportedEnd", "2026-10-01T06:00:00Z"),
        ("reportedThrough", "2026-10-01T06:00:00Z"),
    ];
    let delivery = house
        .delivery(usage("2026-10-01", &["1", "2", "3"]))
        .await
        .query(&window);
    house.send(delivery).await.expect(200);
    let stacks = house.get("/api/v1/stacks").await.expect(200).body;
    assert_eq!(stacks["value"][0]["reportedThrough"], "2026-10-01T06:00:00Z");
    assert_eq!(stacks["value"][0]["registrationId"], registration("north"));
    let made = stacks["value"][0]["registeredAt"].as_str().unwrap();
    assert_eq!(stacks["value"][0]["validFrom"], format!("{}:00:00Z", &made[..13]));

    let mut path = format!(
        "/api/v1/stacks/{}/usage?localSubscriptionId={}&top=2",
        stack(),
        id('e', 1)
    );
    let mut quantities = Vec::new();
    loop {
        let page = house.get(&path).await.expect(200).body;
        quantities.extend(
            page["value"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["quantity"].as_str().unwrap().to_owned()),
        );
        assert_eq!(page["value"][0]["reported"], "2026-10-01T05:00:00Z");
        let Some(next) = page["nextLink"].as_str() else {
            break;
        };
        path = next.replace(house.running.url(), "/");
    }
    assert_eq!(quantities, ["1", "2", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activation_key_ends_with_its_registration() {
    let house = House::start().await;
    house.register().await;
    let delivery = house.delivery(usage("2026-10-01", &["1"])).await;
    house
        .delete(&crate::world::at(&registration("north")))
        .await
        .expect(200);
    house
        .send(delivery.try_clone().unwrap())
        .await
        .refused(401, "ActivationKeyRevoked");
    let body = crate::world::registration_body(&stack(), "PayAsYouUse");
    house
        .put(&crate::world::at(&registration("north")), &body)
        .await
        .expect(201);
    house.send(delivery).await.refused(401, "ActivationKeyRevoked");
    house.deliver(usage("2026-10-01", &["1"])).await.expect(200);
    let unmapped = house.request(Method::GET, &mapping("north", &customer_subscription()));
    house
        .send(unmapped)
        .await
        .refused(404, "CustomerSubscriptionNotFound");
}
