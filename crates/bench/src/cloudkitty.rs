//! The other peer: CloudKitty, which rates usage and keeps it rated. There is no other open system in common use that does.
//!
//! The same rows go both ways. CloudKitty gets them parsed, rates each by a price for its meter and pushes it into its
//! store; Meterbridge gets them as JSON through HTTPS, and is then asked for all statements. CloudKitty recognises no
//! record that it has seen before, and calculates in floats; Meterbridge does what it always does.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::time::Hour;
use serde_json::Value;

use crate::back_end::{BackEnd, postgres_as};
use crate::figures::{median, rate, shown};
use crate::ingest::deliver;
use crate::report::{Goal, Report};
use crate::served::{PERIOD, Served};
use crate::workload::{LOCAL_SUBSCRIPTIONS, MONTH, SERIES, Template, quantity_digits, series};

const ROUNDS: usize = 3;
/// Hours of usage that the server takes in each round.
const HOURS_PER_ROUND: usize = 36;
/// Hours of usage that CloudKitty rates and stores in each round.
const HOURS_PER_ROUND_OF_PEER: usize = 2;
/// How many times as fast the server has to be on the embedded store. On PostgreSQL it is measured, and held against nothing.
const RATIO: f64 = 10.0;
/// What CloudKitty's prices are, by the place of a meter among all in order.
const PRICES: [f64; 4] = [0.004, 0.012, 0.0009, 0.05];

/// Measures both in turn, on each back end; says loudly if there is no CloudKitty.
pub async fn run(templates: &Arc<Vec<Template>>, report: &mut Report) {
    let peer = match CloudKitty::find() {
        Ok(peer) => peer,
        Err(missing) => {
            println!("\nPEER MISSING: {missing}. Nothing was compared with CloudKitty.");
            return;
        }
    };
    measure(BackEnd::Embedded, Goal::AtLeast(RATIO), &peer, templates, report).await;
    if let Some(server) = postgres_as("back end") {
        measure(BackEnd::on(server), Goal::None, &peer, templates, report).await;
    }
}

async fn measure(
    back_end: BackEnd,
    goal: Goal,
    peer: &CloudKitty,
    templates: &Arc<Vec<Template>>,
    report: &mut Report,
) {
    let served = Served::start(back_end).await;
    let start = crate::month().interval().start();
    let mut hours = (0..crate::month().hours()).map(|offset| start.plus(offset));
    // Series are seen for the first time.
    deliver(&served, templates, hours.by_ref().take(1).collect()).await;
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let round: Vec<Hour> = hours.by_ref().take(HOURS_PER_ROUND).collect();
        let started = Instant::now();
        deliver(&served, templates, round.clone()).await;
        let statements = served.operator.statements(PERIOD).await.expect("statements");
        assert_eq!(statements.len(), LOCAL_SUBSCRIPTIONS);
        let our = rate(round.len() * SERIES, started.elapsed());
        let round = &round[..HOURS_PER_ROUND_OF_PEER];
        let their = rate(round.len() * SERIES, peer.rate_and_store(round));
        ours.push(our);
        theirs.push(their);
        ratios.push(our / their);
    }
    report.heading(format!(
        "Taken in and rated, {}, medians of {ROUNDS} rounds in turn of {} and {} records",
        served.back_end.name(),
        shown((HOURS_PER_ROUND * SERIES) as f64, 0),
        shown((HOURS_PER_ROUND_OF_PEER * SERIES) as f64, 0),
    ));
    let mut speed = |name, rates: &[f64]| report.figure(name, median(rates), (0, "records/s"), Goal::None);
    speed("Meterbridge, HTTPS to all statements", &ours);
    speed("CloudKitty, parsed to rated and stored", &theirs);
    report.figure("ratio", median(&ratios), (1, ""), goal);
}

struct CloudKitty {
    program: PathBuf,
    packages: PathBuf,
    scratch: tempfile::TempDir,
}

impl CloudKitty {
    fn find() -> Result<Self, String> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (folder, packages) = (
            here.join("peers/cloudkitty"),
            here.join("../../target/cloudkitty"),
        );
        if !packages.exists() {
            return Err(format!(
                "there is no CloudKitty; install it with {}",
                folder.join("install.sh").display()
            ));
        }
        if Command::new("influxd").arg("version").output().is_err() {
            let advice = "apt-get install influxdb (1.x), or your system's counterpart";
            return Err(format!("CloudKitty needs influxd, which is not there: {advice}"));
        }
        let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
        Ok(Self {
            program: folder.join("rate_and_store.py"),
            packages,
            scratch,
        })
    }

    /// How long it took to rate and store the usage of these hours; rows are read before the clock starts.
    fn rate_and_store(&self, hours: &[Hour]) -> Duration {
        let rows = self.scratch.path().join("rows.csv");
        let due = write_rows(&rows, hours).expect("rows are written");
        let output = Command::new("python3")
            .args(["-W", "ignore"])
            .arg(&self.program)
            .arg(&rows)
            .env("PYTHONPATH", &self.packages)
            .output()
            .expect("python3 runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        let answer: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("CloudKitty's answer: {error}\n{errors}"));
        assert_eq!(answer["records"], hours.len() * SERIES, "every record was rated");
        let rated = answer["rated"].as_f64().expect("a sum");
        assert!(
            (rated - due).abs() < due * 1e-9,
            "its store has {rated}, which should be {due}"
        );
        Duration::from_secs_f64(answer["seconds"].as_f64().expect("a time"))
    }
}

/// Writes the rows of these hours; what they cost in all.
fn write_rows(path: &Path, hours: &[Hour]) -> std::io::Result<f64> {
    let mut out = BufWriter::new(std::fs::File::create(path)?);
    let meters: std::collections::BTreeSet<_> = (0..PRICES.len())
        .map(|number| series(number, MONTH).local_meter)
        .collect();
    let price = |meter| PRICES[meters.iter().position(|it| *it == meter).expect("a meter")];
    let mut due = 0.0;
    for hour in hours {
        for number in 0..SERIES {
            let it = series(number, MONTH);
            let digits = quantity_digits(number, *hour);
            due += price(it.local_meter) * (1.0 + digits as f64 / 1e15);
            writeln!(
                out,
                "{},{},{},{},1.{digits:015}",
                hour.epoch_hours(),
                it.local_subscription,
                it.local_meter,
                it.resource_uri
            )?;
        }
    }
    out.flush()?;
    Ok(due)
}
