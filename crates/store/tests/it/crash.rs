//! The embedded store in a process that is killed, and on a disk that is full.
//!
//! Each test starts this test binary once more, as a process that delivers and says on its standard output what was
//! acknowledged.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use domain::time::HourInterval;
use store::{Appended, Store, StoreConfig, StoreError};

use crate::fixtures::*;

const DIRECTORY: &str = "STORE_TEST_DIRECTORY";
const DELIVERERS: usize = 4;
const RECORDS: i32 = 200;

fn open(directory: &Path) -> Store {
    store::open(&StoreConfig::Sqlite {
        directory: directory.to_owned(),
    })
    .unwrap()
}

/// The delivery with this number: its records are its own, its key is its number.
fn delivery(number: i32) -> Delivery {
    let records =
        (0..RECORDS).map(|vm| tagged(&number.to_string(), record(&format!("/vm/{vm}"), number, "0.25")));
    let key: &'static str = Box::leak(number.to_string().into_boxed_str());
    Delivery::new(records).with_key(key, 1)
}

fn say(text: &str) {
    // Not `println!`: the test harness would keep it.
    let mut output = std::io::stdout().lock();
    writeln!(output, "{text}").and_then(|()| output.flush()).unwrap();
}

/// The directory, if this process is one that a test has started.
#[expect(
    clippy::disallowed_methods,
    reason = "the arguments belong to the test harness"
)]
fn directory() -> Option<String> {
    std::env::var(DIRECTORY).ok()
}

/// Starts this test binary to run one of its ignored tests, by way of `launcher`.
fn start(test: &str, directory: &Path, launcher: &[&str]) -> (Child, BufReader<ChildStdout>) {
    let this = std::env::current_exe().unwrap();
    let mut command = launcher.first().map_or_else(|| Command::new(&this), Command::new);
    command.args(launcher.iter().skip(1));
    if !launcher.is_empty() {
        command.arg(&this);
    }
    let arguments = [&format!("crash::{test}"), "--exact", "--ignored", "--nocapture"];
    command
        .args(arguments)
        .env(DIRECTORY, directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

/// The numbers that a process has acknowledged, one a line.
fn acknowledged(output: impl BufRead) -> impl Iterator<Item = i32> {
    output
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("stored ")?.parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the test that kills it"]
async fn a_process_that_delivers_until_it_is_killed() {
    let Some(directory) = directory() else { return };
    let store = open(Path::new(&directory));
    let deliver = |first: usize| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in (first..).step_by(DELIVERERS) {
                let number = i32::try_from(number).unwrap();
                delivery(number).to(&store).await;
                say(&format!("stored {number}"));
            }
        })
    };
    for task in (0..DELIVERERS).map(deliver).collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_crash_is_there_exactly_once() {
    for enough in [1, 40, 150] {
        let directory = tempfile::tempdir().unwrap();
        let (mut child, output) = start(
            "a_process_that_delivers_until_it_is_killed",
            directory.path(),
            &[],
        );
        let mut numbers = acknowledged(output);
        let mut stored: Vec<i32> = numbers.by_ref().take(enough).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        stored.extend(numbers);

        let store = open(directory.path());
        assert_sound(&store).await;
        let counts = audit(&store).await.counts;
        assert_eq!(
            counts.counted % RECORDS as u64,
            0,
            "a delivery is there as a whole or not at all"
        );
        for number in &stored {
            let answer = delivery(*number).answered_by(&store).await;
            assert!(
                matches!(answer, Appended::Repeated(_)),
                "{number} was acknowledged"
            );
        }
        let last = stored.iter().max().unwrap() + 1;
        for number in 0..last {
            delivery(number).answered_by(&store).await;
        }
        let total = format!("{}", RECORDS * last / 4);
        assert_eq!(
            sum(&store, slice(subscription(1, 1), hours(0, last))).await,
            total
        );
        assert_sound(&store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the test that gives it a small disk"]
async fn a_process_that_delivers_until_the_disk_is_full() {
    let Some(directory) = directory() else { return };
    let store = open(Path::new(&directory));
    let mut number = 0;
    let error = loop {
        match delivery(number).try_to(&store).await {
            Ok(_) => say(&format!("stored {number}")),
            Err(error) => break error,
        }
        number += 1;
    };
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    // What is left may hold the one page by which the store finds out whether it can write again, though no delivery. Until
    // then it is not ready, and however often it is wrong about it, nothing is acknowledged.
    let began = Instant::now();
    let refused = loop {
        assert!(delivery(number).try_to(&store).await.is_err(), "it is still full");
        match store.usage.ready().await {
            Err(error) => break error,
            Ok(()) => assert!(began.elapsed() < PATIENCE, "it says that it is ready"),
        }
    };
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused}");
    // Reading goes on.
    let everything = slice(subscription(1, 1), HourInterval::ALWAYS);
    assert_eq!(sum(&store, everything).await, format!("{}", RECORDS * number / 4));
    say("full");
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    // Nobody delivers to a server that is not ready: it has to find out by itself.
    assert_gets_ready(&store).await;
    for number in number..number + 10 {
        delivery(number).to(&store).await;
        say(&format!("stored {number}"));
    }
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_deliveries_loses_none_and_heals() {
    let directory = tempfile::tempdir().unwrap();
    // Files over the limit cannot be written: 4000 blocks of 512 bytes, or of 1 KiB in some shells.
    let launcher = ["sh", "-c", r#"trap "" XFSZ; ulimit -S -f 4000; exec "$0" "$@""#];
    let (mut child, output) = start(
        "a_process_that_delivers_until_the_disk_is_full",
        directory.path(),
        &launcher,
    );
    let mut lines = output.lines().map_while(Result::ok);
    let before = lines
        .by_ref()
        .take_while(|line| line != "full")
        .filter(|line| line.starts_with("stored"))
        .count();
    assert!(before > 0, "the limit is too small for one delivery");
    let lifted = Command::new("prlimit")
        .args(["--fsize=unlimited", "--pid", &child.id().to_string()])
        .status();
    assert!(lifted.unwrap().success());
    child.stdin.take().unwrap().write_all(b"go on\n").unwrap();
    let after = lines.filter(|line| line.starts_with("stored")).count();
    assert!(child.wait().unwrap().success());
    assert_eq!(after, 10);

    let store = open(directory.path());
    assert_sound(&store).await;
    let counts = audit(&store).await.counts;
    assert_eq!(counts.counted, (before + after) as u64 * RECORDS as u64);
}

#[test]
fn a_second_process_is_told_that_the_store_is_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let config = StoreConfig::Sqlite {
        directory: directory.path().to_owned(),
    };
    assert!(matches!(store::open(&config), Err(StoreError::InUse { .. })));
    drop(store);
    assert!(store::open(&config).is_ok());
}
