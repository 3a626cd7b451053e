//! Resource groups: where registrations live inside a subscription.

use std::collections::BTreeMap;

use domain::authorization::{Deed, Scope};
use domain::books::{Entry, ResourceGroup};
use domain::ids::SubscriptionId;
use domain::registration::{Warning, register};
use domain::resource_id::ResourceName;

use crate::access::Caller;
use crate::accounts::{Created, subscription_not_found};
use crate::{App, Error, Kind};

/// ARM's own text.
pub(crate) fn resource_group_not_found(name: &ResourceName) -> Error {
    Error::not_found(
        "ResourceGroupNotFound",
        format!("Resource group '{name}' could not be found."),
    )
}

impl App {
    /// Creates a resource group, or changes the tags of one. The location of an existing group never changes.
    ///
    /// # Errors
    /// `SubscriptionNotFound`, `InvalidResourceGroupLocation`, `ScopeLocked`, `ResourceGroupQuotaExceeded`, or as the store.
    pub async fn put_resource_group(
        &self,
        caller: &Caller,
        subscription: SubscriptionId,
        name: &ResourceName,
        location: &str,
        tags: BTreeMap<String, String>,
    ) -> Result<(ResourceGroup, Created), Error> {
        let location = location.replace(' ', "").to_lowercase();
        self.change(caller, |books| {
            books.subscription(subscription).ok_or_else(|| subscription_not_found(&subscription.to_string()))?;
            let known = books.resource_group(subscription, name);
            if let Some(known) = known
                && known.location != location
            {
                let message = format!(
                    "Resource group '{name}' already exists in location '{}'. A group with the same name cannot be \
                     created in location '{location}'. Choose another name, or leave the location as it is.",
                    known.location
                );
                return Err(Error::new(Kind::Conflict, "InvalidResourceGroupLocation", message).about("location"));
            }
            let group = ResourceGroup {
                subscription,
                name: known.map_or_else(|| name.clone(), |known| known.name.clone()),
                location: location.clone(),
                tags: tags.clone(),
            };
            if known == Some(&group) {
                return Ok((Vec::new(), (group, Created::Existing)));
            }
            books.check_locks(Deed::Write, &Scope::ResourceGroup(subscription, name.clone()))?;
            if known.is_none() {
                books.check_room_for_resource_group(subscription)?;
            }
            let created = known.is_none().into();
            Ok((vec![Entry::ResourceGroupPut(group.clone())], (group, created)))
        })
        .await
    }

    /// A resource group.
    ///
    /// # Errors
    /// `SubscriptionNotFound` or `ResourceGroupNotFound`.
    pub fn resource_group(
        &self,
        subscription: SubscriptionId,
        name: &ResourceName,
    ) -> Result<ResourceGroup, Error> {
        self.read(|books| {
            books
                .subscription(subscription)
                .ok_or_else(|| subscription_not_found(&subscription.to_string()))?;
            books
                .resource_group(subscription, name)
                .cloned()
                .ok_or_else(|| resource_group_not_found(name))
        })
    }

    /// The resource groups of a subscription by name: those after `after`, `limit` at the most.
    ///
    /// # Errors
    /// `SubscriptionNotFound`.
    pub fn resource_groups(
        &self,
        subscription: SubscriptionId,
        after: Option<&ResourceName>,
        limit: usize,
    ) -> Result<Vec<ResourceGroup>, Error> {
        self.read(|books| {
            books
                .subscription(subscription)
                .ok_or_else(|| subscription_not_found(&subscription.to_string()))?;
            let groups = books.resource_groups(subscription);
            let rest = groups.skip_while(|group| after.is_some_and(|after| group.name <= *after));
            Ok(rest.take(limit).cloned().collect())
        })
    }

    /// Changes the tags of a resource group that is there.
    ///
    /// # Errors
    /// `SubscriptionNotFound`, `ResourceGroupNotFound`, `ScopeLocked`, what `change` refuses, or as the store.
    pub async fn tag_resource_group(
        &self,
        caller: &Caller,
        subscription: SubscriptionId,
        name: &ResourceName,
        change: impl Fn(&BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Error> + Send + Sync,
    ) -> Result<ResourceGroup, Error> {
        self.change(caller, |books| {
            let known = books.subscription(subscription);
            known.ok_or_else(|| subscription_not_found(&subscription.to_string()))?;
            let known = books.resource_group(subscription, name);
            let known = known.ok_or_else(|| resource_group_not_found(name))?;
            let group = ResourceGroup {
                tags: change(&known.tags)?,
                ..known.clone()
            };
            if group == *known {
                return Ok((Vec::new(), group));
            }
            books.check_locks(Deed::Write, &Scope::ResourceGroup(subscription, name.clone()))?;
            Ok((vec![Entry::ResourceGroupPut(group.clone())], group))
        })
        .await
    }

    /// Deletes a resource group with everything in it, as Azure does: the stacks registered there are not registered any
    /// more, and their later usage is charged to nobody, which the caller is told of. A lock at the group, above it, or at
    /// anything in it stops all of it.
    ///
    /// # Errors
    /// `SubscriptionNotFound`, `ResourceGroupNotFound`, `ScopeLocked`, or as the store.
    pub async fn delete_resource_group(
        &self,
        caller: &Caller,
        subscription: SubscriptionId,
        name: &ResourceName,
    ) -> Result<Vec<Warning>, Error> {
        let from = self.this_hour();
        self.change(caller, |books| {
            let known = books.subscription(subscription);
            known.ok_or_else(|| subscription_not_found(&subscription.to_string()))?;
            let known = books.resource_group(subscription, name);
            known.ok_or_else(|| resource_group_not_found(name))?;
            books.check_locks(Deed::Delete, &Scope::ResourceGroup(subscription, name.clone()))?;
            let inside = books
                .registrations(subscription)
                .filter(|it| it.resource_group == *name);
            let (ended, warnings): (Vec<_>, Vec<_>) = inside
                .map(register::delete)
                .map(|it| (it.registration, it.warning))
                .unzip();
            let ended = ended
                .into_iter()
                .map(|registration| Entry::Deregistered { registration, from });
            let deleted = Entry::ResourceGroupDeleted {
                subscription,
                name: name.clone(),
            };
            let warnings = warnings.into_iter().flatten().collect();
            Ok((ended.chain([deleted]).collect(), warnings))
        })
        .await
    }
}
