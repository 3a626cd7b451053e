//! The chain of sale: who sells to whom what a subscription is charged for.
//!
//! The platform sells to partners, a provider to its resellers, and whoever owns a subscription to its customer. Every
//! link of the chain is rated by the same code from the same attributed usage, with its seller's prices.

use std::fmt;

use crate::ids::{PartnerId, SubscriptionId};
use crate::money::Currency;
use crate::partner::{Partner, PartnerKind, Subscription, SubscriptionKind};

/// Who sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Seller {
    /// Whoever operates the platform.
    Platform,
    /// A partner.
    Partner(PartnerId),
}

impl fmt::Display for Seller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("the platform"),
            Self::Partner(partner) => write!(f, "partner {partner}"),
        }
    }
}

/// Who buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Buyer {
    /// A partner, for all subscriptions that it answers for.
    Partner(PartnerId),
    /// Whoever a subscription was sold to, for that subscription alone.
    Subscription(SubscriptionId),
}

impl fmt::Display for Buyer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partner(partner) => write!(f, "partner {partner}"),
            Self::Subscription(subscription) => write!(f, "subscription {subscription}"),
        }
    }
}

/// One sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// Who sells.
    pub seller: Seller,
    /// Who buys.
    pub buyer: Buyer,
}

/// What one invoice is drawn up for: all that a seller sells to a buyer in one currency. Those of one seller are numbered
/// in the order of buyer and currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// Who sells.
    pub seller: Seller,
    /// Who buys.
    pub buyer: Buyer,
    /// The currency of every amount.
    pub currency: Currency,
}

impl Account {
    /// The account of a link in a currency.
    #[must_use]
    pub const fn new(link: Link, currency: Currency) -> Self {
        Self {
            seller: link.seller,
            buyer: link.buyer,
            currency,
        }
    }

    /// The link.
    #[must_use]
    pub const fn link(self) -> Link {
        Link {
            seller: self.seller,
            buyer: self.buyer,
        }
    }
}

/// The sales by which what a subscription is charged for gets to whoever pays in the end, the platform's first.
///
/// `owner` is the partner that the subscription names as its owner. A CSP subscription is sold by its owner, who buys from
/// the platform, or from its provider if it is an indirect reseller. A partner shared services subscription is bought by
/// the partner itself. Subscriptions of all other kinds are bought from the platform.
#[must_use]
pub fn chain_of(subscription: &Subscription, owner: Option<&Partner>) -> Vec<Link> {
    let in_the_end = Buyer::Subscription(subscription.id);
    let link = |seller, buyer| Link { seller, buyer };
    let owner = owner.filter(|_| {
        matches!(
            subscription.kind,
            SubscriptionKind::Csp | SubscriptionKind::PartnerSharedServices
        )
    });
    let Some(owner) = owner else {
        return vec![link(Seller::Platform, in_the_end)];
    };
    let mut chain = match owner.kind {
        PartnerKind::DirectBill | PartnerKind::IndirectProvider => {
            vec![link(Seller::Platform, Buyer::Partner(owner.id))]
        }
        PartnerKind::IndirectReseller { provider } => vec![
            link(Seller::Platform, Buyer::Partner(provider)),
            link(Seller::Partner(provider), Buyer::Partner(owner.id)),
        ],
    };
    if subscription.kind == SubscriptionKind::Csp {
        chain.push(link(Seller::Partner(owner.id), in_the_end));
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TenantId;
    use crate::partner::SubscriptionState;

    #[test]
    fn everybody_on_the_way_to_the_customer_buys_before_selling() {
        let (owner, provider) = (PartnerId::from_bytes([1; 16]), PartnerId::from_bytes([2; 16]));
        let reseller = PartnerKind::IndirectReseller { provider };
        let platform = (Seller::Platform, Buyer::Partner(owner));
        let to_provider = (Seller::Platform, Buyer::Partner(provider));
        let to_reseller = (Seller::Partner(provider), Buyer::Partner(owner));
        let id = SubscriptionId::from_bytes([3; 16]);
        let to_customer = (Seller::Partner(owner), Buyer::Subscription(id));
        let direct = (Seller::Platform, Buyer::Subscription(id));
        for (kind, partner, expected) in [
            (
                SubscriptionKind::Csp,
                Some(PartnerKind::DirectBill),
                vec![platform, to_customer],
            ),
            (
                SubscriptionKind::Csp,
                Some(reseller),
                vec![to_provider, to_reseller, to_customer],
            ),
            (SubscriptionKind::Csp, None, vec![direct]),
            (
                SubscriptionKind::PartnerSharedServices,
                Some(PartnerKind::IndirectProvider),
                vec![platform],
            ),
            (
                SubscriptionKind::PartnerSharedServices,
                Some(reseller),
                vec![to_provider, to_reseller],
            ),
            (SubscriptionKind::EnterpriseAgreement, None, vec![direct]),
            (
                SubscriptionKind::PayAsYouGo,
                Some(PartnerKind::DirectBill),
                vec![direct],
            ),
            (SubscriptionKind::DevTest, None, vec![direct]),
        ] {
            let partner = partner.map(|kind| Partner {
                id: owner,
                name: String::new(),
                kind,
            });
            let subscription = Subscription {
                id,
                name: String::new(),
                kind,
                tenant: TenantId::from_bytes([4; 16]),
                owner: partner.as_ref().map(|it| it.id),
                customer: None,
                state: SubscriptionState::Active,
            };
            let chain = chain_of(&subscription, partner.as_ref());
            let chain: Vec<_> = chain.into_iter().map(|it| (it.seller, it.buyer)).collect();
            assert_eq!(chain, expected, "{kind} of {partner:?}");
        }
    }
}
