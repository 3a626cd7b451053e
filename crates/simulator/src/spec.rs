//! What a stack is made from.

use std::num::NonZeroU16;

use domain::ids::{CloudId, TenantId};
use domain::time::Period;

/// The most true records a month may be asked to have.
pub const RECORDS_MIN_MAX: u64 = 1_000_000_000;

/// Everything a simulated stack follows from: equal specifications give equal stacks, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackSpec {
    /// Of all that is left to chance. Stacks with different cloud ids differ under the same seed too.
    pub seed: u64,
    /// The stack's id.
    pub cloud_id: CloudId,
    /// The name of its region: the `location` of all that it has.
    pub region: String,
    /// The month in which it is used.
    pub month: Period,
    /// Its directory tenants: first the home directory, then the guests.
    pub tenants: Vec<TenantSpec>,
    /// It is filled with resources until the month has so many true records, and at least one resource for each
    /// local subscription.
    pub records_min: u64,
    /// Usage is measured in one hour out of so many, from the month's first on; 1 is every hour. So a month with few
    /// records still has all that a stack has, from its first day to its last.
    pub hours_apart: NonZeroU16,
    /// What goes wrong when it reports.
    pub faults: Faults,
}

/// One directory tenant of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSpec {
    /// Its id.
    pub id: TenantId,
    /// Its initial domain, such as `contoso.onmicrosoft.com`.
    pub domain: String,
    /// How many local subscriptions belong to it.
    pub local_subscriptions: u32,
}

/// How many records in a thousand meet each fate. They meet them independently of each other, but a record is either
/// revised or lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    /// First reported 2 to 30 hours after its usage hour instead of 1.
    pub late_per_mille: u16,
    /// A part of the quantity is reported first; the whole follows in the same window or up to 12 hours later.
    pub revised_per_mille: u16,
    /// More than the quantity is reported first; the truth follows 1 to 12 hours later. Only a reader of hourly
    /// windows can tell which of the two is the newer one.
    pub lowered_per_mille: u16,
    /// One of the record's reports is repeated, in the same window or up to 12 hours later.
    pub duplicated_per_mille: u16,
    /// A malformed copy of the record, which is not usage, is reported beside it.
    pub malformed_per_mille: u16,
    /// A report spells ids in another way than its provider does: other case, no dashes.
    pub respelled_per_mille: u16,
}

impl Faults {
    /// Every record is reported once, one hour after its usage hour, spelled as its provider spells.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            late_per_mille: 0,
            revised_per_mille: 0,
            lowered_per_mille: 0,
            duplicated_per_mille: 0,
            malformed_per_mille: 0,
            respelled_per_mille: 0,
        }
    }

    /// A stack that mostly works.
    #[must_use]
    pub const fn usual() -> Self {
        Self {
            late_per_mille: 20,
            revised_per_mille: 10,
            lowered_per_mille: 3,
            duplicated_per_mille: 10,
            malformed_per_mille: 1,
            respelled_per_mille: 20,
        }
    }

    pub(crate) fn check(&self) -> Result<(), InvalidSpec> {
        let shares = [
            ("late_per_mille", self.late_per_mille),
            (
                "revised_per_mille + lowered_per_mille",
                self.revised_per_mille.saturating_add(self.lowered_per_mille),
            ),
            ("duplicated_per_mille", self.duplicated_per_mille),
            ("malformed_per_mille", self.malformed_per_mille),
            ("respelled_per_mille", self.respelled_per_mille),
        ];
        match shares.into_iter().find(|(_, per_mille)| *per_mille > 1000) {
            Some((name, per_mille)) => Err(InvalidSpec::NotAShare { name, per_mille }),
            None => Ok(()),
        }
    }
}

/// Why no stack can be made from a specification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSpec {
    /// No directory tenant has a local subscription, so that nothing could be used.
    #[error("the stack has no local subscription: give at least one tenant one")]
    NoLocalSubscription,
    /// The records asked for would need more resources than are worth keeping.
    #[error("{0} records are too many for one month: ask for at most {RECORDS_MIN_MAX}")]
    TooManyRecords(u64),
    /// More than all records would meet a fate.
    #[error("{name} is {per_mille}: it may be at most 1000")]
    NotAShare {
        /// The share, or the sum of shares, that is too large.
        name: &'static str,
        /// Its value.
        per_mille: u16,
    },
}
