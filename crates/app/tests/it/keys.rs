//! Activation keys: how long they are good.

use app::{Error, Kind};
use domain::authorization::{RoleDefinition, Scope};
use domain::ids::RegistrationId;
use domain::registration::BillingModel;

use crate::house::{House, SHARED, STACK, address, operator, token};
use crate::people::{FAILED, refusal, registered};

const REVOKED: (Kind, &str) = (Kind::Unauthenticated, "ActivationKeyRevoked");

/// What a key of this generation is worth.
fn used(house: &House, registration: RegistrationId, generation: u32) -> Result<(), Error> {
    let app = house.app();
    app.registered_stack(STACK, registration, generation).map(|_| ())
}

#[tokio::test]
async fn a_key_that_leaked_delivers_nothing_any_more_once_it_is_revoked() {
    let house = registered().await;
    let app = house.app();
    let id = app.registration(&address()).unwrap().id;
    assert_eq!(used(&house, id, 0), Ok(()));
    let revoked = app.revoke_activation_keys(&operator(), STACK).await.unwrap();
    assert_eq!((revoked.id, revoked.key_generation), (id, 1));
    let refused = used(&house, id, 0).unwrap_err();
    assert_eq!((refused.kind, refused.code), REVOKED);
    for said in ["revoked", "getActivationKey"] {
        assert!(refused.message.contains(said), "{said}: {}", refused.message);
    }
    let signed_with = app.registration(&address()).unwrap().key_generation;
    assert_eq!(
        used(&house, id, signed_with),
        Ok(()),
        "what is signed now is good"
    );

    drop(app);
    // Registering again is no way back for it.
    house
        .put_registration(Some(token(BillingModel::Capacity)))
        .await
        .unwrap();
    let house = house.restarted().await;
    assert_eq!(refusal(used(&house, id, 0)), REVOKED);
    assert_eq!(used(&house, id, 1), Ok(()));
    house
        .app()
        .revoke_activation_keys(&operator(), STACK)
        .await
        .unwrap();
    assert_eq!(refusal(used(&house, id, 1)), REVOKED);
}

#[tokio::test]
async fn keys_are_revoked_by_whoever_may_write_the_registration_and_by_nobody_else() {
    let house = registered().await;
    let app = house.app();
    let (contributor, reader, stranger) = (
        house.program("contributor").await,
        house.program("reader").await,
        house.program("stranger").await,
    );
    let scope = Scope::Subscription(SHARED);
    house
        .give(&contributor, RoleDefinition::CONTRIBUTOR, &scope)
        .await;
    house.give(&reader, RoleDefinition::READER, &scope).await;
    let hidden = (Kind::NotFound, "RegistrationNotFound");
    assert_eq!(
        refusal(app.revoke_activation_keys(&stranger, STACK).await),
        hidden
    );
    assert_eq!(refusal(app.revoke_activation_keys(&reader, STACK).await), FAILED);
    let by_contributor = app.revoke_activation_keys(&contributor, STACK).await.unwrap();
    assert_eq!(by_contributor.key_generation, 1);
}
