//! What a partner's people learn of another partner by asking for something of their own: nothing.

use app::access::Caller;
use app::authorization::{AssignedTo, AssignmentFilter};
use app::precondition::Precondition;
use app::registrations::{Registered, RegistrationAddress};
use app::{Error, Kind};
use domain::attribution::LocalSubscription;
use domain::authorization::{PartnerRole, RoleDefinition, Scope};
use domain::books::AssignRole;
use domain::identity::DirectoryOwner;
use domain::ids::{
    CloudId, CustomerId, LocalSubscriptionId, PartnerId, RoleAssignmentId, SubscriptionId, TenantId,
};
use domain::partner::{Customer, Partner, PartnerKind, Subscription, SubscriptionKind};
use domain::registration::register::PutRegistration;
use domain::registration::{BillingModel, RegistrationToken};

use crate::house::{CSP, House, PARTNER, SHARED, STACK, address, operator, token};
use crate::people::{now, registered};

pub(crate) const LITWARE: PartnerId = PartnerId::from_bytes([0xb1; 16]);
/// Litware's shared services subscription.
pub(crate) const LITWARES: SubscriptionId = SubscriptionId::from_bytes([0xb2; 16]);
/// A subscription of nobody's partner.
const ENTERPRISE: SubscriptionId = SubscriptionId::from_bytes([0xb3; 16]);
/// The directory that it lives in, which the other partner's customer signs in to its stack with.
const DIRECTORY: TenantId = TenantId::from_bytes([0xb6; 16]);
const SECOND_STACK: CloudId = CloudId::from_bytes([0xb4; 16]);

/// Beside the house's own partner a second one, with an agent.
pub(crate) async fn two_partners() -> (House, Caller) {
    let house = registered().await;
    let app = house.app();
    let litware = Partner {
        id: LITWARE,
        name: "Litware".to_owned(),
        kind: PartnerKind::DirectBill,
    };
    app.create_partner(&operator(), litware).await.unwrap();
    let shared = app.subscription(SHARED).unwrap();
    let litwares = Subscription {
        id: LITWARES,
        tenant: DIRECTORY,
        owner: Some(LITWARE),
        ..shared.clone()
    };
    let enterprise = Subscription {
        id: ENTERPRISE,
        kind: SubscriptionKind::EnterpriseAgreement,
        tenant: TenantId::from_bytes([0xb5; 16]),
        owner: None,
        ..shared
    };
    for subscription in [litwares, enterprise] {
        app.create_subscription(&operator(), subscription).await.unwrap();
    }
    let group = address().resource_group;
    app.put_resource_group(&operator(), LITWARES, &group, "local", [].into())
        .await
        .unwrap();
    let tailspin = Customer {
        id: CustomerId::from_bytes([0xb7; 16]),
        partner: PARTNER,
        name: "Tailspin".to_owned(),
        tenants: vec![DIRECTORY],
    };
    app.create_customer(&operator(), tailspin).await.unwrap();
    let local = LocalSubscription {
        tenant: DIRECTORY,
        name: "web".to_owned(),
        owner: "ops@tailspin.example".to_owned(),
        state: "Enabled".to_owned(),
    };
    let listed = (LocalSubscriptionId::from_bytes([0xb8; 16]), local);
    app.take_directory(&operator(), STACK, &[listed], None)
        .await
        .unwrap();
    let agent = house.program("agent").await;
    house
        .give_partner_role(&agent, PartnerRole::AdminAgent(LITWARE))
        .await;
    (house, agent)
}

fn at() -> RegistrationAddress {
    RegistrationAddress {
        subscription: LITWARES,
        ..address()
    }
}

pub(crate) async fn register(house: &House, caller: &Caller, stack: CloudId) -> Result<Registered, Error> {
    let request = PutRegistration {
        name: at().name,
        location: None,
        tags: None,
        token: Some(RegistrationToken {
            cloud_id: stack,
            ..token(BillingModel::PayAsYouUse)
        }),
    };
    house
        .app()
        .put_registration(caller, &at(), &request, &Precondition::None)
        .await
}

#[tokio::test]
async fn naming_another_partners_stack_does_not_tell_under_which_subscription_it_is_registered() {
    let (house, agent) = two_partners().await;
    let hidden = register(&house, &agent, STACK).await.unwrap_err();
    assert_eq!(
        (hidden.kind, hidden.code),
        (Kind::Conflict, "StackAlreadyRegistered")
    );
    let theirs = [SHARED.to_string(), address().name.to_string()];
    assert!(
        theirs.iter().all(|it| !hidden.message.contains(it)),
        "{}",
        hidden.message
    );
    house
        .give_partner_role(&agent, PartnerRole::AdminAgent(PARTNER))
        .await;
    let named = register(&house, &agent, STACK).await.unwrap_err();
    assert_eq!(named.code, hidden.code);
    assert!(
        theirs.iter().all(|it| named.message.contains(it)),
        "{}",
        named.message
    );
}

#[tokio::test]
async fn choosing_another_partners_directory_does_not_tell_its_customers_and_stacks() {
    let (house, agent) = two_partners().await;
    let registered = register(&house, &agent, SECOND_STACK).await.unwrap();
    assert_eq!(registered.warnings, []);
    let named = register(&house, &operator(), SECOND_STACK).await.unwrap();
    let said: Vec<String> = named.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].contains("Tailspin") && said[1].contains(&STACK.to_string()),
        "{said:?}"
    );
}

#[tokio::test]
async fn adding_a_foreign_subscription_does_not_tell_of_which_kind_it_is() {
    let (house, agent) = two_partners().await;
    register(&house, &agent, SECOND_STACK).await.unwrap();
    house
        .app()
        .approve_multi_tenancy(&operator(), SECOND_STACK)
        .await
        .unwrap();
    let added = async |caller: &Caller, subscription: SubscriptionId| {
        let subscription = subscription.to_string();
        let app = house.app();
        app.add_tenant(caller, &at(), &subscription, None, &Precondition::None)
            .await
            .unwrap_err()
            .code
    };
    for subscription in [ENTERPRISE, SHARED, CSP] {
        assert_eq!(added(&agent, subscription).await, "BadCustomerSubscriptionId");
    }
    assert_eq!(added(&operator(), ENTERPRISE).await, "InvalidCSPSubscription");
    house
        .give(&agent, RoleDefinition::READER, &Scope::Subscription(ENTERPRISE))
        .await;
    assert_eq!(added(&agent, ENTERPRISE).await, "InvalidCSPSubscription");
}

#[tokio::test]
async fn asking_what_somebody_elses_people_were_given_does_not_tell_which_groups_they_are_in() {
    let (house, agent) = two_partners().await;
    let app = house.app();
    let fabrikam = house
        .directory("fabrikam.example", DirectoryOwner::Partner(PARTNER))
        .await;
    let anna = house.user(&fabrikam, "anna").await;
    let group = app
        .create_group(&operator(), fabrikam.id, "Layoffs")
        .await
        .unwrap();
    app.add_member(&operator(), group.id, anna.id).await.unwrap();
    // Litware's agent knows both ids, and gives the group something of its own to see whom else that reaches.
    let scope = Scope::Subscription(LITWARES);
    let request = AssignRole {
        id: RoleAssignmentId::from_bytes([1; 16]),
        scope: scope.clone(),
        role: RoleDefinition::READER,
        principal: group.id,
        principal_kind: None,
    };
    app.assign_role(&agent, &request).await.unwrap();
    let filter = AssignmentFilter {
        at_scope: true,
        to: Some(AssignedTo::PrincipalOrGroups(anna.id)),
    };
    let found = |caller: &Caller| {
        let found = app.role_assignments(caller, &scope, &filter, None, 9);
        found.unwrap().len()
    };
    assert_eq!(found(&agent), 0);
    assert_eq!(found(&operator()), 1);
    assert_eq!(found(&Caller::Principal(now(&house, anna.id))), 1, "its own");
}
