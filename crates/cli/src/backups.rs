//! `backup` and `restore`: done by whoever is at the machine, with or without a server running.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use server::backup::{self, BackupError, Check, Head, Manifest, Restored, StackHead, Step};
use server::{Clock as _, StoreError};

use crate::args::{BackupArgs, BackupCommand, RestoreArgs};
use crate::configuration::Configuration;
use crate::environment::{SystemClock, SystemRandom};
use crate::failure::Failure;
use crate::figures::{count, counted};
use crate::init::{is_initialised, not_initialised};
use crate::printer::{Printer, Progress};
use crate::serving::part_missing;
use crate::table::{Table, left};

const MIB: u64 = 1024 * 1024;

/// The essentials of a manifest.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Essentials<'a> {
    backup: String,
    format: u32,
    program_version: &'a str,
    created_at: &'a str,
    has_keys: bool,
    files: usize,
    bytes: u64,
    journal: &'a Head,
    stacks: &'a [StackHead],
}

/// What came of a restore.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    backup: Essentials<'a>,
    data_directory: String,
    restored: bool,
    checks: &'a [Check],
}

/// Makes a backup, or verifies one.
///
/// # Errors
/// If it cannot be made, or is not what was backed up.
pub(crate) fn backup(args: &BackupArgs, printer: &Printer) -> Result<(), Failure> {
    match (&args.command, &args.data, &args.to) {
        (Some(BackupCommand::Verify { backup }), _, None) => verify(backup, printer),
        (None, Some(data), Some(to)) => make(args, data, to, printer),
        _ => Err(Failure::usage("A backup is made --to a folder, or one that was made is verified.")
            .hint("Say `meterbridge backup --data DIRECTORY --to FOLDER`, or `meterbridge backup verify FOLDER`.")),
    }
}

fn make(args: &BackupArgs, data: &Path, to: &Path, printer: &Printer) -> Result<(), Failure> {
    if !is_initialised(data)? {
        return Err(not_initialised(data));
    }
    let store = Configuration::of(data, &args.store, printer)?.store;
    let mut shown = Shown::by(printer);
    let now = SystemClock.now();
    let made = backup::make(data, &store, to, !args.without_keys, now, &mut |step| {
        shown.take(step);
    });
    drop(shown);
    let manifest = made.map_err(|error| match error {
        BackupError::Damaged(damages) => store_damaged(data, damages),
        other => refused("No backup was made.", &other),
    })?;
    if manifest.has_keys {
        printer.note(
            "The backup holds the keys: keep it, and every copy of it, as closed as the data directory.",
        );
    } else {
        printer.note(
            "The backup holds no keys: keep the folders `keys` and `tls` of the data directory elsewhere.",
        );
    }
    let essentials = Essentials::of(to, &manifest);
    printer.show(&essentials, || {
        format!("{} is backed up in {}.", essentials.text(), to.display())
    })
}

fn verify(folder: &Path, printer: &Printer) -> Result<(), Failure> {
    let mut shown = Shown::by(printer);
    let verified = backup::verify(folder, &mut |step| shown.take(step));
    drop(shown);
    let manifest = verified.map_err(|error| unusable("The backup cannot be verified.", folder, error))?;
    let essentials = Essentials::of(folder, &manifest);
    printer.show(&essentials, || {
        format!("{} is as it was backed up.", essentials.text())
    })
}

/// Makes a data directory of a backup.
///
/// # Errors
/// If it cannot be made, or is not what was backed up.
pub(crate) async fn restore(args: &RestoreArgs, printer: &Printer) -> Result<(), Failure> {
    let RestoreArgs { from, data } = args;
    let mut shown = Shown::by(printer);
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let restored = backup::restore(from, data, clock, random, &mut |step| shown.take(step)).await;
    drop(shown);
    let restored = restored.map_err(|error| unusable("Nothing was restored.", from, error))?;
    let outcome = Outcome {
        backup: Essentials::of(from, &restored.manifest),
        data_directory: data.display().to_string(),
        restored: restored.is_sound(),
        checks: &restored.checks,
    };
    let table = || checked(&restored.checks).within(printer.width());
    printer.show(&outcome, table)?;
    if !restored.is_sound() {
        return Err(not_sound(&restored, data));
    }
    say_what_is_next(&restored, data, printer);
    Ok(())
}

fn checked(checks: &[Check]) -> Table {
    let mut table = Table::new(&[left("CHECKED"), left("FOUND").wraps(), left("OUTCOME")]);
    for Check {
        what,
        found,
        problems,
    } in checks
    {
        let outcome = match problems.len() as u64 {
            0 => "as backed up".to_owned(),
            many => counted(many, "problem"),
        };
        table.row([(*what).to_owned(), found.clone(), outcome]);
    }
    table
}

fn say_what_is_next(restored: &Restored, data: &Path, printer: &Printer) {
    let (data, manifest) = (data.display(), &restored.manifest);
    printer.note(&format!(
        "{data} is restored as it was on {}. What was acknowledged later is not in it: have stacks deliver it again, \
         nothing is counted twice. Everybody signs in again.",
        manifest.created_at
    ));
    let keys = if manifest.has_keys {
        ""
    } else {
        "Put the folders `keys` and `tls` back first: they are not in this backup. "
    };
    printer.hint(&format!(
        "{keys}Run the server with `meterbridge serve --data {data}`."
    ));
}

fn not_sound(restored: &Restored, data: &Path) -> Failure {
    let what = format!(
        "The backup is not what it says of itself, or its store was damaged already. {} was not made.",
        data.display()
    );
    let problems = restored.checks.iter().flat_map(|check| &check.problems);
    let failure = Failure::new(what).coded("BackupNotSound");
    let failure = problems.fold(failure, Failure::because);
    failure.hint("Restore the backup before this one. Keep this one as it is and report it.")
}

fn store_damaged(data: &Path, damages: Vec<String>) -> Failure {
    let what = format!(
        "The store in {} is damaged, and no backup was made.",
        data.display()
    );
    because_of_all(Failure::new(what).coded("StoreDamaged"), damages).hint(
        "Keep the backups that there are, and a copy of the data directory as it is. `meterbridge restore` finds out \
         whether a backup is sound.",
    )
}

fn because_of_all(failure: Failure, causes: Vec<String>) -> Failure {
    causes.into_iter().fold(failure, Failure::because)
}

/// The failure of something that reads a backup.
fn unusable(what: &str, folder: &Path, error: BackupError) -> Failure {
    let damages = match error {
        BackupError::Damaged(damages) => damages,
        other => return refused(what, &other),
    };
    let what = format!("{what} {} is not what was backed up.", folder.display());
    because_of_all(Failure::new(what).coded("BackupDamaged"), damages)
        .hint("Take another copy of this backup, or the backup before it. Nothing was changed.")
}

/// Why a backup cannot be worked with.
pub(crate) fn refused(what: &str, error: &BackupError) -> Failure {
    let (code, hint) = match error {
        BackupError::File { path, error } => return Failure::file(path, error).because(what),
        BackupError::NotEmpty(_) => (
            "DirectoryNotEmpty",
            "Name a folder that is not there yet, or is empty. Nothing in this one was changed.",
        ),
        BackupError::NotAFolderOfItsOwn(_) => (
            "NotAFolderOfItsOwn",
            "Name a folder in it that is not there yet, such as `/mnt/backups/2026-11-22`.",
        ),
        BackupError::InsideDataDirectory(_) => (
            "BackupInDataDirectory",
            "Name a folder outside of the data directory, best on another disk.",
        ),
        BackupError::InProgress(_) => ("InProgress", "Wait for it to end, or name another folder."),
        BackupError::NoStore(_) => (
            "NoEmbeddedStore",
            "Is it the data directory of a server? If its store is elsewhere, name it with --store.",
        ),
        BackupError::StoreElsewhere(_) => (
            "StoreElsewhere",
            "Back the database up with its own means, such as pg_dump, and copy the data directory, which holds the keys, \
             beside it: \"Backups of a store on PostgreSQL\" in docs/operating.md.",
        ),
        BackupError::NoBackup(_) => (
            "NotABackup",
            "Name a folder that `meterbridge backup` has made. One that it has not finished ends in `.unfinished` and can \
             be removed.",
        ),
        BackupError::NewerFormat { .. } => (
            "NewerBackup",
            "Restore it with the program that made it, or a newer one.",
        ),
        BackupError::Store(StoreError::Unfinished { .. }) => (
            "UnfinishedCopy",
            "Run `meterbridge store copy` again until it is done, and make a backup then. One of half a copy cannot be \
             restored: take the backup before it, or copy again.",
        ),
        BackupError::Store(
            part @ (StoreError::FileMissing { .. }
            | StoreError::FileEmpty { .. }
            | StoreError::TablesMissing { .. }),
        ) => part_missing(part),
        BackupError::Damaged(_) | BackupError::Store(_) | BackupError::Open(_) => (
            "Failed",
            "The store and the folder have to be readable and writable for whoever runs this, with room for all of it: \
             run it as the user who runs the server.",
        ),
    };
    Failure::new(what)
        .coded(code)
        .because(error.to_string())
        .hint(hint)
}

impl<'a> Essentials<'a> {
    fn of(folder: &Path, manifest: &'a Manifest) -> Self {
        Self {
            backup: folder.display().to_string(),
            format: manifest.format,
            program_version: &manifest.program_version,
            created_at: &manifest.created_at,
            has_keys: manifest.has_keys,
            files: manifest.files.len(),
            bytes: manifest.bytes(),
            journal: &manifest.journal,
            stacks: &manifest.stacks,
        }
    }

    fn text(&self) -> String {
        let receipts = self.stacks.iter().map(|stack| stack.receipt.sequence).sum();
        format!(
            "What was known on {}, the books up to entry {} and {} of {},",
            self.created_at,
            count(self.journal.sequence),
            counted(receipts, "receipt"),
            counted(self.stacks.len() as u64, "stack"),
        )
    }
}

/// Shows how far it is.
pub(crate) struct Shown<'p> {
    printer: &'p Printer,
    bar: Option<Progress>,
    /// Bytes that are done and make no whole MiB yet.
    rest: u64,
}

impl<'p> Shown<'p> {
    pub(crate) fn by(printer: &'p Printer) -> Self {
        Self {
            printer,
            bar: None,
            rest: 0,
        }
    }

    pub(crate) fn take(&mut self, step: Step) {
        match step {
            Step::Begins { what, bytes } => {
                let bar = self.printer.progress(bytes.map(|bytes| bytes / MIB), "MiB");
                bar.say(what);
                (self.bar, self.rest) = (Some(bar), 0);
            }
            Step::Done(bytes) => {
                self.rest += bytes;
                if let Some(bar) = &self.bar {
                    bar.add(self.rest / MIB);
                }
                self.rest %= MIB;
            }
        }
    }
}
