//! Attributing usage: who pays, and why.
//!
//! Attribution depends on the pair (local subscription, hour), never on the single record. So it is asked per local
//! subscription and interval, and answered with the interval split exactly where the answer changes.

use std::collections::HashMap;

use crate::ids::{LocalSubscriptionId, RegistrationId, SubscriptionId, TenantId};
use crate::registration::BillingModel;
use crate::time::{Hour, HourInterval};
use crate::timeline::{Recorded, Timeline};

/// What a registration means for usage while it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistrationTerms {
    /// The registration.
    pub registration: RegistrationId,
    /// The subscription that pays for whatever no mapping claims.
    pub default_subscription: SubscriptionId,
    /// How the stack is paid for.
    pub billing_model: BillingModel,
    /// The cores of the stack, if the registration's token states them: what a stack that pays by capacity is charged for.
    pub cores: Option<u32>,
}

/// What a stack's directory says of a local subscription.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalSubscription {
    /// The directory tenant it belongs to.
    pub tenant: TenantId,
    /// Its name, for people.
    pub name: String,
    /// Its owner's account.
    pub owner: String,
    /// Its state as the stack writes it.
    pub state: String,
}

/// Everything attribution needs to know of one stack. A value of none in a timeline says that it ended.
#[derive(Debug, Clone, Default)]
pub struct StackHistory {
    /// Which registration was valid when.
    pub registration: Timeline<Option<RegistrationTerms>>,
    /// The tenant mappings of each registration: which CSP subscription a tenant's usage is charged to.
    pub mappings: HashMap<(RegistrationId, TenantId), Timeline<Option<SubscriptionId>>>,
    /// The stack's directory: which tenant a local subscription belonged to.
    pub directory: HashMap<LocalSubscriptionId, Timeline<LocalSubscription>>,
}

/// The hours in which one registration of a stack was valid, from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// The registration.
    pub registration: RegistrationId,
    /// Its hours; those of a live one have no end.
    pub hours: HourInterval,
}

impl StackHistory {
    /// The registrations that the stack had, in the order of their hours. One that was deleted in the hour in which it
    /// was made was valid in none, and is left out. Only a registration's own mappings decide who pays in its hours.
    #[must_use]
    pub fn lives(&self) -> Vec<Life> {
        let mut lives: Vec<Life> = Vec::new();
        for (hours, assertion) in self.registration.segments(HourInterval::from(Hour::MIN)) {
            let Some(terms) = assertion.and_then(|assertion| assertion.value) else {
                continue;
            };
            match lives
                .iter_mut()
                .find(|life| life.registration == terms.registration)
            {
                Some(life) => {
                    life.hours = HourInterval::new(life.hours.start(), hours.end()).unwrap_or(life.hours);
                }
                None => lives.push(Life {
                    registration: terms.registration,
                    hours,
                }),
            }
        }
        lives
    }

    /// The last hours before an hour in which a registration was valid on the same terms, and the terms.
    #[must_use]
    pub fn registered_before(&self, hour: Hour) -> Option<(HourInterval, RegistrationTerms)> {
        let segments = self.registration.segments(HourInterval::new(Hour::MIN, hour)?);
        let mut latest_first = segments.into_iter().rev();
        latest_first.find_map(|(hours, assertion)| Some((hours, assertion?.value?)))
    }

    /// The hours of an interval, in order, in which no registration was valid: usage in them is kept and charged to
    /// nobody.
    #[must_use]
    pub fn unregistered(&self, within: HourInterval) -> Vec<HourInterval> {
        let segments = self.registration.segments(within).into_iter();
        segments
            .filter(|(_, registration)| registration.is_none_or(|assertion| assertion.value.is_none()))
            .map(|(hours, _)| hours)
            .collect()
    }
}

/// Why a payer pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The tenant is mapped to this subscription.
    TenantMapping,
    /// The registration's default subscription pays, because nobody added the tenant.
    TenantNotMapped,
    /// The registration's default subscription pays, because the stack's directory does not list the local
    /// subscription.
    LocalSubscriptionUnknown,
}

/// Who pays, and everything the answer rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// The subscription that is charged.
    pub payer: SubscriptionId,
    /// Why it is this one.
    pub reason: Reason,
    /// The registration that was valid.
    pub registration: RegistrationId,
    /// How the stack was paid for.
    pub billing_model: BillingModel,
    /// The directory tenant of the local subscription, where known.
    pub tenant: Option<TenantId>,
    /// Who set the mapping and when, where one decided (or its removal did).
    pub mapping: Option<Recorded>,
}

/// The answer for some hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribution {
    /// The hours.
    pub interval: HourInterval,
    /// Who pays; nobody where no registration was valid (*unregistered*: kept, listed, charged to nobody).
    pub charge: Option<Charge>,
}

/// Who pays for what a local subscription used in an interval. The answers are in order and cover the interval.
#[must_use]
pub fn attribute(
    history: &StackHistory,
    local_subscription: LocalSubscriptionId,
    within: HourInterval,
) -> Vec<Attribution> {
    let mut answers: Vec<Attribution> = Vec::new();
    let mut answer = |hours: HourInterval, charge| match answers.last_mut() {
        Some(last) if last.charge == charge => {
            last.interval = HourInterval::new(last.interval.start(), hours.end()).unwrap_or(last.interval);
        }
        _ => answers.push(Attribution {
            interval: hours,
            charge,
        }),
    };
    for (hours, registration) in history.registration.segments(within) {
        let Some(terms) = registration.and_then(|assertion| assertion.value) else {
            answer(hours, None);
            continue;
        };
        let Some(tenancy) = history.directory.get(&local_subscription) else {
            answer(
                hours,
                Some(by_default(terms, Reason::LocalSubscriptionUnknown, None)),
            );
            continue;
        };
        for (hours, tenancy) in tenancy.segments(hours) {
            let Some(tenant) = tenancy.map(|assertion| assertion.value.tenant) else {
                answer(
                    hours,
                    Some(by_default(terms, Reason::LocalSubscriptionUnknown, None)),
                );
                continue;
            };
            let unmapped = by_default(terms, Reason::TenantNotMapped, Some(tenant));
            let Some(mapping) = history.mappings.get(&(terms.registration, tenant)) else {
                answer(hours, Some(unmapped));
                continue;
            };
            for (hours, mapping) in mapping.segments(hours) {
                let recorded = mapping.map(|assertion| assertion.recorded);
                let charge = match mapping.and_then(|assertion| assertion.value) {
                    Some(payer) => Charge {
                        payer,
                        reason: Reason::TenantMapping,
                        mapping: recorded,
                        ..unmapped
                    },
                    None => Charge {
                        mapping: recorded,
                        ..unmapped
                    },
                };
                answer(hours, Some(charge));
            }
        }
    }
    answers
}

fn by_default(terms: RegistrationTerms, reason: Reason, tenant: Option<TenantId>) -> Charge {
    Charge {
        payer: terms.default_subscription,
        reason,
        registration: terms.registration,
        billing_model: terms.billing_model,
        tenant,
        mapping: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ObjectId;
    use crate::time::Timestamp;
    use crate::timeline::Assertion;
    use proptest::prelude::*;

    const DEFAULT: SubscriptionId = SubscriptionId::from_bytes([0xd0; 16]);
    const CUSTOMER: SubscriptionId = SubscriptionId::from_bytes([0xc1; 16]);
    const OTHER_CUSTOMER: SubscriptionId = SubscriptionId::from_bytes([0xc2; 16]);
    const REGISTRATION: RegistrationId = RegistrationId::from_bytes([0x11; 16]);
    const TENANT: TenantId = TenantId::from_bytes([0x7e; 16]);
    const LOCAL: LocalSubscriptionId = LocalSubscriptionId::from_bytes([0x10; 16]);

    fn hours(start: i32, end: i32) -> HourInterval {
        let hour = |hours| Hour::from_epoch_hours(hours).unwrap();
        HourInterval::new(hour(start), hour(end)).unwrap()
    }

    fn from<T>(start: i32, entry: u64, value: T) -> Assertion<T> {
        let by = ObjectId::from_bytes([0; 16]);
        let recorded = Recorded {
            entry,
            at: Timestamp::UNIX_EPOCH,
            by,
        };
        Assertion {
            valid: HourInterval::from(Hour::from_epoch_hours(start).unwrap()),
            recorded,
            value,
        }
    }

    fn registered(start: i32) -> StackHistory {
        let mut history = StackHistory::default();
        let terms = RegistrationTerms {
            registration: REGISTRATION,
            default_subscription: DEFAULT,
            billing_model: BillingModel::PayAsYouUse,
            cores: None,
        };
        history.registration.assert(from(start, 1, Some(terms)));
        history
    }

    fn listed(history: &mut StackHistory, start: i32, tenant: TenantId) {
        let (name, owner, state) = (
            "web".to_owned(),
            "ops@contoso.example".to_owned(),
            "Enabled".to_owned(),
        );
        let local = LocalSubscription {
            tenant,
            name,
            owner,
            state,
        };
        history
            .directory
            .entry(LOCAL)
            .or_default()
            .assert(from(start, 2, local));
    }

    fn mapped(history: &mut StackHistory, start: i32, payer: Option<SubscriptionId>) {
        history
            .mappings
            .entry((REGISTRATION, TENANT))
            .or_default()
            .assert(from(start, 3, payer));
    }

    /// Start, end, payer and reason of an answer.
    type Told = (i32, i32, Option<(SubscriptionId, Reason)>);

    fn told(history: &StackHistory, within: HourInterval) -> Vec<Told> {
        attribute(history, LOCAL, within)
            .into_iter()
            .map(|answer| {
                let (start, end) = (
                    answer.interval.start().epoch_hours(),
                    answer.interval.end().epoch_hours(),
                );
                (
                    start,
                    end,
                    answer.charge.map(|charge| (charge.payer, charge.reason)),
                )
            })
            .collect()
    }

    #[test]
    fn usage_before_the_registration_is_charged_to_nobody() {
        let mut history = registered(10);
        listed(&mut history, 0, TENANT);
        mapped(&mut history, 0, Some(CUSTOMER));
        assert_eq!(
            told(&history, hours(5, 20)),
            [(5, 10, None), (10, 20, Some((CUSTOMER, Reason::TenantMapping)))]
        );
        history.registration.assert(from(15, 4, None));
        assert_eq!(history.unregistered(hours(5, 20)), [hours(5, 10), hours(15, 20)]);
        assert_eq!(history.unregistered(hours(10, 15)), []);
    }

    #[test]
    fn the_payer_changes_in_the_exact_hour_in_which_the_mapping_does() {
        let mut history = registered(0);
        listed(&mut history, 0, TENANT);
        mapped(&mut history, 13, Some(CUSTOMER));
        mapped(&mut history, 17, Some(OTHER_CUSTOMER));
        mapped(&mut history, 20, None);
        assert_eq!(
            told(&history, hours(10, 24)),
            [
                (10, 13, Some((DEFAULT, Reason::TenantNotMapped))),
                (13, 17, Some((CUSTOMER, Reason::TenantMapping))),
                (17, 20, Some((OTHER_CUSTOMER, Reason::TenantMapping))),
                (20, 24, Some((DEFAULT, Reason::TenantNotMapped))),
            ]
        );
    }

    #[test]
    fn a_local_subscription_nobody_listed_falls_to_the_default_and_says_so() {
        let history = registered(0);
        assert_eq!(
            told(&history, hours(0, 5)),
            [(0, 5, Some((DEFAULT, Reason::LocalSubscriptionUnknown)))]
        );
    }

    #[test]
    fn mappings_of_a_deleted_registration_do_not_come_back_with_the_next() {
        let mut history = registered(0);
        listed(&mut history, 0, TENANT);
        mapped(&mut history, 0, Some(CUSTOMER));
        history.registration.assert(from(10, 4, None));
        let terms = RegistrationTerms {
            registration: RegistrationId::from_bytes([0x22; 16]),
            default_subscription: DEFAULT,
            billing_model: BillingModel::PayAsYouUse,
            cores: None,
        };
        history.registration.assert(from(12, 5, Some(terms)));
        let lives: Vec<_> = history
            .lives()
            .iter()
            .map(|it| (it.registration, it.hours))
            .collect();
        let second = HourInterval::from(Hour::from_epoch_hours(12).unwrap());
        assert_eq!(
            lives,
            [(REGISTRATION, hours(0, 10)), (terms.registration, second)]
        );
        assert_eq!(
            told(&history, hours(8, 14)),
            [
                (8, 10, Some((CUSTOMER, Reason::TenantMapping))),
                (10, 12, None),
                (12, 14, Some((DEFAULT, Reason::TenantNotMapped))),
            ]
        );
    }

    #[test]
    fn usage_follows_a_local_subscription_into_another_directory() {
        let mut history = registered(0);
        listed(&mut history, 0, TenantId::from_bytes([9; 16]));
        listed(&mut history, 6, TENANT);
        mapped(&mut history, 0, Some(CUSTOMER));
        assert_eq!(
            told(&history, hours(0, 10)),
            [
                (0, 6, Some((DEFAULT, Reason::TenantNotMapped))),
                (6, 10, Some((CUSTOMER, Reason::TenantMapping))),
            ]
        );
    }

    proptest! {
        #[test]
        fn answers_cover_every_hour_once_and_equal_what_each_hour_alone_says(
            registration in prop::collection::vec((0i32..40, any::<bool>()), 0..4),
            directory in prop::collection::vec((0i32..40, 0u8..2), 0..4),
            mappings in prop::collection::vec((0i32..40, 0u8..2, prop::option::of(0u8..3)), 0..6),
        ) {
            let mut history = StackHistory::default();
            let terms = RegistrationTerms {
                registration: REGISTRATION,
                default_subscription: DEFAULT,
                billing_model: BillingModel::PayAsYouUse,
                cores: None,
            };
            for (start, live) in registration {
                history.registration.assert(from(start, 1, live.then_some(terms)));
            }
            for (start, tenant) in directory {
                listed(&mut history, start, TenantId::from_bytes([tenant; 16]));
            }
            for (start, tenant, payer) in mappings {
                let key = (REGISTRATION, TenantId::from_bytes([tenant; 16]));
                let payer = payer.map(|payer| SubscriptionId::from_bytes([payer; 16]));
                history.mappings.entry(key).or_default().assert(from(start, 3, payer));
            }
            let answers = attribute(&history, LOCAL, hours(0, 50));
            let mut next = 0;
            for answer in &answers {
                prop_assert_eq!(answer.interval.start().epoch_hours(), next);
                next = answer.interval.end().epoch_hours();
                for hour in answer.interval.start().epoch_hours()..next {
                    let alone = attribute(&history, LOCAL, hours(hour, hour + 1));
                    prop_assert_eq!(alone.len(), 1);
                    prop_assert_eq!(alone[0].charge, answer.charge);
                }
            }
            prop_assert_eq!(next, 50);
        }
    }
}
