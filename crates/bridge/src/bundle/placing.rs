//! Files that somebody carries away: whole or not there, for nobody else to read, and never in place of another one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Usage says what customers do: readable by whoever makes the file, and by nobody else.
const FILE_MODE: u32 = 0o600;

/// Writes a file durably where none is.
///
/// # Errors
/// As the operating system: `AlreadyExists` if something is there, which stays as it is.
pub fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    if is_taken(path) {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let mut file = begin(path)?;
    file.write_all(content)?;
    file.sync_all()?;
    publish(path)
}

/// Whether a name is taken, by whatever it may be.
pub(super) fn is_taken(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Where a file is until it is whole.
pub(super) fn unfinished(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(".unfinished");
    out.with_file_name(name)
}

/// Makes the file in which the content is put together. What was left of an earlier attempt is thrown away.
pub(super) fn begin(out: &Path) -> io::Result<File> {
    let unfinished = unfinished(out);
    removed(&unfinished)?;
    private(&unfinished)
}

/// Gives the file its name, durably where its directory can be made so, if nothing has it.
pub(super) fn publish(out: &Path) -> io::Result<()> {
    // Sticks that are carried about know neither links nor a renaming that replaces nothing. So the name is taken first:
    // what is replaced then is this and nothing else.
    drop(private(out)?);
    fs::rename(unfinished(out), out)?;
    if let Err(error) = sync_directory_of(out) {
        // The file is there and whole, and somebody may have it already: it is not to be made a second time.
        tracing::warn!(file = %out.display(), "the directory of a file that was written cannot be synchronized: {error}");
    }
    Ok(())
}

/// Whether it can be said what is there, if anything: not so on a medium that was taken out.
pub(super) fn can_be_looked_at(out: &Path) -> bool {
    match File::open(out) {
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::read_dir(directory_of(out)).is_ok(),
        Err(_) => false,
    }
}

/// Throws away the content of a file whose name somebody else has taken.
pub(super) fn discard(out: &Path) -> io::Result<()> {
    removed(&unfinished(out))
}

/// Throws away what is left of a file that was never published.
pub(super) fn clear(out: &Path) -> io::Result<()> {
    discard(out)?;
    match fs::symlink_metadata(out) {
        // Its name had been taken, and nothing more.
        Ok(found) if found.is_file() && found.len() == 0 => removed(out),
        _ => Ok(()),
    }
}

fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(FILE_MODE).open(path)
}

fn removed(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}

fn directory_of(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_that_is_carried_away_is_private_and_replaces_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("1.mbz");
        // What an earlier attempt left is in nobody's way.
        fs::write(unfinished(&path), "half").unwrap();
        write_new(&path, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, FILE_MODE);
        assert!(!unfinished(&path).exists());
        let refused = write_new(&path, b"another").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }

    #[test]
    fn a_file_that_came_while_another_was_written_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("1.mbz");
        begin(&path).unwrap().write_all(b"ours").unwrap();
        fs::write(&path, "theirs").unwrap();
        assert_eq!(publish(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        clear(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
        assert!(!unfinished(&path).exists());
    }
}
