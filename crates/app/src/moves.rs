//! Moving registrations into another resource group.

use std::collections::BTreeSet;

use domain::authorization::{Deed, Scope};
use domain::books::{Books, Entry};
use domain::ids::SubscriptionId;
use domain::registration::Registration;
use domain::registration::billing_change::BillingChange;
use domain::registration::moving::{self, Move, MoveRefusal};
use domain::resource_id::ResourceName;
use domain::time::Hour;

use crate::access::{Caller, demand, view_of};
use crate::accounts::subscription_not_found;
use crate::registrations::{RegistrationAddress, WRITE_REGISTRATION};
use crate::resource_groups::resource_group_not_found;
use crate::{App, Error, Kind};

/// The most resources that one request moves, as Azure has it.
pub const MOVED_MAX: usize = 800;

/// The action that Azure demands in the target group, beside moving out of the source. Its subscription will pay for what
/// is moved, so [`WRITE_REGISTRATION`] is demanded there, too *(ours)*, as for registering there.
const WRITE_TO_TARGET: &str = "Microsoft.Resources/subscriptions/resourceGroups/write";

/// Registrations of one resource group that shall be in another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveRegistrations {
    /// Where they are.
    pub from: (SubscriptionId, ResourceName),
    /// Their names.
    pub names: BTreeSet<ResourceName>,
    /// Where they shall be.
    pub to: (SubscriptionId, ResourceName),
}

impl From<MoveRefusal> for Error {
    fn from(refusal: MoveRefusal) -> Self {
        Self::new(refusal.kind().into(), refusal.code(), refusal.to_string())
    }
}

impl App {
    /// Moves registrations, all or none. Their tenant mappings stay. In another subscription that one pays from the
    /// present hour on for whatever no mapping claims.
    ///
    /// # Errors
    /// `AuthorizationFailed`, `SubscriptionNotFound`, `ResourceGroupNotFound`, `RegistrationNotFound`,
    /// `InvalidMoveRequest`, `ScopeLocked`, [`MoveRefusal`], or as the store.
    pub async fn move_registrations(
        &self,
        caller: &Caller,
        request: &MoveRegistrations,
    ) -> Result<(), Error> {
        let hour = self.this_hour();
        self.change(caller, |books| {
            let (subscription, resource_group) = request.to.clone();
            let moved = decide(books, caller, request, hour)?;
            let entries = moved.into_iter().map(|registration| Entry::RegistrationMoved {
                registration: registration.id,
                subscription,
                resource_group: resource_group.clone(),
                from: hour,
            });
            Ok((entries.collect(), ()))
        })
        .await
    }

    /// Whether registrations could be moved.
    ///
    /// # Errors
    /// As [`Self::move_registrations`].
    pub fn check_move(&self, caller: &Caller, request: &MoveRegistrations) -> Result<(), Error> {
        let hour = self.this_hour();
        self.read(|books| decide(books, caller, request, hour).map(|_| ()))
    }
}

fn decide<'a>(
    books: &'a Books,
    caller: &Caller,
    request: &MoveRegistrations,
    hour: Hour,
) -> Result<Vec<&'a Registration>, Error> {
    let MoveRegistrations { from, names, to } = request;
    let target = Scope::ResourceGroup(to.0, to.1.clone());
    for action in [WRITE_TO_TARGET, WRITE_REGISTRATION] {
        demand(books, caller, action, &target)?;
    }
    for (subscription, group) in [from, to] {
        let known = books.subscription(*subscription);
        known.ok_or_else(|| subscription_not_found(&subscription.to_string()))?;
        let known = books.resource_group(*subscription, group);
        known.ok_or_else(|| resource_group_not_found(group))?;
    }
    if from == to {
        return Err(invalid(
            "The target resource group is the one that the resources are in. Name another one.",
        ));
    }
    if names.is_empty() || names.len() > MOVED_MAX {
        let message = format!("Expected 1 to {MOVED_MAX} resources to be moved.");
        return Err(Error::new(Kind::Invalid, "InvalidMoveRequest", message).about("resources"));
    }
    books.check_locks(Deed::Write, &target)?;
    let moved = names.iter().map(|name| one(books, caller, request, name, hour));
    moved.collect()
}

fn invalid(message: &str) -> Error {
    Error::new(Kind::Invalid, "InvalidMoveRequest", message).about("targetResourceGroup")
}

fn one<'a>(
    books: &'a Books,
    caller: &Caller,
    MoveRegistrations { from, to, .. }: &MoveRegistrations,
    name: &ResourceName,
    hour: Hour,
) -> Result<&'a Registration, Error> {
    let at = RegistrationAddress {
        subscription: from.0,
        resource_group: from.1.clone(),
        name: name.clone(),
    };
    let registration = at.find(books)?;
    books.check_locks(Deed::Delete, &Scope::registration(from.0, &from.1, name))?;
    let subscription = |id: SubscriptionId| {
        books
            .subscription(id)
            .ok_or_else(|| subscription_not_found(&id.to_string()))
    };
    let (source, target) = (subscription(from.0)?, subscription(to.0)?);
    let agreement = books.agreement_of(source);
    moving::decide(&Move {
        registration: registration.path(),
        from: source,
        to: target,
        within_one_partner: agreement.is_some() && agreement == books.agreement_of(target),
        name_taken: books.registration(to.0, &to.1, name).is_some(),
        serves_several_tenants: registration.multi_tenancy_approved
            || !books.mappings(registration, hour).is_empty(),
        billing: BillingChange {
            stack: registration.cloud_id(),
            sold_to: &books.sold_to_ever(registration.cloud_id()),
            to: registration.token.billing_model,
            payer: target,
            asked_by: &view_of(books, caller),
        },
    })?;
    Ok(registration)
}
