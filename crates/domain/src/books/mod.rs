//! The books: a journal of entries that are added and never changed, and what they add up to.
//!
//! Everything the platform was told, apart from usage itself, is an [`Entry`]: partners, customers, subscriptions,
//! registrations, tenant mappings, stack directories, price lists. [`Books`] is the state that the entries so far
//! add up to. A unit of work decides on that state and yields new entries; nothing else changes it. So the books
//! can be replayed, audited and asked as of any earlier moment.

mod accounts;
mod budgets;
mod bundles;
mod closing;
mod directories;
mod entry;
mod hindsight;
mod limits;
mod listings;
mod lookup;
mod notices;
mod opening;
mod periods;
mod pricing;
mod roles;
mod tariffs;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::attribution::{RegistrationTerms, StackHistory};
use crate::authorization::{PartnerRole, Scope};
use crate::catalog::{PriceList, PriceListName, Pricing};
use crate::ids::{CloudId, OperatorId, RegistrationId, SubscriptionId};
use crate::quarantine::QuarantineAct;
use crate::registration::Registration;
use crate::resource_id::ResourceName;
use crate::time::{Hour, HourInterval};
use crate::timeline::{Assertion, Recorded, Timeline};

use accounts::Accounts;
pub use budgets::{BudgetEntry, BudgetRecord, BudgetRefused, Budgets, Reached};
use bundles::Bundles;
pub use bundles::{BundleEntry, BundleKey, BundlePublicKey, KeyWasReplaced, TakenBundle};
pub use closing::{DeletionRefused, Loss, Remaining};
pub use directories::{Directories, DirectoryEntry, DirectoryObject, DirectoryRefused, FormerObject};
pub use entry::Entry;
use hindsight::Hindsight;
pub use limits::{Limit, LimitReached};
use listings::Listings;
pub use listings::{Listed, Listing, ListingEntry};
pub use lookup::Mapping;
pub use notices::{
    Failing, NoticeEntry, NoticeRecord, NoticeRefused, Notices, Outcome, Sending, WebhookRecord,
};
pub use opening::Refused;
pub use periods::{
    BillEntry, Closed, Closing, DecidingTerms, ExchangeRate, Mark, PeriodRefused, Periods, ProfileVersion,
    TermsVersion, Waiver,
};
pub use pricing::{DerivationRefused, PriceDraft, PriceEntry, PriceVersion};
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

/// An operator with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorRecord {
    /// The operator.
    pub operator: Operator,
    /// Its admission.
    pub admitted: Recorded,
    /// Whether it may no longer operate the platform. Its acts stay its own.
    pub revoked: bool,
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
    pub versions: Timeline<Pricing>,
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

/// What is in a subscription, by name.
#[derive(Debug, Clone, Default)]
struct Inside {
    groups: BTreeMap<ResourceName, ResourceGroup>,
    /// The live registrations, by resource group and name.
    registrations: BTreeMap<(ResourceName, ResourceName), RegistrationId>,
}

/// What the entries add up to.
#[derive(Debug, Clone, Default)]
pub struct Books {
    entries: u64,
    operators: BTreeMap<OperatorId, OperatorRecord>,
    operators_by_credential: HashMap<[u8; 32], OperatorId>,
    accounts: Accounts,
    inside: BTreeMap<SubscriptionId, Inside>,
    registrations: HashMap<RegistrationId, Registration>,
    live_by_stack: BTreeMap<CloudId, RegistrationId>,
    stacks: BTreeMap<CloudId, StackHistory>,
    price_lists: BTreeMap<PriceListName, PublishedPriceList>,
    price_drafts: BTreeMap<PriceListName, (PriceDraft, Recorded)>,
    /// The lists that some version of another one follows.
    price_bases: BTreeSet<PriceListName>,
    quarantine_acts: Vec<(QuarantineAct, Recorded)>,
    directories: Directories,
    roles: Roles,
    notices: Notices,
    bundles: Bundles,
    listings: Listings,
    periods: Periods,
    budgets: Budgets,
    hindsight: Hindsight,
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
        self.hindsight.take_in(recorded.entry, entry);
        self.entries = recorded.entry;
        Ok(())
    }

    fn take_in(&mut self, entry: &Entry, recorded: Recorded) -> Result<(), &'static str> {
        match entry {
            Entry::OperatorAdmitted(operator) => self.admit(operator, recorded),
            Entry::OperatorRevoked { operator } => self.revoke(*operator)?,
            Entry::PartnerCreated(partner) => self.accounts.add_partner(partner),
            Entry::CustomerCreated(customer) => self.accounts.add_customer(customer),
            Entry::SubscriptionCreated(subscription) => self.accounts.add_subscription(subscription),
            Entry::SubscriptionStateSet { subscription, state } => {
                self.accounts.set_state(*subscription, *state)?;
            }
            Entry::PartnerDeleted { partner } => {
                self.accounts.delete_partner(*partner)?;
                self.roles.forget_role(PartnerRole::AdminAgent(*partner));
            }
            Entry::CustomerDeleted { customer } => {
                self.accounts.delete_customer(*customer)?;
                self.roles.forget_role(PartnerRole::CustomerUser(*customer));
            }
            Entry::SubscriptionDeleted { subscription } => {
                self.accounts.delete_subscription(*subscription)?;
                self.inside.remove(subscription);
                self.roles.forget(&Scope::Subscription(*subscription));
            }
            Entry::ResourceGroupPut(group) => {
                let inside = self.inside.entry(group.subscription).or_default();
                inside.groups.insert(group.name.clone(), group.clone());
            }
            Entry::ResourceGroupDeleted { subscription, name } => {
                if let Some(inside) = self.inside.get_mut(subscription) {
                    inside.groups.remove(name);
                }
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
            Entry::ActivationKeysRevoked { registration } => {
                let known = self.known_mut(*registration)?;
                known.key_generation += 1;
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
                made_at,
            } => {
                let made_at = made_at.unwrap_or(recorded.at);
                self.listings.list(*stack, *local_subscription, made_at);
                let stack = self.stacks.entry(*stack).or_default();
                let timeline = stack.directory.entry(*local_subscription).or_default();
                timeline.assert(Assertion {
                    valid: *valid,
                    recorded,
                    value: listed.clone(),
                });
            }
            Entry::DirectoryListed(entry) => self.listings.take_in(entry),
            Entry::QuarantineActed(act) => self.quarantine_acts.push((act.clone(), recorded)),
            Entry::Directory(entry) => {
                let gone = self.directories.take_in(entry, recorded)?;
                gone.into_iter()
                    .for_each(|object| self.roles.forget_principal(object));
            }
            Entry::Role(entry) => self.roles.take_in(entry, recorded)?,
            Entry::Bundle(entry) => self.bundles.take_in(entry, recorded)?,
            Entry::Notice(entry) => self.notices.take_in(entry, recorded)?,
            Entry::Bill(entry) => self.periods.take_in(entry, recorded)?,
            Entry::PriceListPublished { list, prices, from } => {
                self.take_in_version(list, prices.clone().into(), *from, recorded)?;
            }
            Entry::Price(entry) => self.take_in_price(entry, recorded)?,
            Entry::Budget(entry) => self.take_in_budget(entry, recorded)?,
        }
        Ok(())
    }

    fn admit(&mut self, operator: &Operator, recorded: Recorded) {
        self.operators_by_credential
            .insert(operator.credential_digest, operator.id);
        let record = OperatorRecord {
            operator: operator.clone(),
            admitted: recorded,
            revoked: false,
        };
        self.operators.insert(operator.id, record);
    }

    fn revoke(&mut self, operator: OperatorId) -> Result<(), &'static str> {
        let record = self
            .operators
            .get_mut(&operator)
            .ok_or("the operator is unknown")?;
        record.revoked = true;
        self.operators_by_credential
            .remove(&record.operator.credential_digest);
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
        if self.registration(*subscription, resource_group, name).is_some() {
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
            key_generation: 0,
            created: recorded,
            updated: recorded,
        };
        if self.registrations.insert(*id, registration).is_some() {
            return Err("the registration's id was used before");
        }
        let inside = self.inside.entry(*subscription).or_default();
        let path = (resource_group.clone(), name.clone());
        inside.registrations.insert(path, *id);
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
        let (subscription, group, name) = (
            known.subscription,
            known.resource_group.clone(),
            known.name.clone(),
        );
        let cloud_id = known.cloud_id();
        if self.live_by_stack.get(&cloud_id) != Some(&registration) {
            return Err("the registration is not live");
        }
        self.roles
            .forget(&Scope::registration(subscription, &group, &name));
        if let Some(inside) = self.inside.get_mut(&subscription) {
            inside.registrations.remove(&(group, name));
        }
        self.live_by_stack.remove(&cloud_id);
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
        let (before, group, name) = (
            known.subscription,
            known.resource_group.clone(),
            known.name.clone(),
        );
        if self.registration(before, &group, &name).map(|it| it.id) != Some(registration) {
            return Err("the registration is not live");
        }
        if self.registration(subscription, resource_group, &name).is_some() {
            return Err("the name is taken by a live registration");
        }
        self.roles.forget(&Scope::registration(before, &group, &name));
        if let Some(inside) = self.inside.get_mut(&before) {
            inside.registrations.remove(&(group, name.clone()));
        }
        let inside = self.inside.entry(subscription).or_default();
        inside
            .registrations
            .insert((resource_group.clone(), name), registration);
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
            cores: known.token.cores(),
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
