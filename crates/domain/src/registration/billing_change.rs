//! Who may end that a stack is paid for by usage.
//!
//! A registration token is unsigned and made on the stack, so its billing model is the word of whoever operates the
//! stack. Of a stack that nobody knows yet it is taken *(ours)*. But once a stack is paid for by usage, what it uses is
//! what somebody sells, and those who pay for it do not decide by themselves that it costs nothing: neither by
//! registering it again, nor by deleting the registration and making another, nor by moving it.

use std::collections::BTreeSet;

use super::{BillingModel, RefusalKind};
use crate::authorization::View;
use crate::ids::{CloudId, SubscriptionId};
use crate::partner::{Subscription, SubscriptionKind};

/// On which side somebody stands when usage is sold to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Sells it: an operator of the platform and, where the subscription is a CSP one, an admin agent of the partner
    /// that sells it or of that partner's provider.
    Seller,
    /// Pays for it, whatever roles at the subscription that is by.
    Payer,
}

impl Side {
    /// The side of whoever has this view.
    #[must_use]
    pub fn of(view: &View, subscription: &Subscription) -> Self {
        let seller = subscription
            .owner
            .filter(|_| subscription.kind == SubscriptionKind::Csp);
        if view.everything || seller.is_some_and(|seller| view.orders_for(seller)) {
            Self::Seller
        } else {
            Self::Payer
        }
    }
}

/// How a stack shall be paid for, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct BillingChange<'a> {
    /// The stack.
    pub stack: CloudId,
    /// The billing models that it ever had, under whatever registration.
    pub had: &'a BTreeSet<BillingModel>,
    /// The one that it shall have.
    pub to: BillingModel,
    /// The subscription that pays for whatever no mapping claims.
    pub payer: &'a Subscription,
    /// Where whoever asks for it stands.
    pub asked_by: Side,
}

impl BillingChange<'_> {
    /// Whether those who ask for it may. Back to PayAsYouUse everybody may, and a stack that was never paid for by usage
    /// may be paid for in whatever way.
    ///
    /// # Errors
    /// [`BillingModelChangeNotApproved`] if not.
    pub fn check(&self) -> Result<(), BillingModelChangeNotApproved> {
        let sold_by_usage = self.had.iter().any(|model| model.charges_usage());
        if self.to == BillingModel::PayAsYouUse || !sold_by_usage || self.asked_by == Side::Seller {
            return Ok(());
        }
        let sold_by_partner = self.payer.kind == SubscriptionKind::Csp;
        Err(BillingModelChangeNotApproved {
            stack: self.stack,
            to: self.to,
            csp: sold_by_partner.then_some(self.payer.id),
        })
    }
}

/// A stack that is paid for by usage shall not be any more, and nobody who sells it said so.
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
    /// The subscription that pays, where a partner sells it.
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
    use BillingModel::{Capacity, Custom, Development, PayAsYouUse, Ruggedized};
    use SubscriptionKind::{Csp, EnterpriseAgreement, PartnerSharedServices};

    fn refused(
        had: &[BillingModel],
        to: BillingModel,
        asked_by: Side,
    ) -> Option<BillingModelChangeNotApproved> {
        let seller = partner(1, PartnerKind::DirectBill);
        let change = BillingChange {
            stack: cloud(5),
            had: &had.iter().copied().collect(),
            to,
            payer: &subscription(1, Csp, Some(&seller)),
            asked_by,
        };
        change.check().err()
    }

    #[test]
    fn usage_that_is_sold_is_not_made_free_by_those_who_pay_for_it() {
        let free: &[BillingModel] = &[];
        for (had, to, allowed) in [
            (free, Development, true),
            (free, Capacity, true),
            (&[PayAsYouUse], PayAsYouUse, true),
            (&[PayAsYouUse], Development, false),
            (&[PayAsYouUse], Capacity, false),
            (&[PayAsYouUse], Custom, false),
            (&[PayAsYouUse], Ruggedized, false),
            (&[Capacity, Development], Custom, true),
            (&[Capacity], Development, true),
            (&[Development], PayAsYouUse, true),
            // What was sold by usage once is not free because it was not at last, or was not at first.
            (&[PayAsYouUse, Development], Capacity, false),
            (&[Capacity, PayAsYouUse], Capacity, false),
            // An arrangement that is rated by usage is no way out.
            (&[Custom], Development, false),
            (&[Ruggedized], Capacity, false),
        ] {
            assert_eq!(
                refused(had, to, Side::Payer).is_none(),
                allowed,
                "{had:?} to {to}"
            );
            assert_eq!(refused(had, to, Side::Seller), None, "{had:?} to {to}");
        }
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
        let agent_of = |partner: &Partner| View {
            agent_of: [partner.id].into(),
            ..View::default()
        };
        let provider_agent = View {
            resellers: [seller.id].into(),
            ..agent_of(&provider)
        };
        let payers_own = View::default();
        let sold = subscription(1, Csp, Some(&seller));
        let own = subscription(2, PartnerSharedServices, Some(&provider));
        let agreement = subscription(3, EnterpriseAgreement, None);
        for (view, side) in [
            (&View::of_operator(), Side::Seller),
            (&agent_of(&seller), Side::Seller),
            (&provider_agent, Side::Seller),
            (&agent_of(&partner(9, PartnerKind::DirectBill)), Side::Payer),
            (&payers_own, Side::Payer),
        ] {
            assert_eq!(Side::of(view, &sold), side, "{view:?}");
        }
        // A partner pays for its own shared services subscription: the platform sells it.
        for subscription in [&own, &agreement] {
            assert_eq!(Side::of(&View::of_operator(), subscription), Side::Seller);
            assert_eq!(Side::of(&provider_agent, subscription), Side::Payer);
        }
    }

    #[test]
    fn the_refusal_says_who_may() {
        let refusal = refused(&[PayAsYouUse], Development, Side::Payer).unwrap();
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
