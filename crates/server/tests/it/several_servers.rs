//! Several servers on one database, and what a server says while its database is away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use private_postgres::{Database, start_for_test};
use reqwest::Method;
use serde_json::{Value, json};
use server::Limits;

use crate::fixture::{DataDirectory, House, TestClock, TestRandom};

/// How long what has to come is waited for: as long as a machine may take that has much else to do.
const PATIENCE: Duration = Duration::from_secs(180);
const CREDENTIALS: &str = "/api/v1/operator-credentials";

async fn server_on(database: &Database<'_>) -> House {
    let clock = TestClock::at("2026-11-02T10:30:00Z");
    let config = database.url().parse().unwrap();
    let app = server::open(config, clock.clone(), Arc::new(TestRandom))
        .await
        .unwrap();
    House::start_app(DataDirectory::new(), clock, app, Limits::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_good_and_is_good_no_more_at_every_server_with_the_next_request() {
    let open = |url: &str| drop(store::open(&url.parse().unwrap()).unwrap());
    let Some(database) = Database::opened(open) else {
        return;
    };
    let (one, other) = (server_on(&database).await, server_on(&database).await);
    for number in 0..10 {
        let made = one
            .post(CREDENTIALS, &json!({ "name": format!("Night {number}") }))
            .await
            .expect(201);
        let text = |name: &str| made.body[name].as_str().unwrap().to_owned();
        let me = async |server: &House| {
            let request = server.client.get(server.url("/api/v1/me"));
            server.send(request.bearer_auth(text("text"))).await
        };
        me(&other).await.expect(200);
        other
            .delete(&format!("{CREDENTIALS}/{}", text("id")))
            .await
            .expect(204);
        me(&one).await.expect(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_was_revoked_at_one_server_would_watch_another_until_somebody_else_asked_there() {
    let open = |url: &str| drop(store::open(&url.parse().unwrap()).unwrap());
    let Some(database) = Database::opened(open) else {
        return;
    };
    let (one, other) = (server_on(&database).await, server_on(&database).await);
    let made = one
        .post(CREDENTIALS, &json!({ "name": "Night" }))
        .await
        .expect(201);
    let text = |name: &str| made.body[name].as_str().unwrap().to_owned();
    let metrics = async || {
        let request = other.client.get(other.url("/metrics"));
        request.bearer_auth(text("text")).send().await.unwrap().status()
    };
    assert_eq!(metrics().await, 200);
    let credential = format!("{CREDENTIALS}/{}", text("id"));
    one.delete(&credential).await.expect(204);
    assert_eq!(metrics().await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_database_is_away_says_when_to_come_again_and_can_be_watched() {
    let Some(postgres) = start_for_test() else { return };
    let database = Database::on(&postgres);
    let house = server_on(&database).await;
    house.get("/api/v1/me").await.expect(200);
    postgres.kill().unwrap();

    let refused = house.get("/api/v1/me").await.refused(503, "StorageUnavailable");
    assert_eq!(refused.header("retry-after"), "1");
    let sign_in = house.client.post(house.url("/adfs/oauth2/token"));
    let form = "application/x-www-form-urlencoded";
    let sign_in = sign_in.header("content-type", form).body("grant_type=password");
    let refused = sign_in.send().await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"], "temporarily_unavailable");
    for path in ["/healthz", "/metadata/endpoints?api-version=2015-01-01"] {
        let anybody = house.client.request(Method::GET, house.url(path));
        house.send(anybody).await.expect(200);
    }
    house.get("/metrics").await.expect(200);

    tokio::task::block_in_place(|| postgres.run_server()).unwrap();
    let began = Instant::now();
    while house.get("/api/v1/me").await.status != 200 {
        assert!(began.elapsed() < PATIENCE, "it stays refused");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
