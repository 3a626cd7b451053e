//! Which subscription had a stack from which moment on.
//!
//! A registration is moved with everything that it is. So what was delivered, and said, while another subscription had it
//! goes by what was recorded then, and not by where the registration is now.

use domain::authorization::Scope;
use domain::books::Books;
use domain::ids::{CloudId, RegistrationId, SubscriptionId};
use domain::time::{HourInterval, Timestamp};

use crate::access::View;
use crate::seen::{READ_REGISTRATION, allows};

/// A subscription has a stack, by a registration, until the next one has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tenure {
    /// The moment from which on.
    pub(crate) since: Timestamp,
    /// The registration.
    registration: RegistrationId,
    /// The subscription.
    subscription: SubscriptionId,
}

impl Tenure {
    /// Whether whoever has this view reads the registration or, after it was moved elsewhere, the registrations of the
    /// subscription that it was in.
    pub(crate) fn is_read(&self, books: &Books, view: &View) -> bool {
        is_read(books, view, self.registration, self.subscription)
    }
}

/// Whether whoever has this view reads that a subscription had a stack by a registration: as [`Tenure::is_read`].
pub(crate) fn is_read(
    books: &Books,
    view: &View,
    registration: RegistrationId,
    subscription: SubscriptionId,
) -> bool {
    let registration = books.registration_by_id(registration);
    match registration.filter(|it| it.subscription == subscription) {
        Some(registration) => allows(books, view, READ_REGISTRATION, registration),
        None => {
            let scope = Scope::Subscription(subscription);
            view.everything || view.allows(READ_REGISTRATION, &scope, books.subscription(subscription))
        }
    }
}

/// Those of a stack, in order.
pub(crate) fn tenures(books: &Books, stack: CloudId) -> Vec<Tenure> {
    let history = books.stack(stack).into_iter();
    let said = history.flat_map(|history| history.registration.assertions());
    // What was declared of hours in the past alone gives the stack to nobody now.
    let said = said.filter(|it| it.valid == HourInterval::from(it.valid.start()));
    let mut tenures: Vec<Tenure> = Vec::new();
    for (since, terms) in said.filter_map(|it| Some((it.recorded.at, it.value?))) {
        let tenure = Tenure {
            since,
            registration: terms.registration,
            subscription: terms.default_subscription,
        };
        let same = |last: &Tenure| Tenure { since, ..*last } == tenure;
        if !tenures.last().is_some_and(same) {
            tenures.push(tenure);
        }
    }
    tenures
}
