//! Opening lines of invoices, one level at a time, down to the records: as somebody does who asks where an amount is from.

use std::time::Instant;

use client::InvoicesOf;

use crate::back_end::{BackEnd, postgres_as};
use crate::closing::reported;
use crate::figures::{percentile, shown};
use crate::report::{Goal, Report};
use crate::served::{PARTNER, PERIOD, Served};
use crate::workload::{METERS, SERIES, Spread};

/// The most milliseconds that opening a part of a line may take.
pub const OPENED_AT_MOST: f64 = 100.0;
/// The seller above all others.
pub const PLATFORM: &str = "platform";
/// How often a line is opened, down to the records.
const ROUNDS: usize = 100;
/// The levels of a line, from the top.
const LEVELS: [&str; 5] = ["line", "share", "stretch of hours", "day", "resource"];
/// Few subscriptions for all series: so many that a line has a million records.
const FEW: Spread = Spread {
    local_subscriptions: 3,
    in_a_row: 5_600,
};

/// Opens lines of a million records on each back end.
pub async fn run(report: &mut Report) {
    of_a_million(BackEnd::Embedded, report).await;
    if let Some(server) = postgres_as("back end") {
        of_a_million(BackEnd::on(server), report).await;
    }
}

async fn of_a_million(back_end: BackEnd, report: &mut Report) {
    let served = reported(back_end, SERIES, FEW).await;
    let closed = served.operator.close_period(PERIOD, true).await;
    closed.expect("a closed month");
    let records = FEW.in_a_row / METERS.len() * usize::try_from(crate::month().hours()).expect("hours");
    report.heading(format!(
        "Opening a line of {} records, {}",
        shown(records as f64, 0),
        served.back_end.name()
    ));
    let opening = Opening::of_buyer(PARTNER, &served).await;
    opening.report("a part of it", Goal::AtMost(OPENED_AT_MOST), report);
}

/// How long opening parts of lines took, in milliseconds.
pub struct Opening {
    of_levels: [Vec<f64>; LEVELS.len()],
}

impl Opening {
    /// Opens the lines of the first invoice of a seller, each time the next one, down to the records.
    pub async fn of_buyer(seller: &str, served: &Served) -> Self {
        let of = InvoicesOf {
            period: Some(PERIOD),
            seller: Some(seller),
            ..InvoicesOf::default()
        };
        let invoices = served.operator.invoices(of).await.expect("invoices");
        let mut lines = Vec::new();
        for invoice in invoices.iter().take(1) {
            let invoice = served
                .operator
                .invoice(&invoice.number)
                .await
                .expect("an invoice");
            lines.extend(invoice.lines.into_iter().map(|line| line.id));
        }
        assert!(!lines.is_empty(), "something was sold by {seller}");
        let mut opening = Self {
            of_levels: LEVELS.map(|_| Vec::new()),
        };
        for round in 0..ROUNDS {
            opening.down(served, &lines[round % lines.len()], round).await;
        }
        opening
    }

    async fn down(&mut self, served: &Served, line: &str, round: usize) {
        let mut open = None;
        for took in &mut self.of_levels {
            let started = Instant::now();
            let explained = served.operator.explain_line(line, open.as_deref(), 0).await;
            took.push(started.elapsed().as_secs_f64() * 1_000.0);
            let parts = explained.expect("an explained line").parts;
            assert!(!parts.is_empty(), "{line} is made of usage");
            open = parts[round % parts.len()].open.clone();
        }
        assert_eq!(open, None, "these are records");
    }

    /// Tells it, of all levels and of each.
    pub fn report(&self, name: &str, goal: Goal, report: &mut Report) {
        tell(name, &self.of_levels.concat(), goal, report);
        for (level, took) in LEVELS.iter().zip(&self.of_levels) {
            let name = format!("of these, a {level}, 99th percentile");
            report.figure(&name, percentile(took, 0.99), (2, "ms"), Goal::None);
        }
    }
}

/// How long answers took, in milliseconds.
pub fn tell(name: &str, took: &[f64], goal: Goal, report: &mut Report) {
    let half = format!("{name}, median");
    report.figure(&half, percentile(took, 0.50), (2, "ms"), Goal::None);
    report.figure(
        &format!("{name}, 99th percentile"),
        percentile(took, 0.99),
        (2, "ms"),
        goal,
    );
}
