//! Partner roles, and who one is.

use reqwest::Method;
use wire::api::{AssignPartnerRole, Me, PartnerRoleAssignment, PrincipalKind};

use crate::call::{Answered, Call};
use crate::{Client, ClientError};

/// A partner role, and the id of whom it concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleOf<'a> {
    /// Runs the platform.
    PlatformOperator,
    /// Acts for this partner.
    AdminAgent(&'a str),
    /// Belongs to this customer.
    CustomerUser(&'a str),
}

impl RoleOf<'_> {
    /// Somebody with this role.
    fn call(self, method: Method, principal: &str) -> Call {
        match self {
            Self::PlatformOperator => Call::new(method, ["api", "v1", "platform-operators", principal]),
            Self::AdminAgent(partner) => Call::new(
                method,
                ["api", "v1", "partners", partner, "admin-agents", principal],
            ),
            Self::CustomerUser(customer) => {
                Call::new(method, ["api", "v1", "customers", customer, "users", principal])
            }
        }
    }
}

impl Client {
    /// Who the caller is, and what it was given.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn me(&self) -> Result<Me, ClientError> {
        self.ask(Call::new(Method::GET, ["api", "v1", "me"])).await
    }

    /// Every partner role that the caller gives and takes, and its own.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn partner_roles(&self) -> Result<Vec<PartnerRoleAssignment>, ClientError> {
        self.list(&["api", "v1", "partner-roles"], &[]).await
    }

    /// Gives a partner role to somebody. What kind of object that is has to be said for a program or a group of a directory
    /// that is kept elsewhere.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn assign_partner_role(
        &self,
        role: &RoleOf<'_>,
        principal: &str,
        kind: Option<PrincipalKind>,
    ) -> Result<Answered<PartnerRoleAssignment>, ClientError> {
        let asked = AssignPartnerRole { principal_kind: kind };
        self.ask_with_warnings(role.call(Method::PUT, principal).json(&asked)?)
            .await
    }

    /// Takes a partner role from somebody.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn unassign_partner_role(&self, role: &RoleOf<'_>, principal: &str) -> Result<(), ClientError> {
        self.tell(role.call(Method::DELETE, principal)).await
    }
}
