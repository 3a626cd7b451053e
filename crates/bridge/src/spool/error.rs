//! What can be wrong with a spool.

use std::io;
use std::path::{Path, PathBuf};

use domain::ids::CloudId;

use crate::frame::NotAFrame;
use crate::trouble::Trouble;

/// What can be wrong with a spool.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    /// There is no room for another frame.
    #[error("The spool {} holds its {bytes_max} bytes.", directory.display())]
    Full {
        directory: PathBuf,
        bytes_max: u64,
        /// Nothing waits to be delivered: it is one window that is larger than the spool.
        alone: bool,
    },
    /// A page is longer than a frame can be.
    #[error("A page of the stack is too long for the spool.")]
    TooLarge,
    /// The disk failed.
    #[error("{}: {cause}", path.display())]
    Disk { path: PathBuf, cause: io::Error },
    /// What was durable is not there any more as it was written.
    #[error("{} is damaged at byte {offset}: {why}.", file.display())]
    Damaged {
        file: PathBuf,
        offset: u64,
        why: NotAFrame,
    },
    /// The cursor cannot be read.
    #[error("{} cannot be used: {why}.", path.display())]
    Cursor { path: PathBuf, why: String },
    /// There are segments and no cursor.
    #[error("{} is there, and beside it is no file `cursor` that says what of it was delivered.", .0.display())]
    NoCursor(PathBuf),
    /// It is the spool of another stack.
    #[error("The spool {} is that of stack {of}, and the activation key is for stack {expected}.", directory.display())]
    Foreign {
        directory: PathBuf,
        of: CloudId,
        expected: CloudId,
    },
    /// Somebody who used it went away in the middle.
    #[error("The work on the spool was broken off: {0}.")]
    BrokenOff(String),
}

impl SpoolError {
    pub(super) fn disk(path: &Path, cause: io::Error) -> Self {
        Self::Disk {
            path: path.to_owned(),
            cause,
        }
    }

    pub(super) fn damaged(file: &Path, offset: u64, why: NotAFrame) -> Self {
        Self::Damaged {
            file: file.to_owned(),
            offset,
            why,
        }
    }

    /// Whether it may be gone the next time, without anybody doing anything.
    pub(crate) const fn passes(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Disk { .. })
    }

    /// The same for whoever operates the bridge.
    pub(crate) fn trouble(&self) -> Trouble {
        const AGAIN: &str = "Nothing is lost: the stack still has its usage, and what the server knows already counts \
                             once. Move the folder of this stack's spool away, set `start` of the stack to the hour \
                             through which the server has its reports (`meterbridge stack completeness`), and start the \
                             bridge again. Of the hours before that it reads as many again as `lookback-hours` says.";
        let (code, advice) = match self {
            Self::Full { alone: true, .. } => (
                "SpoolTooSmall",
                "One hour of this stack is larger than the spool: raise `bytes-max` of [spool].",
            ),
            Self::Full { alone: false, .. } => (
                "SpoolFull",
                "Nothing is lost: the stack is read on when the server has taken something. See why nothing is \
                 delivered, or raise `bytes-max` of [spool].",
            ),
            Self::TooLarge => ("PageTooLarge", "Report it to the makers of the bridge."),
            Self::Disk { .. } => (
                "DiskFailed",
                "Nothing is lost: it is tried again. See that the disk has room and is in order.",
            ),
            Self::Damaged { .. } => ("SpoolDamaged", AGAIN),
            Self::Cursor { .. } => ("CursorDamaged", AGAIN),
            Self::NoCursor(_) => ("CursorMissing", AGAIN),
            Self::Foreign { .. } => (
                "ForeignSpool",
                "Give each stack a `name` of its own in the configuration, and the activation key of its registration.",
            ),
            Self::BrokenOff(_) => ("SpoolBrokenOff", "It is tried again."),
        };
        Trouble::new(code, self.to_string(), advice)
    }
}
