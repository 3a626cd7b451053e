//! Which kind of subscription a stack is registered with, and why.

use std::fmt;

use super::{DirectoryUse, RefusalKind, Warning};
use crate::ids::SubscriptionId;
use crate::partner::{Subscription, SubscriptionKind};

/// Who operates a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StackOperator {
    /// A Cloud Solution Provider that is billed by the platform itself.
    DirectPartner,
    /// A distributor: an indirect provider, that sells through resellers.
    Distributor,
    /// An indirect reseller, that buys from a distributor.
    Reseller,
    /// The organisation that uses the stack.
    EndUser,
}

impl StackOperator {
    /// Every answer to "who operates the stack?".
    pub const ALL: [Self; 4] = [
        Self::DirectPartner,
        Self::Distributor,
        Self::Reseller,
        Self::EndUser,
    ];

    /// The answer as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DirectPartner => "directPartner",
            Self::Distributor => "distributor",
            Self::Reseller => "reseller",
            Self::EndUser => "endUser",
        }
    }

    /// The answer written so, in any case.
    #[must_use]
    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operator| operator.as_str().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for StackOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The kind of subscription a stack is best registered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// The kind.
    pub kind: SubscriptionKind,
    /// Why: one clause, for people.
    pub reason: &'static str,
}

/// Answers "CSP or partner shared services?".
///
/// Source: *Manage usage and billing for Azure Stack Hub as a Cloud Solution Provider*: shared services are preferred
/// when a direct CSP or a CSP distributor operates the stack, CSP when a reseller or an end customer does.
#[must_use]
pub const fn advise(operated_by: StackOperator) -> Advice {
    let (kind, reason) = match operated_by {
        StackOperator::DirectPartner => (
            SubscriptionKind::PartnerSharedServices,
            "a direct CSP partner operates the stack and owes what no tenant mapping claims, which belongs on a \
             subscription of its own, apart from those it sells",
        ),
        StackOperator::Distributor => (
            SubscriptionKind::PartnerSharedServices,
            "a distributor operates the stack and owes what no tenant mapping claims, which belongs on a \
             subscription of its own, apart from those its resellers sell",
        ),
        StackOperator::Reseller => (
            SubscriptionKind::Csp,
            "an indirect reseller operates the stack and has its agreement with its provider, not with the \
             platform, so it uses a CSP subscription bought from that provider",
        ),
        StackOperator::EndUser => (
            SubscriptionKind::Csp,
            "the end user operates the stack and is a customer of a partner, so it uses the CSP subscription \
             bought from that partner",
        ),
    };
    Advice { kind, reason }
}

/// Why a stack cannot be registered with a subscription at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitSubscription {
    /// Neither of the kinds with which stacks are registered.
    #[error(
        "Subscription {subscription} is a {kind} subscription, and stacks are charged to CSP, partner shared \
         services or Enterprise Agreement subscriptions only. Register with one of these."
    )]
    KindNotAllowed {
        /// The subscription.
        subscription: SubscriptionId,
        /// Its kind.
        kind: SubscriptionKind,
    },
    /// Of a kind that belongs to a partner, without one.
    #[error(
        "Subscription {subscription} is a {kind} subscription and belongs to no partner, so nobody could be billed \
         for it. Name its partner first."
    )]
    WithoutPartner {
        /// The subscription.
        subscription: SubscriptionId,
        /// Its kind.
        kind: SubscriptionKind,
    },
}

impl UnfitSubscription {
    /// The stable code of this refusal.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::KindNotAllowed { .. } => "SubscriptionKindNotAllowed",
            Self::WithoutPartner { .. } => "SubscriptionWithoutPartner",
        }
    }

    /// What sort of refusal it is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        match self {
            Self::KindNotAllowed { .. } => RefusalKind::Invalid,
            Self::WithoutPartner { .. } => RefusalKind::Conflict,
        }
    }
}

/// Whether tenants can be added to a stack registered with such a subscription: multi-tenancy needs a partner that
/// the customers' subscriptions roll up to.
#[must_use]
pub const fn serves_several_tenants(kind: SubscriptionKind) -> bool {
    matches!(
        kind,
        SubscriptionKind::Csp | SubscriptionKind::PartnerSharedServices
    )
}

/// Judges the subscription chosen for a stack: warns of a choice that is not the advised one, and of a shared
/// services subscription in a directory that is used for something else.
///
/// `operated_by` is nothing when nobody said who operates the stack; then nothing is advised. `directory_uses` is
/// what else the directory of the subscription is used for.
///
/// # Errors
/// [`UnfitSubscription`] when a stack cannot be registered with the subscription at all.
pub fn assess(
    subscription: &Subscription,
    operated_by: Option<StackOperator>,
    directory_uses: &[DirectoryUse],
) -> Result<Vec<Warning>, UnfitSubscription> {
    let Subscription {
        id,
        kind: chosen,
        tenant,
        ..
    } = *subscription;
    match chosen {
        SubscriptionKind::PayAsYouGo | SubscriptionKind::DevTest => {
            return Err(UnfitSubscription::KindNotAllowed {
                subscription: id,
                kind: chosen,
            });
        }
        SubscriptionKind::EnterpriseAgreement
        | SubscriptionKind::Csp
        | SubscriptionKind::PartnerSharedServices => {}
    }
    if serves_several_tenants(chosen) && subscription.owner.is_none() {
        return Err(UnfitSubscription::WithoutPartner {
            subscription: id,
            kind: chosen,
        });
    }
    let mut warnings = Vec::new();
    if !serves_several_tenants(chosen) {
        warnings.push(Warning::SingleTenantOnly { chosen });
    }
    if let Some(Advice {
        kind: advised,
        reason,
    }) = operated_by.map(advise)
        && chosen != advised
    {
        warnings.push(Warning::SubscriptionKindNotAdvised {
            chosen,
            advised,
            reason,
        });
    }
    if chosen == SubscriptionKind::PartnerSharedServices {
        let in_use = |used_for: &DirectoryUse| Warning::SharedServicesDirectoryInUse {
            tenant,
            used_for: used_for.clone(),
        };
        warnings.extend(directory_uses.iter().map(in_use));
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{CloudId, PartnerId, TenantId};
    use crate::partner::SubscriptionState;
    use SubscriptionKind::{Csp, DevTest, EnterpriseAgreement, PartnerSharedServices, PayAsYouGo};

    const ALL_KINDS: [SubscriptionKind; 5] = [
        Csp,
        PartnerSharedServices,
        EnterpriseAgreement,
        PayAsYouGo,
        DevTest,
    ];

    fn subscription(kind: SubscriptionKind) -> Subscription {
        Subscription {
            id: SubscriptionId::from_bytes([1; 16]),
            name: "Stack in the harbour".into(),
            kind,
            tenant: TenantId::from_bytes([2; 16]),
            owner: Some(PartnerId::from_bytes([3; 16])),
            customer: None,
            state: SubscriptionState::Active,
        }
    }

    #[test]
    fn shared_services_are_advised_except_to_resellers_and_end_users() {
        for (operated_by, advised, because) in [
            (
                StackOperator::DirectPartner,
                PartnerSharedServices,
                "direct CSP partner",
            ),
            (StackOperator::Distributor, PartnerSharedServices, "distributor"),
            (StackOperator::Reseller, Csp, "indirect reseller"),
            (StackOperator::EndUser, Csp, "end user"),
        ] {
            let advice = advise(operated_by);
            assert_eq!(advice.kind, advised, "{operated_by:?}");
            assert!(
                advice.reason.contains(because),
                "{operated_by:?}: {}",
                advice.reason
            );
        }
    }

    #[test]
    fn the_other_choice_is_warned_of_and_never_blocked() {
        for operated_by in StackOperator::ALL {
            for (chosen, other) in [(Csp, PartnerSharedServices), (PartnerSharedServices, Csp)] {
                let warnings = assess(&subscription(chosen), Some(operated_by), &[]).unwrap();
                if advise(operated_by).kind == chosen {
                    assert_eq!(warnings, [], "{operated_by:?} with {chosen}");
                } else {
                    let [warning] = &warnings[..] else {
                        panic!("{operated_by:?} with {chosen}: {warnings:?}")
                    };
                    assert_eq!(warning.code(), "SubscriptionKindNotAdvised");
                    let advice = format!(
                        "a {other} subscription is advised: {}.",
                        advise(operated_by).reason
                    );
                    assert!(warning.to_string().contains(&advice), "{warning}");
                }
            }
        }
    }

    #[test]
    fn an_enterprise_agreement_against_the_advice_is_said_before_a_stack_is_bound_to_it() {
        for operated_by in StackOperator::ALL {
            let warnings = assess(&subscription(EnterpriseAgreement), Some(operated_by), &[]).unwrap();
            let codes: Vec<_> = warnings.iter().map(Warning::code).collect();
            assert_eq!(
                codes,
                ["SingleTenantOnly", "SubscriptionKindNotAdvised"],
                "{operated_by:?}"
            );
        }
    }

    #[test]
    fn nothing_is_advised_when_nobody_said_who_operates_the_stack() {
        for kind in [Csp, PartnerSharedServices] {
            assert_eq!(assess(&subscription(kind), None, &[]), Ok(vec![]));
        }
    }

    #[test]
    fn an_operator_is_read_as_it_is_written() {
        for operated_by in StackOperator::ALL {
            assert_eq!(
                StackOperator::from_name(&operated_by.to_string().to_uppercase()),
                Some(operated_by)
            );
        }
        assert_eq!(StackOperator::from_name("customer"), None);
    }

    #[test]
    fn an_enterprise_agreement_registers_for_a_single_tenant_and_other_agreements_not_at_all() {
        for kind in ALL_KINDS {
            let assessed = assess(&subscription(kind), None, &[]);
            match kind {
                Csp | PartnerSharedServices => {
                    assert_eq!(assessed, Ok(vec![]));
                    assert!(serves_several_tenants(kind));
                }
                EnterpriseAgreement => {
                    assert_eq!(assessed, Ok(vec![Warning::SingleTenantOnly { chosen: kind }]));
                    assert!(!serves_several_tenants(kind));
                }
                PayAsYouGo | DevTest => {
                    let refusal = assessed.unwrap_err();
                    assert_eq!(
                        (refusal.code(), refusal.kind()),
                        ("SubscriptionKindNotAllowed", RefusalKind::Invalid)
                    );
                    assert!(refusal.to_string().contains(&kind.to_string()), "{refusal}");
                    assert!(!serves_several_tenants(kind));
                }
            }
        }
    }

    #[test]
    fn a_subscription_that_should_belong_to_a_partner_needs_one() {
        for kind in [Csp, PartnerSharedServices] {
            let refusal = assess(
                &Subscription {
                    owner: None,
                    ..subscription(kind)
                },
                None,
                &[],
            )
            .unwrap_err();
            assert_eq!(
                (refusal.code(), refusal.kind()),
                ("SubscriptionWithoutPartner", RefusalKind::Conflict)
            );
        }
    }

    #[test]
    fn shared_services_in_a_directory_of_customers_or_stacks_are_warned_of() {
        let uses = [
            DirectoryUse::Customer("Fjordbank".into()),
            DirectoryUse::Stack(CloudId::from_bytes([7; 16])),
        ];
        let warnings = assess(&subscription(PartnerSharedServices), None, &uses).unwrap();
        assert_eq!(warnings.len(), 2);
        for (warning, names) in warnings.iter().zip(["Fjordbank", "07070707-"]) {
            assert_eq!(warning.code(), "SharedServicesDirectoryInUse");
            assert!(warning.to_string().contains(names), "{warning}");
        }
        // A CSP subscription lives in its customer's directory: that is where it belongs.
        assert_eq!(assess(&subscription(Csp), None, &uses), Ok(vec![]));
    }
}
