//! What those who pay for a stack cannot do about what it costs them.

use app::access::Caller;
use app::moves::MoveRegistrations;
use app::precondition::Precondition;
use app::registrations::{Registered, RegistrationAddress};
use app::{Error, Kind};
use domain::authorization::{PartnerRole, RoleDefinition, Scope};
use domain::registration::register::PutRegistration;
use domain::registration::{BillingModel, Warning};
use domain::time::HourInterval;

use crate::house::{CSP, House, PARTNER, SHARED, STACK, TENANT, address, operator, token};
use crate::people::{FAILED, refusal, registered};

const NOT_APPROVED: (Kind, &str) = (Kind::Forbidden, "BillingModelChangeNotApproved");

pub(crate) fn in_csp() -> RegistrationAddress {
    RegistrationAddress {
        subscription: CSP,
        ..address()
    }
}

pub(crate) async fn put(
    house: &House,
    caller: &Caller,
    at: &RegistrationAddress,
    model: BillingModel,
) -> Result<Registered, Error> {
    let request = PutRegistration {
        name: at.name.clone(),
        location: None,
        tags: None,
        token: Some(token(model)),
    };
    house
        .app()
        .put_registration(caller, at, &request, &Precondition::None)
        .await
}

pub(crate) async fn delete(house: &House, caller: &Caller, at: &RegistrationAddress) {
    let app = house.app();
    app.delete_registration(caller, at, &Precondition::None)
        .await
        .unwrap();
}

/// A stack that is registered in the customer's own subscription, with an Owner of that and an agent of its seller.
pub(crate) async fn sold_by_usage() -> (House, Caller, Caller) {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    let (owner, agent) = (house.program("owner").await, house.program("agent").await);
    house
        .give(&owner, RoleDefinition::OWNER, &Scope::Subscription(CSP))
        .await;
    house
        .give_partner_role(&agent, PartnerRole::AdminAgent(PARTNER))
        .await;
    let group = in_csp().resource_group;
    for subscription in [CSP, SHARED] {
        let app = house.app();
        app.put_resource_group(&operator(), subscription, &group, "local", [].into())
            .await
            .unwrap();
    }
    put(&house, &owner, &in_csp(), BillingModel::PayAsYouUse)
        .await
        .unwrap();
    (house, owner, agent)
}

#[tokio::test]
async fn usage_does_not_become_free_because_its_payer_calls_the_stack_a_development_one() {
    let (house, owner, agent) = sold_by_usage().await;
    house.it_is("2026-10-05T00:00:00Z");
    for model in [BillingModel::Development, BillingModel::Capacity] {
        let refused = put(&house, &owner, &in_csp(), model).await.unwrap_err();
        assert_eq!((refused.kind, refused.code), NOT_APPROVED);
        for said in ["operators", "admin agents", &CSP.to_string()] {
            assert!(refused.message.contains(said), "{said}: {}", refused.message);
        }
    }
    delete(&house, &owner, &in_csp()).await;
    let anew = put(&house, &owner, &in_csp(), BillingModel::Development).await;
    assert_eq!(refusal(anew), NOT_APPROVED);
    put(&house, &owner, &in_csp(), BillingModel::PayAsYouUse)
        .await
        .unwrap();
    house.it_is("2026-10-06T00:00:00Z");
    house
        .deliver("2026-10-05T02:00:00Z", &[("2026-10-05T01:00:00Z", "7")])
        .await
        .unwrap();
    assert_eq!(house.owes(CSP).await, "7.00");

    // Who sells it may give it away, and who buys it may come back.
    put(&house, &agent, &in_csp(), BillingModel::Development)
        .await
        .unwrap();
    let restarted = house.restarted().await;
    put(&restarted, &owner, &in_csp(), BillingModel::PayAsYouUse)
        .await
        .unwrap();
    let again = put(&restarted, &owner, &in_csp(), BillingModel::Development).await;
    assert_eq!(refusal(again), NOT_APPROVED);
}

#[tokio::test]
async fn a_partner_does_not_let_itself_off_what_its_own_stacks_use() {
    let house = registered().await;
    let agent = house.program("agent").await;
    house
        .give_partner_role(&agent, PartnerRole::AdminAgent(PARTNER))
        .await;
    let free = put(&house, &agent, &address(), BillingModel::Development).await;
    assert_eq!(refusal(free), NOT_APPROVED);
    delete(&house, &agent, &address()).await;
    let anew = put(&house, &agent, &address(), BillingModel::Development).await;
    assert_eq!(refusal(anew), NOT_APPROVED);
    put(&house, &operator(), &address(), BillingModel::Development)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_stack_that_its_seller_gave_away_is_not_moved_to_where_the_platform_sells() {
    let (house, _, agent) = sold_by_usage().await;
    put(&house, &agent, &in_csp(), BillingModel::Development)
        .await
        .unwrap();
    let request = MoveRegistrations {
        from: (CSP, in_csp().resource_group),
        names: [in_csp().name].into(),
        to: (SHARED, address().resource_group),
    };
    let app = house.app();
    assert_eq!(
        refusal(app.move_registrations(&agent, &request).await),
        NOT_APPROVED
    );
    app.move_registrations(&operator(), &request).await.unwrap();
}

#[tokio::test]
async fn what_a_partner_owes_the_platform_is_not_ended_by_moving_the_stack_to_a_subscription_it_sells_itself()
{
    let (house, _, agent) = sold_by_usage().await;
    delete(&house, &operator(), &in_csp()).await;
    house.it_is("2026-10-02T00:00:00Z");
    put(&house, &operator(), &address(), BillingModel::PayAsYouUse)
        .await
        .unwrap();
    let request = MoveRegistrations {
        from: (SHARED, address().resource_group),
        names: [address().name].into(),
        to: (CSP, in_csp().resource_group),
    };
    let app = house.app();
    app.move_registrations(&agent, &request).await.unwrap();
    drop(app);
    for model in [BillingModel::Development, BillingModel::Capacity] {
        let refused = put(&house, &agent, &in_csp(), model).await.unwrap_err();
        assert_eq!((refused.kind, refused.code), NOT_APPROVED);
        assert!(
            !refused.message.contains("admin agents"),
            "none of whom may: {}",
            refused.message
        );
    }
    let house = house.restarted().await;
    delete(&house, &agent, &in_csp()).await;
    let anew = put(&house, &agent, &in_csp(), BillingModel::Development).await;
    assert_eq!(refusal(anew), NOT_APPROVED);
    put(&house, &operator(), &in_csp(), BillingModel::Development)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_stack_that_nobody_knows_is_registered_for_development_by_whoever_has_it() {
    let (house, owner, _) = sold_by_usage().await;
    let new = RegistrationAddress {
        name: "new".parse().unwrap(),
        ..in_csp()
    };
    let request = PutRegistration {
        name: new.name.clone(),
        location: None,
        tags: None,
        token: Some(domain::registration::RegistrationToken {
            cloud_id: domain::ids::CloudId::from_bytes([0x66; 16]),
            ..token(BillingModel::Development)
        }),
    };
    let app = house.app();
    let registered = app
        .put_registration(&owner, &new, &request, &Precondition::None)
        .await;
    let registered = registered.unwrap();
    assert!(registered.created);
    let codes: Vec<_> = registered.warnings.iter().map(Warning::code).collect();
    assert!(codes.contains(&"UsageNotCharged"), "{codes:?}");
}

#[tokio::test]
async fn usage_from_before_a_registration_is_claimed_by_nobody_but_an_operator() {
    let (house, owner, agent) = sold_by_usage().await;
    house.it_is("2026-10-02T00:00:00Z");
    house
        .deliver("2026-09-30T02:00:00Z", &[("2026-09-30T01:00:00Z", "7")])
        .await
        .unwrap();
    let (app, from) = (house.app(), "2026-09-30T00:00:00Z".parse().unwrap());
    for caller in [&owner, &agent] {
        let claimed = app.backdate_registration(caller, STACK, from).await;
        assert_eq!(refusal(claimed), FAILED);
    }
    // A mapping of such hours alone charges nobody.
    app.approve_multi_tenancy(&operator(), STACK).await.unwrap();
    app.map_tenant(&owner, STACK, TENANT, Some(CSP), HourInterval::from(from))
        .await
        .unwrap();
    let september = "2026-09".parse().unwrap();
    let owed = async || {
        let statement = app.statement(&operator(), CSP, september).await;
        statement.unwrap().total.to_string()
    };
    assert_eq!(owed().await, "0.00");
    app.backdate_registration(&operator(), STACK, from).await.unwrap();
    assert_eq!(owed().await, "7.00");
}
