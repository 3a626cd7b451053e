use super::super::{Books, Contradiction, Entry, ResourceGroup};
use super::*;
use crate::authorization::{ActionPattern, Deed, LockLevel};
use crate::books::DirectoryEntry;
use crate::identity::{Directory, DirectoryOwner, PasswordHash, User};
use crate::ids::{CustomerId, PartnerId, SubscriptionId, TenantId};
use crate::partner::{Customer, Partner, PartnerKind, Subscription, SubscriptionKind, SubscriptionState};
use crate::registration::RefusalKind;
use crate::time::Timestamp;
use std::collections::BTreeMap;

mod limits;

const PROVIDER: PartnerId = PartnerId::from_bytes([1; 16]);
const RESELLER: PartnerId = PartnerId::from_bytes([2; 16]);
const OTHER: PartnerId = PartnerId::from_bytes([3; 16]);
const CUSTOMER: CustomerId = CustomerId::from_bytes([4; 16]);
const SUBSCRIPTION: SubscriptionId = SubscriptionId::from_bytes([5; 16]);
const STRANGER: ObjectId = ObjectId::from_bytes([6; 16]);
const ROLE: RoleDefinitionId = RoleDefinitionId::from_bytes([7; 16]);
const ASSIGNMENT: RoleAssignmentId = RoleAssignmentId::from_bytes([8; 16]);

fn enter(books: &mut Books, entry: impl Into<Entry>) -> Result<(), Contradiction> {
    let entry_number = books.entries() + 1;
    let at = Timestamp::from_second(i64::try_from(entry_number).unwrap()).unwrap();
    let recorded = Recorded {
        entry: entry_number,
        at,
        by: ObjectId::from_bytes([0; 16]),
    };
    books.apply(&entry.into(), recorded)
}

/// A user in a directory of this owner.
fn user_of(books: &mut Books, owner: DirectoryOwner, number: u8) -> ObjectId {
    let (directory, id) = (
        TenantId::from_bytes([number; 16]),
        ObjectId::from_bytes([number; 16]),
    );
    let domain = format!("d{number}.example");
    let name = format!("anna@{domain}").parse().unwrap();
    let created = Directory {
        id: directory,
        name: "x".to_owned(),
        domain: domain.parse().unwrap(),
        owner,
    };
    enter(books, DirectoryEntry::DirectoryCreated(created)).unwrap();
    let user = User {
        id,
        directory,
        name,
        display_name: "Anna".to_owned(),
        password: PasswordHash::from_phc(String::new()),
        enabled: true,
    };
    enter(books, DirectoryEntry::UserCreated(user)).unwrap();
    id
}

fn books() -> Books {
    let mut books = Books::default();
    let partner = |id, kind| {
        Entry::PartnerCreated(Partner {
            id,
            name: "x".to_owned(),
            kind,
        })
    };
    let entries = [
        partner(PROVIDER, PartnerKind::IndirectProvider),
        partner(RESELLER, PartnerKind::IndirectReseller { provider: PROVIDER }),
        partner(OTHER, PartnerKind::DirectBill),
        Entry::CustomerCreated(Customer {
            id: CUSTOMER,
            partner: RESELLER,
            name: "Contoso".to_owned(),
            tenants: vec![TenantId::from_bytes([4; 16])],
        }),
        Entry::SubscriptionCreated(Subscription {
            id: SUBSCRIPTION,
            name: "Contoso".to_owned(),
            kind: SubscriptionKind::Csp,
            tenant: TenantId::from_bytes([4; 16]),
            owner: Some(RESELLER),
            customer: Some(CUSTOMER),
            state: SubscriptionState::Active,
        }),
        group_put(),
    ];
    for entry in entries {
        enter(&mut books, entry).unwrap();
    }
    books
}

fn group_put() -> Entry {
    Entry::ResourceGroupPut(ResourceGroup {
        subscription: SUBSCRIPTION,
        name: "azurestack".parse().unwrap(),
        location: "global".to_owned(),
        tags: BTreeMap::new(),
    })
}

fn group() -> Scope {
    Scope::ResourceGroup(SUBSCRIPTION, "AzureStack".parse().unwrap())
}

fn assign(id: u8, scope: Scope, role: RoleDefinitionId) -> AssignRole {
    AssignRole {
        id: RoleAssignmentId::from_bytes([id; 16]),
        scope,
        role,
        principal: STRANGER,
        principal_kind: None,
    }
}

fn custom() -> RoleDefinition {
    RoleDefinition {
        id: ROLE,
        name: "Registrar".to_owned(),
        description: String::new(),
        actions: vec!["*/read".parse::<ActionPattern>().unwrap()],
        not_actions: vec![],
        assignable: vec![Scope::Subscription(SUBSCRIPTION)],
        custom: true,
    }
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, RoleRefused>) -> &'static str {
    outcome.unwrap_err().code()
}

#[test]
fn a_role_is_given_once_and_an_assignment_never_changes() {
    let mut books = books();
    let first = assign(1, group(), RoleDefinition::READER);
    let entry = books.assign_role(&first).unwrap().unwrap();
    enter(&mut books, entry).unwrap();
    assert_eq!(books.assign_role(&first), Ok(None), "the same request again");
    let second = AssignRole {
        id: ASSIGNMENT,
        ..first.clone()
    };
    assert_eq!(refusal(books.assign_role(&second)), "RoleAssignmentExists");
    for changed in [
        AssignRole {
            scope: Scope::Subscription(SUBSCRIPTION),
            ..first.clone()
        },
        AssignRole {
            role: RoleDefinition::OWNER,
            ..first.clone()
        },
        AssignRole {
            principal: ObjectId::from_bytes([99; 16]),
            ..first.clone()
        },
    ] {
        assert_eq!(
            refusal(books.assign_role(&changed)),
            "RoleAssignmentUpdateNotPermitted"
        );
    }
    let known = books.roles().assignment(first.id).unwrap().clone();
    assert_eq!(
        (known.principal_kind, known.assigned.entry),
        (PrincipalKind::User, 7)
    );
    let view = books.view(STRANGER, &BTreeSet::new());
    assert_eq!(view.grants.len(), 1);
    let entry = books.unassign_role(&known).unwrap();
    enter(&mut books, entry.clone()).unwrap();
    assert_eq!(books.view(STRANGER, &BTreeSet::new()), View::default());
    assert!(enter(&mut books, entry).is_err(), "taken away twice");
}

#[test]
fn a_role_that_cannot_be_given_there_is_not() {
    let mut books = books();
    enter(&mut books, RoleEntry::RoleDefined(custom())).unwrap();
    let reader = RoleDefinition::READER;
    let other_group = Scope::ResourceGroup(SUBSCRIPTION, "other".parse().unwrap());
    let registration = Scope::registration(
        SUBSCRIPTION,
        &"azurestack".parse().unwrap(),
        &"none".parse().unwrap(),
    );
    for (scope, role, code) in [
        (group(), ASSIGNMENT.as_uuid(), "RoleDefinitionDoesNotExist"),
        (
            Scope::Subscription(SubscriptionId::from_bytes([99; 16])),
            reader.as_uuid(),
            "ResourceNotFound",
        ),
        (other_group, reader.as_uuid(), "ResourceNotFound"),
        (registration, reader.as_uuid(), "ResourceNotFound"),
        (Scope::Root, ROLE.as_uuid(), "RoleNotAssignableAtScope"),
    ] {
        let request = assign(1, scope, RoleDefinitionId::from_uuid(role));
        assert_eq!(refusal(books.assign_role(&request)), code, "{request:?}");
    }
    assert!(books.assign_role(&assign(1, group(), ROLE)).is_ok());
    assert!(books.assign_role(&assign(1, Scope::Root, reader)).is_ok());
}

#[test]
fn a_principal_is_of_the_kind_that_it_is_known_to_be() {
    let mut books = books();
    let anna = user_of(&mut books, DirectoryOwner::Platform, 40);
    let request = |kind| AssignRole {
        principal: anna,
        principal_kind: kind,
        ..assign(1, group(), RoleDefinition::READER)
    };
    let as_group = request(Some(PrincipalKind::Group));
    assert_eq!(refusal(books.assign_role(&as_group)), "UnmatchedPrincipalType");
    assert!(books.assign_role(&request(Some(PrincipalKind::User))).is_ok());
    assert!(books.assign_role(&request(None)).is_ok());
    let unknown = AssignRole {
        principal: STRANGER,
        ..as_group
    };
    assert!(
        books.assign_role(&unknown).is_ok(),
        "one of a directory that is kept elsewhere"
    );
}

#[test]
fn a_custom_role_keeps_its_name_and_what_was_given_by_it() {
    let mut books = books();
    let entry = books.define_role(custom()).unwrap().unwrap();
    enter(&mut books, entry).unwrap();
    assert_eq!(books.define_role(custom()), Ok(None));
    let built_in = RoleDefinition {
        id: RoleDefinition::OWNER,
        ..custom()
    };
    assert_eq!(refusal(books.define_role(built_in)), "BuiltInRoleCannotBeChanged");
    assert_eq!(
        refusal(books.delete_role(RoleDefinition::OWNER)),
        "BuiltInRoleCannotBeChanged"
    );
    let other = RoleDefinition {
        id: RoleDefinitionId::from_bytes([77; 16]),
        ..custom()
    };
    for name in ["REGISTRAR", "owner"] {
        let same = RoleDefinition {
            name: name.to_owned(),
            ..other.clone()
        };
        assert_eq!(
            refusal(books.define_role(same)),
            "RoleDefinitionWithSameNameExists",
            "{name}"
        );
    }
    let nowhere = RoleDefinition {
        assignable: vec![Scope::Subscription(SubscriptionId::from_bytes([99; 16]))],
        ..custom()
    };
    assert_eq!(refusal(books.define_role(nowhere)), "ResourceNotFound");
    let entry = books
        .assign_role(&assign(1, Scope::Subscription(SUBSCRIPTION), ROLE))
        .unwrap()
        .unwrap();
    enter(&mut books, entry).unwrap();
    assert_eq!(refusal(books.delete_role(ROLE)), "RoleDefinitionHasAssignments");
    let narrower = RoleDefinition {
        assignable: vec![group()],
        ..custom()
    };
    assert_eq!(
        refusal(books.define_role(narrower)),
        "RoleAssignedOutsideAssignableScopes"
    );
    let allows_nothing = RoleDefinition {
        actions: vec!["none".parse().unwrap()],
        ..custom()
    };
    let entry = books.define_role(allows_nothing).unwrap().unwrap();
    enter(&mut books, entry).unwrap();
    let view = books.view(STRANGER, &BTreeSet::new());
    assert!(
        !view.allows("x/read", &group(), None),
        "a role that is defined anew holds as it is now"
    );
    let id = RoleAssignmentId::from_bytes([1; 16]);
    enter(&mut books, RoleEntry::RoleUnassigned { assignment: id }).unwrap();
    let entry = books.delete_role(ROLE).unwrap().unwrap();
    enter(&mut books, entry).unwrap();
    assert_eq!(books.delete_role(ROLE), Ok(None));
}

#[test]
fn two_who_never_meet_may_have_a_role_of_one_name() {
    let mut books = books();
    let second = SubscriptionId::from_bytes([55; 16]);
    let known = books.subscription(SUBSCRIPTION).unwrap().clone();
    enter(
        &mut books,
        Entry::SubscriptionCreated(Subscription { id: second, ..known }),
    )
    .unwrap();
    enter(&mut books, RoleEntry::RoleDefined(custom())).unwrap();
    let theirs = RoleDefinition {
        id: RoleDefinitionId::from_bytes([77; 16]),
        assignable: vec![Scope::Subscription(second)],
        ..custom()
    };
    assert!(books.define_role(theirs.clone()).is_ok());
    let inside = RoleDefinition {
        assignable: vec![group()],
        ..theirs
    };
    assert_eq!(
        refusal(books.define_role(inside)),
        "RoleDefinitionWithSameNameExists"
    );
}

#[test]
fn partner_roles_reach_what_is_theirs_and_a_provider_its_resellers() {
    let mut books = books();
    let given = |role, principal| RoleEntry::PartnerRoleAssigned {
        role,
        principal,
        principal_kind: PrincipalKind::User,
    };
    let group = ObjectId::from_bytes([99; 16]);
    enter(&mut books, given(PartnerRole::AdminAgent(PROVIDER), STRANGER)).unwrap();
    enter(&mut books, given(PartnerRole::CustomerUser(CUSTOMER), group)).unwrap();
    let view = books.view(STRANGER, &BTreeSet::new());
    assert_eq!(
        (&view.agent_of, &view.resellers),
        (&[PROVIDER].into(), &[RESELLER].into())
    );
    assert!(view.user_of.is_empty());
    let view = books.view(STRANGER, &[group].into());
    assert_eq!(view.user_of, [CUSTOMER].into());
    assert!(!view.everything);
    enter(&mut books, given(PartnerRole::PlatformOperator, group)).unwrap();
    assert!(books.view(STRANGER, &[group].into()).everything);
    let now = Timestamp::from_second(1_000).unwrap();
    let alone = books.unassign_partner_role(PartnerRole::PlatformOperator, group, now);
    assert_eq!(refusal(alone), "LastPlatformOperator");
    let other = ObjectId::from_bytes([98; 16]);
    enter(&mut books, given(PartnerRole::PlatformOperator, other)).unwrap();
    let entry = books
        .unassign_partner_role(PartnerRole::PlatformOperator, group, now)
        .unwrap();
    enter(&mut books, entry).unwrap();
    assert!(!books.view(STRANGER, &[group].into()).everything);
    let again = books.unassign_partner_role(PartnerRole::PlatformOperator, group, now);
    assert_eq!(refusal(again), "PartnerRoleNotFound");
}

#[test]
fn a_partner_role_is_not_given_to_somebody_whose_password_others_could_set() {
    use DirectoryOwner::{Customer, Partner, Platform};
    use PartnerRole::{AdminAgent, CustomerUser, PlatformOperator};
    let mut books = books();
    let users: BTreeMap<&str, ObjectId> = [
        ("platform", Platform),
        ("provider", Partner(PROVIDER)),
        ("reseller", Partner(RESELLER)),
        ("other", Partner(OTHER)),
        ("customer", Customer(CUSTOMER)),
    ]
    .into_iter()
    .zip(40..)
    .map(|((name, owner), number)| (name, user_of(&mut books, owner, number)))
    .collect();
    for (role, trusted) in [
        (PlatformOperator, &["platform"][..]),
        (AdminAgent(PROVIDER), &["platform", "provider"]),
        (AdminAgent(RESELLER), &["platform", "reseller", "customer"]),
        (CustomerUser(CUSTOMER), &["platform", "reseller", "customer"]),
        (AdminAgent(OTHER), &["platform", "other"]),
    ] {
        for (name, user) in &users {
            let given = books.assign_partner_role(role, *user, None);
            assert_eq!(given.is_ok(), trusted.contains(name), "{role:?} {name}");
        }
        assert!(
            books.assign_partner_role(role, STRANGER, None).is_ok(),
            "who is kept elsewhere"
        );
    }
    let nobody = AdminAgent(PartnerId::from_bytes([99; 16]));
    assert_eq!(
        refusal(books.assign_partner_role(nobody, STRANGER, None)),
        "PartnerRoleSubjectNotFound"
    );
}

#[test]
fn locks_are_set_once_and_stop_roles_from_being_taken_away() {
    let mut books = books();
    let lock = Lock {
        scope: group(),
        name: "keep".parse().unwrap(),
        level: LockLevel::CanNotDelete,
        notes: None,
    };
    let entry = books.put_lock(lock.clone()).unwrap().unwrap();
    enter(&mut books, entry).unwrap();
    assert_eq!(books.put_lock(lock.clone()), Ok(None));
    assert_eq!(
        refusal(books.put_lock(Lock {
            scope: Scope::Root,
            ..lock.clone()
        })),
        "InvalidLockScope"
    );
    let none = Scope::ResourceGroup(SUBSCRIPTION, "none".parse().unwrap());
    assert_eq!(
        refusal(books.put_lock(Lock {
            scope: none,
            ..lock.clone()
        })),
        "ResourceNotFound"
    );
    let notes = Some("x".repeat(513));
    assert_eq!(
        refusal(books.put_lock(Lock {
            notes,
            ..lock.clone()
        })),
        "InvalidLockNotes"
    );
    let entry = books
        .assign_role(&assign(1, group(), RoleDefinition::READER))
        .unwrap()
        .unwrap();
    enter(&mut books, entry).unwrap();
    let given = books.roles().assignments().next().unwrap().clone();
    assert_eq!(refusal(books.unassign_role(&given)), "ScopeLocked");
    let above = RoleAssignment {
        scope: Scope::Subscription(SUBSCRIPTION),
        ..given.clone()
    };
    assert!(books.unassign_role(&above).is_ok(), "a lock below is not touched");
    assert!(
        books
            .check_locks(Deed::Delete, &Scope::Subscription(SUBSCRIPTION))
            .is_err()
    );
    let read_only = Lock {
        level: LockLevel::ReadOnly,
        ..lock.clone()
    };
    let entry = books.put_lock(read_only).unwrap().unwrap();
    enter(&mut books, entry).unwrap();
    assert_eq!(
        refusal(books.assign_role(&assign(2, group(), RoleDefinition::OWNER))),
        "ScopeLocked"
    );
    let entry = books.remove_lock(&lock.scope, &"KEEP".parse().unwrap()).unwrap();
    enter(&mut books, entry).unwrap();
    assert_eq!(books.remove_lock(&lock.scope, &lock.name), None);
    assert!(books.unassign_role(&given).is_ok());
}

#[test]
fn a_resource_group_that_comes_back_does_not_bring_old_roles_and_locks_with_it() {
    let mut books = books();
    let lock = Lock {
        scope: group(),
        name: "keep".parse().unwrap(),
        level: LockLevel::ReadOnly,
        notes: None,
    };
    for (id, scope) in [(1, group()), (2, Scope::Subscription(SUBSCRIPTION))] {
        let entry = books
            .assign_role(&assign(id, scope, RoleDefinition::OWNER))
            .unwrap()
            .unwrap();
        enter(&mut books, entry).unwrap();
    }
    enter(&mut books, RoleEntry::Locked(lock)).unwrap();
    let deleted = Entry::ResourceGroupDeleted {
        subscription: SUBSCRIPTION,
        name: "azurestack".parse().unwrap(),
    };
    enter(&mut books, deleted).unwrap();
    enter(&mut books, group_put()).unwrap();
    let view = books.view(STRANGER, &BTreeSet::new());
    assert_eq!(
        view.grants.len(),
        1,
        "the one on the subscription stays: {:?}",
        view.grants
    );
    assert_eq!(books.roles().locks().count(), 0);
}
