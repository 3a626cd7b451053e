//! The header: which column is where.

use super::rows::fields_of;

/// A column that the script writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    UsageStartTime,
    UsageEndTime,
    MeterName,
    Quantity,
    ResourceType,
    Location,
    ResourceGroup,
    ResourceName,
    Subowner,
    Tags,
    MeterId,
    AdditionalInfo,
    Subscription,
    ResourceUri,
}

/// The columns in the order of the script, as it writes them.
pub(super) const COLUMNS: [(Column, &str); 14] = [
    (Column::UsageStartTime, "UsageStartTime"),
    (Column::UsageEndTime, "UsageEndTime"),
    (Column::MeterName, "MeterName"),
    (Column::Quantity, "Quantity"),
    (Column::ResourceType, "resourceType"),
    (Column::Location, "location"),
    (Column::ResourceGroup, "resourceGroup"),
    (Column::ResourceName, "resourceName"),
    (Column::Subowner, "subowner"),
    (Column::Tags, "tags"),
    (Column::MeterId, "MeterId"),
    (Column::AdditionalInfo, "additionalInfo"),
    (Column::Subscription, "subscription"),
    (Column::ResourceUri, "resourceUri"),
];

/// The columns that a file of rejected lines has before the script's own. They are passed over where it is imported
/// again.
pub(super) const REJECTION_COLUMNS: [&str; 3] = ["RejectedLine", "RejectedCode", "RejectedReason"];

/// What may separate fields: what `Export-Csv -Delimiter` and Excel write.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How many columns make a line the header of a summary. What is wrong with the others can then be said.
const COLUMNS_TO_RECOGNISE: usize = 3;

/// A header that is not the script's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeaderError {
    /// There is no header.
    #[error("it holds no line with the names of columns")]
    Missing,
    /// Columns of the script are not there.
    #[error("line {line}: no column {}", .columns.join(", "))]
    MissingColumns { line: u64, columns: Vec<&'static str> },
    /// Columns that the script does not write.
    #[error("line {line}: unknown column {}", .columns.join(", "))]
    UnknownColumns { line: u64, columns: Vec<String> },
    /// A column is there twice.
    #[error("line {line}: column {column} is there more than once")]
    DoubledColumn { line: u64, column: &'static str },
}

/// Where columns are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) separator: u8,
    /// The names as they stand there.
    pub(super) names: Vec<String>,
    places: [usize; COLUMNS.len()],
}

impl Header {
    /// Reads the header, whatever separates its columns.
    pub(super) fn of(line: u64, text: &str) -> Result<Self, HeaderError> {
        let (separator, names) = names_of(text);
        let known = |name: &&String| {
            column_named(name).is_some() || REJECTION_COLUMNS.iter().any(|own| own.eq_ignore_ascii_case(name))
        };
        let unknown: Vec<String> = names.iter().filter(|name| !known(name)).cloned().collect();
        let mut places = [0; COLUMNS.len()];
        let mut missing = Vec::new();
        for ((_, column), place) in COLUMNS.iter().zip(&mut places) {
            let mut found = names
                .iter()
                .enumerate()
                .filter(|(_, name)| name.eq_ignore_ascii_case(column));
            match (found.next(), found.next()) {
                (Some((index, _)), None) => *place = index,
                (None, _) => missing.push(*column),
                (Some(_), Some(_)) => return Err(HeaderError::DoubledColumn { line, column }),
            }
        }
        if !missing.is_empty() {
            return Err(HeaderError::MissingColumns {
                line,
                columns: missing,
            });
        }
        if !unknown.is_empty() {
            return Err(HeaderError::UnknownColumns {
                line,
                columns: unknown,
            });
        }
        Ok(Self {
            separator,
            names,
            places,
        })
    }

    /// Where a column is.
    pub(super) const fn place(&self, column: Column) -> usize {
        self.places[column as usize]
    }
}

/// Whether a line is the header of a summary, be it with errors.
pub(super) fn is_header(text: &str) -> bool {
    recognised(&names_of(text).1) >= COLUMNS_TO_RECOGNISE
}

/// Whether a line says something about the file, before its header: the type of what was exported, as Windows
/// PowerShell writes it without `-NoTypeInformation`, or Excel's separator.
pub(super) fn is_preamble(text: &str) -> bool {
    let text = text.trim_start();
    let begins_with = |beginning: &str| {
        text.get(..beginning.len())
            .is_some_and(|text| text.eq_ignore_ascii_case(beginning))
    };
    begins_with("#TYPE") || begins_with("sep=")
}

/// The names in a header, with the separator that yields most of the script's.
fn names_of(text: &str) -> (u8, Vec<String>) {
    let candidates = SEPARATORS.map(|separator| {
        let fields = fields_of(text, separator).unwrap_or_default();
        let names: Vec<String> = fields.iter().map(|name| name.trim().to_owned()).collect();
        (separator, names)
    });
    let [first, others @ ..] = candidates;
    others.into_iter().fold(first, |best, other| {
        if recognised(&other.1) > recognised(&best.1) {
            other
        } else {
            best
        }
    })
}

fn recognised(names: &[String]) -> usize {
    names.iter().filter(|name| column_named(name).is_some()).count()
}

fn column_named(name: &str) -> Option<Column> {
    let found = COLUMNS.iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
    found.map(|(column, _)| *column)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with the columns of the script and these in place of some.
    fn header(separator: &str, change: impl Fn(&str) -> Option<String>) -> String {
        let names: Vec<String> = COLUMNS.iter().filter_map(|(_, name)| change(name)).collect();
        names.join(separator)
    }

    #[test]
    fn columns_are_found_in_any_order_case_and_separation() {
        for (separator, quote) in [(",", "\""), (";", ""), ("\t", "\""), ("|", "")] {
            let mut names: Vec<&str> = COLUMNS.iter().map(|(_, name)| *name).collect();
            names.reverse();
            let text = names
                .iter()
                .map(|name| format!("{quote}{}{quote}", name.to_uppercase()))
                .collect::<Vec<_>>()
                .join(separator);
            let header = Header::of(1, &text).unwrap();
            assert_eq!(header.separator, separator.as_bytes()[0]);
            for (place, (column, _)) in COLUMNS.iter().rev().enumerate() {
                assert_eq!(header.place(*column), place, "{column:?}");
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_header_is_named() {
        let without = header(",", |name| (name != "MeterId").then(|| name.to_owned()));
        let with_other = header(",", |name| {
            Some(if name == "tags" {
                "labels".to_owned()
            } else {
                name.to_owned()
            })
        });
        let whole = header(",", |name| Some(name.to_owned()));
        for (text, expected) in [
            (without, "line 2: no column MeterId"),
            (with_other, "line 2: no column tags"),
            (format!("{whole},cost"), "line 2: unknown column cost"),
            (
                format!("{whole},QUANTITY"),
                "line 2: column Quantity is there more than once",
            ),
        ] {
            assert!(is_header(&text));
            assert_eq!(Header::of(2, &text).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn rejected_lines_are_taken_with_what_was_said_about_them() {
        let whole = header(",", |name| Some(name.to_owned()));
        let text = format!("{},{whole}", REJECTION_COLUMNS.join(","));
        assert_eq!(Header::of(1, &text).unwrap().place(Column::UsageStartTime), 3);
    }

    #[test]
    fn what_stands_before_a_header_is_passed_over() {
        for (text, expected) in [
            ("#TYPE System.Management.Automation.PSCustomObject", true),
            ("sep=;", true),
            ("UsageStartTime,UsageEndTime", false),
            ("#é", false),
        ] {
            assert_eq!(is_preamble(text), expected, "{text}");
        }
        assert!(!is_header("{\"value\":["));
        assert!(!is_header("date,Quantity,cost"));
    }
}
