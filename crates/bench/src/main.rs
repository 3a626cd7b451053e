//! Benchmarks: what Meterbridge reaches, as ratios against a named peer or limit in the same run.
//!
//! Times of one machine say little and shared machines are noisy. So everything that is compared is measured in turn,
//! several times, and the medians and ratios are what counts. Run with `cargo xtask bench`.

mod figures;
mod ingest;
mod postgres;
mod served;
mod workload;

use std::sync::Arc;
use std::time::Instant;

use domain::time::{Hour, Period};
use figures::{grouped, median, percentile, processor_seconds, rate};
use ingest::deliver;
use postgres::Postgres;
use served::{PERIOD, Served, subscription};
use workload::{LOCAL_SUBSCRIPTIONS, RECORDS_PER_BATCH, Template};

/// Series: with a month's hours they make ten million records.
const SERIES: usize = 14_000;
/// Rounds in which the server and its peer take turns.
const ROUNDS: usize = 5;
/// Hours of usage in each round.
const HOURS_PER_ROUND: usize = 36;
/// Hours of usage that the parts of the way are measured with.
const HOURS_OF_PARTS: usize = 24;
/// Statements asked for one after the other.
const STATEMENTS: usize = 1_000;

#[tokio::main]
async fn main() {
    let month: Period = PERIOD.parse().expect("a month");
    let mut hours = (0..month.hours()).map(|offset| month.interval().start().plus(offset));
    let templates: Vec<Template> = (0..SERIES)
        .step_by(RECORDS_PER_BATCH)
        .map(Template::new)
        .collect();
    let templates = Arc::new(templates);
    let record_bytes = templates[0].at(month.interval().start()).len() / RECORDS_PER_BATCH;
    println!("machine: {}", machine());
    println!(
        "records: {record_bytes} bytes of JSON each, {RECORDS_PER_BATCH} in a batch, {} series",
        grouped(SERIES as f64)
    );

    parts(&templates, month).await;
    let served = Served::start().await;
    ingest(&served, &templates, &mut hours).await;
    fill(&served, &templates, hours).await;
    statements(&served).await;
}

async fn parts(templates: &[Template], month: Period) {
    let hours: Vec<Hour> = (0..HOURS_OF_PARTS as i32)
        .map(|offset| month.interval().start().plus(offset))
        .collect();
    let records = hours.len() * SERIES;
    let mut ratios = Vec::new();
    let (mut parse, mut store, mut both) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        let took = ingest::parts(templates, &hours).await;
        parse.push(rate(records, took.parse));
        store.push(rate(records, took.store));
        both.push(rate(records, took.both));
        ratios.push(rate(records, took.both) / rate(records, took.parse.max(took.store)));
    }
    println!(
        "\nIn this process, {} records, medians of 3 rounds",
        grouped(records as f64)
    );
    println!(
        "  read alone, one core                 {:>10} records/s",
        grouped(median(&parse))
    );
    println!(
        "  intern and store alone               {:>10} records/s",
        grouped(median(&store))
    );
    println!(
        "  read, intern and store               {:>10} records/s",
        grouped(median(&both))
    );
    println!(
        "  ratio to the slower half             {:>10.2}   (goal 0.50)",
        median(&ratios)
    );
}

async fn ingest(served: &Served, templates: &Arc<Vec<Template>>, hours: &mut impl Iterator<Item = Hour>) {
    let peer = Postgres::start();
    if let Err(missing) = &peer {
        println!("\nPEER MISSING: {missing}. What follows is not compared with anything.");
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut peer_rows = 0;
    deliver(served, templates, hours.by_ref().take(1).collect()).await;
    for _ in 0..ROUNDS {
        let round: Vec<Hour> = hours.by_ref().take(HOURS_PER_ROUND).collect();
        let records = round.len() * SERIES;
        ours.push(rate(records, deliver(served, templates, round.clone()).await));
        if let Ok(peer) = &peer {
            let peer_round = &round[..HOURS_PER_ROUND / 4];
            let took = peer.merge(SERIES, peer_round).await.expect("PostgreSQL merges");
            peer_rows += peer_round.len() * SERIES;
            theirs.push(rate(peer_round.len() * SERIES, took));
        }
    }
    println!(
        "\nIngest, medians of {ROUNDS} rounds in turn; every record durable and de-duplicated before the answer"
    );
    println!(
        "  Meterbridge through HTTPS            {:>10} records/s   (goal 300,000)",
        grouped(median(&ours))
    );
    if let Ok(peer) = &peer {
        let ratios: Vec<f64> = ours
            .iter()
            .zip(&theirs)
            .map(|(ours, theirs)| ours / theirs)
            .collect();
        let bytes = peer.bytes().await.expect("a size") as f64 / peer_rows as f64;
        println!(
            "  PostgreSQL merging the parsed rows   {:>10} records/s",
            grouped(median(&theirs))
        );
        println!(
            "  ratio                                {:>10.2}   (goal 1.50)",
            median(&ratios)
        );
        println!("  bytes for each row in PostgreSQL     {bytes:>10.0}");
    }
}

async fn fill(served: &Served, templates: &Arc<Vec<Template>>, hours: impl Iterator<Item = Hour>) {
    let rest: Vec<Hour> = hours.collect();
    let records = rest.len() * SERIES;
    let processes = [served.process_id(), std::process::id()];
    let before = processes.map(processor_seconds);
    let took = deliver(served, templates, rest).await;
    let used = [0, 1].map(|it| (processor_seconds(processes[it]) - before[it]) * 1e6 / records as f64);
    println!("\nThe rest of the month");
    println!(
        "  {} records through HTTPS       {:>10} records/s",
        grouped(records as f64),
        grouped(rate(records, took))
    );
    println!(
        "  processor time for a million records {:>10.2} s by the server, {:.2} s by the generator",
        used[0], used[1]
    );
}

async fn statements(served: &Served) {
    let check = served.operator.check_laws(PERIOD).await.expect("a check");
    assert!(check.holds, "the laws hold: {:?}", check.violations);
    let stored = check.records.counted as f64;
    let mut took = Vec::new();
    for number in 0..STATEMENTS {
        let payer = subscription(number % LOCAL_SUBSCRIPTIONS);
        let started = Instant::now();
        let statement = served
            .operator
            .statement(&payer, PERIOD)
            .await
            .expect("a statement");
        took.push(started.elapsed().as_secs_f64() * 1_000.0);
        assert!(!statement.lines.is_empty(), "it has lines");
    }
    let mut all = Vec::new();
    for _ in 0..5 {
        let started = Instant::now();
        let statements = served.operator.statements(PERIOD).await.expect("statements");
        all.push(started.elapsed().as_secs_f64());
        assert_eq!(statements.len(), LOCAL_SUBSCRIPTIONS);
    }
    println!(
        "\nStatements over {} stored records, through HTTPS",
        grouped(stored)
    );
    println!(
        "  one subscription, 50th percentile    {:>10.2} ms",
        percentile(&took, 0.50)
    );
    println!(
        "  one subscription, 99th percentile    {:>10.2} ms   (goal 10)",
        percentile(&took, 0.99)
    );
    println!(
        "  all of the month, median of 5        {:>10.2} s    (goal 1)",
        median(&all)
    );
    println!(
        "  server's memory, most ever held      {:>10.0} MiB  (goal 256)",
        served.memory_max() as f64 / 1_048_576.0
    );
    println!(
        "  bytes for each stored record         {:>10.1}",
        served.bytes_stored() as f64 / stored
    );
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
