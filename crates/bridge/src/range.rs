//! Ranges of reported time that are read again, one hour after the other, and how far they were.

use domain::time::{Hour, HourInterval};
use serde::{Deserialize, Serialize};

use crate::cursor::{InvalidCursor, hour};
use crate::waypoints::Hours;

/// Of more ranges than this no hour is taken out to be read later: a range that does not get on is, as a whole.
const RANGES_DIVIDED_MAX: usize = 64;

/// A range of reported time that is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backfill {
    /// All of it.
    pub(crate) range: HourInterval,
    /// The first hour that was not yet read.
    pub(crate) next: Hour,
    /// It lies before the hour with which reading began, and is read by itself: nobody asked for it.
    pub(crate) is_before_start: bool,
}

impl Backfill {
    /// A range of which nothing was read yet.
    pub(crate) const fn whole(range: HourInterval) -> Self {
        Self {
            range,
            next: range.start(),
            is_before_start: false,
        }
    }

    /// What is left to be read.
    pub(crate) fn left(&self) -> Option<HourInterval> {
        HourInterval::new(self.next, self.range.end())
    }
}

/// An hour was read, or left out, with which the first range was to go on. Says whether it was: it may be another one by now.
pub(crate) fn read_on(ranges: &mut Vec<Backfill>, hour: Hour) -> bool {
    let first = ranges.first_mut().filter(|it| it.next == hour);
    let was_it = first.is_some();
    if let Some(first) = first {
        first.next = hour.plus(1);
    }
    ranges.retain(|it| it.next < it.range.end());
    was_it
}

/// An hour did not work with which the first range was to go on: all others come first.
pub(crate) fn put_off_hour(ranges: &mut Vec<Backfill>, hour: Hour) {
    let Some(first) = ranges.first().copied().filter(|it| it.next == hour) else {
        return;
    };
    if ranges.len() > RANGES_DIVIDED_MAX {
        return put_off_range(ranges, hour);
    }
    let rest = HourInterval::new(hour.plus(1), first.range.end());
    ranges.splice(..1, rest.map(Backfill::whole));
    // Hours that did not work one after the other stay one range.
    match ranges.last_mut() {
        Some(last) if last.range.end() == hour => {
            last.range = HourInterval::new(last.range.start(), hour.plus(1)).unwrap_or(last.range);
        }
        _ => ranges.extend(HourInterval::new(hour, hour.plus(1)).map(Backfill::whole)),
    }
}

/// The same, where a range stays in one piece, since somebody waits for it.
pub(crate) fn put_off_range(ranges: &mut [Backfill], hour: Hour) {
    if ranges.first().is_some_and(|it| it.next == hour) {
        ranges.rotate_left(1);
    }
}

/// Takes what is left of these hours out of those of the ranges that are meant; what stays of them keeps its place.
/// Answers what was taken out.
pub(crate) fn take_out(
    ranges: &mut Vec<Backfill>,
    hours: &Hours,
    is_meant: impl Fn(&Backfill) -> bool,
) -> Hours {
    let mut taken = Hours::default();
    let all = std::mem::take(ranges);
    for range in all {
        let left = range.left().filter(|_| is_meant(&range));
        let of_range = left.map(|left| hours.of(left)).unwrap_or_default();
        if of_range.is_empty() {
            ranges.push(range);
            continue;
        }
        let mut stays: Hours = left.into_iter().collect();
        stays.remove_all(&of_range);
        ranges.extend(stays.intervals().map(|left| Backfill {
            is_before_start: range.is_before_start,
            ..Backfill::whole(left)
        }));
        taken.add_all(&of_range);
    }
    taken
}

/// A range in the file of the cursor.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StoredBackfill {
    from: String,
    to: String,
    next: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    before_start: bool,
}

impl StoredBackfill {
    pub(crate) fn of(backfill: &Backfill) -> Self {
        Self {
            from: backfill.range.start().to_string(),
            to: backfill.range.end().to_string(),
            next: backfill.next.to_string(),
            before_start: backfill.is_before_start,
        }
    }

    pub(crate) fn read(&self) -> Result<Backfill, InvalidCursor> {
        let range = HourInterval::new(hour(&self.from)?, hour(&self.to)?);
        Ok(Backfill {
            range: range.ok_or_else(InvalidCursor::backwards)?,
            next: hour(&self.next)?,
            is_before_start: self.before_start,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn at(hour: i32) -> Hour {
        Hour::from_epoch_hours(500_000 + hour).unwrap()
    }

    fn range(from: i32, to: i32) -> Backfill {
        Backfill::whole(HourInterval::new(at(from), at(to)).unwrap())
    }

    fn hours(ranges: &[Backfill]) -> BTreeSet<Hour> {
        let left = ranges.iter().filter_map(Backfill::left);
        let each = |it: HourInterval| (0..it.hours()).map(move |hour| it.start().plus(hour));
        left.flat_map(each).collect()
    }

    #[test]
    fn an_hour_that_does_not_work_would_keep_all_that_was_lost_behind_it_from_being_read() {
        let mut ranges = vec![range(0, 4), range(9, 10)];
        put_off_hour(&mut ranges, at(0));
        assert_eq!(ranges, [range(1, 4), range(9, 10), range(0, 1)]);
        put_off_hour(&mut ranges, at(1));
        assert_eq!(ranges, [range(2, 4), range(9, 10), range(0, 2)], "one range");
        assert!(read_on(&mut ranges, at(2)) && read_on(&mut ranges, at(3)));
        put_off_hour(&mut ranges, at(9));
        assert_eq!(ranges, [range(0, 2), range(9, 10)]);
        // What somebody gave up meanwhile is not put off.
        put_off_hour(&mut ranges, at(1));
        assert!(!read_on(&mut ranges, at(1)));
        assert_eq!(ranges, [range(0, 2), range(9, 10)]);
    }

    proptest! {
        #[test]
        fn only_what_was_shown_is_taken_out_and_all_else_is_read_still(
            from in 0i32..90, hours_shown in 1i32..60, read in 0i32..20,
        ) {
            let mut ranges = vec![range(30, 70), range(80, 81), range(10, 30)];
            ranges[0].next = at(30 + read);
            let shown = HourInterval::new(at(from), at(from + hours_shown)).unwrap();
            let before = hours(&ranges);
            let taken = take_out(&mut ranges, &[shown].into_iter().collect(), |_| true);
            let taken: BTreeSet<Hour> = taken.each().collect();
            let (expected, left): (BTreeSet<Hour>, _) = before.into_iter().partition(|hour| shown.contains(*hour));
            prop_assert_eq!(taken, expected);
            prop_assert_eq!(hours(&ranges), left);
        }

        #[test]
        fn no_hour_is_left_out_and_no_cursor_grows_however_many_do_not_work(
            works in prop::collection::vec(any::<bool>(), 1..600),
        ) {
            let mut ranges = vec![range(0, 300), range(400, 500)];
            let mut left = hours(&ranges);
            for works in works {
                let Some(next) = ranges.first().map(|it| it.next) else { break };
                if works {
                    prop_assert!(read_on(&mut ranges, next));
                    left.remove(&next);
                } else {
                    put_off_hour(&mut ranges, next);
                }
                prop_assert!(ranges.len() <= RANGES_DIVIDED_MAX + 1);
            }
            prop_assert_eq!(hours(&ranges), left);
        }
    }
}
