//! The months in which PostgreSQL keeps sheets: made while others read, and taken away behind the back of the store.

use std::time::{Duration, Instant};

use store::StoreError;

use crate::fixtures::*;
use crate::postgres::Postgres;

/// How often a month that cannot be made is asked for again, and how long that may take together. Were it tried each time,
/// with everybody behind it, it would take more than twice as long.
const AGAIN: i32 = 60;
const REFUSED_WITHIN: Duration = Duration::from_secs(20);

/// A record of long ago, of no month that is made ahead.
fn old() -> Delivery {
    Delivery::new([record("/vm/old", -50_000, "1")])
}

/// The name that the month of the first records has in the names of tables.
fn month() -> String {
    hour(0).period().to_string().replace('-', "_")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_record_that_waits_for_a_dump_holds_up_nobody_else_and_no_start() {
    let Some(backend) = Postgres::new() else { return };
    let store = backend.open();
    let recent = |hour| Delivery::new([record("/vm/a", hour, "1")]).of_stack(2);
    recent(0).to(&store).await;
    let ahead = "SELECT max(relname) FROM pg_class WHERE relname ~ '^day_sheet_20[0-9]{2}_[0-9]{2}$'";
    let last = backend.execute(ahead).trim().to_owned();
    backend.execute(&format!("DROP TABLE {last}"));

    let while_dumped = async {
        let refused = old().try_to(&store).await;
        assert!(matches!(refused, Err(StoreError::Busy)), "{refused:?}");
        let mut again = Duration::ZERO;
        for hour in 1..=AGAIN {
            let began = Instant::now();
            assert!(matches!(old().try_to(&store).await, Err(StoreError::Busy)));
            again += began.elapsed();
            recent(hour).to(&store).await;
        }
        drop(backend.open());
        again
    };
    let again = backend.while_locked("day_sheet IN ACCESS SHARE MODE", while_dumped);
    assert!(again < REFUSED_WITHIN, "{AGAIN} more took {again:?}");
    let other = backend.open();
    old().to(&other).await;
    assert_eq!(
        backend.execute(ahead).trim(),
        last,
        "it is made at the next start"
    );
    assert_sound(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_somebody_dropped_has_a_place_again_without_a_restart() {
    let Some(backend) = Postgres::new() else { return };
    let store = backend.open();
    Delivery::new([record("/vm/a", 0, "1")]).to(&store).await;
    let month = month();
    backend.execute(&format!("DROP TABLE hour_sheet_{month}, day_sheet_{month}"));
    Delivery::new([record("/vm/a", 1, "1")])
        .of_stack(2)
        .to(&store)
        .await;
    assert_eq!(backend.execute("SELECT count(*) FROM record").trim(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_somebody_took_out_is_not_hidden_behind_an_empty_one() {
    let Some(backend) = Postgres::new() else { return };
    let store = backend.open();
    let recent = |hour| Delivery::new([record("/vm/a", hour, "1")]);
    recent(0).to(&store).await;
    let name = format!("hour_sheet_{}", month());
    let bound = format!("SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = '{name}'");
    let bound = backend.execute(&bound);
    backend.execute(&format!("ALTER TABLE hour_sheet DETACH PARTITION {name}"));
    for store in [&store, &backend.open()] {
        let refused = recent(1).of_stack(2).try_to(store).await.unwrap_err();
        assert!(refused.to_string().contains(&name), "{refused}");
    }
    backend.execute(&format!("ALTER TABLE hour_sheet ATTACH PARTITION {name} {bound}"));
    let store = backend.open();
    recent(1).to(&store).await;
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_years_of_usage_that_are_delivered_at_once_are_stored_at_once() {
    let Some(backend) = Postgres::new() else { return };
    let store = backend.open();
    let months = 1..=60;
    let records =
        months.flat_map(|month| (0..300).map(move |number| record("/vm/a", -month * 730 + number, "1")));
    let receipt = Delivery::new(records).to(&store).await;
    assert_eq!(receipt.counts.accepted, 18_000);
    assert_sound(&store).await;
}
