//! An embedded ledger, for the tests of what all ledgers have in common.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

pub(crate) use super::writer::SqliteWriter;
use crate::ledger::Ledger;
use crate::transaction::Readers;

pub(crate) fn ledger(directory: &Path) -> Ledger<impl Readers + use<>> {
    let file = directory.join("usage.db");
    super::ledger(&file, usage(&file), &lock(directory)).unwrap()
}

pub(crate) fn writer(directory: &Path) -> SqliteWriter {
    super::ledger_writer(usage(&directory.join("usage.db")), &lock(directory)).unwrap()
}

fn usage(file: &Path) -> Connection {
    super::open_for_writing(file, &super::migrations::USAGE, true).unwrap()
}

fn lock(directory: &Path) -> Arc<File> {
    Arc::new(super::lock(directory).unwrap())
}
