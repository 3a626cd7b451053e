//! Mapping tenants for stated hours, past ones too, and every version of every mapping that a stack ever had.
//!
//! A stack may have been registered, deleted and registered again: each registration has mappings of its own, and they
//! alone decide who pays in its hours. So the versions of all of them are shown, and what is said about past hours is
//! entered into the registration that was valid in them.

use domain::attribution::{Life, StackHistory};
use domain::books::{Books, Entry};
use domain::ids::{CloudId, RegistrationId, SubscriptionId, TenantId};
use domain::registration::tenants::AddTenant;
use domain::registration::{Registration, Warning};
use domain::resource_id::ResourceName;
use domain::time::{Hour, HourInterval};
use domain::timeline::{Assertion, Recorded, Timeline};

use crate::access::{Caller, View, demand, view_of};
use crate::bills::customer_name;
use crate::me::name_of;
use crate::registrations::{registration_of, stack_not_registered};
use crate::seen::{READ_REGISTRATION, allows, registrations_ever_seen, scope_of};
use crate::tenants::{WRITE_MAPPINGS, decide, mapped, others_mapped, shows, timeline};
use crate::{App, Error, Kind};

const READ_MAPPINGS: &str = "Microsoft.AzureStack/registrations/customerSubscriptions/read";
/// A mapping that begins later than this is worth a warning: a month, in hours.
const FAR_AHEAD_HOURS: i32 = 31 * 24;

/// One version of a tenant mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingVersion {
    /// The registration in whose hours it decides who pays.
    pub registration: RegisteredHours,
    /// The directory tenant.
    pub tenant: TenantId,
    /// The customer's subscription that pays; none where the tenant was removed.
    pub subscription: Option<SubscriptionId>,
    /// That subscription's name.
    pub subscription_name: Option<String>,
    /// The name of the customer that the directory tenant belongs to.
    pub customer_name: Option<String>,
    /// The hours for which it holds, unless a later version says otherwise.
    pub valid: HourInterval,
    /// When and by whom it was recorded.
    pub recorded: Recorded,
    /// The name of who recorded it, where the caller may know it.
    pub recorded_by_name: Option<String>,
}

/// A registration that a stack has or had, and its hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredHours {
    /// Its name.
    pub name: ResourceName,
    /// Its creation.
    pub created: Recorded,
    /// The hours in which it was valid; none if it was deleted in the hour in which it was made.
    pub hours: Option<HourInterval>,
    /// Whether it is the stack's registration now.
    pub live: bool,
}

impl RegisteredHours {
    fn of(books: &Books, registration: &Registration) -> Self {
        let stack = registration.cloud_id();
        let mut lives = lives(books, stack).into_iter();
        let life = lives.find(|life| life.registration == registration.id);
        Self {
            name: registration.name.clone(),
            created: registration.created,
            hours: life.map(|life| life.hours),
            live: is_live(books, registration),
        }
    }
}

impl App {
    /// Maps a tenant of a stack for stated hours, past ones too: what was forgotten, or done too late. Without a
    /// subscription, its usage in these hours is the default subscription's. It is entered into the registration that was
    /// valid in these hours, under its rules; into the live one, where none was. What holds already is not entered again.
    /// Answers with the version that holds from the first of these hours on.
    ///
    /// # Errors
    /// `RegistrationNotFound`, `AuthorizationFailed`, `SeveralRegistrations` if the hours are those of several,
    /// `SubscriptionMappedToAnotherTenant`, `ScopeLocked`,
    /// [`TenantRefusal`](domain::registration::tenants::TenantRefusal), or as the store.
    pub async fn map_tenant(
        &self,
        caller: &Caller,
        stack: CloudId,
        tenant: TenantId,
        subscription: Option<SubscriptionId>,
        valid: HourInterval,
    ) -> Result<(MappingVersion, Vec<Warning>), Error> {
        let hour = self.this_hour();
        let (id, warnings) = self
            .change(caller, |books| {
                let decision = decide_mapping(books, caller, stack, (tenant, subscription), valid, hour)?;
                let entries = decision.entry.into_iter().collect();
                Ok((entries, (decision.registration, decision.warnings)))
            })
            .await?;
        let version = self.read(|books| {
            let registration = books.registration_by_id(id)?;
            let holds = timeline(books, registration, tenant)?.at(valid.start())?;
            let view = view_of(books, caller);
            Some(version(books, &view, (registration, tenant), holds))
        });
        let version = version.ok_or_else(|| crate::error::internal("The mapping is gone already."))?;
        Ok((version, warnings))
    }

    /// Every version of every tenant mapping of every registration that a stack has and had, as far as the caller reads
    /// them, in the order of recording. See [`App::tenant_mappings`] for what is left out.
    ///
    /// # Errors
    /// `RegistrationNotFound` or `AuthorizationFailed`.
    pub fn mapping_history(&self, caller: &Caller, stack: CloudId) -> Result<Vec<MappingVersion>, Error> {
        let mut versions = self.read(|books| {
            let view = view_of(books, caller);
            let seen = registrations_ever_seen(books, &view, stack);
            let last = seen.last().ok_or_else(|| stack_not_registered(stack))?;
            demand(books, caller, READ_MAPPINGS, &scope_of(last))?;
            let read = seen
                .into_iter()
                .filter(|it| allows(books, &view, READ_MAPPINGS, it));
            let versions = read.flat_map(|it| versions(books, &view, it));
            Ok::<_, Error>(versions.collect::<Vec<_>>())
        })?;
        versions.sort_by_key(|version| version.recorded.entry);
        Ok(versions)
    }
}

/// What mapping a tenant for stated hours comes to.
pub(crate) struct MappingDecision {
    /// The registration that it is entered into.
    pub(crate) registration: RegistrationId,
    /// What is entered; nothing if it holds already.
    pub(crate) entry: Option<Entry>,
    /// What is worth knowing about it.
    pub(crate) warnings: Vec<Warning>,
}

/// Decides on mapping a tenant for stated hours, as [`App::map_tenant`] says.
///
/// # Errors
/// As [`App::map_tenant`].
pub(crate) fn decide_mapping(
    books: &Books,
    caller: &Caller,
    stack: CloudId,
    (tenant, subscription): (TenantId, Option<SubscriptionId>),
    valid: HourInterval,
    hour: Hour,
) -> Result<MappingDecision, Error> {
    let registration = registration_in(books, caller, stack, valid)?;
    demand(books, caller, WRITE_MAPPINGS, &scope_of(registration))?;
    let mut warnings = match subscription {
        None => Vec::new(),
        Some(subscription) => check(books, caller, registration, (tenant, subscription), valid, hour)?,
    };
    let mut entry = None;
    if holds_already(timeline(books, registration, tenant), subscription, valid) {
        warnings.push(Warning::MappingUnchanged { tenant });
    } else {
        entry = Some(mapped(books, registration, (tenant, subscription), valid)?);
    }
    if valid.start() > hour.plus(FAR_AHEAD_HOURS) {
        warnings.push(Warning::MappingStartsFarAhead { from: valid.start() });
    }
    Ok(MappingDecision {
        registration: registration.id,
        entry,
        warnings,
    })
}

/// Whether a tenant may be mapped to a subscription for these hours, and what is worth knowing about it.
fn check(
    books: &Books,
    caller: &Caller,
    registration: &Registration,
    (tenant, subscription): (TenantId, SubscriptionId),
    valid: HourInterval,
    now: Hour,
) -> Result<Vec<Warning>, Error> {
    let request = AddTenant {
        path: &registration.path(),
        customer_subscription: &subscription.to_string(),
        tenant: Some(tenant),
    };
    let addition = decide(books, caller, &request, Some(registration), now)?;
    // A registration has one entry for each subscription: from now on, two tenants cannot share one.
    let ahead = valid.intersect(HourInterval::from(now));
    if let Some(ahead) = ahead.filter(|_| is_live(books, registration))
        && let Some(other) = others_mapped(books, registration, subscription, tenant, ahead).first()
    {
        return Err(mapped_to_another(subscription, *other));
    }
    let released = |it: &Warning| !matches!(it, Warning::TenantLosesMapping { .. });
    Ok(addition.warnings.into_iter().filter(released).collect())
}

/// The registration whose mappings decide who pays in these hours.
fn registration_in<'a>(
    books: &'a Books,
    caller: &Caller,
    stack: CloudId,
    valid: HourInterval,
) -> Result<&'a Registration, Error> {
    let view = view_of(books, caller);
    let seen = registrations_ever_seen(books, &view, stack);
    if seen.is_empty() {
        return Err(stack_not_registered(stack));
    }
    let valid_in: Vec<Life> = lives(books, stack)
        .into_iter()
        .filter(|life| life.hours.intersect(valid).is_some())
        .collect();
    let id = match valid_in[..] {
        [] => registration_of(books, stack)?.id,
        [life] => life.registration,
        _ => return Err(several_registrations(stack, &valid_in)),
    };
    seen.into_iter().find(|it| it.id == id).ok_or_else(|| {
        let message = format!(
            "In these hours stack {stack} was registered otherwise, and who pays for them is decided by that \
             registration's mappings."
        );
        Error::new(Kind::Conflict, "StackWasRegistered", message).about("validFrom")
    })
}

fn several_registrations(stack: CloudId, lives: &[Life]) -> Error {
    let hours: Vec<String> = lives.iter().map(|life| in_words(life.hours)).collect();
    let message = format!(
        "In these hours stack {stack} had {} registrations, and each has mappings of its own: {}. Map the tenant in the \
         hours of each by itself.",
        lives.len(),
        hours.join("; ")
    );
    Error::new(Kind::Conflict, "SeveralRegistrations", message).about("validFrom")
}

fn in_words(hours: HourInterval) -> String {
    if hours.end() == Hour::MAX {
        format!("from {} on", hours.start())
    } else {
        format!("from {} to {}", hours.start(), hours.end())
    }
}

fn mapped_to_another(subscription: SubscriptionId, tenant: TenantId) -> Error {
    let message = format!(
        "Subscription {subscription} is mapped to tenant {tenant} in these hours, and an entry of a registration names \
         one tenant. Remove that mapping first, or let this one end before this hour."
    );
    Error::new(Kind::Conflict, "SubscriptionMappedToAnotherTenant", message).about("subscriptionId")
}

/// Whether somebody said just this before, about all of these hours, and nobody something else since.
fn holds_already(
    timeline: Option<&Timeline<Option<SubscriptionId>>>,
    subscription: Option<SubscriptionId>,
    valid: HourInterval,
) -> bool {
    let segments = timeline.map(|timeline| timeline.segments(valid));
    let same =
        |holds: Option<&Assertion<Option<SubscriptionId>>>| holds.is_some_and(|it| it.value == subscription);
    segments.is_some_and(|segments| segments.into_iter().all(|(_, holds)| same(holds)))
}

/// The registrations that a stack had, and their hours.
pub(crate) fn lives(books: &Books, stack: CloudId) -> Vec<Life> {
    books.stack(stack).map(StackHistory::lives).unwrap_or_default()
}

fn is_live(books: &Books, registration: &Registration) -> bool {
    let live = books.registration_of_stack(registration.cloud_id());
    live.is_some_and(|live| live.id == registration.id)
}

fn versions(books: &Books, view: &View, registration: &Registration) -> Vec<MappingVersion> {
    let history = books.stack(registration.cloud_id()).into_iter();
    let own = history
        .flat_map(|history| &history.mappings)
        .filter(|((of, _), _)| *of == registration.id);
    own.flat_map(|((_, tenant), timeline)| {
        let shown = versions_shown(books, view, registration, timeline);
        shown.map(|assertion| version(books, view, (registration, *tenant), assertion))
    })
    .collect()
}

/// Whether whoever has this view reads a version of a tenant's mapping, with who recorded it and when, as
/// [`App::mapping_history`] shows it.
pub(crate) fn reads_version(
    books: &Books,
    view: &View,
    (registration, tenant): (RegistrationId, TenantId),
    recorded: Recorded,
) -> bool {
    let Some(registration) = books.registration_by_id(registration) else {
        return false;
    };
    let timeline = timeline(books, registration, tenant).into_iter();
    let mut shown = timeline.flat_map(|timeline| versions_shown(books, view, registration, timeline));
    allows(books, view, READ_REGISTRATION, registration)
        && allows(books, view, READ_MAPPINGS, registration)
        && shown.any(|it| it.recorded == recorded)
}

/// The versions of one tenant's mapping that are shown: that it was removed as well, where it is shown what was removed.
fn versions_shown<'a>(
    books: &Books,
    view: &View,
    registration: &Registration,
    timeline: &'a Timeline<Option<SubscriptionId>>,
) -> impl Iterator<Item = &'a Assertion<Option<SubscriptionId>>> + use<'a> {
    let all = timeline.assertions().iter();
    let (charged, removed): (Vec<_>, Vec<_>) = all.partition(|it| it.value.is_some());
    let never_charged = charged.is_empty();
    let charged: Vec<_> = charged
        .into_iter()
        .filter(|it| it.value.is_some_and(|it| shows(books, view, registration, it)))
        .collect();
    let removed = removed
        .into_iter()
        .filter(|_| never_charged || !charged.is_empty())
        .collect::<Vec<_>>();
    charged.into_iter().chain(removed)
}

/// The name of a subscription that pays or paid, for those who see it.
pub(crate) fn payer_name(books: &Books, view: &View, id: SubscriptionId) -> Option<String> {
    let payer = books.subscription_ever(id)?;
    let is_seen = match books.subscription(id) {
        Some(_) => view.sees_subscription(payer),
        None => view.reads_former(payer),
    };
    is_seen.then(|| payer.name.clone())
}

fn version(
    books: &Books,
    view: &View,
    (registration, tenant): (&Registration, TenantId),
    assertion: &Assertion<Option<SubscriptionId>>,
) -> MappingVersion {
    let subscription_name = assertion.value.and_then(|id| payer_name(books, view, id));
    MappingVersion {
        registration: RegisteredHours::of(books, registration),
        tenant,
        subscription: assertion.value,
        subscription_name,
        customer_name: customer_name(books, view, tenant),
        valid: assertion.valid,
        recorded: assertion.recorded,
        recorded_by_name: name_of(books, view, assertion.recorded.by),
    }
}
