//! Whether a registration may be moved into another resource group.
//!
//! Source: Azure's rules for moving resources, as far as they concern registrations: the name has to be free there, and
//! between subscriptions a registration moves only within one partner. With the subscription the default payer changes
//! *(ours: from the hour of the move on)*; the tenant mappings stay.

use super::advice::{self, UnfitSubscription};
use super::billing_change::{BillingChange, BillingModelChangeNotApproved};
use super::{RefusalKind, RegistrationPath};
use crate::ids::SubscriptionId;
use crate::partner::{Subscription, SubscriptionKind, SubscriptionState};

/// A registration that shall be moved, and where to.
#[derive(Debug, Clone)]
pub struct Move<'a> {
    /// Where it is.
    pub registration: RegistrationPath,
    /// Its subscription.
    pub from: &'a Subscription,
    /// The subscription it shall be in.
    pub to: &'a Subscription,
    /// Whether both roll up to the same partner.
    pub within_one_partner: bool,
    /// Whether another registration of this name is in the target group.
    pub name_taken: bool,
    /// Whether tenants other than its own use the stack: it is approved for multi-tenancy or has mappings.
    pub serves_several_tenants: bool,
    /// How the stack is paid for, by the subscription it shall be in.
    pub billing: BillingChange<'a>,
}

/// Why a registration is not moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoveRefusal {
    /// The name is taken.
    #[error(
        "The target resource group has a registration of the same name as '{0}' already. Rename or delete one of them."
    )]
    NameTaken(RegistrationPath),
    /// The target belongs to others.
    #[error(
        "Registration '{registration}' cannot be moved from subscription {from} to {to}: they do not belong to the same \
         partner. Delete the registration and register the stack with the other subscription."
    )]
    OtherPartner {
        /// The registration.
        registration: RegistrationPath,
        /// Its subscription.
        from: SubscriptionId,
        /// The other one.
        to: SubscriptionId,
    },
    /// The target takes in nothing new.
    #[error("Subscription {0} is suspended, and nothing new is registered with it. Make it active first.")]
    Suspended(SubscriptionId),
    /// The target is for one tenant only.
    #[error(
        "Registration '{registration}' serves several tenants, which a {kind} subscription cannot. Move it to a CSP or \
         partner shared services subscription, or remove its tenants first."
    )]
    SingleTenant {
        /// The registration.
        registration: RegistrationPath,
        /// The kind of the target.
        kind: SubscriptionKind,
    },
    /// Stacks cannot be registered with such a subscription.
    #[error(transparent)]
    Unfit(#[from] UnfitSubscription),
    /// Who sells to the target has not agreed to what the stack costs it.
    #[error(transparent)]
    NotApproved(#[from] BillingModelChangeNotApproved),
}

impl MoveRefusal {
    /// The stable code of this refusal.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NameTaken(_) => "ResourceAlreadyExists",
            Self::OtherPartner { .. } => "ResourceMoveToOtherPartner",
            Self::Suspended(_) => "SubscriptionSuspended",
            Self::SingleTenant { .. } => "SingleTenantSubscription",
            Self::Unfit(unfit) => unfit.code(),
            Self::NotApproved(_) => BillingModelChangeNotApproved::CODE,
        }
    }

    /// What sort of refusal it is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        match self {
            Self::Unfit(unfit) => unfit.kind(),
            Self::NotApproved(refusal) => refusal.kind(),
            _ => RefusalKind::Conflict,
        }
    }
}

/// Whether a registration may be moved.
///
/// # Errors
/// [`MoveRefusal`], for the first of these that is the case: the name is taken, another partner, a suspended
/// subscription, an unfit one, several tenants in one for a single tenant, a billing model that nobody approved who sells
/// to the target.
pub fn decide(request: &Move<'_>) -> Result<(), MoveRefusal> {
    let Move { from, to, .. } = *request;
    let registration = || request.registration.clone();
    if request.name_taken {
        return Err(MoveRefusal::NameTaken(registration()));
    }
    if from.id == to.id {
        return Ok(());
    }
    if !request.within_one_partner {
        return Err(MoveRefusal::OtherPartner {
            registration: registration(),
            from: from.id,
            to: to.id,
        });
    }
    if to.state == SubscriptionState::Suspended {
        return Err(MoveRefusal::Suspended(to.id));
    }
    advice::assess(to, None, &[])?;
    if request.serves_several_tenants && !advice::serves_several_tenants(to.kind) {
        let (registration, kind) = (registration(), to.kind);
        return Err(MoveRefusal::SingleTenant { registration, kind });
    }
    Ok(request.billing.check()?)
}

#[cfg(test)]
mod tests {
    use super::super::BillingModel::{self, Development, PayAsYouUse};
    use super::super::fixture::{cloud, partner, subscription};
    use super::*;
    use crate::authorization::View;
    use crate::partner::PartnerKind;

    fn path(subscription: &Subscription) -> RegistrationPath {
        RegistrationPath {
            subscription: subscription.id.to_string(),
            resource_group: "g".into(),
            name: "n".into(),
        }
    }

    fn billing<'a>(payer: &'a Subscription, to: BillingModel, asked_by: &'a View) -> BillingChange<'a> {
        BillingChange {
            stack: cloud(5),
            sold_to: &[],
            to,
            payer,
            asked_by,
        }
    }

    #[test]
    fn a_registration_moves_within_one_partner_and_nowhere_else() {
        use SubscriptionKind::{Csp, DevTest, EnterpriseAgreement, PartnerSharedServices};
        let owner = partner(1, PartnerKind::DirectBill);
        let from = subscription(1, PartnerSharedServices, Some(&owner));
        let to = |kind| subscription(2, kind, Some(&owner));
        let nobody = View::default();
        let suspended = Subscription {
            state: SubscriptionState::Suspended,
            ..to(Csp)
        };
        for (to, within_one_partner, name_taken, several, refused) in [
            (from.clone(), false, false, true, None),
            (from.clone(), true, true, false, Some("ResourceAlreadyExists")),
            (to(Csp), true, false, true, None),
            (to(Csp), false, false, false, Some("ResourceMoveToOtherPartner")),
            (suspended, true, false, false, Some("SubscriptionSuspended")),
            (
                to(DevTest),
                true,
                false,
                false,
                Some("SubscriptionKindNotAllowed"),
            ),
            (
                to(EnterpriseAgreement),
                true,
                false,
                true,
                Some("SingleTenantSubscription"),
            ),
            (to(EnterpriseAgreement), true, false, false, None),
        ] {
            let request = Move {
                registration: path(&from),
                from: &from,
                to: &to,
                within_one_partner,
                name_taken,
                serves_several_tenants: several,
                billing: billing(&to, PayAsYouUse, &nobody),
            };
            let refusal = decide(&request).err();
            assert_eq!(refusal.map(|refusal| refusal.code()), refused, "{request:?}");
        }
    }

    #[test]
    fn what_one_seller_let_go_for_nothing_is_not_taken_from_another_one() {
        let owner = partner(1, PartnerKind::DirectBill);
        let from = subscription(1, SubscriptionKind::Csp, Some(&owner));
        let to = subscription(2, SubscriptionKind::PartnerSharedServices, Some(&owner));
        let agent = View {
            agent_of: [owner.id].into(),
            ..View::default()
        };
        let decided = |to: &Subscription, model, asked_by: &View| {
            decide(&Move {
                registration: path(&from),
                from: &from,
                to,
                within_one_partner: true,
                name_taken: false,
                serves_several_tenants: false,
                billing: BillingChange {
                    sold_to: &[&from],
                    ..billing(to, model, asked_by)
                },
            })
        };
        let refusal = decided(&to, Development, &agent).unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.kind()),
            ("BillingModelChangeNotApproved", RefusalKind::Forbidden)
        );
        assert_eq!(decided(&to, Development, &View::of_operator()), Ok(()));
        assert_eq!(decided(&to, PayAsYouUse, &agent), Ok(()));
        assert_eq!(
            decided(&from, Development, &View::default()),
            Ok(()),
            "in its own subscription"
        );
    }
}
