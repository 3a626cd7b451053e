//! Partners, customers and subscriptions.

use reqwest::Method;
use wire::api::{Customer, NewCustomer, NewPartner, NewSubscription, Partner, Subscription};

use crate::call::Call;
use crate::{Client, ClientError};

impl Client {
    /// Creates a partner. With an id, doing so again changes nothing.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_partner(&self, partner: &NewPartner) -> Result<Partner, ClientError> {
        self.ask(creation("partners", partner.id.is_some()).json(partner)?)
            .await
    }

    /// Every partner.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn partners(&self) -> Result<Vec<Partner>, ClientError> {
        self.list(&["api", "v1", "partners"], &[]).await
    }

    /// A partner.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn partner(&self, id: &str) -> Result<Partner, ClientError> {
        self.ask(Call::new(Method::GET, ["api", "v1", "partners", id]))
            .await
    }

    /// Deletes a partner that nothing depends on any more.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_partner(&self, id: &str) -> Result<(), ClientError> {
        self.tell(Call::new(Method::DELETE, ["api", "v1", "partners", id]))
            .await
    }

    /// Creates a customer. With an id, doing so again changes nothing.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_customer(&self, customer: &NewCustomer) -> Result<Customer, ClientError> {
        self.ask(creation("customers", customer.id.is_some()).json(customer)?)
            .await
    }

    /// Every customer.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn customers(&self) -> Result<Vec<Customer>, ClientError> {
        self.list(&["api", "v1", "customers"], &[]).await
    }

    /// A customer.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn customer(&self, id: &str) -> Result<Customer, ClientError> {
        self.ask(Call::new(Method::GET, ["api", "v1", "customers", id]))
            .await
    }

    /// Deletes a customer that has no subscriptions and no directories any more.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_customer(&self, id: &str) -> Result<(), ClientError> {
        self.tell(Call::new(Method::DELETE, ["api", "v1", "customers", id]))
            .await
    }

    /// Creates a subscription. With an id, doing so again changes nothing.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_subscription(
        &self,
        subscription: &NewSubscription,
    ) -> Result<Subscription, ClientError> {
        self.ask(creation("subscriptions", subscription.id.is_some()).json(subscription)?)
            .await
    }

    /// Every subscription.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, ClientError> {
        self.list(&["api", "v1", "subscriptions"], &[]).await
    }

    /// A subscription.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn subscription(&self, id: &str) -> Result<Subscription, ClientError> {
        self.ask(Call::new(Method::GET, ["api", "v1", "subscriptions", id]))
            .await
    }

    /// Deletes a subscription that nothing is charged to any more.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_subscription(&self, id: &str) -> Result<(), ClientError> {
        self.tell(Call::new(Method::DELETE, ["api", "v1", "subscriptions", id]))
            .await
    }

    /// Lets nothing new be registered with or mapped to a subscription.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn suspend_subscription(&self, id: &str) -> Result<Subscription, ClientError> {
        self.ask(Call::new(Method::POST, ["api", "v1", "subscriptions", id, "suspend"]).repeatable())
            .await
    }

    /// Makes a suspended subscription active again.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn activate_subscription(&self, id: &str) -> Result<Subscription, ClientError> {
        self.ask(Call::new(Method::POST, ["api", "v1", "subscriptions", id, "activate"]).repeatable())
            .await
    }
}

/// Without an id, a repeated creation might create twice.
fn creation(of: &str, has_id: bool) -> Call {
    let call = Call::new(Method::POST, ["api", "v1", of]);
    if has_id { call.repeatable() } else { call }
}
