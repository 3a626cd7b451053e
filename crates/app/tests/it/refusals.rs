//! What is refused, and that a refusal changes nothing.

use app::Kind;
use app::access::{Caller, Right};
use app::precondition::Precondition;
use domain::ids::{CloudId, RegistrationId, TenantId};
use domain::registration::BillingModel;
use domain::time::{Hour, HourInterval};

use crate::house::{CSP, House, SHARED, STACK, address, operator, token};

#[tokio::test]
async fn a_stack_has_one_live_registration_and_a_deleted_ones_key_is_worth_nothing() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    let first = house.register(BillingModel::PayAsYouUse).await;
    assert!(first.created);
    let other = app::registrations::RegistrationAddress {
        name: "other".parse().unwrap(),
        ..address()
    };
    let request = domain::registration::register::PutRegistration {
        name: other.name.clone(),
        location: None,
        tags: None,
        token: Some(token(BillingModel::PayAsYouUse)),
    };
    let refused = house
        .app()
        .put_registration(&operator(), &other, &request, &Precondition::None)
        .await
        .unwrap_err();
    assert_eq!(
        (refused.kind, refused.code),
        (Kind::Conflict, "StackAlreadyRegistered")
    );

    let id = first.registration.id;
    assert!(house.app().registered_stack(STACK, id, 0).is_ok());
    assert!(
        house
            .app()
            .delete_registration(&operator(), &address(), &Precondition::None)
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        house
            .app()
            .delete_registration(&operator(), &address(), &Precondition::None)
            .await
            .unwrap()
            .is_none()
    );
    let refused = house.app().registered_stack(STACK, id, 0).unwrap_err();
    assert_eq!(
        (refused.kind, refused.code),
        (Kind::Unauthenticated, "ActivationKeyRevoked")
    );
    assert!(
        refused.message.contains("register it anew") && refused.message.contains("backdated"),
        "after a restore from an older backup there is no key to get: {refused:?}"
    );
    let again = house
        .put_registration(Some(token(BillingModel::PayAsYouUse)))
        .await
        .unwrap();
    assert!(again.created);
    assert_ne!(again.registration.id, id);
    assert!(house.app().registered_stack(STACK, id, 0).is_err());
}

#[tokio::test]
async fn nobody_does_what_their_credential_is_not_for() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    let app = house.app();
    let stack = Caller::Stack {
        cloud_id: STACK,
        registration: RegistrationId::from_bytes([1; 16]),
    };
    let other = CloudId::from_bytes([0xee; 16]);
    for (caller, right, allowed) in [
        (operator(), Right::Operate, true),
        (operator(), Right::DeliverDirectory(STACK), true),
        (operator(), Right::DeliverUsage(STACK), false),
        (stack.clone(), Right::DeliverUsage(STACK), true),
        (stack.clone(), Right::DeliverDirectory(STACK), true),
        (stack.clone(), Right::DeliverUsage(other), false),
        (stack.clone(), Right::DeliverDirectory(other), false),
        (stack, Right::Operate, false),
    ] {
        assert_eq!(
            app.authorize(&caller, right).is_ok(),
            allowed,
            "{caller:?} {right:?}"
        );
    }
    assert_eq!(app.operator(&[1; 32]).unwrap_err().kind, Kind::Unauthenticated);
    app.admit_operator("second", [1; 32]).await.unwrap();
    assert!(app.operator(&[1; 32]).is_ok());
}

#[tokio::test]
async fn a_registration_is_not_backdated_over_the_hours_of_a_former_one() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.it_is("2026-10-05T00:00:00Z");
    house
        .app()
        .delete_registration(&operator(), &address(), &Precondition::None)
        .await
        .unwrap();
    house.it_is("2026-10-07T00:00:00Z");
    house
        .put_registration(Some(token(BillingModel::PayAsYouUse)))
        .await
        .unwrap();
    let backdate = async |from: &str| {
        house
            .app()
            .backdate_registration(&operator(), STACK, from.parse().unwrap())
            .await
            .map_err(|it| it.code)
    };
    assert_eq!(
        backdate("2026-10-04T00:00:00Z").await.unwrap_err(),
        "StackWasRegistered"
    );
    assert_eq!(
        backdate("2026-10-08T00:00:00Z").await.unwrap_err(),
        "InvalidValidFrom"
    );
    assert!(backdate("2026-10-05T00:00:00Z").await.is_ok());
}

#[tokio::test]
async fn a_refused_tenant_leaves_the_books_as_they_were() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    for (subscription, code) in [
        ("not-a-guid", "InvalidCustomerSubscriptionId"),
        (
            "99999999-0000-4000-8000-000000000000",
            "InvalidCustomerSubscriptionId",
        ),
        (&SHARED.to_string(), "InvalidCSPSubscription"),
    ] {
        let refused = house.add_tenant(subscription, None).await.unwrap_err();
        assert_eq!(refused.code, code);
        assert!(refused.hint.is_some(), "{code} says what to do");
    }
    assert_eq!(house.app().tenant_mappings(&operator(), &address()).unwrap(), []);
    house
        .add_tenant(CSP.to_string().to_uppercase(), None)
        .await
        .unwrap();
    assert_eq!(
        house
            .app()
            .tenant_mappings(&operator(), &address())
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_window_that_cannot_be_is_refused_before_anything_is_stored() {
    let house = House::built_at("2026-10-10T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    let refused = house
        .deliver("2026-10-10T02:00:00Z", &[("2026-10-09T00:00:00Z", "1")])
        .await
        .unwrap_err();
    assert_eq!(
        (refused.kind, refused.code, refused.target),
        (Kind::Invalid, "ReportedTimeInFuture", Some("reportedStart"))
    );
    let hint = refused.hint.unwrap();
    assert!(
        hint.contains("the hour of 2026-10-10T00:00:00Z") && hint.contains("ahead by minutes"),
        "whoever has a wrong clock would look for it elsewhere: {hint}"
    );
    assert_eq!(house.app().receipts(&operator(), STACK, 0, 10).await.unwrap(), []);
}

#[tokio::test]
async fn two_tenants_never_share_a_subscription_on_one_stack_not_even_from_tomorrow_on() {
    let house = House::built_at("2026-10-10T12:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    let app = house.app();
    house.add_tenant(CSP, None).await.unwrap();
    let other = TenantId::from_bytes([0x33; 16]);
    let map = async |from: &str, to: Option<&str>| {
        let to = to.map_or(Hour::MAX, |to| to.parse().unwrap());
        let valid = HourInterval::new(from.parse().unwrap(), to).unwrap();
        house
            .app()
            .map_tenant(&operator(), STACK, other, Some(CSP), valid)
            .await
            .map_err(|it| it.code)
    };
    assert_eq!(
        map("2026-10-11T00:00:00Z", None).await.unwrap_err(),
        "SubscriptionMappedToAnotherTenant"
    );
    assert_eq!(
        map("2026-10-01T00:00:00Z", None).await.unwrap_err(),
        "SubscriptionMappedToAnotherTenant"
    );
    assert!(
        map("2026-10-01T00:00:00Z", Some("2026-10-10T12:00:00Z"))
            .await
            .is_ok(),
        "the past may be as it was"
    );

    app.remove_tenant(&operator(), &address(), &CSP.to_string(), &Precondition::None)
        .await
        .unwrap();
    assert!(map("2026-10-11T00:00:00Z", None).await.is_ok());
    house.add_tenant(CSP, None).await.unwrap();
    house.it_is("2026-10-12T00:00:00Z");
    let mappings = app.tenant_mappings(&operator(), &address()).unwrap();
    assert_eq!(
        mappings.len(),
        1,
        "the entry names the tenant that was added last: {mappings:?}"
    );
    assert_eq!(mappings[0].tenant, crate::house::TENANT);
}

#[tokio::test]
async fn a_suspended_subscription_leaves_its_bill_neither_by_another_model_nor_by_new_tenants() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    let app = house.app();
    let suspended = domain::partner::SubscriptionState::Suspended;
    app.set_subscription_state(&operator(), SHARED, suspended)
        .await
        .unwrap();
    let refused = (Kind::Conflict, "SubscriptionSuspended");
    let free = house
        .put_registration(Some(token(BillingModel::Development)))
        .await;
    assert_eq!(crate::people::refusal(free), refused);
    let added = house.add_tenant(CSP, None).await;
    assert_eq!(crate::people::refusal(added), refused);
    let valid = HourInterval::from("2026-10-01T00:00:00Z".parse().unwrap());
    let mapped = app
        .map_tenant(&operator(), STACK, crate::house::TENANT, Some(CSP), valid)
        .await;
    assert_eq!(crate::people::refusal(mapped), refused);
    let same = house
        .put_registration(Some(token(BillingModel::PayAsYouUse)))
        .await;
    assert!(!same.unwrap().created);
}
