//! Benchmarks: what Meterbridge reaches, as ratios against a named peer or limit in the same run.
//!
//! Times of one machine say little and shared machines are noisy. So everything that is compared is measured in turn,
//! several times, and the medians and ratios are what counts. Run with `cargo xtask bench`, or with the names of the
//! parts that are wanted.

mod back_end;
mod bridge;
mod closing;
mod cloudkitty;
mod duckdb;
mod explaining;
mod figures;
mod ingest;
mod month;
mod peer;
mod report;
mod served;
mod workload;

use std::process::ExitCode;
use std::sync::Arc;

use back_end::{BackEnd, postgres, postgres_as, postgres_setup};
use domain::time::{Hour, Period};
use figures::{median, rate, shown};
use peer::Peer;
use report::{Goal, Report};
use served::{PERIOD, Served};
use workload::{MONTH, RECORDS_PER_BATCH, SERIES, Template};

/// Hours of usage that the halves of the way are measured with.
const HOURS_OF_HALVES: i32 = 24;
/// Rounds in which the halves take turns.
const ROUNDS_OF_HALVES: usize = 3;
/// Exit code for a command line that was not understood; 1 is for goals that were missed.
const USAGE_ERROR: u8 = 2;

/// What can be asked for by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Halves,
    Embedded,
    Postgres,
    Bridge,
    Cloudkitty,
    Closing,
    Explain,
}

impl Part {
    const ALL: [Self; 7] = [
        Self::Halves,
        Self::Embedded,
        Self::Postgres,
        Self::Bridge,
        Self::Cloudkitty,
        Self::Closing,
        Self::Explain,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Halves => "halves",
            Self::Embedded => "embedded",
            Self::Postgres => "postgres",
            Self::Bridge => "bridge",
            Self::Cloudkitty => "cloudkitty",
            Self::Closing => "closing",
            Self::Explain => "explain",
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let parts = match wanted(std::env::args().skip(1)) {
        Ok(parts) => parts,
        Err(problem) => {
            eprintln!("error: {problem}");
            return ExitCode::from(USAGE_ERROR);
        }
    };
    let templates = (0..SERIES)
        .step_by(RECORDS_PER_BATCH)
        .map(|first| Template::new(first, MONTH));
    let templates: Arc<Vec<Template>> = Arc::new(templates.collect());
    let first_hour = month().interval().start();
    println!("machine: {}", machine());
    println!(
        "records: {} bytes of JSON each, {RECORDS_PER_BATCH} in a batch, {} series",
        templates[0].at(first_hour).len() / RECORDS_PER_BATCH,
        shown(SERIES as f64, 0)
    );
    let mut report = Report::default();
    for part in parts {
        match part {
            Part::Halves => halves(&templates, &mut report).await,
            Part::Embedded => embedded(&templates, &mut report).await,
            Part::Postgres => on_postgres(&templates, &mut report).await,
            Part::Bridge => bridge::run(&mut report).await,
            Part::Cloudkitty => cloudkitty::run(&templates, &mut report).await,
            Part::Closing => closing::run(&mut report).await,
            Part::Explain => explaining::run(&mut report).await,
        }
    }
    if report.conclude() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The parts that are named, or all.
fn wanted(names: impl Iterator<Item = String>) -> Result<Vec<Part>, String> {
    let part = |name: String| {
        let found = Part::ALL.into_iter().find(|part| part.name() == name);
        let all = Part::ALL.map(Part::name).join(", ");
        found.ok_or_else(|| format!("there is no part `{name}`; expected any of: {all}"))
    };
    let parts: Vec<Part> = names.map(part).collect::<Result<_, _>>()?;
    Ok(if parts.is_empty() {
        Part::ALL.to_vec()
    } else {
        parts
    })
}

fn month() -> Period {
    PERIOD.parse().expect("a month")
}

async fn halves(templates: &[Template], report: &mut Report) {
    let start = month().interval().start();
    let hours: Vec<Hour> = (0..HOURS_OF_HALVES).map(|offset| start.plus(offset)).collect();
    let records = hours.len() * SERIES;
    let mut ratios = Vec::new();
    let (mut parse, mut store, mut both) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS_OF_HALVES {
        let took = ingest::parts(templates, &hours).await;
        parse.push(rate(records, took.parse));
        store.push(rate(records, took.store));
        both.push(rate(records, took.both));
        ratios.push(rate(records, took.both) / rate(records, took.parse.max(took.store)));
    }
    report.heading(format!(
        "In this process, embedded store, {} records, medians of {ROUNDS_OF_HALVES} rounds",
        shown(records as f64, 0)
    ));
    let mut speed = |name, rates: &[f64]| report.figure(name, median(rates), (0, "records/s"), Goal::None);
    speed("read alone, one core", &parse);
    speed("intern and store alone", &store);
    speed("read, intern and store", &both);
    report.figure(
        "ratio to the slower half",
        median(&ratios),
        (2, ""),
        Goal::AtLeast(0.5),
    );
}

async fn embedded(templates: &Arc<Vec<Template>>, report: &mut Report) {
    let peer = match postgres() {
        Ok(server) => {
            println!("\npeer: {}", postgres_setup(&server));
            Some(Peer::on(server))
        }
        Err(missing) => {
            println!("\nPEER MISSING: {missing}. What follows is not compared with anything.");
            None
        }
    };
    let served = Served::start(BackEnd::Embedded).await;
    month::run(&served, peer.as_ref(), templates, report).await;
}

/// The server and its peer use the same PostgreSQL.
async fn on_postgres(templates: &Arc<Vec<Template>>, report: &mut Report) {
    let Some(server) = postgres_as("back end and peer") else {
        return;
    };
    let peer = Peer::on(server.clone());
    let served = Served::start(BackEnd::on(server)).await;
    month::run(&served, Some(&peer), templates, report).await;
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split(": ").nth(1));
    format!("{cores} cores, {}", model.unwrap_or("unknown processor"))
}
