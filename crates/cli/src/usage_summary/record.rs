//! A line as the usage record that the provider usage API returned.

use domain::ids::{LocalMeterId, LocalSubscriptionId};
use domain::quantity::Quantity;
use domain::time::{Hour, Timestamp};
use domain::usage::{Granularity, QuarantineCode};
use serde::Serialize;
use serde_json::value::RawValue;
use wire::usage::{Format, parse_delivery};

use super::Understanding;
use super::columns::{Column, Header};
use super::quantities::with_point;
use super::rejection::Rejection;
use super::rows::Row;
use super::times::{Written, is_interval, is_midnight};

/// Where the local subscription stands in a resource URI, if its parts are counted from 0.
const SUBSCRIPTION_PART: usize = 2;
const SECONDS_PER_DAY: i64 = 24 * 3600;

/// What a message about a member is about in the file.
const COLUMN_OF_MEMBER: [(&str, &str); 6] = [
    ("properties.subscriptionId", "subscription"),
    ("properties.usageStartTime", "UsageStartTime"),
    ("properties.usageEndTime", "UsageEndTime"),
    ("properties.meterId", "MeterId"),
    ("properties.quantity", "Quantity"),
    (" in properties.instanceData", ""),
];

/// What is wrong with times that could be read.
const OF_TIMES: [&str; 2] = [
    QuarantineCode::InvalidUsageTime.as_str(),
    QuarantineCode::InvalidUsageInterval.as_str(),
];

/// A record of a summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The line that it begins in, from 1.
    pub(crate) line: u64,
    /// The record as the provider usage API writes it: a line of a delivery, without its end.
    pub(crate) delivered: Vec<u8>,
    pub(crate) local_subscription: LocalSubscriptionId,
    pub(crate) local_meter: LocalMeterId,
    /// What the script calls the meter; nothing if it does not know it.
    pub(crate) meter_name: String,
    pub(crate) start: Hour,
    pub(crate) granularity: Granularity,
    pub(crate) quantity: Quantity,
}

/// A usage aggregate with its quantity as it is written: [`wire::usage::UsageAggregate`] holds a number.
#[derive(Serialize)]
struct Aggregate<'a> {
    properties: Properties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    subscription_id: &'a str,
    usage_start_time: String,
    usage_end_time: String,
    instance_data: String,
    quantity: &'a RawValue,
    meter_id: &'a str,
}

#[derive(Serialize)]
struct InstanceData<'a> {
    #[serde(rename = "Microsoft.Resources")]
    resources: Resources<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resources<'a> {
    resource_uri: &'a str,
    location: &'a str,
    tags: &'a str,
    additional_info: &'a str,
}

impl Record {
    /// Reads a line that has all fields.
    pub(super) fn of(row: &Row, header: &Header, written: &Understanding) -> Result<Self, Rejection> {
        let field = |column| row.fields.get(header.place(column));
        let resource_uri = field(Column::ResourceUri);
        let subscription = field(Column::Subscription).trim();
        check_subscription(subscription, resource_uri)?;
        let [from, to] = [Column::UsageStartTime, Column::UsageEndTime].map(field);
        let (start, end) = times(from, to, written)?;
        // Whoever mends the line looks for what stands there, and not for what it was converted to.
        let as_written = |why: Rejection| Rejection {
            reason: format!(
                "{}. The line says {from:?} to {to:?}, which was read as {start} to {end}",
                why.reason
            ),
            ..why
        };
        check_zone(start, end).map_err(as_written)?;
        let quantity = quantity(field(Column::Quantity), written)?;
        let instance_data = InstanceData {
            resources: Resources {
                resource_uri,
                location: field(Column::Location),
                tags: field(Column::Tags),
                additional_info: field(Column::AdditionalInfo),
            },
        };
        let unwritable = |error: serde_json::Error| Rejection::new("MalformedRecord", error.to_string());
        let aggregate = Aggregate {
            properties: Properties {
                subscription_id: subscription,
                usage_start_time: start.to_string(),
                usage_end_time: end.to_string(),
                instance_data: serde_json::to_string(&instance_data).map_err(unwritable)?,
                quantity: &quantity,
                meter_id: field(Column::MeterId).trim(),
            },
        };
        let delivered = serde_json::to_vec(&aggregate).map_err(unwritable)?;
        let judged = Self::judged(row.line, delivered, field(Column::MeterName).trim());
        judged.map_err(|why| {
            if OF_TIMES.contains(&why.code) {
                as_written(why)
            } else {
                why
            }
        })
    }

    /// What the server reads in the record: it judges in the same way.
    fn judged(line: u64, delivered: Vec<u8>, meter_name: &str) -> Result<Self, Rejection> {
        let no_record = |reason: String| Rejection::new("MalformedRecord", reason);
        let read =
            parse_delivery(&delivered, Format::Ndjson).map_err(|error| no_record(error.to_string()))?;
        if let Some(bad) = read.quarantined.first() {
            let reason = COLUMN_OF_MEMBER
                .iter()
                .fold(bad.message.clone(), |text, (member, column)| {
                    text.replace(member, column)
                });
            return Err(Rejection::new(bad.code.as_str(), reason));
        }
        let Some(indexed) = read.records.first() else {
            return Err(no_record("the line holds no record".to_owned()));
        };
        let record = &indexed.record;
        let (local_subscription, local_meter) = (record.local_subscription, record.local_meter);
        let (start, granularity, quantity) = (record.start, record.granularity, record.quantity);
        Ok(Self {
            line,
            meter_name: meter_name.to_owned(),
            local_subscription,
            local_meter,
            start,
            granularity,
            quantity,
            delivered,
        })
    }
}

/// Whether the subscription is the resource's. Where the API names no resource, the script repeats the subscription of
/// the line before.
fn check_subscription(subscription: &str, resource_uri: &str) -> Result<(), Rejection> {
    if resource_uri.trim().is_empty() {
        return Err(Rejection::new(
            "NoResource",
            "resourceUri is empty: expected the path of a resource. The script repeats the subscription of the line \
             before where it is told no resource, so subscription cannot be relied on",
        ));
    }
    let named = resource_uri.split('/').nth(SUBSCRIPTION_PART).unwrap_or_default();
    if named.eq_ignore_ascii_case(subscription) {
        return Ok(());
    }
    Err(Rejection::new(
        "SubscriptionMismatch",
        format!("subscription is {subscription}, and resourceUri is of {named}: expected the same in both"),
    ))
}

/// When a line's usage begins and ends. Of the two instants that a time may be where clocks are put back, it is the one that
/// makes an hour or a day of the line.
fn times(start: &str, end: &str, written: &Understanding) -> Result<(Timestamp, Timestamp), Rejection> {
    let (first_start, other_start) = time("UsageStartTime", start, written)?;
    let (first_end, other_end) = time("UsageEndTime", end, written)?;
    let starts = [Some(first_start), other_start];
    let pairs = starts
        .into_iter()
        .flat_map(|start| [(start, Some(first_end)), (start, other_end)]);
    let fitting = pairs
        .filter(|(start, end)| is_interval(*start, *end))
        .find_map(|(start, end)| start.zip(end));
    Ok(fitting.unwrap_or((first_start, first_end)))
}

/// The instant that a time is, and the other one that it may be.
fn time(
    column: &str,
    text: &str,
    written: &Understanding,
) -> Result<(Timestamp, Option<Timestamp>), Rejection> {
    let order = written.dates.order();
    let read = Written::of(text).and_then(|time| time.read_in(order, written.time_zone.zone()));
    let [first, other] = read.ok_or_else(|| {
        let example = match order {
            None => "2026-10-31 13:00:00",
            Some(super::DateOrder::DayFirst) => "31/10/2026 13:00:00",
            Some(super::DateOrder::MonthFirst) => "10/31/2026 1:00:00 PM",
        };
        Rejection::new(
            "InvalidUsageTime",
            format!("{column} is {text:?}: expected a time such as {example}"),
        )
    })?;
    let first = first.ok_or_else(|| {
        let zone = written.time_zone.given().map(ToString::to_string).unwrap_or_default();
        Rejection::new(
            "NoSuchLocalTime",
            format!(
                "{column} is {text:?}: expected a time that clocks showed in {zone}, where they were put forward over this one"
            ),
        )
    })?;
    Ok((first, other))
}

/// A day of the API is one of UTC. A day that begins at another hour was written in another zone.
fn check_zone(start: Timestamp, end: Timestamp) -> Result<(), Rejection> {
    let is_day = end.as_second() - start.as_second() == SECONDS_PER_DAY;
    if !is_day || is_midnight(start) {
        return Ok(());
    }
    Err(Rejection::new(
        "DayNotUtc",
        format!(
            "the day begins at {start}: expected midnight UTC. Say in which zone the file was written with --time-zone; where \
             clocks were put forward or back meanwhile, by a name such as Europe/Berlin"
        ),
    ))
}

fn quantity(text: &str, written: &Understanding) -> Result<Box<RawValue>, Rejection> {
    let number = with_point(text, written.decimal_mark)
        .filter(|number| number.starts_with(|first: char| first == '-' || first.is_ascii_digit()))
        .and_then(|number| RawValue::from_string(number).ok());
    number.ok_or_else(|| {
        let example = match written.decimal_mark {
            super::DecimalMark::Point => "16.461425899527967",
            super::DecimalMark::Comma => "16,461425899527967",
        };
        Rejection::new(
            "InvalidQuantity",
            format!("Quantity is {text:?}: expected a decimal number such as {example}, without separated thousands"),
        )
    })
}
