//! Why a summary cannot be imported, and what to do about it.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use super::super::reading::Source;
use crate::failure::Failure;
use crate::usage_summary::{
    DateError, HeaderError, MarkError, RECORD_BYTES_MAX, ReadError, SummaryError, ZoneError,
};

/// The columns that a summary has, for whoever has another file.
const COLUMNS: &str = "Expected what the usage summary script of Azure Stack writes, in any order: UsageStartTime, \
                       UsageEndTime, MeterName, Quantity, resourceType, location, resourceGroup, resourceName, \
                       subowner, tags, MeterId, additionalInfo, subscription, resourceUri.";

/// How far an import is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reached {
    /// Nothing of the file was delivered.
    Nothing,
    /// Some of it may have been.
    Deliveries,
}

/// Why a file cannot be imported.
pub(super) fn unusable(source: &Source, error: &SummaryError, reached: Reached) -> Failure {
    let (code, hint) = code_and_hint(error);
    let hint = match reached {
        Reached::Nothing => format!("{hint} Nothing was delivered."),
        Reached::Deliveries => {
            format!("{hint} What has arrived already counts once when the file is imported again.")
        }
    };
    Failure::new(format!("{source} cannot be imported."))
        .coded(code)
        .because(error.to_string())
        .hint(hint)
}

fn code_and_hint(error: &SummaryError) -> (&'static str, Cow<'static, str>) {
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
        SummaryError::Dates(DateError::Refuted { proven, .. }) => {
            return ("DateFormatRefuted", say_order(proven.first()).into());
        }
        SummaryError::Zone(ZoneError::NotUtc { ahead, .. }) => {
            return ("TimesNotUtc", say_zone(ahead).into());
        }
        SummaryError::Zone(ZoneError::ClocksChanged { such_as, .. }) => {
            let hint = format!(
                "Say in which zone they are by its name, such as --time-zone {such_as}. If they are in UTC and those \
                 lines are just wrong, say --time-zone UTC: they are rejected then."
            );
            return ("TimesNotUtc", hint.into());
        }
        SummaryError::Zone(ZoneError::NeverShown { .. }) => (
            "TimeZoneRefuted",
            "As far as this line tells they are in UTC: say --time-zone UTC. If that line is just wrong, mend it or \
             take it out.",
        ),
        SummaryError::Zone(ZoneError::Refuted { ahead, .. }) => {
            return ("TimeZoneRefuted", say_zone(ahead).into());
        }
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
        SummaryError::Changed => ("FileChanged", "Import it again when nobody writes to it."),
    };
    (code, hint.into())
}

fn say_order(first: &str) -> String {
    format!(
        "Leave --date-format out, or say --date-format {first}-first. If that line is just wrong, mend it or take it out."
    )
}

/// Only what the line proves is suggested: of names many would be refuted by it, and may have been just now.
fn say_zone(ahead: &str) -> String {
    format!(
        "Say in which zone they are: by this line --time-zone {ahead}. Where clocks were put forward or back in these \
         days, say the name of the zone in its place: that of the machine on which the script ran, if its clocks were \
         at {ahead} on that day. If that line is just wrong, mend it or take it out."
    )
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
pub(super) fn rejected_file(path: &Path, error: &io::Error, reached: Reached) -> Failure {
    let failure = Failure::file(path, error);
    let then = match reached {
        Reached::Nothing => "Nothing was delivered.",
        Reached::Deliveries => {
            "The other lines were delivered: import the file again, they count once, and these are written."
        }
    };
    if error.kind() == io::ErrorKind::AlreadyExists {
        return failure.coded("RejectedFileExists").hint(format!(
            "It is no file, or there are as many files of rejected lines as there may be, all with other lines than those that \
             are rejected now. Move them away, or name another file with --rejected. {then}"
        ));
    }
    let megabytes = RECORD_BYTES_MAX / (1024 * 1024);
    failure.hint(format!(
        "Rejected lines are written there, of up to {megabytes} MiB each. Name another file with --rejected. {then}"
    ))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::usage_summary::{Choices, Summary, Zone};

    const HEADER: &str = "UsageStartTime,UsageEndTime,MeterName,Quantity,resourceType,location,resourceGroup,\
                          resourceName,subowner,tags,MeterId,additionalInfo,subscription,resourceUri";

    /// What is said to whoever imports these times, and says they are of a zone.
    fn understood(times: &[(&str, &str)], zone: Option<&str>) -> Result<Summary, Failure> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "{HEADER}").unwrap();
        for (start, end) in times {
            writeln!(file, "{start},{end},A,1,,,,,,,,,,").unwrap();
        }
        let choices = Choices {
            zone: zone.map(|it| it.parse::<Zone>().unwrap()),
            ..Choices::default()
        };
        let summary = Summary::understood(file.path(), choices, |_| ());
        summary.map_err(|error| {
            let (code, hint) = code_and_hint(&error);
            Failure::new("").coded(code).hint(hint)
        })
    }

    #[test]
    fn whoever_named_a_zone_that_the_file_refutes_would_be_told_to_name_that_one() {
        let day_of_berlin = ("2026-10-02 02:00:00", "2026-10-03 02:00:00");
        let day_of_india = ("2026-10-02 05:30:00", "2026-10-03 05:30:00");
        let day = ("2026-10-02 00:00:00", "2026-10-03 00:00:00");
        for (times, zone, fits) in [
            (&[day_of_berlin][..], "+01:00", "+02:00"),
            (&[day_of_berlin], "UTC", "+02:00"),
            (&[day_of_india], "-05:00", "+05:30"),
            (&[day, day], "+02:00", "+00:00"),
        ] {
            let refused = understood(times, Some(zone)).err().unwrap();
            assert_eq!(refused.code(), "TimeZoneRefuted", "{zone}");
            let hint = refused.hint_text().unwrap();
            let mut suggested = hint.split("--time-zone ").skip(1);
            let first = suggested.next().unwrap().split(['.', ' ']).next();
            assert_eq!((first, suggested.next()), (Some(fits), None), "{hint}");
            // No name stands there, as it may be the one that was refuted.
            assert!(!hint.contains("Europe/"), "{hint}");
            assert!(understood(times, Some(fits)).is_ok(), "{fits}");
        }
    }
}
