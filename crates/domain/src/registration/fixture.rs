//! What the tests of the rules are about: a distributor with two resellers, and a stack it operates.

use std::collections::BTreeMap;

use super::{BillingModel, Registration, RegistrationToken};
use crate::ids::{CloudId, CustomerId, ObjectId, PartnerId, RegistrationId, SubscriptionId, TenantId};
use crate::partner::{Customer, Partner, PartnerKind, Subscription, SubscriptionKind, SubscriptionState};
use crate::time::Timestamp;
use crate::timeline::Recorded;

pub(super) fn cloud(n: u8) -> CloudId {
    CloudId::from_bytes([n; 16])
}

pub(super) fn tenant(n: u8) -> TenantId {
    TenantId::from_bytes([n; 16])
}

pub(super) fn subscription_id(n: u8) -> SubscriptionId {
    SubscriptionId::from_bytes([n; 16])
}

pub(super) fn partner(n: u8, kind: PartnerKind) -> Partner {
    Partner {
        id: PartnerId::from_bytes([n; 16]),
        name: format!("Partner {n}"),
        kind,
    }
}

pub(super) fn customer(partner: &Partner, tenants: &[TenantId]) -> Customer {
    Customer {
        id: CustomerId::from_bytes([1; 16]),
        partner: partner.id,
        name: "Fjordbank".into(),
        tenants: tenants.to_vec(),
    }
}

/// An active subscription in the tenant of the same number.
pub(super) fn subscription(n: u8, kind: SubscriptionKind, owner: Option<&Partner>) -> Subscription {
    Subscription {
        id: subscription_id(n),
        name: format!("Subscription {n}"),
        kind,
        tenant: tenant(n),
        owner: owner.map(|partner| partner.id),
        customer: None,
        state: SubscriptionState::Active,
    }
}

pub(super) fn token(stack: CloudId, billing_model: BillingModel) -> RegistrationToken {
    RegistrationToken {
        cloud_id: stack,
        object_id: None,
        billing_model,
        marketplace_syndication_enabled: true,
        usage_reporting_enabled: billing_model != BillingModel::Capacity,
        agreement_number: None,
        asset_tag: None,
        region_names: vec!["north".into()],
        hardware: vec![],
        issuer: "harbour".into(),
        version: "1.0".into(),
    }
}

/// The registration of a number, of a stack under subscription 1: PayAsYouUse and approved for multi-tenancy.
pub(super) fn registration(n: u8, stack: CloudId) -> Registration {
    let recorded = Recorded {
        entry: 1,
        at: Timestamp::UNIX_EPOCH,
        by: ObjectId::from_bytes([9; 16]),
    };
    Registration {
        id: RegistrationId::from_bytes([n; 16]),
        subscription: subscription_id(1),
        resource_group: "azurestack".parse().unwrap(),
        name: format!("Harbour-{n}").parse().unwrap(),
        location: "global".into(),
        tags: BTreeMap::from([("site".into(), "harbour".into())]),
        token: token(stack, BillingModel::PayAsYouUse),
        multi_tenancy_approved: true,
        key_generation: 0,
        created: recorded,
        updated: recorded,
    }
}
