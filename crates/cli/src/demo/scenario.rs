//! What happens in the demonstration's month: who is there, who operates which stack, and what is done when.
//!
//! The oracle reads who pays from this script, and the server from what it is told over HTTPS; neither knows of the
//! other.

use domain::ids::{BillingMeterId, CloudId, CustomerId, PartnerId, SubscriptionId, TenantId};
use domain::partner::{Customer, Partner, PartnerKind, Subscription, SubscriptionKind, SubscriptionState};
use domain::registration::advice::StackOperator;
use domain::time::{Hour, Period, Timestamp};

use super::cast as id;

/// A minute of the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    /// The hour in which it lies, from whose start on holds what is done.
    pub(super) hour: Hour,
    /// The minute of the hour.
    pub(super) minute: u8,
}

impl Moment {
    /// The instant.
    pub(super) fn instant(self) -> Timestamp {
        let start = self.hour.start();
        Timestamp::from_second(start.as_second() + 60 * i64::from(self.minute)).unwrap_or(start)
    }
}

/// Something an operator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// The stack of this place is registered, approved for multi-tenancy, and delivers its directory.
    Register {
        /// Its place among the stacks.
        stack: usize,
    },
    /// A tenant is added to the registration of a stack.
    AddTenant {
        /// The stack's place.
        stack: usize,
        /// The tenant.
        tenant: TenantId,
        /// The customer's subscription that pays from now on.
        subscription: SubscriptionId,
    },
    /// A tenant is removed from the registration of a stack.
    RemoveTenant {
        /// The stack's place.
        stack: usize,
        /// The tenant.
        tenant: TenantId,
        /// The subscription that paid until now.
        subscription: SubscriptionId,
    },
    /// The platform's prices change.
    RaisePrices,
}

/// Something done, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event {
    /// When.
    pub(super) at: Moment,
    /// What.
    pub(super) act: Act,
}

/// A directory tenant of a stack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guest {
    /// The tenant.
    pub(super) tenant: TenantId,
    /// Its initial domain.
    pub(super) domain: &'static str,
    /// How many local subscriptions it has there.
    pub(super) local_subscriptions: u32,
}

/// A stack and how it is registered.
#[derive(Debug, Clone, Copy)]
pub(super) struct StackPlan {
    /// Its region, which is also what people call it.
    pub(super) name: &'static str,
    /// Its id.
    pub(super) cloud_id: CloudId,
    /// Who operates it.
    pub(super) operated_by: StackOperator,
    /// Which of the operator's subscriptions it is registered with, if that is of the advised kind.
    pub(super) default_subscription: SubscriptionId,
    /// Its tenants, the home directory first.
    pub(super) tenants: &'static [Guest],
    /// The tenant whose last local subscription the stack's directory does not list.
    pub(super) unlisted_of: Option<TenantId>,
    /// Its part of all records, in hundredths.
    pub(super) percent: u64,
}

/// Everything that is there, and everything that is done.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    /// The month.
    pub(super) month: Period,
    /// Partners, providers before their resellers.
    pub(super) partners: Vec<Partner>,
    /// Their customers.
    pub(super) customers: Vec<Customer>,
    /// The subscriptions that can be charged.
    pub(super) subscriptions: Vec<Subscription>,
    /// The stacks.
    pub(super) stacks: [StackPlan; 3],
    /// What is done, in order of time.
    pub(super) events: Vec<Event>,
}

/// The place of the direct partner's stack,
const OSLO: usize = 0;
/// of the reseller's,
const BASEL: usize = 1;
/// and of the end user's.
const KAI: usize = 2;

/// The rates of a price: from which quantity on a unit costs what.
type Rates = &'static [(&'static str, &'static str)];

/// What [`Act::RaisePrices`] changes: Windows becomes dearer, and large stores of blobs cheaper.
pub(super) const RAISED: [(BillingMeterId, Rates); 2] = [
    (id::WINDOWS_VM, &[("0", "0.048")]),
    (id::BLOB_CAPACITY, &[("0", "0.006"), ("500", "0.005")]),
];

impl Scenario {
    /// The scenario in a month.
    pub(super) fn in_month(month: Period) -> Self {
        Self {
            month,
            partners: partners(),
            customers: customers(),
            subscriptions: subscriptions(),
            stacks: STACKS,
            events: events(month.interval().start()),
        }
    }

    /// A subscription.
    pub(super) fn subscription(&self, id: SubscriptionId) -> Option<&Subscription> {
        self.subscriptions
            .iter()
            .find(|subscription| subscription.id == id)
    }

    /// What is done, in words.
    pub(super) fn describe(&self, event: &Event) -> String {
        let stack = |place: usize| self.stacks.get(place).map_or("unknown", |stack| stack.name);
        let payer = |id| {
            self.subscription(id)
                .map_or("unknown", |subscription| &subscription.name)
        };
        match event.act {
            Act::Register { stack: place } => format!("stack {} is registered", stack(place)),
            Act::AddTenant {
                stack: place,
                tenant,
                subscription,
            } => {
                let tenant = self.tenant_name(tenant);
                format!(
                    "tenant {tenant} is added on {}: {} pays",
                    stack(place),
                    payer(subscription)
                )
            }
            Act::RemoveTenant {
                stack: place, tenant, ..
            } => {
                format!(
                    "tenant {} is removed on {}",
                    self.tenant_name(tenant),
                    stack(place)
                )
            }
            Act::RaisePrices => "the platform's prices change".to_owned(),
        }
    }

    /// What people call a stack.
    pub(super) fn stack_name(&self, cloud_id: CloudId) -> &'static str {
        self.stacks
            .iter()
            .find(|stack| stack.cloud_id == cloud_id)
            .map_or("unknown", |stack| stack.name)
    }

    /// What people call a directory tenant.
    pub(super) fn tenant_name(&self, tenant: TenantId) -> &'static str {
        let mut guests = self.stacks.iter().flat_map(|stack| stack.tenants);
        let guest = guests.find(|guest| guest.tenant == tenant);
        guest
            .and_then(|guest| guest.domain.split('.').next())
            .unwrap_or("unknown")
    }
}

const fn guest(tenant: TenantId, domain: &'static str, local_subscriptions: u32) -> Guest {
    Guest {
        tenant,
        domain,
        local_subscriptions,
    }
}

const STACKS: [StackPlan; 3] = [
    StackPlan {
        name: "oslo",
        cloud_id: id::STACK_OSLO,
        operated_by: StackOperator::DirectPartner,
        default_subscription: id::NORDLYS_SHARED_SERVICES,
        tenants: &[
            guest(id::TENANT_NORDLYS, "nordlys.onmicrosoft.com", 1),
            guest(id::TENANT_HAVN, "havn.onmicrosoft.com", 3),
            guest(id::TENANT_FJORDBANK, "fjordbank.onmicrosoft.com", 4),
            guest(id::TENANT_KVIST, "kvist.onmicrosoft.com", 2),
        ],
        unlisted_of: None,
        percent: 50,
    },
    StackPlan {
        name: "basel",
        cloud_id: id::STACK_BASEL,
        operated_by: StackOperator::Reseller,
        default_subscription: id::TALWEG_OWN,
        tenants: &[
            guest(id::TENANT_TALWEG, "talweg.onmicrosoft.com", 1),
            guest(id::TENANT_BRENNER, "brenner.onmicrosoft.com", 3),
            guest(id::TENANT_GLETSCHER, "gletscher.onmicrosoft.com", 3),
        ],
        unlisted_of: Some(id::TENANT_GLETSCHER),
        percent: 30,
    },
    StackPlan {
        name: "kai",
        cloud_id: id::STACK_KAI,
        operated_by: StackOperator::EndUser,
        default_subscription: id::HAVN_STACK,
        tenants: &[
            guest(id::TENANT_HAVN, "havn.onmicrosoft.com", 3),
            guest(id::TENANT_HAVN_TERMINAL, "havnterminal.onmicrosoft.com", 1),
        ],
        unlisted_of: None,
        percent: 20,
    },
];

fn events(first: Hour) -> Vec<Event> {
    let add = |stack, tenant, subscription| Act::AddTenant {
        stack,
        tenant,
        subscription,
    };
    // The day of the month, the hour and the minute.
    [
        ((1, 0, 2), Act::Register { stack: OSLO }),
        ((1, 0, 8), Act::Register { stack: BASEL }),
        ((1, 0, 20), add(OSLO, id::TENANT_HAVN, id::HAVN_WORKLOADS)),
        ((1, 0, 25), add(BASEL, id::TENANT_BRENNER, id::BRENNER)),
        ((1, 0, 26), add(BASEL, id::TENANT_GLETSCHER, id::GLETSCHER)),
        // What the stack used before is nobody's.
        ((1, 5, 40), Act::Register { stack: KAI }),
        ((1, 5, 55), add(KAI, id::TENANT_HAVN, id::HAVN_WORKLOADS)),
        ((12, 14, 37), add(OSLO, id::TENANT_FJORDBANK, id::FJORDBANK)),
        ((16, 6, 10), Act::RaisePrices),
        (
            (18, 9, 20),
            Act::RemoveTenant {
                stack: BASEL,
                tenant: id::TENANT_BRENNER,
                subscription: id::BRENNER,
            },
        ),
    ]
    .into_iter()
    .map(|((day, hour, minute), act)| {
        let hour = first.plus(24 * (day - 1) + hour);
        Event {
            at: Moment { hour, minute },
            act,
        }
    })
    .collect()
}

fn partners() -> Vec<Partner> {
    let partner = |id, name: &str, kind| Partner {
        id,
        name: name.to_owned(),
        kind,
    };
    vec![
        partner(id::NORDLYS, "Nordlys Cloud", PartnerKind::DirectBill),
        partner(id::ALPINA, "Alpina Distribution", PartnerKind::IndirectProvider),
        partner(
            id::TALWEG,
            "Talweg IT",
            PartnerKind::IndirectReseller { provider: id::ALPINA },
        ),
    ]
}

fn customers() -> Vec<Customer> {
    let customer = |id: CustomerId, partner: PartnerId, name: &str, tenants: &[TenantId]| Customer {
        id,
        partner,
        name: name.to_owned(),
        tenants: tenants.to_vec(),
    };
    vec![
        customer(
            id::CUSTOMER_HAVN,
            id::NORDLYS,
            "Havn Port Authority",
            &[id::TENANT_HAVN, id::TENANT_HAVN_TERMINAL],
        ),
        customer(
            id::CUSTOMER_FJORDBANK,
            id::NORDLYS,
            "Fjordbank",
            &[id::TENANT_FJORDBANK],
        ),
        customer(
            id::CUSTOMER_KVIST,
            id::NORDLYS,
            "Kvist Design",
            &[id::TENANT_KVIST],
        ),
        customer(
            id::CUSTOMER_TALWEG,
            id::TALWEG,
            "Talweg IT (own use)",
            &[id::TENANT_TALWEG],
        ),
        customer(
            id::CUSTOMER_BRENNER,
            id::TALWEG,
            "Brenner Hotels",
            &[id::TENANT_BRENNER],
        ),
        customer(
            id::CUSTOMER_GLETSCHER,
            id::TALWEG,
            "Gletscher Labs",
            &[id::TENANT_GLETSCHER],
        ),
    ]
}

fn subscriptions() -> Vec<Subscription> {
    let csp = |id, name: &str, tenant, owner, customer| Subscription {
        id,
        name: name.to_owned(),
        kind: SubscriptionKind::Csp,
        tenant,
        owner: Some(owner),
        customer: Some(customer),
        state: SubscriptionState::Active,
    };
    vec![
        Subscription {
            kind: SubscriptionKind::PartnerSharedServices,
            customer: None,
            ..csp(
                id::NORDLYS_SHARED_SERVICES,
                "Nordlys shared services",
                id::TENANT_NORDLYS_SHARED,
                id::NORDLYS,
                id::CUSTOMER_HAVN,
            )
        },
        csp(
            id::HAVN_STACK,
            "Havn stack",
            id::TENANT_HAVN,
            id::NORDLYS,
            id::CUSTOMER_HAVN,
        ),
        csp(
            id::HAVN_WORKLOADS,
            "Havn workloads",
            id::TENANT_HAVN,
            id::NORDLYS,
            id::CUSTOMER_HAVN,
        ),
        csp(
            id::FJORDBANK,
            "Fjordbank",
            id::TENANT_FJORDBANK,
            id::NORDLYS,
            id::CUSTOMER_FJORDBANK,
        ),
        csp(
            id::KVIST,
            "Kvist Design",
            id::TENANT_KVIST,
            id::NORDLYS,
            id::CUSTOMER_KVIST,
        ),
        csp(
            id::TALWEG_OWN,
            "Talweg stack",
            id::TENANT_TALWEG,
            id::TALWEG,
            id::CUSTOMER_TALWEG,
        ),
        csp(
            id::BRENNER,
            "Brenner Hotels",
            id::TENANT_BRENNER,
            id::TALWEG,
            id::CUSTOMER_BRENNER,
        ),
        csp(
            id::GLETSCHER,
            "Gletscher Labs",
            id::TENANT_GLETSCHER,
            id::TALWEG,
            id::CUSTOMER_GLETSCHER,
        ),
    ]
}
