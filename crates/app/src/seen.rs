//! What of subscriptions, and of what is in them, exists for a caller.

use domain::authorization::Scope;
use domain::books::{Books, ResourceGroup};
use domain::ids::{CloudId, SubscriptionId};
use domain::partner::Subscription;
use domain::registration::Registration;

use crate::access::{Caller, View, sees_stack, view_of, view_within};
use crate::accounts::subscription_not_found;
use crate::registrations::{registration_of, stack_not_registered};
use crate::{App, Error};

/// The action of reading a resource group.
pub const READ_RESOURCE_GROUP: &str = "Microsoft.Resources/subscriptions/resourceGroups/read";
/// The action of reading a registration.
pub const READ_REGISTRATION: &str = domain::authorization::READ_REGISTRATION;

impl App {
    /// The subscriptions that exist for a caller, by id.
    #[must_use]
    pub fn subscriptions_seen(&self, caller: &Caller) -> Vec<Subscription> {
        self.read(|books| {
            let view = view_of(books, caller);
            let seen = books.subscriptions().filter(|it| view.sees_subscription(it));
            seen.cloned().collect()
        })
    }

    /// A subscription, if it exists for a caller.
    ///
    /// # Errors
    /// `SubscriptionNotFound`.
    pub fn subscription_seen(&self, caller: &Caller, id: SubscriptionId) -> Result<Subscription, Error> {
        self.read(|books| {
            let view = view_within(books, caller, id);
            let known = books.subscription(id).filter(|it| view.sees_subscription(it));
            known
                .cloned()
                .ok_or_else(|| subscription_not_found(&id.to_string()))
        })
    }

    /// The live registrations that a caller may read, by stack.
    #[must_use]
    pub fn stacks_seen(&self, caller: &Caller) -> Vec<Registration> {
        self.read(|books| {
            let view = view_of(books, caller);
            let live = books.live_registrations();
            let seen = live.filter(|it| sees_stack(books, &view, it.cloud_id()));
            seen.cloned().collect()
        })
    }

    /// The resource groups of a subscription that a caller may read, by name.
    #[must_use]
    pub fn resource_groups_seen(&self, caller: &Caller, subscription: SubscriptionId) -> Vec<ResourceGroup> {
        self.read(|books| {
            let view = view_within(books, caller, subscription);
            let owner = books.subscription(subscription);
            let may_read = |group: &&ResourceGroup| {
                let scope = Scope::ResourceGroup(subscription, group.name.clone());
                view.allows(READ_RESOURCE_GROUP, &scope, owner)
            };
            books
                .resource_groups(subscription)
                .filter(may_read)
                .cloned()
                .collect()
        })
    }

    /// The registrations of a subscription that a caller may read, by resource group and name.
    #[must_use]
    pub fn registrations_seen(&self, caller: &Caller, subscription: SubscriptionId) -> Vec<Registration> {
        self.read(|books| {
            let view = view_within(books, caller, subscription);
            let owner = books.subscription(subscription);
            let may_read = |it: &&Registration| {
                let scope = Scope::registration(subscription, &it.resource_group, &it.name);
                view.allows(READ_REGISTRATION, &scope, owner)
            };
            books
                .registrations(subscription)
                .filter(may_read)
                .cloned()
                .collect()
        })
    }
}

/// A registration as what locks and roles are about.
pub(crate) fn scope_of(registration: &Registration) -> Scope {
    Scope::registration(
        registration.subscription,
        &registration.resource_group,
        &registration.name,
    )
}

/// Whether an action is allowed at a registration, live or not, to whoever has this view.
pub(crate) fn allows(books: &Books, view: &View, action: &str, registration: &Registration) -> bool {
    let subscription = books.subscription(registration.subscription);
    view.everything || view.allows(action, &scope_of(registration), subscription)
}

/// The registrations that a stack has and had and that exist for whoever has this view, the first made first.
pub(crate) fn registrations_ever_seen<'a>(
    books: &'a Books,
    view: &View,
    stack: CloudId,
) -> Vec<&'a Registration> {
    let all = books.registrations_ever_of(stack).into_iter();
    all.filter(|it| allows(books, view, READ_REGISTRATION, it))
        .collect()
}

/// The live registration of a stack, if the caller may read it. Else the stack is refused as one that is not registered.
pub(crate) fn registration_seen<'a>(
    books: &'a Books,
    caller: &Caller,
    stack: CloudId,
) -> Result<&'a Registration, Error> {
    let registration = registration_of(books, stack)?;
    if sees_stack(books, &view_of(books, caller), stack) {
        Ok(registration)
    } else {
        Err(stack_not_registered(stack))
    }
}
