//! A window of reported time, read completely: page by page, none left out and none taken twice.

use std::collections::HashSet;

use domain::time::Hour;
use reqwest::Url;
use wire::stack_admin::{InvalidUsagePage, UsageOutline};

use super::Stack;
use super::call::Failure;
use super::link::continuations;
use crate::cursor::PageDigest;
use crate::status::Reporter;
use crate::trouble::Trouble;

const VERSION: &str = "2015-06-01-preview";
/// How many records are on a full page of a real stack.
const PAGE_RECORDS_USUAL: usize = 1000;
/// How often in a row a page is asked for again because what came cannot be it.
const DOUBTS_MAX: u32 = 5;
/// The most pages of one window: 100 million records in an hour.
const PAGES_MAX: usize = 100_000;

/// A page as the stack sent it.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) body: Vec<u8>,
    pub(crate) digest: PageDigest,
    pub(crate) records: u32,
    /// With this one the window was read completely.
    pub(crate) is_last: bool,
}

/// What to make of a page that came.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// It is the one that was asked for, and perhaps the last.
    Take { is_last: bool },
    /// It cannot be: ask again.
    Doubt(&'static str),
    /// It cannot be, and asking again does not help: the window has to be begun again.
    GiveUp(&'static str),
}

/// Where the reading of a window is. Pure: pages go in, verdicts come out.
#[derive(Debug, Default)]
struct Progress {
    /// The token of the page that is asked for; none for the first.
    token: Option<String>,
    tokens: HashSet<String>,
    pages: usize,
    fullest: usize,
    /// How often in a row the present page was asked for again.
    doubts: u32,
    /// The present page claimed to be the last though it was full.
    was_cut_short: bool,
}

impl Progress {
    fn judge(&mut self, outline: &UsageOutline) -> Verdict {
        let verdict = self.look_at(outline);
        match verdict {
            Verdict::Doubt(why) => {
                self.doubts += 1;
                if self.doubts > DOUBTS_MAX {
                    return Verdict::GiveUp(why);
                }
            }
            Verdict::Take { .. } => {
                self.pages += 1;
                self.fullest = self.fullest.max(outline.records);
                self.doubts = 0;
            }
            Verdict::GiveUp(_) => {}
        }
        verdict
    }

    fn look_at(&mut self, outline: &UsageOutline) -> Verdict {
        let was_cut_short = std::mem::take(&mut self.was_cut_short);
        if self.pages >= PAGES_MAX {
            return Verdict::GiveUp("the window has more pages than any can have");
        }
        let Some(link) = &outline.next_link else {
            // A stack that is busy leaves the link out now and then.
            let full = outline.records >= PAGE_RECORDS_USUAL
                || (self.fullest > 0 && outline.records >= self.fullest);
            if full && !was_cut_short {
                self.was_cut_short = true;
                return Verdict::Doubt("a full page has no link to another one");
            }
            return Verdict::Take { is_last: true };
        };
        let next = continuations(link)
            .into_iter()
            .find(|token| !self.tokens.contains(token));
        let Some(next) = next else {
            // Or the page is one that was given before: its link leads to where the reading already is.
            return Verdict::Doubt("the link to the next page leads nowhere, or back");
        };
        self.tokens.insert(next.clone());
        self.token = Some(next);
        Verdict::Take { is_last: false }
    }
}

/// The reading of one window.
pub(crate) struct UsageReading<'a> {
    stack: &'a Stack,
    reporter: &'a Reporter,
    window: Hour,
    progress: Progress,
    is_over: bool,
}

impl<'a> UsageReading<'a> {
    pub(crate) fn new(stack: &'a Stack, reporter: &'a Reporter, window: Hour) -> Self {
        Self {
            stack,
            reporter,
            window,
            progress: Progress::default(),
            is_over: false,
        }
    }

    /// The next page; none after the last. Waits while the stack is busy, for as long as the reporter has patience.
    ///
    /// # Errors
    /// [`Failure`]: then the window has to be begun again.
    pub(crate) async fn next(&mut self) -> Result<Option<Page>, Failure> {
        if self.is_over {
            return Ok(None);
        }
        let mut failures = 0;
        loop {
            let why = match self.ask().await {
                Ok((body, outline)) => match self.progress.judge(&outline) {
                    Verdict::Take { is_last } => {
                        self.is_over = is_last;
                        self.reporter.well();
                        return Ok(Some(Page {
                            digest: PageDigest::of(&body),
                            body,
                            records: u32::try_from(outline.records).unwrap_or(u32::MAX),
                            is_last,
                        }));
                    }
                    Verdict::Doubt(why) => self.confused(why),
                    Verdict::GiveUp(why) => return Err(Failure::Temporary(self.confused(why), None)),
                },
                // What is not ready in the middle of a window was ready when it began.
                Err(Failure::NotReady(trouble)) if self.progress.token.is_some() => {
                    if !self.reporter.is_patient(failures) {
                        return Err(Failure::Temporary(trouble, None));
                    }
                    trouble
                }
                Err(failure) => return Err(failure),
            };
            failures += 1;
            let wait = self.stack.environment.wait_after(failures, None);
            self.reporter.failed(&why, failures, wait);
            self.stack.environment.timer.pause(wait).await;
        }
    }

    async fn ask(&self) -> Result<(Vec<u8>, UsageOutline), Failure> {
        let url = self.url();
        let whom = self.stack.name();
        let read = |body: Vec<u8>| match UsageOutline::read(&body) {
            Ok(outline) => Ok((body, outline)),
            Err(error @ InvalidUsagePage::TooManyRecords(_)) => Err(Failure::Refused(Trouble::new(
                "PageTooLarge",
                format!("The answer of {whom} cannot be delivered: {error}."),
                "Report it to the makers of the bridge: no page of a stack has that many records.",
            ))),
            Err(error) => Err(Failure::temporary(
                "AnswerBroken",
                format!("The answer of {whom} cannot be read: {error}."),
            )),
        };
        match self.stack.ask(self.reporter, &url, read).await {
            Err(Failure::Refused(trouble)) if self.progress.token.is_some() => {
                Err(Failure::RefusedMidway(trouble))
            }
            outcome => outcome,
        }
    }

    fn url(&self) -> Url {
        let mut url = self.stack.url(&[
            "subscriptions",
            self.stack.provider(),
            "providers",
            "Microsoft.Commerce.Admin",
            "subscriberUsageAggregates",
        ]);
        let mut query = url.query_pairs_mut();
        query
            .append_pair("api-version", VERSION)
            .append_pair("reportedStartTime", &self.window.to_string())
            .append_pair("reportedEndTime", &self.window.plus(1).to_string())
            .append_pair("aggregationGranularity", "Hourly");
        if let Some(token) = &self.progress.token {
            query.append_pair("continuationToken", token);
        }
        drop(query);
        url
    }

    fn confused(&self, why: &str) -> Trouble {
        Trouble::new(
            "PagesBroken",
            format!(
                "The pages of {} for the reported hour {} do not add up: {why}.",
                self.stack.name(),
                self.window
            ),
            "Nothing has to be done: it is asked again, and the hour counts as read only when all of its pages came. If \
             it stays so, restart the usage service of the stack.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a stack does wrong with one answer.
    #[derive(Debug, Clone, Copy)]
    enum Fault {
        None,
        Again(prop::sample::Index),
        NoLink,
        LinkWithoutToken,
        LinkBack,
        Doubled,
    }

    fn faults() -> impl Strategy<Value = Vec<Fault>> {
        let fault = prop_oneof![
            4 => Just(Fault::None),
            1 => any::<prop::sample::Index>().prop_map(Fault::Again),
            1 => Just(Fault::NoLink),
            1 => Just(Fault::LinkWithoutToken),
            1 => Just(Fault::LinkBack),
            1 => Just(Fault::Doubled),
        ];
        prop::collection::vec(fault, 0..40)
    }

    fn page(number: usize, pages: usize) -> UsageOutline {
        let link = format!("https://a.example/x?continuationToken={}", number + 1);
        UsageOutline {
            records: if number + 1 < pages { 10 } else { 3 },
            next_link: (number + 1 < pages).then_some(link),
        }
    }

    proptest! {
        #[test]
        fn every_page_is_taken_once_and_in_order_whatever_the_stack_does(
            pages in 1usize..12, faults in faults(),
        ) {
            let (mut progress, mut taken, mut faults) = (Progress::default(), Vec::new(), faults.into_iter());
            let mut last_was_cut = false;
            for _ in 0..1000 {
                let asked: usize = progress.token.as_ref().map_or(0, |token| token.parse().unwrap());
                let fault = faults.next().unwrap_or(Fault::None);
                let given = match fault {
                    Fault::Again(index) => index.index(asked + 1),
                    _ => asked,
                };
                let mut outline = page(given, pages);
                match fault {
                    // Twice in a row is more than can be noticed; looking back at the hour finds it.
                    Fault::NoLink if !last_was_cut && given > 0 => outline.next_link = None,
                    Fault::LinkWithoutToken if outline.next_link.is_some() => {
                        outline.next_link = Some("https://a.example/x".to_owned());
                    }
                    Fault::LinkBack if outline.next_link.is_some() && asked > 0 => {
                        outline.next_link = Some(format!("https://a.example/x?continuationToken={asked}"));
                    }
                    Fault::Doubled => outline.next_link = outline.next_link.map(|link| format!("{link}{link}")),
                    _ => {}
                }
                last_was_cut = matches!(fault, Fault::NoLink);
                match progress.judge(&outline) {
                    Verdict::Take { is_last } => {
                        taken.push(given);
                        if is_last {
                            break;
                        }
                    }
                    Verdict::Doubt(_) => {}
                    Verdict::GiveUp(_) => return Ok(()),
                }
            }
            prop_assert_eq!(taken, (0..pages).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_stack_that_gives_the_same_page_for_ever_is_given_up_and_not_believed() {
        let mut progress = Progress::default();
        let outline = page(0, 2);
        assert_eq!(progress.judge(&outline), Verdict::Take { is_last: false });
        let verdicts: Vec<_> = (0..=DOUBTS_MAX).map(|_| progress.judge(&outline)).collect();
        assert!(
            matches!(verdicts.last(), Some(Verdict::GiveUp(_))),
            "{verdicts:?}"
        );
    }

    #[test]
    fn a_full_page_without_a_link_is_believed_the_second_time() {
        let mut progress = Progress::default();
        let outline = UsageOutline {
            records: PAGE_RECORDS_USUAL,
            next_link: None,
        };
        assert!(matches!(progress.judge(&outline), Verdict::Doubt(_)));
        assert_eq!(progress.judge(&outline), Verdict::Take { is_last: true });
    }
}
