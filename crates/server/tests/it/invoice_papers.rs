//! Bills on paper over HTTPS, and who is named on them.

use reqwest::Method;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde_json::json;

use crate::fixture::House;
use crate::periods::{OCTOBER, closed, october, uses};
use crate::world::{customer_subscription, partner};

async fn fetched(house: &House, path: &str) -> (String, String, Vec<u8>) {
    let answer = house.request(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    let header = |name| answer.headers()[name].to_str().unwrap().to_owned();
    let (of, called) = (header(CONTENT_TYPE), header(CONTENT_DISPOSITION));
    (of, called, answer.bytes().await.unwrap().to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_is_a_table_a_document_and_a_pdf_and_each_is_the_same_again() {
    let house = House::start().await;
    october(&house).await;
    let seller = json!({ "legalName": "Plattform GmbH", "address": ["Weg 1", "Wien"], "taxNumber": "ATU1",
        "locale": "de-AT" });
    house
        .put("/api/v1/sellers/platform/profile", &seller)
        .await
        .expect(200);
    closed(&house).await;
    let document = |format: &str| format!("/api/v1/invoices/mb-000001/document?format={format}");
    for (format, media_type, begins) in [
        (
            "csv",
            "text/csv; charset=utf-8; header=present",
            "RowType,DocumentType,",
        ),
        ("html", "text/html; charset=utf-8", "<!DOCTYPE html>"),
        ("pdf", "application/pdf", "%PDF-1."),
    ] {
        let first = fetched(&house, &document(format)).await;
        let (of, called, bytes) = &first;
        assert_eq!(of, media_type);
        assert_eq!(called, &format!("attachment; filename=\"MB-000001.{format}\""));
        assert!(bytes.starts_with(begins.as_bytes()), "{format}");
        assert_eq!(fetched(&house, &document(format)).await, first);
    }
    let (.., html) = fetched(&house, &document("html")).await;
    let html = String::from_utf8(html).unwrap();
    for text in ["Plattform GmbH", "ATU1", "Contoso", "MB-000001"] {
        assert!(html.contains(text), "{text} in {html}");
    }
    for (wrong, code) in [
        ("", "InvalidQuery"),
        ("?format=docx", "InvalidQuery"),
        ("?format=pdf&copies=2", "UnknownQueryParameter"),
    ] {
        let path = format!("/api/v1/invoices/MB-000001/document{wrong}");
        house.get(&path).await.refused(400, code);
    }
    let missing = "/api/v1/invoices/MB-000099/document?format=pdf";
    house.get(missing).await.refused(404, "InvoiceNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_open_month_comes_to_is_printed_as_a_statement_and_of_a_closed_one_there_is_an_invoice() {
    let house = House::start().await;
    october(&house).await;
    uses(&house, 6, "10").await;
    let buyer = format!("subscription:{}", customer_subscription());
    let account = format!("seller={}&buyer={buyer}&currency=USD", partner());
    let path = format!("{OCTOBER}/running/document?{account}&format=html");
    let (_, called, html) = fetched(&house, &path).await;
    assert_eq!(called, "attachment; filename=\"statement-2026-10-USD.html\"");
    assert!(
        String::from_utf8(html)
            .unwrap()
            .contains("This is not an invoice.")
    );
    let incomplete = format!("{OCTOBER}/running/document?seller={}&format=html", partner());
    house.get(&incomplete).await.refused(400, "InvalidQuery");
    closed(&house).await;
    house.get(&path).await.refused(409, "PeriodClosed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_read_as_it_was_set_and_one_that_no_page_can_show_is_refused() {
    let house = House::start().await;
    october(&house).await;
    let buyer = format!("/api/v1/buyers/subscription:{}/profile", customer_subscription());
    let seller = format!("/api/v1/sellers/{}/profile", partner());
    house.get(&buyer).await.refused(404, "ProfileNotFound");
    let new = json!({ "legalName": "Contoso Ltd", "address": ["1 Way"] });
    for path in [&buyer, &seller] {
        let set = house.put(path, &new).await.expect(200).body;
        assert_eq!(set["legalName"], "Contoso Ltd", "{set}");
        assert_eq!(set["locale"], "neutral", "{set}");
        assert_eq!(set["setAt"], "2026-11-02T10:30:00Z", "{set}");
        assert_eq!(house.get(path).await.expect(200).body, set);
    }
    let same = format!("/api/v1/buyers/partner:{}/profile", partner());
    assert_eq!(
        house.get(&same).await.expect(200).body["legalName"],
        "Contoso Ltd"
    );
    for (path, body, status, code) in [
        (&*seller, json!({ "legalName": "" }), 400, "InvalidProfile"),
        (
            &*seller,
            json!({ "legalName": "x".repeat(121) }),
            400,
            "InvalidProfile",
        ),
        (
            &*seller,
            json!({ "legalName": "a", "address": [""] }),
            400,
            "InvalidProfile",
        ),
        (
            &*seller,
            json!({ "legalName": "a", "taxNumber": "\n" }),
            400,
            "InvalidProfile",
        ),
        (
            &*seller,
            json!({ "legalName": "a", "locale": "tlh" }),
            400,
            "InvalidProperty",
        ),
        (
            &*seller,
            json!({ "legalName": "a", "logo": "x" }),
            400,
            "InvalidRequestContent",
        ),
        (&*seller, json!({}), 400, "InvalidRequestContent"),
        (
            "/api/v1/sellers/nobody/profile",
            new.clone(),
            400,
            "InvalidTrader",
        ),
        ("/api/v1/buyers/nobody/profile", new.clone(), 400, "InvalidTrader"),
    ] {
        house.put(path, &body).await.refused(status, code);
    }
    let nobody = "/api/v1/sellers/99999999-0000-4000-8000-000000000001/profile";
    house.put(nobody, &new).await.refused(404, "TraderNotFound");
}
