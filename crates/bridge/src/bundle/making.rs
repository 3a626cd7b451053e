//! Making a bundle: hour by hour, each read completely, kept aside until all of them are there, then written as one file.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::bundle::{BUNDLE_HOURS_MAX, BUNDLE_PARTS_MAX, Digest, Made, State};
use domain::time::{Hour, HourInterval};
use jiff::SignedDuration;
use wire::bundle::{Manifest, Packed, Part};

use super::archive::{DIRECTORY, MANIFEST, SIGNATURE, Writer, part_name};
use super::key::SigningKey;
use super::packing::{Packer, digest_of, packed};
use super::remembered::{Entry, unusable};
use super::side::StackSide;
use super::work::Work;
use crate::stack::{Failure, Stack, UsageReading};
use crate::status::{Board, Part as Doing, Reporter};
use crate::trouble::Trouble;

/// How often in a row an hour is tried before it is left to whoever waits for the file.
const ATTEMPTS_MAX: u32 = 10;

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
}

/// How far the reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Hours that were read.
    pub hours_read: i32,
    /// All hours.
    pub hours: i32,
    /// Records in them.
    pub records: u64,
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
    /// How many parts it has.
    pub parts: usize,
    /// How many records it holds.
    pub records: u64,
    /// How many bytes it has.
    pub bytes: u64,
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
        if asked.out.exists() {
            return Err(Trouble::new(
                "FileExists",
                format!(
                    "{} is there already, and is not overwritten.",
                    asked.out.display()
                ),
                "Name another file with --out.",
            ));
        }
        let mut chain = self.remembered.chain();
        if asked.restart {
            chain.give_up();
        }
        let next = chain.next();
        let window = self.window(asked, next.start)?;
        let work = Work::open(Arc::clone(&self.environment.disk), &self.folder)?;
        let (parts, directory) = self.read(window, &work, step).await?;
        let manifest = Manifest {
            stack: self.key.cloud_id,
            registration: self.registration,
            public_key: signing.public(),
            sequence: next.sequence,
            previous: next.previous,
            window,
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
        let unfinished = unfinished(&asked.out);
        let bytes = write(&unfinished, (&text, &signing.sign(&text)), &manifest, &work)
            .map_err(|error| unusable(&unfinished, &error))?;
        self.remembered.update(&chain);
        self.remember(&manifest, (&text, digest), asked)?;
        publish(&unfinished, &asked.out).map_err(|error| unusable(&asked.out, &error))?;
        if let Err(trouble) = work.clear() {
            // The bundle is made; what lies about is cleared with the next one.
            tracing::warn!(code = %trouble.code, "{}", trouble.message);
        }
        Ok(Exported {
            file: asked.out.clone(),
            sequence: manifest.sequence.get(),
            digest,
            window,
            parts: manifest.parts.len(),
            records: manifest.records(),
            bytes,
        })
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
        self.remembered.add(Entry {
            made: Made {
                bundle: manifest.bundle(digest),
                state: State::Outstanding,
            },
            parts: manifest.parts.len(),
            records: manifest.records(),
            made_at: format!("{:.0}", manifest.made_at),
            file: asked.out.display().to_string(),
            taken_at: None,
        });
        self.remembered.keep(&**disk, &self.folder)
    }

    /// The hours to be exported.
    fn window(&self, asked: &Exporting, start: Option<Hour>) -> Result<HourInterval, Trouble> {
        if let (Some(start), Some(from)) = (start, asked.from)
            && start != from
        {
            return Err(Trouble::new(
                "BundleNotJoined",
                format!("The last bundle ended at {start}, so the next one begins there, and not at {from}."),
                "Leave --from out. If bundles without a receipt were lost, begin again after the last one that has one, \
                 with --restart.",
            ));
        }
        let now = self.environment.clock.now();
        let first_of_month = || Hour::containing(now).period().interval().start();
        let from = start
            .or(asked.from)
            .or(self.stack.start)
            .unwrap_or_else(first_of_month);
        let margin = SignedDuration::try_from(self.stack.margin).unwrap_or(SignedDuration::ZERO);
        let over = Hour::containing(now.saturating_sub(margin).unwrap_or(now));
        let to = asked.to.unwrap_or(over);
        if to > over {
            return Err(Trouble::new(
                "NotOverYet",
                format!(
                    "The hours up to {to} are not all over, or have not been for long enough: {over} is."
                ),
                "Name an earlier --to, or leave it out.",
            ));
        }
        let window = HourInterval::new(from, to).filter(|it| it.hours() <= BUNDLE_HOURS_MAX);
        window.ok_or_else(|| {
            Trouble::new(
                "InvalidWindow",
                format!("There is no bundle from {from} to {to}: it has 1 to {BUNDLE_HOURS_MAX} hours."),
                "Name a --to that is later than that beginning, and not much later.",
            )
        })
    }

    /// Reads all of a window, as far as it was not read before.
    async fn read(
        &self,
        window: HourInterval,
        work: &Work,
        step: &mut (dyn FnMut(Step) + Send),
    ) -> Result<(Vec<Part>, Packed), Trouble> {
        // Its board says in the log what the stack does not answer.
        let board = Board::new(Arc::clone(&self.environment.clock), &self.stack.name, 0);
        let reporter = board.reporter(Doing::Reading);
        let stack = self.patiently(&reporter, || self.connect(&reporter)).await?;
        let mut parts = Vec::new();
        let mut so_far = Step {
            hours_read: 0,
            hours: window.hours(),
            records: 0,
        };
        step(so_far);
        let mut hour = window.start();
        while hour < window.end() {
            let of_hour = match work.parts_of(hour)? {
                Some(parts) => parts,
                None => {
                    self.patiently(&reporter, || self.read_hour(&stack, &reporter, hour, work))
                        .await?
                }
            };
            so_far.hours_read += 1;
            so_far.records += of_hour.iter().map(|it| u64::from(it.records)).sum::<u64>();
            step(so_far);
            parts.extend(of_hour);
            if parts.len() > BUNDLE_PARTS_MAX {
                return Err(Trouble::new(
                    "BundleNotMade",
                    format!("The hours up to {hour} have more than {BUNDLE_PARTS_MAX} parts already."),
                    format!("Export fewer hours at a time, such as --to {hour}."),
                ));
            }
            hour = hour.plus(1);
        }
        let listing = self
            .patiently(&reporter, || stack.local_subscriptions(&reporter))
            .await?;
        let listing = serde_json::to_vec(&listing).map_err(|error| unusable(Path::new(DIRECTORY), &error))?;
        let (directory, content) = packed(&listing, digest_of(&listing))?;
        work.keep_directory(&content)?;
        Ok((parts, directory))
    }

    async fn connect(&self, reporter: &Reporter) -> Result<Arc<Stack>, Failure> {
        let stack = Stack::connect(&self.stack.address, &self.environment, reporter).await?;
        let activation = stack.activation().await?;
        self.key
            .must_match(activation.as_ref(), self.stack.cloud_id)
            .map_err(Failure::Refused)?;
        Ok(stack)
    }

    async fn read_hour(
        &self,
        stack: &Stack,
        reporter: &Reporter,
        hour: Hour,
        work: &Work,
    ) -> Result<Vec<Part>, Failure> {
        let mut packer = Packer::new(hour);
        let mut reading = UsageReading::new(stack, reporter, hour);
        while let Some(page) = reading.next().await? {
            packer.add(&page.body).map_err(Failure::Refused)?;
        }
        let parts = packer.finish().map_err(Failure::Refused)?;
        work.keep(hour, &parts).map_err(Failure::Refused)?;
        Ok(parts.iter().map(|it| it.part).collect())
    }

    /// Tries what may work later a few times.
    async fn patiently<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        reporter: &Reporter,
        attempt: impl Fn() -> F,
    ) -> Result<T, Trouble> {
        for failures in 1.. {
            let (trouble, asked) = match attempt().await {
                Ok(done) => return Ok(done),
                Err(Failure::Temporary(trouble, asked)) => (trouble, asked),
                Err(Failure::NotReady(trouble)) => (trouble, None),
                Err(failure) => return Err(failure.into_trouble()),
            };
            if failures >= ATTEMPTS_MAX {
                return Err(Trouble {
                    advice: "Export again later: it goes on where it was.".to_owned(),
                    ..trouble
                });
            }
            let wait = self.environment.wait_after(failures, asked);
            reporter.failed(&trouble, failures, wait);
            self.environment.timer.pause(wait).await;
        }
        Err(no_key())
    }
}

fn no_key() -> Trouble {
    Trouble::new(
        "NoBundleKey",
        "There is no key yet to sign bundles with.",
        "Make one with `meterbridge bridge bundle-key`, and have its public part registered on the platform's side with \
         `meterbridge registration bundle-key`.",
    )
}

fn unfinished(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(".unfinished");
    out.with_file_name(name)
}

/// Writes the archive, durably, and says how many bytes it has.
fn write(to: &Path, (text, signature): (&str, &str), manifest: &Manifest, work: &Work) -> io::Result<u64> {
    let length = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX);
    let mut archive = Writer::new(io::BufWriter::new(File::create(to)?));
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

/// Gives a file its name, and never takes that of another one away.
fn publish(unfinished: &Path, out: &Path) -> io::Result<()> {
    fs::rename(unfinished, out)?;
    match out.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}
