//! What a stack uses while it has no registration, and whom that would cost something.

use app::access::Caller;
use app::precondition::Precondition;
use app::registrations::RegistrationAddress;
use domain::authorization::{PartnerRole, RoleDefinition, Scope};
use domain::ids::{PartnerId, SubscriptionId};
use domain::partner::{Partner, PartnerKind, Subscription};
use domain::registration::{BillingModel, Warning};
use store::{LocalSubscriptionKey, Slice};

use crate::house::{CSP, House, LOCAL, PARTNER, SHARED, STACK, address, operator};
use crate::payers::{delete, in_csp, put, sold_by_usage};

/// Another subscription of the customer's.
const SECOND: SubscriptionId = SubscriptionId::from_bytes([0x21; 16]);

fn in_second() -> RegistrationAddress {
    RegistrationAddress {
        subscription: SECOND,
        ..address()
    }
}

fn codes(warnings: &[Warning]) -> Vec<&'static str> {
    warnings.iter().map(Warning::code).collect()
}

/// The stack used 1 before it was registered again, 2 while it was not, and 4 after.
async fn used(house: &House) {
    house.it_is("2026-10-06T12:00:00Z");
    let usage = [
        ("2026-10-04T12:00:00Z", "1"),
        ("2026-10-05T12:00:00Z", "2"),
        ("2026-10-05T23:00:00Z", "4"),
    ];
    house.deliver("2026-10-06T00:00:00Z", &usage).await.unwrap();
}

/// Beside the house of [`sold_by_usage`] a second subscription of the same customer, with the same owner.
async fn with_second() -> (House, Caller, Caller) {
    let (house, owner, agent) = sold_by_usage().await;
    let app = house.app();
    let second = Subscription {
        id: SECOND,
        ..app.subscription(CSP).unwrap()
    };
    app.create_subscription(&operator(), second).await.unwrap();
    let group = address().resource_group;
    app.put_resource_group(&operator(), SECOND, &group, "local", [].into())
        .await
        .unwrap();
    house
        .give(&owner, RoleDefinition::OWNER, &Scope::Subscription(SECOND))
        .await;
    (house, owner, agent)
}

#[tokio::test]
async fn a_day_is_not_free_because_the_payer_deleted_the_registration_in_the_morning_and_made_it_anew_at_night()
 {
    for by_group in [false, true] {
        let (house, owner, _) = sold_by_usage().await;
        let app = house.app();
        house.it_is("2026-10-05T00:20:00Z");
        let warned = if by_group {
            let group = in_csp().resource_group;
            let deleted = app.delete_resource_group(&owner, CSP, &group).await.unwrap();
            app.put_resource_group(&owner, CSP, &group, "local", [].into())
                .await
                .unwrap();
            deleted
        } else {
            let deleted = app
                .delete_registration(&owner, &in_csp(), &Precondition::None)
                .await;
            deleted.unwrap().unwrap()
        };
        assert_eq!(codes(&warned), ["StackLeftUnregistered"]);
        house.it_is("2026-10-05T23:10:00Z");
        let again = put(&house, &owner, &in_csp(), BillingModel::PayAsYouUse)
            .await
            .unwrap();
        assert!(codes(&again.warnings).contains(&"HoursBetweenCharged"));
        used(&house).await;
        assert_eq!(house.owes(CSP).await, "7.00", "by group: {by_group}");
        drop(app);
        let house = house.restarted().await;
        assert_eq!(house.owes(CSP).await, "7.00", "after a restart");
    }
}

#[tokio::test]
async fn a_registration_that_is_deleted_and_made_anew_at_each_full_hour_charges_every_hour() {
    let (house, owner, _) = sold_by_usage().await;
    house.it_is("2026-10-05T11:59:00Z");
    delete(&house, &owner, &in_csp()).await;
    house.it_is("2026-10-05T12:01:00Z");
    put(&house, &owner, &in_csp(), BillingModel::PayAsYouUse)
        .await
        .unwrap();
    house.it_is("2026-10-05T12:59:00Z");
    delete(&house, &owner, &in_csp()).await;
    house.it_is("2026-10-05T13:01:00Z");
    put(&house, &owner, &in_csp(), BillingModel::PayAsYouUse)
        .await
        .unwrap();
    let usage = [("2026-10-05T11:00:00Z", "1"), ("2026-10-05T12:00:00Z", "2")];
    house.it_is("2026-10-06T00:00:00Z");
    house.deliver("2026-10-05T14:00:00Z", &usage).await.unwrap();
    assert_eq!(house.owes(CSP).await, "3.00");
}

#[tokio::test]
async fn whoever_takes_a_stack_along_to_another_subscription_takes_the_hours_between_along() {
    let (house, owner, _) = with_second().await;
    house.it_is("2026-10-05T00:20:00Z");
    delete(&house, &owner, &in_csp()).await;
    house.it_is("2026-10-05T23:10:00Z");
    put(&house, &owner, &in_second(), BillingModel::PayAsYouUse)
        .await
        .unwrap();
    used(&house).await;
    assert_eq!(
        (house.owes(CSP).await, house.owes(SECOND).await),
        ("1.00".to_owned(), "6.00".to_owned())
    );
}

#[tokio::test]
async fn what_a_stack_used_before_an_operator_gave_it_to_others_is_not_theirs_and_its_seller_sees_it() {
    let (house, owner, agent) = with_second().await;
    let other = Partner {
        id: PartnerId::from_bytes([0x99; 16]),
        name: "Litware".to_owned(),
        kind: PartnerKind::DirectBill,
    };
    let app = house.app();
    app.create_partner(&operator(), other.clone()).await.unwrap();
    let stranger = house.program("stranger").await;
    house
        .give_partner_role(&stranger, PartnerRole::AdminAgent(other.id))
        .await;
    house.it_is("2026-10-05T00:20:00Z");
    delete(&house, &owner, &in_csp()).await;
    house.it_is("2026-10-05T23:10:00Z");
    let given = put(&house, &operator(), &in_second(), BillingModel::PayAsYouUse)
        .await
        .unwrap();
    assert!(codes(&given.warnings).contains(&"HoursBetweenNotCharged"));
    used(&house).await;
    assert_eq!(house.owes(SECOND).await, "4.00");

    let october = "2026-10".parse().unwrap();
    let charged_to_nobody = async |caller: &Caller| {
        let unmapped = app.unmapped_usage(caller, october, None, 9).await.unwrap();
        unmapped.iter().filter(|it| it.charge.is_none()).count()
    };
    for (caller, seen) in [(&operator(), 1), (&agent, 1), (&owner, 0), (&stranger, 0)] {
        assert_eq!(charged_to_nobody(caller).await, seen, "{caller:?}");
    }
    let records = app.records(
        &agent,
        Slice {
            of: LocalSubscriptionKey {
                stack: STACK,
                local_subscription: LOCAL,
            },
            interval: october.interval(),
        },
        None,
        9,
    );
    assert_eq!(records.await.unwrap().len(), 3);

    // An operator who finds out that they are theirs says so.
    let from = "2026-10-05T00:00:00Z".parse().unwrap();
    app.backdate_registration(&operator(), STACK, from).await.unwrap();
    assert_eq!(house.owes(SECOND).await, "6.00");
    assert_eq!(charged_to_nobody(&operator()).await, 0);
}

#[tokio::test]
async fn a_stack_that_the_platform_sold_is_no_business_of_the_partner_that_paid_for_it_after_it_was_deleted()
{
    let (house, _, agent) = sold_by_usage().await;
    delete(&house, &operator(), &in_csp()).await;
    put(&house, &operator(), &address(), BillingModel::PayAsYouUse)
        .await
        .unwrap();
    house.it_is("2026-10-05T00:00:00Z");
    delete(&house, &agent, &address()).await;
    used(&house).await;
    let october = "2026-10".parse().unwrap();
    let app = house.app();
    let unmapped = app.unmapped_usage(&agent, october, None, 9).await.unwrap();
    let [charged] = &unmapped[..] else {
        panic!("the partner does not sell to {PARTNER}: {unmapped:?}")
    };
    assert_eq!(charged.charge.map(|charge| charge.payer), Some(SHARED));
}

#[tokio::test]
async fn a_stack_that_cost_nothing_when_it_was_deleted_owes_nothing_for_the_hours_between() {
    let (house, owner, agent) = sold_by_usage().await;
    put(&house, &agent, &in_csp(), BillingModel::Development)
        .await
        .unwrap();
    house.it_is("2026-10-05T00:20:00Z");
    let deleted = house
        .app()
        .delete_registration(&owner, &in_csp(), &Precondition::None)
        .await;
    assert_eq!(deleted, Ok(Some(Vec::new())), "nothing is lost by that");
    house.it_is("2026-10-05T23:10:00Z");
    let again = put(&house, &owner, &in_csp(), BillingModel::PayAsYouUse)
        .await
        .unwrap();
    let between = codes(&again.warnings);
    assert!(
        !between.iter().any(|it| it.starts_with("HoursBetween")),
        "{between:?}"
    );
    used(&house).await;
    assert_eq!(house.owes(CSP).await, "4.00");
}
