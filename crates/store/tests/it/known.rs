//! Deliveries that rely on receipts: a ledger that was set back to an earlier state does not have them.

use store::{Appended, Link, Receipt, Store};

use crate::fixtures::*;
use crate::postgres::Postgres;

fn link(receipt: &Receipt) -> Link {
    Link {
        sequence: receipt.sequence,
        chain: receipt.chain,
    }
}

fn knowing(delivery: Delivery, known: impl IntoIterator<Item = Link>) -> Delivery {
    Delivery {
        known: known.into_iter().collect(),
        ..delivery
    }
}

fn page(number: i32) -> Delivery {
    numbered_delivery(number).reported(number + 1)
}

async fn assert_unknown(delivery: &Delivery, store: &Store, missing: Link, last: u64, through: Option<i32>) {
    assert_eq!(
        delivery.answered_by(store).await,
        Appended::ReceiptNotKnown {
            missing,
            last,
            reported_through: through.map(hour),
        }
    );
}

pub(crate) async fn pages_acknowledged_before_a_restore_would_never_be_missed_by_who_delivered_them(
    backend: &dyn Backend,
) {
    let lost = backend.another();
    let (store, lost) = (backend.open(), lost.open());
    for of in [&store, &lost] {
        page(1).to(of).await;
    }
    // What was acknowledged after the backup is in no other ledger.
    let second = link(&page(2).to(&lost).await);
    let third = knowing(page(3), [second]);
    assert_unknown(&third, &store, second, 1, None).await;
    // Not even when as many receipts are there again, by others.
    let other = link(
        &Delivery {
            through: Some(9),
            ..page(7)
        }
        .to(&store)
        .await,
    );
    assert_eq!((other.sequence, second.sequence), (2, 2));
    assert_unknown(&third, &store, second, 2, Some(9)).await;
    assert_unknown(&knowing(page(3), [other, second]), &store, second, 2, Some(9)).await;
    assert_eq!(audit(&store).await.counts.received, 2, "nothing of it is stored");
    // Who is told that a delivery is there, under its key, learns before that another one is not.
    assert_unknown(&knowing(page(1), [second]), &store, second, 2, Some(9)).await;

    let receipt = knowing(page(3), [other]).to(&store).await;
    assert_eq!(receipt.sequence, 3);
    let repeated = knowing(page(3), [other, link(&receipt)]);
    assert_eq!(repeated.answered_by(&store).await, Appended::Repeated(receipt));
    let unheard_of = Link {
        sequence: 1,
        chain: other.chain,
    };
    assert_unknown(
        &knowing(page(4).of_stack(2), [unheard_of]),
        &store,
        unheard_of,
        0,
        None,
    )
    .await;
    assert_sound(&store).await;
}

pub(crate) async fn of_pages_under_way_at_once_none_would_wait_for_the_receipt_of_another(
    backend: &dyn Backend,
) {
    let store = backend.open();
    let known = link(&page(0).to(&store).await);
    let unknown = Link {
        chain: [9; 32],
        ..known
    };
    let deliveries: Vec<Delivery> = (1..=24)
        .map(|number| knowing(page(number), [if number % 3 == 0 { unknown } else { known }]))
        .collect();
    let answers = deliveries.iter().map(|delivery| delivery.answered_by(&store));
    let answers = futures_util::future::join_all(answers).await;
    for (number, answer) in (1..).zip(answers) {
        let is_stored = matches!(answer, Appended::New(_));
        assert_eq!(is_stored, number % 3 != 0, "{number}: {answer:?}");
    }
    let receipts = store.usage.receipts(stack(1), 0, 100).await.unwrap();
    assert_eq!(receipts.len(), 17);
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_one_server_is_known_to_the_others() {
    let Some(backend) = Postgres::new() else { return };
    let stores: Vec<Store> = (0..3).map(|_| backend.open()).collect();
    let mut known = Vec::new();
    for number in 0..9 {
        let delivery = knowing(page(number), known);
        let receipt = delivery.to(&stores[usize::try_from(number).unwrap() % 3]).await;
        known = vec![link(&receipt)];
    }
}
