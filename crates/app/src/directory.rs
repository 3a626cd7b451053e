//! A stack's directory: which tenant each local subscription belongs to.

use domain::attribution::LocalSubscription;
use domain::books::{Books, Entry};
use domain::ids::{CloudId, LocalSubscriptionId};
use domain::time::HourInterval;

use crate::access::Caller;
use crate::{App, Error};

/// What a delivered directory changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DirectoryTaken {
    /// How many local subscriptions were listed.
    pub listed: usize,
    /// How many of them were not known before.
    pub added: usize,
    /// How many were known otherwise: another tenant, name, owner or state.
    pub changed: usize,
}

impl App {
    /// Takes in what a stack's directory lists.
    ///
    /// A local subscription listed for the first time is taken to have belonged to its tenant always *(ours)*: usage
    /// often comes before the directory. Where another subscription had the stack before, be it under the same
    /// registration, which was moved since, it is taken so from the end of that on, unless an operator lists it: who has a stack now does not say who pays for the hours in
    /// which others had it. A later change holds from the start of the present hour. One that is no
    /// longer listed keeps its tenant, since its last usage may still be on its way.
    ///
    /// # Errors
    /// As the store.
    pub async fn take_directory(
        &self,
        caller: &Caller,
        stack: CloudId,
        listing: &[(LocalSubscriptionId, LocalSubscription)],
    ) -> Result<DirectoryTaken, Error> {
        let hour = self.this_hour();
        self.change(caller, |books| {
            let directory = books.stack(stack).map(|history| &history.directory);
            let first_listed = match caller {
                Caller::Stack { .. } => own_hours(books, stack),
                Caller::Operator { .. } | Caller::Principal(_) => HourInterval::ALWAYS,
            };
            let mut taken = DirectoryTaken {
                listed: listing.len(),
                ..DirectoryTaken::default()
            };
            let mut entries = Vec::new();
            for (local_subscription, listed) in listing {
                let known = directory.and_then(|directory| directory.get(local_subscription));
                let valid = match known.map(|timeline| timeline.at(hour)) {
                    Some(Some(now)) if now.value == *listed => continue,
                    Some(_) => {
                        taken.changed += 1;
                        HourInterval::from(hour)
                    }
                    None => {
                        taken.added += 1;
                        first_listed
                    }
                };
                entries.push(Entry::LocalSubscriptionListed {
                    stack,
                    local_subscription: *local_subscription,
                    listed: listed.clone(),
                    valid,
                });
            }
            Ok((entries, taken))
        })
        .await
    }
}

/// The hours since another subscription than the one that has a stack now was to pay for it.
fn own_hours(books: &Books, stack: CloudId) -> HourInterval {
    let (Some(present), Some(history)) = (books.registration_of_stack(stack), books.stack(stack)) else {
        return HourInterval::ALWAYS;
    };
    let segments = history.registration.segments(HourInterval::ALWAYS);
    let of_another = segments.into_iter().rev().find_map(|(hours, assertion)| {
        let terms = assertion?.value?;
        (terms.default_subscription != present.subscription).then_some(hours)
    });
    of_another.map_or(HourInterval::ALWAYS, |hours| HourInterval::from(hours.end()))
}
