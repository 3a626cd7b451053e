//! What is remembered.
//!
//! Five ports, and nothing above this crate knows what is behind them: the [`Journal`] of the books (partners,
//! registrations, tenant mappings, price lists: few entries, each of them a decision), the [`UsageLedger`] (usage
//! records by the hundred million, receipts, quarantine), the [`Bills`] of periods that were closed, [`Sessions`], what lasts
//! of sign-ins, and [`Codes`], which sign-ins under way wait for. [`Books`] keeps what the journal adds up to in memory.
//!
//! The back end is chosen once, by [`open`]. Its answers are specified by the conformance suite in `tests/it`, which
//! every back end runs. What was acknowledged is durable; facts are added and never changed, and only sessions, which are
//! no facts about anybody's bill, come and go. [`copy()`] brings all of one memory into another one.

mod audit;
pub mod bill_forms;
mod bills;
mod books;
mod codes;
mod copy;
mod error;
mod journal;
mod ledger;
mod portion;
mod postgres;
mod quarantine;
mod receipt;
mod sessions;
mod sqlite;
mod transaction;
mod turns;
mod usage;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

pub use audit::{
    AuditError, AuditReport, AuditStep, CheckKind, Checked, Difference, Elsewhere, FINDINGS_MAX, Finding,
    FoundAt, Witness, day_text, verify,
};
pub use bills::{
    BillFilter, BillKey, BillKind, Bills, DOCUMENT_BYTES_MAX, Document, DocumentKey, ListedBill, PutError,
};
pub use books::{Books, ChangeError};
pub use codes::{Code, CodeKey, Codes};
pub use copy::{Copied, CopiedTable, CopyError, CopyStep, Digest, copy};
pub use error::StoreError;
pub use journal::{Journal, JournalAppended, StoredEntry};
pub use postgres::{InvalidPostgresUrl, PostgresConfig};
pub use quarantine::{
    ActOutcome, NotCounting, Purged, QuarantineCount, QuarantineFilter, QuarantinePage, QuarantineState,
    QuarantinedRecord, RefusedAgain, Release, Released, ReleasedBatch, ReleasedRecord,
};
pub use receipt::{BatchCounts, Kept, Link, Problem, Receipt};
pub use sessions::Sessions;
pub use sqlite::backup;
pub use usage::{
    Appended, Attributes, Audit, Batch, DeliveredRecord, LedgerCounts, LocalSubscriptionKey, MeterTotal,
    RecordCursor, RecordSaid, ReportedWindow, ResourceSum, Revised, Said, SeriesKey, Slice, SliceSum,
    Slicing, StackProgress, StoredRecord, TaggedHours, UsageLedger,
};

/// Where things are remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreConfig {
    /// Embedded, in files of one directory; one process at a time.
    Sqlite {
        /// The directory. It is created if it is not there.
        directory: PathBuf,
    },
    /// In a database of PostgreSQL, 15 or newer; many processes at a time.
    Postgres(PostgresConfig),
}

impl StoreConfig {
    /// Embedded, in the files of this folder.
    #[must_use]
    pub const fn in_folder(directory: PathBuf) -> Self {
        Self::Sqlite { directory }
    }

    /// The folder that it is in, if it is embedded.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Sqlite { directory } => Some(directory),
            Self::Postgres(_) => None,
        }
    }

    /// Whether it holds a password, which nobody else may read.
    #[must_use]
    pub fn has_password(&self) -> bool {
        match self {
            Self::Sqlite { .. } => false,
            Self::Postgres(config) => config.has_password(),
        }
    }

    /// What has to be so that it can be opened, as a sentence for whoever sees to that.
    #[must_use]
    pub const fn needs(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => {
                "One process at a time may have it open; it has to be readable and writable for this one."
            }
            Self::Postgres(_) => {
                "The server has to run and to be reached from here, and the database has to be there and to belong to the \
                 role that the URL names."
            }
        }
    }
}

impl FromStr for StoreConfig {
    type Err = InvalidPostgresUrl;

    /// Reads `postgres://user:password@host:port/database?name=value`.
    fn from_str(url: &str) -> Result<Self, Self::Err> {
        Ok(Self::Postgres(url.parse()?))
    }
}

/// Where it is, without a password.
impl fmt::Display for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { directory } => write!(f, "the embedded store in {}", directory.display()),
            Self::Postgres(config) => config.fmt(f),
        }
    }
}

/// The open memory. Cheap to clone; closed when its last clone is dropped.
#[derive(Clone)]
pub struct Store {
    /// The journal of the books.
    pub journal: Arc<dyn Journal>,
    /// The usage ledger.
    pub usage: Arc<dyn UsageLedger>,
    /// The documents of periods that were closed.
    pub bills: Arc<dyn Bills>,
    /// What lasts of sign-ins.
    pub sessions: Arc<dyn Sessions>,
    /// The codes that are out.
    pub codes: Arc<dyn Codes>,
}

/// Whether there is anything of a memory: opening would make one where there is nothing. Blocks.
///
/// # Errors
/// [`StoreError::Unavailable`] if that cannot be seen.
pub fn is_made(config: &StoreConfig) -> Result<bool, StoreError> {
    match config {
        StoreConfig::Sqlite { directory } => directory.try_exists().map_err(StoreError::unavailable),
        StoreConfig::Postgres(config) => postgres::is_made(config),
    }
}

/// Opens the memory and brings its schema up to date. Blocks.
///
/// # Errors
/// [`StoreError::InUse`] if another process has it open, [`StoreError::NewerSchema`] if a newer version of the
/// program has written it, [`StoreError::Unfinished`] if it is half of a copy, [`StoreError::OfOthers`] if it is a database that
/// somebody else uses, [`StoreError::Unavailable`] or [`StoreError::Corrupt`] if it cannot be read.
pub fn open(config: &StoreConfig) -> Result<Store, StoreError> {
    match config {
        StoreConfig::Sqlite { directory } => sqlite::open(directory),
        StoreConfig::Postgres(config) => postgres::open(config),
    }
}
