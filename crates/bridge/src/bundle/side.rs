//! The stack's side: its key, the bundles that it made, and what it knows of their arrival.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use domain::bundle::{Bundle, Digest, Made, State};
use domain::ids::RegistrationId;
use serde::Serialize;
use wire::api::Receipt;
use wire::bundle::{BundleReceipt, Manifest, public_key_pem};

use super::file::BundleFile;
use super::key::SigningKey;
use super::placing;
use super::receipt::{bundle_of, must_agree, verified};
use super::remembered::{Entry, Remembered, folder_of, unusable};
use crate::activation::ActivationKey;
use crate::backfill::{STACKS, stack_directory};
use crate::config::{BridgeConfig, StackConfig};
use crate::environment::Environment;
use crate::status::Watcher;
use crate::trouble::Trouble;

const DIRECTORY: &str = "bundles";
const LOCK: &str = "lock";
/// The code of bundles that somebody else is at.
const IN_USE: &str = "BundlesInUse";

/// The key that the bundles of a stack are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeKey {
    /// The public part, PEM: what is registered on the platform's side.
    pub public_key: String,
    /// Where the private part is.
    pub private_key_file: PathBuf,
    /// Whether it was made just now.
    pub made: bool,
}

/// A bundle that was made, and what is known of its arrival.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleOnTheWay {
    /// Its number.
    pub sequence: u32,
    /// Its digest.
    pub digest: String,
    /// The first hour of reported time in it.
    pub reported_start: String,
    /// The first hour after them.
    pub reported_end: String,
    /// How many records it holds.
    pub records: u64,
    /// When it was made, unless only its receipt is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_at: Option<String>,
    /// Where it was written to, unless only its receipt is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// `outstanding`, `arrived`, or `givenUp`: another one was made in its place.
    pub state: &'static str,
    /// When the platform had taken it in, if its own receipt is here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<String>,
}

/// A receipt that is good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedReceipt {
    /// The number of the bundle.
    pub sequence: u32,
    /// The bundle.
    pub digest: String,
    /// When the platform had taken it in.
    pub taken_at: String,
    /// How many records the platform received.
    pub received: u64,
    /// How many of them it could not count and keeps for somebody to look at.
    pub quarantined: u64,
    /// How many of them it keeps so since an earlier delivery.
    pub still_quarantined: u64,
    /// How many bundles are on their way still.
    pub outstanding: usize,
    /// Whether the bundle was not known here: then it is from now on, and the next one follows it.
    pub restored: bool,
}

impl AcceptedReceipt {
    fn new(receipt: BundleReceipt, outstanding: usize, restored: bool) -> Self {
        let sum = |of: fn(&Receipt) -> u32| receipt.batches.iter().map(|it| u64::from(of(it))).sum();
        Self {
            received: sum(|it| it.received),
            quarantined: sum(|it| it.quarantined),
            still_quarantined: sum(|it| it.still_quarantined),
            sequence: receipt.bundle.sequence,
            digest: receipt.bundle.digest,
            taken_at: receipt.bundle.taken_at,
            outstanding,
            restored,
        }
    }
}

/// The stack's side of one stack and of one life of its registration. There is one at a time.
pub struct StackSide {
    pub(super) stack: StackConfig,
    pub(super) environment: Environment,
    pub(super) key: ActivationKey,
    pub(super) registration: RegistrationId,
    pub(super) signing: Option<SigningKey>,
    pub(super) folder: PathBuf,
    pub(super) remembered: Remembered,
    pub(super) watcher: Option<Watcher>,
    _lock: File,
}

impl std::fmt::Debug for StackSide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("StackSide").field(&self.stack.name).finish()
    }
}

impl StackSide {
    /// The same, telling somebody what an export waits for.
    #[must_use]
    pub fn watched_by(self, watcher: Watcher) -> Self {
        Self {
            watcher: Some(watcher),
            ..self
        }
    }

    /// The stack's side of the only stack of a configuration.
    ///
    /// # Errors
    /// [`Trouble`] if there are several, somebody else is at it, or something that is needed cannot be read.
    pub fn open(config: &BridgeConfig, environment: &Environment) -> Result<Self, Trouble> {
        let (stack, directory) = place(config, environment)?;
        let lock = lock(&directory)?;
        let key = ActivationKey::read(&stack.activation_key_file)?;
        let registration = registration_of(stack, &key)?;
        let folder = folder_of(&directory, registration);
        let made = environment.disk.make_directory(&folder);
        made.map_err(|error| unusable(&folder, &error))?;
        let mut side = Self {
            stack: stack.clone(),
            remembered: Remembered::read(&*environment.disk, &folder, registration)?,
            signing: SigningKey::read(&directory)?,
            environment: environment.clone(),
            key,
            registration,
            folder,
            watcher: None,
            _lock: lock,
        };
        side.settle()?;
        Ok(side)
    }

    /// Sees what became of a bundle whose making was broken off when it was remembered and had no name yet. If its file
    /// has not got one, nobody can have carried it away: it is taken back, and the next one is made in its place. Where it
    /// cannot be looked at now, such as on a medium that was taken out, that is left open.
    pub(super) fn settle(&mut self) -> Result<(), Trouble> {
        let unpublished = self.remembered.entries().iter().filter(|it| it.is_unpublished);
        let unpublished: Vec<Entry> = unpublished.cloned().collect();
        if unpublished.is_empty() {
            return Ok(());
        }
        for entry in unpublished {
            let out = PathBuf::from(entry.file.unwrap_or_default());
            let digest = entry.made.bundle.digest;
            let is_waited_for = entry.made.state == State::Outstanding;
            if is_waited_for && !placing::can_be_looked_at(&out) {
                continue;
            }
            let is_there = BundleFile::open(&out).is_ok_and(|file| file.digest() == digest);
            if is_waited_for && !is_there {
                self.take_back(digest, || placing::clear(&out));
            } else if let Some(entry) = self.remembered.find(digest) {
                entry.is_unpublished = false;
            }
        }
        self.remembered.keep(&*self.environment.disk, &self.folder)
    }

    /// Takes back a bundle that was never published, and removes what is left of it.
    pub(super) fn take_back(&mut self, digest: Digest, remove: impl FnOnce() -> io::Result<()>) {
        if let Some(entry) = self.remembered.find(digest) {
            entry.is_unpublished = false;
            entry.made.state = State::GivenUp;
        }
        if let Err(error) = remove() {
            // It is in nobody's way.
            tracing::warn!(bundle = %digest, "what is left of a bundle cannot be removed: {error}");
        }
    }

    /// The key that the bundles of the only stack of a configuration are signed with: made, if there is none or it is to be
    /// replaced. No activation key is needed for that.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn make_key(
        config: &BridgeConfig,
        environment: &Environment,
        replace: bool,
    ) -> Result<MadeKey, Trouble> {
        let (_, directory) = place(config, environment)?;
        let _lock = lock(&directory)?;
        let known = if replace {
            None
        } else {
            SigningKey::read(&directory)?
        };
        let made = known.is_none();
        let key = known.map_or_else(|| SigningKey::make(&directory, environment), Ok)?;
        Ok(MadeKey {
            public_key: public_key_pem(&key.public()),
            private_key_file: SigningKey::path(&directory),
            made,
        })
    }

    /// Whether there is a key that the bundles of the only stack of a configuration are signed with: one that would be
    /// replaced.
    ///
    /// # Errors
    /// [`Trouble`] if nothing says where it is.
    pub fn has_key(config: &BridgeConfig, environment: &Environment) -> Result<bool, Trouble> {
        let (_, directory) = place(config, environment)?;
        Ok(SigningKey::path(&directory).exists())
    }

    /// The bundles that were made, in order.
    #[must_use]
    pub fn bundles(&self) -> Vec<BundleOnTheWay> {
        listed(&self.remembered)
    }

    /// The same of the only stack of a configuration, also while somebody is at them: then as far as they are remembered.
    ///
    /// # Errors
    /// [`Trouble`] as [`Self::open`].
    pub fn list(config: &BridgeConfig, environment: &Environment) -> Result<Vec<BundleOnTheWay>, Trouble> {
        match Self::open(config, environment) {
            Err(trouble) if trouble.code == IN_USE => {}
            opened => return opened.map(|side| side.bundles()),
        }
        let (stack, directory) = place(config, environment)?;
        let registration = registration_of(stack, &ActivationKey::read(&stack.activation_key_file)?)?;
        let folder = folder_of(&directory, registration);
        Remembered::read(&*environment.disk, &folder, registration).map(|it| listed(&it))
    }

    /// Takes note of a receipt, after everything that it says was found to be right. Done again, it changes nothing. A
    /// bundle that is not known here, since what was known was lost, is known from then on.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn accept_receipt(&mut self, text: &str) -> Result<AcceptedReceipt, Trouble> {
        let receipt = verified(text, &self.key)?;
        let bundle = bundle_of(&receipt, &self.key, self.registration)?;
        if let Some(manifest) = self.manifest_of(bundle.digest)? {
            must_agree(&receipt, &manifest)?;
        }
        let mut chain = self.remembered.chain();
        let restored = chain.arrived(bundle);
        if restored {
            self.remembered.add(restored_from(&receipt, bundle));
        }
        self.remembered.update(&chain);
        if let Some(entry) = self.remembered.find(bundle.digest) {
            entry.taken_at = Some(receipt.bundle.taken_at.clone());
        }
        self.remembered.keep(&*self.environment.disk, &self.folder)?;
        let entries = self.remembered.entries().iter();
        let outstanding = entries.filter(|it| it.made.state == State::Outstanding);
        Ok(AcceptedReceipt::new(receipt, outstanding.count(), restored))
    }

    /// Where the manifest of a bundle is kept: what its receipt is compared with.
    pub(super) fn manifest_path(&self, digest: Digest) -> PathBuf {
        self.folder.join(format!("{digest}.manifest.json"))
    }

    fn manifest_of(&self, digest: Digest) -> Result<Option<Manifest>, Trouble> {
        let path = self.manifest_path(digest);
        let disk = &self.environment.disk;
        let length = disk.length(&path).map_err(|error| unusable(&path, &error))?;
        let Some(length) = length else { return Ok(None) };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let text = disk
            .read(&path, 0, length)
            .map_err(|error| unusable(&path, &error))?;
        let text = String::from_utf8_lossy(&text);
        Manifest::read(&text)
            .map(Some)
            .map_err(|error| unusable(&path, &error))
    }
}

/// Whether bundles of any stack were made with this spool directory.
pub(crate) fn are_made_in(spool_directory: &Path) -> bool {
    let stacks = std::fs::read_dir(spool_directory.join(STACKS));
    let mut folders = stacks.into_iter().flatten().filter_map(Result::ok);
    folders.any(|it| it.path().join(DIRECTORY).is_dir())
}

/// Which life of its registration the key of a stack is of.
fn registration_of(stack: &StackConfig, key: &ActivationKey) -> Result<RegistrationId, Trouble> {
    key.registration_id.ok_or_else(|| {
        Trouble::new(
            "InvalidActivationKey",
            format!(
                "The activation key in {} does not say of which registration it is.",
                stack.activation_key_file.display()
            ),
            "Put the present one of the stack into it (`meterbridge registration activation-key`).",
        )
    })
}

fn listed(remembered: &Remembered) -> Vec<BundleOnTheWay> {
    let of = |it: &Entry| {
        let bundle = &it.made.bundle;
        BundleOnTheWay {
            sequence: bundle.sequence.get(),
            digest: bundle.digest.to_string(),
            reported_start: bundle.window.start().to_string(),
            reported_end: bundle.window.end().to_string(),
            records: it.records,
            made_at: it.made_at.clone(),
            file: it.file.clone(),
            state: match it.made.state {
                State::Outstanding => "outstanding",
                State::Arrived => "arrived",
                State::GivenUp => "givenUp",
            },
            taken_at: it.taken_at.clone(),
        }
    };
    remembered.entries().iter().map(of).collect()
}

/// What is known of a bundle by its receipt alone.
fn restored_from(receipt: &BundleReceipt, bundle: Bundle) -> Entry {
    Entry {
        made: Made {
            bundle,
            state: State::Arrived,
        },
        parts: usize::try_from(receipt.bundle.parts).unwrap_or(usize::MAX),
        records: receipt.bundle.records,
        made_at: None,
        file: None,
        is_unpublished: false,
        taken_at: None,
    }
}

/// The only stack of a configuration, and where its bundles are remembered.
fn place<'a>(
    config: &'a BridgeConfig,
    environment: &Environment,
) -> Result<(&'a StackConfig, PathBuf), Trouble> {
    let [stack] = config.stacks.as_slice() else {
        let names: Vec<&str> = config.stacks.iter().map(|it| it.name.as_str()).collect();
        return Err(Trouble::new(
            "StackNotNamed",
            "The configuration has several stacks.",
            format!("Name one with --stack: {}.", names.join(", ")),
        ));
    };
    let directory = stack_directory(&config.spool_directory, &stack.name).join(DIRECTORY);
    let made = environment.disk.make_directory(&directory);
    made.map_err(|error| unusable(&directory, &error))?;
    Ok((stack, directory))
}

/// Makes sure that nobody else makes bundles of the stack now.
fn lock(directory: &Path) -> Result<File, Trouble> {
    let path = directory.join(LOCK);
    let opened = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = opened.map_err(|error| unusable(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Trouble::new(
            IN_USE,
            format!("Another process is at the bundles in {}.", directory.display()),
            "Wait until it has ended.",
        )),
        Err(TryLockError::Error(error)) => Err(unusable(&path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn records_that_wait_since_an_earlier_bundle_are_not_taken_for_counted_on_the_stacks_side() {
        let batch = |sequence: u32, quarantined: u32, still: u32| {
            json!({"batchId": "b", "sequence": sequence, "receivedAt": "", "reportedStart": "", "received": 10,
                "accepted": 10 - quarantined - still, "duplicate": still, "revised": 0, "quarantined": quarantined,
                "stillQuarantined": still, "digest": "", "chain": ""})
        };
        let receipt = json!({"format": "", "cloudId": "", "registrationId": "", "sequence": 2, "digest": "",
            "reportedStart": "", "reportedEnd": "", "parts": 2, "records": 20, "takenAt": "",
            "batches": [batch(3, 1, 0), batch(4, 0, 2)]});
        let accepted = AcceptedReceipt::new(serde_json::from_value(receipt).unwrap(), 0, false);
        let said = serde_json::to_value(accepted).unwrap();
        assert_eq!(
            (&said["received"], &said["quarantined"], &said["stillQuarantined"]),
            (&20.into(), &1.into(), &2.into())
        );
    }
}
