//! An embedded ledger, for the tests of what all ledgers have in common.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

pub(crate) use super::writer::SqliteWriter;
use crate::ledger::Ledger;
use crate::transaction::Readers;

pub(crate) fn ledger(directory: &Path) -> Ledger<impl Readers + use<>> {
    super::ledger(&directory.join("usage.db"), &lock(directory)).unwrap()
}

pub(crate) fn writer(directory: &Path) -> SqliteWriter {
    super::ledger_writer(&directory.join("usage.db"), &lock(directory)).unwrap()
}

fn lock(directory: &Path) -> Arc<File> {
    Arc::new(super::lock(directory).unwrap())
}
