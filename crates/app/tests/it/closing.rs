//! What is left of accounts that were deleted: their history, and nothing that anybody could act by.

use app::Kind;
use app::access::Caller;
use app::precondition::Precondition;
use domain::authorization::{PartnerRole, RoleDefinition, Scope};
use domain::identity::DirectoryOwner;
use domain::ids::RoleDefinitionId;
use domain::registration::BillingModel;
use domain::time::Period;

use crate::house::{CSP, CUSTOMER, House, PARTNER, SHARED, address, operator};
use crate::people::{FAILED, NOT_FOUND, PASSWORD, now, refusal};

const LAST_OPERATOR: (Kind, &str) = (Kind::Conflict, "LastPlatformOperator");

fn october() -> Period {
    "2026-10".parse().unwrap()
}

/// The customer was charged 6.00 for a day of October, and is not charged any more.
async fn charged_once() -> House {
    let house = House::built_at("2026-10-01T00:10:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.it_is("2026-10-16T14:37:00Z");
    house.add_tenant(CSP, None).await.unwrap();
    house.it_is("2026-10-17T00:00:00Z");
    let usage = [("2026-10-16T14:00:00Z", "2"), ("2026-10-16T15:00:00Z", "4")];
    house.deliver("2026-10-16T16:00:00Z", &usage).await.unwrap();
    let still = house.app().delete_subscription(&operator(), CSP).await;
    assert_eq!(refusal(still), (Kind::Conflict, "TenantMappingsRemain"));
    house.it_is("2026-10-17T09:59:59Z");
    house
        .app()
        .remove_tenant(&operator(), &address(), &CSP.to_string(), &Precondition::None)
        .await
        .unwrap();
    house.it_is("2026-11-22T00:00:00Z");
    house
}

#[tokio::test]
async fn a_bill_of_a_subscription_that_is_gone_can_still_be_shown_and_names_who_paid() {
    let house = charged_once().await;
    let (seller, buyer) = (house.program("seller").await, house.program("buyer").await);
    house
        .give_partner_role(&seller, PartnerRole::AdminAgent(PARTNER))
        .await;
    house
        .give_partner_role(&buyer, PartnerRole::CustomerUser(CUSTOMER))
        .await;
    let app = house.app();
    let theirs = app.delete_subscription(&buyer, CSP).await;
    assert_eq!(refusal(theirs), FAILED);
    app.delete_subscription(&seller, CSP).await.unwrap();
    assert_eq!(refusal(app.statement(&buyer, CSP, october()).await), NOT_FOUND);
    app.delete_customer(&seller, CUSTOMER).await.unwrap();
    assert_eq!(
        refusal(app.delete_customer(&seller, CUSTOMER).await),
        (Kind::NotFound, "CustomerNotFound")
    );
    assert!(
        app.subscriptions(&operator(), None, 9)
            .iter()
            .all(|it| it.id != CSP)
    );
    assert!(app.customers(&operator(), None, 9).is_empty());

    drop(app);
    let house = house.restarted().await;
    let app = house.app();
    for caller in [&operator(), &seller] {
        let statement = app.statement(caller, CSP, october()).await.unwrap();
        assert_eq!(statement.total.to_string(), "6.00");
        let names = app.names(caller, &statement);
        assert_eq!(names.subscription.as_deref(), Some("Contoso production"));
        assert_eq!(names.customer.map(|it| it.name).as_deref(), Some("Contoso"));
        let listed = app.statements(caller, october(), None, 9).await.unwrap();
        assert!(listed.iter().any(|it| it.subscription == CSP));
    }
    let check = app.check_laws(october()).await.unwrap();
    assert_eq!(check.violations, Vec::<String>::new());

    // An hour that a stack reports late belongs to who paid for it then.
    house
        .deliver("2026-10-16T17:00:00Z", &[("2026-10-16T16:00:00Z", "1")])
        .await
        .unwrap();
    assert_eq!(house.owes(CSP).await, "7.00");
}

#[tokio::test]
async fn who_does_not_order_for_a_partner_deletes_none_of_its_accounts() {
    let house = charged_once().await;
    let app = house.app();
    let (stranger, owner) = (house.program("stranger").await, house.program("owner").await);
    house
        .give(&owner, RoleDefinition::OWNER, &Scope::Subscription(CSP))
        .await;
    assert_eq!(refusal(app.delete_subscription(&stranger, CSP).await), NOT_FOUND);
    assert_eq!(refusal(app.delete_subscription(&owner, CSP).await), FAILED);
    assert_eq!(
        refusal(app.delete_customer(&stranger, CUSTOMER).await),
        (Kind::NotFound, "CustomerNotFound")
    );
    assert_eq!(refusal(app.delete_partner(&stranger, PARTNER).await), FAILED);
    assert_eq!(
        refusal(app.delete_partner(&operator(), PARTNER).await),
        (Kind::Conflict, "CustomersRemain")
    );
    assert_eq!(
        refusal(app.delete_subscription(&operator(), SHARED).await),
        (Kind::Conflict, "RegistrationsRemain")
    );
}

#[tokio::test]
async fn a_deleted_user_is_out_at_once_and_what_it_did_keeps_its_name() {
    let house = charged_once().await;
    let app = house.app();
    let directory = house
        .directory("fabrikam.example", DirectoryOwner::Partner(PARTNER))
        .await;
    let anna = house.user(&directory, "anna").await;
    let signed_in = house.signs_in("anna@fabrikam.example", PASSWORD).await.unwrap();
    let caller = Caller::Principal(now(&house, anna.id));
    house
        .give_partner_role(&caller, PartnerRole::AdminAgent(PARTNER))
        .await;
    assert_eq!(app.partners(&caller, None, 9).len(), 1);
    app.delete_user(&operator(), anna.id).await.unwrap();
    assert!(app.partners(&caller, None, 9).is_empty(), "its role went with it");
    let renewed = app.renew(anna.id, None, signed_in.since);
    assert!(renewed.is_err(), "what it was given is good no more");
    assert!(house.signs_in("anna@fabrikam.example", PASSWORD).await.is_err());
    let name = app.name_of(&operator(), anna.id);
    assert_eq!(name.as_deref(), Some("anna@fabrikam.example"));
    let stranger = house.program("stranger").await;
    assert_eq!(app.name_of(&stranger, anna.id), None);
    app.delete_directory(&operator(), directory.id).await.unwrap();
    let again = app.name_of(&operator(), anna.id);
    assert_eq!(again.as_deref(), Some("anna@fabrikam.example"));
}

#[tokio::test]
async fn the_last_operator_of_the_platform_locks_nobody_out_by_a_group_or_a_secret() {
    let house = House::built_at("2026-11-22T00:00:00Z").await;
    let app = house.app();
    let directory = house
        .directory("platform.example", DirectoryOwner::Platform)
        .await;
    let anna = house.user(&directory, "anna").await;
    let group = app
        .create_group(&operator(), directory.id, "Operators")
        .await
        .unwrap();
    app.add_member(&operator(), group.id, anna.id).await.unwrap();
    let role = PartnerRole::PlatformOperator;
    app.assign_partner_role(&operator(), role, group.id, None)
        .await
        .unwrap();
    let caller = Caller::Principal(now(&house, anna.id));
    let left = app.remove_member(&caller, group.id, anna.id).await;
    assert_eq!(refusal(left), LAST_OPERATOR);

    let program = house.program("nightly").await;
    house.give_partner_role(&program, role).await;
    assert!(app.remove_member(&operator(), group.id, anna.id).await.unwrap());
    let Caller::Principal(principal) = &program else {
        panic!("a program");
    };
    let id = principal.application.unwrap();
    let secret = app.application(&program, id).unwrap().secrets[0].id;
    let removed = app.remove_credential(&program, id, secret).await;
    assert_eq!(refusal(removed), LAST_OPERATOR);

    app.delete_user(&program, anna.id).await.unwrap();
    let again = app.assign_partner_role(&program, role, anna.id, None).await;
    assert_eq!(refusal(again), (Kind::Invalid, "PrincipalNotFound"));
}

#[tokio::test]
async fn a_subscription_that_is_gone_does_not_take_a_role_away_from_who_can_still_give_it() {
    let house = House::built_at("2026-11-22T00:00:00Z").await;
    let app = house.app();
    let owner = house.program("owner").await;
    let shared = Scope::Subscription(SHARED);
    house.give(&owner, RoleDefinition::OWNER, &shared).await;
    let both = RoleDefinition {
        id: RoleDefinitionId::from_bytes([1; 16]),
        name: "Registrar".to_owned(),
        description: String::new(),
        actions: vec!["*/read".parse().unwrap()],
        not_actions: vec![],
        assignable: vec![shared.clone(), Scope::Subscription(CSP)],
        custom: true,
    };
    let narrower = RoleDefinition {
        assignable: vec![shared.clone()],
        ..both.clone()
    };
    app.put_role_definition(&operator(), &both).await.unwrap();
    let too_early = app.put_role_definition(&owner, &narrower).await;
    assert_eq!(refusal(too_early), (Kind::Conflict, "RoleDefinitionExists"));
    app.delete_subscription(&operator(), CSP).await.unwrap();
    app.put_role_definition(&owner, &narrower).await.unwrap();
    let deleted = app.delete_role_definition(&owner, &shared, both.id).await;
    assert!(deleted.unwrap().is_some());
}
