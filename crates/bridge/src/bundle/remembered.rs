//! What the stack's side remembers of its bundles, through anything.

use std::path::{Path, PathBuf};

use domain::bundle::{Bundle, Chain, Digest, Made, State};
use domain::ids::RegistrationId;
use domain::time::{Hour, HourInterval};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

use crate::disk::Disk;
use crate::trouble::Trouble;

const VERSION: u32 = 1;
const FILE: &str = "bundles.json";
/// The most bytes of the file: hundreds of thousands of bundles.
const BYTES_MAX: usize = 128 * 1024 * 1024;

/// A bundle that was made here, or of which only the receipt is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) made: Made,
    pub(super) parts: usize,
    pub(super) records: u64,
    /// When it was made, where that is known.
    pub(super) made_at: Option<String>,
    /// Where it was written to, where that is known.
    pub(super) file: Option<String>,
    /// Whether nobody knows yet that the file got its name: it is remembered before anybody can carry it away.
    pub(super) is_unpublished: bool,
    /// When the platform had taken it in, if its own receipt is here.
    pub(super) taken_at: Option<String>,
}

/// The bundles of one life of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remembered {
    registration: RegistrationId,
    entries: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stored {
    version: u32,
    registration_id: String,
    bundles: Vec<StoredEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredEntry {
    sequence: NonZeroU32,
    digest: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    from: String,
    to: String,
    state: StoredState,
    parts: usize,
    records: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unpublished: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    taken_at: Option<String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum StoredState {
    Outstanding,
    Arrived,
    GivenUp,
}

impl From<State> for StoredState {
    fn from(state: State) -> Self {
        match state {
            State::Outstanding => Self::Outstanding,
            State::Arrived => Self::Arrived,
            State::GivenUp => Self::GivenUp,
        }
    }
}

impl From<StoredState> for State {
    fn from(state: StoredState) -> Self {
        match state {
            StoredState::Outstanding => Self::Outstanding,
            StoredState::Arrived => Self::Arrived,
            StoredState::GivenUp => Self::GivenUp,
        }
    }
}

impl Remembered {
    /// Reads what was kept in this folder; nothing if nothing was.
    pub(super) fn read(
        disk: &dyn Disk,
        folder: &Path,
        registration: RegistrationId,
    ) -> Result<Self, Trouble> {
        let path = folder.join(FILE);
        let kept = disk.length(&path).and_then(|length| match length {
            Some(_) => disk.read(&path, 0, BYTES_MAX).map(Some),
            None => Ok(None),
        });
        let kept = kept.map_err(|error| unusable(&path, &error))?;
        let Some(text) = kept else {
            return Ok(Self {
                registration,
                entries: Vec::new(),
            });
        };
        Self::decode(&text, registration).ok_or_else(|| {
            Trouble::new(
                "BundlesDamaged",
                format!("{} is damaged: it is not known any more which bundles were made.", path.display()),
                "Bring it back from a backup. Without one, remove the file, have the receipt of the last bundle that was \
                 taken in printed on the platform's side (`meterbridge stack bundles` lists them, `meterbridge stack \
                 bundle-receipt` prints it) and accept it here with `meterbridge bridge accept-receipt`: the next bundle \
                 follows it, and nothing is left out.",
            )
        })
    }

    fn decode(text: &[u8], registration: RegistrationId) -> Option<Self> {
        let (json, sum) = std::str::from_utf8(text).ok()?.trim_end().rsplit_once('\n')?;
        if *sum != *blake3::hash(json.as_bytes()).to_hex() {
            return None;
        }
        let stored: Stored = serde_json::from_str(json).ok()?;
        if stored.version != VERSION || stored.registration_id.parse() != Ok(registration) {
            return None;
        }
        let entries = stored.bundles.into_iter().map(StoredEntry::read);
        Some(Self {
            registration,
            entries: entries.collect::<Option<_>>()?,
        })
    }

    /// Keeps it, durably.
    pub(super) fn keep(&self, disk: &dyn Disk, folder: &Path) -> Result<(), Trouble> {
        let path = folder.join(FILE);
        let stored = Stored {
            version: VERSION,
            registration_id: self.registration.to_string(),
            bundles: self.entries.iter().map(StoredEntry::of).collect(),
        };
        let json = serde_json::to_string_pretty(&stored).map_err(|error| unusable(&path, &error))?;
        let sum = blake3::hash(json.as_bytes());
        let text = format!("{json}\n{sum}\n");
        disk.replace(&path, text.as_bytes())
            .map_err(|error| unusable(&path, &error))
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn find(&mut self, digest: Digest) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|it| it.made.bundle.digest == digest)
    }

    pub(super) fn add(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    pub(super) fn chain(&self) -> Chain {
        Chain::new(self.entries.iter().map(|it| it.made).collect())
    }

    /// Takes over what became of each bundle.
    pub(super) fn update(&mut self, chain: &Chain) {
        for (entry, made) in self.entries.iter_mut().zip(chain.made()) {
            entry.made.state = made.state;
        }
    }
}

impl StoredEntry {
    fn of(entry: &Entry) -> Self {
        let bundle = &entry.made.bundle;
        Self {
            sequence: bundle.sequence,
            digest: bundle.digest.to_string(),
            previous: bundle.previous.map(|previous| previous.to_string()),
            from: bundle.window.start().to_string(),
            to: bundle.window.end().to_string(),
            state: entry.made.state.into(),
            parts: entry.parts,
            records: entry.records,
            made_at: entry.made_at.clone(),
            file: entry.file.clone(),
            unpublished: entry.is_unpublished,
            taken_at: entry.taken_at.clone(),
        }
    }

    fn read(self) -> Option<Entry> {
        let hour = |text: &str| text.parse::<Hour>().ok();
        let previous = match self.previous {
            Some(text) => Some(text.parse().ok()?),
            None => None,
        };
        Some(Entry {
            made: Made {
                bundle: Bundle {
                    sequence: self.sequence,
                    digest: self.digest.parse().ok()?,
                    previous,
                    window: HourInterval::new(hour(&self.from)?, hour(&self.to)?)?,
                },
                state: self.state.into(),
            },
            parts: self.parts,
            records: self.records,
            made_at: self.made_at,
            file: self.file,
            is_unpublished: self.unpublished,
            taken_at: self.taken_at,
        })
    }
}

pub(super) fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Trouble {
    Trouble::new(
        "SpoolUnusable",
        format!("{} cannot be used: {error}.", path.display()),
        "See that the disk has room and that this user may write there.",
    )
}

/// The folder of one life of a registration.
pub(super) fn folder_of(directory: &Path, registration: RegistrationId) -> PathBuf {
    directory.join(registration.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::LocalDisk;

    fn remembered() -> Remembered {
        let start: Hour = "2026-10-01T00:00:00Z".parse().unwrap();
        let entry = |sequence: u32, state| Entry {
            made: Made {
                bundle: Bundle {
                    sequence: NonZeroU32::new(sequence).unwrap(),
                    digest: Digest::from_bytes([7; 32]),
                    previous: (sequence > 1).then(|| Digest::from_bytes([6; 32])),
                    window: HourInterval::new(start, start.plus(24)).unwrap(),
                },
                state,
            },
            parts: 24,
            records: 100,
            made_at: Some("2026-10-02T00:20:00Z".to_owned()),
            file: Some("/media/one.mbz".to_owned()),
            is_unpublished: state == State::Outstanding,
            taken_at: (state == State::Arrived).then(|| "2026-10-03T00:00:00Z".to_owned()),
        };
        Remembered {
            registration: RegistrationId::from_bytes([1; 16]),
            entries: vec![
                entry(1, State::Arrived),
                entry(2, State::GivenUp),
                entry(2, State::Outstanding),
            ],
        }
    }

    #[test]
    fn what_was_kept_is_read_back_and_what_was_damaged_is_not_believed() {
        let directory = tempfile::tempdir().unwrap();
        let it = remembered();
        it.keep(&LocalDisk, directory.path()).unwrap();
        let read = |registration| Remembered::read(&LocalDisk, directory.path(), registration);
        assert_eq!(read(it.registration), Ok(it.clone()));
        assert_eq!(
            read(RegistrationId::from_bytes([2; 16])).unwrap_err().code,
            "BundlesDamaged"
        );
        let path = directory.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"records\": 100", "\"records\": 101")).unwrap();
        assert_eq!(read(it.registration).unwrap_err().code, "BundlesDamaged");
        std::fs::remove_file(&path).unwrap();
        assert!(read(it.registration).unwrap().entries().is_empty());
    }
}
