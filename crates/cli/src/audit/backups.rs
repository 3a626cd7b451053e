//! A backup with what it says of itself: which files it has, and where its chains ended.

use std::path::{Path, PathBuf};

use server::audit::{CheckKind, Checked, Difference, FINDINGS_MAX, Finding, FoundAt, Heads};
use server::backup::{self, BackupError, ChangedFile, FileInBackup, FoundFile};

use super::heads;
use crate::backups::{Shown, refused};
use crate::failure::Failure;
use crate::printer::Printer;

/// The file that a folder has which is a backup.
const MANIFEST: &str = "manifest.json";
/// What a backup has not, and every store has that was ever opened to be written to.
const LOCK: &str = "store/lock";

/// What a backup says of itself, and what of it is not so.
pub(super) struct OwnWord {
    /// Where its chains ended when it was made, unless the manifest was changed since.
    pub(super) heads: Option<Heads>,
    /// Its files.
    pub(super) files: Checked,
}

/// Whether a folder is a backup. The copy of one that a server has opened since is a data directory, of which the manifest
/// says nothing any more.
pub(super) fn is_one(folder: &Path) -> bool {
    folder.join(MANIFEST).is_file() && !folder.join(LOCK).exists()
}

/// Compares the files of a backup with its manifest.
///
/// # Errors
/// If the manifest cannot be read, or is of a newer program.
pub(super) fn compared(folder: &Path, printer: &Printer) -> Result<OwnWord, Failure> {
    let mut shown = Shown::by(printer);
    let read = backup::compare(folder, &mut |step| shown.take(step));
    drop(shown);
    match read {
        Ok((manifest, changed)) => {
            let noted: PathBuf = folder.join(MANIFEST);
            Ok(OwnWord {
                heads: heads::read(&[noted])?.pop(),
                files: checked(manifest.files.len(), changed.iter().map(finding)),
            })
        }
        Err(BackupError::Damaged(why)) => Ok(OwnWord {
            heads: None,
            files: checked(1, why.into_iter().map(of_manifest)),
        }),
        Err(error) => Err(refused(
            "The backup cannot be compared with its manifest.",
            &error,
        )),
    }
}

fn checked(files: usize, findings: impl ExactSizeIterator<Item = Finding>) -> Checked {
    Checked {
        kind: CheckKind::Backup,
        examined: files as u64,
        not_covered: 0,
        found: findings.len() as u64,
        findings: findings.take(FINDINGS_MAX).collect(),
        noted: 0,
        notes: Vec::new(),
    }
}

fn finding(changed: &ChangedFile) -> Finding {
    let told = |file: &FileInBackup| format!("{} bytes with BLAKE3 {}", file.bytes, file.blake3);
    Finding {
        difference: Difference::BackupFile,
        at: in_file(changed.expected.path.clone()),
        until: None,
        places: 1,
        expected: Some(told(&changed.expected)),
        found: Some(match &changed.found {
            FoundFile::Missing => "it is not there".to_owned(),
            FoundFile::Unreadable(error) => format!("it cannot be read: {error}"),
            FoundFile::Other(found) => told(found),
        }),
    }
}

fn of_manifest(why: String) -> Finding {
    Finding {
        difference: Difference::BackupManifest,
        at: in_file(MANIFEST.to_owned()),
        until: None,
        places: 1,
        expected: None,
        found: Some(why),
    }
}

fn in_file(path: String) -> FoundAt {
    FoundAt {
        file: Some(path),
        ..FoundAt::default()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_server_that_went_on_from_the_copy_of_a_backup_would_be_told_that_its_store_was_changed() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_one(folder.path()), "a data directory");
        fs::write(folder.path().join(MANIFEST), "{}").unwrap();
        assert!(is_one(folder.path()));
        fs::create_dir(folder.path().join("store")).unwrap();
        fs::write(folder.path().join(LOCK), "").unwrap();
        assert!(!is_one(folder.path()), "a copy that was opened since");
    }
}
