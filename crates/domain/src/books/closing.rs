//! Closing accounts: which partners, customers and subscriptions may be deleted.
//!
//! What is deleted is gone from every list and takes in nothing new. Its history stays: usage that it was charged for
//! stays charged to it, and statements name it as it was last. Its id is never given again.

mod operated;

use super::{Books, Entry, RoleEntry};
use crate::authorization::{Deed, READ_REGISTRATION, Scope, ScopeLocked, View};
use crate::identity::DirectoryOwner;
use crate::ids::{CustomerId, PartnerId, SubscriptionId};
use crate::partner::Subscription;
use crate::registration::Registration;
use crate::time::Hour;

pub use operated::Loss;

/// What is still there of something that is to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remaining {
    /// Partners that buy from it.
    Resellers,
    /// Customers that it sells to.
    Customers,
    /// Subscriptions that it sells, uses or pays for.
    Subscriptions,
    /// Directories of its own.
    Directories,
    /// Stacks that are registered with it.
    Registrations,
    /// Tenants whose usage is charged to it.
    TenantMappings,
    /// Users in it.
    Users,
    /// Applications in it.
    Applications,
    /// Groups in it.
    Groups,
}

impl Remaining {
    const fn in_words(self) -> &'static str {
        match self {
            Self::Resellers => "resellers",
            Self::Customers => "customers",
            Self::Subscriptions => "subscriptions",
            Self::Directories => "directories",
            Self::Registrations => "registrations",
            Self::TenantMappings => "tenants whose usage is charged to it",
            Self::Users => "users",
            Self::Applications => "applications",
            Self::Groups => "groups",
        }
    }

    /// Refuses to delete something of which this remains. Each of what remains is given by its name, or by none where that
    /// is nothing to whoever wants to delete it.
    pub(super) fn refuse(
        self,
        what: &'static str,
        names: impl Iterator<Item = Option<String>>,
    ) -> Result<(), DeletionRefused> {
        let mut names = names.peekable();
        if names.peek().is_none() {
            return Ok(());
        }
        Err(DeletionRefused::StillNeeded {
            what,
            remaining: self,
            example: names.flatten().next(),
        })
    }
}

fn what_to_do(example: Option<&str>) -> String {
    match example {
        Some(example) => format!(", such as {example}. Delete or remove these first."),
        None => ", which you do not see. Have whoever manages these delete or remove them first.".to_owned(),
    }
}

/// Why something is not deleted. The text says what has to be done first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeletionRefused {
    /// Something depends on it.
    #[error("The {what} still has {}{}", remaining.in_words(), what_to_do(example.as_deref()))]
    StillNeeded {
        /// What was to be deleted.
        what: &'static str,
        /// What depends on it.
        remaining: Remaining,
        /// One of them that whoever wants to delete it sees, if there is one.
        example: Option<String>,
    },
    /// Nobody could operate the platform.
    #[error("Nobody else operates the platform. Make somebody else an operator of it first.")]
    LastOperator,
    /// Locks stop it.
    #[error(transparent)]
    Locked(#[from] ScopeLocked),
}

impl DeletionRefused {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::StillNeeded { remaining, .. } => match remaining {
                Remaining::Resellers => "ResellersRemain",
                Remaining::Customers => "CustomersRemain",
                Remaining::Subscriptions => "SubscriptionsRemain",
                Remaining::Directories => "DirectoriesRemain",
                Remaining::Registrations => "RegistrationsRemain",
                Remaining::TenantMappings => "TenantMappingsRemain",
                Remaining::Users => "UsersRemain",
                Remaining::Applications => "ApplicationsRemain",
                Remaining::Groups => "GroupsRemain",
            },
            Self::LastOperator => "LastPlatformOperator",
            Self::Locked(_) => ScopeLocked::CODE,
        }
    }
}

/// What may be deleted that is there. A refusal names only what is in the view of whoever wants to delete it.
impl Books {
    /// Deletes a partner.
    ///
    /// # Errors
    /// [`DeletionRefused`] as long as it has resellers, customers, subscriptions or directories.
    pub fn delete_partner(&self, id: PartnerId, view: &View) -> Result<Entry, DeletionRefused> {
        let what = "partner";
        let resellers = self.accounts.resellers(id);
        let names = resellers.map(|it| view.sees_partner(it).then(|| it.to_string()));
        Remaining::Resellers.refuse(what, names)?;
        let customers = self.customers().filter(|it| it.partner == id);
        let names = customers.map(|it| view.sees_customer(it).then(|| it.id.to_string()));
        Remaining::Customers.refuse(what, names)?;
        self.check_no_subscriptions(what, |it| it.owner == Some(id), view)?;
        self.check_no_directories(what, DirectoryOwner::Partner(id), view)?;
        Ok(Entry::PartnerDeleted { partner: id })
    }

    /// Deletes a customer.
    ///
    /// # Errors
    /// [`DeletionRefused`] as long as it has subscriptions or directories.
    pub fn delete_customer(&self, id: CustomerId, view: &View) -> Result<Entry, DeletionRefused> {
        let what = "customer";
        self.check_no_subscriptions(what, |it| it.customer == Some(id), view)?;
        self.check_no_directories(what, DirectoryOwner::Customer(id), view)?;
        Ok(Entry::CustomerDeleted { customer: id })
    }

    fn check_no_subscriptions(
        &self,
        what: &'static str,
        is_its: impl Fn(&Subscription) -> bool,
        view: &View,
    ) -> Result<(), DeletionRefused> {
        let own = self.subscriptions().filter(|it| is_its(it));
        let names = own.map(|it| view.sees_subscription(it).then(|| it.id.to_string()));
        Remaining::Subscriptions.refuse(what, names)
    }

    fn check_no_directories(
        &self,
        what: &'static str,
        owner: DirectoryOwner,
        view: &View,
    ) -> Result<(), DeletionRefused> {
        let own = self.directories.all().filter(|it| it.owner == owner);
        let names = own.map(|it| self.manages(view, owner).then(|| it.domain.to_string()));
        Remaining::Directories.refuse(what, names)
    }

    /// Deletes a subscription, with its empty resource groups, the roles given in it, and the custom roles that could be
    /// given nowhere else.
    ///
    /// # Errors
    /// [`DeletionRefused`] as long as anything in it is locked, a stack is registered with it, or a tenant is mapped to it in
    /// this hour or a later one.
    pub fn delete_subscription(
        &self,
        id: SubscriptionId,
        view: &View,
        hour: Hour,
    ) -> Result<Vec<Entry>, DeletionRefused> {
        self.check_locks(Deed::Delete, &Scope::Subscription(id))?;
        let what = "subscription";
        let registrations = self.registrations(id);
        let names = registrations.map(|it| self.reads(view, it).then(|| it.name.to_string()));
        Remaining::Registrations.refuse(what, names)?;
        let charging = self
            .live_registrations()
            .filter(|it| self.charges_from(it, id, hour));
        let names = charging.map(|it| {
            self.reads(view, it)
                .then(|| format!("of stack {}", it.cloud_id()))
        });
        Remaining::TenantMappings.refuse(what, names)?;
        let deleted = Entry::SubscriptionDeleted { subscription: id };
        let roles = self.roles_for_nothing_but(id);
        let roles = roles.map(|role| RoleEntry::RoleDefinitionDeleted { role }.into());
        Ok(std::iter::once(deleted).chain(roles).collect())
    }

    /// Whether somebody reads a registration.
    fn reads(&self, view: &View, it: &Registration) -> bool {
        let scope = Scope::registration(it.subscription, &it.resource_group, &it.name);
        view.allows(READ_REGISTRATION, &scope, self.subscription(it.subscription))
    }

    /// Whether a tenant of a registration is mapped to a subscription in an hour or a later one.
    fn charges_from(&self, registration: &Registration, subscription: SubscriptionId, hour: Hour) -> bool {
        let stack = self.stacks.get(&registration.cloud_id()).into_iter();
        let own = stack
            .flat_map(|stack| &stack.mappings)
            .filter(|((of, _), _)| *of == registration.id);
        let mut timelines = own.map(|(_, timeline)| timeline);
        timelines.any(|timeline| {
            let starts = timeline
                .assertions()
                .iter()
                .flat_map(|it| [it.valid.start(), it.valid.end()]);
            let mut hours = starts.filter(|start| *start > hour).chain([hour]);
            hours.any(|hour| timeline.at(hour).is_some_and(|it| it.value == Some(subscription)))
        })
    }
}

#[cfg(test)]
mod tests;
