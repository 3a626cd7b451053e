use std::sync::LazyLock;

use super::*;
use crate::partner::PartnerKind;
use crate::registration::fixture::{cloud, partner, registration, subscription, subscription_id, token};
use RefusalKind::{Conflict, Invalid};
use SubscriptionKind::{Csp, DevTest, EnterpriseAgreement, PartnerSharedServices, PayAsYouGo};

fn shared_services() -> Subscription {
    subscription(
        1,
        PartnerSharedServices,
        Some(&partner(1, PartnerKind::IndirectProvider)),
    )
}

/// Sells to nobody.
static PAYER: LazyLock<View> = LazyLock::new(View::default);

fn of(subscription: &Subscription) -> Surroundings<'_> {
    Surroundings {
        subscription,
        operated_by: Some(StackOperator::Distributor),
        directory_uses: &[],
        existing: None,
        mappings: 0,
        live_for_stack: None,
        last_subscription: None,
        registers_with_last: false,
        between: None,
        sold_to: &[],
        asked_by: &PAYER,
    }
}

fn request(token: Option<RegistrationToken>) -> PutRegistration {
    PutRegistration {
        name: "Harbour-1".parse().unwrap(),
        location: None,
        tags: None,
        token,
    }
}

fn tags(site: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("site".to_owned(), site.to_owned())])
}

#[test]
fn a_stack_that_nobody_registered_yet_is_registered() {
    let sent = token(cloud(5), BillingModel::Capacity);
    let request = PutRegistration {
        location: Some("Global".into()),
        ..request(Some(sent.clone()))
    };
    let decision = put(&request, &of(&shared_services())).unwrap();
    let location = "Global".to_owned();
    assert_eq!(
        decision.change,
        Change::Create {
            token: sent,
            location,
            tags: BTreeMap::new()
        }
    );
    let model = BillingModel::Capacity;
    assert_eq!(decision.warnings, [Warning::UsageNotCharged { model }]);
}

#[test]
fn a_stack_that_costs_nothing_on_its_own_word_alone_is_warned_of() {
    let default = shared_services();
    let operator = View::of_operator();
    for model in BillingModel::ALL {
        for (asked_by, by_payer) in [(&*PAYER, true), (&operator, false)] {
            let surroundings = Surroundings {
                asked_by,
                ..of(&default)
            };
            let decision = put(&request(Some(token(cloud(5), model))), &surroundings).unwrap();
            let warned = decision.warnings == [Warning::UsageNotCharged { model }];
            assert_eq!(warned, by_payer && !model.charges_usage(), "{model}");
        }
    }
}

#[test]
fn what_a_stack_used_between_two_registrations_is_not_free() {
    let default = shared_services();
    let start = "2026-10-01T00:00:00Z".parse().unwrap();
    let hours = HourInterval::new(start, start.plus(23)).unwrap();
    let existing = registration(1, cloud(5));
    for (existing, held) in [(None, Some(hours)), (Some(&existing), None)] {
        let surroundings = Surroundings {
            existing,
            between: Some(Between {
                hours,
                former_model: BillingModel::PayAsYouUse,
                former_subscription: default.id,
                registers_with_former: true,
            }),
            ..of(&default)
        };
        let request = request(Some(token(cloud(5), BillingModel::PayAsYouUse)));
        assert_eq!(put(&request, &surroundings).unwrap().between, held);
    }
}

#[test]
fn the_same_name_again_re_registers_and_what_was_not_sent_stays() {
    let default = shared_services();
    let existing = registration(1, cloud(5));
    for model in [
        BillingModel::Development,
        BillingModel::Capacity,
        BillingModel::Custom,
    ] {
        let sent = token(cloud(5), model);
        let surroundings = Surroundings {
            existing: Some(&existing),
            live_for_stack: Some(&existing),
            ..of(&default)
        };
        let change = put(&request(Some(sent.clone())), &surroundings).unwrap().change;
        assert_eq!(
            change,
            Change::ReRegister {
                token: sent,
                tags: tags("harbour")
            }
        );
    }
}

#[test]
fn the_same_request_again_changes_nothing() {
    let default = shared_services();
    let existing = registration(1, cloud(5));
    let surroundings = Surroundings {
        existing: Some(&existing),
        live_for_stack: Some(&existing),
        ..of(&default)
    };
    for tags in [None, Some(tags("harbour"))] {
        let request = PutRegistration {
            tags,
            ..request(Some(existing.token.clone()))
        };
        assert_eq!(put(&request, &surroundings).unwrap().change, Change::Nothing);
    }
}

#[test]
fn without_a_token_only_tags_change() {
    // Not even a suspended subscription, or one with which nobody could register, is in the way of that.
    let default = Subscription {
        state: SubscriptionState::Suspended,
        ..subscription(1, DevTest, None)
    };
    let existing = registration(1, cloud(5));
    let surroundings = Surroundings {
        existing: Some(&existing),
        ..of(&default)
    };
    for (sent, change) in [
        (None, Change::Nothing),
        (Some(tags("harbour")), Change::Nothing),
        (
            Some(tags("mountain")),
            Change::SetTags {
                tags: tags("mountain"),
            },
        ),
        (
            Some(BTreeMap::new()),
            Change::SetTags {
                tags: BTreeMap::new(),
            },
        ),
    ] {
        let request = PutRegistration {
            tags: sent,
            ..request(None)
        };
        assert_eq!(
            put(&request, &surroundings),
            Ok(Decision {
                change,
                between: None,
                warnings: vec![]
            })
        );
    }
}

#[test]
fn every_reason_not_to_register_has_its_code_and_says_what_to_do() {
    let (good, unfit) = (shared_services(), subscription(1, PayAsYouGo, None));
    let suspended = Subscription {
        state: SubscriptionState::Suspended,
        ..shared_services()
    };
    let orphan = subscription(1, Csp, None);
    let (existing, elsewhere) = (registration(1, cloud(5)), registration(2, cloud(6)));
    let (some, other) = (Some(&existing), Some(&elsewhere));
    let no_token = ("RegistrationTokenRequired", Invalid);
    let mismatch = ("CloudIdMismatch", Conflict);
    let taken = ("StackAlreadyRegistered", Conflict);
    let not_now = ("SubscriptionSuspended", Conflict);
    let not_this_kind = ("SubscriptionKindNotAllowed", Invalid);
    let nobodys = ("SubscriptionWithoutPartner", Conflict);
    // default subscription, registered here, of this stack, the token's stack -> refusal, what its text names
    let table = [
        (&good, None, None, None, no_token, "registrationToken"),
        (&good, some, None, Some(7), mismatch, "AzureStack-07070707-"),
        (&good, some, other, Some(6), mismatch, "05050505-"),
        (&good, None, other, Some(6), taken, "registrations/Harbour-2"),
        (&suspended, None, None, Some(7), not_now, "reactivated"),
        (&unfit, None, None, Some(7), not_this_kind, "pay-as-you-go"),
        (&orphan, None, None, Some(7), nobodys, "partner"),
    ];
    for (subscription, existing, live_for_stack, stack, refused, names) in table {
        let request = request(stack.map(|stack| token(cloud(stack), BillingModel::PayAsYouUse)));
        let surroundings = Surroundings {
            existing,
            live_for_stack,
            ..of(subscription)
        };
        let refusal = put(&request, &surroundings).unwrap_err();
        assert_eq!((refusal.code(), refusal.kind()), refused);
        assert!(refusal.to_string().contains(names), "{refusal}");
    }
}

#[test]
fn a_suspended_subscription_keeps_what_is_registered_with_it() {
    let suspended = Subscription {
        state: SubscriptionState::Suspended,
        ..shared_services()
    };
    let existing = registration(1, cloud(5));
    let surroundings = Surroundings {
        existing: Some(&existing),
        ..of(&suspended)
    };
    let renewed = RegistrationToken {
        issuer: "renewed".into(),
        ..existing.token.clone()
    };
    let decision = put(&request(Some(renewed)), &surroundings).unwrap();
    assert!(matches!(decision.change, Change::ReRegister { .. }));
    assert_eq!(
        put(&request(Some(existing.token.clone())), &surroundings)
            .unwrap()
            .change,
        Change::Nothing
    );
}

#[test]
fn who_was_suspended_does_not_leave_what_it_owes_by_another_billing_model() {
    let suspended = Subscription {
        state: SubscriptionState::Suspended,
        ..shared_services()
    };
    let existing = registration(1, cloud(5));
    let surroundings = Surroundings {
        existing: Some(&existing),
        ..of(&suspended)
    };
    for model in BillingModel::ALL {
        let put = put(&request(Some(token(cloud(5), model))), &surroundings);
        let refused = put.err().map(|refusal| refusal.code());
        let other = model != existing.token.billing_model;
        assert_eq!(refused, other.then_some("SubscriptionSuspended"), "{model}");
    }
}

#[test]
fn naming_the_cloud_id_of_a_stack_that_was_anothers_does_not_get_it() {
    let default = shared_services();
    let request = request(Some(token(cloud(5), BillingModel::PayAsYouUse)));
    let existing = registration(1, cloud(5));
    for (last, registers_with_last, existing, refused) in [
        (None, false, None, false),
        (Some(1), false, None, false),
        (Some(2), false, None, true),
        (Some(2), true, None, false),
        (Some(1), false, Some(&existing), false),
    ] {
        let surroundings = Surroundings {
            existing,
            last_subscription: last.map(subscription_id),
            registers_with_last,
            ..of(&default)
        };
        let refusal = put(&request, &surroundings).err();
        let stack = cloud(5);
        let expected = refused.then_some(Refusal::StackOfAnotherSubscription { stack });
        assert_eq!(refusal, expected, "{last:?} {registers_with_last}");
        if let Some(refusal) = refusal {
            assert_eq!(
                (refusal.code(), refusal.kind()),
                ("StackOfAnotherSubscription", Conflict)
            );
            let text = refusal.to_string();
            let whose = subscription_id(2).to_string();
            assert!(!text.contains(&whose) && text.contains("operator"), "{text}");
        }
    }
}

#[test]
fn a_bill_is_not_left_by_registering_again_nor_by_deleting_and_registering_anew() {
    let default = shared_services();
    let existing = registration(1, cloud(5));
    for existing in [Some(&existing), None] {
        for model in BillingModel::ALL {
            let decided = |asked_by: &View| {
                let surroundings = Surroundings {
                    existing,
                    sold_to: &[&default],
                    asked_by,
                    ..of(&default)
                };
                put(&request(Some(token(cloud(5), model))), &surroundings)
            };
            let refused = decided(&PAYER).err().map(|it| (it.code(), it.kind()));
            let leaves = model != BillingModel::PayAsYouUse;
            let expected = ("BillingModelChangeNotApproved", RefusalKind::Forbidden);
            assert_eq!(refused, leaves.then_some(expected), "{model}");
            assert!(decided(&View::of_operator()).is_ok(), "{model}");
        }
    }
}

#[test]
fn a_billing_model_that_was_approved_is_kept_with_a_new_token() {
    let default = shared_services();
    let existing = Registration {
        token: token(cloud(5), BillingModel::Development),
        ..registration(1, cloud(5))
    };
    let surroundings = Surroundings {
        existing: Some(&existing),
        sold_to: &[&default],
        ..of(&default)
    };
    let renewed = RegistrationToken {
        issuer: "renewed".into(),
        ..existing.token.clone()
    };
    let decision = put(&request(Some(renewed)), &surroundings).unwrap();
    assert!(matches!(decision.change, Change::ReRegister { .. }));
}

#[test]
fn a_taken_cloud_id_says_what_to_do_where_its_registration_is_nobody_elses_business() {
    let refused = Refusal::StackAlreadyRegistered {
        stack: cloud(6),
        registered_as: None,
    };
    let text = refused.to_string();
    assert!(
        text.contains("06060606-") && text.contains("operator") && !text.contains("/subscriptions/"),
        "{text}"
    );
}

#[test]
fn tenant_mappings_that_are_no_longer_charged_are_warned_of() {
    let default = shared_services();
    let existing = registration(1, cloud(5));
    for model in BillingModel::ALL {
        for mappings in [0, 3] {
            let surroundings = Surroundings {
                existing: Some(&existing),
                mappings,
                ..of(&default)
            };
            let decision = put(&request(Some(token(cloud(5), model))), &surroundings).unwrap();
            let warned = Warning::MappingsNotCharged { mappings, model };
            assert_eq!(
                decision.warnings.contains(&warned),
                mappings == 3 && model != BillingModel::PayAsYouUse,
                "{mappings} {model}"
            );
        }
    }
}

#[test]
fn multi_tenancy_is_approved_only_where_a_partner_stands_behind_the_subscription() {
    for kind in [Csp, PartnerSharedServices] {
        assert_eq!(approve_multi_tenancy(&subscription(1, kind, None)), Ok(()));
    }
    let refusal = approve_multi_tenancy(&subscription(1, EnterpriseAgreement, None)).unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.kind()),
        ("SingleTenantSubscription", Conflict)
    );
    assert!(refusal.to_string().contains(&subscription_id(1).to_string()));
}

#[test]
fn whoever_deletes_what_charges_usage_is_told_that_nobody_is_charged() {
    for model in BillingModel::ALL {
        let existing = Registration {
            token: token(cloud(5), model),
            ..registration(1, cloud(5))
        };
        let deletion = delete(&existing);
        assert_eq!(deletion.registration, existing.id);
        let stack = cloud(5);
        let expected = model
            .charges_usage()
            .then_some(Warning::StackLeftUnregistered { stack });
        assert_eq!(deletion.warning, expected, "{model}");
    }
}
