//! What the parties of a statement are called. A statement itself knows ids only: names are for whoever reads it.

use std::collections::BTreeMap;

use crate::ids::{CloudId, CustomerId, PartnerId, TenantId};

/// Somebody on a bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party<Id> {
    /// Who.
    pub id: Id,
    /// The name.
    pub name: String,
}

/// The names on one statement. What the books have no name for is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// The subscription that pays.
    pub subscription: Option<String>,
    /// Whether that subscription was deleted since.
    pub subscription_deleted: bool,
    /// The customer it is sold to.
    pub customer: Option<Party<CustomerId>>,
    /// The partner it belongs to, if that is who pays: a shared services subscription has no customer.
    pub owner: Option<Party<PartnerId>>,
    /// The partner that sells it; none where the platform does.
    pub seller: Option<Party<PartnerId>>,
    /// The stacks, by the names of their registrations.
    pub stacks: BTreeMap<CloudId, String>,
    /// The directory tenants, by the names of the customers they belong to.
    pub tenants: BTreeMap<TenantId, String>,
}
