use super::*;
use crate::authorization::{Lock, LockLevel, PrincipalKind, RoleDefinition};
use crate::books::tests::{
    CUSTOMER, DIRECT, PROVIDER, RESELLER, STACK, SUBSCRIPTION, TENANT, books, customer, enter, partner,
    registered, sold,
};
use crate::books::{DirectoryEntry, Operator, ResourceGroup, RoleEntry};
use crate::identity::{Directory, PasswordHash, User};
use crate::ids::{OperatorId, RegistrationId, RoleAssignmentId, TenantId};
use crate::partner::{PartnerKind, Subscription};
use crate::time::HourInterval;

const OTHER: SubscriptionId = SubscriptionId::from_bytes([16; 16]);

fn hour(text: &str) -> Hour {
    text.parse().unwrap()
}

fn now() -> Hour {
    hour("2026-11-22T10:00:00Z")
}

fn refusal(outcome: Result<Entry, DeletionRefused>) -> &'static str {
    outcome.unwrap_err().code()
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
    assert_eq!(refusal(sold.delete_partner(PROVIDER)), "ResellersRemain");
    assert_eq!(refusal(sold.delete_partner(DIRECT)), "CustomersRemain");
    let owns = books(&[
        Entry::PartnerCreated(partner(DIRECT, PartnerKind::DirectBill)),
        Entry::SubscriptionCreated(Subscription {
            customer: None,
            ..sold.subscription(SUBSCRIPTION).unwrap().clone()
        }),
    ]);
    assert_eq!(refusal(owns.delete_partner(DIRECT)), "SubscriptionsRemain");
    let entry = sold.delete_partner(RESELLER).unwrap();
    let after = deleted(sold, &[entry]);
    assert!(after.partner(RESELLER).is_none() && after.partner_ever(RESELLER).is_some());
    assert!(after.partners().all(|it| it.id != RESELLER));
    assert!(
        after.delete_partner(PROVIDER).is_ok(),
        "nobody buys from it any more"
    );
}

#[test]
fn what_was_deleted_keeps_its_id_and_its_name_and_its_tenants_can_be_anothers() {
    let subscription = sold().subscription(SUBSCRIPTION).unwrap().clone();
    assert_eq!(refusal(sold().delete_customer(CUSTOMER)), "SubscriptionsRemain");
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
        refusal(books.delete_subscription(SUBSCRIPTION, now())),
        "RegistrationsRemain"
    );
    assert_eq!(
        refusal(books.delete_subscription(OTHER, now())),
        "TenantMappingsRemain"
    );
    let later = mapped(from("2026-12-01T00:00:00Z"));
    assert_eq!(
        refusal(later.delete_subscription(OTHER, now())),
        "TenantMappingsRemain"
    );
    let past = HourInterval::new(hour("2026-10-01T00:00:00Z"), hour("2026-11-01T00:00:00Z"));
    assert!(mapped(past.unwrap()).delete_subscription(OTHER, now()).is_ok());
}

#[test]
fn usage_that_was_charged_to_a_deleted_subscription_stays_charged_to_it() {
    let past = HourInterval::new(hour("2026-10-01T00:00:00Z"), hour("2026-11-01T00:00:00Z")).unwrap();
    let before = mapped(past);
    let entry = before.delete_subscription(OTHER, now()).unwrap();
    let after = deleted(before.clone(), &[entry]);
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
        refusal(locked.delete_subscription(SUBSCRIPTION, now())),
        "ScopeLocked"
    );
    let open = deleted(sold(), &[group, assigned.into()]);
    let entry = open.delete_subscription(SUBSCRIPTION, now()).unwrap();
    let after = deleted(open, &[entry]);
    assert_eq!(after.resource_groups(SUBSCRIPTION).count(), 0);
    assert_eq!(after.roles().assignments().count(), 0);
    assert_eq!(after.put_lock(lock).unwrap_err().code(), "ResourceNotFound");
}

/// A directory of the platform with these users, all of them operators of it.
fn operated_by(users: &[u8]) -> Books {
    let directory = TenantId::from_bytes([50; 16]);
    let mut books = books(&[DirectoryEntry::DirectoryCreated(Directory {
        id: directory,
        name: "Platform".to_owned(),
        domain: "platform.example".parse().unwrap(),
        owner: DirectoryOwner::Platform,
    })
    .into()]);
    for number in users {
        let user = User {
            id: ObjectId::from_bytes([*number; 16]),
            directory,
            name: format!("u{number}@platform.example").parse().unwrap(),
            display_name: "Anna".to_owned(),
            password: PasswordHash::from_phc(String::new()),
            enabled: true,
        };
        let given = RoleEntry::PartnerRoleAssigned {
            role: PartnerRole::PlatformOperator,
            principal: user.id,
            principal_kind: PrincipalKind::User,
        };
        books = deleted(books, &[DirectoryEntry::UserCreated(user).into(), given.into()]);
    }
    books
}

#[test]
fn nobody_locks_everybody_out_of_the_platform() {
    let [one, two] = [61, 62].map(|number| ObjectId::from_bytes([number; 16]));
    let alone = operated_by(&[61]);
    let user = |books: &Books, id| books.directories().user(id).unwrap().clone();
    assert_eq!(
        refusal(alone.delete_user(&user(&alone, one))),
        "LastPlatformOperator"
    );
    let both = operated_by(&[61, 62]);
    assert!(both.delete_user(&user(&both, one)).is_ok());
    let disabled = DirectoryEntry::UserEnabledSet {
        user: two,
        enabled: false,
    };
    let other_is_disabled = deleted(both, &[disabled.into()]);
    assert_eq!(
        refusal(other_is_disabled.delete_user(&user(&other_is_disabled, one))),
        "LastPlatformOperator"
    );
    assert!(
        other_is_disabled
            .delete_user(&user(&other_is_disabled, two))
            .is_ok(),
        "the other one operates it"
    );
    let operator = Operator {
        id: OperatorId::from_bytes([70; 16]),
        name: "at the machine".to_owned(),
        credential_digest: [1; 32],
    };
    let with_credential = deleted(alone.clone(), &[Entry::OperatorAdmitted(operator)]);
    assert!(with_credential.delete_user(&user(&with_credential, one)).is_ok());
    let operator = OperatorId::from_bytes([70; 16]);
    let revoked = deleted(with_credential, &[Entry::OperatorRevoked { operator }]);
    assert_eq!(
        refusal(revoked.delete_user(&user(&revoked, one))),
        "LastPlatformOperator"
    );
}
