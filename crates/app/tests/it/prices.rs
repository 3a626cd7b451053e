//! What prices can do to bills: to whose, and to whose not.

use std::collections::BTreeMap;

use app::precondition::Precondition;
use app::registrations::RegistrationAddress;
use domain::books::Entry;
use domain::catalog::{Price, PriceList, PriceListScope, Prices};
use domain::money::Currency;
use domain::registration::BillingModel;
use domain::registration::register::PutRegistration;
use domain::statement::NotChargedBecause;
use domain::time::{Hour, Period};

use crate::house::{CSP, House, PARTNER, SHARED, STACK, VCPU, VCPU_BILLED, address, operator, token};

fn october() -> Period {
    "2026-10".parse().unwrap()
}

fn of_the_seller() -> PriceList {
    PriceList {
        name: "fabrikam-eur".parse().unwrap(),
        scope: PriceListScope::Seller(PARTNER),
        currency: "EUR".parse().unwrap(),
    }
}

fn two_each() -> Prices {
    [(VCPU_BILLED, Price::flat("2".parse().unwrap()))].into()
}

/// One vCPU hour is charged to each of the two subscriptions in October.
async fn used(house: &House) {
    house.register(BillingModel::PayAsYouUse).await;
    house.it_is("2026-10-16T00:00:00Z");
    house.add_tenant(CSP, None).await.unwrap();
    house.it_is("2026-10-20T00:00:00Z");
    let usage = [("2026-10-02T00:00:00Z", "1"), ("2026-10-17T00:00:00Z", "1")];
    house.deliver("2026-10-17T01:00:00Z", &usage).await.unwrap();
}

#[tokio::test]
async fn a_sellers_list_in_another_currency_from_mid_month_on_is_refused_before_it_costs_a_months_bills() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    used(&house).await;
    let app = house.app();
    let publish = |from: &str| {
        let (app, from): (_, Hour) = (app.clone(), from.parse().unwrap());
        async move {
            app.publish_price_list(&operator(), of_the_seller(), two_each(), from)
                .await
        }
    };
    let refused = publish("2026-10-16T00:00:00Z").await.unwrap_err();
    assert_eq!(
        (refused.code, refused.target),
        ("PriceListsInTwoCurrencies", Some("effectiveFrom"))
    );
    assert!(refused.message.contains("2026-11-01T00:00:00Z"), "{refused}");
    assert_eq!(house.owes(CSP).await, "1.00");
    publish("2026-10-01T00:00:00Z").await.unwrap();
    assert_eq!(house.owes(CSP).await, "2.00");
}

#[tokio::test]
async fn a_payer_with_two_currencies_in_a_month_costs_nobody_else_a_statement_nor_the_check() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    used(&house).await;
    let entry = Entry::PriceListPublished {
        list: of_the_seller(),
        prices: two_each(),
        from: "2026-10-16T00:00:00Z".parse().unwrap(),
    };
    let house = house.with_entry(Some(entry)).await;
    let app = house.app();

    let listed = app.statements(&operator(), october(), None, 10).await.unwrap();
    let [shared, csp] = listed.as_slice() else {
        panic!("both are charged: {listed:?}");
    };
    assert_eq!((shared.subscription, csp.subscription), (SHARED, CSP));
    assert_eq!(shared.statement.as_ref().unwrap().total.to_string(), "1.00");
    let problem = csp.statement.as_ref().unwrap_err();
    assert_eq!(problem.code, "PriceListsInTwoCurrencies");

    let check = app.check_laws(october()).await.unwrap();
    assert_eq!((check.records.received, check.statements), (2, 1));
    let [violation] = check.violations.as_slice() else {
        panic!("one: {:?}", check.violations);
    };
    assert!(violation.contains(&CSP.to_string()), "{violation}");
    assert!(!violation.contains("law"), "the laws hold: {violation}");

    let from = "2026-10-01T00:00:00Z".parse().unwrap();
    app.publish_price_list(&operator(), of_the_seller(), two_each(), from)
        .await
        .unwrap();
    assert_eq!(house.owes(CSP).await, "2.00", "there is a way back");
    let check = app.check_laws(october()).await.unwrap();
    assert_eq!((check.statements, check.violations), (2, vec![]));
}

#[tokio::test]
async fn a_month_without_any_price_list_is_a_statement_that_charges_nothing_and_loses_nothing() {
    let house = House::without_prices_at("2026-10-01T00:00:00Z").await;
    used(&house).await;
    let app = house.app();
    let listed = app.statements(&operator(), october(), None, 10).await.unwrap();
    assert_eq!(listed.len(), 2);
    for entry in listed {
        let statement = entry.statement.unwrap();
        assert_eq!(statement.total.currency(), Currency::NONE);
        assert_eq!(
            (statement.lines.len(), statement.total.to_string()),
            (0, "0".to_owned())
        );
        let shown: Vec<_> = statement
            .not_charged
            .iter()
            .map(|it| (it.local_meter, it.because, it.quantity.to_string()))
            .collect();
        assert_eq!(shown, [(VCPU, NotChargedBecause::NoPrice, "1".to_owned())]);
    }
    let check = app.check_laws(october()).await.unwrap();
    assert_eq!((check.statements, check.violations), (2, vec![]));
    let unmapped = app
        .unmapped_usage(&operator(), october(), None, 10)
        .await
        .unwrap();
    assert_eq!((unmapped[0].amount, unmapped[0].records), (None, 1));

    let november = "2026-11-01T00:00:00Z".parse().unwrap();
    app.publish_price_list(&operator(), of_the_seller(), two_each(), november)
        .await
        .unwrap();
    let statement = app.statement(&operator(), CSP, october()).await.unwrap();
    assert_eq!(
        statement.total.currency().to_string(),
        "EUR",
        "that of the next prices"
    );
}

#[tokio::test]
async fn what_stacks_measured_is_told_a_page_at_a_time() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    used(&house).await;
    let (app, within) = (house.app(), october().interval());
    let page = app.measured_usage(within, None, 1).await.unwrap();
    let told: Vec<_> = page
        .iter()
        .map(|it| (it.stack, it.local_meter, it.quantity.to_string(), it.records))
        .collect();
    assert_eq!(told, [(STACK, VCPU, "2".to_owned(), 2)]);
    let rest = app.measured_usage(within, Some((STACK, VCPU)), 1).await.unwrap();
    assert_eq!(rest, []);
}

#[tokio::test]
async fn usage_that_nobody_claims_says_why_its_cost_cannot_be_told_and_hides_nothing() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    let (app, address) = (
        house.app(),
        RegistrationAddress {
            subscription: CSP,
            ..address()
        },
    );
    let tags = BTreeMap::new();
    app.put_resource_group(&operator(), CSP, &address.resource_group, "westcentralus", tags)
        .await
        .unwrap();
    let request = PutRegistration {
        name: address.name.clone(),
        location: None,
        tags: None,
        token: Some(token(BillingModel::PayAsYouUse)),
    };
    app.put_registration(&operator(), &address, &request, &Precondition::None)
        .await
        .unwrap();
    house.it_is("2026-10-20T00:00:00Z");
    let usage = [("2026-10-02T00:00:00Z", "1")];
    house.deliver("2026-10-17T01:00:00Z", &usage).await.unwrap();
    let entry = Entry::PriceListPublished {
        list: of_the_seller(),
        prices: two_each(),
        from: "2026-10-16T00:00:00Z".parse().unwrap(),
    };
    drop(app);
    let house = house.with_entry(Some(entry)).await;
    let unmapped = house.app().unmapped_usage(&operator(), october(), None, 10).await;
    let [unmapped] = &unmapped.unwrap()[..] else {
        panic!("one stretch");
    };
    assert_eq!((unmapped.records, unmapped.amount), (1, None));
    let problem = unmapped.problem.as_ref().unwrap();
    assert_eq!(problem.code, "PriceListsInTwoCurrencies");
}
