//! How far back entries reach: which hours' bills may be others after them. A closed period that nothing reaches is not
//! reckoned again.

use super::{BillEntry, Entry, PriceEntry};
use crate::ids::{CloudId, LocalSubscriptionId};
use crate::time::Hour;

/// What an entry may change of bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Nothing.
    Nothing,
    /// Those of all hours from this one on.
    From(Hour),
    /// What one local subscription used in hours from this one on.
    OfLocalSubscription(CloudId, LocalSubscriptionId, Hour),
}

impl Reach {
    /// Every kind of entry is named, so that nobody adds one without saying how far back it reaches.
    fn of(entry: &Entry) -> Self {
        match entry {
            Entry::Registered { from, .. }
            | Entry::Reregistered { from, .. }
            | Entry::Deregistered { from, .. }
            | Entry::RegistrationMoved { from, .. }
            | Entry::PriceListPublished { from, .. }
            | Entry::Price(PriceEntry::Derived { from, .. }) => Self::From(*from),
            Entry::RegistrationBackdated { valid, .. }
            | Entry::TenantMapped { valid, .. }
            | Entry::Bill(BillEntry::CoresStated { valid, .. }) => Self::From(valid.start()),
            Entry::Bill(BillEntry::TermsSet { from, .. }) => Self::From(from.interval().start()),
            Entry::Bill(BillEntry::RateSet { since, .. }) => Self::From(*since),
            Entry::LocalSubscriptionListed {
                stack,
                local_subscription,
                valid,
                ..
            } => Self::OfLocalSubscription(*stack, *local_subscription, valid.start()),
            // Nothing is charged to a subscription before something says so that holds from an hour on, and it is never
            // another partner's.
            Entry::PartnerCreated(_)
            | Entry::CustomerCreated(_)
            | Entry::SubscriptionCreated(_)
            | Entry::SubscriptionStateSet { .. }
            | Entry::PartnerDeleted { .. }
            | Entry::CustomerDeleted { .. }
            | Entry::SubscriptionDeleted { .. }
            | Entry::OperatorAdmitted(_)
            | Entry::OperatorRevoked { .. }
            | Entry::ResourceGroupPut(_)
            | Entry::ResourceGroupDeleted { .. }
            | Entry::RegistrationTagged { .. }
            | Entry::MultiTenancyApproved { .. }
            | Entry::ActivationKeysRevoked { .. }
            | Entry::DirectoryListed(_)
            | Entry::QuarantineActed(_)
            | Entry::Directory(_)
            | Entry::Role(_)
            | Entry::Bundle(_)
            | Entry::Notice(_)
            | Entry::Budget(_)
            | Entry::Price(PriceEntry::Drafted(_) | PriceEntry::DraftDropped(_))
            | Entry::Bill(
                BillEntry::ProfileSet { .. }
                | BillEntry::PeriodWaived { .. }
                | BillEntry::ClosingBegun { .. }
                | BillEntry::PeriodClosed { .. },
            ) => Self::Nothing,
        }
    }
}

/// How far back the entries so far reach.
#[derive(Debug, Clone, Default)]
pub(super) struct Hindsight {
    /// Entries with their first hours, both ascending: one that an entry after it reaches behind is left out.
    reach: Vec<(u64, Hour)>,
    /// Of local subscriptions, in the order of the entries.
    listed: Vec<(u64, (CloudId, LocalSubscriptionId), Hour)>,
}

impl Hindsight {
    /// Takes in the entry of this number.
    pub(super) fn take_in(&mut self, number: u64, entry: &Entry) {
        match Reach::of(entry) {
            Reach::Nothing => {}
            Reach::From(hour) => {
                while self.reach.pop_if(|(_, known)| *known >= hour).is_some() {}
                self.reach.push((number, hour));
            }
            Reach::OfLocalSubscription(stack, local_subscription, hour) => {
                self.listed.push((number, (stack, local_subscription), hour));
            }
        }
    }

    fn reach_after(&self, entry: u64) -> Option<Hour> {
        let next = self.reach.partition_point(|(number, _)| *number <= entry);
        self.reach.get(next).map(|(_, hour)| *hour)
    }

    fn listed_after(&self, entry: u64) -> &[(u64, (CloudId, LocalSubscriptionId), Hour)] {
        let next = self.listed.partition_point(|(number, ..)| *number <= entry);
        &self.listed[next..]
    }
}

impl super::Books {
    /// The first hour of which anything that was entered after an entry may change who is billed what; none if nothing
    /// that was does. What directories list is told by [`listed_after`](Self::listed_after).
    #[must_use]
    pub fn reach_after(&self, entry: u64) -> Option<Hour> {
        self.hindsight.reach_after(entry)
    }

    /// The local subscriptions of which directories listed after an entry something that holds in an hour before `end`,
    /// some of them more than once.
    pub fn listed_after(
        &self,
        entry: u64,
        end: Hour,
    ) -> impl Iterator<Item = (CloudId, LocalSubscriptionId)> + '_ {
        let listed = self.hindsight.listed_after(entry).iter();
        listed.filter(move |(.., from)| *from < end).map(|(_, of, _)| *of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use crate::time::Period;

    fn rate(since: i64) -> Entry {
        let currency: Currency = "EUR".parse().unwrap();
        BillEntry::RateSet {
            from: currency,
            to: currency,
            rate: "1".parse().unwrap(),
            since: Hour::MIN.plus(i32::try_from(since).unwrap()),
        }
        .into()
    }

    proptest::proptest! {
        /// As asking every entry after that one.
        #[test]
        fn it_is_the_earliest_hour_of_all_later_entries(
            hours in proptest::collection::vec(proptest::option::of(0i64..20), 0..30),
            after in 0u64..32,
        ) {
            let mut hindsight = Hindsight::default();
            for (number, hour) in (1..).zip(&hours) {
                let nothing = BillEntry::PeriodWaived {
                    period: "2026-10".parse::<Period>().unwrap(),
                    stack: CloudId::from_bytes([1; 16]),
                    reason: String::new(),
                };
                hindsight.take_in(number, &hour.map_or_else(|| nothing.into(), rate));
            }
            let later = (1..).zip(&hours).filter(|(number, _)| *number > after);
            let earliest = later.filter_map(|(_, hour)| *hour).min();
            let hour = |hour| Hour::MIN.plus(i32::try_from(hour).unwrap());
            proptest::prop_assert_eq!(hindsight.reach_after(after), earliest.map(hour));
        }
    }
}
