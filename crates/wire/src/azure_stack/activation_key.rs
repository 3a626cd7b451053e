//! The activation key's claims: what a registered stack is told, signed.

use domain::registration::Registration;
use serde::{Deserialize, Serialize};

/// What an activation key says. Members as Azure's keys have them; `registrationId` is ours and binds the key to one
/// life of the registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivationKeyClaims {
    /// The registration's subscription.
    pub subscription_id: String,
    /// The registration's resource group.
    pub resource_group_name: String,
    /// The registration's name.
    pub registration_name: String,
    /// This life of the registration.
    pub registration_id: String,
    /// Where usage is delivered to.
    pub usage_endpoint: String,
    /// Where marketplace items would come from.
    pub marketplace_endpoint: String,
    /// The audience of deliveries.
    pub usage_resource_uri: String,
    /// The audience of the marketplace.
    pub marketplace_resource_uri: String,
    /// Never: the key is good while the registration is live.
    pub expires: String,
    /// The stack.
    pub cloud_id: String,
    /// The service principal of the stack's bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_id: Option<String>,
    /// How the stack is paid for.
    pub billing_model: String,
    /// The stack's regions.
    pub region_names: Vec<String>,
    /// The capacity agreement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement_number: Option<String>,
    /// Whether the stack shall report usage.
    pub usage_reporting_enabled: bool,
    /// Whether the stack may get marketplace items.
    pub marketplace_syndication_enabled: bool,
    /// Who signed.
    pub issuer: String,
    /// The version of this form.
    pub version: String,
}

impl ActivationKeyClaims {
    /// What a registration's key says, with the server's own address.
    #[must_use]
    pub fn of(registration: &Registration, public_url: &str) -> Self {
        let token = &registration.token;
        let public_url = public_url.trim_end_matches('/');
        Self {
            subscription_id: registration.subscription.to_string(),
            resource_group_name: registration.resource_group.to_string(),
            registration_name: registration.name.to_string(),
            registration_id: registration.id.to_string(),
            usage_endpoint: format!("{public_url}/api/v1/stacks/{}/usage", registration.cloud_id()),
            marketplace_endpoint: public_url.to_owned(),
            usage_resource_uri: public_url.to_owned(),
            marketplace_resource_uri: public_url.to_owned(),
            expires: "9999-12-30T23:59:59.9999999Z".to_owned(),
            cloud_id: registration.cloud_id().to_string(),
            object_id: token.object_id.map(|id| id.to_string()),
            billing_model: token.billing_model.to_string(),
            region_names: token.region_names.clone(),
            agreement_number: token.agreement_number.clone(),
            usage_reporting_enabled: token.usage_reporting_enabled,
            marketplace_syndication_enabled: token.marketplace_syndication_enabled,
            issuer: public_url.to_owned(),
            version: "1.0".to_owned(),
        }
    }
}
