use bytes::Bytes;
use client::{ATTEMPTS_MAX, Client, ClientError, Delivery, Encoding, Format};

use crate::stub::{Stub, answer};

const STACK: &str = "5bf881b2-6be7-42a1-9f47-d6fcb6737747";
const RECEIPT: &str = r#"{"batchId":"00000000-0000-4000-8000-000000000001","accepted":2,"duplicate":0,"revised":0,
    "quarantined":0,"problems":[]}"#;

fn busy() -> String {
    let body = r#"{"error":{"code":"TooManyDeliveries","message":"Too many deliveries are waiting."}}"#;
    answer("503 Service Unavailable", "retry-after: 0\r\n", body)
}

fn delivery(idempotency_key: Option<&str>) -> Delivery<'_> {
    Delivery {
        body: Bytes::from_static(b"{\"value\":[1,2]}"),
        format: Format::Json,
        encoding: Some(Encoding::Zstd),
        reported_start: Some("2026-10-01T13:00:00Z"),
        reported_end: None,
        reported_through: None,
        idempotency_key,
        known_receipts: None,
    }
}

#[tokio::test]
async fn a_busy_server_is_asked_again_until_it_answers() {
    let stub = Stub::start(&[busy(), String::new(), answer("200 OK", "", RECEIPT)]).await;
    let delivered = stub
        .client()
        .deliver_usage(STACK, delivery(Some("run-1")))
        .await
        .unwrap();
    assert_eq!(delivered.accepted, 2);
    let asked = stub.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|request| request == &asked[0]), "{asked:?}");
    for expected in [
        "post /api/v1/stacks/5bf881b2-6be7-42a1-9f47-d6fcb6737747/usage?reportedstart=2026-10-01t13%3a00%3a00z http/1.1",
        "authorization: bearer mbo_secret\r\n",
        "idempotency-key: run-1\r\n",
        "content-encoding: zstd\r\n",
        "content-type: application/json\r\n",
        "\r\n\r\n{\"value\":[1,2]}",
    ] {
        assert!(asked[0].contains(expected), "{expected}: {}", asked[0]);
    }
}

#[tokio::test]
async fn patience_ends_with_what_the_server_said_last() {
    let stub = Stub::start(&[busy()]).await;
    let error = stub
        .client()
        .deliver_usage(STACK, delivery(Some("run-1")))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("TooManyDeliveries"));
    assert_eq!(stub.asked().len(), usize::try_from(ATTEMPTS_MAX).unwrap());
}

#[tokio::test]
async fn what_might_count_twice_is_sent_once() {
    for first in [busy(), String::new()] {
        let stub = Stub::start(&[first, answer("200 OK", "", RECEIPT)]).await;
        let error = stub
            .client()
            .deliver_usage(STACK, delivery(None))
            .await
            .unwrap_err();
        assert!(
            matches!(error, ClientError::Refused(_) | ClientError::Unreachable { .. }),
            "{error}"
        );
        assert_eq!(stub.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_refusal_is_final() {
    let body = r#"{"error":{"code":"AuthorizationFailed","message":"Not yours."}}"#;
    let stub = Stub::start(&[answer("403 Forbidden", "", body)]).await;
    let error = stub
        .client()
        .deliver_usage(STACK, delivery(Some("run-1")))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("AuthorizationFailed"));
    assert_eq!(stub.asked().len(), 1);
}

#[tokio::test]
async fn who_tries_again_by_itself_would_have_learned_late_that_nobody_answers() {
    let stub = Stub::start(&[String::new(), answer("200 OK", "", RECEIPT)]).await;
    let client = Client::builder(stub.client().server())
        .asking_once()
        .build()
        .unwrap();
    let error = client
        .deliver_usage(STACK, delivery(Some("k")))
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    assert_eq!(stub.asked().len(), 1);
}
