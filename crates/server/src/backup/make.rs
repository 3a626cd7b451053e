//! Making a backup.

use std::fs;
use std::path::{Path, PathBuf};

use domain::time::Timestamp;
use store::backup::DATABASES;

use super::contents::{self, STORE};
use super::manifest::Manifest;
use super::unfinished::Unfinished;
use super::{BackupError, Step, Watch};

/// Makes a backup of a data directory, whether or not a server runs on it, in a folder that is not there or empty: all that
/// was acknowledged before `now` is in it. Without keys, the folders `keys` and `tls` are left out. Blocks.
///
/// # Errors
/// [`BackupError`]; nothing is left of the backup then. [`BackupError::Damaged`] says that the store itself is damaged.
pub fn make(
    data: &Path,
    backup: &Path,
    with_keys: bool,
    now: Timestamp,
    watch: &mut Watch<'_>,
) -> Result<Manifest, BackupError> {
    let store = data.join(STORE);
    if !DATABASES.iter().all(|name| store.join(name).is_file()) {
        return Err(BackupError::NoStore(data.to_owned()));
    }
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
