//! Who pays, read from the script.

use domain::ids::{LocalSubscriptionId, SubscriptionId, TenantId};
use domain::time::Hour;

use crate::demo::scenario::{Act, Scenario};

/// Why somebody pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::demo) enum Why {
    /// The tenant had been added.
    TenantMapping,
    /// Nobody had added the tenant, or it had been removed.
    TenantNotMapped,
    /// The stack's directory does not list the local subscription.
    LocalSubscriptionUnknown,
}

impl Why {
    /// As statements write it.
    pub(in crate::demo) const fn as_str(self) -> &'static str {
        match self {
            Self::TenantMapping => "tenantMapping",
            Self::TenantNotMapped => "tenantNotMapped",
            Self::LocalSubscriptionUnknown => "localSubscriptionUnknown",
        }
    }
}

/// Who pays and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::demo) struct Payment {
    /// The subscription.
    pub(in crate::demo) payer: SubscriptionId,
    /// The reason.
    pub(in crate::demo) why: Why,
    /// The directory tenant, unless the stack's directory does not say.
    pub(in crate::demo) tenant: Option<TenantId>,
}

/// Who pays for what a local subscription used on a stack in an hour; nobody before the stack was registered.
///
/// Whatever is done inside an hour holds from its start on.
pub(in crate::demo) fn payment(
    scenario: &Scenario,
    stack: usize,
    tenant: TenantId,
    unlisted: &[LocalSubscriptionId],
    user: LocalSubscriptionId,
    hour: Hour,
) -> Option<Payment> {
    let mut registered = false;
    let mut mapped_to = None;
    for event in scenario.events.iter().filter(|event| event.at.hour <= hour) {
        match event.act {
            Act::Register { stack: of } if of == stack => registered = true,
            Act::AddTenant { stack: of, tenant: added, subscription } if of == stack && added == tenant => {
                mapped_to = Some(subscription);
            }
            Act::RemoveTenant { stack: of, tenant: removed, .. } if of == stack && removed == tenant => {
                mapped_to = None;
            }
            _ => {}
        }
    }
    let default = scenario.stacks.get(stack).filter(|_| registered)?.default_subscription;
    Some(if unlisted.contains(&user) {
        Payment { payer: default, why: Why::LocalSubscriptionUnknown, tenant: None }
    } else if let Some(payer) = mapped_to {
        Payment { payer, why: Why::TenantMapping, tenant: Some(tenant) }
    } else {
        Payment { payer: default, why: Why::TenantNotMapped, tenant: Some(tenant) }
    })
}
