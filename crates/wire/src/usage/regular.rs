//! The fast reader: records exactly as stacks write them.
//!
//! It takes members in any order and with white space between them, but no member it does not know, no escaped
//! character in a plain text and no shape of `instanceData` other than the usual. It never judges: what it does not
//! expect is left to [`super::careful`].
//!
//! `instanceData` is JSON written into a JSON string: `"{\"Microsoft.Resources\":{\"resourceUri\":\"/…\"}}"`. It is
//! read in that form, without undoing the outer escapes first, so that its texts can be borrowed from the body.

use std::borrow::Cow;

use domain::quantity::Quantity;
use domain::time::{Hour, HourInterval};
use domain::usage::{Granularity, UsageRecord};

use super::careful::text_over_limit;
use super::scanner::Scanner;

/// What the last record said, in quotation marks. Neighbours in a delivery mostly begin and end in the same hours, and
/// comparing a text is much cheaper than reading a time.
#[derive(Debug, Default)]
pub(super) struct Last<'a> {
    start: Option<(&'a str, Hour)>,
    end: Option<(&'a str, Hour)>,
}

#[derive(Clone, Copy)]
enum Member {
    SubscriptionId,
    UsageStartTime,
    UsageEndTime,
    InstanceData,
    Quantity,
    MeterId,
    Properties,
    /// A string that says nothing a record keeps.
    Unused,
}

/// The members of a usage aggregate, in the order in which stacks write them.
const AGGREGATE: [(&str, Member); 4] = [
    ("\"id\":", Member::Unused),
    ("\"name\":", Member::Unused),
    ("\"type\":", Member::Unused),
    ("\"properties\":", Member::Properties),
];

/// The members of its properties, likewise.
const PROPERTIES: [(&str, Member); 7] = [
    ("\"subscriptionId\":", Member::SubscriptionId),
    ("\"usageStartTime\":", Member::UsageStartTime),
    ("\"usageEndTime\":", Member::UsageEndTime),
    ("\"instanceData\":", Member::InstanceData),
    ("\"quantity\":", Member::Quantity),
    ("\"meterId\":", Member::MeterId),
    ("\"name\":", Member::Unused),
];

/// Takes a record.
#[inline]
pub(super) fn record<'a>(scanner: &mut Scanner<'a>, last: &mut Last<'a>) -> Option<UsageRecord<'a>> {
    let mut record = None;
    scanner.object(&AGGREGATE, |scanner, member| match member {
        Member::Properties => put(&mut record, properties(scanner, last)?),
        _ => scanner.string().map(drop),
    })?;
    record.filter(|record| text_over_limit(record).is_none())
}

/// Takes a value into its place; a member that occurs twice is not regular.
fn put<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

fn properties<'a>(scanner: &mut Scanner<'a>, last: &mut Last<'a>) -> Option<UsageRecord<'a>> {
    let (mut local_subscription, mut local_meter) = (None, None);
    let (mut start, mut end) = (None, None);
    let (mut instance, mut amount) = (None, None);
    scanner.object(&PROPERTIES, |scanner, member| match member {
        Member::SubscriptionId => put(&mut local_subscription, guid(scanner)?),
        Member::UsageStartTime => put(&mut start, hour(scanner, &mut last.start)?),
        Member::UsageEndTime => put(&mut end, hour(scanner, &mut last.end)?),
        Member::InstanceData => put(&mut instance, instance_data(scanner)?),
        Member::Quantity => put(&mut amount, quantity(scanner.number()?)?),
        Member::MeterId => put(&mut local_meter, guid(scanner)?),
        Member::Properties | Member::Unused => scanner.string().map(drop),
    })?;
    let start = start?;
    let Instance {
        resource_uri,
        location,
        tags,
        additional_info,
    } = instance?;
    Some(UsageRecord {
        local_subscription: local_subscription?,
        local_meter: local_meter?,
        resource_uri: resource_uri.filter(|uri| !uri.is_empty())?,
        location: location.unwrap_or_default(),
        tags: tags.unwrap_or_default(),
        additional_info: additional_info.unwrap_or_default(),
        start,
        granularity: Granularity::of(HourInterval::new(start, end?)?)?,
        quantity: amount?,
    })
}

fn guid<T: std::str::FromStr>(scanner: &mut Scanner<'_>) -> Option<T> {
    scanner.string()?.parse().ok()
}

fn hour<'a>(scanner: &mut Scanner<'a>, last: &mut Option<(&'a str, Hour)>) -> Option<Hour> {
    scanner.peek()?;
    if let Some((known, hour)) = last
        && scanner.literal(known).is_some()
    {
        return Some(*hour);
    }
    let (quoted, text) = scanner.value_read_by(Scanner::string)?;
    let hour = text?.parse().ok()?;
    *last = Some((quoted, hour));
    Some(hour)
}

/// Reads a number that JSON allows too: it knows no leading zeros. One below zero is left to the other reader.
fn quantity(number: &str) -> Option<Quantity> {
    match number.as_bytes() {
        [b'-', ..] | [b'0', b'0'..=b'9', ..] => None,
        _ => number.parse().ok(),
    }
}

#[derive(Clone, Copy)]
enum Attribute {
    ResourceUri,
    Location,
    Tags,
    AdditionalInfo,
}

/// The members of `Microsoft.Resources`, likewise.
const INSTANCE: [(&str, Attribute); 4] = [
    (r#"\"resourceUri\":"#, Attribute::ResourceUri),
    (r#"\"location\":"#, Attribute::Location),
    (r#"\"tags\":"#, Attribute::Tags),
    (r#"\"additionalInfo\":"#, Attribute::AdditionalInfo),
];

#[derive(Default)]
struct Instance<'a> {
    resource_uri: Option<Cow<'a, str>>,
    location: Option<Cow<'a, str>>,
    tags: Option<Cow<'a, str>>,
    additional_info: Option<Cow<'a, str>>,
}

fn instance_data<'a>(scanner: &mut Scanner<'a>) -> Option<Instance<'a>> {
    let mut instance = Instance::default();
    scanner.peek()?;
    scanner.literal(r#""{\"Microsoft.Resources\":{"#)?;
    let mut next = 0;
    loop {
        let place = match scanner.one_of(&INSTANCE, &mut next)? {
            Attribute::ResourceUri => &mut instance.resource_uri,
            Attribute::Location => &mut instance.location,
            Attribute::Tags => &mut instance.tags,
            Attribute::AdditionalInfo => &mut instance.additional_info,
        };
        put(place, embedded_string(scanner)?)?;
        if scanner.literal(",").is_none() {
            scanner.literal(r#"}}""#)?;
            return Some(instance);
        }
    }
}

/// Room for what stacks say of a virtual machine in `additionalInfo`.
const EMBEDDED_BYTES_USUAL: usize = 192;

/// Takes a string of the embedded JSON. It ends where a quotation mark is escaped once; what is escaped twice belongs
/// to its content.
fn embedded_string<'a>(scanner: &mut Scanner<'a>) -> Option<Cow<'a, str>> {
    scanner.literal(r#"\""#)?;
    let run = scanner.run();
    if scanner.literal(r#"\""#).is_some() {
        return Some(Cow::Borrowed(run));
    }
    let mut content = String::with_capacity(EMBEDDED_BYTES_USUAL);
    content.push_str(run);
    loop {
        if scanner.literal(r#"\\\""#).is_some() {
            content.push('"');
        } else {
            scanner.literal(r"\\\\")?;
            content.push('\\');
        }
        content.push_str(scanner.run());
        if scanner.literal(r#"\""#).is_some() {
            return Some(Cow::Owned(content));
        }
    }
}
