//! Stacks, and what is said of their registrations beside the shapes of Azure Resource Manager.

use domain::ids::{SubscriptionId, TenantId};
use domain::registration;
use domain::time::{Hour, HourInterval};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{InvalidMember, SubscriptionKind, member, optional};

/// Which kind of subscription a stack is best registered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Advice {
    /// Who operates the stack: `directPartner`, `distributor`, `reseller` or `endUser`.
    pub operated_by: String,
    /// The kind that is advised.
    pub subscription_kind: SubscriptionKind,
    /// Why.
    pub reason: String,
}

/// Something the caller should know about what was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// A stable code.
    pub code: String,
    /// What to know.
    pub message: String,
}

impl From<&registration::Warning> for Warning {
    fn from(warning: &registration::Warning) -> Self {
        Self {
            code: warning.code().to_owned(),
            message: warning.to_string(),
        }
    }
}

/// A registered stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stack {
    /// The stack.
    pub cloud_id: String,
    /// The resource id of its registration.
    pub registration_id: String,
    /// The registration's name.
    pub registration_name: String,
    /// The subscription that pays for whatever no tenant mapping claims.
    pub default_subscription_id: String,
    /// How the stack is paid for.
    pub billing_model: String,
    /// Whether tenants may be added.
    pub multi_tenancy_approved: bool,
    /// When it was registered.
    pub registered_at: String,
    /// The first hour in which the registration is valid: that in which it was made, or an earlier one that was declared.
    pub valid_from: String,
    /// The stack has reported its usage completely up to here, as far as it told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reported_through: Option<String>,
}

/// The answer to an approval for multi-tenancy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MultiTenancyApproval {
    /// The stack.
    pub cloud_id: String,
    /// The registration's name.
    pub registration_name: String,
    /// Always true.
    pub multi_tenancy_approved: bool,
}

/// The answer to revoking the activation keys of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivationKeysRevoked {
    /// The stack.
    pub cloud_id: String,
    /// The registration's name.
    pub registration_name: String,
    /// When that was: keys from before are good no more.
    pub revoked_at: String,
}

/// Declares a registration valid from an earlier hour on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackdateRegistration {
    /// The first hour, such as `2026-10-01T00:00:00Z`.
    pub valid_from: String,
}

impl BackdateRegistration {
    /// The first hour.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn valid_from(&self) -> Result<Hour, InvalidMember> {
        member("validFrom", &self.valid_from)
    }
}

/// Maps a tenant for stated hours, past ones too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MapTenant {
    /// The directory tenant whose usage it is.
    pub tenant_id: String,
    /// The customer's CSP subscription that pays; `null` for the registration's default subscription. It cannot be left
    /// out: a forgotten member must not move usage.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    pub subscription_id: Option<String>,
    /// The first hour for which this holds.
    pub valid_from: String,
    /// The first hour for which it no longer does; without one it holds on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<String>,
}

impl MapTenant {
    /// The tenant, the subscription that pays, and the hours.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn parts(&self) -> Result<(TenantId, Option<SubscriptionId>, HourInterval), InvalidMember> {
        let from: Hour = member("validFrom", &self.valid_from)?;
        let to = optional("validTo", self.valid_to.as_deref())?.unwrap_or(Hour::MAX);
        let valid = HourInterval::new(from, to)
            .ok_or_else(|| InvalidMember::new("validTo", "expected an hour after validFrom"))?;
        Ok((
            member("tenantId", &self.tenant_id)?,
            optional("subscriptionId", self.subscription_id.as_deref())?,
            valid,
        ))
    }
}

/// One version of a tenant mapping. Where versions overlap, the one recorded last holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MappingVersion {
    /// The directory tenant.
    pub tenant_id: String,
    /// The subscription that pays; none where the tenant was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// That subscription's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_name: Option<String>,
    /// The customer that the directory tenant belongs to, if the books know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
    /// The first hour for which it holds.
    pub valid_from: String,
    /// The first hour for which it no longer does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<String>,
    /// When it was recorded.
    pub recorded_at: String,
    /// Who recorded it.
    pub recorded_by: String,
    /// The name of who recorded it, if that is an operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_by_name: Option<String>,
    /// The number of its entry in the journal.
    pub entry: u64,
    /// The registration in whose hours it decides who pays, and in no others.
    pub registration: RegisteredHours,
}

/// A registration that a stack has or had, and its hours. Registered again after it was deleted, a stack has another
/// one, with tenant mappings of its own, even where the name is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredHours {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub registered_at: String,
    /// The first hour in which it was valid; none if it was deleted in the hour in which it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    /// The first hour in which it no longer was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<String>,
    /// Whether it is the stack's registration now.
    pub live: bool,
}

/// What a delivered directory changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryTaken {
    /// How many local subscriptions were listed.
    pub listed: usize,
    /// How many of them were new.
    pub added: usize,
    /// How many were known otherwise.
    pub changed: usize,
    /// The first hour in which the stack's registration is valid: usage of the hours before is charged to nobody. Not in the
    /// answer of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_from: Option<String>,
}
