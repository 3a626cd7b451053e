//! Files of a data directory and of a backup, apart from databases: which there are, and copying them with their digest.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::manifest::{self, FileInBackup};
use super::{BackupError, Step, Watch};

/// The folder of the databases.
pub(super) const STORE: &str = "store";
/// The folders that hold keys and certificates.
pub(super) const KEY_FOLDERS: [&str; 2] = ["keys", "tls"];
/// Read at one time.
const CHUNK_BYTES: usize = 1024 * 1024;
/// What is written under this name is not whole yet.
const UNFINISHED: &str = "unfinished";

/// Makes a folder, and those above it, that only their owner can look into.
pub(super) fn make_folder(path: &Path) -> Result<(), BackupError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(BackupError::file(path))
}

/// Writes a file that only its owner can read and that is not there yet. It is durable.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), BackupError> {
    let written = create(path).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    written.map_err(BackupError::file(path))
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600).open(path)
}

/// Makes what was made, renamed or removed in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), BackupError> {
    let synced = File::open(path).and_then(|folder| folder.sync_all());
    synced.map_err(BackupError::file(path))
}

/// The files directly in a folder, by their paths from `root` on; none if the folder is not there. What somebody is
/// writing still is left out.
fn files_in(root: &Path, folder: &str, folders: &mut Vec<String>) -> Result<Vec<String>, BackupError> {
    let path = root.join(folder);
    let mut files = Vec::new();
    let entries = match fs::read_dir(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
        read => read.map_err(BackupError::file(&path))?,
    };
    for entry in entries {
        let entry = entry.map_err(BackupError::file(&path))?.path();
        let Some(name) = entry.file_name().and_then(|name| name.to_str()) else {
            return Err(BackupError::File {
                path: entry,
                error: io::Error::other("its name is not text"),
            });
        };
        let inside = if folder.is_empty() {
            name.to_owned()
        } else {
            format!("{folder}/{name}")
        };
        // A key may be a link to where keys are kept.
        match fs::metadata(&entry) {
            Ok(it) if it.is_dir() => folders.push(inside),
            Ok(it) if it.is_file() && entry.extension().is_none_or(|it| it != UNFINISHED) => {
                files.push(inside);
            }
            // Keys that are no longer needed are removed by a server that runs.
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(BackupError::File { path: entry, error });
            }
            _ => {}
        }
    }
    Ok(files)
}

/// What of a data directory is backed up beside the databases: the files that lie in it directly, such as the mark that it is
/// whole, and the folders of keys.
pub(super) fn beside_the_store(data: &Path, with_keys: bool) -> Result<Vec<String>, BackupError> {
    let mut files = files_in(data, "", &mut Vec::new())?;
    // A data directory may be the plain copy of a backup. What that one said of itself is not so of the next one.
    files.retain(|name| ![manifest::FILE, manifest::DIGEST_FILE].contains(&&**name));
    let mut folders: Vec<String> = if with_keys {
        KEY_FOLDERS.map(str::to_owned).to_vec()
    } else {
        Vec::new()
    };
    while let Some(folder) = folders.pop() {
        files.extend(files_in(data, &folder, &mut folders)?);
    }
    files.sort_unstable();
    Ok(files)
}

/// Copies a file, which is durable then. Gives what is in the copy.
pub(super) fn copy(
    from: &Path,
    to: &Path,
    path: &str,
    watch: &mut Watch<'_>,
) -> Result<FileInBackup, BackupError> {
    let (from, to) = (from.join(path), to.join(path));
    if let Some(folder) = to.parent() {
        make_folder(folder)?;
    }
    let source = File::open(&from).map_err(BackupError::file(&from))?;
    let mut copy = create(&to).map_err(BackupError::file(&to))?;
    let (bytes, digest) = read_through(source, &from, |chunk| {
        watch(Step::Done(chunk.len() as u64));
        copy.write_all(chunk).map_err(BackupError::file(&to))
    })?;
    copy.sync_all().map_err(BackupError::file(&to))?;
    Ok(described(path, bytes, &digest))
}

/// What is in a file.
pub(super) fn describe(
    folder: &Path,
    path: &str,
    watch: &mut Watch<'_>,
) -> Result<FileInBackup, BackupError> {
    let whole = folder.join(path);
    let file = File::open(&whole).map_err(BackupError::file(&whole))?;
    let (bytes, digest) = read_through(file, &whole, |chunk| {
        watch(Step::Done(chunk.len() as u64));
        Ok(())
    })?;
    Ok(described(path, bytes, &digest))
}

fn described(path: &str, bytes: u64, digest: &blake3::Hash) -> FileInBackup {
    FileInBackup {
        path: path.to_owned(),
        bytes,
        blake3: digest.to_hex().to_string(),
    }
}

fn read_through(
    mut file: impl Read,
    path: &Path,
    mut each: impl FnMut(&[u8]) -> Result<(), BackupError>,
) -> Result<(u64, blake3::Hash), BackupError> {
    let (mut hasher, mut bytes) = (blake3::Hasher::new(), 0);
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let length = match file.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(BackupError::file(path))?,
        };
        let Some(chunk) = buffer.get(..length).filter(|chunk| !chunk.is_empty()) else {
            return Ok((bytes, hasher.finalize()));
        };
        hasher.update(chunk);
        bytes += chunk.len() as u64;
        each(chunk)?;
    }
}
