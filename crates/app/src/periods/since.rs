//! What became known since the last close. By that close everything that was billed is what was due, so a closed period costs
//! something else only if something that was told later reaches back to it: nobody looks at years in which nothing happened.

use std::collections::BTreeSet;

use domain::books::Closing;
use domain::chain::Account;
use domain::ids::CloudId;
use domain::time::{Hour, HourInterval, Period};
use store::{LocalSubscriptionKey, Slice};

use super::gathering::{Inputs, Wanted, cut_up};
use crate::{App, Error};

/// What became known since the last close.
pub(super) struct Since<'a> {
    last: &'a Closing,
    /// Up to which deliveries it counted.
    marks: Vec<(CloudId, u64)>,
    /// Whether any delivery after these may be about closed periods.
    used: bool,
    /// The first hour that a decision after it reaches back to.
    decided: Option<Hour>,
}

impl App {
    /// What became known since the last of the periods that were closed.
    ///
    /// # Errors
    /// As the store.
    pub(super) async fn since<'a>(
        &self,
        inputs: &Inputs,
        first: &Closing,
        last: &'a Closing,
    ) -> Result<Since<'a>, Error> {
        let marks = last.marks.iter().map(|mark| (mark.stack, mark.sequence));
        let marks: Vec<(CloudId, u64)> = marks.collect();
        let closed = HourInterval::new(first.period.interval().start(), last.period.interval().end());
        let used = match closed {
            Some(closed) => self.usage.local_subscriptions_after(closed, &marks).await?,
            None => Vec::new(),
        };
        // Another catalog may convert every quantity otherwise.
        let decided = if inputs.catalog_digest == last.catalog {
            inputs.books.reach_after(last.begun.entry)
        } else {
            Some(Hour::MIN)
        };
        Ok(Since {
            last,
            marks,
            used: !used.is_empty(),
            decided,
        })
    }

    /// Those of the accounts that are wanted that a closed period may cost something else; none if nothing reaches back to
    /// it that concerns them.
    ///
    /// # Errors
    /// As the store.
    pub(super) async fn touched(
        &self,
        inputs: &Inputs,
        since: &Since<'_>,
        period: Period,
        wanted: &Wanted,
    ) -> Result<Option<Wanted>, Error> {
        let interval = period.interval();
        if since.decided.is_some_and(|from| from < interval.end()) {
            return Ok(Some(wanted.clone()));
        }
        let users = self.users_since(inputs, since, interval).await?;
        if users.is_empty() {
            return Ok(None);
        }
        // Whoever was charged for what they used may be another than who is now.
        let (inputs, then) = (inputs.clone(), self.inputs_of(since.last).await?);
        let (users, asked): (Vec<LocalSubscriptionKey>, Wanted) =
            (users.into_iter().collect(), wanted.clone());
        let accounts = self.compute(move |_| {
            let pieces = |inputs: &Inputs| cut_up(inputs, &users, period, interval, &asked);
            let pieces = [pieces(&then), pieces(&inputs)].into_iter().flatten();
            let accounts = pieces.flat_map(|piece| piece.accounts().collect::<Vec<_>>());
            accounts
                .filter(|account| asked.has(account))
                .collect::<BTreeSet<Account>>()
        });
        let accounts = accounts.await?;
        Ok((!accounts.is_empty()).then(|| Wanted::named(accounts)))
    }

    /// Who used something in an interval that may be another quantity now, or another tenant's.
    async fn users_since(
        &self,
        inputs: &Inputs,
        since: &Since<'_>,
        interval: HourInterval,
    ) -> Result<BTreeSet<LocalSubscriptionKey>, Error> {
        let mut users = BTreeSet::new();
        if since.used {
            users.extend(
                self.usage
                    .local_subscriptions_after(interval, &since.marks)
                    .await?,
            );
        }
        let listed = inputs.books.listed_after(since.last.begun.entry, interval.end());
        let listed = listed.map(|(stack, local_subscription)| LocalSubscriptionKey {
            stack,
            local_subscription,
        });
        let listed: BTreeSet<LocalSubscriptionKey> = listed.filter(|of| !users.contains(of)).collect();
        let slices: Vec<Slice> = listed.into_iter().map(|of| Slice { of, interval }).collect();
        if !slices.is_empty() {
            let used = self.usage.used_hours(&slices).await?;
            let using = slices.iter().zip(used).filter(|(_, used)| used.is_some());
            users.extend(using.map(|(slice, _)| slice.of));
        }
        Ok(users)
    }
}
