//! Prices that follow a list, and drafts: what they do to bills, and what they do not before they are published.

use app::precondition::Precondition;
use domain::books::PriceDraft;
use domain::catalog::{Derivation, Price, PriceList, PriceListScope, Prices, Pricing};
use domain::registration::BillingModel;
use domain::time::Hour;

use crate::house::{CSP, House, PARTNER, VCPU_BILLED, operator};

const OCTOBER: &str = "2026-10-01T00:00:00Z";

fn hour(text: &str) -> Hour {
    text.parse().unwrap()
}

fn list() -> PriceList {
    PriceList {
        name: "fabrikam-usd".parse().unwrap(),
        scope: PriceListScope::Seller(PARTNER),
        currency: "USD".parse().unwrap(),
    }
}

fn each(text: &str) -> Prices {
    [(VCPU_BILLED, Price::flat(text.parse().unwrap()))].into()
}

/// A hundred vCPU hours at 1 USD by the platform's list.
async fn used() -> (House, PriceList) {
    let house = House::built_at(OCTOBER).await;
    house.register(BillingModel::PayAsYouUse).await;
    house.add_tenant(CSP, None).await.unwrap();
    house.it_is("2026-10-20T00:00:00Z");
    let usage = [("2026-10-02T00:00:00Z", "60"), ("2026-10-17T00:00:00Z", "40")];
    house.deliver("2026-10-17T01:00:00Z", &usage).await.unwrap();
    let lists = house.app().price_lists(&operator());
    let platform = lists.into_iter().map(|it| it.list).next().unwrap();
    (house, platform)
}

fn follows(base: &PriceList, percentage: &str) -> Pricing {
    Pricing::Derived(Derivation {
        base: base.name.clone(),
        percentage: percentage.parse().unwrap(),
        minimum_change: None,
        maximum_change: None,
        overrides: Prices::new(),
    })
}

#[tokio::test]
async fn a_base_that_rises_inside_a_month_raises_what_follows_it_from_that_hour_on() {
    let (house, platform) = used().await;
    let app = house.app();
    assert_eq!(house.owes(CSP).await, "100.00");
    app.publish_price_list(&operator(), list(), follows(&platform, "10"), hour(OCTOBER))
        .await
        .unwrap();
    assert_eq!(house.owes(CSP).await, "110.00");
    let mid_month = hour("2026-10-10T00:00:00Z");
    let raised = app
        .publish_price_list(&operator(), platform, each("2"), mid_month)
        .await
        .unwrap();
    assert_eq!(house.owes(CSP).await, "154.00", "60 at 1.10 and 40 at 2.20");
    let [month] = raised.repricing.months.as_slice() else {
        panic!("one month: {:?}", raised.repricing);
    };
    assert_eq!(
        month.subscriptions, 1,
        "whoever buys at what follows is among them"
    );
}

#[tokio::test]
async fn a_draft_costs_nobody_anything_until_it_is_published_as_it_was_seen() {
    let (house, platform) = used().await;
    let app = house.app();
    let draft = |percentage| PriceDraft {
        list: list(),
        pricing: follows(&platform, percentage),
        from: hour(OCTOBER),
    };
    let name = list().name;
    app.draft_prices(&operator(), draft("25")).await.unwrap();
    assert_eq!(house.owes(CSP).await, "100.00");

    let diff = app.price_diff(&operator(), &name).await.unwrap();
    let added = diff.meters.iter().find(|it| it.meter == VCPU_BILLED).unwrap();
    assert_eq!(added.tiers[0].then, Some("1.25".parse().unwrap()));
    assert_eq!(diff.repricing.months[0].after[0].to_string(), "125.00");
    assert_eq!(house.owes(CSP).await, "100.00", "asking changes nothing");

    let unseen = app
        .publish_price_draft(&operator(), &name, &Precondition::None)
        .await;
    assert_eq!(unseen.unwrap_err().code, "DiffNotSeen");
    let seen = Precondition::OneOf(vec![diff.kept.revision]);
    app.publish_price_list(&operator(), platform.clone(), each("3"), hour(OCTOBER))
        .await
        .unwrap();
    let stale = app.publish_price_draft(&operator(), &name, &seen).await;
    assert_eq!(
        stale.unwrap_err().code,
        "PreconditionFailed",
        "its base was changed"
    );
    assert_eq!(house.owes(CSP).await, "300.00");

    let again = app.price_diff(&operator(), &name).await.unwrap();
    let seen = Precondition::OneOf(vec![again.kept.revision]);
    app.publish_price_draft(&operator(), &name, &seen).await.unwrap();
    assert_eq!(house.owes(CSP).await, "375.00");
    let gone = app.price_draft(&operator(), &name).unwrap_err();
    assert_eq!(gone.code, "PriceListDraftNotFound", "it was published");
}

#[tokio::test]
async fn a_draft_that_is_given_up_is_gone_and_can_be_written_anew() {
    let (house, platform) = used().await;
    let app = house.app();
    let draft = PriceDraft {
        list: list(),
        pricing: follows(&platform, "5"),
        from: hour(OCTOBER),
    };
    app.draft_prices(&operator(), draft.clone()).await.unwrap();
    app.drop_price_draft(&operator(), &list().name).await.unwrap();
    assert!(app.price_drafts(&operator()).is_empty());
    let again = app.drop_price_draft(&operator(), &list().name).await;
    assert_eq!(again.unwrap_err().code, "PriceListDraftNotFound");
    let (_, kept) = app.draft_prices(&operator(), draft.clone()).await.unwrap();
    assert_eq!(kept.draft, draft);
}
