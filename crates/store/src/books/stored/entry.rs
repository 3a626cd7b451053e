//! The stored form of an entry.

use std::collections::BTreeMap;

use domain::books::{Entry, ListingEntry, Operator, ResourceGroup};
use domain::bundle::Digest;
use domain::ids::{
    CloudId, CustomerId, LocalSubscriptionId, OperatorId, PartnerId, RegistrationId, SubscriptionId, TenantId,
};
use domain::resource_id::ResourceName;
use domain::time::{Hour, Timestamp};
use serde::{Deserialize, Serialize};

use super::Unreadable;
use super::bills::StoredBillEntry;
use super::budgets::StoredBudgetEntry;
use super::bundles::StoredBundleEntry;
use super::directories::StoredDirectoryEntry;
use super::notices::StoredNoticeEntry;
use super::parts::{
    Hours, StoredCustomer, StoredLocalSubscription, StoredPartner, StoredPrice, StoredPriceList,
    StoredSubscription, StoredSubscriptionState, StoredToken, Text, prices, stored_prices,
};
use super::pricing::StoredPriceEntry;
use super::quarantine::StoredQuarantineAct;
use super::roles::StoredRoleEntry;

type Tags = BTreeMap<String, String>;

/// An entry, version 1. Variants and members are those of [`Entry`].
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum StoredEntry {
    OperatorAdmitted {
        id: Text<OperatorId>,
        name: String,
        credential_digest: String,
    },
    OperatorRevoked {
        operator: Text<OperatorId>,
    },
    PartnerCreated {
        partner: StoredPartner,
    },
    CustomerCreated {
        customer: StoredCustomer,
    },
    SubscriptionCreated {
        subscription: StoredSubscription,
    },
    SubscriptionStateSet {
        subscription: Text<SubscriptionId>,
        state: StoredSubscriptionState,
    },
    PartnerDeleted {
        partner: Text<PartnerId>,
    },
    CustomerDeleted {
        customer: Text<CustomerId>,
    },
    SubscriptionDeleted {
        subscription: Text<SubscriptionId>,
    },
    ResourceGroupPut {
        subscription: Text<SubscriptionId>,
        name: Text<ResourceName>,
        location: String,
        tags: Tags,
    },
    ResourceGroupDeleted {
        subscription: Text<SubscriptionId>,
        name: Text<ResourceName>,
    },
    Registered {
        id: Text<RegistrationId>,
        subscription: Text<SubscriptionId>,
        resource_group: Text<ResourceName>,
        name: Text<ResourceName>,
        location: String,
        tags: Tags,
        token: StoredToken,
        from: Text<Hour>,
    },
    Reregistered {
        registration: Text<RegistrationId>,
        token: StoredToken,
        tags: Tags,
        from: Text<Hour>,
    },
    RegistrationTagged {
        registration: Text<RegistrationId>,
        tags: Tags,
    },
    RegistrationBackdated {
        registration: Text<RegistrationId>,
        valid: Hours,
    },
    MultiTenancyApproved {
        registration: Text<RegistrationId>,
    },
    ActivationKeysRevoked {
        registration: Text<RegistrationId>,
    },
    Deregistered {
        registration: Text<RegistrationId>,
        from: Text<Hour>,
    },
    RegistrationMoved {
        registration: Text<RegistrationId>,
        subscription: Text<SubscriptionId>,
        resource_group: Text<ResourceName>,
        from: Text<Hour>,
    },
    TenantMapped {
        registration: Text<RegistrationId>,
        tenant: Text<TenantId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subscription: Option<Text<SubscriptionId>>,
        valid: Hours,
    },
    LocalSubscriptionListed {
        stack: Text<CloudId>,
        local_subscription: Text<LocalSubscriptionId>,
        listed: StoredLocalSubscription,
        valid: Hours,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        made_at: Option<Text<Timestamp>>,
    },
    DirectoryListed {
        stack: Text<CloudId>,
        made_at: Text<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<Text<Digest>>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        absent: Vec<Text<LocalSubscriptionId>>,
    },
    PriceListPublished {
        list: StoredPriceList,
        prices: Vec<StoredPrice>,
        from: Text<Hour>,
    },
    QuarantineActed(StoredQuarantineAct),
    Directory(StoredDirectoryEntry),
    Role(StoredRoleEntry),
    Notice(StoredNoticeEntry),
    Bundle(StoredBundleEntry),
    Bill(StoredBillEntry),
    Price(StoredPriceEntry),
    Budget(StoredBudgetEntry),
}

impl From<&Entry> for StoredEntry {
    fn from(entry: &Entry) -> Self {
        match entry {
            Entry::OperatorAdmitted(operator) => Self::OperatorAdmitted {
                id: Text(operator.id),
                name: operator.name.clone(),
                credential_digest: blake3::Hash::from_bytes(operator.credential_digest)
                    .to_hex()
                    .to_string(),
            },
            Entry::OperatorRevoked { operator } => Self::OperatorRevoked {
                operator: Text(*operator),
            },
            Entry::PartnerCreated(partner) => Self::PartnerCreated {
                partner: partner.into(),
            },
            Entry::CustomerCreated(customer) => Self::CustomerCreated {
                customer: customer.into(),
            },
            Entry::SubscriptionCreated(subscription) => Self::SubscriptionCreated {
                subscription: subscription.into(),
            },
            Entry::SubscriptionStateSet { subscription, state } => Self::SubscriptionStateSet {
                subscription: Text(*subscription),
                state: (*state).into(),
            },
            Entry::PartnerDeleted { partner } => Self::PartnerDeleted {
                partner: Text(*partner),
            },
            Entry::CustomerDeleted { customer } => Self::CustomerDeleted {
                customer: Text(*customer),
            },
            Entry::SubscriptionDeleted { subscription } => Self::SubscriptionDeleted {
                subscription: Text(*subscription),
            },
            Entry::ResourceGroupPut(group) => Self::ResourceGroupPut {
                subscription: Text(group.subscription),
                name: Text(group.name.clone()),
                location: group.location.clone(),
                tags: group.tags.clone(),
            },
            Entry::ResourceGroupDeleted { subscription, name } => Self::ResourceGroupDeleted {
                subscription: Text(*subscription),
                name: Text(name.clone()),
            },
            Entry::Registered {
                id,
                subscription,
                resource_group,
                name,
                location,
                tags,
                token,
                from,
            } => Self::Registered {
                id: Text(*id),
                subscription: Text(*subscription),
                resource_group: Text(resource_group.clone()),
                name: Text(name.clone()),
                location: location.clone(),
                tags: tags.clone(),
                token: token.into(),
                from: Text(*from),
            },
            Entry::Reregistered {
                registration,
                token,
                tags,
                from,
            } => Self::Reregistered {
                registration: Text(*registration),
                token: token.into(),
                tags: tags.clone(),
                from: Text(*from),
            },
            Entry::RegistrationTagged { registration, tags } => Self::RegistrationTagged {
                registration: Text(*registration),
                tags: tags.clone(),
            },
            Entry::RegistrationBackdated { registration, valid } => Self::RegistrationBackdated {
                registration: Text(*registration),
                valid: (*valid).into(),
            },
            Entry::MultiTenancyApproved { registration } => Self::MultiTenancyApproved {
                registration: Text(*registration),
            },
            Entry::ActivationKeysRevoked { registration } => Self::ActivationKeysRevoked {
                registration: Text(*registration),
            },
            Entry::Deregistered { registration, from } => Self::Deregistered {
                registration: Text(*registration),
                from: Text(*from),
            },
            Entry::RegistrationMoved {
                registration,
                subscription,
                resource_group,
                from,
            } => Self::RegistrationMoved {
                registration: Text(*registration),
                subscription: Text(*subscription),
                resource_group: Text(resource_group.clone()),
                from: Text(*from),
            },
            Entry::TenantMapped {
                registration,
                tenant,
                subscription,
                valid,
            } => Self::TenantMapped {
                registration: Text(*registration),
                tenant: Text(*tenant),
                subscription: subscription.map(Text),
                valid: (*valid).into(),
            },
            Entry::LocalSubscriptionListed {
                stack,
                local_subscription,
                listed,
                valid,
                made_at,
            } => Self::LocalSubscriptionListed {
                stack: Text(*stack),
                local_subscription: Text(*local_subscription),
                listed: listed.into(),
                valid: (*valid).into(),
                made_at: made_at.map(Text),
            },
            Entry::DirectoryListed(ListingEntry {
                stack,
                made_at,
                digest,
                absent,
            }) => Self::DirectoryListed {
                stack: Text(*stack),
                made_at: Text(*made_at),
                digest: digest.map(Text),
                absent: absent.iter().copied().map(Text).collect(),
            },
            Entry::PriceListPublished { list, prices, from } => Self::PriceListPublished {
                list: list.into(),
                prices: stored_prices(prices),
                from: Text(*from),
            },
            Entry::QuarantineActed(act) => Self::QuarantineActed(act.into()),
            Entry::Directory(entry) => Self::Directory(entry.into()),
            Entry::Role(entry) => Self::Role(entry.into()),
            Entry::Notice(entry) => Self::Notice(entry.into()),
            Entry::Bundle(entry) => Self::Bundle(entry.into()),
            Entry::Bill(entry) => Self::Bill(entry.into()),
            Entry::Price(entry) => Self::Price(entry.into()),
            Entry::Budget(entry) => Self::Budget(entry.into()),
        }
    }
}

impl TryFrom<StoredEntry> for Entry {
    type Error = Unreadable;

    fn try_from(stored: StoredEntry) -> Result<Self, Unreadable> {
        Ok(match stored {
            StoredEntry::OperatorAdmitted {
                id,
                name,
                credential_digest,
            } => {
                let digest = blake3::Hash::from_hex(credential_digest);
                let digest = digest.map_err(|error| Unreadable::Value(error.to_string()))?;
                Self::OperatorAdmitted(Operator {
                    id: id.0,
                    name,
                    credential_digest: *digest.as_bytes(),
                })
            }
            StoredEntry::OperatorRevoked { operator } => Self::OperatorRevoked { operator: operator.0 },
            StoredEntry::PartnerCreated { partner } => Self::PartnerCreated(partner.try_into()?),
            StoredEntry::CustomerCreated { customer } => Self::CustomerCreated(customer.into()),
            StoredEntry::SubscriptionCreated { subscription } => {
                Self::SubscriptionCreated(subscription.into())
            }
            StoredEntry::SubscriptionStateSet { subscription, state } => Self::SubscriptionStateSet {
                subscription: subscription.0,
                state: state.into(),
            },
            StoredEntry::PartnerDeleted { partner } => Self::PartnerDeleted { partner: partner.0 },
            StoredEntry::CustomerDeleted { customer } => Self::CustomerDeleted { customer: customer.0 },
            StoredEntry::SubscriptionDeleted { subscription } => Self::SubscriptionDeleted {
                subscription: subscription.0,
            },
            StoredEntry::ResourceGroupPut {
                subscription,
                name,
                location,
                tags,
            } => Self::ResourceGroupPut(ResourceGroup {
                subscription: subscription.0,
                name: name.0,
                location,
                tags,
            }),
            StoredEntry::ResourceGroupDeleted { subscription, name } => Self::ResourceGroupDeleted {
                subscription: subscription.0,
                name: name.0,
            },
            StoredEntry::Registered {
                id,
                subscription,
                resource_group,
                name,
                location,
                tags,
                token,
                from,
            } => Self::Registered {
                id: id.0,
                subscription: subscription.0,
                resource_group: resource_group.0,
                name: name.0,
                location,
                tags,
                token: token.try_into()?,
                from: from.0,
            },
            StoredEntry::Reregistered {
                registration,
                token,
                tags,
                from,
            } => Self::Reregistered {
                registration: registration.0,
                token: token.try_into()?,
                tags,
                from: from.0,
            },
            StoredEntry::RegistrationTagged { registration, tags } => Self::RegistrationTagged {
                registration: registration.0,
                tags,
            },
            StoredEntry::RegistrationBackdated { registration, valid } => Self::RegistrationBackdated {
                registration: registration.0,
                valid: valid.try_into()?,
            },
            StoredEntry::MultiTenancyApproved { registration } => Self::MultiTenancyApproved {
                registration: registration.0,
            },
            StoredEntry::ActivationKeysRevoked { registration } => Self::ActivationKeysRevoked {
                registration: registration.0,
            },
            StoredEntry::Deregistered { registration, from } => Self::Deregistered {
                registration: registration.0,
                from: from.0,
            },
            StoredEntry::RegistrationMoved {
                registration,
                subscription,
                resource_group,
                from,
            } => Self::RegistrationMoved {
                registration: registration.0,
                subscription: subscription.0,
                resource_group: resource_group.0,
                from: from.0,
            },
            StoredEntry::TenantMapped {
                registration,
                tenant,
                subscription,
                valid,
            } => Self::TenantMapped {
                registration: registration.0,
                tenant: tenant.0,
                subscription: subscription.map(|subscription| subscription.0),
                valid: valid.try_into()?,
            },
            StoredEntry::LocalSubscriptionListed {
                stack,
                local_subscription,
                listed,
                valid,
                made_at,
            } => Self::LocalSubscriptionListed {
                stack: stack.0,
                local_subscription: local_subscription.0,
                listed: listed.into(),
                valid: valid.try_into()?,
                made_at: made_at.map(|made_at| made_at.0),
            },
            StoredEntry::DirectoryListed {
                stack,
                made_at,
                digest,
                absent,
            } => Self::DirectoryListed(ListingEntry {
                stack: stack.0,
                made_at: made_at.0,
                digest: digest.map(|digest| digest.0),
                absent: absent.into_iter().map(|id| id.0).collect(),
            }),
            StoredEntry::PriceListPublished {
                list,
                prices: stored,
                from,
            } => Self::PriceListPublished {
                list: list.try_into()?,
                prices: prices(stored)?,
                from: from.0,
            },
            StoredEntry::QuarantineActed(act) => Self::QuarantineActed(act.into()),
            StoredEntry::Directory(entry) => Self::Directory(entry.try_into()?),
            StoredEntry::Role(entry) => Self::Role(entry.into()),
            StoredEntry::Notice(entry) => Self::Notice(entry.into()),
            StoredEntry::Bundle(entry) => Self::Bundle(entry.try_into()?),
            StoredEntry::Bill(entry) => Self::Bill(entry.try_into()?),
            StoredEntry::Price(entry) => Self::Price(entry.try_into()?),
            StoredEntry::Budget(entry) => Self::Budget(entry.try_into()?),
        })
    }
}
