//! Adding tenants to registrations: whose usage is charged to which customer's subscription.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use domain::authorization::{Deed, Scope, ScopeLocked};
use domain::books::{Books, Entry};
use domain::ids::{SubscriptionId, TenantId};
use domain::partner::{Customer, Subscription, SubscriptionKind};
use domain::registration::tenants::{
    self, AddTenant, Addition, Effect, Lookup, Mappings, Owned, Target, TenantRefusal,
};
use domain::registration::{Registration, Warning};
use domain::time::{Hour, HourInterval};
use domain::timeline::Timeline;

use crate::access::{Caller, View, demand, view_of};
use crate::accounts::subscription_not_found;
use crate::precondition::Precondition;
use crate::registrations::RegistrationAddress;
use crate::seen::scope_of;
use crate::{App, Error, Kind};

/// The action of adding and removing tenants.
pub(crate) const WRITE_MAPPINGS: &str = "Microsoft.AzureStack/registrations/customerSubscriptions/write";

/// A tenant mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantMapping {
    /// The customer's subscription that pays.
    pub subscription: SubscriptionId,
    /// The directory tenant whose usage it pays for.
    pub tenant: TenantId,
    /// The number of the entry of the books by which this holds.
    pub revision: u64,
}

impl From<TenantRefusal> for Error {
    fn from(refusal: TenantRefusal) -> Self {
        let error = Self::new(refusal.kind().into(), refusal.code(), refusal.to_string());
        Self {
            hint: Some(refusal.hint()),
            ..error
        }
    }
}

impl App {
    /// Adds a tenant: its usage from the present hour on is charged to the customer's subscription.
    ///
    /// # Errors
    /// `PreconditionFailed`, `ScopeLocked`, [`TenantRefusal`], or as the store.
    pub async fn add_tenant(
        &self,
        caller: &Caller,
        at: &RegistrationAddress,
        customer_subscription: &str,
        tenant: Option<TenantId>,
        precondition: &Precondition,
    ) -> Result<(TenantMapping, Vec<Warning>), Error> {
        let hour = self.this_hour();
        let warnings = self
            .change(caller, |books| {
                let registration = at.find(books).ok();
                precondition.check(revision(books, registration, customer_subscription, hour))?;
                // As with Azure, what is locked is not looked into.
                books.check_locks(Deed::Write, &scope(at.scope(), &customer_subscription))?;
                let path = registration.map_or_else(|| at.path(), Registration::path);
                let request = AddTenant {
                    path: &path,
                    customer_subscription,
                    tenant,
                };
                let Addition {
                    tenant,
                    subscription,
                    effect,
                    released,
                    mut warnings,
                } = decide(books, caller, &request, registration, hour)?;
                let mut entries = Vec::new();
                if let Some(registration) = registration {
                    // Those that are to be mapped to it later, too: the entry now names this tenant, for good.
                    let ahead = HourInterval::from(hour);
                    let others = others_mapped(books, registration, subscription, tenant, ahead);
                    let later = others.iter().filter(|it| Some(**it) != released);
                    warnings
                        .extend(later.map(|&tenant| Warning::TenantLosesMapping { tenant, subscription }));
                    for other in others {
                        entries.push(mapped(books, registration, (other, None), ahead)?);
                    }
                    if effect != Effect::Nothing {
                        let charged = (tenant, Some(subscription));
                        entries.push(mapped(books, registration, charged, ahead)?);
                    }
                }
                Ok((entries, warnings))
            })
            .await?;
        Ok((self.tenant_mapping(caller, at, customer_subscription)?, warnings))
    }

    /// Removes a tenant: its later usage falls to the registration's default subscription. Tells whether there was a
    /// mapping.
    ///
    /// # Errors
    /// `PreconditionFailed`, `ScopeLocked`, [`TenantRefusal`], or as the store.
    pub async fn remove_tenant(
        &self,
        caller: &Caller,
        at: &RegistrationAddress,
        customer_subscription: &str,
        precondition: &Precondition,
    ) -> Result<bool, Error> {
        let hour = self.this_hour();
        self.change(caller, |books| {
            let registration = at.find(books).ok();
            precondition.check(revision(books, registration, customer_subscription, hour))?;
            let view = view_of(books, caller);
            let mappings = registration.map(|it| mappings_shown(books, &view, it, hour));
            let removed = tenants::remove(&at.path(), mappings.as_ref(), customer_subscription)?;
            let entry = removed.zip(registration).map(|(tenant, registration)| {
                mapped(books, registration, (tenant, None), HourInterval::from(hour))
            });
            Ok((entry.transpose()?.into_iter().collect(), removed.is_some()))
        })
        .await
    }

    /// A tenant mapping of a registration that holds now, if it is shown to the caller.
    ///
    /// # Errors
    /// `SubscriptionNotFound` or [`TenantRefusal`].
    pub fn tenant_mapping(
        &self,
        caller: &Caller,
        at: &RegistrationAddress,
        customer_subscription: &str,
    ) -> Result<TenantMapping, Error> {
        let hour = self.this_hour();
        self.read(|books| {
            books
                .subscription(at.subscription)
                .ok_or_else(|| subscription_not_found(&at.subscription.to_string()))?;
            let registration = at.find(books).ok();
            let view = view_of(books, caller);
            let mappings = registration.map(|it| mappings_shown(books, &view, it, hour));
            let (subscription, tenant) = tenants::find(&at.path(), mappings.as_ref(), customer_subscription)?;
            let revision = revision(books, registration, customer_subscription, hour).unwrap_or_default();
            Ok(TenantMapping {
                subscription,
                tenant,
                revision,
            })
        })
    }

    /// The tenant mappings of a registration that hold now, by subscription. Who reads a registration reads whose usage is
    /// charged by it: all that roll up to the partner where it was made with a partner's shared services subscription, and
    /// those of the partner that sells the subscription where it was made with any other. What is charged to another
    /// partner's customer exists for those alone who see that subscription *(ours)*.
    ///
    /// # Errors
    /// `SubscriptionNotFound` or `RegistrationNotFound`.
    pub fn tenant_mappings(
        &self,
        caller: &Caller,
        at: &RegistrationAddress,
    ) -> Result<Vec<TenantMapping>, Error> {
        let hour = self.this_hour();
        self.read(|books| {
            books
                .subscription(at.subscription)
                .ok_or_else(|| subscription_not_found(&at.subscription.to_string()))?;
            let registration = at.find(books)?;
            let view = view_of(books, caller);
            let held = books.mappings(registration, hour).into_iter();
            let shown = held.filter(|it| shows(books, &view, registration, it.subscription));
            Ok(shown
                .map(|it| TenantMapping {
                    subscription: it.subscription,
                    tenant: it.tenant,
                    revision: it.assertion.recorded.entry,
                })
                .collect())
        })
    }
}

/// Maps a tenant for these hours to a subscription, or to none, unless locks stop it. By this one door tenant mappings
/// come into the books: the registration's entry that names the tenant then is written, and every entry that the tenant
/// is taken from, be it for some of these hours only, is deleted.
///
/// # Errors
/// [`ScopeLocked`].
pub(crate) fn mapped(
    books: &Books,
    registration: &Registration,
    (tenant, subscription): (TenantId, Option<SubscriptionId>),
    valid: HourInterval,
) -> Result<Entry, ScopeLocked> {
    if let Some(subscription) = subscription {
        books.check_locks(Deed::Write, &scope(scope_of(registration), &subscription))?;
    }
    let segments = timeline(books, registration, tenant).map(|timeline| timeline.segments(valid));
    let charged = segments
        .into_iter()
        .flatten()
        .filter_map(|(_, holds)| holds?.value);
    for taken_from in charged.filter(|it| Some(*it) != subscription) {
        books.check_locks(Deed::Delete, &scope(scope_of(registration), &taken_from))?;
    }
    Ok(Entry::TenantMapped {
        registration: registration.id,
        tenant,
        subscription,
        valid,
    })
}

/// An entry of a registration as what locks are about. A name that can be no resource's is refused by its rule.
fn scope(registration: Scope, customer_subscription: &impl Display) -> Scope {
    let below = format!("{registration}/customerSubscriptions/{customer_subscription}");
    below.parse().unwrap_or(registration)
}

/// Which subscriptions a tenant's usage was, is and will be charged to by a registration.
pub(crate) fn timeline<'a>(
    books: &'a Books,
    registration: &Registration,
    tenant: TenantId,
) -> Option<&'a Timeline<Option<SubscriptionId>>> {
    let history = books.stack(registration.cloud_id())?;
    history.mappings.get(&(registration.id, tenant))
}

/// The number of the entry by which a subscription is mapped now, if it is.
fn revision(
    books: &Books,
    registration: Option<&Registration>,
    customer_subscription: &str,
    hour: Hour,
) -> Option<u64> {
    let subscription: SubscriptionId = customer_subscription.parse().ok()?;
    let mappings = books.mappings(registration?, hour);
    let mapping = mappings.into_iter().find(|it| it.subscription == subscription);
    mapping.map(|it| it.assertion.recorded.entry)
}

/// The other tenants whose usage is charged to a subscription somewhere in these hours.
pub(crate) fn others_mapped(
    books: &Books,
    registration: &Registration,
    subscription: SubscriptionId,
    tenant: TenantId,
    hours: HourInterval,
) -> Vec<TenantId> {
    let mappings = books
        .stack(registration.cloud_id())
        .into_iter()
        .flat_map(|history| &history.mappings);
    let others = mappings.filter(|((of, other), _)| *of == registration.id && *other != tenant);
    let charged = others.filter(|(_, timeline)| {
        let mut held = timeline
            .segments(hours)
            .into_iter()
            .filter_map(|(_, holds)| holds?.value);
        held.any(|charged| charged == subscription)
    });
    charged.map(|((_, other), _)| *other).collect()
}

/// Whether it is shown to whoever has this view that a registration has usage charged to a subscription; see
/// [`App::tenant_mappings`].
pub(crate) fn shows(
    books: &Books,
    view: &View,
    registration: &Registration,
    charged: SubscriptionId,
) -> bool {
    let own = books.subscription_ever(registration.subscription);
    let Some(charged) = books.subscription_ever(charged) else {
        return view.everything;
    };
    let of_the_partners_own = own.is_some_and(|it| it.kind == SubscriptionKind::PartnerSharedServices);
    let of_the_same_seller = own.is_some_and(|it| it.owner == charged.owner);
    of_the_partners_own || of_the_same_seller || view.sees_subscription(charged)
}

fn mappings_shown(books: &Books, view: &View, registration: &Registration, hour: Hour) -> Mappings {
    let mut shown = mappings(books, registration, hour);
    shown.retain(|_, charged| shows(books, view, registration, *charged));
    shown
}

fn mappings(books: &Books, registration: &Registration, hour: Hour) -> Mappings {
    books
        .mappings(registration, hour)
        .into_iter()
        .map(|it| (it.tenant, it.subscription))
        .collect()
}

/// What of a registration decides about every tenant that is added to it. It is as large as the stack: whoever asks about
/// several tenants makes it once.
pub(crate) struct Ground {
    mappings: Mappings,
    /// The first tenant that is mapped to each subscription.
    tenants: BTreeMap<SubscriptionId, TenantId>,
    local_tenants: BTreeSet<TenantId>,
}

impl Ground {
    /// What holds of a registration in an hour.
    pub(crate) fn of(books: &Books, registration: &Registration, hour: Hour) -> Self {
        let directory = books
            .stack(registration.cloud_id())
            .into_iter()
            .flat_map(|it| it.directory.values());
        let mappings = mappings(books, registration, hour);
        let mut tenants = BTreeMap::new();
        for (tenant, subscription) in &mappings {
            tenants.entry(*subscription).or_insert(*tenant);
        }
        Self {
            mappings,
            tenants,
            local_tenants: directory
                .filter_map(|timeline| Some(timeline.at(hour)?.value.tenant))
                .collect(),
        }
    }

    /// The mappings that the rules look at when a tenant is added: its own, and that of who has the subscription. They would
    /// look for them among all.
    fn mappings_about(&self, request: &AddTenant<'_>, subscription: Option<&Subscription>) -> Mappings {
        let has_it = subscription.and_then(|it| self.tenants.get(&it.id).copied());
        let about = [request.tenant, subscription.map(|it| it.tenant), has_it];
        let mapped = |tenant: TenantId| Some((tenant, *self.mappings.get(&tenant)?));
        about.into_iter().flatten().filter_map(mapped).collect()
    }
}

/// What adding a tenant comes to, for a caller.
pub(crate) fn decide(
    books: &Books,
    caller: &Caller,
    request: &AddTenant<'_>,
    registration: Option<&Registration>,
    hour: Hour,
) -> Result<Addition, Error> {
    let ground = registration.map(|it| (it, Ground::of(books, it, hour)));
    let target = ground.as_ref().map(|(it, ground)| (*it, ground));
    decide_on(books, caller, request, target)
}

/// The same, on ground that is known.
pub(crate) fn decide_on(
    books: &Books,
    caller: &Caller,
    request: &AddTenant<'_>,
    target: Option<(&Registration, &Ground)>,
) -> Result<Addition, Error> {
    let owned = |subscription| {
        let subscription = books.subscription(subscription)?;
        let owner = subscription.owner.and_then(|owner| books.partner(owner));
        Some(Owned { subscription, owner })
    };
    let view = view_of(books, caller);
    let registration = target.map(|(registration, _)| registration);
    let customer_subscription = request.customer_subscription.parse().ok();
    let charged = customer_subscription.map_or(Ok(()), |it| check_charged(books, caller, registration, it));
    let hidden = charged.as_ref().is_err_and(|error| error.kind == Kind::NotFound);
    let lookup = match customer_subscription.and_then(owned) {
        Some(subscription) if !hidden => {
            let customer = subscription
                .subscription
                .customer
                .and_then(|id| books.customer(id));
            Lookup::Found {
                seen: view.sees_subscription(subscription.subscription),
                subscription,
                customer,
                tenants_customer: request.tenant.and_then(|it| books.customer_of_tenant(it)),
            }
        }
        _ => Lookup::Unknown,
    };
    let Some((registration, ground)) = target else {
        return Ok(tenants::add(request, None, &lookup)?);
    };
    let default_subscription = owned(registration.subscription).ok_or_else(|| {
        let message = "The default subscription of the registration does not exist.";
        Error::new(Kind::Internal, "InternalError", message)
    })?;
    let subscription = customer_subscription.and_then(|id| books.subscription(id));
    let target = Target {
        registration,
        default_subscription,
        mappings: &ground.mappings_about(request, subscription),
        local_tenants: &ground.local_tenants,
    };
    let mut addition = tenants::add(request, Some(&target), &lookup)?;
    charged?;
    withhold_names(&mut addition.warnings, &lookup, &view);
    Ok(addition)
}

/// Leaves out the names of customers that do not exist for the caller.
fn withhold_names(warnings: &mut [Warning], lookup: &Lookup<'_>, view: &View) {
    let Lookup::Found {
        customer,
        tenants_customer,
        ..
    } = lookup
    else {
        return;
    };
    let seen = |customer: &Option<&Customer>| customer.is_some_and(|it| view.sees_customer(it));
    for warning in warnings {
        if let Warning::TenantOfAnotherCustomer {
            belongs_to, sold_to, ..
        } = warning
        {
            *belongs_to = belongs_to.take().filter(|_| seen(tenants_customer));
            *sold_to = sold_to.take().filter(|_| seen(customer));
        }
    }
}

/// Whether the caller may have usage of a stack charged to a customer's subscription. Who may write to a partner's shared
/// services subscription does the partner's work, and its registrations serve all customers that roll up to it. Any other
/// registration is somebody's own: who may write there has to be allowed to do so at what is charged, too *(ours)*, or one
/// customer could have its usage charged to another.
fn check_charged(
    books: &Books,
    caller: &Caller,
    registration: Option<&Registration>,
    charged: SubscriptionId,
) -> Result<(), Error> {
    let registered_with = registration.and_then(|it| books.subscription(it.subscription));
    match registered_with {
        Some(own) if own.kind != SubscriptionKind::PartnerSharedServices => {
            demand(books, caller, WRITE_MAPPINGS, &Scope::Subscription(charged))
        }
        _ => Ok(()),
    }
}
