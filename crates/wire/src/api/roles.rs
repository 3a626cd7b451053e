//! Partner roles, and who one is.

use domain::authorization;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of object a role is given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PrincipalKind {
    /// A person.
    User,
    /// The members of a group.
    Group,
    /// A program.
    ServicePrincipal,
}

impl From<authorization::PrincipalKind> for PrincipalKind {
    fn from(kind: authorization::PrincipalKind) -> Self {
        match kind {
            authorization::PrincipalKind::User => Self::User,
            authorization::PrincipalKind::Group => Self::Group,
            authorization::PrincipalKind::ServicePrincipal => Self::ServicePrincipal,
        }
    }
}

impl From<PrincipalKind> for authorization::PrincipalKind {
    fn from(kind: PrincipalKind) -> Self {
        match kind {
            PrincipalKind::User => Self::User,
            PrincipalKind::Group => Self::Group,
            PrincipalKind::ServicePrincipal => Self::ServicePrincipal,
        }
    }
}

/// The name of a partner role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PartnerRoleName {
    /// Runs the platform.
    PlatformOperator,
    /// Acts for a partner.
    AdminAgent,
    /// Belongs to a customer.
    CustomerUser,
}

/// A partner role: what it is and whom it concerns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartnerRole {
    /// The role.
    pub role: PartnerRoleName,
    /// The partner that an admin agent acts for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner_id: Option<String>,
    /// That partner's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner_name: Option<String>,
    /// The customer that a customer's user belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// That customer's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
}

impl PartnerRole {
    /// A role, with the name of the partner or customer that it concerns.
    #[must_use]
    pub fn of(role: authorization::PartnerRole, subject: Option<String>) -> Self {
        let nobody = Self {
            role: PartnerRoleName::PlatformOperator,
            partner_id: None,
            partner_name: None,
            customer_id: None,
            customer_name: None,
        };
        match role {
            authorization::PartnerRole::PlatformOperator => nobody,
            authorization::PartnerRole::AdminAgent(partner) => Self {
                role: PartnerRoleName::AdminAgent,
                partner_id: Some(partner.to_string()),
                partner_name: subject,
                ..nobody
            },
            authorization::PartnerRole::CustomerUser(customer) => Self {
                role: PartnerRoleName::CustomerUser,
                customer_id: Some(customer.to_string()),
                customer_name: subject,
                ..nobody
            },
        }
    }
}

/// A partner role to be given to somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AssignPartnerRole {
    /// What kind of object it is given to. Of one in a directory that is kept here it is known; any other is taken for a
    /// user if this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_kind: Option<PrincipalKind>,
}

/// A partner role given to somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartnerRoleAssignment {
    /// The role.
    #[serde(flatten)]
    pub role: PartnerRole,
    /// The object id of who has it.
    pub principal_id: String,
    /// The name of who has it, if the directory is kept here and the caller manages it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_name: Option<String>,
    /// What kind of object that is.
    pub principal_kind: PrincipalKind,
    /// When it was given.
    pub assigned_at: String,
    /// Who gave it.
    pub assigned_by: String,
}

impl PartnerRoleAssignment {
    /// A role given to somebody, with the names of whom it concerns and who has it.
    #[must_use]
    pub fn of(
        given: &authorization::PartnerRoleAssignment,
        subject: Option<String>,
        principal_name: Option<String>,
    ) -> Self {
        Self {
            role: PartnerRole::of(given.role, subject),
            principal_id: given.principal.to_string(),
            principal_name,
            principal_kind: given.principal_kind.into(),
            assigned_at: given.assigned.at.to_string(),
            assigned_by: given.assigned.by.to_string(),
        }
    }
}

/// How somebody proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum CallerKind {
    /// With an operator's credential: everything is allowed but delivering usage.
    Operator,
    /// As a person who signed in.
    User,
    /// As a program that signed in.
    ServicePrincipal,
}

/// Who calls, and what they were given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// How they proved who they are.
    pub kind: CallerKind,
    /// Their object id: what roles are given to.
    pub id: String,
    /// Their name.
    pub name: String,
    /// The directory that they signed in to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// That directory's name, if it is kept here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory_name: Option<String>,
    /// That directory's domain, if it is kept here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory_domain: Option<String>,
    /// The application that they are, or that they use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    /// The groups that they belong to.
    pub groups: Vec<MyGroup>,
    /// Their partner roles, those of their groups too.
    pub partner_roles: Vec<PartnerRole>,
    /// The roles that they or one of their groups have at scopes.
    pub role_assignments: Vec<MyRole>,
}

/// A group that one belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MyGroup {
    /// Its object id.
    pub id: String,
    /// Its name, if its directory is kept here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A role that one has at a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MyRole {
    /// Where it holds, with everything below.
    pub scope: String,
    /// The id of the role.
    pub role_definition_id: String,
    /// The name of the role.
    pub role_name: String,
    /// To whom it was given: to oneself, or to the group that one has it by.
    pub principal_id: String,
}

impl MyRole {
    /// A role that was given.
    #[must_use]
    pub fn of(given: &authorization::RoleAssignment, role: &authorization::RoleDefinition) -> Self {
        Self {
            scope: given.scope.to_string(),
            role_definition_id: role.id.to_string(),
            role_name: role.name.clone(),
            principal_id: given.principal.to_string(),
        }
    }
}
