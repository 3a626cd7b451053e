//! A store that moves: from one back end to the other and back, cut off anywhere, with somebody getting in the way.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use domain::identity::Session;
use domain::ids::{ApplicationId, ObjectId, OperatorId, SessionId};
use domain::quarantine::RECORD_TEXT_BYTES_MAX;
use domain::time::{HourInterval, Timestamp};
use domain::usage::{QuarantineCode, Quarantined};
use rusqlite::Connection;
use store::{Appended, Copied, CopyError, CopyStep, JournalAppended, Store, StoreConfig, StoreError};
use tempfile::TempDir;

use crate::bills::put_some;
use crate::fixtures::*;
use crate::model::{Model, check, deliveries};
use crate::postgres::Postgres;
use crate::quarantine::{release_and_purge, unreadable, waiting};

/// A place for one store.
struct Place {
    config: StoreConfig,
    database: Option<Postgres>,
    /// Where the embedded store is.
    _directory: Option<TempDir>,
}

impl Place {
    fn embedded() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            config: embedded(directory.path()),
            database: None,
            _directory: Some(directory),
        }
    }

    fn postgres() -> Option<Self> {
        let database = Postgres::new()?;
        Some(Self {
            config: database.config(),
            database: Some(database),
            _directory: None,
        })
    }

    fn open(&self) -> Store {
        store::open(&self.config).unwrap()
    }

    /// Runs statements behind the back of the store, in the file that has the table if there are files.
    fn execute(&self, statements: &str) {
        match (&self.config, &self.database) {
            (StoreConfig::Sqlite { directory }, _) => {
                let connection = Connection::open(directory.join("usage.db")).unwrap();
                connection.pragma_update(None, "foreign_keys", false).unwrap();
                connection.execute_batch(statements).unwrap();
                assert!(connection.changes() > 0, "nothing to change: {statements}");
            }
            (_, Some(database)) => {
                let statements = format!("SET session_replication_role = replica; {statements}");
                let _ = database.execute(&statements);
            }
            _ => unreachable!(),
        }
    }
}

fn embedded(directory: &Path) -> StoreConfig {
    StoreConfig::Sqlite {
        directory: directory.to_owned(),
    }
}

const WAYS: usize = 4;

/// From where to where, both new and empty: both directions between the back ends, and within each. None with PostgreSQL
/// where that is missing.
fn way(number: usize) -> Option<(Place, Place)> {
    Some(match number {
        0 => (Place::embedded(), Place::embedded()),
        1 => (Place::embedded(), Place::postgres()?),
        2 => (Place::postgres()?, Place::embedded()),
        _ => (Place::postgres()?, Place::postgres()?),
    })
}

fn ways() -> impl Iterator<Item = (Place, Place)> {
    (0..WAYS).filter_map(way)
}

fn copy(from: &Place, to: &Place) -> Result<Copied, CopyError> {
    store::copy(&from.config, &to.config, &mut |_| ())
}

fn copied(from: &Place, to: &Place) -> Copied {
    let copied = copy(from, to).unwrap();
    assert_eq!(copied.in_source(), copied.in_target());
    copied
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

const BY: ObjectId = ObjectId::from_bytes([5; 16]);

async fn enter(store: &Store, expected: u64, body: &[u8]) {
    let appended = store.journal.append(expected, vec![body.to_vec()], at(77), BY);
    let last = expected + 1;
    assert_eq!(appended.await.unwrap(), JournalAppended::Appended { last });
}

fn session(id: u8) -> Session {
    Session {
        id: SessionId::from_bytes([id; 16]),
        user: ObjectId::from_bytes([2; 16]),
        client: ApplicationId::from_bytes([3; 16]),
        since: 4,
        begun: at(1),
        number: 7,
        renewed: at(1000),
        ends: at(9000),
    }
}

/// One of the four deliveries under a key.
fn keyed(number: i32) -> Delivery {
    let tags = format!("tags of {number}, \0 and \u{241b}");
    let mut records: Vec<_> = (0..70)
        .map(|vm| record(&format!("/vm/{vm}"), 0, &format!("{}.5", number + 1)))
        .chain([
            record("/vm/tiny", 5, "3e-37"),
            record("/vm/huge", number, "9999999999999999999999999999"),
            record("/vm/tiny", number, "0.0000000001"),
            of(2, 3, record("/vm/a", 24 * 40 + number, "2")),
            of_day(record("/vm/day", 48, "24")),
        ])
        .map(|record| tagged(&tags, record))
        .collect();
    records.push(of_day(record("/vm/0", 0, "12")));
    let key: &'static str = ["a", "b", "c", "d"][usize::try_from(number).unwrap()];
    // The second one says what the first one says.
    let malformed = |index| Quarantined {
        index,
        code: QuarantineCode::MalformedRecord,
        message: "it is not \0 a record".to_owned(),
        raw: "{\"a\": \u{241b}".into(),
    };
    Delivery {
        through: Some(number),
        quarantined: vec![malformed(1000), malformed(1001)],
        ..Delivery::new(records).reported(100 - number).with_key(key, 1)
    }
    .of_stack(1 + u8::try_from(number).unwrap() % 2)
}

/// A bit of everything: every column of every table has something in it.
async fn fill(store: &Store) {
    for number in 0..3u8 {
        enter(store, number.into(), &[number; 40]).await;
        store.sessions.begin(session(number + 1)).await.unwrap();
        let operator = OperatorId::from_bytes([number; 16]);
        store.sessions.operator_seen(operator, at(3)).await.unwrap();
    }
    for number in 0..4 {
        keyed(number).to(store).await;
    }
    release_and_purge(store).await;
    let late = Delivery::new([record("/vm/0", 1, "7")]).days_later(20);
    late.to(store).await;
    put_some(store).await;
    // Only its beginning is kept.
    unreadable(&[&"x".repeat(RECORD_TEXT_BYTES_MAX + 1)])
        .to(store)
        .await;
    assert_sound(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_copy_is_the_original_and_nothing_is_left_out() {
    for (from, to) in ways() {
        fill(&from.open()).await;
        let first = copied(&from, &to);
        let back = Place::embedded();
        assert_eq!(
            copied(&to, &back).in_target(),
            first.in_source(),
            "{} {}",
            from.config,
            to.config
        );
        let again = Place::embedded();
        assert_eq!(copied(&from, &again).tables, first.tables);
        assert_eq!(rows(&back), rows(&again));
        for table in &first.tables {
            assert!(table.rows > 0, "nothing was copied of {}", table.name);
        }
    }
}

/// Every value of every table of an embedded store, as text.
fn rows(place: &Place) -> Vec<String> {
    let StoreConfig::Sqlite { directory } = &place.config else {
        unreachable!()
    };
    let mut found = Vec::new();
    for file in ["books.db", "usage.db", "sessions.db"] {
        let connection = Connection::open(directory.join(file)).unwrap();
        for table in tables(&connection) {
            let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
            let mut rows = statement.query([]).unwrap();
            let mut said = BTreeSet::new();
            while let Some(row) = rows.next().unwrap() {
                let mut texts = vec![table.clone()];
                for (at, column) in columns.iter().enumerate() {
                    let value = row.get_ref(at).unwrap();
                    if ![
                        rusqlite::types::ValueRef::Null,
                        rusqlite::types::ValueRef::Integer(0),
                    ]
                    .contains(&value)
                    {
                        said.insert(column.clone());
                    }
                    texts.push(format!("{column} = {value:?}"));
                }
                found.push(texts.join(", "));
            }
            // No delivery of these tests has a `reported_end`, and only what an earlier version stored has a `folded_key`.
            let silent = columns
                .iter()
                .filter(|it| !said.contains(*it) && !["reported_end", "folded_key"].contains(&&***it));
            assert_eq!(
                silent.collect::<Vec<_>>(),
                Vec::<&String>::new(),
                "columns of {table} that nothing was copied of"
            );
        }
    }
    found.sort();
    found
}

/// The tables of a file that are to be copied.
fn tables(connection: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
               AND name NOT IN ('schema_version', 'unfinished_copy')";
    let mut statement = connection.prepare(sql).unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_there_is_is_copied() {
    let (from, to) = (Place::embedded(), Place::embedded());
    drop(from.open());
    let copied: BTreeSet<String> = copied(&from, &to)
        .tables
        .iter()
        .map(|it| it.name.to_owned())
        .collect();
    let StoreConfig::Sqlite { directory } = &to.config else {
        unreachable!()
    };
    let files =
        ["books.db", "usage.db", "sessions.db"].map(|file| Connection::open(directory.join(file)).unwrap());
    assert_eq!(files.iter().flat_map(tables).collect::<BTreeSet<_>>(), copied);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_goes_on_after_it_was_copied_as_it_would_have_where_it_was() {
    for number in 0..WAYS {
        let histories = (deliveries(true), deliveries(true));
        check(4, histories, async |(before, after): (Vec<_>, Vec<_>)| {
            let Some((from, to)) = way(number) else { return };
            let mut model = Model::default();
            let store = from.open();
            for delivery in &before {
                model.take(delivery);
                delivery.to(&store).await;
            }
            drop(store);
            copied(&from, &to);
            let (store, copy) = (from.open(), to.open());
            for delivery in &after {
                let id = Delivery::new_id();
                let there = delivery.try_as(id, &store).await.unwrap();
                let here = delivery.try_as(id, &copy).await.unwrap();
                assert_eq!(here, there);
                let Appended::New(receipt) = here else {
                    unreachable!()
                };
                assert_eq!(
                    (receipt.counts, receipt.revised_not_counting),
                    model.take(delivery)
                );
            }
            crate::model::assert_agrees(&copy, &model, &[hours(0, 72), HourInterval::ALWAYS]).await;
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_known_before_is_known_after() {
    for (from, to) in ways() {
        fill(&from.open()).await;
        copied(&from, &to);
        let (original, copy) = (from.open(), to.open());
        let again = keyed(2);
        assert!(matches!(again.answered_by(&copy).await, Appended::Repeated(_)));
        let other = keyed(2).with_key("c", 2);
        assert!(matches!(
            other.answered_by(&copy).await,
            Appended::KeyReused { .. }
        ));
        assert_eq!(waiting(&copy).await, waiting(&original).await);
        let last = waiting(&copy).await.pop().unwrap().position;
        let mixed = [record("/vm/new", 3, "1"), of_day(record("/vm/new", 0, "1"))];
        Delivery::new(mixed).to(&copy).await;
        let now = waiting(&copy).await;
        assert_eq!(now.iter().filter(|it| it.position > last).count(), 1);
        assert_eq!(copy.usage.watermark(stack(1)).await.unwrap(), Some(hour(2)));
        enter(&copy, 3, b"next").await;
        assert_eq!(copy.journal.read_after(0, 100).await.unwrap().len(), 4);
        assert_eq!(
            copy.sessions.page(None, 100).await.unwrap(),
            [1, 2, 3].map(session)
        );
        assert_eq!(copy.sessions.operators_seen().await.unwrap().len(), 3);
        assert_sound(&copy).await;
    }
}

fn assert_unfinished(place: &Place) {
    let opened = store::open(&place.config).map(|_| ());
    assert!(matches!(opened, Err(StoreError::Unfinished { .. })), "{opened:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_cut_off_anywhere_is_opened_by_nobody_and_goes_on_where_it_ended() {
    for (from, to) in ways() {
        fill(&from.open()).await;
        let mut cut_offs = 0;
        loop {
            let mut steps = 0;
            let cut = &mut |_| {
                steps += 1;
                if steps > cut_offs {
                    resume_unwind(Box::new("cut off"));
                }
            };
            match catch_unwind(AssertUnwindSafe(|| store::copy(&from.config, &to.config, cut))) {
                Err(_) => assert_unfinished(&to),
                Ok(done) => {
                    let done = done.unwrap();
                    assert_eq!(done.in_source(), done.in_target());
                    break;
                }
            }
            if cut_offs == 10 {
                // What is not there yet and what is there already change: a delivery about both.
                let records = (60..80).map(|vm| record(&format!("/vm/{vm}"), vm % 3, "7.5"));
                Delivery::new(records).reported(200).to(&from.open()).await;
                from.open().sessions.end(vec![session(1).id]).await.unwrap();
            }
            cut_offs += 5;
        }
        assert!(cut_offs > 30, "{cut_offs}");
        let copy = to.open();
        assert_sound(&copy).await;
        assert_eq!(copy.sessions.page(None, 100).await.unwrap(), [2, 3].map(session));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_in_a_copy_is_found_and_named() {
    let (of_state, of_facts) = (
        "UPDATE stack SET sequence = sequence + 1 WHERE id = 1",
        "UPDATE batch SET duplicate = 5 WHERE sequence = 2",
    );
    let no_hour = "DELETE FROM hour_sheet WHERE hour = (SELECT min(hour) FROM hour_sheet)";
    let one_more = "INSERT INTO series_attributes (series, from_hour, attributes) VALUES (64, 1, 1)";
    for (statement, record, how) in [
        (of_state, "`stack` 1", "is not what it is in the source"),
        (of_facts, "`batch` ", "is not what it is in the source"),
        (no_hour, "`hour_sheet` 497304, ", "is missing"),
        (one_more, "`series_attributes` 64, 1", "is not in the source"),
    ] {
        for (from, to) in (0..=1).filter_map(way) {
            fill(&from.open()).await;
            let tamper = &mut |step| {
                if matches!(
                    step,
                    CopyStep::Begins {
                        what: "comparing",
                        ..
                    }
                ) {
                    to.execute(statement);
                }
            };
            let refused = store::copy(&from.config, &to.config, tamper).unwrap_err();
            let CopyError::Different { first, count } = &refused else {
                panic!("{statement}: {refused}");
            };
            assert_eq!(usize::try_from(*count).unwrap(), first.len());
            let named = |it: &String| it.starts_with(record) && it.ends_with(how);
            assert!(first.iter().all(named), "{statement}: {first:?}");
            assert_unfinished(&to);
            match copy(&from, &to) {
                // Facts do not change: it may be the copy of another store.
                Err(CopyError::OfAnother { record }) => {
                    assert!(statement == of_facts && record.starts_with("`batch`"));
                }
                other => assert_eq!(
                    other.unwrap().in_target(),
                    copied(&from, &Place::embedded()).in_source()
                ),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_contradicts_itself_is_not_called_a_good_copy() {
    let (from, to) = (Place::embedded(), Place::embedded());
    fill(&from.open()).await;
    from.execute("UPDATE day_sheet SET body = (SELECT body FROM day_sheet ORDER BY day DESC LIMIT 1)");
    let refused = copy(&from, &to).unwrap_err();
    assert!(
        matches!(&refused, CopyError::Unsound(problems) if !problems.is_empty()),
        "{refused}"
    );
    assert_unfinished(&to);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_while_a_copy_is_made_is_not_lost_with_it() {
    let Some(from) = Place::postgres() else { return };
    let to = Place::embedded();
    let server = from.open();
    fill(&server).await;
    for (number, during) in ["copying", "comparing"].into_iter().enumerate() {
        let runtime = tokio::runtime::Handle::current();
        let delivery = Delivery::new([record("/vm/1", 30, "1"), record("/vm/late", 0, "1")]);
        let deliver = &mut |step| {
            if matches!(step, CopyStep::Begins { what, .. } if what == during) {
                runtime.block_on(delivery.to(&server));
                runtime.block_on(enter(&server, 3 + number as u64, b"late"));
            }
        };
        let refused =
            tokio::task::block_in_place(|| store::copy(&from.config, &to.config, deliver)).unwrap_err();
        let moved = matches!(
            refused,
            CopyError::Moved {
                entries: 1,
                deliveries: 1
            }
        );
        assert!(moved, "{refused}");
        assert_unfinished(&to);
    }
    let signing_out = &mut |step| {
        if matches!(
            step,
            CopyStep::Begins {
                what: "comparing",
                ..
            }
        ) {
            let ended = server.sessions.end(vec![session(2).id]);
            tokio::runtime::Runtime::new().unwrap().block_on(ended).unwrap();
        }
    };
    let refused = store::copy(&from.config, &to.config, signing_out).unwrap_err();
    assert!(
        matches!(
            refused,
            CopyError::Moved {
                entries: 0,
                deliveries: 0
            }
        ),
        "{refused}"
    );
    drop(server);
    copied(&from, &to);
    let copy = to.open();
    assert_eq!(copy.journal.read_after(0, 100).await.unwrap().len(), 5);
    assert_eq!(sum(&copy, slice(subscription(1, 1), hours(30, 31))).await, "1");
    assert_eq!(copy.sessions.page(None, 100).await.unwrap(), [1, 3].map(session));
    assert_sound(&copy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_copied_into_what_is_no_copy_of_it() {
    for (from, to) in ways() {
        assert!(matches!(copy(&from, &from), Err(CopyError::SameStore)));
        fill(&from.open()).await;
        enter(&to.open(), 0, b"of somebody else").await;
        let refused = copy(&from, &to).unwrap_err();
        assert!(
            matches!(refused, CopyError::NotEmpty { table: "entry" }),
            "{refused}"
        );
        assert_eq!(
            to.open().journal.read_after(0, 10).await.unwrap().len(),
            1,
            "it is as it was"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_copy_of_another_store_is_not_finished_with_this_one() {
    for (from, to) in ways() {
        fill(&from.open()).await;
        let other = Place::embedded();
        enter(&other.open(), 0, b"of somebody else").await;
        let cut = &mut |step| {
            if matches!(
                step,
                CopyStep::Begins {
                    what: "comparing",
                    ..
                }
            ) {
                resume_unwind(Box::new("cut off"));
            }
        };
        catch_unwind(AssertUnwindSafe(|| store::copy(&other.config, &to.config, cut))).unwrap_err();
        let refused = copy(&from, &to).unwrap_err();
        assert!(
            matches!(&refused, CopyError::OfAnother { record } if record == "`entry` 1"),
            "{refused}"
        );
        assert!(matches!(
            copy(&to, &Place::embedded()),
            Err(CopyError::Source(StoreError::Unfinished { .. }))
        ));
        copied(&other, &to);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_not_there_is_not_made_and_one_in_use_is_not_read() {
    let (from, to) = (Place::embedded(), Place::embedded());
    assert!(matches!(copy(&from, &to), Err(CopyError::NoStore)));
    let StoreConfig::Sqlite { directory } = &from.config else {
        unreachable!()
    };
    assert_eq!(std::fs::read_dir(directory).unwrap().count(), 0);
    let server = from.open();
    assert!(matches!(
        copy(&from, &to),
        Err(CopyError::Source(StoreError::InUse { .. }))
    ));
    drop(server);
    let server = to.open();
    assert!(matches!(
        copy(&from, &to),
        Err(CopyError::Target(StoreError::InUse { .. }))
    ));
    drop(server);
    let Some(database) = Postgres::new() else { return };
    let empty = database.empty();
    let refused = store::copy(&empty.config(), &to.config, &mut |_| ()).unwrap_err();
    assert!(matches!(refused, CopyError::NoStore), "{refused}");
    assert_eq!(
        empty
            .execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
            .trim(),
        "0"
    );
    drop(store::copy(&from.config, &empty.config(), &mut |_| ()).unwrap());
    drop(store::open(&empty.config()).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_do_not_copy_into_one_database_at_a_time() {
    let (from, Some(to)) = (Place::embedded(), Place::postgres()) else {
        return;
    };
    fill(&from.open()).await;
    let other = Place::embedded();
    fill(&other.open()).await;
    let mut second = Vec::new();
    let meanwhile = &mut |step| {
        if matches!(step, CopyStep::Begins { .. }) {
            second.push(copy(&other, &to).unwrap_err().to_string());
        }
    };
    store::copy(&from.config, &to.config, meanwhile).unwrap();
    assert_eq!(
        second.len(),
        4,
        "as long as the first one works, statistics and all"
    );
    assert!(
        second.iter().all(|it| it.contains("somebody else is copying")),
        "{second:?}"
    );
}

const FROM: &str = "COPY_TEST_FROM";
const TO: &str = "COPY_TEST_TO";
const STEPS: &str = "COPY_TEST_STEPS";

#[expect(
    clippy::disallowed_methods,
    reason = "the arguments belong to the test harness"
)]
fn argument(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
#[ignore = "started by the test that kills it"]
fn a_process_that_copies_until_it_is_killed() {
    let (Some(from), Some(to), Some(steps)) = (argument(FROM), argument(TO), argument(STEPS)) else {
        return;
    };
    let mut left: usize = steps.parse().unwrap();
    let to = to.parse().unwrap_or_else(|_| embedded(Path::new(&to)));
    let done = store::copy(&embedded(Path::new(&from)), &to, &mut |_| {
        // Not `println!`: the test harness would keep it.
        let mut output = std::io::stdout().lock();
        writeln!(output, "step").and_then(|()| output.flush()).unwrap();
        left -= 1;
        if left == 0 {
            // However late whoever kills it is, it is not done before. Whoever started it and is gone kills nobody.
            let _ = std::io::stdin().read_line(&mut String::new());
            panic!("nobody has killed it");
        }
    });
    done.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_while_it_copies_costs_nothing_but_time() {
    let from = tempfile::tempdir().unwrap();
    let store = store::open(&embedded(from.path())).unwrap();
    for hour in 0..30 {
        let records = (0..1000).map(|vm| record(&format!("/vm/{vm}"), hour, "0.25"));
        Delivery::new(records).to(&store).await;
    }
    drop(store);
    let into = tempfile::tempdir().unwrap();
    let database = Postgres::new();
    let mut targets = vec![(into.path().display().to_string(), embedded(into.path()))];
    targets.extend(database.iter().map(|it| (it.url(), it.config())));
    for (text, config) in targets {
        for enough in [2, 9, 17] {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args([
                    "copy::a_process_that_copies_until_it_is_killed",
                    "--exact",
                    "--ignored",
                    "--nocapture",
                ])
                .env(FROM, PathBuf::from(from.path()))
                .env(TO, &text)
                .env(STEPS, (enough + 2).to_string())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let output = BufReader::new(child.stdout.take().unwrap());
            let mut steps = output
                .lines()
                .map_while(Result::ok)
                .filter(|line| line.contains("step"));
            assert_eq!(steps.by_ref().take(enough).count(), enough);
            child.kill().unwrap();
            child.wait().unwrap();
            if let StoreConfig::Postgres(_) = config {
                let nobody =
                    "SELECT (count(*) = 1)::integer FROM pg_stat_activity WHERE datname = current_database()";
                database.iter().for_each(|it| it.wait_until(nobody));
            }
            let opened = store::open(&config).map(|_| ());
            assert!(matches!(opened, Err(StoreError::Unfinished { .. })), "{opened:?}");
        }
        let copied = store::copy(&embedded(from.path()), &config, &mut |_| ()).unwrap();
        assert_eq!(copied.records, 30_000);
        assert_sound(&store::open(&config).unwrap()).await;
    }
}
