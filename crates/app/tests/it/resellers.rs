//! What a provider's agents may with what belongs to its resellers.

use app::Kind;
use app::access::Caller;
use app::accounts::Created;
use app::identity::NewDirectory;
use domain::authorization::{Lock, LockLevel, PartnerRole, RoleDefinition, Scope};
use domain::books::AssignRole;
use domain::identity::DirectoryOwner;
use domain::ids::{CustomerId, PartnerId, RoleAssignmentId, SubscriptionId, TenantId};
use domain::partner::{Customer, Partner, PartnerKind, Subscription, SubscriptionKind, SubscriptionState};

use crate::house::{House, operator};
use crate::people::{FAILED, READ, WRITE, refusal};

const PROVIDER: PartnerId = PartnerId::from_bytes([0xb0; 16]);
const RESELLER: PartnerId = PartnerId::from_bytes([0xb1; 16]);
const SOLD: SubscriptionId = SubscriptionId::from_bytes([0xd1; 16]);

fn customer(number: u8) -> Customer {
    Customer {
        id: CustomerId::from_bytes([number; 16]),
        partner: RESELLER,
        name: "Tailspin".to_owned(),
        tenants: vec![TenantId::from_bytes([number; 16])],
    }
}

fn sold(id: SubscriptionId, to: u8) -> Subscription {
    Subscription {
        id,
        name: "Tailspin".to_owned(),
        kind: SubscriptionKind::Csp,
        tenant: TenantId::from_bytes([to; 16]),
        owner: Some(RESELLER),
        customer: Some(CustomerId::from_bytes([to; 16])),
        state: SubscriptionState::Active,
    }
}

/// A provider with a reseller that sells a subscription; and the provider's agent.
async fn resold() -> (House, Caller) {
    let house = House::built_at("2026-10-01T00:10:00Z").await;
    let app = house.app();
    for (id, kind) in [
        (PROVIDER, PartnerKind::IndirectProvider),
        (RESELLER, PartnerKind::IndirectReseller { provider: PROVIDER }),
    ] {
        let name = "Litware".to_owned();
        app.create_partner(&operator(), Partner { id, name, kind })
            .await
            .unwrap();
    }
    app.create_customer(&operator(), customer(0xc1)).await.unwrap();
    app.create_subscription(&operator(), sold(SOLD, 0xc1))
        .await
        .unwrap();
    let agent = house.program("provider").await;
    house
        .give_partner_role(&agent, PartnerRole::AdminAgent(PROVIDER))
        .await;
    (house, agent)
}

#[tokio::test]
async fn a_providers_agent_cannot_make_itself_its_resellers() {
    let (house, agent) = resold().await;
    let app = house.app();
    let [reseller, theirs] = [
        PartnerRole::AdminAgent(RESELLER),
        PartnerRole::CustomerUser(customer(0xc1).id),
    ];
    for role in [reseller, theirs] {
        let own = app.assign_partner_role(&agent, role, agent.id(), None).await;
        assert_eq!(refusal(own), FAILED, "{role:?}");
    }
    let scope = Scope::Subscription(SOLD);
    let owner = AssignRole {
        id: RoleAssignmentId::from_bytes([1; 16]),
        scope: scope.clone(),
        role: RoleDefinition::OWNER,
        principal: agent.id(),
        principal_kind: None,
    };
    assert_eq!(refusal(app.assign_role(&agent, &owner).await), FAILED);
    let lock = Lock {
        scope,
        name: "mine".parse().unwrap(),
        level: LockLevel::ReadOnly,
        notes: None,
    };
    assert_eq!(refusal(app.put_lock(&agent, &lock).await), FAILED);
    let new = NewDirectory {
        id: None,
        name: "Backdoor".to_owned(),
        domain: "backdoor.example".parse().unwrap(),
        owner: DirectoryOwner::Partner(RESELLER),
    };
    assert_eq!(refusal(app.create_directory(&agent, new).await), FAILED);
    let real = house
        .directory("reseller.example", DirectoryOwner::Partner(RESELLER))
        .await;
    let anna = house.user(&real, "anna").await;
    let password = "another correct horse".to_owned();
    assert_eq!(
        refusal(app.set_password(&agent, anna.id, password).await),
        (Kind::NotFound, "UserNotFound")
    );
    let group = app.create_group(&agent, real.id, "Agents").await;
    assert_eq!(refusal(group), (Kind::NotFound, "DirectoryNotFound"));
    // Nor by way of an account of its own: its people could set that password.
    let own = house
        .directory("distributor.example", DirectoryOwner::Partner(PROVIDER))
        .await;
    let own = house.user(&own, "otto").await;
    let given = app.assign_partner_role(&operator(), reseller, own.id, None).await;
    assert_eq!(refusal(given), (Kind::Forbidden, "PrincipalDirectoryNotTrusted"));
}

#[tokio::test]
async fn what_a_reseller_charges_is_not_told_to_its_provider_and_what_was_used_is() {
    let (house, agent) = resold().await;
    let app = house.app();
    let period = "2026-10".parse().unwrap();
    let refused = app.statement(&agent, SOLD, period).await.unwrap_err();
    assert_eq!(
        (refused.kind, refused.code),
        (Kind::Forbidden, "StatementOfReseller")
    );
    assert!(refused.message.contains("/usage"), "{}", refused.message);
    let scope = Scope::Subscription(SOLD);
    let usage = domain::authorization::READ_USAGE;
    for action in [READ, WRITE, usage] {
        assert!(app.may(&agent, action, &scope).is_ok(), "{action}");
    }
    app.set_subscription_state(&agent, SOLD, SubscriptionState::Suspended)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_provider_places_and_cancels_its_resellers_orders() {
    let (house, agent) = resold().await;
    let app = house.app();
    let id = SubscriptionId::from_bytes([0xd2; 16]);
    assert_eq!(
        app.create_customer(&agent, customer(0xc2)).await,
        Ok(Created::New)
    );
    assert_eq!(
        app.create_subscription(&agent, sold(id, 0xc2)).await,
        Ok(Created::New)
    );
    app.delete_subscription(&agent, id).await.unwrap();
    app.delete_customer(&agent, customer(0xc2).id).await.unwrap();
    let again = app.create_customer(&agent, customer(0xc2)).await;
    assert_eq!(refusal(again), (Kind::Conflict, "IdWasUsed"));
}

/// Usage that no mapping claims is shown to the provider without what it costs the reseller's customer.
#[tokio::test]
async fn unmapped_usage_does_not_give_a_resellers_prices_away() {
    use domain::registration::BillingModel;
    let (house, agent) = resold().await;
    let app = house.app();
    let group = "azurestack".parse().unwrap();
    app.put_resource_group(&agent, SOLD, &group, "local", std::collections::BTreeMap::new())
        .await
        .unwrap();
    let at = app::registrations::RegistrationAddress {
        subscription: SOLD,
        resource_group: group,
        name: "north".parse().unwrap(),
    };
    crate::payers::put(&house, &agent, &at, BillingModel::PayAsYouUse)
        .await
        .unwrap();
    house.it_is("2026-10-02T00:00:00Z");
    house
        .deliver("2026-10-01T02:00:00Z", &[("2026-10-01T01:00:00Z", "3")])
        .await
        .unwrap();
    let period = "2026-10".parse().unwrap();
    let operator = operator();
    let unmapped = async |caller| {
        app.unmapped_usage(caller, period, None, 9)
            .await
            .unwrap()
            .remove(0)
    };
    let of_operator = unmapped(&operator).await;
    assert_eq!(of_operator.amount.unwrap().to_string(), "3.00");
    let of_provider = unmapped(&agent).await;
    assert_eq!(of_provider.records, 1);
    assert_eq!((of_provider.amount, of_provider.used[0].amount), (None, None));
    assert_eq!(of_provider.problem.unwrap().code, "StatementOfReseller");
    assert!(app.statements(&agent, period, None, 9).await.unwrap().is_empty());
}
