//! What is kept through anything, and what a lost receipt makes of it.

use wire::api::KnownReceipt;

use super::*;

fn receipt(sequence: u64) -> KnownReceipt {
    KnownReceipt {
        sequence,
        chain: [7; 32],
    }
}

fn given_up(start: Hour) -> Hours {
    let mut hours = Hours::default();
    hours.add(HourInterval::new(start.plus(-20), start.plus(-18)).unwrap());
    hours.add(HourInterval::new(start.plus(1), start.plus(3)).unwrap());
    hours
}

fn cursor() -> Cursor {
    let hour = |text: &str| text.parse::<Hour>().unwrap();
    let cloud_id = "5bf881b2-6be7-42a1-9f47-d6fcb6737747".parse().unwrap();
    let start = hour("2026-10-01T00:00:00Z");
    let mut waypoints = Waypoints::default();
    waypoints.acknowledged(
        &[receipt(3), receipt(4)],
        [start, start.plus(3)].into_iter(),
        true,
    );
    waypoints.acknowledged(&[receipt(5)], [start.plus(4)].into_iter(), false);
    Cursor {
        read_through: start.plus(7),
        acknowledged_through: Some(start.plus(5)),
        committed: Position {
            segment: 3,
            offset: 77,
        },
        backfills: vec![Backfill {
            range: HourInterval::new(start.plus(-48), start).unwrap(),
            next: start.plus(-3),
            is_before_start: true,
        }],
        refused: [start.plus(-30), start.plus(-29)].into(),
        withdrawals: 2,
        seen: [(start.plus(6), vec![PageDigest::of(b"a"), PageDigest::of(b"b")])].into(),
        totals: Totals {
            accepted: 4,
            ..Totals::default()
        },
        waypoints,
        lost: vec![Backfill {
            range: HourInterval::new(start.plus(-9), start.plus(-4)).unwrap(),
            next: start.plus(-7),
            is_before_start: false,
        }],
        given_up: given_up(start),
        undeclared: Position {
            segment: 2,
            offset: 9,
        },
        ..Cursor::new(cloud_id, start)
    }
}

#[test]
fn a_cursor_reads_back_as_it_was_written() {
    let text = cursor().encode().unwrap();
    assert_eq!(Cursor::decode(text.as_bytes()), Ok(cursor()));
}

#[test]
fn a_cursor_of_before_hours_could_be_refused_would_have_cost_the_spool() {
    let before = Cursor {
        refused: BTreeSet::new(),
        withdrawals: 0,
        given_up: Hours::default(),
        ..cursor()
    };
    let text = before.encode().unwrap();
    // Where nothing was refused or taken back, an older bridge reads it too.
    assert!(
        !["refused", "withdrawals", "givenUp"]
            .iter()
            .any(|it| text.contains(it)),
        "{text}"
    );
    assert_eq!(Cursor::decode(text.as_bytes()), Ok(before));
}

#[test]
fn a_cursor_that_anything_happened_to_is_refused() {
    let text = cursor().encode().unwrap().into_bytes();
    for at in 0..text.len() - 1 {
        let mut damaged = text.clone();
        damaged[at] ^= 1;
        assert!(Cursor::decode(&damaged).is_err(), "byte {at}");
        assert!(Cursor::decode(&text[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn a_cursor_of_a_newer_version_is_not_guessed_at() {
    let json = cursor().encode().unwrap();
    let json = json
        .lines()
        .next()
        .unwrap()
        .replace("\"version\":2", "\"version\":3,\"new\":1");
    let text = format!("{json}\n{}\n", blake3::hash(json.as_bytes()));
    assert_eq!(Cursor::decode(text.as_bytes()), Err(InvalidCursor::Newer(3)));
}

#[test]
fn a_cursor_of_before_receipts_were_remembered_would_have_cost_the_spool() {
    let json = cursor().encode().unwrap();
    let mut json: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    let fields = json.as_object_mut().unwrap();
    for new in ["waypoints", "lost", "undeclared"] {
        fields.remove(new).unwrap();
    }
    fields.insert("version".to_owned(), 1.into());
    let json = json.to_string();
    let text = format!("{json}\n{}\n", blake3::hash(json.as_bytes()));
    let mut read = Cursor::decode(text.as_bytes()).unwrap();
    let before = Cursor {
        waypoints: Waypoints::default(),
        lost: Vec::new(),
        undeclared: Position::FIRST,
        ..cursor()
    };
    assert_eq!(read, before);
    // What it delivered before is not known by receipts: if the first that is known is lost, all of it may be.
    let start = read.start;
    read.waypoints
        .acknowledged(&[receipt(90)], [start.plus(6)].into_iter(), true);
    let lost: Vec<_> = read.go_back(None).intervals().collect();
    let whole = HourInterval::new(start, start.plus(5)).unwrap();
    assert_eq!(
        lost,
        [whole, HourInterval::new(start.plus(6), start.plus(7)).unwrap()]
    );
}

#[test]
fn an_hour_whose_first_pages_are_lost_would_be_declared_by_its_last_one() {
    let end = |offset| Position { segment: 3, offset };
    for (window, is_declared) in [(4, false), (5, true)] {
        let mut cursor = cursor();
        let window = cursor.start.plus(window);
        cursor.go_back(Some((window, end(40))));
        let undeclared = if is_declared { 9 } else { 40 };
        assert_eq!(cursor.undeclared.offset, undeclared, "{window}");
    }
}

#[test]
fn what_is_to_be_read_again_is_kept_when_more_turns_out_to_be_lost() {
    let mut cursor = cursor();
    let start = cursor.start;
    let ranges = |cursor: &Cursor| -> Vec<_> {
        let hours = |it: &Backfill| (it.next.epoch_hours() - start.epoch_hours(), it.range.hours());
        cursor.lost.iter().map(hours).collect()
    };
    cursor.go_back(None);
    assert_eq!(ranges(&cursor), [(-7, 3), (4, 1)]);
    cursor.go_back(None);
    assert_eq!(ranges(&cursor), [(-7, 3), (0, 5)], "everything from the start on");
    let given_up: Vec<_> = cursor.given_up.intervals().map(HourInterval::start).collect();
    assert_eq!(given_up, [start.plus(-20)], "what is read again is not given up");
    assert_eq!(cursor.backfills.len(), 1, "what somebody asked for goes on");
    assert!(cursor.waypoints.newest().is_empty());
}

#[test]
fn what_somebody_gave_up_would_not_be_known_by_anybody_afterwards() {
    let mut cursor = Cursor {
        given_up: Hours::default(),
        ..cursor()
    };
    let start = cursor.start;
    let left = HourInterval::new(start.plus(-7), start.plus(-4)).unwrap();
    let given_up: Vec<_> = cursor.give_up_lost().intervals().collect();
    assert_eq!(given_up, [left]);
    assert_eq!(cursor.lost, []);
    let kept = Cursor::decode(cursor.encode().unwrap().as_bytes()).unwrap();
    assert_eq!(kept.given_up.intervals().collect::<Vec<_>>(), [left]);
    assert_eq!(cursor.backfills.len(), 1, "what somebody asked for goes on");
}

#[test]
fn hours_before_the_start_would_be_taken_back_with_what_somebody_asked_for() {
    let mut cursor = cursor();
    let range = HourInterval::new(cursor.start.plus(-90), cursor.start.plus(-80)).unwrap();
    cursor.backfills = vec![Backfill::whole(range)];
    cursor.look_before_start(6);
    cursor.withdraw_backfills();
    let left: Vec<_> = cursor.backfills.iter().map(|it| it.range.start()).collect();
    assert_eq!(left, [cursor.start.plus(-6)]);
    assert!(cursor.refused.is_empty());
}
