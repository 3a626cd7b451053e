//! People who sign in in the browser that a program opened.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Response, Url};
use server::{IdentityConfig, Limits};

use super::people::{AZ, PASSWORD, People, Tokens, USER, claims, form};
use crate::fixture::{DataDirectory, House, TestClock, TestRandom};

const BACK: &str = "http://localhost:8400";
const VERIFIER: &str = "a-secret-that-only-the-program-knows-0123456789";

fn challenge() -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, VERIFIER.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.as_ref())
}

/// What msal sends, with other fields in the place of some.
fn wanted(people: &People, others: &[(&str, &str)]) -> Vec<(String, String)> {
    let fields = [
        ("client_id", AZ.to_owned()),
        ("response_type", "code".to_owned()),
        ("redirect_uri", BACK.to_owned()),
        ("scope", people.user_scope()),
        ("state", "st&te\"".to_owned()),
        ("nonce", "n0nce".to_owned()),
        ("code_challenge", challenge()),
        ("code_challenge_method", "S256".to_owned()),
    ];
    let mut fields: Vec<(String, String)> = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    for (name, value) in others {
        fields.retain(|(field, _)| field != name);
        if !value.is_empty() {
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    fields
}

async fn open(people: &People, others: &[(&str, &str)]) -> Response {
    let url = people.house.url("/adfs/oauth2/authorize");
    browser(people)
        .get(url)
        .query(&wanted(people, others))
        .send()
        .await
        .unwrap()
}

/// Fills the form in and sends it.
async fn sign_in(people: &People, password: &str, others: &[(&str, &str)]) -> Response {
    let mut fields = wanted(people, others);
    for (name, value) in [("username", USER), ("password", password)] {
        fields.push((name.to_owned(), value.to_owned()));
    }
    let url = people.house.url("/adfs/oauth2/authorize");
    form(browser(people).post(url), &fields).send().await.unwrap()
}

fn browser(people: &People) -> reqwest::Client {
    let client = crate::fixture::client(&people.house.running);
    client
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

/// What the browser brings back to the program.
fn brought(response: &Response) -> Vec<(String, String)> {
    assert_eq!(response.status(), 303);
    let url = Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    assert_eq!(url.origin().ascii_serialization(), BACK);
    url.query_pairs().into_owned().collect()
}

fn value<'a>(brought: &'a [(String, String)], name: &str) -> &'a str {
    let found = brought.iter().find(|(field, _)| field == name);
    found.map_or_else(|| panic!("{name} in {brought:?}"), |(_, value)| value)
}

async fn redeem(people: &People, code: &str, verifier: &str, back: &str) -> Tokens {
    let fields = [
        ("client_id", AZ),
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", back),
        ("code_verifier", verifier),
        ("client_info", "1"),
    ];
    people.token("/adfs/oauth2/token", &fields).await
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_in_the_browser_and_the_program_gets_tokens_once() {
    let people = People::start().await;
    let page = open(&people, &[("login_hint", USER)]).await;
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.contains("form-action 'self' http://localhost:8400;"),
        "{policy}"
    );
    let page = page.text().await.unwrap();
    for part in [
        "Azure CLI",
        "value=\"anna@contoso.example\"",
        "value=\"st&amp;te&quot;\"",
        "action=\"/adfs/oauth2/authorize\"",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let brought = brought(&sign_in(&people, PASSWORD, &[]).await);
    assert_eq!(value(&brought, "state"), "st&te\"");
    let code = value(&brought, "code");
    let tokens = redeem(&people, code, VERIFIER, BACK).await.given();
    assert_eq!(claims(tokens.text("id_token"))["nonce"], "n0nce");
    people
        .call(tokens.access_token())
        .await
        .refused(403, "AuthorizationFailed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_somebody_presents_again_takes_away_what_was_given_for_it() {
    let people = People::start().await;
    let brought = brought(&sign_in(&people, PASSWORD, &[]).await);
    let code = value(&brought, "code");
    let tokens = redeem(&people, code, VERIFIER, BACK).await.given();
    for (verifier, back) in [(VERIFIER, BACK), ("another", BACK)] {
        redeem(&people, code, verifier, back)
            .await
            .refused(400, "invalid_grant", 70_008);
        people
            .call(tokens.access_token())
            .await
            .refused(401, "InvalidAuthenticationToken");
        people
            .refresh("/adfs/oauth2/token", AZ, tokens.text("refresh_token"), "")
            .await
            .refused(400, "invalid_grant", 50_173);
    }
}

/// As [`redeem`], at a server of one's choice.
async fn redeem_at(house: &House, code: &str) -> Tokens {
    let fields = [
        ("client_id", AZ),
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    let request = house.client.post(house.url("/adfs/oauth2/token"));
    Tokens::of(form(request, &fields).send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signed_in_at_one_server_could_not_go_on_if_the_balancer_sent_the_program_to_another() {
    let Some(shared) = DataDirectory::shared() else {
        return;
    };
    let people = People::start_in(shared, IdentityConfig::default()).await;
    let clock = TestClock::at("2026-11-02T10:30:00Z");
    let app = server::open(
        people.house.directory.store(),
        clock.clone(),
        Arc::new(TestRandom),
    );
    let app = app.await.unwrap();
    let other = House::start_app(DataDirectory::new(), clock, app, Limits::default()).await;

    let brought = brought(&sign_in(&people, PASSWORD, &[]).await);
    let code = value(&brought, "code");
    redeem_at(&other, code).await.given();
    for house in [&people.house, &other] {
        let again = redeem_at(house, code).await;
        again.refused(400, "invalid_grant", 70_008);
    }

    for _ in 0..5 {
        let brought = self::brought(&sign_in(&people, PASSWORD, &[]).await);
        let code = value(&brought, "code");
        let (here, there) = tokio::join!(redeem_at(&people.house, code), redeem_at(&other, code));
        assert!(here.status != 200 || there.status != 200, "{here:?} {there:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_seen_on_its_way_is_of_no_use_without_its_secret() {
    let people = People::start().await;
    for (verifier, back, number) in [
        ("another", BACK, 501_481),
        (VERIFIER, "http://localhost:1", 50_011),
    ] {
        let brought = brought(&sign_in(&people, PASSWORD, &[]).await);
        let code = value(&brought, "code");
        redeem(&people, code, verifier, back)
            .await
            .refused(400, "invalid_grant", number);
        redeem(&people, code, VERIFIER, BACK)
            .await
            .refused(400, "invalid_grant", 70_008);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_can_go_back_as_a_form_as_msal_wants_it() {
    let people = People::start().await;
    let response = sign_in(&people, PASSWORD, &[("response_mode", "form_post")]).await;
    assert_eq!(response.status(), 200);
    let page = response.text().await.unwrap();
    assert!(
        page.contains("<form method=\"post\" action=\"http://localhost:8400/\">"),
        "{page}"
    );
    let code = page
        .split("name=\"code\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    redeem(&people, code, VERIFIER, BACK).await.given();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_bad_way_back_goes_no_further_than_the_browser() {
    let people = People::start().await;
    let (here, application) = (
        format!("{}/signed-in", people.base()),
        people.application.to_string(),
    );
    for others in [
        [("redirect_uri", "https://evil.example/")],
        [("redirect_uri", &*here)],
        [("client_id", &*application)],
        [("redirect_uri", "")],
        [("client_id", "99999999-0000-4000-8000-000000000009")],
        [("client_id", "")],
        [("response_mode", "fragment")],
    ] {
        for response in [
            open(&people, &others).await,
            sign_in(&people, PASSWORD, &others).await,
        ] {
            assert_eq!(response.status(), 400, "{others:?}");
            assert!(response.headers().get("location").is_none(), "{others:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_cannot_be_granted_is_told_to_the_program() {
    let people = People::start().await;
    for (others, error) in [
        ([("response_type", "token")], "unsupported_response_type"),
        ([("code_challenge", "")], "invalid_request"),
        ([("code_challenge_method", "plain")], "invalid_request"),
        (
            [("scope", "https://vault.azure.net/.default")],
            "invalid_resource",
        ),
        ([("prompt", "none")], "login_required"),
    ] {
        let brought = brought(&open(&people, &others).await);
        assert_eq!(value(&brought, "error"), error, "{others:?}");
        assert_eq!(value(&brought, "state"), "st&te\"");
    }
    let brought = brought(&sign_in(&people, "", &[("decision", "decline")]).await);
    assert_eq!(value(&brought, "error"), "access_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_mistyped_the_password_is_asked_again() {
    let people = People::start().await;
    let response = sign_in(&people, "wrong password", &[]).await;
    assert_eq!(response.status(), 400);
    let page = response.text().await.unwrap();
    assert!(page.contains("role=\"alert\">AADSTS50126: "), "{page}");
    assert!(!page.contains("wrong password"), "{page}");
    assert!(page.contains("value=\"st&amp;te&quot;\""), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_another_directory_does_not_get_in_under_this_one() {
    let people = People::start().await;
    let other = app::identity::NewDirectory {
        id: None,
        name: "Fabrikam".to_owned(),
        domain: "fabrikam.example".parse().unwrap(),
        owner: domain::identity::DirectoryOwner::Platform,
    };
    people
        .house
        .app
        .create_directory(&super::people::operator(), other)
        .await
        .unwrap();
    let begun = people
        .begin_on_device("/fabrikam.example/oauth2/v2.0/devicecode")
        .await
        .given();
    assert_eq!(people.enter(begun.text("user_code"), USER, PASSWORD).await.0, 400);
    let tokens = people.program("/fabrikam.example/oauth2/v2.0/token", &[]).await;
    tokens.refused(401, "invalid_client", 7_000_215);
    let token = people.user_tokens().await;
    let path = "/fabrikam.example/oauth2/v2.0/token";
    people
        .refresh(path, AZ, token.text("refresh_token"), "")
        .await
        .refused(400, "invalid_grant", 50_020);
}
