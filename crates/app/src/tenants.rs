//! Adding tenants to registrations: whose usage is charged to which customer's subscription.

use std::collections::BTreeSet;

use domain::books::{Books, Entry};
use domain::ids::{CloudId, SubscriptionId, TenantId};
use domain::registration::tenants::{
    self, AddTenant, Addition, Effect, Lookup, Mappings, Owned, Target, TenantRefusal,
};
use domain::registration::{Registration, Warning};
use domain::time::{Hour, HourInterval};
use domain::timeline::Recorded;

use crate::access::Caller;
use crate::accounts::subscription_not_found;
use crate::registrations::RegistrationAddress;
use crate::{App, Error, Kind};

/// A tenant mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantMapping {
    /// The customer's subscription that pays.
    pub subscription: SubscriptionId,
    /// The directory tenant whose usage it pays for.
    pub tenant: TenantId,
}

/// One version of a tenant mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingVersion {
    /// The directory tenant.
    pub tenant: TenantId,
    /// The customer's subscription that pays; none where the tenant was removed.
    pub subscription: Option<SubscriptionId>,
    /// The hours for which it holds, unless a later version says otherwise.
    pub valid: HourInterval,
    /// When and by whom it was recorded.
    pub recorded: Recorded,
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
    /// [`TenantRefusal`], or as the store.
    pub async fn add_tenant(
        &self,
        caller: &Caller,
        at: &RegistrationAddress,
        customer_subscription: &str,
        tenant: Option<TenantId>,
    ) -> Result<(TenantMapping, Vec<Warning>), Error> {
        let hour = self.this_hour();
        self.change(caller, |books| {
            let registration = at.find(books).ok();
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
                warnings,
                ..
            } = decide(books, &request, registration, hour)?;
            let mut entries = Vec::new();
            if let Some(registration) = registration {
                let mapped = |tenant, subscription| Entry::TenantMapped {
                    registration: registration.id,
                    tenant,
                    subscription,
                    valid: HourInterval::from(hour),
                };
                // Those that are to be mapped to it later, too: the entry now names this tenant, for good.
                let ahead = HourInterval::from(hour);
                let others = others_mapped(books, registration, subscription, tenant, ahead);
                entries.extend(others.into_iter().map(|tenant| mapped(tenant, None)));
                if effect != Effect::Nothing {
                    entries.push(mapped(tenant, Some(subscription)));
                }
            }
            Ok((entries, (TenantMapping { subscription, tenant }, warnings)))
        })
        .await
    }

    /// Removes a tenant: its later usage falls to the registration's default subscription. Tells whether there was a
    /// mapping.
    ///
    /// # Errors
    /// [`TenantRefusal`], or as the store.
    pub async fn remove_tenant(
        &self,
        caller: &Caller,
        at: &RegistrationAddress,
        customer_subscription: &str,
    ) -> Result<bool, Error> {
        let hour = self.this_hour();
        self.change(caller, |books| {
            let registration = at.find(books).ok();
            let mappings = registration.map(|registration| mappings(books, registration, hour));
            let removed = tenants::remove(&at.path(), mappings.as_ref(), customer_subscription)?;
            let entry = removed
                .zip(registration)
                .map(|(tenant, registration)| Entry::TenantMapped {
                    registration: registration.id,
                    tenant,
                    subscription: None,
                    valid: HourInterval::from(hour),
                });
            Ok((entry.into_iter().collect(), removed.is_some()))
        })
        .await
    }

    /// Maps a tenant of a stack for stated hours, past ones too: what was forgotten, or done too late. Without a
    /// subscription, its usage in these hours is the default subscription's.
    ///
    /// # Errors
    /// [`TenantRefusal`], `RegistrationNotFound`, or as the store.
    pub async fn map_tenant(
        &self,
        caller: &Caller,
        stack: CloudId,
        tenant: TenantId,
        subscription: Option<SubscriptionId>,
        valid: HourInterval,
    ) -> Result<Vec<Warning>, Error> {
        let hour = self.this_hour();
        self.change(caller, |books| {
            let registration = books.registration_of_stack(stack).ok_or_else(|| {
                Error::not_found(
                    "RegistrationNotFound",
                    format!("Stack {stack} is not registered."),
                )
                .about("cloudId")
            })?;
            let warnings = match subscription {
                None => Vec::new(),
                Some(subscription) => {
                    let path = registration.path();
                    let customer_subscription = &subscription.to_string();
                    let request = AddTenant {
                        path: &path,
                        customer_subscription,
                        tenant: Some(tenant),
                    };
                    let addition = decide(books, &request, Some(registration), hour)?;
                    // A registration has one entry for each subscription: from now on, two tenants cannot share one.
                    let ahead = valid.intersect(HourInterval::from(hour));
                    if let Some(ahead) = ahead
                        && let Some(other) =
                            others_mapped(books, registration, subscription, tenant, ahead).first()
                    {
                        return Err(mapped_to_another(subscription, *other));
                    }
                    let released = |it: &Warning| !matches!(it, Warning::TenantLosesMapping { .. });
                    addition.warnings.into_iter().filter(released).collect()
                }
            };
            let entry = Entry::TenantMapped {
                registration: registration.id,
                tenant,
                subscription,
                valid,
            };
            Ok((vec![entry], warnings))
        })
        .await
    }

    /// A tenant mapping of a registration that holds now.
    ///
    /// # Errors
    /// `SubscriptionNotFound` or [`TenantRefusal`].
    pub fn tenant_mapping(
        &self,
        at: &RegistrationAddress,
        customer_subscription: &str,
    ) -> Result<TenantMapping, Error> {
        let hour = self.this_hour();
        self.read(|books| {
            books
                .subscription(at.subscription)
                .ok_or_else(|| subscription_not_found(&at.subscription.to_string()))?;
            let mappings = at
                .find(books)
                .ok()
                .map(|registration| mappings(books, registration, hour));
            let (subscription, tenant) = tenants::find(&at.path(), mappings.as_ref(), customer_subscription)?;
            Ok(TenantMapping { subscription, tenant })
        })
    }

    /// The tenant mappings of a registration that hold now, by subscription.
    ///
    /// # Errors
    /// `SubscriptionNotFound` or `RegistrationNotFound`.
    pub fn tenant_mappings(&self, at: &RegistrationAddress) -> Result<Vec<TenantMapping>, Error> {
        let hour = self.this_hour();
        self.read(|books| {
            books
                .subscription(at.subscription)
                .ok_or_else(|| subscription_not_found(&at.subscription.to_string()))?;
            let registration = at.find(books)?;
            let held = books.mappings(registration, hour).into_iter();
            Ok(held
                .map(|it| TenantMapping {
                    subscription: it.subscription,
                    tenant: it.tenant,
                })
                .collect())
        })
    }

    /// Every version of every tenant mapping of a stack's live registration, in the order of recording.
    ///
    /// # Errors
    /// `RegistrationNotFound`.
    pub fn mapping_history(&self, stack: CloudId) -> Result<Vec<MappingVersion>, Error> {
        let registration = self.registration_of_stack(stack)?.id;
        let mut versions = self.read(|books| {
            let mappings = books
                .stack(stack)
                .into_iter()
                .flat_map(|history| &history.mappings);
            let own = mappings.filter(|((of, _), _)| *of == registration);
            let versions = own.flat_map(|((_, tenant), timeline)| {
                timeline.assertions().iter().map(|assertion| MappingVersion {
                    tenant: *tenant,
                    subscription: assertion.value,
                    valid: assertion.valid,
                    recorded: assertion.recorded,
                })
            });
            versions.collect::<Vec<_>>()
        });
        versions.sort_by_key(|version| version.recorded.entry);
        Ok(versions)
    }
}

/// The other tenants whose usage is charged to a subscription somewhere in these hours.
fn others_mapped(
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

fn mapped_to_another(subscription: SubscriptionId, tenant: TenantId) -> Error {
    let message = format!(
        "Subscription {subscription} is mapped to tenant {tenant} in these hours, and an entry of a registration names one tenant. \
         Remove that mapping first, or end this one before it with validTo."
    );
    Error::new(Kind::Conflict, "SubscriptionMappedToAnotherTenant", message).about("subscriptionId")
}

fn mappings(books: &Books, registration: &Registration, hour: Hour) -> Mappings {
    books
        .mappings(registration, hour)
        .into_iter()
        .map(|it| (it.tenant, it.subscription))
        .collect()
}

fn decide(
    books: &Books,
    request: &AddTenant<'_>,
    registration: Option<&Registration>,
    hour: Hour,
) -> Result<Addition, Error> {
    let owned = |subscription| {
        let subscription = books.subscription(subscription)?;
        let owner = subscription.owner.and_then(|owner| books.partner(owner));
        Some(Owned { subscription, owner })
    };
    let customer_subscription = request.customer_subscription.parse().ok();
    let lookup = match customer_subscription.and_then(owned) {
        Some(subscription) => {
            let customer = subscription
                .subscription
                .customer
                .and_then(|id| books.customer(id));
            Lookup::Found {
                subscription,
                customer,
            }
        }
        None => Lookup::Unknown,
    };
    let Some(registration) = registration else {
        return Ok(tenants::add(request, None, &lookup)?);
    };
    let mappings = mappings(books, registration, hour);
    let directory = books
        .stack(registration.cloud_id())
        .into_iter()
        .flat_map(|it| it.directory.values());
    let local_tenants: BTreeSet<TenantId> = directory
        .filter_map(|timeline| Some(timeline.at(hour)?.value.tenant))
        .collect();
    let default_subscription = owned(registration.subscription).ok_or_else(|| {
        let message = "The default subscription of the registration does not exist.";
        Error::new(Kind::Internal, "InternalError", message)
    })?;
    let target = Target {
        registration,
        default_subscription,
        mappings: &mappings,
        local_tenants: &local_tenants,
    };
    Ok(tenants::add(request, Some(&target), &lookup)?)
}
