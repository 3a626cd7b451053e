//! Resource providers: which types of resources there are, in which api-versions, and what can be done with them.

use serde::Serialize;

/// A resource provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// Its resource id.
    pub id: String,
    /// Its namespace.
    pub namespace: &'static str,
    /// Always `Registered`.
    pub registration_state: &'static str,
    /// Always `RegistrationFree`.
    pub registration_policy: &'static str,
    /// Its types.
    pub resource_types: Vec<ResourceType>,
}

/// A type of resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceType {
    /// Its name, with the names of the types above it.
    pub resource_type: &'static str,
    /// Where resources of it can be.
    pub locations: &'static [&'static str],
    /// The versions in which it is served, newest first. Clients take the newest that is no preview.
    pub api_versions: &'static [&'static str],
    /// What resources of it can have.
    pub capabilities: &'static str,
}

/// The operations of a provider, as roles name them: `Microsoft.Authorization/providerOperations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderOperations {
    /// Its resource id.
    pub id: String,
    /// The provider's namespace.
    pub name: &'static str,
    /// Always `Microsoft.Authorization/providerOperations`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The provider's name, for people.
    pub display_name: &'static str,
    /// Operations of a type, for each type that has some.
    pub resource_types: Vec<TypeOperations>,
    /// Operations of no type.
    pub operations: Vec<ProviderOperation>,
}

/// The operations of a type of resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeOperations {
    /// The type.
    pub name: String,
    /// Its name, for people.
    pub display_name: String,
    /// Its operations.
    pub operations: Vec<ProviderOperation>,
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderOperation {
    /// Its name, as roles name it.
    pub name: &'static str,
    /// Its name, for people.
    pub display_name: &'static str,
    /// What it does.
    pub description: &'static str,
    /// Always `user,system`.
    pub origin: &'static str,
    /// Whether it is about data rather than resources: never.
    pub is_data_action: bool,
}
