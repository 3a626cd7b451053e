//! Why the memory could not do what it was asked to do.

use std::path::PathBuf;

/// A failure of the memory itself. What it refuses for a reason of the domain is an ordinary answer, not an error.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// More deliveries wait than the queue holds, or another audit is running. Nothing was stored.
    #[error("too much is waiting to be done; ask for this again in a few seconds")]
    Busy,
    /// Storage failed: a full disk, an I/O error, a memory that is being closed. Nothing of the request was stored.
    #[error("storage is unavailable: {detail}")]
    Unavailable {
        /// For the log, not for callers from outside.
        detail: String,
    },
    /// Storage failed while it was asked to make durable what had been written. Whether it did is not known, since its
    /// answer was lost.
    #[error("storage did not answer whether this was stored, and it may have been: {detail}")]
    Uncertain {
        /// For the log, not for callers from outside.
        detail: String,
    },
    /// What this process knows of the books is not stored any more: the database was set back to an earlier state while
    /// it was in use. What would be decided on these books fits nobody else's.
    #[error(
        "the database went back to an earlier state: entry {entry} of the journal is not there, or not the one that this \
         server knows, as after a restore or after a standby took over that had not got it; this server answers nothing \
         until it is restarted and reads the books anew"
    )]
    WentBack {
        /// The last entry known.
        entry: u64,
    },
    /// What is stored contradicts itself or cannot be read.
    #[error("what is stored is damaged: {detail}")]
    Corrupt {
        /// What was found and what was expected, for the log.
        detail: String,
    },
    /// One of the files of a store is there, and one that belongs to it is not.
    #[error("the file {} is not there, and without it the store is not whole", file.display())]
    FileMissing {
        /// The file that is missing.
        file: PathBuf,
    },
    /// The same, and there is an empty one in its place.
    #[error("the file {} is empty, and without what was in it the store is not whole", file.display())]
    FileEmpty {
        /// The file that is empty.
        file: PathBuf,
    },
    /// The same, of a database: tables that were made are not there.
    #[error("the database has no table {} any more, and without what was in it the store is not whole", tables.join(", "))]
    TablesMissing {
        /// The names of the tables that are missing.
        tables: Vec<String>,
    },
    /// Another process has it open.
    #[error("{} is in use by another process; stop it first, or choose another directory", directory.display())]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// It was written by a newer version of this program.
    #[error(
        "the stored schema has version {found} and this program knows versions up to {known}; use a newer program"
    )]
    NewerSchema {
        /// The version found.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The database holds something of somebody else's. Nothing was made in it.
    #[error("the database is not empty, and {relation} in it is not Meterbridge's")]
    OfOthers {
        /// One of the tables or views that are not ours, with its schema.
        relation: String,
    },
    /// It is a copy of another store that was cut off before it was whole.
    #[error("it is an unfinished copy of {of}: copy it again, which goes on where it ended, or empty it")]
    Unfinished {
        /// Of which.
        of: String,
    },
}

impl StoreError {
    pub(crate) fn corrupt(detail: impl Into<String>) -> Self {
        Self::Corrupt {
            detail: detail.into(),
        }
    }

    pub(crate) fn unavailable(detail: impl std::fmt::Display) -> Self {
        Self::Unavailable {
            detail: detail.to_string(),
        }
    }
}
