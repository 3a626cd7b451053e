//! Comparing a backup with its manifest.

use std::fmt;
use std::io;
use std::path::Path;

use super::manifest::{FileInBackup, Manifest};
use super::{BackupError, Step, Watch, contents};

/// A file that is not the one that was backed up.
#[derive(Debug)]
pub struct ChangedFile {
    /// The one that was backed up.
    pub expected: FileInBackup,
    /// What is there in its place.
    pub found: FoundFile,
}

/// What is there in place of a file.
#[derive(Debug)]
pub enum FoundFile {
    /// Nothing.
    Missing,
    /// Something that cannot be read.
    Unreadable(io::Error),
    /// Another content.
    Other(FileInBackup),
}

impl fmt::Display for ChangedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FileInBackup { path, bytes, blake3 } = &self.expected;
        match &self.found {
            FoundFile::Missing => write!(f, "{path} is missing"),
            // A disk that cannot read a file any more is why there are backups to be verified.
            FoundFile::Unreadable(error) => write!(f, "{path} cannot be read: {error}"),
            FoundFile::Other(found) if found.bytes != *bytes => {
                write!(f, "{path} has {} bytes, not {bytes}", found.bytes)
            }
            FoundFile::Other(found) => {
                write!(
                    f,
                    "{path} was changed: its BLAKE3 is {}, not {blake3}",
                    found.blake3
                )
            }
        }
    }
}

/// Reads every file of a backup and compares it with the manifest. Whether what was backed up is sound, only
/// [`restore()`](super::restore()) tells. Blocks.
///
/// # Errors
/// [`BackupError::Damaged`] with every file that is missing or was changed, or as reading the manifest.
pub fn verify(backup: &Path, watch: &mut Watch<'_>) -> Result<Manifest, BackupError> {
    let (manifest, changed) = compare(backup, watch)?;
    if changed.is_empty() {
        return Ok(manifest);
    }
    Err(BackupError::Damaged(
        changed.iter().map(ToString::to_string).collect(),
    ))
}

/// The same, for whoever wants to know more of the files that are not as they were.
///
/// # Errors
/// As reading the manifest, or [`BackupError`].
pub fn compare(backup: &Path, watch: &mut Watch<'_>) -> Result<(Manifest, Vec<ChangedFile>), BackupError> {
    let manifest = Manifest::read(backup)?;
    watch(Step::Begins {
        what: "checking digests",
        bytes: Some(manifest.bytes()),
    });
    let mut changed = Vec::new();
    for expected in &manifest.files {
        let found = match contents::describe(backup, &expected.path, watch) {
            Ok(found) if found == *expected => continue,
            Ok(found) => FoundFile::Other(found),
            Err(BackupError::File { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                FoundFile::Missing
            }
            Err(BackupError::File { error, .. }) => FoundFile::Unreadable(error),
            Err(other) => return Err(other),
        };
        let expected = expected.clone();
        changed.push(ChangedFile { expected, found });
    }
    Ok((manifest, changed))
}

/// What is wrong with a file, if it is not the one that was backed up.
pub(super) fn difference(expected: &FileInBackup, found: FileInBackup) -> Option<String> {
    let is_same = *expected == found;
    let changed = ChangedFile {
        expected: expected.clone(),
        found: FoundFile::Other(found),
    };
    (!is_same).then(|| changed.to_string())
}
