//! A stack's directory: which tenant each local subscription belongs to.

use domain::attribution::LocalSubscription;
use domain::books::{Books, Listed, Listing};
use domain::bundle::Digest;
use domain::ids::{CloudId, LocalSubscriptionId};
use domain::time::{Hour, HourInterval, Timestamp};
use domain::usage::latest_hour;

use crate::access::Caller;
use crate::bundles::bundle_key_not_registered;
use crate::registrations::{registration_of, valid_from};
use crate::{App, Error, Kind};

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

/// A listing with when it was made: it was carried in a file, or waited on the stack's side for the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried {
    /// When the stack listed this.
    pub made_at: Timestamp,
    /// What the listing is: BLAKE3 of its text.
    pub digest: Digest,
}

impl App {
    /// Takes in what a stack's directory lists just now, or listed when it was read, or when the file was made that it was
    /// carried in.
    ///
    /// A local subscription listed for the first time is taken to have belonged to its tenant always *(ours)*: usage
    /// often comes before the directory. Where another subscription had the stack before, be it under the same
    /// registration, which was moved since, it is taken so from the end of that on, unless an operator lists it: who has
    /// a stack now does not say who pays for the hours in which others had it. For one that was carried that is judged as of
    /// when it was made: whether the registration was moved on its way changes nothing. A later change holds from the start of the
    /// hour in which it was listed, up to the next listing that was made after it: [`Books::list_directory`]. One that is
    /// no longer listed keeps its tenant, since its last usage may still be on its way.
    ///
    /// # Errors
    /// For one that was carried `RegistrationNotFound`, `BundleKeyNotRegistered`, `ListingInFuture` or
    /// `ListingBeforeRegistration`. Or as the store.
    pub async fn take_directory(
        &self,
        caller: &Caller,
        stack: CloudId,
        listing: &[(LocalSubscriptionId, LocalSubscription)],
        carried: Option<Carried>,
    ) -> Result<DirectoryTaken, Error> {
        let now = self.clock.now();
        self.change(caller, |books| {
            if let Some(carried) = &carried {
                check_moment(books, stack, carried.made_at, now)?;
            }
            let made_at = carried.map_or(now, |carried| carried.made_at);
            let Listed {
                entries,
                added,
                changed,
            } = books.list_directory(&Listing {
                stack,
                made_at,
                carried: carried.map(|carried| carried.digest),
                local_subscriptions: listing,
                speaks_from: match caller {
                    Caller::Stack { .. } => own_hours(books, stack, made_at).start(),
                    Caller::Operator { .. } | Caller::Principal(_) => Hour::MIN,
                },
            });
            let taken = DirectoryTaken {
                listed: listing.len(),
                added,
                changed,
            };
            Ok((entries, taken))
        })
        .await
    }

    /// The first hour in which the registration is valid that a stack has now: usage of the hours before is charged to nobody.
    /// None if it has no registration.
    #[must_use]
    pub fn registered_from(&self, stack: CloudId) -> Option<Hour> {
        self.read(|books| Some(valid_from(books, books.registration_of_stack(stack)?)))
    }
}

/// Whether a listing can have been made then. Where nothing is expected to come late, what the stack says without having
/// changed is not kept, so what comes late could not be put in order with that; the first that says when it was made has to
/// come at once, and from then on all are kept.
fn check_moment(books: &Books, stack: CloudId, made_at: Timestamp, now: Timestamp) -> Result<(), Error> {
    let registration = registration_of(books, stack)?;
    let (hour, latest) = (Hour::containing(made_at), latest_hour(now));
    let comes_at_once = hour >= Hour::containing(now).plus(-1);
    if !comes_at_once && !books.keeps_listings(registration) {
        return Err(bundle_key_not_registered(stack).about("asOf"));
    }
    if hour > latest {
        let message = format!(
            "asOf is {made_at}, in the future: nothing can have been listed then yet. Expected {latest} or earlier. See \
             whether the clocks here and on the stack's side agree."
        );
        return Err(Error::new(Kind::Invalid, "ListingInFuture", message).about("asOf"));
    }
    let earliest = valid_from(books, registration);
    if hour < earliest {
        let message = format!(
            "asOf is {made_at}, and the registration of stack {stack} holds from {earliest} on: who was on the stack \
             before does not say who pays now. Expected {earliest} or later. See whether the clock on the stack's side is \
             right, or have an operator declare that the registration held then."
        );
        return Err(Error::new(Kind::Conflict, "ListingBeforeRegistration", message).about("asOf"));
    }
    Ok(())
}

/// The hours since another subscription than the one that had a stack when something was listed was to pay for it, as it was
/// known then. What was recorded after that does not count, be it of the same hour: else who pays would depend on when the
/// listing is taken in.
fn own_hours(books: &Books, stack: CloudId, made_at: Timestamp) -> HourInterval {
    let (Some(present), Some(history)) = (books.registration_of_stack(stack), books.stack(stack)) else {
        return HourInterval::ALWAYS;
    };
    let moment = made_at.max(present.created.at);
    let (made_in, known) = (Hour::containing(moment), history.registration.as_known_at(moment));
    let terms = known.at(made_in).and_then(|it| it.value);
    let own = terms.map_or(present.subscription, |terms| terms.default_subscription);
    let segments = known.segments(HourInterval::ALWAYS);
    let mut until_then = segments
        .into_iter()
        .rev()
        .filter(|(hours, _)| hours.start() <= made_in);
    let of_another = until_then.find_map(|(hours, assertion)| {
        let terms = assertion?.value?;
        (terms.default_subscription != own).then_some(hours)
    });
    of_another.map_or(HourInterval::ALWAYS, |hours| HourInterval::from(hours.end()))
}
