//! Which roles may be given and taken away, and which locks set. Whether the caller may is decided before.

use super::super::{Books, DeletionRefused, Entry, Limit, LimitReached, Loss};
use super::RoleEntry;
use crate::authorization::{
    Deed, InvalidRole, Lock, PartnerRole, PrincipalKind, RoleAssignment, RoleDefinition, Scope, ScopeLocked,
};
use crate::identity::DirectoryOwner;
use crate::ids::{ObjectId, RoleAssignmentId, RoleDefinitionId, SubscriptionId};
use crate::registration::RefusalKind;
use crate::resource_id::ResourceName;
use crate::time::Timestamp;

/// The most characters of a lock's notes.
const NOTES_CHARS_MAX: usize = 512;

/// Why a role is not defined, given or taken away, or a lock not set. The text says what would be right; codes are
/// Azure's where it has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleRefused {
    /// The custom role cannot be one.
    #[error(transparent)]
    Invalid(#[from] InvalidRole),
    /// The role is part of the product.
    #[error("role '{0}' is built in and never changes; define a role of your own under another id")]
    BuiltIn(String),
    /// Another role has the name.
    #[error("a role with the name '{0}' exists already; choose another one")]
    NameTaken(String),
    /// The role is not there.
    #[error("the specified role definition with ID '{0}' does not exist")]
    UnknownRole(RoleDefinitionId),
    /// The role is given to somebody.
    #[error("there are existing role assignments referencing role '{0}'; delete these first")]
    RoleInUse(String),
    /// The role is given to somebody where it could not be given any longer.
    #[error("role '{name}' is given at '{scope}', which the assignable scopes would leave out")]
    AssignedOutside {
        /// The role's name.
        name: String,
        /// Where it is given.
        scope: Scope,
    },
    /// The role cannot be given there.
    #[error("role '{name}' cannot be given at '{scope}'; its assignable scopes say where it can")]
    NotAssignable {
        /// The role's name.
        name: String,
        /// Where it should be given.
        scope: Scope,
    },
    /// The same is given already. The text is Azure's.
    #[error("The role assignment already exists.")]
    AlreadyAssigned,
    /// The assignment is another one.
    #[error(
        "role assignment '{0}' exists and differs from what was sent; an assignment never changes: delete it, or choose \
         another id"
    )]
    AssignmentDiffers(RoleAssignmentId),
    /// The principal is known to be of another kind.
    #[error("principal {principal} is of type '{known}', not of type '{sent}'")]
    KindDiffers {
        /// The principal.
        principal: ObjectId,
        /// What it is.
        known: &'static str,
        /// What was sent.
        sent: &'static str,
    },
    /// The principal was deleted.
    #[error("principal {0} was deleted, and nobody gets its id again; name somebody who is there")]
    PrincipalDeleted(ObjectId),
    /// The partner or customer of a partner role is not there.
    #[error("the partner or customer that the role is for does not exist; create it first")]
    UnknownSubject,
    /// The principal's directory is managed by others than the role concerns.
    #[error(
        "principal {0} is in a directory that others manage, who could act by this role. Give it to an account of the \
         platform's directory or, if it is for a partner or its customers, of that partner's"
    )]
    DirectoryNotTrusted(ObjectId),
    /// The partner role was not given.
    #[error("principal {0} does not have this partner role")]
    PartnerRoleNotAssigned(ObjectId),
    /// What a scope names is not there.
    #[error("The resource '{0}' was not found.")]
    UnknownScope(Scope),
    /// Everything was to be locked.
    #[error("the root scope cannot be locked; lock subscriptions, resource groups or resources")]
    RootLocked,
    /// The notes are too long.
    #[error("the notes of a lock have {NOTES_CHARS_MAX} characters at the most")]
    Notes,
    /// There are too many already.
    #[error(transparent)]
    TooMany(#[from] LimitReached),
    /// Nobody could operate the platform.
    #[error(transparent)]
    LastOperator(#[from] DeletionRefused),
    /// Locks stop it.
    #[error(transparent)]
    Locked(#[from] ScopeLocked),
}

impl RoleRefused {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "InvalidRoleDefinition",
            Self::BuiltIn(_) => "BuiltInRoleCannotBeChanged",
            Self::NameTaken(_) => "RoleDefinitionWithSameNameExists",
            Self::UnknownRole(_) => "RoleDefinitionDoesNotExist",
            Self::RoleInUse(_) => "RoleDefinitionHasAssignments",
            Self::AssignedOutside { .. } => "RoleAssignedOutsideAssignableScopes",
            Self::NotAssignable { .. } => "RoleNotAssignableAtScope",
            Self::AlreadyAssigned => "RoleAssignmentExists",
            Self::AssignmentDiffers(_) => "RoleAssignmentUpdateNotPermitted",
            Self::KindDiffers { .. } => "UnmatchedPrincipalType",
            Self::PrincipalDeleted(_) => "PrincipalNotFound",
            Self::UnknownSubject => "PartnerRoleSubjectNotFound",
            Self::DirectoryNotTrusted(_) => "PrincipalDirectoryNotTrusted",
            Self::PartnerRoleNotAssigned(_) => "PartnerRoleNotFound",
            Self::UnknownScope(_) => "ResourceNotFound",
            Self::RootLocked => "InvalidLockScope",
            Self::Notes => "InvalidLockNotes",
            Self::TooMany(LimitReached(limit)) => limit.code(),
            Self::LastOperator(refused) => refused.code(),
            Self::Locked(_) => ScopeLocked::CODE,
        }
    }

    /// What sort of refusal it is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        match self {
            Self::BuiltIn(_)
            | Self::NameTaken(_)
            | Self::RoleInUse(_)
            | Self::AssignedOutside { .. }
            | Self::AlreadyAssigned
            | Self::AssignmentDiffers(_)
            | Self::TooMany(_)
            | Self::LastOperator(_)
            | Self::Locked(_) => RefusalKind::Conflict,
            Self::PartnerRoleNotAssigned(_) | Self::UnknownScope(_) => RefusalKind::NotFound,
            Self::DirectoryNotTrusted(_) => RefusalKind::Forbidden,
            _ => RefusalKind::Invalid,
        }
    }

    /// The member of the request that is at fault.
    #[must_use]
    pub const fn target(&self) -> Option<&'static str> {
        match self {
            Self::Invalid(invalid) => Some(invalid.target()),
            Self::NameTaken(_) => Some("properties.roleName"),
            Self::UnknownRole(_) | Self::NotAssignable { .. } => Some("properties.roleDefinitionId"),
            Self::AssignedOutside { .. } => Some("properties.assignableScopes"),
            Self::KindDiffers { .. } => Some("properties.principalType"),
            Self::UnknownSubject => Some("role"),
            Self::PrincipalDeleted(_) | Self::DirectoryNotTrusted(_) | Self::PartnerRoleNotAssigned(_) => {
                Some("principalId")
            }
            Self::Notes => Some("properties.notes"),
            _ => None,
        }
    }
}

/// A role to be given to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignRole {
    /// The assignment's id.
    pub id: RoleAssignmentId,
    /// Where the role shall hold.
    pub scope: Scope,
    /// The role.
    pub role: RoleDefinitionId,
    /// Who shall have it. May be an object of a directory that is kept elsewhere.
    pub principal: ObjectId,
    /// What kind of object that is, if the caller said so.
    pub principal_kind: Option<PrincipalKind>,
}

impl AssignRole {
    fn is(&self, known: &RoleAssignment) -> bool {
        self.scope == known.scope && self.role == known.role && self.principal == known.principal
    }
}

impl Books {
    /// Whether what a scope names is there. Of resources only registrations and their tenant mappings are; a mapping is
    /// there as long as its registration is.
    #[must_use]
    pub fn has_scope(&self, scope: &Scope) -> bool {
        match scope {
            Scope::Root => true,
            Scope::Subscription(id) => self.subscription(*id).is_some(),
            Scope::ResourceGroup(id, group) => self.resource_group(*id, group).is_some(),
            Scope::Resource(id, group, path) => path
                .registration()
                .is_some_and(|name| self.registration(*id, group, &name).is_some()),
        }
    }

    pub(super) fn check_scope(&self, scope: &Scope) -> Result<(), RoleRefused> {
        if self.has_scope(scope) {
            Ok(())
        } else {
            Err(RoleRefused::UnknownScope(scope.clone()))
        }
    }

    /// Whether locks let a deed at a scope happen.
    ///
    /// # Errors
    /// [`ScopeLocked`] if not.
    pub fn check_locks(&self, deed: Deed, scope: &Scope) -> Result<(), ScopeLocked> {
        ScopeLocked::check(self.roles.locks_in(scope.subscription()), deed, scope)
    }

    fn known_role(&self, id: RoleDefinitionId) -> Result<&RoleDefinition, RoleRefused> {
        let known = self.roles.definition(id);
        known.map(|role| &**role).ok_or(RoleRefused::UnknownRole(id))
    }

    /// Gives a role to somebody. The same request again enters nothing; the same assignment under another id is refused.
    /// At the root scope it opens what is everybody's, so that the platform's own accounts alone are given one there, and
    /// those of directories that are kept elsewhere. Below, it is for those who pay there to say who does something.
    ///
    /// # Errors
    /// [`RoleRefused`].
    pub fn assign_role(&self, request: &AssignRole) -> Result<Option<Entry>, RoleRefused> {
        let role = self.known_role(request.role)?;
        self.check_scope(&request.scope)?;
        if !role.is_assignable_at(&request.scope) {
            return Err(RoleRefused::NotAssignable {
                name: role.name.clone(),
                scope: request.scope.clone(),
            });
        }
        let principal_kind = self.kind_of(request.principal, request.principal_kind)?;
        if let Some(known) = self.roles.assignment(request.id) {
            return if request.is(known) {
                Ok(None)
            } else {
                Err(RoleRefused::AssignmentDiffers(known.id))
            };
        }
        if self
            .roles
            .assignments_of(request.principal)
            .any(|known| request.is(known))
        {
            return Err(RoleRefused::AlreadyAssigned);
        }
        if request.scope == Scope::Root && !self.is_trusted(request.principal, DirectoryOwner::Platform) {
            return Err(RoleRefused::DirectoryNotTrusted(request.principal));
        }
        self.check_locks(Deed::Write, &request.scope)?;
        self.check_assignments(request.scope.subscription())?;
        let AssignRole {
            id,
            scope,
            role,
            principal,
            ..
        } = request.clone();
        Ok(Some(
            RoleEntry::RoleAssigned {
                id,
                scope,
                role,
                principal,
                principal_kind,
            }
            .into(),
        ))
    }

    fn check_assignments(&self, subscription: Option<SubscriptionId>) -> Result<(), LimitReached> {
        let limit = match subscription {
            Some(_) => Limit::RoleAssignmentsOfSubscription,
            None => Limit::RoleAssignmentsAtRoot,
        };
        limit.admits_one_more(self.roles.assignments_in(subscription).count())
    }

    /// What kind of object somebody is: as known, else as sent. Who is unknown and not said to be anything else is a
    /// person, as for Azure. Who was deleted is nobody: not somebody of a directory that is kept elsewhere.
    fn kind_of(
        &self,
        principal: ObjectId,
        sent: Option<PrincipalKind>,
    ) -> Result<PrincipalKind, RoleRefused> {
        if self.directories.former_object(principal).is_some() {
            return Err(RoleRefused::PrincipalDeleted(principal));
        }
        let known = self.directories.object(principal).map(|object| object.kind());
        match (known, sent) {
            (Some(known), Some(sent)) if known != sent => Err(RoleRefused::KindDiffers {
                principal,
                known: known.as_str(),
                sent: sent.as_str(),
            }),
            (known, sent) => Ok(known.or(sent).unwrap_or(PrincipalKind::User)),
        }
    }

    /// Takes a role away.
    ///
    /// # Errors
    /// [`RoleRefused::Locked`].
    pub fn unassign_role(&self, assignment: &RoleAssignment) -> Result<Entry, RoleRefused> {
        // It hangs at its scope, so that what is locked below it is not touched.
        let above = self
            .roles
            .locks_in(assignment.scope.subscription())
            .filter(|lock| lock.scope.contains(&assignment.scope));
        ScopeLocked::check(above, Deed::Delete, &assignment.scope)?;
        Ok(RoleEntry::RoleUnassigned {
            assignment: assignment.id,
        }
        .into())
    }

    /// Gives a partner role to somebody. Giving it again enters nothing.
    ///
    /// # Errors
    /// [`RoleRefused`] if its partner or customer is not there, the principal was deleted, or its directory is managed by
    /// others.
    pub fn assign_partner_role(
        &self,
        role: PartnerRole,
        principal: ObjectId,
        sent: Option<PrincipalKind>,
    ) -> Result<Option<Entry>, RoleRefused> {
        let subject = self.subject_of(role).ok_or(RoleRefused::UnknownSubject)?;
        if !self.is_trusted(principal, subject) {
            return Err(RoleRefused::DirectoryNotTrusted(principal));
        }
        let principal_kind = self.kind_of(principal, sent)?;
        if self
            .roles
            .partner_roles_of(principal)
            .any(|known| known.role == role)
        {
            return Ok(None);
        }
        Limit::HoldersOfPartnerRole.admits_one_more(self.roles.holders(role).count())?;
        Ok(Some(
            RoleEntry::PartnerRoleAssigned {
                role,
                principal,
                principal_kind,
            }
            .into(),
        ))
    }

    /// Whom a partner role concerns, where it is there.
    fn subject_of(&self, role: PartnerRole) -> Option<DirectoryOwner> {
        match role {
            PartnerRole::PlatformOperator => Some(DirectoryOwner::Platform),
            PartnerRole::AdminAgent(id) => self.partner(id).map(|it| DirectoryOwner::Partner(it.id)),
            PartnerRole::CustomerUser(id) => self.customer(id).map(|it| DirectoryOwner::Customer(it.id)),
        }
    }

    /// Whether everybody who manages the principal's directory, and so could act as the principal, manages the role's
    /// subject anyway. Who manages a directory that is kept elsewhere is the business of who trusts its issuer.
    fn is_trusted(&self, principal: ObjectId, subject: DirectoryOwner) -> bool {
        let object = self.directories.object(principal);
        let Some(directory) = object.and_then(|object| self.directories.directory(object.directory())) else {
            return true;
        };
        let Some(manager) = self.partner_of(directory.owner) else {
            return directory.owner == DirectoryOwner::Platform;
        };
        self.partner_of(subject) == Some(manager)
    }

    /// Takes a partner role away.
    ///
    /// # Errors
    /// [`RoleRefused::PartnerRoleNotAssigned`], or [`RoleRefused::LastOperator`].
    pub fn unassign_partner_role(
        &self,
        role: PartnerRole,
        principal: ObjectId,
        now: Timestamp,
    ) -> Result<Entry, RoleRefused> {
        if self
            .roles
            .partner_roles_of(principal)
            .all(|known| known.role != role)
        {
            return Err(RoleRefused::PartnerRoleNotAssigned(principal));
        }
        if role == PartnerRole::PlatformOperator {
            self.check_operated_without(Loss::OperatorRole(principal), now)?;
        }
        Ok(RoleEntry::PartnerRoleUnassigned { role, principal }.into())
    }

    /// Sets a lock, or changes one. Setting the same one again enters nothing.
    ///
    /// # Errors
    /// [`RoleRefused`] if what it shall lock is not there, or everything, or has too many locks.
    pub fn put_lock(&self, lock: Lock) -> Result<Option<Entry>, RoleRefused> {
        if lock.scope == Scope::Root {
            return Err(RoleRefused::RootLocked);
        }
        self.check_scope(&lock.scope)?;
        if lock
            .notes
            .as_ref()
            .is_some_and(|notes| notes.chars().count() > NOTES_CHARS_MAX)
        {
            return Err(RoleRefused::Notes);
        }
        match self.roles.lock(&lock.scope, &lock.name) {
            Some(known) if *known == lock => return Ok(None),
            Some(_) => {}
            None => {
                let locks = || self.roles.locks_in(lock.scope.subscription());
                let here = locks().filter(|other| other.scope == lock.scope);
                Limit::LocksOfScope.admits_one_more(here.count())?;
                Limit::LocksOfSubscription.admits_one_more(locks().count())?;
            }
        }
        Ok(Some(RoleEntry::Locked(lock).into()))
    }

    /// Removes a lock. Removing what is not there enters nothing.
    #[must_use]
    pub fn remove_lock(&self, scope: &Scope, name: &ResourceName) -> Option<Entry> {
        let known = self.roles.lock(scope, name)?;
        let (scope, name) = (known.scope.clone(), known.name.clone());
        Some(RoleEntry::Unlocked { scope, name }.into())
    }
}
