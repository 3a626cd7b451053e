//! Lists as tables: numbers to the right, and on a terminal no line that is broken where it ends.
//!
//! Where a table is read on, by a file or another program, each row is one line and nothing is left out. On a terminal
//! that is too narrow, what matters least is left out, and said to be.

use std::fmt;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Width};
use serde::Serialize;

use crate::failure::Failure;
use crate::printer::{GrowingList, Printer};

/// What stands between two columns.
const GAP: u16 = 2;
/// Words are not broken to wrap a column, unless they are longer than an id is.
const WORD_MAX: usize = 36;

/// A column: its header, and how its cells are set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    header: &'static str,
    alignment: CellAlignment,
    rank: u8,
    wraps: bool,
}

impl Column {
    const fn new(header: &'static str, alignment: CellAlignment) -> Self {
        Self {
            header,
            alignment,
            rank: 0,
            wraps: false,
        }
    }

    /// It may be left out where there is no room, and before those of a lower rank.
    pub(crate) const fn rank(self, rank: u8) -> Self {
        Self { rank, ..self }
    }

    /// It may take several lines where there is no room.
    pub(crate) const fn wraps(self) -> Self {
        Self { wraps: true, ..self }
    }
}

/// A column of words.
pub(crate) const fn left(header: &'static str) -> Column {
    Column::new(header, CellAlignment::Left)
}

/// A column of numbers.
pub(crate) const fn right(header: &'static str) -> Column {
    Column::new(header, CellAlignment::Right)
}

/// A table without borders. As text, its rows are lines, as long as they have to be.
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table of these columns.
    pub(crate) fn new(columns: &[Column]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row: a cell for each column.
    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) -> &mut Self {
        let cells = cells.into_iter().map(|cell| one_line(&cell.into()));
        self.rows.push(cells.collect());
        self
    }

    /// The table where lines can be so long, if that is known.
    pub(crate) fn within(&self, width: Option<u16>) -> String {
        match width {
            Some(width) => self.fitted(width),
            None => self.to_string(),
        }
    }

    fn fitted(&self, width: u16) -> String {
        let whole = self.drawn(&self.columns, None);
        let widths = whole.column_max_content_widths();
        let needed = |kept: &[bool]| -> u16 {
            let kept = widths.iter().zip(kept).filter(|(_, kept)| **kept);
            kept.map(|(width, _)| width.saturating_add(GAP))
                .fold(0, u16::saturating_add)
                .saturating_sub(GAP)
        };
        let mut kept = vec![true; self.columns.len()];
        while needed(&kept) > width
            && let Some(least) = self.least(&kept)
        {
            if let Some(kept) = kept.get_mut(least) {
                *kept = false;
            }
        }
        let fits = needed(&kept) <= width;
        let shown = self.only(&kept);
        let mut text = lines(&shown.drawn(&shown.columns, (!fits).then_some(width)));
        let left_out = self.columns.iter().zip(&kept).filter(|(_, kept)| !**kept);
        let left_out: Vec<&str> = left_out.map(|(column, _)| column.header).collect();
        if !left_out.is_empty() {
            let left_out = left_out.join(", ");
            text.push_str(&format!("(--output json also has {left_out})\n"));
        }
        text
    }

    /// Which of the columns that are still there matters least, if one may go.
    fn least(&self, kept: &[bool]) -> Option<usize> {
        let there = self.columns.iter().zip(kept).enumerate();
        there
            .filter(|(_, (column, kept))| **kept && column.rank > 0)
            .max_by_key(|(_, (column, _))| column.rank)
            .map(|(index, _)| index)
    }

    fn only(&self, kept: &[bool]) -> Self {
        fn chosen<T: Clone>(all: &[T], kept: &[bool]) -> Vec<T> {
            let chosen = all.iter().zip(kept).filter(|(_, kept)| **kept);
            chosen.map(|(one, _)| one.clone()).collect()
        }
        Self {
            columns: chosen(&self.columns, kept),
            rows: self.rows.iter().map(|row| chosen(row, kept)).collect(),
        }
    }

    /// Draws the table; with a width, columns that may wrap do.
    fn drawn(&self, columns: &[Column], width: Option<u16>) -> comfy_table::Table {
        let mut table = comfy_table::Table::new();
        table
            .load_style(NOTHING)
            .set_header(columns.iter().map(|column| column.header));
        table.add_rows(&self.rows);
        match width {
            // The gap after the last column is cut off.
            Some(width) => table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width.saturating_add(GAP)),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        for (index, (column, declared)) in table.column_iter_mut().zip(columns).enumerate() {
            column.set_cell_alignment(declared.alignment);
            column.set_padding((0, GAP));
            if width.is_some() {
                column.set_constraint(if declared.wraps {
                    ColumnConstraint::LowerBoundary(Width::Fixed(
                        self.longest_word(index).saturating_add(GAP),
                    ))
                } else {
                    ColumnConstraint::ContentWidth
                });
            }
        }
        table
    }

    fn longest_word(&self, column: usize) -> u16 {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let words = cells.flat_map(|cell| cell.split_whitespace());
        let longest = words.map(|word| word.chars().count().min(WORD_MAX)).max();
        u16::try_from(longest.unwrap_or_default()).unwrap_or(u16::MAX)
    }
}

/// A cell is one line, and cannot steer the terminal: names come from whoever made them.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn lines(table: &comfy_table::Table) -> String {
    let lines = table.lines().map(|line| format!("{}\n", line.trim_end()));
    lines.collect()
}

impl Table {
    /// Rows as long as they are: what stands last is not padded to the longest, which may be thousands of times as long.
    fn unbroken(&self) -> String {
        let ends_with_words = |(last, others): &(&Column, &[Column])| {
            last.alignment == CellAlignment::Left && !others.is_empty()
        };
        let Some((last, others)) = self.columns.split_last().filter(ends_with_words) else {
            return lines(&self.drawn(&self.columns, None));
        };
        let kept: Vec<bool> = others.iter().map(|_| true).chain([false]).collect();
        let begun = self.only(&kept).drawn(others, None);
        let ends = self.rows.iter().map(|row| row.last().map_or("", String::as_str));
        let ends = std::iter::once(last.header).chain(ends);
        let lines = begun.lines().zip(ends);
        lines
            .map(|(line, end)| format!("{}\n", format!("{line}{end}").trim_end()))
            .collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.unbroken())
    }
}

/// A column with what it says of a thing.
pub(crate) type Field<T> = (Column, fn(&T) -> String);

/// How things of one kind are listed.
pub(crate) struct Listing<T: 'static>(pub(crate) &'static [Field<T>]);

impl<T: Serialize> Listing<T> {
    /// Prints a list of things.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub(crate) fn show(&self, things: &[T], printer: &Printer) -> Result<(), Failure> {
        printer.show_list(things, || self.table(things).within(printer.width()))
    }

    /// Prints one thing.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub(crate) fn show_one(&self, thing: &T, printer: &Printer) -> Result<(), Failure> {
        printer.show(thing, || {
            self.table(std::slice::from_ref(thing)).within(printer.width())
        })
    }

    /// A list of as many things as there may be, printed portion by portion.
    pub(crate) fn growing<'p>(&'p self, printer: &'p Printer) -> GrowingTable<'p, T> {
        GrowingTable {
            listing: self,
            printer,
            list: printer.growing_list(),
            begun: false,
        }
    }

    /// Things as a table, as it is printed where they are a part of something.
    pub(crate) fn text(&self, things: &[T], printer: &Printer) -> String {
        self.table(things).within(printer.width())
    }

    fn table(&self, things: &[T]) -> Table {
        let columns: Vec<Column> = self.0.iter().map(|(column, _)| *column).collect();
        let mut table = Table::new(&columns);
        for thing in things {
            table.row(self.0.iter().map(|(_, cell)| cell(thing)));
        }
        table
    }
}

/// A table that is printed while it grows. Each portion of it is aligned by itself.
pub(crate) struct GrowingTable<'p, T: 'static> {
    listing: &'p Listing<T>,
    printer: &'p Printer,
    list: GrowingList<'p>,
    begun: bool,
}

impl<T: Serialize> GrowingTable<'_, T> {
    /// More things.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub(crate) fn add(&mut self, things: &[T]) -> Result<(), Failure> {
        things.iter().try_for_each(|thing| self.list.add(thing))?;
        if things.is_empty() {
            return Ok(());
        }
        let width = self.printer.width();
        // On a terminal another portion may have other columns; elsewhere a header in the middle is none.
        let headed = width.is_some() || !self.begun;
        self.begun = true;
        self.list.tell(|| {
            let text = self.listing.table(things).within(width);
            let rows = text.split_once('\n').filter(|_| !headed);
            rows.map_or_else(|| text.clone(), |(_, rows)| rows.to_owned())
        })
    }

    /// There are no more.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub(crate) fn end(self) -> Result<(), Failure> {
        let (listing, width) = (self.listing, self.printer.width());
        self.list.end(|| {
            if self.begun {
                String::new()
            } else {
                listing.table(&[]).within(width)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::Format;
    use crate::printer::tests::captured;

    const WORDS: Listing<String> = Listing(&[
        (right("LENGTH"), |it| it.len().to_string()),
        (left("WORD"), Clone::clone),
    ]);

    #[test]
    fn one_long_record_would_make_every_line_of_a_file_as_long_and_all_of_them_would_be_held() {
        let words = |many: usize| -> Vec<String> { (0..many).map(|it| "x".repeat(it)).collect() };
        let long = "y".repeat(100_000);
        for (format, headers, lines) in [(Format::Table, 1, 7), (Format::Ndjson, 0, 6)] {
            let (printer, data, _) = captured(format, false);
            let mut table = WORDS.growing(&printer);
            table.add(&words(3)).unwrap();
            assert_eq!(
                data.text().lines().count(),
                headers + 3,
                "it is printed while it grows"
            );
            table.add(&[]).unwrap();
            table
                .add(&[String::from("z"), long.clone(), String::new()])
                .unwrap();
            table.end().unwrap();
            let text = data.text();
            assert_eq!(
                (text.lines().count(), text.matches("LENGTH").count()),
                (lines, headers),
                "{format:?}"
            );
            assert!(text.len() < 2 * long.len(), "{format:?}: {}", text.len());
        }
        let (printer, data, _) = captured(Format::Table, false);
        WORDS.growing(&printer).end().unwrap();
        assert_eq!(data.text(), "LENGTH  WORD\n", "there is nothing");
    }

    #[test]
    fn words_are_to_the_left_and_numbers_to_the_right() {
        let mut table = Table::new(&[left("NAME"), right("QUANTITY"), left("UNIT")]);
        table
            .row(["north", "1,234.5", "vCPU hours"])
            .row(["a", "2", "GB"]);
        let expected = "NAME   QUANTITY  UNIT\nnorth   1,234.5  vCPU hours\na             2  GB\n";
        assert_eq!(table.to_string(), expected);
        assert_eq!(table.within(Some(27)), expected, "it fits exactly");
    }

    #[test]
    fn an_empty_table_is_its_header() {
        assert_eq!(Table::new(&[left("NAME"), left("ID")]).to_string(), "NAME  ID\n");
    }

    #[test]
    fn a_name_cannot_break_a_row_or_steer_the_terminal() {
        let mut table = Table::new(&[left("NAME")]);
        table.row(["two\nlines\u{1b}[2J"]);
        assert_eq!(table.to_string(), "NAME\ntwo lines [2J\n");
    }

    #[test]
    fn on_a_narrow_terminal_the_least_is_left_out_before_anything_wraps() {
        let columns = [
            left("ID").rank(1),
            left("NAME"),
            left("MORE").rank(2),
            left("MESSAGE").wraps(),
        ];
        let mut table = Table::new(&columns);
        table.row(["5bf881b2", "north", "a few words", "expected a decimal number"]);
        assert_eq!(
            table.to_string().lines().count(),
            2,
            "where nobody looks, a row is a line"
        );
        assert_eq!(
            table.within(Some(42)),
            "ID        NAME   MESSAGE\n5bf881b2  north  expected a decimal number\n\
             (--output json also has MORE)\n"
        );
        assert_eq!(
            table.within(Some(25)),
            "NAME   MESSAGE\nnorth  expected a decimal\n       number\n\
             (--output json also has ID, MORE)\n"
        );
    }

    #[test]
    fn no_line_is_longer_than_the_terminal_is_wide() {
        let mut table = Table::new(&[left("ID"), left("RAW").wraps(), left("MESSAGE").wraps()]);
        table.row([
            "5bf881b2-6be7-42a1-9f47-d6fcb6737747".to_owned(),
            "x".repeat(80),
            "word ".repeat(40),
        ]);
        let text = table.within(Some(100));
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(text.contains("5bf881b2-6be7-42a1-9f47-d6fcb6737747"), "{text}");
    }
}
