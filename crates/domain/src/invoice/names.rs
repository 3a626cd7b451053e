//! What those on a bill are called. A bill itself knows ids only: names are for whoever reads it.

use std::collections::BTreeMap;

use crate::ids::{CustomerId, SubscriptionId};
use crate::statement::{Names, Party};

/// The names of the parties of an account. What the books have no name for is left out, as the platform is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountNames {
    /// The partner that sells.
    pub seller: Option<String>,
    /// The partner or the subscription that buys.
    pub buyer: Option<String>,
    /// The customer that the subscription was sold to.
    pub customer: Option<Party<CustomerId>>,
}

/// The names on one bill.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BillNames {
    /// Who sells and who buys.
    pub account: AccountNames,
    /// The subscriptions that pay.
    pub subscriptions: BTreeMap<SubscriptionId, String>,
    /// The stacks and tenants that used something. Nothing else is in it.
    pub users: Names,
}
