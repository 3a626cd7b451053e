//! A stack, a bridge and a server, with a network between them, on machines that have faults.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use domain::registration::BillingModel;
use domain::time::Timestamp;
use jiff::SignedDuration;
use serde_json::Value;
use simulator::{Account, AdminApi, ServiceFaults, Stack};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::machine::{Machine, Weather};
use super::network::Network;
use super::process::{Life, Log};
use crate::process::{Outcome, meterbridge, run};

/// How many records the stack gives on a page.
const PAGE_SIZE: usize = 5;
const SECRET: &str = "the secret of a bridge";
const PATIENCE: Duration = Duration::from_secs(180);
const LOOKED_AFTER: Duration = Duration::from_millis(20);

/// All of it. What runs in this process goes away with it.
pub(super) struct House {
    pub(super) stack: Arc<Stack>,
    pub(super) service: Arc<ServiceFaults>,
    pub(super) to_stack: Network,
    pub(super) to_server: Arc<Network>,
    pub(super) machine: Machine,
    server_log: Log,
    bridge_log: Log,
    /// What the clock of the stack says.
    stack_clock: Arc<Mutex<Timestamp>>,
    /// Where the server is, while it is up.
    server_url: Arc<Mutex<Option<String>>>,
    credential: String,
    server: Option<Life>,
    bridge: Option<Life>,
    directory: TempDir,
    _runtime: Runtime,
}

impl House {
    /// Builds it, with its clocks at the beginning of the month. Nothing is wrong yet but the network.
    pub(super) fn build(stack: Stack, store: Option<&str>, seed: u64, per_mille: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (stack, directory) = (Arc::new(stack), tempfile::tempdir().unwrap());
        let start = stack.month().start().start();
        let stack_clock = Arc::new(Mutex::new(start));
        let service = Arc::new(ServiceFaults::new(seed, per_mille));
        let (to_stack, to_server) = runtime.block_on(async {
            let to_stack = Network::open(seed ^ 1, per_mille).await;
            let api = api(&stack, &to_stack, &stack_clock, &service);
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            to_stack.lead_to(Some(format!("http://{}", listener.local_addr().unwrap())));
            tokio::spawn(simulator::serve(api, listener, None));
            (to_stack, Network::open(seed ^ 2, per_mille).await)
        });
        let mut house = Self {
            machine: Machine::build(directory.path()),
            stack,
            service,
            to_stack,
            to_server: Arc::new(to_server),
            server_log: Log::default(),
            bridge_log: Log::default(),
            stack_clock,
            server_url: Arc::default(),
            credential: String::new(),
            server: None,
            bridge: None,
            directory,
            _runtime: runtime,
        };
        house.furnish(store);
        house
    }

    /// Makes the data directory, registers the stack, and configures the bridge.
    fn furnish(&mut self, store: Option<&str>) {
        let now = self.stack.month().start().start() + SignedDuration::from_mins(5);
        let mut init = meterbridge();
        self.machine.run(&mut init, &Weather::fine(now));
        init.arg("init").arg("--data").arg(self.path("data"));
        if let Some(store) = store {
            init.args(["--store", store]);
        }
        self.credential = run(&mut init).done().trim().to_owned();
        self.start_server(&Weather::fine(now));
        let id = |value: Value| value["id"].as_str().unwrap().to_owned();
        let partner = id(self.json(now, "partner create --kind direct-bill --name Northwind", &[]));
        let subscription = "subscription create --kind partner-shared-services --name Stacks";
        let tenant = "b1e0c1b8-5a3f-4e52-8a44-0d7f8b3f5e21";
        let subscription = id(self.json(now, subscription, &["--partner", &partner, "--tenant", tenant]));
        let token = self.stack.registration_token(BillingModel::PayAsYouUse);
        let arguments = ["--subscription", &subscription, "--token", &token];
        self.json(now, "registration register", &arguments);
        let cloud = self.cloud_id();
        let key = self.command(now, "registration activation-key", &[&cloud]).done();
        std::fs::write(self.path("activation.key"), key).unwrap();
        std::fs::write(self.path("secret"), SECRET).unwrap();
        std::fs::write(self.path("bridge.toml"), self.configuration()).unwrap();
    }

    fn configuration(&self) -> String {
        format!(
            "[server]\nurl = \"http://{}\"\n[spool]\ndirectory = \"spool\"\nbytes-max = 1048576\n\
             [[stack]]\nname = \"north\"\nendpoint = \"http://{}\"\nclient-id = \"bridge\"\nsecret-file = \"secret\"\n\
             activation-key-file = \"activation.key\"\nstart = \"{}\"\nlookback-hours = 2\nmargin-minutes = 0\n",
            self.to_server.address,
            self.to_stack.address,
            self.stack.month().start(),
        )
    }

    pub(super) fn cloud_id(&self) -> String {
        self.stack.spec().cloud_id.to_string()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What the bridge remembers: it changes whenever anything was read or acknowledged.
    pub(super) fn cursor(&self) -> Vec<u8> {
        std::fs::read(self.path("spool/stacks/north/cursor")).unwrap_or_default()
    }

    /// How far the stack was read.
    pub(super) fn read_through(&self) -> String {
        let cursor = String::from_utf8(self.cursor()).unwrap();
        let cursor: Value =
            serde_json::from_str(cursor.lines().next().unwrap_or_default()).unwrap_or_default();
        cursor["readThrough"].to_string()
    }

    /// How the bridge is, as it says.
    pub(super) fn status(&self) -> Value {
        let text = std::fs::read(self.path("spool/status.json")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    pub(super) fn set_stack_clock(&self, now: Timestamp) {
        *self.stack_clock.lock().unwrap() = now;
    }

    pub(super) fn start_server(&mut self, weather: &Weather) {
        let mut serve = meterbridge();
        self.machine.run(&mut serve, weather);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--data"]);
        serve.arg(self.path("data"));
        let (network, known) = (Arc::clone(&self.to_server), Arc::clone(&self.server_url));
        let heard = move |line: &str| {
            let url = line
                .strip_prefix("listening on ")
                .and_then(|place| place.split(' ').next());
            if let Some(url) = url {
                *known.lock().unwrap() = Some(url.to_owned());
                network.lead_to(Some(url.to_owned()));
            }
        };
        *self.server_url.lock().unwrap() = None;
        self.server = Some(Life::begin(&mut serve, &self.server_log, heard));
    }

    pub(super) fn start_bridge(&mut self, weather: &Weather) {
        let mut bridge = meterbridge();
        self.machine.run(&mut bridge, weather);
        bridge.args(["bridge", "run", "--log", "warn", "--config"]);
        bridge.arg(self.path("bridge.toml"));
        self.bridge = Some(Life::begin(&mut bridge, &self.bridge_log, |_| ()));
    }

    pub(super) fn kill_server(&mut self) {
        self.server.take().into_iter().for_each(Life::kill);
        self.to_server.lead_to(None);
    }

    pub(super) fn kill_bridge(&mut self) {
        self.bridge.take().into_iter().for_each(Life::kill);
    }

    /// Starts what is not running: it was killed, or gave up by itself.
    pub(super) fn revive(&mut self, weather: impl Fn() -> Weather) {
        if self.server.as_mut().is_none_or(Life::is_over) {
            self.start_server(&weather());
        }
        if self.bridge.as_mut().is_none_or(Life::is_over) {
            self.start_bridge(&weather());
        }
    }

    /// Runs an operator's command, with the clock at a time.
    pub(super) fn command(&self, now: Timestamp, command: &str, more: &[&str]) -> Outcome {
        let mut process = meterbridge();
        self.machine.run(&mut process, &Weather::fine(now));
        process
            .env("METERBRIDGE_URL", self.wait_for_server())
            .env("METERBRIDGE_CREDENTIAL", &self.credential)
            .env("METERBRIDGE_CA", self.path("data/tls/ca.pem"));
        run(process.args(command.split_whitespace()).args(more))
    }

    /// Audits the store while no server runs on it, against receipts that were shown before.
    pub(super) fn audit(&self, now: Timestamp, receipts: &Path) -> Outcome {
        let mut process = meterbridge();
        self.machine.run(&mut process, &Weather::fine(now));
        process.args(["audit", "verify", "--data"]).arg(self.path("data"));
        run(process.arg("--receipts").arg(receipts))
    }

    #[track_caller]
    pub(super) fn json(&self, now: Timestamp, command: &str, more: &[&str]) -> Value {
        self.command(now, &format!("{command} --output json"), more)
            .json()
    }

    /// Every panic of its processes.
    pub(super) fn panics(&self) -> Vec<String> {
        let logs = [&self.server_log, &self.bridge_log];
        logs.iter()
            .flat_map(|log| log.lock().unwrap().panics.clone())
            .collect()
    }

    fn wait_for_server(&self) -> String {
        let began = Instant::now();
        loop {
            if let Some(url) = &*self.server_url.lock().unwrap() {
                return url.clone();
            }
            assert!(began.elapsed() < PATIENCE, "the server does not start:\n{self:?}");
            std::thread::sleep(LOOKED_AFTER);
        }
    }
}

impl std::fmt::Debug for House {
    /// What its processes said last.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, log) in [("server", &self.server_log), ("bridge", &self.bridge_log)] {
            writeln!(f, "--- {name}")?;
            log.lock()
                .unwrap()
                .lines
                .iter()
                .try_for_each(|line| writeln!(f, "{line}"))?;
        }
        write!(f, "--- status\n{:#}", self.status())
    }
}

fn api(
    stack: &Arc<Stack>,
    network: &Network,
    clock: &Arc<Mutex<Timestamp>>,
    faults: &Arc<ServiceFaults>,
) -> AdminApi {
    let clock = Arc::clone(clock);
    let cloud = stack.spec().cloud_id;
    AdminApi {
        stack: Arc::clone(stack),
        base_url: format!("http://{}", network.address),
        account: Some(Account {
            client_id: "bridge".to_owned(),
            secret: SECRET.to_owned(),
            certificate_key: None,
        }),
        registration: Some(format!(
            "/subscriptions/x/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/AzureStack-{cloud}"
        )),
        now: Arc::new(move || *clock.lock().unwrap()),
        page_size: PAGE_SIZE,
        faults: Arc::clone(faults),
    }
}
