//! Comparing a backup with its manifest.

use std::io;
use std::path::Path;

use super::manifest::{FileInBackup, Manifest};
use super::{BackupError, Step, Watch, contents};

/// Reads every file of a backup and compares it with the manifest. Whether what was backed up is sound, only
/// [`restore()`](super::restore()) tells. Blocks.
///
/// # Errors
/// [`BackupError::Damaged`] with every file that is missing or was changed, or as reading the manifest.
pub fn verify(backup: &Path, watch: &mut Watch<'_>) -> Result<Manifest, BackupError> {
    let manifest = Manifest::read(backup)?;
    watch(Step::Begins {
        what: "checking digests",
        bytes: Some(manifest.bytes()),
    });
    let mut damages = Vec::new();
    for file in &manifest.files {
        match contents::describe(backup, &file.path, watch) {
            Ok(found) => damages.extend(difference(file, &found)),
            Err(BackupError::File { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                damages.push(format!("{} is missing", file.path));
            }
            // A disk that cannot read a file any more is why there are backups to be verified.
            Err(BackupError::File { error, .. }) => {
                damages.push(format!("{} cannot be read: {error}", file.path));
            }
            Err(other) => return Err(other),
        }
    }
    if damages.is_empty() {
        return Ok(manifest);
    }
    Err(BackupError::Damaged(damages))
}

/// What is wrong with a file, if it is not the one that was backed up.
pub(super) fn difference(expected: &FileInBackup, found: &FileInBackup) -> Option<String> {
    let FileInBackup { path, bytes, blake3 } = expected;
    if *bytes != found.bytes {
        return Some(format!("{path} has {} bytes, not {bytes}", found.bytes));
    }
    (*blake3 != found.blake3)
        .then(|| format!("{path} was changed: its BLAKE3 is {}, not {blake3}", found.blake3))
}
