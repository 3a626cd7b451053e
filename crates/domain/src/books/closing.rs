//! Closing accounts: which partners, customers and subscriptions may be deleted.
//!
//! What is deleted is gone from every list and takes in nothing new. Its history stays: usage that it was charged for
//! stays charged to it, and statements name it as it was last. Its id is never given again.

use super::{Books, Entry};
use crate::authorization::{Deed, PartnerRole, Scope, ScopeLocked};
use crate::identity::DirectoryOwner;
use crate::ids::{CustomerId, ObjectId, PartnerId, SubscriptionId};
use crate::registration::Registration;
use crate::time::Hour;

use super::directories::DirectoryObject;

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
}

/// Why something is not deleted. The text says what has to be done first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeletionRefused {
    /// Something depends on it.
    #[error("the {what} still has {}, such as {example}; delete or remove these first", remaining.in_words())]
    StillNeeded {
        /// What was to be deleted.
        what: &'static str,
        /// What depends on it.
        remaining: Remaining,
        /// One of them.
        example: String,
    },
    /// Nobody could operate the platform.
    #[error("nobody else operates the platform; make somebody else an operator of it first")]
    LastOperator,
    /// Locks stop it.
    #[error(transparent)]
    Locked(#[from] ScopeLocked),
}

impl DeletionRefused {
    pub(super) fn still_needed(what: &'static str, remaining: Remaining, example: String) -> Self {
        Self::StillNeeded {
            what,
            remaining,
            example,
        }
    }

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

impl Books {
    /// Deletes a partner that is there.
    ///
    /// # Errors
    /// [`DeletionRefused`] as long as it has resellers, customers, subscriptions or directories.
    pub fn delete_partner(&self, id: PartnerId) -> Result<Entry, DeletionRefused> {
        let refuse = |remaining, example| DeletionRefused::still_needed("partner", remaining, example);
        if let Some(reseller) = self.accounts.resellers(id).next() {
            return Err(refuse(Remaining::Resellers, reseller.to_string()));
        }
        if let Some(customer) = self.customers().find(|it| it.partner == id) {
            return Err(refuse(Remaining::Customers, customer.id.to_string()));
        }
        if let Some(owned) = self.subscriptions().find(|it| it.owner == Some(id)) {
            return Err(refuse(Remaining::Subscriptions, owned.id.to_string()));
        }
        self.check_no_directories("partner", DirectoryOwner::Partner(id))?;
        Ok(Entry::PartnerDeleted { partner: id })
    }

    /// Deletes a customer that is there.
    ///
    /// # Errors
    /// [`DeletionRefused`] as long as it has subscriptions or directories.
    pub fn delete_customer(&self, id: CustomerId) -> Result<Entry, DeletionRefused> {
        if let Some(sold) = self.subscriptions().find(|it| it.customer == Some(id)) {
            return Err(DeletionRefused::still_needed(
                "customer",
                Remaining::Subscriptions,
                sold.id.to_string(),
            ));
        }
        self.check_no_directories("customer", DirectoryOwner::Customer(id))?;
        Ok(Entry::CustomerDeleted { customer: id })
    }

    fn check_no_directories(&self, what: &'static str, owner: DirectoryOwner) -> Result<(), DeletionRefused> {
        match self.directories.all().find(|it| it.owner == owner) {
            Some(own) => Err(DeletionRefused::still_needed(
                what,
                Remaining::Directories,
                own.domain.to_string(),
            )),
            None => Ok(()),
        }
    }

    /// Deletes a subscription that is there, with its empty resource groups and the roles given in it.
    ///
    /// # Errors
    /// [`DeletionRefused`] as long as anything in it is locked, a stack is registered with it, or a tenant is mapped to it in
    /// this hour or a later one.
    pub fn delete_subscription(&self, id: SubscriptionId, hour: Hour) -> Result<Entry, DeletionRefused> {
        let refuse = |remaining, example| DeletionRefused::still_needed("subscription", remaining, example);
        self.check_locks(Deed::Delete, &Scope::Subscription(id))?;
        if let Some(registration) = self.registrations(id).next() {
            return Err(refuse(Remaining::Registrations, registration.name.to_string()));
        }
        let mut live = self.live_registrations();
        if let Some(registration) = live.find(|it| self.charges_from(it, id, hour)) {
            let example = format!("of stack {}", registration.cloud_id());
            return Err(refuse(Remaining::TenantMappings, example));
        }
        Ok(Entry::SubscriptionDeleted { subscription: id })
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

    /// Whether somebody operates the platform who is not this user, service principal or group: by a credential, or by a
    /// role that an account has which may sign in. Accounts of directories kept elsewhere count.
    ///
    /// # Errors
    /// [`DeletionRefused::LastOperator`] if not, and if this one does.
    pub fn check_operated_without(&self, gone: ObjectId) -> Result<(), DeletionRefused> {
        let holders = || self.roles.holders(PartnerRole::PlatformOperator);
        let directories = &self.directories;
        let concerned = holders().any(|holder| {
            holder == gone
                || directories
                    .group(holder)
                    .is_some_and(|group| group.members.contains(&gone))
        });
        let may_sign_in = |id: ObjectId| match directories.object(id) {
            _ if id == gone => false,
            Some(DirectoryObject::User(user)) => user.enabled,
            Some(DirectoryObject::ServicePrincipal(application)) => application.enabled,
            Some(DirectoryObject::Group(_)) => false,
            None => true,
        };
        let operates = |holder: ObjectId| match directories.group(holder) {
            Some(group) if holder != gone => group.members.iter().any(|member| may_sign_in(*member)),
            _ => may_sign_in(holder),
        };
        if !concerned || self.operators().any(|it| !it.revoked) || holders().any(operates) {
            return Ok(());
        }
        Err(DeletionRefused::LastOperator)
    }
}

#[cfg(test)]
mod tests;
