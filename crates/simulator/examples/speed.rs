//! How fast a stack reports: `cargo run --release -p simulator --example speed [RECORDS]`.
#![expect(clippy::print_stdout, reason = "what it measures is for people to read")]

use std::error::Error;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use domain::time::HourInterval;
use simulator::{Faults, Stack, StackSpec, TenantSpec};

fn main() -> Result<(), Box<dyn Error>> {
    let records_min = std::env::args()
        .nth(1)
        .map_or(Ok(1_000_000), |records| records.parse())?;
    let tenants = (1..=6).map(|number| {
        let id = format!("3f1a7a0e-9a52-4f58-8a51-0c7d1b6f2e{number:02}").parse()?;
        Ok(TenantSpec {
            id,
            domain: format!("tenant{number}.example"),
            local_subscriptions: 4,
        })
    });
    let spec = StackSpec {
        seed: 1,
        cloud_id: "0c9e0b47-36a7-4c4e-9d6b-2f8a5f6f8a11".parse()?,
        region: "north".to_owned(),
        month: "2026-10".parse()?,
        tenants: tenants.collect::<Result<_, Box<dyn Error>>>()?,
        records_min,
        hours_apart: NonZeroU16::MIN,
        faults: Faults::usual(),
    };

    let (stack, took) = timed(|| Stack::new(spec));
    let stack = stack?;
    println!("made in {took:.2?}");

    let (expected, took) = timed(|| stack.expected());
    println!("{expected:?}\nforetold in {took:.2?}");

    let reported = stack.reported_interval();
    let ((records, bytes), took) = timed(|| {
        let windows = (0..reported.hours()).map(|hours| reported.start().plus(hours));
        let windows = windows.filter_map(|start| HourInterval::new(start, start.plus(1)));
        let pages = windows.flat_map(|window| stack.reported_pages(window, 1000));
        pages.fold((0, 0), |(records, bytes), page| {
            (records + page.records, bytes + page.body.len())
        })
    });
    println!(
        "{records} records of {} bytes reported in {took:.2?}: {}/s",
        bytes / records,
        rate(records, took)
    );

    let (records, took) = timed(|| stack.truth(HourInterval::ALWAYS).count());
    println!("{records} true records in {took:.2?}: {}/s", rate(records, took));

    let (sums, took) = timed(|| stack.true_sums(HourInterval::ALWAYS).len());
    println!("{sums} sums in {took:.2?}: {}/s", rate(records, took));
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

/// Records in a second.
fn rate(records: usize, took: Duration) -> u128 {
    records as u128 * 1_000_000 / took.as_micros().max(1)
}
