//! The little that the spool asks of a disk, so that tests can have one that is full, fails or forgets.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Readable by whoever runs the bridge, and by nobody else: usage says what customers do.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// A disk. Nothing that was written is there for certain before it was synced; `truncate`, `replace`, `remove` and
/// making a file are durable when they return.
pub trait Disk: Send + Sync {
    /// Makes a directory with all above it, if it is not there.
    ///
    /// # Errors
    /// As the operating system, like all of these.
    fn make_directory(&self, path: &Path) -> io::Result<()>;

    /// The names of the files in a directory.
    ///
    /// # Errors
    /// See above.
    fn names(&self, directory: &Path) -> io::Result<Vec<String>>;

    /// The length of a file; none if it is not there.
    ///
    /// # Errors
    /// See above.
    fn length(&self, path: &Path) -> io::Result<Option<u64>>;

    /// Reads this many bytes from a place in a file, or those up to its end.
    ///
    /// # Errors
    /// See above.
    fn read(&self, path: &Path, from: u64, length: usize) -> io::Result<Vec<u8>>;

    /// Opens a file to write at its end; makes it if it is not there.
    ///
    /// # Errors
    /// See above.
    fn append_to(&self, path: &Path) -> io::Result<Box<dyn Appender>>;

    /// Cuts a file off at a length.
    ///
    /// # Errors
    /// See above.
    fn truncate(&self, path: &Path, length: u64) -> io::Result<()>;

    /// Gives a file another content: afterwards it has the old one or the new one, whatever happens. After an error it
    /// is not known which.
    ///
    /// # Errors
    /// See above.
    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()>;

    /// Removes a file, if it is there.
    ///
    /// # Errors
    /// See above.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// A file that is written at its end.
pub trait Appender: Send {
    /// Writes. After an error a part may have been written.
    ///
    /// # Errors
    /// As the operating system: among it, that the disk is full.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything that was written durable. After an error nothing of it can be relied on, and trying again proves
    /// nothing: the system may have forgotten what it could not write.
    ///
    /// # Errors
    /// As the operating system.
    fn sync(&mut self) -> io::Result<()>;
}

/// The disk of this machine.
#[derive(Debug, Clone, Copy)]
pub struct LocalDisk;

impl Disk for LocalDisk {
    fn make_directory(&self, path: &Path) -> io::Result<()> {
        make_directory(path, &sync_directory_of)
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn length(&self, path: &Path) -> io::Result<Option<u64>> {
        match fs::metadata(path) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read(&self, path: &Path, from: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(u64::try_from(length).unwrap_or(u64::MAX))
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn append_to(&self, path: &Path) -> io::Result<Box<dyn Appender>> {
        let is_new = self.length(path)?.is_none();
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(FILE_MODE)
            .open(path)?;
        if is_new {
            sync_directory_of(path)?;
        }
        Ok(Box::new(LocalAppender(file)))
    }

    fn truncate(&self, path: &Path, length: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(length)?;
        file.sync_all()
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let unfinished = path.with_extension("unfinished");
        self.remove(&unfinished)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(&unfinished)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        sync_directory_of(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Ok(()) => sync_directory_of(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Makes a directory with all above it, and syncs where each that was not there is named: one that a crash takes away
/// takes with it what is in it.
fn make_directory(path: &Path, sync_directory_of: &dyn Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    let above = path.ancestors().skip(1);
    let made: Vec<&Path> = above
        .take_while(|it| !it.as_os_str().is_empty() && !it.exists())
        .collect();
    fs::DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(path)?;
    for made in made.into_iter().rev() {
        sync_directory_of(made)?;
    }
    sync_directory_of(path)
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

struct LocalAppender(File);

impl Appender for LocalAppender {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn a_spool_in_new_directories_would_have_gone_with_the_uppermost_of_them() {
        let there = tempfile::tempdir().unwrap();
        let path = |name: &str| there.path().join(name);
        let synced = RefCell::new(Vec::new());
        let sync = |path: &Path| {
            synced.borrow_mut().push(path.to_owned());
            sync_directory_of(path)
        };
        make_directory(&path("a/b/c"), &sync).unwrap();
        assert_eq!(synced.take(), [path("a"), path("a/b"), path("a/b/c")]);
        make_directory(&path("a/b/d"), &sync).unwrap();
        assert_eq!(synced.take(), [path("a/b/d")]);
        LocalDisk.make_directory(&path("e/f")).unwrap();
        assert!(path("e/f").is_dir());
    }
}
