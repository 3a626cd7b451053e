//! Operators' credentials.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{InvalidMember, name};

/// An operator's credential to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewOperatorCredential {
    /// Its name: who uses it, or for what.
    pub name: String,
}

impl NewOperatorCredential {
    /// Its name.
    ///
    /// # Errors
    /// [`InvalidMember`].
    pub fn name(self) -> Result<String, InvalidMember> {
        name("name", self.name)
    }
}

/// What is shown of an operator's credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperatorCredential {
    /// Its id: what it is revoked by, and under which what is done with it is recorded.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: String,
    /// The id of who made it; nothing if it was made at the machine, with `meterbridge init`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// The name of who made it, as far as it is known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by_name: Option<String>,
    /// When it was last used, to the minute; nothing if it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<String>,
}

/// An operator's credential that was made. Its text is shown this once. Not shown in any output.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeOperatorCredential {
    /// Its id: what it is revoked by.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: String,
    /// The credential itself. It cannot be asked for again.
    pub text: String,
}
