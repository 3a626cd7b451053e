//! People who sign in on a device with a code, as with `az login --use-device-code`, and go on with refresh tokens.

use std::time::Duration;

use reqwest::header::ORIGIN;
use serde_json::json;

use super::people::{AZ, PASSWORD, People, USER, claims, form, operator};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_signs_in_with_a_code_in_every_shape_and_is_let_in() {
    let people = People::start().await;
    let tenant = people.tenant;
    for (below, issuer) in [
        ("/adfs/oauth2".to_owned(), "/adfs".to_owned()),
        (format!("/{tenant}/oauth2/v2.0"), format!("/{tenant}/v2.0")),
        ("/organizations/oauth2/v2.0".to_owned(), format!("/{tenant}/v2.0")),
    ] {
        let token = format!("{below}/token");
        let begun = people
            .begin_on_device(&format!("{below}/devicecode"))
            .await
            .given();
        let (user_code, message) = (begun.text("user_code"), begun.text("message"));
        assert!(
            message.contains(user_code) && message.contains(begun.text("verification_uri")),
            "{message}"
        );
        let page = people
            .house
            .client
            .get(begun.text("verification_uri"))
            .send()
            .await
            .unwrap();
        assert_eq!(page.status(), 200);

        people
            .poll(&token, begun.text("device_code"))
            .await
            .refused(400, "authorization_pending", 70_016);
        let (status, page) = people.enter(user_code, "ANNA@contoso.example", PASSWORD).await;
        assert_eq!(status, 200, "{page}");
        assert!(page.contains("Azure CLI"), "{page}");
        people.clock.forward(Duration::from_secs(5));
        let tokens = people.poll(&token, begun.text("device_code")).await.given();
        assert_eq!(tokens.text("scope"), people.user_scope());

        let access = claims(tokens.access_token());
        let expected = json!({
            "iss": format!("{}{issuer}", people.base()), "aud": people.base(), "tid": tenant.to_string(), "upn": USER,
            "oid": people.user.to_string(), "appid": AZ, "appidacr": "0", "idtyp": "user", "scp": "user_impersonation",
        });
        for (claim, value) in expected.as_object().unwrap() {
            assert_eq!(&access[claim], value, "{claim} after {below}");
        }
        let id = claims(tokens.text("id_token"));
        assert_eq!(
            (&id["aud"], &id["preferred_username"], &id["iss"]),
            (&json!(AZ), &json!(USER), &access["iss"])
        );
        let info = claims(&format!(".{}", tokens.text("client_info")));
        assert_eq!(
            info,
            json!({ "uid": people.user.to_string(), "utid": tenant.to_string() })
        );
        people
            .call(tokens.access_token())
            .await
            .refused(403, "AuthorizationFailed");
        people
            .poll(&token, begun.text("device_code"))
            .await
            .refused(400, "expired_token", 70_020);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_too_often_waits_longer_and_a_code_ends() {
    let people = People::start().await;
    let path = "/adfs/oauth2/token";
    let begun = people.begin_on_device("/adfs/oauth2/devicecode").await.given();
    let code = begun.text("device_code");
    people
        .poll(path, code)
        .await
        .refused(400, "authorization_pending", 70_016);
    people.poll(path, code).await.refused(400, "slow_down", 70_016);
    people.clock.forward(Duration::from_secs(900));
    people
        .poll(path, code)
        .await
        .refused(400, "expired_token", 70_020);
    assert_eq!(people.enter(begun.text("user_code"), USER, PASSWORD).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_declines_ends_the_wait() {
    let people = People::start().await;
    let begun = people.begin_on_device("/adfs/oauth2/devicecode").await.given();
    let fields = [("user_code", begun.text("user_code")), ("decision", "decline")];
    assert_eq!(
        people.post("/adfs/oauth2/deviceauth", &fields).await.status(),
        200
    );
    let answer = people.poll("/adfs/oauth2/token", begun.text("device_code")).await;
    answer.refused(400, "authorization_declined", 70_021);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_user_get_the_same_page_and_then_have_to_wait() {
    let people = People::start().await;
    let begun = people.begin_on_device("/adfs/oauth2/devicecode").await.given();
    let code = begun.text("user_code");
    let (status, wrong) = people.enter(code, USER, "wrong password").await;
    assert_eq!(status, 400);
    let (other_status, unknown) = people.enter(code, "otto@contoso.example", "wrong password").await;
    assert_eq!(other_status, status);
    assert_eq!(unknown.replace("otto@", "anna@"), wrong);
    for _ in 0..4 {
        people.enter(code, USER, "wrong password").await;
    }
    let (status, page) = people.enter(code, USER, PASSWORD).await;
    assert_eq!(status, 429, "{page}");
    people
        .poll("/adfs/oauth2/token", begun.text("device_code"))
        .await
        .refused(400, "authorization_pending", 70_016);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_enters_a_code_sees_who_would_be_let_in_before_anybody_is() {
    let people = People::start().await;
    let begun = people.begin_on_device("/adfs/oauth2/devicecode").await.given();
    let code = begun.text("user_code");
    people.clock.forward(Duration::from_secs(180));
    let (status, page) = people.enter_code(code).await;
    assert_eq!(status, 200);
    for part in [
        "<bdi>Azure CLI</bdi>",
        AZ,
        "<bdi>127.0.0.1</bdi>",
        "3 minutes ago",
        "began this yourself",
        &format!("name=\"user_code\" value=\"{code}\""),
        "value=\"approve\"",
        "value=\"decline\"",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    // Not even with the password, as long as nobody said so.
    let fields = [("user_code", code), ("username", USER), ("password", PASSWORD)];
    let page = people.post("/adfs/oauth2/deviceauth", &fields).await;
    assert_eq!(page.status(), 200);
    assert!(
        page.text()
            .await
            .unwrap()
            .contains("Somebody wants to act as you")
    );
    people
        .poll("/adfs/oauth2/token", begun.text("device_code"))
        .await
        .refused(400, "authorization_pending", 70_016);
    assert_eq!(people.enter_code("BBBB-BBBB").await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_with_which_ten_sign_ins_failed_lets_nobody_in_any_more() {
    let people = People::start().await;
    let begun = people.begin_on_device("/adfs/oauth2/devicecode").await.given();
    let code = begun.text("user_code");
    for number in 0..10 {
        let name = format!("guess{number}@contoso.example");
        let (status, page) = people.enter(code, &name, "wrong password").await;
        assert_eq!(status, 400, "{page}");
    }
    assert_eq!(people.enter(code, USER, PASSWORD).await.0, 400);
    people
        .poll("/adfs/oauth2/token", begun.text("device_code"))
        .await
        .refused(400, "authorization_declined", 70_021);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_has_no_scripts_and_takes_no_forms_of_other_sites() {
    let people = People::start().await;
    let response = people.get("/adfs/oauth2/deviceauth").await;
    let policy = response.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(
        policy.contains("form-action 'self'; base-uri 'none'; frame-ancestors 'none'"),
        "{policy}"
    );
    for (header, value) in [
        ("cache-control", "no-store"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(response.headers()[header], value, "{header}");
    }
    let page = response.text().await.unwrap();
    assert!(
        !page.contains("<script") && page.contains("<html lang=\"en\">"),
        "{page}"
    );
    assert!(page.contains("<label for=\"user_code\">"), "{page}");

    let begun = people.begin_on_device("/adfs/oauth2/devicecode").await.given();
    let (_, page) = people.enter_code(begun.text("user_code")).await;
    for part in [
        "<label for=\"username\">",
        "<label for=\"password\">",
        "autocomplete=\"current-password\"",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let fields = [
        ("user_code", begun.text("user_code")),
        ("username", USER),
        ("password", PASSWORD),
        ("decision", "approve"),
    ];
    let url = people.house.url("/adfs/oauth2/deviceauth");
    let request = form(people.house.client.post(url), &fields).header(ORIGIN, "https://evil.example");
    assert_eq!(request.send().await.unwrap().status(), 403);
    people
        .poll("/adfs/oauth2/token", begun.text("device_code"))
        .await
        .refused(400, "authorization_pending", 70_016);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_goes_on_for_its_client_until_the_account_changes() {
    let people = People::start().await;
    let first = people.user_tokens().await;
    let scope = people.user_scope();
    let graph = format!("{}/graph/.default offline_access", people.base());
    let own = format!("/{}/oauth2/v2.0/token", people.tenant);
    for (path, scope) in [
        ("/adfs/oauth2/token", &*scope),
        ("/adfs/oauth2/token", ""),
        (&own, &graph),
    ] {
        let tokens = people
            .refresh(path, AZ, first.text("refresh_token"), scope)
            .await
            .given();
        people
            .call(tokens.access_token())
            .await
            .refused(403, "AuthorizationFailed");
        people
            .refresh(path, AZ, tokens.text("refresh_token"), scope)
            .await
            .given();
    }
    let refresh = |client: &'static str, token: String| {
        let people = &people;
        async move { people.refresh("/adfs/oauth2/token", client, &token, "").await }
    };
    let token = first.text("refresh_token").to_owned();
    refresh("1950a258-227b-4e31-a9cf-717495945fc2", token.clone())
        .await
        .refused(400, "invalid_grant", 70_000);
    refresh(AZ, first.access_token().to_owned())
        .await
        .refused(400, "invalid_grant", 9_002_313);
    refresh(AZ, format!("{token}x"))
        .await
        .refused(400, "invalid_grant", 9_002_313);
    let vault = "https://vault.azure.net/.default";
    people
        .refresh("/adfs/oauth2/token", AZ, &token, vault)
        .await
        .refused(400, "invalid_resource", 500_011);

    let app = &people.house.app;
    app.set_password(
        &operator(),
        people.user,
        "another horse battery staple".to_owned(),
    )
    .await
    .unwrap();
    refresh(AZ, token).await.refused(400, "invalid_grant", 50_173);
    people
        .call(first.access_token())
        .await
        .refused(401, "InvalidAuthenticationToken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_ends_after_two_weeks() {
    let people = People::start().await;
    let tokens = people.user_tokens().await;
    people.clock.forward(Duration::from_secs(14 * 24 * 60 * 60 + 120));
    let answer = people
        .refresh("/adfs/oauth2/token", AZ, tokens.text("refresh_token"), "")
        .await;
    answer.refused(400, "invalid_grant", 700_082);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_client_gets_no_code() {
    let people = People::start().await;
    let fields = [("client_id", "99999999-0000-4000-8000-000000000009")];
    people
        .token("/adfs/oauth2/devicecode", &fields)
        .await
        .refused(400, "unauthorized_client", 700_016);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_names_the_only_directory_whose_accounts_a_code_is_for() {
    let people = People::start().await;
    let tenant = people.tenant;
    for (below, named) in [
        (format!("/{tenant}/oauth2/v2.0"), true),
        ("/adfs/oauth2".to_owned(), false),
    ] {
        let begun = people.begin_on_device(&format!("{below}/devicecode")).await;
        let begun = begun.given();
        let (status, page) = people.enter_code(begun.text("user_code")).await;
        assert_eq!(status, 200, "{page}");
        let shown = page.contains("For accounts of") && page.contains("contoso.example only");
        assert_eq!(shown, named, "{below}: {page}");
    }
}
