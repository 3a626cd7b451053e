//! Creating partners, their customers, and the subscriptions that can be charged.

use domain::books::Entry;
use domain::ids::{CustomerId, PartnerId, SubscriptionId};
use domain::partner::{Customer, Partner, Subscription, SubscriptionState};

use crate::access::Caller;
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
    /// Creates a partner; creating the same one again changes nothing.
    ///
    /// # Errors
    /// [`domain::books::Refused`], or as the store.
    pub async fn create_partner(&self, caller: &Caller, partner: Partner) -> Result<Created, Error> {
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
    /// [`domain::books::Refused`], or as the store.
    pub async fn create_customer(&self, caller: &Caller, customer: Customer) -> Result<Created, Error> {
        self.change(caller, |books| {
            let entry = books.create_customer(customer.clone())?;
            let created = entry.is_some().into();
            Ok((entry.into_iter().collect(), created))
        })
        .await
    }

    /// Creates a subscription; creating the same one again changes nothing.
    ///
    /// # Errors
    /// [`domain::books::Refused`], or as the store.
    pub async fn create_subscription(
        &self,
        caller: &Caller,
        subscription: Subscription,
    ) -> Result<Created, Error> {
        self.change(caller, |books| {
            let entry = books.create_subscription(subscription.clone())?;
            let created = entry.is_some().into();
            Ok((entry.into_iter().collect(), created))
        })
        .await
    }

    /// Suspends a subscription or makes it active again.
    ///
    /// # Errors
    /// `SubscriptionNotFound`, or as the store.
    pub async fn set_subscription_state(
        &self,
        caller: &Caller,
        id: SubscriptionId,
        state: SubscriptionState,
    ) -> Result<Subscription, Error> {
        self.change(caller, |books| {
            let known = books
                .subscription(id)
                .ok_or_else(|| subscription_not_found(&id.to_string()))?;
            let changed = Subscription {
                state,
                ..known.clone()
            };
            let entries = if known.state == state {
                Vec::new()
            } else {
                vec![Entry::SubscriptionStateSet {
                    subscription: id,
                    state,
                }]
            };
            Ok((entries, changed))
        })
        .await
    }

    /// A partner.
    ///
    /// # Errors
    /// `PartnerNotFound`.
    pub fn partner(&self, id: PartnerId) -> Result<Partner, Error> {
        self.read(|books| books.partner(id).cloned())
            .ok_or_else(|| Error::not_found("PartnerNotFound", format!("Partner {id} does not exist.")))
    }

    /// A customer.
    ///
    /// # Errors
    /// `CustomerNotFound`.
    pub fn customer(&self, id: CustomerId) -> Result<Customer, Error> {
        self.read(|books| books.customer(id).cloned())
            .ok_or_else(|| Error::not_found("CustomerNotFound", format!("Customer {id} does not exist.")))
    }

    /// A subscription.
    ///
    /// # Errors
    /// `SubscriptionNotFound`.
    pub fn subscription(&self, id: SubscriptionId) -> Result<Subscription, Error> {
        self.read(|books| books.subscription(id).cloned())
            .ok_or_else(|| subscription_not_found(&id.to_string()))
    }

    /// Partners by id: those after `after`, `limit` at the most.
    #[must_use]
    pub fn partners(&self, after: Option<PartnerId>, limit: usize) -> Vec<Partner> {
        self.read(|books| {
            let rest = books
                .partners()
                .skip_while(|it| after.is_some_and(|after| it.id <= after));
            rest.take(limit).cloned().collect()
        })
    }

    /// Customers by id: those after `after`, `limit` at the most.
    #[must_use]
    pub fn customers(&self, after: Option<CustomerId>, limit: usize) -> Vec<Customer> {
        self.read(|books| {
            let rest = books
                .customers()
                .skip_while(|it| after.is_some_and(|after| it.id <= after));
            rest.take(limit).cloned().collect()
        })
    }

    /// Subscriptions by id: those after `after`, `limit` at the most.
    #[must_use]
    pub fn subscriptions(&self, after: Option<SubscriptionId>, limit: usize) -> Vec<Subscription> {
        self.read(|books| {
            let rest = books
                .subscriptions()
                .skip_while(|it| after.is_some_and(|after| it.id <= after));
            rest.take(limit).cloned().collect()
        })
    }
}

/// ARM's own text.
pub(crate) fn subscription_not_found(id: &str) -> Error {
    Error::not_found(
        "SubscriptionNotFound",
        format!("The subscription '{id}' could not be found."),
    )
    .about("subscriptionId")
}
