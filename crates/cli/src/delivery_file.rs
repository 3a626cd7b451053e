//! Files of usage, cut into deliveries. Records pass through as they are written, so no number is ever read here.
//!
//! A page is read whole; beyond that, nothing is held but the delivery in the making. So a file of any length can be
//! taken, as long as its pages are of a reasonable one.

mod compression;

use std::io::{self, BufRead, Read};
use std::path::Path;

use bytes::Bytes;
use client::Format;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

pub(crate) use self::compression::decompressed;

/// The most bytes one delivery is given before it is sent, whatever it counts.
pub(crate) const DELIVERY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How far a file is looked at to tell records in lines from pages: beyond the longest line.
const HEAD_BYTES_MAX: u64 = 2 * LINE_BYTES_MAX;
/// The most bytes a line may have.
const LINE_BYTES_MAX: u64 = 1024 * 1024;
/// How much of a longer line is handed on: enough to recognise it by.
const LONG_LINE_SHOWN_BYTES: usize = 2048;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// How UTF-16 begins: with a byte order mark or, without one, with the bracket that JSON begins with.
const UTF_16: [&[u8]; 6] = [b"\xff\xfe", b"\xfe\xff", b"{\0", b"[\0", b"\0{", b"\0["];
/// How a zip archive begins: with its first file or, without any, with its end.
const ZIP: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// So many records, ready to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// What is delivered.
    pub(crate) body: Bytes,
    /// How it is written.
    pub(crate) format: Format,
    /// How many records it holds.
    pub(crate) records: u32,
}

/// Why a file cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The system says so.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is text in another encoding.
    #[error("it is UTF-16 text, as `>` of Windows PowerShell writes it")]
    Utf16,
    /// It is an archive of files.
    #[error("it is a zip archive")]
    Zip,
    /// There is nothing in it.
    #[error("it is empty: not even a page without records is in it")]
    Empty,
    /// It is not JSON.
    #[error("it is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// It is what the stack answers when it cannot answer.
    #[error("value {number} of the file is an error answer of the stack, not usage: {said}")]
    ErrorAnswer {
        /// Which value, from 1.
        number: usize,
        /// What the stack said.
        said: String,
    },
    /// It is JSON, but something else.
    #[error(
        "value {number} of the file is neither a page {{\"value\": [...]}} nor an array of pages or records, as the \
         provider usage API returns them"
    )]
    NotUsage {
        /// Which value, from 1.
        number: usize,
    },
}

/// Why cutting up ended early: the file, or whoever takes the parts.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The file cannot be read on.
    File(FileError),
    /// No more parts are wanted.
    NotWanted,
}

impl<E: Into<FileError>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::File(error.into())
    }
}

/// What a file's pages say of further ones. Records that stand alone say nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pages {
    /// How many of them say that none follows: each is the last one of its window.
    pub(crate) last_of_window: u64,
    /// Whether the last of them says that a further one follows: it is not in this file, unless out of order.
    pub(crate) more_follow: bool,
}

impl Pages {
    fn add(&mut self, page: &Page<'_>) {
        let link = page.next_link.map_or("null", RawValue::get);
        self.more_follow = !matches!(link, "null" | "\"\"");
        self.last_of_window += u64::from(!self.more_follow);
    }
}

/// Cuts a file into parts of at most `records_max` records, each handed to `take`, which says whether it wants more.
/// What comes before a fault is handed over. `named` is how the file is written if one goes by its name. A file that is
/// compressed with gzip or zstd is decompressed.
///
/// # Errors
/// [`Ended`].
pub(crate) fn cut(
    file: impl BufRead,
    named: Option<Format>,
    records_max: u32,
    mut take: impl FnMut(Part) -> bool,
) -> Result<Pages, Ended> {
    let mut file = decompressed(file)?;
    let mut head = Vec::new();
    (&mut file).take(HEAD_BYTES_MAX).read_to_end(&mut head)?;
    if let Some(error) = other_than_text(&head) {
        return Err(Ended::File(error));
    }
    if head.starts_with(BYTE_ORDER_MARK) {
        head.drain(..BYTE_ORDER_MARK.len());
    }
    if head.trim_ascii().is_empty() && (head.len() as u64) < HEAD_BYTES_MAX {
        return Err(Ended::File(FileError::Empty));
    }
    let format = format_of(&head, named);
    let file = io::Cursor::new(head).chain(file);
    let mut packer = Packer {
        format,
        records_max,
        body: Vec::new(),
        records: 0,
        take: &mut take,
    };
    let outcome = match format {
        Format::Ndjson => lines(file, &mut packer),
        Format::Json => values(file, &mut packer),
    };
    // After a fault too: what was read before it is good.
    if !matches!(outcome, Err(Ended::NotWanted)) {
        packer.hand_over()?;
    }
    outcome
}

/// What a file is that begins like this, if it is something often given in place of UTF-8 text.
fn other_than_text(head: &[u8]) -> Option<FileError> {
    let begins_with = |beginning: &&[u8]| head.starts_with(beginning);
    if UTF_16.iter().any(begins_with) {
        Some(FileError::Utf16)
    } else if ZIP.iter().any(begins_with) {
        Some(FileError::Zip)
    } else {
        None
    }
}

/// How a path's name says that the file is written.
pub(crate) fn named(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let compressed = [".gz", ".zst"].iter().find_map(|end| name.strip_suffix(end));
    let name = compressed.unwrap_or(&name);
    (name.ends_with(".ndjson") || name.ends_with(".jsonl")).then_some(Format::Ndjson)
}

/// How a file is written that begins like this.
///
/// That its first line cannot be read must not cost the others. So records in lines are recognised by any line that is
/// one, unless the text opens a page or an array: their records may stand in lines of their own too.
fn format_of(head: &[u8], named: Option<Format>) -> Format {
    let text = head.trim_ascii_start();
    if begins_with_error(text) {
        return Format::Json;
    }
    let mut lines = text.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    if is_record(first) {
        let is_alone = lines.all(|line| line.trim_ascii().is_empty());
        // Read as a page it is refused for what it is: one object that is no usage at all.
        return if is_alone && !has_member_of_record(first) {
            Format::Json
        } else {
            Format::Ndjson
        };
    }
    if opens_pages(text) && !is_broken(first) {
        return Format::Json;
    }
    let unending = first.len() as u64 > LINE_BYTES_MAX && first.starts_with(b"{");
    if named == Some(Format::Ndjson) || unending || lines.any(is_record) {
        Format::Ndjson
    } else {
        Format::Json
    }
}

/// Whether a line is one record: an object that is not a page.
fn is_record(line: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Either {
        value: Option<IgnoredAny>,
    }
    line.trim_ascii_start().starts_with(b"{")
        && serde_json::from_slice::<Either>(line).is_ok_and(|either| either.value.is_none())
}

/// Whether an object has any of the members that records have.
fn has_member_of_record(line: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Record {
        id: Option<IgnoredAny>,
        name: Option<IgnoredAny>,
        r#type: Option<IgnoredAny>,
        properties: Option<IgnoredAny>,
    }
    let read = serde_json::from_slice(line);
    read.is_ok_and(
        |Record {
             id,
             name,
             r#type,
             properties,
         }| { [id, name, r#type, properties].iter().any(Option::is_some) },
    )
}

/// Whether a text, which need not be complete, begins with an array or with an object that has a member `value`.
fn opens_pages(text: &[u8]) -> bool {
    /// Ends reading where the member's value begins, so that it does not matter what comes then.
    struct Reached;
    impl<'de> Deserialize<'de> for Reached {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Err(D::Error::custom("reached"))
        }
    }
    #[derive(Deserialize)]
    struct Page {
        #[serde(rename = "value")]
        _value: Option<Reached>,
    }
    text.starts_with(b"[")
        || text.starts_with(b"{") && serde_json::from_slice::<Page>(text).is_err_and(|error| error.is_data())
}

/// Whether a text begins as an error answer does.
fn begins_with_error(text: &[u8]) -> bool {
    let inside = text.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    inside.is_some_and(|inside| inside.starts_with(b"\"error\""))
}

/// What the stack said, if a text is an error answer: `{"error": …}` and nothing that usage has.
fn error_answer(text: &[u8]) -> Option<String> {
    // Most texts are records: they are not looked at any further.
    if !begins_with_error(text) {
        return None;
    }
    let Ok(Value::Object(answer)) = serde_json::from_slice(text) else {
        return None;
    };
    if answer.contains_key("value") || answer.contains_key("properties") {
        return None;
    }
    let member = |name: &str| answer.get("error")?.get(name)?.as_str();
    match (member("code"), member("message")) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (Some(said), None) | (None, Some(said)) => Some(said.to_owned()),
        (None, None) => answer.get("error").map(Value::to_string),
    }
}

/// Whether a line is neither JSON nor the beginning of any.
fn is_broken(line: &[u8]) -> bool {
    let mut values = serde_json::Deserializer::from_slice(line).into_iter::<IgnoredAny>();
    values.any(|value| value.is_err_and(|error| error.is_syntax()))
}

fn lines(mut file: impl BufRead, packer: &mut Packer<'_>) -> Result<Pages, Ended> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = (&mut file)
            .take(LINE_BYTES_MAX + 1)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        if !line.ends_with(b"\n") && line.len() as u64 > LINE_BYTES_MAX {
            file.skip_until(b'\n')?;
            shorten(&mut line);
        }
        let record = line.trim_ascii();
        if let Some(said) = error_answer(record) {
            return Err(Ended::File(FileError::ErrorAnswer { number, said }));
        }
        if !record.is_empty() {
            packer.add(record)?;
        }
    }
    Ok(Pages::default())
}

/// Leaves the beginning of a line that is too long, and says so in its place: that is no JSON, so the server keeps it
/// in quarantine, where it is seen.
fn shorten(line: &mut Vec<u8>) {
    line.truncate(LONG_LINE_SHOWN_BYTES);
    let beginning = String::from_utf8_lossy(line);
    *line = format!("{beginning} (cut off: the line has more than {LINE_BYTES_MAX} bytes)").into_bytes();
}

fn values(file: impl Read, packer: &mut Packer<'_>) -> Result<Pages, Ended> {
    let mut pages = Pages::default();
    let values = serde_json::Deserializer::from_reader(file).into_iter::<Box<RawValue>>();
    for (value, number) in values.zip(1..) {
        let value = value?;
        if value.get().starts_with('[') {
            for element in serde_json::from_str::<Vec<&RawValue>>(value.get())? {
                match page(element, number)? {
                    Some(page) => {
                        packer.add_page(&page)?;
                        pages.add(&page);
                    }
                    // A malformed record is the server's to judge: it keeps it in quarantine.
                    None => packer.add(element.get().as_bytes())?,
                }
            }
        } else {
            let page = page(&value, number)?.ok_or(FileError::NotUsage { number })?;
            packer.add_page(&page)?;
            pages.add(&page);
        }
    }
    Ok(pages)
}

/// A page, as far as it is read here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
    #[serde(borrow)]
    next_link: Option<&'a RawValue>,
}

/// The page that a value is, if it is one.
fn page(value: &RawValue, number: usize) -> Result<Option<Page<'_>>, FileError> {
    if !value.get().starts_with('{') {
        return Ok(None);
    }
    let page = serde_json::from_str(value.get()).ok();
    if page.is_none()
        && let Some(said) = error_answer(value.get().as_bytes())
    {
        return Err(FileError::ErrorAnswer { number, said });
    }
    Ok(page)
}

/// Puts records together until they make a delivery.
struct Packer<'a> {
    format: Format,
    records_max: u32,
    body: Vec<u8>,
    records: u32,
    take: &'a mut dyn FnMut(Part) -> bool,
}

impl Packer<'_> {
    fn add_page(&mut self, page: &Page<'_>) -> Result<(), Ended> {
        page.value
            .iter()
            .try_for_each(|record| self.add(record.get().as_bytes()))
    }

    fn add(&mut self, record: &[u8]) -> Result<(), Ended> {
        if self.records > 0 && self.body.len() + record.len() > DELIVERY_BYTES_MAX {
            self.hand_over()?;
        }
        match (self.format, self.records) {
            (Format::Json, 0) => self.body.extend_from_slice(b"{\"value\":["),
            (Format::Json, _) => self.body.push(b','),
            (Format::Ndjson, _) => {}
        }
        self.body.extend_from_slice(record);
        if self.format == Format::Ndjson {
            self.body.push(b'\n');
        }
        self.records += 1;
        if self.records == self.records_max {
            self.hand_over()
        } else {
            Ok(())
        }
    }

    fn hand_over(&mut self) -> Result<(), Ended> {
        if self.records == 0 {
            return Ok(());
        }
        let mut body = std::mem::take(&mut self.body);
        if self.format == Format::Json {
            body.extend_from_slice(b"]}");
        }
        let part = Part {
            body: body.into(),
            format: self.format,
            records: std::mem::take(&mut self.records),
        };
        if (self.take)(part) {
            Ok(())
        } else {
            Err(Ended::NotWanted)
        }
    }
}

#[cfg(test)]
mod tests;
