//! How long a sign-in lasts, and how it ends: for people and for programs.

use std::time::Duration;

use domain::identity::SESSION_LIFETIME_MAX;
use server::{IdentityConfig, Server, ServerConfig};

use super::people::{AZ, DEVICE_CODE, PASSWORD, People, Tokens, USER, claims, operator};

const TOKEN: &str = "/adfs/oauth2/token";
const POWERSHELL: &str = "1950a258-227b-4e31-a9cf-717495945fc2";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl People {
    async fn renew(&self, tokens: &Tokens) -> Tokens {
        self.refresh(TOKEN, AZ, tokens.text("refresh_token"), "").await
    }

    /// Whoever is let in gets 403 there, as nobody here has a role.
    async fn is_let_in(&self, tokens: &Tokens) -> bool {
        self.call(tokens.access_token()).await.status == 403
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_refresh_token_that_was_used_ends_the_sign_in_of_the_thief_too() {
    let people = People::start().await;
    let stolen = people.user_tokens().await;
    let other = people.user_tokens().await;
    let owner = people.renew(&stolen).await.given();
    assert_ne!(owner.text("refresh_token"), stolen.text("refresh_token"));
    people.clock.forward(Duration::from_secs(61));
    people.renew(&stolen).await.refused(400, "invalid_grant", 70_000);
    people.renew(&owner).await.refused(400, "invalid_grant", 50_173);
    assert!(!people.is_let_in(&owner).await, "its access tokens end as well");
    assert!(
        people.is_let_in(&other).await,
        "another sign-in of the same person goes on"
    );
    people.renew(&other).await.given();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_answer_was_lost_asks_again_and_is_not_signed_out() {
    let people = People::start().await;
    let first = people.user_tokens().await;
    let lost = people.renew(&first).await.given();
    people.clock.forward(Duration::from_secs(50));
    // Two processes that share one file of tokens hold what both answers gave.
    let again = people.renew(&first).await.given();
    people.renew(&lost).await.given();
    people.renew(&again).await.given();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_renewal_uses_no_token_up() {
    let people = People::start().await;
    let tokens = people.user_tokens().await;
    let refresh = tokens.text("refresh_token");
    let vault = "https://vault.azure.net/.default";
    people
        .refresh(TOKEN, AZ, refresh, vault)
        .await
        .refused(400, "invalid_resource", 500_011);
    people
        .refresh(TOKEN, POWERSHELL, refresh, "")
        .await
        .refused(400, "invalid_grant", 70_000);
    people.clock.forward(Duration::from_secs(61));
    people.renew(&tokens).await.given();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_is_used_every_day_still_ends_after_ninety_days() {
    let people = People::start().await;
    let mut tokens = people.user_tokens().await;
    let begun = claims(tokens.access_token())["iat"].as_i64().unwrap();
    let last = begun + SESSION_LIFETIME_MAX.as_secs().cast_signed();
    for _ in 0..8 {
        people.clock.forward(DAY * 11);
        tokens = people.renew(&tokens).await.given();
        let refresh = claims(tokens.text("refresh_token"));
        assert!(refresh["exp"].as_i64().unwrap() <= last, "{refresh}");
    }
    people
        .clock
        .forward(DAY + Duration::from_secs(23 * 60 * 60 + 1800));
    tokens = people.renew(&tokens).await.given();
    let access = claims(tokens.access_token());
    assert_eq!(access["exp"].as_i64(), Some(last), "nothing outlives the sign-in");
    people.clock.forward(DAY);
    people.renew(&tokens).await.refused(400, "invalid_grant", 700_082);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_leaves_nothing_that_a_copy_could_be_used_for() {
    let people = People::start().await;
    for path in ["/adfs/oauth2/revoke", "/contoso.example/oauth2/v2.0/revoke"] {
        let first = people.user_tokens().await;
        let tokens = people.renew(&first).await.given();
        let revoke = async |client: &str, token: &str| {
            let fields = [
                ("client_id", client),
                ("token", token),
                ("token_type_hint", "refresh_token"),
            ];
            let response = people.post(path, &fields).await;
            (response.status().as_u16(), response.text().await.unwrap())
        };
        let nothing = (200, String::new());
        assert_eq!(revoke(POWERSHELL, tokens.text("refresh_token")).await, nothing);
        assert!(
            people.is_let_in(&tokens).await,
            "it is not another client's to give back"
        );
        // An older token of the same sign-in does as well: a program may have kept that one.
        assert_eq!(revoke(AZ, first.text("refresh_token")).await, nothing);
        assert!(!people.is_let_in(&tokens).await);
        people.renew(&tokens).await.refused(400, "invalid_grant", 50_173);
        assert_eq!(revoke(AZ, first.text("refresh_token")).await, nothing);
        assert_eq!(revoke(AZ, "made up").await, nothing);
    }
    people
        .token("/adfs/oauth2/revoke", &[("client_id", AZ)])
        .await
        .refused(400, "invalid_request", 900_144);
    let unproven = [
        ("client_id", people.application.to_string()),
        ("token", "x".to_owned()),
    ];
    let unproven = unproven.each_ref().map(|(name, value)| (*name, value.as_str()));
    people
        .token("/adfs/oauth2/revoke", &unproven)
        .await
        .refused(401, "invalid_client", 7_000_218);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_to_sign_out_ends_the_sign_in_whose_id_token_it_is_shown() {
    let people = People::start().await;
    let (one, other) = (people.user_tokens().await, people.user_tokens().await);
    let page = people
        .get(&format!(
            "/adfs/oauth2/logout?id_token_hint={}",
            one.text("id_token")
        ))
        .await;
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("You are signed out"));
    assert!(!people.is_let_in(&one).await);
    for hint in ["", "?id_token_hint=x", "?id_token_hint=a&id_token_hint=b"] {
        let page = people.get(&format!("/adfs/oauth2/logout{hint}")).await;
        assert_eq!(page.status(), 200);
        assert!(!page.text().await.unwrap().contains("You are signed out"));
    }
    assert!(people.is_let_in(&other).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_loses_its_tokens_with_the_secret_it_signed_in_with_and_when_it_is_disabled() {
    let people = People::start().await;
    let app = &people.house.app;
    let with_first = people.program(TOKEN, &[]).await.given();
    let expires = "2027-01-01T00:00:00Z".parse().unwrap();
    let second = app
        .add_secret(&operator(), people.application, expires)
        .await
        .unwrap();
    let with_second = people
        .program(TOKEN, &[("client_secret", &second.text)])
        .await
        .given();
    let kept = app.application(&operator(), people.application).unwrap();
    app.remove_credential(&operator(), people.application, kept.secrets[0].id)
        .await
        .unwrap();
    assert!(!people.is_let_in(&with_first).await, "the secret that leaked");
    assert!(
        people.is_let_in(&with_second).await,
        "replacing a secret stops no program"
    );
    for enabled in [false, true] {
        app.set_application_enabled(&operator(), people.application, enabled)
            .await
            .unwrap();
        assert!(!people.is_let_in(&with_second).await, "enabled: {enabled}");
    }
}

impl People {
    /// Somebody signs in to the application of the directory, on a device.
    async fn by_way_of_the_application(&self) -> Tokens {
        let (client, scope) = (self.application.to_string(), self.user_scope());
        let path = "/adfs/oauth2/devicecode";
        let begun = self
            .token(path, &[("client_id", &client), ("scope", &scope)])
            .await
            .given();
        let (status, page) = self.enter(begun.text("user_code"), USER, PASSWORD).await;
        assert_eq!(status, 200, "{page}");
        let fields = [
            ("client_id", client.as_str()),
            ("client_secret", &self.secret),
            ("grant_type", DEVICE_CODE),
            ("device_code", begun.text("device_code")),
        ];
        self.token(TOKEN, &fields).await.given()
    }

    async fn enable_the_application(&self, enabled: bool) {
        let app = &self.house.app;
        app.set_application_enabled(&operator(), self.application, enabled)
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_application_keeps_no_access_token_of_the_people_who_signed_in_to_it() {
    let people = People::start().await;
    let by_application = people.by_way_of_the_application().await;
    let by_az = people.user_tokens().await;
    assert!(people.is_let_in(&by_application).await);
    let client = people.application.to_string();
    for enabled in [false, true] {
        people.enable_the_application(enabled).await;
        assert!(!people.is_let_in(&by_application).await, "enabled: {enabled}");
    }
    let fields = [
        ("client_id", client.as_str()),
        ("client_secret", &people.secret),
        ("grant_type", "refresh_token"),
        ("refresh_token", by_application.text("refresh_token")),
    ];
    people
        .token(TOKEN, &fields)
        .await
        .refused(400, "invalid_grant", 50_173);
    assert!(
        people.is_let_in(&by_az).await,
        "the same person, by way of another program"
    );
    let again = people.by_way_of_the_application().await;
    assert!(people.is_let_in(&again).await);
    let app = &people.house.app;
    app.delete_application(&operator(), people.application)
        .await
        .unwrap();
    assert!(!people.is_let_in(&again).await);
    assert!(people.is_let_in(&by_az).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_in_with_a_code_that_an_application_began_before_it_was_disabled() {
    let people = People::start().await;
    let (client, scope) = (people.application.to_string(), people.user_scope());
    let begin = async || {
        let fields = [("client_id", client.as_str()), ("scope", &scope)];
        people.token("/adfs/oauth2/devicecode", &fields).await.given()
    };
    let (entered, not_yet) = (begin().await, begin().await);
    let (status, page) = people.enter(entered.text("user_code"), USER, PASSWORD).await;
    assert_eq!(status, 200, "{page}");
    people.enable_the_application(false).await;
    let (status, page) = people.enter(not_yet.text("user_code"), USER, PASSWORD).await;
    assert_eq!(status, 400, "{page}");
    assert!(page.contains("disabled or was deleted"), "{page}");
    people.enable_the_application(true).await;
    let fields = [
        ("client_id", client.as_str()),
        ("client_secret", &people.secret),
        ("grant_type", DEVICE_CODE),
        ("device_code", entered.text("device_code")),
    ];
    people
        .token(TOKEN, &fields)
        .await
        .refused(400, "invalid_grant", 50_173);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_slow_costs_nobody_their_sign_in_where_others_renewed_it_in_the_meantime() {
    let people = People::start().await;
    let first = people.user_tokens().await;
    let second = people.renew(&first).await.given();
    people.clock.forward(Duration::from_secs(58));
    let third = people.renew(&second).await.given();
    people.clock.forward(Duration::from_secs(4));
    let fourth = people.renew(&third).await.given();
    // It read the file of tokens before the other process wrote it.
    people.renew(&second).await.given();
    people.renew(&fourth).await.given();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_leaked_are_revoked_at_a_server_that_runs() {
    let people = People::start().await;
    let (user, program) = (
        people.user_tokens().await,
        people.program(TOKEN, &[]).await.given(),
    );
    assert!(people.is_let_in(&user).await && people.is_let_in(&program).await);
    let leaked = people.published_keys().await;
    let config = ServerConfig::new(
        people.house.directory.path().to_owned(),
        ([127, 0, 0, 1], 0).into(),
        people.clock.clone(),
    );
    assert_eq!(Server::revoke_signing_keys(&config).await.unwrap(), 1);
    for _ in 0..100 {
        if people.published_keys().await != leaked {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let left = people.published_keys().await;
    assert!(left.len() == 1 && left != leaked, "{left:?} {leaked:?}");
    assert!(!people.is_let_in(&user).await && !people.is_let_in(&program).await);
    people.renew(&user).await.refused(400, "invalid_grant", 9_002_313);
    // Nobody is locked out.
    assert!(people.is_let_in(&people.user_tokens().await).await);
    assert!(people.is_let_in(&people.program(TOKEN, &[]).await.given()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shorter_lifetime_holds_for_tokens_that_are_out() {
    let people = People::start_with(IdentityConfig {
        access_token_lifetime: Duration::from_secs(300),
        ..IdentityConfig::default()
    })
    .await;
    let tokens = people.program(TOKEN, &[]).await.given();
    let mut long = claims(tokens.access_token());
    long["exp"] = (long["exp"].as_i64().unwrap() + 3600).into();
    let long = people.forge(&people.own_key(), &long, |_| ());
    people.call(&long).await.expect(403);
    people.clock.forward(Duration::from_secs(300 + 61));
    people
        .call(&long)
        .await
        .refused(401, "ExpiredAuthenticationToken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_no_password() {
    let people = People::start().await;
    let tokens = people.user_tokens().await;
    let begun = people.begin_on_device("/adfs/oauth2/devicecode").await.given();
    let (status, page) = people
        .enter(begun.text("user_code"), USER, tokens.text("refresh_token"))
        .await;
    assert_eq!(status, 400, "{page}");
    assert!(!page.contains(tokens.text("refresh_token")) && !page.contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_token_endpoint_reads_every_refusal_of_it() {
    let people = People::start().await;
    let trace = "5e6f7a8b-0000-4000-8000-000000000001";
    let ask = async |content_type: &str, body: String| {
        let request = people.house.client.post(people.house.url(TOKEN));
        let request = request
            .header("content-type", content_type)
            .header("client-request-id", trace)
            .body(body);
        Tokens::of(request.send().await.unwrap()).await
    };
    let form = "application/x-www-form-urlencoded";
    for (content_type, body, status, error, number) in [
        (
            "application/json",
            "{}".to_owned(),
            415,
            "invalid_request",
            90_013,
        ),
        (form, "x".repeat(1024 * 1024), 413, "invalid_request", 90_013),
        (form, String::new(), 400, "invalid_request", 900_144),
        (
            form,
            "grant_type=password".to_owned(),
            400,
            "invalid_request",
            900_144,
        ),
    ] {
        let refused = ask(content_type, body).await.refused(status, error, number);
        assert_eq!(refused.text("correlation_id"), trace);
        assert_eq!(
            refused.text("trace_id"),
            refused.headers["x-ms-request-id"].to_str().unwrap()
        );
    }
}

/// Everything that is secret in signing in, by whatever way, rightly and wrongly.
pub(crate) async fn secrets_of_signing_in() -> Vec<String> {
    let people = People::start().await;
    let mut secrets = vec![people.secret.clone(), PASSWORD.to_owned()];
    let program = people.program(TOKEN, &[]).await.given();
    secrets.push(program.access_token().to_owned());
    let wrong = "mbs_wrong-wrong-wrong-wrong-wrong-wrong-wrong".to_owned();
    people
        .program(TOKEN, &[("client_secret", &wrong)])
        .await
        .refused(401, "invalid_client", 7_000_215);
    secrets.push(wrong);
    let begun = people.begin_on_device("/adfs/oauth2/devicecode").await.given();
    let typo = "incorrect horse battery staple";
    people.enter(begun.text("user_code"), USER, typo).await;
    secrets.extend([begun.text("device_code").to_owned(), typo.to_owned()]);
    let first = people.user_tokens().await;
    let second = people.renew(&first).await.given();
    people.call(second.access_token()).await.expect(403);
    people.clock.forward(Duration::from_secs(61));
    people.renew(&first).await.refused(400, "invalid_grant", 70_000);
    people.call(second.access_token()).await.expect(401);
    people.call(second.text("refresh_token")).await.expect(401);
    for tokens in [&first, &second] {
        let members = ["access_token", "refresh_token", "id_token"];
        secrets.extend(members.map(|member| tokens.text(member).to_owned()));
    }
    let third = people.user_tokens().await;
    people
        .get(&format!(
            "/adfs/oauth2/logout?id_token_hint={}",
            third.text("id_token")
        ))
        .await;
    let fields = [("client_id", AZ), ("token", third.text("refresh_token"))];
    people.post("/adfs/oauth2/revoke", &fields).await;
    secrets.extend([third.text("id_token"), third.text("refresh_token")].map(str::to_owned));
    // A token without its signature is one that somebody may have kept.
    let unsigned = secrets.iter().filter_map(|text| text.rsplit_once('.'));
    let unsigned: Vec<String> = unsigned.map(|(signed, _)| signed.to_owned()).collect();
    secrets.extend(unsigned);
    secrets
}
