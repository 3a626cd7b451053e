use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use clap::Parser;
use serde_json::{Value, json};
use wire::api::PurgeQuarantined;

use super::*;
use crate::commands::quarantine::at;
use crate::printer::Format;
use crate::printer::tests::captured;

/// Answers requests, each from what it is and how many there were before of its method. Says what was sent with POST.
fn server(answer: fn(&str, usize) -> Value) -> (Client, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let posted: Arc<Mutex<Vec<Value>>> = Arc::default();
    let sent = Arc::clone(&posted);
    std::thread::spawn(move || {
        let mut listed = 0;
        for connection in listener.incoming() {
            let (request, body, mut connection) = request(connection.unwrap());
            let before = match body {
                Some(body) => {
                    sent.lock().unwrap().push(body);
                    sent.lock().unwrap().len() - 1
                }
                None => {
                    listed += 1;
                    listed - 1
                }
            };
            let answer = answer(&request, before).to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            write!(
                connection,
                "{head}\r\ncontent-length: {}\r\n\r\n{answer}",
                answer.len()
            )
            .unwrap();
        }
    });
    (Client::builder(&url).build().unwrap(), posted)
}

/// The first line of a request, and what was sent with it.
fn request(connection: TcpStream) -> (String, Option<Value>, TcpStream) {
    let mut reader = BufReader::new(connection);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_ascii_lowercase());
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
    let body = length.map(|length| {
        let mut body = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    });
    (head.remove(0), body, reader.into_inner())
}

fn record(position: u64) -> Value {
    json!({
        "position": position, "cloudId": "s", "batchId": "b", "receivedAt": "2026-10-01T00:00:00Z",
        "reported": "2026-10-01T00:00:00Z", "index": 0, "state": "waiting", "code": "InvalidQuantity", "message": "m",
        "raw": "r",
    })
}

/// All of one reason, without asking.
fn all(options: &[&str]) -> ActArgs {
    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        act: ActArgs,
    }
    let line = [
        "release",
        "--code",
        "InvalidQuantity",
        "--reason",
        "a test",
        "--yes",
    ];
    Line::parse_from(line.iter().chain(options)).act
}

const WORDS: Words = Words {
    done: "purged",
    question: "Remove them?",
};

#[tokio::test]
async fn records_that_came_after_none_were_found_would_be_removed_for_good_and_nobody_would_have_seen_them() {
    let (client, posted) = server(|request, before| {
        if request.starts_with("post") {
            return json!({ "dryRun": false, "purged": [1], "gone": [] });
        }
        // Nothing waits when it is counted, and one record a moment later.
        let value: Vec<Value> = (0..before.min(1)).map(|_| record(1)).collect();
        json!({ "value": value })
    });
    let (printer, data, _) = captured(Format::Table, false);
    let ask = async |positions: Vec<u64>, dry_run| {
        let request = PurgeQuarantined {
            records: at(positions),
            reason: "a test".to_owned(),
            dry_run,
        };
        client.purge_quarantined(&request).await
    };
    act(&client, &all(&["--expect", "0"]), &printer, &WORDS, ask)
        .await
        .unwrap();
    assert_eq!(*posted.lock().unwrap(), Vec::<Value>::new());
    assert_eq!(data.text(), "0 records purged\n");
    // What is found is done, and counted by what was found.
    let few = act(&client, &all(&["--expect", "2"]), &printer, &WORDS, ask).await;
    assert_eq!(few.map(drop).unwrap_err().code(), "QuarantineCountDiffers");
    act(&client, &all(&["--expect", "1"]), &printer, &WORDS, ask)
        .await
        .unwrap();
    assert_eq!(posted.lock().unwrap()[0]["records"]["positions"], json!([1]));
}

#[tokio::test]
async fn whoever_released_many_would_not_know_that_half_of_them_are_charged_when_the_other_half_failed() {
    let (client, posted) = server(|request, before| {
        let released = |count: u64, left: &[u64]| {
            let batch = json!({
                "batchId": "b", "cloudId": "s", "reported": "2026-10-01T00:00:00Z", "accepted": count, "duplicate": 0,
                "revised": 0,
            });
            let stopped =
                json!({ "code": "StorageUnavailable", "message": "The storage failed.", "left": left });
            let stopped = if left.is_empty() { Value::Null } else { stopped };
            let waits = |position| json!({ "position": position, "code": "StorageUnavailable", "message": "It failed." });
            let waiting: Vec<Value> = left.iter().map(waits).collect();
            json!({
                "dryRun": false, "released": count, "batches": [batch], "waiting": waiting, "gone": [], "stopped": stopped,
            })
        };
        match (request.starts_with("post"), before) {
            (false, _) if request.contains("skiptoken") => {
                json!({ "value": (4..=6).map(record).collect::<Vec<_>>() })
            }
            (false, _) => json!({
                "value": (1..=3).map(record).collect::<Vec<_>>(), "nextLink": "https://x/api/v1/quarantine?skipToken=3",
            }),
            (true, 0) => released(3, &[]),
            (true, _) => released(1, &[5, 6]),
        }
    });
    let (printer, data, notes) = captured(Format::Json, false);
    let ask = async |positions: Vec<u64>, dry_run| {
        let request = wire::api::ReleaseQuarantined {
            records: at(positions),
            mended: Vec::new(),
            reason: "a test".to_owned(),
            dry_run,
        };
        client.release_quarantined(&request).await
    };
    let words = Words {
        done: "released",
        ..WORDS
    };
    let failure = act(&client, &all(&[]), &printer, &words, ask)
        .await
        .map(drop)
        .unwrap_err();
    assert_eq!((failure.code(), failure.exit_code()), ("StorageUnavailable", 1));
    assert_eq!(posted.lock().unwrap().len(), 2);
    for said in [
        "Before it failed, 4 records released: 4 accepted",
        "2 of 6 records were not reached. Repeat the same command",
    ] {
        assert!(notes.text().contains(said), "{}", notes.text());
    }
    assert!(
        !notes.text().contains("waits on"),
        "what is left is told once: {}",
        notes.text()
    );
    let answers: Value = serde_json::from_str(&data.text()).unwrap();
    assert_eq!(
        answers[1]["stopped"]["left"],
        json!([5, 6]),
        "what was answered is there"
    );
}

#[test]
fn a_slip_in_a_mended_quantity_would_replace_what_counted_and_nobody_would_be_told_before_it_is_charged() {
    let lines = |revised: u32, not_counting: Option<u32>| {
        let answer: QuarantineReleased = serde_json::from_value(json!({
            "dryRun": true, "released": revised, "waiting": [], "gone": [],
            "batches": [{
                "batchId": "b", "cloudId": "s", "reported": "2026-10-05T12:00:00Z", "accepted": 0, "duplicate": 0,
                "revised": revised, "revisedNotCounting": not_counting,
            }],
        }))
        .unwrap();
        let mut sums = Sums::default();
        assert!(answer.add_to(&mut sums).is_none());
        sums.lines
    };
    let told =
        "1 revised record of s, reported at 2026-10-05T12:00:00Z: in place of another quantity that counted";
    assert_eq!(lines(1, Some(0)), [told]);
    assert_eq!(lines(2, Some(1)), [told]);
    for nothing in [lines(0, Some(0)), lines(1, Some(1)), lines(1, None)] {
        assert_eq!(nothing, Vec::<String>::new());
    }
}
