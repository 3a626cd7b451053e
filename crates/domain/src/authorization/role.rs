//! Roles: what they allow, and whom they are given to.

use std::sync::{Arc, LazyLock};

use super::{ActionPattern, PrincipalKind, Scope};
use crate::ids::{ObjectId, RoleAssignmentId, RoleDefinitionId};
use crate::timeline::Recorded;

/// The most characters of a role's name.
const NAME_CHARS_MAX: usize = 128;
/// The most characters of a role's description.
const DESCRIPTION_CHARS_MAX: usize = 1024;
/// The most patterns that a role lists, and the most that it leaves out.
const ACTIONS_MAX: usize = 200;
/// The most scopes in which a role can be given.
const ASSIGNABLE_MAX: usize = 200;

/// What a role allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleDefinition {
    /// Its id.
    pub id: RoleDefinitionId,
    /// Its name, unique without regard to case wherever it can be given.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The actions that it allows.
    pub actions: Vec<ActionPattern>,
    /// The actions that it leaves out of these. Leaving out is no denial: another role may still allow them.
    pub not_actions: Vec<ActionPattern>,
    /// Where it can be given: in these scopes and below.
    pub assignable: Vec<Scope>,
    /// Whether somebody defined it here. The others are part of the product and never change.
    pub custom: bool,
}

/// A custom role that cannot be one. The text says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRole {
    /// The name is empty or too long.
    #[error("a role has a name of 1 to {NAME_CHARS_MAX} characters")]
    Name,
    /// The description is too long.
    #[error("a role has a description of {DESCRIPTION_CHARS_MAX} characters at the most")]
    Description,
    /// It allows nothing, or the lists are too long.
    #[error("a role allows 1 to {ACTIONS_MAX} actions and leaves out {ACTIONS_MAX} at the most")]
    Actions,
    /// It can be given nowhere, or in too many places.
    #[error("a role can be given in 1 to {ASSIGNABLE_MAX} scopes")]
    Assignable,
    /// It could be given everywhere.
    #[error("a custom role can be given in subscriptions and resource groups, not at '{0}': name them")]
    AssignableTooWide(Scope),
}

impl InvalidRole {
    /// The member of the request that is at fault.
    #[must_use]
    pub const fn target(&self) -> &'static str {
        match self {
            Self::Name => "properties.roleName",
            Self::Description => "properties.description",
            Self::Actions => "properties.permissions",
            Self::Assignable | Self::AssignableTooWide(_) => "properties.assignableScopes",
        }
    }
}

impl RoleDefinition {
    /// Whether the role allows an action: it lists it and does not leave it out.
    #[must_use]
    pub fn allows(&self, action: &str) -> bool {
        let any = |patterns: &[ActionPattern]| patterns.iter().any(|pattern| pattern.matches(action));
        any(&self.actions) && !any(&self.not_actions)
    }

    /// Whether the role can be given at a scope.
    #[must_use]
    pub fn is_assignable_at(&self, scope: &Scope) -> bool {
        self.assignable
            .iter()
            .any(|assignable| assignable.contains(scope))
    }

    /// Whether a custom role can be like this.
    ///
    /// # Errors
    /// [`InvalidRole`] if not.
    pub fn check(&self) -> Result<(), InvalidRole> {
        if !(1..=NAME_CHARS_MAX).contains(&self.name.trim().chars().count()) {
            return Err(InvalidRole::Name);
        }
        if self.description.chars().count() > DESCRIPTION_CHARS_MAX {
            return Err(InvalidRole::Description);
        }
        if !(1..=ACTIONS_MAX).contains(&self.actions.len()) || self.not_actions.len() > ACTIONS_MAX {
            return Err(InvalidRole::Actions);
        }
        if !(1..=ASSIGNABLE_MAX).contains(&self.assignable.len()) {
            return Err(InvalidRole::Assignable);
        }
        let narrow = |scope: &&Scope| matches!(scope, Scope::Subscription(_) | Scope::ResourceGroup(..));
        match self.assignable.iter().find(|scope| !narrow(scope)) {
            Some(wide) => Err(InvalidRole::AssignableTooWide(wide.clone())),
            None => Ok(()),
        }
    }
}

/// A role given to somebody at a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleAssignment {
    /// Its id.
    pub id: RoleAssignmentId,
    /// Where the role holds, with everything below.
    pub scope: Scope,
    /// The role.
    pub role: RoleDefinitionId,
    /// Who has it. May be an object of a directory that is kept elsewhere.
    pub principal: ObjectId,
    /// What kind of object that is.
    pub principal_kind: PrincipalKind,
    /// When and by whom it was given.
    pub assigned: Recorded,
}

const OWNER: u128 = 0x8e3a_f657_a8ff_443c_a75c_2fe8_c4bc_b635;
const CONTRIBUTOR: u128 = 0xb249_88ac_6180_42a0_ab88_20f7_382d_d24c;
const READER: u128 = 0xacdd_72a7_3385_48ef_bd42_f606_fba8_1ae7;
const USER_ACCESS_ADMINISTRATOR: u128 = 0x18d7_d88d_d35e_4fb5_a5c3_7773_c20a_72d9;
const AZURE_STACK_REGISTRATION_OWNER: u128 = 0x6f12_a6df_dd06_4f3e_bcb1_ce8b_e600_526a;

impl RoleDefinition {
    /// Everything.
    pub const OWNER: RoleDefinitionId = RoleDefinitionId::from_bytes(OWNER.to_be_bytes());
    /// Everything but giving roles and setting locks.
    pub const CONTRIBUTOR: RoleDefinitionId = RoleDefinitionId::from_bytes(CONTRIBUTOR.to_be_bytes());
    /// Reading everything.
    pub const READER: RoleDefinitionId = RoleDefinitionId::from_bytes(READER.to_be_bytes());
    /// Reading everything, giving roles and setting locks.
    pub const USER_ACCESS_ADMINISTRATOR: RoleDefinitionId =
        RoleDefinitionId::from_bytes(USER_ACCESS_ADMINISTRATOR.to_be_bytes());
    /// What the registration script gives the stack's own service principal.
    pub const AZURE_STACK_REGISTRATION_OWNER: RoleDefinitionId =
        RoleDefinitionId::from_bytes(AZURE_STACK_REGISTRATION_OWNER.to_be_bytes());
}

/// The roles that are part of the product: their ids, names and actions are Azure's.
pub fn built_in() -> &'static [Arc<RoleDefinition>] {
    static BUILT_IN: LazyLock<[Arc<RoleDefinition>; 5]> = LazyLock::new(|| {
        [
            role(
                RoleDefinition::OWNER,
                "Owner",
                "Full access, and may give roles to others.",
                &["*"],
                &[],
            ),
            role(
                RoleDefinition::CONTRIBUTOR,
                "Contributor",
                "Full access, without giving roles and setting locks.",
                &["*"],
                &[
                    "Microsoft.Authorization/*/Delete",
                    "Microsoft.Authorization/*/Write",
                    "Microsoft.Authorization/elevateAccess/Action",
                ],
            ),
            role(
                RoleDefinition::READER,
                "Reader",
                "Reads everything and changes nothing.",
                &["*/read"],
                &[],
            ),
            role(
                RoleDefinition::USER_ACCESS_ADMINISTRATOR,
                "User Access Administrator",
                "Gives roles to others and sets locks.",
                &["*/read", "Microsoft.Authorization/*"],
                &[],
            ),
            role(
                RoleDefinition::AZURE_STACK_REGISTRATION_OWNER,
                "Azure Stack Registration Owner",
                "Reads registrations and their products: for the stack's own account.",
                &[
                    "Microsoft.AzureStack/edgeSubscriptions/read",
                    "Microsoft.AzureStack/registrations/products/*/action",
                    "Microsoft.AzureStack/registrations/products/read",
                    "Microsoft.AzureStack/registrations/read",
                ],
                &[],
            ),
        ]
    });
    &*BUILT_IN
}

fn role(
    id: RoleDefinitionId,
    name: &str,
    description: &str,
    actions: &'static [&'static str],
    not_actions: &'static [&'static str],
) -> Arc<RoleDefinition> {
    let patterns =
        |texts: &'static [&'static str]| texts.iter().map(|text| ActionPattern::built_in(text)).collect();
    Arc::new(RoleDefinition {
        id,
        name: name.to_owned(),
        description: description.to_owned(),
        actions: patterns(actions),
        not_actions: patterns(not_actions),
        assignable: vec![Scope::Root],
        custom: false,
    })
}

#[cfg(test)]
mod tests;
