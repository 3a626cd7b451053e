//! What roles let callers do.

use app::access::Caller;
use app::accounts::Created;
use app::authorization::{AssignedTo, AssignmentFilter};
use app::precondition::Precondition;
use app::{Error, Kind};
use domain::authorization::{RoleDefinition, Scope};
use domain::books::AssignRole;
use domain::identity::DirectoryOwner;
use domain::ids::{RoleAssignmentId, RoleDefinitionId, SubscriptionId};

use crate::house::{CSP, House, PARTNER, SHARED, address, operator};
use crate::people::{FAILED, NOT_FOUND, READ, WRITE, group, now, refusal, registered, registration};

#[tokio::test]
async fn a_subscription_that_one_sees_nothing_of_is_as_one_that_does_not_exist() {
    let house = registered().await;
    let program = house.program("program").await;
    let app = house.app();
    let unknown = SubscriptionId::from_bytes([0xee; 16]);
    let hidden = app.may(&program, READ, &Scope::Subscription(SHARED)).unwrap_err();
    let missing = app
        .may(&program, READ, &Scope::Subscription(unknown))
        .unwrap_err();
    let blank = |error: Error, id: SubscriptionId| Error {
        message: error.message.replace(&id.to_string(), "…"),
        ..error
    };
    assert_eq!(blank(hidden, SHARED), blank(missing, unknown));
    house.give(&program, RoleDefinition::READER, &group()).await;
    assert_eq!(app.may(&program, READ, &registration()), Ok(()));
    let failed = app.may(&program, WRITE, &registration()).unwrap_err();
    let Caller::Principal(principal) = &program else {
        panic!()
    };
    assert_eq!(
        failed.message,
        format!(
            "The client '{}' with object id '{}' does not have authorization to perform action '{WRITE}' over scope \
             '{}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
            principal.application.unwrap(),
            principal.id,
            registration()
        )
    );
    let beside = Scope::ResourceGroup(SHARED, "none".parse().unwrap());
    assert_eq!(refusal(app.may(&program, READ, &beside)), FAILED);
    assert_eq!(
        refusal(app.may(&program, READ, &Scope::Subscription(SHARED))),
        FAILED
    );
    assert_eq!(
        refusal(app.may(&program, READ, &Scope::Subscription(CSP))),
        NOT_FOUND
    );
    assert_eq!(refusal(app.may(&program, READ, &Scope::Root)), FAILED);
}

#[tokio::test]
async fn what_a_group_was_given_counts_for_its_members_as_long_as_they_are_in_it() {
    let house = registered().await;
    let directory = house
        .directory("fabrikam.example", DirectoryOwner::Partner(PARTNER))
        .await;
    let anna = house.user(&directory, "anna").await;
    let app = house.app();
    let members = app
        .create_group(&operator(), directory.id, "Readers")
        .await
        .unwrap();
    let request = AssignRole {
        id: RoleAssignmentId::from_bytes([1; 16]),
        scope: Scope::Subscription(SHARED),
        role: RoleDefinition::READER,
        principal: members.id,
        principal_kind: None,
    };
    app.assign_role(&operator(), &request).await.unwrap();
    let may = |house: &House| {
        let anna = Caller::Principal(now(house, anna.id));
        house.app().may(&anna, READ, &registration()).is_ok()
    };
    assert!(!may(&house));
    app.add_member(&operator(), members.id, anna.id).await.unwrap();
    assert!(may(&house));
    drop(app);
    let house = house.restarted().await;
    assert!(may(&house), "after a restart");
    house
        .app()
        .remove_member(&operator(), members.id, anna.id)
        .await
        .unwrap();
    assert!(!may(&house));
}

#[tokio::test]
async fn roles_are_given_by_those_who_may_and_by_nobody_else() {
    let house = registered().await;
    let app = house.app();
    let (owner, contributor, stranger) = (
        house.program("owner").await,
        house.program("contributor").await,
        house.program("stranger").await,
    );
    let scope = Scope::Subscription(SHARED);
    house.give(&owner, RoleDefinition::OWNER, &scope).await;
    house
        .give(&contributor, RoleDefinition::CONTRIBUTOR, &scope)
        .await;
    let request = |number: u8| AssignRole {
        id: RoleAssignmentId::from_bytes([number; 16]),
        scope: group(),
        role: RoleDefinition::AZURE_STACK_REGISTRATION_OWNER,
        principal: stranger.id(),
        principal_kind: None,
    };
    assert_eq!(refusal(app.assign_role(&contributor, &request(1)).await), FAILED);
    assert_eq!(refusal(app.assign_role(&stranger, &request(1)).await), NOT_FOUND);
    let (given, created) = app.assign_role(&owner, &request(1)).await.unwrap();
    assert_eq!((given.assigned.by, created), (owner.id(), Created::New));
    assert_eq!(
        app.assign_role(&owner, &request(1)).await.unwrap().1,
        Created::Existing
    );
    let twice = app.assign_role(&owner, &request(2)).await;
    assert_eq!(refusal(twice), (Kind::Conflict, "RoleAssignmentExists"));
    assert!(app.may(&stranger, READ, &registration()).is_ok());
    assert_eq!(
        refusal(app.role_assignments(&stranger, &group(), &AssignmentFilter::default(), None, 9)),
        FAILED
    );
    assert_eq!(
        refusal(app.unassign_role(&contributor, &group(), given.id).await),
        FAILED
    );
    assert_eq!(
        app.unassign_role(&owner, &scope, given.id).await.unwrap(),
        None,
        "it is not at that scope"
    );
    assert_eq!(
        app.unassign_role(&owner, &group(), given.id).await.unwrap(),
        Some(given)
    );
    assert_eq!(refusal(app.may(&stranger, READ, &registration())), NOT_FOUND);
}

#[tokio::test]
async fn role_assignments_are_listed_at_above_and_below_a_scope() {
    let house = registered().await;
    let app = house.app();
    let (one, two) = (house.program("one").await, house.program("two").await);
    let reader = RoleDefinition::READER;
    let at_root = house.give(&one, reader, &Scope::Root).await;
    let above = house.give(&two, reader, &Scope::Subscription(SHARED)).await;
    let here = house.give(&one, reader, &group()).await;
    let below = house.give(&two, reader, &registration()).await;
    house.give(&one, reader, &Scope::Subscription(CSP)).await;
    let list = |at_scope, to| {
        let filter = AssignmentFilter { at_scope, to };
        let listed = app
            .role_assignments(&operator(), &group(), &filter, None, 9)
            .unwrap();
        listed.into_iter().map(|it| it.id).collect::<Vec<_>>()
    };
    let sorted = |mut ids: Vec<RoleAssignmentId>| {
        ids.sort();
        ids
    };
    assert_eq!(list(false, None), sorted(vec![at_root, above, here, below]));
    assert_eq!(list(true, None), sorted(vec![at_root, above, here]));
    assert_eq!(
        list(false, Some(AssignedTo::Principal(two.id()))),
        sorted(vec![above, below])
    );
    let first = app
        .role_assignments(&operator(), &group(), &AssignmentFilter::default(), None, 1)
        .unwrap();
    let rest = app.role_assignments(
        &operator(),
        &group(),
        &AssignmentFilter::default(),
        Some(first[0].id),
        9,
    );
    assert_eq!((first.len(), rest.unwrap().len()), (1, 3));
}

#[tokio::test]
async fn an_assignment_to_a_group_is_found_for_its_members() {
    let house = registered().await;
    let app = house.app();
    let directory = house
        .directory("fabrikam.example", DirectoryOwner::Partner(PARTNER))
        .await;
    let anna = house.user(&directory, "anna").await;
    let members = app
        .create_group(&operator(), directory.id, "Readers")
        .await
        .unwrap();
    app.add_member(&operator(), members.id, anna.id).await.unwrap();
    let request = AssignRole {
        id: RoleAssignmentId::from_bytes([1; 16]),
        scope: group(),
        role: RoleDefinition::READER,
        principal: members.id,
        principal_kind: None,
    };
    app.assign_role(&operator(), &request).await.unwrap();
    for (to, found) in [
        (AssignedTo::Principal(anna.id), 0),
        (AssignedTo::PrincipalOrGroups(anna.id), 1),
    ] {
        let filter = AssignmentFilter {
            at_scope: true,
            to: Some(to),
        };
        assert_eq!(
            app.role_assignments(&operator(), &group(), &filter, None, 9)
                .unwrap()
                .len(),
            found
        );
    }
}

#[tokio::test]
async fn custom_roles_are_defined_by_owners_where_they_own_and_seen_where_they_can_be_given() {
    let house = registered().await;
    let app = house.app();
    let (owner, elsewhere) = (house.program("owner").await, house.program("elsewhere").await);
    house
        .give(&owner, RoleDefinition::OWNER, &Scope::Subscription(SHARED))
        .await;
    house
        .give(&elsewhere, RoleDefinition::OWNER, &Scope::Subscription(CSP))
        .await;
    let role = RoleDefinition {
        id: RoleDefinitionId::from_bytes([1; 16]),
        name: "Registrar".to_owned(),
        description: String::new(),
        actions: vec!["Microsoft.AzureStack/registrations/*".parse().unwrap()],
        not_actions: vec!["*/delete".parse().unwrap()],
        assignable: vec![Scope::Subscription(SHARED)],
        custom: false,
    };
    assert_eq!(
        refusal(app.put_role_definition(&elsewhere, &role).await),
        NOT_FOUND
    );
    let both = RoleDefinition {
        assignable: vec![Scope::Subscription(SHARED), Scope::Subscription(CSP)],
        ..role.clone()
    };
    assert_eq!(refusal(app.put_role_definition(&owner, &both).await), NOT_FOUND);
    let (defined, created) = app.put_role_definition(&owner, &role).await.unwrap();
    assert!(defined.custom && created == Created::New);
    let stolen = RoleDefinition {
        assignable: vec![Scope::Subscription(CSP)],
        ..role.clone()
    };
    let stolen = app.put_role_definition(&elsewhere, &stolen).await;
    assert_eq!(refusal(stolen), (Kind::Conflict, "RoleDefinitionExists"));
    assert_eq!(app.role_definitions(&owner, &group()).unwrap().len(), 6);
    assert_eq!(
        app.role_definitions(&elsewhere, &Scope::Subscription(CSP))
            .unwrap()
            .len(),
        5
    );
    let hidden = app.role_definition(&elsewhere, &Scope::Subscription(CSP), role.id);
    assert_eq!(refusal(hidden), (Kind::NotFound, "RoleDefinitionDoesNotExist"));
    let program = house.program("program").await;
    house.give(&program, role.id, &group()).await;
    assert!(app.may(&program, WRITE, &registration()).is_ok());
    let delete = "Microsoft.AzureStack/registrations/delete";
    assert_eq!(refusal(app.may(&program, delete, &registration())), FAILED);
    let in_use = app
        .delete_role_definition(&owner, &Scope::Subscription(SHARED), role.id)
        .await;
    assert_eq!(refusal(in_use), (Kind::Conflict, "RoleDefinitionHasAssignments"));
    let built_in = app
        .delete_role_definition(&owner, &Scope::Subscription(SHARED), RoleDefinition::OWNER)
        .await;
    assert_eq!(refusal(built_in), (Kind::Conflict, "BuiltInRoleCannotBeChanged"));
}

#[tokio::test]
async fn permissions_tell_what_a_caller_may_do_at_a_scope() {
    let house = registered().await;
    let app = house.app();
    let program = house.program("program").await;
    house.give(&program, RoleDefinition::CONTRIBUTOR, &group()).await;
    house
        .give(&program, RoleDefinition::CONTRIBUTOR, &registration())
        .await;
    let permissions = app.permissions(&program, &registration()).unwrap();
    assert_eq!(permissions.len(), 1, "each role once");
    assert_eq!(permissions[0].actions, ["*".parse().unwrap()]);
    assert_eq!(permissions[0].not_actions.len(), 3);
    assert_eq!(app.permissions(&operator(), &Scope::Root).unwrap().len(), 1);
}

#[tokio::test]
async fn what_somebody_does_is_recorded_as_theirs() {
    let house = registered().await;
    let app = house.app();
    let program = house.program("program").await;
    house
        .give(&program, RoleDefinition::OWNER, &Scope::Subscription(SHARED))
        .await;
    app.add_tenant(&program, &address(), &CSP.to_string(), None, &Precondition::None)
        .await
        .unwrap();
    let history = app.mapping_history(&operator(), crate::house::STACK).unwrap();
    assert_eq!(history.last().unwrap().recorded.by, program.id());
}

#[tokio::test]
async fn a_stack_is_there_for_those_who_see_its_registration_also_after_that_has_ended() {
    let house = registered().await;
    let app = house.app();
    let (reader, stranger) = (house.program("reader").await, house.program("stranger").await);
    house
        .give(&reader, RoleDefinition::READER, &Scope::Subscription(SHARED))
        .await;
    let (stack, unknown) = (crate::house::STACK, domain::ids::CloudId::from_bytes([0xee; 16]));
    let not_found = (Kind::NotFound, "RegistrationNotFound");
    let check = || {
        assert_eq!(app.may_with_stack(&reader, READ, stack), Ok(()));
        assert_eq!(refusal(app.may_with_stack(&reader, WRITE, stack)), FAILED);
        let hidden = app.may_with_stack(&stranger, READ, stack).unwrap_err();
        let missing = app.may_with_stack(&stranger, READ, unknown).unwrap_err();
        assert_eq!((hidden.kind, hidden.code), not_found);
        assert_eq!(
            hidden.message.replace(&stack.to_string(), ""),
            missing.message.replace(&unknown.to_string(), "")
        );
        assert_eq!(app.may_with_stack(&operator(), WRITE, stack), Ok(()));
        assert_eq!(app.may_with_stack(&operator(), WRITE, unknown), Ok(()));
    };
    check();
    app.delete_registration(&operator(), &address(), &Precondition::None)
        .await
        .unwrap();
    check();
}
