//! What is found of a stack in the hours in which those had it who have it now. Who had it before has had its own hours, and
//! neither learns of the other's, nor is compared with them.

use domain::books::Books;
use domain::completeness::{BundleRhythm, Duty, Facts, Finding};
use domain::ids::{CloudId, PartnerId, SubscriptionId};
use domain::time::{Hour, HourInterval, Timestamp};

use super::evaluation::Evaluated;
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
struct Owner {
    partner: Option<PartnerId>,
    duties: Vec<(HourInterval, Duty)>,
    bundles: Option<BundleRhythm>,
}

impl App {
    /// What is worth telling at a moment to those who have the stacks that have to report, by stack.
    ///
    /// # Errors
    /// As the store.
    pub async fn findings_of_owners(&self, now: Timestamp) -> Result<Vec<OwnersFindings>, Error> {
        let this_hour = Hour::containing(now);
        let mut found = Vec::new();
        for known in self.due(this_hour).await? {
            let owner = self.read(|books| owner(books, known.stack, this_hour));
            let evaluated = self.evaluated(known).await?;
            found.push(OwnersFindings {
                stack: evaluated.known.stack,
                partner: owner.partner,
                findings: self.findings_of(&evaluated, owner).await?,
            });
        }
        Ok(found)
    }

    async fn findings_of(&self, evaluated: &Evaluated, owner: Owner) -> Result<Vec<Finding>, Error> {
        let Evaluated { known, facts, .. } = evaluated;
        if owner.duties == known.duties {
            return Ok(evaluated.now.findings.clone());
        }
        let theirs = |hour: Hour| owner.duties.iter().any(|(hours, _)| hours.contains(hour));
        let facts = Facts {
            stack: known.stack,
            declared: facts.declared.only(owner.duties.iter().map(|(hours, _)| *hours)),
            records: facts.records.only(theirs),
            bundles: owner.bundles,
            duties: owner.duties.clone(),
        };
        let latest = facts.records.last_start();
        let mut silence = self.silence_of(known.stack, latest, 0).await?;
        silence.by_last_hour.retain(|last, _| theirs(*last));
        Ok(StackNow::of(&facts, &silence, known.this_hour.start()).findings)
    }
}

/// Who has a stack in an hour.
fn owner(books: &Books, stack: CloudId, hour: Hour) -> Owner {
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
