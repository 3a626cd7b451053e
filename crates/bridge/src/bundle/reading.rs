//! What of a stack goes into a bundle: hour by hour, each read completely and kept aside, so that whoever is broken off goes on
//! where it was.

use std::path::Path;
use std::sync::Arc;

use domain::bundle::BUNDLE_PARTS_MAX;
use domain::time::{Hour, HourInterval, Timestamp};
use wire::bundle::{Packed, Part};
use wire::stack_admin::AdminSubscription;

use super::archive::DIRECTORY;
use super::making::no_key;
use super::packing::{Packer, digest_of, packed};
use super::remembered::unusable;
use super::side::StackSide;
use super::window::Hours;
use super::work::Work;
use crate::connection;
use crate::stack::{Failure, Stack, UsageReading};
use crate::status::{Board, Part as Doing, Reporter};
use crate::trouble::Trouble;

/// How often in a row an hour is tried before it is left to whoever waits for the file.
const ATTEMPTS_MAX: u32 = 10;
/// The most characters of an id that are shown: more than one that is an id has.
const SHOWN_ID_CHARACTERS_MAX: usize = 64;

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

/// What was read.
pub(super) struct Read {
    pub(super) parts: Vec<Part>,
    pub(super) directory: Packed,
    /// What the stack's directory says and nobody can read, and why.
    pub(super) unlisted: Vec<String>,
}

impl StackSide {
    /// Reads all of these hours, as far as they were not read before.
    pub(super) async fn read(
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
            let now = self.environment.clock.now();
            let is_good = |read_at| is_good(hour, (read_at, now), hours, self.lookback());
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
        connection::connect(&self.stack, &self.key, &self.environment, reporter).await
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
                Err(Failure::NotReady(trouble) | Failure::RefusedMidway(trouble)) => (trouble, None),
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
/// next bundle, or came so late that nobody would have looked for it, unless they do: who asks for an hour again knows why.
fn is_good(hour: Hour, (read_at, now): (Timestamp, Timestamp), hours: Hours, lookback: i32) -> bool {
    let Hours {
        window,
        is_again_asked,
        ..
    } = hours;
    if is_again_asked && hour < window.start() {
        return false;
    }
    let looked_at_until = hour.plus(1 + lookback).start();
    // By a clock that was ahead it was not as late as it says.
    read_at <= now && (read_at >= looked_at_until || hour >= window.end().plus(-lookback))
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
pub(crate) fn unlisted(entry: &AdminSubscription, why: &str) -> String {
    let id: String = entry
        .subscription_id
        .chars()
        .take(SHOWN_ID_CHARACTERS_MAX)
        .collect();
    format!("{id:?} ({why})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_late_usage_could_come_is_read_again_unless_the_next_bundle_does() {
        let hour = |text: &str| text.parse::<Hour>().unwrap();
        let five = hour("2026-10-01T05:00:00Z");
        let until = |end| Hours {
            window: HourInterval::new(hour("2026-10-01T00:00:00Z"), hour(end)).unwrap(),
            again: None,
            is_again_asked: true,
        };
        let (early, late) = ("2026-10-01T06:20:00Z", "2026-10-01T12:00:00Z");
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-10-02T00:30:00Z");
        for (read_at, end, expected) in [
            (early, "2026-10-02T00:00:00Z", false),
            (late, "2026-10-02T00:00:00Z", true),
            (early, "2026-10-01T11:00:00Z", true),
            (early, "2026-10-01T12:00:00Z", false),
        ] {
            let is_good = is_good(five, (at(read_at), now), until(end), 6);
            assert_eq!(is_good, expected, "{read_at} {end}");
        }
        let long = until("2026-10-02T00:00:00Z");
        assert!(
            !is_good(five, (at(late), at("2026-10-01T11:59:00Z")), long, 6),
            "the clock was ahead"
        );
        let asked_again = Hours {
            window: HourInterval::new(five.plus(1), long.window.end()).unwrap(),
            ..long
        };
        assert!(!is_good(five, (at(late), now), asked_again, 6));
        assert!(is_good(
            five.plus(1),
            (at("2026-10-01T13:00:00Z"), now),
            asked_again,
            6
        ));
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
