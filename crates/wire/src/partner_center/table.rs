//! Line items as a table: fields as RFC 4180 has them, whatever separates them.

use super::{
    FIELDS, Field, Present, Row, Rows, UnreadableLineItems, Written, few_enough, field_named, rejected_line,
};

/// What may separate fields.
const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];

pub(super) fn rows(text: &str) -> Result<Rows, UnreadableLineItems> {
    let mut records = Records {
        rest: text,
        line: 1,
        separators: &SEPARATORS,
    };
    let header = loop {
        let record = records
            .next()
            .ok_or_else(|| UnreadableLineItems::new("expected a line with names of columns"))?;
        let begins = record.text.trim_start();
        // What spreadsheets say before the header.
        if !begins.is_empty() && !begins.starts_with("sep=") {
            break record.text;
        }
    };
    let (separator, columns) = columns(header);
    let mut found = Rows {
        written: Written::Table { separator },
        header: Some(header.trim_end().to_owned()),
        present: Present::default(),
        rows: Vec::new(),
        rejected: Vec::new(),
    };
    let mut places: [Option<usize>; FIELDS] = [None; FIELDS];
    for (place, column) in columns.iter().enumerate() {
        let Some(field) = column else { continue };
        found.present.add(*field);
        if places[*field as usize].replace(place).is_some() {
            return Err(UnreadableLineItems::new(format!(
                "expected each column once; column {} says what another says",
                place + 1
            )));
        }
    }
    let mut count = 0;
    records.separators = std::slice::from_ref(&separator);
    for record in records {
        if record.text.trim().is_empty() {
            continue;
        }
        count += 1;
        few_enough(count)?;
        let cells = cells(record.text, separator);
        let cells = cells.filter(|cells| cells.len() == columns.len());
        let Some(mut cells) = cells else {
            let message = format!(
                "expected {} fields, as the header has, and quotes that end where their field does",
                columns.len()
            );
            found.rejected.push(rejected_line(
                record.line,
                "InvalidLine",
                message,
                record.text.trim_end(),
            ));
            continue;
        };
        let fields = std::array::from_fn(|field| {
            let cell = places[field].and_then(|place| cells.get_mut(place));
            cell.map(std::mem::take).unwrap_or_default()
        });
        found.rows.push(Row {
            line: record.line,
            fields,
            text: record.text.trim_end().to_owned(),
        });
    }
    Ok(found)
}

/// The separator that yields most of the columns, and the columns.
fn columns(header: &str) -> (char, Vec<Option<Field>>) {
    let candidates = SEPARATORS.map(|separator| {
        let names = cells(header, separator).unwrap_or_default();
        let columns: Vec<Option<Field>> = names.iter().map(|name| field_named(name)).collect();
        (separator, columns)
    });
    let [first, others @ ..] = candidates;
    let known = |columns: &[Option<Field>]| columns.iter().flatten().count();
    others.into_iter().fold(first, |best, other| {
        if known(&other.1) > known(&best.1) {
            other
        } else {
            best
        }
    })
}

/// A record of the table, over as many lines as its quotes hold.
struct Record<'a> {
    line: usize,
    text: &'a str,
}

struct Records<'a> {
    rest: &'a str,
    line: usize,
    /// What separates cells; all that may, as long as that is not known.
    separators: &'a [char],
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        // A quote that never ends would take the rest of the file with it: then it is this line's own.
        let end = end_of_record(self.rest, self.separators)
            .or_else(|| self.rest.find('\n').map(|end| end + 1))
            .unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        let line = self.line;
        self.line += text.bytes().filter(|byte| *byte == b'\n').count();
        self.rest = rest;
        Some(Record { line, text })
    }
}

/// Where the next record begins; none if this is the last, or a quote does not end. A quote opens at the beginning of a cell
/// only: inside of one it is a character as any other, such as that of inches.
fn end_of_record(text: &str, separators: &[char]) -> Option<usize> {
    let (mut begins, mut is_quoted) = (true, false);
    let mut characters = text.char_indices().peekable();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' if is_quoted => {
                let is_doubled = characters.next_if(|(_, next)| *next == '"').is_some();
                is_quoted = is_doubled;
            }
            _ if is_quoted => {}
            '\n' => return Some(place + 1),
            '"' => is_quoted = begins,
            _ => {}
        }
        begins = !is_quoted && separators.contains(&character);
    }
    None
}

/// The cells of a record; none if a quote does not end, or something follows it in its cell.
fn cells(record: &str, separator: char) -> Option<Vec<String>> {
    let mut cells = Vec::new();
    let mut characters = record.trim_end_matches(['\r', '\n']).chars().peekable();
    loop {
        let mut cell = String::new();
        if characters.next_if_eq(&'"').is_some() {
            loop {
                match characters.next()? {
                    '"' if characters.next_if_eq(&'"').is_none() => break,
                    other => cell.push(other),
                }
            }
        } else {
            while let Some(character) = characters.next_if(|it| *it != separator) {
                cell.push(character);
            }
        }
        cells.push(cell);
        match characters.next() {
            None => return Some(cells),
            Some(character) if character == separator => {}
            Some(_) => return None,
        }
    }
}
