//! From usage to what each subscription owes.

use domain::registration::BillingModel;
use domain::time::HourInterval;

use crate::house::{CSP, House, SHARED, STACK, TENANT, address, operator};

#[tokio::test]
async fn a_tenant_added_at_14_37_pays_from_14_00_on_and_the_default_subscription_before() {
    let house = House::built_at("2026-10-01T00:10:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.it_is("2026-10-16T14:37:00Z");
    house
        .app()
        .add_tenant(&operator(), &address(), &CSP.to_string(), None)
        .await
        .unwrap();
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
        .remove_tenant(&operator(), &address(), &CSP.to_string())
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
        .unmapped_usage("2026-10".parse::<domain::time::Period>().unwrap().interval())
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
    let history = house.app().mapping_history(STACK).unwrap();
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
        .statement(SHARED, "2026-10".parse().unwrap())
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
    house
        .app()
        .add_tenant(&operator(), &address(), &CSP.to_string(), None)
        .await
        .unwrap();
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
    assert_eq!((again.counts.accepted, again.counts.duplicate), (0, 1));
}
