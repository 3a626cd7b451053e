//! Billing periods and invoices over HTTPS: closed, listed, read, replayed, and finished by whoever comes after.

use std::sync::Arc;
use std::time::Duration;

use domain::books::{Books, Mark};
use domain::ids::ObjectId;
use domain::time::{Hour, Period};
use serde_json::{Value, json};
use server::{Limits, Pace, ServerConfig, WebhooksConfig};
use store::{ChangeError, Document, Store, bill_forms};
use wire::api::{InvoiceStatus, LineId, LineOf};

use crate::fixture::{DataDirectory, House, TestClock, TestRandom};
use crate::lifecycle::reopened;
use crate::world::{customer_subscription, default_subscription, directory, partner, record, stack, tenant};

pub(crate) const OCTOBER: &str = "/api/v1/periods/2026-10";

/// A stack that was registered for the whole of October, whose tenant is the customer's from the 3rd on.
pub(crate) async fn october(house: &House) {
    house.register().await;
    let path = |what: &str| format!("/api/v1/registrations/{}/{what}", stack());
    let from = json!({ "validFrom": "2026-10-01T00:00:00Z" });
    house.post(&path("backdate"), &from).await.expect(200);
    let approve = path("approve-multi-tenancy");
    house.post(&approve, &json!({})).await.expect(200);
    let listing = format!("/api/v1/stacks/{}/subscriptions", stack());
    house.put(&listing, &directory(&tenant())).await.expect(200);
    let mapping = json!({ "tenantId": tenant(), "subscriptionId": customer_subscription(),
        "validFrom": "2026-10-03T00:00:00Z" });
    house.post(&path("tenant-mappings"), &mapping).await.expect(200);
    uses(house, 2, "100").await;
    uses(house, 5, "1000").await;
}

/// Of a day of October something is delivered.
pub(crate) async fn uses(house: &House, day: u32, quantity: &str) {
    let record = record(
        &format!("2026-10-{day:02}T10:00:00Z"),
        &format!("2026-10-{day:02}T11:00:00Z"),
        quantity,
    );
    let delivered = house
        .deliver(format!(r#"{{"value":[{record}]}}"#))
        .await
        .expect(200);
    assert_eq!(delivered.body["accepted"], 1, "{delivered:?}");
}

/// The stack says that it has reported everything of October.
async fn declares(house: &House) {
    let delivery = house.delivery(r#"{"value":[]}"#).await;
    let through = [("reportedThrough", "2026-11-01T00:00:00Z")];
    house.send(delivery.query(&through)).await.expect(200);
}

pub(crate) async fn closed(house: &House) -> Value {
    declares(house).await;
    house
        .post(&format!("{OCTOBER}/close"), &json!({ "first": true }))
        .await
        .expect(200)
        .body
}

fn cents(amount: &Value) -> i128 {
    amount.as_str().unwrap().replace('.', "").parse().unwrap()
}

fn sum<'a>(lines: impl IntoIterator<Item = &'a Value>) -> i128 {
    lines.into_iter().map(|line| cents(&line["amount"])).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_waits_for_its_stacks_by_name_and_closes_once() {
    let house = House::start().await;
    october(&house).await;
    let close = format!("{OCTOBER}/close");
    let listed = house.get("/api/v1/periods").await.expect(200).body;
    assert_eq!(
        listed["value"],
        json!([{ "period": "2026-10", "state": "open" }, { "period": "2026-11", "state": "open" }])
    );
    let open = house.get(OCTOBER).await.expect(200).body;
    let waits = json!([{ "cloudId": stack(), "stackName": "north", "expected": "2026-11-01T00:00:00Z" }]);
    assert_eq!(open["waitsFor"], waits, "{open}");
    house
        .post(&close, &json!({ "first": true }))
        .await
        .refused(409, "PeriodIncomplete");
    let waiver = json!({ "stack": stack(), "reason": "burnt down" });
    let waived = house
        .post(&format!("{OCTOBER}/waivers"), &waiver)
        .await
        .expect(200);
    let waived = &waived.body["waitsFor"][0]["waived"];
    assert_eq!(waived["reason"], "burnt down", "{waived}");
    assert_eq!(waived["waivedAt"], "2026-11-02T10:30:00Z", "{waived}");

    let slip = house.post(&close, &json!({})).await.refused(409, "FirstPeriod");
    let told = slip.body["error"]["message"].as_str().unwrap();
    assert!(told.contains("close it with \"first\": true"), "{told}");
    let first = house
        .post(&close, &json!({ "first": true }))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&first["state"], &first["invoices"]),
        (&json!("closed"), &json!(2)),
        "{first}"
    );
    assert_eq!(first["digest"].as_str().unwrap().len(), 64, "{first}");
    assert_eq!(first["closedBy"], waived["waivedBy"]);
    let again = house
        .post(&close, &json!({ "first": true }))
        .await
        .expect(200)
        .body;
    assert_eq!(again, first);
    assert_eq!(house.get(OCTOBER).await.expect(200).body, first);
    house
        .post(&format!("{OCTOBER}/waivers"), &waiver)
        .await
        .refused(409, "PeriodClosed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_says_to_the_cent_what_it_is_made_of_and_who_is_on_it() {
    let house = House::start().await;
    october(&house).await;
    let tax = json!({ "from": "2026-10", "terms": { "tax": { "percent": "25", "label": "VAT" } } });
    house.put("/api/v1/terms", &tax).await.expect(200);
    closed(&house).await;
    let invoice = house.get("/api/v1/invoices/mb-000001").await.expect(200).body;
    assert_eq!(invoice["number"], "MB-000001");
    assert_eq!(invoice["status"], "issued");
    assert_eq!(invoice["issuedAt"], "2026-11-02T10:30:00Z");
    assert_eq!(invoice["seller"], json!({ "kind": "platform" }));
    let buyer = json!({ "kind": "partner", "id": partner(), "name": "Contoso" });
    assert_eq!(invoice["buyer"], buyer);
    let lines = invoice["lines"].as_array().unwrap();
    let shown: Vec<_> = lines
        .iter()
        .map(|it| (&it["kind"], &it["subscriptionName"]))
        .collect();
    let usage = json!("usage");
    assert_eq!(
        shown,
        [
            (&usage, &json!("Web")),
            (&usage, &json!("Shared")),
            (&json!("tax"), &Value::Null)
        ]
    );
    for line in &lines[..2] {
        let used = &line["usage"];
        assert_eq!(used["amount"], line["amount"]);
        assert_eq!(sum(used["shares"].as_array().unwrap()), cents(&line["amount"]));
        assert_eq!(used["shares"][0]["stackName"], "north");
        assert_ne!(used["meterName"], "", "{used}");
    }
    assert_eq!(lines[0]["usage"]["shares"][0]["customerName"], "Customer");
    let (of_lines, of_tax) = (sum(&lines[..2]), cents(&lines[2]["amount"]));
    assert!(of_lines > 0 && of_tax > 0, "{invoice}");
    assert_eq!(
        lines[2]["tax"],
        json!({ "label": "VAT", "percent": "25", "on": invoice["subtotal"] })
    );
    let sums = ["subtotal", "tax", "total"].map(|member| cents(&invoice[member]));
    assert_eq!(sums, [of_lines, of_tax, of_lines + of_tax]);
    for line in lines {
        let id: LineId = line["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(id.of, LineOf::Invoice("MB-000001".to_owned()));
        assert_eq!(id.period.to_string(), "2026-10");
        let subscription = id.key.subscription().map(|it| it.to_string());
        assert_eq!(subscription.as_deref(), line["subscriptionId"].as_str());
    }
    let read: wire::api::Invoice = serde_json::from_value(invoice.clone()).unwrap();
    assert_eq!(read.status, InvoiceStatus::Issued);
    assert_eq!(
        serde_json::to_value(read).unwrap(),
        invoice,
        "a client loses nothing of it"
    );

    let statement = format!("/api/v1/statements/{}?period=2026-10", customer_subscription());
    let statement = house.get(&statement).await.expect(200).body;
    let number = domain::invoice::InvoiceNumber {
        seller: domain::chain::Seller::Partner(partner().parse().unwrap()),
        sequence: 1,
    };
    let retail = house
        .get(&format!("/api/v1/invoices/{number}"))
        .await
        .expect(200)
        .body;
    assert_eq!(
        retail["subtotal"], statement["total"],
        "the invoice is the statement at the close"
    );
    assert_eq!(retail["seller"]["name"], "Contoso");
    assert_eq!(retail["buyer"]["customer"]["name"], "Customer");
}

#[tokio::test(flavor = "multi_thread")]
async fn invoices_are_listed_page_by_page_and_by_what_they_are_about() {
    let house = House::start().await;
    october(&house).await;
    closed(&house).await;
    let numbers = async |query: &str| {
        let mut found = Vec::new();
        let mut next = Some(format!("/api/v1/invoices?top=1{query}"));
        while let Some(path) = next {
            let page = house.get(&path).await.expect(200).body;
            let invoices = page["value"].as_array().unwrap();
            found.extend(
                invoices
                    .iter()
                    .map(|it| it["number"].as_str().unwrap().to_owned()),
            );
            let link = page["nextLink"].as_str();
            next = link.map(|link| link.replace(house.running.url(), "/"));
        }
        found
    };
    let all = numbers("").await;
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(all[0], "MB-000001");
    let (seller, buyer) = (partner(), customer_subscription());
    for (query, expected) in [
        ("&period=2026-10".to_owned(), &all[..]),
        ("&period=2026-09".to_owned(), &[]),
        ("&seller=platform".to_owned(), &all[..1]),
        (format!("&seller={seller}"), &all[1..]),
        (format!("&buyer=partner:{seller}"), &all[..1]),
        (format!("&buyer=subscription:{buyer}"), &all[1..]),
        (format!("&subscription={buyer}"), &all[..]),
        (format!("&subscription={}", default_subscription()), &all[..1]),
    ] {
        assert_eq!(numbers(&query).await, expected, "{query}");
    }
    let listed = house.get("/api/v1/invoices").await.expect(200).body;
    let (first, whole) = (&listed["value"][0], house.get("/api/v1/invoices/MB-000001").await);
    for member in [
        "total", "subtotal", "tax", "buyer", "seller", "currency", "period",
    ] {
        assert_eq!(first[member], whole.body[member], "{member}");
    }
    assert_eq!(first["lines"], whole.body["lines"].as_array().unwrap().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_issued_is_reckoned_again_to_the_same_bytes() {
    let house = House::start().await;
    october(&house).await;
    closed(&house).await;
    let replay = async |path: &str| house.post(path, &json!({})).await.expect(200).body;
    let one = replay("/api/v1/invoices/MB-000001/replay").await;
    assert_eq!(
        (&one["same"], &one["storedDigest"]),
        (&json!(true), &one["computedDigest"]),
        "{one}"
    );
    assert_eq!(one["number"], "MB-000001");
    // What comes later changes nothing of it.
    uses(&house, 6, "5").await;
    let all = replay(&format!("{OCTOBER}/replay")).await;
    assert_eq!(
        (&all["same"], &all["period"]),
        (&json!(true), &json!("2026-10")),
        "{all}"
    );
    assert_eq!(all["invoices"].as_array().unwrap().len(), 2);
    assert_eq!(all["invoices"][0], one);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_running_bill_shows_what_sets_right_the_closed_month() {
    let house = House::start().await;
    october(&house).await;
    let running = |period: &str, buyer: &str| {
        format!("/api/v1/periods/{period}/running/statement?seller=platform&buyer={buyer}&currency=USD")
    };
    let buyer = format!("partner:{}", partner());
    let before = house.get(&running("2026-10", &buyer)).await.expect(200).body;
    closed(&house).await;
    let issued = house.get("/api/v1/invoices/MB-000001").await.expect(200).body;
    for member in ["subtotal", "total", "priceLists", "buyer"] {
        assert_eq!(before["bill"][member], issued[member], "{member}");
    }
    assert_eq!(before["bill"]["status"], "open");
    assert_eq!(
        before["bill"].get("number"),
        None,
        "numbers are given at the close"
    );
    house
        .get(&running("2026-10", &buyer))
        .await
        .refused(409, "PeriodClosed");

    uses(&house, 6, "1000").await;
    let accounts = house
        .get("/api/v1/periods/2026-11/running")
        .await
        .expect(200)
        .body;
    let named: Vec<(&Value, &Value)> = accounts["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (&it["seller"]["kind"], &it["buyer"]["name"]))
        .collect();
    let (wholesale, retail) = (json!("platform"), json!("partner"));
    let (contoso, web) = (json!("Contoso"), json!("Web"));
    assert_eq!(
        named,
        [(&wholesale, &contoso), (&retail, &web)],
        "nothing was used in November, and there is something to set right"
    );
    let now = house.get(&running("2026-11", &buyer)).await.expect(200).body;
    let bill = &now["bill"];
    let [correction] = &bill["corrections"].as_array().unwrap()[..] else {
        panic!("{bill}")
    };
    assert_eq!(correction["cause"], "lateUsage", "{correction}");
    assert_eq!(correction["period"], "2026-10");
    assert_eq!(correction["subscriptionName"], "Web");
    let [was, is, amount] = ["billed", "now", "amount"].map(|member| cents(&correction[member]));
    assert!(
        was > 0 && is - was == amount && amount == cents(&bill["total"]),
        "{correction}"
    );
    let id: LineId = correction["id"].as_str().unwrap().parse().unwrap();
    let LineOf::Running { period, account } = id.of else {
        panic!("{correction}")
    };
    assert_eq!(
        (period.to_string(), account.currency.to_string()),
        ("2026-11".to_owned(), "USD".to_owned())
    );
    assert_eq!(id.period.to_string(), "2026-10");
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_cores_and_rates_are_said_as_they_were_set() {
    let house = House::start().await;
    house.register().await;
    let terms = json!({
        "minimumCommitment": { "amount": "100.00", "currency": "USD" },
        "credit": { "amount": "5.50", "currency": "USD" },
        "tax": { "percent": "25", "label": "VAT" },
        "capacityFee": { "perCoreAndYear": "144", "currency": "USD" },
    });
    let buyer = json!({ "kind": "subscription", "id": customer_subscription() });
    let set = json!({ "seller": partner(), "buyer": buyer, "from": "2026-11", "terms": terms });
    let answer = house.put("/api/v1/terms", &set).await.expect(200).body;
    assert_eq!(answer["terms"], terms);
    assert_eq!(
        (&answer["seller"]["name"], &answer["buyer"]["name"]),
        (&json!("Contoso"), &json!("Web"))
    );
    let all = house.get("/api/v1/terms?top=1").await.expect(200).body;
    assert_eq!(all, json!({ "value": [answer] }));
    let for_all = json!({ "from": "2026-11", "terms": {} });
    house.put("/api/v1/terms", &for_all).await.expect(200);
    let first = house.get("/api/v1/terms?top=1").await.expect(200).body;
    assert_eq!(first["value"][0].get("buyer"), None, "{first}");
    let next = first["nextLink"]
        .as_str()
        .unwrap()
        .replace(house.running.url(), "/");
    assert_eq!(house.get(&next).await.expect(200).body, all);

    let cores = json!({ "cores": 16, "from": "2026-11-02T00:00:00Z" });
    let path = format!("/api/v1/registrations/{}/cores", stack());
    let stated = house.put(&path, &cores).await.expect(200).body;
    assert_eq!(
        stated,
        json!({ "cloudId": stack(), "cores": 16, "from": "2026-11-02T00:00:00Z" })
    );

    let rate = json!({ "from": "EUR", "to": "USD", "rate": "1.0825", "since": "2026-11-01T00:00:00Z" });
    let set = house.put("/api/v1/exchange-rates", &rate).await.expect(200).body;
    for member in ["from", "to", "rate", "since"] {
        assert_eq!(set[member], rate[member], "{member}");
    }
    let later = json!({ "from": "EUR", "to": "USD", "rate": "1.1", "since": "2026-11-02T00:00:00Z" });
    let later = house.put("/api/v1/exchange-rates", &later).await.expect(200).body;
    let first = house.get("/api/v1/exchange-rates?top=1").await.expect(200).body;
    assert_eq!(first["value"], json!([set]));
    let next = first["nextLink"]
        .as_str()
        .unwrap()
        .replace(house.running.url(), "/");
    assert_eq!(
        house.get(&next).await.expect(200).body,
        json!({ "value": [later] })
    );
}

/// Does what a server does that begins to close October and dies then.
async fn begins_and_dies(store: &Store) {
    let catalog = bill_forms::encode_catalog(&wire::catalog::meters().unwrap()).unwrap();
    let digest = *blake3::hash(&catalog).as_bytes();
    store
        .bills
        .put_all(vec![Document::catalog(catalog)])
        .await
        .unwrap();
    let progress = store.usage.progress().await.unwrap().into_iter();
    let marks = progress.map(|it| Mark {
        stack: it.stack,
        sequence: it.sequence,
    });
    let marks: Vec<Mark> = marks.collect();
    let books = store::Books::load(Arc::clone(&store.journal)).await.unwrap();
    let (at, by) = (
        "2026-11-02T10:30:00Z".parse().unwrap(),
        ObjectId::from_bytes([7; 16]),
    );
    let begin = |books: &Books| {
        let october: Period = "2026-10".parse().unwrap();
        let entry = books.begin_closing(october, Hour::containing(at), marks.clone(), digest)?;
        Ok((vec![entry], ()))
    };
    let begun: Result<(), ChangeError<domain::books::PeriodRefused>> = books.change(at, by, begin).await;
    begun.unwrap();
}

/// Waits until October is closed, without asking anybody to close it.
async fn is_closed_in_time(house: &House) {
    for _ in 0..600 {
        let period = house.get(OCTOBER).await.expect(200).body;
        if period["state"] == "closed" {
            let by = ObjectId::from_bytes([7; 16]).to_string();
            assert_eq!(period["closedBy"], by, "it was closed by who began it");
            assert_eq!(period["invoices"], 2, "{period}");
            return;
        }
        assert_eq!(period["state"], "closing", "{period}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nobody closes what was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_while_it_closes_would_leave_a_month_without_invoices() {
    let house = House::start().await;
    october(&house).await;
    let House {
        running,
        directory,
        app,
        clock,
        ..
    } = house;
    running.shutdown().await.unwrap();
    drop(app);
    // Whoever had the store open may still be leaving.
    drop(reopened(&directory, &clock).await);
    let store = loop {
        match store::open(&directory.store()) {
            Err(store::StoreError::InUse { .. }) => tokio::time::sleep(Duration::from_millis(50)).await,
            opened => break opened.unwrap(),
        }
    };
    begins_and_dies(&store).await;
    drop(store);
    let app = reopened(&directory, &clock).await;
    let house = House::start_app(directory, clock, app, Limits::default()).await;
    is_closed_in_time(&house).await;
    let replay = house
        .post(&format!("{OCTOBER}/replay"), &json!({}))
        .await
        .expect(200)
        .body;
    assert_eq!(replay["same"], true, "{replay}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_alone_is_finished_for_by_the_one_that_has_the_duty() {
    let Some(shared) = DataDirectory::shared() else {
        return;
    };
    let clock = TestClock::at("2026-11-02T10:30:00Z");
    let app = server::open(shared.store(), clock.clone(), Arc::new(TestRandom))
        .await
        .unwrap();
    let webhooks = WebhooksConfig {
        pace: Pace {
            look: Duration::from_millis(50),
            watch: Duration::from_millis(50),
            ..Pace::default()
        },
        ..WebhooksConfig::default()
    };
    let change = |config| ServerConfig { webhooks, ..config };
    let house = House::start_as(shared, clock, app, change).await;
    october(&house).await;
    let store = house.directory.store();
    let store = tokio::task::spawn_blocking(move || store::open(&store).unwrap())
        .await
        .unwrap();
    begins_and_dies(&store).await;
    is_closed_in_time(&house).await;
}
