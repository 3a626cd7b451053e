//! From usage to what each subscription owes.

use app::accounts::Created;
use app::precondition::Precondition;
use app::prices::{PriceListWarning, Published};
use domain::catalog::{Price, PriceList, PriceListScope, Prices};
use domain::money::Currency;
use domain::registration::BillingModel;
use domain::time::HourInterval;

use crate::house::{CSP, House, SHARED, STACK, TENANT, VCPU_BILLED, address, operator};

#[tokio::test]
async fn a_tenant_added_at_14_37_pays_from_14_00_on_and_the_default_subscription_before() {
    let house = House::built_at("2026-10-01T00:10:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.it_is("2026-10-16T14:37:00Z");
    house.add_tenant(CSP, None).await.unwrap();
    house.it_is("2026-10-17T00:00:00Z");
    let usage = [
        ("2026-10-16T13:00:00Z", "1"),
        ("2026-10-16T14:00:00Z", "2"),
        ("2026-10-16T15:00:00Z", "4"),
    ];
    house.deliver("2026-10-16T16:00:00Z", &usage).await.unwrap();
    assert_eq!(
        (house.owes(SHARED).await, house.owes(CSP).await),
        ("1.00".to_owned(), "6.00".to_owned())
    );

    house.it_is("2026-10-17T09:59:59Z");
    house
        .app()
        .remove_tenant(&operator(), &address(), &CSP.to_string(), &Precondition::None)
        .await
        .unwrap();
    house.it_is("2026-10-18T00:00:00Z");
    let usage = [("2026-10-17T08:00:00Z", "10"), ("2026-10-17T09:00:00Z", "20")];
    house.deliver("2026-10-17T10:00:00Z", &usage).await.unwrap();
    assert_eq!(
        (house.owes(SHARED).await, house.owes(CSP).await),
        ("21.00".to_owned(), "16.00".to_owned())
    );

    let unmapped = house
        .app()
        .unmapped_usage(&operator(), "2026-10".parse().unwrap(), None, usize::MAX)
        .await
        .unwrap();
    let hours: Vec<(i32, u64)> = unmapped
        .iter()
        .map(|it| (it.interval.hours(), it.records))
        .collect();
    assert_eq!(hours.iter().map(|(_, records)| records).sum::<u64>(), 2);
    assert_eq!(
        unmapped.len(),
        2,
        "one stretch before the tenant was added and one after it was removed: {hours:?}"
    );
}

#[tokio::test]
async fn a_mapping_that_was_forgotten_is_repaired_for_past_hours_without_touching_usage() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.it_is("2026-10-20T00:00:00Z");
    house
        .deliver("2026-10-11T00:00:00Z", &[("2026-10-10T23:00:00Z", "5")])
        .await
        .unwrap();
    assert_eq!(
        (house.owes(SHARED).await, house.owes(CSP).await),
        ("5.00".to_owned(), "0.00".to_owned())
    );
    let from = HourInterval::from("2026-10-10T23:00:00Z".parse().unwrap());
    house
        .app()
        .map_tenant(&operator(), STACK, TENANT, Some(CSP), from)
        .await
        .unwrap();
    assert_eq!(
        (house.owes(SHARED).await, house.owes(CSP).await),
        ("0.00".to_owned(), "5.00".to_owned())
    );
    let history = house.app().mapping_history(&operator(), STACK).unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].recorded.by, operator().id());
}

#[tokio::test]
async fn usage_from_before_the_registration_is_nobodys_until_the_registration_is_backdated() {
    let house = House::built_at("2026-10-10T12:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    let usage = [("2026-10-10T10:00:00Z", "3"), ("2026-10-10T11:00:00Z", "4")];
    house.deliver("2026-10-10T12:00:00Z", &usage).await.unwrap();
    assert_eq!(house.owes(SHARED).await, "0.00");
    house
        .app()
        .backdate_registration(&operator(), STACK, "2026-10-10T11:00:00Z".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(house.owes(SHARED).await, "4.00");
    let check = house.app().check_laws("2026-10".parse().unwrap()).await.unwrap();
    assert_eq!(check.violations, Vec::<String>::new());
}

#[tokio::test]
async fn duplicates_cost_nothing_and_the_newest_report_counts_in_whatever_order_they_come() {
    for reversed in [false, true] {
        let house = House::built_at("2026-10-01T00:00:00Z").await;
        house.register(BillingModel::PayAsYouUse).await;
        house.it_is("2026-10-20T00:00:00Z");
        let mut reports = vec![
            ("2026-10-10T01:00:00Z", "0.5"),
            ("2026-10-10T02:00:00Z", "2"),
            ("2026-10-10T02:00:00Z", "2"),
            ("2026-10-10T03:00:00Z", "1.5"),
            ("2026-10-10T05:00:00Z", "2.000"),
        ];
        if reversed {
            reports.reverse();
        }
        for (reported, quantity) in reports {
            house
                .deliver(reported, &[("2026-10-10T00:00:00Z", quantity)])
                .await
                .unwrap();
        }
        assert_eq!(house.owes(SHARED).await, "1.50", "reversed: {reversed}");
        let check = house.app().check_laws("2026-10".parse().unwrap()).await.unwrap();
        assert_eq!(check.violations, Vec::<String>::new());
        assert_eq!(
            (
                check.records.received,
                check.records.counted,
                check.records.superseded
            ),
            (5, 1, 2)
        );
    }
}

#[tokio::test]
async fn a_stack_re_registered_for_development_is_rated_at_nothing_from_that_hour_on() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.it_is("2026-10-05T06:30:00Z");
    let again = house
        .put_registration(Some(crate::house::token(BillingModel::Development)))
        .await
        .unwrap();
    assert!(!again.created);
    house.it_is("2026-10-06T00:00:00Z");
    let usage = [("2026-10-05T05:00:00Z", "7"), ("2026-10-05T06:00:00Z", "100")];
    house.deliver("2026-10-05T07:00:00Z", &usage).await.unwrap();
    let statement = house
        .app()
        .statement(&operator(), SHARED, "2026-10".parse().unwrap())
        .await
        .unwrap();
    let lines: Vec<String> = statement
        .lines
        .iter()
        .map(|line| line.amount.to_string())
        .collect();
    assert_eq!(lines, ["7.00", "0.00"]);
}

#[tokio::test]
async fn a_restart_forgets_nothing() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.add_tenant(CSP, None).await.unwrap();
    house.it_is("2026-10-20T00:00:00Z");
    house
        .deliver("2026-10-10T01:00:00Z", &[("2026-10-10T00:00:00Z", "3.25")])
        .await
        .unwrap();
    let house = house.restarted().await;
    assert_eq!(house.owes(CSP).await, "3.25");
    let again = house
        .deliver("2026-10-10T01:00:00Z", &[("2026-10-10T00:00:00Z", "3.25")])
        .await
        .unwrap();
    assert_eq!(
        (again.receipt.counts.accepted, again.receipt.counts.duplicate),
        (0, 1)
    );
}

#[tokio::test]
async fn what_nobody_claims_costs_what_the_statement_of_the_default_subscription_says() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.it_is("2026-10-16T00:00:00Z");
    house.add_tenant(CSP, None).await.unwrap();
    house.it_is("2026-10-20T00:00:00Z");
    let usage = [
        ("2026-10-02T00:00:00Z", "1.004"),
        ("2026-10-03T00:00:00Z", "2.004"),
        ("2026-10-17T00:00:00Z", "50"),
    ];
    house.deliver("2026-10-17T01:00:00Z", &usage).await.unwrap();
    let october = "2026-10".parse().unwrap();
    let unmapped = house
        .app()
        .unmapped_usage(&operator(), october, None, usize::MAX)
        .await
        .unwrap();
    let [unmapped] = unmapped.as_slice() else {
        panic!("one stretch: {unmapped:?}");
    };
    assert_eq!(unmapped.amount.unwrap().to_string(), house.owes(SHARED).await);
    assert_eq!(unmapped.used[0].amount, unmapped.amount);
    let used_in: HourInterval = unmapped.used_in;
    assert_eq!(
        (used_in.start().to_string(), used_in.end().to_string()),
        (
            "2026-10-02T00:00:00Z".to_owned(),
            "2026-10-03T01:00:00Z".to_owned()
        ),
        "the hours used, not those asked for"
    );
    assert_eq!(unmapped.stack_name.as_deref(), Some("AzureStack-North"));
    assert_eq!(unmapped.payer_name.as_deref(), Some("Fabrikam stacks"));
    assert_eq!(unmapped.customer_name.as_deref(), Some("Contoso"));
}

#[tokio::test]
async fn a_page_at_a_time_yields_what_all_at_once_does() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    for (day, add) in [(5, true), (9, false), (13, true), (17, false)] {
        house.it_is(&format!("2026-10-{day:02}T00:00:00Z"));
        let (app, csp) = (house.app(), CSP.to_string());
        if add {
            house.add_tenant(&csp, None).await.unwrap();
        } else {
            app.remove_tenant(&operator(), &address(), &csp, &Precondition::None)
                .await
                .unwrap();
        }
    }
    house.it_is("2026-10-20T00:00:00Z");
    // Nothing in the second stretch without a mapping: a page has to look beyond it.
    let usage = [
        ("2026-10-02T00:00:00Z", "1"),
        ("2026-10-06T00:00:00Z", "2"),
        ("2026-10-18T00:00:00Z", "4"),
    ];
    house.deliver("2026-10-18T01:00:00Z", &usage).await.unwrap();
    let (app, october) = (house.app(), "2026-10".parse().unwrap());

    let all = app
        .statements(&operator(), october, None, usize::MAX)
        .await
        .unwrap();
    assert_eq!(all.len(), 2);
    let mut after = None;
    for expected in &all {
        let page = app.statements(&operator(), october, after, 1).await.unwrap();
        assert_eq!(page, std::slice::from_ref(expected));
        after = Some(expected.subscription);
    }
    assert_eq!(app.statements(&operator(), october, after, 1).await.unwrap(), []);

    let all = app
        .unmapped_usage(&operator(), october, None, usize::MAX)
        .await
        .unwrap();
    assert_eq!(all.len(), 2);
    let mut after = None;
    for expected in &all {
        let page = app.unmapped_usage(&operator(), october, after, 1).await.unwrap();
        assert_eq!(page.len(), 1);
        assert_eq!(
            (page[0].place(), page[0].records, page[0].amount),
            (expected.place(), expected.records, expected.amount)
        );
        after = Some(expected.place());
    }
    assert!(
        app.unmapped_usage(&operator(), october, after, 1)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_bill_names_everybody_also_after_the_stack_was_deregistered() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.add_tenant(CSP, None).await.unwrap();
    house.it_is("2026-10-20T00:00:00Z");
    house
        .deliver("2026-10-10T01:00:00Z", &[("2026-10-10T00:00:00Z", "3")])
        .await
        .unwrap();
    house
        .app()
        .delete_registration(&operator(), &address(), &Precondition::None)
        .await
        .unwrap();
    let app = house.app();
    let statement = app
        .statement(&operator(), CSP, "2026-10".parse().unwrap())
        .await
        .unwrap();
    let names = app.names(&operator(), &statement);
    assert_eq!(names.subscription.as_deref(), Some("Contoso production"));
    assert_eq!(names.customer.unwrap().name, "Contoso");
    assert_eq!(names.seller.unwrap().name, "Fabrikam");
    assert_eq!(names.owner, None);
    assert_eq!(names.stacks[&STACK], "AzureStack-North");
    assert_eq!(names.tenants[&TENANT], "Contoso");
    let shared = app
        .statement(&operator(), SHARED, "2026-10".parse().unwrap())
        .await
        .unwrap();
    let names = app.names(&operator(), &shared);
    assert_eq!(
        (names.seller, names.owner.unwrap().name),
        (None, "Fabrikam".to_owned())
    );
}

#[tokio::test]
async fn who_publishes_too_few_prices_is_told_what_will_not_be_charged() {
    let house = House::built_at("2026-10-01T00:00:00Z").await;
    let list = PriceList {
        name: "list".parse().unwrap(),
        scope: PriceListScope::Platform,
        currency: Currency::USD,
    };
    let from = "2026-11-01T00:00:00Z".parse().unwrap();
    let (app, caller) = (house.app(), operator());
    let published = app
        .publish_price_list(&caller, list.clone(), Prices::new(), from)
        .await;
    let said = |published: Result<Published, app::Error>| {
        let published = published.unwrap();
        (published.created, published.warnings)
    };
    let empty = vec![PriceListWarning::NothingPriced];
    assert_eq!(said(published), (Created::New, empty.clone()));
    let again = app
        .publish_price_list(&caller, list.clone(), Prices::new(), from)
        .await;
    assert_eq!(said(again), (Created::Existing, empty), "it is still true");
    let all: Prices = [(VCPU_BILLED, Price::flat("1".parse().unwrap()))].into();
    let published = app.publish_price_list(&caller, list, all, from).await;
    assert_eq!(said(published), (Created::New, Vec::new()));
}
