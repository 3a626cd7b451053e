//! Tenants that use a stack and have no mapping: which they are, what their usage is worth, and what adding them takes.

use std::collections::BTreeMap;

use app::Error;
use app::list_price::ListValue;
use app::suggestions::Suggestion;
use domain::authorization::{PartnerRole, RoleDefinition, Scope};
use domain::catalog::{Price, PriceList, PriceListScope, Prices};
use domain::money::Currency;
use domain::partner::SubscriptionState;
use domain::registration::BillingModel;
use domain::time::{Hour, Period};

use crate::house::{
    CSP, CUSTOMER, House, LOCAL, PARTNER, SHARED, STACK, TENANT, VCPU, VCPU_BILLED, operator,
};
use crate::payers::{in_csp, put};
use crate::successors::move_to_second;

fn october() -> Period {
    "2026-10".parse().unwrap()
}

/// The stack is registered and used: a vCPU hour on the second and two on the twentieth.
async fn used(model: BillingModel) -> House {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    house.register(model).await;
    house.it_is("2026-10-21T00:00:00Z");
    let usage = [("2026-10-02T00:00:00Z", "1"), ("2026-10-20T00:00:00Z", "2")];
    house.deliver("2026-10-20T01:00:00Z", &usage).await.unwrap();
    house
}

async fn suggestions(house: &House) -> Vec<Suggestion> {
    house
        .app()
        .tenant_suggestions(&operator(), october())
        .await
        .unwrap()
}

fn amount(value: &Result<ListValue, Error>) -> String {
    value.as_ref().unwrap().amount.to_string()
}

#[tokio::test]
async fn a_tenant_without_a_mapping_is_suggested_with_who_could_pay_and_what_it_would_move() {
    let house = used(BillingModel::PayAsYouUse).await;
    let [suggested] = &suggestions(&house).await[..] else {
        panic!("one tenant");
    };
    assert_eq!((suggested.stack, suggested.tenant), (STACK, TENANT));
    assert_eq!(
        (suggested.default_subscription, suggested.seller),
        (SHARED, Some(PARTNER))
    );
    let customer = suggested.customer.as_ref().unwrap();
    assert_eq!((customer.id, customer.name.as_str()), (CUSTOMER, "Contoso"));
    assert_eq!(
        (&suggested.local_subscriptions[..], suggested.records),
        (&[LOCAL][..], 2)
    );
    assert_eq!(
        [suggested.used_in.start(), suggested.used_in.end()].map(|it| it.to_string()),
        ["2026-10-02T00:00:00Z", "2026-10-20T01:00:00Z"]
    );
    assert_eq!(amount(&suggested.list_value), "3.00");
    let [candidate] = &suggested.candidates[..] else {
        panic!("one subscription: {:?}", suggested.candidates);
    };
    assert_eq!(candidate.subscription, CSP);
    assert!(candidate.refusal.is_none() && candidate.warnings.is_empty() && suggested.refusal.is_none());

    // Whoever does what is suggested is not told again.
    house.add_tenant(CSP, Some(TENANT)).await.unwrap();
    assert!(suggestions(&house).await.is_empty());
}

#[tokio::test]
async fn what_would_be_refused_is_said_before_somebody_tries() {
    let house = used(BillingModel::Capacity).await;
    let [suggested] = &suggestions(&house).await[..] else {
        panic!("one tenant");
    };
    let refusal = suggested.refusal.as_ref().unwrap();
    assert_eq!(refusal.code, "CustomerSubscriptionsNotAllowed");
    assert_eq!(suggested.candidates[0].refusal.as_ref(), Some(refusal));

    let house = used(BillingModel::PayAsYouUse).await;
    let suspended = SubscriptionState::Suspended;
    let app = house.app();
    app.set_subscription_state(&operator(), CSP, suspended)
        .await
        .unwrap();
    let [suggested] = &suggestions(&house).await[..] else {
        panic!("one tenant");
    };
    assert!(suggested.refusal.is_none(), "another subscription would do");
    let refusal = suggested.candidates[0].refusal.as_ref().unwrap();
    assert_eq!(refusal.code, "InvalidCustomerSubscriptionId");
}

/// A seller's own prices are not what usage is worth at list price, and a price that changes inside the month counts for its
/// own hours only.
#[tokio::test]
async fn what_usage_is_worth_goes_by_list_prices_whatever_is_charged_for_it() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    let app = house.app();
    for (name, scope, price, from) in [
        (
            "own",
            PriceListScope::Seller(PARTNER),
            "0.5",
            "2026-10-01T00:00:00Z",
        ),
        ("list", PriceListScope::Platform, "10", "2026-10-15T00:00:00Z"),
    ] {
        let list = PriceList {
            name: name.parse().unwrap(),
            scope,
            currency: Currency::USD,
        };
        let prices: Prices = [(VCPU_BILLED, Price::flat(price.parse().unwrap()))].into();
        app.publish_price_list(&operator(), list, prices, from.parse().unwrap())
            .await
            .unwrap();
    }
    // What a partner sells is charged by its own list.
    let at = in_csp();
    app.put_resource_group(&operator(), CSP, &at.resource_group, "local", BTreeMap::new())
        .await
        .unwrap();
    put(&house, &operator(), &at, BillingModel::PayAsYouUse)
        .await
        .unwrap();
    house.it_is("2026-10-21T00:00:00Z");
    let usage = [("2026-10-02T00:00:00Z", "1"), ("2026-10-20T00:00:00Z", "2")];
    house.deliver("2026-10-20T01:00:00Z", &usage).await.unwrap();
    let unmapped = app.unmapped_usage(&operator(), october(), None, 9).await.unwrap();
    assert_eq!(unmapped[0].amount.unwrap().to_string(), "1.50");
    assert_eq!(amount(unmapped[0].list_value.as_ref().unwrap()), "21.00");
    assert!(
        suggestions(&house).await.is_empty(),
        "nobody knows whose the local subscription is"
    );
}

#[tokio::test]
async fn usage_without_a_list_price_says_why_its_value_is_not_told() {
    let house = House::without_prices_at("2026-10-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.it_is("2026-10-21T00:00:00Z");
    house
        .deliver("2026-10-20T01:00:00Z", &[("2026-10-02T00:00:00Z", "1")])
        .await
        .unwrap();
    let value = suggestions(&house).await.remove(0).list_value;
    assert_eq!(value.unwrap_err().code, "NoListPrices");
    // Prices, and none for what was used.
    let list = PriceList {
        name: "list".parse().unwrap(),
        scope: PriceListScope::Platform,
        currency: Currency::USD,
    };
    let app = house.app();
    app.publish_price_list(&operator(), list, BTreeMap::new(), Hour::MIN)
        .await
        .unwrap();
    let value = suggestions(&house).await.remove(0).list_value.unwrap();
    assert_eq!(
        (value.amount.to_string(), value.without_price),
        ("0.00".to_owned(), vec![VCPU])
    );
}

/// Suggestions tell no more than the usage that they are about: nothing to who does not read who pays for it.
#[tokio::test]
async fn tenants_are_suggested_to_those_who_read_their_usage() {
    let house = used(BillingModel::PayAsYouUse).await;
    let [agent, stranger] = [house.program("agent").await, house.program("stranger").await];
    house
        .give_partner_role(&agent, PartnerRole::AdminAgent(PARTNER))
        .await;
    let seen = house.app().tenant_suggestions(&agent, october()).await.unwrap();
    assert_eq!((seen.len(), seen[0].candidates.len()), (1, 1));
    assert!(
        house
            .app()
            .tenant_suggestions(&stranger, october())
            .await
            .unwrap()
            .is_empty()
    );
}

/// It would name the registration, the seller and the default subscription of those who have the stack now.
#[tokio::test]
async fn who_had_a_stack_would_be_told_who_has_it_now() {
    let house = used(BillingModel::PayAsYouUse).await;
    let before = house.program("before").await;
    house
        .give(&before, RoleDefinition::READER, &Scope::Subscription(SHARED))
        .await;
    let seen = house.app().tenant_suggestions(&before, october()).await.unwrap();
    assert_eq!(seen.len(), 1);
    house.it_is("2026-10-22T00:00:00Z");
    move_to_second(&house).await;
    let seen = house.app().tenant_suggestions(&before, october()).await.unwrap();
    assert_eq!(seen.len(), 0);
    assert_eq!(
        suggestions(&house).await.len(),
        0,
        "adding it now would move nothing"
    );
}
