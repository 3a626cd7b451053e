//! Files of Partner Center over HTTPS: understood, compared, refused.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{Answer, House, id};
use crate::periods::{closed, october, uses};
use crate::world::{customer_subscription, partner};

const HEADER: &str = "Subscription ID,METERID,UsageDate,quantity,Billing_PreTax_Total,BillingCurrency";

async fn reconciled(house: &House, query: &str, text: &str) -> Answer {
    let path = format!("/api/v1/reconciliations?{query}");
    house
        .send(house.request(Method::POST, &path).body(text.to_owned()))
        .await
}

async fn october_with(house: &House, text: &str) -> Value {
    reconciled(house, "period=2026-10", text).await.expect(200).body
}

/// The file of somebody who charged just what is missing there.
fn file_of(found: &Value) -> Vec<String> {
    let missing = found["differences"].as_array().unwrap();
    let lines = missing.iter().map(|it| {
        assert_eq!(it["class"], "missingThere", "{it}");
        let (of, ours) = (|member: &str| it[member].as_str().unwrap(), &it["ours"]);
        format!(
            "{},{},{}T00:00:00Z,{},{},{}",
            of("subscriptionId"),
            of("meterId").to_uppercase(),
            of("from"),
            ours["quantity"].as_str().unwrap(),
            ours["amount"].as_str().unwrap(),
            of("currency")
        )
    });
    std::iter::once(format!("\u{feff}{HEADER}"))
        .chain(lines)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_of_a_closed_month_is_compared_with_its_invoice_to_the_cent() {
    let house = House::start().await;
    october(&house).await;
    let running = october_with(&house, HEADER).await;
    assert_eq!(running["closed"], false);
    closed(&house).await;
    let invoice = house.get("/api/v1/invoices/MB-000001").await.expect(200).body;
    let empty = october_with(&house, HEADER).await;
    assert_eq!(empty["closed"], true);
    assert_eq!(empty["differences"], running["differences"]);
    let [amounts] = &empty["amounts"].as_array().unwrap()[..] else {
        panic!("{empty}")
    };
    assert_eq!(amounts["currency"], "USD");
    assert_eq!(amounts["total"]["ours"], invoice["subtotal"]);
    assert_eq!(amounts["total"]["theirs"], "0.00");
    assert_eq!(amounts["classes"][0]["class"], "missingThere");
    assert_eq!(amounts["classes"][0]["ours"], invoice["subtotal"]);
    assert_eq!(amounts["addsUp"], true);

    let lines = file_of(&empty);
    assert_eq!(lines.len(), 3, "a day of each of two subscriptions: {lines:?}");
    let same = october_with(&house, &lines.join("\r\n")).await;
    assert_eq!(same["differences"], json!([]));
    let amounts = &same["amounts"][0];
    assert_eq!(amounts["matched"], amounts["total"]);
    assert_eq!(amounts["total"]["theirs"], invoice["subtotal"]);
    assert_eq!(same["file"]["kind"], "dailyRated");
    assert_eq!(same["file"]["amounts"], json!({ "USD": invoice["subtotal"] }));
    assert_eq!(
        (&same["file"]["firstDay"], &same["file"]["lastDay"]),
        (&json!("2026-10-02"), &json!("2026-10-05"))
    );
    assert!(
        same["quantities"]
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it["addsUp"] == true && it["meter"].is_string())
    );

    let shifted = lines.join("\n").replace("2026-10-05T", "2026-10-06T");
    let shifted = october_with(&house, &shifted).await;
    let [difference] = &shifted["differences"].as_array().unwrap()[..] else {
        panic!("{shifted}")
    };
    assert_eq!(
        (&difference["class"], &difference["cause"]),
        (&json!("shiftedDay"), &json!("Shifted"))
    );
    assert_eq!(
        (&difference["from"], &difference["to"]),
        (&json!("2026-10-05"), &json!("2026-10-06"))
    );
    assert_eq!(difference["amountDifference"], "0.00");
    assert_eq!(difference["subscriptionId"], customer_subscription());

    uses(&house, 6, "5").await;
    let read: wire::api::Reconciliation = serde_json::from_value(same.clone()).unwrap();
    assert_eq!(
        serde_json::to_value(read).unwrap(),
        same,
        "a client loses nothing of it"
    );
    assert_eq!(
        october_with(&house, &lines.join("\n")).await,
        same,
        "what came later is no part of the invoice"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_not_understood_is_listed_and_is_in_no_total() {
    let house = House::start().await;
    october(&house).await;
    let mut lines = file_of(&october_with(&house, HEADER).await);
    let wrong = lines[1].replace("T00:00:00Z", "x");
    lines.push(wrong.clone());
    let text = lines.join("\n");
    let found = october_with(&house, &text).await;
    assert_eq!(found["differences"], json!([]));
    let [rejected] = &found["file"]["rejected"].as_array().unwrap()[..] else {
        panic!("{found}")
    };
    assert_eq!(
        (&rejected["line"], &rejected["code"]),
        (&json!(4), &json!("InvalidDate"))
    );
    assert_eq!(rejected["text"], wrong.as_str());

    let preview = reconciled(&house, "period=2026-10&dryRun=true", &text)
        .await
        .expect(200)
        .body;
    assert_eq!(preview["file"], found["file"]);
    assert_eq!(preview["amounts"], json!([]), "nothing was compared");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconciliation_that_cannot_be_had_says_what_would_be_right() {
    let house = House::start().await;
    october(&house).await;
    for (query, text, status, code, target) in [
        ("", HEADER, 400, "InvalidPeriod", "period"),
        ("period=october", HEADER, 400, "InvalidPeriod", "period"),
        (
            "period=2026-10&month=1",
            HEADER,
            400,
            "UnknownQueryParameter",
            "month",
        ),
        ("period=2026-10&buyer=me", HEADER, 400, "InvalidQuery", "buyer"),
        (
            "period=2026-10&decimalMark=%2C",
            HEADER,
            400,
            "InvalidQuery",
            "decimalMark",
        ),
        (
            "period=2026-10&dateOrder=us",
            HEADER,
            400,
            "InvalidQuery",
            "dateOrder",
        ),
        (
            "period=2026-10&dryRun=maybe",
            HEADER,
            400,
            "InvalidQuery",
            "dryRun",
        ),
        ("period=2026-10", "", 400, "UnreadableLineItems", ""),
        ("period=2026-10", "a,b\n1,2\n", 400, "UnreadableLineItems", ""),
    ] {
        let refused = reconciled(&house, query, text).await.refused(status, code);
        assert_eq!(refused.target(), target, "{query}");
    }
    let buyer = format!("period=2026-10&buyer=partner:{}", id('a', 99));
    reconciled(&house, &buyer, HEADER)
        .await
        .refused(404, "AccountNotFound");
    let buyer = format!("period=2026-10&buyer=partner:{}", partner());
    reconciled(&house, &buyer, HEADER).await.expect(200);
}
