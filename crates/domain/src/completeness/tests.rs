use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::time::{Day, Timestamp};
use crate::usage::Granularity;

const STACK: CloudId = CloudId::from_bytes([6; 16]);
/// Midnight, and the first hour of the stack.
pub(super) const FIRST: i32 = 500_016;

pub(super) fn hour(after: i32) -> Hour {
    Hour::from_epoch_hours(FIRST + after).unwrap()
}

pub(super) fn hours(start: i32, end: i32) -> HourInterval {
    HourInterval::new(hour(start), hour(end)).unwrap()
}

pub(super) fn now(after: i32) -> Timestamp {
    hour(after).start()
}

/// What a stack declares that was read from its beginning up to an hour.
pub(super) fn through(after: Option<i32>) -> Declared {
    let hours = after.and_then(|after| declared_hours(None, hour(after)));
    hours.into_iter().collect()
}

/// A stack that is registered from the first hour on, with so many records in each hour.
pub(super) fn stack(counts: impl IntoIterator<Item = (i32, u64)>, reported_through: Option<i32>) -> Facts {
    let mut records = Records::default();
    for (after, count) in counts {
        records.add(hour(after), Granularity::Hour, count);
    }
    Facts {
        stack: STACK,
        duties: vec![(HourInterval::from(hour(0)), Duty::Reports)],
        declared: through(reported_through),
        arrivals: Arrivals::default(),
        records,
        bundles: None,
    }
}

pub(super) fn every_hour(of: std::ops::Range<i32>) -> impl Iterator<Item = (i32, u64)> {
    of.map(|after| (after, 100))
}

pub(super) fn without(
    missing: std::ops::Range<i32>,
    of: std::ops::Range<i32>,
) -> impl Iterator<Item = (i32, u64)> {
    every_hour(of).filter(move |(after, _)| !missing.contains(after))
}

pub(super) fn state(facts: &Facts, after: i32) -> HourState {
    facts.hours(hours(after, after + 1))[0].state
}

/// What is found in the hours of the stack up to a moment: kind, hours from and to, expected, received.
pub(super) fn found(facts: &Facts, at: i32) -> Vec<(&'static str, i32, i32, u64, u64)> {
    let of_all = facts.hours(hours(0, at));
    let found = findings(facts, &of_all, &Silence::default(), now(at));
    let after = |hour: Hour| hour.epoch_hours() - FIRST;
    found
        .iter()
        .filter(|it| it.begins)
        .map(|it| {
            (
                it.kind.code(),
                after(it.since()),
                after(it.until()),
                it.expected,
                it.received,
            )
        })
        .collect()
}

#[test]
fn a_lost_window_that_nobody_is_told_of_is_never_billed() {
    let facts = stack(without(150..156, 0..240), Some(240));
    assert_eq!(found(&facts, 241), [("Gap", 150, 156, 600, 0)]);
    for after in 150..156 {
        assert_eq!(state(&facts, after), HourState::Gap, "{after}");
    }
    assert_eq!(state(&facts, 149), HourState::Complete);
    assert!(!are_complete(&facts.hours(hours(0, 239))));
}

#[test]
fn late_records_heal_a_gap() {
    let mut facts = stack(without(150..156, 0..240), Some(240));
    for after in 150..156 {
        facts.records.add(hour(after), Granularity::Hour, 100);
    }
    assert_eq!(found(&facts, 241), []);
    assert!(are_complete(&facts.hours(hours(0, 240))));
}

#[test]
fn an_outage_of_weeks_does_not_become_usual_and_forgotten() {
    // Nobody says that there was nothing: later usage shows that something is missing.
    let outage = 240..240 + 24 * 30;
    let facts = stack(without(outage.clone(), 0..24 * 60), None);
    let gaps: Vec<_> = found(&facts, 24 * 60 + 1)
        .into_iter()
        .filter(|it| it.0 == "Gap")
        .collect();
    assert_eq!(gaps, [("Gap", outage.start, outage.end, 72_000, 0)]);
}

#[test]
fn hours_that_are_quiet_every_night_raise_no_alarm_every_night() {
    let by_day = every_hour(0..480).filter(|(after, _)| (8..20).contains(&(after % 24)));
    let facts = stack(by_day, Some(480));
    assert_eq!(found(&facts, 481), []);
    assert!(are_complete(&facts.hours(hours(0, 479))));
}

#[test]
fn the_hour_that_a_stack_is_about_to_report_is_no_gap() {
    // Reported time: the usage of an hour is reported in the hour after it.
    let facts = stack(every_hour(0..239), Some(240));
    assert_eq!(state(&facts, 239), HourState::NotYetDue);
    assert_eq!(found(&facts, 241), []);
    // Nor one that it always reports a few hours late.
    let read = |through| stack(every_hour(0..239), Some(through));
    assert_eq!(
        state(&read(240 + MISSED_AFTER_HOURS - 1), 239),
        HourState::NotYetDue
    );
    assert_eq!(state(&read(240 + MISSED_AFTER_HOURS), 239), HourState::Gap);
}

#[test]
fn a_stack_that_declares_nothing_shows_its_gaps_by_what_came_later() {
    let facts = stack(without(200..202, 0..209), None);
    assert_eq!(state(&facts, 201), HourState::Gap);
    assert_eq!(state(&facts, 203), HourState::Received);
    let facts = stack(without(200..202, 0..208), None);
    assert_eq!(
        (state(&facts, 200), state(&facts, 201)),
        (HourState::Gap, HourState::NotYetDue)
    );
}

#[test]
fn a_stack_that_says_nothing_any_more_is_told_of_once_and_not_every_hour() {
    let facts = stack(every_hour(0..240), Some(240));
    assert_eq!(found(&facts, 240 + FELL_BEHIND_AFTER_HOURS), []);
    let first = 240 + FELL_BEHIND_AFTER_HOURS + 1;
    let ids = (first..400).map(|at| {
        let of_all = facts.hours(hours(0, at));
        let found = findings(&facts, &of_all, &Silence::default(), now(at));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].kind, found[0].since()),
            (FindingKind::FellBehind, hour(240))
        );
        found[0].id()
    });
    assert_eq!(ids.collect::<std::collections::BTreeSet<_>>().len(), 1);
}

#[test]
fn a_stack_that_never_delivered_is_missed_from_its_registration_on() {
    let facts = stack([], None);
    assert_eq!(found(&facts, 6), []);
    assert_eq!(found(&facts, 9), [("FellBehind", 0, 9, 0, 0)]);
}

#[test]
fn nothing_is_missed_of_a_stack_that_need_not_report_or_is_not_registered() {
    for (duties, expected) in [
        (vec![], HourState::NotRegistered),
        (
            vec![(HourInterval::from(hour(0)), Duty::NotAsked)],
            HourState::NotAsked,
        ),
        (vec![(hours(0, 150), Duty::Reports)], HourState::NotRegistered),
    ] {
        let facts = Facts {
            duties,
            ..stack(every_hour(0..150), Some(160))
        };
        assert_eq!(state(&facts, 155), expected);
        let missing = findings(&facts, &facts.hours(hours(0, 400)), &Silence::default(), now(400));
        assert!(
            !missing.iter().any(|it| it.kind.is_missing_usage()),
            "{expected:?}"
        );
        assert!(are_complete(&facts.hours(hours(150, 400))), "{expected:?}");
    }
}

#[test]
fn half_of_the_usage_lost_is_a_drop_and_twice_as_much_a_jump() {
    for (count, expected) in [
        (49, Some("Drop")),
        (50, None),
        (100, None),
        (200, None),
        (201, Some("Jump")),
    ] {
        let counts = without(230..232, 0..240).chain([(230, count), (231, count)]);
        let kinds: Vec<_> = found(&stack(counts, Some(240)), 241)
            .into_iter()
            .map(|it| it.0)
            .collect();
        assert_eq!(kinds, expected.into_iter().collect::<Vec<_>>(), "{count}");
    }
}

#[test]
fn a_small_stack_is_not_alarmed_by_three_records_more() {
    let few = (0..240).map(|after| (after, if after == 230 { 9 } else { 2 }));
    assert_eq!(found(&stack(few, Some(240)), 241), []);
}

#[test]
fn what_was_seen_at_the_same_hour_of_another_day_is_in_the_usual_range() {
    // A job that runs on Sundays, say.
    let counts = every_hour(0..240)
        .map(|(after, count)| (after, if after == 30 || after == 222 { 900 } else { count }));
    let jumps: Vec<_> = found(&stack(counts, Some(240)), 241);
    assert_eq!(jumps, []);
}

#[test]
fn records_of_whole_days_cover_their_hours_and_are_due_after_the_day() {
    let mut facts = stack([], Some(24 * 9));
    for day in (0..9).filter(|day| *day != 6) {
        facts.records.add(hour(24 * day), Granularity::Day, 5);
    }
    let lost = [
        ("Gap", 24 * 6, 24 * 7, 120, 0),
        ("Reappeared", 24 * 6, 24 * 7, 0, 5),
    ];
    assert_eq!(found(&facts, 24 * 9 + 2), lost);
    assert_eq!(state(&facts, 24 * 5 + 13), HourState::Complete);
    // The day that goes on.
    facts.declared = through(Some(24 * 9 + 20));
    assert_eq!(found(&facts, 24 * 9 + 21), lost);
}

#[test]
fn with_two_days_of_history_nothing_is_usual_yet() {
    let facts = stack(without(50..52, 0..60), Some(60));
    assert_eq!(found(&facts, 61), []);
    assert_eq!(facts.hours(hours(50, 51))[0].usual, None);
}

#[test]
fn usage_that_comes_again_does_not_hide_what_is_still_missing() {
    let facts = stack(without(200..220, 0..240), Some(240));
    assert_eq!(
        found(&facts, 241),
        [("Gap", 200, 220, 2000, 0), ("Reappeared", 200, 220, 0, 100)]
    );
}

#[test]
fn a_finding_found_again_has_the_same_id_and_others_have_others() {
    let facts = stack(without(150..156, 0..200), Some(200));
    let gap = |facts: &Facts| {
        let found = findings(facts, &facts.hours(hours(0, 200)), &Silence::default(), now(201));
        found[0].id()
    };
    let first = gap(&facts);
    assert_eq!(first.to_string(), format!("{STACK}/Gap/{}", hour(150)));
    let grown = stack(without(150..158, 0..200), Some(200));
    assert_eq!(gap(&grown), first, "it grew");
    let other = stack(without(160..166, 0..200), Some(200));
    assert_ne!(gap(&other), first);
}

#[test]
fn series_that_fall_silent_together_are_told_of_and_single_ones_are_listed_only() {
    let facts = stack(every_hour(0..240), Some(240));
    let silence = Silence {
        series: Vec::new(),
        by_last_hour: BTreeMap::from([(hour(99), 3), (hour(149), 12)]),
    };
    let of_all = facts.hours(hours(0, 240));
    let found = findings(&facts, &of_all, &silence, now(240));
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].kind, found[0].since(), found[0].expected),
        (FindingKind::Silent, hour(150), 12)
    );
    assert_eq!(silence.total(), 15);
    assert!(found[0].is_news(now(240)));
    assert!(!found[0].is_news(now(150 + 24 + NEWS_HOURS)));
}

#[test]
fn the_stack_would_be_blamed_for_hours_that_nobody_read() {
    // Read up to 150 and from 195 on; of the second hour of what was not read a few records came all the same.
    let read_from = |again: i32, until: i32| Facts {
        declared: [(0, 150), (again, until)]
            .map(|(from, to)| hours(from, to))
            .into_iter()
            .collect(),
        ..stack(without(149..again - 1, 0..until).chain([(151, 10)]), None)
    };
    let silence = Silence {
        series: Vec::new(),
        by_last_hour: BTreeMap::from([(hour(148), 30)]),
    };
    let kinds = |facts: &Facts, until: i32| {
        let of_all = facts.hours(hours(0, until));
        let found = findings(facts, &of_all, &silence, now(until));
        found.iter().map(|it| it.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&read_from(195, 212), 212), [FindingKind::NotRead]);
    // A day that was read, and still nothing of them.
    let silent = [FindingKind::NotRead, FindingKind::Silent];
    assert_eq!(kinds(&read_from(195, 230), 230), silent);
}

#[test]
fn one_record_is_no_plural() {
    let finding = |kind| Finding {
        stack: STACK,
        kind,
        hours: hours(0, 5),
        expected: 500,
        received: 1,
        next_bundle_by: None,
        begins: true,
    };
    for kind in FindingKind::ALL {
        let text = finding(kind).to_string();
        assert!(!text.contains("1 records"), "{text}");
    }
    assert!(
        finding(FindingKind::NotRead)
            .to_string()
            .contains("1 record is here")
    );
}

#[test]
fn a_series_is_silent_after_a_day_if_reporting_was_its_habit() {
    let rhythm = |first: i32, last: i32, count| Rhythm {
        first: hour(first),
        last: hour(last),
        hours: count,
    };
    for (name, rhythm, silent) in [
        ("every hour", rhythm(0, 99, 100), true),
        ("every second hour", rhythm(0, 99, 50), true),
        ("now and then", rhythm(0, 99, 30), false),
        ("for an afternoon", rhythm(90, 99, 10), false),
        ("still", rhythm(0, 122, 123), false),
    ] {
        assert_eq!(rhythm.is_silent(hour(123)), silent, "{name}");
    }
    assert!(
        !rhythm(0, 100, 100).is_silent(hour(123)),
        "23 hours are not a day"
    );
}

#[test]
fn every_finding_says_what_was_expected_and_what_to_do() {
    for kind in FindingKind::ALL {
        let finding = Finding {
            stack: STACK,
            kind,
            hours: hours(0, 5),
            expected: 500,
            received: 20,
            next_bundle_by: None,
            begins: true,
        };
        let (text, advice) = (finding.to_string(), finding.advice());
        assert!(
            text.contains(&hour(0).to_string()) && text.ends_with('.'),
            "{text}"
        );
        assert!(!text.contains("  ") && !advice.contains("  "), "{text} {advice}");
    }
}

#[test]
fn usage_that_nobody_pays_for_is_found_and_not_called_missing() {
    let duties = vec![(hours(100, 150), Duty::Reports)];
    let used = every_hour(3..7).chain(every_hour(20..150));
    let facts = Facts {
        duties,
        ..stack(used, Some(150))
    };
    let of_nobody: Vec<_> = found(&facts, 149)
        .into_iter()
        .filter(|(code, ..)| *code == "NotRegistered")
        .collect();
    assert_eq!(of_nobody, [("NotRegistered", 3, 100, 0, 84 * 100)]);
    let quiet = Facts {
        duties: vec![(hours(100, 150), Duty::Reports)],
        ..stack(every_hour(100..150), Some(150))
    };
    assert_eq!(found(&quiet, 149), [], "nothing came of the hours before");
}

#[test]
fn usage_before_the_month_that_was_asked_about_would_stay_charged_to_nobody_after_the_advice_was_followed() {
    let facts = Facts {
        duties: vec![(hours(0, 10), Duty::Reports), (hours(200, 300), Duty::Reports)],
        ..stack(every_hour(5..8).chain(every_hour(30..250)), Some(250))
    };
    let asked = facts.hours(hours(100, 250));
    let found = findings(&facts, &asked, &Silence::default(), now(250));
    let of_nobody: Vec<_> = found
        .iter()
        .filter(|it| it.kind == FindingKind::NotRegistered)
        .collect();
    let [of_nobody] = of_nobody[..] else {
        panic!("{found:?}");
    };
    assert_eq!((of_nobody.hours, of_nobody.received), (hours(30, 200), 170 * 100));
    let backdated = format!("--from {}`", hour(30));
    assert!(of_nobody.advice().contains(&backdated), "{}", of_nobody.advice());
}

/// Hours in which a stack delivered, how many records in each, and how far it says it got.
fn stacks() -> impl Strategy<Value = (Vec<(i32, u64)>, Option<i32>)> {
    let counts = prop::collection::vec(prop_oneof![3 => Just(0u64), 7 => 1u64..300], 24..24 * 12);
    (counts, prop::option::of(0..24 * 13))
        .prop_map(|(counts, through)| ((0..).zip(counts).collect(), through))
}

proptest! {
    #[test]
    fn an_hour_declared_and_received_is_never_a_gap((counts, through) in stacks()) {
        let facts = stack(counts.iter().copied(), through);
        for (after, count) in counts {
            let state = state(&facts, after);
            if count > 0 {
                let declared = through.is_some_and(|through| after < through);
                let expected = if declared { HourState::Complete } else { HourState::Received };
                prop_assert_eq!(state, expected);
            }
        }
    }

    #[test]
    fn the_order_in_which_records_came_changes_nothing(
        ((counts, through), shuffled) in stacks().prop_flat_map(|(counts, through)| {
            let single: Vec<i32> = counts.iter().flat_map(|(after, count)| vec![*after; usize::try_from(count / 10).unwrap()]).collect();
            (Just((single.clone(), through)), Just(single).prop_shuffle())
        }),
    ) {
        let one_by_one = |counts: Vec<i32>| stack(counts.into_iter().map(|after| (after, 1)), through);
        let (facts, other) = (one_by_one(counts), one_by_one(shuffled));
        prop_assert_eq!(&facts.records, &other.records);
        prop_assert_eq!(found(&facts, 24 * 13), found(&other, 24 * 13));
    }

    #[test]
    fn filling_a_gap_leaves_no_gap_in_its_hours((counts, through) in stacks()) {
        let mut facts = stack(counts, through);
        let within = hours(0, 24 * 13);
        let gaps: Vec<Hour> = facts.hours(within).iter().filter(|it| it.state == HourState::Gap).map(|it| it.hour).collect();
        for gap in &gaps {
            facts.records.add(*gap, Granularity::Hour, 1);
        }
        for gap in gaps {
            let state = facts.hours(HourInterval::new(gap, gap.plus(1)).unwrap())[0].state;
            prop_assert_ne!(state, HourState::Gap);
        }
    }

    #[test]
    fn all_hours_are_told_each_once_and_gaps_are_found((counts, through) in stacks(), at in 1..24 * 13) {
        let facts = stack(counts, through);
        let told = facts.hours(hours(0, at));
        prop_assert_eq!(told.len(), usize::try_from(at).unwrap());
        let gaps = told.iter().filter(|it| it.state == HourState::Gap).count();
        let of_findings: i32 = found(&facts, at).iter().filter(|it| it.0 == "Gap").map(|it| it.2 - it.1).sum();
        prop_assert_eq!(gaps, usize::try_from(of_findings).unwrap());
    }
}

#[test]
fn records_of_some_hours_are_only_those() {
    let mut records = stack(every_hour(0..30), None).records;
    records.add(hour(24), Granularity::Day, 7);
    let only = records.only(|it| it >= hour(20) && it < hour(26));
    assert_eq!(
        (only.last_start(), only.covered_through()),
        (Some(hour(25)), Some(hour(48)))
    );
    let days: Vec<(Day, u64, u64)> = only
        .days()
        .map(|(day, it)| (day, it.of_hours.iter().sum(), it.of_day))
        .collect();
    assert_eq!(days, [(hour(0).day(), 400, 0), (hour(24).day(), 200, 7)]);
}
