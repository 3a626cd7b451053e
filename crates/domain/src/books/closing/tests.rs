use super::*;
use crate::authorization::{Grant, Lock, LockLevel, PrincipalKind, RoleDefinition};
use crate::books::tests::{
    CUSTOMER, DIRECT, PROVIDER, RESELLER, STACK, SUBSCRIPTION, TENANT, books, customer, enter, partner,
    registered, sold,
};
use crate::books::{DirectoryEntry, ResourceGroup, RoleEntry};
use crate::identity::Directory;
use crate::ids::{ObjectId, RegistrationId, RoleAssignmentId, RoleDefinitionId};
use crate::partner::{PartnerKind, Subscription};
use crate::time::HourInterval;

const OTHER: SubscriptionId = SubscriptionId::from_bytes([16; 16]);

fn hour(text: &str) -> Hour {
    text.parse().unwrap()
}

fn now() -> Hour {
    hour("2026-11-22T10:00:00Z")
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, DeletionRefused>) -> &'static str {
    outcome.unwrap_err().code()
}

fn everything() -> View {
    View::of_operator()
}

fn deleted(mut books: Books, entries: &[Entry]) -> Books {
    for entry in entries {
        enter(&mut books, entry).unwrap();
    }
    books
}

#[test]
fn a_partner_that_somebody_depends_on_is_not_deleted() {
    let sold = sold();
    assert_eq!(
        refusal(sold.delete_partner(PROVIDER, &everything())),
        "ResellersRemain"
    );
    assert_eq!(
        refusal(sold.delete_partner(DIRECT, &everything())),
        "CustomersRemain"
    );
    let owns = books(&[
        Entry::PartnerCreated(partner(DIRECT, PartnerKind::DirectBill)),
        Entry::SubscriptionCreated(Subscription {
            customer: None,
            ..sold.subscription(SUBSCRIPTION).unwrap().clone()
        }),
    ]);
    assert_eq!(
        refusal(owns.delete_partner(DIRECT, &everything())),
        "SubscriptionsRemain"
    );
    let entry = sold.delete_partner(RESELLER, &everything()).unwrap();
    let after = deleted(sold, &[entry]);
    assert!(after.partner(RESELLER).is_none() && after.partner_ever(RESELLER).is_some());
    assert!(after.partners().all(|it| it.id != RESELLER));
    assert!(
        after.delete_partner(PROVIDER, &everything()).is_ok(),
        "nobody buys from it any more"
    );
}

#[test]
fn what_was_deleted_keeps_its_id_and_its_name_and_its_tenants_can_be_anothers() {
    let subscription = sold().subscription(SUBSCRIPTION).unwrap().clone();
    assert_eq!(
        refusal(sold().delete_customer(CUSTOMER, &everything())),
        "SubscriptionsRemain"
    );
    let after = deleted(
        sold(),
        &[
            Entry::SubscriptionDeleted {
                subscription: SUBSCRIPTION,
            },
            Entry::CustomerDeleted { customer: CUSTOMER },
        ],
    );
    assert!(after.subscription(SUBSCRIPTION).is_none() && after.customer(CUSTOMER).is_none());
    assert_eq!(after.subscription_ever(SUBSCRIPTION), Some(&subscription));
    assert_eq!(after.customer_ever(CUSTOMER), Some(&customer()));
    assert!(after.customer_of_tenant(TENANT).is_none());
    for again in [
        after.create_customer(customer()),
        after.create_partner(partner(RESELLER, PartnerKind::DirectBill)),
    ] {
        assert!(again.is_err());
    }
    assert_eq!(after.create_customer(customer()).unwrap_err().code(), "IdWasUsed");
    assert_eq!(
        after.create_subscription(subscription).unwrap_err().code(),
        "IdWasUsed"
    );
    let moved = crate::partner::Customer {
        id: CustomerId::from_bytes([44; 16]),
        partner: RESELLER,
        ..customer()
    };
    assert!(
        after.create_customer(moved).is_ok(),
        "it buys from somebody else now"
    );
}

/// A stack registered with one subscription, its tenant mapped to another for these hours.
fn mapped(valid: HourInterval) -> Books {
    let other = Subscription {
        id: OTHER,
        ..sold().subscription(SUBSCRIPTION).unwrap().clone()
    };
    deleted(
        sold(),
        &[
            Entry::SubscriptionCreated(other),
            registered(1, "North", "2026-10-01T00:00:00Z"),
            Entry::TenantMapped {
                registration: RegistrationId::from_bytes([1; 16]),
                tenant: TENANT,
                subscription: Some(OTHER),
                valid,
            },
        ],
    )
}

#[test]
fn a_subscription_that_usage_is_still_charged_to_is_not_deleted() {
    let from = |text| HourInterval::from(hour(text));
    let books = mapped(from("2026-10-01T00:00:00Z"));
    assert_eq!(
        refusal(books.delete_subscription(SUBSCRIPTION, &everything(), now())),
        "RegistrationsRemain"
    );
    assert_eq!(
        refusal(books.delete_subscription(OTHER, &everything(), now())),
        "TenantMappingsRemain"
    );
    let later = mapped(from("2026-12-01T00:00:00Z"));
    assert_eq!(
        refusal(later.delete_subscription(OTHER, &everything(), now())),
        "TenantMappingsRemain"
    );
    let past = HourInterval::new(hour("2026-10-01T00:00:00Z"), hour("2026-11-01T00:00:00Z"));
    assert!(
        mapped(past.unwrap())
            .delete_subscription(OTHER, &everything(), now())
            .is_ok()
    );
}

#[test]
fn usage_that_was_charged_to_a_deleted_subscription_stays_charged_to_it() {
    let past = HourInterval::new(hour("2026-10-01T00:00:00Z"), hour("2026-11-01T00:00:00Z")).unwrap();
    let before = mapped(past);
    let entries = before.delete_subscription(OTHER, &everything(), now()).unwrap();
    let after = deleted(before.clone(), &entries);
    let mappings = |books: &Books| {
        let stack = books.stack(STACK).unwrap();
        let timelines = stack.mappings.values();
        timelines
            .map(|timeline| timeline.at(past.start()).and_then(|it| it.value))
            .collect::<Vec<_>>()
    };
    assert_eq!(mappings(&after), [Some(OTHER)]);
    assert_eq!(mappings(&after), mappings(&before));
}

#[test]
fn a_lock_keeps_a_subscription_and_what_was_in_one_does_not_come_back() {
    let group = Entry::ResourceGroupPut(ResourceGroup {
        subscription: SUBSCRIPTION,
        name: "g".parse().unwrap(),
        location: "global".to_owned(),
        tags: std::collections::BTreeMap::new(),
    });
    let scope = Scope::ResourceGroup(SUBSCRIPTION, "g".parse().unwrap());
    let lock = Lock {
        scope: scope.clone(),
        name: "keep".parse().unwrap(),
        level: LockLevel::CanNotDelete,
        notes: None,
    };
    let assigned = RoleEntry::RoleAssigned {
        id: RoleAssignmentId::from_bytes([1; 16]),
        scope,
        role: RoleDefinition::READER,
        principal: ObjectId::from_bytes([2; 16]),
        principal_kind: PrincipalKind::User,
    };
    let locked = deleted(sold(), &[group.clone(), RoleEntry::Locked(lock.clone()).into()]);
    assert_eq!(
        refusal(locked.delete_subscription(SUBSCRIPTION, &everything(), now())),
        "ScopeLocked"
    );
    let open = deleted(sold(), &[group, assigned.into()]);
    let entries = open
        .delete_subscription(SUBSCRIPTION, &everything(), now())
        .unwrap();
    let after = deleted(open, &entries);
    assert_eq!(after.resource_groups(SUBSCRIPTION).count(), 0);
    assert_eq!(after.roles().assignments().count(), 0);
    assert_eq!(after.put_lock(lock).unwrap_err().code(), "ResourceNotFound");
}

#[test]
fn a_refusal_does_not_tell_a_provider_which_directories_its_resellers_customers_have() {
    let directory = DirectoryEntry::DirectoryCreated(Directory {
        id: TENANT,
        name: "Contoso".to_owned(),
        domain: "contoso.example".parse().unwrap(),
        owner: DirectoryOwner::Customer(CUSTOMER),
    });
    let gone = Entry::SubscriptionDeleted {
        subscription: SUBSCRIPTION,
    };
    let books = deleted(sold(), &[gone, directory.into()]);
    let seller = books.customer(CUSTOMER).unwrap().partner;
    let agent = View {
        agent_of: [seller].into(),
        ..View::default()
    };
    let provider = View {
        agent_of: [PROVIDER].into(),
        resellers: [seller].into(),
        ..View::default()
    };
    for (view, named) in [(&agent, true), (&everything(), true), (&provider, false)] {
        let refused = books.delete_customer(CUSTOMER, view).unwrap_err();
        let text = refused.to_string();
        assert_eq!(refused.code(), "DirectoriesRemain");
        assert_eq!(text.contains("contoso.example"), named, "{text}");
        assert!(text.starts_with("The customer still has directories"), "{text}");
    }
}

#[test]
fn a_refusal_does_not_tell_a_seller_whose_stacks_its_customers_use() {
    let books = mapped(HourInterval::from(hour("2026-10-01T00:00:00Z")));
    let owner = books.subscription(OTHER).unwrap().owner.unwrap();
    let only_other = View {
        grants: vec![Grant {
            scope: Scope::Subscription(OTHER),
            role: books.roles().definition(RoleDefinition::OWNER).unwrap().clone(),
        }],
        ..View::default()
    };
    let agent = View {
        agent_of: [owner].into(),
        ..View::default()
    };
    for (view, named) in [(&agent, true), (&only_other, false)] {
        let refused = books.delete_subscription(OTHER, view, now()).unwrap_err();
        assert_eq!(refused.code(), "TenantMappingsRemain");
        let text = refused.to_string();
        assert_eq!(text.contains(&STACK.to_string()), named, "{text}");
    }
}

#[test]
fn custom_roles_do_not_outlive_the_subscriptions_that_they_could_be_given_in() {
    let role = |number, assignable: &[SubscriptionId]| RoleDefinition {
        id: RoleDefinitionId::from_bytes([number; 16]),
        name: format!("Registrar {number}"),
        description: String::new(),
        actions: vec!["*/read".parse().unwrap()],
        not_actions: vec![],
        assignable: assignable.iter().map(|it| Scope::Subscription(*it)).collect(),
        custom: true,
    };
    let other = Subscription {
        id: OTHER,
        ..sold().subscription(SUBSCRIPTION).unwrap().clone()
    };
    let roles = [
        role(1, &[SUBSCRIPTION]),
        role(2, &[SUBSCRIPTION, OTHER]),
        role(3, &[OTHER]),
    ];
    let given = RoleEntry::RoleAssigned {
        id: RoleAssignmentId::from_bytes([1; 16]),
        scope: Scope::Subscription(SUBSCRIPTION),
        role: roles[0].id,
        principal: ObjectId::from_bytes([2; 16]),
        principal_kind: PrincipalKind::User,
    };
    let mut entries = vec![Entry::SubscriptionCreated(other)];
    entries.extend(roles.map(|role| RoleEntry::RoleDefined(role).into()));
    entries.push(given.into());
    let mut books = deleted(sold(), &entries);
    let left = |books: &Books| {
        let custom = books.roles().definitions().filter(|role| role.custom);
        custom.map(|role| role.id.as_bytes()[0]).collect::<Vec<_>>()
    };
    for (gone, expected) in [(SUBSCRIPTION, &[2, 3][..]), (OTHER, &[])] {
        let entries = books.delete_subscription(gone, &everything(), now()).unwrap();
        books = deleted(books, &entries);
        assert_eq!(left(&books), expected, "without {gone}");
    }
}
