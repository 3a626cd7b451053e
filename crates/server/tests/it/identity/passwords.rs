//! People change their own password.

use reqwest::Method;
use serde_json::json;

use super::people::{AZ, PASSWORD, People, USER};
use crate::fixture::Answer;

const NEW: &str = "another horse battery staple";

async fn change(people: &People, token: &str, old: &str, new: &str) -> Answer {
    let body = json!({ "oldPassword": old, "newPassword": new });
    let request = people
        .house
        .client
        .request(Method::PUT, people.house.url("/api/v1/me/password"))
        .bearer_auth(token)
        .json(&body);
    people.house.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_every_sign_in_of_its_user_with_whoever_else_had_one() {
    let people = People::start().await;
    let (own, elsewhere) = (people.user_tokens().await, people.user_tokens().await);
    change(&people, own.access_token(), PASSWORD, NEW)
        .await
        .expect(204);
    for tokens in [&own, &elsewhere] {
        people
            .refresh("/adfs/oauth2/token", AZ, tokens.text("refresh_token"), "")
            .await
            .refused(400, "invalid_grant", 50_173);
        people
            .call(tokens.access_token())
            .await
            .refused(401, "InvalidAuthenticationToken");
    }
    let begun = people.begin_on_device("/adfs/oauth2/devicecode").await.given();
    let code = begun.text("user_code");
    assert_eq!(people.enter(code, USER, PASSWORD).await.0, 400);
    assert_eq!(people.enter(code, USER, NEW).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_token_alone_does_not_change_the_password_and_guessing_the_old_one_is_slowed() {
    let people = People::start().await;
    let tokens = people.user_tokens().await;
    let token = tokens.access_token();
    for (new, target) in [("too short", "newPassword"), (PASSWORD, "newPassword")] {
        let refused = change(&people, token, PASSWORD, new).await;
        assert_eq!(refused.target(), target);
        refused.refused(400, "InvalidPassword");
    }
    for number in 0..5 {
        let guess = format!("a password that is guessed {number}");
        let refused = change(&people, token, &guess, NEW).await;
        assert_eq!(refused.target(), "oldPassword");
        refused.refused(400, "WrongPassword");
    }
    let slowed = change(&people, token, PASSWORD, NEW).await;
    assert_eq!(slowed.header("retry-after"), "1");
    slowed.refused(429, "TooManyRequests");
    let endless = "x".repeat(100_000);
    change(&people, token, &endless, NEW)
        .await
        .refused(400, "WrongPassword");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_password_here_is_told_so() {
    let people = People::start().await;
    let program = people.program("/adfs/oauth2/token", &[]).await.given();
    for token in [program.access_token(), &people.house.operator] {
        change(&people, token, PASSWORD, NEW)
            .await
            .refused(403, "PasswordNotKeptHere");
    }
}
