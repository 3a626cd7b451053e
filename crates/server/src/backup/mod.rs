//! Backups of a data directory with the embedded store, and what is made of them again.
//!
//! A backup is a folder laid out as the data directory is, with a manifest beside that says what is in it and where the
//! chains of the store end. [`make()`] works while a server runs on the directory: the databases are copied as they were at
//! one moment (see [`store::backup`]), everything else is small and written whole. [`verify()`] compares a backup with its
//! manifest, and [`restore()`] makes a data directory of it that is checked as a whole before it is there.
//!
//! Both are made under another name and renamed when they are whole and durable, so what was cut off is never taken for
//! one. All of it blocks.

mod contents;
mod make;
mod manifest;
mod restore;
mod unfinished;
mod verify;

use std::io;
use std::path::{Path, PathBuf};

use store::backup::DATABASES;
use store::{StoreConfig, StoreError};

pub use self::make::make;
pub use self::manifest::{FileInBackup, Head, Manifest, StackHead};
pub use self::restore::{Check, Restored, restore};
pub use self::verify::{ChangedFile, FoundFile, compare, verify};
use crate::house::OpenError;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Something begins.
    Begins {
        /// What is done.
        what: &'static str,
        /// How many bytes, where that is known.
        bytes: Option<u64>,
    },
    /// So many more bytes are done.
    Done(u64),
}

/// Who is told how far it is.
pub type Watch<'a> = dyn FnMut(Step) + 'a;

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file or a folder cannot be used.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// What is to be made is there already.
    #[error("{} is there already and not empty", .0.display())]
    NotEmpty(PathBuf),
    /// What is to be made has no name of its own, or is where another file system is mounted.
    #[error("{} cannot be put in place as a whole: it is the root of a file system or has no name", .0.display())]
    NotAFolderOfItsOwn(PathBuf),
    /// The backup would be in the directory that it is of.
    #[error("{} is in the data directory: what destroys one destroys the other", .0.display())]
    InsideDataDirectory(PathBuf),
    /// Another process makes the same thing.
    #[error("another process is writing {}", .0.display())]
    InProgress(PathBuf),
    /// There is no embedded store.
    #[error("there is no embedded store in {}", .0.display())]
    NoStore(PathBuf),
    /// What is remembered is not in the data directory.
    #[error("the store is not in the data directory: {0}")]
    StoreElsewhere(StoreConfig),
    /// It has no manifest.
    #[error("{} has no manifest.json: it is no backup, or one that was not finished", .0.display())]
    NoBackup(PathBuf),
    /// It was made by a newer program.
    #[error("the backup has format {found}, and this program knows formats up to {known}")]
    NewerFormat {
        /// The format found.
        found: u32,
        /// The newest that this program knows.
        known: u32,
    },
    /// Files are not what was backed up. One sentence for each.
    #[error("{}", .0.join("; "))]
    Damaged(Vec<String>),
    /// The store cannot be copied or opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was restored cannot be opened.
    #[error(transparent)]
    Open(Box<OpenError>),
}

/// Whether a folder is that of an embedded store: it has one of the databases in it, and should have the other.
#[must_use]
pub fn has_databases(folder: &Path) -> bool {
    DATABASES.iter().any(|name| folder.join(name).is_file())
}

impl From<OpenError> for BackupError {
    fn from(error: OpenError) -> Self {
        Self::Open(Box::new(error))
    }
}

impl BackupError {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::File { path, error }
    }
}
