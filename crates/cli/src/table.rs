//! Lists as tables: one line a row, nothing cut off, numbers to the right.

use std::fmt;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement};

/// A column: its header, and to which side its cells are aligned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    header: &'static str,
    alignment: CellAlignment,
}

/// A column of words.
pub(crate) const fn left(header: &'static str) -> Column {
    Column {
        header,
        alignment: CellAlignment::Left,
    }
}

/// A column of numbers.
pub(crate) const fn right(header: &'static str) -> Column {
    Column {
        header,
        alignment: CellAlignment::Right,
    }
}

/// A table without borders.
pub(crate) struct Table {
    table: comfy_table::Table,
}

impl Table {
    /// An empty table of these columns.
    pub(crate) fn new(columns: &[Column]) -> Self {
        let mut table = comfy_table::Table::new();
        table
            .load_style(NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(columns.iter().map(|column| column.header));
        for (column, declared) in table.column_iter_mut().zip(columns) {
            column.set_cell_alignment(declared.alignment);
            column.set_padding((0, 2));
        }
        Self { table }
    }

    /// Adds a row: a cell for each column.
    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) -> &mut Self {
        self.table
            .add_row(cells.into_iter().map(|cell| one_line(&cell.into())));
        self
    }
}

/// A cell is one line, and cannot steer the terminal: names come from whoever made them.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table
            .lines()
            .try_for_each(|line| writeln!(f, "{}", line.trim_end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_to_the_left_and_numbers_to_the_right() {
        let mut table = Table::new(&[left("NAME"), right("QUANTITY"), left("UNIT")]);
        table
            .row(["north", "1,234.5", "vCPU hours"])
            .row(["a", "2", "GB"]);
        let expected = "NAME   QUANTITY  UNIT\nnorth   1,234.5  vCPU hours\na             2  GB\n";
        assert_eq!(table.to_string(), expected);
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
}
