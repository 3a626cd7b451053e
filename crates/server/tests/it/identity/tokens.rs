//! Access tokens that come back with requests: nothing forged, stale or meant for others reaches a handler.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey};
use reqwest::Method;
use serde_json::{Value, json};

use super::people::{AZ, Certificate, People, claims, form};

/// Refused with 401, and a header that says where to sign in.
async fn is_refused(people: &People, name: &str, token: &str, code: &str) {
    let answer = people.call(token).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (401, code),
        "{name}: {answer:?}"
    );
    let challenge = answer.header("www-authenticate");
    let start = format!(
        "Bearer authorization_uri=\"{}/adfs\", error=\"invalid_token\", error_description=\"Authentication failed. ",
        people.base()
    );
    assert!(challenge.starts_with(&start), "{name}: {challenge}");
}

/// The claims of a good token, with others in the place of some.
fn with(good: &Value, others: &Value) -> Value {
    let mut claims = good.clone();
    let map = claims.as_object_mut().unwrap();
    map.extend(others.as_object().unwrap().clone());
    claims
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_this_server_would_not_have_made_so_is_refused() {
    let people = People::start().await;
    let good = claims(
        people
            .program("/adfs/oauth2/token", &[])
            .await
            .given()
            .access_token(),
    );
    let key = people.own_key();
    people
        .call(&people.forge(&key, &good, |_| ()))
        .await
        .refused(403, "AuthorizationFailed");

    let now = server::Clock::now(&*people.clock).as_second();
    let base = people.base();
    for (name, others, code) in [
        (
            "expired",
            json!({ "exp": now - 61 }),
            "ExpiredAuthenticationToken",
        ),
        (
            "without an end",
            json!({ "exp": null }),
            "ExpiredAuthenticationToken",
        ),
        (
            "not good yet",
            json!({ "nbf": now + 120 }),
            "InvalidAuthenticationToken",
        ),
        (
            "for another audience",
            json!({ "aud": "https://vault.azure.net" }),
            "InvalidAuthenticationTokenAudience",
        ),
        (
            "for no audience",
            json!({ "aud": [] }),
            "InvalidAuthenticationTokenAudience",
        ),
        (
            "of another issuer",
            json!({ "iss": "https://login.example/adfs" }),
            "InvalidAuthenticationTokenTenant",
        ),
        (
            "of another directory",
            json!({ "iss": format!("{base}/00000000-0000-4000-8000-000000000000/") }),
            "InvalidAuthenticationTokenTenant",
        ),
        (
            "for longer than tokens are",
            json!({ "iat": now - 7200, "nbf": now - 7200, "exp": now + 315_360_000 }),
            "ExpiredAuthenticationToken",
        ),
        (
            "made in the future",
            json!({ "iat": now + 7200 }),
            "InvalidAuthenticationToken",
        ),
        (
            "without its beginning",
            json!({ "iat": null }),
            "ExpiredAuthenticationToken",
        ),
        (
            "in a directory that the account is not in",
            json!({ "tid": "00000000-0000-4000-8000-000000000000" }),
            "InvalidAuthenticationTokenTenant",
        ),
        (
            "by way of another application",
            json!({ "appid": "00000000-0000-4000-8000-000000000000" }),
            "InvalidAuthenticationToken",
        ),
        (
            "of a program from before it was enabled",
            json!({ "since": 1 }),
            "InvalidAuthenticationToken",
        ),
        (
            "of a program that says nothing of when it signed in",
            json!({ "since": null }),
            "InvalidAuthenticationToken",
        ),
        (
            "of a program with a secret that it does not have",
            json!({ "cred": "00000000-0000-4000-8000-000000000000" }),
            "InvalidAuthenticationToken",
        ),
        (
            "of a user without a sign-in",
            json!({ "oid": people.user.to_string() }),
            "InvalidAuthenticationToken",
        ),
        (
            "of a user with a sign-in that never was",
            json!({ "oid": people.user.to_string(), "sid": "00000000-0000-4000-8000-000000000000",
                "since": null, "cred": null, "appid": AZ }),
            "InvalidAuthenticationToken",
        ),
        (
            "for nobody",
            json!({ "oid": "00000000-0000-4000-8000-000000000000" }),
            "InvalidAuthenticationToken",
        ),
        (
            "without a client",
            json!({ "appid": null }),
            "InvalidAuthenticationToken",
        ),
    ] {
        is_refused(
            &people,
            name,
            &people.forge(&key, &with(&good, &others), |_| ()),
            code,
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_this_server_did_not_sign_is_refused() {
    let people = People::start().await;
    let token = people
        .program("/adfs/oauth2/token", &[])
        .await
        .given()
        .access_token()
        .to_owned();
    let good = claims(&token);
    let invalid = "InvalidAuthenticationToken";

    let other = Certificate::make();
    let forged = people.forge(&other.key, &good, |_| ());
    is_refused(&people, "forged", &forged, invalid).await;
    let unknown = people.forge(&other.key, &good, |header| header.kid = Some("other".to_owned()));
    is_refused(&people, "of a key that is not known", &unknown, invalid).await;
    let told = people.call(&unknown).await.body["error"]["message"].to_string();
    assert!(
        told.contains("is not used here any more; sign in again"),
        "who signed in before a key was revoked is told of issuers: {told}"
    );
    let nameless = people.forge(&people.own_key(), &good, |header| header.kid = None);
    is_refused(&people, "without the id of its key", &nameless, invalid).await;
    let odd = people.forge(&people.own_key(), &good, |header| header.alg = Algorithm::RS384);
    is_refused(&people, "signed in another way", &odd, invalid).await;
    let typed = people.forge(&people.own_key(), &good, |header| {
        header.typ = Some("rt+jwt".to_owned());
    });
    is_refused(&people, "of another type", &typed, invalid).await;

    // The public key is known to everybody: it must not be taken for a shared secret.
    let keys: Value = people.get("/adfs/discovery/keys").await.json().await.unwrap();
    let modulus = keys["keys"][0]["n"].as_str().unwrap();
    for secret in [modulus.as_bytes(), keys["keys"][0].to_string().as_bytes()] {
        let hs256 = people.forge(&EncodingKey::from_secret(secret), &good, |header| {
            header.alg = Algorithm::HS256;
        });
        is_refused(&people, "HS256 with the public key", &hs256, invalid).await;
    }

    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let none = replaced(header, "alg", "none");
    is_refused(&people, "alg none", &format!("{none}.{payload}."), invalid).await;
    is_refused(
        &people,
        "alg none with a signature",
        &format!("{none}.{payload}.{signature}"),
        invalid,
    )
    .await;
    is_refused(&people, "without a signature", &format!("{signed}."), invalid).await;
    let raised = replaced(payload, "oid", &people.user.to_string());
    is_refused(
        &people,
        "with other claims",
        &format!("{header}.{raised}.{signature}"),
        invalid,
    )
    .await;
    is_refused(
        &people,
        "oversized",
        &format!("{token}{}", "A".repeat(8 * 1024)),
        invalid,
    )
    .await;
    is_refused(&people, "garbage", "garbage", "AuthenticationFailed").await;
    is_refused(&people, "nearly a token", "a.b.c", "AuthenticationFailed").await;
}

fn replaced(part: &str, member: &str, value: &str) -> String {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let mut json: Value = serde_json::from_slice(&base64.decode(part).unwrap()).unwrap();
    json[member] = value.into();
    base64.encode(json.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_access_token_is_taken_for_one() {
    let people = People::start().await;
    let tokens = people.user_tokens().await;
    people
        .call(tokens.access_token())
        .await
        .refused(403, "AuthorizationFailed");
    let refresh = tokens.text("refresh_token");
    is_refused(&people, "a refresh token", refresh, "InvalidAuthenticationToken").await;
    let retyped = people.forge(&people.own_key(), &claims(refresh), |_| ());
    is_refused(
        &people,
        "its claims as an access token",
        &retyped,
        "InvalidAuthenticationToken",
    )
    .await;
    is_refused(
        &people,
        "an id token",
        tokens.text("id_token"),
        "InvalidAuthenticationToken",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_after_an_hour_and_a_minute_of_grace() {
    let people = People::start().await;
    let tokens = people.program("/adfs/oauth2/token", &[]).await.given();
    people.clock.forward(Duration::from_secs(3600));
    people
        .call(tokens.access_token())
        .await
        .refused(403, "AuthorizationFailed");
    people.clock.forward(Duration::from_secs(62));
    is_refused(
        &people,
        "after its time",
        tokens.access_token(),
        "ExpiredAuthenticationToken",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_changes_nothing_whatever_it_asks_for() {
    let people = People::start().await;
    let good = claims(
        people
            .program("/adfs/oauth2/token", &[])
            .await
            .given()
            .access_token(),
    );
    let forged = people.forge(&Certificate::make().key, &good, |_| ());
    let house = &people.house;
    let body = json!({ "id": crate::fixture::id('a', 1), "name": "Contoso", "kind": "directBill" });
    let url = house.url("/api/v1/partners");
    let request = house
        .client
        .request(Method::POST, url)
        .bearer_auth(forged)
        .json(&body);
    house
        .send(request)
        .await
        .refused(401, "InvalidAuthenticationToken");
    let listed = house.get("/api/v1/partners").await.expect(200);
    assert_eq!(listed.body["value"], json!([]), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_outlive_a_rotation_of_the_key_that_signed_them() {
    let people = People::start().await;
    let before = people.user_tokens().await;
    let config = server::ServerConfig::new(
        people.house.directory.path().to_owned(),
        ([127, 0, 0, 1], 0).into(),
        people.clock.clone(),
    );
    server::Server::rotate_signing_key(&config).await.unwrap();
    assert_eq!(people.signing_keys().len(), 2);

    // The next start finds the new key; a server that runs looks for it every minute.
    let People { house, clock, .. } = people;
    let port = house.running.address().port();
    let (app, directory) = (house.app.clone(), house.directory);
    house.running.shutdown().await.unwrap();
    let again = crate::fixture::House::start_as(directory, house.clock, app, |config| server::ServerConfig {
        listen: ([127, 0, 0, 1], port).into(),
        wall_clock: clock,
        ..config
    })
    .await;
    let keys = again
        .client
        .get(again.url("/adfs/discovery/keys"))
        .send()
        .await
        .unwrap();
    let keys: Value = keys.json().await.unwrap();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    let request = again
        .client
        .get(again.url("/api/v1/quarantine"))
        .bearer_auth(before.access_token());
    again.send(request).await.refused(403, "AuthorizationFailed");
    let fields = [
        ("client_id", AZ),
        ("grant_type", "refresh_token"),
        ("refresh_token", before.text("refresh_token")),
    ];
    let renewed = form(again.client.post(again.url("/adfs/oauth2/token")), &fields)
        .send()
        .await
        .unwrap();
    assert_eq!(renewed.status(), 200);
    let renewed: Value = renewed.json().await.unwrap();
    let id = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let newest = keys["keys"][0]["kid"].as_str().unwrap();
    assert_eq!(id(renewed["access_token"].as_str().unwrap()), newest);
    assert_ne!(id(before.access_token()), newest);
}
