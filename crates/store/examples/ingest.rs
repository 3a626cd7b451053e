//! Measures the usage ledger on a seeded month: how fast records come in (durable, de-duplicated, totals kept) and
//! how fast bills' sums come out.
//!
//! `cargo run --release -p store --example ingest -- [postgres] [copy] [HOURS] [DELIVERERS] [LOCAL_SUBSCRIPTIONS]
//! [SERIES_OF_EACH] [RECORDS_PER_BATCH]`
//!
//! With `postgres` on a private PostgreSQL server, with its defaults but for larger shared buffers and log. With `copy` what
//! was taken in is then copied to the other back end, and back.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::ids::{BatchId, CloudId, LocalMeterId, LocalSubscriptionId};
use domain::quantity::Quantity;
use domain::time::{Hour, HourInterval, Timestamp};
use domain::usage::{Granularity, UsageRecord};
use private_postgres::PrivatePostgres;
use store::{
    Appended, Batch, CopyStep, DeliveredRecord, LocalSubscriptionKey, ReportedWindow, Slice, StoreConfig,
    UsageLedger,
};

const FIRST_HOUR: i32 = 497_304; // 2026-09-25T00:00Z
const METERS: u8 = 12;

static BATCHES: AtomicUsize = AtomicUsize::new(0);

struct Series {
    local_subscription: LocalSubscriptionId,
    local_meter: LocalMeterId,
    resource_uri: String,
    additional_info: String,
}

fn id(kind: u8, number: usize) -> [u8; 16] {
    let mut bytes = [kind; 16];
    bytes[..8].copy_from_slice(&(number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes
}

fn series(subscriptions: usize, of_each: usize) -> Vec<Series> {
    let one = |number: usize| {
        let local_subscription = LocalSubscriptionId::from_bytes(id(1, number / of_each));
        Series {
            local_subscription,
            local_meter: LocalMeterId::from_bytes(id(2, number % usize::from(METERS))),
            resource_uri: format!(
                "/subscriptions/{local_subscription}/resourceGroups/production-{:04}/providers/Microsoft.Compute/\
                 virtualMachines/application-server-{number:08}/extensions/MonitoringAgent",
                number % 40
            ),
            additional_info: format!(
                r#"{{"ServiceType":"Standard_D{}_v2","ImageType":"Canonical","VMProperties":{{"cores":4,"disk":"Premium_LRS"}}}}"#,
                number % 9
            ),
        }
    };
    (0..subscriptions * of_each).map(one).collect()
}

fn quantity(number: usize, hour: Hour) -> Quantity {
    let noise =
        (number as u128 + 1) * 6_364_136_223_846_793_005 * u128::from(hour.epoch_hours().unsigned_abs());
    let measured = Quantity::new(noise % 100_000_000_000_000_000, 15).unwrap_or(Quantity::ZERO);
    if number.is_multiple_of(3) {
        Quantity::ONE
    } else {
        measured
    }
}

/// One delivery: the records of some series for one hour.
fn delivery(series: &[Series], first: usize, per_batch: usize, hour: Hour) -> Vec<DeliveredRecord<'_>> {
    let part = &series[first..series.len().min(first + per_batch)];
    (0u32..)
        .zip(part)
        .map(|(index, it)| DeliveredRecord {
            index,
            record: UsageRecord {
                local_subscription: it.local_subscription,
                local_meter: it.local_meter,
                resource_uri: Cow::Borrowed(&it.resource_uri),
                location: Cow::Borrowed("northwest"),
                tags: Cow::Borrowed(""),
                additional_info: Cow::Borrowed(&it.additional_info),
                start: hour,
                granularity: Granularity::Hour,
                quantity: quantity(first + index as usize, hour),
            },
        })
        .collect()
}

/// Delivers hour after hour, `deliverers` batches at a time; returns the time that took.
async fn deliver(
    usage: &Arc<dyn UsageLedger>,
    series: &Arc<Vec<Series>>,
    hours: std::ops::Range<i32>,
    (deliverers, per_batch): (usize, usize),
) -> Result<Duration, Box<dyn Error + Send + Sync>> {
    let per_hour = series.len().div_ceil(per_batch) as u32;
    let next = Arc::new(AtomicU32::new(0));
    let total = hours.len() as u32 * per_hour;
    let start = Instant::now();
    let tasks: Vec<_> = (0..deliverers)
        .map(|_| {
            let (usage, series, next, first_hour) = (
                Arc::clone(usage),
                Arc::clone(series),
                Arc::clone(&next),
                hours.start,
            );
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= total {
                        return Ok::<_, store::StoreError>(());
                    }
                    let hour = Hour::MIN.plus(first_hour + (number / per_hour) as i32);
                    let first = (number % per_hour) as usize * per_batch;
                    let records = delivery(&series, first, per_batch, hour);
                    let batch = Batch {
                        id: BatchId::from_bytes(id(5, BATCHES.fetch_add(1, Ordering::Relaxed))),
                        stack: CloudId::from_bytes(id(4, 0)),
                        received_at: Timestamp::UNIX_EPOCH,
                        window: ReportedWindow {
                            start: hour,
                            end: None,
                            through: None,
                        },
                        idempotency_key: None,
                        known_receipts: &[],
                        digest: [0; 32],
                        records: &records,
                        quarantined: &[],
                        raw: &|_| String::new(),
                    };
                    assert!(matches!(usage.append(batch).await?, Appended::New(_)));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(start.elapsed())
}

/// Where it is stored.
enum Place {
    Sqlite(tempfile::TempDir),
    Postgres(PrivatePostgres),
}

impl Place {
    fn new(postgres: bool) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(if postgres {
            Self::Postgres(PrivatePostgres::start(&[
                "shared_buffers=512MB",
                "max_wal_size=8GB",
            ])?)
        } else {
            Self::Sqlite(tempfile::tempdir_in(".")?)
        })
    }

    fn config(&self) -> Result<StoreConfig, Box<dyn Error + Send + Sync>> {
        Ok(match self {
            Self::Sqlite(directory) => StoreConfig::Sqlite {
                directory: directory.path().to_owned(),
            },
            Self::Postgres(server) => StoreConfig::Postgres(server.url("postgres").parse()?),
        })
    }

    fn bytes(&self) -> Result<u64, Box<dyn Error + Send + Sync>> {
        match self {
            Self::Sqlite(directory) => {
                let files = std::fs::read_dir(directory.path())?.flatten();
                Ok(files.filter_map(|it| it.metadata().ok()).map(|it| it.len()).sum())
            }
            Self::Postgres(server) => {
                let relations = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class
                                 WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
                Ok(server.execute("postgres", relations)?.trim().parse()?)
            }
        }
    }
}

/// Copies a store, and tells how long each part of that took.
#[expect(clippy::print_stdout, reason = "it reports what it measured")]
fn copy(from: &Place, to: &Place) -> Result<(), Box<dyn Error + Send + Sync>> {
    let start = Instant::now();
    let mut since = start;
    let mut parts = Vec::new();
    let copied = store::copy(&from.config()?, &to.config()?, &mut |step| {
        if let CopyStep::Begins { what, .. } = step {
            parts.push(format!("{:.1?}, {what}", since.elapsed()));
            since = Instant::now();
        }
    })?;
    println!(
        "copied {} records in {:.1?}: opening {} {:.1?}; {}",
        copied.records,
        start.elapsed(),
        parts.join(" "),
        since.elapsed(),
        process("/proc/self/status", "VmHWM")
    );
    Ok(())
}

fn process(file: &str, line: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .find(|it| it.starts_with(line))
        .unwrap_or_default()
        .to_owned()
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it reports what it measured")]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse::<usize>().ok());
    let hours = arguments.next().unwrap_or(744) as i32;
    let deliverers = arguments.next().unwrap_or(8);
    let subscriptions = arguments.next().unwrap_or(200);
    let of_each = arguments.next().unwrap_or(65);
    let how = (deliverers, arguments.next().unwrap_or(1000));
    let series = Arc::new(series(subscriptions, of_each));
    let said = |word: &str| std::env::args().any(|argument| argument == word);
    let place = Place::new(said("postgres"))?;
    let store = store::open(&place.config()?)?;

    let days = FIRST_HOUR..FIRST_HOUR + hours;
    let first = deliver(&store.usage, &series, days.start..days.start + 1, how).await?;
    println!(
        "first sight: {:.0} records/s",
        series.len() as f64 / first.as_secs_f64()
    );
    let rest = deliver(&store.usage, &series, days.start + 1..days.end, how).await?;
    let records = series.len() * (hours as usize - 1);
    println!(
        "known series: {records} records in {rest:.1?}: {:.0} records/s",
        records as f64 / rest.as_secs_f64()
    );
    println!("{}", process("/proc/self/io", "write_bytes"));
    let again = deliver(&store.usage, &series, days.start..days.start + 24, how).await;
    println!("again, 24 hours: {again:.1?}");
    println!(
        "{:.1} bytes/record, {}",
        place.bytes()? as f64 / (records + series.len()) as f64,
        process("/proc/self/status", "VmHWM")
    );

    let interval =
        HourInterval::new(Hour::MIN.plus(days.start), Hour::MIN.plus(days.end)).ok_or("no hours")?;
    let start = Instant::now();
    let all = store.usage.local_subscriptions(None, interval).await?;
    println!(
        "{} local subscriptions found in {:.1?}",
        all.len(),
        start.elapsed()
    );
    let slice = |of: &LocalSubscriptionKey, interval| Slice { of: *of, interval };
    let cut = HourInterval::new(interval.start().plus(7), interval.end().plus(-5)).ok_or("no hours")?;
    for (name, interval) in [("whole days", interval), ("cut days", cut)] {
        let mut times = Vec::new();
        for of in all.iter().cycle().take(1000) {
            let start = Instant::now();
            store.usage.sums(&[slice(of, interval)]).await?;
            times.push(start.elapsed());
        }
        times.sort();
        println!(
            "one of them, {name}: median {:.2?}, p99 {:.2?}",
            times[500], times[990]
        );
        let start = Instant::now();
        let slices: Vec<Slice> = all.iter().map(|of| slice(of, interval)).collect();
        let sums = store.usage.sums(&slices).await?;
        println!(
            "all of them, {name}: {} sums in {:.1?}",
            sums.len(),
            start.elapsed()
        );
    }
    let start = Instant::now();
    let page = store.usage.records(slice(&all[0], interval), None, 1000).await?;
    println!("page of {} records in {:.2?}", page.len(), start.elapsed());
    let stack = CloudId::from_bytes(id(4, 0));
    let start = Instant::now();
    let by_hour = store.usage.records_by_hour(stack, interval).await?;
    println!(
        "records of each hour of {} days in {:.2?}",
        by_hour.days().count(),
        start.elapsed()
    );
    let start = Instant::now();
    let silence = store.usage.silence(stack, cut.end(), 100).await?;
    println!("{} silent series in {:.2?}", silence.total(), start.elapsed());
    let start = Instant::now();
    let audit = store.usage.audit(interval, Box::new(|_| Vec::new())).await?;
    println!(
        "audit: {:?} {:?} in {:.1?}; {}",
        audit.problems,
        audit.counts,
        start.elapsed(),
        process("/proc/self/status", "VmHWM")
    );
    drop(store);
    if said("copy") {
        let (other, back) = (Place::new(!said("postgres"))?, Place::new(said("postgres"))?);
        copy(&place, &other)?;
        copy(&other, &back)?;
    }
    Ok(())
}
