//! Making a bundle of what was read: signed, written as one file, remembered, and only then given its name.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::bundle::{Chain, Digest, Made, State};
use domain::time::{Hour, HourInterval};
use wire::bundle::Manifest;

use super::archive::{DIRECTORY, MANIFEST, SIGNATURE, Writer, part_name};
use super::key::SigningKey;
use super::packing::digest_of;
use super::placing;
use super::reading::{Read, Step};
use super::remembered::{Entry, unusable};
use super::side::StackSide;
use super::window::Hours;
use super::work::{Command, Work};
use crate::trouble::Trouble;

/// What is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exporting {
    /// The first hour of reported time: by itself where the last bundle ended.
    pub from: Option<Hour>,
    /// The first hour after them: by itself the last one that is over.
    pub to: Option<Hour>,
    /// Where the file is written to. Nothing may be there.
    pub out: PathBuf,
    /// By which program, for the manifest.
    pub made_by: String,
    /// Whether to wait no longer for bundles that have no receipt, and to begin again after the last one that has.
    pub restart: bool,
    /// Whether with that to begin again after the bundle with this number, also where later ones have receipts: the platform
    /// was restored from a backup since. 0 for the beginning.
    pub after: Option<u32>,
    /// Hours from this one on, before those that are exported, are read again: by itself as many as the bridge looks back
    /// at.
    pub again: Option<Hour>,
    /// Whether hours before the first bundle, though nobody reported them, are left out for good.
    pub leave_out_earlier: bool,
}

/// A bundle that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Where it is.
    pub file: PathBuf,
    /// Its number.
    pub sequence: u32,
    /// Its digest.
    pub digest: Digest,
    /// The hours of reported time in it.
    pub window: HourInterval,
    /// Hours before them were read again from here on.
    pub read_again_from: Option<Hour>,
    /// How many parts it has.
    pub parts: usize,
    /// How many records it holds.
    pub records: u64,
    /// How many bytes it has.
    pub bytes: u64,
    /// The numbers of the bundles that had a receipt and do not count any more.
    pub taken_back: Vec<u32>,
    /// What the stack's directory says and nobody can read, and why: it is left out of what is carried.
    pub unlisted: Vec<String>,
}

impl StackSide {
    /// Exports. Broken off, it goes on with the hour in which that was when it is asked for again.
    ///
    /// # Errors
    /// [`Trouble`]: then nothing was made.
    pub async fn export(
        &mut self,
        asked: &Exporting,
        step: &mut (dyn FnMut(Step) + Send),
    ) -> Result<Exported, Trouble> {
        let signing = self.signing.take().ok_or_else(no_key)?;
        let made = self.export_signed(&signing, asked, step).await;
        self.signing = Some(signing);
        made
    }

    async fn export_signed(
        &mut self,
        signing: &SigningKey,
        asked: &Exporting,
        step: &mut (dyn FnMut(Step) + Send),
    ) -> Result<Exported, Trouble> {
        self.settle()?;
        if placing::is_taken(&asked.out) {
            return Err(file_exists(&asked.out));
        }
        let (chain, taken_back) = self.chain_behind(asked)?;
        let next = chain.next();
        let window = self.window(asked, &next)?;
        let again = self.again(asked, &chain, window)?;
        let hours = Hours {
            window,
            again,
            is_again_asked: asked.again.is_some(),
        };
        let command = Command {
            sequence: next.sequence.get(),
            start: next.start.map(|hour| hour.to_string()),
            from: asked.from.map(|hour| hour.to_string()),
            to: asked.to.map(|hour| hour.to_string()),
            again: asked.again.map(|hour| hour.to_string()),
        };
        let work = Work::open(Arc::clone(&self.environment.disk), &self.folder, &command)?;
        let Read {
            parts,
            directory,
            unlisted,
        } = self.read(hours, &work, step).await?;
        let manifest = Manifest {
            stack: self.key.cloud_id,
            registration: self.registration,
            public_key: signing.public(),
            sequence: next.sequence,
            previous: next.previous,
            window,
            read_again_from: again.map(HourInterval::start),
            leaves_out_earlier: asked.leave_out_earlier,
            directory: Some(directory),
            parts,
            made_at: self.environment.clock.now(),
            made_by: asked.made_by.clone(),
        };
        let text = manifest.write().map_err(|error| {
            let message = format!("The bundle cannot be made: {error}.");
            Trouble::new(
                "BundleNotMade",
                message,
                "Export fewer hours at a time, with --to.",
            )
        })?;
        let digest = digest_of(text.as_bytes());
        let unfinished = |error: io::Error| unusable(&placing::unfinished(&asked.out), &error);
        let signed = (&*text, &*signing.sign(&text));
        let bytes = write(&asked.out, signed, &manifest, &work).map_err(unfinished)?;
        self.remembered.update(&chain);
        self.remember(&manifest, (&text, digest), asked)?;
        self.publish(&asked.out, digest)?;
        if let Err(trouble) = work.clear() {
            // The bundle is made; what lies about is cleared with the next one.
            tracing::warn!(code = %trouble.code, "{}", trouble.message);
        }
        Ok(Exported {
            file: asked.out.clone(),
            sequence: manifest.sequence.get(),
            digest,
            window,
            read_again_from: manifest.read_again_from,
            parts: manifest.parts.len(),
            records: manifest.records(),
            bytes,
            taken_back,
            unlisted,
        })
    }

    /// The bundles as they are when the next one is made, and which of those with a receipt do not count any more.
    fn chain_behind(&self, asked: &Exporting) -> Result<(Chain, Vec<u32>), Trouble> {
        let mut chain = self.remembered.chain();
        if !asked.restart {
            self.must_be_settled()?;
            return Ok((chain, Vec::new()));
        }
        let Some(after) = asked.after else {
            chain.give_up();
            return Ok((chain, Vec::new()));
        };
        let taken_back = chain.give_up_after(after).ok_or_else(|| {
            Trouble::new(
                "BundleNotKnown",
                format!("Bundle {after} is not known here, or was given up: nobody knows where the next one begins."),
                "Name another one that `meterbridge bridge bundles` lists. Where the platform has it, accept its receipt first \
                 (`meterbridge stack bundle-receipt` prints it, `meterbridge bridge accept-receipt` takes it).",
            )
        })?;
        let numbers = taken_back.iter().map(|it| it.sequence.get());
        Ok((chain, numbers.collect()))
    }

    /// Makes sure that no bundle may have been made or not: the next one would follow one that nobody has.
    fn must_be_settled(&self) -> Result<(), Trouble> {
        let mut entries = self.remembered.entries().iter();
        let unsettled = entries.find(|it| it.is_unpublished && it.made.state == State::Outstanding);
        let Some(entry) = unsettled else { return Ok(()) };
        Err(Trouble::new(
            "BundleUnsettled",
            format!(
                "Whether bundle {} was finished is not known: its making was broken off, and {} cannot be looked at now.",
                entry.made.bundle.sequence,
                entry.file.as_deref().unwrap_or_default()
            ),
            "Make the place of that file available again, such as by plugging the medium in, or accept the receipt of that \
             bundle. If it is lost, begin again after the last bundle with a receipt, with --restart.",
        ))
    }

    /// Remembers a bundle before anybody can carry it away.
    fn remember(
        &mut self,
        manifest: &Manifest,
        (text, digest): (&str, Digest),
        asked: &Exporting,
    ) -> Result<(), Trouble> {
        let (disk, path) = (&self.environment.disk, self.manifest_path(digest));
        let kept = disk.replace(&path, text.as_bytes());
        kept.map_err(|error| unusable(&path, &error))?;
        // Whoever looks for it later may do so from elsewhere.
        let out = std::path::absolute(&asked.out).map_err(|error| unusable(&asked.out, &error))?;
        self.remembered.add(Entry {
            made: Made {
                bundle: manifest.bundle(digest),
                state: State::Outstanding,
            },
            parts: manifest.parts.len(),
            records: manifest.records(),
            made_at: Some(format!("{:.0}", manifest.made_at)),
            file: Some(out.display().to_string()),
            is_unpublished: true,
            taken_at: None,
        });
        self.remembered.keep(&**disk, &self.folder)
    }

    /// Gives the file of a bundle its name. Without one the bundle is taken back.
    fn publish(&mut self, out: &Path, digest: Digest) -> Result<(), Trouble> {
        if let Err(error) = placing::publish(out) {
            if error.kind() == io::ErrorKind::AlreadyExists {
                self.take_back(digest, || placing::discard(out));
                self.remembered.keep(&*self.environment.disk, &self.folder)?;
                return Err(file_exists(out));
            }
            self.settle()?;
            return Err(unusable(out, &error));
        }
        if let Some(entry) = self.remembered.find(digest) {
            entry.is_unpublished = false;
        }
        if let Err(trouble) = self.remembered.keep(&*self.environment.disk, &self.folder) {
            // The file is there, which is found out the next time.
            tracing::warn!(code = %trouble.code, "{}", trouble.message);
        }
        Ok(())
    }
}

pub(super) fn no_key() -> Trouble {
    Trouble::new(
        "NoBundleKey",
        "There is no key yet to sign bundles with.",
        "Make one with `meterbridge bridge bundle-key`, and have its public part registered on the platform's side with \
         `meterbridge registration bundle-key`.",
    )
}

fn file_exists(out: &Path) -> Trouble {
    Trouble::new(
        "FileExists",
        format!("{} is there already, and is not overwritten.", out.display()),
        "Name another file with --out. `meterbridge bridge bundles` lists which bundle is in which file.",
    )
}

/// Writes the archive, durably and not yet under its name, and says how many bytes it has.
fn write(out: &Path, (text, signature): (&str, &str), manifest: &Manifest, work: &Work) -> io::Result<u64> {
    let length = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX);
    let mut archive = Writer::new(io::BufWriter::new(placing::begin(out)?));
    archive.add(MANIFEST, length(text), &mut text.as_bytes())?;
    archive.add(SIGNATURE, length(signature), &mut signature.as_bytes())?;
    if let Some(directory) = &manifest.directory {
        archive.add(
            DIRECTORY,
            directory.compressed_bytes,
            &mut File::open(work.directory_path())?,
        )?;
    }
    let mut of_hour = (manifest.window.start(), 0);
    for (part, number) in manifest.parts.iter().zip(1..) {
        of_hour = match of_hour {
            (hour, before) if hour == part.hour => (hour, before + 1),
            _ => (part.hour, 1),
        };
        let mut content = File::open(work.part_path(part.hour, of_hour.1))?;
        archive.add(&part_name(number), part.packed.compressed_bytes, &mut content)?;
    }
    let file = archive
        .finish()?
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}
