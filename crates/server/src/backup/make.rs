//! Making a backup.

use std::fs;
use std::path::{Path, PathBuf};

use domain::time::Timestamp;
use store::StoreConfig;
use store::backup::DATABASES;

use super::contents::{self, STORE};
use super::manifest::Manifest;
use super::unfinished::Unfinished;
use super::{BackupError, Step, Watch, has_databases};
use crate::house::embedded_store;

/// Makes a backup of a data directory with its store in it, whether or not a server runs on it, in a folder that is not
/// there or empty: all that was acknowledged before `now` is in it. Without keys, the folders `keys` and `tls` are left out.
/// Blocks.
///
/// # Errors
/// [`BackupError`]; nothing is left of the backup then. [`BackupError::Damaged`] says that the store itself is damaged, and
/// [`StoreError::Unfinished`](store::StoreError::Unfinished) that it is half of a copy, and would be as a backup.
pub fn make(
    data: &Path,
    store: &StoreConfig,
    backup: &Path,
    with_keys: bool,
    now: Timestamp,
    watch: &mut Watch<'_>,
) -> Result<Manifest, BackupError> {
    if *store != embedded_store(data) {
        return Err(BackupError::StoreElsewhere(store.clone()));
    }
    let store = data.join(STORE);
    if !has_databases(&store) {
        return Err(BackupError::NoStore(data.to_owned()));
    }
    store::backup::refuse_unfinished(&store)?;
    check_outside(backup, data)?;
    let made = Unfinished::make_for(backup)?;
    let copy = made.path().join(STORE);
    contents::make_folder(&copy)?;
    watch(Step::Begins {
        what: "copying",
        bytes: Some(store::backup::size(&store)?),
    });
    store::backup::copy(&store, &copy, &mut |bytes| watch(Step::Done(bytes)))?;
    let beside = contents::beside_the_store(data, with_keys)?;
    let mut files = Vec::new();
    for path in &beside {
        files.push(contents::copy(data, made.path(), path, &mut |_| ())?);
    }
    // One may have begun to be copied into before the moment of this copy.
    store::backup::refuse_unfinished(&copy)?;
    check_sound(&copy)?;
    let heads = store::backup::heads(&copy)?;
    watch(Step::Begins {
        what: "computing digests",
        bytes: Some(store::backup::size(&copy)?),
    });
    for name in DATABASES {
        files.push(contents::describe(
            made.path(),
            &format!("{STORE}/{name}"),
            watch,
        )?);
    }
    let manifest = Manifest::new(now, with_keys, &heads, files);
    manifest.write(made.path())?;
    made.finish()?;
    Ok(manifest)
}

/// A copy of a damaged database is as damaged. Whoever relies on it has to be told before older backups are gone.
fn check_sound(copy: &Path) -> Result<(), BackupError> {
    let mut damages = Vec::new();
    for name in DATABASES {
        let findings = store::backup::findings(&copy.join(name))?;
        damages.extend(findings.iter().map(|it| format!("{STORE}/{name}: {it}")));
    }
    if damages.is_empty() {
        return Ok(());
    }
    Err(BackupError::Damaged(damages))
}

fn check_outside(backup: &Path, data: &Path) -> Result<(), BackupError> {
    let real = |path: &Path| fs::canonicalize(path).map_err(BackupError::file(path));
    let data = real(data)?;
    // What is not there yet will be below what is.
    let current = PathBuf::from(".");
    let above = backup
        .ancestors()
        .map(|it| if it.as_os_str().is_empty() { &*current } else { it })
        .find(|it| it.exists());
    if real(above.unwrap_or(&current))?.starts_with(data) {
        return Err(BackupError::InsideDataDirectory(backup.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    use store::{CopyStep, StoreError};

    use super::*;

    #[test]
    fn half_of_a_copy_is_not_kept_as_if_it_were_everything() {
        let folder = tempfile::tempdir().unwrap();
        let [from, data, backup] = ["from", "data", "backup"].map(|name| folder.path().join(name));
        let [source, target] = [&from, &data].map(|data| embedded_store(data));
        drop(store::open(&source).unwrap());
        let cut_off = &mut |step| {
            if let CopyStep::Begins {
                what: "comparing", ..
            } = step
            {
                resume_unwind(Box::new("cut off"));
            }
        };
        catch_unwind(AssertUnwindSafe(|| store::copy(&source, &target, cut_off))).unwrap_err();
        let made = || make(&data, &target, &backup, true, Timestamp::UNIX_EPOCH, &mut |_| ());
        let refused = made().unwrap_err();
        assert!(
            matches!(refused, BackupError::Store(StoreError::Unfinished { .. })),
            "{refused}"
        );
        assert!(!backup.exists());
        store::copy(&source, &target, &mut |_| ()).unwrap();
        made().unwrap();
    }
}
