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
pub(super) fn payment(
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
            Act::AddTenant {
                stack: of,
                tenant: added,
                subscription,
            } if of == stack && added == tenant => {
                mapped_to = Some(subscription);
            }
            Act::RemoveTenant {
                stack: of,
                tenant: removed,
                ..
            } if of == stack && removed == tenant => {
                mapped_to = None;
            }
            _ => {}
        }
    }
    let default = scenario
        .stacks
        .get(stack)
        .filter(|_| registered)?
        .default_subscription;
    Some(if unlisted.contains(&user) {
        Payment {
            payer: default,
            why: Why::LocalSubscriptionUnknown,
            tenant: None,
        }
    } else if let Some(payer) = mapped_to {
        Payment {
            payer,
            why: Why::TenantMapping,
            tenant: Some(tenant),
        }
    } else {
        Payment {
            payer: default,
            why: Why::TenantNotMapped,
            tenant: Some(tenant),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::cast as id;

    #[test]
    fn whoever_pays_is_read_from_the_script_hour_by_hour() {
        let (oslo, basel, kai) = (0, 1, 2);
        let scenario = Scenario::in_month("2026-10".parse().unwrap());
        let unlisted = LocalSubscriptionId::from_bytes([9; 16]);
        let listed = LocalSubscriptionId::from_bytes([1; 16]);
        let own = |payer| Some((payer, Why::TenantMapping));
        let default = |payer| Some((payer, Why::TenantNotMapped));
        for (name, stack, tenant, hour, paid) in [
            (
                "before a stack is registered",
                kai,
                id::TENANT_HAVN,
                "01T04",
                None,
            ),
            (
                "from the hour of the registration on",
                kai,
                id::TENANT_HAVN,
                "01T05",
                own(id::HAVN_WORKLOADS),
            ),
            (
                "on another stack too",
                oslo,
                id::TENANT_HAVN,
                "31T23",
                own(id::HAVN_WORKLOADS),
            ),
            (
                "never added",
                oslo,
                id::TENANT_KVIST,
                "31T23",
                default(id::NORDLYS_SHARED_SERVICES),
            ),
            (
                "not yet added",
                oslo,
                id::TENANT_FJORDBANK,
                "12T13",
                default(id::NORDLYS_SHARED_SERVICES),
            ),
            (
                "added within the hour",
                oslo,
                id::TENANT_FJORDBANK,
                "12T14",
                own(id::FJORDBANK),
            ),
            (
                "not yet removed",
                basel,
                id::TENANT_BRENNER,
                "18T08",
                own(id::BRENNER),
            ),
            (
                "removed within the hour",
                basel,
                id::TENANT_BRENNER,
                "18T09",
                default(id::TALWEG_OWN),
            ),
        ] {
            let hour = format!("2026-10-{hour}:00:00Z").parse().unwrap();
            let payment = payment(&scenario, stack, tenant, &[unlisted], listed, hour);
            assert_eq!(
                payment.map(|payment| (payment.payer, payment.why)),
                paid,
                "{name}"
            );
        }
        let hour = "2026-10-20T00:00:00Z".parse().unwrap();
        let payment = payment(
            &scenario,
            basel,
            id::TENANT_GLETSCHER,
            &[unlisted],
            unlisted,
            hour,
        );
        let expected = Payment {
            payer: id::TALWEG_OWN,
            why: Why::LocalSubscriptionUnknown,
            tenant: None,
        };
        assert_eq!(payment, Some(expected));
    }
}
