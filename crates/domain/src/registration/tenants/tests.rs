use super::*;
use crate::partner::PartnerKind;
use crate::registration::fixture::{
    cloud, customer, partner, registration, subscription, subscription_id, tenant, token,
};
use crate::registration::{BillingModel, RefusalKind};
use RefusalKind::{Conflict, Forbidden, Invalid, NotFound, UpstreamFailed};
use SubscriptionKind::{Csp, EnterpriseAgreement, PartnerSharedServices, PayAsYouGo};
use proptest::prelude::*;

fn path() -> RegistrationPath {
    registration(1, cloud(5)).path()
}

fn owned<'a>(subscription: &'a Subscription, owner: Option<&'a Partner>) -> Owned<'a> {
    Owned { subscription, owner }
}

fn ask(
    given: &str,
    tenant: Option<TenantId>,
    target: Option<&Target<'_>>,
    lookup: Lookup<'_>,
) -> Result<Addition, TenantRefusal> {
    let request = AddTenant {
        path: &path(),
        customer_subscription: given,
        tenant,
    };
    add(&request, target, &lookup)
}

/// A distributor's stack, and a subscription that one of its resellers sold.
struct Scene {
    registration: Registration,
    default: Subscription,
    distributor: Partner,
    reseller: Partner,
    sold: Subscription,
    seen: bool,
    customer: Option<Customer>,
    tenants_customer: Option<Customer>,
    mappings: Mappings,
    local_tenants: BTreeSet<TenantId>,
}

impl Scene {
    fn new() -> Self {
        let distributor = partner(1, PartnerKind::IndirectProvider);
        let reseller = partner(
            2,
            PartnerKind::IndirectReseller {
                provider: distributor.id,
            },
        );
        Self {
            registration: registration(1, cloud(5)),
            default: subscription(1, PartnerSharedServices, Some(&distributor)),
            sold: subscription(20, Csp, Some(&reseller)),
            distributor,
            reseller,
            seen: true,
            customer: None,
            tenants_customer: None,
            mappings: Mappings::new(),
            local_tenants: BTreeSet::new(),
        }
    }

    fn target(&self) -> Target<'_> {
        Target {
            registration: &self.registration,
            default_subscription: owned(&self.default, Some(&self.distributor)),
            mappings: &self.mappings,
            local_tenants: &self.local_tenants,
        }
    }

    fn sold(&self) -> Lookup<'_> {
        let owner = self.sold.owner.map(|_| &self.reseller);
        Lookup::Found {
            subscription: owned(&self.sold, owner),
            seen: self.seen,
            customer: self.customer.as_ref(),
            tenants_customer: self.tenants_customer.as_ref(),
        }
    }

    fn add(&self, tenant: Option<TenantId>) -> Result<Addition, TenantRefusal> {
        ask(
            &self.sold.id.to_string(),
            tenant,
            Some(&self.target()),
            self.sold(),
        )
    }
}

/// Scenes with one thing wrong each, in the order of the checks.
fn refused_scenes() -> Vec<(&'static str, RefusalKind, Scene)> {
    let wrong = |code, kind, change: fn(&mut Scene)| {
        let mut scene = Scene::new();
        change(&mut scene);
        (code, kind, scene)
    };
    vec![
        wrong("UnauthorizedCspRegistration", Forbidden, |scene| {
            scene.registration.multi_tenancy_approved = false;
        }),
        wrong("UnauthorizedCspRegistration", Forbidden, |scene| {
            scene.default.kind = EnterpriseAgreement;
        }),
        wrong("CustomerSubscriptionsNotAllowed", Conflict, |scene| {
            scene.registration.token = token(cloud(5), BillingModel::Capacity);
        }),
        wrong("InvalidCSPSubscription", Invalid, |scene| {
            scene.sold.kind = PayAsYouGo;
        }),
        wrong("BadCustomerSubscriptionId", Forbidden, |scene| {
            scene.reseller = partner(7, PartnerKind::DirectBill);
        }),
        wrong("InvalidCustomerSubscriptionId", Invalid, |scene| {
            scene.sold.state = SubscriptionState::Suspended;
        }),
        wrong("SubscriptionSuspended", Conflict, |scene| {
            scene.default.state = SubscriptionState::Suspended;
        }),
    ]
}

#[test]
fn nobody_learns_of_which_kind_a_foreign_subscription_is_by_adding_it() {
    let mut scene = Scene::new();
    scene.reseller = partner(7, PartnerKind::DirectBill);
    for (seen, kind, code) in [
        (false, Csp, "BadCustomerSubscriptionId"),
        (false, PayAsYouGo, "BadCustomerSubscriptionId"),
        (false, EnterpriseAgreement, "BadCustomerSubscriptionId"),
        (true, PayAsYouGo, "InvalidCSPSubscription"),
        (true, Csp, "BadCustomerSubscriptionId"),
    ] {
        (scene.seen, scene.sold.kind) = (seen, kind);
        assert_eq!(scene.add(None).unwrap_err().code(), code, "{seen} {kind}");
    }
}

#[test]
fn a_suspended_subscription_keeps_its_tenants_and_takes_no_new_ones() {
    let mut scene = Scene::new();
    scene.default.state = SubscriptionState::Suspended;
    let (own, sold) = (scene.sold.tenant, scene.sold.id);
    for (mapped, code) in [
        (None, Some("SubscriptionSuspended")),
        (Some(subscription_id(30)), Some("SubscriptionSuspended")),
        (Some(sold), None),
    ] {
        scene.mappings = mapped.map(|mapped| (own, mapped)).into_iter().collect();
        let refused = scene.add(None).err().map(|refusal| refusal.code());
        assert_eq!(refused, code, "{mapped:?}");
    }
}

#[test]
fn each_thing_that_is_wrong_has_its_documented_code() {
    for (code, kind, scene) in refused_scenes() {
        let refusal = scene.add(None).unwrap_err();
        assert_eq!((refusal.code(), refusal.kind()), (code, kind));
        assert!(!refusal.hint().is_empty());
    }
}

#[test]
fn a_registration_that_is_not_there_comes_before_everything_else() {
    let refusal = ask("x", None, None, Lookup::Failed).unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.kind()),
        ("RegistrationNotFound", NotFound)
    );
    for value in [
        &path().subscription,
        "(value provided: azurestack)",
        "(value provided: Harbour-1)",
    ] {
        assert!(refusal.to_string().contains(value), "{refusal}");
    }
}

#[test]
fn what_is_wrong_with_the_registration_is_said_before_the_subscription_is_looked_at() {
    for (code, _, scene) in refused_scenes().into_iter().take(3) {
        assert_eq!(
            ask("x", None, Some(&scene.target()), Lookup::Failed)
                .unwrap_err()
                .code(),
            code
        );
    }
}

#[test]
fn a_subscription_that_is_none_is_told_from_a_lookup_that_failed() {
    let scene = Scene::new();
    let id = subscription_id(99).to_string();
    let invalid = ("InvalidCustomerSubscriptionId", Invalid);
    let bad_gateway = ("MetadataResolverBadGatewayError", UpstreamFailed);
    for (given, lookup, refused, hint) in [
        ("contoso", Lookup::Unknown, invalid, "a GUID such as"),
        ("contoso", Lookup::Failed, invalid, "a GUID such as"),
        (&id, Lookup::Unknown, invalid, "No subscription with this id"),
        (&id, Lookup::Failed, bad_gateway, "did not answer"),
    ] {
        let refusal = ask(given, None, Some(&scene.target()), lookup).unwrap_err();
        assert_eq!((refusal.code(), refusal.kind()), refused, "{given}");
        assert!(refusal.hint().contains(hint), "{}", refusal.hint());
    }
}

#[test]
fn only_pay_as_you_use_serves_several_tenants() {
    for model in BillingModel::ALL {
        let mut scene = Scene::new();
        scene.registration.token = token(cloud(5), model);
        assert_eq!(
            scene.add(None).is_ok(),
            model == BillingModel::PayAsYouUse,
            "{model}"
        );
    }
}

#[test]
fn subscriptions_belong_together_when_they_roll_up_to_one_partner() {
    let direct = partner(1, PartnerKind::DirectBill);
    let distributor = partner(2, PartnerKind::IndirectProvider);
    let reseller_of = |n, provider: &Partner| {
        partner(
            n,
            PartnerKind::IndirectReseller {
                provider: provider.id,
            },
        )
    };
    let (first, second) = (reseller_of(3, &distributor), reseller_of(4, &distributor));
    let stranger = reseller_of(5, &partner(6, PartnerKind::IndirectProvider));
    // owner of the registration's subscription, owner of the customer's, the same CSP?
    for (registered, sold, same) in [
        (Some(&direct), Some(&direct), true),
        (Some(&distributor), Some(&distributor), true),
        (Some(&distributor), Some(&first), true),
        (Some(&first), Some(&distributor), true),
        (Some(&first), Some(&second), true),
        (Some(&first), Some(&stranger), false),
        (Some(&direct), Some(&first), false),
        (Some(&direct), None, false),
        (None, Some(&direct), false),
        (None, None, false),
    ] {
        let scene = Scene::new();
        let target = Target {
            default_subscription: owned(&scene.default, registered),
            ..scene.target()
        };
        let found = Lookup::Found {
            subscription: owned(&scene.sold, sold),
            seen: true,
            customer: None,
            tenants_customer: None,
        };
        let id = scene.sold.id.to_string();
        let outcome = ask(&id, None, Some(&target), found);
        assert_eq!(outcome.is_ok(), same, "{registered:?} {sold:?}");
        assert!(same || outcome.unwrap_err().code() == "BadCustomerSubscriptionId");
    }
}

#[test]
fn without_a_tenant_id_the_tenant_is_the_subscriptions_own() {
    let scene = Scene::new();
    assert_eq!(scene.add(None).unwrap().tenant, scene.sold.tenant);
    assert_eq!(scene.add(Some(tenant(77))).unwrap().tenant, tenant(77));
}

#[test]
fn an_id_in_capitals_or_without_dashes_is_the_same_subscription() {
    let scene = Scene::new();
    let id = scene.sold.id.to_string();
    for given in [id.to_uppercase(), id.replace('-', "")] {
        assert_eq!(
            ask(&given, None, Some(&scene.target()), scene.sold())
                .unwrap()
                .subscription,
            scene.sold.id
        );
    }
}

#[test]
fn a_tenant_has_one_subscription_and_a_subscription_one_tenant() {
    let mut scene = Scene::new();
    let (own, sold) = (scene.sold.tenant, scene.sold.id);
    assert_eq!(scene.add(None).unwrap().effect, Effect::Adds);

    scene.mappings = Mappings::from([(own, subscription_id(30)), (tenant(40), subscription_id(41))]);
    assert_eq!(
        scene.add(None).unwrap().effect,
        Effect::Replaces(subscription_id(30))
    );

    scene.mappings = Mappings::from([(own, sold)]);
    let again = scene.add(None).unwrap();
    assert_eq!(
        (again.effect, again.released, again.warnings),
        (Effect::Nothing, None, vec![])
    );

    let moved = scene.add(Some(tenant(50))).unwrap();
    assert_eq!((moved.effect, moved.released), (Effect::Adds, Some(own)));
    assert_eq!(
        moved.warnings,
        [
            Warning::TenantLosesMapping {
                tenant: own,
                subscription: sold
            },
            Warning::TenantOfAnotherCustomer {
                tenant: tenant(50),
                belongs_to: None,
                subscription: sold,
                sold_to: None
            }
        ]
    );
    assert!(moved.warnings[0].to_string().contains(&own.to_string()));
}

#[test]
fn a_tenant_that_does_not_sign_in_is_warned_of_when_another_of_its_customer_does() {
    let mut scene = Scene::new();
    let (own, other, third) = (scene.sold.tenant, tenant(61), tenant(62));
    // the customer's tenants, the tenants with local subscriptions -> the tenants that sign in instead
    for (of_customer, local, instead) in [
        (vec![own, other], vec![other], vec![other]),
        (vec![own, other, third], vec![other, third], vec![other, third]),
        (vec![other], vec![other], vec![other]),
        (vec![own, other], vec![own, other], vec![]),
        (vec![own, other], vec![], vec![]),
        (vec![own], vec![third], vec![]),
    ] {
        scene.customer = Some(customer(&scene.reseller, &of_customer));
        scene.local_tenants = local.iter().copied().collect();
        let warnings = scene.add(None).unwrap().warnings;
        if instead.is_empty() {
            assert_eq!(warnings, [], "{of_customer:?} {local:?}");
        } else {
            assert_eq!(
                warnings,
                [Warning::TenantHasNoLocalSubscription {
                    tenant: own,
                    signing_in: instead
                }]
            );
            assert_eq!(warnings[0].code(), "TenantHasNoLocalSubscription");
        }
    }
}

#[test]
fn a_subscription_that_would_pay_for_another_customer_is_said_to() {
    let mut scene = Scene::new();
    let (own, second, rivals) = (scene.sold.tenant, tenant(61), tenant(62));
    scene.customer = Some(customer(&scene.reseller, &[own, second]));
    let rival = Customer {
        name: "Rival".into(),
        ..customer(&scene.reseller, &[rivals])
    };
    for (asked, belongs_to, expected) in [
        (None, None, None),
        (Some(own), scene.customer.clone(), None),
        (Some(second), scene.customer.clone(), None),
        (
            Some(rivals),
            Some(rival),
            Some(["customer Rival", "customer Fjordbank"]),
        ),
        (
            Some(tenant(63)),
            None,
            Some(["no known customer", "customer Fjordbank"]),
        ),
    ] {
        scene.tenants_customer = belongs_to;
        let warnings = scene.add(asked).unwrap().warnings;
        let Some(names) = expected else {
            assert_eq!(warnings, [], "{asked:?}");
            continue;
        };
        assert_eq!(warnings[0].code(), "TenantOfAnotherCustomer");
        let text = warnings[0].to_string();
        assert!(names.iter().all(|name| text.contains(name)), "{text}");
    }
}

#[test]
fn an_entry_is_found_and_removed_by_its_subscription() {
    let mappings = Mappings::from([(tenant(3), subscription_id(4))]);
    let id = subscription_id(4).to_string();
    assert_eq!(
        find(&path(), Some(&mappings), &id.to_uppercase()),
        Ok((subscription_id(4), tenant(3)))
    );
    assert_eq!(remove(&path(), Some(&mappings), &id), Ok(Some(tenant(3))));

    for missing in [subscription_id(5).to_string(), "contoso".into()] {
        let refusal = find(&path(), Some(&mappings), &missing).unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.kind()),
            ("CustomerSubscriptionNotFound", NotFound)
        );
        assert!(refusal.hint().contains("Harbour-1"));
        assert_eq!(remove(&path(), Some(&mappings), &missing), Ok(None));
    }
    assert_eq!(
        find(&path(), None, &id).unwrap_err().code(),
        "RegistrationNotFound"
    );
    assert_eq!(
        remove(&path(), None, &id).unwrap_err().code(),
        "RegistrationNotFound"
    );
}

#[test]
fn hints_name_whom_to_ask_and_what_to_change() {
    let hints: Vec<String> = refused_scenes()
        .into_iter()
        .map(|(_, _, scene)| scene.add(None).unwrap_err().hint())
        .collect();
    for (hint, names) in hints.iter().zip([
        "resource group azurestack",
        "Enterprise Agreement",
        "Capacity",
        "pay-as-you-go",
        "01010101-",
        "reactivated",
        "active again",
    ]) {
        assert!(hint.contains(names), "{hint}");
    }
}

proptest! {
    #[test]
    fn nothing_that_is_sent_breaks_the_rules(given in "\\PC{0,60}|[0-9a-fA-F-]{32,36}", approved in any::<bool>()) {
        let mut scene = Scene::new();
        scene.registration.multi_tenancy_approved = approved;
        for lookup in [Lookup::Unknown, Lookup::Failed, scene.sold()] {
            if let Err(refusal) = ask(&given, None, Some(&scene.target()), lookup) {
                prop_assert!(!refusal.to_string().is_empty() && !refusal.hint().is_empty());
            }
        }
    }

    #[test]
    fn any_sequence_of_additions_leaves_one_subscription_to_a_tenant_and_one_tenant_to_a_subscription(
        requests in prop::collection::vec((1u8..6, 1u8..6), 0..30),
    ) {
        let mut scene = Scene::new();
        for (sold, to) in requests {
            scene.sold = subscription(sold, Csp, Some(&scene.reseller));
            let addition = scene.add(Some(tenant(to))).unwrap();
            if let Some(released) = addition.released {
                scene.mappings.remove(&released);
            }
            let before = scene.mappings.insert(addition.tenant, addition.subscription);
            prop_assert_eq!(addition.effect, match before {
                None => Effect::Adds,
                Some(mapped) if mapped == addition.subscription => Effect::Nothing,
                Some(mapped) => Effect::Replaces(mapped),
            });
            let distinct: BTreeSet<_> = scene.mappings.values().collect();
            prop_assert_eq!(distinct.len(), scene.mappings.len());
            let again = scene.add(Some(tenant(to))).unwrap();
            prop_assert_eq!((again.effect, again.released), (Effect::Nothing, None));
        }
    }
}
