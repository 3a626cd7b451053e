//! Deliveries of usage: what a stack's provider usage API returns, read into domain values.
//!
//! A delivery is one page of `Microsoft.Commerce.Admin/subscriberUsageAggregates` as JSON, `{"value": [...]}`, or the
//! same items as NDJSON, one in each line. A record that cannot be read never costs its neighbours: it is put into
//! quarantine with a code, a sentence that names the member, and its text. Only a body that is no JSON at all, holds
//! no array `value` or too many records, or is a page where lines were to come, is refused as a whole.
//!
//! Every record of every stack goes through here, so there are two readers. `regular` takes the text that stacks do
//! send in one pass, borrowing from the body, and gives up on anything else; what it gave up on is read by
//! `careful`, which takes whatever the contract allows and can say what is wrong. Where the first succeeds both
//! agree; a property test holds them to it.

#[cfg(test)]
mod agreement;
mod careful;
mod glimpse;
mod members;
mod mending;
mod page;
mod regular;
mod scanner;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::str;

use domain::usage::{Quarantined, RECORDS_PER_DELIVERY_MAX, UsageRecord};

use memchr::memchr;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

pub use self::careful::Defect;
pub use self::glimpse::Glimpse;
use self::members::Members;
pub use self::mending::{NotMended, with_member};
pub use self::page::{UsageAggregate, UsagePage, UsageProperties};
use self::regular::Last;
use self::scanner::Scanner;

/// What a record takes at least in what stacks send.
const RECORD_BYTES_USUAL: usize = 800;

/// How the records of a delivery are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object whose member `value` is the array of records: a page of the provider usage API.
    Json,
    /// One record in each line.
    Ndjson,
}

/// Why a body is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not JSON.
    #[error(
        "The body is not JSON: {0}. Expected {{\"value\": [...]}} as the provider usage API returns it, or its items \
         one in each line with the content type application/x-ndjson."
    )]
    NotJson(String),
    /// JSON, but without the array of records.
    #[error(
        "The body holds no array \"value\". Expected {{\"value\": [...]}} as the provider usage API returns it."
    )]
    NoRecords,
    /// A page where lines were to come.
    #[error(
        "The body is a page as the provider usage API returns it, {{\"value\": [...]}}, and not its items one in each \
         line. Send it with the content type application/json."
    )]
    PageInLines,
    /// More records than one delivery may hold.
    #[error("The body holds more than {RECORDS_PER_DELIVERY_MAX} records. Deliver them in several parts.")]
    TooManyRecords,
}

impl BodyError {
    /// The error's stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotJson(_) => "InvalidJson",
            Self::NoRecords => "MissingValue",
            Self::PageInLines => "PageInLines",
            Self::TooManyRecords => "TooManyRecords",
        }
    }
}

/// A record that could be read, with its place in the delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed<'a> {
    /// The record's place in the delivery, from 0. Records in quarantine take a place too, empty lines do not.
    pub index: u32,
    /// The record.
    pub record: UsageRecord<'a>,
}

/// What a delivery holds. Texts are borrowed from its body wherever that is possible.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParsedDelivery<'a> {
    /// The records that could be read, in their order.
    pub records: Vec<Indexed<'a>>,
    /// The records that could not, in their order.
    pub quarantined: Vec<Quarantined<'a>>,
    texts: Vec<&'a [u8]>,
}

impl<'a> ParsedDelivery<'a> {
    /// The text of a record as sent, for one that turns out later not to be acceptable. What is not UTF-8 in it is
    /// replaced.
    #[must_use]
    pub fn raw(&self, index: u32) -> Option<Cow<'a, str>> {
        let text = self.texts.get(usize::try_from(index).ok()?)?;
        Some(String::from_utf8_lossy(text))
    }

    /// An empty delivery with room for the records that this many bytes usually hold.
    fn with_room_for(bytes: usize) -> Self {
        let records = (bytes / RECORD_BYTES_USUAL).min(RECORDS_PER_DELIVERY_MAX);
        Self {
            records: Vec::with_capacity(records),
            quarantined: Vec::new(),
            texts: Vec::with_capacity(records),
        }
    }

    /// Adds the next record.
    fn push(&mut self, text: &'a [u8], outcome: Result<UsageRecord<'a>, Defect>) {
        // The limit on records is far below what an index can count.
        let index = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(text);
        match outcome {
            Ok(record) => self.records.push(Indexed { index, record }),
            Err(Defect { code, message }) => {
                let raw = String::from_utf8_lossy(text);
                self.quarantined.push(Quarantined {
                    index,
                    code,
                    message,
                    raw,
                });
            }
        }
    }

    const fn is_full(&self) -> bool {
        self.texts.len() >= RECORDS_PER_DELIVERY_MAX
    }
}

/// Reads a delivery. A byte order mark in front is skipped.
///
/// # Errors
/// [`BodyError`] if the body is not a delivery at all.
pub fn parse_delivery(body: &[u8], format: Format) -> Result<ParsedDelivery<'_>, BodyError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    match format {
        Format::Json => page(body),
        Format::Ndjson => lines(body),
    }
}

/// Reads one record from its text.
///
/// # Errors
/// [`Defect`] if it cannot be counted.
pub fn read_record(text: &str) -> Result<UsageRecord<'_>, Defect> {
    careful::record(text)
}

fn page(body: &[u8]) -> Result<ParsedDelivery<'_>, BodyError> {
    let text = str::from_utf8(body).map_err(|error| BodyError::NotJson(error.to_string()))?;
    usual_page(text).map_or_else(|| any_page(text), Ok)
}

/// Reads a page in one pass, if it is what stacks send.
fn usual_page(text: &str) -> Option<ParsedDelivery<'_>> {
    let mut scanner = Scanner::new(text);
    let mut delivery = None;
    scanner.object(
        &[("\"value\":", true), ("\"nextLink\":", false)],
        |scanner, is_value| {
            if !is_value {
                return scanner.value().map(drop);
            }
            delivery.replace(elements(scanner)?).is_none().then_some(())
        },
    )?;
    delivery.filter(|_| scanner.at_end())
}

/// Reads any page, or says why it is none.
fn any_page(text: &str) -> Result<ParsedDelivery<'_>, BodyError> {
    let members = Members::parse(text).map_err(|_| match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => BodyError::NoRecords,
        Err(error) => BodyError::NotJson(error.to_string()),
    })?;
    let value = array_of(&members).map_err(|_| BodyError::NoRecords)?;
    // The array has just been seen to be JSON, so its length is the only thing that can be wrong with it.
    elements(&mut Scanner::new(value)).ok_or(BodyError::TooManyRecords)
}

/// The text of the array of records of a page, or why it has none: the one rule for whoever takes pages.
fn array_of<'a>(members: &Members<'a>) -> Result<&'a str, String> {
    let value = members.get("value")?.map(RawValue::get);
    let value = value.filter(|value| value.starts_with('['));
    value.ok_or_else(|| "it has no array \"value\"".to_owned())
}

/// What whoever passes pages on reads of them: the records, each as text, and where to go on.
#[derive(Debug)]
pub(crate) struct PageTexts<'a> {
    pub(crate) records: Vec<&'a RawValue>,
    pub(crate) next_link: Option<String>,
}

/// Reads a page by the rule of [`parse_delivery`], which takes it unless it has too many records, or says why it is none.
pub(crate) fn page_texts(body: &[u8]) -> Result<PageTexts<'_>, String> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = str::from_utf8(body).map_err(|error| error.to_string())?;
    let members = Members::parse(text).map_err(|error| error.to_string())?;
    let read = |error: serde_json::Error| error.to_string();
    let records = serde_json::from_str(array_of(&members)?).map_err(read)?;
    let next_link = match (members.get("nextLink")?, members.get("odata.nextLink")?) {
        (Some(_), Some(_)) => return Err("nextLink occurs more than once".to_owned()),
        (one, other) => one.or(other),
    };
    let next_link = next_link.map(|link| serde_json::from_str(link.get()));
    Ok(PageTexts {
        records,
        next_link: next_link.transpose().map_err(read)?,
    })
}

/// Whether a line is a whole page and cannot be a record.
fn is_page(line: &[u8]) -> bool {
    let members = str::from_utf8(line)
        .ok()
        .and_then(|text| Members::parse(text).ok());
    members
        .is_some_and(|members| array_of(&members).is_ok() && matches!(members.given("properties"), Ok(None)))
}

/// Takes an array of records; nothing if it is not JSON or has too many.
fn elements<'a>(scanner: &mut Scanner<'a>) -> Option<ParsedDelivery<'a>> {
    let mut delivery = ParsedDelivery::with_room_for(scanner.bytes_left());
    let mut last = Last::default();
    scanner.array(|scanner| {
        if delivery.is_full() {
            return None;
        }
        let (text, record) = scanner.value_read_by(|scanner| regular::record(scanner, &mut last))?;
        delivery.push(text.as_bytes(), record.map_or_else(|| careful::record(text), Ok));
        Some(())
    })?;
    Some(delivery)
}

fn lines(body: &[u8]) -> Result<ParsedDelivery<'_>, BodyError> {
    let mut delivery = ParsedDelivery::with_room_for(body.len());
    let mut last = Last::default();
    let mut rest = body;
    while !rest.is_empty() {
        let line = &rest[..memchr(b'\n', rest).unwrap_or(rest.len())];
        rest = rest.get(line.len() + 1..).unwrap_or_default();
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if delivery.is_full() {
            return Err(BodyError::TooManyRecords);
        }
        delivery.push(line, line_record(line, &mut last));
    }
    // Put into quarantine, a page under the wrong content type would be answered, and never asked for again. Where there
    // are records beside it, it is one bad line among them.
    if delivery.records.is_empty() && delivery.texts.first().is_some_and(|line| is_page(line)) {
        return Err(BodyError::PageInLines);
    }
    Ok(delivery)
}

fn line_record<'a>(line: &'a [u8], last: &mut Last<'a>) -> Result<UsageRecord<'a>, Defect> {
    let text = str::from_utf8(line)
        .map_err(|error| Defect::malformed(format!("expected text in UTF-8: {error}")))?;
    let mut scanner = Scanner::new(text);
    let record = regular::record(&mut scanner, last).filter(|_| scanner.at_end());
    record.map_or_else(|| careful::record(text), Ok)
}
