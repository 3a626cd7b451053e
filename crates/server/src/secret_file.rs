//! Files that hold secrets: readable by their owner only, and never half written.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Makes a folder that only its owner can look into, if it is not there.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file that only its owner can read: whole and durable, or not at all.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    write_for(0o600, path, content)
}

/// Writes a file that is no secret beside those that are: whoever can reach it, or is given a copy, can read it.
pub(crate) fn write_public(path: &Path, content: &[u8]) -> io::Result<()> {
    write_for(0o644, path, content)
}

fn write_for(mode: u32, path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let _ = fs::remove_file(&unfinished);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    path.parent()
        .map_or(Ok(()), |directory| fs::File::open(directory)?.sync_all())
}

/// The content of a file; none if it is not there.
pub(crate) fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
