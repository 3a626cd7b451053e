//! A stack over TLS with an authority of its own, a server on which it is registered, and what a bridge needs for both.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::time::{Hour, HourInterval, Timestamp};
use jiff::SignedDuration;
use serde_json::Value;
use simulator::{Account, AdminApi, Faults, ServiceFaults, Stack, StackCertificate, StackSpec, TenantSpec};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::process::{Outcome, meterbridge, run};
use crate::server::Server;

pub(super) const CLOUD: &str = "6d1c7e0a-2f5b-4c83-9a41-7b0e5d3f9c26";
const HOME_TENANT: &str = "71f4b3c8-0d2e-4a96-8b57-c3e1a9d60f14";
const SECRET: &str = "a secret of the account";
/// Everything that is waited for comes sooner, on any machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);
/// How many hours ago reading begins.
const HOURS_READ: i32 = 30;
/// For how many hours of the month something is charged, at least.
const HOURS_CHARGED: i32 = 12;
/// A local meter that costs a cent and more for what is used of it in an hour.
const VCPU_HOURS: &str = "fab6eb84-500b-4a09-a8ca-7358f8bbaea5";
/// How many records there are of the month, at least: a few in each hour.
const RECORDS: u64 = 4_000;

pub(super) struct World {
    pub(super) server: Server,
    pub(super) stack: Arc<Stack>,
    /// The subscription that the stack is registered with.
    pub(super) subscription: String,
    /// The first hour that is read.
    pub(super) start: Hour,
    directory: TempDir,
    endpoint: String,
    /// In it the stack answers.
    _runtime: Runtime,
}

impl World {
    pub(super) fn new() -> Self {
        let now = now();
        let start = start(now);
        let server = Server::start();
        let (subscription, registration) = register(&server, start);
        let stack = Arc::new(Stack::new(spec(start)).unwrap());
        let certificate = StackCertificate::make(now).unwrap();
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("stack-ca.pem"), &certificate.authority).unwrap();
        fs::write(directory.path().join("stack.secret"), SECRET).unwrap();
        let key = server.run("registration activation-key", &[CLOUD]).done();
        fs::write(directory.path().join("stack.key"), key).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let api = AdminApi {
            stack: Arc::clone(&stack),
            base_url: endpoint.clone(),
            account: Some(Account {
                client_id: "bridge".to_owned(),
                secret: SECRET.to_owned(),
                certificate_key: None,
            }),
            registration: Some(registration),
            now: Arc::new(self::now),
            page_size: 7,
            faults: Arc::new(ServiceFaults::new(1, 0)),
        };
        runtime.spawn(async move { simulator::serve(api, listener, Some(certificate)).await.unwrap() });
        Self {
            server,
            stack,
            subscription,
            start,
            directory,
            endpoint,
            _runtime: runtime,
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The configuration of a bridge, with everything in its directory.
    pub(super) fn write_configuration(&self) {
        let (ca, url, endpoint) = (self.server.ca(), &self.server.url, &self.endpoint);
        let (ca, start) = (ca.display(), self.start);
        let text = format!(
            "[server]\nurl = \"{url}\"\nca = \"{ca}\"\n[spool]\ndirectory = \"spool\"\n\
             [status]\nlisten = \"127.0.0.1:0\"\n[[stack]]\nname = \"north\"\nendpoint = \"{endpoint}\"\n\
             ca = \"stack-ca.pem\"\nclient-id = \"bridge\"\nsecret-file = \"stack.secret\"\n\
             activation-key-file = \"stack.key\"\nstart = \"{start}\"\n"
        );
        fs::write(self.path("bridge.toml"), text).unwrap();
    }

    /// The same as options.
    pub(super) fn options(&self) -> Vec<String> {
        let (ca, start) = (self.server.ca(), self.start.to_string());
        let ca = ca.to_str().unwrap();
        [
            ["--server-url", &self.server.url],
            ["--server-ca", ca],
            ["--spool", "spool"],
            ["--stack", "north"],
            ["--stack-endpoint", &self.endpoint],
            ["--stack-ca", "stack-ca.pem"],
            ["--stack-client-id", "bridge"],
            ["--stack-secret-file", "stack.secret"],
            ["--activation-key-file", "stack.key"],
            ["--start", &start],
            ["--lookback", "2"],
        ]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect()
    }

    /// A command of the bridge, in the directory where its files are.
    pub(super) fn command(&self, words: &str) -> Command {
        let mut command = meterbridge();
        command
            .current_dir(self.directory.path())
            .arg("bridge")
            .args(words.split_whitespace());
        command
    }

    pub(super) fn bridge(&self, words: &str) -> Outcome {
        run(&mut self.command(words))
    }

    /// Waits until the status of the stack is like this, and gives it.
    pub(super) fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let outcome = self.bridge("status --spool spool --output json");
            let status: Option<Value> = serde_json::from_str(&outcome.data).ok();
            if let Some(status) = status
                && let stack = &status["stacks"][0]
                && is_so(stack)
            {
                return stack.clone();
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{what}: it never came to that: {outcome:#?}"
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until everything that is over was delivered from some hour on, and gives the status.
    pub(super) fn until_delivered(&self) -> Value {
        let over = Hour::containing(now()).plus(-1);
        self.until("all is delivered", |stack| {
            stack["spoolBytes"] == 0
                && stack["readThrough"] == stack["acknowledgedThrough"]
                && hour(&stack["acknowledgedThrough"]).is_some_and(|through| through >= over)
        })
    }

    /// How many records the stack reported from one hour to another.
    pub(super) fn reported(&self, from: Hour, to: Hour) -> u64 {
        let window = HourInterval::new(from, to).unwrap();
        let pages = self.stack.reported_pages(window, 1000);
        pages.map(|page| page.records as u64).sum()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the bridge is a process of its own, which goes by the machine's clock: so does its stack"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

/// Where reading begins: not so near to the end of a month that nothing is left of it to be charged, and not with its first
/// hour, in which nothing is reported yet.
fn start(now: Timestamp) -> Hour {
    let start = Hour::containing(now).plus(-HOURS_READ);
    if start.plus(-1).period() != start.period() {
        start.plus(1)
    } else if start.plus(HOURS_CHARGED).period() == start.period() {
        start
    } else {
        start.plus(-HOURS_CHARGED)
    }
}

pub(super) fn hour(text: &Value) -> Option<Hour> {
    text.as_str()?.parse().ok()
}

/// A stack that is used around this hour. It reports every record once, so that what arrives can be counted.
fn spec(start: Hour) -> StackSpec {
    let tenant = |id: &str, domain: &str| TenantSpec {
        id: id.parse().unwrap(),
        domain: domain.to_owned(),
        local_subscriptions: 2,
    };
    StackSpec {
        seed: 11,
        cloud_id: CLOUD.parse().unwrap(),
        region: "north".to_owned(),
        month: start.period(),
        tenants: vec![
            tenant(HOME_TENANT, "northwind.example"),
            tenant("71f4b3c8-0d2e-4a96-8b57-c3e1a9d60f15", "fjordbank.example"),
        ],
        records_min: RECORDS,
        hours_apart: NonZeroU16::MIN,
        faults: Faults::none(),
    }
}

/// Registers the stack, from long before anything is read. Gives the subscription, and the registration's resource id.
fn register(server: &Server, start: Hour) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let partner = server.json("partner create --kind direct-bill --name Northwind", &[]);
    let partner = text(&partner["id"]);
    let own = [
        "--partner",
        &partner,
        "--tenant",
        HOME_TENANT,
        "--name",
        "Northwind stacks",
    ];
    let subscription = text(&server.json("subscription create --kind partner-shared-services", &own)["id"]);
    let stack = ["--subscription", &subscription, "--cloud-id", CLOUD];
    let registered = server.json("registration register --operated-by direct-partner", &stack);
    let from = start.plus(-240).to_string();
    server
        .run("registration backdate", &[CLOUD, "--from", &from])
        .done();
    (subscription, text(&registered["id"]))
}

/// Whatever the machine's clock says when the tests run, there is something to be charged, and to be read in every hour.
#[test]
fn at_the_turn_of_a_month_tests_would_fail_that_count_hours() {
    let mut stacks = BTreeMap::new();
    let mut now: Timestamp = "2026-12-27T00:14:59Z".parse().unwrap();
    let end: Timestamp = "2027-03-05T00:00:00Z".parse().unwrap();
    while now < end {
        let start = start(now);
        let stack = stacks
            .entry(start.period())
            .or_insert_with(|| Stack::new(spec(start)).unwrap());
        let charged = HourInterval::new(start, start.plus(HOURS_CHARGED)).unwrap();
        let mut used = stack.truth(charged).map(|it| it.local_meter.to_string());
        assert!(used.any(|meter| meter == VCPU_HOURS), "{now}");
        for hour in 0..HOURS_CHARGED {
            let read = HourInterval::new(start.plus(hour), start.plus(hour + 1)).unwrap();
            let mut pages = stack.reported_pages(read, 1000);
            assert!(pages.any(|page| page.records > 0), "{now}: {read:?}");
        }
        now += SignedDuration::from_mins(60);
    }
}
