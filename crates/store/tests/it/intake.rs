//! Taking deliveries in.

use domain::time::HourInterval;
use domain::usage::{QuarantineCode, Quarantined};
use store::{Appended, LedgerCounts, QuarantineFilter, Receipt};

use crate::fixtures::*;

pub(crate) async fn a_delivery_is_counted_and_gets_a_receipt(backend: &dyn Backend) {
    let store = backend.open();
    let receipt = Delivery::new([record("/vm/a", 0, "1.5"), record("/vm/b", 0, "2")])
        .to(&store)
        .await;
    assert_eq!(counts(&receipt), [2, 0, 0, 0]);
    assert_eq!((receipt.sequence, receipt.stack), (1, stack(1)));
    assert_eq!(
        store.usage.receipts(stack(1), 0, 10).await.unwrap(),
        std::slice::from_ref(&receipt)
    );
    assert_eq!(store.usage.receipt(receipt.batch).await.unwrap(), Some(receipt));
    assert_eq!(sum(&store, slice(subscription(1, 1), hours(0, 24))).await, "3.5");
    assert_eq!(store.usage.stacks().await.unwrap(), [stack(1)]);
    assert_sound(&store).await;
}

pub(crate) async fn a_delivery_repeated_under_its_key_is_answered_with_the_first_receipt(
    backend: &dyn Backend,
) {
    let store = backend.open();
    let delivery = Delivery::new([record("/vm/a", 0, "1")]).with_key("page 1", 7);
    let receipt = delivery.to(&store).await;
    assert_eq!(
        delivery.answered_by(&store).await,
        Appended::Repeated(receipt.clone())
    );
    let store = (drop(store), backend.open()).1;
    assert_eq!(delivery.answered_by(&store).await, Appended::Repeated(receipt));
    assert_eq!(audit(&store).await.counts.received, 1);
}

pub(crate) async fn another_delivery_under_the_same_key_is_refused_and_leaves_nothing(backend: &dyn Backend) {
    let store = backend.open();
    let first = Delivery::new([record("/vm/a", 0, "1")])
        .with_key("page 1", 7)
        .to(&store)
        .await;
    let other = Delivery::new([record("/vm/b", 0, "1")]).with_key("page 1", 8);
    assert_eq!(
        other.answered_by(&store).await,
        Appended::KeyReused { first: first.batch }
    );
    assert_eq!(audit(&store).await.counts.received, 1);
    assert_eq!(sum(&store, slice(subscription(1, 1), hours(0, 24))).await, "1");
}

pub(crate) async fn the_same_key_of_another_stack_is_another_key(backend: &dyn Backend) {
    let store = backend.open();
    let delivery = Delivery::new([record("/vm/a", 0, "1")]).with_key("page 1", 7);
    delivery.to(&store).await;
    let receipt = delivery.clone().of_stack(2).to(&store).await;
    assert_eq!((counts(&receipt), receipt.sequence), ([1, 0, 0, 0], 1));
}

pub(crate) async fn receipts_are_found_by_the_keys_of_their_stack_and_in_the_order_asked_for(
    backend: &dyn Backend,
) {
    let store = backend.open();
    let delivery = |vm: &str, key| Delivery::new([record(vm, 0, "1")]).with_key(key, 7);
    let first = delivery("/vm/a", "part 1").to(&store).await;
    let second = delivery("/vm/b", "part 2").to(&store).await;
    delivery("/vm/c", "part 3").of_stack(2).to(&store).await;
    let keys = ["part 2", "part 3", "part 1", "PART 1"]
        .map(str::to_owned)
        .to_vec();
    let found = store.usage.receipts_under(stack(1), keys).await.unwrap();
    assert_eq!(found, [Some(second), None, Some(first), None]);
}

pub(crate) async fn records_delivered_again_are_duplicates(backend: &dyn Backend) {
    let store = backend.open();
    let delivery =
        Delivery::new((0..100).map(|number| record(&format!("/vm/{number}"), number % 30, "2.50")));
    delivery.to(&store).await;
    let before = store
        .usage
        .sums(&[slice(subscription(1, 1), HourInterval::ALWAYS)])
        .await
        .unwrap();
    for reported in [100, 90, 110] {
        assert_eq!(
            counts(&delivery.clone().reported(reported).to(&store).await),
            [0, 100, 0, 0]
        );
    }
    assert_eq!(
        store
            .usage
            .sums(&[slice(subscription(1, 1), HourInterval::ALWAYS)])
            .await
            .unwrap(),
        before
    );
    assert_sound(&store).await;
}

pub(crate) async fn spellings_of_one_resource_are_one_series_and_the_first_is_kept(backend: &dyn Backend) {
    let store = backend.open();
    Delivery::new([record("/resourcegroups/RG/vm", 0, "1")])
        .to(&store)
        .await;
    let receipt = Delivery::new([record("/resourceGroups/rg/VM", 0, "1")])
        .to(&store)
        .await;
    assert_eq!(counts(&receipt), [0, 1, 0, 0]);
    let receipt = Delivery::new([
        record("/RESOURCEGROUPS/rg/vm", 1, "1"),
        record("/resourceGROUPS/rg/vm", 1, "1"),
    ]);
    assert_eq!(counts(&receipt.to(&store).await), [1, 1, 0, 0]);
    let listed = store
        .usage
        .records(slice(subscription(1, 1), hours(0, 24)), None, 10)
        .await
        .unwrap();
    let spellings: Vec<&str> = listed.iter().map(|record| record.resource_uri.as_ref()).collect();
    assert_eq!(spellings, ["/resourcegroups/RG/vm"; 2]);
}

pub(crate) async fn the_newest_report_counts_whatever_came_first(backend: &dyn Backend) {
    let store = backend.open();
    let said = [("0.4", 5), ("1", 5), ("0.9", 7), ("1", 9)];
    let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]];
    for (place, order) in (0..).zip(orders) {
        for number in order {
            let (quantity, reported) = said[number];
            Delivery::new([record("/vm/a", place, quantity)])
                .reported(reported)
                .to(&store)
                .await;
        }
        let counted = sum(&store, slice(subscription(1, 1), hours(place, place + 1))).await;
        assert_eq!(counted, "0.9", "order {order:?}: 1 was said first at 5");
    }
    let counts = audit(&store).await.counts;
    let expected = LedgerCounts {
        received: 16,
        counted: 4,
        superseded: 8,
        duplicate: 4,
        quarantined: 0,
    };
    assert_eq!(counts, expected);
    assert_sound(&store).await;
}

pub(crate) async fn a_correction_to_less_would_be_taken_for_one_that_counts(backend: &dyn Backend) {
    let store = backend.open();
    let say =
        |quantities: &[&str]| Delivery::new(quantities.iter().map(|quantity| record("/vm/a", 0, quantity)));
    let told = |receipt: &Receipt| (counts(receipt), receipt.revised_not_counting);
    let first = say(&["5"]).to(&store).await;
    assert_eq!(told(&first), ([1, 0, 0, 0], Some(0)));
    let less = say(&["3"]).with_key("less", 1);
    let receipt = less.to(&store).await;
    assert_eq!(told(&receipt), ([0, 0, 1, 0], Some(1)));
    // Reported earlier, not even more counts; reported later, less does.
    let more = say(&["6"]).reported(99).to(&store).await;
    assert_eq!(told(&more), ([0, 0, 1, 0], Some(1)));
    let later = say(&["2"]).reported(101).to(&store).await;
    assert_eq!(told(&later), ([0, 0, 1, 0], Some(0)));
    // Of several in one delivery one counts at the most, in whatever order they come.
    for (number, order) in ["8 9 7", "7 9 8", "9 8 7"].into_iter().enumerate() {
        let uri = format!("/vm/{number}");
        let of_delivery = order.split(' ').map(|quantity| record(&uri, 0, quantity));
        let receipt = Delivery::new(of_delivery).to(&store).await;
        let not_counting = if order.starts_with('9') { 2 } else { 1 };
        assert_eq!(told(&receipt), ([1, 0, 2, 0], Some(not_counting)), "{order}");
    }
    // Whatever became of it since: the answer is the first one.
    say(&["5"]).reported(98).to(&store).await;
    let store = (drop(store), backend.open()).1;
    assert_eq!(less.answered_by(&store).await, Appended::Repeated(receipt));
    assert_sound(&store).await;
}

pub(crate) async fn an_old_report_of_the_counting_quantity_can_make_another_one_count(backend: &dyn Backend) {
    let store = backend.open();
    Delivery::new([record("/vm/a", 0, "2")])
        .reported(5)
        .to(&store)
        .await;
    let receipt = Delivery::new([record("/vm/a", 0, "1")])
        .reported(8)
        .to(&store)
        .await;
    assert_eq!(counts(&receipt), [0, 0, 1, 0]);
    assert_eq!(sum(&store, slice(subscription(1, 1), hours(0, 1))).await, "1");
    let receipt = Delivery::new([record("/vm/a", 0, "1")])
        .reported(3)
        .to(&store)
        .await;
    assert_eq!(counts(&receipt), [0, 1, 0, 0]);
    assert_eq!(
        sum(&store, slice(subscription(1, 1), hours(0, 1))).await,
        "2",
        "1 was said at 3, before 2"
    );
    assert_sound(&store).await;
}

pub(crate) async fn several_sayings_in_one_batch_are_treated_as_if_they_came_in_several(
    backend: &dyn Backend,
) {
    let store = backend.open();
    let said = ["1", "3", "2", "3", "1.0"].map(|quantity| record("/vm/a", 0, quantity));
    assert_eq!(counts(&Delivery::new(said).to(&store).await), [1, 2, 2, 0]);
    assert_eq!(sum(&store, slice(subscription(1, 1), hours(0, 1))).await, "3");
    assert_sound(&store).await;
}

pub(crate) async fn the_second_granularity_of_a_series_on_a_day_is_quarantined(backend: &dyn Backend) {
    let store = backend.open();
    Delivery::new([record("/vm/a", 3, "1"), of_day(record("/vm/b", 0, "24"))])
        .to(&store)
        .await;
    let mixed = Delivery::new([
        of_day(record("/vm/a", 0, "24")),
        of_day(record("/vm/a", 24, "24")),
        record("/vm/b", 23, "1"),
        record("/vm/b", 24, "1"),
        record("/vm/c", 0, "1"),
    ]);
    let receipt = mixed.to(&store).await;
    assert_eq!(counts(&receipt), [3, 0, 0, 2]);
    let problems: Vec<_> = receipt
        .problems
        .iter()
        .map(|problem| (problem.index, problem.code))
        .collect();
    assert_eq!(
        problems,
        [
            (0, QuarantineCode::GranularityConflict),
            (2, QuarantineCode::GranularityConflict)
        ]
    );
    let kept = store
        .usage
        .quarantine(&QuarantineFilter::waiting(Some(stack(1))), 0, 10)
        .await
        .unwrap()
        .records;
    let texts: Vec<_> = kept
        .iter()
        .map(|record| (record.index, record.raw.clone()))
        .collect();
    let sent = |index: usize| raw_text(&mixed.records[index]);
    assert_eq!(texts, [(0, sent(0)), (2, sent(2))]);
    assert_eq!(sum(&store, slice(subscription(1, 1), hours(0, 48))).await, "51");
    assert_sound(&store).await;
}

pub(crate) async fn within_a_batch_the_first_by_index_decides_the_granularity(backend: &dyn Backend) {
    let store = backend.open();
    let receipt = Delivery::new([
        record("/vm/a", 5, "1"),
        of_day(record("/vm/a", 0, "24")),
        of_day(record("/vm/b", 0, "24")),
        record("/vm/b", 5, "1"),
        record("/vm/a", 6, "1"),
    ]);
    let receipt = receipt.to(&store).await;
    assert_eq!(counts(&receipt), [3, 0, 0, 2]);
    assert_eq!(
        receipt
            .problems
            .iter()
            .map(|problem| problem.index)
            .collect::<Vec<_>>(),
        [1, 3]
    );
    assert_sound(&store).await;
}

pub(crate) async fn unreadable_records_are_kept_in_quarantine_and_cost_nobody_else(backend: &dyn Backend) {
    let store = backend.open();
    let unreadable = |index, raw: &'static str| Quarantined {
        index,
        code: QuarantineCode::InvalidQuantity,
        message: format!("quantity: {raw} is no number"),
        raw: raw.into(),
    };
    let delivery = Delivery {
        quarantined: vec![unreadable(1, "x"), unreadable(2, "y\u{0}ü")],
        ..Delivery::new([record("/vm/a", 0, "1")])
    };
    let receipt = delivery.to(&store).await;
    assert_eq!(counts(&receipt), [1, 0, 0, 2]);
    Delivery {
        quarantined: vec![unreadable(0, "z")],
        ..Delivery::new([])
    }
    .of_stack(2)
    .to(&store)
    .await;
    let all = store
        .usage
        .quarantine(&QuarantineFilter::waiting(None), 0, 10)
        .await
        .unwrap()
        .records;
    let raw: Vec<_> = all
        .iter()
        .map(|it| (it.stack, it.index, it.raw.as_str()))
        .collect();
    assert_eq!(
        raw,
        [(stack(1), 1, "x"), (stack(1), 2, "y\u{0}ü"), (stack(2), 0, "z")]
    );
    assert_eq!(
        (all[0].batch, all[0].code),
        (receipt.batch, QuarantineCode::InvalidQuantity)
    );
    assert_eq!(
        (all[0].received_at, all[0].message.as_str()),
        (receipt.received_at, "quantity: x is no number")
    );
    let second_page = store
        .usage
        .quarantine(&QuarantineFilter::waiting(None), all[0].position, 1)
        .await
        .unwrap()
        .records;
    assert_eq!(second_page, all[1..2]);
    assert_eq!(
        store
            .usage
            .quarantine(&QuarantineFilter::waiting(Some(stack(2))), 0, 10)
            .await
            .unwrap()
            .records,
        all[2..]
    );
    assert_sound(&store).await;
}

pub(crate) async fn an_empty_delivery_has_a_receipt_too(backend: &dyn Backend) {
    let store = backend.open();
    let receipt = Delivery::new([]).to(&store).await;
    assert_eq!((counts(&receipt), receipt.sequence), ([0; 4], 1));
    assert_sound(&store).await;
}

pub(crate) async fn receipts_form_a_chain_per_stack(backend: &dyn Backend) {
    let store = backend.open();
    let (mut chain, mut receipts) = ([0; 32], Vec::new());
    for number in 0..5 {
        Delivery::new([record("/vm/a", number, "1")])
            .of_stack(2)
            .to(&store)
            .await;
        let receipt = Delivery::new([record("/vm/a", number, "1")]).to(&store).await;
        assert_eq!(receipt.chained_after(&chain), receipt.chain, "receipt {number}");
        chain = receipt.chain;
        receipts.push(receipt);
    }
    assert_eq!(store.usage.receipts(stack(1), 0, 100).await.unwrap(), receipts);
    assert_eq!(
        store.usage.receipts(stack(1), 2, 2).await.unwrap(),
        receipts[2..4]
    );
    assert_sound(&store).await;
}

pub(crate) async fn the_watermark_only_rises(backend: &dyn Backend) {
    let store = backend.open();
    for (declared, expected) in [
        (None, None),
        (Some(5), Some(5)),
        (Some(3), Some(5)),
        (None, Some(5)),
        (Some(9), Some(9)),
    ] {
        Delivery {
            through: declared,
            ..Delivery::new([])
        }
        .to(&store)
        .await;
        assert_eq!(store.usage.watermark(stack(1)).await.unwrap(), expected.map(hour));
    }
    assert_eq!(store.usage.watermark(stack(2)).await.unwrap(), None);
}

pub(crate) async fn deliveries_at_the_same_time_are_all_stored_once(backend: &dyn Backend) {
    let store = backend.open();
    let deliver = |number: i32| {
        let store = store.clone();
        // Every delivery comes twice, and every record in two deliveries.
        let hours = [number / 3 / 2, number / 3 / 2 + 1];
        let records = hours
            .into_iter()
            .flat_map(|hour| (0..50).map(move |vm| record(&format!("/vm/{vm}"), hour, "1")));
        let delivery = Delivery::new(records).of_stack((number % 3) as u8);
        tokio::spawn(async move { delivery.to(&store).await })
    };
    let tasks: Vec<_> = (0..60).map(deliver).collect();
    for task in tasks {
        task.await.unwrap();
    }
    for number in 0..3 {
        assert_eq!(
            store.usage.receipts(stack(number), 0, 100).await.unwrap().len(),
            20
        );
        assert_eq!(
            sum(&store, slice(subscription(number, 1), HourInterval::ALWAYS)).await,
            (50 * 11).to_string()
        );
    }
    assert_sound(&store).await;
}

pub(crate) async fn everything_is_there_after_reopening(backend: &dyn Backend) {
    let store = backend.open();
    let delivery = Delivery::new((0..200).map(|number| record(&format!("/VM/{number}"), number % 50, "0.1")));
    delivery.to(&store).await;
    Delivery::new([tagged("changed", record("/VM/0", 60, "7"))])
        .to(&store)
        .await;
    let read = async |store: &store::Store| {
        let everything = slice(subscription(1, 1), HourInterval::ALWAYS);
        let sums = store.usage.sums(&[everything]).await.unwrap();
        let records = store.usage.records(everything, None, 1000).await.unwrap();
        (
            sums,
            records,
            store.usage.receipts(stack(1), 0, 10).await.unwrap(),
        )
    };
    let before = read(&store).await;
    drop(store);
    let store = backend.open();
    assert_eq!(read(&store).await, before);
    assert_eq!(counts(&delivery.to(&store).await), [0, 200, 0, 0]);
    assert_sound(&store).await;
}
