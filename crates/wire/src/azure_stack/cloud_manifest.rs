//! The manifest of a cloud of one's own: what a stack has to know of it to be deployed there.

use serde::Serialize;

/// The name of the only manifest there is.
pub const LATEST: &str = "latest";

/// A manifest. Nothing is signed here, so the certificates, the key and the signature are empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CloudManifestFile {
    /// Its resource id.
    pub id: String,
    /// Always [`LATEST`].
    pub name: &'static str,
    /// Always `Microsoft.AzureStack/cloudManifestFiles`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What it says.
    pub properties: Properties,
}

/// What a manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    /// What a deployment needs.
    pub deployment_data: DeploymentData,
    /// The signature over it: empty.
    pub signature: &'static str,
}

/// What a deployment needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentData {
    /// Empty.
    pub external_dsms_certificates: &'static str,
    /// Empty.
    pub custom_cloud_verification_key: &'static str,
    /// Where the cloud's services are.
    pub custom_environment_endpoints: EnvironmentEndpoints,
}

/// Where the cloud's services are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentEndpoints {
    /// The endpoint of Azure Resource Manager.
    pub custom_cloud_arm_endpoint: String,
    /// Empty.
    pub external_dsms_endpoint: &'static str,
}

impl CloudManifestFile {
    /// The manifest of the cloud with this endpoint.
    #[must_use]
    pub fn of(resource_manager: &str) -> Self {
        Self {
            id: format!("/providers/Microsoft.AzureStack/cloudManifestFiles/{LATEST}"),
            name: LATEST,
            kind: "Microsoft.AzureStack/cloudManifestFiles",
            properties: Properties {
                deployment_data: DeploymentData {
                    external_dsms_certificates: "",
                    custom_cloud_verification_key: "",
                    custom_environment_endpoints: EnvironmentEndpoints {
                        custom_cloud_arm_endpoint: resource_manager.to_owned(),
                        external_dsms_endpoint: "",
                    },
                },
                signature: "",
            },
        }
    }
}
