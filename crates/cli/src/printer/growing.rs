//! Lists that are printed while they grow: nobody knows how long they get, and what is there already is not held back.

use serde::Serialize;

use super::{Format, Printer, json};
use crate::failure::Failure;

/// A list of which one item after the other comes. To people it is told as a whole in its end, or by whoever adds to it.
pub(crate) struct GrowingList<'p> {
    printer: &'p Printer,
    begun: bool,
    /// The last item, as long as nobody knows whether another one follows.
    last: Option<String>,
}

impl Printer {
    /// Prints a list as [`Printer::show_list`] does, item by item.
    pub(crate) const fn growing_list(&self) -> GrowingList<'_> {
        GrowingList {
            printer: self,
            begun: false,
            last: None,
        }
    }
}

impl GrowingList<'_> {
    /// One more item.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub(crate) fn add<T: Serialize>(&mut self, item: &T) -> Result<(), Failure> {
        match self.printer.shared.format {
            Format::Table => Ok(()),
            Format::Ndjson => self.printer.write_data(&json(serde_json::to_string(item))?),
            Format::Json => {
                let item = json(serde_json::to_string_pretty(item))?.replace('\n', "\n  ");
                let before = self.last.replace(item);
                self.write(before, ",")
            }
        }
    }

    /// Tells people of what was added.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub(crate) fn tell(&self, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.printer.shared.format {
            Format::Table => self.printer.write_data(&text()),
            Format::Json | Format::Ndjson => Ok(()),
        }
    }

    /// There are no more: the text tells all of them to people.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub(crate) fn end(mut self, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.printer.shared.format {
            Format::Table => self.printer.write_data(&text()),
            Format::Ndjson => Ok(()),
            Format::Json if self.begun || self.last.is_some() => self.close(),
            Format::Json => self.printer.write_data("[]"),
        }
    }

    fn write(&mut self, item: Option<String>, end: &str) -> Result<(), Failure> {
        let Some(item) = item else { return Ok(()) };
        let begin = if self.begun { "" } else { "[\n" };
        self.begun = true;
        self.printer.write_data(&format!("{begin}  {item}{end}"))
    }

    fn close(&mut self) -> Result<(), Failure> {
        let last = self.last.take();
        self.write(last, "")?;
        self.begun = false;
        self.printer.write_data("]")
    }
}

impl Drop for GrowingList<'_> {
    /// What was done before something failed was done: it is a list all the same.
    fn drop(&mut self) {
        if self.begun || self.last.is_some() {
            // The failure is told already.
            let _ = self.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::tests::captured;

    #[test]
    fn a_list_is_the_same_whether_it_comes_at_once_or_item_by_item() {
        for format in [Format::Table, Format::Json, Format::Ndjson] {
            for items in [vec![], vec![vec![1]], vec![vec![1], vec![2, 3]]] {
                let (at_once, expected, _) = captured(format, false);
                at_once.show_list(&items, || "a table".to_owned()).unwrap();
                let (printer, data, _) = captured(format, false);
                let mut list = printer.growing_list();
                items.iter().for_each(|item| list.add(item).unwrap());
                list.end(|| "a table".to_owned()).unwrap();
                assert_eq!(data.text(), expected.text(), "{format:?}");
            }
        }
    }

    #[test]
    fn what_was_done_before_a_failure_can_be_read_by_programs() {
        let (printer, data, _) = captured(Format::Json, false);
        let mut list = printer.growing_list();
        list.add(&1).unwrap();
        list.add(&2).unwrap();
        drop(list);
        assert_eq!(data.text(), "[\n  1,\n  2\n]\n");
    }
}
