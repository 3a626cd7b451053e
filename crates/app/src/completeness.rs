//! What is missing of the stacks' usage, for those who have to do something about it.

use std::collections::BTreeMap;

use domain::attribution::RegistrationTerms;
use domain::books::Books;
use domain::completeness::{
    Duty, Facts, Finding, FindingKind, HourReport, HourState, LOOK_BACK_DAYS, Records, Silence, SilentSeries,
    are_complete, findings,
};
use domain::ids::CloudId;
use domain::registration::BillingModel;
use domain::time::{Hour, HourInterval, Period, Timestamp};
use store::{LocalSubscriptionKey, StackProgress};

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
/// For how long after a month usage shows that what came before it is due.
const AFTERMATH_HOURS: i32 = 48;

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
    /// Every hour of the month.
    pub hours: Vec<HourReport>,
    /// What is worth telling of them, by kind and hour.
    pub findings: Vec<Finding>,
    /// The series that used to report, [`SILENT_SERIES_MAX`] of them listed.
    pub silence: Silence,
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
    /// What is worth telling, by kind and hour.
    pub findings: Vec<Finding>,
}

impl App {
    /// What is worth telling at a moment, of all stacks that have to report, by stack.
    ///
    /// # Errors
    /// As the store.
    pub async fn completeness_findings(&self, now: Timestamp) -> Result<Vec<Finding>, Error> {
        let stacks = self.completeness_now(now).await?;
        Ok(stacks.into_iter().flat_map(|it| it.findings).collect())
    }

    /// How it is at a moment with every stack that has to report, by stack.
    ///
    /// # Errors
    /// As the store.
    pub async fn completeness_now(&self, now: Timestamp) -> Result<Vec<StackNow>, Error> {
        let this_hour = Hour::containing(now);
        let until = this_hour.plus(1);
        let first = this_hour.day().first_hour().plus(-24 * WATCHED_DAYS);
        let Some(watched) = HourInterval::new(first, until) else {
            return Ok(Vec::new());
        };
        // Before the records: what a stack declares is here when it has declared it.
        let progress = self.progress().await?;
        let due = self.read(|books| {
            let stacks = books
                .stacks()
                .map(|(stack, _)| (stack, duties(books, None, stack)));
            let due = stacks.filter(|(_, duties)| has_to_report(duties, this_hour));
            due.collect::<BTreeMap<_, _>>()
        });
        let mut stacks = Vec::with_capacity(due.len());
        for (stack, duties) in due {
            let facts = Facts {
                stack,
                duties,
                reported_through: progress.get(&stack).copied().flatten(),
                records: self.records_since(stack, watched.start(), until).await?,
            };
            let hours = facts.hours(watched);
            let silence = self.silence_of(&facts, 0).await?;
            let mut findings = findings(&facts, &hours, &silence, now);
            findings.retain(|it| it.is_news(now));
            stacks.push(StackNow {
                stack,
                reported_through: facts.reported_through,
                behind_hours: facts.behind(now).map_or(0, HourInterval::hours),
                gap_hours: hours.iter().map(|it| u64::from(it.state == HourState::Gap)).sum(),
                findings,
            });
        }
        Ok(stacks)
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
        self.month_of(caller, &view, (stack, duties), period).await
    }

    /// The same of every stack that was registered in the month, by stack: those after `after`, `limit` at the most.
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
        let registered: BTreeMap<_, _> = self.read(|books| {
            let later = books
                .stacks()
                .filter(|(stack, _)| after.is_none_or(|after| *stack > after));
            let stacks = later.map(|(stack, _)| (stack, duties(books, Some(&view), stack)));
            stacks.filter(|(_, duties)| in_month(duties)).collect()
        });
        let mut all = Vec::new();
        for stack in registered.into_iter().take(limit) {
            all.push(self.month_of(caller, &view, stack, period).await?);
        }
        Ok(all)
    }

    async fn month_of(
        &self,
        caller: &Caller,
        view: &View,
        (stack, duties): (CloudId, Vec<(HourInterval, Duty)>),
        period: Period,
    ) -> Result<StackCompleteness, Error> {
        let (now, month) = (self.clock.now(), period.interval());
        let next_hour = Hour::containing(now).plus(1);
        let is_recent = month.end().plus(24 * RECENT_DAYS) > next_hour;
        let until = if is_recent {
            next_hour
        } else {
            month.end().plus(AFTERMATH_HOURS)
        };
        // Before the records: what a stack declares is here when it has declared it.
        let reported_through = self.reported_through(caller, stack).await?;
        let records = self.records_since(stack, month.start(), until).await?;
        let theirs = |hour: Hour| view.everything || duties.iter().any(|(hours, _)| hours.contains(hour));
        let facts = Facts {
            stack,
            records: records.only(theirs),
            duties: duties.clone(),
            reported_through,
        };
        let hours = facts.hours(month);
        let of_month = Facts {
            records: facts.records.only(|hour| hour < month.end()),
            ..facts.clone()
        };
        let mut silence = self.silence_of(&of_month, SILENT_SERIES_MAX).await?;
        silence.by_last_hour.retain(|last, _| theirs(*last));
        self.read(|books| {
            let is_read =
                |it: &SilentSeries| theirs(it.rhythm.last) && reads_series(books, caller, stack, it);
            silence.series.retain(is_read);
        });
        let mut findings = findings(&facts, &hours, &silence, now);
        findings.retain(|it| it.hours.intersect(month).is_some());
        if !is_recent {
            findings.retain(|it| it.kind != FindingKind::FellBehind);
        }
        Ok(StackCompleteness {
            stack,
            stack_name: self.read(|books| name_of(books, view, stack)),
            reported_through,
            behind: facts.behind(now).filter(|_| is_recent),
            hours,
            findings,
            silence,
        })
    }

    /// How far each stack says that it has reported everything.
    async fn progress(&self) -> Result<BTreeMap<CloudId, Option<Hour>>, Error> {
        let progress = self.usage.progress().await?.into_iter();
        let said = progress.map(
            |StackProgress {
                 stack,
                 reported_through,
             }| (stack, reported_through),
        );
        Ok(said.collect())
    }

    /// The records of a stack up to an hour, from as long before `first` as hours are compared with.
    async fn records_since(&self, stack: CloudId, first: Hour, until: Hour) -> Result<Records, Error> {
        let from = first.day().first_hour().plus(-24 * LOOK_BACK_DAYS);
        match HourInterval::new(from, until.max(first)) {
            Some(hours) => Ok(self.usage.records_by_hour(stack, hours).await?),
            None => Ok(Records::default()),
        }
    }

    async fn silence_of(&self, facts: &Facts, listed: usize) -> Result<Silence, Error> {
        let Some(latest) = facts.records.last_start() else {
            return Ok(Silence::default());
        };
        Ok(self.usage.silence(facts.stack, latest, listed).await?)
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
    let mut duties: Vec<(HourInterval, Duty)> = Vec::new();
    let history = books.stack(stack).into_iter();
    for (hours, terms) in history.flat_map(|it| it.registration.segments(HourInterval::ALWAYS)) {
        let Some(terms) = terms.and_then(|terms| terms.value).filter(is_read) else {
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
