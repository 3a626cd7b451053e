//! A stack, a server, time that flies, and a bridge that can be killed and started again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bridge::{
    Account, Bridge, BridgeConfig, BridgeStatus, Clock, Disk, Environment, LocalDisk, Pause, Proof, Random,
    ServerAddress, StackAddress, StackConfig, Timer,
};
use domain::time::{Hour, Timestamp};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::server_stub::{Key, ServerStub, keys};
use crate::stack_stub::{CLOUD, SECRET, StackStub, record};

/// How much faster time goes by: an hour takes 50 milliseconds.
const SPEED: u32 = 72_000;
/// How long a test waits, in real time.
const PATIENCE: Duration = Duration::from_secs(180);

/// A clock that is fast.
pub(crate) struct FastClock {
    from: Timestamp,
    began: Instant,
}

impl FastClock {
    pub(crate) fn new(from: Hour) -> Arc<Self> {
        Arc::new(Self {
            from: from.start(),
            began: Instant::now(),
        })
    }
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        self.from + self.began.elapsed() * SPEED
    }
}

struct FastTimer;

impl Timer for FastTimer {
    fn pause(&self, duration: Duration) -> Pause {
        Box::pin(tokio::time::sleep(duration / SPEED))
    }
}

/// Random enough for keys, and the same in each run.
struct Counted(AtomicU64);

impl Random for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31) ^ number;
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A stack, a server, and what is between them.
pub(crate) struct World {
    pub(crate) stack: StackStub,
    pub(crate) server: ServerStub,
    pub(crate) start: Hour,
    pub(crate) config: BridgeConfig,
    pub(crate) environment: Environment,
    directory: TempDir,
    running: Option<Running>,
}

struct Running {
    bridge: Arc<Bridge>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// An activation key, as far as a bridge looks at it.
pub(crate) fn activation_key(cloud_id: &str, signature: &str) -> String {
    let claims = format!(
        r#"{{"subscriptionId":"s","resourceGroupName":"g","registrationName":"plant","registrationId":"r","usageEndpoint":"u","marketplaceEndpoint":"m","usageResourceUri":"u","marketplaceResourceUri":"m","expires":"9999-12-30T23:59:59.9999999Z","cloudId":"{cloud_id}","billingModel":"PayAsYouUse","regionNames":[],"usageReportingEnabled":true,"marketplaceSyndicationEnabled":false,"issuer":"i","version":"1.0"}}"#
    );
    format!("e30.{}.{signature}", URL_SAFE_NO_PAD.encode(claims))
}

impl World {
    /// A world in which the bridge starts to read at an hour, and it is an hour later.
    pub(crate) async fn new() -> Self {
        Self::with(Arc::new(LocalDisk), None).await
    }

    /// One with another disk, or with a stack that has a certificate and its key.
    pub(crate) async fn with(disk: Arc<dyn Disk>, tls: Option<(Vec<u8>, Vec<u8>)>) -> Self {
        let start: Hour = "2026-10-01T00:00:00Z".parse().unwrap();
        let clock = FastClock::new(start.plus(1));
        let stack = StackStub::start(Arc::clone(&clock), tls).await;
        let server = ServerStub::start(Arc::clone(&stack.state), start).await;
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("secret"), SECRET).unwrap();
        std::fs::write(directory.path().join("key"), activation_key(CLOUD, "one")).unwrap();
        let config = config(directory.path(), &stack, &server, start);
        let environment = Environment {
            clock,
            random: Arc::new(Counted(AtomicU64::new(1))),
            timer: Arc::new(FastTimer),
            disk,
        };
        Self {
            stack,
            server,
            start,
            config,
            environment,
            directory,
            running: None,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn hour(&self, after_start: i32) -> Hour {
        self.start.plus(after_start)
    }

    /// Reports this many records in each of these many hours, of the hour before.
    pub(crate) fn report_hours(&self, hours: i32, records: usize) {
        for hour in 0..hours {
            for number in 0..records {
                self.report(hour, number);
            }
        }
    }

    pub(crate) fn report(&self, hour: i32, number: usize) {
        let usage = self.hour(hour - 1);
        self.stack.report(self.hour(hour), record(usage, number));
    }

    /// Reports something in an hour that may have been read already.
    pub(crate) fn report_late(&self, hour: i32, number: usize) {
        let record = record(self.hour(hour - 1), number);
        let mut state = self.stack.state.lock().unwrap();
        state.late.extend(keys(std::slice::from_ref(&record)));
        state.reports.entry(self.hour(hour)).or_default().push(record);
    }

    pub(crate) async fn start_bridge(&mut self) {
        let began = Instant::now();
        let bridge = loop {
            match Bridge::open(self.config.clone(), self.environment.clone()) {
                Ok(bridge) => break Arc::new(bridge),
                // Work that had begun when it was killed is done to its end.
                Err(trouble) if trouble.code == "SpoolInUse" && began.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Err(trouble) => panic!("{trouble}"),
            }
        };
        let runs = Arc::clone(&bridge);
        let (stop, told) = oneshot::channel();
        let stopped = async move { told.await.unwrap() };
        let task = tokio::spawn(async move { runs.run(stopped).await.unwrap() });
        self.running = Some(Running { bridge, stop, task });
    }

    /// Asks the bridge to stop, as a signal does, and waits until it has.
    pub(crate) async fn stop_bridge(&mut self) {
        let Running { stop, task, .. } = self.running.take().unwrap();
        stop.send(()).unwrap();
        task.await.unwrap();
    }

    pub(crate) async fn kill_bridge(&mut self) {
        if let Some(Running { bridge, stop, task }) = self.running.take() {
            task.abort();
            let _ = task.await;
            drop((bridge, stop));
        }
    }

    pub(crate) fn status(&self) -> BridgeStatus {
        self.running.as_ref().unwrap().bridge.status()
    }

    /// The codes of what does not work.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let status = self.status();
        status.stacks[0]
            .troubles
            .iter()
            .map(|it| it.trouble.code.to_string())
            .collect()
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            if began.elapsed() > PATIENCE {
                let status = self.running.as_ref().map(|_| self.status());
                panic!(
                    "{what}: it never came to that: {status:#?} {:#?}",
                    self.server.state.lock().unwrap().broken
                );
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until the server was told that the stack has reported through the hour after these many.
    pub(crate) async fn until_reported(&self, hours: i32) {
        let through = self.hour(hours);
        self.until(&format!("reported through {through}"), |world| {
            world.server.state.lock().unwrap().through >= Some(through)
        })
        .await;
    }

    /// What the server does not have, of everything that was reported.
    pub(crate) fn missing(&self) -> Vec<Key> {
        let stack = self.stack.state.lock().unwrap();
        let server = self.server.state.lock().unwrap();
        let all = stack.reports.values().flat_map(|reports| keys(reports));
        all.filter(|key| !server.records.contains_key(key)).collect()
    }

    /// Holds the bridge to its promise: everything is there, under the reported hour it was read from, and nothing else.
    pub(crate) fn assert_kept(&self) {
        let stack = self.stack.state.lock().unwrap();
        let server = self.server.state.lock().unwrap();
        assert_eq!(server.broken, [""; 0]);
        let mut truth: std::collections::BTreeMap<Key, std::collections::BTreeSet<Hour>> = Default::default();
        for (hour, reports) in &stack.reports {
            for key in keys(reports) {
                truth.entry(key).or_default().insert(*hour);
            }
        }
        assert_eq!(server.records, truth);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(Running { task, .. }) = &self.running {
            task.abort();
        }
    }
}

fn config(directory: &Path, stack: &StackStub, server: &ServerStub, start: Hour) -> BridgeConfig {
    let address = StackAddress {
        endpoint: stack.url.clone(),
        ca: None,
        tenant: None,
        account: Account {
            client_id: "bridge".to_owned(),
            proof: Proof::Secret(directory.join("secret")),
        },
        provider_subscription: None,
    };
    BridgeConfig {
        server: ServerAddress {
            url: server.url.clone(),
            ca: None,
        },
        spool_directory: directory.join("spool"),
        spool_bytes_max: 1 << 30,
        listen: None,
        stacks: vec![StackConfig {
            name: "north".to_owned(),
            address,
            activation_key_file: directory.join("key"),
            cloud_id: None,
            start: Some(start),
            lookback_hours: 3,
            margin: Duration::from_secs(15 * 60),
        }],
    }
}
