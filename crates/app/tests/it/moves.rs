//! Moving registrations: what stays, and who pays from then on.

use std::collections::BTreeMap;

use app::Error;
use app::access::Caller;
use app::moves::MoveRegistrations;
use domain::authorization::{RoleDefinition, Scope};
use domain::ids::{RoleDefinitionId, SubscriptionId};
use domain::partner::{Subscription, SubscriptionKind, SubscriptionState};
use domain::registration::BillingModel;

use crate::house::{CSP, House, PARTNER, SHARED, address, operator};
use crate::people::{FAILED, refusal};

pub(crate) const SECOND: SubscriptionId = SubscriptionId::from_bytes([0x21; 16]);

/// Moves the registration into a group of this name of another subscription of the partner.
pub(crate) async fn moved(house: &House, to: SubscriptionId) -> Result<(), Error> {
    moved_by(house, &operator(), to).await
}

async fn moved_by(house: &House, caller: &Caller, to: SubscriptionId) -> Result<(), Error> {
    let request = MoveRegistrations {
        from: (SHARED, address().resource_group),
        names: [address().name].into(),
        to: (to, "moved".parse().unwrap()),
    };
    let checked = house.app().check_move(caller, &request);
    let moved = house.app().move_registrations(caller, &request).await;
    assert_eq!(checked, moved, "what is checked is what is done");
    moved
}

async fn house() -> House {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    add_second(&house).await;
    house
}

/// Adds another subscription of the partner, and groups between which can be moved.
pub(crate) async fn add_second(house: &House) {
    let app = house.app();
    let second = Subscription {
        id: SECOND,
        kind: SubscriptionKind::PartnerSharedServices,
        owner: Some(PARTNER),
        customer: None,
        state: SubscriptionState::Active,
        ..app.subscription(SHARED).unwrap()
    };
    app.create_subscription(&operator(), second).await.unwrap();
    for subscription in [SHARED, SECOND] {
        let name = "moved".parse().unwrap();
        app.put_resource_group(&operator(), subscription, &name, "local", BTreeMap::new())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn the_other_subscription_pays_from_the_hour_of_the_move_on_and_not_before() {
    let house = house().await;
    house.it_is("2026-10-16T14:37:00Z");
    moved(&house, SECOND).await.unwrap();
    house.it_is("2026-10-17T00:00:00Z");
    let usage = [("2026-10-16T13:00:00Z", "1"), ("2026-10-16T14:00:00Z", "2")];
    house.deliver("2026-10-16T16:00:00Z", &usage).await.unwrap();
    assert_eq!(
        (house.owes(SHARED).await, house.owes(SECOND).await),
        ("1.00".to_owned(), "2.00".to_owned())
    );
    let live = house.app().live_registrations().remove(0);
    assert_eq!(
        (live.subscription, live.resource_group.to_string()),
        (SECOND, "moved".to_owned())
    );
    assert!(live.multi_tenancy_approved, "the approval moves with it");
}

#[tokio::test]
async fn a_moved_registration_keeps_its_tenants_and_is_where_it_was_moved_to_after_a_restart() {
    let house = house().await;
    house.add_tenant(CSP, None).await.unwrap();
    moved(&house, SHARED).await.unwrap();
    assert_eq!(
        moved(&house, SHARED).await.unwrap_err().code,
        "RegistrationNotFound"
    );
    let house = house.restarted().await;
    house.it_is("2026-10-02T00:00:00Z");
    house
        .deliver("2026-10-01T02:00:00Z", &[("2026-10-01T01:00:00Z", "3")])
        .await
        .unwrap();
    assert_eq!(
        (house.owes(SHARED).await, house.owes(CSP).await),
        ("0.00".to_owned(), "3.00".to_owned())
    );
    assert_eq!(
        house.app().registration(&address()).unwrap_err().code,
        "RegistrationNotFound"
    );
}

#[tokio::test]
async fn a_group_is_deleted_with_the_registrations_in_it() {
    let house = house().await;
    let group = address().resource_group;
    house
        .app()
        .delete_resource_group(&operator(), SHARED, &group)
        .await
        .unwrap();
    assert_eq!(
        house.app().resource_group(SHARED, &group).unwrap_err().code,
        "ResourceGroupNotFound"
    );
    assert!(house.app().live_registrations().is_empty());
    house.it_is("2026-10-02T00:00:00Z");
    let delivered = house
        .deliver("2026-10-01T02:00:00Z", &[("2026-10-01T01:00:00Z", "3")])
        .await;
    assert!(
        delivered.is_ok(),
        "usage that is on its way is kept: {:?}",
        delivered.err()
    );
    assert_eq!(house.owes(SHARED).await, "0.00", "and charged to nobody");
}

#[tokio::test]
async fn nobody_makes_a_subscription_pay_for_a_stack_by_moving_it_where_they_may_not_register() {
    let house = house().await;
    let app = house.app();
    let groups = RoleDefinition {
        id: RoleDefinitionId::from_bytes([1; 16]),
        name: "Keeper of groups".to_owned(),
        description: String::new(),
        actions: vec!["Microsoft.Resources/*".parse().unwrap()],
        not_actions: Vec::new(),
        assignable: vec![Scope::Subscription(SECOND)],
        custom: false,
    };
    app.put_role_definition(&operator(), &groups).await.unwrap();
    let mover = house.program("mover").await;
    house
        .give(&mover, RoleDefinition::CONTRIBUTOR, &Scope::Subscription(SHARED))
        .await;
    assert_eq!(
        refusal(moved_by(&house, &mover, SECOND).await),
        crate::people::NOT_FOUND
    );
    house.give(&mover, groups.id, &Scope::Subscription(SECOND)).await;
    assert_eq!(refusal(moved_by(&house, &mover, SECOND).await), FAILED);
    let target = Scope::ResourceGroup(SECOND, "moved".parse().unwrap());
    house.give(&mover, RoleDefinition::CONTRIBUTOR, &target).await;
    moved_by(&house, &mover, SECOND).await.unwrap();
}
