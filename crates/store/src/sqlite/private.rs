//! Files that nobody but their owner can read: they say who uses what, and who pays.
//!
//! Also where they were there before, with whatever rights a copied back-up or an earlier version left them.

use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::error::StoreError;

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// What SQLite puts beside a database. It makes them with the rights of the database, but does not change them.
const BESIDE_DATABASE: [&str; 2] = ["-wal", "-shm"];

/// Makes a directory that only its owner can look into, or makes it one.
pub(super) fn directory(path: &Path) -> Result<(), StoreError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(path)
        .and_then(|()| restrict(path, DIRECTORY_MODE))
        .map_err(|error| unavailable("directory", path, &error))
}

/// Makes an empty file that only its owner can read, or makes what is there one.
pub(super) fn file(path: &Path) -> Result<(), StoreError> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(FILE_MODE)
        .open(path)
        .and_then(|_| restrict(path, FILE_MODE))
        .map_err(|error| unavailable("file", path, &error))
}

/// As [`file()`], with what is beside a database.
pub(super) fn database(path: &Path) -> Result<(), StoreError> {
    file(path)?;
    for suffix in BESIDE_DATABASE {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        match restrict(Path::new(&beside), FILE_MODE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => done.map_err(|error| unavailable("file", Path::new(&beside), &error))?,
        }
    }
    Ok(())
}

/// Sets the rights, unless they are as they should be: somebody else's file may be right already.
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    if fs::metadata(path)?.permissions().mode() & 0o777 == mode {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(mode))
}

fn unavailable(what: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::unavailable(format_args!(
        "the {what} {} cannot be made for its owner only: {error}",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreConfig;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn who_uses_what_is_not_told_to_everybody_with_a_login_on_the_machine() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("store");
        let open = || {
            let directory = directory.clone();
            crate::open(&StoreConfig::Sqlite { directory }).unwrap()
        };
        drop(open());
        // As if it had been copied by somebody who did not mind, in the middle of things.
        fs::write(directory.join("usage.db-wal"), "").unwrap();
        for entry in fs::read_dir(&directory).unwrap() {
            fs::set_permissions(entry.unwrap().path(), Permissions::from_mode(0o644)).unwrap();
        }
        fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();

        let _open = open();
        assert_eq!(mode(&directory), DIRECTORY_MODE);
        let mut files: Vec<_> = fs::read_dir(&directory)
            .unwrap()
            .map(|it| it.unwrap().path())
            .collect();
        files.sort();
        for file in &files {
            assert_eq!(mode(file), FILE_MODE, "{}", file.display());
        }
        let name = |name: &str| directory.join(name);
        for expected in ["books.db", "lock", "usage.db", "usage.db-wal"].map(name) {
            assert!(files.contains(&expected), "{files:?}");
        }
    }
}
