//! A server with its data, and what its operator tells and asks it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tokio::runtime::Handle;

use super::machine::{Machine, Runs, Weather};
use super::network::Network;
use super::process::{Life, Log};
use crate::process::{Outcome, meterbridge, run};

const PATIENCE: Duration = Duration::from_secs(180);
const LOOKED_AFTER: Duration = Duration::from_millis(20);
/// How many deliveries are on their way at once.
const AT_ONCE: usize = 8;

/// A server: it runs, or does not.
pub(super) struct Platform {
    machine: Arc<Machine>,
    data: PathBuf,
    pub(super) log: Log,
    /// Where it is, while it is up.
    url: Arc<Mutex<Option<String>>>,
    /// What leads to it, and has to know where it is.
    network: Option<Arc<Network>>,
    credential: String,
    life: Option<Life>,
    client: Client,
    runtime: Handle,
}

impl Platform {
    /// Makes the data directory, at a time.
    pub(super) fn init(
        machine: &Arc<Machine>,
        (data, store): (PathBuf, Option<&str>),
        network: Option<Arc<Network>>,
        runtime: Handle,
        now: Timestamp,
    ) -> Self {
        let mut init = meterbridge();
        machine.run(&mut init, Runs::Command, &Weather::fine(now));
        init.arg("init").arg("--data").arg(&data);
        if let Some(store) = store {
            init.args(["--store", store]);
        }
        // Its certificate is of its own clock.
        let client = Client::builder().tls_danger_accept_invalid_certs(true).no_proxy();
        Self {
            machine: Arc::clone(machine),
            data,
            log: Log::default(),
            url: Arc::default(),
            network,
            credential: run(&mut init).done().trim().to_owned(),
            life: None,
            client: client.build().unwrap(),
            runtime,
        }
    }

    pub(super) fn start(&mut self, weather: &Weather) {
        let mut serve = meterbridge();
        self.machine.run(&mut serve, Runs::Server, weather);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--data"]);
        serve.arg(&self.data);
        let (network, known) = (self.network.clone(), Arc::clone(&self.url));
        let heard = move |line: &str| {
            let url = line
                .strip_prefix("listening on ")
                .and_then(|place| place.split(' ').next());
            if let Some(url) = url {
                *known.lock().unwrap() = Some(url.to_owned());
                if let Some(network) = &network {
                    network.lead_to(Some(url.to_owned()));
                }
            }
        };
        *self.url.lock().unwrap() = None;
        self.life = Some(Life::begin(&mut serve, &self.log, heard));
    }

    /// Whether that killed it: it may have given up by itself.
    pub(super) fn kill(&mut self) -> bool {
        let killed = self.life.take().is_some_and(Life::kill);
        if let Some(network) = &self.network {
            network.lead_to(None);
        }
        killed
    }

    pub(super) fn is_down(&mut self) -> bool {
        self.life.as_mut().is_none_or(Life::is_over)
    }

    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Runs an operator's command, with the clock at a time.
    pub(super) fn command(&self, now: Timestamp, command: &str, more: &[&str]) -> Outcome {
        let mut process = meterbridge();
        self.machine.run(&mut process, Runs::Command, &Weather::fine(now));
        process
            .env("METERBRIDGE_URL", self.url())
            .env("METERBRIDGE_CREDENTIAL", &self.credential)
            .env("METERBRIDGE_CA", self.data.join("tls/ca.pem"));
        run(process.args(command.split_whitespace()).args(more))
    }

    #[track_caller]
    pub(super) fn json(&self, now: Timestamp, command: &str, more: &[&str]) -> Value {
        self.command(now, &format!("{command} --output json"), more)
            .json()
    }

    /// Makes a backup of its data into a folder, whether or not the server runs. Gives the last receipt that is in it.
    pub(super) fn back_up(&self, now: Timestamp, to: &Path) -> u64 {
        let mut process = meterbridge();
        self.machine.run(&mut process, Runs::Command, &Weather::fine(now));
        process
            .args(["backup", "--output", "json", "--data"])
            .arg(&self.data);
        let made = run(process.arg("--to").arg(to)).json();
        // There is none of a stack that has delivered nothing.
        made["stacks"][0]["sequence"].as_u64().unwrap_or(0)
    }

    /// Makes its data anew from a backup, elsewhere. It runs on them when it is started again.
    pub(super) fn restore(&mut self, now: Timestamp, from: &Path, data: PathBuf) {
        let mut process = meterbridge();
        self.machine.run(&mut process, Runs::Command, &Weather::fine(now));
        process.args(["restore", "--from"]).arg(from);
        run(process.arg("--data").arg(&data)).done();
        self.data = data;
    }

    /// Audits the store while no server runs on it, against receipts that were shown before.
    pub(super) fn audit(&self, now: Timestamp, receipts: &Path) -> Outcome {
        let mut process = meterbridge();
        self.machine.run(&mut process, Runs::Command, &Weather::fine(now));
        process.args(["audit", "verify", "--data"]).arg(&self.data);
        run(process.arg("--receipts").arg(receipts))
    }

    /// All items of a list of the API, as its operator is shown them.
    pub(super) fn list(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut next = Some(format!("{}{path}", self.url()));
        while let Some(url) = next {
            let request = self.client.get(url).bearer_auth(&self.credential);
            let page = self.runtime.block_on(read(request));
            items.extend(page["value"].as_array().unwrap().iter().cloned());
            next = page["nextLink"].as_str().map(ToOwned::to_owned);
        }
        items
    }

    /// Sends a body to the API, with everything else in the headers, and gives the answer.
    pub(super) fn post(&self, path: &str, headers: HeaderMap, body: Bytes) -> Value {
        self.post_all([(path.to_owned(), headers, body)]).remove(0)
    }

    /// The same with many, a few at a time.
    pub(super) fn post_all(&self, all: impl IntoIterator<Item = (String, HeaderMap, Bytes)>) -> Vec<Value> {
        let url = self.url();
        let requests = all.into_iter().map(|(path, headers, body)| {
            let request = self.client.post(format!("{url}{path}"));
            read(request.headers(headers).body(body))
        });
        let answers = stream::iter(requests).buffered(AT_ONCE).collect();
        self.runtime.block_on(answers)
    }

    /// Where it is, as soon as it is up.
    fn url(&self) -> String {
        let began = Instant::now();
        loop {
            if let Some(url) = &*self.url.lock().unwrap() {
                return url.clone();
            }
            let said = &self.log.lock().unwrap().lines;
            assert!(began.elapsed() < PATIENCE, "the server does not start: {said:#?}");
            std::thread::sleep(LOOKED_AFTER);
        }
    }
}

async fn read(request: RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    let (status, body) = (answer.status(), answer.bytes().await.unwrap());
    assert!(
        status.is_success(),
        "{status}: {}",
        String::from_utf8_lossy(&body)
    );
    serde_json::from_slice(&body).unwrap()
}
