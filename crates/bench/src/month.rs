//! A month of usage on one back end: taken in, in turn with the peer and then at once, and asked about.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use domain::time::{Hour, Period};

use crate::figures::{median, memory_max, percentile, processor_seconds, rate, shown};
use crate::ingest::deliver;
use crate::peer::{Merge, Peer};
use crate::report::{Goal, Report};
use crate::served::{PERIOD, Served, subscription};
use crate::workload::{LOCAL_SUBSCRIPTIONS, RECORDS_PER_BATCH, SERIES, Template};

/// Rounds in which the server and its peer take turns.
const ROUNDS: usize = 5;
/// Hours of usage that the server takes in each round.
const HOURS_PER_ROUND: usize = 36;
/// Hours of usage that the peer merges in each round, in each of its ways.
const HOURS_PER_ROUND_OF_PEER: usize = HOURS_PER_ROUND / 4;
/// Hours of usage, the last of the month, that the server takes in while it is asked about the month.
const HOURS_BESIDE_QUESTIONS: i32 = 72;
/// Statements asked for one after the other.
const STATEMENTS: usize = 1_000;
/// How often all statements of the month are asked for.
const STATEMENTS_OF_ALL: usize = 5;

const RECORDS_PER_SECOND: (usize, &str) = (0, "records/s");

/// Runs it. Without a peer there is nothing to compare with.
pub async fn run(served: &Served, peer: Option<&Peer>, templates: &Arc<Vec<Template>>, report: &mut Report) {
    let month: Period = PERIOD.parse().expect("a month");
    let mut hours = (0..month.hours()).map(|offset| month.interval().start().plus(offset));
    // Series are seen for the first time.
    deliver(served, templates, hours.by_ref().take(1).collect()).await;
    in_turn(served, peer, templates, &mut hours, report).await;
    let (at_once, beside): (Vec<Hour>, Vec<Hour>) =
        hours.partition(|hour| *hour < month.interval().end().plus(-HOURS_BESIDE_QUESTIONS));
    let alone = the_rest(served, templates, at_once, report).await;
    beside_questions(served, templates, beside, alone, report).await;
    asked_about(served, report).await;
}

async fn in_turn(
    served: &Served,
    peer: Option<&Peer>,
    templates: &Arc<Vec<Template>>,
    hours: &mut impl Iterator<Item = Hour>,
    report: &mut Report,
) {
    let mut ours = Vec::new();
    let mut theirs = Merge::ALL.map(|_| Vec::new());
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let round: Vec<Hour> = hours.by_ref().take(HOURS_PER_ROUND).collect();
        ours.push(rate(
            round.len() * SERIES,
            deliver(served, templates, round.clone()).await,
        ));
        let Some(peer) = peer else { continue };
        let round = &round[..HOURS_PER_ROUND_OF_PEER];
        let mut best: f64 = 0.0;
        for (merge, theirs) in Merge::ALL.into_iter().zip(&mut theirs) {
            let merged = rate(round.len() * SERIES, peer.merge(merge, SERIES, round).await);
            best = best.max(merged);
            theirs.push(merged);
        }
        ratios.extend(ours.last().map(|ours| ours / best));
    }
    let goals = served.back_end.goals();
    report.heading(format!(
        "Ingest, {}, medians of {ROUNDS} rounds in turn; every record durable and de-duplicated before the answer",
        served.back_end.name()
    ));
    report.figure(
        "Meterbridge through HTTPS",
        median(&ours),
        RECORDS_PER_SECOND,
        Goal::AtLeast(goals.ingest),
    );
    let Some(peer) = peer else { return };
    for (merge, theirs) in Merge::ALL.into_iter().zip(&theirs) {
        report.figure(merge.name(), median(theirs), RECORDS_PER_SECOND, Goal::None);
    }
    report.figure(
        "ratio to the faster of the two",
        median(&ratios),
        (2, ""),
        Goal::AtLeast(goals.ingest_to_peer),
    );
    let rows = (ROUNDS * HOURS_PER_ROUND_OF_PEER * SERIES) as f64;
    let bytes = peer.bytes(Merge::Unnest) / rows;
    report.figure("the peer's bytes for each row", bytes, (0, "bytes"), Goal::None);
}

/// Returns how many records a second that were.
async fn the_rest(
    served: &Served,
    templates: &Arc<Vec<Template>>,
    hours: Vec<Hour>,
    report: &mut Report,
) -> f64 {
    let records = hours.len() * SERIES;
    let before = Used::so_far(served);
    let took = deliver(served, templates, hours).await;
    let used = Used::so_far(served).since(&before);
    report.heading(format!(
        "The rest of the month at once, {}: {} deliveries of {RECORDS_PER_BATCH} records",
        served.back_end.name(),
        records / RECORDS_PER_BATCH,
    ));
    let goal = Goal::AtLeast(served.back_end.goals().ingest);
    report.figure(
        "Meterbridge through HTTPS",
        rate(records, took),
        RECORDS_PER_SECOND,
        goal,
    );
    used.report("of a million", 1e6 / records as f64, "s", report);
    rate(records, took)
}

/// Takes usage in while the month is asked about: nobody waits for the other.
async fn beside_questions(
    served: &Served,
    templates: &Arc<Vec<Template>>,
    hours: Vec<Hour>,
    alone: f64,
    report: &mut Report,
) {
    let records = hours.len() * SERIES;
    let (ended, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let asking = async || {
        let mut took = Vec::new();
        while !ended.load(Ordering::Relaxed) {
            let number = asked.fetch_add(1, Ordering::Relaxed);
            took.push(ask(served, number).await);
        }
        took
    };
    let delivering = async {
        let took = deliver(served, templates, hours).await;
        ended.store(true, Ordering::Relaxed);
        took
    };
    let (took, first, second) = tokio::join!(delivering, asking(), asking());
    let answers = [first, second].concat();
    report.heading(format!(
        "While two ask for statements of the month all the time, {}: {} records",
        served.back_end.name(),
        shown(records as f64, 0)
    ));
    let beside = rate(records, took);
    report.figure("taken in meanwhile", beside, RECORDS_PER_SECOND, Goal::None);
    report.figure("ratio to nobody asking", beside / alone, (2, ""), Goal::None);
    let name = format!("statements meanwhile, {}", shown(answers.len() as f64, 0));
    report.figure(
        &name,
        answers.len() as f64 / took.as_secs_f64(),
        (0, "a second"),
        Goal::None,
    );
    for part in [50, 99] {
        let name = format!("one of them, {part}th percentile");
        report.figure(
            &name,
            percentile(&answers, f64::from(part) / 100.0),
            (2, "ms"),
            Goal::None,
        );
    }
}

/// How long a statement took, in milliseconds.
async fn ask(served: &Served, number: usize) -> f64 {
    let payer = subscription(number % LOCAL_SUBSCRIPTIONS);
    let started = Instant::now();
    let statement = served
        .operator
        .statement(&payer, PERIOD)
        .await
        .expect("a statement");
    assert!(!statement.lines.is_empty(), "it has lines");
    started.elapsed().as_secs_f64() * 1_000.0
}

/// Processor time, in seconds, of those who take part.
struct Used([(&'static str, Option<f64>); 3]);

impl Used {
    fn so_far(served: &Served) -> Self {
        Self([
            ("server", Some(processor_seconds(served.process_id()))),
            ("generator", Some(processor_seconds(std::process::id()))),
            ("database", served.back_end.processor_seconds()),
        ])
    }

    fn since(mut self, before: &Self) -> Self {
        for ((_, used), (_, before)) in self.0.iter_mut().zip(&before.0) {
            *used = used.zip(*before).map(|(used, before)| used - before);
        }
        self
    }

    /// Tells it, times `factor`.
    fn report(&self, of: &str, factor: f64, unit: &'static str, report: &mut Report) {
        for (who, used) in self.0 {
            if let Some(used) = used {
                let name = format!("processor time {of}: {who}");
                report.figure(&name, used * factor, (2, unit), Goal::None);
            }
        }
    }
}

async fn asked_about(served: &Served, report: &mut Report) {
    let check = served.operator.check_laws(PERIOD).await.expect("a check");
    assert!(check.holds, "the laws hold: {:?}", check.violations);
    let stored = check.records.counted as f64;
    let before = Used::so_far(served);
    let mut one = Vec::new();
    for number in 0..STATEMENTS {
        one.push(ask(served, number).await);
    }
    let used = Used::so_far(served).since(&before);
    let mut all = Vec::new();
    for _ in 0..STATEMENTS_OF_ALL {
        let started = Instant::now();
        let statements = served.operator.statements(PERIOD).await.expect("statements");
        all.push(started.elapsed().as_secs_f64());
        assert_eq!(statements.len(), LOCAL_SUBSCRIPTIONS);
    }
    report.heading(format!(
        "The month of {} stored records, {}, asked about through HTTPS",
        shown(stored, 0),
        served.back_end.name()
    ));
    let name = |part: u8| format!("a statement, {part}th percentile of {STATEMENTS}");
    report.figure(&name(50), percentile(&one, 0.50), (2, "ms"), Goal::None);
    report.figure(
        &name(99),
        percentile(&one, 0.99),
        (2, "ms"),
        served.back_end.goals().statement,
    );
    used.report("of a statement", 1_000.0 / STATEMENTS as f64, "ms", report);
    let name = format!("all {LOCAL_SUBSCRIPTIONS} statements, median of {STATEMENTS_OF_ALL}");
    report.figure(&name, median(&all), (2, "s"), Goal::AtMost(1.0));
    let memory = memory_max(served.process_id());
    report.figure(
        "the server's memory, most ever held",
        memory,
        (0, "MiB"),
        Goal::AtMost(256.0),
    );
    let bytes = served.bytes_of_usage() as f64 / stored;
    report.figure("on disk for each record", bytes, (1, "bytes"), Goal::None);
}
