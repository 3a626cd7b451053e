//! Mapping tenants for stated hours, and what is shown of it.

use app::Error;
use app::mappings::MappingVersion;
use app::precondition::Precondition;
use domain::ids::{CustomerId, SubscriptionId, TenantId};
use domain::partner::Customer;
use domain::registration::{BillingModel, Warning};
use domain::time::{Hour, HourInterval};

use crate::house::{CSP, House, PARTNER, SHARED, STACK, TENANT, address, operator, token};

const RIVALS: TenantId = TenantId::from_bytes([0x33; 16]);

fn hours(from: &str, to: Option<&str>) -> HourInterval {
    let to = to.map_or(Hour::MAX, |to| to.parse().unwrap());
    HourInterval::new(from.parse().unwrap(), to).unwrap()
}

async fn map(
    house: &House,
    tenant: TenantId,
    subscription: Option<SubscriptionId>,
    valid: HourInterval,
) -> Result<(MappingVersion, Vec<Warning>), Error> {
    let app = house.app();
    app.map_tenant(&operator(), STACK, tenant, subscription, valid)
        .await
}

fn codes(warnings: &[Warning]) -> Vec<&'static str> {
    warnings.iter().map(Warning::code).collect()
}

/// Registered on the 1st with the tenant added, deleted and registered again on the 15th at noon.
async fn registered_twice() -> House {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    let app = house.app();
    house.add_tenant(CSP, None).await.unwrap();
    house.it_is("2026-10-15T12:00:00Z");
    app.delete_registration(&operator(), &address(), &Precondition::None)
        .await
        .unwrap();
    house
        .put_registration(Some(token(BillingModel::PayAsYouUse)))
        .await
        .unwrap();
    app.approve_multi_tenancy(&operator(), STACK).await.unwrap();
    house
}

#[tokio::test]
async fn who_pays_for_the_hours_of_a_deleted_registration_can_still_be_explained() {
    let house = registered_twice().await;
    house
        .deliver("2026-10-15T00:00:00Z", &[("2026-10-14T00:00:00Z", "5")])
        .await
        .unwrap();
    assert_eq!(
        house.owes(CSP).await,
        "5.00",
        "the deleted registration's mapping decides"
    );
    let history = house.app().mapping_history(&operator(), STACK).unwrap();
    let [version] = &history[..] else {
        panic!("what decides is not shown: {history:?}")
    };
    assert_eq!((version.tenant, version.subscription), (TENANT, Some(CSP)));
    let first_life = hours("2026-10-01T00:00:00Z", Some("2026-10-15T12:00:00Z"));
    assert_eq!(
        (version.registration.live, version.registration.hours),
        (false, Some(first_life))
    );

    // Of a stack that is not registered again, too.
    house.it_is("2026-10-16T00:00:00Z");
    let app = house.app();
    app.delete_registration(&operator(), &address(), &Precondition::None)
        .await
        .unwrap();
    assert_eq!(app.mapping_history(&operator(), STACK).unwrap().len(), 1);
}

#[tokio::test]
async fn a_mapping_for_hours_of_a_deleted_registration_changes_who_pays_for_them_and_not_only_what_is_listed()
{
    let house = registered_twice().await;
    house
        .deliver("2026-10-15T00:00:00Z", &[("2026-10-14T00:00:00Z", "5")])
        .await
        .unwrap();
    let day = hours("2026-10-14T00:00:00Z", Some("2026-10-15T00:00:00Z"));
    let (version, _) = map(&house, TENANT, None, day).await.unwrap();
    assert!(!version.registration.live, "{version:?}");
    assert_eq!(
        (house.owes(SHARED).await, house.owes(CSP).await),
        ("5.00".to_owned(), "0.00".to_owned())
    );
    let listed = house.app().mapping_history(&operator(), STACK).unwrap();
    assert_eq!(listed.last(), Some(&version));
    // Its own rules hold: it was not this registration that was made for one stack only.
    let (version, _) = map(&house, TENANT, Some(CSP), hours("2026-10-16T00:00:00Z", None))
        .await
        .unwrap();
    assert!(version.registration.live);
}

#[tokio::test]
async fn a_mapping_for_hours_of_two_registrations_is_refused_with_the_hours_of_each() {
    let house = registered_twice().await;
    let refused = map(&house, TENANT, Some(CSP), hours("2026-10-14T00:00:00Z", None))
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code, refused.target),
        ("SeveralRegistrations", Some("validFrom"))
    );
    for said in [
        "from 2026-10-01T00:00:00Z to 2026-10-15T12:00:00Z",
        "from 2026-10-15T12:00:00Z on",
    ] {
        assert!(refused.message.contains(said), "{said}: {}", refused.message);
    }
    assert_eq!(house.app().mapping_history(&operator(), STACK).unwrap().len(), 1);
}

#[tokio::test]
async fn mapping_the_same_again_fills_the_books_with_nothing_and_says_so() {
    let house = House::built_at("2026-10-10T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    let from = hours("2026-10-10T00:00:00Z", None);
    let (first, warnings) = map(&house, TENANT, Some(CSP), from).await.unwrap();
    assert_eq!(codes(&warnings), Vec::<&str>::new());
    let part = hours("2026-10-12T00:00:00Z", Some("2026-10-13T00:00:00Z"));
    for again in [from, part] {
        let (version, warnings) = map(&house, TENANT, Some(CSP), again).await.unwrap();
        assert_eq!(
            (version, codes(&warnings)),
            (first.clone(), vec!["MappingUnchanged"])
        );
    }
    let (_, warnings) = map(&house, TENANT, None, part).await.unwrap();
    assert_eq!(codes(&warnings), Vec::<&str>::new());
    let (_, warnings) = map(&house, TENANT, Some(CSP), from).await.unwrap();
    assert_eq!(codes(&warnings), Vec::<&str>::new(), "a part of it was otherwise");
    assert_eq!(house.app().mapping_history(&operator(), STACK).unwrap().len(), 3);
}

#[tokio::test]
async fn a_mapping_from_a_mistyped_year_on_is_not_waited_for_in_vain() {
    let house = House::built_at("2026-10-10T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    for (from, expected) in [
        ("2062-10-10T00:00:00Z", vec!["MappingStartsFarAhead"]),
        ("2026-11-01T00:00:00Z", vec![]),
    ] {
        let (_, warnings) = map(&house, TENANT, Some(CSP), hours(from, None)).await.unwrap();
        assert_eq!(codes(&warnings), expected, "{from}");
    }
}

#[tokio::test]
async fn a_customer_never_pays_for_another_without_both_being_named() {
    let house = House::built_at("2026-10-10T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    let app = house.app();
    let add = async |tenant| house.add_tenant(CSP, tenant).await.unwrap().1;
    assert_eq!(add(None).await, []);
    let nobodys = add(Some(TenantId::from_bytes([0x44; 16]))).await;
    assert_eq!(codes(&nobodys), ["TenantLosesMapping", "TenantOfAnotherCustomer"]);
    assert!(
        nobodys[1].to_string().contains("belongs to no known customer"),
        "{}",
        nobodys[1]
    );

    let rival = Customer {
        id: CustomerId::from_bytes([0x22; 16]),
        partner: PARTNER,
        name: "Rival".to_owned(),
        tenants: vec![RIVALS],
    };
    app.create_customer(&operator(), rival).await.unwrap();
    add(None).await;
    let said = add(Some(RIVALS)).await;
    assert_eq!(codes(&said), ["TenantLosesMapping", "TenantOfAnotherCustomer"]);
    assert!(said[0].to_string().contains(&TENANT.to_string()), "{}", said[0]);
    let text = said[1].to_string();
    assert!(
        text.contains("customer Rival") && text.contains("customer Contoso"),
        "{text}"
    );
    let past = hours("2026-10-01T00:00:00Z", Some("2026-10-02T00:00:00Z"));
    let (_, warnings) = map(&house, RIVALS, Some(CSP), past).await.unwrap();
    assert_eq!(codes(&warnings), ["TenantOfAnotherCustomer"]);
}

#[tokio::test]
async fn the_tenants_of_one_customer_may_all_use_its_subscription_without_a_warning() {
    let house = House::built_at("2026-10-10T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    let app = house.app();
    let several = Customer {
        id: CustomerId::from_bytes([0x22; 16]),
        partner: PARTNER,
        name: "Several".to_owned(),
        tenants: vec![RIVALS, TenantId::from_bytes([0x34; 16])],
    };
    app.create_customer(&operator(), several.clone()).await.unwrap();
    let subscription = domain::partner::Subscription {
        id: SubscriptionId::from_bytes([0x55; 16]),
        name: "Several production".to_owned(),
        kind: domain::partner::SubscriptionKind::Csp,
        tenant: RIVALS,
        owner: Some(PARTNER),
        customer: Some(several.id),
        state: domain::partner::SubscriptionState::Active,
    };
    let id = subscription.id.to_string();
    app.create_subscription(&operator(), subscription).await.unwrap();
    let other = Some(several.tenants[1]);
    let (_, warnings) = house.add_tenant(id, other).await.unwrap();
    assert_eq!(warnings, []);
}
