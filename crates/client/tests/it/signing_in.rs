use std::sync::Mutex;
use std::time::Duration;

use client::sign_in::{Proof, Secret};

use crate::stub::{Stub, answer};

const TOKENS: &str = r#"{"token_type":"Bearer","expires_in":3600,"access_token":"at","refresh_token":"rt"}"#;

#[tokio::test]
async fn a_device_is_waited_for_and_nothing_is_proven_on_the_way() {
    let codes = r#"{"device_code":"d&c","user_code":"BCDF-GHJK","verification_uri":"https://b.example/d","expires_in":900,"interval":0}"#;
    let pending = r#"{"error":"authorization_pending","error_description":"AADSTS70016: Nobody yet."}"#;
    let stub = Stub::start(&[
        answer("200 OK", "", codes),
        answer("400 Bad Request", "", pending),
        answer("400 Bad Request", "", pending),
        answer("200 OK", "", TOKENS),
    ])
    .await;
    let shown = Mutex::new(Vec::new());
    let show = |code: &client::sign_in::DeviceCode| shown.lock().unwrap().push(code.user_code.clone());
    let tokens = stub.client().sign_in_on_device(None, show).await.unwrap();
    assert_eq!(
        (
            tokens.access_token.as_str(),
            tokens.lifetime,
            tokens.refresh_token.as_deref()
        ),
        ("at", Duration::from_secs(3600), Some("rt"))
    );
    assert_eq!(*shown.lock().unwrap(), ["BCDF-GHJK"]);
    let asked = stub.asked();
    assert_eq!(asked.len(), 4);
    assert!(
        asked[0].starts_with("post /adfs/oauth2/devicecode "),
        "{}",
        asked[0]
    );
    assert!(asked[3].starts_with("post /adfs/oauth2/token "), "{}", asked[3]);
    assert!(asked[3].contains("device_code=d%26c"), "{}", asked[3]);
    assert!(
        asked.iter().all(|asked| !asked.contains("authorization:")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_program_that_proves_nothing_is_told_why_once() {
    let refused = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Not its own."}"#;
    let stub = Stub::start(&[answer("401 Unauthorized", "", refused)]).await;
    let secret = Secret::new("mbs_secret\n");
    let (client, proof) = (stub.client(), Proof::Secret(&secret));
    let signed_in = client.sign_in_application(Some("b.example"), "a", &proof).await;
    let error = signed_in.unwrap_err();
    assert_eq!(error.code(), Some("invalid_client"));
    assert_eq!(error.to_string(), "Not its own. [invalid_client]");
    let asked = stub.asked();
    assert_eq!(asked.len(), 1);
    assert!(
        asked[0].starts_with("post /b.example/oauth2/token "),
        "{}",
        asked[0]
    );
    assert!(asked[0].ends_with("client_secret=mbs_secret"), "{}", asked[0]);
}
