use client::{Client, ClientError, Credential};

use crate::stub::{Stub, answer};

#[tokio::test]
async fn an_answer_of_another_shape_is_told_apart_from_a_refusal() {
    let stub = Stub::start(&[answer("200 OK", "", "<html>welcome</html>")]).await;
    let error = stub.client().meters().await.unwrap_err();
    let ClientError::Unintelligible { request, .. } = &error else { panic!("{error}") };
    assert_eq!(request, "GET /api/v1/meters");
}

#[tokio::test]
async fn nobody_there_is_said_with_what_to_do() {
    // Nothing listens on port 1 of a machine that is not a very old one.
    let client = Client::builder("http://127.0.0.1:1").credential(Credential::new("mbo_secret")).build().unwrap();
    let error = client.partners().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    assert!(error.hint().unwrap().contains("runs"));
}

#[tokio::test]
async fn no_error_shows_the_credential() {
    let body = r#"{"error":{"code":"AuthenticationFailed","message":"The credential is not known."}}"#;
    let stub = Stub::start(&[answer("401 Unauthorized", "x-ms-request-id: 7f3a\r\n", body)]).await;
    let error = stub.client().meters().await.unwrap_err();
    assert!(!format!("{error} {error:?} {:?}", error.hint()).contains("secret"));
    let ClientError::Refused(refusal) = error else { panic!("{error}") };
    assert_eq!(refusal.request_id.as_deref(), Some("7f3a"));
}
