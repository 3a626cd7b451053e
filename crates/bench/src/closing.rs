//! Closing a month: of ten million records and of ten times as many, and of as many more buyers; beside DuckDB, which totals
//! and rates the same records.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use client::{Delivery, Format, InvoicesOf};
use domain::time::Hour;

use crate::back_end::{BackEnd, postgres_as};
use crate::duckdb::{Charged, DuckDb, Month, Price};
use crate::explaining::{OPENED_AT_MOST, Opening, PLATFORM, tell};
use crate::figures::{median, memory_max, shown};
use crate::ingest::deliver;
use crate::report::{Goal, Report};
use crate::served::{CLOUD_ID, PARTNER, PERIOD, Served, subscription};
use crate::workload::{METERS, RECORDS_PER_BATCH, SERIES, Spread, Template};

/// Series that one buyer pays for.
const SERIES_OF_A_BUYER: usize = 14;
/// How many times as much the larger month is.
const LARGER: usize = 10;
/// How many times as long it may take to close.
const LARGER_AT_MOST: f64 = 12.0;
/// Rounds in which DuckDB totals a month.
const ROUNDS_OF_PEER: usize = 3;
/// Statements asked for one after the other.
const STATEMENTS: usize = 300;

/// Closes both months on each back end; says loudly if there is no DuckDB.
pub async fn run(report: &mut Report) {
    let peer = DuckDb::find();
    if let Err(missing) = &peer {
        println!("\nPEER MISSING: {missing}. What follows is not compared with anything.");
    }
    let peer = peer.ok();
    both(|| BackEnd::Embedded, peer.as_ref(), report).await;
    if let Some(server) = postgres_as("back end") {
        both(|| BackEnd::on(server.clone()), peer.as_ref(), report).await;
    }
}

async fn both(back_end: impl Fn() -> BackEnd, peer: Option<&DuckDb>, report: &mut Report) {
    let small = close(back_end(), SERIES, peer, report).await;
    let large = close(back_end(), SERIES * LARGER, peer, report).await;
    report.figure(
        "ratio to closing a tenth of it",
        large / small,
        (1, ""),
        Goal::AtMost(LARGER_AT_MOST),
    );
}

/// How long closing the month took, in seconds.
async fn close(back_end: BackEnd, series: usize, peer: Option<&DuckDb>, report: &mut Report) -> f64 {
    let buyers = series / SERIES_OF_A_BUYER;
    let spread = Spread {
        local_subscriptions: buyers,
        in_a_row: SERIES_OF_A_BUYER,
    };
    let month = crate::month();
    let records = shown((series as f64) * f64::from(month.hours()), 0);
    let served = reported(back_end, series, spread).await;
    let (asked, prices) = statements(&served, buyers).await;

    let started = Instant::now();
    let closed = served
        .operator
        .close_period(PERIOD, true)
        .await
        .expect("a closed month");
    let took = started.elapsed().as_secs_f64();
    let issued = closed.invoices.expect("it has invoices") as usize;
    // One of each buyer, and that of the partner who sells to them.
    assert_eq!(issued, buyers + 1, "everybody has an invoice");
    report.heading(format!(
        "Closing a month of {records} records of {buyers} buyers, {}",
        served.back_end.name(),
        buyers = shown(buyers as f64, 0),
    ));
    report.figure("from the request to the answer", took, (2, "s"), Goal::None);
    let memory = memory_max(served.process_id());
    report.figure(
        "the server's memory, most ever held",
        memory,
        (0, "MiB"),
        Goal::None,
    );
    tell(
        &format!("a statement before it, of {STATEMENTS}"),
        &asked,
        Goal::None,
        report,
    );
    let bought = Opening::of_buyer(PLATFORM, &served).await;
    bought.report("a line of what the partner buys, opened", Goal::None, report);
    let sold = Opening::of_buyer(PARTNER, &served).await;
    sold.report("a line of a buyer, opened", Goal::AtMost(OPENED_AT_MOST), report);
    let Some(peer) = peer else { return took };
    let totals = peer.totals(
        &Month {
            series,
            spread,
            first_hour: month.interval().start().epoch_hours(),
            hours: month.hours(),
            prices: &prices,
        },
        ROUNDS_OF_PEER,
    );
    let (lines, total) = billed(&served).await;
    assert_eq!(
        (totals.lines, totals.total.as_str()),
        (lines, total.as_str()),
        "DuckDB comes to the same"
    );
    let theirs = median(&totals.seconds);
    report.figure(
        "DuckDB, the same lines, median of 3",
        theirs,
        (2, "s"),
        Goal::None,
    );
    report.figure(
        "DuckDB's memory, most ever held",
        totals.mebibytes,
        (0, "MiB"),
        Goal::None,
    );
    report.figure(
        "DuckDB's time to ours",
        theirs / took,
        (2, ""),
        Goal::AtLeast(1.0),
    );
    took
}

/// A server that a month of usage was reported to.
pub async fn reported(back_end: BackEnd, series: usize, spread: Spread) -> Served {
    let served = Served::start_for(back_end, spread.local_subscriptions).await;
    let month = crate::month();
    let hours: Vec<Hour> = (0..month.hours())
        .map(|offset| month.interval().start().plus(offset))
        .collect();
    let firsts = (0..series).step_by(RECORDS_PER_BATCH);
    let templates: Arc<Vec<Template>> = Arc::new(firsts.map(|first| Template::new(first, spread)).collect());
    deliver(&served, &templates, hours).await;
    declare(&served, month.interval().end()).await;
    served
}

/// Says that the stack has reported everything up to here.
async fn declare(served: &Served, through: Hour) {
    let through = through.to_string();
    let delivery = Delivery {
        body: Bytes::from_static(b"{\"value\":[]}"),
        format: Format::Json,
        encoding: None,
        reported_start: None,
        reported_end: None,
        reported_through: Some(&through),
        idempotency_key: None,
        known_receipts: None,
    };
    let receipt = served.stack.deliver_usage(CLOUD_ID, delivery).await;
    receipt.expect("a receipt");
}

/// Asks for statements of one buyer after the other: how long each took, in milliseconds, and what a unit of each local
/// meter costs.
async fn statements(served: &Served, buyers: usize) -> (Vec<f64>, Vec<Price>) {
    let mut took = Vec::with_capacity(STATEMENTS);
    let mut prices = Vec::new();
    for number in 0..STATEMENTS {
        let started = Instant::now();
        // Buyers that are far from each other: 7,919 is a prime.
        let payer = subscription(number * 7_919 % buyers);
        let statement = served.operator.statement(&payer, PERIOD).await;
        took.push(started.elapsed().as_secs_f64() * 1_000.0);
        let lines = statement.expect("a statement").lines;
        prices = METERS.iter().map(|meter| price(meter, &lines)).collect();
    }
    (took, prices)
}

/// What a unit of a local meter costs; what is on no line is not charged.
fn price(local_meter: &str, lines: &[wire::api::Line]) -> Price {
    let of = |line: &&wire::api::Line| line.measured[0].local_meter_id.eq_ignore_ascii_case(local_meter);
    let charged = lines.iter().find(of).map(|line| {
        let measured = &line.measured[0];
        let alone = line.measured.len() == 1 && line.included_quantity == "0" && line.tiers.is_none();
        assert!(alone, "nothing but a price: {line:?}");
        Charged {
            meter: line.meter_id.clone(),
            factor: measured.factor.clone(),
            price: line.unit_price.clone().expect("a price"),
        }
    });
    Price {
        local_meter: local_meter.to_owned(),
        charged,
    }
}

/// How many lines the invoices of the buyers have, and what they come to.
async fn billed(served: &Served) -> (u64, String) {
    let of = InvoicesOf {
        period: Some(PERIOD),
        seller: Some(PARTNER),
        ..InvoicesOf::default()
    };
    let invoices = served.operator.invoices(of).await.expect("invoices");
    let cents = |total: &str| {
        total
            .replace('.', "")
            .parse::<i64>()
            .expect("a total with two digits")
    };
    let total: i64 = invoices.iter().map(|invoice| cents(&invoice.total)).sum();
    let lines = invoices.iter().map(|invoice| invoice.lines).sum();
    (lines, format!("{}.{:02}", total / 100, total % 100))
}
