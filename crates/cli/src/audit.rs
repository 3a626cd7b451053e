//! `audit verify`: done by whoever is at the machine, with no server running.

mod backups;
mod heads;
mod shown;
mod witnesses;

use std::path::Path;

use server::audit::{self, AuditError, AuditReport, AuditStep, Elsewhere, LedgerCounts};
use server::{StoreConfig, StoreError, backup};

use self::backups::OwnWord;
use self::shown::Outcome;
use crate::args::AuditVerifyArgs;
use crate::configuration::{Configuration, understood};
use crate::failure::Failure;
use crate::figures::counted;
use crate::printer::{Printer, Progress};
use crate::serving::part_missing;

/// What a restored store lacks, and how it comes back.
const AFTERWARDS: &str = "What was taken in later is delivered again by the stacks: nothing is counted twice. Enter again \
                          what was entered in the books later, above all who pays, and revoke again what was revoked.";

/// What somebody noted before a restore fits no more afterwards.
const RESTORED: &str = "If it was restored since ends or receipts were kept, they are of what was lost with it: compare with \
                        `--expect BACKUP/manifest.json` of the backup it was restored from, and note new ends.";

/// Compares a store with itself, and with what somebody kept elsewhere.
///
/// # Errors
/// If anything differs, or nothing can be compared.
pub(crate) fn verify(args: &AuditVerifyArgs, printer: &Printer) -> Result<(), Failure> {
    let Subject { store, backup } = subject(args, printer)?;
    let mut elsewhere = Elsewhere {
        receipts: witnesses::read(&args.receipts)?,
        heads: heads::read(&args.expect)?,
    };
    let own = backup
        .map(|folder| backups::compared(folder, printer))
        .transpose()?;
    let report = match own {
        None => compare(&store, &elsewhere, printer)?,
        Some(OwnWord { heads, files }) => {
            elsewhere.heads.extend(heads);
            let whole = files.found == 0;
            let mut report = match compare(&store, &elsewhere, printer) {
                // What is not as it was backed up says why.
                Err(_) if !whole => nothing_compared(),
                compared => compared?,
            };
            report.checks.insert(0, files);
            report
        }
    };
    let outcome = Outcome::of(&store, &report);
    printer.show(&outcome, || outcome.text(printer))?;
    if report.found() > 0 {
        return Err(differs(&store, &report));
    }
    printer.hint(
        "Keep what --output json writes somewhere else: with it as --expect it can be proved later that nothing up to here \
         was changed or cut off.",
    );
    Ok(())
}

/// What is verified.
struct Subject<'a> {
    store: StoreConfig,
    /// The backup that the store is in.
    backup: Option<&'a Path>,
}

impl From<StoreConfig> for Subject<'_> {
    fn from(store: StoreConfig) -> Self {
        Self { store, backup: None }
    }
}

/// The store that is named: a backup and the folder of a store are what they are, whatever servers are told.
fn subject<'a>(args: &'a AuditVerifyArgs, printer: &Printer) -> Result<Subject<'a>, Failure> {
    let Some(data) = &args.data else {
        let url = args.store.given.store.as_deref();
        let url = url.ok_or_else(|| {
            Failure::usage("Nothing says what to verify.")
                .hint("Name a data directory or a backup with --data, or a database with --store.")
        })?;
        return Ok(understood(url)?.into());
    };
    if !args.store.named_here {
        if backup::has_databases(data) {
            return Ok(StoreConfig::in_folder(data.clone()).into());
        }
        if backups::is_one(data) {
            return Ok(Subject {
                store: server::embedded_store(data),
                backup: Some(data.as_path()),
            });
        }
    }
    Ok(Configuration::of(data, &args.store, printer)?.store.into())
}

/// A report of a store of which nothing can be read.
fn nothing_compared() -> AuditReport {
    AuditReport {
        checks: Vec::new(),
        counts: LedgerCounts::default(),
        heads: None,
    }
}

fn compare(store: &StoreConfig, elsewhere: &Elsewhere, printer: &Printer) -> Result<AuditReport, Failure> {
    let mut bar: Option<Progress> = None;
    let report = audit::verify(store, elsewhere, &mut |step| match step {
        AuditStep::Begins { what, rows } => {
            let begun = printer.progress(rows, "rows");
            begun.say(what);
            bar = Some(begun);
        }
        AuditStep::Done(rows) => {
            if let Some(bar) = &bar {
                bar.add(rows);
            }
        }
    });
    drop(bar);
    report.map_err(|error| failure(&error, store))
}

fn differs(store: &StoreConfig, report: &AuditReport) -> Failure {
    let what = format!(
        "{} differs from what was taken in, in {}.",
        capitalised(&store.to_string()),
        counted(report.found(), "place")
    );
    Failure::differs(what)
        .coded("StoreDiffers")
        .hint(restoring(store))
}

/// How what was taken in is got back.
fn restoring(store: &StoreConfig) -> String {
    match store.folder().map(Path::display) {
        Some(folder) => format!(
            "Stop the server, and keep a copy of {folder} as it is: it is the evidence. Find the newest backup of which \
             `meterbridge audit verify --data BACKUP` says that nothing differs, and restore it with `meterbridge restore`. \
             {AFTERWARDS} {RESTORED}"
        ),
        None => format!(
            "Keep a dump of the database as it is: it is the evidence. Restore a dump from before the change into another \
             database, and verify that one with --store. {AFTERWARDS}"
        ),
    }
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(rest).collect()
}

fn failure(error: &AuditError, store: &StoreConfig) -> Failure {
    let failure = Failure::new(format!("Nothing was verified in {store}.")).because(error.to_string());
    let (code, hint) = match error {
        AuditError::NoStore => (
            "NoStore",
            "Name the data directory of a server, a backup, the folder of a store, or a database that a server was run on."
                .to_owned(),
        ),
        AuditError::OlderSchema { .. } => (
            "OlderStore",
            "Verify it with the version of the program that wrote it, or bring a copy of it up to date: `meterbridge restore` \
             does so with a backup, and starting the server with a data directory or a database."
                .to_owned(),
        ),
        AuditError::Store(part @ StoreError::TablesMissing { .. }) => {
            let (code, hint) = part_missing(part);
            (code, hint.to_owned())
        }
        AuditError::Store(StoreError::FileMissing { .. } | StoreError::FileEmpty { .. }) => (
            "FileMissing",
            "Bring the file back from where it went, or verify a backup: books and usage belong together, so both have to \
             be of the same one."
                .to_owned(),
        ),
        AuditError::Store(StoreError::InUse { .. }) => (
            "StoreInUse",
            "Stop the server that runs on it, or verify a backup: `meterbridge backup` makes one while the server runs."
                .to_owned(),
        ),
        AuditError::Store(StoreError::NewerSchema { .. }) => {
            ("NewerStore", "Use the newest program that has been run on it.".to_owned())
        }
        AuditError::Store(StoreError::Unfinished { .. }) => (
            "UnfinishedCopy",
            "Run `meterbridge store copy` again until it is done.".to_owned(),
        ),
        AuditError::Store(_) => ("StoreUnavailable", store.needs().to_owned()),
    };
    failure.coded(code).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_entered_since_the_backup_would_be_lost_with_nobody_thinking_of_it() {
        let in_folder = StoreConfig::in_folder("/var/lib/meterbridge/store".into());
        let elsewhere = understood("postgres://meterbridge@localhost/meterbridge").unwrap();
        for store in [in_folder, elsewhere] {
            let hint = restoring(&store);
            assert!(
                hint.contains("Enter again") && hint.contains("revoke again"),
                "{hint}"
            );
        }
    }
}
