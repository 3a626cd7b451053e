//! Several servers of PostgreSQL in one URL, of which one takes writes.

use std::os::unix::net::UnixListener;

use domain::time::HourInterval;
use private_postgres::PrivatePostgres;
use store::{Store, StoreConfig};

use crate::fixtures::*;
use crate::postgres::{Database, start};

/// What stands for a server in a URL.
fn host(server: &PrivatePostgres) -> String {
    let url = server.url("");
    let (_, host) = url.split_once('@').unwrap();
    host.trim_end_matches('/').to_owned()
}

fn opened(hosts: &[String], database: &str) -> Result<Store, store::StoreError> {
    let url = format!(
        "postgres://meterbridge@{}/{database}?connect_timeout=3",
        hosts.join(",")
    );
    store::open(&url.parse::<StoreConfig>().unwrap())
}

/// Makes a server one that only reads what another one writes, and which never hears of anything.
fn make_standby(server: &PrivatePostgres) {
    let signal = "DO $$ BEGIN
        EXECUTE format('COPY (SELECT 1) TO %L', current_setting('data_directory') || '/standby.signal');
    END $$";
    server.execute("postgres", signal).unwrap();
    server.kill_and_restart().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_is_named_first_is_no_place_to_read_old_bills_from() {
    let (Some(primary), Some(standby)) = (start(), start()) else {
        return;
    };
    let database = Database::on(&primary);
    let url = database.url();
    let (_, name) = url.rsplit_once('/').unwrap();
    standby
        .execute("postgres", &format!("CREATE DATABASE {name}"))
        .unwrap();
    drop(opened(&[host(&standby)], name).unwrap());
    make_standby(&standby);

    let refused = opened(&[host(&standby)], name).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("standby"), "{refused}");
    let store = opened(&[host(&standby), host(&primary)], name).unwrap();
    Delivery::new([record("/vm/a", 0, "1")]).to(&store).await;
    let everything = slice(subscription(1, 1), HourInterval::ALWAYS);
    assert_eq!(sum(&store, everything).await, "1");
    assert_eq!(database.execute("SELECT count(*) FROM record").trim(), "1");

    primary.kill().unwrap();
    assert!(store.usage.stacks().await.is_err(), "nobody takes writes");
    standby.execute("postgres", "SELECT pg_promote()").unwrap();
    assert_gets_ready(&store).await;
    assert_eq!(
        store.usage.stacks().await.unwrap(),
        [],
        "it is the other one that answers"
    );
    primary.run_server().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_server_that_does_not_answer_hides_no_other() {
    let Some(server) = start() else { return };
    let database = Database::on(&server);
    let url = database.url();
    let (_, name) = url.rsplit_once('/').unwrap();
    let directory = tempfile::tempdir().unwrap();
    // Connections are made, and nobody takes them.
    let silent = UnixListener::bind(directory.path().join(".s.PGSQL.5432")).unwrap();
    let path = directory.path().display().to_string().replace('/', "%2F");
    let store = opened(&[path, host(&server)], name).unwrap();
    Delivery::new([record("/vm/a", 0, "1")]).to(&store).await;
    assert_sound(&store).await;
    silent.set_nonblocking(true).unwrap();
    let asked = silent.incoming().take_while(Result::is_ok).count();
    assert_eq!(asked, 1, "it is asked again for each connection");
}
