//! The careful reader: whatever the contract allows, and the reason for everything else.

use std::borrow::Cow;

use domain::quantity::{InvalidQuantity, Quantity};
use domain::resource_id::RESOURCE_URI_BYTES_MAX;
use domain::time::{Hour, HourInterval};
use domain::usage::{ATTRIBUTE_BYTES_MAX, Granularity, LOCATION_BYTES_MAX, QuarantineCode, UsageRecord};
use serde_json::value::RawValue;

use super::members::Members;

/// The most characters of a value that are repeated in a message about it.
const EXCERPT_CHARS_MAX: usize = 80;

/// Why a record cannot be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// A stable code.
    pub code: QuarantineCode,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Defect {
    pub(super) fn malformed(message: String) -> Self {
        Self {
            code: QuarantineCode::MalformedRecord,
            message,
        }
    }

    /// A member that is not what it should be.
    fn of(code: QuarantineCode, member: &str, value: &RawValue, expected: impl std::fmt::Display) -> Self {
        let mut given = value.get().to_owned();
        if let Some((end, _)) = given.char_indices().nth(EXCERPT_CHARS_MAX) {
            given.truncate(end);
            given.push('…');
        }
        Self {
            code,
            message: format!("{member} is {given}: {expected}"),
        }
    }
}

/// Reads a record from its text.
pub(super) fn record(text: &str) -> Result<UsageRecord<'_>, Defect> {
    let aggregate = Object::parse(text, "")
        .map_err(|error| Defect::malformed(format!("expected a usage aggregate, a JSON object: {error}")))?;
    let properties = aggregate.required("properties")?;
    let properties = Object::parse(properties.get(), "properties.").map_err(|_| {
        Defect::of(
            QuarantineCode::MalformedRecord,
            "properties",
            properties,
            "expected an object",
        )
    })?;
    let local_subscription = properties.text("subscriptionId", QuarantineCode::InvalidSubscriptionId)?;
    let local_meter = properties.text("meterId", QuarantineCode::InvalidMeterId)?;
    let start: Hour = properties.text("usageStartTime", QuarantineCode::InvalidUsageTime)?;
    let end: Hour = properties.text("usageEndTime", QuarantineCode::InvalidUsageTime)?;
    let granularity = granularity(start, end)?;
    let quantity = quantity(properties.required("quantity")?)?;
    let instance = Instance::read(properties.required("instanceData")?)?;
    let record = UsageRecord {
        local_subscription,
        local_meter,
        resource_uri: instance.resource_uri,
        location: instance.location,
        tags: instance.tags,
        additional_info: instance.additional_info,
        start,
        granularity,
        quantity,
    };
    match text_over_limit(&record) {
        None => Ok(record),
        Some((member, bytes_max)) => Err(Defect {
            code: QuarantineCode::TextTooLong,
            message: format!(
                "{member} in properties.instanceData is too long: expected at most {bytes_max} bytes"
            ),
        }),
    }
}

/// The first text of a record that is longer than its limit, with that limit in bytes.
pub(super) fn text_over_limit(record: &UsageRecord<'_>) -> Option<(&'static str, usize)> {
    [
        ("resourceUri", &record.resource_uri, RESOURCE_URI_BYTES_MAX),
        ("location", &record.location, LOCATION_BYTES_MAX),
        ("tags", &record.tags, ATTRIBUTE_BYTES_MAX),
        ("additionalInfo", &record.additional_info, ATTRIBUTE_BYTES_MAX),
    ]
    .into_iter()
    .find(|(_, text, bytes_max)| text.len() > *bytes_max)
    .map(|(member, _, bytes_max)| (member, bytes_max))
}

fn granularity(start: Hour, end: Hour) -> Result<Granularity, Defect> {
    HourInterval::new(start, end).and_then(Granularity::of).ok_or_else(|| Defect {
        code: QuarantineCode::InvalidUsageInterval,
        message: format!(
            "properties.usageStartTime and properties.usageEndTime are {start} and {end}: expected one UTC hour, or \
             one UTC day from midnight to midnight"
        ),
    })
}

/// Reads a quantity from a number or from a string that holds one: from the text as sent in both cases.
fn quantity(value: &RawValue) -> Result<Quantity, Defect> {
    let invalid = |code, expected: InvalidQuantity| Defect::of(code, "properties.quantity", value, expected);
    let text = match value.get().as_bytes().first() {
        Some(b'"') => string(value),
        Some(b'-' | b'0'..=b'9') => Some(Cow::Borrowed(value.get())),
        _ => None,
    };
    let text = text.ok_or_else(|| invalid(QuarantineCode::InvalidQuantity, InvalidQuantity::NotANumber))?;
    text.parse().map_err(|error| match error {
        InvalidQuantity::NotANumber | InvalidQuantity::Negative => {
            invalid(QuarantineCode::InvalidQuantity, error)
        }
        InvalidQuantity::TooManyDigits | InvalidQuantity::OutOfRange => {
            invalid(QuarantineCode::QuantityNotExact, error)
        }
    })
}

/// The content of a string; nothing for any other value, and for a string that is no text (half of a surrogate pair).
fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    let unquoted = value.get().strip_prefix('"')?.strip_suffix('"')?;
    if unquoted.contains('\\') {
        return serde_json::from_str(value.get()).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(unquoted))
}

/// The part of a record that says what was used.
struct Instance<'a> {
    resource_uri: Cow<'a, str>,
    location: Cow<'a, str>,
    tags: Cow<'a, str>,
    additional_info: Cow<'a, str>,
}

impl<'a> Instance<'a> {
    /// Reads `instanceData`: a string of JSON, as the contract says, or the same as an object.
    fn read(value: &'a RawValue) -> Result<Self, Defect> {
        const EXPECTED: &str = "expected JSON such as {\"Microsoft.Resources\":{\"resourceUri\":\"/subscriptions/…\",\
                                \"location\":\"…\",\"tags\":\"\",\"additionalInfo\":\"\"}}, written into a string";
        let invalid = |detail: String| {
            let expected = format!("{EXPECTED}; {detail}");
            Defect::of(
                QuarantineCode::InvalidInstanceData,
                "properties.instanceData",
                value,
                expected,
            )
        };
        match string(value) {
            Some(Cow::Borrowed(text)) => Self::from_json(text).map_err(invalid),
            Some(Cow::Owned(text)) => Instance::from_json(&text)
                .map(Instance::into_owned)
                .map_err(invalid),
            None => Self::from_json(value.get()).map_err(invalid),
        }
    }

    fn from_json(text: &'a str) -> Result<Self, String> {
        let data = Members::parse(text).map_err(|error| error.to_string())?;
        let resource = data
            .get("Microsoft.Resources")?
            .ok_or("it has no member Microsoft.Resources")?;
        let resource = Members::parse(resource.get()).map_err(|_| "Microsoft.Resources is not an object")?;
        let resource_uri = resource
            .get("resourceUri")?
            .and_then(string)
            .filter(|uri| !uri.is_empty());
        Ok(Self {
            resource_uri: resource_uri.ok_or("resourceUri names no resource")?,
            location: attribute(resource.get("location")?),
            tags: attribute(resource.get("tags")?),
            additional_info: attribute(resource.get("additionalInfo")?),
        })
    }

    fn into_owned(self) -> Instance<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Instance {
            resource_uri: owned(self.resource_uri),
            location: owned(self.location),
            tags: owned(self.tags),
            additional_info: owned(self.additional_info),
        }
    }
}

/// An attribute as sent: the content of a string, the JSON text of anything else, empty if it is not there.
fn attribute(value: Option<&RawValue>) -> Cow<'_, str> {
    value.map_or(Cow::Borrowed(""), |value| {
        string(value).unwrap_or(Cow::Borrowed(value.get()))
    })
}

/// An object of a record, with the prefix that its members have in messages.
struct Object<'a> {
    prefix: &'static str,
    members: Members<'a>,
}

impl<'a> Object<'a> {
    fn parse(text: &'a str, prefix: &'static str) -> serde_json::Result<Self> {
        Ok(Self {
            prefix,
            members: Members::parse(text)?,
        })
    }

    fn required(&self, name: &'static str) -> Result<&'a RawValue, Defect> {
        let member = format!("{}{name}", self.prefix);
        let value = self
            .members
            .get(name)
            .map_err(|detail| Defect::malformed(format!("{}{detail}", self.prefix)))?;
        value.ok_or_else(|| Defect {
            code: QuarantineCode::MissingProperty,
            message: format!("{member} is missing: every usage aggregate has it"),
        })
    }

    /// Reads a member that is written as a string.
    fn text<T>(&self, name: &'static str, code: QuarantineCode) -> Result<T, Defect>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        let value = self.required(name)?;
        // What is no string reads as the empty text, which has the message that says what would be right.
        let text = string(value).unwrap_or_default();
        text.parse()
            .map_err(|error| Defect::of(code, &format!("{}{name}", self.prefix), value, error))
    }
}
