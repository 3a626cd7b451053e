//! Delivering what the stacks report: page by page through HTTPS, several at once, never more than a few in memory.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use bytes::Bytes;
use client::{Client, Delivery, Format};
use domain::time::{Hour, HourInterval};
use serde::Serialize;
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
/// Of so many windows of reported time, one is delivered once more under its old name in the end.
const RENAMED_TO_UNRENAMED: usize = 10;

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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tally {
    /// Pages, each a delivery of its own.
    #[serde(rename = "deliveries")]
    pub(super) pages: u64,
    /// Records in them: the sum of the four below.
    #[serde(rename = "records")]
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

/// One page: the place of its stack, the hour of reported time, and its number in that hour.
type PageKey = (usize, Hour, usize);

/// What was answered to one page.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    /// The batch that it became.
    batch: String,
    tally: Tally,
}

/// Delivers pages, a few at once.
pub(super) struct Courier {
    under_way: JoinSet<Result<(PageKey, Answer), Failure>>,
    progress: Progress,
    started: Instant,
    /// What is added to the names of deliveries, which are otherwise the same whenever a page is delivered.
    suffix: &'static str,
    answers: BTreeMap<PageKey, Answer>,
}

/// Everything that was delivered.
#[derive(Debug)]
pub(super) struct Delivered {
    answers: BTreeMap<PageKey, Answer>,
    /// How long it took.
    pub(super) took: Duration,
}

impl Delivered {
    /// What was said of all of it.
    pub(super) fn tally(&self) -> Tally {
        let mut all = Tally::default();
        self.answers.values().for_each(|answer| all.add(answer.tally));
        all
    }
}

impl Courier {
    /// A courier that shows its progress.
    pub(super) fn new(progress: Progress) -> Self {
        Self {
            under_way: JoinSet::new(),
            progress,
            started: Instant::now(),
            suffix: "",
            answers: BTreeMap::new(),
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
        let (window, page, suffix) = (parcel.window, parcel.page, self.suffix);
        let name = format!("demo/{cloud_id}/{window}/{page}{suffix}");
        self.under_way
            .spawn(async move { deliver(&client, &cloud_id, parcel, &name).await });
        Ok(())
    }

    /// Waits until everything has arrived.
    pub(super) async fn finish(mut self) -> Result<Delivered, Failure> {
        while !self.under_way.is_empty() {
            self.receive_one().await?;
        }
        self.progress.finish();
        Ok(Delivered {
            answers: self.answers,
            took: self.started.elapsed(),
        })
    }

    async fn receive_one(&mut self) -> Result<(), Failure> {
        let Some(answered) = self.under_way.join_next().await else {
            return Ok(());
        };
        let (page, answer) = answered
            .map_err(|error| Failure::new("A delivery was cut off.").because(error.to_string()))??;
        self.progress.add(answer.tally.sent);
        self.answers.insert(page, answer);
        Ok(())
    }
}

async fn deliver(
    client: &Client,
    cloud_id: &str,
    parcel: Parcel,
    name: &str,
) -> Result<(PageKey, Answer), Failure> {
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
        idempotency_key: Some(name),
        known_receipts: None,
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
    let batch = receipt.batch_id;
    Ok(((stack, window, page), Answer { batch, tally }))
}

/// One hour of a stack's reported time.
type Window = (usize, Hour);

/// Every window of every stack, shuffled: the same seed gives the same order.
pub(super) fn shuffled(stacks: &Stacks, seed: u64) -> Vec<Window> {
    let hours = stacks.reported().into_iter().flat_map(hours_of);
    let mut windows: Vec<Window> = hours
        .flat_map(|hour| (0..stacks.all().len()).map(move |stack| (stack, hour)))
        .collect();
    windows.sort_by_cached_key(|window| {
        let mut hasher = DefaultHasher::new();
        (seed, window).hash(&mut hasher);
        hasher.finish()
    });
    windows
}

fn hours_of(interval: HourInterval) -> impl Iterator<Item = Hour> {
    (0..interval.hours()).map(move |hours| interval.start().plus(hours))
}

/// Delivers these windows in this order, the last page of each first.
pub(super) async fn deliver_all(
    stacks: &Stacks,
    clients: &[Option<Client>],
    windows: Vec<Window>,
    mut courier: Courier,
) -> Result<Delivered, Failure> {
    let (sender, mut receiver) = mpsc::channel(AHEAD_MAX);
    let making = stacks.clone();
    // It ends with the last page, or when nobody reads on.
    tokio::task::spawn_blocking(move || {
        for (stack, window) in windows {
            let pages: Vec<Parcel> = making.pages(stack, window).collect();
            for page in pages.into_iter().rev() {
                sender.blocking_send(page).ok()?;
            }
        }
        Some(())
    });
    while let Some(page) = receiver.recv().await {
        let stack = stacks.all().get(page.stack).zip(clients.get(page.stack));
        let Some((stack, Some(client))) = stack else {
            continue;
        };
        let cloud_id = stack.spec().cloud_id.to_string();
        courier.deliver(client.clone(), cloud_id, page).await?;
    }
    courier.finish().await
}

/// What came of delivering everything again.
#[derive(Debug)]
pub(super) struct Redelivered {
    /// What was said of all pages when they came under new names, and were looked at again.
    pub(super) renamed: Tally,
    /// What was said of some when they came under their old names.
    pub(super) unrenamed: Tally,
    /// What was answered otherwise than it should.
    pub(super) differences: Vec<String>,
}

/// Delivers every page again in another order, under a new name, and some once more under their old names.
pub(super) async fn deliver_again(
    stacks: &Stacks,
    clients: &[Option<Client>],
    first: &Delivered,
    seed: u64,
    progress: impl Fn() -> Progress,
) -> Result<Redelivered, Failure> {
    let windows = shuffled(stacks, seed);
    let some = windows.iter().copied().step_by(RENAMED_TO_UNRENAMED).collect();
    let courier = Courier {
        suffix: "/again",
        ..Courier::new(progress())
    };
    let renamed = deliver_all(stacks, clients, windows, courier).await?;
    let unrenamed = deliver_all(stacks, clients, some, Courier::new(progress())).await?;
    let mut differences: Vec<String> = first
        .answers
        .iter()
        .filter_map(|(page, answer)| difference_when_looked_at(page, answer, renamed.answers.get(page)))
        .collect();
    let other = unrenamed
        .answers
        .iter()
        .filter(|(page, answer)| first.answers.get(page) != Some(answer));
    differences.extend(other.map(|(page, _)| format!("{}: the second answer is not the first", told(page))));
    Ok(Redelivered {
        renamed: renamed.tally(),
        unrenamed: unrenamed.tally(),
        differences,
    })
}

/// All of it must be known by now: what was good, and what is in quarantine.
fn difference_when_looked_at(page: &PageKey, first: &Answer, again: Option<&Answer>) -> Option<String> {
    let Some(again) = again else {
        return Some(format!("{}: was not delivered again", told(page)));
    };
    let expected = Tally {
        pages: 1,
        sent: first.tally.sent,
        duplicate: first.tally.sent,
        ..Tally::default()
    };
    let as_expected = again.tally == expected && again.batch != first.batch;
    (!as_expected).then(|| {
        let Tally {
            duplicate,
            quarantined,
            ..
        } = again.tally;
        format!(
            "{}: of {} records {duplicate} were duplicates and {quarantined} quarantined, not {} and {}",
            told(page),
            expected.sent,
            expected.duplicate,
            expected.quarantined
        )
    })
}

fn told((stack, window, page): &PageKey) -> String {
    format!("stack {stack}, window {window}, page {page}")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_page_is_read_once_and_a_stack_that_is_not_registered_waits() {
        let scenario = Scenario::in_month("2026-10".parse().unwrap());
        let stacks = Stacks::of(&scenario, 3, 1_000).unwrap();
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

    #[test]
    fn every_window_is_shuffled_somewhere_and_only_the_seed_says_where() {
        let scenario = Scenario::in_month("2026-10".parse().unwrap());
        let stacks = Stacks::of(&scenario, 3, 1_000).unwrap();
        let windows = shuffled(&stacks, 1);
        assert_eq!(windows, shuffled(&stacks, 1));
        assert_ne!(windows, shuffled(&stacks, 2));
        assert!(!windows.is_sorted_by_key(|(_, hour)| hour));
        let each: BTreeSet<Window> = windows.iter().copied().collect();
        assert_eq!(each.len(), windows.len());
        let hours = usize::try_from(stacks.reported().unwrap().hours()).unwrap();
        assert_eq!(each.len(), 3 * hours);
    }
}
