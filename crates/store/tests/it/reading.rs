//! Reading for bills, and record by record.

use domain::quantity::Quantity;
use domain::time::HourInterval;
use store::SliceSum;

use crate::fixtures::*;

pub(crate) async fn sums_are_exact_beyond_128_bits(backend: &dyn Backend) {
    let store = backend.open();
    let parts = ["9999999999999999999999999999", "1e-37", "0.1"];
    Delivery::new((0..).zip(parts).map(|(hour, part)| record("/vm/a", hour, part)))
        .to(&store)
        .await;
    let total = "9999999999999999999999999999.1000000000000000000000000000000000001";
    assert_eq!(sum(&store, slice(subscription(1, 1), hours(0, 24))).await, total);
    assert_eq!(sum(&store, slice(subscription(1, 1), hours(0, 23))).await, total);
    Delivery::new([record("/vm/a", 0, "1")])
        .reported(101)
        .to(&store)
        .await;
    let revised = "1.1000000000000000000000000000000000001";
    assert_eq!(
        sum(&store, slice(subscription(1, 1), hours(0, 24))).await,
        revised
    );
    assert_sound(&store).await;
}

pub(crate) async fn days_are_cut_at_the_hour(backend: &dyn Backend) {
    let store = backend.open();
    // Hour h has 2^h in the first day and so on: any sum tells its hours.
    let records = (0..72).map(|hour| record("/vm/a", hour, &(1u128 << hour).to_string()));
    Delivery::new(records).to(&store).await;
    for (start, end) in [
        (0, 72),
        (0, 24),
        (1, 24),
        (0, 23),
        (5, 6),
        (23, 25),
        (7, 60),
        (24, 48),
        (30, 31),
        (70, 72),
    ] {
        let expected: u128 = (start..end).map(|hour| 1u128 << hour).sum();
        let got = sum(&store, slice(subscription(1, 1), hours(start, end))).await;
        assert_eq!(got, expected.to_string(), "[{start}, {end})");
    }
}

pub(crate) async fn a_record_of_a_day_belongs_to_the_slice_of_its_first_hour(backend: &dyn Backend) {
    let store = backend.open();
    Delivery::new([of_day(record("/vm/a", 24, "24"))])
        .to(&store)
        .await;
    for (start, end, expected) in [
        (0, 24, "0"),
        (0, 25, "24"),
        (24, 48, "24"),
        (25, 48, "0"),
        (24, 25, "24"),
    ] {
        let got = sum(&store, slice(subscription(1, 1), hours(start, end))).await;
        assert_eq!(got, expected, "[{start}, {end})");
    }
}

pub(crate) async fn slices_are_answered_in_their_order_and_empty_ones_left_out(backend: &dyn Backend) {
    let store = backend.open();
    let records = [
        of(1, 2, record("/vm/a", 0, "1")),
        of(1, 1, record("/vm/a", 0, "2")),
        of(1, 1, record("/vm/b", 30, "3")),
        of(2, 1, record("/vm/a", 0, "4")),
    ];
    Delivery::new(records).to(&store).await;
    let slices = [
        slice(subscription(2, 1), hours(0, 48)),
        slice(subscription(1, 1), hours(24, 48)),
        slice(subscription(1, 1), hours(0, 24)),
        slice(subscription(1, 2), hours(0, 24)),
        slice(subscription(1, 1), HourInterval::ALWAYS),
    ];
    let sums = store.usage.sums(&slices).await.unwrap();
    let expect = |slice, local_meter, quantity: &str, records| SliceSum {
        slice,
        local_meter: meter(local_meter),
        quantity: quantity.parse::<Quantity>().unwrap().into(),
        records,
    };
    let expected = [
        expect(1, 1, "3", 1),
        expect(2, 1, "2", 1),
        expect(2, 2, "1", 1),
        expect(3, 1, "4", 1),
        expect(4, 1, "5", 2),
        expect(4, 2, "1", 1),
    ];
    assert_eq!(sums, expected);
}

pub(crate) async fn used_hours_run_from_the_first_record_to_the_end_of_the_last(backend: &dyn Backend) {
    let store = backend.open();
    // More series than one page of them holds, and one with records of whole days.
    let many = (0..100).map(|series| record(&format!("/vm/{series}"), 30 + series % 7, "1"));
    Delivery::new(many).to(&store).await;
    Delivery::new([record("/vm/late", 60, "0")]).to(&store).await;
    Delivery::new([of(2, 1, of_day(record("/vm/a", 24, "24")))])
        .to(&store)
        .await;
    for (local, interval, expected) in [
        (1, HourInterval::ALWAYS, Some(hours(30, 61))),
        (1, hours(0, 60), Some(hours(30, 37))),
        (1, hours(33, 48), Some(hours(33, 37))),
        (1, hours(37, 60), None),
        (2, HourInterval::ALWAYS, Some(hours(24, 48))),
        (2, hours(24, 25), Some(hours(24, 48))),
        (2, hours(25, 48), None),
        (3, HourInterval::ALWAYS, None),
    ] {
        let slice = slice(subscription(1, local), interval);
        let used = store.usage.used_hours(&[slice]).await.unwrap();
        assert_eq!(used, [expected], "{local} {interval}");
    }
}

pub(crate) async fn local_subscriptions_are_found_by_the_hours_they_used(backend: &dyn Backend) {
    let store = backend.open();
    Delivery::new([
        of(3, 1, record("/vm/a", 5, "0")),
        of(1, 1, record("/vm/a", 30, "1")),
    ])
    .to(&store)
    .await;
    Delivery::new([of(2, 1, of_day(record("/vm/a", 0, "24")))])
        .of_stack(2)
        .to(&store)
        .await;
    let (one, three, two) = (subscription(1, 1), subscription(1, 3), subscription(2, 2));
    for (stack, interval, expected) in [
        (None, HourInterval::ALWAYS, vec![one, three, two]),
        (Some(stack(1)), HourInterval::ALWAYS, vec![one, three]),
        (Some(stack(9)), HourInterval::ALWAYS, vec![]),
        (None, hours(0, 24), vec![three, two]),
        (None, hours(0, 5), vec![two]),
        (None, hours(1, 6), vec![three]),
        (None, hours(6, 30), vec![]),
        (None, hours(6, 31), vec![one]),
        (None, hours(6, 49), vec![one]),
        (None, hours(0, 49), vec![one, three, two]),
        (Some(stack(2)), hours(-24, 48), vec![two]),
    ] {
        let found = store.usage.local_subscriptions(stack, interval).await.unwrap();
        assert_eq!(found, expected, "{stack:?} {interval}");
    }
}

pub(crate) async fn meter_totals_are_the_sums_of_all_local_subscriptions(backend: &dyn Backend) {
    let store = backend.open();
    let records = (0..100u8).map(|number| {
        of(
            number % 7,
            number % 3,
            record(&format!("/vm/{number}"), number.into(), "0.5"),
        )
    });
    Delivery::new(records.clone()).to(&store).await;
    Delivery::new(records.take(10)).of_stack(2).to(&store).await;
    let totals = store.usage.meter_totals(hours(10, 90)).await.unwrap();
    let totals: Vec<_> = totals
        .into_iter()
        .map(|it| (it.stack, it.local_meter, it.quantity.to_string(), it.records))
        .collect();
    let expect = |number, records: u64| {
        let quantity = format!("{}.{}", records / 2, 5 * (records % 2));
        (
            stack(1),
            meter(number),
            quantity.trim_end_matches(".0").to_owned(),
            records,
        )
    };
    assert_eq!(totals, [expect(0, 26), expect(1, 27), expect(2, 27)]);
    assert_eq!(store.usage.meter_totals(hours(0, 1)).await.unwrap().len(), 2);
}

pub(crate) async fn records_are_listed_page_by_page(backend: &dyn Backend) {
    let store = backend.open();
    let records = (0..300).map(|number| {
        record(
            &format!("/vm/{}", number % 100),
            20 + 3 * (number / 100),
            &number.to_string(),
        )
    });
    let receipt = Delivery::new(records).reported(77).to(&store).await;
    Delivery::new([of(2, 1, record("/vm/0", 21, "1"))])
        .to(&store)
        .await;
    let everything = slice(subscription(1, 1), HourInterval::ALWAYS);
    let all = store.usage.records(everything, None, 1000).await.unwrap();
    assert_eq!(all.len(), 300);
    assert!(all.is_sorted_by_key(|record| record.cursor));
    assert!(
        all.iter()
            .all(|record| record.batch == receipt.batch && record.reported == hour(77))
    );
    let (mut after, mut paged) = (None, Vec::new());
    loop {
        let page = store.usage.records(everything, after, 70).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.cursor);
        assert!(page.len() <= 70);
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let some = store
        .usage
        .records(slice(subscription(1, 1), hours(23, 26)), None, 1000)
        .await
        .unwrap();
    assert_eq!(some, all[100..200]);
}

pub(crate) async fn what_is_not_there_is_answered_with_nothing(backend: &dyn Backend) {
    let store = backend.open();
    let nobody = slice(subscription(1, 1), HourInterval::ALWAYS);
    assert_eq!(store.usage.sums(&[nobody]).await.unwrap(), []);
    assert_eq!(store.usage.sums(&[]).await.unwrap(), []);
    assert_eq!(store.usage.records(nobody, None, 10).await.unwrap(), []);
    assert_eq!(store.usage.stacks().await.unwrap(), []);
    assert_eq!(store.usage.receipts(stack(1), 0, 10).await.unwrap(), []);
    assert_eq!(
        store
            .usage
            .receipt(domain::ids::BatchId::from_bytes([1; 16]))
            .await
            .unwrap(),
        None
    );
    assert_eq!(store.usage.meter_totals(HourInterval::ALWAYS).await.unwrap(), []);
    assert_eq!(audit(&store).await.counts, store::LedgerCounts::default());
    assert_sound(&store).await;
}
