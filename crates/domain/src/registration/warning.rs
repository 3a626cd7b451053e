//! What is allowed and still worth saying.

use std::fmt;

use super::BillingModel;
use crate::ids::{CloudId, SubscriptionId, TenantId};
use crate::partner::SubscriptionKind;
use crate::time::{Hour, HourInterval};

/// What else a directory is used for that should belong to a partner shared services subscription alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryUse {
    /// It is a directory tenant of this customer.
    Customer(String),
    /// Local subscriptions of this stack live in it.
    Stack(CloudId),
}

/// Something that was done as asked, and that whoever asked should know about it. Never a reason to refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A stack operated by such a party is better registered with a subscription of the other kind.
    SubscriptionKindNotAdvised {
        /// The kind that was chosen.
        chosen: SubscriptionKind,
        /// The kind that is advised.
        advised: SubscriptionKind,
        /// Why.
        reason: &'static str,
    },
    /// The subscription can be registered for one tenant only: no tenant can be added to this registration.
    SingleTenantOnly {
        /// The kind that was chosen.
        chosen: SubscriptionKind,
    },
    /// A partner shared services subscription lives in a directory that is not its own.
    SharedServicesDirectoryInUse {
        /// The directory.
        tenant: TenantId,
        /// What else it is used for.
        used_for: DirectoryUse,
    },
    /// The registration left the one billing model under which tenant mappings are charged.
    MappingsNotCharged {
        /// How many tenant mappings it has.
        mappings: usize,
        /// The new model.
        model: BillingModel,
    },
    /// Nothing that the stack uses will be charged, and none of those who sell it said so.
    UsageNotCharged {
        /// How it is paid for.
        model: BillingModel,
    },
    /// The registration holds in the hours since the stack was registered last, too.
    HoursBetweenCharged {
        /// The hours.
        hours: HourInterval,
    },
    /// What the stack used since it was registered last is charged to nobody.
    HoursBetweenNotCharged {
        /// The hours.
        hours: HourInterval,
    },
    /// A stack that was charged by usage has no registration any more.
    StackLeftUnregistered {
        /// The stack.
        stack: CloudId,
    },
    /// The tenant that was added has no local subscription on the stack, and another one of its customer has.
    TenantHasNoLocalSubscription {
        /// The tenant that was added.
        tenant: TenantId,
        /// The customer's tenants that have a local subscription there.
        signing_in: Vec<TenantId>,
    },
    /// A registration has one entry for each customer subscription, and that entry now names another tenant.
    TenantLosesMapping {
        /// The tenant that the entry named before.
        tenant: TenantId,
        /// The subscription.
        subscription: SubscriptionId,
    },
    /// The subscription was sold to one customer, and the tenant is none of that customer's.
    TenantOfAnotherCustomer {
        /// The tenant.
        tenant: TenantId,
        /// The name of the customer it belongs to, if there is one that the caller may know.
        belongs_to: Option<String>,
        /// The subscription.
        subscription: SubscriptionId,
        /// The name of the customer it was sold to, if it was sold to one.
        sold_to: Option<String>,
    },
    /// The tenant was mapped so in all of these hours already: nothing was recorded.
    MappingUnchanged {
        /// The tenant.
        tenant: TenantId,
    },
    /// A mapping begins so late that nothing changes for a long while.
    MappingStartsFarAhead {
        /// Its first hour.
        from: Hour,
    },
}

impl Warning {
    /// The stable code of this warning.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SubscriptionKindNotAdvised { .. } => "SubscriptionKindNotAdvised",
            Self::SingleTenantOnly { .. } => "SingleTenantOnly",
            Self::SharedServicesDirectoryInUse { .. } => "SharedServicesDirectoryInUse",
            Self::MappingsNotCharged { .. } => "MappingsNotCharged",
            Self::UsageNotCharged { .. } => "UsageNotCharged",
            Self::HoursBetweenCharged { .. } => "HoursBetweenCharged",
            Self::HoursBetweenNotCharged { .. } => "HoursBetweenNotCharged",
            Self::StackLeftUnregistered { .. } => "StackLeftUnregistered",
            Self::TenantHasNoLocalSubscription { .. } => "TenantHasNoLocalSubscription",
            Self::TenantLosesMapping { .. } => "TenantLosesMapping",
            Self::TenantOfAnotherCustomer { .. } => "TenantOfAnotherCustomer",
            Self::MappingUnchanged { .. } => "MappingUnchanged",
            Self::MappingStartsFarAhead { .. } => "MappingStartsFarAhead",
        }
    }
}

impl fmt::Display for DirectoryUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customer(name) => write!(f, "it is also a directory of customer {name}"),
            Self::Stack(cloud_id) => write!(f, "local subscriptions of stack {cloud_id} live in it"),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SubscriptionKindNotAdvised {
                chosen,
                advised,
                reason,
            } => write!(
                f,
                "The stack is registered with a {chosen} subscription, and a {advised} subscription is advised: \
                 {reason}."
            ),
            Self::SingleTenantOnly { chosen } => write!(
                f,
                "With a subscription of kind {chosen} a stack serves a single tenant: all of its usage is charged to \
                 this subscription and no tenant can be added. To charge tenants apart, register with a CSP or partner \
                 shared services subscription."
            ),
            Self::SharedServicesDirectoryInUse { tenant, used_for } => write!(
                f,
                "A partner shared services subscription belongs into a directory of its own, and directory {tenant} \
                 is not: {used_for}. Make the account, its credentials and the subscription in a separate one."
            ),
            Self::MappingsNotCharged { mappings, model } => write!(
                f,
                "The registration keeps its tenant mappings ({mappings}), and tenants can neither be added nor \
                 charged under {model}. Re-register with PayAsYouUse to use them again."
            ),
            Self::UsageNotCharged { model } => write!(
                f,
                "Under {model} nothing that this stack uses is charged. That is taken from the registration token, which \
                 nobody signs; those who sell to this subscription see it in the list of registrations. If the stack is \
                 to be paid for by usage, register it again with PayAsYouUse."
            ),
            Self::HoursBetweenCharged { hours } => write!(
                f,
                "The stack was paid for by usage until {}, and not registered since: this registration holds from then \
                 on, and what was used in between is charged as well.",
                hours.start()
            ),
            Self::HoursBetweenNotCharged { hours } => write!(
                f,
                "The stack was paid for by usage until {}, and not registered since: what it used before {} is charged \
                 to nobody. If this registration shall pay for it, have an operator backdate it.",
                hours.start(),
                hours.end()
            ),
            Self::StackLeftUnregistered { stack } => write!(
                f,
                "Stack {stack} was paid for by usage, and what it uses from now on is charged to nobody until it is \
                 registered again. If it still runs, register it: for those who had it, the new registration holds from \
                 the end of this one on."
            ),
            Self::TenantHasNoLocalSubscription { tenant, signing_in } => write!(
                f,
                "Tenant {tenant} has no local subscription on this stack, and its customer signs in there with \
                 {}. Usage follows the tenant that signs in: create the subscription in that one and add it.",
                listed(signing_in)
            ),
            Self::TenantLosesMapping { tenant, subscription } => write!(
                f,
                "Subscription {subscription} was mapped to tenant {tenant} on this stack and is no more: a \
                 registration has one entry for each subscription. Usage of {tenant} falls to the default \
                 subscription until another subscription is added for it."
            ),
            Self::TenantOfAnotherCustomer {
                tenant,
                belongs_to,
                subscription,
                sold_to,
            } => write!(
                f,
                "Tenant {tenant} belongs to {}, and subscription {subscription} was sold to {}: the one will be charged \
                 for what the other uses. If that is not meant, map the tenant to a subscription of its own customer.",
                customer(belongs_to.as_deref()),
                customer(sold_to.as_deref())
            ),
            Self::MappingUnchanged { tenant } => write!(
                f,
                "Tenant {tenant} was mapped so in all of these hours already. Nothing was recorded."
            ),
            Self::MappingStartsFarAhead { from } => write!(
                f,
                "The mapping begins at {from}, more than a month from now: until then nothing changes. If another hour \
                 was meant, map the tenant again."
            ),
        }
    }
}

fn customer(name: Option<&str>) -> String {
    name.map_or_else(
        || "no known customer".to_owned(),
        |name| format!("customer {name}"),
    )
}

fn listed(tenants: &[TenantId]) -> String {
    let texts: Vec<String> = tenants.iter().map(ToString::to_string).collect();
    texts.join(", ")
}
