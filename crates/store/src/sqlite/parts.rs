//! The two files without which a store is none: both of them are there, or both are made.
//!
//! A server that makes the one that is missing would begin anew with half of what was known: with usage that nobody is charged
//! for, or with customers that never used anything. The books are made before the usage, and nothing is entered in them before
//! both are there. So books without entries and no usage are a store whose making was cut off; everything else of which a half
//! is there has lost the other one.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{migrations, open_for_writing};
use crate::error::StoreError;

/// The files of books and of usage in a directory.
pub(super) struct Parts {
    pub(super) books: PathBuf,
    pub(super) usage: PathBuf,
}

impl Parts {
    pub(super) fn of(directory: &Path) -> Self {
        Self {
            books: directory.join("books.db"),
            usage: directory.join("usage.db"),
        }
    }

    /// Opens both of them for writing, books first. New ones are made only where there was no store.
    ///
    /// # Errors
    /// [`StoreError::FileMissing`] or [`StoreError::FileEmpty`] if there is one of them; nothing is made then.
    pub(super) fn open(&self) -> Result<[Connection; 2], StoreError> {
        let no_usage = lacks(&self.usage);
        if let (Some(error), None) = (lacks(&self.books), &no_usage) {
            return Err(error);
        }
        let books = open_for_writing(&self.books, &migrations::BOOKS, no_usage.is_some())?;
        let is_new = books.query_row("SELECT NOT EXISTS (SELECT * FROM entry)", [], |row| row.get(0))?;
        if let (Some(error), false) = (no_usage, is_new) {
            return Err(error);
        }
        let usage = open_for_writing(&self.usage, &migrations::USAGE, is_new)?;
        Ok([books, usage])
    }
}

/// Whether a store was ever made in a directory. One that was restored has no sign-ins yet.
///
/// # Errors
/// [`StoreError::FileMissing`] or [`StoreError::FileEmpty`] if a part of it is there.
pub(crate) fn is_there(directory: &Path) -> Result<bool, StoreError> {
    let Parts { books, usage } = Parts::of(directory);
    match [books, usage].map(|file| lacks(&file)) {
        [None, None] => Ok(true),
        [
            Some(StoreError::FileMissing { .. }),
            Some(StoreError::FileMissing { .. }),
        ] => Ok(false),
        [Some(error), _] | [None, Some(error)] => Err(error),
    }
}

/// What is wrong with a file in which there is nothing. SQLite writes its first page before anything else.
fn lacks(file: &Path) -> Option<StoreError> {
    let file = file.to_owned();
    match fs::metadata(&file) {
        Ok(it) if it.len() > 0 => None,
        Ok(_) => Some(StoreError::FileEmpty { file }),
        // Whatever else is wrong with it is told by whoever opens it.
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => None,
        Err(_) => Some(StoreError::FileMissing { file }),
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::ObjectId;
    use domain::time::Timestamp;

    use super::*;
    use crate::{Store, StoreConfig};

    fn open(directory: &Path) -> Result<Store, StoreError> {
        crate::open(&StoreConfig::in_folder(directory.to_owned()))
    }

    /// A directory with a store in whose books something is entered.
    async fn used() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path()).unwrap();
        let by = ObjectId::from_bytes([9; 16]);
        let entered = store.journal.append(0, vec![vec![1]], Timestamp::UNIX_EPOCH, by);
        entered.await.unwrap();
        directory
    }

    fn listing(directory: &Path) -> Vec<(String, u64)> {
        let mut files: Vec<(String, u64)> = fs::read_dir(directory)
            .unwrap()
            .map(|it| it.unwrap())
            .map(|it| {
                (
                    it.file_name().into_string().unwrap(),
                    it.metadata().unwrap().len(),
                )
            })
            .filter(|(name, _)| Path::new(name).extension().is_some_and(|it| it == "db"))
            .collect();
        files.sort_unstable();
        files
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn half_of_a_store_would_be_served_as_if_nothing_had_ever_been_used_or_sold() {
        for name in ["usage.db", "books.db"] {
            let directory = used().await;
            let file = directory.path().join(name);
            fs::remove_file(&file).unwrap();
            let before = listing(directory.path());
            let refused = open(directory.path()).err().unwrap();
            assert!(
                matches!(&refused, StoreError::FileMissing { file: it } if *it == file),
                "{refused}"
            );
            assert_eq!(
                listing(directory.path()),
                before,
                "what was refused is left as it is"
            );
            fs::write(&file, "").unwrap();
            let refused = open(directory.path()).err().unwrap();
            assert!(
                matches!(&refused, StoreError::FileEmpty { file: it } if *it == file),
                "{refused}"
            );
            // A database without any table.
            Connection::open(&file)
                .unwrap()
                .pragma_update(None, "journal_mode", "WAL")
                .unwrap();
            assert!(fs::metadata(&file).unwrap().len() > 0);
            let refused = open(directory.path()).err().unwrap();
            assert!(
                matches!(&refused, StoreError::FileEmpty { file: it } if *it == file),
                "{refused}"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_was_cut_off_while_a_store_was_made_would_have_to_throw_it_away() {
        for left in [&["books.db"][..], &[], &["books.db", "sessions.db"]] {
            let directory = tempfile::tempdir().unwrap();
            drop(open(directory.path()).unwrap());
            for name in ["books.db", "usage.db", "sessions.db"] {
                if !left.contains(&name) {
                    fs::remove_file(directory.path().join(name)).unwrap();
                }
            }
            fs::write(directory.path().join("usage.db"), "").unwrap();
            drop(open(directory.path()).unwrap());
        }
        let directory = tempfile::tempdir().unwrap();
        for name in ["books.db", "usage.db"] {
            let begun = Connection::open(directory.path().join(name)).unwrap();
            begun.pragma_update(None, "journal_mode", "WAL").unwrap();
            drop(begun);
            if name == "books.db" {
                drop(open(directory.path()).unwrap());
                fs::remove_file(directory.path().join("usage.db")).unwrap();
            }
        }
        drop(open(directory.path()).unwrap());
    }
}
