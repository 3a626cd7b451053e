//! What was read of a bundle in the making: an hour is kept when all of it is there, so that nothing is read twice.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::bundle::Digest;
use domain::time::{Hour, Timestamp};
use serde::{Deserialize, Serialize};
use wire::bundle::{PART_BYTES_MAX, Packed, Part};

use super::packing::{PackedPart, digest_of_part};
use super::remembered::unusable;
use crate::disk::Disk;
use crate::trouble::Trouble;

const FOLDER: &str = "work";
const DIRECTORY: &str = "directory.zst";
const COMMAND: &str = "command";
/// The most bytes of what is said of a command.
const COMMAND_BYTES_MAX: usize = 64 * 1024;
/// The most bytes of what is said of an hour: thousands of parts.
const HOUR_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The folder where a bundle is made.
pub(super) struct Work {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

/// What was asked for, as far as it says which hours are read. What another command has read is not used: it may have been
/// before what this one is asked because of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Command {
    pub(super) sequence: u32,
    pub(super) start: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) again: Option<String>,
}

/// What is said of an hour.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SaidOfHour {
    read_at: String,
    parts: Vec<Said>,
}

/// What is said of a part of an hour.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Said {
    records: u32,
    bytes: u64,
    compressed_bytes: u64,
    digest: String,
}

impl Work {
    /// The folder, with what the same command has read that was broken off.
    pub(super) fn open(disk: Arc<dyn Disk>, folder: &Path, command: &Command) -> Result<Self, Trouble> {
        let folder = folder.join(FOLDER);
        let made = disk.make_directory(&folder);
        made.map_err(|error| unusable(&folder, &error))?;
        let work = Self { disk, folder };
        work.bind(command)?;
        Ok(work)
    }

    /// Forgets everything if it is of another command.
    fn bind(&self, command: &Command) -> Result<(), Trouble> {
        let path = self.folder.join(COMMAND);
        let failed = |error: std::io::Error| unusable(&path, &error);
        let command = serde_json::to_vec(command).map_err(|error| unusable(&path, &error))?;
        let is_there = self.disk.length(&path).map_err(failed)?.is_some();
        if is_there && self.disk.read(&path, 0, COMMAND_BYTES_MAX).map_err(failed)? == command {
            return Ok(());
        }
        self.clear()?;
        self.write(&path, &command)
    }

    pub(super) fn directory_path(&self) -> PathBuf {
        self.folder.join(DIRECTORY)
    }

    /// Where a part of an hour is, from 1.
    pub(super) fn part_path(&self, hour: Hour, number: usize) -> PathBuf {
        self.folder.join(format!("{}-{number}.zst", hour.epoch_hours()))
    }

    fn hour_path(&self, hour: Hour) -> PathBuf {
        self.folder.join(format!("{}.json", hour.epoch_hours()))
    }

    /// Keeps an hour that was read at this moment.
    pub(super) fn keep(&self, hour: Hour, parts: &[PackedPart], read_at: Timestamp) -> Result<(), Trouble> {
        for (part, number) in parts.iter().zip(1..) {
            self.write(&self.part_path(hour, number), &part.content)?;
        }
        let said = parts.iter().map(|PackedPart { part, .. }| Said {
            records: part.records,
            bytes: part.packed.bytes,
            compressed_bytes: part.packed.compressed_bytes,
            digest: part.packed.digest.to_string(),
        });
        let path = self.hour_path(hour);
        let said = SaidOfHour {
            read_at: read_at.to_string(),
            parts: said.collect(),
        };
        let said = serde_json::to_vec(&said).map_err(|error| unusable(&path, &error))?;
        self.write(&path, &said)
    }

    /// Keeps who is on the stack.
    pub(super) fn keep_directory(&self, content: &[u8]) -> Result<(), Trouble> {
        self.write(&self.directory_path(), content)
    }

    fn write(&self, path: &Path, content: &[u8]) -> Result<(), Trouble> {
        self.disk
            .replace(path, content)
            .map_err(|error| unusable(path, &error))
    }

    /// The parts of an hour that was read before, at a moment that is good enough.
    pub(super) fn parts_of(
        &self,
        hour: Hour,
        is_good: impl FnOnce(Timestamp) -> bool,
    ) -> Result<Option<Vec<Part>>, Trouble> {
        let path = self.hour_path(hour);
        let failed = |error: std::io::Error| unusable(&path, &error);
        if self.disk.length(&path).map_err(failed)?.is_none() {
            return Ok(None);
        }
        let text = self.disk.read(&path, 0, HOUR_BYTES_MAX).map_err(failed)?;
        let Some(said) = serde_json::from_slice::<SaidOfHour>(&text).ok() else {
            // It was written in another form: the hour is read again.
            return Ok(None);
        };
        if !said.read_at.parse().is_ok_and(is_good) {
            return Ok(None);
        }
        let said = said.parts;
        let mut parts = Vec::with_capacity(said.len());
        for (said, number) in said.into_iter().zip(1..) {
            let Ok(digest) = said.digest.parse() else {
                return Ok(None);
            };
            if !self.is_whole(&self.part_path(hour, number), hour, &said, digest)? {
                // The hour is read again: in the bundle, nobody could take the part.
                return Ok(None);
            }
            parts.push(Part {
                hour,
                records: said.records,
                packed: Packed {
                    bytes: said.bytes,
                    compressed_bytes: said.compressed_bytes,
                    digest,
                },
            });
        }
        Ok(Some(parts))
    }

    /// Whether a part is there as it was kept.
    fn is_whole(&self, path: &Path, hour: Hour, said: &Said, digest: Digest) -> Result<bool, Trouble> {
        let failed = |error: std::io::Error| unusable(path, &error);
        if self.disk.length(path).map_err(failed)? != Some(said.compressed_bytes) {
            return Ok(false);
        }
        let length = |bytes: u64| usize::try_from(bytes.min(PART_BYTES_MAX)).unwrap_or(usize::MAX);
        let compressed = self.disk.read(path, 0, length(said.compressed_bytes));
        let content = zstd::bulk::decompress(&compressed.map_err(failed)?, length(said.bytes));
        Ok(content.is_ok_and(|content| digest_of_part(&content, hour) == digest))
    }

    /// Forgets everything: the bundle is made.
    pub(super) fn clear(&self) -> Result<(), Trouble> {
        let failed = |error: std::io::Error| unusable(&self.folder, &error);
        // What is said of hours goes first: without its parts it would say what is not there.
        let mut names = self.disk.names(&self.folder).map_err(failed)?;
        names.sort_by_key(|name| !name.ends_with(".json"));
        for name in names {
            self.disk.remove(&self.folder.join(name)).map_err(failed)?;
        }
        Ok(())
    }
}
