//! Programs that sign in for themselves: with a secret, or with a certificate.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use server::IdentityConfig;

use super::people::{ASSERTION, Assertion, Certificate, People, claims, form, operator};

#[tokio::test(flavor = "multi_thread")]
async fn a_program_signs_in_with_its_secret_under_every_shape_and_is_let_in() {
    let people = People::start().await;
    let tenant = people.tenant;
    for (path, issuer) in [
        ("/adfs/oauth2/token".to_owned(), "/adfs".to_owned()),
        (format!("/{tenant}/oauth2/v2.0/token"), format!("/{tenant}/v2.0")),
        (
            "/contoso.example/oauth2/v2.0/token".to_owned(),
            format!("/{tenant}/v2.0"),
        ),
        (
            "/organizations/oauth2/v2.0/token".to_owned(),
            format!("/{tenant}/v2.0"),
        ),
        (format!("/{tenant}/oauth2/token"), format!("/{tenant}/")),
    ] {
        let tokens = people.program(&path, &[]).await.given();
        assert_eq!(tokens.body["token_type"], "Bearer");
        assert_eq!(tokens.body["expires_in"], 3600);
        for absent in ["refresh_token", "id_token", "client_info", "scope"] {
            assert!(tokens.body[absent].is_null(), "{absent} after {path}");
        }
        let claims = claims(tokens.access_token());
        let expected = json!({
            "iss": format!("{}{issuer}", people.base()), "aud": people.base(), "tid": tenant.to_string(),
            "oid": people.service_principal.to_string(), "sub": people.service_principal.to_string(),
            "appid": people.application.to_string(), "appidacr": "1", "idtyp": "app", "ver": "1.0",
        });
        for (claim, value) in expected.as_object().unwrap() {
            assert_eq!(&claims[claim], value, "{claim} after {path}");
        }
        let answer = people.call(tokens.access_token()).await;
        assert_eq!(answer.status, 403, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scope_and_resource_ask_for_an_audience_of_the_list_and_no_other() {
    let config = IdentityConfig {
        audiences: vec!["https://management.azure.com/".to_owned()],
        ..IdentityConfig::default()
    };
    let people = People::start_with(config).await;
    let graph = format!("{}/graph/.default", people.base());
    for (scope, resource, audience) in [
        (
            "https://management.azure.com//.default",
            "",
            "https://management.azure.com",
        ),
        (
            "",
            "https://management.azure.com/",
            "https://management.azure.com",
        ),
        ("", "", people.base()),
        (&graph, "", &format!("{}/graph", people.base())),
    ] {
        let tokens = people
            .program("/adfs/oauth2/token", &[("scope", scope), ("resource", resource)])
            .await;
        let tokens = tokens.given();
        assert_eq!(claims(tokens.access_token())["aud"], audience);
        assert_eq!(people.call(tokens.access_token()).await.status, 403);
    }
    let others = [("scope", "https://vault.azure.net/.default")];
    people
        .program("/adfs/oauth2/token", &others)
        .await
        .refused(400, "invalid_resource", 500_011);
    let others = [("scope", "User.Read")];
    people
        .program("/adfs/oauth2/token", &others)
        .await
        .refused(400, "invalid_scope", 70_011);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_prove_a_program_is_refused_without_learning_which_programs_there_are() {
    let people = People::start().await;
    let path = "/adfs/oauth2/token";
    let wrong =
        people
            .program(path, &[("client_secret", "wrong")])
            .await
            .refused(401, "invalid_client", 7_000_215);
    let unknown = [("client_id", "99999999-0000-4000-8000-000000000009")];
    let unknown = people
        .program(path, &unknown)
        .await
        .refused(401, "invalid_client", 7_000_215);
    assert_eq!(wrong.body["error_description"], unknown.body["error_description"]);
    people
        .program(path, &[("client_secret", "")])
        .await
        .refused(401, "invalid_client", 7_000_218);
    people
        .program(path, &[("client_id", "")])
        .await
        .refused(400, "invalid_request", 900_144);
    people
        .program(path, &[("client_id", "x")])
        .await
        .refused(400, "unauthorized_client", 700_038);
    people
        .program(path, &[("grant_type", "")])
        .await
        .refused(400, "invalid_request", 900_144);
    people
        .program(path, &[("grant_type", "password")])
        .await
        .refused(400, "unsupported_grant_type", 70_003);
    let elsewhere = "/00000000-0000-4000-8000-000000000000/oauth2/v2.0/token";
    people
        .program(elsewhere, &[])
        .await
        .refused(400, "invalid_request", 90_002);

    let app = &people.house.app;
    app.set_application_enabled(&operator(), people.application, false)
        .await
        .unwrap();
    people
        .program(path, &[])
        .await
        .refused(401, "invalid_client", 7_000_112);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_the_header_is_as_good_as_one_in_the_form() {
    let people = People::start().await;
    let url = people.house.url("/adfs/oauth2/token");
    let request = form(
        people.house.client.post(url),
        &[("grant_type", "client_credentials")],
    );
    let request = request.basic_auth(people.application, Some(&people.secret));
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_disabled_is_not_let_in_with_what_it_got_before() {
    let people = People::start().await;
    let tokens = people.program("/adfs/oauth2/token", &[]).await.given();
    assert_eq!(people.call(tokens.access_token()).await.status, 403);
    let app = &people.house.app;
    app.set_application_enabled(&operator(), people.application, false)
        .await
        .unwrap();
    people
        .call(tokens.access_token())
        .await
        .refused(401, "InvalidAuthenticationToken");
}

async fn present(people: &People, assertion: &str) -> super::people::Tokens {
    let others = [
        ("client_secret", ""),
        ("client_assertion_type", ASSERTION),
        ("client_assertion", assertion),
    ];
    people.program("/adfs/oauth2/token", &others).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_signs_in_with_its_certificate_however_its_client_names_it() {
    let people = People::start().await;
    let certificate = Certificate::make();
    certificate.add_to(&people).await;
    let sha256 = URL_SAFE_NO_PAD.encode(certificate.sha256);
    for header in [
        json!({ "alg": "RS256", "x5t": base64::engine::general_purpose::URL_SAFE.encode(certificate.sha1) }),
        json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": sha256 }),
        json!({ "alg": "RS256", "x5c": [STANDARD.encode(&certificate.der)] }),
    ] {
        let mut assertion = Assertion::of(&people, &certificate);
        assertion.header = header.as_object().unwrap().clone();
        let tokens = present(&people, &assertion.sign(&certificate.key)).await.given();
        assert_eq!(claims(tokens.access_token())["appidacr"], "2", "{header}");
    }
    for audience in [
        format!("{}/adfs", people.base()),
        format!("{}/organizations/oauth2/v2.0/token", people.base()),
        format!("{}/{}/oauth2/token", people.base(), people.tenant),
        format!("{}/{}/v2.0", people.base(), people.tenant),
    ] {
        let mut assertion = Assertion::of(&people, &certificate);
        assertion.claims.insert("aud".to_owned(), audience.into());
        present(&people, &assertion.sign(&certificate.key)).await.given();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_proves_nobody_before_its_time() {
    let people = People::start().await;
    let certificate = Certificate::make();
    let begins = "2026-11-02T10:36:00Z".parse().unwrap();
    certificate.add_valid_from(&people, Some(begins)).await;
    let assertion = Assertion::of(&people, &certificate);
    let answer = present(&people, &assertion.sign(&certificate.key)).await;
    let text = answer.body["error_description"].as_str().unwrap();
    assert!(text.contains("not valid yet"), "{text}");
    answer.refused(401, "invalid_client", 700_027);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_that_proves_nothing_is_refused() {
    let people = People::start().await;
    let (certificate, other) = (Certificate::make(), Certificate::make());
    certificate.add_to(&people).await;
    let now = server::Clock::now(&*people.clock).as_second();
    let changed: [(&str, &str, serde_json::Value, u32); 10] = [
        (
            "the audience is another server",
            "aud",
            json!("https://login.example/adfs/oauth2/token"),
            700_023,
        ),
        ("there is no audience", "aud", json!([]), 700_023),
        ("it has expired", "exp", json!(now - 61), 700_024),
        ("it does not expire", "exp", json!(null), 700_024),
        ("it is good for long", "exp", json!(now + 3700), 700_024),
        ("it is not good yet", "nbf", json!(now + 120), 700_024),
        ("it has no id", "jti", json!(""), 700_027),
        (
            "the issuer is somebody else",
            "iss",
            json!("99999999-0000-4000-8000-000000000009"),
            700_027,
        ),
        ("the algorithm is none", "alg", json!("none"), 700_027),
        (
            "the algorithm is for shared secrets",
            "alg",
            json!("HS256"),
            700_027,
        ),
    ];
    for (name, member, value, number) in changed {
        let mut assertion = Assertion::of(&people, &certificate);
        let map = if member == "alg" {
            &mut assertion.header
        } else {
            &mut assertion.claims
        };
        map.insert(member.to_owned(), value);
        let answer = present(&people, &assertion.sign(&certificate.key)).await;
        assert_eq!(answer.body["error_codes"][0], number, "{name}: {answer:?}");
        answer.refused(401, "invalid_client", number);
    }
    let assertion = Assertion::of(&people, &certificate);
    present(&people, &assertion.sign(&other.key))
        .await
        .refused(401, "invalid_client", 700_027);
    let unknown = Assertion::of(&people, &other);
    present(&people, &unknown.sign(&other.key))
        .await
        .refused(401, "invalid_client", 700_027);
    present(&people, &"x".repeat(40_000))
        .await
        .refused(401, "invalid_client", 700_027);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_that_was_seen_on_its_way_is_of_no_use_from_elsewhere() {
    let people = People::start().await;
    let certificate = Certificate::make();
    certificate.add_to(&people).await;
    let assertion = Assertion::of(&people, &certificate).sign(&certificate.key);
    present(&people, &assertion).await.given();
    // Azure's client for JavaScript repeats it itself.
    present(&people, &assertion).await.given();

    let thief = crate::fixture::client(&people.house.running)
        .local_address(Some([127, 0, 0, 2].into()))
        .resolve("localhost", people.house.running.address())
        .build()
        .unwrap();
    let fields = [
        ("client_id", people.application.to_string()),
        ("grant_type", "client_credentials".to_owned()),
        ("client_assertion_type", ASSERTION.to_owned()),
        ("client_assertion", assertion),
    ];
    let url = people.house.url("/adfs/oauth2/token");
    let refused = form(thief.post(url), &fields).send().await.unwrap();
    assert_eq!(refused.status(), 401);
}
