//! Two servers on one database, behind one name.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use server::{Limits, Running, Server, ServerConfig};

use crate::fixture::{Answer, DataDirectory, House, TestRandom, WallClock, client};
use crate::world::{customer_subscription, default_subscription, directory, record, stack, tenant};

/// How often each delivery is sent to each server.
const TIMES: usize = 2;
/// How many deliveries there are, each of a day.
const DAYS: usize = 12;

/// The delivery of a day: three machines; those of later deliveries that overlap it say something else about some hours.
fn delivery(number: usize) -> (String, String) {
    let reported = format!("2026-10-{:02}T00:00:00Z", 15 + number % 4);
    let mut lines = Vec::new();
    for machine in 0..3 {
        for hour in 0..24 {
            // Two deliveries for each day.
            let day = 1 + number / 2;
            let start = format!("2026-10-{day:02}T{hour:02}:00:00Z");
            let end = match hour {
                23 => format!("2026-10-{:02}T00:00:00Z", day + 1),
                _ => format!("2026-10-{day:02}T{:02}:00:00Z", hour + 1),
            };
            let revised = number % 2 == 1 && hour % 3 == 0;
            let quantity = if revised { "2.5" } else { "1" };
            let record = record(&start, &end, quantity).replace("vm1", &format!("vm{machine}"));
            lines.push(record.replace('\n', " "));
        }
    }
    (reported, lines.join("\n"))
}

/// One of the servers.
struct Door {
    url: String,
    client: reqwest::Client,
    stack_key: String,
}

impl Door {
    fn of(running: &Running, stack_key: &str) -> Self {
        Self {
            url: running.url().to_owned(),
            client: client(running).build().unwrap(),
            stack_key: stack_key.to_owned(),
        }
    }

    async fn deliver(&self, number: usize) {
        let (reported, body) = delivery(number);
        let url = format!(
            "{}api/v1/stacks/{}/usage?reportedStart={reported}",
            self.url,
            stack()
        );
        let request = self.client.post(url).bearer_auth(&self.stack_key);
        let request = request.header("Content-Type", "application/x-ndjson").body(body);
        let receipt = Answer::of(request.send().await.unwrap()).await.expect(200).body;
        assert_eq!(receipt["quarantined"], 0, "{receipt}");
    }

    /// Delivers everything a few times, from some place on.
    async fn deliver_all(&self, from: usize) {
        for number in (0..DAYS).cycle().skip(from).take(DAYS * TIMES) {
            self.deliver(number).await;
        }
    }

    async fn bills(&self, operator: &str) -> Vec<Value> {
        let mut bills = Vec::new();
        for payer in [default_subscription(), customer_subscription()] {
            let url = format!("{}api/v1/statements/{payer}?period=2026-10", self.url);
            let request = self.client.get(url).bearer_auth(operator);
            bills.push(Answer::of(request.send().await.unwrap()).await.expect(200).body);
        }
        bills
    }
}

/// A stack that was registered in time, whose directory is known.
async fn registered(directory_of_server: DataDirectory) -> (House, String) {
    let house = House::start_in(directory_of_server, Limits::default()).await;
    house.register().await;
    let path = |what: &str| format!("/api/v1/registrations/{}/{what}", stack());
    let from = json!({ "validFrom": "2026-10-01T00:00:00Z" });
    house.post(&path("backdate"), &from).await.expect(200);
    house
        .post(&path("approve-multi-tenancy"), &json!({}))
        .await
        .expect(200);
    let listing = format!("/api/v1/stacks/{}/subscriptions", stack());
    house.put(&listing, &directory(&tenant())).await.expect(200);
    let key = house.activation_key("north").await;
    (house, key)
}

/// The tenant pays for itself from a day on.
fn backdated() -> (String, Value) {
    let path = format!("/api/v1/registrations/{}/tenant-mappings", stack());
    let body = json!({ "tenantId": tenant(), "subscriptionId": customer_subscription(),
        "validFrom": "2026-10-03T07:00:00Z" });
    (path, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_take_in_the_usage_of_one_stack_at_once_bill_what_one_would_have_billed() {
    let Some(shared) = DataDirectory::shared() else {
        return;
    };
    let (house, key) = registered(shared).await;
    let app = server::open(house.directory.store(), house.clock.clone(), Arc::new(TestRandom))
        .await
        .unwrap();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = ServerConfig::new(house.directory.path().to_owned(), listen, Arc::new(WallClock));
    let other = Server::start(config, app).await.unwrap();
    let doors = [Door::of(&house.running, &key), Door::of(&other, &key)];
    let map = async {
        let (path, body) = backdated();
        house.post(&path, &body).await.expect(200);
    };
    tokio::join!(doors[0].deliver_all(0), doors[1].deliver_all(DAYS / 2), map);

    let (alone, key) = registered(DataDirectory::new()).await;
    let (path, body) = backdated();
    alone.post(&path, &body).await.expect(200);
    let door = Door::of(&alone.running, &key);
    for number in 0..DAYS {
        door.deliver(number).await;
    }
    let expected = door.bills(&alone.operator).await;
    assert!(
        expected.iter().all(|bill| bill["total"] != "0.00"),
        "{expected:?}"
    );
    for door in &doors {
        assert_eq!(door.bills(&house.operator).await, expected, "{}", door.url);
    }
    let check = house.get("/api/v1/periods/2026-10/check").await.expect(200).body;
    assert_eq!(check["holds"], true, "{check}");
}
