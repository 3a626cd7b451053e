//! Registering stacks.

use std::collections::BTreeMap;

use domain::attribution::StackHistory;
use domain::authorization::{Deed, Scope};
use domain::books::{Books, Entry};
use domain::ids::{CloudId, RegistrationId, SubscriptionId};
use domain::partner::Subscription;
use domain::registration::advice::StackOperator;
use domain::registration::between::Between;
use domain::registration::register::{
    self, Change, Decision, Deletion, PutRegistration, Refusal, Surroundings,
};
use domain::registration::{DirectoryUse, Registration, RegistrationNotFound, RegistrationPath, Warning};
use domain::resource_id::ResourceName;
use domain::time::{Hour, HourInterval};

use crate::access::{Caller, Right, View, demand, sees_stack, view_of};
use crate::accounts::subscription_not_found;
use crate::precondition::Precondition;
use crate::resource_groups::resource_group_not_found;
use crate::seen::{registration_seen, scope_of};
use crate::{App, Error, Kind};

/// The action of changing a registration.
pub(crate) const WRITE_REGISTRATION: &str = "Microsoft.AzureStack/registrations/write";

/// The tag that says who operates the stack (`directPartner`, `distributor`, `reseller`, `endUser`), so that the
/// choice of subscription can be compared with the advice.
pub const OPERATED_BY_TAG: &str = "operatedBy";

/// Where a registration is, or shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationAddress {
    /// Its subscription.
    pub subscription: SubscriptionId,
    /// Its resource group.
    pub resource_group: ResourceName,
    /// Its name.
    pub name: ResourceName,
}

impl RegistrationAddress {
    /// The address as text.
    pub(crate) fn path(&self) -> RegistrationPath {
        RegistrationPath {
            subscription: self.subscription.to_string(),
            resource_group: self.resource_group.to_string(),
            name: self.name.to_string(),
        }
    }

    /// The address as what locks and roles are about.
    pub(crate) fn scope(&self) -> Scope {
        Scope::registration(self.subscription, &self.resource_group, &self.name)
    }

    /// The live registration here.
    pub(crate) fn find<'a>(&self, books: &'a Books) -> Result<&'a Registration, RegistrationNotFound> {
        let found = books.registration(self.subscription, &self.resource_group, &self.name);
        found.ok_or_else(|| RegistrationNotFound(self.path()))
    }
}

/// A registration as it now is.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The registration.
    pub registration: Registration,
    /// Whether it was not there before.
    pub created: bool,
    /// What the caller should know.
    pub warnings: Vec<Warning>,
}

impl From<RegistrationNotFound> for Error {
    fn from(refused: RegistrationNotFound) -> Self {
        let error = Self::new(
            refused.kind().into(),
            RegistrationNotFound::CODE,
            refused.to_string(),
        );
        Self {
            hint: Some(refused.hint()),
            ..error
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let error = Self::new(refusal.kind().into(), refusal.code(), refusal.to_string());
        match refusal {
            Refusal::TokenRequired { .. } => error.about("properties.registrationToken"),
            _ => error,
        }
    }
}

impl App {
    /// Registers a stack, registers it again, or changes a registration's tags; see [`register::put`]. A stack that was
    /// charged by usage and is registered again is so from the end of its former registration on; see [`Between`].
    ///
    /// # Errors
    /// `PreconditionFailed`, `SubscriptionNotFound`, `ResourceGroupNotFound`, `ScopeLocked`, [`Refusal`], or as the
    /// store.
    pub async fn put_registration(
        &self,
        caller: &Caller,
        at: &RegistrationAddress,
        request: &PutRegistration,
        precondition: &Precondition,
    ) -> Result<Registered, Error> {
        let id = RegistrationId::from_uuid(self.random.uuid());
        let hour = self.this_hour();
        let (id, created, warnings) = self
            .change(caller, |books| {
                let existing = at.find(books).ok();
                precondition.check(existing.map(|it| it.updated.entry))?;
                let decision = decide(books, caller, at, request, hour)?;
                books.check_locks(Deed::Write, &at.scope())?;
                let existing = existing.map(|existing| existing.id);
                let created = existing.is_none();
                let registration = existing.unwrap_or(id);
                let entry = entry(decision.change, registration, at, hour);
                let between = decision.between;
                let between = between.map(|valid| Entry::RegistrationBackdated { registration, valid });
                Ok((
                    entry.into_iter().chain(between).collect(),
                    (registration, created, decision.warnings),
                ))
            })
            .await?;
        Ok(Registered {
            registration: self.known_registration(id)?,
            created,
            warnings,
        })
    }

    /// Changes the tags of a registration that is there.
    ///
    /// # Errors
    /// `RegistrationNotFound`, `InvalidStackOperator`, `ScopeLocked`, what `change` refuses, or as the store.
    pub async fn tag_registration(
        &self,
        caller: &Caller,
        at: &RegistrationAddress,
        change: impl Fn(&BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Error> + Send + Sync,
    ) -> Result<(), Error> {
        self.change(caller, |books| {
            let known = at.find(books)?;
            let tags = change(&known.tags)?;
            if tags == known.tags {
                return Ok((Vec::new(), ()));
            }
            operated_by(Some(&tags))?;
            books.check_locks(Deed::Write, &at.scope())?;
            let registration = known.id;
            Ok((vec![Entry::RegistrationTagged { registration, tags }], ()))
        })
        .await
    }

    /// Deletes a registration: usage of later hours is unregistered. Nothing if there was none, else what the caller should
    /// know.
    ///
    /// # Errors
    /// `PreconditionFailed`, `ScopeLocked`, or as the store.
    pub async fn delete_registration(
        &self,
        caller: &Caller,
        at: &RegistrationAddress,
        precondition: &Precondition,
    ) -> Result<Option<Vec<Warning>>, Error> {
        let from = self.this_hour();
        self.change(caller, |books| {
            let existing = at.find(books).ok();
            precondition.check(existing.map(|it| it.updated.entry))?;
            let Some(Deletion {
                registration,
                warning,
            }) = existing.map(register::delete)
            else {
                return Ok((Vec::new(), None));
            };
            books.check_locks(Deed::Delete, &at.scope())?;
            let ended = Entry::Deregistered { registration, from };
            Ok((vec![ended], Some(warning.into_iter().collect())))
        })
        .await
    }

    /// Approves the registration of a stack for multi-tenancy: an act of the platform operator.
    ///
    /// # Errors
    /// `AuthorizationFailed`, `RegistrationNotFound`, `SingleTenantSubscription`, `ScopeLocked`, or as the store.
    pub async fn approve_multi_tenancy(
        &self,
        caller: &Caller,
        stack: CloudId,
    ) -> Result<Registration, Error> {
        self.authorize(caller, Right::Operate)?;
        self.change(caller, |books| {
            let registration = registration_of(books, stack)?;
            let default = books.subscription(registration.subscription);
            let default =
                default.ok_or_else(|| subscription_not_found(&registration.subscription.to_string()))?;
            register::approve_multi_tenancy(default)?;
            let entries = if registration.multi_tenancy_approved {
                Vec::new()
            } else {
                books.check_locks(Deed::Write, &scope_of(registration))?;
                vec![Entry::MultiTenancyApproved {
                    registration: registration.id,
                }]
            };
            Ok((
                entries,
                Registration {
                    multi_tenancy_approved: true,
                    ..registration.clone()
                },
            ))
        })
        .await
    }

    /// Declares the activation keys that were signed for a stack's registration so far good no more. The next one that is
    /// asked for is.
    ///
    /// # Errors
    /// `RegistrationNotFound`, `AuthorizationFailed`, `ScopeLocked`, or as the store.
    pub async fn revoke_activation_keys(
        &self,
        caller: &Caller,
        stack: CloudId,
    ) -> Result<Registration, Error> {
        let id = self
            .change(caller, |books| {
                let registration = registration_seen(books, caller, stack)?;
                let scope = scope_of(registration);
                demand(books, caller, WRITE_REGISTRATION, &scope)?;
                books.check_locks(Deed::Write, &scope)?;
                let registration = registration.id;
                Ok((vec![Entry::ActivationKeysRevoked { registration }], registration))
            })
            .await?;
        self.known_registration(id)
    }

    /// A registration that was there a moment ago.
    fn known_registration(&self, id: RegistrationId) -> Result<Registration, Error> {
        let known = self.read(|books| books.registration_by_id(id).cloned());
        known.ok_or_else(|| crate::error::internal("The registration is gone already."))
    }

    /// Declares that a registration's present terms held from an earlier hour on, up to its creation: for usage from
    /// before the stack was registered here. From when it holds already changes nothing, and a later hour is refused.
    /// Where another registration of the stack was valid in those hours, the declaration is refused. An act of the
    /// platform operator: usage that nobody was registered for may be somebody else's *(ours)*. Only the hours since those
    /// who register a stack had it last are theirs without one; see [`Between`].
    ///
    /// # Errors
    /// `RegistrationNotFound`, `AuthorizationFailed`, `InvalidValidFrom`, `StackWasRegistered`, `ScopeLocked`, or as the
    /// store.
    pub async fn backdate_registration(
        &self,
        caller: &Caller,
        stack: CloudId,
        from: Hour,
    ) -> Result<Registration, Error> {
        self.authorize(caller, Right::Operate)?;
        self.change(caller, |books| {
            let registration = registration_of(books, stack)?;
            let holds_from = valid_from(books, registration);
            if from > holds_from {
                return Err(hours_stay(stack, holds_from));
            }
            let created = Hour::containing(registration.created.at);
            let Some(valid) = HourInterval::new(from, created).filter(|_| from < holds_from) else {
                return Ok((Vec::new(), registration.clone()));
            };
            let history = books.stack(stack).map(|history| history.registration.segments(valid));
            let former = history.unwrap_or_default().into_iter().find_map(|(hours, assertion)| {
                assertion?.value.filter(|terms| terms.registration != registration.id).map(|_| hours)
            });
            if let Some(hours) = former {
                let message = format!(
                    "Another registration of stack {stack} was valid in {hours}, and what it was charged stays. \
                     Choose an hour from {} on.",
                    hours.end()
                );
                return Err(Error::new(Kind::Conflict, "StackWasRegistered", message).about("validFrom"));
            }
            books.check_locks(Deed::Write, &scope_of(registration))?;
            let entry = Entry::RegistrationBackdated { registration: registration.id, valid };
            Ok((vec![entry], registration.clone()))
        })
        .await
    }

    /// The first hour in which a live registration is valid: that in which it was made, or an earlier one.
    #[must_use]
    pub fn valid_from(&self, registration: &Registration) -> Hour {
        self.read(|books| valid_from(books, registration))
    }

    /// A live registration.
    ///
    /// # Errors
    /// `SubscriptionNotFound` or `RegistrationNotFound`.
    pub fn registration(&self, at: &RegistrationAddress) -> Result<Registration, Error> {
        self.read(|books| {
            books
                .subscription(at.subscription)
                .ok_or_else(|| subscription_not_found(&at.subscription.to_string()))?;
            Ok(at.find(books)?.clone())
        })
    }

    /// Live registrations of a subscription, of one of its resource groups if named, by group and name.
    ///
    /// # Errors
    /// `SubscriptionNotFound` or `ResourceGroupNotFound`.
    pub fn registrations(
        &self,
        subscription: SubscriptionId,
        resource_group: Option<&ResourceName>,
    ) -> Result<Vec<Registration>, Error> {
        self.read(|books| {
            books
                .subscription(subscription)
                .ok_or_else(|| subscription_not_found(&subscription.to_string()))?;
            if let Some(name) = resource_group {
                books
                    .resource_group(subscription, name)
                    .ok_or_else(|| resource_group_not_found(name))?;
            }
            let all = books.registrations(subscription);
            let named = all.filter(|it| resource_group.is_none_or(|group| it.resource_group == *group));
            Ok(named.cloned().collect())
        })
    }

    /// Every live registration, by stack.
    #[must_use]
    pub fn live_registrations(&self) -> Vec<Registration> {
        self.read(|books| books.live_registrations().cloned().collect())
    }
}

pub(crate) fn registration_of(books: &Books, stack: CloudId) -> Result<&Registration, Error> {
    books
        .registration_of_stack(stack)
        .ok_or_else(|| stack_not_registered(stack))
}

pub(crate) fn valid_from(books: &Books, registration: &Registration) -> Hour {
    let history = books.stack(registration.cloud_id());
    let mut lives = history.map(StackHistory::lives).unwrap_or_default().into_iter();
    let life = lives.find(|life| life.registration == registration.id);
    life.map_or_else(
        || Hour::containing(registration.created.at),
        |life| life.hours.start(),
    )
}

fn hours_stay(stack: CloudId, holds_from: Hour) -> Error {
    let message = format!(
        "The registration of stack {stack} holds from {holds_from} already, and hours are not taken away. Choose an \
         earlier hour."
    );
    Error::new(Kind::Invalid, "InvalidValidFrom", message).about("validFrom")
}

pub(crate) fn stack_not_registered(stack: CloudId) -> Error {
    let message = format!("Stack {stack} is not registered. Register it first.");
    Error::not_found("RegistrationNotFound", message).about("cloudId")
}

fn decide(
    books: &Books,
    caller: &Caller,
    at: &RegistrationAddress,
    request: &PutRegistration,
    hour: Hour,
) -> Result<Decision, Error> {
    let subscription = books
        .subscription(at.subscription)
        .ok_or_else(|| subscription_not_found(&at.subscription.to_string()))?;
    books
        .resource_group(at.subscription, &at.resource_group)
        .ok_or_else(|| resource_group_not_found(&at.resource_group))?;
    let existing = at.find(books).ok();
    let view = view_of(books, caller);
    let stack = request.token.as_ref().map(|token| token.cloud_id);
    let last = stack.and_then(|stack| books.registrations_ever_of(stack).pop());
    let last_subscription = last.map(|last| last.subscription);
    let registers_with = |subscription| {
        demand(
            books,
            caller,
            WRITE_REGISTRATION,
            &Scope::Subscription(subscription),
        )
        .is_ok()
    };
    let live_for_stack = stack.and_then(|stack| books.registration_of_stack(stack));
    let between = stack
        .filter(|_| live_for_stack.is_none())
        .and_then(|stack| between(books, stack, hour, registers_with));
    let surroundings = Surroundings {
        subscription,
        operated_by: operated_by(request.tags.as_ref().or(existing.map(|it| &it.tags)))?,
        directory_uses: &directory_uses(books, &view, subscription, hour),
        existing,
        mappings: existing.map_or(0, |existing| books.mappings(existing, hour).len()),
        live_for_stack,
        last_subscription,
        registers_with_last: last_subscription.is_some_and(registers_with),
        between,
        sold_to: &stack.map(|stack| books.sold_to_ever(stack)).unwrap_or_default(),
        asked_by: &view,
    };
    register::put(request, &surroundings).map_err(|refusal| withhold_path(books, &view, refusal).into())
}

/// The hours from the last registration of a stack to the present hour, if there are such.
fn between(
    books: &Books,
    stack: CloudId,
    now: Hour,
    registers_with: impl Fn(SubscriptionId) -> bool,
) -> Option<Between> {
    let (registered, terms) = books.stack(stack)?.registered_before(now)?;
    Some(Between {
        hours: HourInterval::new(registered.end(), now)?,
        former_model: terms.billing_model,
        former_subscription: terms.default_subscription,
        registers_with_former: registers_with(terms.default_subscription),
    })
}

/// Leaves out where a stack is registered, where that does not exist for the caller.
fn withhold_path(books: &Books, view: &View, refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::StackAlreadyRegistered { stack, .. } if !sees_stack(books, view, stack) => {
            Refusal::StackAlreadyRegistered {
                stack,
                registered_as: None,
            }
        }
        seen => seen,
    }
}

fn operated_by(tags: Option<&BTreeMap<String, String>>) -> Result<Option<StackOperator>, Error> {
    let Some((_, text)) = tags
        .iter()
        .flat_map(|tags| tags.iter())
        .find(|(k, _)| k.eq_ignore_ascii_case(OPERATED_BY_TAG))
    else {
        return Ok(None);
    };
    StackOperator::from_name(text).map(Some).ok_or_else(|| {
        let message = "Expected the tag operatedBy to be directPartner, distributor, reseller or endUser.";
        Error::new(Kind::Invalid, "InvalidStackOperator", message).about("tags.operatedBy")
    })
}

/// What else the directory of a subscription is used for, as far as that exists for whoever has this view.
fn directory_uses(books: &Books, view: &View, subscription: &Subscription, hour: Hour) -> Vec<DirectoryUse> {
    let tenant = subscription.tenant;
    let customer = books
        .customer_of_tenant(tenant)
        .filter(|it| view.sees_customer(it))
        .map(|it| DirectoryUse::Customer(it.name.clone()));
    let stacks = books.stacks().filter(|(_, history)| {
        let mut local = history
            .directory
            .values()
            .filter_map(|timeline| timeline.at(hour));
        local.any(|assertion| assertion.value.tenant == tenant)
    });
    let stacks = stacks.filter(|(stack, _)| sees_stack(books, view, *stack));
    customer
        .into_iter()
        .chain(stacks.map(|(stack, _)| DirectoryUse::Stack(stack)))
        .collect()
}

fn entry(change: Change, id: RegistrationId, at: &RegistrationAddress, from: Hour) -> Option<Entry> {
    let RegistrationAddress {
        subscription,
        resource_group,
        name,
    } = at.clone();
    match change {
        Change::Create {
            token,
            location,
            tags,
        } => Some(Entry::Registered {
            id,
            subscription,
            resource_group,
            name,
            location,
            tags,
            token,
            from,
        }),
        Change::ReRegister { token, tags } => Some(Entry::Reregistered {
            registration: id,
            token,
            tags,
            from,
        }),
        Change::SetTags { tags } => Some(Entry::RegistrationTagged {
            registration: id,
            tags,
        }),
        Change::Nothing => None,
    }
}
