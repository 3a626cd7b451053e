//! Making a bundle: hour by hour, each read completely, kept aside until all of them are there, then written as one file.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::bundle::{BUNDLE_HOURS_MAX, BUNDLE_PARTS_MAX, Chain, Digest, Made, NextBundle, State};
use domain::time::{Hour, HourInterval, Timestamp};
use jiff::SignedDuration;
use wire::bundle::{Manifest, Packed, Part};
use wire::stack_admin::AdminSubscription;

use super::archive::{DIRECTORY, MANIFEST, SIGNATURE, Writer, part_name};
use super::key::SigningKey;
use super::packing::{Packer, digest_of, packed};
use super::placing;
use super::remembered::{Entry, unusable};
use super::side::StackSide;
use super::work::Work;
use crate::stack::{Failure, Stack, UsageReading};
use crate::status::{Board, Part as Doing, Reporter};
use crate::trouble::Trouble;

/// How often in a row an hour is tried before it is left to whoever waits for the file.
const ATTEMPTS_MAX: u32 = 10;
/// The most characters of an id that are shown: more than one that is an id has.
const SHOWN_ID_CHARACTERS_MAX: usize = 64;

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

/// Which hours are read.
#[derive(Debug, Clone, Copy)]
struct Hours {
    /// Those of the bundle.
    window: HourInterval,
    /// Those before them that are read again.
    again: Option<HourInterval>,
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

/// What was read.
struct Read {
    parts: Vec<Part>,
    directory: Packed,
    unlisted: Vec<String>,
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
        let hours = Hours { window, again };
        let work = Work::open(Arc::clone(&self.environment.disk), &self.folder)?;
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

    /// The hours to be exported.
    fn window(&self, asked: &Exporting, next: &NextBundle) -> Result<HourInterval, Trouble> {
        let start = next.start;
        if asked.leave_out_earlier && start.is_some() {
            return Err(Trouble::new(
                "NothingLeftOut",
                "This is not the first bundle: it begins where the last one ended, and leaves nothing out.",
                "Leave --leave-out-earlier out.",
            ));
        }
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
        if start.is_some() && from == over && asked.to.is_none() {
            return Err(Trouble::new(
                "NoNewHour",
                format!(
                    "The last bundle ended at {from}, and no hour after it has been over for long enough."
                ),
                format!(
                    "Export again when the hour until {} is over, and {} minutes more.",
                    from.plus(1),
                    margin.as_secs() / 60
                ),
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

    /// The hours before the window that are read again, for what came late: as many as the bridge looks back at, or those
    /// that were asked for. Before what was read first there is nothing to look back at.
    fn again(
        &self,
        asked: &Exporting,
        chain: &Chain,
        window: HourInterval,
    ) -> Result<Option<HourInterval>, Trouble> {
        let start = window.start();
        if let Some(from) = asked.again {
            let hours = HourInterval::new(from, start).filter(|it| it.hours() <= BUNDLE_HOURS_MAX);
            return hours.map(Some).ok_or_else(|| {
                Trouble::new(
                    "InvalidWindow",
                    format!(
                        "The hours from {from} on cannot be read again with a bundle that begins at {start}: it takes 1 to \
                         {BUNDLE_HOURS_MAX} of the hours before."
                    ),
                    "Name an --again that is before that beginning, and not much earlier.",
                )
            });
        }
        if chain.next().start.is_none() {
            return Ok(None);
        }
        let from = start.plus(-self.lookback());
        let from = chain.begins().map_or(from, |begins| begins.max(from));
        Ok(HourInterval::new(from, start))
    }

    fn lookback(&self) -> i32 {
        i32::from(self.stack.lookback_hours)
    }

    /// Reads all of these hours, as far as they were not read before.
    async fn read(
        &self,
        hours: Hours,
        work: &Work,
        step: &mut (dyn FnMut(Step) + Send),
    ) -> Result<Read, Trouble> {
        // Whoever waits for the file is told by its board what the stack does not answer.
        let clock = Arc::clone(&self.environment.clock);
        let board = Board::watched(clock, &self.stack.name, self.watcher.clone());
        let reporter = board.reporter(Doing::Reading);
        let stack = self.patiently(&reporter, || self.connect(&reporter)).await?;
        let mut parts = Vec::new();
        let mut so_far = Step {
            hours_read: 0,
            hours: hours.window.hours() + hours.again.map_or(0, HourInterval::hours),
            records: 0,
        };
        step(so_far);
        let mut hour = hours.again.unwrap_or(hours.window).start();
        while hour < hours.window.end() {
            let is_good = |read_at| is_good(hour, read_at, hours.window, self.lookback());
            let of_hour = match work.parts_of(hour, is_good)? {
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
                return Err(too_many_parts(hour, hours.window));
            }
            hour = hour.plus(1);
        }
        let listing = self
            .patiently(&reporter, || stack.local_subscriptions(&reporter))
            .await?;
        let (listing, unreadable) = listing.without_unreadable();
        let listing = serde_json::to_vec(&listing).map_err(|error| unusable(Path::new(DIRECTORY), &error))?;
        let (directory, content) = packed(&listing, digest_of(&listing))?;
        work.keep_directory(&content)?;
        Ok(Read {
            parts,
            directory,
            unlisted: unreadable.iter().map(|(it, why)| unlisted(it, why)).collect(),
        })
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
        let read_at = self.environment.clock.now();
        while let Some(page) = reading.next().await? {
            packer.add(&page.body)?;
        }
        let parts = packer.finish().map_err(Failure::Refused)?;
        work.keep(hour, &parts, read_at).map_err(Failure::Refused)?;
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

/// Whether what was read of an hour in an attempt that was broken off can be used. What came late since is read with the
/// next bundle, or came so late that nobody would have looked for it.
fn is_good(hour: Hour, read_at: Timestamp, window: HourInterval, lookback: i32) -> bool {
    let looked_at_until = hour.plus(1 + lookback).start();
    read_at >= looked_at_until || hour >= window.end().plus(-lookback)
}

/// More parts than a bundle may have, with those of this hour.
fn too_many_parts(hour: Hour, window: HourInterval) -> Trouble {
    let message = format!("The hours up to {hour} have more than {BUNDLE_PARTS_MAX} parts already.");
    let advice = if hour <= window.start() {
        format!(
            "Most of them are of hours that are read again. Read fewer of those: name a later --again, such as {}, or a \
             smaller --lookback.",
            window.start().plus(-1)
        )
    } else {
        format!("Export fewer hours at a time, such as --to {hour}.")
    };
    Trouble::new("BundleNotMade", message, advice)
}

/// How an entry of a directory that nobody can read is called.
fn unlisted(entry: &AdminSubscription, why: &str) -> String {
    let id: String = entry
        .subscription_id
        .chars()
        .take(SHOWN_ID_CHARACTERS_MAX)
        .collect();
    format!("{id:?} ({why})")
}

fn no_key() -> Trouble {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_late_usage_could_come_is_read_again_unless_the_next_bundle_does() {
        let hour = |text: &str| text.parse::<Hour>().unwrap();
        let five = hour("2026-10-01T05:00:00Z");
        let until = |end| HourInterval::new(hour("2026-10-01T00:00:00Z"), hour(end)).unwrap();
        let (early, late) = ("2026-10-01T06:20:00Z", "2026-10-01T12:00:00Z");
        for (read_at, end, expected) in [
            (early, "2026-10-02T00:00:00Z", false),
            (late, "2026-10-02T00:00:00Z", true),
            (early, "2026-10-01T11:00:00Z", true),
            (early, "2026-10-01T12:00:00Z", false),
        ] {
            let is_good = is_good(five, read_at.parse().unwrap(), until(end), 6);
            assert_eq!(is_good, expected, "{read_at} {end}");
        }
    }

    #[test]
    fn whoever_reads_too_much_again_is_not_told_to_end_before_the_beginning() {
        let hour = |text: &str| text.parse::<Hour>().unwrap();
        let (start, end) = (hour("2026-10-02T00:00:00Z"), hour("2026-10-03T00:00:00Z"));
        let window = HourInterval::new(start, end).unwrap();
        for (at, advice) in [
            ("2026-10-01T05:00:00Z", "--again, such as 2026-10-01T23:00:00Z"),
            ("2026-10-02T00:00:00Z", "--again"),
            ("2026-10-02T05:00:00Z", "--to 2026-10-02T05:00:00Z"),
        ] {
            let trouble = too_many_parts(hour(at), window);
            assert!(trouble.advice.contains(advice), "{trouble:?}");
        }
    }
}
