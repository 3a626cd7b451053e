//! Where output goes: data to standard output, everything else to standard error. Nothing else prints.

mod growing;
mod progress;
mod style;

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::failure::Failure;
pub(crate) use growing::GrowingList;
use progress::Bars;
pub(crate) use progress::Progress;
pub(crate) use style::Style;

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Tables and sentences, for people.
    Table,
    /// One JSON document.
    Json,
    /// One JSON document in each line.
    Ndjson,
}

/// How wide a terminal is taken to be that does not say so.
const WIDTH: u16 = 100;

type Sink = Mutex<Box<dyn Write + Send>>;

/// Prints. Clones print to the same places.
#[derive(Clone)]
pub(crate) struct Printer {
    shared: Arc<Places>,
}

struct Places {
    format: Format,
    quiet: bool,
    width: Option<u16>,
    data_style: Style,
    note_style: Style,
    bars: Option<Bars>,
    data: Sink,
    notes: Sink,
    /// Programs read standard error, too: there is a log in JSON.
    notes_are_json: AtomicBool,
}

impl Printer {
    /// Prints to this process's standard output and standard error, with colours where these are terminals.
    pub(crate) fn standard(format: Format, quiet: bool, colours: bool) -> Self {
        let (data, notes) = (io::stdout(), io::stderr());
        let terminal = notes.is_terminal();
        Self {
            shared: Arc::new(Places {
                format,
                quiet,
                width: width_of(&data),
                data_style: Style::new(colours && data.is_terminal() && format == Format::Table),
                note_style: Style::new(colours && terminal),
                bars: (terminal && !quiet).then(Bars::on_standard_error),
                data: Mutex::new(Box::new(data)),
                notes: Mutex::new(Box::new(notes)),
                notes_are_json: AtomicBool::new(false),
            }),
        }
    }

    /// From now on a failure is said as JSON, whatever the format of data: among the lines of a log in JSON.
    pub(crate) fn fail_as_json(&self) {
        self.shared.notes_are_json.store(true, Ordering::Relaxed);
    }

    /// How data is marked up.
    pub(crate) fn style(&self) -> Style {
        self.shared.data_style
    }

    /// How long a line of data may be without being broken where it ends; nothing where no terminal breaks it.
    pub(crate) fn width(&self) -> Option<u16> {
        self.shared.width
    }

    /// Prints one piece of data: as JSON, or as the text for people.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub(crate) fn show<T: Serialize>(&self, data: &T, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.shared.format {
            Format::Table => self.write_data(&text()),
            Format::Json => self.write_data(&json(serde_json::to_string_pretty(data))?),
            Format::Ndjson => self.write_data(&json(serde_json::to_string(data))?),
        }
    }

    /// Prints a document that is read by a program again, whatever the format: as JSON.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub(crate) fn document<T: Serialize>(&self, data: &T) -> Result<(), Failure> {
        self.write_data(&json(serde_json::to_string_pretty(data))?)
    }

    /// Prints a list: as one JSON array, as one JSON document in each line, or as the text for people.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub(crate) fn show_list<T: Serialize>(
        &self,
        items: &[T],
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.shared.format != Format::Ndjson {
            return self.show(&items, text);
        }
        let mut lines = String::new();
        for item in items {
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "{}", json(serde_json::to_string(item))?);
        }
        self.write_data(&lines)
    }

    /// Prints data that people are told of in notes.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub(crate) fn show_to_programs<T: Serialize>(&self, data: &T) -> Result<(), Failure> {
        match self.shared.format {
            Format::Table => Ok(()),
            Format::Json | Format::Ndjson => self.show(data, String::new),
        }
    }

    /// Says something in passing. Silent when quiet.
    pub(crate) fn note(&self, text: &str) {
        if !self.shared.quiet {
            self.write_note(text);
        }
    }

    /// Asks somebody to do something without which the command does not go on. Never silent.
    pub(crate) fn request(&self, text: &str) {
        self.write_note(text);
    }

    /// Says what needs attention.
    pub(crate) fn warning(&self, text: &str) {
        self.write_note(&format!("{} {text}", self.shared.note_style.caution("warning:")));
    }

    /// Says what could be done next. Silent when quiet.
    pub(crate) fn hint(&self, text: &str) {
        self.note(&format!("{} {text}", self.shared.note_style.subdued("hint:")));
    }

    /// Says why the command failed: to people, or where data or the log is JSON as one line in the envelope of the
    /// API's errors.
    pub(crate) fn failure(&self, failure: &Failure) {
        let is_json =
            self.shared.format != Format::Table || self.shared.notes_are_json.load(Ordering::Relaxed);
        if is_json && let Ok(line) = serde_json::to_string(&Envelope { error: failure }) {
            return self.write_note(&line);
        }
        let style = self.shared.note_style;
        let mut text = format!("{} {}", style.bad("error:"), failure.what());
        for cause in failure.causes() {
            let _ = write!(text, "\n  {cause}");
        }
        if let Some(hint) = failure.hint_text() {
            let _ = write!(text, "\n{} {hint}", style.subdued("hint:"));
        }
        self.write_note(&text);
    }

    /// Shows how far a long piece of work is, where somebody can watch it: `total` of these `things`.
    pub(crate) fn progress(&self, total: Option<u64>, things: &'static str) -> Progress {
        Progress::new(self.shared.bars.as_ref(), total, things)
    }

    fn write_data(&self, text: &str) -> Result<(), Failure> {
        match self.undisturbed(|| write_line(&self.shared.data, text)) {
            // Whoever reads it has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::new("The output cannot be written.").because(error.to_string())),
            Ok(()) => Ok(()),
        }
    }

    fn write_note(&self, text: &str) {
        // Who cannot be told cannot be told that either.
        let _ = self.undisturbed(|| write_line(&self.shared.notes, text));
    }

    /// Does it while no bar is drawn.
    fn undisturbed<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.shared.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }
}

/// How the API writes errors.
#[derive(Serialize)]
struct Envelope<'a> {
    error: &'a Failure,
}

fn width_of(data: &io::Stdout) -> Option<u16> {
    let known = || terminal_size::terminal_size_of(data).map(|(width, _)| width.0);
    data.is_terminal()
        .then(|| known().filter(|width| *width > 0).unwrap_or(WIDTH))
}

fn json(text: Result<String, serde_json::Error>) -> Result<String, Failure> {
    text.map_err(|error| Failure::new("The answer cannot be written as JSON.").because(error.to_string()))
}

/// Writes whole lines: a text that does not end its last line gets its end.
fn write_line(sink: &Sink, text: &str) -> io::Result<()> {
    let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
    sink.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        sink.write_all(b"\n")?;
    }
    sink.flush()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What was printed.
    #[derive(Clone, Default)]
    pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Captured {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A printer, its data and its notes.
    pub(crate) fn captured(format: Format, quiet: bool) -> (Printer, Captured, Captured) {
        let (data, notes) = (Captured::default(), Captured::default());
        let shared = Arc::new(Places {
            format,
            quiet,
            width: None,
            data_style: Style::new(false),
            note_style: Style::new(false),
            bars: None,
            data: Mutex::new(Box::new(data.clone())),
            notes: Mutex::new(Box::new(notes.clone())),
            notes_are_json: AtomicBool::new(false),
        });
        (Printer { shared }, data, notes)
    }

    #[test]
    fn data_and_notes_never_mix() {
        let (printer, data, notes) = captured(Format::Table, false);
        printer.note("on the way");
        printer.show(&1, || "one".to_owned()).unwrap();
        printer.warning("careful");
        printer.hint("go on");
        assert_eq!(data.text(), "one\n");
        assert_eq!(notes.text(), "on the way\nwarning: careful\nhint: go on\n");
    }

    #[test]
    fn quiet_leaves_data_warnings_and_failures() {
        let (printer, data, notes) = captured(Format::Table, true);
        printer.note("on the way");
        printer.hint("go on");
        printer.warning("careful");
        printer.show(&1, || "one".to_owned()).unwrap();
        printer.failure(&Failure::new("It broke."));
        assert_eq!(data.text(), "one\n");
        assert_eq!(notes.text(), "warning: careful\nerror: It broke.\n");
    }

    #[test]
    fn a_list_is_printed_in_each_format() {
        for (format, expected) in [
            (Format::Table, "a table\n"),
            (Format::Json, "[\n  \"a\",\n  \"b\"\n]\n"),
            (Format::Ndjson, "\"a\"\n\"b\"\n"),
        ] {
            let (printer, data, _) = captured(format, false);
            printer.show_list(&["a", "b"], || "a table".to_owned()).unwrap();
            assert_eq!(data.text(), expected, "{format:?}");
        }
        let (printer, data, _) = captured(Format::Ndjson, false);
        printer.show_list::<&str>(&[], String::new).unwrap();
        assert_eq!(data.text(), "");
    }

    #[test]
    fn a_failure_is_told_with_its_causes_and_what_to_do() {
        let failure = Failure::new("It broke.")
            .coded("Broken")
            .because("the glass")
            .because("the fall")
            .hint("Use plastic.");
        let to_people = "error: It broke.\n  the glass\n  the fall\nhint: Use plastic.\n";
        let to_programs = concat!(
            r#"{"error":{"code":"Broken","message":"It broke.","causes":["the glass","the fall"],"hint":"Use plastic."}}"#,
            "\n"
        );
        for (format, expected) in [
            (Format::Table, to_people),
            (Format::Json, to_programs),
            (Format::Ndjson, to_programs),
        ] {
            let (printer, data, notes) = captured(format, true);
            printer.failure(&failure);
            assert_eq!((notes.text().as_str(), data.text().as_str()), (expected, ""));
        }
    }

    #[test]
    fn output_that_cannot_be_written_is_a_failure_unless_nobody_wants_it() {
        struct Broken(io::ErrorKind);
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (printer, ..) = captured(Format::Table, false);
        *printer.shared.data.lock().unwrap() = Box::new(Broken(io::ErrorKind::BrokenPipe));
        printer.show(&1, || "one".to_owned()).unwrap();
        *printer.shared.data.lock().unwrap() = Box::new(Broken(io::ErrorKind::StorageFull));
        let failure = printer.show(&1, || "one".to_owned()).unwrap_err();
        assert_eq!(failure.what(), "The output cannot be written.");
    }
}
