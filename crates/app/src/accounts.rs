//! Creating and deleting partners, their customers, and the subscriptions that can be charged.
//!
//! A reseller's customers and subscriptions are created, suspended and deleted by its provider as well as by itself: the
//! provider places its orders.

use domain::authorization::{Deed, Scope};
use domain::books::{Books, Entry, Refused};
use domain::ids::{CustomerId, PartnerId, SubscriptionId};
use domain::partner::{Customer, Partner, Subscription, SubscriptionState};

use crate::access::{Caller, Right, agents_only, authorization_failed, demand, view_of};
use crate::{App, Error};

/// What creating something led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is there now.
    New,
    /// The same was there already.
    Existing,
}

impl From<bool> for Created {
    fn from(new: bool) -> Self {
        if new { Self::New } else { Self::Existing }
    }
}

impl App {
    /// Creates a partner; creating the same one again changes nothing. An act of the platform's operators.
    ///
    /// # Errors
    /// `AuthorizationFailed`, [`Refused`], or as the store.
    pub async fn create_partner(&self, caller: &Caller, partner: Partner) -> Result<Created, Error> {
        self.authorize(caller, Right::Operate)?;
        self.change(caller, |books| {
            let entry = books.create_partner(partner.clone())?;
            let created = entry.is_some().into();
            Ok((entry.into_iter().collect(), created))
        })
        .await
    }

    /// Creates a customer; creating the same one again changes nothing.
    ///
    /// # Errors
    /// `AuthorizationFailed` if an issuer elsewhere speaks for its first tenant, which becomes its directory, and the caller
    /// is no operator. [`Refused`]: for a partner that the caller does not act for as for one that is not there. Or as the
    /// store.
    pub async fn create_customer(&self, caller: &Caller, customer: Customer) -> Result<Created, Error> {
        self.change(caller, |books| {
            demand_partner(books, caller, customer.partner, "partnerId")?;
            if let Some(first) = customer.tenants.first() {
                self.demand_claim(books, caller, *first)?;
            }
            let entry = books.create_customer(customer.clone())?;
            let created = entry.is_some().into();
            Ok((entry.into_iter().collect(), created))
        })
        .await
    }

    /// Creates a subscription; creating the same one again changes nothing. One without an owner is created by the
    /// platform's operators.
    ///
    /// # Errors
    /// `AuthorizationFailed`, [`Refused`]: for a partner or customer that the caller does not act for as for one that is
    /// not there. Or as the store.
    pub async fn create_subscription(
        &self,
        caller: &Caller,
        subscription: Subscription,
    ) -> Result<Created, Error> {
        if subscription.owner.is_none() {
            self.authorize(caller, Right::Operate)?;
        }
        self.change(caller, |books| {
            if let Some(owner) = subscription.owner {
                demand_partner(books, caller, owner, "ownerPartnerId")?;
            }
            if let Some(id) = subscription.customer {
                let view = view_of(books, caller);
                let customer = books.customer(id).filter(|it| view.sees_customer(it));
                customer.ok_or(Refused::UnknownCustomer(id))?;
            }
            let entry = books.create_subscription(subscription.clone())?;
            let created = entry.is_some().into();
            Ok((entry.into_iter().collect(), created))
        })
        .await
    }

    /// Suspends a subscription or makes it active again: an act of the partner that it belongs to. No role given at the
    /// subscription is enough, or who was suspended could undo it.
    ///
    /// # Errors
    /// `SubscriptionNotFound`, `AuthorizationFailed`, `ScopeLocked`, or as the store.
    pub async fn set_subscription_state(
        &self,
        caller: &Caller,
        id: SubscriptionId,
        state: SubscriptionState,
    ) -> Result<Subscription, Error> {
        let action = match state {
            SubscriptionState::Suspended => "Microsoft.Subscription/cancel/action",
            SubscriptionState::Active => "Microsoft.Subscription/enable/action",
        };
        self.change(caller, |books| {
            let known = ordered(books, caller, action, id)?;
            let changed = Subscription {
                state,
                ..known.clone()
            };
            let entries = if known.state == state {
                Vec::new()
            } else {
                books.check_locks(Deed::Write, &Scope::Subscription(id))?;
                vec![Entry::SubscriptionStateSet {
                    subscription: id,
                    state,
                }]
            };
            Ok((entries, changed))
        })
        .await
    }

    /// Deletes a partner that nothing depends on any more. An act of the platform's operators.
    ///
    /// # Errors
    /// `AuthorizationFailed`, `PartnerNotFound`, [`domain::books::DeletionRefused`], or as the store.
    pub async fn delete_partner(&self, caller: &Caller, id: PartnerId) -> Result<(), Error> {
        self.authorize(caller, Right::Operate)?;
        self.change(caller, |books| {
            books.partner(id).ok_or_else(|| partner_not_found(id))?;
            Ok((vec![books.delete_partner(id, &view_of(books, caller))?], ()))
        })
        .await
    }

    /// Deletes a customer that has no subscriptions and no directories any more. Its tenants can be another customer's then.
    ///
    /// # Errors
    /// `CustomerNotFound`, `AuthorizationFailed`, [`domain::books::DeletionRefused`], or as the store.
    pub async fn delete_customer(&self, caller: &Caller, id: CustomerId) -> Result<(), Error> {
        self.change(caller, |books| {
            let view = view_of(books, caller);
            let known = books.customer(id).filter(|it| view.sees_customer(it));
            let known = known.ok_or_else(|| customer_not_found(id))?;
            if let (Caller::Principal(principal), false) = (caller, view.orders_for(known.partner)) {
                return Err(agents_only(principal));
            }
            Ok((vec![books.delete_customer(id, &view)?], ()))
        })
        .await
    }

    /// Deletes a subscription that nothing is charged to any more. Its past statements stay, for its seller and for the
    /// platform's operators. As suspending, an act of the partner that it belongs to.
    ///
    /// # Errors
    /// `SubscriptionNotFound`, `AuthorizationFailed`, [`domain::books::DeletionRefused`], or as the store.
    pub async fn delete_subscription(&self, caller: &Caller, id: SubscriptionId) -> Result<(), Error> {
        let hour = self.this_hour();
        self.change(caller, |books| {
            ordered(books, caller, "Microsoft.Subscription/delete", id)?;
            Ok((books.delete_subscription(id, &view_of(books, caller), hour)?, ()))
        })
        .await
    }

    /// A partner.
    ///
    /// # Errors
    /// `PartnerNotFound`.
    pub fn partner(&self, caller: &Caller, id: PartnerId) -> Result<Partner, Error> {
        let seen = |books: &Books| view_of(books, caller).sees_partner(id);
        self.read(|books| books.partner(id).filter(|_| seen(books)).cloned())
            .ok_or_else(|| partner_not_found(id))
    }

    /// A customer.
    ///
    /// # Errors
    /// `CustomerNotFound`.
    pub fn customer(&self, caller: &Caller, id: CustomerId) -> Result<Customer, Error> {
        let seen = |books: &Books, it: &Customer| view_of(books, caller).sees_customer(it);
        self.read(|books| books.customer(id).filter(|it| seen(books, it)).cloned())
            .ok_or_else(|| customer_not_found(id))
    }

    /// A subscription.
    ///
    /// # Errors
    /// `SubscriptionNotFound`.
    pub fn subscription(&self, id: SubscriptionId) -> Result<Subscription, Error> {
        self.read(|books| books.subscription(id).cloned())
            .ok_or_else(|| subscription_not_found(&id.to_string()))
    }

    /// The partners that the caller sees by id: those after `after`, `limit` at the most.
    #[must_use]
    pub fn partners(&self, caller: &Caller, after: Option<PartnerId>, limit: usize) -> Vec<Partner> {
        self.read(|books| {
            let view = view_of(books, caller);
            let rest = books
                .partners()
                .skip_while(|it| after.is_some_and(|after| it.id <= after));
            let seen = rest.filter(|it| view.sees_partner(it.id));
            seen.take(limit).cloned().collect()
        })
    }

    /// The customers that the caller sees by id: those after `after`, `limit` at the most.
    #[must_use]
    pub fn customers(&self, caller: &Caller, after: Option<CustomerId>, limit: usize) -> Vec<Customer> {
        self.read(|books| {
            let view = view_of(books, caller);
            let rest = books
                .customers()
                .skip_while(|it| after.is_some_and(|after| it.id <= after));
            let seen = rest.filter(|it| view.sees_customer(it));
            seen.take(limit).cloned().collect()
        })
    }

    /// The subscriptions that the caller sees by id: those after `after`, `limit` at the most.
    #[must_use]
    pub fn subscriptions(
        &self,
        caller: &Caller,
        after: Option<SubscriptionId>,
        limit: usize,
    ) -> Vec<Subscription> {
        self.read(|books| {
            let view = view_of(books, caller);
            let rest = books
                .subscriptions()
                .skip_while(|it| after.is_some_and(|after| it.id <= after));
            let seen = rest.filter(|it| view.sees_subscription(it));
            seen.take(limit).cloned().collect()
        })
    }
}

/// Whether the caller orders for a partner. For somebody else it does not exist.
fn demand_partner(
    books: &Books,
    caller: &Caller,
    partner: PartnerId,
    member: &'static str,
) -> Result<(), Error> {
    if view_of(books, caller).orders_for(partner) {
        return Ok(());
    }
    Err(Refused::UnknownPartner { partner, member }.into())
}

/// A subscription that the caller ordered or may order off. No role given at it is enough.
fn ordered<'a>(
    books: &'a Books,
    caller: &Caller,
    action: &str,
    id: SubscriptionId,
) -> Result<&'a Subscription, Error> {
    let scope = Scope::Subscription(id);
    demand(books, caller, action, &scope)?;
    let known = books.subscription(id);
    let known = known.ok_or_else(|| subscription_not_found(&id.to_string()))?;
    let view = view_of(books, caller);
    let orders = known
        .owner
        .map_or(view.everything, |owner| view.orders_for(owner));
    match caller {
        Caller::Principal(principal) if !orders => Err(authorization_failed(principal, action, &scope)),
        _ => Ok(known),
    }
}

fn partner_not_found(id: PartnerId) -> Error {
    Error::not_found("PartnerNotFound", format!("Partner {id} does not exist."))
}

fn customer_not_found(id: CustomerId) -> Error {
    Error::not_found("CustomerNotFound", format!("Customer {id} does not exist."))
}

/// ARM's own text.
pub(crate) fn subscription_not_found(id: &str) -> Error {
    Error::not_found(
        "SubscriptionNotFound",
        format!("The subscription '{id}' could not be found."),
    )
    .about("subscriptionId")
}
