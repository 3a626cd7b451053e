//! What everything that one caller was given adds up to.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::role::built_in;
use super::{RoleDefinition, Scope};
use crate::ids::{CustomerId, PartnerId, RoleDefinitionId};
use crate::partner::{Customer, Subscription};

/// The action of reading what a subscription used.
pub const READ_USAGE: &str = "Microsoft.Commerce/UsageAggregates/read";
/// The action of reading a registration.
pub const READ_REGISTRATION: &str = "Microsoft.AzureStack/registrations/read";

/// A role that a caller has at a scope, by itself or by a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Where it holds, with everything below.
    pub scope: Scope,
    /// What it allows.
    pub role: Arc<RoleDefinition>,
}

/// What one caller may see and change. By default that is nothing.
///
/// Partner roles reach subscriptions by whom these belong to, so what is asked about a scope takes the subscription
/// that the scope lies in, if that exists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// Everything: a platform operator's.
    pub everything: bool,
    /// The partners that the caller acts for.
    pub agent_of: BTreeSet<PartnerId>,
    /// The resellers of these partners, whose orders they place.
    pub resellers: BTreeSet<PartnerId>,
    /// The customers that the caller belongs to.
    pub user_of: BTreeSet<CustomerId>,
    /// The roles given at scopes.
    pub grants: Vec<Grant>,
}

impl View {
    /// A platform operator's.
    #[must_use]
    pub fn of_operator() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }

    /// The roles that hold at a scope. The same role may come more than once.
    ///
    /// At what a reseller sells, its provider's agents are contributors *(ours)*: they place its orders and register its
    /// stacks, and who else may do something there, and what is locked, is the reseller's business.
    pub fn roles_at<'a>(
        &'a self,
        scope: &'a Scope,
        subscription: Option<&Subscription>,
    ) -> impl Iterator<Item = &'a RoleDefinition> {
        let resold = subscription
            .and_then(|it| it.owner)
            .is_some_and(|owner| self.resellers.contains(&owner));
        let contributor = resold.then(|| role(RoleDefinition::CONTRIBUTOR)).flatten();
        self.roles_between_seller_and_buyer(scope, subscription)
            .chain(contributor)
    }

    /// Those of the roles at a scope that one has as seller or buyer, or was given there.
    fn roles_between_seller_and_buyer<'a>(
        &'a self,
        scope: &'a Scope,
        subscription: Option<&Subscription>,
    ) -> impl Iterator<Item = &'a RoleDefinition> {
        let owned = subscription
            .and_then(|it| it.owner)
            .is_some_and(|owner| self.agent_of.contains(&owner));
        let used = subscription
            .and_then(|it| it.customer)
            .is_some_and(|customer| self.user_of.contains(&customer));
        let owner = (self.everything || owned)
            .then(|| role(RoleDefinition::OWNER))
            .flatten();
        let reader = used.then(|| role(RoleDefinition::READER)).flatten();
        let given = self
            .grants
            .iter()
            .filter(|grant| grant.scope.contains(scope))
            .map(|grant| &*grant.role);
        owner.into_iter().chain(reader).chain(given)
    }

    /// Whether one of the roles that hold at a scope allows an action.
    #[must_use]
    pub fn allows(&self, action: &str, scope: &Scope, subscription: Option<&Subscription>) -> bool {
        self.roles_at(scope, subscription).any(|role| role.allows(action))
    }

    /// Whether the subscription exists for the caller: some role holds there, or at something in it.
    #[must_use]
    pub fn sees_subscription(&self, subscription: &Subscription) -> bool {
        let scope = Scope::Subscription(subscription.id);
        self.roles_at(&scope, Some(subscription)).next().is_some()
            || self.grants.iter().any(|grant| scope.contains(&grant.scope))
    }

    /// Whether the caller reads what a subscription used.
    #[must_use]
    pub fn reads_usage(&self, subscription: &Subscription) -> bool {
        let scope = Scope::Subscription(subscription.id);
        self.allows(READ_USAGE, &scope, Some(subscription))
    }

    /// Whether the caller reads what a subscription is charged: a matter between seller and buyer *(ours)*. The provider
    /// of a reseller reads what was used, and not what the reseller takes for it.
    #[must_use]
    pub fn reads_charges(&self, subscription: &Subscription) -> bool {
        let scope = Scope::Subscription(subscription.id);
        self.roles_between_seller_and_buyer(&scope, Some(subscription))
            .any(|role| role.allows(READ_USAGE))
    }

    /// Whether the caller reads what a subscription used, and was charged, that was deleted since: for its seller it is a
    /// part of the accounts; for everybody else the subscription is gone.
    #[must_use]
    pub fn reads_former(&self, subscription: &Subscription) -> bool {
        self.everything
            || subscription
                .owner
                .is_some_and(|owner| self.agent_of.contains(&owner))
    }

    /// Whether the partner exists for the caller: it acts for it, or for the provider that it buys from.
    #[must_use]
    pub fn sees_partner(&self, partner: PartnerId) -> bool {
        self.acts_for(partner) || self.resellers.contains(&partner)
    }

    /// Whether the caller opens, suspends and closes the accounts of a partner's customers. An indirect provider places its
    /// resellers' orders.
    #[must_use]
    pub fn orders_for(&self, partner: PartnerId) -> bool {
        self.sees_partner(partner)
    }

    /// Whether the caller acts for a partner in everything: its prices, its people and its customers' people, too.
    #[must_use]
    pub fn acts_for(&self, partner: PartnerId) -> bool {
        self.everything || self.agent_of.contains(&partner)
    }

    /// Whether the caller sees and changes the price lists that a partner sells by.
    #[must_use]
    pub fn manages_prices_of(&self, seller: Option<PartnerId>) -> bool {
        self.everything || seller.is_some_and(|seller| self.acts_for(seller))
    }

    /// Whether the customer exists for the caller.
    #[must_use]
    pub fn sees_customer(&self, customer: &Customer) -> bool {
        self.sees_partner(customer.partner) || self.user_of.contains(&customer.id)
    }
}

fn role(id: RoleDefinitionId) -> Option<&'static RoleDefinition> {
    built_in().iter().find(|role| role.id == id).map(|role| &**role)
}

#[cfg(test)]
mod tests;
