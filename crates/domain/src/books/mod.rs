//! The books: a journal of entries that are added and never changed, and what they add up to.
//!
//! Everything the platform was told, apart from usage itself, is an [`Entry`]: partners, customers, subscriptions,
//! registrations, tenant mappings, stack directories, price lists. [`Books`] is the state that the entries so far
//! add up to. A unit of work decides on that state and yields new entries; nothing else changes it. So the books
//! can be replayed, audited and asked as of any earlier moment.

mod directories;
mod entry;
mod lookup;
mod opening;
mod roles;
mod tariffs;

use std::collections::{BTreeMap, HashMap};

use crate::attribution::{RegistrationTerms, StackHistory};
use crate::authorization::Scope;
use crate::catalog::{PriceList, PriceListName, Prices};
use crate::ids::{CloudId, CustomerId, OperatorId, PartnerId, RegistrationId, SubscriptionId};
use crate::partner::{Customer, Partner, Subscription};
use crate::registration::Registration;
use crate::resource_id::ResourceName;
use crate::time::{Hour, HourInterval};
use crate::timeline::{Assertion, Recorded, Timeline};

pub use directories::{Directories, DirectoryEntry, DirectoryObject, DirectoryRefused};
pub use entry::Entry;
pub use lookup::Mapping;
pub use opening::Refused;
pub use roles::{AssignRole, RoleEntry, RoleRefused, Roles};
pub use tariffs::CurrencyChange;

/// An account that operates the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Its id.
    pub id: OperatorId,
    /// Its name, for people.
    pub name: String,
    /// The digest of its credential; the credential itself is never stored.
    pub credential_digest: [u8; 32],
}

/// A resource group: where registrations live inside a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceGroup {
    /// The subscription it is in.
    pub subscription: SubscriptionId,
    /// Its name.
    pub name: ResourceName,
    /// Its location as sent.
    pub location: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A price list with all its versions.
#[derive(Debug, Clone)]
pub struct PublishedPriceList {
    /// What is the same in all of them.
    pub list: PriceList,
    /// Which prices hold when.
    pub versions: Timeline<Prices>,
}

/// An entry that does not fit what came before it. It is never written by this software, so it means that the
/// journal was damaged or changed from outside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {entry} of the journal contradicts the entries before it: {because}")]
pub struct Contradiction {
    /// The number of the entry.
    pub entry: u64,
    /// What does not fit.
    pub because: &'static str,
}

type RegistrationPath = (SubscriptionId, ResourceName, ResourceName);

/// What the entries add up to.
#[derive(Debug, Clone, Default)]
pub struct Books {
    entries: u64,
    operators: HashMap<[u8; 32], Operator>,
    partners: BTreeMap<PartnerId, Partner>,
    customers: BTreeMap<CustomerId, Customer>,
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
    resource_groups: BTreeMap<(SubscriptionId, ResourceName), ResourceGroup>,
    registrations: HashMap<RegistrationId, Registration>,
    live_by_path: BTreeMap<RegistrationPath, RegistrationId>,
    live_by_stack: BTreeMap<CloudId, RegistrationId>,
    stacks: BTreeMap<CloudId, StackHistory>,
    price_lists: BTreeMap<PriceListName, PublishedPriceList>,
    directories: Directories,
    roles: Roles,
}

impl Books {
    /// How many entries there have been.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// Adds the next entry.
    ///
    /// # Errors
    /// [`Contradiction`] if it does not fit; the books are then as they were.
    pub fn apply(&mut self, entry: &Entry, recorded: Recorded) -> Result<(), Contradiction> {
        let contradiction = |because| Contradiction {
            entry: recorded.entry,
            because,
        };
        if recorded.entry != self.entries + 1 {
            return Err(contradiction("its number is not the next one"));
        }
        self.take_in(entry, recorded).map_err(contradiction)?;
        self.entries = recorded.entry;
        Ok(())
    }

    fn take_in(&mut self, entry: &Entry, recorded: Recorded) -> Result<(), &'static str> {
        match entry {
            Entry::OperatorAdmitted(operator) => {
                self.operators
                    .insert(operator.credential_digest, operator.clone());
            }
            Entry::OperatorRevoked { operator } => {
                self.operators.retain(|_, known| known.id != *operator);
            }
            Entry::PartnerCreated(partner) => {
                self.partners.insert(partner.id, partner.clone());
            }
            Entry::CustomerCreated(customer) => {
                self.customers.insert(customer.id, customer.clone());
            }
            Entry::SubscriptionCreated(subscription) => {
                self.subscriptions.insert(subscription.id, subscription.clone());
            }
            Entry::SubscriptionStateSet { subscription, state } => {
                let known = self
                    .subscriptions
                    .get_mut(subscription)
                    .ok_or("the subscription is unknown")?;
                known.state = *state;
            }
            Entry::ResourceGroupPut(group) => {
                self.resource_groups
                    .insert((group.subscription, group.name.clone()), group.clone());
            }
            Entry::ResourceGroupDeleted { subscription, name } => {
                self.resource_groups.remove(&(*subscription, name.clone()));
                self.roles
                    .forget(&Scope::ResourceGroup(*subscription, name.clone()));
            }
            Entry::Registered { .. } => self.register(entry, recorded)?,
            Entry::Reregistered {
                registration,
                token,
                tags,
                from,
            } => {
                let known = self.known_mut(*registration)?;
                known.token = token.clone();
                known.tags = tags.clone();
                known.updated = recorded;
                self.assert_terms(*registration, HourInterval::from(*from), recorded)?;
            }
            Entry::RegistrationTagged { registration, tags } => {
                let known = self.known_mut(*registration)?;
                known.tags = tags.clone();
                known.updated = recorded;
            }
            Entry::RegistrationBackdated { registration, valid } => {
                self.backdate(*registration, *valid, recorded)?;
            }
            Entry::MultiTenancyApproved { registration } => {
                let known = self.known_mut(*registration)?;
                known.multi_tenancy_approved = true;
                known.updated = recorded;
            }
            Entry::Deregistered { registration, from } => self.deregister(*registration, *from, recorded)?,
            Entry::RegistrationMoved {
                registration,
                subscription,
                resource_group,
                from,
            } => self.move_to(*registration, (*subscription, resource_group), *from, recorded)?,
            Entry::TenantMapped {
                registration,
                tenant,
                subscription,
                valid,
            } => {
                let known = self.known(*registration)?;
                let stack = self.stacks.entry(known.cloud_id()).or_default();
                let timeline = stack.mappings.entry((*registration, *tenant)).or_default();
                timeline.assert(Assertion {
                    valid: *valid,
                    recorded,
                    value: *subscription,
                });
            }
            Entry::LocalSubscriptionListed {
                stack,
                local_subscription,
                listed,
                valid,
            } => {
                let stack = self.stacks.entry(*stack).or_default();
                let timeline = stack.directory.entry(*local_subscription).or_default();
                timeline.assert(Assertion {
                    valid: *valid,
                    recorded,
                    value: listed.clone(),
                });
            }
            Entry::Directory(entry) => self.directories.take_in(entry, recorded)?,
            Entry::Role(entry) => self.roles.take_in(entry, recorded)?,
            Entry::PriceListPublished { list, prices, from } => {
                let published =
                    self.price_lists
                        .entry(list.name.clone())
                        .or_insert_with(|| PublishedPriceList {
                            list: list.clone(),
                            versions: Timeline::default(),
                        });
                if published.list != *list {
                    return Err("the price list had another scope or currency");
                }
                // It holds until the next version that is there already: publishing one never cancels another.
                let starts = published
                    .versions
                    .assertions()
                    .iter()
                    .map(|version| version.valid.start());
                let until = starts.filter(|start| start > from).min().unwrap_or(Hour::MAX);
                let valid = HourInterval::new(*from, until).ok_or("the version holds for no hour")?;
                published.versions.assert(Assertion {
                    valid,
                    recorded,
                    value: prices.clone(),
                });
            }
        }
        Ok(())
    }

    fn known(&self, id: RegistrationId) -> Result<&Registration, &'static str> {
        self.registrations.get(&id).ok_or("the registration is unknown")
    }

    fn known_mut(&mut self, id: RegistrationId) -> Result<&mut Registration, &'static str> {
        self.registrations
            .get_mut(&id)
            .ok_or("the registration is unknown")
    }

    fn register(&mut self, entry: &Entry, recorded: Recorded) -> Result<(), &'static str> {
        let Entry::Registered {
            id,
            subscription,
            resource_group,
            name,
            location,
            tags,
            token,
            from,
        } = entry
        else {
            return Ok(());
        };
        let path = (*subscription, resource_group.clone(), name.clone());
        if self.live_by_path.contains_key(&path) {
            return Err("the name is taken by a live registration");
        }
        if self.live_by_stack.contains_key(&token.cloud_id) {
            return Err("the stack has a live registration");
        }
        let registration = Registration {
            id: *id,
            subscription: *subscription,
            resource_group: resource_group.clone(),
            name: name.clone(),
            location: location.clone(),
            tags: tags.clone(),
            token: token.clone(),
            multi_tenancy_approved: false,
            created: recorded,
            updated: recorded,
        };
        if self.registrations.insert(*id, registration).is_some() {
            return Err("the registration's id was used before");
        }
        self.live_by_path.insert(path, *id);
        self.live_by_stack.insert(token.cloud_id, *id);
        self.assert_terms(*id, HourInterval::from(*from), recorded)
    }

    fn deregister(
        &mut self,
        registration: RegistrationId,
        from: Hour,
        recorded: Recorded,
    ) -> Result<(), &'static str> {
        let known = self.known(registration)?;
        let path = (
            known.subscription,
            known.resource_group.clone(),
            known.name.clone(),
        );
        let cloud_id = known.cloud_id();
        if self.live_by_stack.get(&cloud_id) != Some(&registration) {
            return Err("the registration is not live");
        }
        self.live_by_path.remove(&path);
        self.live_by_stack.remove(&cloud_id);
        self.roles.forget(&Scope::registration(path.0, &path.1, &path.2));
        let ended = Assertion {
            valid: HourInterval::from(from),
            recorded,
            value: None,
        };
        self.stacks
            .entry(cloud_id)
            .or_default()
            .registration
            .assert(ended);
        Ok(())
    }

    /// Records that a registration is in another resource group now, and who pays from then on.
    fn move_to(
        &mut self,
        registration: RegistrationId,
        (subscription, resource_group): (SubscriptionId, &ResourceName),
        from: Hour,
        recorded: Recorded,
    ) -> Result<(), &'static str> {
        let known = self.known(registration)?;
        let before = (
            known.subscription,
            known.resource_group.clone(),
            known.name.clone(),
        );
        let after = (subscription, resource_group.clone(), known.name.clone());
        if self.live_by_path.get(&before) != Some(&registration) {
            return Err("the registration is not live");
        }
        if self.live_by_path.contains_key(&after) {
            return Err("the name is taken by a live registration");
        }
        self.live_by_path.remove(&before);
        self.live_by_path.insert(after, registration);
        self.roles
            .forget(&Scope::registration(before.0, &before.1, &before.2));
        let known = self.known_mut(registration)?;
        known.subscription = subscription;
        known.resource_group = resource_group.clone();
        known.updated = recorded;
        self.assert_terms(registration, HourInterval::from(from), recorded)
    }

    /// Records that the terms that hold after these hours held in them, too.
    fn backdate(
        &mut self,
        registration: RegistrationId,
        valid: HourInterval,
        recorded: Recorded,
    ) -> Result<(), &'static str> {
        let known = self.known(registration)?;
        let stack = self.stacks.entry(known.cloud_id()).or_default();
        let after = stack
            .registration
            .at(valid.end())
            .and_then(|assertion| assertion.value);
        let terms = after.filter(|terms| terms.registration == registration);
        let terms = terms.ok_or("the registration does not hold after these hours")?;
        stack.registration.assert(Assertion {
            valid,
            recorded,
            value: Some(terms),
        });
        Ok(())
    }

    /// Records that the registration's present terms hold in these hours.
    fn assert_terms(
        &mut self,
        registration: RegistrationId,
        valid: HourInterval,
        recorded: Recorded,
    ) -> Result<(), &'static str> {
        let known = self.known(registration)?;
        let terms = RegistrationTerms {
            registration,
            default_subscription: known.subscription,
            billing_model: known.token.billing_model,
        };
        let stack = self.stacks.entry(known.cloud_id()).or_default();
        stack.registration.assert(Assertion {
            valid,
            recorded,
            value: Some(terms),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
