//! Who pays, read from the script.

use domain::ids::{LocalSubscriptionId, SubscriptionId, TenantId};
use domain::time::Hour;
use wire::api::Reason;

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

impl From<Why> for Reason {
    fn from(why: Why) -> Self {
        match why {
            Why::TenantMapping => Self::TenantMapping,
            Why::TenantNotMapped => Self::TenantNotMapped,
            Why::LocalSubscriptionUnknown => Self::LocalSubscriptionUnknown,
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
    let acts = || {
        scenario
            .events
            .iter()
            .filter(|event| event.at.hour <= hour)
            .map(|event| event.act)
    };
    if !acts().any(|act| act == (Act::Register { stack })) {
        return None;
    }
    // Of what was told until then the last holds.
    let mut told = acts().rev().filter_map(|act| match act {
        Act::AddTenant {
            stack: at,
            tenant: whose,
            subscription,
        } if (at, whose) == (stack, tenant) => Some(Some(subscription)),
        Act::RemoveTenant {
            stack: at,
            tenant: whose,
            ..
        } if (at, whose) == (stack, tenant) => Some(None),
        _ => None,
    });
    let mapped_to = told.next().flatten();
    let default = scenario.stacks.get(stack)?.default_subscription;
    let is_listed = !unlisted.contains(&user);
    let (payer, why) = match mapped_to {
        Some(payer) if is_listed => (payer, Why::TenantMapping),
        None if is_listed => (default, Why::TenantNotMapped),
        _ => (default, Why::LocalSubscriptionUnknown),
    };
    let tenant = is_listed.then_some(tenant);
    Some(Payment { payer, why, tenant })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::cast as id;

    const OSLO: usize = 0;
    const BASEL: usize = 1;
    const KAI: usize = 2;

    #[test]
    fn whoever_pays_is_read_from_the_script_hour_by_hour() {
        let scenario = Scenario::in_month("2026-10".parse().unwrap());
        let [listed, unlisted] = [[1; 16], [9; 16]].map(LocalSubscriptionId::from_bytes);
        let who_pays = |stack, tenant, user, hour: &str| {
            let hour = format!("2026-10-{hour}:00:00Z").parse().unwrap();
            payment(&scenario, stack, tenant, &[unlisted], user, hour)
        };
        let mapping = |payer| Some((payer, Why::TenantMapping));
        let default = |payer| Some((payer, Why::TenantNotMapped));
        let shared = id::NORDLYS_SHARED_SERVICES;
        for (name, stack, tenant, hour, paid) in [
            ("before a registration", KAI, id::TENANT_HAVN, "01T04", None),
            (
                "from its hour on",
                KAI,
                id::TENANT_HAVN,
                "01T05",
                mapping(id::HAVN_WORKLOADS),
            ),
            (
                "on another stack too",
                OSLO,
                id::TENANT_HAVN,
                "31T23",
                mapping(id::HAVN_WORKLOADS),
            ),
            ("never added", OSLO, id::TENANT_KVIST, "31T23", default(shared)),
            (
                "not yet added",
                OSLO,
                id::TENANT_FJORDBANK,
                "12T13",
                default(shared),
            ),
            (
                "added within the hour",
                OSLO,
                id::TENANT_FJORDBANK,
                "12T14",
                mapping(id::FJORDBANK),
            ),
            (
                "not yet removed",
                BASEL,
                id::TENANT_BRENNER,
                "18T08",
                mapping(id::BRENNER),
            ),
            (
                "removed within the hour",
                BASEL,
                id::TENANT_BRENNER,
                "18T09",
                default(id::TALWEG_OWN),
            ),
        ] {
            let found = who_pays(stack, tenant, listed, hour);
            assert_eq!(found.map(|it| (it.payer, it.why)), paid, "{name}");
            assert_eq!(found.and_then(|it| it.tenant), paid.map(|_| tenant), "{name}");
        }
        let expected = Payment {
            payer: id::TALWEG_OWN,
            why: Why::LocalSubscriptionUnknown,
            tenant: None,
        };
        let found = who_pays(BASEL, id::TENANT_GLETSCHER, unlisted, "20T00");
        assert_eq!(found, Some(expected));
    }
}
