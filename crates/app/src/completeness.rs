//! What is missing of the stacks' usage, for those who have to do something about it.

mod evaluation;
mod owners;

use domain::attribution::RegistrationTerms;
use domain::books::Books;
use domain::completeness::{
    BundleRhythm, Duty, Facts, Finding, FindingKind, HourReport, HourState, Silence, SilentSeries,
    are_complete, findings,
};
use domain::ids::CloudId;
use domain::registration::BillingModel;
use domain::time::{Hour, HourInterval, Period, Timestamp};
use store::LocalSubscriptionKey;

pub(crate) use self::evaluation::Evaluations;
use self::evaluation::Known;
pub use self::owners::OwnersFindings;
pub(crate) use self::owners::partner_of;
use crate::access::{Caller, View, sees_stack};
use crate::bills::stack_name;
use crate::registrations::stack_not_registered;
use crate::seen::registrations_ever_seen;
use crate::tenure;
use crate::usage::hours_read;
use crate::{App, Error};

/// For how many days gaps are looked for. What is older shows when its month is asked for.
pub const WATCHED_DAYS: i32 = 35;
/// The most silent series that are listed of a stack.
pub const SILENT_SERIES_MAX: usize = 100;

/// Of a month that ended longer ago than these days it is not said how far its stack is behind now.
const RECENT_DAYS: i32 = 62;

/// What is here of a stack's usage of a month, and what is not.
#[derive(Debug, Clone)]
pub struct StackCompleteness {
    /// The stack.
    pub stack: CloudId,
    /// The name of its registration, if it ever had one.
    pub stack_name: Option<String>,
    /// How far it says that it has reported everything, by reported time.
    pub reported_through: Option<Hour>,
    /// The hours in which nothing was heard of it, up to now; none if it does not have to report now, or if the month is
    /// long over.
    pub behind: Option<HourInterval>,
    /// By when its next bundle is expected, if it has to report now and delivers by bundle.
    pub next_bundle_by: Option<Hour>,
    /// Every hour of the month.
    pub hours: Vec<HourReport>,
    /// What is worth telling of them, by kind and hour.
    pub findings: Vec<Finding>,
    /// The series that used to report, [`SILENT_SERIES_MAX`] of them listed.
    pub silence: Silence,
    /// The last hour with usage up to the end of the month: up to then they say nothing.
    pub latest: Option<Hour>,
}

impl StackCompleteness {
    /// How many hours are in each state.
    #[must_use]
    pub fn count(&self, state: HourState) -> u64 {
        self.hours.iter().map(|it| u64::from(it.state == state)).sum()
    }

    /// Whether nothing of the month is missing or still to come, as far as anybody can tell.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        are_complete(&self.hours)
    }
}

/// How it is with a stack now.
#[derive(Debug, Clone)]
pub struct StackNow {
    /// The stack.
    pub stack: CloudId,
    /// How far it says that it has reported everything, by reported time.
    pub reported_through: Option<Hour>,
    /// How many hours ago it was heard of, if it has to report.
    pub behind_hours: i32,
    /// How many of the hours of the last [`WATCHED_DAYS`] are missing.
    pub gap_hours: u64,
    /// How many of them were never read, though later ones were.
    pub not_read_hours: u64,
    /// What is worth telling, and what is only not over ([`Finding::begins`]), by kind and hour.
    pub findings: Vec<Finding>,
}

impl StackNow {
    fn of(facts: &Facts, silence: &Silence, now: Timestamp) -> Self {
        let hours = watched(Hour::containing(now)).map(|watched| facts.hours(watched));
        let hours = hours.unwrap_or_default();
        let count = |state| hours.iter().map(|it| u64::from(it.state == state)).sum();
        let mut findings = findings(facts, &hours, silence, now);
        findings.retain(|it| it.is_news(now));
        Self {
            stack: facts.stack,
            reported_through: facts.declared.through(),
            behind_hours: facts.behind(now).map_or(0, HourInterval::hours),
            gap_hours: count(HourState::Gap),
            not_read_hours: count(HourState::NotRead),
            findings,
        }
    }
}

/// The hours in which gaps are looked for, in an hour.
fn watched(this_hour: Hour) -> Option<HourInterval> {
    HourInterval::new(first_watched(this_hour), this_hour.plus(1))
}

fn is_recent(month: HourInterval, this_hour: Hour) -> bool {
    month.end().plus(24 * RECENT_DAYS) > this_hour.plus(1)
}

fn first_watched(this_hour: Hour) -> Hour {
    this_hour.day().first_hour().plus(-24 * WATCHED_DAYS)
}

impl App {
    /// How it is at a moment with every stack that has to report, by stack. Found out anew only of those of which something
    /// changed, and of all with a new hour.
    ///
    /// # Errors
    /// As the store.
    pub async fn completeness_now(&self, now: Timestamp) -> Result<Vec<StackNow>, Error> {
        let mut stacks = Vec::new();
        for known in self.due(Hour::containing(now)).await? {
            stacks.push(self.evaluated(known).await?.now.clone());
        }
        Ok(stacks)
    }

    /// The stacks that have to report in an hour, by id.
    async fn due(&self, this_hour: Hour) -> Result<Vec<Known>, Error> {
        // Before everything else: what comes meanwhile is found with the next number.
        let mut sequences = self.sequences().await?;
        let mut due = self.read(|books| {
            let stacks = books.stacks().map(|(stack, _)| {
                let sequence = sequences.remove(&stack).unwrap_or_default();
                Known::of(books, stack, this_hour, sequence)
            });
            let due = stacks.filter(|it| has_to_report(&it.duties, this_hour));
            due.collect::<Vec<_>>()
        });
        due.sort_unstable_by_key(|it| it.stack);
        Ok(due)
    }

    /// What is here of a stack's usage of a month, for whoever reads a registration that it had then, and what is not. Hours
    /// that are others' are as if the stack had not been registered in them.
    ///
    /// # Errors
    /// `RegistrationNotFound` if there is no such hour, or as the store.
    pub async fn completeness(
        &self,
        caller: &Caller,
        stack: CloudId,
        period: Period,
    ) -> Result<StackCompleteness, Error> {
        let view = self.view(caller);
        let duties = self.read(|books| duties(books, Some(&view), stack));
        if duties.is_empty() && !(view.everything && self.usage.stacks().await?.contains(&stack)) {
            return Err(stack_not_registered(stack));
        }
        let sequence = self.sequences().await?.remove(&stack).unwrap_or_default();
        let asked = (period, SILENT_SERIES_MAX);
        self.month_of(caller, &view, (stack, sequence, duties), asked)
            .await
    }

    /// The same of every stack that was registered in the month, by stack, without naming silent series: those after
    /// `after`, `limit` at the most.
    ///
    /// # Errors
    /// As the store.
    pub async fn completeness_of_all(
        &self,
        caller: &Caller,
        period: Period,
        after: Option<CloudId>,
        limit: usize,
    ) -> Result<Vec<StackCompleteness>, Error> {
        let view = self.view(caller);
        let within = period.interval();
        let in_month = |duties: &[(HourInterval, Duty)]| {
            duties.iter().any(|(hours, _)| hours.intersect(within).is_some())
        };
        let mut registered: Vec<_> = self.read(|books| {
            let later = books
                .stacks()
                .filter(|(stack, _)| after.is_none_or(|after| *stack > after));
            let stacks = later.map(|(stack, _)| (stack, duties(books, Some(&view), stack)));
            stacks.filter(|(_, duties)| in_month(duties)).collect()
        });
        registered.sort_unstable_by_key(|(stack, _)| *stack);
        let sequences = self.sequences().await?;
        let mut all = Vec::new();
        for (stack, duties) in registered.into_iter().take(limit) {
            let sequence = sequences.get(&stack).copied().unwrap_or_default();
            let of_stack = (stack, sequence, duties);
            all.push(self.month_of(caller, &view, of_stack, (period, 0)).await?);
        }
        Ok(all)
    }

    async fn month_of(
        &self,
        caller: &Caller,
        view: &View,
        (stack, sequence, duties): (CloudId, u64, Vec<(HourInterval, Duty)>),
        (period, listed): (Period, usize),
    ) -> Result<StackCompleteness, Error> {
        let (now, month) = (self.clock.now(), period.interval());
        let is_recent = is_recent(month, Hour::containing(now));
        let reported_through = self.reported_through(caller, stack).await?;
        let all = self.facts_of(stack, sequence, month).await?;
        let facts = if view.everything {
            Facts {
                duties,
                ..all.facts.clone()
            }
        } else {
            all.facts.only(duties, all.facts.bundles)
        };
        let theirs =
            |hour: Hour| view.everything || facts.duties.iter().any(|(hours, _)| hours.contains(hour));
        let is_silence = |last: Hour| theirs(last) && facts.is_silence(last, month.end());
        let hours = facts.hours(month);
        let latest = facts.records.only(|hour| hour < month.end()).last_start();
        let mut silence = match &all.silence {
            Some((of, silence)) if listed == 0 && *of == latest => silence.clone(),
            _ => self.silence_of(stack, latest, listed).await?,
        };
        silence.by_last_hour.retain(|last, _| is_silence(*last));
        self.read(|books| {
            let is_read =
                |it: &SilentSeries| is_silence(it.rhythm.last) && reads_series(books, caller, stack, it);
            silence.series.retain(is_read);
        });
        let mut findings = findings(&facts, &hours, &silence, now);
        findings.retain(|it| it.begins && it.hours.intersect(month).is_some());
        if !is_recent {
            findings.retain(|it| !matches!(it.kind, FindingKind::FellBehind | FindingKind::NotDeclared));
        }
        Ok(StackCompleteness {
            stack,
            stack_name: self.read(|books| name_of(books, view, stack)),
            reported_through,
            behind: facts.behind(now).filter(|_| is_recent),
            next_bundle_by: facts.next_bundle_by(now).filter(|_| is_recent),
            hours,
            findings,
            silence,
            latest,
        })
    }
}

/// What a stack is registered as, or was last as far as whoever has this view reads it.
fn name_of(books: &Books, view: &View, stack: CloudId) -> Option<String> {
    if sees_stack(books, view, stack) {
        return stack_name(books, stack);
    }
    let last = registrations_ever_seen(books, view, stack).pop();
    last.map(|registration| registration.name.to_string())
}

/// Whether a caller reads what a series says: whose it is may be others' business than how many there are.
fn reads_series(books: &Books, caller: &Caller, stack: CloudId, series: &SilentSeries) -> bool {
    let of = LocalSubscriptionKey {
        stack,
        local_subscription: series.local_subscription,
    };
    hours_read(books, caller, of).is_ok_and(|hours| hours.iter().any(|it| it.contains(series.rhythm.last)))
}

/// How often a stack delivers by bundle under the registration that it has now, if it does.
fn bundles(books: &Books, stack: CloudId) -> Option<BundleRhythm> {
    let registration = books.registration_of_stack(stack)?;
    let taken = books.bundles_taken(registration.id).iter();
    let windows: Vec<HourInterval> = taken.map(|it| it.bundle.window).collect();
    BundleRhythm::of(&windows)
}

fn has_to_report(duties: &[(HourInterval, Duty)], hour: Hour) -> bool {
    duties
        .iter()
        .any(|(hours, duty)| hours.contains(hour) && *duty == Duty::Reports)
}

/// The hours in which a stack was registered, as far as whoever has this view reads it, in order.
fn duties(books: &Books, view: Option<&View>, stack: CloudId) -> Vec<(HourInterval, Duty)> {
    let is_read = |terms: &RegistrationTerms| {
        let read = |view| tenure::is_read(books, view, terms.registration, terms.default_subscription);
        view.is_none_or(read)
    };
    duties_where(books, stack, is_read)
}

/// The hours in which a stack was registered on terms like these, in order.
fn duties_where(
    books: &Books,
    stack: CloudId,
    is_like: impl Fn(&RegistrationTerms) -> bool,
) -> Vec<(HourInterval, Duty)> {
    let mut duties: Vec<(HourInterval, Duty)> = Vec::new();
    let history = books.stack(stack).into_iter();
    for (hours, terms) in history.flat_map(|it| it.registration.segments(HourInterval::ALWAYS)) {
        let Some(terms) = terms.and_then(|terms| terms.value).filter(&is_like) else {
            continue;
        };
        let duty = duty_of(books, &terms);
        match duties.last_mut() {
            Some((last, same)) if last.end() == hours.start() && *same == duty => {
                *last = HourInterval::new(last.start(), hours.end()).unwrap_or(*last);
            }
            _ => duties.push((hours, duty)),
        }
    }
    duties
}

/// Whether usage is reported on these terms. The token that says so is the registration's last one: of one that was under
/// Capacity before, reporting is taken to have been off then.
fn duty_of(books: &Books, terms: &RegistrationTerms) -> Duty {
    let token = books.registration_by_id(terms.registration).map(|it| &it.token);
    let of_these_terms = token.filter(|token| token.billing_model == terms.billing_model);
    let reports = of_these_terms.map_or(terms.billing_model != BillingModel::Capacity, |token| {
        token.usage_reporting_enabled
    });
    if reports { Duty::Reports } else { Duty::NotAsked }
}
