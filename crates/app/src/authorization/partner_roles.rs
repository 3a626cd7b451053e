//! Partner roles: who acts for a partner, who belongs to a customer.
//!
//! They are given by those who manage whom the role concerns: a partner's agents give the roles of their partner, of
//! its resellers and of their customers, the platform's operators all of them.

use domain::authorization::{PartnerRole, PartnerRoleAssignment, PrincipalKind};
use domain::books::{Books, RoleRefused};

use super::{App, Caller, Created, Error, ObjectId, View, view_of};
use crate::access::{agents_only, operators_only};

/// Whether somebody sees and gives a role.
fn manages(books: &Books, view: &View, role: PartnerRole) -> bool {
    view.everything
        || match role {
            PartnerRole::PlatformOperator => false,
            PartnerRole::AdminAgent(partner) => view.manages_partner(partner),
            PartnerRole::CustomerUser(customer) => books
                .customer(customer)
                .is_some_and(|it| view.manages_partner(it.partner)),
        }
}

/// Whether the caller may give and take a role. For somebody else, its partner or customer does not exist.
fn demand(books: &Books, caller: &Caller, role: PartnerRole) -> Result<(), Error> {
    if manages(books, &view_of(books, caller), role) {
        return Ok(());
    }
    match (caller, role) {
        (Caller::Principal(principal), PartnerRole::PlatformOperator) => Err(operators_only(principal)),
        (Caller::Principal(principal), PartnerRole::CustomerUser(customer))
            if books
                .customer(customer)
                .is_some_and(|it| view_of(books, caller).sees_customer(it)) =>
        {
            Err(agents_only(principal))
        }
        _ => Err(RoleRefused::UnknownSubject.into()),
    }
}

impl App {
    /// Gives a partner role to somebody.
    ///
    /// # Errors
    /// `AuthorizationFailed`, [`RoleRefused`], or as the store.
    pub async fn assign_partner_role(
        &self,
        caller: &Caller,
        role: PartnerRole,
        principal: ObjectId,
        kind: Option<PrincipalKind>,
    ) -> Result<Created, Error> {
        self.change(caller, |books| {
            demand(books, caller, role)?;
            let entry = books.assign_partner_role(role, principal, kind)?;
            let created = entry.is_some().into();
            Ok((entry.into_iter().collect(), created))
        })
        .await
    }

    /// Takes a partner role away.
    ///
    /// # Errors
    /// `AuthorizationFailed`, [`RoleRefused`], or as the store.
    pub async fn unassign_partner_role(
        &self,
        caller: &Caller,
        role: PartnerRole,
        principal: ObjectId,
    ) -> Result<(), Error> {
        self.change(caller, |books| {
            demand(books, caller, role)?;
            Ok((vec![books.unassign_partner_role(role, principal)?], ()))
        })
        .await
    }

    /// The partner roles that the caller sees, by principal and role: those after `after`, `limit` at the most. These
    /// are the ones that it manages, and its own.
    #[must_use]
    pub fn partner_roles(
        &self,
        caller: &Caller,
        after: Option<(ObjectId, PartnerRole)>,
        limit: usize,
    ) -> Vec<PartnerRoleAssignment> {
        self.read(|books| {
            let view = view_of(books, caller);
            let all = books.roles().partner_roles();
            let rest = all.filter(|it| after.is_none_or(|after| (it.principal, it.role) > after));
            let seen = rest.filter(|it| it.principal == caller.id() || manages(books, &view, it.role));
            seen.take(limit).cloned().collect()
        })
    }
}
