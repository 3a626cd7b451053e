//! What can be entered into the books.

use std::collections::BTreeMap;

use super::{
    BillEntry, BudgetEntry, BundleEntry, DirectoryEntry, ListingEntry, NoticeEntry, Operator, PriceEntry,
    ResourceGroup, RoleEntry,
};
use crate::attribution::LocalSubscription;
use crate::catalog::{PriceList, Prices};
use crate::ids::{
    CloudId, CustomerId, LocalSubscriptionId, OperatorId, PartnerId, RegistrationId, SubscriptionId, TenantId,
};
use crate::partner::{Customer, Partner, Subscription, SubscriptionState};
use crate::quarantine::QuarantineAct;
use crate::registration::RegistrationToken;
use crate::resource_id::ResourceName;
use crate::time::{Hour, HourInterval, Timestamp};

/// One fact, as it was told.
///
/// A fact that holds from some hour on carries that hour: what is done at 14:37 holds from 14:00 *(ours)*, because
/// usage cannot be divided below the hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// An account may operate the platform.
    OperatorAdmitted(Operator),
    /// An account may no longer operate the platform.
    OperatorRevoked {
        /// The account.
        operator: OperatorId,
    },
    /// A partner was created.
    PartnerCreated(Partner),
    /// A customer was created.
    CustomerCreated(Customer),
    /// A subscription was created.
    SubscriptionCreated(Subscription),
    /// A subscription was suspended or made active again.
    SubscriptionStateSet {
        /// The subscription.
        subscription: SubscriptionId,
        /// Its new state.
        state: SubscriptionState,
    },
    /// A partner was deleted. Nothing depended on it any more.
    PartnerDeleted {
        /// The partner.
        partner: PartnerId,
    },
    /// A customer was deleted. Nothing depended on it any more; its tenants can be another customer's.
    CustomerDeleted {
        /// The customer.
        customer: CustomerId,
    },
    /// A subscription was deleted, with its resource groups and the roles in it. Nothing was charged to it any more.
    SubscriptionDeleted {
        /// The subscription.
        subscription: SubscriptionId,
    },
    /// A resource group was created or its tags were changed.
    ResourceGroupPut(ResourceGroup),
    /// A resource group was deleted.
    ResourceGroupDeleted {
        /// The subscription it was in.
        subscription: SubscriptionId,
        /// Its name.
        name: ResourceName,
    },
    /// A stack was registered.
    Registered {
        /// This life of the registration.
        id: RegistrationId,
        /// The subscription that pays for whatever no mapping claims.
        subscription: SubscriptionId,
        /// The resource group.
        resource_group: ResourceName,
        /// The name.
        name: ResourceName,
        /// The location as sent.
        location: String,
        /// The tags.
        tags: BTreeMap<String, String>,
        /// What the stack said of itself.
        token: RegistrationToken,
        /// The first hour it is valid in.
        from: Hour,
    },
    /// A stack was registered again under the same name. Its mappings stay.
    Reregistered {
        /// The registration.
        registration: RegistrationId,
        /// What the stack now says of itself.
        token: RegistrationToken,
        /// The tags, all of them.
        tags: BTreeMap<String, String>,
        /// The first hour in which the new billing model holds.
        from: Hour,
    },
    /// A registration's tags were changed.
    RegistrationTagged {
        /// The registration.
        registration: RegistrationId,
        /// The tags, all of them.
        tags: BTreeMap<String, String>,
    },
    /// A registration was declared valid in hours before it was made.
    RegistrationBackdated {
        /// The registration.
        registration: RegistrationId,
        /// The hours in which the terms that hold after them held, too.
        valid: HourInterval,
    },
    /// The platform operator approved a registration for multi-tenancy.
    MultiTenancyApproved {
        /// The registration.
        registration: RegistrationId,
    },
    /// The activation keys that were signed for a registration so far were declared good no more.
    ActivationKeysRevoked {
        /// The registration.
        registration: RegistrationId,
    },
    /// A registration was deleted.
    Deregistered {
        /// The registration.
        registration: RegistrationId,
        /// The first hour it is not valid in.
        from: Hour,
    },
    /// A registration was moved into another resource group, with its tenant mappings.
    RegistrationMoved {
        /// The registration.
        registration: RegistrationId,
        /// The subscription that now pays for whatever no mapping claims.
        subscription: SubscriptionId,
        /// The resource group it is in now.
        resource_group: ResourceName,
        /// The first hour in which the subscription pays.
        from: Hour,
    },
    /// A tenant's usage is charged to a customer's subscription, or falls back to the default one.
    TenantMapped {
        /// The registration.
        registration: RegistrationId,
        /// The directory tenant.
        tenant: TenantId,
        /// The CSP subscription that pays; none where the mapping was removed.
        subscription: Option<SubscriptionId>,
        /// The hours for which this holds.
        valid: HourInterval,
    },
    /// A stack's directory lists a local subscription.
    LocalSubscriptionListed {
        /// The stack.
        stack: CloudId,
        /// The local subscription.
        local_subscription: LocalSubscriptionId,
        /// What the directory says of it.
        listed: LocalSubscription,
        /// The hours for which this holds.
        valid: HourInterval,
        /// When the stack listed it, if that was not just now.
        made_at: Option<Timestamp>,
    },
    /// A stack's directory was listed.
    DirectoryListed(ListingEntry),
    /// A version of a price list was published.
    PriceListPublished {
        /// The list.
        list: PriceList,
        /// The prices of this version, all of them.
        prices: Prices,
        /// The first hour this version prices. It does until the next version that was published before.
        from: Hour,
    },
    /// Records in quarantine were to be released or purged.
    QuarantineActed(QuarantineAct),
    /// Something about who signs in.
    Directory(DirectoryEntry),
    /// Something about who may do what.
    Role(RoleEntry),
    /// Something about usage that is carried in files.
    Bundle(BundleEntry),
    /// Something about what others are told.
    Notice(NoticeEntry),
    /// Something about terms and billing periods.
    Bill(BillEntry),
    /// Something about price lists that follow others, and about drafts.
    Price(PriceEntry),
    /// Something about budgets.
    Budget(BudgetEntry),
}

impl From<NoticeEntry> for Entry {
    fn from(entry: NoticeEntry) -> Self {
        Self::Notice(entry)
    }
}

impl From<DirectoryEntry> for Entry {
    fn from(entry: DirectoryEntry) -> Self {
        Self::Directory(entry)
    }
}

impl From<RoleEntry> for Entry {
    fn from(entry: RoleEntry) -> Self {
        Self::Role(entry)
    }
}
