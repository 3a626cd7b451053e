//! Others are told of things: signed, in order, again until they have taken them, and through every failure.

mod budgets;
mod failures;
mod receiver;
mod settings;
mod standing;
mod watching;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use app::App;
use app::access::Caller;
use app::completeness::OwnersFindings;
use domain::completeness::{Finding, FindingKind};
use domain::ids::OperatorId;
use domain::notices::Watch;
use domain::time::HourInterval;
use serde_json::{Value, json};
use server::{Pace, Server, ServerConfig, WebhooksConfig};

use self::receiver::{Does, Receiver, eventually_so};
use crate::fixture::{DataDirectory, House, TestClock, TestRandom, WallClock};
use crate::world::{partner, stack};

/// Things are tried at once, and given up never.
fn quick() -> WebhooksConfig {
    WebhooksConfig {
        to_private_networks: true,
        pace: Pace {
            look: Duration::from_millis(50),
            lease: Duration::from_secs(3),
            attempt: Duration::from_secs(120),
            first_wait: Duration::from_millis(20),
            longest_wait: Duration::from_millis(100),
            ..Pace::default()
        },
    }
}

/// As quick, and nobody loses the duty who only was not quick enough.
fn patient() -> WebhooksConfig {
    let mut patient = quick();
    patient.pace.lease = Duration::from_secs(3600);
    patient
}

async fn house_in(directory: DataDirectory, webhooks: WebhooksConfig) -> House {
    let clock = TestClock::at("2026-11-02T10:30:00Z");
    let app = server::open(directory.store(), clock.clone(), Arc::new(TestRandom))
        .await
        .unwrap();
    House::start_as(directory, clock, app, |config| ServerConfig {
        webhooks,
        ..config
    })
    .await
}

async fn house() -> House {
    house_in(DataDirectory::new(), patient()).await
}

/// Falls behind and comes back again, as somebody finds out who looks often enough; gives how many notices were raised.
async fn turns(app: &App, watch: &mut Watch, number: u8) -> usize {
    let hours: HourInterval = HourInterval::new(
        format!("2026-10-{:02}T00:00:00Z", number + 1).parse().unwrap(),
        format!("2026-10-{:02}T09:00:00Z", number + 1).parse().unwrap(),
    )
    .unwrap();
    let behind = Finding {
        stack: stack().parse().unwrap(),
        kind: FindingKind::FellBehind,
        hours,
        expected: 90,
        received: 0,
        next_bundle_by: None,
        begins: true,
    };
    let mut raised = 0;
    for findings in [vec![behind], Vec::new()] {
        let found = OwnersFindings {
            stack: behind.stack,
            partner: Some(partner().parse().unwrap()),
            findings,
        };
        for _ in 0..20 {
            raised += app.tell(watch, std::slice::from_ref(&found)).await.unwrap();
        }
    }
    raised
}

impl House {
    async fn webhook(&self, name: &str, url: &str) {
        let path = format!("/api/v1/webhooks/{name}");
        let answer = self.put(&path, &json!({ "url": url })).await;
        assert!(answer.status.is_success(), "{answer:?}");
    }

    async fn listed(&self, name: &str) -> Value {
        let list = self.get("/api/v1/webhooks").await.expect(200).body;
        let mut found = list["value"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["name"] == name);
        found.next().unwrap().clone()
    }

    async fn deliveries(&self, name: &str) -> Vec<Value> {
        let path = format!("/api/v1/webhooks/{name}/deliveries");
        let list = self.get(&path).await.expect(200).body;
        list["value"].as_array().unwrap().clone()
    }

    /// All deliveries of a webhook, as soon as none of them waits.
    async fn ended(&self, name: &str) -> Vec<Value> {
        eventually_so(async || {
            let all = self.deliveries(name).await;
            all.iter().all(|it| it["status"] != "waiting").then_some(all)
        })
        .await
    }

    async fn try_out(&self, name: &str) -> String {
        let path = format!("/api/v1/webhooks/{name}/test");
        let asked = self.post(&path, &json!({})).await.expect(202).body;
        asked["noticeId"].as_str().unwrap().to_owned()
    }

    async fn public_key(&self) -> String {
        let anybody = self.client.get(self.url("/api/v1/webhook-keys"));
        let keys = self.send(anybody).await.expect(200).body;
        keys["value"][0]["publicKey"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_would_take_a_forged_notice_or_refuse_a_genuine_one() {
    let house = house().await;
    let receiver = Receiver::that([Does::Takes]).await;
    house.webhook("ops", &receiver.url).await;
    let id = house.try_out("ops").await;
    let came = receiver.has(1).await;
    assert_eq!((&came[0].id, came[0].kind()), (&id, "test".to_owned()));
    came[0].verify(&house.public_key().await);
    let all = house.ended("ops").await;
    assert_eq!(
        (all.len(), &all[0]["status"], &all[0]["noticeId"]),
        (1, &json!("delivered"), &json!(id))
    );
    let metrics = house.get("/metrics").await.expect(200).body;
    let metrics = metrics.as_str().unwrap();
    for line in [
        "meterbridge_webhook_attempts_total{webhook=\"ops\",outcome=\"delivered\"} 1\n",
        "meterbridge_notices_waiting{webhook=\"ops\"} 0\n",
    ] {
        assert!(metrics.contains(line), "{line} {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_is_told_of_a_stack_in_the_order_in_which_things_happened() {
    let house = house().await;
    house.register().await;
    let (all, some) = (
        Receiver::that([Does::Takes]).await,
        Receiver::that([Does::Takes]).await,
    );
    house.webhook("all", &all.url).await;
    let only = json!({ "url": some.url, "kinds": ["stack.reappeared"], "cloudId": stack() });
    house.put("/api/v1/webhooks/some", &only).await.expect(201);
    let mut watch = Watch::default();
    for number in 0..4 {
        assert_eq!(turns(&house.app, &mut watch, number).await, 2);
    }
    let came = all.has_heard(8).await;
    let kinds: Vec<String> = came.iter().map(receiver::Came::kind).collect();
    assert_eq!(kinds.join(" "), ["stack.behind stack.reappeared"; 4].join(" "));
    let body: Value = serde_json::from_str(&came[0].body).unwrap();
    assert_eq!(body["data"]["cloudId"], stack());
    assert_eq!(body["data"]["since"], "2026-10-01T00:00:00Z");
    let text = body["data"]["text"].as_str().unwrap();
    assert!(text.starts_with("Stack north ("), "{text}");
    house.ended("all").await;
    house.ended("some").await;
    let reappeared = came.iter().filter(|it| it.kind() == "stack.reappeared");
    assert_eq!(
        some.heard(),
        reappeared.map(|it| it.id.clone()).collect::<Vec<_>>()
    );
    assert_eq!(all.heard().len(), 8, "each of them is one thing");
}

/// Two servers on one memory, of which the first one sends to the receiver. None where PostgreSQL is missing.
async fn two_servers(webhooks: WebhooksConfig, receiver: &Receiver) -> Option<(House, server::Running, App)> {
    let house = house_in(DataDirectory::shared()?, webhooks.clone()).await;
    house.register().await;
    house.webhook("ops", &receiver.url).await;
    house.try_out("ops").await;
    house.ended("ops").await;
    let app = server::open(house.directory.store(), house.clock.clone(), Arc::new(TestRandom))
        .await
        .unwrap();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = ServerConfig {
        webhooks,
        ..ServerConfig::new(house.directory.path().to_owned(), listen, Arc::new(WallClock))
    };
    let running = Server::start(config, app.clone()).await.unwrap();
    Some((house, running, app))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_both_look_and_send_would_tell_everything_twice() {
    let receiver = Receiver::that([Does::Takes]).await;
    let Some((one, _running, other)) = two_servers(patient(), &receiver).await else {
        return;
    };
    let (mut first, mut second) = (Watch::default(), Watch::default());
    for number in 0..3 {
        let both = tokio::join!(turns(&one.app, &mut first, number), async {
            other.catch_up().await.unwrap();
            turns(&other, &mut second, number).await
        });
        assert_eq!(both.0 + both.1, 2);
    }
    let raised = one.ended("ops").await;
    let mut came: Vec<String> = receiver.came().into_iter().map(|it| it.id).collect();
    let mut ids: Vec<String> = raised
        .iter()
        .map(|it| it["noticeId"].as_str().unwrap().to_owned())
        .collect();
    came.sort_unstable();
    ids.sort_unstable();
    // A notice may come twice: whoever receives it goes by its id.
    came.dedup();
    assert_eq!((came.len(), &came), (7, &ids));

    // The one that sends leaves the duty to the other one when it is stopped.
    one.running.shutdown().await.unwrap();
    let id = other
        .test_webhook(&operator(), &"ops".parse().unwrap())
        .await
        .unwrap();
    receiver.hears_of(&id.to_string()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_would_send_once_the_server_that_does_has_ended_without_a_word() {
    let receiver = Receiver::that([Does::Takes]).await;
    let Some((one, _running, other)) = two_servers(quick(), &receiver).await else {
        return;
    };
    drop(one.running);
    let id = other
        .test_webhook(&operator(), &"ops".parse().unwrap())
        .await
        .unwrap();
    receiver.hears_of(&id.to_string()).await;
}

fn operator() -> Caller {
    Caller::Operator {
        id: OperatorId::from_bytes([1; 16]),
        name: "tests".to_owned(),
    }
}
