//! Delivering what the stacks report: page by page through HTTPS, several at once, never more than a few in memory.

use std::time::{Duration, Instant};

use bytes::Bytes;
use client::{Client, Delivery, Format};
use domain::time::Hour;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::scenario::Scenario;
use super::stacks::{Parcel, Stacks, registered_in};
use crate::failure::Failure;
use crate::printer::Progress;

/// Deliveries that are under way at once.
const IN_FLIGHT_MAX: usize = 8;
/// Pages that are made ahead of their delivery.
const AHEAD_MAX: usize = 4;
/// Of so many hours of reported time, the first page of one is delivered again in the end.
const SAMPLED_HOURS: i32 = 17;

/// What comes next in the month.
#[derive(Debug)]
pub(super) enum Step {
    /// It is this hour now; what was reported before it can be read.
    Now(Hour),
    /// A page was read.
    Page(Parcel),
}

/// Makes all pages of the month in the order of their reported time, on a thread of its own. A stack that is not
/// registered yet waits, and catches up afterwards.
pub(super) fn read_all(scenario: &Scenario, stacks: &Stacks) -> mpsc::Receiver<Step> {
    let (sender, receiver) = mpsc::channel(AHEAD_MAX);
    let (scenario, stacks) = (scenario.clone(), stacks.clone());
    // It ends with the last page, or when nobody reads on.
    tokio::task::spawn_blocking(move || {
        let send = |step| sender.blocking_send(step).ok();
        read_in_order(&scenario, &stacks, send)
    });
    receiver
}

fn read_in_order(scenario: &Scenario, stacks: &Stacks, send: impl Fn(Step) -> Option<()>) -> Option<()> {
    let reported = stacks.reported()?;
    let mut next: Vec<Hour> = stacks.all().iter().map(|_| reported.start()).collect();
    for now in (1..=reported.hours()).map(|hours| reported.start().plus(hours)) {
        send(Step::Now(now))?;
        for (stack, next) in next.iter_mut().enumerate() {
            if registered_in(scenario, stack).is_none_or(|hour| hour >= now) {
                continue;
            }
            while *next < now {
                for page in stacks.pages(stack, *next) {
                    send(Step::Page(page))?;
                }
                *next = next.plus(1);
            }
        }
    }
    Some(())
}

/// What the server said of the records it was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Pages.
    pub(super) pages: u64,
    /// Records in them.
    pub(super) sent: u64,
    /// Records of which nothing had been known.
    pub(super) accepted: u64,
    /// Records that had been known.
    pub(super) duplicate: u64,
    /// Other quantities of known keys.
    pub(super) revised: u64,
    /// Records put into quarantine.
    pub(super) quarantined: u64,
}

impl Tally {
    /// Adds what was said of one page.
    pub(super) fn add(&mut self, other: Self) {
        self.pages += other.pages;
        self.sent += other.sent;
        self.accepted += other.accepted;
        self.duplicate += other.duplicate;
        self.revised += other.revised;
        self.quarantined += other.quarantined;
    }
}

/// A page of which a second delivery is to be made, and what was said of the first.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// The place of the stack.
    pub(super) stack: usize,
    /// The hour of reported time.
    pub(super) window: Hour,
    /// The batch that it became.
    pub(super) batch: String,
    /// What was said of it.
    pub(super) tally: Tally,
}

/// A page that was taken in.
#[derive(Debug)]
struct Taken {
    stack: usize,
    window: Hour,
    page: usize,
    batch: String,
    tally: Tally,
}

/// Delivers pages, a few at once.
pub(super) struct Courier {
    under_way: JoinSet<Result<Taken, Failure>>,
    progress: Progress,
    started: Instant,
    tally: Tally,
    samples: Vec<Sample>,
}

/// Everything that was delivered.
#[derive(Debug)]
pub(super) struct Delivered {
    /// What was said of all of it.
    pub(super) tally: Tally,
    /// Pages to be delivered again.
    pub(super) samples: Vec<Sample>,
    /// How long it took.
    pub(super) took: Duration,
}

impl Courier {
    /// A courier that shows its progress.
    pub(super) fn new(progress: Progress) -> Self {
        Self {
            under_way: JoinSet::new(),
            progress,
            started: Instant::now(),
            tally: Tally::default(),
            samples: Vec::new(),
        }
    }

    /// Says what is being done.
    pub(super) fn say(&self, what: &str) {
        self.progress.say(what);
    }

    /// Takes a page on its way; waits while there are too many.
    pub(super) async fn deliver(
        &mut self,
        client: Client,
        cloud_id: String,
        parcel: Parcel,
    ) -> Result<(), Failure> {
        while self.under_way.len() >= IN_FLIGHT_MAX {
            self.receive_one().await?;
        }
        let key = format!("demo/{cloud_id}/{}/{}", parcel.window, parcel.page);
        self.under_way
            .spawn(async move { deliver(&client, &cloud_id, parcel, &key).await });
        Ok(())
    }

    /// Waits until everything has arrived.
    pub(super) async fn finish(mut self) -> Result<Delivered, Failure> {
        while !self.under_way.is_empty() {
            self.receive_one().await?;
        }
        self.progress.finish();
        Ok(Delivered {
            tally: self.tally,
            samples: self.samples,
            took: self.started.elapsed(),
        })
    }

    async fn receive_one(&mut self) -> Result<(), Failure> {
        let Some(taken) = self.under_way.join_next().await else {
            return Ok(());
        };
        let taken =
            taken.map_err(|error| Failure::new("A delivery was cut off.").because(error.to_string()))??;
        self.progress.add(taken.tally.sent);
        self.tally.add(taken.tally);
        if taken.page == 0 && taken.window.epoch_hours() % SAMPLED_HOURS == 0 {
            let Taken {
                stack,
                window,
                batch,
                tally,
                ..
            } = taken;
            self.samples.push(Sample {
                stack,
                window,
                batch,
                tally,
            });
        }
        Ok(())
    }
}

async fn deliver(client: &Client, cloud_id: &str, parcel: Parcel, key: &str) -> Result<Taken, Failure> {
    let Parcel {
        stack,
        window,
        page,
        body,
        records,
        is_last,
    } = parcel;
    let (start, end) = (window.to_string(), window.plus(1).to_string());
    let delivery = Delivery {
        body: Bytes::from(body),
        format: Format::Json,
        encoding: None,
        reported_start: Some(&start),
        reported_end: Some(&end),
        reported_through: is_last.then_some(&*end),
        idempotency_key: Some(key),
    };
    let receipt = client.deliver_usage(cloud_id, delivery).await?;
    let tally = Tally {
        pages: 1,
        sent: u64::try_from(records).unwrap_or(u64::MAX),
        accepted: receipt.accepted.into(),
        duplicate: receipt.duplicate.into(),
        revised: receipt.revised.into(),
        quarantined: receipt.quarantined.into(),
    };
    Ok(Taken {
        stack,
        window,
        page,
        batch: receipt.batch_id,
        tally,
    })
}

/// What came of delivering pages again.
#[derive(Debug, Default)]
pub(super) struct Redelivered {
    /// What was said of those that came under a new name, and were looked at again.
    pub(super) looked_at: Tally,
    /// Records in all pages, under new names and old.
    pub(super) records: u64,
    /// What was answered otherwise than it should.
    pub(super) differences: Vec<String>,
}

/// Delivers the sampled pages again, the last first: every other one under a new name.
pub(super) async fn deliver_again(
    stacks: &Stacks,
    clients: &[Option<Client>],
    samples: &[Sample],
) -> Result<Redelivered, Failure> {
    let mut again = Redelivered::default();
    for (number, sample) in samples.iter().rev().enumerate() {
        let Some(stack) = stacks.all().get(sample.stack) else {
            continue;
        };
        let Some(client) = clients.get(sample.stack).and_then(Option::as_ref) else {
            continue;
        };
        let Some(parcel) = stacks.pages(sample.stack, sample.window).next() else {
            continue;
        };
        let cloud_id = stack.spec().cloud_id.to_string();
        let name = format!("demo/{cloud_id}/{}/{}", parcel.window, parcel.page);
        again.records += sample.tally.sent;
        if number % 2 == 0 {
            let taken = deliver(client, &cloud_id, parcel, &format!("{name}/again")).await?;
            again
                .differences
                .extend(difference_when_looked_at(&name, sample, &taken));
            again.looked_at.add(taken.tally);
        } else {
            let taken = deliver(client, &cloud_id, parcel, &name).await?;
            if (&taken.batch, taken.tally) != (&sample.batch, sample.tally) {
                again
                    .differences
                    .push(format!("{name}: the second answer is not the first"));
            }
        }
    }
    Ok(again)
}

/// All that was good must be known by now, and all that was malformed still is.
fn difference_when_looked_at(name: &str, sample: &Sample, taken: &Taken) -> Option<String> {
    let (first, second) = (sample.tally, taken.tally);
    let known = first.sent - first.quarantined;
    let as_expected =
        second.duplicate == known && second.quarantined == first.quarantined && taken.batch != sample.batch;
    (!as_expected).then(|| {
        format!(
            "{name}: of {} records {} were duplicates and {} quarantined, not {known} and {}",
            second.sent, second.duplicate, second.quarantined, first.quarantined
        )
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_page_is_read_once_and_a_stack_that_is_not_registered_waits() {
        let scenario = Scenario::in_month("2026-10".parse().unwrap());
        let stacks = Stacks::of(&scenario, 3, 1).unwrap();
        let steps = RefCell::new(Vec::new());
        read_in_order(&scenario, &stacks, |step| {
            steps.borrow_mut().push(step);
            Some(())
        });
        let first = scenario.month.interval().start();
        let (mut now, mut records, mut windows) = (first, 0, BTreeMap::<usize, Vec<Hour>>::new());
        for step in steps.into_inner() {
            match step {
                Step::Now(hour) => now = hour,
                Step::Page(page) => {
                    assert!(page.window < now, "{} is not over at {now}", page.window);
                    let registered = registered_in(&scenario, page.stack).unwrap();
                    assert!(
                        registered < now,
                        "stack {} is not registered at {now}",
                        page.stack
                    );
                    records += u64::try_from(page.records).unwrap();
                    windows.entry(page.stack).or_default().push(page.window);
                }
            }
        }
        assert_eq!(records, stacks.expected().sent);
        for (stack, windows) in windows {
            assert_eq!(windows.first(), Some(&first.plus(1)), "stack {stack}");
            assert!(windows.is_sorted(), "stack {stack}");
        }
    }
}
