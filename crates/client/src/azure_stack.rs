//! The few calls of Azure Resource Manager that operators need: registering stacks and adding their tenants.

use reqwest::Method;
use wire::arm::{PutResourceGroup, ResourceGroup};
use wire::azure_stack::{
    API_VERSIONS, ActivationKeyResult, CustomerSubscription, PutCustomerSubscription,
    PutCustomerSubscriptionProperties, PutRegistration, Registration,
};

use crate::call::{Answered, Call};
use crate::{Client, ClientError};

const API_VERSION: &str = "api-version";
const AZURE_STACK: &str = API_VERSIONS[0];
const RESOURCE_MANAGER: &str = "2024-11-01";

/// Where a registration is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationPath {
    /// Its subscription.
    pub subscription_id: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its name.
    pub name: String,
}

impl RegistrationPath {
    /// The path that a resource id says.
    #[must_use]
    pub fn of_resource_id(id: &str) -> Option<Self> {
        let segments: Vec<&str> = id.trim_matches('/').split('/').collect();
        let [
            subscriptions,
            subscription_id,
            groups,
            group,
            providers,
            provider,
            registrations,
            name,
        ] = segments[..]
        else {
            return None;
        };
        let expected = [
            "subscriptions",
            "resourceGroups",
            "providers",
            "Microsoft.AzureStack",
            "registrations",
        ];
        let fixed = [subscriptions, groups, providers, provider, registrations];
        let same = fixed
            .iter()
            .zip(expected)
            .all(|(given, expected)| given.eq_ignore_ascii_case(expected));
        same.then(|| Self {
            subscription_id: subscription_id.to_owned(),
            resource_group: group.to_owned(),
            name: name.to_owned(),
        })
    }

    fn call(&self, method: Method, rest: &[&str]) -> Call {
        let Self {
            subscription_id,
            resource_group,
            name,
        } = self;
        let provider = ["providers", "Microsoft.AzureStack", "registrations", name];
        let group = ["subscriptions", subscription_id, "resourceGroups", resource_group];
        let path = group.into_iter().chain(provider).chain(rest.iter().copied());
        Call::new(method, path).query(API_VERSION, Some(AZURE_STACK))
    }
}

impl Client {
    /// Makes a resource group, if it is not there.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_resource_group(
        &self,
        subscription_id: &str,
        name: &str,
        location: &str,
    ) -> Result<ResourceGroup, ClientError> {
        let path = ["subscriptions", subscription_id, "resourceGroups", name];
        let call = Call::new(Method::PUT, path).query(API_VERSION, Some(RESOURCE_MANAGER));
        let group = PutResourceGroup {
            location: Some(location.to_owned()),
            tags: None,
        };
        self.ask(call.json(&group)?).await
    }

    /// Whether anything is in a resource group.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn holds_resources(&self, subscription_id: &str, name: &str) -> Result<bool, ClientError> {
        let path = [
            "subscriptions",
            subscription_id,
            "resourceGroups",
            name,
            "resources",
        ];
        let resources: Vec<serde_json::Value> =
            self.list(&path, &[(API_VERSION, Some(RESOURCE_MANAGER))]).await?;
        Ok(!resources.is_empty())
    }

    /// Deletes a resource group with all that is in it. Says whether it was there.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_resource_group(
        &self,
        subscription_id: &str,
        name: &str,
    ) -> Result<bool, ClientError> {
        let path = ["subscriptions", subscription_id, "resourceGroups", name];
        let call = Call::new(Method::DELETE, path).query(API_VERSION, Some(RESOURCE_MANAGER));
        self.remove(call).await
    }

    /// Registers a stack, or registers it again.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_registration(
        &self,
        at: &RegistrationPath,
        registration: &PutRegistration,
    ) -> Result<Answered<Registration>, ClientError> {
        self.ask_with_warnings(at.call(Method::PUT, &[]).json(registration)?)
            .await
    }

    /// A registration.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn registration(&self, at: &RegistrationPath) -> Result<Registration, ClientError> {
        self.ask(at.call(Method::GET, &[])).await
    }

    /// Ends a registration. Says whether there was one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_registration(&self, at: &RegistrationPath) -> Result<Answered<bool>, ClientError> {
        self.remove_with_warnings(at.call(Method::DELETE, &[])).await
    }

    /// The activation key of a registration: the stack's credential for delivering usage.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn activation_key(&self, at: &RegistrationPath) -> Result<ActivationKeyResult, ClientError> {
        self.ask(at.call(Method::POST, &["getActivationKey"]).repeatable())
            .await
    }

    /// Adds a tenant: the customer's subscription pays from the present hour on. Without a tenant, it is the one that
    /// the subscription lives in.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn add_tenant(
        &self,
        at: &RegistrationPath,
        subscription_id: &str,
        tenant_id: Option<&str>,
    ) -> Result<Answered<CustomerSubscription>, ClientError> {
        let properties = PutCustomerSubscriptionProperties {
            tenant_id: tenant_id.map(str::to_owned),
        };
        let body = PutCustomerSubscription {
            properties: Some(properties),
        };
        self.ask_with_warnings(
            at.call(Method::PUT, &["customerSubscriptions", subscription_id])
                .json(&body)?,
        )
        .await
    }

    /// The tenant that a customer's subscription pays for now.
    ///
    /// # Errors
    /// [`ClientError`]; as refusal `CustomerSubscriptionNotFound` if it pays for none.
    pub async fn tenant(
        &self,
        at: &RegistrationPath,
        subscription_id: &str,
    ) -> Result<CustomerSubscription, ClientError> {
        self.ask(at.call(Method::GET, &["customerSubscriptions", subscription_id]))
            .await
    }

    /// Removes a tenant: its later usage falls to the default subscription. Says whether it was mapped.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_tenant(
        &self,
        at: &RegistrationPath,
        subscription_id: &str,
    ) -> Result<bool, ClientError> {
        let call = at.call(Method::DELETE, &["customerSubscriptions", subscription_id]);
        self.remove(call).await
    }

    /// The tenants that are mapped now.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn tenants(&self, at: &RegistrationPath) -> Result<Vec<CustomerSubscription>, ClientError> {
        let RegistrationPath {
            subscription_id,
            resource_group,
            name,
        } = at;
        let group = ["subscriptions", subscription_id, "resourceGroups", resource_group];
        let rest = [
            "providers",
            "Microsoft.AzureStack",
            "registrations",
            name,
            "customerSubscriptions",
        ];
        let path: Vec<&str> = group.into_iter().chain(rest).collect();
        self.list(&path, &[(API_VERSION, Some(AZURE_STACK))]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_id_says_where_a_registration_is() {
        let id =
            "/subscriptions/s/resourcegroups/azurestack/providers/Microsoft.AzureStack/registrations/north";
        let expected = RegistrationPath {
            subscription_id: "s".into(),
            resource_group: "azurestack".into(),
            name: "north".into(),
        };
        assert_eq!(RegistrationPath::of_resource_id(id), Some(expected));
        for other in [
            "",
            "/subscriptions/s",
            &id.replace("AzureStack", "Compute"),
            &format!("{id}/customerSubscriptions/c"),
        ] {
            assert_eq!(RegistrationPath::of_resource_id(other), None, "{other}");
        }
    }
}
