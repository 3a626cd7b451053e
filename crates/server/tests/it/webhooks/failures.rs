//! Receivers that do not take notices, and servers that end in the middle.

use std::time::Duration;

use serde_json::json;
use server::{Pace, WebhooksConfig};

use super::receiver::{Does, Receiver, eventually_so};
use super::{house, house_in, patient, quick};
use crate::fixture::{DataDirectory, House, TestClock, TestRandom};

/// A server that leaves its duty behind soon, should it end without a word.
async fn short_lived() -> House {
    house_in(DataDirectory::new(), quick()).await
}

/// A server that ended without a word and is started again.
async fn after_a_crash(house: House, webhooks: WebhooksConfig) -> House {
    let House {
        running,
        app,
        directory,
        ..
    } = house;
    drop(running);
    drop(app);
    eventually_so(async || store::open(&directory.store()).ok().map(drop)).await;
    house_in(directory, webhooks).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_gets_the_same_again_and_what_came_later_afterwards() {
    let house = house().await;
    let failing = [
        Does::Answers(500),
        Does::Answers(503),
        Does::Answers(429),
        Does::Takes,
    ];
    let receiver = Receiver::that(failing).await;
    house.webhook("ops", &receiver.url).await;
    let (first, second) = (house.try_out("ops").await, house.try_out("ops").await);
    receiver.hears_of(&second).await;
    assert_eq!(receiver.heard(), [&*first, &second]);
    let mut came = receiver.came();
    came.retain(|it| it.id == first);
    assert!(came.len() >= 4, "{came:?}");
    for again in &came {
        assert_eq!(again.body, came[0].body, "one id, one body");
        again.verify(&house.public_key().await);
    }
    let all = house.ended("ops").await;
    let listed: Vec<&str> = all.iter().map(|it| it["noticeId"].as_str().unwrap()).collect();
    assert_eq!(listed, [&*second, &first], "the last one first");
    assert_eq!(house.listed("ops").await["failing"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_holds_up_nobody_else() {
    let house = house().await;
    let (hanging, good) = (
        Receiver::that([Does::Hangs]).await,
        Receiver::that([Does::Takes]).await,
    );
    house.webhook("hanging", &hanging.url).await;
    house.webhook("good", &good.url).await;
    house.try_out("hanging").await;
    hanging.has(1).await;
    for _ in 0..3 {
        house.try_out("good").await;
        house.try_out("hanging").await;
    }
    good.has(3).await;
    assert_eq!(house.ended("good").await.len(), 3);
    assert_eq!(house.listed("hanging").await["waiting"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_is_left_after_a_while_and_asked_again() {
    let webhooks = WebhooksConfig {
        pace: Pace {
            attempt: Duration::from_millis(500),
            ..quick().pace
        },
        ..quick()
    };
    let house = house_in(DataDirectory::new(), webhooks).await;
    let receiver = Receiver::that([Does::Hangs, Does::Hangs, Does::Takes]).await;
    house.webhook("ops", &receiver.url).await;
    let id = house.try_out("ops").await;
    let came = receiver.has(3).await;
    assert!(came.iter().all(|it| it.id == id));
    house.ended("ops").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_would_lead_the_server_where_nobody_allowed_it_to_go() {
    let house = house().await;
    let inside = Receiver::that([Does::Takes]).await;
    let redirecting = Receiver::that([Does::Redirects(inside.url.clone())]).await;
    house.webhook("ops", &redirecting.url).await;
    let id = house.try_out("ops").await;
    redirecting.has(2).await;
    let because = eventually_so(async || {
        let failing = house.listed("ops").await["failing"]["because"].clone();
        failing.as_str().map(ToOwned::to_owned)
    })
    .await;
    assert!(because.contains("Redirects are not followed"), "{because}");
    assert!(inside.came().is_empty());
    house.webhook("ops", &inside.url).await;
    assert_eq!(
        inside.has(1).await[0].id,
        id,
        "what waited goes where the webhook leads now"
    );
    house.ended("ops").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_for_good_is_left_alone_until_somebody_sets_it_again() {
    let house = house().await;
    let receiver = Receiver::that([Does::Answers(410)]).await;
    house.webhook("ops", &receiver.url).await;
    let id = house.try_out("ops").await;
    let all = house.ended("ops").await;
    assert_eq!(all[0]["status"], "givenUp");
    let because = all[0]["because"].as_str().unwrap();
    assert!(because.contains("410 Gone"), "{because}");
    assert_eq!(
        all[0]["attempts"], 1,
        "nobody would believe that it was asked: {all:?}"
    );
    assert!(house.listed("ops").await["stopped"]["since"].is_string());
    let test = house.post("/api/v1/webhooks/ops/test", &json!({})).await;
    test.refused(409, "WebhookStopped");

    receiver.now([Does::Takes]);
    house.webhook("ops", &receiver.url).await;
    let again = format!("/api/v1/webhooks/ops/deliveries/{id}/redeliver");
    house.post(&again, &json!({})).await.expect(202);
    let came = receiver.has(2).await;
    assert_eq!((&came[0].id, &came[0].body), (&came[1].id, &came[1].body));
    assert_eq!(house.ended("ops").await[0]["status"], "delivered");
    house.post(&again, &json!({})).await.expect(202);
    receiver.has(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_nobody_takes_is_given_up_in_the_end_and_the_next_one_has_its_turn() {
    let webhooks = WebhooksConfig {
        pace: Pace {
            give_up_after: Duration::ZERO,
            attempts_min: 3,
            ..patient().pace
        },
        ..patient()
    };
    let house = house_in(DataDirectory::new(), webhooks).await;
    let no = || Does::Answers(400);
    let receiver = Receiver::that([no(), no(), no(), Does::Takes]).await;
    house.webhook("ops", &receiver.url).await;
    let (first, second) = (house.try_out("ops").await, house.try_out("ops").await);
    let ids: Vec<String> = receiver.has(4).await.into_iter().map(|it| it.id).collect();
    assert_eq!(ids, [first.clone(), first.clone(), first, second]);
    let all = house.ended("ops").await;
    let because = all[1]["because"].as_str().unwrap();
    assert!(
        because.ends_with("It answered 400 Bad Request: not now"),
        "{because}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_before_it_has_sent_a_notice_would_forget_it() {
    let house = short_lived().await;
    let receiver = Receiver::that([Does::Answers(500)]).await;
    house.webhook("ops", &receiver.url).await;
    let id = house.try_out("ops").await;
    let body = receiver.has(1).await[0].body.clone();
    let house = after_a_crash(house, quick()).await;
    receiver.now([Does::Takes]);
    house.ended("ops").await;
    let last = receiver.came().pop().unwrap();
    assert_eq!((last.id, last.body), (id, body));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_before_it_knows_that_a_notice_was_taken_sends_another_one_in_its_place() {
    let house = short_lived().await;
    let receiver = Receiver::that([Does::Hangs]).await;
    house.webhook("ops", &receiver.url).await;
    let id = house.try_out("ops").await;
    let first = receiver.has(1).await[0].clone();
    let house = after_a_crash(house, quick()).await;
    receiver.now([Does::Takes]);
    house.ended("ops").await;
    let again = receiver.has(2).await[1].clone();
    assert_eq!((&first.id, &again.id, first.body), (&id, &id, again.body));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_whose_clock_is_decades_off_is_refused_by_every_receiver() {
    for moment in ["1999-01-01T00:00:00Z", "2100-01-01T00:00:00Z"] {
        let directory = DataDirectory::new();
        let clock = TestClock::at(moment);
        let random = std::sync::Arc::new(TestRandom);
        let app = server::open(directory.store(), clock.clone(), random)
            .await
            .unwrap();
        let house = House::start_as(directory, clock, app, |config| server::ServerConfig {
            webhooks: quick(),
            ..config
        })
        .await;
        let receiver = Receiver::that([Does::Answers(500), Does::Takes]).await;
        house.webhook("ops", &receiver.url).await;
        house.try_out("ops").await;
        for came in receiver.has(2).await {
            came.verify(&house.public_key().await);
        }
        assert_eq!(house.ended("ops").await[0]["status"], "delivered");
    }
}

/// Whoever is not taken once is left alone for an hour.
fn slow() -> WebhooksConfig {
    WebhooksConfig {
        pace: Pace {
            first_wait: Duration::from_secs(3600),
            longest_wait: Duration::from_secs(3600),
            ..quick().pace
        },
        ..quick()
    }
}

/// Waits until it is known that the last attempt was answered so.
async fn fails_with(house: &House, status: &str) {
    eventually_so(async || {
        let failing = house.listed("ops").await["failing"].clone();
        let because = failing["because"].as_str()?;
        because.contains(status).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_repaired_a_receiver_would_wait_an_hour_and_read_what_was_wrong_before() {
    let house = house_in(DataDirectory::new(), slow()).await;
    let receiver = Receiver::that([Does::Answers(500)]).await;
    house.webhook("ops", &receiver.url).await;
    let first = house.try_out("ops").await;
    fails_with(&house, "500").await;
    let since = house.listed("ops").await["failing"]["since"].clone();

    receiver.now([Does::Answers(502)]);
    house.try_out("ops").await;
    fails_with(&house, "502").await;
    receiver.now([Does::Answers(503)]);
    let again = format!("/api/v1/webhooks/ops/deliveries/{first}/redeliver");
    house.post(&again, &json!({})).await.expect(202);
    fails_with(&house, "503").await;
    assert_eq!(
        house.listed("ops").await["failing"]["since"],
        since,
        "it has failed since then"
    );

    receiver.now([Does::Takes]);
    house.webhook("ops", &receiver.url).await;
    let all = house.ended("ops").await;
    assert_eq!(receiver.came().last().unwrap().id, all[1]["noticeId"]);
    let of_first = all.iter().find(|it| it["noticeId"] == first).unwrap();
    assert_eq!(of_first["status"], "delivered");
    assert_eq!(of_first["answer"], "It answered 204 No Content.");
    assert!(
        of_first["askedAgain"].is_string() && of_first["attempts"].is_u64(),
        "{of_first}"
    );
    assert_eq!(house.listed("ops").await["failing"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn how_often_a_notice_was_tried_and_what_was_answered_would_be_known_to_the_log_alone() {
    let house = house().await;
    let receiver = Receiver::that([Does::Answers(500), Does::Answers(503), Does::Takes]).await;
    house.webhook("ops", &receiver.url).await;
    let first = house.try_out("ops").await;
    let all = house.ended("ops").await;
    assert_eq!(
        (&all[0]["noticeId"], &all[0]["attempts"], &all[0]["answer"]),
        (&json!(first), &json!(3), &json!("It answered 204 No Content."))
    );
    receiver.now([Does::Answers(410)]);
    house.try_out("ops").await;
    house.ended("ops").await;
    let stopped = house.listed("ops").await["stopped"].clone();
    assert!(stopped["because"].as_str().unwrap().contains("410"), "{stopped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_was_tried_for_days_would_be_listed_as_tried_once_after_a_restart() {
    let house = house_in(DataDirectory::new(), slow()).await;
    let receiver = Receiver::that([Does::Answers(500)]).await;
    house.webhook("ops", &receiver.url).await;
    house.try_out("ops").await;
    fails_with(&house, "500").await;
    receiver.now([Does::Answers(502)]);
    let house = after_a_crash(house, slow()).await;
    fails_with(&house, "502").await;
    let attempts = house.deliveries("ops").await[0]["attempts"].clone();
    assert!(attempts.as_u64() >= Some(2), "{attempts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_file_that_cannot_be_used_would_stop_every_notice() {
    let house = house().await;
    let keys = house.directory.path().join("keys").join("webhooks");
    std::fs::write(keys.join("2027.pem"), "-----BEGIN PRIVATE KEY-----\nMC4C").unwrap();
    let receiver = Receiver::that([Does::Takes]).await;
    house.webhook("ops", &receiver.url).await;
    house.try_out("ops").await;
    receiver.has(1).await[0].verify(&house.public_key().await);
    assert_eq!(house.ended("ops").await[0]["status"], "delivered");
}
