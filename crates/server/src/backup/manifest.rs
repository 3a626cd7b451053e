//! What a backup says about itself.

use std::fs;
use std::io;
use std::path::{Component, Path};

use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::backup::{Heads, Link};

use super::BackupError;
use super::contents;

/// What a backup is called whose layout this is. A program refuses one that is newer than it knows.
const FORMAT: u32 = 1;
/// The file without which there is no backup.
pub(super) const FILE: &str = "manifest.json";
/// Its digest, as `b3sum` writes it.
pub(super) const DIGEST_FILE: &str = "manifest.json.blake3";

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The version of this layout.
    pub format: u32,
    /// The version of the program that made it.
    pub program_version: String,
    /// When it was begun. What was acknowledged before is in it.
    pub created_at: String,
    /// Whether the folders `keys` and `tls` are in it.
    pub has_keys: bool,
    /// The last entry of the journal.
    pub journal: Head,
    /// The last receipt of each stack, by cloud id.
    pub stacks: Vec<StackHead>,
    /// Every file but those of the manifest itself, by path.
    pub files: Vec<FileInBackup>,
}

/// The last link of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// Its number.
    pub sequence: u64,
    /// Its chain value, as hexadecimal digits.
    pub chain: String,
}

/// The last receipt of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackHead {
    /// The stack.
    pub cloud_id: String,
    /// Its last receipt.
    #[serde(flatten)]
    pub receipt: Head,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileInBackup {
    /// Where it is, in the backup as in the data directory.
    pub path: String,
    /// How long it is.
    pub bytes: u64,
    /// Its BLAKE3, as hexadecimal digits.
    pub blake3: String,
}

impl From<Link> for Head {
    fn from(link: Link) -> Self {
        Self {
            sequence: link.sequence,
            chain: blake3::Hash::from_bytes(link.chain).to_hex().to_string(),
        }
    }
}

/// The last receipts as a manifest has them.
pub(super) fn stacks(heads: &Heads) -> Vec<StackHead> {
    let stacks = heads.stacks.iter().map(|(stack, link)| StackHead {
        cloud_id: stack.to_string(),
        receipt: Head::from(*link),
    });
    stacks.collect()
}

impl Manifest {
    pub(super) fn new(at: Timestamp, has_keys: bool, heads: &Heads, mut files: Vec<FileInBackup>) -> Self {
        files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Self {
            format: FORMAT,
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            created_at: at.to_string(),
            has_keys,
            journal: heads.journal.into(),
            stacks: stacks(heads),
            files,
        }
    }

    /// How many bytes the files have together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Writes it into a folder in which everything else is already.
    pub(super) fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let path = folder.join(FILE);
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(io::Error::from)
            .map_err(BackupError::file(&path))?;
        text.push(b'\n');
        contents::write(&folder.join(DIGEST_FILE), digest_line(&text).as_bytes())?;
        contents::write(&path, &text)
    }

    /// Reads that of a backup, and compares it with its digest.
    ///
    /// # Errors
    /// [`BackupError::NoBackup`], [`BackupError::Damaged`], [`BackupError::NewerFormat`], or [`BackupError::File`].
    pub fn read(folder: &Path) -> Result<Self, BackupError> {
        let [path, digest_path] = [FILE, DIGEST_FILE].map(|name| folder.join(name));
        let text = match fs::read(&path) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Err(BackupError::NoBackup(folder.to_owned()));
            }
            read => read.map_err(BackupError::file(&path))?,
        };
        let damaged = |what: String| BackupError::Damaged(vec![what]);
        let digest = match fs::read(&digest_path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged(format!("{DIGEST_FILE} is missing")));
            }
            read => read.map_err(BackupError::file(&digest_path))?,
        };
        if digest != digest_line(&text).as_bytes() {
            return Err(damaged(format!(
                "{FILE} and {DIGEST_FILE} do not belong together: one of them was changed"
            )));
        }
        Self::parse(&text).map_err(|error| match error {
            Unreadable::Newer(found) => BackupError::NewerFormat { found, known: FORMAT },
            Unreadable::Text(error) => damaged(format!("{FILE} cannot be read: {error}")),
        })
    }

    fn parse(text: &[u8]) -> Result<Self, Unreadable> {
        let Format { format } = serde_json::from_slice(text)?;
        if format > FORMAT {
            return Err(Unreadable::Newer(format));
        }
        let manifest: Self = serde_json::from_slice(text)?;
        match manifest.files.iter().find(|file| !stays_inside(&file.path)) {
            Some(file) => Err(Unreadable::Text(format!("{} is no path inside of it", file.path))),
            None => Ok(manifest),
        }
    }
}

/// What every format has.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

enum Unreadable {
    Newer(u32),
    Text(String),
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self::Text(error.to_string())
    }
}

fn digest_line(text: &[u8]) -> String {
    format!("{}  {FILE}\n", blake3::hash(text).to_hex())
}

/// Whoever wrote the manifest does not choose what else is read or written on this machine.
fn stays_inside(path: &str) -> bool {
    let mut components = Path::new(path).components().peekable();
    components.peek().is_some() && components.all(|it| matches!(it, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let files = ["store/usage.db", "initialised"].map(|path| FileInBackup {
            path: path.to_owned(),
            bytes: 7,
            blake3: String::new(),
        });
        Manifest::new(Timestamp::UNIX_EPOCH, true, &Heads::default(), files.to_vec())
    }

    #[test]
    fn a_changed_byte_anywhere_in_a_manifest_is_found() {
        let folder = tempfile::tempdir().unwrap();
        manifest().write(folder.path()).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), manifest());
        for name in [FILE, DIGEST_FILE] {
            let path = folder.path().join(name);
            let whole = fs::read(&path).unwrap();
            for at in 0..whole.len() {
                let mut changed = whole.clone();
                changed[at] ^= 1;
                fs::write(&path, &changed).unwrap();
                let error = Manifest::read(folder.path()).unwrap_err();
                assert!(
                    matches!(error, BackupError::Damaged(_)),
                    "{name}, byte {at}: {error}"
                );
            }
            fs::write(&path, &whole).unwrap();
        }
    }

    #[test]
    fn a_manifest_of_a_newer_program_is_refused_whatever_else_is_in_it() {
        let newer = br#"{"format": 2, "boxes": []}"#;
        assert!(matches!(Manifest::parse(newer), Err(Unreadable::Newer(2))));
    }

    #[test]
    fn a_manifest_names_no_file_outside_of_its_backup() {
        for (path, inside) in [
            ("store/usage.db", true),
            ("", false),
            ("/etc/passwd", false),
            ("../elsewhere", false),
            ("keys/../../elsewhere", false),
        ] {
            assert_eq!(stays_inside(path), inside, "{path}");
        }
    }
}
