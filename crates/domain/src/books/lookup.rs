//! What can be asked of the books.

use std::collections::BTreeSet;

use super::{
    Books, Budgets, Directories, Limit, LimitReached, Notices, Operator, OperatorRecord, Periods,
    PublishedPriceList, ResourceGroup, Roles,
};
use crate::attribution::StackHistory;
use crate::catalog::PriceListName;
use crate::ids::{CloudId, CustomerId, PartnerId, RegistrationId, SubscriptionId, TenantId};
use crate::partner::{Customer, Partner, Subscription, SubscriptionKind};
use crate::quarantine::QuarantineAct;
use crate::registration::Registration;
use crate::resource_id::ResourceName;
use crate::time::Hour;
use crate::timeline::{Assertion, Recorded};

/// A tenant mapping that holds in some hour.
#[derive(Debug, Clone, Copy)]
pub struct Mapping<'a> {
    /// The directory tenant.
    pub tenant: TenantId,
    /// The subscription its usage is charged to.
    pub subscription: SubscriptionId,
    /// Since when, and who said so.
    pub assertion: &'a Assertion<Option<SubscriptionId>>,
}

impl Books {
    /// What was done with records in quarantine, in the order of recording.
    #[must_use]
    pub fn quarantine_acts(&self) -> &[(QuarantineAct, Recorded)] {
        &self.quarantine_acts
    }

    /// Who signs in.
    #[must_use]
    pub const fn directories(&self) -> &Directories {
        &self.directories
    }

    /// Who may do what.
    #[must_use]
    pub const fn roles(&self) -> &Roles {
        &self.roles
    }

    /// What others are told.
    #[must_use]
    pub const fn notices(&self) -> &Notices {
        &self.notices
    }

    /// Budgets, and what was reached of them.
    #[must_use]
    pub const fn budgets(&self) -> &Budgets {
        &self.budgets
    }

    /// Terms and billing periods.
    #[must_use]
    pub const fn periods(&self) -> &Periods {
        &self.periods
    }

    /// The operator whose credential has this digest, unless it was revoked.
    #[must_use]
    pub fn operator_by_credential(&self, digest: &[u8; 32]) -> Option<&Operator> {
        let id = self.operators_by_credential.get(digest)?;
        self.operators.get(id).map(|record| &record.operator)
    }

    /// Every operator that there ever was, by id.
    pub fn operators(&self) -> impl Iterator<Item = &OperatorRecord> {
        self.operators.values()
    }

    /// A partner.
    #[must_use]
    pub fn partner(&self, id: PartnerId) -> Option<&Partner> {
        self.accounts.partners.get(id)
    }

    /// A partner that is there or was.
    #[must_use]
    pub fn partner_ever(&self, id: PartnerId) -> Option<&Partner> {
        self.accounts.partners.ever(id)
    }

    /// Every partner, by id.
    pub fn partners(&self) -> impl Iterator<Item = &Partner> {
        self.accounts.partners.all()
    }

    /// A customer.
    #[must_use]
    pub fn customer(&self, id: CustomerId) -> Option<&Customer> {
        self.accounts.customers.get(id)
    }

    /// A customer that is there or was.
    #[must_use]
    pub fn customer_ever(&self, id: CustomerId) -> Option<&Customer> {
        self.accounts.customers.ever(id)
    }

    /// Every customer, by id.
    pub fn customers(&self) -> impl Iterator<Item = &Customer> {
        self.accounts.customers.all()
    }

    /// The customer to whom a directory tenant belongs.
    #[must_use]
    pub fn customer_of_tenant(&self, tenant: TenantId) -> Option<&Customer> {
        self.accounts.customer_of_tenant(tenant)
    }

    /// A subscription.
    #[must_use]
    pub fn subscription(&self, id: SubscriptionId) -> Option<&Subscription> {
        self.accounts.subscriptions.get(id)
    }

    /// A subscription that is there or was: its statements stay.
    #[must_use]
    pub fn subscription_ever(&self, id: SubscriptionId) -> Option<&Subscription> {
        self.accounts.subscriptions.ever(id)
    }

    /// Every subscription, by id.
    pub fn subscriptions(&self) -> impl Iterator<Item = &Subscription> {
        self.accounts.subscriptions.all()
    }

    /// The partner under whose agreement a subscription is sold or used; see [`Partner::rolls_up_to`].
    #[must_use]
    pub fn agreement_of(&self, subscription: &Subscription) -> Option<PartnerId> {
        self.accounts
            .partners
            .get(subscription.owner?)
            .map(Partner::rolls_up_to)
    }

    /// A resource group.
    #[must_use]
    pub fn resource_group(
        &self,
        subscription: SubscriptionId,
        name: &ResourceName,
    ) -> Option<&ResourceGroup> {
        self.inside.get(&subscription)?.groups.get(name)
    }

    /// The resource groups of a subscription, by name.
    pub fn resource_groups(&self, subscription: SubscriptionId) -> impl Iterator<Item = &ResourceGroup> {
        let inside = self.inside.get(&subscription).into_iter();
        inside.flat_map(|inside| inside.groups.values())
    }

    /// Whether a subscription has room for another resource group.
    ///
    /// # Errors
    /// [`LimitReached`].
    pub fn check_room_for_resource_group(&self, subscription: SubscriptionId) -> Result<(), LimitReached> {
        Limit::ResourceGroupsOfSubscription.admits_one_more(self.resource_groups(subscription).count())
    }

    /// The live registration of this name.
    #[must_use]
    pub fn registration(
        &self,
        subscription: SubscriptionId,
        resource_group: &ResourceName,
        name: &ResourceName,
    ) -> Option<&Registration> {
        let inside = self.inside.get(&subscription)?;
        let path = (resource_group.clone(), name.clone());
        self.registrations.get(inside.registrations.get(&path)?)
    }

    /// A registration, live or former.
    #[must_use]
    pub fn registration_by_id(&self, id: RegistrationId) -> Option<&Registration> {
        self.registrations.get(&id)
    }

    /// The live registration of a stack.
    #[must_use]
    pub fn registration_of_stack(&self, stack: CloudId) -> Option<&Registration> {
        self.live_by_stack
            .get(&stack)
            .and_then(|id| self.registrations.get(id))
    }

    /// Every registration that a stack has and had, in the order in which they were made.
    #[must_use]
    pub fn registrations_ever_of(&self, stack: CloudId) -> Vec<&Registration> {
        let all = self.registrations.values();
        let mut registrations: Vec<_> = all.filter(|it| it.cloud_id() == stack).collect();
        registrations.sort_by_key(|it| it.created.entry);
        registrations
    }

    /// Every subscription that a stack was registered with to be paid for by usage, be it for a moment, by id. Those that
    /// were deleted since are among them.
    #[must_use]
    pub fn sold_to_ever(&self, stack: CloudId) -> Vec<&Subscription> {
        let history = self.stacks.get(&stack).into_iter();
        let said = history.flat_map(|history| history.registration.assertions());
        let sold = said
            .filter_map(|it| it.value)
            .filter(|terms| terms.billing_model.charges_usage());
        let payers: BTreeSet<SubscriptionId> = sold.map(|terms| terms.default_subscription).collect();
        payers
            .into_iter()
            .filter_map(|payer| self.subscription_ever(payer))
            .collect()
    }

    /// The live registrations of a subscription, by resource group and name.
    pub fn registrations(&self, subscription: SubscriptionId) -> impl Iterator<Item = &Registration> {
        let inside = self.inside.get(&subscription).into_iter();
        let live = inside.flat_map(|inside| inside.registrations.values());
        live.filter_map(|id| self.registrations.get(id))
    }

    /// Every live registration, by stack.
    pub fn live_registrations(&self) -> impl Iterator<Item = &Registration> {
        self.live_by_stack
            .values()
            .filter_map(|id| self.registrations.get(id))
    }

    /// Every stack that was ever registered or listed its directory.
    pub fn stacks(&self) -> impl Iterator<Item = (CloudId, &StackHistory)> {
        self.stacks.iter().map(|(id, history)| (*id, history))
    }

    /// What is known of a stack.
    #[must_use]
    pub fn stack(&self, stack: CloudId) -> Option<&StackHistory> {
        self.stacks.get(&stack)
    }

    /// The tenant mappings of a registration that hold in an hour, by subscription.
    #[must_use]
    pub fn mappings(&self, registration: &Registration, hour: Hour) -> Vec<Mapping<'_>> {
        let Some(stack) = self.stacks.get(&registration.cloud_id()) else {
            return Vec::new();
        };
        let mut mappings: Vec<Mapping<'_>> = stack
            .mappings
            .iter()
            .filter(|((of, _), _)| *of == registration.id)
            .filter_map(|((_, tenant), timeline)| {
                let assertion = timeline.at(hour)?;
                Some(Mapping {
                    tenant: *tenant,
                    subscription: assertion.value?,
                    assertion,
                })
            })
            .collect();
        mappings.sort_by_key(|mapping| (mapping.subscription, mapping.tenant));
        mappings
    }

    /// A price list.
    #[must_use]
    pub fn price_list(&self, name: &PriceListName) -> Option<&PublishedPriceList> {
        self.price_lists.get(name)
    }

    /// Every price list, by name.
    pub fn price_lists(&self) -> impl Iterator<Item = &PublishedPriceList> {
        self.price_lists.values()
    }

    /// The partner that sells a subscription to its buyer: for CSP its owner. All others are sold by the platform, a
    /// partner's shared services subscription to that partner.
    #[must_use]
    pub fn seller_of(subscription: &Subscription) -> Option<PartnerId> {
        subscription
            .owner
            .filter(|_| subscription.kind == SubscriptionKind::Csp)
    }
}
