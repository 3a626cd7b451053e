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
        refused_unasked: [HourInterval::new(start.plus(-30), start.plus(-29)).unwrap()]
            .into_iter()
            .collect(),
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

const OF_FORM_1: &str = r#"
    {"version":1,"cloudId":"5bf881b2-6be7-42a1-9f47-d6fcb6737747","start":"2026-10-01T00:00:00Z",
    "readThrough":"2026-10-01T07:00:00Z","acknowledgedThrough":"2026-10-01T05:00:00Z","committed":{"segment":3,
    "offset":77},"acknowledged":{"segment":1,"offset":0},"backfills":[{"from":"2026-09-29T00:00:00Z",
    "to":"2026-10-01T00:00:00Z","next":"2026-09-30T21:00:00Z"}],
    "seen":{"2026-10-01T06:00:00Z":["a2eec37a71655d9253a469d9dd2f7617","48a8ee58ccc868349f4f8a3c3dcfe510"]},
    "totals":{"batches":0,"accepted":4,"duplicate":0,"revised":0,"quarantined":0}}
"#;
const OF_FORM_2: &str = r#"
    {"version":2,"cloudId":"5bf881b2-6be7-42a1-9f47-d6fcb6737747","start":"2026-10-01T00:00:00Z",
    "readThrough":"2026-10-01T07:00:00Z","acknowledgedThrough":"2026-10-01T05:00:00Z","committed":{"segment":3,
    "offset":77},"acknowledged":{"segment":1,"offset":0},"backfills":[{"from":"2026-09-29T00:00:00Z",
    "to":"2026-10-01T00:00:00Z","next":"2026-09-30T21:00:00Z"}],"refused":["2026-09-29T18:00:00Z",
    "2026-09-29T19:00:00Z"],"withdrawals":2,"seen":{"2026-10-01T06:00:00Z":["a2eec37a71655d9253a469d9dd2f7617",
    "48a8ee58ccc868349f4f8a3c3dcfe510"]},"totals":{"batches":0,"accepted":4,"duplicate":0,"revised":0,
    "quarantined":0},"waypoints":[{"receipts":"3:0707070707070707070707070707070707070707070707070707070707070707,
    4:0707070707070707070707070707070707070707070707070707070707070707","windows":[["2026-10-01T00:00:00Z",
    "2026-10-01T01:00:00Z"],["2026-10-01T03:00:00Z","2026-10-01T04:00:00Z"]],"level":1},
    {"receipts":"5:0707070707070707070707070707070707070707070707070707070707070707",
    "windows":[["2026-10-01T04:00:00Z","2026-10-01T05:00:00Z"]],"level":0}],"lost":[{"from":"2026-09-30T15:00:00Z",
    "to":"2026-09-30T20:00:00Z","next":"2026-09-30T17:00:00Z"}],"undeclared":{"segment":2,"offset":9}}
"#;
/// The same form, as it was written with members that it did not have at first.
const OF_FORM_2_WITH_MORE: &str = r#"
    {"version":2,"cloudId":"5bf881b2-6be7-42a1-9f47-d6fcb6737747","start":"2026-10-01T00:00:00Z",
    "readThrough":"2026-10-01T07:00:00Z","acknowledgedThrough":"2026-10-01T05:00:00Z","committed":{"segment":3,
    "offset":77},"acknowledged":{"segment":1,"offset":0},"backfills":[{"from":"2026-09-29T00:00:00Z",
    "to":"2026-10-01T00:00:00Z","next":"2026-09-30T21:00:00Z","beforeStart":true}],
    "refused":["2026-09-29T18:00:00Z","2026-09-29T19:00:00Z"],"withdrawals":2,
    "seen":{"2026-10-01T06:00:00Z":["a2eec37a71655d9253a469d9dd2f7617","48a8ee58ccc868349f4f8a3c3dcfe510"]},
    "totals":{"batches":0,"accepted":4,"duplicate":0,"revised":0,"quarantined":0},
    "waypoints":[{"receipts":"3:0707070707070707070707070707070707070707070707070707070707070707,
    4:0707070707070707070707070707070707070707070707070707070707070707","windows":[["2026-10-01T00:00:00Z",
    "2026-10-01T01:00:00Z"],["2026-10-01T03:00:00Z","2026-10-01T04:00:00Z"]],"level":1},
    {"receipts":"5:0707070707070707070707070707070707070707070707070707070707070707",
    "windows":[["2026-10-01T04:00:00Z","2026-10-01T05:00:00Z"]],"level":0}],"lost":[{"from":"2026-09-30T15:00:00Z",
    "to":"2026-09-30T20:00:00Z","next":"2026-09-30T17:00:00Z"}],"givenUp":[["2026-09-30T04:00:00Z",
    "2026-09-30T06:00:00Z"],["2026-10-01T01:00:00Z","2026-10-01T03:00:00Z"]],"undeclared":{"segment":2,"offset":9}}
"#;
const OF_FORM_3: &str = r#"
    {"version":3,"cloudId":"5bf881b2-6be7-42a1-9f47-d6fcb6737747","start":"2026-10-01T00:00:00Z",
    "readThrough":"2026-10-01T07:00:00Z","acknowledgedThrough":"2026-10-01T05:00:00Z","committed":{"segment":3,
    "offset":77},"acknowledged":{"segment":1,"offset":0},"backfills":[{"from":"2026-09-29T00:00:00Z",
    "to":"2026-10-01T00:00:00Z","next":"2026-09-30T21:00:00Z","beforeStart":true}],
    "refused":["2026-09-29T18:00:00Z","2026-09-29T19:00:00Z"],"withdrawals":2,
    "refusedUnasked":[["2026-09-29T18:00:00Z","2026-09-29T19:00:00Z"]],
    "seen":{"2026-10-01T06:00:00Z":["a2eec37a71655d9253a469d9dd2f7617","48a8ee58ccc868349f4f8a3c3dcfe510"]},
    "totals":{"batches":0,"accepted":4,"duplicate":0,"revised":0,"quarantined":0},
    "waypoints":[{"receipts":"3:0707070707070707070707070707070707070707070707070707070707070707,
    4:0707070707070707070707070707070707070707070707070707070707070707","windows":[["2026-10-01T00:00:00Z",
    "2026-10-01T01:00:00Z"],["2026-10-01T03:00:00Z","2026-10-01T04:00:00Z"]],"level":1},
    {"receipts":"5:0707070707070707070707070707070707070707070707070707070707070707",
    "windows":[["2026-10-01T04:00:00Z","2026-10-01T05:00:00Z"]],"level":0}],"lost":[{"from":"2026-09-30T15:00:00Z",
    "to":"2026-09-30T20:00:00Z","next":"2026-09-30T17:00:00Z"}],"givenUp":[["2026-09-30T04:00:00Z",
    "2026-09-30T06:00:00Z"],["2026-10-01T01:00:00Z","2026-10-01T03:00:00Z"]],"undeclared":{"segment":2,"offset":9}}
"#;

/// A cursor as it is kept, from JSON that is broken into lines here.
fn with_digest(json: &str) -> String {
    let json: String = json.lines().map(str::trim_start).collect();
    format!("{json}\n{}\n", blake3::hash(json.as_bytes()))
}

/// What the forms could hold that had less.
fn of_form_2() -> Cursor {
    let asked_for = |it: Backfill| Backfill {
        is_before_start: false,
        ..it
    };
    Cursor {
        backfills: cursor().backfills.into_iter().map(asked_for).collect(),
        refused_unasked: Hours::default(),
        given_up: Hours::default(),
        ..cursor()
    }
}

fn of_form_1() -> Cursor {
    Cursor {
        refused: BTreeSet::new(),
        withdrawals: 0,
        waypoints: Waypoints::default(),
        lost: Vec::new(),
        undeclared: Position::FIRST,
        ..of_form_2()
    }
}

#[test]
fn an_older_bridge_would_have_called_what_a_newer_one_wrote_damaged() {
    for (json, cursor) in [
        (OF_FORM_1, of_form_1()),
        (OF_FORM_2, of_form_2()),
        (OF_FORM_3, cursor()),
    ] {
        assert_eq!(
            cursor.encode().unwrap(),
            with_digest(json),
            "in the lowest form that can hold it"
        );
        assert_eq!(Cursor::decode(with_digest(json).as_bytes()), Ok(cursor));
    }
    // Each of what is new alone.
    let each = [
        Cursor {
            given_up: cursor().given_up,
            ..of_form_1()
        },
        Cursor {
            refused_unasked: cursor().refused_unasked,
            ..of_form_1()
        },
        Cursor {
            backfills: cursor().backfills,
            ..of_form_1()
        },
    ];
    for cursor in each {
        let text = cursor.encode().unwrap();
        assert!(text.starts_with("{\"version\":3,"), "{text}");
    }
    let each = [
        Cursor {
            refused: cursor().refused,
            ..of_form_1()
        },
        Cursor {
            withdrawals: 1,
            ..of_form_1()
        },
        Cursor {
            waypoints: cursor().waypoints,
            ..of_form_1()
        },
        Cursor {
            lost: cursor().lost,
            ..of_form_1()
        },
        Cursor {
            undeclared: cursor().undeclared,
            ..of_form_1()
        },
    ];
    for cursor in each {
        let text = cursor.encode().unwrap();
        assert!(text.starts_with("{\"version\":2,"), "{text}");
    }
}

#[test]
fn a_cursor_with_members_that_its_form_did_not_have_at_first_would_have_cost_the_spool() {
    let read = Cursor::decode(with_digest(OF_FORM_2_WITH_MORE).as_bytes()).unwrap();
    let expected = Cursor {
        refused_unasked: Hours::default(),
        ..cursor()
    };
    assert_eq!(read, expected);
    let text = read.encode().unwrap();
    assert!(text.starts_with("{\"version\":3,"), "{text}");
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
    let json = OF_FORM_3.replace("\"version\":3", "\"version\":4,\"new\":1");
    assert_eq!(
        Cursor::decode(with_digest(&json).as_bytes()),
        Err(InvalidCursor::Newer(4))
    );
}

#[test]
fn a_cursor_of_before_receipts_were_remembered_would_have_cost_the_spool() {
    let mut read = Cursor::decode(with_digest(OF_FORM_1).as_bytes()).unwrap();
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
    let given_up: Vec<_> = cursor
        .give_up_lost(&[left].into_iter().collect())
        .intervals()
        .collect();
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
}

#[test]
fn a_lost_hour_that_the_stack_refused_would_be_forgotten_with_what_somebody_asked_for() {
    let mut cursor = cursor();
    let (asked_for, lost) = (cursor.start.plus(-29), cursor.start.plus(-30));
    assert_eq!(cursor.refused, [lost, asked_for].into());
    // It was asked for again, which is taken back.
    cursor.refused.remove(&lost);
    cursor.withdraw_backfills();
    assert_eq!(cursor.refused, [lost].into());
    let kept = Cursor::decode(cursor.encode().unwrap().as_bytes()).unwrap();
    assert_eq!(kept, cursor);
    let shown: Hours = HourInterval::new(lost, asked_for).into_iter().collect();
    assert_eq!(cursor.give_up_lost(&shown), shown, "it can be given up");
    assert!(cursor.refused.is_empty() && cursor.refused_unasked.is_empty());
    assert!(cursor.given_up.contains(lost));
    cursor.was_read(lost);
    assert!(!cursor.given_up.contains(lost));
}

#[test]
fn a_month_of_refused_hours_would_have_held_a_range_that_asks_for_them_again() {
    let mut cursor = cursor();
    let start = cursor.start;
    let month = i32::try_from(REFUSED_HOURS_MAX).unwrap();
    (0..month).for_each(|hour| cursor.refuse(start.plus(hour), false));
    cursor.refused.clear();
    assert!(cursor.cannot_remember_refused(start.plus(month)));
    assert!(!cursor.cannot_remember_refused(start));
}
