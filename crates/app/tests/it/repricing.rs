//! What publishing prices changes about usage that there is already, told before and after.

use app::accounts::Created;
use app::prices::{MONTHS_COMPARED_MAX, PriceListWarning, RepricedMonth};
use domain::books::Books as State;
use domain::catalog::{Price, PriceList, PriceListScope, Prices};
use domain::money::Currency;
use domain::registration::BillingModel;
use domain::time::Hour;
use store::{Books, StoreConfig};
use tokio::runtime::Handle;

use crate::house::{House, SHARED, VCPU_BILLED, operator};

fn list() -> PriceList {
    PriceList {
        name: "list".parse().unwrap(),
        scope: PriceListScope::Platform,
        currency: Currency::USD,
    }
}

fn each(price: &str) -> Prices {
    [(VCPU_BILLED, Price::flat(price.parse().unwrap()))].into()
}

/// A house in the middle of November with a unit of usage in each of these months.
async fn used_in(months: &[&str]) -> House {
    let house = House::built_at("2024-01-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.it_is("2026-11-15T00:00:00Z");
    for month in months {
        let start = format!("{month}-10T00:00:00Z");
        house
            .deliver("2026-11-15T00:00:00Z", &[(&*start, "8")])
            .await
            .unwrap();
    }
    house
}

fn figures(months: &[RepricedMonth]) -> Vec<(String, bool, usize, String, String)> {
    let text = |totals: &[domain::money::Money]| {
        let texts: Vec<String> = totals.iter().map(ToString::to_string).collect();
        texts.join(" and ")
    };
    let figures = months.iter().map(|month| {
        let (before, after) = (text(&month.before), text(&month.after));
        (
            month.period.to_string(),
            month.is_over,
            month.subscriptions,
            before,
            after,
        )
    });
    figures.collect()
}

#[tokio::test]
async fn prices_published_backwards_say_which_months_they_change_before_charges_vanish() {
    let house = used_in(&["2026-11", "2026-10", "2025-03"]).await;
    let (app, from) = (house.app(), "1999-01-01T00:00:00Z".parse::<Hour>().unwrap());
    let tried = app
        .try_price_list(&operator(), list(), Prices::new(), from)
        .await
        .unwrap();
    let expected = [("2026-11", false), ("2026-10", true), ("2025-03", true)];
    let expected =
        expected.map(|(month, over)| (month.to_owned(), over, 1, "8.00".to_owned(), "0.00".to_owned()));
    assert_eq!(figures(&tried.repricing.months), expected);
    assert_eq!(tried.repricing.compared_from, None);
    assert_eq!(
        tried.list.versions.assertions().len(),
        2,
        "the list as it would be"
    );
    assert_eq!(house.owes(SHARED).await, "8.00", "nothing was published");
    assert_eq!(
        app.price_list(&operator(), &list().name)
            .unwrap()
            .versions
            .assertions()
            .len(),
        1
    );

    let published = app
        .publish_price_list(&operator(), list(), Prices::new(), from)
        .await
        .unwrap();
    assert_eq!(published.created, Created::New);
    assert_eq!(published.repricing, tried.repricing);
    let [PriceListWarning::NothingPriced, repriced] = published.warnings.as_slice() else {
        panic!("{:?}", published.warnings);
    };
    assert_eq!(repriced.code(), "UsageRepriced");
    let said = repriced.to_string();
    assert!(
        said.contains("2026-10: USD 8.00 before, USD 0.00 after, of 1 subscription."),
        "{said}"
    );
    assert_eq!(house.owes(SHARED).await, "0.00");
}

#[tokio::test]
async fn prices_for_later_hours_and_the_same_prices_again_change_no_bill() {
    let house = used_in(&["2026-11", "2026-10"]).await;
    let app = house.app();
    for (prices, from, expected) in [
        (each("2"), "2026-12-01T00:00:00Z", vec![]),
        (each("2"), "2026-11-11T00:00:00Z", vec![]),
        (each("1.0"), "1999-01-01T00:00:00Z", vec![]),
        (each("2"), "2026-11-01T00:00:00Z", vec!["2026-11"]),
        (each("2"), "2026-10-31T00:00:00Z", vec!["2026-11"]),
        (each("2"), "2026-10-10T00:00:00Z", vec!["2026-11", "2026-10"]),
    ] {
        let tried = app
            .try_price_list(&operator(), list(), prices, from.parse().unwrap())
            .await
            .unwrap();
        let months: Vec<String> = tried
            .repricing
            .months
            .iter()
            .map(|month| month.period.to_string())
            .collect();
        assert_eq!(months, expected, "{from}");
    }
}

#[tokio::test]
async fn the_newest_months_with_usage_are_compared_and_it_is_said_that_there_are_more() {
    let months: Vec<String> = (1..=12)
        .map(|month| format!("2025-{month:02}"))
        .chain(["2024-06".to_owned(), "2026-10".to_owned()])
        .collect();
    let months: Vec<&str> = months.iter().map(String::as_str).collect();
    let house = used_in(&months).await;
    let from = "2024-01-01T00:00:00Z".parse().unwrap();
    let tried = house
        .app()
        .try_price_list(&operator(), list(), each("2"), from)
        .await
        .unwrap();
    let repricing = tried.repricing;
    assert_eq!(repricing.months.len(), MONTHS_COMPARED_MAX);
    assert_eq!(repricing.compared_from, Some("2025-02".parse().unwrap()));
    assert!(repricing.to_string().contains("before 2025-02"), "{repricing}");
    let all_but_one = "2025-01-01T00:00:00Z".parse().unwrap();
    let tried = house
        .app()
        .try_price_list(&operator(), list(), each("2"), all_but_one)
        .await
        .unwrap();
    assert_eq!(tried.repricing.compared_from, Some("2025-02".parse().unwrap()));
    let all = "2025-02-01T00:00:00Z".parse().unwrap();
    let tried = house
        .app()
        .try_price_list(&operator(), list(), each("2"), all)
        .await
        .unwrap();
    assert_eq!(tried.repricing.compared_from, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_published_while_another_is_tried_would_be_called_a_damaged_store() {
    let directory = tempfile::tempdir().unwrap();
    let config = StoreConfig::Sqlite {
        directory: directory.path().to_owned(),
    };
    let books = Books::load(store::open(&config).unwrap().journal).await.unwrap();
    let (at, by) = ("2026-10-01T00:00:00Z".parse().unwrap(), operator().id());
    let publish = |state: &State| state.publish_price_list(list(), each("2"), Hour::MIN);
    let supposed = books.supposing(at, by, |state| {
        let decided = publish(state);
        // Somebody else is faster.
        let other = books.change(at, by, |state| {
            publish(state).map(|entry| (entry.into_iter().collect(), ()))
        });
        tokio::task::block_in_place(|| Handle::current().block_on(other)).unwrap();
        decided
    });
    let entries = |books: &Books| books.read(State::entries);
    assert_eq!((entries(&supposed.unwrap().unwrap()), entries(&books)), (1, 1));
}
