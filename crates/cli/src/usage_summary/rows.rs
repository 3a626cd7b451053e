//! Lines of CSV, each record with the line that it begins in.
//!
//! A record may go over several lines, where a field in quotes does. A quote that is never closed would take all that
//! follows with it: so a record has limits, and what breaks them costs one line only.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read as _};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::rejection::Rejection;

/// The most bytes a line may have, and a record.
pub(crate) const RECORD_BYTES_MAX: usize = 1024 * 1024;
/// The most lines a record may go over.
pub(crate) const RECORD_LINES_MAX: usize = 100;
/// The most fields a record may have, which is far beyond the columns of a summary.
const FIELDS_MAX: usize = 64;
/// How much of a line that is too long is kept: enough to recognise it by.
const LONG_LINE_KEPT_BYTES: usize = 2048;

/// The fields of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fields {
    text: String,
    ends: Vec<usize>,
}

impl Fields {
    /// One field that holds this.
    fn alone(text: String) -> Self {
        Self {
            ends: vec![text.len()],
            text,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    /// The field at this place; empty where the record has none.
    pub(super) fn get(&self, place: usize) -> &str {
        let end = self.ends.get(place).copied().unwrap_or_default();
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before));
        self.text
            .get(start.copied().unwrap_or_default()..end)
            .unwrap_or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.count()).map(|place| self.get(place))
    }
}

/// A record of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// The line that it begins in, from 1.
    pub(super) line: u64,
    /// Its fields: of one that could not be taken apart, what is known of its text.
    pub(super) fields: Fields,
    /// Why it could not be taken apart.
    pub(super) broken: Option<Rejection>,
}

/// Why reading ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The system says so, or the compression.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A line in some older encoding.
    #[error("line {line} is not UTF-8")]
    NotUtf8 {
        /// Which, from 1.
        line: u64,
    },
}

/// A line as it stands in the file, with its end.
struct Line {
    number: u64,
    text: String,
    too_long: bool,
}

/// The records of a text in UTF-8.
pub(super) struct Rows<R> {
    text: R,
    separator: u8,
    /// What takes records apart: it is made once, which costs more than a record.
    reader: Reader,
    lines_read: u64,
    /// Lines that were read ahead.
    ahead: VecDeque<Line>,
}

impl<R: BufRead> Rows<R> {
    pub(super) fn new(text: R) -> Self {
        Self {
            text,
            separator: b',',
            reader: Reader::new(),
            lines_read: 0,
            ahead: VecDeque::new(),
        }
    }

    /// From now on fields are separated by this.
    pub(super) fn separated_by(&mut self, separator: u8) {
        self.separator = separator;
        self.reader = reader_of(separator);
    }

    /// The next line that is not empty, as it stands there, with its number.
    pub(super) fn line(&mut self) -> Result<Option<(u64, String)>, ReadError> {
        loop {
            match self.next_line()? {
                None => return Ok(None),
                Some(line) if line.text.trim().is_empty() => {}
                Some(line) => return Ok(Some((line.number, line.text))),
            }
        }
    }

    /// The next record.
    pub(super) fn row(&mut self) -> Result<Option<Row>, ReadError> {
        let first = loop {
            match self.next_line()? {
                None => return Ok(None),
                Some(line) if line.text.trim().is_empty() => {}
                Some(line) => break line,
            }
        };
        let line = first.number;
        if first.too_long {
            return Ok(Some(broken(&first, Rejection::line_too_long(RECORD_BYTES_MAX))));
        }
        if let Some(fields) = taken_apart(&mut self.reader, &first.text) {
            return Ok(Some(whole(line, fields)));
        }
        let mut text = first.text.clone();
        let mut further = Vec::new();
        while further.len() + 1 < RECORD_LINES_MAX && text.len() <= RECORD_BYTES_MAX {
            let Some(next) = self.next_line()? else { break };
            let too_long = next.too_long;
            text.push_str(&next.text);
            further.push(next);
            if too_long {
                break;
            }
            if let Some(fields) = taken_apart(&mut self.reader, &text) {
                if is_quoted_well(&text, self.separator) {
                    return Ok(Some(whole(line, fields)));
                }
                break;
            }
        }
        for line in further.into_iter().rev() {
            self.ahead.push_front(line);
        }
        Ok(Some(broken(&first, Rejection::unclosed_quote())))
    }

    fn next_line(&mut self) -> Result<Option<Line>, ReadError> {
        if let Some(line) = self.ahead.pop_front() {
            return Ok(Some(line));
        }
        let mut bytes = Vec::new();
        let limit = RECORD_BYTES_MAX as u64 + 1;
        (&mut self.text).take(limit).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.lines_read += 1;
        let number = self.lines_read;
        let too_long = bytes.len() > RECORD_BYTES_MAX && !bytes.ends_with(b"\n");
        if too_long {
            self.text.skip_until(b'\n')?;
            bytes.truncate(LONG_LINE_KEPT_BYTES);
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) if too_long => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            Err(_) => return Err(ReadError::NotUtf8 { line: number }),
        };
        Ok(Some(Line {
            number,
            text,
            too_long,
        }))
    }
}

fn whole(line: u64, fields: Fields) -> Row {
    Row {
        line,
        fields,
        broken: None,
    }
}

fn broken(line: &Line, why: Rejection) -> Row {
    Row {
        line: line.number,
        fields: Fields::alone(line.text.trim_end().to_owned()),
        broken: Some(why),
    }
}

fn reader_of(separator: u8) -> Reader {
    ReaderBuilder::new().delimiter(separator).build()
}

/// The fields of a line that is one whole record, if they are separated by this.
pub(super) fn fields_of(line: &str, separator: u8) -> Option<Fields> {
    taken_apart(&mut reader_of(separator), line)
}

/// The fields of a text that is one whole record; nothing if a quote in it is still open, or if it has too many.
fn taken_apart(reader: &mut Reader, text: &str) -> Option<Fields> {
    reader.reset();
    let mut content = vec![0; text.len()];
    let mut ends = vec![0; FIELDS_MAX];
    // The last line of a file may have no end.
    let text = text.trim_end_matches(['\r', '\n']).as_bytes();
    let (result, _, written, first_fields) = reader.read_record(text, &mut content, &mut ends);
    if result != ReadRecordResult::InputEmpty {
        return None;
    }
    let (result, _, more, fields) =
        reader.read_record(b"\n", content.get_mut(written..)?, ends.get_mut(first_fields..)?);
    if result != ReadRecordResult::Record {
        return None;
    }
    content.truncate(written + more);
    ends.truncate(first_fields + fields);
    Some(Fields {
        text: String::from_utf8(content).ok()?,
        ends,
    })
}

/// Whether a quote ends a field wherever it is not doubled, which it does in all that programs write. Where a quote is
/// missing, the next one that is meant to begin a field does not.
fn is_quoted_well(text: &str, separator: u8) -> bool {
    let mut bytes = text.trim_end_matches(['\r', '\n']).bytes().peekable();
    let (mut at_start, mut inside) = (true, false);
    while let Some(byte) = bytes.next() {
        if byte != b'"' {
            at_start = !inside && byte == separator;
        } else if inside {
            if bytes.next_if_eq(&b'"').is_none() {
                inside = false;
                if bytes.peek().is_some_and(|next| *next != separator) {
                    return false;
                }
            }
        } else if at_start {
            (at_start, inside) = (false, true);
        } else {
            return false;
        }
    }
    !inside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(u64, Vec<String>, Option<&'static str>)> {
        let mut rows = Rows::new(text.as_bytes());
        rows.separated_by(b',');
        let mut found = Vec::new();
        while let Some(row) = rows.row().unwrap() {
            let code = row.broken.map(|it| it.code);
            found.push((row.line, row.fields.iter().map(str::to_owned).collect(), code));
        }
        found
    }

    fn good(line: u64, fields: [&str; 2]) -> (u64, Vec<String>, Option<&'static str>) {
        (line, fields.map(str::to_owned).to_vec(), None)
    }

    #[test]
    fn quotes_separators_and_line_ends_inside_of_fields_are_theirs() {
        let text = "\"a, b\",\"he said \"\"no\"\"\"\r\n\r\n\"x\r\ny\",z\n1,";
        assert_eq!(
            rows(text),
            [
                good(1, ["a, b", "he said \"no\""]),
                good(3, ["x\r\ny", "z"]),
                good(5, ["1", ""]),
            ]
        );
    }

    #[test]
    fn a_record_of_several_lines_is_one_though_it_has_a_field_too_many() {
        let fields = ["a\nb", "c", "d"].map(str::to_owned).to_vec();
        assert_eq!(
            rows("\"a\nb\",\"c\",\"d\"\n1,2"),
            [(1, fields, None), good(3, ["1", "2"])]
        );
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_its_own_line_and_no_neighbour() {
        let text = "\"a\",\"b\"\n\"c\",\"d\n\"e\",\"f\"\n\"g\",\"h\"\n";
        let lost = |text: &str| (2, vec![text.to_owned()], Some("UnclosedQuote"));
        assert_eq!(
            rows(text),
            [
                good(1, ["a", "b"]),
                lost("\"c\",\"d"),
                good(3, ["e", "f"]),
                good(4, ["g", "h"]),
            ]
        );
        let unquoted: String = (0..3 * RECORD_LINES_MAX)
            .map(|number| format!("{number},x\n"))
            .collect();
        let found = rows(&format!("\"open,x\n{unquoted}"));
        assert_eq!(found.len(), 3 * RECORD_LINES_MAX + 1);
        assert_eq!(found.iter().filter(|(.., broken)| broken.is_some()).count(), 1);
    }

    #[test]
    fn a_line_of_any_length_costs_itself_and_not_the_memory_of_the_machine() {
        let long = format!("a,{}\nb,c\n", "é".repeat(RECORD_BYTES_MAX));
        let found = rows(&long);
        assert_eq!(found[0].2, Some("LineTooLong"));
        assert!(found[0].1[0].len() < 2 * LONG_LINE_KEPT_BYTES);
        assert_eq!(found[1], good(2, ["b", "c"]));
    }

    #[test]
    fn text_of_an_older_encoding_is_refused_with_its_line() {
        let mut rows = Rows::new(&b"a,b\nM\xfcnchen,c\n"[..]);
        rows.separated_by(b',');
        rows.row().unwrap();
        let error = rows.row().unwrap_err();
        assert!(matches!(error, ReadError::NotUtf8 { line: 2 }), "{error}");
    }
}
