//! Usage on its way in: what is not about any hour that can be charged.

use domain::registration::BillingModel;
use domain::usage::QuarantineCode;
use store::QuarantineFilter;

use crate::house::{House, SHARED, STACK, operator};

#[tokio::test]
async fn usage_of_the_future_waits_in_quarantine_and_counts_when_it_is_delivered_again() {
    let house = House::built_at("2026-10-10T08:10:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.it_is("2026-10-10T12:30:00Z");
    let usage = [
        ("2026-10-10T14:00:00Z", "8"),
        ("2026-10-10T12:00:00Z", "2"),
        ("2027-10-10T12:00:00Z", "32"),
        ("2026-10-10T11:00:00Z", "1"),
    ];
    let delivered = house.deliver("2026-10-10T12:00:00Z", &usage).await.unwrap();
    let counts = delivered.receipt.counts;
    assert_eq!((counts.accepted, counts.quarantined), (2, 2));
    let problems: Vec<_> = delivered.receipt.problems.iter().collect();
    assert_eq!(problems.iter().map(|it| it.index).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(problems[0].code, QuarantineCode::UsageInFuture);
    for text in [
        "usageStartTime is 2026-10-10T14:00:00Z",
        "2026-10-10T13:00:00Z or earlier",
        "under a new idempotency key",
    ] {
        assert!(problems[0].message.contains(text), "{}", problems[0].message);
    }
    let waiting = house
        .app()
        .quarantine(&QuarantineFilter::waiting(Some(STACK)), 0, 10)
        .await
        .unwrap()
        .records;
    assert_eq!(waiting[0].raw, "record 0");
    assert_eq!(house.owes(SHARED).await, "3.00");

    house.it_is("2026-10-10T13:00:00Z");
    let again = house.deliver("2026-10-10T12:00:00Z", &usage).await.unwrap();
    let counts = again.receipt.counts;
    // What is in the future still waits as before, and not a second time.
    assert_eq!((counts.accepted, counts.duplicate, counts.quarantined), (1, 3, 0));
    assert_eq!(again.receipt.still_quarantined, 1);
    assert_eq!(house.owes(SHARED).await, "11.00");
}

#[tokio::test]
async fn the_part_of_an_hour_that_is_still_running_is_not_turned_away_with_the_future() {
    let house = House::built_at("2026-10-10T08:10:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.it_is("2026-10-10T12:59:00Z");
    // The running hour, the next one by a clock that is ahead, and the one after that.
    for (start, counts) in [
        ("2026-10-10T12:00:00Z", [1, 0]),
        ("2026-10-10T13:00:00Z", [1, 0]),
        ("2026-10-10T14:00:00Z", [0, 1]),
    ] {
        let delivered = house
            .deliver("2026-10-10T12:00:00Z", &[(start, "1")])
            .await
            .unwrap();
        let found = delivered.receipt.counts;
        assert_eq!([found.accepted, found.quarantined], counts, "{start}");
    }
}

#[tokio::test]
async fn a_delivery_says_which_of_its_records_nobody_will_pay_for() {
    let house = House::built_at("2026-10-10T08:10:00Z").await;
    house.register(BillingModel::PayAsYouUse).await;
    house.it_is("2026-10-10T12:30:00Z");
    let usage = [
        ("2026-10-10T07:00:00Z", "1"),
        ("2026-10-10T08:00:00Z", "2"),
        ("2026-10-10T06:00:00Z", "4"),
        ("2026-10-11T07:00:00Z", "8"),
    ];
    let delivered = house.deliver("2026-10-10T12:00:00Z", &usage).await.unwrap();
    let unregistered = delivered.unregistered.unwrap();
    assert_eq!(
        (unregistered.records, unregistered.first),
        (2, "2026-10-10T06:00:00Z".parse().unwrap())
    );
    assert!(
        unregistered.to_string().contains(&format!("{STACK}/backdate")),
        "{unregistered}"
    );
    let covered = house.deliver("2026-10-10T12:00:00Z", &usage[1..2]).await.unwrap();
    assert_eq!(covered.unregistered, None);

    house
        .app()
        .backdate_registration(&operator(), STACK, "2026-10-10T07:00:00Z".parse().unwrap())
        .await
        .unwrap();
    let again = house.deliver("2026-10-10T12:00:00Z", &usage).await.unwrap();
    assert_eq!(again.unregistered.map(|it| it.records), Some(1));
}
