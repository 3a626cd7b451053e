//! A server whose database is killed, frozen or locked: what cannot be done now is refused with 503, what was acknowledged
//! stays, and nobody has to restart anything.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use private_postgres::{PrivatePostgres, start_for_test};
use reqwest::Method;
use serde_json::{Value, json};
use server::Limits;

use crate::fixture::{DataDirectory, House};
use crate::world::{at, default_subscription, record, registration, registration_body, stack};

/// How long what has to come is waited for: as long as a machine may take that has much else to do.
const PATIENCE: Duration = Duration::from_secs(180);
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(50);

const KILLS: u32 = 5;
const DELIVERERS: usize = 3;
/// How many deliveries come in between two kills, at least.
const BETWEEN_KILLS: usize = 20;

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    Ingest,
    Statement,
    Put,
    Get,
    Token,
}

const EVERY_REQUEST: [Request; 5] = [
    Request::Ingest,
    Request::Statement,
    Request::Put,
    Request::Get,
    Request::Token,
];

/// What was answered.
#[derive(Debug)]
struct Answered {
    status: u16,
    body: Value,
    retry_after: Option<u64>,
}

/// A server on a database of its own, with all that is needed to ask it something.
struct Served {
    house: House,
    stack_key: String,
    /// What a program signs in with.
    form: String,
}

impl Served {
    async fn start(database: &PrivatePostgres) -> Self {
        // It is on this machine: whoever is not there at once does not answer.
        let url = format!("{}?connect_timeout=1", database.url("postgres"));
        let directory = DataDirectory::with(url.parse().unwrap());
        let house = House::start_in(directory, Limits::default()).await;
        house.register().await;
        let path = format!("/api/v1/registrations/{}/backdate", stack());
        let body = json!({ "validFrom": "2026-10-01T00:00:00Z" });
        house.post(&path, &body).await.expect(200);
        let stack_key = house.activation_key("north").await;
        let created = async |path: &str, body: Value| house.post(path, &body).await.expect(201).body;
        let of = |answer: Value, member: &str| answer[member].as_str().unwrap().to_owned();
        let body = json!({ "name": "Programs", "domain": "programs.example" });
        let directory = of(created("/api/v1/directories", body).await, "id");
        let applications = format!("/api/v1/directories/{directory}/applications");
        let program = of(created(&applications, json!({ "name": "Nightly" })).await, "id");
        let secrets = format!("/api/v1/applications/{program}/secrets");
        let secret = of(created(&secrets, json!({})).await, "text");
        let form = format!(
            "grant_type=client_credentials&client_id={program}&client_secret={secret}&scope={}.default",
            house.running.url()
        );
        Self {
            house,
            stack_key,
            form,
        }
    }

    /// A request of this kind; those that change something change something else with each number.
    fn request(&self, kind: Request, number: u32) -> reqwest::RequestBuilder {
        let house = &self.house;
        let path = at(&registration("north"));
        match kind {
            Request::Ingest => house
                .client
                .post(house.url(&format!("/api/v1/stacks/{}/usage", stack())))
                .bearer_auth(&self.stack_key)
                .header("Content-Type", "application/x-ndjson")
                .header("Idempotency-Key", number.to_string())
                .body(usage(number)),
            Request::Statement => {
                let path = format!("/api/v1/statements/{}?period=2026-10", default_subscription());
                house.request(Method::GET, &path)
            }
            Request::Put => {
                let mut body = registration_body(&stack(), "PayAsYouUse");
                body["tags"] = json!({ "number": number.to_string() });
                house.request(Method::PUT, &path).json(&body)
            }
            Request::Get => house.request(Method::GET, &path),
            Request::Token => house
                .client
                .post(house.url("/adfs/oauth2/token"))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(self.form.clone()),
        }
    }

    async fn ask(&self, kind: Request, number: u32) -> Answered {
        let response = self.request(kind, number).send().await.unwrap();
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.map(|seconds| seconds.to_str().unwrap().parse().unwrap());
        Answered {
            status: response.status().as_u16(),
            retry_after,
            body: response.json().await.unwrap(),
        }
    }

    /// Asks for all of these at once.
    async fn ask_at_once(&self, kinds: &[Request], number: u32) -> Vec<(Request, Answered)> {
        let asked = kinds
            .iter()
            .map(async |kind| (*kind, self.ask(*kind, number).await));
        futures_util::future::join_all(asked).await
    }

    /// Each of these is refused, in the form that its clients read.
    async fn assert_refused(&self, kinds: &[Request], number: u32) {
        for (kind, answered) in self.ask_at_once(kinds, number).await {
            assert_eq!(answered.status, 503, "{kind:?}: {answered:?}");
            assert!(
                answered.retry_after.is_some_and(|seconds| seconds > 0),
                "{kind:?}: {answered:?}"
            );
            let error = &answered.body["error"];
            let codes: &[&str] = match kind {
                Request::Token => {
                    assert_eq!(error, "temporarily_unavailable", "{answered:?}");
                    continue;
                }
                Request::Ingest => &["StorageUnavailable", "StorageBusy", "TooManyDeliveries"],
                _ => &["StorageUnavailable", "StorageBusy"],
            };
            let code = error["code"].as_str().unwrap_or_default();
            assert!(codes.contains(&code), "{kind:?}: {answered:?}");
            assert!(
                error["message"].as_str().is_some_and(|it| !it.is_empty()),
                "{answered:?}"
            );
        }
    }

    /// Each of these is done, if not at once then soon.
    async fn assert_heals(&self, number: u32) {
        let began = Instant::now();
        for kind in EVERY_REQUEST {
            loop {
                let answered = self.ask(kind, number).await;
                if answered.status == 200 || answered.status == 201 {
                    break;
                }
                assert_eq!(answered.status, 503, "{kind:?}: {answered:?}");
                assert!(began.elapsed() < PATIENCE, "{kind:?} stays refused: {answered:?}");
                tokio::time::sleep(BETWEEN_ATTEMPTS).await;
            }
        }
        while self.status("/readyz").await != 200 {
            assert!(began.elapsed() < PATIENCE, "it does not get ready");
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
        }
    }

    async fn status(&self, path: &str) -> u16 {
        let request = self.house.client.get(self.house.url(path));
        request.send().await.unwrap().status().as_u16()
    }

    /// The server lives, and asks not to be sent anything.
    async fn assert_alive_and_not_ready(&self) {
        assert_eq!(self.status("/healthz").await, 200);
        assert_eq!(self.status("/readyz").await, 503);
    }

    /// So many hours were delivered, each once, and are on the bill; and the books say what was put last.
    async fn assert_kept(&self, hours: u32, put: Option<u32>) {
        let statement = self.ask(Request::Statement, 0).await.body;
        let quantity = statement["lines"][0]["quantity"].as_str();
        assert_eq!(quantity, Some(&*hours.to_string()), "{statement}");
        let check = self
            .house
            .get("/api/v1/periods/2026-10/check")
            .await
            .expect(200)
            .body;
        assert_eq!(
            (&check["holds"], &check["records"]["counted"]),
            (&json!(true), &json!(hours)),
            "{check}"
        );
        assert_eq!(
            check["records"]["received"],
            json!(hours),
            "stored twice: {check}"
        );
        if let Some(put) = put {
            let registered = self.ask(Request::Get, 0).await.body;
            assert_eq!(
                registered["tags"]["number"],
                json!(put.to_string()),
                "{registered}"
            );
        }
    }
}

/// One hour of one machine: another one with each number.
fn usage(number: u32) -> String {
    let (hour, machine) = (number % 720, number / 720);
    let start: domain::time::Hour = "2026-10-01T00:00:00Z".parse().unwrap();
    let start = start.plus(i32::try_from(hour).unwrap());
    let record = record(&start.to_string(), &start.plus(1).to_string(), "1");
    record.replace("vm1", &format!("vm{machine}")).replace('\n', " ")
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_while_the_database_is_gone_is_refused_for_now_and_done_when_it_is_back() {
    let Some(database) = start_for_test() else { return };
    let served = Served::start(&database).await;
    served.assert_heals(1).await;
    for number in 2..4 {
        tokio::task::block_in_place(|| database.kill()).unwrap();
        served.assert_refused(&EVERY_REQUEST, number).await;
        served.assert_alive_and_not_ready().await;
        served.assert_refused(&EVERY_REQUEST, number).await;
        tokio::task::block_in_place(|| database.run_server()).unwrap();
        served.assert_heals(number).await;
    }
    served.assert_kept(3, Some(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_answer_holds_nobody_up_for_ever_and_is_used_when_it_does() {
    let Some(database) = start_for_test() else { return };
    let served = Served::start(&database).await;
    served.assert_heals(1).await;
    tokio::task::block_in_place(|| database.freeze()).unwrap();
    let (_, ()) = tokio::join!(
        served.assert_refused(&EVERY_REQUEST, 2),
        served.assert_alive_and_not_ready()
    );
    served.assert_refused(&EVERY_REQUEST, 2).await;
    tokio::task::block_in_place(|| database.thaw()).unwrap();
    served.assert_heals(2).await;
    served.assert_kept(2, Some(2)).await;
}

/// Asks something while somebody holds these tables locked.
fn while_locked(database: &PrivatePostgres, tables: &str, asking: impl Future<Output = ()>) {
    let ask = || tokio::runtime::Handle::current().block_on(asking);
    tokio::task::block_in_place(|| database.while_locked("postgres", tables, ask)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_locked_in_the_database_is_refused_for_now_and_nothing_else_is() {
    let Some(database) = start_for_test() else { return };
    let served = Served::start(&database).await;
    served.assert_heals(1).await;
    while_locked(&database, "entry", served.assert_refused(&EVERY_REQUEST, 2));
    served.assert_heals(2).await;
    let usage_locked = async {
        let of_usage = [Request::Ingest, Request::Statement];
        served.assert_refused(&of_usage, 3).await;
        let of_books = [Request::Put, Request::Get, Request::Token];
        for (kind, answered) in served.ask_at_once(&of_books, 3).await {
            assert_eq!(answered.status, 200, "{kind:?}: {answered:?}");
        }
    };
    while_locked(
        &database,
        "stack, local_subscription, day_sheet, hour_sheet",
        usage_locked,
    );
    served.assert_heals(3).await;
    served.assert_kept(3, Some(3)).await;
}

/// What deliverers do until they are told to stop.
struct Progress {
    next: AtomicU32,
    stop: AtomicBool,
    refused: AtomicU32,
    acknowledged: Mutex<BTreeSet<u32>>,
}

impl Progress {
    /// Waits until so many more deliveries were acknowledged.
    async fn acknowledges(&self, more: usize) {
        let acknowledged = || self.acknowledged.lock().unwrap().len();
        let enough = acknowledged() + more;
        let began = Instant::now();
        while acknowledged() < enough {
            assert!(began.elapsed() < PATIENCE, "nothing is stored");
            tokio::time::sleep(BETWEEN_ATTEMPTS / 5).await;
        }
    }

    /// Waits until one more was refused.
    async fn refuses(&self) {
        let before = self.refused.load(Ordering::Relaxed);
        let began = Instant::now();
        while self.refused.load(Ordering::Relaxed) == before {
            assert!(began.elapsed() < PATIENCE, "nothing is refused");
            tokio::time::sleep(BETWEEN_ATTEMPTS / 5).await;
        }
    }
}

/// Delivers as a stack's bridge would: each delivery under its key until it is acknowledged.
async fn deliver(served: Arc<Served>, progress: Arc<Progress>) {
    while !progress.stop.load(Ordering::Relaxed) {
        let number = progress.next.fetch_add(1, Ordering::Relaxed);
        loop {
            let answered = served.ask(Request::Ingest, number).await;
            if answered.status == 200 {
                // Under its key the first answer is given again: whichever attempt it was that was stored.
                assert_eq!(answered.body["accepted"], 1, "delivery {number}: {answered:?}");
                break;
            }
            assert_eq!(answered.status, 503, "delivery {number}: {answered:?}");
            progress.refused.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(BETWEEN_ATTEMPTS / 5).await;
        }
        progress.acknowledged.lock().unwrap().insert(number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_through_the_door_are_stored_once_each_however_often_the_database_is_killed() {
    let Some(database) = start_for_test() else { return };
    let served = Arc::new(Served::start(&database).await);
    let progress = Arc::new(Progress {
        next: AtomicU32::new(0),
        stop: AtomicBool::new(false),
        refused: AtomicU32::new(0),
        acknowledged: Mutex::default(),
    });
    let deliverers: Vec<_> = (0..DELIVERERS)
        .map(|_| tokio::spawn(deliver(Arc::clone(&served), Arc::clone(&progress))))
        .collect();
    for _ in 0..KILLS {
        progress.acknowledges(BETWEEN_KILLS).await;
        tokio::task::block_in_place(|| database.kill()).unwrap();
        progress.refuses().await;
        tokio::task::block_in_place(|| database.run_server()).unwrap();
    }
    progress.acknowledges(BETWEEN_KILLS).await;
    progress.stop.store(true, Ordering::Relaxed);
    for deliverer in deliverers {
        tokio::time::timeout(PATIENCE, deliverer).await.unwrap().unwrap();
    }
    let last = progress.next.load(Ordering::Relaxed);
    assert_eq!(
        *progress.acknowledged.lock().unwrap(),
        (0..last).collect(),
        "everybody delivered until they were told"
    );
    served.assert_kept(last, None).await;
}
