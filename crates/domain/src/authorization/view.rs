//! What everything that one caller was given adds up to.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::role::built_in;
use super::{RoleDefinition, Scope};
use crate::ids::{CustomerId, PartnerId, RoleDefinitionId};
use crate::partner::{Customer, Subscription};

/// The action of reading what a subscription used and what it is charged for it.
pub const READ_CHARGES: &str = "Microsoft.Commerce/UsageAggregates/read";
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
    /// The resellers of these partners.
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
    pub fn roles_at<'a>(
        &'a self,
        scope: &'a Scope,
        subscription: Option<&Subscription>,
    ) -> impl Iterator<Item = &'a RoleDefinition> {
        let owned = subscription
            .and_then(|it| it.owner)
            .is_some_and(|owner| self.manages_partner(owner));
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

    /// Whether the caller reads what a subscription used and what it is charged for it.
    #[must_use]
    pub fn reads_charges(&self, subscription: &Subscription) -> bool {
        self.allows(
            READ_CHARGES,
            &Scope::Subscription(subscription.id),
            Some(subscription),
        )
    }

    /// Whether the caller acts for a partner, or for the provider that it buys from.
    #[must_use]
    pub fn manages_partner(&self, partner: PartnerId) -> bool {
        self.everything || self.agent_of.contains(&partner) || self.resellers.contains(&partner)
    }

    /// Whether the caller sees and changes the price lists that a partner sells by. A reseller's are its own business:
    /// its provider does not see them.
    #[must_use]
    pub fn manages_prices_of(&self, seller: Option<PartnerId>) -> bool {
        self.everything || seller.is_some_and(|seller| self.agent_of.contains(&seller))
    }

    /// Whether the customer exists for the caller.
    #[must_use]
    pub fn sees_customer(&self, customer: &Customer) -> bool {
        self.manages_partner(customer.partner) || self.user_of.contains(&customer.id)
    }
}

fn role(id: RoleDefinitionId) -> Option<&'static RoleDefinition> {
    built_in().iter().find(|role| role.id == id).map(|role| &**role)
}

#[cfg(test)]
mod tests;
