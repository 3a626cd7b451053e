//! What is found of a stack in the hours in which those had it who have it now. Who had it before has had its own hours, and
//! neither learns of the other's, nor is compared with them.

use domain::books::Books;
use domain::completeness::{BundleRhythm, Duty, Facts, Finding};
use domain::ids::{CloudId, PartnerId, SubscriptionId};
use domain::time::{Hour, HourInterval, Timestamp};

use super::evaluation::{Evaluated, Known};
use super::{StackNow, duties_where};
use crate::{App, Error};

/// What is worth telling of a stack to those who have it now, and what is only not over ([`Finding::begins`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnersFindings {
    /// The stack.
    pub stack: CloudId,
    /// The partner that has it: the one that owns the subscription that the stack is registered with.
    pub partner: Option<PartnerId>,
    /// What was found of the hours in which that partner had the stack, by kind and hour.
    pub findings: Vec<Finding>,
}

/// Who has a stack, and had it when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) partner: Option<PartnerId>,
    pub(super) duties: Vec<(HourInterval, Duty)>,
    pub(super) bundles: Option<BundleRhythm>,
}

impl App {
    /// What is worth telling at a moment to those who have the stacks that have to report, by stack. Found out anew only of
    /// those of which something changed, and of all with a new hour.
    ///
    /// # Errors
    /// As the store.
    pub async fn findings_of_owners(&self, now: Timestamp) -> Result<Vec<OwnersFindings>, Error> {
        let mut found = Vec::new();
        for known in self.due(Hour::containing(now)).await? {
            let evaluated = self.evaluated(known).await?;
            found.push(OwnersFindings::of(&evaluated));
        }
        Ok(found)
    }

    /// What is worth telling of a stack to its owner, where this is known of it, whoever had it.
    pub(super) async fn findings_of_owner(
        &self,
        known: &Known,
        facts: &Facts,
        now: &StackNow,
    ) -> Result<Vec<Finding>, Error> {
        let owner = &known.owner;
        if owner.duties == known.duties {
            return Ok(now.findings.clone());
        }
        let facts = facts.only(owner.duties.clone(), owner.bundles);
        let theirs = |hour: Hour| facts.duties.iter().any(|(hours, _)| hours.contains(hour));
        let latest = facts.records.last_start();
        let mut silence = self.silence_of(known.stack, latest, 0).await?;
        silence.by_last_hour.retain(|last, _| theirs(*last));
        Ok(StackNow::of(&facts, &silence, known.this_hour.start()).findings)
    }
}

impl OwnersFindings {
    /// Reads nothing: it is asked for every few minutes.
    fn of(evaluated: &Evaluated) -> Self {
        Self {
            stack: evaluated.known.stack,
            partner: evaluated.known.owner.partner,
            findings: evaluated.of_owner.clone(),
        }
    }
}

/// Who has a stack in an hour.
pub(super) fn owner(books: &Books, stack: CloudId, hour: Hour) -> Owner {
    let terms = books.stack(stack).and_then(|it| it.registration.at(hour)?.value);
    let partner = terms.and_then(|terms| partner_of(books, terms.default_subscription));
    let duties = duties_where(books, stack, |it| {
        partner_of(books, it.default_subscription) == partner
    });
    let registration = terms.map(|terms| terms.registration);
    let taken = registration.map_or(&[][..], |it| books.bundles_taken(it));
    let windows = taken.iter().map(|it| it.bundle.window);
    let theirs = |window: &HourInterval| duties.iter().any(|(hours, _)| hours.contains(window.start()));
    let windows: Vec<HourInterval> = windows.filter(theirs).collect();
    Owner {
        partner,
        bundles: BundleRhythm::of(&windows),
        duties,
    }
}

/// The partner that owns a subscription, or did when that was still there.
pub(crate) fn partner_of(books: &Books, subscription: SubscriptionId) -> Option<PartnerId> {
    books.subscription_ever(subscription)?.owner
}
