//! Whether anybody or anything has changed what was taken in: reads a whole memory as it is, writes nothing, and says
//! exactly where it differs.
//!
//! What can be proved, and what cannot: the chains of journal and receipts have no key, so whoever computes them anew from
//! the place of a change on leaves a memory that agrees with itself. That is found by whoever kept a receipt, or the end of
//! a chain, somewhere else; both can be handed in.

mod acts;
mod documents;
mod finding;
mod heads;
mod journal;
mod reading;
mod registrations;
mod schema;
mod witnesses;

use crate::StoreConfig;
use crate::error::StoreError;
use crate::sqlite::backup::{Heads, Link};
use crate::transaction::{Columns, Transaction};
use crate::usage::LedgerCounts;
use crate::{copy, ledger, postgres, sqlite};

pub use self::finding::{CheckKind, Checked, Difference, FINDINGS_MAX, Finding, FoundAt, day_text};
pub(crate) use self::reading::{Read, read_all};
pub use self::witnesses::Witness;

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Nothing was ever kept there.
    #[error("there is no store")]
    NoStore,
    /// It was written by an older version of this program, and nothing in it is to be changed.
    #[error("the stored schema has version {found}, and this program reads version {known}")]
    OlderSchema {
        /// The version found.
        found: i64,
        /// The version that this program reads.
        known: i64,
    },
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AuditError {
    /// Whether a schema is of the version that is read here.
    pub(crate) const fn unless_of_version(found: i64, known: i64) -> Result<(), Self> {
        if found > known {
            return Err(Self::Store(StoreError::NewerSchema { found, known }));
        }
        if found < known {
            return Err(Self::OlderSchema { found, known });
        }
        Ok(())
    }
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditStep {
    /// Something begins.
    Begins {
        /// What is done now.
        what: &'static str,
        /// How many rows there are to do, where that is known.
        rows: Option<u64>,
    },
    /// So many more rows are done.
    Done(u64),
}

/// Who is told how far it is.
pub(crate) type Watch<'w> = &'w mut (dyn FnMut(AuditStep) + Send);

/// What somebody kept somewhere else, where whoever may write to the store cannot change it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// Receipts.
    pub receipts: Vec<Witness>,
    /// Where the chains ended, each time that somebody noted it.
    pub heads: Vec<Heads>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// What was compared.
    pub checks: Vec<Checked>,
    /// What became of all records ever received.
    pub counts: LedgerCounts,
    /// Where the chains end. Kept somewhere else, they prove later that nothing before was changed. Nothing if one of the ends
    /// cannot be read: what is kept must not look as if it proved something.
    pub heads: Option<Heads>,
}

impl AuditReport {
    /// How many differences were found.
    #[must_use]
    pub fn found(&self) -> u64 {
        self.checks.iter().map(|check| check.found).sum()
    }
}

/// Reads all of a memory and compares it with itself, and with what somebody kept elsewhere. Nothing in it is changed, not
/// even a file. Blocks.
///
/// # Errors
/// [`AuditError`]. What cannot be read because it is damaged is no error, but a finding.
///
/// # Panics
/// If `watch` does.
pub fn verify(
    config: &StoreConfig,
    elsewhere: &Elsewhere,
    watch: &mut (dyn FnMut(AuditStep) + Send),
) -> Result<AuditReport, AuditError> {
    // On a thread of its own: connections to PostgreSQL are driven by the thread that uses them.
    let ended = std::thread::scope(|scope| scope.spawn(|| verify_here(config, elsewhere, watch)).join());
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn verify_here(
    config: &StoreConfig,
    elsewhere: &Elsewhere,
    watch: Watch<'_>,
) -> Result<AuditReport, AuditError> {
    let mut report = None;
    let mut read = |transaction: &dyn Transaction| {
        copy::refuse_unfinished(transaction)?;
        report = Some(report_of(transaction, elsewhere, &mut *watch)?);
        Ok(())
    };
    let ended = match config {
        StoreConfig::Sqlite { directory } => sqlite::read_as_it_is(directory, &mut read),
        StoreConfig::Postgres(config) => postgres::read_as_it_is(config, &mut read),
    };
    match (ended, report) {
        (Ok(()), Some(report)) => Ok(report),
        // So damaged that not even its tables are found.
        (Err(AuditError::Store(error @ StoreError::Corrupt { .. })), _) => {
            Ok(AuditReport::unreadable(&error))
        }
        (Err(error), _) => Err(error),
        (Ok(()), None) => Err(AuditError::NoStore),
    }
}

impl AuditReport {
    fn unreadable(error: &StoreError) -> Self {
        let mut database = Checked::new(CheckKind::Database);
        database.examined = 1;
        database.add_unreadable(FoundAt::default(), error);
        Self {
            checks: vec![database],
            counts: LedgerCounts::default(),
            heads: None,
        }
    }
}

fn report_of(
    transaction: &dyn Transaction,
    elsewhere: &Elsewhere,
    watch: Watch<'_>,
) -> Result<AuditReport, StoreError> {
    watch(AuditStep::Begins {
        what: "checking the database",
        rows: None,
    });
    let mut checks = vec![Checked::by(CheckKind::Database, |checked| {
        checked.examined = 1;
        for damage in transaction.damage()? {
            let finding = Finding::new(Difference::DatabaseDamaged, FoundAt::default());
            checked.add(Finding {
                found: Some(damage),
                ..finding
            });
        }
        Ok(())
    })?];
    checks.push(Checked::by(CheckKind::Schema, |checked| {
        schema::check(transaction, checked)
    })?);
    let (mut end_of_journal, mut told) = (None, None);
    checks.push(Checked::by(CheckKind::Journal, |checked| {
        let (last, entries) = journal::check(transaction, checked, &mut *watch)?;
        (end_of_journal, told) = (last, Some(entries));
        Ok(())
    })?);
    checks.push(Checked::by(CheckKind::Documents, |checked| {
        documents::check(transaction, checked, &mut *watch)
    })?);
    let (of_ledger, counts) = ledger::compare(transaction, watch)?;
    checks.extend(of_ledger);
    // A journal that cannot be read is told already.
    if let Some(told) = told {
        checks.push(Checked::by(CheckKind::QuarantineActs, |checked| {
            acts::check(transaction, &told.acts, checked)
        })?);
        // An entry that cannot be read may be the registration.
        if !told.in_part {
            checks.push(Checked::by(CheckKind::Registrations, |checked| {
                registrations::check(transaction, &told.registered, checked)
            })?);
        }
    }
    if !elsewhere.receipts.is_empty() {
        checks.push(Checked::by(CheckKind::Witnesses, |checked| {
            witnesses::check(transaction, &elsewhere.receipts, checked)
        })?);
    }
    if !elsewhere.heads.is_empty() {
        checks.push(Checked::by(CheckKind::Heads, |checked| {
            heads::check(transaction, &elsewhere.heads, checked)
        })?);
    }
    let last = |row: &dyn Columns| {
        let link = Link {
            sequence: row.get(1)?,
            chain: row.get(2)?,
        };
        Ok((row.get(0)?, link))
    };
    let stacks = match transaction.rows("SELECT cloud_id, sequence, chain FROM stack", &[], last) {
        // That they cannot be read is told with the receipts.
        Err(StoreError::Corrupt { .. }) => None,
        stacks => Some(stacks?.into_iter().collect()),
    };
    let heads = end_of_journal.zip(stacks);
    Ok(AuditReport {
        checks,
        counts,
        heads: heads.map(|(journal, stacks)| Heads { journal, stacks }),
    })
}
