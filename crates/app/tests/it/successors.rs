//! A stack that belongs to others than before, and what each of them sees of the other: nothing.

use app::Kind;
use app::access::Caller;
use app::moves::MoveRegistrations;
use app::precondition::Precondition;
use app::registrations::{Registered, RegistrationAddress};
use app::usage::Delivery;
use domain::attribution::LocalSubscription;
use domain::authorization::{RoleDefinition, Scope};
use domain::ids::{CustomerId, PartnerId, RegistrationId, SubscriptionId, TenantId};
use domain::partner::{Customer, Partner, PartnerKind, Subscription, SubscriptionKind, SubscriptionState};
use domain::registration::BillingModel;
use domain::registration::register::PutRegistration;
use domain::time::HourInterval;

use crate::house::{CSP, House, LOCAL, SHARED, STACK, TENANT, address, operator, token};
use crate::payers::{in_csp, put};
use crate::people::{refusal, registered};
use crate::strangers::{register, two_partners};

async fn end(house: &House) {
    let app = house.app();
    app.delete_registration(&operator(), &address(), &Precondition::None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_stack_whose_registration_was_deleted_is_not_had_by_naming_its_cloud_id() {
    let (house, agent) = two_partners().await;
    end(&house).await;
    let refused = register(&house, &agent, STACK).await.unwrap_err();
    assert_eq!(
        (refused.kind, refused.code),
        (Kind::Conflict, "StackOfAnotherSubscription")
    );
    for theirs in [SHARED.to_string(), address().name.to_string()] {
        assert!(!refused.message.contains(&theirs), "{}", refused.message);
    }
    house
        .give(&agent, RoleDefinition::READER, &Scope::Subscription(SHARED))
        .await;
    let reads = register(&house, &agent, STACK).await;
    assert_eq!(refusal(reads).1, "StackOfAnotherSubscription");
    // Whoever may register with both takes its own stack along.
    house
        .give(&agent, RoleDefinition::CONTRIBUTOR, &Scope::Subscription(SHARED))
        .await;
    assert!(register(&house, &agent, STACK).await.unwrap().created);
}

#[tokio::test]
async fn the_owner_before_and_an_operator_register_a_stack_again() {
    let (house, _) = two_partners().await;
    end(&house).await;
    let owner = house.program("owner").await;
    house
        .give(&owner, RoleDefinition::OWNER, &Scope::Subscription(SHARED))
        .await;
    let request = PutRegistration {
        name: address().name,
        location: None,
        tags: None,
        token: Some(token(BillingModel::PayAsYouUse)),
    };
    let app = house.app();
    app.put_registration(&owner, &address(), &request, &Precondition::None)
        .await
        .unwrap();
    end(&house).await;
    register(&house, &operator(), STACK).await.unwrap();
}

/// The stack says that it has reported everything up to an hour.
async fn declare(house: &House, through: &str) {
    let delivery = Delivery {
        stack: STACK,
        reported_start: None,
        reported_end: None,
        reported_through: Some(through.parse().unwrap()),
        idempotency_key: None,
        known_receipts: &[],
        digest: [0; 32],
        records: &[],
        quarantined: &[],
        raw: &|_| String::new(),
    };
    house.app().deliver_usage(delivery).await.unwrap();
}

#[tokio::test]
async fn who_gets_a_stack_reads_nothing_of_what_it_delivered_for_others_nor_they_of_what_it_delivers_now() {
    let (house, agent) = two_partners().await;
    let (app, reader) = (house.app(), house.program("reader").await);
    house
        .give(&reader, RoleDefinition::READER, &Scope::Subscription(SHARED))
        .await;
    let first = app.registration(&address()).unwrap().id;
    house.it_is("2026-10-02T10:20:00Z");
    declare(&house, "2026-10-02T10:00:00Z").await;
    assert!(app.reported_through(&reader, STACK).await.unwrap().is_some());
    // In the same hour, and so in hours that are the successor's.
    house.it_is("2026-10-02T10:30:00Z");
    end(&house).await;
    house.it_is("2026-10-02T10:40:00Z");
    register(&house, &operator(), STACK).await.unwrap();
    assert_eq!(app.reported_through(&agent, STACK).await, Ok(None));
    assert!(app.reported_through(&operator(), STACK).await.unwrap().is_some());
    house.it_is("2026-10-03T00:00:00Z");
    declare(&house, "2026-10-03T00:00:00Z").await;
    assert!(app.reported_through(&agent, STACK).await.unwrap().is_some());
    let (app, agent, reader) = (&app, &agent, &reader);
    let read = async |caller: &Caller, after, limit| {
        let receipts = app.receipts(caller, STACK, after, limit).await.unwrap();
        receipts.iter().map(|it| it.sequence).collect::<Vec<_>>()
    };
    assert_eq!(read(&operator(), 0, 9).await, [1, 2]);
    for limit in [1, 9] {
        assert_eq!(read(agent, 0, limit).await, [2]);
        assert_eq!(read(reader, 0, limit).await, [1]);
    }
    assert_eq!(read(agent, 2, 9).await, <[u64; 0]>::default());
    let stranger = house.program("stranger").await;
    assert_eq!(
        refusal(app.receipts(&stranger, STACK, 0, 9).await),
        (Kind::NotFound, "RegistrationNotFound")
    );
    // Nor does a key from before deliver for them.
    let former = app.registered_stack(STACK, first, 0);
    assert_eq!(refusal(former), (Kind::Unauthenticated, "ActivationKeyRevoked"));
}

#[tokio::test]
async fn a_successor_who_asks_for_few_receipts_would_have_had_all_of_those_before_read_one_by_one() {
    let (house, agent) = two_partners().await;
    house.it_is("2026-10-02T10:20:00Z");
    for _ in 0..10 {
        declare(&house, "2026-10-02T10:00:00Z").await;
    }
    house.it_is("2026-10-02T10:30:00Z");
    end(&house).await;
    house.it_is("2026-10-02T10:40:00Z");
    register(&house, &operator(), STACK).await.unwrap();
    house.it_is("2026-10-03T00:00:00Z");
    for _ in 0..3 {
        declare(&house, "2026-10-03T00:00:00Z").await;
    }
    let before = house.usage.receipts_asked();
    let receipts = house.app().receipts(&agent, STACK, 0, 2).await.unwrap();
    assert_eq!(
        receipts.iter().map(|it| it.sequence).collect::<Vec<_>>(),
        [11, 12]
    );
    assert_eq!(house.usage.receipts_asked() - before, 1);
}

/// A stack whose registration has one tenant added; and the registration.
async fn with_a_tenant() -> (House, RegistrationId) {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    let (app, group) = (house.app(), address().resource_group);
    app.put_resource_group(&operator(), SHARED, &group, "local", [].into())
        .await
        .unwrap();
    let registered = house
        .put_registration(Some(token(BillingModel::PayAsYouUse)))
        .await
        .unwrap();
    app.approve_multi_tenancy(&operator(), STACK).await.unwrap();
    house.add_tenant(CSP, None).await.unwrap();
    drop(app);
    (house, registered.registration.id)
}

/// The stack tells that the local subscription is the tenant's.
async fn list_the_tenant(house: &House, registration: RegistrationId) {
    let listed = LocalSubscription {
        tenant: TENANT,
        name: "web".to_owned(),
        owner: "ops@contoso.example".to_owned(),
        state: "Enabled".to_owned(),
    };
    let stack = Caller::Stack {
        cloud_id: STACK,
        registration,
    };
    let taken = house
        .app()
        .take_directory(&stack, STACK, &[(LOCAL, listed)], None)
        .await;
    taken.unwrap();
}

#[tokio::test]
async fn who_gets_a_stack_does_not_change_who_pays_for_the_hours_in_which_others_had_it() {
    let (house, registration) = with_a_tenant().await;
    let (app, group) = (house.app(), address().resource_group);
    house.it_is("2026-10-03T00:00:00Z");
    house
        .deliver("2026-10-02T01:00:00Z", &[("2026-10-02T00:00:00Z", "7")])
        .await
        .unwrap();
    assert_eq!(
        house.owes(SHARED).await,
        "7.00",
        "the directory does not list it yet"
    );
    end(&house).await;
    app.put_resource_group(&operator(), CSP, &group, "local", [].into())
        .await
        .unwrap();
    put(&house, &operator(), &in_csp(), BillingModel::PayAsYouUse)
        .await
        .unwrap();
    list_the_tenant(&house, registration).await;
    assert_eq!(
        (house.owes(SHARED).await, house.owes(CSP).await),
        ("7.00".to_owned(), "0.00".to_owned())
    );
}

/// Another subscription of the partner's.
const SECOND: SubscriptionId = SubscriptionId::from_bytes([0x21; 16]);

/// The stack's registration is moved there.
pub(crate) async fn move_to_second(house: &House) {
    let (app, group) = (house.app(), address().resource_group);
    let second = Subscription {
        id: SECOND,
        ..app.subscription(SHARED).unwrap()
    };
    app.create_subscription(&operator(), second).await.unwrap();
    app.put_resource_group(&operator(), SECOND, &group, "local", [].into())
        .await
        .unwrap();
    let request = MoveRegistrations {
        from: (SHARED, group.clone()),
        names: [address().name].into(),
        to: (SECOND, group),
    };
    app.move_registrations(&operator(), &request).await.unwrap();
}

#[tokio::test]
async fn who_gets_a_stack_by_a_move_reads_nothing_of_before_nor_do_those_before_lose_their_receipts() {
    let house = registered().await;
    let app = house.app();
    house.it_is("2026-10-02T11:00:00Z");
    declare(&house, "2026-10-02T11:00:00Z").await;
    house.it_is("2026-10-03T10:30:00Z");
    move_to_second(&house).await;
    let (before, after) = (house.program("before").await, house.program("after").await);
    for (reader, subscription) in [(&before, SHARED), (&after, SECOND)] {
        house
            .give(reader, RoleDefinition::READER, &Scope::Subscription(subscription))
            .await;
    }
    assert_eq!(app.reported_through(&after, STACK).await, Ok(None));
    house.it_is("2026-10-04T00:00:00Z");
    declare(&house, "2026-10-04T00:00:00Z").await;
    assert!(app.reported_through(&after, STACK).await.unwrap().is_some());
    // Nor does it change whose they were that the registration is good for hours before it was made.
    let from = "2026-09-30T00:00:00Z".parse().unwrap();
    app.backdate_registration(&operator(), STACK, from).await.unwrap();
    drop(app);
    let house = house.restarted().await;
    for (caller, expected) in [(&operator(), &[1, 2][..]), (&before, &[1]), (&after, &[2])] {
        let receipts = house.app().receipts(caller, STACK, 0, 9).await.unwrap();
        let sequences: Vec<u64> = receipts.iter().map(|it| it.sequence).collect();
        assert_eq!(sequences, expected, "{caller:?}");
    }
}

#[tokio::test]
async fn who_gets_a_stack_by_a_move_does_not_change_who_pays_for_the_hours_before_it() {
    let (house, registration) = with_a_tenant().await;
    house.it_is("2026-10-03T10:30:00Z");
    move_to_second(&house).await;
    house.it_is("2026-10-04T00:00:00Z");
    let usage = [("2026-10-02T00:00:00Z", "7"), ("2026-10-03T11:00:00Z", "1")];
    house.deliver("2026-10-03T12:00:00Z", &usage).await.unwrap();
    list_the_tenant(&house, registration).await;
    assert_eq!(
        (house.owes(SHARED).await, house.owes(CSP).await),
        ("7.00".to_owned(), "1.00".to_owned())
    );
}

const PROVIDER: PartnerId = PartnerId::from_bytes([0xc0; 16]);
/// The stack's registration is with the first one's.
const RESELLERS: [u8; 2] = [0xc1, 0xc2];

fn subscription(reseller: u8) -> SubscriptionId {
    SubscriptionId::from_bytes([reseller; 16])
}

/// A provider with two resellers, each with a customer and its subscription, of which the first has a stack of its own; and
/// the owner of that subscription.
async fn two_resellers() -> (House, RegistrationAddress, Caller) {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    let app = house.app();
    let partner = |id, kind| Partner {
        id,
        name: "Litware".to_owned(),
        kind,
    };
    let provider = partner(PROVIDER, PartnerKind::IndirectProvider);
    app.create_partner(&operator(), provider).await.unwrap();
    for number in RESELLERS {
        let (id, tenant) = (
            PartnerId::from_bytes([number; 16]),
            TenantId::from_bytes([number; 16]),
        );
        let reseller = partner(id, PartnerKind::IndirectReseller { provider: PROVIDER });
        app.create_partner(&operator(), reseller).await.unwrap();
        let customer = Customer {
            id: CustomerId::from_bytes([number; 16]),
            partner: id,
            name: format!("Customer {number}"),
            tenants: vec![tenant],
        };
        app.create_customer(&operator(), customer.clone()).await.unwrap();
        let sold = Subscription {
            id: subscription(number),
            name: format!("Subscription {number}"),
            kind: SubscriptionKind::Csp,
            tenant,
            owner: Some(id),
            customer: Some(customer.id),
            state: SubscriptionState::Active,
        };
        app.create_subscription(&operator(), sold).await.unwrap();
    }
    let at = RegistrationAddress {
        subscription: subscription(RESELLERS[0]),
        ..address()
    };
    let group = &at.resource_group;
    app.put_resource_group(&operator(), at.subscription, group, "local", [].into())
        .await
        .unwrap();
    let Registered { created, .. } = put(&house, &operator(), &at, BillingModel::PayAsYouUse)
        .await
        .unwrap();
    assert!(created);
    app.approve_multi_tenancy(&operator(), STACK).await.unwrap();
    let owner = house.program("owner").await;
    house
        .give(
            &owner,
            RoleDefinition::OWNER,
            &Scope::Subscription(at.subscription),
        )
        .await;
    (house, at, owner)
}

#[tokio::test]
async fn a_customer_with_a_stack_of_its_own_does_not_learn_to_whom_another_partner_sells() {
    let (house, at, owner) = two_resellers().await;
    let app = house.app();
    for reseller in RESELLERS {
        let charged = subscription(reseller).to_string();
        app.add_tenant(&operator(), &at, &charged, None, &Precondition::None)
            .await
            .unwrap();
    }
    let [own, other] = RESELLERS.map(subscription);
    let listed = |caller: &Caller| {
        let mappings = app.tenant_mappings(caller, &at).unwrap();
        mappings.iter().map(|it| it.subscription).collect::<Vec<_>>()
    };
    assert_eq!(listed(&operator()), [own, other]);
    assert_eq!(listed(&owner), [own]);
    let hidden = app.tenant_mapping(&owner, &at, &other.to_string());
    assert_eq!(refusal(hidden), (Kind::NotFound, "CustomerSubscriptionNotFound"));
    let gone = app
        .remove_tenant(&owner, &at, &other.to_string(), &Precondition::None)
        .await;
    assert_eq!(gone, Ok(false), "as if it were not there");
    assert_eq!(listed(&operator()), [own, other]);

    // Nor from what was and is no more.
    let tenant = TenantId::from_bytes([RESELLERS[1]; 16]);
    let always = HourInterval::from("2026-10-01T00:00:00Z".parse().unwrap());
    app.map_tenant(&operator(), STACK, tenant, None, always)
        .await
        .unwrap();
    let versions = |caller: &Caller| {
        let versions = app.mapping_history(caller, STACK).unwrap();
        versions.iter().map(|it| it.tenant).collect::<Vec<_>>()
    };
    assert_eq!(versions(&operator()).len(), 3);
    assert_eq!(versions(&owner), [TenantId::from_bytes([RESELLERS[0]; 16])]);
    house
        .give(&owner, RoleDefinition::READER, &Scope::Subscription(other))
        .await;
    assert_eq!(versions(&owner).len(), 3, "of what it sees it reads all");
}

#[tokio::test]
async fn who_is_charged_for_somebody_elses_tenant_finds_that_in_the_list() {
    let (house, at, owner) = two_resellers().await;
    let app = house.app();
    let [own, _] = RESELLERS.map(subscription);
    let theirs = TenantId::from_bytes([RESELLERS[1]; 16]);
    let (mapping, _) = app
        .add_tenant(&owner, &at, &own.to_string(), Some(theirs), &Precondition::None)
        .await
        .unwrap();
    assert_eq!((mapping.subscription, mapping.tenant), (own, theirs));
    assert_eq!(app.tenant_mappings(&owner, &at).unwrap(), [mapping]);
}
