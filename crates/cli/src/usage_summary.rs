//! The CSV that Azure Stack's usage summary script writes (`Usagesummary.ps1` of AzureStack-Tools), read into usage
//! records exactly.
//!
//! The script asks the provider usage API and passes its answer to `Export-Csv`, which writes each value as its text in
//! the culture of whoever ran it. So the file does not say how it is written: that has to be found out ([`Summary`]),
//! from the file alone, and is asked for where the file leaves it open. One thing is assumed and said where nothing in the
//! file tells: that times are in UTC, as the API has them. They stand there without a zone.
//!
//! Some of what the script does is seen by what it leaves behind. Where the API names no resource, the script goes on
//! with the subscription of the line before: such lines are rejected. Tags that are an object stand there as
//! `@{name=value}`, and are kept as that text. The reported time is not written at all.

mod columns;
mod quantities;
mod record;
mod rejected;
mod rejection;
mod rows;
mod survey;
mod text;
mod times;
mod zones;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Serialize;

pub(crate) use self::columns::HeaderError;
use self::columns::{Column, Header};
use self::quantities::MarkEvidence;
pub(crate) use self::quantities::{DecimalMark, MarkError};
pub(crate) use self::record::Record;
pub(crate) use self::rejected::{RejectedLines, rejected_beside};
use self::rejection::Rejection;
pub(crate) use self::rows::{RECORD_BYTES_MAX, ReadError};
use self::rows::{Row, Rows};
pub(crate) use self::survey::{Survey, Surveyor};
use self::text::Encoding;
use self::times::DateEvidence;
pub(crate) use self::times::{DateError, DateOrder, Dates};
use self::zones::ZoneEvidence;
pub(crate) use self::zones::{Proof, Zone, ZoneError, Zones};
use crate::delivery_file::decompressed;

const READ_BYTES: usize = 1024 * 1024;
/// After so many lines it is said how far reading is.
const LINES_BETWEEN_SIGNS: u64 = 1000;

/// Whether a file that begins like this is a summary: by its header, or by its name where it begins like no JSON or is empty.
pub(crate) fn is_summary(head: &[u8], path: &Path) -> bool {
    let Ok((_, text)) = text::decoded(head) else {
        return false;
    };
    let mut rows = Rows::new(text);
    while let Ok(Some((_, line))) = rows.line() {
        if columns::is_preamble(&line) {
            continue;
        }
        let is_json = line.trim_start().starts_with(['{', '[']);
        return columns::is_header(&line) || (is_csv_by_name(path) && !is_json);
    }
    is_csv_by_name(path)
}

fn is_csv_by_name(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_lowercase();
    let compressed = [".gz", ".zst"].iter().find_map(|end| name.strip_suffix(end));
    compressed.unwrap_or(&name).ends_with(".csv")
}

/// What somebody says of a file that it need not prove then.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choices {
    pub(crate) date_order: Option<DateOrder>,
    pub(crate) zone: Option<Zone>,
    pub(crate) decimal_comma: bool,
}

/// Why a file cannot be taken as a summary.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SummaryError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its header is not the script's.
    #[error("{0}")]
    Header(#[from] HeaderError),
    /// In which order its dates are is not known.
    #[error("{0}")]
    Dates(#[from] DateError),
    /// In which zone its times are is not known.
    #[error("{0}")]
    Zone(#[from] ZoneError),
    /// What its decimal mark is is not known.
    #[error("{0}")]
    Mark(#[from] MarkError),
    /// It was written to while it was read.
    #[error("it is no longer what it was when it was looked at")]
    Changed,
}

impl From<io::Error> for SummaryError {
    fn from(error: io::Error) -> Self {
        Self::Read(error.into())
    }
}

/// How a file is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Understanding {
    pub(crate) encoding: Encoding,
    pub(crate) separator: char,
    pub(crate) dates: Dates,
    pub(crate) time_zone: Zones,
    pub(crate) decimal_mark: DecimalMark,
}

/// A line of the file, as it is understood.
#[derive(Debug)]
pub(crate) enum Item {
    /// A record.
    Record(Box<Record>),
    /// A line that cannot be taken.
    Rejected(Rejected),
}

/// A line that cannot be taken.
#[derive(Debug)]
pub(crate) struct Rejected {
    row: Row,
    why: Rejection,
}

/// A file that is understood. It is read anew for everything that is done with it.
#[derive(Debug)]
pub(crate) struct Summary {
    path: PathBuf,
    digest: blake3::Hash,
    header: Header,
    understanding: Understanding,
    rows: u64,
}

impl Summary {
    /// Finds out how a file is written. `read` is told how many further lines were looked at.
    ///
    /// # Errors
    /// [`SummaryError`].
    pub(crate) fn understood(
        path: &Path,
        choices: Choices,
        mut read: impl FnMut(u64),
    ) -> Result<Self, SummaryError> {
        let digest = digest(path)?;
        let Opened {
            encoding,
            header,
            mut rows,
        } = open(path)?;
        let (mut dates, mut zones) = (DateEvidence::default(), ZoneEvidence::about(choices.zone));
        let mut marks = MarkEvidence::default();
        let mut lines = 0;
        while let Some(row) = rows.row()? {
            let field = |column| row.fields.get(header.place(column));
            if is_whole(&row, &header) {
                let (start, end) = (field(Column::UsageStartTime), field(Column::UsageEndTime));
                dates.add(row.line, start, end);
                zones.add(row.line, start, end);
                marks.add(row.line, field(Column::Quantity));
            }
            lines += 1;
            if lines % LINES_BETWEEN_SIGNS == 0 {
                read(LINES_BETWEEN_SIGNS);
            }
        }
        let understanding = Understanding {
            encoding,
            separator: char::from(header.separator),
            dates: dates.conclusion(choices.date_order)?,
            time_zone: zones.conclusion()?,
            decimal_mark: marks.conclusion(choices.decimal_comma)?,
        };
        Ok(Self {
            path: path.to_owned(),
            digest,
            header,
            understanding,
            rows: lines,
        })
    }

    /// How many items [`Self::read`] gives.
    pub(crate) const fn rows(&self) -> u64 {
        self.rows
    }

    pub(crate) const fn understanding(&self) -> &Understanding {
        &self.understanding
    }

    /// What the file is known by, and how it is understood: as long as both stay, so do its records.
    pub(crate) fn identity(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.digest.as_bytes());
        let order = self.understanding.dates.order();
        hasher.update(format!("{order:?} {:?}", self.understanding.decimal_mark).as_bytes());
        if let Some(zone) = self.understanding.time_zone.given() {
            hasher.update(format!(" {zone}").as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// The records of the file, and the lines that are none, in their order, until `take` wants no more.
    ///
    /// # Errors
    /// [`SummaryError`], [`SummaryError::Changed`] among them.
    pub(crate) fn read(&self, mut take: impl FnMut(Item) -> bool) -> Result<(), SummaryError> {
        let Opened { header, mut rows, .. } = open(&self.path)?;
        if header != self.header {
            return Err(SummaryError::Changed);
        }
        while let Some(row) = rows.row()? {
            let item = match self.record(&row) {
                Ok(record) => Item::Record(Box::new(record)),
                Err(why) => Item::Rejected(Rejected { row, why }),
            };
            if !take(item) {
                return Ok(());
            }
        }
        if digest(&self.path)? == self.digest {
            Ok(())
        } else {
            Err(SummaryError::Changed)
        }
    }

    fn record(&self, row: &Row) -> Result<Record, Rejection> {
        if let Some(broken) = &row.broken {
            return Err(broken.clone());
        }
        if !is_whole(row, &self.header) {
            let (given, expected) = (row.fields.count(), self.header.names.len());
            return Err(Rejection::new(
                "FieldCount",
                format!("the line has {given} fields: expected {expected}, as the header has"),
            ));
        }
        Record::of(row, &self.header, &self.understanding)
    }
}

fn is_whole(row: &Row, header: &Header) -> bool {
    row.broken.is_none() && row.fields.count() == header.names.len()
}

/// BLAKE3 of a file as it is on the disk.
fn digest(path: &Path) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize())
}

/// A file, read up to its first record.
struct Opened {
    encoding: Encoding,
    header: Header,
    rows: Rows<Box<dyn BufRead>>,
}

fn open(path: &Path) -> Result<Opened, SummaryError> {
    let file = BufReader::with_capacity(READ_BYTES, File::open(path)?);
    let (encoding, text) = text::decoded(decompressed(file)?)?;
    let mut rows = Rows::new(text);
    let header = loop {
        let (number, line) = rows.line()?.ok_or(HeaderError::Missing)?;
        if !columns::is_preamble(&line) {
            break Header::of(number, &line)?;
        }
    };
    rows.separated_by(header.separator);
    Ok(Opened {
        encoding,
        header,
        rows,
    })
}

#[cfg(test)]
mod cultures;
