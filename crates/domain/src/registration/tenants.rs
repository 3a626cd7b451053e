//! Which subscription a directory tenant's usage is charged to: adding, finding and removing tenant mappings.

mod refusal;

use std::collections::{BTreeMap, BTreeSet};

pub use refusal::{NotUsable, TenantRefusal};

use super::{BillingModel, Registration, RegistrationNotFound, RegistrationPath, Warning, advice};
use crate::ids::{PartnerId, SubscriptionId, TenantId};
use crate::partner::{Customer, Partner, Subscription, SubscriptionKind, SubscriptionState};

/// The tenant mappings of one registration that hold now: one subscription for each tenant.
pub type Mappings = BTreeMap<TenantId, SubscriptionId>;

/// A request to add a tenant to a registration.
#[derive(Debug, Clone, Copy)]
pub struct AddTenant<'a> {
    /// The registration's path.
    pub path: &'a RegistrationPath,
    /// The id of the customer's subscription, as the caller wrote it.
    pub customer_subscription: &'a str,
    /// The tenant whose usage is to be charged to it; without one, the subscription's own.
    pub tenant: Option<TenantId>,
}

/// A subscription and whom it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Owned<'a> {
    /// The subscription.
    pub subscription: &'a Subscription,
    /// Its owner.
    pub owner: Option<&'a Partner>,
}

impl Owned<'_> {
    fn rolls_up_to(&self) -> Option<PartnerId> {
        self.owner.map(Partner::rolls_up_to)
    }
}

/// What holds of the registration at the path of a request.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The live registration.
    pub registration: &'a Registration,
    /// The subscription it was made under.
    pub default_subscription: Owned<'a>,
    /// Its tenant mappings.
    pub mappings: &'a Mappings,
    /// The tenants that have a local subscription on the stack, as far as the stack told.
    pub local_tenants: &'a BTreeSet<TenantId>,
}

/// What looking up a customer's subscription gave.
#[derive(Debug, Clone, Copy)]
pub enum Lookup<'a> {
    /// There is such a subscription.
    Found {
        /// The subscription.
        subscription: Owned<'a>,
        /// Whether it exists for the caller. Of one that does not, nobody learns of which kind it is before it is known
        /// to be the same partner's *(ours)*.
        seen: bool,
        /// The customer it was sold to.
        customer: Option<&'a Customer>,
        /// The customer that the tenant named in the request belongs to, as far as the caller may know.
        tenants_customer: Option<&'a Customer>,
    },
    /// There is none, or the id cannot be one.
    Unknown,
    /// The directory of subscriptions could not be asked. It is among the documented refusals, and so among these rules and
    /// in their order; nothing of ours gives it, because the books do not fail when they are asked.
    Failed,
}

/// What adding a tenant comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The tenant.
    pub tenant: TenantId,
    /// The subscription its usage is charged to.
    pub subscription: SubscriptionId,
    /// What this does to the tenant's mapping.
    pub effect: Effect,
    /// The tenant that was mapped to the subscription before and is mapped to none from now on: a registration has
    /// one entry for each subscription, and the entry now names the new tenant *(ours)*.
    pub released: Option<TenantId>,
    /// What the caller should know.
    pub warnings: Vec<Warning>,
}

/// What adding a tenant does to the mapping that the tenant has now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The tenant had none.
    Adds,
    /// The tenant was mapped to this subscription.
    Replaces(SubscriptionId),
    /// The tenant already is mapped so.
    Nothing,
}

/// Decides what adding a tenant comes to.
///
/// # Errors
/// [`TenantRefusal`], for the first of these that is the case: no registration, not approved for multi-tenancy, not
/// PayAsYouUse; not a GUID, the directory fails, unknown, not a CSP subscription, of another partner (these two the
/// other way round where the caller does not see the subscription), suspended *(ours; last, so that only its own partner
/// learns of it)*; or the registration's own subscription is suspended and this were something new *(ours)*.
pub fn add(
    request: &AddTenant<'_>,
    target: Option<&Target<'_>>,
    lookup: &Lookup<'_>,
) -> Result<Addition, TenantRefusal> {
    let target = target.ok_or_else(|| RegistrationNotFound(request.path.clone()))?;
    check_registration(request, target)?;
    let (sold, customer) = check_subscription(request, target, lookup)?;
    let tenant = request.tenant.unwrap_or(sold.tenant);
    let subscription = sold.id;
    let effect = match target.mappings.get(&tenant) {
        None => Effect::Adds,
        Some(mapped) if *mapped == subscription => Effect::Nothing,
        Some(mapped) => Effect::Replaces(*mapped),
    };
    let default = target.default_subscription.subscription;
    if effect != Effect::Nothing && default.state == SubscriptionState::Suspended {
        return Err(TenantRefusal::SubscriptionSuspended(default.id));
    }
    let released = match effect {
        Effect::Nothing => None,
        Effect::Adds | Effect::Replaces(_) => tenant_of(target.mappings, subscription),
    };
    let mut warnings: Vec<Warning> = released
        .map(|tenant| Warning::TenantLosesMapping { tenant, subscription })
        .into_iter()
        .collect();
    match of_another_customer(tenant, sold, lookup) {
        Some(warning) => warnings.push(warning),
        None => {
            warnings.extend(
                customer.and_then(|customer| signs_in_elsewhere(tenant, customer, target.local_tenants)),
            );
        }
    }
    Ok(Addition {
        tenant,
        subscription,
        effect,
        released,
        warnings,
    })
}

fn check_registration(request: &AddTenant<'_>, target: &Target<'_>) -> Result<(), TenantRefusal> {
    let registered_with = target.default_subscription.subscription.kind;
    if !target.registration.multi_tenancy_approved || !advice::serves_several_tenants(registered_with) {
        let registration = request.path.clone();
        return Err(TenantRefusal::UnauthorizedCspRegistration {
            registration,
            registered_with,
        });
    }
    match target.registration.token.billing_model {
        BillingModel::PayAsYouUse => Ok(()),
        billing_model => Err(TenantRefusal::CustomerSubscriptionsNotAllowed { billing_model }),
    }
}

fn check_subscription<'a>(
    request: &AddTenant<'_>,
    target: &Target<'_>,
    lookup: &Lookup<'a>,
) -> Result<(&'a Subscription, Option<&'a Customer>), TenantRefusal> {
    let given = request.customer_subscription.to_owned();
    if given.parse::<SubscriptionId>().is_err() {
        return Err(TenantRefusal::InvalidCustomerSubscriptionId {
            given,
            because: NotUsable::NotAGuid,
        });
    }
    let (found, seen, customer) = match *lookup {
        Lookup::Found {
            subscription,
            seen,
            customer,
            ..
        } => (subscription, seen, customer),
        Lookup::Failed => return Err(TenantRefusal::MetadataResolverBadGateway),
        Lookup::Unknown => {
            return Err(TenantRefusal::InvalidCustomerSubscriptionId {
                given,
                because: NotUsable::Unknown,
            });
        }
    };
    let Subscription { kind, state, .. } = *found.subscription;
    let partner = found.rolls_up_to();
    let of_another = partner.is_none() || partner != target.default_subscription.rolls_up_to();
    if kind != SubscriptionKind::Csp && (seen || !of_another) {
        return Err(TenantRefusal::InvalidCspSubscription { given, kind });
    }
    if of_another {
        let registration = request.path.name.clone();
        let registered_with = target.registration.subscription;
        return Err(TenantRefusal::BadCustomerSubscriptionId {
            given,
            registration,
            registered_with,
        });
    }
    if state == SubscriptionState::Suspended {
        return Err(TenantRefusal::InvalidCustomerSubscriptionId {
            given,
            because: NotUsable::Suspended,
        });
    }
    Ok((found.subscription, customer))
}

/// A subscription pays for the tenants of the customer it was sold to, and for the one it lives in. Azure accepts any
/// other, too, so this is no reason to refuse.
fn of_another_customer(tenant: TenantId, sold: &Subscription, lookup: &Lookup<'_>) -> Option<Warning> {
    let Lookup::Found {
        customer,
        tenants_customer,
        ..
    } = *lookup
    else {
        return None;
    };
    if tenant == sold.tenant || customer.is_some_and(|customer| customer.tenants.contains(&tenant)) {
        return None;
    }
    Some(Warning::TenantOfAnotherCustomer {
        tenant,
        belongs_to: tenants_customer.map(|it| it.name.clone()),
        subscription: sold.id,
        sold_to: customer.map(|it| it.name.clone()),
    })
}

/// A customer with several directory tenants needs the subscription in the one that signs in to the stack.
fn signs_in_elsewhere(
    tenant: TenantId,
    customer: &Customer,
    local_tenants: &BTreeSet<TenantId>,
) -> Option<Warning> {
    if local_tenants.contains(&tenant) {
        return None;
    }
    let signing_in: Vec<TenantId> = customer
        .tenants
        .iter()
        .copied()
        .filter(|other| local_tenants.contains(other))
        .collect();
    (!signing_in.is_empty()).then_some(Warning::TenantHasNoLocalSubscription { tenant, signing_in })
}

fn tenant_of(mappings: &Mappings, subscription: SubscriptionId) -> Option<TenantId> {
    mappings
        .iter()
        .find(|(_, mapped)| **mapped == subscription)
        .map(|(tenant, _)| *tenant)
}

/// The entry of a registration for a customer's subscription. `mappings` is nothing when there is no registration
/// at the path.
///
/// # Errors
/// [`TenantRefusal::RegistrationNotFound`], [`TenantRefusal::CustomerSubscriptionNotFound`].
pub fn find(
    path: &RegistrationPath,
    mappings: Option<&Mappings>,
    customer_subscription: &str,
) -> Result<(SubscriptionId, TenantId), TenantRefusal> {
    entry(path, mappings, customer_subscription)?.ok_or_else(|| TenantRefusal::CustomerSubscriptionNotFound {
        given: customer_subscription.to_owned(),
        registration: path.name.clone(),
    })
}

/// The tenant that is mapped no more when the entry for a customer's subscription is removed; its later usage falls
/// to the default subscription. Nothing when there is no such entry, which is as well.
///
/// # Errors
/// [`TenantRefusal::RegistrationNotFound`].
pub fn remove(
    path: &RegistrationPath,
    mappings: Option<&Mappings>,
    customer_subscription: &str,
) -> Result<Option<TenantId>, TenantRefusal> {
    Ok(entry(path, mappings, customer_subscription)?.map(|(_, tenant)| tenant))
}

fn entry(
    path: &RegistrationPath,
    mappings: Option<&Mappings>,
    customer_subscription: &str,
) -> Result<Option<(SubscriptionId, TenantId)>, RegistrationNotFound> {
    let mappings = mappings.ok_or_else(|| RegistrationNotFound(path.clone()))?;
    let subscription = customer_subscription.parse().ok();
    Ok(subscription.and_then(|subscription| Some((subscription, tenant_of(mappings, subscription)?))))
}

#[cfg(test)]
mod tests;
