//! What publishing prices changes about usage that there is already: its statements are drawn up with and without.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::ids::{BillingMeterId, SubscriptionId};
use domain::money::{Currency, Money};
use domain::statement::{NotCharged, Statement};
use domain::time::{Hour, HourInterval, Period};

use crate::access::Caller;
use crate::bills::ListedStatement;
use crate::{App, Error};

/// The most months with usage whose statements are compared, the newest first.
pub const MONTHS_COMPARED_MAX: usize = 12;

/// What publishing prices changes about usage that there is already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repricing {
    /// The months in which statements change, the newest first.
    pub months: Vec<RepricedMonth>,
    /// The first month that was compared, where there is usage before it: more than [`MONTHS_COMPARED_MAX`] have usage.
    pub compared_from: Option<Period>,
}

/// A month in which statements change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepricedMonth {
    /// The month.
    pub period: Period,
    /// Whether it is over.
    pub is_over: bool,
    /// How many subscriptions' statements change.
    pub subscriptions: usize,
    /// What these statements come to so far, in each currency.
    pub before: Vec<Money>,
    /// What they come to then.
    pub after: Vec<Money>,
}

impl fmt::Display for Repricing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("This version changes what is charged for usage that there is already.")?;
        for month in &self.months {
            write!(f, " {month}.")?;
        }
        match self.compared_from {
            Some(first) => write!(f, " Months before {first} have usage too, and were not compared."),
            None => Ok(()),
        }
    }
}

impl fmt::Display for RepricedMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            period,
            is_over: _,
            subscriptions,
            before,
            after,
        } = self;
        let end = if *subscriptions == 1 { "" } else { "s" };
        let (before, after) = (in_words(before), in_words(after));
        write!(
            f,
            "{period}: {before} before, {after} after, of {subscriptions} subscription{end}"
        )
    }
}

fn in_words(totals: &[Money]) -> String {
    let texts = totals.iter().map(|total| format!("{} {total}", total.currency()));
    let texts: Vec<String> = texts.collect();
    if texts.is_empty() {
        "no statement".to_owned()
    } else {
        texts.join(" and ")
    }
}

impl App {
    /// What becomes different about months with usage, as far as hours from one on are in them, where the books are
    /// those of `then`. Of statements that the caller reads: those of whoever buys at a list are read by its publisher.
    pub(super) async fn repricing(
        &self,
        then: &Self,
        caller: &Caller,
        from: Hour,
    ) -> Result<Repricing, Error> {
        let mut repricing = Repricing::default();
        let (mut compared, mut first) = (0, None);
        let mut next = Some(self.this_hour().period());
        while let Some(period) = next.filter(|period| period.interval().end() > from) {
            let within = period.interval();
            let until_then = HourInterval::new(from, within.end());
            if compared == MONTHS_COMPARED_MAX {
                let earlier = self.has_usage(until_then).await?;
                repricing.compared_from = first.filter(|_| earlier);
                break;
            }
            if self.has_usage(Some(within)).await? {
                (compared, first) = (compared + 1, Some(period));
                let month = self.repriced(then, caller, period).await?;
                repricing.months.extend(month);
            } else if !self.has_usage(until_then).await? {
                break;
            }
            next = period.previous();
        }
        Ok(repricing)
    }

    async fn has_usage(&self, interval: Option<HourInterval>) -> Result<bool, Error> {
        let Some(interval) = interval else {
            return Ok(false);
        };
        Ok(!self.usage.local_subscriptions(None, interval).await?.is_empty())
    }

    async fn repriced(
        &self,
        then: &Self,
        caller: &Caller,
        period: Period,
    ) -> Result<Option<RepricedMonth>, Error> {
        let mut before = by_payer(self.statements(caller, period, None, usize::MAX).await?);
        let mut after = by_payer(then.statements(caller, period, None, usize::MAX).await?);
        let payers: BTreeSet<SubscriptionId> = before.keys().chain(after.keys()).copied().collect();
        for payer in &payers {
            if before.get(payer).map(charges_of) == after.get(payer).map(charges_of) {
                before.remove(payer);
                after.remove(payer);
            }
        }
        let changed: BTreeSet<&SubscriptionId> = before.keys().chain(after.keys()).collect();
        if changed.is_empty() {
            return Ok(None);
        }
        Ok(Some(RepricedMonth {
            period,
            is_over: period.interval().end() <= self.this_hour(),
            subscriptions: changed.len(),
            before: totals(&before)?,
            after: totals(&after)?,
        }))
    }
}

/// The statements that can be drawn up.
fn by_payer(statements: Vec<ListedStatement>) -> BTreeMap<SubscriptionId, Statement> {
    let drawn_up = statements
        .into_iter()
        .filter_map(|it| Some((it.subscription, it.statement.ok()?)));
    drawn_up.collect()
}

/// What a statement charges, whatever its prices are called and say of themselves.
type Charges<'a> = (Money, Vec<(BillingMeterId, Money)>, &'a [NotCharged]);

fn charges_of(statement: &Statement) -> Charges<'_> {
    let lines = statement.lines.iter().map(|line| (line.meter, line.amount));
    (statement.total, lines.collect(), &statement.not_charged)
}

fn totals(statements: &BTreeMap<SubscriptionId, Statement>) -> Result<Vec<Money>, Error> {
    let mut totals: BTreeMap<Currency, Vec<Money>> = BTreeMap::new();
    for statement in statements.values() {
        let currency = statement.total.currency();
        totals.entry(currency).or_default().push(statement.total);
    }
    let sums = totals
        .into_iter()
        .map(|(currency, amounts)| Ok(Money::checked_sum(currency, amounts)?));
    sums.collect()
}
