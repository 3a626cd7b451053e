//! The activation key's claims: what a registered stack is told, signed.

use std::collections::BTreeMap;

use domain::registration::{HardwareNode, Registration};
use serde::{Deserialize, Serialize};

/// The most bytes that the hardware may take in a key. A stack sends its key with every request, and requests with long
/// headers are refused: here, and by much that may stand between. *(ours)*
pub const HARDWARE_BYTES_MAX: usize = 8 * 1024;

/// What an activation key says. Members as Azure's keys have them; two are ours: `registrationId` binds the key to one
/// life of the registration, `keyGeneration` to the time until its keys are revoked.
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
    /// How often the registration's keys had been revoked when this one was signed. Keys from before that could be done
    /// do not say it.
    #[serde(default)]
    pub key_generation: u32,
    /// Roots of the certificates that stacks pin: none, since the operator chooses this server's certificate.
    #[serde(default)]
    pub cert_pinning_root_subjects: Vec<String>,
    /// Intermediates of the certificates that stacks pin: none.
    #[serde(default)]
    pub cert_pinning_intermediate_thumbprints: Vec<String>,
    /// Where usage is delivered to.
    pub usage_endpoint: String,
    /// Where marketplace items would come from.
    pub marketplace_endpoint: String,
    /// The audience of deliveries.
    pub usage_resource_uri: String,
    /// The audience of the marketplace.
    pub marketplace_resource_uri: String,
    /// Never: the key is good while the registration is live, until its keys are revoked.
    pub expires: String,
    /// The stack.
    pub cloud_id: String,
    /// The service principal of the stack's bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_id: Option<String>,
    /// How the stack is paid for.
    pub billing_model: String,
    /// The stack's machines, as its registration token listed them; empty if it listed none, or more than
    /// [`HARDWARE_BYTES_MAX`].
    #[serde(default)]
    pub hardware_info: Vec<HardwareInfo>,
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

/// One machine of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HardwareInfo {
    /// Its name.
    pub name: String,
    /// The id its board reports.
    pub uuid: String,
    /// Its cores, as the token stated them.
    pub num_cores: i64,
    /// Fingerprints of its parts, by kind: `bios`, `nic`, `cpu`, `disk`, `memory`.
    #[serde(flatten)]
    pub parts: BTreeMap<String, Vec<String>>,
}

impl HardwareInfo {
    /// The machines of a stack, all or none of them.
    fn of(nodes: &[HardwareNode]) -> Vec<Self> {
        let all: Vec<_> = nodes.iter().map(Self::from).collect();
        if serde_json::to_vec(&all).is_ok_and(|json| json.len() <= HARDWARE_BYTES_MAX) {
            all
        } else {
            Vec::new()
        }
    }
}

impl From<&HardwareNode> for HardwareInfo {
    fn from(node: &HardwareNode) -> Self {
        Self {
            name: node.name.clone(),
            uuid: node.uuid.clone(),
            num_cores: node.cores,
            parts: node.parts.clone(),
        }
    }
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
            key_generation: registration.key_generation,
            cert_pinning_root_subjects: Vec::new(),
            cert_pinning_intermediate_thumbprints: Vec::new(),
            usage_endpoint: format!("{public_url}/api/v1/stacks/{}/usage", registration.cloud_id()),
            marketplace_endpoint: public_url.to_owned(),
            usage_resource_uri: public_url.to_owned(),
            marketplace_resource_uri: public_url.to_owned(),
            expires: "9999-12-30T23:59:59.9999999Z".to_owned(),
            cloud_id: registration.cloud_id().to_string(),
            object_id: token.object_id.map(|id| id.to_string()),
            billing_model: token.billing_model.to_string(),
            hardware_info: HardwareInfo::of(&token.hardware),
            region_names: token.region_names.clone(),
            agreement_number: token.agreement_number.clone(),
            usage_reporting_enabled: token.usage_reporting_enabled,
            marketplace_syndication_enabled: token.marketplace_syndication_enabled,
            issuer: public_url.to_owned(),
            version: "1.0".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(parts: usize) -> HardwareNode {
        HardwareNode {
            name: "node-1".to_owned(),
            uuid: "board-1".to_owned(),
            cores: -3,
            parts: [("nic".to_owned(), vec!["0a1b2c3d".to_owned(); parts])].into(),
        }
    }

    #[test]
    fn a_stack_with_much_hardware_gets_a_key_that_still_fits_into_a_header() {
        let said = serde_json::to_string(&HardwareInfo::of(&[node(2)])).unwrap();
        assert_eq!(
            said,
            r#"[{"name":"node-1","uuid":"board-1","numCores":-3,"nic":["0a1b2c3d","0a1b2c3d"]}]"#
        );
        assert_eq!(HardwareInfo::of(&vec![node(100); 7]).len(), 7);
        assert_eq!(HardwareInfo::of(&vec![node(100); 8]), []);
    }
}
