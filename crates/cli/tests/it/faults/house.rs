//! A stack, a bridge and a server, with a network between them, on machines that have faults.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use domain::time::{Hour, Timestamp};
use jiff::SignedDuration;
use serde_json::Value;
use simulator::{Account, AdminApi, ServiceFaults, Stack};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::furnishing;
use super::machine::{Machine, Runs, Weather};
use super::network::Network;
use super::platform::Platform;
use super::process::{Life, Log};
use crate::process::meterbridge;

/// How many records the stack gives on a page.
const PAGE_SIZE: usize = 5;
const SECRET: &str = "the secret of a bridge";

/// All of it. What runs in this process goes away with it.
pub(super) struct House {
    pub(super) stack: Arc<Stack>,
    pub(super) service: Arc<ServiceFaults>,
    pub(super) to_stack: Network,
    pub(super) to_server: Arc<Network>,
    pub(super) machine: Arc<Machine>,
    pub(super) platform: Platform,
    bridge_log: Log,
    /// What the clock of the stack says.
    stack_clock: Arc<Mutex<Timestamp>>,
    bridge: Option<Life>,
    directory: TempDir,
    runtime: Runtime,
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
            (to_stack, Arc::new(Network::open(seed ^ 2, per_mille).await))
        });
        let machine = Arc::new(Machine::build(directory.path()));
        let place = (directory.path().join("data"), store);
        let now = start + SignedDuration::from_mins(5);
        let network = Some(Arc::clone(&to_server));
        let platform = Platform::init(&machine, place, network, runtime.handle().clone(), now);
        let mut house = Self {
            stack,
            service,
            to_stack,
            to_server,
            machine,
            platform,
            bridge_log: Log::default(),
            stack_clock,
            bridge: None,
            directory,
            runtime,
        };
        house.furnish(now);
        house
    }

    /// Tells the server who pays and what it costs, and configures the bridge.
    fn furnish(&mut self, now: Timestamp) {
        self.platform.start(&Weather::fine(now));
        let key = furnishing::furnish(&self.platform, &self.stack, now);
        std::fs::write(self.path("activation.key"), key).unwrap();
        std::fs::write(self.path("secret"), SECRET).unwrap();
        std::fs::write(self.path("bridge.toml"), self.configuration()).unwrap();
    }

    /// Another server, which nothing goes wrong with: furnished alike, and told afterwards that the month is over.
    pub(super) fn another_platform(&self, start: Timestamp, end: Timestamp) -> (Platform, String) {
        let (place, now) = (self.path("another"), start + SignedDuration::from_mins(5));
        let runtime = self.runtime.handle().clone();
        let mut another = Platform::init(&self.machine, (place, None), None, runtime, now);
        another.start(&Weather::fine(now));
        let key = furnishing::furnish(&another, &self.stack, now);
        another.kill();
        another.start(&Weather::fine(end));
        (another, key)
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

    /// How far the server has acknowledged what the stack reported, as the bridge remembers it.
    pub(super) fn acknowledged_through(&self) -> Option<Hour> {
        self.remembered()?["acknowledgedThrough"].as_str()?.parse().ok()
    }

    /// Whether the bridge remembers that the server has lost something, which it has not read again.
    pub(super) fn misses_something(&self) -> bool {
        let remembered = self.remembered();
        remembered.is_some_and(|cursor| cursor["lost"].as_array().is_some_and(|lost| !lost.is_empty()))
    }

    fn remembered(&self) -> Option<Value> {
        let cursor = String::from_utf8(self.cursor()).unwrap();
        Some(serde_json::from_str(cursor.lines().next()?).unwrap())
    }

    /// How the bridge is, as it says.
    pub(super) fn status(&self) -> Value {
        let text = std::fs::read(self.path("spool/status.json")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    pub(super) fn set_stack_clock(&self, now: Timestamp) {
        *self.stack_clock.lock().unwrap() = now;
    }

    fn start_bridge(&mut self, weather: &Weather) {
        let mut bridge = meterbridge();
        self.machine.run(&mut bridge, Runs::Bridge, weather);
        bridge.args(["bridge", "run", "--log", "warn", "--config"]);
        bridge.arg(self.path("bridge.toml"));
        self.bridge = Some(Life::begin(&mut bridge, &self.bridge_log, |_| ()));
    }

    /// Whether that killed it: it may have given up by itself.
    pub(super) fn kill_bridge(&mut self) -> bool {
        self.bridge.take().is_some_and(Life::kill)
    }

    /// Starts what is not running: it was killed, or gave up by itself.
    pub(super) fn revive(&mut self, weather: impl Fn() -> Weather) {
        if self.platform.is_down() {
            self.platform.start(&weather());
        }
        if self.bridge.as_mut().is_none_or(Life::is_over) {
            self.start_bridge(&weather());
        }
    }

    /// Every panic of its processes.
    pub(super) fn panics(&self) -> Vec<String> {
        let logs = [&self.platform.log, &self.bridge_log];
        logs.iter()
            .flat_map(|log| log.lock().unwrap().panics.clone())
            .collect()
    }
}

impl std::fmt::Debug for House {
    /// What its processes said last.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, log) in [("server", &self.platform.log), ("bridge", &self.bridge_log)] {
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
