//! Who may end that a stack is paid for by usage.
//!
//! A registration token is unsigned and made on the stack, so its billing model is the word of whoever operates the
//! stack. Of a stack that nobody knows yet it is taken, with a warning *(ours)*. But once a stack is paid for by usage,
//! what it uses is what somebody sells, and those who pay for it do not decide by themselves that it costs nothing:
//! neither by registering it again, nor by deleting the registration and making another, nor by moving it to where
//! they sell it themselves. Everybody who ever sold it by usage has to be on the side of whoever asks. What it uses
//! while no registration is there is a question of its own: see [`super::between`].

use super::{BillingModel, RefusalKind};
use crate::authorization::View;
use crate::ids::{CloudId, PartnerId, SubscriptionId};
use crate::partner::{Subscription, SubscriptionKind};

/// The partner that sells what is charged to a subscription. Where there is none, the platform does: a partner pays for
/// its own shared services subscription.
fn seller(subscription: &Subscription) -> Option<PartnerId> {
    let sold_by_partner = subscription.kind == SubscriptionKind::Csp;
    subscription.owner.filter(|_| sold_by_partner)
}

/// Whether whoever has this view sells what is charged to a subscription: an operator of the platform and, where the
/// subscription is a CSP one, an admin agent of the partner that sells it or of that partner's provider.
#[must_use]
pub fn sells_to(view: &View, subscription: &Subscription) -> bool {
    view.everything || seller(subscription).is_some_and(|seller| view.orders_for(seller))
}

/// How a stack shall be paid for, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct BillingChange<'a> {
    /// The stack.
    pub stack: CloudId,
    /// The subscriptions that it was ever registered with to be paid for by usage, be it for a moment.
    pub sold_to: &'a [&'a Subscription],
    /// The billing model that it shall have.
    pub to: BillingModel,
    /// The subscription that pays for whatever no mapping claims.
    pub payer: &'a Subscription,
    /// What whoever asks for it may do.
    pub asked_by: &'a View,
}

impl BillingChange<'_> {
    /// Whether those who ask for it may. Back to PayAsYouUse everybody may, and a stack that was never paid for by usage
    /// may be paid for in whatever way.
    ///
    /// # Errors
    /// [`BillingModelChangeNotApproved`] if not.
    pub fn check(&self) -> Result<(), BillingModelChangeNotApproved> {
        let free_to_choose = self.to == BillingModel::PayAsYouUse || self.sold_to.is_empty();
        let sold = || self.sold_to.iter().copied().chain([self.payer]);
        if free_to_choose || sold().all(|subscription| sells_to(self.asked_by, subscription)) {
            return Ok(());
        }
        let partner = seller(self.payer);
        let one_partner = partner.is_some() && sold().all(|subscription| seller(subscription) == partner);
        Err(BillingModelChangeNotApproved {
            stack: self.stack,
            to: self.to,
            csp: one_partner.then_some(self.payer.id),
        })
    }
}

/// A stack that is paid for by usage shall not be any more, and not everybody who sold it said so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Stack {stack} is, or was, paid for by usage, and those who pay for it do not change that to {to} by themselves. {} \
     Have one of them send the same request.",
    who_may(*.csp)
)]
pub struct BillingModelChangeNotApproved {
    /// The stack.
    pub stack: CloudId,
    /// How it should be paid for.
    pub to: BillingModel,
    /// The subscription that pays, where nobody but the partner that sells it ever sold what the stack uses.
    pub csp: Option<SubscriptionId>,
}

fn who_may(csp: Option<SubscriptionId>) -> String {
    match csp {
        Some(subscription) => format!(
            "The operators of this platform may, and the admin agents of the partner that sells subscription \
             {subscription} and of that partner's provider."
        ),
        None => "The operators of this platform may.".to_owned(),
    }
}

impl BillingModelChangeNotApproved {
    /// The stable code of this refusal.
    pub const CODE: &'static str = "BillingModelChangeNotApproved";

    /// What sort of refusal it is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        RefusalKind::Forbidden
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{cloud, partner, subscription};
    use super::*;
    use crate::partner::{Partner, PartnerKind};
    use BillingModel::{Development, PayAsYouUse};
    use SubscriptionKind::{Csp, EnterpriseAgreement, PartnerSharedServices};

    fn refused(
        sold_to: &[&Subscription],
        to: BillingModel,
        payer: &Subscription,
        asked_by: &View,
    ) -> Option<BillingModelChangeNotApproved> {
        let change = BillingChange {
            stack: cloud(5),
            sold_to,
            to,
            payer,
            asked_by,
        };
        change.check().err()
    }

    fn agent_of(partner: &Partner) -> View {
        View {
            agent_of: [partner.id].into(),
            ..View::default()
        }
    }

    #[test]
    fn usage_that_is_sold_is_not_made_free_by_those_who_pay_for_it() {
        let seller = partner(1, PartnerKind::DirectBill);
        let payer = subscription(1, Csp, Some(&seller));
        for to in BillingModel::ALL {
            for sold_to in [&[][..], &[&payer][..]] {
                let expected = !sold_to.is_empty() && to != PayAsYouUse;
                let by_payer = refused(sold_to, to, &payer, &View::default());
                assert_eq!(by_payer.is_some(), expected, "{to}");
                for view in [View::of_operator(), agent_of(&seller)] {
                    assert_eq!(refused(sold_to, to, &payer, &view), None, "{to}");
                }
            }
        }
    }

    #[test]
    fn what_the_platform_sold_is_not_given_away_by_a_partner_after_a_move_to_what_it_sells_itself() {
        let (owner, other) = (
            partner(1, PartnerKind::DirectBill),
            partner(2, PartnerKind::DirectBill),
        );
        let own = subscription(1, PartnerSharedServices, Some(&owner));
        let sold = subscription(2, Csp, Some(&owner));
        let of_other = subscription(3, Csp, Some(&other));
        let agent = agent_of(&owner);
        // Whom it was sold to, whom it is now -> who may, if not the agent of the present seller.
        for (sold_to, may) in [
            (&[&sold][..], None),
            (&[&own][..], Some(None)),
            (&[&own, &sold][..], Some(None)),
            (&[&of_other, &sold][..], Some(None)),
        ] {
            let refusal = refused(sold_to, Development, &sold, &agent);
            assert_eq!(refusal.map(|refusal| refusal.csp), may, "{sold_to:?}");
            assert_eq!(refused(sold_to, Development, &sold, &View::of_operator()), None);
        }
        let payers = refused(&[&sold], Development, &sold, &View::default());
        assert_eq!(payers.map(|refusal| refusal.csp), Some(Some(sold.id)));
    }

    #[test]
    fn only_those_who_sell_to_a_subscription_stand_on_the_sellers_side() {
        let (seller, provider) = (
            partner(
                1,
                PartnerKind::IndirectReseller {
                    provider: partner(2, PartnerKind::IndirectProvider).id,
                },
            ),
            partner(2, PartnerKind::IndirectProvider),
        );
        let provider_agent = View {
            resellers: [seller.id].into(),
            ..agent_of(&provider)
        };
        let payers_own = View::default();
        let sold = subscription(1, Csp, Some(&seller));
        let own = subscription(2, PartnerSharedServices, Some(&provider));
        let agreement = subscription(3, EnterpriseAgreement, None);
        for (view, sells) in [
            (&View::of_operator(), true),
            (&agent_of(&seller), true),
            (&provider_agent, true),
            (&agent_of(&partner(9, PartnerKind::DirectBill)), false),
            (&payers_own, false),
        ] {
            assert_eq!(sells_to(view, &sold), sells, "{view:?}");
        }
        // A partner pays for its own shared services subscription: the platform sells it.
        for subscription in [&own, &agreement] {
            assert!(sells_to(&View::of_operator(), subscription));
            assert!(!sells_to(&provider_agent, subscription));
        }
    }

    #[test]
    fn the_refusal_says_who_may() {
        let sold = subscription(1, Csp, Some(&partner(1, PartnerKind::DirectBill)));
        let refusal = refused(&[&sold], Development, &sold, &View::default()).unwrap();
        assert_eq!(refusal.kind(), RefusalKind::Forbidden);
        let text = refusal.to_string();
        for said in [
            "05050505-",
            "Development",
            "operators",
            "admin agents",
            "01010101-",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        let shared = BillingModelChangeNotApproved { csp: None, ..refusal };
        let text = shared.to_string();
        assert!(text.contains("operators") && !text.contains("agents"), "{text}");
    }
}
