//! The bridge from end to end: it reads simulated stacks over HTTP, spools, and delivers to the server over HTTPS.
//!
//! The stacks are in this process, the bridge and the server are the real binary, a process each. All of them share the
//! cores, so the processor time of each says what the rates do not.

use std::num::NonZeroU16;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::ids::{CloudId, TenantId};
use domain::time::{Hour, HourInterval, Period};
use simulator::{Account, AdminApi, Faults, ServiceFaults, Stack, StackSpec, TenantSpec};

use crate::back_end::BackEnd;
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
/// How often it is looked whether everything has arrived.
const LOOK: Duration = Duration::from_millis(50);

/// Measures one stack of many records, and many stacks of a few.
pub async fn run(report: &mut Report) {
    let start = crate::month().interval().start();
    let one = HourInterval::new(start, start.plus(24 * DAYS)).expect("days");
    measure(1, RECORDS_A_DAY, one, report).await;
    let day = HourInterval::new(start, start.plus(24)).expect("a day");
    measure(STACKS, RECORDS_A_DAY_OF_MANY, day, report).await;
}

/// Has a bridge bring everything that stacks report in an interval.
async fn measure(stacks: usize, records_a_day: u64, interval: HourInterval, report: &mut Report) {
    let served = Served::start(BackEnd::Embedded).await;
    let directory = tempfile::tempdir().expect("a directory");
    let mut expected = 0;
    let mut sections = Vec::new();
    for number in 0..stacks {
        let stack = Arc::new(stack(number, records_a_day));
        expected += records(&stack, interval);
        let key = served.add_stack(&stack.spec().cloud_id.to_string()).await;
        sections.push(serve(stack, interval, directory.path(), number, &key));
    }
    let config = directory.path().join("bridge.toml");
    let (url, ca) = served.address();
    let server = format!(
        "[server]\nurl = \"{url}\"\nca = \"{}\"\n[spool]\ndirectory = \"spool\"\n",
        ca.display()
    );
    std::fs::write(&config, server + &sections.concat()).expect("a configuration is written");

    let own = || processor_seconds(std::process::id());
    let before = (own(), processor_seconds(served.process_id()));
    let started = Instant::now();
    let bridge = RunningBridge::start(&config);
    let ids: Vec<String> = (0..stacks).map(|number| cloud_id(number).to_string()).collect();
    while !arrived(&served, &ids, interval.end()).await {
        tokio::time::sleep(LOOK).await;
    }
    let took = started.elapsed();
    let used = [
        ("bridge", processor_seconds(bridge.0.id())),
        ("stacks", own() - before.0),
        ("server", processor_seconds(served.process_id()) - before.1),
    ];
    let memory = memory_max(bridge.0.id());
    drop(bridge);
    let check = served.operator.check_laws(PERIOD).await.expect("a check");
    assert!(check.holds, "the laws hold: {:?}", check.violations);
    assert!(
        check.records.received >= expected as u64,
        "everything has arrived"
    );

    report.heading(format!(
        "The bridge, end to end: {stacks} stack(s), {} hours, {} records; embedded store",
        interval.hours(),
        shown(expected as f64, 0)
    ));
    report.figure(
        "read, spooled, delivered",
        rate(expected, took),
        (0, "records/s"),
        Goal::None,
    );
    report.figure(
        "time until everything had arrived",
        took.as_secs_f64(),
        (1, "s"),
        Goal::None,
    );
    report.figure(
        "the bridge's memory, most ever held",
        memory,
        (0, "MiB"),
        Goal::AtMost(MEMORY_MAX),
    );
    for (who, seconds) in used {
        let name = format!("processor time of a million: {who}");
        report.figure(&name, seconds * 1e6 / expected as f64, (2, "s"), Goal::None);
    }
}

/// Whether every one of the stacks has reported up to there.
async fn arrived(served: &Served, ids: &[String], end: Hour) -> bool {
    let stacks = served.operator.stacks().await.expect("the stacks");
    let reported = stacks
        .iter()
        .filter(|stack| ids.contains(&stack.cloud_id))
        .filter_map(|stack| stack.reported_through.as_ref()?.parse::<Hour>().ok());
    reported.filter(|hour| *hour >= end).count() == ids.len()
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
