//! What locks stop.

use std::collections::BTreeMap;

use app::accounts::Created;
use app::precondition::Precondition;
use app::{Error, Kind};
use domain::authorization::{Lock, LockLevel, RoleDefinition, Scope};
use domain::ids::{SubscriptionId, TenantId};
use domain::partner::Subscription;
use domain::registration::BillingModel;
use domain::time::{Hour, HourInterval};

use crate::house::{CSP, House, SHARED, STACK, TENANT, address, operator};
use crate::people::{FAILED, group, refusal, registered, registration};

fn lock(scope: Scope, level: LockLevel) -> Lock {
    Lock {
        scope,
        name: "RegistrationResourceLock".parse().unwrap(),
        level,
        notes: None,
    }
}

#[tokio::test]
async fn a_lock_stops_deletion_until_it_is_removed_by_whoever_may() {
    let house = registered().await;
    let app = house.app();
    let contributor = house.program("contributor").await;
    house
        .give(
            &contributor,
            RoleDefinition::CONTRIBUTOR,
            &Scope::Subscription(SHARED),
        )
        .await;
    let keep = lock(registration(), LockLevel::CanNotDelete);
    assert_eq!(refusal(app.put_lock(&contributor, &keep).await), FAILED);
    assert_eq!(
        app.put_lock(&operator(), &keep).await.unwrap(),
        (keep.clone(), Created::New)
    );
    assert_eq!(
        app.put_lock(&operator(), &keep).await.unwrap().1,
        Created::Existing
    );
    let locked = (Kind::Conflict, "ScopeLocked");
    let delete = async || {
        app.delete_registration(&operator(), &address(), &Precondition::None)
            .await
    };
    assert_eq!(refusal(delete().await), locked);
    let group_name = address().resource_group;
    assert_eq!(
        refusal(app.delete_resource_group(&operator(), SHARED, &group_name).await),
        locked
    );
    house.add_tenant(CSP, None).await.unwrap();
    let removed = app
        .remove_tenant(&operator(), &address(), &CSP.to_string(), &Precondition::None)
        .await;
    assert_eq!(refusal(removed), locked);
    assert_eq!(
        app.locks(&contributor, &Scope::Subscription(SHARED)).unwrap(),
        std::slice::from_ref(&keep)
    );
    assert_eq!(
        refusal(app.delete_lock(&contributor, &keep.scope, &keep.name).await),
        FAILED
    );
    assert_eq!(
        app.delete_lock(&operator(), &keep.scope, &keep.name)
            .await
            .unwrap(),
        Some(keep.clone())
    );
    assert_eq!(
        refusal(app.lock(&operator(), &keep.scope, &keep.name)),
        (Kind::NotFound, "LockNotFound")
    );
    assert!(delete().await.unwrap().is_some());
}

#[tokio::test]
async fn a_read_only_lock_stops_changes_at_and_below_it() {
    let house = registered().await;
    let app = house.app();
    app.put_lock(&operator(), &lock(group(), LockLevel::ReadOnly))
        .await
        .unwrap();
    let locked = (Kind::Conflict, "ScopeLocked");
    let token = crate::house::token(BillingModel::Development);
    assert_eq!(refusal(house.put_registration(Some(token)).await), locked);
    let added = house.add_tenant(CSP, None).await;
    assert_eq!(refusal(added), locked);
    let tags: BTreeMap<String, String> = [("a".to_owned(), "b".to_owned())].into();
    let put = app
        .put_resource_group(
            &operator(),
            SHARED,
            &address().resource_group,
            "westcentralus",
            tags,
        )
        .await;
    assert_eq!(refusal(put), locked);
    assert!(app.registration(&address()).is_ok(), "reading goes on");
}

const SECOND: SubscriptionId = SubscriptionId::from_bytes([0x51; 16]);
const RIVALS: TenantId = TenantId::from_bytes([0x33; 16]);
const LOCKED: (Kind, &str) = (Kind::Conflict, "ScopeLocked");

async fn add(house: &House, subscription: SubscriptionId, tenant: TenantId) -> Result<(), Error> {
    house.add_tenant(subscription, Some(tenant)).await.map(|_| ())
}

async fn map(house: &House, subscription: Option<SubscriptionId>, from: &str) -> Result<(), Error> {
    let valid = HourInterval::new(from.parse().unwrap(), Hour::MAX).unwrap();
    house
        .app()
        .map_tenant(&operator(), STACK, TENANT, subscription, valid)
        .await
        .map(|_| ())
}

/// Registered, with the tenant added, and with a second subscription of the same customer.
async fn tenant_added() -> House {
    let house = registered().await;
    let second = Subscription {
        id: SECOND,
        name: "Contoso test".to_owned(),
        ..house.app().subscription(CSP).unwrap()
    };
    house
        .app()
        .create_subscription(&operator(), second)
        .await
        .unwrap();
    add(&house, CSP, TENANT).await.unwrap();
    house
}

#[tokio::test]
async fn a_lock_on_an_entry_keeps_its_tenant_from_being_charged_elsewhere_by_whatever_door() {
    let house = tenant_added().await;
    let app = house.app();
    let entry: Scope = format!("{}/customerSubscriptions/{CSP}", registration())
        .parse()
        .unwrap();
    app.put_lock(&operator(), &lock(entry, LockLevel::CanNotDelete))
        .await
        .unwrap();
    let now = "2026-10-01T00:00:00Z";
    assert_eq!(refusal(add(&house, SECOND, TENANT).await), LOCKED);
    assert_eq!(refusal(add(&house, CSP, RIVALS).await), LOCKED);
    assert_eq!(refusal(map(&house, None, now).await), LOCKED);
    assert_eq!(refusal(map(&house, Some(SECOND), now).await), LOCKED);
    assert_eq!(refusal(map(&house, None, "2026-12-01T00:00:00Z").await), LOCKED);
    let dashless = CSP.to_string().replace('-', "");
    let removed = app
        .remove_tenant(&operator(), &address(), &dashless, &Precondition::None)
        .await;
    assert_eq!(refusal(removed), LOCKED, "however the id is spelled");
    assert_eq!(app.mapping_history(&operator(), STACK).unwrap().len(), 1);

    add(&house, CSP, TENANT).await.unwrap();
    add(&house, SECOND, RIVALS).await.unwrap();
    assert_eq!(
        app.tenant_mappings(&operator(), &address()).unwrap().len(),
        2,
        "others are added all the same"
    );
}

#[tokio::test]
async fn a_read_only_lock_keeps_a_registration_from_being_opened_to_tenants_and_its_keys_from_being_revoked()
{
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    let (app, group) = (house.app(), address().resource_group);
    app.put_resource_group(&operator(), SHARED, &group, "local", [].into())
        .await
        .unwrap();
    let token = crate::house::token(BillingModel::PayAsYouUse);
    house.put_registration(Some(token)).await.unwrap();
    app.put_lock(&operator(), &lock(registration(), LockLevel::ReadOnly))
        .await
        .unwrap();
    assert_eq!(
        refusal(app.approve_multi_tenancy(&operator(), STACK).await),
        LOCKED
    );
    assert_eq!(
        refusal(app.revoke_activation_keys(&operator(), STACK).await),
        LOCKED
    );
    let name = "RegistrationResourceLock".parse().unwrap();
    app.delete_lock(&operator(), &registration(), &name)
        .await
        .unwrap();
    app.approve_multi_tenancy(&operator(), STACK).await.unwrap();
    app.put_lock(&operator(), &lock(registration(), LockLevel::ReadOnly))
        .await
        .unwrap();
    let again = app.approve_multi_tenancy(&operator(), STACK).await;
    assert!(again.is_ok(), "nothing changes: {again:?}");
}

#[tokio::test]
async fn a_read_only_lock_keeps_hours_that_have_passed_from_being_charged_to_somebody() {
    let house = tenant_added().await;
    let app = house.app();
    app.put_lock(&operator(), &lock(registration(), LockLevel::ReadOnly))
        .await
        .unwrap();
    let past = "2026-09-01T00:00:00Z";
    assert_eq!(refusal(map(&house, Some(CSP), past).await), LOCKED);
    let backdated = app
        .backdate_registration(&operator(), STACK, past.parse().unwrap())
        .await;
    assert_eq!(refusal(backdated), LOCKED);
    app.delete_lock(
        &operator(),
        &registration(),
        &"RegistrationResourceLock".parse().unwrap(),
    )
    .await
    .unwrap();
    app.backdate_registration(&operator(), STACK, past.parse().unwrap())
        .await
        .unwrap();
    map(&house, Some(CSP), past).await.unwrap();
}
