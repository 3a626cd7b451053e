//! Partner roles: who acts for a partner, who belongs to a customer.
//!
//! They are given by those who act for whom the role concerns: a partner's agents give the roles of their partner and of
//! its customers, the platform's operators all of them. A provider does not say who acts for its resellers: it could
//! name itself, and be the reseller.

use domain::authorization::{PartnerRole, PartnerRoleAssignment, PrincipalKind};
use domain::books::{Books, RoleRefused};

use super::{App, Caller, Created, Error, ObjectId, View, view_of};
use crate::access::{agents_only, operators_only};

/// Whether somebody sees and gives a role.
fn manages(books: &Books, view: &View, role: PartnerRole) -> bool {
    view.everything
        || match role {
            PartnerRole::PlatformOperator => false,
            PartnerRole::AdminAgent(partner) => view.acts_for(partner),
            PartnerRole::CustomerUser(customer) => books
                .customer(customer)
                .is_some_and(|it| view.acts_for(it.partner)),
        }
}

/// Whether whom a role concerns exists for somebody.
fn sees(books: &Books, view: &View, role: PartnerRole) -> bool {
    match role {
        PartnerRole::PlatformOperator => false,
        PartnerRole::AdminAgent(partner) => view.sees_partner(partner),
        PartnerRole::CustomerUser(customer) => {
            books.customer(customer).is_some_and(|it| view.sees_customer(it))
        }
    }
}

/// Whether the caller may give and take a role. For somebody else, its partner or customer does not exist.
fn demand(books: &Books, caller: &Caller, role: PartnerRole) -> Result<(), Error> {
    let view = view_of(books, caller);
    if manages(books, &view, role) {
        return Ok(());
    }
    match (caller, role) {
        (Caller::Principal(principal), PartnerRole::PlatformOperator) => Err(operators_only(principal)),
        (Caller::Principal(principal), _) if sees(books, &view, role) => Err(agents_only(principal)),
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
    ) -> Result<(PartnerRoleAssignment, Created), Error> {
        let created = self
            .change(caller, |books| {
                demand(books, caller, role)?;
                let entry = books.assign_partner_role(role, principal, kind)?;
                let created = entry.is_some().into();
                Ok((entry.into_iter().collect(), created))
            })
            .await?;
        let given = self.read(|books| {
            let mut given = books.roles().partner_roles_of(principal);
            given.find(|it| it.role == role).cloned()
        });
        // Somebody may have taken it away already.
        let given = given.ok_or(RoleRefused::PartnerRoleNotAssigned(principal))?;
        Ok((given, created))
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
        let now = self.clock.now();
        self.change(caller, |books| {
            demand(books, caller, role)?;
            Ok((vec![books.unassign_partner_role(role, principal, now)?], ()))
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
