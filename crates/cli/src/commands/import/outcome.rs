//! What came of an import.

use serde::Serialize;
use wire::api::{DeliveryReceipt, Warning};

use super::reading::Place;
use super::sending::Sent;
use crate::commands::revisions::{HOW_TO_MAKE_THEM_COUNT, NotCounting};
use crate::failure::Failure;
use crate::figures::{count, counted};
use crate::printer::Printer;

/// How many problems are printed; the others are in quarantine all the same.
const PROBLEMS_SHOWN_MAX: usize = 20;
/// How many problems are kept for the document that is printed: of a file that is bad throughout, not all.
const PROBLEMS_KEPT_MAX: usize = 1000;
/// The code of the warning that counts what is charged to nobody.
const UNREGISTERED_USAGE: &str = "UnregisteredUsage";

/// What came of all deliveries.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Imported {
    deliveries: u64,
    records: u64,
    accepted: u64,
    duplicate: u64,
    revised: u64,
    #[serde(skip_serializing_if = "NotCounting::is_unknown")]
    revised_not_counting: NotCounting,
    quarantined: u64,
    /// Of the duplicates, those that wait in quarantine since an earlier delivery.
    still_quarantined: u64,
    /// Records of deliveries that had arrived before: what came of them is the answer of the first time.
    answered_again: u64,
    /// Records that are kept and charged to nobody, as the stack was not registered in their hour.
    unregistered: u64,
    /// What is wrong with the first of those in quarantine, [`PROBLEMS_KEPT_MAX`] at the most.
    problems: Vec<Problem>,
    /// The first warning of each code: every delivery has them anew.
    warnings: Vec<Warning>,
}

/// A record that cannot be counted as it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem {
    file: String,
    /// Its place in the file.
    #[serde(flatten)]
    place: Place,
    code: String,
    message: String,
}

impl Imported {
    /// Counts what came of one delivery, and if it is answered as the first time, that it is.
    pub(super) fn add(&mut self, sent: &Sent, delivered: DeliveryReceipt, repeated: bool) {
        self.deliveries += 1;
        self.records += u64::from(sent.records);
        if repeated {
            self.answered_again += u64::from(sent.records);
        }
        self.accepted += u64::from(delivered.accepted);
        self.duplicate += u64::from(delivered.duplicate);
        self.revised += u64::from(delivered.revised);
        self.revised_not_counting
            .add(delivered.revised, delivered.revised_not_counting);
        self.quarantined += u64::from(delivered.quarantined);
        self.still_quarantined += u64::from(delivered.still_quarantined);
        self.unregistered += u64::from(delivered.unregistered);
        let room = PROBLEMS_KEPT_MAX - self.problems.len();
        let problems = delivered.problems.into_iter().take(room);
        self.problems.extend(problems.map(|problem| Problem {
            file: sent.source.name(),
            place: sent.places.of(problem.index),
            code: problem.code,
            message: problem.message,
        }));
        for warning in delivered.warnings {
            if self.warnings.iter().all(|known| known.code != warning.code) {
                self.warnings.push(warning);
            }
        }
    }

    /// Whether nothing was delivered.
    pub(super) const fn is_nothing(&self) -> bool {
        self.deliveries == 0
    }

    /// Prints what came of it, and what needs attention.
    pub(super) fn report(&self, cloud_id: &str, printer: &Printer) -> Result<(), Failure> {
        for text in self.attention(cloud_id) {
            printer.warning(&text);
        }
        printer.show(self, || self.in_words())?;
        if self.some_do_not_count() {
            printer.hint(HOW_TO_MAKE_THEM_COUNT);
        }
        if self.uncounted() > 0 {
            printer.hint(&lists_quarantine(cloud_id));
        }
        Ok(())
    }

    /// Whether there are revisions that do not count.
    pub(super) fn some_do_not_count(&self) -> bool {
        self.revised_not_counting.any()
    }

    /// Whether none of its records counts, as all that are new are in quarantine.
    pub(super) const fn counts_nothing(&self) -> bool {
        let counting = self.accepted + self.revised + self.duplicate.saturating_sub(self.still_quarantined);
        self.uncounted() > 0 && counting == 0
    }

    /// Whether records cannot be counted as they are.
    pub(super) const fn some_wait(&self) -> bool {
        self.uncounted() > 0
    }

    /// How many records cannot be counted as they are.
    const fn uncounted(&self) -> u64 {
        self.quarantined + self.still_quarantined
    }

    /// What came of it, in a line.
    pub(super) fn in_words(&self) -> String {
        let [accepted, duplicate, revised, quarantined] =
            [self.accepted, self.duplicate, self.revised, self.quarantined].map(count);
        let again = match self.answered_again {
            0 => String::new(),
            again if again == self.records => ", answered as the first time".to_owned(),
            again => format!(", {} of them answered as the first time", count(again)),
        };
        format!(
            "{}: {accepted} accepted, {duplicate} duplicate, {revised} revised{}, {quarantined} quarantined{again}",
            counted(self.records, "record"),
            self.revised_not_counting.in_brackets(),
        )
    }

    /// What needs attention.
    pub(super) fn attention(&self, cloud_id: &str) -> Vec<String> {
        let problems = self.problems.iter().take(PROBLEMS_SHOWN_MAX);
        let mut texts: Vec<String> = problems.map(Problem::in_words).collect();
        let more = self.quarantined.saturating_sub(texts.len() as u64);
        if more > 0 {
            texts.push(format!("{} more in quarantine.", counted(more, "record")));
        }
        if self.still_quarantined > 0 {
            texts.push(waiting_still(self.still_quarantined));
        }
        if self.unregistered > 0 {
            texts.push(charged_to_nobody(self.unregistered, cloud_id));
        }
        let others = self.warnings.iter().filter(|it| it.code != UNREGISTERED_USAGE);
        texts.extend(others.map(|it| format!("{} [{}]", it.message, it.code)));
        texts
    }

    /// Nothing is in quarantine.
    ///
    /// # Errors
    /// If something is.
    pub(super) fn none_quarantined(&self) -> Result<(), Failure> {
        if self.uncounted() == 0 {
            return Ok(());
        }
        let what = format!("{} in quarantine.", counted(self.uncounted(), "record"));
        Err(Failure::new(what)
            .coded("Quarantined")
            .because("--fail-on-quarantine makes this a failure; the other records count, and nothing was declared complete"))
    }
}

/// How to see the records of a stack that cannot be counted as they are.
pub(super) fn lists_quarantine(cloud_id: &str) -> String {
    format!("`meterbridge usage quarantine --stack {cloud_id}` lists what is in quarantine.")
}

/// What is said of records of hours in which the stack was not registered.
pub(super) fn charged_to_nobody(records: u64, cloud_id: &str) -> String {
    format!(
        "{} of hours in which the stack was not registered: kept, and charged to nobody. If its registration shall pay, \
         have an operator say from when on: `meterbridge registration backdate {cloud_id} --from HOUR`.",
        counted(records, "record")
    )
}

/// What is said of duplicates that cannot be counted.
pub(super) fn waiting_still(records: u64) -> String {
    format!(
        "{} of the duplicates cannot be counted: in quarantine since an earlier delivery.",
        counted(records, "record")
    )
}

impl Problem {
    fn in_words(&self) -> String {
        let Self {
            file,
            place,
            code,
            message,
        } = self;
        format!("{file}, {place}: {message} [{code}]")
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::{Places, Source};
    use super::*;

    /// What came of a delivery with so many problems, all of whose records were of no registered hour.
    fn delivered(quarantined: u32, unregistered: u32) -> DeliveryReceipt {
        let problem = |index| wire::api::Problem {
            index,
            code: "InvalidQuantity".into(),
            message: "Expected a decimal.".into(),
        };
        let warning = |code: &str, message: String| Warning {
            code: code.into(),
            message,
        };
        DeliveryReceipt {
            batch_id: "b".into(),
            sequence: 1,
            chain: String::new(),
            accepted: unregistered,
            duplicate: 0,
            revised: 0,
            revised_not_counting: Some(0),
            quarantined,
            still_quarantined: 0,
            problems: (0..quarantined).map(problem).collect(),
            unregistered,
            warnings: vec![
                warning(UNREGISTERED_USAGE, format!("{unregistered} records are …")),
                warning("Late", "Late.".into()),
            ],
        }
    }

    fn imported(deliveries: &[(u32, u32)]) -> Imported {
        let mut imported = Imported::default();
        for (quarantined, unregistered) in deliveries {
            let sent = Sent {
                source: Source::named("page.json"),
                places: Places::FromIndex(imported.records),
                records: quarantined + unregistered,
            };
            imported.add(&sent, delivered(*quarantined, *unregistered), false);
        }
        imported
    }

    #[test]
    fn what_every_delivery_says_is_said_once_and_what_is_charged_to_nobody_is_summed() {
        let imported = imported(&[(0, 700), (0, 500)]);
        let texts = imported.attention("5bf881b2");
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[0].starts_with("1,200 records of hours"), "{texts:?}");
        assert!(
            texts[0].contains("registration backdate 5bf881b2 --from"),
            "{texts:?}"
        );
        assert_eq!(texts[1], "Late. [Late]");
    }

    #[test]
    fn a_file_that_is_imported_twice_would_seem_to_be_charged_twice() {
        let mut imported = imported(&[(0, 24)]);
        assert!(
            imported.in_words().ends_with("0 quarantined"),
            "{}",
            imported.in_words()
        );
        let again = Sent {
            source: Source::named("page.json"),
            places: Places::FromIndex(0),
            records: 12,
        };
        imported.add(&again, delivered(0, 12), true);
        let told = imported.in_words();
        assert!(
            told.ends_with(", 12 of them answered as the first time"),
            "{told}"
        );
        imported.answered_again = imported.records;
        let told = imported.in_words();
        assert!(
            told.ends_with("0 quarantined, answered as the first time"),
            "{told}"
        );
    }

    #[test]
    fn an_import_of_which_nothing_counts_would_be_taken_for_one_that_was_done() {
        assert!(imported(&[(2, 0)]).counts_nothing());
        assert!(!imported(&[(2, 1)]).counts_nothing());
        assert!(!imported(&[(0, 0)]).counts_nothing());
        let mut again = imported(&[(0, 0)]);
        (again.duplicate, again.still_quarantined) = (2, 2);
        assert!(again.counts_nothing());
        again.duplicate = 3;
        assert!(!again.counts_nothing());
    }

    #[test]
    fn what_is_in_quarantine_since_an_earlier_import_is_not_taken_for_counted() {
        let mut imported = imported(&[(0, 0)]);
        imported.none_quarantined().unwrap();
        imported.still_quarantined = 2;
        assert!(imported.none_quarantined().is_err());
        let texts = imported.attention("5bf881b2");
        assert!(texts[0].starts_with("2 records of the duplicates"), "{texts:?}");
    }

    #[test]
    fn a_correction_to_less_that_does_not_count_would_be_taken_for_one_that_does() {
        let (printer, data, notes) = crate::printer::tests::captured(crate::printer::Format::Table, false);
        let mut imported = imported(&[(0, 0)]);
        imported.report("5bf881b2", &printer).unwrap();
        let of_none = notes.text();
        assert!(!of_none.contains("correction"), "{of_none}");
        imported.revised = 2;
        imported.revised_not_counting.add(2, Some(0));
        imported.report("5bf881b2", &printer).unwrap();
        let all_count = notes.text();
        assert!(!all_count.contains("correction"), "{all_count}");
        imported.revised_not_counting.add(2, Some(1));
        imported.report("5bf881b2", &printer).unwrap();
        let told = notes.text();
        assert!(told.contains("with an earlier --reported-start"), "{told}");
        let data = data.text();
        assert!(data.contains("2 revised (1 does not count), 0"), "{data}");
        assert!(!data.contains("hint"), "data is not mixed with it");
        let shown = serde_json::to_value(&imported).unwrap();
        assert_eq!(shown["revisedNotCounting"], 1);
    }

    #[test]
    fn not_every_problem_of_a_bad_file_is_printed() {
        let texts = imported(&[(25, 0)]).attention("5bf881b2");
        assert_eq!(
            texts[0],
            "page.json, index 0: Expected a decimal. [InvalidQuantity]"
        );
        assert_eq!(texts[PROBLEMS_SHOWN_MAX], "5 records more in quarantine.");
    }

    #[test]
    fn a_file_that_is_bad_throughout_does_not_take_the_memory_of_the_machine() {
        let imported = imported(&[(900, 0), (900, 0), (900, 0)]);
        assert_eq!(imported.problems.len(), PROBLEMS_KEPT_MAX);
        assert_eq!(imported.problems[900].place, Place::Index(900));
        assert_eq!(imported.warnings.len(), 2);
        let texts = imported.attention("5bf881b2");
        assert_eq!(texts[PROBLEMS_SHOWN_MAX], "2,680 records more in quarantine.");
    }
}
