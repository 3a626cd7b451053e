//! Who sells to whom: partners, their customers, and the subscriptions that can be charged.

use domain::ids::{CustomerId, PartnerId, SubscriptionId, TenantId};
use domain::partner::{Customer, Partner, PartnerKind, Subscription, SubscriptionKind, SubscriptionState};

use crate::demo::cast as id;

/// A customer: its id, its name, and its directory tenants.
type CustomerOf = (CustomerId, &'static str, &'static [TenantId]);

/// The direct partner's customers.
const OF_NORDLYS: [CustomerOf; 3] = [
    (
        id::CUSTOMER_HAVN,
        "Havn Port Authority",
        &[id::TENANT_HAVN, id::TENANT_HAVN_TERMINAL],
    ),
    (id::CUSTOMER_FJORDBANK, "Fjordbank", &[id::TENANT_FJORDBANK]),
    (id::CUSTOMER_KVIST, "Kvist Design", &[id::TENANT_KVIST]),
];
/// The reseller's; one of them is the reseller itself.
const OF_TALWEG: [CustomerOf; 3] = [
    (id::CUSTOMER_TALWEG, "Talweg IT (own use)", &[id::TENANT_TALWEG]),
    (id::CUSTOMER_BRENNER, "Brenner Hotels", &[id::TENANT_BRENNER]),
    (id::CUSTOMER_GLETSCHER, "Gletscher Labs", &[id::TENANT_GLETSCHER]),
];

/// CSP subscriptions: each in its customer's first tenant, and sold by the customer's partner.
const SOLD: [(SubscriptionId, &str, CustomerId); 7] = [
    (id::HAVN_STACK, "Havn stack", id::CUSTOMER_HAVN),
    (id::HAVN_WORKLOADS, "Havn workloads", id::CUSTOMER_HAVN),
    (id::FJORDBANK, "Fjordbank", id::CUSTOMER_FJORDBANK),
    (id::KVIST, "Kvist Design", id::CUSTOMER_KVIST),
    (id::TALWEG_OWN, "Talweg stack", id::CUSTOMER_TALWEG),
    (id::BRENNER, "Brenner Hotels", id::CUSTOMER_BRENNER),
    (id::GLETSCHER, "Gletscher Labs", id::CUSTOMER_GLETSCHER),
];

pub(super) fn partners() -> Vec<Partner> {
    let reseller = PartnerKind::IndirectReseller { provider: id::ALPINA };
    [
        (id::NORDLYS, "Nordlys Cloud", PartnerKind::DirectBill),
        (id::ALPINA, "Alpina Distribution", PartnerKind::IndirectProvider),
        (id::TALWEG, "Talweg IT", reseller),
    ]
    .map(|(id, name, kind)| Partner {
        id,
        name: name.to_owned(),
        kind,
    })
    .into()
}

pub(super) fn customers() -> Vec<Customer> {
    let of = |partner: PartnerId, customers: [CustomerOf; 3]| {
        customers.map(|(id, name, tenants)| Customer {
            id,
            partner,
            name: name.to_owned(),
            tenants: tenants.to_vec(),
        })
    };
    [of(id::NORDLYS, OF_NORDLYS), of(id::TALWEG, OF_TALWEG)].concat()
}

pub(super) fn subscriptions() -> Vec<Subscription> {
    let shared_services = Subscription {
        id: id::NORDLYS_SHARED_SERVICES,
        name: "Nordlys shared services".to_owned(),
        kind: SubscriptionKind::PartnerSharedServices,
        tenant: id::TENANT_NORDLYS_SHARED,
        owner: Some(id::NORDLYS),
        customer: None,
        state: SubscriptionState::Active,
    };
    let customers = customers();
    let sold = SOLD.into_iter().filter_map(|(id, name, customer)| {
        let customer = customers.iter().find(|it| it.id == customer)?;
        Some(Subscription {
            id,
            name: name.to_owned(),
            kind: SubscriptionKind::Csp,
            tenant: *customer.tenants.first()?,
            owner: Some(customer.partner),
            customer: Some(customer.id),
            state: SubscriptionState::Active,
        })
    });
    [shared_services].into_iter().chain(sold).collect()
}
