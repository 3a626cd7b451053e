//! Codes that are out.

use domain::time::Timestamp;
use store::{Code, CodeKey, Store};

use crate::fixtures::Backend;
use crate::postgres::Postgres;

const KEY: CodeKey = [1; 32];
const OTHER: CodeKey = [2; 32];

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

async fn put(store: &Store, key: CodeKey, body: &str, until: i64, now: i64) -> bool {
    let body = body.as_bytes().to_vec();
    store.codes.put(key, body, at(until), at(now)).await.unwrap()
}

async fn replace(store: &Store, version: u64, body: &str) -> bool {
    let body = body.as_bytes().to_vec();
    store.codes.replace(KEY, version, body).await.unwrap()
}

async fn get(store: &Store, key: CodeKey, now: i64) -> Option<Code> {
    store.codes.get(key, at(now)).await.unwrap()
}

fn code(version: u64, body: &str) -> Option<Code> {
    let body = body.as_bytes().to_vec();
    Some(Code { version, body })
}

pub(crate) async fn a_code_is_out_until_its_time_is_over(backend: &dyn Backend) {
    let store = backend.open();
    assert_eq!(get(&store, KEY, 0).await, None);
    assert!(put(&store, KEY, "a", 100, 0).await);
    assert!(put(&store, OTHER, "b", 200, 0).await);
    assert!(!put(&store, KEY, "c", 300, 99).await, "it is out already");
    assert_eq!(get(&store, KEY, 99).await, code(1, "a"));
    assert_eq!(get(&store, KEY, 100).await, None);
    assert!(put(&store, KEY, "c", 300, 100).await, "over, and so forgotten");
    assert_eq!(get(&store, KEY, 100).await, code(1, "c"));
    assert_eq!(get(&store, OTHER, 100).await, code(1, "b"));
}

pub(crate) async fn of_all_who_use_a_code_up_at_once_one_gets_what_it_stands_for(backend: &dyn Backend) {
    let store = backend.open();
    for _ in 0..10 {
        assert!(put(&store, KEY, "a", 100, 0).await);
        let tasks = [(); 6].map(|()| {
            let store = store.clone();
            tokio::spawn(async move { store.codes.remove(KEY).await.unwrap() })
        });
        let mut used_up = 0;
        for task in tasks {
            used_up += u32::from(task.await.unwrap());
        }
        assert_eq!(used_up, 1);
        assert_eq!(get(&store, KEY, 0).await, None);
    }
}

pub(crate) async fn what_is_written_of_a_code_that_somebody_else_wrote_in_the_meantime_is_not(
    backend: &dyn Backend,
) {
    let store = backend.open();
    assert!(!replace(&store, 1, "b").await, "it is not out");
    put(&store, KEY, "a", 100, 0).await;
    assert!(replace(&store, 1, "b").await);
    assert!(!replace(&store, 1, "c").await);
    assert_eq!(get(&store, KEY, 0).await, code(2, "b"));
    assert!(replace(&store, 2, "c").await);
    assert!(store.codes.remove(KEY).await.unwrap());
    assert!(!replace(&store, 3, "d").await);
    assert_eq!(get(&store, KEY, 0).await, None);
}

/// Writes a code like somebody else does at the same time: waits until that one waits, ends their connection and commits.
const FASTER: &str = "BEGIN;
    UPDATE code SET version = version + 1, body = 'used';
    DO $$ DECLARE waiting integer; BEGIN
        FOR look IN 1..6000 LOOP
            SELECT pid INTO waiting FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid));
            EXIT WHEN pg_terminate_backend(waiting);
            PERFORM pg_sleep(0.01);
        END LOOP;
        IF waiting IS NULL THEN RAISE 'nobody waited'; END IF;
    END $$;
    COMMIT";

#[tokio::test(flavor = "multi_thread")]
async fn a_code_would_be_redeemed_twice_if_a_lost_connection_made_somebody_elses_word_ones_own() {
    let Some(backend) = Postgres::new() else { return };
    let store = backend.open();
    put(&store, KEY, "out", 100, 0).await;
    std::thread::scope(|scope| {
        let faster = scope.spawn(|| backend.execute(FASTER));
        let writes =
            "SELECT count(*) FROM pg_locks WHERE relation = 'code'::regclass AND mode = 'RowExclusiveLock'
                      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        while !faster.is_finished() && backend.execute(writes).trim() == "0" {}
        let replaced = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(replace(&store, 1, "used"))
        });
        faster.join().unwrap();
        assert!(!replaced, "both are told that they used it up");
    });
    assert_eq!(get(&store, KEY, 0).await, code(2, "used"));
}
