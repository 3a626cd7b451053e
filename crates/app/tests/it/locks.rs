//! What locks stop.

use std::collections::BTreeMap;

use app::Kind;
use app::accounts::Created;
use app::precondition::Precondition;
use domain::authorization::{Lock, LockLevel, RoleDefinition, Scope};
use domain::registration::BillingModel;

use crate::house::{CSP, SHARED, address, operator};
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
    app.add_tenant(
        &operator(),
        &address(),
        &CSP.to_string(),
        None,
        &Precondition::None,
    )
    .await
    .unwrap();
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
    assert!(delete().await.unwrap());
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
    let added = app
        .add_tenant(
            &operator(),
            &address(),
            &CSP.to_string(),
            None,
            &Precondition::None,
        )
        .await;
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
