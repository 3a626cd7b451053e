//! Why a summary cannot be imported, and what to do about it.

use std::io;
use std::path::Path;

use super::super::reading::Source;
use crate::failure::Failure;
use crate::usage_summary::{DateError, HeaderError, MarkError, RECORD_BYTES_MAX, ReadError, SummaryError};

/// The columns that a summary has, for whoever has another file.
const COLUMNS: &str = "Expected what the usage summary script of Azure Stack writes, in any order: UsageStartTime, \
                       UsageEndTime, MeterName, Quantity, resourceType, location, resourceGroup, resourceName, \
                       subowner, tags, MeterId, additionalInfo, subscription, resourceUri.";

/// Why a file cannot be imported.
pub(super) fn unusable(source: &Source, error: &SummaryError) -> Failure {
    let (code, hint) = match error {
        SummaryError::Read(ReadError::NotUtf8 { .. }) => (
            "NotUtf8",
            "Save it as UTF-8 and import it again: in Windows PowerShell with `Export-Csv -Encoding UTF8`, in Excel as \
             \"CSV UTF-8\".",
        ),
        SummaryError::Read(ReadError::Io(_)) => ("UnreadableFile", "Get the file again."),
        SummaryError::Header(error) => (header_code(error), COLUMNS),
        SummaryError::Dates(DateError::Ambiguous(_)) => (
            "AmbiguousDates",
            "Say it with --date-format day-first or --date-format month-first: it is the order that Windows shows dates \
             in where the script ran.",
        ),
        SummaryError::Dates(DateError::Contradictory { .. }) => (
            "ContradictoryDates",
            "Import what was exported on different machines from files of their own. If one of the lines is just wrong, \
             say how the others are to be read with --date-format: it is rejected then.",
        ),
        SummaryError::Mark(MarkError::Ambiguous(_)) => (
            "AmbiguousQuantities",
            "If it is a decimal comma, say so with --decimal-comma. If not, export the file again: the script writes no \
             separators of thousands.",
        ),
        SummaryError::Mark(MarkError::Mixed { .. }) => (
            "MixedDecimalMarks",
            "Import what was exported on different machines from files of their own. If quantities have a decimal comma, \
             say so with --decimal-comma: lines with a point are rejected then.",
        ),
        SummaryError::Changed => (
            "FileChanged",
            "Import it again when nobody writes to it: what has arrived already counts once.",
        ),
    };
    Failure::new(format!("{source} cannot be imported."))
        .coded(code)
        .because(error.to_string())
        .hint(hint)
}

const fn header_code(error: &HeaderError) -> &'static str {
    match error {
        HeaderError::Missing => "NoHeader",
        HeaderError::MissingColumns { .. } => "MissingColumns",
        HeaderError::UnknownColumns { .. } => "UnknownColumns",
        HeaderError::DoubledColumn { .. } => "DoubledColumn",
    }
}

/// Why the file for rejected lines cannot be written.
pub(super) fn rejected_file(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::file(path, error);
    if error.kind() == io::ErrorKind::AlreadyExists {
        return failure.coded("RejectedFileExists").hint(
            "It holds other lines than those that are rejected now; perhaps somebody is mending it. Move it away, or \
             name another file with --rejected. Nothing was delivered.",
        );
    }
    let megabytes = RECORD_BYTES_MAX / (1024 * 1024);
    failure.hint(format!(
        "Rejected lines are written there, of up to {megabytes} MiB each. Name another file with --rejected. Nothing was \
         delivered."
    ))
}
