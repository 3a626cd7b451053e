//! How far roles and locks go, and how many there may be.

use super::*;

#[test]
fn a_role_at_the_root_is_not_given_to_somebody_whose_password_a_partner_could_set() {
    let mut books = books();
    let platform = user_of(&mut books, DirectoryOwner::Platform, 40);
    let provider = user_of(&mut books, DirectoryOwner::Partner(PROVIDER), 41);
    let to = |principal, scope| AssignRole {
        principal,
        ..assign(8, scope, RoleDefinition::OWNER)
    };
    assert_eq!(
        refusal(books.assign_role(&to(provider, Scope::Root))),
        "PrincipalDirectoryNotTrusted"
    );
    assert!(books.assign_role(&to(platform, Scope::Root)).is_ok());
    assert!(
        books.assign_role(&to(STRANGER, Scope::Root)).is_ok(),
        "who is kept elsewhere"
    );
    let below = Scope::Subscription(SUBSCRIPTION);
    assert!(
        books.assign_role(&to(provider, below)).is_ok(),
        "for its owner to say"
    );
}

#[test]
fn no_role_is_given_to_the_id_of_somebody_who_was_deleted() {
    let mut books = books();
    let anna = user_of(&mut books, DirectoryOwner::Platform, 40);
    enter(&mut books, DirectoryEntry::UserDeleted { user: anna }).unwrap();
    let operator = books.assign_partner_role(PartnerRole::PlatformOperator, anna, None);
    let reader = books.assign_role(&AssignRole {
        principal: anna,
        ..assign(1, Scope::Root, RoleDefinition::READER)
    });
    for refused in [operator.unwrap_err(), reader.unwrap_err()] {
        assert_eq!(
            (refused.code(), refused.kind(), refused.target()),
            ("PrincipalNotFound", RefusalKind::Invalid, Some("principalId"))
        );
    }
}

#[test]
fn what_is_decided_about_a_subscription_does_not_depend_on_roles_in_others() {
    let mut books = books();
    let other = SubscriptionId::from_bytes([9; 16]);
    for (id, scope) in [
        (20, Scope::Root),
        (21, Scope::Subscription(SUBSCRIPTION)),
        (22, group()),
        (23, Scope::Subscription(other)),
    ] {
        let AssignRole {
            id,
            scope,
            role,
            principal,
            ..
        } = assign(id, scope, RoleDefinition::READER);
        let principal_kind = PrincipalKind::User;
        let given = RoleEntry::RoleAssigned {
            id,
            scope,
            role,
            principal,
            principal_kind,
        };
        enter(&mut books, given).unwrap();
    }
    let scopes = |within| {
        let view = books.view_within(STRANGER, &BTreeSet::new(), within);
        view.grants
            .into_iter()
            .map(|grant| grant.scope)
            .collect::<Vec<_>>()
    };
    let here = Scope::Subscription(SUBSCRIPTION);
    assert_eq!(scopes(Some(SUBSCRIPTION)), [Scope::Root, here, group()]);
    assert_eq!(scopes(Some(other)), [Scope::Root, Scope::Subscription(other)]);
    assert_eq!(scopes(None), [Scope::Root]);
    assert_eq!(books.view(STRANGER, &BTreeSet::new()).grants.len(), 4);
    assert_eq!(books.roles().assignments_in(Some(SUBSCRIPTION)).count(), 2);
}

#[test]
fn somebody_who_sets_lock_after_lock_is_stopped_and_can_still_change_and_remove_them() {
    let mut books = books();
    let lock = |number: usize, notes: Option<&str>| Lock {
        scope: group(),
        name: format!("lock-{number}").parse().unwrap(),
        level: LockLevel::CanNotDelete,
        notes: notes.map(str::to_owned),
    };
    for number in 0..20 {
        let entry = books.put_lock(lock(number, None)).unwrap().unwrap();
        enter(&mut books, entry).unwrap();
    }
    let refused = books.put_lock(lock(20, None)).unwrap_err();
    assert_eq!(
        (refused.code(), refused.kind()),
        ("TooManyLocks", RefusalKind::Conflict)
    );
    assert!(refused.to_string().contains("20 locks"), "{refused}");
    assert!(books.put_lock(lock(19, Some("why"))).unwrap().is_some());
    let elsewhere = Lock {
        scope: Scope::Subscription(SUBSCRIPTION),
        ..lock(20, None)
    };
    assert!(books.put_lock(elsewhere).is_ok());
    let removed = books.remove_lock(&group(), &"lock-0".parse().unwrap()).unwrap();
    enter(&mut books, removed).unwrap();
    assert!(books.put_lock(lock(20, None)).is_ok());
}

#[test]
fn a_subscription_whose_role_assignments_were_filled_up_says_so_and_others_have_room() {
    let mut books = books();
    let number = |number: u32| {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        bytes
    };
    let request = |id: u32, scope| AssignRole {
        id: RoleAssignmentId::from_bytes(number(id)),
        principal: ObjectId::from_bytes(number(id)),
        ..assign(0, scope, RoleDefinition::READER)
    };
    let here = || Scope::Subscription(SUBSCRIPTION);
    for id in 0..4_000 {
        let entry = books.assign_role(&request(id, here())).unwrap().unwrap();
        enter(&mut books, entry).unwrap();
    }
    for scope in [here(), group()] {
        let refused = books.assign_role(&request(4_000, scope)).unwrap_err();
        assert_eq!(
            (refused.code(), refused.kind()),
            ("RoleAssignmentLimitExceeded", RefusalKind::Conflict)
        );
        assert!(refused.to_string().contains("4000 role assignments"), "{refused}");
    }
    assert_eq!(
        books.assign_role(&request(3_999, here())),
        Ok(None),
        "it is given already"
    );
    assert!(books.assign_role(&request(4_000, Scope::Root)).is_ok());
}

#[test]
fn two_locks_that_an_earlier_version_took_for_two_are_one_and_the_journal_is_still_read() {
    let mut books = books();
    let lock = |text: &str| Lock {
        scope: format!(
            "{}/providers/Microsoft.AzureStack/registrations/n/customerSubscriptions/{text}",
            group()
        )
        .parse()
        .unwrap(),
        name: "lock".parse().unwrap(),
        level: LockLevel::CanNotDelete,
        notes: None,
    };
    let locks = [
        lock("0a000000-0000-4000-8000-000000000001"),
        lock("0a000000000040008000000000000001"),
    ];
    for lock in &locks {
        enter(&mut books, RoleEntry::Locked(lock.clone())).unwrap();
    }
    assert_eq!(books.roles().locks().count(), 1);
    for Lock { scope, name, .. } in locks {
        enter(&mut books, RoleEntry::Unlocked { scope, name }).unwrap();
    }
    assert_eq!(books.roles().locks().count(), 0);
}

#[test]
fn a_directory_whose_custom_roles_were_filled_up_says_so_and_others_have_room() {
    let mut books = books();
    let known = books.subscription(SUBSCRIPTION).unwrap().clone();
    let [sister, stranger] = [55, 56].map(|number| SubscriptionId::from_bytes([number; 16]));
    let tenant = TenantId::from_bytes([57; 16]);
    for (id, tenant) in [(sister, known.tenant), (stranger, tenant)] {
        let created = Subscription {
            id,
            tenant,
            ..known.clone()
        };
        enter(&mut books, Entry::SubscriptionCreated(created)).unwrap();
    }
    let role = |number: u32, assignable: &[SubscriptionId]| {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        RoleDefinition {
            id: RoleDefinitionId::from_bytes(id),
            name: format!("Registrar {number}"),
            assignable: assignable.iter().map(|it| Scope::Subscription(*it)).collect(),
            ..custom()
        }
    };
    let both = [SUBSCRIPTION, sister];
    for number in 0..4_999 {
        let defined = role(number, &both[(number % 2) as usize..]);
        enter(&mut books, RoleEntry::RoleDefined(defined)).unwrap();
    }
    let last = books.define_role(role(4_999, &both)).unwrap().unwrap();
    enter(&mut books, last).unwrap();
    for place in both {
        let refused = books.define_role(role(5_000, &[place])).unwrap_err();
        assert_eq!(refused.code(), "RoleDefinitionLimitExceeded");
    }
    let renamed = RoleDefinition {
        name: "Another".to_owned(),
        ..role(4_999, &both)
    };
    assert!(books.define_role(renamed).is_ok(), "it is no further one");
    assert!(books.define_role(role(5_000, &[stranger])).is_ok());
    let narrowed = role(1, &[stranger]);
    enter(&mut books, RoleEntry::RoleDefined(narrowed)).unwrap();
    assert!(
        books.define_role(role(5_000, &both)).is_ok(),
        "one is elsewhere now"
    );
}
