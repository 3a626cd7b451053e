use super::*;
use crate::authorization::ActionPattern;
use crate::ids::{SubscriptionId, TenantId};
use crate::partner::{SubscriptionKind, SubscriptionState};
use proptest::prelude::*;

const PARTNER: PartnerId = PartnerId::from_bytes([1; 16]);
const CUSTOMER: CustomerId = CustomerId::from_bytes([2; 16]);
const WRITE: &str = "Microsoft.AzureStack/registrations/write";

fn id(number: u8) -> SubscriptionId {
    SubscriptionId::from_bytes([number; 16])
}

fn subscription() -> Subscription {
    Subscription {
        id: id(6),
        name: "Contoso".to_owned(),
        kind: SubscriptionKind::Csp,
        tenant: TenantId::from_bytes([3; 16]),
        owner: Some(PARTNER),
        customer: Some(CUSTOMER),
        state: SubscriptionState::Active,
    }
}

fn customer() -> Customer {
    Customer {
        id: CUSTOMER,
        partner: PARTNER,
        name: "Contoso".to_owned(),
        tenants: vec![],
    }
}

fn custom(actions: &[&str], not_actions: &[&str]) -> Arc<RoleDefinition> {
    let patterns = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| text.parse().unwrap())
            .collect::<Vec<ActionPattern>>()
    };
    Arc::new(RoleDefinition {
        id: RoleDefinitionId::from_bytes([9; 16]),
        name: "custom".to_owned(),
        description: String::new(),
        actions: patterns(actions),
        not_actions: patterns(not_actions),
        assignable: vec![],
        custom: true,
    })
}

fn granted(grants: &[(&Scope, &Arc<RoleDefinition>)]) -> View {
    let grant = |(scope, role): &(&Scope, &Arc<RoleDefinition>)| Grant {
        scope: (*scope).clone(),
        role: Arc::clone(role),
    };
    View {
        grants: grants.iter().map(grant).collect(),
        ..View::default()
    }
}

fn group(name: &str) -> Scope {
    Scope::ResourceGroup(id(6), name.parse().unwrap())
}

#[test]
fn who_was_given_nothing_sees_nothing() {
    let view = View::default();
    assert!(!view.allows(READ_REGISTRATION, &Scope::Root, None));
    assert!(!view.sees_subscription(&subscription()));
    assert!(!view.reads_charges(&subscription()));
    assert!(!view.sees_customer(&customer()));
    assert!(!view.sees_partner(PARTNER) && !view.orders_for(PARTNER) && !view.acts_for(PARTNER));
    assert!(!view.reads_usage(&subscription()) && !view.reads_former(&subscription()));
    assert!(!view.manages_prices_of(Some(PARTNER)) && !view.manages_prices_of(None));
}

#[test]
fn what_one_role_leaves_out_another_may_allow() {
    let here = group("a");
    let all_but_writing = custom(&["*"], &["*/write"]);
    let writing = custom(&["Microsoft.AzureStack/*"], &["*/delete"]);
    assert!(!granted(&[(&here, &all_but_writing)]).allows(WRITE, &here, None));
    assert!(granted(&[(&here, &all_but_writing), (&here, &writing)]).allows(WRITE, &here, None));
}

#[test]
fn a_role_in_a_resource_group_shows_that_the_subscription_exists_and_nothing_beside_the_group() {
    let view = granted(&[(&group("a"), &custom(&["*/read"], &[]))]);
    assert!(view.sees_subscription(&subscription()));
    assert!(view.allows(READ_REGISTRATION, &group("A"), Some(&subscription())));
    assert!(!view.allows(READ_REGISTRATION, &group("b"), Some(&subscription())));
    assert!(!view.allows(
        READ_REGISTRATION,
        &Scope::Subscription(id(6)),
        Some(&subscription())
    ));
    assert!(!view.reads_charges(&subscription()));
    let other = Subscription {
        id: id(7),
        ..subscription()
    };
    assert!(!view.sees_subscription(&other));
}

const ASSIGN: &str = "Microsoft.Authorization/roleAssignments/write";
const LOCK: &str = "Microsoft.Authorization/locks/write";

#[test]
fn a_provider_registers_for_its_resellers_and_can_neither_become_them_nor_read_what_they_charge() {
    let (partner, reseller, other) = (
        PARTNER,
        PartnerId::from_bytes([7; 16]),
        PartnerId::from_bytes([8; 16]),
    );
    let view = View {
        agent_of: [partner].into(),
        resellers: [reseller].into(),
        ..View::default()
    };
    for (owner, own, seen) in [
        (Some(partner), true, true),
        (Some(reseller), false, true),
        (Some(other), false, false),
        (None, false, false),
    ] {
        let sold = Subscription {
            owner,
            ..subscription()
        };
        let scope = Scope::Subscription(sold.id);
        let allows = |action| view.allows(action, &scope, Some(&sold));
        assert_eq!((allows(WRITE), allows(READ_USAGE)), (seen, seen), "{owner:?}");
        assert_eq!((allows(ASSIGN), allows(LOCK)), (own, own), "{owner:?}");
        assert_eq!(view.sees_subscription(&sold), seen);
        assert_eq!(view.reads_usage(&sold), seen);
        assert_eq!(view.reads_charges(&sold), own);
        assert_eq!(view.reads_former(&sold), own);
        if let Some(owner) = owner {
            assert_eq!((view.sees_partner(owner), view.orders_for(owner)), (seen, seen));
            assert_eq!(view.acts_for(owner), own);
        }
    }
    for (seller, own) in [
        (Some(partner), true),
        (Some(reseller), false),
        (Some(other), false),
        (None, false),
    ] {
        assert_eq!(view.manages_prices_of(seller), own, "{seller:?}");
    }
    assert!(view.sees_customer(&customer()));
    let resold = Customer {
        partner: reseller,
        ..customer()
    };
    let others = Customer {
        partner: other,
        ..customer()
    };
    assert!(view.sees_customer(&resold) && !view.sees_customer(&others));
    assert!(!view.allows(WRITE, &Scope::Root, None), "an agent is no operator");
}

#[test]
fn a_customers_user_reads_the_customers_subscriptions_and_changes_nothing() {
    let view = View {
        user_of: [CUSTOMER].into(),
        ..View::default()
    };
    let scope = Scope::Subscription(id(6));
    assert!(view.allows(READ_REGISTRATION, &scope, Some(&subscription())));
    assert!(view.reads_charges(&subscription()) && view.sees_subscription(&subscription()));
    assert!(!view.allows(WRITE, &scope, Some(&subscription())));
    assert!(view.sees_customer(&customer()));
    assert!(!view.sees_partner(PARTNER));
    assert!(
        !view.reads_former(&subscription()),
        "what was deleted is the seller's"
    );
    let others = Subscription {
        customer: Some(CustomerId::from_bytes([9; 16])),
        ..subscription()
    };
    assert!(!view.sees_subscription(&others));
    let own = Subscription {
        customer: None,
        ..subscription()
    };
    assert!(!view.sees_subscription(&own), "what the partner uses itself");
}

#[test]
fn an_operator_sees_and_changes_everything() {
    let view = View::of_operator();
    assert!(view.allows(WRITE, &Scope::Root, None));
    assert!(view.sees_subscription(&subscription()) && view.reads_charges(&subscription()));
    assert!(view.sees_customer(&customer()) && view.acts_for(PARTNER));
    assert!(view.manages_prices_of(None));
}

#[test]
fn the_account_of_a_stack_that_reads_registrations_does_not_read_charges() {
    let scope = Scope::Subscription(id(6));
    let stack = built_in()
        .iter()
        .find(|role| role.id == RoleDefinition::AZURE_STACK_REGISTRATION_OWNER);
    let view = granted(&[(&scope, stack.unwrap())]);
    assert!(view.allows(READ_REGISTRATION, &scope, Some(&subscription())));
    assert!(!view.reads_charges(&subscription()));
}

#[test]
fn a_provider_whom_the_buyer_gives_a_role_reads_what_the_buyer_is_charged() {
    let scope = Scope::Subscription(id(6));
    let view = View {
        resellers: [PARTNER].into(),
        ..granted(&[(&scope, &custom(&["*/read"], &[]))])
    };
    assert!(view.reads_charges(&subscription()));
}

fn any_scope() -> impl Strategy<Value = Scope> {
    let name = prop::sample::select(&["a", "A", "b"][..]);
    (0..5_usize, 6..8_u8, name.clone(), name).prop_map(|(depth, subscription, group, name)| {
        let (subscription, group, name) = (id(subscription), group.parse().unwrap(), name.parse().unwrap());
        let registration = Scope::registration(subscription, &group, &name);
        match depth {
            0 => Scope::Root,
            1 => Scope::Subscription(subscription),
            2 => Scope::ResourceGroup(subscription, group),
            3 => registration,
            _ => format!("{registration}/customerSubscriptions/c").parse().unwrap(),
        }
    })
}

fn any_role() -> impl Strategy<Value = Arc<RoleDefinition>> {
    let pattern = || prop::sample::select(&["*", "*/read", "Microsoft.AzureStack/*", "*/write"][..]);
    let patterns = || prop::collection::vec(pattern(), 0..3);
    (patterns(), patterns()).prop_map(|(actions, not_actions)| custom(&actions, &not_actions))
}

fn any_action() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        &[
            READ_REGISTRATION,
            WRITE,
            READ_USAGE,
            "Microsoft.Resources/tags/write",
        ][..],
    )
}

proptest! {
    #[test]
    fn a_role_holds_at_its_scope_and_below_and_nowhere_else(
        given in any_scope(), asked in any_scope(), role in any_role(), action in any_action(),
    ) {
        let view = granted(&[(&given, &role)]);
        prop_assert_eq!(view.allows(action, &asked, None), given.contains(&asked) && role.allows(action));
    }

    #[test]
    fn what_is_allowed_above_is_allowed_below(
        grants in prop::collection::vec((any_scope(), any_role()), 0..4),
        above in any_scope(), below in any_scope(), action in any_action(),
    ) {
        let grants: Vec<_> = grants.iter().map(|(scope, role)| (scope, role)).collect();
        let view = granted(&grants);
        prop_assert!(!above.contains(&below) || !view.allows(action, &above, None) || view.allows(action, &below, None));
    }

    #[test]
    fn another_role_never_takes_anything_away(
        grants in prop::collection::vec((any_scope(), any_role()), 0..4), more in (any_scope(), any_role()),
        asked in any_scope(), action in any_action(),
    ) {
        let before: Vec<_> = grants.iter().map(|(scope, role)| (scope, role)).collect();
        let after = [&before[..], &[(&more.0, &more.1)]].concat();
        prop_assert!(!granted(&before).allows(action, &asked, None) || granted(&after).allows(action, &asked, None));
    }

    #[test]
    fn where_something_is_allowed_its_subscription_is_seen(
        grants in prop::collection::vec((any_scope(), any_role()), 0..4), asked in any_scope(), action in any_action(),
    ) {
        let grants: Vec<_> = grants.iter().map(|(scope, role)| (scope, role)).collect();
        let view = granted(&grants);
        if let Some(of) = asked.subscription() && view.allows(action, &asked, None) {
            let subscription = Subscription { id: of, owner: None, customer: None, ..subscription() };
            prop_assert!(view.sees_subscription(&subscription));
        }
    }
}
