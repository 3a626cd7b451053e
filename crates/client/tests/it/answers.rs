use client::{Client, ClientError, Credential, RegistrationPath};
use wire::azure_stack::PutRegistration;

use crate::stub::{Stub, answer};

#[tokio::test]
async fn an_answer_of_another_shape_is_told_apart_from_a_refusal() {
    let stub = Stub::start(&[answer("200 OK", "", "<html>welcome</html>")]).await;
    let error = stub.client().meters().await.unwrap_err();
    let ClientError::Unintelligible { request, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(request, "GET /api/v1/meters");
}

#[tokio::test]
async fn nobody_there_is_said() {
    // Nothing listens on port 1 of a machine that is not a very old one.
    let client = Client::builder("http://127.0.0.1:1")
        .credential(Credential::new("mbo_secret"))
        .build()
        .unwrap();
    let error = client.partners().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn no_error_shows_the_credential() {
    let body = r#"{"error":{"code":"AuthenticationFailed","message":"The credential is not known."}}"#;
    let stub = Stub::start(&[answer("401 Unauthorized", "x-ms-request-id: 7f3a\r\n", body)]).await;
    let error = stub.client().meters().await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
    let ClientError::Refused(refusal) = error else {
        panic!("{error}")
    };
    assert_eq!(refusal.request_id.as_deref(), Some("7f3a"));
}

#[tokio::test]
async fn a_list_is_followed_to_its_end_at_the_server_that_was_asked() {
    let partner = |id: u8| format!(r#"{{"id":"{id}","name":"n","kind":"directBill"}}"#);
    let first = format!(
        r#"{{"value":[{}],"nextLink":"https://elsewhere.example/api/v1/partners?skipToken=a%2Bb&top=1"}}"#,
        partner(1)
    );
    let stub = Stub::start(&[
        answer("200 OK", "", &first),
        answer("200 OK", "", &format!(r#"{{"value":[{}]}}"#, partner(2))),
    ])
    .await;
    let partners = stub.client().partners().await.unwrap();
    assert_eq!(
        partners
            .iter()
            .map(|partner| partner.id.as_str())
            .collect::<Vec<_>>(),
        ["1", "2"]
    );
    let asked = stub.asked();
    assert!(asked[0].starts_with("get /api/v1/partners http/1.1"), "{asked:?}");
    assert!(
        asked[1].starts_with("get /api/v1/partners?skiptoken=a%2bb&top=1 http/1.1"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn warnings_beside_an_answer_are_kept() {
    let registration = r#"{"id":"i","name":"north","type":"t","etag":"e","location":"global",
        "properties":{"cloudId":"c","billingModel":"PayAsYouUse"}}"#;
    let headers = "x-meterbridge-warning: One: first\r\nx-meterbridge-warning: Two: second\r\n";
    let stub = Stub::start(&[answer("201 Created", headers, registration)]).await;
    let at = RegistrationPath {
        subscription_id: "s".into(),
        resource_group: "g".into(),
        name: "north".into(),
    };
    let answered = stub
        .client()
        .put_registration(&at, &PutRegistration::default())
        .await
        .unwrap();
    assert!(answered.created);
    assert_eq!(answered.warnings, ["One: first", "Two: second"]);
}

#[tokio::test]
async fn removing_what_is_not_there_is_told_apart_from_removing_it() {
    let at = RegistrationPath {
        subscription_id: "s".into(),
        resource_group: "g".into(),
        name: "north".into(),
    };
    for (status, was_there) in [("200 OK", true), ("204 No Content", false)] {
        let stub = Stub::start(&[answer(status, "", ""), answer(status, "", "")]).await;
        let client = stub.client();
        assert_eq!(
            client.remove_tenant(&at, "c").await.unwrap(),
            was_there,
            "{status}"
        );
        assert_eq!(
            client.delete_registration(&at).await.unwrap().value,
            was_there,
            "{status}"
        );
    }
}
