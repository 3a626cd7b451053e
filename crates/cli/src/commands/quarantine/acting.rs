//! Something is done with records in quarantine, with as many as there may be: some at a time, and none of them is kept here.

use std::collections::BTreeSet;

use client::{Client, ClientError, Pages};
use domain::quarantine::Positions;
use serde::Serialize;
use wire::api::{QuarantineFilter, QuarantinePurged, QuarantineReleased, QuarantinedRecord};

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
    pub(super) would_be: &'static str,
    pub(super) done: &'static str,
    pub(super) question: &'static str,
}

/// What the server says of some records.
pub(super) trait Answer: Serialize {
    fn add_to(&self, sums: &mut Sums);
}

/// What came of all of them.
#[derive(Default)]
pub(super) struct Sums {
    /// Records with which it was done.
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
    fn add_to(&self, sums: &mut Sums) {
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
        for it in &self.warnings {
            sums.tell(|| format!("{} may be wrong, {}: {}", it.position, it.code, it.message));
        }
        for it in &self.not_counting {
            let (position, counts, reported) = (it.position, &it.counts, &it.reported);
            sums.tell(|| format!("{position} does not count: {counts} does, reported at {reported}"));
        }
        sums.waiting += self.waiting.len() as u64;
        for it in &self.waiting {
            if !sums.codes.contains(&it.code) {
                sums.codes.insert(it.code.clone());
            }
            sums.tell(|| format!("{} waits on, {}: {}", it.position, it.code, it.message));
        }
        sums.tell_of_others(&self.gone, &self.unknown);
    }
}

impl Answer for QuarantinePurged {
    fn add_to(&self, sums: &mut Sums) {
        sums.done += self.purged.len() as u64;
        sums.tell_of_others(&self.gone, &self.unknown);
    }
}

/// Shows what would come of it and asks, unless that is not wanted, and does it.
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
    let mut meant = Meant::of(args)?;
    if let Some(expected) = args.expect {
        meant.are(expected, client, printer).await?;
    }
    if args.dry_run {
        return meant
            .each(client, printer, words.would_be, |some| ask(some, true))
            .await;
    }
    if !args.yes {
        let (mut would, mut list) = (Sums::default(), None);
        meant
            .through(client, printer, &mut would, &mut list, |some| ask(some, true))
            .await?;
        printer.request(&would.in_words(words.would_be));
        agreed(words.question, false)?;
    }
    meant
        .each(client, printer, words.done, |some| ask(some, false))
        .await
}

/// The records that are meant.
struct Meant {
    records: Records,
    /// Nothing is done with records after this one: nobody has seen them.
    last: Option<u64>,
    /// How many there are, if they were gone through before.
    count: Option<u64>,
}

enum Records {
    At(Vec<u64>),
    Fitting(QuarantineFilter),
}

impl Meant {
    fn of(args: &ActArgs) -> Result<Self, Failure> {
        let filter = args.filter.filter();
        let records = match &args.positions {
            Some(positions) => Records::At(positions.as_slice().to_vec()),
            None if filter == QuarantineFilter::default() && !args.all => {
                return Err(Failure::usage("It is not said which records are meant.").hint(
                    "Give their numbers, such as 3-7,9, or what they have in common, such as --code; or say --all.",
                ));
            }
            None => Records::Fitting(filter),
        };
        Ok(Self {
            records,
            last: None,
            count: None,
        })
    }

    /// There have to be so many.
    async fn are(&mut self, expected: u64, client: &Client, printer: &Printer) -> Result<(), Failure> {
        let progress = printer.progress(None, "records");
        let (mut portions, mut found, mut last) = (self.portions(client), 0, None);
        while let Some(some) = portions.next().await? {
            found += some.len() as u64;
            last = some.last().copied().or(last);
            progress.reach(found);
        }
        progress.finish();
        (self.last, self.count) = (last, Some(found));
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
        &mut self,
        client: &Client,
        printer: &Printer,
        done: &str,
        ask: impl AsyncFn(Vec<u64>) -> Result<A, ClientError>,
    ) -> Result<Sums, Failure> {
        let (mut sums, mut list) = (Sums::default(), Some(printer.growing_list()));
        let ended = self.through(client, printer, &mut sums, &mut list, ask).await;
        if ended.is_err() && sums.done > 0 {
            printer.warning(&format!("Before it failed, {}", sums.in_words(done)));
        }
        ended?;
        if let Some(list) = list {
            list.end(|| sums.in_words(done))?;
        }
        Ok(sums)
    }

    /// Asks for all of them, some at a time, and sums up what is answered.
    async fn through<A: Answer>(
        &mut self,
        client: &Client,
        printer: &Printer,
        sums: &mut Sums,
        list: &mut Option<GrowingList<'_>>,
        ask: impl AsyncFn(Vec<u64>) -> Result<A, ClientError>,
    ) -> Result<(), Failure> {
        let progress = printer.progress(self.count, "records");
        let (mut portions, mut found, mut last) = (self.portions(client), 0, None);
        while let Some(some) = portions.next().await? {
            if some.is_empty() {
                continue;
            }
            found += some.len() as u64;
            last = some.last().copied();
            let answer = ask(some).await?;
            answer.add_to(sums);
            if let Some(list) = list {
                list.add(&answer)?;
            }
            progress.reach(found);
        }
        progress.finish();
        (self.last, self.count) = (last, Some(found));
        Ok(())
    }

    fn portions<'c>(&self, client: &'c Client) -> Portions<'c> {
        let from = match &self.records {
            Records::At(positions) => Source::Named(Some(positions.clone())),
            Records::Fitting(filter) => Source::Listed(Box::new(client.quarantine_pages(filter, None))),
        };
        Portions {
            from,
            last: self.last,
        }
    }
}

/// The positions of the records that are meant, some at a time: no more than one request takes.
struct Portions<'c> {
    from: Source<'c>,
    last: Option<u64>,
}

enum Source<'c> {
    Named(Option<Vec<u64>>),
    Listed(Box<Pages<'c, QuarantinedRecord>>),
}

impl Portions<'_> {
    async fn next(&mut self) -> Result<Option<Vec<u64>>, Failure> {
        let pages = match &mut self.from {
            Source::Named(positions) => return Ok(positions.take()),
            Source::Listed(pages) => pages,
        };
        let Some(page) = pages.next().await? else {
            return Ok(None);
        };
        let is_meant = |position: &u64| self.last.is_none_or(|last| *position <= last);
        let there = page.len();
        let some: Vec<u64> = page.iter().map(|it| it.position).filter(is_meant).collect();
        // They are in order: what comes after was not seen.
        Ok((some.len() == there || !some.is_empty()).then_some(some))
    }
}
