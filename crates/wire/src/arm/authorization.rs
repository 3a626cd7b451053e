//! `Microsoft.Authorization`: roles, whom they are given to, permissions and locks, as resources.
//!
//! A role definition is named in one way wherever it is listed: below its subscription, or below the root where none is
//! meant. Clients compare these ids as text.

use domain::authorization::{self, ActionPattern, LockLevel, Scope};
use serde::{Deserialize, Serialize};

/// What a role allows and leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    /// The actions that it allows.
    #[serde(default)]
    pub actions: Vec<String>,
    /// The actions that it leaves out of these.
    #[serde(default)]
    pub not_actions: Vec<String>,
    /// Actions on data: none exist here.
    #[serde(default)]
    pub data_actions: Vec<String>,
    /// Actions on data that it leaves out.
    #[serde(default)]
    pub not_data_actions: Vec<String>,
}

impl Permission {
    /// What allows these actions and leaves out those.
    #[must_use]
    pub fn of(actions: &[ActionPattern], not_actions: &[ActionPattern]) -> Self {
        let texts = |patterns: &[ActionPattern]| patterns.iter().map(ToString::to_string).collect();
        Self {
            actions: texts(actions),
            not_actions: texts(not_actions),
            ..Self::default()
        }
    }
}

/// A role definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleDefinition {
    /// Its resource id.
    pub id: String,
    /// Its id.
    pub name: String,
    /// Always `Microsoft.Authorization/roleDefinitions`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is.
    pub properties: RoleDefinitionProperties,
}

/// What a role is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleDefinitionProperties {
    /// Its name.
    pub role_name: String,
    /// `BuiltInRole` or `CustomRole`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is for.
    pub description: String,
    /// Where it can be given.
    pub assignable_scopes: Vec<String>,
    /// What it allows: always one.
    pub permissions: Vec<Permission>,
}

/// The type of a role that is part of the product.
pub const BUILT_IN_ROLE: &str = "BuiltInRole";
/// The type of a role that was defined here.
pub const CUSTOM_ROLE: &str = "CustomRole";

impl RoleDefinition {
    /// A role, as it is named at a scope.
    #[must_use]
    pub fn of(role: &authorization::RoleDefinition, at: &Scope) -> Self {
        Self {
            id: role_definition_id(role.id, at),
            name: role.id.to_string(),
            kind: "Microsoft.Authorization/roleDefinitions".to_owned(),
            properties: RoleDefinitionProperties {
                role_name: role.name.clone(),
                kind: if role.custom { CUSTOM_ROLE } else { BUILT_IN_ROLE }.to_owned(),
                description: role.description.clone(),
                assignable_scopes: role.assignable.iter().map(ToString::to_string).collect(),
                permissions: vec![Permission::of(&role.actions, &role.not_actions)],
            },
        }
    }
}

/// The resource id of a role definition, as it is named at a scope.
#[must_use]
pub fn role_definition_id(role: domain::ids::RoleDefinitionId, at: &Scope) -> String {
    let below = at.subscription().map(|id| format!("/subscriptions/{id}"));
    let below = below.unwrap_or_default();
    format!("{below}/providers/Microsoft.Authorization/roleDefinitions/{role}")
}

/// A role to be defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutRoleDefinition {
    /// What it shall be.
    pub properties: PutRoleDefinitionProperties,
}

/// What a role shall be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutRoleDefinitionProperties {
    /// Its name.
    pub role_name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Where it can be given.
    #[serde(default)]
    pub assignable_scopes: Vec<String>,
    /// What it allows, taken together.
    #[serde(default)]
    pub permissions: Vec<Permission>,
}

/// A role that is given to somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAssignment {
    /// Its resource id.
    pub id: String,
    /// Its id.
    pub name: String,
    /// Always `Microsoft.Authorization/roleAssignments`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which role, whom and where.
    pub properties: RoleAssignmentProperties,
}

/// Which role is given to whom and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleAssignmentProperties {
    /// The role.
    pub role_definition_id: String,
    /// Who has it.
    pub principal_id: String,
    /// What kind of object that is.
    pub principal_type: String,
    /// Where it holds.
    pub scope: String,
    /// When it was given.
    pub created_on: String,
    /// When it was changed: never since.
    pub updated_on: String,
    /// Who gave it.
    pub created_by: String,
    /// Who changed it.
    pub updated_by: String,
}

impl From<&authorization::RoleAssignment> for RoleAssignment {
    fn from(assignment: &authorization::RoleAssignment) -> Self {
        let scope = &assignment.scope;
        let (at, by) = (
            assignment.assigned.at.to_string(),
            assignment.assigned.by.to_string(),
        );
        Self {
            id: format!(
                "{}/providers/Microsoft.Authorization/roleAssignments/{}",
                prefix(scope),
                assignment.id
            ),
            name: assignment.id.to_string(),
            kind: "Microsoft.Authorization/roleAssignments".to_owned(),
            properties: RoleAssignmentProperties {
                role_definition_id: role_definition_id(assignment.role, scope),
                principal_id: assignment.principal.to_string(),
                principal_type: assignment.principal_kind.as_str().to_owned(),
                scope: scope.to_string(),
                created_on: at.clone(),
                updated_on: at,
                created_by: by.clone(),
                updated_by: by,
            },
        }
    }
}

/// A role to be given to somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutRoleAssignment {
    /// Which role and whom.
    pub properties: PutRoleAssignmentProperties,
}

/// Which role is to be given to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutRoleAssignmentProperties {
    /// The role's resource id; what counts is its end.
    pub role_definition_id: String,
    /// Who shall have it.
    pub principal_id: String,
    /// What kind of object that is.
    #[serde(default)]
    pub principal_type: Option<String>,
}

/// A lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Its resource id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Always `Microsoft.Authorization/locks`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it keeps everybody from.
    pub properties: LockProperties,
}

/// What a lock keeps everybody from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockProperties {
    /// `CanNotDelete` or `ReadOnly`.
    #[serde(default)]
    pub level: String,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

impl LockProperties {
    /// The level, if it is one.
    #[must_use]
    pub fn level(&self) -> Option<LockLevel> {
        LockLevel::from_name(&self.level)
    }
}

/// A lock to be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutLock {
    /// What it shall keep everybody from.
    pub properties: LockProperties,
}

impl From<&authorization::Lock> for Lock {
    fn from(lock: &authorization::Lock) -> Self {
        Self {
            id: format!(
                "{}/providers/Microsoft.Authorization/locks/{}",
                prefix(&lock.scope),
                lock.name
            ),
            name: lock.name.to_string(),
            kind: "Microsoft.Authorization/locks".to_owned(),
            properties: LockProperties {
                level: lock.level.as_str().to_owned(),
                notes: lock.notes.clone(),
            },
        }
    }
}

/// A scope as the beginning of a longer id.
fn prefix(scope: &Scope) -> String {
    match scope {
        Scope::Root => String::new(),
        below => below.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::authorization::built_in;

    #[test]
    fn a_role_has_one_id_in_all_of_a_subscription() {
        let role = &built_in()[2];
        let scope = |text: &str| {
            let text = text.replace("{s}", "06000000-0000-4000-8000-000000000001");
            text.parse::<Scope>().unwrap()
        };
        let below =
            scope("/subscriptions/{s}/resourceGroups/g/providers/Microsoft.AzureStack/registrations/n");
        let shown = RoleDefinition::of(role, &below);
        assert_eq!(shown, RoleDefinition::of(role, &scope("/subscriptions/{s}")));
        assert!(shown.id.starts_with("/subscriptions/06000000-"), "{}", shown.id);
        assert!(
            RoleDefinition::of(role, &Scope::Root)
                .id
                .starts_with("/providers/")
        );
        assert_eq!(shown.properties.kind, BUILT_IN_ROLE);
        assert_eq!(shown.properties.assignable_scopes, ["/"]);
    }
}
