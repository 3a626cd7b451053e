//! What happens in the demonstration's month: who is there, who operates which stack, and what is done when.
//!
//! The oracle reads who pays from this script, and the server from what it is told over HTTPS; neither knows of the
//! other.

mod accounts;
mod prices;

use domain::ids::{CloudId, CustomerId, PartnerId, SubscriptionId, TenantId};
use domain::partner::{Customer, Partner, Subscription};
use domain::registration::advice::StackOperator;
use domain::time::{Hour, Period, Timestamp};

use super::cast as id;
pub(super) use prices::{PriceChange, Published};

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
    /// A version of a price list is published.
    PublishPrices(&'static PriceChange),
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
    /// Who operates it,
    pub(super) operator: &'static str,
    /// and what that is to the platform.
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

impl Scenario {
    /// The scenario in a month.
    pub(super) fn in_month(month: Period) -> Self {
        Self {
            month,
            partners: accounts::partners(),
            customers: accounts::customers(),
            subscriptions: accounts::subscriptions(),
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
                let (stack, payer) = (stack(place), payer(subscription));
                format!("tenant {tenant} is added on {stack}: {payer} pays from this hour on")
            }
            Act::RemoveTenant {
                stack: place, tenant, ..
            } => {
                let (tenant, stack) = (self.tenant_name(tenant), stack(place));
                format!("tenant {tenant} is removed on {stack}: the default subscription pays again")
            }
            Act::PublishPrices(change) => change.in_words.to_owned(),
        }
    }

    /// The partner, by name, that sells a subscription.
    pub(super) fn partner_name(&self, id: PartnerId) -> &str {
        self.partners
            .iter()
            .find(|partner| partner.id == id)
            .map_or("unknown", |partner| &partner.name)
    }

    /// The customer, by name, that a subscription is sold to.
    pub(super) fn customer_name(&self, id: CustomerId) -> &str {
        self.customers
            .iter()
            .find(|customer| customer.id == id)
            .map_or("unknown", |customer| &customer.name)
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
        operator: "Nordlys Cloud, a direct partner",
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
        operator: "Talweg IT, a distributor's reseller",
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
        operator: "Havn Port Authority, an end user",
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
        ((10, 8, 30), Act::PublishPrices(&prices::TALWEG)),
        ((12, 14, 37), add(OSLO, id::TENANT_FJORDBANK, id::FJORDBANK)),
        ((16, 6, 10), Act::PublishPrices(&prices::PLATFORM)),
        (
            (18, 9, 20),
            Act::RemoveTenant {
                stack: BASEL,
                tenant: id::TENANT_BRENNER,
                subscription: id::BRENNER,
            },
        ),
        ((22, 11, 5), Act::PublishPrices(&prices::GLETSCHER)),
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
