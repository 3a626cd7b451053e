//! The bridge from end to end: it reads simulated stacks over HTTP, spools, and delivers to the server over HTTPS.
//!
//! The stacks are in this process, the bridge and the server are the real binary, a process each. All of them share the
//! cores, so the processor time of each says what the rates do not.

use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::ids::{CloudId, TenantId};
use domain::time::{Hour, HourInterval, Period};
use serde_json::Value;
use simulator::{Account, AdminApi, Faults, ServiceFaults, Stack, StackSpec, TenantSpec};

use crate::back_end::{BackEnd, postgres_as};
use crate::figures::{memory_max, processor_seconds, rate, shown};
use crate::report::{Goal, Report};
use crate::served::{PERIOD, Served, binary};

const CLIENT_ID: &str = "bridge";
const SECRET: &str = "not a secret";
/// What real stacks give.
const PAGE_SIZE: usize = 1_000;
/// Records of a day of a stack.
const RECORDS_A_DAY: u64 = 200_000;
/// Days that one stack is read.
const DAYS: i32 = 5;
/// Stacks that nobody could read for a day.
const STACKS: usize = 50;
/// Records of that day, of each of them.
const RECORDS_A_DAY_OF_MANY: u64 = 20_000;
/// How much the most memory of a bridge may be, in MiB.
const MEMORY_MAX: f64 = 256.0;
const ARRIVED: &str = "time until everything had arrived";
const MEMORY: &str = "the bridge's memory, most ever held";
/// How often it is looked whether everything has arrived.
const LOOK: Duration = Duration::from_millis(50);

/// Measures one stack of many records, many stacks of a few, and a server that was away, on each back end.
pub async fn run(report: &mut Report) {
    on(&|| BackEnd::Embedded, report).await;
    if let Some(server) = postgres_as("back end") {
        on(&|| BackEnd::on(Arc::clone(&server)), report).await;
    }
}

async fn on(back_end: &(dyn Fn() -> BackEnd + Sync), report: &mut Report) {
    let start = crate::month().interval().start();
    let days = |days: i32| HourInterval::new(start, start.plus(24 * days)).expect("days");
    live(
        &House::furnish(back_end(), 1, RECORDS_A_DAY, days(DAYS)).await,
        report,
    )
    .await;
    live(
        &House::furnish(back_end(), STACKS, RECORDS_A_DAY_OF_MANY, days(1)).await,
        report,
    )
    .await;
    let there = House::furnish(back_end(), 1, RECORDS_A_DAY, days(1)).await;
    let (bridge, took) = there.until_arrived().await;
    drop(bridge);
    let live = rate(there.records, took);
    drop(there);
    away(
        House::furnish(back_end(), 1, RECORDS_A_DAY, days(1)).await,
        live,
        report,
    )
    .await;
}

/// Has a bridge bring everything that stacks report in an interval.
async fn live(house: &House, report: &mut Report) {
    let served = &house.served;
    let own = || processor_seconds(std::process::id());
    let database = || served.back_end.processor_seconds();
    let before = (own(), processor_seconds(served.process_id()), database());
    let (bridge, took) = house.until_arrived().await;
    let mut used = vec![
        ("bridge", processor_seconds(bridge.0.id())),
        ("stacks", own() - before.0),
        ("server", processor_seconds(served.process_id()) - before.1),
    ];
    used.extend(
        before
            .2
            .zip(database())
            .map(|(before, now)| ("database", now - before)),
    );
    let memory = memory_max(bridge.0.id());
    drop(bridge);
    house.check().await;

    report.heading(format!(
        "The bridge, end to end: {} stack(s), {} hours, {} records; {}",
        house.ids.len(),
        house.interval.hours(),
        shown(house.records as f64, 0),
        served.back_end.name()
    ));
    report.figure(
        "read, spooled, delivered",
        rate(house.records, took),
        (0, "records/s"),
        Goal::None,
    );
    report.figure(ARRIVED, took.as_secs_f64(), (1, "s"), Goal::None);
    report.figure(MEMORY, memory, (0, "MiB"), Goal::AtMost(MEMORY_MAX));
    for (who, seconds) in used {
        let name = format!("processor time of a million: {who}");
        let of_a_million = seconds * 1e6 / house.records as f64;
        report.figure(&name, of_a_million, (2, "s"), Goal::None);
    }
}

/// Has a bridge read everything while there is no server, and deliver it when there is one again. Beside it the rate of
/// the same while there is one all the time.
async fn away(mut house: House, live: f64, report: &mut Report) {
    house.served.stop();
    let bridge = RunningBridge::start(&house.config);
    let spooled = house.until_spooled().await;
    house.served.start_again();
    let back = Instant::now();
    // Nobody knows that it is back before the next attempt, for which there are waits that grow.
    let reached = house
        .until_reported(|through| through > house.interval.start())
        .await;
    let waited = back.elapsed();
    house
        .until_reported(|through| through >= house.interval.end())
        .await;
    let took = back.elapsed();
    let memory = memory_max(bridge.0.id());
    drop(bridge);
    house.check().await;

    let rest = HourInterval::new(reached, house.interval.end());
    let rest = rest.map_or(0, |rest| records(&house.stacks[0], rest));
    report.heading(format!(
        "A server that was away while the bridge read a day: one stack, {} records; {}",
        shown(house.records as f64, 0),
        house.served.back_end.name()
    ));
    report.figure("in the spool without a server", spooled, (1, "MiB"), Goal::None);
    report.figure(
        "until the bridge reached the server again",
        waited.as_secs_f64(),
        (1, "s"),
        Goal::None,
    );
    report.figure(ARRIVED, took.as_secs_f64(), (1, "s"), Goal::None);
    let delivered = rate(rest, took - waited);
    report.figure(
        "delivered from the spool",
        delivered,
        (0, "records/s"),
        Goal::None,
    );
    report.figure(
        "read, spooled, delivered with a server",
        live,
        (0, "records/s"),
        Goal::None,
    );
    report.figure("ratio", delivered / live, (2, ""), Goal::None);
    report.figure(MEMORY, memory, (0, "MiB"), Goal::AtMost(MEMORY_MAX));
}

/// Stacks that have something to report, a server that knows them, and what a bridge needs for both.
struct House {
    served: Served,
    stacks: Vec<Arc<Stack>>,
    ids: Vec<String>,
    interval: HourInterval,
    /// How many records are reported in the interval.
    records: usize,
    config: PathBuf,
    directory: tempfile::TempDir,
}

impl House {
    async fn furnish(back_end: BackEnd, stacks: usize, records_a_day: u64, interval: HourInterval) -> Self {
        let served = Served::start(back_end).await;
        let directory = tempfile::tempdir().expect("a directory");
        let stacks: Vec<_> = (0..stacks)
            .map(|number| Arc::new(stack(number, records_a_day)))
            .collect();
        let mut sections = String::new();
        for (number, stack) in stacks.iter().enumerate() {
            let key = served.add_stack(&stack.spec().cloud_id.to_string()).await;
            sections.push_str(&serve(
                Arc::clone(stack),
                interval,
                directory.path(),
                number,
                &key,
            ));
        }
        let config = directory.path().join("bridge.toml");
        let (url, ca) = served.address();
        let server = format!(
            "[server]\nurl = \"{url}\"\nca = \"{}\"\n[spool]\ndirectory = \"spool\"\n",
            ca.display()
        );
        std::fs::write(&config, server + &sections).expect("a configuration is written");
        Self {
            served,
            ids: (0..stacks.len())
                .map(|number| cloud_id(number).to_string())
                .collect(),
            records: stacks.iter().map(|stack| records(stack, interval)).sum(),
            stacks,
            interval,
            config,
            directory,
        }
    }

    /// Runs a bridge until everything has arrived: it, and how long that took.
    async fn until_arrived(&self) -> (RunningBridge, Duration) {
        let started = Instant::now();
        let bridge = RunningBridge::start(&self.config);
        self.until_reported(|through| through >= self.interval.end())
            .await;
        (bridge, started.elapsed())
    }

    /// Waits until every stack has reported as far as is wanted, as the server sees it; how far the last of them has.
    async fn until_reported(&self, is_far: impl Fn(Hour) -> bool) -> Hour {
        loop {
            let stacks = self.served.operator.stacks().await.expect("the stacks");
            let reported = stacks
                .iter()
                .filter(|stack| self.ids.contains(&stack.cloud_id))
                .filter_map(|stack| stack.reported_through.as_ref()?.parse::<Hour>().ok());
            let far: Vec<Hour> = reported.filter(|hour| is_far(*hour)).collect();
            if let Some(last) = far.iter().min()
                && far.len() == self.ids.len()
            {
                return *last;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the bridge says that it has read everything of the only stack; how many MiB wait in its spool then.
    async fn until_spooled(&self) -> f64 {
        let path = self.directory.path().join("spool/status.json");
        loop {
            let text = std::fs::read(&path).unwrap_or_default();
            let status: Value = serde_json::from_slice(&text).unwrap_or_default();
            let stack = &status["stacks"][0];
            let through = stack["readThrough"]
                .as_str()
                .and_then(|text| text.parse::<Hour>().ok());
            if through >= Some(self.interval.end()) {
                return stack["spoolBytes"].as_f64().expect("bytes") / (1024.0 * 1024.0);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn check(&self) {
        let check = self.served.operator.check_laws(PERIOD).await.expect("a check");
        assert!(check.holds, "the laws hold: {:?}", check.violations);
        assert!(
            check.records.received >= self.records as u64,
            "everything has arrived"
        );
    }
}

fn cloud_id(number: usize) -> CloudId {
    format!("5eed0000-0000-4000-8000-{number:012x}")
        .parse()
        .expect("a cloud id")
}

fn stack(number: usize, records_a_day: u64) -> Stack {
    let month: Period = PERIOD.parse().expect("a month");
    let days = u64::from(month.hours().unsigned_abs()) / 24;
    let tenant: TenantId = "70000000-0000-4000-8000-aaaaaaaaaaaa".parse().expect("a tenant");
    let spec = StackSpec {
        seed: 1,
        cloud_id: cloud_id(number),
        region: "local".to_owned(),
        month,
        tenants: vec![TenantSpec {
            id: tenant,
            domain: "contoso.example".to_owned(),
            local_subscriptions: 20,
        }],
        records_min: records_a_day * days,
        hours_apart: NonZeroU16::MIN,
        faults: Faults::usual(),
    };
    Stack::new(spec).expect("a stack")
}

/// How many records are reported in an interval.
fn records(stack: &Stack, interval: HourInterval) -> usize {
    let hours = (0..interval.hours()).map(|offset| interval.start().plus(offset));
    let windows = hours.filter_map(|hour| HourInterval::new(hour, hour.plus(1)));
    windows
        .flat_map(|window| stack.reported_pages(window, PAGE_SIZE))
        .map(|page| page.records)
        .sum()
}

/// Serves a stack whose clock stands still at the end of the interval; its part of the bridge's configuration.
fn serve(stack: Arc<Stack>, interval: HourInterval, folder: &Path, number: usize, key: &str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("a port").port();
    let cloud_id = stack.spec().cloud_id;
    let now = interval.end().start();
    let api = AdminApi {
        stack,
        base_url: format!("http://127.0.0.1:{port}"),
        account: Some(Account {
            client_id: CLIENT_ID.to_owned(),
            secret: SECRET.to_owned(),
            certificate_key: None,
        }),
        registration: Some(format!(
            "/subscriptions/x/resourceGroups/azurestack/providers/Microsoft.AzureStack/registrations/{cloud_id}"
        )),
        now: Arc::new(move || now),
        page_size: PAGE_SIZE,
        faults: Arc::new(ServiceFaults::new(1, 0)),
    };
    tokio::spawn(simulator::serve(api, listener, None));
    std::fs::write(folder.join("secret"), SECRET).expect("a secret is written");
    std::fs::write(folder.join(format!("{number}.key")), key).expect("a key is written");
    format!(
        "[[stack]]\nname = \"stack-{number}\"\nendpoint = \"http://127.0.0.1:{port}\"\nclient-id = \"{CLIENT_ID}\"\n\
         secret-file = \"secret\"\nactivation-key-file = \"{number}.key\"\nstart = \"{}\"\n",
        interval.start()
    )
}

/// A bridge in a process of its own.
struct RunningBridge(Child);

impl RunningBridge {
    fn start(config: &Path) -> Self {
        let bridge = Command::new(binary())
            .args(["bridge", "run", "--log", "error", "--config"])
            .arg(config)
            .stdout(Stdio::null())
            .spawn();
        Self(bridge.expect("meterbridge bridge runs"))
    }
}

impl Drop for RunningBridge {
    fn drop(&mut self) {
        // Everything that it had to do is done.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
