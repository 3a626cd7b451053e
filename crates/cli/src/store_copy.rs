//! `store copy`: done by whoever is at the machine, with no server running.

mod side;

use std::path::{Path, PathBuf};

use serde::Serialize;
use server::{Copied, CopiedTable, CopyError, CopyStep, StoreError};

use self::side::{FROM, STORE, Side, TO};
use crate::args::StoreCopyArgs;
use crate::configuration::FILE;
use crate::failure::Failure;
use crate::figures::{count, counted};
use crate::printer::{Printer, Progress};
use crate::serving::part_missing;
use crate::table::{Table, left, right};

/// As many digits of a digest as people compare.
const DIGITS_SHOWN: usize = 16;

/// What came of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    from: String,
    to: String,
    usage_records: u64,
    digest_of_source: String,
    digest_of_target: String,
    tables: Vec<TableCopied>,
}

/// What came of one table.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TableCopied {
    table: &'static str,
    rows: u64,
    digest_of_source: String,
    digest_of_target: String,
}

/// Copies a store.
///
/// # Errors
/// If there is no copy of it in the end that is good.
pub(crate) fn copy(args: &StoreCopyArgs, printer: &Printer) -> Result<(), Failure> {
    let from = Side::understood(FROM, &args.from, printer)?;
    let to = Side::understood(TO, &args.to, printer)?;
    let mut bar: Option<Progress> = None;
    let copied = server::copy_store(&from.store, &to.store, &mut |step| match step {
        CopyStep::Begins { what, rows } => {
            let begun = printer.progress(rows, "rows");
            begun.say(what);
            bar = Some(begun);
        }
        CopyStep::Done(rows) => {
            if let Some(bar) = &bar {
                bar.add(rows);
            }
        }
    });
    drop(bar);
    let copied = copied.map_err(|error| failure(error, &from, &to))?;
    let outcome = Outcome::of(&copied, &from, &to);
    printer.show(&outcome, || outcome.text(printer))?;
    if let Some(error) = copied.not_looked_over {
        printer.warning(&format!(
            "ANALYZE failed, and until PostgreSQL does it by itself, it may answer slowly: {error}"
        ));
    }
    printer.hint(&next(&from, &to));
    Ok(())
}

impl Outcome {
    fn of(copied: &Copied, from: &Side, to: &Side) -> Self {
        let table = |it: &CopiedTable| TableCopied {
            table: it.name,
            rows: it.rows,
            digest_of_source: it.in_source.to_string(),
            digest_of_target: it.in_target.to_string(),
        };
        Self {
            from: from.store.to_string(),
            to: to.store.to_string(),
            usage_records: copied.records,
            digest_of_source: copied.in_source().to_string(),
            digest_of_target: copied.in_target().to_string(),
            tables: copied.tables.iter().map(table).collect(),
        }
    }

    fn text(&self, printer: &Printer) -> String {
        let mut table = Table::new(&[
            left("TABLE"),
            right("ROWS"),
            left("SOURCE").rank(1),
            left("TARGET").rank(2),
        ]);
        let rows = |it: &TableCopied| {
            let digests = [&it.digest_of_source, &it.digest_of_target].map(|it| short(it));
            let [source, target] = digests;
            [it.table.to_owned(), count(it.rows), source, target]
        };
        let all = TableCopied {
            table: "all",
            rows: self.tables.iter().map(|table| table.rows).sum(),
            digest_of_source: self.digest_of_source.clone(),
            digest_of_target: self.digest_of_target.clone(),
        };
        for row in self.tables.iter().chain([&all]).map(rows) {
            table.row(row);
        }
        format!(
            "{}\nCopied from {} to {}, with {} that count. All is as it is in the source, and no record of any \
             month is lost. Statements were drawn up of no month: a server on the copy proves one with `meterbridge \
             check --period YYYY-MM`.",
            table.within(printer.width()),
            self.from,
            self.to,
            counted(self.usage_records, "usage record"),
        )
    }
}

fn short(digest: &str) -> String {
    digest.chars().take(DIGITS_SHOWN).collect()
}

/// What to do now that everything is there twice. What was the memory until now must not be it again by mistake, because a
/// setting is missing somewhere: it would be written to, and billed from.
fn next(from: &Side, to: &Side) -> String {
    let aside = match (from.store.folder(), &from.data) {
        (Some(folder), Some(_)) => {
            let (store, aside) = (folder.display(), free_beside(folder));
            let aside = aside.display();
            format!(
                "Rename its folder first, so that none does by mistake: `mv {store} {aside}`. Remove {aside} when the new \
                 store is backed up."
            )
        }
        (Some(_), None) => String::new(),
        (None, _) => "Rename that database first, so that none does by mistake.".to_owned(),
    };
    let switched = match (&from.data, &to.data, to.store.folder()) {
        (Some(data), None, None) => {
            let data = data.display();
            format!(
                "Then write `store = \"postgres://…\"` into {data}/{FILE}, or set METERBRIDGE_STORE, and run `meterbridge \
                 serve --data {data}`: keys and certificates stay there."
            )
        }
        (Some(before), Some(data), _) => {
            let (before, data) = (before.display(), data.display());
            format!(
                "Keys and certificates were not copied: bring the folders `keys` and `tls` and the file `initialised` from \
                 {before} to {data}, and run `meterbridge serve --data {data}`."
            )
        }
        (None, Some(data), _) => {
            let data = data.display();
            format!(
                "Then run `meterbridge serve --data {data}`, where neither METERBRIDGE_STORE nor `store` in {FILE} names \
                 another store. {data} has to be the data directory that servers had before: keys and certificates are in \
                 it."
            )
        }
        _ => format!(
            "Then name the new store as `store` in {FILE} of the data directory, or in METERBRIDGE_STORE, and start the \
             servers."
        ),
    };
    format!(
        "Start no server on the source any more: what it takes in would be missing in the copy. {aside} {switched}"
    )
}

/// A name for the folder of a store under which no server looks for one, and where nothing is yet.
fn free_beside(store: &Path) -> PathBuf {
    let mut aside = store.with_file_name(format!("{STORE}.old"));
    let mut number = 1;
    while aside.symlink_metadata().is_ok() {
        number += 1;
        aside = store.with_file_name(format!("{STORE}.old-{number}"));
    }
    aside
}

fn failure(error: CopyError, from: &Side, to: &Side) -> Failure {
    let (from, to) = (&from.store, &to.store);
    let failure = Failure::new(format!("The copy from {from} to {to} is not done."));
    let again = "Nothing was lost: run the same command again, and it goes on where it ended.";
    let (code, hint) = match &error {
        CopyError::SameStore => ("SameStore", "Name another store with --to."),
        CopyError::NoStore => (
            "NoStore",
            "Name the data directory that has the store in it, in its folder `store`, or the database that a server was \
             run on. Nothing was made.",
        ),
        CopyError::NotEmpty { .. } => (
            "StoreNotEmpty",
            "Name a database that is empty, or a data directory without a store. Nothing in this one was changed.",
        ),
        CopyError::OfAnother { .. } => (
            "OtherCopy",
            "Name the source that the target is the copy of, or empty the target: drop the database and create it anew, or \
             remove the folder `store`.",
        ),
        CopyError::Different { .. } => (
            "CopyDiffers",
            "Find out who writes to the target, then run the same command again: it sets right what it can. If it still \
             differs, empty the target and report it.",
        ),
        CopyError::Unsound(_) => (
            "StoreDamaged",
            "The source is damaged, and so would be the copy. Keep it as it is and report it. Go on with the last backup \
             that is sound.",
        ),
        CopyError::Moved { .. } => (
            "SourceWritten",
            "Stop every server of the source, and run the same command again: it copies the rest.",
        ),
        CopyError::Source(StoreError::InUse { .. }) => (
            "StoreInUse",
            "Stop the server that runs on the source, and run the same command again.",
        ),
        CopyError::Target(StoreError::InUse { .. }) => (
            "StoreInUse",
            "Stop whatever runs on the target, and name one that is empty.",
        ),
        CopyError::Source(StoreError::Unfinished { .. }) => {
            ("UnfinishedCopy", "Name a store that is whole as the source.")
        }
        CopyError::Source(
            part @ (StoreError::FileMissing { .. }
            | StoreError::FileEmpty { .. }
            | StoreError::TablesMissing { .. }),
        )
        | CopyError::Target(
            part @ (StoreError::FileMissing { .. }
            | StoreError::FileEmpty { .. }
            | StoreError::TablesMissing { .. }),
        ) => part_missing(part),
        CopyError::Source(StoreError::Corrupt { .. }) | CopyError::Target(StoreError::Corrupt { .. }) => {
            ("StoreDamaged", "Keep it as it is and report it.")
        }
        CopyError::Target(StoreError::OfOthers { .. }) => (
            "DatabaseNotEmpty",
            "Make a database that is for Meterbridge alone, and name that one. Nothing in this one was changed.",
        ),
        CopyError::Source(StoreError::NewerSchema { .. })
        | CopyError::Target(StoreError::NewerSchema { .. }) => {
            ("NewerStore", "Use the newest program that has been run on it.")
        }
        CopyError::Source(_) => {
            return failure
                .coded("StoreUnavailable")
                .because(error.to_string())
                .hint(format!("{again} {}", from.needs()));
        }
        CopyError::Target(_) => {
            return failure
                .coded("StoreUnavailable")
                .because(error.to_string())
                .hint(format!("{again} {}", to.needs()));
        }
        CopyError::CutOff => ("Failed", again),
    };
    let failure = failure.coded(code).because(error.to_string()).hint(hint);
    let details = match error {
        CopyError::Different { first, .. } => first,
        CopyError::Unsound(problems) => problems,
        _ => Vec::new(),
    };
    details.into_iter().fold(failure, Failure::because)
}
