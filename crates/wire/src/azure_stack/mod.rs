//! The resource provider `Microsoft.AzureStack`: registrations and their customer subscriptions.
//!
//! What is sent is the same in all api-versions served here, so there is one module for all of them: the members that
//! 2020-06-01-preview adds (`systemData`, `kind`) are optional, and clients of it do without. Source: the swagger of
//! each version.

mod activation_key;
pub mod cloud_manifest;
pub mod etag;
pub mod operations;
mod token;

use std::collections::BTreeMap;

use domain::ids::{InvalidGuid, SubscriptionId, TenantId};
use domain::registration;
use serde::{Deserialize, Serialize};

use crate::arm::Tags;

pub use activation_key::{ActivationKeyClaims, HARDWARE_BYTES_MAX, HardwareInfo};
pub use token::{
    TOKEN_CHARACTERS_MAX, UndecodableToken, decode_registration_token, encode_registration_token,
};

/// The api-versions in which both registrations and customer subscriptions are served, newest first.
pub const API_VERSIONS: [&str; 3] = ["2022-06-01", "2020-06-01-preview", "2017-06-01"];
/// Where every registration lies, wherever clients say that it does: no other location is in the contract.
pub const LOCATION: &str = "global";
/// The type of a registration.
pub const REGISTRATION_TYPE: &str = "Microsoft.AzureStack/registrations";
/// The type of a customer subscription.
pub const CUSTOMER_SUBSCRIPTION_TYPE: &str = "Microsoft.AzureStack/registrations/customerSubscriptions";

/// A registration to be created or changed. Every member may be left out: clients differ in what they send.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutRegistration {
    /// Where it lies; `global` when none is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// The token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<PutRegistrationProperties>,
}

/// What a registration is created from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutRegistrationProperties {
    /// What the stack says of itself; never sent back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_token: Option<String>,
}

/// A registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Its resource id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Always [`REGISTRATION_TYPE`].
    #[serde(rename = "type")]
    pub kind: String,
    /// Changes with every change; quoted inside the text.
    pub etag: String,
    /// Always [`LOCATION`].
    pub location: String,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: Tags,
    /// What the stack said of itself.
    pub properties: RegistrationProperties,
}

/// What is told of a registration's token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationProperties {
    /// The service principal of the stack's bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_id: Option<String>,
    /// The stack.
    pub cloud_id: String,
    /// How it is paid for.
    pub billing_model: String,
}

impl From<&registration::Registration> for Registration {
    fn from(registration: &registration::Registration) -> Self {
        Self {
            id: registration.path().to_string(),
            name: registration.name.to_string(),
            kind: REGISTRATION_TYPE.to_owned(),
            etag: etag::of_revision(registration.updated.entry),
            location: LOCATION.to_owned(),
            tags: registration.tags.clone(),
            properties: RegistrationProperties {
                object_id: registration.token.object_id.map(|id| id.to_string()),
                cloud_id: registration.cloud_id().to_string(),
                billing_model: registration.token.billing_model.to_string(),
            },
        }
    }
}

/// The activation key of a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivationKeyResult {
    /// The stack's credential.
    pub activation_key: String,
}

/// A marketplace product. None is offered here, so there is none to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Product {}

/// A subscription of a stack that is linked to one of Azure. None can be linked here, so there is none to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum LinkedSubscription {}

/// A tenant to be added. Both members may be left out: the tenant then is the subscription's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutCustomerSubscription {
    /// The tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<PutCustomerSubscriptionProperties>,
}

/// Whose usage is to be charged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutCustomerSubscriptionProperties {
    /// The directory tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
}

impl PutCustomerSubscription {
    /// The tenant, if one is named.
    ///
    /// # Errors
    /// [`InvalidGuid`].
    pub fn tenant(&self) -> Result<Option<TenantId>, InvalidGuid> {
        let tenant = self
            .properties
            .as_ref()
            .and_then(|properties| properties.tenant_id.as_deref());
        tenant.filter(|text| !text.is_empty()).map(str::parse).transpose()
    }
}

/// A tenant mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerSubscription {
    /// Its resource id.
    pub id: String,
    /// `<registration>/<subscription>`.
    pub name: String,
    /// Always [`CUSTOMER_SUBSCRIPTION_TYPE`].
    #[serde(rename = "type")]
    pub kind: String,
    /// Changes with every change; quoted inside the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The tenant.
    pub properties: CustomerSubscriptionProperties,
}

/// Whose usage is charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerSubscriptionProperties {
    /// The directory tenant.
    pub tenant_id: String,
}

impl CustomerSubscription {
    /// The mapping of a tenant to a subscription, under a registration, as it was last changed by an entry of the books.
    #[must_use]
    pub fn of(
        registration: &registration::RegistrationPath,
        subscription: SubscriptionId,
        tenant: TenantId,
        entry: u64,
    ) -> Self {
        Self {
            id: format!("{registration}/customerSubscriptions/{subscription}"),
            name: format!("{}/{subscription}", registration.name),
            kind: CUSTOMER_SUBSCRIPTION_TYPE.to_owned(),
            etag: Some(etag::of_revision(entry)),
            properties: CustomerSubscriptionProperties {
                tenant_id: tenant.to_string(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_leave_out_is_no_error() {
        for text in [
            "{}",
            r#"{"properties":{}}"#,
            r#"{"properties":null,"tags":null}"#,
            r#"{"unknown":1}"#,
        ] {
            let request: PutRegistration = serde_json::from_str(text).unwrap();
            assert!(
                request
                    .properties
                    .unwrap_or_default()
                    .registration_token
                    .is_none(),
                "{text}"
            );
            let request: PutCustomerSubscription = serde_json::from_str(text).unwrap();
            assert_eq!(request.tenant(), Ok(None), "{text}");
        }
        let request: PutCustomerSubscription =
            serde_json::from_str(r#"{"properties":{"tenantId":"DBAB3982-796F-4D03-9908-044C08AEF8A2"}}"#)
                .unwrap();
        assert_eq!(
            request.tenant().unwrap().unwrap().to_string(),
            "dbab3982-796f-4d03-9908-044c08aef8a2"
        );
        let request: PutCustomerSubscription =
            serde_json::from_str(r#"{"properties":{"tenantId":"contoso"}}"#).unwrap();
        assert_eq!(request.tenant(), Err(InvalidGuid));
    }
}
