//! Receivers that do not take notices, and servers that end in the middle.

use std::time::Duration;

use serde_json::json;
use server::{Pace, WebhooksConfig};

use super::receiver::{Does, Receiver, eventually_so};
use super::{house, house_in, quick};
use crate::fixture::{DataDirectory, House, TestClock, TestRandom};

/// A server that ended without a word and is started again.
async fn after_a_crash(house: House) -> House {
    let House {
        running,
        app,
        directory,
        ..
    } = house;
    drop(running);
    drop(app);
    eventually_so(async || store::open(&directory.store()).ok().map(drop)).await;
    house_in(directory, quick()).await
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
    let came = receiver.has(5).await;
    let ids: Vec<&str> = came.iter().map(|it| &*it.id).collect();
    assert_eq!(ids, [&*first, &first, &first, &first, &second]);
    for again in &came[..4] {
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
            ..quick().pace
        },
        ..quick()
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
    let house = house().await;
    let receiver = Receiver::that([Does::Answers(500)]).await;
    house.webhook("ops", &receiver.url).await;
    let id = house.try_out("ops").await;
    let body = receiver.has(1).await[0].body.clone();
    let house = after_a_crash(house).await;
    receiver.now([Does::Takes]);
    house.ended("ops").await;
    let last = receiver.came().pop().unwrap();
    assert_eq!((last.id, last.body), (id, body));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_before_it_knows_that_a_notice_was_taken_sends_another_one_in_its_place() {
    let house = house().await;
    let receiver = Receiver::that([Does::Hangs]).await;
    house.webhook("ops", &receiver.url).await;
    let id = house.try_out("ops").await;
    let first = receiver.has(1).await[0].clone();
    let house = after_a_crash(house).await;
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
