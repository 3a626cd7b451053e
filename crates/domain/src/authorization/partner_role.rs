//! Partner roles *(ours)*: how a partner's and a customer's people reach what is theirs.

use super::PrincipalKind;
use crate::ids::{CustomerId, ObjectId, PartnerId};
use crate::timeline::Recorded;

/// A role that is not given at a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartnerRole {
    /// Runs the platform: everything but delivering usage.
    PlatformOperator,
    /// Acts for a partner: owner of each subscription that belongs to it; sees and changes its customers, its and their
    /// directories, and its price lists. Of the resellers of a provider it sees accounts and usage, and places their
    /// orders; their people and what they charge are their own business.
    AdminAgent(PartnerId),
    /// Belongs to a customer: reader of each of its subscriptions, with their usage and their statements.
    CustomerUser(CustomerId),
}

/// A partner role given to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerRoleAssignment {
    /// The role.
    pub role: PartnerRole,
    /// Who has it.
    pub principal: ObjectId,
    /// What kind of object that is.
    pub principal_kind: PrincipalKind,
    /// When and by whom it was given.
    pub assigned: Recorded,
}
