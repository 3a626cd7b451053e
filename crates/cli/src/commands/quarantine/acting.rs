//! Something is done with records in quarantine, with as many as there may be: some at a time, and no more of them is kept
//! here than their positions.

use std::collections::BTreeSet;

use client::{Client, ClientError};
use domain::quarantine::Positions;
use serde::Serialize;
use wire::api::{QuarantineFilter, QuarantinePurged, QuarantineReleased};

use crate::agreement::agreed;
use crate::args::ActArgs;
use crate::commands::revisions::NotCounting;
use crate::failure::Failure;
use crate::figures::{count, counted};
use crate::printer::{GrowingList, Printer};

/// How many records are told of one by one.
const RECORDS_TOLD_MAX: usize = 100;

/// What is said about what is done.
pub(super) struct Words {
    /// What records are then, such as `purged`.
    pub(super) done: &'static str,
    pub(super) question: &'static str,
}

/// What the server says of some records.
pub(super) trait Answer: Serialize {
    /// Adds it up, and says why the server did not come to the last of them, if it did not.
    fn add_to(&self, sums: &mut Sums) -> Option<Stopped>;
}

/// The server came to a part of what it was asked for.
pub(super) struct Stopped {
    /// How many records it did not come to.
    left: u64,
    failure: Failure,
}

/// What came of all of them.
#[derive(Default)]
pub(super) struct Sums {
    /// Records that the server has answered about.
    reached: u64,
    /// Those with which it was done.
    done: u64,
    /// Of a release, what became of them.
    outcomes: Option<Outcomes>,
    /// Records that wait on.
    pub(super) waiting: u64,
    /// Why they do.
    pub(super) codes: BTreeSet<String>,
    /// What there is to say about single records, of the first of them.
    lines: Vec<String>,
    /// How many others there is something to say about.
    not_told: u64,
}

#[derive(Default)]
struct Outcomes {
    accepted: u64,
    duplicate: u64,
    revised: u64,
    not_counting: NotCounting,
    /// Records that do not count.
    outdone: u64,
}

impl Sums {
    /// Whether something is released and does not count.
    pub(super) fn is_outdone(&self) -> bool {
        self.outcomes.as_ref().is_some_and(|it| it.outdone > 0)
    }

    /// What was done though not all of it was, and how to go on.
    fn before_it_failed(&self, done: &str, of_all: u64) -> String {
        let left = of_all.saturating_sub(self.reached);
        format!(
            "Before it failed, {}\n{} of {} were not reached. Repeat the same command, it goes on with what waits; with --expect, \
             look first how many these are now.",
            self.in_words(done),
            count(left),
            counted(of_all, "record"),
        )
    }

    fn tell(&mut self, line: impl FnOnce() -> String) {
        if self.lines.len() < RECORDS_TOLD_MAX {
            self.lines.push(line());
        } else {
            self.not_told += 1;
        }
    }

    fn tell_of_others(&mut self, gone: &[u64], unknown: &[u64]) {
        for position in gone {
            self.tell(|| format!("{position} had been released or purged before"));
        }
        if !unknown.is_empty() {
            let unknown: Positions = unknown.iter().copied().collect();
            self.tell(|| format!("{unknown} never was there"));
        }
    }

    fn in_words(&self, done: &str) -> String {
        let mut text = format!("{} {done}", counted(self.done, "record"));
        if let Some(it) = &self.outcomes {
            text.push_str(&format!(
                ": {} accepted, {} duplicate, {} revised{}",
                count(it.accepted),
                count(it.duplicate),
                count(it.revised),
                it.not_counting.in_brackets(),
            ));
        }
        for line in &self.lines {
            text.push_str(&format!("\n  {line}"));
        }
        if self.not_told > 0 {
            let more = count(self.not_told);
            text.push_str(&format!(
                "\n  and so on, {more} more: --output ndjson has them all"
            ));
        }
        text
    }
}

impl Answer for QuarantineReleased {
    fn add_to(&self, sums: &mut Sums) -> Option<Stopped> {
        sums.done += u64::from(self.released);
        let outcomes = sums.outcomes.get_or_insert_default();
        for batch in &self.batches {
            outcomes.accepted += u64::from(batch.accepted);
            outcomes.duplicate += u64::from(batch.duplicate);
            outcomes.revised += u64::from(batch.revised);
            outcomes
                .not_counting
                .add(batch.revised, batch.revised_not_counting);
        }
        outcomes.outdone += self.not_counting.len() as u64;
        for batch in &self.batches {
            // The other way round is dearer: a slip of the pen in a mended quantity is charged for.
            if let Some(not_counting) = batch.revised_not_counting
                && batch.revised > not_counting
            {
                let (stack, reported) = (&batch.cloud_id, &batch.reported);
                let of_them = counted(u64::from(batch.revised - not_counting), "revised record");
                sums.tell(|| {
                    format!("{of_them} of {stack}, reported at {reported}: in place of another quantity that counted")
                });
            }
        }
        for it in &self.warnings {
            sums.tell(|| format!("{} may be wrong, {}: {}", it.position, it.code, it.message));
        }
        for it in &self.not_counting {
            let (position, counts, reported) = (it.position, &it.counts, &it.reported);
            sums.tell(|| format!("{position} does not count: {counts} does, reported at {reported}"));
        }
        // What is left where it stopped is counted as not reached.
        let left = self
            .stopped
            .iter()
            .flat_map(|it| &it.left)
            .collect::<BTreeSet<_>>();
        for it in self.waiting.iter().filter(|it| !left.contains(&it.position)) {
            sums.waiting += 1;
            if !sums.codes.contains(&it.code) {
                sums.codes.insert(it.code.clone());
            }
            sums.tell(|| format!("{} waits on, {}: {}", it.position, it.code, it.message));
        }
        sums.tell_of_others(&self.gone, &self.unknown);
        self.stopped.as_ref().map(|it| Stopped {
            left: it.left.len() as u64,
            failure: Failure::new(it.message.clone()).coded(it.code.as_str()),
        })
    }
}

impl Answer for QuarantinePurged {
    fn add_to(&self, sums: &mut Sums) -> Option<Stopped> {
        sums.done += self.purged.len() as u64;
        sums.tell_of_others(&self.gone, &self.unknown);
        None
    }
}

/// Shows what would come of it and asks, unless that is not wanted, and does it: to the records that are there when it
/// begins, and to none that come later.
///
/// # Errors
/// If it is not said which records are meant, there are not as many as expected, nobody agrees, or the server does not.
pub(super) async fn act<A: Answer>(
    client: &Client,
    args: &ActArgs,
    printer: &Printer,
    words: &Words,
    ask: impl AsyncFn(Vec<u64>, bool) -> Result<A, ClientError>,
) -> Result<Sums, Failure> {
    let meant = Meant::found(client, args, printer).await?;
    if let Some(expected) = args.expect {
        meant.are(expected)?;
    }
    let would_be = format!("would be {}", words.done);
    if args.dry_run {
        return meant.each(printer, &would_be, |some| ask(some, true)).await;
    }
    if !args.yes && meant.count() > 0 {
        let mut would = Sums::default();
        meant
            .through(printer, &mut would, None, |some| ask(some, true))
            .await?;
        printer.request(&would.in_words(&would_be));
        agreed(words.question, false)?;
    }
    meant.each(printer, words.done, |some| ask(some, false)).await
}

/// The positions of the records that are meant, in portions: no more than one request takes. Records that come later fit
/// what was asked for as well, but nobody has seen or counted them.
struct Meant(Vec<Vec<u64>>);

impl Meant {
    /// Finds out which they are.
    async fn found(client: &Client, args: &ActArgs, printer: &Printer) -> Result<Self, Failure> {
        let filter = args.filter.filter();
        if let Some(positions) = &args.positions {
            return Ok(Self(vec![positions.as_slice().to_vec()]));
        }
        if filter == QuarantineFilter::default() && !args.all {
            return Err(
                Failure::usage("It is not said which records are meant.").hint(
                    "Give their numbers, such as 3-7,9, or what they have in common, such as --code; or say --all.",
                ),
            );
        }
        let progress = printer.progress(None, "records");
        let (mut pages, mut portions) = (client.quarantine_pages(&filter, None), Vec::new());
        while let Some(page) = pages.next().await? {
            progress.add(page.len() as u64);
            portions.push(page.iter().map(|it| it.position).collect());
        }
        progress.finish();
        portions.retain(|it: &Vec<u64>| !it.is_empty());
        Ok(Self(portions))
    }

    /// How many there are.
    fn count(&self) -> u64 {
        self.0.iter().map(|some| some.len() as u64).sum()
    }

    /// There have to be so many.
    fn are(&self, expected: u64) -> Result<(), Failure> {
        let found = self.count();
        if found == expected {
            return Ok(());
        }
        let are = counted(found, "record");
        let failure = Failure::new(format!("Nothing was done: it is {are}, not {expected}."));
        Err(failure
            .coded("QuarantineCountDiffers")
            .hint("Look at them with `meterbridge usage quarantine` and the same options."))
    }

    /// Asks for all of them, and prints what is answered.
    async fn each<A: Answer>(
        &self,
        printer: &Printer,
        done: &str,
        ask: impl AsyncFn(Vec<u64>) -> Result<A, ClientError>,
    ) -> Result<Sums, Failure> {
        let (mut sums, mut list) = (Sums::default(), printer.growing_list());
        let ended = self.through(printer, &mut sums, Some(&mut list), ask).await;
        if ended.is_err() && sums.reached > 0 {
            printer.warning(&sums.before_it_failed(done, self.count()));
        }
        ended?;
        list.end(|| sums.in_words(done))?;
        Ok(sums)
    }

    /// Asks for all of them, some at a time, and sums up what is answered.
    async fn through<A: Answer>(
        &self,
        printer: &Printer,
        sums: &mut Sums,
        mut list: Option<&mut GrowingList<'_>>,
        ask: impl AsyncFn(Vec<u64>) -> Result<A, ClientError>,
    ) -> Result<(), Failure> {
        let progress = printer.progress(Some(self.count()), "records");
        for some in &self.0 {
            let answer = ask(some.clone()).await?;
            let left = answer.add_to(sums);
            if let Some(list) = &mut list {
                list.add(&answer)?;
            }
            sums.reached += some.len() as u64;
            if let Some(Stopped { left, failure }) = left {
                sums.reached -= left;
                return Err(failure);
            }
            progress.reach(sums.reached);
        }
        progress.finish();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
