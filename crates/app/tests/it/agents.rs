//! What a partner's people, a customer's people and operators may.

use app::Kind;
use app::access::{Caller, Right};
use app::accounts::Created;
use domain::authorization::{PartnerRole, RoleDefinition, Scope};
use domain::identity::DirectoryOwner;
use domain::ids::SubscriptionId;

use crate::house::{CSP, CUSTOMER, PARTNER, SHARED, address, operator};
use crate::people::{FAILED, NOT_FOUND, READ, WRITE, now, refusal, registered, registration};

#[tokio::test]
async fn partner_roles_open_what_is_theirs_and_the_platform_only_to_operators() {
    let house = registered().await;
    let app = house.app();
    let (agent, customer, platform) = (
        house.program("agent").await,
        house.program("customer").await,
        house.program("platform").await,
    );
    house
        .give_partner_role(&agent, PartnerRole::AdminAgent(PARTNER))
        .await;
    house
        .give_partner_role(&customer, PartnerRole::CustomerUser(CUSTOMER))
        .await;
    house
        .give_partner_role(&platform, PartnerRole::PlatformOperator)
        .await;
    let (shared, csp) = (Scope::Subscription(SHARED), Scope::Subscription(CSP));
    for (caller, action, scope, expected) in [
        (&agent, WRITE, &shared, None),
        (&agent, WRITE, &csp, None),
        (&agent, WRITE, &Scope::Root, Some(FAILED)),
        (&customer, READ, &csp, None),
        (&customer, WRITE, &csp, Some(FAILED)),
        (&customer, READ, &shared, Some(NOT_FOUND)),
        (&platform, WRITE, &shared, None),
        (&platform, WRITE, &Scope::Root, None),
    ] {
        let outcome = app.may(caller, action, scope);
        assert_eq!(
            outcome.err().map(|error| (error.kind, error.code)),
            expected,
            "{action} {scope}"
        );
    }
    for (caller, operates) in [(&agent, false), (&customer, false), (&platform, true)] {
        assert!(app.authorize(caller, Right::SignedIn).is_ok());
        assert_eq!(app.authorize(caller, Right::Operate).is_ok(), operates);
        assert_eq!(
            app.authorize(caller, Right::DeliverDirectory(crate::house::STACK))
                .is_ok(),
            operates
        );
        assert!(
            app.authorize(caller, Right::DeliverUsage(crate::house::STACK))
                .is_err()
        );
    }
    let stack = Caller::Stack {
        cloud_id: crate::house::STACK,
        registration: app.registration(&address()).unwrap().id,
    };
    assert!(app.authorize(&stack, Right::SignedIn).is_err());
    assert_eq!(refusal(app.may(&stack, READ, &registration())), FAILED);
}

#[tokio::test]
async fn partner_roles_are_given_by_those_who_manage_whom_they_concern() {
    let house = registered().await;
    let app = house.app();
    let agent = house.program("agent").await;
    house
        .give_partner_role(&agent, PartnerRole::AdminAgent(PARTNER))
        .await;
    let fabrikam = house
        .directory("fabrikam.example", DirectoryOwner::Partner(PARTNER))
        .await;
    let anna = Caller::Principal(now(&house, house.user(&fabrikam, "anna").await.id));
    let customer_user = PartnerRole::CustomerUser(CUSTOMER);
    let own = app
        .assign_partner_role(&anna, customer_user, anna.id(), None)
        .await;
    assert_eq!(refusal(own), (Kind::Invalid, "PartnerRoleSubjectNotFound"));
    app.assign_partner_role(&agent, customer_user, anna.id(), None)
        .await
        .unwrap();
    assert_eq!(app.partner_roles(&anna, None, 9).len(), 1, "its own");
    assert_eq!(app.partner_roles(&agent, None, 9).len(), 2);
    let operate = PartnerRole::PlatformOperator;
    assert_eq!(
        refusal(app.assign_partner_role(&agent, operate, agent.id(), None).await),
        FAILED
    );
    let not_trusted = app
        .assign_partner_role(&operator(), operate, anna.id(), None)
        .await;
    assert_eq!(
        refusal(not_trusted),
        (Kind::Forbidden, "PrincipalDirectoryNotTrusted")
    );
    app.unassign_partner_role(&agent, customer_user, anna.id())
        .await
        .unwrap();
    assert_eq!(
        refusal(app.may(&anna, READ, &Scope::Subscription(CSP))),
        NOT_FOUND
    );
}

#[tokio::test]
async fn an_agent_opens_accounts_of_its_own_partner_and_learns_nothing_of_others() {
    use domain::ids::{CustomerId, PartnerId, TenantId};
    use domain::partner::{
        Customer, Partner, PartnerKind, Subscription, SubscriptionKind, SubscriptionState,
    };
    let house = registered().await;
    let app = house.app();
    let agent = house.program("agent").await;
    house
        .give_partner_role(&agent, PartnerRole::AdminAgent(PARTNER))
        .await;
    let other = PartnerId::from_bytes([0xb1; 16]);
    let partner = |id| Partner {
        id,
        name: "Litware".to_owned(),
        kind: PartnerKind::DirectBill,
    };
    assert_eq!(refusal(app.create_partner(&agent, partner(other)).await), FAILED);
    app.create_partner(&operator(), partner(other)).await.unwrap();
    let customer = |number: u8, partner| Customer {
        id: CustomerId::from_bytes([number; 16]),
        partner,
        name: "Tailspin".to_owned(),
        tenants: vec![TenantId::from_bytes([number; 16])],
    };
    let theirs = app
        .create_customer(&agent, customer(0xc1, other))
        .await
        .unwrap_err();
    let nobodys = app
        .create_customer(&agent, customer(0xc1, PartnerId::from_bytes([0xee; 16])))
        .await
        .unwrap_err();
    assert_eq!(
        (theirs.kind, theirs.code, theirs.target),
        (nobodys.kind, nobodys.code, nobodys.target)
    );
    app.create_customer(&operator(), customer(0xc1, other))
        .await
        .unwrap();
    assert_eq!(
        app.create_customer(&agent, customer(0xc2, PARTNER)).await,
        Ok(Created::New)
    );
    let subscription = |customer: u8, owner| Subscription {
        id: SubscriptionId::from_bytes([0xd1; 16]),
        name: "Tailspin".to_owned(),
        kind: SubscriptionKind::Csp,
        tenant: TenantId::from_bytes([customer; 16]),
        owner,
        customer: Some(CustomerId::from_bytes([customer; 16])),
        state: SubscriptionState::Active,
    };
    for (request, code) in [
        (subscription(0xc1, Some(other)), "PartnerNotFound"),
        (subscription(0xc1, Some(PARTNER)), "CustomerNotFound"),
        (subscription(0xc2, None), "AuthorizationFailed"),
    ] {
        assert_eq!(
            app.create_subscription(&agent, request).await.unwrap_err().code,
            code
        );
    }
    let own = subscription(0xc2, Some(PARTNER));
    assert_eq!(
        app.create_subscription(&agent, own.clone()).await,
        Ok(Created::New)
    );
    let suspended = SubscriptionState::Suspended;
    assert!(
        app.set_subscription_state(&agent, own.id, suspended)
            .await
            .is_ok()
    );
    let reader = house.program("reader").await;
    assert_eq!(
        refusal(app.set_subscription_state(&reader, own.id, suspended).await),
        NOT_FOUND
    );
    house
        .give(&reader, RoleDefinition::READER, &Scope::Subscription(own.id))
        .await;
    assert_eq!(
        refusal(app.set_subscription_state(&reader, own.id, suspended).await),
        FAILED
    );
}
