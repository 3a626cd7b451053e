//! Why the memory could not do what it was asked to do.

use std::path::PathBuf;

/// A failure of the memory itself. What it refuses for a reason of the domain is an ordinary answer, not an error.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// More deliveries wait than the queue holds, or another audit is running. Nothing was stored.
    #[error("too much is waiting to be done; ask for this again in a few seconds")]
    Busy,
    /// Storage failed: a full disk, an I/O error, a memory that is being closed. Nothing of the request counts as
    /// stored; it may be repeated.
    #[error("storage is unavailable: {detail}")]
    Unavailable {
        /// For the log, not for callers from outside.
        detail: String,
    },
    /// What is stored contradicts itself or cannot be read.
    #[error("what is stored is damaged: {detail}")]
    Corrupt {
        /// What was found and what was expected, for the log.
        detail: String,
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
