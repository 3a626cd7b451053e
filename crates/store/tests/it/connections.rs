//! Connections to PostgreSQL that go bad, that hang, and that somebody has set up otherwise.

use std::time::{Duration, Instant};

use store::{Appended, StoreConfig, StoreError};

use crate::fixtures::*;
use crate::postgres::{Database, Postgres, start};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restore_changed_under_a_running_server_is_not_refused_until_it_is_restarted() {
    let Some(backend) = Postgres::new() else { return };
    let store = backend.open();
    Delivery::new([record("/vm/a", 0, "1")]).to(&store).await;
    store.usage.stacks().await.unwrap();
    backend.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    drop(backend.open());
    let other = || Delivery::new([of(2, 2, record("/vm/b", 0, "1"))]).of_stack(2);
    let mut stored = other().try_to(&store).await;
    for _ in 0..5 {
        if stored.is_ok() {
            break;
        }
        stored = other().try_to(&store).await;
    }
    assert!(matches!(stored, Ok(Appended::New(_))), "{stored:?}");
    assert_gets_ready(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_set_up_for_other_programs_is_used_as_ours_needs_it() {
    let Some(backend) = Postgres::new() else { return };
    let empty = backend.empty();
    for setting in [
        "default_transaction_isolation = ''repeatable read''",
        "default_transaction_read_only = on",
    ] {
        empty.execute(&format!(
            "SET default_transaction_read_only = off;
             DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET {setting}'; END $$"
        ));
    }
    let starting: Vec<_> = (0..4)
        .map(|_| {
            let config = empty.config();
            tokio::task::spawn_blocking(move || store::open(&config))
        })
        .collect();
    for start in starting {
        let store = start.await.unwrap().unwrap();
        Delivery::new([record("/vm/a", 0, "1")]).to(&store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_given_out_twice_is_told_to_whoever_looks_after_the_database() {
    let Some(backend) = Postgres::new() else { return };
    let store = backend.open();
    let of_another = |number| Delivery::new([of(number, 1, record("/vm/a", 0, "1"))]);
    for number in 0..12 {
        of_another(number).to(&store).await;
    }
    backend.execute("SELECT setval(pg_get_serial_sequence('block', 'id'), min(id), false) FROM block");
    let refused = of_another(12).try_to(&store).await;
    let Err(StoreError::Unavailable { detail }) = refused else {
        panic!("{refused:?}");
    };
    assert!(detail.contains("block_pkey"), "{detail}");
}

/// Less than the time that any statement has.
const REFUSED_SOON: Duration = Duration::from_secs(30);
/// Less than it takes to ask a server that does not answer.
const AT_ONCE: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_to_a_database_that_is_frozen_are_refused_soon_and_then_at_once() {
    let Some(server) = start() else { return };
    let database = Database::on(&server);
    let url = format!("{}?connect_timeout=1", database.url());
    let store = store::open(&url.parse::<StoreConfig>().unwrap()).unwrap();
    let delivery = |hour| Delivery::new([record("/vm/a", hour, "1")]);
    delivery(0).to(&store).await;
    server.freeze().unwrap();
    let refused = async || {
        let began = Instant::now();
        delivery(1).try_to(&store).await.unwrap_err();
        began.elapsed()
    };
    let first = refused().await;
    assert!(first < REFUSED_SOON, "{first:?}");
    // It has to find out that nothing at all can be written.
    let began = Instant::now();
    while refused().await > AT_ONCE {
        assert!(began.elapsed() < PATIENCE, "whoever comes waits");
    }
    store.usage.ready().await.unwrap_err();
    server.thaw().unwrap();
    assert_gets_ready(&store).await;
    delivery(1).to(&store).await;
    assert_sound(&store).await;
}

/// Takes most of a minute, since a commit is waited for as long as any statement.
#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_everything_waits_for_does_not_cost_all_connections() {
    let Some(server) = start() else { return };
    let database = Database::on(&server);
    let store = store::open(&database.config()).unwrap();
    numbered_delivery(0).to(&store).await;
    let standby = |name: &str| {
        let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{name}'");
        let _ = database.execute(&set);
        let _ = database.execute("SELECT pg_reload_conf()");
    };
    standby("nobody");
    let (hanging, told) = deliver_until_refused(&store).await;
    assert!(matches!(told, StoreError::Uncertain { .. }), "{told}");
    let next = numbered_delivery(hanging + 1);
    // Time for some to try, and to be left hanging.
    for _ in 0..15 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(next.try_to(&store).await.is_err());
        assert!(
            store.usage.ready().await.is_err(),
            "nothing gets where it has to be"
        );
    }
    // The one that is not cancelled, and one that is trying. Whoever was cancelled goes.
    database.wait_until(
        "SELECT (count(*) BETWEEN 1 AND 2)::integer FROM pg_stat_activity
         WHERE application_name = 'meterbridge' AND state <> 'idle'",
    );
    standby("");
    assert_gets_ready(&store).await;
    let again = numbered_delivery(hanging).answered_by(&store).await;
    assert!(matches!(again, Appended::Repeated(_)), "{again:?}");
    next.to(&store).await;
    assert_sound(&store).await;
}

/// Of a large store PostgreSQL takes longer to look it over than any statement may.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_whole_is_not_called_unfinished_because_it_could_not_be_looked_over() {
    let Some(backend) = Postgres::new() else { return };
    let source = backend.again();
    let store = source.open();
    Delivery::new([record("/vm/a", 0, "1")]).to(&store).await;
    drop(store);
    let counted = "SELECT count(*) FROM pg_class WHERE relname IN ('batch', 'series') AND reltuples > 0";
    // Nobody who reads or writes waits for this, but ANALYZE does.
    backend.while_locked("entry IN SHARE UPDATE EXCLUSIVE MODE", async {
        store::copy(&source.config(), &backend.config(), &mut |_| ()).unwrap();
    });
    assert_sound(&backend.open()).await;
    let another = backend.again();
    store::copy(&source.config(), &another.config(), &mut |_| ()).unwrap();
    assert_eq!(another.execute(counted).trim(), "2", "it knows how much there is");
}
