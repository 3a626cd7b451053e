//! `Microsoft.Authorization`: roles, whom they are given to, permissions and locks. All of them exist at every scope: the
//! root, subscriptions, resource groups, registrations and their customer subscriptions.

pub(crate) mod locks;
pub(crate) mod permissions;
pub(crate) mod provider_operations;
pub(crate) mod role_assignments;
pub(crate) mod role_definitions;
