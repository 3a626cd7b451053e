//! How fast deliveries are read: `cargo run --release -p wire --example parse [FILE]`.
//!
//! Without a file it makes records like those of a real stack. Each line is the best of several runs; the last is a
//! yardstick: the same work done with derived types alone, which is what the fast reader has to be worth it against.
#![expect(clippy::print_stdout, reason = "an example that reports what it measured")]

use std::borrow::Cow;
use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use domain::ids::{LocalMeterId, LocalSubscriptionId};
use domain::quantity::Quantity;
use domain::time::Hour;
use serde::Deserialize;
use serde_json::value::RawValue;
use wire::usage::{Format, parse_delivery};

const RECORDS: u32 = 2_000;
const RUNS: u32 = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let page = match std::env::args().nth(1) {
        Some(file) => std::fs::read_to_string(file)?,
        None => made_page(RECORDS),
    };
    let inside = page
        .strip_prefix("{\"value\":[")
        .and_then(|rest| rest.strip_suffix("]}"))
        .unwrap_or("");
    let lines = inside.replace("}},{\"id\"", "}}\n{\"id\"");
    let records = parse_delivery(page.as_bytes(), Format::Json)?.records.len();
    println!(
        "{records} records of {} bytes on average",
        page.len() / records.max(1)
    );
    measure("JSON", records, &page, |body| {
        parse_delivery(body, Format::Json).map_or(0, |it| it.records.len())
    });
    measure("NDJSON", records, &lines, |body| {
        parse_delivery(body, Format::Ndjson).map_or(0, |it| it.records.len())
    });
    // A member that no stack sends, so that every record is left to the careful reader.
    let unusual = page.replace("\"properties\":", "\"tag\":0,\"properties\":");
    measure("careful", records, &unusual, |body| {
        parse_delivery(body, Format::Json).map_or(0, |it| it.records.len())
    });
    measure("derived", records, &page, |body| {
        derived(body).map_or(0, |it| it.len())
    });
    Ok(())
}

fn measure(name: &str, records: usize, body: &str, mut parse: impl FnMut(&[u8]) -> usize) {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let started = Instant::now();
        let read = black_box(parse(black_box(body.as_bytes())));
        best = best.min(started.elapsed());
        assert_eq!(read, records, "{name} did not read every record");
    }
    let nanos = best.as_nanos().max(1);
    let per_second = records as u128 * 1_000_000_000 / nanos;
    let megabytes = body.len() as u128 * 1_000 / nanos;
    println!("{name:8} {per_second:>9} records/s {megabytes:>6} MB/s");
}

/// A page of records like those of a real stack: three in four about storage, the others about virtual machines.
fn made_page(records: u32) -> String {
    let mut page = String::from("{\"value\":[");
    for index in 0..records {
        let id = |salt: u32| {
            let bits = u64::from(index / 2 + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            format!(
                "{:08x}-{:04x}-4b9c-8000-{:012x}",
                bits as u32,
                bits as u16,
                bits >> 16
            )
        };
        let (subscription, resource, machine) = (id(1), id(7), index % 4 == 3);
        let (meter, kind, tags, info, quantity) = if machine {
            (
                "9cd92d4c-bafd-4492-b278-bedc2de8232a",
                "Microsoft.Compute/virtualMachines",
                r"null",
                r#"{\\\"ServiceType\\\":\\\"Standard_F2s\\\",\\\"ImageType\\\":null,\\\"Publisher\\\":\\\"MicrosoftWindowsServer\\\",\\\"Offer\\\":\\\"WindowsServer\\\",\\\"Sku\\\":\\\"2016-Datacenter\\\"}"#,
                "2.0".to_owned(),
            )
        } else {
            (
                "B5C15376-6C94-4FDD-B655-1A69D138ACA3",
                "Microsoft.Storage/storageAccounts",
                "",
                "",
                format!("16.4614258995{index:05}"),
            )
        };
        let start = 17 + index / 700;
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(
            page,
            "{comma}{{\"id\":\"/subscriptions/39c82aed-b2b7-4a66-abdb-611de00bf11e/providers/Microsoft.Commerce/\
             UsageAggregate/{subscription}-{meter}\",\"name\":\"{subscription}-{meter}\",\
             \"type\":\"Microsoft.Commerce/UsageAggregate\",\"properties\":{{\"subscriptionId\":\"{subscription}\",\
             \"usageStartTime\":\"2019-12-10T{start}:00:00+00:00\",\"usageEndTime\":\"2019-12-10T{}:00:00+00:00\",\
             \"instanceData\":\"{{\\\"Microsoft.Resources\\\":{{\\\"resourceUri\\\":\\\"/subscriptions/{subscription}/\
             resourceGroups/{resource}/providers/{kind}/{index:x}\\\",\\\"location\\\":\\\"northwest\\\",\
             \\\"tags\\\":\\\"{tags}\\\",\\\"additionalInfo\\\":\\\"{info}\\\"}}}}\",\"quantity\":{quantity},\
             \"meterId\":\"{meter}\",\"name\":\"{subscription}-{meter}\"}}}}",
            start + 1,
        );
    }
    page.push_str("]}");
    page
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    value: Vec<Aggregate<'a>>,
}

#[derive(Deserialize)]
struct Aggregate<'a> {
    #[serde(borrow)]
    properties: Properties<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    subscription_id: &'a str,
    usage_start_time: &'a str,
    usage_end_time: &'a str,
    #[serde(borrow)]
    instance_data: Cow<'a, str>,
    #[serde(borrow)]
    quantity: &'a RawValue,
    meter_id: &'a str,
}

#[derive(Deserialize)]
struct InstanceData {
    #[serde(rename = "Microsoft.Resources")]
    resources: Resources,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resources {
    resource_uri: String,
    location: String,
    tags: String,
    additional_info: String,
}

type Derived = (
    LocalSubscriptionId,
    LocalMeterId,
    Hour,
    Hour,
    Quantity,
    [String; 4],
);

fn derived(body: &[u8]) -> Result<Vec<Derived>, Box<dyn Error>> {
    let page: Page<'_> = serde_json::from_slice(body)?;
    let mut last = [("", Hour::MIN), ("", Hour::MIN)];
    let mut hour = |index: usize, text| {
        if last[index].0 != text {
            last[index] = (text, text.parse()?);
        }
        Ok::<Hour, Box<dyn Error>>(last[index].1)
    };
    page.value
        .into_iter()
        .map(|Aggregate { properties: it }| {
            let InstanceData { resources } = serde_json::from_str(&it.instance_data)?;
            let Resources {
                resource_uri,
                location,
                tags,
                additional_info,
            } = resources;
            Ok((
                it.subscription_id.parse()?,
                it.meter_id.parse()?,
                hour(0, it.usage_start_time)?,
                hour(1, it.usage_end_time)?,
                it.quantity.get().parse()?,
                [resource_uri, location, tags, additional_info],
            ))
        })
        .collect()
}
