//! The hours between two registrations of a stack.
//!
//! What a stack uses while it is not registered is charged to nobody. Whoever pays by usage could make use of that:
//! delete the registration, let the stack run, and register it again in time for the next bill. So when a stack that
//! was charged by usage is registered again by those who had it, the new registration holds from the end of the former
//! one *(ours)*, as if an operator had backdated it. An operator who gives a stack to another subscription is told of
//! the hours instead: what was used in them may be somebody else's.

use super::{BillingModel, Warning};
use crate::authorization::View;
use crate::ids::SubscriptionId;
use crate::time::HourInterval;

/// The hours since a stack was registered last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Between {
    /// The hours.
    pub hours: HourInterval,
    /// How the stack was paid for before them.
    pub former_model: BillingModel,
    /// The subscription that had it then.
    pub former_subscription: SubscriptionId,
    /// Whether whoever registers it now may register stacks with that one, too.
    pub registers_with_former: bool,
}

impl Between {
    /// Whether a new registration, with this subscription and billing model, holds in these hours as well; and what is
    /// to be said of that. Nothing is, where what was used in them would not have cost anything.
    pub(super) fn belongs_to(
        &self,
        subscription: SubscriptionId,
        model: BillingModel,
        asked_by: &View,
    ) -> (Option<HourInterval>, Option<Warning>) {
        let Self { hours, .. } = *self;
        if !self.former_model.charges_usage() {
            return (None, None);
        }
        let taken_along = self.registers_with_former && !asked_by.everything;
        let of_those_who_had_it = self.former_subscription == subscription || taken_along;
        if of_those_who_had_it && model.charges_usage() {
            (Some(hours), Some(Warning::HoursBetweenCharged { hours }))
        } else {
            (None, Some(Warning::HoursBetweenNotCharged { hours }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::subscription_id;
    use super::*;
    use BillingModel::{Capacity, Custom, Development, PayAsYouUse};

    #[test]
    fn a_stack_does_not_run_for_nothing_between_two_registrations_of_those_who_pay_for_it() {
        let start = "2026-10-01T00:00:00Z".parse().unwrap();
        let hours = HourInterval::new(start, start.plus(23)).unwrap();
        let (payer, operator) = (View::default(), View::of_operator());
        let charged = (Some(hours), Some("HoursBetweenCharged"));
        let told = (None, Some("HoursBetweenNotCharged"));
        // How it was paid for, how it is now, with which subscription, may register with the former one, by whom
        for (former_model, model, now, registers_with_former, view, expected) in [
            (PayAsYouUse, PayAsYouUse, 1, true, &payer, charged),
            (Custom, PayAsYouUse, 1, true, &payer, charged),
            // Roles may have been taken away since, or an operator may be asked: the payer is the same.
            (PayAsYouUse, PayAsYouUse, 1, false, &payer, charged),
            (PayAsYouUse, PayAsYouUse, 1, true, &operator, charged),
            (PayAsYouUse, PayAsYouUse, 2, true, &payer, charged),
            (PayAsYouUse, PayAsYouUse, 2, false, &payer, told),
            (PayAsYouUse, PayAsYouUse, 2, true, &operator, told),
            (PayAsYouUse, Development, 1, true, &operator, told),
            (Development, PayAsYouUse, 1, true, &payer, (None, None)),
            (Capacity, Capacity, 1, true, &payer, (None, None)),
        ] {
            let between = Between {
                hours,
                former_model,
                former_subscription: subscription_id(1),
                registers_with_former,
            };
            let (held, warning) = between.belongs_to(subscription_id(now), model, view);
            let code = warning.map(|warning| warning.code());
            assert_eq!((held, code), expected, "{between:?} {model} {now}");
        }
    }
}
