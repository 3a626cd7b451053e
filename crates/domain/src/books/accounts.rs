//! The part of the books that says who sells and who buys: what there is, and what there was.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{CustomerId, PartnerId, SubscriptionId, TenantId};
use crate::partner::{Customer, Partner, PartnerKind, Subscription, SubscriptionState};

/// Things of one kind by id: those that are there, and those that were deleted, as they were last.
#[derive(Debug, Clone)]
pub(super) struct Kept<K, V> {
    there: BTreeMap<K, V>,
    former: BTreeMap<K, V>,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self {
            there: BTreeMap::new(),
            former: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Copy, V> Kept<K, V> {
    /// Something that is there.
    pub(super) fn get(&self, id: K) -> Option<&V> {
        self.there.get(&id)
    }

    /// Something that was deleted.
    pub(super) fn former(&self, id: K) -> Option<&V> {
        self.former.get(&id)
    }

    /// Something that is there or was.
    pub(super) fn ever(&self, id: K) -> Option<&V> {
        self.get(id).or_else(|| self.former(id))
    }

    /// All that are there, by id.
    pub(super) fn all(&self) -> impl Iterator<Item = &V> {
        self.there.values()
    }

    fn delete(&mut self, id: K) -> Option<&V> {
        let deleted = self.there.remove(&id)?;
        self.former.insert(id, deleted);
        self.former.get(&id)
    }
}

/// Partners, customers and subscriptions.
#[derive(Debug, Clone, Default)]
pub(super) struct Accounts {
    pub(super) partners: Kept<PartnerId, Partner>,
    pub(super) customers: Kept<CustomerId, Customer>,
    pub(super) subscriptions: Kept<SubscriptionId, Subscription>,
    by_tenant: BTreeMap<TenantId, CustomerId>,
    by_provider: BTreeSet<(PartnerId, PartnerId)>,
    by_directory: BTreeSet<(TenantId, SubscriptionId)>,
}

impl Accounts {
    /// The customer to whom a directory tenant belongs.
    pub(super) fn customer_of_tenant(&self, tenant: TenantId) -> Option<&Customer> {
        self.customers.get(*self.by_tenant.get(&tenant)?)
    }

    /// The partners that buy from a provider, by id.
    pub(super) fn resellers(&self, provider: PartnerId) -> impl Iterator<Item = PartnerId> {
        const FIRST: PartnerId = PartnerId::from_bytes([0; 16]);
        const LAST: PartnerId = PartnerId::from_bytes([0xff; 16]);
        let resellers = self.by_provider.range((provider, FIRST)..=(provider, LAST));
        resellers.map(|(_, reseller)| *reseller)
    }

    /// The subscriptions that live in a directory, by id.
    pub(super) fn subscriptions_in(&self, directory: TenantId) -> impl Iterator<Item = SubscriptionId> {
        const FIRST: SubscriptionId = SubscriptionId::from_bytes([0; 16]);
        const LAST: SubscriptionId = SubscriptionId::from_bytes([0xff; 16]);
        let inside = self.by_directory.range((directory, FIRST)..=(directory, LAST));
        inside.map(|(_, subscription)| *subscription)
    }

    pub(super) fn add_partner(&mut self, partner: &Partner) {
        if let PartnerKind::IndirectReseller { provider } = partner.kind {
            self.by_provider.insert((provider, partner.id));
        }
        self.partners.there.insert(partner.id, partner.clone());
    }

    pub(super) fn add_customer(&mut self, customer: &Customer) {
        for tenant in &customer.tenants {
            self.by_tenant.entry(*tenant).or_insert(customer.id);
        }
        self.customers.there.insert(customer.id, customer.clone());
    }

    pub(super) fn add_subscription(&mut self, subscription: &Subscription) {
        self.by_directory.insert((subscription.tenant, subscription.id));
        self.subscriptions
            .there
            .insert(subscription.id, subscription.clone());
    }

    pub(super) fn set_state(
        &mut self,
        subscription: SubscriptionId,
        state: SubscriptionState,
    ) -> Result<(), &'static str> {
        let known = self.subscriptions.there.get_mut(&subscription);
        known.ok_or("the subscription is unknown")?.state = state;
        Ok(())
    }

    pub(super) fn delete_partner(&mut self, id: PartnerId) -> Result<(), &'static str> {
        let deleted = self.partners.delete(id).ok_or("the partner is unknown")?;
        if let PartnerKind::IndirectReseller { provider } = deleted.kind {
            self.by_provider.remove(&(provider, id));
        }
        Ok(())
    }

    /// Its tenants can be another customer's from now on.
    pub(super) fn delete_customer(&mut self, id: CustomerId) -> Result<(), &'static str> {
        self.customers.delete(id).ok_or("the customer is unknown")?;
        self.by_tenant.retain(|_, customer| *customer != id);
        Ok(())
    }

    pub(super) fn delete_subscription(&mut self, id: SubscriptionId) -> Result<(), &'static str> {
        let deleted = self.subscriptions.delete(id);
        let deleted = deleted.ok_or("the subscription is unknown")?;
        self.by_directory.remove(&(deleted.tenant, id));
        Ok(())
    }
}
