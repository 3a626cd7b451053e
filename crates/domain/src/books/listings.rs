//! Listings of stacks' directories: what each says of which hours, whenever it came. *(ours)*
//!
//! In an hour a local subscription belonged to the tenant that the newest listing named that had been made by its end; before
//! the first one, to that one's. So of two listings of one hour the later one says it for all of the hour, and of two of one
//! moment the one whose tenant's id is the greater one, by its bytes, then whose name, owner and state are. A listing may come
//! late, in a file or after an outage of the server: it speaks up to the next one that was made after it. So who pays depends on
//! when listings were made and what they say, and not on when or in which order they came. For that it is kept when something was
//! listed also where that changed nothing, of every stack whose listings may come late.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;

use super::{Books, Entry};
use crate::attribution::LocalSubscription;
use crate::bundle::Digest;
use crate::ids::{CloudId, LocalSubscriptionId};
use crate::registration::Registration;
use crate::time::{Hour, HourInterval, Timestamp};
use crate::timeline::Timeline;

/// A listing was taken in: what it says beside what was entered of it is what was known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingEntry {
    /// The stack.
    pub stack: CloudId,
    /// When the stack listed this.
    pub made_at: Timestamp,
    /// What it was, if it was carried in a file.
    pub digest: Option<Digest>,
    /// Which local subscriptions that were known it did not list.
    pub absent: Vec<LocalSubscriptionId>,
}

impl From<ListingEntry> for Entry {
    fn from(entry: ListingEntry) -> Self {
        Self::DirectoryListed(entry)
    }
}

/// What a stack's directory listed at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    /// The stack.
    pub stack: CloudId,
    /// When it listed this.
    pub made_at: Timestamp,
    /// What the listing is, if it was carried in a file; none if it comes from the stack just now.
    pub carried: Option<Digest>,
    /// The local subscriptions, each once.
    pub local_subscriptions: &'a [(LocalSubscriptionId, LocalSubscription)],
    /// The first hour of which it may speak.
    pub speaks_from: Hour,
}

/// What a listing changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// What is to be entered.
    pub entries: Vec<Entry>,
    /// How many local subscriptions were not known before.
    pub added: usize,
    /// Of how many something else was known in some hour.
    pub changed: usize,
}

/// When a local subscription was entered as listed.
#[derive(Debug, Clone)]
struct OfLocal {
    /// The number of the listing before which it was not known.
    known_since: u64,
    moments: BTreeSet<Timestamp>,
}

/// The listings of a stack.
#[derive(Debug, Clone, Default)]
struct OfStack {
    carried: BTreeSet<(Timestamp, Digest)>,
    locals: HashMap<LocalSubscriptionId, OfLocal>,
    /// By when they were made and by their number: which of the local subscriptions that were known they did not list.
    absent: BTreeMap<(Timestamp, u64), Vec<LocalSubscriptionId>>,
    count: u64,
}

impl OfStack {
    /// When a local subscription was listed for the first time after a moment.
    fn next_after(&self, local: LocalSubscriptionId, moment: Timestamp) -> Option<Timestamp> {
        let of_local = self.locals.get(&local)?;
        let later = (Bound::Excluded(moment), Bound::Unbounded);
        let entered = of_local.moments.range(later).next().copied();
        let later = (Bound::Excluded((moment, u64::MAX)), Bound::Unbounded);
        let mut confirmed = self
            .absent
            .range(later)
            .filter(|it| of_local.is_confirmed(local, *it));
        let confirmed = confirmed.next().map(|((moment, _), _)| *moment);
        entered.into_iter().chain(confirmed).min()
    }

    /// Whether a local subscription was listed before a moment.
    fn is_listed_before(&self, local: LocalSubscriptionId, moment: Timestamp) -> bool {
        self.locals.get(&local).is_some_and(|of_local| {
            let mut confirmations = self.absent.range(..(moment, 0));
            of_local.moments.range(..moment).next().is_some()
                || confirmations.any(|it| of_local.is_confirmed(local, it))
        })
    }

    /// Whether it was at this moment.
    fn is_listed_at(&self, local: LocalSubscriptionId, moment: Timestamp) -> bool {
        self.locals.get(&local).is_some_and(|of_local| {
            let mut confirmations = self.absent.range((moment, 0)..=(moment, u64::MAX));
            of_local.moments.contains(&moment) || confirmations.any(|it| of_local.is_confirmed(local, it))
        })
    }
}

impl OfLocal {
    /// Whether a listing that named nothing new of it had it.
    fn is_confirmed(
        &self,
        local: LocalSubscriptionId,
        ((_, number), absent): (&(Timestamp, u64), &Vec<LocalSubscriptionId>),
    ) -> bool {
        *number > self.known_since && absent.binary_search(&local).is_err()
    }
}

/// The listings of every stack.
#[derive(Debug, Clone, Default)]
pub(super) struct Listings(HashMap<CloudId, OfStack>);

impl Listings {
    /// Takes note that a local subscription was listed.
    pub(super) fn list(&mut self, stack: CloudId, local: LocalSubscriptionId, made_at: Timestamp) {
        let of_stack = self.0.entry(stack).or_default();
        let known_since = of_stack.count;
        let of_local = of_stack.locals.entry(local).or_insert_with(|| OfLocal {
            known_since,
            moments: BTreeSet::new(),
        });
        of_local.moments.insert(made_at);
    }

    /// Takes note that all that are known were listed, except those that were not.
    pub(super) fn take_in(&mut self, entry: &ListingEntry) {
        let of_stack = self.0.entry(entry.stack).or_default();
        of_stack.count += 1;
        let mut absent = entry.absent.clone();
        absent.sort_unstable();
        of_stack.absent.insert((entry.made_at, of_stack.count), absent);
        if let Some(digest) = entry.digest {
            of_stack.carried.insert((entry.made_at, digest));
        }
    }

    /// The hours of which a listing speaks: none if others of the same hour were made after it.
    fn hours(&self, listing: &Listing<'_>, local: LocalSubscriptionId) -> Option<HourInterval> {
        let (of_stack, made_at) = (self.0.get(&listing.stack), listing.made_at);
        let next = of_stack.and_then(|it| it.next_after(local, made_at));
        let start = if of_stack.is_some_and(|it| it.is_listed_before(local, made_at)) {
            Hour::containing(made_at)
        } else {
            Hour::MIN
        };
        let end = next.map_or(Hour::MAX, Hour::containing);
        HourInterval::new(start.max(listing.speaks_from), end)
    }

    /// Whether another listing of the same moment holds over what this one says, where an hour is as that one says.
    fn is_outdone(
        &self,
        listing: &Listing<'_>,
        (local, said): &(LocalSubscriptionId, LocalSubscription),
        known: &Timeline<LocalSubscription>,
        hour: Hour,
    ) -> bool {
        let of_stack = self.0.get(&listing.stack);
        of_stack.is_some_and(|it| it.is_listed_at(*local, listing.made_at))
            && known.at(hour).is_some_and(|other| other.value > *said)
    }
}

impl Books {
    /// What a listing changes: nothing if it says what is known.
    #[must_use]
    pub fn list_directory(&self, listing: &Listing<'_>) -> Listed {
        let directory = self.stack(listing.stack).map(|history| &history.directory);
        let mut listed = Listed::default();
        for listed_one in listing.local_subscriptions {
            let (local, said) = listed_one;
            let known = directory.and_then(|directory| directory.get(local));
            let Some(valid) = self.listings.hours(listing, *local) else {
                continue;
            };
            let hour = Hour::containing(listing.made_at).clamp(valid.start(), valid.end().plus(-1));
            match known {
                Some(known) if is_known(known, valid, said) => continue,
                Some(known) if self.listings.is_outdone(listing, listed_one, known, hour) => continue,
                Some(_) => listed.changed += 1,
                None => listed.added += 1,
            }
            listed.entries.push(Entry::LocalSubscriptionListed {
                stack: listing.stack,
                local_subscription: *local,
                listed: said.clone(),
                valid,
                made_at: listing.carried.map(|_| listing.made_at),
            });
        }
        listed
            .entries
            .extend(self.listing_entry(listing).map(Entry::from));
        listed
    }

    /// Whether a listing of a stack that was carried in a file was taken in.
    #[must_use]
    pub fn knows_listing(&self, stack: CloudId, made_at: Timestamp, digest: Digest) -> bool {
        let of_stack = self.listings.0.get(&stack);
        of_stack.is_some_and(|it| it.carried.contains(&(made_at, digest)))
    }

    /// Whether it is kept when something was listed of a stack also where that changed nothing: its listings may come late,
    /// since bundles are expected or one said before when it was made.
    #[must_use]
    pub fn keeps_listings(&self, registration: &Registration) -> bool {
        let of_stack = self.listings.0.get(&registration.cloud_id());
        self.bundle_key(registration.id).is_some() || of_stack.is_some_and(|it| !it.carried.is_empty())
    }

    /// What is kept of a listing as such. Where nothing ever comes late, nothing is; and nothing of one that comes from the
    /// stack just now and lists nobody, as whoever tries a bridge out sends it: it confirms nothing of anybody.
    fn listing_entry(&self, listing: &Listing<'_>) -> Option<ListingEntry> {
        let Listing { stack, made_at, .. } = *listing;
        let is_kept = match listing.carried {
            Some(digest) => !self.knows_listing(stack, made_at, digest),
            None if listing.local_subscriptions.is_empty() => false,
            None => {
                let live = self.registration_of_stack(stack);
                live.is_some_and(|live| self.keeps_listings(live))
            }
        };
        is_kept.then(|| {
            let listed: HashSet<_> = listing.local_subscriptions.iter().map(|(id, _)| id).collect();
            let known = self.stack(stack).into_iter().flat_map(|it| it.directory.keys());
            let mut absent: Vec<_> = known.filter(|id| !listed.contains(id)).copied().collect();
            absent.sort_unstable();
            ListingEntry {
                stack,
                made_at,
                digest: listing.carried,
                absent,
            }
        })
    }
}

/// Whether this is known of all these hours.
fn is_known(timeline: &Timeline<LocalSubscription>, valid: HourInterval, said: &LocalSubscription) -> bool {
    let segments = timeline.segments(valid);
    segments
        .iter()
        .all(|(_, holds)| holds.is_some_and(|holds| holds.value == *said))
}

#[cfg(test)]
mod tests;
