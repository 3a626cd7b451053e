//! A database that is not what a running server knows of it: set back to an earlier state, as by a restore or by a standby
//! that had not got all of it; held by somebody else; or silent when it was asked to commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::ids::{ObjectId, OperatorId};
use domain::time::{HourInterval, Timestamp};
use store::{Appended, Books, JournalAppended, Store, StoreError};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::fixtures::*;
use crate::postgres::{Database, Postgres, start};

/// A database as it was at one moment.
struct Earlier<'d> {
    database: &'d Postgres,
    copy: Postgres,
    /// Whose connection makes and drops them.
    elsewhere: Postgres,
}

impl<'d> Earlier<'d> {
    /// Remembers how it is now. Who is connected is not any more.
    fn of(database: &'d Postgres) -> Self {
        let elsewhere = database.empty();
        disconnect(database, &elsewhere);
        let copy = database.made_with(&format!("TEMPLATE {} STRATEGY file_copy", name(database)));
        Self {
            database,
            copy,
            elsewhere,
        }
    }

    /// Makes it as it was then, under the servers that use it.
    fn is_back(&self) {
        let (name, copy) = (name_of(&self.database.url()), name(&self.copy));
        disconnect(self.database, &self.elsewhere);
        for statement in [
            format!("DROP DATABASE {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name} TEMPLATE {copy} STRATEGY file_copy"),
        ] {
            let _ = self.elsewhere.execute(&statement);
        }
    }
}

fn disconnect(database: &Postgres, elsewhere: &Postgres) {
    let name = name(database);
    let _ = elsewhere.execute(&format!(
        "SELECT pg_terminate_backend(pid, 120000) FROM pg_stat_activity WHERE datname = '{name}'"
    ));
}

fn name(database: &Postgres) -> String {
    name_of(&database.url())
}

fn name_of(url: &str) -> String {
    url.rsplit('/').next().unwrap().to_owned()
}

/// Resource, hour, meter and quantity of each record.
async fn records(store: &Store) -> Vec<(String, i32, u8, String, String)> {
    let everything = slice(subscription(1, 1), HourInterval::ALWAYS);
    let records = store.usage.records(everything, None, 100).await.unwrap();
    let words = records.into_iter().map(|it| {
        (
            it.resource_uri.to_string(),
            it.start.epoch_hours() - EPOCH,
            it.local_meter.as_bytes()[0],
            it.quantity.to_string(),
            it.attributes.tags.clone(),
        )
    });
    let mut records: Vec<_> = words.collect();
    records.sort();
    records
}

fn word(uri: &str, hour: i32, meter: u8, quantity: &str, tags: &str) -> (String, i32, u8, String, String) {
    (uri.to_owned(), hour, meter, quantity.to_owned(), tags.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_that_lost_something_a_server_would_bill_one_resource_for_what_another_one_used() {
    let Some(database) = Postgres::new() else { return };
    let one = database.open();
    Delivery::new([record("/vm/base", 0, "1")]).to(&one).await;
    let earlier = Earlier::of(&database);
    Delivery::new([record("/vm/lost", 1, "10")]).to(&one).await;
    earlier.is_back();
    let other = database.open();
    // It gets the number that the lost one had, and another delivery has the number of the lost one.
    Delivery::new([of(1, 2, record("/vm/other", 1, "1"))])
        .to(&other)
        .await;
    Delivery::new([record("/vm/lost", 2, "10")]).to(&one).await;
    Delivery::new([record("/vm/other", 2, "1")]).to(&one).await;
    let expected = [
        word("/vm/base", 0, 1, "1", ""),
        word("/vm/lost", 2, 1, "10", ""),
        word("/vm/other", 1, 2, "1", ""),
        word("/vm/other", 2, 1, "1", ""),
    ];
    assert_eq!(records(&one).await, expected);
    assert_sound(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_what_is_delivered_would_be_put_on_a_series_that_nobody_has() {
    let Some(database) = Postgres::new() else { return };
    let store = database.open();
    let base = |hour, tags| Delivery::new([tagged(tags, record("/vm/base", hour, "1"))]);
    base(0, "old").to(&store).await;
    Delivery::new([record("/vm/second", 0, "1")])
        .of_stack(2)
        .to(&store)
        .await;
    let earlier = Earlier::of(&database);
    Delivery::new([record("/vm/lost", 1, "10")]).to(&store).await;
    base(1, "new").to(&store).await;
    Delivery::new([record("/vm/second lost", 0, "1")])
        .of_stack(2)
        .to(&store)
        .await;
    earlier.is_back();
    Delivery::new([record("/vm/lost", 2, "10")]).to(&store).await;
    base(2, "new").to(&store).await;
    Delivery::new([record("/vm/second lost", 2, "1")])
        .of_stack(2)
        .to(&store)
        .await;
    let expected = [
        word("/vm/base", 0, 1, "1", "old"),
        word("/vm/base", 2, 1, "1", "new"),
        word("/vm/lost", 2, 1, "10", ""),
    ];
    assert_eq!(records(&store).await, expected);
    assert_sound(&store).await;
    // And it goes on as ever.
    Delivery::new([record("/vm/lost", 3, "10")]).to(&store).await;
    assert_eq!(records(&store).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_delivers_to_two_servers_by_turns_would_be_taken_for_one_that_went_back() {
    let Some(database) = Postgres::new() else { return };
    let stores = [database.open(), database.open()];
    for hour in 0..20 {
        let uri = format!("/vm/{}", hour % 3);
        let delivery = Delivery::new([record(&uri, hour, "1")]);
        delivery.to(&stores[usize::from(hour % 4 < 2)]).await;
    }
    assert_eq!(records(&stores[0]).await.len(), 20);
    assert_sound(&stores[1]).await;
}

async fn append(store: &Store, expected: u64, body: &str) -> Result<JournalAppended, StoreError> {
    let by = ObjectId::from_bytes([5; 16]);
    let entries = vec![body.as_bytes().to_vec()];
    store
        .journal
        .append(expected, entries, Timestamp::UNIX_EPOCH, by)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_last_decision_was_lost_would_go_on_deciding_by_it() {
    let Some(database) = Postgres::new() else { return };
    let one = database.open();
    append(&one, 0, "first").await.unwrap();
    let earlier = Earlier::of(&database);
    append(&one, 1, "lost").await.unwrap();
    let behind = database.open();
    assert_eq!(behind.journal.read_after(0, 10).await.unwrap().len(), 2);
    earlier.is_back();

    let refused = async |store: &Store| {
        let went_back = |error: &StoreError| matches!(error, StoreError::WentBack { entry: 2 });
        for after in 1..3 {
            let read = store
                .journal
                .read_after(after, 10)
                .await
                .map(|entries| entries.len());
            assert!(
                matches!(&read, Err(error) if went_back(error)),
                "{after}: {read:?}"
            );
            let appended = append(store, after, "another").await;
            assert!(
                matches!(&appended, Err(error) if went_back(error)),
                "{after}: {appended:?}"
            );
        }
    };
    refused(&one).await;
    let other = database.open();
    assert_eq!(
        append(&other, 1, "second").await.unwrap(),
        JournalAppended::Appended { last: 2 }
    );
    refused(&one).await;
    append(&other, 2, "third").await.unwrap();
    refused(&one).await;
    refused(&behind).await;

    let said = append(&one, 2, "another").await.unwrap_err().to_string();
    assert!(said.contains("went back") && said.contains("restarted"), "{said}");
    let entries = database.open().journal.read_after(0, 10).await.unwrap();
    let bodies: Vec<_> = entries
        .iter()
        .map(|it| String::from_utf8_lossy(&it.body).into_owned())
        .collect();
    assert_eq!(bodies, ["first", "second", "third"], "nobody else was disturbed");
}

#[tokio::test(flavor = "multi_thread")]
async fn books_that_nobody_else_has_would_be_billed_by() {
    let Some(database) = Postgres::new() else { return };
    let admit = async |store: &Books, number: u8| {
        let operator = domain::books::Operator {
            id: OperatorId::from_bytes([number; 16]),
            name: format!("operator {number}"),
            credential_digest: [number; 32],
        };
        let entries = vec![domain::books::Entry::OperatorAdmitted(operator)];
        let by = ObjectId::from_bytes([5; 16]);
        store
            .change(Timestamp::UNIX_EPOCH, by, |_| {
                Ok::<_, std::convert::Infallible>((entries.clone(), ()))
            })
            .await
    };
    let one = Books::load(database.open().journal).await.unwrap();
    admit(&one, 1).await.unwrap();
    let earlier = Earlier::of(&database);
    admit(&one, 2).await.unwrap();
    one.catch_up().await.unwrap();
    earlier.is_back();
    for _ in 0..2 {
        let refused = one.catch_up().await;
        assert!(
            matches!(refused, Err(StoreError::WentBack { entry: 2 })),
            "{refused:?}"
        );
        admit(&one, 3).await.unwrap_err();
    }
    let anew = Books::load(database.open().journal).await.unwrap();
    admit(&anew, 4).await.unwrap();
    assert_eq!(anew.read(|books| books.operators().count()), 2);
    one.catch_up().await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn six_hundred_sign_ins_that_wait_for_the_database_would_keep_everybody_from_reading() {
    let Some(database) = Postgres::new() else { return };
    let store = database.open();
    let at = Timestamp::UNIX_EPOCH;
    let operator = OperatorId::from_bytes([3; 16]);
    store.sessions.operator_seen(operator, at).await.unwrap();
    let begun = Arc::new(AtomicUsize::new(0));
    let sign_in = || {
        let (store, begun) = (store.clone(), Arc::clone(&begun));
        tokio::spawn(async move {
            begun.fetch_add(1, Ordering::Relaxed);
            store.sessions.operator_seen(operator, at).await
        })
    };
    let waited_for = async {
        let waiting: Vec<_> = (0..600).map(|_| sign_in()).collect();
        while begun.load(Ordering::Relaxed) < 600 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        database.wait_until_waited_for("operator_seen", 0);
        // Together they would wait for hours.
        let reading = tokio::time::timeout(Duration::from_secs(30), store.usage.stacks());
        assert_eq!(reading.await.unwrap().unwrap(), []);
        for sign_in in waiting {
            let seen = sign_in.await.unwrap();
            assert!(matches!(seen, Err(StoreError::Busy)), "{seen:?}");
        }
    };
    database.while_locked("operator_seen", waited_for);
    store.sessions.operator_seen(operator, at).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_would_be_told_that_nothing_is_stored_of_a_delivery_that_is() {
    let Some(server) = start() else { return };
    let database = &Database::on(&server);
    let store = store::open(&database.config()).unwrap();
    Delivery::new([record("/vm/a", 0, "1")]).to(&store).await;
    // From now on whoever commits waits for a standby that never comes.
    let standby = |how: &str| {
        let _ = database.execute(&format!("ALTER SYSTEM {how}"));
        let _ = database.execute("SELECT pg_reload_conf()");
    };
    standby("SET synchronous_standby_names = 'nobody'");
    let delivering = {
        let store = store.clone();
        tokio::spawn(async move { deliver_until_refused(&store).await })
    };
    let waiting = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    let (last, told) = std::thread::scope(|scope| {
        let runtime = Handle::current();
        database.wait_until(&format!("SELECT count(*) {waiting}"));
        // Whoever does it again finds the table locked.
        let locking = scope.spawn(move || {
            let _runtime = runtime.enter();
            database.while_locked("stack", delivering)
        });
        database.wait_until_waited_for("stack", 0);
        let _ = database.execute(&format!("SELECT pg_terminate_backend(pid) {waiting}"));
        tokio::task::block_in_place(|| locking.join()).unwrap().unwrap()
    });
    standby("RESET synchronous_standby_names");
    assert!(matches!(told, StoreError::Uncertain { .. }), "{told:?}");
    assert_gets_ready(&store).await;
    let again = numbered_delivery(last).answered_by(&store).await;
    assert!(matches!(again, Appended::Repeated(_)), "it is stored: {again:?}");
    let stored = sum(&store, slice(subscription(1, 1), HourInterval::ALWAYS)).await;
    assert_eq!(stored, (last + 1).to_string());
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_everything_would_be_given_up_after_the_time_for_one_bill() {
    let Some(database) = Postgres::new() else { return };
    let store = database.open();
    Delivery::new([record("/vm/a", 0, "1")]).to(&store).await;
    let (locked, is_locked) = oneshot::channel();
    let auditing = tokio::spawn(async move {
        is_locked.await.unwrap();
        assert_sound(&store).await;
    });
    database.while_locked("observation", async {
        locked.send(()).unwrap();
        // Anybody else would have given up after ten seconds.
        database.wait_until_waited_for("observation", 12);
    });
    auditing.await.unwrap();
}
